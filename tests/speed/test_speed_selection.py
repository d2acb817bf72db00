"""Stability selection against nothing but its rankings."""

import time

import numpy as np
import pytest
from sklearn.feature_selection import f_classif

from skomics.feature_selection import StabilitySelector
from tests.speed.test_speed import best_ratio, one_thread, table  # noqa: F401

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:No feature"),
]


def test_selecting_takes_hardly_longer_than_ranking_the_halves_by_scikit_learn():
    X, y = table(200, 20_000, 4)
    X, half = X.astype(np.float64), np.arange(200) % 8 < 4
    selector = StabilitySelector(n_resamples=5, random_state=0).fit(X, y)

    def rank():
        for _ in range(10):
            f_classif(X[half], y[half])

    assert best_ratio(lambda: selector.fit(X, y), rank, bound=1.5, repeats=3) < 1.5


def test_time_of_fifty_pairs():
    X, y = table(200, 20_000, 4)
    start = time.perf_counter()
    StabilitySelector(random_state=0).fit(X.astype(np.float64), y)
    print(f"200 x 20,000, 50 pairs: {time.perf_counter() - start:.1f} s")
