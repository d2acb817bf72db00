"""Scores of one fit are those of scikit-learn, or missing where they have no sense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import (
    balanced_accuracy_score,
    matthews_corrcoef,
    roc_auc_score,
)
from sklearn.svm import SVC

from skomics.benchmark._scores import (
    Scores,
    predict_scores,
    score_calls,
    score_scores,
)

CLASSES = np.array(["a", "b", "c"])


def make_data(n_classes):
    X, codes = make_classification(
        90, 8, n_informative=5, n_classes=n_classes, flip_y=0.2, random_state=0
    )
    return X, CLASSES[codes]


@given(st.integers(2, 3), st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_auc_is_that_of_scikit_learn_where_all_classes_are_there(n, seed, step):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.r_[CLASSES[:n], rng.choice(CLASSES[:n], 15)])
    # Rounded, so that there are ties.
    proba = np.ceil(rng.dirichlet(np.ones(n), len(y)) * step)
    proba /= proba.sum(axis=1, keepdims=True)
    found = score_scores(y, Scores("probability", proba), CLASSES[:n])["roc_auc"]
    given = {"y_score": proba[:, 1]} if n == 2 else {"y_score": proba}
    expected = roc_auc_score(y, **given, multi_class="ovr", average="macro")
    assert found == pytest.approx(expected, abs=1e-12)


def test_auc_is_over_the_classes_of_the_test_part():
    y = np.array(["a", "b", "a", "b"])
    values = np.array([[3, 1, 9], [1, 2, 0], [2, 3, 5], [0, 4, 1]], dtype=float)
    found = score_scores(y, Scores("decision", values), CLASSES)
    areas = [roc_auc_score(y == c, values[:, k]) for k, c in enumerate("ab")]
    assert found == {"roc_auc": np.mean(areas)}


def test_auc_of_one_class_is_missing_and_told():
    y = np.array(["a", "a"])
    scores = Scores("decision", np.ones((2, 3)))
    with pytest.warns(UserWarning, match=r"has one class only \(a\), for which"):
        assert score_scores(y, scores, CLASSES) == {}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_models_without_probabilities_are_scored_by_their_decision_function(n_classes):
    X, y = make_data(n_classes)
    classes = CLASSES[:n_classes]
    model = RidgeClassifier().fit(X[:60], y[:60])
    scores = predict_scores(model, X[60:], classes)
    assert (scores.kind, scores.values.shape) == ("decision", (30, n_classes))
    assert (classes[scores.values.argmax(axis=1)] == model.predict(X[60:])).all()
    found = score_scores(y[60:], scores, classes)
    decision = model.decision_function(X[60:])
    areas = (
        [roc_auc_score(y[60:] == "b", decision)]
        if n_classes == 2
        else [
            roc_auc_score(y[60:] == c, d)
            for c, d in zip(classes, decision.T, strict=True)
        ]
    )
    assert found == {"roc_auc": pytest.approx(np.mean(areas))}


@pytest.mark.parametrize("model", [LogisticRegression(), RidgeClassifier()])
def test_a_class_that_the_training_part_lacks_is_not_ranked(model):
    X, y = make_data(3)
    model.fit(X[y != "b"], y[y != "b"])
    scores = predict_scores(model, X, CLASSES)
    assert np.ptp(scores.values[:, 1]) == 0
    assert (scores.values[:, 1] <= scores.values.min(axis=1)).all()


def test_models_with_nothing_to_rank_by_have_no_auc():
    X, y = make_data(3)
    pairs = SVC(decision_function_shape="ovo").fit(X[y != "b"], y[y != "b"])

    class Pairs:
        classes_ = CLASSES

        def decision_function(self, X):
            return np.ones((len(X), 1))

    class Broken(Pairs):
        def decision_function(self, X):
            return np.full((len(X), 3), np.nan)

    assert predict_scores(pairs, X, CLASSES) is not None
    for model in (Pairs(), Broken(), object()):
        assert predict_scores(model, X, CLASSES) is None
    assert score_scores(y, None, CLASSES) == {}


def test_scores_of_calls_are_those_of_scikit_learn():
    X, y = make_data(3)
    y_pred = LogisticRegression().fit(X[:60], y[:60]).predict(X[60:])
    found = score_calls(y[60:], y_pred, CLASSES, CLASSES)
    assert found["mcc"] == pytest.approx(matthews_corrcoef(y[60:], y_pred))
    expected = balanced_accuracy_score(y[60:], y_pred)
    assert found["balanced_accuracy"] == pytest.approx(expected)
