"""The receipt of a fit: complete, plain, and equal only where the answers are."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skomics import BlockRidgeClassifier, EFNNClassifier, SMAClassifier
from skomics.datasets import make_intersim
from skomics.persistence import load_model, save_model
from tests.estimators.quick import CLASSIFIERS, QUICK

X, Y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
MODELS = [*CLASSIFIERS, BlockRidgeClassifier]
every_model = pytest.mark.parametrize("cls", MODELS, ids=lambda c: c.__name__)


def made(cls, **params):
    if cls is BlockRidgeClassifier:
        return cls(**params)
    quick = {**QUICK[cls.__name__], "device": "cpu", "random_state": 0}
    return cls(**{**quick, "max_epochs": 3, **params})


def receipt(cls, X=X, y=Y, sample_weight=None, **params):
    return made(cls, **params).fit(X, y, sample_weight).fit_receipt_


@every_model
def test_the_same_fit_has_the_same_receipt_and_json_keeps_it(cls):
    first, second = receipt(cls), receipt(cls)
    assert first == second == json.loads(json.dumps(first))


@every_model
def test_samples_in_another_order_have_the_same_receipt(cls):
    assert receipt(cls) == receipt(cls, X.iloc[::-1], Y[::-1])


@every_model
def test_a_model_keeps_its_receipt_in_files(cls, tmp_path):
    model = made(cls).fit(X, Y)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.fit_receipt_ == model.fit_receipt_
    assert pickle.loads(pickle.dumps(model)).fit_receipt_ == model.fit_receipt_


@every_model
def test_receipt_says_how_many_samples_lack_a_modality(cls):
    part = X.copy()
    part.loc[part.index[:7], "protein"] = np.nan
    lacking = {part["name"]: part["n_lacking"] for part in receipt(cls, part)["omics"]}
    assert lacking == {"methylation": 0, "expression": 0, "protein": 7}


@every_model
def test_receipt_says_which_samples_were_left_out_and_why(cls):
    both = pd.concat([X, X.iloc[:2]], ignore_index=True)
    weights = np.ones(62)
    weights[5] = 0
    found = receipt(cls, both, pd.concat([Y, Y[:2]], ignore_index=True), weights)
    assert found["n_samples"] == 62
    assert found["n_used"] == 59
    weightless, repeated = found["samples_left_out"]
    assert weightless["rows"] == [5]
    assert "sample_weight is 0" in weightless["why"]
    assert repeated["rows"] == [60, 61]
    assert "equal to an earlier" in repeated["why"]
    assert sum(part["n_samples"] for part in found["classes"]) == 61


def test_many_samples_are_counted_and_few_of_them_named():
    weights = np.repeat([1.0, 0.0], 30)
    (part,) = receipt(BlockRidgeClassifier, sample_weight=weights)["samples_left_out"]
    assert part["n_samples"] == 30
    assert part["rows"] == list(range(30, 40))


def changes():
    changed = X.copy()
    changed.iloc[3, 4] += 1e-3
    renamed = X.rename(columns={X.columns[0][1]: "cg1"}, level=1)
    one, other = (np.flatnonzero(Y == label)[0] for label in np.unique(Y)[:2])
    swapped = Y.copy()
    swapped.iloc[[one, other]] = Y.iloc[[other, one]].to_numpy()
    return {
        "value": ((changed, Y), {}),
        "name": ((renamed, Y), {}),
        "label": ((X, swapped), {}),
        "class": ((X, Y + "b"), {}),
        "weight": ((X, Y, np.r_[2.0, np.ones(59)]), {}),
        "sample": ((X.iloc[1:], Y[1:]), {}),
        "seed": ((X, Y), {"random_state": 1}),
        "parameter": ((X, Y), {"lr": 1e-2}),
        "epochs": ((X, Y), {"max_epochs": 4}),
    }


@pytest.mark.parametrize("change", changes())
def test_whatever_changes_the_model_changes_the_receipt(change):
    arguments, params = changes()[change]
    assert receipt(EFNNClassifier, *arguments, **params) != receipt(EFNNClassifier)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1), st.integers(0, 1), st.sampled_from([None, "ridge"]))
def test_models_with_equal_receipts_give_equal_answers(seed, n_left_out, path):
    part = X.iloc[n_left_out:], Y[n_left_out:]
    params = {"random_state": seed, "linear_path": path}
    one = made(EFNNClassifier, **params).fit(*part)
    other = made(EFNNClassifier, random_state=0, linear_path=path).fit(X, Y)
    is_same = one.fit_receipt_ == other.fit_receipt_
    assert is_same == (seed == n_left_out == 0)
    if is_same:
        assert np.array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_drawn_seed_is_told():
    model = made(EFNNClassifier, random_state=None).fit(X, Y)
    again = made(EFNNClassifier, random_state=None).fit(X, Y)
    assert model.fit_receipt_["seed"] != again.fit_receipt_["seed"]
    assert model.fit_receipt_["learned"] != again.fit_receipt_["learned"]


def test_going_on_from_a_model_is_told():
    model = made(EFNNClassifier, warm_start=True).fit(X, Y)
    first = model.fit_receipt_
    second = model.fit(X, Y).fit_receipt_
    assert first["continues"] is None
    assert second["continues"] == first["learned"]
    assert second["n_epochs"] == 6


def test_samples_that_only_decide_when_to_stop_are_counted():
    found = receipt(EFNNClassifier, early_stopping=True, validation_fraction=0.2)
    assert found["n_held_out"] == 12


def test_features_without_weight_are_named():
    model = made(SMAClassifier).fit(X, Y)
    scale = model._input_scale
    if scale is None:
        scale = np.ones(X.shape[1], np.float32)
    order = np.concatenate(model._blocks)
    names = model.feature_names_in_
    for path in (model.path_,):
        path.feature_weights_ = path.feature_weights_.copy()
        path.feature_weights_[[2, 400]] = 0
    model._input_scale = scale.copy()
    model._input_scale[np.isin(order, [2, 400])] = 0
    first, second = model.fit_receipt_["features_left_out"]
    assert first["features"] == [names[2]]
    assert second["features"] == [names[400]]
    assert "feature_scale" in first["why"]
    assert first["omics"] == "methylation"
    assert second["omics"] == "expression"


def test_what_is_done_to_a_receipt_does_not_change_the_model():
    model = made(EFNNClassifier).fit(X, Y)
    model.fit_receipt_["omics"].clear()
    assert len(model.fit_receipt_["omics"]) == 3


@every_model
def test_without_a_fit_there_is_no_receipt(cls):
    with pytest.raises(AttributeError, match="no fit_receipt_ yet. Call fit first"):
        made(cls).fit_receipt_  # noqa: B018


def test_a_part_of_another_model_and_an_old_one_have_no_receipt():
    model = made(SMAClassifier).fit(X, Y)
    with pytest.raises(AttributeError, match="earlier version .* another classifier"):
        model.path_.fit_receipt_  # noqa: B018
