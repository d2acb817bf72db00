"""Pictures of what modalities and features are worth."""

import numpy as np
import pandas as pd
import pytest

from skomics import BlockRidgeClassifier
from skomics.datasets import make_intersim
from skomics.inspection import feature_attributions, modality_importance
from skomics.plotting import FeatureImportanceDisplay, ModalityImportanceDisplay

X, Y = make_intersim(n_samples=90, n_clusters=3, effect=0.5, random_state=0)
MODEL = BlockRidgeClassifier().fit(X[:60], Y[:60])


def test_each_shuffle_is_a_dot_and_the_most_important_is_on_top(pyplot):
    display = ModalityImportanceDisplay.from_estimator(
        MODEL, X[60:], Y[60:], random_state=0, n_repeats=4
    )
    result = modality_importance(MODEL, X[60:], Y[60:], random_state=0, n_repeats=4)
    ticks = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert ticks == list(result.table.index)
    dots = [line for line in display.ax_.lines if line.get_marker() == "o"]
    first = result.importances[result.groups.index(ticks[0])]
    np.testing.assert_allclose(dots[0].get_xdata(), first)
    bottom, top = display.ax_.get_ylim()
    assert bottom > top
    assert display.figure_ is display.ax_.figure


def test_bars_are_signed_by_direction_and_colored_by_modality(pyplot):
    display = FeatureImportanceDisplay.from_estimator(MODEL, X, n_features=7)
    table = feature_attributions(MODEL, X)
    assert [ax.get_title() for ax in display.axes_] == list(MODEL.classes_)
    for ax, (_, part) in zip(display.axes_, table.groupby("class"), strict=True):
        part = part.head(7)
        bars = [bar.get_width() for bar in ax.patches]
        np.testing.assert_allclose(bars, part["value"] * part["direction"])
        colors = pd.Series([bar.get_facecolor() for bar in ax.patches])
        assert colors.nunique() == part["modality"].nunique()
        names = [tick.get_text() for tick in ax.get_yticklabels()]
        assert names == list(part["feature"])


def test_fifteen_classes_with_long_names_fit_on_a_page(pyplot):
    table = pd.DataFrame(
        {
            "modality": ["a_rather_long_name_of_a_modality", "rna"] * 75,
            "feature": [f"HALLMARK_OF_SOMETHING_VERY_LONG_{i}" for i in range(150)],
            "class": np.repeat([f"subtype number {k:02d}" for k in range(15)], 10),
            "value": 1.0,
            "direction": 1,
        }
    )
    display = FeatureImportanceDisplay(table).plot(n_features=5)
    display.figure_.canvas.draw()
    width, height = display.figure_.get_size_inches()
    assert len(display.axes_) == 15
    assert width < 11
    assert height < 9
    box = display.figure_.get_tightbbox()
    assert box.x0 > -0.1
    assert box.x1 < width + 0.1


@pytest.mark.parametrize("n_panels", [1, 3])
def test_displays_draw_on_given_axes(pyplot, n_panels):
    axes = pyplot.subplots(1, n_panels, squeeze=False)[1].ravel()
    if n_panels == 1:
        result = modality_importance(MODEL, X[60:], Y[60:], random_state=0)
        assert ModalityImportanceDisplay(result).plot(ax=axes[0]).ax_ is axes[0]
    else:
        table = feature_attributions(MODEL, X)
        assert FeatureImportanceDisplay(table).plot(ax=axes).axes_ == list(axes)
    assert len(pyplot.get_fignums()) == 1
