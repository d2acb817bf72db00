"""From tables of omics to blocks with names, and back to one table."""

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import Block, read_blocks
from skomics._layout import SEPARATOR
from skomics._optional import import_optional

__all__ = ["is_sparse", "name_blocks", "pack_blocks", "stack_dense"]

# Numbers that are read from a file, or made sparse, at a time (8 MiB in float64).
_CHUNK = 2**20


def name_blocks(X):
    """Return the blocks of any input with names on both axes.

    Parameters
    ----------
    X : DataFrame, dict of tables, AnnData or MuData
        Omics of the same samples.

    Returns
    -------
    blocks : dict of str to Block
        With an ndarray or a csr as data, and features.

    rows : Index
        Names of the samples; text where one of the omics is sparse, because
        AnnData holds no other.
    """
    read = read_blocks(X)
    blocks = {name: _name_features(name, b) for name, b in read.blocks.items()}
    n_samples = next(iter(blocks.values())).data.shape[0]
    rows = pd.RangeIndex(n_samples) if read.rows is None else read.rows
    if any(is_sparse(block.data) for block in blocks.values()):
        rows = rows.astype(str)
    return blocks, rows


def _name_features(name, block):
    is_frame = isinstance(block.data, pd.DataFrame)
    data, features = block.data.to_numpy() if is_frame else block.data, block.features
    if features is None:
        names = [f"{name}_{i + 1}" for i in range(data.shape[1])]
        features = pd.Index(names, dtype=object)
    return Block(data, features)


def is_sparse(matrix):
    """Tell whether a matrix is sparse, in memory or in a file that AnnData opened."""
    return sparse.issparse(matrix) or hasattr(matrix, "to_memory")


def _chunks(shape):
    step = max(1, _CHUNK // max(1, shape[1]))
    return (slice(i, min(i + step, shape[0])) for i in range(0, shape[0], step))


def pack_blocks(blocks, rows):
    """Put blocks side by side in one table with names.

    Parameters
    ----------
    blocks : dict of str to Block
        The omics, with features; the data may still be in a file.

    rows : Index
        Names of the samples.

    Returns
    -------
    table : DataFrame of shape (n_samples, n_features) or AnnData
        Two column levels (omics, feature), each modality with its own dtype; an
        AnnData with csr `X` and ``var["omics"]`` if a block is sparse.
    """
    if not any(is_sparse(block.data) for block in blocks.values()):
        return _pack_dense(blocks, rows)
    anndata = import_optional("anndata", extra="mudata")
    labels = [name for name, block in blocks.items() for _ in block.features]
    flat = [f"{n}{SEPARATOR}{f}" for n, block in blocks.items() for f in block.features]
    var = pd.DataFrame({"omics": np.array(labels, dtype=object)}, index=flat)
    X = _stack_sparse([block.data for block in blocks.values()])
    return anndata.AnnData(X, obs=pd.DataFrame(index=rows), var=var)


def _pack_dense(blocks, rows):
    if len({block.data.dtype for block in blocks.values()}) > 1:
        frames = {
            name: pd.DataFrame(stack_dense([block.data]), rows, block.features)
            for name, block in blocks.items()
        }
        return pd.concat(frames, axis=1, names=["omics", "feature"])
    pairs = [(name, f) for name, block in blocks.items() for f in block.features]
    columns = pd.MultiIndex.from_tuples(pairs, names=["omics", "feature"])
    values = stack_dense([block.data for block in blocks.values()])
    return pd.DataFrame(values, rows, columns, copy=False)


def stack_dense(matrices):
    """Put dense matrices of one dtype side by side, reading some rows at a time.

    Parameters
    ----------
    matrices : list of ndarray, h5py.Dataset or PlacedRows
        With equal numbers of rows. A single array is returned as it is.

    Returns
    -------
    array : ndarray of shape (n_samples, n_features)
        The values.
    """
    if len(matrices) == 1 and isinstance(matrices[0], np.ndarray):
        return matrices[0]
    edges = np.cumsum([0, *[matrix.shape[1] for matrix in matrices]])
    array = np.empty((matrices[0].shape[0], edges[-1]), matrices[0].dtype)
    for rows in _chunks(array.shape):
        for matrix, start, stop in zip(matrices, edges[:-1], edges[1:], strict=True):
            array[rows, start:stop] = matrix[rows]
    return array


def _stack_sparse(matrices):
    """Put matrices side by side as csr, some rows at a time: no second copy."""
    if len(matrices) == 1 and sparse.issparse(matrices[0]):
        return matrices[0].tocsr()
    shape = (matrices[0].shape[0], sum(matrix.shape[1] for matrix in matrices))
    n_stored = sum(map(_count_stored, matrices))
    dtype = np.result_type(*[matrix.dtype for matrix in matrices])
    wide = max(n_stored, shape[1]) > np.iinfo(np.int32).max
    data = np.empty(n_stored, dtype=dtype)
    indices = np.empty(n_stored, dtype=np.int64 if wide else np.int32)
    indptr = np.zeros(shape[0] + 1, dtype=indices.dtype)
    widths = [m.shape[1] for m in matrices if not is_sparse(m)]
    widest = max([n_stored // max(1, shape[0]), *widths])
    for rows in _chunks((shape[0], widest)):
        parts = [sparse.csr_matrix(matrix[rows]) for matrix in matrices]
        part = sparse.hstack(parts, format="csr")
        start = indptr[rows.start]
        indptr[rows.start + 1 : rows.stop + 1] = start + part.indptr[1:]
        data[start : start + part.nnz] = part.data
        indices[start : start + part.nnz] = part.indices
    # A matrix of a file may store zeros that its slices do not.
    n_stored = indptr[-1]
    return sparse.csr_matrix((data[:n_stored], indices[:n_stored], indptr), shape)


def _count_stored(matrix):
    if sparse.issparse(matrix):
        return matrix.nnz
    if is_sparse(matrix):
        return matrix.group["data"].shape[0]
    return sum(np.count_nonzero(matrix[rows]) for rows in _chunks(matrix.shape))
