"""Promises of reading the layouts that people have."""

import numpy as np
import pandas as pd
import pytest

from skomics.io import load_folder, read_labels, read_omics

A, B = "TCGA-AA-0001-01", "TCGA-AA-0002-01"


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


def test_column_levels_without_a_modality_are_refused(save):
    file = save("omics,rna,\nfeature,TP53,EGFR\np1,1,2\n")
    with pytest.raises(ValueError, match="first line names no modality in column 3"):
        read_omics(file)


def test_ids_are_no_labels(save):
    with pytest.raises(ValueError, match="has the ids in column 'id', which was als"):
        read_labels(save("id,x\na,1\n"), column="id")


def test_column_levels_in_a_folder_give_a_modality_each(save):
    X = folder_frame(save)
    X.to_csv(save("", "all.csv"))
    again, _ = load_folder(save(b"", "notes.md").parent)
    names = again.columns.get_level_values(0).unique()
    assert {f"all_{omics}" for omics in X.columns.get_level_values(0)} <= {*names}
