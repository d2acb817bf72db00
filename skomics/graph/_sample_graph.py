"""A graph of similar samples of one modality, that of MOGONET among them."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from skomics._compat import Interval, StrOptions, _fit_context
from skomics._transaction import whole
from skomics.graph._neighbors import (
    MIN_WEIGHT,
    TIE,
    TINY,
    as_graph,
    closest_pairs,
    distance_chunks,
    nearest,
    search_neighbors,
)
from skomics.graph._normalize import (
    join_links,
    mutual_maximum,
    normalize_graph,
    normalize_links,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import RandomState

__all__ = ["SampleGraph"]

# Pairs beyond the threshold that are kept to find the next larger distance.
_N_TIES = 64


def _similarity(cosine_distance):
    """Return cosine similarities as edge weights, which must be positive."""
    # NOTE[DIFF]: the published code lets a negative similarity through where the
    # threshold is above 1. Here, too, a sample's nearest one may be so far.
    return np.maximum(1 - cosine_distance, MIN_WEIGHT)


def _mean_degree_edges(X, k):
    """Return MOGONET's threshold, and each linked pair once with its similarity."""
    n_samples = len(X)
    # MOGONET takes entry number k n of the sorted matrix, counted from 0 and with
    # the n zeros of the diagonal: entry (k - 1) n of the pairs, each there twice.
    last = min((k - 1) * n_samples, n_samples * (n_samples - 1) - 1) // 2
    rows, columns, distances = closest_pairs(X, last + 1 + _N_TIES)
    ordered = np.sort(distances)
    larger = ordered[ordered > ordered[last] + TIE]
    # Halfway to the next larger distance: rounding that depends on the size of a
    # matrix product must not decide about an edge.
    next_one = larger[0] if len(larger) else ordered[last] + 2 * TIE
    threshold = float((ordered[last] + next_one) / 2)
    close = distances <= threshold
    edges = (_similarity(distances[close]), (rows[close], columns[close]))
    return threshold, sparse.csr_array(edges, shape=(n_samples, n_samples))


def _nearest_links(X, references, lonely, own=None):
    """Return the similarity of some rows to the nearest reference of each."""
    distances, indices = nearest(X[lonely], references, 1, metric="cosine", own=own)
    edges = (_similarity(distances[:, 0]), (lonely, indices[:, 0]))
    return sparse.csr_array(edges, shape=(len(X), len(references)))


def _edges_within(X, references, threshold):
    """Return similarities of all pairs that are not farther than a threshold."""
    parts = []
    for _, distances, _ in distance_chunks(X, references, "cosine"):
        rows, columns = np.nonzero(distances <= threshold)
        weights = _similarity(distances[rows, columns])
        parts.append(sparse.csr_array((weights, (rows, columns)), distances.shape))
    return sparse.vstack(parts, format="csr")


def _without_edges(graph):
    """Return the positions of rows that are empty."""
    return np.flatnonzero(np.diff(graph.indptr) == 0)


