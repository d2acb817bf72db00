"""moGCN as a scikit-learn classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skomics.estimators._base import classifier
from skomics.estimators._graph_base import BaseGraphClassifier
from skomics.modules import MoGCN

if TYPE_CHECKING:
    from skomics._typing import Sizes

__all__ = ["MoGCNClassifier"]


@classifier
class MoGCNClassifier(BaseGraphClassifier):
    """Multi-omics graph convolutional network that scores one new patient.

    For each modality, graph convolutions on a graph of similar training samples and
    a classifier; a small network on the product of the omics' class scores (VCDN)
    joins them. This is MOGONET (Wang et al. 2021) as Leng et al. (2022) used it,
    made inductive: a new sample is linked to training samples only, so that its
    prediction depends on no other new sample.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(200, 200, 100)
        Widths of the graph convolutions.

    dropout : float, default=0.5
        Dropout rate after every convolution but the last.

    %(graph_parameters)s

    %(stage_parameters)s

    %(training_parameters)s

    Attributes
    ----------
    graph_ : MultiOmicsGraph
        The graphs of the training samples.

    %(training_attributes)s

    See Also
    --------
    MoGATClassifier : Graph attention in place of graph convolution.
    paper_params : The settings of the publications.

    Notes
    -----
    The fitted model holds the training samples, to which new ones are linked.
    ``batch_size=None`` trains on the whole graph in every step, and on sampled
    neighborhoods above 5,000 samples. Sparse input is made dense.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks allowing patient classification and biomarker
    identification", Nature Communications 12:3445.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import MoGCNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     MoGCNClassifier(pretrain_epochs=50, max_epochs=50, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    hidden_layer_sizes: Sizes = (200, 200, 100)
    dropout: float = 0.5
    end_to_end: bool = False

    _module_class = MoGCN
    _sums_first = True

    def _architecture(self):
        return {
            "hidden_sizes": tuple(self.hidden_layer_sizes),
            "dropout": self.dropout,
            "end_to_end": self.end_to_end,
            "max_hidden": self.max_hidden,
            "max_cells": self.max_cells,
            "modality_dropout": self._dropout_rate,
        }
