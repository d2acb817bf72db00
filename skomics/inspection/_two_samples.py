"""Whether two tables of one modality come from the same source."""

import numpy as np
from scipy import stats
from scipy.optimize import brentq

__all__ = ["auc_interval", "held_out_auc", "standardize_together"]

# Values further from the mean, in standard deviations, count as this far.
_FARTHEST = 5.0


def standardize_together(train, new):
    """Return both tables below each other in common units, without gaps.

    Parameters
    ----------
    train, new : ndarray of shape (n_samples, n_features)
        Values; NaN counts as the mean.

    Returns
    -------
    values : ndarray of shape (n_train + n_new, n_features)
        Standardized without regard to whose they are, so that nothing in them tells
        the cohorts apart but the values themselves.
    """
    values = np.concatenate([train, new]).astype(np.float64)
    with np.errstate(invalid="ignore"):
        counts = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        values -= np.nansum(values, axis=0) / counts
        scale = np.sqrt(np.nansum(values**2, axis=0) / counts)
    scale = np.where(scale > 0, scale, 1)
    return np.nan_to_num(np.clip(values / scale, -_FARTHEST, _FARTHEST))


def held_out_auc(values, is_new, n_folds, n_permutations, rng):
    """Return how well held-out samples are told apart, and by how many by chance.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        From :func:`standardize_together`.

    is_new : ndarray of bool of shape (n_samples,)
        Which cohort each sample is of.

    n_folds, n_permutations : int
        Number of folds, and of permutations of the cohorts.

    rng : RandomState
        Deals samples to folds, and permutes.

    Returns
    -------
    auc : float
        Area under the ROC curve of the held-out answers of a ridge regression.

    p_value : float
        Share of permutations, this one included, in which it is as large.

    Notes
    -----
    The regression reads the values and their squares, by which differences of location
    and of spread are seen. Held-out answers are linear in the labels, so that all
    permutations take one product of matrices: folds, units and penalty do not depend on
    the labels, which makes the test exact.
    """
    weights = _held_out_weights(values, n_folds, rng)
    labels = np.where(is_new, 1.0, 0.0) - is_new.mean()
    orders = [rng.permutation(len(labels)) for _ in range(n_permutations)]
    labels = np.stack([labels, *(labels[order] for order in orders)], axis=1)
    aucs = _aucs(weights @ labels, labels > 0)
    # Ties, and what differs by rounding only, count as large.
    p_value = (aucs >= aucs[0] - 1e-9).sum() / len(aucs)
    return float(aucs[0]), float(p_value)


def _held_out_weights(values, n_folds, rng):
    """Return what labels are multiplied with to get held-out answers."""
    kernel = _kernel(values) + _kernel(_center(values**2))
    kernel /= max(np.trace(kernel) / len(kernel), 1e-12)
    folds = rng.permutation(len(values)) % n_folds
    weights = np.zeros_like(kernel)
    for fold in range(n_folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        ridge = kernel[np.ix_(train, train)] + np.eye(len(train))
        # Symmetric: what is applied from the left is applied from the right.
        answers = np.linalg.solve(ridge, kernel[np.ix_(train, test)]).T
        weights[np.ix_(test, train)] = answers
    return weights


def _center(values):
    return values - values.mean(axis=0)


def _kernel(values):
    return values @ values.T / max(values.shape[1], 1)


def _aucs(scores, is_new):
    """Return the area under the curve of each column, ties counted half."""
    ranks = stats.rankdata(scores, axis=0)
    n_new = is_new.sum(axis=0)
    n_old = len(is_new) - n_new
    above = (ranks * is_new).sum(axis=0) - n_new * (n_new + 1) / 2
    return above / (n_new * n_old)


def auc_interval(auc, n_old, n_new, level):
    """Return bounds of an area under the ROC curve, also of one that is 0 or 1.

    Parameters
    ----------
    auc : float
        The area.

    n_old, n_new : int
        Numbers of samples of the two kinds.

    level : float
        Level of confidence.

    Returns
    -------
    low, high : float
        Bounds.

    References
    ----------
    R. G. Newcombe, Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic, part 2, Statistics in Medicine 25, 2006 (method 5).
    """
    z = stats.norm.ppf((1 + level) / 2)
    extra = (n_old + n_new) / 2 - 1

    def excess(theta):
        spread = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) * (1 + extra * spread) / (n_old * n_new)
        return (theta - auc) ** 2 - z**2 * variance

    tiny = 1e-9  # at 0 and 1 there is no variance, and a bound that is none
    low = 0.0 if auc <= tiny else brentq(excess, 0, min(auc, 1 - tiny))
    high = 1.0 if auc >= 1 - tiny else brentq(excess, max(auc, tiny), 1)
    return float(low), float(high)
