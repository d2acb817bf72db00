"""How much a fitted model, or a test, makes of each feature."""

import warnings
from operator import attrgetter

import numpy as np
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.feature_selection import f_classif
from sklearn.pipeline import Pipeline

from skomics.exceptions import NamelessOmicsWarning

__all__ = ["rank_features", "take_top"]

_KNOWN = ("coef_", "feature_importances_", "scores_")


def rank_features(estimator, X, y, importance_getter="auto", seed=None):
    """Return how much is made of each feature.

    Parameters
    ----------
    estimator : estimator or None
        Is cloned and fitted; None is the F-value of the analysis of variance.

    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Samples.

    y : ndarray of shape (n_samples,)
        Their labels.

    importance_getter : str or callable, default="auto"
        As of :class:`~sklearn.feature_selection.SelectFromModel`.

    seed : int, default=None
        For each `random_state` of the estimator that is None.

    Returns
    -------
    importances : ndarray of float of shape (n_features,)
        At least 0; 0 is nothing.
    """
    if estimator is None:
        found = _f_values(X, y)
    else:
        fitted = clone(estimator)
        _seed(fitted, seed)
        with warnings.catch_warnings():  # the features are of one modality
            warnings.simplefilter("ignore", NamelessOmicsWarning)
            fitted.fit(X, y)
        found = _ask(fitted, importance_getter)
    return _as_importances(found, X.shape[1], estimator)


def _f_values(X, y):
    """Return F-values, or where values are missing, logs of p-values."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # constant features, which get nothing
        return f_classif(X, y)[0] if sparse.issparse(X) else _dense_f_values(X, y)


def _dense_f_values(X, y):
    """Compare classes by the values that there are, which may differ in number."""
    has = np.isfinite(X)
    has_gaps = not has.all()
    X = X - np.nanmean(X, axis=0)  # so that no digits are lost
    X = np.where(has, X, 0) if has_gaps else X
    member = (y == np.unique(y)[:, None]).astype(X.dtype)
    sizes = member @ has if has_gaps else member.sum(axis=1, keepdims=True)
    n, n_groups = sizes.sum(axis=0), (sizes > 0).sum(axis=0)
    overall = X.sum(axis=0) ** 2 / n
    between = np.where(sizes > 0, (member @ X) ** 2 / sizes, 0).sum(axis=0) - overall
    within = np.maximum(np.einsum("ij,ij->j", X, X) - overall - between, 0)
    f = between / (n_groups - 1) / (within / (n - n_groups))
    f[np.ptp(X, axis=0) == 0] = 0
    return -stats.f.logsf(f, n_groups - 1, n - n_groups) if has_gaps else f


def _seed(estimator, seed):
    params = estimator.get_params()
    chosen = [
        name
        for name in sorted(params)
        if name.rpartition("__")[2] == "random_state" and params[name] is None
    ]
    estimator.set_params(**dict.fromkeys(chosen, seed))


def _ask(fitted, getter):
    if callable(getter):
        return getter(fitted)
    if getter != "auto":
        return attrgetter(getter)(fitted)
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    for name in _KNOWN:
        if getattr(last, name, None) is not None:
            return getattr(last, name)
    raise ValueError(
        f"{type(last).__name__} does not rank features: it has none of "
        f"{', '.join(_KNOWN)}. Give an estimator that has one, or say with "
        "importance_getter= where its importances are."
    )


def _as_importances(found, n_features, estimator):
    found = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    # A coefficient for each class, or of the second of two.
    found = np.abs(found.astype(float))
    found = found.sum(axis=0) if found.ndim == 2 else found
    if found.shape != (n_features,):
        raise ValueError(
            f"{type(estimator).__name__} gave importances of shape {found.shape}, but "
            f"{n_features} features need one each. Leave out steps that make other "
            "features, or correct importance_getter=."
        )
    return np.where(np.isnan(found), 0, found)


def take_top(importances, n_top, random=None):
    """Return the features of which most is made; those of which nothing is, never.

    Parameters
    ----------
    importances : ndarray of shape (n_features,)
        At least 0.

    n_top : int
        How many, at most.

    random : numpy.random.Generator, default=None
        Chooses among equals; with None the first are taken.

    Returns
    -------
    positions : ndarray of int
        The largest first.
    """
    order = np.arange(len(importances))
    if random is not None:
        order = random.permutation(order)
    top = order[np.argsort(-importances[order], kind="stable")[:n_top]]
    return top[importances[top] > 0]
