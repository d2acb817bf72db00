"""Counts of 10x Genomics: folders of matrix.mtx, and .h5 files."""

import gzip

import pandas as pd
from scipy import sparse
from scipy.io import mmread

from skomics._optional import import_optional
from skomics._rows import quote_values
from skomics.io._errors import UnfitError

__all__ = ["find_matrix", "is_tenx_folder", "read_tenx_folder", "read_tenx_h5"]

_MATRIX = ("matrix.mtx.gz", "matrix.mtx")
_BARCODES = ("barcodes.tsv.gz", "barcodes.tsv")
_FEATURES = ("features.tsv.gz", "features.tsv", "genes.tsv.gz", "genes.tsv")


def is_tenx_folder(path):
    """Tell whether a path is a folder that Cell Ranger wrote."""
    return any((path / name).is_file() for name in _MATRIX)


def find_matrix(path):
    """Return the matrix of a folder in the layout of 10x, or of a path to one.

    Parameters
    ----------
    path : Path
        A folder, or a file ``<prefix>matrix.mtx``, plain or gzipped.

    Returns
    -------
    matrix : Path or None
        None if there is no matrix.
    """
    if path.is_dir():
        found = [path / name for name in _MATRIX if (path / name).is_file()]
        found = found or sorted(f for n in _MATRIX for f in path.glob(f"[!.]*{n}"))
        if len({_prefix(file) for file in found}) > 1:
            raise ValueError(
                f"The folder {str(path)!r} has several matrices, "
                f"{quote_values([f.name for f in found])}. Give the path of one."
            )
        return found[0] if found else None
    return path if path.name.endswith((".mtx", ".mtx.gz")) else None


def _prefix(matrix):
    return next((matrix.name.removesuffix(n) for n in _MATRIX), "")


def read_tenx_folder(matrix):
    """Read a matrix of features × cells and the names beside it.

    Parameters
    ----------
    matrix : Path
        ``matrix.mtx``, plain or gzipped; a prefix is that of the other files, too.

    Returns
    -------
    values : csr_matrix of shape (n_cells, n_features)
        The counts.

    barcodes : Index of shape (n_cells,)
        The cells.

    features : DataFrame of shape (n_features, 3)
        The columns id, name and type of features; of the second version of the
        layout, all are gene expression.
    """
    name = next((n for n in _MATRIX if matrix.name.endswith(n)), None)
    prefix = matrix.name.removesuffix(name or matrix.name)
    barcodes = _find_beside(matrix, prefix, _BARCODES)
    features = _find_beside(matrix, prefix, _FEATURES)
    values = sparse.csr_matrix(mmread(matrix, spmatrix=True).T)
    cells = [row[0] for row in _read_rows(barcodes)]
    rows = [(row + row[:1])[:2] + row[2:3] for row in _read_rows(features)]
    return _check(
        values,
        pd.Index(cells, dtype=object),
        _as_features(*zip(*rows, strict=True)) if rows else _as_features([], []),
    )


def _find_beside(matrix, prefix, names):
    found = [matrix.with_name(prefix + n) for n in names]
    file = next((f for f in found if f.is_file()), None)
    if file is None:
        raise FileNotFoundError(
            f"{matrix.name} has no {quote_values([f.name for f in found], 4)} beside "
            "it, which name its cells and features. Put the files of one run of Cell "
            "Ranger into one folder; a matrix alone has no names."
        )
    return file


def _read_rows(file):
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", encoding="utf-8") as lines:
        return [line.rstrip("\r\n").split("\t") for line in lines if line.strip()]


def _as_features(ids, names, types=None):
    types = ["Gene Expression"] * len(ids) if types is None else types
    return pd.DataFrame({"id": ids, "name": names, "type": types}, dtype=object)


def _check(values, barcodes, features):
    if values.shape != (len(barcodes), len(features)):
        raise UnfitError(
            f"has {values.shape[1]} features and {values.shape[0]} cells, but "
            f"{len(features)} features and {len(barcodes)} cells have names. Put the "
            "files of one run into one folder."
        )
    return values, barcodes, features


def read_tenx_h5(file):
    """Read a ``filtered_feature_bc_matrix.h5`` of Cell Ranger.

    Parameters
    ----------
    file : Path
        The file, of the second or third version of the format.

    Returns
    -------
    values : csr_matrix of shape (n_cells, n_features)
        The counts.

    barcodes : Index of shape (n_cells,)
        The cells.

    features : DataFrame of shape (n_features, 3)
        The columns id, name and type of features.
    """
    h5py = import_optional("h5py", extra="data")
    with h5py.File(file, "r") as h5:
        group = _find_group(h5)
        n_features, n_cells = group["shape"][:]
        # What is stored by columns of features × cells is by rows of cells × features.
        parts = tuple(group[name][:] for name in ("data", "indices", "indptr"))
        values = sparse.csr_matrix(parts, shape=(n_cells, n_features))
        values.check_format(full_check=True)
        barcodes = pd.Index(_read_text(group["barcodes"]), dtype=object)
        if "features" in group:
            keys = ("id", "name", "feature_type")
            columns = [_read_text(group["features"][key]) for key in keys]
        else:
            columns = [_read_text(group[key]) for key in ("genes", "gene_names")]
    return _check(values, barcodes, _as_features(*columns))


def _read_text(dataset):
    return [n.decode() if isinstance(n, bytes) else str(n) for n in dataset[:]]


def _find_group(h5):
    """Return the group of the counts, of either version."""
    if "matrix" in h5:
        return h5["matrix"]
    groups = [name for name, item in h5.items() if "barcodes" in _list_keys(item)]
    if len(groups) == 1:
        return h5[groups[0]]
    if groups:
        raise UnfitError(
            f"has the counts of several genomes, {quote_values(groups)}. Write one "
            "file for each."
        )
    is_anndata = {"obs", "var"} <= {*h5}
    cure = "Call it .h5ad" if is_anndata else "Write the table as csv, parquet or h5ad"
    raise UnfitError(
        f"has no counts of 10x: it holds {quote_values(sorted(h5), 9) or 'nothing'}. "
        f"{cure}."
    )


def _list_keys(item):
    """Return the names in a group; a data set has none."""
    return item.keys() if hasattr(item, "keys") else ()
