"""Promises of the formats that are no text: 10x, xlsx, layers of h5ad and h5mu."""

import datetime
import gzip
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.io import mmwrite

from skomics._compat import unpulled
from skomics.io import load_folder, read_labels, read_omics
from skomics.io._tables import _FORMATS
from skomics.preprocessing import OmicsConcatenator
from tests.conftest import REPOSITORY

CELLS = ["AAAC-1", "CCCG-1", "GGGT-1"]
IDS = ["ENSG00000141510", "ENSG00000136997", "CD3", "chr1:1-2"]
NAMES = ["TP53", "TP53", "CD3_TotalC", "chr1:1-2"]
TYPES = ["Gene Expression", "Gene Expression", "Antibody Capture", "Peaks"]
COUNTS = np.array([[1, 0, 4, 0], [0, 2, 0, 0], [3, 0, 0, 5]])  # cells × features
FLAT = [f"{t}__{i}" for t, i in zip(TYPES, IDS, strict=True)]


@pytest.fixture
def save_tenx(tmp_path):
    """Write a folder of Cell Ranger, of its second version where types is None."""

    def save(name="run", types=TYPES, is_packed=True, prefix="", end="\n"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        columns = [IDS, NAMES] if types is None else [IDS, NAMES, types]
        features = "genes.tsv" if types is None else "features.tsv"
        lines = {
            "barcodes.tsv": CELLS,
            features: map("\t".join, zip(*columns, strict=True)),
        }
        for part, rows in lines.items():
            (folder / f"{prefix}{part}").write_text("".join(f"{r}{end}" for r in rows))
        mmwrite(folder / f"{prefix}matrix.mtx", sparse.coo_matrix(COUNTS.T))
        for file in [*folder.glob(f"{prefix}*[vx]")] if is_packed else []:
            file.with_name(f"{file.name}.gz").write_bytes(
                gzip.compress(file.read_bytes(), mtime=0)
            )
            file.unlink()
        return folder

    return save


def check_counts(X, names):
    assert X.obs_names.to_list() == CELLS
    assert X.var_names.to_list() == names
    assert sparse.issparse(X.X)
    assert X.X.dtype == np.int64
    np.testing.assert_array_equal(X.X.toarray(), COUNTS)


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_folder_of_10x_gives_a_modality_for_each_type(save_tenx, is_packed, end):
    pytest.importorskip("anndata")
    X = read_omics(save_tenx(is_packed=is_packed, end=end))
    check_counts(X, FLAT)
    assert X.var["symbol"].to_list() == NAMES
    assert X.var["omics"].to_list() == TYPES
    assert OmicsConcatenator().fit(X).omics_ == tuple(dict.fromkeys(TYPES))


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("types", [None, ["Gene Expression"] * 4])
def test_a_folder_of_10x_of_one_type_is_one_table(save_tenx, types, is_packed):
    pytest.importorskip("anndata")
    X = read_omics(save_tenx(types=types, is_packed=is_packed))
    check_counts(X, IDS)
    assert X.var["symbol"].to_list() == NAMES


def test_files_of_10x_with_a_prefix_are_found(save_tenx):
    pytest.importorskip("anndata")
    folder = save_tenx(prefix="GSM1_a_")
    check_counts(read_omics(folder), FLAT)
    check_counts(read_omics(folder / "GSM1_a_matrix.mtx.gz"), FLAT)
    save_tenx(prefix="GSM2_b_")
    with pytest.raises(ValueError, match="several matrices, 'GSM1_a_matrix.mtx.gz', "):
        read_omics(folder)
    check_counts(read_omics(str(folder / "GSM2_b_matrix.mtx.gz")), FLAT)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("barcodes.tsv.gz", "has no 'barcodes.tsv.gz', 'barcodes.tsv' beside it"),
        ("features.tsv.gz", "has no 'features.tsv.gz', 'features.tsv', 'genes.tsv.gz'"),
    ],
)
def test_a_matrix_without_names_is_refused(save_tenx, lost, message):
    folder = save_tenx()
    (folder / lost).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        read_omics(folder)


def test_a_bare_matrix_is_refused_as_what_it_is(tmp_path):
    mmwrite(tmp_path / "counts.mtx", sparse.coo_matrix(COUNTS))
    with pytest.raises(FileNotFoundError, match="counts.mtx has no .* a matrix alone"):
        read_omics(tmp_path / "counts.mtx")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_omics(tmp_path / "no.mtx")


