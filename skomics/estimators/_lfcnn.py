"""lfCNN as a scikit-learn classifier."""

from numbers import Integral, Real

import numpy as np

from skomics._compat import Interval, StrOptions
from skomics.estimators._base import BaseOmicsClassifier, document_training
from skomics.modules import LFCNN

__all__ = ["LFCNNClassifier"]

_SIZES = (
    StrOptions({"auto"}),
    Interval(Integral, 1, None, closed="left"),
    "array-like",
)


def _per_omics(name, sizes, omics):
    """Return one size per omics, in the alphabetical order that the module has."""
    if isinstance(sizes, str | Integral):
        return [sizes] * len(omics)
    named = sizes if isinstance(sizes, dict) else dict(zip(omics, sizes, strict=False))
    if len(sizes) != len(omics) or set(named) != set(omics):
        raise ValueError(
            f"Got {name}={sizes!r}, but the omics are {list(omics)}. Give one size for "
            "all, a dict with exactly these names, or one size for each in this order."
        )
    return [named[o] for o in sorted(omics)]


@document_training
class LFCNNClassifier(BaseOmicsClassifier):
    """Late-fusion convolutional network: a convolution for each omics.

    Each omics, of which there may be any number, is read as a row of numbers by a
    1-D convolution with max-pooling of its own. What they give is put side by side
    and classified by a perceptron. Standardise the features of each omics first,
    inside the fold, with :class:`~skomics.OmicsConcatenator`.

    Parameters
    ----------
    n_filters : int, default=16
        Number of filters of each omics.

    kernel_size : "auto", int, dict or array-like, default="auto"
        Number of neighbouring features that a filter sees: one for all omics, a
        dict from omics to size, or one per omics in the order of the columns.
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
    A convolution looks at neighbouring columns together, but the columns of omics
    data have no natural order: permuting the features of an omics gives another
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

    def __init__(
        self,
        *,
        n_filters=16,
        kernel_size="auto",
        stride="auto",
        pool_size="auto",
        head_layer_sizes=(100, 50),
        dropout=0.4,
        max_epochs=100,
        batch_size=32,
        lr=1e-3,
        weight_decay=0.01,
        optimizer="adamw",
        lr_schedule="cosine",
        warmup=0.1,
        label_smoothing=0.0,
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        modality_dropout="auto",
        linear_path=None,
        omics=None,
        device="auto",
        n_threads=1,
        random_state=None,
        callbacks=None,
        net_params=None,
        verbose=0,
    ):
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.pool_size = pool_size
        self.head_layer_sizes = head_layer_sizes
        self.dropout = dropout
        super().__init__(
            max_epochs=max_epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            optimizer=optimizer,
            lr_schedule=lr_schedule,
            warmup=warmup,
            label_smoothing=label_smoothing,
            class_weight=class_weight,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            modality_dropout=modality_dropout,
            linear_path=linear_path,
            omics=omics,
            device=device,
            n_threads=n_threads,
            random_state=random_state,
            callbacks=callbacks,
            net_params=net_params,
            verbose=verbose,
        )

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
