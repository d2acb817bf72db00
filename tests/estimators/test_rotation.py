"""Tokens that are turned to the span of the training samples."""

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.callback import ScoringMonitor

from skomics import SMAClassifier
from skomics.estimators import _rotation
from skomics.estimators._rotation import TokenRotation
from skomics.estimators._samples import TrainingSamples
from skomics.modules import SMA

SIZES = [160, 90]
N = 30


def wide_data(n=2 * N, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, sum(SIZES))).astype(np.float32)
    X[:, :30] += np.repeat(np.eye(3, dtype=np.float32)[y], 10, axis=1)
    return X, y


def make(**params):
    """Return a quick model of four tokens, each wider than twice the samples."""
    settings = {"n_tokens": 2, "d_model": 8, "d_feedforward": 8, "max_epochs": 6}
    settings |= {
        "omics": SIZES,
        "random_state": 0,
        "linear_path": None,
        "n_ensemble": 1,
    }
    return SMAClassifier(**{**settings, **params})


def module(**params):
    settings = {
        "block_sizes": SIZES,
        "n_classes": 3,
        "n_tokens": 4,
        "d_model": 8,
        "n_heads": 2,
        "depth": 1,
        "d_feedforward": 8,
        "dropout": 0.0,
        "input_dropout": 0.5,
        "token_projection": "per_token",
        "pooling": "mean",
        "share_weights": False,
        "linear_path": False,
        "n_ensemble": 2,
    }
    torch.manual_seed(0)
    return SMA(**{**settings, **params})


def test_narrow_and_wide_networks_are_one_function_of_the_training_samples():
    X, y = wide_data(20)
    wide = module()
    rotation = TokenRotation.find(wide.token_bounds, X)
    assert rotation.widths == [20] * len(wide.token_bounds)
    narrow = rotation.narrow(wide, module)
    turned = rotation.rotate(TrainingSamples(X, y, None)).X
    with torch.no_grad():
        expected = wide.eval()(torch.as_tensor(X))
        actual = narrow.eval()(torch.as_tensor(turned))
        again = rotation.widen(narrow, module()).eval()(torch.as_tensor(X))
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-5)


def test_what_is_outside_the_span_counts_nothing():
    X, _ = wide_data(20)
    wide = module()
    rotation = TokenRotation.find(wide.token_bounds, X)
    wide = rotation.widen(rotation.narrow(wide, module), wide).eval()
    start, stop = wide.token_bounds[0]
    outside = np.random.default_rng(1).normal(size=stop - start)
    basis = rotation.basis(0)
    outside -= basis @ (basis.T @ outside)
    moved = X.copy()
    moved[:, start:stop] += outside
    with torch.no_grad():
        expected, actual = (wide(torch.as_tensor(x)) for x in (X, moved))
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4)


def fit_with(limit, monkeypatch, **params):
    monkeypatch.setattr(_rotation, "_WIDE", limit)
    X, y = wide_data()
    return make(**params).fit(X[:N], y[:N])


def test_gradient_descent_without_noise_is_the_same_in_either_coordinates(monkeypatch):
    exact = {"dropout": 0.0, "input_dropout": 0.0, "optimizer": "sgd", "lr": 0.1}
    exact["weight_decay"] = 0.01
    turned = fit_with(2, monkeypatch, **exact)
    plain = fit_with(np.inf, monkeypatch, **exact)
    X, _ = wide_data()
    np.testing.assert_allclose(
        turned.decision_function(X[:N]), plain.decision_function(X[:N]), atol=1e-3
    )
    np.testing.assert_allclose(
        turned.history_["train_loss"], plain.history_["train_loss"], rtol=1e-4
    )


def test_answers_on_both_sides_of_the_switch_are_alike(monkeypatch):
    X, y = wide_data(300)
    proba = []
    for limit in (2, np.inf):
        monkeypatch.setattr(_rotation, "_WIDE", limit)
        model = make(n_ensemble=4, max_epochs=30, d_model=16, device="cpu")
        model.fit(X[:N], y[:N])
        proba.append(model.predict_proba(X[N:]))
    accuracies = [(p.argmax(1) == y[N:]).mean() for p in proba]
    assert abs(accuracies[0] - accuracies[1]) < 0.1
    assert np.corrcoef(proba[0].ravel(), proba[1].ravel())[0, 1] > 0.7


