"""The moGCN module, against a plain dense statement of the same formulas."""

import pytest
import torch
from torch import nn

from skomics.modules import MoGCN
from tests.modules.graph_cases import *  # noqa: F403
from tests.modules.graph_cases import (
    SIZES,
    assert_dropout_acts_in_training_only,
    make_views,
    plain_forward,
    three_graphs,
)


def make(**kwargs):
    # Widths that grow and that shrink: the order of the two products differs.
    params = {"block_sizes": SIZES, "n_classes": 3, "hidden_sizes": (6, 2, 4)}
    params |= {"dropout": 0.0, "end_to_end": False}
    params |= {"max_hidden": 512, "max_cells": 10_000}
    torch.manual_seed(0)
    module = MoGCN(**{**params, **kwargs}).double()
    for parameter in module.parameters():  # biases, too, must matter
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.5)
    return module


def plain_layer(layer, x, graph):
    mixed = graph @ x @ layer.linear.weight.T + layer.linear.bias
    return torch.where(mixed > 0, mixed, 0.25 * mixed)


@pytest.mark.parametrize("end_to_end", [True, False])
def test_sparse_model_equals_a_plain_dense_statement_of_the_formulas(end_to_end):
    module, graphs = make(end_to_end=end_to_end), three_graphs()
    views = make_views(module, graphs)
    expected = plain_forward(module, views, graphs, plain_layer)
    torch.testing.assert_close(module(views), expected)


def test_sums_over_neighbors_may_be_taken_beforehand():
    module, graphs = make(), three_graphs()
    views = make_views(module, graphs)
    summed = [
        (torch.as_tensor(graph @ x.numpy()), [None, *hops[1:]])
        for (x, hops), graph in zip(views, graphs, strict=True)
    ]
    torch.testing.assert_close(module(summed), module(views))


def test_layers_are_those_of_the_published_code():
    module = make(block_sizes=[60, 40, 50], hidden_sizes=(400, 400, 200), dropout=0.5)
    for size, encoder in zip([60, 40, 50], module.encoders, strict=True):
        widths = [
            (layer.linear.in_features, layer.linear.out_features) for layer in encoder
        ]
        assert widths == [(size, 400), (400, 400), (400, 200)]
        assert [layer.dropout.p for layer in encoder] == [0.5, 0.5, 0.0]
        deviation = encoder[1].linear.weight.std().item()
        assert deviation == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    assert all(head.weight.shape == (3, 200) for head in module.heads)


def test_dropout_acts_in_training_only():
    assert_dropout_acts_in_training_only(make(dropout=0.5))
