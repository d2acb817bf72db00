"""What is known of how well a model does, from whatever form it was kept in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.utils import check_consistent_length

from skomics._blocks import take_rows
from skomics._inputs import read_input
from skomics._validation import check_labels, code_labels
from skomics.inspection._importance import read_labels
from skomics.metrics import corrected_t_test, score_intervals, wilson_interval

__all__ = ["Evidence", "held_out_evidence", "read_evidence"]

# Columns of the benchmark's results that are no scores, though numbers.
_NO_SCORES = {"train_fraction", "fit_seconds", "score_seconds", "peak_memory_mb"}
_NO_SCORES |= {"n_features", "repeat", "fold", "seed", "random_state"}
_NO_SCORES |= {"n_folds", "n_train", "n_test"}
# Columns by which the benchmark's results are known.
_NEEDED = ("task", "model", "protocol", "n_train", "n_test")


@dataclass
class Evidence:
    """Scores and predictions of samples that were not learned from.

    Parameters
    ----------
    scores : DataFrame
        One row for each score: n_fits, mean, std, low and high.

    origin : str
        Where they are from.

    classes : list
        Of the rows and columns of `confusion`.

    confusion : ndarray of shape (n_classes, n_classes) or None
        Counts; rows are the true classes.

    y_true : ndarray of shape (n_predictions,) or None
        The classes.

    y_proba : ndarray of shape (n_predictions, n_classes) or None
        Probabilities, in the order of `classes`.
    """

    scores: pd.DataFrame
    origin: str
    classes: list
    confusion: np.ndarray | None = None
    y_true: np.ndarray | None = None
    y_proba: np.ndarray | None = None


def read_evidence(results, classes, X=None, y=None):
    """Read the results of a cross-validation.

    Parameters
    ----------
    results : dict, DataFrame or BenchmarkResults
        What :func:`~sklearn.model_selection.cross_validate` returned, or
        :func:`skomics.model_selection.nested_cross_validate`, or rows of the benchmark
        for one task and model.

    classes : list
        The classes of the model.

    X, y : default=None
        The samples of a cross-validation, from which the predictions of its estimators
        are made again.

    Returns
    -------
    evidence : Evidence
        What they say.

    Raises
    ------
    TypeError
        If they are of another form.

    ValueError
        If they hold several tasks or models, or no finished fit, or `X` and `y` are
        not the samples of the cross-validation.
    """
    is_nested = isinstance(results, Mapping) and "cv_results" in results
    results = results["cv_results"] if is_nested else results
    frame = getattr(results, "frame", results)
    if isinstance(frame, pd.DataFrame):
        _check_columns(frame)
        return _of_benchmark(frame, classes)
    if isinstance(results, Mapping) and any(k.startswith("test_") for k in results):
        evidence = _of_folds(results, classes, X, y)
        if is_nested:
            evidence.origin = evidence.origin.replace("Cross-", "Nested cross-", 1)
        return evidence
    raise TypeError(
        f"results are a {type(results).__name__}, but what cross_validate returns, or "
        "rows of skomics.benchmark for one task and model, are wanted. Pass one of "
        "these, or None."
    )


def _check_columns(frame):
    """Refuse a table that is none of the benchmark's."""
    lacking = [name for name in _NEEDED if name not in frame]
    if lacking:
        raise TypeError(
            f"results are a DataFrame without the columns {lacking}, but rows of "
            "skomics.benchmark are wanted, or what cross_validate returns, as it is. "
            "Pass one of these, or None."
        )


def _of_folds(results, classes, X, y):
    """Return what a cross-validation says, with its predictions if it kept them."""
    scores = {
        k.removeprefix("test_"): v for k, v in results.items() if k[:5] == "test_"
    }
    n_fits = len(next(iter(scores.values())))
    origin = f"Cross-validation, {n_fits} fits"
    failed = {name: n for name, v in scores.items() if (n := _n_failed(v))}
    if "indices" in results and len(failed) < len(scores):
        whole = {k: v for k, v in results.items() if k[5:] not in failed}
        table = score_intervals(whole).reindex(list(scores))
    else:
        table = _without_intervals(scores)
    for name, n in failed.items():
        table.loc[name, "n_fits"] = n_fits - n
        origin += f"; {n} of them failed to be scored by {name}, which has no mean"
    if "indices" not in results:
        origin += " (intervals need cross_validate(..., return_indices=True))"
    evidence = Evidence(table, origin, list(classes))
    if X is not None and y is not None and {"indices", "estimator"} <= results.keys():
        _predict_folds(evidence, results, X, y)
    return evidence


def _n_failed(values):
    return int(np.isnan(np.asarray(values, dtype=float)).sum())


