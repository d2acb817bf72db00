"""The runner: fits every contender on every training part, and keeps the score."""

import platform
import warnings
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

import skomics
from skomics.benchmark._contenders import Contender, as_contenders
from skomics.benchmark._progress import make_progress
from skomics.benchmark._store import ResultsStore
from skomics.benchmark._tasks import Task, as_tasks, take_rows

__all__ = ["run_benchmark"]

_PACKAGES = ("numpy", "scikit-learn", "torch", "skorch")


@dataclass(frozen=True)
class _Fit:
    """One contender on one fold of one repeat of one task."""

    task: Task
    contender: Contender
    repeat: int
    fold: int
    n_folds: int
    seed: int
    settings: str

    @property
    def key(self):
        return self.task.name, self.contender.name, self.repeat, self.fold

    @property
    def random_state(self):
        return _derive_seed(self.seed, *self.key)

    def describe(self):
        """Return what is known of the row before the fit."""
        return {
            "task": self.task.name,
            "model": self.contender.name,
            "label": self.contender.label,
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
    tasks="simulated",
    contenders=("sma", "efnn", "logreg"),
    *,
    n_folds=5,
    n_repeats=2,
    seed=0,
    n_jobs=None,
    output=None,
    verbose=False,
):
    """Compare classifiers by repeated stratified cross-validation.

    Imputation, scaling, tuning and training happen inside the training part of each
    fold. All contenders see the same folds. Every fit has a seed of its own, derived
    from `seed`, task, model, repeat and fold, so that the results do not depend on
    `n_jobs`.

    Parameters
    ----------
    tasks : Task, str, list of Task and str, or dict of str to (X, y), \
            default="simulated"
        What is to be classified.

    contenders : str, Contender, list of str and Contender, or dict of str to \
            classifier, default=("sma", "efnn", "logreg")
        Which classifiers; strings are names known to the command line. A classifier
        follows imputation and scaling per omics, and its `random_state` is set.

    n_folds : int, default=5
        Number of folds. A task whose smallest class has fewer samples gets as many
        folds as that class has samples, with a warning.

    n_repeats : int, default=2
        How often the folds are drawn anew.

    seed : int, default=0
        Seed of folds and fits.

    n_jobs : int, default=None
        Number of processes, as in joblib. Each uses one thread.

    output : str or Path, default=None
        A csv file to which each finished fit is appended at once. Fits that are
        there already, made with the same settings, are not repeated; failed ones
        are. None keeps results in memory.

    verbose : bool, default=False
        Whether to show progress on the standard error.

    Returns
    -------
    results : DataFrame
        One row per fit: task, model, label, repeat, fold, seed, random_state,
        n_folds, n_train, n_test, accuracy, f1_macro, f1_weighted (over all classes
        of the task), fit_seconds, score_seconds, status ("ok" or "error"), error,
        warnings, data (SHA-256 of X and y), settings (digest of the model's
        parameters) and versions.

    Raises
    ------
    ValueError
        If a number is out of range, names are repeated or unknown, or `output` holds
        fits made with other settings.

    Warns
    -----
    UserWarning
        If a task gets fewer folds than `n_folds`.

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
    tasks, contenders = as_tasks(tasks), as_contenders(contenders)
    fits = _plan_fits(tasks, contenders, n_folds, n_repeats, seed)
    keys = [fit.key for fit in fits]
    store = ResultsStore(output)
    store.check([fit.describe() for fit in fits if fit.repeat == fit.fold == 0])
    store.forget_errors(keys)
    missing = [fit for fit in fits if fit.key not in store.rows]
    counts = {}
    for fit in missing:
        counts[fit.task.name] = counts.get(fit.task.name, 0) + 1
    with make_progress(counts, verbose) as progress:
        for row in _run_fits(missing, n_jobs):
            store.append(row)
            progress.finish_fit(row)
    return store.finish(keys)


def _check_numbers(**numbers):
    for name, (value, smallest) in numbers.items():
        if not isinstance(value, int | np.integer) or value < smallest:
            raise ValueError(
                f"Got {name}={value!r}. It must be an integer of at least {smallest}."
            )


def _plan_fits(tasks, contenders, n_folds, n_repeats, seed):
    """Return the fits in an order that keeps a cut-off run balanced."""
    fits = []
    for task in tasks:
        n = _fitting_folds(task, n_folds)
        digests = {c.name: c.settings(task.sparse_omics) for c in contenders}
        fits += [
            _Fit(task, contender, repeat, fold, n, seed, digests[contender.name])
            for repeat in range(n_repeats)
            for fold in range(n)
            for contender in contenders
        ]
    return fits


def _fitting_folds(task, n_folds):
    classes, counts = np.unique(task.y, return_counts=True)
    if n_folds <= counts.min():
        return n_folds
    warnings.warn(
        f"Task {task.name!r} gets {counts.min()} folds instead of {n_folds}, because "
        f"its class {str(classes[counts.argmin()])!r} has {counts.min()} samples and "
        "every fold needs one. Merge or drop small classes to use more.",
        stacklevel=4,
    )
    return int(counts.min())


def _derive_seed(*parts):
    """Return a seed that depends on all the parts and nothing else."""
    return int(sha256(repr(parts).encode()).hexdigest()[:8], 16)


def _run_fits(fits, n_jobs):
    """Yield the rows of the fits as they finish."""
    modules = sorted({fit.contender.module for fit in fits} - {None})
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    with closing(parallel(delayed(_run_fit)(fit, modules) for fit in fits)) as rows:
        yield from rows


def _run_fit(fit, modules=()):
    """Fit and score; whatever goes wrong becomes part of the row."""
    for module in modules:
        # A process that loads torch later is taken for one that leaks memory, and
        # is replaced.
        with suppress(Exception):  # which the fit itself will report
            import_module(module)
    train, test = _split(fit)
    row = {
        **fit.describe(),
        "n_train": len(train),
        "n_test": len(test),
        **dict.fromkeys(["accuracy", "f1_macro", "f1_weighted"], ""),
        **dict.fromkeys(["fit_seconds", "score_seconds"], ""),
        "status": "ok",
        "error": "",
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            row |= _fit_and_score(fit, train, test)
        except Exception as error:  # a contender may fail in any way
            row |= {
                "status": "error",
                "error": _one_line(f"{type(error).__name__}: {error}"),
            }
    return row | {"warnings": _list_warnings(caught)}


def _split(fit):
    """Return training and test positions, the same for all contenders."""
    folds = StratifiedKFold(
        fit.n_folds, shuffle=True, random_state=_derive_seed(fit.seed, fit.repeat)
    )
    y = fit.task.y
    return list(folds.split(np.zeros(len(y)), y))[fit.fold]


def _fit_and_score(fit, train, test):
    task = fit.task
    # Built before the clock starts: the first one imports torch.
    pipeline = fit.contender.build(task.sparse_omics, fit.random_state)
    X_train, X_test = take_rows(task.X, train), take_rows(task.X, test)
    # One thread, so that sums come out the same whatever n_jobs is.
    with threadpool_limits(1):
        start = perf_counter()
        pipeline.fit(X_train, task.y[train])
        fitted = perf_counter()
        y_pred = pipeline.predict(X_test)
        scored = perf_counter()
    metrics = {"labels": task.classes, "zero_division": 0}
    return {
        "accuracy": float(accuracy_score(task.y[test], y_pred)),
        "f1_macro": f1_score(task.y[test], y_pred, average="macro", **metrics),
        "f1_weighted": f1_score(task.y[test], y_pred, average="weighted", **metrics),
        "fit_seconds": round(fitted - start, 4),
        "score_seconds": round(scored - fitted, 4),
    }


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
    """Return the versions that a row was made with."""
    found = {"python": platform.python_version(), "skomics": skomics.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return " ".join(f"{name}={number}" for name, number in found.items())
