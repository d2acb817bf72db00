"""Promises of read_omics, read_labels and load_folder."""

import contextlib
import gzip
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
            "has labels but no table of a modality. Add one",
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

    monkeypatch.setattr(join_module, "find_spec", find_nothing)
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
    message = (
        "atac.npz has 4 rows and 2 columns, but there are 3 sample ids and atac_fe"
    )
    with pytest.raises(ValueError, match=message):
        load_folder(sparse_folder)


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


ACGT = '"TCGA.AB.2802.03" "TCGA.AB.2803.03"\n"hsa.let.7a.1" 1.5 2\n"x y" NA 3e2\n'


@pytest.fixture
def save(tmp_path):
    def save(text, name="table.csv"):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(tmp_path / name, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return save


def test_the_layout_of_acgt_is_turned_and_its_barcodes_get_dashes(save):
    X = read_omics(save(ACGT, "mirna"))
    assert X.index.to_list() == ["TCGA-AB-2802-03", "TCGA-AB-2803-03"]
    assert X.columns.to_list() == ["hsa.let.7a.1", "x y"]
    assert X["hsa.let.7a.1"].to_list() == [1.5, 2.0]
    assert X["x y"].isna().to_list() == [True, False]
    assert (X.index.name, X.columns.name) == ("sample", "feature")


def test_barcodes_can_be_kept(save):
    X = read_omics(save(ACGT.replace("TCGA.AB", "tcga.ab"), "mirna"), barcodes="keep")
    assert X.index[0] == "tcga.ab.2802.03"
    assert (
        read_omics(save(ACGT.replace("TCGA.AB", "tcga.ab"), "mirna")).index[0]
        == "TCGA-AB-2802-03"
    )


def test_barcodes_with_underscores_get_dashes(save):
    X = read_omics(save(ACGT.replace(".AB.", "_AB_").replace(".03", "_03"), "mirna"))
    assert X.index.to_list() == ["TCGA-AB-2802-03", "TCGA-AB-2803-03"]


def test_what_only_begins_like_a_barcode_is_neither_changed_nor_evidence(save):
    file = save("id\tTCGA.BRCA.up\tTCGA.BRCA.down\nx\t1\t2\n", "sets.tsv")
    with pytest.raises(ValueError, match="do not tell samples from features"):
        read_omics(file)
    X = read_omics(file, orientation="features")
    assert X.index.to_list() == ["TCGA.BRCA.up", "TCGA.BRCA.down"]


def test_a_header_of_dlmo_with_a_tab_among_spaces_is_read(save):
    X = read_omics(save("probe\t" + ACGT, "log_mirna"))
    assert X.shape == (2, 2)


def test_a_matrix_of_xena_is_turned_though_its_corner_says_sample(save):
    text = "sample\tTCGA-OR-A5J1-01\tTCGA-OR-A5J2-01\nARHGEF10L\t9.1\t\n"
    X = read_omics(save(text, "HiSeqV2.gz"))
    assert X.index.to_list() == ["TCGA-OR-A5J1-01", "TCGA-OR-A5J2-01"]
    assert X.columns.to_list() == ["ARHGEF10L"]


CBIO = (
    "#Study: x\n#more\nHugo_Symbol\tEntrez_Gene_Id\tP-1\tP-2\n"
    "A1BG\t1\t0.5\tNA\n\t200\t1\t2\nNA\t300\t3\t4\n"
)


def test_features_of_cbioportal_without_a_symbol_are_called_by_entrez_id(save):
    X = read_omics(save(CBIO, "data_mrna_seq_v2_rsem.txt"))
    assert X.columns.to_list() == ["A1BG", "200", "300"]
    assert X.index.to_list() == ["P-1", "P-2"]


def test_entity_stable_ids_of_cbioportal_name_features(save):
    text = "ENTITY_STABLE_ID\tNAME\tDESCRIPTION\tP-1\ncg1\tTP53\tpromoter of\t0.5\n"
    assert read_omics(save(text, "data_methylation.txt")).columns.to_list() == ["cg1"]


@pytest.mark.parametrize(
    ("repeated", "values"), [("first", [[0.5], [np.nan]]), ("mean", [[1.5], [4.0]])]
)
def test_repeated_features_are_resolved_as_asked(save, repeated, values):
    text = "Hugo_Symbol\tP-1\tP-2\nA1BG\t0.5\tNA\nA1BG\t2.5\t4\n"
    file = save(text, "data_cna.txt")
    np.testing.assert_array_equal(read_omics(file, repeated=repeated), values)
    message = "data_cna.txt has 1 feature names .* 'A1BG'. .* repeated='first' or 'me"
    with pytest.raises(ValueError, match=message):
        read_omics(file)


@pytest.mark.parametrize(
    "text",
    [
        "id,TP53,EGFR\na,1,2\nb,3,4\n",
        "id,ENSG00000141510.11\na,1\nb,2\n",
        "id,cg00000029,x\na,1,2\nb,2,2\n",
        "id,hsa-mir-21\na,1\nb,2\n",
        "id,chr1:10-20\na,1\nb,2\n",
        "id,x\nTCGA-AA-0001,1\nTCGA-AA-0002,2\n",
        "patient_id,x\na,1\nb,2\n",
    ],
)
def test_names_tell_which_axis_holds_samples(save, text):
    upright = read_omics(save(text))
    rows = [line.split(",") for line in text.splitlines()]
    if rows[0][0] == "id":
        turned = "\n".join(map(",".join, zip(*rows, strict=True)))
        pd.testing.assert_frame_equal(read_omics(save(turned)), upright)
    assert len(upright) == 2


def test_ids_tell_which_axis_holds_samples(save):
    file = save("sample,a,b\nx,1,2\ny,3,4\n")
    labels = pd.Series(["LumA", "Basal"], index=["b", "c"])
    assert read_omics(file, ids=labels).index.to_list() == ["a", "b"]
    assert read_omics(file, ids=["x"]).index.to_list() == ["x", "y"]


def test_an_unclear_orientation_is_asked_for_and_taken(save):
    file = save("sample,a,b\nx,1,2\ny,3,4\n")
    message = (
        "rows 'x', 'y' and columns 'a', 'b', which do not tell .* Pass orientation="
    )
    with pytest.raises(ValueError, match=message):
        read_omics(file)
    assert read_omics(file, orientation="samples").index.to_list() == ["x", "y"]
    assert read_omics(file, orientation="features").index.to_list() == ["a", "b"]


def test_contradicting_names_are_refused(save):
    file = save("gene,TP53\na,1\nb,2\n")
    with pytest.raises(ValueError, match="look like samples, because .*'TP53' is a fe"):
        read_omics(file)


def test_ids_of_other_samples_are_refused(save):
    file = save("sample,a,b\nx,1,2\ny,3,4\n")
    with pytest.raises(
        SampleAlignmentError, match=r"none of which .* 2 ids \('p', 'q'\)"
    ):
        read_omics(file, ids=["p", "q"])


def test_tables_that_tell_help_those_that_do_not(save):
    rna = save("id,TP53,EGFR\na,1,2\nb,3,4\n", "rna.csv")
    turned = save("sample\tb\ta\nx\t5\t6\n", "other.tsv")
    X = read_omics({"rna": rna, "other": turned})
    assert X.index.to_list() == ["a", "b"]
    assert X[("other", "x")].to_list() == [6.0, 5.0]


def test_a_list_of_files_is_called_like_them(save):
    files = [save(ACGT, "mirna"), save(ACGT, "exp.txt.gz")]
    assert read_omics(files).columns.get_level_values(0).unique().to_list() == [
        "mirna",
        "exp",
    ]
    with pytest.raises(
        ValueError, match="two files of the modality 'exp': .* Pass a dict"
    ):
        read_omics([files[1], "exp.csv"])
    with pytest.raises(ValueError, match="Got no files"):
        read_omics([])


def test_several_tables_are_joined_as_asked(save):
    files = [
        save("patient_id,x\na,1\nb,2\n", "one.csv"),
        save("patient_id,y\nb,3\nc,4\n", "two.csv"),
    ]
    with pytest.warns(UserWarning, match="lacks 1 of 3 samples"):
        assert read_omics(files).index.to_list() == ["a", "b", "c"]
    assert read_omics(files, join="inner").index.to_list() == ["b"]
    with pytest.raises(SampleAlignmentError, match="the first table has 2: 1 samples"):
        read_omics(files, join="exact")
    files[1].write_text("patient_id,y\nq,3\n")
    with pytest.raises(SampleAlignmentError, match="No sample is in every table"):
        read_omics(files, join="inner")


def test_a_table_of_numbers_alone_needs_to_be_declared(save):
    file = save("1.5,2.5\n3.5,4.5\n5.5,6.5\n")
    with pytest.raises(ValueError, match="seems to have no header: its first row"):
        read_omics(file)
    with pytest.raises(ValueError, match="3 rows and 2 columns without names, and no "):
        read_omics(file, header=False)
    X = read_omics(file, header=False, ids=["a", "b"])
    assert X.loc["b"].to_list() == [2.5, 4.5, 6.5]
    X = read_omics(file, header=False, orientation="samples")
    assert X.index.to_list() == ["sample_0", "sample_1", "sample_2"]
    with pytest.raises(SampleAlignmentError, match="has 3 samples and 2 ids"):
        read_omics(file, header=False, orientation="samples", ids=["a", "b"])


def test_words_for_missing_and_logical_cells_are_read(save):
    X = read_omics(save("patient_id,x,y\na,NA,TRUE\nb, ,FALSE\nc,null,1e-3\u00a0\n"))
    assert X["x"].isna().all()
    assert X["y"].to_list() == [1.0, 0.0, 0.001]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("patient_id,x\na,1_0\n", r"'1_0' in line 2, column 2 \('x'\)"),
        ("patient_id,x\na,\u0661\n", "in line 2, column 2"),
        ("patient_id,x\na,-Inf\n", "'-Inf' in line 2, .* take log"),
        ("patient_id,x\na,1e999\n", "'1e999' in line 2"),
        ("patient_id,x\n\n\na,b\n", "'b' in line 4"),
        ("patient_id,x\n", "has 0 columns in its first row of data"),
        ("patient_id,x,y,z\na,1\n", "4 cells in its header and 2 in its first row"),
        ("patient_id,x,\na,1,2\n", "1 features without a name, the first in column 3"),
        ("gene,TCGA-AA-0001\nx,1\n,2\n", "without a name, the first in line 3"),
        ('patient_id,x\na,"1\n', "cannot be split at ',' in line 2"),
        (b"patient_id,x\na,1\nb\xe9,2\n", "no text in utf-8: line 3 .* encoding="),
        (b"patient_id,x\na,1\0\n", "NUL byte in line 2"),
        (
            "patient_id,x\na,1\n".encode("utf-16-le"),
            "NUL byte in line 1, so it is no text",
        ),
        (gzip.compress(b"patient_id,x\na,1\n", mtime=0)[:-9], "unpacked after line"),
        ("patient_id,x\na,1\na,2\n", "1 sample ids that occur more than once"),
    ],
)
def test_a_malformed_text_is_refused_by_name_and_place(save, content, message):
    with pytest.raises(ValueError, match=f"table.csv.*{message}"):
        read_omics(save(content))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8"])
