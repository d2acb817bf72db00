"""Blocks: the named groups of columns that modality travel in.

Every form in which several modalities can be handed over is read here, and nowhere
else. A flat feature name is ``omics__feature`` and is split at the first
separator.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._rows import (
    check_unique,
    compare_rows,
    describe_near_ids,
    in_brackets,
    looks_like_rows,
    place_rows,
    quote_values,
)
from skomics.exceptions import SampleAlignmentError

__all__ = [
    "SEPARATOR",
    "Block",
    "BlockLayout",
    "OmicsBlocks",
    "classifier_table",
    "is_matrix",
    "read_blocks",
    "read_layout",
    "stack_matrices",
    "to_pandas",
]

SEPARATOR = "__"
UNNAMED = "omics"


@dataclass(frozen=True, eq=False)
class BlockLayout:
    """Which columns of a table belong to which modalities.

    Parameters
    ----------
    names : tuple of str
        Names of the blocks, in order.

    columns : tuple of ndarray of int
        Positions of each block's columns, which need not be adjacent.

    is_named : bool, default=True
        False when the table is one block that nobody gave a name.
    """

    names: tuple
    columns: tuple
    is_named: bool = True

    @property
    def sizes(self):
        """Number of columns of each block."""
        return tuple(len(columns) for columns in self.columns)

    @property
    def n_features(self):
        """Number of columns of all blocks together."""
        return sum(self.sizes)

    def items(self):
        """Return pairs of a name and an indexer: a slice where columns adjoin."""
        return zip(self.names, map(_as_slice, self.columns), strict=True)

    def __eq__(self, other):
        if not isinstance(other, BlockLayout):
            return NotImplemented
        return (
            self.names == other.names
            and self.is_named == other.is_named
            and self.sizes == other.sizes
            and all(map(np.array_equal, self.columns, other.columns))
        )

    def __hash__(self):
        return hash((self.names, self.sizes, self.is_named))

    def __repr__(self):
        if not self.is_named:
            return f"BlockLayout(unnamed: {self.n_features})"
        pairs = zip(self.names, self.sizes, strict=True)
        return f"BlockLayout({', '.join(f'{name}: {size}' for name, size in pairs)})"


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


def _as_slice(positions):
    """Return a slice, which pandas and numpy take without copying, if possible."""
    if len(positions) and np.all(np.diff(positions) == 1):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def _as_names(labels):
    """Return labels as an Index of text."""
    labels = labels if isinstance(labels, pd.Index) else pd.Index(labels)
    return labels if labels.inferred_type == "string" else labels.map(str)


def _check_omics_names(names):
    """Raise for a name that a flat feature name could not be split at, or twice."""
    for name in names:
        # A trailing underscore would move the first separator of a flat name.
        if not name or SEPARATOR in name or name.endswith("_"):
            raise ValueError(
                f"Got the omics name {name!r}. A name must not be empty, contain "
                f"{SEPARATOR!r} or end with '_', because flat features are called "
                f"'omics{SEPARATOR}feature'. Rename the omics."
            )
    if len(set(names)) < len(names):
        raise ValueError(
            f"Got the omics names {quote_values(names, 6)}, which are not all "
            "different as text. Rename those that are equal."
        )


def read_layout(columns_or_n_features, omics=None, *, omics_labels=None):
    """Find out which columns of a table belong to which modalities.

    Parameters
    ----------
    columns_or_n_features : sequence of str, or int
        The names of the columns or, for a table without names, their number.

    omics : sequence or dict, default=None
        Where it is given, it counts and the names do not. One of

        - block sizes, a list or tuple of int; blocks are called `omics_0`,
          `omics_1`, and so on. A numpy array of int counts as sizes only if it
          is not as long as the table is wide;
        - one label per column, a sequence of str or an array of that length;
        - a dict of omics name to block size;
        - a dict of omics name to column names or column positions, in which each
          column must occur once.

        With None the names are split at the first `__`; a table none of whose
        names has it is one unnamed block.

    omics_labels : array-like of str, default=None
        One label per column from the table itself, used if `omics` is None.

    Returns
    -------
    layout : BlockLayout
        The blocks, in order of appearance.

    Raises
    ------
    ValueError
        If the description and the columns disagree.
    """
    if isinstance(columns_or_n_features, Integral):
        names, n_features = None, int(columns_or_n_features)
    else:
        names = _as_names(columns_or_n_features)
        n_features = len(names)
    if omics is not None:
        if isinstance(omics, Mapping):
            return _layout_from_mapping(omics, names, n_features)
        return _layout_from_sequence(omics, n_features)
    if omics_labels is not None:
        return _layout_from_labels(omics_labels, n_features)
    parsed = None if names is None else _parse_flat_names(names)
    if parsed is None:
        return BlockLayout((UNNAMED,), (np.arange(n_features),), is_named=False)
    return _layout_from_labels(parsed[0], n_features)


def _parse_flat_names(names, strict=True):
    """Split flat names into omics and features; None if they name no modalities."""
    parts = [name.partition(SEPARATOR) for name in names]
    nameless = [
        name
        for name, (omics, separator, _) in zip(names, parts, strict=True)
        if not (omics and separator)
    ]
    if len(nameless) == len(parts) or (nameless and not strict):
        return None
    if nameless:
        raise ValueError(
            f"{len(nameless)} of {len(parts)} column names do not name their "
            f"modalities, e.g. {quote_values(nameless)}. Either all names or none must "
            f"be 'omics{SEPARATOR}feature'. Rename the columns, or say with `omics=` "
            "which columns belong to which modalities."
        )
    return [part[0] for part in parts], pd.Index([part[2] for part in parts])


def _layout_from_labels(labels, n_features):
    """Return the layout of one modality label per column."""
    codes, uniques = pd.factorize(pd.Index(labels))
    if len(codes) != n_features:
        raise ValueError(
            f"Got {len(codes)} labels of modalities for {n_features} columns. One "
            "label per column is needed; to give block sizes, use integers or a dict "
            "of name to size."
        )
    if (codes < 0).any():
        raise ValueError(
            f"{(codes < 0).sum()} of {n_features} columns have a missing modality "
            "label. Every column needs one; label these columns or drop them."
        )
    names = tuple(str(name) for name in uniques)
    _check_omics_names(names)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]
    return BlockLayout(names, tuple(np.split(order, ends)))


def _layout_from_sizes(names, sizes, n_features):
    """Return the layout of adjacent blocks."""
    if sum(sizes) != n_features or min(sizes) < 1:
        raise ValueError(
            f"Got the block sizes {sizes}, which sum to {sum(sizes)}, for a table of "
            f"{n_features} features. Sizes must be at least 1 and sum to the number "
            "of features; correct `omics`."
        )
    _check_omics_names(names)
    return BlockLayout(
        names, tuple(np.split(np.arange(n_features), np.cumsum(sizes))[:-1])
    )


def _is_integer(value):
    """Tell whether a value is an integer and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def _layout_from_sequence(omics, n_features):
    """Return the layout of block sizes, or of one label per column."""
    if isinstance(omics, str) or not hasattr(omics, "__len__") or len(omics) == 0:
        raise ValueError(
            f"Got omics={omics!r}. It must be block sizes, one label per column, or "
            "a dict of omics name to size or to columns."
        )
    is_labels = hasattr(omics, "dtype") and len(omics) == n_features
    if all(map(_is_integer, omics)) and not is_labels:
        names = tuple(f"{UNNAMED}_{i}" for i in range(len(omics)))
        return _layout_from_sizes(names, tuple(map(int, omics)), n_features)
    return _layout_from_labels(omics, n_features)


