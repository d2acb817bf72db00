"""moGAT: a graph attention network per omics, joined by VCDN."""

import torch
from torch import nn
from torch.nn import functional as F

from skomics.modules._graph import propagate
from skomics.modules._layers import Dropout
from skomics.modules._mogcn import MultiViewGraphModule

__all__ = ["MoGAT"]


class _GraphAttention(nn.Module):
    r"""Graph attention (Velickovic et al. 2018) with the activation that follows.

    .. math:: e_{ij} = \mathrm{LeakyReLU}(a_1^T W h_i + a_2^T W h_j), \quad
              h_i' = \mathrm{ELU}\Big(\sum_j \mathrm{softmax}_j(e_{ij}) W h_j\Big)

    The score of an edge is a sum of one number per node, so that no tensor of
    pairs of samples and features is ever built.
    """

    def __init__(self, d_in, d_out, *, n_heads, slope, dropout):
        super().__init__()
        self.n_heads, self.slope = n_heads, slope
        self.linear = nn.Linear(d_in, d_out, bias=False)
        self.receiver = nn.Parameter(torch.empty(n_heads, d_out // n_heads))
        self.sender = nn.Parameter(torch.empty(n_heads, d_out // n_heads))
        self.dropout = Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw Xavier uniform weights with gain 1.414, as the published code."""
        nn.init.xavier_uniform_(self.linear.weight, gain=1.414)
        both = torch.empty(2 * self.receiver.shape[1], self.n_heads)
        nn.init.xavier_uniform_(both, gain=1.414)
        with torch.no_grad():
            self.receiver.copy_(both[: len(both) // 2].T)
            self.sender.copy_(both[len(both) // 2 :].T)

    def attention(self, x, hop):
        """Return the values of the sources and each edge's attention per head."""
        values = self.linear(x).unflatten(1, (self.n_heads, -1))
        ours = (values * self.receiver).sum(-1)[hop.destinations]
        theirs = (values * self.sender).sum(-1)
        to, source = hop.receivers, hop.rows[1]
        scores = F.leaky_relu(ours[to] + theirs[source], self.slope)
        # Softmax over each destination's edges; the largest score is taken off
        # first, so that no exponential overflows.
        index = to.unsqueeze(1).expand_as(scores)
        top = scores.new_full(ours.shape, -torch.inf)
        top = top.scatter_reduce(0, index, scores.detach(), "amax")
        weights = (scores - top[to]).exp()
        total = torch.zeros_like(ours).index_add(0, to, weights)
        return values, weights / total[to]

    def forward(self, x, hop):
        """Return the destinations' new values."""
        values, weights = self.attention(x, hop)
        weights = self.dropout(weights)
        heads = zip(values.unbind(1), weights.unbind(1), strict=True)
        mixed = [propagate(hop, value.contiguous(), weight) for value, weight in heads]
        return F.elu(torch.cat(mixed, dim=1))


class MoGAT(MultiViewGraphModule):
    r"""Multi-omics graph attention network (Leng et al. 2022).

    As :class:`MoGCN`, with graph attention in place of graph convolution. The
    graph says who is linked; the attention says how much it counts.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each omics.

    n_classes : int
        Number of subtypes.

    hidden_sizes : sequence of int
        Widths of the attention layers, each a multiple of `n_heads`.

    n_heads : int
        Number of attention heads.

    slope : float
        Slope of the leaky rectifier in the scores.

    dropout : float
        Dropout rate of the attention weights.

    end_to_end : bool
        Whether the loss of the fusion reaches the encoders.

    max_hidden, max_cells : int
        Bounds of :class:`VCDN`.

    modality_dropout : float
        Probability, in training, of the fusion doing without a view of a sample.

    Notes
    -----
    **Shape**: see :meth:`forward`, :meth:`embed` and :meth:`predict`.

    References
    ----------
    Leng et al. (2022), "A benchmark study of deep learning-based multi-omics data
    fusion methods for cancer", Genome Biology 23:171. Velickovic et al. (2018),
    "Graph attention networks", ICLR.
    """

    def __init__(
        self,
        *,
        block_sizes,
        n_classes,
        hidden_sizes,
        n_heads,
        slope,
        dropout,
        end_to_end,
        max_hidden,
        max_cells,
        modality_dropout=0.0,
    ):
        if any(size % n_heads for size in hidden_sizes):
            raise ValueError(
                "hidden_sizes must be multiples of n_heads, got "
                f"hidden_sizes={tuple(hidden_sizes)} and {n_heads=}."
            )
        super().__init__(
            len(block_sizes),
            d_hidden=hidden_sizes[-1],
            n_classes=n_classes,
            end_to_end=end_to_end,
            max_hidden=max_hidden,
            max_cells=max_cells,
            modality_dropout=modality_dropout,
        )
        self.encoders = nn.ModuleList(
            nn.ModuleList(
                _GraphAttention(
                    d_in, d_out, n_heads=n_heads, slope=slope, dropout=dropout
                )
                for d_in, d_out in zip(
                    (size, *hidden_sizes), hidden_sizes, strict=False
                )
            )
            for size in block_sizes
        )
