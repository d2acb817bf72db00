"""moGAT: a graph attention network per modality, joined by VCDN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import GATConv

from skomics.modules._graph import Hop
from skomics.modules._layers import Dropout
from skomics.modules._mogcn import MultiViewGraphModule

__all__ = ["MoGAT"]


class _GraphAttention(GATConv):
    r"""torch-geometric's graph attention with the activation that follows it.

    .. math:: e_{ij} = \mathrm{LeakyReLU}(a_1^T W h_i + a_2^T W h_j), \quad
              h_i' = \mathrm{ELU}\Big(\sum_j \mathrm{softmax}_j(e_{ij}) W h_j\Big)
    """

    def __init__(self, d_in, d_out, *, n_heads, slope, dropout):
        super().__init__(
            d_in,
            d_out // n_heads,
            heads=n_heads,
            negative_slope=slope,
            add_self_loops=False,
            bias=False,
        )
        # torch-geometric's own dropout would draw from the process's generator.
        self.attention_dropout = Dropout(dropout)
        self._reset_as_published()

    def _reset_as_published(self):
        """Draw Xavier uniform weights with gain 1.414, as the published code."""
        nn.init.xavier_uniform_(self.lin.weight, gain=1.414)
        both = torch.empty(2 * self.out_channels, self.heads)
        nn.init.xavier_uniform_(both, gain=1.414)
        with torch.no_grad():
            self.att_dst[0] = both[: self.out_channels].T
            self.att_src[0] = both[self.out_channels :].T

    def forward(self, x, edges, edge_weight=None):
        """Return the destinations' new values.

        Edges are a hop, or edges in torch-geometric's form, whose weights do not
        count: attention weighs them.
        """
        if not isinstance(edges, Hop):
            return F.elu(super().forward(x, edges))
        if edges.is_bipartite:
            x = (x, x[edges.destinations])
        size = edges.adjacency.shape[::-1]
        return F.elu(super().forward(x, edges.edge_index, size=size))

    def edge_update(self, alpha_j, alpha_i, edge_attr, index, ptr, dim_size):
        """Return the attention of each edge, of which dropout takes a part away."""
        weights = super().edge_update(alpha_j, alpha_i, edge_attr, index, ptr, dim_size)
        return self.attention_dropout(weights)


class MoGAT(MultiViewGraphModule):
    r"""Multi-omics graph attention network (Leng et al. 2022).

    As :class:`MoGCN`, with graph attention in place of graph convolution. The
    graph says who is linked; the attention says how much it counts.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality.

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
        Bounds of VCDN.

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

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from scipy import sparse
    >>> from skomics.modules import Hop, MoGAT
    >>> links = sparse.csr_array(np.ones((4, 4)))
    >>> hop = Hop.from_scipy(links, range(4), device="cpu", dtype=torch.float32)
    >>> module = MoGAT(
    ...     block_sizes=[5, 3], n_classes=3, hidden_sizes=[8], n_heads=2, slope=0.2,
    ...     dropout=0.0, end_to_end=True, max_hidden=64, max_cells=1000)
    >>> views = [(torch.zeros(4, 5), [hop]), (torch.zeros(4, 3), [hop])]
    >>> module(views).shape
    torch.Size([3, 4, 3])
    """

    def __init__(
        self,
        *,
        block_sizes: Sequence[int],
        n_classes: int,
        hidden_sizes: Sequence[int],
        n_heads: int,
        slope: float,
        dropout: float,
        end_to_end: bool,
        max_hidden: int,
        max_cells: int,
        modality_dropout: float = 0.0,
    ) -> None:
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
