"""Blocks, kinds of graphs and comparisons that the tests of graphs share."""

import numpy as np
import pytest

KINDS = [
    {"method": "threshold"},
    {"method": "knn"},
    {"method": "knn", "kernel": "rbf"},
    {"method": "knn", "normalization": "sym"},
    {"method": "threshold", "normalization": "sym"},
]
FUSED = [{"method": "snf"}, {"method": "nemo"}]
kinds = pytest.mark.parametrize("params", KINDS, ids=str)
fused = pytest.mark.parametrize("params", FUSED, ids=str)
every_method = pytest.mark.parametrize("params", [*KINDS, *FUSED], ids=str)


def normal(n_samples, n_features, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def omics(n_samples, seed=0):
    return [normal(n_samples, width, seed + i) for i, width in enumerate((6, 9, 4))]


def rows_of(blocks, rows):
    return [X[rows] for X in blocks]


def adjacency_of(graph):
    """Return the weights without self loops of a fused graph."""
    graph = graph.graphs_[0].toarray()
    loops = graph.diagonal().copy()
    np.fill_diagonal(graph, 0)
    return graph / loops[:, None]


def assert_same_graph(actual, expected, rtol=1e-9):
    actual, expected = actual.toarray(), expected.toarray()
    np.testing.assert_array_equal(actual != 0, expected != 0)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-14)


def strongest(similarity, k):
    """Return the k strongest of each row, relative to the strongest."""
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    kept = np.zeros_like(similarity)
    np.put_along_axis(kept, order, np.take_along_axis(similarity, order, 1), axis=1)
    return kept / kept.max(axis=1, keepdims=True)


def mutual(weights):
    return np.maximum(weights, weights.T)