def _layout_from_mapping(omics, names, n_features):
    """Return the layout of omics names with sizes or with columns."""
    if omics and all(map(_is_integer, omics.values())):
        sizes = tuple(map(int, omics.values()))
        return _layout_from_sizes(tuple(map(str, omics)), sizes, n_features)
    blocks = tuple(map(str, omics))
    _check_omics_names(blocks)
    columns = tuple(
        _find_columns(name, wanted, names, n_features) for name, wanted in omics.items()
    )
    counts = np.bincount(
        np.concatenate([[], *columns]).astype(int), minlength=n_features
    )
    if (counts != 1).any():
        raise ValueError(
            f"The dict of omics leaves out {(counts == 0).sum()} of {n_features} "
            f"columns and has {(counts > 1).sum()} more than once, e.g. position "
            f"{np.flatnonzero(counts != 1)[0]}. Each column must belong to one "
            "modality; correct `omics` or drop columns."
        )
    return BlockLayout(blocks, columns)


def _find_columns(name, wanted, names, n_features):
    """Return the positions of an omics' columns, given by name or position."""
    if isinstance(wanted, str) or not hasattr(wanted, "__len__") or len(wanted) == 0:
        raise ValueError(
            f"omics[{name!r}] is {wanted!r}. It must be the number of columns (for "
            "all modalities), or a list of column names or positions (for all "
            "modalities)."
        )
    if all(map(_is_integer, wanted)):
        positions = np.asarray(wanted, dtype=np.intp)
        found = (positions >= 0) & (positions < n_features)
    elif names is None:
        raise ValueError(
            f"omics[{name!r}] holds column names but the table has none. Give "
            "positions, or a DataFrame."
        )
    else:
        _check_unique_features(UNNAMED, names)
        positions = names.get_indexer(_as_names(wanted))
        found = positions >= 0
    if not found.all():
        missing = [label for label, ok in zip(wanted, found, strict=True) if not ok]
        raise ValueError(
            f"omics[{name!r}] lists {len(missing)} columns that the table of "
            f"{n_features} columns does not have, e.g. {quote_values(missing)}. "
            "Correct `omics`."
        )
    return positions


