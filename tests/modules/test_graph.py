"""Steps along a graph, and that torch-geometric takes them as they are meant."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skomics.modules import Hop


def random_matrix(n_rows, n_columns, density=0.4, seed=0):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n_rows, n_columns))
    dense[rng.random(dense.shape) > density] = 0
    return sparse.csr_array(dense)


def make_hop(matrix, destinations=None, dtype=torch.float64):
    if destinations is None:
        destinations = np.arange(matrix.shape[0]) % matrix.shape[1]
    return Hop.from_scipy(matrix, destinations, device="cpu", dtype=dtype)


@settings(deadline=None)
@given(
    n_rows=st.integers(1, 12),
    n_columns=st.integers(1, 12),
    width=st.integers(1, 5),
    density=st.floats(0, 1),
)
def test_adjacency_is_the_matrix(n_rows, n_columns, width, density):
    matrix = random_matrix(n_rows, n_columns, density)
    hop, dense = make_hop(matrix), torch.as_tensor(matrix.toarray())
    torch.testing.assert_close(hop.adjacency.to_dense(), dense)
    x = torch.randn(n_columns, width, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(hop.adjacency @ x, dense @ x)
    (hop.adjacency @ x).sum().backward()
    torch.testing.assert_close(x.grad, dense.sum(0)[:, None].expand_as(x))
    sources, destinations = hop.edge_index
    rows, columns = matrix.nonzero()
    assert sources.tolist() == columns.tolist()
    assert destinations.tolist() == rows.tolist()


def test_hop_knows_the_shape_of_a_rectangular_matrix_and_its_destinations():
    hop = make_hop(random_matrix(3, 7), np.array([4, 5, 6]))
    assert hop.n_sources == 7
    assert hop.is_bipartite
    assert hop.destinations.tolist() == [4, 5, 6]
    assert not make_hop(random_matrix(5, 5)).is_bipartite


def test_hop_does_not_change_the_matrix_that_it_is_made_from():
    matrix = random_matrix(4, 4)
    before = matrix.toarray()
    hop = make_hop(matrix, dtype=torch.float32)
    hop.adjacency.values().mul_(2)
    np.testing.assert_array_equal(matrix.toarray(), before)


def test_rows_without_edges_come_out_as_zero():
    hop = make_hop(sparse.csr_array((3, 4)))
    y = hop.adjacency @ torch.ones(4, 2, dtype=torch.float64)
    torch.testing.assert_close(y, torch.zeros(3, 2, dtype=torch.float64))
    assert hop.edge_index.shape == (2, 0)
