"""Promises of read_omics, read_labels and load_folder."""

import gzip

import numpy as np
import pandas as pd
import pytest

from skomics.exceptions import SampleAlignmentError
from skomics.io import read_labels, read_omics

ACGT = '"TCGA.AB.2802.03" "TCGA.AB.2803.03"\n"hsa.let.7a.1" 1.5 2\n"x y" NA 3e2\n'


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


def test_what_is_no_file_is_refused():
    with pytest.raises(TypeError, match="Got NoneType to read, but a file, or a list"):
        read_omics(None)


@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_names_have_the_type_that_pandas_gives_text(tmp_path, name):
    table = pd.DataFrame({"TP53": [1.0, 2.0], "EGFR": [3.0, 4.0]}, index=["p1", "p2"])
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
        table.to_parquet(tmp_path / name)
    else:
        table.to_csv(tmp_path / name)
    X = read_omics(tmp_path / name, ids=["p1", "p2"])
    pd.testing.assert_frame_equal(X, table, check_names=False)
    (tmp_path / "labels.csv").write_text("id,label\np1,x\np2,y\n")
    y = read_labels(tmp_path / "labels.csv")
    pd.testing.assert_series_equal(
        y, pd.Series(["x", "y"], table.index), check_names=False, check_dtype=False
    )
