"""Say where the time of a training step goes: ``python docs/studies/steps.py``.

Profiles fits of four networks with their defaults to 600 samples of 2,000 and 20,000
features in three modalities, on one thread, and prints docs/performance.md's table. The
arithmetic is what torch counts, against the best of twenty products of two matrices of
1,024 × 1,024 in the same process.
"""

import sys
import time
import warnings

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import skomics
from skomics._document import format_table

MODELS = ("SMAClassifier", "LFNNClassifier", "LFCNNClassifier", "EFCNNClassifier")
FEATURES = (2_000, 20_000)
# What an operator of torch is counted as; all else is the walk through Python.
KINDS = {
    "products": ("aten::bmm", "aten::mm", "aten::addmm", "aten::baddbmm"),
    "optimizer": ("aten::_fused_adamw_", "aten::_foreach", "Optimizer"),
    "copies": ("aten::copy_", "aten::cat", "aten::index", "aten::fill_", "aten::zero_"),
}
COLUMNS = (*KINDS, "other arithmetic", "dispatch")
# Operators that only describe tensors, and the engine that calls others.
LIGHT = (
    "view",
    "transpose",
    "as_strided",
    "expand",
    "empty",
    "detach",
    "select",
    "slice",
)


def kind_of(name):
    """Return which column of the table an operator belongs to."""
    for kind, starts in KINDS.items():
        if name.startswith(starts):
            return kind
    inner = name.removeprefix("aten::")
    is_ours = name.startswith("aten::") and not any(word in inner for word in LIGHT)
    return "other arithmetic" if is_ours else "dispatch"


def peak():
    """Return the arithmetic of a large product, in GFLOP/s."""
    a, b = torch.randn(2, 1024, 1024)
    best = np.inf
    for _ in range(20):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def data(n_features):
    """Return 600 samples of four classes and the sizes of their modalities."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, n_features), dtype=np.float32)
    y = np.arange(600) % 4
    X[:, :50] += y[:, None] / 2
    half, quarter = n_features // 2, n_features // 4
    return X, y, [half, quarter, n_features - half - quarter]


def row(name, n_features):
    """Profile one model on one width; return the cells of its row."""
    X, y, sizes = data(n_features)
    model = getattr(skomics, name)(omics=sizes, random_state=0, device="cpu")
    model.set_params(max_epochs=5, linear_path=None, lr_schedule="constant")
    model.fit(X, y)
    n_steps = sum(epoch["train_batch_count"] for epoch in model.net_.history)
    seconds = min(
        sum(epoch["train_seconds"] for epoch in model.fit(X, y).net_.history)
        for _ in range(3)
    )
    with FlopCounterMode(display=False) as counter:
        model.fit(X, y)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        model.fit(X, y)
    shares = dict.fromkeys(COLUMNS, 0.0)
    for event in profiled.key_averages():
        shares[kind_of(event.key)] += event.self_cpu_time_total
    total = sum(shares.values())
    rate = counter.get_total_flops() / seconds / 1e9
    return [
        f"`{name}`",
        f"{n_features:,}",
        f"{1000 * seconds / n_steps:.1f}",
        *(f"{share / total:.2f}" for share in shares.values()),
        f"{rate / peak():.2f}",
    ]


def main():
    """Print the table."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    head = ["model", "features", "ms a step", *COLUMNS, "share of peak"]
    rows = [row(name, width) for name in sys.argv[1:] or MODELS for width in FEATURES]
    print(format_table([head, *rows]))


if __name__ == "__main__":
    main()