class SampleGraph(BaseEstimator):
    r"""Graph of similar samples, with links for samples that come later.

    Parameters
    ----------
    method : {"threshold", "knn"}, default="threshold"
        "threshold" links all pairs that are closer than a common cosine distance,
        chosen so that the mean number of neighbors is ``k - 1``, as in MOGONET
        (where ``k n`` entries of the distance matrix, its `n` zeros included, lie
        below the threshold). "knn" links each sample to its `k` nearest ones.

    k : int, default=10
        Number of nearest neighbors (knn), or target mean degree + 1 (threshold);
        cut to what the samples allow.

    kernel : {"cosine", "rbf"}, default="cosine"
        Weight of an edge: cosine similarity, or
        :math:`\exp(-d^2 / 2 \sigma_i \sigma_j)` of the Euclidean distance `d` with
        :math:`\sigma` each sample's mean distance to its neighbors. "rbf" needs
        ``method="knn"``.

    normalization : {"rw", "sym"}, default="rw"
        As in :func:`normalize_graph`.

    neighbors : {"auto", "exact", "approximate"}, default="auto"
        How ``method="knn"`` searches among the training samples. "approximate"
        takes pynndescent (``pip install 'skomics[graph]'``); "auto" does so above
        50,000 samples. New samples are always linked exactly.

    isolated : {"link", "keep"}, default="link"
        What becomes of a sample that has no neighbor within the threshold:
        "link" ties it to its nearest sample, "keep" leaves it with its self loop
        only, as the published code of MOGONET does.

    random_state : int, RandomState instance or None, default=None
        Randomness of the approximate search.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_samples, n_samples)
        Symmetric weights with an empty diagonal. With ``isolated="keep"``, a sample
        may have none.

    graph_ : csr_array of shape (n_samples, n_samples)
        Normalized adjacency with self loops.

    threshold_ : float
        Cosine distance up to which pairs are linked, for ``method="threshold"``.

    n_features_in_ : int
        Number of features seen during `fit`.

    Notes
    -----
    With ``isolated="link"``, a sample that has no neighbor within the threshold is
    linked to its nearest one. Among neighbors at equal distance, "knn" takes those
    that come first.

    Distances are computed in chunks; no matrix of all pairs is kept.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks", Nature Communications 12:3445.

    Dong, Moses and Li (2011), "Efficient k-nearest neighbor graph construction for
    generic similarity measures", WWW (the approximate search).

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.graph import SampleGraph
    >>> X = np.random.default_rng(0).normal(size=(30, 5))
    >>> graph = SampleGraph(k=4).fit(X[:20])
    >>> links, self_weights = graph.link(X[20:])
    >>> graph.adjacency_.shape, links.shape, self_weights.shape
    ((20, 20), (10, 20), (10,))
    """

    _parameter_constraints = {
        "method": [StrOptions({"threshold", "knn"})],
        "k": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions({"cosine", "rbf"})],
        "normalization": [StrOptions({"rw", "sym"})],
        "neighbors": [StrOptions({"auto", "exact", "approximate"})],
        "isolated": [StrOptions({"link", "keep"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        method: Literal["threshold", "knn"] = "threshold",
        k: int = 10,
        kernel: Literal["cosine", "rbf"] = "cosine",
        normalization: Literal["rw", "sym"] = "rw",
        neighbors: Literal["auto", "exact", "approximate"] = "auto",
        isolated: Literal["link", "keep"] = "link",
        random_state: RandomState = None,
    ) -> None:
        self.method = method
        self.k = k
        self.kernel = kernel
        self.normalization = normalization
        self.neighbors = neighbors
        self.isolated = isolated
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn the graph of the training samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples, at least two.

        y : None
            Ignored.

        Returns
        -------
        self : SampleGraph
            The fitted graph.
        """
        self._check_method()
        X = validate_data(self, X, ensure_min_samples=2, dtype=np.float64)
        self._center = X.mean(axis=0)
        self._references = self._prepared(X)
        edges = self._fit_threshold() if self.method == "threshold" else self._fit_knn()
        self.adjacency_ = mutual_maximum(edges)
        self.graph_ = normalize_graph(self.adjacency_, self.normalization)
        return self

    def link(self, X: ArrayLike) -> tuple[sparse.csr_array, np.ndarray]:
        """Link new samples to training samples, each by itself.

        Parameters
        ----------
        X : array-like of shape (n_new, n_features)
            New samples.

        Returns
        -------
        links : csr_array of shape (n_new, n_samples)
            Normalized weights of the links to training samples.

        self_weights : ndarray of shape (n_new,)
            Normalized weights of the self loops.
        """
        X = self._check_new(X)
        links = self._links(X)
        lonely = _without_edges(links)
        if len(lonely) and self.isolated == "link":
            links = links + _nearest_links(X, self._references, lonely)
        return normalize_links(links, self.adjacency_, self.normalization)

    def join(self, X: ArrayLike) -> sparse.csr_array:
        """Join training and new samples in one graph, as MOGONET does at test time.

        Only pairs of a training and a new sample are linked, so that training
        samples hang together through new samples alone.

        Parameters
        ----------
        X : array-like of shape (n_new, n_features)
            New samples.

        Returns
        -------
        graph : csr_array of shape (n_samples + n_new, n_samples + n_new)
            Normalized graph with self loops, the training samples first.
        """
        return join_links(self._links(self._check_new(X)), self.normalization)

    def _check_method(self):
        """Raise for what goes with ``method='knn'`` only."""
        if self.method != "threshold":
            return
        for name, value in (("kernel", "rbf"), ("neighbors", "approximate")):
            if getattr(self, name) == value:
                raise ValueError(
                    f"{name}={value!r} was given with method='threshold', which "
                    "compares the cosine distances of all pairs. Use method='knn' "
                    f"with it, or leave {name} at its default."
                )

    @property
    def _metric(self):
        """Return the metric of the nearest-neighbor search."""
        return "cosine" if self.kernel == "cosine" else "euclidean"

    def _prepared(self, X):
        """Return what distances are taken of."""
        return normalize(X) if self.kernel == "cosine" else X - self._center

    def _check_new(self, X):
        """Return new samples, prepared as the training samples are."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self._prepared(X)

    def _fit_threshold(self):
        """Return the edges within the threshold, which is kept."""
        self.threshold_, edges = _mean_degree_edges(self._references, self.k)
        edges = mutual_maximum(edges)
        lonely = _without_edges(edges)
        if len(lonely) == 0 or self.isolated == "keep":
            return edges
        return edges.maximum(
            _nearest_links(self._references, self._references, lonely, own=lonely)
        )

    def _fit_knn(self):
        """Return the edges to the k nearest, and keep each sample's scale."""
        n_samples = len(self._references)
        distances, indices = search_neighbors(
            self._references,
            min(self.k, n_samples - 1),
            metric=self._metric,
            method=self.neighbors,
            random_state=self.random_state,
        )
        self._scales = distances.mean(axis=1)
        return as_graph(self._weights(distances, indices), indices, n_samples)

    def _links(self, X):
        """Return weights of links, of which a sample may have none."""
        n_references = len(self._references)
        if self.method == "threshold":
            return _edges_within(X, self._references, self.threshold_)
        k = min(self.k, n_references)
        distances, indices = nearest(X, self._references, k, metric=self._metric)
        return as_graph(self._weights(distances, indices), indices, n_references)

    def _weights(self, distances, indices):
        """Return edge weights by the kernel."""
        if self.kernel == "cosine":
            return _similarity(distances)
        ours = distances.mean(axis=1, keepdims=True)
        squares = distances**2
        # Not zero where a sample and its neighbors are all alike.
        width = 2 * ours * self._scales[indices] + 1e-12 * squares + TINY
        return np.maximum(np.exp(-squares / width), MIN_WEIGHT)
