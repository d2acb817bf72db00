"""The comparison of docs/missing_omics.md runs, on data of a few seconds."""

import numpy as np
import pytest

from skomics.datasets import make_intersim
from tests.speed.missing_omics import compare, transfer

pytestmark = [pytest.mark.benchmark]


@pytest.fixture
def quick(monkeypatch):
    """Shorten the training of every SMA."""
    from skomics import SMAClassifier

    plain = SMAClassifier.__init__.__kwdefaults__
    monkeypatch.setitem(plain, "max_epochs", 3)
    return make_intersim(n_samples=60, n_clusters=2, effect=0.5, random_state=0)


def test_every_way_to_do_without_a_modality_is_scored(quick):
    X, y = quick
    found = compare("tiny", X, np.asarray(y), share=0.3, n_repeats=1, n_folds=2)
    assert found.groupby("way").size().tolist() == [2, 2, 2, 2]
    assert found["f1"].between(0, 1).all()


def test_cohort_that_lacks_a_modality_is_predicted(quick):
    X, y = quick
    lacking = X.drop(columns="protein", level=0)
    table = transfer(X[:40], y[:40], lacking[40:], y[40:], n_seeds=2)
    assert len(table) == 4
    assert table["mean"].between(0, 1).all()
