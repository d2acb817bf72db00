"""The training engine."""

import weakref

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from skomics.estimators._net import make_net
from skomics.estimators._optimizer import lr_factor
from skomics.estimators._resident import ResidentData
from skomics.estimators._samples import TrainingSamples

PARAMS = {
    "max_epochs": 3,
    "batch_size": 4,
    "lr": 0.1,
    "weight_decay": 0.0,
    "optimizer": "sgd",
    "lr_schedule": "constant",
    "warmup": 0.1,
    "label_smoothing": 0.0,
    "early_stopping": False,
    "callbacks": None,
    "net_params": None,
    "verbose": 0,
}
CPU = torch.device("cpu")


def samples(n=10, weights=None, as_sparse=False):
    X = np.arange(3 * n, dtype=np.float32).reshape(n, 3) / n
    X = sparse.csr_array(X) if as_sparse else X
    return TrainingSamples(X, np.arange(n) % 2, weights)


def test_loss_is_the_weighted_mean_cross_entropy():
    weights = np.linspace(0.5, 1.5, 10, dtype=np.float32)
    net = make_net(nn.Linear(3, 2), PARAMS, device=CPU)
    X, y = ResidentData(samples(weights=weights), CPU)[:]
    logits = net.infer(X)
    each = nn.functional.cross_entropy(logits, y, reduction="none").detach()
    expected = np.average(each, weights=weights)
    assert net.get_loss(logits, y, X=X).item() == pytest.approx(expected, rel=1e-5)


def test_loss_of_an_ensemble_is_the_mean_of_its_members_losses():
    weights = np.linspace(0.5, 1.5, 10, dtype=np.float32)
    net = make_net(nn.Linear(3, 2), PARAMS, device=CPU)
    X, y = ResidentData(samples(weights=weights), CPU)[:]
    logits = torch.randn(4, 10, 2)
    members = [net.get_loss(member, y, X=X) for member in logits]
    torch.testing.assert_close(net.get_loss(logits, y, X=X), sum(members) / 4)


def test_losses_of_batches_are_not_kept_one_by_one(monkeypatch):
    net, losses, alive = make_net(nn.Linear(3, 2), PARAMS, device=CPU), [], []
    step = type(net).train_step

    def watched(self, batch, **params):
        alive.append(sum(loss() is not None for loss in losses))
        result = step(self, batch, **params)
        losses.append(weakref.ref(result["loss"]))
        return result

    monkeypatch.setattr(type(net), "train_step", watched)
    net.train_on(samples(40))
    # Of very many batches they would lie all over the memory, which none is freed from.
    assert len(alive) == 30
    assert max(alive) <= 1


def test_training_equals_a_plain_torch_loop():
    torch.manual_seed(0)
    module, plain = nn.Linear(3, 2), nn.Linear(3, 2)
    plain.load_state_dict(module.state_dict())
    params = {**PARAMS, "optimizer": "adamw", "weight_decay": 0.1}
    data = samples()
    torch.manual_seed(7)
    make_net(module, params, device=CPU, n_samples=10).train_on(data)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.1, weight_decay=0.1)
    X, y = torch.as_tensor(data.X), torch.as_tensor(data.codes)
    torch.manual_seed(7)
    for _ in range(3):
        order = torch.randperm(10)
        for start, stop in ((0, 3), (3, 7), (7, 10)):
            index = order[start:stop]
            optimizer.zero_grad()
            nn.functional.cross_entropy(plain(X[index]), y[index]).backward()
            optimizer.step()
    torch.testing.assert_close(module.weight, plain.weight)
    torch.testing.assert_close(module.bias, plain.bias)


def test_cosine_takes_as_many_steps_as_training():
    params = {**PARAMS, "lr_schedule": "cosine"}
    net = make_net(nn.Linear(3, 2), params, device=CPU, n_samples=10)
    net.train_on(samples())
    assert net.n_steps_ == 9
    assert net.optimizer_.param_groups[0]["lr"] == pytest.approx(
        0.1 * lr_factor({**params, "batch_size": 4}, 10, 3)(8)
    )


def test_net_params_reach_the_net():
    params = {**PARAMS, "net_params": {"gradient_clip": 1e-9}}
    module = nn.Linear(3, 2)
    before = module.weight.detach().clone()
    make_net(module, params, device=CPU).train_on(samples())
    torch.testing.assert_close(module.weight.detach(), before, atol=1e-6, rtol=0)


def test_logits_are_float64_and_the_same_in_batches_of_any_size(monkeypatch):
    net = make_net(nn.Linear(3, 2), PARAMS, device=CPU)
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    whole = net.predict_logits(X)
    monkeypatch.setattr("skomics.estimators._net._MAX_BATCH_ELEMENTS", 9)
    assert whole.dtype == np.float64
    np.testing.assert_allclose(net.predict_logits(X), whole, rtol=1e-13)
    np.testing.assert_array_equal(net.predict_logits(sparse.csr_array(X)), whole)
