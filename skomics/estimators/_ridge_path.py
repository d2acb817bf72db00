"""Kernel ridge with a penalty for each modality, tuned in closed form.

All of it happens on Gram matrices of samples: a Gram matrix per modality, a positive
weight for each, and one linear system for all classes. The features enter once, where
the Gram matrices are made.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import lapack
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from skomics.estimators._arranged import ArrangedTable
from skomics.estimators._samples import class_factors

__all__ = [
    "RidgePath",
    "RidgeProblem",
    "f_statistic_of",
    "feature_weights",
    "leave_one_out",
]

# Features that are scaled at a time, and samples that the search looks at.
_CHUNK = 8192
_SEARCHED = 1000
# Numbers of a sparse block of so many samples that are made dense: 64 MiB.
_SMALL = 2**24
# The share of features that "top" keeps.
_TOP = 0.02
# Strengths of all Gram matrices together; factors that a coordinate is tried at; gain
# in the criterion that is worth a change.
_STRENGTHS = 10.0 ** np.arange(-3, 3.01, 0.5)
_FACTORS = (0.0, 0.1, 0.3, 3.0, 10.0)
_STEPS = (0.3, 0.55, 1.8, 3.0)
_LARGEST = 1e4
_SMALLEST_WEIGHT = 1e-8
# Mixed with the probabilities of the criterion: one sample that is far on the wrong
# side does not decide.
_SMOOTHING = 0.02
_TEMPERATURES = (1.0, 128.0)


@dataclass(frozen=True)
class RidgeProblem:
    """Distinct samples to learn from.

    Parameters
    ----------
    X : {ndarray, csr, ArrangedTable} of shape (n_samples, n_features), dtype float32
        Features, block by block. A sample that lacks a modality has NaN there.

    bounds : list of (int, int)
        First and last-plus-one feature of each modality.

    codes : ndarray of shape (n_samples,)
        Classes.

    n_classes : int
        Number of classes.

    weights : ndarray of shape (n_samples,)
        Weights of the samples with mean 1, without those of the classes.

    class_weight : ndarray of shape (n_classes,), "balanced", "frequency" or None
        Weights of the classes; names are worked out anew for every part.

    ranks : ndarray of shape (n_samples,) or None, default=None
        Order in which samples are dealt to folds; None is that of the rows.
    """

    X: np.ndarray | sparse.csr_array | ArrangedTable
    bounds: list
    codes: np.ndarray
    n_classes: int
    weights: np.ndarray
    class_weight: object
    ranks: np.ndarray | None = None

    def __len__(self):
        return len(self.codes)

    @cached_property
    def targets(self):
        """One column per class, 1 for its members."""
        return np.eye(self.n_classes)[self.codes]

    def take(self, index):
        """Return some of the samples."""
        weights = self.weights[index]
        return RidgeProblem(
            self.X[index],
            self.bounds,
            self.codes[index],
            self.n_classes,
            weights / weights.mean(),
            self.class_weight,
            None if self.ranks is None else self.ranks[index],
        )

    def class_factors(self, index=slice(None)):
        """Return the weight of each class."""
        codes, weights = self.codes[index], self.weights[index]
        return class_factors(codes, weights, self.class_weight, self.n_classes)

    def total_weights(self, index=slice(None)):
        """Return weights of samples times those of their classes, with mean 1.

        Those that are nothing beside the others stay large enough to divide by.
        """
        weights = self.weights[index] * self.class_factors(index)[self.codes[index]]
        return np.maximum(weights / weights.mean(), _SMALLEST_WEIGHT)


def _centered(problem):
    """Return each modality's features without their means, NaN as 0, and the means.

    Sparse features keep their zeros; their means are taken off the Gram matrices. Few
    are made dense, and then give the model of dense ones to the bit.
    """
    blocks, is_sparse = [], sparse.issparse(problem.X)
    for start, stop in problem.bounds:
        if not is_sparse:
            blocks.append(_dense_block(problem.X, start, stop, problem.weights))
            continue
        block = problem.X[:, start:stop]
        n_rows, n_columns = block.shape
        if n_rows <= _SEARCHED and n_rows * n_columns <= _SMALL:
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
    """Features of one modality without their means, which are taken off when asked for.

    A table of centered features would take as much memory as the samples.
    """

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

    def moments(self, matrix, weights, rows):
        """Return matrix' Z and weights' Z squared, over some rows."""
        first = np.empty((matrix.shape[1], self.n_features))
        second = np.empty(self.n_features)
        for part in self.parts():
            Z = self.columns(part)[rows]
            first[:, part] = matrix.T.astype(np.float32) @ Z
            second[part] = weights.astype(np.float32) @ (Z * Z)
        return first, second

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

    def moments(self, matrix, weights, rows):
        """Return matrix' Z and weights' Z squared, over some rows."""
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


def feature_weights(statistic, exponent):
    r"""Return the soft weight of each feature from its F statistic.

    .. math:: w_j \propto \max(F_j - 1, 0)^\gamma

    Parameters
    ----------
    statistic : ndarray of shape (n_features,)
        F statistics; their mean is about 1 for features that tell nothing.

    exponent : float or "top"
        :math:`\gamma`; 0 gives all features the same weight. "top" gives it to the
        2 % with the largest statistics, and none to the others.

    Returns
    -------
    weights : ndarray of shape (n_features,)
        Weights with mean 1.
    """
    if exponent == 0:
        return np.ones_like(statistic)
    if exponent == "top":
        n_kept = max(1, int(np.ceil(_TOP * len(statistic))))
        weights = (statistic >= np.partition(statistic, -n_kept)[-n_kept]).astype(float)
    else:
        excess = np.maximum(statistic - 1, 0)
        if not excess.any():
            return np.ones_like(statistic)
        weights = (excess / excess.max()) ** exponent
    return weights / weights.mean()


def _f_statistic(block, problem, rows):
    """Return the F statistic of each feature between the classes of some rows."""
    weights = problem.weights[rows]
    members = problem.targets[rows] * weights[:, None]
    sizes = members.sum(0)
    members, sizes = members[:, sizes > 0], sizes[sizes > 0]
    if len(rows) <= len(sizes) or len(sizes) < 2:
        return np.ones(block.n_features)
    first, second = block.moments(members, weights, rows)
    return f_statistic_of(first, second, sizes, len(rows))


def f_statistic_of(first, second, sizes, n):
    """Return F statistics from sums of each class, and of squares, over samples.

    Weights have mean 1, so that n of them sum to about n.
    """
    k = len(sizes)
    means = first / sizes[:, None]
    center = first.sum(0) / sizes.sum()
    between = (sizes[:, None] * (means - center) ** 2).sum(0)
    total = second - sizes.sum() * center**2
    within = np.maximum(total - between, 1e-6 * np.maximum(total, 1e-30))
    statistic = (between / (k - 1)) / (within / (n - k))
    return np.where(total > 1e-12 * total.max(initial=0.0), statistic, 0.0)


def _solve(gram, weights, targets):
    """Return dual coefficients and intercepts of weighted ridge; the penalty is 1.

    Raises LinAlgError where the system is too ill-conditioned for the precision.
    """
    system = np.array(gram, order="F")
    system[np.diag_indices_from(system)] += 1 / weights
    factorize, solve = lapack.dpotrf, lapack.dpotrs
    if system.dtype == np.float32:
        factorize, solve = lapack.spotrf, lapack.spotrs
    factor, failed = factorize(system, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError("The Gram matrix is not positive definite.")
    right = np.ones((len(gram), targets.shape[1] + 1), dtype=system.dtype, order="F")
    right[:, :-1] = targets
    solution, _ = solve(factor, right, lower=1, overwrite_b=1)
    intercept = solution[:, :-1].sum(0) / solution[:, -1].sum()
    return solution[:, :-1] - solution[:, [-1]] * intercept, intercept


def leave_one_out(gram, weights, targets):
    r"""Return what each sample is given by the model that all others make.

    Ridge with an intercept solves :math:`M (\alpha; b) = (y; 0)` for

    .. math:: M = \begin{pmatrix} K + W^{-1} & 1 \\ 1^T & 0 \end{pmatrix},

    and without sample `i` it answers :math:`y_i - \alpha_i / (M^{-1})_{ii}` there.

    Parameters
    ----------
    gram : ndarray of shape (n_samples, n_samples)
        Gram matrix over the penalty.

    weights : ndarray of shape (n_samples,)
        Weights, which stay as they are when a sample is left out.

    targets : ndarray of shape (n_samples, n_classes)
        What to fit.

    Returns
    -------
    scores : ndarray of shape (n_samples, n_classes)
        Exact leave-one-out predictions.
    """
    system = np.array(gram, dtype=np.float64, order="F")
    system[np.diag_indices_from(system)] += 1 / weights
    inverse = np.linalg.inv(system)
    row = inverse.sum(0)
    diagonal = np.diag(inverse) - row**2 / row.sum()
    dual = inverse @ targets
    dual -= np.outer(row, dual.sum(0) / row.sum())
    return targets - dual / diagonal[:, None]


class _Fold:
    """A part to learn from and a part to score, and their Gram matrices."""

    def __init__(self, problem, blocks, train, valid):
        self.problem, self.train, self.valid = problem, train, valid
        self._blocks, self._grams = blocks, {}
        self._weights = problem.total_weights(train).astype(np.float32)
        self._targets = problem.targets[train].astype(np.float32)

    def prepare(self, exponents, plain):
        """Make the Gram matrices of all exponents; those of 0 are given."""
        for b, block in enumerate(self._blocks):
            others = [exponent for exponent in exponents if exponent != 0]
            grams = {0: plain[b][:, self.train]}
            if others:
                statistic = _f_statistic(block, self.problem, self.train)
                scales = [feature_weights(statistic, e) for e in others]
                grams |= zip(others, block.grams(scales, self.train), strict=True)
            for exponent, gram in grams.items():
                own = gram[self.train]
                scale = np.float32(1 / max(np.trace(own) / len(own), 1e-30))
                own = np.asfortranarray(own, dtype=np.float32) * scale
                other = gram[self.valid].astype(np.float32) * scale
                self._grams[b, exponent] = own, other
        return self

    def scores(self, strengths, exponents):
        """Return what the part to score is given."""
        own = other = 0.0
        for b, (strength, exponent) in enumerate(
            zip(strengths, exponents, strict=True)
        ):
            if strength > 0:
                mine, theirs = self._grams[b, exponent]
                own = own + np.float32(strength) * mine
                other = other + np.float32(strength) * theirs
        try:
            dual, intercept = _solve(own, self._weights, self._targets)
        except np.linalg.LinAlgError:
            own, weights = own.astype(np.float64), self._weights.astype(np.float64)
            dual, intercept = _solve(own, weights, self._targets)
        return other @ dual + intercept


def _deal(problem, n_folds, repeat):
    """Return the fold of each sample, dealt class by class."""
    n_samples = len(problem)
    order = np.random.default_rng(repeat).permutation(n_samples)
    if problem.ranks is not None:
        order = np.argsort(problem.ranks)[order]
    order = order[np.argsort(problem.codes[order], kind="stable")]
    folds = np.empty(n_samples, dtype=int)
    folds[order] = np.arange(n_samples) % n_folds
    return folds


@dataclass
class RidgePath:
    """A ridge classifier with a strength and a feature scale for each modality.

    Parameters
    ----------
    exponents : sequence of float or "top"
        Exponents of the feature weights to choose from, 0 among them.

    searches_weights : bool
        Whether each modality gets a strength of its own.

    n_folds : int or None
        Inner folds; None leaves out one sample at a time, in closed form, for which
        the exponents must be 0: a scale that was learned from a sample is no judge of
        what is predicted for it.

    n_repeats : int
        How many times the folds are dealt.

    margin : float
        Fall of the criterion that is worth a change of weights or exponents.

    Attributes
    ----------
    strengths : ndarray of shape (n_blocks,)
        Strength of each Gram matrix of mean diagonal 1, over a penalty of 1.

    chosen : list of float or "top"
        Exponent of each modality.

    weights : list of ndarray of shape (n_features_of_block,)
        Feature weights with mean 1.

    temperature : float
        Factor that makes logits of scores.

    oof : ndarray of shape (n_samples, n_classes)
        Logits of each sample by models that had not seen it.

    mean, coef, intercept : ndarray
        Of the linear model in the original features that gives logits.
    """

    exponents: tuple = (0, 0.5, 1, 2)
    searches_weights: bool = True
    n_folds: int | None = 5
    n_repeats: int = 1
    margin: float = 0.005

    def fit(self, problem):
        """Choose strengths and exponents, and learn from all samples."""
        part = self.search(problem)
        if part is not problem:
            self._open(problem, exponents=set(self.chosen) | {0})
        scores = self._out_of_fold(self.strengths, self.chosen)
        self.temperature = self._best_temperature(scores)
        self.oof = self.temperature * scores.mean(0)
        self._finish(problem)
        self._folds = self._plain = self._blocks = self._problem = None
        return self

    def search(self, problem):
        """Choose strengths and exponents on a part of the samples; return the part."""
        part = problem
        if len(problem) > _SEARCHED:
            kept = _deal(problem, -(-len(problem) // _SEARCHED), 0) == 0
            part = problem.take(np.flatnonzero(kept))
        self._open(part)
        self._search(len(problem.bounds))
        return part

    def calibrate(self, problem, scores):
        """Find the temperature of scores by models that had not seen the samples."""
        self._problem, self._total = problem, problem.total_weights()
        self._judged = [np.ones(len(problem), dtype=bool)]
        self.temperature = self._best_temperature(scores[None])
        self._folds = self._plain = self._blocks = self._problem = None

    def _open(self, problem, exponents=None):
        """Make the Gram matrices that the search asks for."""
        exponents = self.exponents if exponents is None else exponents
        self._problem = problem
        self._blocks = _centered(problem)
        everyone = np.arange(len(problem))
        self._plain = [
            block.grams([np.ones(block.n_features)], everyone)[0]
            for block in self._blocks
        ]
        self._total = problem.total_weights()
        self._folds, self._judged = [], []
        for repeat in range(self.n_repeats if self.n_folds else 0):
            fold = _deal(problem, self.n_folds, repeat)
            judged = np.ones(len(problem), dtype=bool)
            for i in range(self.n_folds):
                train, valid = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
                if len(valid) == 0 or len(train) == 0:
                    continue
                known = np.isin(problem.codes[valid], problem.codes[train])
                judged[valid] = known
                new = _Fold(problem, self._blocks, train, valid)
                self._folds.append((repeat, new.prepare(exponents, self._plain)))
            self._judged.append(judged)
        if not self.n_folds:
            self._judged = [np.ones(len(problem), dtype=bool)]
        self._scores = {}

    def _out_of_fold(self, strengths, exponents):
        """Return scores of shape (n_repeats, n_samples, n_classes)."""
        problem = self._problem
        shape = (len(self._judged), len(problem), problem.n_classes)
        scores = np.zeros(shape)
        if not self.n_folds:
            gram = sum(
                s * g / max(np.trace(g) / len(g), 1e-30)
                for s, g in zip(strengths, self._plain, strict=True)
            )
            scores[0] = leave_one_out(gram, self._total, problem.targets)
        for repeat, fold in self._folds:
            scores[repeat, fold.valid] = fold.scores(strengths, exponents)
        return scores

    def _losses(self, scores, temperatures):
        """Return the criterion at each temperature: a weighted mean log loss."""
        problem, judged, weights, codes = self._judge()
        picked, losses = scores[judged], []
        for temperature in temperatures:
            log_proba = log_softmax(temperature * picked, axis=1)
            proba = np.exp(log_proba[np.arange(len(codes)), codes])
            smooth = (1 - _SMOOTHING) * proba + _SMOOTHING / problem.n_classes
            losses.append(-weights @ np.log(smooth))
        return np.array(losses)

    def _best_temperature(self, scores):
        """Return the factor of least log loss, with Platt's targets.

        They are short of 1, by the less the more members a class has: where all
        samples are on the right side, no finite factor would be the best one.
        """
        problem, judged, weights, codes = self._judge()
        members = np.bincount(problem.codes, minlength=problem.n_classes)[codes]
        targets = np.full((len(codes), problem.n_classes), 1.0)
        targets /= ((members + 2) * (problem.n_classes - 1))[:, None]
        targets[np.arange(len(codes)), codes] = (members + 1) / (members + 2)

        def loss(log_temperature):
            logits = np.exp(log_temperature) * scores[judged]
            return -weights @ (targets * log_softmax(logits, axis=1)).sum(1)

        bounds = np.log(_TEMPERATURES)
        found = minimize_scalar(loss, bounds=bounds, method="bounded")
        return float(np.exp(found.x))

    def _judge(self):
        """Return what the criterion is taken over, and with which weights."""
        problem, judged = self._problem, np.array(self._judged)
        if not judged.any():
            judged = np.ones_like(judged)
        weights = np.broadcast_to(self._total, judged.shape)[judged]
        codes = np.broadcast_to(problem.codes, judged.shape)[judged]
        return problem, judged, weights / weights.sum(), codes

    def _criterion(self, strengths, exponents):
        """Return the loss of a choice, at the best of some temperatures."""
        if not 0 < np.sum(strengths) <= _LARGEST:
            return np.inf
        key = (*np.round(strengths, 9), *exponents)
        if key not in self._scores:
            temperatures = np.geomspace(*_TEMPERATURES, 15)
            scores = self._out_of_fold(strengths, exponents)
            self._scores[key] = self._losses(scores, temperatures).min()
        return self._scores[key]

    def _search(self, n_blocks):
        """Choose strengths and exponents one after another, twice around."""
        self.chosen = [0] * n_blocks
        tried = [np.full(n_blocks, s / n_blocks) for s in _STRENGTHS]
        losses = [self._criterion(strengths, self.chosen) for strengths in tried]
        self.strengths, self.loss = tried[int(np.argmin(losses))], min(losses)
        for _ in range(2):
            before = self.loss
            for strengths, exponents in self._moves(n_blocks):
                self._try(strengths(), exponents(), self.margin)
            for factor in _STEPS:
                self._try(self.strengths * factor, self.chosen, 0.0)
            if self.loss >= before:
                break

    def _try(self, strengths, exponents, margin):
        loss = self._criterion(strengths, exponents)
        if loss < self.loss - margin:
            self.strengths, self.chosen, self.loss = strengths, list(exponents), loss

    def _moves(self, n_blocks):
        """Yield functions that change what is chosen so far in one way each."""
        others = [exponent for exponent in self.exponents if exponent != 0]
        for exponent in others:
            for factor in (0.3, 1.0, 3.0):
                yield (
                    lambda factor=factor: self.strengths * factor,
                    lambda exponent=exponent: [exponent] * n_blocks,
                )
        for b in range(n_blocks):
            for exponent in self.exponents if others else ():
                yield (
                    lambda: self.strengths,
                    lambda b=b, exponent=exponent: [
                        *self.chosen[:b],
                        exponent,
                        *self.chosen[b + 1 :],
                    ],
                )
            if self.searches_weights and n_blocks > 1:
                start = self.strengths
                for factor in _FACTORS:
                    changed = np.array(start)
                    changed[b] *= factor
                    yield lambda changed=changed: changed, lambda: self.chosen

    def _finish(self, problem):
        """Learn from all samples, and write the model in the original features."""
        everyone, gram, scales = np.arange(len(problem)), 0.0, []
        self.weights = []
        for b, block in enumerate(self._blocks):
            if self.chosen[b] == 0:
                weights, own = np.ones(block.n_features), self._plain[b]
            else:
                statistic = _f_statistic(block, problem, everyone)
                weights = feature_weights(statistic, self.chosen[b])
                own = block.grams([weights], everyone)[0]
            scale = self.strengths[b] / max(np.trace(own) / len(own), 1e-30)
            gram = gram + scale * own
            self.weights.append(weights)
            scales.append(scale)
        dual, intercept = _solve(gram, self._total, problem.targets)
        parts = [
            (scale * weights)[:, None] * block.transposed_product(dual)
            for scale, weights, block in zip(
                scales, self.weights, self._blocks, strict=True
            )
        ]
        self.mean = np.concatenate([block.mean for block in self._blocks])
        self.coef = self.temperature * np.concatenate(parts)
        self.intercept = self.temperature * intercept
