"""Nearest neighbors and closest pairs, whatever the size of a batch."""

import numpy as np
from scipy import sparse

from skomics._optional import import_optional

__all__ = [
    "MIN_WEIGHT",
    "TIE",
    "TINY",
    "as_graph",
    "closest_pairs",
    "distance_chunks",
    "nearest",
    "search_neighbors",
    "sparse_rows",
    "strongest",
]

# Distances of a chunk of samples to all others that are held at a time: 16 MB.
_CHUNK = 2**21
# Cosine distances closer than this are taken for equal. The same two samples may
# differ by rounding, about 1e-15, between matrix products of different sizes.
TIE = 1e-10
# Every edge has a positive weight, so that none is lost in a sparse matrix.
MIN_WEIGHT = 1e-6
# Keeps a division by zero away where samples are all alike.
TINY = np.finfo(np.float64).tiny
# Above this many samples, nearest neighbors are searched approximately.
_EXACT_LIMIT = 50_000
# Neighbors that the approximate search looks for, of which the k nearest are
# taken: with few, it misses most in data of many dimensions.
_N_SEARCHED = 50


# Nearest neighbors. scikit-learn's search breaks ties by rounding, so that a
# sample's neighbors would depend on how many samples are searched for at once.


def distance_chunks(X, references, metric):
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
            distances, tolerance = 1 - products, np.full(len(products), TIE)
        else:
            ours = (X[rows] ** 2).sum(axis=1)
            distances = ours[:, None] + lengths - 2 * products
            np.maximum(distances, 0, out=distances)
            tolerance = 1e-12 * (ours + lengths.mean()) + TINY
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


def nearest(X, references, k, *, metric, own=None):
    """Return distances and indices of the k nearest references of each row.

    `own` holds the position of each row among the references, where it is one of
    them and must not find itself.
    """
    indices = np.empty((len(X), k), dtype=np.int64)
    for rows, distances, tolerance in distance_chunks(X, references, metric):
        if own is not None:
            distances[np.arange(len(distances)), own[rows]] = np.inf
        indices[rows] = _smallest(distances, k, tolerance)
    return _pair_distances(X, references, indices, metric), indices


def _approximate_nearest(X, k, *, metric, random_state):
    """Return distances and indices of about the k nearest other rows."""
    pynndescent = import_optional("pynndescent", extra="graph")
    # PyNNDescentTransformer would make an index for other samples, too, and compile
    # that: twice the time before the first answer.
    search = pynndescent.NNDescent(
        X.astype(np.float32),
        n_neighbors=min(max(k, _N_SEARCHED), len(X) - 1) + 1,  # with itself
        metric="euclidean",
        random_state=random_state,
    )
    column, distance = (found.ravel() for found in search.neighbor_graph)
    row = np.repeat(np.arange(len(X)), len(column) // len(X))
    other = (row != column) & (column >= 0)
    row, column, distance = row[other], column[other], distance[other]
    order = np.lexsort((column, distance, row))
    counts = np.bincount(row, minlength=len(X))
    first = np.cumsum(counts) - counts
    # The search may miss some; those rows are searched exactly.
    short = np.flatnonzero(counts < k)
    place = np.minimum(first[:, None] + np.arange(k), len(order) - 1)
    indices = column[order[place]].astype(np.int64)
    if len(short):
        indices[short] = nearest(X[short], X, k, metric=metric, own=short)[1]
    return _pair_distances(X, X, indices, metric), indices


def search_neighbors(X, k, *, metric, method, random_state):
    """Return distances and indices of the k nearest other rows, as told."""
    if method == "auto":
        method = "exact" if len(X) <= _EXACT_LIMIT else "approximate"
    if method == "exact":
        return nearest(X, X, k, metric=metric, own=np.arange(len(X)))
    return _approximate_nearest(X, k, metric=metric, random_state=random_state)


def _kth_smallest(values, k):
    """Return the k-th smallest value, infinity where there are fewer."""
    return np.partition(values, k - 1)[k - 1] if len(values) >= k else np.inf


def closest_pairs(X, n_pairs):
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
        bound = min(bound, _kth_smallest(close, n_pairs) + TIE)
        rows, columns = np.nonzero(distances <= bound)
        new = np.stack([start + rows, start + columns, distances[rows, columns]])
        pairs = np.concatenate([pairs, new], axis=1)
        bound = min(bound, _kth_smallest(pairs[2], n_pairs) + TIE)
        pairs = pairs[:, pairs[2] <= bound]
        start = stop
    return pairs[0].astype(np.int64), pairs[1].astype(np.int64), pairs[2]


# Graphs of all modalities. Each of the two classes has `fit`, which returns the weights
# of training samples' neighbors, and `link`, which returns those of new samples.


def as_graph(weights, indices, n_columns):
    """Return a csr array from as many weights and indices for every row."""
    indptr = np.arange(0, indices.size + 1, indices.shape[1])
    shape = (len(indices), n_columns)
    return sparse.csr_array((weights.ravel(), indices.ravel(), indptr), shape=shape)


def strongest(graph, k):
    """Keep the k largest weights of each row, relative to the largest of them.

    A sample's nearest neighbor so weighs as much as its self loop, as it nearly
    does in a graph of cosine similarities.
    """
    graph = sparse.csr_array(graph)
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    order = np.lexsort((graph.indices, -graph.data, rows))
    rank = np.arange(graph.nnz) - graph.indptr[rows]
    kept, rows = order[rank < k], rows[rank < k]
    largest = graph.data[order[graph.indptr[:-1]]]
    weights = np.maximum(graph.data[kept] / largest[rows], MIN_WEIGHT)
    edges = (weights, (rows, graph.indices[kept]))
    return sparse.csr_array(edges, shape=graph.shape)


def sparse_rows(dense, k):
    """Return a csr array of the k largest entries of each row."""
    indices = np.empty((len(dense), k), dtype=np.int64)
    n_rows = max(1, _CHUNK // dense.shape[1])
    for start in range(0, len(dense), n_rows):
        rows = slice(start, start + n_rows)
        indices[rows] = np.argpartition(dense[rows], -k, axis=1)[:, -k:]
    weights = np.take_along_axis(dense, indices, axis=1)
    return as_graph(weights, indices, dense.shape[1])


def is_measured(X):
    """Return a mask of the samples that have values, the others being all NaN."""
    return ~np.isnan(X).all(axis=1)
