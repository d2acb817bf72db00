"""The canonical order of training samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skomics.estimators._samples import (
    apply_class_weight,
    deduplicate_samples,
    split_samples,
    training_samples,
)


def canonical_samples(X, codes, sample_weight=None):
    merged = deduplicate_samples(X, codes, sample_weight)
    return training_samples(merged, merged.X)


def random_samples(n=30, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(-1, 2, size=(n, p)).astype(np.float32)
    return X, rng.integers(0, 3, size=n)


def assert_same(actual, expected):
    X = actual.X.toarray() if sparse.issparse(actual.X) else actual.X
    np.testing.assert_array_equal(X, expected.X)
    np.testing.assert_array_equal(actual.codes, expected.codes)
    assert (actual.weights is None) == (expected.weights is None)
    if actual.weights is not None:
        np.testing.assert_array_equal(actual.weights, expected.weights)


@given(seed=st.integers(0, 10_000))
def test_order_and_storage_of_the_samples_do_not_matter(seed):
    X, codes = random_samples(seed=seed)
    expected = canonical_samples(X, codes)
    order = np.random.default_rng(seed).permutation(len(X))
    assert_same(canonical_samples(X[order], codes[order]), expected)
    assert_same(canonical_samples(sparse.csr_array(X), codes), expected)
    assert_same(canonical_samples(np.asfortranarray(X), codes), expected)


def test_equal_samples_of_different_classes_stay_apart():
    X = np.ones((3, 2), dtype=np.float32)
    samples = canonical_samples(X, np.array([0, 1, 1]))
    assert len(samples) == 2
    assert sorted(samples.weights) == pytest.approx([2 / 3, 4 / 3])


def test_negative_zero_is_zero():
    X = np.array([[0.0, 1.0], [-0.0, 1.0]], dtype=np.float32)
    assert len(canonical_samples(X, np.array([0, 0]))) == 1


def test_values_at_other_places_make_other_samples():
    X = np.array([[2.0, 0.0], [0.0, 2.0]], dtype=np.float32)
    assert len(canonical_samples(X, np.array([0, 0]))) == 2


def test_equal_weights_are_no_weights():
    X = np.eye(4, dtype=np.float32)
    assert canonical_samples(X, np.arange(4), np.full(4, 7.0)).weights is None


def test_samples_of_weight_zero_are_left_out():
    X = np.eye(4, dtype=np.float32)
    samples = canonical_samples(X, np.arange(4), np.array([1.0, 0.0, 3.0, 2.0]))
    assert sorted(samples.codes) == [0, 2, 3]
    assert samples.weights.mean() == pytest.approx(1.0)


def test_balanced_class_weights_give_every_class_the_same_sum():
    X, codes = random_samples(n=200)
    weights = np.random.default_rng(0).uniform(0.5, 3, size=200)
    samples = canonical_samples(X, codes, weights)
    samples = apply_class_weight(samples, "balanced", np.array(["a", "b", "c"]))
    sums = np.bincount(samples.codes, weights=samples.weights)
    assert sums == pytest.approx(np.full(3, sums.mean()), rel=1e-5)


def test_frequency_class_weights_are_the_shares_of_the_classes():
    # The wrong way round, as published: the most frequent class counts most.
    X, codes = np.eye(10, dtype=np.float32), np.repeat([0, 1, 2], [5, 3, 2])
    samples = canonical_samples(X, codes)
    samples = apply_class_weight(samples, "frequency", np.array(["a", "b", "c"]))
    assert samples.weights.mean() == pytest.approx(1.0)
    expected = np.array([0.5, 0.3, 0.2])[samples.codes]
    np.testing.assert_allclose(samples.weights, expected / expected.mean(), rtol=1e-6)


@given(seed=st.integers(0, 10_000))
def test_frequency_class_weights_count_copies(seed):
    X, codes = random_samples(seed=seed)
    copies = np.random.default_rng(seed).integers(0, 4, size=len(X))
    classes = np.arange(3)
    weighted = canonical_samples(X, codes, copies.astype(float))
    repeated = canonical_samples(X.repeat(copies, axis=0), codes.repeat(copies))
    assert_same(
        apply_class_weight(weighted, "frequency", classes),
        apply_class_weight(repeated, "frequency", classes),
    )


def test_validation_part_shares_no_sample_and_leaves_every_class_to_train_on():
    X = np.arange(40, dtype=np.float32).reshape(20, 2)
    samples = canonical_samples(X, np.repeat([0, 1, 2], [12, 6, 2]))
    train, valid = split_samples(samples, 0.1, np.array(list("abc")), seed=0)
    assert set(train.codes) == {0, 1, 2}
    assert len(valid) == 3
    assert len(train) + len(valid) == 20
    rows = {tuple(row) for row in train.X} | {tuple(row) for row in valid.X}
    assert len(rows) == 20


@given(st.integers(0, 2**32 - 1))
def test_reordered_samples_are_those_of_indexing(seed):
    rng = np.random.default_rng(seed)
    n, p = rng.integers(1, 9, 2)
    X = rng.normal(size=(n, p)).astype(np.float32)
    rows, columns = rng.permutation(n), rng.permutation(p)
    merged = deduplicate_samples(X, np.arange(n), None)
    expected = merged.X[rows][:, columns].copy()
    found = merged.reordered(rows, columns)
    np.testing.assert_array_equal(found.X, expected)
    np.testing.assert_array_equal(found.codes, merged.codes[rows])
    # The table that was given is as it was.
    np.testing.assert_array_equal(X[merged.codes[rows]][:, columns], expected)


@given(st.integers(0, 2**32 - 1))
def test_dense_and_sparse_samples_have_the_same_digests(seed):
    rng = np.random.default_rng(seed)
    X = rng.choice([0.0, -0.0, 1.5, np.nan], size=(6, 4)).astype(np.float32)
    dense, thin = (
        deduplicate_samples(table, np.arange(6), None).digests
        for table in (X, sparse.csr_array(X))
    )
    np.testing.assert_array_equal(dense, thin)
