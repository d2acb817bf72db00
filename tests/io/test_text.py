"""Promises of reading text: headers, separators, quotes, decimals, limits."""

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest

from skomics.io import _source as source_module
from skomics.io import _text as text_module
from skomics.io import load_folder, read_labels, read_omics
from skomics.io._text import CellError

A, B = "TCGA-AA-0001-01", "TCGA-AA-0002-01"


@pytest.fixture
def save(tmp_path):
    """Write text or bytes to a file, packed where its name says so."""

    def save(text, name="table.csv"):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(tmp_path / name, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return save


# A header that begins with #.


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["t.tsv", "t.txt", "t.tsv.gz", "t"])
@pytest.mark.parametrize(
    "above",
    ["", "# Constructed from biom file\n", "##fileformat=X\n#note\n", "\n#a b\n"],
)
@pytest.mark.parametrize(
    "corner", ["#gene", "#OTU ID", "# gene", "#Hugo_Symbol", "#id"]
)
def test_a_header_that_begins_with_a_hash_is_read(save, corner, above, name, end):
    text = f"{above}{corner}\t{A}\t{B}\nTP53\t10\t20\nEGFR\t1\t2\n"
    X = read_omics(save(text.replace("\n", end), name))
    assert X.index.to_list() == [A, B]
    assert X.columns.to_list() == ["TP53", "EGFR"]
    assert X.to_numpy().tolist() == [[10, 1], [20, 2]]


@pytest.mark.parametrize(
    "corner", ["#SampleID", "#sample", "#NAME", "#patient_id", "#x"]
)
def test_a_header_with_a_hash_over_samples_is_read(save, corner):
    file = save(f"{corner},TP53,EGFR,foo\np1,1.5,2,3\np2,4,5,6\n")
    X = read_omics(file, orientation="samples")
    assert X.index.to_list() == ["p1", "p2"]
    assert X.loc["p1"].to_dict() == {"TP53": 1.5, "EGFR": 2, "foo": 3}


def test_a_first_patient_under_a_hash_is_not_lost(save):
    X = read_omics(save("#sample,TP53\np1,1\np2,2\n"))
    assert X["TP53"].to_dict() == {"p1": 1, "p2": 2}


@pytest.mark.parametrize(
    "text",
    [
        "#SampleID\tlabel\np1\tA\np2\tB\np3\tA\n",
        "#SampleID\tBody\tlabel\n#q2:types\tcategorical\tcategorical\n"
        "p1\tx\tA\np2\tx\tB\np3\ty\tA\n",
        "#NAME\tage\tlabel\np1\t5\tA\np2\t6\tB\np3\t7\tA\n",
        "#who\tsubtype\np1\tA\np2\tB\np3\tA\n",
        "#a comment, with a comma\nsample\tlabel\np1\tA\np2\tB\np3\tA\n",
        "#Patient Identifier\tSubtype\n#Identifier\tSubtype\n#STRING\tSTRING\n#1\t1\n"
        "PATIENT_ID\tSUBTYPE\np1\tA\np2\tB\np3\tA\n",
        "#Patient Identifier\tSubtype\tAge\n#STRING\tSTRING\tNUMBER\n#1\t1\t1\n"
        "PATIENT\tsubtype\tAGE\np1\tA\t7\np2\tB\t8\np3\tA\t9\n",
        "#first\tsecond\nid\tlabel\np1\tA\np2\tB\np3\tA\n",
    ],
)
@pytest.mark.parametrize("sep", ["\t", ","])
def test_labels_under_a_header_or_comments_with_a_hash_are_read(save, text, sep):
    text = text.replace(",", "").replace("\t", sep)
    y = read_labels(save(text, "clinical.txt"))
    assert y.to_dict() == {"p1": "A", "p2": "B", "p3": "A"}


def test_a_hash_that_may_begin_a_header_or_a_comment_is_asked_for(save):
    file = save("#first\tsecond\nthis\tthat\np1\tA\np2\tB\n", "labels.tsv")
    with pytest.raises(ValueError, match="begins line 1 with #, .* Remove the # if it"):
        read_labels(file)


def test_of_two_lines_with_a_hash_the_one_with_a_heading_is_the_header(save):
    text = "#NAME\ts1\ts2\n#CLASS\tA\tB\nTP53\t1\t2\n"
    X = read_omics(save(text, "t.txt"))
    assert X.index.to_list() == ["s1", "s2"]
    file = save(text.replace("NAME", "x"), "t.txt")
    with pytest.raises(ValueError, match="begins line 2 with #, .* Remove the # if it"):
        read_omics(file)


