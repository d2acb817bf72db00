"""Pictures of fitted networks: training, embedding, attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skomics._blocks import matrix_of
from skomics.calibration._held_out import HeldOutClassifier, read_samples
from skomics.inspection._unroll import flatten_steps, held_classifier
from skomics.plotting._canvas import (
    COLUMN,
    count_columns,
    make_axes,
    shorten,
    shorten_all,
    sort_classes,
    tidy,
)
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike

__all__ = ["AttentionDisplay", "EmbeddingDisplay", "TrainingCurveDisplay"]


def _open(estimator):
    """Return the steps before the classifier, and the classifier.

    That of a search is the one it has chosen.
    """
    check_is_fitted(estimator)
    *before, last = flatten_steps(estimator)
    if not isinstance(last, HeldOutClassifier | FrozenEstimator):
        return before, last
    within, last = _open(held_classifier(last))
    return before + within, last


def _check_has(classifier, name):
    if not hasattr(classifier, name):
        raise TypeError(
            f"{type(classifier).__name__} has no {name}, which is to be drawn. Give a "
            "network of skomics that has, such as SMAClassifier."
        )


def _transform(steps, X):
    for step in steps:
        X = step.transform(X)
    return X


class TrainingCurveDisplay:
    """Loss of each epoch, on training and, if there is one, validation samples.

    Parameters
    ----------
    history : DataFrame
        `history_` of a classifier: columns epoch, train_loss and perhaps valid_loss.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import EFNNClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import TrainingCurveDisplay
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = EFNNClassifier(max_epochs=5, early_stopping=True).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(model)  # doctest: +SKIP
    """

    def __init__(self, history: pd.DataFrame) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, ax: Axes | None = None
    ) -> Self:
        """Draw the history of a fitted network, alone or in a pipeline or search.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            With `history_`.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : TrainingCurveDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the classifier has no `history_`.
        """
        classifier = _open(estimator)[1]
        _check_has(classifier, "history_")
        return cls(classifier.history_).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : TrainingCurveDisplay
            The object itself.
        """
        self.ax_ = ax = make_axes(ax, 2.2)[0]
        self.figure_ = ax.figure
        names = {"train_loss": "training", "valid_loss": "validation"}
        shown = {n: label for n, label in names.items() if n in self.history}
        for name, style in zip(shown, style_models(shown).values(), strict=True):
            ax.plot(
                self.history["epoch"],
                self.history[name],
                label=shown[name],
                color=style["color"],
                linestyle="-" if name == "train_loss" else "--",
                linewidth=1.5,
            )
        if "valid_loss" in shown:
            best = self.history["valid_loss"].idxmin()
            ax.axvline(self.history["epoch"][best], color="#808080", linewidth=0.8)
            ax.legend(fontsize=7, frameon=False)
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        tidy(ax, "y")
        return self


