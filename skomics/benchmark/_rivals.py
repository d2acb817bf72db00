"""Rivals: what has a chance against the classifiers of skomics on few samples.

Each is tuned within its training part, by inner folds or by samples that a tree left
out, and classes weigh the same in each.
"""

from importlib import import_module

import numpy as np
from scipy.optimize import nnls
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight

from skomics._optional import import_optional
from skomics.benchmark._inner_folds import (
    _to_dense,
    make_inner_folds,
    make_search,
    slice_columns,
)

# Of a class that no sample of an inner training part has.
_LEAST_LOG = np.log(1e-6)
# Of columns kept by a screening, where there are as many.
_SCREENED = (50, 500)


def import_foreign(package):
    """Return a package that no extra of skomics installs."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"{package} is needed here but could not be imported ({error}). Install "
            f"it with: pip install {package}"
        ) from error


class _Rival(ClassifierMixin, BaseEstimator):
    """Classifier that answers the class of the largest score."""

    def predict(self, X):
        """Return the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The classes.
        """
        return self.classes_[self._score(X).argmax(axis=1)]

    def _encode(self, y):
        """Return codes, one-hot classes, and weights that sum to 1, of samples."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        weights = compute_sample_weight("balanced", codes) / len(codes)
        return codes, np.eye(len(self.classes_))[codes], weights


