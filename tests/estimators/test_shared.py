"""What every classifier promises alike.

A new classifier is tested here without a word. What takes more than one setting of a
model is tested in a file of its own, which is why some are left out of some tests.
"""

import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import EFCNNClassifier, LFCNNClassifier, LFNNClassifier, OmicsConcatenator
from skomics.datasets import make_intersim
from skomics.exceptions import NamelessOmicsWarning
from skomics.io import load_folder
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import SIZES, make_tiny
from tests.estimators.quick import CLASSIFIERS, make_short

# The same promises are kept in test_base.py and, for every kind of graph, in
# test_graph_base.py.
ELSEWHERE = {"EFNNClassifier", "SMAClassifier", "MoGATClassifier", "MoGCNClassifier"}


def name_of(classifier):
    return classifier.__name__.removesuffix("Classifier").lower()


def over(classifiers):
    return pytest.mark.parametrize("classifier", classifiers, ids=name_of)


every = over(CLASSIFIERS)
convolutional = over([EFCNNClassifier, LFCNNClassifier])
late = over([LFCNNClassifier, LFNNClassifier])


@pytest.fixture(
    scope="module",
    params=[cls for cls in CLASSIFIERS if cls.__name__ not in ELSEWHERE],
    ids=name_of,
)
def make(request):
    """Return a maker of quick models of one class."""
    return partial(make_short, request.param)


@every
def test_every_network_may_have_the_path_beside_it(classifier, tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)[::-1]
    model = make_short(classifier, linear_path="ridge")
    weighted = clone(model).fit(X, y, sample_weight=weights)
    repeated = clone(model).fit(X.loc[copies], y.loc[copies])
    expected = weighted.predict_proba(X)
    np.testing.assert_array_equal(repeated.predict_proba(X), expected)
    assert_probabilities(weighted, X)
    again = pickle.loads(pickle.dumps(weighted))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert weighted.score(X[weights > 0], y[weights > 0]) > 0.9
    X = X.copy()
    X.iloc[::4, : SIZES["rna"]] = np.nan
    assert np.isfinite(clone(model).fit(X, y).predict_proba(X)).all()


def pipeline(classifier):
    """Return the model with its defaults, on scaled omics."""
    scaler = OmicsConcatenator(StandardScaler())
    return make_pipeline(scaler, classifier(random_state=0))


@every
def test_defaults_separate_the_simulated_subtypes_of_the_paper(classifier):
    X, y = make_intersim(n_samples=100, n_clusters=5, effect=2.5, random_state=0)
    X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=1)
    assert pipeline(classifier).fit(X, y).score(X_new, y_new) == 1.0


# heterogeneous_10 and heterogeneous_15 have classes of two samples.
@pytest.mark.filterwarnings("ignore:The least populated class in y has only 2 members")
@pytest.mark.slow
@every
@pytest.mark.parametrize("n_clusters", [5, 10, 15])
@pytest.mark.parametrize("kind", ["equal", "heterogeneous"])
def test_defaults_beat_the_published_figures_on_the_published_data(
    classifier, kind, n_clusters, data_dir
):
    X, y = load_folder(data_dir / f"dlmo_sim_{kind}_{n_clusters}")
    # Networks learn from half of the samples, one of each of the smallest classes;
    # graphs want neighbors.
    n_folds = 4 if classifier.__name__.startswith("Mo") else 2
    cv = StratifiedKFold(n_folds, shuffle=True, random_state=1)
    # Scored over the predictions of all folds together, because a class of two
    # samples is absent from some of the folds.
    predicted = cross_val_predict(pipeline(classifier), X, y, cv=cv)
    scores = [
        accuracy_score(y, predicted),
        f1_score(y, predicted, average="macro", zero_division=0),
        f1_score(y, predicted, average="weighted", zero_division=0),
    ]
    assert min(scores) == 1.0, scores


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(list(SIZES)))
def test_order_of_the_omics_does_not_matter(make, order):
    X, y = make_tiny()
    moved = X[[c for o in order for c in X.columns if c.startswith(f"{o}__")]]
    expected = make().fit(X, y).predict_proba(X)
    actual = make().fit(moved, y).predict_proba(moved)
    np.testing.assert_array_equal(actual, expected)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_samples_does_not_matter(make, seed):
    X, y = make_tiny(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    expected = make().fit(X, y).predict_proba(X)
    shuffled = make().fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(shuffled.predict_proba(X), expected)


@pytest.fixture(scope="module")
def fitted(make):
    X, y = make_tiny()
    return make().fit(X, y), X


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


def test_seed_fixes_the_model_to_the_bit(make, tiny):
    assert_seed_stable(make(), *tiny)


def test_weight_of_two_is_exactly_two_copies(make, tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    weighted = make().fit(X, y, sample_weight=weights)
    repeated = make().fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


@pytest.mark.slow
@over([EFCNNClassifier, LFCNNClassifier, LFNNClassifier])
def test_50_000_sparse_features_are_not_too_many(classifier):
    rng = np.random.default_rng(0)
    X = sparse.random_array((24, 50_000), density=0.01, rng=rng, format="csr")
    model = classifier(omics=[40_000, 10_000], max_epochs=2, random_state=0)
    proba = model.fit(X, np.arange(24) % 2).predict_proba(X)
    assert proba.shape == (24, 2)


@late
@pytest.mark.parametrize("n_features", [1, 2])
def test_one_feature_is_enough(classifier, n_features):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(NamelessOmicsWarning):
        make_short(classifier).fit(X, y).predict(X)


@late
def test_a_modality_may_have_a_single_feature(classifier):
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)
    fitted = make_short(classifier, omics={"rna": 1, "mirna": 1}).fit(X, y)
    assert fitted.predict_proba(X).shape == (20, 2)


@convolutional
def test_order_of_the_features_matters_as_documented(classifier, tiny):
    X, y = tiny
    moved = X[[f"rna__r{i}" for i in (5, 0, 9, 2, 7, 4, 11, 6, 1, 8, 3, 10)]]
    moved = moved.join(X[[c for c in X.columns if not c.startswith("rna__")]])
    expected = make_short(classifier).fit(X, y).predict_proba(X)
    actual = make_short(classifier).fit(moved, y).predict_proba(moved)
    assert not np.allclose(actual, expected)
    assert "permuting the features" in classifier.__doc__


@convolutional
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
def test_error_for_a_parameter_out_of_range(classifier, parameter, value, tiny):
    with pytest.raises(
        ValueError, match=f"The '{parameter}' parameter of {classifier.__name__}"
    ):
        classifier(**{parameter: value}).fit(*tiny)
