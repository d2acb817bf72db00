"""Promises of load_folder: which files are tables, and what the labels are."""

import contextlib
import os
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics.exceptions import SampleAlignmentError
from skomics.io import _join as join_module
from skomics.io import load_folder, read_labels, read_omics
from skomics.preprocessing import OmicsConcatenator, align_samples
from tests.conftest import REPOSITORY
from tests.io.conftest import LABELS, MIRNA, RNA


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
            "has no table of a modality. Add one",
        ),
        (
            {"rna.csv.gz": RNA},
            ValueError,
            "two tables of the modality 'rna': rna.csv and rna.csv.gz. Remove or",
        ),
        (
            {"labels.csv": "sample,pam50,stage\np1,LumA,1\np2,Basal,2\np3,LumA,1\n"},
            ValueError,
            "labels.csv has 2 columns beside the sample ids, 'pam50', 'stage', and "
            "none is called 'label' or 'subtype'. Say .* in a folder, rename it",
        ),
        (
            {"labels.csv": LABELS.replace("Basal", "")},
            ValueError,
            "labels.csv has no label for 1 of 3 samples, e.g. 'p2'. Label them",
        ),
        (
            {"labels.csv": LABELS + "p1,Basal\n"},
            ValueError,
            "labels.csv has 4 rows and 1 sample ids that occur more than once, e.g. "
            "'p1'. Keep",
        ),
        (
            {"rna.csv": RNA.replace("p2", "")},
            ValueError,
            "rna.csv has 1 samples without an id. Name every sample",
        ),
        (
            {"rna.csv": RNA.replace("p3", "p4")},
            SampleAlignmentError,
            r"Table 'rna' has 3 samples and the labels have 3: 1 samples are not in "
            r"the table \('p3'\) and 1 samples of the table are not in the labels "
            r"\('p4'\). Keep the same .* join='inner'",
        ),
        (
            {"rna.csv": RNA.replace("EGFR", "TP53")},
            ValueError,
            "rna.csv has 1 feature names that occur more than once, e.g. 'TP53'. Drop",
        ),
        (
            {"rna.csv": RNA.replace("0.5", "high")},
            ValueError,
            r"rna.csv has 'high' in line 3, column 2 \('TP53'\), where a finite number "
            r"is wanted. Encode .* name the tables to read in omics=",
        ),
        (
            {"rna.csv": RNA.replace("0.5,3", "0.5,3,4")},
            ValueError,
            "rna.csv has 4 cells in line 3, but 3 in line 2. It is no table with 3 "
            "columns throughout; mend the line",
        ),
        (
            {"rna.csv": RNA.replace("0.5,3", "0.5")},
            ValueError,
            "rna.csv has 2 cells in line 3, but 3 in line 2. It is no table",
        ),
        (
            {"rna.csv": "sample\np1\np2\np3\n"},
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

    monkeypatch.setattr(join_module, "find_spec", find_nothing)
    monkeypatch.setitem(sys.modules, "anndata", None)
    X, _ = load_folder(sparse_folder)
    assert sparse.issparse(X["atac"])
    assert isinstance(X["mirna"], pd.DataFrame)
    assert OmicsConcatenator().fit(X).omics_ == ("atac", "mirna")


def test_a_table_with_samples_in_columns_is_turned(write):
    X, _ = load_folder(write(**{"rna.csv": "gene,p3,p1,p2\nTP53,3,1,2\n"}))
    assert X[("rna", "TP53")].to_list() == [1.0, 2.0, 3.0]


def test_a_table_that_lacks_samples_gets_rows_of_nan_and_a_warning(write):
    folder = write(**{"rna.csv": RNA.replace("p2,0.5,3\n", "")})
    with pytest.warns(UserWarning, match=r"Table 'rna' lacks 1 of 3 samples \('p2'\)"):
        X, y = load_folder(folder)
    assert X["rna"].loc["p2"].isna().all()
    assert X["mirna"].notna().all(axis=None)
    assert y.index.to_list() == ["p1", "p2", "p3"]


def test_inner_keeps_the_samples_that_all_have(write):
    changes = {"rna.csv": RNA.replace("p2", "p4"), "labels.csv": LABELS + "p5,LumA\n"}
    X, y = load_folder(write(**changes), join="inner")
    assert X.index.to_list() == y.index.to_list() == ["p1", "p3"]


def test_exact_refuses_what_outer_fills(write):
    folder = write(**{"rna.csv": RNA.replace("p2,0.5,3\n", "")})
    with pytest.raises(
        SampleAlignmentError, match="'rna' has 2 samples and the labels"
    ):
        load_folder(folder, join="exact")


def test_a_sparse_table_cannot_be_filled(sparse_folder):
    anndata = pytest.importorskip("anndata")
    matrix = sparse.csr_matrix([[1.0], [2.0]])
    obs, var = pd.DataFrame(index=["p1", "p2"]), pd.DataFrame(index=["g"])
    anndata.AnnData(matrix, obs, var).write_h5ad(sparse_folder / "counts.h5ad")
    with pytest.raises(SampleAlignmentError, match="'counts' lacks 1 .* join='inner'"):
        load_folder(sparse_folder)


def test_tables_to_read_can_be_named(write):
    X, _ = load_folder(write(**{"notes.csv": "sample,stage\np1,IV\n"}), omics=["rna"])
    assert X.columns.get_level_values(0).unique().to_list() == ["rna"]


def test_a_named_table_must_be_there(write):
    with pytest.raises(FileNotFoundError, match="has no table of 'rnaa'. Name tables"):
        load_folder(write(), omics=["rnaa"])


def test_a_description_of_the_samples_is_left_out_with_a_warning(write):
    folder = write(**{"clinical.csv": "sample,stage\np1,IV\np2,I\np3,\n"})
    with pytest.warns(UserWarning, match="clinical.csv holds text only, so it is left"):
        X, _ = load_folder(folder)
    assert X.columns.get_level_values(0).unique().to_list() == ["mirna", "rna"]


def test_a_table_with_text_and_numbers_is_not_left_out(write):
    folder = write(**{"clinical.csv": "sample,stage,age\np1,IV,60\np2,I,\np3,,\n"})
    with pytest.raises(ValueError, match="clinical.csv has 'IV' in line 2, column 2"):
        load_folder(folder)


def test_parquet_and_h5ad_are_tables_of_a_folder(write):
    anndata = pytest.importorskip("anndata")
    pytest.importorskip("pyarrow")
    folder = write(**{"rna.csv": None})
    frame = pd.DataFrame({"a": [3, 1, 2]}, index=["p3", "p1", "p2"])
    frame.to_parquet(folder / "cnv.parquet")
    anndata.AnnData(frame.astype(float)).write_h5ad(folder / "rppa.h5ad")
    X, _ = load_folder(folder)
    assert X["cnv"]["a"].to_list() == X["rppa"]["a"].to_list() == [1.0, 2.0, 3.0]


@pytest.fixture
def write_mogonet(tmp_path):
    def write(**changes):
        files = {
            "labels_tr.csv": "1.000e+00\n0.0e0\n",
            "labels_te.csv": "1.0\n",
            "1_tr.csv": "0.5,1e-1\n0.25,2e-1\n",
            "1_te.csv": "0.75,3e-1\n",
            "1_featname.csv": "TP53\nEGFR\n",
            "2_tr.csv": "1\n2\n",
            "2_te.csv": "3\n",
        }
        for name, text in {**files, **changes}.items():
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_the_layout_of_mogonet_is_read(write_mogonet):
    X, y = load_folder(write_mogonet())
    assert X.columns.to_list() == [
        ("omics_1", "TP53"),
        ("omics_1", "EGFR"),
        ("omics_2", "feature_0"),
    ]
    assert X.index.to_list() == ["tr000", "tr001", "te000"]
    assert X[("omics_1", "EGFR")].to_list() == [0.1, 0.2, 0.3]
    assert y.to_list() == [1, 0, 1]


def test_mogonet_tables_of_another_length_are_refused(write_mogonet):
    folder = write_mogonet(**{"2_te.csv": "3\n4\n"})
    with pytest.raises(SampleAlignmentError, match="2_te.csv has 2 samples and 1 ids"):
        load_folder(folder)


def test_mogonet_names_of_another_number_are_refused(write_mogonet):
    folder = write_mogonet(**{"1_featname.csv": "TP53\n"})
    with pytest.raises(ValueError, match="1_featname.csv has 1 names and 1_tr.csv 2 c"):
        load_folder(folder)


def test_the_layout_of_dlmo_is_read(tmp_path):
    texts = {
        "omics1.txt": "probe\tsubject1\tsubject2\ncg1\t0.5\t0.25\n",
        "omics2.txt": "probe\tsubject1\tsubject2\nTP53\t1\t2\n",
        "clusters.txt": '"subjects"\t"cluster.id"\n"1"\t"subject2"\t4\n'
        '"2"\t"subject1"\t1\n',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    X, y = load_folder(tmp_path)
    assert X.columns.to_list() == [("omics1", "cg1"), ("omics2", "TP53")]
    assert X.to_numpy().tolist() == [[0.25, 2.0], [0.5, 1.0]]
    assert y.to_dict() == {"subject2": 4, "subject1": 1}


def real_sets():
    folder = Path(os.environ.get("SKOMICS_DATA", REPOSITORY.parent / "shared" / "data"))
    names = sorted(file.parent.name for file in folder.glob("*/labels.csv"))
    return names or ["absent"]


# What the README of the sets says, and what load_folder must tell the user.
WARNINGS = {
    "acc_miniacc": "'rppa_partial' lacks 32 of 75 samples",
    "nutrimouse": "samples.csv holds text only",
}


@pytest.mark.parametrize("name", real_sets())
def test_every_real_set_is_read(data_dir, name):
    if (data_dir / name / "atac.npz").is_file():
        pytest.importorskip("anndata")
    manifest = pd.read_csv(data_dir / "manifest.csv")
    with contextlib.ExitStack() as stack:
        if name in WARNINGS:
            stack.enter_context(pytest.warns(UserWarning, match=WARNINGS[name]))
        X, y = load_folder(data_dir / name)
    labels = pd.read_csv(data_dir / name / "labels.csv", dtype=str)
    assert y.index.to_list() == labels["sample"].to_list()
    assert y.astype(str).to_list() == labels["label"].to_list()
    expected = manifest[manifest["set"] == name]
    assert X.shape == (len(labels), expected["features"].sum())


def test_a_real_table_that_lacks_samples_is_refused_when_asked(data_dir):
    message = "Table 'rppa_partial' has 43 samples and the labels have 75"
    with pytest.raises(SampleAlignmentError, match=message):
        load_folder(data_dir / "acc_miniacc", join="exact")


def test_real_tables_that_differ_go_through_align_samples(data_dir):
    folder = data_dir / "acc_miniacc"
    y = read_labels(folder / "labels.csv")
    tables = {
        name: read_omics(folder / f"{name}.csv.gz")
        for name in ("mirna", "rppa_partial")
    }
    X, y, report = align_samples(tables, y, join="outer")
    assert X.shape == (75, 504)
    assert X["rppa_partial"].isna().all(axis=1).sum() == 32
    assert len(report.lacking["rppa_partial"]) == 32
    assert y.notna().all()


@pytest.mark.parametrize(
    ("name", "n_features"),
    [("dlmo_sim_equal_5", 658), ("mogonet_format_sim_equal_5", 291)],
)
def test_real_raw_folders_are_read(data_dir, name, n_features):
    X, y = load_folder(data_dir / "acgt_raw_sample" / name)
    assert X.shape == (100, n_features)
    assert y.nunique() == 5
    assert X.notna().all(axis=None)


def test_the_raw_folder_of_dlmo_equals_the_set_made_from_it(data_dir):
    raw, y_raw = load_folder(data_dir / "acgt_raw_sample" / "dlmo_sim_equal_5")
    X, y = load_folder(data_dir / "dlmo_sim_equal_5")
    for omics, name in (("omics1", "methylation"), ("omics2", "expression")):
        pd.testing.assert_frame_equal(raw[omics].loc[X.index], X[name])
    assert y_raw.loc[y.index].to_list() == y.to_list()


# Files of systems and editors

SIDE_FILES = [
    "._rna.csv",
    ".rna.csv",
    "~$rna.csv",
    "~$labels.xlsx",
    "rna.csv~",
    "#rna.csv#",
    ".#rna.csv",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "._atac.npz",
    ".~lock.rna.csv#",
]


@pytest.mark.parametrize("name", SIDE_FILES)
@pytest.mark.parametrize("content", [b"\x00\x05\x16\x07\x00\x02\x00\x00", RNA.encode()])
def test_a_file_of_a_system_or_an_editor_is_no_table(write, name, content):
    folder = write()
    X, _ = load_folder(folder)
    (folder / name).write_bytes(content)
    pd.testing.assert_frame_equal(load_folder(folder)[0], X)


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "__MACOSX", ".git", "figures"])
def test_a_folder_of_copies_is_no_table(write, name):
    folder = write()
    (folder / name).mkdir()
    (folder / name / "rna.csv").write_text("x")
    X, _ = load_folder(folder)
    assert X.columns.get_level_values(0).unique().to_list() == ["mirna", "rna"]


