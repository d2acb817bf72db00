"""Spread of the scores of several models over the folds of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from skomics._optional import import_optional
from skomics.plotting._benchmark import METRICS, check_scores
from skomics.plotting._canvas import shorten_all
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from skomics._typing import Metric

__all__ = ["ScoreBoxDisplay"]

_INCHES_PER_MODEL, _INCHES_OF_FRAME = 0.3, 0.8


class ScoreBoxDisplay:
    """A box over the folds for each model, and a dot for each fold.

    Parameters
    ----------
    results : DataFrame
        Rows of one task, one per fit, as from
        :func:`skomics.benchmark.run_benchmark`: columns label and the metric to be
        shown. Rows whose score is missing are left out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the boxes.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.plotting import ScoreBoxDisplay
    >>> results = pd.DataFrame({
    ...     "label": ["SMA", "SMA", "efNN", "efNN"],
    ...     "f1_macro": [0.81, 0.78, 0.76, 0.74],
    ... })
    >>> display = ScoreBoxDisplay(results).plot()  # doctest: +SKIP
    """

    def __init__(self, results: pd.DataFrame) -> None:
        self.results = results

    def plot(self, metric: Metric = "f1_macro", *, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
                "roc_auc"}, default="f1_macro"
            What to show.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure that fits the number of models.

        Returns
        -------
        display : ScoreBoxDisplay
            The object itself.

        Raises
        ------
        ValueError
            If the metric is unknown, or no fit has a score.

        ImportError
            If matplotlib is not installed.
        """
        check_scores(self.results, metric)
        labels = list(dict.fromkeys(self.results["label"]))
        if ax is None:
            plt = import_optional("matplotlib.pyplot", extra="plot")
            size = (7.0, len(labels) * _INCHES_PER_MODEL + _INCHES_OF_FRAME)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        for height, (label, style) in enumerate(style_models(labels).items()):
            scores = self.results.loc[self.results["label"] == label, metric].dropna()
            self._draw_box(scores, height, style["color"])
        ax.set_yticks(range(len(labels)), shorten_all(labels, 32))
        ax.set_ylim(len(labels) - 0.5, -0.5)
        ax.grid(axis="x", color="#808080", alpha=0.3)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.set_xlabel(f"{METRICS[metric]} (line: median; dots: folds)")
        return self

    def _draw_box(self, scores, height, color):
        self.ax_.boxplot(
            [scores],
            orientation="horizontal",
            positions=[height],
            widths=0.6,
            showfliers=False,
            manage_ticks=False,
            medianprops={"color": color, "linewidth": 2.5},
            boxprops={"color": color},
            whiskerprops={"color": color},
            capprops={"color": color},
        )
        self.ax_.plot(
            scores,
            [height] * len(scores),
            linestyle="none",
            marker="o",
            markersize=4,
            color=color,
            alpha=0.5,
            markeredgewidth=0,
        )
