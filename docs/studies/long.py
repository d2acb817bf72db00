"""Long data: seconds and memory of a fit on a file, and what shuffling in blocks costs.

`python docs/studies/long.py fit 100000` simulates as many cells, in a folder that is
deleted afterwards, and fits SMA for one epoch in a process of its own, of which it
prints the seconds and the most memory. `python docs/studies/long.py shuffle` fits lfNN
to 20,000 cells of a file that is sorted by type, shuffled fully and in blocks.
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import anndata
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from skomics import LFNNClassifier, OmicsConcatenator, SMAClassifier
from skomics.datasets import simulate_cells
from skomics.estimators import _resident
from skomics.preprocessing import LibrarySizeNormalizer

N_SEEDS, N_TEST = 6, 10_000
# Rows that stay together, and rows that are shuffled at a time: 6,710 are those of a
# buffer for 2,500 features, and 640 are ten blocks.
SHUFFLES = {"full": (1, 10**9), "6,710 rows": (64, 6710), "640 rows": (64, 640)}


def scaled(classifier):
    """Return a pipeline that brings counts to one sum, and features to one range."""
    steps = make_pipeline(LibrarySizeNormalizer(1e3), MaxAbsScaler())
    return make_pipeline(OmicsConcatenator(steps), classifier)


def memory(field):
    """Return a number of MiB that the system tells of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) / 1024 for x in lines if x.startswith(field))


def fit(path):
    """Fit SMA to a file for one epoch, and ask it for all of its samples."""
    X = anndata.read_h5ad(path, backed="r")
    y, before = X.obs["cell_type"].to_numpy(), memory("VmRSS")
    model = scaled(SMAClassifier(max_epochs=1, random_state=0))
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    epoch = model[-1].history_["seconds"].iloc[0]
    print(f"{len(y)} cells: epoch {epoch:.0f} s, before it {seconds - epoch:.0f} s")
    print(f"MiB before {before:.0f}, at most {memory('VmHWM'):.0f}")
    start = time.perf_counter()
    accuracy = (model.predict(X) == y).mean()
    seconds = time.perf_counter() - start
    print(f"predict {seconds:.0f} s, accuracy {accuracy:.4f}")


def shuffle(folder):
    """Compare shuffling in blocks with full shuffling, seed by seed."""
    sizes = {"n_genes": 200, "n_proteins": 50, "random_state": 0}
    path = simulate_cells(folder / "x.h5ad", 20_000 + N_TEST, **sizes)
    X = anndata.read_h5ad(path)
    y = X.obs["cell_type"].to_numpy()
    order = np.argsort(y[:20_000], kind="stable")
    X[:20_000][order].write_h5ad(folder / "sorted.h5ad")
    train = anndata.read_h5ad(folder / "sorted.h5ad", backed="r")
    scores = {}
    for name, (block, rows) in SHUFFLES.items():
        _resident._BLOCK = block
        _resident._BUFFER = rows * X.n_vars
        scores[name] = [
            scaled(LFNNClassifier(max_epochs=5, random_state=seed))
            .fit(train, y[:20_000][order])
            .score(X[20_000:], y[20_000:])
            for seed in range(N_SEEDS)
        ]
        differs = np.subtract(scores[name], scores["full"])
        error = differs.std(ddof=1) / np.sqrt(N_SEEDS)
        print(f"{name}: {np.mean(scores[name]):.4f}", end=", ")
        print(f"less full {differs.mean():+.4f}, standard error {error:.4f}")


def main(task, n_cells=None):
    """Do what is asked for in a folder that is deleted afterwards."""
    if task == "fit-file":
        fit(n_cells)
        return
    with TemporaryDirectory() as folder:
        if task == "shuffle":
            shuffle(Path(folder))
            return
        path = simulate_cells(Path(folder) / "x.h5ad", int(n_cells), random_state=0)
        command = [sys.executable, "-W", "ignore", __file__, "fit-file", str(path)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
