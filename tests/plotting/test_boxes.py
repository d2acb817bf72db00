"""Promises of ScoreBoxDisplay."""

import numpy as np
import pandas as pd
import pytest

from skomics.plotting import ScoreBoxDisplay


@pytest.fixture
def results():
    frame = pd.DataFrame({"label": ["SMA"] * 5 + ["efNN"] * 3})
    frame["f1_macro"] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.4, np.nan, 0.6]
    return frame


def test_line_of_a_box_is_the_median_and_every_score_is_a_dot(results, pyplot):
    display = ScoreBoxDisplay(results)
    assert display.plot() is display
    lines = display.ax_.lines
    dots = [line for line in lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots[0].get_xdata(), [0.5, 0.6, 0.7, 0.8, 0.9])
    np.testing.assert_allclose(dots[1].get_xdata(), [0.4, 0.6])
    medians = [line.get_xdata()[0] for line in lines if line.get_linewidth() == 2.5]
    assert medians == pytest.approx([0.7, 0.5])


def test_models_stand_in_order_from_top_to_bottom(results, pyplot):
    ax = ScoreBoxDisplay(results).plot().ax_
    assert [label.get_text() for label in ax.get_yticklabels()] == ["SMA", "efNN"]
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_a_model_without_a_score_keeps_its_place(results, pyplot):
    results.loc[results["label"] == "SMA", "f1_macro"] = np.nan
    ax = ScoreBoxDisplay(results).plot().ax_
    assert [label.get_text() for label in ax.get_yticklabels()] == ["SMA", "efNN"]


def test_display_draws_on_given_axes(results, pyplot):
    ax = pyplot.subplots()[1]
    display = ScoreBoxDisplay(results).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert len(pyplot.get_fignums()) == 1


def test_an_unknown_metric_is_refused(results):
    with pytest.raises(ValueError, match=r"metric='auc'. Choose one of \['accuracy'"):
        ScoreBoxDisplay(results).plot("auc")
