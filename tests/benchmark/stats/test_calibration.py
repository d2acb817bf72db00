"""Promises of the calibration error, and of its means."""

import numpy as np
import pytest

from skomics.benchmark import (
    expected_calibration_error,
    summarize_calibration,
)


def test_calibration_leaves_models_without_probabilities_out(random_folds):
    has = random_folds["model"] != "c"
    results = random_folds.assign(log_loss=np.where(has, 0.5, np.nan), ece=0.1)
    calibration = summarize_calibration(results)
    assert list(calibration["label"]) == ["A", "B"]
    assert calibration.loc[("t", "a"), "log_loss_mean"] == 0.5
    assert calibration.loc[("t", "a"), "n_fits"] == 20


def test_calibration_error_of_a_hand_computed_example():
    """Bins (0.5, 0.6], (0.7, 0.8] and (0.9, 1] of two, two and one samples."""
    proba = np.array([0.55, 0.6, 0.75, 0.8, 0.95])
    y_true = np.array([1, 0, 1, 0, 1])
    expected = (abs(1 - 0.55 - 0.6) + abs(1 - 0.75 - 0.8) + abs(1 - 0.95)) / 5
    found = expected_calibration_error(y_true, np.c_[1 - proba, proba])
    assert found == pytest.approx(expected)


def test_calibration_error_of_certain_predictions_is_the_error_rate():
    y_true = ["a", "b", "c", "a"]
    proba = np.eye(3)[[0, 1, 1, 1]]
    assert expected_calibration_error(y_true, proba) == pytest.approx(0.5)
    assert expected_calibration_error(y_true[:2], proba[:2], labels=list("abc")) == 0


def test_calibration_error_of_calibrated_predictions_is_small():
    rng = np.random.default_rng(0)
    proba = rng.uniform(size=20_000)
    y_true = rng.uniform(size=20_000) < proba
    found = expected_calibration_error(y_true, np.c_[1 - proba, proba])
    assert found < 0.015


@pytest.mark.parametrize(("y_true", "n_columns"), [(["a", "b"], 3), ([], 2)])
def test_calibration_error_needs_a_column_per_class(y_true, n_columns):
    with pytest.raises(ValueError, match=r"Got proba of shape \(\d, \d\) for"):
        expected_calibration_error(y_true, np.ones((len(y_true), n_columns)))