def _is_instance(X, module, name):
    """Tell whether X is of a class of an optional library, without importing it."""
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(X, cls)


def _is_anndata(X):
    """Tell whether X is an AnnData."""
    return _is_instance(X, "anndata", "AnnData")


def _is_mudata(X):
    """Tell whether X is a MuData."""
    return _is_instance(X, "mudata", "MuData")


def to_pandas(X):
    """Return a polars DataFrame as a pandas one, anything else unchanged."""
    if not _is_instance(X, "polars", "DataFrame"):
        return X
    return pd.DataFrame(X.to_numpy(), columns=X.columns, copy=False)


def _is_table(X):
    """Tell whether X may be one table of a list."""
    is_known = isinstance(X, pd.DataFrame) or sparse.issparse(X) or _is_anndata(X)
    is_array = isinstance(X, np.ndarray) and X.ndim == 2
    return is_known or is_array or _is_instance(X, "polars", "DataFrame")


def _is_dict(X):
    """Tell whether X is a dict of tables."""
    # A scipy dok matrix is a dict too.
    return isinstance(X, Mapping) and not sparse.issparse(X)


def _is_list_of_tables(X):
    """Tell whether X is a list of tables and no array."""
    # A list of lists or of one-dimensional arrays is an array to scikit-learn.
    return isinstance(X, list | tuple) and len(X) > 0 and all(map(_is_table, X))


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
        or _is_anndata(X)
        or _is_mudata(X)
        or _is_instance(X, "polars", "DataFrame")
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
    if _is_mudata(X):
        return _read_mudata(X)
    if _is_anndata(X):
        return _read_anndata(X)
    if _is_dict(X):
        return _read_tables(X)
    if _is_list_of_tables(X):
        return _read_tables({f"{UNNAMED}_{i}": table for i, table in enumerate(X)})
    if isinstance(X, pd.DataFrame):
        return _read_frame(X, omics)
    layout = read_layout(X.shape[1], omics)
    blocks = {name: Block(X[:, columns]) for name, columns in layout.items()}
    return OmicsBlocks(blocks, layout, is_split_by_parameter=omics is not None)


def _check_unique_features(name, features):
    """Raise if a modality names two columns alike."""
    if features.is_unique:
        return
    repeated = features[features.duplicated()].unique()
    raise ValueError(
        f"Block '{name}' has {len(features)} columns but {len(repeated)} feature names "
        f"occur more than once, e.g. {quote_values(repeated)}. Names must be unique "
        "within a modality; drop, average or rename the repeated columns."
    )


def _split_frame(X, layout, features):
    """Cut a DataFrame into blocks whose columns bear plain feature names."""
    blocks = {}
    for name, columns in layout.items():
        data = X.iloc[:, columns]
        data.columns = features[columns]
        _check_unique_features(name, data.columns)
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
        layout = _layout_from_labels(X.columns.get_level_values(0), X.shape[1])
        features = _as_names(X.columns.get_level_values(1))
        return _read_named_frame(X, layout, features)
    names = _as_names(X.columns)
    if _may_name_omics(omics):
        parsed = _parse_flat_names(
            names, strict=omics is None or len(omics) != len(names)
        )
        if parsed is not None:
            layout = _layout_from_labels(parsed[0], len(names))
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
    _check_omics_names(names)
    ends = np.cumsum([block.data.shape[1] for block in blocks.values()])
    columns = np.split(np.arange(ends[-1]), ends[:-1])
    layout = BlockLayout(names, tuple(columns))
    names = _flat_names(layout, blocks)
    return OmicsBlocks(blocks, layout, rows, names, is_annotated)


