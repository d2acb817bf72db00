"""moGCN: a graph convolutional network per omics, joined by VCDN."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from skomics.modules._fusion import VCDN
from skomics.modules._graph import Hop, propagate
from skomics.modules._layers import Dropout

__all__ = ["MoGCN", "MultiViewGraphModule", "StackedViews"]


class MultiViewGraphModule(nn.Module):
    """An encoder and a classifier per view, and VCDN on top.

    Parameters
    ----------
    encoders : list of torch.nn.Module
        One per view. Each has `layers`, and each layer is called with the values
        of a hop's sources and the hop.

    d_hidden : int
        Width that the encoders hand on.

    n_classes : int
        Number of subtypes.

    end_to_end : bool
        Whether the loss of the fusion reaches the encoders.

    max_hidden, max_cells : int
        Bounds of :class:`VCDN`.
    """

    def __init__(
        self, encoders, *, d_hidden, n_classes, end_to_end, max_hidden, max_cells
    ):
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.heads = nn.ModuleList(nn.Linear(d_hidden, n_classes) for _ in encoders)
        self.end_to_end = end_to_end
        # Set during pretraining, when the views are trained and fusion is not.
        self.views_only = False
        self.fusion = None
        if len(encoders) > 1:
            self.fusion = VCDN(
                n_views=len(encoders),
                n_classes=n_classes,
                max_hidden=max_hidden,
                max_cells=max_cells,
            )
        for head in self.heads:
            nn.init.xavier_normal_(head.weight)
            nn.init.zeros_(head.bias)

    def _fuse(self, view_logits):
        return view_logits[0] if self.fusion is None else self.fusion(view_logits)

    def forward(self, views):
        """Return the logits that training compares with the labels.

        Parameters
        ----------
        views : list of (Tensor, list of Hop)
            Values of the outermost sources of each view, and a hop per layer.

        Returns
        -------
        logits : Tensor of shape (n_views + 1, n, n_classes)
            Logits of each view and, except with one view or while only views
            are trained, of the fusion.
        """
        logits = []
        for encoder, head, (x, hops) in zip(
            self.encoders, self.heads, views, strict=True
        ):
            for layer, hop in zip(encoder, hops, strict=True):
                x = layer(x, hop)
            logits.append(head(x))
        return self._with_fusion(torch.stack(logits))

    def _with_fusion(self, logits):
        """Put the fusion's logits under those of the views, if it is trained."""
        if self.fusion is None or self.views_only:
            return logits
        # NOTE[DIFF]: the published code gives fusion a forward pass of its own
        # and throws its gradient for the encoders away; cutting it off here
        # trains the same weights on the same losses at half the cost.
        fused = self.fusion(logits if self.end_to_end else logits.detach())
        return torch.cat([logits, fused.unsqueeze(0)])

    def embed(self, views):
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

    def predict(self, states, views):
        """Return logits of new samples that are linked to training samples.

        Parameters
        ----------
        states : list of list of Tensor
            From :meth:`embed`; new samples do not change them.

        views : list of (Tensor, Hop)
            Features of the new samples, and a hop from the training samples
            followed by the new samples to the new samples.

        Returns
        -------
        logits : Tensor of shape (n_new, n_classes)
            Logits of the fusion, or of the only view.
        """
        return self._fuse(self._predict_views(states, views))

    def validate(self, states, views):
        """Return logits of new samples in the form of :meth:`forward`.

        Parameters
        ----------
        states, views
            As for :meth:`predict`.

        Returns
        -------
        logits : Tensor of shape (n_views + 1, n_new, n_classes)
            Logits to compare with the labels, as :meth:`forward` returns them.
        """
        return self._with_fusion(self._predict_views(states, views))

    def _predict_views(self, states, views):
        logits = []
        for encoder, head, inputs, (x, hop) in zip(
            self.encoders, self.heads, states, views, strict=True
        ):
            for layer, trained in zip(encoder, inputs, strict=True):
                x = layer(torch.cat([trained, x]), hop)
            logits.append(head(x))
        return torch.stack(logits)


