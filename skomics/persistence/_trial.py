"""Whether what was read from a file answers: each model is tried on two samples.

One sample is of ones, one of numbers that look like scaled features. Simple parts are
tried as they are made, and what is composed of them once the whole model is there.
"""

import warnings

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skomics.persistence._require import require

__all__ = ["TRANSFORMERS", "is_tried", "try_model", "try_part"]

_METHODS = ("predict", "predict_proba", "decision_function", "transform")
# Predictors that may refuse a sample of numbers, and those that are composed. They are
# tried where they are the whole model, or in it.
_COMPOSED = (
    *("Pipeline", "GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV"),
    *("BatchedSearchCV", "HalvingRandomSearchCV"),
    *("StackingClassifier", "StackingRegressor"),
    *("VotingClassifier", "VotingRegressor", "CalibratedClassifierCV"),
    *("FrozenEstimator", "AdaBoostClassifier", "AdaBoostRegressor"),
    *("BaggingClassifier", "BaggingRegressor", "ClassifierChain", "RegressorChain"),
    *("MultiOutputClassifier", "MultiOutputRegressor", "OneVsOneClassifier"),
    *("OneVsRestClassifier", "OutputCodeClassifier", "SelfTrainingClassifier"),
    *("TransformedTargetRegressor", "FixedThresholdClassifier"),
    *("TunedThresholdClassifierCV", "RadiusNeighborsClassifier"),
    *("RadiusNeighborsRegressor", "RFE", "RFECV"),
    *("ConformalClassifier", "SelectiveClassifier"),
    *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier"),
    *("ExtraTreeRegressor", "DummyClassifier", "DummyRegressor"),
)
# What reads no table of features.
_PARTS = (
    *("IsotonicRegression", "KernelCenterer", "LabelBinarizer", "LabelEncoder"),
    *("MultiLabelBinarizer", "_ConstantPredictor", "_SigmoidCalibration"),
    "_TemperatureScaling",
)
TRANSFORMERS = (
    *("AtacTfidfTransformer", "CLRTransformer", "LibrarySizeNormalizer"),
    *("CohortScaler", "ReferenceQuantileNormalizer", "SampleRankTransformer"),
    *("MValueTransformer", "FactorAnalysis", "FastICA", "IncrementalPCA", "KernelPCA"),
    *("PCA", "TruncatedSVD", "KNNImputer", "MissingIndicator", "SimpleImputer"),
    *("Nystroem", "RBFSampler", "KBinsDiscretizer", "MaxAbsScaler", "MinMaxScaler"),
    *("PowerTransformer", "QuantileTransformer", "RobustScaler", "StandardScaler"),
    *("GaussianRandomProjection", "SparseRandomProjection", "KernelCenterer"),
    *("LinearDiscriminantAnalysis", "NeighborhoodComponentsAnalysis"),
)
# Sound ones give NaN or infinity for samples of another size than those of fit: powers,
# logarithms, means of no neighbors; and exponentials, which are no NaN.
_MAY_OVERFLOW = (
    *("AtacTfidfTransformer", "CLRTransformer", "CohortScaler", "FunctionTransformer"),
    *("LibrarySizeNormalizer", "MValueTransformer", "PowerTransformer"),
    *("RadiusNeighborsRegressor", "TfidfTransformer", "TransformedTargetRegressor"),
)
_MAY_BE_INFINITE = ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")
_KERNELS_OF_POSITIVES = ("additive_chi2", "chi2", "poly", "polynomial")


def is_tried(obj):
    """Tell whether an object of this class must answer any numbers.

    Parameters
    ----------
    obj : object
        Part of a model.

    Returns
    -------
    is_tried : bool
        True for classifiers and regressors that are composed of no others.
    """
    is_predictor = is_classifier(obj) or is_regressor(obj)
    return is_predictor and type(obj).__name__ not in _COMPOSED + _PARTS


