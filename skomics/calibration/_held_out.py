"""Classifiers that learn from held-out probabilities how far to trust another one."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.utils import (
    assert_all_finite,
    check_consistent_length,
    column_or_1d,
    get_tags,
    indexable,
)
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skomics._blocks import is_matrix, read_blocks, take_rows, to_pandas
from skomics._compat import (
    HasMethods,
    _check_method_params,
    _fit_context,
    _raise_for_params,
    _safe_indexing,
    available_if,
)
from skomics._inputs import read_input
from skomics._parallel import run_parallel
from skomics._rows import check_same_samples, quote_values
from skomics._validation import check_labels, rarest_class

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike

__all__ = ["HeldOutClassifier", "read_samples", "report_by_class", "row_ids"]


def _estimator_has(name):
    """Return whether the estimator has a method, or raise why it has not."""

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class HeldOutClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Base of classifiers that fit another one, in folds and to all samples.

    A subclass has `_learn(proba, codes)`, which learns from held-out probabilities,
    and the parameters `estimator`, `cv` and `n_jobs`.
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"])],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: OmicsLike, y: ArrayLike, **params: Any) -> Self:
        """Fit the classifier in folds, and to all samples.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Training samples, in any form that the estimator takes.

        y : array-like of shape (n_samples,)
            Their labels.

        **params : dict
            Metadata, such as `sample_weight`, for the estimator's `fit` where it
            requests them, and `groups` for a splitter (with scikit-learn's metadata
            routing enabled).

        Returns
        -------
        self : estimator
            The fitted classifier.

        Raises
        ------
        ValueError
            If a parameter is not allowed, a label is missing, a class has a single
            sample, or the folds do not test each sample once.

        SampleAlignmentError
            If `y` has the ids of other samples.
        """
        _raise_for_params(params, self, None)
        self._check_estimator()
        X, y = read_samples(X, y, type(self).__name__)
        routed = process_routing(self, "fit", **params)
        splits = _split(self.cv, y, routed.splitter.split)
        fitted = clone(self.estimator).fit(X, y, **routed.estimator.fit)
        codes = _encode(y, fitted.classes_)
        proba = _held_out_probabilities(
            self.estimator, X, y, fitted.classes_, splits, routed.estimator.fit, self
        )
        self._learn(proba, codes, fitted.classes_)
        self.estimator_ = fitted
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(fitted, name):
                setattr(self, name, getattr(fitted, name))
        return self

    def _check_estimator(self):
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"{type(self).__name__} got {type(self.estimator).__name__} as "
                "estimator, which has no predict_proba. It needs probabilities; wrap "
                "the estimator in sklearn.calibration.CalibratedClassifierCV."
            )

    @property
    def classes_(self) -> np.ndarray:
        """Classes, sorted."""
        return self.estimator_.classes_

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: OmicsLike) -> np.ndarray:
        """Return the class probabilities of the estimator, untouched.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: OmicsLike) -> np.ndarray:
        """Return the logarithm of the class probabilities of the estimator.

        Parameters
        ----------
        X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
            Samples.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Logarithms of probabilities in the order of `classes_`.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_log_proba(X)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go to the estimator and to the splitter.

        Returns
        -------
        routing : MetadataRouter
            Of scikit-learn's metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self)
        router.add(estimator=self.estimator, method_mapping=mapping)
        mapping = MethodMapping().add(caller="fit", callee="split")
        return router.add(splitter=self.cv, method_mapping=mapping)

    def __sklearn_tags__(self):
        """Take any input that the estimator takes."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags = inner.classifier_tags or tags.classifier_tags
        return tags


