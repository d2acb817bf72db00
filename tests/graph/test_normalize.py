"""Self loops and normalization, against Kipf and Welling."""

import numpy as np
import pytest

from skomics.graph import MultiOmicsGraph, SampleGraph, normalize_graph
from tests.graph.graphs import FUSED, KINDS, normal, omics


@pytest.mark.parametrize("params", [KINDS[0], KINDS[1], KINDS[2], *FUSED], ids=str)
def test_rows_sum_to_one_with_random_walk_normalization(params):
    blocks, new = omics(40), omics(7, seed=10)
    graph = MultiOmicsGraph(k=4, **params).fit(blocks)
    for one, (links, loops), joined in zip(
        graph.graphs_, graph.link(new), graph.join(new), strict=True
    ):
        np.testing.assert_allclose(one.sum(axis=1), 1)
        np.testing.assert_allclose(links.sum(axis=1) + loops, 1)
        np.testing.assert_allclose(joined.sum(axis=1), 1)


def test_symmetric_normalization_is_that_of_kipf_and_welling():
    adjacency = SampleGraph(k=4).fit(normal(20, 5)).adjacency_
    looped = adjacency.toarray() + np.eye(20)
    root = np.diag(looped.sum(axis=1) ** -0.5)
    actual = normalize_graph(adjacency, "sym").toarray()
    np.testing.assert_allclose(actual, root @ looped @ root)