def test_a_folder_of_10x_of_another_length_is_refused(save_tenx):
    folder = save_tenx(is_packed=False)
    (folder / "barcodes.tsv").write_text("AAAC-1\n")
    message = "matrix.mtx has 4 features and 3 cells, but 4 features and 1 cells have"
    with pytest.raises(ValueError, match=message):
        read_omics(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("matrix.mtx", "%%MatrixMarket matrix coordinate\n2 2\n"),
        ("matrix.mtx", ""),
        ("features.tsv", "ENSG1\tTP53\tGene Expression\nENSG2\n"),
    ],
)
def test_a_damaged_folder_of_10x_is_refused_by_name(save_tenx, name, content):
    folder = save_tenx(is_packed=False)
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match="matrix.mtx cannot be read as counts of 10x"):
        read_omics(folder)


@pytest.fixture
def save_h5(tmp_path):
    """Write the h5 file of Cell Ranger, of its second or third version."""
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("anndata")

    def save(name, genomes=(), **changes):
        matrix = sparse.csc_matrix(COUNTS.T)
        parts = {"data": matrix.data, "indices": matrix.indices}
        parts |= {"indptr": matrix.indptr, "shape": np.array(matrix.shape)}
        parts |= {"barcodes": np.array(CELLS, dtype="S"), **changes}
        with h5py.File(tmp_path / name, "w") as h5:
            for genome in genomes or ["matrix"]:
                group = h5.create_group(genome)
                keys = ["genes", "gene_names"] if genomes else ["id", "name"]
                place = group if genomes else group.create_group("features")
                for key, column in zip(keys, (IDS, NAMES), strict=True):
                    place[key] = np.array(column, dtype="S")
                if not genomes:
                    place["feature_type"] = np.array(TYPES, dtype="S")
                for key, values in parts.items():
                    group[key] = values
        return tmp_path / name

    return save


def test_an_h5_of_10x_is_read_in_both_versions(save_h5):
    X = read_omics(save_h5("filtered_feature_bc_matrix.h5"))
    check_counts(X, FLAT)
    assert X.var["omics"].to_list() == TYPES
    check_counts(read_omics(save_h5("old.h5", ["GRCh38"])), IDS)
    check_counts(read_omics(save_h5("old.hdf5", ["GRCh38"])), IDS)


def test_an_h5_that_is_none_of_10x_is_named(save_h5, tmp_path):
    h5py, anndata = pytest.importorskip("h5py"), pytest.importorskip("anndata")
    with pytest.raises(ValueError, match="counts of several genomes, 'hg19', 'mm10'"):
        read_omics(save_h5("two.h5", ["hg19", "mm10"]))
    with h5py.File(tmp_path / "other.h5", "w") as h5:
        h5["x"] = 1
    with pytest.raises(ValueError, match="other.h5 has no counts of 10x: it holds 'x'"):
        read_omics(tmp_path / "other.h5")
    frame = pd.DataFrame({"a": [1.0]}, index=["p1"])
    anndata.AnnData(frame).write_h5ad(tmp_path / "ann.h5")
    with pytest.raises(ValueError, match="ann.h5 has no counts .* Call it .h5ad"):
        read_omics(tmp_path / "ann.h5")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": np.array([9, 9, 9, 9, 9])}, "cannot be read as counts of 10x"),
        (
            {"barcodes": np.array(["A"], dtype="S")},
            "has 4 features and 3 cells, but 4",
        ),
        ({"shape": np.array([4, 7])}, "cannot be read as counts of 10x"),
    ],
)
def test_a_damaged_h5_of_10x_is_refused_by_name(save_h5, changes, message):
    with pytest.raises(ValueError, match=f"x.h5 {message}"):
        read_omics(save_h5("x.h5", **changes))


def test_10x_is_a_table_of_a_folder(save_tenx, save_h5, tmp_path):
    save_tenx("rna", types=None)
    save_h5("multi.h5")
    (tmp_path / "labels.csv").write_text("cell,label\nGGGT-1,x\nAAAC-1,y\nCCCG-1,x\n")
    X, y = load_folder(tmp_path)
    names = [f"multi_{name}" for name in FLAT] + [f"rna__{name}" for name in IDS]
    assert X.var_names.to_list() == names
    assert X.obs_names.to_list() == y.index.to_list() == ["GGGT-1", "AAAC-1", "CCCG-1"]
    np.testing.assert_array_equal(X.X.toarray()[:, 4:], COUNTS[[2, 0, 1]])
    assert X.var["symbol"].to_list() == NAMES * 2


