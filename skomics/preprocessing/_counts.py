"""Normalizers of counts and of beta values, learned from the training samples."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from skomics._compat import Interval, StrOptions, _fit_context
from skomics._transaction import whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import MatrixLike

__all__ = [
    "AtacTfidfTransformer",
    "CLRTransformer",
    "CountTransformer",
    "LibrarySizeNormalizer",
    "MValueTransformer",
]


class CountTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Base of transformers of counts: sparse stays sparse, negatives are refused.

    What one learns is settled from what it gathers, which may be from some samples
    after others.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _read_counts(self, X, *, reset, copy=False):
        if not reset:
            check_is_fitted(self)
        X = validate_data(
            self,
            X,
            reset=reset,
            copy=copy,
            accept_sparse="csr",
            dtype=FLOAT_DTYPES,
            accept_large_sparse=False,
        )
        values = X.data if sparse.issparse(X) else X
        if values.size and values.min() < 0:
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__}: "
                f"{(values < 0).sum()} of {X.shape[0] * X.shape[1]}, the lowest "
                f"{values.min():.3g}, but counts are at least 0. Give raw counts, "
                "before they are centered, scaled or logged."
            )
        return X

    def _fit_counts(self, X):
        X = self._read_counts(X, reset=True)
        self._settle(self._gather(X, None))
        return self


def _sums(X, axis):
    return np.asarray(X.sum(axis=axis, dtype=np.float64)).ravel()


def _add(total, sums, X):
    """Return sums over samples, and their number, with those of samples before."""
    before, n_samples = (0.0, 0) if total is None else total
    return before + sums, n_samples + X.shape[0]


def _reciprocal(values):
    """Return 1 / values, and 0 where a value is 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def _scale_rows(X, factors):
    """Multiply the rows of a matrix in place."""
    factors = factors.astype(X.dtype)
    if sparse.issparse(X):
        X.data *= np.repeat(factors, np.diff(X.indptr))
    else:
        X *= factors[:, None]


def _scale_columns(X, factors):
    """Multiply the columns of a matrix in place."""
    factors = factors.astype(X.dtype)
    if sparse.issparse(X):
        X.data *= factors[X.indices]
    else:
        X *= factors


def _log1p(X):
    """Replace x by log(1 + x) in place; zeros stay zeros."""
    values = X.data if sparse.issparse(X) else X
    np.log1p(values, out=values)
    return X


class LibrarySizeNormalizer(CountTransformer):
    r"""Bring all samples to the same number of counts, and take logs.

    Parameters
    ----------
    target_sum : float, default=None
        Sum of the counts of each sample afterwards, before logs are taken. ``None``
        takes the median of the training samples that have counts.

    log1p : bool, default=True
        Whether to take :math:`\log(1 + x)`.

    Attributes
    ----------
    target_sum_ : float
        Sum to which the samples are brought.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    See Also
    --------
    sklearn.preprocessing.Normalizer : With ``norm="l1"``, a sum of 1 without logs.

    Notes
    -----
    A count becomes :math:`\log(1 + t\,x_{ij} / \sum_j x_{ij})` with the target sum
    *t*. A sample without counts stays 0. Sparse input stays sparse and float32
    stays float32; NaN and negative counts are errors.

    Examples
    --------
    >>> from skomics.preprocessing import LibrarySizeNormalizer
    >>> LibrarySizeNormalizer(log1p=False).fit_transform([[1.0, 3.0], [2.0, 0.0]])
    array([[0.75, 2.25],
           [3.  , 0.  ]])
    """

    _parameter_constraints = {
        "target_sum": [Interval(Real, 0, None, closed="neither"), None],
        "log1p": ["boolean"],
    }

    def __init__(self, target_sum: float | None = None, *, log1p: bool = True) -> None:
        self.target_sum = target_sum
        self.log1p = log1p

    @property
    def _learns_from_samples(self):
        return self.target_sum is None

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: MatrixLike, y: None = None) -> Self:
        """Learn the sum to which the samples are brought.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of the training samples.

        y : None
            Ignored.

        Returns
        -------
        self : LibrarySizeNormalizer
            The fitted transformer.

        Raises
        ------
        ValueError
            If a count is negative or NaN, or there are none in any sample.
        """
        return self._fit_counts(X)

    def _gather(self, X, sizes):
        """Add the number of counts of each sample to those of samples before."""
        if self.target_sum is not None:
            return None
        sizes = [] if sizes is None else sizes
        return [*sizes, _sums(X, axis=1)]

    def _settle(self, sizes):
        self.target_sum_ = self.target_sum
        if sizes is None:
            return
        sizes = np.concatenate(sizes)
        if not sizes.any():
            raise ValueError(
                f"All counts of the {len(sizes)} samples are 0, so the median of "
                "their sums is not known. Check the table, or set target_sum."
            )
        self.target_sum_ = float(np.median(sizes[sizes > 0]))

    def transform(self, X: MatrixLike) -> MatrixLike:
        """Normalize the samples, each by itself.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        Xt : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Normalized counts; sparse if X is.
        """
        X = self._read_counts(X, reset=False, copy=True)
        _scale_rows(X, self.target_sum_ * _reciprocal(_sums(X, axis=1)))
        return _log1p(X) if self.log1p else X


