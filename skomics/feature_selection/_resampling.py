"""Pairs of disjoint parts of the samples, and what is selected in each."""

import numpy as np

from skomics._parallel import run_parallel
from skomics._rows import quote_values
from skomics.feature_selection._ranking import rank_features, take_top

__all__ = ["check_class_sizes", "count_selections"]


def check_class_sizes(y, name):
    """Refuse classes that cannot be in both halves.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels of the samples that have the modality.

    name : str
        Name of the modality.

    Raises
    ------
    ValueError
        If there is no sample, one class, or a class of a single sample.
    """
    classes, sizes = np.unique(y, return_counts=True)
    if len(classes) == 0:
        raise ValueError(
            f"No sample has modality {name!r}: all its values are NaN. Leave it out, "
            "or check how it was read."
        )
    if len(classes) < 2:
        raise ValueError(
            f"StabilitySelector got {len(y)} samples of one class in modality "
            f"{name!r}, but at least two classes are needed. Give labels that differ."
        )
    if sizes.min() < 2:
        raise ValueError(
            f"{(sizes < 2).sum()} class(es) have 1 sample in modality {name!r} ("
            f"{quote_values(classes[sizes < 2].tolist())}), but each needs 2 samples, "
            "one for each half. Leave these classes out or join them."
        )


def count_selections(
    X, y, *, estimator, getter, n_top, n_pairs, fraction, seeds, n_jobs
):
    """Count for each feature in how many parts of the samples it is at the top.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Samples.

    y : ndarray of shape (n_labelings, n_samples)
        Labels, in one or more orders.

    estimator, getter : object
        As of `rank_features`.

    n_top : int
        Number of features at the top.

    n_pairs : int
        Number of pairs of parts for each order of the labels.

    fraction : float
        Share of each class in a part.

    seeds : numpy.random.SeedSequence
        Is spawned from, so that the result does not depend on `n_jobs`.

    n_jobs : int
        Number of pairs at the same time.

    Returns
    -------
    counts : ndarray of int of shape (n_labelings, n_features)
        From 0 to 2 n_pairs.
    """
    pairs = [(labels, seed) for labels in y for seed in seeds.spawn(n_pairs)]
    shared = X, estimator, getter, n_top, fraction
    found = run_parallel(_select_pair, pairs, shared=shared, n_jobs=n_jobs)
    counts = np.zeros((len(y), X.shape[1]), dtype=int)
    for i, selected in enumerate(found):
        counts[i // n_pairs] += np.bincount(selected, minlength=X.shape[1])
    return counts


def _select_pair(X, estimator, getter, n_top, fraction, y, seed):
    """Return the features at the top of either part, one after the other."""
    random = np.random.default_rng(seed)
    selected = []
    for rows in _split(y, fraction, random):
        number = int(random.integers(2**31))
        importances = rank_features(estimator, X[rows], y[rows], getter, number)
        selected.append(take_top(importances, n_top, random))
    return np.concatenate(selected)


def _split(y, fraction, random):
    """Return two disjoint parts, each with a share of each class."""
    parts = [], []
    for label in np.unique(y):
        rows = random.permutation(np.flatnonzero(y == label))
        size = max(1, int(len(rows) * fraction))
        parts[0].append(rows[:size])
        parts[1].append(rows[size : 2 * size])
    return [np.sort(np.concatenate(part)) for part in parts]
