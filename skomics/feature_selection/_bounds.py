"""How many features stability selection selects by chance, at most."""

from functools import lru_cache

import numpy as np

__all__ = ["ASSUMPTIONS", "choose_n_top", "largest_tails", "pfer_bounds"]

ASSUMPTIONS = ("r-concave", "unimodal", "none")
# Points between the tables of two supports; the largest tail is flat where it is.
_POINTS = 65
_HALVINGS = 60
# Above this, a larger number of features at the top finds no more.
_HIGHEST_AUTO = 0.75


@lru_cache(maxsize=1024)
def pfer_bounds(n_top, n_features, n_pairs, assumption="r-concave"):
    r"""Bound the expected number of features that are selected by chance.

    Parameters
    ----------
    n_top : int
        Number of features that are selected in each half.

    n_features : int
        Number of features.

    n_pairs : int
        Number of pairs of halves.

    assumption : {"r-concave", "unimodal", "none"}, default="r-concave"
        What is taken for granted of the distribution of the frequencies.

    Returns
    -------
    bounds : ndarray of shape (2 * n_pairs + 1,)
        One for each threshold 0, 1 / (2 n_pairs), ..., 1; the number of features where
        the theory says nothing.

    Notes
    -----
    With :math:`\theta = q / p` and the threshold :math:`\tau`, Shah and Samworth (2013)
    bound the expected number of features that are selected with a probability of at
    most :math:`\theta` in a half: without assumptions by
    :math:`q^2 / ((2 \tau - 1) p)`, as Meinshausen and Bühlmann (2010) do; by their
    second theorem for unimodal frequencies; and for r-concave ones by p times the
    smaller of :math:`D(\theta^2, 2 \tau - 1, B, -1/2)` and
    :math:`D(\theta, \tau, 2 B, -1/4)`, with :func:`largest_tails` as *D*.
    """
    share = n_top / n_features
    thresholds = np.arange(2 * n_pairs + 1) / (2 * n_pairs)
    if assumption == "r-concave":
        shares = np.minimum(
            np.append(np.ones(n_pairs), largest_tails(share**2, n_pairs, -1 / 2)),
            largest_tails(share, 2 * n_pairs, -1 / 4),
        )
    else:
        factor = _simple_factors if assumption == "none" else _unimodal_factors
        shares = factor(share, thresholds, n_pairs) * share**2
    bounds = np.minimum(shares, 1) * n_features
    bounds.setflags(write=False)
    return bounds


def _simple_factors(share, thresholds, n_pairs):
    above = 2 * thresholds - 1
    return np.divide(1, above, out=np.full_like(above, np.inf), where=above > 0)


def _unimodal_factors(share, thresholds, n_pairs):
    step = 1 / (2 * n_pairs)
    start = 0.5 + min(share**2, step + 0.75 * share**2)
    holds = (thresholds > max(start, 0.5 + step)) & (share <= 1 / np.sqrt(3))
    above = np.where(holds, 2 * thresholds - 1 - step, 1)
    low, high = 1 / (2 * above), 4 * (1 - thresholds + step) / (1 + 2 * step)
    return np.where(holds, np.where(thresholds <= 0.75, low, high), np.inf)


def largest_tails(mean, n, r):
    """Return the largest probability of a value or more, of r-concave distributions.

    Parameters
    ----------
    mean : float
        Largest mean of a distribution on 0, 1 / n, ..., 1.

    n : int
        Number of steps.

    r : float
        The probabilities to the power of this, which is negative, are convex.

    Returns
    -------
    tails : ndarray of shape (n + 1,)
        For each value; 1 up to about twice the mean.

    Notes
    -----
    A largest tail has a distribution that is a power of a straight line up to a value
    k, and has at k + 1 what brings the mean about (Shah and Samworth 2013). For each k
    and each slope that can be, all tails are computed, and the largest counts.
    """
    tails, target = np.ones(n + 1), mean * n
    first = int(np.ceil(2 * target)) + 1
    if first > n:
        return tails
    tails[first:] = 0
    ends = np.arange(first, n + 1)
    offsets = _find_offsets(ends, target, 1 / r)
    lowest = np.append(offsets[1:], offsets[-1])
    for end, low, high in zip(ends, lowest, offsets, strict=True):
        last = min(end + 1, n)  # no value is above it
        found = _tails_of(end, np.geomspace(low, high, _POINTS), target, 1 / r)
        tails[first : last + 1] = np.maximum(
            tails[first : last + 1], found[first : last + 1]
        )
    return tails


def _find_offsets(ends, target, power):
    """Return for each support the offset of the line that gives the mean."""
    values = np.arange(ends[-1] + 1)
    is_inside = values <= ends[:, None]
    low, high = np.full((2, len(ends)), [[-21.0], [21.0]])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        weights = is_inside * (np.exp(middle)[:, None] + values) ** power
        is_low = weights @ values < target * weights.sum(axis=1)
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return np.exp((low + high) / 2)


def _tails_of(end, offsets, target, power):
    """Return the largest tails of distributions on 0, ..., end + 1."""
    values = np.arange(end + 1)
    weights = (offsets[:, None] + values) ** power
    total = weights @ (end + 1 - values) / (end + 1 - target)
    below = np.cumsum(weights, axis=1) / total[:, None]
    return np.append(1, (1 - below).max(axis=0))


def choose_n_top(n_features, n_pairs, level, assumption):
    """Return the largest number of features at the top for which 0.75 is enough.

    Parameters
    ----------
    n_features : int
        Number of features.

    n_pairs : int
        Number of pairs of halves.

    level : float
        What the bound may be.

    assumption : {"r-concave", "unimodal", "none"}
        Of the bound.

    Returns
    -------
    n_top : int
        1 where nothing is enough.
    """
    place = int(np.floor(_HIGHEST_AUTO * 2 * n_pairs))
    low, high = 1, n_features
    while low < high:
        middle = (low + high + 1) // 2
        fits = pfer_bounds(middle, n_features, n_pairs, assumption)[place] <= level
        low, high = (middle, high) if fits else (low, middle - 1)
    return low
