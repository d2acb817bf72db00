"""Large tables, which stay where they are while their samples are arranged."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skomics import (
    BlockRidgeClassifier,
    EFCNNClassifier,
    EFNNClassifier,
    LFNNClassifier,
    MoGATClassifier,
    MoGCNClassifier,
    SMAClassifier,
)
from skomics.estimators import _arranged, _rotation
from skomics.estimators._arranged import (
    ArrangedTable,
    arranged,
    in_memory,
    take_columns,
)
from skomics.model_selection import BatchedSearchCV
from tests.estimators.quick import make_short

SIZES = [160, 90]


@given(st.integers(0, 2**32 - 1), st.sampled_from(["C", "F", "strided"]))
def test_arranged_tables_have_the_values_of_indexing(seed, order):
    rng = np.random.default_rng(seed)
    n, p = rng.integers(1, 9, 2)
    base = rng.normal(size=(2 * n, p)).astype(np.float32)
    base = base[::2] if order == "strided" else np.asarray(base[:n], order=order)
    given, rows = base.copy(), rng.integers(0, n, rng.integers(1, 9))
    columns, others = rng.integers(0, p, rng.integers(1, 9)), rng.permutation(len(rows))
    factors = rng.normal(size=len(columns)).astype(np.float32)
    table = ArrangedTable(base, rows)
    np.testing.assert_array_equal(table[:, 1:], base[rows][:, 1:])
    table = table.take(columns)
    table *= factors
    expected = base[rows][:, columns] * factors
    assert table.shape == expected.shape
    assert (table.size, table.nbytes) == (expected.size, expected.nbytes)
    again = rng.permutation(len(columns))
    pairs = [
        (table.copy(), expected),
        (table[:, 1:3], expected[:, 1:3]),
        (table[:, again], expected[:, again]),
        (table.take(again)[others].copy(), expected[:, again][others]),
        (table[others].take(again).copy(), expected[:, again][others]),
    ]
    for actual, wanted in pairs:
        np.testing.assert_array_equal(actual, wanted)
        assert actual.flags.c_contiguous
    np.testing.assert_array_equal(base, given)


def test_small_tables_are_copied_and_large_ones_are_not(monkeypatch):
    X, rows = np.ones((4, 5), dtype=np.float32), np.arange(3)
    assert isinstance(arranged(X, rows), np.ndarray)
    monkeypatch.setattr(_arranged, "_LARGE", 14)
    table = arranged(X, rows)
    assert table.base is X
    assert take_columns(table, rows).base is X
    assert in_memory(X) is X
    assert not np.shares_memory(in_memory(table), X)


def samples(n=60, *, lacking=False):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, sum(SIZES))).astype(np.float32)
    X[:, :30] += np.repeat(np.eye(3, dtype=np.float32)[y], 10, axis=1)
    if lacking:
        X[4:9, : SIZES[0]] = np.nan
    return X, y


def left_in_place(monkeypatch, is_left):
    monkeypatch.setattr(_arranged, "_LARGE", 0 if is_left else 2**24)


@pytest.mark.parametrize("lacking", [False, True])
@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (SMAClassifier, {}),
        (SMAClassifier, {"linear_path": None, "early_stopping": True}),
        (SMAClassifier, {"token_order": "given"}),
        (EFNNClassifier, {"linear_path": "ridge"}),
        (LFNNClassifier, {"early_stopping": True}),
        (EFCNNClassifier, {}),
        (MoGCNClassifier, {}),
        (MoGATClassifier, {"linear_path": "ridge"}),
        (BlockRidgeClassifier, None),
    ],
)
def test_the_model_of_a_large_table_is_that_of_its_copy(
    cls, params, turns, lacking, monkeypatch
):
    if turns:
        monkeypatch.setattr(_rotation, "_MANY", 0)
        monkeypatch.setattr(_rotation, "_MANY_TIMES", 1)
        monkeypatch.setattr(_rotation, "_WIDE", 0.1)
    X, y = samples(lacking=lacking)
    answers = []
    for is_left in (False, True):
        left_in_place(monkeypatch, is_left)
        given = np.asfortranarray(X) if is_left else X.copy()
        make = cls if params is None else partial(make_short, cls, **params)
        fitted = make(omics=SIZES).fit(given, y, np.arange(60) % 4)
        answers.append(fitted.decision_function(X))
        np.testing.assert_array_equal(given, X)
    np.testing.assert_array_equal(*answers)


def test_networks_go_on_with_large_tables(monkeypatch):
    X, y = samples()
    answers = []
    for is_left in (False, True):
        left_in_place(monkeypatch, is_left)
        model = make_short(SMAClassifier, omics=SIZES)
        for _ in range(2):
            model.partial_fit(X, y, classes=[0, 1, 2])
        answers.append(model.set_params(warm_start=True).fit(X, y).predict_proba(X))
    np.testing.assert_array_equal(*answers)


def test_candidates_share_a_large_table(monkeypatch):
    X, y = samples()
    answers = []
    for is_left in (False, True):
        left_in_place(monkeypatch, is_left)
        model = make_short(SMAClassifier, omics=SIZES)
        search = BatchedSearchCV(model, {"lr": [1e-3, 1e-2]}, cv=2).fit(X, y)
        answers.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*answers)


def test_values_without_finite_coefficients_are_refused_in_large_tables(monkeypatch):
    left_in_place(monkeypatch, True)
    X, y = samples()
    X *= np.float32(3e38) / np.abs(X).max()
    X[::2, 0] = 3e38
    with pytest.raises(ValueError, match=r"range up to 3e\+38"):
        BlockRidgeClassifier(omics=SIZES).fit(X, y)
