"""Networks that learn call by call."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from skomics import EFNNClassifier, MoGCNClassifier, SMAClassifier, save_model
from skomics.datasets import make_intersim
from skomics.persistence import load_model
from tests.estimators.quick import CLASSIFIERS, make_short

NETWORKS = [cls for cls in CLASSIFIERS if not cls.__name__.startswith("MoG")]
every = pytest.mark.parametrize("classifier", NETWORKS, ids=lambda c: c.__name__)
N_PARTS = 4


@pytest.fixture(scope="module")
def parts():
    X, y = make_intersim(n_samples=160, n_clusters=3, random_state=0)
    rows = np.array_split(np.arange(120), N_PARTS)
    return [(X.iloc[r], y.iloc[r]) for r in rows], X.iloc[120:], y.iloc[120:]


def train(model, parts, n_rounds=3):
    classes = np.unique(parts[0][1])
    for _ in range(n_rounds):
        for X, y in parts:
            model.partial_fit(X, y, classes=classes)
    return model


@every
def test_parts_teach_what_new_samples_are(classifier, parts):
    known, X, y = parts
    model = train(make_short(classifier), known)
    assert model.score(X, y) > 0.9
    assert model.n_iter_ == len(model.history_) == 3 * N_PARTS
    assert model.fit_receipt_["call"] == "partial_fit"


@every
def test_a_copy_or_a_pickle_goes_on_as_the_model_itself(classifier, parts):
    known, X, _ = parts
    model = train(make_short(classifier), known, 1)
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for twin in [model, *twins]:
        train(twin, known, 1)
    for twin in twins:
        np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))


@every
def test_the_same_calls_make_the_same_model_in_any_order_of_samples(classifier, parts):
    known, X, _ = parts
    model = train(make_short(classifier), known, 1)
    turned = [(X.iloc[::-1], y.iloc[::-1]) for X, y in known]
    other = train(make_short(classifier), turned, 1)
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_passes_draw_other_random_numbers_each(parts):
    X, y = parts[0][0]
    model = make_short(EFNNClassifier)
    seeds = []
    for _ in range(3):
        model.partial_fit(X, y, classes=np.unique(y))
        seeds.append(model.fit_receipt_["seed"])
    assert len(set(seeds)) == 3


def test_a_pass_is_one_epoch_at_a_constant_rate(parts):
    X, y = parts[0][0]
    model = make_short(EFNNClassifier, max_epochs=50, early_stopping=True, lr=0.01)
    model.partial_fit(X, y, classes=np.unique(y))
    assert model.n_iter_ == 1
    assert model.fit_receipt_["n_held_out"] == 0
    assert model.net_.optimizer_.param_groups[0]["lr"] == 0.01


def test_the_optimizer_remembers_what_it_saw(parts):
    known, _, _ = parts
    model = train(make_short(EFNNClassifier), known, 1)
    steps = [entry["step"] for entry in model.net_.optimizer_.state.values()]
    n_batches = sum(-(-len(X) // model.batch_size) for X, _ in known)
    assert {int(step) for step in steps} == {n_batches}


def test_the_path_is_that_of_the_first_call(parts):
    known, _, _ = parts
    model = make_short(SMAClassifier)
    classes = np.unique(known[0][1])
    model.partial_fit(*known[0], classes=classes)
    coef = model.path_.coef_.copy()
    train(model, known[1:], 1)
    np.testing.assert_array_equal(model.path_.coef_, coef)
    alone = make_short(SMAClassifier).partial_fit(*known[0], classes=classes)
    np.testing.assert_array_equal(alone.path_.coef_, coef)


def test_partial_fit_goes_on_from_fit_and_fit_begins_anew(parts):
    known, X, _ = parts
    model = make_short(EFNNClassifier).fit(*known[0])
    expected = model.predict_proba(X)
    model.partial_fit(*known[1])
    assert model.n_iter_ == model.max_epochs + 1
    assert np.abs(model.predict_proba(X) - expected).max() > 0
    again = model.fit(*known[0]).predict_proba(X)
    np.testing.assert_array_equal(again, expected)
    assert "call" not in model.fit_receipt_


def test_a_receipt_says_what_was_gone_on_from(parts):
    known, _, _ = parts
    model = make_short(EFNNClassifier)
    model.partial_fit(*known[0], classes=np.unique(known[0][1]))
    first = model.fit_receipt_
    assert first["continues"] is None
    model.partial_fit(*known[1])
    assert model.fit_receipt_["continues"] == first["learned"]


def test_a_weight_is_as_many_copies(parts):
    X, y = parts[0][0]
    weights = np.arange(len(y)) % 3
    copies = X.index.repeat(weights)
    weighted, repeated = make_short(EFNNClassifier), make_short(EFNNClassifier)
    weighted.partial_fit(X, y, np.unique(y), sample_weight=weights)
    repeated.partial_fit(X.loc[copies], y.loc[copies], np.unique(y))
    expected = weighted.predict_proba(X)
    np.testing.assert_array_equal(repeated.predict_proba(X), expected)


def test_classes_that_come_later_are_known_from_the_first_call(parts):
    X, y = parts[0][0]
    classes = np.unique(y)
    model = make_short(EFNNClassifier)
    for label in classes:
        model.partial_fit(X[y == label], y[y == label], classes=classes)
    assert model.predict_proba(X).shape == (len(X), len(classes))


def test_what_classes_and_labels_are_wrong_is_said(parts):
    X, y = parts[0][0]
    classes = np.unique(y)
    model = make_short(EFNNClassifier)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="needs at least 2 classes. Pass all"):
        model.partial_fit(X, y, classes=classes[:1])
    with pytest.raises(ValueError, match="y has classes that were not passed: "):
        model.partial_fit(X, y, classes=classes[:2])
    assert not hasattr(model, "net_")
    model.partial_fit(X, y, classes=classes)
    with pytest.raises(ValueError, match="but the network was made for"):
        model.partial_fit(X, y, classes=classes[:2])
    one = y == classes[0]
    with pytest.raises(ValueError, match="The first samples lack the classes"):
        make_short(SMAClassifier).partial_fit(X[one], y[one], classes=classes)


def test_other_features_are_refused_and_leave_the_model_as_it_was(parts):
    X, y = parts[0][0]
    model = make_short(EFNNClassifier).partial_fit(X, y, classes=np.unique(y))
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(X.iloc[:, 1:], y)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_graph_models_have_none():
    assert not hasattr(MoGCNClassifier(), "partial_fit")


def test_a_file_of_the_model_predicts_the_same(parts, tmp_path):
    known, X, _ = parts
    model = train(make_short(SMAClassifier), known, 1)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.partial_fit(*known[0])  # whose optimizer begins anew
    assert loaded.n_iter_ == N_PARTS + 1


def test_a_part_may_lack_modalities(parts):
    X, y = parts[0][0]
    model = make_short(EFNNClassifier, modality_dropout=0.2)
    model.partial_fit(X, y, classes=np.unique(y))
    X = pd.DataFrame(X.to_numpy(), X.index, X.columns)
    X.loc[X.index[::3], "protein"] = np.nan
    model.partial_fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
