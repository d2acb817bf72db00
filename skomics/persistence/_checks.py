"""Whether what was put together from a file is whole: scikit-learn's part.

Some of scikit-learn's compiled code trusts the shapes and indices that `fit` left. What
reaches it is checked here first; the rest is tried, see `_trial.py`.
"""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier

from skomics._compat import (
    Tree,
    _BaseScorer,
    first_guess,
    restore_interpolation,
    restore_loss,
    restore_search_tree,
    restore_threshold_scorer,
    validate_params,
)
from skomics.persistence._require import require
from skomics.persistence._trial import TRANSFORMERS, is_tried

__all__ = ["check_thing", "rebuild"]

# Where they are arrays of one dimension, there is one value per feature.
_PER_FEATURE = (
    *("mean_", "scale_", "var_", "min_", "max_abs_", "data_min_", "data_max_"),
    *("center_", "statistics_", "variances_", "scores_", "pvalues_", "idf_"),
)
_OUTPUTS = ("default", "numpy", "pandas", "polars", None)
_MAX_CLASSES = 2**20
_LARGEST = 1e150


def is_integer(value, low=0, high=2**40):
    """Tell whether a value is an integer within bounds, and no truth value."""
    is_number = isinstance(value, Integral) and not isinstance(value, bool)
    return is_number and low <= value <= high


def is_real_array(value, ndim=None, shape=None):
    """Tell whether a value is an array of finite numbers, of that shape if any."""
    is_array = isinstance(value, np.ndarray) and value.dtype.kind in "iuf"
    if not is_array or (ndim is not None and value.ndim != ndim):
        return False
    fits = shape is None or value.shape == tuple(shape)
    return fits and _is_small(value)


def _is_small(values):
    """Tell whether all values are finite, and so are their squares."""
    if values.dtype.kind != "f":
        return True
    largest = min(_LARGEST, float(np.finfo(values.dtype).max))
    with np.errstate(invalid="ignore"):
        return bool((np.abs(values) <= largest).all())


def is_codes(value, shape, n_codes):
    """Tell whether a value is an array of integers from 0 to below a number."""
    is_array = isinstance(value, np.ndarray) and value.dtype.kind in "iu"
    if not is_array or value.shape != tuple(shape) or value.size == 0:
        return False
    return bool(value.min() >= 0 and value.max() < n_codes)


def is_class_array(value, at_least=1):
    """Tell whether a value is an array of sorted, different classes."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or len(value) < at_least:
        return False
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return False
    try:
        return bool(np.all(value[:-1] < value[1:]))
    except TypeError:
        return False


def check_thing(obj, place, size):
    """Refuse an object of scikit-learn that its class could not have made.

    Parameters
    ----------
    obj : object
        With all its attributes.

    place : str
        Where in the model it is.

    size : int
        Bytes of the file.

    Raises
    ------
    ValueError
        If a parameter or an attribute is not sound.
    """
    state = vars(obj)
    if isinstance(obj, BaseEstimator):
        check_parameters(obj, place)
        _check_common(obj, state, place, size)
    elif isinstance(obj, _BaseScorer):
        _check_scorer(state, place)
    for cls in type(obj).__mro__:
        check = _CHECKS.get(cls.__name__)
        if check is not None and (is_fitted(state) or cls.__name__ in _ALWAYS_CHECKED):
            check(obj, state, place)
            break


def is_fitted(state):
    """Tell whether there is anything that only `fit` could have left."""
    return any(name.endswith("_") for name in state)


def check_parameters(obj, place):
    """Refuse parameters that the estimator's own constraints do not allow."""
    for name, value in obj.get_params(deep=False).items():
        is_bare = isinstance(value, type) and issubclass(value, BaseEstimator)
        require(not is_bare, f"{place}.{name}", "is a class, not an estimator")
    if hasattr(type(obj), "_parameter_constraints"):
        try:
            validate_params(obj)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{place}: {error}") from error


