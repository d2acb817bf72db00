"""SMA: two Siamese multi-head attention encoders over omics feature tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import Literal

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skomics.modules._fusion import average_members
from skomics.modules._layers import Dropout, GroupedLinear, sinusoidal_positions
from skomics.modules._modality import PresentOmics
from skomics.modules._random import generator_on

__all__ = ["SMA", "allocate_tokens"]


def allocate_tokens(block_sizes: Sequence[int], n_tokens: int) -> list[list[int]]:
    """Share tokens out among omics in proportion to their widths.

    Every modality gets at least one token and no token is empty, so the total is
    `n_tokens` unless there are more modalities, or fewer features, than that.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality, all positive.

    n_tokens : int
        Number of tokens wanted in all.

    Returns
    -------
    sizes : list of list of int
        For each modality, how many features each of its tokens has.

    Examples
    --------
    >>> from skomics.modules import allocate_tokens
    >>> allocate_tokens([554, 895, 218], n_tokens=8)
    [[184, 185, 185], [223, 224, 224, 224], [218]]
    """
    counts = [1] * len(block_sizes)
    free = min(n_tokens, sum(block_sizes)) - len(counts)
    for _ in range(free):
        # The next token goes where the tokens are widest.
        widest = max(
            (i for i, size in enumerate(block_sizes) if counts[i] < size),
            key=lambda i: block_sizes[i] / counts[i],
        )
        counts[widest] += 1
    return [
        [size * (i + 1) // count - size * i // count for i in range(count)]
        for size, count in zip(block_sizes, counts, strict=True)
    ]


class _FeatureTokenizer(nn.Module):
    r"""Cut each modality into runs of features and project each run.

    .. math:: e_t = x_{F_t} W_t + b_t + p_t

    with :math:`F_t` the features of token `t` and :math:`p_t` the sine and cosine
    position encoding (equation 1 of the paper).
    """

    def __init__(
        self, *, bounds, n_groups, d_model, projection, use_cls, feature_widths
    ):
        super().__init__()
        widths = [stop - start for start, stop in bounds]
        n_features, width = bounds[-1][1], max(widths)
        # Tokens shorter than the widest one are filled up with a column of
        # zeros, which is feature number n_features.
        index = torch.full((len(bounds), width), n_features)
        for row, (start, stop) in zip(index, bounds, strict=True):
            row[: stop - start] = torch.arange(start, stop)
        self.register_buffer("index", index, persistent=False)
        fan_in = torch.tensor(widths if feature_widths is None else feature_widths)
        self.register_buffer("fan_in", fan_in, persistent=False)
        self.n_groups, self.d_model, self.use_cls = n_groups, d_model, use_cls
        n_maps = len(bounds) if projection == "per_token" else 1
        self.weight = nn.Parameter(torch.empty(n_maps, width, n_groups * d_model))
        self.bias = nn.Parameter(torch.empty(n_groups, 1, len(bounds), d_model))
        if use_cls:
            self.cls = nn.Parameter(torch.empty(n_groups, 1, 1, d_model))
        positions = sinusoidal_positions(len(bounds) + use_cls, d_model)
        self.register_buffer("positions", positions, persistent=False)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw projections that give tokens of unit variance from standardized data."""
        fan_in = self.fan_in.double().rsqrt().float().view(-1, 1, 1)
        if len(self.weight) == 1:
            fan_in = fan_in.max().view(1, 1, 1)
        with torch.no_grad():
            self.weight.normal_().mul_(fan_in)
        nn.init.zeros_(self.bias)
        if self.use_cls:
            nn.init.normal_(self.cls, std=0.02)

    def forward(self, x):
        """Return tokens of shape (n_groups, n, n_tokens, d_model)."""
        n_tokens, width = self.index.shape
        # Whole rows are copied when the features come first.
        columns = F.pad(x.T, (0, 0, 0, 1)).index_select(0, self.index.flatten())
        patches = columns.view(n_tokens, width, len(x)).transpose(1, 2)
        tokens = torch.matmul(patches, self.weight)  # (T, n, G * d)
        tokens = tokens.view(n_tokens, len(x), self.n_groups, self.d_model)
        tokens = tokens.permute(2, 1, 0, 3).contiguous()
        return self.place(tokens)

    def place(self, tokens):
        """Add biases and positions, and put the cls token in front."""
        tokens = tokens + (self.bias + self.positions[self.use_cls :])
        if not self.use_cls:
            return tokens
        cls = (self.cls + self.positions[:1]).expand(-1, tokens.shape[1], -1, -1)
        return torch.cat([cls, tokens], dim=2)


