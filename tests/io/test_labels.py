"""Promises of read_labels."""

import pandas as pd
import pytest

from skomics.io import read_labels


def test_labels_are_read_from_the_only_or_named_column(save):
    assert read_labels(save("id,group\n01,x\n02,y\n")).to_dict() == {
        "01": "x",
        "02": "y",
    }
    file = save("id\tage\tsubtype\n01\t50\tx\n02\t60\ty\n", "clinical.tsv.gz")
    assert read_labels(file).to_list() == ["x", "y"]
    assert read_labels(file, column="age").to_list() == [50, 60]
    assert read_labels(file, column="age", id_column="subtype").index[0] == "x"
    with pytest.raises(ValueError, match="0 columns called 'stage', .* column=. Its c"):
        read_labels(file, column="stage")


def test_labels_with_leading_zeros_stay_text(save):
    assert read_labels(save("id,group\na,01\nb,02\n")).to_list() == ["01", "02"]


def test_labels_without_a_header_need_to_be_declared(save):
    file = save("p1 0\np2 1\np3 0\n", "after_labels.txt")
    with pytest.raises(ValueError, match="seems to have no header: .* Pass header=Fal"):
        read_labels(file)
    assert read_labels(file, header=False).to_dict() == {"p1": 0, "p2": 1, "p3": 0}


def test_missing_labels_are_named_or_dropped(save):
    file = save("id,group\na,x\nb,NA\nc,\n")
    with pytest.raises(ValueError, match="no label for 2 of 3 samples, e.g. 'b', 'c'."):
        read_labels(file)
    assert read_labels(file, missing="drop").to_dict() == {"a": "x"}
    with pytest.raises(ValueError, match="has no label in its column 'group'"):
        read_labels(save("id,group\na,NA\n"), missing="drop")


def test_labels_in_parquet_are_read(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"subtype": ["x", None]}, index=["007", "008"])
    frame.to_parquet(tmp_path / "labels.parquet")
    y = read_labels(tmp_path / "labels.parquet", missing="drop")
    assert y.to_dict() == {"007": "x"}


def test_a_parquet_of_one_column_has_no_labels(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"id": ["a", "b"]}).to_parquet(tmp_path / "l.parquet")
    with pytest.raises(ValueError, match="l.parquet has 1 columns. Give sample ids"):
        read_labels(tmp_path / "l.parquet")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 columns in its first row"),
        ("id\na\n", "has 1 columns in its first row"),
        ("id,x\na,1\nb\n", "has 1 cells in line 3, but 2 columns"),
        ("id,x\na,1\n,2\n", "has 1 samples without an id"),
    ],
)
def test_malformed_labels_are_refused(save, text, message):
    with pytest.raises(ValueError, match=f"table.csv {message}"):
        read_labels(save(text))


@pytest.mark.parametrize(
    ("name", "n_classes"), [("tcga_luad", 3), ("scgem", 5), ("scicar_a549", 3)]
)
def test_real_labels_have_their_classes(data_dir, name, n_classes):
    assert read_labels(data_dir / name / "labels.csv").nunique() == n_classes


RAW_LABELS = {
    "aml_clinical": ({"column": "gender"}, 200, "MALE"),
    "gbm_subtypes.csv": ({"missing": "drop"}, 546, "Classical"),
    "gbm_after_labels.txt": ({"header": False}, 272, 0),
    "gbm_survival": ({"column": "Death", "missing": "drop"}, None, 1),
    "sarcoma_survival": ({"column": "Death"}, None, 0),
    "dlmo_sim_equal_5/clusters.txt": ({}, 100, 4),
}


@pytest.mark.parametrize("name", RAW_LABELS)
def test_real_raw_labels_are_read(data_dir, name):
    options, n_samples, first = RAW_LABELS[name]
    y = read_labels(data_dir / "acgt_raw_sample" / name, **options)
    assert y.iloc[0] == first
    assert n_samples in (None, len(y))
