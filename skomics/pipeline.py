"""The sensible default from tables to a classifier, in one call."""

from __future__ import annotations

from importlib import import_module
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

from sklearn.base import clone, is_classifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skomics.preprocessing import OmicsConcatenator

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skomics._typing import RandomState

__all__ = ["make_omics_pipeline"]

# Imported when one is asked for, so that a pipeline of another classifier needs no
# torch. The last is the published name of a graph model with its authors' settings.
CLASSIFIERS = {
    "sma": "SMAClassifier",
    "block_ridge": "BlockRidgeClassifier",
    "efnn": "EFNNClassifier",
    "lfnn": "LFNNClassifier",
    "efcnn": "EFCNNClassifier",
    "lfcnn": "LFCNNClassifier",
    "mogcn": "MoGCNClassifier",
    "mogat": "MoGATClassifier",
}
_IMPUTERS = ("median", "mean", "most_frequent", "zero", None)
_SCALERS = ("standard", "unit_variance", "max_abs", None)


def make_omics_pipeline(
    classifier: str | BaseEstimator = "sma",
    *,
    impute: Literal["median", "mean", "most_frequent", "zero"] | None = "median",
    min_variance: float | None = 0.0,
    scale: Literal["standard", "unit_variance", "max_abs"] | None = "standard",
    n_features: int | None = None,
    random_state: RandomState = None,
) -> Pipeline:
    """Return a pipeline from the tables of the modalities to a classifier.

    Each modality is imputed, rid of features that do not vary, cut to its strongest
    features if so asked, and scaled, all by itself and learned in `fit`, so that in a
    cross-validation nothing is learned from test samples. A modality that a sample
    lacks as a whole stays missing for the classifier, which does without it.

    Parameters
    ----------
    classifier : str or classifier, default="sma"
        "sma", "block_ridge", "efnn", "lfnn", "efcnn", "lfcnn", "mogcn" or "mogat", or
        any classifier of scikit-learn's kind, of which a clone is taken.

    impute : {"median", "mean", "most_frequent", "zero", None}, default="median"
        What single missing values become: a statistic of the feature, or 0, which
        keeps sparse tables sparse. None leaves them, for a classifier that takes
        them.

    min_variance : float or None, default=0.0
        Features are kept if their variance, before scaling, is larger. 0 leaves out
        those that do not vary; None keeps all.

    scale : {"standard", "unit_variance", "max_abs", None}, default="standard"
        Mean 0 and variance 1; variance 1 alone, which keeps sparse tables sparse;
        largest absolute value 1; or nothing.

    n_features : int, default=None
        Features of each modality that are kept, by the F statistic of an analysis of
        variance between classes; of a modality that has fewer, all, with
        scikit-learn's warning. None keeps all.

    random_state : int, RandomState instance or None, default=None
        Seed of the classifier, if it takes one. None leaves that of a classifier that
        is given as an object.

    Returns
    -------
    pipeline : Pipeline
        Steps "omics", an :class:`~skomics.OmicsConcatenator`, and "classifier".

    Raises
    ------
    ValueError
        If a name is unknown, or a number is none that is wanted.

    TypeError
        If `classifier` is neither a name nor a classifier.

    See Also
    --------
    skomics.model_selection.param_distributions : What is worth searching in it.

    Examples
    --------
    >>> from skomics.datasets import make_intersim
    >>> from skomics.pipeline import make_omics_pipeline
    >>> X, y = make_intersim(n_samples=80, n_clusters=3, effect=1, random_state=0)
    >>> model = make_omics_pipeline("block_ridge", n_features=50).fit(X, y)
    >>> list(model.named_steps)
    ['omics', 'classifier']
    >>> model[0].transform(X).shape
    (80, 150)
    """
    _check_choice("impute", impute, _IMPUTERS)
    _check_choice("scale", scale, _SCALERS)
    _check_number("min_variance", min_variance, Real, 0)
    _check_number("n_features", n_features, Integral, 1)
    steps = []
    if impute is not None:
        strategy = "constant" if impute == "zero" else impute
        # A feature that is missing in all training samples of a fold stays a feature.
        imputer = SimpleImputer(
            strategy=strategy, fill_value=0, keep_empty_features=True
        )
        steps += [("impute", imputer)]
    if min_variance is not None:
        steps += [("variance", VarianceThreshold(float(min_variance)))]
    if n_features is not None:
        steps += [("select", SelectKBest(k=int(n_features)))]
    if scale is not None:
        steps += [("scale", _make_scaler(scale))]
    per_modality = Pipeline(steps) if steps else "passthrough"
    last = _make_classifier(classifier, random_state)
    return Pipeline([("omics", OmicsConcatenator(per_modality)), ("classifier", last)])


def _make_scaler(scale):
    if scale == "max_abs":
        return MaxAbsScaler()
    return StandardScaler(with_mean=scale == "standard")


def _make_classifier(classifier, random_state):
    if isinstance(classifier, str):
        _check_choice("classifier", classifier, tuple(CLASSIFIERS))
        module = import_module("skomics.estimators")
        made = getattr(module, CLASSIFIERS[classifier])()
    elif _is_classifier(classifier):
        made = clone(classifier)
    else:
        raise TypeError(
            f"Got classifier={classifier!r}, but a classifier or one of the names "
            f"{', '.join(CLASSIFIERS)} is wanted. Give an object, such as "
            "SMAClassifier()."
        )
    if random_state is not None and "random_state" in made.get_params():
        made.set_params(random_state=random_state)
    return made


def _is_classifier(value):
    # scikit-learn asks for the tags of anything, and a class has none of its own.
    is_estimator = hasattr(value, "__sklearn_tags__") and not isinstance(value, type)
    return is_estimator and is_classifier(value)


def _check_choice(name, value, known):
    if value not in known:
        raise ValueError(
            f"Got {name}={value!r}, but one of {', '.join(map(repr, known))} is "
            f"wanted. Set {name} to one of these."
        )


def _check_number(name, value, kind, least):
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kind) or not value >= least:
        word = "a whole number" if kind is Integral else "a number"
        raise ValueError(
            f"Got {name}={value!r}, but {word} of at least {least}, or None, is "
            f"wanted. Set {name} to one, or leave it out."
        )
