"""Pictures of samples: a signature as a clustered map, and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage
from sklearn.metrics import confusion_matrix
from sklearn.utils import column_or_1d

from skomics._blocks import read_blocks
from skomics._rows import check_same_samples
from skomics._validation import check_labels, plain_labels
from skomics.calibration._held_out import read_samples
from skomics.inspection import feature_attributions
from skomics.plotting._canvas import (
    COLUMN,
    count_columns,
    make_axes,
    shorten,
    sort_classes,
)
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike

__all__ = ["ConfusionDisplay", "SampleHeatmapDisplay"]

_LINE, _FRAME = 0.13, 0.9


class SampleHeatmapDisplay:
    """A signature as a clustered image map, as mixOmics' cimDiablo draws it.

    Rows are features, columns samples; both are in the order of a hierarchical
    clustering, samples within their classes.

    Parameters
    ----------
    values : DataFrame of shape (n_samples, n_features)
        Column levels (modality, feature); standardized.

    labels : Series of shape (n_samples,)
        Class of each sample.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import SampleHeatmapDisplay
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = BlockRidgeClassifier().fit(X, y)
    >>> display = SampleHeatmapDisplay.from_estimator(model, X, y)  # doctest: +SKIP
    """

    def __init__(self, values: pd.DataFrame, labels: pd.Series) -> None:
        self.values, self.labels = values, labels

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: OmicsLike,
        y: ArrayLike,
        *,
        n_features: int = 10,
        ax: Axes | None = None,
        **params: Any,
    ) -> Self:
        """Draw the features that add most to each class.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            The model.

        X : DataFrame, MuData, AnnData, dict or list of tables
            Samples, with names of features.

        y : array-like of shape (n_samples,)
            Their labels.

        n_features : int, default=10
            How many features of each class; one that is among those of several
            classes stands once.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 170 mm wide, two columns of a journal.

        **params : dict
            Further parameters of :func:`skomics.inspection.feature_attributions`.

        Returns
        -------
        display : SampleHeatmapDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a label is missing.

        SampleAlignmentError
            If `y` has the ids of `X` in another order, or other ones.
        """
        labels = read_samples(X, y, cls.__name__)[1]
        table = feature_attributions(estimator, X, **params)
        top = table.groupby("class", sort=False).head(n_features)
        keys = list(dict.fromkeys(zip(top["modality"], top["feature"], strict=True)))
        read = read_blocks(X)
        columns = {}
        for modality, feature in keys:
            block = read.blocks[modality]
            place = int(np.flatnonzero(block.features == feature)[0])
            part = block.take_columns([place]).data
            part = part.toarray() if hasattr(part, "toarray") else np.asarray(part)
            columns[modality, feature] = part.ravel().astype(float)
        values = pd.DataFrame(columns, index=read.rows)
        values.columns = pd.MultiIndex.from_tuples(keys, names=["modality", "feature"])
        spread = values.std().replace(0, 1)
        labels = pd.Series(labels, index=values.index)
        return cls((values - values.mean()) / spread, labels).plot(ax=ax)

    def plot(self, *, limit: float = 2.0, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        limit : float, default=2.0
            Standard deviations at which the colors end.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 170 mm wide, two columns of a journal.

        Returns
        -------
        display : SampleHeatmapDisplay
            The object itself.
        """
        from matplotlib.patches import Patch

        values, labels = self.values, self.labels
        classes = sort_classes(labels)
        samples = np.concatenate(
            [_cluster(values[(labels == c).to_numpy()], labels == c) for c in classes]
        )
        features = _cluster(values.T, np.ones(values.shape[1], dtype=bool))
        shown = values.iloc[samples, features]
        height = _LINE * values.shape[1] + _FRAME
        self.ax_ = ax = make_axes(ax, height, width=2 * COLUMN)[0]
        self.figure_ = ax.figure
        image = ax.imshow(
            shown.to_numpy().T,
            aspect="auto",
            cmap="RdBu_r",
            vmin=-limit,
            vmax=limit,
            interpolation="nearest",
        )
        modality = style_models(sorted(values.columns.unique(0)))
        ax.set_yticks(range(len(features)))
        ax.set_yticklabels([shorten(f, 22) for _, f in shown.columns], fontsize=6)
        for tick, (name, _) in zip(ax.get_yticklabels(), shown.columns, strict=True):
            tick.set_color(modality[name]["color"])
        edges = np.cumsum([(labels == c).sum() for c in classes])
        for edge in edges[:-1]:
            ax.axvline(edge - 0.5, color="#000000", linewidth=1)
        starts = np.concatenate([[0], edges[:-1]])
        ax.set_xticks((starts + edges) / 2 - 0.5)
        turn = 90 if len(classes) > 6 else 0
        names = [shorten(c, 18) for c in classes]
        ax.set_xticklabels(names, fontsize=7, rotation=turn)
        ax.tick_params(length=0)
        bar = self.figure_.colorbar(
            image, ax=ax, shrink=min(0.6, 1.5 / height), pad=0.01
        )
        bar.set_label("standard deviations", size=7)
        bar.ax.tick_params(labelsize=6)
        handles = [
            Patch(color=s["color"], label=shorten(n)) for n, s in modality.items()
        ]
        ax.legend(
            handles=handles,
            fontsize=6,
            frameon=False,
            ncols=count_columns([h.get_label() for h in handles], 4.5, 6, most=5),
            loc="lower left",
            bbox_to_anchor=(0, 1),
        )
        return self


