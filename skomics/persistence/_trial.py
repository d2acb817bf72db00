"""Whether what was read from a file answers: each model is tried on two samples.

One sample is of ones, one of numbers that look like scaled features. Simple parts are
tried as they are made, and what is composed of them once the whole model is there.
"""

import warnings

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags

from skomics.persistence._require import require

__all__ = ["is_tried", "try_model", "try_part"]

_METHODS = ("predict", "predict_proba", "decision_function", "transform")
# Predictors that may refuse a sample of numbers, and those that are composed. They are
# tried where they are the whole model, or in it.
_COMPOSED = (
    *("Pipeline", "GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV"),
    *("HalvingRandomSearchCV", "StackingClassifier", "StackingRegressor"),
    *("VotingClassifier", "VotingRegressor", "CalibratedClassifierCV"),
    *("FrozenEstimator", "AdaBoostClassifier", "AdaBoostRegressor"),
    *("BaggingClassifier", "BaggingRegressor", "ClassifierChain", "RegressorChain"),
    *("MultiOutputClassifier", "MultiOutputRegressor", "OneVsOneClassifier"),
    *("OneVsRestClassifier", "OutputCodeClassifier", "SelfTrainingClassifier"),
    *("TransformedTargetRegressor", "FixedThresholdClassifier"),
    *("TunedThresholdClassifierCV", "RadiusNeighborsClassifier"),
    *("RadiusNeighborsRegressor", "RFE", "RFECV"),
    *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier"),
    *("ExtraTreeRegressor", "DummyClassifier", "DummyRegressor"),
)
# What reads no table of features.
_PARTS = (
    *("IsotonicRegression", "KernelCenterer", "LabelBinarizer", "LabelEncoder"),
    *("MultiLabelBinarizer", "_ConstantPredictor", "_SigmoidCalibration"),
    "_TemperatureScaling",
)
_TRANSFORMERS = (
    *("AtacTfidfTransformer", "CLRTransformer", "LibrarySizeNormalizer"),
    *("MValueTransformer", "FactorAnalysis", "FastICA", "IncrementalPCA", "KernelPCA"),
    *("PCA", "TruncatedSVD", "KNNImputer", "MissingIndicator", "SimpleImputer"),
    *("Nystroem", "RBFSampler", "KBinsDiscretizer", "MaxAbsScaler", "MinMaxScaler"),
    *("PowerTransformer", "QuantileTransformer", "RobustScaler", "StandardScaler"),
    *("GaussianRandomProjection", "SparseRandomProjection", "KernelCenterer"),
    *("LinearDiscriminantAnalysis", "NeighborhoodComponentsAnalysis"),
)
# Sound ones give NaN or infinity for samples of another size than those of fit: powers,
# logarithms, exponentials, and means of no neighbors.
_MAY_OVERFLOW = (
    *("AtacTfidfTransformer", "CLRTransformer", "FunctionTransformer"),
    *("GammaRegressor", "LibrarySizeNormalizer", "MValueTransformer"),
    *("PoissonRegressor", "PowerTransformer", "RadiusNeighborsRegressor"),
    *("TfidfTransformer", "TransformedTargetRegressor", "TweedieRegressor"),
)
_KERNELS_OF_POSITIVES = ("additive_chi2", "chi2", "poly", "polynomial")


def is_tried(thing):
    """Tell whether an object of this class must answer any numbers.

    Parameters
    ----------
    thing : object
        Part of a model.

    Returns
    -------
    is_tried : bool
        True for classifiers and regressors that are composed of no others.
    """
    is_predictor = is_classifier(thing) or is_regressor(thing)
    return is_predictor and type(thing).__name__ not in _COMPOSED + _PARTS


