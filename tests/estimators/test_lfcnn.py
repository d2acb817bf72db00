"""lfCNN as a classifier."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import LFCNNClassifier, OmicsConcatenator
from skomics.datasets import load_folder, make_intersim
from skomics.exceptions import NamelessOmicsWarning
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import SIZES, make_tiny

TINY = {
    "n_filters": 4,
    "head_layer_sizes": 8,
    "max_epochs": 5,
    "random_state": 0,
    "device": "cpu",
}


def pipeline(**params):
    return make_pipeline(OmicsConcatenator(StandardScaler()), LFCNNClassifier(**params))


def test_defaults_separate_the_simulated_subtypes_of_the_paper():
    X, y = make_intersim(n_samples=100, n_clusters=5, effect=2.5, random_state=0)
    cv = StratifiedKFold(4, shuffle=True, random_state=1)
    assert cross_val_score(pipeline(random_state=0), X, y, cv=cv).min() == 1.0


# heterogeneous_10 and heterogeneous_15 have classes of two samples.
@pytest.mark.filterwarnings("ignore:The least populated class in y has only 2 members")
@pytest.mark.slow
@pytest.mark.parametrize("n_clusters", [5, 10, 15])
@pytest.mark.parametrize("kind", ["equal", "heterogeneous"])
def test_defaults_beat_the_published_figures_on_the_published_data(
    kind, n_clusters, data_dir
):
    X, y = load_folder(data_dir / f"dlmo_sim_{kind}_{n_clusters}")
    cv = StratifiedKFold(4, shuffle=True, random_state=1)
    # Scored over the predictions of all folds together, because a class of two
    # samples is absent from half of the folds.
    predicted = cross_val_predict(pipeline(random_state=0), X, y, cv=cv)
    scores = [
        accuracy_score(y, predicted),
        f1_score(y, predicted, average="macro", zero_division=0),
        f1_score(y, predicted, average="weighted", zero_division=0),
    ]
    assert min(scores) == 1.0, scores


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(list(SIZES)))
def test_order_of_the_omics_does_not_matter(order):
    X, y = make_tiny()
    moved = X[[c for o in order for c in X.columns if c.startswith(f"{o}__")]]
    expected = LFCNNClassifier(**TINY).fit(X, y).predict_proba(X)
    actual = LFCNNClassifier(**TINY).fit(moved, y).predict_proba(moved)
    np.testing.assert_array_equal(actual, expected)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_samples_does_not_matter(seed):
    X, y = make_tiny(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    expected = LFCNNClassifier(**TINY).fit(X, y).predict_proba(X)
    shuffled = LFCNNClassifier(**TINY).fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(shuffled.predict_proba(X), expected)


@pytest.fixture(scope="module")
def fitted():
    X, y = make_tiny()
    return LFCNNClassifier(**TINY).fit(X, y), X


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, 47), min_size=1, max_size=60))
def test_prediction_does_not_depend_on_the_other_rows(fitted, rows):
    estimator, X = fitted
    whole = estimator.predict_proba(X)[rows]
    part = estimator.predict_proba(X.iloc[rows])
    np.testing.assert_allclose(part, whole, rtol=1e-12, atol=1e-14)


def test_it_predicts_probabilities_and_keeps_them_when_pickled(fitted):
    estimator, X = fitted
    assert_probabilities(estimator, X)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))


def test_seed_fixes_the_model_to_the_bit(tiny):
    assert_seed_stable(LFCNNClassifier(**TINY), *tiny)


def test_weight_of_two_is_exactly_two_copies(tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    weighted = LFCNNClassifier(**TINY).fit(X, y, sample_weight=weights)
    repeated = LFCNNClassifier(**TINY).fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def sizes_of(fitted, name):
    """Return the branches' sizes by omics."""
    sizes = [getattr(branch, name) for branch in fitted.net_.module_.branches]
    return dict(zip(sorted(fitted.omics_), sizes, strict=True))


