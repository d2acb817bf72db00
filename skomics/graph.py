"""Sample-similarity graphs, learned from training samples only.

A graph links patients who look alike in an omics. It is learned from the training
samples; a new sample is linked to training samples afterwards, one by one and in
that direction only, so that its links depend on no other new sample.
"""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from skomics._validation import Interval, StrOptions, _fit_context

__all__ = ["MultiOmicsGraph", "SampleGraph", "normalize_graph"]


def normalize_graph(adjacency, normalization="rw"):
    r"""Add self loops and normalise a graph for a convolution.

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
        Normalised graph; with "rw", rows sum to 1.

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


def _nearest(X, references, n_neighbors, *, metric, exclude_self=False):
    """Return distances and indices of the nearest references of each sample."""
    index = NearestNeighbors(n_neighbors=n_neighbors, metric=metric, algorithm="auto")
    index.fit(references)
    # Without X, scikit-learn leaves each sample out of its own neighbours.
    return index.kneighbors(None if exclude_self else X)


def _as_graph(distances, indices, weights, n_references):
    indptr = np.arange(0, indices.size + 1, indices.shape[1])
    shape = (len(distances), n_references)
    return sparse.csr_array((weights.ravel(), indices.ravel(), indptr), shape=shape)


def _mutual_maximum(graph):
    graph = sparse.csr_array(graph)
    return sparse.csr_array(graph.maximum(graph.T))


class SampleGraph(BaseEstimator):
    r"""Graph of similar samples, with links for samples that come later.

    Parameters
    ----------
    method : {"threshold", "knn"}, default="threshold"
        "threshold" links all pairs that are closer than a common cosine
        distance, chosen so that the mean number of neighbours is ``k - 1``, as in
        MOGONET (where ``k n`` entries of the distance matrix, its `n` zeros
        included, lie below the threshold). "knn" links each sample to its `k`
        nearest ones.

    k : int, default=10
        Number that governs the neighbours; cut to what the samples allow.

    kernel : {"cosine", "rbf"}, default="cosine"
        Weight of an edge: cosine similarity, or
        :math:`\exp(-d^2 / 2 \sigma_i \sigma_j)` of the Euclidean distance `d` with
        :math:`\sigma` each sample's mean distance to its neighbours. "rbf" needs
        ``method="knn"``.

    normalization : {"rw", "sym"}, default="rw"
        As in :func:`normalize_graph`.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_samples, n_samples)
        Symmetric weights with an empty diagonal. Every sample has a neighbour.

    graph_ : csr_array of shape (n_samples, n_samples)
        Normalised adjacency with self loops.

    threshold_ : float
        Largest cosine distance of a linked pair, for ``method="threshold"``.

    n_features_in_ : int
        Number of features seen during `fit`.

    Notes
    -----
    Distances are computed in chunks; no matrix of all pairs is kept.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks", Nature Communications 12:3445.

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.graph import SampleGraph
    >>> X = np.random.default_rng(0).normal(size=(30, 5))
    >>> graph = SampleGraph(k=4).fit(X[:20])
    >>> graph.adjacency_.shape, graph.link(X[20:])[0].shape
    ((20, 20), (10, 20))
    """

    _parameter_constraints = {
        "method": [StrOptions({"threshold", "knn"})],
        "k": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions({"cosine", "rbf"})],
        "normalization": [StrOptions({"rw", "sym"})],
    }

    def __init__(
        self, *, method="threshold", k=10, kernel="cosine", normalization="rw"
    ):
        self.method = method
        self.k = k
        self.kernel = kernel
        self.normalization = normalization

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
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
        if self.kernel == "rbf" and self.method == "threshold":
            raise ValueError(
                "kernel='rbf' has no common cosine threshold; use method='knn' with it."
            )
        X = validate_data(self, X, ensure_min_samples=2, dtype=np.float64)
        self._references = normalize(X) if self.kernel == "cosine" else X
        nearest = self._link_knn(None, 1 if self.method == "threshold" else self.k)
        if self.method == "threshold":
            self.threshold_ = _mean_degree_threshold(self._references, self.k)
            close = _edges_within(
                self._references, self._references, self.threshold_, skip_diagonal=True
            )
            nearest = _mutual_maximum(close).maximum(_mutual_maximum(nearest))
        self.adjacency_ = _mutual_maximum(nearest)
        self.graph_ = normalize_graph(self.adjacency_, self.normalization)
        return self

    def link(self, X):
        """Link new samples to training samples, each by itself.

        Parameters
        ----------
        X : array-like of shape (n_new, n_features)
            New samples.

        Returns
        -------
        links : csr_array of shape (n_new, n_samples)
            Normalised weights of the links to training samples.

        self_weights : ndarray of shape (n_new,)
            Normalised weights of the self loops.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        X = normalize(X) if self.kernel == "cosine" else X
        links = self._link_knn(X, 1 if self.method == "threshold" else self.k)
        if self.method == "threshold":
            close = _edges_within(X, self._references, self.threshold_)
            links = sparse.csr_array(close.maximum(links))
        return _normalize_links(links, self.adjacency_, self.normalization)

    def join(self, X):
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
            Normalised graph with self loops, the training samples first.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        X = normalize(X) if self.kernel == "cosine" else X
        if self.method == "threshold":
            links = _edges_within(X, self._references, self.threshold_)
        else:
            links = self._link_knn(X, self.k)
        joined = sparse.block_array([[None, links.T], [links, None]], format="csr")
        return normalize_graph(joined, self.normalization)

    def _link_knn(self, X, k):
        """Return weights of the k nearest training samples of each row."""
        n_references = len(self._references)
        exclude_self = X is None
        k = min(k, n_references - exclude_self)
        # On vectors of length 1, the Euclidean order is the cosine order.
        distances, indices = _nearest(
            X, self._references, k, metric="euclidean", exclude_self=exclude_self
        )
        if self.kernel == "cosine":
            weights = _similarity(distances**2 / 2)
        else:
            scale = distances.mean(axis=1)
            if exclude_self:
                self._scales = scale
            sigma = scale[:, None] * self._scales[indices]
            weights = np.exp(-(distances**2) / (2 * sigma + 1e-12))
        return _as_graph(distances, indices, weights, n_references)


