"""Steps along a graph, as moGCN and moGAT take them."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

__all__ = ["Hop", "propagate"]

# Edges whose gradient is computed at a time, so that memory grows with the number
# of edges or with the width, and not with their product.
_CHUNK = 16_384


with warnings.catch_warnings():
    # torch says once in a process that its compressed sparse matrices are in beta.
    # The two products that are used here are tested against dense ones.
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [1.0], device="cpu", check_invariants=False)


def _csr_tensor(rows, weights, shape):
    return torch.sparse_csr_tensor(*rows, weights, size=shape, check_invariants=False)


def _multiply(matrix, x):
    # Written into its place, a product takes a third of the time of `matrix @ x`,
    # which fills the result with zeros and copies it first.
    places = matrix.shape[:1] if x.dim() == 2 else x.shape[:-1]
    out = x.new_empty(*places, x.shape[-1])
    rows = out.view(-1, x.shape[-1])
    torch.addmm(
        rows, matrix, x.reshape_as(rows) if x.dim() > 2 else x, beta=0, out=rows
    )
    return out


@dataclass(frozen=True)
class Hop:
    """One step along a graph, from source nodes to destination nodes.

    All samples of a training graph, a sampled neighbourhood, and new samples
    that are linked to training samples are hops alike: a sparse matrix from
    sources to destinations, and the place of every destination among the
    sources.

    Parameters
    ----------
    rows, columns : (Tensor, Tensor)
        The matrix of shape (n_destinations, n_sources) as compressed rows, and
        its transpose as compressed rows: pointers and indices.

    order : Tensor of shape (n_edges,), dtype int64
        Position in the matrix of each edge of the transpose.

    weights : Tensor of shape (n_edges,)
        Weights of the edges, self loops among them.

    receivers : Tensor of shape (n_edges,), dtype int64
        Destination of each edge.

    destinations : Tensor of shape (n_destinations,), dtype int64
        Position of each destination among the sources.

    n_sources : int
        Number of sources.
    """

    rows: tuple
    columns: tuple
    order: torch.Tensor
    weights: torch.Tensor
    receivers: torch.Tensor
    destinations: torch.Tensor
    n_sources: int

    @classmethod
    def from_scipy(cls, matrix, destinations, *, device, dtype):
        """Build a hop from a scipy csr array and an array of positions."""
        numbered = matrix.copy()
        numbered.data = np.arange(matrix.nnz)
        transposed = numbered.T.tocsr()
        receivers = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))

        def integers(array):
            return torch.as_tensor(np.asarray(array, dtype=np.int64)).to(device)

        return cls(
            rows=(integers(matrix.indptr), integers(matrix.indices)),
            columns=(integers(transposed.indptr), integers(transposed.indices)),
            order=integers(transposed.data),
            weights=torch.as_tensor(matrix.data).to(device, dtype),
            receivers=integers(receivers),
            destinations=integers(destinations),
            n_sources=matrix.shape[1],
        )

    @cached_property
    def _matrix(self):
        return self._csr(self.weights)

    @cached_property
    def _transposed(self):
        return self._transposed_csr(self.weights)

    # The sparse products of the CPU take 32-bit positions, and would convert others
    # in every product.
    @cached_property
    def _short_rows(self):
        return tuple(part.int() for part in self.rows)

    @cached_property
    def _short_columns(self):
        return tuple(part.int() for part in self.columns)

    def _csr(self, weights):
        shape = (len(self.destinations), self.n_sources)
        return _csr_tensor(self._short_rows, weights, shape)

    def _transposed_csr(self, weights):
        shape = (self.n_sources, len(self.destinations))
        return _csr_tensor(self._short_columns, weights[self.order], shape)

    def product(self, weights, x):
        """Return the matrix, with these weights, times `x`."""
        matrix = self._matrix if weights is self.weights else self._csr(weights)
        return _multiply(matrix, x)

    def transposed_product(self, weights, x):
        """Return the transposed matrix, with these weights, times `x`."""
        is_own = weights is self.weights
        matrix = self._transposed if is_own else self._transposed_csr(weights)
        return _multiply(matrix, x)


class _Propagate(torch.autograd.Function):
    # On a CPU this takes half to a fifth of the time of torch-geometric's GCNConv
    # on an edge list, and nine tenths of torch's own gradient of a sparse product
    # (docs/models/mogcn.md).
    @staticmethod
    def forward(ctx, x, weights, hop):
        ctx.hop = hop
        if ctx.needs_input_grad[1]:
            ctx.save_for_backward(x, weights)
        return hop.product(weights, x)

    @staticmethod
    def backward(ctx, grad):
        hop, grad = ctx.hop, grad.contiguous()
        to_x = to_weights = None
        x, weights = ctx.saved_tensors or (None, hop.weights)
        if ctx.needs_input_grad[0]:
            to_x = hop.transposed_product(weights, grad)
        if ctx.needs_input_grad[1]:
            edges = zip(
                hop.receivers.split(_CHUNK), hop.rows[1].split(_CHUNK), strict=True
            )
            to_weights = torch.cat(
                [(grad[to] * x[source]).sum(-1) for to, source in edges]
            )
        return to_x, to_weights, None


def propagate(hop, x, weights=None):
    r"""Return the weighted sum over each destination's sources.

    .. math:: y_i = \sum_j A_{ij} x_j

    Parameters
    ----------
    hop : Hop
        The edges.

    x : Tensor of shape (n_sources, d)
        Values of the sources; or of shape (n_views, n_views_sources, d), where the
        edges are those of several graphs, one after another, onto themselves.

    weights : Tensor of shape (n_edges,), default=None
        Weights in place of the hop's own; their gradient is computed too.

    Returns
    -------
    y : Tensor of shape (n_destinations, d)
        Sums; of `x`'s shape, where that has three dimensions.
    """
    return _Propagate.apply(x, hop.weights if weights is None else weights, hop)