def test_other_encodings_are_read_when_named(save, encoding):
    text = "patient_id,x\nJos\u00e9,1\n"
    X = read_omics(save(text.encode(encoding)), encoding=encoding)
    assert X.index.to_list() == ["Jos\u00e9"]


def test_an_unknown_encoding_is_refused(save):
    with pytest.raises(ValueError, match="Got encoding='utf-99' for table.csv"):
        read_omics(save("x"), encoding="utf-99")


@pytest.mark.parametrize("name", ["no.csv", "no.parquet", "no.h5mu", "."])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="not there|no file|a folder"):
        read_omics(tmp_path / name)


@pytest.mark.parametrize(
    "option", [{"orientation": "rows"}, {"join": "left"}, {"repeated": "last"}]
)
def test_an_unknown_option_is_refused(save, option):
    with pytest.raises(ValueError, match="but it must be one of"):
        read_omics(save(ACGT), **option)


def test_parquet_is_read_with_ids_in_the_index_or_first_column(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"TP53": [1, 2], "EGFR": [None, 0.5]}, index=["a", "b"])
    frame.to_parquet(tmp_path / "index.parquet")
    frame.rename_axis("id").reset_index().to_parquet(tmp_path / "column.parquet")
    for name in ("index", "column"):
        X = read_omics(tmp_path / f"{name}.parquet")
        np.testing.assert_array_equal(X, [[1, np.nan], [2, 0.5]])
        assert X.index.to_list() == ["a", "b"]
    frame.assign(stage=["I", "IV"]).to_parquet(tmp_path / "text.parquet")
    with pytest.raises(ValueError, match="holds object in column 'stage'"):
        read_omics(tmp_path / "text.parquet")
    frame.assign(EGFR=np.inf).to_parquet(tmp_path / "infinite.parquet")
    with pytest.raises(ValueError, match="infinite.parquet holds 2 infinite values"):
        read_omics(tmp_path / "infinite.parquet")