def _check_common(obj, state, place, size):
    n_features = state.get("n_features_in_")
    has_width = is_tried(obj) or type(obj).__name__ in TRANSFORMERS
    has_width = has_width or "scores_" in state
    if "n_features_in_" in state or (has_width and is_fitted(state)):
        require(is_integer(n_features, 1), place, "has no proper n_features_in_")
    names = state.get("feature_names_in_")
    if names is not None:
        check_feature_names(names, n_features, place)
    config = state.get("_sklearn_output_config", {})
    is_config = isinstance(config, dict) and config.keys() <= {"transform"}
    require(
        is_config and config.get("transform") in _OUTPUTS, place, "has no such output"
    )
    for name in _PER_FEATURE:
        values = state.get(name)
        is_row = isinstance(values, np.ndarray) and values.ndim == 1
        fits = not is_row or n_features is None or len(values) == n_features
        require(fits, f"{place}.{name}", f"is not as long as {n_features} features")
    _check_classes(obj, state, place)
    if is_tried(obj):
        _check_sizes(obj, state, place)


def check_feature_names(names, n_features, place):
    """Refuse names that are no texts, or not as many as there are features."""
    is_array = isinstance(names, np.ndarray) and names.dtype == object
    is_row = is_array and names.ndim == 1
    fits = is_row and (n_features is None or len(names) == n_features)
    require(
        fits and all(type(name) is str for name in names.tolist()),
        f"{place}.feature_names_in_",
        "has no name for each feature",
    )


def _check_sizes(obj, state, place):
    """Refuse numbers of a predictor that would overflow in its sums."""
    for name, values in state.items():
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            large = np.isfinite(values) & (np.abs(values) > _LARGEST)
            require(not large.any(), f"{place}.{name}", f"is larger than {_LARGEST}")


def _check_classes(obj, state, place):
    classes, n_classes = state.get("classes_"), state.get("n_classes_")
    if type(obj).__name__ == "MultiLabelBinarizer" and classes is not None:
        # In the order of its parameter; compiled code is given their positions.
        is_row = isinstance(classes, np.ndarray) and classes.ndim == 1
        fits = is_row and len(set(classes.tolist())) == len(classes)
        require(fits, f"{place}.classes_", "are no classes")
    elif (
        type(obj).__name__ in ("LabelBinarizer", "LabelEncoder") and classes is not None
    ):
        require(is_class_array(classes), f"{place}.classes_", "are no classes")
    elif isinstance(classes, np.ndarray) and is_classifier(obj):
        require(is_class_array(classes), f"{place}.classes_", "are no classes")
        fits = n_classes is None or np.array_equal(n_classes, len(classes))
        require(fits, f"{place}.n_classes_", "is not the number of classes")
        for name in ("le_", "_label_binarizer"):
            known = getattr(state.get(name), "classes_", classes)
            fits = isinstance(known, np.ndarray) and np.array_equal(known, classes)
            require(fits, f"{place}.{name}", "has other classes")
    elif n_classes is not None:
        counts = np.atleast_1d(n_classes)
        is_small = counts.dtype.kind in "iu" and counts.max() <= _MAX_CLASSES
        require(is_small, f"{place}.n_classes_", "is no number of classes")


def _check_scorer(state, place):
    methods = {"predict", "predict_proba", "decision_function", "predict_log_proba"}
    wanted = state.get("_response_method", "predict")
    wanted = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    is_known = all(isinstance(w, str) and w in methods for w in wanted)
    require(is_known, place, "asks for a method that no model has")


# One check per class


def _check_tree_model(obj, state, place):
    tree = state.get("tree_")
    require(isinstance(tree, Tree), place, "has no tree")
    fits = tree.n_features == state.get("n_features_in_")
    fits = fits and tree.n_outputs == state.get("n_outputs_")
    require(fits, place, "has a tree for other features or outputs")
    n_classes = state.get("n_classes_")
    if is_classifier(obj):
        fits = np.array_equal(np.atleast_1d(n_classes), tree.n_classes)
        require(fits, place, "has a tree for other classes")
        _check_class_list(state, place, n_classes)


def _check_class_list(state, place, n_classes):
    classes = state.get("classes_")
    classes = classes if isinstance(classes, list) else [classes]
    counts = np.atleast_1d(n_classes)
    fits = len(classes) == len(counts) and all(map(is_class_array, classes))
    fits = fits and all(map(np.array_equal, map(len, classes), counts))
    require(fits, f"{place}.classes_", "are no classes")


