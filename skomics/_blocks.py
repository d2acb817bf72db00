"""Blocks: the named groups of columns that modality travel in.

Every form in which several modalities can be handed over is read here, and nowhere
else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._layout import (
    SEPARATOR,
    UNNAMED,
    BlockLayout,
    as_names,
    check_omics_names,
    check_unique_features,
    label_columns,
    layout_from_labels,
    marked_labels,
    parse_flat_names,
    read_layout,
)
from skomics._named_sparse import NamedSparse, drop_names
from skomics._optional import is_instance_of
from skomics._rows import (
    check_unique,
    compare_rows,
    describe_near_ids,
    in_brackets,
    looks_like_rows,
    place_rows,
    quote_values,
)
from skomics._validation import check_has_values
from skomics.exceptions import SampleAlignmentError

__all__ = [
    "Block",
    "OmicsBlocks",
    "check_shared_axis",
    "classifier_table",
    "is_anndata",
    "is_matrix",
    "is_mudata",
    "matrix_of",
    "read_blocks",
    "stack_matrices",
    "take_rows",
    "to_pandas",
]


@dataclass(frozen=True)
class Block:
    """One modality: a two-dimensional table with what is known about its axes.

    Parameters
    ----------
    data : DataFrame, ndarray or scipy sparse in csr format
        Samples in rows. The columns of a DataFrame are `features`.

    features : Index of str, or None
        Feature names without the name of the modality.

    rows : Index, or None
        Labels of the samples.
    """

    data: object
    features: pd.Index | None = None
    rows: pd.Index | None = None

    def take_rows(self, positions):
        """Return the block with its rows in the order of the positions."""
        is_frame = isinstance(self.data, pd.DataFrame)
        data = self.data.iloc[positions] if is_frame else self.data[positions]
        return replace(self, data=data, rows=self.rows[positions])

    def take_columns(self, positions):
        """Return the block with its columns in the order of the positions."""
        is_frame = isinstance(self.data, pd.DataFrame)
        data = self.data.iloc[:, positions] if is_frame else self.data[:, positions]
        return replace(self, data=data, features=self.features[positions])


@dataclass(frozen=True)
class OmicsBlocks:
    """What was read from an input: its blocks and what they have in common.

    Parameters
    ----------
    blocks : dict of str to Block
        The omics in the order found, with equal rows.

    layout : BlockLayout
        Where the blocks' columns are in the input, or would be if the blocks
        stood side by side.

    rows : Index, or None
        Labels of the samples.

    feature_names : ndarray of str, or None
        Names of all columns in the input's order: `omics__feature`, or the
        input's own names where `omics=` said to which modalities they belong.

    is_annotated : bool
        Whether the input was a MuData or an AnnData.

    is_split_by_parameter : bool
        Whether `omics=`, not the input, said which columns form a block.
    """

    blocks: dict
    layout: BlockLayout
    rows: pd.Index | None = None
    feature_names: np.ndarray | None = None
    is_annotated: bool = False
    is_split_by_parameter: bool = False


def is_anndata(X):
    """Tell whether X is an AnnData, by its class: a table may have a column "X"."""
    return is_instance_of(X, "anndata", "AnnData")


def matrix_of(table):
    """Return the matrix of an AnnData, any other table unchanged."""
    return table.X if is_anndata(table) else table


def is_mudata(X):
    """Tell whether X is a MuData."""
    return is_instance_of(X, "mudata", "MuData")


def to_pandas(X):
    """Return a polars DataFrame as a pandas one, anything else unchanged."""
    check_has_values(X)
    if not is_instance_of(X, "polars", "DataFrame"):
        return X
    return pd.DataFrame(X.to_numpy(), columns=X.columns, copy=False)


def _is_table(X):
    """Tell whether X may be one table of a list."""
    is_known = isinstance(X, pd.DataFrame) or sparse.issparse(X) or is_anndata(X)
    is_array = isinstance(X, np.ndarray) and X.ndim == 2
    is_polars = is_instance_of(X, "polars", "DataFrame", "LazyFrame")
    return is_known or is_array or is_polars


def _is_dict(X):
    """Tell whether X is a dict of tables, which a dok matrix of scipy is not."""
    return isinstance(X, Mapping) and not sparse.issparse(X)


def _is_list_of_tables(X):
    """Tell whether X is a list of tables; one of lists is an array to scikit-learn."""
    return isinstance(X, list | tuple) and len(X) > 0 and all(map(_is_table, X))


def _is_named_sparse(X):
    """Tell whether X is a sparse matrix that still has its names."""
    return isinstance(X, NamedSparse) and X.feature_names is not None


def is_matrix(X):
    """Tell whether X is a bare matrix, which has no names on either axis.

    Parameters
    ----------
    X : object
        What a user gave as input.

    Returns
    -------
    is_matrix : bool
        False for tables, collections of tables, AnnData and MuData; True for
        the rest, which is for scikit-learn's checks to judge.
    """
    return not (
        isinstance(X, pd.DataFrame)
        or _is_dict(X)
        or _is_list_of_tables(X)
        or is_anndata(X)
        or is_mudata(X)
        or _is_named_sparse(X)
        or is_instance_of(X, "polars", "DataFrame")
    )


def read_blocks(X, omics=None):
    """Read the omics blocks of any input form.

    Rows are matched by label wherever labels exist: tables with the same ids in
    another order are put into the first table's order. An array has no labels and
    is matched by position. The index 0, 1, 2, ... counts as no label only if
    every table has it.

    Parameters
    ----------
    X : DataFrame, MuData, AnnData, dict or list of tables, ndarray or sparse
        The input. The tables of a list are called `omics_0`, `omics_1`, and so on.

    omics : sequence or dict, default=None
        As in :func:`read_layout`, for a table that does not name its modalities. For
        others it is ignored here if it is a sequence of str.

    Returns
    -------
    blocks : OmicsBlocks
        The blocks, with equal rows.

    Raises
    ------
    SampleAlignmentError
        If the rows of two tables cannot be matched.

    ValueError
        If names are duplicated, or `omics` and the table disagree.
    """
    X = to_pandas(X)
    if is_mudata(X):
        return _read_mudata(X)
    if is_anndata(X):
        return _read_anndata(X, omics)
    if _is_dict(X):
        return _read_tables(X)
    if _is_list_of_tables(X):
        return _read_tables({f"{UNNAMED}_{i}": table for i, table in enumerate(X)})
    if isinstance(X, pd.DataFrame):
        return _read_frame(X, omics)
    if _is_named_sparse(X) and _may_name_omics(omics):
        return _read_named_sparse(X)
    X = drop_names(X) if isinstance(X, NamedSparse) else X
    layout = read_layout(X.shape[1], omics)
    blocks = {name: Block(X[:, columns]) for name, columns in layout.items()}
    return OmicsBlocks(blocks, layout, is_split_by_parameter=omics is not None)


def _split_frame(X, layout, features):
    """Cut a DataFrame into blocks whose columns bear plain feature names."""
    blocks = {}
    for name, columns in layout.items():
        data = X.iloc[:, columns]
        data.columns = features[columns]
        check_unique_features(name, data.columns)
        blocks[name] = Block(data, data.columns, X.index)
    return blocks


def _read_frame(X, omics):
    """Read a DataFrame with one or two column levels."""
    if X.columns.nlevels > 2:
        raise ValueError(
            f"X has {X.columns.nlevels} column levels. A DataFrame must have two "
            "(omics, feature) or one; drop the other levels, for instance with "
            "`X.droplevel`."
        )
    if X.columns.nlevels == 2:
        layout = layout_from_labels(X.columns.get_level_values(0), X.shape[1])
        features = as_names(X.columns.get_level_values(1))
        return _read_named_frame(X, layout, features)
    names = as_names(X.columns)
    if _may_name_omics(omics):
        parsed = parse_flat_names(
            names, strict=omics is None or len(omics) != len(names)
        )
        if parsed is not None:
            layout = layout_from_labels(parsed[0], len(names))
            return _read_named_frame(X, layout, parsed[1])
    layout = read_layout(X.shape[1] if omics is None else names, omics)
    blocks = _split_frame(X, layout, names)
    return OmicsBlocks(
        blocks,
        layout,
        rows=X.index,
        feature_names=names.to_numpy(dtype=object),
        is_split_by_parameter=omics is not None,
    )


def _read_named_sparse(X):
    """Read a sparse matrix that OmicsConcatenator has given names."""
    layout = layout_from_labels(X.omics, X.shape[1])
    blocks = {}
    for name, columns in layout.items():
        prefix = f"{name}{SEPARATOR}"
        names = [feature.removeprefix(prefix) for feature in X.feature_names[columns]]
        blocks[name] = Block(X[:, columns], pd.Index(names, dtype=object))
    return OmicsBlocks(blocks, layout, feature_names=X.feature_names)


def _may_name_omics(omics):
    """Tell whether `omics=` leaves it to the column names to say what is a block."""
    if omics is None:
        return True
    return not isinstance(omics, Mapping) and all(isinstance(o, str) for o in omics)


def _read_named_frame(X, layout, features):
    """Read a DataFrame whose columns name their modalities."""
    blocks = _split_frame(X, layout, features)
    return OmicsBlocks(blocks, layout, X.index, _flat_names(layout, blocks))


def _flat_names(layout, blocks):
    """Return ``omics__feature`` for all columns; None if a block has no names."""
    if any(block.features is None for block in blocks.values()):
        return None
    if not layout.is_named:
        return blocks[UNNAMED].features.to_numpy(dtype=object)
    names = np.empty(layout.n_features, dtype=object)
    for name, columns in layout.items():
        prefix = name + SEPARATOR
        names[columns] = [prefix + feature for feature in blocks[name].features]
    return names


def _side_by_side(blocks, rows, is_annotated=False):
    """Return blocks as if they stood side by side in one table."""
    names = tuple(blocks)
    check_omics_names(names)
    ends = np.cumsum([block.data.shape[1] for block in blocks.values()])
    columns = np.split(np.arange(ends[-1]), ends[:-1])
    layout = BlockLayout(names, tuple(columns))
    names = _flat_names(layout, blocks)
    return OmicsBlocks(blocks, layout, rows, names, is_annotated)


def _read_table(name, table):
    """Read one table of a collection as one block."""
    table = to_pandas(table)
    if is_anndata(table):
        return _read_annotated_block(name, table)
    if isinstance(table, pd.DataFrame):
        if table.columns.nlevels > 1:
            raise ValueError(
                f"Block '{name}' has {table.columns.nlevels} column levels. A table "
                "of a dict or list is one modality and has one; drop the others."
            )
        features = as_names(table.columns)
        check_unique_features(name, features)
        if features is not table.columns:
            table = table.copy(deep=False)
            table.columns = features
        return Block(table, features, table.index)
    data = table.tocsr() if sparse.issparse(table) else np.asarray(table)
    if data.ndim != 2:
        raise ValueError(
            f"Block '{name}' has {data.ndim} dimensions, shape {data.shape}. A block "
            "is a table of samples in rows and features in columns; reshape it."
        )
    return Block(data)


def _read_tables(tables):
    """Read a dict of tables, rows matched by label."""
    if not tables:
        raise ValueError("Got a dict without tables. Give at least one modality.")
    blocks = {str(name): _read_table(name, table) for name, table in tables.items()}
    if len(blocks) < len(tables):
        check_omics_names([str(name) for name in tables])
    return _side_by_side(*_match_rows(blocks))


def _read_annotated_block(name, X):
    """Read an AnnData as one block: a DataFrame, or csr if it is sparse."""
    if X.X is None:
        raise ValueError(
            f"Block '{name}' is an AnnData without a matrix: its X is None. Set it, "
            "for instance from one of its layers."
        )
    features = as_names(X.var_names)
    check_unique_features(name, features)
    # A sparse matrix of a file is of a class of its own.
    matrix = X.X.to_memory() if hasattr(X.X, "to_memory") else X.X
    if sparse.issparse(matrix):
        return Block(matrix.tocsr(), features, X.obs_names)
    data = pd.DataFrame(np.asarray(matrix), X.obs_names, features, copy=False)
    return Block(data, features, X.obs_names)


def _label_column(X):
    """Return the column of `var` that says of which modality each variable is."""
    # CellRanger's matrices tell genes, antibodies and peaks by the latter.
    return next((c for c in ("omics", "feature_types") if c in X.var), None)


def _annotated_labels(X, strict=True):
    """Return omics and feature of each variable, or None if no modality is named."""
    names, column = as_names(X.var_names), _label_column(X)
    if column is None:
        return parse_flat_names(names, strict)
    labels = X.var[column].astype(object).to_numpy()
    prefixes = [f"{label}{SEPARATOR}" for label in labels]
    features = list(map(str.removeprefix, names, prefixes))
    return labels, pd.Index(features, dtype=names.dtype)


def _read_anndata(X, omics=None):
    """Read an AnnData, whose variables may name their modalities."""
    whole, parsed = _read_annotated_block(UNNAMED, X), None
    if _label_column(X) is not None or _may_name_omics(omics):
        strict = omics is None or len(omics) != X.n_vars
        parsed = _annotated_labels(X, strict)
    names, is_split = whole.features, parsed is None and omics is not None
    if parsed is not None:
        layout, names = layout_from_labels(parsed[0], X.n_vars), parsed[1]
    else:
        layout = read_layout(names if is_split else X.n_vars, omics)
    blocks = _split_block(whole, layout, names)
    names = names.to_numpy(dtype=object) if is_split else _flat_names(layout, blocks)
    return OmicsBlocks(blocks, layout, X.obs_names, names, True, is_split)


def _split_block(whole, layout, features):
    """Cut an AnnData that was read as one block into several."""
    if isinstance(whole.data, pd.DataFrame):
        return _split_frame(whole.data, layout, features)
    for name, columns in layout.items():
        check_unique_features(name, features[columns])
    return {
        name: Block(whole.data[:, columns], features[columns], whole.rows)
        for name, columns in layout.items()
    }


def check_shared_axis(X):
    """Refuse a MuData whose tables have the features in common, not the samples.

    Parameters
    ----------
    X : MuData
        The container.

    Raises
    ------
    ValueError
        If its axis is 1.
    """
    if getattr(X, "axis", 0) == 1:
        sizes = ", ".join(f"{n!r} ({t.n_obs})" for n, t in X.mod.items())
        raise ValueError(
            f"The MuData has axis=1: its {len(X.mod)} tables, {sizes} samples, are of "
            "other samples with the same features, so they are cohorts, not "
            "modalities. Put them below each other, with "
            "anndata.concat(mdata.mod, label='cohort'), or make a MuData with axis=0."
        )


def _read_mudata(X):
    """Read a MuData, one block per modality."""
    check_shared_axis(X)
    blocks = {name: _read_annotated_block(name, table) for name, table in X.mod.items()}
    if any(not block.rows.equals(X.obs_names) for block in blocks.values()):
        _check_unique_ids(blocks)
    # The rows scikit-learn counts and slices are those of the container, so its
    # order of the samples holds, not that of the first modality.
    matched = {
        name: _reorder_rows(name, block, "MuData", X.obs_names)
        for name, block in blocks.items()
    }
    return _side_by_side(matched, X.obs_names, is_annotated=True)


def _has_default_index(block):
    """Tell whether rows bear no labels but their own numbers."""
    rows = block.rows
    is_range = isinstance(rows, pd.RangeIndex)
    return rows is None or (is_range and rows.equals(pd.RangeIndex(len(rows))))


def _match_rows(blocks):
    """Put the rows of all blocks into the order of the first labeled one."""
    if all(map(_has_default_index, blocks.values())):
        _check_counts(blocks)
        return blocks, None
    labeled = {name: b for name, b in blocks.items() if b.rows is not None}
    first = next(iter(labeled))
    reference = labeled[first].rows
    if len(labeled) > 1:
        _check_transposed(labeled, reference)
        _check_unique_ids(labeled)
    matched = {
        name: _reorder_rows(name, block, first, reference)
        for name, block in blocks.items()
    }
    _check_counts(matched)
    return matched, reference


def _reorder_rows(name, block, first, reference):
    """Return a block with its rows in the order of a reference."""
    if block.rows is None or block.rows.equals(reference):
        return block
    _check_same_ids(first, reference, name, block)
    return block.take_rows(place_rows(block.rows, reference))


def _check_counts(blocks):
    """Raise unless all blocks have as many rows as the first."""
    (first, reference), *others = blocks.items()
    n_samples = reference.data.shape[0]
    for name, block in others:
        n_rows, n_columns = block.data.shape
        if n_rows == n_samples:
            continue
        hint = ""
        if n_columns == n_samples:
            hint = f" It has {n_columns} columns: if it is transposed, use its `.T`."
        raise SampleAlignmentError(
            f"Block '{name}' has {n_rows} samples but block '{first}' has "
            f"{n_samples}. All blocks need the same samples in the same order; use "
            f"`align_samples` first.{hint}"
        )


def _check_unique_ids(blocks):
    """Raise if a block names two rows alike."""
    for name, block in blocks.items():
        check_unique(
            f"Block '{name}'",
            block.rows,
            "Rows are matched by id, so ids must be unique; use `align_samples`, which "
            "resolves duplicates.",
        )


def _check_same_ids(first, reference, name, block):
    """Raise unless a block has the samples of the reference."""
    rows = block.rows
    only_first, only_other = compare_rows(rows, reference)
    if len(only_first) == 0 and len(only_other) == 0:
        return
    n_shared = len(reference.intersection(rows))
    hint = ""
    if _has_default_index(block):
        hint = f" Block '{name}' has no row labels yet; set its index to the ids."
    raise SampleAlignmentError(
        f"Block '{name}' and block '{first}' hold different samples: {n_shared} ids "
        f"are in both, {len(only_first)} only in '{first}'"
        f"{in_brackets(only_first, 2)} and {len(only_other)} only in '{name}'"
        f"{in_brackets(only_other, 2)}. All blocks need the same samples; use "
        f"`align_samples` first (for a MuData: `mudata.pp.intersect_obs`).{hint}"
        + describe_near_ids(only_first, only_other)
    )


def _overlaps(features, rows):
    """Tell whether feature names look like sample ids; integers are no evidence."""
    if features is None or rows.inferred_type != "string":
        return False
    return looks_like_rows(features, rows)


def _check_transposed(blocks, reference):
    """Raise if ids differ because one table's rows are another's columns."""
    all_rows = [block.rows for block in blocks.values()]
    if not any(
        len(rows.symmetric_difference(reference, sort=False)) for rows in all_rows
    ):
        return
    suspects = {}
    for name, block in blocks.items():
        others = [n for n in blocks if n != name]
        seen_in = [n for n in others if _overlaps(block.features, blocks[n].rows)]
        if seen_in:
            suspects[name] = seen_in[0]
    if not suspects:
        return
    # Where two tables accuse each other, the taller one is taken for transposed:
    # omics have fewer samples than features.
    name = max(suspects, key=lambda n: blocks[n].data.shape[0])
    n_rows, n_columns = blocks[name].data.shape
    raise SampleAlignmentError(
        f"Block '{name}' ({n_rows} rows, {n_columns} columns) looks transposed: its "
        f"column labels, e.g. {quote_values(blocks[name].features)}, are row labels of "
        f"block '{suspects[name]}'. Samples belong in rows; use its `.T`."
    )


def stack_matrices(matrices):
    """Put matrices side by side: csr if one of them is sparse, else an ndarray.

    Parameters
    ----------
    matrices : list of ndarray or scipy sparse
        Matrices with equal numbers of rows. A single one is returned as it is.

    Returns
    -------
    stacked : ndarray, csr_array or csr_matrix
        Of the common dtype. It is a csr_array if one of the matrices is a sparse
        array, else a csr_matrix.
    """
    if len(matrices) == 1:
        return matrices[0].tocsr() if sparse.issparse(matrices[0]) else matrices[0]
    if any(map(sparse.issparse, matrices)):
        is_array = any(isinstance(m, sparse.sparray) for m in matrices)
        family = sparse.csr_array if is_array else sparse.csr_matrix
        return sparse.hstack([family(m) for m in matrices], format="csr")
    # numpy keeps the memory order of the matrices, which pandas makes columnwise;
    # asking for rows here would take eight times as long.
    return np.concatenate(matrices, axis=1)


def take_rows(X, positions):
    """Return some samples of an input, in its own form.

    Parameters
    ----------
    X : DataFrame, AnnData, MuData, dict of tables, array or sparse matrix
        The omics; the tables of a dict have the samples in one order.

    positions : ndarray of int
        Which samples.

    Returns
    -------
    X : same type
        The samples.
    """
    if isinstance(X, dict):
        return {name: take_rows(table, positions) for name, table in X.items()}
    return X.iloc[positions] if isinstance(X, pd.DataFrame) else X[positions]


def classifier_table(X, omics=None):
    """Turn what a classifier may be given into what scikit-learn validates.

    Parameters
    ----------
    X : object
        A two-level DataFrame gets flat names; an AnnData, a MuData or a sparse matrix
        with names is reduced to its matrix. Anything else is returned as it is.

    omics : sequence or dict, default=None
        What the user says of modalities; then names of variables are not read for it.

    Returns
    -------
    table : DataFrame, ndarray, csr or object
        The table without its names, unless a DataFrame carries them.

    feature_names : ndarray of str or None
        Names of the columns, if the table is not able to hold them.

    omics_labels : ndarray of str or None
        The omics of each column, if the table is not able to tell it.

    Raises
    ------
    TypeError
        If X is a dict or list of tables, or a table without values.
    """
    check_has_values(X)
    if _is_dict(X) or _is_list_of_tables(X):
        kind = "dict" if _is_dict(X) else "list"
        raise TypeError(
            f"Got a {kind} of {len(X)} tables. A classifier needs one table; put "
            "an `OmicsConcatenator` in front of it, as in "
            "`make_pipeline(OmicsConcatenator(), classifier)`."
        )
    if isinstance(X, pd.DataFrame) and X.columns.nlevels > 1:
        table, read = X.copy(deep=False), read_blocks(X)
        table.columns = read.feature_names
        return table, None, label_columns(read.layout)
    if is_anndata(X):
        return _annotated_table(X, omics)
    if is_mudata(X):
        read = read_blocks(X)
        matrices = [
            b.data if sparse.issparse(b.data) else b.data.to_numpy()
            for b in read.blocks.values()
        ]
        return stack_matrices(matrices), read.feature_names, label_columns(read.layout)
    if _is_named_sparse(X):
        return drop_names(X), X.feature_names, X.omics
    return X, None, marked_labels(X)


def _annotated_table(X, omics):
    """Return an AnnData's matrix, its names and its modalities."""
    block, parsed = _read_annotated_block(UNNAMED, X), None
    if omics is None or _label_column(X) is not None:
        parsed = _annotated_labels(X)
    labels = None if parsed is None else np.asarray(parsed[0], dtype=object)
    matrix = block.data if sparse.issparse(block.data) else block.data.to_numpy()
    return matrix, block.features.to_numpy(dtype=object), labels
