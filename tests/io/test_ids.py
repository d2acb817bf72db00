"""Promises of which column names the rows, in every format."""

import numpy as np
import pandas as pd
import pytest

from skomics.exceptions import SampleAlignmentError
from skomics.io import load_folder, read_labels, read_omics

GENES = {"TP53": [1.5, 2.0, 3.0], "EGFR": [1.0, 2.5, 4.0]}
VALUES = np.array([*GENES.values()]).T
IDS = "abcdefghijkl"


@pytest.fixture
def save_frame(tmp_path):
    """Write a table as csv, tsv, gzipped csv, parquet or xlsx."""

    def save(frame, format, index=True, name="table"):
        file = tmp_path / f"{name}.{format}"
        if format == "parquet":
            pytest.importorskip("pyarrow")
            frame.to_parquet(file, index=None if index else False)
        elif format == "xlsx":
            pytest.importorskip("openpyxl")
            frame.to_excel(file, index=index)
        else:
            frame.to_csv(file, index=index, sep="\t" if format == "tsv" else ",")
        return file

    return save


every_format = pytest.mark.parametrize(
    "format", ["csv", "tsv", "csv.gz", "parquet", "xlsx"]
)
with_and_without_index = pytest.mark.parametrize("index", [True, False])


@every_format
@with_and_without_index
@pytest.mark.parametrize(
    ("column", "ids"),
    [
        ([102, 101, 7], ["102", "101", "7"]),
        (["b", "a", "c"], ["b", "a", "c"]),
        (["007", "010", "100"], ["007", "010", "100"]),
        (pd.array([102, 101, 7], dtype="Int64"), ["102", "101", "7"]),
        (pd.Categorical([102, 101, 7]), ["102", "101", "7"]),
        (pd.Categorical(["b", "a", "c"]), ["b", "a", "c"]),
        (
            pd.to_datetime(["2021-03-01", "2021-01-02", "2020-12-31"]),
            ["2021-03-01", "2021-01-02", "2020-12-31"],
        ),
    ],
    ids=["whole", "text", "zeros", "nullable", "categories", "names", "dates"],
)
def test_a_first_column_of_ids_names_the_rows(save_frame, format, index, column, ids):
    frame = pd.DataFrame({"patient_id": column, **GENES})
    X = read_omics(save_frame(frame, format, index))
    assert X.index.to_list() == ids
    assert X.columns.to_list() == ["TP53", "EGFR"]
    np.testing.assert_array_equal(X, VALUES)


@every_format
@pytest.mark.parametrize("name", ["patient_id", "who", None])
@pytest.mark.parametrize("ids", [[102, 101, 7], ["b", "a", "c"], ["07", "7", "007"]])
def test_ids_in_the_index_name_the_rows(save_frame, format, name, ids):
    frame = pd.DataFrame(GENES, index=pd.Index(ids, name=name))
    X = read_omics(save_frame(frame, format))
    assert X.index.to_list() == [str(i) for i in ids]
    np.testing.assert_array_equal(X, VALUES)


@pytest.mark.parametrize("format", ["csv", "tsv", "csv.gz", "parquet"])
def test_ids_that_were_stored_as_floats_stay_as_they_are_written(save_frame, format):
    frame = pd.DataFrame({"patient_id": [102.0, 101.0, 7.0], **GENES})
    X = read_omics(save_frame(frame, format, index=False))
    assert X.index.to_list() == ["102.0", "101.0", "7.0"]


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_a_table_without_ids_is_called_by_the_numbers_of_its_rows(save_frame, format):
    X = read_omics(save_frame(pd.DataFrame(GENES), format))
    assert X.index.to_list() == ["0", "1", "2"]
    np.testing.assert_array_equal(X, VALUES)


@pytest.mark.parametrize(
    "name", ["id", "Patient ID", "SAMPLE_ID", "sample", "barcode", "case.id"]
)
def test_a_column_of_whole_numbers_called_like_ids_is_ids(save_frame, name):
    file = save_frame(pd.DataFrame({name: [102, 101, 7], **GENES}), "parquet")
    X = read_omics(file, orientation="samples")
    assert X.index.to_list() == ["102", "101", "7"]


@pytest.mark.parametrize("name", ["gene_id", "entrez", "Entrez_Gene_Id", "GeneID"])
def test_whole_numbers_that_name_genes_name_the_rows_of_a_turned_table(
    save_frame, name
):
    frame = pd.DataFrame({name: [7157, 1956], "TCGA-AA-0001": [1.0, 2.0]})
    for format in ("csv", "parquet"):
        X = read_omics(save_frame(frame, format, index=False))
        assert X.columns.to_list() == ["7157", "1956"]


