"""A stack of SMA networks computes what its candidates compute by themselves."""

import copy

import pytest
import torch
from torch.nn import functional as F

from skomics.modules import (
    SMA,
    Dropout,
    RandomSource,
    random_source,
    stack_sma,
)

SIZES = [[6, 6, 5], [7, 4], [9]]
RATES = [0.1, 0.3, 0.1]
OTHERS = {
    "default": {},
    "deep": {"depth": 2},
    "cls": {"pooling": "cls", "depth": 2},
    "shared projection": {"token_projection": "shared"},
    "shared encoder": {"share_weights": True},
    "trained path": {"linear_path": True, "n_residual": 0},
    "modality dropout": {"modality_dropout": 0.3},
    "no dropout": {"dropout": 0.0},
}


def make(**params):
    settings = {
        "block_sizes": [sum(sizes) for sizes in SIZES],
        "n_classes": 3,
        "n_tokens": 6,
        "d_model": 8,
        "n_heads": 2,
        "depth": 1,
        "d_feedforward": 16,
        "dropout": 0.1,
        "input_dropout": 0.5,
        "token_projection": "per_token",
        "pooling": "mean",
        "share_weights": False,
        "linear_path": False,
        "n_ensemble": 4,
        "n_residual": 2,
        "token_sizes": SIZES,
    }
    with random_source(RandomSource(0)):
        return SMA(**{**settings, **params}).double().train()


def samples(module, *, lacking=False):
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(20, 37, generator=draws, dtype=torch.float64)
    if lacking:
        x[:5, :17] = torch.nan
    offsets = torch.randn(20, 3, generator=draws, dtype=torch.float64)
    return x, (offsets if module.is_residual.any() else None)


def disturbed(module, rates):
    """Return a stack whose candidates have weights of their own."""
    stack = stack_sma(module, rates)
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in stack.parameters():
            noise = torch.randn(weight.shape, generator=draws, dtype=weight.dtype)
            weight += 0.1 * noise
    return stack


def candidate(module, stack, c, rate):
    """Return a network by itself with the weights of a candidate."""
    own = copy.deepcopy(module)
    for part in own.modules():
        if isinstance(part, Dropout) and part is not own.input_dropout:
            part.p = rate
    parts = {n: stack.parts(n, w)[c] for n, w in stack.named_parameters()}
    own.load_state_dict({**own.state_dict(), **parts})
    return own


@pytest.mark.parametrize("name", OTHERS)
def test_logits_and_gradients_are_those_of_each_candidate_by_itself(name):
    module = make(**OTHERS[name])
    lacking = name == "modality dropout"
    rates = [0.0, 0.0] if name == "no dropout" else RATES
    module.present.may_miss = lacking
    x, offsets = samples(module, lacking=lacking)
    stack = disturbed(module, rates)
    with random_source(RandomSource(1)):
        logits = stack(x, offsets)
    factors = torch.randn_like(logits)
    (logits * factors).sum().backward()
    for c, rate in enumerate(rates):
        own = candidate(module, stack, c, rate)
        with random_source(RandomSource(1)):
            expected = own(x, offsets)
        (expected * factors[c]).sum().backward()
        torch.testing.assert_close(logits[c], expected)
        weights = dict(stack.named_parameters())
        for part, weight in own.named_parameters():
            found = stack.parts(part, weights[part].grad)[c]
            torch.testing.assert_close(found, weight.grad, msg=part)


def test_probabilities_are_those_of_each_candidate_by_itself():
    module = make()
    x, offsets = samples(module)
    stack = disturbed(module, RATES).eval()
    for c, found in enumerate(stack(x, offsets)):
        own = candidate(module, stack, c, RATES[c]).eval()
        torch.testing.assert_close(found, own(x, offsets))


def test_candidates_that_stay_compute_what_they_did():
    module = make()
    x, offsets = samples(module)
    stack = disturbed(module, RATES)
    with random_source(RandomSource(1)):
        before = stack(x, offsets)
    stack.keep([2, 1])
    with random_source(RandomSource(1)):
        after = stack(x, offsets)
    torch.testing.assert_close(after, before[[2, 1]])


def test_network_that_is_stacked_is_left_as_it_is():
    module = make()
    before = copy.deepcopy(module.state_dict())
    stack = stack_sma(module, RATES)
    F.mse_loss(stack(*samples(module)), torch.zeros(3, 4, 20, 3).double()).backward()
    assert type(module) is SMA
    assert all(weight.grad is None for weight in module.parameters())
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])


def test_nan_of_one_candidate_stays_with_it():
    module = make()
    stack = disturbed(module, RATES)
    with torch.no_grad():
        for name, weight in stack.named_parameters():
            stack.parts(name, weight)[1].fill_(torch.nan)
    stack(*samples(module)).sum().backward()
    for name, weight in stack.named_parameters():
        parts = stack.parts(name, weight.grad)
        for other in (parts[0], parts[2]):
            assert torch.isfinite(other).all(), name
