"""Models over several tasks: mean ranks, Friedman's test and those after it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from skomics._optional import import_optional
from skomics.benchmark._results import BenchmarkResults, label_models
from skomics.benchmark.stats._pairwise import DIGITS, adjust_holm

if TYPE_CHECKING:
    from skomics._typing import Metric

__all__ = ["posthoc_tests", "friedman_nemenyi", "rank_models"]


def rank_models(
    results: pd.DataFrame | BenchmarkResults, metric: Metric = "f1_macro"
) -> pd.DataFrame:
    """Return the mean rank of each model over the tasks.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`. Models that lack a score on some task, and tasks
        with permuted labels, are left out.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
        Which score.

    Returns
    -------
    ranks : DataFrame
        From the best to the worst: index model; columns label, rank (1 is best; equal
        means share their ranks), mean (over the tasks) and n_tasks.

    Raises
    ------
    ValueError
        If the metric is unknown, no fit has a score, or no model has one on every
        task.

    References
    ----------
    J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7,
    2006.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import rank_models
    >>> results = pd.DataFrame({
    ...     "task": ["s", "s", "t", "t"], "model": ["a", "b"] * 2,
    ...     "label": ["A", "B"] * 2, "f1_macro": [0.8, 0.7, 0.9, 0.9],
    ... })
    >>> rank_models(results)
          label  rank  mean  n_tasks
    model
    a         A  1.25  0.85        2
    b         B  1.75  0.80        2
    """
    results = BenchmarkResults.of(results)
    scores = _tabulate(results, metric)
    ranks = pd.DataFrame(
        {
            "label": label_models(results.frame).reindex(scores.columns),
            "rank": scores.rank(axis=1, ascending=False).mean(),
            "mean": scores.mean(),
            "n_tasks": len(scores),
        }
    )
    return ranks.rename_axis("model").sort_values("rank", kind="stable")


def _tabulate(results, metric):
    """Return the mean scores, tasks by models, of models that finished every task."""
    scored = results.rows_with(metric)
    main = scored[~scored["is_control"]]
    means = main.groupby(["task", "model"], sort=False)[metric].mean().round(DIGITS)
    table = means.unstack("model")[list(dict.fromkeys(main["model"]))]
    scores = table.dropna(axis=1)
    if scores.size == 0:
        raise ValueError(
            f"None of {table.shape[1]} models has a score on each of {len(table)} "
            "tasks besides those with permuted labels. Ranks need models with a score "
            "on each; drop the other tasks."
        )
    return scores


def _tabulate_for_test(results, metric):
    scores = _tabulate(results, metric)
    n_tasks, n_models = scores.shape
    if n_tasks < 2 or n_models < 3:
        raise ValueError(
            f"Got {n_tasks} tasks on which {n_models} models have scores. Tests over "
            "tasks need at least two tasks and three models with a score on each."
        )
    return scores


def friedman_nemenyi(
    results: pd.DataFrame | BenchmarkResults,
    metric: Metric = "f1_macro",
    *,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Test whether the models differ over the tasks, by Friedman's test.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`. Models that lack a score on some task, and tasks
        with permuted labels, are left out.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
        Which score.

    alpha : float, default=0.05
        Level of the critical difference.

    Returns
    -------
    test : DataFrame
        One row: n_tasks, n_models, chi2 (Friedman's statistic, corrected for ties) and
        p_value, f (the statistic of Iman and Davenport) and f_p_value, and
        critical_difference (Nemenyi's: mean ranks that are further apart differ).

    Raises
    ------
    ValueError
        If the metric is unknown, or there are fewer than two tasks or three models.

    References
    ----------
    J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7,
    2006.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import friedman_nemenyi
    >>> results = pd.DataFrame({
    ...     "task": ["s"] * 3 + ["t"] * 3, "model": ["a", "b", "c"] * 2,
    ...     "label": ["A", "B", "C"] * 2, "f1_macro": [0.9, 0.8, 0.7, 0.7, 0.8, 0.5],
    ... })
    >>> friedman_nemenyi(results)[["n_tasks", "chi2", "critical_difference"]].round(2)
       n_tasks  chi2  critical_difference
    0        2   3.0                 2.34
    """
    scores = _tabulate_for_test(BenchmarkResults.of(results), metric)
    n, k = scores.shape
    # Where every task is one tie, both are 0 / 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        chi2, p_value = stats.friedmanchisquare(*scores.to_numpy().T)
        f = np.float64((n - 1) * chi2) / (n * (k - 1) - chi2)
    quantile = stats.studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)
    row = {
        "n_tasks": n,
        "n_models": k,
        "chi2": chi2,
        "p_value": p_value,
        "f": f,
        "f_p_value": stats.f.sf(f, k - 1, (k - 1) * (n - 1)),
        "critical_difference": quantile * np.sqrt(k * (k + 1) / (6 * n)),
    }
    return pd.DataFrame([row])


def posthoc_tests(
    results: pd.DataFrame | BenchmarkResults, metric: Metric = "f1_macro"
) -> pd.DataFrame:
    """Compare each pair of models over the tasks, by Nemenyi's and Wilcoxon's tests.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`. Models that lack a score on some task, and tasks
        with permuted labels, are left out.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
        Which score.

    Returns
    -------
    pairs : DataFrame
        One row per pair: model, other, label, other_label, rank_difference (negative
        where `model` ranks better), p_nemenyi, difference (of the means over tasks),
        p_wilcoxon (signed ranks, two-sided) and p_holm (the latter, corrected for the
        number of pairs).

    Raises
    ------
    ValueError
        If the metric is unknown, or there are fewer than two tasks or three models.

    ImportError
        If scikit-posthocs is not installed.

    References
    ----------
    J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7,
    2006. A. Benavoli, G. Corani and F. Mangili, Should we really use post-hoc tests
    based on mean-ranks?, JMLR 17, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import posthoc_tests
    >>> results = pd.DataFrame({
    ...     "task": ["s"] * 3 + ["t"] * 3, "model": ["a", "b", "c"] * 2,
    ...     "label": ["A", "B", "C"] * 2, "f1_macro": [0.9, 0.8, 0.7, 0.7, 0.8, 0.5],
    ... })
    >>> pairs = posthoc_tests(results)
    >>> pairs[["model", "other", "rank_difference", "p_nemenyi"]].round(3)
      model other  rank_difference  p_nemenyi
    0     a     b              0.0      1.000
    1     a     c             -1.5      0.291
    2     b     c             -1.5      0.291
    """
    results = BenchmarkResults.of(results)
    scores = _tabulate_for_test(results, metric)
    posthocs = import_optional("scikit_posthocs", extra="bench")
    nemenyi = posthocs.posthoc_nemenyi_friedman(scores.to_numpy())
    ranks, labels = rank_models(results, metric)["rank"], label_models(results.frame)
    rows = [
        {
            "model": model,
            "other": other,
            "label": labels[model],
            "other_label": labels[other],
            "rank_difference": ranks[model] - ranks[other],
            "p_nemenyi": nemenyi.iloc[i, j],
            "difference": (scores[model] - scores[other]).mean(),
            "p_wilcoxon": _test_signed_ranks(scores[model] - scores[other]),
        }
        for (i, model), (j, other) in combinations(enumerate(scores.columns), 2)
    ]
    pairs = pd.DataFrame(rows)
    return pairs.assign(p_holm=adjust_holm(pairs["p_wilcoxon"]))


def _test_signed_ranks(differences):
    differences = differences.round(DIGITS)
    # The test has nothing to rank where no task differs.
    return stats.wilcoxon(differences).pvalue if differences.any() else 1.0
