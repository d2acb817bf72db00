"""One order for the same training samples, however they were handed over."""

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

from skomics.estimators._arranged import arranged, take_columns

__all__ = [
    "TrainingSamples",
    "check_total_weight",
    "class_factors",
    "column_means",
    "deduplicate_samples",
    "read_class_weight",
    "split_samples",
    "training_samples",
    "training_weights",
    "apply_class_weight",
]

# Rows that are made dense at a time to be hashed.
_CHUNK = 256
# Columns that are averaged at a time.
_COLUMNS = 4096


@dataclass(frozen=True)
class TrainingSamples:
    """What a network is trained on.

    Parameters
    ----------
    X : {ndarray, sparse matrix, ArrangedTable} of shape (n_samples, n_features), \
            dtype float32
        Features.

    codes : ndarray of shape (n_samples,), dtype int64
        Class of each sample, as a position in `classes_`.

    weights : ndarray of shape (n_samples,), dtype float32, or None
        Weight of each sample, with mean 1; None if they are all equal.

    offsets : ndarray of shape (n_samples, n_classes), dtype float32, or None
        Logits that a network may add to its own.
    """

    X: np.ndarray | sparse.csr_array
    codes: np.ndarray
    weights: np.ndarray | None
    offsets: np.ndarray | None = None

    def __len__(self):
        return len(self.codes)

    def take(self, index):
        """Return the samples of an integer index."""
        weights, offsets = (
            None if part is None else part[index]
            for part in (self.weights, self.offsets)
        )
        return TrainingSamples(self.X[index], self.codes[index], weights, offsets)


def _row_digests(X, codes):
    """Return one digest per row, equal for equal rows, dense or sparse."""
    digests = []
    for start in range(0, X.shape[0], _CHUNK):
        rows = _nonzeros(X[start : start + _CHUNK])
        for code, (values, indices) in zip(codes[start:], rows, strict=False):
            digest = blake2b(values, digest_size=16)
            digest.update(indices)
            digest.update(int(code).to_bytes(8, "little"))
            digests.append(digest.digest())
    return np.array(digests, dtype="V16").view("S16")


def _nonzeros(chunk):
    """Yield the non-zero values of each row and, if there are zeros, their places."""
    n_features = chunk.shape[1]
    if not sparse.issparse(chunk):
        # One after another: places take twice the memory of the values, or more.
        for row in chunk:
            if row.all():
                yield np.ascontiguousarray(row), b""
            else:
                places = np.flatnonzero(row)
                yield row[places], places
        return
    chunk = sparse.csr_array(chunk)
    chunk.sum_duplicates()
    chunk.eliminate_zeros()
    indices = chunk.indices.astype(np.int64, copy=False)
    for first, last in zip(chunk.indptr[:-1], chunk.indptr[1:], strict=True):
        is_full = last - first == n_features
        yield chunk.data[first:last], b"" if is_full else indices[first:last]


def training_samples(merged, X, offsets=None):
    """Return distinct samples as a network is trained on them.

    Parameters
    ----------
    merged : DistinctSamples
        Distinct samples.

    X : {ndarray, sparse matrix} of shape (n_distinct, n_features)
        Their features as the network sees them.

    offsets : ndarray of shape (n_distinct, n_classes), default=None
        Logits that the network may add to its own.

    Returns
    -------
    samples : TrainingSamples
        The same samples.
    """
    if offsets is not None:
        offsets = offsets.astype(np.float32)
    weights = training_weights(merged.weights)
    return TrainingSamples(X, merged.codes, weights, offsets)


