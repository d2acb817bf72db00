r"""The ridge path of samples that are in no memory: from sums over one pass.

In features, not in samples: for weights :math:`w_i` and features :math:`z_i` without
their mean, all that ridge asks for are :math:`\sum w_i z_i z_i^T` and sums of each
class. They are kept for each inner fold, so that a fold's model is that of all sums but
its own. How strongly each modality is shrunk, and which features weigh more, is
searched on some of the samples, as it is for samples in memory.
"""

import numpy as np
from scipy import linalg, sparse

from skomics._threads import blas_threads
from skomics.estimators._block_ridge import BlockRidgeClassifier
from skomics.estimators._ridge_path import (
    RidgePath,
    RidgeProblem,
    f_statistic_of,
    feature_weights,
)
from skomics.estimators._samples import class_factors, read_class_weight

__all__ = ["RidgeSums"]

_N_FOLDS = 5
# Samples that are kept, to search and to find the temperature by.
_KEPT = 4000
# Features up to which a matrix of features by features for each fold is kept: 5 GB of
# memory in all would be needed for twice as many.
_MOST_FEATURES = 6000


class RidgeSums:
    """Sums over samples, for each inner fold, and some of the samples.

    Parameters
    ----------
    model : BaseOmicsClassifier
        With its layout and classes.

    stream : OmicsStream
        The samples.

    rows : ndarray of shape (n_samples,)
        Positions of those that count.

    codes, weights : ndarray of shape (n_samples,)
        Their classes and weights.
    """

    def __init__(self, model, stream, rows, codes, weights):
        n_features, n_classes = model.n_features_in_, len(model.classes_)
        if n_features > _MOST_FEATURES:
            raise ValueError(
                f"The ridge path of {n_features} features on disk would keep "
                f"{_N_FOLDS} matrices of features by features; at most "
                f"{_MOST_FEATURES} are wanted. Set linear_path=None, or keep fewer "
                "features, with VarianceThreshold in OmicsConcatenator."
            )
        self._codes, self._n_classes = codes, n_classes
        is_one = weights.strides == (0,)
        self._weights = weights if is_one else weights / weights.mean()
        self._class_weight = read_class_weight(model.class_weight, model.classes_)
        self._factors = class_factors(
            codes, self._weights, self._class_weight, n_classes
        )
        self._rows, self._folds = rows, _deal(codes, n_classes)
        self._kept = _choose(codes, n_classes)
        self._tables, self._n_added = [], 0
        kept, _ = model._stream_table(stream, rows[self._kept])
        self._sample = _dense(kept)
        self._search(model)  # before there are sums, which take most of the memory
        # Near the means: sums of squares around them keep their digits.
        with np.errstate(all="ignore"):
            shift = np.nan_to_num(np.nanmean(self._sample, axis=0, dtype=np.float64))
        self._shift = shift.astype(np.float32)
        self._grams = np.zeros((_N_FOLDS, n_features, n_features))
        self._firsts = np.zeros((_N_FOLDS, n_classes, n_features))
        self._squares = np.zeros((_N_FOLDS, n_features))
        # Sums and sums of squares in which all samples count the same.
        self._plain = np.zeros((_N_FOLDS, 2, n_features))
        self._sizes = np.zeros((_N_FOLDS, n_classes))
        self._counts = np.zeros(_N_FOLDS)

    def _search(self, model):
        """Choose strengths and exponents by the samples that are kept."""
        weights = self._weights[self._kept]
        self._problem = RidgeProblem(
            X=self._sample,
            bounds=model._bounds,
            codes=self._codes[self._kept],
            n_classes=self._n_classes,
            weights=weights / weights.mean(),
            class_weight=self._class_weight,
        )
        self._ridge = BlockRidgeClassifier(
            class_weight=model.class_weight, n_threads=model.n_threads
        )
        self._path = RidgePath(exponents=self._ridge._exponents())
        with blas_threads(model.n_threads):
            self._path.search(self._problem)
        self._path.forget()

    def add(self, table):
        """Add the samples that come next, block by block."""
        here = slice(self._n_added, self._n_added + table.shape[0])
        self._n_added = here.stop
        codes, folds = self._codes[here], self._folds[here]
        weights = self._weights[here]
        Z = self._centered(table)
        for fold in range(_N_FOLDS):
            mine = np.flatnonzero(folds == fold)
            if len(mine):
                self._add(fold, Z[mine], codes[mine], weights[mine])

    def _centered(self, table):
        Z = _dense(table) - self._shift
        np.nan_to_num(Z, copy=False)  # a modality that is not there counts as average
        return Z

    def _add(self, fold, Z, codes, weights):
        roots = np.sqrt(weights * self._factors[codes]).astype(np.float32)
        members = np.zeros((self._n_classes, len(Z)), dtype=np.float32)
        members[codes, np.arange(len(Z))] = weights
        self._firsts[fold] += members @ Z
        squares = Z * Z
        self._squares[fold] += weights.astype(np.float32) @ squares
        self._plain[fold] += Z.sum(axis=0), squares.sum(axis=0)
        self._sizes[fold] += np.bincount(codes, weights, self._n_classes)
        self._counts[fold] += len(Z)
        Z *= roots[:, None]
        self._grams[fold] += Z.T @ Z

    def solve(self, model):
        """Return the fitted path, and a function that gives logits out of fold.

        Parameters
        ----------
        model : BaseOmicsClassifier
            With its layout and classes.

        Returns
        -------
        path : BlockRidgeClassifier
            Fitted.

        out_of_fold : callable
            Takes samples block by block, and their positions in the file.
        """
        path, bounds = self._path, model._bounds
        everyone = np.ones(_N_FOLDS, dtype=bool)
        parts = [everyone.copy() for _ in range(_N_FOLDS)]
        for fold, part in enumerate(parts):
            part[fold] = False
        models = [self._fit(part, path, bounds) for part in parts]
        whole = self._fit(everyone, path, bounds)
        out_of_fold = _OutOfFold(self, models)
        scores = out_of_fold(self._sample, self._rows[self._kept])
        path.calibrate(self._problem, scores)
        out_of_fold.temperature = path.temperature
        first, size = self._firsts.sum((0, 1)), self._sizes.sum()
        shift = first / size
        path.mean = self._shift + shift
        path.weights = whole.weights
        path.coef = path.temperature * whole.coef
        path.intercept = path.temperature * (whole.intercept + shift @ whole.coef)
        self._grams = None
        return self._ridge._adopt_path(model, path), out_of_fold

    def _fit(self, used, path, bounds):
        """Return the scores' linear model of some of the folds, around the shift."""
        first, size = self._firsts[used].sum(0), self._sizes[used].sum(0)
        square = self._squares[used].sum(0)
        # The matrices have the factors of all samples; those of a part, which is
        # stratified, differ in the last digits only.
        factors = self._factors
        mass = factors @ size
        scale = self._counts[used].sum() / mass
        center = factors @ first / mass
        gram = mass * np.outer(-center, center)
        for fold in np.flatnonzero(used):
            gram += self._grams[fold]
        moments = factors[:, None] * (first - size[:, None] * center)
        n_samples, mean = self._counts[used].sum(), first.sum(0) / size.sum()
        sums, squares = self._plain[used].sum(0) / n_samples
        variance = squares - 2 * mean * sums + mean**2
        weights = [
            self._feature_weights(
                exponent, first[:, start:stop], square[start:stop], size, n_samples
            )
            for (start, stop), exponent in zip(bounds, path.chosen, strict=True)
        ]
        penalties = [
            strength / max(float(own @ variance[start:stop]), 1e-30) * own
            for (start, stop), strength, own in zip(
                bounds, path.strengths, weights, strict=True
            )
        ]
        penalties = np.concatenate(penalties)
        roots = np.sqrt(penalties)
        gram *= scale * roots[:, None]
        gram *= roots
        gram[np.diag_indices_from(gram)] += 1.0
        right = (scale * moments * roots).T
        factor = linalg.cho_factor(
            gram, lower=True, overwrite_a=True, check_finite=False
        )
        coef = roots[:, None] * linalg.cho_solve(factor, right, check_finite=False)
        intercept = factors * size / mass - center @ coef
        return _Scores(coef, intercept, weights)

    @staticmethod
    def _feature_weights(exponent, first, square, size, n_samples):
        if exponent == 0:
            return np.ones(len(square))
        return feature_weights(f_statistic_of(first, square, size, n_samples), exponent)


