"""Promises of joins: ids that differ in spelling only are named."""

import pandas as pd
import pytest

from skomics.exceptions import SampleAlignmentError, SampleDroppedWarning
from skomics.io import load_folder, read_omics
from skomics.preprocessing import align_samples

COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"
NEAR = [
    (COMPOSED, DECOMPOSED, "Unicode normalization"),
    ("P1", "p1", "case"),
    ("s_1", "s-1", "dots, dashes or underscores"),
    ("007", "7", "leading zeros"),
    ("101", "101.0", "a final .0"),
]


def as_csv(ids, name="x"):
    return f"patient_id,{name}\n" + "".join(f"{i},1.5\n" for i in [*ids, "q", "r"])


@pytest.mark.parametrize(("ours", "theirs", "difference"), NEAR)
def test_a_join_of_tables_names_near_ids_that_it_leaves_apart(
    save, ours, theirs, difference
):
    files = {"a": save(as_csv([ours]), "a.csv"), "b": save(as_csv([theirs]), "b.csv")}
    with pytest.warns(UserWarning, match=f"join='inner' drops .* only in {difference}"):
        assert read_omics(files, join="inner").index.to_list() == ["q", "r"]
    with pytest.warns(UserWarning, match=f"lacks 1 of 4 .* only in {difference}"):
        assert len(read_omics(files, join="outer")) == 4
    with pytest.raises(SampleAlignmentError, match=f"differs only in {difference}"):
        read_omics(files, join="exact")


@pytest.mark.parametrize(("ours", "theirs", "difference"), NEAR)
def test_a_folder_names_ids_that_are_near_those_of_its_labels(
    write, ours, theirs, difference
):
    labels = f"sample,label\n{ours},x\nq,y\nr,x\n"
    changes = {"labels.csv": labels, "rna.csv": as_csv([theirs]), "mirna.tsv": None}
    folder = write(**changes)
    with pytest.raises(SampleAlignmentError, match=f"differs only in {difference}"):
        load_folder(folder)
    with pytest.warns(UserWarning, match=f"'labels' and 'rna' .* only in {difference}"):
        X, y = load_folder(folder, join="inner")
    assert y.index.to_list() == ["q", "r"]


@pytest.mark.parametrize(("ours", "theirs", "difference"), NEAR)
def test_ids_that_are_near_those_of_a_table_are_named(save, ours, theirs, difference):
    for text in (f"x,g\n{ours},1.5\n", f"x,{ours}\ng,1.5\n"):
        with pytest.raises(SampleAlignmentError, match=f"none of .* {difference}"):
            read_omics(save(text), ids=[theirs])


def test_ids_without_a_common_one_are_refused_with_the_reason(save):
    files = {"a": save("patient_id,x\nP1,1\n", "a.csv")}
    files["b"] = save("patient_id,x\np1,1\n", "b.csv")
    with pytest.raises(SampleAlignmentError, match="No sample is in .* only in case"):
        read_omics(files, join="inner")


def test_samples_that_are_of_others_are_dropped_without_that_warning(save):
    files = {"a": save(as_csv(["p1"]), "a.csv"), "b": save(as_csv(["p2"]), "b.csv")}
    assert read_omics(files, join="inner").index.to_list() == ["q", "r"]


def make_tables(ours, theirs):
    return {
        "rna": pd.DataFrame({"x": range(4)}, [ours, "q", "r", "s"]),
        "mirna": pd.DataFrame({"y": range(4)}, [theirs, "q", "r", "s"]),
    }


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [*NEAR, ("p1", "p1 ", "white space"), (101, "101", "type")],
)
def test_align_samples_names_near_ids_that_it_leaves_apart(
    ours, theirs, difference, join
):
    with pytest.warns(SampleDroppedWarning, match=f"'rna' and 'mirna' .*{difference}"):
        X, _, _ = align_samples(make_tables(ours, theirs), join=join)
    assert len(X) == (3 if join == "inner" else 5)


@pytest.mark.parametrize(("ours", "theirs", "difference"), NEAR)
def test_align_samples_names_labels_that_are_near(ours, theirs, difference):
    y = dict.fromkeys([theirs, "q", "r", "s"], "A")
    with pytest.warns(SampleDroppedWarning, match=f"'y' and 'X' .*{difference}"):
        X, _, _ = align_samples(make_tables(ours, ours), y)
    assert X.index.to_list() == ["q", "r", "s"]
    with pytest.raises(SampleAlignmentError, match=f"has a label: .*{difference}"):
        align_samples({"rna": pd.DataFrame({"x": [1]}, [ours])}, {theirs: "A"})
