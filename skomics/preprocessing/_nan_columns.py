"""Columns of NaN for features that are not there, and who takes them."""

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import Block

__all__ = ["take_or_nan", "try_missing_features"]

# Samples with which a transformer is tried.
_TRIED = 2
_STORED = pd.SparseDtype(float, 0.0)


def take_or_nan(block, positions, features):
    """Return a block with other columns, of NaN where there is none.

    Parameters
    ----------
    block : Block
        One modality.

    positions : ndarray of int of shape (n_features,)
        Columns, -1 for one of NaN. In a sparse block these are stored.

    features : Index of shape (n_features,)
        Names of the result.

    Returns
    -------
    taken : Block
        With the same rows.
    """
    is_found = positions >= 0
    if sparse.issparse(block.data):
        return Block(_take_sparse(block.data, positions), features, block.rows)
    data = block.data
    data = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data, block.rows)
    taken = data.iloc[:, positions[is_found]].set_axis(features[is_found], axis=1)
    if not is_found.all():
        is_sparse = all(isinstance(d, pd.SparseDtype) for d in data.dtypes)
        taken = taken.reindex(columns=features)
        if is_sparse:
            taken = taken.astype(dict.fromkeys(features[~is_found], _STORED))
    return Block(taken, features, block.rows)


def _take_sparse(matrix, positions):
    if (positions >= 0).all():
        return matrix[:, positions]
    dtype = np.result_type(matrix.dtype, np.float32)
    shape = matrix.shape[0], int((positions < 0).sum())
    empty = type(matrix)(np.full(shape, np.nan, dtype))
    stacked = sparse.hstack([matrix[:, positions[positions >= 0]], empty], "csr")
    return stacked[:, np.argsort(np.argsort(positions < 0, kind="stable"))]


def try_missing_features(transformer, data, present):
    """Give a fitted transformer a few samples that lack every second feature.

    Parameters
    ----------
    transformer : transformer
        Fitted.

    data : DataFrame, ndarray or csr of shape (n_samples, n_features)
        Training samples.

    present : ndarray of bool of shape (n_samples,), or None
        Who has the modality; None if all have.

    Returns
    -------
    output : table or None
        What it makes of them; None of a block of one feature, which is there or not.

    Raises
    ------
    ValueError, TypeError
        The transformer's, if it refuses them.
    """
    if data.shape[1] < 2:
        return None
    is_there = np.ones(data.shape[0], dtype=bool) if present is None else present
    rows = np.flatnonzero(is_there)[:_TRIED]
    positions = np.arange(data.shape[1])
    positions[::2] = -1
    is_frame = isinstance(data, pd.DataFrame)
    some = Block(data.iloc[rows] if is_frame else data[rows])
    names = data.columns if is_frame else pd.RangeIndex(data.shape[1])
    tried = take_or_nan(some, positions, names).data
    is_array = not is_frame and isinstance(tried, pd.DataFrame)
    return transformer.transform(tried.to_numpy() if is_array else tried)
