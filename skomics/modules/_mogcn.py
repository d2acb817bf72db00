"""moGCN: a graph convolutional network per omics, joined by VCDN."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from skomics.modules._fusion import VCDN
from skomics.modules._graph import Hop, propagate
from skomics.modules._layers import Dropout, GroupedLinear
from skomics.modules._missing import drop_omics

__all__ = ["MoGCN", "MultiViewGraphModule", "StackedViews"]

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
        Bounds of :class:`VCDN`.

    modality_dropout : float
        Probability, in training, of the fusion doing without a view of a sample.
    """

    def __init__(
        self,
        n_views,
        *,
        d_hidden,
        n_classes,
        end_to_end,
        max_hidden,
        max_cells,
        modality_dropout,
    ):
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

    def forward(self, views, present=None):
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

    def predict(self, states, views, present=None):
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

    def validate(self, states, views, present=None):
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


class _Activate(torch.autograd.Function):
    # Bias, leaky rectifier and dropout in the place of `x`: one after another, each
    # would take longer to get its memory than to compute.
    @staticmethod
    def forward(ctx, x, bias, keep, scale):
        ctx.mark_dirty(x)
        if bias is not None:
            x.add_(bias)
        F.leaky_relu_(x, _SLOPE)
        factor = None
        if keep is not None:
            factor = keep.to(x.dtype).mul_(scale)
            x.mul_(factor)
        ctx.save_for_backward(x, factor)
        return x

    @staticmethod
    def backward(ctx, grad):
        # What dropout sets to zero has lost its sign, but has no gradient either.
        y, factor = ctx.saved_tensors
        grad = grad if factor is None else grad * factor
        grad = torch.ops.aten.leaky_relu_backward(grad, y, _SLOPE, True)
        to_bias = grad.sum(-2, keepdim=True) if ctx.needs_input_grad[1] else None
        return grad, to_bias, None, None


class _GraphConvolutions(nn.Module):
    r"""A graph convolution for each view, with the activation that follows it.

    .. math:: H' = \mathrm{dropout}(\phi(A H W + b))

    Views of one width are kept as one tensor and run as one product.
    """

    def __init__(self, sizes, d_out, dropout):
        super().__init__()
        if len(set(sizes)) == 1:
            self.weight = nn.Parameter(torch.empty(len(sizes), sizes[0], d_out))
        else:
            self.weight = nn.ParameterList(torch.empty(d_in, d_out) for d_in in sizes)
        self.bias = nn.Parameter(torch.zeros(len(sizes), 1, d_out))
        self.dropout = Dropout(dropout)
        for weight in self.weight:
            nn.init.xavier_normal_(weight)

    def multiply(self, x):
        """Return the products of the views' values and weights, view by view."""
        if isinstance(self.weight, nn.ParameterList):
            return torch.stack([a @ w for a, w in zip(x, self.weight, strict=True)])
        return torch.bmm(x, self.weight)

    def activate(self, x, bias):
        """Add the bias to the sums; return their leaky rectifier after dropout."""
        return _Activate.apply(x, bias, *self.dropout.draw(x))

    def __getitem__(self, view):
        return _GraphConvolution(self.weight[view], self.bias[view], self.activate)


class _GraphConvolution(NamedTuple):
    """One view's part of a layer."""

    weight: torch.Tensor
    bias: torch.Tensor
    activate: Callable

    def __call__(self, x, hop):
        """Return the destinations' new values."""
        if hop is None:
            # The sums over neighbours have been taken beforehand.
            return self.activate(x @ self.weight, self.bias)
        d_in, d_out = self.weight.shape
        if len(hop.destinations) < hop.n_sources or d_in < d_out:
            return self.activate(propagate(hop, x) @ self.weight, self.bias)
        return self.activate(propagate(hop, x @ self.weight), self.bias)


@dataclass(frozen=True)
class StackedViews:
    """All samples of all views at once, for :class:`MoGCN`.

    Parameters
    ----------
    sums : Tensor of shape (n_views, n, d), or list of Tensor of shape (n, d)
        Each view's features, summed over neighbours: the first layer's sums do not
        change in training. One tensor where the views have one width.

    hop : Hop
        The graphs of all views as one, block by block.
    """

    sums: torch.Tensor | list
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

    modality_dropout : float
        Probability, in training, of the fusion doing without a view of a sample.

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
        modality_dropout=0.0,
    ):
        super().__init__(
            len(block_sizes),
            d_hidden=hidden_sizes[-1],
            n_classes=n_classes,
            end_to_end=end_to_end,
            max_hidden=max_hidden,
            max_cells=max_cells,
            modality_dropout=modality_dropout,
        )
        inputs = [block_sizes, *([size] * len(block_sizes) for size in hidden_sizes)]
        rates = [dropout] * (len(hidden_sizes) - 1) + [0.0]
        self.layers = nn.ModuleList(
            _GraphConvolutions(*layer)
            for layer in zip(inputs[:-1], hidden_sizes, rates, strict=True)
        )

    @property
    def encoders(self):
        """For each view, its part of every layer."""
        return [
            [layer[v] for layer in self.layers] for v in range(len(self.heads.weight))
        ]

    def forward(self, views, present=None):
        """Return the logits that training compares with the labels.

        Parameters
        ----------
        views : StackedViews or list of (Tensor, list of Hop)
            All samples of all views at once, or as in :class:`MoGAT`.

        present : Tensor of shape (n, n_views), dtype bool, default=None
            Which views each sample has; None if all have all.

        Returns
        -------
        logits : Tensor of shape (n_views + 1, n, n_classes)
            Logits of each view and, except with one view or while only views
            are trained, of the fusion.
        """
        if not isinstance(views, StackedViews):
            return super().forward(views, present)
        first, *others = self.layers
        x = first.activate(first.multiply(views.sums), first.bias)
        for layer in others:
            x = layer.activate(propagate(views.hop, layer.multiply(x)), layer.bias)
        return self._with_fusion(self.heads(x), present)
