"""The features of a modality, as the ridge path takes them: without their means.

A table of centered features would take as much memory as the samples, and Gram matrices
are sums over features, so that a few are centered at a time, each time anew.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skomics.estimators._arranged import ArrangedTable

__all__ = ["centered_blocks"]

# Features that are centered at a time.
_CHUNK = 8192
# Numbers of a sparse block of few samples that are made dense: 64 MiB.
_FEW, _SMALL = 1000, 2**24


def centered_blocks(problem):
    """Return each modality's features without their means, NaN as 0, and the means.

    Sparse features keep their zeros; their means are taken off the Gram matrices. Few
    are made dense, and then give the model of dense ones to the bit.

    Parameters
    ----------
    problem : RidgeProblem
        Samples.

    Returns
    -------
    blocks : list
        One for each modality: with `n_features` and `mean`, and with `moments`, `grams`
        and `transposed_product`, which take the features a few at a time.
    """
    blocks, is_sparse = [], sparse.issparse(problem.X)
    for start, stop in problem.bounds:
        if not is_sparse:
            blocks.append(_dense_block(problem.X, start, stop, problem.weights))
            continue
        block = problem.X[:, start:stop]
        n_rows, n_columns = block.shape
        if n_rows <= _FEW and n_rows * n_columns <= _SMALL:
            dense = block.toarray()
            blocks.append(_dense_block(dense, 0, n_columns, problem.weights))
        else:
            blocks.append(_sparse_block(block.tocsr().copy(), problem.weights))
    return blocks


def _sparse_block(block, weights):
    """Return sparse features, which are changed, and what is to be taken off them."""
    is_missing = np.isnan(np.asarray(block.sum(axis=1))).ravel()
    block.data[np.isnan(block.data)] = 0
    block.eliminate_zeros()
    weights = np.where(is_missing, 0.0, weights)
    mean = (weights @ block) / weights.sum()
    return _SparseBlock(block, mean, ~is_missing)


def _dense_block(X, start, stop, weights):
    """Return dense features of a table, which stays as it is."""
    is_missing = np.isnan(X[:, start : start + 1]).ravel()
    present = ~is_missing if is_missing.any() else slice(None)
    total, means, largest = np.where(is_missing, 0.0, weights).sum(), [], 0.0
    for first in range(start, stop, _CHUNK):
        values = X[:, first : min(first + _CHUNK, stop)][present]
        means.append(weights[present] @ values / total)
        # Rounded as the differences are, of which these are the extreme ones.
        mean = means[-1].astype(np.float32)
        above, below = values.max(0) - mean, mean - values.min(0)
        largest = max(largest, float(above.max()), float(below.max()))
    return _DenseBlock(X, start, np.concatenate(means), is_missing, _unit(largest))


def _unit(largest):
    """Return a unit in which squares of features of this size are numbers.

    It is a power of two, which changes no digit.
    """
    unit = 2.0 ** np.floor(np.log2(largest)) if largest > 0 else 1.0
    return 1.0 if 1e-3 < unit < 1e3 else unit


@dataclass(frozen=True)
class _DenseBlock:
    """Features of one modality without their means, taken off when asked for."""

    X: np.ndarray | ArrangedTable
    start: int
    mean: np.ndarray
    is_missing: np.ndarray
    unit: float

    @property
    def n_features(self):
        return len(self.mean)

    def parts(self):
        """Yield slices of all features, a few at a time."""
        for start in range(0, self.n_features, _CHUNK):
            yield slice(start, min(start + _CHUNK, self.n_features))

    def columns(self, part):
        """Return some features without their means, NaN as 0."""
        mean = self.mean[part].astype(np.float32)
        if isinstance(part, slice):
            place = slice(part.start + self.start, part.stop + self.start)
        else:
            place = part + self.start
        # Products round by the layout, which is that of X's container.
        Z = np.subtract(self.X[:, place], mean, dtype=np.float32, order="C")
        Z[self.is_missing] = 0.0
        return Z if self.unit == 1.0 else Z / np.float32(self.unit)

    def moments(self, tasks):
        """Yield features, and for each task matrix' Z and weights' Z squared.

        A task is a matrix, weights, and some rows. The features are looked up once.
        """
        for part in self.parts():
            Z, sums = self.columns(part), []
            for matrix, weights, rows in tasks:
                own = Z[rows]
                first = matrix.T.astype(np.float32) @ own
                second = weights.astype(np.float32) @ (own * own)
                sums.append((first.astype(np.float64), second.astype(np.float64)))
            yield part, sums

    def grams(self, scales, rows):
        """Return a Gram matrix of all rows with some for each vector of weights."""
        grams = [np.zeros((self.X.shape[0], len(rows))) for _ in scales]
        used = np.flatnonzero(np.any(scales, axis=0))
        roots = [np.sqrt(scale).astype(np.float32) for scale in scales]
        is_all = len(used) == self.n_features
        parts = [used[s : s + _CHUNK] for s in range(0, len(used), _CHUNK)]
        for part in self.parts() if is_all else parts:
            Z = self.columns(part)
            for gram, root in zip(grams, roots, strict=True):
                scaled = Z * root[part]
                gram += scaled @ scaled[rows].T
        return grams

    def transposed_product(self, dual):
        """Return Z' times a matrix."""
        dual = dual.astype(np.float32)
        product = np.empty((self.n_features, dual.shape[1]))
        for part in self.parts():
            product[part] = self.columns(part).T @ dual
        product /= self.unit
        return product


@dataclass(frozen=True)
class _SparseBlock:
    """Sparse features of one modality, and the means that are to be taken off."""

    X: sparse.csr_array
    mean: np.ndarray
    present: np.ndarray

    @property
    def n_features(self):
        return self.X.shape[1]

    def moments(self, tasks):
        """Yield features, and for each task matrix' Z and weights' Z squared.

        A task is a matrix, weights, and some rows.
        """
        yield slice(self.n_features), [self._moments(*task) for task in tasks]

    def _moments(self, matrix, weights, rows):
        X, present = self.X[rows], self.present[rows]
        matrix, weights = matrix * present[:, None], weights * present
        first = (X.T @ matrix).T - np.outer(matrix.sum(0), self.mean)
        squares = X.multiply(X).T @ weights
        second = squares - 2 * self.mean * (X.T @ weights)
        return first, second + weights.sum() * self.mean**2

    def grams(self, scales, rows):
        """Return a Gram matrix of all rows with some for each vector of weights."""
        grams = []
        for scale in scales:
            scaled = self.X.astype(np.float64) @ sparse.diags_array(np.sqrt(scale))
            gram = (scaled @ scaled[rows].T).toarray()
            shift = self.X @ (scale * self.mean)
            gram -= shift[:, None] + shift[rows]
            gram += (scale * self.mean**2).sum()
            grams.append(gram * self.present[:, None] * self.present[rows])
        return grams

    def transposed_product(self, dual):
        """Return Z' times a matrix."""
        dual = dual * self.present[:, None]
        return self.X.T @ dual - np.outer(self.mean, dual.sum(0))
