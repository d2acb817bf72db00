"""Promises of load_folder."""

import gzip
import sys
from importlib import util

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics.datasets import _read as read_module
from skomics.datasets import load_folder
from skomics.exceptions import SampleAlignmentError
from skomics.preprocessing import OmicsConcatenator

LABELS = "sample,label\np1,LumA\np2,Basal\np3,LumA\n"
RNA = "sample,TP53,EGFR\np1,1.5,2\np2,0.5,3\np3,,4\n"
MIRNA = "sample\tmir21\np3\t9\np1\t7\np2\t8\n"


@pytest.fixture
def write(tmp_path):
    """Write a folder; None leaves a file out."""

    def write(**changes):
        files = {"labels.csv": LABELS, "rna.csv": RNA, "mirna.tsv": MIRNA}
        for name, text in {**files, **changes}.items():
            if text is None:
                continue
            opener = gzip.open if name.endswith(".gz") else open
            with opener(tmp_path / name, "wt", encoding="utf-8") as file:
                file.write(text)
        return tmp_path

    return write


def test_tables_are_put_side_by_side_in_the_order_of_the_labels(write):
    X, y = load_folder(write())
    assert X.columns.to_list() == [("mirna", "mir21"), ("rna", "TP53"), ("rna", "EGFR")]
    assert X.index.to_list() == y.index.to_list() == ["p1", "p2", "p3"]
    assert X[("mirna", "mir21")].to_list() == [7.0, 8.0, 9.0]
    assert y.to_list() == ["LumA", "Basal", "LumA"]


def test_empty_cells_are_missing_values(write):
    X, _ = load_folder(write())
    assert X.isna().sum().sum() == 1
    assert np.isnan(X.loc["p3", ("rna", "TP53")])


@pytest.mark.parametrize("name", ["cnv.csv", "cnv.csv.gz", "cnv.tsv", "cnv.tsv.gz"])
def test_plain_and_compressed_tables_are_read(write, name):
    text = RNA if ".csv" in name else RNA.replace(",", "\t")
    X, _ = load_folder(write(**{name: text}))
    np.testing.assert_array_equal(X["cnv"], X["rna"])


def test_other_files_are_left_alone(write):
    X, _ = load_folder(write(**{"README.md": "# cohort", "notes.txt": "none"}))
    assert X.columns.get_level_values(0).unique().to_list() == ["mirna", "rna"]


def test_ids_stay_text(write):
    changes = {
        "labels.csv": "sample,label\n007,1\n010,2\n",
        "rna.csv": "sample,g\n010,1\n007,2\n",
        "mirna.tsv": "\tm\n007\t3\n010\t4\n",
    }
    X, y = load_folder(write(**changes))
    assert X.index.to_list() == ["007", "010"]
    assert X.to_numpy().tolist() == [[3.0, 2.0], [4.0, 1.0]]
    assert y.to_list() == [1, 2]


def test_tables_of_r_without_a_name_over_the_row_names_are_read(write):
    X, _ = load_folder(write(**{"rna.csv": RNA.removeprefix("sample,")}))
    assert X["rna"].columns.to_list() == ["TP53", "EGFR"]


def test_the_folder_goes_into_a_concatenator(write):
    X, _ = load_folder(write())
    names = OmicsConcatenator().fit(X).get_feature_names_out()
    assert names.tolist() == ["mirna__mir21", "rna__TP53", "rna__EGFR"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"labels.csv": None},
            FileNotFoundError,
            "has no labels.csv. Add one with the columns sample and label",
        ),
        (
            {"rna.csv": None, "mirna.tsv": None},
            FileNotFoundError,
            "has labels.csv but no table of an omics. Add one",
        ),
        (
            {"rna.csv.gz": RNA},
            ValueError,
            "two tables of the omics 'rna': rna.csv and rna.csv.gz. Remove or",
        ),
        (
            {"labels.csv": LABELS.replace("label", "subtype")},
            ValueError,
            r"labels.csv has the columns \['subtype'\] .* Rename the one",
        ),
        (
            {"labels.csv": LABELS.replace("Basal", "")},
            ValueError,
            "labels.csv has no label for 1 of 3 samples, e.g. 'p2'. Label them",
        ),
        (
            {"labels.csv": LABELS + "p1,Basal\n"},
            ValueError,
            "labels.csv has 1 sample ids that occur more than once, e.g. 'p1'. Keep",
        ),
        (
            {"rna.csv": RNA.replace("p2", "")},
            ValueError,
            "rna.csv has 1 rows without a sample id. Name every sample",
        ),
        (
            {"rna.csv": RNA.replace("p3", "p4")},
            SampleAlignmentError,
            r"rna.csv has 3 samples and labels.csv has 3: 1 labelled samples are not "
            r"in the table \('p3'\) and 1 of its samples have no label \('p4'\). Keep",
        ),
        (
            {"rna.csv": "gene,p1,p2,p3\nTP53,1,2,3\n"},
            SampleAlignmentError,
            "rna.csv has 3 of 3 samples as columns, so it looks transposed. Write it",
        ),
        (
            {"rna.csv": RNA.replace("EGFR", "TP53")},
            ValueError,
            "rna.csv has 1 column names that occur more than once, e.g. 'TP53'. Drop",
        ),
        (
            {"rna.csv": RNA.replace("0.5", "high")},
            ValueError,
            "rna.csv holds 1 cells in column 'TP53' that are no numbers, e.g. 'high' "
            "in row 'p2'. Encode the column",
        ),
        (
            {"rna.csv": RNA.replace("0.5,3", "0.5,3,4")},
            ValueError,
            "rna.csv is no table with 3 columns throughout: .* Mend the line",
        ),
        (
            {"rna.csv": RNA.replace(",", ";")},
            ValueError,
            "rna.csv has 1 columns in its first row of data. Give sample ids and",
        ),
        (
            {"rna.csv": ""},
            ValueError,
            "rna.csv has 0 columns in its first row of data. Give sample ids and",
        ),
    ],
)
def test_a_bad_folder_is_refused_with_the_cure(write, changes, error, message):
    folder = write(**changes)
    with pytest.raises(error, match=message):
        load_folder(folder)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder .* Give a folder"):
        load_folder(tmp_path / "nowhere")