class _TokenNoise(nn.Module):
    r"""Noise for tokens in coordinates of their own, dropout for those of features.

    .. math:: \tilde x_t = x_t + \sqrt{\frac{q}{1 - q} \frac{|x_t|^2}{w_t}} \,
              \varepsilon, \qquad \varepsilon \sim N(0, I)

    Dropout at rate `q` adds noise of this variance to each of a token's :math:`w_t`
    features in the mean; seen in few coordinates it is nearly isotropic.
    """

    def __init__(self, *, rate, bounds, feature_widths):
        super().__init__()
        self.rate = rate
        self.sizes = [stop - start for start, stop in bounds]
        n_features = bounds[-1][1]
        tokens = torch.empty(n_features, dtype=torch.int64)
        for t, (start, stop) in enumerate(bounds):
            tokens[start:stop] = t
        widths = torch.tensor(feature_widths)
        is_turned = widths != torch.tensor(self.sizes)
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("widths", widths, persistent=False)
        self.register_buffer("is_turned", is_turned[tokens], persistent=False)
        self.dropout = Dropout(rate)

    def forward(self, x):
        """Disturb the features in training mode; do nothing otherwise."""
        if not self.training or self.rate == 0:
            return x
        parts = x.detach().square().split(self.sizes, dim=1)
        squares = torch.stack([part.sum(1) for part in parts], dim=1)
        scale = (squares / self.widths * (self.rate / (1 - self.rate))).sqrt()
        noise = torch.randn(
            x.shape, generator=generator_on(x.device), dtype=x.dtype, device=x.device
        )
        noisy = x + noise * scale.index_select(1, self.tokens)
        return torch.where(self.is_turned, noisy, self.dropout(x))


# Up to this many tokens, two plain products are as fast on a CPU as torch's fused
# attention, or faster: 2.6 ms against 3.4 ms for 1,024 heads of 16 tokens.
_FEW_TOKENS = 32


def _has_few_tokens(x):
    return x.device.type == "cpu" and x.shape[2] <= _FEW_TOKENS


def _attention_weights(query, key, mask):
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1)


