"""The table of results: its columns, their types, and what older tables lack."""

import re

import pandas as pd

__all__ = [
    "ADDED_COLUMNS",
    "COLUMNS",
    "COUNTS",
    "INTEGERS",
    "KEY",
    "METRICS",
    "NUMBERS",
    "check_metric",
    "drop_controls",
    "fill_defaults",
    "is_control",
    "label_models",
    "results_frame",
    "take_complete",
    "take_main",
    "take_scored",
]

METRICS = {
    "accuracy": "accuracy",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
}

KEY = ("task", "model", "protocol", "omics", "train_fraction", "repeat", "fold")
INTEGERS = ("repeat", "fold", "seed", "random_state", "n_folds", "n_train", "n_test")
NUMBERS = (
    "train_fraction",
    "accuracy",
    "f1_macro",
    "f1_weighted",
    "log_loss",
    "ece",
    "fit_seconds",
    "score_seconds",
    "peak_memory_mb",
)
COUNTS = ("n_features",)
_TEXTS = ("status", "error", "warnings", "data", "settings", "versions")
_LISTS = ("confusion", "classes")
COLUMNS = (
    *("task", "model", "label", "protocol", "omics", "is_control"),
    *INTEGERS,
    *NUMBERS,
    *COUNTS,
    *_LISTS,
    *_TEXTS,
)
# What results files of earlier versions lack, and what it was in them.
ADDED_COLUMNS = {
    "protocol": "honest",
    "omics": "all",
    "train_fraction": 1.0,
    "is_control": "",  # then the name tells, see is_control
    **dict.fromkeys(["log_loss", "ece", "peak_memory_mb", "n_features"], ""),
    **dict.fromkeys(_LISTS, ""),
}


def results_frame(rows):
    """Return rows as a DataFrame with the types of the results.

    Parameters
    ----------
    rows : list of dict
        One dict per fit, values as in memory or as read from a file.

    Returns
    -------
    results : DataFrame
        The columns `COLUMNS`.
    """
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    frame["is_control"] = is_control(frame)
    frame[list(INTEGERS)] = frame[list(INTEGERS)].astype("int64")
    # A count may be missing too, in files of an earlier version.
    for name in (*NUMBERS, *COUNTS):
        frame[name] = pd.to_numeric(frame[name].replace("", None)).astype("float64")
    return frame


def is_control(results):
    """Return which rows are of a control with permuted labels.

    Parameters
    ----------
    results : DataFrame
        With the column task. Where the column is_control is absent or empty, as in
        files of an earlier version, a control is a task called "null", or "null-" and
        the name of another.

    Returns
    -------
    is_control : Series of bool
        Whether the task was a control.
    """
    named = results["task"].astype(str).str.fullmatch("null(-.*)?", flags=re.DOTALL)
    if "is_control" not in results:
        return named
    values = {"True": True, "False": False}
    given = results["is_control"].astype(str).map(values)
    return given.where(given.notna(), named).astype(bool)


# What a table that lacks the column was made with.
DEFAULTS = {"protocol": "honest", "train_fraction": 1.0, "omics": "all"}


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
        for name, default in DEFAULTS.items()
    }
    return results.assign(**columns)


def check_metric(metric):
    if metric not in METRICS:
        raise ValueError(f"Got metric={metric!r}. Choose one of {sorted(METRICS)}.")


def take_scored(results, metric):
    """Return the rows of the honest protocol that have a score."""
    check_metric(metric)
    results = fill_defaults(results)
    scored = results[(results["protocol"] == "honest") & results[metric].notna()]
    if len(scored) == 0:
        raise ValueError(
            f"None of the {len(results)} rows has a score {metric!r} under the honest "
            "protocol. Run that, or see the column error for what went wrong."
        )
    return scored


def take_complete(results):
    """Return the rows in which all samples and all omics were used."""
    return results[(results["train_fraction"] == 1) & (results["omics"] == "all")]


def take_main(results, metric):
    return take_complete(take_scored(results, metric))


def drop_controls(results):
    return results[~is_control(results)]


def label_models(results):
    return results.groupby("model", sort=False)["label"].first()
