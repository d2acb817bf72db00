"""The lfCNN module, and the convolution that it shares with efCNN."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from skomics.modules import LFCNN, ConvPool, _layers


def make_layer(**kwargs):
    params = {"length": 30, "n_channels": 1, "n_filters": 3, "kernel_size": "auto"}
    params |= {"stride": "auto", "pool_size": "auto"}
    return ConvPool(**{**params, **kwargs})


def make(**kwargs):
    params = {"block_sizes": [30, 20, 10], "n_classes": 3, "n_filters": 4}
    params |= {"head_sizes": (7, 4), "dropout": 0.1}
    params |= kwargs
    for name in ("kernel_sizes", "strides", "pool_sizes"):
        params.setdefault(name, ["auto"] * len(params["block_sizes"]))
    torch.manual_seed(0)
    return LFCNN(**params).eval()


def plain_layer(layer, x):
    """Re-state the layer with torch's own operations."""
    x = x.view(len(x), -1, layer.n_channels).transpose(1, 2)
    answers = F.conv1d(x, layer.weight.transpose(1, 2), layer.bias, stride=layer.stride)
    pooled = F.max_pool1d(F.relu(answers), layer.pool_size)
    return pooled.transpose(1, 2).flatten(1)


# --- the layer -----------------------------------------------------------------


@settings(deadline=None)
@given(
    length=st.integers(1, 200),
    n_channels=st.integers(1, 3),
    n_filters=st.integers(1, 3),
    kernel_size=st.integers(1, 250),
    stride=st.integers(1, 9),
    pool_size=st.integers(1, 60),
)
def test_layer_equals_convolution_rectifier_and_pooling(length, n_channels, **sizes):
    layer = make_layer(length=length, n_channels=n_channels, **sizes).double()
    nn.init.normal_(layer.bias)  # biases, too, must matter
    x = torch.randn(4, length * n_channels, dtype=torch.float64)
    expected = plain_layer(layer, x)
    torch.testing.assert_close(layer(x), expected)
    assert expected.shape[1] == layer.n_positions * sizes["n_filters"]
    gradients = [
        torch.autograd.grad(f(x).square().sum(), list(layer.parameters()))
        for f in (layer, lambda x: plain_layer(layer, x))
    ]
    torch.testing.assert_close(*gradients)


def test_layer_passes_gradients_on_to_the_layer_before():
    layer = make_layer(n_channels=2, kernel_size=7, stride=3, pool_size=2).double()
    x = torch.randn(4, 60, dtype=torch.float64, requires_grad=True)
    actual, expected = (
        torch.autograd.grad(f(x).square().sum(), x)
        for f in (layer, lambda x: plain_layer(layer, x))
    )
    torch.testing.assert_close(actual, expected)


def test_layer_gives_the_same_for_some_rows_at_a_time(monkeypatch):
    layer, x = make_layer(pool_size=2).double(), torch.randn(7, 30).double()
    expected = layer(x)
    monkeypatch.setattr(_layers, "_MAX_ANSWERS", 2 * 28 * 3)
    rows, convolve = [], layer._convolve

    def counted(x):
        rows.append(len(x))
        return convolve(x)

    monkeypatch.setattr(layer, "_convolve", counted)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected.detach())
    assert rows == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("length", "kernel_size", "stride", "pool_size"),
    [
        (1, 1, 1, 1),
        (2, 2, 1, 1),
        (20, 3, 1, 1),
        (131, 6, 1, 1),
        (700, 35, 8, 1),
        (5_000, 250, 62, 1),
        (50_000, 300, 75, 6),
        (450_000, 300, 75, 59),
    ],
)
def test_automatic_sizes_fit_the_width(length, kernel_size, stride, pool_size):
    layer = make_layer(length=length)
    sizes = (layer.kernel_size, layer.stride, layer.pool_size)
    assert sizes == (kernel_size, stride, pool_size)


@settings(deadline=None)
@given(length=st.integers(1, 200_000))
def test_automatic_sizes_give_a_moderate_number_of_positions(length):
    assert 1 <= make_layer(length=length).n_positions < 200


def test_sizes_that_are_too_wide_are_cut_to_the_row():
    layer = make_layer(length=12, kernel_size=10, stride=1, pool_size=100)
    assert (layer.kernel_size, layer.pool_size, layer.n_positions) == (10, 3, 1)
    assert make_layer(length=12, kernel_size=300).kernel_size == 12


