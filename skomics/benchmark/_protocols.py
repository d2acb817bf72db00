"""Protocols: how samples are parted, and what is done before."""

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from skomics._validation import rarest_class
from skomics._warnings import warn
from skomics.benchmark.paper._protocol import PaperProtocol

__all__ = ["PROTOCOLS", "choose_training_part"]


class HonestProtocol:
    """Repeated stratified folds, everything fitted in the training part.

    Groups are kept together, and another cohort, where there is one, is the only
    test set.
    """

    name = "leakage_free"
    is_scaled = False

    def plan(self, task, n_folds, n_repeats):
        """Return the number of folds and of repeats that this task allows.

        Parameters
        ----------
        task : Task
            The task.

        n_folds : int
            How many are wanted.

        n_repeats : int
            How many are wanted.

        Returns
        -------
        n_folds, n_repeats : int
            No more folds than the smallest class has samples, or groups; with
            another cohort, a single one.
        """
        if task.is_external is not None:
            return 1, n_repeats
        what = "samples" if task.groups is None else "groups"
        label, fewest = rarest_class(task.y, task.groups)
        if fewest < 2:
            raise ValueError(
                f"Class {str(label)!r} of task {task.name!r} is in {fewest} of the "
                f"{what}. Folds need every class in two {what} at least; merge or drop "
                "small classes."
            )
        if fewest < n_folds:
            warn(
                f"Task {task.name!r} gets {fewest} folds instead of {n_folds}, because "
                f"its class {str(label)!r} has {fewest} {what} and every fold needs "
                "one. Merge or drop small classes to use more.",
            )
        return min(n_folds, fewest), n_repeats

    def split(self, task, n_folds, fold, random_state):
        """Return the positions of the training and test samples of a fold.

        Parameters
        ----------
        task : Task
            The task.

        n_folds : int
            Number of folds.

        fold : int
            Which one.

        random_state : int
            Seed of the repeat.

        Returns
        -------
        train, test : ndarray of int
            The positions.
        """
        if task.is_external is not None:
            return np.flatnonzero(~task.is_external), np.flatnonzero(task.is_external)
        kind = StratifiedKFold if task.groups is None else StratifiedGroupKFold
        folds = kind(n_folds, shuffle=True, random_state=random_state)
        return list(folds.split(np.zeros(task.n_samples), task.y, task.groups))[fold]

    def prepare(self, X):
        """Return the data as they are; nothing is learned from all samples."""
        return X

    def scored_labels(self, task):
        """Return the classes that F1 is averaged over: all of the task."""
        return task.classes


PROTOCOLS = {
    protocol.name: protocol for protocol in (HonestProtocol(), PaperProtocol())
}


def choose_training_part(y, fraction, random_state):
    """Return positions of a part of the samples, stratified by class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The classes.

    fraction : float
        Which share, of each class rounded up.

    random_state : int
        Seed. A smaller share is part of a larger one of the same seed.

    Returns
    -------
    positions : ndarray of int
        In ascending order.
    """
    order = np.random.default_rng(random_state).permutation(len(y))
    parts = []
    for label in np.unique(y):
        members = order[y[order] == label]
        # Rounded first, so that 0.2 of 10 is 2 in spite of binary fractions.
        parts.append(members[: int(np.ceil(round(fraction * len(members), 9)))])
    return np.sort(np.concatenate(parts))
