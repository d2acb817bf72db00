"""Rows and columns of a large table in another order, copied a part at a time.

A copy of very wide samples is most of what a fit takes. The table that was given is
left where it is, and what is asked for is looked up there.
"""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["ArrangedTable", "arranged", "in_memory", "take_columns"]

# Numbers above which a table is left where it is: 64 MiB.
_LARGE = 2**24
# Columns that are copied at a time where all are.
_CHUNK = 8192


def arranged(X, rows):
    """Return rows of a table: a copy, or, of a large one, where they are to be found.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Table.

    rows : ndarray of shape (n_rows,), dtype int64
        Positions of rows.

    Returns
    -------
    table : {ndarray, sparse matrix, ArrangedTable} of shape (n_rows, n_features)
        The rows.
    """
    is_large = isinstance(X, np.ndarray) and len(rows) * X.shape[1] > _LARGE
    return ArrangedTable(X, rows) if is_large else X[rows]


def in_memory(X):
    """Return a table that can be indexed in any way.

    Parameters
    ----------
    X : object
        Table.

    Returns
    -------
    X : ndarray or object
        A copy of an :class:`ArrangedTable`, anything else as it is.
    """
    return X.copy() if isinstance(X, ArrangedTable) else X


def take_columns(X, columns):
    """Return some columns of a dense table.

    Parameters
    ----------
    X : {ndarray, ArrangedTable} of shape (n_samples, n_features)
        Table.

    columns : ndarray of int, shape (n_columns,)
        Positions in their new order.

    Returns
    -------
    table : {ndarray, ArrangedTable} of shape (n_samples, n_columns)
        A copy of an array, in C order.
    """
    if isinstance(X, ArrangedTable):
        return X.take(columns)
    return X.take(columns, axis=1)


@dataclass(frozen=True, eq=False)
class ArrangedTable:
    """Some rows and columns of a dense table, which stays as it is.

    Parameters
    ----------
    base : ndarray of shape (n_rows_of_base, n_columns_of_base)
        The table.

    rows : ndarray of int, shape (n_rows,)
        Rows in their new order.

    columns : ndarray of int, shape (n_columns,), default=None
        Columns in their new order; None is all, as they are.

    factors : ndarray of shape (n_columns,), default=None
        What each column is multiplied by; None is nothing.
    """

    base: np.ndarray
    rows: np.ndarray
    columns: np.ndarray | None = None
    factors: np.ndarray | None = None

    @property
    def shape(self):
        """Number of rows and of columns."""
        width = self.base.shape[1] if self.columns is None else len(self.columns)
        return len(self.rows), width

    @property
    def size(self):
        """Number of values."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self):
        """Bytes that a copy takes."""
        return self.size * self.base.itemsize

    def __getitem__(self, key):
        """Return columns, as an array in C order, or rows, as another table.

        Columns are asked for by ``[:, slice or positions]``, rows by ``[positions]``.
        """
        if not isinstance(key, tuple):
            return replace(self, rows=self.rows[key])
        part = key[1]
        columns = part if self.columns is None else self.columns[part]
        found = _looked_up(self.base, self.rows, columns)
        if self.factors is not None:
            found *= self.factors[part]
        return found

    def take(self, columns):
        """Return a table of some columns, in the order of their positions."""
        factors = None if self.factors is None else self.factors[columns]
        if self.columns is not None:
            columns = self.columns[columns]
        return replace(self, columns=columns, factors=factors)

    def __imul__(self, factors):
        """Multiply columns by factors when they are copied."""
        return replace(self, factors=factors)

    def copy(self):
        """Return all of it as an array in C order."""
        table = np.empty(self.shape, dtype=self.base.dtype)
        for start in range(0, self.shape[1], _CHUNK):
            part = slice(start, start + _CHUNK)
            table[:, part] = self[:, part]
        return table


def _looked_up(base, rows, columns):
    """Return rows of columns in C order, read in the order in which they are stored."""
    if isinstance(columns, slice):
        return np.ascontiguousarray(base[rows, columns])
    if base.flags.f_contiguous:
        return np.ascontiguousarray(base[:, columns])[rows]
    found = np.empty((len(rows), len(columns)), dtype=base.dtype)
    for row, out in zip(rows, found, strict=True):
        # A mode that checks no bounds writes to `out` without a copy.
        np.take(base[row], columns, out=out, mode="clip")
    return found
