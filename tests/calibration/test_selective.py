"""Calls for samples that a classifier is sure of, and none for the others."""

from functools import cache

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    LeaveOneGroupOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skomics import BlockRidgeClassifier, OmicsConcatenator, load_model, save_model
from skomics._compat import unpulled
from skomics.calibration import ConformalClassifier, SelectiveClassifier
from skomics.exceptions import SampleAlignmentError
from tests.conftest import make_tiny

RIDGE = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())
SIMPLE = LogisticRegression()


def noisy(n_samples=400, seed=0, flip=0.1):
    """Return samples of three classes some of which are mistaken."""
    return make_classification(
        n_samples,
        n_informative=6,
        n_redundant=0,
        n_classes=3,
        n_clusters_per_class=1,
        flip_y=flip,
        class_sep=1.2,
        random_state=seed,
    )


ALL = noisy(2400)
X, Y = (part[:400] for part in ALL)
NEW, Y_NEW = (part[400:] for part in ALL)


def as_tables(X):
    X = X.set_axis(X.columns.str.split("__", expand=True), axis=1)
    # By alphabet, as a list of them is numbered; MuData wants names of its own.
    names = sorted(X.columns.unique(0))
    return {name: X[name].add_prefix(name) for name in names}


def in_mudata(X):
    tables = as_tables(X)
    with unpulled(mudata):
        return mudata.MuData({n: anndata.AnnData(t) for n, t in tables.items()})


def shuffled_tables(X):
    """Return tables of which the last has the samples in another order."""
    tables = as_tables(X)
    last = list(tables)[-1]
    return {**tables, last: tables[last].iloc[::-1]}


FORMS = {
    "dict": as_tables,
    "dict in two orders": shuffled_tables,
    "list": lambda X: list(as_tables(X).values()),
    "two levels": lambda X: pd.concat(as_tables(X), axis=1),
    "mudata": in_mudata,
    "anndata": lambda X: anndata.AnnData(X),
    "sparse in a dict": lambda X: {
        n: sparse.csr_array(t.to_numpy()) for n, t in as_tables(X).items()
    },
    "sparse anndata in a dict": lambda X: {
        n: anndata.AnnData(
            sparse.csr_matrix(t.to_numpy()),
            pd.DataFrame(index=t.index),
            pd.DataFrame(index=t.columns),
        )
        for n, t in as_tables(X).items()
    },
}


@cache
def fitted_to_a_table(with_mean):
    scaler = OmicsConcatenator(StandardScaler(with_mean=with_mean))
    model = make_pipeline(scaler, BlockRidgeClassifier())
    return SelectiveClassifier(model, coverage=0.6).fit(*make_tiny(shift=0.5))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_input_gives_the_same_calls(form):
    table, y = make_tiny(shift=0.5)
    expected = fitted_to_a_table(with_mean="sparse" not in form)
    given = FORMS[form](table)
    found = clone(expected).fit(given, y)
    assert found.threshold_ == pytest.approx(expected.threshold_, abs=1e-6)
    np.testing.assert_array_equal(found.predict(given), expected.predict(table))


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_share_of_held_out_samples_that_is_asked_for_is_called(coverage):
    model = SelectiveClassifier(SIMPLE, coverage=coverage).fit(X, Y)
    called = model.held_out_confidence_ >= model.threshold_
    assert called.mean() == coverage
    report = model.selective_report(NEW, Y_NEW)
    assert report.loc["all samples", "coverage"] == pytest.approx(coverage, abs=0.06)


def test_probabilities_of_the_folds_are_those_of_scikit_learn():
    model = SelectiveClassifier(SIMPLE, cv=4).fit(X, Y)
    proba = cross_val_predict(SIMPLE, X, Y, cv=4, method="predict_proba")
    np.testing.assert_allclose(model.held_out_confidence_, proba.max(axis=1))
    right = proba.argmax(axis=1) == Y
    np.testing.assert_array_equal(model.held_out_correct_, right)


@pytest.mark.parametrize("params", [{}, {"coverage": 1}, {"coverage": 1.0}])
def test_all_samples_are_called_where_no_share_or_risk_is_asked(params):
    model = SelectiveClassifier(SIMPLE, **params).fit(X, Y)
    assert model.threshold_ == 0
    calls = model.predict(X)
    assert calls.dtype == Y.dtype
    np.testing.assert_array_equal(calls, model.estimator_.predict(X))
    assert model.score(X, Y) == model.estimator_.score(X, Y)


