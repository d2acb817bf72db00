"""Promises of names among features that are no genes."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics.io import load_folder, read_omics
from skomics.io._no_genes import find_dates, is_no_gene

IDS = ["TCGA-AA-0001-01", "TCGA-AA-0002-01"]
GENES = ["ENSG00000000003.15", "ENSG00000000005.6"]
TOOLS = {
    "STAR": ["N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"],
    "HTSeq": ["__no_feature", "__ambiguous", "__too_low_aQual", "__not_aligned"]
    + ["__alignment_not_unique"],
    "HTSeq by R": ["X__no_feature", "X__ambiguous"],
    "HTSeq of old": ["no_feature", "ambiguous", "not_aligned"],
    "DEXSeq": ["_ambiguous", "_empty", "_lowaqual", "_notaligned"],
    "featureCounts": ["Unassigned_NoFeatures", "Unassigned_Unmapped"],
    "one of STAR": ["N_unmapped"],
}


def make_table(others):
    names = [*others, *GENES]
    values = np.arange(2.0 * len(names)).reshape(2, -1) + 0.5
    return pd.DataFrame(values, index=IDS, columns=names)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("is_turned", [True, False])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.parquet"])
def test_sums_are_left_out_with_a_warning(tmp_path, tool, is_turned, name):
    table = make_table(TOOLS[tool])
    given, file = table.T if is_turned else table, tmp_path / name
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
        given.to_parquet(file)
    else:
        given.to_csv(file, sep="\t" if "tsv" in name else ",")
    message = rf"{name} has {len(TOOLS[tool])} features that are no genes, '{{}}'"
    with pytest.warns(UserWarning, match=message.format(TOOLS[tool][0])):
        X = read_omics(file)
    pd.testing.assert_frame_equal(X, table[GENES], check_names=False)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_sums_of_an_h5ad_are_left_out(tmp_path, is_sparse):
    anndata = pytest.importorskip("anndata")
    table = make_table(TOOLS["STAR"])
    data = anndata.AnnData(table)
    data.X = sparse.csr_matrix(table.to_numpy()) if is_sparse else data.X
    data.write_h5ad(tmp_path / "t.h5ad")
    with pytest.warns(UserWarning, match="4 features that are no genes, 'N_unmapped'"):
        X = read_omics(tmp_path / "t.h5ad")
    values = X.X.toarray() if is_sparse else X.to_numpy()
    np.testing.assert_array_equal(values, table[GENES])


def test_sums_of_a_folder_are_left_out(write):
    folder = write(**{"rna.csv": "gene,p1,p2,p3\n__no_feature,9,9,9\nTP53,1,2,3\n"})
    with pytest.warns(UserWarning, match="rna.csv has 1 features that are no genes"):
        X, _ = load_folder(folder)
    assert X["rna"].columns.to_list() == ["TP53"]


def test_a_table_of_sums_alone_has_no_features(save):
    file = save("gene_id\tTCGA-AA-0001\nN_unmapped\t9\nN_ambiguous\t1\n", "t.tsv")
    with pytest.raises(ValueError, match="t.tsv has no features. Give at least one"):
        read_omics(file)


@pytest.mark.parametrize(
    "name", ["ambiguous", "unmapped", "N_cadherin", "NFE2", "Unassigned", "_id", "N_1"]
)
def test_a_feature_that_resembles_a_sum_stays(name):
    assert not is_no_gene(pd.Index([name, "TP53"])).any()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("ERCC-00002", "spike-ins"),
        ("ERCC.00171", "spike-ins"),
        ("SIRV101", "spike-ins"),
        ("ENSG00000182378.15_PAR_Y", "duplicates on chromosome Y"),
        ("ENSG00000182378_PAR_Y", "duplicates on chromosome Y"),
        ("ENSGR0000182378.10", "duplicates on chromosome Y"),
    ],
)
@pytest.mark.parametrize("is_turned", [True, False])
def test_spike_ins_and_duplicates_are_kept_and_named(tmp_path, name, what, is_turned):
    table = make_table([name, "ERCC1"])
    (table.T if is_turned else table).to_csv(tmp_path / "t.csv")
    message = f"1 features that are {what}.*, '{name}'; they are kept. Drop them"
    with pytest.warns(UserWarning, match=message):
        X = read_omics(tmp_path / "t.csv")
    assert X.columns.to_list() == [name, "ERCC1", *GENES]


DATES = ["1-Mar", "2-Sep", "01-MAR", "1-dec", "MAR-1", "Sep-02", "Dec-01", "1-Mar-21"]
DATES += ["2. Mrz", "01.M\u00e4r", "1-D\u00e9c", "3-Sept", "X1.Mar", "2/Sep", "1-Mar.1"]
PLAIN = ["2021-03-01", "2021-09-02 00:00:00", "01/03/2021", "1/3/21", "1.3.2021"]
SERIALS = ["43525", "44075", "45170", "42614"]


@pytest.mark.parametrize("name", [*DATES, *PLAIN, *SERIALS])
@pytest.mark.parametrize("is_turned", [True, False])
def test_a_symbol_that_excel_made_a_date_is_named(tmp_path, name, is_turned):
    table = make_table([name, "TP53"])
    (table.T if is_turned else table).to_csv(tmp_path / "t.csv")
    message = f"t.csv has 1 features that are called like dates, '{name}': Excel turns"
    with pytest.warns(UserWarning, match=message.replace(".", r"\.")):
        assert name in read_omics(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "names",
    [
        ["MARCH1", "SEPT2", "DEC1", "MARC1", "TP53"],
        ["mar-1", "sep-1", "oct-1", "unc-119"],  # genes of worms
        ["hsa-mir-1", "let-7a", "1.1", "2.5", "X1.methylhistidine"],
        ["7157", "43525", "1956"],  # Entrez ids
        ["43525", "TP53", "7157"],
        ["43600", "TP53"],  # no day that a symbol becomes
        ["2021-03-01", "2021-03-02"],  # a time series
        ["1.14.13", "TP53"],
        ["chr1:100-200", "2-hydroxybutyrate", "3-methylhistidine"],
    ],
)
def test_other_names_are_no_dates(names):
    assert find_dates(pd.Index(names)).empty


@pytest.mark.parametrize("name", ["1-Mar", "2-Sep", "2021-03-01", "43525"])
@pytest.mark.parametrize("repeated", ["error", "first", "mean"])
def test_repeated_dates_are_refused_and_never_averaged(save, name, repeated):
    file = save(f"patient_id,TP53,{name},{name}\na,1,2,3\nb,1,2,4\n")
    message = f"1 feature names .* called like dates, e.g. '{name}': .* several genes"
    with pytest.raises(ValueError, match=message) as error:
        read_omics(file, repeated=repeated)
    assert "repeated=" not in str(error.value)
    assert "mean" not in str(error.value)


def test_sums_of_a_sparse_table_of_a_folder_are_left_out(tmp_path):
    pytest.importorskip("anndata")
    (tmp_path / "labels.csv").write_text("id,label\np1,x\np2,y\n")
    (tmp_path / "rna_features.txt").write_text("TP53\n__no_feature\nMYC\n")
    sparse.save_npz(tmp_path / "rna.npz", sparse.csr_matrix([[1, 9, 2], [3, 9, 4]]))
    with pytest.warns(UserWarning, match="rna.npz has 1 features that are no genes"):
        X, _ = load_folder(tmp_path)
    assert X.var_names.to_list() == ["rna__TP53", "rna__MYC"]
    assert X.X.toarray().tolist() == [[1, 2], [3, 4]]
