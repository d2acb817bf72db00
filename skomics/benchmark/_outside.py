"""Contenders that are other programs: tables in a folder, probabilities out of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skomics._blocks import read_blocks
from skomics.benchmark._rival_base import ProbableRival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike, RandomState

__all__ = [
    "DiabloClassifier",
    "FlexynesisClassifier",
    "OutsideClassifier",
    "ProgramClassifier",
]

_ANSWER = "probabilities.csv"
_LOG = "output.txt"
# Files that are no modality.
_TAKEN = ("labels", "clin")
# Characters of a program's output that an error shows, of its end.
_TAIL = 300
# Seconds that a killed program may take to end.
_GRACE = 10


class OutsideClassifier(ProbableRival):
    """Base of classifiers that are other programs.

    `fit` keeps the training samples. The program runs when samples are predicted: it
    trains on one part and answers for the other, whose labels it is not given.
    """

    timeout: float
    random_state: RandomState

    def fit(self, X: OmicsLike, y: ArrayLike) -> Self:
        """Keep the training samples.

        Parameters
        ----------
        X : DataFrame, AnnData, dict or list of tables, array or sparse
            Training data, with the omics side by side or apart.

        y : array-like of shape (n_samples,)
            The classes.

        Returns
        -------
        self : object
            The classifier.

        Raises
        ------
        FileNotFoundError
            If the program is not there.
        """
        self._command(Path(), 0)
        self.classes_, self._codes = np.unique(np.asarray(y), return_inverse=True)
        self._tables = _read_tables(X, "train")
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return self

    def predict(self, X: OmicsLike) -> np.ndarray:
        """Return the classes of samples, of which the program runs.

        Parameters
        ----------
        X : DataFrame, AnnData, dict or list of tables, array or sparse
            The samples, with the omics of training.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The classes with the largest probability.
        """
        return super().predict(X)

    def predict_proba(self, X: OmicsLike) -> np.ndarray:
        """Train the program, and return its probabilities for samples.

        Samples that were predicted last are not predicted again.

        Parameters
        ----------
        X : DataFrame, AnnData, dict or list of tables, array or sparse
            The samples, with the omics of training.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The probabilities.

        Raises
        ------
        TimeoutError
            If the program runs for longer than `timeout`; it is ended.

        RuntimeError
            If it fails. The message has the end of what it printed.

        ValueError
            If what it wrote is not one row of probabilities for each sample.
        """
        return super().predict_proba(X)

    def _score(self, X):
        check_is_fitted(self, "classes_")
        tables = _read_tables(X, "test")
        before, proba = getattr(self, "_answered", ({}, None))
        if not _are_equal(before, tables):
            proba = self._ask(tables)
            self._answered = tables, proba
        return proba

    def _ask(self, tables):
        with tempfile.TemporaryDirectory(
            prefix="skomics-", ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            self._write(folder, tables)
            run_program(self._command(folder, self._seed), folder, self.timeout)
            return self._read(folder, next(iter(tables.values())).index)

    def _write(self, folder, tables):
        """Write the samples of training with their classes, and those to predict."""
        for part, part_tables in (("train", self._tables), ("test", tables)):
            (folder / part).mkdir()
            for omics, table in part_tables.items():
                table.to_csv(folder / part / f"{omics}.csv", index_label="id")
        labels = pd.Series(
            self.classes_[self._codes].astype(str), self._ids, name="label"
        )
        labels.to_csv(folder / "train" / "labels.csv", index_label="id")

    @property
    def _ids(self):
        return next(iter(self._tables.values())).index

    def _read(self, folder, ids):
        """Return what the program says of samples."""
        path = folder / _ANSWER
        if not path.exists():
            raise RuntimeError(
                f"The program ended without {_ANSWER} in its folder, which is to have "
                f"a column id and one for each class. It said: {_last_words(folder)}"
            )
        return self._check(pd.read_csv(path, index_col=0, dtype={0: str}), ids)

    def _check(self, answer, ids):
        classes = self.classes_.astype(str)
        answer.index = answer.index.astype(str)
        lacking = [*ids.difference(answer.index), *set(classes) - set(answer.columns)]
        if lacking or not answer.index.is_unique:
            raise ValueError(
                f"The program answered for {len(answer)} samples with the columns "
                f"{list(answer.columns)}, but {len(ids)} were asked for, with the "
                f"classes {list(classes)}. Let it write one row for each sample and "
                "one column for each class, named as in the labels."
            )
        proba = answer.loc[ids, classes].to_numpy(dtype=float)
        if not (np.isfinite(proba).all() and (proba >= 0).all() and proba.any(1).all()):
            raise ValueError(
                "The program answered with probabilities that are negative, missing or "
                "zero for all classes. Let it write one number from 0 to 1 for each "
                "class, which sum to 1."
            )
        return proba / proba.sum(axis=1, keepdims=True)

    def _command(self, folder, seed):
        """Return the words of the command; raise FileNotFoundError without it."""
        raise NotImplementedError


class ProgramClassifier(OutsideClassifier):
    """Any program as a contender in the benchmark.

    The program finds, in the folder that it is started in,

    - ``train/<modality>.csv`` and ``test/<modality>.csv``: one row per sample, with
      its id in the column `id`, and empty cells where values are missing;
    - ``train/labels.csv`` with the columns `id` and `label`,

    and writes ``probabilities.csv`` there: `id`, and one column per class, named as in
    the labels. It is not given the labels of the samples that it predicts.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments. ``{folder}`` in one stands for the folder, and
        ``{seed}`` for a seed.

    timeout : float, default=3600
        Seconds after which the program is ended, with all that it has started.

    random_state : int, RandomState instance or None, default=None
        What the seed is drawn from.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.

    Notes
    -----
    The program trains anew whenever other samples are predicted.

    Examples
    --------
    A program that knows how frequent the classes are, and nothing else:

    >>> import sys
    >>> from skomics.benchmark import ProgramClassifier, run_benchmark, simulated_task
    >>> program = '''
    ... import pandas as pd
    ... labels = pd.read_csv("train/labels.csv")["label"]
    ... shares = labels.value_counts(normalize=True)
    ... ids = pd.read_csv("test/protein.csv")["id"]
    ... answer = pd.DataFrame([shares] * len(ids), index=ids)
    ... answer.to_csv("probabilities.csv")
    ... '''
    >>> model = ProgramClassifier([sys.executable, "-c", program], timeout=60)
    >>> results = run_benchmark(
    ...     [simulated_task()], {"shares": model}, n_folds=2, n_repeats=1
    ... )
    >>> results["status"].to_list()
    ['ok', 'ok']
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        timeout: float = 3600.0,
        random_state: RandomState = None,
    ) -> None:
        self.command = command
        self.timeout = timeout
        self.random_state = random_state

    def _command(self, folder, seed):
        words = [str(word) for word in self.command]
        find_program(words[0], "Give the path of one that is there as `command`.")
        known = {"{folder}": str(folder), "{seed}": str(seed)}
        return [
            re.sub(r"\{(folder|seed)\}", lambda found: known[found[0]], word)
            for word in words
        ]


