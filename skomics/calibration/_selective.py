"""Calls for samples that a classifier is sure of, and none for the others."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skomics._compat import Interval
from skomics._rows import check_same_samples, quote_values
from skomics._warnings import warn
from skomics.calibration._held_out import (
    HeldOutClassifier,
    read_samples,
    report_by_class,
    row_ids,
)
from skomics.metrics import count_errors, tabulate_risk

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import CrossValidation, OmicsLike

__all__ = ["SelectiveClassifier"]

# A threshold that no probability reaches.
_NEVER = 2.0
# Types of labels that NumPy would make others of.
_KEPT = {"O": object}
# Numbers of called samples at which the search for a threshold begins.
_N_STARTS = 5


class SelectiveClassifier(HeldOutClassifier):
    r"""Call a sample only where the largest class probability is large enough.

    How large is learned from inner folds: from probabilities of training samples by
    models that have not seen them.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Has `predict_proba`. Is cloned, and fitted in each fold and to all samples. One
        that is fitted already goes in as ``FrozenEstimator(estimator)``; then `fit`
        wants samples that it has not seen.

    coverage : float, default=None
        Share of the samples that are to be called, in (0, 1].

    risk : float, default=None
        The error among called samples that is allowed, in [0, 1): as many samples as
        possible are called. With neither `coverage` nor `risk` every sample is
        called, and `risk_coverage_` shows what a threshold would do.

    level : float or None, default=0.9
        Of `risk`: the confidence that the error stays within it, by the upper bound of
        Clopper and Pearson on the errors of held-out samples. None takes their share
        of errors as it is: about every second time the error is then larger.

    abstain_label : str, int, float or None, default=None
        What :meth:`predict` says of a sample that is not called. None, as in tables of
        pandas, is a missing label, which no class can be: ``pandas.isna`` finds it.
        Another label must be of the classes' type and none of them.

    cv : int, cross-validation generator or iterable, default=5
        The inner folds, each sample in one test part. An int stands for stratified
        folds, no more than the smallest class has samples.

    n_jobs : int, default=None
        Number of folds at the same time, by joblib.

    Attributes
    ----------
    estimator_ : classifier
        Fitted to all samples.

    classes_ : ndarray of shape (n_classes,)
        Classes, without the label for abstaining.

    threshold_ : float
        The smallest probability that is called: 0 if every sample is, above 1 if
        none is.

    held_out_confidence_ : ndarray of shape (n_samples,)
        Largest probability of each training sample, held out.

    held_out_correct_ : ndarray of shape (n_samples,), dtype bool
        Whether the class of this probability is right.

    risk_coverage_ : DataFrame of shape (n_thresholds, 3)
        Columns threshold, coverage and risk, of held-out training samples.

    n_features_in_ : int
        Number of features, if the estimator counts them.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, if the estimator knows them.

    Raises
    ------
    ValueError
        In `fit`, if both `coverage` and `risk` are given, `abstain_label` could be a
        class or is of another type, or a class has a single sample.

    Warns
    -----
    UserWarning
        In `fit`, if no threshold keeps the error within `risk`, so that no sample will
        be called.

    See Also
    --------
    ConformalClassifier : Sets of classes that hold the right one.

    Notes
    -----
    `predict` gives objects if it may abstain with None, whether it does or not, and
    the classes' type otherwise. Scores of scikit-learn refuse missing labels, so that
    an abstention cannot be counted as an error unseen. :meth:`score` is the accuracy
    among called samples; a comparison by it is one at different coverages.

    The bound on the risk holds for new samples of the same kind, for the models of the
    folds; the final model has learned from more. It is exact for a `FrozenEstimator`.
    Thresholds are tested from few called samples to many, from five starting points
    with a fifth of 1 - `level` each (fixed sequences, Angelopoulos et al.). An error of
    5 % at level 0.9 takes at least 77 samples without an error.

    References
    ----------
    Chow (1970), "On optimum recognition error and reject tradeoff", IEEE Transactions
    on Information Theory 16. Geifman, El-Yaniv (2017), "Selective classification for
    deep neural networks", NeurIPS. Angelopoulos et al. (2021), "Learn then test:
    calibrating predictive algorithms to achieve risk control", arXiv 2110.01052.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.calibration import SelectiveClassifier
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=200, effect=0.12, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier())
    >>> model = SelectiveClassifier(model, coverage=0.8).fit(X[:120], y[:120])
    >>> calls = model.predict(X[120:])
    >>> bool(pd.isna(calls).any())
    True
    """

    _parameter_constraints: dict = {
        **HeldOutClassifier._parameter_constraints,
        "coverage": [Interval(Real, 0, 1, closed="right"), None],
        "risk": [Interval(Real, 0, 1, closed="left"), None],
        "level": [Interval(Real, 0, 1, closed="neither"), None],
        "abstain_label": [str, Real, None],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        coverage: float | None = None,
        risk: float | None = None,
        level: float | None = 0.9,
        abstain_label: str | float | None = None,
        cv: CrossValidation = 5,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.coverage = coverage
        self.risk = risk
        self.level = level
        self.abstain_label = abstain_label
        self.cv = cv
        self.n_jobs = n_jobs

    def _check_estimator(self):
        super()._check_estimator()
        if self.coverage is not None and self.risk is not None:
            raise ValueError(
                f"Got coverage={self.coverage!r} and risk={self.risk!r}, but one "
                "threshold cannot keep both. Give one of them."
            )
        if self.risk == 0 and self.level is not None:
            raise ValueError(
                f"Got risk=0 at level={self.level!r}, but no number of samples "
                "guarantees that there is no error. Give a larger risk, or level=None."
            )

    def _learn(self, proba, codes, classes):
        _join_label(classes, self.abstain_label)
        confidence = proba.max(axis=1)
        is_correct = proba.argmax(axis=1) == codes
        self.threshold_ = self._choose(confidence, is_correct)
        self.held_out_confidence_ = confidence
        self.held_out_correct_ = is_correct

    def _choose(self, confidence, is_correct):
        """Return the threshold that the parameters ask for."""
        n_samples = len(confidence)
        if self.risk is None:
            share = 1.0 if self.coverage is None else self.coverage
            return _threshold(confidence, int(np.ceil(share * n_samples - 1e-9)))
        counts, errors = count_errors(confidence, is_correct)
        if self.level is None:
            is_safe = errors <= self.risk * counts
        else:
            is_safe = _is_safe(counts, errors, self.risk, 1 - self.level)
        if is_safe.any():
            return _threshold(confidence, counts[is_safe][-1])
        warn(self._describe_failure(counts, errors))
        return _NEVER

    def _describe_failure(self, counts, errors):
        best = np.argmin(errors / counts)
        text = (
            f"No threshold keeps the error within risk={self.risk!r}, so that no sample"
            f" will be called: {errors[-1]} of {counts[-1]} held-out samples are wrong,"
            f" {errors[best]} of the surest {counts[best]}. "
        )
        if self.level is None:
            return f"{text}Allow a larger risk, or use a better classifier."
        wanted = _fewest(self.risk, (1 - self.level) / _N_STARTS)
        return (
            f"{text}At level={self.level!r} this risk takes at least {wanted} samples "
            "without an error. Allow a larger risk, lower the level, or set it to None."
        )

    @property
    def risk_coverage_(self) -> pd.DataFrame:
        """Threshold, share called and error among called, of held-out samples."""
        check_is_fitted(self, "estimator_")
        curve = tabulate_risk(self.held_out_confidence_, self.held_out_correct_)
        return curve[["threshold", "coverage", "risk"]]

    def predict(self, X: OmicsLike) -> np.ndarray:
        """Return the class of the largest probability, or the label for abstaining.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        Returns
        -------
        calls : ndarray of shape (n_samples,)
            Classes, and `abstain_label` where the probability is below `threshold_`.
        """
        codes, is_called = self._call(X)
        labels = self.classes_
        if self.threshold_ > 0:
            labels = _join_label(labels, self.abstain_label)
        return labels[np.where(is_called, codes, len(labels) - 1)]

    def _call(self, X):
        """Return codes of the likeliest classes, and which samples are called."""
        proba = self.predict_proba(X)
        codes = proba.argmax(axis=1)
        return codes, (proba.max(axis=1) >= self.threshold_) | (self.threshold_ <= 0)

    def score(
        self, X: OmicsLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy among the samples that are called.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        y : array-like of shape (n_samples,)
            Their labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        score : float
            NaN if no sample is called.

        Warns
        -----
        UserWarning
            If no sample is called.
        """
        check_is_fitted(self, "estimator_")
        X, y = read_samples(X, y, type(self).__name__, self.classes_)
        codes, is_called = self._call(X)
        if not is_called.any():
            warn(
                f"None of {len(y)} samples is called at threshold "
                f"{self.threshold_:.3g}, so that there is no accuracy: the score is "
                "NaN. Ask for a larger coverage or risk."
            )
            return np.nan
        if sample_weight is not None:
            check_same_samples(row_ids(X), sample_weight, "sample_weight")
            check_consistent_length(y, sample_weight)
            sample_weight = np.asarray(sample_weight)[is_called]
        calls = self.classes_[codes[is_called]]
        return accuracy_score(y[is_called], calls, sample_weight=sample_weight)

    def selective_report(self, X: OmicsLike, y: ArrayLike) -> pd.DataFrame:
        """Count calls and errors, of each class and of all samples.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples that the classifier was not fitted to.

        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        report : DataFrame
            One row for each true class, then one for all samples: n_samples, n_called,
            coverage (share called), n_errors (among called) and risk (their share,
            NaN if none is called).
        """
        check_is_fitted(self, "estimator_")
        X, y = read_samples(X, y, type(self).__name__, self.classes_)
        codes, is_called = self._call(X)
        is_wrong = is_called & (self.classes_[codes] != y)
        return report_by_class(y, lambda m: _describe(is_called[m], is_wrong[m]))


