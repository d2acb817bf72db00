"""The efNN module."""

import pytest
import torch
from torch import nn

from skomics.modules import EFNN


def make(**kwargs):
    settings = {"block_sizes": [6, 4], "n_classes": 3, "hidden_sizes": (8, 5)}
    return EFNN(**{**settings, "dropout": 0.1, **kwargs})


def test_layers_are_those_of_the_published_code():
    module = make(hidden_sizes=(500, 100, 50))
    kinds = [type(layer).__name__ for layer in module.layers]
    hidden = ["Linear", "ReLU", "Dropout"]
    assert kinds == [*hidden, *hidden, "Linear", "ReLU", "Linear"]
    widths = [(m.in_features, m.out_features) for m in module.layers[::3]]
    assert widths == [(10, 500), (500, 100), (100, 50)]
    assert module.layers[-1].out_features == 3


def test_biases_start_at_zero_and_weights_within_the_xavier_bound():
    for layer in make().layers:
        if isinstance(layer, nn.Linear):
            bound = (6 / sum(layer.weight.shape)) ** 0.5
            assert layer.bias.abs().max() == 0
            assert 0.5 * bound < layer.weight.abs().max() <= bound


def test_two_classes_have_two_logits():
    assert make(n_classes=2)(torch.randn(7, 10)).shape == (7, 2)


def test_without_hidden_layers_it_is_a_linear_model():
    module = make(hidden_sizes=())
    assert len(module.layers) == 1


@pytest.mark.parametrize("omics", [0, 1])
def test_every_modality_changes_the_output(omics):
    torch.manual_seed(0)
    module, x = make().eval(), torch.randn(4, 10)
    changed = x.clone()
    columns = slice(0, 6) if omics == 0 else slice(6, 10)
    changed[:, columns] += 1
    assert not torch.allclose(module(x), module(changed))