class _Scores:
    """A linear model of the scores of classes."""

    def __init__(self, coef, intercept, weights):
        self.coef, self.intercept, self.weights = coef, intercept, weights


class _OutOfFold:
    """Logits of each sample by the model of the folds that it is not in."""

    def __init__(self, sums, models):
        self.temperature = 1.0
        self._shift, self._n_classes = sums._shift, sums._n_classes
        self._rows, self._folds = sums._rows, sums._folds
        self._coef = np.concatenate([m.coef for m in models], axis=1).astype(np.float32)
        self._intercepts = np.array([m.intercept for m in models])

    def __call__(self, table, rows):
        folds = self._folds[np.searchsorted(self._rows, rows)]
        logits = np.empty((table.shape[0], self._n_classes))
        Z = np.nan_to_num(_dense(table) - self._shift, copy=False)
        scores = (Z @ self._coef).reshape(len(Z), _N_FOLDS, self._n_classes)
        everyone = np.arange(len(Z))
        logits[:] = scores[everyone, folds] + self._intercepts[folds]
        return self.temperature * logits


def _dense(table):
    return table.toarray() if sparse.issparse(table) else np.asarray(table)


def _deal(codes, n_classes):
    """Return the fold of each sample: those of a class in turn, as they come."""
    folds = np.empty(len(codes), dtype=np.int8)
    for code in range(n_classes):
        members = np.flatnonzero(codes == code)
        folds[members] = np.arange(len(members)) % _N_FOLDS
    return folds


def _choose(codes, n_classes):
    """Return positions of some samples, stratified by class; they increase."""
    if len(codes) <= _KEPT:
        return np.arange(len(codes))
    random, chosen = np.random.default_rng(0), []
    for code in range(n_classes):
        members = np.flatnonzero(codes == code)
        n_chosen = min(len(members), max(2, round(_KEPT * len(members) / len(codes))))
        chosen.append(random.choice(members, n_chosen, replace=False))
    return np.sort(np.concatenate(chosen))
