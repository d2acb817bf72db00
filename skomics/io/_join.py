"""Put tables side by side, with the same samples in the same order."""

from importlib.util import find_spec

import pandas as pd

from skomics._blocks import Block
from skomics._rows import (
    compare_rows,
    describe_near_ids,
    describe_unmatched,
    in_brackets,
    join_rows,
    quote_values,
)
from skomics._warnings import warn
from skomics.exceptions import SampleAlignmentError
from skomics.io._corners import outcomes_among
from skomics.io._packing import pack_blocks
from skomics.io._tables import SparseTable

__all__ = ["as_public", "join_tables", "match_samples", "warn_of_outcomes"]


def warn_of_outcomes(features, *, may_choose):
    """Warn of columns that describe samples, from which classes are easily predicted.

    Parameters
    ----------
    features : dict of str to Index
        The names of the features of each table; "" is the only one.

    may_choose : bool
        Whether tables were read for want of a choice, which `omics` makes. They may
        then be clinical data, too.

    Warns
    -----
    UserWarning
        For each table with such columns.
    """
    for name, names in features.items():
        outcomes = outcomes_among(names, with_clinical=may_choose)
        if not outcomes:
            continue
        advice = "Leave them out: X.drop(columns=...)."
        if may_choose:
            others = [other for other in features if other != name]
            advice = f"Leave it out, omics={others}, or name it there, too, to keep it."
        what = f"Table {name!r}" if name else "The table"
        warn(
            f"{what} is read as a modality, but has {quote_values(outcomes)}, which "
            "describes samples, not molecules. Where classes follow from that, every "
            f"score is too good. {advice}"
        )


def match_samples(tables, join, labeled=None):
    """Choose the samples, and bring the rows of every table into their order.

    Parameters
    ----------
    tables : dict of DataFrame or SparseTable
        The tables.

    join : {"outer", "inner", "exact"}
        Which samples to keep; with labels, "outer" keeps those that have one.

    labeled : Index or None, default=None
        Samples with a label, which give the order.

    Returns
    -------
    tables : dict of DataFrame or SparseTable of shape (n_samples, n_features)
        The tables with equal rows.

    samples : Index of shape (n_samples,)
        The samples.
    """
    ids = {omics: table.index for omics, table in tables.items()}
    first, *others = ids.values()
    if labeled is not None:
        first, others = labeled, [*ids.values()]
    if join == "exact":
        samples = first
    elif join == "inner" or labeled is None:
        samples = join_rows([first, *others], join)
    else:
        samples = labeled
    for omics, index in ids.items():
        is_alien = not index.isin(samples).all() and join != "inner"
        if is_alien or (join == "exact" and len(index) < len(samples)):
            _raise_other_samples(omics, index, samples, labeled is not None)
    given = ids if labeled is None else {"labels": labeled, **ids}
    unmatched = describe_unmatched(given) if join == "inner" else ""
    if samples.empty:
        counts = ", ".join(
            f"{omics!r} has {quote_values(i)}" for omics, i in ids.items()
        )
        raise SampleAlignmentError(
            f"No sample is in every table: {counts}. Give tables of the same samples; "
            "to match TCGA barcodes by patient, use skomics.align_samples. " + unmatched
        )
    if join == "inner" and unmatched:
        warn(f"join='inner' drops samples: {unmatched}")
    samples = samples.rename("sample")
    matched = {}
    for omics, table in tables.items():
        matched[omics] = _take_rows(omics, table, samples)
    return matched, samples


def _raise_other_samples(omics, index, samples, is_labels):
    lacking, extra = compare_rows(index, samples)
    other = "the labels" if is_labels else "the first table"
    counts = "has" if not is_labels else "have"
    raise SampleAlignmentError(
        f"Table {omics!r} has {len(index)} samples and {other} {counts} "
        f"{len(samples)}: {len(lacking)} samples are not in the table"
        f"{in_brackets(lacking)} and {len(extra)} samples of the table are not in "
        f"{other}{in_brackets(extra)}. Keep the same samples in every file, pass "
        "join='inner' to keep those that are in all, or match the tables with "
        "skomics.align_samples." + describe_near_ids(lacking, extra)
    )


def _take_rows(omics, table, samples):
    lacking, _ = compare_rows(table.index, samples)
    if lacking.empty:
        return table.reindex(samples)
    if isinstance(table, SparseTable):
        raise SampleAlignmentError(
            f"Sparse table {omics!r} lacks {len(lacking)} of {len(samples)} samples"
            f"{in_brackets(lacking)} and cannot hold rows of NaN. Pass join='inner'."
            + describe_near_ids(lacking, table.index)
        )
    warn(
        f"Table {omics!r} lacks {len(lacking)} of {len(samples)} samples"
        f"{in_brackets(lacking)}; their values are NaN. Pass join='inner' to keep "
        "the samples of all tables, or join='exact' to refuse such tables."
        + describe_near_ids(lacking, table.index),
    )
    return table.reindex(samples)


def join_tables(tables, ids):
    """Put tables of equal rows side by side.

    Parameters
    ----------
    tables : dict of DataFrame or SparseTable of shape (n_samples, n_features)
        The tables.

    ids : Index of shape (n_samples,)
        The samples.

    Returns
    -------
    X : DataFrame, AnnData or dict of shape (n_samples, n_features)
        A DataFrame with column levels (omics, feature); where a table is sparse, an
        AnnData, or, without anndata, a dict.
    """
    if not any(isinstance(table, SparseTable) for table in tables.values()):
        return pd.concat(tables, axis=1, names=["omics", "feature"])
    if find_spec("anndata") is None:
        # Bare matrices: OmicsConcatenator reads them, but names are lost.
        return {
            omics: table.matrix if isinstance(table, SparseTable) else table
            for omics, table in tables.items()
        }
    blocks = {
        omics: Block(table.matrix, table.columns)
        if isinstance(table, SparseTable)
        else Block(table.to_numpy(), table.columns)
        for omics, table in tables.items()
    }
    X = pack_blocks(blocks, ids)
    if any(_list_symbols(table) for table in tables.values()):
        X.var["symbol"] = [
            symbol
            for table in tables.values()
            for symbol in _list_symbols(table) or table.columns
        ]
    return X


def _list_symbols(table):
    """Return the symbols of features that are called by ids; none elsewhere."""
    symbols = getattr(table, "symbols", None)
    return [symbols[name] for name in table.columns] if symbols else []


def as_public(table):
    """Turn a single table into what users get.

    Parameters
    ----------
    table : DataFrame or SparseTable of shape (n_samples, n_features)
        The table.

    Returns
    -------
    X : DataFrame or AnnData of shape (n_samples, n_features)
        A sparse table as AnnData, with ``var["symbol"]`` where features are called by
        ids that have symbols, or, without anndata, a DataFrame of sparse columns.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if find_spec("anndata") is None:
        return pd.DataFrame.sparse.from_spmatrix(
            table.matrix, index=table.index, columns=table.columns
        )
    import anndata

    var = {"symbol": _list_symbols(table)} if table.symbols else None
    return anndata.AnnData(
        table.matrix,
        obs=pd.DataFrame(index=table.index),
        var=pd.DataFrame(var, index=table.columns),
    )
