"""Models: the classifiers that are compared."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, StandardScaler
from sklearn.svm import LinearSVC

from skomics._optional import import_optional
from skomics.benchmark._inner_folds import (
    _to_dense,
    make_inner_folds,
    make_search,
    select_columns,
)
from skomics.benchmark._outside import DiabloClassifier, FlexynesisClassifier
from skomics.benchmark._rival_base import ProbableRival
from skomics.benchmark._rivals import (
    import_foreign,
    make_block_forest,
    make_centroids,
    make_elastic_net,
    make_group_lasso,
    make_multi_kernel,
    make_non_negative_stack,
    make_screened_logistic,
    make_screened_trees,
    make_shrinkage_lda,
    make_small_hist_boosting,
    make_small_lightgbm,
    make_xrfm,
)
from skomics.model_selection import param_distributions
from skomics.preprocessing import OmicsConcatenator

if TYPE_CHECKING:
    from skomics.benchmark._tasks import Task

__all__ = ["MODELS", "MODEL_GROUPS", "ModelSpec", "as_models"]


# Parameters that estimators got after results were stored, with the value that leaves
# everything as it was.
_LATER = {
    "checkpoint": None,
    "extra_features": "error",
    "missing_features": "error",
    "precision": "float32",
}


@dataclass(frozen=True)
class ModelSpec:
    """A classifier under a name.

    Parameters
    ----------
    name : str
        Short name, for the command line and the results.

    make : callable
        Takes a random state (int) and returns an unfitted classifier. With more than
        one process it must be picklable.

    label : str, default=None
        Name for tables and figures; None takes `name`.

    params : dict, default={}
        Parameters set on the classifier, and on those that it searches, stacks or
        ends with, wherever one has them.

    is_named_input : bool, default=True
        Whether the classifier takes what :class:`~skomics.OmicsConcatenator` gives by
        default, with the omics in the names of the features and NaN for a modality
        that a sample lacks, or a bare matrix without missing values.

    takes_sizes : bool, default=False
        Whether `make` also takes a dict of omics to number of columns, in the order
        of the columns.

    kind_params : callable, default=None
        Takes the kind of a task's data and returns parameters, set before `params`.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skomics.benchmark import ModelSpec, simulated_task
    >>> def make_forest(random_state):
    ...     return RandomForestClassifier(random_state=random_state)
    >>> ModelSpec("forest", make_forest).build(simulated_task(), 0)[-1]
    RandomForestClassifier(random_state=0)
    """

    name: str
    make: Callable
    label: str | None = None
    params: Mapping = field(default_factory=dict)
    is_named_input: bool = True
    takes_sizes: bool = False
    kind_params: Callable | None = None

    def __post_init__(self):
        if self.label is None:
            # A frozen dataclass is only set this way, while it is being made.
            object.__setattr__(self, "label", self.name)

    @property
    def module(self) -> str | None:
        """Module that defines the classifier; None if it cannot be made."""
        try:
            classifier = self.make(0)
        except Exception:  # a model may fail in any way
            return None
        return type(getattr(classifier, "estimator", classifier)).__module__

    def build(
        self, task: Task, random_state: int, *, is_scaled: bool = False
    ) -> Pipeline:
        """Return the pipeline that is fitted on a training part.

        Parameters
        ----------
        task : Task
            What is to be classified; its modalities are looked at, not its values.

        random_state : int
            Seed of the classifier.

        is_scaled : bool, default=False
            Whether the data are on one scale already.

        Returns
        -------
        pipeline : Pipeline
            Median imputation and, unless `is_scaled`, standardization per modality,
            then the classifier.
        """
        sizes = {"sizes": task.sizes} if self.takes_sizes else {}
        classifier = self.make(random_state, **sizes)
        known = classifier.get_params()
        kind_params = {} if self.kind_params is None else self.kind_params(task.kind)
        for name, value in {**kind_params, **self.params}.items():
            names = [k for k in known if k == name or k.endswith(f"__{name}")]
            classifier.set_params(**dict.fromkeys(names, value))
        omics = OmicsConcatenator(_make_preprocessing(task.sparse_omics, is_scaled))
        if not self.is_named_input:
            omics.set_params(missing_omics="transform").set_output(transform="numpy")
        return Pipeline([("omics", omics), ("clf", classifier)])

    def settings(self, task: Task, *, is_scaled: bool = False) -> str:
        """Return a short digest of every parameter of the pipeline but its seed.

        Parameters
        ----------
        task : Task
            As for `build`.

        is_scaled : bool, default=False
            As for `build`.

        Returns
        -------
        digest : str
            Twelve hexadecimal digits; none if the classifier cannot be made, which
            is for its fits to report.
        """
        try:
            params = self.build(task, 0, is_scaled=is_scaled).get_params()
        except Exception:  # a model may fail in any way
            return ""
        params = {k: v for k, v in params.items() if not _is_later(k, v)}
        # An object without a repr of its own shows its address.
        text = re.sub(
            r" at 0x[0-9a-f]+", "", repr(sorted(map(_describe, params.items())))
        )
        return sha256(text.encode()).hexdigest()[:12]


def _is_later(name, value):
    """Tell whether a parameter is one that came after results were stored, unused."""
    last = name.rpartition("__")[2]
    return last in _LATER and value == _LATER[last]


def _describe(item):
    name, value = item
    # Objects with parameters are listed by their type here and by their parameters
    # under names of their own.
    return name, repr(type(value)) if hasattr(value, "get_params") else repr(value)


def _make_preprocessing(sparse_omics, is_scaled):
    """Return imputation and scaling per modality; a sparse table stays sparse."""
    dense = [SimpleImputer(strategy="median", keep_empty_features=True)]
    thin = [SimpleImputer(strategy="constant", fill_value=0)]
    if not is_scaled:
        dense.append(StandardScaler())
        thin.append(StandardScaler(with_mean=False))
    if not any(sparse_omics.values()):
        return make_pipeline(*dense)
    return {
        omics: make_pipeline(*(thin if is_sparse else dense))
        for omics, is_sparse in sparse_omics.items()
    }


class EncodedClassifier(ProbableRival):
    """Lets a classifier that wants classes 0, 1, … take any.

    Parameters
    ----------
    estimator : classifier
        The classifier.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    estimator_ : classifier
        The fitted classifier.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        """Fit the classifier to codes of the classes.

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
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        self.estimator_ = clone(self.estimator).fit(X, encoder.transform(y))
        return self

    def _score(self, X):
        return self.estimator_.predict_proba(X)


def _make_classifier(name, random_state):
    # Imported here, so that a listing of the models loads no torch.
    from skomics import estimators

    return getattr(estimators, name)(random_state=random_state)


def _make_block_ridge(random_state):
    # In closed form, it takes no seed.
    from skomics.estimators import BlockRidgeClassifier

    return BlockRidgeClassifier()


def _make_path_stack(random_state):
    """Return SMA and its linear path, each trained by itself, in one mean."""
    members = [
        ("path", _make_block_ridge(random_state)),
        ("sma", _make_classifier("SMAClassifier", random_state)),
    ]
    return VotingClassifier(members, voting="soft", weights=[2, 1])


def _published_params(stem, kind):
    from skomics.estimators import paper_params

    return paper_params(stem, kind)


def _make_tuned(name, space, random_state):
    return RandomizedSearchCV(
        _make_classifier(name, random_state),
        space,
        n_iter=6,
        scoring="f1_macro",
        cv=make_inner_folds(3, random_state),
        random_state=random_state,
    )


def _make_dummy(random_state):
    return DummyClassifier(strategy="prior", random_state=random_state)


def _make_logistic(random_state, n_splits=5):
    logistic = LogisticRegression(max_iter=2000, random_state=random_state)
    grid = param_distributions(logistic)
    return make_search(logistic, grid, random_state, n_splits)


def _make_ridge(random_state):
    # Chooses its strength by leaving one training sample out at a time.
    return RidgeClassifierCV(alphas=np.logspace(-1, 5, 7))


def _make_svm(random_state):
    svm = LinearSVC(max_iter=5000, random_state=random_state)
    return make_search(svm, param_distributions(svm), random_state)


def _make_forest(random_state):
    return RandomForestClassifier(500, random_state=random_state)


def _make_hist_boosting(random_state):
    return make_pipeline(
        FunctionTransformer(_to_dense, accept_sparse=True),
        HistGradientBoostingClassifier(random_state=random_state),
    )


def _make_lightgbm(random_state):
    lightgbm = import_optional("lightgbm", extra="bench")
    return lightgbm.LGBMClassifier(
        random_state=random_state,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )


def _make_xgboost(random_state):
    xgboost = import_optional("xgboost", extra="bench")
    return EncodedClassifier(xgboost.XGBClassifier(random_state=random_state, n_jobs=1))


def _make_mlp(random_state):
    return MLPClassifier(max_iter=500, random_state=random_state)


def _make_stack(random_state, sizes):
    """Return a logistic regression on those of each modality, predicted in folds."""
    experts = [
        (omics, make_pipeline(columns, _make_logistic(random_state, n_splits=3)))
        for omics, columns in select_columns(sizes).items()
    ]
    final = LogisticRegression(max_iter=2000, random_state=random_state)
    folds = make_inner_folds(3, random_state)
    return StackingClassifier(experts, final, cv=folds, stack_method="predict_proba")


def _make_best_omics(random_state, sizes):
    columns = select_columns(sizes)
    logistic = LogisticRegression(max_iter=2000, random_state=random_state)
    pipeline = Pipeline([("columns", next(iter(columns.values()))), ("clf", logistic)])
    grid = {"columns": list(columns.values()), **param_distributions(pipeline)}
    return make_search(pipeline, grid, random_state)


def _make_foreign(package, name, random_state):
    return getattr(import_foreign(package), name)(random_state=random_state)


# Stem, class and label of the classifiers of skomics.
_SEVEN = (
    ("sma", "SMAClassifier", "SMA"),
    ("efnn", "EFNNClassifier", "efNN"),
    ("lfnn", "LFNNClassifier", "lfNN"),
    ("efcnn", "EFCNNClassifier", "efCNN"),
    ("lfcnn", "LFCNNClassifier", "lfCNN"),
    ("mogcn", "MoGCNClassifier", "moGCN"),
    ("mogat", "MoGATClassifier", "moGAT"),
)
# Not `param_distributions`: stored results are of these, and their settings name them.
_SPACE = {"lr": [5e-4, 1e-3, 3e-3, 1e-2], "weight_decay": [0.0, 0.01, 0.1, 1.0]}
_BATCH_SIZES = {"batch_size": [8, 32, 128]}


def _deep_models():
    """Return each of the seven as it is, tuned, and as published."""
    for stem, name, label in _SEVEN:
        # moGCN and moGAT train on the whole graph.
        space = _SPACE if stem.startswith("mog") else _SPACE | _BATCH_SIZES
        yield ModelSpec(stem, partial(_make_classifier, name), label)
        yield ModelSpec(
            f"{stem}-tuned", partial(_make_tuned, name, space), f"{label} (tuned)"
        )
        yield ModelSpec(
            f"{stem}-paper",
            partial(_make_classifier, name),
            f"{label} (published settings)",
            kind_params=partial(_published_params, stem),
        )


def with_params(spec, **params):
    """Return the model with further parameters for its classifier."""
    return replace(spec, params={**spec.params, **params})


def _make_outside(cls, random_state):
    return cls(random_state=random_state)


def _flat(name, make, label, **more):
    return ModelSpec(name, make, label, is_named_input=False, **more)


def _foreign(name, package, class_name, label, **params):
    make = partial(_make_foreign, package, class_name)
    return _flat(name, make, label, params=params)


_BASELINES = [
    _flat("dummy", _make_dummy, "largest class"),
    _flat("logreg", _make_logistic, "logistic regression"),
    _flat("ridge", _make_ridge, "ridge"),
    _flat("svm", _make_svm, "linear SVM"),
    _flat("forest", _make_forest, "random forest"),
    _flat("histgb", _make_hist_boosting, "histogram boosting"),
    _flat("lightgbm", _make_lightgbm, "LightGBM"),
    _flat("xgboost", _make_xgboost, "XGBoost"),
    _flat("mlp", _make_mlp, "MLP"),
    _flat("stack", _make_stack, "late-fusion stack", takes_sizes=True),
    _flat("best-omics", _make_best_omics, "best single modality", takes_sizes=True),
]
_DEEP = list(_deep_models())
# Classes weigh the same in SMA and the graph models by default; beside these one sees
# what lead comes of that alone. MLP and XGBoost take no weights of classes.
_TAKE_WEIGHTS = (
    *("efnn", "lfnn", "efcnn", "lfcnn", "logreg", "ridge", "svm", "forest", "histgb"),
    *("lightgbm", "stack", "best-omics"),
)
_BALANCED = [
    with_params(
        replace(c, name=f"{c.name}-balanced", label=f"{c.label} (balanced)"),
        class_weight="balanced",
    )
    for c in [*_DEEP, *_BASELINES]
    if c.name in _TAKE_WEIGHTS
]
# What SMA's lead comes of: its linear path alone, the network alone, the mean of these
# two, and the other networks with the path.
_PATH = [
    ModelSpec("block-ridge", _make_block_ridge, "block ridge"),
    with_params(
        replace(_DEEP[0], name="sma-alone", label="SMA (no path)"), linear_path=None
    ),
    ModelSpec(
        "sma-stack",
        _make_path_stack,
        "SMA and path (apart)",
        params={"linear_path": None},
    ),
    *(
        with_params(
            replace(c, name=f"{c.name}-path", label=f"{c.label} (path)"),
            linear_path="ridge",
        )
        for c in _DEEP
        if c.name in {stem for stem, _, _ in _SEVEN} - {"sma"}
    ),
]
# What has a chance on few samples. All but the last two are tuned within the training
# part, and classes weigh the same in all.
_RIVALS = [
    _flat("mkl-ridge", make_multi_kernel, "multi-kernel ridge", takes_sizes=True),
    _flat("elastic-net", make_elastic_net, "elastic net"),
    _flat("group-lasso", make_group_lasso, "group lasso"),
    _flat("shrinkage-lda", make_shrinkage_lda, "shrinkage LDA"),
    _flat("centroids", make_centroids, "shrunken centroids"),
    _flat("kbest-logreg", make_screened_logistic, "k best, logistic", takes_sizes=True),
    _flat("kbest-trees", make_screened_trees, "k best, extra trees", takes_sizes=True),
    _flat("block-forest", make_block_forest, "block forest", takes_sizes=True),
    _flat(
        "nnls-stack", make_non_negative_stack, "non-negative stack", takes_sizes=True
    ),
    _flat("lightgbm-small", make_small_lightgbm, "LightGBM (few samples)"),
    _flat(
        "histgb-small",
        make_small_hist_boosting,
        "histogram boosting (few samples)",
        takes_sizes=True,
    ),
]
# The graph model under the name that its users know, with the settings that the paper
# of SMA gives it.
_ALIASES = [
    replace(spec, name="mogonet", label="MOGONET (moGCN, published settings)")
    for spec in _DEEP
    if spec.name == "mogcn-paper"
]
# Name, package, class and label. pytabkit takes all cores unless it is told not to.
_OPTIONAL = [
    _foreign("realmlp", "pytabkit", "RealMLP_TD_Classifier", "RealMLP", n_threads=1),
    _foreign("tabm", "pytabkit", "TabM_D_Classifier", "TabM", n_threads=1),
    _flat("xrfm", partial(make_xrfm, "xrfm"), "xRFM"),
    _foreign("tabicl", "tabicl", "TabICLClassifier", "TabICL"),
    _foreign("tabpfn", "tabpfn", "TabPFNClassifier", "TabPFN"),
]

# Other programs, which train on the tables of a fold by themselves.
_OUTSIDE = [
    ModelSpec("diablo", partial(_make_outside, DiabloClassifier), "DIABLO (mixOmics)"),
    ModelSpec("flexynesis", partial(_make_outside, FlexynesisClassifier), "flexynesis"),
]

# The models that the command line knows.
MODELS = {
    spec.name: spec
    for spec in [
        *_DEEP,
        *_BASELINES,
        *_BALANCED,
        *_PATH,
        *_RIVALS,
        *_ALIASES,
        *_OPTIONAL,
        *_OUTSIDE,
    ]
}

# Names for several of them.
MODEL_GROUPS = {
    "seven": [stem for stem, _, _ in _SEVEN],
    "baselines": [spec.name for spec in _BASELINES],
    "balanced": [spec.name for spec in _BALANCED],
    "path": [spec.name for spec in _PATH],
    "rivals": [spec.name for spec in _RIVALS],
    "tuned": [f"{stem}-tuned" for stem, _, _ in _SEVEN],
    "published": [f"{stem}-paper" for stem, _, _ in _SEVEN],
    "optional": [spec.name for spec in _OPTIONAL],
    "outside": [spec.name for spec in _OUTSIDE],
}
MODEL_GROUPS["all"] = [
    name for group in ("seven", "baselines", "balanced") for name in MODEL_GROUPS[group]
]


def as_models(models):
    """Return a list of models with different names.

    Parameters
    ----------
    models : str, ModelSpec, list of str and ModelSpec, or dict of str to \
            classifier
        Names in `MODELS` or `MODEL_GROUPS`, models, classifiers by
        name, whose `random_state` is set for each fit, or ``module:factory``: a
        function of an own module that takes `random_state` and returns a classifier
        of a matrix without missing values, or a ModelSpec there.

    Returns
    -------
    models : list of ModelSpec
        The models.
    """
    if isinstance(models, Mapping):
        models = [ModelSpec(name, _Cloned(model)) for name, model in models.items()]
    elif isinstance(models, ModelSpec | str):
        models = [models]
    models = [c for item in models for c in _find_models(item)]
    names = [spec.name for spec in models]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"Got {len(names)} models with the names {names}. At least one is "
            "needed, and names must differ."
        )
    return models


def _find_models(item):
    if isinstance(item, ModelSpec):
        return [item]
    if ":" in item:
        return [_import_model(item)]
    if item in MODEL_GROUPS:
        return [MODELS[name] for name in MODEL_GROUPS[item]]
    if item not in MODELS:
        raise ValueError(
            f"Got the model {item!r}, but known are {sorted(MODELS)} and the "
            f"groups {sorted(MODEL_GROUPS)}. Choose from these, or give a dict of "
            "name to classifier."
        )
    return [MODELS[item]]


def _import_model(address):
    """Return the model that a factory of the user's makes, from ``module:factory``."""
    module, _, name = address.partition(":")
    # As `python -m` has it, but a console script does not.
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"Got the model {address!r}, but {error}. Give module:name of a ModelSpec, "
            "or of a function that takes random_state and returns a classifier, in a "
            "module that Python finds from here."
        ) from error
    if isinstance(found, ModelSpec):
        return found
    if isinstance(found, type) or not callable(found):
        raise ValueError(
            f"Got the model {address!r}, which is a {type(found).__name__}. Give a "
            "ModelSpec, or a function that takes random_state and returns a classifier."
        )
    return ModelSpec(name, found, is_named_input=False)


@dataclass(frozen=True)
class _Cloned:
    """Makes copies of a classifier with another random state."""

    model: object

    def __call__(self, random_state):
        model = clone(self.model)
        seeds = {
            name: random_state
            for name in model.get_params()
            if name == "random_state" or name.endswith("__random_state")
        }
        return model.set_params(**seeds)
