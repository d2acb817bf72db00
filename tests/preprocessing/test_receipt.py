"""The receipt of a concatenator says what came in, what is left out and why."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator, load_model, save_model
from skomics.datasets import make_intersim

X, Y = make_intersim(n_samples=40, n_clusters=3, random_state=0)


def with_holes():
    part = X.copy()
    part.iloc[:, 3], part.iloc[:9, 5] = 1.0, np.nan
    part.loc[part.index[:6], "protein"] = np.nan
    return part


def fitted(part=None, **transformers):
    keep = {"methylation": None, "expression": None, "protein": None}
    steps = OmicsConcatenator({**keep, **transformers})
    return steps.fit(with_holes() if part is None else part, Y)


def test_each_step_says_which_features_it_left_out():
    steps = make_pipeline(SimpleImputer(), VarianceThreshold(), SelectKBest(k=360))
    found = fitted(methylation=steps).fit_receipt_
    constant, worst = found["features_left_out"]
    assert constant["why"] == "VarianceThreshold()"
    assert constant["features"] == [X.columns[3][1]]
    assert worst["why"] == "SelectKBest(k=360)"
    assert worst["n_features"] == 6
    sizes = {part["name"]: part["n_features_out"] for part in found["omics"]}
    assert sizes == {"methylation": 360, "expression": 131, "protein": 160}


def test_a_modality_that_is_dropped_is_told_with_all_its_features():
    (part,) = fitted(protein="drop").fit_receipt_["features_left_out"]
    assert part["omics"] == "protein"
    assert part["n_features"] == 160


def test_steps_that_mix_features_leave_none_out():
    found = fitted(expression=make_pipeline(StandardScaler(), PCA(4))).fit_receipt_
    assert found["features_left_out"] == []
    assert found["omics"][1]["n_features_out"] == 4


def test_features_without_names_are_told_by_their_place():
    table = np.random.RandomState(0).rand(10, 4)
    table[:, 2] = 0
    model = OmicsConcatenator(VarianceThreshold(), omics=[1, 3]).fit(table)
    (part,) = model.fit_receipt_["features_left_out"]
    assert part["omics"] == "omics_1"
    assert part["features"] == ["x1"]


def test_samples_that_lack_a_modality_are_counted():
    lacking = {p["name"]: p["n_lacking"] for p in fitted().fit_receipt_["omics"]}
    assert lacking == {"methylation": 0, "expression": 0, "protein": 6}


def test_equal_receipts_mean_equal_outputs(tmp_path):
    one, other = (fitted(methylation=make_pipeline(SimpleImputer())) for _ in range(2))
    assert one.fit_receipt_ == other.fit_receipt_
    assert json.loads(json.dumps(one.fit_receipt_)) == one.fit_receipt_
    pd.testing.assert_frame_equal(one.transform(X), other.transform(X))
    save_model(one, tmp_path / "model")
    assert load_model(tmp_path / "model").fit_receipt_ == one.fit_receipt_
    assert pickle.loads(pickle.dumps(one)).fit_receipt_ == one.fit_receipt_


def test_other_values_are_learned_otherwise():
    scaled = {"methylation": StandardScaler()}
    changed = with_holes()
    changed.iloc[0, 0] += 1
    one, other = fitted(**scaled), fitted(changed, **scaled)
    assert one.fit_receipt_["learned"] != other.fit_receipt_["learned"]


def test_without_a_fit_there_is_no_receipt():
    with pytest.raises(AttributeError, match="no fit_receipt_ yet. Call fit first"):
        OmicsConcatenator().fit_receipt_  # noqa: B018
    model = fitted()
    del model._fit_receipt
    with pytest.raises(AttributeError, match="fitted by an earlier version"):
        model.fit_receipt_  # noqa: B018
