"""The SMA module, against a plain re-statement of the same formulas."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from skomics.modules import SMA, allocate_tokens
from skomics.modules._layers import sinusoidal_positions
from skomics.modules._sma import _Attend


def make(**kwargs):
    settings = {
        "block_sizes": [9, 5],
        "n_classes": 3,
        "n_tokens": 4,
        "d_model": 8,
        "n_heads": 2,
        "depth": 2,
        "d_feedforward": 6,
        "dropout": 0.0,
        "input_dropout": 0.0,
        "token_projection": "per_token",
        "pooling": "mean",
        "share_weights": False,
        "linear_path": False,
        "n_ensemble": 1,
    }
    torch.manual_seed(0)
    return SMA(**{**settings, **kwargs})


sizes = st.lists(st.integers(1, 60), min_size=1, max_size=5)


@given(block_sizes=sizes, n_tokens=st.integers(1, 40))
def test_tokens_are_shared_out_completely_and_none_is_empty(block_sizes, n_tokens):
    counts = [len(sizes) for sizes in allocate_tokens(block_sizes, n_tokens)]
    wanted = max(len(block_sizes), min(n_tokens, sum(block_sizes)))
    assert sum(counts) == wanted
    assert all(1 <= c <= size for c, size in zip(counts, block_sizes, strict=True))


@given(block_sizes=sizes, n_tokens=st.integers(1, 40))
def test_tokens_cover_every_feature_once_and_never_cross_a_modality(
    block_sizes, n_tokens
):
    module = make(block_sizes=block_sizes, n_tokens=n_tokens)
    covered = [i for start, stop in module.token_bounds for i in range(start, stop)]
    assert covered == list(range(sum(block_sizes)))
    ends = torch.tensor(block_sizes).cumsum(0).tolist()
    for start, stop in module.token_bounds:
        assert not any(start < end < stop for end in ends)


def plain_tokens(module, x, group):
    d = module.tokenizer.d_model
    shared = len(module.tokenizer.weight) == 1
    tokens = []
    for t, (start, stop) in enumerate(module.token_bounds):
        weight = module.tokenizer.weight[0 if shared else t]
        weight = weight[: stop - start, group * d : (group + 1) * d]
        tokens.append(x[:, start:stop] @ weight + module.tokenizer.bias[group, 0, t])
    if module.pooling == "cls":
        tokens.insert(0, module.tokenizer.cls[group, 0, 0].expand(len(x), -1))
    return torch.stack(tokens, 1) + sinusoidal_positions(len(tokens), d)


def plain_layer(layer, x, group):
    def linear(part, value):
        return value @ part.weight[group] + part.bias[group, 0]

    def norm(value):
        return F.layer_norm(value, value.shape[-1:])

    d, heads = x.shape[-1], layer.n_heads
    query, key, value = linear(layer.qkv, norm(x)).split(d, dim=-1)
    mixed, width = [], d // heads
    for h in range(heads):
        s = slice(h * width, (h + 1) * width)
        scores = query[..., s] @ key[..., s].transpose(1, 2) / width**0.5
        mixed.append(scores.softmax(-1) @ value[..., s])
    x = x + linear(layer.out, torch.cat(mixed, -1))
    return x + linear(layer.down, linear(layer.up, norm(x)).relu())


def plain_encoder(module, x, group):
    tokens = plain_tokens(module, x, group)
    for layer in module.layers:
        tokens = plain_layer(layer, tokens, group)
    pooled = tokens[:, 0] if module.pooling == "cls" else tokens.mean(1)
    first, _, _, second = module.perceptron
    hidden = F.layer_norm(pooled, pooled.shape[-1:]) @ first.weight[group]
    hidden = (hidden + first.bias[group, 0]).relu()
    return hidden @ second.weight[group] + second.bias[group, 0]


def plain_forward(module, x):
    logits = []
    for member in range(module.n_ensemble):
        groups = [member * module.n_encoders + i for i in range(module.n_encoders)]
        z = plain_encoder(module, x, groups[0]) * plain_encoder(module, x, groups[-1])
        first, _, _, second, _, last = module.head
        for layer in (first, second, last):
            z = z @ layer.weight[member] + layer.bias[member, 0]
            z = z if layer is last else z.relu()
        if module.linear is not None:
            k = z.shape[1]
            rows = slice(member * k, (member + 1) * k)
            z = z + x @ module.linear.weight[rows].T + module.linear.bias[rows]
        logits.append(z)
    return torch.stack(logits)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("token_projection", ["per_token", "shared"])
@pytest.mark.parametrize("share_weights", [True, False])
@pytest.mark.parametrize("n_ensemble", [1, 3])
def test_batched_model_equals_a_plain_statement_of_the_formulas(
    pooling, token_projection, share_weights, n_ensemble
):
    module = make(
        pooling=pooling,
        token_projection=token_projection,
        share_weights=share_weights,
        n_ensemble=n_ensemble,
        linear_path=True,
    ).double()
    for parameter in module.parameters():  # biases, too, must matter
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(5, 14, dtype=torch.float64)
    expected = plain_forward(module, x)
    torch.testing.assert_close(module.train()(x), expected)
    mean = expected.softmax(-1).mean(0)
    torch.testing.assert_close(module.eval()(x).softmax(-1), mean)


def test_few_and_many_tokens_take_the_same_attention(monkeypatch):
    module, x = make().eval(), torch.randn(5, 14)
    expected = module(x)
    monkeypatch.setattr("skomics.modules._sma._FEW_TOKENS", 0)
    torch.testing.assert_close(module(x), expected)


def test_encoders_differ_unless_they_share_weights():
    x = torch.randn(6, 14)
    tokens = make().tokenizer(x)
    assert not torch.allclose(tokens[0], tokens[1])
    shared = make(share_weights=True)
    assert shared.tokenizer(x).shape[0] == 1
    assert (shared.encode(x) >= 0).all()  # a square


def test_members_of_an_ensemble_differ():
    logits = make(n_ensemble=2).train()(torch.randn(6, 14))
    assert logits.shape == (2, 6, 3)
    assert not torch.allclose(logits[0], logits[1])


@pytest.mark.parametrize("omics", [slice(0, 9), slice(9, 14)])
def test_every_modality_changes_the_output(omics):
    module, x = make().eval(), torch.randn(4, 14)
    changed = x.clone()
    changed[:, omics] += 1
    assert not torch.allclose(module(x), module(changed))


def test_tokens_start_with_unit_variance_from_standardized_data():
    module = make(block_sizes=[500, 40], n_tokens=6, d_model=32)
    tokens = module.tokenizer(torch.randn(400, 540)) - module.tokenizer.positions
    assert (tokens.detach().std(dim=(0, 1, 3)) - 1).abs().max() < 0.1


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_attention_weights_sum_to_one_and_name_every_token(pooling):
    module = make(pooling=pooling, n_ensemble=3)
    weights = module.attention_weights(torch.randn(5, 14))
    n_tokens = 4 + (pooling == "cls")
    assert weights.shape == (3, 2, 2, 5, 2, n_tokens, n_tokens)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))


def test_linear_path_starts_at_zero():
    x = torch.randn(5, 14)
    torch.testing.assert_close(
        make(linear_path=True).eval()(x), make(linear_path=False).eval()(x)
    )


def test_error_for_a_width_that_the_heads_do_not_divide():
    with pytest.raises(ValueError, match="multiple of n_heads, got d_model=8"):
        make(n_heads=3)


@pytest.mark.parametrize("block_sizes", [[1, 1], [2], [1]])
def test_it_works_on_very_few_features(block_sizes):
    module = make(block_sizes=block_sizes, n_tokens=8)
    assert module.eval()(torch.randn(3, sum(block_sizes))).shape == (3, 3)


def test_number_of_weights_grows_linearly_with_the_features():
    def count(width):
        module = make(block_sizes=[width], n_tokens=8)
        return sum(p.numel() for p in module.parameters())

    assert count(40_000) - count(20_000) == 2 * (count(20_000) - count(10_000))


@pytest.mark.parametrize("n_tokens", [1, 8, 15, 16, 32])
@pytest.mark.parametrize("lacks", [False, True])
def test_attention_of_few_tokens_is_that_of_torch(n_tokens, lacks):
    generator = torch.Generator().manual_seed(0)
    qkv = 5 * torch.randn(6, n_tokens, 3 * 8, generator=generator, dtype=torch.float64)
    upstream = torch.randn(6, n_tokens, 8, generator=generator, dtype=torch.float64)
    mask = None
    if lacks:  # two samples lack what the tokens at the end are made of
        mask = torch.ones(6, 1, 1, n_tokens, dtype=torch.bool)
        mask[:2, ..., n_tokens // 2 + 1 :] = False

    def fused(x):
        heads = x.view(6, n_tokens, 3, 2, 4).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*heads, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2)

    results = []
    for function in (lambda x: _Attend.apply(x, 2, mask), fused):
        x = qkv.clone().requires_grad_()
        mixed = function(x)
        mixed.backward(upstream)
        results.append((mixed.detach(), x.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-11, atol=1e-11)
