"""Pairs of models on the same folds: tests, equivalence, wins and losses."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from skomics.benchmark._results import BenchmarkResults, label_models
from skomics.benchmark.stats._intervals import PAIR, mean_ratio
from skomics.metrics import corrected_t_test, standard_error, standardize

if TYPE_CHECKING:
    from skomics._typing import Metric

__all__ = ["DIGITS", "adjust_holm", "pairwise_tests", "win_tie_loss"]

_PAIRS = [
    "task",
    "model",
    "other",
    "label",
    "other_label",
    "n_folds",
    "difference",
    "low",
    "high",
    "t",
    "p_value",
    "p_better",
    "p_equal",
    "p_worse",
    "p_holm",
]
# Means of the same scores in another order differ in the last digits.
DIGITS = 10


def _weigh_equivalence(differences, ratio, rope):
    """Return the posterior probabilities of a lead, of equivalence and of a lag."""
    n = len(differences)
    if n < 2:
        return dict.fromkeys(["p_better", "p_equal", "p_worse"], np.nan)
    mean, scale = np.mean(differences), standard_error(differences, ratio)
    better, worse = (
        # The bounds are practically equivalent, too.
        stats.t.cdf(standardize(lead - rope, scale, nothing=-np.inf), n - 1)
        for lead in (mean, -mean)
    )
    return {"p_better": better, "p_equal": 1 - better - worse, "p_worse": worse}


def adjust_holm(p_values):
    """Return p-values that hold for all tests together (Holm 1979)."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    is_known = ~np.isnan(p_values[order])
    factors = is_known.sum() - np.arange(len(order))
    adjusted = np.full(len(order), np.nan)
    steps = np.maximum.accumulate((p_values[order] * factors)[is_known])
    adjusted[order[is_known]] = np.minimum(steps, 1)
    return adjusted


def pairwise_tests(
    results: pd.DataFrame | BenchmarkResults,
    metric: Metric = "f1_macro",
    *,
    task: str | None = None,
    reference: str | None = None,
    level: float = 0.95,
    rope: float = 0.01,
) -> pd.DataFrame:
    r"""Compare models on the same folds by the corrected resampled t-test.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`.

    metric : str, default="f1_macro"
        Which score: "accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc"
        or "roc_auc".

    task : str, default=None
        Which task; None takes each.

    reference : str, default=None
        Name of the model that all others are compared with; None compares each pair.

    level : float, default=0.95
        Level of confidence of the intervals.

    rope : float, default=0.01
        Scores that are no further apart are practically equivalent.

    Returns
    -------
    pairs : DataFrame
        One row per task and pair: task, model, other, label, other_label, n_folds
        that both finished, difference (mean of `model` minus `other`), low, high, t,
        p_value (two-sided), p_better, p_equal and p_worse (posterior probabilities
        that the difference is above `rope`, within it, and below ``-rope``) and
        p_holm (p_value, corrected for the pairs of the task). With one fold there is
        no test, and the last eight are missing.

    Raises
    ------
    ValueError
        If the metric, the task or the reference is unknown, `rope` is negative, or no
        fit has a score.

    Notes
    -----
    With differences :math:`d_1, …, d_J` over the folds of all repeats, of mean
    :math:`m` and variance :math:`s^2`, :math:`t = m / \sqrt{(1/J + n_2/n_1) s^2}`
    with :math:`J - 1` degrees of freedom, where :math:`n_2/n_1` is the ratio of test
    to training samples.

    That a difference is not significant does not say that there is none. In the
    Bayesian reading (Benavoli et al. 2017), with a prior that says nothing, the
    difference has Student's distribution with that mean, that standard error and those
    degrees of freedom, of which p_better, p_equal and p_worse are the shares. The
    interval is the credible one, too.

    References
    ----------
    A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, Time for a change: a tutorial for
    comparing multiple classifiers through Bayesian analysis, JMLR 18, 2017.
    C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning
    52, 2003. R. R. Bouckaert and E. Frank, Evaluating the replicability of
    significance tests for comparing learning algorithms, PAKDD 2004. S. Holm, A simple
    sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import pairwise_tests
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": ["a"] * 4 + ["b"] * 4, "label": ["A"] * 4 + ["B"] * 4,
    ...     "repeat": 0, "fold": [0, 1, 2, 3] * 2, "n_train": 75, "n_test": 25,
    ...     "f1_macro": [0.7, 0.8, 0.7, 0.8, 0.6, 0.6, 0.7, 0.7],
    ... })
    >>> pairs = pairwise_tests(results).round(3)
    >>> pairs[["model", "other", "difference", "t", "p_value"]]
      model other  difference      t  p_value
    0     a     b         0.1  1.604    0.207
    >>> pairs[["p_better", "p_equal", "p_worse"]]
       p_better  p_equal  p_worse
    0     0.878    0.034    0.088
    """
    if not rope >= 0:
        raise ValueError(f"Got rope={rope!r}. Give a difference of scores, 0 or more.")
    scored = BenchmarkResults.of(results).rows_with(metric)
    known = list(dict.fromkeys(scored["task"]))
    if task is not None and task not in known:
        raise ValueError(f"Got task={task!r}. Tasks with scores are {known}.")
    labels = label_models(scored)
    if reference is not None and reference not in labels:
        raise ValueError(
            f"Got reference={reference!r}. Models with scores are {list(labels.index)}."
        )
    tables = [
        _compare_on_task(scored[scored["task"] == name], metric, reference, level, rope)
        for name in ([task] if task is not None else known)
    ]
    pairs = pd.DataFrame([row for table in tables for row in table], columns=_PAIRS)
    pairs["label"] = pairs["model"].map(labels)
    pairs["other_label"] = pairs["other"].map(labels)
    return pairs


