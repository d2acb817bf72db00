"""A test draws the same numbers in every run, also where it gives no seed."""

import random

import numpy as np
import pytest
import torch


@pytest.mark.parametrize(
    "expected", [(146, 873, 930), (713, 628, 681)], ids=["one", "other"]
)
def test_draws_without_a_seed_are_those_of_every_run(expected):
    drawn = [np.random.randint(1000)]  # noqa: NPY002 the generator of all that is global
    drawn += [random.randrange(1000), int(torch.randint(1000, ()))]
    assert drawn == list(expected)