def test_h5ad_is_read_dense_and_sparse(tmp_path):
    anndata = pytest.importorskip("anndata")
    frame = pd.DataFrame({"x": [1.0, 0.0], "y": [0.0, 3.0]}, index=["a", "b"])
    anndata.AnnData(frame).write_h5ad(tmp_path / "dense.h5ad")
    pd.testing.assert_frame_equal(
        read_omics(tmp_path / "dense.h5ad"), frame, check_names=False
    )
    data = anndata.AnnData(frame)
    data.X = sparse.csr_matrix(frame.to_numpy())
    data.write_h5ad(tmp_path / "sparse.h5ad")
    X = read_omics(tmp_path / "sparse.h5ad")
    assert sparse.issparse(X.X)
    assert X.var_names.to_list() == ["x", "y"]


def test_npz_takes_its_ids_in_their_order(sparse_folder):
    pytest.importorskip("anndata")
    X = read_omics(sparse_folder / "atac.npz", ids=["p1", "p2", "p3"])
    assert X.obs_names.to_list() == ["p1", "p2", "p3"]
    assert X.var_names.to_list() == ["peak1", "peak2"]
    with pytest.raises(ValueError, match="but there are 0 sample ids"):
        read_omics(sparse_folder / "atac.npz")


def test_h5mu_gives_a_modality_per_modality(tmp_path):
    anndata = pytest.importorskip("anndata")
    mudata = pytest.importorskip("mudata")
    rna = anndata.AnnData(pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "b"]))
    atac = anndata.AnnData(pd.DataFrame({"y": [3.0, 4.0]}, index=["b", "a"]))
    with mudata.set_options(pull_on_update=False):
        mudata.MuData({"rna": rna, "atac": atac}).write(tmp_path / "cells.h5mu")
    X = read_omics(tmp_path / "cells.h5mu")
    assert X.columns.to_list() == [("rna", "x"), ("atac", "y")]
    assert X.loc["a"].to_list() == [1.0, 4.0]