class _Attend(torch.autograd.Function):
    r"""Attention of few tokens to one another, from queries, keys and values in rows.

    .. math:: P = \mathrm{softmax}(Q K^T / \sqrt d), \quad O = P V

    Its own gradient saves the copies that those of slices make. torch's softmax takes
    rows of a few numbers one number at a time: for 1,536 heads of 8 tokens 1.7 ms, and
    the steps of its definition 0.26.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # in bf16, too
    def forward(ctx, qkv, n_heads, mask):
        rows, n_tokens, width = qkv.shape
        parts = qkv.view(rows, n_tokens, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts.contiguous().flatten(1, 2)
        query *= query.shape[-1] ** -0.5
        weights = torch.bmm(query, key.transpose(1, 2))
        if mask is not None:
            weights.unflatten(0, (rows, -1)).masked_fill_(~mask, -torch.inf)
        weights -= weights.amax(-1, keepdim=True)
        weights.exp_()
        weights /= weights.sum(-1, keepdim=True)
        ctx.save_for_backward(query, key, value, weights)
        mixed = torch.bmm(weights, value).view(rows, n_heads, n_tokens, -1)
        return mixed.transpose(1, 2).reshape(rows, n_tokens, width // 3)

    @staticmethod
    @once_differentiable
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, gradient):
        query, key, value, weights = ctx.saved_tensors
        rows, n_tokens, _ = gradient.shape
        heads = gradient.view(rows, n_tokens, -1, query.shape[-1]).transpose(1, 2)
        heads = heads.reshape(query.shape)
        out = query.new_empty(3, *query.shape)
        torch.bmm(weights.transpose(1, 2), heads, out=out[2])
        scores = torch.bmm(heads, value.transpose(1, 2)).mul_(weights)
        scores.addcmul_(weights, scores.sum(-1, keepdim=True), value=-1)
        torch.bmm(scores, key, out=out[0]).mul_(query.shape[-1] ** -0.5)
        torch.bmm(scores.transpose(1, 2), query, out=out[1])
        out = out.view(3, rows, -1, n_tokens, query.shape[-1])
        return out.permute(1, 3, 0, 2, 4).reshape(rows, n_tokens, -1), None, None


def _mean_token(x, present):
    """Return the mean over tokens, of shape (n_groups, n, d)."""
    if present is None:
        return x.mean(2)
    weights = present.to(x.dtype)
    weights = weights / weights.sum(1, keepdim=True)
    return (x * weights.unsqueeze(-1)).sum(2)


class _AttentionLayer(nn.Module):
    """One pre-norm transformer layer for each of several groups."""

    def __init__(self, *, n_groups, d_model, n_heads, d_feedforward, dropout):
        super().__init__()
        self.n_heads = n_heads
        self.qkv = GroupedLinear(n_groups, d_model, 3 * d_model)
        self.out = GroupedLinear(n_groups, d_model, d_model)
        self.up = GroupedLinear(n_groups, d_model, d_feedforward)
        self.down = GroupedLinear(n_groups, d_feedforward, d_model)
        self.dropout = Dropout(dropout)

    def _qkv(self, x):
        # A scale and shift after the normalization would be absorbed by the
        # linear layer that follows, so the normalization has none.
        return self.qkv(F.layer_norm(x, x.shape[-1:])).flatten(0, 1)

    def _heads(self, qkv):
        return [
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in qkv.chunk(3, dim=-1)
        ]  # three times (G * n, heads, T, d / heads)

    @staticmethod
    def _key_mask(x, present):
        """Return which tokens are attended to, of shape (G * n, 1, 1, T)."""
        return None if present is None else present.repeat(len(x), 1)[:, None, None]

    def attention(self, x, present=None):
        """Return attention weights of shape (n_groups, n, n_heads, T, T)."""
        query, key, _ = self._heads(self._qkv(x))
        weights = _attention_weights(query, key, self._key_mask(x, present))
        return weights.unflatten(0, x.shape[:2])

    def _attend(self, x, present):
        # NOTE[DIFF]: the paper does not say where dropout stands; here there is
        # none on the attention weights, because there it would cost five times
        # the attention itself on a CPU.
        qkv, mask = self._qkv(x), self._key_mask(x, present)
        if _has_few_tokens(x):
            return self.out(_Attend.apply(qkv, self.n_heads, mask).view(x.shape))
        query, key, value = self._heads(qkv)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(x.shape))

    def _hidden(self, x):
        return F.relu(self.up(F.layer_norm(x, x.shape[-1:])))

    def forward(self, x, present=None):
        """Apply attention and feed-forward, each with a residual connection.

        Tokens of shape (n_groups, n, T, d) attend to those that are present, a mask
        of shape (n, T) or None.
        """
        x = x + self.dropout(self._attend(x, present))
        return x + self.dropout(self.down(self._hidden(x)))

    def pool_cls(self, x, present):
        """Return token 0 of :meth:`forward`, without computing the others."""
        x = (x + self._attend(x, present))[:, :, 0]
        return x + self.dropout(self.down(self._hidden(x)))

    def pool_mean(self, x, present):
        """Return the mean token of :meth:`forward` (up to where dropout falls).

        The last projection is linear, so that it can follow the mean. Dropout
        falls on the pooled vector only, which a perceptron with dropout follows.
        """
        x = x + self._attend(x, present)
        hidden = _mean_token(self._hidden(x), present)
        return _mean_token(x, present) + self.dropout(self.down(hidden))


class SMA(nn.Module):
    r"""Siamese multi-head attention network (Pan et al. 2023).

    Two encoders with the same architecture read the same feature tokens. Their
    pooled outputs are multiplied element by element and a three-layer
    perceptron classifies the product:

    .. math:: z = \mathrm{MLP}(\mathrm{enc}_1(x) \odot \mathrm{enc}_2(x))

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality; no token holds features of two modalities.

    n_classes : int
        Number of subtypes.

    n_tokens : int
        Number of tokens in all, shared out by :func:`allocate_tokens`.

    token_sizes : list of list of int or None
        For each modality, how many features each of its tokens has, in the order of the
        columns. None shares them out evenly among `n_tokens`.

    d_model, n_heads, depth, d_feedforward : int
        Width of a token, attention heads, layers of an encoder, and width of
        the feed-forward part.

    dropout : float
        Dropout rate inside the encoders and the perceptrons.

    input_dropout : float
        Dropout rate of the input features.

    token_projection : {"per_token", "shared"}
        One projection for each token, or one for all tokens.

    pooling : {"mean", "cls"}
        What an encoder hands on: the mean of its tokens, or a cls token.

    share_weights : bool
        Whether the two encoders are one. The product is then a square.

    linear_path : bool
        Whether a linear classifier of the input is added to the logits.

    n_ensemble : int
        Number of networks with initial weights of their own, trained side by
        side as one batched model.

    modality_dropout : float
        Probability of a modality of a sample being dropped in training.

    token_widths, feature_widths : list of int or None
        Number of coordinates of each token, and of the features that these were made
        from, where tokens have been turned to coordinates of their own. None cuts
        features into tokens.

    n_residual : int
        Number of members, the last ones, that add given logits to their own.

    Notes
    -----
    **Shape**: input `(n, sum(block_sizes))` and, for `n_residual`, logits of shape
    `(n, n_classes)`; output in training mode
    `(n_ensemble, n, n_classes)` logits, in evaluation mode `(n, n_classes)`
    logarithms of the members' mean probabilities.

    Where a sample lacks a modality, no token attends to that omics' tokens, and the
    mean is over the others.

    NOTE[DIFF]: the paper fixes neither the size of a token, nor the projection,
    nor the pooling; see docs/models/sma.md for the reading chosen here and for
    what each choice is worth.

    References
    ----------
    Pan, Liu, Feng, Liu, Peng (2023), "PACS: Prediction and analysis of cancer
    subtypes from multi-omics data based on a multi-head attention mechanism
    model", arXiv:2308.10917.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import SMA
    >>> module = SMA(block_sizes=[60, 40], n_classes=3, n_tokens=5, d_model=8,
    ...              n_heads=2, depth=1, d_feedforward=16, dropout=0.0,
    ...              input_dropout=0.0, token_projection="per_token",
    ...              pooling="mean", share_weights=False, linear_path=False,
    ...              n_ensemble=1)
    >>> module.eval()(torch.randn(10, 100)).shape
    torch.Size([10, 3])
    """

    def __init__(
        self,
        *,
        block_sizes: Sequence[int],
        n_classes: int,
        n_tokens: int,
        d_model: int,
        n_heads: int,
        depth: int,
        d_feedforward: int,
        dropout: float,
        input_dropout: float,
        token_projection: Literal["per_token", "shared"],
        pooling: Literal["mean", "cls"],
        share_weights: bool,
        linear_path: bool,
        n_ensemble: int,
        modality_dropout: float = 0.0,
        n_residual: int = 0,
        token_sizes: Sequence[Sequence[int]] | None = None,
        token_widths: Sequence[int] | None = None,
        feature_widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(
                f"d_model must be a multiple of n_heads, got {d_model=} and {n_heads=}."
            )
        self.n_ensemble = n_ensemble
        is_residual = torch.arange(n_ensemble) >= n_ensemble - n_residual
        self.register_buffer(
            "is_residual", is_residual.view(-1, 1, 1), persistent=False
        )
        self.n_encoders = 1 if share_weights else 2
        self.pooling = pooling
        n_groups = n_ensemble * self.n_encoders
        if token_sizes is None:
            token_sizes = allocate_tokens(block_sizes, n_tokens)
        elif [sum(sizes) for sizes in token_sizes] != list(block_sizes):
            raise ValueError(
                f"The tokens have {[sum(sizes) for sizes in token_sizes]} features of "
                f"the omics, which have {list(block_sizes)}. Each feature belongs to "
                "one token."
            )
        edges = accumulate(chain.from_iterable(token_sizes), initial=0)
        self.token_bounds = list(pairwise(edges))
        counts = [len(sizes) for sizes in token_sizes]
        omics = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        self.register_buffer("token_omics", omics, persistent=False)
        self.input_dropout = Dropout(input_dropout)
        if token_widths is not None:
            self.token_bounds = list(pairwise([0, *accumulate(token_widths)]))
            ends = [0, *accumulate(counts)]
            block_sizes = [sum(token_widths[a:b]) for a, b in pairwise(ends)]
            self.input_dropout = _TokenNoise(
                rate=input_dropout,
                bounds=self.token_bounds,
                feature_widths=feature_widths,
            )
        self.present = PresentOmics(block_sizes, modality_dropout)
        self.tokenizer = _FeatureTokenizer(
            bounds=self.token_bounds,
            n_groups=n_groups,
            d_model=d_model,
            projection=token_projection,
            use_cls=pooling == "cls",
            feature_widths=feature_widths,
        )
        self.layers = nn.ModuleList(
            _AttentionLayer(
                n_groups=n_groups,
                d_model=d_model,
                n_heads=n_heads,
                d_feedforward=d_feedforward,
                dropout=dropout,
            )
            for _ in range(depth)
        )
        self.perceptron = nn.Sequential(
            GroupedLinear(n_groups, d_model, d_model),
            nn.ReLU(),
            Dropout(dropout),
            GroupedLinear(n_groups, d_model, d_model),
        )
        self.head = nn.Sequential(
            GroupedLinear(n_ensemble, d_model, 64),
            nn.ReLU(),
            Dropout(dropout),
            GroupedLinear(n_ensemble, 64, 32),
            nn.ReLU(),
            GroupedLinear(n_ensemble, 32, n_classes),
        )
        self.linear = None
        if linear_path:
            self.linear = nn.Linear(sum(block_sizes), n_ensemble * n_classes)
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    @property
    def last_layer(self) -> torch.nn.Module:
        """The layer that reads the embedding."""
        return self.head[-1]

    def _present_tokens(self, present):
        """Return which tokens each sample has, the cls token among them."""
        if present is None:
            return None
        tokens = present[:, self.token_omics]
        return F.pad(tokens, (1, 0), value=True) if self.pooling == "cls" else tokens

    def encode(
        self, x: torch.Tensor, present: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the fused vectors, of shape (n_ensemble, n, d_model)."""
        return self.encode_tokens(self.tokenizer(x), present)

    def encode_tokens(
        self, tokens: torch.Tensor, present: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the fused vectors of tokens, (n_groups, n, n_tokens, d_model)."""
        present = self._present_tokens(present)
        for layer in self.layers[:-1]:
            tokens = layer(tokens, present)
        last = self.layers[-1]
        pool = last.pool_cls if self.pooling == "cls" else last.pool_mean
        pooled = pool(tokens, present)
        encoded = self.perceptron(F.layer_norm(pooled, pooled.shape[-1:]))
        encoded = encoded.unflatten(0, (self.n_ensemble, self.n_encoders))
        return encoded[:, 0] * encoded[:, -1]

    def forward(
        self, x: torch.Tensor, offsets: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits; see the class for the shapes in each mode."""
        logits = self._member_logits(x, offsets)
        return logits if self.training else average_members(logits)

    def _member_logits(self, x, offsets):
        """Return the logits of each member, of shape (n_ensemble, n, n_classes)."""
        x, present = self.present(x)
        x = self.input_dropout(x)
        logits = self.head(self.encode(x, present))
        if self.linear is not None:
            linear = self.linear(x).view(len(x), self.n_ensemble, -1)
            logits = logits + linear.transpose(0, 1)
        if offsets is not None:
            logits = logits + self.is_residual * offsets
        return logits

    def attention_weights(self, x: torch.Tensor) -> torch.Tensor:
        """Return how much each token attends to each other one.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Input as for :meth:`forward`.

        Returns
        -------
        weights : Tensor of shape \
                (n_ensemble, n_encoders, depth, n, n_heads, n_tokens, n_tokens)
            Attention weights; the last axis sums to 1. With `pooling="cls"` the
            cls token is token number 0. Token `t` (after cls) holds the features
            `token_bounds[t][0]` to `token_bounds[t][1] - 1`.
        """
        x, present = self.present(x)
        tokens, weights = self.tokenizer(x), []
        present = self._present_tokens(present)
        for layer in self.layers:
            weights.append(layer.attention(tokens, present))
            tokens = layer(tokens, present)
        weights = torch.stack(weights, dim=1)  # (G, depth, n, heads, T, T)
        return weights.unflatten(0, (self.n_ensemble, self.n_encoders))
