"""What every module on graphs of samples promises."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch.utils._python_dispatch import TorchDispatchMode

from tests.modules.graphs import (
    MODULES,
    SIZES,
    make_hop,
    make_views,
    permute,
    random_links,
    reorder,
    three_graphs,
)


@pytest.fixture(scope="module", params=MODULES.values(), ids=MODULES)
def build(request):
    """Return the maker of one of the kinds of modules on graphs."""
    return request.param


def test_prediction_is_that_of_a_graph_in_which_new_samples_only_receive(build):
    module, n, n_new = build().eval(), 14, 5
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


def test_prediction_of_a_new_sample_does_not_depend_on_the_others(build):
    module, n = build().eval(), 14
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


def view_parameters(module):
    return [p for name, p in module.named_parameters() if "fusion" not in name]


@pytest.mark.parametrize("end_to_end", [True, False])
def test_loss_of_the_fusion_reaches_the_encoders_only_end_to_end(build, end_to_end):
    module = build(end_to_end=end_to_end)
    module(make_views(module, three_graphs()))[-1].square().sum().backward()
    views = view_parameters(module)
    reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in views]
    assert all(reached) if end_to_end else not any(reached)
    assert all(p.grad.abs().sum() > 0 for p in module.fusion.parameters())


def test_loss_of_the_views_trains_the_encoders_either_way(build):
    gradients = []
    for end_to_end in (True, False):
        module = build(end_to_end=end_to_end)
        module(make_views(module, three_graphs()))[:-1].square().sum().backward()
        gradients.append([p.grad for p in view_parameters(module)])
    for one, other in zip(*gradients, strict=True):
        assert one.abs().sum() > 0
        torch.testing.assert_close(one, other)


def test_fusion_is_left_out_while_views_are_trained(build):
    module = build()
    views = make_views(module, three_graphs())
    everything = module(views)
    module.views_only = True
    torch.testing.assert_close(module(views), everything[:-1])


def test_one_view_needs_no_fusion(build):
    module = build(block_sizes=SIZES[:1]).eval()
    assert module.fusion is None
    views = make_views(module, three_graphs()[:1])
    assert module(views).shape == (1, 14, 3)
    x, hop = views[0][0][:2], make_hop(random_links(2, 14), np.array([14, 15]))
    assert module.predict(module.embed(views), [(x, hop)]).shape == (2, 3)


def with_views_in_order(module, order):
    """Return the same network with its views in another order."""
    other = copy.deepcopy(module)
    reorder(other, order)
    for parameter in other.heads.parameters():
        parameter.data = parameter.data[list(order)]
    first = other.fusion.layers[0]
    cells = first.weight.data.unflatten(1, (3, 3, 3))
    first.weight.data = cells.permute(0, *(1 + i for i in order)).flatten(1)
    return other


@given(order=st.permutations(range(3)))
@settings(deadline=None, max_examples=10)
def test_order_of_the_omics_does_not_matter_with_tied_weights(build, order):
    module = build().eval()
    views = make_views(module, three_graphs())
    expected = module(views)
    other = with_views_in_order(module, order)
    actual = other([views[i] for i in order])
    torch.testing.assert_close(actual[:-1], expected[order])
    torch.testing.assert_close(actual[-1], expected[-1])


@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_order_of_the_features_does_not_matter_with_tied_weights(build, data):
    module = build().eval()
    views = make_views(module, three_graphs())
    expected, shuffled = module(views), []
    for encoder, (x, hops) in zip(module.encoders, views, strict=True):
        order = data.draw(st.permutations(range(x.shape[1])))
        permute(encoder[0], order)
        shuffled.append((x[:, order], hops))
    torch.testing.assert_close(module(shuffled), expected)


@given(order=st.permutations(range(14)))
@settings(deadline=None, max_examples=10)
def test_order_of_the_samples_does_not_matter(build, order):
    module, graphs = build().eval(), three_graphs()
    views = make_views(module, graphs)
    shuffled = [
        (x[order], [make_hop(graph[order][:, order])] * len(hops))
        for (x, hops), graph in zip(views, graphs, strict=True)
    ]
    torch.testing.assert_close(module(shuffled), module(views)[:, order])


@pytest.mark.parametrize("changed", range(3))
def test_every_modality_changes_the_output(build, changed):
    module = build().eval()
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


def test_no_step_makes_a_tensor_of_all_pairs_of_samples(build):
    n, degree, width = 3000, 5, 200
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, n, size=(n, degree)), axis=1)
    indptr = np.arange(0, n * degree + 1, degree)
    data = np.full(n * degree, 1 / degree)
    graph = sparse.csr_array((data, columns.ravel(), indptr), shape=(n, n))
    module = build(block_sizes=[width], hidden_sizes=(width, width))
    x = torch.randn(n, width, dtype=torch.float64)
    with LargestTensor() as seen:
        module([(x, [make_hop(graph)] * 2)]).sum().backward()
    assert n * width <= seen.numel <= n * degree * width < n**2
