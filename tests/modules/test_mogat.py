"""The moGAT module, against a plain dense statement of the same formulas."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from skomics.modules import Hop, MoGAT
from skomics.modules._graph import _CHUNK

SIZES = [5, 3, 8]


def make(**kwargs):
    params = {"block_sizes": SIZES, "n_classes": 3, "hidden_sizes": (6, 4)}
    params |= {"n_heads": 2, "slope": 0.2, "dropout": 0.0, "end_to_end": False}
    params |= {"max_hidden": 512, "max_cells": 10_000}
    torch.manual_seed(0)
    return MoGAT(**{**params, **kwargs}).double()


def random_graph(n, seed=0):
    """Return a row-normalised graph with self loops."""
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.3), 1)
    dense = dense + dense.T + np.eye(n)
    return sparse.csr_array(dense / dense.sum(axis=1, keepdims=True))


def random_links(n_new, n, seed=0):
    """Return links of new samples to training samples, then self loops."""
    rng = np.random.default_rng(seed)
    links = rng.random((n_new, n)) * (rng.random((n_new, n)) < 0.3)
    dense = np.hstack([links, np.eye(n_new)])
    return sparse.csr_array(dense / dense.sum(axis=1, keepdims=True))


def make_hop(matrix, destinations=None):
    if destinations is None:
        destinations = np.arange(matrix.shape[0])
    return Hop.from_scipy(matrix, destinations, device="cpu", dtype=torch.float64)


def make_views(module, graphs, seed=0):
    """Return features of all training samples, and the graph for every layer."""
    torch.manual_seed(seed)
    views = []
    for graph, size, encoder in zip(graphs, SIZES, module.encoders, strict=False):
        x = torch.randn(graph.shape[0], size, dtype=torch.float64)
        views.append((x, [make_hop(graph)] * len(encoder)))
    return views


def three_graphs(n=14):
    return [random_graph(n, seed) for seed in range(3)]


def plain_attention(layer, x, graph):
    """Return each head's values and dense attention."""
    heads = []
    width = layer.receiver.shape[1]
    for h, (a, b) in enumerate(zip(layer.receiver, layer.sender, strict=True)):
        values = x @ layer.linear.weight[h * width : (h + 1) * width].T
        scores = (values @ a)[:, None] + (values @ b)[None, :]
        scores = torch.where(scores > 0, scores, layer.slope * scores)
        scores = scores.masked_fill(graph <= 0, -torch.inf)
        heads.append((values, scores.softmax(dim=1)))
    return heads


def plain_layer(layer, x, graph):
    mixed = [
        attention @ values for values, attention in plain_attention(layer, x, graph)
    ]
    mixed = torch.cat(mixed, dim=1)
    return torch.where(mixed > 0, mixed, mixed.exp() - 1)


def plain_vcdn(fusion, logits):
    cells = torch.einsum("na,nb,nc->nabc", *logits.sigmoid())
    first, _, last = fusion.layers
    return last(F.leaky_relu(first(cells.flatten(1)), 0.25))


def plain_forward(module, views, graphs):
    logits = []
    for encoder, head, (x, _), graph in zip(
        module.encoders, module.heads, views, graphs, strict=True
    ):
        graph = torch.as_tensor(graph.toarray())
        for layer in encoder:
            x = plain_layer(layer, x, graph)
        logits.append(x @ head.weight.T + head.bias)
    logits = torch.stack(logits)
    return torch.cat([logits, plain_vcdn(module.fusion, logits)[None]])


@pytest.mark.parametrize("n_heads", [1, 2])
@pytest.mark.parametrize("slope", [0.2, 0.5])
@pytest.mark.parametrize("hidden_sizes", [(6,), (6, 4)])
def test_sparse_model_equals_a_plain_dense_statement_of_the_formulas(
    n_heads, slope, hidden_sizes
):
    module = make(n_heads=n_heads, slope=slope, hidden_sizes=hidden_sizes)
    graphs = three_graphs()
    views = make_views(module, graphs)
    expected = plain_forward(module, views, graphs)
    torch.testing.assert_close(module(views), expected)


