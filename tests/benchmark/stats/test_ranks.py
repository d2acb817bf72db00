"""Ranks and tests over tasks, against Demšar (2006), scipy and scikit-posthocs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skomics.benchmark import (
    friedman_nemenyi,
    posthoc_tests,
    rank_models,
)
from skomics.benchmark.stats._pairwise import adjust_holm
from tests.benchmark.stats.tables import DEMSAR, table_of


def test_mean_ranks_are_those_of_demsar(demsar):
    ranks = rank_models(demsar)
    assert list(ranks.index) == ["both", "m", "cf", "c45"]
    np.testing.assert_allclose(ranks["rank"], [1.964, 2.000, 2.893, 3.143], atol=5e-4)
    assert (ranks["n_tasks"] == 14).all()


def test_friedman_is_scipys_and_near_the_published_value_without_ties(demsar):
    test = friedman_nemenyi(demsar).iloc[0]
    expected = stats.friedmanchisquare(*DEMSAR.T)
    assert test["chi2"] == pytest.approx(expected.statistic)
    assert test["p_value"] == pytest.approx(expected.pvalue)
    # The paper's 9.28 and 3.69 leave out the correction for ties.
    ranks = rank_models(demsar)["rank"]
    plain = 12 * 14 / (4 * 5) * ((ranks**2).sum() - 4 * 5**2 / 4)
    assert plain == pytest.approx(9.28, abs=5e-3)
    assert 13 * plain / (14 * 3 - plain) == pytest.approx(3.69, abs=5e-3)
    chi2 = test["chi2"]
    assert test["f"] == pytest.approx(13 * chi2 / (14 * 3 - chi2))
    assert test["f_p_value"] == pytest.approx(stats.f.sf(test["f"], 3, 39))


@pytest.mark.parametrize(("alpha", "expected"), [(0.05, 1.25), (0.10, 1.12)])
def test_critical_difference_is_that_of_demsar(demsar, alpha, expected):
    found = friedman_nemenyi(demsar, alpha=alpha)["critical_difference"].iloc[0]
    assert found == pytest.approx(expected, abs=5e-3)


def test_nemenyi_finds_the_pairs_that_demsar_finds(demsar):
    """At 0.10, C4.5 differs from the two variants with m, and at 0.05 from none."""
    pairs = posthoc_tests(demsar)
    clear = pairs[pairs["p_nemenyi"] < 0.10]
    assert set(zip(clear["model"], clear["other"], strict=True)) == {
        ("c45", "m"),
        ("c45", "both"),
    }
    assert (pairs["p_nemenyi"] > 0.05).all()


def test_nemenyi_agrees_with_the_critical_difference(demsar):
    pairs = posthoc_tests(demsar)
    critical = friedman_nemenyi(demsar, alpha=0.10)["critical_difference"].iloc[0]
    is_far = pairs["rank_difference"].abs() > critical
    np.testing.assert_array_equal(is_far, pairs["p_nemenyi"] < 0.10)


def test_nemenyi_is_scikit_posthocs(demsar):
    posthocs = pytest.importorskip("scikit_posthocs")
    expected = posthocs.posthoc_nemenyi_friedman(DEMSAR).to_numpy()
    np.testing.assert_allclose(
        posthoc_tests(demsar)["p_nemenyi"], expected[np.triu_indices(4, 1)]
    )


def test_wilcoxon_over_tasks_is_scipys(demsar):
    pairs = posthoc_tests(demsar).set_index(["model", "other"])
    expected = stats.wilcoxon(np.round(DEMSAR[:, 0] - DEMSAR[:, 3], 10)).pvalue
    assert pairs.loc[("c45", "both"), "p_wilcoxon"] == pytest.approx(expected)
    np.testing.assert_allclose(pairs["p_holm"], adjust_holm(pairs["p_wilcoxon"]))


def test_wilcoxon_of_equal_models_is_one():
    results = table_of([[0.5, 0.5, 0.9], [0.6, 0.6, 0.8]], ["a", "b", "c"])
    assert posthoc_tests(results)["p_wilcoxon"].iloc[0] == 1


def test_models_without_a_score_on_some_task_are_not_ranked(demsar):
    is_gone = (demsar["task"] == "t3") & (demsar["model"] == "cf")
    demsar.loc[is_gone, "f1_macro"] = np.nan
    assert set(rank_models(demsar).index) == {"c45", "m", "both"}
    assert friedman_nemenyi(demsar)["n_models"].iloc[0] == 3


def test_tasks_with_permuted_labels_are_not_ranked(demsar):
    null = demsar[demsar["task"] == "t0"].assign(task="null-t0")
    both = pd.concat([demsar, null])
    pd.testing.assert_frame_equal(rank_models(both), rank_models(demsar))


def test_equal_means_share_their_rank_whatever_their_last_digits():
    results = table_of([[0.1 + 0.2, 0.3, 0.1]], ["a", "b", "c"])
    assert list(rank_models(results)["rank"]) == [1.5, 1.5, 3]


def test_tests_over_tasks_need_two_tasks_and_three_models(demsar):
    message = "Got 14 tasks on which 2 models have scores. Tests over tasks need at"
    two = demsar[demsar["model"].isin(["m", "cf"])]
    with pytest.raises(ValueError, match=message):
        friedman_nemenyi(two)
    with pytest.raises(ValueError, match=message):
        posthoc_tests(two)


def test_ranks_need_a_model_that_finished_everything():
    results = table_of([[0.5, np.nan], [np.nan, 0.5]], ["a", "b"])
    with pytest.raises(ValueError, match="None of 2 models has a score on each of 2"):
        rank_models(results)


def test_friedman_of_equal_models_is_undefined_and_does_not_warn():
    test = friedman_nemenyi(table_of(np.ones((3, 3)), ["a", "b", "c"])).iloc[0]
    assert np.isnan(test["chi2"])
