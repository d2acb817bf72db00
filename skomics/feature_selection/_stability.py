"""Features that are selected in most halves of the samples."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from scipy import sparse, stats
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skomics._blocks import is_anndata, is_mudata, read_blocks, to_pandas
from skomics._compat import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    get_output_config,
)
from skomics._layout import (
    SEPARATOR,
    UNNAMED,
    check_unique_features,
    marked_labels,
    read_layout,
)
from skomics._modality import modality_mask
from skomics._named_sparse import NamedSparse
from skomics._rows import check_same_samples
from skomics._transaction import whole
from skomics._validation import check_labels
from skomics._warnings import warn
from skomics.feature_selection._bounds import ASSUMPTIONS, choose_n_top, pfer_bounds
from skomics.feature_selection._columns import take_columns
from skomics.feature_selection._resampling import check_class_sizes, count_selections

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import RandomState, TableLike

__all__ = ["StabilitySelector"]


class StabilitySelector(SelectorMixin, BaseEstimator):
    r"""Select the features that most halves of the samples agree on.

    In each of `n_resamples` pairs of disjoint halves the features are ranked by the
    labels, and the first `n_features` count as selected. What is selected in enough of
    the halves stays: in so many that few, or a small share, are there by chance.

    Parameters
    ----------
    estimator : estimator, default=None
        Ranks the features: anything with `coef_`, `feature_importances_` or `scores_`
        once it is fitted (L1 logistic regression, a random forest, `SelectKBest`), or a
        Pipeline that ends in such and keeps the number of features. None is the F-value
        of the analysis of variance, as of :func:`~sklearn.feature_selection.f_classif`,
        which sees one feature at a time and is quick. A feature of which an estimator
        makes nothing, such as a coefficient of 0, is never selected.

    n_resamples : int, default=50
        Number of pairs of halves; there are twice as many fits.

    sample_fraction : float, default=0.5
        Share of each class in a half; at most 0.5, since halves are disjoint.

    n_features : int or "auto", default="auto"
        Number of features that are selected in each half. "auto" is the largest number
        for which a threshold of 0.75 keeps the bound, with ``error="fdr"`` the bound 1.

    per_modality : bool, default=True
        Whether the features of each modality (``omics__feature``) are ranked by
        themselves, so that `n_features` and `level` hold for each. A table that names
        no modalities is one. Inside `OmicsConcatenator` there is a selector for each
        modality anyway.

    error : {"pfer", "fdr"}, default="pfer"
        What is controlled: the expected number of features that are selected by chance
        (per-family error rate), by a bound; or their expected share among the selected
        (false discovery rate), by permuted labels, which takes ``1 + n_permutations``
        times as long.

    level : float, default=1.0
        What the error may be: a number of features, or a share between 0 and 1.

    assumption : {"r-concave", "unimodal", "none"}, default="r-concave"
        What the bound takes for granted of the frequencies of features without a
        relation to the labels; the less, the higher the threshold. Of "pfer" only.

    n_permutations : int, default=20
        Number of times that the labels are permuted, at least ``1 / level``. Of "fdr"
        only.

    importance_getter : str or callable, default="auto"
        Where the fitted estimator keeps what it makes of the features, as of
        :class:`~sklearn.feature_selection.SelectFromModel`: the name of an attribute
        (``"named_steps.svc.coef_"``), or a function of the estimator.

    random_state : int, RandomState instance or None, default=None
        Seed of halves, permutations, choices between equals, and of estimators that
        have none of their own. The result does not depend on `n_jobs`.

    n_jobs : int, default=None
        Number of pairs at the same time, by joblib.

    Attributes
    ----------
    selection_frequencies_ : ndarray of shape (`n_features_in_`,)
        Share of the halves in which each feature is selected.

    thresholds_ : dict of str to float
        Share of the halves that is enough, for each modality; above 1 if none is.

    n_top_ : dict of str to int
        Number of features selected in each half, for each modality.

    pfer_bounds_ : dict of str to float
        What the expected number of features selected by chance is at most, for each
        modality. Of "pfer" only.

    p_values_ : ndarray of shape (`n_features_in_`,)
        Share of the frequencies with permuted labels, over the features of the
        modality, that are at least as large. Of "fdr" only.

    support_ : ndarray of bool of shape (`n_features_in_`,)
        Which features are selected.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names; of two column levels
        ``omics__feature``.

    See Also
    --------
    minimal_panel : How many features a score needs.
    skomics.metrics.selection_stability : Whether selections agree.

    Notes
    -----
    Bound [1]_: complementary pairs, stratified by class. "Selected by chance" are
    features whose probability to be selected in a half is at most *q / p*, `n_features`
    of all: where those without a relation to the labels are exchangeable, and selected
    no more readily than by a draw, these are among them. "none" holds without
    assumptions and is the bound of Meinshausen and Bühlmann [2]_; "unimodal" and
    "r-concave" take a shape of the distribution of frequencies for granted. A feature
    that is correlated with one that matters is no error in this sense, nor in that of
    the permutations.

    False discovery rate: frequencies are compared with those under permuted labels,
    pooled over the features of the modality, and the p-values corrected as Benjamini
    and Hochberg do. This is no theorem: it takes features without a relation to the
    labels to be exchangeable, and their frequencies to be no larger beside features
    that matter than without. There are no model-X knockoffs, which need the joint
    distribution of all features.

    A sample that lacks a modality (all NaN) does not count for its features. Of single
    missing values, the analysis of variance compares those that there are; an estimator
    has to know what to do with them. A DataFrame stays one, so that the names of the
    modalities reach the next step.

    References
    ----------
    .. [1] R. D. Shah and R. J. Samworth, "Variable selection with error control:
       another look at stability selection", JRSS B 75, 2013,
       https://doi.org/10.1111/j.1467-9868.2011.01034.x
    .. [2] N. Meinshausen and P. Bühlmann, "Stability selection", JRSS B 72, 2010,
       https://doi.org/10.1111/j.1467-9868.2010.00740.x

    Examples
    --------
    >>> from skomics.datasets import make_multiomics
    >>> from skomics.feature_selection import StabilitySelector
    >>> X, y = make_multiomics(
    ...     n_samples=120, n_features={"rna": 200, "protein": 50}, n_informative=5,
    ...     n_redundant=0, random_state=0)
    >>> X.columns = [f"{omics}__{feature}" for omics, feature in X.columns]
    >>> selector = StabilitySelector(random_state=0).fit(X, y)
    >>> selector.thresholds_
    {'rna': 0.75, 'protein': 0.74}
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"]), None],
        "n_resamples": [Interval(Integral, 1, None, closed="left")],
        "sample_fraction": [Interval(Real, 0, 0.5, closed="right")],
        "n_features": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "per_modality": ["boolean"],
        "error": [StrOptions({"pfer", "fdr"})],
        "level": [Interval(Real, 0, None, closed="neither")],
        "assumption": [StrOptions(set(ASSUMPTIONS))],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "importance_getter": [str, callable],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        n_resamples: int = 50,
        sample_fraction: float = 0.5,
        n_features: int | Literal["auto"] = "auto",
        per_modality: bool = True,
        error: Literal["pfer", "fdr"] = "pfer",
        level: float = 1.0,
        assumption: Literal["r-concave", "unimodal", "none"] = "r-concave",
        n_permutations: int = 20,
        importance_getter: str | Callable[..., Any] = "auto",
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_resamples = n_resamples
        self.sample_fraction = sample_fraction
        self.n_features = n_features
        self.per_modality = per_modality
        self.error = error
        self.level = level
        self.assumption = assumption
        self.n_permutations = n_permutations
        self.importance_getter = importance_getter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    @_fit_context(prefer_skip_nested_validation=False)
    @whole
    def fit(self, X: TableLike, y: ArrayLike) -> Self:
        """Find the features that the halves agree on.

        Parameters
        ----------
        X : {array-like, sparse matrix} or AnnData of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        self : StabilitySelector
            The fitted selector.

        Raises
        ------
        ValueError
            If no threshold keeps the level, a class has a single sample, nobody has a
            modality, two columns have one name, or the estimator ranks no features.

        TypeError
            If X is a dict or a MuData.

        SampleAlignmentError
            If `y` has the ids of other samples.

        Warns
        -----
        UserWarning
            If no feature is selected, or a modality has no more features than are
            allowed to be there by chance.
        """
        self._check_level()
        layout = self._read_layout(X)
        X, y = self._read(X, y)
        if layout is None:
            layout = read_layout(X.shape[1])
        bits = check_random_state(self.random_state).randint(2**32, size=4, dtype="u4")
        children = np.random.SeedSequence(bits.tolist()).spawn(len(layout.names))
        self._start(X.shape[1])
        for (name, columns), seeds in zip(layout.items(), children, strict=True):
            self._fit_modality(name, X[:, columns], y, columns, seeds)
        if not self.support_.any():
            warn(
                f"No feature of {X.shape[1]} is selected: the highest frequency is "
                f"{self.selection_frequencies_.max():.2f}, and the thresholds are "
                f"{ {name: round(t, 3) for name, t in self.thresholds_.items()} }. "
                f"Raise level={self.level}, or take it that there is nothing to find."
            )
        return self

    def _start(self, n_features):
        self.selection_frequencies_ = np.zeros(n_features)
        self.support_ = np.zeros(n_features, dtype=bool)
        self.thresholds_, self.n_top_ = {}, {}
        for name in ("pfer_bounds_", "p_values_"):
            vars(self).pop(name, None)
        if self.error == "pfer":
            self.pfer_bounds_ = {}
        else:
            self.p_values_ = np.ones(n_features)

    def _check_level(self):
        if self.error == "pfer":
            return
        if self.level >= 1:
            raise ValueError(
                f"Got level={self.level} with error='fdr', but a false discovery rate "
                "is a share between 0 and 1. Give level=0.1, or error='pfer' for a "
                "number of features."
            )
        needed = int(np.ceil(1 / self.level - 1e-9))
        if self.n_permutations < needed:
            raise ValueError(
                f"Got n_permutations={self.n_permutations}, but level={self.level} "
                f"needs at least {needed} for the p-values to be small enough. Raise "
                "one of them."
            )

    def _read_layout(self, X):
        """Return which columns are a modality's, or None for a single one."""
        if not self.per_modality:
            return None
        if isinstance(X, NamedSparse) and X.omics is not None:
            return read_layout(X.shape[1], omics_labels=X.omics)
        if is_anndata(X):
            layout = read_blocks(X).layout
            return layout if layout.is_named else None
        X = to_pandas(X)
        if not isinstance(X, pd.DataFrame) or X.shape[1] == 0:
            return None
        if X.columns.nlevels == 2:
            labels = X.columns.get_level_values(0)
            return read_layout(X.shape[1], omics_labels=labels)
        if not all(isinstance(name, str) for name in X.columns):
            return None
        return read_layout(X.columns, omics_labels=marked_labels(X))

    def _read(self, X, y):
        is_dict = isinstance(X, dict) and not sparse.issparse(X)  # as dok is
        if is_dict or is_mudata(X):
            raise TypeError(
                f"StabilitySelector got a {type(X).__name__}, but takes one table. Put "
                "it into OmicsConcatenator(StabilitySelector()), or after it."
            )
        X = _as_table(X)
        check_same_samples(X.index if isinstance(X, pd.DataFrame) else None, y, "y")
        if isinstance(X, pd.DataFrame):
            check_unique_features(UNNAMED, X.columns)
        X, y = validate_data(
            self,
            X,
            y if y is None else check_labels(y),
            accept_sparse="csr",
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
        )
        check_classification_targets(y)
        return X, y

    def _fit_modality(self, name, block, y, columns, seeds):
        """Select among the features of one modality."""
        has = modality_mask(block)
        block, y = (block, y) if has.all() else (block[has], y[has])
        check_class_sizes(y, name)
        n_top = self._choose_n_top(name, block.shape[1])
        if self.error == "pfer":
            self._warn_if_idle(name, block.shape[1])
            threshold, bound = self._choose_threshold(name, n_top, block.shape[1])
            self.pfer_bounds_[name] = bound
        real, null = seeds.spawn(2)
        frequencies = self._frequencies(block, y[None], n_top, real)[0]
        if self.error == "fdr":
            p_values = self._compare(frequencies, block, y, n_top, null)
            self.p_values_[columns] = p_values
            threshold = self._cut(frequencies, p_values)
        self.selection_frequencies_[columns] = frequencies
        self.support_[columns] = frequencies >= threshold - 1e-9
        self.thresholds_[name], self.n_top_[name] = threshold, n_top

    def _warn_if_idle(self, name, n_features):
        if n_features <= self.level:
            warn(
                f"level={self.level} controls nothing in modality {name!r}, which has "
                f"{n_features} feature(s): all of them may be there by chance. Lower "
                "the level, or leave the selector out for this modality."
            )

    def _frequencies(self, X, y, n_top, seeds):
        counts = count_selections(
            X,
            y,
            estimator=self.estimator,
            getter=self.importance_getter,
            n_top=n_top,
            n_pairs=self.n_resamples,
            fraction=self.sample_fraction,
            seeds=seeds,
            n_jobs=self.n_jobs,
        )
        return counts / (2 * self.n_resamples)

    def _compare(self, frequencies, X, y, n_top, seeds):
        """Return the share of frequencies under permuted labels that are as large."""
        order, draws = seeds.spawn(2)
        random = np.random.default_rng(order)
        permuted = np.stack([random.permutation(y) for _ in range(self.n_permutations)])
        null = np.sort(self._frequencies(X, permuted, n_top, draws), axis=None)
        n_larger = len(null) - np.searchsorted(null, frequencies - 1e-9)
        return (1 + n_larger) / (1 + len(null))

    def _cut(self, frequencies, p_values):
        """Return the lowest frequency that Benjamini and Hochberg let pass."""
        passes = stats.false_discovery_control(p_values) <= self.level
        passes &= frequencies > 0
        nothing = 1 + 1 / (2 * self.n_resamples)
        return float(frequencies[passes].min()) if passes.any() else nothing

    def _choose_n_top(self, name, n_features):
        if self.n_features == "auto":
            return self._largest_n_top(n_features)
        if self.n_features > n_features:
            raise ValueError(
                f"Got n_features={self.n_features}, but modality {name!r} has "
                f"{n_features} features. Give a smaller number, or 'auto'."
            )
        return int(self.n_features)

    def _choose_threshold(self, name, n_top, n_features):
        """Return the lowest threshold that keeps the level, and its bound."""
        bounds = pfer_bounds(n_top, n_features, self.n_resamples, self.assumption)
        enough = np.flatnonzero(bounds <= self.level)
        enough = enough[enough > self.n_resamples]
        if len(enough):
            place = enough[0]
            return float(place / (2 * self.n_resamples)), float(bounds[place])
        best = self._largest_n_top(n_features)
        kept = pfer_bounds(best, n_features, self.n_resamples, self.assumption)[-1]
        smaller = f"n_features={best}, " if kept <= self.level else ""
        raise ValueError(
            f"Got n_features={n_top} of {n_features} in modality {name!r} and "
            f"level={self.level}, but with n_resamples={self.n_resamples} even a "
            f"threshold of 1 lets up to {bounds[-1]:.3g} features pass by chance. Give "
            f"{smaller}a higher level, or more resamples."
        )

    def _largest_n_top(self, n_features):
        level = float(self.level) if self.error == "pfer" else 1.0
        return choose_n_top(n_features, self.n_resamples, level, self.assumption)

    def _get_support_mask(self):
        check_is_fitted(self)
        return self.support_

    def transform(self, X: TableLike) -> TableLike:
        """Keep the selected features.

        Parameters
        ----------
        X : {array-like, sparse matrix} or AnnData of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        Xt : {ndarray, DataFrame, sparse matrix} or AnnData of shape (n_samples, n_out)
            The selected features; a DataFrame, an AnnData, or csr with names, stays
            one.
        """
        Xt = super().transform(_as_table(X))
        if get_output_config(self) not in (None, "default"):
            return Xt
        has_names = isinstance(X, pd.DataFrame | NamedSparse) or is_anndata(X)
        return take_columns(X, np.flatnonzero(self.support_)) if has_names else Xt


def _as_table(X):
    """Return a table whose names scikit-learn understands."""
    if is_anndata(X):
        is_sparse = sparse.issparse(X.X)
        return X.X if is_sparse else pd.DataFrame(X.X, X.obs_names, X.var_names)
    if not isinstance(X, pd.DataFrame) or X.columns.nlevels != 2:
        return X
    return X.set_axis([SEPARATOR.join(map(str, pair)) for pair in X.columns], axis=1)
