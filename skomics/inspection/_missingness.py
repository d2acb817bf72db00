"""How much the missing values of each modality say about the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skomics._blocks import read_blocks
from skomics._modality import associate_missingness
from skomics._rows import check_same_samples
from skomics._validation import check_labels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import OmicsLike, OmicsNames

__all__ = ["missingness_association"]


def missingness_association(
    X: OmicsLike, y: ArrayLike, *, omics: OmicsNames | None = None
) -> pd.DataFrame:
    """Measure how much the missing values of each modality say about the class.

    Where one subtype was measured less completely than another, a model can learn who
    was measured in place of the biology, and imputation keeps that trace. `fit` warns
    of clear cases; this is the whole table.

    Parameters
    ----------
    X : DataFrame, AnnData, MuData, dict or list of tables, or array of shape \
            (n_samples, n_features)
        Samples, before imputation.

    y : array-like of shape (n_samples,)
        Their subtypes. Subtypes of fewer than five samples do not count.

    omics : sequence or dict, default=None
        Which columns belong to which modalities, for X without names, as in
        :class:`~skomics.OmicsConcatenator`.

    Returns
    -------
    association : DataFrame
        One row per modality, the strongest association first. Columns:
        `missing_fraction` (of all values), `cramers_v` (0 for none, 1 where missing
        values determine the class) and `p_value` of the chi-squared test, which is not
        corrected for the number of omics.

    Raises
    ------
    ValueError
        If X and y differ in length, or y holds no classes.

    See Also
    --------
    skomics.inspection.score_by_modality_pattern : Scores by what samples have.

    Notes
    -----
    The samples are grouped by their fraction of missing values: none, all, and below
    and above the median of those in between; groups of fewer than five samples join
    the next one. Cramer's V and Pearson's chi-squared test compare groups and subtypes.

    References
    ----------
    Cramer (1946), "Mathematical Methods of Statistics", chapter 21.

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import missingness_association
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> X.loc[y == y.iloc[0], "protein"] = np.nan
    >>> missingness_association(X, y)["cramers_v"]
    omics
    protein        1.0
    methylation    0.0
    expression     0.0
    Name: cramers_v, dtype: float64
    """
    read = read_blocks(X, omics)
    check_same_samples(read.rows, y, "y")
    y = np.asarray(check_labels(y))
    check_classification_targets(y)
    blocks = {name: block.data for name, block in read.blocks.items()}
    check_consistent_length(next(iter(blocks.values())), y)
    columns = ["missing_fraction", "cramers_v", "p_value"]
    table = pd.DataFrame.from_dict(
        associate_missingness(blocks, y), orient="index", columns=columns
    ).rename_axis("omics")
    return table.sort_values("cramers_v", ascending=False, kind="stable")
