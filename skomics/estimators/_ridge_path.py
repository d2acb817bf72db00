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
from skomics.estimators._ridge_blocks import centered_blocks
from skomics.estimators._samples import class_factors

__all__ = [
    "RidgePath",
    "RidgeProblem",
    "f_statistic_of",
    "feature_weights",
    "leave_one_out",
]

# Samples that the search looks at.
_SEARCHED = 1000
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


def _f_statistics(block, problem, parts):
    """Return F statistics of features between the classes, for several sets of rows."""
    tasks, sizes = [], []
    for rows in parts:
        weights = problem.weights[rows]
        members = problem.targets[rows] * weights[:, None]
        n_members = members.sum(0)
        tasks.append((members[:, n_members > 0], weights, rows))
        sizes.append(n_members[n_members > 0])
    found = np.ones((len(parts), 2, block.n_features))
    is_told = [len(rows) > len(n) > 1 for rows, n in zip(parts, sizes, strict=True)]
    for part, sums in block.moments(tasks):
        for i, (first, second) in enumerate(sums):
            if is_told[i]:
                found[i, :, part] = _ratios(first, second, sizes[i], len(parts[i]))
    return [_without_constants(*pair) for pair in found]


def f_statistic_of(first, second, sizes, n):
    """Return F statistics from sums of each class, and of squares, over samples.

    Weights have mean 1, so that n of them sum to about n.
    """
    return _without_constants(*_ratios(first, second, sizes, n))


def _ratios(first, second, sizes, n):
    """Return F statistics, and the sum of squares that each is of."""
    k = len(sizes)
    means = first / sizes[:, None]
    center = first.sum(0) / sizes.sum()
    between = (sizes[:, None] * (means - center) ** 2).sum(0)
    total = second - sizes.sum() * center**2
    within = np.maximum(total - between, 1e-6 * np.maximum(total, 1e-30))
    return (between / (k - 1)) / (within / (n - k)), total


def _without_constants(statistic, total):
    """Return statistics, 0 for features that are the same for all samples."""
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

    def prepare(self, exponents, plain, statistics):
        """Make the Gram matrices of all exponents; those of 0 are given."""
        for b, block in enumerate(self._blocks):
            others = [exponent for exponent in exponents if exponent != 0]
            grams = {0: plain[b][:, self.train]}
            if others:
                scales = [feature_weights(statistics[b], e) for e in others]
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
        self.forget()
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
        self.forget()

    def forget(self):
        """Let go of the samples and of what was made of them to search by."""
        self._folds = self._plain = self._blocks = self._problem = None

    def _open(self, problem, exponents=None):
        """Make the Gram matrices that the search asks for."""
        exponents = self.exponents if exponents is None else exponents
        self._problem = problem
        self._blocks = centered_blocks(problem)
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
                self._folds.append((repeat, new))
            self._judged.append(judged)
        self._prepare_folds(exponents)
        if not self.n_folds:
            self._judged = [np.ones(len(problem), dtype=bool)]
        self._scores = {}

    def _prepare_folds(self, exponents):
        """Make the Gram matrices of all folds, with their own feature weights."""
        parts = [fold.train for _, fold in self._folds]
        statistics = [[] for _ in self._blocks]
        if set(exponents) != {0}:
            statistics = [
                _f_statistics(block, self._problem, parts) for block in self._blocks
            ]
        for i, (_, fold) in enumerate(self._folds):
            own = [statistic[i] for statistic in statistics if statistic]
            fold.prepare(exponents, self._plain, own)

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
                (statistic,) = _f_statistics(block, problem, [everyone])
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
