"""How a fitted model does where omics are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils.validation import check_consistent_length

from skomics._blocks import read_blocks
from skomics._modality import modality_mask
from skomics._rows import check_same_samples
from skomics._validation import check_labels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike, OmicsNames

__all__ = ["score_by_modality_pattern"]


def score_by_modality_pattern(
    estimator: BaseEstimator,
    X: OmicsLike,
    y: ArrayLike,
    *,
    omics: OmicsNames | None = None,
) -> pd.DataFrame:
    """Score a classifier apart for each set of omics that samples have.

    Parameters
    ----------
    estimator : classifier
        A fitted classifier or pipeline.

    X : DataFrame, AnnData, MuData, dict or list of tables, or array of shape \
            (n_samples, n_features)
        Samples, as the classifier takes them. A sample lacks a modality if all its
        values there are NaN.

    y : array-like of shape (n_samples,)
        Their subtypes.

    omics : sequence or dict, default=None
        Which columns belong to which modalities, for X without names, as in
        :class:`~skomics.OmicsConcatenator`.

    Returns
    -------
    report : DataFrame
        One row per set of omics, the largest sets first, then one for all samples,
        under the names of the modalities joined by " + ". Columns: `n_samples`, `share`
        (of the samples), `accuracy`, `balanced_accuracy` (over the classes that are
        there) and `f1_macro` (over all classes of `y`, and 0 for one that is not
        there).

    Raises
    ------
    ValueError
        If X and y differ in length.

    See Also
    --------
    skomics.preprocessing.align_samples : Matches tables that differ in samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import LFNNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import score_by_modality_pattern
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, effect=1, random_state=0)
    >>> X.loc[X.index[::3], "protein"] = np.nan
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()), LFNNClassifier(random_state=0)
    ... )
    >>> model = model.fit(X[:60], y[:60])
    >>> report = score_by_modality_pattern(model, X[60:], y[60:])
    >>> report[["n_samples", "share"]].round(2)
                                        n_samples  share
    omics
    methylation + expression + protein         20   0.67
    methylation + expression                   10   0.33
    all samples                                30   1.00
    """
    read = read_blocks(X, omics)
    check_same_samples(read.rows, y, "y")
    y, blocks = np.asarray(check_labels(y)), read.blocks
    has = pd.DataFrame(
        {name: modality_mask(block.data) for name, block in blocks.items()}
    )
    check_consistent_length(has, y)
    guesses = np.asarray(estimator.predict(X))
    labels = np.unique(y)
    rows = {}
    for pattern, members in has.groupby(list(has), sort=False).indices.items():
        pattern = pattern if isinstance(pattern, tuple) else (pattern,)
        names = [name for name, present in zip(has, pattern, strict=True) if present]
        rows[tuple(names)] = members
    rows = dict(sorted(rows.items(), key=lambda row: (-len(row[0]), -len(row[1]))))
    index = [" + ".join(names) or "none" for names in rows] + ["all samples"]
    scores = [
        _score(y[members], guesses[members], labels, len(y))
        for members in [*rows.values(), np.arange(len(y))]
    ]
    return pd.DataFrame(scores, index=pd.Index(index, name="omics"))


def _score(y, guesses, labels, n_samples):
    # Not scikit-learn's, which warns of guesses that no sample bears out.
    recalls = [np.mean(guesses[y == label] == label) for label in np.unique(y)]
    return {
        "n_samples": len(y),
        "share": len(y) / n_samples,
        "accuracy": accuracy_score(y, guesses),
        "balanced_accuracy": float(np.mean(recalls)),
        "f1_macro": f1_score(
            y, guesses, average="macro", labels=labels, zero_division=0
        ),
    }