@pytest.mark.parametrize("name", ["kernel_size", "stride", "pool_size"])
@pytest.mark.parametrize(
    ("given_sizes", "expected"),
    [
        (2, {"rna": 2, "methylation": 2, "mirna": 2}),
        (
            {"mirna": 1, "rna": 3, "methylation": 2},
            {"rna": 3, "methylation": 2, "mirna": 1},
        ),
        ([3, 2, 1], {"rna": 3, "methylation": 2, "mirna": 1}),
        (np.array([3, 2, 1]), {"rna": 3, "methylation": 2, "mirna": 1}),
    ],
    ids=["one", "dict", "list", "array"],
)
def test_sizes_are_one_for_all_by_name_or_by_column_order(
    name, given_sizes, expected, tiny
):
    model = LFCNNClassifier(**TINY).set_params(**{"kernel_size": 2, name: given_sizes})
    fitted = model.fit(*tiny)
    assert sizes_of(fitted, name) == expected
    again = pickle.loads(pickle.dumps(fitted))
    assert sizes_of(again, name) == expected


@pytest.mark.parametrize(
    "sizes", [[3, 2], {"rna": 3, "mirna": 2}, dict.fromkeys("abc", 3)]
)
def test_error_for_sizes_of_other_omics(sizes, tiny):
    message = r"but the omics are \['rna', 'methylation', 'mirna'\]. Give one size"
    with pytest.raises(ValueError, match=message):
        LFCNNClassifier(kernel_size=sizes, **TINY).fit(*tiny)


def test_error_for_a_size_that_is_no_number(tiny):
    with pytest.raises(ValueError, match="kernel_size must be 'auto' or an integer"):
        LFCNNClassifier(kernel_size=[3, 2, 1.5], **TINY).fit(*tiny)


def test_kernel_that_is_too_wide_is_cut_to_the_omics(tiny):
    fitted = LFCNNClassifier(kernel_size=300, pool_size=100, **TINY).fit(*tiny)
    assert sizes_of(fitted, "kernel_size") == SIZES


def test_order_of_the_features_matters_as_documented(tiny):
    X, y = tiny
    moved = X[[f"rna__r{i}" for i in (5, 0, 9, 2, 7, 4, 11, 6, 1, 8, 3, 10)]]
    moved = moved.join(X[[c for c in X.columns if not c.startswith("rna__")]])
    expected = LFCNNClassifier(**TINY).fit(X, y).predict_proba(X)
    actual = LFCNNClassifier(**TINY).fit(moved, y).predict_proba(moved)
    assert not np.allclose(actual, expected)
    assert "permuting the features" in LFCNNClassifier.__doc__


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_filters", 0),
        ("kernel_size", 0),
        ("stride", "wide"),
        ("pool_size", -1),
        ("dropout", 1.0),
    ],
)
def test_error_for_a_parameter_out_of_range(parameter, value, tiny):
    with pytest.raises(
        ValueError, match=f"The '{parameter}' parameter of LFCNNClassifier"
    ):
        LFCNNClassifier(**{parameter: value}).fit(*tiny)


@pytest.mark.parametrize("n_features", [1, 2])
def test_one_feature_is_enough(n_features):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(NamelessOmicsWarning):
        LFCNNClassifier(**TINY).fit(X, y).predict(X)


def test_an_omics_may_have_a_single_feature():
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)
    fitted = LFCNNClassifier(omics={"rna": 1, "mirna": 1}, **TINY).fit(X, y)
    assert fitted.predict_proba(X).shape == (20, 2)


@pytest.mark.slow
def test_50_000_sparse_features_are_not_too_many():
    rng = np.random.default_rng(0)
    X = sparse.random_array((24, 50_000), density=0.01, rng=rng, format="csr")
    model = LFCNNClassifier(omics=[40_000, 10_000], max_epochs=2, random_state=0)
    proba = model.fit(X, np.arange(24) % 2).predict_proba(X)
    assert proba.shape == (24, 2)