def try_part(obj, place, size):
    """Refuse a simple part that does not answer two samples with finite numbers.

    Parameters
    ----------
    obj : object
        Part of a model, all of it there.

    place : str
        Where in the model it is.

    size : int
        Bytes of the file.

    Raises
    ------
    ValueError
        If it does not. Transformers may refuse a sample for its values.
    """
    n_features = vars(obj).get("n_features_in_")
    if not isinstance(obj, BaseEstimator) or n_features is None:
        return
    if isinstance(obj, SelectorMixin):
        _try_selector(obj, n_features, place)
    name = type(obj).__name__
    if name in TRANSFORMERS and not is_tried(obj) and n_features <= size:
        _try(obj, ["transform"], n_features, [name], place)
    if is_tried(obj):
        is_small = n_features <= max(size, 2**16)
        problem = f"has {n_features} features, more than its file has bytes"
        require(is_small, place, problem)
        # Of a model of ours, the other methods are made from its probabilities.
        is_ours = type(obj).__module__.startswith("skomics.")
        methods = _METHODS[1:2] if is_ours else _METHODS
        _try(obj, methods, n_features, [name], place, is_strict=True)


def try_model(model, place, size, parts):
    """Refuse a model that gives two samples neither finite numbers nor a ValueError.

    Parameters
    ----------
    model : object
        What a file holds, all of it.

    place : str
        What it is called in errors.

    size : int
        Bytes of the file.

    parts : list of object
        All objects of the model.

    Raises
    ------
    ValueError
        If anything else comes out, or if classes have no probability each.
    """
    if not isinstance(model, BaseEstimator) or not _is_fitted(model):
        return
    n_features = getattr(model, "n_features_in_", None)
    if n_features is None:  # of a function at the head, which takes any number
        widths = (vars(part).get("n_features_in_") for part in parts)
        n_features = next((n for n in widths if n is not None), None)
    if is_tried(model) or type(model).__name__ in _PARTS:
        return
    if n_features is None:
        is_predictor = is_classifier(model) or is_regressor(model)
        require(not is_predictor, place, "has no part that says how many features")
        return
    # The answers to numbers say nothing of those to texts, unless the texts are known,
    # and a trial must not move the seed of what answers at random.
    reads_texts = not _categories(_first(model)) and any(map(_reads_texts, parts))
    if reads_texts or any(map(_is_random, parts)):
        return
    if n_features <= max(size, 2**16):
        names = [type(part).__name__ for part in parts]
        last = model.steps[-1][1] if type(model).__name__ == "Pipeline" else None
        if last is not None and is_tried(last):
            _try_steps(model[:-1], last, n_features, names, place)
        else:
            _try(model, _METHODS, n_features, names, place)


def _try_steps(before, last, n_features, names, place):
    """Try the steps before one that has been tried, and whether it fits them."""
    if len(before):
        require(hasattr(before, "transform"), place, "has a step that cannot transform")
        width = last.n_features_in_
        _try(before, ["transform"], n_features, names, place, width=width)


def _is_fitted(model):
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def _first(model):
    """Return the part of a model that is given its samples as they are."""
    while type(model).__name__ == "Pipeline":
        model = model.steps[0][1]
    return model


def _categories(part):
    categories = vars(part).get("categories_") if hasattr(part, "__dict__") else None
    return categories if isinstance(categories, list) else []


def _reads_texts(part):
    kept = [*_categories(part), vars(part).get("statistics_")]
    return any(isinstance(a, np.ndarray) and a.dtype.kind in "OU" for a in kept)


def _is_random(part):
    is_dummy = type(part).__name__ == "DummyClassifier"
    return is_dummy and part.strategy in ("stratified", "uniform")