def _compare_on_task(rows, metric, reference, level, rope):
    scores = rows.pivot(index=PAIR, columns="model", values=metric)
    models = list(dict.fromkeys(rows["model"]))
    ratio = mean_ratio(rows)
    found = []
    for model, other in combinations(models, 2):
        if reference is not None:
            if reference not in (model, other):
                continue
            model, other = reference, other if model == reference else model
        differences = (scores[model] - scores[other]).dropna().to_numpy()
        if len(differences) == 0:
            continue
        tested = corrected_t_test(differences, ratio, level)
        pair = {"task": rows["task"].iloc[0], "model": model, "other": other}
        tested["difference"] = tested.pop("mean")
        shares = _weigh_equivalence(differences, ratio, rope)
        found.append({**pair, "n_folds": len(differences), **tested, **shares})
    adjusted = adjust_holm([row["p_value"] for row in found])
    return [
        {**row, "p_holm": p_holm} for row, p_holm in zip(found, adjusted, strict=True)
    ]


def win_tie_loss(
    results: pd.DataFrame | BenchmarkResults,
    metric: Metric = "f1_macro",
    *,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Count the tasks on which a model is better than another one.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`. Tasks with permuted labels do not count.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
        Which score.

    alpha : float, default=0.05
        A win or loss is a difference with a `p_holm` below this in
        :func:`pairwise_tests`; everything else is a tie.

    Returns
    -------
    counts : DataFrame
        One row per ordered pair: model, other, label, other_label, wins, ties,
        losses, and ahead and behind, the numbers of tasks with a higher and a lower
        mean, significant or not.

    Raises
    ------
    ValueError
        If the metric is unknown, or no fit has a score.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import win_tie_loss
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": ["a"] * 3 + ["b"] * 3, "label": ["A"] * 3 + ["B"] * 3,
    ...     "repeat": 0, "fold": [0, 1, 2] * 2, "n_train": 80, "n_test": 40,
    ...     "f1_macro": [0.90, 0.91, 0.92, 0.50, 0.52, 0.51],
    ... })
    >>> win_tie_loss(results)[["model", "other", "wins", "ties", "losses"]]
      model other  wins  ties  losses
    0     a     b     1     0       0
    1     b     a     0     0       1
    """
    results = BenchmarkResults.of(results)
    pairs = pairwise_tests(results.compared, metric)
    # Of a single model there are no pairs, and no type of their numbers.
    differences = pairs["difference"].astype("float64").round(DIGITS)
    is_clear = pairs["p_holm"] < alpha
    pairs = pairs.assign(
        wins=is_clear & (differences > 0),
        ties=~is_clear,
        losses=is_clear & (differences < 0),
        ahead=differences > 0,
        behind=differences < 0,
    )
    names = {"model": "other", "label": "other_label", "wins": "losses"}
    names |= {"ahead": "behind"}
    turned = pairs.rename(columns=names | {new: old for old, new in names.items()})
    keys = ["model", "other", "label", "other_label"]
    counts = ["wins", "ties", "losses", "ahead", "behind"]
    both = pd.concat([pairs, turned])[keys + counts]
    order = list(permutations(label_models(results.frame).index, 2))
    counted = both.groupby(keys, sort=False).sum().astype(int).reset_index()
    places = [
        order.index(pair) for pair in zip(counted.model, counted.other, strict=True)
    ]
    return counted.iloc[np.argsort(places)].reset_index(drop=True)
