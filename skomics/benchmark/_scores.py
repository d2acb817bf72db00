"""Scores of one fit, and what they are computed from."""

import json
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    roc_auc_score,
)

from skomics._warnings import warn
from skomics.benchmark._confusion import score_confusion
from skomics.benchmark.stats import expected_calibration_error

__all__ = ["Scores", "predict_scores", "score_calls", "score_scores"]


@dataclass(frozen=True)
class Scores:
    """What a model says of each class, for each test sample.

    Parameters
    ----------
    kind : {"probability", "decision"}
        Probabilities, or values of a decision function.

    values : ndarray of shape (n_samples, n_classes)
        A column for each class of the task; larger is more of it.
    """

    kind: str
    values: np.ndarray


def predict_scores(pipeline, X, classes):
    """Return what a model says of all classes of a task.

    Parameters
    ----------
    pipeline : fitted classifier
        The model.

    X : DataFrame, dict of tables, array or sparse matrix of n_samples
        Test samples.

    classes : ndarray of shape (n_classes,)
        The classes of the task, sorted.

    Returns
    -------
    scores : Scores or None
        Probabilities; of a model without them, the values of its decision function;
        None for a model without either, or without one finite value for each class.
    """
    if hasattr(pipeline, "predict_proba"):
        given = np.asarray(pipeline.predict_proba(X), dtype=float)
        # A class that the training part lacks is predicted with no probability.
        values = _spread(given, pipeline.classes_, classes, 0.0)
        return Scores("probability", values / values.sum(axis=1, keepdims=True))
    if not hasattr(pipeline, "decision_function"):
        return None
    given = np.asarray(pipeline.decision_function(X), dtype=float)
    if given.ndim == 1:
        given = np.column_stack([-given, given])
    if given.shape[1] != len(pipeline.classes_) or not np.isfinite(given).all():
        return None
    return Scores("decision", _spread(given, pipeline.classes_, classes, given.min()))


def _spread(given, own, classes, missing):
    """Return a column for each class of the task, also those that a model lacks."""
    values = np.full((len(given), len(classes)), missing)
    values[:, np.searchsorted(classes, own)] = given
    return values


def score_calls(y_true, y_pred, classes, scored_labels):
    """Return the scores of predicted classes, and their confusion matrix.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,)
        The classes, and what was predicted.

    classes : ndarray of shape (n_classes,)
        The classes of the task.

    scored_labels : ndarray or None
        The classes that F1 is averaged over; None for those that are found.

    Returns
    -------
    scores : dict
        Columns of the results.
    """
    metrics = {"labels": scored_labels, "zero_division": 0}
    counts = confusion_matrix(y_true, y_pred, labels=classes)
    return {
        "accuracy": float(accuracy_score(y_true, y_pred)),
        "f1_macro": f1_score(y_true, y_pred, average="macro", **metrics),
        "f1_weighted": f1_score(y_true, y_pred, average="weighted", **metrics),
        **score_confusion(counts),
        "confusion": json.dumps(counts.tolist()),
    }


def score_scores(y_true, scores, classes):
    """Return what tells how well a model ranks samples, and means what it says.

    Parameters
    ----------
    y_true : ndarray of shape (n_samples,)
        The classes.

    scores : Scores or None
        From :func:`predict_scores`.

    classes : ndarray of shape (n_classes,)
        The classes of the task.

    Returns
    -------
    found : dict of float
        `roc_auc`, and of probabilities `log_loss` and `ece`; without those that are
        not defined.

    Warns
    -----
    UserWarning
        If there is one class only, where no ROC curve is defined.
    """
    if scores is None:
        return {}
    found = _score_ranks(y_true, scores.values, classes)
    if scores.kind == "probability":
        found |= {
            "log_loss": float(log_loss(y_true, scores.values, labels=classes)),
            "ece": expected_calibration_error(y_true, scores.values, labels=classes),
        }
    return found


def _score_ranks(y_true, values, classes):
    """Return the mean ROC AUC of each class that is there against the rest."""
    present = [place for place, label in enumerate(classes) if (y_true == label).any()]
    if len(present) < 2:
        warn(
            f"The test part has one class only ({classes[present[0]]}), for which ROC "
            "AUC is not defined, so it is left out. Use fewer folds, or larger groups."
        )
        return {}
    # Of two classes, either curve is the other one turned around.
    wanted = present[1:] if len(classes) == 2 else present
    areas = [roc_auc_score(y_true == classes[k], values[:, k]) for k in wanted]
    return {"roc_auc": float(np.mean(areas))}
