"""Pictures of samples: a signature as a clustered map, and what they are called."""

import numpy as np
import pytest

from skomics import BlockRidgeClassifier
from skomics.datasets import make_intersim
from skomics.exceptions import SampleAlignmentError
from skomics.inspection import feature_attributions
from skomics.plotting import ConfusionDisplay, SampleHeatmapDisplay

X, Y = make_intersim(n_samples=60, n_clusters=3, effect=0.5, random_state=0)
MODEL = BlockRidgeClassifier().fit(X, Y)


def test_map_has_the_features_that_add_most_and_keeps_classes_together(pyplot):
    display = SampleHeatmapDisplay.from_estimator(MODEL, X, Y, n_features=4)
    top = feature_attributions(MODEL, X).groupby("class").head(4)
    keys = set(zip(top["modality"], top["feature"], strict=True))
    assert set(display.values.columns) == keys
    np.testing.assert_allclose(display.values.mean(), 0, atol=1e-9)
    np.testing.assert_allclose(display.values.std(), 1)
    shown = display.ax_.images[0].get_array()
    assert shown.shape == (len(keys), 60)
    edges = [line.get_xdata()[0] for line in display.ax_.lines]
    assert edges == [e - 0.5 for e in np.cumsum(Y.value_counts().sort_index())[:-1]]
    start = int((Y == sorted(set(Y))[0]).sum())
    first = np.sort(np.asarray(shown[:, :start]), axis=1)
    order = [t.get_text() for t in display.ax_.get_yticklabels()]
    given = display.values.droplevel("modality", axis=1).loc[:, order]
    chosen = given[(Y == sorted(set(Y))[0]).to_numpy()]
    np.testing.assert_allclose(first, np.sort(chosen.to_numpy().T, axis=1))


def test_map_takes_samples_that_lack_a_modality(pyplot):
    table = X.copy()
    table.loc[table.index[:5], "protein"] = np.nan
    model = BlockRidgeClassifier().fit(table, Y)
    display = SampleHeatmapDisplay.from_estimator(model, table, Y, n_features=20)
    display.figure_.canvas.draw()
    assert np.ma.masked_invalid(display.ax_.images[0].get_array()).mask.any()


def test_cells_are_the_mean_share_of_a_class_over_repeats(pyplot):
    y = np.repeat(["a", "b"], [4, 2])
    calls = [["a", "a", "a", "b", "b", "b"], ["a", "a", "b", "b", "b", "a"]]
    display = ConfusionDisplay.from_predictions(y, calls)
    np.testing.assert_allclose(
        display.ax_.images[0].get_array(), [[0.625, 0.375], [0.25, 0.75]]
    )
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts[0] == "62%\n±12"
    one = ConfusionDisplay.from_predictions(y, calls[0])
    assert one.ax_.texts[0].get_text() == "75%"


def test_calls_of_other_samples_are_refused():
    with pytest.raises(ValueError, match="Got 2 calls for 3 samples"):
        ConfusionDisplay.from_predictions(["a", "b", "a"], ["a", "b"])


def test_map_colors_samples_by_their_own_labels(pyplot):
    with pytest.raises(SampleAlignmentError, match="y has the 60 ids of X in another"):
        SampleHeatmapDisplay.from_estimator(MODEL, X, Y[::-1])
    with pytest.raises(ValueError, match="y has no label for 1 of 60 samples"):
        SampleHeatmapDisplay.from_estimator(MODEL, X, Y.mask(Y.index == Y.index[3]))


def test_calls_are_compared_with_the_class_of_their_own_sample(pyplot):
    calls = Y[::-1]
    with pytest.raises(SampleAlignmentError, match="y_pred has the 60 ids of y_true"):
        ConfusionDisplay.from_predictions(Y, calls)
    display = ConfusionDisplay.from_predictions(
        Y.astype("category"), calls[::-1].to_frame()
    )
    np.testing.assert_array_equal(display.ax_.images[0].get_array(), np.eye(3))


def test_open_calls_are_refused_by_number():
    with pytest.raises(ValueError, match="y_pred has no call for 1 of 3 samples. Leav"):
        ConfusionDisplay.from_predictions(["a", "b", "a"], ["a", None, "a"])


def test_displays_draw_on_given_axes(pyplot):
    axes = pyplot.subplots(1, 2)[1]
    calls = ConfusionDisplay.from_predictions(Y, MODEL.predict(X), ax=axes[0])
    shown = SampleHeatmapDisplay.from_estimator(MODEL, X, Y, ax=axes[1])
    assert (calls.ax_, shown.ax_) == tuple(axes)
