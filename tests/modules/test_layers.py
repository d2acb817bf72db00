"""Layers that models share."""

import pytest
import torch

from skomics.modules import Dropout, GroupedLinear
from skomics.modules._layers import sinusoidal_positions


def test_dropout_keeps_the_expectation_and_drops_the_asked_share():
    torch.manual_seed(0)
    out = Dropout(0.3)(torch.ones(400, 1001))
    assert (out == 0).float().mean().item() == pytest.approx(0.3, abs=0.005)
    assert out.mean().item() == pytest.approx(1.0, abs=0.005)


def test_dropout_does_nothing_in_evaluation_mode_or_at_rate_zero():
    x = torch.randn(5, 3)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_dropout_masks_are_drawn_from_the_global_generator():
    x = torch.ones(50, 50)
    torch.manual_seed(1)
    first = Dropout(0.5)(x)
    second = Dropout(0.5)(x)
    torch.manual_seed(1)
    assert torch.equal(Dropout(0.5)(x), first)
    assert not torch.equal(first, second)


def test_dropout_passes_the_gradient_of_kept_elements_only():
    x = torch.ones(100, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_dropout_refuses_rates_outside_zero_to_one(p):
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\), got"):
        Dropout(p)


def test_grouped_linear_equals_one_linear_layer_per_group():
    torch.manual_seed(0)
    layer = GroupedLinear(3, 4, 5)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(3, 2, 7, 4)
    expected = torch.stack(
        [x[g] @ layer.weight[g] + layer.bias[g, 0] for g in range(3)]
    )
    torch.testing.assert_close(layer(x), expected)


def test_positions_are_those_of_the_formula():
    encoding = sinusoidal_positions(4, 6)
    for position in range(4):
        for pair in range(3):
            angle = torch.tensor(position / 10000 ** (2 * pair / 6))
            assert encoding[position, 2 * pair] == pytest.approx(angle.sin().item())
            assert encoding[position, 2 * pair + 1] == pytest.approx(angle.cos().item())


def test_positions_of_an_odd_width_have_that_width():
    assert sinusoidal_positions(3, 5).shape == (3, 5)


def test_layers_say_their_sizes_when_printed():
    assert repr(GroupedLinear(2, 3, 4)) == "GroupedLinear(n_groups=2, d_in=3, d_out=4)"
    assert repr(Dropout(0.5)) == "Dropout(p=0.5)"
