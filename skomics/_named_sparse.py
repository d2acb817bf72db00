"""A sparse matrix that keeps the names of its columns.

A DataFrame of sparse columns needs seconds for 250,000 of them, and scikit-learn's
classifiers take no AnnData; a csr matrix they all take.
"""

from scipy import sparse

__all__ = ["NamedSparse", "drop_names", "name_columns"]


def _is_all(key):
    return isinstance(key, slice) and key == slice(None)


class NamedSparse:
    """What a csr matrix, or csr array, with names is beside that.

    Attributes
    ----------
    feature_names : ndarray of str of shape (n_features,), or None
        Names of the columns; rows may be taken without losing them, everything else
        gives a matrix without.

    omics : ndarray of str of shape (n_features,), or None
        The modality of each column.
    """

    feature_names = omics = None

    def __getitem__(self, key):
        """Return rows with the names, anything else without."""
        part = super().__getitem__(key)
        rows_only = not isinstance(key, tuple) or (
            len(key) == 2 and (key[1] is Ellipsis or _is_all(key[1]))
        )
        return self._named(part) if rows_only else part

    def copy(self):
        """Return a copy with the names."""
        return self._named(super().copy())

    def _named(self, other):
        if isinstance(other, NamedSparse) and other.shape[1:] == self.shape[1:]:
            other.feature_names, other.omics = self.feature_names, self.omics
        return other


class NamedCSRMatrix(NamedSparse, sparse.csr_matrix):
    """A csr matrix with names."""


class NamedCSRArray(NamedSparse, sparse.csr_array):
    """A csr array with names."""


def drop_names(matrix):
    """Return a matrix with names as the plain one that it is; the values are shared."""
    is_array = isinstance(matrix, sparse.sparray)
    return (sparse.csr_array if is_array else sparse.csr_matrix)(matrix)


def name_columns(matrix, feature_names, omics):
    """Return a csr matrix, or csr array, with names; the values are shared.

    Parameters
    ----------
    matrix : csr_matrix or csr_array of shape (n_samples, n_features)
        Values.

    feature_names, omics : ndarray of str of shape (n_features,)
        Name and modality of each column.

    Returns
    -------
    matrix : NamedCSRMatrix or NamedCSRArray of shape (n_samples, n_features)
        The same values.
    """
    is_array = isinstance(matrix, sparse.sparray)
    named = (NamedCSRArray if is_array else NamedCSRMatrix)(matrix)
    named.feature_names, named.omics = feature_names, omics
    return named
