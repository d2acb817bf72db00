"""lfNN as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from skomics._compat import Interval
from skomics.estimators._base import BaseOmicsClassifier, classifier
from skomics.modules import LFNN

if TYPE_CHECKING:
    from skomics._typing import Sizes

__all__ = ["LFNNClassifier"]


@classifier
class LFNNClassifier(BaseOmicsClassifier):
    """Late-fusion dense network: a branch for each modality, joined by a perceptron.

    Each modality, of which there may be any number, has dense layers of its own. What
    they give is put side by side and classified. Standardize the features of each
    modality first, inside the fold, with :class:`~skomics.OmicsConcatenator`.

    Parameters
    ----------
    branch_layer_sizes : int or array-like of int, default=(200, 100)
        Widths of the layers of each omics' branch.

    head_layer_sizes : int or array-like of int, default=(100, 50)
        Widths of the hidden layers after the branches are joined.

    dropout : float, default=0.4
        Dropout rate after every hidden layer but the last.

    %(training_parameters)s

    Attributes
    ----------
    %(training_attributes)s

    See Also
    --------
    EFNNClassifier : Dense network on the joined features.
    LFCNNClassifier : Late fusion of convolutional branches.
    paper_params : The settings of the publications.

    Notes
    -----
    The order of the modalities, and of the features within a modality, has no meaning
    for this model.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import LFNNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     LFNNClassifier(max_epochs=20, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    branch_layer_sizes: Sizes = (200, 100)
    head_layer_sizes: Sizes = (100, 50)
    dropout: float = 0.4

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "branch_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "head_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    _module_class = LFNN

    def _architecture(self):
        return {
            "branch_sizes": np.atleast_1d(self.branch_layer_sizes).tolist(),
            "head_sizes": np.atleast_1d(self.head_layer_sizes).tolist(),
            "dropout": self.dropout,
            "modality_dropout": self._dropout_rate,
        }
