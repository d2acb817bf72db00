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
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason="tcga_luad is not in the folder SKOMICS_DATA"
    ),
]
GRID = {
    "smaclassifier__lr": [1e-3, 3e-3, 1e-2],
    "smaclassifier__weight_decay": [0.1, 1.0, 10.0],
}


def seconds(search, X, y):
    """Return the time of the processor, which other work stretches less."""
    start = time.process_time()
    search.fit(X, y)
    return time.process_time() - start


def test_batches_take_no_longer_than_single_candidates_and_halving_far_less():
    X, y = load_folder(FOLDER)
    y = np.asarray(y)
    folds = [next(StratifiedKFold(5).split(X, y))]
    model = make_pipeline(
        OmicsConcatenator(StandardScaler()), SMAClassifier(random_state=0)
    )
    kwargs = {"cv": folds, "refit": False}
    searches = {
        "single": GridSearchCV(model, GRID, **kwargs),
        "batched": BatchedSearchCV(model, GRID, **kwargs),
        "halving": BatchedSearchCV(model, GRID, halving=3, **kwargs),
    }
    rounds = []
    for _ in range(2):
        rounds.append({name: seconds(s, X, y) for name, s in searches.items()})
        print(rounds[-1])
    # A step of a stack costs a candidate what a step by itself does, since that has
    # become cheaper; what is read and found once is little beside it.
    assert min(times["batched"] / times["single"] for times in rounds) < 1.1
    assert min(times["halving"] / times["single"] for times in rounds) < 0.4
