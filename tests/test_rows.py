"""Rows matched by label: one rule for all who match them."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skomics._rows import (
    check_unique,
    compare_rows,
    in_brackets,
    join_rows,
    looks_like_rows,
    place_rows,
    quote_values,
    repeated_ids,
)
from skomics.exceptions import SampleAlignmentError

ids = st.lists(st.sampled_from("abcdefgh"), unique=True)


def index(names):
    return pd.Index(list(names), dtype=object)


@given(tables=st.lists(ids, min_size=1, max_size=4))
def test_inner_join_keeps_what_all_have_in_the_order_of_the_first(tables):
    kept = join_rows([index(t) for t in tables], "inner")
    assert list(kept) == [i for i in tables[0] if all(i in t for t in tables)]


@given(tables=st.lists(ids, min_size=1, max_size=4))
def test_outer_join_keeps_what_any_has_in_the_order_first_seen(tables):
    kept = join_rows([index(t) for t in tables], "outer")
    assert list(kept) == list(dict.fromkeys(i for t in tables for i in t))


@given(rows=ids, reference=ids)
def test_difference_and_places_are_of_the_same_ids(rows, reference):
    lacking, extra = compare_rows(index(rows), index(reference))
    assert list(lacking) == [i for i in reference if i not in rows]
    assert list(extra) == [i for i in rows if i not in reference]
    places = place_rows(index(rows), index(reference))
    found = ["none" if place < 0 else rows[place] for place in places]
    assert found == ["none" if i in set(lacking) else i for i in reference]


def test_repeated_ids_are_refused_with_both_numbers_and_the_cure():
    rows = index("abcabb")
    assert list(repeated_ids(rows)) == ["a", "b"]
    message = r"Table 'rna' has 6 rows and 2 sample ids .*'a', 'b'\. Drop them\."
    with pytest.raises(SampleAlignmentError, match=message):
        check_unique("Table 'rna'", rows, "Drop them.")
    check_unique("Table 'rna'", rows[:3], "Drop them.")


@pytest.mark.parametrize(
    ("columns", "rows", "is_alike"),
    [
        ("abcd", "ab", True),
        ("abcd", "axyz", False),
        ("abcd", "abyz", True),
        ("abcd", "", False),
        ("", "ab", False),
        ("abcd", "wxyz", False),
    ],
)
def test_a_table_looks_transposed_where_half_of_the_smaller_axis_agrees(
    columns, rows, is_alike
):
    assert looks_like_rows(columns, rows) == is_alike


def test_examples_are_a_few_and_say_that_there_are_more():
    assert quote_values(["a", 1, "c", "d"]) == "'a', 1, 'c', ..."
    assert in_brackets(["a", "b", "c"], 2) == " ('a', 'b', ...)"
    assert in_brackets([]) == ""
