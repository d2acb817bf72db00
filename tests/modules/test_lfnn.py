"""The lfNN module."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skomics.modules import LFNN


def make(**kwargs):
    params = {"block_sizes": [6, 4, 5], "n_classes": 3, "branch_sizes": (8, 5)}
    params |= {"head_sizes": (7, 4), "dropout": 0.1}
    torch.manual_seed(0)
    return LFNN(**{**params, **kwargs}).eval()


def kinds(layers):
    return [type(layer).__name__ for layer in layers]


def widths(layers):
    return [
        (layer.in_features, layer.out_features)
        for layer in layers
        if isinstance(layer, nn.Linear)
    ]


def test_layers_are_those_of_the_published_code():
    module = make(
        block_sizes=[60, 40, 50],
        n_classes=4,
        branch_sizes=(500, 100),
        head_sizes=(100, 50, 10),
    )
    hidden = ["Linear", "ReLU", "Dropout"]
    for size, branch in zip([60, 40, 50], module.branches, strict=True):
        assert kinds(branch) == hidden * 2
        assert widths(branch) == [(size, 500), (500, 100)]
    assert kinds(module.head) == [*hidden, *hidden, "Linear", "ReLU", "Linear"]
    assert widths(module.head) == [(300, 100), (100, 50), (50, 10), (10, 4)]


def test_biases_start_at_zero_and_weights_within_the_xavier_bound():
    linear = [m for m in make().modules() if isinstance(m, nn.Linear)]
    assert len(linear) == 9
    for layer in linear:
        bound = (6 / sum(layer.weight.shape)) ** 0.5
        assert layer.bias.abs().max() == 0
        assert 0.5 * bound < layer.weight.abs().max() <= bound


@settings(deadline=None)
@given(n_blocks=st.integers(1, 6), data=st.data())
def test_changing_any_omics_changes_the_output(n_blocks, data):
    # In the published code the third branch read the second modality. The omics are
    # of equal width here, so that such a mistake would not fail by itself.
    module = make(block_sizes=[4] * n_blocks, branch_sizes=(16,), head_sizes=(16,))
    changed = data.draw(st.integers(0, n_blocks - 1))
    x = torch.randn(8, 4 * n_blocks)
    y = x.clone()
    y[:, 4 * changed : 4 * changed + 4] += 3
    assert not torch.allclose(module(x), module(y))


def test_branch_reads_its_own_omics_and_no_other():
    module, x = make(block_sizes=[4, 4, 4]), torch.randn(5, 12, requires_grad=True)
    for i, branch in enumerate(module.branches):
        torch.nn.init.zeros_(branch[-3].weight)
        branch[-3].weight.requires_grad_(False)
        (gradient,) = torch.autograd.grad(module(x).sum(), x)
        seen = gradient.unflatten(1, (3, 4)).abs().amax(dim=(0, 2)) > 0
        assert seen.tolist() == [j > i for j in range(3)]


@settings(deadline=None)
@given(order=st.permutations(range(3)))
def test_order_of_the_omics_does_not_matter_under_tied_weights(order):
    module, x = make().double(), torch.randn(5, 15, dtype=torch.float64)
    moved = make(block_sizes=[[6, 4, 5][i] for i in order]).double()
    for new, old in enumerate(order):
        moved.branches[new].load_state_dict(module.branches[old].state_dict())
    head = dict(module.head.state_dict())
    head["0.weight"] = torch.cat([head["0.weight"].split(5, 1)[i] for i in order], 1)
    moved.head.load_state_dict(head)
    blocks = x.split([6, 4, 5], dim=1)
    torch.testing.assert_close(
        moved(torch.cat([blocks[i] for i in order], 1)), module(x)
    )


@settings(deadline=None)
@given(order=st.permutations(range(6)), others=st.permutations(range(4)))
def test_order_of_the_features_does_not_matter_under_tied_weights(order, others):
    module, x = make().double(), torch.randn(5, 15, dtype=torch.float64)
    columns = [*order, *(6 + i for i in others), *range(10, 15)]
    moved = make().double()
    moved.load_state_dict(module.state_dict())
    with torch.no_grad():
        for branch, part in zip(moved.branches, (order, others), strict=False):
            branch[0].weight.copy_(branch[0].weight[:, part])
    torch.testing.assert_close(moved(x[:, columns]), module(x))


@pytest.mark.parametrize("block_sizes", [[1, 1, 1], [2], [1], [3] * 9])
def test_it_works_on_very_few_features_and_any_number_of_omics(block_sizes):
    module = make(block_sizes=block_sizes)
    assert module(torch.randn(3, sum(block_sizes))).shape == (3, 3)


def test_two_classes_have_two_logits():
    assert make(n_classes=2)(torch.randn(7, 15)).shape == (7, 2)


def test_without_hidden_layers_it_is_a_linear_model():
    module = make(branch_sizes=(), head_sizes=())
    assert widths(module.modules()) == [(15, 3)]
    assert module(torch.randn(7, 15)).shape == (7, 3)


def test_fifteen_classes_pass_no_bottleneck_unless_asked_for():
    narrow = make(n_classes=15, head_sizes=(100, 50, 10))
    assert widths(narrow.head)[-1] == (10, 15)
    assert widths(make(n_classes=15, head_sizes=(100, 50)).head)[-1] == (50, 15)