@pytest.mark.parametrize("format", ["parquet", "csv", "xlsx"])
@pytest.mark.parametrize("name", ["pid", "Patient No.", "number"])
def test_whole_numbers_that_may_be_ids_or_values_are_asked_about(
    save_frame, format, name
):
    file = save_frame(pd.DataFrame({name: [102, 101, 7], **GENES}), format)
    message = "parquet has whole numbers in its first column|holds unique whole numbers"
    with pytest.raises(ValueError, match=message):
        read_omics(file)
    if format == "parquet":
        assert read_omics(file, ids=["101", "102"]).index[0] == "102"
        assert read_omics(file, ids=["0", "1"]).columns[0] == name


def test_whole_numbers_of_a_gene_are_values(save_frame):
    frame = pd.DataFrame({"TP53": [5, 3, 1], "EGFR": [2, 9, 4]})
    for format in ("csv", "parquet"):
        X = read_omics(save_frame(frame, format))
        assert X["TP53"].to_list() == [5.0, 3.0, 1.0]


@pytest.mark.parametrize("values", [[1, 1, 2], [-1, 2, 3], [0.5, 1.5, 2.5]])
def test_what_no_ids_are_like_is_values(save_frame, values):
    X = read_omics(save_frame(pd.DataFrame({"x": values, **GENES}), "parquet"))
    assert X["x"].to_list() == values


@pytest.mark.parametrize("format", ["csv", "tsv", "xlsx"])
def test_a_first_column_of_values_is_not_taken_for_ids(save_frame, format):
    file = save_frame(pd.DataFrame(GENES), format, index=False)
    with pytest.raises(ValueError, match="has no ids: its first column, 'TP53', is ca"):
        read_omics(file)


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@with_and_without_index
def test_ids_that_come_later_are_refused(save_frame, format, index):
    file = save_frame(pd.DataFrame({**GENES, "patient_id": [3, 1, 2]}), format, index)
    with pytest.raises(ValueError, match="has ids in its column 'patient_id', but"):
        read_omics(file)


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("first", ["sample_id", "age", "site"])
def test_two_columns_that_may_be_ids_are_refused(save_frame, format, first):
    frame = pd.DataFrame({first: [61, 62, 63], "patient_id": [102, 101, 7], **GENES})
    file = save_frame(frame, format, index=False)
    message = f"two columns that may name its rows, '{first}' and 'patient_id'"
    with pytest.raises(ValueError, match=message):
        read_omics(file)


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("rows", [[0, 2], slice(None, None, 2), slice(None, None, -1)])
def test_what_a_filter_left_of_the_numbers_of_rows_is_no_ids(save_frame, format, rows):
    frame = pd.DataFrame({"patient_id": [102, 101, 7], **GENES}).iloc[rows]
    with pytest.raises(ValueError, match="two columns that may name its rows, '' and"):
        read_omics(save_frame(frame, format))


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_ids_beside_an_index_of_names_are_refused(save_frame, format):
    frame = pd.DataFrame({"patient_id": [102, 101, 7], **GENES}, index=list("abc"))
    with pytest.raises(ValueError, match="ids in its column 'patient_id', but ''"):
        read_omics(save_frame(frame, format))


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_a_missing_id_is_refused(save_frame, format):
    frame = pd.DataFrame({"patient_id": ["a", None, "c"], **GENES})
    with pytest.raises(ValueError, match="has 1 samples without an id"):
        read_omics(save_frame(frame, format))


# Counters


@every_format
@with_and_without_index
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("ids", [[102, 101, 7], ["b", "a", "c"], ["007", "010", "1"]])
def test_a_nameless_counter_before_the_ids_is_left_out(
    save_frame, format, index, start, ids
):
    counter = np.arange(3) + start
    frame = pd.DataFrame({"Unnamed: 0": counter, "patient_id": ids, **GENES})
    X = read_omics(save_frame(frame, format, index))
    assert X.index.to_list() == [str(i) for i in ids]
    assert X.columns.to_list() == ["TP53", "EGFR"]


