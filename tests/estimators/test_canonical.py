"""An order of rows and columns that depends on neither."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from skomics.estimators._canonical import canonical_order

BOUNDS = [(0, 3), (3, 8)]


def put_in_order(X, codes, bounds=BOUNDS):
    rows, columns = canonical_order(X, codes, bounds)
    return X[rows][:, columns], codes[rows]


def shuffle(X, codes, seed):
    rng = np.random.default_rng(seed)
    columns = np.concatenate([rng.permutation(np.arange(*b)) for b in BOUNDS])
    rows = rng.permutation(len(X))
    return X[rows][:, columns], codes[rows]


few = st.sampled_from([0.0, -0.0, 1.0, 2.5, np.nan])


@pytest.mark.parametrize("values", [few, st.floats(width=32, allow_nan=False)])
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_order_of_a_table_says_nothing(values, data, seed):
    X = data.draw(arrays(np.float32, (6, 8), elements=values))
    codes = data.draw(arrays(np.int64, 6, elements=st.integers(0, 2)))
    _, first = np.unique(np.column_stack([X, codes]), axis=0, return_index=True)
    X, codes = X[np.sort(first)], codes[np.sort(first)]  # rows are distinct
    actual, labels = put_in_order(*shuffle(X, codes, seed))
    expected, expected_labels = put_in_order(X, codes)
    if len(np.unique(X)) > 20:  # few values can be level in every way
        np.testing.assert_array_equal(actual, expected)
        np.testing.assert_array_equal(labels, expected_labels)
    np.testing.assert_array_equal(np.sort(actual, axis=None), np.sort(X, axis=None))


def test_columns_with_the_same_values_are_told_apart_by_the_rows_they_stand_in():
    rng = np.random.default_rng(0)
    X = (rng.random((30, 8)) < 0.3).astype(np.float32)  # mutations
    X = np.unique(X, axis=0)
    codes = np.arange(len(X)) % 3
    expected, labels = put_in_order(X, codes)
    for seed in range(20):
        actual, actual_labels = put_in_order(*shuffle(X, codes, seed))
        np.testing.assert_array_equal(actual, expected)
        np.testing.assert_array_equal(actual_labels, labels)


def test_sparse_tables_have_the_order_of_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 8)).astype(np.float32) * (rng.random((9, 8)) < 0.5)
    codes = np.arange(9) % 2
    X[2, 1] = -0.0
    dense = canonical_order(X, codes, BOUNDS)
    thin = canonical_order(sparse.csr_array(X), codes, BOUNDS)
    for a, b in zip(dense, thin, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_column_leaves_its_omics():
    X = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    _, columns = canonical_order(X, np.zeros(5, dtype=int), BOUNDS)
    assert sorted(columns[:3]) == [0, 1, 2]
    assert sorted(columns[3:]) == [3, 4, 5, 6, 7]
    assert columns.tolist() != list(range(8))


def test_the_class_of_a_sample_counts():
    X = np.repeat(np.random.default_rng(0).normal(size=(1, 8)), 2, axis=0)
    rows, _ = canonical_order(X.astype(np.float32), np.array([0, 1]), BOUNDS)
    turned, _ = canonical_order(X.astype(np.float32), np.array([1, 0]), BOUNDS)
    assert rows.tolist() == turned.tolist()[::-1]


def private(n):
    """Return a gene for each sample, which no other has."""
    return np.eye(n, dtype=np.float32), np.arange(n) % 3, [(0, n)]


def chain(n):
    """Return genes that two neighbors in a row have each, and the last one alone."""
    X = np.eye(n, dtype=np.float32) + np.eye(n, k=1, dtype=np.float32)
    return X, np.zeros(n, dtype=int), [(0, n)]


def ring(n):
    X = np.eye(n, dtype=np.float32) + np.roll(np.eye(n, dtype=np.float32), 1, axis=1)
    return X, np.zeros(n, dtype=int), [(0, n)]


def paired(n):
    """Return private genes in one modality, and the same samples' own in another."""
    X = np.hstack([np.eye(n), np.eye(n)]).astype(np.float32)
    return X, np.arange(n) % 2, [(0, n), (n, 2 * n)]


def with_expression(n):
    X, codes, _ = private(n)
    rng = np.random.default_rng(0)
    return (
        np.hstack([rng.normal(size=(n, 5)), X]).astype(np.float32),
        codes,
        [
            (0, 5),
            (5, 5 + n),
        ],
    )


@pytest.mark.parametrize("make", [private, chain, ring, paired, with_expression])
@pytest.mark.parametrize("n", [12, 60])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_samples_that_only_mutations_of_their_own_tell_apart(make, n, form):
    X, codes, bounds = make(n)
    rows, columns = canonical_order(form(X), codes, bounds)
    expected = X[rows][:, columns]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = rng.permutation(n)
        moved = np.concatenate([rng.permutation(np.arange(*b)) for b in bounds])
        Z = X[rows][:, moved]
        a, b = canonical_order(form(Z), codes[rows], bounds)
        np.testing.assert_array_equal(Z[a][:, b], expected)
        np.testing.assert_array_equal(
            codes[rows][a], codes[canonical_rows(X, codes, bounds)]
        )


def canonical_rows(X, codes, bounds):
    return canonical_order(X, codes, bounds)[0]
