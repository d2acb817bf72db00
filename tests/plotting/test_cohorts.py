"""The picture of a shift shows the numbers of the shift."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics.datasets import make_intersim
from skomics.inspection import cohort_shift
from skomics.plotting import CohortShiftDisplay

X, Y = make_intersim(n_samples=90, n_clusters=3, effect=0.5, random_state=0)
NEW = X[60:].copy()
NEW["protein"] = NEW["protein"] * 3 + 7


@pytest.fixture(scope="module")
def model():
    scaled = OmicsConcatenator(StandardScaler())
    return make_pipeline(scaled, BlockRidgeClassifier()).fit(X[:60], Y[:60])


def test_each_modality_has_its_interval_and_shifted_ones_are_filled(model, pyplot):
    params = {"X_train": X[:60], "novelty": False, "random_state": 0}
    display = CohortShiftDisplay.from_estimator(model, NEW, **params)
    table = cohort_shift(model, NEW, **params).table
    top, below = display.axes_
    names = [tick.get_text() for tick in top.get_yticklabels()]
    assert names == list(table.index)
    bars, dots = top.lines[0:6:2], top.lines[1:6:2]
    for name, bar, dot in zip(names, bars, dots, strict=True):
        assert list(bar.get_xdata()) == [
            table.loc[name, end] for end in ("low", "high")
        ]
        assert dot.get_xdata() == table.loc[name, "auc"]
        is_filled = dot.get_markerfacecolor() != "white"
        assert is_filled == table.loc[name, "is_shifted"]
    features = display.shift.features.head(10)
    widths = [bar.get_width() for bar in below.patches]
    np.testing.assert_allclose(widths, features["value"])
    ticks = [tick.get_text() for tick in below.get_yticklabels()]
    assert len(ticks) == len(set(ticks)) == 10


@pytest.mark.filterwarnings("ignore:No sample has the modality")
def test_absent_modalities_are_left_out_and_axes_may_be_given(model, pyplot):
    shift = cohort_shift(
        model,
        X[60:].drop(columns="protein", level=0),
        X_train=X[:60],
        novelty=False,
        n_permutations=39,
        alpha=0.05,
    )
    _, axes = pyplot.subplots(1, 2)
    display = CohortShiftDisplay(shift).plot(n_features=3, ax=axes)
    assert display.axes_ == list(axes)
    assert len(axes[0].get_yticks()) == 2
    assert len(axes[1].patches) == 3
