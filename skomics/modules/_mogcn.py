"""moGCN: a graph convolutional network per modality, joined by VCDN."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import GCNConv

from skomics.modules._fusion import VCDN
from skomics.modules._graph import Hop
from skomics.modules._layers import Dropout, GroupedLinear
from skomics.modules._modality import drop_omics

__all__ = ["MoGCN", "MultiViewGraphModule"]

# Slope of the leaky rectifier, as in the published code.
_SLOPE = 0.25


class MultiViewGraphModule(nn.Module):
    """An encoder and a classifier per view, and VCDN on top.

    A subclass has `encoders`: for each view, a sequence of layers that are called
    with the values of a hop's sources and the hop.

    Parameters
    ----------
    n_views : int
        Number of views.

    d_hidden : int
        Width that the encoders hand on.

    n_classes : int
        Number of subtypes.

    end_to_end : bool
        Whether the loss of the fusion reaches the encoders.

    max_hidden, max_cells : int
        Bounds of VCDN.

    modality_dropout : float
        Probability, in training, of the fusion doing without a view of a sample.
    """

    def __init__(
        self,
        n_views: int,
        *,
        d_hidden: int,
        n_classes: int,
        end_to_end: bool,
        max_hidden: int,
        max_cells: int,
        modality_dropout: float,
    ) -> None:
        super().__init__()
        self.modality_dropout = modality_dropout
        self.heads = GroupedLinear(n_views, d_hidden, n_classes)
        self.end_to_end = end_to_end
        # Set during pretraining, when the views are trained and fusion is not.
        self.views_only = False
        self.fusion = None
        if n_views > 1:
            self.fusion = VCDN(
                n_views=n_views,
                n_classes=n_classes,
                max_hidden=max_hidden,
                max_cells=max_cells,
            )
        for weight in self.heads.weight:
            nn.init.xavier_normal_(weight)

    @property
    def input_weights(self) -> dict[str, tuple[int, int]]:
        """The weights that read features: by name, the first and last-plus-one one."""
        sizes = [encoder[0].lin.weight.shape[1] for encoder in self.encoders]
        spans = pairwise(accumulate(sizes, initial=0))
        return {f"encoders.{v}.0.lin.weight": span for v, span in enumerate(spans)}

    @property
    def last_layer(self) -> torch.nn.Module:
        """The layer that reads the embedding: each view's classifier."""
        return self.heads

    def _fuse(self, logits, present):
        """Return the fusion of the views' logits.

        The mean of the views that a sample has stands in for the others.
        """
        rate = self.modality_dropout if self.training else 0.0
        if present is None and rate > 0:
            present = torch.ones(logits.shape[1::-1], dtype=bool, device=logits.device)
        if present is not None:
            present = drop_omics(present, rate).T.unsqueeze(-1)
            mean = (logits * present).sum(0) / present.sum(0)
            logits = torch.where(present, logits, mean)
        return self.fusion(logits)

    def forward(
        self,
        views: Sequence[tuple[torch.Tensor, list[Hop]]],
        present: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the logits that training compares with the labels.

        Parameters
        ----------
        views : list of (Tensor, list of Hop)
            Values of the outermost sources of each view, and a hop per layer.

        present : Tensor of shape (n, n_views), dtype bool, default=None
            Which views each sample has; None if all have all.

        Returns
        -------
        logits : Tensor of shape (n_views + 1, n, n_classes)
            Logits of each view and, except with one view or while only views
            are trained, of the fusion.
        """
        hidden = []
        for encoder, (x, hops) in zip(self.encoders, views, strict=True):
            for layer, hop in zip(encoder, hops, strict=True):
                x = layer(x, hop)
            hidden.append(x)
        return self._with_fusion(self.heads(torch.stack(hidden)), present)

    def _with_fusion(self, logits, present):
        """Put the fusion's logits under those of the views, if it is trained."""
        if self.fusion is None or self.views_only:
            return logits
        # NOTE[DIFF]: the published code gives fusion a forward pass of its own
        # and throws its gradient for the encoders away; cutting it off here
        # trains the same weights on the same losses at half the cost.
        fused = self._fuse(logits if self.end_to_end else logits.detach(), present)
        return torch.cat([logits, fused.unsqueeze(0)])

    def view(self, index: int) -> torch.nn.Module:
        """Return one view's encoder and classifier as a torch-geometric module.

        Parameters
        ----------
        index : int
            Position of the view.

        Returns
        -------
        module : torch.nn.Module
            Called with features, `edge_index` and edge weights, it returns logits. It
            shares its weights with this module.
        """
        return _View(self.encoders[index], self.heads, index)

    def embed(
        self, views: Sequence[tuple[torch.Tensor, list[Hop]]]
    ) -> list[list[torch.Tensor]]:
        """Return every layer's input for the training samples, per view.

        Parameters
        ----------
        views : list of (Tensor, list of Hop)
            Features of all training samples, and the training graph as hops.

        Returns
        -------
        states : list of list of Tensor
            For each view, the input of each layer.
        """
        states = []
        for encoder, (x, hops) in zip(self.encoders, views, strict=True):
            inputs = [x]
            for layer, hop in zip(encoder[:-1], hops, strict=False):
                inputs.append(layer(inputs[-1], hop))
            states.append(inputs)
        return states

    def predict(
        self,
        states: list[list[torch.Tensor]],
        views: Sequence[tuple[torch.Tensor, Hop]],
        present: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return logits of new samples that are linked to training samples.

        Parameters
        ----------
        states : list of list of Tensor
            From :meth:`embed`; new samples do not change them.

        views : list of (Tensor, Hop)
            Features of the new samples, and a hop from the training samples
            followed by the new samples to the new samples.

        present : Tensor of shape (n, n_views), dtype bool, default=None
            Which views each sample has; None if all have all.

        Returns
        -------
        logits : Tensor of shape (n_new, n_classes)
            Logits of the fusion, or of the only view.
        """
        logits = self._predict_views(states, views)
        return logits[0] if self.fusion is None else self._fuse(logits, present)

    def validate(
        self,
        states: list[list[torch.Tensor]],
        views: Sequence[tuple[torch.Tensor, Hop]],
        present: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return logits of new samples in the form of :meth:`forward`.

        Parameters
        ----------
        states, views, present
            As for :meth:`predict`.

        Returns
        -------
        logits : Tensor of shape (n_views + 1, n_new, n_classes)
            Logits to compare with the labels, as :meth:`forward` returns them.
        """
        return self._with_fusion(self._predict_views(states, views), present)

    def _predict_views(self, states, views):
        hidden = []
        for encoder, inputs, (x, hop) in zip(self.encoders, states, views, strict=True):
            for layer, trained in zip(encoder, inputs, strict=True):
                x = layer(torch.cat([trained, x]), hop)
            hidden.append(x)
        return self.heads(torch.stack(hidden))


class _View(nn.Module):
    """One view of a module on graphs, in the form that torch-geometric expects."""

    def __init__(self, encoder, heads, index):
        super().__init__()
        self.encoder, self.heads, self.index = encoder, heads, index

    def forward(self, x, edge_index, edge_weight=None):
        """Return logits of shape (n_nodes, n_classes)."""
        for layer in self.encoder:
            x = layer(x, edge_index, edge_weight)
        return x @ self.heads.weight[self.index] + self.heads.bias[self.index]


class _GraphConvolution(GCNConv):
    r"""torch-geometric's graph convolution with the activation that follows it.

    .. math:: H' = \mathrm{dropout}(\phi(A H W + b))

    The graph comes normalized, with self loops.
    """

    def __init__(self, d_in, d_out, *, dropout):
        super().__init__(d_in, d_out, normalize=False)
        self.dropout = Dropout(dropout)
        nn.init.xavier_normal_(self.lin.weight)

    def forward(self, x, edges, edge_weight=None):
        """Return the destinations' new values.

        Edges are a hop, edges in torch-geometric's form with their weights, or None
        where the sums over neighbors have been taken beforehand.
        """
        if edges is None:
            sums = self.lin(x) + self.bias
        else:
            edges = edges.adjacency if isinstance(edges, Hop) else edges
            sums = super().forward(x, edges, edge_weight)
        return self.dropout(F.leaky_relu(sums, _SLOPE))


class MoGCN(MultiViewGraphModule):
    r"""Multi-omics graph convolutional network (MOGONET; Wang et al. 2021).

    For each modality, graph convolutions on a graph of similar samples,

    .. math:: H^{(l+1)} = \phi(A H^{(l)} W^{(l)} + b^{(l)}),

    and a linear classifier; VCDN joins the omics' logits.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality.

    n_classes : int
        Number of subtypes.

    hidden_sizes : sequence of int
        Widths of the graph convolutions.

    dropout : float
        Dropout rate after every convolution but the last.

    end_to_end : bool
        Whether the loss of the fusion reaches the encoders.

    max_hidden, max_cells : int
        Bounds of VCDN.

    modality_dropout : float
        Probability, in training, of the fusion doing without a view of a sample.

    Notes
    -----
    **Shape**: see :meth:`forward`, :meth:`embed` and :meth:`predict`.

    The sums over neighbors in the first layer do not change in training, so
    that they may be taken once: give them as the values, and None as the hop.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks", Nature Communications 12:3445.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from scipy import sparse
    >>> from skomics.modules import Hop, MoGCN
    >>> links = sparse.csr_array(np.ones((4, 4)))
    >>> hop = Hop.from_scipy(links, range(4), device="cpu", dtype=torch.float32)
    >>> module = MoGCN(
    ...     block_sizes=[5, 3], n_classes=3, hidden_sizes=[8], dropout=0.0,
    ...     end_to_end=True, max_hidden=64, max_cells=1000)
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
        dropout: float,
        end_to_end: bool,
        max_hidden: int,
        max_cells: int,
        modality_dropout: float = 0.0,
    ) -> None:
        super().__init__(
            len(block_sizes),
            d_hidden=hidden_sizes[-1],
            n_classes=n_classes,
            end_to_end=end_to_end,
            max_hidden=max_hidden,
            max_cells=max_cells,
            modality_dropout=modality_dropout,
        )
        rates = [dropout] * (len(hidden_sizes) - 1) + [0.0]
        self.encoders = nn.ModuleList(
            nn.ModuleList(
                _GraphConvolution(d_in, d_out, dropout=rate)
                for d_in, d_out, rate in zip(
                    (size, *hidden_sizes), hidden_sizes, rates, strict=False
                )
            )
            for size in block_sizes
        )