def _read_table(name, table):
    """Read one table of a collection as one block."""
    table = to_pandas(table)
    if _is_anndata(table):
        return _read_annotated_block(name, table)
    if isinstance(table, pd.DataFrame):
        if table.columns.nlevels > 1:
            raise ValueError(
                f"Block '{name}' has {table.columns.nlevels} column levels. A table "
                "of a dict or list is one modality and has one; drop the others."
            )
        features = _as_names(table.columns)
        _check_unique_features(name, features)
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
        _check_omics_names([str(name) for name in tables])
    return _side_by_side(*_match_rows(blocks))


def _read_annotated_block(name, X):
    """Read an AnnData as one block: a DataFrame, or csr if it is sparse."""
    if X.X is None:
        raise ValueError(
            f"Block '{name}' is an AnnData without a matrix: its X is None. Set it, "
            "for instance from one of its layers."
        )
    features = _as_names(X.var_names)
    _check_unique_features(name, features)
    # A sparse matrix of a file is of a class of its own.
    matrix = X.X.to_memory() if hasattr(X.X, "to_memory") else X.X
    if sparse.issparse(matrix):
        return Block(matrix.tocsr(), features, X.obs_names)
    data = pd.DataFrame(np.asarray(matrix), X.obs_names, features, copy=False)
    return Block(data, features, X.obs_names)


def _annotated_labels(X):
    """Return omics and feature of each variable, or None if no modality is named."""
    names = _as_names(X.var_names)
    if "omics" not in X.var:
        return _parse_flat_names(names)
    labels = X.var["omics"].astype(object).to_numpy()
    prefixes = [f"{label}{SEPARATOR}" for label in labels]
    features = list(map(str.removeprefix, names, prefixes))
    return labels, pd.Index(features, dtype=names.dtype)


def _read_anndata(X):
    """Read an AnnData, whose variables may name their modalities."""
    parsed = _annotated_labels(X)
    whole = _read_annotated_block(UNNAMED, X)
    if parsed is None:
        layout = read_layout(X.n_vars)
        blocks = {UNNAMED: whole}
    elif isinstance(whole.data, pd.DataFrame):
        layout = _layout_from_labels(parsed[0], X.n_vars)
        blocks = _split_frame(whole.data, layout, parsed[1])
    else:
        layout = _layout_from_labels(parsed[0], X.n_vars)
        blocks = {}
        for name, columns in layout.items():
            _check_unique_features(name, parsed[1][columns])
            data = whole.data[:, columns]
            blocks[name] = Block(data, parsed[1][columns], X.obs_names)
    return OmicsBlocks(
        blocks, layout, X.obs_names, _flat_names(layout, blocks), is_annotated=True
    )


def _read_mudata(X):
    """Read a MuData, one block per modality."""
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


def classifier_table(X):
    """Turn what a classifier may be given into what scikit-learn validates.

    Parameters
    ----------
    X : object
        A two-level DataFrame gets flat names; an AnnData or MuData is reduced to
        its matrix. Anything else is returned as it is.

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
        If X is a dict or list of tables.
    """
    if _is_dict(X) or _is_list_of_tables(X):
        raise TypeError(
            f"Got a {type(X).__name__} of {len(X)} tables. A classifier needs one "
            "table; put an `OmicsConcatenator` in front of it, as in "
            "`make_pipeline(OmicsConcatenator(), classifier)`."
        )
    if isinstance(X, pd.DataFrame) and X.columns.nlevels > 1:
        table = X.copy(deep=False)
        table.columns = read_blocks(X).feature_names
        return table, None, None
    if _is_anndata(X):
        return _annotated_table(X)
    if _is_mudata(X):
        read = read_blocks(X)
        matrices = [
            b.data if sparse.issparse(b.data) else b.data.to_numpy()
            for b in read.blocks.values()
        ]
        labels = np.repeat(np.array(read.layout.names, object), read.layout.sizes)
        return stack_matrices(matrices), read.feature_names, labels
    return X, None, None


def _annotated_table(X):
    """Return an AnnData's matrix, its names and its modalities."""
    block = _read_annotated_block(UNNAMED, X)
    parsed = _annotated_labels(X)
    labels = None if parsed is None else np.asarray(parsed[0], dtype=object)
    matrix = block.data if sparse.issparse(block.data) else block.data.to_numpy()
    return matrix, block.features.to_numpy(dtype=object), labels
