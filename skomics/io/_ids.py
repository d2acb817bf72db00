"""Which column names the rows: ids are told from counters and from values."""

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._rows import quote_values
from skomics._warnings import warn
from skomics.exceptions import SampleAlignmentError
from skomics.io._corners import (
    has_counter_first,
    is_counter,
    is_counter_name,
    is_first_counter_name,
    is_id_name,
    is_nameless,
    is_sample_id_name,
)
from skomics.io._names import is_feature_name
from skomics.io._text import MISSING, CellError

__all__ = [
    "as_text",
    "choose_leading",
    "drop_counters_of_axis",
    "drop_counters",
    "index_first",
    "is_float",
    "is_number",
    "name_rows",
    "refuse_unclear_ids",
    "refuse_values_as_ids",
]

_FEWEST = 10  # Shorter columns may well count by chance.


def choose_leading(file, corner, leading, lines):
    """Leave a counter out of the columns of names before the numbers.

    Parameters
    ----------
    file : Path
        Where they are from.

    corner : list of str
        The names of the columns.

    leading : list of list of str
        The cells of each row.

    lines : list of int
        Where the rows are.

    Returns
    -------
    corner : list of str
        The names of the columns that stay.

    leading : list of list of str
        Their cells.

    Raises
    ------
    ValueError
        If two columns may name the rows.
    """
    while leading and has_counter_first([*corner, "value"], leading[0]):
        _check_counter(file, corner, leading, lines)
        _warn_of_counters(file, corner[:1])
        corner, leading = corner[1:], [cells[1:] for cells in leading]
    return corner, leading


def _check_counter(file, corner, leading, lines):
    if not is_counter([cells[0] for cells in leading]):
        _raise_two_columns(file, corner[0], corner[1])
    names = [cells[1] for cells in leading]
    if is_id_name(corner[1]) or len({*names}) == len(names):
        return
    raise CellError(
        f"{file.name} has {names[0][:50]!r} in line {lines[0]}, column 2 "
        f"({corner[1]!r}), where a finite number is wanted, and {corner[1]!r} names no "
        "rows because its cells are repeated. Encode text as numbers, or drop the "
        "column."
    )


def _raise_two_columns(file, first, second):
    raise ValueError(
        f"{file.name} has two columns that may name its rows, {first!r} and "
        f"{second!r}, and one is wanted. Drop one of them, and put the ids first."
    )


def _warn_of_counters(file, names, axis="columns"):
    named = [name for name in names if not is_nameless(name)]
    if named:
        others = {"columns": "rows", "rows": "columns"}[axis]
        warn(
            f"{file.name} has {axis} that only count its {others}, "
            f"{quote_values(named)}; they are left out. If they are values, rename "
            "them."
        )


def drop_counters(file, table, id_column=None, column=None):
    """Leave columns that count the rows out of a table of text.

    Parameters
    ----------
    file : Path
        Where it is from.

    table : DataFrame of shape (n_rows, n_columns)
        Text, the ids in the first column.

    id_column, column : str or None, default=None
        Columns that stay whatever they hold.

    Returns
    -------
    table : DataFrame of shape (n_rows, n_columns)
        The table without counters. The first column is one only if the next names
        the rows.

    Raises
    ------
    ValueError
        If the first two columns may name the rows.
    """
    if not len(table):
        return table
    names = [str(name) for name in table.columns]
    counts = [is_counter(table.iloc[:, i].to_list()) for i in range(len(names))]
    drop = [
        count and is_counter_name(name) and name not in (id_column, column)
        for name, count in zip(names, counts, strict=True)
    ]
    may_count = counts[0] and len(names) > 2 and id_column is None
    drop[0] = may_count and names[0] != column and _are_ids_next(table)
    if may_count and not drop[0] and is_nameless(names[0]):
        _check_unclear(file, table.iloc[:, 1])
    _warn_of_counters(file, [*np.array(names, dtype=object)[drop]])
    left = table.loc[:, np.logical_not(drop)]
    return drop_counters(file, left, id_column, column) if drop[0] else left


def _are_ids_next(table):
    first, second = map(str, table.columns[:2])
    cells = table.iloc[:, 1]
    names, row = [*map(str, table.columns)], table.iloc[0].to_list()
    if not has_counter_first(names, row):
        return False
    is_named = is_id_name(second) or has_counter_first(names[1:], row[1:])
    return is_named or (is_first_counter_name(first) and _are_unique(cells))


def _are_unique(cells):
    return cells.is_unique and not cells.isin(MISSING).any()


