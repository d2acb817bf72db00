"""SNF: similarities that diffuse from omics to omics."""

import numpy as np

from skomics.graph._neighbors import (
    TINY,
    as_graph,
    distance_chunks,
    nearest,
    sparse_rows,
    strongest,
)

__all__ = ["SimilarityNetworkFusion"]

# Similarity network fusion keeps a matrix of all pairs per modality, and about six
# more while it computes: 7 GB for 10,000 samples and three modalities.
_SNF_LIMIT = 10_000
_SNF_WIDTH = 0.5
_SNF_STEPS = 20


class SimilarityNetworkFusion:
    """Similarity network fusion; see the notes of :class:`MultiOmicsGraph`."""

    def __init__(self, k):
        self._k = k

    def fit(self, blocks, search):
        """Return each training sample's weights to its neighbors."""
        _check_snf_size(len(blocks[0]), len(blocks))
        self._centers = [X.mean(axis=0) for X in blocks]
        pairs = zip(blocks, self._centers, strict=True)
        self._references = [X - center for X, center in pairs]
        self._neighbors = min(self._k, len(blocks[0]) - 1)
        self._scales, kernels, status = [], [], []
        for X in self._references:
            distances, indices = search(X, self._neighbors)
            self._scales.append(distances.mean(axis=1))
            weights = _snf_weights(X, self._scales[-1])
            kernels.append(_sparse_kernel(weights, indices))
            status.append(_scale_status(weights))
        return self._finish(_diffuse(status, kernels))

    def _finish(self, status):
        """Average P over the omics, and keep what new samples are linked by."""
        total = sum(status[1:], start=status[0])
        # Whole, they would take as much memory in a fitted model as in fitting.
        k = min(self._neighbors + 1, len(total))
        self._others = [
            sparse_rows(_mean_of_others(total, own, status), k) for own in status
        ]
        np.fill_diagonal(total, 0)
        return strongest(sparse_rows(total, self._neighbors), self._k)

    def link(self, blocks):
        """Spread each new sample's sparse kernel by the fused training samples.

        This is our inductive extension: the new row of S times the other omics'
        mean P, of which each row's largest entries are kept, averaged over omics.
        """
        total = 0
        for i, X in enumerate(blocks):
            distances, indices = nearest(
                X - self._centers[i],
                self._references[i],
                min(self._k, len(self._references[i])),
                metric="euclidean",
            )
            ours, theirs = distances.mean(axis=1), self._scales[i][indices]
            weights = _scaled_exponential(distances, ours[:, None], theirs)
            weights /= weights.sum(axis=1, keepdims=True)
            kernel = as_graph(weights, indices, len(self._references[i]))
            total = total + kernel @ self._others[i]
        return strongest(total, self._k)


def _check_snf_size(n_samples, n_omics):
    """Raise where the matrices of all pairs would not fit in memory."""
    if n_samples > _SNF_LIMIT:
        n_bytes = 8 * n_samples**2 * (n_omics + 6)
        raise ValueError(
            f"method='snf' was given {n_samples} samples, which would take "
            f"{n_bytes / 2**30:.0f} GiB, because it keeps matrices of all pairs. It "
            f"takes up to {_SNF_LIMIT} samples; use method='nemo', which is sparse, "
            "or method='knn'."
        )


def _scaled_exponential(distances, ours, theirs):
    """Return W of distances, given the scales of both samples."""
    scale = np.maximum((ours + theirs + distances) / 3, np.sqrt(TINY))
    return np.exp(-((distances / scale) ** 2) / _SNF_WIDTH)


def _snf_weights(X, scales):
    """Return W of all pairs."""
    weights = np.empty((len(X), len(X)))
    for rows, distances, _ in distance_chunks(X, X, "euclidean"):
        ours = scales[rows, None]
        weights[rows] = _scaled_exponential(np.sqrt(distances), ours, scales)
    return weights


def _sparse_kernel(weights, indices):
    """Return S, for which a sample is one of its own neighbors."""
    indices = np.column_stack([np.arange(len(indices)), indices])
    kernel = np.take_along_axis(weights, indices, axis=1)
    return as_graph(kernel / kernel.sum(axis=1, keepdims=True), indices, len(weights))


def _scale_status(weights):
    """Turn weights into P, in place."""
    np.fill_diagonal(weights, 0)
    weights /= 2 * weights.sum(axis=1, keepdims=True)
    np.fill_diagonal(weights, 0.5)
    return weights


def _mean_of_others(total, own, status):
    """Return the mean P of the other modalities."""
    # With one modality there is none but its own.
    return own if len(status) == 1 else (total - own) / (len(status) - 1)


def _diffuse(status, kernels):
    """Let every omics' status spread along the neighbors in the others."""
    for _ in range(_SNF_STEPS):
        total = sum(status[1:], start=status[0])
        for v, kernel in enumerate(kernels):
            spread = kernel @ _mean_of_others(total, status[v], status)
            # Freed before its successor is made: these matrices are large.
            status[v] = None
            spread = np.ascontiguousarray(spread.T)
            status[v] = _scale_status((kernel @ spread).T)
    return status
