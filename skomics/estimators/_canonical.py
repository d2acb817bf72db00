"""An order of samples and features that is the data's own.

The order of the columns within a modality is an accident of the table, and so is that
of the rows. Here both are put into an order that depends on neither: hashes of the
values, summed, which no order changes, tell columns apart by their values, rows by
those of the columns, and columns that have the same values by the rows that these stand
in.
"""

import numpy as np
from scipy import sparse

__all__ = ["canonical_order"]

# Columns that are hashed at a time.
_CHUNK = 4096
# Odd numbers without a pattern in their bits (the golden ratio's, and from Stafford's
# thirteenth variant of MurmurHash3's finalizer).
_SEED = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ROUNDS = 3


def canonical_order(X, codes, bounds):
    """Return an order of rows and columns that depends on neither order.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features), dtype float32
        Distinct samples, block by block.

    codes : ndarray of shape (n_samples,)
        Their classes.

    bounds : list of (int, int)
        First and last-plus-one feature of each modality; no column leaves its modality.

    Returns
    -------
    rows : ndarray of shape (n_samples,)
        Positions of the rows in their new order.

    columns : ndarray of shape (n_features,)
        Positions of the columns in their new order.
    """
    of_block = np.concatenate(
        [np.full(stop - start, b) for b, (start, stop) in enumerate(bounds)]
    )
    seed = _mix(_numbered(of_block))
    rows = _mix(_numbered(codes))
    for _ in range(_ROUNDS):
        columns = _mix(_column_sums(X, rows) ^ seed)
        rows = _mix(_row_sums(X, columns) ^ _mix(_numbered(codes)))
        if len(np.unique(columns)) == len(columns):
            break
    # Columns that are still level are equal, or as good as.
    return np.argsort(rows, kind="stable"), np.lexsort((columns, of_block))


def _numbered(codes):
    return (np.asarray(codes, dtype=np.uint64) + np.uint64(1)) * _SEED


def _mix(values):
    """Return 64-bit hashes of 64-bit numbers; that of 0 is 0."""
    values = values ^ (values >> np.uint64(30))
    values *= _FIRST
    values ^= values >> np.uint64(27)
    values *= _SECOND
    values ^= values >> np.uint64(31)
    return values


def _hashes(values):
    """Return hashes of float32 numbers; that of both zeros is 0."""
    values = np.ascontiguousarray(values, dtype=np.float32) + np.float32(0)
    return _mix(values.view(np.uint32).astype(np.uint64))


def _column_sums(X, rows):
    """Return for each column the sum of its values' hashes, times those of the rows."""
    if sparse.issparse(X):
        hashes = _hashes(X.data) * np.repeat(rows, np.diff(X.indptr))
        sums = np.zeros(X.shape[1], dtype=np.uint64)
        np.add.at(sums, X.indices, hashes)
        return sums
    parts = [
        (_hashes(X[:, start : start + _CHUNK]) * rows[:, None]).sum(0)
        for start in range(0, X.shape[1], _CHUNK)
    ]
    return np.concatenate(parts)


def _row_sums(X, columns):
    """Return for each row the sum of its values' hashes, times those of the columns."""
    sums = np.zeros(X.shape[0], dtype=np.uint64)
    if sparse.issparse(X):
        of_row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        np.add.at(sums, of_row, _hashes(X.data) * columns[X.indices])
        return sums
    for start in range(0, X.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        sums += (_hashes(X[:, part]) * columns[part]).sum(1)
    return sums
