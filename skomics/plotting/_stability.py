"""How often features were selected, and how often is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skomics._layout import SEPARATOR
from skomics._optional import import_optional
from skomics._rows import quote_values
from skomics.feature_selection import StabilitySelector
from skomics.plotting._canvas import COLUMN, count_columns, shorten
from skomics.plotting._styles import style_models
from skomics.preprocessing import OmicsConcatenator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from sklearn.base import BaseEstimator

__all__ = ["StabilityDisplay"]

_INCHES_PER_FEATURE, _INCHES_OF_FRAME = 0.15, 0.7
_FONT = 7
_COLUMNS = ["modality", "feature", "frequency", "threshold", "selected"]


class StabilityDisplay:
    """A dot for how often each feature was selected, and a line for enough.

    Parameters
    ----------
    table : DataFrame
        One row for each feature: modality, feature, frequency, threshold and selected,
        as `from_estimator` makes it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the dots.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    skomics.feature_selection.StabilitySelector : Selects the features.

    Examples
    --------
    >>> from skomics.datasets import make_multiomics
    >>> from skomics.feature_selection import StabilitySelector
    >>> from skomics.plotting import StabilityDisplay
    >>> X, y = make_multiomics(
    ...     n_samples=120, n_features={"rna": 200}, n_informative=5, n_redundant=0,
    ...     random_state=0)
    >>> selector = StabilitySelector(random_state=0).fit(X, y)
    >>> display = StabilityDisplay.from_estimator(selector)
    >>> display.table.columns.to_list()
    ['modality', 'feature', 'frequency', 'threshold', 'selected']
    >>> display.plot()  # doctest: +SKIP
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    @classmethod
    def from_estimator(cls, estimator: BaseEstimator) -> Self:
        """Take the frequencies of a fitted selector, wherever it stands.

        Parameters
        ----------
        estimator : StabilitySelector, OmicsConcatenator or Pipeline
            Fitted; is or holds one or more `StabilitySelector`.

        Returns
        -------
        display : StabilityDisplay
            With the features of each modality, the most frequent first.

        Raises
        ------
        ValueError
            If there is no StabilitySelector in the estimator, or one has several
            modalities and no names of features.
        """
        check_is_fitted(estimator)
        parts = [_read(*found) for found in _find(estimator, None, None)]
        if not parts:
            raise ValueError(
                f"{type(estimator).__name__} has no StabilitySelector, whose "
                "frequencies are shown. Give one, or a fitted pipeline that has one."
            )
        return cls(pd.concat(parts, ignore_index=True))

    def plot(self, *, n_features: int = 15, ax: Axes | None = None) -> Self:
        """Draw the figure.

        Parameters
        ----------
        n_features : int, default=15
            Number of features of each modality, the most frequent.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure of the width of a journal's column.

        Returns
        -------
        display : StabilityDisplay
            The object itself.

        Raises
        ------
        ValueError
            If the table lacks a column.

        ImportError
            If matplotlib is not installed.
        """
        lacking = [name for name in _COLUMNS if name not in self.table]
        if lacking:
            raise ValueError(
                f"The table has no columns {lacking}, but {_COLUMNS} are needed. Make "
                "it by StabilityDisplay.from_estimator."
            )
        top = self.table.groupby("modality", sort=False).head(n_features)
        if ax is None:
            plt = import_optional("matplotlib.pyplot", extra="plot")
            size = (COLUMN, len(top) * _INCHES_PER_FEATURE + _INCHES_OF_FRAME)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        styles, start = style_models(top["modality"].unique().tolist()), 0
        for name, part in top.groupby("modality", sort=False):
            self._draw_modality(name, part, start, styles[name])
            start += len(part)
        self._finish(top)
        return self

    def _draw_modality(self, name, part, start, style):
        """Draw the dots of a modality, filled if selected, and its threshold."""
        heights = range(start, start + len(part))
        fills = [style["color"] if chosen else "none" for chosen in part["selected"]]
        self.ax_.scatter(
            part["frequency"],
            heights,
            s=16,
            c=fills,
            edgecolors=style["color"],
            marker=style["marker"],
            linewidths=1,
            label=shorten(name),
            clip_on=False,
            zorder=3,
        )
        ends = start - 0.5, start + len(part) - 0.5
        threshold = part["threshold"].iloc[0]
        self.ax_.vlines(threshold, *ends, color=style["color"], linewidth=1)

    def _finish(self, top):
        ax = self.ax_
        labels = [shorten(name) for name in top["feature"]]
        ax.set_yticks(range(len(top)), labels, fontsize=_FONT)
        ax.set_ylim(len(top) - 0.5, -0.5)
        ax.set_xlim(0, max(1, top["threshold"].max()) + 0.02)
        ax.tick_params(axis="x", labelsize=_FONT)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color="#808080", alpha=0.3)
        ax.set_axisbelow(True)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.set_xlabel("Share of halves (line: threshold)", fontsize=_FONT)
        if top["modality"].nunique() > 1:
            self._draw_legend()

    def _draw_legend(self):
        """Name the modalities, by filled markers, whatever was selected."""
        handles, names = self.ax_.get_legend_handles_labels()
        legend = self.ax_.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=count_columns(names, 0.9 * COLUMN, _FONT),
            fontsize=_FONT,
            frameon=False,
            handletextpad=0.2,
            columnspacing=1,
        )
        for shown, handle in zip(legend.legend_handles, handles, strict=True):
            shown.set_facecolor(handle.get_edgecolor()[0])


def _find(estimator, modality, names):
    """Yield each selector, with the modality and the names of its features."""
    if isinstance(estimator, StabilitySelector):
        yield estimator, modality, names
    elif isinstance(estimator, OmicsConcatenator):
        for name, transformer in estimator.transformers_.items():
            yield from _find(transformer, name, estimator._features_in[name])
    elif isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _find(step, modality, names)
            if not hasattr(step, "get_feature_names_out"):
                return
            given = None if isinstance(step, OmicsConcatenator) else names
            names = step.get_feature_names_out(given)


def _read(selector, modality, names):
    """Return the features of a selector, the most frequent of a modality first."""
    names = getattr(selector, "feature_names_in_", names)
    if names is None:
        names = [f"x{i}" for i in range(selector.n_features_in_)]
    pairs = [_split(str(name), selector.thresholds_) for name in names]
    table = pd.DataFrame(pairs, columns=["modality", "feature"])
    table["frequency"] = selector.selection_frequencies_
    table["threshold"] = table["modality"].map(selector.thresholds_)
    table["selected"] = selector.support_
    place = table["modality"].map({n: i for i, n in enumerate(selector.thresholds_)})
    order = np.lexsort((-table["frequency"], place))
    if modality is not None:
        table["modality"] = modality
    return table.iloc[order]


def _split(name, thresholds):
    """Return the modality and the feature of a name."""
    modality, separator, feature = name.partition(SEPARATOR)
    if separator and modality in thresholds:
        return modality, feature
    if len(thresholds) > 1:
        raise ValueError(
            f"The modality of {name!r} is not known: the selector has those of "
            f"{quote_values(thresholds)}, but no names of features. Give the pipeline "
            "with the OmicsConcatenator before it."
        )
    return next(iter(thresholds)), name
