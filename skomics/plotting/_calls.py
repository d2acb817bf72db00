"""How far calls can be believed: reliability, and the error among the surest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.utils.validation import check_is_fitted

from skomics._rows import check_same_samples
from skomics.calibration import SelectiveClassifier
from skomics.calibration._held_out import row_ids
from skomics.metrics import reliability_curve, risk_coverage_curve, tabulate_risk
from skomics.plotting._canvas import COLUMN, make_axes, shorten, tidy
from skomics.plotting._styles import style_models

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import AxesGrid, OmicsLike

__all__ = ["ReliabilityDisplay", "RiskCoverageDisplay"]

_COLOR = style_models([""])[""]["color"]
_GRAY = "#808080"


class ReliabilityDisplay:
    """Probabilities against how often they come true, with intervals.

    On the dashed line probabilities are right; below it they promise too much. Pale
    bars are the share of the samples in each bin.

    Parameters
    ----------
    curve : DataFrame
        From :func:`skomics.metrics.reliability_curve`. If it has a column class, each
        class has a panel.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve, of the first class if there are several.

    axes_ : list of matplotlib Axes
        Axes of each class, or the only ones.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The curves of two classes, without
        intervals.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import ReliabilityDisplay
    >>> X, y = make_intersim(n_samples=120, n_clusters=3, effect=0.1, random_state=0)
    >>> model = BlockRidgeClassifier().fit(X[:60], y[:60])
    >>> display = ReliabilityDisplay.from_estimator(
    ...     model, X[60:], y[60:], n_bins=5
    ... )  # doctest: +SKIP
    """

    def __init__(self, curve: pd.DataFrame) -> None:
        self.curve = curve

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: OmicsLike,
        y: ArrayLike,
        *,
        ax: AxesGrid | None = None,
        **params: Any,
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            The model, with `predict_proba`.

        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples that it was not fitted to.

        y : array-like of shape (n_samples,)
            Their labels.

        ax : matplotlib Axes, or array-like with one for each class, default=None
            Where to draw; None makes a figure 85 mm wide.

        **params : dict
            Further parameters of :func:`skomics.metrics.reliability_curve`:
            ``kind="class"`` shows each class by itself.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the model gives no probabilities.

        SampleAlignmentError
            If `y` has the ids of `X` in another order, or other ones.
        """
        proba = _ask(estimator, X, y)
        params = {"labels": estimator.classes_, **params}
        return cls.from_predictions(y, proba, ax=ax, **params)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        ax: AxesGrid | None = None,
        **params: Any,
    ) -> Self:
        """Draw held-out probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The classes.

        y_proba : array-like of shape (n_samples, n_classes)
            Their probabilities, as :func:`~sklearn.model_selection.cross_val_predict`
            with ``method="predict_proba"`` returns them.

        ax : matplotlib Axes, or array-like with one for each class, default=None
            Where to draw; None makes a figure 85 mm wide.

        **params : dict
            Further parameters of :func:`skomics.metrics.reliability_curve`.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.
        """
        return cls(reliability_curve(y_true, y_proba, **params)).plot(ax=ax)

    def plot(self, *, ax: AxesGrid | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ax : matplotlib Axes, or array-like with one for each class, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : ReliabilityDisplay
            The object itself.
        """
        parts = self._split()
        n_columns = min(len(parts), 2 if len(parts) <= 4 else 3)
        side = COLUMN / n_columns
        self.axes_ = make_axes(
            ax, side * 1.05, n_panels=len(parts), n_columns=n_columns, width=side
        )
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        for panel, (label, part) in zip(self.axes_, parts, strict=True):
            _draw_reliability(panel, part, is_small=n_columns > 1)
            if label is not None:
                panel.set_title(shorten(label, 48 // n_columns), fontsize=6)
        # Of axes that were given nothing says how they stand: each has its names.
        self._name_axes("class" in self.curve, n_columns if ax is None else None)
        return self

    def _split(self):
        """Return the class and the rows of each panel."""
        if "class" not in self.curve:
            return [(None, self.curve)]
        return list(self.curve.groupby("class", sort=False))

    def _name_axes(self, has_classes, n_columns):
        """Name the axes, of panels in columns only the outer ones."""
        across = "probability" if has_classes else "confidence"
        up = "share of the class" if has_classes else "accuracy"
        for place, panel in enumerate(self.axes_):
            if n_columns is None or place + n_columns >= len(self.axes_):
                panel.set_xlabel(across, fontsize=7)
            else:
                panel.tick_params(axis="x", labelbottom=False)
            if n_columns is None or place % n_columns == 0:
                panel.set_ylabel(up, fontsize=7)
            else:
                panel.tick_params(axis="y", labelleft=False)


def _ask(estimator, X, y):
    """Return probabilities of samples whose labels are in their order."""
    check_is_fitted(estimator)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{type(estimator).__name__} gives no probabilities (predict_proba), of "
            "which the picture is. Give a model that does, or put this one into "
            "CalibratedClassifierCV."
        )
    check_same_samples(row_ids(X), y, "y")
    return estimator.predict_proba(X)


def _draw_reliability(ax, part, is_small):
    """Draw the bins of one class, or of the top calls."""
    # Of a single bin matplotlib reads a Series in a way that pandas gives up.
    part = {name: part[name].to_numpy() for name in part}
    share = part["n_samples"] / part["n_samples"].sum()
    width = part["right"] - part["left"]
    ax.bar(part["left"], share, width, align="edge", color="#D0D0D0", edgecolor="white")
    ax.plot([0, 1], [0, 1], color=_GRAY, linewidth=0.8, linestyle="--")
    # What a bound lacks to the fraction may be a rounding error below 0.
    below = (part["fraction"] - part["low"]).clip(min=0)
    above = (part["high"] - part["fraction"]).clip(min=0)
    ax.errorbar(
        part["mean_predicted"],
        part["fraction"],
        yerr=[below, above],
        fmt="o-",
        color=_COLOR,
        markersize=2.5 if is_small else 4,
        linewidth=1,
        elinewidth=0.8,
        capsize=1.5,
    )
    # Room for half a dot where all, or none, came true.
    ax.set_xlim(0, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ticks = [0, 0.5, 1] if is_small else [0, 0.2, 0.4, 0.6, 0.8, 1]
    names = [f"{tick:g}" for tick in ticks]
    ax.set_xticks(ticks, names)
    ax.set_yticks(ticks, names)
    tidy(ax, "both")


class RiskCoverageDisplay:
    """Error among the surest samples against the share of samples that are called.

    The band is the interval of each threshold by itself. Where fewer than a tenth of
    the samples are called, it may leave the picture.

    Parameters
    ----------
    curve : DataFrame
        From :func:`skomics.metrics.risk_coverage_curve`.

    threshold : float, default=None
        Smallest probability that is called, marked in the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    skomics.calibration.SelectiveClassifier : Chooses the threshold.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.calibration import SelectiveClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import RiskCoverageDisplay
    >>> X, y = make_intersim(n_samples=120, n_clusters=3, effect=0.1, random_state=0)
    >>> model = SelectiveClassifier(BlockRidgeClassifier(), coverage=0.8).fit(X, y)
    >>> display = RiskCoverageDisplay.from_estimator(model)  # doctest: +SKIP
    """

    def __init__(self, curve: pd.DataFrame, threshold: float | None = None) -> None:
        self.curve, self.threshold = curve, threshold

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: OmicsLike | None = None,
        y: ArrayLike | None = None,
        *,
        level: float = 0.95,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the curve of a model, and the threshold that it has chosen.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline
            The model, with `predict_proba`. The threshold is that of a
            `SelectiveClassifier`.

        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse, \
                default=None
            Samples that it was not fitted to. None takes the held-out training samples
            of a `SelectiveClassifier`, from which the threshold was chosen.

        y : array-like of shape (n_samples,), default=None
            Their labels.

        level : float, default=0.95
            Level of confidence of each interval by itself.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : RiskCoverageDisplay
            Drawn.

        Raises
        ------
        ValueError
            If only one of `X` and `y` is given, or none to a model that is no
            `SelectiveClassifier`.

        TypeError
            If the model gives no probabilities.

        SampleAlignmentError
            If `y` has the ids of `X` in another order, or other ones.
        """
        check_is_fitted(estimator)
        threshold = getattr(estimator, "threshold_", None)
        if X is not None and y is not None:
            proba, labels = _ask(estimator, X, y), estimator.classes_
            return cls.from_predictions(
                y, proba, labels=labels, threshold=threshold, level=level, ax=ax
            )
        if X is not None or y is not None:
            given, lacking = ("X", "y") if y is None else ("y", "X")
            raise ValueError(
                f"Got {given} without {lacking}. Give samples and their labels, or "
                "neither for the held-out training samples of a SelectiveClassifier."
            )
        if not isinstance(estimator, SelectiveClassifier):
            raise ValueError(
                f"{type(estimator).__name__} keeps no held-out samples. Give X and y "
                "of samples that it was not fitted to, or a SelectiveClassifier."
            )
        curve = tabulate_risk(
            estimator.held_out_confidence_, estimator.held_out_correct_, level
        )
        return cls(curve, threshold).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        threshold: float | None = None,
        level: float = 0.95,
        ax: Axes | None = None,
    ) -> Self:
        """Draw held-out probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The classes.

        y_proba : array-like of shape (n_samples, n_classes)
            Their probabilities, as :func:`~sklearn.model_selection.cross_val_predict`
            with ``method="predict_proba"`` returns them.

        labels : array-like of shape (n_classes,), default=None
            The classes of the columns of `y_proba`; None takes the sorted distinct
            values of `y_true`.

        threshold : float, default=None
            Smallest probability that is called, marked in the picture.

        level : float, default=0.95
            Level of confidence of each interval by itself.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : RiskCoverageDisplay
            Drawn.
        """
        curve = risk_coverage_curve(y_true, y_proba, labels=labels, level=level)
        return cls(curve, threshold).plot(ax=ax)

    def plot(self, *, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure 85 mm wide.

        Returns
        -------
        display : RiskCoverageDisplay
            The object itself.
        """
        self.ax_ = ax = make_axes(ax, 2.4)[0]
        self.figure_, curve = ax.figure, self.curve
        band = {"color": _COLOR, "alpha": 0.2, "linewidth": 0}
        ax.fill_between(curve["coverage"], curve["low"], curve["high"], **band)
        ax.plot(curve["coverage"], curve["risk"], color=_COLOR, linewidth=1.5)
        self._mark_threshold()
        seen = curve[curve["coverage"] >= 0.1]
        ax.set_xlim(0, 1)
        ax.set_ylim(0, min(1, 1.05 * seen["high"].max()))
        ax.set_xlabel("share of samples called (coverage)")
        ax.set_ylabel("error among them (risk)")
        tidy(ax, "both")
        return self

    def _mark_threshold(self):
        """Mark the last of the samples that are called."""
        if self.threshold is None:
            return
        called = self.curve[self.curve["threshold"] >= self.threshold]
        if called.empty:
            self.ax_.set_title("no sample is called")
            return
        at = called.iloc[-1]
        color = style_models("ab")["b"]["color"]
        self.ax_.axvline(at["coverage"], color=color, linewidth=0.8, linestyle="--")
        self.ax_.plot(
            at["coverage"],
            at["risk"],
            "o",
            color=color,
            markersize=5,
            clip_on=False,
            zorder=3,
        )
        name = f"{self.threshold:.2f}" if self.threshold > 0 else "none"
        self.ax_.set_title(
            f"threshold {name}: {at['coverage']:.0%} called, risk {at['risk']:.1%}"
        )
