"""The closed form behind block ridge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import f_classif

from skomics.estimators._ridge_blocks import centered_blocks
from skomics.estimators._ridge_path import (
    RidgePath,
    RidgeProblem,
    _f_statistics,
    _solve,
    feature_weights,
    leave_one_out,
)


def problem(n=40, sizes=(30, 12), n_classes=3, seed=0, weights=None):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    X = rng.normal(size=(n, sum(sizes))).astype(np.float32)
    X[:, :n_classes] += np.eye(n_classes, dtype=np.float32)[codes]
    edges = np.cumsum([0, *sizes]).tolist()
    weights = np.ones(n) if weights is None else weights / weights.mean()
    bounds = list(zip(edges[:-1], edges[1:], strict=True))
    return RidgeProblem(X, bounds, codes, n_classes, weights, "balanced")


def gram_of(task):
    blocks = centered_blocks(task)
    everyone = np.arange(len(task))
    return sum(b.grams([np.ones(b.n_features)], everyone)[0] for b in blocks)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), strength=st.floats(1e-3, 1e2))
def test_leave_one_out_is_exact(seed, strength):
    weights = np.random.default_rng(seed).uniform(0.2, 3, 25)
    task = problem(n=25, seed=seed, weights=weights)
    gram = strength * gram_of(task) / 42
    quick = leave_one_out(gram, weights, task.targets)
    for i in range(len(task)):
        others = np.delete(np.arange(len(task)), i)
        dual, intercept = _solve(
            gram[np.ix_(others, others)], weights[others], task.targets[others]
        )
        slow = gram[i, others] @ dual + intercept
        np.testing.assert_allclose(quick[i], slow, rtol=1e-10, atol=1e-10)


def test_dual_solution_is_that_of_ridge_in_the_features():
    task = problem()
    weights = task.total_weights()
    blocks = [
        block.columns(slice(0, block.n_features)) for block in centered_blocks(task)
    ]
    X = np.hstack(blocks).astype(float)
    dual, intercept = _solve(gram_of(task), weights, task.targets)
    design = np.hstack([X, np.ones((len(X), 1))])
    penalty = np.diag([1.0] * X.shape[1] + [0.0])
    left = design.T @ (weights[:, None] * design) + penalty
    primal = np.linalg.solve(left, design.T @ (weights[:, None] * task.targets))
    np.testing.assert_allclose(X.T @ dual, primal[:-1], atol=1e-4)
    np.testing.assert_allclose(intercept, primal[-1], atol=1e-4)


def test_f_statistic_is_that_of_scikit_learn():
    task = problem()
    rows = np.arange(3, 37)
    expected, _ = f_classif(task.X[rows, :30].astype(float), task.codes[rows])
    (actual,) = _f_statistics(centered_blocks(task)[0], task, [rows])
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2, "top"])
def test_feature_weights_have_mean_one_and_the_order_of_the_statistic(exponent):
    statistic = np.random.default_rng(0).f(2, 40, size=500)
    weights = feature_weights(statistic, exponent)
    assert weights.mean() == pytest.approx(1)
    order = np.argsort(statistic)
    assert (np.diff(weights[order]) >= 0).all()
    if exponent == "top":
        assert (weights > 0).sum() == 10
    elif exponent:
        assert (weights[statistic < 1] == 0).all()


def test_features_that_tell_nothing_weigh_the_same():
    np.testing.assert_array_equal(feature_weights(np.full(5, 0.5), 1), 1.0)


def test_search_looks_at_a_part_of_many_samples(monkeypatch):
    task = problem(n=300)
    monkeypatch.setattr("skomics.estimators._ridge_path._SEARCHED", 100)
    part = RidgePath().fit(task)
    assert part.oof.shape == (300, 3)
    monkeypatch.undo()
    whole = RidgePath().fit(task)
    agree = (part.oof.argmax(1) == whole.oof.argmax(1)).mean()
    assert agree > 0.85


def test_temperature_is_finite_where_all_samples_are_on_the_right_side():
    rng = np.random.default_rng(0)
    codes = np.arange(30) % 2
    X = (10 * codes[:, None] + rng.normal(size=(30, 4))).astype(np.float32)
    task = RidgeProblem(X, [(0, 4)], codes, 2, np.ones(30), "balanced")
    path = RidgePath().fit(task)
    assert (path.oof.argmax(1) == codes).all()
    proba = np.exp(path.oof) / np.exp(path.oof).sum(1, keepdims=True)
    assert proba.max() < 0.999