@pytest.mark.parametrize(
    "text",
    [
        "#patient_id,TP53,EGFR\np0,abc,1_0\np1,0.5,NA\n",
        "#patient_id,TP53,EGFR\np0,abc,1_0,NA\np1,NA,NA,NA\n",
        "#patient_id,TP53,EGFR\nabc,1_0\np1,NA,NA\n",
    ],
)
def test_a_faulty_first_row_under_a_hash_is_no_header(save, text):
    message = "table.csv (begins line 1 with #|has . cells|has 'abc' in line 2)"
    with pytest.raises(ValueError, match=message):
        read_omics(save(text), orientation="samples")


def test_a_sentence_over_a_table_with_spaces_is_a_comment(save):
    with pytest.raises(ValueError, match="has 0 columns"):
        read_omics(save("# a note\np0 1.5\n", "t.txt"), orientation="samples")
    X = read_omics(save("# patient_id TP53\np0 1.5\n", "t.txt"))
    assert X["TP53"].to_dict() == {"p0": 1.5}


def test_comments_of_cbioportal_stay_comments(save):
    text = "#a\tb\tc\n#1\t1\t1\nHugo_Symbol\tP-1\tP-2\nA1BG\t0.5\tNA\nTP53\t1\t2\n"
    X = read_omics(save(text, "data_mrna.txt"))
    assert X.index.to_list() == ["P-1", "P-2"]
    assert X.columns.to_list() == ["A1BG", "TP53"]


# Tables without a header, and names that are numbers.


@pytest.mark.parametrize(
    "text",
    [
        "3,1,4\n1,5,9\n2,6,5\n",
        "0,0,1\n1,0,1\n",
        "p1,3,1\np2,4,1\n",
        "p1,3,1\np2,4.5,1\n",
        "p1,3,NA\np2,4,1\n",
        "x,3,3\ny,4,1\n",
        "x,3,5\ny,4,1\n",
        f"{A},3,7\n{B},4.5,1\n",
        "TP53,3,7\nEGFR,4.5,1\n",
        "p1,TRUE,FALSE\np2,TRUE,TRUE\n",
        "p1,1.5,NA\np2,2.5,1\n",
        "1.5,2.5\n3.5,4.5\n",
    ],
)
@pytest.mark.parametrize("sep", [",", "\t", ";", " "])
def test_a_first_row_that_may_be_data_is_refused(save, text, sep):
    file = save(text.replace(",", sep), "table.txt")
    message = "(whole numbers|no header).*header=True.*|header=False"
    with pytest.raises(ValueError, match=message):
        read_omics(file, orientation="samples")
    X = read_omics(file, orientation="samples", header=True, repeated="first")
    assert len(X) == text.count("\n") - 1


def test_a_table_without_header_keeps_its_first_row_when_told(save):
    X = read_omics(save("3,1,4\n1,5,9\n"), header=False, orientation="samples")
    assert X.to_numpy().tolist() == [[3, 1, 4], [1, 5, 9]]


@pytest.mark.parametrize(
    "text",
    [
        "sample,7157,1956\np1,3,4\np2,5,6\n",
        "patient_id,7157,1956\n101,3,4\n102,5,6\n",
        ",7157,1956\np1,3,4\np2,5,6\n",
        "7157,1956\np1,3,4\np2,5,6\n",
        "who,7157,1956\np1,3.5,4\np2,5,6\n",
        "Sample ID,7157,1956\np1,3,4\np2,5,6\n",
    ],
)
def test_whole_numbers_name_features(save, text):
    X = read_omics(save(text), orientation="samples")
    assert X.columns.to_list() == ["7157", "1956"]
    assert len(X) == 2


@pytest.mark.parametrize("names", [["1.1", "1.2"], ["1e5", "2e5"], ["0.5", "-1"]])
@pytest.mark.parametrize("corner", ["gene\t", "\t", ""])
def test_names_that_are_numbers_are_taken_with_header_true(save, names, corner):
    file = save(corner + "\t".join(names) + "\nTP53\t3\t4\nEGFR\t5\t6\n", "t.tsv")
    with pytest.raises(ValueError, match="no header: .* header=True if these are"):
        read_omics(file)
    X = read_omics(file, header=True)
    assert X.index.to_list() == names
    assert X["EGFR"].to_list() == [5, 6]


@pytest.mark.parametrize(
    "text",
    [
        "p1,5\np2,6\np3,7\n",
        "p1,A\np2,B\np3,C\n",
        f"{A},A\n{B},B\n",
        "x,0\ny,1\nz,0\n",
        "x,5\ny,6\nz,7\n",
        "1,A\n2,B\n3,C\n",
    ],
)
@pytest.mark.parametrize("sep", [",", "\t", ";", " "])
def test_labels_whose_header_may_be_data_are_refused(save, text, sep):
    file = save(text.replace(",", sep), "labels.txt")
    message = "no header: .* Pass header=False if it is one, or header=True"
    with pytest.raises(ValueError, match=message):
        read_labels(file)
    n_rows = text.count("\n")
    assert len(read_labels(file, header=False)) == n_rows
    assert len(read_labels(file, header=True)) == n_rows - 1


