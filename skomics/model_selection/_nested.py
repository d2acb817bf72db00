"""How good a search is, on samples that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    check_cv,
)
from sklearn.utils import Bunch, check_random_state

from skomics._blocks import is_matrix, take_rows
from skomics._compat import _check_method_params, _safe_indexing
from skomics._parallel import run_parallel
from skomics._rows import (
    check_groups_apart,
    check_same_samples,
    quote_values,
    read_groups,
)
from skomics._validation import rarest_class
from skomics.calibration._held_out import read_samples, row_ids
from skomics.metrics import score_intervals
from skomics.model_selection import _distributions
from skomics.model_selection._distributions import is_search
from skomics.model_selection._splitters import (
    CappedStratifiedKFold,
    count_folds,
    tell_of_fewer,
)
from skomics.model_selection._tables import as_indexable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import CrossValidation, OmicsLike, RandomState, Scoring

__all__ = ["nested_cross_validate"]


def nested_cross_validate(
    estimator: BaseEstimator,
    X: OmicsLike,
    y: ArrayLike,
    *,
    param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    param_distributions: Mapping[str, Any] | None = None,
    n_iter: int = 10,
    inner_cv: CrossValidation = 5,
    outer_cv: CrossValidation = 5,
    scoring: Scoring | None = None,
    refit: bool | str = True,
    groups: ArrayLike | None = None,
    params: dict[str, Any] | None = None,
    level: float = 0.95,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    return_estimator: bool = False,
) -> Bunch:
    """Search parameters in each training part, and score the choice on its test part.

    The best score that a search reports was chosen for being the best, and is too good
    an estimate of what the model will do; that of test folds which no choice has seen
    is not. The model that is to be used is then found by one search over all samples.

    Parameters
    ----------
    estimator : classifier, Pipeline or search
        What is tuned; is cloned. A search, that is, any estimator with
        `best_estimator_` once fitted, such as
        :class:`~sklearn.model_selection.GridSearchCV`,
        :class:`~sklearn.model_selection.HalvingGridSearchCV` or Optuna's, is taken as
        it is.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        The samples, in any form that the estimator takes.

    y : array-like of shape (n_samples,)
        Their classes.

    param_grid : dict of str to list, or list of these, default=None
        Candidates, all of which are tried. If nothing is given to search, what
        :func:`param_distributions` says is tried.

    param_distributions : dict of str to list or distribution, default=None
        What candidates are drawn from, in place of `param_grid`.

    n_iter : int, default=10
        How many candidates are drawn from `param_distributions`.

    inner_cv : int or cross-validation generator, default=5
        Folds of a training part, on which candidates are compared. An int stands for
        shuffled stratified folds, which keep groups together if there are any, and are
        no more than the rarest class has samples, or groups.

    outer_cv : int, cross-validation generator or iterable, default=5
        Folds of all samples, on which the search is judged; an int as of `inner_cv`.
        Folds may be repeated.

    scoring : str, callable, list, tuple or dict, default=None
        One or several scores, of which more is better, as of
        :func:`~sklearn.model_selection.cross_validate`; None is the estimator's own.

    refit : bool or str, default=True
        With several scores the name of the one that chooses; True takes the first.

    groups : array-like of shape (n_samples,), default=None
        What samples have in common, such as the patient. Neither the outer nor the
        inner folds part the samples of a group.

    params : dict, default=None
        Further arguments of `fit`, such as `sample_weight`; what has a value for each
        sample is cut as the samples are.

    level : float, default=0.95
        Level of confidence of the intervals.

    random_state : int, RandomState instance or None, default=None
        Seed of folds that are given by a number, and of the candidates drawn. The
        estimator has its own.

    n_jobs : int, default=None
        Number of outer folds at the same time, by joblib.

    return_estimator : bool, default=False
        Whether to keep the fitted search of each fold.

    Returns
    -------
    result : Bunch
        With these attributes.

        table : DataFrame
            One row for each score: n_fits, mean, std, low and high over the outer
            folds, with the interval of the corrected resampled t-test.

        scores : DataFrame
            One row for each outer fold, one column for each score.

        inner_scores : DataFrame
            What the search of each fold reported for its best candidate: a column for
            each score that it has.

        optimism : DataFrame
            As `table`, of the inner score less the outer one.

        best_params : DataFrame
            What was chosen in each outer fold. Folds that do not agree say that the
            candidates are alike, or the samples few.

        predictions : DataFrame
            One row for each test sample of each fold, under its id, or position: fold,
            true, predicted and, where the estimator has them, a column with the
            probability of each class, named after it.

        cv_results : dict
            As of :func:`~sklearn.model_selection.cross_validate`: fit_time, test_score
            (or test_name of each score), indices and, with `return_estimator`,
            estimator; what :func:`skomics.metrics.score_intervals` and
            :func:`skomics.inspection.model_card` take.

        estimators : list of searches
            With `return_estimator`.

    Raises
    ------
    ValueError
        If there is nothing to search, or twice; a class is too rare for two folds; a
        splitter parts groups; the search is not refitted; a label is missing; a class
        is called "fold", "true" or "predicted", as columns of the predictions are.

    SampleAlignmentError
        If `y`, `groups` or one of `params` have the ids of other samples.

    Warns
    -----
    UserWarning
        If there are fewer folds than a number asks for, because of a rare class.

    See Also
    --------
    param_distributions : What is worth searching.
    skomics.metrics.score_intervals : The interval.

    References
    ----------
    S. Varma and R. Simon, Bias in error estimation when using cross-validation for
    model selection, BMC Bioinformatics 7:91, 2006. G. Cawley and N. Talbot, On
    over-fitting in model selection and subsequent selection bias in performance
    evaluation, JMLR 11, 2010. C. Nadeau and Y. Bengio, Inference for the generalization
    error, Machine Learning 52, 2003.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.model_selection import nested_cross_validate
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, effect=0.2, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, LogisticRegression(max_iter=500))
    >>> grid = {"logisticregression__C": [0.001, 0.01, 0.1]}
    >>> result = nested_cross_validate(
    ...     model, X, y, param_grid=grid, inner_cv=3, outer_cv=3,
    ...     scoring=["f1_macro", "neg_log_loss"], random_state=0)
    >>> result.table.columns.to_list()
    ['n_fits', 'mean', 'std', 'low', 'high']
    >>> result.best_params.shape
    (3, 1)
    """
    if not 0 < level < 1:
        raise ValueError(
            f"Got level={level!r}. It is a level of confidence between 0 and 1: 0.95."
        )
    random = check_random_state(random_state)
    make_search = _plan_search(
        estimator, param_grid, param_distributions, n_iter, scoring, refit, inner_cv
    )
    rows = row_ids(X)
    X, y = read_samples(X, y, "nested_cross_validate")
    _check_class_names(y)
    for name, value in (params or {}).items():
        check_same_samples(rows, value, name)
    groups = read_groups(groups, rows, len(y))
    splits = _split(outer_cv, y, groups, random.randint(2**31), "outer_cv")
    if not is_search(estimator):
        _check_training_parts(splits, y, groups, inner_cv)
    seeds = random.randint(2**31, size=len(splits))
    parts = [(*split, seed) for split, seed in zip(splits, seeds, strict=True)]
    shared = make_search, X, y, groups, params
    folds = run_parallel(_run_fold, parts, shared=shared, n_jobs=n_jobs)
    names = pd.RangeIndex(len(y)) if rows is None else pd.Index(rows)
    return _gather(folds, splits, y, names, level, return_estimator)


def _plan_search(estimator, grid, distributions, n_iter, scoring, refit, inner_cv):
    """Return what makes the search of a training part."""
    if is_search(estimator):
        _check_search(estimator, grid, distributions, scoring)
        return _GivenSearch(estimator)
    space = _choose_space(estimator, grid, distributions)
    settings = {
        "scoring": scoring,
        "refit": _name_score(scoring, refit),
        "error_score": "raise",
    }
    if distributions is None:
        return _MadeSearch(GridSearchCV(estimator, space, **settings), inner_cv)
    search = RandomizedSearchCV(estimator, space, n_iter=n_iter, **settings)
    return _MadeSearch(search, inner_cv)


def _choose_space(estimator, grid, distributions):
    """Return what is searched: what was given, or what is worth it."""
    if grid is not None and distributions is not None:
        raise ValueError(
            "Got both param_grid and param_distributions. Give one: a grid is tried as "
            "a whole, from distributions n_iter candidates are drawn."
        )
    if grid is None and distributions is None:
        return _distributions.param_distributions(estimator)
    space = grid if distributions is None else distributions
    if not space or not all([space] if isinstance(space, Mapping) else space):
        raise ValueError(
            f"Got {space!r} to search, which has no parameters. Give a dict of them to "
            "lists, or score the estimator as it is with cross_validate."
        )
    return space


def _name_score(scoring, refit):
    """Return the score that chooses, which of several is the first one."""
    if refit is False:
        _refuse_no_refit()
    if refit is not True or scoring is None or isinstance(scoring, str):
        return refit
    if not callable(scoring) and len(scoring) == 0:
        raise ValueError(
            f"Got scoring={scoring!r}, which names no score. Name one at least, or "
            "give None for the estimator's own."
        )
    return refit if callable(scoring) else next(iter(scoring))


def _check_search(search, grid, distributions, scoring):
    """Refuse a search that says other things than the arguments, or does not refit."""
    given = {
        "param_grid": grid,
        "param_distributions": distributions,
        "scoring": scoring,
    }
    twice = [name for name, value in given.items() if value is not None]
    if twice:
        raise ValueError(
            f"Got {quote_values(twice)} beside a {type(search).__name__}, which has "
            "its own and is taken as it is. Set them there, or give the estimator that "
            "it searches."
        )
    if getattr(search, "refit", True) is False:
        _refuse_no_refit()


def _refuse_no_refit():
    raise ValueError(
        "Got refit=False, but the best candidate is fitted to the training part and "
        "scored on the test part. Set refit=True, or with several scores the name of "
        "the one that chooses."
    )


class _MadeSearch:
    """Makes the search of a training part, with inner folds of its own."""

    def __init__(self, search, inner_cv):
        self.search, self.inner_cv = search, inner_cv

    def __call__(self, y, groups, seed):
        search = clone(self.search)
        search.set_params(cv=_split(self.inner_cv, y, groups, seed, "inner_cv"))
        if isinstance(search, RandomizedSearchCV):
            search.set_params(random_state=seed)
        return search, {}


class _GivenSearch:
    """Copies a search that is taken as it is, and hands groups to its folds."""

    def __init__(self, search):
        self.search = search

    def __call__(self, y, groups, seed):
        search = clone(self.search)
        if groups is None:
            return search, {}
        folds = check_cv(getattr(search, "cv", None), y, classifier=True)
        splits = list(folds.split(np.zeros(len(y)), y, groups))
        check_groups_apart(splits, groups, f"The cv of {type(search).__name__}")
        return search, {"groups": groups}


def _check_class_names(y):
    """Refuse classes that are called as columns of the predictions are."""
    taken = sorted({"fold", "true", "predicted"} & set(map(str, np.unique(y))))
    if taken:
        raise ValueError(
            f"Got classes {quote_values(taken)}, but predictions have columns of these "
            "names beside those of the classes. Rename the classes."
        )


def _split(cv, y, groups, seed, name):
    """Return training and test positions, with groups kept together."""
    if isinstance(cv, Integral):
        cv = _make_folds(cv, y, groups, seed, name)
    splits = list(check_cv(cv, y, classifier=True).split(np.zeros(len(y)), y, groups))
    if groups is not None:
        check_groups_apart(splits, groups, name)
    return splits


def _make_folds(n_splits, y, groups, seed, name):
    if groups is None:
        return CappedStratifiedKFold(n_splits, shuffle=True, random_state=seed)
    n_capped = count_folds(n_splits, y, name, groups)
    if n_capped < n_splits:
        tell_of_fewer(n_splits, y, name, groups)
    return StratifiedGroupKFold(n_capped, shuffle=True, random_state=seed)


def _check_training_parts(splits, y, groups, inner_cv):
    """Refuse classes of which a training part has too few for inner folds."""
    if not isinstance(inner_cv, Integral):
        return
    for train, _ in splits:
        own_groups = None if groups is None else groups[train]
        label, fewest = rarest_class(y[train], own_groups)
        if fewest < 2:
            what = "sample" if groups is None else "group"
            raise ValueError(
                f"Class {str(label)!r} has {fewest} {what} in the training part of an "
                "outer fold, but inner folds need 2, and so the class 3 at least, and "
                "outer_cv=3 if it has no more. Merge the class, or leave it out."
            )


def _run_fold(make_search, X, y, groups, params, train, test, seed):
    """Search in a training part; return scores, choice and answers."""
    take = _safe_indexing if is_matrix(X) else take_rows
    X_train, X_test = (as_indexable(take(X, part)) for part in (train, test))
    own_groups = None if groups is None else groups[train]
    search, fit_params = make_search(y[train], own_groups, seed)
    # Cut by the labels, which have a length that scikit-learn sees.
    params = _check_method_params(y, params or {}, indices=train)
    start = time.perf_counter()
    search.fit(X_train, y[train], **fit_params, **params)
    seconds = time.perf_counter() - start
    return Bunch(
        search=search,
        fit_time=seconds,
        scores=_score(search, X_test, y[test]),
        inner_scores=_inner_scores(search),
        best_params=dict(search.best_params_),
        predicted=search.predict(X_test),
        proba=_predict_proba(search, X_test),
    )


def _score(search, X, y):
    """Return the scores of the best candidate by name."""
    scorers = search.scorer_
    if isinstance(scorers, Mapping):
        best = search.best_estimator_
        return {name: scorer(best, X, y) for name, scorer in scorers.items()}
    found = scorers(search.best_estimator_, X, y)
    return dict(found) if isinstance(found, Mapping) else {"score": found}


def _inner_scores(search):
    """Return what the search says of its best candidate, by name of the score."""
    found = getattr(search, "cv_results_", None)
    if found is None:
        return {"score": search.best_score_}
    names = [n for n in found if n.startswith("mean_test_")]
    return {n.removeprefix("mean_test_"): found[n][search.best_index_] for n in names}


def _predict_proba(search, X):
    """Return the probability of each class, or None."""
    if not hasattr(search, "predict_proba"):
        return None
    return pd.DataFrame(search.predict_proba(X), columns=search.classes_)


def _gather(folds, splits, y, names, level, return_estimator):
    """Return the result of all folds."""
    index = pd.RangeIndex(len(folds), name="fold")
    scores, inner, best = (
        pd.DataFrame([fold[part] for fold in folds], index=index)
        for part in ("scores", "inner_scores", "best_params")
    )
    train, test = (list(part) for part in zip(*splits, strict=True))
    indices = {"train": train, "test": test}
    cv_results = {
        "fit_time": np.array([fold.fit_time for fold in folds]),
        **_test_scores(scores),
        "indices": indices,
    }
    optimism = (inner - scores)[[name for name in scores if name in inner]]
    result = Bunch(
        table=score_intervals(cv_results, level=level),
        scores=scores,
        inner_scores=inner,
        optimism=score_intervals(
            {**_test_scores(optimism), "indices": indices}, level=level
        ),
        best_params=best.astype(object),
        predictions=_join_predictions(folds, test, y, names),
        cv_results=cv_results,
    )
    if return_estimator:
        result.estimators = cv_results["estimator"] = [fold.search for fold in folds]
    return result


def _test_scores(scores):
    return {f"test_{name}": scores[name].to_numpy(float) for name in scores}


def _join_predictions(folds, tests, y, names):
    """Return a row for each test sample of each fold."""
    parts = []
    for number, (fold, test) in enumerate(zip(folds, tests, strict=True)):
        columns = {"fold": number, "true": y[test], "predicted": fold.predicted}
        part = pd.DataFrame(columns, index=names[test].rename("sample"))
        if fold.proba is not None:
            # A class that a training part lacks was given no probability.
            proba = fold.proba.reindex(columns=np.unique(y), fill_value=0.0)
            part = pd.concat([part, proba.set_index(part.index)], axis=1)
        parts.append(part)
    return pd.concat(parts)