def test_gradients_equal_those_of_the_plain_statement():
    module, graphs = make(end_to_end=True), three_graphs()
    views = make_views(module, graphs)
    module(views).square().sum().backward()
    actual = [parameter.grad.clone() for parameter in module.parameters()]
    module.zero_grad()
    plain_forward(module, views, graphs).square().sum().backward()
    for gradient, parameter in zip(actual, module.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def test_attention_sums_to_one_over_the_edges_of_each_sample():
    module, graphs = make().eval(), three_graphs()
    (x, (hop, _)), *_ = make_views(module, graphs)
    layer = module.encoders[0][0]
    _, weights = layer.attention(1e5 * x, hop)  # scores that would overflow
    assert weights.shape == (graphs[0].nnz, 2)
    total = torch.zeros(14, 2, dtype=torch.float64).index_add(0, hop.receivers, weights)
    torch.testing.assert_close(total, torch.ones_like(total))
    _, weights = layer.attention(x, hop)
    dense = plain_attention(layer, x, torch.as_tensor(graphs[0].toarray()))
    for h, (_, attention) in enumerate(dense):
        torch.testing.assert_close(weights[:, h], attention[hop.receivers, hop.rows[1]])


def test_only_the_presence_of_an_edge_counts_and_not_its_weight():
    module, graphs = make().eval(), three_graphs()
    views = make_views(module, graphs)
    expected = module(views)
    for graph in graphs:
        graph.data[:] = np.random.default_rng(0).uniform(0.1, 5, graph.nnz)
    torch.testing.assert_close(module(make_views(module, graphs)), expected)


def test_weights_start_as_in_the_published_code():
    layer = make(block_sizes=[300], hidden_sizes=(200,), n_heads=1).encoders[0][0]
    assert layer.linear.bias is None
    bound = 1.414 * (6 / 500) ** 0.5
    assert 0.99 * bound < layer.linear.weight.abs().max() <= bound
    both = torch.cat([layer.receiver, layer.sender], dim=1)
    bound = 1.414 * (6 / 401) ** 0.5
    assert 0.95 * bound < both.abs().max() <= bound


def test_dropout_acts_on_the_attention_in_training_only():
    module = make(dropout=0.5)
    views = make_views(module, three_graphs())
    assert not torch.allclose(module(views), module(views))
    module.eval()
    torch.testing.assert_close(module(views), module(views))


def test_error_for_a_width_that_the_heads_do_not_divide():
    with pytest.raises(ValueError, match=r"hidden_sizes=\(5,\) and n_heads=2"):
        make(hidden_sizes=(5,))


def test_prediction_is_that_of_a_graph_in_which_new_samples_only_receive():
    module, n, n_new = make().eval(), 14, 5
    graphs, links = three_graphs(n), [random_links(n_new, n, seed) for seed in range(3)]
    views = make_views(module, graphs)
    new = [torch.randn(n_new, size, dtype=torch.float64) for size in SIZES]
    place = n + np.arange(n_new)
    pairs = [(x, make_hop(link, place)) for x, link in zip(new, links, strict=True)]
    actual = module.predict(module.embed(views), pairs)

    nothing = sparse.csr_array((n, n_new))
    enlarged = [
        sparse.vstack([sparse.hstack([graph, nothing]), link], format="csr")
        for graph, link in zip(graphs, links, strict=True)
    ]
    joined = [
        (torch.cat([old, x]), [make_hop(graph)] * len(hops))
        for (old, hops), x, graph in zip(views, new, enlarged, strict=True)
    ]
    expected = module(joined)
    torch.testing.assert_close(actual, expected[-1, n:])
    torch.testing.assert_close(expected[:, :n], module(views))


def test_prediction_of_a_new_sample_does_not_depend_on_the_others():
    module, n = make().eval(), 14
    states = module.embed(make_views(module, three_graphs(n)))
    links = [random_links(6, n, seed) for seed in range(3)]
    new = [torch.randn(6, size, dtype=torch.float64) for size in SIZES]

    def predict(rows):
        views = []
        for x, link in zip(new, links, strict=True):
            columns = [*range(n), *(n + rows)]
            hop = make_hop(link[rows][:, columns], n + np.arange(len(rows)))
            views.append((x[rows], hop))
        return module.predict(states, views)

    together = predict(np.arange(6))
    for row in range(6):
        torch.testing.assert_close(predict(np.array([row])), together[[row]])
    torch.testing.assert_close(predict(np.arange(6)[::-1].copy()), together.flip(0))


@pytest.mark.parametrize("end_to_end", [True, False])
def test_loss_of_the_fusion_reaches_the_encoders_only_end_to_end(end_to_end):
    module = make(end_to_end=end_to_end)
    module(make_views(module, three_graphs()))[-1].square().sum().backward()
    views = [*module.encoders.parameters(), *module.heads.parameters()]
    reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in views]
    assert all(reached) if end_to_end else not any(reached)
    assert all(p.grad.abs().sum() > 0 for p in module.fusion.parameters())


