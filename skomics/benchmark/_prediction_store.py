"""What was predicted for test samples, on disk beside the results."""

import json
from base64 import b64decode, b64encode
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from skomics._files import replace_whole
from skomics._optional import import_optional
from skomics._validation import code_labels
from skomics.benchmark._files import append_whole
from skomics.benchmark._results import KEY

__all__ = [
    "PREDICTION_COLUMNS",
    "PredictionStore",
    "has_stored_predictions",
    "make_record",
    "name_files",
    "order_predictions",
    "read_stored",
]

PREDICTION_COLUMNS = (
    *KEY,
    *("sample", "true", "predicted", "classes", "score_kind", "scores"),
)
_TEXTS = ("task", "model", "protocol", "omics", "sample", "classes", "score_kind")
_FLOATS = np.dtype("<f4")
# What repeats is stored once; scores do not, and their leading bytes are alike.
_COMPACT = {
    "compression": "zstd",
    "use_dictionary": [*(n for n in PREDICTION_COLUMNS if n != "scores")],
    "use_byte_stream_split": ["scores.list.element"],
}


def name_files(path):
    """Return where the predictions of a results file are.

    Parameters
    ----------
    path : str or Path
        The results file.

    Returns
    -------
    table, journal : Path
        The parquet file, and the file of fits that are not yet in it.
    """
    path = Path(path).resolve()
    stem = f"{path.stem}-predictions"
    return path.with_name(f"{stem}.parquet"), path.with_name(f"{stem}.jsonl")


def has_stored_predictions(path):
    """Return whether predictions are stored beside a results file."""
    return any(file.exists() for file in name_files(path))


def make_record(samples, classes, y_true, y_pred, scores):
    """Return what is kept of one fit, as values of JSON.

    Parameters
    ----------
    samples : list of str of length n_samples
        Names of the test samples.

    classes : ndarray of shape (n_classes,)
        The classes of the task.

    y_true, y_pred : ndarray of shape (n_samples,)
        The classes, and what was predicted.

    scores : Scores or None
        What the model says of each class.

    Returns
    -------
    record : dict
        Classes are their positions, scores 4 bytes each.
    """
    values = None if scores is None else scores.values.astype(_FLOATS)
    return {
        "sample": list(samples),
        "classes": [str(label) for label in classes],
        "true": code_labels(y_true, classes).tolist(),
        "predicted": code_labels(y_pred, classes).tolist(),
        "score_kind": "" if scores is None else scores.kind,
        "scores": None if values is None else b64encode(values.tobytes()).decode(),
    }


class PredictionStore:
    """Predictions of fits that survive whatever ends the run.

    A fit is one line of a journal, which is written before its row of the results, so
    that no row is without its predictions. At the end the lines become one parquet
    file. A line whose row is missing, because a run was killed between the two, counts
    for nothing.

    Parameters
    ----------
    path : str, Path or None
        The results file; None keeps predictions in memory.
    """

    def __init__(self, path=None):
        self.table, self.journal = (None, None) if path is None else name_files(path)
        self.records = {}

    def forget_others(self, keys):
        """Drop what is stored of other fits than these, and a line that was cut off.

        Parameters
        ----------
        keys : collection of tuple
            Values of `KEY`.

        Raises
        ------
        ValueError
            If a file is damaged.

        ImportError
            If there is a parquet file, and pyarrow is not installed.
        """
        if self.table is None:
            return
        if self.journal.exists():
            lines = dict(_read_lines(self.journal))
            kept = b"".join(line for key, line in lines.items() if key in keys)
            if kept != self.journal.read_bytes():
                self._replace(self.journal, lambda path: path.write_bytes(kept))
        if self.table.exists():
            stored = _read_table(self.table)
            fewer = order_predictions(stored, list(keys))
            if len(fewer) < len(stored):
                self._write_table(fewer)

    def append(self, key, record):
        """Keep the predictions of a fit, on disk at once.

        Parameters
        ----------
        key : tuple
            Values of `KEY`.

        record : dict
            From :func:`make_record`.

        Raises
        ------
        OSError
            If the disk takes no more; what was stored is whole.
        """
        if self.journal is None:
            self.records[key] = record
            return
        line = json.dumps({"key": _plain(key), **record}, ensure_ascii=False) + "\n"
        try:
            append_whole(self.journal, line.encode())
        except OSError as error:
            raise _describe(error, self.journal) from error

    def gather(self, keys):
        """Put what the journal has into the parquet file, and remove the journal.

        Parameters
        ----------
        keys : list of tuple
            Values of `KEY` of all rows of the results, in their order.

        Raises
        ------
        OSError
            If the disk takes no more; nothing is lost.
        """
        if self.journal is None or not self.journal.exists():
            return
        self._write_table(order_predictions(self.read(), keys))
        self.journal.unlink()

    def replace(self, predictions, keys):
        """Keep these predictions in place of all that is stored.

        Parameters
        ----------
        predictions : DataFrame
            The columns `PREDICTION_COLUMNS`.

        keys : list of tuple
            Values of `KEY`: which fits, and their order.

        Raises
        ------
        OSError
            If the disk takes no more; nothing is lost.
        """
        self._write_table(order_predictions(predictions, keys))
        self.journal.unlink(missing_ok=True)

    def read(self):
        """Return all that is stored.

        Returns
        -------
        predictions : DataFrame
            The columns `PREDICTION_COLUMNS`.
        """
        if self.table is None:
            return _frame_records(self.records)
        return read_stored(self.table, self.journal)

    def _write_table(self, predictions):
        if len(predictions) == 0:
            self.table.unlink(missing_ok=True)
            return
        write = partial(predictions.to_parquet, index=False, **_COMPACT)
        self._replace(self.table, write)

    def _replace(self, path, write):
        try:
            replace_whole(path, write)
        except OSError as error:
            raise _describe(error, path) from error


