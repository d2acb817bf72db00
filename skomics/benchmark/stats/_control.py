"""Confusion matrices, and the control with permuted labels."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from scipy import stats

from skomics.benchmark._results import BenchmarkResults
from skomics.benchmark.stats._intervals import mean_ratio

__all__ = [
    "check_permutation_control",
    "has_confusion",
    "describe_control",
    "sum_confusion",
]


def sum_confusion(results: pd.DataFrame | BenchmarkResults) -> pd.DataFrame:
    """Return the confusion matrix of each model and task, summed over the folds.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
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
    rows = _take_confusion(BenchmarkResults.of(results).scored)
    found = []
    for (task, model), group in rows.groupby(["task", "model"], sort=False):
        classes = json.loads(group["classes"].iloc[0])
        counts = np.sum([json.loads(text) for text in group["confusion"]], axis=0)
        keys = {"task": task, "model": model, "label": group["label"].iloc[0]}
        found += [
            {**keys, "true": true, "predicted": predicted, "count": int(counts[i, j])}
            for i, true in enumerate(classes)
            for j, predicted in enumerate(classes)
        ]
    columns = ["task", "model", "label", "true", "predicted", "count"]
    return pd.DataFrame(found, columns=columns)


def _take_confusion(rows):
    """Return the rows that have a confusion matrix."""
    lacking = [name for name in ("confusion", "classes") if name not in rows]
    if lacking:
        raise ValueError(
            f"Got results without the columns {lacking}. Run the benchmark again with "
            "this version of skomics, which records them."
        )
    return rows[rows["confusion"].notna() & (rows["confusion"] != "")]


def check_permutation_control(
    results: pd.DataFrame | BenchmarkResults, *, level: float = 0.95
) -> pd.DataFrame:
    """Check that no model beats chance where the labels were permuted.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
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
    >>> from skomics.benchmark import check_permutation_control
    >>> results = pd.DataFrame({
    ...     "task": "t", "is_control": True, "model": "m", "label": "M",
    ...     "n_train": 80, "n_test": 20, "classes": '["a", "b"]',
    ...     "confusion": ["[[5, 5], [6, 4]]", "[[6, 4], [5, 5]]", "[[4, 6], [4, 6]]"],
    ... })
    >>> check_permutation_control(results)[["model", "accuracy", "chance", "suspect"]]
      model  accuracy  chance  suspect
    0     m       0.5     0.5    False
    """
    control = BenchmarkResults.of(results).control
    rows = _take_confusion(control.scored) if len(control.frame) else control.scored
    groups = rows.groupby(["task", "model"], sort=False)
    joint_level = 1 - (1 - level) / max(groups.ngroups, 1)
    columns = ["task", "model", "label", "n_folds", "accuracy", "chance"]
    found = [_check_group(group, joint_level) for _, group in groups]
    return pd.DataFrame(found, columns=[*columns, "low", "high", "suspect"])


def has_confusion(results: pd.DataFrame | BenchmarkResults) -> bool:
    """Return whether any row has a confusion matrix."""
    frame = BenchmarkResults.of(results).frame
    return "confusion" in frame and (frame["confusion"].fillna("") != "").any()


def describe_control(results: pd.DataFrame | BenchmarkResults) -> tuple[str, bool]:
    """Say what :func:`check_permutation_control` finds.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`.

    Returns
    -------
    text : str
        One or two sentences.

    is_warning : bool
        Whether the results cannot be relied on as they are.
    """
    control = BenchmarkResults.of(results).control
    if len(control.frame) and not has_confusion(control):
        return (
            "The control with permuted labels has no confusion matrices, so it could "
            "not be checked."
        ), True
    check = check_permutation_control(control)
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
    scale = np.sqrt((1 / len(rows) + mean_ratio(rows)) * variance)
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
