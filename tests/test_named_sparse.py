"""A sparse matrix that keeps the names of its columns."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MaxAbsScaler, OneHotEncoder

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics._blocks import read_blocks
from skomics._named_sparse import name_columns

RNG = np.random.default_rng(0)
Y = np.arange(40) % 2
COUNTS = {
    "rna": sparse.csr_matrix(RNG.poisson(0.5 + Y[:, None], size=(40, 30))),
    "atac": sparse.csc_matrix(RNG.poisson(0.3, size=(40, 20))),
}


def frames(n=40, **sizes):
    sizes = sizes or {"rna": 6, "cnv": 4}
    return {
        name: pd.DataFrame(
            RNG.integers(0, 3, size=(n, size)).astype(float),
            columns=[f"{name}{i}" for i in range(size)],
            index=[f"p{i}" for i in range(n)],
        )
        for name, size in sizes.items()
    }


@pytest.mark.parametrize(
    "transformer",
    [
        OneHotEncoder(handle_unknown="ignore"),
        KBinsDiscretizer(
            3, quantile_method="averaged_inverted_cdf", strategy="uniform"
        ),
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), MaxAbsScaler()),
    ],
    ids=["one-hot", "bins", "pipeline"],
)
def test_sparse_output_for_dense_blocks_keeps_names_and_modalities(transformer):
    tables = frames()
    out = OmicsConcatenator(transformer).fit(tables, Y).transform(tables)
    assert isinstance(out, pd.DataFrame)
    assert out.index.equals(tables["rna"].index)
    assert {name.partition("__")[0] for name in out} == {"rna", "cnv"}
    model = BlockRidgeClassifier().fit(out, Y)
    assert model.omics_ == ("rna", "cnv")


def test_sparse_output_may_lack_a_modality():
    tables = frames()
    tables["cnv"].iloc[:3] = np.nan
    concatenator = OmicsConcatenator(OneHotEncoder(handle_unknown="ignore"))
    model = make_pipeline(concatenator, BlockRidgeClassifier()).fit(tables, Y)
    assert model[-1].omics_ == ("rna", "cnv")
    assert np.isfinite(model.predict_proba(tables)).all()
    out = model[0].transform(tables)
    assert out.filter(like="cnv__").iloc[:3].isna().all(axis=None)
    assert out.filter(like="rna__").notna().all(axis=None)


def test_wide_sparse_output_stays_sparse_with_names():
    tables = frames(8, rna=1100, cnv=4)
    tables["rna"] = tables["rna"].assign(**{f"w{i}": 0.0 for i in range(4)})
    values = np.arange(8.0)[:, None] + np.zeros(1100)
    tables["rna"].iloc[:, :1100] = values  # eight levels: 8,804 columns of 1,104
    concatenator = OmicsConcatenator(OneHotEncoder()).fit(tables)
    out = concatenator.transform(tables)
    assert sparse.issparse(out)
    assert list(out.feature_names) == list(concatenator.get_feature_names_out())
    assert read_blocks(out).layout.names == ("rna", "cnv")


def test_sparse_blocks_keep_their_modalities_on_the_way_to_a_classifier():
    model = make_pipeline(OmicsConcatenator(MaxAbsScaler()), BlockRidgeClassifier())
    model.fit(COUNTS, Y)
    assert model[-1].omics_ == ("rna", "atac")
    assert model[-1].feature_names_in_[0] == "rna__x0"
    dense = {name: table.toarray() for name, table in COUNTS.items()}
    expected = make_pipeline(OmicsConcatenator(MaxAbsScaler()), BlockRidgeClassifier())
    expected.fit(dense, Y)
    np.testing.assert_allclose(
        model.predict_proba(COUNTS), expected.predict_proba(dense), atol=1e-6
    )


def test_rows_keep_the_names_and_columns_do_not():
    X = OmicsConcatenator().fit_transform(COUNTS)
    for part in (X[:5], X[[3, 1]], X[np.arange(40) < 7, :], X.copy()):
        assert part.feature_names is X.feature_names
    for part in (X[:, :5], X @ sparse.eye_array(50), X.T, X * 2):
        assert getattr(part, "feature_names", None) is None
    assert pickle.loads(pickle.dumps(X)).omics.tolist() == X.omics.tolist()
    scores = cross_val_score(BlockRidgeClassifier(), X, Y, cv=3)
    assert scores.mean() > 0.8


def test_scikit_learn_takes_it_for_the_csr_matrix_that_it_is():
    steps = OmicsConcatenator(), SelectKBest(f_classif, k=9), LogisticRegression()
    model = make_pipeline(*steps).fit(COUNTS, Y)
    assert model.score(COUNTS, Y) > 0.8


@pytest.mark.parametrize("family", [sparse.csr_matrix, sparse.csr_array])
def test_names_share_the_values(family):
    X = family(np.eye(3))
    named = name_columns(
        X, np.array(["a__x", "a__y", "b__x"]), np.array(["a", "a", "b"])
    )
    assert np.shares_memory(named.data, X.data)
    assert isinstance(named, family)


def test_sizes_prevail_over_the_names_of_a_matrix():
    X = OmicsConcatenator().fit_transform(COUNTS)
    assert OmicsConcatenator(omics={"all": 50}).fit(X).omics_ == ("all",)
    assert OmicsConcatenator(omics=["atac"]).fit(X).omics_ == ("atac",)