@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_an_unknown_header_is_refused(save, read):
    with pytest.raises(ValueError, match="Got header='yes', but it must be one of"):
        read(save("id,x\na,1\n"), header="yes")


# Separators at the ends of rows.


@pytest.mark.parametrize("sep", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["c.csv", "c.txt", "c.tsv.gz"])
@pytest.mark.parametrize(
    "text",
    [
        "sample,subtype,stage\ns1,LumA,2,\ns2,Basal,3,\n",
        "sample,subtype,stage,\ns1,LumA,2,\ns2,Basal,3,\n",
        "sample,subtype,stage,\ns1,LumA,2\ns2,Basal,3\n",
        "sample,subtype,stage,,\ns1,LumA,2,,\ns2,Basal,3,,\n",
        '"sample","subtype","stage"\n"s1","LumA","2",\n"s2","Basal","3",""\n',
        '"x","subtype","stage"\n"1","s1","LumA",2\n"2","s2","Basal",3\n',
    ],
)
def test_separators_at_the_ends_shift_no_label(save, text, sep, end, name):
    text = text.replace(",", sep).replace("\n", end)
    id_column = "x" if text.startswith('"x"') else None
    column = "stage" if id_column else "subtype"
    column = "subtype"
    file = save(text, name)
    if id_column:
        y = read_labels(file, column="stage", id_column="subtype")
        assert y.to_dict() == {"LumA": 2, "Basal": 3}
        return
    y = read_labels(file, column=column)
    assert y.to_dict() == {"s1": "LumA", "s2": "Basal"}
    assert read_labels(file, column="stage").to_dict() == {"s1": 2, "s2": 3}


@pytest.mark.parametrize("sep", [",", "\t", ";"])
@pytest.mark.parametrize(
    "text",
    [
        "patient_id,TP53,EGFR\np1,1,2,\np2,3,4,\n",
        "patient_id,TP53,EGFR,\np1,1,2,\np2,3,4,\n",
        "patient_id,TP53,EGFR,\np1,1,2\np2,3,4\n",
        "sample,TP53,EGFR,,\np1,1,2,,\np2,3,4,,\n",
        "#sample,TP53,EGFR\np1,1,2,\np2,3,4,\n",
        "sample,TP53,EGFR\np1,1,2, \np2,3,4,\n",
    ],
)
def test_separators_at_the_ends_shift_no_feature(save, text, sep):
    X = read_omics(save(text.replace(",", sep), "t.txt"))
    assert X.columns.to_list() == ["TP53", "EGFR"]
    assert X.loc["p1"].to_list() == [1, 2]
    assert X.loc["p2"].to_list() == [3, 4]


def test_a_table_turned_with_separators_at_the_ends_is_read(save):
    X = read_omics(save(f"gene\t{A}\t{B}\nTP53\t1\t2\t\nEGFR\t3\t\t\n", "t.tsv"))
    assert X[("EGFR")].to_list()[0] == 3
    assert X.index.to_list() == [A, B]


def test_the_last_value_may_be_missing_under_a_short_header(save):
    X = read_omics(save("TP53,EGFR\np1,1,\np2,3,4\n"))
    assert X["EGFR"].isna().to_list() == [True, False]


@pytest.mark.parametrize("read", [read_omics, read_labels])
@pytest.mark.parametrize("corner", ["sample", "patient_id", "id", "Sample ID"])
def test_a_short_header_that_begins_with_a_heading_is_refused(save, read, corner):
    file = save(f"{corner},label,x\np1,1,2,\np2,3,4,5\n")
    message = rf"'{corner}' seems to stand over the first column, and the last .* '5'"
    with pytest.raises(ValueError, match=message):
        read(file)


def test_row_names_that_count_are_those_of_r_under_any_heading(save):
    text = '"subject"\t"label"\n"1"\t"p1"\t"A"\n"2"\t"p2"\t"B"\n'
    assert read_labels(save(text, "c.txt")).to_dict() == {"p1": "A", "p2": "B"}


def test_a_row_longer_than_a_header_with_a_separator_at_its_end_is_refused(save):
    file = save("sample,label,x,\n7,p0,A,B,\n")
    for read in (read_omics, read_labels):
        with pytest.raises(ValueError, match="4 cells in its header and 5 in its"):
            read(file)


def test_an_empty_last_column_under_a_short_header_is_refused_or_told(save):
    with pytest.raises(ValueError, match="not clear whether 'TP53' stands over the fi"):
        read_omics(save("TP53,EGFR\np1,1,\np2,3,\n"))
    file = save("who,EGFR,TP53\np1,1,2,\np2,3,4,\n")
    with pytest.warns(UserWarning, match="'who' is taken for the name of the first co"):
        X = read_omics(file)
    assert X.loc["p1"].to_dict() == {"EGFR": 1, "TP53": 2}


