"""How many features a score needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_random_state

from skomics._blocks import is_matrix, read_blocks, take_rows, to_pandas
from skomics._parallel import run_parallel
from skomics._rows import (
    check_groups_apart,
    check_same_samples,
    quote_values,
    read_groups,
)
from skomics._validation import check_labels
from skomics.feature_selection._columns import as_matrix, column_names, take_columns
from skomics.feature_selection._ranking import rank_features, take_top

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import CrossValidation, OmicsLike, RandomState

__all__ = ["minimal_panel"]

# Steps of a decade.
_STEPS = (1, 2, 5)


def minimal_panel(
    estimator: BaseEstimator,
    X: OmicsLike,
    y: ArrayLike,
    *,
    sizes: Literal["auto"] | Sequence[int] = "auto",
    ranker: BaseEstimator | None = None,
    cv: CrossValidation = 5,
    groups: ArrayLike | None = None,
    scoring: str | Callable[..., Any] | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> Bunch:
    """Find the smallest number of features whose score is as good as the best.

    In each training fold the features are ranked and the estimator is fitted with the
    first of them; test folds only give scores.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Is cloned. Of a Pipeline the last step gets the features that the steps before
        it make, `OmicsConcatenator` among them.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        The samples, in any form that the estimator takes.

    y : array-like of shape (n_samples,)
        Their classes.

    sizes : "auto" or sequence of int, default="auto"
        Numbers of features. "auto" is 1, 2, 5, 10, 20, 50, ..., and all of them.

    ranker : estimator, default=None
        Ranks the features, as of :class:`StabilitySelector`; None is the F-value of the
        analysis of variance.

    cv : int, cross-validation generator or iterable, default=5
        The folds; an int stands for stratified ones of shuffled samples.

    groups : array-like of shape (n_samples,), default=None
        What each sample belongs to, the patient for one: no fold has samples of a group
        on both sides.

    scoring : str or callable, default=None
        One score, of which more is better; None is the estimator's own.

    random_state : int, RandomState instance or None, default=None
        Seed of the folds, if `cv` is an int, and of the ranker, if it has none.

    n_jobs : int, default=None
        Number of folds at the same time, by joblib.

    Returns
    -------
    result : Bunch
        `table`, a DataFrame with a row for each number of features: mean, std and
        standard_error of the score over the folds, and within, whether the mean is at
        most a standard error below the best; `n_features`, the smallest number within;
        `best_n_features`, that of the best mean; `features`, the names of the
        `n_features` features that rank first among all samples; and `scores` of shape
        (n_sizes, n_folds).

    Raises
    ------
    ValueError
        If a number of features is no positive integer or larger than there are, there
        are several scores or a single fold, a label or group is missing, `cv` tears a
        group apart, or the tables of a dict have their samples in different orders.

    SampleAlignmentError
        If `y` or `groups` has the ids of other samples.

    See Also
    --------
    StabilitySelector : Which features, with an error that is controlled.

    Notes
    -----
    The standard error is that of the best mean, SD / √folds, as of the rule of Breiman
    et al. (1984); folds share training samples, so that it is somewhat small, and with
    repeated folds too small. The score at `n_features` was chosen by the same folds: an
    honest estimate of the model needs others around it.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and regression
    trees", Wadsworth, 1984.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import OmicsConcatenator
    >>> from skomics.datasets import make_multiomics
    >>> from skomics.feature_selection import minimal_panel
    >>> X, y = make_multiomics(
    ...     n_samples=90, n_features={"rna": 60, "protein": 20}, n_informative=4,
    ...     n_redundant=0, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, LogisticRegression())
    >>> result = minimal_panel(model, X, y, sizes=[1, 5, 20], random_state=0)
    >>> result.table.columns.to_list()
    ['mean', 'std', 'standard_error', 'within']
    """
    table, rows, n_samples = _read(X)
    check_same_samples(rows, y, "y")
    y = np.asarray(check_labels(y))
    if len(y) != n_samples:
        raise ValueError(
            f"y has {len(y)} labels, but X has {n_samples} samples. Give a label for "
            "each."
        )
    head, last = _cut(estimator)
    random = check_random_state(random_state)
    seed = int(random.randint(2**31))
    groups = read_groups(groups, rows, n_samples)
    if isinstance(cv, Integral):
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        cv = kind(cv, shuffle=True, random_state=seed)
    splits = _split(cv, y, groups, is_classifier(estimator))
    whole = _transform(head, table, y)[0]
    sizes = _read_sizes(sizes, whole.shape[1])
    scorer = _read_scoring(last, scoring)
    shared = head, last, table, y, sizes, ranker, scorer, seed
    scores = run_parallel(_score_fold, splits, shared=shared, n_jobs=n_jobs)
    found = _summarize(np.transpose(scores), sizes)
    importances = rank_features(ranker, as_matrix(whole), y, seed=seed)
    chosen = take_top(importances, found.n_features)
    return Bunch(**found, features=column_names(whole)[chosen].tolist())


def _split(cv, y, groups, is_classifier):
    """Return the folds, of which a standard error needs two."""
    cv = check_cv(cv, y, classifier=is_classifier)
    splits = list(cv.split(np.zeros(len(y)), y, groups))
    if groups is not None:
        check_groups_apart(splits, groups, "cv")
    if len(splits) < 2:
        raise ValueError(
            f"Got {len(splits)} fold, but a standard error needs at least two. Give "
            "cv=5, or an iterable of more."
        )
    return splits


def _read_scoring(last, scoring):
    if isinstance(scoring, list | tuple | set | dict):
        raise ValueError(
            f"Got scoring={scoring!r}, but a panel is chosen by one score. Give one of "
            "them."
        )
    return check_scoring(last, scoring)


def _read(X):
    """Return samples of which rows can be taken, their ids and their number."""
    X = to_pandas(X)
    if is_matrix(X) and not sparse.issparse(X):
        X = np.asarray(X)
    read = read_blocks(X)
    blocks = list(read.blocks.values())
    if not is_matrix(X) and isinstance(X, dict | list | tuple):
        for table in X.values() if isinstance(X, dict) else X:
            names = getattr(table, "index", getattr(table, "obs_names", None))
            if names is not None and not names.equals(read.rows):
                raise ValueError(
                    "The tables of X have their samples in different orders, or not "
                    "the same ones. Call skomics.align_samples first."
                )
        X = X if isinstance(X, dict) else dict(zip(read.blocks, X, strict=True))
    return X, read.rows, blocks[0].data.shape[0]


def _cut(estimator):
    """Return the steps before the last one, or None, and the last one."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    head = estimator[:-1] if len(estimator.steps) > 1 else None
    return head, estimator.steps[-1][1]


