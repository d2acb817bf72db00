"""What is worth searching, in Optuna's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skomics._compat import rv_frozen
from skomics._optional import import_optional

__all__ = ["as_optuna"]

# Distributions of scipy.stats of which Optuna has the same.
_KNOWN = ("loguniform", "reciprocal", "uniform", "randint")


def as_optuna(distributions: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to search as distributions of Optuna.

    Parameters
    ----------
    distributions : dict of str to (list or frozen distribution of scipy.stats)
        As of :func:`param_distributions`: lists, `loguniform`, `uniform` and `randint`.

    Returns
    -------
    distributions : dict of str to optuna.distributions.BaseDistribution
        Lists are categories; numbers have the bounds that they had. They are what
        `optuna_integration.OptunaSearchCV` and the `ask` of an Optuna study take.

    Raises
    ------
    TypeError
        If it is no dict, or holds another distribution.

    ImportError
        If Optuna is not installed: the extra `search` has it.

    See Also
    --------
    param_distributions : What is worth searching.

    Notes
    -----
    Optuna warns of categories that are neither None, numbers nor text, such as tuples:
    it cannot store them in a database.

    Examples
    --------
    >>> from skomics import EFNNClassifier
    >>> from skomics.model_selection import as_optuna, param_distributions
    >>> space = as_optuna(param_distributions(EFNNClassifier(), "large"))
    >>> space["lr"]
    FloatDistribution(high=0.01, log=True, low=0.0003, step=None)
    >>> space["linear_path"]
    CategoricalDistribution(choices=('ridge', None))
    """
    kinds = import_optional("optuna", extra="search").distributions
    if not isinstance(distributions, Mapping):
        raise TypeError(
            f"Got a {type(distributions).__name__} to search, but Optuna searches one "
            "space. Give a dict of parameters to lists or distributions."
        )
    return {name: _convert(name, d, kinds) for name, d in distributions.items()}


def _convert(name, values, kinds):
    """Return the distribution of one parameter."""
    if isinstance(values, list | tuple | np.ndarray):
        return kinds.CategoricalDistribution(np.asarray(values, dtype=object).tolist())
    kind = values.dist.name if isinstance(values, rv_frozen) else None
    if kind not in _KNOWN:
        raise TypeError(
            f"Got {values!r:.80} for {name!r}, of which Optuna has no like. Give a "
            "list, or loguniform, uniform or randint of scipy.stats."
        )
    low, high = values.support()
    if kind == "randint":
        return kinds.IntDistribution(int(low), int(high))
    return kinds.FloatDistribution(float(low), float(high), log=kind != "uniform")
