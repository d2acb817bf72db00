"""Scores of a cross-validation with intervals."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate

from skomics.metrics import corrected_t_test, score_intervals

SCORES = [0.70, 0.75, 0.80, 0.75]


def test_interval_is_that_of_nadeau_and_bengio():
    tested = corrected_t_test(SCORES, ratio=0.25)
    # Variance of the mean: (1/4 + 1/4) * 0.0016667; t of 3 degrees is 3.1824.
    half = 3.182446 * np.sqrt(0.5 * np.var(SCORES, ddof=1))
    assert tested["mean"] == pytest.approx(0.75)
    assert tested["high"] - tested["mean"] == pytest.approx(half, rel=1e-5)
    assert tested["mean"] - tested["low"] == pytest.approx(half, rel=1e-5)


def test_one_value_has_a_mean_and_no_interval():
    tested = corrected_t_test([0.8], ratio=0.25)
    assert tested["mean"] == 0.8
    assert np.isnan([tested["low"], tested["high"], tested["p_value"]]).all()


def test_what_cross_validate_returns_is_taken():
    X, y = load_iris(return_X_y=True)
    found = cross_validate(
        LogisticRegression(max_iter=500),
        X,
        y,
        cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0),
        scoring=["accuracy", "f1_macro"],
        return_indices=True,
        return_train_score=True,
    )
    table = score_intervals(found)
    assert table.index.tolist() == ["accuracy", "f1_macro"]
    assert table.loc["accuracy", "n_fits"] == 10
    expected = corrected_t_test(found["test_accuracy"], ratio=0.25)
    assert table.loc["accuracy", "low"] == pytest.approx(expected["low"])
    del found["indices"]
    again = score_intervals(found, test_fraction=0.2)
    np.testing.assert_allclose(again, table)


def test_bootstrap_takes_plain_scores_and_is_narrower():
    wide = score_intervals(SCORES, test_fraction=0.2)
    narrow = score_intervals(np.array(SCORES), method="bootstrap")
    assert wide["low"].item() < narrow["low"].item() < narrow["mean"].item()
    assert wide["high"].item() > narrow["high"].item()


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        (SCORES, {"method": "z"}, r"method='z'\. Choose one of"),
        (SCORES, {}, "Nothing says how large a test fold is.*return_indices=True"),
        ({"test_score": SCORES}, {}, "Nothing says how large a test fold is"),
        (SCORES, {"test_fraction": 5}, "between 0 and 1: 0.2 for five folds"),
        ({"fit_time": SCORES}, {"test_fraction": 0.2}, "no scores of test folds"),
        ([], {"test_fraction": 0.2}, "no scores of test folds"),
        ([0.5, np.nan], {"test_fraction": 0.2}, "1 of 2 fits have no score 'score'"),
    ],
)
def test_what_is_no_scores_is_refused_with_the_cure(scores, options, message):
    with pytest.raises(ValueError, match=message):
        score_intervals(scores, **options)
