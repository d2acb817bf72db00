"""Block ridge: a classifier in closed form with a penalty for each modality."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skomics._compat import Interval, StrOptions, _fit_context
from skomics._threads import blas_threads
from skomics._transaction import whole
from skomics.estimators._arranged import in_memory
from skomics.estimators._block_base import BaseBlockClassifier
from skomics.estimators._canonical import canonical_order
from skomics.estimators._receipt import note_samples
from skomics.estimators._ridge_path import RidgePath, RidgeProblem
from skomics.estimators._samples import (
    check_total_weight,
    deduplicate_samples,
    read_class_weight,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import ClassWeight, OmicsNames, TableLike

__all__ = ["BlockRidgeClassifier"]

# Sparse samples of no more features are made dense to be asked for, so many at a time.
_FEW_COLUMNS, _ROWS = 8192, 1000


class BlockRidgeClassifier(BaseBlockClassifier):
    r"""Ridge classification with a penalty and a feature scale for each modality.

    With few patients and many features this is hard to beat, and it takes a second:
    kernel ridge on the sum of one Gram matrix per modality. How much each modality
    counts, how strongly all are shrunk, and whether features that differ between the
    classes weigh more, is chosen by inner folds in closed form. It needs no seed.

    Parameters
    ----------
    feature_scale : sequence of float or "top", default=(0, 0.5, 1, 2)
        Exponents :math:`\gamma` to choose from for each modality. Features weigh
        :math:`\max(F_j - 1, 0)^\gamma`, with :math:`F_j` the F statistic between the
        classes, which is worked out anew in each inner fold; 0 weighs all the same,
        "top" keeps the 2 % with the largest statistics. ``(0,)`` leaves features alone.

    block_weights : {"auto", "equal"}, default="auto"
        Whether each modality gets a penalty of its own, or all the same one.

    n_folds : int or "loo", default=5
        Number of inner folds, stratified by class. "loo" leaves out each sample by
        itself, exactly and in closed form, and takes the features as they are.

    n_repeats : int, default=1
        How many times the inner folds are dealt.

    class_weight : dict, "balanced" or None, default="balanced"
        Weight of each class in the loss, as in scikit-learn.

    prior : {"balanced", "observed"}, default="balanced"
        Frequencies of the classes for which probabilities are given: "balanced" for
        classes as they are weighed in training, "observed" for those of the training
        samples, by Bayes' rule. It moves predictions towards common classes.

    omics : array-like, dict or None, default=None
        Which columns belong to which modalities, for input without names: block sizes,
        a dict from omics to size, or one label per column. None reads
        ``omics__feature`` names.

    n_threads : int or None, default=1
        Threads of the linear algebra during `fit`. With 1, a result does not depend
        on the machine's load or on how many jobs run. None leaves its setting.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Subtypes, sorted.

    omics_ : tuple of str
        Names of the modalities, in the order of the columns.

    block_weights_ : ndarray of shape (n_omics,)
        How much each modality of `omics_` counts, with mean 1; 0 if it is left out.

    alpha_ : float
        Penalty, for omics whose samples have mean square 1.

    feature_scale_ : dict of str to float or "top"
        Exponent chosen for each modality.

    feature_weights_ : ndarray of shape (n_features,)
        Weight of each feature, with mean 1 in each modality.

    temperature_ : float
        Factor that makes logits of ridge scores, by the log loss out of fold.

    oof_decision_function_ : ndarray of shape (n_samples, n_classes)
        Logits of the training samples by models that had not seen them.

    coef_ : ndarray of shape (n_classes, n_features)
        Coefficients of the logits in the features as given; one row for two classes.

    intercept_ : ndarray of shape (n_classes,)
        Intercepts of the logits.

    fit_receipt_ : dict
        What `fit` saw and left out, and digests of the data and of what was learned, as
        of the networks (:class:`~skomics.SMAClassifier`).

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X has names.

    See Also
    --------
    SMAClassifier : A network that begins where this model ends.

    Notes
    -----
    For the Gram matrices :math:`K_b` of the omics, of mean diagonal 1, weights
    :math:`w_i` of the samples and one-hot targets :math:`Y`, the scores are

    .. math:: f = \sum_b \frac{\beta_b}{\alpha} K_b A + 1 c^T, \qquad
              \Big(\sum_b \frac{\beta_b}{\alpha} K_b + W^{-1}\Big) A = Y - 1 c^T,

    with an intercept :math:`c` that is not penalized. Logits are :math:`t f` for a
    temperature :math:`t`. Strength, weights and exponents are searched one after
    another, twice around, by the class-weighted log loss out of fold; a weight or an
    exponent changes for a gain of 0.005 or more. Above 1,000 samples the search looks
    at a stratified part of them.

    A sample weight of `k` is exactly `k` copies of the sample, which stay in one fold.
    A sample that lacks a modality is taken for average there. Sparse features are not
    made dense.

    References
    ----------
    van de Wiel, van Nee, Rauschenberger (2021), "Fast cross-validation for
    multi-penalty ridge regression", arXiv:2005.09301 (multiridge): Gram matrices per
    modality. Boulesteix, De Bin, Jiang, Fuchs (2017), "IPF-LASSO", Computational and
    Mathematical Methods in Medicine 2017:7691937; Klau et al. (2018),
    "Priority-Lasso", BMC Bioinformatics 19:322: penalties per modality. van de Wiel,
    Lien, Verlaat, van Wieringen, Wilting (2016), "Better prediction by use of
    co-data: adaptive group-regularized ridge regression", Statistics in Medicine
    35:368 (GRridge); van Nee, Wessels, van de Wiel (2021), arXiv:2101.03875 (ecpc):
    moment estimates of how much features vary.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()), BlockRidgeClassifier()
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    _parameter_constraints = {
        **BaseBlockClassifier._parameter_constraints,
        "feature_scale": ["array-like"],
        "block_weights": [StrOptions({"auto", "equal"})],
        "n_folds": [Interval(Integral, 2, None, closed="left"), StrOptions({"loo"})],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "prior": [StrOptions({"balanced", "observed"})],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        feature_scale: Sequence[float] | Literal["top"] = (0, 0.5, 1, 2),
        block_weights: Literal["auto", "equal"] = "auto",
        n_folds: int | Literal["loo"] = 5,
        n_repeats: int = 1,
        class_weight: ClassWeight = "balanced",
        prior: Literal["balanced", "observed"] = "balanced",
        omics: OmicsNames | None = None,
        n_threads: int | None = 1,
    ) -> None:
        self.feature_scale = feature_scale
        self.block_weights = block_weights
        self.n_folds = n_folds
        self.n_repeats = n_repeats
        self.class_weight = class_weight
        self.prior = prior
        self.omics = omics
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(
        self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Choose penalties and scales by inner folds, and learn from all samples.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Training data with the omics side by side: what
            :class:`~skomics.OmicsConcatenator` gives. A sample that lacks a modality
            has NaN for all its values there, and values elsewhere.

        y : array-like of shape (n_samples,)
            Subtypes: strings, integers or booleans.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of k is exactly k copies of the sample.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X holds single NaN or infinity, if a sample has no modalities or no
            sample has a modality, if there is one class only, if the weights are all
            zero or their sum is infinite, or if `feature_scale` is not understood.
        """
        merged = deduplicate_samples(*self._read_samples(X, y, sample_weight))
        note_samples(self._fit_receipt, merged)
        self._learn(merged)
        return self

    def _fit_for(self, classifier, merged, columns=None):
        """Learn from what another classifier has read; return logits out of fold.

        Where that one has put the columns into another order, it says which.
        """
        self._take_over(classifier)
        return self._learn(merged, columns)

    def _take_over(self, classifier):
        """Have the names and classes that another classifier has learned."""
        shared = ("classes_", "omics_", "n_features_in_", "feature_names_in_")
        for name in (*shared, "_layout", "_may_miss"):
            if hasattr(classifier, name):
                setattr(self, name, getattr(classifier, name))

    def _adopt_path(self, classifier, path):
        """Be a path that was fitted elsewhere, whose samples are in no memory."""
        self._take_over(classifier)
        self._record_path(path, None)
        return self

    @property
    def _input_scale(self):
        """Factor of each feature, block by block, or None if all are 1."""
        if set(self.feature_scale_.values()) == {0}:
            return None
        weights = self.feature_weights_[np.concatenate(self._blocks)]
        return np.sqrt(weights).astype(np.float32)

    def _learn(self, merged, columns=None):
        bounds, ranks = self._bounds, None
        if columns is None:
            # Folds are dealt in an order that the order of the columns does not change.
            ranks = np.argsort(canonical_order(merged.X, merged.codes, bounds)[0])
        problem = RidgeProblem(
            X=merged.X,
            bounds=bounds,
            codes=merged.codes,
            n_classes=len(self.classes_),
            weights=merged.weights / merged.weights.mean(),
            class_weight=read_class_weight(self.class_weight, self.classes_),
            ranks=ranks,
        )
        path = RidgePath(
            exponents=self._exponents(),
            searches_weights=self.block_weights == "auto",
            n_folds=None if self.n_folds == "loo" else self.n_folds,
            n_repeats=self.n_repeats,
        )
        check_total_weight(
            problem.weights * problem.class_factors()[problem.codes], "class_weight"
        )
        with blas_threads(self.n_threads), np.errstate(all="ignore"):
            try:
                path.fit(problem)
            except np.linalg.LinAlgError:
                path.coef = np.array([np.nan])
        if not np.isfinite(path.coef).all():
            raise ValueError(
                "Ridge has no finite coefficients for these values and weights, which "
                f"range up to {_largest(problem.X):.3g}. "
                "Standardize the features of every modality (StandardScaler in "
                "OmicsConcatenator), and use weights of like size."
            )
        self._record(path, problem, merged.group, columns)
        return path.oof

    def _exponents(self):
        """Return the exponents to choose from; 0 is always one."""
        scale = self.feature_scale
        given = [scale] if isinstance(scale, str | Real) else list(scale)
        for exponent in given:
            is_number = isinstance(exponent, Real) and 0 <= exponent < np.inf
            if not (is_number or exponent == "top"):
                raise ValueError(
                    f"feature_scale holds {exponent!r}, but exponents of at least 0 "
                    "and 'top' are wanted, as in (0, 0.5, 1, 2, 'top')."
                )
        if self.n_folds == "loo":
            return (0,)
        return (0, *(e for e in dict.fromkeys(given) if e != 0))

    def _record(self, path, problem, group, columns):
        """Keep what was learned, in the order of the table's columns and rows."""
        self._record_path(path, columns)
        if self.prior == "observed":
            self._offset = self._offset + self._log_prior(problem)
        # A sample of no weight was in no fold: it is new to all.
        rows = np.where(group < 0, 0, group)
        self.oof_decision_function_ = path.oof[rows]
        self.oof_decision_function_[group < 0] = np.nan

    def _record_path(self, path, columns):
        learned = np.concatenate(self._blocks)
        order = np.argsort(learned if columns is None else learned[columns])
        names = [self.omics_[i] for i in self._block_order]
        back = np.argsort(self._block_order)
        self.block_weights_ = (path.strengths / path.strengths.mean())[back]
        self.alpha_ = float(1 / path.strengths.mean())
        chosen = dict(zip(names, path.chosen, strict=True))
        self.feature_scale_ = {name: chosen[name] for name in self.omics_}
        self.feature_weights_ = np.concatenate(path.weights)[order]
        self.temperature_ = path.temperature
        self._mean, self._coef = path.mean[order], path.coef[order]
        self._offset = path.intercept

    @property
    def coef_(self) -> np.ndarray:
        """Coefficients of the logits, one row per class, or one row for two."""
        check_is_fitted(self)
        coef = self._coef.T
        return coef[[1]] - coef[[0]] if len(self.classes_) == 2 else coef

    def _training_means(self):
        """Return the mean of each column of the table over the training samples."""
        return self._mean

    def _used_features(self):
        return self.feature_weights_ > 0

    def _feature_sizes(self):
        """Return how much each feature tells the classes apart by its coefficients."""
        mean = self._coef.mean(1, keepdims=True)
        return np.abs(self._coef - mean).sum(1)

    @property
    def intercept_(self) -> np.ndarray:
        """Intercepts of the logits, one per class, or one for two."""
        check_is_fitted(self)
        intercept = self._offset - self._mean @ self._coef
        is_binary = len(self.classes_) == 2
        return intercept[[1]] - intercept[[0]] if is_binary else intercept

    def _log_prior(self, problem):
        """Return how much more common each class is than training took it for."""
        observed = np.bincount(problem.codes, problem.weights)
        trained = np.bincount(problem.codes, problem.total_weights())
        return np.log(observed / observed.sum()) - np.log(trained / trained.sum())

    def _logits(self, X):
        table, _ = self._read_new(X)
        logits = self._path_logits(table)
        self._check_logits(logits)
        return logits

    def _path_logits(self, table):
        """Return the logits of samples that have been read, block by block."""
        order = np.concatenate(self._blocks)
        with blas_threads(self.n_threads):
            return path_logits(
                table, self._mean[order], self._coef[order], self._offset
            )


def _largest(X):
    """Return the largest absolute value of a table, NaN aside."""
    return np.nanmax(np.abs(X.data if sparse.issparse(X) else in_memory(X)))


def path_logits(X, mean, coef, intercept):
    """Return the logits of a linear model whose features are taken off their means.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        New samples; NaN counts as the mean.

    mean : ndarray of shape (n_features,)
        Means.

    coef : ndarray of shape (n_features, n_classes)
        Coefficients.

    intercept : ndarray of shape (n_classes,)
        Intercepts.

    Returns
    -------
    logits : ndarray of shape (n_samples, n_classes)
        Logits.
    """
    if not sparse.issparse(X):
        Z = np.subtract(X, mean, order="C")
        Z[np.isnan(Z)] = 0.0
        return Z @ coef + intercept
    if X.shape[1] <= _FEW_COLUMNS:
        starts = range(0, X.shape[0], _ROWS)
        parts = [X[start : start + _ROWS].toarray() for start in starts]
        args = (mean, coef, intercept)
        return np.concatenate([path_logits(part, *args) for part in parts])
    missing = np.isnan(X.data)
    if not missing.any():
        return X @ coef - mean @ coef + intercept
    # What a row lacks is stored as NaN: as much as the mean stands in for it.
    filled = sparse.csr_array(X, copy=True)
    filled.data[missing] = mean[filled.indices[missing]]
    return filled @ coef - mean @ coef + intercept
