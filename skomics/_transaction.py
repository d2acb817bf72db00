"""Fits that are done whole or not at all."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

__all__ = ["adopt", "draft_of", "learned_attributes", "whole"]

_Fit = TypeVar("_Fit", bound=Callable[..., Any])


def draft_of(estimator):
    """Return an estimator with another's parameters and state, to be fitted instead.

    Parameters
    ----------
    estimator : estimator
        The estimator that the user fits.

    Returns
    -------
    draft : estimator
        A shallow copy. What is set on it does not show until :func:`adopt`.
    """
    draft = object.__new__(type(estimator))
    vars(draft).update(vars(estimator))
    return draft


def learned_attributes(estimator, draft):
    """Return what a draft has set that the estimator does not have.

    Parameters
    ----------
    estimator, draft : estimator
        From :func:`draft_of`.

    Returns
    -------
    learned : dict
        Attributes by name.
    """
    mine = vars(estimator)
    return {
        name: value
        for name, value in vars(draft).items()
        if name not in mine or value is not mine[name]
    }


def adopt(estimator, draft):
    """Take over what a draft has learned, all of it at once.

    Parameters
    ----------
    estimator, draft : estimator
        From :func:`draft_of`.
    """
    mine = vars(estimator)
    deleted = mine.keys() - vars(draft).keys()
    mine.update(learned_attributes(estimator, draft))
    for name in deleted:
        del mine[name]


def whole(fit: _Fit) -> _Fit:
    """Let a `fit` that ends early leave the estimator as it was.

    Parameters
    ----------
    fit : callable
        A method that sets attributes and returns the estimator.

    Returns
    -------
    fit : callable
        The same on a draft, which is adopted at the end.
    """

    @wraps(fit)
    def fit_whole(self, *args, **kwargs):
        draft = draft_of(self)
        fit(draft, *args, **kwargs)
        adopt(self, draft)
        return self

    return fit_whole  # type: ignore[return-value]  # with the signature of `fit`