@pytest.mark.parametrize("name", ["kernel_size", "stride", "pool_size"])
@pytest.mark.parametrize("value", [0, -3, 1.5, "max", None])
def test_error_for_a_size_that_is_none(name, value):
    with pytest.raises(ValueError, match=f"{name} must be 'auto' or an integer"):
        make_layer(**{name: value})


def test_biases_start_at_zero_and_filters_within_the_xavier_bound():
    for layer in make().branches:
        bound = (6 / (layer.kernel_size * (1 + 4))) ** 0.5
        assert layer.bias.abs().max() == 0
        assert 0.5 * bound < layer.weight.abs().max() <= bound


def test_sizes_are_shown_when_the_layer_is_printed():
    assert "kernel_size=3, stride=1, pool_size=1, n_positions=28" in repr(make_layer())


# --- the module ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("block_sizes", "n_filters", "kernel_sizes", "pool_sizes", "flattened"),
    [
        ([367, 131, 160], 8, [10, 10, 10], [2, 2, 2], [1432, 488, 600]),
        ([5000, 5000], 32, [300, 100], [100, 50], [1504, 3136]),
        ([6000, 892, 5000], 32, [300, 100, 300], [100, 50, 100], [1824, 480, 1504]),
    ],
    ids=["simulated", "single_cell", "cancer"],
)
def test_layers_are_those_of_the_published_code(
    block_sizes, n_filters, kernel_sizes, pool_sizes, flattened
):
    module = make(
        block_sizes=block_sizes,
        n_filters=n_filters,
        kernel_sizes=kernel_sizes,
        strides=[1] * len(block_sizes),
        pool_sizes=pool_sizes,
        head_sizes=(100, 50, 10),
    )
    widths = [branch.n_positions * n_filters for branch in module.branches]
    assert widths == flattened
    hidden = ["Linear", "ReLU", "Dropout"]
    kinds = [type(layer).__name__ for layer in module.head]
    assert kinds == [*hidden, *hidden, "Linear", "ReLU", "Linear"]
    assert module.head[0].in_features == sum(flattened)


@settings(deadline=None)
@given(n_blocks=st.integers(1, 6), data=st.data())
def test_changing_any_omics_changes_the_output(n_blocks, data):
    module = make(block_sizes=[8] * n_blocks, n_filters=8, head_sizes=(16,))
    changed = data.draw(st.integers(0, n_blocks - 1))
    x = torch.randn(8, 8 * n_blocks)
    y = x.clone()
    y[:, 8 * changed : 8 * changed + 8] += 3
    assert not torch.allclose(module(x), module(y))


@settings(deadline=None)
@given(order=st.permutations(range(3)))
def test_order_of_the_omics_does_not_matter_under_tied_weights(order):
    module, x = make().double(), torch.randn(5, 60, dtype=torch.float64)
    moved = make(block_sizes=[[30, 20, 10][i] for i in order]).double()
    for new, old in enumerate(order):
        moved.branches[new].load_state_dict(module.branches[old].state_dict())
    head = dict(module.head.state_dict())
    widths = [branch.n_positions * 4 for branch in module.branches]
    parts = head["0.weight"].split(widths, 1)
    head["0.weight"] = torch.cat([parts[i] for i in order], 1)
    moved.head.load_state_dict(head)
    blocks = x.split([30, 20, 10], dim=1)
    torch.testing.assert_close(
        moved(torch.cat([blocks[i] for i in order], 1)), module(x)
    )


def test_order_of_the_features_matters_because_a_filter_sees_neighbors():
    # One filter is applied at every place, so that no permutation of its weights
    # makes up for a permutation of the features: there are no tied weights under
    # which the predictions would stay the same.
    module, x = make(), torch.randn(5, 60)
    order = [*torch.randperm(30).tolist(), *range(30, 60)]
    assert not torch.allclose(module(x[:, order]), module(x))


@pytest.mark.parametrize("block_sizes", [[1, 1, 1], [2], [1], [3] * 9])
def test_it_works_on_very_few_features_and_any_number_of_omics(block_sizes):
    module = make(block_sizes=block_sizes)
    assert module(torch.randn(3, sum(block_sizes))).shape == (3, 3)


def test_two_classes_have_two_logits():
    assert make(n_classes=2)(torch.randn(7, 60)).shape == (7, 2)
