"""Rivals: what has a chance against the classifiers of skomics on few samples.

Each is tuned within its training part, by inner folds or by samples that a tree left
out, and classes weigh the same in each.
"""

from importlib import import_module

import numpy as np
from scipy.optimize import nnls
from scipy.special import softmax
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

from skomics._optional import import_optional
from skomics.benchmark._inner_folds import (
    _to_dense,
    make_inner_folds,
    make_search,
    slice_columns,
)
from skomics.benchmark._rival_base import ProbableRival, Rival
from skomics.benchmark._sparse_multinomial import SparseMultinomialClassifier

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


class MultiKernelRidgeClassifier(Rival):
    """Ridge regression of the classes on a weighted sum of one kernel per modality.

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
        """Return a kernel per modality between samples and those learned from."""
        blocks = zip(slice_columns(self.sizes).values(), self._scales, strict=True)
        return np.stack([X[:, c] @ self._X[:, c].T * scale for c, scale in blocks])


class ShrinkageLDA(ProbableRival):
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


class BlockForestClassifier(ProbableRival):
    """Random forests of each modality and of all, in a weighted mean.

    It imitates the block forest of Hornung and Wright (2019), in which the omics have
    weights that are drawn at random and chosen by the error out of bag. There the
    weights stand within the trees: at each split, variables are drawn from each
    modality, and the gain of a split is multiplied by the weight of its modality. Here
    they stand between the trees, of which each sees one modality, or all. So one
    modality can outweigh another one here, too, but only the trees that see all can
    split by two modalities in turn. Chosen is by the cross-entropy out of bag, in which
    classes weigh the same; so do they in the answers, of which each is divided by the
    share of its class, since weights of samples change little in trees that are grown
    to the end.

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
        A forest per modality, and the one of all.

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


class NonNegativeStack(ProbableRival):
    """Logistic regressions per modality in a weighted mean.

    The weights are not negative and sum to 1. They are those of the smallest squared
    error of the mean of the probabilities that are predicted on inner folds; classes
    weigh the same in it, and in the regressions. Each modality is there once with each
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


class HeldOutXRFM(ProbableRival):
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
