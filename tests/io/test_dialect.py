"""Promises of splitting text: quotes, separators, decimals."""

import pytest

from skomics.io import read_labels, read_omics
from skomics.io._text import CellError

A, B = "TCGA-AA-0001-01", "TCGA-AA-0002-01"


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
        y = read_labels(file, column="note", missing_values=[])
        assert y.to_list() == columns


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


def test_a_space_in_the_only_name_of_a_short_header_separates_nothing(save):
    X = read_omics(save("x y\np0\tNA\np1\t2\n", "t.txt"), orientation="samples")
    assert X.columns.to_list() == ["x y"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_in_a_quoted_name_of_a_row_is_kept(save, end):
    text = f'sample,TP53,EGFR{end}"p0{end}x",1,NA{end}"p1",2,3{end}'
    X = read_omics(save(text, "t.csv"), orientation="samples")
    assert [name.split() for name in X.index] == [["p0", "x"], ["p1"]]
    assert X["TP53"].to_list() == [1, 2]
