"""Sets of classes that hold the right one as often as is asked."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skomics._compat import Interval
from skomics._rows import quote_values
from skomics._warnings import warn
from skomics.calibration._held_out import (
    HeldOutClassifier,
    read_samples,
    report_by_class,
    row_ids,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import CrossValidation, OmicsLike

__all__ = ["ConformalClassifier"]


class ConformalClassifier(HeldOutClassifier):
    """Give each sample the set of classes that it may be of.

    The right class is in the set as often as `level` says, whatever the classifier: a
    poor one gives large sets. How probable a class must be to be in it is learned from
    probabilities of training samples by models that have not seen them.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Has `predict_proba`. Is cloned, and fitted in each fold and to all samples. One
        that is fitted already goes in as ``FrozenEstimator(estimator)``; then `fit`
        wants samples that it has not seen.

    level : float, default=0.9
        How often the right class is to be in the set.

    class_conditional : bool, default=True
        Whether the level is kept within each class, or only over all samples, where a
        rare class can be left out nearly always.

    cv : int, cross-validation generator or iterable, default=10
        The inner folds, each sample in one test part. An int stands for stratified
        folds, no more than the smallest class has samples. With few folds their models
        are poorer than the final one, and sets larger than they need be.

    n_jobs : int, default=None
        Number of folds at the same time, by joblib.

    Attributes
    ----------
    estimator_ : classifier
        Fitted to all samples.

    classes_ : ndarray of shape (n_classes,)
        Classes.

    cutoffs_ : ndarray of shape (n_classes,)
        Probability from which on a class is in the set. It is 0, so that the class is
        in every set, where there are too few samples.

    n_features_in_ : int
        Number of features, if the estimator counts them.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, if the estimator knows them.

    Warns
    -----
    UserWarning
        In `fit`, if classes have too few samples for the level (fewer than 9 for 0.9),
        so that they are in every set.

    See Also
    --------
    SelectiveClassifier : One class or none.

    Notes
    -----
    The score of a sample is 1 minus the probability of its class (LAC of Sadinle et
    al.), and the threshold the quantile of held-out scores, of each class by itself
    (Mondrian) or of all. For a `FrozenEstimator` coverage is at least `level` for new
    samples of the same kind; with folds this is a good approximation, because the
    final model has learned from more samples than those of the folds.

    `predict` is the estimator's own. A set can be empty: then no class is as probable
    as it is for the training samples of this class.

    References
    ----------
    Sadinle, Lei, Wasserman (2019), "Least ambiguous set-valued classifiers with bounded
    error levels", JASA 114. Vovk (2012), "Conditional validity of inductive conformal
    predictors", ACML.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.calibration import ConformalClassifier
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=200, effect=0.12, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier())
    >>> model = ConformalClassifier(model).fit(X[:120], y[:120])
    >>> sets = model.predict_set(X[120:])
    >>> sets.shape == (80, len(model.classes_))
    True
    """

    _parameter_constraints: dict = {
        **HeldOutClassifier._parameter_constraints,
        "level": [Interval(Real, 0, 1, closed="neither")],
        "class_conditional": ["boolean"],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        level: float = 0.9,
        class_conditional: bool = True,
        cv: CrossValidation = 10,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.level = level
        self.class_conditional = class_conditional
        self.cv = cv
        self.n_jobs = n_jobs

    def _learn(self, proba, codes, classes):
        given = proba[np.arange(len(codes)), codes]
        if self.class_conditional:
            parts = [given[codes == code] for code in range(len(classes))]
        else:
            parts = [given] * len(classes)
        self._warn_if_few(parts, classes)
        self.cutoffs_ = np.array([_quantile(part, self.level) for part in parts])

    def _warn_if_few(self, parts, classes):
        sizes = np.array([len(part) for part in parts])
        is_small = np.array([_rank(size, self.level) > size for size in sizes])
        if is_small.any():
            wanted = next(n for n in range(1, 10**9) if _rank(n, self.level) <= n)
            warn(
                f"Classes {quote_values(classes[is_small], 10)} have as few as "
                f"{sizes[is_small].min()} samples to learn a threshold from, but "
                f"level={self.level!r} takes {wanted}: they will be in every set. Give "
                "more samples, lower the level, or set class_conditional=False."
            )

    def predict(self, X: OmicsLike) -> np.ndarray:
        """Return the classes that the estimator predicts.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        Returns
        -------
        calls : ndarray of shape (n_samples,)
            One class each.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(X)

    def predict_set(self, X: OmicsLike) -> pd.DataFrame:
        """Return which classes a sample may be of.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        Returns
        -------
        sets : DataFrame of bool of shape (n_samples, n_classes)
            Rows are the ids of the samples, columns the classes.
        """
        sets = self.predict_proba(X) >= self.cutoffs_
        return pd.DataFrame(sets, row_ids(X), pd.Index(self.classes_, name="class"))

    def set_report(self, X: OmicsLike, y: ArrayLike) -> pd.DataFrame:
        """Count how often sets hold the right class, of each class and of all samples.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples that the classifier was not fitted to.

        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        report : DataFrame
            One row for each true class, then one for all samples: n_samples, coverage
            (share whose set holds the class), size (mean number of classes), single
            (share of sets of one class) and empty (share of empty sets).
        """
        check_is_fitted(self, "estimator_")
        X, y = read_samples(X, y, type(self).__name__, self.classes_)
        sets = self.predict_set(X).to_numpy()
        holds = (sets & (y[:, None] == self.classes_)).any(axis=1)
        return report_by_class(y, lambda m: _describe(sets[m], holds[m]))


def _describe(sets, holds):
    sizes = sets.sum(axis=1)
    return {
        "n_samples": len(sets),
        "coverage": holds.mean(),
        "size": sizes.mean(),
        "single": np.mean(sizes == 1),
        "empty": np.mean(sizes == 0),
    }


def _rank(n_samples, level):
    """Return which of the scores, from the smallest, is the quantile."""
    return int(np.ceil((n_samples + 1) * level - 1e-9))


def _quantile(proba, level):
    """Return the probability that right classes reach as often as the level says."""
    rank = _rank(len(proba), level)
    if rank > len(proba):
        return 0.0
    return float(np.sort(proba)[::-1][rank - 1])
