"""What a model does on the cohorts that it was not fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import LeaveOneGroupOut, check_cv
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.metaestimators import available_if

from skomics._blocks import is_matrix, read_blocks, take_rows
from skomics._compat import _safe_indexing
from skomics._layout import UNNAMED
from skomics._parallel import run_parallel
from skomics._rows import check_same_samples, is_counter, quote_values
from skomics._warnings import warn
from skomics.calibration._held_out import read_samples, row_ids
from skomics.model_selection._splitters import CappedStratifiedKFold
from skomics.model_selection._tables import as_indexable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import CrossValidation, OmicsLike, RandomState, Scoring

__all__ = ["cross_cohort_validate", "named_tables", "stack_cohorts"]

_METHODS = ("predict", "predict_proba", "decision_function")
_SCORES = ("accuracy", "f1_macro")


def cross_cohort_validate(
    estimator: BaseEstimator,
    cohorts: Mapping[str, tuple[OmicsLike, ArrayLike]] | OmicsLike,
    y: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    train: str | Sequence[str] | None = None,
    test: str | Sequence[str] | None = None,
    scoring: Scoring = _SCORES,
    cv: CrossValidation = 5,
    n_bootstrap: int = 500,
    level: float = 0.95,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    return_estimator: bool = False,
) -> Bunch:
    """Score a model on cohorts that it was not fitted to, beside cross-validation.

    Each cohort is left out once, or the model learns from some cohorts and is scored on
    others. What cross-validation within the training cohorts promises stands beside
    what comes of it, with an interval for the difference.

    Parameters
    ----------
    estimator : classifier or Pipeline
        The model; is cloned.

    cohorts : dict of str to (X, y), or X
        Samples and classes of each cohort; or the samples of all of them, in any form
        that the estimator takes, with `y` and `groups`. The tables of a dict are
        matched by the names of their features, see the notes.

    y : array-like of shape (n_samples,), default=None
        Classes, unless `cohorts` is a dict.

    groups : array-like of shape (n_samples,), default=None
        Cohort of each sample, unless `cohorts` is a dict.

    train, test : str or list of str, default=None
        Names of the cohorts to learn from, all at once, and to be scored on, each by
        itself. If only one of the two is given, the other is all cohorts that remain;
        None leaves out one cohort after the other.

    scoring : str, callable, list, tuple or dict, default=("accuracy", "f1_macro")
        One or several scores, as of :func:`~sklearn.model_selection.cross_validate`,
        that need no more than `predict`, `predict_proba` or `decision_function`.

    cv : int or cross-validation generator, default=5
        Folds of the training cohorts for the internal estimate, each sample in one test
        fold. An int stands for shuffled stratified folds.

    n_bootstrap : int, default=500
        Number of bootstrap samples behind each interval.

    level : float, default=0.95
        Level of confidence of the intervals.

    random_state : int, RandomState instance or None, default=None
        Seed of folds that are given by a number, and of the bootstrap. The estimator
        has its own.

    n_jobs : int, default=None
        Number of fits at the same time, by joblib.

    return_estimator : bool, default=False
        Whether to keep the models that were fitted to all samples of the training
        cohorts.

    Returns
    -------
    result : Bunch
        With these attributes.

        table : DataFrame
            One row for each cohort that was scored on, and score: `test`, `train`,
            `score`, `n_test`, `n_train`, `internal` with `internal_low` and
            `internal_high`, `external` with `external_low` and `external_high`, and
            their `difference`, external less internal, with `low` and `high`.

        predictions : DataFrame
            One row for each sample of a scored cohort, under its id, or position:
            `cohort`, `true`, `predicted` and, where the estimator has them, a column
            with the probability of each class.

        estimators : dict of str to estimator
            With `return_estimator`: the model that was scored on each cohort.

    Raises
    ------
    ValueError
        If there are fewer than two cohorts, or one that is not known; a cohort has a
        class that is not in the training cohorts; cohorts lack features that others
        have; `cv` does not test each sample once.

    SampleAlignmentError
        If `y` or `groups` have the ids of other samples.

    Warns
    -----
    UserWarning
        If two cohorts have samples of the same id.

    See Also
    --------
    skomics.inspection.cohort_shift : Compares cohorts without labels.
    nested_cross_validate : Scores a search within one cohort.

    Notes
    -----
    Cohorts that one learns from must have the same features. Those of a cohort
    that is only scored on are matched to them: features it lacks are NaN, for an
    imputer to fill, and further ones are left out. Whole modalities may lack
    anywhere. Other names are for :func:`~skomics.preprocessing.align_features`. Sparse
    tables, and such without names, must be one matrix for each cohort, and are matched
    by position.

    The internal estimate is the score of the pooled answers to the test folds, from
    models of fewer samples. Intervals are percentiles of bootstrap samples of patients,
    drawn within each class: they say how sure the scores are for these models, not
    how other training samples would have changed them. With few cohorts nothing tells
    how the next one will be.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.model_selection import cross_cohort_validate
    >>> X, y = make_intersim(n_samples=150, n_clusters=3, effect=0.2, random_state=0)
    >>> here, there = slice(0, 90), slice(90, 150)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier())
    >>> result = cross_cohort_validate(
    ...     model, {"here": (X[here], y[here]), "there": (X[there], y[there])},
    ...     train="here", random_state=0)
    >>> result.table[["test", "score", "n_train", "n_test"]]
        test     score  n_train  n_test
    0  there  accuracy       90      60
    1  there  f1_macro       90      60
    """
    _check_numbers(n_bootstrap, level)
    random = check_random_state(random_state)
    X, y, groups, ids = _read_cohorts(cohorts, y, groups, train, test)
    plan = list(_plan(y, groups, train, test))
    for name, train_rows, test_rows in plan:
        _check_classes(name, y, train_rows, test_rows)
    seeds = random.randint(2**31 - 1, size=len(plan))
    parts = [(*rows, seed) for (_, *rows), seed in zip(plan, seeds, strict=True)]
    shared = estimator, X, y, cv, scoring, n_bootstrap
    runs = run_parallel(_run, parts, shared=shared, n_jobs=n_jobs)
    return _gather(plan, runs, y, groups, ids, level, return_estimator)


def _check_numbers(n_bootstrap, level):
    if not isinstance(n_bootstrap, Integral) or n_bootstrap < 1:
        raise ValueError(
            f"n_bootstrap is {n_bootstrap!r}. Give a number of at least 1."
        )
    if not 0 < level < 1:
        raise ValueError(
            f"Got level={level!r}. It is a level of confidence between 0 and 1: 0.95."
        )


# Cohorts: from several inputs to one


def _read_cohorts(cohorts, y, groups, train, test):
    """Return all samples, their classes and cohorts, and their ids."""
    if isinstance(cohorts, Mapping) and y is None:
        return _read_dict(cohorts, groups, train, test)
    if groups is None:
        raise ValueError(
            "groups is None. Give the cohort of each sample, or a dict of cohort to "
            "(X, y)."
        )
    ids = row_ids(cohorts)
    check_same_samples(ids, groups, "groups")
    X, y = read_samples(cohorts, y, "cross_cohort_validate")
    groups = np.asarray(groups)
    if groups.shape != y.shape or pd.isna(groups).any():
        raise ValueError(
            f"Got groups of shape {groups.shape} with {pd.isna(groups).sum()} missing "
            f"for {len(y)} samples. Give the cohort of each sample."
        )
    return X, y, groups, pd.RangeIndex(len(y)) if ids is None else pd.Index(ids)


def _read_dict(cohorts, groups, train, test):
    if groups is not None:
        raise ValueError(
            "Got groups beside a dict of cohorts, which has its own names."
        )
    wrong = [
        n for n, c in cohorts.items() if not (isinstance(c, tuple) and len(c) == 2)
    ]
    if wrong:
        raise ValueError(
            f"The cohorts {quote_values(wrong)} are no pairs. Give a dict of cohort to "
            "(X, y), or X with y= and groups=."
        )
    read, ids = {}, {}
    for name, (X, y) in cohorts.items():
        ids[name] = row_ids(X)
        read[name] = read_samples(X, y, "cross_cohort_validate")
    _warn_of_shared_ids(ids)
    learned, _ = _choose(list(read), train, test)
    # The features of training come first.
    order = [*learned, *(name for name in read if name not in learned)]
    read = {name: read[name] for name in order}
    X = _stack(read, learned)
    y = np.concatenate([labels for _, labels in read.values()])
    sizes = [len(labels) for _, labels in read.values()]
    groups = np.repeat(np.array(order, dtype=object), sizes)
    rows = [
        range(n) if ids[name] is None else ids[name]
        for name, n in zip(order, sizes, strict=True)
    ]
    names = {ids[name].name for name in order if ids[name] is not None}
    name = names.pop() if len(names) == 1 else None
    return X, y, groups, pd.Index([row for part in rows for row in part], name=name)


def _warn_of_shared_ids(ids):
    """Warn of samples of two cohorts: a model would be scored on what it has seen."""
    seen = {}
    for name, rows in ids.items():
        if rows is None or is_counter(rows):
            continue
        for row in rows:
            other = seen.setdefault(row, name)
            if other != name:
                warn(
                    f"Cohorts {other!r} and {name!r} both have samples such as {row!r}."
                    " If these are the same patients, leave them out of one of both: a "
                    "model is scored on them that has seen them."
                )
                return


def _stack(read, learned):
    """Put the samples of all cohorts below each other."""
    tables = [X for X, _ in read.values()]
    if all(is_matrix(X) for X in tables):
        stack = sparse.vstack if sparse.issparse(tables[0]) else np.concatenate
        return stack(tables)
    named = {name: named_tables(X, name) for name, (X, _) in read.items()}
    stacked = stack_cohorts(named, [name for name in named if name not in learned])
    if list(stacked) == [UNNAMED]:
        return stacked[UNNAMED]
    return pd.concat(stacked, axis=1, names=["omics", "feature"])


def named_tables(X, name):
    """Return a DataFrame of each modality, with sample ids that tell the cohort.

    Parameters
    ----------
    X : DataFrame, MuData, AnnData, dict or list of tables
        Samples of a cohort.

    name : str
        The cohort.

    Returns
    -------
    tables : dict of str to DataFrame
        By modality.

    Raises
    ------
    ValueError
        If a modality is sparse or has no feature names.
    """
    tables = {}
    for omics, block in read_blocks(X).blocks.items():
        if sparse.issparse(block.data) or block.features is None:
            raise ValueError(
                f"Omics {omics!r} of {name!r} is sparse or has no feature names. "
                "Cohorts are matched by name; give dense DataFrames."
            )
        rows = range(block.data.shape[0]) if block.rows is None else block.rows
        index = [f"{name}:{row}" for row in rows]
        table = pd.DataFrame(block.data, copy=False).set_axis(index, axis=0)
        tables[omics] = table.set_axis(block.features, axis=1)
    return tables


def stack_cohorts(cohorts, may_lack=()):
    """Put cohorts below each other, modality by modality.

    Parameters
    ----------
    cohorts : dict of str to dict of str to DataFrame
        Cohort, modality, table; of :func:`named_tables`. The first cohort that has a
        modality says which features it has.

    may_lack : collection of str, default=()
        Cohorts that are not learned from: features that they lack are NaN, and further
        ones, and modalities, are left out.

    Returns
    -------
    tables : dict of str to DataFrame
        A modality that a cohort does not have is NaN for its samples.

    Raises
    ------
    ValueError
        If another cohort lacks features, or has more of them, or one has no feature in
        common with the others.
    """
    features = {}
    for name, tables in cohorts.items():
        if name not in may_lack:
            for omics, table in tables.items():
                features.setdefault(omics, (name, table.columns))
    for name, tables in cohorts.items():
        _check_features(name, tables, features, name in may_lack)
    stacked = {}
    for omics, (_, columns) in features.items():
        parts = []
        for tables in cohorts.values():
            empty = pd.DataFrame(index=next(iter(tables.values())).index)
            parts.append(tables.get(omics, empty).reindex(columns=columns))
        stacked[omics] = pd.concat(parts)
    return stacked


def _check_features(name, tables, features, may_lack):
    shared = 0
    for omics, table in tables.items():
        first, columns = features.get(omics, (None, table.columns[:0]))
        lacking = columns.difference(table.columns, sort=False)
        more = table.columns.difference(columns, sort=False)
        shared += len(columns) - len(lacking)
        if not may_lack and (len(lacking) or len(more)):
            raise ValueError(
                f"Cohort {name!r} lacks {len(lacking)} of the {len(columns)} features "
                f"that {first!r} has in {omics!r}, and has {len(more)} others, e.g. "
                f"{quote_values([*lacking, *more])}. Cohorts that are learned from "
                "need the same features; use skomics.preprocessing.align_features."
            )
    if not shared:
        raise ValueError(
            f"{name!r} has no feature in common with the cohorts that are learned "
            f"from: it has the modalities {sorted(tables)}, they have "
            f"{sorted(features)}. Give them and their features the same names."
        )


# Plan: who is learned from, who is scored on


def _choose(names, train, test):
    """Return the cohorts to learn from and to be scored on; all, if none is named."""
    if len(names) < 2:
        raise ValueError(
            f"Got the cohorts {quote_values(names)}. Give two at least: one to learn "
            "from, one to be scored on."
        )
    chosen = {"train": train, "test": test}
    for what, given in chosen.items():
        given = given if given is None or isinstance(given, list | tuple) else [given]
        unknown = [] if given is None else [name for name in given if name not in names]
        if unknown or given == []:
            raise ValueError(
                f"{what} names {quote_values(unknown) or 'no cohort'}, but the cohorts "
                f"are {quote_values(names, 9)}. Choose among these."
            )
        chosen[what] = given
    train, test = chosen.values()
    if train is None and test is None:
        return list(names), list(names)
    train = [n for n in names if n not in test] if train is None else list(train)
    test = [n for n in names if n not in train] if test is None else list(test)
    both = [name for name in train if name in test]
    if both or not train or not test:
        raise ValueError(
            f"train is {train!r} and test {test!r}. Both need a cohort, and none may "
            "be in both."
        )
    return train, test


def _plan(y, groups, train, test):
    """Yield each cohort that is scored on, and rows of training and of this one."""
    names = list(dict.fromkeys(groups))
    learned, scored = _choose(names, train, test)
    if train is None and test is None:
        codes = pd.factorize(pd.Index(groups))[0]
        for rows, others in LeaveOneGroupOut().split(codes, y, codes):
            yield groups[others[0]], rows, others
        return
    rows = np.flatnonzero(pd.Index(groups).isin(learned))
    for name in scored:
        yield name, rows, np.flatnonzero(pd.Index(groups).isin([name]))


def _check_classes(name, y, train, test):
    known = np.unique(y[train])
    unknown = [label for label in np.unique(y[test]) if label not in known]
    if unknown:
        raise ValueError(
            f"Cohort {name!r} has the classes {quote_values(unknown)}, which the "
            f"cohorts that are learned from have not: these have "
            f"{quote_values(known, 9)}. Leave these samples out, or merge classes."
        )
    if len(known) < 2:
        raise ValueError(
            f"Without cohort {name!r} there is only the class {quote_values(known)}. "
            "Cohorts to learn from need two classes at least."
        )


# Runs


def _answers(method):
    return available_if(lambda self: method in self.answers)


class _Answers(ClassifierMixin, BaseEstimator):
    """A classifier that has answered already, for scorers; X is which samples."""

    def __init__(self, answers, classes):
        self.answers = answers
        self.classes_ = classes

    def predict(self, X):
        return self.answers["predict"][X[:, 0]]

    @_answers("predict_proba")
    def predict_proba(self, X):
        return self.answers["predict_proba"][X[:, 0]]

    @_answers("decision_function")
    def decision_function(self, X):
        return self.answers["decision_function"][X[:, 0]]

    def fit(self, X, y):  # what scorers ask for, and never call
        return self

    def __sklearn_is_fitted__(self):
        return True


def _run(estimator, X, y, cv, scoring, n_bootstrap, train, test, seed):
    """Return scores of both estimates, bootstrapped, the answers and the model."""
    random = np.random.RandomState(seed)
    learned, scored = (_take(X, rows) for rows in (train, test))
    model = clone(estimator).fit(learned, y[train])
    external = _ask(model, scored, model.classes_)
    internal = _cross_validate(
        estimator, learned, y[train], model.classes_, cv, random.randint(2**31 - 1)
    )
    parts = {"external": (external, y[test]), "internal": (internal, y[train])}
    scores = {
        what: _bootstrap(*part, model.classes_, scoring, n_bootstrap, random)
        for what, part in parts.items()
    }
    return scores, external, model


def _take(X, rows):
    return as_indexable((_safe_indexing if is_matrix(X) else take_rows)(X, rows))


def _ask(model, X, classes):
    """Return all answers of a model, in the order of the classes."""
    answers = {
        m: np.asarray(getattr(model, m)(X)) for m in _METHODS if hasattr(model, m)
    }
    if not np.array_equal(model.classes_, classes):
        raise ValueError(
            f"A fold of cv has learned {len(model.classes_)} of the {len(classes)} "
            "classes only. Give fewer folds, or stratified ones."
        )
    return answers


def _cross_validate(estimator, X, y, classes, cv, seed):
    """Return the answers to the test folds."""
    if isinstance(cv, Integral):
        cv = CappedStratifiedKFold(cv, shuffle=True, random_state=seed)
    folds = check_cv(cv, y, classifier=True).split(np.zeros(len(y)), y)
    pooled, seen = {}, np.zeros(len(y), dtype=int)
    for train, test in folds:
        model = clone(estimator).fit(_take(X, train), y[train])
        seen[test] += 1
        for method, values in _ask(model, _take(X, test), classes).items():
            shape = (len(y), *values.shape[1:])
            pooled.setdefault(method, np.empty(shape, values.dtype))[test] = values
    if (seen != 1).any():
        raise ValueError(
            f"cv tests {(seen == 0).sum()} of {len(y)} samples in no fold and "
            f"{(seen > 1).sum()} in several. Give folds that test each sample once."
        )
    return pooled


def _bootstrap(answers, y, classes, scoring, n_bootstrap, random):
    """Return each score of the samples, and of samples of these."""
    fake = _Answers(answers, classes)
    scorer = check_scoring(fake, _as_scoring(scoring))
    rows = np.arange(len(y))
    draws = [rows, *(_draw(y, random) for _ in range(n_bootstrap))]
    found = [scorer(fake, draw[:, None], y[draw]) for draw in draws]
    return pd.DataFrame([_named(one, scoring) for one in found])


def _as_scoring(scoring):
    return list(scoring) if isinstance(scoring, tuple) else scoring


def _named(score, scoring):
    if isinstance(score, Mapping):
        return score
    return {scoring if isinstance(scoring, str) else "score": score}


def _draw(y, random):
    """Return a bootstrap sample with as many samples of each class."""
    codes = np.unique(y, return_inverse=True)[1]
    parts = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    return np.concatenate(
        [part[random.randint(len(part), size=len(part))] for part in parts]
    )


def _gather(plan, runs, y, groups, ids, level, return_estimator):
    rows, predictions, estimators = [], [], {}
    for (name, train, test), (scores, answers, model) in zip(plan, runs, strict=True):
        about = {
            "test": name,
            "train": list(dict.fromkeys(groups[train])),
            "n_test": len(test),
            "n_train": len(train),
        }
        rows += [about | row for row in _summarize(scores, level)]
        predictions.append(_tabulate(name, y[test], answers, model, ids[test]))
        estimators[name] = model
    columns = ["test", "train", "score", "n_test", "n_train"]
    table = pd.DataFrame(rows)
    table = table[[*columns, *table.columns.difference(columns, sort=False)]]
    result = Bunch(table=table, predictions=pd.concat(predictions))
    if return_estimator:
        result.estimators = estimators
    return result


def _summarize(scores, level):
    """Yield what the two estimates of each score are, and their difference."""
    external, internal = scores["external"], scores["internal"]
    for name in external:
        row = {"score": name}
        parts = {
            "internal": internal[name].to_numpy(),
            "external": external[name].to_numpy(),
        }
        parts["difference"] = parts["external"] - parts["internal"]
        for what, values in parts.items():
            low, high = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2])
            prefix = "" if what == "difference" else f"{what}_"
            row |= {what: values[0], f"{prefix}low": low, f"{prefix}high": high}
        yield row


def _tabulate(name, y, answers, model, ids):
    table = pd.DataFrame(
        {"cohort": name, "true": y, "predicted": answers["predict"]}, index=ids
    )
    if "predict_proba" in answers:
        proba = pd.DataFrame(answers["predict_proba"], ids, list(model.classes_))
        table = pd.concat([table, proba], axis=1)
    return table