@pytest.mark.parametrize("suffix", [".parquet", ".npz", ".h5ad", ".h5mu"])
def test_a_damaged_binary_file_is_refused_by_name(tmp_path, suffix):
    pytest.importorskip("mudata")
    (tmp_path / "x_features.txt").write_text("g\n")
    (tmp_path / f"x{suffix}").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(
        ValueError, match=f"x{suffix} cannot be read as .* get or write"
    ):
        read_omics(tmp_path / f"x{suffix}", ids=["a"])


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


@pytest.mark.parametrize(
    ("name", "n_classes"), [("tcga_luad", 3), ("scgem", 5), ("scicar_a549", 3)]
)
def test_real_labels_have_their_classes(data_dir, name, n_classes):
    assert read_labels(data_dir / name / "labels.csv").nunique() == n_classes


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


RAW = {
    "aml_mirna": ({}, (188, 705), "TCGA-AB-2802-03", 9239.468353),
    "aml_log_mirna": ({}, (188, 705), "TCGA-AB-2802-03", 13.1737502611331),
    "aml_log_mirna_omics.txt": (
        {"header": False, "orientation": "features"},
        (169, 558),
        "sample_0",
        12.7154298685314,
    ),
    "dlmo_sim_equal_5/omics1.txt": ({}, (100, 367), "subject1", 0.303805531372898),
    "dlmo_sim_equal_5/omics2.txt": ({}, (100, 131), "subject1", 1.82979807616966),
    "dlmo_sim_equal_5/omics3.txt": (
        {"orientation": "features"},
        (100, 160),
        "subject1",
        1.39926437843861,
    ),
    "mogonet_format_sim_equal_5/2_tr.csv": (
        {"header": False, "orientation": "samples"},
        (75, 131),
        "sample_0",
        -3.710410305675718723e-01,
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_real_raw_tables_are_read(data_dir, name):
    options, shape, first_id, first_value = RAW[name]
    X = read_omics(data_dir / "acgt_raw_sample" / name, **options)
    assert X.shape == shape
    assert X.index[0] == first_id
    assert X.iloc[0, 0] == first_value


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


def test_ids_that_a_few_features_share_do_not_confuse(save):
    ids = [f"p{i}" for i in range(30)]
    text = "sample,p0,x\n" + "".join(f"{i},1,2\n" for i in ids)
    assert read_omics(save(text), ids=ids).index.to_list() == ids
    rows = [line.split(",") for line in text.splitlines()]
    turned = "\n".join(map(",".join, zip(*rows, strict=True)))
    assert read_omics(save(turned), ids=ids).index.to_list() == ids


def test_ids_on_both_axes_are_refused(save):
    file = save("sample,a,b\na,1,2\nb,3,4\n")
    with pytest.raises(
        ValueError, match="because 2 rows are in ids, and like features"
    ):
        read_omics(file, ids=["a", "b"])


def test_a_sparse_table_with_indices_beyond_its_shape_is_refused(sparse_folder):
    matrix = sparse.csr_matrix([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    matrix.indices[0] = 10_000_000
    sparse.save_npz(sparse_folder / "atac.npz", matrix)
    with pytest.raises(ValueError, match="atac.npz cannot be read as a sparse npz"):
        load_folder(sparse_folder)
