"""A shift is found where there is one, seldom elsewhere, and is put into words."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics.datasets import make_intersim
from skomics.exceptions import SampleAlignmentError
from skomics.inspection import cohort_shift
from skomics.inspection._cohort_shift import _half_width

X, Y = make_intersim(n_samples=200, n_clusters=3, effect=0.3, random_state=0)
TRAIN, Y_TRAIN, NEW = X[:120], Y[:120], X[120:]
QUICK = {"novelty": False, "n_permutations": 399, "random_state": 0}


def fit(classifier=None):
    steps = make_pipeline(SimpleImputer(), StandardScaler())
    model = make_pipeline(OmicsConcatenator(steps), classifier or DummyClassifier())
    return model.fit(TRAIN, Y_TRAIN)


MODEL = fit()


def shift_of(new, **params):
    return cohort_shift(MODEL, new, X_train=TRAIN, **{**QUICK, **params})


@pytest.mark.parametrize(
    ("change", "slope"),
    [
        (lambda table: table * 3 + 7, 3),
        (lambda table: table / np.log(2), 1.44),
        (lambda table: table + table.std() / 2, 1),
        (lambda table: (table - table.mean()) * 2 + table.mean(), 1.4),
    ],
    ids=["affine", "logarithm", "location", "spread"],
)
def test_change_of_a_modality_is_found_there_and_nowhere_else(change, slope):
    new = NEW.copy()
    new["expression"] = change(new["expression"])
    shift = shift_of(new)
    assert shift.is_shifted
    assert shift.table.index[shift.table["is_shifted"]].to_list() == ["expression"]
    row = shift.table.loc["expression"]
    assert row["auc"] > 0.95
    assert row["low"] < row["auc"] <= row["high"] <= 1
    assert row["slope"] == pytest.approx(slope, rel=0.15)


def test_feature_that_drives_the_shift_comes_first():
    new = NEW.copy()
    column = new["protein"].columns[4]
    new[("protein", column)] += 20
    shift = shift_of(new)
    assert shift.features.loc[0, ["modality", "feature"]].to_list() == [
        "protein",
        column,
    ]
    assert shift.features.loc[0, "value"] > 5
    assert shift.table.loc["protein", "is_shifted"]
    assert f"most in '{column}'" in shift.summary()


def test_false_alarms_are_as_rare_as_alpha_says():
    # 100 splits with a chance of 1 % each: more than 5 alarms have a chance of 5e-4,
    # and the seeds are fixed.
    rng = np.random.default_rng(0)
    alarms = 0
    whole = {name: X[name].iloc[:, :60] for name in ("protein", "expression")}
    for seed in range(100):
        new = rng.permutation(len(X)) < 60
        parts = [{n: t[part] for n, t in whole.items()} for part in (~new, new)]
        shift = cohort_shift(
            MODEL,
            parts[1],
            X_train=parts[0],
            novelty=False,
            n_permutations=299,
            random_state=seed,
        )
        alarms += shift.is_shifted
    assert alarms <= 5


def test_p_values_of_random_splits_are_uniform():
    rng = np.random.default_rng(1)
    table = X["protein"].iloc[:60, :30]
    p_values = []
    for seed in range(120):
        new = rng.permutation(60) < 20
        shift = cohort_shift(
            MODEL,
            {"protein": table[new]},
            X_train={"protein": table[~new]},
            novelty=False,
            n_permutations=99,
            alpha=0.05,
            random_state=seed,
        )
        p_values.append(shift.table["p_value"].item())
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_missing_features_and_modalities_are_counted_and_told():
    new = {
        "protein": NEW["protein"].iloc[:, 5:].assign(more=1.0),
        "expression": NEW["expression"].assign(),
    }
    gone = new["expression"].columns[0]
    new["expression"][gone] = np.nan
    model = make_pipeline(
        OmicsConcatenator(
            make_pipeline(SimpleImputer(), StandardScaler()),
            missing_features="nan",
            extra_features="drop",
        ),
        DummyClassifier(),
    ).fit(TRAIN, Y_TRAIN)
    shift = cohort_shift(model, new, X_train=TRAIN, **QUICK)
    assert shift.table["n_missing"].to_dict() == {
        "protein": 5,
        "methylation": TRAIN["methylation"].shape[1],
        "expression": 1,
    }
    assert shift.table.loc["methylation", "n_new"] == 0
    assert not shift.is_shifted
    assert ("expression", gone) in shift.missing.itertuples(index=False, name=None)
    text = shift.summary()
    assert "methylation: absent" in text
    assert "5 of 160 features are missing" in text
    assert "→ Features are missing: look for them under other names with align" in text
    assert "→ Modalities are absent: calls rest on the others." in text


def test_words_say_what_to_do_where_units_differ():
    new = NEW * 3 + 7
    text = str(shift_of(new))
    assert text.startswith("CohortShift: shifted")
    assert "values are about 3" in text
    assert "SampleRankTransformer" in text
    assert "use adapt_to_cohort" in text
    assert "hardly overlap" in text


def test_words_do_not_promise_equality_where_nothing_is_found():
    text = shift_of(NEW).summary()
    assert text.startswith("CohortShift: no shift of values found")
    assert "That is no proof of equality" in text
    assert "recalibrate" not in text


def test_confidence_is_compared_with_that_of_held_out_training_samples():
    model = fit(BlockRidgeClassifier())
    same = cohort_shift(model, NEW, X_train=TRAIN, y_train=Y_TRAIN, **QUICK)
    assert same.confidence["low"] < 0 < same.confidence["high"]
    assert same.confidence["difference"] == pytest.approx(
        same.confidence["new"] - same.confidence["train"]
    )
    noise = (
        NEW + 3 * np.random.default_rng(0).normal(size=NEW.shape) * NEW.std().to_numpy()
    )
    less = cohort_shift(model, noise, X_train=TRAIN, y_train=Y_TRAIN, **QUICK)
    assert less.confidence["high"] < 0
    assert "mean probability of the call: " in less.summary()
    assert "out of fold" in less.summary()
    plain = cohort_shift(model, NEW, X_train=TRAIN, **QUICK)
    assert np.isnan(plain.confidence["train"])
    assert "out of fold" not in plain.summary()


def test_interval_of_the_confidence_is_welchs_also_where_all_are_equal():
    new, train = np.random.default_rng(0).random((2, 30))
    interval = stats.ttest_ind(new, train, equal_var=False).confidence_interval(0.9)
    half = _half_width(new, train, 0.9)
    assert half == pytest.approx((interval.high - interval.low) / 2)
    assert _half_width(np.ones(5), np.ones(6), 0.9) == 0
    assert np.isnan(_half_width(np.ones(1), np.ones(6), 0.9))


def test_novelty_is_that_of_novelty_score():
    shift = shift_of(NEW[:6], novelty=True)
    assert len(shift.novelty) == 6
    assert "of 6 samples are unlike those of training" in shift.summary()


def test_what_cannot_be_computed_is_a_note():
    svc = fit(LinearSVC())
    shift = cohort_shift(svc, NEW, X_train=TRAIN, **QUICK)
    assert shift.confidence is None
    assert "note: no confidence: the model gives no probabilities." in str(shift)
    less = NEW.drop(columns=[NEW.columns[0]])
    shift = shift_of(less, novelty=True)
    assert shift.confidence is None
    assert any("the model refuses the cohort: Block 'met" in n for n in shift.notes)
    assert any("no novelty scores: Block 'methylation' lacks" in n for n in shift.notes)


@pytest.mark.parametrize("kind", ["array", "sparse", "anndata", "text"])
def test_every_form_of_table_is_compared(kind):
    train, new = TRAIN["protein"].iloc[:, :20], NEW["protein"].iloc[:, :20] + 3
    if kind == "array":
        tables = [train.to_numpy(), new.to_numpy()]
    elif kind == "sparse":
        tables = [sparse.csr_array(table.to_numpy()) for table in (train, new)]
    elif kind == "anndata":
        anndata = pytest.importorskip("anndata")
        tables = [anndata.AnnData(table) for table in (train, new)]
    else:
        tables = [train.assign(sex="f"), new.assign(sex="m")]
    model = LogisticRegression().fit(train.to_numpy(), Y_TRAIN)
    if kind == "text":
        model = DummyClassifier().fit(train, Y_TRAIN)
    shift = cohort_shift(model, tables[1], X_train=tables[0], **QUICK)
    assert shift.is_shifted
    assert shift.table["n_features"].item() == 20


def test_large_cohorts_are_drawn_from():
    shift = shift_of(NEW, max_samples=30)
    assert (shift.table["n_new"] == 80).all()
    few = shift_of(NEW["protein"].iloc[:2].pipe(lambda t: {"protein": t}))
    assert np.isfinite(few.table.loc["protein", "auc"])


def test_single_sample_is_no_error_and_seldom_a_shift():
    shift = shift_of(NEW[:1], alpha=0.01)
    assert not shift.is_shifted
    assert (shift.table["high"] > 0.6).all()


def test_same_seed_gives_the_same_shift():
    first, second = (shift_of(NEW, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, second.table)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_permutations": 0}, "n_permutations is 0.*at least 1"),
        ({"n_permutations": 298}, "with 3 modalities no shift can .* than 299. Give"),
        ({"max_samples": 1}, "max_samples is 1.*at least 2"),
        ({"alpha": 1}, "alpha is 1.*between 0 and 1"),
        ({"level": 0}, "level is 0.*between 0 and 1"),
    ],
)
def test_number_out_of_range_is_refused(params, match):
    with pytest.raises(ValueError, match=match):
        shift_of(NEW, **params)


def test_cohorts_without_a_common_modality_are_refused():
    with pytest.raises(
        ValueError, match="modalities 'rna', and X_train has 'meth.*none"
    ):
        shift_of({"rna": NEW["protein"]})


def test_labels_of_other_samples_are_refused():
    with pytest.raises(SampleAlignmentError, match="y_train"):
        shift_of(NEW, y_train=Y[:120].iloc[::-1])


def test_one_sample_has_no_interval_of_the_difference():
    model = fit(LogisticRegression())
    found = cohort_shift(model, NEW[:1], X_train=TRAIN, y_train=Y_TRAIN, **QUICK)
    assert np.isnan(found.confidence["low"])
    assert "nan" not in found.summary()
    assert "in training, out of fold" in found.summary()


@pytest.mark.filterwarnings("ignore::skomics.exceptions.NamelessOmicsWarning")
def test_a_sparse_matrix_has_novelty_scores():
    values = np.random.default_rng(0).poisson(3, (60, 5)).astype(float)
    y = np.tile(["a", "b"], 30)
    found = [
        cohort_shift(
            BlockRidgeClassifier().fit(make(values), y),
            make(values[:20]),
            X_train=make(values),
            random_state=0,
        )
        for make in (sparse.csr_matrix, np.asarray)
    ]
    pd.testing.assert_frame_equal(found[0].novelty, found[1].novelty)


@pytest.mark.parametrize("what", ["X_new", "X_train"])
def test_infinite_values_are_refused(what):
    tables = {"X_new": NEW.copy(), "X_train": TRAIN.copy()}
    tables[what].iloc[0, -1] = -np.inf
    match = f"'protein' of {what} has 1 values that are infinite.*log of 0"
    with pytest.raises(ValueError, match=match):
        cohort_shift(MODEL, **tables, **QUICK)


def test_samples_of_training_among_the_new_ones_are_named():
    new = pd.concat([NEW, TRAIN[:30]])
    (note,) = shift_of(new).notes
    assert "30 of 110 samples of X_new have the very values of samples of X_t" in note
    text = shift_of(TRAIN).summary()
    assert "120 of 120 samples" in text
    assert "no proof of equality" not in text


def test_equal_samples_of_few_possible_values_are_no_repeated_ones():
    rng = np.random.default_rng(0)
    train, new = (
        pd.concat({"mutation": pd.DataFrame(rng.integers(0, 2, (60, 4)))}, axis=1)
        for _ in range(2)
    )
    model = DummyClassifier().fit(train, np.arange(60) % 2)
    assert cohort_shift(model, new, X_train=train, **QUICK).notes == []