class CLRTransformer(CountTransformer):
    r"""Centered log-ratios of counts, as of antibody-derived tags (ADT).

    Parameters
    ----------
    per : {"sample", "feature"}, default="sample"
        Whether a count is compared with the other features of its sample, or with
        the training samples' counts of its feature.

    Attributes
    ----------
    geometric_means_ : ndarray of shape (n_features,)
        What the counts of each feature are divided by. Only for ``per="feature"``.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    Notes
    -----
    A count becomes :math:`\log(1 + x_{ij} / g)` with
    :math:`g = \exp(\frac{1}{n} \sum \log(1 + x))`, the geometric mean of *1 + x* over
    the *n* features of the sample, or over the *n* training samples. This is the
    form that the single-cell package Seurat computes for the CITE-seq protocol [1]_:
    unlike the log-ratio of compositional data, :math:`\log x_{ij} - \log g`, it is
    defined for a count of 0, which stays 0, so that sparse input stays sparse.
    NaN and negative counts are errors; float32 stays float32.

    References
    ----------
    .. [1] M. Stoeckius et al., "Simultaneous epitope and transcriptome measurement
       in single cells", Nature Methods 14, 2017, https://doi.org/10.1038/nmeth.4380

    Examples
    --------
    >>> from skomics.preprocessing import CLRTransformer
    >>> CLRTransformer().fit_transform([[0.0, 3.0], [1.0, 1.0]]).round(3)
    array([[0.   , 0.916],
           [0.405, 0.405]])
    """

    _parameter_constraints = {"per": [StrOptions({"sample", "feature"})]}

    def __init__(self, per: Literal["sample", "feature"] = "sample") -> None:
        self.per = per

    @property
    def _learns_from_samples(self):
        return self.per == "feature"

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: MatrixLike, y: None = None) -> Self:
        """Learn the geometric mean of each feature, if it is needed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of the training samples.

        y : None
            Ignored.

        Returns
        -------
        self : CLRTransformer
            The fitted transformer.

        Raises
        ------
        ValueError
            If a count is negative or NaN.
        """
        return self._fit_counts(X)

    def _gather(self, X, total):
        """Add the logs of each feature, and the number of samples."""
        if self.per != "feature":
            return None
        return _add(total, _sums(_log1p(X.copy()), axis=0), X)

    def _settle(self, total):
        if total is not None:
            logs, n_samples = total
            self.geometric_means_ = np.exp(logs / n_samples)

    def transform(self, X: MatrixLike) -> MatrixLike:
        """Take the log-ratios.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        Xt : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Log-ratios; sparse if X is.
        """
        X = self._read_counts(X, reset=False, copy=True)
        if self.per == "feature":
            _scale_columns(X, 1 / self.geometric_means_)
        else:
            logs = _sums(_log1p(X.copy()), axis=1)
            _scale_rows(X, np.exp(-logs / X.shape[1]))
        return _log1p(X)


