"""Promises of the statistics, against published examples and other libraries.

Every table here is synthetic but for the scores of Demšar (2006).
"""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from skomics.benchmark import (
    check_null,
    compare_models,
    compare_pairs,
    expected_calibration_error,
    friedman_nemenyi,
    learning_curves,
    omics_value,
    rank_models,
    score_intervals,
    sum_confusion,
    summarize_calibration,
    win_tie_loss,
)
from skomics.benchmark.stats._intervals import _adjust_holm

# Table 6 of Demšar (2006): AUC of C4.5, with a parameter m, with a parameter cf, and
# with both tuned, on 14 data sets. The printed 0.975 of cf on the last but one set
# equals that of both, but the printed mean ranks are of cf ahead there, by digits that
# were not printed; 0.9751 stands for these.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
VARIANTS = ["c45", "m", "cf", "both"]


def table_of(scores, models, **columns):
    """Return results of scores, tasks by models, or of one task if there are folds."""
    rows = [
        {"task": f"t{i}", "model": model, "label": model.upper(), "f1_macro": score}
        for i, line in enumerate(scores)
        for model, score in zip(models, line, strict=True)
    ]
    frame = pd.DataFrame(rows).assign(repeat=0, fold=0, n_train=80, n_test=20)
    return frame.assign(accuracy=frame["f1_macro"], status="ok", **columns)


def folds_of(scores, models, *, n_train=80, n_test=20):
    """Return results of scores, folds by models, on one task."""
    frame = table_of(scores, models).assign(n_train=n_train, n_test=n_test)
    return frame.assign(fold=frame["task"].str[1:].astype(int), task="t")


@pytest.fixture
def demsar():
    return table_of(DEMSAR, VARIANTS)


@pytest.fixture
def random_folds():
    """Twenty folds of three models; the scores are drawn, not measured."""
    rng = np.random.default_rng(0)
    return folds_of(rng.uniform(0.5, 0.9, size=(20, 3)), ["a", "b", "c"])


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
    pairs = compare_models(demsar)
    clear = pairs[pairs["p_nemenyi"] < 0.10]
    assert set(zip(clear["model"], clear["other"], strict=True)) == {
        ("c45", "m"),
        ("c45", "both"),
    }
    assert (pairs["p_nemenyi"] > 0.05).all()


def test_nemenyi_agrees_with_the_critical_difference(demsar):
    pairs = compare_models(demsar)
    critical = friedman_nemenyi(demsar, alpha=0.10)["critical_difference"].iloc[0]
    is_far = pairs["rank_difference"].abs() > critical
    np.testing.assert_array_equal(is_far, pairs["p_nemenyi"] < 0.10)


def test_nemenyi_is_scikit_posthocs(demsar):
    posthocs = pytest.importorskip("scikit_posthocs")
    expected = posthocs.posthoc_nemenyi_friedman(DEMSAR).to_numpy()
    np.testing.assert_allclose(
        compare_models(demsar)["p_nemenyi"], expected[np.triu_indices(4, 1)]
    )


def test_wilcoxon_over_tasks_is_scipys(demsar):
    pairs = compare_models(demsar).set_index(["model", "other"])
    expected = stats.wilcoxon(np.round(DEMSAR[:, 0] - DEMSAR[:, 3], 10)).pvalue
    assert pairs.loc[("c45", "both"), "p_wilcoxon"] == pytest.approx(expected)
    np.testing.assert_allclose(pairs["p_holm"], _adjust_holm(pairs["p_wilcoxon"]))


def test_wilcoxon_of_equal_models_is_one():
    results = table_of([[0.5, 0.5, 0.9], [0.6, 0.6, 0.8]], ["a", "b", "c"])
    assert compare_models(results)["p_wilcoxon"].iloc[0] == 1


def test_holm_is_that_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(1).uniform(size=30) ** 3
    expected = multitest.multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(_adjust_holm(p_values), expected)


def test_holm_leaves_missing_p_values_out():
    np.testing.assert_allclose(_adjust_holm([0.04, np.nan, 0.01]), [0.04, np.nan, 0.02])


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
        compare_models(two)


def test_ranks_need_a_model_that_finished_everything():
    results = table_of([[0.5, np.nan], [np.nan, 0.5]], ["a", "b"])
    with pytest.raises(ValueError, match="None of 2 models has a score on each of 2"):
        rank_models(results)


def test_friedman_of_equal_models_is_undefined_and_does_not_warn():
    test = friedman_nemenyi(table_of(np.ones((3, 3)), ["a", "b", "c"])).iloc[0]
    assert np.isnan(test["chi2"])


def test_corrected_t_is_the_formula_of_nadeau_and_bengio(random_folds):
    pairs = compare_pairs(random_folds)
    wide = random_folds.pivot(index="fold", columns="model", values="f1_macro")
    d = wide["a"] - wide["b"]
    t = d.mean() / np.sqrt((1 / 20 + 20 / 80) * d.var())
    assert pairs["t"].iloc[0] == pytest.approx(t)
    assert pairs["p_value"].iloc[0] == pytest.approx(2 * stats.t.sf(abs(t), 19))
    assert pairs["difference"].iloc[0] == pytest.approx(d.mean())
    np.testing.assert_allclose(pairs["p_holm"], _adjust_holm(pairs["p_value"]))


