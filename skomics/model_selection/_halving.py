"""Rungs of successive halving: how many candidates train on, and for how long."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

__all__ = ["Rung", "best_candidates", "make_rungs", "read_halving"]


@dataclass(frozen=True)
class Rung:
    """One part of the training.

    Parameters
    ----------
    n_candidates : int
        How many candidates are trained in it.

    n_resources : int
        Number of epochs that they have seen at its end.
    """

    n_candidates: int
    n_resources: int


def read_halving(halving):
    """Return factor and fewest epochs.

    Parameters
    ----------
    halving : float or dict
        The parameter of a search.

    Returns
    -------
    factor : float
        One of so many candidates goes on.

    min_resources : int or "exhaust"
        Number of epochs of the first rung.

    Raises
    ------
    ValueError
        If it is neither, or a number is too small.
    """
    asked = dict(halving) if isinstance(halving, Mapping) else {"factor": halving}
    factor = asked.pop("factor", 3)
    least = asked.pop("min_resources", "exhaust")
    if asked:
        raise ValueError(
            f"halving has the keys {sorted(asked)}, but 'factor' and 'min_resources' "
            "are known. Leave the others out."
        )
    if not (isinstance(factor, Real) and 1 < factor < math.inf):
        raise ValueError(
            f"halving has factor={factor!r}, but a number above 1 is wanted: one of so "
            "many candidates goes on. 3 is usual."
        )
    if least != "exhaust" and not (isinstance(least, Integral) and least >= 1):
        raise ValueError(
            f"halving has min_resources={least!r}, but a number of epochs of at least "
            "1 or 'exhaust' is wanted."
        )
    return factor, least


def make_rungs(n_candidates, n_epochs, factor, min_resources):
    """Return the rungs, the last of which trains to the end.

    Parameters
    ----------
    n_candidates : int
        Number of candidates.

    n_epochs : int
        Number of epochs of a whole training.

    factor : float
        One of so many candidates goes on, for so many times the epochs.

    min_resources : int or "exhaust"
        Number of epochs of the first rung; "exhaust" takes as many as leave time for
        as many rungs as it takes to be left with fewer than `factor` candidates.

    Returns
    -------
    rungs : list of Rung
        In their order.

    Examples
    --------
    >>> from skomics.model_selection._halving import make_rungs
    >>> [(rung.n_candidates, rung.n_resources) for rung in make_rungs(27, 50, 3, 4)]
    [(27, 4), (9, 12), (3, 50)]
    """
    wanted = 1 + _log(n_candidates, factor)
    if min_resources == "exhaust":
        min_resources = max(1, int(n_epochs // factor ** (wanted - 1)))
    min_resources = min(min_resources, n_epochs)
    n_rungs = min(wanted, 1 + _log(n_epochs / min_resources, factor))
    rungs, epochs = [], 0
    for i in range(n_rungs - 1):
        epochs = max(epochs + 1, int(min_resources * factor**i))
        if epochs >= n_epochs:
            break
        rungs.append(Rung(n_candidates, epochs))
        n_candidates = math.ceil(n_candidates / factor)
    return [*rungs, Rung(n_candidates, n_epochs)]


def _log(number, base):
    """Return the whole part of a logarithm, exactly."""
    power = 0
    while base ** (power + 1) <= number:
        power += 1
    return power


def best_candidates(candidates, scores, n_kept):
    """Return the candidates of the largest scores, in their order.

    Parameters
    ----------
    candidates : list of int
        Candidates.

    scores : ndarray of shape (n_candidates,)
        Their scores; NaN is the worst. Of equal ones the first is the better.

    n_kept : int
        How many to return.

    Returns
    -------
    kept : list of int
        Some of the candidates.
    """
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    return sorted(candidates[i] for i in order[:n_kept])
