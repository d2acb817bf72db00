"""Optimizers, and the schedule of their rate."""

import pytest
import torch

from skomics.estimators._optimizer import lr_factor, make_optimizer, optimizer_params

PARAMS = {"optimizer": "adamw", "lr": 0.1, "weight_decay": 0.5, "batch_size": 10}
PARAMS |= {"lr_schedule": "cosine", "warmup": 0.1}


def test_cosine_rises_to_one_and_falls_to_zero():
    factor = lr_factor(PARAMS, n_samples=50, epochs=20)
    values = [factor(step) for step in range(100)]
    assert values[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert max(values) == pytest.approx(1.0)
    assert all(a >= b for a, b in zip(values[10:], values[11:], strict=False))
    assert values[-1] < 0.001


def test_a_constant_rate_has_no_factor():
    assert lr_factor(PARAMS | {"lr_schedule": "constant"}, 50, 20) is None


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_optimizers_are_fused_and_recordable_where_torch_can(name, device):
    params = optimizer_params(PARAMS | {"optimizer": name}, torch.device(device))
    assert params["optimizer__fused"] is (device != "mps")
    is_recordable = params.get("optimizer__capturable", False)
    assert is_recordable is (device == "cuda" and name != "sgd")


def test_each_group_has_its_rate_and_decay():
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [
        {"params": [weight], "lr": lr, "weight_decay": decay}
        for weight, lr, decay in zip(weights, (0.1, 0.2), (0.0, 1.0), strict=True)
    ]
    optimizer = make_optimizer(groups, PARAMS, torch.device("cpu"))
    assert isinstance(optimizer, torch.optim.AdamW)
    for weight in weights:
        weight.grad = torch.zeros(2)
    optimizer.step()
    assert weights[0].tolist() == [1.0, 1.0]
    assert weights[1].tolist() == pytest.approx([0.8, 0.8])
