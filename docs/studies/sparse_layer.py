"""What a first layer costs on sparse batches: ``python docs/studies/sparse_layer.py``.

Seconds of the processor of one step over 250,000 features, for docs/performance.md:
with a batch that is made dense, as the networks do, and with products of sparse by
dense, for which the weights lie feature by feature (`embedding_bag`), or as `Linear`
has them. Other sizes than 500 units and a batch of 32 are given as arguments.
"""

import sys
import time

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional as F

N_FEATURES, N_ROWS, N_TIMES = 250_000, 2000, 7


def milliseconds(function):
    """Return the median time of the processor that a call takes."""
    times = []
    for _ in range(N_TIMES):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


def backward(layer, weight, upstream):
    """Compute a layer and the gradient of its weights."""
    weight.grad = None
    layer(weight).backward(upstream)


def main(density, n_units, batch_size):
    """Print the parts of a step."""
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    X = sparse.random_array(
        (N_ROWS, N_FEATURES), density=density, format="csr", dtype="f4", rng=random
    )
    rows = random.permutation(N_ROWS)[:batch_size]
    dense, batch = torch.as_tensor(X[rows].toarray()), X[rows]
    ends, places, values = (
        torch.as_tensor(part)
        for part in (batch.indptr.astype("i8"), batch.indices.astype("i8"), batch.data)
    )
    csr = torch.sparse_csr_tensor(ends, places, values, size=batch.shape)
    upstream = torch.randn(batch_size, n_units)
    weight = torch.nn.Parameter(0.01 * torch.randn(n_units, N_FEATURES))
    by_feature = torch.nn.Parameter(weight.detach().T.contiguous())
    # Linear's weights by shape, feature by feature in memory.
    turned = torch.nn.Parameter(by_feature.detach().clone().T)

    def bag(weight):
        return F.embedding_bag(
            places, weight, ends[:-1], per_sample_weights=values, mode="sum"
        )

    with torch.no_grad():
        torch.testing.assert_close(bag(by_feature), F.linear(dense, weight))
        parts = {
            "made dense": milliseconds(lambda: X[rows].toarray()),
            "forward": milliseconds(lambda: F.linear(dense, weight)),
            "forward, sparse": milliseconds(lambda: bag(by_feature)),
            "forward, sparse by Linear's weights": milliseconds(lambda: csr @ weight.T),
        }

    def linear(weight):
        return F.linear(dense, weight)

    parts["with gradient"] = milliseconds(lambda: backward(linear, weight, upstream))
    parts["with gradient, sparse"] = milliseconds(
        lambda: backward(bag, by_feature, upstream)
    )
    parts["AdamW"] = milliseconds(torch.optim.AdamW([weight], fused=True).step)
    turned.grad = by_feature.grad.T
    step = torch.optim.AdamW([turned], fused=True).step
    parts["AdamW, Linear's weights feature by feature"] = milliseconds(step)
    print(f"{density:.1%} of {n_units} x {N_FEATURES}, batch {batch_size}:")
    print(", ".join(f"{name} {value:.0f} ms" for name, value in parts.items()))


if __name__ == "__main__":
    n_units, batch_size = (int(x) for x in sys.argv[1:] or (500, 32))
    for density in (0.001, 0.01):
        main(density, n_units, batch_size)