def test_separators_at_the_ends_without_a_header_are_told(save):
    file = save("1,2,\n3,4,\n")
    with pytest.warns(UserWarning, match="nothing in its last 1 of 3 columns, .* left"):
        X = read_omics(file, header=False, orientation="samples")
    assert X.to_numpy().tolist() == [[1, 2], [3, 4]]
    file = save("1,2,\n3,4,5\n")
    assert read_omics(file, header=False, orientation="samples").shape == (2, 3)
    file = save("p1,A,,\np2,B,,\n")
    with pytest.warns(UserWarning, match="nothing in its last 2 of 4 columns"):
        assert read_labels(file, header=False).to_dict() == {"p1": "A", "p2": "B"}


# Quotes.


@pytest.mark.parametrize("name", ["c.tsv", "c.txt", "c.tsv.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("notes", "columns"),
    [
        (['"3 cm', 'x"', "-"], ['"3 cm', 'x"', "-"]),
        (['"', '"', "-"], ['"', '"', "-"]),
        (['3" pipe', "y", '"open'], ['3" pipe', "y", '"open']),
        (['"a"b', '"c', "d"], ['"a"b', '"c', "d"]),
        (['"a ""b"""', "c", "d"], ['a "b"', "c", "d"]),
        (['"one"', '"two"', ""], ["one", "two", ""]),
    ],
)
def test_a_stray_quote_between_tabs_is_text(save, notes, columns, name, end):
    rows = [f"p{i}\t{note}\t{'ABA'[i]}" for i, note in enumerate(notes)]
    file = save(end.join(["sample\tnote\tlabel", *rows, ""]), name)
    assert read_labels(file).to_dict() == {"p0": "A", "p1": "B", "p2": "A"}
    if "" not in columns:
        assert read_labels(file, column="note").to_list() == columns


@pytest.mark.parametrize("sep", [",", ";"])
@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz", "c.txt"])
def test_a_stray_quote_that_swallows_rows_is_refused(save, sep, name):
    text = 'sample,note,label\np0,-,C\np1,"3 cm,A\np2,x",B\np3,-,A\n'
    file = save(text.replace(",", sep), name)
    message = "opens a quote in line 3 that closes in line 4, .* Remove the quotes"
    with pytest.raises(ValueError, match=message):
        read_labels(file)


def test_a_quoted_line_break_in_csv_is_part_of_its_cell(save):
    text = 'sample,note,label\np1,"one\ntwo\nthree",A\np2,"a, b",B\n'
    file = save(text)
    assert read_labels(file).to_dict() == {"p1": "A", "p2": "B"}
    assert read_labels(file, column="note").to_list() == ["one\ntwo\nthree", "a, b"]


def test_a_stray_quote_in_a_csv_cell_is_text(save):
    file = save('sample,note,label\np1,3" pipe,A\np2,5" pipe,B\n')
    assert read_labels(file, column="note").to_list() == ['3" pipe', '5" pipe']


def test_a_stray_quote_in_numbers_merges_no_rows(save):
    text = 'gene\tp1\tp2\nTP53\t"1\t2\nEGFR\t3"\t4\nMYC\t5\t6\n'
    with pytest.raises(CellError, match="""'"1' in line 2, column 2"""):
        read_omics(save(text, "t.tsv"))


def test_names_with_stray_quotes_are_kept(save):
    text = f'gene\t{A}\nTP53"x\t1\n"EGFR\t2\n"A ""B"""\t3\n'
    X = read_omics(save(text, "t.tsv"))
    assert X.columns.to_list() == ['TP53"x', '"EGFR', 'A "B"']


@pytest.mark.parametrize("name", ["t.txt", "t", "t.dat.gz"])
@pytest.mark.parametrize("sep", [" ", "\t"])
@pytest.mark.parametrize("odd", ["x\ty", "x y", "x  y"])
def test_white_space_in_quoted_names_stays(save, odd, sep, name):
    text = sep.join([f'"{odd}"', '"z"']) + f'\n"{odd}"{sep}1{sep}2\n'
    X = read_omics(save(text, name), orientation="samples", sep=sep)
    assert X.index.to_list() == [odd]
    assert X.columns.to_list() == [odd, "z"]


@pytest.mark.parametrize(
    "text",
    [
        '"x\ny" "z"\n"p1" 1 2\n',
        '"x\ny z" "q"\n"p1" 1 2\n',
        '"x\ty\nz"\n"p1" A\n"p2" B\n',
        'id\t"x\ny"\np1\t1\n',
        '"z" "x"\n"p\n1" 1 2\n',
    ],
)
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_a_line_break_in_a_quoted_name_is_refused(save, text, read):
    with pytest.raises(ValueError, match=r"table.txt has (a quote|\d c(ell|olumn)s)"):
        read(save(text, "table.txt"))


# Separators and decimals.


@pytest.mark.parametrize("sep", [",", "\t", ";", " "])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t", "t.csv.gz"])
@pytest.mark.parametrize("asked", ["auto", None])
def test_the_separator_is_found_whatever_the_suffix(save, sep, name, asked):
    text = "patient_id,TP53,EGFR\np1,1.5,2\np2,0.5,3\n".replace(",", sep)
    X = read_omics(save(text, name), sep=asked)
    assert X.loc["p2"].to_dict() == {"TP53": 0.5, "EGFR": 3}
    text = "sample,label\np1,A\np2,B\n".replace(",", sep)
    assert read_labels(save(text, name), sep=asked).to_dict() == {"p1": "A", "p2": "B"}


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.txt", "t"])
@pytest.mark.parametrize(
    "cells", [["61,5", "70,1"], ["61,5", "70"], ["0,125", "3,75"], ["-1,5e-3", "2"]]
)
def test_one_column_of_decimal_commas_is_read(save, name, cells):
    file = save(
        "sample;age\n" + "".join(f"p{i};{c}\n" for i, c in enumerate(cells)), name
    )
    X = read_omics(file, orientation="samples")
    assert X.index.to_list() == ["p0", "p1"]
    assert X["age"].to_list() == [float(c.replace(",", ".")) for c in cells]
    assert read_labels(file).index.to_list() == ["p0", "p1"]


@pytest.mark.parametrize("sep", ["\t", ";", " "])
def test_decimal_commas_are_found(save, sep):
    text = f"gene,{A},{B}\nTP53,1.5,-2.25\nEGFR,3,NA\n"
    text = text.replace(",", sep).replace(".", ",")
    X = read_omics(save(text, "t.txt"))
    assert X["TP53"].to_list() == [1.5, -2.25]
    assert X["EGFR"].isna().to_list() == [False, True]
    with pytest.raises(CellError, match=r"'1,5' in line 2, .* Pass decimal=','"):
        read_omics(save(text, "t.txt"), decimal=".")


def test_decimal_commas_in_quotes_need_to_be_declared_between_commas(save):
    file = save('patient_id,x\np1,"1,5"\np2,"2,5"\n')
    with pytest.raises(CellError, match="'1,5' in line 2, column 2.* decimal=','"):
        read_omics(file)
    assert read_omics(file, decimal=",")["x"].to_list() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1.5", "1,5"], "'1,5' in line 3, .* and '1.5' in line 2, .* in one table"),
        (["1,5", "1.5"], "'1.5' in line 3, .* and '1,5' in line 2, .* in one table"),
        (["1.234,5", "2"], "'1.234,5' in line 2, .* Write thousands without"),
        (["1,234.5", "2"], "'1,234.5' in line 2, .* Write thousands without"),
        (["1,234", "2"], "'1,234' in line 2, .* decimal comma or thousands"),
        (["2", "12,345,678"], "'12,345,678' in line 3, .* Write thousands without"),
        (["1'234.5", "2"], "1'234.5. in line 2, .* Write thousands without"),
        (["a,b", "2"], "'a,b' in line 2, .* Encode text"),
        (["1,2,3", "2"], "'1,2,3' in line 2"),
    ],
)
def test_numbers_with_commas_are_never_misread(save, cells, message):
    rows = "".join(f"p{i}\t{cell}\n" for i, cell in enumerate(cells))
    with pytest.raises(CellError, match=message):
        read_omics(save("patient_id\tx\n" + rows, "t.tsv"))


