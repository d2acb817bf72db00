"""Scores of a cross-validation with intervals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate

from skomics.metrics import corrected_t_test, score_intervals, selection_stability

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
