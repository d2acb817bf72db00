"""Scores that a confusion matrix tells, for fits of this and of earlier versions."""

import json

import numpy as np
import pandas as pd

__all__ = ["CONFUSION_SCORES", "fill_scores", "read_numbers", "score_confusion"]

CONFUSION_SCORES = ("balanced_accuracy", "mcc")


def score_confusion(counts):
    """Return the scores that need no more than a confusion matrix.

    Parameters
    ----------
    counts : array-like of int of shape (n_classes, n_classes)
        Test samples; a row for each true class, a column for each predicted one.

    Returns
    -------
    scores : dict of float
        `balanced_accuracy`, the mean recall of the classes that are among the true
        ones; and `mcc`, the correlation of Matthews for any number of classes, 0 where
        all samples are, or are called, of one class. Both as scikit-learn has them.

    References
    ----------
    J. Gorodkin, Comparing two K-category assignments by a K-category correlation
    coefficient, Comput. Biol. Chem. 28, 2004.
    """
    counts = np.asarray(counts, dtype=float)
    n, hits = counts.sum(), counts.diagonal()
    true, called = counts.sum(axis=1), counts.sum(axis=0)
    is_there = true > 0
    covariance = hits.sum() * n - true @ called
    scale = (n**2 - true @ true) * (n**2 - called @ called)
    return {
        "balanced_accuracy": float(np.mean(hits[is_there] / true[is_there])),
        "mcc": float(covariance / np.sqrt(scale)) if scale > 0 else 0.0,
    }


def fill_scores(frame):
    """Return results in which scores of earlier versions' confusions are filled in.

    Parameters
    ----------
    frame : DataFrame
        Rows of results, with the column confusion or without.

    Returns
    -------
    frame : DataFrame
        A copy with the columns `CONFUSION_SCORES`, NaN where there is no confusion
        matrix, and roc_auc, which is NaN if it was absent. What was there is kept.
    """
    names = (*CONFUSION_SCORES, "roc_auc")
    scores = {name: read_numbers(frame, name) for name in names}
    if "confusion" in frame:
        is_lacking = scores["balanced_accuracy"].isna() | scores["mcc"].isna()
        found = _score_texts(frame["confusion"][is_lacking])
        scores |= {name: scores[name].fillna(found[name]) for name in CONFUSION_SCORES}
    return frame.assign(**scores)


def read_numbers(frame, name):
    """Return a column of numbers, NaN where it is absent or empty."""
    if name not in frame:
        return pd.Series(np.nan, index=frame.index)
    return pd.to_numeric(frame[name].replace("", None)).astype("float64")


def _score_texts(texts):
    """Return the scores of confusion matrices in JSON, a row for each."""
    texts = texts[texts.notna() & (texts != "")]
    rows = [score_confusion(json.loads(text)) for text in texts]
    return pd.DataFrame(rows, texts.index, CONFUSION_SCORES, dtype=float)