def _check_forest(obj, state, place):
    trees = state.get("estimators_")
    require(isinstance(trees, list) and trees, place, "has no trees")
    for i, tree in enumerate(trees):
        _check_member(tree, state, f"{place}.estimators_[{i}]")
        fits = tree.tree_.n_outputs == state.get("n_outputs_")
        require(fits, f"{place}.estimators_[{i}]", "is a tree for other outputs")
    if is_classifier(obj):
        _check_class_list(state, place, state.get("n_classes_"))
        counts = np.atleast_1d(state.get("n_classes_"))
        fits = all(np.array_equal(t.tree_.n_classes, counts) for t in trees)
        require(fits, place, "has trees for other classes")


def _check_member(tree, state, place):
    is_tree = isinstance(getattr(tree, "tree_", None), Tree)
    fits = is_tree and tree.tree_.n_features == state.get("n_features_in_")
    require(fits, place, "is no tree for these features")


def _check_boosting(obj, state, place):
    stages = state.get("estimators_")
    n_stages = state.get("n_estimators_")
    n_trees = state.get("n_trees_per_iteration_")
    is_grid = isinstance(stages, np.ndarray) and stages.dtype == object
    fits = is_grid and stages.size and stages.shape == (n_stages, n_trees)
    if is_classifier(obj):
        n_classes = state.get("n_classes_")
        fits = fits and n_trees == (1 if n_classes == 2 else n_classes)
    else:
        fits = fits and n_trees == 1
    require(fits, place, "has no grid of trees")
    for tree in stages.ravel():
        _check_member(tree, state, f"{place}.estimators_")
        is_one = (tree.tree_.n_outputs, tree.tree_.max_n_classes) == (1, 1)
        require(is_one, f"{place}.estimators_", "has a tree of several outputs")


