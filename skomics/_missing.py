"""Values that samples lack: whole omics, which models can do without, and single ones.

A sample lacks an omics if all its values in that block are NaN.
"""

import warnings

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.multiclass import type_of_target

from .exceptions import InformativeMissingnessWarning

__all__ = ["lacking_rows", "share_of_missing", "warn_if_missingness_tells"]

# Missing values tell the class if a tree that sees nothing else is better than chance
# by this much, and by this many standard errors.
_CLEAR_GAIN, _CLEAR_ERRORS = 0.1, 4
_N_FOLDS = 5


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


def lacking_rows(block):
    """Return which rows of a block are NaN throughout.

    Parameters
    ----------
    block : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
        Values of one omics.

    Returns
    -------
    lacking : ndarray of shape (n_samples,), dtype bool
        True for a sample that lacks the omics.
    """
    if sparse.issparse(block):
        return _count_nan(block) == block.shape[1]
    is_frame = isinstance(block, pd.DataFrame)
    first = block.iloc[:, 0] if is_frame else block[:, 0]
    lacking = np.array(pd.isna(first), dtype=bool)
    if lacking.any():
        rows = block.iloc[lacking] if is_frame else block[lacking]
        lacking[lacking] = np.asarray(pd.isna(rows)).all(axis=1)
    return lacking


def share_of_missing(block):
    """Return the share of missing values in each row of a block.

    Parameters
    ----------
    block : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
        Values of one omics.

    Returns
    -------
    share : ndarray of shape (n_samples,)
        From 0 to 1.
    """
    if sparse.issparse(block):
        return _count_nan(block) / block.shape[1]
    return np.asarray(pd.isna(block)).mean(axis=1)


def warn_if_missingness_tells(blocks, y, *, stacklevel):
    """Warn if where values are missing gives the class away.

    A small decision tree sees the share of missing values of each omics, and nothing
    else; its cross-validated balanced accuracy is compared with chance.

    Parameters
    ----------
    blocks : dict of str to table
        The omics of the training samples.

    y : array-like of shape (n_samples,)
        Targets. Nothing is done unless they are classes.

    stacklevel : int
        As in :func:`warnings.warn`, counted from the caller.
    """
    y = np.asarray(y)
    if y.ndim != 1 or type_of_target(y) not in ("binary", "multiclass"):
        return
    shares = {name: share_of_missing(block) for name, block in blocks.items()}
    shares = {name: share for name, share in shares.items() if np.ptp(share) > 0}
    if not shares:
        return
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.bincount(codes)
    common = counts[codes] >= _N_FOLDS
    n_classes = np.count_nonzero(counts >= _N_FOLDS)
    if n_classes < 2:
        return
    tree = DecisionTreeClassifier(
        max_depth=3, min_samples_leaf=5, class_weight="balanced", random_state=0
    )
    folds = StratifiedKFold(_N_FOLDS, shuffle=True, random_state=0)
    X = np.column_stack(list(shares.values()))[common]
    guesses = cross_val_predict(tree, X, codes[common], cv=folds)
    score, chance = balanced_accuracy_score(codes[common], guesses), 1 / n_classes
    spread = (chance * (1 - chance) / counts[counts >= _N_FOLDS]).sum()
    error = np.sqrt(spread) / n_classes
    if score - chance < max(_CLEAR_GAIN, _CLEAR_ERRORS * error):
        return
    names = ", ".join(repr(name) for name in shares)
    warnings.warn(
        f"Missing values alone tell the classes apart: from the share of missing "
        f"values in {names}, and nothing else, a small tree reaches a balanced "
        f"accuracy of {score:.2f} in {_N_FOLDS} folds, where chance is {chance:.2f}. "
        "Imputation keeps that trace, and a model may learn who was measured in place "
        "of the biology. Compare the classes' missing values, drop the features or "
        "omics concerned, or score with sklearn's permutation_importance.",
        InformativeMissingnessWarning,
        stacklevel=stacklevel + 1,
    )
