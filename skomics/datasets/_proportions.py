"""How many samples of a simulated cohort are of which class."""

import numpy as np

from skomics.datasets._checks import check_integer

__all__ = ["count_samples"]


def count_samples(n_samples, n_clusters, proportions, name="n_clusters"):
    """Return samples per subtype, integers that sum to n_samples."""
    check_integer(name, n_clusters, 1)
    check_integer("n_samples", n_samples, 1)
    if n_samples < n_clusters:
        raise ValueError(
            f"n_samples is {n_samples} but {name} is {n_clusters}. Every subtype "
            f"needs a sample; ask for n_samples >= {n_clusters} or a smaller {name}."
        )
    shares = _read_proportions(proportions, n_clusters, name)
    if shares.dtype.kind in "iu":
        counts = _check_counts(shares, n_samples)
    else:
        counts = _round_fractions(shares, n_samples)
    if counts.min() < 1:
        raise ValueError(
            f"proportions={proportions!r} give the subtypes {counts.tolist()} of "
            f"{n_samples} samples, but every subtype needs at least 1. Raise "
            "n_samples, or the smallest proportion."
        )
    return counts


def _read_proportions(proportions, n_clusters, name):
    if isinstance(proportions, str):
        if proportions == "equal":
            return np.full(n_clusters, 1 / n_clusters)
        if proportions == "heterogeneous":
            parts = np.arange(n_clusters + 1, 1, -1)
            return parts / parts.sum()
        raise ValueError(
            f"proportions is {proportions!r}; it can be 'equal', 'heterogeneous' or "
            "one fraction or count per subtype."
        )
    shares = np.asarray(proportions)
    if shares.ndim != 1 or shares.dtype.kind not in "iuf":
        raise TypeError(
            f"proportions is {proportions!r}; it can be 'equal', 'heterogeneous' or a "
            "flat sequence of numbers, one per subtype."
        )
    if len(shares) != n_clusters:
        raise ValueError(
            f"proportions has {len(shares)} entries but {name} is {n_clusters}. Give "
            "one entry for each."
        )
    return shares


def _check_counts(counts, n_samples):
    if counts.sum() != n_samples:
        raise ValueError(
            f"The counts in proportions sum to {counts.sum()} but n_samples is "
            f"{n_samples}. Integers are taken as counts; make them sum to n_samples, "
            "or give fractions that sum to 1."
        )
    return counts


def _round_fractions(fractions, n_samples):
    """Round by largest remainder; ties go to the first."""
    if not np.isclose(fractions.sum(), 1.0, rtol=0, atol=1e-6):
        raise ValueError(
            f"The fractions in proportions sum to {fractions.sum():.6g}, not 1. "
            "Divide them by their sum, or give integers to state counts."
        )
    # Without the rounding 0.15 * 300 could count as a little less than 45.
    exact = np.round(fractions * n_samples, 6)
    counts = np.floor(exact).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: n_samples - counts.sum()]
    counts[rest] += 1
    return counts
