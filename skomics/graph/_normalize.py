"""Self loops, and weights that a convolution can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from skomics._typing import SparseMatrix

__all__ = ["join_links", "mutual_maximum", "normalize_graph", "normalize_links"]


def normalize_graph(
    adjacency: SparseMatrix, normalization: Literal["rw", "sym"] = "rw"
) -> sparse.csr_array:
    r"""Add self loops and normalize a graph for a convolution.

    .. math:: D^{-1} (A + I) \quad\text{or}\quad D^{-1/2} (A + I) D^{-1/2}

    Parameters
    ----------
    adjacency : sparse matrix of shape (n_samples, n_samples)
        Non-negative weights with an empty diagonal.

    normalization : {"rw", "sym"}, default="rw"
        Random walk, as in the published code of MOGONET, or symmetric, as in its
        paper and in Kipf and Welling (2017).

    Returns
    -------
    graph : csr_array of shape (n_samples, n_samples)
        Normalized graph; with "rw", rows sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from skomics.graph import normalize_graph
    >>> pair = sparse.csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> normalize_graph(pair).toarray()
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    graph = sparse.csr_array(adjacency) + sparse.eye_array(adjacency.shape[0])
    degree = graph.sum(axis=1)
    if normalization == "rw":
        return sparse.csr_array(sparse.diags_array(1 / degree) @ graph)
    scale = sparse.diags_array(1 / np.sqrt(degree))
    return sparse.csr_array(scale @ graph @ scale)


def normalize_links(links, adjacency, normalization):
    """Normalize new rows as if each alone had joined the training graph."""
    degree = links.sum(axis=1) + 1
    if normalization == "rw":
        return sparse.csr_array(sparse.diags_array(1 / degree) @ links), 1 / degree
    ours = sparse.diags_array(1 / np.sqrt(degree))
    theirs = sparse.diags_array(1 / np.sqrt(adjacency.sum(axis=1) + 1))
    return sparse.csr_array(ours @ links @ theirs), 1 / degree


def join_links(links, normalization):
    """Return a graph of training and new samples that has no other links."""
    joined = sparse.block_array([[None, links.T], [links, None]], format="csr")
    return normalize_graph(joined, normalization)


def mutual_maximum(graph):
    """Return a symmetric graph, of the heavier of an edge's two directions."""
    return sparse.csr_array(graph.maximum(graph.T))
