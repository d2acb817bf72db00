"""Batches of training samples."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skomics.estimators._resident import BatchSlices, ResidentData
from skomics.estimators._samples import TrainingSamples

CPU = torch.device("cpu")


def samples(n=10, as_sparse=False):
    X = np.arange(3 * n, dtype=np.float32).reshape(n, 3) / n
    X = sparse.csr_array(X) if as_sparse else X
    return TrainingSamples(X, np.arange(n) % 2, None)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_batches_cover_every_sample_once_and_differ_in_order(as_sparse):
    data = ResidentData(samples(as_sparse=as_sparse), CPU)
    batches = BatchSlices(data, batch_size=4, shuffle=True)
    torch.manual_seed(0)
    epochs = [torch.cat([X[:, 0] for (X, *_), _ in batches]) for _ in range(2)]
    expected = torch.arange(10) * 3 / 10
    for epoch in epochs:
        torch.testing.assert_close(epoch.sort().values, expected)
    assert not torch.equal(*epochs)


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (9, 8), (5, 100), (33, 32)])
def test_batches_are_of_nearly_equal_size(n, batch_size):
    batches = BatchSlices(range(n), batch_size, shuffle=True)
    sizes = [stop - start for start, stop in batches.bounds]
    assert sum(sizes) == n
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