def test_a_comma_before_three_digits_is_a_decimal_when_declared_or_proven(save):
    file = save("patient_id\tx\np1\t1,234\np2\t2\n", "t.tsv")
    assert read_omics(file, decimal=",")["x"].to_list() == [1.234, 2]
    file = save("patient_id\tx\np1\t1,234\np2\t2,5\n", "t.tsv")
    assert read_omics(file)["x"].to_list() == [1.234, 2.5]


def test_a_point_is_refused_where_commas_were_declared(save):
    file = save("patient_id\tx\np1\t1.5\n", "t.tsv")
    with pytest.raises(CellError, match=r"'1.5' in line 2, .* Pass decimal='\.'"):
        read_omics(file, decimal=",")


@pytest.mark.parametrize(
    "text",
    ["a;b,c\n1;2,3\n4;5,6\n", "id,a;x\np,1;2\nq,3;4\n", "age\np;1,5\nq;2,5\n"],
)
def test_two_separators_that_fit_alike_are_asked_for(save, text):
    file = save(text)
    with pytest.raises(ValueError, match="separated by commas or semicolons, .* sep="):
        read_omics(file, header=True, orientation="samples")
    assert len(read_labels(file, sep=";", header=True)) == 2


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_a_line_for_excel_says_the_separator(save, line, read):
    table = read(save(f"{line}\r\npatient_id;x\r\np1;1\r\n"))
    assert table.index.to_list() == ["p1"]
    assert table.to_numpy().ravel().tolist() == [1]


