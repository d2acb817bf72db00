"""SMA as a classifier."""

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse

from skomics import BlockRidgeClassifier, SMAClassifier, paper_params
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


def test_path_is_block_ridge_on_the_same_samples(tiny):
    X, y = tiny
    fitted = SMAClassifier(n_ensemble=2, **TINY).fit(X, y)
    alone = BlockRidgeClassifier().fit(X, y)
    # The samples stand in another order there, by which sums round.
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(
        fitted.path_.predict_proba(X), alone.predict_proba(X), **close
    )
    np.testing.assert_allclose(
        fitted.path_.oof_decision_function_, alone.oof_decision_function_, **close
    )


def members_of(fitted, X):
    """Return the logits of each member, without those of the path."""
    x = fitted._scaled(fitted._ordered(X.to_numpy(np.float32)))
    module = fitted.net_.module_.double().eval()
    with torch.no_grad():
        return module.head(module.encode(torch.as_tensor(x).double()))


def test_path_counts_as_much_as_twice_all_members_beside_and_on_it(tiny):
    X, y = tiny
    fitted = SMAClassifier(n_ensemble=4, **TINY).fit(X, y)
    actual, logits = fitted.predict_proba(X), members_of(fitted, X)
    on_it = logits[2:] + torch.as_tensor(fitted.path_._logits(X))
    parts = [
        fitted.path_.predict_proba(X),
        logits[:2].softmax(-1).mean(0).numpy(),
        on_it.softmax(-1).mean(0).numpy(),
    ]
    expected = np.average(parts, axis=0, weights=[4, 1, 1])
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_members_on_the_path_learn_what_it_leaves_over(tiny):
    X, y = tiny
    params = TINY | {"max_epochs": 30, "n_ensemble": 2}
    on_it = members_of(SMAClassifier(**params).fit(X, y), X)
    beside = members_of(SMAClassifier(**params, linear_path=None).fit(X, y), X)
    # The second member has less to say where the path has said it.
    assert on_it[1].abs().mean() < 0.8 * beside[1].abs().mean()


@pytest.mark.parametrize(
    ("first", "second"),
    [("ridge", None), (None, "ridge"), ("ridge", "trained"), ("trained", "ridge")],
)
def test_path_can_be_changed_from_fit_to_fit(first, second, tiny):
    X, y = tiny
    model = SMAClassifier(n_ensemble=2, linear_path=first, **TINY).fit(X, y)
    model.set_params(linear_path=second).fit(X, y)
    expected = SMAClassifier(n_ensemble=2, linear_path=second, **TINY).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert hasattr(model, "path_") == (second == "ridge")


def test_network_that_is_trained_on_keeps_its_path(tiny):
    X, y = tiny
    model = SMAClassifier(n_ensemble=2, warm_start=True, **TINY).fit(X[:40], y[:40])
    model.set_params(linear_path=None).fit(X, y)
    assert hasattr(model, "path_")
    assert model.n_iter_ == 4
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_published_settings_have_no_path():
    assert SMAClassifier(**paper_params("sma")).linear_path is None


def test_features_of_no_weight_are_not_seen():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 600)).astype(np.float32)
    y = np.arange(90) % 3
    X[:, :3] += 2 * np.eye(3, dtype=np.float32)[y]
    fitted = SMAClassifier(omics=[300, 300], n_ensemble=2, **TINY).fit(X, y)
    weights = fitted.path_.feature_weights_
    assert (weights == 0).any()
    moved = X + np.where(weights == 0, 100, 0).astype(np.float32)
    np.testing.assert_allclose(
        fitted.predict_proba(moved), fitted.predict_proba(X), rtol=1e-6
    )


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
