"""Layers that two or more models use. They know tensors only."""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Integral
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from skomics.modules._random import generator_on

__all__ = [
    "ConvPool",
    "Dropout",
    "GroupedLinear",
    "dense_head",
    "dense_stack",
    "reset_dense",
    "sinusoidal_positions",
]

# Numbers that a convolution makes at a time in prediction.
_MAX_ANSWERS = 2**24


class Dropout(nn.Module):
    """Dropout that draws one random byte, not one random float, per element.

    On a CPU, drawing the mask takes about a third of a small attention model's
    step when each element costs a float. Here one 64-bit draw serves eight
    elements. The rate is rounded to a multiple of 1/256 and the kept elements
    are scaled by the inverse of the rounded rate, so that the expectation is exact.
    On other devices each element costs a float.

    Parameters
    ----------
    p : float
        Probability of an element being zeroed, in [0, 1).

    Notes
    -----
    **Shape**: any input shape; the output has the same shape.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import Dropout
    >>> layer = Dropout(0.5)
    >>> sorted(set(layer(torch.ones(1000)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p must be in [0, 1), got {p!r}.")
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Zero elements at random in training mode; do nothing otherwise."""
        keep, scale = self.draw(x)
        return x if keep is None else x * keep.to(x.dtype).mul_(scale)

    def draw(self, x: torch.Tensor) -> tuple[torch.Tensor | None, float]:
        """Draw which elements are kept, and the factor that makes up for the others.

        Parameters
        ----------
        x : Tensor
            What is to be thinned out; only its shape and device count.

        Returns
        -------
        keep : Tensor of x's shape, dtype bool, or None
            None where all are kept: in prediction, and at rate 0.

        scale : float
            The factor.
        """
        if not self.training or round(self.p * 256) == 0:
            return None, 1.0
        return self.compare(self.uniform(x))

    @staticmethod
    def uniform(x: torch.Tensor) -> torch.Tensor:
        """Draw a number for each element, from 0 to 255 on a CPU, else from 0 to 1."""
        if x.device.type != "cpu":
            generator = generator_on(x.device)
            return torch.rand(
                x.shape, generator=generator, dtype=x.dtype, device=x.device
            )
        n_draws = -(-x.numel() // 8)
        draws = torch.empty(n_draws, dtype=torch.int64)
        draws.random_(-(2**63), None, generator=generator_on("cpu"))
        return draws.view(torch.uint8)[: x.numel()].view(x.shape)

    def compare(self, draws: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Return which elements are kept by what was drawn, and the factor."""
        if draws.is_floating_point():
            return draws >= self.p, 1 / (1 - self.p)
        threshold = round(self.p * 256)
        return draws >= threshold, 256 / (256 - threshold)

    def extra_repr(self) -> str:
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

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import GroupedLinear
    >>> layer = GroupedLinear(3, 4, 2)
    >>> layer(torch.zeros(3, 10, 4)).shape
    torch.Size([3, 10, 2])
    """

    def __init__(self, n_groups: int, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_groups, d_in, d_out))
        self.bias = nn.Parameter(torch.empty(n_groups, 1, d_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw Xavier uniform weights and set the biases to zero."""
        _, d_in, d_out = self.weight.shape
        bound = math.sqrt(6 / (d_in + d_out))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply each group's layer to its own slice of `x`."""
        groups = x.shape[0]
        out = torch.baddbmm(self.bias, x.reshape(groups, -1, x.shape[-1]), self.weight)
        return out.view(*x.shape[:-1], -1)

    @property
    def in_features(self) -> int:
        """Number of inputs of all groups together."""
        return self.weight.shape[0] * self.weight.shape[1]

    def extra_repr(self) -> str:
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


def dense_stack(sizes, dropout):
    """Return linear layers, each followed by a rectifier and dropout.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, then of each layer.

    dropout : float
        Dropout rate after each layer.

    Returns
    -------
    layers : Sequential
        The layers; empty, and so the identity, if `sizes` holds the input only.
    """
    layers = []
    for d_in, d_out in pairwise(sizes):
        layers += [nn.Linear(d_in, d_out), nn.ReLU(), Dropout(dropout)]
    return nn.Sequential(*layers)


def dense_head(sizes, n_classes, dropout):
    """Return a perceptron that ends in logits.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, then of each hidden layer.

    n_classes : int
        Number of logits.

    dropout : float
        Dropout rate after each hidden layer but the last.

    Returns
    -------
    layers : Sequential
        The layers.
    """
    hidden = dense_stack(sizes, dropout)[:-1]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], n_classes))


