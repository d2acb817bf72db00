"""Tasks: what is to be classified."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import read_blocks
from skomics._rows import compare_rows, describe_near_ids, place_rows
from skomics._validation import plain_labels
from skomics._warnings import warn
from skomics.benchmark.paper._sets import (
    PAPER_SIZES,
    PUBLISHED_SETS,
    make_paper_data,
)
from skomics.datasets import (
    fetch_momix_single_cell,
    make_intersim,
    make_multiomics,
    perturb_omics,
)
from skomics.io import load_folder, read_labels
from skomics.model_selection._cohorts import named_tables, stack_cohorts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike

__all__ = [
    "DATA_SETS",
    "TASKS",
    "TASK_GROUPS",
    "Task",
    "as_tasks",
    "external_task",
    "find_group",
    "folder_task",
    "null_task",
    "simulated_task",
]

KINDS = ("simulated", "single_cell", "cancer")


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """Omics of labeled samples, under a name.

    Parameters
    ----------
    name : str
        Name of the task, which is unique in a benchmark.

    X : DataFrame, AnnData, MuData, dict of tables, array or sparse matrix
        The omics, in a form that :class:`~skomics.OmicsConcatenator` reads.

    y : array-like of shape (n_samples,)
        The classes. A Series has the sample ids of `X` as index, in any order.

    kind : {"simulated", "single_cell", "cancer"}, default="cancer"
        Kind of the data, by which published settings differ.

    groups : array-like of shape (n_samples,), default=None
        What samples have in common, such as patient or site; samples of one group
        are never in both parts of a fold. A Series is matched like `y`.

    is_external : array-like of bool of shape (n_samples,), default=None
        Which samples are of another cohort, that models are scored on and never
        fitted on. None: there is none, and folds are drawn.

    is_control : bool, default=False
        Whether the labels were permuted, so that no model may beat chance. Controls
        are shown and judged apart, whatever their name.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct classes, sorted.

    n_samples : int
        Number of samples.

    samples : list of str of length n_samples
        The row labels of `X` as text; positions where it has none, or not a different
        one for each sample.

    sizes : dict of str to int
        Number of features of each modality.

    fingerprint : str
        SHA-256 of `X`, its names, `y` and what else was given.

    Raises
    ------
    ValueError
        If `X` and `y` have other samples, a label is missing, there is one class, or
        the other cohort has a class that the first has not.

    Examples
    --------
    >>> from skomics.benchmark import Task
    >>> from skomics.datasets import make_intersim
    >>> Task("small", *make_intersim(n_samples=20, n_clusters=2, random_state=0))
    Task('small': 20 samples, 2 classes; methylation 367, expression 131, protein 160)
    """

    name: str
    X: OmicsLike
    y: ArrayLike
    kind: str = "cancer"
    groups: ArrayLike | None = None
    is_external: ArrayLike | None = None
    is_control: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"Task {self.name!r} has the kind {self.kind!r}. Choose from {KINDS}."
            )
        if isinstance(self.X, list | tuple):
            raise TypeError(
                f"X of task {self.name!r} is a {type(self.X).__name__}. Name the "
                "omics: give a dict of tables, or a DataFrame."
            )
        if isinstance(self.X, Mapping):
            # Rows are picked by position later on, so they are matched here.
            blocks = read_blocks(self.X).blocks
            self._set("X", {name: block.data for name, block in blocks.items()})
        given = self.name, self._rows, self.n_samples
        self._set("y", _check_labels(self.y, "label", *given))
        if self.groups is not None:
            self._set("groups", _check_labels(self.groups, "group", *given))
        if self.is_external is not None:
            self._set("is_external", np.asarray(self.is_external, dtype=bool))
        _check_classes(self.name, self.y, self.is_external)

    def __repr__(self):
        sizes = ", ".join(f"{o} {size}" for o, size in self.sizes.items())
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
    def n_samples(self) -> int:
        """Number of samples."""
        return self._tables[0].shape[0]

    @cached_property
    def samples(self) -> list[str]:
        """Row labels of the samples as text; positions where none or two are equal."""
        names = range(self.n_samples) if self._rows is None else self._rows
        texts = [str(name) for name in names]
        is_told_apart = len(set(texts)) == len(texts)
        return texts if is_told_apart else [str(i) for i in range(len(texts))]

    @cached_property
    def classes(self) -> np.ndarray:
        """The distinct classes, of shape (n_classes,)."""
        return np.unique(self.y)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of features of each modality."""
        blocks = read_blocks(self.X).blocks
        return {name: block.data.shape[1] for name, block in blocks.items()}

    @cached_property
    def sparse_omics(self) -> dict[str, bool]:
        """Names of the modalities, each with whether its table is sparse."""
        if isinstance(self.X, pd.DataFrame | np.ndarray):
            return dict.fromkeys(self.sizes, False)
        blocks = read_blocks(self.X).blocks
        return {name: sparse.issparse(block.data) for name, block in blocks.items()}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of X, its names, y and what else was given."""
        digest = sha256()
        for name, block in read_blocks(self.X).blocks.items():
            _digest_values(digest, np.array([name]))
            for labels in (block.features, block.rows):
                _digest_values(digest, np.asarray([] if labels is None else labels))
            _digest_matrix(digest, block.data)
        for values in (self.y, self.groups, self.is_external):
            if values is not None:
                _digest_values(digest, values)
        return digest.hexdigest()

    def take_omics(self, names: Sequence[str]) -> Self:
        """Return the task with some of its modalities.

        Parameters
        ----------
        names : sequence of str
            Which.

        Returns
        -------
        task : Task
            The same samples.
        """
        blocks = read_blocks(self.X).blocks
        return replace(self, X={name: blocks[name].data for name in names})


def _check_labels(y, what, name, rows, n_samples):
    """Return labels or groups as an array in the order of the rows."""
    y = plain_labels(y)
    if isinstance(y, pd.Series) and rows is not None and not y.index.equals(rows):
        y = _match_labels(name, y, rows)
    y = np.asarray(y)
    if y.shape != (n_samples,):
        raise ValueError(
            f"Task {name!r} has {n_samples} samples but its {what}s have shape "
            f"{y.shape}. Give one {what} per sample."
        )
    if pd.isna(y).any():
        raise ValueError(
            f"Task {name!r} has no {what} for {pd.isna(y).sum()} of {n_samples} "
            "samples. Drop them."
        )
    return y


def _check_classes(name, y, is_external):
    known = y if is_external is None else y[~is_external]
    classes, counts = np.unique(known, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        found = ", ".join(f"{c} ({n})" for c, n in zip(classes, counts, strict=True))
        raise ValueError(
            f"Task {name!r} has the classes {found}. Cross-validation needs at least "
            "two classes with two samples each; merge or drop the small ones."
        )
    unknown = sorted(set(y.tolist()) - set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"The other cohort of task {name!r} has the classes {unknown}, which the "
            f"first lacks; it has {classes.tolist()}. Drop their samples."
        )


def _match_labels(name, y, rows):
    lacking, extra = compare_rows(y.index, rows)
    if len(lacking) or len(y) != len(rows) or not y.index.is_unique:
        raise ValueError(
            f"X of task {name!r} has {len(rows)} samples and y has {len(y)}, and "
            f"{len(lacking)} of X are not in y. Give both the same sample ids; "
            "skomics.align_samples does." + describe_near_ids(lacking, extra)
        )
    return y.iloc[place_rows(y.index, rows)]


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


def simulated_task() -> Task:
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
    return _ladder_task("simulated", 0.12)


def folder_task(path, *, kind="cancer", groups=None):
    """Return the task in a folder of tables, named after the folder.

    Parameters
    ----------
    path : str or Path
        As for :func:`skomics.io.load_folder`.

    kind : {"simulated", "single_cell", "cancer"}, default="cancer"
        As for :class:`Task`.

    groups : str, default=None
        Column of ``labels.csv`` with the group of each sample.

    Returns
    -------
    task : Task
        The task.
    """
    path = Path(path)
    X, y = load_folder(path)
    if groups is not None:
        groups = read_labels(path / "labels.csv", column=groups)
    return Task(path.resolve().name, X, y, kind, groups)


def null_task(task, *, random_state=0):
    """Return the task with its labels permuted, on which no model can beat chance.

    Parameters
    ----------
    task : Task
        The task.

    random_state : int, default=0
        Seed of the permutation.

    Returns
    -------
    task : Task
        A control, whose name begins with "null-".

    Examples
    --------
    >>> from skomics.benchmark import simulated_task
    >>> from skomics.benchmark._tasks import null_task
    >>> null_task(simulated_task()).name
    'null-simulated'
    """
    y = np.random.default_rng(random_state).permutation(task.y)
    return replace(task, name=f"null-{task.name}", y=y, is_control=True)


def external_task(task, other):
    """Return the task of learning from one cohort and being scored on another.

    Parameters
    ----------
    task : Task
        The cohort to learn from.

    other : Task
        The cohort to be scored on. Its features are matched by name; those that it
        lacks, and whole modalities, are missing values. Further ones are left out.

    Returns
    -------
    task : Task
        Both cohorts, the second one external.

    Raises
    ------
    ValueError
        If a modality is sparse or has no feature names, if no feature is in both, or
        if the second cohort has a class that the first lacks.
    """
    there = other.name if other.name != task.name else f"{other.name} (external)"
    given = {task.name: task.X, there: other.X}
    cohorts = {name: named_tables(X, name) for name, X in given.items()}
    tables = stack_cohorts(cohorts, may_lack=[there])
    return Task(
        f"{task.name}-on-{other.name}",
        tables,
        np.concatenate([task.y, other.y]),
        task.kind,
        is_external=np.repeat([False, True], [task.n_samples, other.n_samples]),
        is_control=task.is_control,
    )


_EFFECTS = (0.05, 0.1, 0.15, 0.25, 0.5)
_WITHHELD = (0.1, 0.3, 0.5)
_WIDE = {
    50_000: {"methylation": 35_000, "rna": 14_000, "mirna": 1_000},
    250_000: {"methylation": 225_000, "rna": 23_000, "mirna": 2_000},
}
# Sets that are read from the folder named by SKOMICS_DATA, and their kinds.
DATA_SETS = {
    **dict.fromkeys(PUBLISHED_SETS, "simulated"),
    **dict.fromkeys(["snareseq_celllines", "scgem", "scicar_a549"], "single_cell"),
    **dict.fromkeys(
        [
            "tcga_brca",
            "tcga_gbm_mirna_cnv",
            "tcga_sarc",
            "tcga_luad",
            "tcga_stad",
            "tcga_kipan",
            "blca_cfc",
            "brca_mixomics_train",
            "gbm_stategra",
            "acc_miniacc",
        ],
        "cancer",
    ),
}


def _paper_task(name):
    return Task(f"paper-{name}", *make_paper_data(name), "simulated")


def _ladder_task(name, effect):
    X, y = make_intersim(n_samples=300, n_clusters=5, effect=effect, random_state=0)
    return Task(name, X, y, "simulated")


def _null_simulated_task():
    return null_task(simulated_task())


def _wide_task(n_features):
    X, y = make_multiomics(150, _WIDE[n_features], n_informative=50, random_state=0)
    return Task(f"wide-{n_features}", X, y, "simulated")


def _missing_task(share):
    """Return the simulated task with omics withheld."""
    task = simulated_task()
    y = pd.Series(task.y, index=task.X.index)
    X, y = perturb_omics(task.X, y, missing_omics=share, random_state=0)
    return Task(f"missing-{share}", X, y, "simulated")


def _momix_task():
    data = fetch_momix_single_cell(return_X_y=True)
    return Task("momix_single_cell", *data, "single_cell")


def _present_task(name, kind):
    path = _data_folder(name)
    if path is None:
        raise ValueError(
            f"The set {name!r} is not here. Set SKOMICS_DATA to a folder that has it, "
            f"or give a folder of your own, see skomics.io.load_folder."
        )
    return folder_task(path, kind=kind)


def _data_folder(name):
    home = os.environ.get("SKOMICS_DATA")
    path = None if home is None else Path(home) / name
    return path if path is not None and path.is_dir() else None


# Sets that are downloaded at first use.
DOWNLOADS = {"momix_single_cell": _momix_task}
# Every task with a name of its own.
TASKS = {
    "simulated": simulated_task,
    **{f"paper-{name}": partial(_paper_task, name) for name in PAPER_SIZES},
    **{f"ladder-{e}": partial(_ladder_task, f"ladder-{e}", e) for e in _EFFECTS},
    "null-simulated": _null_simulated_task,
    **{f"wide-{n}": partial(_wide_task, n) for n in _WIDE},
    **{f"missing-{share}": partial(_missing_task, share) for share in _WITHHELD},
    **DOWNLOADS,
    **{name: partial(_present_task, name, kind) for name, kind in DATA_SETS.items()},
}


def _of_kind(kind):
    return [name for name, its_kind in DATA_SETS.items() if its_kind == kind]


# Names for several tasks; sets that are read count where they are present, sets that
# are downloaded where they can be.
TASK_GROUPS = {
    "paper-simulated": [*(f"paper-{name}" for name in PAPER_SIZES), *PUBLISHED_SETS],
    "simulated-ladder": [f"ladder-{effect}" for effect in _EFFECTS],
    "single-cell": [*DOWNLOADS, *_of_kind("single_cell")],
    "cancer": _of_kind("cancer"),
    "null": ["null-simulated"],
    "wide": [f"wide-{n}" for n in _WIDE],
    "missing": [f"missing-{share}" for share in _WITHHELD],
}


def find_group(name):
    """Return the names of the tasks of a group that can be made here.

    Parameters
    ----------
    name : str
        A name in `TASK_GROUPS`.

    Returns
    -------
    names : list of str
        Names in `TASKS`; without those of sets that are not under ``SKOMICS_DATA``.
    """
    return [
        task
        for task in TASK_GROUPS[name]
        if task not in DATA_SETS or _data_folder(task) is not None
    ]


def as_tasks(tasks):
    """Return a list of tasks with different names.

    Parameters
    ----------
    tasks : Task, str, list of Task and str, or dict of str to (X, y)
        Tasks, names in `TASKS` or `TASK_GROUPS`, or data.

    Returns
    -------
    tasks : list of Task
        The tasks.
    """
    if isinstance(tasks, Mapping):
        tasks = [Task(name, *data) for name, data in tasks.items()]
    elif isinstance(tasks, Task | str):
        tasks = [tasks]
    tasks = [task for item in tasks for task in _find_tasks(item)]
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"Got {len(names)} tasks with the names {names}. At least one is needed, "
            "and names must differ; rename those that are equal."
        )
    return tasks


def _find_tasks(item):
    if isinstance(item, Task):
        return [item]
    if item in TASK_GROUPS:
        tasks = [_make_of_group(name, item) for name in find_group(item)]
        if not any(tasks):
            raise ValueError(
                f"No set of the group {item!r} is here. Set SKOMICS_DATA to a folder "
                f"that has some of {TASK_GROUPS[item]}."
            )
        return [task for task in tasks if task is not None]
    if item not in TASKS:
        raise ValueError(
            f"Got the task {item!r}, which is neither a Task nor one of "
            f"{sorted(TASKS)} or the groups {sorted(TASK_GROUPS)}. Use Task(name, X, "
            "y)."
        )
    return [TASKS[item]()]


def _make_of_group(name, group):
    """Return a task; None, with a warning, if it cannot be downloaded."""
    try:
        return TASKS[name]()
    except (OSError, ImportError) as error:
        if name not in DOWNLOADS:
            raise
        warn(
            f"The group {group!r} is run without {name!r}, which cannot be "
            f"downloaded: {error}",
        )
        return None