@every_format
@pytest.mark.parametrize("name", ["index", "row", "No.", "position", "X", "id"])
def test_a_named_counter_before_the_ids_is_left_out_with_a_warning(
    save_frame, format, name
):
    frame = pd.DataFrame({name: [1, 2, 3], "patient_id": [102, 101, 7], **GENES})
    file = save_frame(frame, format, index=False)
    with pytest.warns(UserWarning, match=f"only count its rows, '{name}'; they are le"):
        X = read_omics(file)
    assert X.index.to_list() == ["102", "101", "7"]
    assert X.columns.to_list() == ["TP53", "EGFR"]


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 0.1", "...1"])
def test_a_nameless_counter_after_the_ids_is_left_out(save_frame, format, name):
    frame = pd.DataFrame({"patient_id": [102, 101, 7], name: [0, 1, 2], **GENES})
    assert read_omics(save_frame(frame, format)).columns.to_list() == ["TP53", "EGFR"]


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("name", ["index", "No.", "Row", "nr"])
def test_a_named_counter_after_the_ids_is_left_out_with_a_warning(
    save_frame, format, name
):
    frame = pd.DataFrame({"patient_id": [102, 101, 7], name: [0, 1, 2], **GENES})
    file = save_frame(frame, format, index=False)
    with pytest.warns(UserWarning, match=f"only count its rows, '{name}'"):
        assert read_omics(file).columns.to_list() == ["TP53", "EGFR"]


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_a_column_that_happens_to_count_is_kept_with_a_warning(save_frame, format):
    frame = pd.DataFrame({"age_rank": range(1, 13), "TP53": 0.5}, index=list(IDS))
    with pytest.warns(UserWarning, match="in their order, 'age_rank'; they are kept"):
        X = read_omics(save_frame(frame, format))
    assert X["age_rank"].to_list() == [*range(1, 13)]
    few = read_omics(save_frame(frame[:3], format))  # these may count by chance
    assert few["age_rank"].to_list() == [1, 2, 3]


def test_an_index_column_that_does_not_count_is_a_feature(save_frame):
    frame = pd.DataFrame({"index": [3.0, 1, 2], **GENES}, index=list("abc"))
    assert read_omics(save_frame(frame, "csv")).columns[0] == "index"


def test_an_index_that_was_written_twice_is_left_out(save):
    text = ",Unnamed: 0,patient_id,TP53\n0,0,102,1.5\n1,1,101,2\n"
    assert read_omics(save(text)).index.to_list() == ["102", "101"]
    assert read_omics(save(text.replace("\n", "\r\n"))).shape == (2, 1)


def test_a_counter_before_the_names_of_genes_is_left_out(save):
    text = ",gene,TCGA-AA-0001,TCGA-AA-0002\n0,TP53,1,2\n1,MLL,3,4\n"
    X = read_omics(save(text))
    assert X.columns.to_list() == ["TP53", "MLL"]
    text = text.replace(",gene", ",Hugo_Symbol,Entrez_Gene_Id")
    text = text.replace("TP53", "TP53,7157").replace("MLL", "MLL,4297")
    pd.testing.assert_frame_equal(read_omics(save(text)), X)


def test_a_counter_beside_text_that_is_repeated_does_not_make_it_ids(save):
    file = save(",stage,TP53\n0,IV,1\n1,IV,2\n")
    with pytest.raises(ValueError, match="'IV' in line 2, column 2 .* names no rows"):
        read_omics(file)


def test_row_names_of_r_that_are_numbers_stay_ids_where_there_are_no_others(save):
    X = read_omics(save('"","TP53","EGFR"\n"1",0.5,2\n"2",NA,3\n'))
    assert X.index.to_list() == ["1", "2"]


@pytest.mark.parametrize("index", [["101", "102"], [101, 102]])
@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_patients_get_their_own_values_in_a_folder(save_frame, format, index):
    labels = pd.DataFrame({"patient_id": index, "label": ["x", "y"]})
    save_frame(labels, "csv", index=False, name="labels")
    rna = pd.DataFrame({"patient_id": [102, 101, 7], **GENES}).iloc[:2]
    save_frame(rna, format, name="rna")
    X, y = load_folder(save_frame(labels, "csv", name="labels").parent)
    assert X.index.to_list() == y.index.to_list() == ["101", "102"]
    assert X[("rna", "TP53")].to_list() == [2.0, 1.5]


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("ids", [[1, 2, 3], [2, 1, 0, 9], [1, 2]])
def test_patients_are_not_matched_by_the_numbers_of_rows(save_frame, format, ids):
    labels = pd.DataFrame({"patient_id": ids, "label": "x"})
    folder = save_frame(labels, "csv", index=False, name="labels").parent
    frame = pd.DataFrame({"TP53": [1.5, 2, 3, 4]})
    save_frame(frame, format, name="rna")
    for join in ("inner", "outer"):
        with pytest.raises(SampleAlignmentError, match="has no ids but the numbers of"):
            load_folder(folder, join=join)


