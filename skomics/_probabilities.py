"""Probabilities of classes beside the classes that came true."""

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

from skomics._blocks import to_pandas
from skomics._rows import check_same_samples, quote_values
from skomics._validation import check_labels

__all__ = ["read_probabilities"]


def read_probabilities(y_true, y_proba, labels):
    """Return classes, probabilities and the classes of their columns as arrays.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes.

    y_proba : array-like of shape (n_samples, n_classes)
        Their probabilities.

    labels : array-like of shape (n_classes,) or None
        The classes of the columns; None takes the sorted distinct values of `y_true`.

    Returns
    -------
    y_true : ndarray of shape (n_samples,)
        The classes.

    proba : ndarray of float of shape (n_samples, n_classes)
        The probabilities.

    labels : ndarray of shape (n_classes,)
        The classes of the columns.

    Raises
    ------
    ValueError
        If there is no sample, the shapes do not fit each other, a label is missing or
        none of `labels`, a class stands twice, a value is no probability, or columns
        are in another order.

    SampleAlignmentError
        If `y_true` has the ids of a table in another order, or other ones.
    """
    y_proba = to_pandas(y_proba)
    if isinstance(y_proba, pd.DataFrame):
        check_same_samples(y_proba.index, y_true, "y_true", "y_proba")
    y_true = column_or_1d(np.asarray(check_labels(y_true, "y_true")))
    proba = np.asarray(y_proba, dtype=float)
    check_consistent_length(y_true, proba)
    labels = np.unique(y_true) if labels is None else np.asarray(labels)
    if len(set(labels.tolist())) < len(labels):
        raise ValueError(
            f"Got labels {quote_values(labels, 10)}, but each class has one column. "
            "Give each once, in the order of the columns."
        )
    _check_column_names(y_proba, labels)
    if proba.ndim != 2 or proba.shape[1] != len(labels) or len(proba) == 0:
        raise ValueError(
            f"Got y_proba of shape {proba.shape} for {len(labels)} classes. It needs a "
            "row for each sample, at least one, and a column for each class; give "
            "labels if y_true lacks a class."
        )
    if not ((proba >= 0) & (proba <= 1)).all():
        raise ValueError(
            f"Got values of y_proba from {proba.min():.3g} to {proba.max():.3g}, but "
            "probabilities are between 0 and 1. Give what predict_proba returns."
        )
    is_known = np.isin(y_true, labels)
    if not is_known.all():
        raise ValueError(
            f"Got samples of {quote_values(np.unique(y_true[~is_known]))} in y_true, "
            f"but y_proba has columns for {quote_values(labels)} only. Leave them out, "
            "or name the columns by labels."
        )
    return y_true, proba, labels


def _check_column_names(y_proba, labels):
    """Refuse a table whose columns are the classes in another order."""
    names = list(y_proba.columns) if isinstance(y_proba, pd.DataFrame) else None
    if names != list(labels) and names is not None and set(names) == set(labels):
        raise ValueError(
            f"Got y_proba with columns of {quote_values(names)}, but labels "
            f"{quote_values(labels)}. Put the columns into the order of the labels, or "
            "give labels=y_proba.columns."
        )