def reset_dense(module):
    """Draw Xavier uniform weights, and zero biases, for all linear layers inside.

    Parameters
    ----------
    module : Module
        Anything that holds :class:`torch.nn.Linear` layers.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


class ConvPool(nn.Module):
    r"""A 1-D convolution, a rectifier and max-pooling, along a row of positions.

    .. math:: y_{jf} = \max_{jP \le i < (j+1)P}
              \phi\Big(\sum_{t,c} w_{ftc} \, x_{is+t,\,c} + b_f\Big)

    for stride `s`, pool size `P` and the rectifier :math:`\phi`. Windows that do
    not fill a pool are left out, as usual.

    Sizes that are "auto", or wider than the row, are made to fit, so that any
    row of at least one position will do: the kernel covers a twentieth of the
    row (3 to 300 positions), the stride is a quarter of the kernel, and pools
    are single windows up to 199 windows (a row of about 15,000 positions) and
    take a hundredth of the windows beyond.

    Parameters
    ----------
    length : int
        Number of positions.

    n_channels : int
        Number of values at a position.

    n_filters : int
        Number of filters.

    kernel_size, stride, pool_size : int or "auto"
        Width of a filter and step from one window to the next, in positions;
        number of windows in a pool.

    Attributes
    ----------
    n_positions : int
        Number of pools.

    Notes
    -----
    **Shape**: input `(n, length * n_channels)`, output `(n, n_positions *
    n_filters)`; in both, the values at one position stand together.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import ConvPool
    >>> layer = ConvPool(
    ...     length=100, n_channels=1, n_filters=4, kernel_size=5, stride=1, pool_size=2)
    >>> layer(torch.zeros(3, 100)).shape, layer.n_positions
    (torch.Size([3, 192]), 48)
    """

    def __init__(
        self,
        *,
        length: int,
        n_channels: int,
        n_filters: int,
        kernel_size: int | Literal["auto"],
        stride: int | Literal["auto"],
        pool_size: int | Literal["auto"],
    ) -> None:
        super().__init__()
        sizes = {"kernel_size": kernel_size, "stride": stride, "pool_size": pool_size}
        for name, size in sizes.items():
            if size != "auto" and not (isinstance(size, Integral) and size >= 1):
                raise ValueError(
                    f"{name} must be 'auto' or an integer of at least 1, got {size!r}."
                )
        if_auto = min(300, max(3, length // 20))
        kernel_size = if_auto if isinstance(kernel_size, str) else kernel_size
        self.kernel_size = min(kernel_size, length)
        if_auto = max(1, self.kernel_size // 4)
        self.stride = if_auto if isinstance(stride, str) else stride
        n_windows = (length - self.kernel_size) // self.stride + 1
        if_auto = max(1, n_windows // 100)
        pool_size = if_auto if isinstance(pool_size, str) else pool_size
        self.pool_size = min(pool_size, n_windows)
        self.n_positions = n_windows // self.pool_size
        self.n_channels = n_channels
        self.weight = nn.Parameter(torch.empty(n_filters, self.kernel_size, n_channels))
        self.bias = nn.Parameter(torch.empty(n_filters))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw Xavier uniform weights and set the biases to zero."""
        n_filters, kernel_size, n_channels = self.weight.shape
        bound = math.sqrt(6 / (kernel_size * (n_channels + n_filters)))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.bias)

    def _convolve(self, x):
        """Return the filters' answers, of shape (n, n_windows in pools, n_filters).

        Windows overlap. A group of neighboring ones is answered by one matrix
        product of the stretch that they cover with a matrix that holds every
        filter once per window, at the window's place. Measured at one thread, 16
        filters of 300 on 32 rows of 50,000, forward and backward: with stride 75
        it takes 7.3 ms, `torch.nn.functional.conv1d` 10.3, one line of a matrix
        per window 7.7 and a Fourier transform 294; with stride 1 it takes 0.43 s,
        conv1d 1.08 and the Fourier transform 0.66. In double precision, which
        predictions have, conv1d with stride 1 takes 20 times as long.
        """
        n_filters = len(self.weight)
        kernel = self.kernel_size * self.n_channels
        stride = self.stride * self.n_channels
        n_windows = self.n_positions * self.pool_size
        group = min(n_windows, 64, -(-kernel // stride))
        n_groups = -(-n_windows // group)
        span = kernel + (group - 1) * stride
        # A row of zeros that is `stride` longer than the span, repeated and cut to
        # lines of the span's length, moves the filter by a stride from line to line.
        padded = F.pad(self.weight.flatten(1), (0, span + stride - kernel))
        moved = padded.repeat(1, group)[:, : group * span].view(-1, group, span)
        moved = moved.permute(2, 1, 0).reshape(span, group * n_filters)
        missing = (n_groups - 1) * group * stride + span - x.shape[1]
        x = F.pad(x, (0, missing)) if missing > 0 else x  # a pad of nothing is a copy
        rows = x.unfold(1, span, group * stride)
        answers = rows[:, :n_groups].reshape(-1, span) @ moved
        return answers.view(len(x), -1, n_filters)[:, :n_windows]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the pooled answers."""
        if torch.is_grad_enabled():
            return self._answer(x)
        # Without gradients the answers of all windows need not be kept, so that
        # they are made for some rows at a time: at most 128 MB of them.
        n_answers = self.n_positions * self.pool_size * len(self.weight)
        parts = x.split(max(1, _MAX_ANSWERS // n_answers))
        return torch.cat([self._answer(part) for part in parts])

    def _answer(self, x):
        answers = self._convolve(x)
        if self.pool_size > 1:
            # The rectifier and the bias commute with the maximum, and there are
            # fewer values after it.
            pools = (self.n_positions, self.pool_size)
            answers = answers.unflatten(1, pools).amax(2)
        return F.relu(answers + self.bias).flatten(1)

    def extra_repr(self) -> str:
        """Return the sizes, shown when the module is printed."""
        n_filters = len(self.weight)
        return (
            f"n_channels={self.n_channels}, {n_filters=}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"pool_size={self.pool_size}, n_positions={self.n_positions}"
        )
