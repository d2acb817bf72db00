"""Sample-similarity graphs, learned from training samples only.

A graph links patients who look alike in an omics, or in all of them. It is learned
from the training samples; a new sample is linked to training samples afterwards,
one by one and in that direction only, so that its links depend on no other new
sample.
"""

from functools import partial
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skomics._compat import Interval, StrOptions, _fit_context
from skomics._optional import import_optional
from skomics._transaction import whole
from skomics._validation import raise_if_not_finite

__all__ = ["MultiOmicsGraph", "SampleGraph", "normalize_graph"]

# Distances of a chunk of samples to all others that are held at a time: 16 MB.
_CHUNK = 2**21
# Cosine distances closer than this are taken for equal. The same two samples may
# differ by rounding, about 1e-15, between matrix products of different sizes.
_TIE = 1e-10
# Pairs beyond the threshold that are kept to find the next larger distance.
_N_TIES = 64
# Every edge has a positive weight, so that none is lost in a sparse matrix.
_MIN_WEIGHT = 1e-6
# Keeps a division by zero away where samples are all alike.
_TINY = np.finfo(np.float64).tiny
# Above this many samples, nearest neighbours are searched approximately.
_EXACT_LIMIT = 50_000
# Neighbours that the approximate search looks for, of which the k nearest are
# taken: with few, it misses most in data of many dimensions.
_N_SEARCHED = 50


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


def _normalize_links(links, adjacency, normalization):
    """Normalise new rows as if each alone had joined the training graph."""
    degree = links.sum(axis=1) + 1
    if normalization == "rw":
        return sparse.csr_array(sparse.diags_array(1 / degree) @ links), 1 / degree
    ours = sparse.diags_array(1 / np.sqrt(degree))
    theirs = sparse.diags_array(1 / np.sqrt(adjacency.sum(axis=1) + 1))
    return sparse.csr_array(ours @ links @ theirs), 1 / degree


def _join(links, normalization):
    """Return a graph of training and new samples that has no other links."""
    joined = sparse.block_array([[None, links.T], [links, None]], format="csr")
    return normalize_graph(joined, normalization)


def _mutual_maximum(graph):
    return sparse.csr_array(graph.maximum(graph.T))


def _as_graph(weights, indices, n_columns):
    """Return a csr array from as many weights and indices for every row."""
    indptr = np.arange(0, indices.size + 1, indices.shape[1])
    shape = (len(indices), n_columns)
    return sparse.csr_array((weights.ravel(), indices.ravel(), indptr), shape=shape)


# Nearest neighbours. scikit-learn's search breaks ties by rounding, so that a
# sample's neighbours would depend on how many samples are searched for at once.