@pytest.fixture
def sparse_folder(write):
    """Write a sparse table of two features, and no dense one but mirna."""
    folder = write(**{"rna.csv": None, "atac_features.txt.gz": "peak1\npeak2\n"})
    matrix = sparse.csr_matrix([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    sparse.save_npz(folder / "atac.npz", matrix)
    return folder


def test_a_sparse_table_stays_sparse_and_keeps_its_names(sparse_folder):
    pytest.importorskip("anndata")
    X, y = load_folder(sparse_folder)
    assert sparse.issparse(X.X)
    assert X.var_names.to_list() == ["atac__peak1", "atac__peak2", "mirna__mir21"]
    assert X.var["omics"].to_list() == ["atac", "atac", "mirna"]
    assert X.obs_names.to_list() == y.index.to_list()
    assert X.X.toarray().tolist() == [[0, 1, 7], [2, 0, 8], [0, 0, 9]]
    assert OmicsConcatenator().fit(X).omics_ == ("atac", "mirna")


def test_sparse_tables_come_as_a_dict_where_anndata_is_absent(
    sparse_folder, monkeypatch
):
    def find_nothing(name):
        return None if name == "anndata" else util.find_spec(name)

    monkeypatch.setattr(read_module, "find_spec", find_nothing)
    monkeypatch.setitem(sys.modules, "anndata", None)
    X, _ = load_folder(sparse_folder)
    assert sparse.issparse(X["atac"])
    assert isinstance(X["mirna"], pd.DataFrame)
    assert OmicsConcatenator().fit(X).omics_ == ("atac", "mirna")


def test_a_sparse_table_without_names_is_refused(sparse_folder):
    (sparse_folder / "atac_features.txt.gz").unlink()
    with pytest.raises(FileNotFoundError, match="neither atac_features.txt nor atac_f"):
        load_folder(sparse_folder)


def test_a_sparse_table_of_another_shape_is_refused(sparse_folder):
    sparse.save_npz(sparse_folder / "atac.npz", sparse.csr_matrix((4, 2)))
    message = "atac.npz has 4 rows and 2 columns, but labels.csv has 3 samples and atac"
    with pytest.raises(ValueError, match=message):
        load_folder(sparse_folder)


@pytest.mark.parametrize(
    ("name", "shape", "n_classes"),
    [("tcga_luad", (181, 1667), 3), ("scgem", (177, 61), 5)],
)
def test_real_sets_are_read(data_dir, name, shape, n_classes):
    X, y = load_folder(data_dir / name)
    assert X.shape == shape
    assert y.nunique() == n_classes
    assert X.index.equals(y.index)


def test_a_real_sparse_set_is_read(data_dir):
    pytest.importorskip("anndata")
    X, y = load_folder(data_dir / "scicar_a549")
    assert X.shape == (2641, 53946)
    assert y.value_counts().to_dict() == {"3h": 1075, "1h": 983, "0h": 583}


def test_a_real_table_that_lacks_samples_is_refused(data_dir):
    message = "rppa_partial.csv.gz has 43 samples and labels.csv has 75"
    with pytest.raises(SampleAlignmentError, match=message):
        load_folder(data_dir / "acc_miniacc")