@pytest.mark.parametrize("width", [2 * N, 2 * N + 1])
def test_tokens_are_turned_above_twice_the_samples(width):
    X = np.random.default_rng(0).normal(size=(N, width)).astype(np.float32)
    rotation = TokenRotation.find([(0, width)], X)
    assert (rotation is None) == (width <= 2 * N)


@pytest.mark.parametrize("linear_path", [None, "ridge"])
def test_turned_model_is_in_the_features_when_it_is_fitted(linear_path, tmp_path):
    X, y = wide_data()
    fitted = make(linear_path=linear_path, n_ensemble=2).fit(X[:N], y[:N])
    network = fitted.net_.module_
    assert network.token_bounds[-1][1] == sum(fitted._module_params["block_sizes"])
    expected = fitted.predict_proba(X)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert not [name for name in vars(fitted) if "turn" in name]


def test_turned_model_can_be_trained_on():
    X, y = wide_data()
    fitted = make(warm_start=True).fit(X[:N], y[:N])
    assert fitted.fit(X[: N + 5], y[: N + 5]).n_iter_ == 12
    pickle.loads(pickle.dumps(fitted)).fit(X[:N], y[:N])


def test_turned_model_is_scored_in_the_middle_of_training():
    X, y = wide_data()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    fitted = make(max_epochs=20).set_callbacks(monitor).fit(X[:N], y[:N])
    log = monitor.get_logs().data_as_pandas
    scores = log[log["task_name"] == "epoch"]["neg_log_loss"]
    assert len(scores) == 20
    assert scores.iloc[-1] > scores.iloc[0]
    assert fitted.score(X[:N], y[:N]) > 0.5


def test_turned_samples_may_lack_a_modality():
    X, y = wide_data()
    X = X.copy()
    X[::4, : SIZES[0]] = np.nan
    fitted = make(early_stopping=True).fit(X[:N], y[:N])
    assert np.isfinite(fitted.predict_proba(X)).all()
    np.testing.assert_allclose(
        fitted.predict_proba(X)[:4], fitted.predict_proba(X[:4]), rtol=1e-9
    )


def test_sparse_samples_are_turned_alike():
    X, y = wide_data()
    X = np.where(X > 0, X, 0)
    dense = make().fit(X[:N], y[:N]).predict_proba(X)
    csr = make().fit(sparse.csr_array(X[:N]), y[:N])
    np.testing.assert_allclose(csr.predict_proba(sparse.csr_array(X)), dense, atol=1e-9)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_sparse_tokens_are_turned_only_while_their_bases_are_small(form, monkeypatch):
    X = form(np.random.default_rng(0).normal(size=(10, 200)).astype(np.float32))
    for limit in (2000, 1999):
        monkeypatch.setattr(_rotation, "_MOST_NUMBERS", limit)
        is_turned = TokenRotation.find([(0, 200)], X) is not None
        assert is_turned == (limit == 2000 or not sparse.issparse(X))


def test_noise_of_turned_tokens_is_that_of_dropout_in_the_mean():
    X, y = wide_data(20)
    wide = module(n_tokens=2)
    rotation = TokenRotation.find(wide.token_bounds, X)
    narrow = rotation.narrow(wide, lambda **widths: module(n_tokens=2, **widths))
    turned = torch.as_tensor(rotation.rotate(TrainingSamples(X, y, None)).X)
    noise = narrow.train().input_dropout
    draws = torch.stack([noise(turned) - turned for _ in range(400)])
    spread = draws.square().mean((0, 2)).sqrt().numpy()
    # Dropout at 1/2 adds as much as there is, feature by feature.
    expected = np.sqrt(np.mean(X.astype(float) ** 2, axis=1))
    np.testing.assert_allclose(spread, expected, rtol=0.15)
    torch.testing.assert_close(narrow.eval().input_dropout(turned), turned)
