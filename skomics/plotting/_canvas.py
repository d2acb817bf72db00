"""Axes at the width of one column of a journal, and names that fit in."""

import numpy as np

from skomics._optional import import_optional

__all__ = [
    "COLUMN",
    "count_columns",
    "make_axes",
    "shorten",
    "shorten_all",
    "sort_classes",
    "tidy",
]

# One column of a journal: 85 mm, in inches.
COLUMN = 85 / 25.4


def make_axes(ax, height, *, n_panels=1, n_columns=1, width=COLUMN):
    """Return axes to draw on: those given, or those of a new figure.

    Parameters
    ----------
    ax : Axes, array-like of Axes, or None
        What the user gave.

    height : float
        Height of a panel of a new figure, in inches.

    n_panels, n_columns : int, default=1
        Number of panels, and of columns that they stand in.

    width : float, default=85 mm
        Width of a panel, in inches.

    Returns
    -------
    axes : list of Axes
        As many as there are panels.
    """
    if ax is not None:
        axes = list(np.ravel(ax))
        if len(axes) < n_panels:
            raise ValueError(
                f"Got {len(axes)} axes for {n_panels} panels. Give one for each, or "
                "none for a new figure."
            )
        return axes[:n_panels]
    plt = import_optional("matplotlib.pyplot", extra="plot")
    n_rows = -(-n_panels // n_columns)
    figure, grid = plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns, height * n_rows),
        layout="constrained",
        squeeze=False,
    )
    for rest in grid.flat[n_panels:]:
        rest.set_visible(False)
    return list(grid.flat[:n_panels])


def shorten(name, n=24):
    """Return a name of at most `n` characters, its middle left out.

    The ends of names tell features apart: genes at the front, sites at the back.
    """
    name = str(name)
    if len(name) <= n:
        return name
    front = (n - 1) * 2 // 3
    return f"{name[:front]}…{name[len(name) - (n - 1 - front) :]}"


def shorten_all(names, n=24):
    """Return short names that differ where the names do, by a number if need be."""
    short, taken = [], {}
    for name in names:
        cut = shorten(name, n)
        taken[cut] = taken.get(cut, 0) + 1
        short.append(cut if taken[cut] == 1 else f"{cut} ({taken[cut]})")
    return short


def sort_classes(labels):
    """Return the distinct classes: 2 before 10, and by name where types differ."""
    distinct = list(dict.fromkeys(labels))
    try:
        return sorted(distinct)
    except TypeError:
        return sorted(distinct, key=str)


def count_columns(names, width, fontsize, most=3):
    """Return how many columns of a legend fit into a width.

    Parameters
    ----------
    names : list of str
        What the legend says.

    width : float
        In inches.

    fontsize : float
        In points. A letter is taken for 0.6 of it wide, what stands before a name for
        four letters.

    most : int, default=3
        Number of columns that there are at most.

    Returns
    -------
    n_columns : int
        At least 1.
    """
    column = (max(map(len, names)) + 4) * 0.6 * fontsize / 72
    return max(1, min(len(names), most, int(width / column)))


def tidy(ax, grid="x"):
    """Take frame lines away and put a pale grid behind what is drawn."""
    ax.grid(axis=grid, color="#808080", alpha=0.3)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0, labelsize=7)
    ax.tick_params(axis="x", labelsize=7)
    ax.xaxis.label.set_size(8)
    ax.yaxis.label.set_size(8)
    ax.title.set_size(8)
