"""lfCNN: a convolutional branch for each modality, joined late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from skomics.modules._layers import ConvPool, dense_head, reset_dense
from skomics.modules._modality import PresentOmics, scale_branches

__all__ = ["LFCNN"]


class LFCNN(nn.Module):
    r"""Late-fusion convolutional network (Leng et al. 2022).

    .. math:: z = \mathrm{head}([c_1(x_1), \ldots, c_V(x_V)])

    Every modality :math:`x_v` is read as a row of numbers by a branch :math:`c_v` of
    its own: a 1-D convolution, a rectifier and max-pooling. A perceptron with
    dropout after every hidden layer but the last classifies the joined outputs.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality.

    n_classes : int
        Number of subtypes.

    n_filters : int
        Number of filters of each branch.

    kernel_sizes, strides, pool_sizes : sequence of (int or "auto")
        Width of a filter, step from one window to the next, and number of windows
        in a pool, one each per modality. "auto" adapts to the number of features, and
        what is too wide for the omics is cut to it.

    head_sizes : sequence of int
        Widths of the hidden layers after the branches are joined.

    dropout : float
        Dropout rate in the head.

    modality_dropout : float
        Probability of a modality of a sample being dropped in training.

    Notes
    -----
    **Shape**: input `(n, sum(block_sizes))`, output `(n, n_classes)` logits.

    Where a sample lacks a modality, its branch counts as zero and the others, as in
    dropout, for more.

    Weights are Xavier uniform and biases zero, as in the published code.

    A convolution sees neighboring columns together, and columns of omics data have
    no natural order: another order of the features is another model.

    NOTE[DIFF]: the published code has a kernel and a pool by position of the omics,
    and fails where a modality is narrower than these; here they can adapt, and are
    cut to what fits.

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
    >>> from skomics.modules import LFCNN
    >>> module = LFCNN(block_sizes=[60, 40], n_classes=3, n_filters=4,
    ...                kernel_sizes=[10, "auto"], strides=[1, "auto"],
    ...                pool_sizes=[2, "auto"], head_sizes=(8,), dropout=0.1)
    >>> module(torch.randn(10, 100)).shape
    torch.Size([10, 3])
    """

    def __init__(
        self,
        *,
        block_sizes: Sequence[int],
        n_classes: int,
        n_filters: int,
        kernel_sizes: Sequence[int | Literal["auto"]],
        strides: Sequence[int | Literal["auto"]],
        pool_sizes: Sequence[int | Literal["auto"]],
        head_sizes: Sequence[int],
        dropout: float,
        modality_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.block_sizes = list(block_sizes)
        self.present = PresentOmics(block_sizes, modality_dropout)
        sizes = zip(block_sizes, kernel_sizes, strides, pool_sizes, strict=True)
        self.branches = nn.ModuleList(
            ConvPool(
                length=length,
                n_channels=1,
                n_filters=n_filters,
                kernel_size=kernel_size,
                stride=stride,
                pool_size=pool_size,
            )
            for length, kernel_size, stride, pool_size in sizes
        )
        d_joined = n_filters * sum(branch.n_positions for branch in self.branches)
        self.head = dense_head((d_joined, *head_sizes), n_classes, dropout)
        self.reset_parameters()

    @property
    def last_layer(self) -> torch.nn.Module:
        """The layer that reads the embedding."""
        return self.head[-1]

    def reset_parameters(self) -> None:
        """Draw Xavier uniform weights and set the biases to zero."""
        reset_dense(self)
        for branch in self.branches:
            branch.reset_parameters()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x, present = self.present(x)
        blocks = x.split(self.block_sizes, dim=1)
        hidden = [
            branch(block) for branch, block in zip(self.branches, blocks, strict=True)
        ]
        return self.head(torch.cat(scale_branches(hidden, present), dim=1))
