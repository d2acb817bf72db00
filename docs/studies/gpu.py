"""Measure fits on a CUDA device: ``python docs/studies/gpu.py``.

Prints, for docs/performance.md, how long a default fit takes on the CPU (one thread)
and on the device, there with steps one by one and with recorded steps; what a search of
27 candidates takes; and what lower precision changes. Recorded fits are medians of
three, after one that warms up; others are timed once.
"""

import sys
import time
import warnings

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict

import skomics
from skomics._document import format_table
from skomics.benchmark._speed import _data
from skomics.estimators._cuda_graph import StepRecorder
from skomics.model_selection import BatchedSearchCV

SEVEN = ("SMA", "EFNN", "LFNN", "EFCNN", "LFCNN", "MoGCN", "MoGAT")
record = StepRecorder._record
GRID = {
    "batch_size": [32, 48, 64],
    "lr": [1e-3, 3e-3, 1e-2],
    "weight_decay": [0.1, 1.0, 10.0],
}


def omics_of(n_features):
    """Return three modalities of nearly the same width."""
    third = n_features // 3
    return [third, third, n_features - 2 * third]


def refuse(self, batch):
    """Record no step."""
    self.refusal = "asked for"


def seconds(fit, *, is_recorded=True):
    """Return how long a call takes."""
    StepRecorder._record = record if is_recorded else refuse
    torch.cuda.synchronize()
    start = time.perf_counter()
    fit()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def fits(n_samples, n_features, names=SEVEN):
    """Yield a row for each model."""
    X, y = _data(n_samples, n_features, 5)
    for name in names:
        kind = getattr(skomics, f"{name}Classifier")
        cpu, cuda = (
            kind(omics=omics_of(n_features), device=device, random_state=0)
            for device in ("cpu", "cuda")
        )
        cuda.fit(X, y)
        one_by_one = seconds(lambda m=cuda: m.fit(X, y), is_recorded=False)
        recorded = np.median([seconds(lambda m=cuda: m.fit(X, y)) for _ in range(3)])
        here = seconds(lambda m=cpu: m.fit(X, y))
        yield {
            "fit": f"{name}, {n_samples} × {n_features}",
            "epochs": cuda.n_iter_,
            "CPU, s": here,
            "one by one, s": one_by_one,
            "recorded, s": recorded,
            "recorded / one by one": recorded / one_by_one,
            "device / CPU": recorded / here,
        }


def searches():
    """Yield a row for each way to search 27 candidates in 5 folds."""
    X, y = _data(180, 1667, 3)
    model = skomics.SMAClassifier(omics=omics_of(1667), device="cuda", random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    theirs = seconds(lambda: GridSearchCV(model, GRID, cv=folds).fit(X, y))
    yield {"search": "GridSearchCV", "s": theirs, "ratio": 1.0}
    for halving in (None, 3):
        search = BatchedSearchCV(model, GRID, cv=folds, halving=halving)
        ours = seconds(lambda s=search: s.fit(X, y))
        name = "BatchedSearchCV" + (f"(halving={halving})" if halving else "")
        yield {"search": name, "s": ours, "ratio": ours / theirs}


def precisions():
    """Yield what each precision takes, and how far its predictions are away."""
    X, y = _data(300, 5_000, 5)
    exact = None
    for precision in ("float32", "tf32", "bf16"):
        model = skomics.SMAClassifier(
            omics=omics_of(5_000), device="cuda", random_state=0, precision=precision
        )
        model.fit(X, y)
        took = seconds(lambda m=model: m.fit(X, y))
        proba = cross_val_predict(model, X, y, cv=3, method="predict_proba")
        exact = proba if exact is None else exact
        yield {
            "precision": precision,
            "s": took,
            "accuracy, 3 folds": (proba.argmax(1) == y).mean(),
            "largest difference of a probability": np.abs(proba - exact).max(),
        }


def main():
    """Print the tables."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(torch.cuda.get_device_name(), "torch", torch.__version__, flush=True)
    tables = {
        "fits": lambda: fits(615, 700),
        "wide": lambda: fits(600, 20_000, ("SMA", "LFNN", "EFCNN")),
        "searches": searches,
        "precisions": precisions,
    }
    for name in sys.argv[1:] or tables:
        rows = []
        for row in tables[name]():
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
        cells = [[_cell(value) for value in row.values()] for row in rows]
        print(format_table([list(rows[0]), *cells]), flush=True)


def _cell(value):
    return value if isinstance(value, str) else f"{value:.3g}"


if __name__ == "__main__":
    main()
