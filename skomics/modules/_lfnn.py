"""lfNN: a dense branch for each modality, joined late."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import nn

from skomics.modules._layers import dense_head, dense_stack, reset_dense
from skomics.modules._modality import PresentOmics, scale_branches

__all__ = ["LFNN"]


class LFNN(nn.Module):
    r"""Late-fusion dense network (Leng et al. 2022).

    .. math:: z = \mathrm{head}([h_1(x_1), \ldots, h_V(x_V)])

    Every modality :math:`x_v` has a branch :math:`h_v` of its own: dense layers, each
    followed by a rectifier and dropout. A perceptron with dropout after every
    hidden layer but the last classifies the joined outputs of the branches.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality.

    n_classes : int
        Number of subtypes.

    branch_sizes : sequence of int
        Widths of the layers of a branch.

    head_sizes : sequence of int
        Widths of the hidden layers after the branches are joined.

    dropout : float
        Dropout rate.

    modality_dropout : float
        Probability of a modality of a sample being dropped in training.

    Notes
    -----
    **Shape**: input `(n, sum(block_sizes))`, output `(n, n_classes)` logits.

    Where a sample lacks a modality, its branch counts as zero and the others, as in
    dropout, for more.

    Weights are Xavier uniform and biases zero, as in the published code.

    NOTE[DIFF]: the published code feeds the second modality to the third branch, so
    that the third modality is never seen; here each branch reads its own modalities.

    NOTE[DIFF]: the published code has two or three branches and, for cancers, four
    classes; here there are as many as the data have.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import LFNN
    >>> module = LFNN(block_sizes=[60, 40], n_classes=3, branch_sizes=(16, 8),
    ...               head_sizes=(8,), dropout=0.1)
    >>> module(torch.randn(10, 100)).shape
    torch.Size([10, 3])
    """

    def __init__(
        self,
        *,
        block_sizes: Sequence[int],
        n_classes: int,
        branch_sizes: Sequence[int],
        head_sizes: Sequence[int],
        dropout: float,
        modality_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.block_sizes = list(block_sizes)
        self.present = PresentOmics(block_sizes, modality_dropout)
        self.branches = nn.ModuleList(
            dense_stack((size, *branch_sizes), dropout) for size in block_sizes
        )
        d_joined = sum((size, *branch_sizes)[-1] for size in block_sizes)
        self.head = dense_head((d_joined, *head_sizes), n_classes, dropout)
        self.reset_parameters()

    @property
    def input_weights(self) -> dict[str, tuple[int, int]]:
        """The weights that read features: by name, the first and last-plus-one one."""
        spans = pairwise(accumulate(self.block_sizes, initial=0))
        return {f"branches.{v}.0.weight": span for v, span in enumerate(spans)}

    @property
    def last_layer(self) -> torch.nn.Module:
        """The layer that reads the embedding."""
        return self.head[-1]

    def reset_parameters(self) -> None:
        """Draw Xavier uniform weights and set the biases to zero."""
        reset_dense(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x, present = self.present(x)
        blocks = x.split(self.block_sizes, dim=1)
        # NOTE[DIFF]: the published code gives the second modality to the third branch,
        # too; here branch v reads omics v.
        hidden = [
            branch(block) for branch, block in zip(self.branches, blocks, strict=True)
        ]
        return self.head(torch.cat(scale_branches(hidden, present), dim=1))
