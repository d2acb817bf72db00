"""Steps along a graph, against dense products."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skomics.modules import Hop
from skomics.modules import _graph as graph_module
from skomics.modules._graph import propagate


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
def test_propagate_equals_the_dense_product(n_rows, n_columns, width, density):
    matrix = random_matrix(n_rows, n_columns, density)
    hop, dense = make_hop(matrix), torch.as_tensor(matrix.toarray())
    x = torch.randn(n_columns, width, dtype=torch.float64)
    torch.testing.assert_close(propagate(hop, x), dense @ x)
    torch.testing.assert_close(hop.product(hop.weights, x), dense @ x)
    y = torch.randn(n_rows, width, dtype=torch.float64)
    torch.testing.assert_close(hop.transposed_product(hop.weights, y), dense.T @ y)


def test_other_weights_take_the_place_of_the_hops_own():
    matrix = random_matrix(4, 6)
    hop, x = make_hop(matrix), torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(
        propagate(hop, x, 2 * hop.weights), 2 * propagate(hop, x)
    )


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3)])
@pytest.mark.parametrize("chunk", [16_384, 4])
def test_gradients_are_those_of_finite_differences(shape, chunk, monkeypatch):
    monkeypatch.setattr(graph_module, "_CHUNK", chunk)
    hop = make_hop(random_matrix(*shape))
    x = torch.randn(shape[1], 2, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(len(hop.weights), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: propagate(hop, a, b), (x, weights))
    assert torch.autograd.gradcheck(lambda a: propagate(hop, a), (x,))
    fixed = x.detach()
    assert torch.autograd.gradcheck(lambda b: propagate(hop, fixed, b), (weights,))


def test_gradient_takes_a_view_that_is_not_contiguous():
    hop = make_hop(random_matrix(5, 5))
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    propagate(hop, x).sum().backward()  # an expanded number
    expected = torch.as_tensor(random_matrix(5, 5).toarray()).sum(0)
    torch.testing.assert_close(x.grad, expected[:, None].expand(5, 3))


def test_hop_knows_the_shape_of_a_rectangular_matrix_and_its_destinations():
    matrix, destinations = random_matrix(3, 7), np.array([4, 5, 6])
    hop = make_hop(matrix, destinations)
    assert hop.n_sources == 7
    assert hop.destinations.tolist() == [4, 5, 6]
    rows, columns = matrix.nonzero()
    assert hop.receivers.tolist() == rows.tolist()
    assert hop.rows[1].tolist() == columns.tolist()
    torch.testing.assert_close(hop.weights, torch.as_tensor(matrix.data))


def test_hop_does_not_change_the_matrix_that_it_is_made_from():
    matrix = random_matrix(4, 4)
    before = matrix.toarray()
    hop = make_hop(matrix, dtype=torch.float32)
    hop.weights.mul_(2)
    np.testing.assert_array_equal(matrix.toarray(), before)


def test_rows_without_edges_come_out_as_zero():
    matrix = sparse.csr_array((3, 4))
    hop = make_hop(matrix)
    y = propagate(hop, torch.ones(4, 2, dtype=torch.float64))
    torch.testing.assert_close(y, torch.zeros(3, 2, dtype=torch.float64))