def _check_svm(obj, state, place):
    support, n_support = state.get("support_"), state.get("_n_support")
    is_sparse, fitted = state.get("_sparse"), state.get("shape_fit_")
    require(isinstance(is_sparse, bool), place, "does not say if it is sparse")
    is_shape = isinstance(fitted, tuple) and len(fitted) == 2
    require(is_shape and all(map(is_integer, fitted)), place, "has no shape")
    # In regression there is one row of numbers, as for two classes.
    n_classes = len(state["classes_"]) if is_classifier(obj) else 2
    is_counted = isinstance(n_support, np.ndarray) and n_support.dtype == np.int32
    is_counted = is_counted and n_support.shape == (n_classes,) and n_support.min() >= 0
    require(is_counted, place, "does not count its support vectors")
    n_vectors = int(n_support.sum() if is_classifier(obj) else n_support[0])
    fits = is_codes(support, (n_vectors,), fitted[0]) and support.dtype == np.int32
    require(fits, place, "has other support vectors than it counts")
    shape = (n_vectors, state.get("n_features_in_"))
    if state.get("kernel") == "precomputed":
        require(not is_sparse, place, "has a precomputed kernel that is sparse")
        shape = (0, 0)
    is_matrix = _is_svm_matrix(state.get("support_vectors_"), shape, is_sparse)
    require(is_matrix, place, "has support vectors that do not fit")
    coefs, shape = state.get("_dual_coef_"), (n_classes - 1, n_vectors)
    # Compiled code reads all of the coefficients, those that are 0 too.
    fits = _is_svm_matrix(coefs, shape, is_sparse) and coefs.size == np.prod(shape)
    require(fits, place, "has coefficients that do not fit")
    _check_svm_numbers(obj, state, n_classes * (n_classes - 1) // 2, place)


def _check_svm_numbers(obj, state, n_pairs, place):
    fits = is_real_array(state.get("_intercept_"), shape=(n_pairs,))
    require(fits, place, "has no intercept for each pair of classes")
    a, b = state.get("_probA"), state.get("_probB")
    are_rows = is_real_array(a, ndim=1) and is_real_array(b, ndim=1)
    fits = are_rows and len(a) in (0, n_pairs)
    fits = fits and len(b) == (len(a) if is_classifier(obj) else 0)
    require(fits, place, "has no probabilities for each pair of classes")
    # With the flag and without the numbers, compiled code reads from nowhere.
    flag, weights = state.get("_effective_probability"), state.get("class_weight_")
    is_flag = isinstance(flag, bool) and (not flag or len(a) > 0)
    require(is_flag, place, "has no numbers for its probabilities")
    n_weights = len(state["classes_"]) if is_classifier(obj) else 0
    fits = is_real_array(weights, shape=(n_weights,)) and weights.dtype == np.float64
    fits = fits or (weights is None and not is_classifier(obj))
    require(fits, f"{place}.class_weight_", "has no weight for each class")
    gamma = state.get("_gamma")
    is_number = isinstance(gamma, Real) and bool(np.isfinite(gamma))
    require(is_number, place, "has no gamma")


def _is_svm_matrix(matrix, shape, is_sparse):
    if sparse.issparse(matrix) != is_sparse or getattr(matrix, "shape", None) != shape:
        return False
    if not is_sparse:
        return is_real_array(matrix, ndim=2) and matrix.dtype == np.float64
    is_short = {matrix.indices.dtype, matrix.indptr.dtype} == {np.dtype(np.int32)}
    is_double = matrix.format == "csr" and matrix.dtype == np.float64
    return is_short and is_double and is_real_array(matrix.data)


def _check_neighbors(obj, state, place):
    X, n_samples = state.get("_fit_X"), state.get("n_samples_fit_")
    values = X.data if sparse.issparse(X) else X
    require(is_real_array(values), place, "has no finite samples")
    fits = X.shape == (n_samples, state.get("n_features_in_")) and n_samples >= 1
    require(fits, place, "has samples of another shape than it says")
    method = state.get("_fit_method")
    is_known = method in ("brute", "kd_tree", "ball_tree")
    is_dense = method == "brute" or isinstance(X, np.ndarray)
    require(is_known and is_dense, place, "has no way to search")
    metric = state.get("effective_metric_")
    params = state.get("effective_metric_params_")
    is_metric = isinstance(metric, str) and isinstance(params, dict)
    require(is_metric, place, "has no metric")
    y = state.get("_y")
    if not is_classifier(obj):
        is_target = isinstance(y, np.ndarray) and y.shape[:1] == (n_samples,)
        require(is_target and is_real_array(y), place, "has no target per sample")
        return
    classes = state.get("classes_")
    lists = classes if isinstance(classes, list) else [classes]
    require(all(map(is_class_array, lists)), place, "has no classes")
    shape = (n_samples, *([len(classes)] if isinstance(classes, list) else []))
    is_target = isinstance(y, np.ndarray) and y.shape == shape
    columns = y.reshape(n_samples, -1).T if is_target else []
    fits = len(columns) == len(lists) and all(
        is_codes(c, (n_samples,), len(known))
        for c, known in zip(columns, lists, strict=True)
    )
    require(fits, place, "has no class per sample")


def _check_one_hot(obj, state, place):
    categories = state.get("categories_")
    is_list = isinstance(categories, list) and categories
    fits = is_list and all(
        isinstance(c, np.ndarray) and c.ndim == 1 for c in categories
    )
    require(fits, place, "has no categories")
    require(not state.get("_infrequent_enabled"), place, "has infrequent categories")
    fits = len(categories) == state.get("n_features_in_")
    require(fits, place, "has no categories for each feature")
    # Values are searched for by halving, and what is found is a place to write to.
    require(all(map(_is_searchable, categories)), place, "has unsorted categories")
    for name in ("drop_idx_", "_drop_idx_after_grouping"):
        dropped = state.get(name)
        if dropped is not None:
            _check_dropped(dropped, categories, f"{place}.{name}")
    dropped = state.get("_drop_idx_after_grouping")
    dropped = [None] * len(categories) if dropped is None else dropped
    counts = [
        len(c) - (d is not None) for c, d in zip(categories, dropped, strict=True)
    ]
    fits = state.get("_n_features_outs") == counts
    require(fits, f"{place}._n_features_outs", "are not the numbers of categories")


def _is_searchable(categories):
    if categories.dtype.kind in "OU":
        return True
    known = categories[:-1] if categories[-1:] != categories[-1:] else categories
    return bool(np.all(known[:-1] < known[1:])) and bool(np.all(known == known))


def _check_dropped(dropped, categories, place):
    fits = isinstance(dropped, np.ndarray) and dropped.shape == (len(categories),)
    fits = fits and all(
        d is None or is_integer(d, 0, len(c) - 1)
        for d, c in zip(dropped, categories, strict=True)
    )
    require(fits, place, "drops categories that are not there")


def _check_function(obj, state, place):
    for name in ("kw_args", "inv_kw_args"):
        require(not state.get(name), f"{place}.{name}", "is not empty")


def _check_calibrated(obj, state, place):
    is_list = isinstance(state.get("calibrators"), list) and state["calibrators"]
    require(is_list, place, "has no calibrators")
    require(is_class_array(state.get("classes")), f"{place}.classes", "are no classes")


def _check_pipeline(obj, state, place):
    steps = state.get("steps")
    are_pairs = isinstance(steps, list) and all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in steps
    )
    require(are_pairs and len(steps) > 0, place, "has no steps")
    for name, step in steps[:-1]:
        is_passed = step is None or (isinstance(step, str) and step == "passthrough")
        fits = is_passed or hasattr(step, "transform")
        require(fits, place, f"has a step {name!r:.50} that cannot transform")


