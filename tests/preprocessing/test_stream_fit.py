"""Transformers that learn from a file as they would from memory."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

from skomics import OmicsConcatenator, _stream
from skomics._stream import OmicsStream
from skomics.exceptions import SampleAlignmentError
from skomics.preprocessing import (
    AtacTfidfTransformer,
    CLRTransformer,
    LibrarySizeNormalizer,
)
from tests.test_stream import dense

N_ROWS, OMICS = 300, {"rna": 9, "adt": 4}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(_stream, "_CHUNK", 64 * sum(OMICS.values()))


def make_table(is_sparse):
    random = np.random.default_rng(0)
    X = random.poisson(0.7, (N_ROWS, sum(OMICS.values()))).astype(np.float32)
    X[:, 2] = 3.0  # nothing varies
    labels = np.repeat(list(OMICS), list(OMICS.values()))
    obs = pd.DataFrame(index=[f"cell_{i}" for i in range(N_ROWS)])
    var = pd.DataFrame({"omics": labels}, index=[f"f{i}" for i in range(len(labels))])
    return anndata.AnnData(sparse.csr_matrix(X) if is_sparse else X, obs=obs, var=var)


@pytest.fixture(params=[True, False], ids=["sparse", "dense"])
def both(request, tmp_path):
    table = make_table(request.param)
    table.write_h5ad(tmp_path / "x.h5ad")
    return table, anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")


TRANSFORMERS = [
    None,
    StandardScaler(with_mean=False),
    MaxAbsScaler(),
    VarianceThreshold(),
    VarianceThreshold(0.6),
    FunctionTransformer(np.log1p, accept_sparse=True),
    CLRTransformer(),
    CLRTransformer("feature"),
    LibrarySizeNormalizer(),
    AtacTfidfTransformer(),
    make_pipeline(
        LibrarySizeNormalizer(100.0),
        VarianceThreshold(),
        StandardScaler(with_mean=False),
        MaxAbsScaler(),
    ),
    {"rna": MaxAbsScaler(), "adt": "drop"},
    {"adt": StandardScaler(with_mean=False), "rna": None},
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_a_file_teaches_what_memory_does(both, transformer):
    table, backed = both
    known = OmicsConcatenator(transformer).fit(table)
    stream = OmicsConcatenator(transformer).fit_transform(backed)
    fitted = OmicsConcatenator(transformer).fit(backed)
    assert isinstance(stream, OmicsStream)
    expected = known.transform(table)
    assert stream.shape == expected.shape
    np.testing.assert_allclose(dense(stream.to_memory()), dense(expected), atol=1e-6)
    assert dense(expected).dtype == dense(stream.to_memory()).dtype
    again = fitted.transform(backed)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(stream))
    np.testing.assert_allclose(dense(fitted.transform(table)), dense(expected), 1e-5)
    for name in ("omics_", "block_sizes_", "n_features_in_"):
        assert getattr(fitted, name) == getattr(known, name)
    names = known.get_feature_names_out()
    assert fitted.get_feature_names_out().tolist() == names.tolist()
    told = ("n_samples", "omics", "features_left_out")
    for name in told:
        assert fitted.fit_receipt_[name] == known.fit_receipt_[name]


@pytest.mark.parametrize("transformer", [StandardScaler(), MinMaxScaler()], ids=str)
def test_dense_files_may_be_centered(transformer, tmp_path):
    table = make_table(is_sparse=False)
    table.write_h5ad(tmp_path / "x.h5ad")
    backed = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    expected = OmicsConcatenator(transformer).fit_transform(table)
    found = OmicsConcatenator(transformer).fit_transform(backed).to_memory()
    pd.testing.assert_frame_equal(found, expected, atol=1e-6)


def test_samples_that_lack_a_modality_are_left_out_of_its_scaler(tmp_path):
    table = make_table(is_sparse=False)
    table.X[::3, : OMICS["rna"]] = np.nan
    table.X[0, OMICS["rna"] :] = np.nan
    table.X[0, : OMICS["rna"]] = 1.0
    table.write_h5ad(tmp_path / "x.h5ad")
    backed = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    known = OmicsConcatenator(StandardScaler()).fit(table)
    fitted = OmicsConcatenator(StandardScaler()).fit(backed)
    expected = known.transform(table)
    found = fitted.transform(backed).to_memory()
    pd.testing.assert_frame_equal(found, expected, atol=1e-6)
    assert fitted.fit_receipt_["omics"] == known.fit_receipt_["omics"]
    table.X[:, : OMICS["rna"]] = np.nan
    table.write_h5ad(tmp_path / "none.h5ad")
    backed = anndata.read_h5ad(tmp_path / "none.h5ad", backed="r")
    with pytest.raises(ValueError, match="'rna' has no values for any of 300 samples"):
        OmicsConcatenator(StandardScaler()).fit(backed)


def test_steps_that_need_all_samples_are_refused_and_leave_what_was_there(both):
    table, backed = both
    model = OmicsConcatenator(MaxAbsScaler()).fit(table)
    before = model.fit_receipt_["learned"]
    for step in (SelectKBest(k=2), QuantileTransformer()):
        model.transformer = make_pipeline(MaxAbsScaler(), step)
        with pytest.raises(TypeError, match="cannot learn from a file: it has no part"):
            model.fit(backed, np.arange(N_ROWS) % 2)
    assert model.fit_receipt_["learned"] == before


def test_counts_that_are_0_in_some_chunks_are_learned_from_the_others(tmp_path):
    table = make_table(is_sparse=True)
    is_late = sparse.diags_array((np.arange(N_ROWS) > 200).astype(np.float32))
    table.X = sparse.csr_matrix(is_late @ table.X)
    table.write_h5ad(tmp_path / "x.h5ad")
    backed = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    known = OmicsConcatenator(LibrarySizeNormalizer()).fit(table)
    fitted = OmicsConcatenator(LibrarySizeNormalizer()).fit(backed)
    for name, transformer in known.transformers_.items():
        assert fitted.transformers_[name].target_sum_ == transformer.target_sum_
    table.X = 0 * table.X
    table.write_h5ad(tmp_path / "none.h5ad")
    backed = anndata.read_h5ad(tmp_path / "none.h5ad", backed="r")
    with pytest.raises(ValueError, match="All counts of the 300 samples are 0"):
        OmicsConcatenator(LibrarySizeNormalizer()).fit(backed)


def test_labels_of_other_samples_are_refused(both):
    _, backed = both
    y = pd.Series(np.arange(N_ROWS) % 2, index=backed.obs_names[::-1])
    with pytest.raises(SampleAlignmentError):
        OmicsConcatenator().fit_transform(backed, y)


def test_what_new_samples_lack_is_said_at_once(both):
    table, backed = both
    model = OmicsConcatenator(MaxAbsScaler()).fit(table)
    with pytest.raises(ValueError, match="lacks 1 of the 9 features"):
        model.transform(backed[:, 1:])


def test_a_stream_stays_what_it_was_when_its_transformer_is_fitted_again(both):
    table, backed = both
    model = clone(OmicsConcatenator(MaxAbsScaler()))
    stream = model.fit_transform(backed)
    expected = np.asarray(stream)
    more = table.copy()
    more.X = more.X * 2
    model.fit(more)
    np.testing.assert_array_equal(np.asarray(stream), expected)
