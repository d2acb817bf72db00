"""NEMO: similarity relative to the neighborhoods of both samples."""

import numpy as np
from scipy import sparse

from skomics._modality import modality_mask
from skomics.graph._neighbors import TINY, as_graph, nearest, strongest

__all__ = ["Nemo", "NemoOmics"]


class Nemo:
    """Neighborhood-based similarity; see the notes of :class:`MultiOmicsGraph`."""

    def __init__(self, k):
        self._k = k

    def fit(self, blocks, search):
        """Return each training sample's weights to its neighbors."""
        self._measured = np.stack([modality_mask(X) for X in blocks], axis=1)
        self._parts = [NemoOmics(self._k) for _ in blocks]
        pairs = zip(self._parts, blocks, self._measured.T, strict=True)
        total = sum(part.fit(X, measured, search) for part, X, measured in pairs)
        return self._mean(total, self._measured)

    def link(self, blocks):
        """Return each new sample's weights to its neighbors among training samples."""
        measured = np.stack([modality_mask(X) for X in blocks], axis=1)
        pairs = zip(self._parts, blocks, measured.T, strict=True)
        return self._mean(sum(part.link(X, m) for part, X, m in pairs), measured)

    def _mean(self, total, measured):
        """Average over the omics that both samples have, and keep the strongest."""
        total = total.tocoo()
        shared = measured[total.row] & self._measured[total.col]
        total.data = total.data / shared.sum(axis=1)
        return strongest(total, self._k)


class NemoOmics:
    """What :class:`Nemo` keeps of one modality."""

    def __init__(self, k):
        self._k = k

    def fit(self, X, measured, search):
        """Return R of training samples, with empty rows for those without values."""
        self._samples, self._n = np.flatnonzero(measured), len(X)
        X = X[measured]
        self._center = X.mean(axis=0)
        self._references = X - self._center
        k = min(self._k, len(X) - 1)
        distances, indices = search(self._references, k)
        self._spread = (distances**2).mean(axis=1)
        self._reach = distances[:, -1]
        similarity = self._similarity(distances, self._spread, indices)
        self._mass = similarity.sum(axis=1)
        relative = as_graph(similarity / self._mass[:, None], indices, len(X))
        return self._among_all(relative + relative.T, self._samples, self._n)

    def link(self, X, measured):
        """Return R of new samples, whose neighbors are training samples."""
        k = min(self._k, len(self._references))
        new = X[measured] - self._center
        distances, indices = nearest(new, self._references, k, metric="euclidean")
        spread = (distances**2).mean(axis=1)
        similarity = self._similarity(distances, spread, indices)
        # The second term: the new sample is as near as a training sample's own
        # neighbors, which stay as they are.
        within = distances <= self._reach[indices]
        weights = similarity / similarity.sum(axis=1, keepdims=True)
        weights += within * similarity / self._mass[indices]
        links = as_graph(weights, indices, len(self._references))
        return self._among_all(links, np.flatnonzero(measured), len(measured))

    def _similarity(self, distances, spread, indices):
        """Return S, by the mean squared distances of both neighborhoods."""
        variance = (spread[:, None] + self._spread[indices] + distances**2) / 3
        variance = np.maximum(variance, TINY)
        # Without the constant 1 / sqrt(2 pi), which R is free of.
        return np.exp(-(distances**2) / (2 * variance)) / np.sqrt(variance)

    def _among_all(self, graph, rows, n_rows):
        """Give samples that lack this modality empty rows and columns."""
        graph = graph.tocoo()
        edges = (graph.data, (rows[graph.row], self._samples[graph.col]))
        return sparse.csr_array(edges, shape=(n_rows, self._n))
