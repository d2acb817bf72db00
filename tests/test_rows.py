"""Rows matched by label: one rule for all who match them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    MoGCNClassifier,
    OmicsConcatenator,
    SMAClassifier,
)
from skomics._rows import (
    check_same_samples,
    check_unique,
    compare_rows,
    describe_near_ids,
    describe_unmatched,
    find_near_ids,
    in_brackets,
    join_rows,
    looks_like_rows,
    place_rows,
    quote_values,
    repeated_ids,
)
from skomics.benchmark import Task
from skomics.exceptions import SampleAlignmentError
from skomics.graph import to_pyg
from skomics.inspection import missingness_association, score_by_modality_pattern

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


def labeled(n=40):
    rng = np.random.default_rng(0)
    y = pd.Series(np.array(["A", "B"])[np.arange(n) % 2], [f"p{i}" for i in range(n)])
    rna = rng.normal(size=(n, 6)) + (y.to_numpy() == "B")[:, None]
    X = {
        "rna": pd.DataFrame(rna, y.index, [f"g{i}" for i in range(6)]),
        "cnv": pd.DataFrame(rng.normal(size=(n, 4)), y.index, list("abcd")),
    }
    return X, y


def flat(X):
    return OmicsConcatenator().fit_transform(X)


def classifier():
    return BlockRidgeClassifier()


# What takes samples and labels, and how it is called.
PLACES = {
    "OmicsConcatenator.fit": lambda X, y: OmicsConcatenator().fit(X, y),
    "OmicsConcatenator.fit_transform": lambda X, y: OmicsConcatenator().fit_transform(
        X, y
    ),
    "BlockRidgeClassifier.fit": lambda X, y: classifier().fit(flat(X), y),
    "EFNNClassifier.fit": lambda X, y: EFNNClassifier(max_epochs=1).fit(flat(X), y),
    "SMAClassifier.fit": lambda X, y: SMAClassifier(max_epochs=1).fit(flat(X), y),
    "MoGCNClassifier.fit": lambda X, y: MoGCNClassifier(
        pretrain_epochs=1, max_epochs=1
    ).fit(flat(X), y),
    "Pipeline.fit": lambda X, y: make_pipeline(
        OmicsConcatenator(StandardScaler()), classifier()
    ).fit(X, y),
    "score": lambda X, y: (
        classifier().fit(flat(labeled()[0]), labeled()[1]).score(flat(X), y)
    ),
    "sample_weight": lambda X, y: classifier().fit(
        flat(X), labeled()[1].to_numpy(), sample_weight=(y == "A") + 1.0
    ),
    "missingness_association": missingness_association,
    "score_by_modality_pattern": lambda X, y: score_by_modality_pattern(
        make_pipeline(OmicsConcatenator(), classifier()).fit(*labeled()), X, y
    ),
    "to_pyg": to_pyg,
}


@pytest.mark.parametrize("place", PLACES)
def test_labels_of_the_same_samples_in_another_order_are_refused(place):
    X, y = labeled()
    PLACES[place](X, y)
    for other in (y.iloc[::-1], y.sample(frac=1, random_state=0)):
        with pytest.raises(SampleAlignmentError, match="ids of X in another order"):
            PLACES[place](X, other)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("rename", "message"),
    [
        (lambda i: f"q{i}", "is of other samples: 40 of its 40 ids are not in X"),
        (
            lambda i: f"p{i + 3}",
            "is of other samples: 3 of its 40 ids are not in X",
        ),
        (lambda i: f"P{i}", "is of other samples: 40 of its 40 ids are not in X"),
    ],
)
def test_labels_of_other_samples_are_refused(place, rename, message):
    X, y = labeled()
    y.index = [rename(i) for i in range(40)]
    with pytest.raises(SampleAlignmentError, match=message):
        PLACES[place](X, y)


@pytest.mark.parametrize("place", PLACES)
def test_ids_that_count_the_rows_go_by_position(place):
    X, y = labeled()
    PLACES[place](X, y.reset_index(drop=True))
    numbered = {name: table.reset_index(drop=True) for name, table in X.items()}
    PLACES[place](numbered, y)
    PLACES[place](X, y.to_numpy())
    PLACES[place](X, y.to_list()) if place != "sample_weight" else None


@pytest.mark.parametrize(
    ("rows", "given"),
    [
        (list("abc"), list("abc")),
        ([101, 102, 103], ["101", "102", "103"]),  # the same, as text
        (list("abc"), [5, 2, 9]),  # what a split has left of a counter
        ([5, 2, 9], list("abc")),
        ([0, 1, 2], list("abc")),
        (list("aab"), list("aab")),  # drawn with replacement
        (list("abc"), list("ab")),  # another length has a message of its own
        ([], []),
    ],
)
def test_what_may_stand_side_by_side(rows, given):
    check_same_samples(pd.Index(rows), pd.Series(1.0, pd.Index(given)), "y")


@pytest.mark.parametrize(
    ("rows", "given"),
    [
        ([101, 102, 103], ["101", "103", "102"]),
        (["101", "102", "103"], [102, 101, 103]),
        ([5, 2, 9], [2, 5, 9]),
        (list("aab"), list("aba")),
        (list("aab"), list("abb")),
        ([("x", 1), ("x", 2)], [("x", 2), ("x", 1)]),
    ],
)
def test_the_same_ids_in_another_order(rows, given):
    with pytest.raises(SampleAlignmentError, match="y has the . ids of X in another"):
        check_same_samples(pd.Index(rows), pd.Series(1.0, pd.Index(given)), "y")


def test_cross_validation_by_position_and_by_label():
    X, y = labeled()
    pipeline = make_pipeline(OmicsConcatenator(StandardScaler()), classifier())
    by_label = cross_val_score(pipeline, flat(X), y)
    by_position = cross_val_score(pipeline, flat(X), y.reset_index(drop=True))
    np.testing.assert_array_equal(by_label, by_position)
    with pytest.raises(ValueError, match="y is of other samples: "):
        cross_val_score(pipeline, flat(X), y.iloc[::-1], error_score="raise")


# Ids that differ in spelling only

COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"
NEAR = {
    "Unicode normalization": (COMPOSED, DECOMPOSED),
    "white space": ("p1", "p1 "),
    "white space (nonbreaking)": ("p1", "\u00a0p1"),
    "white space (of no width)": ("p1", "p1\u200b"),
    "case": ("P1a", "p1A"),
    "dots, dashes or underscores": ("s.1", "s-1"),
    "a final .0": ("101", "101.0"),
    "leading zeros": ("7", "007"),
    "type (number and text)": (101, "101"),
}


@pytest.mark.parametrize("difference", NEAR)
def test_ids_that_differ_in_spelling_only_are_paired(difference):
    ours, theirs = NEAR[difference]
    pairs = find_near_ids(pd.Index([ours, "x"]), pd.Index(["y", theirs]))
    assert [(p.ours, p.theirs) for p in pairs] == [(ours, theirs)]
    assert difference.startswith(pairs[0].difference)
    message = describe_near_ids(pd.Index([ours]), pd.Index([theirs]))
    assert f"differs only in {pairs[0].difference}, e.g. " in message


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("ab", "cd"), ("a", "a"), ("", "a"), (["p1", "p10"], ["p2", "p100"])],
)
def test_other_ids_are_not_paired(ours, theirs):
    assert find_near_ids(index(ours), index(theirs)) == []
    assert describe_near_ids(index(ours), index(theirs)) == ""
    assert describe_unmatched({"a": index(ours), "b": index(theirs)}) == ""


def test_what_cannot_be_seen_in_ids_is_written_out():
    message = describe_near_ids(index([COMPOSED]), index([DECOMPOSED]))
    assert r"'Jos\xe9' and 'Jose\u0301'" in message
    assert r"'p1\xa0'" in describe_near_ids(index(["p1\u00a0"]), index(["p1"]))


@pytest.mark.parametrize("difference", NEAR)
def test_labels_of_ids_that_differ_in_spelling_only_are_refused_with_the_reason(
    difference,
):
    ours, theirs = NEAR[difference]
    if isinstance(ours, int):
        return  # ids are compared as text here
    y = pd.Series(["A", "B"], index=[theirs, "q"])
    with pytest.raises(SampleAlignmentError, match="of other samples: .* differs only"):
        check_same_samples(pd.Index([ours, "q"]), y, "y")


def test_blocks_of_ids_that_differ_in_spelling_only_are_refused_with_the_reason():
    tables = {
        name: pd.DataFrame({"x": [1.0, 2.0]}, index=[person, "p"])
        for name, person in (("rna", COMPOSED), ("mirna", DECOMPOSED))
    }
    with pytest.raises(SampleAlignmentError, match="differs only in Unicode normaliz"):
        OmicsConcatenator().fit(tables)


def test_a_task_whose_labels_differ_in_spelling_only_is_refused_with_the_reason():
    X = pd.DataFrame({"x": [1.0, 2.0]}, index=["p1", "p2"])
    y = pd.Series(["A", "B"], index=["p1 ", "p2"])
    with pytest.raises(ValueError, match="differs only in white space"):
        Task("t", X, y)