def test_loss_of_the_views_trains_the_encoders_either_way():
    gradients = []
    for end_to_end in (True, False):
        module = make(end_to_end=end_to_end)
        module(make_views(module, three_graphs()))[:-1].square().sum().backward()
        gradients.append([p.grad for p in module.encoders.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert one.abs().sum() > 0
        torch.testing.assert_close(one, other)


def test_fusion_is_left_out_while_views_are_trained():
    module = make()
    views = make_views(module, three_graphs())
    everything = module(views)
    module.views_only = True
    torch.testing.assert_close(module(views), everything[:-1])


def test_one_view_needs_no_fusion():
    module = make(block_sizes=SIZES[:1]).eval()
    assert module.fusion is None
    views = make_views(module, three_graphs()[:1])
    assert module(views).shape == (1, 14, 3)
    x, hop = views[0][0][:2], make_hop(random_links(2, 14), np.array([14, 15]))
    assert module.predict(module.embed(views), [(x, hop)]).shape == (2, 3)


def with_views_in_order(module, order):
    """Return the same network with its views in another order."""
    other = copy.deepcopy(module)
    other.encoders = nn.ModuleList(other.encoders[i] for i in order)
    other.heads = nn.ModuleList(other.heads[i] for i in order)
    first = other.fusion.layers[0]
    cells = first.weight.data.unflatten(1, (3, 3, 3))
    first.weight.data = cells.permute(0, *(1 + i for i in order)).flatten(1)
    return other


@given(order=st.permutations(range(3)))
@settings(deadline=None, max_examples=10)
def test_order_of_the_omics_does_not_matter_with_tied_weights(order):
    module = make().eval()
    views = make_views(module, three_graphs())
    expected = module(views)
    actual = with_views_in_order(module, order)([views[i] for i in order])
    torch.testing.assert_close(actual[:-1], expected[order])
    torch.testing.assert_close(actual[-1], expected[-1])


@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_order_of_the_features_does_not_matter_with_tied_weights(data):
    module = make().eval()
    views = make_views(module, three_graphs())
    expected, shuffled = module(views), []
    for encoder, (x, hops) in zip(module.encoders, views, strict=True):
        order = data.draw(st.permutations(range(x.shape[1])))
        weight = encoder[0].linear.weight
        weight.data = weight.data[:, order]
        shuffled.append((x[:, order], hops))
    torch.testing.assert_close(module(shuffled), expected)


@given(order=st.permutations(range(14)))
@settings(deadline=None, max_examples=10)
def test_order_of_the_samples_does_not_matter(order):
    module, graphs = make().eval(), three_graphs()
    views = make_views(module, graphs)
    shuffled = [
        (x[order], [make_hop(graph[order][:, order])] * len(hops))
        for (x, hops), graph in zip(views, graphs, strict=True)
    ]
    torch.testing.assert_close(module(shuffled), module(views)[:, order])


@pytest.mark.parametrize("changed", range(3))
def test_every_omics_changes_the_output(changed):
    module = make().eval()
    views = make_views(module, three_graphs())
    before = module(views)[-1]
    views[changed] = (views[changed][0] + 1, views[changed][1])
    assert not torch.allclose(module(views)[-1], before)


class LargestTensor(TorchDispatchMode):
    """Notes the largest dense tensor that any operation makes."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided:
                self.numel = max(self.numel, tensor.numel())
        return out


def test_no_step_makes_a_tensor_of_all_pairs_of_samples():
    n, degree, width = 3000, 10, 200
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, n, size=(n, degree)), axis=1)
    indptr = np.arange(0, n * degree + 1, degree)
    data = np.full(n * degree, 1 / degree)
    graph = sparse.csr_array((data, columns.ravel(), indptr), shape=(n, n))
    module = make(block_sizes=[width], hidden_sizes=(width, width))
    x = torch.randn(n, width, dtype=torch.float64)
    with LargestTensor() as seen:
        module([(x, [make_hop(graph)] * 2)]).sum().backward()
    assert n * width <= seen.numel <= max(n * width, _CHUNK * width) < n**2