@pytest.mark.parametrize("sep", ["", ", ", '"', "\n", 3, r"\s+"])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_what_is_no_separator_is_refused(save, sep, read):
    with pytest.raises(ValueError, match="Got sep=.* one character such as"):
        read(save("id,x\na,1\n"), sep=sep)


def test_an_unknown_decimal_is_refused(save):
    with pytest.raises(ValueError, match="Got decimal=';', but it must be one of"):
        read_omics(save("id,x\na,1\n"), decimal=";")


# What is bounded, and what is no text.


def test_a_line_without_end_is_refused_before_it_fills_the_memory(save, monkeypatch):
    monkeypatch.setattr(source_module, "_LONGEST", 2**23)
    file = save(b"sample" + b",1" * 2**23, "bomb.csv.gz")
    with pytest.raises(ValueError, match="more than 8,388,608 characters in line 1. A"):
        read_omics(file)


@pytest.mark.parametrize("content", [b"a" * 2**23, b"id,x\n" + b"7" * 2**23])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_a_cell_without_end_is_refused(save, content, read):
    file = save(content, "bomb.csv.gz")
    with pytest.raises(
        ValueError, match="4,194,304 characters in line . without a tab"
    ):
        read(file)


@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_rows_empty_lines_and_comments_without_end_are_refused(save, read, monkeypatch):
    file = save(b"id,x\n" + b"\n" * (2**20 + 1), "bomb.csv.gz")
    with pytest.raises(ValueError, match="1,048,577 empty lines up to line 1,048,578"):
        read(file)
    file = save(b"#a,b\n" * (2**18 + 1), "bomb.csv.gz")
    with pytest.raises(ValueError, match="comments up to line 262,145 and no table"):
        read(file)
    monkeypatch.setattr(text_module, "_N_ROWS", 100)
    file = save("id,x\n" + "a,b\n" * 101)
    if read is read_omics:
        file = save("id,x\n" + "a,0\n" * 101)
    with pytest.raises(ValueError, match="more than 100 rows. Get the file again if"):
        read(file)


def test_a_wide_table_is_no_bomb(save):
    names = [f"{'x' * 40}{i}" for i in range(150_000)]
    text = ",".join(["sample", *names]) + "\np1" + ",0" * len(names) + "\n"
    X = read_omics(save(text, "wide.csv.gz"), orientation="samples")
    assert X.shape == (1, 150_000)


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_says_the_encoding(save, name, encoding):
    file = save("patient_id,x\nJos\u00e9,1\n".encode(encoding), name)
    assert read_omics(file).index.to_list() == ["Jos\u00e9"]
    assert read_labels(file).to_dict() == {"Jos\u00e9": 1}


def tar(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.csv"), io.BytesIO(b""))
    return buffer.getvalue()


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "id,x\na,1\n")
    return buffer.getvalue()


TABLE = b"id,x\na,1\nb,2\n"
BINARIES = {
    "a zip archive .x.csv.*Unpack": zipped("x.csv"),
    "an Excel file .xlsx.*suffix .xlsx": zipped("xl/workbook.xml"),
    "an npz file of numpy": zipped("data.npy"),
    "a bz2 archive.*Unpack": bz2.compress(TABLE),
    "an xz archive.*Unpack": lzma.compress(TABLE),
    "a zstd archive.*Unpack": b"\x28\xb5\x2f\xfd\x24\x0e",
    "a tar archive.*Unpack": tar(TABLE),
    "a parquet file.*suffix .parquet": b"PAR1\x15\x04",
    "an HDF5 file.*h5ad": b"\x89HDF\r\n\x1a\n\0\0",
    "a feather .arrow. file.*parquet": b"ARROW1\0\0",
    "an rds file of R.*write.csv": b"X\n\0\0\0\3\0\4",
    "an RData file of R.*write.csv": b"RDX3\nX\n\0\0",
    "a pickle of Python.*to_csv": pickle.dumps({"a": 1}),
    "an npy array.*savetxt": b"\x93NUMPY\1\0",
    "a PDF document": b"%PDF-1.7\n",
    "an old Excel file .xls.": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "an SQLite database": b"SQLite format 3\0",
    "a file of sequence reads": b"BAM\1",
    "a mat file of Matlab": b"MATLAB 5.0 MAT-file, Platform",
    "a web page .html.*download": b"\n<!DOCTYPE html><html>404</html>",
    "an XML document": b"<?xml version='1.0'?>",
    "a picture": b"\x89PNG\r\n\x1a\n",
    "a pointer of Git LFS.*git lfs pull": b"version https://git-lfs.github.com/spec/v1",
}


@pytest.mark.parametrize("what", BINARIES)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.rds", "t.csv.gz"])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_what_is_no_text_is_named(save, what, name, read):
    file = save(BINARIES[what], name)
    with pytest.raises(ValueError, match=f"{name} is {what}") as error:
        read(file)
    assert "NUL" not in str(error.value)