def test_side_files_are_no_tables_of_mogonet(tmp_path):
    for name, text in {
        "labels_tr.csv": "1.0\n0.0\n",
        "labels_te.csv": "1.0\n",
        "1_tr.csv": "0.5,1e-1\n0.25,2e-1\n",
        "1_te.csv": "0.75,3e-1\n",
        "._1_tr.csv": "\0",
        "~$2_tr.csv": "\0",
    }.items():
        (tmp_path / name).write_text(text)
    X, y = load_folder(tmp_path)
    assert X.columns.get_level_values(0).unique().to_list() == ["omics_1"]
    pd.testing.assert_frame_equal(load_folder(tmp_path, labels=None), X)
    given = pd.Series(["x", "y", "x"], y.index[::-1])
    X, y = load_folder(tmp_path, labels=given)
    assert y.to_dict() == given.to_dict()


def test_side_files_are_no_tables_of_dlmo(tmp_path):
    for name, text in {
        "omics1.txt": "probe\ts1\ts2\ncg1\t0.5\t0.25\n",
        "clusters.txt": '"subjects"\t"cluster.id"\n"1"\t"s2"\t4\n"2"\t"s1"\t1\n',
        "omics1.txt~": "x",
        "._omics2.txt": "\0",
    }.items():
        (tmp_path / name).write_text(text)
    X, y = load_folder(tmp_path)
    assert y.to_dict() == {"s2": 4, "s1": 1}
    alone = load_folder(tmp_path, labels=None)
    pd.testing.assert_frame_equal(alone.loc[X.index], X)