def try_part(thing, place, size):
    """Refuse a simple part that does not answer two samples with finite numbers.

    Parameters
    ----------
    thing : object
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
    n_features = vars(thing).get("n_features_in_")
    if not isinstance(thing, BaseEstimator) or n_features is None:
        return
    if isinstance(thing, SelectorMixin):
        _try_selector(thing, n_features, place)
    name = type(thing).__name__
    if name in _TRANSFORMERS and n_features <= size:
        _try(thing, ["transform"], [name], place, is_strict=False)
    if is_tried(thing):
        is_small = n_features <= max(size, 2**16)
        problem = f"has {n_features} features, more than its file has bytes"
        require(is_small, place, problem)
        # Of a model of ours, the other methods are made from its probabilities.
        is_ours = type(thing).__module__.startswith("skomics.")
        methods = _METHODS[1:2] if is_ours else _METHODS[:3]
        _try(thing, methods, [name], place, is_strict=True)


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
    n_features = getattr(model, "n_features_in_", None)
    is_known = isinstance(model, BaseEstimator) and n_features is not None
    if not is_known or is_tried(model) or type(model).__name__ in _PARTS:
        return
    # The answers to numbers say nothing of those to texts, and a trial must not move
    # the seed of what answers at random.
    if any(_reads_texts(part) or _is_random(part) for part in parts):
        return
    if n_features <= max(size, 2**16):
        names = [type(part).__name__ for part in parts]
        _try(model, _METHODS, names, place, is_strict=False)


def _reads_texts(part):
    categories = vars(part).get("categories_")
    kept = categories if isinstance(categories, list) else []
    kept = [*kept, vars(part).get("statistics_")]
    return any(isinstance(a, np.ndarray) and a.dtype.kind in "OU" for a in kept)


def _is_random(part):
    is_dummy = type(part).__name__ == "DummyClassifier"
    return is_dummy and part.strategy in ("stratified", "uniform")


def _try(thing, methods, names, place, *, is_strict):
    """Ask for the answers to each sample, and compare them with what they should be."""
    for X in _samples(thing):
        for method in methods:
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    if not hasattr(thing, method):
                        continue
                    answer = getattr(thing, method)(X)
                    _check_answer(thing, method, answer, names, place)
            except _AnswerError as error:
                raise ValueError(str(error)) from error
            except ValueError as error:
                if is_strict:
                    raise _refusal(method, place, error) from error
            except Exception as error:
                raise _refusal(method, place, error) from error


class _AnswerError(ValueError):
    """What was answered is not what it should be."""


def _refusal(method, place, error):
    does = "transform" if method == "transform" else "predict"
    return ValueError(f"{place} cannot {does} ({type(error).__name__}: {error!s:.300})")


def _samples(thing):
    """Return two tables of one sample, with the names of features if they have any."""
    n_features = thing.n_features_in_
    numbers = np.random.default_rng(0).standard_normal((1, n_features))
    if type(thing).__name__ == "CategoricalNB":
        numbers, ones = np.zeros((1, n_features)), np.zeros((1, n_features))
    else:
        numbers = np.abs(numbers) if _is_positive_only(thing) else numbers
        ones = np.ones((1, n_features))
    names = getattr(thing, "feature_names_in_", None)
    if names is None or is_tried(thing) or type(thing).__name__ in _TRANSFORMERS:
        return ones, numbers
    return [pd.DataFrame(X, columns=names) for X in (ones, numbers)]


def _is_positive_only(thing):
    if vars(thing).get("kernel") in _KERNELS_OF_POSITIVES:
        return True
    tags = get_tags(thing).input_tags
    return tags.positive_only or tags.pairwise


def _check_answer(thing, method, answer, names, place):
    """Refuse answers of another shape, and numbers that are not finite."""
    may_overflow = method != "predict_proba" and not set(names).isdisjoint(
        _MAY_OVERFLOW
    )
    for table in answer if isinstance(answer, list) else [answer]:
        shape, values = _values(table)
        fits = shape[:1] == (1,) and len(shape) <= 2
        fits = fits and (method != "transform" or len(shape) == 2)
        _demand(fits, place, f"answers one sample by {method} in the shape {shape}")
        is_finite = values.dtype.kind not in "fc" or np.isfinite(values).all()
        problem = f"gives NaN or infinity for {method}"
        _demand(is_finite or may_overflow, place, problem)
    classes = getattr(thing, "classes_", None)
    if isinstance(classes, np.ndarray) and not isinstance(answer, list):
        n = len(classes)
        wanted = {
            "predict_proba": {(1, n)},
            "decision_function": {(1,), (1, 1), (1, n), (1, n * (n - 1) // 2)},
        }
        problem = f"has {n} classes, but {method} answers in the shape {shape}"
        _demand(shape in wanted.get(method, {shape}), place, problem)


def _demand(condition, place, problem):
    if not condition:
        raise _AnswerError(f"{place} {problem}")


def _values(table):
    """Return the shape and the values of an answer in whatever container."""
    if type(table).__name__ == "AnnData":
        table = table.X
    if isinstance(table, pd.DataFrame):
        table = table.to_numpy()
    shape = np.shape(table)
    return shape, np.asarray(table.data if sparse.issparse(table) else table)


def _try_selector(thing, n_features, place):
    try:
        mask = np.asarray(thing.get_support())
    except Exception as error:
        raise ValueError(
            f"{place} cannot select ({type(error).__name__}: {error})"
        ) from error
    fits = mask.dtype == bool and mask.shape == (n_features,)
    require(fits, place, f"does not select among {n_features} features")
