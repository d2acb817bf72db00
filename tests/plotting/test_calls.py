"""Pictures of calls: reliability, and risk against coverage."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics.calibration import SelectiveClassifier
from skomics.datasets import make_intersim
from skomics.exceptions import SampleAlignmentError
from skomics.metrics import reliability_curve, risk_coverage_curve
from skomics.plotting import ReliabilityDisplay, RiskCoverageDisplay

X, Y = make_intersim(n_samples=160, n_clusters=3, effect=0.1, random_state=0)
TRAIN, TEST = slice(0, 80), slice(80, 160)
RIDGE = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())


@pytest.fixture(scope="module")
def ridge():
    return RIDGE.fit(X[TRAIN], Y[TRAIN])


@pytest.fixture(scope="module")
def selective():
    return SelectiveClassifier(RIDGE, coverage=0.7).fit(X[TRAIN], Y[TRAIN])


def test_dots_bars_and_shares_are_those_of_the_curve(ridge, pyplot):
    display = ReliabilityDisplay.from_estimator(ridge, X[TEST], Y[TEST], n_bins=5)
    proba = ridge.predict_proba(X[TEST])
    curve = reliability_curve(Y[TEST], proba, n_bins=5)
    dots, _, (bars,) = display.ax_.containers[1]
    drawn = np.asarray(dots.get_xydata(), dtype=float)
    np.testing.assert_allclose(drawn, curve[["mean_predicted", "fraction"]])
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, curve[["low", "high"]], atol=1e-12)
    heights = [bar.get_height() for bar in display.ax_.patches]
    np.testing.assert_allclose(heights, curve["n_samples"] / 80)


def test_each_class_has_a_panel_with_its_name(ridge, pyplot):
    display = ReliabilityDisplay.from_estimator(ridge, X[TEST], Y[TEST], kind="class")
    titles = [panel.get_title() for panel in display.axes_]
    assert titles == sorted(set(Y))
    assert display.ax_ is display.axes_[0]


def test_class_that_was_not_seen_again_keeps_its_panel(ridge, pyplot):
    some = (Y[TEST] != sorted(set(Y))[0]).to_numpy()
    display = ReliabilityDisplay.from_estimator(
        ridge, X[TEST][some], Y[TEST][some], kind="class"
    )
    assert len(display.axes_) == 3
    assert (
        display.curve["fraction"][display.curve["class"] == sorted(set(Y))[0]] == 0
    ).all()


def test_curve_and_threshold_are_those_of_the_held_out_samples(selective, pyplot):
    display = RiskCoverageDisplay.from_estimator(selective)
    curve, at, dot = display.ax_.lines
    expected = selective.risk_coverage_
    np.testing.assert_allclose(curve.get_xdata(), expected["coverage"])
    np.testing.assert_allclose(curve.get_ydata(), expected["risk"])
    called = (selective.held_out_confidence_ >= selective.threshold_).mean()
    assert at.get_xdata()[0] == pytest.approx(called)
    assert dot.get_xdata()[0] == pytest.approx(called)
    assert f"{called:.0%} called" in display.ax_.get_title()


def test_new_samples_have_a_curve_with_the_threshold_of_the_model(selective, pyplot):
    display = RiskCoverageDisplay.from_estimator(selective, X[TEST], Y[TEST])
    report = selective.selective_report(X[TEST], Y[TEST]).iloc[-1]
    *_, dot = display.ax_.lines
    assert dot.get_xdata()[0] == pytest.approx(report["coverage"])
    assert dot.get_ydata()[0] == pytest.approx(report["risk"])


def test_band_is_the_interval_of_each_threshold(ridge, pyplot):
    proba = ridge.predict_proba(X[TEST])
    display = RiskCoverageDisplay.from_predictions(Y[TEST], proba, level=0.8)
    curve = risk_coverage_curve(Y[TEST], proba, level=0.8)
    corners = display.ax_.collections[0].get_paths()[0].vertices
    for column in ("low", "high"):
        drawn = {tuple(p) for p in corners.round(9)}
        wanted = curve[["coverage", column]].round(9).itertuples(index=False, name=None)
        assert set(wanted) <= drawn
    assert len(display.ax_.lines) == 1


def test_model_that_calls_none_says_so(selective, pyplot):
    display = RiskCoverageDisplay(display_curve(selective), threshold=2.0).plot()
    assert display.ax_.get_title() == "no sample is called"
    every = RiskCoverageDisplay(display_curve(selective), threshold=0.0).plot()
    assert every.ax_.get_title().startswith("threshold none: 100% called")


def display_curve(selective):
    return RiskCoverageDisplay.from_estimator(selective).curve


def test_samples_without_labels_and_models_without_samples_are_refused(
    ridge, selective
):
    with pytest.raises(ValueError, match="Got X without y. Give samples and their"):
        RiskCoverageDisplay.from_estimator(selective, X[TEST])
    with pytest.raises(ValueError, match="Got y without X"):
        RiskCoverageDisplay.from_estimator(selective, y=Y[TEST])
    with pytest.raises(ValueError, match="Pipeline keeps no held-out samples. Give X"):
        RiskCoverageDisplay.from_estimator(ridge)


def test_displays_draw_on_given_axes(selective, pyplot):
    axes = pyplot.subplots(2, 2)[1].ravel()
    drawn = RiskCoverageDisplay.from_estimator(selective, ax=axes[3])
    panels = ReliabilityDisplay.from_estimator(
        selective, X[TEST], Y[TEST], kind="class", ax=axes
    )
    assert drawn.ax_ is axes[3]
    assert panels.axes_ == list(axes[:3])
    assert all(panel.get_xlabel() for panel in panels.axes_)


def test_binary_models_of_scikit_learn_are_taken(pyplot):
    two = np.where(Y == Y.iloc[0], "one", "other")
    model = LogisticRegression(max_iter=500).fit(X[TRAIN].to_numpy(), two[TRAIN])
    given = model, X[TEST].to_numpy(), two[TEST]
    assert len(ReliabilityDisplay.from_estimator(*given, kind="class").axes_) == 2
    assert len(RiskCoverageDisplay.from_estimator(*given).ax_.lines) == 1


@pytest.mark.parametrize("display", [ReliabilityDisplay, RiskCoverageDisplay])
def test_labels_in_another_order_and_models_without_probabilities_are_refused(display):
    few, y = X[:60], Y[:60]
    model = BlockRidgeClassifier().fit(few, y)
    with pytest.raises(SampleAlignmentError, match="y has the 60 ids of X in another"):
        display.from_estimator(model, few, y[::-1])
    values = few.to_numpy()
    with pytest.raises(TypeError, match="LinearSVC gives no probabilities"):
        display.from_estimator(LinearSVC().fit(values, y), values, y)


def test_a_single_bin_is_drawn_without_a_warning(pyplot):
    display = ReliabilityDisplay.from_predictions([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    assert len(display.ax_.patches) == 1
