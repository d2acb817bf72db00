"""Parts of the two-sample test: an area under a curve, its chance, its interval."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skomics.inspection._two_samples import (
    _aucs,
    auc_interval,
    held_out_auc,
    standardize_together,
)


def test_area_is_that_of_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, size=(50, 4)).astype(float)
    is_new = rng.random((50, 4)) < 0.3
    expected = [roc_auc_score(n, s) for n, s in zip(is_new.T, scores.T, strict=True)]
    np.testing.assert_allclose(_aucs(scores, is_new), expected)


def test_answers_are_held_out():
    # In samples of noise everything can be told apart that has been seen.
    values = np.random.default_rng(0).normal(size=(60, 500))
    is_new = np.arange(60) < 20
    random = np.random.RandomState(0)
    aucs = [held_out_auc(values, is_new, 5, 1, random)[0] for _ in range(20)]
    assert 0.35 < np.mean(aucs) < 0.65


def test_smallest_p_value_is_that_of_the_number_of_permutations():
    values = np.random.default_rng(0).normal(size=(40, 5))
    is_new = np.arange(40) < 20
    values[is_new] += 9
    random = np.random.RandomState(0)
    assert held_out_auc(values, is_new, 5, 99, random) == (1.0, 0.01)


def test_units_are_common_to_both_and_gaps_are_the_mean():
    train, new = np.array([[1.0, 5.0], [3.0, np.nan]]), np.array([[5.0, 5.0]])
    values = standardize_together(train, new)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(values.std(axis=0), [1, 0])


@pytest.mark.parametrize("auc", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_interval_holds_the_area_and_narrows_with_samples(auc):
    few, many = auc_interval(auc, 20, 20, 0.95), auc_interval(auc, 500, 500, 0.95)
    assert 0 <= few[0] <= many[0] <= auc <= many[1] <= few[1] <= 1
    assert few[1] - few[0] > 2 * (many[1] - many[0]) > 0


def test_interval_covers_the_true_area():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        scores = np.concatenate([rng.normal(size=30), 1 + rng.normal(size=15)])
        auc = roc_auc_score(np.arange(45) >= 30, scores)
        low, high = auc_interval(auc, 30, 15, 0.9)
        covered += low <= 0.7602 <= high  # normal distribution function of 1 / sqrt 2
    assert 0.86 < covered / 400 < 0.96