class AtacTfidfTransformer(CountTransformer):
    r"""Weigh peaks of open chromatin by how rarely they are open, and take logs.

    Parameters
    ----------
    scale : float, default=1e4
        What the weighted frequencies are multiplied by.

    Attributes
    ----------
    idf_ : ndarray of shape (n_features,)
        Weight of each peak: training samples per count; 0 where there is no count.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    See Also
    --------
    sklearn.feature_extraction.text.TfidfTransformer : Has a logarithm in the weight
        instead, :math:`\log(n / d) + 1`, and none around the product.

    Notes
    -----
    A count becomes :math:`\log(1 + s\,\mathrm{tf}_{ij}\,\mathrm{idf}_j)` with the
    frequency :math:`\mathrm{tf}_{ij} = x_{ij} / \sum_j x_{ij}`, the weight
    :math:`\mathrm{idf}_j = n / \sum_i x_{ij}` over the *n* training samples and the
    scale *s* [1]_. A sample without counts stays 0, and so does a peak that no
    training sample has. Sparse input stays sparse and float32 stays float32; NaN
    and negative counts are errors.

    References
    ----------
    .. [1] T. Stuart et al., "Comprehensive integration of single-cell data", Cell
       177(7), 2019, https://doi.org/10.1016/j.cell.2019.05.031

    Examples
    --------
    >>> from skomics.preprocessing import AtacTfidfTransformer
    >>> AtacTfidfTransformer().fit_transform([[1.0, 1.0], [0.0, 1.0]]).round(2)
    array([[9.21, 8.52],
           [0.  , 9.21]])
    """

    _parameter_constraints = {"scale": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, scale: float = 1e4) -> None:
        self.scale = scale

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: MatrixLike, y: None = None) -> Self:
        """Learn the weight of each peak.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of the training samples.

        y : None
            Ignored.

        Returns
        -------
        self : AtacTfidfTransformer
            The fitted transformer.

        Raises
        ------
        ValueError
            If a count is negative or NaN.
        """
        return self._fit_counts(X)

    def _gather(self, X, total):
        """Add the counts of each peak, and the number of samples."""
        return _add(total, _sums(X, axis=0), X)

    def _settle(self, total):
        counts, n_samples = total
        self.idf_ = n_samples * _reciprocal(counts)

    def transform(self, X: MatrixLike) -> MatrixLike:
        """Weigh the counts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts.

        Returns
        -------
        Xt : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Weighted counts; sparse if X is.
        """
        X = self._read_counts(X, reset=False, copy=True)
        _scale_rows(X, self.scale * _reciprocal(_sums(X, axis=1)))
        _scale_columns(X, self.idf_)
        return _log1p(X)


class MValueTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Turn beta values of methylation into M-values, and back.

    Parameters
    ----------
    offset : float, default=0.001
        Added to both shares, so that 0 and 1 have a finite M-value (about 10 in
        absolute value by default).

    clip : bool, default=False
        Whether values below 0 and above 1 count as 0 and 1. If False, they are an
        error.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    Notes
    -----
    A beta value becomes
    :math:`M = \log_2 \frac{\beta + \alpha}{1 - \beta + \alpha}` with the offset
    :math:`\alpha` [1]_. The M-value of :class:`~skomics.datasets.IntersimReference`
    has the natural logarithm. Nothing is learned from the training samples but the
    names of the features. NaN stays NaN and float32 stays float32. There is no
    sparse input: a beta value of 0 is no M-value of 0.

    References
    ----------
    .. [1] P. Du et al., "Comparison of Beta-value and M-value methods for
       quantifying methylation levels by microarray analysis", BMC Bioinformatics
       11, 2010, https://doi.org/10.1186/1471-2105-11-587

    Examples
    --------
    >>> from skomics.preprocessing import MValueTransformer
    >>> transformer = MValueTransformer(offset=0.0)
    >>> transformer.fit_transform([[0.5, 0.8], [0.2, 0.5]])
    array([[ 0.,  2.],
           [-2.,  0.]])
    >>> transformer.inverse_transform([[0.0, 2.0]])
    array([[0.5, 0.8]])
    """

    _parameter_constraints = {
        "offset": [Interval(Real, 0, None, closed="left")],
        "clip": ["boolean"],
    }
    _learns_from_samples = False

    def __init__(self, offset: float = 0.001, *, clip: bool = False) -> None:
        self.offset = offset
        self.clip = clip

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Check the beta values and learn the names of the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Beta values.

        y : None
            Ignored.

        Returns
        -------
        self : MValueTransformer
            The fitted transformer.

        Raises
        ------
        ValueError
            If a value lies outside [0, 1].
        """
        self._read_betas(X, reset=True)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Turn beta values into M-values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Beta values.

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features)
            M-values.

        Raises
        ------
        ValueError
            If a value lies outside [0, 1].
        """
        check_is_fitted(self)
        X = self._read_betas(X, reset=False)
        with np.errstate(divide="ignore"):  # without offset, 0 and 1 are infinite
            return np.log2((X + self.offset) / (1 - X + self.offset))

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Turn M-values into beta values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            M-values.

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features)
            Beta values.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, reset=False, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan"
        )
        share = expit(X * np.log(2))
        return share * (1 + 2 * self.offset) - self.offset

    def _read_betas(self, X, *, reset):
        X = validate_data(
            self, X, reset=reset, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan"
        )
        is_outside = (X < 0) | (X > 1)
        if not is_outside.any():
            return X
        if self.clip:
            return X.clip(0, 1)
        raise ValueError(
            f"{is_outside.sum()} of {X.size} values lie outside [0, 1], from "
            f"{np.nanmin(X):.3g} to {np.nanmax(X):.3g}, but beta values are shares. "
            "Give beta values, leave M-values as they are, or set clip=True for "
            "rounding errors."
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")
