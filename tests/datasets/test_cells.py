"""Simulated cells that are written to a file."""

import anndata
import mudata
import numpy as np
import pytest

from skomics import BlockRidgeClassifier
from skomics._compat import unpulled
from skomics.datasets import _cells, simulate_cells
from tests.memory import print_of

SMALL = {"n_genes": 40, "n_proteins": 10, "n_classes": 3, "random_state": 0}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(_cells, "_CHUNK", 100)


def read(path):
    if path.suffix == ".zarr":
        return anndata.read_zarr(path)
    return anndata.read_h5ad(path)


def test_all_kinds_of_files_hold_the_same_cells(tmp_path):
    table = read(simulate_cells(tmp_path / "x.h5ad", 250, **SMALL))
    assert table.shape == (250, 50)
    assert table.var["omics"].value_counts().to_dict() == {"rna": 40, "adt": 10}
    zarr = read(simulate_cells(tmp_path / "x.zarr", 250, **SMALL))
    path = simulate_cells(tmp_path / "x.h5mu", 250, **SMALL)
    with unpulled(mudata):
        mdata = mudata.read_h5mu(path)
    parts = [mdata["rna"].X.toarray(), mdata["adt"].X.toarray()]
    np.testing.assert_array_equal(zarr.X.toarray(), table.X.toarray())
    np.testing.assert_array_equal(np.hstack(parts), table.X.toarray())
    for other in (zarr, mdata):
        assert other.obs["cell_type"].tolist() == table.obs["cell_type"].tolist()
        assert other.obs_names.equals(table.obs_names)


def test_counts_are_those_of_a_seed_and_tell_types_apart(tmp_path):
    first = read(simulate_cells(tmp_path / "a.h5ad", 300, **SMALL))
    again = read(simulate_cells(tmp_path / "b.h5ad", 300, **SMALL))
    others = SMALL | {"random_state": 1}
    other = read(simulate_cells(tmp_path / "c.h5ad", 300, **others))
    assert (first.X != again.X).nnz == 0
    assert (first.X != other.X).nnz > 0
    X = np.log1p(first.X.toarray())
    assert (first.X.data == np.round(first.X.data)).all()
    assert first.X.data.min() == 1
    y = first.obs["cell_type"].to_numpy()
    ridge = BlockRidgeClassifier(omics={"rna": 40, "adt": 10}).fit(X[:200], y[:200])
    most = (y[200:] == "type_0").mean()
    assert ridge.score(X[200:], y[200:]) > most + 0.1


def test_cells_may_come_type_by_type(tmp_path):
    path = simulate_cells(tmp_path / "a.h5ad", 250, order="by_class", **SMALL)
    codes = read(path).obs["cell_type"].cat.codes.to_numpy()
    assert (np.diff(codes) >= 0).all()
    assert len(np.unique(codes)) == 3
    path = simulate_cells(tmp_path / "a.h5ad", 250, **SMALL)
    assert (np.diff(read(path).obs["cell_type"].cat.codes) < 0).any()


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("a.csv", {}, r"Got a.csv to write to, but files of .h5ad, .h5mu, .zarr"),
        ("a.h5ad", {"order": "best"}, "Got order='best'. Choose one of"),
        ("a.h5ad", {"n_classes": 1}, "n_classes is 1. Give an integer >= 2"),
        ("a.h5ad", {"n_genes": 0}, "n_genes is 0. Give an integer >= 1"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, name, params, message):
    with pytest.raises(ValueError, match=message):
        simulate_cells(tmp_path / name, 10, **params)
    assert list(tmp_path.iterdir()) == []


_PEAK = """
import sys
from skomics.datasets import simulate_cells
simulate_cells(sys.argv[1], 100, n_genes=100, n_proteins=50, random_state=0)
before = peak()
simulate_cells(sys.argv[1], 60_000, n_genes=100, n_proteins=50, random_state=0)
print(peak() - before)
"""


def test_memory_holds_some_cells_only(tmp_path):
    (added,) = print_of(_PEAK, tmp_path / "x.h5ad")
    assert added < 60_000 * 150 * 8 / 2**20  # their counts, dense, in double precision
