"""Nearest neighbors, exact and approximate, whatever the batch."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import pairwise_distances

from skomics.graph import SampleGraph, _neighbors
from tests.graph.graphs import assert_same_graph, normal


@pytest.mark.parametrize("params", [{"kernel": "cosine"}, {"kernel": "rbf"}], ids=str)
def test_ties_on_a_grid_are_broken_alike_in_every_batch(params):
    rng = np.random.default_rng(0)
    X = rng.integers(1, 5, size=(80, 3)) / 10  # many equal distances
    graph = SampleGraph(method="knn", k=5, **params).fit(X)
    new = rng.integers(1, 5, size=(40, 3)) / 10
    among, _ = graph.link(new)
    alone = sparse.vstack([graph.link(row[None])[0] for row in new], format="csr")
    assert_same_graph(among, alone)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("numba")  # compiles for 40 s, once a process
@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_approximate_search_finds_nearly_all_neighbors(kernel):
    pytest.importorskip("pynndescent", reason="pynndescent is not installed")
    X = normal(600, 6)
    params = {"method": "knn", "k": 5, "kernel": kernel, "random_state": 0}
    exact = SampleGraph(neighbors="exact", **params).fit(X)
    found = SampleGraph(neighbors="approximate", **params).fit(X)
    both = exact.adjacency_.multiply(found.adjacency_)
    assert both.nnz > 0.95 * exact.adjacency_.nnz
    assert (np.diff(found.graph_.indptr) >= 6).all()
    again = SampleGraph(neighbors="approximate", **params).fit(X)
    assert_same_graph(again.graph_, found.graph_)


def test_approximate_search_is_chosen_for_many_samples_only(monkeypatch):
    calls = []

    def search(X, k, **_):
        calls.append(len(X))
        return _neighbors.nearest(X, X, k, metric="cosine", own=np.arange(len(X)))

    monkeypatch.setattr(_neighbors, "_approximate_nearest", search)
    monkeypatch.setattr(_neighbors, "_EXACT_LIMIT", 50)
    SampleGraph(method="knn").fit(normal(50, 4))
    SampleGraph(method="knn", neighbors="exact").fit(normal(51, 4))
    assert calls == []
    SampleGraph(method="knn").fit(normal(51, 4))
    SampleGraph(method="knn", neighbors="approximate").fit(normal(20, 4))
    assert calls == [51, 20]


def test_approximate_search_completes_samples_that_it_missed(monkeypatch):
    class Search:
        def __init__(self, X, n_neighbors, **_):
            distances = pairwise_distances(X)
            indices = np.argsort(distances)[:, :n_neighbors]
            indices[:3, 1:] = -1  # finds no neighbor of the first three
            self.neighbor_graph = indices, np.take_along_axis(distances, indices, 1)

    class Module:
        NNDescent = Search

    monkeypatch.setattr(_neighbors, "import_optional", lambda *_, **__: Module)
    X = normal(30, 5)
    params = {"method": "knn", "kernel": "rbf", "k": 4}
    found = SampleGraph(neighbors="approximate", **params).fit(X)
    assert_same_graph(found.graph_, SampleGraph(**params).fit(X).graph_)


def test_error_names_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynndescent", None)
    with pytest.raises(ImportError, match=r"skomics\[graph\]"):
        SampleGraph(method="knn", neighbors="approximate").fit(normal(10, 3))
