"""Promises of to_mudata and from_mudata: the way there and back loses nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics import OmicsConcatenator
from skomics._compat import unpulled
from skomics.datasets import make_multiomics, perturb_omics
from skomics.exceptions import SampleAlignmentError
from skomics.io import from_mudata, to_mudata
from tests.memory import print_of

mudata = pytest.importorskip("mudata", reason="MuData is an optional container")
anndata = pytest.importorskip("anndata")

SIZES = {"rna": 60, "mirna": 45}


@pytest.fixture
def cohort():
    return make_multiomics(30, SIZES, random_state=0)


@pytest.fixture
def counts():
    return make_multiomics(
        40, {"atac": 400, "rna": 90}, distribution="counts", random_state=0
    )


def _write(mdata, path):
    with unpulled(mudata):
        mdata.write_h5mu(path)
    return path


def _write_and_open(mdata, path, *, backed):
    with unpulled(mudata):
        return mudata.read_h5mu(_write(mdata, path), backed=backed)


def test_a_table_comes_back_as_it_was(cohort):
    X, y = cohort
    mdata = to_mudata(X, y)
    assert {name: table.n_vars for name, table in mdata.mod.items()} == SIZES
    X_again, y_again = from_mudata(mdata, label="subtype")
    pd.testing.assert_frame_equal(X_again, X)
    pd.testing.assert_series_equal(y_again, y)


@pytest.mark.parametrize("backed", [False, True])
def test_a_table_comes_back_from_a_file_as_it_was(cohort, tmp_path, backed):
    X, y = cohort
    mdata = _write_and_open(to_mudata(X, y), tmp_path / "x.h5mu", backed=backed)
    X_again, y_again = from_mudata(mdata, label="subtype")
    pd.testing.assert_frame_equal(X_again, X)
    pd.testing.assert_series_equal(y_again, y)


def test_each_modality_keeps_its_dtype(cohort):
    X = cohort[0].astype(dict.fromkeys(cohort[0][["rna"]].columns, np.float32))
    mdata = to_mudata(X)
    assert [table.X.dtype for table in mdata.mod.values()] == [np.float32, np.float64]
    pd.testing.assert_frame_equal(from_mudata(mdata)[0], X)


def test_whole_missing_omics_are_left_out_and_come_back(cohort, tmp_path):
    X, y = perturb_omics(*cohort, missing_omics=0.4, random_state=0)
    mdata = to_mudata(X, y)
    lacking = X["rna"].isna().all(axis=1)
    assert mdata["rna"].n_obs == (~lacking).sum() < 30
    assert mdata.obs_names.equals(X.index)
    pd.testing.assert_frame_equal(from_mudata(mdata)[0], X)
    backed = _write_and_open(mdata, tmp_path / "x.h5mu", backed=True)
    X_again, y_again = from_mudata(backed, label="subtype")
    pd.testing.assert_frame_equal(X_again, X)
    pd.testing.assert_series_equal(y_again, y)


def test_a_sample_without_any_omics_is_kept(cohort):
    X = cohort[0].copy()
    X.iloc[4] = np.nan
    mdata = to_mudata(X)
    assert mdata.n_obs == 30
    pd.testing.assert_frame_equal(from_mudata(mdata)[0], X)


def test_scattered_missing_values_stay_where_they_are(cohort):
    X, _ = perturb_omics(cohort[0], missing_cells=0.2, random_state=0)
    pd.testing.assert_frame_equal(from_mudata(to_mudata(X))[0], X)


def test_two_omics_may_measure_the_same_gene(tmp_path):
    rows = pd.Index(["p2", "p1", "p3"], name="sample")
    rna = pd.DataFrame(np.eye(3), rows, ["TP53", "EGFR", "MYC"])
    X = pd.concat({"rna": rna, "cnv": -rna}, axis=1, names=["omics", "feature"])
    mdata = to_mudata({"rna": rna, "cnv": -rna})
    pd.testing.assert_frame_equal(from_mudata(mdata)[0], X)


@pytest.mark.parametrize("backed", [None, False, True])
def test_sparse_omics_stay_sparse_there_and_back(counts, tmp_path, backed):
    X, y = counts
    mdata = to_mudata(X, y)
    assert all(sparse.issparse(table.X) for table in mdata.mod.values())
    if backed is not None:
        mdata = _write_and_open(mdata, tmp_path / "x.h5mu", backed=backed)
    X_again, y_again = from_mudata(mdata, label="subtype")
    assert isinstance(X_again.X, sparse.csr_matrix)
    assert X_again.X.dtype == X.X.dtype
    assert (X_again.X != X.X).nnz == 0
    assert X_again.obs_names.equals(X.obs_names)
    pd.testing.assert_frame_equal(X_again.var, X.var)
    pd.testing.assert_series_equal(y_again, y)


def test_a_dense_omics_beside_a_sparse_one_becomes_sparse(counts, tmp_path):
    X, _ = counts
    protein = np.arange(80.0).reshape(40, 2)
    mdata = to_mudata({"atac": X.X[:, :400], "protein": protein})
    backed = _write_and_open(mdata, tmp_path / "x.h5mu", backed=True)
    for container in (mdata, backed):
        found, _ = from_mudata(container)
        np.testing.assert_array_equal(found.X[:, 400:].toarray(), protein)
        assert (found.X[:, :400] != X.X[:, :400]).nnz == 0
        assert found.var_names[-1] == "protein__protein_2"


def test_the_containers_order_of_the_samples_holds(counts, tmp_path):
    X, _ = counts
    mdata = to_mudata(X)
    order = mdata.obs_names[::-1]
    tables = {"atac": mdata["atac"].copy(), "rna": mdata["rna"][order].copy()}
    with unpulled(mudata):
        mixed = mudata.MuData(tables)
        path = tmp_path / "x.h5mu"
        mixed.write_h5mu(path)
        backed = mudata.read_h5mu(path, backed=True)
    for container in (mixed, backed):
        found, _ = from_mudata(container)
        assert found.obs_names.equals(container.obs_names)
        assert (found[X.obs_names].X != X.X).nnz == 0


@pytest.mark.parametrize("backed", [None, "r"])
def test_an_anndata_comes_back_as_table_or_as_anndata(counts, cohort, tmp_path, backed):
    X, y = counts
    X = X.copy()
    X.obs["subtype"] = y.to_numpy()
    dense = OmicsConcatenator().fit_transform(cohort[0])
    dense = anndata.AnnData(dense.to_numpy(), var=pd.DataFrame(index=dense.columns))
    if backed:
        X.write_h5ad(tmp_path / "sparse.h5ad")
        X_in = anndata.read_h5ad(tmp_path / "sparse.h5ad", backed=backed)
        dense.write_h5ad(tmp_path / "dense.h5ad")
        dense = anndata.read_h5ad(tmp_path / "dense.h5ad", backed=backed)
    else:
        X_in = X
    found, y_found = from_mudata(X_in, label="subtype")
    assert (found.X != X.X).nnz == 0
    assert found.var["omics"].tolist() == X.var["omics"].tolist()
    assert y_found.tolist() == y.tolist()
    table, nothing = from_mudata(dense)
    assert nothing is None
    assert table.columns.equals(cohort[0].columns)
    np.testing.assert_array_equal(table, cohort[0])


def test_an_anndata_without_omics_becomes_a_plain_table():
    table = anndata.AnnData(np.eye(3), var=pd.DataFrame(index=["TP53", "EGFR", "MYC"]))
    found, _ = from_mudata(table)
    assert found.columns.tolist() == ["TP53", "EGFR", "MYC"]


def test_labels_without_a_name_are_called_label(cohort):
    labels = cohort[1].to_numpy()
    _, y = from_mudata(to_mudata(cohort[0], labels), label="label")
    assert y.tolist() == labels.tolist()
    assert y.index.equals(cohort[0].index)


def test_a_concatenator_takes_what_comes_back(counts):
    X, _ = counts
    out = OmicsConcatenator().fit_transform(from_mudata(to_mudata(X))[0])
    assert (out.X != X.X).nnz == 0


def test_wrong_containers_and_labels_say_what_is_wanted(cohort, counts):
    mdata = to_mudata(*cohort)
    with pytest.raises(ValueError, match="no column 'class'; .*'subtype'. Name the"):
        from_mudata(mdata, label="class")
    with pytest.raises(TypeError, match="Got a str, but a MuData or an AnnData"):
        from_mudata("cohort.h5mu")
    with pytest.raises(ValueError, match="y has 2 labels but X has 30 samples"):
        to_mudata(cohort[0], ["a", "b"])
    with pytest.raises(ValueError, match="The AnnData has no matrix"):
        from_mudata(anndata.AnnData(shape=(3, 2)))
    mdata.mod["rna"].X = None
    with pytest.raises(ValueError, match="Modality 'rna' has no matrix"):
        from_mudata(mdata)


def test_a_sparse_modality_cannot_lack_samples(counts):
    mdata = to_mudata(counts[0])
    tables = {"atac": mdata["atac"][:30].copy(), "rna": mdata["rna"].copy()}
    with unpulled(mudata):
        partial = mudata.MuData(tables)
    message = "Modality 'atac' lacks 10 of 40 samples while 'atac', 'rna' is sparse"
    with pytest.raises(SampleAlignmentError, match=message):
        from_mudata(partial)


PEAK = """
import sys
import anndata, h5py, mudata
from skomics._compat import unpulled
from skomics.io import from_mudata
with unpulled(mudata):
    mdata = mudata.read_h5mu(sys.argv[1], backed=True)