class _Probable(_Rival):
    """Classifier with probabilities."""

    def predict_proba(self, X):
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The probabilities.
        """
        return self._score(X)


class MultiKernelRidgeClassifier(_Rival):
    """Ridge regression of the classes on a weighted sum of one kernel per omics.

    The kernels are linear and of the same trace. Their weights and the penalty, which
    all classes share, are those of a random search with the smallest squared error on
    inner folds, as `MultipleKernelRidgeCV` of himalaya does it. Classes weigh the same,
    in the centers and in the errors.

    Parameters
    ----------
    sizes : dict of str to int
        Numbers of columns of the omics, in the order of the columns.

    n_weights : int, default=30
        Number of weightings of the kernels that are tried; the first one is even.

    penalties : tuple of float, default=(1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
        Penalties, beside kernels of mean diagonal 1 and weights of samples that sum
        to 1.

    random_state : int, default=None
        Seed of the weightings and of the inner folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    weights_ : ndarray of shape (n_omics,)
        Weights of the kernels; they sum to 1.
    """

    def __init__(
        self,
        sizes,
        n_weights=30,
        penalties=(1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0),
        random_state=None,
    ):
        self.sizes = sizes
        self.n_weights = n_weights
        self.penalties = penalties
        self.random_state = random_state

    def fit(self, X, y):
        """Choose weights and penalty by inner folds, then fit to all samples.

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
        himalaya = import_optional("himalaya.kernel_ridge", extra="rivals")
        codes, targets, weights = self._encode(y)
        X = _to_dense(X)
        self.center_ = weights @ X
        self._X = X - self.center_
        blocks = slice_columns(self.sizes).values()
        traces = [np.square(self._X[:, c]).sum() / len(X) for c in blocks]
        self._scales = [1 / trace if trace > 0 else 0.0 for trace in traces]
        folds = make_inner_folds(5, self.random_state).split(codes, codes)
        self._ridge = himalaya.MultipleKernelRidgeCV(
            kernels="precomputed",
            solver_params={
                "n_iter": self.n_weights,
                "alphas": np.array(self.penalties),
                "local_alpha": False,
                "progress_bar": False,
            },
            cv=list(folds),
            random_state=self.random_state,
            force_cpu=True,
        )
        # It weighs kernels and targets, but would center them without weights.
        targets = targets - weights @ targets
        self._root = np.sqrt(weights)
        kernels = self._kernels(self._X) * self._root * self._root[:, None]
        self._ridge.fit(kernels, targets * self._root[:, None])
        share = np.exp(self._ridge.deltas_[:, 0])
        self.weights_ = share / share.sum()
        return self

    def decision_function(self, X):
        """Return a score of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) of two
            The larger, the more likely; of two classes, that of the second one.
        """
        scores = self._score(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def _score(self, X):
        kernels = self._kernels(_to_dense(X) - self.center_)
        return self._ridge.predict(kernels * self._root)

    def _kernels(self, X):
        """Return a kernel per omics between samples and those learned from."""
        blocks = zip(slice_columns(self.sizes).values(), self._scales, strict=True)
        return np.stack([X[:, c] @ self._X[:, c].T * scale for c, scale in blocks])


class SparseMultinomialClassifier(_Probable):
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


class ShrinkageLDA(_Probable):
    """Linear discriminant analysis, shrunken, of equally likely classes.

    The covariance within classes is estimated from all samples at once, each less the
    mean of its class, and shrunken as Ledoit and Wolf (2004) say: of a class of two
    samples, :class:`~sklearn.discriminant_analysis.LinearDiscriminantAnalysis`, which
    shrinks the covariance of each class, would learn little.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    coef_ : ndarray of shape (n_classes, n_features)
        Coefficients.

    intercept_ : ndarray of shape (n_classes,)
        Intercepts.
    """

    def fit(self, X, y):
        """Estimate the means and the covariance.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        y : array-like of shape (n_samples,)
            The classes.

        Returns
        -------
        self : object
            Fitted.
        """
        codes, targets, _ = self._encode(y)
        means = targets.T @ X / targets.sum(axis=0)[:, None]
        within = LedoitWolf(assume_centered=True).fit(X - means[codes])
        self.coef_ = means @ within.precision_
        self.intercept_ = -(self.coef_ * means).sum(axis=1) / 2
        return self

    def _score(self, X):
        return softmax(X @ self.coef_.T + self.intercept_, axis=1)


class BlockForestClassifier(_Probable):
    """Random forests of each omics and of all, in a weighted mean.

    It imitates the block forest of Hornung and Wright (2019), in which the omics have
    weights that are drawn at random and chosen by the error out of bag. There the
    weights stand within the trees: at each split, variables are drawn from each omics,
    and the gain of a split is multiplied by the weight of its omics. Here they stand
    between the trees, of which each sees one omics, or all. So one omics can outweigh
    another one here, too, but only the trees that see all can split by two omics in
    turn. Chosen is by the cross-entropy out of bag, in which classes weigh the same; so
    do they in the answers, of which each is divided by the share of its class, since
    weights of samples change little in trees that are grown to the end.

    Parameters
    ----------
    sizes : dict of str to int
        Numbers of columns of the omics, in the order of the columns.

    n_estimators : int, default=150
        Number of trees of each forest.

    n_weights : int, default=300
        Number of weightings that are tried; the first one is even.

    random_state : int, default=None
        Seed of the forests and of the weightings.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    forests_ : list of RandomForestClassifier
        A forest per omics, and the one of all.

    weights_ : ndarray of shape (n_omics + 1,)
        Their weights; they sum to 1.
    """

    def __init__(self, sizes, n_estimators=150, n_weights=300, random_state=None):
        self.sizes = sizes
        self.n_estimators = n_estimators
        self.n_weights = n_weights
        self.random_state = random_state

    def fit(self, X, y):
        """Grow the forests, then weigh them.

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
        rng = check_random_state(self.random_state)
        self.forests_ = [
            RandomForestClassifier(
                self.n_estimators,
                random_state=rng.randint(2**31 - 1),
                oob_score=True,
            ).fit(X[:, columns], codes)
            for columns in self._columns()
        ]
        self._shares = targets.mean(axis=0)
        left_out = [self._even_out(f.oob_decision_function_) for f in self.forests_]
        proba = np.stack([(part * targets).sum(axis=1) for part in left_out])
        mixes = rng.dirichlet(np.ones(len(proba)), self.n_weights)
        mixes[0] = 1 / len(proba)
        losses = -np.log(np.maximum(mixes @ proba, 1e-3)) @ weights
        self.weights_ = mixes[losses.argmin()]
        return self

    def _score(self, X):
        forests = zip(self.forests_, self._columns(), self.weights_, strict=True)
        return sum(w * self._even_out(f.predict_proba(X[:, c])) for f, c, w in forests)

    def _even_out(self, proba):
        """Return probabilities as if the classes had the same share."""
        proba = proba / self._shares
        return proba / proba.sum(axis=1, keepdims=True)

    def _columns(self):
        return [*slice_columns(self.sizes).values(), slice(None)]


class NonNegativeStack(_Probable):
    """Logistic regressions per omics in a weighted mean.

    The weights are not negative and sum to 1. They are those of the smallest squared
    error of the mean of the probabilities that are predicted on inner folds; classes
    weigh the same in it, and in the regressions. Each omics is there once with each
    strength, so that the weights choose the strengths, too.

    Parameters
    ----------
    sizes : dict of str to int
        Numbers of columns of the omics, in the order of the columns.

    strengths : tuple of float, default=(1e-3, 1e-2, 0.1, 1.0)
        Candidates of `C` of the regressions.

    n_splits : int, default=5
        Number of inner folds.

    random_state : int, default=None
        Seed of the inner folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    weights_ : ndarray of shape (n_omics, n_strengths)
        The weights.
    """

    def __init__(
        self, sizes, strengths=(1e-3, 1e-2, 0.1, 1.0), n_splits=5, random_state=None
    ):
        self.sizes = sizes
        self.strengths = strengths
        self.n_splits = n_splits
        self.random_state = random_state

    def fit(self, X, y):
        """Weigh the regressions by inner folds, then fit them to all samples.

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
        blocks = slice_columns(self.sizes).values()
        experts = [(c, strength) for c in blocks for strength in self.strengths]
        proba = np.zeros((len(experts), *targets.shape))
        folds = make_inner_folds(self.n_splits, self.random_state)
        for train, test in folds.split(codes, codes):
            for i, expert in enumerate(experts):
                fitted = self._learn(X[train], codes[train], *expert)
                # A rare class may be in the validation part only.
                place = np.ix_([i], test, fitted.classes_)
                proba[place] = fitted.predict_proba(X[test][:, expert[0]])
        root = np.sqrt(weights)[:, None]
        parts = (proba * root).reshape(len(experts), -1).T
        shares, _ = nnls(parts, (targets * root).ravel())
        shares /= shares.sum()
        self.weights_ = shares.reshape(len(self.sizes), len(self.strengths))
        self._experts = [
            (share, expert[0], self._learn(X, codes, *expert))
            for share, expert in zip(shares, experts, strict=True)
            if share > 0
        ]
        return self

    def _learn(self, X, codes, columns, strength):
        logistic = LogisticRegression(
            C=strength, class_weight="balanced", max_iter=2000
        )
        return logistic.fit(X[:, columns], codes)

    def _score(self, X):
        return sum(w * e.predict_proba(X[:, c]) for w, c, e in self._experts)


class HeldOutXRFM(_Probable):
    """xRFM (Beaglehole et al. 2025), which wants samples held out to tune itself.

    A stratified part of the training samples is held out for it, and is not learned
    from otherwise. It has no weights of classes.

    Parameters
    ----------
    random_state : int, default=None
        Seed of what is held out, and of the model.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    """

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        """Hold samples out, and fit to the others.

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
        codes, _, _ = self._encode(y)
        X = _to_dense(X).astype(np.float32)
        folds = make_inner_folds(5, self.random_state).split(codes, codes)
        train, test = next(folds)
        self._model = import_foreign("xrfm").xRFM(
            device="cpu",
            tuning_metric="brier",
            random_state=self.random_state,
            n_threads=1,
            verbose=False,
        )
        self._model.fit(X[train], codes[train], X[test], codes[test])
        return self

    def _score(self, X):
        return self._model.predict_proba(_to_dense(X).astype(np.float32))


def f_scores(X, y):
    """Return the F statistic of each feature, 0 for those that do not vary.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The samples.

    y : array-like of shape (n_samples,)
        The classes.

    Returns
    -------
    scores : ndarray of shape (n_features,)
        The larger, the further the means of the classes are apart.
    """
    targets = np.eye(len(np.unique(y)))[np.unique(y, return_inverse=True)[1]]
    counts = targets.sum(axis=0)[:, None]
    sums = (X.T @ targets).T
    between = (sums**2 / counts).sum(axis=0) - sums.sum(axis=0) ** 2 / len(targets)
    squares = X.multiply(X) if hasattr(X, "multiply") else np.square(X)
    within = np.asarray(squares.sum(axis=0)).ravel() - (sums**2 / counts).sum(axis=0)
    n_free = max(len(targets) - len(counts), 1) / max(len(counts) - 1, 1)
    is_varying = (within + between) > 1e-12 * len(targets)
    within = np.where(is_varying, np.maximum(within, 1e-12), 1.0)
    return np.where(is_varying, between / within * n_free, 0.0)


def _screen(sizes, classifier, random_state, *, n_splits=5, **grid):
    """Return a classifier of the best features, whose number is tuned with it."""
    total = sum(sizes.values())
    pipeline = make_pipeline(SelectKBest(f_scores), classifier)
    numbers = [k for k in _SCREENED if k < total]
    name = pipeline.steps[-1][0]
    grid = {f"{name}__{param}": values for param, values in grid.items()}
    grid["selectkbest__k"] = [*numbers, "all"]
    return make_search(pipeline, grid, random_state, n_splits)


def make_multi_kernel(random_state, sizes):
    import_optional("himalaya", extra="rivals")
    return MultiKernelRidgeClassifier(sizes, random_state=random_state)


def make_elastic_net(random_state):
    return SparseMultinomialClassifier(random_state=random_state)


def make_group_lasso(random_state):
    return SparseMultinomialClassifier(is_grouped=True, random_state=random_state)


def make_shrinkage_lda(random_state):
    pipeline = make_pipeline(
        FunctionTransformer(_to_dense, accept_sparse=True),
        PCA(svd_solver="full"),
        ShrinkageLDA(),
    )
    # Parts of the variance that the components have.
    grid = {"pca__n_components": [0.5, 0.7, 0.9, 0.99]}
    return make_search(pipeline, grid, random_state)


def make_centroids(random_state):
    pipeline = make_pipeline(
        FunctionTransformer(_to_dense, accept_sparse=True),
        NearestCentroid(priors="uniform"),
    )
    grid = {"nearestcentroid__shrink_threshold": [None, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0]}
    return make_search(pipeline, grid, random_state)


def make_screened_logistic(random_state, sizes):
    logistic = LogisticRegression(class_weight="balanced", max_iter=2000)
    return _screen(sizes, logistic, random_state, C=[0.01, 0.1, 1.0])


def make_screened_trees(random_state, sizes):
    trees = ExtraTreesClassifier(
        100, class_weight="balanced", random_state=random_state
    )
    # Weights of classes change little in trees that are grown to the end.
    grid = {"min_samples_leaf": [1, 5]}
    return _screen(sizes, trees, random_state, n_splits=3, **grid)


def make_block_forest(random_state, sizes):
    return BlockForestClassifier(sizes, random_state=random_state)


def make_non_negative_stack(random_state, sizes):
    return NonNegativeStack(sizes, random_state=random_state)


def make_xrfm(package, random_state):
    import_foreign(package)
    return HeldOutXRFM(random_state)


def make_small_lightgbm(random_state):
    """Return LightGBM for thirty samples: small leaves, few of them, few features."""
    lightgbm = import_optional("lightgbm", extra="bench")
    return lightgbm.LGBMClassifier(
        num_leaves=4,
        min_child_samples=3,
        min_data_in_bin=1,
        max_bin=63,
        colsample_bytree=0.2,
        subsample=0.8,
        subsample_freq=1,
        reg_lambda=1.0,
        class_weight="balanced",
        random_state=random_state,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )


def make_small_hist_boosting(random_state, sizes):
    """Return histogram boosting for thirty samples, of the best 200 features."""
    boosting = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=4,
        min_samples_leaf=3,
        max_bins=16,
        max_features=0.2,
        l2_regularization=1.0,
        class_weight="balanced",
        early_stopping=False,
        random_state=random_state,
    )
    return make_pipeline(
        FunctionTransformer(_to_dense, accept_sparse=True),
        SelectKBest(f_scores, k=min(200, sum(sizes.values()))),
        boosting,
    )