def test_corrected_t_without_correction_is_the_paired_t_test(random_folds):
    pairs = compare_pairs(random_folds.assign(n_test=0), level=0.9)
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
    pair = compare_pairs(guide).iloc[0]
    assert pair["t"] == pytest.approx(0.750, abs=5e-4)
    # The guide tests one side.
    assert pair["p_value"] / 2 == pytest.approx(0.227, abs=5e-4)


def test_equivalence_has_the_probability_of_the_scikit_learn_user_guide(guide):
    """Printed are 6.8 % for worse, 43 % for equivalent, and three intervals."""
    pair = compare_pairs(guide, rope=0.01).iloc[0]
    assert pair["p_worse"] == pytest.approx(0.068, abs=5e-4)
    assert pair["p_equal"] == pytest.approx(0.43, abs=5e-3)
    assert pair[["p_better", "p_equal", "p_worse"]].sum() == pytest.approx(1)
    printed = {
        0.5: (0.000977, 0.019023),
        0.75: (-0.005422, 0.025422),
        0.95: (-0.016445, 0.036445),
    }
    for level, bounds in printed.items():
        pair = compare_pairs(guide, level=level).iloc[0]
        assert (pair["low"], pair["high"]) == pytest.approx(bounds, abs=5e-7)


def test_without_a_margin_a_lead_is_as_sure_as_one_side_of_the_test_says(guide):
    pair = compare_pairs(guide, rope=0).iloc[0]
    assert pair["p_better"] == pytest.approx(1 - pair["p_value"] / 2)
    assert pair["p_equal"] == pytest.approx(0)


def test_a_wider_margin_makes_equivalence_more_probable(random_folds):
    shares = [compare_pairs(random_folds, rope=r)["p_equal"] for r in (0, 0.02, 2)]
    assert (shares[0] < shares[1]).all()
    assert (shares[1] < shares[2]).all()
    np.testing.assert_allclose(shares[2], 1, atol=1e-6)


def test_models_turned_around_turn_better_and_worse_around(random_folds):
    there, back = (
        compare_pairs(random_folds[random_folds["model"] != "c"], reference=model)
        for model in ("a", "b")
    )
    np.testing.assert_allclose(there["p_better"], back["p_worse"])
    np.testing.assert_allclose(there["p_equal"], back["p_equal"])


@pytest.mark.parametrize("rope", [-0.01, np.nan])
def test_a_margin_that_is_none_is_refused(random_folds, rope):
    with pytest.raises(ValueError, match=r"Got rope=.*\. Give a difference of scores"):
        compare_pairs(random_folds, rope=rope)


def test_folds_are_paired_whatever_their_order(random_folds):
    shuffled = random_folds.sample(frac=1, random_state=0)
    shuffled = shuffled.sort_values("model", kind="stable")
    pd.testing.assert_frame_equal(compare_pairs(shuffled), compare_pairs(random_folds))


def test_a_fold_that_one_model_failed_counts_for_neither(random_folds):
    is_gone = (random_folds["fold"] == 4) & (random_folds["model"] == "a")
    random_folds.loc[is_gone, "f1_macro"] = np.nan
    assert list(compare_pairs(random_folds)["n_folds"]) == [19, 19, 20]


def test_a_reference_stands_first_and_makes_the_family_smaller(random_folds):
    pairs = compare_pairs(random_folds, reference="b")
    assert list(zip(pairs["model"], pairs["other"], strict=True)) == [
        ("b", "a"),
        ("b", "c"),
    ]
    np.testing.assert_allclose(pairs["p_holm"], _adjust_holm(pairs["p_value"]))


def test_one_fold_gives_a_difference_and_no_test(random_folds):
    pair = compare_pairs(random_folds[random_folds["fold"] == 0]).iloc[0]
    assert pair["n_folds"] == 1
    unknown = ["low", "high", "t", "p_value", "p_better", "p_equal", "p_worse"]
    assert pair[[*unknown, "p_holm"]].isna().all()


def test_equal_scores_have_p_one_and_constant_leads_p_zero():
    pairs = compare_pairs(folds_of([[0.5, 0.5, 0.25]] * 4, ["a", "b", "c"]))
    assert list(pairs["p_value"]) == [1, 0, 0]
    assert list(pairs["t"]) == [0, np.inf, np.inf]
    assert list(pairs["p_better"]) == [0, 1, 1]
    assert list(pairs["p_equal"]) == [1, 0, 0]


def test_scores_just_as_far_apart_as_the_margin_are_equivalent():
    pairs = compare_pairs(folds_of([[0.5, 0.25]] * 4, ["a", "b"]), rope=0.25)
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
        compare_pairs(random_folds, **options)


