"""Intervals, learning curves and the value of each modality, on synthetic tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skomics.benchmark import (
    learning_curves,
    modality_ablation,
    score_intervals,
)
from tests.benchmark.stats.tables import folds_of


def test_interval_by_t_is_the_formula(random_folds):
    found = score_intervals(random_folds).loc[("t", "a")]
    scores = random_folds.loc[random_folds["model"] == "a", "f1_macro"]
    half = stats.t.ppf(0.975, 19) * np.sqrt((1 / 20 + 0.25) * scores.var())
    assert found["mean"] == pytest.approx(scores.mean())
    assert found["std"] == pytest.approx(scores.std())
    assert (found["low"], found["high"]) == pytest.approx(
        (scores.mean() - half, scores.mean() + half)
    )


def test_interval_by_bootstrap_is_scipys_and_narrower(random_folds):
    found = score_intervals(random_folds, method="bootstrap", level=0.9)
    scores = random_folds.loc[random_folds["model"] == "a", "f1_macro"].to_numpy()
    expected = stats.bootstrap(
        (scores,),
        np.mean,
        confidence_level=0.9,
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert tuple(found.loc[("t", "a"), ["low", "high"]]) == pytest.approx(expected)
    wide = score_intervals(random_folds, level=0.9)
    assert (found["high"] - found["low"] < wide["high"] - wide["low"]).all()


@pytest.mark.parametrize("method", ["corrected-t", "bootstrap"])
def test_intervals_of_constant_scores_and_of_one_fit(method):
    constant = score_intervals(folds_of([[1.0]] * 3, ["a"]), method=method)
    assert list(constant[["low", "high"]].iloc[0]) == [1, 1]
    single = score_intervals(folds_of([[0.7]], ["a"]), method=method)
    assert single[["low", "high"]].isna().all(axis=None)


def test_intervals_of_mcc_may_be_below_0_and_end_at_minus_1():
    results = folds_of([[-0.9, -0.1], [0.9, -0.2]], ["a", "b"])
    found = score_intervals(results.assign(mcc=results["f1_macro"]), "mcc")
    assert list(found.loc[("t", "a"), ["low", "high"]]) == [-1, 1]
    assert -1 < found.loc[("t", "b"), "low"] < found.loc[("t", "b"), "high"] < 1


def test_intervals_stay_between_0_and_1():
    found = score_intervals(folds_of([[1.0, 0.0], [0.7, 0.3]], ["a", "b"]))
    assert found["high"].max() == 1
    assert found["low"].min() == 0


def test_an_unknown_interval_is_refused(random_folds):
    with pytest.raises(
        ValueError, match=r"method='bayes'. Choose one of \['bootstrap'"
    ):
        score_intervals(random_folds, method="bayes")


def test_learning_curves_are_means_by_share_in_the_order_of_the_results():
    whole = folds_of([[0.8, 0.6], [0.6, 0.8]], ["z", "a"])
    half = whole.assign(train_fraction=0.5, n_train=40, f1_macro=0.5)
    curves = learning_curves(pd.concat([whole, half]))
    assert list(curves.index) == [
        ("t", model, share) for model in ("z", "a") for share in (0.5, 1.0)
    ]
    assert list(curves["mean"]) == pytest.approx([0.5, 0.7, 0.5, 0.7])
    assert list(curves["n_train"]) == [40, 80, 40, 80]
    assert list(curves["n_fits"]) == [2] * 4


def test_a_task_with_one_share_has_no_curve(random_folds):
    assert len(learning_curves(random_folds)) == 0


def test_value_of_omics_is_all_minus_without_on_the_same_folds():
    scores = {"all": [0.9, 0.8], "b+c": [0.7, 0.7], "a+c": [0.9, 0.8], "c": [0.1, 0.1]}
    parts = [
        folds_of([[score] for score in column], ["m"]).assign(omics=omics)
        for omics, column in scores.items()
    ]
    value = modality_ablation(pd.concat(parts))
    assert list(value["omics"]) == ["a", "b"]
    np.testing.assert_allclose(value["difference"], [0.15, 0], atol=1e-12)
    half = stats.t.ppf(0.975, 1) * np.sqrt((1 / 2 + 0.25) * 0.005)
    assert value["high"].iloc[0] == pytest.approx(0.15 + half)
    assert list(value["n_folds"]) == [2, 2]


def test_there_is_no_value_of_omics_without_parts(random_folds):
    value = modality_ablation(random_folds)
    assert len(value) == 0
    assert {"omics", "difference"} <= set(value)
