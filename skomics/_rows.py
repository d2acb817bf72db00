"""Rows matched by label: which samples stay, where they are, and what differs."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from skomics.exceptions import SampleAlignmentError

__all__ = [
    "RowDifference",
    "check_same_samples",
    "check_unique",
    "compare_rows",
    "quote_values",
    "in_brackets",
    "join_rows",
    "looks_like_rows",
    "place_rows",
    "repeated_ids",
]


class RowDifference(NamedTuple):
    """The ids that rows lack of a reference, and those that it does not have."""

    lacking: pd.Index
    extra: pd.Index


def join_rows(indexes, join):
    """Choose the samples of several tables.

    Parameters
    ----------
    indexes : list of Index
        The ids of each table, which are unique.

    join : {"inner", "outer"}
        "inner" keeps the ids that all tables have, in the order of the first;
        "outer" keeps those that any has, in the order first seen.

    Returns
    -------
    ids : Index
        The ids that stay.
    """
    first, *others = indexes
    if join == "outer":
        return first.append(others).unique()
    return first[[all(i in other for other in others) for i in first]]


def compare_rows(rows, reference):
    """Return what rows lack of a reference and what they have beyond it.

    Parameters
    ----------
    rows, reference : Index
        Ids of two tables.

    Returns
    -------
    difference : RowDifference
        Ids in the order of the table that has them.
    """
    return RowDifference(
        reference.difference(rows, sort=False), rows.difference(reference, sort=False)
    )


def place_rows(rows, reference):
    """Return where each sample of a reference is among the rows.

    Parameters
    ----------
    rows : Index
        Ids of a table, which are unique.

    reference : Index of shape (n_samples,)
        The samples, in their order.

    Returns
    -------
    positions : ndarray of int of shape (n_samples,)
        The row of each sample, -1 for a sample that the table lacks.
    """
    return rows.get_indexer(reference)


def repeated_ids(rows):
    """Return the ids that occur more than once, each once."""
    return rows[rows.duplicated()].unique()


def check_unique(what, rows, cure):
    """Raise an error if ids are repeated, since rows are matched by them.

    Parameters
    ----------
    what : str
        What has the ids, as the message begins.

    rows : Index
        The ids.

    cure : str
        What to do, as the message ends.
    """
    repeated = repeated_ids(rows)
    if len(repeated):
        raise SampleAlignmentError(
            f"{what} has {len(rows)} rows and {len(repeated)} sample ids that occur "
            f"more than once, e.g. {quote_values(repeated)}. {cure}"
        )


def check_same_samples(rows, values, name):
    """Refuse values whose ids say that they are of other samples, or in another order.

    Ids that only count the rows, on either side, say nothing: these go by position.

    Parameters
    ----------
    rows : Index or None
        Ids of the samples; None if they have none.

    values : object
        Labels, weights or groups. Only those of pandas have ids.

    name : str
        What they are called, for messages.

    Raises
    ------
    SampleAlignmentError
        If the ids are others, or the same in another order.
    """
    if rows is None or not isinstance(values, pd.Series | pd.DataFrame):
        return
    given = values.index
    if len(given) != len(rows) or given.equals(rows):
        return  # another length has a message of its own
    if is_counter(given) or is_counter(rows):
        return
    ours, theirs = rows.map(str), given.map(str)
    if ours.equals(theirs):
        return
    is_known = theirs.isin(ours)
    are_positions = _is_integer(given) != _is_integer(rows)
    if are_positions and not is_known.any():
        return  # what is left of a counter
    if is_known.all() and ours.isin(theirs).all():
        first = int(np.argmax(np.asarray(ours != theirs)))
        raise SampleAlignmentError(
            f"{name} has the {len(given)} ids of X in another order: row {first} of X "
            f"is {rows[first]!r}, of {name} {given[first]!r}. Put {name} into X's "
            f"order, with {name} = {name}.loc[X.index], or call skomics.align_samples."
        )
    raise SampleAlignmentError(
        f"{name} is of other samples: {(~is_known).sum()} of its {len(given)} ids are "
        f"not in X, e.g. {quote_values(given[~is_known])}; X has "
        f"{quote_values(rows)}. Give both the same samples (skomics.align_samples), or "
        f"{name} without ids, as {name}.to_numpy(), if it goes by position."
    )


def _is_integer(index):
    return pd.api.types.is_integer_dtype(index.dtype)


def is_counter(index):
    """Tell whether an index counts its rows from 0, which says nothing of samples."""
    if not _is_integer(index):
        return False
    return bool((np.asarray(index) == np.arange(len(index))).all())


def is_rest_of_counter(index):
    """Tell whether an index looks like the numbers of rows that others were among.

    Parameters
    ----------
    index : Index
        Ids of a table.

    Returns
    -------
    is_rest : bool
        For a `RangeIndex`, and for whole numbers in increasing order, without a name,
        of which at least half as many as their span are there.
    """
    if index.name is not None or not _is_integer(index) or index.hasnans:
        return False
    numbers = np.asarray(index, dtype=np.int64)
    if len(numbers) < 2 or isinstance(index, pd.RangeIndex):
        return isinstance(index, pd.RangeIndex)
    is_rising = bool((np.diff(numbers) > 0).all())
    return is_rising and numbers[0] >= 0 and numbers[-1] < 2 * len(numbers)


def looks_like_rows(columns, rows):
    """Tell whether a table looks transposed beside another: half of the names agree.

    Parameters
    ----------
    columns : iterable of str
        Names of the columns of one table.

    rows : iterable of str
        Ids of another.

    Returns
    -------
    is_alike : bool
        Whether half of the smaller set is in the larger.
    """
    columns, rows = set(columns), set(rows)
    return 0 < min(len(columns), len(rows)) <= 2 * len(columns & rows)


def quote_values(values, n=3):
    """Quote the first few values for an error message.

    Parameters
    ----------
    values : sized iterable
        Values to choose from.

    n : int, default=3
        How many to quote.

    Returns
    -------
    quoted : str
        For instance `'a', 'b', 'c', ...`.
    """
    values = list(values)
    quoted = [f"'{v}'" if isinstance(v, str) else f"{v}" for v in values[:n]]
    return ", ".join(quoted) + (", ..." if len(values) > n else "")


def in_brackets(values, n=3):
    """Quote the first few values in brackets; nothing where there are none."""
    return f" ({quote_values(values, n)})" if len(values) else ""