def _check_unclear(file, cells):
    """Ask where whole numbers beside a nameless counter may be ids or values."""
    if len(cells) > 1 and _are_unique(cells) and cells.str.fullmatch(r"\d+").all():
        raise ValueError(
            f"{file.name} has a first column without a name that counts its rows, and "
            f"{cells.name!r} holds unique whole numbers, so either may hold the ids. "
            "Name the column of the ids with id_column=, or drop the counter."
        )


def refuse_unclear_ids(file, corner, rows, column, ids):
    """Refuse nameless numbers of rows beside a column that may hold the ids.

    Parameters
    ----------
    file : Path
        Where they are from.

    corner : str
        The name of the column that names the rows.

    rows : Index of shape (n_rows,)
        The names of the rows.

    column : Series of shape (n_rows,)
        The column that follows, with its name.

    ids : Index or None
        Sample ids, if they are known.
    """
    if not (is_nameless(corner) and len(rows) > 1 and is_counter([*rows])):
        return
    is_known = np.zeros(len(rows), dtype=bool) if ids is None else rows.isin(ids)
    if is_known.any():
        if not is_known[0] or not (is_known.all() or ids.isin(rows).all()):
            raise SampleAlignmentError(
                f"{file.name} has no ids but the numbers of its {len(rows)} rows, of "
                f"which {is_known.sum()} are among the {len(ids)} ids "
                f"({quote_values(ids)}), so that rows would be matched by their "
                "number. Put the ids into a column 'sample_id', also if they are "
                "these numbers."
            )
        whole = pd.Index([str(i)[:-2] for i in column])  # without .0
        if not whole.isin(ids).any():
            return
    if not _are_values(column.name, column):
        raise ValueError(
            f"{file.name} has the numbers of its rows in a first column without a "
            f"name, and {column.name!r} holds unique whole numbers, so either may hold "
            "the ids. Call the column of ids 'sample_id', and drop the other if it is "
            "a counter."
        )


def drop_counters_of_axis(file, values, names, axis="columns"):
    """Leave columns that count the rows out of a table of numbers.

    Parameters
    ----------
    file : Path
        Where it is from.

    values : ndarray or csr of shape (n_rows, n_columns)
        The numbers, turned if its rows may be counters.

    names : Index of shape (n_columns,)
        The names of the columns.

    axis : {"columns", "rows"}, default="columns"
        What the columns are in the file.

    Returns
    -------
    values : ndarray or csr of shape (n_rows, n_columns)
        The numbers without counters.

    names : Index of shape (n_columns,)
        The names of the columns that stay.

    Warns
    -----
    UserWarning
        If a counter has a name, or a column that counts is kept because its name is
        none of a counter.
    """
    if sparse.issparse(values) or values.shape[0] < 2 or not values.size:
        return values, names
    counts = _find_counters(values)
    if not counts.any():
        return values, names
    is_named = np.array([is_counter_name(name) for name in names], dtype=bool)
    if axis == "rows" or len(values) == 2:
        is_named &= names != ""  # rather an id or name that is missing
    _warn_of_counters(file, names[counts & is_named], axis)
    odd = [name for name in names[counts & ~is_named] if not is_feature_name(name)]
    if odd and len(values) >= _FEWEST:
        warn(
            f"{file.name} has {axis} that count up in their order, "
            f"{quote_values(odd)}; they are kept. Drop them if they are no "
            "measurements: the order of rows may give their class away."
        )
    return values[:, ~(counts & is_named)], names[~(counts & is_named)]


def _find_counters(values):
    """Tell which columns hold 0, 1, 2, ... or 1, 2, 3, ..."""
    counts = np.isin(values[0], (0, 1)) & (values[-1] == values[0] + len(values) - 1)
    for i in np.flatnonzero(counts):
        counts[i] = (values[:, i] == values[0, i] + np.arange(len(values))).all()
    return counts


def refuse_values_as_ids(file, corner, rows, columns):
    """Refuse a table whose first column holds values, or another one the ids.

    Parameters
    ----------
    file : Path
        Where it is from.

    corner : str
        The name of the first column.

    rows : Index of shape (n_rows,)
        Its cells.

    columns : Index of shape (n_columns,)
        The names of the other columns.
    """
    later = [name for name in columns if is_sample_id_name(name)]
    if later:
        _raise_ids_later(file, corner, later[0])
    if is_feature_name(corner) and len(rows) and all(map(is_float, rows)):
        raise ValueError(
            f"{file.name} has no ids: its first column, {corner!r}, is called like a "
            f"feature and holds numbers, e.g. {quote_values(rows, 1)}. Put the sample "
            "ids into the first column."
        )