@dataclass(frozen=True)
class DistinctSamples:
    """Distinct samples in canonical order.

    Parameters
    ----------
    X : {ndarray, sparse matrix, ArrangedTable} of shape (n_distinct, n_features)
        Features.

    codes : ndarray of shape (n_distinct,)
        Classes.

    weights : ndarray of shape (n_distinct,)
        Summed weights.

    group : ndarray of shape (n_samples,)
        Position of each sample among the distinct ones; -1 for one of weight 0.

    digests : ndarray of shape (n_distinct,)
        What tells each sample from the others: of its values and its class.
    """

    X: np.ndarray | sparse.csr_array
    codes: np.ndarray
    weights: np.ndarray
    group: np.ndarray
    digests: np.ndarray

    def reordered(self, rows, columns):
        """Return the same samples with rows and columns in another order."""
        group = np.append(np.argsort(rows), -1)[self.group]
        X = self.X[rows]
        if sparse.issparse(X):
            X = X[:, columns]
            X.sort_indices()  # products sum in the order in which they are stored
        else:
            X = take_columns(X, columns)
        return DistinctSamples(
            X, self.codes[rows], self.weights[rows], group, self.digests[rows]
        )


def deduplicate_samples(X, codes, sample_weight=None):
    """Put samples into an order of their own and merge equal ones.

    Stochastic training sees samples in batches, so that its result depends on
    their order; here the order is a property of the samples' content, not of the
    table they came in. Equal samples become one that carries their summed weight,
    and samples of weight 0 are left out. Hence a weight of k is exactly k copies,
    and the same patients in another order give the same model, bit for bit.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features), dtype float32
        Features.

    codes : ndarray of shape (n_samples,)
        Class of each sample.

    sample_weight : ndarray of shape (n_samples,) or None
        Non-negative weights.

    Returns
    -------
    merged : DistinctSamples
        The distinct samples, and where each sample went.
    """
    if sample_weight is None:
        sample_weight = np.ones(len(codes))
    kept = np.flatnonzero(sample_weight)
    digests = _row_digests(X, codes)[kept]
    digests, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    # In one order, whatever that of the rows: sums round by it.
    order = np.lexsort((sample_weight[kept], inverse))
    weights = np.bincount(inverse[order], weights=sample_weight[kept][order])
    group = np.full(len(codes), -1)
    group[kept] = inverse
    index = kept[first]
    X = arranged(X, index)
    return DistinctSamples(X, codes[index], weights, group, digests)


