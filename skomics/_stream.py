"""Samples of a file that is larger than memory, read some rows at a time."""

import copy

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import (
    check_shared_axis,
    is_anndata,
    is_mudata,
    matrix_of,
    stack_matrices,
)
from skomics._compat import parent_of_view
from skomics._layout import SEPARATOR
from skomics._optional import import_optional
from skomics._rows import check_unique, place_rows
from skomics.exceptions import SampleAlignmentError

__all__ = ["OmicsStream", "PlacedRows", "open_stream"]

# Numbers that are read at a time when a file is read from its beginning to its end
# (32 MiB in float32), and rows that need not be more.
_CHUNK, _MOST_ROWS = 2**23, 16_384
# Rows between two that are wanted which are read along, not skipped.
_GAP = 8
# What the modality of each feature is called in `var`.
_LABELS = ("omics", "feature_types")


class PlacedRows:
    """A dense matrix with its rows in another order, read when they are asked for.

    Parameters
    ----------
    matrix : ndarray or h5py.Dataset of shape (n_rows, n_features)
        The values.

    positions : ndarray of int of shape (n_samples,)
        The row of each sample, -1 for a sample without one, whose values are NaN.
    """

    def __init__(self, matrix, positions):
        self.matrix, self.positions = matrix, positions
        self.shape = (len(positions), matrix.shape[1])
        is_whole = (positions >= 0).all()
        nan_dtype = np.result_type(matrix.dtype, np.float32)
        self.dtype = matrix.dtype if is_whole else nan_dtype

    def __getitem__(self, rows):
        """Return the rows of a slice as an array."""
        positions = self.positions[rows]
        # Files are read in increasing order only.
        order = np.argsort(positions, kind="stable")
        order = order[positions[order] >= 0]
        fill = np.nan if self.dtype.kind == "f" else 0
        array = np.full((len(positions), self.shape[1]), fill, self.dtype)
        array[order] = self.matrix[positions[order]]
        return array


