"""How many features a score needs, without looking at the test folds."""

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics._compat import unpulled
from skomics.exceptions import SampleAlignmentError
from skomics.feature_selection import minimal_panel

RNG = np.random.default_rng(0)
N = 90
IDS = [f"p{i}" for i in range(N)]
CODES = np.arange(N) % 3
Y = pd.Series(np.array(["a", "b", "c"])[CODES], index=IDS)
TABLES = {
    name: pd.DataFrame(RNG.normal(size=(N, p)), IDS).add_prefix(name[0])
    for name, p in {"rna": 60, "protein": 30}.items()
}
TABLES["rna"].iloc[:, :3] += 1.5 * np.eye(3)[CODES]
X = pd.concat(TABLES, axis=1)
FLAT = X.set_axis([f"{omics}__{feature}" for omics, feature in X.columns], axis=1)
MODEL = make_pipeline(OmicsConcatenator(StandardScaler()), LogisticRegression())
PANEL = minimal_panel(MODEL, X, Y, random_state=0)


def test_panel_has_the_planted_features():
    assert list(PANEL.table.index) == [1, 2, 5, 10, 20, 50, 90]
    # Two of the three tell three classes.
    assert PANEL.n_features in (2, 5)
    assert set(PANEL.features[:2]) < {"rna__r0", "rna__r1", "rna__r2"}
    assert len(PANEL.features) == PANEL.n_features
    assert PANEL.scores.shape == (7, 5)


def test_rule_is_the_smallest_number_within_one_standard_error_of_the_best():
    table = PANEL.table
    np.testing.assert_allclose(table["mean"], PANEL.scores.mean(axis=1))
    expected = PANEL.scores.std(axis=1, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(table["standard_error"], expected)
    best = table["mean"].idxmax()
    bar = table.loc[best, "mean"] - table.loc[best, "standard_error"]
    np.testing.assert_array_equal(table["within"], table["mean"] >= bar)
    assert PANEL.n_features == table.index[table["mean"] >= bar].min()
    assert PANEL.best_n_features == best


def test_features_are_ranked_in_the_training_folds_only():
    noise = pd.DataFrame(RNG.normal(size=(60, 3000)))
    labels = RNG.permutation(np.arange(60) % 2)
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=4, random_state=0)
    found = minimal_panel(LogisticRegression(), noise, labels, sizes=[10, 50], cv=cv)
    # With features that were ranked on all samples, above 0.9.
    assert found.table["mean"].max() < 0.62


def in_mudata(tables):
    with unpulled(mudata):
        return mudata.MuData({n: anndata.AnnData(t) for n, t in tables.items()})


FORMS = {
    "flat": FLAT,
    "dict": TABLES,
    "mudata": in_mudata(TABLES),
    "sparse dict": {n: sparse.csr_array(t.to_numpy()) for n, t in TABLES.items()},
    "list": list(TABLES.values()),
    "arrays": {n: t.to_numpy() for n, t in TABLES.items()},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_panel_is_the_same_in_every_form(form):
    y = Y if isinstance(form, pd.DataFrame) or form is TABLES else Y.to_numpy()
    model = make_pipeline(OmicsConcatenator(), LogisticRegression())
    found = minimal_panel(model, form, y, sizes=[2, 8], random_state=0)
    expected = minimal_panel(model, X, Y, sizes=[2, 8], random_state=0)
    np.testing.assert_allclose(found.scores, expected.scores)


def test_estimator_without_steps_gets_the_columns_of_the_table():
    values = FLAT.to_numpy()
    for table in (FLAT, values, values.tolist(), sparse.csr_array(values)):
        model = LogisticRegression()
        y = Y if isinstance(table, pd.DataFrame) else Y.to_numpy()
        found = minimal_panel(model, table, y, sizes=[3], random_state=0)
        names = list(FLAT) if isinstance(table, pd.DataFrame) else range(90)
        assert set(found.features) == set(names[:3])


def test_names_of_modalities_reach_the_last_step():
    model = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())
    found = minimal_panel(model, X, Y, sizes=[40, 90], cv=3, random_state=0)
    assert found.table["mean"].min() > 0.4  # and nothing warns of modalities


def test_samples_that_lack_a_modality_are_no_hindrance():
    gaps = X.copy()
    gaps.loc[IDS[::4], "protein"] = np.nan
    model = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())
    found = minimal_panel(model, gaps, Y, sizes=[5, 90], cv=3, random_state=0)
    assert {"rna__r0", "rna__r1", "rna__r2"} <= set(found.features)


