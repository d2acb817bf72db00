"""Joining the outputs of several networks."""

from itertools import product
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skomics.modules._fusion import VCDN, average_members


def test_average_members_is_the_mean_of_the_probabilities():
    logits = torch.randn(3, 5, 4)
    expected = logits.softmax(-1).mean(0)
    torch.testing.assert_close(average_members(logits).softmax(-1), expected)


def test_average_members_does_not_saturate():
    logits = torch.tensor([[[80.0, -80.0]], [[90.0, -90.0]]], dtype=torch.float64)
    log_proba = average_members(logits)
    assert torch.isfinite(log_proba).all()
    assert -161 < log_proba[0, 1] < -160


def vcdn(n_views=3, n_classes=4, max_hidden=512, max_cells=10_000):
    torch.manual_seed(0)
    return VCDN(
        n_views=n_views,
        n_classes=n_classes,
        max_hidden=max_hidden,
        max_cells=max_cells,
    )


@pytest.mark.parametrize("n_views", [2, 3, 4])
def test_vcdn_equals_a_plain_outer_product(n_views):
    module = vcdn(n_views, n_classes=3)
    logits = torch.randn(n_views, 5, 3)
    first, _, last = module.layers
    for sample in range(5):
        scores = [1 / (1 + (-view[sample]).exp()) for view in logits]
        cells = torch.tensor([prod(combination) for combination in product(*scores)])
        hidden = first.weight @ cells + first.bias
        hidden = torch.where(hidden > 0, hidden, 0.25 * hidden)
        expected = last.weight @ hidden + last.bias
        torch.testing.assert_close(module(logits)[sample], expected)


def test_vcdn_is_as_wide_as_the_product_and_starts_as_published():
    first, activation, last = vcdn(n_views=3, n_classes=4).layers
    assert first.weight.shape == (64, 64)
    assert last.weight.shape == (4, 64)
    assert activation.negative_slope == 0.25
    assert first.bias.abs().max() == last.bias.abs().max() == 0
    assert first.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.05)


@settings(deadline=None)
@given(
    n_views=st.integers(2, 5),
    n_classes=st.integers(2, 34),
    max_hidden=st.integers(1, 64),
    max_cells=st.integers(1, 2000),
)
def test_vcdn_is_never_larger_than_its_bounds(
    n_views, n_classes, max_hidden, max_cells
):
    module = vcdn(n_views, n_classes, max_hidden, max_cells)
    first = module.layers[0]
    assert first.out_features <= max_hidden
    assert first.in_features <= max(max_cells, n_views * n_classes)
    assert module.is_product == (n_classes**n_views <= max_cells)
    assert module(torch.randn(n_views, 3, n_classes)).shape == (3, n_classes)


def test_vcdn_reads_the_scores_side_by_side_where_the_product_is_too_large():
    module = vcdn(n_views=2, n_classes=3, max_cells=8)
    logits = torch.randn(2, 5, 3)
    expected = module.layers(torch.cat([logits[0], logits[1]], dim=1).sigmoid())
    torch.testing.assert_close(module(logits), expected)


@pytest.mark.parametrize("max_cells", [10_000, 1])
def test_vcdn_hears_every_view(max_cells):
    module, logits = vcdn(max_cells=max_cells), torch.randn(3, 5, 4)
    for view in range(3):
        changed = logits.clone()
        changed[view] += 1
        assert not torch.allclose(module(logits), module(changed))
