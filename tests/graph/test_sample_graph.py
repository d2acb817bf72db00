"""Graphs of one modality, against the rule of MOGONET on the whole matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics.graph import SampleGraph, _neighbors
from tests.graph.graphs import assert_same_graph, kinds, normal


def mogonet(X, k):
    """Return the threshold and adjacency as the published rule has them."""
    distances = pairwise_distances(X, metric="cosine")
    np.fill_diagonal(distances, 0)
    n = len(X)
    threshold = np.sort(distances, axis=None)[min(k * n, n * n - 1)]
    adjacency = np.where(distances <= threshold + 1e-12, 1 - distances, 0)
    np.fill_diagonal(adjacency, 0)
    return threshold, adjacency


@settings(deadline=None)
@given(
    n_samples=st.integers(2, 40),
    n_features=st.integers(2, 30),
    k=st.integers(1, 45),
    seed=st.integers(0, 99),
)
def test_threshold_equals_mogonets_rule_on_the_whole_distance_matrix(
    n_samples, n_features, k, seed
):
    X = normal(n_samples, n_features, seed)
    graph = SampleGraph(k=k).fit(X)
    threshold, expected = mogonet(X, k)
    distances = np.sort(pairwise_distances(X, metric="cosine"), axis=None)
    farther = distances[distances > threshold + 1e-9]
    assert threshold < graph.threshold_
    assert len(farther) == 0 or graph.threshold_ < farther[0]
    has_edge = expected.any(axis=1)
    actual = graph.adjacency_.toarray()
    mutual = np.ix_(has_edge, has_edge)
    np.testing.assert_allclose(
        actual[mutual], np.maximum(expected[mutual], 1e-6 * (expected[mutual] != 0))
    )


def test_threshold_does_not_depend_on_how_the_work_is_cut_in_chunks(monkeypatch):
    X = normal(150, 8)
    whole = SampleGraph(k=5).fit(X)
    monkeypatch.setattr(_neighbors, "_CHUNK", 400)
    parts = SampleGraph(k=5).fit(X)
    assert parts.threshold_ == pytest.approx(whole.threshold_, abs=1e-14)
    assert_same_graph(parts.graph_, whole.graph_)
    new = normal(20, 8, seed=1)
    assert_same_graph(parts.link(new)[0], whole.link(new)[0])


@pytest.mark.parametrize("k", [2, 5, 10])
def test_mean_degree_is_k_minus_one(k):
    adjacency = SampleGraph(k=k).fit(normal(400, 5)).adjacency_
    assert adjacency.nnz / 400 == pytest.approx(k - 1, abs=0.1 + 0.6 * (k == 2))


def test_pairs_at_the_threshold_are_linked_in_link_as_in_fit():
    # A new sample that equals a training sample is as far from the others, up to
    # the rounding of matrix products of other sizes.
    X = normal(60, 7)
    graph = SampleGraph(k=6).fit(X)
    linked = graph.link(X[:1])[0].toarray()[0] > 0
    expected = graph.adjacency_.toarray()[0] > 0
    expected[0] = True  # its twin
    np.testing.assert_array_equal(linked, expected)


def test_equal_distances_are_linked_together():
    X = np.repeat(np.eye(4), 3, axis=0)
    adjacency = SampleGraph(k=2).fit(X).adjacency_.toarray()
    expected = np.kron(np.eye(4), np.ones((3, 3))) - np.eye(12)
    np.testing.assert_allclose(adjacency, expected)


@kinds
def test_links_are_a_row_of_the_graph_had_the_sample_joined_alone(params):
    X, new = normal(30, 6), normal(3, 6, seed=1)
    graph = SampleGraph(k=4, **params).fit(X)
    links, loops = graph.link(new)
    for i, (link, loop) in enumerate(zip(links.toarray(), loops, strict=True)):
        degree = graph.adjacency_.sum(axis=1) + 1
        neighbors = np.flatnonzero(link)
        weights = link[neighbors] / loop
        if params.get("normalization") == "sym":
            weights = link[neighbors] / np.sqrt(loop / degree[neighbors])
        assert (weights > 0).all()
        assert (weights <= 1 + 1e-12).all()
        assert 1 / loop == pytest.approx(weights.sum() + 1), i


def test_fit_again_forgets_the_first_data():
    graph = SampleGraph(method="knn", kernel="rbf", k=3).fit(normal(9, 2) + 5)
    again = graph.fit(normal(12, 4)).graph_
    assert_same_graph(again, clone(graph).fit(normal(12, 4)).graph_)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_knn_links_the_nearest_samples_in_either_direction(metric):
    X, kernel = normal(60, 5), "cosine" if metric == "cosine" else "rbf"
    adjacency = SampleGraph(method="knn", k=4, kernel=kernel).fit(X).adjacency_
    index = NearestNeighbors(n_neighbors=4, metric=metric).fit(X)
    directed = index.kneighbors_graph().toarray() > 0
    np.testing.assert_array_equal(adjacency.toarray() > 0, directed | directed.T)


def test_radial_kernel_has_each_samples_own_scale():
    X = normal(30, 5)
    adjacency = SampleGraph(method="knn", k=4, kernel="rbf").fit(X).adjacency_.toarray()
    distances = pairwise_distances(X)
    scale = np.sort(distances, axis=1)[:, 1:5].mean(axis=1)
    expected = np.exp(-(distances**2) / (2 * np.outer(scale, scale)))
    linked = adjacency > 0
    np.testing.assert_allclose(adjacency[linked], expected[linked])


@pytest.mark.parametrize(
    ("name", "value"), [("kernel", "rbf"), ("neighbors", "approximate")]
)
def test_error_for_what_the_threshold_cannot_do(name, value):
    with pytest.raises(ValueError, match="Use method='knn' with it"):
        SampleGraph(**{name: value}).fit(normal(10, 3))


@parametrize_with_checks([SampleGraph(k=3), SampleGraph(method="knn", k=3)])
def test_sklearn_checks(estimator, check):
    check(estimator)
