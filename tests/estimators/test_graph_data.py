"""Training samples as a graph: whole, sampled, and with new samples linked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from skomics.estimators import _graph_data as module_under_test
from skomics.estimators._graph_data import (
    GraphData,
    LinkedData,
    _sample_hop,
    _SampledNeighbors,
    joined_views,
)
from skomics.graph import MultiOmicsGraph
from skomics.modules import MoGAT, MoGCN

N, SIZES = 40, [6, 4]


def make_blocks(n, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, size)).astype(np.float32) for size in SIZES]


def make_data(**kwargs):
    blocks = make_blocks(N)
    params = {
        "blocks": blocks,
        "graphs": MultiOmicsGraph(k=6).fit(blocks).graphs_,
        "codes": np.arange(N),  # tells which sample it is
        "weights": None,
        "present": None,
        "n_layers": 3,
        "sums_first": True,
        "batch_size": None,
        "n_neighbors": 4,
    }
    return GraphData(**{**params, **kwargs})


def make_module(kind=MoGCN):
    torch.manual_seed(0)
    params = {"block_sizes": SIZES, "n_classes": 3, "hidden_sizes": (5, 4, 3)}
    params |= {"dropout": 0.0, "end_to_end": True, "max_hidden": 9, "max_cells": 99}
    if kind is MoGAT:
        params |= {"n_heads": 1, "slope": 0.2}
    return kind(**params)


def the_batch(batches):
    [((views, weights, _), codes)] = batches
    return views, weights, codes


def dense(hop):
    return hop.adjacency.to_dense()


@pytest.mark.parametrize("batch_size", [None, N, N + 1])
def test_whole_graph_is_one_batch_of_all_samples(batch_size):
    data = make_data(batch_size=batch_size, sums_first=False)
    batches = data.batches("cpu", shuffle=True)
    assert len(batches) == 1
    views, weights, codes = the_batch(batches)
    assert weights is None
    assert codes.tolist() == list(range(N))
    for (x, hops), block, graph in zip(views, data.blocks, data.graphs, strict=True):
        np.testing.assert_array_equal(x.numpy(), block)
        assert len(hops) == 3
        np.testing.assert_allclose(dense(hops[0]), graph.toarray(), rtol=1e-6)


def test_sums_taken_first_equal_sums_taken_later():
    module = make_module()
    first = the_batch(make_data(sums_first=True).batches("cpu", shuffle=True))[0]
    later = the_batch(make_data(sums_first=False).batches("cpu", shuffle=True))[0]
    assert [hops[0] for _, hops in first] == [None, None]
    torch.testing.assert_close(module(first), module(later))


@pytest.mark.parametrize("batch_size", [7, 13, 39])
def test_every_sample_is_in_one_batch_of_an_epoch_with_its_weight(batch_size):
    weights = np.linspace(0.5, 1.5, N, dtype=np.float32)
    data = make_data(batch_size=batch_size, weights=weights)
    batches = data.batches("cpu", shuffle=True)
    torch.manual_seed(0)
    epochs = []
    for _ in range(2):
        epoch = list(batches)
        assert len(epoch) == len(batches)
        codes = [codes for _, codes in epoch]
        assert max(map(len, codes)) <= batch_size
        for (_, got, _), code in epoch:
            np.testing.assert_array_equal(got, weights[code])
        epochs.append(torch.cat(codes))
        assert sorted(epochs[-1].tolist()) == list(range(N))
    assert not torch.equal(*epochs)


def test_torch_seed_fixes_the_batches():
    batches = make_data(batch_size=9).batches("cpu", shuffle=True)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        (views, *_), codes = next(iter(batches))
        drawn.append((codes.tolist(), views[0][0].tolist()))
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("n_neighbors", [1, 3, 100])
def test_sampled_neighborhood_has_the_self_loop_and_few_others(n_neighbors):
    [graph, _] = make_data().graphs
    nodes, rng = np.array([5, 0, 31, 17]), np.random.default_rng(0)
    matrix, sources = _sample_hop(graph, nodes, n_neighbors, rng)
    assert sources[:4].tolist() == nodes.tolist()
    assert len(set(sources)) == len(sources) == matrix.shape[1]
    for row, node in zip(matrix.toarray(), nodes, strict=True):
        sampled = dict(zip(sources[row > 0], row[row > 0], strict=True))
        true = graph[[node]].toarray()[0]
        neighbors = set(np.flatnonzero(true)) - {node}
        assert sampled.pop(node) == pytest.approx(true[node])
        assert set(sampled) <= neighbors
        assert len(sampled) == min(n_neighbors, len(neighbors))
        raised = len(neighbors) / len(sampled)
        for other, weight in sampled.items():
            assert weight == pytest.approx(true[other] * raised)


def test_sampled_weights_keep_their_expectation():
    [graph, _] = make_data().graphs
    nodes, rng = np.arange(N), np.random.default_rng(0)
    n_draws, total, squares = 2000, np.zeros((N, N)), np.zeros((N, N))
    for _ in range(n_draws):
        matrix, sources = _sample_hop(graph, nodes, 3, rng)
        assert sources.tolist() == nodes.tolist()  # none is outside
        total += matrix.toarray()
        squares += matrix.toarray() ** 2
    mean = total / n_draws
    error = np.sqrt(np.maximum(squares / n_draws - mean**2, 0) / n_draws)
    assert error.max() > 0
    assert (np.abs(mean - graph.toarray()) <= 5 * error + 1e-12).all()


@pytest.mark.parametrize("kind", [MoGCN, MoGAT])
@pytest.mark.parametrize("sums_first", [True, False])
def test_forward_on_all_neighbors_equals_the_whole_graph(kind, sums_first):
    sums_first = sums_first and kind is MoGCN
    module = make_module(kind)
    data = make_data(batch_size=N, n_neighbors=N, sums_first=sums_first)
    whole = module(the_batch(data.batches("cpu", shuffle=True))[0])
    views, _, codes = the_batch(_SampledNeighbors(data, "cpu"))
    torch.testing.assert_close(module(views), whole[:, codes])


@pytest.mark.parametrize("sums_first", [True, False])
def test_batches_on_all_neighbors_equal_the_whole_graph(sums_first):
    module = make_module()
    data = make_data(batch_size=6, n_neighbors=N, sums_first=sums_first)
    whole = module(data.whole("cpu", torch.float32))
    for (views, *_), codes in data.batches("cpu", shuffle=True):
        torch.testing.assert_close(module(views), whole[:, codes])


def test_size_of_a_batch_does_not_grow_with_the_number_of_samples():
    for n in (500, 4000):
        blocks = [np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)]
        graphs = MultiOmicsGraph(method="knn", k=20).fit(blocks).graphs_
        params = {"blocks": blocks, "graphs": graphs, "codes": np.arange(n)}
        data = make_data(**params, n_layers=2, sums_first=False, batch_size=10)
        (views, *_), _ = next(iter(data.batches("cpu", shuffle=True)))
        [(x, hops)] = views
        assert len(x) <= 10 * (1 + 4) ** 2
        assert sum(hop.edge_index.shape[1] for hop in hops) <= 10 * 5 + 50 * 5


def linked(n_new, codes=None):
    data, blocks = make_data(), make_blocks(n_new, seed=1)
    graph = MultiOmicsGraph(k=6).fit(data.blocks)
    return data, LinkedData(blocks, graph.link(blocks), codes), graph


def test_new_samples_are_sources_behind_the_training_samples():
    _, new, _ = linked(5)
    [(views, _)] = new.views("cpu", torch.float64)
    for (x, hop), block, (links, loops) in zip(
        views, new.blocks, new.links, strict=True
    ):
        np.testing.assert_array_equal(x.numpy(), block.astype(np.float64))
        expected = np.hstack([links.toarray(), np.diag(loops)])
        np.testing.assert_allclose(dense(hop).numpy(), expected)
        assert hop.destinations.tolist() == [40, 41, 42, 43, 44]


def test_prediction_does_not_depend_on_the_chunks(monkeypatch):
    data, new, _ = linked(10)
    module = make_module().double().eval()
    states = module.embed(data.whole("cpu", torch.float64))
    [(views, _)] = new.views("cpu", torch.float64)
    together = module.predict(states, views)
    monkeypatch.setattr(module_under_test, "_CHUNK", 3)
    parts = [module.predict(states, v) for v, _ in new.views("cpu", torch.float64)]
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    torch.testing.assert_close(torch.cat(parts), together)


def test_validation_samples_are_one_batch_with_their_codes():
    _, new, _ = linked(5, codes=np.arange(5))
    [((views, weights, _), codes)] = new.batches("cpu", shuffle=False)
    assert len(views) == 2
    assert weights is None
    assert codes.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("batch_size", [None, 7])
def test_every_batch_says_which_omics_its_samples_have(batch_size):
    present = np.random.default_rng(0).random((N, 2)) < 0.7
    data = make_data(batch_size=batch_size, present=present)
    for (_, _, got), codes in data.batches("cpu", shuffle=True):
        np.testing.assert_array_equal(got, present[codes])


def test_every_chunk_says_which_omics_its_samples_have(monkeypatch):
    _, new, _ = linked(10, codes=np.arange(10))
    present = np.random.default_rng(0).random((10, 2)) < 0.7
    new = replace(new, present=present)
    monkeypatch.setattr(module_under_test, "_CHUNK", 3)
    parts = [got for _, got in new.views("cpu", torch.float64)]
    np.testing.assert_array_equal(torch.cat(parts), present)
    parts = [got for (_, _, got), _ in new.batches("cpu", shuffle=False)]
    np.testing.assert_array_equal(torch.cat(parts), present)


def test_joined_views_hold_training_samples_then_new_ones():
    data, new, graph = linked(5)
    graphs = graph.join(new.blocks)
    views = joined_views(data, new.blocks, graphs)("cpu", torch.float64)
    for i, (x, hops) in enumerate(views):
        expected = np.concatenate([data.blocks[i], new.blocks[i]])
        np.testing.assert_array_equal(x.numpy(), expected.astype(np.float64))
        assert len(hops) == data.n_layers
        np.testing.assert_allclose(dense(hops[0]).numpy(), graphs[i].toarray())


def test_data_are_not_changed_by_their_use():
    data = make_data(batch_size=9)
    before = [graph.toarray() for graph in data.graphs]
    for _ in data.batches("cpu", shuffle=True):
        pass
    data.whole("cpu", torch.float64)
    for graph, expected in zip(data.graphs, before, strict=True):
        assert isinstance(graph, sparse.csr_array)
        np.testing.assert_array_equal(graph.toarray(), expected)
