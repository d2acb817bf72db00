"""lfCNN as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from skomics._compat import Interval, StrOptions
from skomics.estimators._base import BaseOmicsClassifier, classifier
from skomics.modules import LFCNN

if TYPE_CHECKING:
    from skomics._typing import AutoSizes, Sizes

__all__ = ["LFCNNClassifier"]

_SIZES = (
    StrOptions({"auto"}),
    Interval(Integral, 1, None, closed="left"),
    "array-like",
)


def _per_omics(name, sizes, omics):
    """Return one size per modality, in the alphabetical order that the module has."""
    if isinstance(sizes, str | Integral):
        return [sizes] * len(omics)
    named = sizes if isinstance(sizes, dict) else dict(zip(omics, sizes, strict=False))
    if len(sizes) != len(omics) or set(named) != set(omics):
        raise ValueError(
            f"Got {name}={sizes!r}, but the omics are {list(omics)}. Give one size for "
            "all, a dict with exactly these names, or one size for each in this order."
        )
    return [named[o] for o in sorted(omics)]


@classifier
class LFCNNClassifier(BaseOmicsClassifier):
    """Late-fusion convolutional network: a convolution for each modality.

    Each modality, of which there may be any number, is read as a row of numbers by a
    1-D convolution with max-pooling of its own. What they give is put side by side
    and classified by a perceptron. Standardize the features of each modality first,
    inside the fold, with :class:`~skomics.OmicsConcatenator`.

    Parameters
    ----------
    n_filters : int, default=16
        Number of filters of each modality.

    kernel_size : "auto", int, dict or array-like, default="auto"
        Number of neighboring features that a filter sees: one for all modalities, a
        dict from omics to size, or one per modality in the order of the columns.
        "auto" is a twentieth of the features of the omics, from 3 to 300. What is
        wider than the omics is cut to it.

    stride : "auto", int, dict or array-like, default="auto"
        Step from one window of a filter to the next, given like `kernel_size`.
        "auto" is a quarter of the kernel, at least 1.

    pool_size : "auto", int, dict or array-like, default="auto"
        Number of windows of which the largest answer is kept, given like
        `kernel_size`. "auto" is 1, or a hundredth of the windows where these are
        many.

    head_layer_sizes : int or array-like of int, default=(100, 50)
        Widths of the hidden layers after the branches are joined.

    dropout : float, default=0.4
        Dropout rate in the head, after every hidden layer but the last.

    %(training_parameters)s

    Attributes
    ----------
    %(training_attributes)s

    See Also
    --------
    EFCNNClassifier : Convolutions on the joined features.
    LFNNClassifier : Late fusion of dense branches.
    paper_params : The settings of the publications.

    Notes
    -----
    A convolution looks at neighboring columns together, but the columns of omics
    data have no natural order: permuting the features of a modality gives another
    model, with other predictions. Where the order should not matter, use
    :class:`LFNNClassifier`.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import LFCNNClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     LFCNNClassifier(max_epochs=20, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    n_filters: int = 16
    kernel_size: AutoSizes | Mapping[str, int] = "auto"
    stride: AutoSizes | Mapping[str, int] = "auto"
    pool_size: AutoSizes | Mapping[str, int] = "auto"
    head_layer_sizes: Sizes = (100, 50)
    dropout: float = 0.4

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "n_filters": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [*_SIZES, dict],
        "stride": [*_SIZES, dict],
        "pool_size": [*_SIZES, dict],
        "head_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    _module_class = LFCNN

    def _architecture(self):
        return {
            "n_filters": self.n_filters,
            "kernel_sizes": _per_omics("kernel_size", self.kernel_size, self.omics_),
            "strides": _per_omics("stride", self.stride, self.omics_),
            "pool_sizes": _per_omics("pool_size", self.pool_size, self.omics_),
            "head_sizes": np.atleast_1d(self.head_layer_sizes).tolist(),
            "dropout": self.dropout,
            "modality_dropout": self._dropout_rate,
        }
