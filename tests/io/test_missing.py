"""Promises of which words say that a sample has no label."""

import re

import pandas as pd
import pytest

from skomics.io import MISSING_LABELS, load_folder, read_labels
from skomics.io._missing import find_missing
from tests.conftest import REPOSITORY

# As TCGA, GDC, cBioPortal and registries write them.
WORDS = [
    "[Not Available]",
    "[Not Applicable]",
    "[Not Evaluated]",
    "[Unknown]",
    "[Discrepancy]",
    "[Completed]",
    "[Pending]",
    "Not Reported",
    "not reported",
    "NOT_REPORTED",
    "Not  Reported",
    "'--",
    "--",
    "-",
    ".",
    "?",
    "Unknown",
    "UNKNOWN",
    "not evaluated",
    "Indeterminate",
    "Equivocal",
    "Missing",
    "missing",
    "#N/A",
    "N/A",
    "n.a.",
    "na",
    "Not Applicable",
    "Not Allowed To Collect",
    "Data Unavailable",
    "unspecified",
    "(unknown)",
    "\u2018Unknown\u2019",
]
CLASSES = ["Negative", "Normal", "none", "Other", "Completed", "NC", "0", "-1", "+/-"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ["l.csv", "l.tsv", "l.csv.gz", "l.parquet"])
def test_a_word_for_no_label_is_no_class(tmp_path, word, name):
    frame = pd.DataFrame({"id": list("abc"), "label": ["A", word, "B"]})
    file = tmp_path / name
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False, sep="\t" if "tsv" in name else ",")
    with pytest.raises(ValueError, match="has no label for 1 of 3 samples, e.g. 'b'"):
        read_labels(file)
    if word in ("#N/A", "N/A"):  # pandas takes these for missing, too
        assert read_labels(file, missing="drop").to_dict() == {"a": "A", "c": "B"}
        return
    message = re.escape(f"labels that say that there is none, {word!r} (1); these")
    with pytest.warns(UserWarning, match=message):
        y = read_labels(file, missing="drop")
    assert y.to_dict() == {"a": "A", "c": "B"}


@pytest.mark.parametrize("word", CLASSES)
def test_a_word_that_may_be_a_class_is_one(save, word):
    file = save(f"id,label\na,A\nb,{word}\nc,B\n")
    assert read_labels(file).to_list() == ["A", word, "B"]


def test_a_minus_beside_a_plus_is_a_class(save):
    assert read_labels(save("id,er\na,+\nb,-\n")).to_list() == ["+", "-"]


def test_the_words_are_counted(save):
    rows = ["Unknown", "[Not Available]", "A", "NA", "[Not Available]", ""]
    text = "id,label\n" + "".join(f"p{i},{word}\n" for i, word in enumerate(rows))
    counts = r"'\[Not Available\]' \(2\), 'Unknown' \(1\)"
    message = rf"Column 'label' of table.csv has labels that .* {counts}; these"
    with pytest.warns(UserWarning, match=message):
        assert read_labels(save(text), missing="drop").to_dict() == {"p2": "A"}
    message = rf"no label for 5 of 6 .*; of these say so in words: {counts}. Label them"
    with pytest.raises(ValueError, match=message):
        read_labels(save(text))


def test_samples_without_a_word_are_dropped_without_a_warning(save):
    y = read_labels(save("id,label\na,A\nb,NA\nc,\n"), missing="drop")
    assert y.to_dict() == {"a": "A"}


def test_numbers_beside_a_word_are_numbers(save):
    file = save("id,grade\na,1\nb,[Unknown]\nc,2\n")
    with pytest.warns(UserWarning, match="Unknown"):
        assert read_labels(file, missing="drop").to_list() == [1, 2]


@pytest.mark.parametrize(
    ("missing_values", "kept"),
    [
        (["other"], ["A", "Indeterminate", "Unknown"]),
        ([*MISSING_LABELS, "Other"], ["A"]),
        (["[other]"], ["A", "Other", "Indeterminate", "Unknown"]),
        ([], ["A", "Other", "Indeterminate", "Unknown"]),
        (
            [word for word in MISSING_LABELS if word != "indeterminate"],
            ["A", "Other", "Indeterminate"],
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Column 'label' of table.csv has labels")
def test_the_words_are_replaced_or_added_to(save, missing_values, kept):
    file = save("id,label\na,A\nb,Other\nc,Indeterminate\nd,Unknown\ne,NA\n")
    y = read_labels(file, missing="drop", missing_values=missing_values)
    assert y.to_list() == kept


@pytest.mark.parametrize("missing_values", ["Other", None, [1], 3])
def test_what_is_no_list_of_words_is_refused(save, write, missing_values):
    message = "Got missing_values=.* must be 'default' or a list of words"
    with pytest.raises(ValueError, match=message):
        read_labels(save("id,label\na,A\n"), missing_values=missing_values)
    with pytest.raises(ValueError, match=message):
        load_folder(write(), missing_values=missing_values)


def test_a_folder_with_a_word_among_its_labels_is_refused_and_read_when_asked(write):
    folder = write(**{"labels.csv": "sample,label\np1,LumA\np2,Unknown\np3,LumA\n"})
    with pytest.raises(ValueError, match="say so in words: 'Unknown'"):
        load_folder(folder)
    _, y = load_folder(folder, missing_values=[])
    assert y.to_list() == ["LumA", "Unknown", "LumA"]


def test_a_label_that_is_nothing_but_marks_is_no_word():
    labels = pd.Series(["()", "''", "[]", "A"])
    assert not find_missing(labels).any()


def test_the_documentation_lists_the_words():
    page = (REPOSITORY / "docs" / "datasets.md").read_text(encoding="utf-8")
    start, end = "<!-- missing words -->", "<!-- end of missing words -->"
    listed = page.partition(start)[2].partition(end)[0]
    assert re.findall("`([^`]+)`", listed) == list(MISSING_LABELS)
