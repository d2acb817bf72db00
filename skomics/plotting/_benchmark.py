"""Scores of several models on several tasks."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Self

from skomics._optional import import_optional
from skomics.plotting._canvas import shorten_all
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from skomics._typing import Metric

__all__ = ["METRICS", "BenchmarkDisplay", "check_scores"]

METRICS = {
    "accuracy": "Accuracy",
    "f1_macro": "Macro F1",
    "f1_weighted": "Weighted F1",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "MCC",
    "roc_auc": "ROC AUC",
}
_INCHES_PER_MODEL, _INCHES_OF_FRAME, _INCHES_PER_LEGEND_LINE = 0.26, 1.0, 0.22
_INCHES_PER_LETTER, _INCHES_PER_MARK = 0.085, 0.55
_INCHES_OF_AXES = 6.0
_LONGEST = 32


class BenchmarkDisplay:
    """Every score of every model as a dot, and the mean of each model and task.

    Parameters
    ----------
    results : DataFrame
        One row per fit, as from :func:`skomics.benchmark.run_benchmark`: columns
        task, label, and the metric to be shown. Rows whose score is missing, those
        of failed fits, are left out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the dots.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.plotting import BenchmarkDisplay
    >>> results = pd.DataFrame({
    ...     "task": ["luad", "luad", "stad", "stad"],
    ...     "label": ["SMA", "efNN", "SMA", "efNN"],
    ...     "f1_macro": [0.81, 0.78, 0.86, 0.84],
    ... })
    >>> display = BenchmarkDisplay(results).plot()  # doctest: +SKIP
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
            Where to draw; None makes a figure that fits the number of rows.

        Returns
        -------
        display : BenchmarkDisplay
            The object itself.

        Raises
        ------
        ValueError
            If the metric is unknown, or no fit has a score.

        ImportError
            If matplotlib is not installed.
        """
        check_scores(self.results, metric)
        tasks, labels = (
            list(dict.fromkeys(self.results[c])) for c in ("task", "label")
        )
        if ax is None:
            plt = import_optional("matplotlib.pyplot", extra="plot")
            lines = ceil(len(labels) / _count_columns(shorten_all(labels, _LONGEST)))
            height = len(tasks) * (len(labels) + 1) * _INCHES_PER_MODEL
            size = (
                _INCHES_OF_AXES
                + _INCHES_PER_LETTER * max(map(len, shorten_all(tasks, _LONGEST))),
                height + lines * _INCHES_PER_LEGEND_LINE + _INCHES_OF_FRAME,
            )
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        self._draw_dots(metric, tasks, labels)
        self._draw_frame(metric, tasks, labels)
        return self

    def _draw_dots(self, metric, tasks, labels):
        """Draw a line of dots per task and model, the first of each on top."""
        step = 1 / (len(labels) + 1)
        names = shorten_all(labels, _LONGEST)
        for number, (label, style) in enumerate(style_models(labels).items()):
            color = style["color"]
            shift = (number - (len(labels) - 1) / 2) * step
            rows = self.results[self.results["label"] == label]
            heights = rows["task"].map(tasks.index) + shift
            self._draw_marks(
                rows[metric],
                heights,
                marker="o",
                markersize=4,
                color=color,
                alpha=0.35,
                markeredgewidth=0,
            )
            means = rows[metric].groupby(heights).mean().dropna()
            self._draw_marks(
                means,
                means.index,
                marker=style["marker"],
                markersize=8,
                color=color,
                markeredgecolor="white",
                label=names[number],
                zorder=3,
            )
            self._write_means(means, color)

    def _draw_marks(self, scores, heights, **style):
        self.ax_.plot(scores, heights, linestyle="none", **style)

    def _write_means(self, means, color):
        """Write the means beyond the right end of the axis."""
        for height, mean in means.items():
            self.ax_.text(
                1.01,
                height,
                f"{mean:.3f}",
                transform=self.ax_.get_yaxis_transform(),
                color=color,
                fontsize=8,
                verticalalignment="center",
            )

    def _draw_frame(self, metric, tasks, labels):
        ax = self.ax_
        ax.set_yticks(range(len(tasks)), shorten_all(tasks, _LONGEST))
        ax.set_ylim(len(tasks) - 0.5, -0.5)
        for border in range(1, len(tasks)):
            ax.axhline(border - 0.5, color="0.85", linewidth=0.8, zorder=0)
        ax.grid(axis="x", color="0.9", zorder=0)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.set_xlabel(f"{METRICS[metric]} (small: test folds; large, and number: mean)")
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=_count_columns(shorten_all(labels, _LONGEST)),
            frameon=False,
            borderaxespad=0.2,
        )


def _count_columns(labels):
    """Return how many columns of the legend fit above the axes."""
    width = _INCHES_PER_MARK + _INCHES_PER_LETTER * max(map(len, labels))
    return max(1, min(len(labels), int((_INCHES_OF_AXES - 1) / width)))


def check_scores(results, metric):
    """Refuse an unknown metric, and results without a score to draw.

    Parameters
    ----------
    results : DataFrame
        One row per fit.

    metric : str
        Name of a column.

    Raises
    ------
    ValueError
        If the metric is unknown, or no fit has a score.
    """
    if metric not in METRICS:
        raise ValueError(f"Got metric={metric!r}. Choose one of {sorted(METRICS)}.")
    if metric not in results or not results[metric].notna().any():
        raise ValueError(
            f"None of the {len(results)} rows has a score {metric!r}. See the "
            "column error of the results for the reason."
        )
