"""moGAT as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

from skomics._compat import Interval
from skomics.estimators._base import classifier
from skomics.estimators._graph_base import BaseGraphClassifier
from skomics.modules import MoGAT

if TYPE_CHECKING:
    from skomics._typing import Sizes

__all__ = ["MoGATClassifier"]


@classifier
class MoGATClassifier(BaseGraphClassifier):
    """Multi-omics graph attention network that scores one new patient.

    As :class:`MoGCNClassifier`, with graph attention in place of graph
    convolution: the graph says which training samples are neighbors, the
    attention how much each of them counts.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(200,)
        Widths of the attention layers, multiples of `n_heads`.

    n_heads : int, default=1
        Number of attention heads.

    slope : float, default=0.2
        Slope of the leaky rectifier in the attention scores.

    dropout : float, default=0.2
        Dropout rate of the attention weights.

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
    MoGCNClassifier : Graph convolution in place of graph attention.
    paper_params : The settings of the publications.

    Notes
    -----
    The fitted model holds the training samples, to which new ones are linked.
    ``batch_size=None`` trains on the whole graph in every step, and on sampled
    neighborhoods above 5,000 samples. Sparse input is made dense.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171. Velickovic et al. (2018),
    "Graph attention networks", ICLR.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import MoGATClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     MoGATClassifier(pretrain_epochs=20, max_epochs=20, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    hidden_layer_sizes: Sizes = (200,)
    n_heads: int = 1
    slope: float = 0.2
    dropout: float = 0.2

    _parameter_constraints = {
        **BaseGraphClassifier._parameter_constraints,
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "slope": [Interval(Real, 0, None, closed="left")],
    }

    _module_class = MoGAT

    def _architecture(self):
        return {
            "hidden_sizes": tuple(self.hidden_layer_sizes),
            "n_heads": self.n_heads,
            "slope": self.slope,
            "dropout": self.dropout,
            "end_to_end": self.end_to_end,
            "max_hidden": self.max_hidden,
            "max_cells": self.max_cells,
            "modality_dropout": self._dropout_rate,
        }