def test_row_names_that_are_the_ids_are_matched(save_frame):
    labels = pd.DataFrame({"patient_id": [2, 1], "label": ["x", "y"]})
    folder = save_frame(labels, "csv", index=False, name="labels").parent
    (folder / "rna.csv").write_text('"TP53","MYC"\n"1",0.5,2\n"2",3,4\n')
    assert load_folder(folder)[0][("rna", "TP53")].to_list() == [3.0, 0.5]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_counter_of_a_turned_table_is_left_out(save_frame, format):
    frame = pd.DataFrame({"Unnamed: 0": [0, 1, 2], **GENES}, index=list("abc")).T
    X = read_omics(save_frame(frame, format))
    assert X.columns.to_list() == ["TP53", "EGFR"]
    with pytest.warns(UserWarning, match="has rows that only count its columns, 'row'"):
        read_omics(save_frame(frame.rename({"Unnamed: 0": "row"}), format))


@pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 7", "...2"])
@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
def test_what_a_filter_left_of_a_counter_is_no_feature(save_frame, format, name):
    frame = pd.DataFrame({"patient_id": list("abc"), name: [5, 7, 8], **GENES})
    with pytest.raises(ValueError, match="1 features without a name, the first in co"):
        read_omics(save_frame(frame, format, index=False))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient_id,TP53\n,0\n", "1 samples without an id"),
        ("patient_id,TP53,EGFR\n,0,1\na,2,5\n", "1 samples without an id"),
        ("patient_id,TP53,\na,0.5,0\n", "1 features without a name"),
        ("patient_id,TP53,\na,0.5,0\nb,0.5,1\n", "1 features without a name"),
    ],
)
def test_a_row_or_column_without_a_name_is_no_counter_for_want_of_numbers(
    save, text, message
):
    with pytest.raises(ValueError, match=message):
        read_omics(save(text))


def test_a_value_beside_a_column_called_like_a_counter_stays(save):
    X = read_omics(save("x,protein,TP53\n0,5.5,1\n1,2.5,7\n"))
    assert X.columns.to_list() == ["protein", "TP53"]


# Labels


@every_format
@with_and_without_index
@pytest.mark.parametrize("ids", [[102, 101, 7], ["b", "a", "c"], ["007", "010", "1"]])
def test_labels_of_every_format_have_their_ids(save_frame, format, index, ids):
    frame = pd.DataFrame({"patient_id": ids, "label": ["x", "y", "x"]})
    y = read_labels(save_frame(frame, format, index))
    assert y.to_dict() == dict(zip(map(str, ids), ["x", "y", "x"], strict=True))


@pytest.mark.parametrize("format", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("name", ["index", "row", "position"])
def test_a_named_counter_of_labels_is_left_out_with_a_warning(save_frame, format, name):
    frame = pd.DataFrame({name: [0, 1], "patient_id": [7, 5], "label": ["x", "y"]})
    file = save_frame(frame, format, index=False)
    with pytest.warns(UserWarning, match=f"only count its rows, '{name}'"):
        assert read_labels(file).to_dict() == {"7": "x", "5": "y"}
    if name == "index":
        assert read_labels(file, id_column="index").index.to_list() == ["0", "1"]


def test_a_counter_is_not_the_column_of_labels(save):
    file = save("sample,Unnamed: 1,group\na,0,x\nb,1,y\n")
    assert read_labels(file).to_dict() == {"a": "x", "b": "y"}


def test_numbers_of_rows_stay_ids_of_labels_where_there_are_no_others(save):
    file = save(",subtype,stage\n1,x,I\n2,y,I\n3,x,II\n")
    assert read_labels(file).to_dict() == {"1": "x", "2": "y", "3": "x"}


def test_labels_whose_ids_are_not_clear_are_asked_about(save):
    file = save(",code,subtype\n1,50,x\n2,60,y\n")
    with pytest.raises(ValueError, match="'code' holds unique whole numbers, so eithe"):
        read_labels(file)
    assert read_labels(file, id_column="code").to_dict() == {"50": "x", "60": "y"}
    assert read_labels(file, id_column="").to_dict() == {"1": "x", "2": "y"}
    file = save("age,patient_id,label\n61,102,x\n62,101,y\n")
    with pytest.raises(ValueError, match="numbers in its first column, 'age', and a"):
        read_labels(file)
    assert read_labels(file, id_column="patient_id").index.to_list() == ["102", "101"]
