"""The moGCN module, against a plain dense statement of the same formulas."""

import pytest
import torch
from torch_geometric.nn import GCNConv

from tests.modules.graphs import (
    assert_dropout_acts_in_training_only,
    make_mogcn,
    make_views,
    plain_forward,
    three_graphs,
)


def plain_layer(layer, x, graph):
    mixed = graph @ x @ layer.lin.weight.T + layer.bias
    return torch.where(mixed > 0, mixed, 0.25 * mixed)


@pytest.mark.parametrize("end_to_end", [True, False])
def test_sparse_model_equals_a_plain_dense_statement_of_the_formulas(end_to_end):
    module, graphs = make_mogcn(end_to_end=end_to_end), three_graphs()
    views = make_views(module, graphs)
    expected = plain_forward(module, views, graphs, plain_layer)
    torch.testing.assert_close(module(views), expected)


def test_layers_are_torch_geometrics_own():
    module, graphs = make_mogcn().eval(), three_graphs()
    (x, [hop, *_]), *_ = make_views(module, graphs)
    layer = module.encoders[0][0]
    plain = GCNConv(x.shape[1], 6, normalize=False).double()
    plain.load_state_dict({"lin.weight": layer.lin.weight, "bias": layer.bias})
    index = torch.as_tensor(graphs[0].toarray()).T.nonzero().T
    weight = torch.as_tensor(graphs[0].toarray()).T[index[0], index[1]]
    expected = torch.nn.functional.leaky_relu(plain(x, index, weight), 0.25)
    torch.testing.assert_close(layer(x, hop), expected)


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
    for size, encoder in zip(sizes, module.encoders, strict=True):
        assert [layer.dropout.p for layer in encoder] == [0.5, 0.5, 0.0]
        shapes = [tuple(layer.lin.weight.shape) for layer in encoder]
        assert shapes == [(400, size), (400, 400), (200, 400)]
        for layer, total in zip(encoder, (size + 400, 800, 600), strict=True):
            expected = (2 / total) ** 0.5
            assert layer.lin.weight.std().item() == pytest.approx(expected, rel=0.03)
    assert module.heads.weight.shape == (3, 200, 3)
    expected = (2 / 203) ** 0.5
    assert module.heads.weight.std().item() == pytest.approx(expected, rel=0.1)


def test_dropout_acts_in_training_only():
    assert_dropout_acts_in_training_only(make_mogcn(dropout=0.5))
