"""Scores of several models against the number of training samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from skomics._optional import import_optional
from skomics.plotting._canvas import shorten_all
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["LearningCurvesDisplay"]

# Of the legend below the axes.
_N_COLUMNS, _INCHES_PER_LINE = 2, 0.28
_INCHES_OF_FRAME = 3.8


class LearningCurvesDisplay:
    """Mean score of each model against the number of training samples.

    Parameters
    ----------
    curves : DataFrame
        Rows of one task, as from :func:`skomics.benchmark.learning_curves`: columns
        label, n_train, mean and std.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.plotting import LearningCurvesDisplay
    >>> curves = pd.DataFrame({
    ...     "label": "SMA", "n_train": [40, 80], "mean": [0.6, 0.7], "std": 0.05,
    ... })
    >>> display = LearningCurvesDisplay(curves).plot()  # doctest: +SKIP
    """

    def __init__(self, curves: pd.DataFrame) -> None:
        self.curves = curves

    def plot(self, *, ylabel: str = "Mean score", ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ylabel : str, default="Mean score"
            What the scores are.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LearningCurvesDisplay
            The object itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        labels = list(dict.fromkeys(self.curves["label"]))
        is_own = ax is None
        if ax is None:
            plt = import_optional("matplotlib.pyplot", extra="plot")
            n_lines = -(-len(labels) // _N_COLUMNS)
            size = (7.0, _INCHES_OF_FRAME + n_lines * _INCHES_PER_LINE)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        styles = style_models(labels)
        for (label, style), name in zip(
            styles.items(), shorten_all(labels, 32), strict=True
        ):
            rows = self.curves[self.curves["label"] == label]
            ax.errorbar(
                rows["n_train"],
                rows["mean"],
                yerr=rows["std"].fillna(0),
                label=name,
                elinewidth=0.8,
                capsize=2,
                **style,
            )
        ax.grid(color="#808080", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel("Training samples (bars: standard deviation over the folds)")
        ax.set_ylabel(ylabel)
        if is_own:
            place = "outside lower center"
            self.figure_.legend(loc=place, ncols=_N_COLUMNS, frameon=False)  # type: ignore[call-overload]
        else:
            ax.legend(frameon=False)
        return self