@pytest.mark.parametrize(
    "ranker", [LogisticRegression(), RandomForestClassifier(50)], ids=["coef", "forest"]
)
def test_ranker_may_be_any_estimator_that_ranks(ranker):
    found = minimal_panel(MODEL, X, Y, sizes=[3], ranker=ranker, random_state=0)
    again = minimal_panel(MODEL, X, Y, sizes=[3], ranker=ranker, random_state=0)
    assert set(found.features) == {"rna__r0", "rna__r1", "rna__r2"}
    np.testing.assert_array_equal(found.scores, again.scores)


@pytest.mark.processes
def test_seed_deals_the_folds_and_jobs_change_nothing():
    again = minimal_panel(MODEL, X, Y, random_state=0, n_jobs=2)
    np.testing.assert_array_equal(again.scores, PANEL.scores)
    other = minimal_panel(MODEL, X, Y, random_state=1)
    assert not np.array_equal(other.scores, PANEL.scores)


def test_scoring_and_folds_are_those_given():
    rows = []

    def count(y_true, y_pred):
        rows.append(len(y_true))
        return 0.5

    cv = StratifiedKFold(3)
    found = minimal_panel(MODEL, X, Y, sizes=[1, 2], cv=cv, scoring=make_scorer(count))
    assert rows == [30] * 6
    assert found.n_features == found.best_n_features == 1


def test_samples_of_a_group_are_never_on_both_sides(monkeypatch):
    groups, seen = pd.Series(np.arange(N) // 2, index=IDS), []
    split = StratifiedGroupKFold.split

    def spy(self, X, y, groups):
        for train, test in split(self, X, y, groups):
            seen.append(np.intersect1d(groups[train], groups[test]).size)
            yield train, test

    monkeypatch.setattr(StratifiedGroupKFold, "split", spy)
    panel = minimal_panel(MODEL, X, Y, cv=3, groups=groups, sizes=[1, 5])
    assert panel.scores.shape == (2, 3)
    assert seen == [0, 0, 0]


def test_folds_that_tear_groups_apart_are_refused():
    options = {"groups": np.arange(N) // 4, "sizes": [1]}
    torn = list(StratifiedKFold(3).split(X, Y))
    with pytest.raises(ValueError, match="cv has .* groups in the training and the"):
        minimal_panel(MODEL, X, Y, cv=torn, **options)
    panel = minimal_panel(MODEL, X, Y, cv=GroupKFold(3), **options)
    assert panel.scores.shape == (1, 3)


def test_groups_of_other_samples_are_refused():
    groups = pd.Series(np.arange(N) // 2, index=IDS)
    with pytest.raises(SampleAlignmentError, match="groups"):
        minimal_panel(MODEL, X, Y, groups=groups[::-1])
    with pytest.raises(ValueError, match="Give the group of each sample"):
        minimal_panel(MODEL, X, Y, groups=np.arange(N - 1))


@pytest.mark.parametrize("sizes", ["all", [], [0, 5], [2.5], 10, [[1, 2]]])
def test_sizes_that_are_no_numbers_of_features_are_refused(sizes):
    with pytest.raises(ValueError, match="It must be 'auto', or numbers of features"):
        minimal_panel(MODEL, X, Y, sizes=sizes)


def test_sizes_above_the_number_of_features_are_refused():
    with pytest.raises(ValueError, match="sizes=91, 200, but there are 90 features"):
        minimal_panel(MODEL, X, Y, sizes=[5, 91, 200])


def test_samples_in_other_orders_are_refused():
    mixed = {**TABLES, "protein": TABLES["protein"][::-1]}
    with pytest.raises(ValueError, match="samples in different orders"):
        minimal_panel(MODEL, mixed, Y)
    with pytest.raises(SampleAlignmentError, match="in another order"):
        minimal_panel(MODEL, X, Y[::-1])
    with pytest.raises(ValueError, match="y has 89 labels, but X has 90 samples"):
        minimal_panel(MODEL, X, Y.to_numpy()[:-1])
    with pytest.raises(ValueError, match="y has no label for 1 of 90 samples"):
        minimal_panel(MODEL, X, Y.where(np.arange(N) > 0))


@pytest.mark.parametrize(
    "scoring", [["accuracy", "f1_macro"], {"a": "accuracy"}, ("accuracy",)]
)
def test_several_scores_are_refused(scoring):
    with pytest.raises(ValueError, match="but a panel is chosen by one score"):
        minimal_panel(MODEL, X, Y, scoring=scoring)


def test_single_fold_has_no_standard_error():
    fold = np.arange(60), np.arange(60, 90)
    with pytest.raises(ValueError, match="Got 1 fold, but a standard error needs"):
        minimal_panel(MODEL, X, Y, cv=[fold])
