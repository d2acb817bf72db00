"""How unlike the training samples a new sample is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skomics._blocks import is_matrix, read_blocks
from skomics._inputs import read_input
from skomics._layout import SEPARATOR
from skomics._modality import modality_mask
from skomics._rows import check_same_samples, quote_values
from skomics._validation import check_labels, raise_if_not_finite
from skomics.inspection._unroll import dense_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike, RandomState

__all__ = ["novelty_score"]

# Parts of the training samples, each of which is held out once. With few parts the
# p-values of a wide table, a mean over these, are not spread from 0 to 1.
_N_FOLDS = {"input": 40, "embedding": 5}
# Leading components explain this share of the variance, and are no more than this share
# of the samples.
_EXPLAINED, _MOST_COMPONENTS = 0.8, 1 / 3
# Values further from the mean, in standard deviations, count as this far: a feature
# that is zero but in one sample would be all that is seen.
_FARTHEST = 10.0
# Leading components of each of two modalities that are looked at together.
_N_PAIRED = 10
# How far out, in standard deviations, numbers are compared.
_HIGH = 1.9
# Least units of the numbers of a modality and of a pair, whose likelihoods are all one
# where nothing goes together.
_LEAST = {1: 1e-4, 2: 0.1}
# What a table is called that is not one of modalities.
_WHOLE = "all"


def novelty_score(
    estimator: BaseEstimator,
    X: OmicsLike,
    X_train: OmicsLike,
    *,
    n_neighbors: int = 5,
    space: Literal["input", "embedding"] = "input",
    y_train: ArrayLike | None = None,
    random_state: RandomState = None,
) -> pd.DataFrame:
    """Say how unlike the training samples new samples are, as p-values.

    A classifier has a class for anything, and may be sure of it. Whether a sample is of
    the kind that the classifier has learned from is asked here.

    Parameters
    ----------
    estimator : fitted classifier or Pipeline
        The model. A search, or a classifier around another one, stands for the model
        in it.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        New samples, in any form that the estimator takes.

    X_train : same as X
        The samples that it was fitted to.

    n_neighbors : int, default=5
        Number of training samples whose mean distance counts.

    space : {"input", "embedding"}, default="input"
        Where distances are measured. "input" is the table that the last step of a
        pipeline is given (of other models, X), each modality by itself. "embedding" is
        what a network makes of it (`embed`), by five models that are fitted again,
        because training samples are embedded as they have been learned.

    y_train : array-like of shape (n_train_samples,), default=None
        Labels of the training samples, for the fits of "embedding". None stands for
        what the estimator calls them.

    random_state : int, RandomState instance or None, default=None
        Deals training samples to folds.

    Returns
    -------
    table : DataFrame of shape (n_samples, 4)
        Columns sample, p_value, distance and modality. The p-value is the share of
        training samples that are as unusual, held out, as this one. The distance says
        how unusual it is, in robust standard deviations of these, and modality where
        most. For samples like those of training,
        p-values are uniform between 0 and 1.

    Raises
    ------
    ValueError
        If an option is unknown, there are too few training samples, a sample has no
        modality that a training sample has, or single values are missing in what the
        last step is given.

    SampleAlignmentError
        If `y_train` has the ids of other samples.

    See Also
    --------
    skomics.calibration.SelectiveClassifier : Abstains where classes are close.

    Notes
    -----
    The smallest p-value is 1 / (n + 1), of n training samples that have the modalities
    of the new one: below 0.01 takes at least 100, and for 1,000 new samples, with
    correction for so many tests, 100,000. A single number for all modalities is
    calibrated as a whole: no correction is needed for their number.

    Each modality is standardized and cut into its leading components (80 % of the
    variance) and the rest. Three numbers are measured: the distance from the nearest
    training samples within the components, how much is outside of them, and which share
    that is, which grows where features are mistaken for one another. A fourth, for each
    pair of modalities, is how much likelier their leading components are by themselves
    than together, by canonical correlations: that of a modality of another patient.
    What exceeds the median of training samples is summed in squares.

    A training sample is measured by those of other folds, and a new sample by the same
    ones (cross-conformal p-values). A modality that a sample lacks does not count. What
    differs by less than training samples do is not found: a table of another cancer
    whose features are all near those of this one looks like one of this.

    Steps before the last one were fitted to all training samples; where one of them
    has many outputs for few samples (PCA), new samples look a little too unusual.

    References
    ----------
    Bates et al. (2023), "Testing for outliers with conformal p-values", Annals of
    Statistics 51. Vovk (2015), "Cross-conformal predictors", Annals of Mathematics and
    Artificial Intelligence 74.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import novelty_score
    >>> X, y = make_intersim(n_samples=160, effect=0.3, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier()).fit(X[:150], y[:150])
    >>> new = X[150:].copy()
    >>> new.loc[new.index[0], "expression"] = 1000
    >>> table = novelty_score(model, new, X[:150], random_state=0)
    >>> print(f"{table.p_value[0]:.4f}", table.modality[0])
    0.0066 expression
    """
    if space not in _N_FOLDS:
        raise ValueError(f"Got space={space!r}. Choose one of {list(_N_FOLDS)}.")
    check_is_fitted(estimator)
    n_train = _count_samples(X_train)
    _check_size(n_train, n_neighbors, space)
    n_folds = min(_N_FOLDS[space], n_train)
    folds = KFold(n_folds, shuffle=True, random_state=_seed(random_state))
    splits = list(folds.split(np.zeros(n_train)))
    if space == "input":
        known, new = (_modality_tables(estimator, table) for table in (X_train, X))
        found = _measure_input(known, new, splits, n_neighbors)
    else:
        y_train = _training_labels(estimator, X_train, y_train, n_train)
        found = _measure_embedding(estimator, X, X_train, y_train, splits, n_neighbors)
    return _table(splits, _row_ids(X), *found)


def _seed(random_state):
    return check_random_state(random_state).randint(2**31 - 1)


def _check_size(n_train, n_neighbors, space):
    n_folds = max(min(_N_FOLDS[space], n_train), 2)
    kept = n_train - -(-n_train // n_folds)
    if n_neighbors < 1 or kept <= n_neighbors:
        raise ValueError(
            f"Got n_neighbors={n_neighbors!r} and {n_train} training samples, of which "
            f"{max(kept, 0)} are there when one of {n_folds} folds is held out. Ask for"
            " at least 1 neighbor, and fewer than these samples."
        )


def _count_samples(X):
    if is_matrix(X):
        return np.shape(X)[0]
    first = next(iter(read_blocks(X).blocks.values()))
    return first.data.shape[0]


def _row_ids(X):
    rows = None if is_matrix(X) else read_blocks(X).rows
    return pd.RangeIndex(_count_samples(X)) if rows is None else rows


def _find_pipeline(estimator):
    """Return the fitted pipeline that a model is, or is made around, or None."""
    if isinstance(estimator, Pipeline):
        return estimator
    for name in ("best_estimator_", "estimator_", "estimator"):
        inner = getattr(estimator, name, None)
        try:
            check_is_fitted(inner)
        except (NotFittedError, TypeError):
            continue
        return _find_pipeline(inner)
    return None


def _modality_tables(estimator, X):
    """Return what the last step of a model is given, by modality."""
    pipeline = _find_pipeline(estimator)
    if pipeline is None or len(pipeline) == 1:
        if is_matrix(X):
            X = X if sparse.issparse(X) else np.asarray(X)
            return {_WHOLE: dense_rows(X, slice(None))}
        blocks = read_blocks(X).blocks
        return {n: dense_rows(b.data, slice(None)) for n, b in blocks.items()}
    table = dense_rows(pipeline[:-1].transform(X), slice(None))
    return {
        name: table[:, columns]
        for name, columns in _columns(pipeline, X, table.shape[1]).items()
    }


def _columns(pipeline, X, n_columns):
    """Return which columns of a pipeline's last table are of which modality."""
    whole = {_WHOLE: np.arange(n_columns)}
    try:
        names = pipeline[:-1].get_feature_names_out()
    except (AttributeError, ValueError):
        return whole
    known = getattr(pipeline[0], "omics_", None)
    if known is None:
        known = () if is_matrix(X) else read_blocks(X).layout.names
    owners = np.array([str(name).partition(SEPARATOR)[0] for name in names])
    if len(owners) != n_columns or not set(owners) <= set(known):
        return whole
    return {name: np.flatnonzero(owners == name) for name in known if name in owners}


