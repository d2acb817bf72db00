"""Let the steps of a fitted model learn a new cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skomics._compat import _safe_indexing
from skomics._transaction import draft_of
from skomics.preprocessing._concatenator import OmicsConcatenator

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike

__all__ = ["adapt_to_cohort"]


def adapt_to_cohort(model: BaseEstimator, X_new: OmicsLike) -> BaseEstimator:
    """Let the steps of a fitted model learn a new cohort, without its labels.

    Parameters
    ----------
    model : fitted estimator
        A Pipeline, an :class:`~skomics.OmicsConcatenator`, or a search, calibrated or
        other classifier around one, with a :class:`CohortScaler` or
        :class:`ReferenceQuantileNormalizer` in it.

    X_new : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        All samples of the new cohort, in any form that the model takes.

    Returns
    -------
    adapted : estimator
        A copy for samples of this cohort, whose steps `adapt` has been called of, each
        with what the steps before it make of the cohort. All else is shared with
        `model`, which stays as it is.

    Raises
    ------
    ValueError
        If no step adapts, or one does that is inside a step which is not understood.

    Warns
    -----
    UserWarning
        If there is a single sample, or a modality is that of one sample.

    See Also
    --------
    skomics.inspection.cohort_shift : Says whether that is needed.

    Notes
    -----
    The predictions of the copy depend on the samples that it was adapted to
    (transductive); after that each sample is by itself. In cross-validation nothing is
    adapted: `fit` learns from the training part, and test samples of the same
    cohort stay as they are.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.preprocessing import CohortScaler, adapt_to_cohort
    >>> X, y = make_intersim(n_samples=160, n_clusters=3, effect=0.3, random_state=0)
    >>> steps = make_pipeline(CohortScaler(), StandardScaler())
    >>> model = make_pipeline(OmicsConcatenator(steps), BlockRidgeClassifier())
    >>> model = model.fit(X[:100], y[:100])
    >>> new = X[100:] * 3 + 7
    >>> adapted = adapt_to_cohort(model, new)
    >>> adapted.score(new, y[100:]) > model.score(new, y[100:])
    True
    """
    check_is_fitted(model)
    adapted, n_adapted = _adapt(model, X_new)
    if not n_adapted:
        raise ValueError(
            f"No step of this {type(model).__name__} adapts to a cohort. Put a "
            "CohortScaler, or a ReferenceQuantileNormalizer(per='feature'), into the "
            "pipeline and fit it again."
        )
    return adapted


def _adapt(model, X):
    """Return a copy that has adapted, and how many of its parts have."""
    if isinstance(model, FrozenEstimator):  # has all that its estimator has
        return _adapt_part(model, "estimator", X)
    if hasattr(model, "adapt"):
        return model.adapt(X), 1
    if isinstance(model, Pipeline):
        return _adapt_pipeline(model, X)
    if isinstance(model, OmicsConcatenator):
        return _adapt_concatenator(model, X)
    if getattr(model, "calibrated_classifiers_", None):
        return _adapt_list(model, "calibrated_classifiers_", X)
    for name in ("best_estimator_", "estimator_"):
        if hasattr(model, name):
            return _adapt_part(model, name, X)
    _refuse_hidden(model)
    return model, 0


def _adapt_part(model, name, X):
    part, n_adapted = _adapt(getattr(model, name), X)
    adapted = draft_of(model)
    setattr(adapted, name, part)
    return adapted, n_adapted


def _adapt_list(model, name, X):
    parts = [_adapt_part(part, "estimator", X) for part in getattr(model, name)]
    adapted = draft_of(model)
    setattr(adapted, name, [part for part, _ in parts])
    return adapted, sum(n_adapted for _, n_adapted in parts)


def _adapt_pipeline(model, X):
    steps, total = list(model.steps), 0
    for i, (name, step) in enumerate(steps):
        if step is None or isinstance(step, str):
            continue
        step, n_adapted = _adapt(step, X)
        steps[i] = (name, step)
        total += n_adapted
        if i + 1 < len(steps):
            X = step.transform(X)
    adapted = draft_of(model)
    adapted.steps = steps
    return adapted, total


def _adapt_concatenator(model, X):
    blocks = model._read_new(X)[0]
    present = model._modality_masks(blocks)
    transformers, total = dict(model.transformers_), 0
    for name, block in blocks.items():
        has_modality = present[name]
        is_absent = has_modality is not None and not has_modality.any()
        if is_absent or isinstance(transformers[name], str):
            continue
        data = block.data
        data = data if has_modality is None else _safe_indexing(data, has_modality)
        transformers[name], n_adapted = _adapt(transformers[name], data)
        total += n_adapted
    adapted = draft_of(model)
    adapted.transformers_ = transformers
    return adapted, total


def _refuse_hidden(model):
    """Raise if a part adapts that cannot be reached."""
    if not hasattr(model, "get_params"):
        return
    hidden = [n for n, part in model.get_params().items() if hasattr(part, "adapt")]
    if hidden:
        raise ValueError(
            f"{type(model).__name__} has {hidden[0]!r}, which adapts to a cohort, in a "
            "place that adapt_to_cohort does not reach. Put it into a Pipeline or an "
            "OmicsConcatenator."
        )