# Labels


def test_a_cohort_without_labels_is_the_table_alone(write):
    rna = RNA.replace("sample", "patient_id")
    folder = write(**{"labels.csv": None, "rna.csv": rna})
    X = load_folder(folder, labels=None)
    assert isinstance(X, pd.DataFrame)
    assert X.columns.to_list() == [("mirna", "mir21"), ("rna", "TP53"), ("rna", "EGFR")]
    assert X.loc["p1"].to_list() == [7.0, 1.5, 2.0]


def test_labels_that_are_there_are_no_table_where_none_are_asked_for(write):
    folder = write(**{"rna.csv": RNA.replace("sample", "patient_id")})
    X = load_folder(folder, labels=None)
    assert X.columns.get_level_values(0).unique().to_list() == ["mirna", "rna"]
    with pytest.raises(FileNotFoundError, match="has no table of 'labels'"):
        load_folder(folder, labels=None, omics=["labels"])


def test_samples_of_a_cohort_without_labels_are_joined_as_asked(write):
    changes = {"rna.csv": "patient_id,TP53\np1,1\np2,2\n", "labels.csv": None}
    folder = write(**changes)
    with pytest.warns(UserWarning, match="'rna' lacks 1 of 3 samples"):
        assert len(load_folder(folder, labels=None)) == 3
    assert len(load_folder(folder, labels=None, join="inner")) == 2
    with pytest.raises(SampleAlignmentError, match="have|has"):
        load_folder(folder, labels=None, join="exact")