def test_results_of_the_leaky_protocol_are_not_compared(random_folds):
    paper = random_folds.assign(protocol="paper")
    with pytest.raises(ValueError, match="None of the 60 rows has a score 'f1_macro'"):
        compare_pairs(paper)
    both = pd.concat([random_folds.assign(protocol="honest"), paper])
    pd.testing.assert_frame_equal(compare_pairs(both), compare_pairs(random_folds))


def test_parts_of_samples_and_omics_are_not_compared(random_folds):
    parts = [
        random_folds.assign(train_fraction=0.5, omics="all"),
        random_folds.assign(train_fraction=1.0, omics="rna"),
    ]
    both = pd.concat([random_folds, *parts])
    pd.testing.assert_frame_equal(compare_pairs(both), compare_pairs(random_folds))


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


def test_intervals_stay_between_0_and_1():
    found = score_intervals(folds_of([[1.0, 0.0], [0.7, 0.3]], ["a", "b"]))
    assert found["high"].max() == 1
    assert found["low"].min() == 0


def test_an_unknown_interval_is_refused(random_folds):
    with pytest.raises(
        ValueError, match=r"method='bayes'. Choose one of \['bootstrap'"
    ):
        score_intervals(random_folds, method="bayes")


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
    value = omics_value(pd.concat(parts))
    assert list(value["omics"]) == ["a", "b"]
    np.testing.assert_allclose(value["difference"], [0.15, 0], atol=1e-12)
    half = stats.t.ppf(0.975, 1) * np.sqrt((1 / 2 + 0.25) * 0.005)
    assert value["high"].iloc[0] == pytest.approx(0.15 + half)
    assert list(value["n_folds"]) == [2, 2]


def test_there_is_no_value_of_omics_without_parts(random_folds):
    value = omics_value(random_folds)
    assert len(value) == 0
    assert {"omics", "difference"} <= set(value)


def test_calibration_leaves_models_without_probabilities_out(random_folds):
    has = random_folds["model"] != "c"
    results = random_folds.assign(log_loss=np.where(has, 0.5, np.nan), ece=0.1)
    calibration = summarize_calibration(results)
    assert list(calibration["label"]) == ["A", "B"]
    assert calibration.loc[("t", "a"), "log_loss_mean"] == 0.5
    assert calibration.loc[("t", "a"), "n_fits"] == 20


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
        check_null(random_folds.assign(task="null"))


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
    check = check_null(null_results(0)).iloc[0]
    assert check["chance"] == pytest.approx(0.7 * 0.8 + 0.3 * 0.2, abs=1e-3)
    assert check["low"] < check["chance"] < check["high"]
    assert not check["suspect"]


@pytest.mark.parametrize("n_folds", [1, 2, 10])
def test_a_model_that_leaks_is_suspect_however_few_the_folds(n_folds):
    check = check_null(null_results(0.5, n_folds=n_folds)).iloc[0]
    assert check["suspect"]
    assert check["accuracy"] > check["high"]


def test_expected_accuracy_is_that_of_tables_with_the_same_margins():
    rows, columns = [50, 30, 20], [60, 15, 25]
    tables = stats.random_table(rows, columns).rvs(20_000, random_state=0)
    accuracy = np.trace(tables, axis1=1, axis2=2) / 100
    results = null_results(0, n_folds=2).assign(classes='["a", "b", "c"]')
    check = check_null(results.assign(confusion=json.dumps(tables[0].tolist()))).iloc[0]
    assert check["chance"] == pytest.approx(accuracy.mean(), abs=1e-3)
    half = (check["high"] - check["low"]) / 2
    # Two folds, each test part a quarter of the training part.
    expected = stats.norm.ppf(0.975) * np.sqrt(1 / 2 + 1 / 4) * accuracy.std()
    assert half == pytest.approx(expected, rel=0.02)


def test_permuted_labels_are_at_chance_as_often_as_the_level_says():
    """Nearest neighbours in five folds, whose test parts are each other's training."""
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
        suspects.append(check_null(frame.assign(classes="[0, 1, 2]"))["suspect"][0])
    assert np.mean(suspects) <= 0.1


def test_a_constant_prediction_is_exactly_at_chance():
    results = null_results(0).assign(confusion="[[7, 0], [3, 0]]")
    check = check_null(results).iloc[0]
    assert list(check[["accuracy", "chance"]]) == pytest.approx([0.7, 0.7])
    assert not check["suspect"]


def test_few_of_many_honest_controls_are_suspect():
    """The level holds for all rows together."""
    rows = [null_results(0, seed=i).assign(model=f"m{i}") for i in range(40)]
    check, alone = check_null(pd.concat(rows)).iloc[0], check_null(rows[0]).iloc[0]
    assert check_null(pd.concat(rows))["suspect"].sum() == 0
    widening = stats.norm.ppf(1 - 0.025 / 40) / stats.norm.ppf(0.975)
    width, width_alone = (row["high"] - row["low"] for row in (check, alone))
    assert width == pytest.approx(width_alone * widening)


def test_without_a_control_there_is_nothing_to_check(random_folds):
    check = check_null(random_folds)
    assert len(check) == 0
    assert "suspect" in check


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
