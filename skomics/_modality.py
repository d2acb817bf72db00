"""Values that samples lack: whole modalities, and single ones.

A sample lacks a modality if all its values in that block are NaN.
"""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import chi2_contingency
from sklearn.utils.multiclass import type_of_target

from skomics._warnings import warn
from skomics.exceptions import InformativeMissingnessWarning

__all__ = [
    "associate_missingness",
    "is_screened",
    "mark_as_screened",
    "missing_fraction",
    "modality_mask",
    "warn_if_informative_missingness",
]

# Missing values tell the class if Cramer's V is at least this, and a p-value, times the
# number of omics, at most that.
_CLEAR_V, _CLEAR_P = 0.3, 1e-4
# Key of a table's own notes.
_SCREENED = "skomics_missingness_screened"
# Smaller classes and groups of samples are no evidence.
_FEWEST = 5


def _count_nan(matrix):
    """Return the number of NaN in each row of a sparse matrix.

    What a sparse matrix does not store is zero, not missing.
    """
    matrix = matrix.tocsr()
    is_nan = np.isnan(matrix.data)
    if not is_nan.any():
        return np.zeros(matrix.shape[0])
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return np.bincount(rows, weights=is_nan, minlength=matrix.shape[0])


def modality_mask(block):
    """Return which samples have a modality.

    Parameters
    ----------
    block : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
        Values of one modality.

    Returns
    -------
    mask : ndarray of shape (n_samples,), dtype bool
        True for a sample that has values, False for one whose values are all NaN.
    """
    if sparse.issparse(block):
        return _count_nan(block) < block.shape[1]
    is_frame = isinstance(block, pd.DataFrame)
    first = block.iloc[:, 0] if is_frame else block[:, 0]
    mask = ~np.array(pd.isna(first), dtype=bool)
    if not mask.all():
        rows = block.iloc[~mask] if is_frame else block[~mask]
        mask[~mask] = ~np.asarray(pd.isna(rows)).all(axis=1)
    return mask


def missing_fraction(block):
    """Return the share of missing values in each row of a block.

    Parameters
    ----------
    block : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
        Values of one modality.

    Returns
    -------
    share : ndarray of shape (n_samples,)
        From 0 to 1.
    """
    if sparse.issparse(block):
        return _count_nan(block) / block.shape[1]
    return np.asarray(pd.isna(block)).mean(axis=1)


def _group(share):
    """Return groups of samples that miss alike: a code for each sample.

    None, all and, in between, below and above the median; groups of too few samples
    join the next one.
    """
    is_between = (share > 0) & (share < 1)
    middle = np.median(share[is_between]) if is_between.any() else 0.5
    codes = np.select([share == 0, share == 1, share <= middle], [0, 3, 1], 2)
    kinds, codes = np.unique(codes, return_inverse=True)
    counts = np.bincount(codes, minlength=len(kinds))
    while len(counts) > 1 and counts.min() < _FEWEST:
        smallest = counts.argmin()
        codes[codes >= max(smallest, 1)] -= 1
        counts = np.bincount(codes)
    return codes


def associate_missingness(blocks, y):
    """Measure how much the missing values of each block say about the class.

    Parameters
    ----------
    blocks : dict of str to table
        The omics of the samples.

    y : ndarray of shape (n_samples,)
        Their classes. Those of fewer than five samples do not count.

    Returns
    -------
    found : dict of str to (float, float, float)
        For each modality the mean share of missing values, Cramer's V between four
        groups of samples (nothing missing, below and above the median of what is
        missing in part, all missing) and the classes, and the p-value of the
        chi-squared test; 0 and 1 where there are not two groups, or not two classes, of
        five samples.
    """
    _, codes = np.unique(y, return_inverse=True)
    is_common = np.bincount(codes)[codes] >= _FEWEST
    _, classes = np.unique(codes[is_common], return_inverse=True)
    found = {}
    for name, block in blocks.items():
        share = missing_fraction(block)
        v, p = 0.0, 1.0
        if is_common.any() and np.ptp(share) > 0:
            groups = _group(share[is_common])
            table = np.zeros((groups.max() + 1, classes.max() + 1))
            np.add.at(table, (groups, classes), 1)
            if min(table.shape) > 1:
                test = chi2_contingency(table, correction=False)
                v = np.sqrt(test.statistic / (table.sum() * (min(table.shape) - 1)))
                p = test.pvalue
        found[name] = float(share.mean()), float(v), float(p)
    return found


def mark_as_screened(table):
    """Note on a table that its missing values have been screened against the classes.

    Parameters
    ----------
    table : DataFrame, AnnData or matrix
        What a transformer hands on. A matrix has no room for notes.

    Returns
    -------
    table : DataFrame, AnnData or matrix
        The same.
    """
    notes = getattr(table, "attrs", getattr(table, "uns", None))
    if notes is not None:
        notes[_SCREENED] = True
    return table


def is_screened(table):
    """Tell whether an earlier step of a pipeline has warned, if there was need.

    Parameters
    ----------
    table : object
        The input of a classifier.

    Returns
    -------
    answer : bool
        Whether :func:`mark_as_screened` has noted it.
    """
    notes = getattr(table, "attrs", getattr(table, "uns", {}))
    return bool(notes.get(_SCREENED, False)) if hasattr(notes, "get") else False


def warn_if_informative_missingness(blocks, y):
    """Warn if where values are missing gives the class away.

    Parameters
    ----------
    blocks : dict of str to table
        The omics of the training samples.

    y : array-like of shape (n_samples,)
        Targets. Nothing is done unless they are classes.
    """
    y = np.asarray(y)
    if y.ndim != 1 or type_of_target(y) not in ("binary", "multiclass"):
        return
    found = associate_missingness(blocks, y)
    told = {
        name: (v, p)
        for name, (_, v, p) in found.items()
        if v >= _CLEAR_V and p * len(found) <= _CLEAR_P
    }
    if not told:
        return
    strengths = ", ".join(
        f"{name!r} (Cramer's V {v:.2f}, p = {p:.0e})" for name, (v, p) in told.items()
    )
    warn(
        "Missing values alone tell the classes apart: which samples lack values is "
        f"associated with the class in {strengths}. Imputation keeps that trace, and a "
        "model may learn who was measured in place of the biology. See "
        "skomics.inspection.missingness_association, compare the classes' missing "
        "values, and drop the features or omics concerned.",
        InformativeMissingnessWarning,
    )