class DiabloClassifier(OutsideClassifier):
    """DIABLO, the sparse partial least squares of several tables in mixOmics.

    Parameters
    ----------
    n_components : int, default=2
        Number of components.

    n_features : int, default=50
        Number of features that each component takes of each modality, at most.

    design : float, default=0.1
        How much the modalities are to agree, beside telling the classes apart.

    timeout : float, default=3600
        Seconds after which R is ended.

    random_state : int, RandomState instance or None, default=None
        What the seed is drawn from.

    References
    ----------
    Singh et al., DIABLO: an integrative approach for identifying key molecular drivers
    from multi-omics assays, Bioinformatics 35, 2019.
    """

    def __init__(
        self,
        n_components=2,
        *,
        n_features=50,
        design=0.1,
        timeout=3600,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_features = n_features
        self.design = design
        self.timeout = timeout
        self.random_state = random_state

    def _command(self, folder, seed):
        rscript = find_program(
            "Rscript",
            "Install R from https://cran.r-project.org, and in it mixOmics: "
            'BiocManager::install("mixOmics").',
        )
        script = Path(__file__).with_name("diablo.R")
        numbers = [self.n_components, self.n_features, self.design, seed]
        return [rscript, "--vanilla", str(script), str(folder), *map(str, numbers)]


class FlexynesisClassifier(OutsideClassifier):
    """The network DirectPred of flexynesis, whose settings it searches by itself.

    Parameters
    ----------
    n_iter : int, default=10
        Number of settings that it tries on a part of the training samples.

    timeout : float, default=3600
        Seconds after which it is ended.

    random_state : int, RandomState instance or None, default=None
        Not used: the command has no seed.

    References
    ----------
    Uyar et al., Flexynesis: a deep learning toolkit for bulk multi-omics data
    integration for precision oncology and beyond, Nature Communications 16, 2025.
    """

    def __init__(self, n_iter=10, *, timeout=3600, random_state=None):
        self.n_iter = n_iter
        self.timeout = timeout
        self.random_state = random_state

    def _command(self, folder, seed):
        program = find_program(
            os.environ.get("SKOMICS_FLEXYNESIS", "flexynesis"),
            "Install it into an environment of its own (python -m venv flexynesis; "
            "flexynesis/bin/pip install flexynesis), and let SKOMICS_FLEXYNESIS name "
            "flexynesis/bin/flexynesis.",
        )
        options = {
            "data_path": folder,
            "data_types": ",".join(getattr(self, "_tables", {})),
            "outdir": folder,
            "model_class": "DirectPred",
            "target_variables": "label",
            "hpo_iter": self.n_iter,
            "device": "cpu",
            "threads": 1,
        }
        given = [word for key, value in options.items() for word in (f"--{key}", value)]
        return [program, *map(str, given), "--disable_marker_finding"]

    def _write(self, folder, tables):
        """Write features as rows, and made-up classes where it wants to have some."""
        names = self.classes_.astype(str)
        # Read for its own report of scores only; here they say nothing.
        made_up = np.arange(len(next(iter(tables.values())))) % len(names)
        parts = {"train": (self._tables, self._codes), "test": (tables, made_up)}
        for part, (part_tables, codes) in parts.items():
            (folder / part).mkdir()
            for omics, table in part_tables.items():
                table.T.to_csv(folder / part / f"{omics}.csv")
            ids = next(iter(part_tables.values())).index
            labels = pd.DataFrame({"label": names[codes]}, ids)
            labels.to_csv(folder / part / "clin.csv")

    def _read(self, folder, ids):
        path = folder / "job.predicted_labels.csv"
        if not path.exists():
            raise RuntimeError(
                f"flexynesis ended without {path.name}, in which its versions since "
                f"1.0 write probabilities. It said: {_last_words(folder)}"
            )
        said = pd.read_csv(path, dtype={"sample_id": str, "class_label": str})
        said = said[said["split"] == "test"]
        return self._check(
            said.pivot(index="sample_id", columns="class_label", values="probability"),
            ids,
        )


def find_program(name, advice):
    """Return the path of a program.

    Parameters
    ----------
    name : str
        Name or path.

    advice : str
        What to do where it is not there.

    Returns
    -------
    path : str
        The path.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(
            f"The program {name!r} was not found on PATH, but this contender is run by "
            f"it. {advice}"
        )
    return path


def run_program(command, folder, timeout):
    """Run a program in a folder, and end it when its time is over.

    What it prints goes to a file, not through a pipe: one that a process of the
    program's holds open would be waited for after the program has been ended.

    Parameters
    ----------
    command : list of str
        The program and its arguments.

    folder : Path
        Where it is started.

    timeout : float
        Seconds that it may take.

    Raises
    ------
    TimeoutError
        If it takes longer.

    RuntimeError
        If it fails.
    """
    with open(folder / _LOG, "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"The program {command[0]} ran for longer than {timeout:g} seconds and "
                "was ended. Give it longer with `timeout`, or less to do. It said: "
                f"{_last_words(folder)}"
            ) from None
        finally:
            _end(process)
    if code != 0:
        raise RuntimeError(
            f"The program {command[0]} ended with exit code {code}, not 0. It said: "
            f"{_last_words(folder)}"
        )


def _end(process):
    """End a program that is still running, and what it has started."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_GRACE)


def _last_words(folder):
    text = (folder / _LOG).read_text(encoding="utf-8", errors="replace")
    return "..." + text[-_TAIL:] if len(text) > _TAIL else text or "nothing."


def _read_tables(X, part):
    """Return a table for each modality, under names that a file can have.

    The ids are those of this part: a program cannot mix up samples by them.
    """
    found = read_blocks(X).blocks
    names = [re.sub(r"[^\w.-]", "_", str(omics)) for omics in found]
    if len({*names, *_TAKEN}) < len(names) + len(_TAKEN):
        names = [f"{i}_{name}" for i, name in enumerate(names)]
    tables = {}
    for name, block in zip(names, found.values(), strict=True):
        rows = pd.Index([f"{part}_{i}" for i in range(block.data.shape[0])])
        data = block.data.toarray() if sparse.issparse(block.data) else block.data
        columns = range(data.shape[1]) if block.features is None else block.features
        tables[name] = pd.DataFrame(np.asarray(data), rows, columns)
    return tables


def _are_equal(one, other):
    return one.keys() == other.keys() and all(
        one[key].equals(other[key]) for key in one
    )
