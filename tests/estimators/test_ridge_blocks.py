"""Features of a modality without their means, a few at a time."""

import numpy as np
import pytest
from scipy import sparse

from skomics.estimators import _ridge_blocks
from skomics.estimators._arranged import ArrangedTable
from skomics.estimators._ridge_blocks import centered_blocks
from skomics.estimators._ridge_path import RidgeProblem, _f_statistics

SIZES = (30, 12)


def problem(form=np.asarray, scale=1.0):
    """Return samples of which some lack the first modality."""
    rng = np.random.default_rng(0)
    codes = np.arange(40) % 3
    X = rng.normal(size=(40, sum(SIZES)))
    X[:, :3] += np.eye(3)[codes]
    X = (scale * np.where(X > 0.3, X, 0)).astype(np.float32)
    X[5:9, : SIZES[0]] = np.nan
    weights = rng.uniform(0.2, 3, 40)
    bounds = [(0, SIZES[0]), (SIZES[0], sum(SIZES))]
    return RidgeProblem(form(X), bounds, codes, 3, weights / weights.mean(), "balanced")


def expected(task, block):
    """Return the features of a modality without their weighted means."""
    X = task.X[:, slice(*task.bounds[block])].astype(float)
    has = ~np.isnan(X[:, 0])
    mean = np.average(X[has], axis=0, weights=task.weights[has])
    return mean, np.where(has[:, None], X - mean, 0.0)


@pytest.mark.parametrize("scale", [1.0, 1e15, 1e-15])
@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("chunk", [5, 100])
def test_blocks_compute_with_features_without_their_means(
    chunk, block, scale, monkeypatch
):
    monkeypatch.setattr(_ridge_blocks, "_CHUNK", chunk)
    task, rows = problem(scale=scale), np.arange(4, 30)
    found = centered_blocks(task)[block]
    mean, Z = expected(task, block)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5)
    Z /= found.unit  # squares of what is very large are numbers in another unit
    assert 1e-3 < np.abs(Z).max() < 1e3
    weights = np.linspace(0, 2, Z.shape[1])
    (gram,) = found.grams([weights], rows)
    np.testing.assert_allclose(gram, (Z * weights) @ Z[rows].T, atol=1e-4)
    dual = np.random.default_rng(0).normal(size=(40, 3))
    np.testing.assert_allclose(
        found.transposed_product(dual) * found.unit, Z.T @ dual, atol=1e-4
    )
    matrix = np.eye(3)[task.codes[rows]]
    for part, ((first, second),) in found.moments([(matrix, matrix[:, 0], rows)]):
        np.testing.assert_allclose(first, matrix.T @ Z[rows][:, part], atol=1e-4)
        np.testing.assert_allclose(second, matrix[:, 0] @ Z[rows][:, part] ** 2, 1e-3)


def test_a_table_that_is_left_in_place_has_the_blocks_of_its_copy():
    task, rows = problem(), np.random.default_rng(0).permutation(40)
    table = ArrangedTable(np.asfortranarray(task.X[np.argsort(rows)]), rows)
    for mine, theirs in zip(
        centered_blocks(task), centered_blocks(problem(lambda _: table)), strict=True
    ):
        weights, everyone = np.ones(mine.n_features), np.arange(40)
        np.testing.assert_array_equal(
            mine.grams([weights], everyone), theirs.grams([weights], everyone)
        )


def test_sparse_blocks_have_the_statistics_and_gram_matrices_of_dense_ones(
    monkeypatch,
):
    monkeypatch.setattr(_ridge_blocks, "_SMALL", 0)
    rows, scale = np.arange(4, 30), np.linspace(0.5, 2, 30)
    dense, csr = (
        centered_blocks(problem(form))[0] for form in (np.asarray, sparse.csr_array)
    )
    np.testing.assert_allclose(
        csr.grams([scale], rows)[0], dense.grams([scale], rows)[0], atol=1e-4
    )
    task = problem()
    np.testing.assert_allclose(
        _f_statistics(csr, task, [rows]), _f_statistics(dense, task, [rows]), rtol=1e-3
    )
    dual = np.random.default_rng(0).normal(size=(40, 3))
    np.testing.assert_allclose(
        csr.transposed_product(dual), dense.transposed_product(dual), atol=1e-4
    )
