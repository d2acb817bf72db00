"""The moGAT module, against a plain dense statement of the same formulas."""

import numpy as np
import pytest
import torch
from torch_geometric.nn import GATConv

from tests.modules.graphs import (
    assert_dropout_acts_in_training_only,
    make_mogat,
    make_views,
    plain_forward,
    three_graphs,
)


def plain_attention(layer, x, graph):
    """Return each head's values and dense attention."""
    heads = []
    width = layer.out_channels
    pairs = zip(layer.att_dst[0], layer.att_src[0], strict=True)
    for h, (a, b) in enumerate(pairs):
        values = x @ layer.lin.weight[h * width : (h + 1) * width].T
        scores = (values @ a)[:, None] + (values @ b)[None, :]
        scores = torch.where(scores > 0, scores, layer.negative_slope * scores)
        scores = scores.masked_fill(graph <= 0, -torch.inf)
        heads.append((values, scores.softmax(dim=1)))
    return heads


def plain_layer(layer, x, graph):
    mixed = [
        attention @ values for values, attention in plain_attention(layer, x, graph)
    ]
    mixed = torch.cat(mixed, dim=1)
    return torch.where(mixed > 0, mixed, mixed.exp() - 1)


@pytest.mark.parametrize("n_heads", [1, 2])
@pytest.mark.parametrize("slope", [0.2, 0.5])
@pytest.mark.parametrize("hidden_sizes", [(6,), (6, 4)])
def test_sparse_model_equals_a_plain_dense_statement_of_the_formulas(
    n_heads, slope, hidden_sizes
):
    module = make_mogat(n_heads=n_heads, slope=slope, hidden_sizes=hidden_sizes)
    graphs = three_graphs()
    views = make_views(module, graphs)
    expected = plain_forward(module, views, graphs, plain_layer)
    torch.testing.assert_close(module(views), expected)


def test_gradients_equal_those_of_the_plain_statement():
    module, graphs = make_mogat(end_to_end=True), three_graphs()
    views = make_views(module, graphs)
    module(views).square().sum().backward()
    actual = [parameter.grad.clone() for parameter in module.parameters()]
    module.zero_grad()
    plain_forward(module, views, graphs, plain_layer).square().sum().backward()
    for gradient, parameter in zip(actual, module.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def attention_of(layer, x, hop):
    """Return the attention of each edge and head, and the edges."""
    _, (edges, weights) = GATConv.forward(
        layer, x, hop.edge_index, return_attention_weights=True
    )
    return weights, edges


def test_attention_sums_to_one_over_the_edges_of_each_sample():
    module, graphs = make_mogat().eval(), three_graphs()
    (x, (hop, _)), *_ = make_views(module, graphs)
    layer = module.encoders[0][0]
    weights, (_, to) = attention_of(layer, 1e5 * x, hop)  # scores that would overflow
    assert weights.shape == (graphs[0].nnz, 2)
    total = torch.zeros(14, 2, dtype=torch.float64).index_add(0, to, weights)
    torch.testing.assert_close(total, torch.ones_like(total))
    weights, (source, to) = attention_of(layer, x, hop)
    dense = plain_attention(layer, x, torch.as_tensor(graphs[0].toarray()))
    for h, (_, attention) in enumerate(dense):
        torch.testing.assert_close(weights[:, h], attention[to, source])


def test_only_the_presence_of_an_edge_counts_and_not_its_weight():
    module, graphs = make_mogat().eval(), three_graphs()
    views = make_views(module, graphs)
    expected = module(views)
    for graph in graphs:
        graph.data[:] = np.random.default_rng(0).uniform(0.1, 5, graph.nnz)
    torch.testing.assert_close(module(make_views(module, graphs)), expected)


def test_weights_start_as_in_the_published_code():
    layer = make_mogat(block_sizes=[300], hidden_sizes=(200,), n_heads=1).encoders[0][0]
    assert layer.lin.bias is None
    bound = 1.414 * (6 / 500) ** 0.5
    assert 0.99 * bound < layer.lin.weight.abs().max() <= bound
    both = torch.cat([layer.att_dst, layer.att_src], dim=-1)
    bound = 1.414 * (6 / 401) ** 0.5
    assert 0.95 * bound < both.abs().max() <= bound


def test_dropout_acts_on_the_attention_in_training_only():
    assert_dropout_acts_in_training_only(make_mogat(dropout=0.5))


def test_error_for_a_width_that_the_heads_do_not_divide():
    with pytest.raises(ValueError, match=r"hidden_sizes=\(5,\) and n_heads=2"):
        make_mogat(hidden_sizes=(5,))
