"""The bounds are those that were published, and nothing exceeds them."""

import numpy as np
import pytest

from skomics.feature_selection._bounds import (
    choose_n_top,
    largest_tails,
    pfer_bounds,
)

# What the R package stabs (0.6-4, tests/regtest-inference.Rout.save, whose results are
# compared with the code of Shah and Samworth's paper) prints for a threshold of 0.6,
# 100 features, 50 pairs and 1, 2, ... features at the top.
PUBLISHED = {
    "r-concave": [
        *(0.006971364, 0.03342845, 0.08691176, 0.1637231, 0.2605329),
        *(0.3820466, 0.5295188, 0.7042719, 0.9077127, 1.141338),
    ],
    "unimodal": [
        *(0.02631579, 0.1052632, 0.2368421, 0.4210526, 0.6578947),
        *(0.9473684, 1.289474, 1.684211, 2.131579, 2.631579),
    ],
    "none": [0.05, 0.2, 0.45, 0.8, 1.25, 1.8, 2.45, 3.2, 4.05, 5],
}


@pytest.mark.parametrize("assumption", PUBLISHED)
def test_bounds_are_those_published(assumption):
    found = [pfer_bounds(q, 100, 50, assumption)[60] for q in range(1, 11)]
    # Their search of the line ends at an offset of 1e-5, which shows for few features.
    np.testing.assert_allclose(found, PUBLISHED[assumption], rtol=5e-3)
    np.testing.assert_allclose(found[3:], PUBLISHED[assumption][3:], rtol=1e-5)


def test_thresholds_are_those_published():
    bounds = pfer_bounds(7, 200, 50)
    np.testing.assert_allclose(bounds[61:63], [0.219, 0.196], atol=5e-4)
    assert (bounds <= 0.2).argmax() == 62
    assert (pfer_bounds(7, 200, 50, "unimodal") <= 0.2).argmax() == 81
    np.testing.assert_allclose(pfer_bounds(6, 200, 50)[60], 0.174, atol=5e-4)
    np.testing.assert_allclose(pfer_bounds(7, 200, 50)[60], 0.248, atol=5e-4)


@pytest.mark.parametrize(
    ("mean", "n", "r"), [(0.05, 20, -0.5), (0.2, 20, -0.25), (0.01, 50, -0.5)]
)
def test_no_r_concave_distribution_has_a_larger_tail(mean, n, r):
    tails, values, rng = (
        largest_tails(mean, n, r),
        np.arange(n + 1),
        np.random.default_rng(0),
    )
    n_compared = 0
    for _ in range(3000):
        # A sum of hinges is convex; its power, cut off somewhere, is r-concave.
        knots, slopes = rng.uniform(0, n, 3), rng.exponential(size=3)
        convex = rng.uniform(0.01, 1) + np.maximum(0, values[:, None] - knots) @ slopes
        convex += rng.exponential() * values
        weights = convex ** (1 / r) * (values <= rng.integers(1, n + 1))
        weights /= weights.sum()
        if weights @ values <= mean * n:
            n_compared += 1
            assert (weights[::-1].cumsum()[::-1] <= tails + 1e-9).all()
    assert n_compared > 100


def test_largest_tail_is_one_of_a_distribution():
    mean, n, r = 0.05, 20, -0.5
    found = largest_tails(mean, n, r)[10]
    # All lines and ends, each with what is left over just above the end.
    best = 0
    for end in range(9, n):
        values = np.arange(end + 2)
        for offset in np.geomspace(1e-3, 1e3, 20_000):
            weights = (offset + values) ** (1 / r)
            weights[-1] = (weights[:-1] @ (mean * n - values[:-1])) / (
                end + 1 - mean * n
            )
            is_one = 0 <= weights[-1] <= (offset + end + 1) ** (1 / r)
            best = max(best, weights[10:].sum() / weights.sum() if is_one else 0)
    assert found == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("assumption", PUBLISHED)
def test_bounds_fall_with_the_threshold_and_rise_with_the_number_at_the_top(assumption):
    table = np.array([pfer_bounds(q, 300, 20, assumption) for q in (1, 5, 20, 60, 200)])
    assert (np.diff(table, axis=1) <= 1e-9).all()
    assert (np.diff(table, axis=0) >= -1e-9).all()
    assert table.max() == 300


def test_stronger_assumptions_give_smaller_bounds():
    none, unimodal, concave = (
        pfer_bounds(20, 1000, 50, kind)[60:]
        for kind in ("none", "unimodal", "r-concave")
    )
    assert (concave < unimodal).all()
    assert (unimodal < none).all()


@pytest.mark.parametrize("n_features", [1, 2, 10, 500])
@pytest.mark.parametrize("n_pairs", [1, 2, 50])
def test_number_at_the_top_is_the_largest_that_keeps_the_level(n_features, n_pairs):
    n_top = choose_n_top(n_features, n_pairs, 0.5, "r-concave")
    place = int(0.75 * 2 * n_pairs)
    assert 1 <= n_top <= n_features
    if n_top < n_features:
        assert pfer_bounds(n_top + 1, n_features, n_pairs)[place] > 0.5
    if n_top > 1:
        assert pfer_bounds(n_top, n_features, n_pairs)[place] <= 0.5
