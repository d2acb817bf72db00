"""efNN as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

from skomics._compat import Interval
from skomics.estimators._base import BaseOmicsClassifier, classifier
from skomics.modules import EFNN

if TYPE_CHECKING:
    from skomics._typing import Sizes

__all__ = ["EFNNClassifier"]


@classifier
class EFNNClassifier(BaseOmicsClassifier):
    """Early-fusion dense network: one perceptron on the features of all modalities.

    The simplest of the deep models compared in the SMA paper, and a strong one.
    Standardize the features of each modality first, inside the fold, with
    :class:`~skomics.OmicsConcatenator`.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(500, 100, 50)
        Widths of the hidden layers.

    dropout : float, default=0.1
        Dropout rate after every hidden layer but the last.

    %(training_parameters)s

    Attributes
    ----------
    %(training_attributes)s

    See Also
    --------
    SMAClassifier : Siamese multi-head attention.
    LFNNClassifier : Late-fusion dense network.
    EFCNNClassifier : Early-fusion convolutional network.
    paper_params : The settings of the publications.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import EFNNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     EFNNClassifier(max_epochs=20, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    hidden_layer_sizes: Sizes = (500, 100, 50)
    dropout: float = 0.1

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    _uses_omics = False

    _module_class = EFNN

    def _architecture(self):
        sizes = self.hidden_layer_sizes
        return {
            "hidden_sizes": (sizes,) if isinstance(sizes, Integral) else tuple(sizes),
            "dropout": self.dropout,
            "modality_dropout": self._dropout_rate,
            "has_indicators": self._expects_missing,
        }