def check_total_weight(weights, name):
    """Refuse weights that leave nothing to learn from, or that overflow.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights.

    name : str
        The parameter that they come from, for messages.

    Raises
    ------
    ValueError
        If a weight is negative or no number, or their sum is 0 or infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = weights.sum()
    if not (np.isfinite(total) and total > 0 and weights.min() >= 0):
        raise ValueError(
            f"The weights of {name} range from {weights.min():.3g} to "
            f"{weights.max():.3g} and sum to {total:.3g}, but numbers of at least 0 "
            "with a finite sum above 0 are wanted. Scale them, which changes nothing "
            "else, or leave them out."
        )


def training_weights(weights):
    """Return float32 weights of mean 1, or None if they are all equal.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights above 0.

    Returns
    -------
    weights : ndarray of shape (n_samples,), dtype float32, or None
        For the loss.
    """
    if np.all(weights == weights[0]):
        return None
    return (weights / weights.mean()).astype(np.float32)


def read_class_weight(class_weight, classes):
    """Turn a dict of class weights into an array.

    Parameters
    ----------
    class_weight : dict, str or None
        As in scikit-learn; the keys of a dict are classes.

    classes : ndarray of shape (n_classes,)
        The classes.

    Returns
    -------
    class_weight : ndarray of shape (n_classes,), str or None
        What :func:`class_factors` takes.
    """
    if not isinstance(class_weight, dict):
        return class_weight
    return compute_class_weight(class_weight, classes=classes, y=classes)


def class_factors(codes, weights, class_weight, n_classes):
    """Return the weight of each class.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Classes of some samples.

    weights : ndarray of shape (n_samples,)
        Their weights.

    class_weight : ndarray of shape (n_classes,), "balanced", "frequency" or None
        "balanced" weighs with the inverse of a class's share, "frequency" with the
        share itself.

    n_classes : int
        Number of classes; those that no sample has count nothing.

    Returns
    -------
    factors : ndarray of shape (n_classes,)
        Weights.
    """
    if class_weight is None:
        return np.ones(n_classes)
    if not isinstance(class_weight, str):
        return class_weight
    sizes = np.bincount(codes, weights=weights, minlength=n_classes)
    if class_weight == "frequency":
        return sizes
    has_members = sizes > 0
    factors = np.zeros(n_classes)
    factors[has_members] = sizes.sum() / (has_members.sum() * sizes[has_members])
    return factors


def apply_class_weight(samples, class_weight, classes):
    """Multiply sample weights by class weights.

    Parameters
    ----------
    samples : TrainingSamples
        Samples.

    class_weight : dict, "balanced", "frequency" or None
        As in scikit-learn; the keys of a dict are classes. "frequency" weighs
        a class with its share of the samples, as the published code of MOGONET
        does: the opposite of "balanced".

    classes : ndarray of shape (n_classes,)
        The classes that the codes stand for.

    Returns
    -------
    samples : TrainingSamples
        The same samples with new weights.
    """
    if class_weight is None:
        return samples
    weights = samples.weights
    weights = np.ones(len(samples)) if weights is None else weights.astype(float)
    class_weight = read_class_weight(class_weight, classes)
    per_class = class_factors(samples.codes, weights, class_weight, len(classes))
    with np.errstate(over="ignore", invalid="ignore"):
        weights = weights * per_class[samples.codes]
    check_total_weight(weights, "class_weight")
    return replace(samples, weights=training_weights(weights))


def column_means(X):
    """Return the mean of each column over the samples that have it.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Features; NaN where a sample lacks a modality.

    Returns
    -------
    means : ndarray of shape (n_features,), dtype float64
        Means; a sparse matrix' zeros count.
    """
    if hasattr(X, "means"):  # of samples in a file, which were seen before
        return X.means
    if not sparse.issparse(X):
        # A few columns at a time: nanmean makes a copy of what it is given.
        starts = range(0, X.shape[1], _COLUMNS)
        parts = [np.nanmean(X[:, s : s + _COLUMNS], 0, np.float64) for s in starts]
        return np.concatenate(parts)
    is_nan = np.isnan(X.data)
    values = np.where(is_nan, 0.0, X.data)
    n_features = X.shape[1]
    sums = np.bincount(X.indices, weights=values, minlength=n_features)
    n_missing = np.bincount(X.indices, weights=is_nan, minlength=n_features)
    return sums / (X.shape[0] - n_missing)


def split_samples(samples, validation_fraction, classes, seed):
    """Hold out a stratified part of the samples.

    Parameters
    ----------
    samples : TrainingSamples
        Samples.

    validation_fraction : float
        Share to hold out; at least as many samples as there are classes.

    classes : ndarray of shape (n_classes,)
        The classes, for messages.

    seed : int
        Seed of the split.

    Returns
    -------
    train, valid : TrainingSamples
        The two parts.

    Raises
    ------
    ValueError
        If a class has fewer than two distinct samples.
    """
    counts = np.bincount(samples.codes, minlength=len(classes))
    if counts.min() < 2:
        rarest = classes.tolist()[counts.argmin()]
        raise ValueError(
            f"Class {rarest!r} has {counts.min()} distinct sample, but early "
            "stopping holds out a part of every class and needs at least 2. Merge "
            "or drop the class, or set validation_fraction=None to watch the training "
            "loss instead."
        )
    n_valid = max(len(classes), round(validation_fraction * len(samples)))
    n_valid = min(n_valid, len(samples) - len(classes))
    train, valid = train_test_split(
        np.arange(len(samples)),
        test_size=n_valid,
        stratify=samples.codes,
        random_state=seed,
    )
    return samples.take(np.sort(train)), samples.take(np.sort(valid))
