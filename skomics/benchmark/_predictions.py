"""What the folds predicted, read and brought into the form that displays take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import Bunch

from skomics._warnings import warn
from skomics.benchmark._prediction_store import (
    PREDICTION_COLUMNS,
    has_stored_predictions,
    name_files,
    order_predictions,
    read_stored,
)
from skomics.benchmark._results import KEY, PLAIN, BenchmarkResults
from skomics.benchmark._store import read_results

if TYPE_CHECKING:
    import pandas as pd

    from skomics._typing import StrPath

__all__ = ["check_predictions", "predictions_by_repeat", "read_predictions"]


def read_predictions(path: StrPath) -> pd.DataFrame:
    """Read what was predicted for the test samples of a benchmark's fits.

    Parameters
    ----------
    path : str or Path
        The results file, such as results.csv; predictions are in
        ``results-predictions.parquet`` beside it, and, of a run that has not ended, in
        ``results-predictions.jsonl``. No file is changed.

    Returns
    -------
    predictions : DataFrame
        One row per test sample of each fit, fits in the order of their rows: task,
        model, protocol, omics, train_fraction, repeat and fold (which name the fit, as
        in the results), sample (the row label of `X` as text, or the position where
        there is none), true and predicted (classes, as text), classes (JSON, those of
        the task), score_kind ("probability", "decision" for the decision function of
        models without probabilities, or "" for those without either) and scores (an
        array of 32-bit floats, one for each of `classes`; None without). Texts are
        categories.

    Raises
    ------
    ValueError
        If no fit has predictions, a file is damaged, or the predictions are not those
        of the results.

    ImportError
        If pyarrow is not installed.

    Warns
    -----
    UserWarning
        If there are fits without predictions, which are named: those of an earlier
        version, or made with ``predictions=False``. Failed fits have none.

    See Also
    --------
    predictions_by_repeat : What displays and metrics take.

    Notes
    -----
    A row for each sample, with an array of scores, is half the rows or fewer of one for
    each sample and class, needs no pivoting, and holds tasks with other numbers of
    classes in one table. Names of fits, samples and classes repeat and are stored once,
    so that the size is about 4 bytes times classes times test samples times fits.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skomics.benchmark import read_predictions, run_benchmark
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=2, effect=0.3, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     file = f"{folder}/results.csv"
    ...     results = run_benchmark(
    ...         {"small": (X, y)}, {"bayes": GaussianNB()}, n_folds=3, output=file
    ...     )
    ...     predictions = read_predictions(file)
    >>> len(predictions)
    120

    How often each patient was called what, over the two repeats:

    >>> calls = pd.crosstab(
    ...     [predictions["sample"], predictions["true"]], predictions["predicted"]
    ... )
    >>> calls.shape
    (60, 2)
    >>> int(calls.to_numpy().sum())
    120
    """
    path = Path(path)
    if path.stem.endswith("-predictions"):
        raise ValueError(
            f"Got {path}, the predictions themselves. Give the results that they are "
            "of, results.csv, by which they are checked."
        )
    results = BenchmarkResults(read_results(path)).frame
    results = results[results["status"] == "ok"].drop_duplicates(KEY, keep="last")
    keys = list(results[list(KEY)].itertuples(index=False, name=None))
    stored = read_stored(*name_files(path)) if has_stored_predictions(path) else None
    found = None if stored is None else order_predictions(stored, keys)
    if found is None or len(found) == 0:
        raise ValueError(
            f"None of the {len(keys)} fits in {path} has predictions: they were made "
            "by an earlier version, or without keeping them. Run them again under "
            "another --output."
        )
    check_predictions(path, results, found)
    return found


def check_predictions(path, results, predictions):
    """Warn of fits without predictions, and refuse those of other fits.

    Parameters
    ----------
    path : str, Path or None
        The results file, for the message.

    results : DataFrame
        The rows; failed ones have no predictions.

    predictions : DataFrame
        What is stored.

    Raises
    ------
    ValueError
        If a fit has another number of samples or another accuracy.

    Warns
    -----
    UserWarning
        If fits have none.
    """
    results = results[results["status"] == "ok"]
    results = results.set_index(list(KEY))
    is_right = predictions["true"] == predictions["predicted"]
    keys = [_plain_column(predictions[name]) for name in KEY]
    found = is_right.groupby(keys, sort=False).agg(["size", "mean"])
    found = found.reindex(results.index)
    is_lacking = found["size"].isna()
    is_same = found["size"] == results["n_test"]
    is_same &= np.isclose(found["mean"], results["accuracy"])
    n_other = int((~is_same & ~is_lacking).sum())
    if n_other:
        raise ValueError(
            f"The predictions beside {path} are not those of its rows: {n_other} of "
            f"{len(results)} fits have another number of samples, or another accuracy. "
            f"Move {name_files(path)[0].name} away, or put the file that belongs to "
            "the results in its place."
        )
    if is_lacking.any():
        counts = results[is_lacking].groupby(["task", "model"], sort=False).size()
        names = [f"{model} on {task} ({n})" for (task, model), n in counts.items()]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        warn(
            f"{is_lacking.sum()} of {len(results)} fits in {path} have no predictions: "
            f"{', '.join(names[:5])}{more}. They were made by an earlier version, or "
            "without keeping them; to have theirs, run them again under another "
            "--output."
        )


def _plain_column(column):
    return column.astype(object) if column.dtype == "category" else column


def predictions_by_repeat(
    predictions: pd.DataFrame,
    task: str | None = None,
    model: str | None = None,
    *,
    protocol: str = PLAIN["protocol"],
    omics: str = PLAIN["omics"],
    train_fraction: float = PLAIN["train_fraction"],
) -> list[Bunch]:
    """Return classes, calls and scores of all test samples, for each repeat.

    They are what the displays and metrics of scikit-learn, and
    :class:`~skomics.plotting.ConfusionDisplay`, take.

    Parameters
    ----------
    predictions : DataFrame
        From :func:`read_predictions`, or :func:`run_benchmark` with
        ``return_predictions=True``.

    task, model : str, default=None
        Of which task and model. None takes the only one.

    protocol : str, default="leakage_free"
        Fits of which protocol.

    omics : str, default="all"
        Fits with which omics.

    train_fraction : float, default=1.0
        Fits to which share of each training part.

    Returns
    -------
    repeats : list of Bunch
        For each repeat, in its order: `repeat`, its number; `sample`, names of the
        test samples of all its folds, sorted, of shape (n_samples,); `fold`, `y_true`
        and `y_pred`, for each sample; `classes`, of shape (n_classes,); `score_kind`;
        `y_score`, of shape (n_samples, n_classes), None without. Of two classes,
        ``y_score[:, 1]`` is that of the second.

    Raises
    ------
    ValueError
        If there is no such fit, or several tasks or models are left to choose from.

    Warns
    -----
    UserWarning
        If repeats have other samples, because fits failed or keep no predictions; then
        their calls cannot be laid beside each other.

    Notes
    -----
    Scores of the folds of a repeat are from different fits. Probabilities can be
    pooled, as a curve of a whole repeat does; values of decision functions have another
    scale in each fit. The column roc_auc of the results, of each fold by itself, does
    without pooling.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.metrics import RocCurveDisplay
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skomics.benchmark import predictions_by_repeat, run_benchmark
    >>> from skomics.datasets import make_intersim
    >>> from skomics.plotting import ConfusionDisplay
    >>> data = make_intersim(n_samples=60, n_clusters=2, effect=0.3, random_state=0)
    >>> results, predictions = run_benchmark(
    ...     {"small": data}, {"bayes": GaussianNB()}, n_folds=3, return_predictions=True
    ... )
    >>> first, second = predictions_by_repeat(predictions)
    >>> first.y_score.shape
    (60, 2)
    >>> confusion = ConfusionDisplay.from_predictions(
    ...     first.y_true, [first.y_pred, second.y_pred]
    ... )
    >>> confusion.shares.shape
    (2, 2, 2)
    >>> curve = RocCurveDisplay.from_predictions(
    ...     first.y_true, first.y_score[:, 1], pos_label=first.classes[1]
    ... )
    >>> plt.close("all")
    """
    wanted = {"protocol": protocol, "omics": omics, "train_fraction": train_fraction}
    _check_table(predictions)
    rows = predictions[list(PREDICTION_COLUMNS)]
    for name, value in {"task": task, "model": model, **wanted}.items():
        rows = _choose(rows, name, value)
    repeats = [_bunch(n, part) for n, part in rows.groupby("repeat")]
    _warn_of_gaps(repeats)
    return repeats


def _check_table(predictions):
    """Refuse what is no table of predictions, or an empty one."""
    names = getattr(predictions, "columns", ())
    lacking = [name for name in PREDICTION_COLUMNS if name not in names]
    if lacking:
        raise ValueError(
            f"Got a {type(predictions).__name__} without {lacking}, but predictions "
            "are wanted. Give what read_predictions returns, or the second of what "
            "run_benchmark(..., return_predictions=True) does."
        )
    if len(predictions) == 0:
        raise ValueError("Got predictions of no sample. Give those of a fit at least.")


def _choose(rows, name, value):
    """Return the rows with a value, or with the only one that there is."""
    present = rows[name].unique().tolist()
    if value is None and len(present) == 1:
        return rows
    if value not in present:
        raise ValueError(
            f"Got {name}={value!r}, but these predictions have {present}. Give one of "
            "these."
        )
    return rows[rows[name] == value]


def _bunch(repeat, rows):
    rows = rows.sort_values("sample", key=_plain_column, kind="stable")
    (kind,), (classes,) = (rows[n].unique() for n in ("score_kind", "classes"))
    has_scores = kind != ""
    return Bunch(
        repeat=int(repeat),
        sample=rows["sample"].to_numpy(dtype=object),
        fold=rows["fold"].to_numpy(),
        y_true=rows["true"].to_numpy(dtype=object),
        y_pred=rows["predicted"].to_numpy(dtype=object),
        classes=np.array(json.loads(classes), dtype=object),
        score_kind=kind,
        y_score=np.stack(rows["scores"].to_list()) if has_scores else None,
    )


def _warn_of_gaps(repeats):
    """Warn if samples were tested in some repeats only."""
    tested = [set(repeat.sample) for repeat in repeats]
    everything = set().union(*tested)
    gaps = {r.repeat: len(everything - t) for r, t in zip(repeats, tested, strict=True)}
    told = [f"repeat {n} lacks {missing}" for n, missing in gaps.items() if missing]
    if told:
        warn(
            f"Of {len(everything)} test samples, {', '.join(told)}: fits failed, or "
            "have no predictions. Run the same command again, or leave these repeats "
            "out."
        )
