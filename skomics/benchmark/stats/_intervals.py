"""Statistics on the results: intervals, tests, ranks, curves and controls."""

import json
from itertools import combinations, permutations

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.utils import check_consistent_length

from skomics._optional import import_optional
from skomics.benchmark._store import is_control
from skomics.benchmark._summary import METRICS

__all__ = [
    "check_null",
    "compare_models",
    "compare_pairs",
    "expected_calibration_error",
    "fill_defaults",
    "friedman_nemenyi",
    "has_confusion",
    "judge_null",
    "learning_curves",
    "omics_value",
    "rank_models",
    "score_intervals",
    "sum_confusion",
    "summarize_calibration",
    "win_tie_loss",
]

# What a table that lacks the column was made with.
_DEFAULTS = {"protocol": "honest", "train_fraction": 1.0, "omics": "all"}
_PAIR = ["repeat", "fold"]
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
_DIGITS = 10


def expected_calibration_error(y_true, proba, *, labels=None, n_bins=10):
    """Return how far confidence is from accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes.

    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes.

    labels : array-like of shape (n_classes,), default=None
        The classes of the columns of `proba`; None takes the sorted distinct values
        of `y_true`.

    n_bins : int, default=10
        Number of bins of equal width.

    Returns
    -------
    error : float
        Mean over the samples of the difference between accuracy and mean confidence
        in their bin, between 0 and 1.

    Raises
    ------
    ValueError
        If there is no sample, or the shapes do not fit each other.

    Notes
    -----
    The confidence of a prediction is the probability of its class. The bins are open
    on the left and closed on the right.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural
    networks, ICML 2017.

    Examples
    --------
    Two predictions of confidence 0.8, one of them right: 0.8 against 0.5.

    >>> from skomics.benchmark import expected_calibration_error
    >>> error = expected_calibration_error(["a", "b"], [[0.8, 0.2], [0.8, 0.2]])
    >>> round(error, 3)
    0.3
    """
    y_true, proba = np.asarray(y_true), np.asarray(proba, dtype=float)
    check_consistent_length(y_true, proba)
    labels = np.unique(y_true) if labels is None else np.asarray(labels)
    if proba.ndim != 2 or proba.shape[1] != len(labels) or len(proba) == 0:
        raise ValueError(
            f"Got proba of shape {proba.shape} for {len(labels)} classes. It needs a "
            "row per sample, at least one, and a column per class; give labels if "
            "y_true lacks a class."
        )
    confidence = proba.max(axis=1)
    is_right = labels[proba.argmax(axis=1)] == y_true
    inner_edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    bins = np.digitize(confidence, inner_edges, right=True)
    gaps = np.bincount(bins, weights=is_right - confidence)
    return float(np.abs(gaps).sum() / len(proba))


def fill_defaults(results):
    """Return the results with the columns that older tables lack.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    Returns
    -------
    results : DataFrame
        The same with the columns protocol ("honest"), train_fraction (1.0) and
        omics ("all") wherever they were absent or empty.
    """
    columns = {
        name: results[name].fillna(default) if name in results else default
        for name, default in _DEFAULTS.items()
    }
    return results.assign(**columns)


def _check_metric(metric):
    if metric not in METRICS:
        raise ValueError(f"Got metric={metric!r}. Choose one of {sorted(METRICS)}.")


def _take_scored(results, metric):
    """Return the rows of the honest protocol that have a score."""
    _check_metric(metric)
    results = fill_defaults(results)
    scored = results[(results["protocol"] == "honest") & results[metric].notna()]
    if len(scored) == 0:
        raise ValueError(
            f"None of the {len(results)} rows has a score {metric!r} under the honest "
            "protocol. Run that, or see the column error for what went wrong."
        )
    return scored


def _take_complete(results):
    """Return the rows in which all samples and all omics were used."""
    return results[(results["train_fraction"] == 1) & (results["omics"] == "all")]


def _take_main(results, metric):
    return _take_complete(_take_scored(results, metric))


def _drop_controls(results):
    return results[~is_control(results)]


def _labels(results):
    return results.groupby("model", sort=False)["label"].first()


