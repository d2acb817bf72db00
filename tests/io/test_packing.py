"""Promises of the chunks in which tables are put together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skomics._blocks import Block
from skomics._stream import PlacedRows
from skomics.io import _packing
from skomics.io._packing import name_blocks, pack_blocks, stack_dense


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(_packing, "_CHUNK", 10)


def _blocks(matrices):
    return {
        f"omics{i}": Block(m, pd.Index([f"f{i}_{j}" for j in range(m.shape[1])]))
        for i, m in enumerate(matrices)
    }


@given(
    n=st.integers(1, 30),
    widths=st.lists(st.integers(1, 8), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_chunks_of_sparse_and_dense_matrices_make_the_whole(n, widths, seed):
    pytest.importorskip("anndata")
    rng = np.random.default_rng(seed)
    dense = [rng.poisson(0.5, (n, width)).astype(np.float32) for width in widths]
    formats = [sparse.csr_matrix, sparse.csc_matrix, np.asarray]
    matrices = [f(m) for f, m in zip(formats, dense, strict=False)]
    rows = pd.Index([f"p{i}" for i in range(n)])
    packed = pack_blocks(_blocks(matrices), rows)
    assert packed.X.has_canonical_format
    assert packed.X.dtype == np.float32
    np.testing.assert_array_equal(packed.X.toarray(), np.hstack(dense))
    assert packed.obs_names.equals(rows)


@given(st.permutations(range(7)), st.lists(st.integers(0, 6), max_size=6))
def test_placed_rows_are_in_order_and_missing_ones_nan(order, missing):
    values = np.arange(21).reshape(7, 3)
    positions = np.array(order)
    positions[missing] = -1
    expected = values[positions].astype(float)
    expected[positions < 0] = np.nan
    found = stack_dense([PlacedRows(values, positions)])
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == (np.float64 if missing else values.dtype)


def test_omics_of_unequal_dtype_keep_theirs():
    matrices = [np.ones((25, 3), np.float32), np.ones((25, 2), int)]
    packed = pack_blocks(_blocks(matrices), pd.RangeIndex(25))
    assert packed.dtypes.unique().tolist() == [np.float32, np.int64]
    assert packed.columns.names == ["omics", "feature"]


def test_a_single_array_is_not_copied():
    array = np.ones((25, 3))
    packed = pack_blocks(_blocks([array]), pd.RangeIndex(25))
    assert np.shares_memory(packed.to_numpy(), array)


def test_tables_without_names_get_unique_ones():
    blocks, rows = name_blocks({"rna": np.ones((2, 2)), "cnv": np.ones((2, 1))})
    assert blocks["rna"].features.tolist() == ["rna_1", "rna_2"]
    assert blocks["cnv"].features.tolist() == ["cnv_1"]
    assert rows.tolist() == [0, 1]
    _, rows = name_blocks({"atac": sparse.csr_matrix(np.eye(2))})
    assert rows.tolist() == ["0", "1"]
