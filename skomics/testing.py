"""Helpers to test estimators, ours and those that extend skomics."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract, isclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, clone

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["all_estimators", "assert_probabilities", "assert_seed_stable"]


def all_estimators() -> list[tuple[str, type]]:
    """Return every public estimator and transformer of skomics.

    Returns
    -------
    estimators : list of (str, type)
        Names and classes, sorted by name.

    Examples
    --------
    >>> from skomics.testing import all_estimators
    >>> "SMAClassifier" in dict(all_estimators())
    True
    """
    found = {}
    packages = "estimators", "preprocessing", "calibration", "feature_selection"
    for package in packages:
        module = import_module(f"skomics.{package}")
        for name in module.__all__:
            member = getattr(module, name)
            is_estimator = isclass(member) and issubclass(member, BaseEstimator)
            if is_estimator and not isabstract(member):
                found[name] = member
    return sorted(found.items())


def assert_probabilities(estimator: BaseEstimator, X: ArrayLike) -> None:
    """Check that `predict_proba` gives probabilities that `predict` agrees with.

    Parameters
    ----------
    estimator : classifier
        A fitted classifier.

    X : array-like of shape (n_samples, n_features)
        Samples.

    Examples
    --------
    >>> from skomics import BlockRidgeClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.testing import assert_probabilities
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> assert_probabilities(BlockRidgeClassifier().fit(X, y), X)
    """
    proba = estimator.predict_proba(X)
    assert proba.shape == (len(X), len(estimator.classes_))
    assert np.all(proba >= 0)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(
        estimator.classes_[proba.argmax(axis=1)], estimator.predict(X)
    )


def assert_seed_stable(estimator: BaseEstimator, X: ArrayLike, y: ArrayLike) -> None:
    """Check that a seed fixes a classifier to the bit, and only a seed does.

    Parameters
    ----------
    estimator : classifier
        An unfitted classifier with a `random_state` parameter.

    X : array-like of shape (n_samples, n_features)
        Samples.

    y : array-like of shape (n_samples,)
        Labels.

    Examples
    --------
    >>> from skomics import EFNNClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.testing import assert_seed_stable
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> assert_seed_stable(EFNNClassifier(max_epochs=2), X, y)
    """
    first = clone(estimator).set_params(random_state=0).fit(X, y).predict_proba(X)
    np.random.standard_normal(7)  # noqa: NPY002 - disturbs the global generator
    again = clone(estimator).set_params(random_state=0).fit(X, y).predict_proba(X)
    other = clone(estimator).set_params(random_state=1).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
