"""The results on disk: one row per fit, appended as it finishes."""

import csv
import io
import os
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

__all__ = [
    "COLUMNS",
    "KEY",
    "ResultsStore",
    "lock_results",
    "read_results",
    "results_frame",
]

KEY = ("task", "model", "protocol", "omics", "train_fraction", "repeat", "fold")
_INTEGERS = ("repeat", "fold", "seed", "random_state", "n_folds", "n_train", "n_test")
_NUMBERS = (
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
_COUNTS = ("n_features",)
_TEXTS = ("status", "error", "warnings", "data", "settings", "versions")
_LISTS = ("confusion", "classes")
COLUMNS = (
    *("task", "model", "label", "protocol", "omics"),
    *_INTEGERS,
    *_NUMBERS,
    *_COUNTS,
    *_LISTS,
    *_TEXTS,
)
# What results files of earlier versions lack, and what it was in them.
_LATER = {
    "protocol": "honest",
    "omics": "all",
    "train_fraction": 1.0,
    **dict.fromkeys(["log_loss", "ece", "peak_memory_mb", "n_features"], ""),
    **dict.fromkeys(_LISTS, ""),
}

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
    # A count may be missing too, in files of an earlier version.
    for name in (*_NUMBERS, *_COUNTS):
        frame[name] = pd.to_numeric(frame[name].replace("", None)).astype("float64")
    return frame


def read_results(path):
    """Read a results file, also one of an earlier version.

    Parameters
    ----------
    path : str or Path
        A results.csv, which is not changed, or a parquet file of the results.

    Returns
    -------
    results : DataFrame
        As :func:`run_benchmark` returns it.

    Raises
    ------
    ValueError
        If the file is no results file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skomics.benchmark import read_results, run_benchmark, simulated_task
    >>> models = {"bayes": GaussianNB()}
    >>> with TemporaryDirectory() as folder:
    ...     file = f"{folder}/results.csv"
    ...     results = run_benchmark(simulated_task(), models, output=file)
    ...     len(read_results(file))
    10
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return results_frame(_read_rows(path)[0])


@contextmanager
def lock_results(path=None):
    """Keep a results file for one run; the end of the process gives it free, too.

    Parameters
    ----------
    path : str, Path or None
        The file; None keeps nothing.

    Yields
    ------
    None

    Raises
    ------
    BlockingIOError
        If another run has it.
    """
    if path is None:
        yield
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"Another run writes to {path}. Wait until it has ended, or choose another "
            "--output."
        ) from None
    try:
        yield
    finally:
        lock.release()


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
        rows, is_current = _read_rows(self.path) if self.path.exists() else ([], False)
        for row in rows:
            self._remember(row)
        if not is_current:
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
            One dict per task, model, protocol and omics: these and the settings
            wanted.

        Raises
        ------
        ValueError
            If a row of the same task differs; the message says in what.
        """
        for new in wanted:
            for old in self.rows.values():
                same = ("task", "protocol")
                if old["status"] != "ok" or any(old[n] != new[n] for n in same):
                    continue
                names = {**_OF_TASK}
                if all(old[n] == new[n] for n in ("model", "omics")):
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


def _read_rows(path):
    """Return the whole rows of a file and whether it needs no mending."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    lines = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline="")))
    if not lines:
        return [], False
    header = tuple(lines[0])
    if set(header) - set(COLUMNS) or set(COLUMNS) - set(header) - set(_LATER):
        raise ValueError(
            f"{path} has the columns {list(header[:3])}, ... ({len(header)}), but this "
            f"version of skomics writes {list(COLUMNS[:3])}, ... ({len(COLUMNS)}). "
            "Choose another --output, or move the file away."
        )
    rows = [_parse(header, line) for line in lines[1:]]
    return rows, header == COLUMNS and whole == data


def _parse(header, line):
    row = {**_LATER, **dict(zip(header, line, strict=True))}
    row |= {name: int(row[name]) for name in _INTEGERS}
    for kind, names in ((float, _NUMBERS), (int, _COUNTS)):
        row |= {name: kind(row[name]) for name in names if row[name] != ""}
    return row


def _short(value):
    return value if len(str(value)) <= 12 else f"{str(value)[:12]}..."
