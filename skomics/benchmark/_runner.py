"""The runner: fits every model on every training part, and keeps the score."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib import import_module
from itertools import islice
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from skomics._blocks import take_rows
from skomics._environment import package_versions
from skomics._optional import import_optional
from skomics.benchmark._backends import open_backend
from skomics.benchmark._memory import MemoryPeak
from skomics.benchmark._models import ModelSpec, as_models
from skomics.benchmark._prediction_store import (
    PredictionStore,
    make_record,
    order_predictions,
)
from skomics.benchmark._predictions import check_predictions
from skomics.benchmark._progress import make_progress
from skomics.benchmark._protocols import PROTOCOLS, choose_training_part
from skomics.benchmark._results import COLUMNS, KEY, PLAIN
from skomics.benchmark._scores import predict_scores, score_calls, score_scores
from skomics.benchmark._shards import deal_fits
from skomics.benchmark._store import ResultsStore, lock_results
from skomics.benchmark._tasks import Task, as_tasks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike, ResultsOrPair, StrPath

__all__ = ["run_benchmark"]

_PACKAGES = ("numpy", "scikit-learn", "torch", "skorch")
# Warnings, thread limits and torch's random state belong to the whole process, so
# that threads of one process fit one after the other.
_LOCK = Lock()


@dataclass(frozen=True)
class _Fit:
    """One model on one fold of one repeat of one task.

    The task is left out on the way to a worker, where it comes by itself.
    """

    task: Task | None
    spec: ModelSpec
    protocol: str
    omics: tuple | None
    train_fraction: float
    repeat: int
    fold: int
    n_folds: int
    seed: int
    settings: str

    @property
    def variant(self):
        """What is not as in a plain run."""
        omics = "all" if self.omics is None else "+".join(self.omics)
        return self.protocol, omics, float(self.train_fraction)

    @property
    def key(self):
        names = self.task.name, self.spec.name
        return *names, *self.variant, self.repeat, self.fold

    @property
    def random_state(self):
        plain = self.task.name, self.spec.name, self.repeat, self.fold
        is_plain = self.variant == tuple(PLAIN.values())
        return _derive_seed(self.seed, *plain, *(() if is_plain else self.variant))

    def describe(self):
        """Return what is known of the row before the fit."""
        protocol, omics, train_fraction = self.variant
        return {
            "task": self.task.name,
            "model": self.spec.name,
            "label": self.spec.label,
            "protocol": protocol,
            "omics": omics,
            "is_control": self.task.is_control,
            "train_fraction": train_fraction,
            "repeat": self.repeat,
            "fold": self.fold,
            "seed": self.seed,
            "random_state": self.random_state,
            "n_folds": self.n_folds,
            "data": self.task.fingerprint,
            "settings": self.settings,
            "versions": _versions(),
        }


def run_benchmark(
    tasks: Task
    | str
    | Sequence[Task | str]
    | Mapping[str, tuple[OmicsLike, ArrayLike]] = "simulated",
    models: str
    | ModelSpec
    | Sequence[str | ModelSpec]
    | Mapping[str, BaseEstimator] = ("sma", "efnn", "logreg"),
    *,
    protocol: Literal["leakage_free", "as_published"] = "leakage_free",
    n_folds: int = 5,
    n_repeats: int = 2,
    train_fractions: Sequence[float] = (1.0,),
    leave_omics_out: bool = False,
    seed: int = 0,
    n_jobs: int | None = None,
    backend: Literal["loky", "threading", "dask", "ray"] = "loky",
    scheduler: str | None = None,
    output: StrPath | None = None,
    shard: str | tuple[int, int] | None = None,
    any_version: bool = False,
    predictions: bool = True,
    return_predictions: bool = False,
    verbose: bool = False,
) -> ResultsOrPair:
    """Compare classifiers by repeated stratified cross-validation.

    Imputation, scaling, tuning and training happen inside the training part of each
    fold. All models see the same folds. Every fit has a seed of its own, derived
    from `seed`, task, model, repeat and fold, so that the results do not depend on
    `n_jobs` or `backend`.

    Parameters
    ----------
    tasks : Task, str, list of Task and str, or dict of str to (X, y), \
            default="simulated"
        What is to be classified; strings are names of tasks and of groups of tasks
        known to the command line.

    models : str, ModelSpec, list of str and ModelSpec, or dict of str to \
            classifier, default=("sma", "efnn", "logreg")
        Which classifiers; strings are names known to the command line. A classifier
        follows imputation and scaling per modality, and its `random_state` is set.

    protocol : {"leakage_free", "as_published"}, default="leakage_free"
        "leakage_free": as described. "as_published": the procedure of the publications,
        for comparison with their figures only. It scales by the maximum over all
        samples, those of the test part included, and scores one fold of four, drawn
        with seed 1, over the classes found in it; `n_folds` and `n_repeats` have no
        say.

    n_folds : int, default=5
        Number of folds. A task whose smallest class has fewer samples gets as many
        folds as that class has samples, with a warning. A task with groups keeps
        them together; a task with another cohort has that one as its only test set.

    n_repeats : int, default=2
        How often the folds are drawn anew.

    train_fractions : sequence of float, default=(1.0,)
        Shares of each training part to fit to, stratified by class, for learning
        curves. A smaller part is contained in a larger one.

    leave_omics_out : bool, default=False
        Whether to fit without each of the omics, too, for the value that each one
        adds.

    seed : int, default=0
        Seed of folds and fits.

    n_jobs : int, default=None
        Number of processes, as in joblib. Each uses one thread.

    backend : {"loky", "threading", "dask", "ray"}, default="loky"
        The backend of joblib. Threads of one process fit one after the other.

    scheduler : str, default=None
        Address of a dask scheduler, whose workers are used; with None the backend
        "dask" starts `n_jobs` processes on this machine.

    output : str or Path, default=None
        A csv file to which each finished fit is appended at once. Fits that are
        there already, made with the same settings, are not repeated; failed ones
        are. None keeps results in memory.

    shard : str or tuple of (int, int), default=None
        Which part of the fits to run, for several machines or GPUs: "2/8" or (2, 8) are
        an eighth of them, of all models alike. Give each an `output` of its own,
        ``shard-2-of-8/results.csv``; :func:`merge_shards` puts them together. None
        runs all.

    any_version : bool, default=False
        Whether to go on with an `output` whose fits of the same tasks were made with
        another version of skomics or torch, which is an error otherwise.

    predictions : bool, default=True
        Whether to keep what each fit predicted for its test samples beside `output`,
        where :func:`read_predictions` finds it: ``results-predictions.parquet`` of
        ``results.csv``. It takes 4 bytes for each test sample and class of each fit,
        and names; nothing of `X` is kept. Without `output` it has no say.

    return_predictions : bool, default=False
        Whether to return the predictions, too, with or without an `output`.

    verbose : bool, default=False
        Whether to show progress on the standard error.

    Returns
    -------
    results : DataFrame
        One row per fit: task, model, label, protocol, omics ("all", or the names of
        those used, joined by "+"), is_control (of the task), repeat, fold, seed,
        random_state, n_folds, n_train, n_test, train_fraction, accuracy, f1_macro,
        f1_weighted (over all classes of the task), balanced_accuracy (whose
        complement is the balanced error rate, BER; over the classes of the test
        part), mcc (correlation of Matthews), roc_auc (each class of the test part
        against the rest, mean; by the decision function of models without
        probabilities, missing for models without either, and where the test part has
        one class), log_loss and ece (expected calibration error; missing for models
        without probabilities), fit_seconds, score_seconds, peak_memory_mb (resident
        memory of the process at its highest during fit and prediction, libraries and
        data included; Linux only),
        n_features, confusion (JSON, rows are the true classes), classes (JSON),
        status ("ok" or "error"), error, warnings, data (SHA-256 of X and y), settings
        (digest of the model's parameters) and versions (of Python and packages, the
        system, and the kernels that its linear algebra uses, by which results differ
        in the last digits).

    predictions : DataFrame
        As :func:`read_predictions` returns them, of the same fits; only if
        `return_predictions` is True.

    Raises
    ------
    ValueError
        If a number is out of range, names are repeated or unknown, `output` or its
        predictions hold fits made with other settings or versions, or are damaged, or
        predictions are to be returned from an `output` that keeps none.

    OSError
        If `output` cannot be written to; the fits in it are kept.

    BlockingIOError
        If another run writes to `output`.

    Warns
    -----
    UserWarning
        If a task gets fewer folds than `n_folds`, a set of a group cannot be
        downloaded, or fits in `output` have no predictions to return.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skomics.benchmark import run_benchmark, summarize
    >>> from skomics.datasets import make_intersim
    >>> data = make_intersim(n_samples=60, n_clusters=2, effect=0.3, random_state=0)
    >>> results = run_benchmark(
    ...     {"small": data}, {"bayes": GaussianNB()}, n_folds=3, n_repeats=1
    ... )
    >>> results[["task", "model", "fold", "n_test", "status"]]
        task  model  fold  n_test status
    0  small  bayes     0      20     ok
    1  small  bayes     1      20     ok
    2  small  bayes     2      20     ok
    """
    _check_numbers(n_folds=(n_folds, 2), n_repeats=(n_repeats, 1), seed=(seed, 0))
    _check_choices(protocol, train_fractions)
    _check_predictions(output, predictions, return_predictions)
    chosen, compared = as_tasks(tasks), as_models(models)
    folds = protocol, n_folds, n_repeats
    fits = [
        fit
        for task in chosen
        for fit in _plan_fits(
            task, compared, folds, train_fractions, leave_omics_out, seed
        )
    ]
    plan, fits = fits, deal_fits(fits, shard)
    with lock_results(output):
        store, kept = ResultsStore(output), PredictionStore(output)
        missing = _find_missing(fits, plan, store, any_version)
        kept.forget_others(store.rows.keys())
        is_kept = return_predictions if output is None else predictions
        with (
            make_progress(Counter(fit.task.name for fit in missing), verbose) as shown,
            open_backend(backend, scheduler, n_jobs) as share,
        ):
            for row, record in _run_fits(missing, share, is_kept):
                if record is not None:
                    # Before its row, so that no row is without.
                    kept.append(tuple(row[name] for name in KEY), record)
                store.append(row)
                shown.finish_fit(row)
        keys = [fit.key for fit in fits]
        results = store.finish(keys)
        kept.gather(list(store.rows))
        if not return_predictions:
            return results
        found = order_predictions(kept.read(), keys)
        check_predictions(output, results, found)
        return results, found


def _find_missing(fits, plan, store, any_version):
    """Return the fits that the store lacks, or has as failed."""
    store.check([fit.describe() for fit in plan if fit.repeat == fit.fold == 0])
    store.forget_errors([fit.key for fit in fits])
    missing = [fit for fit in fits if fit.key not in store.rows]
    if not any_version:
        tasks = {(fit.task.name, fit.protocol) for fit in missing}
        store.check_versions(tasks, _versions())
    return missing


def _check_numbers(**numbers):
    for name, (value, smallest) in numbers.items():
        if not isinstance(value, int | np.integer) or value < smallest:
            raise ValueError(
                f"Got {name}={value!r}. It must be an integer of at least {smallest}."
            )


def _check_choices(protocol, train_fractions):
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"Got protocol={protocol!r}, but known are {sorted(PROTOCOLS)}. Choose one."
        )
    shares = list(train_fractions)
    if (
        not shares
        or len(set(shares)) < len(shares)
        or not all(0 < share <= 1 for share in shares)
    ):
        raise ValueError(
            f"Got train_fractions={shares}. They must be different numbers above 0 "
            "and at most 1, one at least."
        )


def _check_predictions(output, predictions, return_predictions):
    """Refuse what cannot be kept before the first fit, not after the last."""
    if output is None:
        return
    if return_predictions and not predictions:
        raise ValueError(
            "Got predictions=False with return_predictions=True and an output. To "
            "return what was predicted, keep it: leave predictions out."
        )
    if not predictions:
        return
    try:
        import_optional("pyarrow", extra="bench")
    except ImportError as error:
        raise ImportError(
            f"{error}. Or keep no predictions: predictions=False (--no-predictions)."
        ) from error


def _plan_fits(task, models, folds, train_fractions, leave_omics_out, seed):
    """Return the fits of a task in an order that keeps a cut-off run balanced."""
    name, *wanted = folds
    protocol = PROTOCOLS[name]
    n_folds, n_repeats = protocol.plan(task, *wanted)
    choices = _choose_omics(task, leave_omics_out)
    digests = {
        (omics, spec.name): spec.settings(part, is_scaled=protocol.is_scaled)
        for omics, part in choices.items()
        for spec in models
    }
    # The one fold of the published procedure is the first.
    n_scored = 1 if name == "as_published" else n_folds
    return [
        _Fit(
            task,
            spec,
            *(name, omics, train_fraction),
            *(repeat, fold, n_folds, seed),
            digests[omics, spec.name],
        )
        for repeat in range(n_repeats)
        for fold in range(n_scored)
        for train_fraction in train_fractions
        for omics in choices
        for spec in models
    ]


def _choose_omics(task, leave_omics_out):
    """Return the selections of omics, None for all, and the task with each."""
    names = list(task.sizes)
    choices = {None: task}
    if leave_omics_out and len(names) > 1:
        for left_out in names:
            kept = tuple(name for name in names if name != left_out)
            choices[kept] = task.take_omics(kept)
    return choices


def _derive_seed(*parts):
    """Return a seed that depends on all the parts and nothing else."""
    return int(sha256(repr(parts).encode()).hexdigest()[:8], 16)


def _run_fits(fits, share, is_kept):
    """Yield row and predictions of the fits as they finish."""
    calls = _make_calls(fits, share, is_kept)
    try:
        # One at a time, so that a lost worker loses no finished fit.
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
    except ValueError:
        # This backend, ray's for one, gives results back all at once.
        yield from _run_in_rounds(calls)
        return
    with closing(parallel(calls)) as rows:
        yield from rows


def _make_calls(fits, share, is_kept):
    """Yield the calls of the fits, whose data are shared by the first of a task."""
    modules = sorted({fit.spec.module for fit in fits} - {None})
    name, shared = None, None
    for fit in fits:
        if fit.task.name != name:
            name, shared = fit.task.name, share(fit.task)
        yield delayed(_run_fit)(replace(fit, task=None), shared, modules, is_kept)


def _run_in_rounds(calls):
    step = 2 * effective_n_jobs()
    while round_ := list(islice(calls, step)):
        yield from Parallel(batch_size=1)(round_)


def _run_fit(fit, task, modules, is_kept):
    """Fit and score; whatever goes wrong becomes part of the row.

    With the row comes what was predicted, None of a fit that failed and where it is
    not kept, so that it need not travel.
    """
    if not isinstance(task, Task):
        # joblib runs here what it would give to the only worker of dask.
        task = task.result()
    fit = replace(fit, task=task)
    # What a fit runs in parallel stays here: handed to the workers of dask, it would
    # wait for the worker that waits for it.
    with _LOCK, parallel_config("sequential"):
        for module in modules:
            # A process that loads torch later is taken for one that leaks memory,
            # and is replaced.
            with suppress(Exception):  # which the fit itself will report
                import_module(module)
        row, record = _make_row(fit)
    return row, record if is_kept else None


def _make_row(fit):
    train, test = _split(fit)
    row = {
        **dict.fromkeys(COLUMNS, ""),
        **fit.describe(),
        "n_train": len(train),
        "n_test": len(test),
        "n_features": sum(_task_with_omics(fit).sizes.values()),
        "classes": json.dumps([str(label) for label in fit.task.classes]),
        "status": "ok",
    }
    record = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scores, record = _fit_and_score(fit, train, test)
            row |= scores
        except Exception as error:  # a model may fail in any way
            row |= {
                "status": "error",
                "error": _one_line(f"{type(error).__name__}: {error}"),
            }
    return row | {"warnings": _list_warnings(caught)}, record


def _split(fit):
    """Return training and test positions, the same for all models."""
    seed = _derive_seed(fit.seed, fit.repeat)
    protocol = PROTOCOLS[fit.protocol]
    train, test = protocol.split(fit.task, fit.n_folds, fit.fold, seed)
    if fit.train_fraction < 1:
        seed = _derive_seed(fit.seed, fit.repeat, fit.fold)
        part = choose_training_part(fit.task.y[train], fit.train_fraction, seed)
        train = train[part]
    return train, test


def _task_with_omics(fit):
    return fit.task if fit.omics is None else fit.task.take_omics(fit.omics)


def _fit_and_score(fit, train, test):
    """Return columns of the row, and what was predicted."""
    task, protocol = _task_with_omics(fit), PROTOCOLS[fit.protocol]
    # Built before the clock starts: the first one imports torch.
    pipeline = fit.spec.build(task, fit.random_state, is_scaled=protocol.is_scaled)
    X = protocol.prepare(task.X)
    X_train, X_test = take_rows(X, train), take_rows(X, test)
    # One thread, so that sums come out the same whatever n_jobs is.
    with threadpool_limits(1), MemoryPeak() as memory:
        start = perf_counter()
        pipeline.fit(X_train, task.y[train])
        fitted = perf_counter()
        y_pred = pipeline.predict(X_test)
        scored = perf_counter()
        scores = predict_scores(pipeline, X_test, task.classes)
    y_true, classes = task.y[test], task.classes
    row = {
        **score_calls(y_true, y_pred, classes, protocol.scored_labels(task)),
        **score_scores(y_true, scores, classes),
        "fit_seconds": round(fitted - start, 4),
        "score_seconds": round(scored - fitted, 4),
        "peak_memory_mb": memory.megabytes,
    }
    samples = [fit.task.samples[place] for place in test]
    return row, make_record(samples, classes, y_true, y_pred, scores)


def _list_warnings(caught):
    """Return each warning once; deprecations are none of the user's business."""
    texts = [
        _one_line(f"{w.category.__name__}: {w.message}")
        for w in caught
        if not issubclass(w.category, DeprecationWarning | PendingDeprecationWarning)
    ]
    return " | ".join(dict.fromkeys(texts))


def _one_line(text, n_max=500):
    text = " ".join(text.split())
    return text if len(text) <= n_max else text[: n_max - 3] + "..."


@cache
def _versions():
    """Return the versions, and the kind of machine, that a row was made with."""
    found = dict(package_versions(_PACKAGES))
    # Sums round by the kernels, which are chosen by the processor.
    libraries = [i for i in threadpool_info() if i["user_api"] == "blas"]
    kernels = {f"{i['internal_api']}-{i.get('architecture')}" for i in libraries}
    found["kernels"] = ",".join(sorted(kernels)) or "unknown"
    return " ".join(f"{name}={number}" for name, number in found.items())
