"""Folds for few patients: rare classes, and several samples of one patient."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import check_consistent_length

from skomics._compat import GroupsConsumerMixin, _RepeatedSplits
from skomics._validation import check_labels, rarest_class
from skomics._warnings import warn

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import RandomState

__all__ = ["CappedStratifiedKFold", "RepeatedStratifiedGroupKFold", "count_folds"]


class CappedStratifiedKFold(StratifiedKFold):
    """Stratified folds, no more than the smallest class has samples.

    Where every class has `n_splits` samples these are the folds of
    :class:`~sklearn.model_selection.StratifiedKFold`. Where one has fewer, that makes
    test folds without it, which macro F1 and recall cannot be scored on; here there are
    fewer folds, each with every class.

    Parameters
    ----------
    n_splits : int, default=5
        Largest number of folds, at least 2.

    shuffle : bool, default=False
        Whether to shuffle the samples of each class before they are dealt.

    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling.

    Raises
    ------
    ValueError
        By `split` and `get_n_splits`: if a class has a single sample, or there is no
        `y`.

    Warns
    -----
    UserWarning
        By `split`, if there are fewer folds than `n_splits`.

    See Also
    --------
    RepeatedStratifiedGroupKFold : Keeps the samples of a patient together.
    skomics.model_selection.nested_cross_validate : Has these as inner folds.

    Notes
    -----
    The number of folds depends on the labels, so that `get_n_splits` needs `y`, as
    scikit-learn's searches give it. Its `CalibratedClassifierCV` reads `n_splits` by
    itself and refuses a class of fewer samples: give it a number of folds.

    Examples
    --------
    >>> from skomics.model_selection import CappedStratifiedKFold
    >>> y = ["LumA"] * 8 + ["Basal"] * 6
    >>> folds = CappedStratifiedKFold(5, shuffle=True, random_state=0)
    >>> folds.get_n_splits(y=y)
    5
    >>> folds.get_n_splits(y=y + ["Her2"] * 3)
    3
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)

    def split(
        self, X: ArrayLike, y: ArrayLike, groups: object = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of training and test samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; only their number counts.

        y : array-like of shape (n_samples,)
            Their classes.

        groups : object, default=None
            Ignored, with scikit-learn's warning.

        Yields
        ------
        train, test : ndarray of int
            The positions.
        """
        capped = copy.copy(self)
        capped.n_splits = self._count_folds(y)
        if capped.n_splits < self.n_splits:
            self._tell(y)
        yield from super(CappedStratifiedKFold, capped).split(X, y, groups)

    def get_n_splits(
        self, X: object = None, y: ArrayLike | None = None, groups: object = None
    ) -> int:
        """Return the number of folds for these labels.

        Parameters
        ----------
        X : object, default=None
            Ignored.

        y : array-like of shape (n_samples,)
            The classes.

        groups : object, default=None
            Ignored.

        Returns
        -------
        n_splits : int
            At least 2, and at most `n_splits`.
        """
        return self._count_folds(y)

    def _count_folds(self, y):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} got no y, but how many folds there are depends "
                "on the smallest class. Give it the labels, y=y."
            )
        return count_folds(self.n_splits, y, type(self).__name__)

    def _tell(self, y):
        tell_of_fewer(self.n_splits, y, type(self).__name__)


class RepeatedStratifiedGroupKFold(GroupsConsumerMixin, _RepeatedSplits):
    """Stratified folds that keep groups together, dealt several times.

    What :class:`~sklearn.model_selection.RepeatedStratifiedKFold` is to
    `StratifiedKFold`, this is to
    :class:`~sklearn.model_selection.StratifiedGroupKFold`: all samples of a group, such
    as those of one patient, are in the training part or in the test part of a fold, and
    every repeat deals the groups anew.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.

    n_repeats : int, default=10
        How many times the groups are dealt, at least once.

    random_state : int, RandomState instance or None, default=None
        Seed of the repeats.

    Raises
    ------
    ValueError
        If a number of folds or repeats is none; by `split`, if there is no `y`, a label
        or a group is missing, there are fewer groups than folds, or no class with as
        many samples as folds.

    Warns
    -----
    UserWarning
        By `split`, if a class is in fewer groups than there are folds: some test folds
        are without it.

    See Also
    --------
    CappedStratifiedKFold : No more folds than the smallest class has samples.

    Notes
    -----
    With scikit-learn's metadata routing enabled, `groups` are requested, as by its own
    group splitters.

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.model_selection import RepeatedStratifiedGroupKFold
    >>> patients = np.repeat(np.arange(12), 2)  # two samples each
    >>> y = np.repeat(["LumA", "Basal"], 12)
    >>> folds = RepeatedStratifiedGroupKFold(3, n_repeats=2, random_state=0)
    >>> folds.get_n_splits()
    6
    >>> all(
    ...     not set(patients[train]) & set(patients[test])
    ...     for train, test in folds.split(y, y, patients)
    ... )
    True
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        n_repeats: int = 10,
        random_state: RandomState = None,
    ) -> None:
        # Refuses what is no number of folds now, not when the first fold is dealt.
        StratifiedGroupKFold(n_splits)
        super().__init__(
            StratifiedGroupKFold,
            n_repeats=n_repeats,
            random_state=random_state,
            n_splits=n_splits,
        )

    def split(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of training and test samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; only their number counts.

        y : array-like of shape (n_samples,)
            Their classes.

        groups : array-like of shape (n_samples,)
            What samples have in common.

        Yields
        ------
        train, test : ndarray of int
            The positions.
        """
        check_groups(self.cvargs["n_splits"], y, groups, type(self).__name__)
        yield from super().split(X, y, groups)


def count_folds(n_splits, y, name, groups=None):
    """Return how many folds have every class.

    Parameters
    ----------
    n_splits : int
        How many are wanted.

    y : array-like of shape (n_samples,)
        The classes.

    name : str
        Who asks, for the message.

    groups : array-like of shape (n_samples,), default=None
        What is kept together.

    Returns
    -------
    n_splits : int
        No more than the rarest class has samples, or groups.
    """
    y = check_labels(y)
    if len(y) == 0:
        raise ValueError(f"{name} got 0 samples. Give the labels of 2 at least.")
    label, fewest = rarest_class(y, groups)
    if fewest < 2:
        what = "sample" if groups is None else "group"
        raise ValueError(
            f"{name} got {fewest} {what} of class {str(label)!r}, but folds need every "
            f"class in 2 {what}s at least: one to learn from and one to be tested. "
            "Merge the class with another, or leave it out."
        )
    return min(n_splits, fewest)


def tell_of_fewer(n_splits, y, name, groups=None):
    """Warn that there are fewer folds than were asked for."""
    label, fewest = rarest_class(y, groups)
    what = "samples" if groups is None else "groups"
    warn(
        f"{name} makes {fewest} folds instead of {n_splits}, because class "
        f"{str(label)!r} has {fewest} {what} and every fold needs one. Ask for fewer "
        "folds, or merge or leave out small classes."
    )


def check_groups(n_splits, y, groups, name):
    """Refuse missing groups and fewer than folds, and warn of classes in fewer."""
    if y is None:
        raise ValueError(
            f"{name} got no y, whose classes it is to spread over the folds. Give it "
            "the labels, or use GroupKFold."
        )
    if groups is None:
        raise ValueError(
            f"{name} got no groups, which it is to keep together. Give groups=, the "
            "patient of each sample, or use RepeatedStratifiedKFold."
        )
    y = check_labels(y)
    check_consistent_length(y, groups)
    is_missing = np.asarray(pd.isna(groups))
    if is_missing.any():
        raise ValueError(
            f"{name} got no group for {is_missing.sum()} of {len(is_missing)} samples, "
            f"the first in row {is_missing.argmax()}. Give the group of each sample; "
            "one that is like no other is a group of its own."
        )
    n_groups = len(np.unique(groups))
    if n_groups < n_splits:
        raise ValueError(
            f"{name} got {n_groups} groups for {n_splits} folds, but a test fold needs "
            f"a group. Ask for at most {n_groups} folds."
        )
    label, fewest = rarest_class(y, groups)
    if fewest < n_splits:
        warn(
            f"{name} deals {n_splits} folds, but class {str(label)!r} is in {fewest} "
            "groups: some test folds are without it. Ask for fewer folds, or merge or "
            "leave out small classes."
        )
