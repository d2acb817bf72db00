"""Tasks: what is to be classified."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import read_blocks
from skomics.datasets import load_folder, make_intersim

__all__ = ["TASKS", "Task", "as_tasks", "folder_task", "simulated_task", "take_rows"]


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """Omics of labelled samples, under a name.

    Parameters
    ----------
    name : str
        Name of the task, which is unique in a benchmark.

    X : DataFrame, AnnData, MuData, dict of tables, array or sparse matrix
        The omics, in a form that :class:`~skomics.OmicsConcatenator` reads.

    y : array-like of shape (n_samples,)
        The classes. A Series has the sample ids of `X` as index, in any order.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct classes, sorted.

    n_samples : int
        Number of samples.

    fingerprint : str
        SHA-256 of `X`, its names, and `y`.

    Raises
    ------
    ValueError
        If `X` and `y` have other samples, a label is missing, or there is one class.

    Examples
    --------
    >>> from skomics.benchmark import Task
    >>> from skomics.datasets import make_intersim
    >>> Task("small", *make_intersim(n_samples=20, n_clusters=2, random_state=0))
    Task('small': 20 samples, 2 classes; methylation 367, expression 131, protein 160)
    """

    name: str
    X: object
    y: object

    def __post_init__(self):
        if isinstance(self.X, list | tuple):
            raise TypeError(
                f"X of task {self.name!r} is a {type(self.X).__name__}. Name the "
                "omics: give a dict of tables, or a DataFrame."
            )
        if isinstance(self.X, Mapping):
            # Rows are picked by position later on, so they are matched here.
            blocks = read_blocks(self.X).blocks
            self._set("X", {name: block.data for name, block in blocks.items()})
        self._set("y", _check_labels(self.name, self.y, self._rows, self.n_samples))

    def __repr__(self):
        sizes = ", ".join(f"{o} {size}" for o, size in self._sizes.items())
        return (
            f"Task({self.name!r}: {self.n_samples} samples, {len(self.classes)} "
            f"classes; {sizes})"
        )

    def _set(self, name, value):
        # A frozen dataclass is only set this way, while it is being made.
        object.__setattr__(self, name, value)

    @property
    def _tables(self):
        return list(self.X.values()) if isinstance(self.X, dict) else [self.X]

    @property
    def _rows(self):
        for table in self._tables:
            if isinstance(table, pd.DataFrame):
                return table.index
        return getattr(self.X, "obs_names", None)

    @property
    def n_samples(self):
        """Number of samples."""
        return self._tables[0].shape[0]

    @cached_property
    def classes(self):
        """The distinct classes, of shape (n_classes,)."""
        return np.unique(self.y)

    @cached_property
    def _sizes(self):
        blocks = read_blocks(self.X).blocks
        return {name: block.data.shape[1] for name, block in blocks.items()}

    @cached_property
    def sparse_omics(self):
        """Names of the omics, each with whether its table is sparse."""
        if isinstance(self.X, pd.DataFrame | np.ndarray):
            return dict.fromkeys(self._sizes, False)
        blocks = read_blocks(self.X).blocks
        return {name: sparse.issparse(block.data) for name, block in blocks.items()}

    @cached_property
    def fingerprint(self):
        """SHA-256 of X, its names, and y."""
        digest = sha256()
        for name, block in read_blocks(self.X).blocks.items():
            _digest_values(digest, np.array([name]))
            for labels in (block.features, block.rows):
                _digest_values(digest, np.asarray([] if labels is None else labels))
            _digest_matrix(digest, block.data)
        _digest_values(digest, self.y)
        return digest.hexdigest()


def _check_labels(name, y, rows, n_samples):
    """Return the classes as an array in the order of the rows."""
    if isinstance(y, pd.Series) and rows is not None and not y.index.equals(rows):
        y = _match_labels(name, y, rows)
    y = np.asarray(y)
    if y.shape != (n_samples,):
        raise ValueError(
            f"Task {name!r} has {n_samples} samples but y has shape {y.shape}. Give "
            "one class per sample."
        )
    if pd.isna(y).any():
        raise ValueError(
            f"Task {name!r} has no label for {pd.isna(y).sum()} of {n_samples} "
            "samples. Drop them."
        )
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        found = ", ".join(f"{c} ({n})" for c, n in zip(classes, counts, strict=True))
        raise ValueError(
            f"Task {name!r} has the classes {found}. Cross-validation needs at least "
            "two classes with two samples each; merge or drop the small ones."
        )
    return y


def _match_labels(name, y, rows):
    lacking = rows.difference(y.index)
    if len(lacking) or len(y) != len(rows) or not y.index.is_unique:
        raise ValueError(
            f"X of task {name!r} has {len(rows)} samples and y has {len(y)}, and "
            f"{len(lacking)} of X are not in y. Give both the same sample ids; "
            "skomics.align_samples does."
        )
    return y.reindex(rows)


def _digest_matrix(digest, data):
    if sparse.issparse(data):
        data = data.tocsr(copy=True)
        data.sum_duplicates()
        for part in (data.data, data.indices.astype(np.int64), data.indptr):
            _digest_values(digest, part)
    else:
        _digest_values(digest, np.asarray(data))


def _digest_values(digest, values):
    """Add an array with its shape, so that no two inputs run into each other."""
    if values.dtype.kind not in "biuf":
        values = np.frombuffer("\x1f".join(map(str, values.ravel())).encode(), np.uint8)
    digest.update(f"{values.dtype.str}{values.shape}".encode())
    digest.update(np.ascontiguousarray(values).tobytes())


def take_rows(X, positions):
    """Return some samples of a task's X, in its own form.

    Parameters
    ----------
    X : DataFrame, AnnData, MuData, dict of tables, array or sparse matrix
        The omics.

    positions : ndarray of int
        Which samples.

    Returns
    -------
    X : same type
        The samples.
    """
    if isinstance(X, dict):
        return {name: take_rows(table, positions) for name, table in X.items()}
    return X.iloc[positions] if isinstance(X, pd.DataFrame) else X[positions]


def simulated_task():
    """Return the simulated task, at a difficulty that separates models.

    Returns
    -------
    task : Task
        300 samples in five subtypes; a logistic regression with C=0.01 is right for
        about 83 %.

    Examples
    --------
    >>> from skomics.benchmark import simulated_task
    >>> simulated_task().n_samples
    300
    """
    X, y = make_intersim(n_samples=300, n_clusters=5, effect=0.12, random_state=0)
    return Task("simulated", X, y)


def folder_task(path):
    """Return the task in a folder of tables, named after the folder.

    Parameters
    ----------
    path : str or Path
        As for :func:`skomics.datasets.load_folder`.

    Returns
    -------
    task : Task
        The task.
    """
    return Task(Path(path).resolve().name, *load_folder(path))


# Tasks that need no file, by name.
TASKS = {"simulated": simulated_task}


def as_tasks(tasks):
    """Return a list of tasks with different names.

    Parameters
    ----------
    tasks : Task, str, list of Task and str, or dict of str to (X, y)
        Tasks, names in `TASKS`, or data.

    Returns
    -------
    tasks : list of Task
        The tasks.
    """
    if isinstance(tasks, Mapping):
        tasks = [Task(name, *data) for name, data in tasks.items()]
    elif isinstance(tasks, Task | str):
        tasks = [tasks]
    tasks = [_as_task(task) for task in tasks]
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"Got {len(names)} tasks with the names {names}. At least one is needed, "
            "and names must differ; rename those that are equal."
        )
    return tasks


def _as_task(task):
    if isinstance(task, Task):
        return task
    if task not in TASKS:
        raise ValueError(
            f"Got the task {task!r}, which is neither a Task nor one of "
            f"{sorted(TASKS)}. Use Task(name, X, y)."
        )
    return TASKS[task]()