def _check_voting(obj, state, place):
    """Refuse members whose votes are not codes of classes: votes are counted."""
    members = state.get("estimators_")
    is_list = isinstance(members, list) and len(members) > 0
    require(is_list, place, "has no members")
    if is_classifier(obj):
        n_classes = len(state.get("classes_", ()))
        for member in members:
            fits = _gives_codes(member, n_classes)
            require(fits, place, "has a member that is no classifier for its classes")


def _gives_codes(model, n_classes):
    name = type(model).__name__
    if name == "Pipeline":
        return _gives_codes(model.steps[-1][1], n_classes)
    if name == "FrozenEstimator":
        return _gives_codes(model.estimator, n_classes)
    if name == "SelfTrainingClassifier":
        return _gives_codes(model.estimator_, n_classes)
    if hasattr(model, "best_estimator_"):
        return _gives_codes(model.best_estimator_, n_classes)
    classes = getattr(model, "classes_", None)
    fits = is_classifier(model) and isinstance(classes, np.ndarray)
    return fits and is_codes(classes, classes.shape, n_classes)


def _check_dummy(obj, state, place):
    constant = state.get("constant")
    if constant is not None and is_classifier(obj):
        known = state.get("classes_")
        known = known if isinstance(known, list) else [known]
        fits = all(isinstance(c, np.ndarray) for c in known)
        values = np.ravel(np.asarray(constant, dtype=object)).tolist()
        fits = fits and all(any(v == c for c in np.hstack(known)) for v in values)
        require(fits, f"{place}.constant", "is none of its classes")


_CHECKS = {
    "BaseDecisionTree": _check_tree_model,
    "BaseForest": _check_forest,
    "BaseGradientBoosting": _check_boosting,
    "BaseLibSVM": _check_svm,
    "NeighborsBase": _check_neighbors,
    "OneHotEncoder": _check_one_hot,
    "FunctionTransformer": _check_function,
    "DummyClassifier": _check_dummy,
    "Pipeline": _check_pipeline,
    "VotingClassifier": _check_voting,
    "VotingRegressor": _check_voting,
    "_CalibratedClassifier": _check_calibrated,
}
_ALWAYS_CHECKED = ("FunctionTransformer", "Pipeline", "_CalibratedClassifier")


# What is made anew


def rebuild(obj):
    """Make anew what a file does not hold, from what has been checked.

    Parameters
    ----------
    obj : object
        Of scikit-learn.
    """
    state, name = vars(obj), type(obj).__name__
    if name == "IsotonicRegression" and "X_thresholds_" in state:
        restore_interpolation(obj)
    elif name.startswith("GradientBoosting") and "estimators_" in state:
        restore_loss(obj)
        _try_first_guess(obj)
    elif name in ("GammaRegressor", "PoissonRegressor", "TweedieRegressor"):
        if "coef_" in state:
            restore_loss(obj)
    elif name == "MultiLabelBinarizer":
        obj._cached_dict = None
    elif name == "TunedThresholdClassifierCV" and "estimator_" in state:
        restore_threshold_scorer(obj)
    elif "_fit_method" in state:
        restore_search_tree(obj)


def _try_first_guess(obj):
    """Refuse a first guess that has fewer columns than the trees write to."""
    if not isinstance(obj.init_, str):
        kinds = ("predict_proba",) if is_classifier(obj) else ("predict",)
        require(hasattr(obj.init_, *kinds), "init_", "gives no first guess")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        guess = first_guess(obj, np.ones((1, obj.n_features_in_), np.float32))
    fits = guess.shape == (1, obj.n_trees_per_iteration_)
    require(fits, "init_", "gives a first guess for other classes")
