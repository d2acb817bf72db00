"""The one door to private names of scikit-learn and skorch, which may move.

Both packages are capped in pyproject.toml because of what stands here, and a test
finds private names of others anywhere else.
"""

import inspect

from sklearn.base import _fit_context
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

__all__ = [
    "HasMethods",
    "Interval",
    "NoDefaultCallbacks",
    "StrOptions",
    "VisualBlockMixin",
    "_check_feature_names",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_n_features",
    "_check_sample_weight",
    "_fit_context",
    "_raise_for_params",
    "_safe_indexing",
    "check_library_installed",
    "get_output_config",
    "get_param_names",
    "has_callbacks",
    "init_callback_context",
    "initialize_optimizer",
    "set_output_config",
    "set_training",
    "wants_fitted_estimator",
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