class EmbeddingDisplay:
    """Samples in two dimensions, by class; new ones on top.

    Parameters
    ----------
    points : DataFrame
        Columns x, y, label, and is_new.

    explained : tuple of float, default=None
        Share of the variance along each axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import SMAClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import EmbeddingDisplay
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = SMAClassifier(max_epochs=5, random_state=0).fit(X[:40], y[:40])
    >>> display = EmbeddingDisplay.from_estimator(
    ...     model, X[:40], y[:40], X_new=X[40:]
    ... )  # doctest: +SKIP
    """

    def __init__(
        self, points: pd.DataFrame, explained: tuple[float, ...] | None = None
    ) -> None:
        self.points, self.explained = points, explained

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: OmicsLike,
        y: ArrayLike,
        *,
        X_new: OmicsLike | None = None,
        method: Literal["pca"] | BaseEstimator = "pca",
        ax: Axes | None = None,
    ) -> Self:
        """Embed samples, reduce the embedding to two dimensions, and draw.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            Its last step has `embed`, or, if not, the input of the last step is shown.
            Of a search it is the pipeline that was chosen.

        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples with labels. The axes are theirs. Training samples lie as the
            network has learned them, further apart than new ones do.

        y : array-like of shape (n_samples,)
            Their labels.

        X_new : same as X, default=None
            Samples without labels, drawn on top.

        method : "pca" or transformer, default="pca"
            What reduces the embedding; a transformer with `fit_transform` and
            `transform`, such as UMAP's, is taken, too.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : EmbeddingDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a label is missing, or `method` is not allowed.

        SampleAlignmentError
            If `y` has the ids of `X` in another order, or other ones.
        """
        labels = read_samples(X, y, cls.__name__)[1]
        reducer = PCA(2, random_state=0) if isinstance(method, str) else method
        if isinstance(method, str) and method != "pca":
            raise ValueError(
                f"Got method={method!r}. It must be 'pca' or a transformer, as UMAP()."
            )
        placed = reducer.fit_transform(_embed(estimator, X))
        parts = [pd.DataFrame({"label": labels, "is_new": False})]
        if X_new is not None:
            new = reducer.transform(_embed(estimator, X_new))
            placed = np.vstack([placed, new])
            parts.append(pd.DataFrame({"label": None, "is_new": [True] * len(new)}))
        points = pd.concat(parts, ignore_index=True)
        points["x"], points["y"] = placed[:, 0], placed[:, 1]
        shares = getattr(reducer, "explained_variance_ratio_", None)
        return cls(points, None if shares is None else tuple(shares[:2])).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : EmbeddingDisplay
            The object itself.
        """
        known = self.points[~self.points["is_new"].astype(bool)]
        labels = sort_classes(known["label"])
        names = [*shorten_all(labels, 20), "new"]
        n_columns = count_columns(names, COLUMN, 6)
        self.ax_ = ax = make_axes(ax, 2.8 + 0.12 * -(-len(names) // n_columns))[0]
        self.figure_ = ax.figure
        styles = style_models(labels)
        for (label, style), name in zip(styles.items(), names, strict=False):
            part = known[known["label"] == label]
            ax.plot(
                part["x"],
                part["y"],
                style["marker"],
                color=style["color"],
                markersize=4,
                alpha=0.7,
                markeredgewidth=0,
                label=name,
            )
        new = self.points[self.points["is_new"].astype(bool)]
        if len(new):
            ax.plot(
                new["x"],
                new["y"],
                "o",
                markersize=5,
                markerfacecolor="none",
                markeredgecolor="#000000",
                label="new",
            )
        axes = ["dimension 1", "dimension 2"]
        if self.explained is not None:
            axes = [f"PC{i + 1} ({s:.0%})" for i, s in enumerate(self.explained)]
        ax.set_xlabel(axes[0])
        ax.set_ylabel(axes[1])
        tidy(ax, "both")
        ax.legend(
            fontsize=6,
            frameon=False,
            ncols=n_columns,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            handletextpad=0.2,
            columnspacing=0.8,
        )
        return self


def _embed(estimator, X):
    before, last = _open(estimator)
    given = _transform(before, X)
    if hasattr(last, "embed"):
        return last.embed(given)
    given = matrix_of(given)
    return np.nan_to_num(
        given.toarray() if hasattr(given, "toarray") else np.asarray(given)
    )


class AttentionDisplay:
    """How much each token of SMA attends to each other one, in the mean.

    Parameters
    ----------
    weights : DataFrame of shape (n_tokens, n_tokens)
        From `SMAClassifier.attention`, averaged over all but the tokens.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    Examples
    --------
    >>> from skomics import SMAClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import AttentionDisplay
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = SMAClassifier(max_epochs=5, random_state=0).fit(X, y)
    >>> display = AttentionDisplay.from_estimator(model, X)  # doctest: +SKIP
    """

    def __init__(self, weights: pd.DataFrame) -> None:
        self.weights = weights

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, X: OmicsLike, *, ax: Axes | None = None
    ) -> Self:
        """Read the attention on samples, and draw its mean.

        Parameters
        ----------
        estimator : fitted SMAClassifier, or a Pipeline that ends in one
            The model.

        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : AttentionDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the classifier has no `attention`.
        """
        before, last = _open(estimator)
        _check_has(last, "attention")
        every = ("members", "encoders", "layers", "samples", "heads")
        weights = last.attention(_transform(before, X), average=every)
        return cls(weights).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : AttentionDisplay
            The object itself.
        """
        n_tokens = len(self.weights)
        self.ax_ = ax = make_axes(ax, 3.0)[0]
        self.figure_ = ax.figure
        equal = 1 / n_tokens
        times = self.weights.to_numpy() / equal
        far = max(np.abs(times - 1).max(), 0.05)
        image = ax.imshow(times, cmap="PuOr_r", vmin=1 - far, vmax=1 + far)
        bar = self.figure_.colorbar(image, ax=ax, shrink=0.8)
        bar.set_label("attention, in units of equal shares", size=7)
        bar.ax.tick_params(labelsize=6)
        size = 6 if n_tokens <= 20 else 4
        names = [shorten(name, 16) for name in self.weights]
        ax.set_xticks(range(n_tokens), names, rotation=90, fontsize=size)
        ax.set_yticks(range(n_tokens), names, fontsize=size)
        ax.set_xlabel("attended to", size=8)
        ax.set_ylabel("token", size=8)
        return self