def _transform(head, train, y, test=None):
    if head is None:
        return train, test
    head = clone(head)
    train = head.fit_transform(train, y)
    return train, None if test is None else head.transform(test)


def _score_fold(head, last, table, y, sizes, ranker, scorer, seed, train, test):
    """Return a score for each number of features."""
    inputs = take_rows(table, train), y[train], take_rows(table, test)
    fitted, asked = _transform(head, *inputs)
    importances = rank_features(ranker, as_matrix(fitted), y[train], seed=seed)
    order = np.argsort(-importances, kind="stable")
    _check_sizes(sizes, len(order), "in a training fold")
    scores = []
    for size in sizes:
        top = np.sort(order[:size])
        model = clone(last).fit(take_columns(fitted, top), y[train])
        scores.append(scorer(model, take_columns(asked, top), y[test]))
    return scores


def _read_sizes(sizes, n_features):
    if isinstance(sizes, str) and sizes == "auto":
        decades = 10 ** np.arange(np.ceil(np.log10(n_features + 1)), dtype=int)
        found = np.outer(decades, _STEPS).ravel()
        return [*found[found < n_features].tolist(), n_features]
    is_list = not isinstance(sizes, str) and np.ndim(sizes) == 1 and len(sizes) > 0
    if not is_list or not all(isinstance(s, Integral) and s > 0 for s in sizes):
        raise ValueError(
            f"Got sizes={sizes!r}. It must be 'auto', or numbers of features such as "
            "[5, 10, 20]."
        )
    sizes = sorted({int(size) for size in sizes})
    _check_sizes(sizes, n_features, "before the last step")
    return sizes


def _check_sizes(sizes, n_features, where):
    above = [size for size in sizes if size > n_features]
    if above:
        raise ValueError(
            f"Got sizes={quote_values(above)}, but there are {n_features} features "
            f"{where}. Leave out what is larger."
        )


def _summarize(scores, sizes):
    """Return the table, and the number of features by the one-standard-error rule."""
    std = scores.std(axis=1, ddof=1)
    table = pd.DataFrame(
        {
            "mean": scores.mean(axis=1),
            "std": std,
            "standard_error": std / np.sqrt(scores.shape[1]),
        },
        index=pd.Index(sizes, name="n_features"),
    )
    best = table["mean"].idxmax()
    bar = table.loc[best, "mean"] - table.loc[best, "standard_error"]
    table["within"] = table["mean"] >= bar
    return Bunch(
        table=table,
        n_features=int(table.index[table["within"]][0]),
        best_n_features=int(best),
        scores=scores,
    )
