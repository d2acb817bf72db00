"""SNF, against a plain statement of the paper."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from skomics.graph import MultiOmicsGraph
from tests.graph.graphs import adjacency_of, mutual, omics, rows_of, strongest


def snf(blocks, k, n_steps=20):
    """Return each omics' P after the last step, W, and N without the sample."""
    status, kernels = [], []
    for X in blocks:
        n = len(X)
        distances = pairwise_distances(X)
        near = np.argsort(distances + np.diag([-1.0] * n), axis=1)[:, 1 : k + 1]
        scale = np.take_along_axis(distances, near, axis=1).mean(axis=1)
        epsilon = (scale[:, None] + scale[None, :] + distances) / 3
        weights = np.exp(-(distances**2) / (0.5 * epsilon**2))
        kernel = np.zeros((n, n))
        for i in range(n):
            members = [i, *near[i]]
            kernel[i, members] = weights[i, members] / weights[i, members].sum()
        kernels.append(kernel)
        status.append(scaled_status(weights))
    for _ in range(n_steps):
        status = [
            scaled_status(
                kernel
                @ np.mean([p for u, p in enumerate(status) if u != v], axis=0)
                @ kernel.T
            )
            for v, kernel in enumerate(kernels)
        ]
    return status


def scaled_status(weights):
    off = weights - np.diag(np.diag(weights))
    return off / (2 * off.sum(axis=1, keepdims=True)) + np.eye(len(off)) / 2


@pytest.mark.parametrize("n_omics", [2, 3])
def test_snf_equals_a_plain_statement_of_the_paper(n_omics):
    blocks = omics(25)[:n_omics]
    graph = MultiOmicsGraph(method="snf", k=4).fit(blocks)
    similarity = np.mean(snf(blocks, 4), axis=0)
    np.fill_diagonal(similarity, 0)
    expected = mutual(strongest(similarity, 4))
    np.testing.assert_allclose(adjacency_of(graph), expected, rtol=1e-7)


def test_snf_links_a_new_sample_by_its_sparse_kernel_and_the_others_status():
    k, blocks = 4, omics(26)
    training = rows_of(blocks, slice(25))
    graph = MultiOmicsGraph(method="snf", k=k).fit(training)
    links, loops = graph.link(rows_of(blocks, [25]))[0]
    status, rows = snf(training, k), []
    for v, X in enumerate(training):
        others = np.mean([p for u, p in enumerate(status) if u != v], axis=0)
        weakest = np.sort(others, axis=1)[:, -k - 1]  # the diagonal is one more
        others = np.where(others >= weakest[:, None], others, 0)
        distances = np.sort(pairwise_distances(X), axis=1)
        scale = distances[:, 1 : k + 1].mean(axis=1)
        d = np.linalg.norm(X - blocks[v][25], axis=1)
        near = np.argsort(d)[:k]
        epsilon = (d[near].mean() + scale[near] + d[near]) / 3
        kernel = np.exp(-(d[near] ** 2) / (0.5 * epsilon**2))
        rows.append(kernel / kernel.sum() @ others[near])
    expected = strongest(np.mean(rows, axis=0)[None], k)
    np.testing.assert_allclose(links.toarray() / loops, expected, rtol=1e-7)


def test_snf_refuses_more_samples_than_memory_allows():
    blocks = [np.zeros((10_001, 1))]
    with pytest.raises(ValueError, match="given 10001 samples.* 5 GiB.*method='nemo'"):
        MultiOmicsGraph(method="snf").fit(blocks)


def test_error_for_a_sample_without_a_modality_says_that_snf_does_not_take_it():
    blocks = omics(10)
    blocks[2][4] = np.nan
    with pytest.raises(ValueError, match="Block 2 has no values for 1 .*'snf' needs"):
        MultiOmicsGraph(method="snf").fit(blocks)
