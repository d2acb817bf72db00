"""efCNN as a scikit-learn classifier."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from skomics._compat import Interval, StrOptions
from skomics.estimators._base import BaseOmicsClassifier, classifier
from skomics.modules import EFCNN

if TYPE_CHECKING:
    from skomics._typing import AutoSizes, Sizes

__all__ = ["EFCNNClassifier"]

_SIZES = (
    StrOptions({"auto"}),
    Interval(Integral, 1, None, closed="left"),
    "array-like",
)


def _per_stage(name, sizes, n_filters):
    """Return one size per stage."""
    if isinstance(sizes, str | Integral):
        return [sizes] * len(n_filters)
    if len(sizes) != len(n_filters):
        raise ValueError(
            f"Got {len(sizes)} sizes in {name}, but n_filters={tuple(n_filters)} makes "
            f"{len(n_filters)} stages. Give one size for all, or one per stage."
        )
    return list(sizes)


@classifier
class EFCNNClassifier(BaseOmicsClassifier):
    """Early-fusion convolutional network: convolutions on the joined features.

    The features of all modalities are read as one row of numbers by stages of 1-D
    convolution and max-pooling, followed by a perceptron. Standardize the features
    of each modality first, inside the fold, with :class:`~skomics.OmicsConcatenator`.

    Parameters
    ----------
    n_filters : int or array-like of int, default=(16, 16)
        Number of filters of each stage.

    kernel_size : "auto", int or array-like, default="auto"
        Number of neighboring positions that a filter sees: one for all stages, or
        one per stage. "auto" is a twentieth of the positions that come in, from 3
        to 300. What is wider than these is cut to them.

    stride : "auto", int or array-like, default="auto"
        Step from one window of a filter to the next, given like `kernel_size`.
        "auto" is a quarter of the kernel, at least 1.

    pool_size : "auto", int or array-like, default="auto"
        Number of windows of which the largest answer is kept, given like
        `kernel_size`. "auto" is 1, or a hundredth of the windows where these are
        many.

    head_layer_sizes : int or array-like of int, default=(100, 50)
        Widths of the hidden layers after the convolutions.

    dropout : float, default=0.4
        Dropout rate in the head, after every hidden layer but the last.

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
    A convolution looks at neighboring columns together, but the columns of omics
    data have no natural order: permuting the features gives another
    model, with other predictions. Where the order should not matter, use
    :class:`EFNNClassifier`.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import EFCNNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     EFCNNClassifier(max_epochs=20, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    n_filters: Sizes = (16, 16)
    kernel_size: AutoSizes = "auto"
    stride: AutoSizes = "auto"
    pool_size: AutoSizes = "auto"
    head_layer_sizes: Sizes = (100, 50)
    dropout: float = 0.4

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "n_filters": ["array-like", Interval(Integral, 1, None, closed="left")],
        "kernel_size": [*_SIZES],
        "stride": [*_SIZES],
        "pool_size": [*_SIZES],
        "head_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }
    _uses_omics = False

    _module_class = EFCNN

    def _architecture(self):
        n_filters = np.atleast_1d(self.n_filters).tolist()
        return {
            "n_filters": n_filters,
            "kernel_sizes": _per_stage("kernel_size", self.kernel_size, n_filters),
            "strides": _per_stage("stride", self.stride, n_filters),
            "pool_sizes": _per_stage("pool_size", self.pool_size, n_filters),
            "head_sizes": np.atleast_1d(self.head_layer_sizes).tolist(),
            "dropout": self.dropout,
            "modality_dropout": self._dropout_rate,
            "has_indicators": self._expects_missing,
        }
