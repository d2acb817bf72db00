"""Multinomial regression with an elastic net or a group lasso."""

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.utils.class_weight import compute_sample_weight

from skomics.benchmark._inner_folds import _to_dense, make_inner_folds
from skomics.benchmark._rival_base import ProbableRival

__all__ = ["SparseMultinomialClassifier"]


# Of a class that no sample of an inner training part has.
_LEAST_LOG = np.log(1e-6)


class SparseMultinomialClassifier(ProbableRival):
    r"""Multinomial regression that uses few features.

    It minimizes

    .. math:: \sum_i w_i \ell(y_i, x_i B + b) + \lambda \Big( \rho \Omega(B)
        + \frac{1 - \rho}{2} \|B\|^2 \Big)

    where the weights :math:`w_i` sum to the same number in each class, :math:`\ell` is
    the cross-entropy and :math:`\Omega` is the sum of absolute coefficients (elastic
    net), or of the norms of the rows of :math:`B` (group lasso: a feature is used for
    all classes or for none). :math:`\rho` and :math:`\lambda` are those of the smallest
    weighted cross-entropy on inner folds.

    Parameters
    ----------
    is_grouped : bool, default=False
        Whether the coefficients of a feature are a group.

    l1_ratios : tuple of float, default=(0.2, 0.6, 1.0)
        Candidates of :math:`\rho`, above 0.

    n_strengths : int, default=10
        Number of candidates of :math:`\lambda` for each of these, from the smallest
        one that uses no feature down.

    smallest : float, default=0.02
        The last candidate as a part of the first one.

    patience : int, default=2
        After how many candidates that are no better smaller ones are left out.

    n_splits : int, default=3
        Number of inner folds.

    tol : float, default=3e-3
        By how much the gradient may miss, as a part of that of no features.

    max_iter : int, default=500
        Number of steps for one candidate at most.

    random_state : int, default=None
        Seed of the inner folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    coef_ : ndarray of shape (n_classes, n_features)
        Coefficients.

    intercept_ : ndarray of shape (n_classes,)
        Intercepts.

    l1_ratio_, strength_ : float
        What was chosen.
    """

    def __init__(
        self,
        is_grouped=False,
        l1_ratios=(0.2, 0.6, 1.0),
        n_strengths=10,
        smallest=0.02,
        patience=2,
        n_splits=3,
        tol=3e-3,
        max_iter=500,
        random_state=None,
    ):
        self.is_grouped = is_grouped
        self.l1_ratios = l1_ratios
        self.n_strengths = n_strengths
        self.smallest = smallest
        self.patience = patience
        self.n_splits = n_splits
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X, y):
        """Choose ratio and strength by inner folds, then fit to all samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        y : array-like of shape (n_samples,)
            The classes.

        Returns
        -------
        self : object
            Fitted.
        """
        codes, targets, weights = self._encode(y)
        folds = make_inner_folds(self.n_splits, self.random_state)
        folds = list(folds.split(codes, codes))
        null = weights @ targets
        largest = self._size(X.T @ (weights[:, None] * (null - targets))).max()
        steps = max(largest, 1e-12) * np.geomspace(1, self.smallest, self.n_strengths)
        best = np.inf
        for ratio in self.l1_ratios:
            strengths = steps / ratio
            losses = self._validate(X, codes, targets, weights, folds, ratio, strengths)
            if min(losses) < best:
                best, place = min(losses), int(np.argmin(losses))
                self.l1_ratio_, self.strength_ = ratio, strengths[place]
                chosen = strengths[: place + 1]
        *_, (coef, intercept) = self._path(X, targets, weights, self.l1_ratio_, chosen)
        self.coef_, self.intercept_ = coef.T, intercept
        return self

    def _score(self, X):
        return softmax(X @ self.coef_.T + self.intercept_, axis=1)

    def _validate(self, X, codes, targets, weights, folds, ratio, strengths):
        """Return losses on inner folds, from the first strength until they rise."""
        paths = [
            # Each fold weighs its own classes.
            self._path(
                X[train],
                targets[train],
                compute_sample_weight("balanced", codes[train]) / len(train),
                *(ratio, strengths),
            )
            for train, _ in folds
        ]
        losses = []
        for fits in zip(*paths, strict=True):
            loss = 0.0
            for (_, test), (coef, intercept) in zip(folds, fits, strict=True):
                logs = log_softmax(X[test] @ coef + intercept, axis=1)
                logs = (targets[test] * logs).sum(axis=1)
                loss -= weights[test] @ np.maximum(logs, _LEAST_LOG)
            losses.append(loss)
            if len(losses) - np.argmin(losses) > self.patience:
                break
        return losses

    def _path(self, X, targets, weights, ratio, strengths):
        """Yield coefficients and intercept for each strength, from the largest down."""
        shrink = _shrink_rows if self.is_grouped else _shrink_each
        coef = np.zeros((X.shape[1], targets.shape[1]))
        intercept = np.log(np.maximum(weights @ targets, np.exp(_LEAST_LOG)))
        intercept -= intercept.mean()
        loss, residual = _weighted_loss(
            np.broadcast_to(intercept, targets.shape), targets, weights
        )
        enough, slope = 0.01 * loss, X.T @ residual
        tol = self.tol * self._size(slope).max()
        before, curve = strengths[0] * ratio, 1.0
        for strength in strengths:
            if loss > enough:
                l1, l2 = strength * ratio, strength * (1 - ratio)
                # The strong rule of Tibshirani et al. 2012 tells what may be used.
                is_in = (self._size(slope) >= 2 * l1 - before) | coef.any(axis=1)
                is_missed = is_in
                while is_missed.any():
                    is_in |= is_missed
                    part = _to_dense(X[:, is_in])
                    start = np.vstack([coef[is_in], intercept])
                    part = np.column_stack([part, np.ones(len(part))])
                    end, curve = _descend(
                        *(part, targets, weights, start, l1, l2, shrink, curve),
                        *(tol, self.max_iter),
                    )
                    coef[is_in], intercept = end[:-1], end[-1]
                    loss, residual = _weighted_loss(part @ end, targets, weights)
                    slope = X.T @ residual
                    is_missed = ~is_in & (self._size(slope) > l1 + tol)
                before = l1
            yield coef.copy(), intercept.copy()

    def _size(self, slope):
        """Return for each feature what its penalty is held against."""
        size = np.linalg.norm if self.is_grouped else _largest
        return size(slope, axis=1)