class _GraphConvolution(nn.Module):
    r"""Graph convolution with the activation that follows it.

    .. math:: H' = \mathrm{dropout}(\phi(A H W + b))
    """

    def __init__(self, d_in, d_out, dropout):
        super().__init__()
        self.linear = nn.Linear(d_in, d_out)
        self.dropout = Dropout(dropout)
        nn.init.xavier_normal_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x, hop):
        """Return the destinations' new values."""
        if hop is None:
            # The sums over neighbours have been taken beforehand.
            mixed = self.linear(x)
        elif (
            len(hop.destinations) < hop.n_sources
            or self.linear.in_features < self.linear.out_features
        ):
            mixed = self.linear(propagate(hop, x))
        else:
            mixed = propagate(hop, x @ self.linear.weight.T) + self.linear.bias
        return self.activate(mixed)

    def activate(self, x):
        """Return what follows the sums: leaky rectifier and dropout."""
        return self.dropout(F.leaky_relu(x, 0.25, inplace=True))


@dataclass(frozen=True)
class StackedViews:
    """All samples of all views at once, for :class:`MoGCN`.

    Parameters
    ----------
    sums : list of Tensor of shape (n, d)
        Each view's features, summed over neighbours: the first layer's sums do not
        change in training.

    hop : Hop
        The graphs of all views as one, block by block.
    """

    sums: list
    hop: Hop


class MoGCN(MultiViewGraphModule):
    r"""Multi-omics graph convolutional network (MOGONET; Wang et al. 2021).

    For each omics, graph convolutions on a graph of similar samples,

    .. math:: H^{(l+1)} = \phi(A H^{(l)} W^{(l)} + b^{(l)}),

    and a linear classifier; :class:`VCDN` joins the omics' logits.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each omics.

    n_classes : int
        Number of subtypes.

    hidden_sizes : sequence of int
        Widths of the graph convolutions.

    dropout : float
        Dropout rate after every convolution but the last.

    end_to_end : bool
        Whether the loss of the fusion reaches the encoders.

    max_hidden, max_cells : int
        Bounds of :class:`VCDN`.

    Notes
    -----
    **Shape**: see :meth:`forward`, :meth:`embed` and :meth:`predict`.

    The sums over neighbours in the first layer do not change in training, so
    that they may be taken once: give them as the values, and None as the hop.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks", Nature Communications 12:3445.
    """

    def __init__(
        self,
        *,
        block_sizes,
        n_classes,
        hidden_sizes,
        dropout,
        end_to_end,
        max_hidden,
        max_cells,
    ):
        rates = [dropout] * (len(hidden_sizes) - 1) + [0.0]
        encoders = [
            nn.ModuleList(
                _GraphConvolution(d_in, d_out, rate)
                for d_in, d_out, rate in zip(
                    (size, *hidden_sizes), hidden_sizes, rates, strict=False
                )
            )
            for size in block_sizes
        ]
        super().__init__(
            encoders,
            d_hidden=hidden_sizes[-1],
            n_classes=n_classes,
            end_to_end=end_to_end,
            max_hidden=max_hidden,
            max_cells=max_cells,
        )

    def forward(self, views):
        """Return the logits that training compares with the labels.

        Parameters
        ----------
        views : StackedViews or list of (Tensor, list of Hop)
            All samples of all views at once, or as in :class:`MoGAT`.

        Returns
        -------
        logits : Tensor of shape (n_views + 1, n, n_classes)
            Logits of each view and, except with one view or while only views
            are trained, of the fusion.
        """
        if not isinstance(views, StackedViews):
            return super().forward(views)
        first, *others = zip(*self.encoders, strict=True)
        x = torch.stack(
            [layer.linear(s) for layer, s in zip(first, views.sums, strict=True)]
        )
        x = first[0].activate(x)
        for layers in others:
            weight, bias = _stacked([layer.linear for layer in layers])
            mixed = propagate(views.hop, torch.bmm(x, weight).flatten(0, 1))
            x = layers[0].activate(mixed.view(*x.shape[:2], -1).add_(bias))
        weight, bias = _stacked(self.heads)
        return self._with_fusion(torch.baddbmm(bias, x, weight))


def _stacked(layers):
    """Return weights (n_views, d_in, d_out) and biases of one layer per view."""
    weight = torch.stack([layer.weight for layer in layers]).transpose(1, 2)
    return weight, torch.stack([layer.bias for layer in layers]).unsqueeze(1)
