"""Rows matched by label: which samples stay, where they are, and what differs."""

import re
import unicodedata
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from skomics.exceptions import SampleAlignmentError

__all__ = [
    "RowDifference",
    "check_groups_apart",
    "check_same_samples",
    "check_unique",
    "compare_rows",
    "describe_near_ids",
    "describe_unmatched",
    "find_near_ids",
    "quote_values",
    "in_brackets",
    "join_rows",
    "looks_like_rows",
    "place_rows",
    "read_groups",
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


# What ids may differ in and still be meant alike, and how each is undone. Each is
# tried on top of those before it.
_NEAR = {
    "type (number and text)": str,
    "Unicode normalization": lambda i: unicodedata.normalize("NFKC", i),
    "white space": lambda i: re.sub(r"[\s\u200b\u2060\ufeff]+", "", i),
    "case": str.casefold,
    "a final .0": lambda i: i.removesuffix(".0"),
    "dots, dashes or underscores": lambda i: re.sub("[._]", "-", i),
    "leading zeros": lambda i: i.lstrip("0") or "0",
}


class NearIds(NamedTuple):
    """Two ids that are not equal, and what they differ in."""

    ours: object
    theirs: object
    difference: str


def find_near_ids(ours, theirs):
    """Pair ids that are not equal but differ in spelling only.

    Parameters
    ----------
    ours, theirs : Index
        Ids of two tables.

    Returns
    -------
    pairs : list of NearIds
        Pairs in the order of `ours`, with Unicode normalization, white space, case or
        the like as the difference.
    """
    known = {_undo_all(i): i for i in theirs[::-1]}
    same = set(theirs)
    near = [(i, known.get(_undo_all(i))) for i in ours if i not in same]
    return [NearIds(i, j, _name_difference(i, j)) for i, j in near if j is not None]


def _undo_all(name):
    for undo in _NEAR.values():
        name = undo(name)
    return name


def _name_difference(ours, theirs):
    for difference, undo in _NEAR.items():
        ours, theirs = undo(ours), undo(theirs)
        if ours == theirs:
            return difference
    raise AssertionError("these ids are not near")


def describe_near_ids(ours, theirs):
    """Say which ids of two tables differ in spelling only.

    Parameters
    ----------
    ours, theirs : Index
        Ids that are not in both.

    Returns
    -------
    message : str
        A sentence for the end of a message, after a space; "" if there are none.
    """
    near = find_near_ids(ours, theirs)
    if not near:
        return ""
    first = near[0]
    names = [ascii(i) if isinstance(i, str) else str(i) for i in first[:2]]
    return (
        f" {len(near)} ids have another that differs only in {first.difference}, e.g. "
        f"{names[0]} and {names[1]}: write the ids alike in both, for instance with "
        "index.astype(str).str.normalize('NFC').str.strip()."
    )


def describe_unmatched(indexes):
    """Say which ids that not all tables have differ in spelling only.

    Parameters
    ----------
    indexes : dict of Index
        The ids of each table.

    Returns
    -------
    message : str
        A sentence that names two tables and their ids; "" if there are none.
    """
    for (first, ours), (other, theirs) in combinations(indexes.items(), 2):
        lacking, extra = compare_rows(ours, theirs)
        near = describe_near_ids(extra, lacking)
        if near:
            return f"{first!r} and {other!r} are not matched throughout:{near}"
    return ""


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


def check_same_samples(rows, values, name, table="X"):
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

    table : str, default="X"
        What has the samples, for messages.

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
            f"{name} has the {len(given)} ids of {table} in another order: row "
            f"{first} of {table} is {rows[first]!r}, of {name} {given[first]!r}. Put "
            f"{name} into {table}'s order, with {name} = {name}.loc[{table}.index], or "
            "call skomics.align_samples."
        )
    raise SampleAlignmentError(
        f"{name} is of other samples: {(~is_known).sum()} of its {len(given)} ids are "
        f"not in {table}, e.g. {quote_values(given[~is_known])}; {table} has "
        f"{quote_values(rows)}. Give both the same samples (skomics.align_samples), or "
        f"{name} without ids, as {name}.to_numpy(), if it goes by position."
        + describe_near_ids(theirs[~is_known], ours)
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


def read_groups(groups, rows, n_samples):
    """Return the groups that samples belong to in the order of the samples.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        What keeps samples together, the patient for one; None for no groups.

    rows : Index or None
        Ids of the samples; None if they have none.

    n_samples : int
        Number of samples.

    Returns
    -------
    groups : ndarray of shape (n_samples,) or None
        The same.

    Raises
    ------
    SampleAlignmentError
        If the groups have the ids of other samples, or in another order.

    ValueError
        If there is not one for each sample.
    """
    if groups is None:
        return None
    check_same_samples(rows, groups, "groups")
    groups = np.asarray(groups)
    if groups.shape != (n_samples,) or pd.isna(groups).any():
        raise ValueError(
            f"Got groups of shape {groups.shape} with {pd.isna(groups).sum()} missing "
            f"for {n_samples} samples. Give the group of each sample; one that is like "
            "no other is a group of its own."
        )
    return groups


def check_groups_apart(splits, groups, name):
    """Refuse folds that have samples of a group on both sides.

    Parameters
    ----------
    splits : list of (ndarray, ndarray)
        Training and test positions.

    groups : ndarray of shape (n_samples,)
        From :func:`read_groups`.

    name : str
        What the splitter is called, for the message.

    Raises
    ------
    ValueError
        If a group is torn apart.
    """
    for train, test in splits:
        shared = np.intersect1d(groups[train], groups[test])
        if len(shared):
            raise ValueError(
                f"{name} has {len(shared)} groups in the training and the test part of "
                f"a fold, e.g. {quote_values(shared)}: the test part is not new to the "
                "model. Use a splitter that keeps groups together, such as "
                "StratifiedGroupKFold."
            )
