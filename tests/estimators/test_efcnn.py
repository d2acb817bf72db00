"""efCNN as a classifier."""

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

from skomics import EFCNNClassifier, OmicsConcatenator
from skomics.datasets import load_folder, make_intersim
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import SIZES, make_tiny

TINY = {
    "n_filters": (6, 4),
    "head_layer_sizes": 8,
    "max_epochs": 5,
    "random_state": 0,
    "device": "cpu",
}


def pipeline(**params):
    return make_pipeline(OmicsConcatenator(StandardScaler()), EFCNNClassifier(**params))


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
    expected = EFCNNClassifier(**TINY).fit(X, y).predict_proba(X)
    actual = EFCNNClassifier(**TINY).fit(moved, y).predict_proba(moved)
    np.testing.assert_array_equal(actual, expected)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_samples_does_not_matter(seed):
    X, y = make_tiny(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    expected = EFCNNClassifier(**TINY).fit(X, y).predict_proba(X)
    shuffled = EFCNNClassifier(**TINY).fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(shuffled.predict_proba(X), expected)


@pytest.fixture(scope="module")
def fitted():
    X, y = make_tiny()
    return EFCNNClassifier(**TINY).fit(X, y), X


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
    assert_seed_stable(EFCNNClassifier(**TINY), *tiny)


def test_weight_of_two_is_exactly_two_copies(tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    weighted = EFCNNClassifier(**TINY).fit(X, y, sample_weight=weights)
    repeated = EFCNNClassifier(**TINY).fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


@pytest.mark.parametrize("name", ["kernel_size", "stride", "pool_size"])
@pytest.mark.parametrize(
    ("given_sizes", "expected"),
    [(2, [2, 2]), ([3, 2], [3, 2]), (np.array([3, 2]), [3, 2])],
    ids=["one", "list", "array"],
)
def test_sizes_are_one_for_all_stages_or_one_per_stage(
    name, given_sizes, expected, tiny
):
    model = EFCNNClassifier(**TINY).set_params(**{"kernel_size": 2, name: given_sizes})
    stages = model.fit(*tiny).net_.module_.stages
    assert [getattr(stage, name) for stage in stages] == expected


@pytest.mark.parametrize("n_filters", [5, (5,), [5, 4, 3], np.array([5, 4])])
def test_number_of_stages_is_that_of_the_filters(n_filters, tiny):
    model = EFCNNClassifier(**TINY).set_params(n_filters=n_filters)
    stages = model.fit(*tiny).net_.module_.stages
    assert [len(stage.weight) for stage in stages] == [*np.atleast_1d(n_filters)]


def test_error_for_sizes_of_other_stages(tiny):
    with pytest.raises(ValueError, match=r"Got 3 sizes in pool_size, but n_filters=\("):
        EFCNNClassifier(pool_size=[3, 2, 1], **TINY).fit(*tiny)


def test_error_for_a_size_that_is_no_number(tiny):
    with pytest.raises(ValueError, match="kernel_size must be 'auto' or an integer"):
        EFCNNClassifier(kernel_size=[3, 0], **TINY).fit(*tiny)


def test_early_fusion_does_not_need_the_names_of_the_omics(tiny):
    X, y = tiny
    EFCNNClassifier(**TINY).fit(X.to_numpy(), y)  # a warning would be an error


def test_order_of_the_features_matters_as_documented(tiny):
    X, y = tiny
    moved = X[[f"rna__r{i}" for i in (5, 0, 9, 2, 7, 4, 11, 6, 1, 8, 3, 10)]]
    moved = moved.join(X[[c for c in X.columns if not c.startswith("rna__")]])
    expected = EFCNNClassifier(**TINY).fit(X, y).predict_proba(X)
    actual = EFCNNClassifier(**TINY).fit(moved, y).predict_proba(moved)
    assert not np.allclose(actual, expected)
    assert "permuting the features" in EFCNNClassifier.__doc__


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
        ValueError, match=f"The '{parameter}' parameter of EFCNNClassifier"
    ):
        EFCNNClassifier(**{parameter: value}).fit(*tiny)


@pytest.mark.parametrize("n_features", [1, 2])
def test_one_feature_is_enough(n_features):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    y = (X[:, 0] > 0).astype(int)
    assert EFCNNClassifier(**TINY).fit(X, y).predict_proba(X).shape == (20, 2)


@pytest.mark.slow
def test_50_000_sparse_features_are_not_too_many():
    rng = np.random.default_rng(0)
    X = sparse.random_array((24, 50_000), density=0.01, rng=rng, format="csr")
    model = EFCNNClassifier(omics=[40_000, 10_000], max_epochs=2, random_state=0)
    proba = model.fit(X, np.arange(24) % 2).predict_proba(X)
    assert proba.shape == (24, 2)
