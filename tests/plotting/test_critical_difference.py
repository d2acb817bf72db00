"""Promises of CriticalDifferenceDisplay."""

import sys

import numpy as np
import pandas as pd
import pytest

from skomics.plotting import CriticalDifferenceDisplay

pytest.importorskip("scikit_posthocs")


@pytest.fixture
def ranks():
    frame = pd.DataFrame({"label": ["A", "B", "C", "D"], "rank": [1.2, 1.8, 2.9, 3.9]})
    return frame.set_axis(pd.Index(["a", "b", "c", "d"], name="model"))


@pytest.fixture
def pairs():
    """Only a and b, and b and c, do not differ."""
    names = [("a", "b"), ("c", "a"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    frame = pd.DataFrame(names, columns=["model", "other"])
    p_values = [0.5, 0.01, 0.01, 0.3, 0.02, 0.03]
    return frame.assign(p_nemenyi=p_values, p_holm=0.9)


def bars(display):
    """Return the ends of the bars that join models."""
    wide = [line for line in display.ax_.lines if line.get_linewidth() == 3]
    return [(line.get_xdata().min(), line.get_xdata().max()) for line in wide]


def test_bars_join_models_that_do_not_differ(ranks, pairs, pyplot):
    display = CriticalDifferenceDisplay(ranks, pairs)
    assert display.plot() is display
    assert bars(display) == [(1.2, 1.8), (1.8, 2.9)]


def test_other_p_values_and_levels_give_other_bars(ranks, pairs, pyplot):
    display = CriticalDifferenceDisplay(ranks, pairs)
    assert bars(display.plot("p_holm")) == [(1.2, 3.9)]
    assert bars(display.plot(alpha=0.4)) == [(1.2, 1.8)]


def test_labels_give_models_and_ranks_in_black(ranks, pairs, pyplot):
    ax = CriticalDifferenceDisplay(ranks, pairs).plot().ax_
    texts = {text.get_text().strip(): text for text in ax.texts}
    assert set(texts) == {"A  1.20", "B  1.80", "2.90  C", "3.90  D"}
    assert {text.get_color() for text in texts.values()} == {"#000000"}


def test_critical_difference_is_drawn_to_scale(ranks, pairs, pyplot):
    ax = CriticalDifferenceDisplay(ranks, pairs, 1.1).plot().ax_
    assert "critical difference 1.10" in [text.get_text() for text in ax.texts]
    scale = [line.get_xdata() for line in ax.lines if not line.get_clip_on()]
    np.testing.assert_allclose(scale, [[1.2, 2.3]])


def test_no_texts_overlap(ranks, pairs, pyplot):
    display = CriticalDifferenceDisplay(ranks, pairs, 1.1).plot()
    display.figure_.canvas.draw()
    ax = display.ax_
    low, high = ax.get_xlim()
    numbers = [t for t in ax.get_xticklabels() if low <= t.get_position()[0] <= high]
    boxes = [text.get_window_extent() for text in [*ax.texts, *numbers]]
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes[number + 1 :]) == 0
        assert display.figure_.bbox.count_overlaps([box]) == 1


def test_display_draws_on_given_axes(ranks, pairs, pyplot):
    ax = pyplot.subplots()[1]
    display = CriticalDifferenceDisplay(ranks, pairs).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert len(pyplot.get_fignums()) == 1


def test_unknown_p_values_are_refused(ranks, pairs):
    message = r"p_value='p'. Choose one of \['p_nemenyi', 'p_holm'\]"
    with pytest.raises(ValueError, match=message):
        CriticalDifferenceDisplay(ranks, pairs).plot("p")


def test_it_says_what_to_install_where_scikit_posthocs_is_absent(
    ranks, pairs, monkeypatch
):
    monkeypatch.setitem(sys.modules, "scikit_posthocs", None)
    with pytest.raises(ImportError, match=r"pip install 'skomics\[bench\]'"):
        CriticalDifferenceDisplay(ranks, pairs).plot()
