"""Scores of a cross-validation with intervals."""

import numpy as np
import pandas as pd
import polars
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate

from skomics.benchmark import expected_calibration_error
from skomics.exceptions import SampleAlignmentError
from skomics.metrics import (
    corrected_t_test,
    reliability_curve,
    risk_coverage_curve,
    score_intervals,
    selection_stability,
)

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


def test_what_is_no_ratio_or_level_is_refused():
    with pytest.raises(ValueError, match="Got ratio=-1. It is the number of test samp"):
        corrected_t_test(SCORES, -1)
    with pytest.raises(ValueError, match="Got level=95. It is a level of confidence"):
        corrected_t_test(SCORES, 0.25, level=95)


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


# The demonstration that Nogueira, Sechidis and Brown published with their paper
# (github.com/nogueirs/JMLR2018, python/stabilityDemo.ipynb): ten selections of four
# of ten features, with what their own code makes of them.
DEMO = """
1111000000 0001011100 0100011100 1100101000 0110110000
0111001000 1001000011 0001011100 0011110000 0000100111
""".split()
DEMO = np.array([list(map(int, row)) for row in DEMO])


def test_stability_is_that_of_the_published_example():
    found = selection_stability(DEMO)
    assert found["stability"] == pytest.approx(-0.037037037037, abs=1e-12)
    assert found["variance"] == pytest.approx(0.00516666666667, abs=1e-12)
    half = 1.959964 * np.sqrt(0.00516666666667)
    assert found["high"] - found["stability"] == pytest.approx(half, rel=1e-6)
    assert found["stability"] - found["low"] == pytest.approx(half, rel=1e-6)
    assert found["z"] == pytest.approx(-0.037037037 / np.sqrt(0.0051666667))
    # Half of the normal distribution is above 0; 0.5153 standard errors below, 0.6968.
    assert found["p_value"] == pytest.approx(0.6968, abs=1e-4)


@pytest.mark.parametrize(
    ("supports", "stability"),
    [
        ([[1, 1, 0]] * 3, 1.0),
        ([[1, 1, 0], [0, 1, 1], [1, 0, 1]], -0.5),
    ],
    ids=["equal", "different"],
)
def test_small_examples_are_those_published(supports, stability):
    found = selection_stability(supports)
    assert found["stability"] == pytest.approx(stability)
    assert found["low"] == found["high"] == found["stability"]


def test_equal_selections_are_tested_as_certain():
    found = selection_stability([[True, False, False]] * 4)
    assert found["z"] == np.inf
    assert found["p_value"] == 0


def test_selections_of_one_size_have_the_index_of_kuncheva():
    rng = np.random.default_rng(0)
    order = [rng.permutation(20)[:5] for _ in range(8)]
    supports = np.array([np.isin(np.arange(20), chosen) for chosen in order])
    shared = [
        len(np.intersect1d(order[i], order[j])) for i in range(8) for j in range(i)
    ]
    kuncheva = (np.mean(shared) - 25 / 20) / (5 - 25 / 20)
    assert selection_stability(supports)["stability"] == pytest.approx(kuncheva)


def test_interval_holds_the_stability_of_drawn_selections():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(200):
        found = selection_stability(rng.random((100, 30)) < 0.2)
        held.append(found["low"] <= 0 <= found["high"])
    assert 0.88 <= np.mean(held) <= 1


@pytest.mark.parametrize("kind", [pd.DataFrame, np.asarray, list])
def test_selections_may_be_any_table(kind):
    assert selection_stability(kind(DEMO)) == selection_stability(DEMO)
    assert selection_stability(DEMO.astype(bool)) == selection_stability(DEMO)


@pytest.mark.parametrize(
    ("supports", "what"),
    [(np.zeros((3, 4)), "has no feature"), (np.ones((3, 4)), "has all 4 features")],
)
def test_stability_of_nothing_is_not_defined(supports, what):
    with pytest.warns(UserWarning, match=f"Each of the 3 selections {what}"):
        found = selection_stability(supports)
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("supports", [[[1, 0, 1]], [1, 0, 1], np.ones((3, 0))])
def test_less_than_two_selections_are_refused(supports):
    with pytest.raises(ValueError, match=r"supports of shape .* at least two"):
        selection_stability(supports)


