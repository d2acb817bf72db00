"""Promises of telling the header: lines with #, numbers, separators at the ends."""

import pytest

from skomics.io import load_folder, read_labels, read_omics

A, B = "TCGA-AA-0001-01", "TCGA-AA-0002-01"


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


def test_a_first_patient_without_values_under_a_hash_is_not_lost(save):
    X = read_omics(save("#patient_id,TP53\np1,NA\np2,2\n"))
    assert X.index.to_list() == ["p1", "p2"]


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


@pytest.mark.parametrize("sep", [",", "\t", ";"])
@pytest.mark.parametrize("read", [read_omics, read_labels])
def test_a_header_with_a_hash_of_another_width_is_no_comment(save, read, sep):
    file = save("#gene,7,p0\nTP53,abc\nEGFR,1\n".replace(",", sep), "t.txt")
    with pytest.raises(ValueError, match="has 3 cells like a header, .* has 2. Mend"):
        read(file)


@pytest.mark.parametrize("sep", [",", "\t", ";"])
def test_a_stray_quote_does_not_make_a_header_with_a_hash_a_comment(save, sep):
    text = '#gene,"p0\nTP53,1\nEGFR,NA\n'.replace(",", sep)
    assert read_omics(save(text, "t.txt")).index.to_list() == ['"p0']


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
        "x,LumA\ny,LumB\nz,HerX\n",
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
@pytest.mark.parametrize(
    "corner", ["sample", "bcr_patient_barcode", "id", "Sample ID", "Tumor_Sample"]
)
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


@pytest.mark.parametrize("read", [read_omics, read_labels])
@pytest.mark.parametrize(
    "text", ["id,\na,\nb,\n", "id,,\na,,\n", "id,\na\n", "id\na,\n"]
)
def test_a_table_of_ids_alone_is_refused(save, text, read):
    with pytest.raises(ValueError, match="names nothing beside 'id'|has 1 columns in"):
        read(save(text))


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


@pytest.mark.parametrize(
    ("labels", "rna"),
    [
        ("#sample,label\np1,A\np2,B\n", "#gene,p1,p2\nx,1,2\n"),
        ("sample;label\np1;A\np2;B\n", "id;x\np1;1,0\np2;2,0\n"),
        ("id,label\np1,A,\np2,B,\n", "id,x\np1,1,\np2,2,\n"),
        ("id\tlabel\np1\tA\np2\tB\n", '#x y\n"id","x"\np1,1\np2,2\n'),
    ],
)
@pytest.mark.parametrize("name", ["rna.csv", "rna.tsv", "rna.csv.gz", "rna.tsv.gz"])
def test_a_folder_is_read_in_each_dialect(save, labels, rna, name):
    save(labels, "labels.csv")
    folder = save(rna, name).parent
    X, y = load_folder(folder)
    assert y.to_dict() == {"p1": "A", "p2": "B"}
    assert X["rna"]["x"].to_dict() == {"p1": 1, "p2": 2}


def test_a_folder_of_whole_numbers_without_a_header_is_refused(save):
    save("id,label\np1,A\np2,B\n", "labels.csv")
    folder = save("p1,3,1\np2,4,1\n", "rna.csv").parent
    with pytest.raises(ValueError, match="rna.csv has a first row of whole numbers"):
        load_folder(folder)


def test_a_stray_quote_in_a_header_with_hash_is_refused_between_spaces(save):
    file = save('#gene "p0 "p1"\n"TP53" 1 2\n', "x.txt")
    with pytest.raises(ValueError, match="has a quote in line 1 that does not close"):
        read_omics(file, orientation="features")


def test_decimal_commas_between_spaces_under_a_header_with_hash_are_asked_about(save):
    file = save("#patient_id TP53 EGFR\np0 0,5 2\np1 3 0,5\n", "x.txt")
    with pytest.raises(ValueError, match="in line 1, and commas in the rows.*sep=' '"):
        read_omics(file, orientation="samples")
    X = read_omics(file, orientation="samples", sep=" ")
    assert X.to_numpy().tolist() == [[0.5, 2], [3, 0.5]]