def _largest(values, axis):
    return np.abs(values).max(axis=axis)


def _shrink_each(coef, by):
    return np.sign(coef) * np.maximum(np.abs(coef) - by, 0)


def _shrink_rows(coef, by):
    norms = np.linalg.norm(coef, axis=1, keepdims=True)
    return coef * np.maximum(1 - by / np.maximum(norms, 1e-300), 0)


def _weighted_loss(logits, targets, weights):
    """Return the weighted cross-entropy, and its gradient in the logits."""
    logs = logits - logits.max(axis=1, keepdims=True)
    proba = np.exp(logs)
    sums = proba.sum(axis=1, keepdims=True)
    logs, proba = logs - np.log(sums), proba / sums
    loss = -weights @ (targets * logs).sum(axis=1)
    return loss, weights[:, None] * (proba - targets)


def _descend(X, targets, weights, coef, l1, l2, shrink, curve, tol, max_iter):
    """Return coefficients of the smallest loss, and the curvature to start from next.

    Accelerated proximal gradient (Beck & Teboulle 2009) with restarts; the last row
    of the coefficients is the intercept, which has no penalty.
    """
    l2 = np.r_[np.full(len(coef) - 1, l2), 0.0][:, None]
    logits = X @ coef
    at, logits_at, momentum = coef, logits, 1.0
    for _ in range(max_iter):
        loss, residual = _weighted_loss(logits_at, targets, weights)
        loss += (l2 * at**2).sum() / 2
        slope = X.T @ residual + l2 * at
        while True:
            new = at - slope / curve
            new[:-1] = shrink(new[:-1], l1 / curve)
            logits_new, step = X @ new, new - at
            new_loss = _weighted_loss(logits_new, targets, weights)[0]
            new_loss += (l2 * new**2).sum() / 2
            bound = loss + (slope * step).sum() + curve / 2 * (step**2).sum()
            if new_loss <= bound + 1e-12:
                break
            curve *= 2
        move, logits_move = new - coef, logits_new - logits
        coef, logits = new, logits_new
        if curve * np.abs(step).max() <= tol:
            break
        if (step * move).sum() < 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        pace = (momentum - 1) / following
        at, logits_at = coef + pace * move, logits + pace * logits_move
        momentum, curve = following, 0.9 * curve
    return coef, curve
