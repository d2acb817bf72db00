"""lfNN as a classifier."""

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

from skomics import LFNNClassifier, OmicsConcatenator
from skomics.datasets import load_folder, make_intersim
from skomics.exceptions import NamelessOmicsWarning
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import SIZES, make_tiny

TINY = {
    "branch_layer_sizes": (8, 4),
    "head_layer_sizes": 8,
    "max_epochs": 5,
    "random_state": 0,
    "device": "cpu",
}


def pipeline(**params):
    return make_pipeline(OmicsConcatenator(StandardScaler()), LFNNClassifier(**params))


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
    expected = LFNNClassifier(**TINY).fit(X, y).predict_proba(X)
    actual = LFNNClassifier(**TINY).fit(moved, y).predict_proba(moved)
    np.testing.assert_array_equal(actual, expected)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_samples_does_not_matter(seed):
    X, y = make_tiny(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    expected = LFNNClassifier(**TINY).fit(X, y).predict_proba(X)
    shuffled = LFNNClassifier(**TINY).fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(shuffled.predict_proba(X), expected)


@pytest.fixture(scope="module")
def fitted():
    X, y = make_tiny()
    return LFNNClassifier(**TINY).fit(X, y), X


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
    assert_seed_stable(LFNNClassifier(**TINY), *tiny)


def test_weight_of_two_is_exactly_two_copies(tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    weighted = LFNNClassifier(**TINY).fit(X, y, sample_weight=weights)
    repeated = LFNNClassifier(**TINY).fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


@pytest.mark.parametrize("sizes", [(7, 3), [7, 3], np.array([7, 3]), 7])
def test_sizes_may_be_any_sequence_or_one_number(sizes, tiny):
    model = LFNNClassifier(
        branch_layer_sizes=sizes, head_layer_sizes=sizes, max_epochs=1, random_state=0
    )
    module = model.fit(*tiny).net_.module_
    for layers in (*module.branches, module.head[:-1]):
        widths = [la.out_features for la in layers if hasattr(la, "out_features")]
        assert widths == [*np.atleast_1d(sizes)]


def test_every_omics_has_a_branch_even_where_columns_are_interleaved(tiny):
    X, y = tiny
    mixed = X.iloc[:, np.random.default_rng(0).permutation(X.shape[1])]
    module = LFNNClassifier(**TINY).fit(mixed, y).net_.module_
    widths = [branch[0].in_features for branch in module.branches]
    assert widths == [SIZES[omics] for omics in sorted(SIZES)]


def test_every_omics_counts(tiny):
    # In the published code the third branch read the second omics.
    X, y = tiny
    fitted = LFNNClassifier(**TINY).fit(X, y)
    expected = fitted.predict_proba(X)
    for omics in SIZES:
        changed = X.copy()
        changed.loc[:, X.columns.str.startswith(f"{omics}__")] += 1.0
        assert not np.allclose(fitted.predict_proba(changed), expected), omics


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("branch_layer_sizes", 0),
        ("head_layer_sizes", "wide"),
        ("dropout", 1.0),
    ],
)
def test_error_for_a_parameter_out_of_range(parameter, value, tiny):
    with pytest.raises(
        ValueError, match=f"The '{parameter}' parameter of LFNNClassifier"
    ):
        LFNNClassifier(**{parameter: value}).fit(*tiny)


@pytest.mark.parametrize("n_features", [1, 2])
def test_one_feature_is_enough(n_features):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(NamelessOmicsWarning):
        LFNNClassifier(**TINY).fit(X, y).predict(X)


def test_an_omics_may_have_a_single_feature():
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)
    fitted = LFNNClassifier(omics={"rna": 1, "mirna": 1}, **TINY).fit(X, y)
    assert fitted.predict_proba(X).shape == (20, 2)


@pytest.mark.slow
def test_50_000_sparse_features_are_not_too_many():
    rng = np.random.default_rng(0)
    X = sparse.random_array((24, 50_000), density=0.01, rng=rng, format="csr")
    model = LFNNClassifier(omics=[40_000, 10_000], max_epochs=2, random_state=0)
    proba = model.fit(X, np.arange(24) % 2).predict_proba(X)
    assert proba.shape == (24, 2)
