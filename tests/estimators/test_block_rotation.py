"""Modalities that are turned to the span of the training samples."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.callback import ScoringMonitor

from skomics import (
    EFCNNClassifier,
    EFNNClassifier,
    LFNNClassifier,
    MoGATClassifier,
    MoGCNClassifier,
    load_model,
    save_model,
)
from skomics.estimators import _rotation
from skomics.estimators._rotation import BlockRotation

SIZES = [160, 90, 20]
N = 30
NARROW = {
    EFNNClassifier: {"hidden_layer_sizes": (16, 8)},
    LFNNClassifier: {"branch_layer_sizes": (16, 8), "head_layer_sizes": (8,)},
    MoGCNClassifier: {"hidden_layer_sizes": (16, 8), "pretrain_epochs": 3},
    MoGATClassifier: {"hidden_layer_sizes": (16,), "pretrain_epochs": 3},
}
every_model = pytest.mark.parametrize("cls", NARROW, ids=lambda c: c.__name__)


def wide_data(n=2 * N, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, sum(SIZES))).astype(np.float32)
    X[:, :30] += np.repeat(np.eye(3, dtype=np.float32)[y], 10, axis=1)
    return X, y


def make(cls, **params):
    settings = {"max_epochs": 6, "omics": SIZES, "random_state": 0, "device": "cpu"}
    return cls(**{**settings, **NARROW[cls], **params})


@pytest.fixture
def turn(monkeypatch):
    """Turn modalities of more than twice as many features as samples, or none."""

    def set_limits(is_on):
        monkeypatch.setattr(_rotation, "_MANY", 0 if is_on else 10**9)
        monkeypatch.setattr(_rotation, "_MANY_TIMES", 2)

    set_limits(True)
    return set_limits


@pytest.fixture
def rotations(monkeypatch):
    """Collect the rotations that are found."""
    found, find = [], BlockRotation.find.__func__

    def spy(cls, bounds, X):
        found.append(find(cls, bounds, X))
        return found[-1]

    monkeypatch.setattr(BlockRotation, "find", classmethod(spy))
    return found


@every_model
@pytest.mark.parametrize("lacks", [False, True])
def test_gradient_descent_is_the_same_in_either_coordinates(cls, lacks, turn):
    X, y = wide_data(N)
    if lacks:
        X[::5, : SIZES[0]] = np.nan
    plain = {"optimizer": "sgd", "lr": 0.05, "weight_decay": 0.01, "dropout": 0.0}
    answers = []
    for is_on in (True, False):
        turn(is_on)
        model = make(cls, modality_dropout=0.0, **plain).fit(X, y)
        answers.append((model.decision_function(X), model.history_["train_loss"]))
    np.testing.assert_allclose(answers[0][0], answers[1][0], atol=1e-3)
    np.testing.assert_allclose(answers[0][1], answers[1][1], rtol=1e-3)


@every_model
def test_wide_modalities_are_turned_and_narrow_ones_are_not(cls, turn, rotations):
    X, y = wide_data()
    make(cls).fit(X[:N], y[:N])
    (rotation,) = rotations
    is_turned = [span is not None for span in rotation.spans]
    # Modalities stand in alphabetical order, which here is the given one.
    assert is_turned == [True, True, False]


@every_model
def test_nothing_is_turned_below_many_features(cls, rotations):
    X, y = wide_data()
    make(cls).fit(X[:N], y[:N])
    assert rotations == [None]


def test_many_features_are_turned_where_they_outnumber_the_samples(rotations):
    for n_features, n_samples in ((20_001, 90), (20_001, 1100), (20_000, 90)):
        X = np.random.default_rng(0).normal(size=(n_samples, n_features))
        y = np.arange(n_samples) % 3
        model = EFNNClassifier(hidden_layer_sizes=(2,), max_epochs=1, random_state=0)
        model.set_params(omics=[n_features]).fit(X.astype(np.float32), y)
    assert [found is not None for found in rotations] == [True, False, False]


def test_windows_over_features_are_never_turned(turn, rotations):
    X, y = wide_data()
    EFCNNClassifier(max_epochs=1, omics=SIZES, random_state=0).fit(X[:N], y[:N])
    assert rotations == []


@every_model
def test_turned_model_is_in_the_features_when_it_is_fitted(cls, turn, tmp_path):
    X, y = wide_data()
    fitted = make(cls, warm_start=True).fit(X[:N], y[:N])
    expected = fitted.predict_proba(X)
    assert not [name for name in vars(fitted) if "turn" in name]
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    save_model(fitted, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert again.fit(X[: N + 6], y[: N + 6]).n_iter_ == 2 * fitted.n_iter_


@every_model
def test_a_sample_is_answered_alike_alone_and_in_company(cls, turn):
    X, y = wide_data()
    fitted = make(cls, early_stopping=True).fit(X[:N], y[:N])
    np.testing.assert_allclose(
        fitted.predict_proba(X)[:4], fitted.predict_proba(X[:4]), rtol=1e-9
    )


@every_model
def test_turned_model_is_scored_in_the_middle_of_training(cls, turn):
    X, y = wide_data()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    fitted = make(cls, max_epochs=15, lr=0.01).set_callbacks(monitor).fit(X[:N], y[:N])
    log = monitor.get_logs().data_as_pandas
    scores = log[log["task_name"] == "epoch"]["neg_log_loss"]
    assert len(scores) == fitted.n_iter_
    assert scores.iloc[-1] > scores.iloc[0]


@every_model
def test_answers_on_both_sides_of_the_switch_are_alike(cls, turn):
    X, y = wide_data(300)
    accuracies = []
    for is_on in (True, False):
        turn(is_on)
        model = make(cls, max_epochs=40, lr=0.005).fit(X[:150], y[:150])
        accuracies.append(model.score(X[150:], y[150:]))
    assert abs(accuracies[0] - accuracies[1]) < 0.1


@every_model
def test_sparse_samples_are_turned_alike(cls, turn):
    X, y = wide_data()
    X = np.where(X > 0, X, 0)
    dense = make(cls).fit(X[:N], y[:N]).predict_proba(X)
    csr = make(cls).fit(sparse.csr_array(X[:N]), y[:N])
    np.testing.assert_allclose(csr.predict_proba(sparse.csr_array(X)), dense, atol=1e-9)