@dataclass
class _Training:
    """Training samples of one modality, with which others are compared.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,)
        Of each feature.

    components : ndarray of shape (n_features, n_components)
        Leading directions of the standardized samples.

    scores : ndarray of shape (n_samples, n_components)
        The samples in these.
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    scores: np.ndarray

    @classmethod
    def learn(cls, values):
        """Learn from samples."""
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale = np.where(scale > 1e-12 * np.maximum(np.abs(mean), 1), scale, 1)
        standard = _standardize(values, mean, scale)
        components = _leading(standard)
        return cls(mean, scale, components, standard @ components)

    @property
    def own_scores(self):
        """Leading scores of the samples, with a variance of 1."""
        return self._unit(self.scores)

    def unit_scores(self, values):
        """Return leading scores of other samples, in the same units."""
        standard = _standardize(values, self.mean, self.scale)
        return self._unit(standard @ self.components)

    def _unit(self, scores):
        spread = np.maximum(self.scores.std(axis=0), 1e-12)
        return scores[:, :_N_PAIRED] / spread[:_N_PAIRED]

    def measure(self, values, n_neighbors):
        """Return three numbers for each sample, large ones for unusual samples."""
        standard = _standardize(values, self.mean, self.scale)
        scores = standard @ self.components
        near = np.sort(_distances(scores, self.scores), axis=1)[:, :n_neighbors]
        total = (standard**2).sum(axis=1)
        rest = np.maximum(total - (scores**2).sum(axis=1), 0)
        tiny = 1e-6 * standard.shape[1]
        numbers = near.mean(axis=1) + tiny, rest + tiny, (rest + tiny) / (total + tiny)
        return np.log(np.stack(numbers, axis=1))


def _standardize(values, mean, scale):
    return np.clip((values - mean) / scale, -_FARTHEST, _FARTHEST)


def _leading(standard):
    """Return the directions in which samples differ most."""
    n_samples, n_features = standard.shape
    most = max(1, min(int(n_samples * _MOST_COMPONENTS), n_features - 1))
    is_wide = n_features > n_samples
    gram = standard @ standard.T if is_wide else standard.T @ standard
    variances, vectors = np.linalg.eigh(gram)
    variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1]
    shares = np.cumsum(variances) / max(variances.sum(), 1e-300)
    n_kept = min(most, int(np.searchsorted(shares, _EXPLAINED)) + 1)
    kept = vectors[:, :n_kept]
    if not is_wide:
        return kept
    lengths = np.sqrt(np.maximum(variances[:n_kept], 1e-300))
    return (standard.T @ kept) / lengths


def _distances(some, others):
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return np.sqrt(np.maximum(squares - 2 * some @ others.T, 0))


def _measure_input(known, new, splits, n_neighbors):
    """Measure each modality by itself, and how each two of them go together."""
    for name in known:
        for values in (known[name], new[name]):
            raise_if_not_finite(values[modality_mask(values)], name)
    names = [(name,) for name in known]
    pairs = list(combinations(known, 2))
    held_out = [np.full((_count(known), 3), np.nan) for _ in names]
    held_out += [np.full((_count(known), 1), np.nan) for _ in pairs]
    found = [np.full((len(splits), _count(new), h.shape[1]), np.nan) for h in held_out]
    for k, (train, test) in enumerate(splits):
        parts = _learn_fold(known, train, n_neighbors)
        tested = {name: values[test] for name, values in known.items()}
        measured = zip(
            _measure_fold(parts, pairs, tested, n_neighbors),
            _measure_fold(parts, pairs, new, n_neighbors),
            strict=True,
        )
        for i, (here, there) in enumerate(measured):
            held_out[i][test], found[i][k] = here, there
    groups = [
        group for group, h in zip(names + pairs, held_out, strict=True) for _ in h.T
    ]
    return groups, np.concatenate(held_out, axis=1), np.concatenate(found, axis=2)


def _count(tables):
    return len(next(iter(tables.values())))


def _learn_fold(known, train, n_neighbors):
    """Return training samples of each modality, and which they are."""
    parts = {}
    for name, values in known.items():
        rows = train[modality_mask(values[train])]
        if len(rows) <= n_neighbors:
            raise ValueError(
                f"Only {len(rows)} training samples have omics {name!r} where a fold "
                f"is held out, too few to be compared with n_neighbors={n_neighbors!r}."
                " Leave the modality out, or ask for fewer neighbors."
            )
        parts[name] = _Training.learn(values[rows]), rows
    return parts


def _measure_fold(parts, pairs, values, n_neighbors):
    """Yield numbers of each modality and each pair, NaN where a sample lacks one."""
    has = {name: modality_mask(table) for name, table in values.items()}
    for name, (training, _) in parts.items():
        yield _fill(has[name], training.measure(values[name][has[name]], n_neighbors))
    for first, second in pairs:
        both = has[first] & has[second]
        pair = _Pair.learn(parts[first], parts[second])
        scores = (
            parts[name][0].unit_scores(values[name][both]) for name in (first, second)
        )
        yield _fill(both, pair.measure(*scores))


def _fill(is_there, measured):
    filled = np.full((len(is_there), measured.shape[1]), np.nan)
    filled[is_there] = measured
    return filled


@dataclass
class _Pair:
    """How the leading components of two modalities go together.

    Parameters
    ----------
    first, second : ndarray of shape (n_components, n_correlations)
        Canonical directions.

    correlations : ndarray of shape (n_correlations,)
        Between these, without what chance adds.
    """

    first: np.ndarray
    second: np.ndarray
    correlations: np.ndarray

    @classmethod
    def learn(cls, first, second):
        """Learn from training samples that have both."""
        _, left, right = np.intersect1d(first[1], second[1], return_indices=True)
        a, b = first[0].own_scores[left], second[0].own_scores[right]
        n, width = len(left), a.shape[1] + b.shape[1]
        if n <= width + 1:
            return cls(a.T[:, :0], b.T[:, :0], np.zeros(0))
        left, values, right = np.linalg.svd(a.T @ b / n, full_matrices=False)
        chance = (1 - np.minimum(values, 1) ** 2) * (n - 1) / (n - width - 1)
        correlations = np.clip(1 - chance, 0, 1 - 1e-6) ** 0.5
        kept = correlations > 0
        return cls(left[:, kept], right.T[:, kept], correlations[kept])

    def measure(self, a, b):
        """Return how much likelier values are by themselves than together."""
        u, v, r = a @ self.first, b @ self.second, self.correlations
        together = (r * u) ** 2 + (r * v) ** 2 - 2 * r * u * v
        return (together / (1 - r**2)).sum(axis=1, keepdims=True)


def _training_labels(estimator, X_train, y_train, n_train):
    if y_train is None:
        return np.asarray(estimator.predict(X_train))
    rows = None if is_matrix(X_train) else _row_ids(X_train)
    check_same_samples(rows, y_train, "y_train")
    y_train = np.asarray(check_labels(y_train, "y_train"))
    if len(y_train) != n_train:
        raise ValueError(
            f"y_train has {len(y_train)} labels, but X_train has {n_train} samples. "
            "Give a label for each."
        )
    return y_train


def _measure_embedding(estimator, X, X_train, y_train, splits, n_neighbors):
    """Measure samples where a network embeds them that has not seen them."""
    model = _find_pipeline(estimator) or estimator
    if not hasattr(_last(model), "embed"):
        raise ValueError(
            f"{type(_last(model)).__name__} has no embed, as space='embedding' needs. "
            "Use space='input', or a network of skomics."
        )
    given = X_train if is_matrix(X_train) else read_input(X_train)
    held_out = np.full((len(y_train), 3), np.nan)
    found = np.full((len(splits), _count_samples(X), 3), np.nan)
    for k, (train, test) in enumerate(splits):
        fitted = clone(model).fit(_take(given, train), y_train[train])
        reference = _Training.learn(_embed(fitted, _take(given, train)))
        values = _embed(fitted, _take(given, test))
        held_out[test] = reference.measure(values, n_neighbors)
        found[k] = reference.measure(_embed(fitted, X), n_neighbors)
    return [(_WHOLE,)] * 3, held_out, found


def _take(given, rows):
    return given.take_rows(rows) if hasattr(given, "take_rows") else given[rows]


def _last(model):
    return model[-1] if isinstance(model, Pipeline) else model


def _embed(model, X):
    if isinstance(model, Pipeline) and len(model) > 1:
        X = model[:-1].transform(X)
    return _last(model).embed(X)


def _table(splits, rows, groups, held_out, found):
    """Compare new samples with those of training that have the same modalities.

    `held_out` is of shape (n_train_samples, n_numbers), `found` of shape (n_folds,
    n_samples, n_numbers); both are NaN where a sample lacks a modality.
    """
    has, has_new = ~np.isnan(held_out), ~np.isnan(found[0])
    _check_patterns(has_new, rows)
    folds = np.empty(len(held_out), dtype=int)
    for k, (_, test) in enumerate(splits):
        folds[test] = k
    table = pd.DataFrame({"sample": rows, "p_value": 1.0, "distance": 0.0})
    table["modality"] = pd.Series("", table.index, dtype=object)
    for pattern in np.unique(has_new, axis=0):
        chosen = np.flatnonzero((has_new == pattern).all(axis=1))
        alike = np.flatnonzero(has[:, pattern].all(axis=1))
        part = [groups[i] for i in np.flatnonzero(pattern)]
        _check_alike(part, len(alike), rows[chosen])
        known, new = held_out[np.ix_(alike, pattern)], found[:, chosen][..., pattern]
        table.iloc[chosen, 1:] = _compare(part, known, new, folds[alike])
    return table.astype({"p_value": float, "distance": float})


def _compare(groups, held_out, found, folds):
    """Return p-values, distances and most unusual modalities, as columns.

    `folds` says in which fold a training sample was held out.
    """
    numbers = _deviate(groups, held_out, found)
    known, new = (np.linalg.norm(part, axis=-1) for part in numbers)
    n_above = (known[:, None] >= new[folds]).sum(axis=0)
    columns = {
        "p_value": (1 + n_above) / (1 + len(known)),
        "distance": new.mean(axis=0),
        "modality": _most_unusual(groups, numbers[1].mean(axis=0)),
    }
    return pd.DataFrame(columns).to_numpy(dtype=object)


def _deviate(groups, held_out, found):
    """Return how far numbers are above the median of the held-out training samples.

    In units in which the largest of these are as those of a normal distribution, so
    that a number with a long tail does not hide the others.
    """
    center, high = np.quantile(held_out, [0.5, stats.norm.cdf(_HIGH)], axis=0)
    least = [_LEAST[len(group)] for group in groups]
    scale = np.maximum((high - center) / _HIGH, least)
    return [np.maximum((part - center) / scale, 0) for part in (held_out, found)]


def _most_unusual(groups, numbers):
    """Return the modality of each sample that the numbers speak of most.

    A modality is suspect by its own numbers and by those of its pairs with others.
    """
    unusual = {}
    for group in dict.fromkeys(groups):
        columns = [i for i, other in enumerate(groups) if other == group]
        unusual[group] = numbers[:, columns].max(axis=1)
    names = [group[0] for group in unusual if len(group) == 1]
    suspicion = [
        np.mean([part for group, part in unusual.items() if name in group], axis=0)
        for name in names
    ]
    return np.array(names, dtype=object)[np.argmax(suspicion, axis=0)]


def _check_alike(groups, n_alike, rows):
    if n_alike < 2:
        names = [group[0] for group in dict.fromkeys(groups) if len(group) == 1]
        raise ValueError(
            f"{n_alike} training samples have all modalities that sample {rows[0]!r} "
            f"has, {quote_values(names, 10)}, so that it cannot be compared. Leave it, "
            "or one of these modalities, out."
        )


def _check_patterns(has_new, rows):
    if not has_new.any(axis=1).all():
        first = rows[int(np.argmin(has_new.any(axis=1)))]
        raise ValueError(
            f"Sample {first!r} has no modality at all, so that nothing can be compared."
            " Leave it out."
        )
