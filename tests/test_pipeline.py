"""Promises of the pipeline in one call."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skomics import SMAClassifier, load_model, save_model
from skomics.datasets import make_intersim
from skomics.pipeline import CLASSIFIERS, make_omics_pipeline

X, Y = make_intersim(n_samples=60, n_clusters=3, effect=1, random_state=0)
OMICS = list(X.columns.get_level_values(0).unique())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_name_is_a_classifier_with_the_seed(name):
    model = make_omics_pipeline(name, random_state=7)
    assert type(model[-1]).__name__ == CLASSIFIERS[name]
    assert model[-1].get_params().get("random_state", 7) == 7
    assert repr(clone(model)) == repr(model)


def test_default_runs_on_tables_with_holes_and_lacking_modalities(recwarn):
    holes = X.copy()
    holes.iloc[0, 3] = np.nan
    holes.loc[holes.index[1], "protein"] = np.nan
    holes["expression", "constant"] = 1.0
    model = make_omics_pipeline("block_ridge").fit(holes, Y)
    assert model.score(holes, Y) > 0.9
    assert ("expression__constant") not in model[0].get_feature_names_out()
    assert not recwarn.list
    # The modality stays missing, and is not filled with medians.
    given = model[0].transform(holes)
    assert given.filter(like="protein__").iloc[1].isna().all()


def test_steps_are_those_that_are_asked_for():
    model = make_omics_pipeline(
        "block_ridge", impute=None, min_variance=None, scale=None
    )
    assert model[0].transformer == "passthrough"
    model = make_omics_pipeline(
        "block_ridge", impute="zero", scale="unit_variance", n_features=3
    )
    steps = model[0].transformer.named_steps
    assert list(steps) == ["impute", "variance", "select", "scale"]
    assert steps["impute"].fill_value == 0
    assert not steps["scale"].with_mean
    assert model.fit(X, Y)[0].transform(X).shape == (60, 3 * len(OMICS))


def test_sparse_tables_stay_sparse_without_means():
    from scipy import sparse

    counts = {o: sparse.csr_matrix(np.maximum(X[o], 0)) for o in OMICS}
    model = make_omics_pipeline("block_ridge", impute="zero", scale="unit_variance")
    model.fit(counts, Y)
    assert sparse.issparse(model[0].transform(counts))
    assert model.score(counts, Y) > 0.9


def test_any_classifier_is_cloned_and_keeps_its_seed():
    given = LogisticRegression(C=0.5, random_state=3)
    made = make_omics_pipeline(given, impute="median")[-1]
    assert made is not given
    assert made.C == 0.5
    assert made.random_state == 3
    assert make_omics_pipeline(given, random_state=5)[-1].random_state == 5
    assert given.random_state == 3


def test_what_it_makes_is_saved(tmp_path):
    model = make_omics_pipeline("block_ridge", n_features=5).fit(X, Y)
    save_model(model, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(
        pd.DataFrame(loaded.predict_proba(X)), pd.DataFrame(model.predict_proba(X))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"classifier": "svm"},
            "Got classifier='svm', but one of 'sma', 'block_ridge'",
        ),
        ({"impute": "knn"}, "Got impute='knn', but one of 'median', 'mean'"),
        ({"scale": "robust"}, "Got scale='robust', but one of 'standard'"),
        ({"min_variance": -1}, "Got min_variance=-1, but a number of at least 0"),
        ({"min_variance": np.nan}, "Got min_variance=nan, but a number of at least 0"),
        ({"n_features": 0}, "Got n_features=0, but a whole number of at least 1"),
        ({"n_features": 2.5}, "Got n_features=2.5, but a whole number of at least 1"),
        ({"n_features": True}, "Got n_features=True, but a whole number"),
    ],
)
def test_what_is_no_option_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_omics_pipeline(**options)


@pytest.mark.parametrize("classifier", [SMAClassifier, 3, None])
def test_what_is_no_classifier_is_refused(classifier):
    with pytest.raises(TypeError, match="but a classifier or one of the names sma, "):
        make_omics_pipeline(classifier)