class OmicsStream:
    """Samples that are read from a file when they are asked for.

    What :class:`~skomics.OmicsConcatenator` makes of an AnnData or a MuData that stays
    on disk. It has a shape and can be cut into rows; all that is read goes through the
    transformers that were fitted. `to_memory` and :func:`numpy.asarray` read all of it.

    Parameters
    ----------
    matrices : list
        On disk, with equal rows, to be put side by side.

    var : DataFrame
        Names of the features and, in a column, of their modalities.

    rows : Index
        Ids of the samples.

    transformers : tuple
        Fitted, with `transform`, from the first to the last.
    """

    def __init__(self, matrices, var, rows, transformers=(), chosen=None):
        self._matrices, self._var, self._transformers = matrices, var, transformers
        self._chosen = chosen
        self.rows = rows if chosen is None else rows[chosen]
        self._all_rows = rows
        n_features = len(var)
        if transformers:
            n_features = len(transformers[-1].get_feature_names_out())
        self.shape = (len(self.rows), n_features)

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        return f"OmicsStream of {self.shape[0]} x {self.shape[1]}, on disk"

    def __getitem__(self, index):
        """Return some of the samples, still on disk."""
        chosen = self._chosen
        chosen = np.arange(len(self._all_rows)) if chosen is None else chosen
        index = index[0] if isinstance(index, tuple) else index
        index = np.asarray(index) if isinstance(index, list) else index
        chosen = np.atleast_1d(chosen[index])
        return OmicsStream(
            self._matrices, self._var, self._all_rows, self._transformers, chosen
        )

    def then(self, transformer):
        """Return the stream of what a fitted transformer makes of this one."""
        twin = copy.copy(self)
        twin._transformers = (*self._transformers, transformer)
        twin.shape = (self.shape[0], len(transformer.get_feature_names_out()))
        return twin

    def read(self, positions):
        """Return samples in memory.

        Parameters
        ----------
        positions : ndarray of int
            Which samples, in any order.

        Returns
        -------
        table : AnnData, DataFrame or csr
            What the last transformer makes of them.
        """
        wanted = positions if self._chosen is None else self._chosen[positions]
        wanted, inverse = np.unique(wanted, return_inverse=True)
        parts = [_read_rows(matrix, wanted) for matrix in self._matrices]
        values = stack_matrices(parts)
        is_sorted = np.array_equal(inverse, np.arange(len(inverse)))
        values = values if is_sorted else values[inverse]
        anndata = import_optional("anndata", extra="mudata")
        names = self._all_rows[wanted[inverse]]
        if not names.is_unique:  # of samples that are asked for more than once
            names = pd.RangeIndex(len(names)).astype(str)
        table = anndata.AnnData(values, obs=pd.DataFrame(index=names), var=self._var)
        for transformer in self._transformers:
            table = transformer.transform(table)
        return table

    def chunks(self):
        """Yield positions of samples, and these in memory, from first to last."""
        n_columns = max(self.shape[1], len(self._var))
        step = min(max(_CHUNK // n_columns, 64), _MOST_ROWS)
        for start in range(0, len(self), step):
            positions = np.arange(start, min(start + step, len(self)))
            yield positions, self.read(positions)

    def to_memory(self):
        """Return all samples in memory, in the form that :meth:`read` gives."""
        return self.read(np.arange(len(self)))

    def __array__(self, dtype=None, copy=None):
        """Read all samples into one dense array."""
        values = matrix_of(self.to_memory())
        values = values.toarray() if sparse.issparse(values) else np.asarray(values)
        return values if dtype is None else values.astype(dtype, copy=False)


def _read_rows(matrix, positions):
    """Return rows of a matrix on disk, whose positions increase."""
    first = np.flatnonzero(np.diff(positions, prepend=-2 * _GAP) > _GAP)
    pieces = []
    for run in np.split(positions, first[1:]):
        piece = _in_memory(matrix[run[0] : run[-1] + 1])
        pieces.append(piece if len(run) == piece.shape[0] else piece[run - run[0]])
    if len(pieces) == 1:
        return pieces[0]
    if sparse.issparse(pieces[0]):
        return sparse.vstack(pieces, format="csr")
    return np.concatenate(pieces)


def _in_memory(piece):
    piece = piece.compute() if hasattr(piece, "compute") else piece
    return piece.tocsr() if sparse.issparse(piece) else np.asarray(piece)


class _CsrRows:
    """A sparse matrix on disk, whose rows are read without detours.

    What AnnData gives for it looks at an index from all sides for every slice, which
    takes longer than reading a block.
    """

    def __init__(self, dataset):
        self.shape, self.dtype = dataset.shape, dataset.dtype
        self._indptr = dataset.group["indptr"][:]
        self._data, self._indices = (dataset.group[k] for k in ("data", "indices"))

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(self.shape[0])
        indptr = self._indptr[start : stop + 1]
        part = slice(int(indptr[0]), int(indptr[-1]))
        parts = self._data[part], self._indices[part], indptr - indptr[0]
        return sparse.csr_matrix(parts, shape=(stop - start, self.shape[1]))


class _ViewRows:
    """The matrix of a part of an AnnData that stays on disk."""

    def __init__(self, table):
        parent, self._rows, self._columns = parent_of_view(table)
        self._matrix, self.shape = _matrix_of("The AnnData", parent), table.shape
        self.dtype = self._matrix.dtype

    def __getitem__(self, rows):
        wanted, inverse = np.unique(self._rows[rows], return_inverse=True)
        values = _read_rows(self._matrix, wanted)[inverse]
        return values[:, self._columns]


def open_stream(X):
    """Return the stream of an input that stays on disk, or None.

    Parameters
    ----------
    X : object
        What a user gave as input.

    Returns
    -------
    stream : OmicsStream or None
        Of an AnnData or a MuData that was opened with ``backed="r"``, or whose matrices
        are of zarr, h5py or dask; None for all else, which is in memory.

    Raises
    ------
    ValueError
        If a matrix on disk is stored by columns, or a MuData joins samples.

    SampleAlignmentError
        If a sparse modality lacks samples.
    """
    if isinstance(X, OmicsStream):
        return X
    if is_anndata(X):
        return _open_table(X) if _is_on_disk(X) else None
    if not is_mudata(X):
        return None
    if not any(map(_is_on_disk, X.mod.values())):
        return None
    return _open_mudata(X)


def _is_on_disk(table):
    if table.isbacked or table.is_view:
        return bool(table.isbacked)
    matrix = table.X
    return matrix is not None and not (
        isinstance(matrix, np.ndarray) or sparse.issparse(matrix)
    )


def _matrix_of(name, table):
    try:
        matrix = _ViewRows(table) if table.is_view else table.X
    except KeyError:  # a file without it
        matrix = None
    if matrix is None:
        raise ValueError(
            f"{name} has no matrix: its X is None. Set it, for instance from one of "
            "its layers."
        )
    if getattr(matrix, "format", "csr") != "csr":
        raise ValueError(
            f"The matrix of {name} is stored by columns ({matrix.format}) on disk, "
            "where reading one sample reads the whole file. Store it by rows: load it, "
            "and write it with X.tocsr()."
        )
    return _CsrRows(matrix) if hasattr(matrix, "group") else matrix


def _frame(var):
    return var if isinstance(var, pd.DataFrame) else var.to_memory()


def _open_table(table):
    columns = table.var.columns.intersection(list(_LABELS))
    var = _frame(table.var)[columns].copy()
    return OmicsStream([_matrix_of("The AnnData", table)], var, table.obs_names)


def _open_mudata(X):
    check_shared_axis(X)
    matrices, labels, names = [], [], []
    for name, table in X.mod.items():
        matrix = _matrix_of(f"Modality {name!r}", table)
        if not table.obs_names.equals(X.obs_names):
            matrix = _placed(name, matrix, table, X)
        matrices.append(matrix)
        labels += [name] * table.n_vars
        names += [f"{name}{SEPARATOR}{feature}" for feature in table.var_names]
    var = pd.DataFrame({"omics": np.array(labels, dtype=object)}, index=names)
    return OmicsStream(matrices, var, X.obs_names)


def _placed(name, matrix, table, X):
    check_unique(f"Modality {name!r}", table.obs_names, "Make them unique first.")
    positions = place_rows(table.obs_names, X.obs_names)
    if isinstance(matrix, _CsrRows):
        raise SampleAlignmentError(
            f"Modality {name!r} is sparse and its {table.n_obs} samples are not those "
            f"of the MuData in its order ({X.n_obs}). Write the samples that all "
            "modalities have, in one order, with mudata.pp.intersect_obs before."
        )
    return PlacedRows(matrix, positions)
