"""Networks that learn from samples call by call, one pass at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from skomics._compat import _fit_context, available_if
from skomics._rows import quote_values
from skomics._transaction import adopt, draft_of
from skomics.estimators._arranged import in_memory
from skomics.estimators._net import check_callbacks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import TableLike

__all__ = ["PartialFitMixin", "part_seed"]


def part_seed(seed, n_epochs):
    """Return a seed for a pass that no other pass of the same network has.

    Parameters
    ----------
    seed : int
        What `random_state` gives, the same in each call if it is an int.

    n_epochs : int
        Number of passes before.

    Returns
    -------
    seed : int
        Below 2**31.
    """
    return int(np.random.SeedSequence([seed, n_epochs]).generate_state(1)[0] >> 1)


class PartialFitMixin:
    """`partial_fit` of networks that need not see all samples at once."""

    # Set on the draft of a call.
    _in_part, _known_classes = False, None

    @available_if(lambda self: self._learns_from_files)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: TableLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take one pass over samples, with the network as it stands.

        The first call makes the network; later ones go on with its weights and what its
        optimizer remembers, one after `fit` with the weights. The learning rate is `lr`
        throughout: `max_epochs`, `lr_schedule`, `warmup`, `early_stopping` and
        `checkpoint` have no part in it.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples, as for `fit`, in memory or on disk.

        y : array-like of shape (n_samples,)
            Their subtypes.

        classes : array-like of shape (n_classes,), default=None
            All subtypes that there will be. Needed in the first call, and may be left
            out later.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of k is exactly k copies of the sample.

        Returns
        -------
        self : object
            The classifier, trained for one more epoch.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs later, if `y` has
            others, if X has other features than before, or, with
            ``linear_path="ridge"``, if the first samples do not have all classes.

        Notes
        -----
        The ridge path, with its feature weights, is learned in the first call, from the
        samples of that call, and stays as it is: give a fair sample first, or set
        ``linear_path=None``. ``class_weight="balanced"`` balances the samples of each
        call. Whether the network is prepared for samples that lack a modality is
        decided in the first call, too (`modality_dropout`). A copy and a pickle keep
        the memory of the optimizer; a file of :func:`~skomics.save_model` does not.

        Examples
        --------
        >>> from skomics import EFNNClassifier
        >>> from skomics.datasets import make_intersim
        >>> X, y = make_intersim(n_samples=90, n_clusters=3, random_state=0)
        >>> model = EFNNClassifier(random_state=0)
        >>> for part in range(3):
        ...     rows = slice(30 * part, 30 * part + 30)
        ...     model = model.partial_fit(X[rows], y[rows], classes=sorted(set(y)))
        >>> model.n_iter_
        3
        """
        check_callbacks(self.callbacks)  # type: ignore[attr-defined]
        draft = draft_of(self)
        draft._in_part = True
        draft._known_classes = self._check_classes(classes)
        samples = draft._prepare(X, y, sample_weight)
        draft._fit_receipt["call"] = "partial_fit"
        draft._train(samples, None)
        del draft._in_part, draft._known_classes
        adopt(self, draft)
        return self

    def _check_classes(self, classes):
        """Return the classes that there will be, sorted."""
        known = self.classes_ if hasattr(self, "net_") else None
        if classes is None and known is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit, which makes "
                "a network for them. Pass all classes that there will be, for instance "
                "np.unique(y) of all samples."
            )
        if classes is None:
            return known
        classes = np.unique(classes)
        if known is not None and not np.array_equal(classes, known):
            raise ValueError(
                f"Got classes={classes.tolist()}, but the network was made for "
                f"{known.tolist()}. Leave classes out after the first call, or clone "
                "the classifier to begin anew."
            )
        if len(classes) < 2:
            raise ValueError(
                f"Got classes={classes.tolist()}, but {type(self).__name__} needs at "
                "least 2 classes. Pass all that there will be."
            )
        return classes

    @property
    def _goes_on(self):
        """Whether the network that is there is trained on."""
        return hasattr(self, "net_") and (self.warm_start or self._in_part)

    @property
    def _is_new(self):
        return not (self._in_part and hasattr(self, "net_"))

    def _encode_classes(self, y, sample_weight):
        """Return codes of classes that are known, or learn them."""
        if self._known_classes is None:
            return super()._encode_classes(y, sample_weight)
        self.classes_ = classes = self._known_classes
        unknown = np.setdiff1d(y, classes)
        if len(unknown):
            raise ValueError(
                f"y has classes that were not passed: {quote_values(unknown)}. The "
                f"network is for {classes.tolist()}; pass all classes in the first "
                "call to partial_fit."
            )
        codes = np.searchsorted(classes, y)
        lacking = np.setdiff1d(np.arange(len(classes)), codes)
        if self.linear_path == "ridge" and not self._goes_on and len(lacking):
            raise ValueError(
                f"The first samples lack the classes {quote_values(classes[lacking])}, "
                "but the ridge path is learned from them and stays as it is. Give "
                "samples of all classes first, or set linear_path=None."
            )
        return codes

    def _kept_path_logits(self, merged, columns):
        """Return what a path that stays as it is says of samples."""
        if not self._takes_offsets:
            return None
        X = merged.X if columns is None else merged.X[:, np.argsort(columns)]
        return self.path_._path_logits(in_memory(X))
