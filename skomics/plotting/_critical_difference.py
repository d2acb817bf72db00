"""Mean ranks of models, and which of them do not differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from skomics._optional import import_optional
from skomics.plotting._canvas import shorten_all
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CriticalDifferenceDisplay"]

_INCHES_PER_MODEL, _INCHES_OF_FRAME = 0.2, 1.3


class CriticalDifferenceDisplay:
    """Mean ranks on a line; bars join models that do not differ.

    Parameters
    ----------
    ranks : DataFrame
        One row per model, as from :func:`skomics.benchmark.rank_models`: index model,
        columns label and rank.

    pairs : DataFrame
        One row per pair, as from :func:`skomics.benchmark.posthoc_tests`: columns
        model, other, and p-values.

    critical_difference : float, default=None
        Drawn as a scale if given, as from
        :func:`skomics.benchmark.friedman_nemenyi`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the diagram.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    References
    ----------
    J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7,
    2006.

    Examples
    --------
    >>> from skomics.benchmark import posthoc_tests, rank_models
    >>> from skomics.plotting import CriticalDifferenceDisplay
    >>> display = CriticalDifferenceDisplay(
    ...     rank_models(results), posthoc_tests(results)
    ... ).plot()  # doctest: +SKIP
    """

    def __init__(
        self,
        ranks: pd.DataFrame,
        pairs: pd.DataFrame,
        critical_difference: float | None = None,
    ) -> None:
        self.ranks = ranks
        self.pairs = pairs
        self.critical_difference = critical_difference

    def plot(
        self, p_value: str = "p_nemenyi", *, alpha: float = 0.05, ax: Axes | None = None
    ) -> Self:
        """Draw the figure.

        Parameters
        ----------
        p_value : str, default="p_nemenyi"
            Column of `pairs` with the p-values; or "p_holm", of Wilcoxon's tests.

        alpha : float, default=0.05
            Models with a p-value of at least this are joined.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure that fits the number of models.

        Returns
        -------
        display : CriticalDifferenceDisplay
            The object itself.

        Raises
        ------
        ValueError
            If there is no such column of p-values.

        ImportError
            If matplotlib or scikit-posthocs is not installed.
        """
        matrix = self._spread_p_values(p_value)
        posthocs = import_optional("scikit_posthocs", extra="bench")
        if ax is None:
            plt = import_optional("matplotlib.pyplot", extra="plot")
            height = len(self.ranks) * _INCHES_PER_MODEL + _INCHES_OF_FRAME
            ax = plt.subplots(figsize=(7.0, height), layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        ranks = self.ranks["rank"].set_axis(matrix.index)
        styles = style_models(list(matrix.index))
        drawn = posthocs.critical_difference_diagram(
            ranks,
            matrix,
            alpha=alpha,
            ax=ax,
            # An en space, which stays where it is at the end of a text.
            label_fmt_left="{label}  {rank:.2f}\u2002",
            label_fmt_right="\u2002{rank:.2f}  {label}",
            color_palette={label: style["color"] for label, style in styles.items()},
            crossbar_props={"color": "#000000", "linewidth": 3},
            text_h_margin=0.02 * np.ptp(ranks) + 0.01,
        )
        # Small text in a pale color is hard to read.
        for text in drawn["labels"]:
            text.set_color("#000000")
        if self.critical_difference is not None:
            self._draw_scale(ranks.min())
        return self

    def _draw_scale(self, start):
        """Draw the critical difference above the numbers of the axis."""
        transforms = import_optional("matplotlib.transforms", extra="plot")
        ax, end = self.ax_, start + self.critical_difference
        points = {"textcoords": "offset points", "annotation_clip": False}
        for x in (start, end):
            ax.annotate("|", (x, 0), (0, 30), ha="center", va="center", **points)
        lift = transforms.ScaledTranslation(0, 30 / 72, ax.figure.dpi_scale_trans)
        ax.plot(
            [start, end],
            [0, 0],
            transform=ax.transData + lift,
            color="#000000",
            clip_on=False,
        )
        text = f"critical difference {self.critical_difference:.2f}"
        ax.annotate(text, (start, 0), (0, 36), ha="left", va="bottom", **points)

    def _spread_p_values(self, p_value):
        """Return the p-values as a symmetric table of models by their labels."""
        if p_value not in self.pairs:
            known = [c for c in self.pairs if str(c).startswith("p_")]
            raise ValueError(f"Got p_value={p_value!r}. Choose one of {known}.")
        models = self.ranks.index
        matrix = pd.DataFrame(1.0, index=models, columns=models)
        for row in self.pairs.to_dict("records"):
            matrix.loc[row["model"], row["other"]] = row[p_value]
            matrix.loc[row["other"], row["model"]] = row[p_value]
        labels = shorten_all(self.ranks["label"])
        return matrix.set_axis(labels).set_axis(labels, axis=1)
