"""What is worth searching, per model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import Pipeline

from skomics._rows import quote_values

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["is_search", "param_distributions"]

_LR = loguniform(3e-4, 1e-2)
_DECAY = loguniform(1e-3, 3.0)
_PATH = ["ridge", None]
_BALANCED = ["balanced", None]
_DENSE = {
    "small": {"linear_path": _PATH, "class_weight": _BALANCED},
    "large": {
        "linear_path": _PATH,
        "class_weight": _BALANCED,
        "lr": _LR,
        "weight_decay": _DECAY,
        "batch_size": [16, 32, 64, 128],
        "dropout": uniform(0.0, 0.6),
    },
}
_GRAPH = {
    "small": {"linear_path": _PATH, "weight_decay": [0.0, 0.1]},
    "large": {
        "linear_path": _PATH,
        "lr": loguniform(5e-4, 2e-2),
        "weight_decay": _DECAY,
        "dropout": uniform(0.0, 0.6),
        "k": [2, 3, 5, 10],
    },
}
_SMA = {
    "small": {"n_tokens": [8, 16], "weight_decay": [0.01, 1.0]},
    "large": {
        "n_tokens": [4, 8, 16, 32],
        "lr": _LR,
        "weight_decay": _DECAY,
        "batch_size": [32, 64, 128],
        "input_dropout": uniform(0.0, 0.7),
        "class_weight": _BALANCED,
    },
}
_RIDGE = {
    # "loo" takes features as they are, folds let them weigh by the F statistic.
    "small": {"n_folds": [5, "loo"], "block_weights": ["auto", "equal"]},
    "large": {
        "n_folds": [5, "loo"],
        "block_weights": ["auto", "equal"],
        "class_weight": _BALANCED,
        "prior": ["balanced", "observed"],
    },
}
_LOGISTIC = {
    "small": {"C": [0.01, 0.1, 1.0]},
    "large": {"C": loguniform(1e-4, 1e2), "class_weight": _BALANCED},
}
_LINEAR_SVM = {
    "small": {"C": [1e-4, 1e-3, 1e-2, 0.1]},
    "large": {"C": loguniform(1e-5, 1.0), "class_weight": _BALANCED},
}
_KERNEL_SVM = {
    "small": {"C": [0.1, 1.0, 10.0]},
    "large": {
        "C": loguniform(1e-2, 1e3),
        "gamma": loguniform(1e-6, 1e-1),
        "class_weight": _BALANCED,
    },
}
_LINEAR_RIDGE = {
    "small": {"alpha": [1e1, 1e3, 1e5]},
    "large": {"alpha": loguniform(1e-1, 1e6), "class_weight": _BALANCED},
}
_FOREST = {
    "small": {"class_weight": _BALANCED, "min_samples_leaf": [1, 3]},
    "large": {
        "class_weight": _BALANCED,
        "min_samples_leaf": randint(1, 11),
        "max_features": ["sqrt", 0.05, 0.1, 0.3],
    },
}
# Small leaves in small trees, as of the benchmark's versions for few samples.
_HIST_BOOSTING = {
    "small": {"max_leaf_nodes": [4, 31], "min_samples_leaf": [3, 20]},
    "large": {
        "max_leaf_nodes": randint(3, 32),
        "min_samples_leaf": randint(2, 21),
        "learning_rate": loguniform(0.02, 0.3),
        "l2_regularization": loguniform(1e-3, 1e2),
        "max_features": uniform(0.1, 0.9),
        "class_weight": _BALANCED,
    },
}
_LIGHTGBM = {
    "small": {"num_leaves": [4, 31], "min_child_samples": [3, 20]},
    "large": {
        "num_leaves": randint(3, 32),
        "min_child_samples": randint(2, 21),
        "learning_rate": loguniform(0.02, 0.3),
        "reg_lambda": loguniform(1e-3, 1e2),
        "colsample_bytree": uniform(0.1, 0.9),
        "class_weight": _BALANCED,
    },
}
_XGBOOST = {
    "small": {"max_depth": [2, 6], "min_child_weight": [0.1, 1.0]},
    "large": {
        "max_depth": randint(1, 7),
        "min_child_weight": loguniform(1e-2, 10.0),
        "learning_rate": loguniform(0.02, 0.3),
        "reg_lambda": loguniform(1e-3, 1e2),
        "colsample_bytree": uniform(0.1, 0.9),
    },
}
_PERCEPTRON = {
    "small": {"alpha": [1e-4, 1e-2, 1.0]},
    "large": {
        "alpha": loguniform(1e-5, 1e1),
        "learning_rate_init": loguniform(3e-4, 1e-2),
        "batch_size": [16, 32, 64],
    },
}
_CENTROIDS = {
    "small": {"shrink_threshold": [None, 0.5, 1.0, 2.0]},
    "large": {"shrink_threshold": uniform(0.0, 4.0)},
}
# By the name of the class and the package that it is of, so that none is imported.
_SPACES = {
    ("skomics", "SMAClassifier"): _SMA,
    **{
        ("skomics", f"{stem}Classifier"): _DENSE
        for stem in ("EFNN", "LFNN", "EFCNN", "LFCNN")
    },
    **{("skomics", f"{stem}Classifier"): _GRAPH for stem in ("MoGCN", "MoGAT")},
    ("skomics", "BlockRidgeClassifier"): _RIDGE,
    ("sklearn", "LogisticRegression"): _LOGISTIC,
    ("sklearn", "LinearSVC"): _LINEAR_SVM,
    ("sklearn", "SVC"): _KERNEL_SVM,
    ("sklearn", "RidgeClassifier"): _LINEAR_RIDGE,
    ("sklearn", "RandomForestClassifier"): _FOREST,
    ("sklearn", "ExtraTreesClassifier"): _FOREST,
    ("sklearn", "HistGradientBoostingClassifier"): _HIST_BOOSTING,
    ("sklearn", "MLPClassifier"): _PERCEPTRON,
    ("sklearn", "NearestCentroid"): _CENTROIDS,
    ("lightgbm", "LGBMClassifier"): _LIGHTGBM,
    ("xgboost", "XGBClassifier"): _XGBOOST,
}
_SIZES = ("small", "large")


def param_distributions(
    estimator: BaseEstimator, size: Literal["small", "large"] = "small"
) -> dict[str, Any]:
    """Return the parameters of an estimator that are worth searching.

    Parameters
    ----------
    estimator : classifier or Pipeline
        One of the seven networks or :class:`~skomics.BlockRidgeClassifier`, a linear
        model, support vector machine, forest, boosting, perceptron or nearest centroid
        of scikit-learn, LightGBM or XGBoost; a Pipeline that ends with one; or
        what wraps one as `estimator`, such as
        :class:`~skomics.calibration.SelectiveClassifier`.

    size : {"small", "large"}, default="small"
        "small" is a grid of 3 or 4 candidates, for
        :class:`~sklearn.model_selection.GridSearchCV`. "large" has distributions to
        draw from, for :class:`~sklearn.model_selection.RandomizedSearchCV`, and of a
        Pipeline the number of features (`k`) of each
        :class:`~sklearn.feature_selection.SelectKBest` in it, those in
        :class:`~skomics.OmicsConcatenator` among them: a quarter, half, all and double
        of what it has now.

    Returns
    -------
    distributions : dict of str to (list or frozen distribution of scipy.stats)
        By the names of `estimator.get_params()`. A new dict of new lists.

    Raises
    ------
    ValueError
        If `size` is unknown, or nothing is known of the estimator.

    See Also
    --------
    as_optuna : The same for Optuna.
    nested_cross_validate : How good the search is, on folds that it has not seen.

    Notes
    -----
    The choices rest on rows that are stored in the repository. *Networks:* a ridge path
    under them gains 0.02 to 0.10 in macro F1 on the sixteen real sets of the benchmark,
    on 11 to 16 of them (``real.parquet``), more than learning rate, weight decay and
    batch size together gained where six draws were tried (``tuned.parquet``). *SMA*
    stands on the path by default, and of its other settings none moves a mean by more
    than the noise; see the ablations of its page. *Forests:* balanced classes gain
    0.05. *Boosting:* small trees of small leaves gain 0.1 (``real.parquet``). *Linear
    models:* the penalty, with the grids that they have in the benchmark.
    `BlockRidgeClassifier` searches by itself, in closed form. What the small grids
    gained on three sets is measured in the guide on tuning, and was within the noise.
    For support vector machines with a kernel, perceptrons, extra trees, XGBoost and
    whatever "large" has beyond this, nothing was measured: these are the usual ranges.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV, ParameterGrid
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import EFNNClassifier, OmicsConcatenator
    >>> from skomics.model_selection import param_distributions
    >>> model = make_pipeline(OmicsConcatenator(StandardScaler()), EFNNClassifier())
    >>> grid = param_distributions(model)
    >>> grid["efnnclassifier__linear_path"]
    ['ridge', None]
    >>> len(ParameterGrid(grid))
    4
    >>> search = GridSearchCV(model, grid)
    """
    if size not in _SIZES:
        raise ValueError(f"Got size={size!r}. Choose one of {list(_SIZES)}.")
    prefix, last = _find_classifier(estimator)
    space = _find_space(last)[size]
    found = {f"{prefix}{name}": _copy(values) for name, values in space.items()}
    return found | (_numbers_of_features(estimator) if size == "large" else {})


def _find_classifier(estimator):
    """Return the classifier at the end of an estimator, and the prefix of its names."""
    if isinstance(estimator, Pipeline):
        name, inner = estimator.steps[-1]
    elif _find_key(estimator) is None and hasattr(estimator, "estimator"):
        if is_search(estimator):
            raise ValueError(
                f"Got a {type(estimator).__name__}, which has its own parameters to "
                "search. Give the estimator that it searches."
            )
        name, inner = "estimator", estimator.estimator
    else:
        return "", estimator
    prefix, last = _find_classifier(inner)
    return f"{name}__{prefix}", last


def is_search(estimator):
    """Tell whether an estimator searches parameters of another one.

    Searches have no mark of their own; all have an estimator, and what to search.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Returns
    -------
    is_search : bool
        True for those of scikit-learn, Optuna, scikit-optimize and their like.
    """
    spaces = ("param_grid", "param_distributions", "search_spaces")
    has_space = any(hasattr(estimator, name) for name in spaces)
    return has_space and hasattr(estimator, "estimator")


def _find_key(estimator):
    """Return the key of an estimator's class, or of one it derives from, or None."""
    for cls in type(estimator).__mro__:
        key = cls.__module__.partition(".")[0], cls.__name__
        if key in _SPACES:
            return key
    return None


def _find_space(estimator):
    key = _find_key(estimator)
    if key is None:
        known = quote_values([name for _, name in _SPACES], len(_SPACES))
        raise ValueError(
            f"Got {type(estimator).__name__}, of which nothing is known that is worth "
            f"searching. Known are {known}. Write a dict of parameters to lists for it."
        )
    return _SPACES[key]


def _copy(values):
    return list(values) if isinstance(values, list) else values


def _numbers_of_features(estimator):
    """Return numbers of features for the selectors within an estimator."""
    return {
        f"{name}__k": _around(step.k)
        for name, step in estimator.get_params().items()
        if isinstance(step, SelectKBest)
    }


def _around(k):
    """Return numbers of features about the one that a selector has."""
    if isinstance(k, str):
        return [10, 100, k]
    return np.unique([max(1, k // 4), max(1, k // 2), k, 2 * k]).tolist()
