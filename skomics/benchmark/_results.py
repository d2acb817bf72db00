"""The table of results: its columns, their types, its parts, and what it may lack."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from skomics.benchmark._confusion import CONFUSION_SCORES, fill_scores, read_numbers

if TYPE_CHECKING:
    from skomics._typing import Metric, ResultPart

__all__ = [
    "ADDED_COLUMNS",
    "COLUMNS",
    "COUNTS",
    "INTEGERS",
    "KEY",
    "LOWEST",
    "METRICS",
    "NUMBERS",
    "PLAIN",
    "BenchmarkResults",
    "check_metric",
    "is_control",
    "label_models",
    "results_frame",
]

METRICS = {
    "accuracy": "accuracy",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "MCC",
    "roc_auc": "ROC AUC",
}
# The lowest value of those that can be below 0.
LOWEST = {"mcc": -1}

KEY = ("task", "model", "protocol", "omics", "train_fraction", "repeat", "fold")
INTEGERS = ("repeat", "fold", "seed", "random_state", "n_folds", "n_train", "n_test")
NUMBERS = (
    "train_fraction",
    "accuracy",
    "f1_macro",
    "f1_weighted",
    "balanced_accuracy",
    "mcc",
    "roc_auc",
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
# A fit with nothing left out, and what tables without these columns were made with.
PLAIN: dict[str, Any] = {
    "protocol": "leakage_free",
    "omics": "all",
    "train_fraction": 1.0,
}
# What results files of earlier versions lack, and what it was in them.
ADDED_COLUMNS = {
    **PLAIN,
    "is_control": "",  # then the name tells, see is_control
    **dict.fromkeys([*CONFUSION_SCORES, "roc_auc", "log_loss", "ece"], ""),
    **dict.fromkeys(["peak_memory_mb", "n_features"], ""),
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
        frame[name] = read_numbers(frame, name)
    frame = fill_scores(frame)
    # Text has the type that it has from a parquet, `str` since pandas 3. Of several
    # columns at once, infer_objects of pandas 3.1 leaves text as it is.
    return frame.assign(**{name: frame[name].infer_objects() for name in frame})


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


class BenchmarkResults:
    """The table of results, and the parts by which it is read, each taken once.

    Functions that take the results as a DataFrame take this, too.

    Parameters
    ----------
    frame : DataFrame
        From :func:`run_benchmark`, or a table of an earlier version.

    Attributes
    ----------
    frame : DataFrame
        All rows, with the columns protocol, omics, train_fraction and is_control
        wherever they were absent or empty; so are balanced_accuracy and mcc, from the
        confusion matrices. roc_auc is NaN where it is absent.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import BenchmarkResults
    >>> results = BenchmarkResults(pd.DataFrame({
    ...     "task": ["luad", "luad", "null-luad"], "model": "m", "label": "M",
    ...     "train_fraction": [1.0, 0.5, 1.0], "f1_macro": [0.9, 0.8, 0.5],
    ... }))
    >>> len(results.scored), len(results.compared.scored), len(results.learning_curves)
    (2, 1, 3)
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = _fill_defaults(frame)

    @classmethod
    def of(cls, results: pd.DataFrame | BenchmarkResults) -> Self:
        """Return results, given as a DataFrame or as they are.

        Parameters
        ----------
        results : DataFrame or BenchmarkResults
            The results.

        Returns
        -------
        results : BenchmarkResults
            The results.
        """
        return results if isinstance(results, cls) else cls(results)

    @cached_property
    def compared(self) -> BenchmarkResults:
        """The results without the controls, which no model can lead."""
        return BenchmarkResults(self.frame[~self.frame["is_control"]])

    @cached_property
    def control(self) -> BenchmarkResults:
        """The results on tasks with permuted labels."""
        return BenchmarkResults(self.frame[self.frame["is_control"]])

    @cached_property
    def scored(self) -> pd.DataFrame:
        """Rows of the leakage-free protocol: whole training parts, all modalities."""
        return self._take(**PLAIN)

    @cached_property
    def as_published(self) -> pd.DataFrame:
        """Rows of the published protocol: whole training parts, all modalities."""
        return self._take(**{**PLAIN, "protocol": "as_published"})

    @cached_property
    def learning_curves(self) -> pd.DataFrame:
        """Rows of the leakage-free protocol: any share of samples, all modalities."""
        return self._take(protocol=PLAIN["protocol"], omics=PLAIN["omics"])

    @cached_property
    def ablation(self) -> pd.DataFrame:
        """Rows of the leakage-free protocol: whole training parts, any modalities."""
        names = ("protocol", "train_fraction")
        return self._take(**{name: PLAIN[name] for name in names})

    def _take(self, **values):
        masks = [self.frame[name] == value for name, value in values.items()]
        return self.frame[np.logical_and.reduce(masks)]

    def has_scores(self, metric: Metric, part: ResultPart = "scored") -> bool:
        """Tell whether any row of a part has a score.

        Parameters
        ----------
        metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
                "roc_auc"}
            Which score.

        part : {"scored", "learning_curves", "ablation"}, default="scored"
            Which rows.

        Returns
        -------
        has_scores : bool
            False where every fit failed, or there is none.
        """
        return bool(getattr(self, part)[metric].notna().any())

    def rows_with(self, metric: Metric, part: ResultPart = "scored") -> pd.DataFrame:
        """Return the rows of a part that have a score.

        Parameters
        ----------
        metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
                "roc_auc"}
            Which score.

        part : {"scored", "learning_curves", "ablation"}, default="scored"
            Which rows.

        Returns
        -------
        rows : DataFrame
            The rows.

        Raises
        ------
        ValueError
            If the metric is unknown, or no leakage-free fit has a score.
        """
        check_metric(metric)
        rows = self._take(protocol=PLAIN["protocol"])
        if not rows[metric].notna().any():
            raise ValueError(
                f"None of the {len(self.frame)} rows has a score {metric!r} under the "
                "leakage-free protocol. Run that, or see the column error for what "
                "went wrong."
            )
        rows = getattr(self, part)
        return rows[rows[metric].notna()]

    def variants(self) -> list[tuple]:
        """Return the rows of each variant; means over several have no sense.

        Returns
        -------
        variants : list of tuple
            Pairs of (is_control, protocol, train_fraction, omics) and a DataFrame.
        """
        names = ["is_control", "protocol", "train_fraction", "omics"]
        return list(self.frame.groupby(names, sort=False))


def _fill_defaults(frame):
    """Return the table with the columns that older ones lack or have empty."""
    columns = {
        name: frame[name].fillna(value) if name in frame else value
        for name, value in PLAIN.items()
    }
    return fill_scores(frame.assign(**columns, is_control=is_control(frame)))


def check_metric(metric):
    """Raise unless a score has this name."""
    if metric not in METRICS:
        raise ValueError(f"Got metric={metric!r}. Choose one of {sorted(METRICS)}.")


def label_models(rows):
    """Return the label of each model, in the order of the rows."""
    return rows.groupby("model", sort=False)["label"].first()