def read_stored(table, journal):
    """Return what two files hold; where both have a fit, what the journal has.

    Parameters
    ----------
    table, journal : Path
        From :func:`name_files`; either may be absent.

    Returns
    -------
    predictions : DataFrame
        The columns `PREDICTION_COLUMNS`.

    Raises
    ------
    ValueError
        If a file is damaged.
    """
    lines = _read_lines(journal) if journal.exists() else ()
    records = {key: json.loads(line) for key, line in lines}
    newer = _frame_records(records)
    if not table.exists():
        return newer
    older = _read_table(table)
    older = older[_place_rows(older, list(records)) < 0]
    return _set_types(pd.concat([older, newer])) if records else older


def order_predictions(predictions, keys):
    """Return the predictions of some fits, in the order of these.

    Parameters
    ----------
    predictions : DataFrame
        The columns `PREDICTION_COLUMNS`.

    keys : list of tuple
        Values of `KEY`.

    Returns
    -------
    predictions : DataFrame
        Rows of a fit are in the order that they were in.
    """
    places = _place_rows(predictions, keys)
    order = np.argsort(places, kind="stable")
    return _set_types(predictions.iloc[order[places[order] >= 0]])


def _place_rows(predictions, keys):
    """Return the position of the fit of each row among the keys, -1 if it is none."""
    if not keys or not len(predictions):
        return np.full(len(predictions), -1)
    columns = [predictions[name] for name in KEY]
    texts = [c.astype(object) if c.dtype == "category" else c for c in columns]
    wanted = pd.MultiIndex.from_tuples(keys, names=KEY)
    return wanted.get_indexer(pd.MultiIndex.from_arrays(texts, names=KEY))


def _plain(key):
    """Return a key as values of JSON."""
    return [part.item() if isinstance(part, np.generic) else part for part in key]


def _read_lines(path):
    """Yield key and line of each fit of a journal, without a line that was cut off."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(keepends=True), 1):
        try:
            key = tuple(json.loads(line)["key"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"Line {number} of {path} is damaged: {error}. Delete the line, and "
                "the line of the same fit in the results, which is then made again."
            ) from error
        yield key, line


def _read_table(path):
    pyarrow = import_optional("pyarrow", extra="bench")
    try:
        return _set_types(pd.read_parquet(path, columns=list(PREDICTION_COLUMNS)))
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"{path} is damaged, or holds no predictions: {error}. Move it away: the "
            "results are whole without it, and to have predictions again make them "
            "anew in another --output."
        ) from error


def _describe(error, path):
    """Return the error of a disk that takes no more, with what to do."""
    text = (
        f"{error.strerror}: the predictions could not be written. What was stored is "
        "whole. Make room, or allow writing, then run the same command again to go on"
    )
    return OSError(error.errno, text, str(path))


def _frame_records(records):
    """Return records of fits as a table, a row for each test sample."""
    sizes = [len(record["sample"]) for record in records.values()]
    keys = zip(*records, strict=True) if records else [()] * len(KEY)
    of_fits = dict(zip(KEY, keys, strict=True))
    for name in ("score_kind", "classes"):
        of_fits[name] = [record[name] for record in records.values()]
    of_fits["classes"] = map(json.dumps, of_fits["classes"])
    columns = {name: _repeat(values, sizes) for name, values in of_fits.items()}
    columns["sample"] = _join(record["sample"] for record in records.values())
    for name in ("true", "predicted"):
        columns[name] = _join(map(partial(_name_labels, name), records.values()))
    columns["scores"] = _join(map(_read_scores, records.values()))
    return _set_types(pd.DataFrame(columns, columns=list(PREDICTION_COLUMNS)))


def _repeat(values, sizes):
    values = np.fromiter(values, dtype=object)
    return np.repeat(values, np.asarray(sizes, dtype=int))


def _join(parts):
    return np.fromiter(chain.from_iterable(parts), dtype=object)


def _name_labels(name, record):
    # A position of -1, of no class, is the last one.
    classes = [*record["classes"], None]
    return [classes[place] for place in record[name]]


def _read_scores(record):
    """Return an array of 32-bit floats for each sample, None if there is none."""
    if record["scores"] is None:
        return [None] * len(record["sample"])
    values = np.frombuffer(b64decode(record["scores"]), _FLOATS).astype(np.float32)
    return list(values.reshape(len(record["sample"]), -1))


def _set_types(predictions):
    """Return the table with texts as categories, which take little room."""
    types = {name: _as_category(predictions[name]) for name in _TEXTS}
    labels = {name: predictions[name].astype(object) for name in ("true", "predicted")}
    found = {c for column in labels.values() for c in column.dropna().unique()}
    # The same categories, so that the two can be compared.
    kind = pd.CategoricalDtype(sorted(found))
    types |= {name: column.astype(kind) for name, column in labels.items()}
    types |= {name: predictions[name].astype("int64") for name in ("repeat", "fold")}
    types["train_fraction"] = predictions["train_fraction"].astype(float)
    return predictions.assign(**types).reset_index(drop=True)


def _as_category(column):
    if column.dtype == "category":
        return column.cat.remove_unused_categories()
    return column.astype(str).astype("category")