def test_without_labels_names_must_tell_which_axis_holds_samples(write):
    folder = write(**{"labels.csv": None, "rna.csv": "x,a,b\np1,1,2\n"})
    with pytest.raises(ValueError, match="do not tell samples from features"):
        load_folder(folder, labels=None)


def test_sparse_tables_without_ids_need_labels(write):
    folder = write(**{"labels.csv": None, "atac_features.txt": "peak\n"})
    sparse.save_npz(folder / "atac.npz", sparse.csr_matrix([[1.0], [0.0]]))
    with pytest.raises(ValueError, match="but there are 0 sample ids"):
        load_folder(folder, labels=None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("subtypes.csv", LABELS),
        ("labels.tsv", LABELS.replace(",", "\t")),
        ("classes.csv.gz", LABELS),
        ("Labels.txt", LABELS.replace(",", "\t")),
    ],
)
@pytest.mark.parametrize("is_path", [True, False])
def test_labels_are_read_from_the_file_that_is_named(write, name, text, is_path):
    folder = write(**{"labels.csv": "sample,label\np1,other\n", name: text})
    X, y = load_folder(folder, labels=folder / name if is_path else name)
    assert y.to_dict() == {"p1": "LumA", "p2": "Basal", "p3": "LumA"}
    assert X.columns.get_level_values(0).unique().to_list() == ["mirna", "rna"]