def is_float(cell):
    """Tell whether Python reads a cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def as_text(column):
    """Return a column as text, as pandas writes it into a csv.

    Parameters
    ----------
    column : Series or Index of shape (n_rows,)
        Numbers, text or dates.

    Returns
    -------
    names : Index of shape (n_rows,)
        Text; "" where a value is missing.
    """
    is_missing = np.asarray(pd.isna(column))
    # Dates are written without a time where all are at midnight.
    is_date = pd.api.types.is_datetime64_any_dtype(column.dtype)
    texts = pd.Index(column).astype(str) if is_date else map(str, column)
    cells = ["" if no else t for t, no in zip(texts, is_missing, strict=True)]
    return pd.Index(cells, dtype=object)


def is_number(dtype):
    """Tell whether a column holds real numbers or truth values."""
    is_numeric = pd.api.types.is_numeric_dtype(dtype)
    return is_numeric and not pd.api.types.is_complex_dtype(dtype)


def name_rows(file, table, ids):
    """Choose the names of the rows of a table that was written from a DataFrame.

    Parameters
    ----------
    file : Path
        Where it is from.

    table : DataFrame of shape (n_rows, n_columns)
        The table with its index.

    ids : Index or None
        Sample ids, if they are known.

    Returns
    -------
    corner : str
        The name over the names of the rows; "" if they have none.

    rows : Index of shape (n_rows,)
        The names of the rows.

    table : DataFrame of shape (n_rows, n_features)
        The columns of values.

    Raises
    ------
    ValueError
        If it is not clear which column names the rows.
    """
    if table.columns.nlevels > 1:  # a modality and a feature
        return str(table.index.name or ""), as_text(table.index), table
    if not _is_default(table.index):
        table = index_first(table)
    elif table.shape[1] == 0 or not _starts_with_ids(file, table, ids):
        return "", as_text(table.index), table
    table = _skip_counter(file, table)
    return str(table.columns[0]), as_text(table.iloc[:, 0]), table.iloc[:, 1:]


def _is_default(index):
    """Tell whether an index counts rows one by one, as a table without ids has it."""
    # What a filter leaves, such as 0 and 2, is a RangeIndex in pandas 3, too.
    return isinstance(index, pd.RangeIndex) and index.name is None and index.step == 1


def index_first(table):
    """Put an index before the columns, as a csv has it, if it does not only count."""
    index = table.index
    if _is_default(index):
        return table
    if index.nlevels > 1:
        return table.reset_index()
    name = "" if index.name is None else index.name
    column = pd.Series(index, index, name=name)
    return pd.concat([column, table], axis=1)


def _skip_counter(file, table):
    names = [str(name) for name in table.columns[:5]]  # counters come first
    row = [as_text(table.iloc[:1, i])[0] for i in range(len(names)) if len(table)]
    if not row or not has_counter_first(names, row):
        return table
    first, second = table.iloc[:, 0], table.iloc[:, 1]
    if is_counter(list(as_text(first))):
        is_named = is_id_name(names[1]) or has_counter_first(names[1:], row[1:])
        if is_named or (not is_number(second.dtype) and second.is_unique):
            _warn_of_counters(file, names[:1])
            return _skip_counter(file, table.iloc[:, 1:])
    if is_sample_id_name(names[1]):
        _raise_two_columns(file, *names[:2])
    return table


def _starts_with_ids(file, table, ids):
    """Tell whether the first column names the rows, which have no names yet."""
    names, first = [*map(str, table.columns)], table.iloc[:, 0]
    if not is_number(first.dtype) or is_id_name(names[0]):
        return True
    if is_counter_name(names[0]) and is_counter(list(as_text(first))):
        return True
    later = [name for name in names[1:] if is_sample_id_name(name)]
    if later and later[0] == names[1] and len(table):
        return True  # has_counter_first sees it
    if later:
        _raise_ids_later(file, names[0], later[0])
    if _are_values(names[0], first):
        return False
    return _ask_ids(file, names[0], first, table.index, ids)


def _raise_ids_later(file, first, later):
    raise ValueError(
        f"{file.name} has ids in its column {later!r}, but {first!r} comes first. Put "
        "the ids into the first column, or drop them."
    )


def _are_values(name, column):
    """Tell whether numbers are no ids, by their name or because ids are not so."""
    if is_feature_name(name) or pd.api.types.is_bool_dtype(column.dtype):
        return True
    if column.isna().any() or not column.is_unique:
        return True
    return bool(((column < 0) | (column != column.round())).any())


def _ask_ids(file, name, column, index, ids):
    """Let the known ids decide between a column and the number of the row."""
    if ids is not None:
        in_column, in_index = (as_text(i).isin(ids).any() for i in (column, index))
        if in_column != in_index:
            return bool(in_column)
    raise ValueError(
        f"{file.name} has whole numbers in its first column, {name!r}, and no named "
        "index, so these may be ids or values. Call a column of ids 'sample_id', or "
        "write the table with the ids as its index; a table without ids gets them as "
        "its index, too."
    )