def test_largest_coverage_within_the_risk_is_taken():
    model = SelectiveClassifier(SIMPLE, risk=0.15, level=None).fit(X, Y)
    curve = model.risk_coverage_
    called = model.held_out_confidence_ >= model.threshold_
    assert 1 - model.held_out_correct_[called].mean() <= 0.15
    assert called.mean() == curve.loc[curve["risk"] <= 0.15, "coverage"].max()


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_guarantee_calls_fewer_samples_the_surer_it_is(level):
    plain = SelectiveClassifier(SIMPLE, risk=0.14, level=None).fit(X, Y)
    model = SelectiveClassifier(SIMPLE, risk=0.14, level=level).fit(X, Y)
    called = model.held_out_confidence_ >= model.threshold_
    errors = (~model.held_out_correct_[called]).sum()
    assert 1 > model.threshold_ > plain.threshold_
    # The upper bound of Clopper and Pearson.
    bound = stats.beta.ppf(level, errors + 1, called.sum() - errors)
    assert bound <= 0.14


def test_probabilities_are_those_of_the_estimator():
    model = SelectiveClassifier(SIMPLE, coverage=0.5).fit(X, Y)
    np.testing.assert_array_equal(
        model.predict_proba(X), clone(SIMPLE).fit(X, Y).predict_proba(X)
    )
    np.testing.assert_allclose(
        model.predict_log_proba(X), np.log(model.predict_proba(X))
    )


LABELS = {
    "str": (np.array(["a", "b", "c"]), "cannot say"),
    "object": (np.array(["a", "b", "c"], dtype=object), "cannot say"),
    "int": (np.array([1, 2, 3]), -1),
    "small int": (np.array([1, 2, 3], dtype=np.uint8), -1000),
    "large int": (np.array([1, 2, 2**63 + 1], dtype=np.uint64), -1),
    "float": (np.array([1.0, 2.0, 3.0]), np.nan),
    "float and int": (np.array([1.0, 2.0, 3.0]), -1),
}


@pytest.mark.parametrize("kind", LABELS)
def test_label_for_abstaining_comes_back_whole_beside_the_classes(kind):
    classes, label = LABELS[kind]
    y = classes[Y]
    model = SelectiveClassifier(SIMPLE, coverage=0.5, abstain_label=label).fit(X, y)
    calls, codes = model.predict(X), model.predict_proba(X).argmax(axis=1)
    is_called = model.predict_proba(X).max(axis=1) >= model.threshold_
    assert 0 < is_called.sum() < len(X)
    assert (calls[is_called] == classes[codes[is_called]]).all()
    left = calls[~is_called]
    assert pd.isna(left).all() if label is np.nan else (left == label).all()
    np.testing.assert_array_equal(model.classes_, classes)


@pytest.mark.parametrize(
    "classes", [["a", "b"], [0, 1], [False, True], [0.0, 1.0]], ids=str
)
def test_abstention_is_a_missing_label_by_default(classes):
    y = np.array(classes)[Y % 2]
    model = SelectiveClassifier(SIMPLE, coverage=0.5).fit(X, y)
    calls = model.predict(X)
    assert calls.dtype == object
    assert 0 < pd.isna(calls).mean() < 1
    assert set(calls[~pd.isna(calls)]) == set(classes)
    # The type does not depend on the samples.
    assert model.predict(X[~pd.isna(calls)]).dtype == object


@pytest.mark.parametrize(
    ("classes", "label", "problem"),
    [
        (["a", "b", "c"], "b", "is one of the classes, 'a', 'b', 'c'"),
        ([0, 1, 2], 2, "is one of the classes"),
        ([0.0, 1.0, 2.0], 2, "is one of the classes"),
        (["a", "b", "c"], -1, "is of type int, but the classes are .* of type"),
        ([0, 1, 2], "none", "is of type str, but"),
        ([0, 1, 2], -1.5, "is of type float, but"),
        ([0, 1, 2], False, "is of type bool, but"),
        ([0, 1, 2], np.nan, "is of type float, but"),
    ],
)
def test_label_for_abstaining_is_refused_where_it_could_be_a_class(
    classes, label, problem
):
    model = SelectiveClassifier(SIMPLE, coverage=0.5, abstain_label=label)
    with pytest.raises(ValueError, match=problem):
        model.fit(X, np.array(classes)[Y])


@pytest.mark.parametrize("label", ["none", -1, 1])
def test_bool_classes_have_no_other_label_for_abstaining(label):
    model = SelectiveClassifier(SIMPLE, coverage=0.5, abstain_label=label)
    with pytest.raises(ValueError, match="or None for a missing one"):
        model.fit(X, Y > 0)


def test_score_is_the_accuracy_among_called_samples():
    model = SelectiveClassifier(SIMPLE, coverage=0.5).fit(X, Y)
    new, y = NEW, Y_NEW
    calls = model.predict(new)
    called = ~pd.isna(calls)
    assert model.score(new, y) == np.mean(calls[called] == y[called])
    assert model.score(new, y) > model.estimator_.score(new, y)
    weights = np.arange(len(y))
    expected = np.average(calls[called] == y[called], weights=weights[called])
    assert model.score(new, y, weights) == pytest.approx(expected)
    report = model.selective_report(new, y)
    assert report.index.to_list() == [0, 1, 2, "all samples"]
    whole = report.loc["all samples"]
    assert whole["n_called"] == called.sum() == report["n_called"].iloc[:3].sum()
    assert whole["risk"] == pytest.approx(1 - model.score(new, y))


