"""Comparisons on the same folds, against published examples."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    cross_val_score,
)
from sklearn.svm import SVC

from skomics.benchmark import (
    pairwise_tests,
    win_tie_loss,
)
from skomics.benchmark.stats._pairwise import adjust_holm
from tests.benchmark.stats.tables import folds_of


def test_holm_is_that_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(1).uniform(size=30) ** 3
    expected = multitest.multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(adjust_holm(p_values), expected)


def test_holm_leaves_missing_p_values_out():
    np.testing.assert_allclose(adjust_holm([0.04, np.nan, 0.01]), [0.04, np.nan, 0.02])


def test_corrected_t_is_the_formula_of_nadeau_and_bengio(random_folds):
    pairs = pairwise_tests(random_folds)
    wide = random_folds.pivot(index="fold", columns="model", values="f1_macro")
    d = wide["a"] - wide["b"]
    t = d.mean() / np.sqrt((1 / 20 + 20 / 80) * d.var())
    assert pairs["t"].iloc[0] == pytest.approx(t)
    assert pairs["p_value"].iloc[0] == pytest.approx(2 * stats.t.sf(abs(t), 19))
    assert pairs["difference"].iloc[0] == pytest.approx(d.mean())
    np.testing.assert_allclose(pairs["p_holm"], adjust_holm(pairs["p_value"]))


def test_corrected_t_without_correction_is_the_paired_t_test(random_folds):
    pairs = pairwise_tests(random_folds.assign(n_test=0), level=0.9)
    wide = random_folds.pivot(index="fold", columns="model", values="f1_macro")
    expected = stats.ttest_rel(wide["a"], wide["c"])
    found = pairs.iloc[1]
    assert (found["t"], found["p_value"]) == pytest.approx(tuple(expected))
    interval = expected.confidence_interval(0.9)
    assert (found["low"], found["high"]) == pytest.approx(tuple(interval))


@pytest.fixture(scope="module")
def guide():
    """Scores of the example "Statistical comparison of models using grid search"."""
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    scores = [
        cross_val_score(
            SVC(kernel=k, random_state=0), X, y, cv=folds, scoring="roc_auc"
        )
        for k in ("rbf", "linear")
    ]
    return folds_of(np.array(scores).T, ["rbf", "linear"], n_train=90, n_test=10)


def test_corrected_t_gives_the_figures_of_the_scikit_learn_user_guide(guide):
    pair = pairwise_tests(guide).iloc[0]
    assert pair["t"] == pytest.approx(0.750, abs=5e-4)
    # The guide tests one side.
    assert pair["p_value"] / 2 == pytest.approx(0.227, abs=5e-4)


def test_equivalence_has_the_probability_of_the_scikit_learn_user_guide(guide):
    """Printed are 6.8 % for worse, 43 % for equivalent, and three intervals."""
    pair = pairwise_tests(guide, rope=0.01).iloc[0]
    assert pair["p_worse"] == pytest.approx(0.068, abs=5e-4)
    assert pair["p_equal"] == pytest.approx(0.43, abs=5e-3)
    assert pair[["p_better", "p_equal", "p_worse"]].sum() == pytest.approx(1)
    printed = {
        0.5: (0.000977, 0.019023),
        0.75: (-0.005422, 0.025422),
        0.95: (-0.016445, 0.036445),
    }
    for level, bounds in printed.items():
        pair = pairwise_tests(guide, level=level).iloc[0]
        assert (pair["low"], pair["high"]) == pytest.approx(bounds, abs=5e-7)


def test_without_a_margin_a_lead_is_as_sure_as_one_side_of_the_test_says(guide):
    pair = pairwise_tests(guide, rope=0).iloc[0]
    assert pair["p_better"] == pytest.approx(1 - pair["p_value"] / 2)
    assert pair["p_equal"] == pytest.approx(0)


def test_a_wider_margin_makes_equivalence_more_probable(random_folds):
    shares = [pairwise_tests(random_folds, rope=r)["p_equal"] for r in (0, 0.02, 2)]
    assert (shares[0] < shares[1]).all()
    assert (shares[1] < shares[2]).all()
    np.testing.assert_allclose(shares[2], 1, atol=1e-6)


def test_models_turned_around_turn_better_and_worse_around(random_folds):
    there, back = (
        pairwise_tests(random_folds[random_folds["model"] != "c"], reference=model)
        for model in ("a", "b")
    )
    np.testing.assert_allclose(there["p_better"], back["p_worse"])
    np.testing.assert_allclose(there["p_equal"], back["p_equal"])


@pytest.mark.parametrize("rope", [-0.01, np.nan])
def test_a_margin_that_is_none_is_refused(random_folds, rope):
    with pytest.raises(ValueError, match=r"Got rope=.*\. Give a difference of scores"):
        pairwise_tests(random_folds, rope=rope)


def test_folds_are_paired_whatever_their_order(random_folds):
    shuffled = random_folds.sample(frac=1, random_state=0)
    shuffled = shuffled.sort_values("model", kind="stable")
    pd.testing.assert_frame_equal(
        pairwise_tests(shuffled), pairwise_tests(random_folds)
    )


def test_a_fold_that_one_model_failed_counts_for_neither(random_folds):
    is_gone = (random_folds["fold"] == 4) & (random_folds["model"] == "a")
    random_folds.loc[is_gone, "f1_macro"] = np.nan
    assert list(pairwise_tests(random_folds)["n_folds"]) == [19, 19, 20]


def test_a_reference_stands_first_and_makes_the_family_smaller(random_folds):
    pairs = pairwise_tests(random_folds, reference="b")
    assert list(zip(pairs["model"], pairs["other"], strict=True)) == [
        ("b", "a"),
        ("b", "c"),
    ]
    np.testing.assert_allclose(pairs["p_holm"], adjust_holm(pairs["p_value"]))


def test_one_fold_gives_a_difference_and_no_test(random_folds):
    pair = pairwise_tests(random_folds[random_folds["fold"] == 0]).iloc[0]
    assert pair["n_folds"] == 1
    unknown = ["low", "high", "t", "p_value", "p_better", "p_equal", "p_worse"]
    assert pair[[*unknown, "p_holm"]].isna().all()


def test_equal_scores_have_p_one_and_constant_leads_p_zero():
    pairs = pairwise_tests(folds_of([[0.5, 0.5, 0.25]] * 4, ["a", "b", "c"]))
    assert list(pairs["p_value"]) == [1, 0, 0]
    assert list(pairs["t"]) == [0, np.inf, np.inf]
    assert list(pairs["p_better"]) == [0, 1, 1]
    assert list(pairs["p_equal"]) == [1, 0, 0]


def test_scores_just_as_far_apart_as_the_margin_are_equivalent():
    pairs = pairwise_tests(folds_of([[0.5, 0.25]] * 4, ["a", "b"]), rope=0.25)
    assert list(pairs["p_equal"]) == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "auc"}, r"Got metric='auc'. Choose one of \['accuracy'"),
        ({"task": "u"}, r"Got task='u'. Tasks with scores are \['t'\]"),
        ({"reference": "z"}, r"Got reference='z'. Models with scores are \['a', 'b'"),
    ],
)
def test_unknown_names_are_refused(random_folds, options, message):
    with pytest.raises(ValueError, match=message):
        pairwise_tests(random_folds, **options)


def test_results_of_the_leaky_protocol_are_not_compared(random_folds):
    paper = random_folds.assign(protocol="as_published")
    with pytest.raises(ValueError, match="None of the 60 rows has a score 'f1_macro'"):
        pairwise_tests(paper)
    both = pd.concat([random_folds.assign(protocol="leakage_free"), paper])
    pd.testing.assert_frame_equal(pairwise_tests(both), pairwise_tests(random_folds))


def test_parts_of_samples_and_omics_are_not_compared(random_folds):
    parts = [
        random_folds.assign(train_fraction=0.5, omics="all"),
        random_folds.assign(train_fraction=1.0, omics="rna"),
    ]
    both = pd.concat([random_folds, *parts])
    pd.testing.assert_frame_equal(pairwise_tests(both), pairwise_tests(random_folds))


def test_wins_ties_and_losses_are_counted_over_tasks():
    ahead = folds_of([[0.90, 0.5], [0.91, 0.52], [0.92, 0.51]], ["a", "b"])
    close = folds_of([[0.9, 0.6], [0.5, 0.8], [0.7, 0.6]], ["a", "b"])
    results = [ahead.assign(task="x"), close.assign(task="y")]
    results.append(ahead.assign(task="null"))
    counts = win_tie_loss(pd.concat(results)).set_index(["model", "other"])
    numbers = ["wins", "ties", "losses", "ahead", "behind"]
    assert list(counts.loc[("a", "b"), numbers]) == [1, 1, 0, 2, 0]
    assert list(counts.loc[("b", "a"), numbers]) == [0, 1, 1, 0, 2]
    assert counts.loc[("b", "a"), "other_label"] == "A"
