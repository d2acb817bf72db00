"""What a modality, or a group of features, is worth to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_random_state

from skomics._blocks import take_rows
from skomics._inputs import read_input
from skomics._parallel import run_parallel
from skomics._rows import check_same_samples
from skomics._validation import check_labels
from skomics.inspection._groups import find_groups
from skomics.inspection._unroll import flatten_steps
from skomics.metrics import corrected_t_test

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import (
        CrossValidation,
        OmicsLike,
        RandomState,
        Scoring,
        StrPath,
    )

__all__ = ["modality_ablation", "modality_importance"]


def modality_importance(
    estimator: BaseEstimator,
    X: OmicsLike,
    y: ArrayLike,
    *,
    scoring: Scoring | None = None,
    n_repeats: int = 10,
    groups: StrPath | Mapping[str, Sequence[str]] = "modality",
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> Bunch | dict[str, Bunch]:
    """Measure how much a score falls when a modality is taken from other samples.

    All features of a group are shuffled together, so that what they say together is
    lost, and what one of them could say in the place of another is not.

    Parameters
    ----------
    estimator : fitted classifier or Pipeline
        Anything that predicts from X.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        Samples that the estimator was not fitted to, in any form that it takes.

    y : array-like of shape (n_samples,)
        Their labels.

    scoring : str, callable, list, tuple or dict, default=None
        As of :func:`~sklearn.inspection.permutation_importance`; None is the
        estimator's own score.

    n_repeats : int, default=10
        Number of times that each group is shuffled.

    groups : "modality", dict of str to list, str or Path, default="modality"
        What is shuffled together: each modality, or features by name, with or without
        ``omics__``; a name without it means the feature of each modality that has it. A
        path is that of a GMT file of pathways.

    random_state : int, RandomState instance or None, default=None
        Seed of the shuffles, which do not depend on `n_jobs`.

    n_jobs : int, default=None
        Number of shuffles at the same time, by joblib.

    Returns
    -------
    result : Bunch or dict of Bunch
        `importances` of shape (n_groups, n_repeats), `importances_mean` and
        `importances_std` of shape (n_groups,), as scikit-learn has them; `baseline`,
        the score of X as it is; `groups`, their names; and `table`, a DataFrame with a
        row for each group, the largest mean first: n_features, mean, std. With several
        scores, one Bunch for each.

    Raises
    ------
    ValueError
        If X names no modalities, or no feature of the groups is in X, or a label is
        missing, or nothing is shuffled.

    SampleAlignmentError
        If `y` has the ids of other samples.

    Warns
    -----
    UserWarning
        If groups have no feature in X.

    See Also
    --------
    modality_ablation : Fits again without a modality.
    score_by_modality_pattern : Scores of samples that lack modalities.

    Notes
    -----
    A modality whose information another one has, too, can be of no importance here,
    as can both. Samples that lack a
    modality stay without it: values are exchanged among those with the same ones.

    References
    ----------
    Breiman (2001), "Random forests", Machine Learning 45. Plagwitz et al. (2022),
    "Supporting AI-explainability by analyzing feature subsets in a machine learning
    model", Stud Health Technol Inform 294 (groups).

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import modality_importance
    >>> X, y = make_intersim(n_samples=120, effect=0.3, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier())
    >>> model = model.fit(X[:80], y[:80])
    >>> result = modality_importance(model, X[80:], y[80:], random_state=0)
    >>> result.table.columns.to_list()
    ['n_features', 'mean', 'std']
    """
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(
            f"Got n_repeats={n_repeats!r}. Give a whole number from 1 on: 10."
        )
    given = read_input(X, _fitted_layout(estimator))
    y = read_labels(y, given)
    found = find_groups(groups, given)
    scorer = check_scoring(estimator, scoring)
    seed = check_random_state(random_state).randint(2**31 - 1)
    orders = [
        _draw_orders(_split_by_observed(given, group), n_repeats, seed)
        for group in found.values()
    ]
    baseline = scorer(estimator, given.table, y)
    shuffles = [
        (group, order)
        for group, chosen in zip(found.values(), orders, strict=True)
        for order in chosen
    ]
    shared = scorer, estimator, given, y
    scores = run_parallel(_score_shuffled, shuffles, shared=shared, n_jobs=n_jobs)
    if isinstance(baseline, dict):
        return {
            name: _bunch(baseline[name], [s[name] for s in scores], found)
            for name in baseline
        }
    return _bunch(baseline, scores, found)


def _split_by_observed(given, group):
    """Return the samples that have the same of a group's modalities, part by part.

    A sample must not be left without any modality by another one's gap.
    """
    patterns = np.column_stack([given.observed(name) for name in group])
    _, codes = np.unique(patterns, axis=0, return_inverse=True)
    return [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]


def _draw_orders(parts, n_repeats, seed):
    """Return orders of the samples, whatever other groups there are before this one."""
    random = np.random.RandomState(seed)
    orders = np.empty((n_repeats, sum(map(len, parts))), dtype=int)
    for order in orders:
        for rows in parts:
            order[rows] = rows[random.permutation(len(rows))]
    return orders


def _score_shuffled(scorer, estimator, given, y, group, order):
    return scorer(estimator, given.shuffled(group, order), y)


def _bunch(baseline, scores, groups):
    importances = baseline - np.reshape(scores, (len(groups), -1))
    mean, std = importances.mean(axis=1), importances.std(axis=1)
    table = pd.DataFrame(
        {
            "n_features": [
                sum(map(len, places.values())) for places in groups.values()
            ],
            "mean": mean,
            "std": std,
        },
        index=pd.Index(groups, name="group"),
    )
    return Bunch(
        importances=importances,
        importances_mean=mean,
        importances_std=std,
        baseline=baseline,
        groups=list(groups),
        table=table.sort_values("mean", ascending=False, kind="stable"),
    )


def read_labels(y, given):
    """Return labels as an array, those of other or reordered samples refused."""
    check_same_samples(given.rows, y, "y")
    y = np.asarray(check_labels(y))
    if len(y) != given.n_samples:
        raise ValueError(
            f"y has {len(y)} labels, but X has {given.n_samples} samples. Give a label "
            "for each."
        )
    return y


def _fitted_layout(estimator):
    """Return where the modalities are in the input of fit, or None."""
    layout = getattr(flatten_steps(estimator)[0], "_layout", None)
    return layout if layout is not None and layout.is_named else None


def modality_ablation(
    estimator: BaseEstimator,
    X: OmicsLike,
    y: ArrayLike,
    *,
    groups: StrPath | Mapping[str, Sequence[str]] = "modality",
    cv: CrossValidation = 5,
    scoring: str | Callable[..., Any] | None = None,
    level: float = 0.95,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Measure how much a score falls when the model is fitted without a modality.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Is cloned and fitted with everything, and without each group, in each fold.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        The samples.

    y : array-like of shape (n_samples,)
        Their labels.

    groups : "modality", dict of str to list, str or Path, default="modality"
        What is left out, as in :func:`modality_importance`.

    cv : int, cross-validation generator or iterable, default=5
        The folds; an int stands for stratified ones. Repeated folds give narrower
        intervals. Samples of one patient are kept together by the folds of a splitter
        of groups: ``list(StratifiedGroupKFold().split(X, y, patients))``.

    scoring : str or callable, default=None
        One score; None is the estimator's own.

    level : float, default=0.95
        Level of confidence of the intervals.

    n_jobs : int, default=None
        Number of fits at the same time, by joblib.

    Returns
    -------
    table : DataFrame
        One row for each group: n_features, n_fits, score (mean with everything),
        without (mean without the group), difference, low, high and p_value of the
        corrected resampled t-test; the largest difference first.

    Raises
    ------
    ValueError
        If X names no modalities, there is one only, or a label is missing.

    SampleAlignmentError
        If `y` has the ids of other samples.

    See Also
    --------
    modality_importance : Asks a fitted model, which is quicker.
    skomics.metrics.corrected_t_test : The interval.

    Notes
    -----
    A difference around zero says that the others have what the group has, not that
    the group has nothing. Where a pipeline begins with an `OmicsConcatenator`, its
    parameter `omics` leaves a modality out, so that a dict of transformers can stay.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import modality_ablation
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, effect=0.3, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier())
    >>> table = modality_ablation(model, X, y, cv=3)
    >>> table.shape
    (3, 8)
    """
    given = read_input(X, _fitted_layout(estimator))
    y = read_labels(y, given)
    found = find_groups(groups, given)
    scorer = check_scoring(estimator, scoring)
    splits = list(
        check_cv(cv, y, classifier=is_classifier(estimator)).split(np.zeros(len(y)), y)
    )
    parts = {None: (clone(estimator), given.table)}
    parts |= {name: _reduce(estimator, given, name, found[name]) for name in found}
    fits = [(*part, *split) for part in parts.values() for split in splits]
    shared = scorer, y
    scores = run_parallel(_fit_and_score, fits, shared=shared, n_jobs=n_jobs)
    scores = dict(zip(parts, np.reshape(scores, (len(parts), -1)), strict=True))
    ratio = np.mean([len(test) / len(train) for train, test in splits])
    whole = scores.pop(None)
    rows = [
        {
            "group": name,
            "n_features": sum(map(len, found[name].values())),
            "n_fits": len(splits),
            "score": whole.mean(),
            "without": rest.mean(),
            **_compare(whole - rest, ratio, level),
        }
        for name, rest in scores.items()
    ]
    table = pd.DataFrame(rows).set_index("group")
    return table.sort_values("difference", ascending=False, kind="stable")


def _compare(differences, ratio, level):
    tested = corrected_t_test(differences, ratio, level)
    kept = {name: tested[name] for name in ("low", "high", "p_value")}
    return {"difference": tested["mean"], **kept}


def _reduce(estimator, given, name, group):
    """Return an estimator and a table that do without a group."""
    model, first = clone(estimator), None
    if isinstance(model, Pipeline):
        label, first = model.steps[0]
    selects = hasattr(first, "omics") and first.omics is None
    if selects and given.layout.is_named and set(group) == {name}:
        sizes = dict(zip(given.layout.names, given.layout.sizes, strict=True))
        rest = [other for other in sizes if other != name]
        if rest and len(group[name]) == sizes[name]:
            return model.set_params(**{f"{label}__omics": rest}), given.table
    table = given.without(group)
    if table is None:
        raise ValueError(
            f"Without {name!r} X has no feature left. Give X with others, or smaller "
            "groups."
        )
    return model, table


def _fit_and_score(scorer, y, estimator, table, train, test):
    model = clone(estimator).fit(take_rows(table, train), y[train])
    return scorer(model, take_rows(table, test), y[test])