def test_report_counts_labels_that_the_model_does_not_know_as_errors():
    model = SelectiveClassifier(SIMPLE).fit(X, Y)
    report = model.selective_report(X[:10], np.full(10, 7))
    assert report.loc[7, "risk"] == 1


@pytest.mark.parametrize("model", [SelectiveClassifier, ConformalClassifier])
def test_report_refuses_numbers_for_text(model):
    model = model(SIMPLE).fit(X, Y.astype(str))
    ask = getattr(model, "selective_report", getattr(model, "set_report", None))
    with pytest.raises(
        ValueError, match="y has labels 0, 1, 2, but the classifier kno"
    ):
        ask(X, Y)


def test_weights_of_a_score_are_those_of_the_samples():
    table = pd.DataFrame(X).set_axis([f"p{i}" for i in range(len(X))])
    weights = pd.Series(np.arange(len(X)), table.index)
    model = SelectiveClassifier(SIMPLE).fit(table, Y)
    assert 0 < model.score(table, Y, weights) < 1
    with pytest.raises(SampleAlignmentError, match="sample_weight has the .* ids of X"):
        model.score(table, Y, weights[::-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(table, Y, weights[:3])


def test_no_call_where_no_threshold_keeps_the_risk():
    model = SelectiveClassifier(SIMPLE, risk=0.01)
    with pytest.warns(UserWarning, match="at least 390 samples without an error"):
        model.fit(X, Y)
    assert pd.isna(model.predict(X)).all()
    with pytest.warns(UserWarning, match="None of 400 samples is called"):
        assert np.isnan(model.score(X, Y))
    assert np.isnan(model.selective_report(X, Y).loc["all samples", "risk"])


def test_no_call_where_the_surest_sample_is_wrong():
    y = np.random.default_rng(0).permutation(Y)
    model = SelectiveClassifier(SIMPLE, risk=0.0, level=None)
    with pytest.warns(UserWarning, match="use a better classifier"):
        model.fit(X[:, :2], y)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"coverage": 0.8, "risk": 0.1}, "one threshold cannot keep both"),
        ({"risk": 0}, "no number of samples guarantees"),
        ({"coverage": 0}, "'coverage' parameter"),
        ({"coverage": 1.5}, "'coverage' parameter"),
        ({"coverage": 80}, "'coverage' parameter"),
        ({"risk": 1}, "'risk' parameter"),
        ({"level": 90}, "'level' parameter"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params, problem):
    with pytest.raises(ValueError, match=problem):
        SelectiveClassifier(SIMPLE, **params).fit(X, Y)


def test_estimator_without_probabilities_is_refused_with_the_cure():
    with pytest.raises(ValueError, match="wrap the estimator in .*CalibratedClass"):
        SelectiveClassifier(LinearSVC()).fit(X, Y)
    calibrated = CalibratedClassifierCV(LinearSVC(), cv=3)
    SelectiveClassifier(calibrated, coverage=0.8, cv=3).fit(X, Y)


@pytest.mark.parametrize("n_smallest", [2, 3, 4])
def test_there_are_no_more_folds_than_samples_of_the_smallest_class(n_smallest):
    kept = np.concatenate([np.flatnonzero(Y == 0)[:n_smallest], np.flatnonzero(Y > 0)])
    model = SelectiveClassifier(SIMPLE).fit(X[kept], Y[kept])
    folds = StratifiedKFold(n_smallest)
    proba = cross_val_predict(
        SIMPLE, X[kept], Y[kept], cv=folds, method="predict_proba"
    )
    np.testing.assert_allclose(model.held_out_confidence_, proba.max(axis=1))


def test_class_of_a_single_sample_is_refused():
    kept = np.concatenate([np.flatnonzero(Y == 0)[:1], np.flatnonzero(Y > 0)])
    with pytest.raises(ValueError, match="Class 0 has 1 sample, but inner folds need"):
        SelectiveClassifier(SIMPLE).fit(X[kept], Y[kept])


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(3, random_state=0), [(np.arange(50, 400), np.arange(50))]]
)
def test_folds_that_do_not_test_each_sample_once_are_refused(cv):
    with pytest.raises(ValueError, match="each sample is to be held out once"):
        SelectiveClassifier(SIMPLE, cv=cv).fit(X, Y)