def _similarity(cosine_distance):
    """Return cosine similarities as edge weights, which must be positive."""
    # NOTE[DIFF]: the published code lets a negative similarity through where the
    # threshold is above 1, or where a node has none but distant neighbours.
    return np.maximum(1 - cosine_distance, 1e-6)


def _distance_chunks(X, references):
    """Yield the first row and cosine distances of one chunk of unit vectors."""
    n_rows = max(1, 2**22 // len(references))
    for start in range(0, len(X), n_rows):
        yield start, 1 - X[start : start + n_rows] @ references.T


# Distances closer than this are taken for equal: a pair's two entries may differ
# by rounding.
_TIE = 1e-10
_N_TIES = 64


def _mean_degree_threshold(X, k):
    """Return the distance within which lie (k - 1) n ordered pairs of samples."""
    n_samples = len(X)
    # MOGONET takes entry number k n of the sorted matrix, counted from 0 and
    # with the n zeros of the diagonal: entry (k - 1) n of the pairs.
    wanted = min((k - 1) * n_samples, n_samples * (n_samples - 1) - 1)
    if wanted <= 0:
        return -1.0
    n_kept = wanted + _N_TIES
    smallest = np.empty(0)
    for start, distances in _distance_chunks(X, X):
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        smallest = np.concatenate([smallest, distances.ravel()])
        if len(smallest) > n_kept:
            smallest = np.partition(smallest, n_kept - 1)[:n_kept]
    smallest = np.sort(smallest[np.isfinite(smallest)])
    # Halfway to the next larger distance: rounding that depends on the size of a
    # matrix product must not decide about an edge.
    chosen = smallest[wanted]
    larger = smallest[smallest > chosen + _TIE]
    return float((chosen + larger[0]) / 2 if len(larger) else chosen + _TIE)


def _edges_within(X, references, threshold, skip_diagonal=False):
    """Return similarities of all pairs that are not farther than a threshold."""
    parts = []
    for start, distances in _distance_chunks(X, references):
        is_close = distances <= threshold
        if skip_diagonal:
            rows = np.arange(len(distances))
            is_close[rows, start + rows] = False
        rows, columns = np.nonzero(is_close)
        weights = _similarity(distances[rows, columns])
        parts.append(sparse.csr_array((weights, (rows, columns)), distances.shape))
    return sparse.vstack(parts, format="csr")


def _normalize_links(links, adjacency, normalization):
    """Normalise new rows as if each alone had joined the training graph."""
    degree = links.sum(axis=1) + 1
    if normalization == "rw":
        return sparse.csr_array(sparse.diags_array(1 / degree) @ links), 1 / degree
    ours = sparse.diags_array(1 / np.sqrt(degree))
    theirs = sparse.diags_array(1 / np.sqrt(adjacency.sum(axis=1) + 1))
    return sparse.csr_array(ours @ links @ theirs), 1 / degree


class MultiOmicsGraph(BaseEstimator):
    """A graph of similar samples for each omics, or one for all omics.

    Parameters
    ----------
    method : {"threshold", "knn"}, default="threshold"
        A graph per omics, as in :class:`SampleGraph`.

    k : int, default=10
        Number that governs the neighbours.

    kernel : {"cosine", "rbf"}, default="cosine"
        Weight of an edge.

    normalization : {"rw", "sym"}, default="rw"
        As in :func:`normalize_graph`.

    Attributes
    ----------
    graphs_ : list of csr_array of shape (n_samples, n_samples)
        Normalised graph of each omics, with self loops.
    """

    _parameter_constraints = {
        **SampleGraph._parameter_constraints,
        "method": [StrOptions({"threshold", "knn"})],
    }

    def __init__(
        self, *, method="threshold", k=10, kernel="cosine", normalization="rw"
    ):
        self.method = method
        self.k = k
        self.kernel = kernel
        self.normalization = normalization

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, blocks, y=None):
        """Learn the graphs of the training samples.

        Parameters
        ----------
        blocks : list of array-like of shape (n_samples, n_features)
            Training samples, one table per omics.

        y : None
            Ignored.

        Returns
        -------
        self : MultiOmicsGraph
            The fitted graphs.
        """
        params = self.get_params()
        self._members = [SampleGraph(**params).fit(block) for block in blocks]
        self.graphs_ = [member.graph_ for member in self._members]
        return self

    def link(self, blocks):
        """Link new samples to training samples, each by itself.

        Parameters
        ----------
        blocks : list of array-like of shape (n_new, n_features)
            New samples, one table per omics.

        Returns
        -------
        links : list of (csr_array of shape (n_new, n_samples), ndarray)
            What :meth:`SampleGraph.link` returns, per omics.
        """
        check_is_fitted(self)
        pairs = zip(self._members, blocks, strict=True)
        return [member.link(block) for member, block in pairs]

    def join(self, blocks):
        """Join training and new samples in one graph per omics.

        Parameters
        ----------
        blocks : list of array-like of shape (n_new, n_features)
            New samples, one table per omics.

        Returns
        -------
        graphs : list of csr_array
            What :meth:`SampleGraph.join` returns, per omics.
        """
        check_is_fitted(self)
        pairs = zip(self._members, blocks, strict=True)
        return [member.join(block) for member, block in pairs]
