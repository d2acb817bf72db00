"""To MuData and back, sparse modalities and files that stay on disk included."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import Block, check_shared_axis, read_blocks
from skomics._compat import unpulled
from skomics._layout import SEPARATOR
from skomics._optional import import_optional
from skomics._rows import check_same_samples, check_unique, place_rows, quote_values
from skomics._stream import PlacedRows
from skomics.exceptions import SampleAlignmentError
from skomics.io._packing import (
    is_sparse,
    name_blocks,
    pack_blocks,
    stack_dense,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData
    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike

__all__ = ["from_mudata", "to_mudata"]


def to_mudata(X: OmicsLike, y: ArrayLike | None = None) -> MuData:
    """Turn omics into a MuData, with one modality per modality.

    Parameters
    ----------
    X : DataFrame, dict of tables, AnnData or MuData
        Omics of the same samples, as :class:`~skomics.OmicsConcatenator` takes them.

    y : array-like of shape (n_samples,), default=None
        Labels, to go into ``obs`` under their own name, or "label".

    Returns
    -------
    mdata : MuData
        Modalities in the order of the modalities, sparse where they were and with their
        dtype. A sample whose values of a modality are all missing is left out of that
        modality, unless it lacks every modality.

    Raises
    ------
    ValueError
        If there is not one label per sample.

    SampleAlignmentError
        If `y` has the ids of `X` in another order, or other ones.

    ImportError
        If mudata is missing; it comes with ``skomics[mudata]``.

    See Also
    --------
    from_mudata : The way back.

    Notes
    -----
    Names of samples become text. Dense values are shared with `X` where they can
    be, not copied.

    Examples
    --------
    >>> from skomics.datasets import make_intersim
    >>> from skomics.io import from_mudata, to_mudata
    >>> X, y = make_intersim(20, 2, random_state=0)
    >>> mdata = to_mudata(X, y)
    >>> {name: table.shape for name, table in mdata.mod.items()}
    {'methylation': (20, 367), 'expression': (20, 131), 'protein': (20, 160)}
    >>> X_again, y_again = from_mudata(mdata, label="subtype")
    >>> X_again.equals(X), y_again.equals(y)
    (True, True)
    """
    import_optional("mudata", extra="mudata")
    blocks, rows = name_blocks(X)
    check_same_samples(rows, y, "y")
    rows = rows.astype(str)
    if y is not None and len(y) != len(rows):
        raise ValueError(
            f"y has {len(y)} labels but X has {len(rows)} samples. Give one label per "
            "sample, in the same order."
        )
    present = {name: _is_present(block.data) for name, block in blocks.items()}
    lacks_all = ~np.any(list(present.values()), axis=0)
    tables = {
        name: _annotate(block, rows, present[name] | lacks_all)
        for name, block in blocks.items()
    }
    mdata = _make_mudata(tables, rows)
    if y is not None:
        mdata.obs[getattr(y, "name", None) or "label"] = np.asarray(y)
    return mdata


def from_mudata(
    mdata: MuData | AnnData, *, label: str | None = None
) -> tuple[pd.DataFrame | AnnData, pd.Series | None]:
    """Turn a MuData or an AnnData into the table that skomics works on.

    Parameters
    ----------
    mdata : MuData or AnnData
        In memory, or opened with ``backed=True``: then a file is read some rows at
        a time, so that no more than the result is ever in memory.

    label : str, default=None
        The column of ``obs`` that holds the labels.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features) or AnnData
        Two column levels (omics, feature), the samples in the order of
        ``mdata.obs_names``; rows of NaN where a modality lacks a sample. Where a
        modality is sparse, an AnnData with csr `X`, names ``omics__feature`` and
        ``var["omics"]``. A dense AnnData that names no modalities has one column level.

    y : Series of shape (n_samples,) or None
        The labels; None if `label` is None.

    Raises
    ------
    TypeError
        If `mdata` is neither.

    ValueError
        If there is no such label, a modality has no matrix, or the MuData joins
        samples, not modalities (``axis=1``).

    SampleAlignmentError
        If a modality lacks samples while one is sparse, or repeats them.

    ImportError
        If anndata is missing.

    See Also
    --------
    to_mudata : The way there, with an example.

    Notes
    -----
    Only the matrices `X` and the labels are taken, no layers or further
    annotations. Dense modalities of unequal dtype, and sparse ones in another order
    than the container, are copied once more on the way.

    Examples
    --------
    >>> from skomics.datasets import make_intersim
    >>> from skomics.io import from_mudata, to_mudata
    >>> X, y = make_intersim(n_samples=30, n_clusters=3, random_state=0)
    >>> table, labels = from_mudata(to_mudata(X, y), label="subtype")
    >>> table.shape, bool((labels == y).all())
    ((30, 658), True)
    """
    anndata = import_optional("anndata", extra="mudata")
    if isinstance(mdata, anndata.AnnData):
        X = _read_anndata(mdata)
    elif hasattr(mdata, "mod"):
        check_shared_axis(mdata)
        blocks = {name: _read_modality(name, mdata) for name in mdata.mod}
        _check_sparse(blocks, mdata)
        X = pack_blocks(blocks, mdata.obs_names)
    else:
        raise TypeError(
            f"Got a {type(mdata).__name__}, but a MuData or an AnnData is wanted. Open "
            "files with mudata.read_h5mu or anndata.read_h5ad first."
        )
    return X, None if label is None else _read_labels(mdata, label)


def _is_present(data):
    """Tell of each row whether it has a value."""
    if sparse.issparse(data) or data.dtype.kind not in "fc":
        return np.ones(data.shape[0], dtype=bool)
    return ~np.isnan(data).all(axis=1)


def _annotate(block, rows, is_there):
    anndata = import_optional("anndata", extra="mudata")
    data = block.data if is_there.all() else block.data[is_there]
    obs = pd.DataFrame(index=rows[is_there])
    return anndata.AnnData(data, obs=obs, var=pd.DataFrame(index=block.features))


def _make_mudata(tables, rows):
    mudata = import_optional("mudata", extra="mudata")
    with unpulled(mudata), warnings.catch_warnings():
        # A gene may well be measured by two modalities.
        warnings.filterwarnings("ignore", "var_names are not unique", UserWarning)
        warnings.filterwarnings("ignore", "Cannot join columns", UserWarning)
        mdata = mudata.MuData(tables)
        # Samples that the first modality lacks come last in a new MuData.
        is_ordered = mdata.obs_names.equals(rows)
        mdata = mdata if is_ordered else mdata[rows].copy()
        mdata.obs_names.name = rows.name
    return mdata


def _read_modality(name, mdata):
    """Return a modality as block, dense rows in the order of the container."""
    table = mdata.mod[name]
    if table.X is None:
        raise ValueError(
            f"Modality {name!r} has no matrix: its X is None. Set it, for instance "
            "from one of its layers."
        )
    check_unique(f"Modality {name!r}", table.obs_names, "Make them unique first.")
    if table.obs_names.equals(mdata.obs_names):
        return Block(table.X, table.var_names)
    positions = place_rows(table.obs_names, mdata.obs_names)
    if not is_sparse(table.X):
        return Block(PlacedRows(table.X, positions), table.var_names)
    X = table.X if sparse.issparse(table.X) else table.X.to_memory()
    return Block(X.tocsr()[positions[positions >= 0]], table.var_names)


def _check_sparse(blocks, mdata):
    """Refuse missing samples beside sparse modalities: a csr has no missing rows."""
    names = [name for name, block in blocks.items() if is_sparse(block.data)]
    lacking = {
        name: mdata.n_obs - table.n_obs
        for name, table in mdata.mod.items()
        if table.n_obs < mdata.n_obs
    }
    if names and lacking:
        raise SampleAlignmentError(
            f"Modality {quote_values(lacking)} lacks {quote_values(lacking.values())} "
            f"of {mdata.n_obs} samples while {quote_values(names)} is sparse, where "
            "nothing can be missing. Keep the samples that all have, with "
            "mudata.pp.intersect_obs, or make the modalities dense."
        )


def _read_anndata(table):
    """Return an AnnData in memory, or its dense matrix as a DataFrame."""
    anndata = import_optional("anndata", extra="mudata")
    if table.X is None:
        raise ValueError(
            "The AnnData has no matrix: its X is None. Set it, for instance from one "
            "of its layers."
        )
    if is_sparse(table.X):
        X = table.X if sparse.issparse(table.X) else table.X.to_memory()
        var = table.var[table.var.columns.intersection(["omics", "feature_types"])]
        obs = pd.DataFrame(index=table.obs_names)
        return anndata.AnnData(X.tocsr(), obs=obs, var=var)
    values = stack_dense([table.X])
    named = anndata.AnnData(
        values, obs=pd.DataFrame(index=table.obs_names), var=table.var
    )
    read = read_blocks(named)
    columns = pd.Index(read.feature_names)
    if read.layout.is_named:
        pairs = [name.split(SEPARATOR, 1) for name in columns]
        columns = pd.MultiIndex.from_tuples(pairs, names=["omics", "feature"])
    return pd.DataFrame(values, table.obs_names, columns, copy=False)


def _read_labels(mdata, label):
    if label not in mdata.obs:
        columns = quote_values(mdata.obs.columns, 9) or "none"
        raise ValueError(
            f"obs has no column {label!r}; its columns are: {columns}. Name the one "
            "that holds the labels."
        )
    y = mdata.obs[label].rename(label)
    is_categorical = isinstance(y.dtype, pd.CategoricalDtype)
    # Files hold text as categories.
    return y.astype(y.cat.categories.dtype) if is_categorical else y.copy()