def _without_intervals(scores):
    rows = {
        name: {"n_fits": len(v), "mean": np.mean(v), "std": _deviation(v)}
        for name, v in scores.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").assign(low=np.nan, high=np.nan)


def _deviation(values):
    return np.std(values, ddof=1) if len(values) > 1 else np.nan


def _predict_folds(evidence, results, X, y):
    """Let the estimator of each fold predict the samples that it was tested on."""
    given = read_input(X)
    y = read_labels(y, given)
    _check_known(y, evidence.classes, "samples of X")
    _check_same_number(results, given.n_samples)
    parts = zip(results["estimator"], results["indices"]["test"], strict=True)
    X = given.table
    found = [(y[rows], *_ask(model, take_rows(X, rows))) for model, rows in parts]
    labels, calls, probabilities = zip(*found, strict=True)
    known = [list(model.classes_) for model in results["estimator"]]
    _keep(evidence, np.concatenate(labels), np.concatenate(calls))
    if all(proba is not None for proba in probabilities) and all(
        classes == evidence.classes for classes in known
    ):
        evidence.y_true = np.concatenate(labels)
        evidence.y_proba = np.concatenate(probabilities)


def _check_same_number(results, n_samples):
    """Refuse samples that are not as many as those of the cross-validation."""
    indices = results["indices"]
    last = max(int(np.max(rows)) for name in indices for rows in indices[name])
    if last >= n_samples:
        raise ValueError(
            f"X has {n_samples} samples, but the cross-validation tested or learned "
            f"from row {last}. Give the X and y of cross_validate, all rows in their "
            "order."
        )


def _ask(model, X):
    proba = model.predict_proba(X) if hasattr(model, "predict_proba") else None
    return model.predict(X), proba


def _keep(evidence, y_true, y_pred):
    """Count which class was called which, those that are abstained from left out."""
    true, called = (code_labels(y, evidence.classes) for y in (y_true, y_pred))
    is_call = called >= 0
    if is_call.any():
        labels = range(len(evidence.classes))
        evidence.confusion = confusion_matrix(
            true[is_call], called[is_call], labels=labels
        )


def _check_known(y, classes, what):
    """Refuse labels of classes that the model does not know."""
    unknown = sorted({str(label) for label in y[code_labels(y, classes) < 0]})
    if unknown:
        raise ValueError(
            f"The {what} have classes that the model does not know: {unknown}. "
            f"It knows {[str(label) for label in classes]}; leave them out or rename "
            "them."
        )


def held_out_evidence(model, X, y, classes):
    """Ask a model for samples that it has not seen.

    Parameters
    ----------
    model : fitted classifier or Pipeline
        The model.

    X, y : samples and labels
        Not those of `fit`.

    classes : list
        The classes of the model.

    Returns
    -------
    evidence : Evidence
        What it says; the scores have no interval.

    Raises
    ------
    ValueError
        If there is no label for each sample, or one of a class that the model does not
        know.
    """
    y = np.asarray(check_labels(y))
    _check_known(y, classes, "test samples")
    y_pred, y_proba = _ask(model, X)
    check_consistent_length(y, y_pred)
    origin = f"{len(y)} test samples, which the model has not seen"
    scores = _score_once(y, y_pred, classes)
    evidence = Evidence(scores, origin, list(classes), y_true=y, y_proba=y_proba)
    _keep(evidence, y, y_pred)
    return evidence


def _score_once(y, y_pred, classes):
    """Return scores of the calls for one set of samples."""
    true, calls = code_labels(y, classes), code_labels(y_pred, classes)
    is_call = calls >= 0
    if not is_call.any():
        return _without_intervals({"share called": [0.0]})
    y, calls = true[is_call], calls[is_call]
    options = {"labels": range(len(classes)), "average": "macro", "zero_division": 0}
    recalls = [np.mean(calls[y == label] == label) for label in np.unique(y)]
    scores = {
        "accuracy": [np.mean(calls == y)],
        "balanced_accuracy": [np.mean(recalls)],
        "f1_macro": [f1_score(y, calls, **options)],
    }
    if not is_call.all():
        scores = {f"{name} of the calls": value for name, value in scores.items()}
        scores = {"share called": [is_call.mean()], **scores}
    table = _without_intervals(scores)
    bounds = wilson_interval((calls == y).sum(), len(y))
    table.loc[table.index.str.startswith("accuracy"), ["low", "high"]] = bounds
    return table


def _of_benchmark(frame, classes):
    """Return what rows of the benchmark say of one model."""
    for column in ("task", "model", "protocol", "omics", "train_fraction"):
        found = frame[column].unique().tolist() if column in frame else []
        if len(found) > 1:
            raise ValueError(
                f"The results have {len(found)} values of {column}, {found[:4]}, but "
                "a card is of one model on one task. Choose the rows, as in "
                f"results[results[{column!r}] == {found[0]!r}]."
            )
    done = frame[frame["status"] == "ok"] if "status" in frame else frame
    if done.empty:
        raise ValueError("The results hold no finished fit. Run at least one.")
    ratio = float((done["n_test"] / done["n_train"]).mean())
    evidence = Evidence(_fold_scores(done, ratio), _describe(done), list(classes))
    if "confusion" in done and (done["confusion"] != "").all():
        known = json.loads(done["classes"].iloc[0])
        counts = sum(np.array(json.loads(text)) for text in done["confusion"])
        if known == [str(label) for label in classes]:
            evidence.confusion = counts
    return evidence


def _describe(done):
    seeds = done.groupby("repeat").ngroups if "repeat" in done else 1
    return (
        f"skomics.benchmark, task {done['task'].iloc[0]!r}, {len(done)} fits in "
        f"{seeds} repeats, protocol {done['protocol'].iloc[0]!r}"
    )


def _fold_scores(done, ratio):
    rows = {}
    for name in done.select_dtypes("number").columns.difference(_NO_SCORES, sort=False):
        values = done[name].dropna().to_numpy()
        if len(values):
            tested = corrected_t_test(values, ratio)
            rows[name] = {
                "n_fits": len(values),
                "mean": tested["mean"],
                "std": _deviation(values),
                "low": tested["low"],
                "high": tested["high"],
            }
    return pd.DataFrame.from_dict(rows, orient="index")