def test_symbols_stand_beside_the_names_of_other_modalities(save_tenx, write):
    pytest.importorskip("anndata")
    rna, table = save_tenx(types=None), "cell,x\nAAAC-1,1\nCCCG-1,2\nGGGT-1,3\n"
    protein = write(**{"protein.csv": table}) / "protein.csv"
    X = read_omics({"rna": rna, "protein": protein})
    assert X.var["symbol"].to_list() == [*NAMES, "x"]
    assert OmicsConcatenator().fit(X).omics_ == ("rna", "protein")


# h5ad and h5mu


@pytest.fixture
def layered(tmp_path):
    """Write an h5ad with its counts in a layer."""
    anndata = pytest.importorskip("anndata")
    data = anndata.AnnData(
        obs=pd.DataFrame(index=CELLS), var=pd.DataFrame({"x": 0}, index=IDS)
    )
    data.layers["counts"] = sparse.csr_matrix(COUNTS)
    data.layers["log"] = np.log1p(COUNTS)
    data.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


def test_a_layer_of_an_h5ad_is_read(layered):
    check_counts(read_omics(layered, layer="counts"), IDS)
    X = read_omics({"rna": layered}, layer="log")
    np.testing.assert_allclose(X, np.log1p(COUNTS))


def test_an_h5ad_without_a_matrix_names_its_layers(layered):
    message = "cells.h5ad has no matrix X; its layers are: 'counts', 'log'. .* layer="
    with pytest.raises(ValueError, match=message):
        read_omics(layered)
    with pytest.raises(ValueError, match="has no layer 'raw'; its layers are: 'counts"):
        read_omics(layered, layer="raw")
    (layered.parent / "labels.csv").write_text("cell,label\nAAAC-1,x\n")
    with pytest.raises(ValueError, match="Choose one with layer= of read_omics"):
        load_folder(layered.parent)


def test_a_layer_of_an_h5mu_is_read(tmp_path):
    anndata, mudata = pytest.importorskip("anndata"), pytest.importorskip("mudata")
    rna = anndata.AnnData(pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "b"]))
    rna.layers["counts"] = np.array([[3.0], [4.0]])
    with unpulled(mudata):
        mudata.MuData({"rna": rna}).write(tmp_path / "cells.h5mu")
    X = read_omics(tmp_path / "cells.h5mu", layer="counts")
    assert X[("rna", "x")].to_list() == [3.0, 4.0]
    with pytest.raises(ValueError, match="cells.h5mu has no layer 'log'"):
        read_omics(tmp_path / "cells.h5mu", layer="log")


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.xlsx", "x.npz"])
def test_other_files_have_no_layer(tmp_path, save, name):
    with pytest.raises(ValueError, match=f"Got layer='a' for {name}, but only files"):
        read_omics(save("a", name), layer="a")


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.h5ad", "x.tsv.gz"])
def test_other_files_have_no_sheet(save, name):
    with pytest.raises(ValueError, match=f"Got sheet='a' for {name}, but only files"):
        read_omics(save("a", name), sheet="a")


@pytest.mark.parametrize("column", ["feature_types", "omics"])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_an_h5ad_that_names_modalities_gives_them(tmp_path, column, is_sparse):
    anndata = pytest.importorskip("anndata")
    names = FLAT if column == "omics" else IDS
    X = sparse.csr_matrix(COUNTS) if is_sparse else COUNTS.astype(float)
    var = pd.DataFrame({column: TYPES}, index=names)
    anndata.AnnData(X, pd.DataFrame(index=CELLS), var).write_h5ad(tmp_path / "x.h5ad")
    X = read_omics(tmp_path / "x.h5ad")
    if is_sparse:
        check_counts(X, FLAT)
        X = X.to_df()
    else:
        assert X.columns.to_list() == [*zip(TYPES, IDS, strict=True)]
    np.testing.assert_array_equal(X, COUNTS)


# Excel

FRAME = pd.DataFrame(
    {"patient_id": [102, 101, 7], "TP53": [1.5, 2.0, 3.0], "EGFR": [0.1, None, 4.0]}
)


