"""Means with intervals, by share of the training samples and by omics left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from skomics.benchmark._results import LOWEST, BenchmarkResults
from skomics.metrics import bootstrap_interval, corrected_t_test

if TYPE_CHECKING:
    from skomics._typing import Metric

__all__ = [
    "PAIR",
    "learning_curves",
    "mean_ratio",
    "modality_ablation",
    "score_intervals",
]

PAIR = ["repeat", "fold"]


def mean_ratio(rows):
    return (rows["n_test"] / rows["n_train"]).mean()


def score_intervals(
    results: pd.DataFrame | BenchmarkResults,
    metric: Metric = "f1_macro",
    *,
    method: Literal["corrected-t", "bootstrap"] = "corrected-t",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the mean score of each model and task, with an interval.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
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
        The bounds are cut off at 0, MCC's at -1, and at 1, and are missing where there
        is one fit.

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
    lowest = LOWEST.get(metric, 0)
    scored = BenchmarkResults.of(results).rows_with(metric)
    groups = scored.groupby(["task", "model"], sort=False)
    for (task, model), group in groups:
        scores = group[metric].to_numpy()
        low, high = estimators[method](scores, mean_ratio(group), level)
        rows.append(
            {
                "task": task,
                "model": model,
                "label": group["label"].iloc[0],
                "n_fits": len(scores),
                "mean": scores.mean(),
                "std": group[metric].std(),
                "low": np.clip(low, lowest, 1),
                "high": np.clip(high, lowest, 1),
            }
        )
    return pd.DataFrame(rows).set_index(["task", "model"])


def _estimate_by_t(scores, ratio, level):
    tested = corrected_t_test(scores, ratio, level)
    return tested["low"], tested["high"]


def _estimate_by_bootstrap(scores, ratio, level):
    return bootstrap_interval(scores, level)


def learning_curves(
    results: pd.DataFrame | BenchmarkResults, metric: Metric = "f1_macro"
) -> pd.DataFrame:
    """Return the mean score for each share of the training samples.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`; column train_fraction.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
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
    rows = BenchmarkResults.of(results).rows_with(metric, "learning_curves")
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


def modality_ablation(
    results: pd.DataFrame | BenchmarkResults,
    metric: Metric = "f1_macro",
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return what each modality adds: the score with all minus that without it.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`; column omics, "all" or names joined by "+". The
        omics of a task are those that any of its rows names.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
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
    >>> from skomics.benchmark import modality_ablation
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "repeat": 0, "fold": [0, 1] * 3,
    ...     "n_train": 80, "n_test": 20,
    ...     "omics": ["all", "all", "rna", "rna", "cnv", "cnv"],
    ...     "f1_macro": [0.9, 0.8, 0.8, 0.7, 0.5, 0.5],
    ... })
    >>> modality_ablation(results)[["model", "omics", "difference"]].round(2)
      model omics  difference
    0     m   cnv        0.10
    1     m   rna        0.35
    """
    rows = BenchmarkResults.of(results).rows_with(metric, "ablation")
    found = []
    for (task, model), group in rows.groupby(["task", "model"], sort=False):
        every = _list_omics(rows[rows["task"] == task])
        scores = {
            frozenset(every if name == "all" else name.split("+")): part.set_index(PAIR)
            for name, part in group.groupby("omics")
        }
        whole = scores.get(every)
        for omics in sorted(every):
            rest = scores.get(every - {omics})
            if whole is None or rest is None:
                continue
            differences = (whole[metric] - rest[metric]).dropna().to_numpy()
            tested = corrected_t_test(differences, mean_ratio(group), level)
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
