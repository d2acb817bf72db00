"""Steps along a graph, as moGCN and moGAT take them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy import sparse

__all__ = ["Hop"]

with warnings.catch_warnings():
    # torch says once in a process that its compressed sparse matrices are in beta.
    # The product that is used here is tested against a dense one.
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [1.0], device="cpu", check_invariants=False)


@dataclass(frozen=True)
class Hop:
    """One step along a graph, from source nodes to destination nodes.

    All samples of a training graph, a sampled neighborhood, and new samples that are
    linked to training samples are hops alike: a sparse matrix from sources to
    destinations, and the place of every destination among the sources.

    Parameters
    ----------
    adjacency : Tensor of shape (n_destinations, n_sources), layout CSR
        Weights of the edges, self loops among them: what torch-geometric calls
        ``adj_t``.

    destinations : Tensor of shape (n_destinations,), dtype int64
        Position of each destination among the sources.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from scipy import sparse
    >>> from skomics.modules import Hop
    >>> links = sparse.csr_array(np.eye(2, 3))
    >>> hop = Hop.from_scipy(links, [0, 1], device="cpu", dtype=torch.float32)
    >>> hop.n_sources, hop.is_bipartite
    (3, True)
    """

    adjacency: torch.Tensor
    destinations: torch.Tensor

    @classmethod
    def from_scipy(
        cls,
        matrix: sparse.csr_array,
        destinations: ArrayLike,
        *,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> Self:
        """Build a hop from a scipy csr array and an array of positions."""

        def integers(array):
            return torch.as_tensor(np.asarray(array, dtype=np.int64)).to(device)

        adjacency = torch.sparse_csr_tensor(
            integers(matrix.indptr),
            integers(matrix.indices),
            torch.as_tensor(matrix.data).to(device, dtype),
            size=matrix.shape,
            check_invariants=False,
        )
        return cls(adjacency=adjacency, destinations=integers(destinations))

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return self.adjacency.shape[1]

    @property
    def is_bipartite(self) -> bool:
        """Whether some sources are no destinations."""
        return len(self.destinations) < self.n_sources

    @cached_property
    def edge_index(self) -> torch.Tensor:
        """Source and destination of each edge, of shape (2, n_edges)."""
        pointers, sources = self.adjacency.crow_indices(), self.adjacency.col_indices()
        to = torch.arange(len(self.destinations), device=sources.device)
        return torch.stack([sources, to.repeat_interleave(pointers.diff())])
