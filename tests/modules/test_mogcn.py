"""The moGCN module, against a plain dense statement of the same formulas."""

from functools import partial

import pytest
import torch
from scipy import sparse

from skomics.modules import StackedViews
from tests.modules.graphs import (
    assert_dropout_acts_in_training_only,
    make_hop,
    make_mogcn,
    make_views,
    plain_forward,
    three_graphs,
)


def plain_layer(layer, x, graph):
    mixed = graph @ x @ layer.weight + layer.bias
    return torch.where(mixed > 0, mixed, 0.25 * mixed)


@pytest.mark.parametrize("end_to_end", [True, False])
def test_sparse_model_equals_a_plain_dense_statement_of_the_formulas(end_to_end):
    module, graphs = make_mogcn(end_to_end=end_to_end), three_graphs()
    views = make_views(module, graphs)
    expected = plain_forward(module, views, graphs, plain_layer)
    torch.testing.assert_close(module(views), expected)


def test_sums_over_neighbors_may_be_taken_beforehand():
    module, graphs = make_mogcn(), three_graphs()
    views = make_views(module, graphs)
    summed = [
        (torch.as_tensor(graph @ x.numpy()), [None, *hops[1:]])
        for (x, hops), graph in zip(views, graphs, strict=True)
    ]
    torch.testing.assert_close(module(summed), module(views))


@pytest.mark.parametrize("sizes", [[60, 40, 50], [50, 50, 50]])
def test_layers_are_those_of_the_published_code(sizes):
    module = make_mogcn(block_sizes=sizes, hidden_sizes=(400, 400, 200), dropout=0.5)
    assert [layer.dropout.p for layer in module.layers] == [0.5, 0.5, 0.0]
    for size, encoder in zip(sizes, module.encoders, strict=True):
        shapes = [tuple(layer.weight.shape) for layer in encoder]
        assert shapes == [(size, 400), (400, 400), (400, 200)]
        for layer, total in zip(encoder, (size + 400, 800, 600), strict=True):
            expected = (2 / total) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.03)
    assert module.heads.weight.shape == (3, 200, 3)
    expected = (2 / 203) ** 0.5
    assert module.heads.weight.std().item() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("sizes", [[5, 3, 8], [4, 4, 4]])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_stacked_views_train_as_the_views_one_by_one(sizes, dropout):
    graphs, gradients = three_graphs(), []
    torch.manual_seed(1)
    xs = [torch.randn(14, size, dtype=torch.float64) for size in sizes]
    sums = [torch.as_tensor(g @ x.numpy()) for g, x in zip(graphs, xs, strict=True)]
    hop = make_hop(sparse.block_diag(graphs, format="csr"))
    stacked = torch.stack(sums) if len(set(sizes)) == 1 else sums
    one_by_one = [
        (x, [None, *[make_hop(graph)] * 2])
        for x, graph in zip(sums, graphs, strict=True)
    ]
    for views in (StackedViews(stacked, hop), one_by_one):
        module = make_mogcn(block_sizes=sizes, end_to_end=True)
        for layer in module.layers:
            # The same elements are dropped, however they are drawn.
            layer.dropout.draw = partial(drop_some, rate=dropout)
        module(views).square().sum().backward()
        gradients.append([p.grad for p in module.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def drop_some(x, rate):
    """Drop the same columns of every sample and view."""
    if rate == 0:
        return None, 1.0
    keep = torch.arange(x.shape[-1]) % 2 == 0
    return keep.expand(x.shape), 1 / (1 - rate)


def test_dropout_acts_in_training_only():
    assert_dropout_acts_in_training_only(make_mogcn(dropout=0.5))
