"""Axes at the width of a column, and names that fit in."""

import numpy as np
import pytest

from skomics.plotting._canvas import (
    COLUMN,
    count_columns,
    make_axes,
    shorten,
    shorten_all,
    sort_classes,
)


def test_a_panel_is_a_column_of_a_journal_wide(pyplot):
    (ax,) = make_axes(None, 2.0)
    np.testing.assert_allclose(ax.figure.get_size_inches(), [85 / 25.4, 2.0])


def test_panels_stand_in_columns_and_the_rest_is_empty(pyplot):
    axes = make_axes(None, 1.0, n_panels=4, n_columns=3)
    figure = axes[0].figure
    np.testing.assert_allclose(figure.get_size_inches(), [3 * COLUMN, 2.0])
    assert sum(ax.get_visible() for ax in figure.axes) == 4


def test_given_axes_are_drawn_on_if_there_are_enough(pyplot):
    given = pyplot.subplots(1, 3)[1]
    assert make_axes(given, 1.0, n_panels=2) == list(given[:2])
    with pytest.raises(ValueError, match="Got 3 axes for 4 panels"):
        make_axes(given, 1.0, n_panels=4)


@pytest.mark.parametrize("name", ["TP53", "x" * 24, 7])
def test_short_names_stay(name):
    assert shorten(name) == str(name)


def test_long_names_keep_both_ends():
    short = shorten("GLYCOLYSIS_GLUCONEOGENESIS_HALLMARK_pS473", 20)
    assert len(short) == 20
    assert short.startswith("GLYCOLYSIS_G")
    assert short.endswith("S473")


def test_names_that_are_cut_to_the_same_are_numbered():
    given = ["x" * 40 + "a" + "y" * 40, "x" * 40 + "b" + "y" * 40, "short"]
    one, other, short = shorten_all(given, 10)
    assert other == f"{one} (2)"
    assert short == "short"


def test_legend_has_as_many_columns_as_fit():
    assert count_columns(["rna", "protein", "cnv", "mirna"], COLUMN, 7) == 3
    assert count_columns(["rna", "protein"], COLUMN, 7) == 2
    assert count_columns(["x" * 200] * 3, COLUMN, 7) == 1


def test_classes_that_are_numbers_stand_in_their_order():
    assert sort_classes([10, 2, 1, 2]) == [1, 2, 10]
    assert sort_classes(["b", "a", "b"]) == ["a", "b"]
    assert sort_classes(["b", 3]) == [3, "b"]
