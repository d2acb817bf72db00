"""A fitted model learns a new cohort as a whole, and stays as it is itself."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, load_model, save_model
from skomics.calibration import SelectiveClassifier
from skomics.datasets import make_intersim
from skomics.preprocessing import (
    CohortScaler,
    ReferenceQuantileNormalizer,
    adapt_to_cohort,
)

X, Y = make_intersim(n_samples=160, n_clusters=3, effect=0.3, random_state=0)
TRAIN, NEW = X[:100], X[100:] * 3 + 7
Y_TRAIN, Y_NEW = Y[:100].to_numpy(), Y[100:].to_numpy()


def pipeline(*steps):
    steps = steps or (CohortScaler(), StandardScaler())
    return make_pipeline(
        OmicsConcatenator(make_pipeline(*steps)), BlockRidgeClassifier()
    )


def models():
    yield "pipeline", pipeline()
    after = CohortScaler().set_output(transform="pandas")
    yield "joined", make_pipeline(OmicsConcatenator(), after, BlockRidgeClassifier())
    yield (
        "quantiles",
        pipeline(ReferenceQuantileNormalizer("feature"), StandardScaler()),
    )
    yield "search", GridSearchCV(pipeline(), {}, cv=2)
    yield "calibrated", CalibratedClassifierCV(pipeline(), cv=2)
    yield "selective", SelectiveClassifier(pipeline(), cv=2)
    fitted = pipeline().fit(TRAIN, Y_TRAIN)
    yield "frozen", FrozenEstimator(fitted)
    frozen = FrozenEstimator(fitted)
    yield "recalibrated", CalibratedClassifierCV(frozen, cv=3)


@pytest.mark.parametrize("name", [name for name, _ in models()])
def test_calls_of_a_changed_cohort_come_back(name):
    model = dict(models())[name].fit(TRAIN, Y_TRAIN)
    clean = model.predict_proba(X[100:])
    before = model.predict_proba(NEW)
    adapted = adapt_to_cohort(model, NEW)
    got = adapted.predict_proba(NEW)
    is_right = adapted.classes_[got.argmax(axis=1)] == Y_NEW
    assert is_right.mean() > 0.95
    assert np.abs(got - clean).mean() < 0.1 < np.abs(before - clean).mean()
    np.testing.assert_array_equal(model.predict_proba(NEW), before)


def test_adapted_model_calls_each_sample_by_itself():
    adapted = adapt_to_cohort(pipeline().fit(TRAIN, Y_TRAIN), NEW)
    whole = adapted.predict_proba(NEW)
    np.testing.assert_allclose(adapted.predict_proba(NEW[3:4])[0], whole[3], rtol=1e-9)


def test_adapted_model_is_saved(tmp_path):
    adapted = adapt_to_cohort(pipeline().fit(TRAIN, Y_TRAIN), NEW)
    save_model(adapted, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict_proba(NEW), adapted.predict_proba(NEW))


def test_cohort_without_a_modality_adapts_in_the_others():
    model = pipeline(CohortScaler(), SimpleImputer()).fit(TRAIN, Y_TRAIN)
    absent, partly = NEW.drop(columns="protein", level=0), NEW.copy()
    partly.loc[partly.index[::2], "protein"] = np.nan
    scalers = [
        {o: steps[0] for o, steps in adapt_to_cohort(model, X)[0].transformers_.items()}
        for X in (absent, partly)
    ]
    counts = [{o: s.n_cohort_samples_ for o, s in part.items()} for part in scalers]
    assert counts[0] == {"protein": 0, "methylation": 60, "expression": 60}
    assert counts[1] == {"protein": 30, "methylation": 60, "expression": 60}


def test_cross_validation_is_that_of_a_model_without_the_step():
    plain = pipeline(StandardScaler())
    expected = cross_val_predict(plain, TRAIN, Y_TRAIN, cv=3, method="predict_proba")
    got = cross_val_predict(pipeline(), TRAIN, Y_TRAIN, cv=3, method="predict_proba")
    np.testing.assert_array_equal(got, expected)


def test_single_patient_is_called_as_before_with_a_warning():
    model = pipeline().fit(TRAIN, Y_TRAIN)
    with pytest.warns(UserWarning, match=r"adapt to 1 sample\(s\) of a new"):
        adapted = adapt_to_cohort(model, NEW[:1])
    expected = model.predict_proba(NEW[:1])
    np.testing.assert_array_equal(adapted.predict_proba(NEW[:1]), expected)


def test_model_without_a_step_that_adapts_is_refused():
    model = pipeline(StandardScaler()).fit(TRAIN, Y_TRAIN)
    with pytest.raises(ValueError, match="No step of this Pipeline adapts.*CohortSc"):
        adapt_to_cohort(model, NEW)
    per_sample = pipeline(ReferenceQuantileNormalizer(), StandardScaler())
    with pytest.raises(ValueError, match="per='feature'"):
        adapt_to_cohort(per_sample.fit(TRAIN, Y_TRAIN), NEW)


def test_step_that_cannot_be_reached_is_told():
    flat = pd.DataFrame(TRAIN["protein"].to_numpy()[:, :4], columns=list("abcd"))
    hidden = make_column_transformer((CohortScaler(), ["a", "b"]))
    model = make_pipeline(hidden, LogisticRegression()).fit(flat, Y_TRAIN)
    with pytest.raises(ValueError, match="ColumnTransformer has 'cohortscaler', which"):
        adapt_to_cohort(model, flat)