def _try(obj, methods, n_features, names, place, *, is_strict=False, width=None):
    """Ask for the answers to both samples, and compare them with what they should be.

    Where both together are refused, each is tried by itself: one may be welcome.
    """
    table = _samples(obj, n_features, names)
    for method in methods:
        answer = _answer(obj, method, table, place, is_strict)
        tables = [table] if answer is not None else [table[:1], table[1:]]
        for part in tables if hasattr(obj, method) else []:
            if part is not table:
                answer = _answer(obj, method, part, place, is_strict)
            if answer is not None:
                _check_answer(obj, method, answer, len(part), names, place)
                fits = width is None or _values(answer)[0][1] == width
                require(fits, place, f"has a last step that reads {width} features")


def _answer(obj, method, table, place, is_strict):
    """Return what a method makes of samples, or None where they are refused."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return getattr(obj, method)(table) if hasattr(obj, method) else None
    except Exception as error:
        if isinstance(error, ValueError) and not is_strict:
            return None
        does = "transform" if method == "transform" else "predict"
        name = type(error).__name__
        raise ValueError(f"{place} cannot {does} ({name}: {error!s:.300})") from error


def _samples(obj, n_features, parts):
    """Return a table of two samples, with names of features if they are asked for."""
    categories = _categories(_first(obj))
    if categories:
        has_texts = any(c.dtype.kind in "OU" for c in categories)
        rows = [[c[0] for c in categories], [c[-1] for c in categories]]
        return np.array(rows, dtype=object if has_texts else None)
    table = np.random.default_rng(0).standard_normal((2, n_features))
    table[0] = 1
    if _is_positive_only(obj):
        table = np.abs(table)
    if type(obj).__name__ == "CategoricalNB":  # codes, of which there is always a 0
        table[:] = 0
    # Only this one asks for features by their names.
    names = getattr(obj, "feature_names_in_", None)
    has_names = names is not None and "ColumnTransformer" in parts
    return pd.DataFrame(table, columns=names) if has_names else table


def _is_positive_only(obj):
    if vars(obj).get("kernel") in _KERNELS_OF_POSITIVES:
        return True
    tags = get_tags(obj).input_tags
    return tags.positive_only or tags.pairwise


def _check_answer(obj, method, answer, n, names, place):
    """Refuse answers of another shape, and numbers that are not finite."""
    may_overflow = method != "predict_proba" and bool(set(names) & set(_MAY_OVERFLOW))
    for table in answer if isinstance(answer, list) else [answer]:
        shape, values = _values(table)
        fits = shape[:1] == (n,) and len(shape) <= 2
        fits = fits and (method != "transform" or len(shape) == 2)
        require(fits, place, f"answers {n} samples by {method} in shape {shape}")
        is_finite = values.dtype.kind not in "fc" or np.isfinite(values).all()
        is_infinite = type(obj).__name__ in _MAY_BE_INFINITE
        is_finite = is_finite or (is_infinite and not np.isnan(values).any())
        problem = f"gives NaN or infinity for {method}"
        require(is_finite or may_overflow, place, problem)
    classes = getattr(obj, "classes_", None)
    if isinstance(classes, np.ndarray) and not isinstance(answer, list):
        k = len(classes)
        widths = {
            "predict_proba": {(k,)},
            "decision_function": {(), (1,), (k,), (k * (k - 1) // 2,)},
        }
        problem = f"has {k} classes, but {method} answers in the shape {shape}"
        require(shape[1:] in widths.get(method, {shape[1:]}), place, problem)


def _values(table):
    """Return the shape and the values of an answer in whatever container."""
    if type(table).__name__ == "AnnData":
        table = table.X
    if isinstance(table, pd.DataFrame):
        table = table.to_numpy()
    shape = np.shape(table)
    return shape, np.asarray(table.data if sparse.issparse(table) else table)


def _try_selector(obj, n_features, place):
    try:
        mask = np.asarray(obj.get_support())
    except Exception as error:
        raise ValueError(
            f"{place} cannot select ({type(error).__name__}: {error})"
        ) from error
    fits = mask.dtype == bool and mask.shape == (n_features,)
    require(fits, place, f"does not select among {n_features} features")
