"""Bring samples of another cohort, or platform, to where those of training are."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from skomics._compat import Interval, StrOptions, _fit_context, available_if
from skomics._transaction import draft_of, whole
from skomics._warnings import warn

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "CohortScaler",
    "ReferenceQuantileNormalizer",
    "SampleRankTransformer",
]

# A spread below this share of the mean is one of rounding.
_CONSTANT = 1e-12


class _CohortTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Base of transformers that keep the features, and NaN where it is."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _read(self, X, *, reset):
        if not reset:
            check_is_fitted(self)
        return validate_data(
            self, X, reset=reset, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan"
        )


def _shares_below(X):
    """Return, for each value, the share of its sample's values that are smaller.

    Ties are counted half, as the value itself; NaN are not counted and stay NaN.
    """
    is_nan = np.isnan(X)
    # NaN come last, and leave the ranks of the others as they are.
    ranks = stats.rankdata(np.where(is_nan, np.inf, X), axis=1)
    n_observed = np.maximum(X.shape[1] - is_nan.sum(axis=1, keepdims=True), 1)
    return np.where(is_nan, np.nan, (ranks - 0.5) / n_observed)


class SampleRankTransformer(_CohortTransformer):
    r"""Replace the values of each sample by their ranks within the sample.

    What is left is which features are high and which are low in a patient. It is the
    same whatever the unit, and whatever growing function of it (a logarithm of another
    base, or none) a platform gives.

    Parameters
    ----------
    output_distribution : {"uniform", "normal"}, default="uniform"
        What the ranks are spread over: 0 to 1, or a standard normal distribution.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    See Also
    --------
    ReferenceQuantileNormalizer : Ranks, in the units of the training samples.
    sklearn.preprocessing.QuantileTransformer : Ranks of samples within a feature.

    Notes
    -----
    Of *n* values in a sample that are not NaN, that of rank *r* becomes
    :math:`(r - 1/2) / n`, ties their mean rank; with "normal", the normal quantile of
    this. Nothing is learned from the training samples, and each new sample is
    transformed by itself, a single patient too. A scaler of features should follow, for
    features have other means still. Not for sparse input, whose zeros would
    all become one rank, nor for modalities whose features have units of their own, such
    as clinical values. NaN stays NaN, and float32 stays float32.

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.preprocessing import SampleRankTransformer
    >>> X = np.array([[1.0, 5.0, 2.0], [4.0, np.nan, 3.0]])
    >>> SampleRankTransformer().fit_transform(X).round(2)
    array([[0.17, 0.83, 0.5 ],
           [0.75,  nan, 0.25]])
    >>> SampleRankTransformer().fit_transform(3 * X + 7).round(2)
    array([[0.17, 0.83, 0.5 ],
           [0.75,  nan, 0.25]])
    """

    _parameter_constraints = {
        "output_distribution": [StrOptions({"uniform", "normal"})]
    }

    def __init__(
        self, output_distribution: Literal["uniform", "normal"] = "uniform"
    ) -> None:
        self.output_distribution = output_distribution

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn the names of the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples.

        y : None
            Ignored.

        Returns
        -------
        self : SampleRankTransformer
            The fitted transformer.

        Raises
        ------
        TypeError
            If X is sparse.
        """
        self._read(X, reset=True)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Rank the values of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features)
            Their ranks, between 0 and 1 or normal.
        """
        X = self._read(X, reset=False)
        shares = _shares_below(X)
        if self.output_distribution == "normal":
            shares = stats.norm.ppf(shares)
        return shares.astype(X.dtype, copy=False)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")


class _AdaptiveTransformer(_CohortTransformer):
    """Base of transformers that can learn a new cohort, too.

    A subclass has `_learn_cohort(X)`, which sets what it has learned of it, and
    `_forget_cohort()`, after which it is as fitted; it says by `_needs_cohort` whether
    it has to learn one.
    """

    _needs_cohort = True

    @available_if(lambda self: self._needs_cohort)
    def adapt(self, X: ArrayLike) -> Self:
        """Learn where a new cohort is, without its labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples of the new cohort.

        Returns
        -------
        adapted : transformer
            A copy, whose `transform` brings samples of this cohort to where those of
            training are. This transformer stays as it is.

        Warns
        -----
        UserWarning
            If there is a single sample: the copy then leaves samples as they are.
        """
        X = self._read(X, reset=False)
        adapted = draft_of(self)
        n_samples = int((~np.isnan(X)).any(axis=1).sum())
        if n_samples < 2:
            warn(
                f"{type(self).__name__} is to adapt to {n_samples} sample(s) of a new "
                "cohort, which do not tell where a cohort is, and leaves its "
                "samples as they are. Give all samples of the cohort at once, or use "
                "SampleRankTransformer, which needs one only."
            )
            adapted._forget_cohort()
            return adapted
        adapted.n_cohort_samples_ = n_samples
        adapted._learn_cohort(X)
        return adapted


class ReferenceQuantileNormalizer(_AdaptiveTransformer):
    r"""Give new samples the distribution of values that training samples have.

    Parameters
    ----------
    per : {"sample", "feature"}, default="sample"
        "sample": the values of each sample get the distribution that the values of a
        training sample have on average, by their ranks. "feature": the values of a
        feature in a new cohort get the distribution that it has in training; for this
        the cohort must be learned by `adapt`, and until then nothing is changed.

    n_quantiles : int, default=1000
        Number of quantiles by which a distribution is described, at most; no more than
        there are values.

    Attributes
    ----------
    reference_ : ndarray of shape (n_quantiles,) or (n_quantiles, n_features)
        Quantiles of the training samples: their mean over samples, or those of each
        feature.

    cohort_quantiles_ : ndarray of shape (n_quantiles, n_features)
        With ``per="feature"``, quantiles of the cohort that was learned last, at first
        those of training.

    n_cohort_samples_ : int
        Number of samples of this cohort; 0 before `adapt`.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    See Also
    --------
    SampleRankTransformer : Ranks alone.
    CohortScaler : Moves mean and spread only, which takes fewer samples.
    adapt_to_cohort : Adapts all steps of a pipeline.

    Notes
    -----
    With ``per="sample"`` this is quantile normalization [1]_ with the training samples
    as the reference: each sample, also a single one, is transformed by itself. With
    ``per="feature"`` a new sample's values depend on the other samples of its cohort
    that `adapt` was given (transductive); after that, samples are transformed one by
    one. A cohort with another mix of classes is given that of training, and with few
    samples its quantiles are rough: give it tens.

    Quantiles are those of Hazen, between which values are interpolated. Values beyond
    those of the cohort become the smallest or largest of training. Sparse input is
    refused: zeros would not stay zero. NaN stays NaN, and float32 stays float32.

    References
    ----------
    .. [1] B. M. Bolstad et al., "A comparison of normalization methods for high density
       oligonucleotide array data based on variance and bias", Bioinformatics 19(2),
       2003, https://doi.org/10.1093/bioinformatics/19.2.185

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.preprocessing import ReferenceQuantileNormalizer
    >>> train = np.array([[1.0, 2.0, 6.0], [3.0, 2.0, 4.0]])
    >>> normalizer = ReferenceQuantileNormalizer().fit(train)
    >>> normalizer.reference_
    array([1.5, 2.5, 5. ])
    >>> normalizer.transform([[10.0, 700.0, 30.0]])
    array([[1.5, 5. , 2.5]])

    A cohort as a whole:

    >>> normalizer = ReferenceQuantileNormalizer("feature").fit(train)
    >>> new = 3 * train + 7
    >>> normalizer.adapt(new).transform(new)
    array([[1., 2., 6.],
           [3., 2., 4.]])
    """

    _parameter_constraints = {
        "per": [StrOptions({"sample", "feature"})],
        "n_quantiles": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, per: Literal["sample", "feature"] = "sample", *, n_quantiles: int = 1000
    ) -> None:
        self.per = per
        self.n_quantiles = n_quantiles

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn the quantiles of the training samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples.

        y : None
            Ignored.

        Returns
        -------
        self : ReferenceQuantileNormalizer
            The fitted transformer.

        Raises
        ------
        TypeError
            If X is sparse.

        ValueError
            If all values are NaN.
        """
        X = self._read(X, reset=True)
        X = X[~np.isnan(X).all(axis=1)]
        if not len(X):
            raise ValueError(
                "All values of all samples are NaN, so there is no distribution to "
                "learn. Leave the modality out."
            )
        if self.per == "sample":
            shares = _grid(min(self.n_quantiles, X.shape[1]))
            self.reference_ = _quantiles(X.T, shares).mean(axis=1)
            self.__dict__.pop("cohort_quantiles_", None)
            self.n_cohort_samples_ = 0
        else:
            self.reference_ = self._feature_quantiles(X)
            self._forget_cohort()
        return self

    def _forget_cohort(self):
        self.cohort_quantiles_ = self.reference_
        self.n_cohort_samples_ = 0

    @property
    def _needs_cohort(self):
        return self.per == "feature"

    def _feature_quantiles(self, X):
        return _quantiles(X, _grid(min(self.n_quantiles, len(X))))

    def _learn_cohort(self, X):
        X = X[~np.isnan(X).all(axis=1)]
        self.cohort_quantiles_ = self._feature_quantiles(X)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Give the samples the distribution of the training samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features)
            Their values in the units of training.
        """
        X = self._read(X, reset=False)
        if self.per == "sample":
            shares = _grid(len(self.reference_))
            Xt = np.interp(_shares_below(X), shares, self.reference_)
            return Xt.astype(X.dtype, copy=False)
        if not self.n_cohort_samples_:
            return X.copy()
        Xt = np.empty_like(X)
        pairs = zip(self.cohort_quantiles_.T, self.reference_.T, strict=True)
        for j, (here, there) in enumerate(pairs):
            Xt[:, j] = _map_quantiles(X[:, j], here, there)
        return Xt


def _grid(n):
    """Return the shares below the quantiles of `n` values (Hazen's)."""
    return (np.arange(n) + 0.5) / n


def _quantiles(X, shares):
    """Return quantiles of each column (Hazen's); zeros for one of NaN alone.

    NumPy's own go through columns with NaN one by one, and take several times as long
    for hundreds of quantiles.
    """
    counts = (~np.isnan(X)).sum(axis=0)
    columns, last = np.arange(X.shape[1]), np.maximum(counts - 1, 0)
    ordered = np.sort(X, axis=0).astype(np.float64)  # NaN come last
    ordered[:, counts == 0] = 0.0
    quantiles = np.empty((len(shares), X.shape[1]))
    for row, share in zip(quantiles, shares, strict=True):
        place = np.clip(counts * share - 0.5, 0, last)
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, last)
        low, high = ordered[below, columns], ordered[above, columns]
        row[:] = low + (place - below) * (high - low)
    return quantiles