@pytest.fixture
def save_sheets(tmp_path):
    """Write an xlsx of a dict of tables."""
    pytest.importorskip("openpyxl")

    def save(name="table.xlsx", **sheets):
        with pd.ExcelWriter(tmp_path / name, engine="openpyxl") as writer:
            for sheet, frame in sheets.items():
                frame.to_excel(writer, sheet_name=sheet, index=False)
        return tmp_path / name

    return save


@pytest.fixture
def save_cells(tmp_path):
    """Write an xlsx of rows of cells, with formats of numbers by cell."""
    openpyxl = pytest.importorskip("openpyxl")

    def save(rows, formats=None):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        for cell, number_format in (formats or {}).items():
            book.active[cell].number_format = number_format
        book.save(tmp_path / "cells.xlsx")
        return tmp_path / "cells.xlsx"

    return save


def test_a_sheet_is_read_as_its_csv_is(save_sheets, save):
    X = read_omics(save_sheets(rna=FRAME))
    pd.testing.assert_frame_equal(X, read_omics(save(FRAME.to_csv(index=False))))
    turned = FRAME.set_index("patient_id").T.reset_index(names="gene")
    pd.testing.assert_frame_equal(read_omics(save_sheets(rna=turned)), X)
    X = read_omics([save_sheets("rna.xlsx", rna=FRAME)])
    assert X.columns.get_level_values("omics")[0] == "rna"


def test_one_of_several_sheets_is_asked_for(save_sheets):
    file = save_sheets(rna=FRAME, mirna=FRAME.rename(columns={"TP53": "mir21"}))
    message = (
        "table.xlsx has 2 filled sheets; its sheets are 'rna', 'mirna'. Choose one "
    )
    message += "with sheet= of read_omics or read_labels"
    with pytest.raises(ValueError, match=message):
        read_omics(file)
    assert read_omics(file, sheet="mirna", orientation="samples").columns[0] == "mir21"
    with pytest.raises(ValueError, match="no sheet 'cnv'; its sheets are 'rna', "):
        read_omics(file, sheet="cnv")


