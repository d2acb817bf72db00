"""The efCNN module. Its convolution is tested with lfCNN."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from skomics.modules import EFCNN


def make(**kwargs):
    params = {"block_sizes": [30, 20], "n_classes": 3, "n_filters": (6, 4)}
    params |= {"head_sizes": (7,), "dropout": 0.1}
    params |= kwargs
    for name in ("kernel_sizes", "strides", "pool_sizes"):
        params.setdefault(name, ["auto"] * len(params["n_filters"]))
    torch.manual_seed(0)
    return EFCNN(**params).eval()


def plain_forward(module, x):
    """Re-state the network with torch's own operations."""
    x = x.unsqueeze(1)
    for stage in module.stages:
        weight = stage.weight.transpose(1, 2)
        x = F.relu(F.conv1d(x, weight, stage.bias, stride=stage.stride))
        x = F.max_pool1d(x, stage.pool_size)
    return module.head(x.transpose(1, 2).flatten(1))


@pytest.mark.parametrize("n_filters", [(4,), (6, 4), (5, 3, 2)])
def test_network_equals_a_plain_statement_of_the_formulas(n_filters):
    module = make(n_filters=n_filters).double()
    for stage in module.stages:
        torch.nn.init.normal_(stage.bias, std=0.1)
    x = torch.randn(5, 50, dtype=torch.float64)
    torch.testing.assert_close(module(x), plain_forward(module, x))


@pytest.mark.parametrize(
    ("width", "n_filters", "kernel_sizes", "pool_sizes", "flattened"),
    [
        (658, (16, 8), (10, 5), (10, 2), 240),
        (11_892, (32, 16), (1000, 50), (100, 10), 80),
        (10_000, (32, 16), (1000, 50), (100, 10), 64),
    ],
    ids=["simulated", "cancer", "single_cell"],
)
def test_layers_are_those_of_the_published_code(
    width, n_filters, kernel_sizes, pool_sizes, flattened
):
    module = make(
        block_sizes=[width],
        n_filters=n_filters,
        kernel_sizes=kernel_sizes,
        strides=(1, 1),
        pool_sizes=pool_sizes,
        head_sizes=(50,),
    )
    kinds = [type(layer).__name__ for layer in module.head]
    assert kinds == ["Linear", "ReLU", "Linear"]
    assert module.head[0].in_features == flattened


def test_biases_start_at_zero_and_filters_within_the_xavier_bound():
    for stage in make().stages:
        n_filters, kernel_size, n_channels = stage.weight.shape
        bound = (6 / (kernel_size * (n_filters + n_channels))) ** 0.5
        assert stage.bias.abs().max() == 0
        assert 0.5 * bound < stage.weight.abs().max() <= bound


@pytest.mark.parametrize("omics", [slice(0, 30), slice(30, 50)])
def test_every_modality_changes_the_output(omics):
    module, x = make(), torch.randn(4, 50)
    changed = x.clone()
    changed[:, omics] += 1
    assert not torch.allclose(module(x), module(changed))


def test_only_the_sum_of_the_block_sizes_matters():
    x = torch.randn(4, 50)
    assert torch.equal(make()(x), make(block_sizes=[10, 25, 15])(x))


def test_order_of_the_features_matters_because_a_filter_sees_neighbors():
    module, x = make(), torch.randn(5, 50)
    assert not torch.allclose(module(x[:, torch.randperm(50)]), module(x))


@settings(deadline=None)
@given(width=st.integers(1, 40), n_stages=st.integers(1, 4))
def test_it_works_on_very_few_features_and_any_number_of_stages(width, n_stages):
    module = make(block_sizes=[width], n_filters=(3,) * n_stages)
    assert module(torch.randn(3, width)).shape == (3, 3)


def test_two_classes_have_two_logits():
    assert make(n_classes=2)(torch.randn(7, 50)).shape == (7, 2)
