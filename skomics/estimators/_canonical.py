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
_MARK = np.uint64(0xD6E8FEB86659FD93)
# Rows that are told apart one by one; then all that are level with one another.
_SINGLES = 32
# Hashes that are kept, not made anew for every sum: 128 MiB.
_KEPT = 2**24


def canonical_order(X, codes, bounds):
    """Return an order of rows and columns that depends on neither order.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features), dtype float32
        Distinct samples, block by block.

    codes : ndarray of shape (n_samples,)
        Their classes.

    bounds : list of (int, int)
        First and last-plus-one feature of each modality; no column leaves its own.

    Returns
    -------
    rows : ndarray of shape (n_samples,)
        Positions of the rows in their new order.

    columns : ndarray of shape (n_features,)
        Positions of the columns in their new order.

    Notes
    -----
    Rows and columns are told apart by colors, which are refined until they tell no more
    (Weisfeiler and Leman). Where rows are level, as patients with one mutation each
    that nobody else has, it makes no difference which of them comes first: one is
    marked, and the colors are refined again.
    """
    of_block = np.concatenate(
        [np.full(stop - start, b) for b, (start, stop) in enumerate(bounds)]
    )
    sums, seed = _Sums(X), _mix(_numbered(of_block))
    rows, columns = _refine(sums, _mix(_numbered(codes)), seed)
    for n_marked in range(len(rows)):
        level = _level_rows(rows)
        if len(level) == 0:
            break
        if n_marked < _SINGLES:
            level = level[:1]
        rows[level] = _mix(rows[level] ^ _mix(_numbered(np.arange(len(level))) ^ _MARK))
        rows, columns = _refine(sums, rows, seed)
    # Columns that are level where no rows are have the same values.
    return np.argsort(rows, kind="stable"), np.lexsort((columns, of_block))


def _refine(sums, rows, seed):
    """Return the colors of rows and columns when they tell each other no more."""
    n_colors = 0
    while True:
        were_distinct = len(np.unique(rows)) == len(rows)
        columns = _mix(sums.of_columns(rows) ^ seed)
        rows = _mix(sums.of_rows(columns) ^ rows)
        n_rows, n_columns = len(np.unique(rows)), len(np.unique(columns))
        is_done = were_distinct or (n_rows, n_columns) == (len(rows), len(columns))
        if is_done or n_rows + n_columns <= n_colors:
            return rows, columns
        n_colors = n_rows + n_columns


def _level_rows(rows):
    """Return the rows of the first color that several have; none if none is shared."""
    colors, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(counts > 1)
    return np.flatnonzero(inverse == shared[0]) if len(shared) else shared


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


class _Sums:
    """Sums of the hashes of a table's values, times numbers of its rows or columns."""

    def __init__(self, X):
        self.X, self._kept = X, {}
        self._is_sparse = sparse.issparse(X)
        if self._is_sparse:
            self._rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
            self._hashes = _hashes(X.data)

    def _parts(self):
        for start in range(0, self.X.shape[1], _CHUNK):
            part = slice(start, start + _CHUNK)
            hashes = self._kept.get(start)
            if hashes is None:
                hashes = _hashes(self.X[:, part])
                if self.X.size <= _KEPT:
                    self._kept[start] = hashes
            yield part, hashes

    def of_columns(self, rows):
        """Return a sum for each column."""
        sums = np.zeros(self.X.shape[1], dtype=np.uint64)
        if self._is_sparse:
            np.add.at(sums, self.X.indices, self._hashes * rows[self._rows])
            return sums
        for part, hashes in self._parts():
            sums[part] = (hashes * rows[:, None]).sum(0)
        return sums

    def of_rows(self, columns):
        """Return a sum for each row."""
        sums = np.zeros(self.X.shape[0], dtype=np.uint64)
        if self._is_sparse:
            np.add.at(sums, self._rows, self._hashes * columns[self.X.indices])
            return sums
        for part, hashes in self._parts():
            sums += (hashes * columns[part]).sum(1)
        return sums
