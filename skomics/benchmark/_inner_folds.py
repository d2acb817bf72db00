"""Choices made within a training part: inner folds, searches, columns of a modality.

The digest of settings that stored results hold has the names of `_InnerFolds` and
`_to_dense` in it.
"""

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, StratifiedKFold


class _InnerFolds(StratifiedKFold):
    """Shuffled stratified folds, no more than the smallest class has members."""

    def split(self, X, y, groups=None):
        """Yield training and validation positions."""
        yield from self._fitting(y).split(X, y, groups)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds for these labels."""
        return self._fitting(y).n_splits

    def _fitting(self, y):
        smallest = np.unique(y, return_counts=True)[1].min()
        n_splits = min(self.n_splits, max(2, smallest))
        return StratifiedKFold(n_splits, shuffle=True, random_state=self.random_state)


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
