"""Networks that are trained together are what they are when trained one by one."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skomics import EFNNClassifier, LFCNNClassifier, SMAClassifier
from skomics.datasets import make_intersim
from skomics.estimators._batched import (
    SoloTraining,
    StackTraining,
    preparation_key,
    prepare_candidates,
    stack_key,
)
from tests.estimators.quick import QUICK

X, Y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
WEIGHTS = np.arange(60) % 3 + 0.5
SMALL = {**QUICK["SMAClassifier"], "max_epochs": 8, "batch_size": 16}
SMALL |= {"device": "cpu", "random_state": 0}
OWN = [
    {"lr": 1e-3, "weight_decay": 0.1},
    {"lr": 3e-3, "weight_decay": 1.0, "label_smoothing": 0.1},
    {"lr": 3e-3, "dropout": 0.3, "lr_schedule": "constant"},
    {"lr": 1e-3, "max_epochs": 3, "warmup": 0.3},
]
COMMON = {
    "default": {},
    "no path": {"linear_path": None},
    "trained path": {"linear_path": "trained"},
    "no class weights": {"class_weight": None},
    "cls, two layers": {"pooling": "cls", "depth": 2},
    "adam": {"optimizer": "adam"},
    "sgd": {"optimizer": "sgd"},
    "wide tokens": {"n_tokens": 1, "linear_path": None},
}


def candidates(own=OWN, **common):
    return [SMAClassifier(**{**SMALL, **common, **one}) for one in own]


def trained(estimators, X=X, sample_weight=None):
    drafts, samples = prepare_candidates(estimators, X, Y, sample_weight)
    training = StackTraining(drafts, samples).run()
    return [training.fitted(c) for c in range(len(estimators))]


def logits(model, X=X):
    """Return what the network says, without what the path adds."""
    table, present = model._read_new(X)
    path = model.path_._path_logits(table) if hasattr(model, "path_") else None
    return model._ask(model.net_, table, present, path)


def assert_same(found, expected, X=X, share=2e-2):
    """Compare what networks say, relative to how much they say.

    Adam divides gradients by their size, and those that are all rounding, too: it makes
    of the last digits of single precision what is here. SGD does not.
    """
    one, other = logits(found, X), logits(expected, X)
    assert np.abs(one - other).max() < share * other.std()
    assert found.n_iter_ == expected.n_iter_
    frames = found.history_, expected.history_
    assert list(frames[0]) == list(frames[1])
    for loss in {"train_loss", "valid_loss"} & set(frames[0]):
        np.testing.assert_allclose(frames[0][loss], frames[1][loss], rtol=1e-3)


@pytest.mark.parametrize("name", COMMON)
def test_stack_gives_what_single_fits_give(name):
    # A few epochs: where a sample comes near the kink of a rectifier, rounding grows.
    estimators = candidates(**{"max_epochs": 4, **COMMON[name]})
    assert len({stack_key(estimator) for estimator in estimators}) == 1
    for found, single in zip(trained(estimators), estimators, strict=True):
        share = 1e-4 if name == "sgd" else 2e-2
        assert_same(found, clone(single).fit(X, Y), share=share)


def test_stack_gives_what_single_fits_give_with_weights_and_missing_modalities():
    lacking = X.copy()
    lacking.loc[lacking.index[::5], "protein"] = np.nan
    estimators = candidates()
    found = trained(estimators, lacking, WEIGHTS)
    for one, single in zip(found, estimators, strict=True):
        expected = clone(single).fit(lacking, Y, WEIGHTS)
        assert_same(one, expected, lacking)


@pytest.mark.parametrize("fraction", [0.2, None])
def test_each_candidate_stops_early_when_its_own_fit_does(fraction):
    own = [
        {"lr": 1e-2, "n_iter_no_change": 1},
        {"lr": 1e-3, "tol": 10.0, "n_iter_no_change": 2},
        {"lr": 3e-3, "n_iter_no_change": 4},
    ]
    common = {"early_stopping": True, "validation_fraction": fraction}
    estimators = candidates(own, max_epochs=25, **common)
    found = trained(estimators)
    assert len({one.n_iter_ for one in found}) > 1
    for one, single in zip(found, estimators, strict=True):
        assert_same(one, clone(single).fit(X, Y))


def test_stacked_candidate_is_a_whole_classifier():
    estimators = candidates()
    found, single = trained(estimators)[1], clone(estimators[1]).fit(X, Y)
    assert found.get_params() == single.get_params()
    assert found.fit_receipt_.keys() == single.fit_receipt_.keys()
    differing = {"learned"}
    for key in single.fit_receipt_.keys() - differing:
        assert found.fit_receipt_[key] == single.fit_receipt_[key], key
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict_proba(X), found.predict_proba(X))
    found.set_params(warm_start=True, max_epochs=2).fit(X, Y)
    assert found.n_iter_ == 10


def test_candidates_and_torch_are_left_as_they_are():
    estimators = candidates()
    before, state = copy.deepcopy(estimators), torch.get_rng_state()
    trained(estimators)
    assert torch.equal(torch.get_rng_state(), state)
    for estimator, old in zip(estimators, before, strict=True):
        assert vars(estimator) == vars(old)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_candidate_that_diverges_takes_no_other_with_it():
    own = [{"lr": 1e-3}, {"lr": 1e30}, {"lr": 3e-3}]
    estimators = candidates(own, linear_path=None)
    drafts, samples = prepare_candidates(estimators, X, Y)
    training = StackTraining(drafts, samples).run()
    with pytest.raises(ValueError, match=r"Training diverged: .* below lr=1e\+30"):
        training.fitted(1)
    for c in (0, 2):
        assert_same(training.fitted(c), clone(estimators[c]).fit(X, Y))


@pytest.mark.parametrize("dropped", [[], [0, 2]])
def test_training_that_was_paused_ends_as_one_that_was_not(dropped):
    whole = trained(candidates())
    drafts, samples = prepare_candidates(candidates(), X, Y)
    training = StackTraining(drafts, samples).run(2)
    assert training.fitted(1).n_iter_ == 2
    training.drop(dropped)
    training.run(6).run()
    for c in {0, 1, 2, 3} - set(dropped):
        found = training.fitted(c)
        assert_same(found, whole[c], share=1e-3)


@pytest.mark.parametrize("cls", [EFNNClassifier, LFCNNClassifier])
@pytest.mark.parametrize("stops", [False, True])
def test_single_training_that_was_paused_is_the_fit_to_the_bit(cls, stops):
    params = {**QUICK[cls.__name__], "max_epochs": 9, "batch_size": 16}
    model = cls(**params, random_state=0, device="cpu", early_stopping=stops, lr=1e-2)
    model.set_params(n_iter_no_change=2)
    drafts, samples = prepare_candidates([model], X, Y)
    training = SoloTraining(drafts[0], samples).run(3)
    assert training.fitted().n_iter_ == 3
    found, expected = training.run(5).run().fitted(), clone(model).fit(X, Y)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    assert found.n_iter_ == expected.n_iter_


@pytest.mark.parametrize(
    "params",
    [
        {"warm_start": True},
        {"verbose": 1},
        {"callbacks": [("none", object())]},
        {"net_params": {"max_epochs": 3}},
        {"checkpoint": "fit"},
        {"precision": "bf16"},
    ],
)
def test_what_needs_a_net_of_its_own_is_not_stacked(params):
    assert stack_key(SMAClassifier(**params)) is None


@pytest.mark.parametrize(
    "params",
    [{"batch_size": 8}, {"n_ensemble": 3}, {"dropout": 0}, {"random_state": 1}],
)
def test_networks_that_differ_in_more_than_their_training_are_not_stacked(params):
    assert stack_key(SMAClassifier(**params)) != stack_key(SMAClassifier())


def test_samples_are_prepared_once_for_all_that_differ_in_training_only():
    one = EFNNClassifier()
    same = EFNNClassifier(lr=1, batch_size=3, random_state=2, dropout=0.3)
    assert preparation_key(one) == preparation_key(same)
    for other in ({"class_weight": "balanced"}, {"linear_path": "ridge"}):
        assert preparation_key(one) != preparation_key(EFNNClassifier(**other))