def _describe(is_called, is_wrong):
    n_called, n_errors = int(is_called.sum()), int(is_wrong.sum())
    return {
        "n_samples": len(is_called),
        "n_called": n_called,
        "coverage": n_called / len(is_called),
        "n_errors": n_errors,
        "risk": n_errors / n_called if n_called else np.nan,
    }


def _threshold(confidence, n_called):
    """Return a threshold that calls this many samples, or more that are as sure."""
    if n_called >= len(confidence):
        return 0.0
    return float(np.sort(confidence)[::-1][n_called - 1])


def _fewest(risk, error):
    """Return how many samples without an error bound the risk."""
    return int(np.ceil(np.log(error) / np.log1p(-risk)))


def _is_safe(counts, errors, risk, error):
    """Tell which thresholds are shown to keep the risk.

    From each starting point thresholds are tested until one fails, so that a test
    costs nothing of the level of the next.
    """
    share = error / _N_STARTS
    p_values = stats.binom.cdf(errors, counts, risk)
    passed = p_values <= share
    is_safe = np.zeros(len(counts), dtype=bool)
    starts = np.linspace(_fewest(risk, share), counts[-1], _N_STARTS)
    for start in np.searchsorted(counts, np.floor(starts)):
        failed = np.flatnonzero(~passed[start:])
        stop = start + failed[0] if len(failed) else len(counts)
        is_safe[start:stop] = True
    return is_safe


def _join_label(classes, label):
    """Return the classes and the label for abstaining in an array of one type."""
    if label is None:
        return np.append(classes.astype(object), [None])
    wanted = _wanted_type(classes)
    is_bool = isinstance(label, bool | np.bool_)
    if wanted is None or is_bool or not isinstance(label, wanted):
        raise ValueError(
            f"abstain_label={label!r} is of type {type(label).__name__}, but the "
            f"classes are {quote_values(classes)} of type {classes.dtype}. Give a label"
            " of that type, or None for a missing one."
        )
    if (classes == label).any():
        raise ValueError(
            f"abstain_label={label!r} is one of the classes, {quote_values(classes)}. "
            "Choose another, or None for a missing one."
        )
    joined = np.append(classes, np.array([label], _KEPT.get(classes.dtype.kind)))
    is_kept = joined.dtype.kind == classes.dtype.kind or joined.dtype.kind == "i"
    return joined if is_kept else np.append(classes.astype(object), [label])


def _wanted_type(classes):
    """Return what a label must be an instance of, or None if there is no such label."""
    if classes.dtype.kind == "O":
        return str if all(isinstance(c, str) for c in classes) else Real
    return {"U": str, "i": Integral, "u": Integral, "f": Real}.get(classes.dtype.kind)
