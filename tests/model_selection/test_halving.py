"""Rungs of successive halving."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skomics.model_selection._halving import (
    best_candidates,
    make_rungs,
    read_halving,
)


@given(
    st.integers(1, 200),
    st.integers(1, 300),
    st.floats(1.5, 5),
    st.one_of(st.just("exhaust"), st.integers(1, 400)),
)
def test_rungs_get_fewer_and_longer_and_the_last_trains_to_the_end(n, epochs, f, least):
    rungs = make_rungs(n, epochs, f, least)
    assert rungs[0].n_candidates == n
    assert rungs[-1].n_resources == epochs
    for one, other in zip(rungs, rungs[1:], strict=False):
        assert other.n_candidates <= one.n_candidates
        assert 1 <= one.n_resources < other.n_resources


def test_rungs_of_a_usual_search():
    rungs = make_rungs(27, 50, 3, "exhaust")
    assert [r.n_candidates for r in rungs] == [27, 9, 3, 1]
    assert [r.n_resources for r in rungs] == [1, 3, 9, 50]
    assert [r.n_resources for r in make_rungs(2, 50, 3, "exhaust")] == [50]


def test_best_candidates_are_those_of_the_largest_scores_and_nan_is_the_worst():
    scores = np.array([0.3, np.nan, 0.9, 0.3])
    assert best_candidates([4, 5, 6, 7], scores, 2) == [4, 6]
    assert best_candidates([4, 5, 6, 7], scores, 4) == [4, 5, 6, 7]


def test_halving_is_a_factor_or_a_dict():
    assert read_halving(4) == (4, "exhaust")
    assert read_halving({"min_resources": 5}) == (3, 5)
    assert read_halving({"factor": 2, "min_resources": "exhaust"}) == (2, "exhaust")


@pytest.mark.parametrize(
    ("halving", "message"),
    [
        (1, "factor=1, but a number above 1"),
        ({"factor": "3"}, "factor='3', but a number above 1"),
        ({"min_resources": 0}, "min_resources=0, but a number of epochs"),
        ({"resource": "lr"}, r"has the keys \['resource'\]"),
    ],
)
def test_halving_that_cannot_be_is_refused(halving, message):
    with pytest.raises(ValueError, match=message):
        read_halving(halving)
