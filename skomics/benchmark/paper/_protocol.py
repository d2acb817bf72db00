"""The published procedure."""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import MaxAbsScaler

from skomics.preprocessing import OmicsConcatenator

__all__ = ["PaperProtocol"]


class PaperProtocol:
    """The published procedure, which lets the test samples be seen before the split.

    Every feature is divided by its largest magnitude over all samples, and models are
    scored on the first of four folds, over the classes that occur in it or are
    predicted. See Leng et al. (2022), Genome Biology 23:171, and the code published
    with it, for the data of which Pan et al. (2023) give figures.
    """

    name = "as_published"
    is_scaled = True

    def plan(self, task, n_folds, n_repeats):
        """Return the one split there is, as four folds; repeats are none."""
        return 4, 1

    def split(self, task, n_folds, fold, random_state):
        """Return the positions of the training and test samples of the fold.

        Parameters
        ----------
        task : Task
            The task.

        n_folds : int
            Number of folds.

        fold : int
            Which one.

        random_state : int
            Not used; the published seed is 1.

        Returns
        -------
        train, test : ndarray of int
            The positions.
        """
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=1)
        with warnings.catch_warnings():
            # Classes of two samples are part of the published procedure.
            warnings.filterwarnings("ignore", "The least populated class")
            return list(folds.split(np.zeros(task.n_samples), task.y))[fold]

    def prepare(self, X):
        """Return the data scaled by the largest magnitude over all samples."""
        return OmicsConcatenator(MaxAbsScaler()).fit_transform(X)

    def scored_labels(self, task):
        """Return None: F1 is averaged over classes found in truth or prediction."""
        return None
