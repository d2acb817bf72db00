"""SMA as a classifier."""

import numpy as np
import pytest
from scipy import sparse

from skomics import SMAClassifier
from skomics.exceptions import NamelessOmicsWarning

TINY = {
    "d_model": 8,
    "n_heads": 2,
    "d_feedforward": 8,
    "max_epochs": 2,
    "random_state": 0,
    "device": "cpu",
}


def test_tokens_keep_to_the_omics_even_where_columns_are_interleaved(tiny):
    X, y = tiny
    rng = np.random.default_rng(0)
    mixed = X.iloc[:, rng.permutation(X.shape[1])]
    fitted = SMAClassifier(n_tokens=6, **TINY).fit(mixed, y)
    sizes = [stop - start for start, stop in fitted.net_.module_.token_bounds]
    ends = np.cumsum(sizes)
    blocks = np.cumsum([len(columns) for columns in fitted._blocks])
    assert set(blocks) <= set(ends)
    names = [
        sorted(set(mixed.columns[c].str.split("__").str[0])) for c in fitted._blocks
    ]
    assert names == [["methylation"], ["mirna"], ["rna"]]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_tokens", 0),
        ("depth", 0),
        ("dropout", 1.0),
        ("pooling", "max"),
        ("token_projection", "none"),
        ("n_ensemble", 0),
        ("linear_path", "yes"),
    ],
)
def test_error_for_a_parameter_out_of_range(parameter, value, tiny):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of SMA"):
        SMAClassifier(**{parameter: value}).fit(*tiny)


def test_averaging_members_is_not_the_same_as_one(tiny):
    one, three = (
        SMAClassifier(n_ensemble=n, **TINY).fit(*tiny).predict_proba(tiny[0])
        for n in (1, 3)
    )
    assert not np.allclose(one, three)


def test_two_features_are_enough():
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(NamelessOmicsWarning):
        SMAClassifier(**TINY).fit(X, y).predict(X)


@pytest.mark.slow
def test_250_000_sparse_features_are_not_too_many():
    rng = np.random.default_rng(0)
    X = sparse.random_array((24, 250_000), density=0.01, rng=rng, format="csr")
    model = SMAClassifier(omics=[200_000, 50_000], n_ensemble=1, **TINY)
    proba = model.fit(X, np.arange(24) % 2).predict_proba(X)
    assert proba.shape == (24, 2)