def _distance_chunks(X, references, metric):
    """Yield the place, distances and tolerance of one chunk of rows after another.

    Distances are 1 - cosine similarity for vectors of length 1, or the square of
    the Euclidean distance. The tolerance, per row, is above any rounding.
    """
    n_rows = max(1, _CHUNK // len(references))
    lengths = (references**2).sum(axis=1)
    for start in range(0, len(X), n_rows):
        rows = slice(start, min(start + n_rows, len(X)))
        products = X[rows] @ references.T
        if metric == "cosine":
            distances, tolerance = 1 - products, np.full(len(products), _TIE)
        else:
            ours = (X[rows] ** 2).sum(axis=1)
            distances = ours[:, None] + lengths - 2 * products
            np.maximum(distances, 0, out=distances)
            tolerance = 1e-12 * (ours + lengths.mean()) + _TINY
        yield rows, distances, tolerance


def _smallest(distances, k, tolerance):
    """Return the columns of each row's k smallest; among equals, the first."""
    bound = np.partition(distances, k - 1, axis=1)[:, k - 1] + tolerance
    rows, columns = np.nonzero(distances <= bound[:, None])
    rounded = np.rint(distances[rows, columns] / tolerance[rows])
    order = np.lexsort((columns, rounded, rows))
    first = np.searchsorted(rows, np.arange(len(distances)))
    return columns[order[first[:, None] + np.arange(k)]]


def _pair_distances(X, references, indices, metric):
    """Return the distances of each row of X to some references, one by one.

    Unlike those of a matrix product, they depend on no other row in any bit.
    """
    distances = np.empty(indices.shape)
    n_rows = max(1, _CHUNK // (indices.shape[1] * X.shape[1]))
    for start in range(0, len(X), n_rows):
        rows = slice(start, start + n_rows)
        ours, theirs = X[rows, None], references[indices[rows]]
        if metric == "cosine":
            distances[rows] = 1 - (ours * theirs).sum(axis=2)
        else:
            distances[rows] = np.sqrt(((ours - theirs) ** 2).sum(axis=2))
    return distances


def _nearest(X, references, k, *, metric, own=None):
    """Return distances and indices of the k nearest references of each row.

    `own` holds the position of each row among the references, where it is one of
    them and must not find itself.
    """
    indices = np.empty((len(X), k), dtype=np.int64)
    for rows, distances, tolerance in _distance_chunks(X, references, metric):
        if own is not None:
            distances[np.arange(len(distances)), own[rows]] = np.inf
        indices[rows] = _smallest(distances, k, tolerance)
    return _pair_distances(X, references, indices, metric), indices


def _approximate_nearest(X, k, *, metric, random_state):
    """Return distances and indices of about the k nearest other rows."""
    pynndescent = import_optional("pynndescent", extra="graph")
    search = pynndescent.PyNNDescentTransformer(
        n_neighbors=min(max(k, _N_SEARCHED), len(X) - 1),
        metric="euclidean",
        random_state=random_state,
    )
    found = search.fit_transform(X.astype(np.float32)).tocoo()
    other = found.row != found.col
    row, column, distance = (a[other] for a in (found.row, found.col, found.data))
    order = np.lexsort((column, distance, row))
    counts = np.bincount(row, minlength=len(X))
    first = np.cumsum(counts) - counts
    # The search may miss some; those rows are searched exactly.
    short = np.flatnonzero(counts < k)
    place = np.minimum(first[:, None] + np.arange(k), len(order) - 1)
    indices = column[order[place]].astype(np.int64)
    if len(short):
        indices[short] = _nearest(X[short], X, k, metric=metric, own=short)[1]
    return _pair_distances(X, X, indices, metric), indices


def _neighbors(X, k, *, metric, method, random_state):
    """Return distances and indices of the k nearest other rows, as told."""
    if method == "auto":
        method = "exact" if len(X) <= _EXACT_LIMIT else "approximate"
    if method == "exact":
        return _nearest(X, X, k, metric=metric, own=np.arange(len(X)))
    return _approximate_nearest(X, k, metric=metric, random_state=random_state)


# The graph of MOGONET.


def _similarity(cosine_distance):
    """Return cosine similarities as edge weights, which must be positive."""
    # NOTE[DIFF]: the published code lets a negative similarity through where the
    # threshold is above 1. Here, too, a sample's nearest one may be so far.
    return np.maximum(1 - cosine_distance, _MIN_WEIGHT)


def _kth_smallest(values, k):
    return np.partition(values, k - 1)[k - 1] if len(values) >= k else np.inf


def _closest_pairs(X, n_pairs):
    """Return rows, columns and distances of the closest pairs of unit vectors.

    Each pair is there once, with every pair that is as close as the last, and few
    others.
    """
    pairs, bound, start = np.empty((3, 0)), 4.0, 0
    while start < len(X):
        stop = start + max(1, _CHUNK // (len(X) - start))
        distances = 1 - X[start:stop] @ X[start:].T
        distances[np.tri(*distances.shape, dtype=bool)] = np.inf
        close = distances[distances <= bound]
        bound = min(bound, _kth_smallest(close, n_pairs) + _TIE)
        rows, columns = np.nonzero(distances <= bound)
        new = np.stack([start + rows, start + columns, distances[rows, columns]])
        pairs = np.concatenate([pairs, new], axis=1)
        bound = min(bound, _kth_smallest(pairs[2], n_pairs) + _TIE)
        pairs = pairs[:, pairs[2] <= bound]
        start = stop
    return pairs[0].astype(np.int64), pairs[1].astype(np.int64), pairs[2]


def _mean_degree_edges(X, k):
    """Return MOGONET's threshold, and each linked pair once with its similarity."""
    n_samples = len(X)
    # MOGONET takes entry number k n of the sorted matrix, counted from 0 and with
    # the n zeros of the diagonal: entry (k - 1) n of the pairs, each there twice.
    last = min((k - 1) * n_samples, n_samples * (n_samples - 1) - 1) // 2
    rows, columns, distances = _closest_pairs(X, last + 1 + _N_TIES)
    ordered = np.sort(distances)
    larger = ordered[ordered > ordered[last] + _TIE]
    # Halfway to the next larger distance: rounding that depends on the size of a
    # matrix product must not decide about an edge.
    next_one = larger[0] if len(larger) else ordered[last] + 2 * _TIE
    threshold = float((ordered[last] + next_one) / 2)
    close = distances <= threshold
    edges = (_similarity(distances[close]), (rows[close], columns[close]))
    return threshold, sparse.csr_array(edges, shape=(n_samples, n_samples))


def _nearest_links(X, references, lonely, own=None):
    """Return the similarity of some rows to the nearest reference of each."""
    distances, indices = _nearest(X[lonely], references, 1, metric="cosine", own=own)
    edges = (_similarity(distances[:, 0]), (lonely, indices[:, 0]))
    return sparse.csr_array(edges, shape=(len(X), len(references)))


def _edges_within(X, references, threshold):
    """Return similarities of all pairs that are not farther than a threshold."""
    parts = []
    for _, distances, _ in _distance_chunks(X, references, "cosine"):
        rows, columns = np.nonzero(distances <= threshold)
        weights = _similarity(distances[rows, columns])
        parts.append(sparse.csr_array((weights, (rows, columns)), distances.shape))
    return sparse.vstack(parts, format="csr")


def _without_edges(graph):
    return np.flatnonzero(np.diff(graph.indptr) == 0)


class SampleGraph(BaseEstimator):
    r"""Graph of similar samples, with links for samples that come later.

    Parameters
    ----------
    method : {"threshold", "knn"}, default="threshold"
        "threshold" links all pairs that are closer than a common cosine distance,
        chosen so that the mean number of neighbours is ``k - 1``, as in MOGONET
        (where ``k n`` entries of the distance matrix, its `n` zeros included, lie
        below the threshold). "knn" links each sample to its `k` nearest ones.

    k : int, default=10
        Number that governs the neighbours; cut to what the samples allow.

    kernel : {"cosine", "rbf"}, default="cosine"
        Weight of an edge: cosine similarity, or
        :math:`\exp(-d^2 / 2 \sigma_i \sigma_j)` of the Euclidean distance `d` with
        :math:`\sigma` each sample's mean distance to its neighbours. "rbf" needs
        ``method="knn"``.

    normalization : {"rw", "sym"}, default="rw"
        As in :func:`normalize_graph`.

    neighbors : {"auto", "exact", "approximate"}, default="auto"
        How ``method="knn"`` searches among the training samples. "approximate"
        takes pynndescent (``pip install 'skomics[graph]'``); "auto" does so above
        50,000 samples. New samples are always linked exactly.

    isolated : {"link", "keep"}, default="link"
        What becomes of a sample that has no neighbour within the threshold:
        "link" ties it to its nearest sample, "keep" leaves it with its self loop
        only, as the published code of MOGONET does.

    random_state : int, RandomState instance or None, default=None
        Randomness of the approximate search.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_samples, n_samples)
        Symmetric weights with an empty diagonal. Every sample has a neighbour.

    graph_ : csr_array of shape (n_samples, n_samples)
        Normalised adjacency with self loops.

    threshold_ : float
        Cosine distance up to which pairs are linked, for ``method="threshold"``.

    n_features_in_ : int
        Number of features seen during `fit`.

    Notes
    -----
    A sample that has no neighbour within the threshold is linked to its nearest
    one. Among neighbours at equal distance, "knn" takes those that come first.

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
        method="threshold",
        k=10,
        kernel="cosine",
        normalization="rw",
        neighbors="auto",
        isolated="link",
        random_state=None,
    ):
        self.method = method
        self.k = k
        self.kernel = kernel
        self.normalization = normalization
        self.neighbors = neighbors
        self.isolated = isolated
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
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
        self._check_method()
        X = validate_data(self, X, ensure_min_samples=2, dtype=np.float64)
        self._center = X.mean(axis=0)
        self._references = self._prepared(X)
        edges = self._fit_threshold() if self.method == "threshold" else self._fit_knn()
        self.adjacency_ = _mutual_maximum(edges)
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
        X = self._check_new(X)
        links = self._links(X)
        lonely = _without_edges(links)
        if len(lonely) and self.isolated == "link":
            links = links + _nearest_links(X, self._references, lonely)
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
        return _join(self._links(self._check_new(X)), self.normalization)

    def _check_method(self):
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
        return "cosine" if self.kernel == "cosine" else "euclidean"

    def _prepared(self, X):
        """Return what distances are taken of."""
        return normalize(X) if self.kernel == "cosine" else X - self._center

    def _check_new(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self._prepared(X)

    def _fit_threshold(self):
        self.threshold_, edges = _mean_degree_edges(self._references, self.k)
        edges = _mutual_maximum(edges)
        lonely = _without_edges(edges)
        if len(lonely) == 0 or self.isolated == "keep":
            return edges
        return edges.maximum(
            _nearest_links(self._references, self._references, lonely, own=lonely)
        )

    def _fit_knn(self):
        n_samples = len(self._references)
        distances, indices = _neighbors(
            self._references,
            min(self.k, n_samples - 1),
            metric=self._metric,
            method=self.neighbors,
            random_state=self.random_state,
        )
        self._scales = distances.mean(axis=1)
        return _as_graph(self._weights(distances, indices), indices, n_samples)

    def _links(self, X):
        """Return weights of links, of which a sample may have none."""
        n_references = len(self._references)
        if self.method == "threshold":
            return _edges_within(X, self._references, self.threshold_)
        k = min(self.k, n_references)
        distances, indices = _nearest(X, self._references, k, metric=self._metric)
        return _as_graph(self._weights(distances, indices), indices, n_references)

    def _weights(self, distances, indices):
        if self.kernel == "cosine":
            return _similarity(distances)
        ours = distances.mean(axis=1, keepdims=True)
        squares = distances**2
        # Not zero where a sample and its neighbours are all alike.
        width = 2 * ours * self._scales[indices] + 1e-12 * squares + _TINY
        return np.maximum(np.exp(-squares / width), _MIN_WEIGHT)


# Graphs of all omics. Each of the two classes has `fit`, which returns the weights
# of training samples' neighbours, and `link`, which returns those of new samples.


def _strongest(graph, k):
    """Keep the k largest weights of each row, relative to the largest of them.

    A sample's nearest neighbour so weighs as much as its self loop, as it nearly
    does in a graph of cosine similarities.
    """
    graph = sparse.csr_array(graph)
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    order = np.lexsort((graph.indices, -graph.data, rows))
    rank = np.arange(graph.nnz) - graph.indptr[rows]
    kept, rows = order[rank < k], rows[rank < k]
    largest = graph.data[order[graph.indptr[:-1]]]
    weights = np.maximum(graph.data[kept] / largest[rows], _MIN_WEIGHT)
    edges = (weights, (rows, graph.indices[kept]))
    return sparse.csr_array(edges, shape=graph.shape)


def _sparse_rows(dense, k):
    """Return a csr array of the k largest entries of each row."""
    indices = np.empty((len(dense), k), dtype=np.int64)
    n_rows = max(1, _CHUNK // dense.shape[1])
    for start in range(0, len(dense), n_rows):
        rows = slice(start, start + n_rows)
        indices[rows] = np.argpartition(dense[rows], -k, axis=1)[:, -k:]
    weights = np.take_along_axis(dense, indices, axis=1)
    return _as_graph(weights, indices, dense.shape[1])


class _Nemo:
    """Neighbourhood-based similarity; see the notes of :class:`MultiOmicsGraph`."""

    def __init__(self, k):
        self._k = k

    def fit(self, blocks, search):
        self._measured = np.stack([_is_measured(X) for X in blocks], axis=1)
        self._parts = [_NemoOmics(self._k) for _ in blocks]
        pairs = zip(self._parts, blocks, self._measured.T, strict=True)
        total = sum(part.fit(X, measured, search) for part, X, measured in pairs)
        return self._mean(total, self._measured)

    def link(self, blocks):
        measured = np.stack([_is_measured(X) for X in blocks], axis=1)
        pairs = zip(self._parts, blocks, measured.T, strict=True)
        return self._mean(sum(part.link(X, m) for part, X, m in pairs), measured)

    def _mean(self, total, measured):
        total = total.tocoo()
        shared = measured[total.row] & self._measured[total.col]
        total.data = total.data / shared.sum(axis=1)
        return _strongest(total, self._k)


class _NemoOmics:
    """What :class:`_Nemo` keeps of one omics."""

    def __init__(self, k):
        self._k = k

    def fit(self, X, measured, search):
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
        relative = _as_graph(similarity / self._mass[:, None], indices, len(X))
        return self._among_all(relative + relative.T, self._samples, self._n)

    def link(self, X, measured):
        """Return R of new samples, whose neighbours are training samples."""
        k = min(self._k, len(self._references))
        new = X[measured] - self._center
        distances, indices = _nearest(new, self._references, k, metric="euclidean")
        spread = (distances**2).mean(axis=1)
        similarity = self._similarity(distances, spread, indices)
        # The second term: the new sample is as near as a training sample's own
        # neighbours, which stay as they are.
        within = distances <= self._reach[indices]
        weights = similarity / similarity.sum(axis=1, keepdims=True)
        weights += within * similarity / self._mass[indices]
        links = _as_graph(weights, indices, len(self._references))
        return self._among_all(links, np.flatnonzero(measured), len(measured))

    def _similarity(self, distances, spread, indices):
        variance = (spread[:, None] + self._spread[indices] + distances**2) / 3
        variance = np.maximum(variance, _TINY)
        # Without the constant 1 / sqrt(2 pi), which R is free of.
        return np.exp(-(distances**2) / (2 * variance)) / np.sqrt(variance)

    def _among_all(self, graph, rows, n_rows):
        """Give samples that lack this omics empty rows and columns."""
        graph = graph.tocoo()
        edges = (graph.data, (rows[graph.row], self._samples[graph.col]))
        return sparse.csr_array(edges, shape=(n_rows, self._n))


# Similarity network fusion keeps a matrix of all pairs per omics, and about six
# more while it computes: 7 GB for 10,000 samples and three omics.
_SNF_LIMIT = 10_000
_SNF_WIDTH = 0.5
_SNF_STEPS = 20


class _SimilarityNetworkFusion:
    """Similarity network fusion; see the notes of :class:`MultiOmicsGraph`."""

    def __init__(self, k):
        self._k = k

    def fit(self, blocks, search):
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
        total = sum(status[1:], start=status[0])
        # Whole, they would take as much memory in a fitted model as in fitting.
        k = min(self._neighbors + 1, len(total))
        self._others = [
            _sparse_rows(_mean_of_others(total, own, status), k) for own in status
        ]
        np.fill_diagonal(total, 0)
        return _strongest(_sparse_rows(total, self._neighbors), self._k)

    def link(self, blocks):
        """Spread each new sample's sparse kernel by the fused training samples.

        This is our inductive extension: the new row of S times the other omics'
        mean P, of which each row's largest entries are kept, averaged over omics.
        """
        total = 0
        for i, X in enumerate(blocks):
            distances, indices = _nearest(
                X - self._centers[i],
                self._references[i],
                min(self._k, len(self._references[i])),
                metric="euclidean",
            )
            ours, theirs = distances.mean(axis=1), self._scales[i][indices]
            weights = _scaled_exponential(distances, ours[:, None], theirs)
            weights /= weights.sum(axis=1, keepdims=True)
            kernel = _as_graph(weights, indices, len(self._references[i]))
            total = total + kernel @ self._others[i]
        return _strongest(total, self._k)


def _check_snf_size(n_samples, n_omics):
    if n_samples > _SNF_LIMIT:
        n_bytes = 8 * n_samples**2 * (n_omics + 6)
        raise ValueError(
            f"method='snf' was given {n_samples} samples, which would take "
            f"{n_bytes / 2**30:.0f} GiB, because it keeps matrices of all pairs. It "
            f"takes up to {_SNF_LIMIT} samples; use method='nemo', which is sparse, "
            "or method='knn'."
        )


def _scaled_exponential(distances, ours, theirs):
    scale = np.maximum((ours + theirs + distances) / 3, np.sqrt(_TINY))
    return np.exp(-((distances / scale) ** 2) / _SNF_WIDTH)


def _snf_weights(X, scales):
    """Return W of all pairs."""
    weights = np.empty((len(X), len(X)))
    for rows, distances, _ in _distance_chunks(X, X, "euclidean"):
        ours = scales[rows, None]
        weights[rows] = _scaled_exponential(np.sqrt(distances), ours, scales)
    return weights


def _sparse_kernel(weights, indices):
    """Return S, for which a sample is one of its own neighbours."""
    indices = np.column_stack([np.arange(len(indices)), indices])
    kernel = np.take_along_axis(weights, indices, axis=1)
    return _as_graph(kernel / kernel.sum(axis=1, keepdims=True), indices, len(weights))


def _scale_status(weights):
    """Turn weights into P, in place."""
    np.fill_diagonal(weights, 0)
    weights /= 2 * weights.sum(axis=1, keepdims=True)
    np.fill_diagonal(weights, 0.5)
    return weights


def _mean_of_others(total, own, status):
    # With one omics there is none but its own.
    return own if len(status) == 1 else (total - own) / (len(status) - 1)


def _diffuse(status, kernels):
    """Let every omics' status spread along the neighbours in the others."""
    for _ in range(_SNF_STEPS):
        total = sum(status[1:], start=status[0])
        for v, kernel in enumerate(kernels):
            spread = kernel @ _mean_of_others(total, status[v], status)
            # Freed before its successor is made: these matrices are large.
            status[v] = None
            spread = np.ascontiguousarray(spread.T)
            status[v] = _scale_status((kernel @ spread).T)
    return status


_FUSIONS = {"nemo": _Nemo, "snf": _SimilarityNetworkFusion}


def _is_measured(X):
    return ~np.isnan(X).all(axis=1)


class MultiOmicsGraph(BaseEstimator):
    r"""A graph of similar samples for each omics, or one of all omics.

    Parameters
    ----------
    method : {"threshold", "knn", "snf", "nemo"}, default="threshold"
        "threshold" and "knn" make a graph per omics, see :class:`SampleGraph`.
        "snf", similarity network fusion, and "nemo", neighbourhood-based
        multi-omics similarity, make one graph of all omics; see the notes.

    k : int, default=10
        Number that governs the neighbours; cut to what the samples allow.

    kernel : {"cosine", "rbf"}, default="cosine"
        Weight of an edge of a graph per omics. "snf" and "nemo" have kernels of
        their own.

    normalization : {"rw", "sym"}, default="rw"
        As in :func:`normalize_graph`.

    neighbors : {"auto", "exact", "approximate"}, default="auto"
        Search for nearest neighbours, as in :class:`SampleGraph`.

    isolated : {"link", "keep"}, default="link"
        What becomes of a sample that has no neighbour within the threshold:
        "link" ties it to its nearest sample, "keep" leaves it with its self loop
        only, as the published code of MOGONET does.

    random_state : int, RandomState instance or None, default=None
        Randomness of the approximate search.

    Attributes
    ----------
    graphs_ : list of csr_array of shape (n_samples, n_samples)
        Normalised graph of each omics, with self loops; with "snf" and "nemo", the
        same one for each.

    Notes
    -----
    A sample whose whole row in a block is NaN lacks that omics. In a graph per omics
    it has its self loop and nothing else; NEMO compares it by the omics that it has;
    SNF does not take it.

    **NEMO** compares two samples by their distance relative to the neighbourhoods
    of both, and averages that over the omics which both have. Within an omics, with
    :math:`\eta_i` the `k` nearest neighbours of sample `i` and `d` Euclidean
    distances,

    .. math::

        S_{ij} = \frac{1}{\sqrt{2 \pi} \sigma_{ij}}
                 e^{-d_{ij}^2 / 2 \sigma_{ij}^2}, \quad
        \sigma_{ij}^2 = \tfrac13 \Big(\tfrac1k \sum_{r \in \eta_i} d_{ir}^2
            + \tfrac1k \sum_{r \in \eta_j} d_{jr}^2 + d_{ij}^2\Big),

        R_{ij} = [j \in \eta_i] \frac{S_{ij}}{\sum_{r \in \eta_i} S_{ir}}
               + [i \in \eta_j] \frac{S_{ij}}{\sum_{r \in \eta_j} S_{jr}}.

    A new sample's neighbours are training samples, whose own neighbourhoods stay
    as they are.

    **SNF** lets the similarities of each omics diffuse along the neighbours in the
    others. For each of `m` omics, with :math:`N_i` sample `i` and its `k` nearest
    neighbours,

    .. math::

        W_{ij} = e^{-d_{ij}^2 / \mu \varepsilon_{ij}^2}, \quad
        \varepsilon_{ij} = \tfrac13 (\bar d_{i, N_i} + \bar d_{j, N_j} + d_{ij}),
        \quad \mu = 0.5.

    The full kernel :math:`P_v` is `W` with a diagonal of 1/2 and rows scaled such
    that the rest sums to 1/2; the sparse kernel :math:`S_v` is `W` among
    :math:`N_i`, with rows that sum to 1. Twenty times,
    :math:`P_v \leftarrow S_v (\sum_{u \ne v} P_u / (m - 1)) S_v^T`, then scaled as
    before; the mean of all :math:`P_v` is the result. During `fit` it keeps about
    m + 6 matrices of all pairs, 7 GB for 10,000 samples and three omics, and refuses
    more samples than that. A new sample's row
    is our inductive extension: its own sparse kernel on training samples, times the
    mean of the other omics' final P, of which the `k` largest entries of each row
    beside the diagonal are kept, averaged over the omics.

    NOTE[DIFF]: the paper on SNF prints :math:`d^2 / \mu \varepsilon`, which depends
    on the unit of measurement; squaring the scale removes it. The paper on NEMO
    takes the number of samples over the number of clusters for `k`.

    Of both, each sample keeps its `k` most similar ones, with weights relative to
    the largest; an edge of the graph weighs as much as the heavier of its two
    directions.

    References
    ----------
    Wang et al. (2014), "Similarity network fusion for aggregating data types on a
    genomic scale", Nature Methods 11:333.

    Rappoport and Shamir (2019), "NEMO: cancer subtyping by integration of partial
    multi-omic data", Bioinformatics 35:3348.

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.graph import MultiOmicsGraph
    >>> rng = np.random.default_rng(0)
    >>> rna, mirna = rng.normal(size=(30, 5)), rng.normal(size=(30, 8))
    >>> mirna[3] = np.nan
    >>> graph = MultiOmicsGraph(method="nemo", k=4).fit([rna[:20], mirna[:20]])
    >>> len(graph.graphs_), graph.graphs_[0].shape
    (2, (20, 20))
    >>> links, self_weights = graph.link([rna[20:], mirna[20:]])[0]
    >>> links.shape
    (10, 20)
    """

    _parameter_constraints = {
        **SampleGraph._parameter_constraints,
        "method": [StrOptions({"threshold", "knn", *_FUSIONS})],
    }

    def __init__(
        self,
        *,
        method="threshold",
        k=10,
        kernel="cosine",
        normalization="rw",
        neighbors="auto",
        isolated="link",
        random_state=None,
    ):
        self.method = method
        self.k = k
        self.kernel = kernel
        self.normalization = normalization
        self.neighbors = neighbors
        self.isolated = isolated
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
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
        blocks = self._check_blocks(blocks)
        _check_enough(blocks)
        self._n_features = [X.shape[1] for X in blocks]
        if self.method in _FUSIONS:
            self.graphs_ = [self._fit_fused(blocks)] * len(blocks)
            return self
        params = self.get_params()
        self._measured = [_is_measured(X) for X in blocks]
        pairs = list(zip(blocks, self._measured, strict=True))
        self._members = [SampleGraph(**params).fit(X[here]) for X, here in pairs]
        self.graphs_ = [
            _with_lonely(member.graph_, here)
            for member, here in zip(self._members, self._measured, strict=True)
        ]
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
        blocks = self._check_new(blocks)
        if self.method not in _FUSIONS:
            members = zip(self._members, self._measured, blocks, strict=True)
            return [_link_measured(*member) for member in members]
        links = self._fusion.link(blocks)
        links = _normalize_links(links, self._adjacency, self.normalization)
        return [links] * len(blocks)

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
        blocks = self._check_new(blocks)
        if self.method not in _FUSIONS:
            members = zip(self._members, self._measured, blocks, strict=True)
            return [_join_measured(*member) for member in members]
        joined = _join(self._fusion.link(blocks), self.normalization)
        return [joined] * len(blocks)

    def _fit_fused(self, blocks):
        search = partial(
            _neighbors,
            metric="euclidean",
            method=self.neighbors,
            random_state=self.random_state,
        )
        self._fusion = _FUSIONS[self.method](self.k)
        self._adjacency = _mutual_maximum(self._fusion.fit(blocks, search))
        return normalize_graph(self._adjacency, self.normalization)

    def _check_new(self, blocks):
        check_is_fitted(self)
        blocks = self._check_blocks(blocks)
        wanted, got = self._n_features, [X.shape[1] for X in blocks]
        if got != wanted:
            raise ValueError(
                f"Blocks have {got} features, but the graph was learned from blocks "
                f"with {wanted}. Give the same omics in the same order."
            )
        return blocks

    def _check_blocks(self, blocks):
        """Return finite float64 arrays, in which a whole row may be NaN."""
        blocks = [
            check_array(X, dtype=np.float64, ensure_all_finite=False) for X in blocks
        ]
        _check_lengths(blocks)
        measured = [_is_measured(X) for X in blocks]
        for i, (X, here) in enumerate(zip(blocks, measured, strict=True)):
            if self.method == "snf" and not here.all():
                raise ValueError(
                    f"Block {i} has no values for {(~here).sum()} sample(s), but "
                    "method='snf' needs all. Impute them, or use another method: "
                    "those take samples that lack an omics."
                )
            raise_if_not_finite(X[here], f"block {i}")
        _check_measured(measured)
        return blocks


def _spread(graph, rows, columns):
    """Return a graph with more samples: those outside the masks have no edge."""
    if rows.all() and columns.all():
        return graph
    graph = graph.tocoo()
    row, column = np.flatnonzero(rows)[graph.row], np.flatnonzero(columns)[graph.col]
    shape = (len(rows), len(columns))
    return sparse.csr_array((graph.data, (row, column)), shape=shape)


def _with_lonely(graph, measured):
    """Return a graph in which a sample that lacks the omics has its self loop only."""
    if measured.all():
        return graph
    loops = sparse.diags_array((~measured).astype(graph.dtype), format="csr")
    loops.eliminate_zeros()
    return sparse.csr_array(_spread(graph, measured, measured) + loops)


def _link_measured(member, measured, X):
    here = _is_measured(X)
    loops = np.ones(len(X))
    if not here.any():
        return sparse.csr_array((len(X), len(measured))), loops
    links, loops[here] = member.link(X[here])
    return _spread(links, here, measured), loops


def _join_measured(member, measured, X):
    here = _is_measured(X)
    joined = member.join(X[here]) if here.any() else member.graph_
    return _with_lonely(joined, np.concatenate([measured, here]))


def _check_lengths(blocks):
    for i, X in enumerate(blocks):
        if len(X) != len(blocks[0]):
            raise ValueError(
                f"Block {i} has {len(X)} samples but block 0 has {len(blocks[0])}. All "
                "blocks need the same samples in the same order; use align_samples "
                "first."
            )


def _check_measured(measured):
    without = np.flatnonzero(~np.any(measured, axis=0))
    if len(without):
        raise ValueError(
            f"{len(without)} sample(s) have no values in any block, the first at "
            f"position {without[0]}, but every sample needs at least one omics. "
            "Leave these samples out."
        )


def _check_enough(blocks):
    for i, X in enumerate(blocks):
        n_samples = _is_measured(X).sum()
        if n_samples < 2:
            raise ValueError(
                f"Block {i} has values for n_samples={n_samples} training sample(s), "
                "but a graph needs at least 2 to link. Give more samples, or leave "
                "the block out."
            )
