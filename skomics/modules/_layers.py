"""Layers that two or more models use. They know tensors only."""

import math

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["Dropout", "GroupedLinear", "sinusoidal_positions"]


class Dropout(nn.Module):
    """Dropout that draws one random byte, not one random float, per element.

    On a CPU, drawing the mask takes about a third of a small attention model's
    step when each element costs a float. Here one 64-bit draw serves eight
    elements. The rate is rounded to a multiple of 1/256 and the kept elements
    are scaled by the inverse of the rounded rate, so that the expectation is exact.
    On other devices it is :func:`torch.nn.functional.dropout`.

    Parameters
    ----------
    p : float
        Probability of an element being zeroed, in [0, 1).

    Notes
    -----
    **Shape**: any input shape; the output has the same shape.
    """

    def __init__(self, p):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p must be in [0, 1), got {p!r}.")
        self.p = p

    def forward(self, x):
        """Zero elements at random in training mode; do nothing otherwise."""
        threshold = round(self.p * 256)
        if not self.training or threshold == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p, training=True)
        n_draws = -(-x.numel() // 8)
        draws = torch.empty(n_draws, dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= threshold
        scale = 256 / (256 - threshold)
        return x * keep.to(x.dtype).mul_(scale)

    def extra_repr(self):
        """Return the rate, shown when the module is printed."""
        return f"p={self.p}"


class GroupedLinear(nn.Module):
    r"""One linear layer for each of several groups, as one batched product.

    .. math:: y_g = x_g W_g + b_g

    Siamese encoders and ensemble members are groups: they have weights of their
    own but run as one batched matrix product, which for small layers is several
    times faster than one call per group.

    Parameters
    ----------
    n_groups, d_in, d_out : int
        Number of groups, input width, output width.

    Notes
    -----
    **Shape**: input `(n_groups, *, d_in)`, output `(n_groups, *, d_out)`.
    """

    def __init__(self, n_groups, d_in, d_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_groups, d_in, d_out))
        self.bias = nn.Parameter(torch.empty(n_groups, 1, d_out))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw Xavier uniform weights and set the biases to zero."""
        _, d_in, d_out = self.weight.shape
        bound = math.sqrt(6 / (d_in + d_out))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.bias)

    def forward(self, x):
        """Apply each group's layer to its own slice of `x`."""
        groups = x.shape[0]
        out = torch.baddbmm(self.bias, x.reshape(groups, -1, x.shape[-1]), self.weight)
        return out.view(*x.shape[:-1], -1)

    def extra_repr(self):
        """Return the sizes, shown when the module is printed."""
        n_groups, d_in, d_out = self.weight.shape
        return f"n_groups={n_groups}, d_in={d_in}, d_out={d_out}"


def sinusoidal_positions(n_positions, d_model):
    """Return the sine and cosine position encoding of Vaswani et al. (2017).

    Parameters
    ----------
    n_positions, d_model : int
        Number of positions and width of the encoding.

    Returns
    -------
    encoding : Tensor of shape (n_positions, d_model)
        Sines in the even columns, cosines in the odd ones.
    """
    position = torch.arange(n_positions, dtype=torch.float64).unsqueeze(1)
    even = torch.arange(0, d_model, 2, dtype=torch.float64)
    angle = position * torch.exp(-math.log(10000.0) * even / d_model)
    encoding = torch.zeros(n_positions, d_model, dtype=torch.float64)
    encoding[:, 0::2] = torch.sin(angle)
    encoding[:, 1::2] = torch.cos(angle)[:, : d_model // 2]
    return encoding.float()
