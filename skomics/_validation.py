"""Input checks that several parts share."""

import numpy as np
import pandas as pd

from skomics._optional import is_instance_of
from skomics._rows import is_counter, quote_values

__all__ = [
    "check_has_values",
    "check_labels",
    "plain_labels",
    "raise_if_not_finite",
    "rarest_class",
]


def plain_labels(y):
    """Return labels without what is peculiar to pandas.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels.

    Returns
    -------
    y : Series, DataFrame or array-like
        The single column of a DataFrame; a Series of one of pandas' own dtypes, if
        none is missing, in that of NumPy. Anything else as it is.
    """
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    if isinstance(y, pd.api.extensions.ExtensionArray):
        y = pd.Series(y)
    if isinstance(y, pd.Index):
        y = y.to_series(index=range(len(y)))
    if not isinstance(y, pd.Series) or isinstance(y.dtype, np.dtype):
        return y
    if isinstance(y.dtype, pd.CategoricalDtype):
        return plain_labels(y.astype(y.cat.categories.dtype))
    dtype = getattr(y.dtype, "numpy_dtype", np.dtype(object))
    return y if y.isna().any() else y.astype(dtype if dtype.kind in "biuf" else object)


def check_labels(y, name="y"):
    """Refuse labels that are missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels.

    name : str, default="y"
        What they are called, for the message.

    Returns
    -------
    y : Series, DataFrame or array-like
        As of :func:`plain_labels`.

    Raises
    ------
    ValueError
        If a label is missing: NaN, None, NaT or pandas' NA.
    """
    y = plain_labels(y)
    is_missing = np.asarray(pd.isna(y), dtype=bool)
    if not is_missing.any():
        return y
    is_missing = is_missing.reshape(len(is_missing), -1).any(axis=1)
    first = int(is_missing.argmax())
    has_ids = isinstance(y, pd.Series | pd.DataFrame) and not is_counter(y.index)
    ids = f", e.g. {quote_values(y.index[is_missing])}" if has_ids else ""
    raise ValueError(
        f"{name} has no label for {is_missing.sum()} of {len(is_missing)} samples"
        f"{ids}, the first in row {first}. Label these samples, or leave them out of X "
        f"and {name}; skomics.align_samples(tables, {name}) does."
    )


def code_labels(labels, classes):
    """Return the position of each label among the classes, -1 if it is none.

    Arrays of labels are not compared as they are: text brought into the type of
    another array is cut to its longest, and numbers equal their digits.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels, or answers.

    classes : array-like of shape (n_classes,)
        The classes, each once.

    Returns
    -------
    codes : ndarray of int of shape (n_samples,)
        Positions.
    """
    return pd.Index(classes).get_indexer(pd.Index(labels))


def rarest_class(y, groups=None):
    """Return the class of the fewest samples, or groups, and their number.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.

    groups : array-like of shape (n_samples,), default=None
        What samples have in common; None counts samples.

    Returns
    -------
    label : object
        The class; the first one of several.

    n_units : int
        How many samples, or groups, have it.
    """
    labels, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if groups is not None:
        groups = np.unique(groups, return_inverse=True)[1]
        pairs = np.unique(np.column_stack([codes, groups]), axis=0)
        counts = np.bincount(pairs[:, 0], minlength=len(labels))
    first = counts.argmin()
    return labels[first], int(counts[first])


def raise_if_not_finite(block, name):
    """Raise an error that counts the NaN or infinite values of one modality.

    Parameters
    ----------
    block : ndarray of shape (n_samples, n_features)
        Values of the omics.

    name : str
        Name of the modality.

    Raises
    ------
    ValueError
        If there is a NaN or an infinite value.
    """
    for kind, is_bad, cure in (
        ("NaN", np.isnan, "Put an imputer, such as SimpleImputer, before the scaler"),
        ("infinity", np.isinf, "Replace values too large for float32, or take logs,"),
    ):
        bad = is_bad(block)
        if bad.any():
            n_samples, n_features = bad.any(axis=1).sum(), bad.any(axis=0).sum()
            raise ValueError(
                f"Omics {name!r} contains {kind}: {bad.sum()} value(s) in {n_samples} "
                f"of {bad.shape[0]} samples and {n_features} of {bad.shape[1]} "
                f"features, but finite numbers are wanted. {cure} in "
                "OmicsConcatenator."
            )


def check_has_values(X):
    """Refuse a table that is only a plan to make one.

    Parameters
    ----------
    X : object
        What a user gave as input.

    Raises
    ------
    TypeError
        If it is a LazyFrame of polars.
    """
    if is_instance_of(X, "polars", "LazyFrame"):
        raise TypeError(
            "Got a LazyFrame of polars, which has no values yet. Give what its "
            "collect() returns."
        )
