"""efCNN: one convolutional network on the joined features of all modalities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from skomics.modules._layers import ConvPool, dense_head, reset_dense
from skomics.modules._modality import PresentOmics, indicators

__all__ = ["EFCNN"]


class EFCNN(nn.Module):
    r"""Early-fusion convolutional network (Leng et al. 2022).

    .. math:: z = \mathrm{head}(c_L(\cdots c_1(x) \cdots))

    The features of all modalities, joined to one row, pass through stages :math:`c_l`,
    each a 1-D convolution, a rectifier and max-pooling, and then through a
    perceptron with dropout after every hidden layer but the last.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality. Only their sum matters.

    n_classes : int
        Number of subtypes.

    n_filters : sequence of int
        Number of filters of each stage.

    kernel_sizes, strides, pool_sizes : sequence of (int or "auto")
        Width of a filter, step from one window to the next, and number of windows
        in a pool, one each per stage. "auto" adapts to the width of what comes in,
        and what is too wide is cut to it.

    head_sizes : sequence of int
        Widths of the hidden layers after the convolutions.

    dropout : float
        Dropout rate in the head.

    modality_dropout : float
        Probability of a modality of a sample being dropped in training.

    has_indicators : bool
        Whether the head reads, beside what the convolutions gave, which modalities a
        sample has.

    Notes
    -----
    **Shape**: input `(n, sum(block_sizes))`, output `(n, n_classes)` logits.

    Where a sample lacks a modality, the training means stand in.

    Weights are Xavier uniform and biases zero, as in the published code.

    A convolution sees neighboring columns together, across the border of two
    modalities, too, and columns of omics data have no natural order: another order of
    the features is another model.

    NOTE[DIFF]: the published code has a sigmoid unit for two classes, fed with
    one-hot labels, which cannot work; here two classes have two logits.

    NOTE[DIFF]: the published code has fixed kernels and pools, of which the larger
    set needs 6,899 features or more; here they can adapt, and are cut to what fits.

    NOTE[DIFF]: the published convolutions have stride 1. Here the stride can be
    wider, because windows that overlap by more than three quarters cost much and add
    little.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import EFCNN
    >>> module = EFCNN(block_sizes=[60, 40], n_classes=3, n_filters=(8, 4),
    ...                kernel_sizes=(10, "auto"), strides=(1, "auto"),
    ...                pool_sizes=(2, "auto"), head_sizes=(8,), dropout=0.1)
    >>> module(torch.randn(10, 100)).shape
    torch.Size([10, 3])
    """

    def __init__(
        self,
        *,
        block_sizes: Sequence[int],
        n_classes: int,
        n_filters: Sequence[int],
        kernel_sizes: Sequence[int | Literal["auto"]],
        strides: Sequence[int | Literal["auto"]],
        pool_sizes: Sequence[int | Literal["auto"]],
        head_sizes: Sequence[int],
        dropout: float,
        modality_dropout: float = 0.0,
        has_indicators: bool = False,
    ) -> None:
        super().__init__()
        self.present = PresentOmics(block_sizes, modality_dropout)
        self.n_indicators = len(block_sizes) if has_indicators else 0
        stages, length, n_channels = [], sum(block_sizes), 1
        sizes = zip(n_filters, kernel_sizes, strides, pool_sizes, strict=True)
        for filters, kernel_size, stride, pool_size in sizes:
            stage = ConvPool(
                length=length,
                n_channels=n_channels,
                n_filters=filters,
                kernel_size=kernel_size,
                stride=stride,
                pool_size=pool_size,
            )
            stages.append(stage)
            length, n_channels = stage.n_positions, filters
        self.stages = nn.Sequential(*stages)
        d_joined = length * n_channels + self.n_indicators
        self.head = dense_head((d_joined, *head_sizes), n_classes, dropout)
        self.reset_parameters()

    @property
    def last_layer(self) -> torch.nn.Module:
        """The layer that reads the embedding."""
        return self.head[-1]

    def reset_parameters(self) -> None:
        """Draw Xavier uniform weights and set the biases to zero."""
        reset_dense(self)
        for stage in self.stages:
            stage.reset_parameters()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x, present = self.present(x)
        hidden = self.stages(x)
        if self.n_indicators:
            lacking = indicators(hidden, present, self.n_indicators)
            hidden = torch.cat([hidden, lacking], dim=1)
        return self.head(hidden)
