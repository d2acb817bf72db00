"""Scores on other cohorts are those of models that have not seen them."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss, make_scorer
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skomics import OmicsConcatenator
from skomics.datasets import make_intersim
from skomics.exceptions import SampleAlignmentError
from skomics.model_selection import cross_cohort_validate
from skomics.model_selection._cohorts import named_tables, stack_cohorts

X, Y = make_intersim(n_samples=150, n_clusters=3, effect=0.2, random_state=0)
X = pd.concat({name: X[name].iloc[:, :20] for name in X.columns.levels[0]}, axis=1)
X = X.rename(index=lambda name: f"id_{name}")
Y = pd.Series(Y.to_numpy(), X.index)
PARTS = {"a": slice(0, 60), "b": slice(60, 110), "c": slice(110, 150)}
COHORTS = {name: (X[part], Y[part]) for name, part in PARTS.items()}
GROUPS = np.repeat(["a", "b", "c"], [60, 50, 40])
QUICK = {"n_bootstrap": 10, "random_state": 0}


def model(classifier=None):
    steps = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(OmicsConcatenator(steps), classifier or LogisticRegression())


def test_each_cohort_is_left_out_as_by_scikit_learn():
    result = cross_cohort_validate(model(), COHORTS, scoring="f1_macro", **QUICK)
    splits = LeaveOneGroupOut()
    expected = cross_val_score(
        model(), X, Y, groups=GROUPS, cv=splits, scoring="f1_macro"
    )
    assert result.table["test"].to_list() == ["a", "b", "c"]
    assert result.table["train"].to_list() == [["b", "c"], ["a", "c"], ["a", "b"]]
    np.testing.assert_allclose(result.table["external"], expected)
    assert result.table["n_test"].to_list() == [60, 50, 40]


def test_one_table_with_groups_gives_the_same_as_a_dict():
    given = cross_cohort_validate(model(), COHORTS, **QUICK)
    grouped = cross_cohort_validate(model(), X, Y, groups=GROUPS, **QUICK)
    pd.testing.assert_frame_equal(given.table, grouped.table)
    pd.testing.assert_frame_equal(given.predictions, grouped.predictions)
    assert given.predictions.index.to_list() == X.index.to_list()


def test_model_of_one_cohort_is_scored_on_another():
    result = cross_cohort_validate(
        model(), COHORTS, train="a", test=["c"], return_estimator=True, **QUICK
    )
    fitted = model().fit(*COHORTS["a"])
    called = fitted.predict(COHORTS["c"][0])
    np.testing.assert_array_equal(result.predictions["predicted"], called)
    np.testing.assert_allclose(
        result.predictions[list(fitted.classes_)],
        fitted.predict_proba(COHORTS["c"][0]),
    )
    assert list(result.estimators) == ["c"]
    external = result.table.set_index("score").loc["f1_macro", "external"]
    assert external == pytest.approx(f1_score(Y[110:], called, average="macro"))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"train": ["a", "b"]}, [("c", 110)]),
        ({"test": "b"}, [("b", 100)]),
        ({"train": "c", "test": ["a", "b"]}, [("a", 40), ("b", 40)]),
    ],
)
def test_cohorts_that_are_not_named_are_the_others(params, expected):
    result = cross_cohort_validate(
        model(DummyClassifier()), COHORTS, scoring="accuracy", **params, **QUICK
    )
    rows = result.table[["test", "n_train"]].itertuples(index=False, name=None)
    assert list(rows) == expected


def test_internal_estimate_is_the_score_of_pooled_held_out_answers():
    folds = KFold(3)
    result = cross_cohort_validate(
        model(), COHORTS, train="a", test="b", scoring="neg_log_loss", cv=folds, **QUICK
    )
    X_a, y_a = COHORTS["a"]
    proba = np.empty((60, 3))
    for train, test in folds.split(X_a):
        fitted = model().fit(X_a.iloc[train], y_a.iloc[train])
        proba[test] = fitted.predict_proba(X_a.iloc[test])
    assert result.table["internal"].item() == pytest.approx(-log_loss(y_a, proba))


def test_interval_of_the_difference_finds_a_cohort_that_is_worse():
    rng = np.random.default_rng(0)
    X_b, y_b = COHORTS["b"]
    cohorts = {
        "a": COHORTS["a"],
        "b": (X_b, pd.Series(rng.permutation(y_b), y_b.index)),
    }
    result = cross_cohort_validate(
        model(), cohorts, train="a", scoring="accuracy", n_bootstrap=200, random_state=0
    )
    row = result.table.iloc[0]
    assert row["difference"] == pytest.approx(row["external"] - row["internal"])
    assert row["low"] < row["difference"] < row["high"] < 0
    for what in ("internal", "external"):
        assert row[f"{what}_low"] <= row[what] <= row[f"{what}_high"]


def test_interval_of_the_difference_holds_zero_where_cohorts_are_alike():
    rng, values, y = np.random.default_rng(0), X["protein"].to_numpy(), Y.to_numpy()
    groups, n_covered = np.repeat(["a", "b"], [90, 60]), 0
    for seed in range(20):
        rows = rng.permutation(150)
        result = cross_cohort_validate(
            LogisticRegression(),
            values[rows],
            y[rows],
            groups=groups,
            train="a",
            scoring="accuracy",
            n_bootstrap=60,
            random_state=seed,
        )
        row = result.table.iloc[0]
        n_covered += row["low"] <= 0 <= row["high"]
    # Of 100 of a larger population 93 do.
    assert n_covered >= 16


@pytest.mark.parametrize(
    "scoring",
    [
        "roc_auc_ovr",
        ["accuracy", "neg_log_loss"],
        ("accuracy",),
        {"f1": make_scorer(f1_score, average="weighted")},
        make_scorer(f1_score, average="macro"),
    ],
)
def test_scoring_is_as_of_scikit_learn(scoring):
    result = cross_cohort_validate(
        model(LogisticRegression()), COHORTS, scoring=scoring, **QUICK
    )
    is_one = isinstance(scoring, str) or callable(scoring)
    name = {str: scoring}.get(type(scoring), "score")
    names = [name] if is_one else list(scoring)
    assert list(dict.fromkeys(result.table["score"])) == names


def test_classifier_without_probabilities_is_scored_by_its_decisions():
    result = cross_cohort_validate(
        model(LinearSVC()), COHORTS, train="a", scoring="accuracy", **QUICK
    )
    assert list(result.predictions) == ["cohort", "true", "predicted"]


def test_cohort_that_is_scored_may_lack_features_and_modalities():
    X_b, y_b = COHORTS["b"]
    protein = X_b["protein"].iloc[:, 3:].iloc[:, ::-1].assign(more=1.0)
    other = {"protein": protein, "expression": X_b["expression"]}
    classifier = model(LogisticRegression())
    classifier[0].set_params(missing_omics="transform")
    result = cross_cohort_validate(
        classifier, {"a": COHORTS["a"], "b": (other, y_b)}, train="a", **QUICK
    )
    same = X_b.copy()
    same[[("protein", name) for name in same["protein"].columns[:3]]] = np.nan
    same["methylation"] = np.nan
    called = classifier.fit(*COHORTS["a"]).predict(same)
    np.testing.assert_array_equal(result.predictions["predicted"], called)
    with pytest.raises(ValueError, match="'b' lacks 3 of the 20 features.*align_f"):
        cross_cohort_validate(classifier, {"a": COHORTS["a"], "b": (other, y_b)})


@pytest.mark.parametrize("form", ["dict", "array", "sparse", "flat"])
def test_every_form_of_samples_is_taken(form):
    def convert(table):
        protein = table["protein"]
        forms = {
            "dict": {"protein": protein},
            "array": protein.to_numpy(),
            "sparse": sparse.csr_array(protein.to_numpy()),
            "flat": protein,
        }
        return forms[form]

    cohorts = {n: (convert(x), y.to_numpy()) for n, (x, y) in COHORTS.items()}
    classifier = LogisticRegression()
    if form == "dict":
        classifier = make_pipeline(OmicsConcatenator(), classifier)
    result = cross_cohort_validate(classifier, cohorts, scoring="accuracy", **QUICK)
    expected = cross_val_score(
        LogisticRegression(),
        X["protein"].to_numpy(),
        Y.to_numpy(),
        groups=GROUPS,
        cv=LeaveOneGroupOut(),
    )
    np.testing.assert_allclose(result.table["external"], expected, atol=0.03)


def test_same_seed_gives_the_same_table_with_any_number_of_jobs():
    tables = [
        cross_cohort_validate(
            LogisticRegression(), X["protein"], Y, groups=GROUPS, n_jobs=n, **QUICK
        ).table
        for n in (1, 2)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_samples_of_two_cohorts_are_warned_of():
    twice = {"a": COHORTS["a"], "b": (X[50:110], Y[50:110])}
    with pytest.warns(UserWarning, match="'a' and 'b' both have samples such as 'id_"):
        cross_cohort_validate(model(DummyClassifier()), twice, **QUICK)


@pytest.mark.parametrize(
    ("cohorts", "params", "match"),
    [
        ({"a": COHORTS["a"]}, {}, "cohorts 'a'. Give two at least"),
        (COHORTS, {"train": "x"}, "train names 'x', but the cohorts are 'a', 'b', 'c'"),
        (COHORTS, {"train": []}, "train names no cohort"),
        (COHORTS, {"train": "a", "test": "a"}, "none may be in both"),
        (COHORTS, {"train": ["a", "b", "c"]}, "Both need a cohort"),
        ({"a": X[:60], "b": X[60:]}, {}, "'a', 'b' are no pairs. Give a dict"),
        (COHORTS, {"groups": GROUPS}, "groups beside a dict"),
        (X, {"y": Y}, "groups is None. Give the cohort"),
        (X, {"y": Y, "groups": [np.nan] * 150}, "150 missing for 150"),
        (COHORTS, {"n_bootstrap": 0}, "n_bootstrap is 0"),
        (COHORTS, {"level": 1}, "level=1"),
        (COHORTS, {"train": "a", "cv": [(range(30), [3])]}, "cv tests .* in no fold"),
    ],
)
def test_what_cannot_be_meant_is_refused(cohorts, params, match):
    with pytest.raises(ValueError, match=match):
        cross_cohort_validate(model(DummyClassifier()), cohorts, **params)


def test_class_that_was_not_learned_is_refused():
    y = Y[60:110].where(Y[60:110] != "subtype_1", "other")
    cohorts = {"a": COHORTS["a"], "b": (X[60:110], y)}
    with pytest.raises(ValueError, match="'b' has the classes 'other'.*Leave these"):
        cross_cohort_validate(model(), cohorts, train="a")
    one = {"a": (X[:60], ["s"] * 60), "b": (X[60:110], ["s"] * 50)}
    with pytest.raises(ValueError, match="there is only the class 's'"):
        cross_cohort_validate(model(), one, train="a")


def test_labels_or_groups_of_other_samples_are_refused():
    groups = pd.Series(GROUPS, X.index[::-1])
    with pytest.raises(SampleAlignmentError, match="groups"):
        cross_cohort_validate(model(), X, Y, groups=groups)
    with pytest.raises(SampleAlignmentError, match="y"):
        cross_cohort_validate(model(), {**COHORTS, "b": (X[60:110], Y[60:110][::-1])})


def test_features_of_the_first_cohort_count_and_ids_tell_the_cohort():
    a = pd.DataFrame([[1.0, 2.0]], ["p"], ["u", "v"])
    b = pd.DataFrame([[3.0, 4.0]], ["p"], ["v", "w"])
    named = {"a": named_tables({"rna": a}, "a"), "b": named_tables({"rna": b}, "b")}
    stacked = stack_cohorts(named, may_lack=["b"])["rna"]
    expected = pd.DataFrame([[1.0, 2.0], [np.nan, 3.0]], ["a:p", "b:p"], ["u", "v"])
    pd.testing.assert_frame_equal(stacked, expected)
    with pytest.raises(ValueError, match="'rna' of 'c' is sparse or has no feature"):
        named_tables({"rna": a.to_numpy()}, "c")
    named["b"] = named_tables({"atac": b}, "b")
    with pytest.raises(ValueError, match="'b' has no feature in common"):
        stack_cohorts(named, may_lack=["b"])
