"""Where layers draw their random numbers from."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from skomics.modules import RandomSource, construction, generator_on, random_source


def test_without_a_source_layers_draw_from_torch():
    assert generator_on("cpu") is None


def test_source_is_that_of_the_thread_and_ends_with_the_block():
    source = RandomSource(3)
    with random_source(source), ThreadPoolExecutor(1) as pool:
        assert generator_on("cpu") is source.on("cpu")
        assert pool.submit(generator_on, "cpu").result(timeout=60) is None
    assert generator_on("cpu") is None


def test_a_seed_gives_the_numbers_of_torch_with_that_seed():
    torch.manual_seed(5)
    expected = torch.rand(4)
    assert torch.equal(torch.rand(4, generator=RandomSource(5).on("cpu")), expected)


def build(seed):
    with random_source(RandomSource(seed)), construction():
        return nn.Sequential(nn.Linear(3, 4), nn.Conv1d(2, 3, 2), nn.Embedding(5, 2))


def test_layers_are_built_of_the_source_and_of_nothing_else():
    before = torch.random.get_rng_state()
    first, again, other = build(1), build(1), build(2)
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first[0].weight, other[0].weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_layers_are_built_in_single_precision_on_the_cpu(dtype):
    torch.set_default_dtype(dtype)
    try:
        with torch.device("meta"):
            built = build(1)
    finally:
        torch.set_default_dtype(torch.float32)
    expected = build(1)
    for a, b in zip(built.parameters(), expected.parameters(), strict=True):
        assert (a.dtype, a.device.type) == (torch.float32, "cpu")
        assert torch.equal(a, b)
