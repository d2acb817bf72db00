"""Columns of a table of any kind, with their names."""

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import is_anndata, matrix_of
from skomics._named_sparse import NamedSparse, drop_names, name_columns

__all__ = ["as_matrix", "column_names", "take_columns"]


def as_matrix(table):
    """Return the values of a table.

    Parameters
    ----------
    table : DataFrame, AnnData, array or sparse matrix of shape (n_samples, n_features)
        The table.

    Returns
    -------
    matrix : {ndarray, csr} of shape (n_samples, n_features)
        Its values.
    """
    table = matrix_of(table)
    if not sparse.issparse(table):
        return np.asarray(table, dtype=np.float64)
    table = drop_names(table) if isinstance(table, NamedSparse) else table
    return table.tocsr()


def column_names(table):
    """Return the names of the columns, or their positions.

    Parameters
    ----------
    table : DataFrame, AnnData, array or sparse matrix of shape (n_samples, n_features)
        The table.

    Returns
    -------
    names : ndarray of shape (n_features,)
        Pairs of two column levels are tuples.
    """
    if isinstance(table, pd.DataFrame):
        return table.columns.to_numpy()
    if is_anndata(table):
        return table.var_names.to_numpy()
    names = getattr(table, "feature_names", None)
    return np.arange(table.shape[1]) if names is None else names


def take_columns(table, positions):
    """Return some columns of a table, with their names.

    Parameters
    ----------
    table : DataFrame, AnnData, array or sparse matrix of shape (n_samples, n_features)
        The table.

    positions : ndarray of int
        Which.

    Returns
    -------
    part : same type
        The columns.
    """
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, positions]
    if not isinstance(table, NamedSparse) or table.feature_names is None:
        return table[:, positions]
    names, omics = table.feature_names[positions], table.omics
    omics = None if omics is None else omics[positions]
    return name_columns(drop_names(table)[:, positions], names, omics)
