"""The one door to private names of scikit-learn, SciPy and skorch, which may move.

These packages are capped in pyproject.toml because of what stands here, and a test
finds private names of others anywhere else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from scipy.stats._distn_infrastructure import rv_frozen
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._split import GroupsConsumerMixin, _RepeatedSplits
from sklearn.model_selection._validation import (
    _fit_and_score,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree._tree import NODE_DTYPE, Tree
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils._set_output import check_library_installed
from sklearn.utils.metadata_routing import _raise_for_params
from sklearn.utils.validation import (
    _check_feature_names,
    _check_feature_names_in,
    _check_method_params,
    _check_n_features,
    _check_sample_weight,
)

if TYPE_CHECKING:
    # What they decorate keeps its types.
    _Method = TypeVar("_Method", bound=Callable[..., Any])

    def _fit_context(
        *, prefer_skip_nested_validation: bool
    ) -> Callable[[_Method], _Method]: ...

    def available_if(check: Callable[[Any], bool]) -> Callable[[_Method], _Method]: ...

    def with_callbacks(fit: _Method) -> _Method: ...

else:
    from sklearn.base import _fit_context
    from sklearn.callback import with_callbacks
    from sklearn.utils.metaestimators import available_if

__all__ = [
    "CALLBACK_STATE",
    "NODE_DTYPE",
    "BaseSearchCV",
    "GroupsConsumerMixin",
    "HasMethods",
    "Interval",
    "NoDefaultCallbacks",
    "StrOptions",
    "Tree",
    "VisualBlockMixin",
    "_BaseScorer",
    "_RepeatedSplits",
    "_check_feature_names",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_n_features",
    "_check_sample_weight",
    "_fit_and_score",
    "_fit_context",
    "_insert_error_scores",
    "_raise_for_params",
    "_safe_indexing",
    "_warn_or_raise_about_fit_failures",
    "best_search_index",
    "available_if",
    "check_library_installed",
    "check_search_refit",
    "first_guess",
    "format_search_results",
    "get_output_config",
    "get_param_names",
    "has_callbacks",
    "init_callback_context",
    "initialize_optimizer",
    "parent_of_view",
    "restore_interpolation",
    "restore_loss",
    "restore_search_tree",
    "restore_threshold_scorer",
    "route_search_params",
    "rv_frozen",
    "scorers_by_name",
    "search_scorers",
    "set_output_config",
    "set_training",
    "validate_params",
    "wants_fitted_estimator",
    "with_callbacks",
    "unpulled",
]


def get_param_names(estimator):
    """Return the names of the constructor parameters of an estimator.

    Parameters
    ----------
    estimator : estimator
        An estimator whose `get_params` may list others, too.

    Returns
    -------
    names : list of str
        Names, sorted.
    """
    return estimator._get_param_names()


def init_callback_context(estimator, n_epochs):
    """Begin to report a fit to the callbacks of an estimator.

    Parameters
    ----------
    estimator : estimator with `CallbackSupportMixin`
        What is fitted.

    n_epochs : int
        Number of epochs that a progress bar expects.

    Returns
    -------
    context : CallbackContext
        scikit-learn's root context.
    """
    return estimator._init_callback_context(max_subtasks=n_epochs)


# What scikit-learn's callbacks leave on an estimator, during `fit` and after it.
CALLBACK_STATE = frozenset(
    {"_callback_fit_ctx", "_skl_callbacks", "_skl_callbacks_to_teardown"}
)


def has_callbacks(estimator):
    """Tell whether scikit-learn's callbacks are set on an estimator.

    Parameters
    ----------
    estimator : estimator with `CallbackSupportMixin`
        The estimator.

    Returns
    -------
    answer : bool
        Whether there are any.
    """
    return bool(getattr(estimator, "_skl_callbacks", None))


def wants_fitted_estimator(estimator):
    """Tell whether a callback asks for the model as it stands after each epoch.

    Parameters
    ----------
    estimator : estimator with `CallbackSupportMixin`
        The estimator.

    Returns
    -------
    answer : bool
        Whether the hook of one of its callbacks has the parameter.
    """
    return any(
        "fitted_estimator" in inspect.signature(callback.on_fit_task_end).parameters
        for callback in getattr(estimator, "_skl_callbacks", [])
    )


def get_output_config(estimator):
    """Return the container that `set_output` asked for, or None.

    Parameters
    ----------
    estimator : transformer
        The transformer.

    Returns
    -------
    transform : str or None
        Name of the container.
    """
    return getattr(estimator, "_sklearn_output_config", {}).get("transform")


def set_output_config(estimator, transform):
    """Note the container that `set_output` asks for where `clone` copies it.

    Parameters
    ----------
    estimator : transformer
        The transformer.

    transform : str
        Name of the container.

    Notes
    -----
    scikit-learn's `clone` copies the attribute of this name.
    """
    estimator._sklearn_output_config = {"transform": transform}


class VisualBlockMixin:
    """Show what an estimator is made of in notebooks.

    A subclass has `_parallel_parts`, which returns names and estimators.
    """

    def _sk_visual_block_(self):
        names, parts = self._parallel_parts()
        return _VisualBlock("parallel", parts, names=names)


class NoDefaultCallbacks:
    """Take the default callbacks, which print and score, from a skorch net."""

    @property
    def _default_callbacks(self):
        return []


def set_training(net, training):
    """Put the modules of a skorch net into training or evaluation mode.

    Parameters
    ----------
    net : skorch.NeuralNet
        The net.

    training : bool
        Which mode.
    """
    net._set_training(training)


def initialize_optimizer(net):
    """Give a skorch net a fresh optimizer.

    Parameters
    ----------
    net : skorch.NeuralNet
        The net.
    """
    net._initialize_optimizer()


def validate_params(estimator):
    """Compare the parameters of an estimator with its own constraints.

    Parameters
    ----------
    estimator : estimator
        An estimator that has constraints.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed; it is a ValueError and a TypeError.
    """
    estimator._validate_params()


def first_guess(model, X):
    """Return what gradient boosting starts from.

    Parameters
    ----------
    model : GradientBoostingClassifier or GradientBoostingRegressor
        A fitted model.

    X : ndarray of shape (n_samples, n_features), dtype float32
        Samples.

    Returns
    -------
    guess : ndarray of shape (n_samples, n_trees_per_iteration_)
        To which compiled code adds what the trees say.
    """
    return model._raw_predict_init(X)


def search_scorers(search):
    """Return what a search scores by, and the name of the score that counts.

    Parameters
    ----------
    search : BaseSearchCV
        The search.

    Returns
    -------
    scorers : callable
        One scorer, or several as one.

    refit_metric : str
        "score" where there is one.
    """
    return search._get_scorers()


def scorers_by_name(scorers):
    """Return several scorers by their names, and one as it is.

    Parameters
    ----------
    scorers : callable
        From :func:`search_scorers`.

    Returns
    -------
    scorers : callable or dict of callable
        What a search has as `scorer_`.
    """
    return scorers._scorers if isinstance(scorers, _MultimetricScorer) else scorers


def route_search_params(search, params):
    """Return which of the metadata of a search go where.

    Parameters
    ----------
    search : BaseSearchCV
        The search.

    params : dict
        What its `fit` was given.

    Returns
    -------
    routed : Bunch
        Parameters of `estimator`, `scorer` and `splitter`.
    """
    return search._get_routed_params_for_fit(params)


def format_search_results(search, params, n_splits, out, more=None):
    """Return `cv_results_`.

    Parameters
    ----------
    search : BaseSearchCV
        The search.

    params : list of dict
        Parameters of each candidate.

    n_splits : int
        Number of folds.

    out : list of dict
        What each fit gave, candidate by candidate.

    more : dict of list, default=None
        Further columns.

    Returns
    -------
    results : dict
        Columns by name.
    """
    return search._format_results(params, n_splits, out, more)


def check_search_refit(search, scores):
    """Raise an error unless `refit` says which of several scores counts.

    Parameters
    ----------
    search : BaseSearchCV
        The search.

    scores : dict
        Scores by name.
    """
    search._check_refit_for_multimetric(scores)


def best_search_index(search, refit_metric, results):
    """Return the row of the best candidate.

    Parameters
    ----------
    search : BaseSearchCV
        The search.

    refit_metric : str
        The score that counts.

    results : dict
        From :func:`format_search_results`.

    Returns
    -------
    index : int
        The row.
    """
    return search._select_best_index(search.refit, refit_metric, results)


def restore_loss(model):
    """Make anew the compiled loss of a fitted model, which no file holds.

    Parameters
    ----------
    model : estimator
        Gradient boosting, or a generalized linear model.
    """
    if hasattr(model, "init_"):
        model._loss = model._get_loss(sample_weight=None)
    else:
        model._base_loss = model._get_loss()


def restore_interpolation(model):
    """Make anew the function between the points of an isotonic regression.

    Parameters
    ----------
    model : IsotonicRegression
        A model that has its points.
    """
    model._build_f(model.X_thresholds_, model.y_thresholds_)


def restore_threshold_scorer(model):
    """Make anew the scorer of a threshold that was tuned.

    Parameters
    ----------
    model : TunedThresholdClassifierCV
        A fitted model.
    """
    model._curve_scorer = model._get_curve_scorer()


def restore_search_tree(model):
    """Make anew the tree in which nearest neighbors are searched for.

    Parameters
    ----------
    model : estimator
        A model of neighbors that has its samples.
    """
    kinds = {"kd_tree": KDTree, "ball_tree": BallTree}
    kind = kinds.get(model._fit_method)
    model._tree = None
    if kind is not None:
        params, metric = dict(model.effective_metric_params_), model.effective_metric_
        if metric == "minkowski" and params.get("w") is None:
            params.pop("w", None)
        model._tree = kind(model._fit_X, model.leaf_size, metric=metric, **params)


def parent_of_view(table):
    """Return what a view of an AnnData is a part of, and of which part.

    Parameters
    ----------
    table : AnnData
        A view.

    Returns
    -------
    parent : AnnData
        The whole.

    rows, columns : ndarray of int
        Positions in the whole.
    """
    parent = table._adata_ref
    rows, columns = (
        np.arange(size)[index]
        for size, index in zip(parent.shape, (table._oidx, table._vidx), strict=True)
    )
    return parent, rows, columns


def unpulled(mudata):
    """Return a context in which a MuData leaves the columns of its tables with them.

    Before 0.4 mudata pulls them unless it is told not to, in a way that 0.4 lacks.

    Parameters
    ----------
    mudata : module
        The package.

    Returns
    -------
    context : context manager
        For what makes, cuts and reads a MuData.
    """
    if hasattr(mudata, "set_options"):
        return mudata.set_options(pull_on_update=False)
    return mudata.settings.override(pull_on_update=False)
