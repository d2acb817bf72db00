"""Fits of every estimator are done whole or not at all."""

import numpy as np
import pytest
from sklearn.base import clone

from skomics.graph import MultiOmicsGraph, SampleGraph
from tests.conftest import make_tiny
from tests.estimators.quick import quick_estimators


@pytest.mark.parametrize(
    "estimator", list(quick_estimators()), ids=lambda e: type(e).__name__
)
def test_refused_refit_leaves_an_estimator_as_it_was(estimator):
    X, y = make_tiny()
    X = X.abs() / (1 + X.abs())  # which counts, proportions and beta values may be
    fitted = clone(estimator).fit(X, y)
    before = dict(vars(fitted))
    bad = X.iloc[:, :9].copy()
    bad.iloc[3, 4] = np.inf
    bad.iloc[5, 6] = -1e9
    if type(estimator).__name__ == "OmicsConcatenator":
        bad = bad.drop(columns=bad.columns)  # it leaves values to its transformers
    with pytest.raises(ValueError, match="."):
        fitted.fit(bad, y)
    assert vars(fitted).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(fitted).items())


@pytest.mark.parametrize("method", ["threshold", "knn", "nemo", "snf"])
def test_refused_refit_leaves_a_graph_as_it_was(method):
    rng = np.random.default_rng(0)
    blocks = [rng.normal(size=(30, 8)), rng.normal(size=(30, 5))]
    fitted = MultiOmicsGraph(method=method).fit(blocks)
    before = dict(vars(fitted))
    bad = [blocks[0], np.where(blocks[1] > 1, np.nan, blocks[1])]
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(bad)
    assert vars(fitted) == before
    if method in ("threshold", "knn"):
        one = SampleGraph(method=method).fit(blocks[0])
        before = dict(vars(one))
        with pytest.raises(ValueError, match="minimum of 2"):
            one.fit(blocks[1][:1])
        assert all(value is before[name] for name, value in vars(one).items())