def test_a_table_of_a_folder_that_is_no_text_is_named(save):
    save("sample,label\np1,A\np2,B\n", "labels.csv")
    save(BINARIES["a zip archive .x.csv.*Unpack"], "rna.csv")
    with pytest.raises(ValueError, match="rna.csv is a zip archive"):
        load_folder(save(b"", "notes.md").parent)


# Layouts.

GCT = "#1.2\n2\t2\nName\tDescription\ts1\ts2\nG1\tna\t1\t2\nG2\tx y\t3\t4\n"
GCT3 = (
    "#1.3\n2\t2\t1\t2\nid\tsymbol\ts1\ts2\nage\tna\t60\t70\ntype\tna\tA\tB\n"
    "G1\tTP53\t1\t2\nG2\t7\t3\t4\n"
)


@pytest.mark.parametrize("text", [GCT, GCT3, GCT3.replace("\t1\t2\nid", "\t1\t2\nid")])
@pytest.mark.parametrize("name", ["t.gct", "t.gct.gz", "t.txt", "t.csv", "t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_gct_is_read(save, text, name, end):
    X = read_omics(save(text.replace("\n", end), name))
    assert X.index.to_list() == ["s1", "s2"]
    assert X.columns.to_list() == ["G1", "G2"]
    assert X.to_numpy().tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GCT.replace("2\t2\n", "3\t2\n"), "it has 3 rows and 2 columns, but it has 2"),
        (GCT.replace("2\t2\n", "2\t3\n"), "3 columns, so its header needs 5 cells"),
        (GCT.replace("2\t2\n", "two\n"), "line 2 must hold 2 counts .* holds 'two'"),
        (GCT3.replace("\t1\t2\nid", "\nid"), "GCT 1.3, where line 2 must hold 4"),
        (GCT.replace("G2\tx y\t3\t4\n", "G2\tx\t3\n"), "has 3 cells in line 5, but 4"),
    ],
)
def test_gct_that_is_not_as_it_says_is_refused(save, text, message):
    with pytest.raises(ValueError, match=message):
        read_omics(save(text, "t.gct"))


GEO = (
    '!Series_title\t"x, y"\n!Series_geo_accession\t"GSE1"\n\n'
    '!Sample_title\t"a"\t"b"\n!series_matrix_table_begin\n'
    '"ID_REF"\t"GSM100"\t"GSM200"\n"1007_s_at"\t7.5\t\n"1053_at"\t1\t2\n'
    "!series_matrix_table_end\n"
)


@pytest.mark.parametrize("name", ["GSE1_series_matrix.txt", "GSE1.txt.gz", "g.csv"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_series_matrix_of_geo_is_read(save, name, end):
    X = read_omics(save(GEO.replace("\n", end), name))
    assert X.index.to_list() == ["GSM100", "GSM200"]
    assert X.columns.to_list() == ["1007_s_at", "1053_at"]
    assert X.iloc[0].to_list() == [7.5, 1]
    assert X.isna().sum().sum() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GEO[: GEO.index("!series_matrix_table_end")],
            "no line !series_matrix_table_",
        ),
        (
            GEO[: GEO.index("!series_matrix_table_b")],
            "no line !series_matrix_table_b",
        ),
        (GEO[: GEO.index('"1007')] + "!series_matrix_table_end", "holds no values"),
    ],
)
def test_a_series_matrix_without_its_table_is_refused(save, text, message):
    with pytest.raises(ValueError, match=message):
        read_omics(save(text, "g.txt"))


def test_accessions_of_geo_are_samples(save):
    X = read_omics(save("x,foo\nGSM100,1\nGSM200,2\n"))
    assert X.index.to_list() == ["GSM100", "GSM200"]


@pytest.mark.parametrize(
    "names",
    [
        "gene_id\tgene_name\tgene_type",
        "gene_id\tgene_name",
        "gene_id\tgene_type",
        "gene_id\tsymbol\tdescription",
        "Geneid\tChr\tStart\tEnd\tStrand\tLength",
        "ensembl_gene_id\texternal_gene_name",
    ],
)
@pytest.mark.parametrize("above", ["", "# gene-model: GENCODE v36\n"])
def test_columns_that_describe_genes_are_no_samples(save, names, above):
    n = names.count("\t")
    texts = [["TP53", "protein_coding", "1", "2", "+"][:n], [""] * n]
    rows = [
        "\t".join([gene, *text, "1", "2"])
        for gene, text in zip(["ENSG00000141510.18", "ENSG2"], texts, strict=True)
    ]
    text = f"{above}{names}\ts1\ts2\n" + "\n".join(rows) + "\n"
    X = read_omics(save(text, "m.tsv"), orientation="features")
    assert X.index.to_list() == ["s1", "s2"]
    assert X.columns.to_list() == ["ENSG00000141510.18", "ENSG2"]


STAR = "gene_id\tgene_name\tgene_type\tunstranded\tstranded_first\ttpm_unstranded\n"