def read_samples(X, y, name, classes=None):
    """Return samples in a form of which some can be taken, and their labels.

    Parameters
    ----------
    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        Samples.

    y : array-like of shape (n_samples,)
        Labels.

    name : str
        Who asks, for the message.

    classes : ndarray of shape (n_classes,), default=None
        What a fitted model knows: `y` may have others, but not numbers for text.

    Returns
    -------
    X : DataFrame, AnnData, array, sparse or dict of tables
        A MuData, or a list, becomes a dict. The tables of a dict have the samples in
        one order.

    y : ndarray of shape (n_samples,)
        Labels.
    """
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None. Give the "
            "labels of the samples."
        )
    X = to_pandas(X)
    rows = row_ids(X)
    if is_matrix(X):
        (X,) = indexable(X)
    elif not isinstance(X, pd.DataFrame):
        X = read_input(X).table
    check_same_samples(rows, y, "y")
    y = column_or_1d(check_labels(y), warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    first = next(iter(X.values())) if isinstance(X, dict) else X
    check_consistent_length(first, y)
    y = np.asarray(y)
    if classes is not None:
        _check_kind(y, classes)
    return X, y


def _check_kind(y, classes):
    """Refuse numbers for text, or text for numbers, all of which would be errors."""
    are_text = [all(isinstance(v, str) for v in part.tolist()) for part in (y, classes)]
    if are_text[0] != are_text[1]:
        raise ValueError(
            f"y has labels {quote_values(np.unique(y))}, but the classifier knows "
            f"{quote_values(classes)}. Text never equals a number: give the labels as "
            "they were in fit."
        )


def row_ids(X):
    """Return the ids of the samples of an input, or None."""
    X = to_pandas(X)
    if is_matrix(X):
        return None
    return X.index if isinstance(X, pd.DataFrame) else read_blocks(X).rows


def _encode(y, classes):
    """Return the position of each label among the classes."""
    is_known = np.isin(y, classes)
    if not is_known.all():
        raise ValueError(
            f"y has labels {quote_values(np.unique(y[~is_known]))}, but the estimator, "
            f"which was fitted before, knows {quote_values(classes, 10)}. Leave these "
            "samples out, or fit it to all classes."
        )
    return np.searchsorted(classes, y)


def _split(cv, y, params):
    """Return training and test rows of folds that test each sample once."""
    if isinstance(cv, Integral):
        cv = StratifiedKFold(_count_folds(cv, y))
    folds = check_cv(cv, y, classifier=True)
    splits = list(folds.split(np.zeros((len(y), 1)), y, **params))
    tested = np.sort(np.concatenate([test for _, test in splits]))
    if not np.array_equal(tested, np.arange(len(y))):
        n_tested = len(np.unique(tested))
        raise ValueError(
            f"cv tests {n_tested} of {len(y)} samples, {len(tested)} times in all, but "
            "each sample is to be held out once. Give a number of folds, or a splitter "
            "such as StratifiedKFold or StratifiedGroupKFold."
        )
    return splits


def _count_folds(cv, y):
    """Return the number of folds, no more than the smallest class has samples."""
    label, fewest = rarest_class(y)
    if fewest < 2:
        raise ValueError(
            f"Class {label!s} has 1 sample, but inner folds need at least 2 of each "
            "class: one to learn from and one held out. Leave this class out, or merge "
            "it with another."
        )
    return min(cv, fewest)


def _held_out_probabilities(estimator, X, y, classes, splits, params, settings):
    """Return the probabilities of each sample from a model that has not seen it."""
    proba = np.zeros((len(y), len(classes)))
    shared = estimator, X, y, classes, params
    parts = run_parallel(_fit_fold, splits, shared=shared, n_jobs=settings.n_jobs)
    for (_, test), part in zip(splits, parts, strict=True):
        proba[test] = part
    return proba


def _fit_fold(estimator, X, y, classes, params, train, test):
    take = _safe_indexing if is_matrix(X) else take_rows
    params = _check_method_params(y, params, indices=train)
    model = clone(estimator).fit(take(X, train), y[train], **params)
    found = model.predict_proba(take(X, test))
    proba = np.zeros((len(test), len(classes)))
    proba[:, np.searchsorted(classes, model.classes_)] = found
    return proba


def report_by_class(y, describe):
    """Return one row for each class, then one for all samples.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.

    describe : callable
        From a mask of samples to a dict of numbers.

    Returns
    -------
    report : DataFrame
        Indexed by class.
    """
    labels = np.unique(y)
    members = [*(y == label for label in labels), np.ones(len(y), dtype=bool)]
    index = pd.Index([*labels.tolist(), "all samples"], dtype=object, name="class")
    return pd.DataFrame(list(map(describe, members)), index=index)
