"""Choices made within a training part: inner folds, searches, columns of a modality.

The digest of settings that stored results hold has the names of `_InnerFolds` and
`_to_dense` in it; the folds are those of `CappedStratifiedKFold`.
"""

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV

from skomics._validation import rarest_class
from skomics.model_selection import CappedStratifiedKFold


class _InnerFolds(CappedStratifiedKFold):
    """Folds that say nothing of how many they are.

    A benchmark has thousands of searches, and its outer folds, which are as many as the
    rarest class allows, leave one of its samples in a training part at the least.
    """

    def _count_folds(self, y):
        return min(self.n_splits, max(2, rarest_class(y)[1]))

    def _tell(self, y):
        pass


def make_inner_folds(n_splits, random_state):
    """Return inner folds that are drawn by the seed."""
    return _InnerFolds(n_splits, shuffle=True, random_state=random_state)


def make_search(classifier, grid, random_state, n_splits=5):
    """Return a search that takes what has the best macro F1 on inner folds."""
    folds = make_inner_folds(n_splits, random_state)
    return GridSearchCV(classifier, grid, scoring="f1_macro", cv=folds)


def slice_columns(sizes):
    """Return the columns of each modality, from numbers of columns in their order."""
    ends = np.cumsum(list(sizes.values())).tolist()
    return {
        omics: slice(end - size, end)
        for (omics, size), end in zip(sizes.items(), ends, strict=True)
    }


def select_columns(sizes):
    """Return a transformer for each modality that keeps its columns."""
    return {
        omics: ColumnTransformer([(omics, "passthrough", columns)])
        for omics, columns in slice_columns(sizes).items()
    }


def _to_dense(X):
    """Return a matrix that is not sparse."""
    return X.toarray() if sparse.issparse(X) else X
