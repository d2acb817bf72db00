"""What the rivals share: classes and their weights, answers."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

__all__ = ["ProbableRival", "Rival"]


class Rival(ClassifierMixin, BaseEstimator):
    """Classifier that answers the class of the largest score."""

    def predict(self, X):
        """Return the classes of samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The classes.
        """
        return self.classes_[self._score(X).argmax(axis=1)]

    def _encode(self, y):
        """Return codes, one-hot classes, and weights that sum to 1, of samples."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        weights = compute_sample_weight("balanced", codes) / len(codes)
        return codes, np.eye(len(self.classes_))[codes], weights


class ProbableRival(Rival):
    """Classifier with probabilities."""

    def predict_proba(self, X):
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The probabilities.
        """
        return self._score(X)
