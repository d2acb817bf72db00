"""How well probabilities are calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_consistent_length

from skomics.benchmark._results import BenchmarkResults

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["expected_calibration_error", "summarize_calibration"]


def expected_calibration_error(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    n_bins: int = 10,
) -> float:
    """Return how far confidence is from accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes.

    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes.

    labels : array-like of shape (n_classes,), default=None
        The classes of the columns of `proba`; None takes the sorted distinct values
        of `y_true`.

    n_bins : int, default=10
        Number of bins of equal width.

    Returns
    -------
    error : float
        Mean over the samples of the difference between accuracy and mean confidence
        in their bin, between 0 and 1.

    Raises
    ------
    ValueError
        If there is no sample, or the shapes do not fit each other.

    Notes
    -----
    The confidence of a prediction is the probability of its class. The bins are open
    on the left and closed on the right.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural
    networks, ICML 2017.

    Examples
    --------
    Two predictions of confidence 0.8, one of them right: 0.8 against 0.5.

    >>> from skomics.benchmark import expected_calibration_error
    >>> error = expected_calibration_error(["a", "b"], [[0.8, 0.2], [0.8, 0.2]])
    >>> round(error, 3)
    0.3
    """
    y_true, proba = np.asarray(y_true), np.asarray(proba, dtype=float)
    check_consistent_length(y_true, proba)
    labels = np.unique(y_true) if labels is None else np.asarray(labels)
    if proba.ndim != 2 or proba.shape[1] != len(labels) or len(proba) == 0:
        raise ValueError(
            f"Got proba of shape {proba.shape} for {len(labels)} classes. It needs a "
            "row per sample, at least one, and a column per class; give labels if "
            "y_true lacks a class."
        )
    confidence = proba.max(axis=1)
    is_right = labels[proba.argmax(axis=1)] == y_true
    inner_edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    bins = np.digitize(confidence, inner_edges, right=True)
    gaps = np.bincount(bins, weights=is_right - confidence)
    return float(np.abs(gaps).sum() / len(proba))


def summarize_calibration(results: pd.DataFrame | BenchmarkResults) -> pd.DataFrame:
    """Return how well the probabilities of each model are calibrated.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`; columns log_loss and ece
        (:func:`expected_calibration_error`), which models without probabilities lack.

    Returns
    -------
    calibration : DataFrame
        Index levels task and model; columns label, n_fits with probabilities, and
        log_loss_mean, log_loss_std, ece_mean and ece_std; models without
        probabilities are left out.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.benchmark import summarize_calibration
    >>> results = pd.DataFrame({
    ...     "task": "t", "model": "m", "label": "M", "log_loss": [0.4, 0.6],
    ...     "ece": [0.05, 0.07],
    ... })
    >>> summarize_calibration(results)[["log_loss_mean", "ece_mean"]]
                log_loss_mean  ece_mean
    task model
    t    m                0.5      0.06
    """
    scored = BenchmarkResults.of(results).scored
    lacking = [name for name in ("log_loss", "ece") if name not in scored]
    if lacking:
        raise ValueError(
            f"Got results without the columns {lacking}. Run the benchmark again with "
            "this version of skomics, which records them."
        )
    rows = scored[scored["log_loss"].notna()]
    return rows.groupby(["task", "model"], sort=False).agg(
        label=("label", "first"),
        n_fits=("log_loss", "size"),
        log_loss_mean=("log_loss", "mean"),
        log_loss_std=("log_loss", "std"),
        ece_mean=("ece", "mean"),
        ece_std=("ece", "std"),
    )
