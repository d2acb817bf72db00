"""Layouts: which columns of a table belong to which modalities.

A flat feature name is ``omics__feature`` and is split at the first separator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd

from skomics._rows import quote_values
from skomics._warnings import warn

__all__ = [
    "SEPARATOR",
    "UNNAMED",
    "BlockLayout",
    "as_names",
    "check_omics_names",
    "check_unique_features",
    "parse_flat_names",
    "label_columns",
    "layout_from_labels",
    "mark_as_named",
    "marked_labels",
    "read_layout",
]

SEPARATOR = "__"
UNNAMED = "omics"
# Key of a table's own notes.
_NAMED = "skomics_names_modalities"
# So many prefixes are no modalities, and so many if each has a column or two.
_MANY, _SOME = 10, 4
_HOW_TO_NAME = (
    f"If {SEPARATOR!r} belongs to the names of the features, give the table under the "
    "name of its modality, as in {'rna': table}, to an OmicsConcatenator, or with two "
    "column levels (omics, feature)."
)


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


def _as_slice(positions):
    """Return a slice, which pandas and numpy take without copying, if possible."""
    if len(positions) and np.all(np.diff(positions) == 1):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def as_names(labels):
    """Return labels as an Index of text."""
    labels = labels if isinstance(labels, pd.Index) else pd.Index(labels)
    return labels if labels.inferred_type == "string" else labels.map(str)


def check_omics_names(names):
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


def label_columns(layout):
    """Return the modality of each column.

    Parameters
    ----------
    layout : BlockLayout
        Of a table.

    Returns
    -------
    labels : ndarray of str of shape (n_features,)
        Names of modalities.
    """
    labels = np.empty(layout.n_features, dtype=object)
    for name, columns in layout.items():
        labels[columns] = name
    return labels


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
        names = as_names(columns_or_n_features)
        n_features = len(names)
    if omics is not None:
        if isinstance(omics, Mapping):
            return _layout_from_mapping(omics, names, n_features)
        return _layout_from_sequence(omics, n_features)
    if omics_labels is not None:
        return layout_from_labels(omics_labels, n_features)
    parsed = None if names is None else parse_flat_names(names)
    if parsed is None:
        return BlockLayout((UNNAMED,), (np.arange(n_features),), is_named=False)
    return layout_from_labels(parsed[0], n_features)


def parse_flat_names(names, strict=True):
    """Split flat names into omics and features, warning of prefixes of other meaning.

    Parameters
    ----------
    names : Index of str
        Names of the columns.

    strict : bool, default=True
        Whether an error is raised where some name modalities and some do not.

    Returns
    -------
    parsed : (list of str, Index of str) or None
        The modality and the feature of each column; None if the names name none.
    """
    parts = [name.partition(SEPARATOR) for name in names]
    nameless = [
        name
        for name, (omics, separator, _) in zip(names, parts, strict=True)
        if not (omics and separator)
    ]
    if len(nameless) == len(parts) or (nameless and not strict):
        return None
    prefixes = [omics for omics, separator, _ in parts if omics and separator]
    doubt = _doubt_prefixes(prefixes)
    if nameless and (doubt or 2 * len(nameless) > len(parts)):
        warn(
            f"{len(prefixes)} of {len(parts)} column names have {SEPARATOR!r}, e.g. "
            f"{quote_values(names.difference(nameless, sort=False), 2)}, but others, "
            f"e.g. {quote_values(nameless, 2)}, have not, so the table is taken for "
            f"one modality. {_HOW_TO_NAME}"
        )
        return None
    if nameless:
        raise ValueError(
            f"{len(nameless)} of {len(parts)} column names do not name their "
            f"modalities, e.g. {quote_values(nameless)}; the others name "
            f"{quote_values(dict.fromkeys(prefixes))}. Either all names or none must "
            f"be 'omics{SEPARATOR}feature'. Rename the columns, or say with `omics=` "
            f"which columns belong to which modalities. {_HOW_TO_NAME}"
        )
    if doubt:
        warn(
            f"The column names are read as 'omics{SEPARATOR}feature', which makes "
            f"{len(set(prefixes))} modalities of {len(parts)} columns, "
            f"{quote_values(dict.fromkeys(prefixes))}: {doubt}. {_HOW_TO_NAME}"
        )
    return [part[0] for part in parts], pd.Index([part[2] for part in parts])


def _doubt_prefixes(prefixes):
    """Say why what stands before the separator looks like no modalities, or ''."""
    kinds = set(prefixes)
    if all(len(kind) == 1 for kind in kinds):
        return "single letters, as ranks of a taxonomy are written"
    if len(kinds) >= _MANY:
        return "more than anybody measures"
    if 2 * len(kinds) > len(prefixes) and len(kinds) >= _SOME:
        return "nearly as many as columns"
    return ""


def mark_as_named(table):
    """Note on a table that what precedes the separator in its names are modalities.

    Parameters
    ----------
    table : DataFrame
        With flat names that skomics has written.

    Returns
    -------
    table : DataFrame
        The same.
    """
    table.attrs[_NAMED] = True
    return table


def marked_labels(table):
    """Return the modality of each column where a note says so, else None.

    Parameters
    ----------
    table : object
        The input of a classifier.

    Returns
    -------
    labels : ndarray of str, or None
        One for each column.
    """
    notes = getattr(table, "attrs", None)
    if not isinstance(notes, dict) or not notes.get(_NAMED, False):
        return None
    names = getattr(table, "columns", ())
    if not all(isinstance(name, str) and SEPARATOR in name for name in names):
        return None  # columns have been added, or renamed, since
    return np.array([name.partition(SEPARATOR)[0] for name in names], dtype=object)


def layout_from_labels(labels, n_features):
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
    check_omics_names(names)
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
    check_omics_names(names)
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
    return layout_from_labels(omics, n_features)


def _layout_from_mapping(omics, names, n_features):
    """Return the layout of omics names with sizes or with columns."""
    if omics and all(map(_is_integer, omics.values())):
        sizes = tuple(map(int, omics.values()))
        return _layout_from_sizes(tuple(map(str, omics)), sizes, n_features)
    blocks = tuple(map(str, omics))
    check_omics_names(blocks)
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
        check_unique_features(UNNAMED, names)
        positions = names.get_indexer(as_names(wanted))
        found = positions >= 0
    if not found.all():
        missing = [label for label, ok in zip(wanted, found, strict=True) if not ok]
        raise ValueError(
            f"omics[{name!r}] lists {len(missing)} columns that the table of "
            f"{n_features} columns does not have, e.g. {quote_values(missing)}. "
            "Correct `omics`."
        )
    return positions


def check_unique_features(name, features):
    """Raise if a modality names two columns alike."""
    if features.is_unique:
        return
    repeated = features[features.duplicated()].unique()
    raise ValueError(
        f"Block '{name}' has {len(features)} columns but {len(repeated)} feature names "
        f"occur more than once, e.g. {quote_values(repeated)}. Names must be unique "
        "within a modality; drop, average or rename the repeated columns."
    )
