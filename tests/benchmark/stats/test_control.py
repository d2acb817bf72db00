"""Promises of the control with permuted labels."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import (
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier

from skomics.benchmark import (
    check_permutation_control,
    sum_confusion,
    summarize_calibration,
)
from tests.benchmark.stats.tables import folds_of


def test_tables_of_older_versions_lack_columns(random_folds):
    with pytest.raises(ValueError, match=r"without the columns \['log_loss', 'ece'\]"):
        summarize_calibration(random_folds)
    with pytest.raises(
        ValueError, match=r"columns \['confusion', 'classes'\]. Run the"
    ):
        sum_confusion(random_folds)
    with pytest.raises(
        ValueError, match=r"columns \['confusion', 'classes'\]. Run the"
    ):
        check_permutation_control(random_folds.assign(task="null"))


def test_confusion_is_summed_over_the_folds_that_have_one():
    results = folds_of([[0.5]] * 3, ["m"]).assign(classes=json.dumps([0, "x"]))
    results["confusion"] = ["[[1, 2], [3, 4]]", "", "[[10, 20], [30, 40]]"]
    cells = sum_confusion(results)
    assert list(cells["count"]) == [11, 22, 33, 44]
    assert list(cells["true"]) == [0, 0, "x", "x"]


def null_results(excess, *, n_folds=10, seed=0):
    """Return synthetic confusion matrices of a control, `excess` above chance."""
    rng = np.random.default_rng(seed)
    matrices = []
    for _ in range(n_folds):
        # Classes of unequal size, and a model that prefers the large one.
        true = np.repeat([0, 1], [70, 30])
        predicted = rng.permutation(np.repeat([0, 1], [80, 20]))
        leaks = rng.uniform(size=100) < excess
        predicted = np.where(leaks, true, predicted)
        matrix = np.zeros((2, 2), int)
        np.add.at(matrix, (true, predicted), 1)
        matrices.append(json.dumps(matrix.tolist()))
    frame = folds_of([[0.5]] * n_folds, ["m"], n_train=400, n_test=100)
    return frame.assign(task="null", confusion=matrices, classes='["a", "b"]')


def test_a_model_at_chance_is_not_suspect_though_its_accuracy_is_high():
    check = check_permutation_control(null_results(0)).iloc[0]
    assert check["chance"] == pytest.approx(0.7 * 0.8 + 0.3 * 0.2, abs=1e-3)
    assert check["low"] < check["chance"] < check["high"]
    assert not check["suspect"]


@pytest.mark.parametrize("n_folds", [1, 2, 10])
def test_a_model_that_leaks_is_suspect_however_few_the_folds(n_folds):
    check = check_permutation_control(null_results(0.5, n_folds=n_folds)).iloc[0]
    assert check["suspect"]
    assert check["accuracy"] > check["high"]


def test_expected_accuracy_is_that_of_tables_with_the_same_margins():
    rows, columns = [50, 30, 20], [60, 15, 25]
    tables = stats.random_table(rows, columns).rvs(20_000, random_state=0)
    accuracy = np.trace(tables, axis1=1, axis2=2) / 100
    results = null_results(0, n_folds=2).assign(classes='["a", "b", "c"]')
    check = check_permutation_control(
        results.assign(confusion=json.dumps(tables[0].tolist()))
    ).iloc[0]
    assert check["chance"] == pytest.approx(accuracy.mean(), abs=1e-3)
    half = (check["high"] - check["low"]) / 2
    # Two folds, each test part a quarter of the training part.
    expected = stats.norm.ppf(0.975) * np.sqrt(1 / 2 + 1 / 4) * accuracy.std()
    assert half == pytest.approx(expected, rel=0.02)


def test_permuted_labels_are_at_chance_as_often_as_the_level_says():
    """Nearest neighbors in five folds, whose test parts are each other's training."""
    rng = np.random.default_rng(0)
    suspects = []
    for _ in range(60):
        x, y = rng.normal(size=(60, 5)), rng.permutation(np.repeat([0, 1, 2], 20))
        folds = StratifiedKFold(5).split(x, y)
        model = KNeighborsClassifier(1)
        matrices = [
            confusion_matrix(y[test], model.fit(x[train], y[train]).predict(x[test]))
            for train, test in folds
        ]
        frame = folds_of([[0.5]] * 5, ["m"], n_train=48, n_test=12).assign(task="null")
        frame["confusion"] = [json.dumps(m.tolist()) for m in matrices]
        suspects.append(
            check_permutation_control(frame.assign(classes="[0, 1, 2]"))["suspect"][0]
        )
    assert np.mean(suspects) <= 0.1


def test_a_constant_prediction_is_exactly_at_chance():
    results = null_results(0).assign(confusion="[[7, 0], [3, 0]]")
    check = check_permutation_control(results).iloc[0]
    assert list(check[["accuracy", "chance"]]) == pytest.approx([0.7, 0.7])
    assert not check["suspect"]


def test_few_of_many_honest_controls_are_suspect():
    """The level holds for all rows together."""
    rows = [null_results(0, seed=i).assign(model=f"m{i}") for i in range(40)]
    check, alone = (
        check_permutation_control(pd.concat(rows)).iloc[0],
        check_permutation_control(rows[0]).iloc[0],
    )
    assert check_permutation_control(pd.concat(rows))["suspect"].sum() == 0
    widening = stats.norm.ppf(1 - 0.025 / 40) / stats.norm.ppf(0.975)
    width, width_alone = (row["high"] - row["low"] for row in (check, alone))
    assert width == pytest.approx(width_alone * widening)


def test_without_a_control_there_is_nothing_to_check(random_folds):
    check = check_permutation_control(random_folds)
    assert len(check) == 0
    assert "suspect" in check