def _map_quantiles(values, here, there):
    """Return values with the shares below them in another distribution."""
    shares = _grid(len(here))
    # Equal quantiles: the middle between the first and the last of them.
    below = np.interp(values, here, shares)
    above = -np.interp(-values, -here[::-1], -shares[::-1])
    return np.interp((below + above) / 2, _grid(len(there)), there)


class CohortScaler(_AdaptiveTransformer):
    r"""Move a new cohort to the mean and spread that features have in training.

    Training samples stay as they are. A new cohort is learned by `adapt`, without its
    labels, shrunk the more the fewer samples it has; until then nothing is
    changed.

    Parameters
    ----------
    with_scale : bool, default=True
        Whether the spread of each feature is corrected, too, or the mean alone.

    shrink : bool, default=True
        Whether what is learned of a feature is drawn towards what is learned of all
        others.

    Attributes
    ----------
    location_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of each feature in training, both 0 for a feature
        that has no values.

    cohort_location_, cohort_scale_ : ndarray of shape (n_features,)
        What stands for them in the cohort that was learned last; at first the same.

    n_cohort_samples_ : int
        Number of samples of this cohort; 0 before `adapt`.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, where X has names.

    See Also
    --------
    adapt_to_cohort : Adapts all steps of a pipeline.
    ReferenceQuantileNormalizer : Corrects the whole distribution.
    SampleRankTransformer : Needs no cohort.
    skomics.inspection.cohort_shift : Says whether anything is to be corrected.

    Notes
    -----
    This is ComBat [1]_ with the training samples as the reference batch, without
    covariates, in closed form. With :math:`z = (x - \mu_j) / \sigma_j` in units of
    training, the new cohort has the mean :math:`\hat\gamma_j` and the variance
    :math:`\hat\delta_j^2` over its :math:`n_j` values of feature *j*. These are shrunk,

    .. math::

        \gamma_j^* = \frac{n_j \bar\tau^2 \hat\gamma_j + \hat\delta_j^2 \bar\gamma}
                          {n_j \bar\tau^2 + \hat\delta_j^2},
        \qquad
        \delta_j^{*2} = \frac{\bar\theta + \frac12 \sum_i (z_{ij} - \gamma_j^*)^2}
                             {n_j / 2 + \bar\lambda - 1},

    where :math:`\bar\gamma, \bar\tau^2` are the mean and the variance of
    :math:`\hat\gamma_j` over the features, and :math:`\bar\lambda, \bar\theta` those of
    the inverse gamma distribution whose moments are those of :math:`\hat\delta_j^2`.
    ComBat repeats both steps until they agree; here each is done once, with
    :math:`\hat\delta_j^2` in the first. A value becomes
    :math:`\mu_j + \sigma_j (z - \gamma_j^*) / \delta_j^*`.

    What a cohort is corrected by depends on all samples that `adapt` was given
    (transductive); after that, samples are transformed one by one. A cohort with
    another mix of classes is moved as if that were an error: where mixes
    differ, correct by samples that are alike in both, or not at all. A single sample
    cannot be told from its cohort: it stays as it is, and a warning says so.

    A feature that is constant in training stays as it is. Sparse input is refused:
    zeros would not stay zero. NaN stays NaN, and float32 stays float32.

    References
    ----------
    .. [1] W. E. Johnson, C. Li and A. Rabinovic, "Adjusting batch effects in microarray
       expression data using empirical Bayes methods", Biostatistics 8(1), 2007,
       https://doi.org/10.1093/biostatistics/kxj037

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.preprocessing import CohortScaler
    >>> train = np.array([[1.0, 2.0], [3.0, 8.0], [5.0, 5.0]])
    >>> new = 3 * train + 7
    >>> scaler = CohortScaler(shrink=False).fit(train)
    >>> scaler.transform(train)
    array([[1., 2.],
           [3., 8.],
           [5., 5.]])
    >>> scaler.adapt(new).transform(new)
    array([[1., 2.],
           [3., 8.],
           [5., 5.]])
    """

    _parameter_constraints = {"with_scale": ["boolean"], "shrink": ["boolean"]}

    def __init__(self, *, with_scale: bool = True, shrink: bool = True) -> None:
        self.with_scale = with_scale
        self.shrink = shrink

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn mean and spread of each feature.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples.

        y : None
            Ignored.

        Returns
        -------
        self : CohortScaler
            The fitted transformer.

        Raises
        ------
        TypeError
            If X is sparse.
        """
        X = self._read(X, reset=True)
        counts, self.location_, variance = _moments(X)
        scale = np.sqrt(variance)
        is_constant = scale <= _CONSTANT * np.maximum(np.abs(self.location_), 1)
        self.scale_ = np.where(is_constant, 0.0, scale)
        self._forget_cohort()
        return self

    def _forget_cohort(self):
        self.cohort_location_, self.cohort_scale_ = self.location_, self.scale_
        self.n_cohort_samples_ = 0

    def _learn_cohort(self, X):
        is_used = (self.scale_ > 0) & ((~np.isnan(X)).sum(axis=0) > 1)
        location, scale = self.location_.copy(), self.scale_.copy()
        if is_used.any():
            z = (X[:, is_used] - location[is_used]) / scale[is_used]
            gamma, ratio = self._estimate(*_moments(z))
            location[is_used] += scale[is_used] * gamma
            scale[is_used] *= ratio
        self.cohort_location_, self.cohort_scale_ = location, scale

    def _estimate(self, counts, gamma, delta2):
        """Return mean and spread of each feature, in units of training."""
        if self.shrink:
            gamma, delta2 = _shrink(counts, gamma, delta2)
        # A feature that is constant in the cohort has no spread to be corrected.
        is_corrected = self.with_scale & (delta2 > _CONSTANT)
        return gamma, np.sqrt(np.where(is_corrected, delta2, 1.0))

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Move samples of the learned cohort to where those of training are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples: of training, or after `adapt` of the cohort that it was given.

        Returns
        -------
        Xt : ndarray of shape (n_samples, n_features)
            The same in the units of training.
        """
        X = self._read(X, reset=False)
        if not self.n_cohort_samples_:
            return X.copy()
        varies = self.cohort_scale_ > 0
        ratio = np.ones_like(self.scale_)
        np.divide(self.scale_, self.cohort_scale_, out=ratio, where=varies)
        Xt = (X - self.cohort_location_) * ratio + self.location_
        return Xt.astype(X.dtype, copy=False)


def _moments(X):
    """Return the number of values, mean and variance (unbiased) of each feature."""
    is_there = ~np.isnan(X)
    counts = is_there.sum(axis=0)
    n = np.maximum(counts, 1)
    mean = np.where(is_there, X, 0.0).sum(axis=0, dtype=np.float64) / n
    squares = np.where(is_there, (X - mean) ** 2, 0.0)
    return counts, mean, squares.sum(axis=0, dtype=np.float64) / np.maximum(n - 1, 1)


def _shrink(n, gamma, delta2):
    """Return the mean and variance of each feature as those of the others suggest."""
    tau2, common = gamma.var(), gamma.mean()
    drawn = (n * tau2 * gamma + delta2 * common) / np.maximum(n * tau2 + delta2, 1e-300)
    mean, spread = delta2.mean(), delta2.var()
    squares = (n - 1) * delta2 + n * (gamma - drawn) ** 2
    if spread <= _CONSTANT * mean**2:
        return drawn, np.full(len(n), mean)
    shape = (mean**2 + 2 * spread) / spread
    rate = (mean**3 + mean * spread) / spread
    return drawn, (rate + squares / 2) / (n / 2 + shape - 1)