def test_labels_can_be_given(write):
    folder = write(**{"labels.csv": None, "clinical.tsv": "id\tpam50\np3\tx\np1\ty\n"})
    (folder / "clinical.tsv").rename(folder / "clinical.txt")
    labels = read_labels(folder / "clinical.txt", column="pam50")
    X, y = load_folder(folder, labels=labels, join="inner")
    pd.testing.assert_series_equal(y, labels)
    assert X[("mirna", "mir21")].to_list() == [9.0, 7.0]


def test_given_labels_match_by_id_though_these_are_numbers(write):
    changes = {"rna.csv": "id,TP53\n102,1\n101,2\n", "mirna.tsv": None}
    labels = pd.Series(["x", "y"], index=[101, 102])
    X, y = load_folder(write(**changes), labels=labels)
    assert y.to_dict() == {"101": "x", "102": "y"}
    assert X[("rna", "TP53")].to_list() == [2.0, 1.0]


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (
            ["x", "y"],
            TypeError,
            "labels of type list, but the name of a",
        ),
        ({"p1": "x"}, TypeError, "labels of type dict"),
        (np.array(["x"]), TypeError, "labels of type ndarray"),
        (pd.Series(["x", None], ["p1", "p2"]), ValueError, "no label for 1 of 2 sam"),
        (
            pd.Series(["x", "y"], ["p1", "p1"]),
            SampleAlignmentError,
            "1 sample ids that",
        ),
        (
            "nothing.csv",
            FileNotFoundError,
            "has no nothing.csv. .* has 'labels.csv",
        ),
    ],
)
def test_what_are_no_labels_is_refused(write, labels, error, message):
    with pytest.raises(error, match=message):
        load_folder(write(), labels=labels)


@pytest.mark.parametrize("name", ["labels.tsv", "Labels.csv.gz", "my_labels.csv"])
def test_absent_labels_are_named_with_what_is_there_and_the_cures(write, name):
    folder = write(**{"labels.csv": None, name: LABELS})
    message = f"labels=, or pass labels=None for the table alone. It has '{name}'"
    with pytest.raises(FileNotFoundError, match=message):
        load_folder(folder)


@pytest.mark.parametrize("name", ["cnv.CSV", "cnv.Tsv", "cnv.csv.GZ"])
def test_suffixes_in_capitals_are_known(write, name):
    text = RNA if "csv" in name.lower() else MIRNA
    folder = write(**{name.lower(): text})
    (folder / name.lower()).rename(folder / name)
    if name.endswith("Tsv"):
        assert "cnv" in load_folder(folder)[0]
    else:
        X, _ = load_folder(folder)
        np.testing.assert_array_equal(X["cnv"], X["rna"])


CLINICAL = "sample,age,OS.time,stage\np1,61,300,2\np2,47,20,1\np3,55,1,3\n"


def write_clinical(folder):
    (folder / "clinical.csv").write_text(CLINICAL)
    (folder / "rna.csv").write_text("sample,TP53\np1,1.5\np2,0.5\np3,2\n")
    (folder / "labels.csv").write_text("sample,label\np1,a\np2,b\np3,a\n")


def test_table_of_outcomes_is_read_with_a_warning_that_says_how_not_to(tmp_path):
    write_clinical(tmp_path)
    says = (
        "Table 'clinical' is read as a modality, but has 'age', 'OS.time', 'stage', "
        r"which .* Leave it out, omics=\['rna'\], or name it"
    )
    with pytest.warns(UserWarning, match=says):
        load_folder(tmp_path)
    for omics in (["rna"], ["rna", "clinical"]):  # chosen, so that nothing is said
        X, _ = load_folder(tmp_path, omics=omics)
        assert X.columns.get_level_values(0).unique().to_list() == sorted(omics)


def test_classes_among_the_features_of_files_are_warned_of(tmp_path):
    file = tmp_path / "rna.csv"
    file.write_text("sample_id,TP53,Label\np1,1.5,0\np2,0.5,1\n")
    says = "table is read as a modality, but has 'Label', .* X.drop"
    with pytest.warns(UserWarning, match=says):
        read_omics(file, orientation="samples")
    with pytest.warns(UserWarning, match="Table 'rna' is read as a modality, but has"):
        read_omics([file], orientation="samples")
