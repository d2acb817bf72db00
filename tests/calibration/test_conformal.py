"""Sets of classes that hold the right one as often as is asked."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skomics import BlockRidgeClassifier, OmicsConcatenator, load_model, save_model
from skomics.calibration import ConformalClassifier
from skomics.exceptions import SampleAlignmentError
from tests.calibration.test_selective import FORMS, NEW, SIMPLE, Y_NEW, X, Y, noisy
from tests.conftest import make_tiny

RIDGE = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())


@pytest.mark.parametrize("level", [0.6, 0.8, 0.9])
def test_threshold_is_the_quantile_of_right_classes(level):
    fitted = LogisticRegression().fit(X[:200], Y[:200])
    model = ConformalClassifier(FrozenEstimator(fitted), level=level)
    model.fit(X[200:], Y[200:])
    proba = fitted.predict_proba(X[200:])
    for code in range(3):
        right = np.sort(proba[Y[200:] == code, code])
        n = len(right)
        # The rank, from the largest, at which a new one is no smaller, as often.
        assert (right >= model.cutoffs_[code]).sum() == np.ceil((n + 1) * level)


@pytest.mark.parametrize("level", [0.7, 0.9])
def test_sets_for_all_classes_together_are_those_of_mapie(level):
    mapie = pytest.importorskip("mapie.classification")
    fitted = LogisticRegression().fit(X[:200], Y[:200])
    model = ConformalClassifier(
        FrozenEstimator(fitted), level=level, class_conditional=False
    ).fit(X[200:], Y[200:])
    other = mapie.SplitConformalClassifier(
        fitted, confidence_level=level, conformity_score="lac", prefit=True
    ).conformalize(X[200:], Y[200:])
    expected = other.predict_set(NEW)[1][:, :, 0]
    np.testing.assert_array_equal(model.predict_set(NEW).to_numpy(), expected)


def test_sets_are_a_table_of_samples_and_classes():
    table, y = make_tiny()
    model = ConformalClassifier(RIDGE).fit(table, y)
    sets = model.predict_set(table.iloc[:5])
    assert sets.index.equals(table.index[:5])
    assert sets.columns.to_list() == model.classes_.tolist() == sorted(y.unique())
    assert {dtype.kind for dtype in sets.dtypes} == {"b"}
    assert ConformalClassifier(SIMPLE).fit(X, Y).predict_set(X).shape == (400, 3)
    np.testing.assert_array_equal(model.predict(table), model.estimator_.predict(table))


@cache
def fitted_to_a_table(with_mean):
    scaler = OmicsConcatenator(StandardScaler(with_mean=with_mean))
    model = make_pipeline(scaler, BlockRidgeClassifier())
    return ConformalClassifier(model).fit(*make_tiny(shift=0.5))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_input_gives_the_same_sets(form):
    table, y = make_tiny(shift=0.5)
    expected = fitted_to_a_table(with_mean="sparse" not in form)
    given = FORMS[form](table)
    found = clone(expected).fit(given, y)
    np.testing.assert_allclose(found.cutoffs_, expected.cutoffs_, atol=1e-6)
    np.testing.assert_array_equal(
        found.predict_set(given).to_numpy(), expected.predict_set(table).to_numpy()
    )


@pytest.mark.parametrize(("level", "wanted"), [(0.9, 9), (0.8, 4), (0.95, 19)])
def test_class_of_few_samples_is_in_every_set_and_told(level, wanted):
    rare = np.flatnonzero(Y == 2)[: wanted - 1]
    kept = np.concatenate([rare, np.flatnonzero(Y < 2)])
    model = ConformalClassifier(SIMPLE, level=level)
    with pytest.warns(
        UserWarning, match=f"Classes 2 have as few as {wanted - 1} .* takes {wanted}"
    ):
        model.fit(X[kept], Y[kept])
    assert model.predict_set(X)[2].all()
    one_more = np.append(kept, np.flatnonzero(Y == 2)[wanted - 1])
    model.fit(X[one_more], Y[one_more])
    assert not model.predict_set(X)[2].all()


def test_report_counts_classes_and_all_samples():
    model = ConformalClassifier(SIMPLE).fit(X, Y)
    report = model.set_report(NEW, Y_NEW)
    assert report.index.to_list() == [0, 1, 2, "all samples"]
    sets = model.predict_set(NEW).to_numpy()
    whole = report.loc["all samples"]
    assert whole["coverage"] == np.mean(sets[np.arange(len(NEW)), Y_NEW])
    assert whole["size"] == sets.sum(axis=1).mean()
    assert (report["coverage"] > 0.8).all()


def test_rare_class_is_left_out_by_sets_for_all_classes_together():
    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.08).astype(int)
    data = rng.normal(size=(3000, 3)) + y[:, None] * 0.7
    coverage = {}
    for conditional in (True, False):
        model = ConformalClassifier(SIMPLE, class_conditional=conditional)
        report = model.fit(data[:1000], y[:1000]).set_report(data[1000:], y[1000:])
        coverage[conditional] = report["coverage"]
    assert coverage[False][1] < 0.5
    assert coverage[True][1] == pytest.approx(0.9, abs=0.06)
    for part in coverage.values():
        assert part["all samples"] == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("level", [0, 1, 90, None])
def test_level_is_a_share(level):
    with pytest.raises(ValueError, match="'level' parameter"):
        ConformalClassifier(SIMPLE, level=level).fit(X, Y)


def test_faults_of_samples_and_estimators_are_told():
    with pytest.raises(ValueError, match="Class 0 has 1 sample"):
        ConformalClassifier(SIMPLE).fit(X[:5], [0, 1, 1, 2, 2])
    with pytest.raises(ValueError, match="ConformalClassifier got LinearSVC"):
        ConformalClassifier(LinearSVC()).fit(X, Y)
    table, y = make_tiny()
    with pytest.raises(SampleAlignmentError, match="in another order"):
        ConformalClassifier(RIDGE).fit(table, y.iloc[::-1])
    model = ConformalClassifier(RIDGE).fit(table, y)
    with pytest.raises(SampleAlignmentError, match="in another order"):
        model.set_report(table, y.iloc[::-1])


@pytest.mark.parametrize("conditional", [True, False])
def test_saved_model_gives_the_same_sets(conditional, tmp_path):
    table, y = make_tiny(shift=0.5)
    model = ConformalClassifier(RIDGE, class_conditional=conditional).fit(table, y)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.predict_set(table), model.predict_set(table))


def test_calibrated_pipeline_is_saved_inside(tmp_path):
    table, y = make_tiny(shift=0.5)
    inner = CalibratedClassifierCV(BlockRidgeClassifier(), method="sigmoid", cv=2)
    pipeline = make_pipeline(OmicsConcatenator(StandardScaler()), inner)
    model = ConformalClassifier(pipeline, cv=3).fit(table, y)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.predict_set(table), model.predict_set(table))


def overlapping():
    return noisy(1500)


def unequal():
    data, y = noisy(2400)
    kept = np.flatnonzero((y > 0) | (np.arange(len(y)) % 3 == 0))
    return data[kept], y[kept]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.parametrize("case", [overlapping, unequal])
def test_sets_hold_the_right_class_within_three_points_over_a_hundred_splits(
    case, level, conditional
):
    (data, labels), found = case(), []
    params = {"level": level, "class_conditional": conditional}
    model = ConformalClassifier(GaussianNB(), **params)  # the promise is of any model
    for seed in range(100):
        order = np.random.default_rng(seed).permutation(len(labels))
        train, test = order[:300], order[300:]
        model.fit(data[train], labels[train])
        found.append(model.set_report(data[test], labels[test])["coverage"])
    mean = pd.concat(found, axis=1).mean(axis=1)
    assert abs(mean["all samples"] - level) < 0.03
    if conditional:
        assert (mean - level).abs().max() < 0.03
