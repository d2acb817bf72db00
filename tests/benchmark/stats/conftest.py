"""Results that several of the tests of statistics look at."""

import numpy as np
import pytest

from tests.benchmark.stats.tables import DEMSAR, VARIANTS, folds_of, table_of


@pytest.fixture
def demsar():
    return table_of(DEMSAR, VARIANTS)


@pytest.fixture
def random_folds():
    """Twenty folds of three models; the scores are drawn, not measured."""
    rng = np.random.default_rng(0)
    return folds_of(rng.uniform(0.5, 0.9, size=(20, 3)), ["a", "b", "c"])