@pytest.mark.parametrize("supports", [[[3, 5], [3, 7]], [[0, 0.5], [1, 1]]])
def test_positions_instead_of_masks_are_refused(supports):
    with pytest.raises(ValueError, match="neither 0 nor 1, the first .* in row 0"):
        selection_stability(supports)


@pytest.mark.parametrize("supports", [[["TP53"], ["EGFR"]], [[1], [1, 0]]])
def test_names_instead_of_masks_are_refused(supports):
    with pytest.raises(ValueError, match="supports are no table of 0 and 1"):
        selection_stability(supports)


def test_unknown_measure_and_level_are_refused():
    with pytest.raises(ValueError, match=r"Got measure='jaccard'. Choose one of"):
        selection_stability(DEMO, measure="jaccard")
    with pytest.raises(ValueError, match="Got level=95. It is a level of confidence"):
        selection_stability(DEMO, level=95)


def drawn_probabilities(n_samples=200, n_classes=3, seed=0):
    """Return classes that are drawn with the given probabilities."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), n_samples)
    y = np.array([rng.choice(list("abcdefgh"[:n_classes]), p=p) for p in proba])
    return y, proba


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("n_bins", [1, 5, 10])
def test_points_of_a_class_are_those_of_scikit_learn(strategy, n_bins):
    y, proba = drawn_probabilities()
    curve = reliability_curve(y, proba, kind="class", n_bins=n_bins, strategy=strategy)
    for place, (label, part) in enumerate(curve.groupby("class")):
        fraction, predicted = calibration_curve(
            y == label, proba[:, place], n_bins=n_bins, strategy=strategy
        )
        np.testing.assert_allclose(part["fraction"], fraction)
        np.testing.assert_allclose(part["mean_predicted"], predicted)
        assert part["n_samples"].sum() == len(y)
        assert (part["left"] <= part["mean_predicted"]).all()
        assert (part["mean_predicted"] <= part["right"]).all()


def test_probabilities_on_an_edge_count_in_the_lower_bin_as_in_scikit_learn():
    first = np.array([0.2, 0.4, 0.4, 0.6, 0.8, 1.0])
    y = np.array(["a", "b", "a", "b", "a", "a"])
    proba = np.column_stack([first, 1 - first])
    curve = reliability_curve(y, proba, kind="class", n_bins=5)
    part = curve[curve["class"] == "a"]
    fraction, predicted = calibration_curve(y == "a", first, n_bins=5)
    np.testing.assert_allclose(part["fraction"], fraction)
    np.testing.assert_allclose(part["mean_predicted"], predicted)
    assert part["n_samples"].tolist() == [1, 2, 1, 1, 1]


def test_interval_of_a_bin_is_wilsons():
    curve = reliability_curve(["a", "b"], [[0.8, 0.2], [0.8, 0.2]])
    # One of two, z = 1.96: (1 + z²/2 ± z √(1/2 + z²/4)) / (2 + z²).
    np.testing.assert_allclose(curve[["low", "high"]], [[0.0945, 0.9055]], atol=1e-4)


def test_weighted_gaps_of_the_top_call_are_the_expected_calibration_error():
    y, proba = drawn_probabilities()
    curve = reliability_curve(y, proba, n_bins=7)
    gaps = (curve["fraction"] - curve["mean_predicted"]).abs() * curve["n_samples"]
    expected = expected_calibration_error(y, proba, n_bins=7)
    assert gaps.sum() / len(y) == pytest.approx(expected)


def test_intervals_of_right_probabilities_hold_them_as_often_as_the_level_says():
    held = []
    for seed in range(60):
        curve = reliability_curve(*drawn_probabilities(seed=seed), n_bins=5, level=0.9)
        held.extend(curve["mean_predicted"].between(curve["low"], curve["high"]))
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


def test_equal_probabilities_are_one_bin():
    curve = reliability_curve(["a", "b"], np.full((2, 2), 0.5), strategy="quantile")
    assert curve["n_samples"].tolist() == [2]
    assert curve["fraction"].tolist() == [0.5]


def test_risk_is_the_error_among_the_surest_with_the_exact_interval():
    y, proba = drawn_probabilities(50)
    curve = risk_coverage_curve(y, proba, level=0.9)
    confidence = proba.max(axis=1)
    is_wrong = np.array(list("abc"))[proba.argmax(axis=1)] != y
    for row in curve.itertuples():
        called = confidence >= row.threshold
        assert row.coverage == called.mean()
        assert row.risk == pytest.approx(is_wrong[called].mean())
        exact = stats.binomtest(int(is_wrong[called].sum()), int(called.sum()))
        exact = exact.proportion_ci(0.9, method="exact")
        assert (row.low, row.high) == pytest.approx((exact.low, exact.high))
    assert curve["coverage"].iloc[-1] == 1


def test_classes_that_no_sample_has_are_named_by_labels():
    y, proba = drawn_probabilities()
    few = y != "a"
    curve = reliability_curve(y[few], proba[few], labels=list("abc"), kind="class")
    assert (curve.loc[curve["class"] == "a", "fraction"] == 0).all()
    risk = risk_coverage_curve(y[few], proba[few], labels=list("abc"))
    assert risk["n_called"].iloc[-1] == few.sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "top"}, r"kind='top'. Choose one of \['confidence', 'class'\]"),
        ({"strategy": "even"}, "strategy='even'. Choose one of"),
        ({"labels": ["a", "a"]}, "labels 'a', 'a', but each class has one column"),
        ({"n_bins": "5"}, "n_bins='5'. Give a whole number from 1 on"),
        ({"n_bins": 0}, "n_bins=0. Give a whole number from 1 on"),
        ({"level": 1}, "level=1. It is a level of confidence"),
        ({"y_proba": [0.5, 0.5]}, r"shape \(2,\) for 2 classes. It needs a row"),
        ({"y_proba": [[3, -2], [0, 1]]}, "from -2 to 3, but probabilities are between"),
        ({"y_proba": [[np.nan, 1], [0, 1]]}, "probabilities are between 0 and 1"),
        ({"labels": ["a", "c"]}, "samples of 'b' in y_true, but y_proba has columns"),
    ],
)
def test_what_is_no_probability_or_option_is_refused(change, message):
    given = {"y_true": ["a", "b"], "y_proba": [[0.5, 0.5], [0.2, 0.8]], **change}
    with pytest.raises(ValueError, match=message):
        reliability_curve(**given)


CURVES = pytest.mark.parametrize("curve", [reliability_curve, risk_coverage_curve])


@CURVES
def test_probabilities_under_the_names_of_other_classes_are_refused(curve):
    proba = pd.DataFrame([[0.1, 0.9], [0.8, 0.2]], columns=["b", "a"])
    with pytest.raises(ValueError, match="columns of 'b', 'a', but labels 'a', 'b'"):
        curve(["a", "b"], proba)
    found = curve(["a", "b"], proba, labels=proba.columns)
    pd.testing.assert_frame_equal(found, curve(["a", "b"], proba[["a", "b"]]))
    with pytest.raises(ValueError, match="columns of 'b', 'a', but labels 'a', 'b'"):
        curve(["a", "b"], polars.from_pandas(proba))
    curve(["a", "b"], proba.to_numpy())
    curve(["a", "b"], pd.DataFrame(proba.to_numpy()))


@CURVES
def test_probabilities_of_samples_in_another_order_are_refused(curve):
    y = pd.Series(["a", "b"], index=["p1", "p2"])
    proba = pd.DataFrame([[0.1, 0.9], [0.8, 0.2]], index=["p2", "p1"])
    with pytest.raises(
        SampleAlignmentError, match="y_true has the 2 ids of y_proba in"
    ):
        curve(y, proba)


@CURVES
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_labels_are_refused(curve, missing):
    with pytest.raises(ValueError, match="y_true has no label for 1 of 2 samples"):
        curve(pd.Series(["a", missing], dtype=object), [[0.5, 0.5], [0.5, 0.5]])


@CURVES
def test_labels_in_a_column_are_labels(curve):
    proba = [[0.1, 0.9], [0.8, 0.2]]
    found = curve(pd.DataFrame({"class": ["a", "b"]}), proba)
    pd.testing.assert_frame_equal(found, curve(["a", "b"], proba))
    with pytest.raises(ValueError, match="y should be a 1d array"):
        curve([["a", "b"], ["b", "a"]], proba)