def _cluster(values, chosen):
    """Return positions of chosen rows in the order of a clustering."""
    places = np.flatnonzero(np.asarray(chosen))
    if len(places) < 3:
        return places
    filled = np.nan_to_num(values.to_numpy())
    return places[leaves_list(linkage(filled, "average", optimal_ordering=True))]


def _read_calls(y_pred):
    """Return calls as an array with a row for each repeat."""
    y_pred = plain_labels(y_pred)
    is_missing = pd.isna(np.asarray(y_pred, dtype=object))
    if is_missing.any():
        raise ValueError(
            f"y_pred has no call for {is_missing.sum()} of {is_missing.size} samples. "
            'Leave these samples out, or give abstentions a name: abstain_label="open" '
            "of SelectiveClassifier."
        )
    calls = np.asarray(y_pred)
    return np.atleast_2d(calls)


class ConfusionDisplay:
    """What each class is called, over the repeats of a cross-validation.

    Parameters
    ----------
    shares : ndarray of shape (n_repeats, n_classes, n_classes)
        For each repeat, which share of a class (row) is called what (column).

    classes : array-like of shape (n_classes,)
        The classes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the matrix.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics.plotting import ConfusionDisplay
    >>> calls = [["a", "b", "b"], ["a", "b", "a"]]
    >>> display = ConfusionDisplay.from_predictions(
    ...     ["a", "b", "b"], calls
    ... )  # doctest: +SKIP
    """

    def __init__(self, shares: np.ndarray, classes: ArrayLike) -> None:
        self.shares, self.classes = shares, classes

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, *, ax: Axes | None = None
    ) -> Self:
        """Draw calls on held-out samples.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The classes.

        y_pred : array-like of shape (n_samples,) or (n_repeats, n_samples)
            What the samples were called, in one or several repeats.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : ConfusionDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a class or a call is missing, or the shapes do not fit each other.

        SampleAlignmentError
            If both are of pandas, and have ids in different orders, or other ones.
        """
        if isinstance(y_true, pd.Series | pd.DataFrame):
            check_same_samples(y_true.index, y_pred, "y_pred", "y_true")
        y_true = column_or_1d(check_labels(y_true, "y_true"))
        calls = _read_calls(y_pred)
        if calls.shape[1] != len(y_true):
            raise ValueError(
                f"Got {calls.shape[1]} calls for {len(y_true)} samples. Give one for "
                "each sample, or one row of them for each repeat."
            )
        classes = np.unique(np.concatenate([y_true, *calls]))
        counts = np.array([confusion_matrix(y_true, c, labels=classes) for c in calls])
        sizes = np.maximum(counts.sum(axis=2, keepdims=True), 1)
        return cls(counts / sizes, classes).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : ConfusionDisplay
            The object itself.
        """
        mean, spread = self.shares.mean(axis=0), self.shares.std(axis=0)
        n_classes = len(self.classes)
        self.ax_ = ax = make_axes(ax, COLUMN * 0.95)[0]
        self.figure_ = ax.figure
        ax.imshow(mean, cmap="Blues", vmin=0, vmax=1)
        size = 8 if n_classes <= 5 else 6 if n_classes <= 9 else 4
        for i, j in np.ndindex(n_classes, n_classes):
            if mean[i, j] < 0.005:
                continue
            text = f"{mean[i, j]:.0%}"
            if len(self.shares) > 1 and n_classes <= 9:
                text += f"\n±{100 * spread[i, j]:.0f}"
            color = "#FFFFFF" if mean[i, j] > 0.6 else "#000000"
            ax.text(j, i, text, ha="center", va="center", fontsize=size, color=color)
        names = [shorten(c, 16) for c in self.classes]
        ax.set_xticks(range(n_classes), names, rotation=90, fontsize=7)
        ax.set_yticks(range(n_classes), names, fontsize=7)
        ax.set_xlabel("called", size=8)
        ax.set_ylabel("class", size=8)
        ax.tick_params(length=0)
        return self