@pytest.mark.parametrize(
    "text",
    [
        "# gene-model: GENCODE v36\n" + STAR + "N_unmapped\t\t\t3\t3\t3\n"
        "ENSG00000000003.15\tTSPAN6\tprotein_coding\t1\t2\t0.5\n",
        "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
        "G1\tT1\t100\t90.5\t3.0\t1.0\t2.0\n",
        "Name\tLength\tEffectiveLength\tTPM\tNumReads\nT1\t100\t90.5\t1.0\t2.0\n",
        "target_id\tlength\teff_length\test_counts\ttpm\nT1\t100\t90.5\t1.0\t2.0\n",
    ],
)
@pytest.mark.parametrize("name", ["s.tsv", "s.txt", "s.tsv.gz"])
def test_a_file_of_one_sample_is_named(save, text, name):
    with pytest.raises(
        ValueError, match="is the file of one sample: .* column per sample"
    ):
        read_omics(save(text, name))


FIREHOSE = (
    f"Hybridization REF\t{A}\t{B}\ngene_id\tnormalized_count\tnormalized_count\n"
    "TP53|7157\t1\t2\nEGFR|1956\t3\t4.5\n"
)


@pytest.mark.parametrize(
    "text",
    [
        FIREHOSE,
        FIREHOSE.replace("gene_id", "Composite Element REF"),
        FIREHOSE.replace("normalized_count", "beta_value"),
        FIREHOSE.replace("Hybridization REF", "Gene").replace("EGFR|1956", "x"),
    ],
)
@pytest.mark.parametrize("name", ["f.txt", "f.tsv", "f.txt.gz"])
def test_a_second_header_of_firehose_is_no_row(save, text, name):
    X = read_omics(save(text, name))
    assert X.index.to_list() == [A, B]
    assert X["TP53|7157"].to_list() == [1, 2]
    assert X.shape == (2, 2)


def test_a_row_of_one_cell_is_no_second_header(save):
    with pytest.raises(ValueError, match="has 1 columns in its first row of data"):
        read_omics(save("p0\nabc\nEGFR,1\n"), orientation="features")


def test_several_measures_of_firehose_are_refused(save):
    text = (
        f"Hybridization REF\t{A}\t{A}\t{A}\n"
        "gene_id\traw_count\tscaled_estimate\ttranscript_id\nTP53|7157\t1\t2\tuc001\n"
    )
    message = "several columns for each sample, .* 'raw_count', 'scaled_estimate',"
    with pytest.raises(ValueError, match=message):
        read_omics(save(text, "f.txt"))


def folder_frame(save):
    save("sample,label\np1,A\np2,B\n", "labels.csv")
    save("sample,TP53,EGFR\np1,1.5,2\np2,0.1,\n", "rna.csv")
    save("sample,mir21\np1,0.3\np2,7\n", "mirna.csv")
    return load_folder(save(b"", "notes.md").parent)[0]


@pytest.mark.parametrize("sep", [",", "\t", ";"])
@pytest.mark.parametrize("name", ["X.csv", "X.tsv", "X.csv.gz", "X.txt"])
@pytest.mark.parametrize("change", ["", "no index name", "no level names", "no names"])
def test_a_table_with_column_levels_comes_back_from_text(save, sep, name, change):
    X = folder_frame(save)
    written = X.copy()
    if "index" in change or change == "no names":
        written = written.rename_axis(index=None)
    if "level" in change or change == "no names":
        written = written.rename_axis(columns=[None, None])
    file = save("", name)
    written.to_csv(file, sep=sep)
    pd.testing.assert_frame_equal(read_omics(file), X)


def test_a_table_with_column_levels_keeps_samples_that_lack_all(save):
    X = folder_frame(save)
    X.loc["p1"] = np.nan
    X = X.rename_axis(index=None)
    X.to_csv(save("", "X.csv"))
    Y = read_omics(save("", "Y.csv").with_name("X.csv"))
    pd.testing.assert_frame_equal(Y, X.rename_axis("sample"))


def test_a_table_with_column_levels_of_whole_numbers_comes_back(save):
    X = pd.DataFrame(
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        index=pd.Index(["p1", "p2"], name="sample"),
        columns=pd.MultiIndex.from_tuples(
            [("b", "7157"), ("a", "7157"), ("b", "1956")], names=["omics", "feature"]
        ),
    )
    X.to_csv(save("", "X.csv"))
    Y = read_omics(save("", "Y.csv").with_name("X.csv"))
    pd.testing.assert_frame_equal(Y, X[[("b", "7157"), ("b", "1956"), ("a", "7157")]])


def test_column_levels_in_a_folder_are_refused(save):
    X = folder_frame(save)
    X.to_csv(save("", "all.csv"))
    with pytest.raises(ValueError, match="all.csv holds the modalities .* Read it"):
        load_folder(save(b"", "notes.md").parent)
