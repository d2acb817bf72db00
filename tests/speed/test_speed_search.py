"""A search in batches against one candidate at a time."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator, SMAClassifier
from skomics.io import load_folder
from skomics.model_selection import BatchedSearchCV

FOLDER = Path(os.environ.get("SKOMICS_DATA", "")) / "tcga_luad"
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason="tcga_luad is not in the folder SKOMICS_DATA"
    ),
]
GRID = {
    "smaclassifier__batch_size": [32, 64, 128],
    "smaclassifier__lr": [1e-3, 3e-3, 1e-2],
    "smaclassifier__weight_decay": [0.1, 1.0, 10.0],
}


def seconds(search, X, y):
    """Return the time of the processor, which other work stretches less."""
    start = time.process_time()
    search.fit(X, y)
    return time.process_time() - start


@pytest.mark.parametrize(("halving", "bound"), [(None, 0.8), (3, 0.15)])
def test_batches_take_less_than_one_candidate_at_a_time(halving, bound):
    X, y = load_folder(FOLDER)
    y = np.asarray(y)
    folds = [next(StratifiedKFold(5).split(X, y))]
    model = make_pipeline(
        OmicsConcatenator(StandardScaler()), SMAClassifier(random_state=0)
    )
    kwargs = {"cv": folds, "refit": False}
    ratios = []
    for _ in range(3):
        ours = seconds(BatchedSearchCV(model, GRID, halving=halving, **kwargs), X, y)
        theirs = seconds(GridSearchCV(model, GRID, **kwargs), X, y)
        print(f"halving={halving}: ours {ours:.1f} s, theirs {theirs:.1f} s")
        ratios.append(ours / theirs)
    assert np.median(ratios) < bound
