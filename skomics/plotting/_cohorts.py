"""How another cohort differs from the training samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skomics.inspection import cohort_shift
from skomics.plotting._canvas import make_axes, shorten_all, tidy
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skomics._typing import AxesGrid, OmicsLike
    from skomics.inspection._cohort_shift import CohortShift

__all__ = ["CohortShiftDisplay"]

# Height of a line, and of all around, in inches.
_LINE, _FRAME = 0.17, 0.6
_GRAY = "#808080"


class CohortShiftDisplay:
    """How well another cohort is told from training, and by which features.

    Above, a dot for each modality with its interval: at the dashed line the cohorts
    cannot be told apart, filled dots are shifted. Below, how far the means of
    the features are apart that differ most.

    Parameters
    ----------
    shift : CohortShift
        From :func:`skomics.inspection.cohort_shift`.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        Axes of the modalities and of the features.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import CohortShiftDisplay
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, random_state=0)
    >>> model = BlockRidgeClassifier().fit(X[:60], y[:60])
    >>> display = CohortShiftDisplay.from_estimator(
    ...     model, X[60:] * 2, X_train=X[:60]
    ... )  # doctest: +SKIP
    """

    def __init__(self, shift: CohortShift) -> None:
        self.shift = shift

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X_new: OmicsLike,
        *,
        n_features: int = 10,
        ax: AxesGrid | None = None,
        **params: Any,
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            The model.

        X_new : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples of the other cohort.

        n_features : int, default=10
            How many features to show.

        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        **params : dict
            Further parameters of :func:`skomics.inspection.cohort_shift`: `X_train`.

        Returns
        -------
        display : CohortShiftDisplay
            Drawn.
        """
        shift = cohort_shift(estimator, X_new, **params)
        return cls(shift).plot(n_features=n_features, ax=ax)

    def plot(self, *, n_features: int = 10, ax: AxesGrid | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        n_features : int, default=10
            How many features to show, those that differ most.

        ax : array-like of two matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : CohortShiftDisplay
            The object itself.
        """
        tested = self.shift.table.dropna(subset="auc")
        top = self.shift.features.head(n_features)
        height = _LINE * max(len(tested), len(top)) + _FRAME
        self.axes_ = make_axes(ax, height, n_panels=2)
        self.figure_ = self.axes_[0].figure
        modalities = list(self.shift.table.index)
        styles = style_models(modalities)
        colors = {name: styles[name]["color"] for name in modalities}
        self._draw_modalities(self.axes_[0], tested, colors)
        self._draw_features(self.axes_[1], top, colors)
        return self

    def _draw_modalities(self, ax, table, colors):
        for height, (name, row) in enumerate(table.iterrows()):
            color = colors[name]
            ax.plot([row["low"], row["high"]], [height] * 2, color=color, linewidth=2)
            fill = color if row["is_shifted"] else "white"
            ax.plot(row["auc"], height, "o", color=color, markerfacecolor=fill)
        ax.axvline(0.5, color=_GRAY, linewidth=0.8, linestyle="--")
        ax.set_yticks(range(len(table)), shorten_all(table.index, 18))
        ax.set_ylim(len(table) - 0.5, -0.5)
        ax.set_xlim(min(0.4, table["low"].min() - 0.02), 1.02)
        ax.set_xlabel("AUC, new cohort against training")
        tidy(ax)

    def _draw_features(self, ax, table, colors):
        ends = table["value"].replace([np.inf, -np.inf], np.nan).fillna(0)
        shades = [colors[name] for name in table["modality"]]
        ax.barh(range(len(table)), ends, color=shades, height=0.75)
        ax.set_yticks(range(len(table)), shorten_all(table["feature"], 18))
        ax.set_ylim(len(table) - 0.5, -0.5)
        ax.axvline(0, color="#404040", linewidth=0.8)
        ax.set_xlabel("difference of means (SD)")
        tidy(ax)