before = peak()
X, _ = from_mudata(mdata)
print(peak() - before)
"""


def _peak(path):
    """Return the MiB that reading a backed file takes at most."""
    return print_of(PEAK, path)[0]


@pytest.mark.slow
def test_a_dense_file_is_never_twice_in_memory(tmp_path):
    # 153 MiB in two modalities, one of which lacks samples.
    rng = np.random.default_rng(0)
    tables = {name: rng.normal(size=(2000, 5000)) for name in ("rna", "cnv")}
    tables["cnv"][::3] = np.nan
    assert 140 < _peak(_write(to_mudata(tables), tmp_path / "x.h5mu")) < 240


@pytest.mark.slow
def test_a_sparse_file_is_never_twice_in_memory(tmp_path):
    # 12 million numbers: 92 MiB with their columns.
    matrix = sparse.random(
        2000, 40_000, 0.15, "csr", dtype=np.float32, rng=np.random.default_rng(0)
    )
    tables = {"atac": matrix[:, :30_000], "rna": matrix[:, 30_000:]}
    assert 80 < _peak(_write(to_mudata(tables), tmp_path / "x.h5mu")) < 180


def test_a_file_stored_by_columns_is_read_too(tmp_path):
    matrix = sparse.random(20, 9, 0.4, "csc", rng=np.random.default_rng(0))
    tables = {"atac": anndata.AnnData(matrix), "rna": anndata.AnnData(np.ones((20, 2)))}
    tables["rna"].var_names = ["TP53", "EGFR"]
    with unpulled(mudata):
        mdata = mudata.MuData(tables)
    opened = _write_and_open(mdata, tmp_path / "x.h5mu", backed=True)
    found, _ = from_mudata(opened)
    np.testing.assert_array_equal(found.X[:, :9].toarray(), matrix.toarray())


@pytest.mark.parametrize("read", [from_mudata, OmicsConcatenator().fit])
def test_cohorts_in_a_mudata_are_not_taken_for_modalities(read):
    table = pd.DataFrame(np.eye(6, 4), columns=list("abcd"))
    table.index = [f"p{i}" for i in range(6)]
    parts = {
        "train": anndata.AnnData(table.iloc[:4]),
        "test": anndata.AnnData(table.iloc[4:]),
    }
    with unpulled(mudata):
        cohorts = mudata.MuData(parts, axis=1)
    message = r"axis=1: its 2 tables, 'train' \(4\), 'test' \(2\) .*anndata\.concat"
    with pytest.raises(ValueError, match=message):
        read(cohorts)


def test_labels_of_samples_in_another_order_are_no_column(cohort):
    X, y = cohort
    with pytest.raises(SampleAlignmentError, match="y has the .* ids of X in another"):
        to_mudata(X, y[::-1])
