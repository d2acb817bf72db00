"""The results in short: a table, and a report of table and figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from skomics._document import format_table
from skomics._optional import import_optional
from skomics.benchmark._results import METRICS, BenchmarkResults
from skomics.plotting import BenchmarkDisplay

__all__ = [
    "format_summary",
    "summarize",
    "write_report",
]

_SECONDS = "fit_seconds"
# The scores that files of every version have.
_OF_ALL = ("accuracy", "f1_macro", "f1_weighted")


def summarize(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard deviation of each score.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`, or a results.csv read by pandas; what earlier
        versions lack is filled in from the confusion matrices.

    Returns
    -------
    summary : DataFrame
        One row per task and model, in the order of `results`. Index levels task and
        model; columns label, n_fits, n_errors, and mean and standard deviation over
        the fits that have the score: accuracy_mean, accuracy_std, f1_macro_mean, …,
        f1_weighted_mean, …, balanced_accuracy_mean, …, mcc_mean, …, roc_auc_mean, …,
        fit_seconds_mean, ….

    Raises
    ------
    ValueError
        If there is no row.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import summarize
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "status": ["ok", "ok", "error"],
    ...     "accuracy": [0.6, 0.8, None], "f1_macro": [0.5, 0.7, None],
    ...     "f1_weighted": [0.5, 0.7, None], "fit_seconds": [1.0, 2.0, None],
    ... })
    >>> summarize(results)[["n_fits", "n_errors", "accuracy_mean"]]
                n_fits  n_errors  accuracy_mean
    task model
    t    m           3         1            0.7
    """
    if len(results) == 0:
        raise ValueError("Got results without a row. Run at least one fit.")
    groups = BenchmarkResults.of(results).frame.groupby(["task", "model"], sort=False)
    summary = groups.agg(label=("label", "first"), n_fits=("status", "size"))
    summary["n_errors"] = groups["status"].agg(lambda status: (status != "ok").sum())
    for name in (*METRICS, _SECONDS):
        summary[f"{name}_mean"] = groups[name].mean()
        summary[f"{name}_std"] = groups[name].std()
    return summary


def format_summary(summary):
    """Return the summary as a Markdown table that is also readable as it is.

    Parameters
    ----------
    summary : DataFrame
        From :func:`summarize`.

    Returns
    -------
    text : str
        One line per task and model and, if there are several tasks, the mean over
        tasks of each model that finished on all of them.
    """
    metrics = _find_metrics(summary)
    names = [METRICS[name] for name in metrics]
    header = ["task", "model", *names, "fit seconds", "fits"]
    rows = [
        [
            task,
            row["label"],
            *(_mean_and_sd(row, name, 3) for name in metrics),
            _mean_and_sd(row, _SECONDS, 1),
            _count_fits(row),
        ]
        for (task, _), row in summary.iterrows()
    ]
    return format_table([header, *rows, *_average_tasks(summary, metrics)])


def _find_metrics(summary):
    """Return the scores that some row has, and those that every file has."""
    is_empty = {name: summary[f"{name}_mean"].isna().all() for name in METRICS}
    return [name for name in METRICS if name in _OF_ALL or not is_empty[name]]


def _mean_and_sd(row, name, digits):
    mean, sd = row[f"{name}_mean"], row[f"{name}_std"]
    if pd.isna(mean):
        return "–"
    # One fit has no standard deviation.
    spread = "" if pd.isna(sd) else f" ± {sd:.{digits}f}"
    return f"{mean:.{digits}f}{spread}"


def _count_fits(row):
    n_fits, n_errors = row["n_fits"], row["n_errors"]
    return f"{n_fits - n_errors} of {n_fits}" if n_errors else f"{n_fits}"


def _average_tasks(summary, metrics):
    n_tasks = summary.index.get_level_values("task").nunique()
    if n_tasks < 2:
        return []
    rows = []
    for _, group in summary.groupby(level="model", sort=False):
        means = [group[f"{name}_mean"] for name in (*metrics, _SECONDS)]
        if len(group) < n_tasks or means[0].isna().any():
            continue
        *scores, seconds = (mean.mean(skipna=False) for mean in means)
        cells = ["–" if pd.isna(score) else f"{score:.3f}" for score in scores]
        n_fits = f"{group['n_fits'].sum()}"
        label = group["label"].iloc[0]
        rows.append(["mean over tasks", label, *cells, f"{seconds:.1f}", n_fits])
    return rows


def write_report(results, folder, command=None, verdict=None):
    """Write summary.md and, with matplotlib and a score to show, benchmark.png.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    folder : str or Path
        Where to; it is made if need be.

    command : str, default=None
        What made the results, for the report; one command a line.

    verdict : str, default=None
        What a check of the results found, for the report.

    Returns
    -------
    files : list of Path
        The files written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "summary.md"
    report.write_text(_describe(results, command, verdict), encoding="utf-8")
    if results["f1_macro"].isna().all():
        return [report]
    try:
        plt = import_optional("matplotlib.pyplot", extra="plot")
    except ImportError:
        return [report]
    picture = folder / "benchmark.png"
    with plt.ioff():
        figure = BenchmarkDisplay(results).plot().figure_
    figure.savefig(picture, dpi=150, bbox_inches="tight")
    plt.close(figure)
    return [report, picture]


def _describe(results, command, verdict):
    parts = ["# Benchmark", format_summary(summarize(results))]
    parts += [] if verdict is None else [verdict]
    parts += [_describe_tasks(results)]
    failed = results[results["status"] != "ok"]
    if len(failed):
        lines = failed.groupby(["task", "label", "error"], sort=False).size()
        parts += [
            "## Errors",
            "\n".join(f"- {t}, {m}, fits: {n}, {e}" for (t, m, e), n in lines.items()),
        ]
    parts += [f"Versions: {', '.join(results['versions'].unique())}."]
    if command is not None:
        parts += [f"Made by\n\n```\n{command}\n```"]
    return "\n\n".join(parts) + "\n"


def _describe_tasks(results):
    lines = [
        "Mean ± standard deviation over the folds of all repeats; F1 over all classes "
        "of the task. Imputation, scaling and tuning were fitted in the training part "
        "of each fold.",
        "",
    ]
    for task, rows in results.groupby("task", sort=False):
        first = rows.iloc[0]
        lines.append(
            f"- {task}: {first['n_train'] + first['n_test']} samples, "
            f"folds: {first['n_folds']}, repeats: {rows['repeat'].nunique()}, seed: "
            f"{first['seed']}, data: {first['data'][:12]}"
        )
    return "\n".join(lines)
