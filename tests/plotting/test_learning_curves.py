"""Promises of LearningCurvesDisplay."""

import numpy as np
import pandas as pd
import pytest

from skomics.plotting import LearningCurvesDisplay


@pytest.fixture
def curves():
    return pd.DataFrame(
        {
            "label": ["SMA", "SMA", "efNN", "efNN"],
            "n_train": [40, 80, 40, 80],
            "mean": [0.6, 0.7, 0.5, 0.65],
            "std": [0.05, np.nan, 0.1, 0.1],
        }
    )


def test_each_model_is_a_line_through_its_means(curves, pyplot):
    display = LearningCurvesDisplay(curves)
    assert display.plot(ylabel="macro F1") is display
    lines = [bars.lines[0] for bars in display.ax_.containers]
    np.testing.assert_allclose(lines[0].get_xydata(), [[40, 0.6], [80, 0.7]])
    np.testing.assert_allclose(lines[1].get_xydata(), [[40, 0.5], [80, 0.65]])
    assert lines[0].get_color() != lines[1].get_color()
    assert display.ax_.get_ylabel() == "macro F1"


def test_models_are_in_the_legend(curves, pyplot):
    own = LearningCurvesDisplay(curves).plot().figure_.legends[0]
    given = LearningCurvesDisplay(curves).plot(ax=pyplot.subplots()[1]).ax_.get_legend()
    for legend in (own, given):
        assert [text.get_text() for text in legend.get_texts()] == ["SMA", "efNN"]


def test_twenty_models_with_long_names_leave_room_for_the_curves(curves, pyplot):
    names = [f"a model with a long name {i}" for i in range(20)]
    many = pd.concat([curves.assign(label=name) for name in names])
    display = LearningCurvesDisplay(many).plot()
    display.figure_.canvas.draw()
    assert display.ax_.get_position().height * display.figure_.get_figheight() > 2
    legend = display.figure_.legends[0].get_window_extent()
    assert legend.y1 < display.ax_.get_window_extent().y0


def test_display_draws_on_given_axes(curves, pyplot):
    ax = pyplot.subplots()[1]
    display = LearningCurvesDisplay(curves).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert len(pyplot.get_fignums()) == 1
