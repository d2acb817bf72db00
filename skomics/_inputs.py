"""Samples of any form of input, some of whose columns are shuffled or left out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import (
    OmicsBlocks,
    is_anndata,
    matrix_of,
    read_blocks,
    take_rows,
    to_pandas,
)
from skomics._layout import BlockLayout
from skomics._modality import modality_mask
from skomics._optional import import_optional

__all__ = ["OmicsInput", "as_table", "read_input"]


@dataclass(frozen=True)
class OmicsInput:
    """An input, in its own form, and where its modalities are.

    Parameters
    ----------
    table : DataFrame, AnnData, array, sparse matrix, or dict of these
        The input; a dict has the modalities, with equal rows.

    layout : BlockLayout
        Which columns, of the blocks side by side, are which modality's.

    features : dict of str to (Index or None)
        Names of the features of each modality.

    rows : Index or None
        Ids of the samples.
    """

    table: object
    layout: BlockLayout
    features: dict
    rows: pd.Index | None

    @property
    def n_samples(self):
        """Number of samples."""
        first = self.table
        if isinstance(first, dict):
            first = next(iter(first.values()))
        return first.shape[0]

    def take_rows(self, positions):
        """Return the table of some samples."""
        return take_rows(self.table, positions)

    def shuffled(self, group, order):
        """Return the table with the values of a group of features from other rows.

        Parameters
        ----------
        group : dict of str to ndarray of int
            Positions of the features within each modality.

        order : ndarray of int of shape (n_samples,)
            The row that each sample gets the values of.

        Returns
        -------
        table : DataFrame, AnnData, array, sparse matrix, or dict of these
            A copy, as far as it differs.
        """
        return self._with_columns(group, lambda t, c: _shuffle(t, c, order))

    def observed(self, name):
        """Return which samples have a modality.

        Parameters
        ----------
        name : str
            The modality.

        Returns
        -------
        mask : ndarray of shape (n_samples,), dtype bool
            False for a sample whose values are all NaN.
        """
        if isinstance(self.table, dict):
            return modality_mask(matrix_of(self.table[name]))
        table = matrix_of(self.table)
        columns = dict(zip(self.layout.names, self.layout.columns, strict=True))[name]
        is_frame = isinstance(table, pd.DataFrame)
        return modality_mask(table.iloc[:, columns] if is_frame else table[:, columns])

    def without(self, group):
        """Return the table without a group of features, or None if nothing is left.

        Parameters
        ----------
        group : dict of str to ndarray of int
            Positions of the features within each modality.

        Returns
        -------
        table : DataFrame, AnnData, array, sparse matrix, dict of these, or None
            The others; a modality without any is left out of a dict.
        """
        return self._with_columns(group, _drop)

    def _with_columns(self, group, change):
        places = dict(zip(self.layout.names, self.layout.columns, strict=True))
        if not isinstance(self.table, dict):
            columns = [places[name][chosen] for name, chosen in group.items()]
            return change(self.table, np.concatenate(columns))
        changed = {
            name: change(table, group[name]) if name in group else table
            for name, table in self.table.items()
        }
        return {n: t for n, t in changed.items() if t is not None} or None


def read_input(X, layout=None):
    """Read an input whose columns are to be shuffled or left out.

    Parameters
    ----------
    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        The omics of the samples.

    layout : BlockLayout, default=None
        Where the modalities are in a table that does not name them.

    Returns
    -------
    given : OmicsInput
        The input. A MuData, or a list, becomes a dict of its modalities.
    """
    X = to_pandas(X)
    read = read_blocks(X)
    features = {name: block.features for name, block in read.blocks.items()}
    is_table = isinstance(X, pd.DataFrame | np.ndarray) or sparse.issparse(X)
    if is_table or is_anndata(X):
        if not read.layout.is_named and layout is not None:
            whole = next(iter(features.values()))
            read = OmicsBlocks(read.blocks, layout, read.rows, read.feature_names)
            features = {
                name: None if whole is None else whole[columns]
                for name, columns in zip(layout.names, layout.columns, strict=True)
            }
        return OmicsInput(X, read.layout, features, read.rows)
    tables = {name: as_table(block, read.rows) for name, block in read.blocks.items()}
    return OmicsInput(tables, read.layout, features, read.rows)


def as_table(block, rows):
    """Return a block in a form that keeps its names.

    Parameters
    ----------
    block : Block
        One modality.

    rows : Index or None
        Ids of the samples.

    Returns
    -------
    table : DataFrame, AnnData or array
        An AnnData if the block is sparse; an array if features have no names.
    """
    if isinstance(block.data, pd.DataFrame) or block.features is None:
        return block.data
    anndata = import_optional("anndata", extra="mudata")
    names = pd.RangeIndex(block.data.shape[0]) if rows is None else rows
    obs = pd.DataFrame(index=names.astype(str))
    return anndata.AnnData(block.data, obs, pd.DataFrame(index=block.features))


def _shuffle(table, columns, order):
    if isinstance(table, pd.DataFrame):
        return _shuffle_frame(table, columns, order)
    if is_anndata(table):
        shuffled = table.copy()
        shuffled.X = _shuffle(table.X, columns, order)
        return shuffled
    if sparse.issparse(table):
        is_moved = np.zeros(table.shape[1])
        is_moved[columns] = 1
        stay, move = (sparse.diags_array(part) for part in (1 - is_moved, is_moved))
        return type(table)(table @ stay + table[order] @ move)
    shuffled = table.copy()
    shuffled[:, columns] = table[np.ix_(order, columns)]
    return shuffled


def _shuffle_frame(table, columns, order):
    if table.dtypes.nunique() == 1 and isinstance(table.dtypes.iloc[0], np.dtype):
        values = _shuffle(table.to_numpy(), columns, order)
        shuffled = pd.DataFrame(values, table.index, table.columns, copy=False)
        shuffled.attrs = table.attrs
        return shuffled
    shuffled = table.copy()
    for i in columns:
        shuffled.isetitem(i, table.iloc[order, i].array)
    return shuffled


def _drop(table, columns):
    kept = np.setdiff1d(np.arange(table.shape[1]), columns)
    if not len(kept):
        return None
    return table.iloc[:, kept] if isinstance(table, pd.DataFrame) else table[:, kept]
