"""Rows matched by label: which samples stay, where they are, and what differs."""

from typing import NamedTuple

import pandas as pd

from skomics.exceptions import SampleAlignmentError

__all__ = [
    "RowDifference",
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
