"""Training samples on the device, and their batches."""

import math

import numpy as np
import torch
from scipy import sparse

from skomics.modules import generator_on

__all__ = ["BatchSlices", "ResidentData"]


class ResidentData:
    """Samples, class codes and weights, on the device once and for all.

    It is a skorch data set in that it has a length, and it yields batches as
    slices of whole tensors instead of collating single samples. A sparse matrix
    stays on the host; its rows become dense one batch at a time.
    """

    def __init__(self, samples, device):
        self.device = device
        self.X = samples.X
        if not sparse.issparse(self.X):
            self.X = torch.as_tensor(self.X).to(device)
        self.codes = torch.as_tensor(samples.codes).to(device)
        self.weights, self.offsets = (
            None if part is None else torch.as_tensor(part).to(device)
            for part in (samples.weights, samples.offsets)
        )

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, index):
        weights, offsets = (
            None if part is None else part[index]
            for part in (self.weights, self.offsets)
        )
        return (self._rows(index), weights, offsets), self.codes[index]

    def _rows(self, index):
        if torch.is_tensor(self.X):
            return self.X[index]
        index = index.cpu().numpy() if torch.is_tensor(index) else index
        return torch.as_tensor(self.X[index].toarray()).to(self.device)


class BatchSlices:
    """Iterate over a data set in batches, in a new random order each time."""

    def __init__(self, dataset, batch_size, *, shuffle):
        self.dataset, self.shuffle = dataset, shuffle
        # Batches of nearly equal size: a last batch of one or two samples would
        # make a noisy step.
        n_batches = max(1, math.ceil(len(dataset) / batch_size))
        edges = np.linspace(0, len(dataset), n_batches + 1).round().astype(int)
        self.bounds = list(zip(edges[:-1], edges[1:], strict=True))

    def __len__(self):
        return len(self.bounds)

    def __iter__(self):
        order = None
        if self.shuffle and len(self) > 1:
            # Drawn on the CPU, so that every device sees the same batches.
            order = torch.randperm(len(self.dataset), generator=generator_on("cpu"))
            order = order.to(self.dataset.device)
        for start, stop in self.bounds:
            index = slice(start, stop) if order is None else order[start:stop]
            yield self.dataset[index]