def test_class_that_a_fold_does_not_learn_has_no_probability_there():
    order = np.argsort(Y, kind="stable")
    first, second = order[::2], order[1::2]
    model = SelectiveClassifier(SIMPLE, cv=[(first, second), (second, first)])
    y = np.where(Y == 2, 1, Y)
    y[second[:3]] = 2  # all in the first test part
    model.fit(X, y)
    assert not model.held_out_correct_[second[:3]].any()


def test_labels_of_other_samples_are_refused():
    table, y = make_tiny()
    with pytest.raises(SampleAlignmentError, match="in another order"):
        SelectiveClassifier(RIDGE).fit(as_tables(table), y.iloc[::-1])
    with pytest.raises(SampleAlignmentError, match="of other samples"):
        SelectiveClassifier(RIDGE).fit(table, y.add_prefix("x"))
    model = SelectiveClassifier(RIDGE).fit(table, y)
    for method in (model.score, model.selective_report):
        with pytest.raises(SampleAlignmentError, match="in another order"):
            method(table, y.iloc[::-1])


def test_missing_labels_are_refused():
    table, y = make_tiny()
    y.iloc[3] = None
    with pytest.raises(ValueError, match="y has no label for 1 of 48 samples"):
        SelectiveClassifier(RIDGE).fit(table, y)


def test_fitted_model_is_taken_as_it_is_and_learns_its_threshold_from_new_samples():
    fitted = clone(SIMPLE).fit(X[:200], Y[:200])
    model = SelectiveClassifier(FrozenEstimator(fitted), coverage=0.7)
    model.fit(X[200:], Y[200:])
    proba = fitted.predict_proba(X[200:])
    np.testing.assert_array_equal(model.held_out_confidence_, proba.max(axis=1))
    with pytest.raises(ValueError, match="y has labels 9, but the estimator"):
        model.fit(X[200:], np.where(Y[200:] == 1, 9, Y[200:]))


class Weighed(ClassifierMixin, BaseEstimator):
    """Keeps the weights that it is fitted with."""

    seen: list = []

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        type(self).seen.append((X[:, 0], sample_weight))
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


def test_weights_and_groups_are_routed_to_every_fit_and_to_the_splitter():
    Weighed.seen.clear()
    with config_context(enable_metadata_routing=True):
        inner = Weighed().set_fit_request(sample_weight=True)
        model = SelectiveClassifier(inner, cv=LeaveOneGroupOut())
        groups = np.arange(len(X)) % 3
        model.fit(X, Y, sample_weight=X[:, 0], groups=groups)
    assert sorted(len(weights) for _, weights in Weighed.seen)[:3] == [266, 267, 267]
    for first, weights in Weighed.seen:
        np.testing.assert_array_equal(first, weights)


def test_weights_without_routing_are_refused():
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        SelectiveClassifier(SIMPLE).fit(X, Y, sample_weight=np.ones(len(X)))


def test_it_can_be_searched_and_scored_in_folds():
    model = SelectiveClassifier(SIMPLE, coverage=0.7)
    scores = cross_val_score(model, X, Y)
    assert np.isfinite(scores).all()
    search = GridSearchCV(model, {"estimator__C": [0.01, 1]}, cv=3).fit(X, Y)
    assert search.best_estimator_.threshold_ > 0


@pytest.mark.parametrize("label", [None, "cannot say"])
def test_saved_model_gives_the_same_calls(label, tmp_path):
    table, y = make_tiny(shift=0.5)
    model = SelectiveClassifier(RIDGE, coverage=0.6, abstain_label=label)
    model.fit(as_tables(table), y)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    calls = loaded.predict(as_tables(table))
    np.testing.assert_array_equal(calls, model.predict(as_tables(table)))
    pd.testing.assert_frame_equal(loaded.risk_coverage_, model.risk_coverage_)
    assert loaded.threshold_ == model.threshold_


def test_model_that_never_calls_is_saved(tmp_path):
    model = SelectiveClassifier(SIMPLE, risk=0.01)
    with pytest.warns(UserWarning, match="no sample will be called"):
        model.fit(X, Y)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert pd.isna(loaded.predict(X)).all()


@pytest.mark.filterwarnings("ignore:No threshold keeps")
@pytest.mark.parametrize("flip", [0.1, 0.25])
def test_risk_is_kept_as_often_as_the_level_says(flip):
    data, labels = noisy(21_000, flip=flip)
    fitted = LogisticRegression().fit(data[:1000], labels[:1000])
    new, y = data[11_000:], labels[11_000:]
    risk, is_broken = 0.25, []
    for draw in range(100):
        rows = 1000 + draw * 100 + np.arange(100)
        model = SelectiveClassifier(FrozenEstimator(fitted), risk=risk, cv=2)
        model.fit(data[rows], labels[rows])
        report = model.selective_report(new, y)
        is_broken.append(report.loc["all samples", "risk"] > risk)
    # At level 0.9 one in ten; in 100 draws more than 17 are not chance.
    assert np.mean(is_broken) <= 0.17