def _test_mean(values, ratio, level):
    """Return mean, interval, t and p of the corrected resampled t-test."""
    n = len(values)
    mean = np.mean(values)
    if n < 2:
        nothing = dict.fromkeys(["low", "high", "t", "p_value"], np.nan)
        return {"mean": mean, **nothing}
    scale = _standard_error(values, ratio)
    half = stats.t.ppf((1 + level) / 2, n - 1) * scale
    t = _standardise(mean, scale)
    p_value = 2 * stats.t.sf(abs(t), n - 1)
    interval = {"low": mean - half, "high": mean + half}
    return {"mean": mean, **interval, "t": t, "p_value": p_value}


def _standard_error(values, ratio):
    return np.sqrt((1 / len(values) + ratio) * np.var(values, ddof=1))


def _standardise(difference, scale, nothing=0.0):
    """Return the difference in standard errors; `nothing` where both are zero."""
    if not np.isclose(scale, 0, atol=1e-12):
        return difference / scale
    is_zero = np.isclose(difference, 0, atol=1e-12)
    return nothing if is_zero else np.copysign(np.inf, difference)


def _weigh_equivalence(differences, ratio, rope):
    """Return the posterior probabilities of a lead, of equivalence and of a lag."""
    n = len(differences)
    if n < 2:
        return dict.fromkeys(["p_better", "p_equal", "p_worse"], np.nan)
    mean, scale = np.mean(differences), _standard_error(differences, ratio)
    better, worse = (
        # The bounds are practically equivalent, too.
        stats.t.cdf(_standardise(lead - rope, scale, nothing=-np.inf), n - 1)
        for lead in (mean, -mean)
    )
    return {"p_better": better, "p_equal": 1 - better - worse, "p_worse": worse}


def _ratio(rows):
    return (rows["n_test"] / rows["n_train"]).mean()