def test_empty_sheets_rows_and_columns_around_a_table_are_left_out(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.create_sheet("notes")
    sheet = book.active
    for cell, value in {"B3": "patient_id", "C3": "TP53", "B4": "p1", "C4": 0}.items():
        sheet[cell] = value
    sheet["F9"].number_format = "0.00"
    book.save(tmp_path / "x.xlsx")
    X = read_omics(tmp_path / "x.xlsx")
    assert X.index.to_list() == ["p1"]
    assert X.to_numpy().tolist() == [[0.0]]


def test_a_text_cell_is_refused_by_row_and_column(save_sheets):
    frame = FRAME.astype(object)
    frame.loc[1, "EGFR"] = "high"
    message = r"table.xlsx has 'high' in line 3, column 3 \('EGFR'\)"
    with pytest.raises(ValueError, match=message):
        read_omics(save_sheets(rna=frame))


@pytest.mark.parametrize("cell", ["#DIV/0!", "#REF!", "#VALUE!"])
def test_an_error_of_excel_is_refused_and_its_word_for_missing_is_missing(
    save_cells, cell
):
    rows = [["patient_id", "TP53"], ["a", cell], ["b", "#N/A"]]
    with pytest.raises(ValueError, match=f"has '{cell}' in line 2"):
        read_omics(save_cells(rows))
    rows[1][1] = 1
    np.testing.assert_array_equal(read_omics(save_cells(rows)), [[1.0], [np.nan]])


def test_a_formula_without_a_value_is_refused(save_cells):
    file = save_cells([["patient_id", "TP53"], ["a", "=1+1"]])
    message = "cells.xlsx has a formula without a value in cell B2, '=1.1'. Open and"
    with pytest.raises(ValueError, match=message):
        read_omics(file)


def test_ids_are_what_excel_shows(save_cells):
    rows = [["patient_id", "TP53"], [7, 1], [10, 2], [101.0, 3], ["007a", 4]]
    X = read_omics(save_cells(rows, {"A2": "000", "A3": "0000"}))
    assert X.index.to_list() == ["007", "0010", "101", "007a"]


def test_dates_among_the_genes_of_a_sheet_are_named(save_cells):
    rows = [["gene", "TCGA-AA-0001"], ["TP53", 1], [datetime.datetime(2021, 3, 1), 2]]
    with pytest.warns(UserWarning, match="called like dates, '2021-03-01': Excel"):
        assert read_omics(save_cells(rows)).columns.to_list() == ["TP53", "2021-03-01"]


def test_logical_cells_are_numbers(save_cells):
    X = read_omics(save_cells([["patient_id", "TP53"], ["a", True], ["b", False]]))
    assert X["TP53"].to_list() == [1.0, 0.0]


def test_labels_of_a_sheet_are_read(save_sheets):
    labels = pd.DataFrame({"patient_id": [102, 101], "subtype": ["LumA", "Basal"]})
    file = save_sheets(clinical=labels)
    assert read_labels(file).to_dict() == {"102": "LumA", "101": "Basal"}
    file = save_sheets(clinical=labels, more=labels.assign(subtype=["x", "y"]))
    with pytest.raises(ValueError, match="has 2 filled sheets"):
        read_labels(file)
    assert read_labels(file, sheet="more").to_list() == ["x", "y"]


def test_sheets_are_tables_and_labels_of_a_folder(save_sheets):
    ids = FRAME["patient_id"]
    save_sheets("rna.xlsx", s=FRAME)
    save_sheets("labels.xlsx", s=pd.DataFrame({"id": ids[::-1], "label": list("xyx")}))
    file = save_sheets("clinical.xlsx", s=pd.DataFrame({"id": ids, "stage": "IV"}))
    with pytest.warns(UserWarning, match="clinical.xlsx holds text only"):
        X, y = load_folder(file.parent, labels="labels.xlsx")
    assert X[("rna", "TP53")].to_list() == [3.0, 2.0, 1.5]
    assert y.index.to_list() == ["7", "101", "102"]


@pytest.mark.parametrize("reader", [read_omics, read_labels])
def test_a_damaged_xlsx_is_refused_by_name(save, tmp_path, reader):
    with pytest.raises(ValueError, match="x.xlsx cannot be read as xlsx: .* get or"):
        reader(save(b"PK\x03\x04 nothing", "x.xlsx"))
    with pytest.raises(FileNotFoundError, match="There is no file .*no.xlsx"):
        reader(tmp_path / "no.xlsx")


# Parquet, npz, h5ad and h5mu


@pytest.mark.parametrize(
    ("orientation", "what"), [("features", "samples"), ("samples", "features")]
)
def test_parquet_without_values_is_refused(tmp_path, orientation, what):
    pytest.importorskip("pyarrow")
    pd.DataFrame(index=["a", "b"]).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=f"x.parquet has no {what}. Give at least one"):
        read_omics(tmp_path / "x.parquet", orientation=orientation)


def test_parquet_with_two_levels_of_columns_comes_back_as_it_was(tmp_path):
    pytest.importorskip("pyarrow")
    pairs = [("rna", "TP53"), ("rna", "MYC__1"), ("mirna", "mir21")]
    columns = pd.MultiIndex.from_tuples(pairs, names=["omics", "feature"])
    index = pd.Index(["a", "b"], name="sample")
    X = pd.DataFrame(np.arange(6.0).reshape(2, 3) + 0.5, index, columns)
    X.to_parquet(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(read_omics(tmp_path / "x.parquet"), X)
    one = X[["mirna"]]
    one.to_parquet(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(read_omics(tmp_path / "x.parquet"), one)


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
    with pytest.raises(ValueError, match="holds (object|str) in column 'stage'"):
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
    with unpulled(mudata):
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


def test_a_sparse_table_with_indices_beyond_its_shape_is_refused(sparse_folder):
    matrix = sparse.csr_matrix([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    matrix.indices[0] = 10_000_000
    sparse.save_npz(sparse_folder / "atac.npz", matrix)
    with pytest.raises(ValueError, match="atac.npz cannot be read as a sparse npz"):
        load_folder(sparse_folder)


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


def test_the_documentation_lists_the_formats():
    page = (REPOSITORY / "docs" / "datasets.md").read_text(encoding="utf-8")
    table = page.partition("## Layouts that")[2].partition("##")[0]
    assert [suffix for suffix in _FORMATS if f"`{suffix}`" not in table] == [".mtx"]
    assert "`matrix.mtx`" in table


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [("openpyxl", "x.xlsx", "excel"), ("h5py", "x.h5", "data")],
)
def test_what_to_install_is_said_where_a_format_needs_more(
    save, monkeypatch, module, name, extra
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{module} is .* 'skomics\[{extra}\]'"):
        read_omics(save("x", name))
