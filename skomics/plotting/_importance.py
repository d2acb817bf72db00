"""What modalities and features are worth to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skomics.inspection import feature_attributions, modality_importance
from skomics.plotting._canvas import count_columns, make_axes, shorten, tidy
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator
    from sklearn.utils import Bunch

    from skomics._typing import AxesGrid, OmicsLike

__all__ = ["FeatureImportanceDisplay", "ModalityImportanceDisplay"]

_LINE, _FRAME = 0.17, 0.55


class ModalityImportanceDisplay:
    """How much a score falls when a modality, or a group, is shuffled.

    Parameters
    ----------
    result : Bunch
        From :func:`skomics.inspection.modality_importance`, of one score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with a dot for each shuffle, and a line at their mean.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import ModalityImportanceDisplay
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, random_state=0)
    >>> model = BlockRidgeClassifier().fit(X[:60], y[:60])
    >>> display = ModalityImportanceDisplay.from_estimator(
    ...     model, X[60:], y[60:], random_state=0
    ... )  # doctest: +SKIP
    """

    def __init__(self, result: Bunch) -> None:
        self.result = result

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: OmicsLike,
        y: ArrayLike,
        *,
        ax: Axes | None = None,
        **params: Any,
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            The model.

        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples that it was not fitted to.

        y : array-like of shape (n_samples,)
            Their labels.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        **params : dict
            Further parameters of :func:`skomics.inspection.modality_importance`.

        Returns
        -------
        display : ModalityImportanceDisplay
            Drawn.
        """
        return cls(modality_importance(estimator, X, y, **params)).plot(ax=ax)

    def plot(self, *, n_groups: int = 20, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        n_groups : int, default=20
            How many groups to show, the most important first.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : ModalityImportanceDisplay
            The object itself.
        """
        shown = list(self.result.table.index[:n_groups])
        self.ax_ = ax = make_axes(ax, _LINE * len(shown) * 1.4 + _FRAME)[0]
        self.figure_ = ax.figure
        color = next(iter(style_models([""]).values()))["color"]
        for height, name in enumerate(shown):
            drops = self.result.importances[self.result.groups.index(name)]
            ax.plot(
                drops,
                np.full(len(drops), height),
                "o",
                color=color,
                alpha=0.4,
                markersize=4,
                markeredgewidth=0,
            )
            ax.plot([drops.mean()] * 2, [height - 0.3, height + 0.3], color=color, lw=2)
        ax.axvline(0, color="#808080", linewidth=0.8)
        ax.set_yticks(range(len(shown)), [shorten(name) for name in shown])
        ax.set_ylim(len(shown) - 0.5, -0.5)
        ax.set_xlabel("fall of the score when shuffled")
        tidy(ax)
        return self


class FeatureImportanceDisplay:
    """The features that add most to each class, by modality and direction.

    What users of mixOmics know as plotLoadings: bars to the right are features of which
    high values speak for the class, bars to the left those of which low values do.

    Parameters
    ----------
    table : DataFrame
        From :func:`skomics.inspection.feature_attributions`, without `per_sample`.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        Axes of each class.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import FeatureImportanceDisplay
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = BlockRidgeClassifier().fit(X, y)
    >>> display = FeatureImportanceDisplay.from_estimator(model, X)  # doctest: +SKIP
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: OmicsLike,
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

        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        n_features : int, default=10
            How many features to show for each class.

        ax : matplotlib Axes, or array-like with one for each class, default=None
            Where to draw; None makes a figure of panels 85 mm wide.

        **params : dict
            Further parameters of :func:`skomics.inspection.feature_attributions`.

        Returns
        -------
        display : FeatureImportanceDisplay
            Drawn.
        """
        table = feature_attributions(estimator, X, **params)
        return cls(table).plot(n_features=n_features, ax=ax)

    def plot(self, *, n_features: int = 10, ax: AxesGrid | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        n_features : int, default=10
            How many features to show for each class.

        ax : matplotlib Axes, or array-like with one for each class, default=None
            Where to draw; None makes a figure of panels 85 mm wide.

        Returns
        -------
        display : FeatureImportanceDisplay
            The object itself.
        """
        classes = list(dict.fromkeys(self.table["class"]))
        styles = style_models(sorted(self.table["modality"].unique()))
        self.axes_ = make_axes(
            ax,
            _LINE * n_features + _FRAME,
            n_panels=len(classes),
            n_columns=next(n for n in (1, 2, 3) if len(classes) <= n * n or n == 3),
        )
        self.figure_ = self.axes_[0].figure
        for label, panel in zip(classes, self.axes_, strict=True):
            part = self.table[self.table["class"] == label].head(n_features)
            self._draw_class(panel, label, part, styles)
        self._draw_legend(styles)
        return self

    def _draw_class(self, ax, label, part, styles):
        lengths = part["value"] * np.where(part["direction"] < 0, -1, 1)
        colors = [styles[name]["color"] for name in part["modality"]]
        ax.barh(range(len(part)), lengths, color=colors, height=0.75)
        ax.set_yticks(range(len(part)), [shorten(name, 18) for name in part["feature"]])
        ax.set_ylim(len(part) - 0.5, -0.5)
        ax.axvline(0, color="#404040", linewidth=0.8)
        most = part["value"].max() * 1.05 or 1
        ax.set_xlim(-most, most)
        ax.set_title(shorten(label, 30))
        tidy(ax)

    def _draw_legend(self, styles):
        from matplotlib.patches import Patch

        handles = [Patch(color=s["color"], label=shorten(n)) for n, s in styles.items()]
        self.figure_.legend(
            handles=handles,
            loc="outside lower center",
            ncols=count_columns(
                [h.get_label() for h in handles], self.figure_.get_figwidth(), 7
            ),
            fontsize=7,
            frameon=False,
            title="mean contribution; right: high values speak for the class",
            title_fontsize=7,
        )
