"""What a fitted network makes of samples before its last layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.base import TransformerMixin

if TYPE_CHECKING:
    from skomics._typing import TableLike

__all__ = ["EmbeddingMixin"]


class EmbeddingMixin(TransformerMixin):
    """Embed samples, so that a fitted network is a step before another classifier.

    scikit-learn wraps `transform` for `set_output` in the class that defines it.
    """

    def embed(self, X: TableLike) -> np.ndarray:
        """Return what the network makes of samples before its last layer.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples; those that lack a modality have NaN there.

        Returns
        -------
        embedding : ndarray of shape (n_samples, n_units), dtype float64
            The input of the last linear layer in evaluation mode: the last hidden
            layer, for SMA that of each member of the ensemble in turn, for the graph
            models each modality's. What a linear path adds is not in it.

        Notes
        -----
        Classes that the network tells apart are apart here, for the samples that it
        was trained on most of all: a picture of training samples says nothing of new
        ones.

        Examples
        --------
        >>> from skomics import EFNNClassifier
        >>> from skomics.datasets import make_intersim
        >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
        >>> EFNNClassifier(max_epochs=5, random_state=0).fit(X, y).embed(X).shape
        (60, 50)
        """
        units = self._stream_answers(X, self._table_units)
        return self._table_units(*self._read_new(X)) if units is None else units

    def _table_units(self, table, present):
        path = self.path_._path_logits(table) if self._takes_offsets else None
        net = self.net_.tapped()
        self._ask(net, table, present, path)
        taps = [tap if tap.ndim == 3 else tap[None] for tap in net.taps]
        units = torch.cat(taps, dim=1)[:, -table.shape[0] :]
        return units.permute(1, 0, 2).flatten(1).double().numpy()

    def transform(self, X: TableLike) -> np.ndarray:
        """Return the embedding of samples, as :meth:`embed` does.

        With it a fitted network is a step of a :class:`~sklearn.pipeline.Pipeline`
        before another classifier. Its own training samples are embedded as it has
        learned them, not as it would embed new ones.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples.

        Returns
        -------
        embedding : ndarray of shape (n_samples, n_units), dtype float64
            The input of the last linear layer.
        """
        return self.embed(X)
