"""NEMO, against a plain statement of the paper."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from skomics.graph import MultiOmicsGraph
from tests.graph.graphs import adjacency_of, mutual, omics, rows_of, strongest


def nemo(blocks, k):
    """Return the mean relative similarity of all pairs, as the paper has it."""
    n = len(blocks[0])
    total, count = np.zeros((n, n)), np.zeros((n, n))
    for X in blocks:
        here = np.flatnonzero(~np.isnan(X).any(axis=1))
        near = {}
        for i in here:
            others = [j for j in here if j != i]
            others.sort(key=lambda j: np.linalg.norm(X[i] - X[j]))
            near[i] = others[:k]

        def spread(i):
            return np.mean([np.sum((X[i] - X[r]) ** 2) for r in near[i]])  # noqa: B023

        def similarity(i, j):
            square = np.sum((X[i] - X[j]) ** 2)  # noqa: B023
            variance = (spread(i) + spread(j) + square) / 3  # noqa: B023
            return np.exp(-square / (2 * variance)) / np.sqrt(2 * np.pi * variance)

        for i in here:
            for j in here:
                count[i, j] += 1
                if j in near[i]:
                    total[i, j] += similarity(i, j) / sum(
                        similarity(i, r) for r in near[i]
                    )
                if i in near[j]:
                    total[i, j] += similarity(i, j) / sum(
                        similarity(r, j) for r in near[j]
                    )
    return np.divide(total, count, out=total, where=count > 0)


def partial_omics(n_samples, seed=0):
    blocks = omics(n_samples, seed)
    rng = np.random.default_rng(seed)
    for i, X in enumerate(blocks):
        lacks = rng.permutation(n_samples)[: n_samples // 4]
        X[lacks[lacks % 3 != i]] = np.nan  # everybody has one modality at least
    return blocks


@pytest.mark.parametrize("make", [omics, partial_omics])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_nemo_equals_a_plain_statement_of_the_paper(make, k):
    blocks = make(18)
    graph = MultiOmicsGraph(method="nemo", k=k).fit(blocks)
    expected = mutual(strongest(nemo(blocks, k), k))
    np.testing.assert_allclose(adjacency_of(graph), expected, rtol=1e-9)


def test_nemo_links_a_new_sample_by_the_same_formula():
    k, blocks = 4, partial_omics(20)
    graph = MultiOmicsGraph(method="nemo", k=k).fit(rows_of(blocks, slice(19)))
    links, loops = graph.link(rows_of(blocks, [19]))[0]
    total, count = np.zeros(19), np.zeros(19)
    for X in blocks:
        here = np.flatnonzero(~np.isnan(X[:19]).any(axis=1))
        if np.isnan(X[19]).any():
            continue
        count[here] += 1
        distances = pairwise_distances(X[here])
        np.fill_diagonal(distances, np.inf)
        near = np.sort(distances, axis=1)[:, :k]
        order = np.argsort(distances, axis=1)[:, :k]
        spread = (near**2).mean(axis=1)

        def kernel(d, a, b):
            variance = (a + b + d**2) / 3
            return np.exp(-(d**2) / (2 * variance)) / np.sqrt(variance)

        mass = kernel(near, spread[:, None], spread[order]).sum(axis=1)
        d = np.linalg.norm(X[here] - X[19], axis=1)
        mine = np.argsort(d)[:k]
        similarity = kernel(d[mine], (d[mine] ** 2).mean(), spread[mine])
        relative = similarity / similarity.sum()
        relative += (d[mine] < near[mine, -1]) * similarity / mass[mine]
        total[here[mine]] += relative
    mean = np.divide(total, count, out=total, where=count > 0)
    expected = strongest(mean[None], k)
    np.testing.assert_allclose(links.toarray() / loops, expected, rtol=1e-9)


def test_nemo_links_samples_through_the_omics_that_they_share():
    blocks = omics(24)
    for X, lacks in zip(
        blocks, (slice(0, 6), slice(6, 12), slice(12, 18)), strict=True
    ):
        X[lacks] = np.nan
    graph = MultiOmicsGraph(method="nemo", k=3).fit(blocks)
    assert (np.diff(graph.graphs_[0].indptr) >= 2).all()
    only_one = [np.full_like(X[:1], np.nan) for X in blocks]
    only_one[1] = blocks[1][:1]
    links, _ = graph.link(only_one)[0]
    assert not links.toarray()[0, 6:12].any()  # they lack the second modality
    assert links.nnz == 3
