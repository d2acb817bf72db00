"""SMA networks of one architecture, trained side by side on the same batches."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from skomics.modules._fusion import average_members
from skomics.modules._layers import Dropout
from skomics.modules._sma import SMA, _FeatureTokenizer

__all__ = ["SMAStack", "stack_sma"]


def stack_sma(module: SMA, dropouts: Sequence[float]) -> SMAStack:
    """Return candidates that begin with the weights of one network.

    Parameters
    ----------
    module : SMA
        The network, which is left as it is.

    dropouts : sequence of float
        Dropout rate of each candidate inside the encoders and perceptrons: all are
        zero, or none is.

    Returns
    -------
    stack : SMAStack
        As many candidates as there are rates.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import SMA
    >>> from skomics.modules._sma_stack import stack_sma
    >>> module = SMA(block_sizes=[60, 40], n_classes=3, n_tokens=5, d_model=8,
    ...              n_heads=2, depth=1, d_feedforward=16, dropout=0.0,
    ...              input_dropout=0.0, token_projection="per_token",
    ...              pooling="mean", share_weights=False, linear_path=False,
    ...              n_ensemble=1)
    >>> stack_sma(module, [0.1, 0.2]).eval()(torch.randn(10, 100)).shape
    torch.Size([2, 10, 3])
    """
    stack = copy.deepcopy(module)
    stack.__class__ = SMAStack
    stack._grow(dropouts)
    return stack


class SMAStack(SMA):
    r"""Candidates of one architecture as further groups of one SMA.

    Candidate `c` computes what an :class:`SMA` with its weights does. All see the same
    samples, and draw the random numbers that one of them would draw by itself, so that
    a stack learns what its candidates learn one by one, up to the rounding of sums.
    :func:`stack_sma` makes one.

    Notes
    -----
    **Shape**: input as for :class:`SMA`; output in training mode
    `(n_stacked, n_ensemble, n, n_classes)` logits, in evaluation mode
    `(n_stacked, n, n_classes)` logarithms of the members' mean probabilities.

    Each weight has the candidates in its first dimension: the tokens' projection as
    `(n_stacked, n_maps, width, n_groups * d_model)`, others with the groups of each
    candidate, as `(n_stacked * n_groups, ...)`.
    """

    def _grow(self, dropouts):
        """Repeat all weights, and let the candidates share what they draw."""
        self.n_stacked = n_stacked = len(dropouts)
        for name, weight in list(self.named_parameters()):
            owner, _, attribute = name.rpartition(".")
            weight = weight.detach()
            weight = weight[None] if name == _PROJECTION else weight
            grown = weight.repeat(n_stacked, *[1] * (weight.ndim - 1))
            setattr(self.get_submodule(owner), attribute, nn.Parameter(grown))
        self.is_residual = self.is_residual.repeat(n_stacked, 1, 1)
        self.n_ensemble *= n_stacked
        self.tokenizer.__class__ = _StackedTokenizer
        self.tokenizer.n_groups *= n_stacked
        for layer in self.layers:
            layer.dropout = _SharedDropout(dropouts)
        self.perceptron[2] = _SharedDropout(dropouts)
        self.head[2] = _SharedDropout(dropouts)

    def parts(self, name: str, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the candidates' parts of a weight, or of what has its shape.

        Parameters
        ----------
        name : str
            Name of the weight, for an :class:`SMA` too.

        weight : Tensor
            The weight, its gradient, or what an optimizer remembers of it.

        Returns
        -------
        parts : tuple of Tensor
            Of the shape that an :class:`SMA` has; they share memory with the weight.
        """
        weight = weight.detach()
        if name == _PROJECTION:
            return weight.unbind(0)
        return weight.view(self.n_stacked, -1, *weight.shape[1:]).unbind(0)

    def keep(self, kept: Sequence[int]) -> None:
        """Leave some candidates out.

        Parameters
        ----------
        kept : list of int
            Positions of the candidates that stay.
        """
        for name, weight in list(self.named_parameters()):
            owner, _, attribute = name.rpartition(".")
            parts = self.parts(name, weight)
            join = torch.stack if name == _PROJECTION else torch.cat
            rest = nn.Parameter(join([parts[c] for c in kept]))
            setattr(self.get_submodule(owner), attribute, rest)
        share = self.n_ensemble // self.n_stacked
        self.n_stacked, self.n_ensemble = len(kept), len(kept) * share
        self.is_residual = self.is_residual[: self.n_ensemble]
        self.tokenizer.n_groups = self.n_ensemble * self.n_encoders
        for module in self.modules():
            if isinstance(module, _SharedDropout):
                module.keep(kept)

    def forward(
        self, x: torch.Tensor, offsets: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits; see the class for the shapes in each mode."""
        logits = self._member_logits(x, offsets).unflatten(0, (self.n_stacked, -1))
        return logits if self.training else average_members(logits.transpose(0, 1))


# The weight whose groups are its last columns in an SMA.
_PROJECTION = "tokenizer.weight"


class _StackedTokenizer(_FeatureTokenizer):
    """A projection for each candidate, of the same features."""

    def forward(self, x):
        """Return tokens of shape (n_stacked * n_groups, n, n_tokens, d_model)."""
        n_tokens, width = self.index.shape
        columns = F.pad(x.T, (0, 0, 0, 1)).index_select(0, self.index.flatten())
        columns = columns.view(n_tokens, width, len(x))
        tokens = _Project.apply(columns, self.weight)  # (C, T, n, g * d)
        tokens = tokens.unflatten(3, (-1, self.d_model)).permute(0, 3, 2, 1, 4)
        return self.place(tokens.reshape(self.n_groups, len(x), n_tokens, -1))


class _Project(torch.autograd.Function):
    """Project the same tokens by the weights of one candidate after another.

    The weights of each candidate are in one piece, as an optimizer wants them, and the
    tokens are not repeated for each.
    """

    @staticmethod
    def forward(ctx, columns, weight):
        ctx.save_for_backward(columns, weight)
        patches = columns.transpose(1, 2)
        out = weight.new_empty(
            len(weight), len(columns), columns.shape[2], weight.shape[3]
        )
        for own, result in zip(weight, out, strict=True):
            torch.matmul(patches, own, out=result)
        return out

    @staticmethod
    def backward(ctx, gradient):
        columns, weight = ctx.saved_tensors
        out = torch.empty_like(weight)
        for own, result in zip(gradient, out, strict=True):
            if len(result) == len(columns):
                torch.bmm(columns, own, out=result)
            else:  # one projection for all tokens
                result.copy_(torch.bmm(columns, own).sum(0, keepdim=True))
        return None, out


class _SharedDropout(nn.Module):
    """Dropout for which one candidate's draws serve all, by the rate of each."""

    def __init__(self, rates):
        super().__init__()
        self.each = [Dropout(rate) for rate in rates]

    def keep(self, kept):
        """Leave the rates of some candidates out."""
        self.each = [self.each[c] for c in kept]

    def forward(self, x):
        """Zero elements at random in training mode; do nothing otherwise."""
        if not self.training or round(self.each[0].p * 256) == 0:
            return x
        stacked = x.unflatten(0, (len(self.each), -1))
        draws = Dropout.uniform(stacked[0])
        factors = {}
        for rate in self.each:
            if rate.p not in factors:
                keep, scale = rate.compare(draws)
                factors[rate.p] = keep.to(x.dtype).mul_(scale)
        if len(factors) == 1:
            return (stacked * factors.popitem()[1]).view(x.shape)
        factors = torch.stack([factors[rate.p] for rate in self.each])
        return (stacked * factors).view(x.shape)
