"""Digests tell values apart by their content, and by nothing else."""

import json
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skomics._receipt import describe_parameters, digest_of, started_receipt

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def local(factor):
    return lambda x: x * factor


DIFFERENT = [
    *(1, 1.0, True, "1", b"1", None, [1], (1,), {1}, {"a": 1}, {"a": 2}),
    *(np.array([1]), np.array([1.0]), np.array([[1]]), np.array(["1"])),
    *(np.log, np.log1p, partial(np.clip, a_max=1), partial(np.clip, a_max=2)),
    *(local(2), local(3), lambda x: x, lambda x: -x, len, print, int, float),
    *(StandardScaler(), StandardScaler(with_mean=False)),
    *(SelectKBest(f_classif), SelectKBest(mutual_info_classif)),
    *(FunctionTransformer(np.log1p), FunctionTransformer(np.exp)),
    *(np.random.RandomState(0), np.random.RandomState(1)),
    *(sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(3))),
    *(pd.Index(["a"]), pd.Index(["b"]), float("nan"), float("inf")),
]


def test_values_of_different_content_have_different_digests():
    digests = [digest_of(value) for value in DIFFERENT]
    assert len(set(digests)) == len(digests)


@given(PLAIN, PLAIN)
def test_digests_are_equal_exactly_where_json_is(one, other):
    is_same = json.dumps(one, sort_keys=False) == json.dumps(other, sort_keys=False)
    assert (digest_of(one) == digest_of(other)) == is_same


@given(arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=True)))
def test_the_order_in_memory_makes_no_difference(array):
    assert digest_of(array) == digest_of(np.asfortranarray(array))
    wide = np.repeat(array, 2, axis=1)
    assert digest_of(wide[:, ::2]) == digest_of(array)


def test_a_sparse_matrix_counts_by_its_entries():
    matrix = sparse.random_array((5, 6), density=0.4, format="csr", rng=0)
    other = sparse.csc_array(matrix)
    other.indices = other.indices.astype(np.int64)
    assert digest_of(matrix) == digest_of(other)


@pytest.mark.parametrize(
    "model", [StandardScaler(), LogisticRegression(), RandomForestClassifier(3)]
)
def test_a_fitted_estimator_keeps_its_digest_through_pickle(model):
    rng = np.random.RandomState(0)
    X, y = rng.rand(20, 3), np.arange(20) % 2
    if hasattr(model, "random_state"):
        model.set_params(random_state=0)
    model.fit(X, y)
    assert digest_of(model) == digest_of(pickle.loads(pickle.dumps(model)))
    assert digest_of(model) != digest_of(type(model)().fit(X * 2, y))


def test_parameters_are_text_without_addresses():
    model = LogisticRegression(random_state=np.random.RandomState(0), C=2.0)
    described = describe_parameters(model)
    assert described["C"] == "2.0"
    assert list(described) == sorted(described)
    assert " at 0x" not in json.dumps(described)


def test_long_parameters_are_cut_and_told_apart():
    one = describe_parameters(FunctionTransformer(kw_args={"a": list(range(200))}))
    other = describe_parameters(FunctionTransformer(kw_args={"a": [*range(199), 0]}))
    assert len(one["kw_args"]) < 220
    assert one != other


def test_arrays_among_the_parameters_are_told_apart():
    one, other = (
        describe_parameters(FunctionTransformer(kw_args=np.arange(n))) for n in (3, 4)
    )
    assert one != other


def test_a_receipt_names_versions():
    receipt = started_receipt(StandardScaler(), n_samples=3)
    assert receipt["versions"]["numpy"] == np.__version__
    assert receipt["estimator"] == "StandardScaler"
    assert receipt["n_samples"] == 3


def test_dates_have_digests():
    days = np.array(["2026-01-01", "2026-01-02"], dtype="M8[D]")
    assert digest_of(days) == digest_of(days.copy())
    assert digest_of(days) != digest_of(days[::-1])
    assert digest_of(days) != digest_of(days - days[0])
    assert len(digest_of(np.empty(0, "M8[D]"))) == 16


def test_masks_and_defaults_of_keywords_tell_values_apart():
    masks = ([0, 1], [1, 0])
    one, other = (digest_of(np.ma.array([1, 1], mask=mask)) for mask in masks)
    assert one != other

    def made(default):
        def rank(x, *, base=default):
            return x + base

        return rank

    assert digest_of(made(1)) == digest_of(made(1))
    assert digest_of(made(1)) != digest_of(made(2))
