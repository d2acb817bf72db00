"""Training samples on the device, or read from their file, and their batches."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from scipy import sparse

from skomics.estimators._arranged import in_memory
from skomics.modules import generator_on

__all__ = ["BatchSlices", "ResidentData", "StreamedData", "data_of"]

# Rows of a file that stay together when it is shuffled, and numbers that are read and
# shuffled at a time: 64 MiB.
_BLOCK, _BUFFER = 64, 2**24


def data_of(samples, device):
    """Return what a net iterates over.

    Parameters
    ----------
    samples : TrainingSamples
        Samples in memory, or in a file.

    device : torch.device
        Where they are needed.

    Returns
    -------
    data : ResidentData or StreamedData
        With a length, and with batches.
    """
    kind = StreamedData if hasattr(samples.X, "read") else ResidentData
    return kind(samples, device)


class ResidentData:
    """Samples, class codes and weights, on the device once and for all.

    It is a skorch data set in that it has a length, and it yields batches as
    slices of whole tensors instead of collating single samples. A sparse matrix
    stays on the host; its rows become dense one batch at a time.
    """

    def __init__(self, samples, device):
        self.device = device
        self.X = in_memory(samples.X)
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

    def batches(self, batch_size, *, shuffle):
        """Return an iterator over all of them."""
        return BatchSlices(self, batch_size, shuffle=shuffle)

    def _rows(self, index):
        if torch.is_tensor(self.X):
            # Copies whole rows, in 0.3 to 0.8 of the time of an index.
            is_tensor = torch.is_tensor(index)
            return self.X.index_select(0, index) if is_tensor else self.X[index]
        index = index.cpu().numpy() if torch.is_tensor(index) else index
        return torch.as_tensor(self.X[index].toarray()).to(self.device)


class BatchSlices:
    """Iterate over a data set in batches, in a new random order each time."""

    def __init__(self, dataset, batch_size, *, shuffle):
        self.dataset, self.shuffle = dataset, shuffle
        self.bounds = _bounds(len(dataset), batch_size)

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


def _bounds(n_samples, batch_size):
    """Return where batches begin and end.

    They are of nearly equal size: a last batch of one or two samples would make a noisy
    step.
    """
    n_batches = max(1, math.ceil(n_samples / batch_size))
    edges = np.linspace(0, n_samples, n_batches + 1).round().astype(int)
    return list(zip(edges[:-1], edges[1:], strict=True))


class StreamedData:
    """Samples that are read from a file while others are learned from.

    Parameters
    ----------
    samples : TrainingSamples
        With :class:`~skomics.estimators._streamed.StreamedRows` as features.

    device : torch.device
        Where batches are needed.
    """

    def __init__(self, samples, device):
        self.samples, self.device = samples, device

    def __len__(self):
        return len(self.samples)

    def batches(self, batch_size, *, shuffle):
        """Return an iterator over all of them."""
        return StreamedBatches(self, batch_size, shuffle=shuffle)

    def read(self, index):
        """Return samples in memory, whose positions increase."""
        samples = self.samples
        X, offsets = samples.X.read(index)
        weights = None if samples.weights is None else samples.weights[index]
        codes = samples.codes[index].astype(np.int64)
        part = type(samples)(X, codes, weights, offsets)
        return ResidentData(part, "cpu")

    def placed(self, part):
        """Return samples that were read on the device of the net.

        A CUDA device copies from memory that is pinned while it computes.
        """
        if self.device.type == "cpu":
            return part
        part.device = self.device
        for name in ("X", "codes", "weights", "offsets"):
            tensor = getattr(part, name)
            if torch.is_tensor(tensor):
                is_cuda = self.device.type == "cuda"
                tensor = tensor.pin_memory() if is_cuda else tensor
                setattr(part, name, tensor.to(self.device, non_blocking=is_cuda))
        return part


class StreamedBatches:
    """Iterate over samples of a file in batches, shuffled in blocks.

    Blocks of neighboring rows come in random order; as many as fill a buffer are read
    together, in the order of the file, and their rows are shuffled among each other. A
    thread reads the next buffer while the net learns from one.
    """

    def __init__(self, data, batch_size, *, shuffle):
        self.data, self.shuffle = data, shuffle
        self.bounds = _bounds(len(data), batch_size)
        n_rows = max(_BUFFER // data.samples.X.shape[1], 4 * _BLOCK)
        self.n_together = max(1, n_rows // batch_size)

    def __len__(self):
        return len(self.bounds)

    def __iter__(self):
        sequence, random = self._sequence()
        groups = [
            self.bounds[first : first + self.n_together]
            for first in range(0, len(self), self.n_together)
        ]
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._read, sequence, groups[0])
            for number, group in enumerate(groups):
                part = self.data.placed(coming.result())
                if number + 1 < len(groups):
                    coming = reader.submit(self._read, sequence, groups[number + 1])
                order = np.arange(len(part))
                if random is not None:
                    order = random.permutation(len(part))
                order, origin = torch.as_tensor(order).to(self.data.device), group[0][0]
                for start, stop in group:
                    yield part[order[start - origin : stop - origin]]

    def _sequence(self):
        """Return the rows block by block, and what shuffles them within a buffer."""
        n_samples = len(self.data)
        if not self.shuffle or len(self) == 1:
            return np.arange(n_samples, dtype=np.int32), None
        seed = torch.randint(2**31 - 1, (), generator=generator_on("cpu"))
        random = np.random.default_rng(int(seed))
        n_blocks = math.ceil(n_samples / _BLOCK)
        starts = random.permutation(n_blocks).astype(np.int32) * _BLOCK
        rows = (starts[:, None] + np.arange(_BLOCK, dtype=np.int32)).ravel()
        return rows[rows < n_samples], random

    def _read(self, sequence, group):
        return self.data.read(np.sort(sequence[group[0][0] : group[-1][1]]))