def _adjust_holm(p_values):
    """Return p-values that hold for all tests together (Holm 1979)."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    is_known = ~np.isnan(p_values[order])
    factors = is_known.sum() - np.arange(len(order))
    adjusted = np.full(len(order), np.nan)
    steps = np.maximum.accumulate((p_values[order] * factors)[is_known])
    adjusted[order[is_known]] = np.minimum(steps, 1)
    return adjusted


def score_intervals(results, metric="f1_macro", *, method="corrected-t", level=0.95):
    """Return the mean score of each model and task, with an interval.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
        Which score.

    method : {"corrected-t", "bootstrap"}, default="corrected-t"
        The interval of the corrected resampled t-test, or the bias-corrected and
        accelerated bootstrap over the folds.

    level : float, default=0.95
        Level of confidence.

    Returns
    -------
    intervals : DataFrame
        Index levels task and model; columns label, n_fits, mean, std, low and high.
        The bounds are cut off at 0 and 1, and are missing where there is one fit.

    Raises
    ------
    ValueError
        If the metric or the method is unknown, or no fit has a score.

    Notes
    -----
    The folds of one data set share training samples, so that their scores depend on
    each other. The bootstrap ignores this and gives intervals that are too narrow;
    the other one widens the variance by the ratio of test to training samples.

    References
    ----------
    C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning
    52, 2003. B. Efron, Better bootstrap confidence intervals, JASA 82, 1987.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import score_intervals
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "n_train": 80, "n_test": 20,
    ...     "f1_macro": [0.70, 0.75, 0.80, 0.75],
    ... })
    >>> score_intervals(results).round(3)
                label  n_fits  mean    std    low   high
    task model
    t    m          M       4  0.75  0.041  0.658  0.842
    """
    estimators = {"corrected-t": _estimate_by_t, "bootstrap": _estimate_by_bootstrap}
    if method not in estimators:
        raise ValueError(f"Got method={method!r}. Choose one of {sorted(estimators)}.")
    rows = []
    groups = _take_main(results, metric).groupby(["task", "model"], sort=False)
    for (task, model), group in groups:
        scores = group[metric].to_numpy()
        low, high = estimators[method](scores, _ratio(group), level)
        rows.append(
            {
                "task": task,
                "model": model,
                "label": group["label"].iloc[0],
                "n_fits": len(scores),
                "mean": scores.mean(),
                "std": group[metric].std(),
                "low": np.clip(low, 0, 1),
                "high": np.clip(high, 0, 1),
            }
        )
    return pd.DataFrame(rows).set_index(["task", "model"])


def _estimate_by_t(scores, ratio, level):
    tested = _test_mean(scores, ratio, level)
    return tested["low"], tested["high"]


def _estimate_by_bootstrap(scores, ratio, level):
    if len(scores) < 2:
        return np.nan, np.nan
    if np.ptp(scores) == 0:
        return scores[0], scores[0]
    found = stats.bootstrap(
        (scores,),
        np.mean,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(0),
    )
    return found.confidence_interval


def compare_pairs(
    results,
    metric="f1_macro",
    *,
    task=None,
    reference=None,
    level=0.95,
    rope=0.01,
):
    r"""Compare models on the same folds by the corrected resampled t-test.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
        Which score.

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
    >>> from skomics.benchmark import compare_pairs
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": ["a"] * 4 + ["b"] * 4, "label": ["A"] * 4 + ["B"] * 4,
    ...     "repeat": 0, "fold": [0, 1, 2, 3] * 2, "n_train": 75, "n_test": 25,
    ...     "f1_macro": [0.7, 0.8, 0.7, 0.8, 0.6, 0.6, 0.7, 0.7],
    ... })
    >>> pairs = compare_pairs(results).round(3)
    >>> pairs[["model", "other", "difference", "t", "p_value"]]
      model other  difference      t  p_value
    0     a     b         0.1  1.604    0.207
    >>> pairs[["p_better", "p_equal", "p_worse"]]
       p_better  p_equal  p_worse
    0     0.878    0.034    0.088
    """
    if not rope >= 0:
        raise ValueError(f"Got rope={rope!r}. Give a difference of scores, 0 or more.")
    scored = _take_main(results, metric)
    known = list(dict.fromkeys(scored["task"]))
    if task is not None and task not in known:
        raise ValueError(f"Got task={task!r}. Tasks with scores are {known}.")
    labels = _labels(scored)
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
    scores = rows.pivot(index=_PAIR, columns="model", values=metric)
    models = list(dict.fromkeys(rows["model"]))
    ratio = _ratio(rows)
    found = []
    for model, other in combinations(models, 2):
        if reference is not None:
            if reference not in (model, other):
                continue
            model, other = reference, other if model == reference else model
        differences = (scores[model] - scores[other]).dropna().to_numpy()
        if len(differences) == 0:
            continue
        tested = _test_mean(differences, ratio, level)
        pair = {"task": rows["task"].iloc[0], "model": model, "other": other}
        tested["difference"] = tested.pop("mean")
        shares = _weigh_equivalence(differences, ratio, rope)
        found.append({**pair, "n_folds": len(differences), **tested, **shares})
    adjusted = _adjust_holm([row["p_value"] for row in found])
    return [
        {**row, "p_holm": p_holm} for row, p_holm in zip(found, adjusted, strict=True)
    ]


def win_tie_loss(results, metric="f1_macro", *, alpha=0.05):
    """Count the tasks on which a model is better than another one.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`. Tasks with permuted labels do not count.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
        Which score.

    alpha : float, default=0.05
        A win or loss is a difference with a `p_holm` below this in
        :func:`compare_pairs`; everything else is a tie.

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
    pairs = compare_pairs(_drop_controls(results), metric)
    # Of a single model there are no pairs, and no type of their numbers.
    differences = pairs["difference"].astype("float64").round(_DIGITS)
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
    order = list(permutations(_labels(results).index, 2))
    counted = both.groupby(keys, sort=False).sum().astype(int).reset_index()
    places = [
        order.index(pair) for pair in zip(counted.model, counted.other, strict=True)
    ]
    return counted.iloc[np.argsort(places)].reset_index(drop=True)


def rank_models(results, metric="f1_macro"):
    """Return the mean rank of each model over the tasks.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`. Models that lack a score on some task, and tasks
        with permuted labels, are left out.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
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
    scores = _tabulate(results, metric)
    ranks = pd.DataFrame(
        {
            "label": _labels(results).reindex(scores.columns),
            "rank": scores.rank(axis=1, ascending=False).mean(),
            "mean": scores.mean(),
            "n_tasks": len(scores),
        }
    )
    return ranks.rename_axis("model").sort_values("rank", kind="stable")


def _tabulate(results, metric):
    """Return the mean scores, tasks by models, of models that finished every task."""
    main = _drop_controls(_take_main(results, metric))
    means = main.groupby(["task", "model"], sort=False)[metric].mean().round(_DIGITS)
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


