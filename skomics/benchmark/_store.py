"""The results on disk: one row per fit, appended as it finishes."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from skomics._files import replace_whole
from skomics._optional import import_optional
from skomics.benchmark._confusion import fill_scores
from skomics.benchmark._files import append_whole
from skomics.benchmark._results import (
    ADDED_COLUMNS,
    COLUMNS,
    COUNTS,
    INTEGERS,
    KEY,
    NUMBERS,
    is_control,
    results_frame,
)

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = [
    "ResultsStore",
    "lock_results",
    "read_commands",
    "read_results",
    "write_commands",
]

COMMANDS = "commands.json"


# What must agree before fits of an older run count, and what to call it. All
# models of a task share the first three.
_OF_TASK = {
    "data": "data (SHA-256 of X and y)",
    "n_folds": "number of folds",
    "seed": "seed",
}
_OF_MODEL = {"settings": "parameters of the model (digest)"}
# What changes scores from version to version.
_COMPARED_PACKAGES = ("skomics", "torch")


def read_results(path: StrPath) -> pd.DataFrame:
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
        results = pd.read_parquet(path)
        results["is_control"] = is_control(results)
        others = [name for name in results if name not in COLUMNS]
        results = fill_scores(results)
        return results[[*(name for name in COLUMNS if name in results), *others]]
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
    filelock = import_optional("filelock", extra="bench")
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BlockingIOError(
            f"Another run writes to {path}. Wait until it has ended, or choose another "
            "--output."
        ) from None
    try:
        yield
    finally:
        lock.release()


def read_commands(folder):
    """Return the commands that made the results in a folder.

    Parameters
    ----------
    folder : str or Path
        The output folder of a run.

    Returns
    -------
    commands : list of str
        The oldest first; none if nothing is recorded.

    Raises
    ------
    ValueError
        If the file of commands is damaged.
    """
    file = Path(folder) / COMMANDS
    if not file.exists():
        return []
    try:
        commands = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        commands = None
    if not isinstance(commands, list) or not all(isinstance(c, str) for c in commands):
        raise ValueError(
            f"{file} is damaged: a list of commands in JSON is wanted. Delete the "
            "file; the results are whole without it."
        )
    return commands


def write_commands(folder, commands):
    """Keep the commands that made the results in a folder, each once.

    Parameters
    ----------
    folder : str or Path
        The output folder of a run.

    commands : list of str
        The oldest first.

    Returns
    -------
    file : Path
        Where they are.
    """
    file = Path(folder) / COMMANDS
    text = json.dumps(list(dict.fromkeys(commands)), ensure_ascii=False, indent=2)
    file.write_text(f"{text}\n", encoding="utf-8")
    return file


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
        If the file is no results file of this version, or is damaged.
    """

    def __init__(self, path=None):
        # A link stays one, and what it points to is replaced.
        self.path = None if path is None else Path(path).resolve()
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
        lines = _as_lines([COLUMNS, *map(_in_order, self.rows.values())])
        try:
            replace_whole(self.path, lambda path: path.write_bytes(lines))
        except OSError as error:
            raise self._describe(error) from error

    def _describe(self, error):
        """Return the error of a disk that takes no more, with what to do."""
        n_lines = self.path.read_bytes().count(b"\n") if self.path.exists() else 0
        text = (
            f"{error.strerror}: the results could not be written. The file is whole "
            f"and holds {max(n_lines - 1, 0)} fits. Make room, or allow writing, then "
            "run the same command again to go on"
        )
        return OSError(error.errno, text, str(self.path))

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

    def check_versions(self, tasks, versions):
        """Refuse to go on if older rows were made with another skomics or torch.

        Parameters
        ----------
        tasks : set of tuple of str
            Tasks, each with the protocol, that are to get more rows.

        versions : str
            The versions that these will have, as in the column.

        Raises
        ------
        ValueError
            If a row of such a task has others.
        """
        new = _read_versions(versions)
        for row in self.rows.values():
            old = _read_versions(row["versions"])
            differing = [
                f"{name} {old[name]}, and this is {name} {new[name]}"
                for name in _COMPARED_PACKAGES
                if name in old and name in new and old[name] != new[name]
            ]
            is_mixed = row["status"] == "ok" and (row["task"], row["protocol"]) in tasks
            if differing and is_mixed:
                raise ValueError(
                    f"{self.path} holds fits of {row['model']!r} on task "
                    f"{row['task']!r} made with {'; '.join(differing)}. Scores of two "
                    "versions do not belong into one table. Choose another --output; "
                    "or, to go on anyway, give the same command with --any-version "
                    "(run_benchmark: any_version=True)."
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
        if self.path is not None:
            self._append_line(_as_lines([_in_order(row)]))
        self._remember(row)

    def _append_line(self, line):
        """Write a line, or nothing of it."""
        try:
            append_whole(self.path, line)
        except OSError as error:
            raise self._describe(error) from error

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


def _in_order(row):
    return [row[name] for name in COLUMNS]


def _as_lines(rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


def _read_versions(text):
    return dict(part.split("=", 1) for part in str(text).split() if "=" in part)


def _read_rows(path):
    """Return the whole rows of a file and whether it needs no mending."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    lines = _number_lines(path, whole)
    _, header = next(lines, (0, ()))
    if not header:
        return [], False
    header = tuple(header)
    if set(header) - set(COLUMNS) or set(COLUMNS) - set(header) - set(ADDED_COLUMNS):
        raise ValueError(
            f"{path} has the columns {list(header[:3])}, ... ({len(header)}), but this "
            f"version of skomics writes {list(COLUMNS[:3])}, ... ({len(COLUMNS)}). "
            "Choose another --output, or move the file away."
        )
    rows = [_parse(path, number, header, line) for number, line in lines]
    return rows, header == COLUMNS and whole == data


def _number_lines(path, content):
    """Yield the number of each line, where it begins, and its values."""
    number = 1
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        number += content[: error.start].count(b"\n")
        raise _damage(path, number, "it is no text in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise _damage(path, number, error) from error
        if values is None:
            return
        yield number, values
        number = reader.line_num + 1


def _parse(path, number, header, line):
    if len(line) != len(header):
        reason = f"it has {len(line)} values in place of {len(header)}"
        raise _damage(path, number, reason)
    row = {**ADDED_COLUMNS, **dict(zip(header, line, strict=True))}
    try:
        row |= {name: int(row[name]) for name in INTEGERS}
        for kind, names in ((float, NUMBERS), (int, COUNTS)):
            row |= {name: kind(row[name]) for name in names if row[name] != ""}
    except ValueError as error:
        raise _damage(path, number, error) from error
    return row


def _damage(path, number, reason):
    return ValueError(
        f"Line {number} of {path} is damaged: {reason}. Delete the line, and its fit "
        "is made again; or move the file away, or choose another --output."
    )


def _short(value):
    return value if len(str(value)) <= 12 else f"{str(value)[:12]}..."
