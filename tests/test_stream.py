"""Samples that stay on disk until they are asked for."""

import warnings

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skomics import _stream
from skomics._compat import unpulled
from skomics._stream import OmicsStream, open_stream
from skomics.exceptions import SampleAlignmentError

N_ROWS, N_COLUMNS = 97, 12
OMICS = ["rna"] * 7 + ["adt"] * 5


def make_table(is_sparse):
    random = np.random.default_rng(0)
    X = random.poisson(0.5, (N_ROWS, N_COLUMNS)).astype(np.float32)
    obs = pd.DataFrame(index=[f"cell_{i}" for i in range(N_ROWS)])
    names = [f"{omics}__f{i}" for i, omics in enumerate(OMICS)]
    var = pd.DataFrame({"omics": OMICS}, index=names)
    return anndata.AnnData(sparse.csr_matrix(X) if is_sparse else X, obs=obs, var=var)


def dense(table):
    X = table.X if hasattr(table, "obs_names") else table
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


@pytest.fixture(scope="module", params=[True, False], ids=["sparse", "dense"])
def table(request):
    return make_table(request.param)


@pytest.fixture(scope="module")
def backed(table, tmp_path_factory):
    file = tmp_path_factory.mktemp("stream") / "x.h5ad"
    table.write_h5ad(file)
    return anndata.read_h5ad(file, backed="r")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, N_ROWS - 1), min_size=1, max_size=40))
def test_rows_come_in_the_order_they_are_asked_for(table, backed, rows):
    found = open_stream(backed).read(np.array(rows))
    np.testing.assert_array_equal(dense(found), dense(table)[rows])
    if len(set(rows)) == len(rows):
        assert found.obs_names.tolist() == table.obs_names[rows].tolist()


def test_chunks_are_all_samples_from_first_to_last(table, backed, monkeypatch):
    monkeypatch.setattr(_stream, "_CHUNK", 64 * N_COLUMNS)
    positions, chunks = zip(*open_stream(backed).chunks(), strict=True)
    assert list(map(len, positions)) == [64, N_ROWS - 64]
    found = np.concatenate([dense(chunk) for chunk in chunks])
    np.testing.assert_array_equal(found, dense(table))


@pytest.mark.parametrize(
    "index",
    [slice(10, 50), np.array([50, 3, 3, 96]), np.arange(N_ROWS) % 2 == 0],
    ids=["slice", "positions", "mask"],
)
def test_a_part_of_a_file_stays_on_disk(table, backed, index):
    stream = open_stream(backed)[index]
    assert isinstance(stream, OmicsStream)
    np.testing.assert_array_equal(np.asarray(stream), dense(table)[index])
    assert stream.rows.equals(table.obs_names[index])
    view = open_stream(backed[index])
    assert isinstance(view, OmicsStream)
    np.testing.assert_array_equal(np.asarray(view), dense(table)[index])


def test_features_may_be_chosen_before(table, backed):
    stream = open_stream(backed[:, [3, 1, 8]])
    np.testing.assert_array_equal(np.asarray(stream), dense(table)[:, [3, 1, 8]])


def test_zarr_and_dask_stay_on_disk_too(table, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Writing zarr v2 data", UserWarning)
        table.write_zarr(tmp_path / "x.zarr")
    group = zarr.open(tmp_path / "x.zarr", mode="r")
    is_sparse = sparse.issparse(table.X)
    X = anndata.io.sparse_dataset(group["X"]) if is_sparse else group["X"]
    stored = anndata.AnnData(X, obs=table.obs, var=table.var)
    lazy = anndata.experimental.read_lazy(tmp_path / "x.zarr")
    for X in (stored, lazy):
        stream = open_stream(X)
        assert isinstance(stream, OmicsStream)
        assert stream.shape == table.shape
        rows = np.array([5, 4, 90])
        np.testing.assert_array_equal(dense(stream.read(rows)), dense(table)[rows])


def test_what_is_in_memory_is_no_stream(table):
    for X in (table, table[:3], table.to_df(), dense(table), [1, 2]):
        assert open_stream(X) is None


@pytest.fixture
def write_mudata(table, tmp_path):
    def write(rows):
        parts = {
            "rna": table[:, :7].copy(),
            "adt": table[rows, 7:].copy(),
        }
        with unpulled(mudata):
            mdata = mudata.MuData(parts)
            mdata = mdata[table.obs_names].copy()
            mdata.write(tmp_path / "x.h5mu")
            return mudata.read_h5mu(tmp_path / "x.h5mu", backed="r")

    return write


def test_modalities_of_a_mudata_are_side_by_side(table, write_mudata):
    stream = open_stream(write_mudata(np.arange(N_ROWS)))
    read = stream.read(np.array([3, 80]))
    np.testing.assert_array_equal(dense(read), dense(table)[[3, 80]])
    assert read.var["omics"].tolist() == OMICS


def test_a_dense_modality_may_lack_samples_and_a_sparse_one_may_not(
    table, write_mudata
):
    rows = np.arange(N_ROWS)[::-2]
    mdata = write_mudata(rows)
    if sparse.issparse(table.X):
        with pytest.raises(SampleAlignmentError, match="'adt' is sparse and its 49 sa"):
            open_stream(mdata)
        return
    expected = dense(table).copy()
    expected[np.setdiff1d(np.arange(N_ROWS), rows), 7:] = np.nan
    np.testing.assert_array_equal(np.asarray(open_stream(mdata)), expected)


def test_a_file_by_columns_is_refused(tmp_path):
    table = make_table(is_sparse=True)
    table.X = table.X.tocsc()
    table.write_h5ad(tmp_path / "x.h5ad")
    backed = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"stored by columns \(csc\) on disk.*tocsr"):
        open_stream(backed)


def test_a_file_without_a_matrix_is_refused(table, tmp_path):
    bare = anndata.AnnData(obs=table.obs, var=table.var)
    bare.write_h5ad(tmp_path / "x.h5ad")
    backed = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"The AnnData has no matrix: its X is None"):
        open_stream(backed)