def friedman_nemenyi(results, metric="f1_macro", *, alpha=0.05):
    """Test whether the models differ over the tasks, by Friedman's test.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`. Models that lack a score on some task, and tasks
        with permuted labels, are left out.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
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
    scores = _tabulate_for_test(results, metric)
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


def compare_models(results, metric="f1_macro"):
    """Compare each pair of models over the tasks, by Nemenyi's and Wilcoxon's tests.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`. Models that lack a score on some task, and tasks
        with permuted labels, are left out.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
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
    >>> from skomics.benchmark import compare_models
    >>> results = pd.DataFrame({
    ...     "task": ["s"] * 3 + ["t"] * 3, "model": ["a", "b", "c"] * 2,
    ...     "label": ["A", "B", "C"] * 2, "f1_macro": [0.9, 0.8, 0.7, 0.7, 0.8, 0.5],
    ... })
    >>> pairs = compare_models(results)
    >>> pairs[["model", "other", "rank_difference", "p_nemenyi"]].round(3)
      model other  rank_difference  p_nemenyi
    0     a     b              0.0      1.000
    1     a     c             -1.5      0.291
    2     b     c             -1.5      0.291
    """
    scores = _tabulate_for_test(results, metric)
    posthocs = import_optional("scikit_posthocs", extra="bench")
    nemenyi = posthocs.posthoc_nemenyi_friedman(scores.to_numpy())
    ranks, labels = rank_models(results, metric)["rank"], _labels(results)
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
    return pairs.assign(p_holm=_adjust_holm(pairs["p_wilcoxon"]))


def _test_signed_ranks(differences):
    differences = differences.round(_DIGITS)
    # The test has nothing to rank where no task differs.
    return stats.wilcoxon(differences).pvalue if differences.any() else 1.0


def learning_curves(results, metric="f1_macro"):
    """Return the mean score for each share of the training samples.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`; column train_fraction.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
        Which score.

    Returns
    -------
    curves : DataFrame
        Index levels task, model and train_fraction, sorted; columns label, n_train
        (mean), n_fits, mean and std. Tasks with a single share are left out.

    Raises
    ------
    ValueError
        If the metric is unknown, or no fit has a score.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import learning_curves
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "train_fraction": [0.5, 1.0],
    ...     "n_train": [40, 80], "f1_macro": [0.6, 0.7],
    ... })
    >>> learning_curves(results)[["n_train", "mean"]]
                               n_train  mean
    task model train_fraction
    t    m     0.5                40.0   0.6
               1.0                80.0   0.7
    """
    rows = _take_scored(results, metric)
    rows = rows[rows["omics"] == "all"]
    n_shares = rows.groupby("task")["train_fraction"].transform("nunique")
    order = {
        name: {value: place for place, value in enumerate(dict.fromkeys(rows[name]))}
        for name in ("task", "model")
    }
    curves = (
        rows[n_shares > 1]
        .groupby(["task", "model", "train_fraction"])
        .agg(
            label=("label", "first"),
            n_train=("n_train", "mean"),
            n_fits=(metric, "size"),
            mean=(metric, "mean"),
            std=(metric, "std"),
        )
    )
    return curves.sort_values(
        list(curves.index.names),
        key=lambda level: (
            level.map(order[level.name]) if level.name in order else level
        ),
    )


def omics_value(results, metric="f1_macro", *, level=0.95):
    """Return what each omics adds: the score with all omics minus that without it.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`; column omics, "all" or names joined by "+". The
        omics of a task are those that any of its rows names.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
        Which score.

    level : float, default=0.95
        Level of confidence of the intervals of the corrected resampled t-test.

    Returns
    -------
    value : DataFrame
        One row per task, model and omics that was left out: task, model, label,
        omics, n_folds, difference, low and high, over the folds of both.

    Raises
    ------
    ValueError
        If the metric is unknown, or no fit has a score.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import omics_value
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "repeat": 0, "fold": [0, 1] * 3,
    ...     "n_train": 80, "n_test": 20,
    ...     "omics": ["all", "all", "rna", "rna", "cnv", "cnv"],
    ...     "f1_macro": [0.9, 0.8, 0.8, 0.7, 0.5, 0.5],
    ... })
    >>> omics_value(results)[["model", "omics", "difference"]].round(2)
      model omics  difference
    0     m   cnv        0.10
    1     m   rna        0.35
    """
    rows = _take_scored(results, metric)
    rows = rows[rows["train_fraction"] == 1]
    found = []
    for (task, model), group in rows.groupby(["task", "model"], sort=False):
        every = _list_omics(rows[rows["task"] == task])
        scores = {
            frozenset(every if name == "all" else name.split("+")): part.set_index(
                _PAIR
            )
            for name, part in group.groupby("omics")
        }
        whole = scores.get(every)
        for omics in sorted(every):
            rest = scores.get(every - {omics})
            if whole is None or rest is None:
                continue
            differences = (whole[metric] - rest[metric]).dropna().to_numpy()
            tested = _test_mean(differences, _ratio(group), level)
            keys = {"task": task, "model": model, "label": group["label"].iloc[0]}
            values = {"difference": tested["mean"], **tested}
            found.append(
                {**keys, "omics": omics, "n_folds": len(differences), **values}
            )
    columns = ["task", "model", "label", "omics", "n_folds", "difference"]
    return pd.DataFrame(found, columns=[*columns, "low", "high"])


def _list_omics(rows):
    names = set(rows["omics"]) - {"all"}
    return frozenset(omics for name in names for omics in name.split("+"))


def summarize_calibration(results):
    """Return how well the probabilities of each model are calibrated.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`; columns log_loss and ece
        (:func:`expected_calibration_error`), which models without probabilities lack.

    Returns
    -------
    calibration : DataFrame
        Index levels task and model; columns label, n_fits with probabilities, and
        log_loss_mean, log_loss_std, ece_mean and ece_std; models without
        probabilities are left out.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import summarize_calibration
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "log_loss": [0.4, 0.6],
    ...     "ece": [0.05, 0.07],
    ... })
    >>> summarize_calibration(results)[["log_loss_mean", "ece_mean"]]
                log_loss_mean  ece_mean
    task model
    t    m                0.5      0.06
    """
    lacking = [name for name in ("log_loss", "ece") if name not in results]
    if lacking:
        raise ValueError(
            f"Got results without the columns {lacking}. Run the benchmark again with "
            "this version of skomics, which records them."
        )
    rows = _take_complete(fill_defaults(results))
    rows = rows[(rows["protocol"] == "honest") & rows["log_loss"].notna()]
    return rows.groupby(["task", "model"], sort=False).agg(
        label=("label", "first"),
        n_fits=("log_loss", "size"),
        log_loss_mean=("log_loss", "mean"),
        log_loss_std=("log_loss", "std"),
        ece_mean=("ece", "mean"),
        ece_std=("ece", "std"),
    )


def sum_confusion(results):
    """Return the confusion matrix of each model and task, summed over the folds.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`; columns confusion and classes, in JSON.

    Returns
    -------
    counts : DataFrame
        One row per cell: task, model, label, true, predicted and count.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import sum_confusion
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "classes": '["a", "b"]',
    ...     "confusion": ["[[2, 0], [1, 1]]", "[[1, 1], [0, 2]]"],
    ... })
    >>> sum_confusion(results)[["true", "predicted", "count"]]
      true predicted  count
    0    a         a      3
    1    a         b      1
    2    b         a      1
    3    b         b      3
    """
    rows = _take_complete(fill_defaults(_take_confusion(results)))
    rows = rows[rows["protocol"] == "honest"]
    found = []
    for (task, model), group in rows.groupby(["task", "model"], sort=False):
        classes = json.loads(group["classes"].iloc[0])
        counts = sum(np.array(json.loads(text)) for text in group["confusion"])
        keys = {"task": task, "model": model, "label": group["label"].iloc[0]}
        found += [
            {**keys, "true": true, "predicted": predicted, "count": int(counts[i, j])}
            for i, true in enumerate(classes)
            for j, predicted in enumerate(classes)
        ]
    columns = ["task", "model", "label", "true", "predicted", "count"]
    return pd.DataFrame(found, columns=columns)


def _take_confusion(results):
    lacking = [name for name in ("confusion", "classes") if name not in results]
    if lacking:
        raise ValueError(
            f"Got results without the columns {lacking}. Run the benchmark again with "
            "this version of skomics, which records them."
        )
    return results[results["confusion"].notna() & (results["confusion"] != "")]


def check_null(results, *, level=0.95):
    """Check that no model beats chance where the labels were permuted.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`; the tasks whose column is_control is True are the
        control, or those called "null" and "null-…" where the column is absent.
        Column confusion.

    level : float, default=0.95
        Level of confidence for all models and tasks together.

    Returns
    -------
    check : DataFrame
        One row per control and model: task, model, label, n_folds, accuracy, chance,
        low and high (between which the accuracy is to be expected by chance) and
        suspect, which is True where it is not: something of the test samples leaked
        into the fit, or scoring is wrong.

    Raises
    ------
    ValueError
        If the results lack the column confusion.

    Notes
    -----
    Chance is the accuracy to be expected if predictions and classes were independent,
    from the margins of the confusion matrix of each fold, as in Cohen's kappa. Unlike
    one over the number of classes, it holds for classes of any size and models that
    prefer some. The same margins give the variance of the hits in a fold, that of
    counts in a table with fixed margins (multivariate hypergeometric), so that nothing
    is estimated from the few folds, and two of them suffice. Folds share training
    samples, and repeats the permuted labels: the variance of the mean is
    ``(1 / n_folds + n_test / n_train)`` times that of a fold, as in the corrected
    resampled t-test. The interval is the normal one, Bonferroni corrected for the
    number of rows.

    References
    ----------
    J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20,
    1960. C. Nadeau and Y. Bengio, Inference for the generalization error, Machine
    Learning 52, 2003.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import check_null
    >>> results = pd.DataFrame({
    ...     "task": "t", "is_control": True, "model": "m", "label": "M",
    ...     "n_train": 80, "n_test": 20, "classes": '["a", "b"]',
    ...     "confusion": ["[[5, 5], [6, 4]]", "[[6, 4], [5, 5]]", "[[4, 6], [4, 6]]"],
    ... })
    >>> check_null(results)[["model", "accuracy", "chance", "suspect"]]
      model  accuracy  chance  suspect
    0     m       0.5     0.5    False
    """
    rows = results[is_control(results)]
    if len(rows):
        rows = _take_complete(fill_defaults(_take_confusion(rows)))
        rows = rows[rows["protocol"] == "honest"]
    groups = rows.groupby(["task", "model"], sort=False)
    joint_level = 1 - (1 - level) / max(groups.ngroups, 1)
    columns = ["task", "model", "label", "n_folds", "accuracy", "chance"]
    found = [_check_group(group, joint_level) for _, group in groups]
    return pd.DataFrame(found, columns=[*columns, "low", "high", "suspect"])


def has_confusion(results):
    """Return whether any row has a confusion matrix."""
    return "confusion" in results and (results["confusion"].fillna("") != "").any()


def judge_null(results):
    """Say what :func:`check_null` finds.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    Returns
    -------
    text : str
        One or two sentences.

    is_warning : bool
        Whether the results cannot be relied on as they are.
    """
    controls = results[is_control(results)]
    if len(controls) and not has_confusion(controls):
        return (
            "The control with permuted labels has no confusion matrices, so it could "
            "not be checked."
        ), True
    check = check_null(controls)
    if len(check) == 0:
        return "There was no control with permuted labels.", False
    suspects = check[check["suspect"]]
    if len(suspects) == 0:
        text = f"Control with permuted labels: all {len(check)} results are at chance."
        return text, False
    names = ", ".join(f"{s['label']} on {s['task']}" for _, s in suspects.iterrows())
    return (
        f"This run is suspect: with permuted labels, {names} differed from chance. "
        "Something of the test samples may have leaked into the fits."
    ), True


def _check_group(rows, level):
    matrices = [np.array(json.loads(text)) for text in rows["confusion"]]
    accuracy = np.mean([m.trace() / m.sum() for m in matrices])
    chance, variance = np.mean([_match_by_chance(m) for m in matrices], axis=0)
    scale = np.sqrt((1 / len(rows) + _ratio(rows)) * variance)
    half, margin = stats.norm.ppf((1 + level) / 2) * scale, 1e-9
    return {
        **{name: rows[name].iloc[0] for name in ("task", "model", "label")},
        "n_folds": len(rows),
        "accuracy": accuracy,
        "chance": chance,
        "low": chance - half,
        "high": chance + half,
        "suspect": bool(abs(accuracy - chance) > half + margin),
    }


def _match_by_chance(matrix):
    """Return mean and variance of the accuracy in tables with these margins."""
    n = matrix.sum()
    shares = matrix.sum(0) * matrix.sum(1) / n
    own = (n - matrix.sum(0)) * (n - matrix.sum(1)) / n - shares
    variance = shares @ own + shares.sum() ** 2
    return shares.sum() / n, variance / (n**2 * max(n - 1, 1))
