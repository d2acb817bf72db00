"""The results on disk: one row per fit, appended as it finishes."""

import csv
import io
import os
from pathlib import Path

import pandas as pd

__all__ = ["COLUMNS", "KEY", "ResultsStore", "results_frame"]

KEY = ("task", "model", "repeat", "fold")
_INTEGERS = ("repeat", "fold", "seed", "random_state", "n_folds", "n_train", "n_test")
_NUMBERS = ("accuracy", "f1_macro", "f1_weighted", "fit_seconds", "score_seconds")
_TEXTS = ("status", "error", "warnings", "data", "settings", "versions")
COLUMNS = ("task", "model", "label", *_INTEGERS, *_NUMBERS, *_TEXTS)

# What must agree before fits of an older run count, and what to call it. All
# models of a task share the first three.
_OF_TASK = {
    "data": "data (SHA-256 of X and y)",
    "n_folds": "number of folds",
    "seed": "seed",
}
_OF_MODEL = {"settings": "parameters of the model (digest)"}


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
    frame[list(_INTEGERS)] = frame[list(_INTEGERS)].astype("int64")
    for name in _NUMBERS:
        frame[name] = pd.to_numeric(frame[name].replace("", None)).astype("float64")
    return frame


class ResultsStore:
    """Rows of a results.csv that survive whatever ends the run.

    Every row is one line, so that a line which was cut off is known by its missing
    end and is dropped at the next start.

    Parameters
    ----------
    path : str, Path or None
        The file; None keeps rows in memory.

    Raises
    ------
    ValueError
        If the file is no results file of this version.
    """

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        self.rows = {}
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._read()

    def _read(self):
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        lines = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline="")))
        if lines and tuple(lines[0]) != COLUMNS:
            raise ValueError(
                f"{self.path} has the columns {lines[0][:3]}, ... ({len(lines[0])}), "
                f"but this version of skomics writes {list(COLUMNS[:3])}, ... "
                f"({len(COLUMNS)}). Choose another --output, or move the file away."
            )
        for line in lines[1:]:
            self._remember(_parse(line))
        if whole != data or not lines:
            self._write()

    def _remember(self, row):
        self.rows[tuple(row[name] for name in KEY)] = row

    def _write(self):
        """Replace the file by what is in memory, in one step."""
        draft = self.path.with_name(self.path.name + ".tmp")
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = _writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(
                [row[name] for name in COLUMNS] for row in self.rows.values()
            )
        os.replace(draft, self.path)

    def check(self, wanted):
        """Refuse to go on if older rows were made with other settings.

        Parameters
        ----------
        wanted : list of dict
            One dict per task and model: both names and the settings wanted.

        Raises
        ------
        ValueError
            If a row of the same task differs; the message says in what.
        """
        for new in wanted:
            for old in self.rows.values():
                if old["task"] != new["task"] or old["status"] != "ok":
                    continue
                names = {**_OF_TASK}
                if old["model"] == new["model"]:
                    names |= _OF_MODEL
                differing = [
                    f"{text} was {_short(old[name])} and is {_short(new[name])}"
                    for name, text in names.items()
                    if str(old[name]) != str(new[name])
                ]
                if differing:
                    raise ValueError(
                        f"{self.path} holds fits of {old['model']!r} on task "
                        f"{old['task']!r} made with other settings: "
                        f"{'; '.join(differing)}. Choose another --output, or give "
                        "the same settings to go on."
                    )

    def forget_errors(self, keys):
        """Drop the failed ones of these fits, which will be tried again.

        Parameters
        ----------
        keys : list of tuple
            Values of `KEY`.
        """
        failed = [k for k in keys if k in self.rows and self.rows[k]["status"] != "ok"]
        for key in failed:
            del self.rows[key]
        if failed and self.path is not None:
            self._write()

    def append(self, row):
        """Keep a row, on disk at once.

        Parameters
        ----------
        row : dict
            One finished fit.
        """
        self._remember(row)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                _writer(file).writerow([row[name] for name in COLUMNS])

    def finish(self, keys):
        """Put the rows of a complete run in its order, after all others.

        Parameters
        ----------
        keys : list of tuple
            Values of `KEY`.

        Returns
        -------
        results : DataFrame
            The rows of these keys.
        """
        rows = {key: self.rows.pop(key) for key in keys}
        self.rows |= rows
        if self.path is not None:
            self._write()
        return results_frame(list(rows.values()))


def _writer(file):
    return csv.writer(file, lineterminator="\n")


def _parse(line):
    row = dict(zip(COLUMNS, line, strict=True))
    row |= {name: int(row[name]) for name in _INTEGERS}
    return row | {name: float(row[name]) if row[name] else "" for name in _NUMBERS}


def _short(value):
    return value if len(str(value)) <= 12 else f"{str(value)[:12]}..."
