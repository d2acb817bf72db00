"""What training does when the device is out of memory, and how it may round."""

import numpy as np
import pytest
import torch

from skomics import EFNNClassifier, LFNNClassifier, MoGCNClassifier, SMAClassifier
from skomics.datasets import make_intersim
from skomics.estimators._net import OmicsNet
from skomics.exceptions import DeviceMemoryError
from tests.estimators.quick import CLASSIFIERS, make_short

NETWORKS = [cls for cls in CLASSIFIERS if not cls.__name__.startswith("MoG")]
every = pytest.mark.parametrize("classifier", NETWORKS, ids=lambda c: c.__name__)


@pytest.fixture
def small_device(monkeypatch):
    """Return a function that makes batches of more samples too large."""

    def shrink(most):
        step = OmicsNet.train_step

        def train_step(self, batch, **fit_params):
            if len(batch[1]) > most:
                raise torch.OutOfMemoryError("tried to allocate")
            return step(self, batch, **fit_params)

        monkeypatch.setattr(OmicsNet, "train_step", train_step)

    return shrink


@every
def test_a_batch_that_is_too_large_is_halved_once_and_this_is_said(
    classifier, tiny, small_device
):
    X, y = tiny
    expected = make_short(classifier, batch_size=8).fit(X, y)
    small_device(10)
    model = make_short(classifier, batch_size=16)
    with pytest.warns(UserWarning, match="memory with batch_size=16. Training begins"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert model.batch_size == 16
    assert model.fit_receipt_["batch_size"] == 8
    assert "batch_size" not in expected.fit_receipt_


def test_what_does_not_fit_either_says_what_asks_for_memory(tiny, small_device):
    X, y = tiny
    model = make_short(EFNNClassifier, batch_size=16).fit(X, y)
    before = model.predict_proba(X)
    small_device(3)
    message = r"with batch_size=16, and again with 8: the samples take \d+ MiB, the net"
    with (
        pytest.warns(UserWarning, match="ran out of memory with batch_size=16"),
        pytest.raises(DeviceMemoryError, match=message),
    ):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_a_warm_start_begins_anew_from_the_former_network(tiny, small_device):
    X, y = tiny
    params = {"warm_start": True, "batch_size": 8}
    expected = make_short(EFNNClassifier, **params).fit(X, y)
    model = make_short(EFNNClassifier, **params).fit(X, y)
    expected.fit(X, y)
    small_device(10)
    model.set_params(batch_size=16)
    with pytest.warns(UserWarning, match="ran out of memory"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_one_sample_and_a_whole_graph_have_no_half(tiny, small_device):
    X, y = tiny
    small_device(0)
    single = make_short(EFNNClassifier, batch_size=1)
    for model in (single, make_short(MoGCNClassifier)):
        with pytest.raises(DeviceMemoryError, match="Use a smaller batch_size"):
            model.fit(X, y)


@every
def test_rounded_products_teach_as_much(classifier):
    X, y = make_intersim(n_samples=200, n_clusters=4, effect=1.0, random_state=0)
    train, test = slice(0, 120), slice(120, 200)
    scores = []
    for precision in ("float32", "bf16"):
        model = make_short(classifier, precision=precision, max_epochs=15)
        model.fit(X[train], y[train])
        scores.append(model.score(X[test], y[test]))
        assert model.predict_proba(X).dtype == np.float64
        weights = model.net_.module_.state_dict().values()
        assert all(w.dtype != torch.bfloat16 for w in weights)
    assert abs(scores[0] - scores[1]) <= 0.1
    assert min(scores) > 0.6


def test_rounding_is_not_without_effect(tiny):
    X, y = tiny
    exact = make_short(LFNNClassifier).fit(X, y).predict_proba(X)
    rounded = make_short(LFNNClassifier, precision="bf16").fit(X, y).predict_proba(X)
    assert 0 < np.abs(exact - rounded).max() < 0.1


def test_tf32_is_of_cuda(tiny):
    X, y = tiny
    model = make_short(SMAClassifier, precision="tf32")
    with pytest.raises(ValueError, match="precision='tf32' on device cpu, but only"):
        model.fit(X, y)


def test_graph_models_are_not_rounded_to_bf16(tiny):
    X, y = tiny
    with pytest.raises(ValueError, match="The 'precision' parameter of MoGCN"):
        make_short(MoGCNClassifier, precision="bf16").fit(X, y)
