"""Promises of writing a folder."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skomics.io import load_folder, read_omics, save_folder

IDS = [f"TCGA-AB-{i:04d}-01" for i in range(1, 7)]
Y = pd.Series(["LumA", "LumB"] * 3, index=IDS)


def make_tables(seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    rna = pd.DataFrame(
        rng.normal(size=(6, 3)).astype(dtype), IDS, ["TP53", "EGFR", "HLA-A"]
    )
    cpg = pd.DataFrame(rng.random((6, 2)).astype(dtype), IDS, ["cg00000029", "cg01"])
    return pd.concat({"rna": rna, "methylation": cpg}, axis=1)


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_what_is_written_comes_back_to_the_bit(tmp_path, dtype):
    X = make_tables(dtype=dtype)
    X.iloc[0, 0] = np.nan
    paths = save_folder(X, Y, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["rna.csv", "methylation.csv", "labels.csv"]
    back, y = load_folder(tmp_path / "new" / "folder")
    np.testing.assert_array_equal(back[X.columns], X)
    assert list(back.index) == IDS
    assert y.to_dict() == Y.to_dict()
    # Without labels, too, the tables say what their rows are.
    assert load_folder(tmp_path / "new" / "folder", labels=None).shape == X.shape


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=18))
def test_any_number_comes_back(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("write")
    table = pd.DataFrame(np.reshape(values[:18], (6, 3)), IDS, ["TP53", "EGFR", "MYC"])
    save_folder({"rna": table}, None, folder)
    back = read_omics(folder / "rna.csv")
    np.testing.assert_array_equal(back, table)


def test_acgt_layout_is_read_as_the_benchmarks_own(tmp_path):
    X = make_tables()
    X.iloc[2, 4] = np.nan
    save_folder(X, Y, tmp_path, layout="acgt")
    text = (tmp_path / "rna").read_text()
    assert text.startswith('"TCGA.AB.0001.01" "TCGA.AB.0002.01"')
    assert '\n"TP53" ' in text
    back = read_omics({name: tmp_path / name for name in ("rna", "methylation")})
    pd.testing.assert_frame_equal(back[X.columns], X, check_names=False)


def test_samples_that_lack_a_modality_are_not_in_its_table(tmp_path):
    X = make_tables()
    X.loc[IDS[1], "rna"] = np.nan
    save_folder(X, Y, tmp_path)
    assert len(pd.read_csv(tmp_path / "rna.csv")) == 5
    with pytest.warns(UserWarning, match="Table 'rna' lacks 1 of 6 samples"):
        back, _ = load_folder(tmp_path)
    np.testing.assert_array_equal(back[X.columns], X)


def test_sparse_tables_stay_sparse(tmp_path):
    anndata = pytest.importorskip("anndata")
    counts = sparse.csr_matrix(np.eye(6)[:, :4])
    obs, var = pd.DataFrame(index=IDS), pd.DataFrame(index=["a", "b", "c", "d"])
    X = {"atac": anndata.AnnData(counts, obs, var), "rna": make_tables()["rna"]}
    paths = save_folder(X, Y, tmp_path)
    assert {p.name for p in paths} == {
        *("atac.npz", "atac_features.txt", "rna.csv", "labels.csv")
    }
    back, _ = load_folder(tmp_path)
    assert sparse.issparse(back.X)
    assert (back[:, back.var["omics"] == "atac"].X != counts).nnz == 0


def test_files_that_are_there_are_kept_unless_told(tmp_path):
    (tmp_path / "rna.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"already has rna\.csv.*overwrite=True"):
        save_folder(make_tables(), Y, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rna.csv"]
    assert (tmp_path / "rna.csv").read_text() == "mine"
    save_folder(make_tables(), Y, tmp_path, overwrite=True)
    assert (tmp_path / "rna.csv").read_text() != "mine"


def test_tables_that_would_be_read_with_these_are_told_or_refused(tmp_path):
    save_folder({"mirna": make_tables()["rna"]}, Y, tmp_path)
    with pytest.warns(UserWarning, match=r"also has mirna\.csv, which will be read"):
        save_folder(make_tables(), Y, tmp_path, overwrite=True)
    (tmp_path / "mirna.csv").unlink()
    with pytest.warns(UserWarning, match=r"also has labels\.csv, which will be read"):
        save_folder(make_tables(), None, tmp_path, overwrite=True)
    (tmp_path / "rna.csv").rename(tmp_path / "rna.tsv")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FileExistsError, match=r"has rna\.tsv, so that .* two tables"):
        save_folder(make_tables(), Y, tmp_path, overwrite=True)
    assert sorted(tmp_path.iterdir()) == before


def test_files_are_made_where_they_will_be(tmp_path, monkeypatch):
    places = []
    written = pd.DataFrame.to_csv

    def to_csv(self, path, **options):
        places.append(path.parent.parent)
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", to_csv)
    with pytest.raises(KeyboardInterrupt):
        save_folder(make_tables(), Y, tmp_path / "new" / "folder")
    assert places == [tmp_path]
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(pd.DataFrame, "to_csv", written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": "xena"}, "Got layout='xena', but it must be one of 'csv', 'acgt'"),
        ({"X": make_tables().to_numpy()}, "X has samples without ids"),
        ({"y": list(Y)}, "Got y of type list, but a Series"),
        ({"y": Y[::-1]}, "order"),
        ({"X": {"a/b": make_tables()["rna"]}}, "called 'a/b', which is no name of a"),
    ],
)
def test_what_cannot_be_read_again_is_refused(tmp_path, change, message):
    options = {"X": make_tables(), "y": Y, **change}
    with pytest.raises(ValueError, match=message):
        save_folder(path=tmp_path / "x", **options)
    assert not (tmp_path / "x").exists()


def test_sparse_tables_have_no_acgt_layout(tmp_path):
    anndata = pytest.importorskip("anndata")
    obs, var = pd.DataFrame(index=IDS), pd.DataFrame(index=["a"])
    X = {"atac": anndata.AnnData(sparse.csr_matrix(np.ones((6, 1))), obs, var)}
    with pytest.raises(ValueError, match="'atac' is sparse, but layout='acgt'"):
        save_folder(X, Y, tmp_path, layout="acgt")
    nameless = {"atac": sparse.csr_matrix(np.ones((6, 1))), "rna": make_tables()["rna"]}
    with pytest.raises(ValueError, match="'atac' has no feature names"):
        save_folder(nameless, Y, tmp_path)
