"""efNN: one dense network on the joined features of all modalities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from skomics.modules._layers import dense_head, reset_dense
from skomics.modules._modality import PresentOmics, indicators

__all__ = ["EFNN"]


class EFNN(nn.Module):
    r"""Early-fusion dense network (Leng et al. 2022).

    .. math:: z = W_L \, \phi(\cdots \phi(W_1 x + b_1) \cdots) + b_L

    with :math:`\phi` the rectifier, followed by dropout after every hidden layer
    except the last.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality. Only their sum matters.

    n_classes : int
        Number of subtypes.

    hidden_sizes : sequence of int
        Widths of the hidden layers.

    dropout : float
        Dropout rate after each hidden layer but the last.

    modality_dropout : float
        Probability of a modality of a sample being dropped in training.

    has_indicators : bool
        Whether the network reads, beside the features, which modalities a sample has.

    Notes
    -----
    **Shape**: input `(n, sum(block_sizes))`, output `(n, n_classes)` logits.

    Where a sample lacks a modality, the training means stand in.

    Weights are Xavier uniform and biases zero, as in the published code.

    NOTE[DIFF]: the published code has a sigmoid unit for two classes, fed with
    one-hot labels, which cannot work; here two classes have two logits.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import EFNN
    >>> module = EFNN(block_sizes=[60, 40], n_classes=3, hidden_sizes=(16, 8),
    ...               dropout=0.1)
    >>> module(torch.randn(10, 100)).shape
    torch.Size([10, 3])
    """

    def __init__(
        self,
        *,
        block_sizes: Sequence[int],
        n_classes: int,
        hidden_sizes: Sequence[int],
        dropout: float,
        modality_dropout: float = 0.0,
        has_indicators: bool = False,
    ) -> None:
        super().__init__()
        self.present = PresentOmics(block_sizes, modality_dropout)
        self.n_indicators = len(block_sizes) if has_indicators else 0
        sizes = (sum(block_sizes) + self.n_indicators, *hidden_sizes)
        self.layers = dense_head(sizes, n_classes, dropout)
        self.reset_parameters()

    @property
    def input_weights(self) -> dict[str, tuple[int, int]]:
        """The weights that read features: by name, the first and last-plus-one one."""
        return {"layers.0.weight": (0, len(self.present.fill))}

    @property
    def last_layer(self) -> torch.nn.Module:
        """The layer that reads the embedding."""
        return self.layers[-1]

    def reset_parameters(self) -> None:
        """Draw Xavier uniform weights and set the biases to zero."""
        reset_dense(self.layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x, present = self.present(x)
        if self.n_indicators:
            x = torch.cat([x, indicators(x, present, self.n_indicators)], dim=1)
        return self.layers(x)
