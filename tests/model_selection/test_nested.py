"""Promises of nested cross-validation."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics.exceptions import SampleAlignmentError
from skomics.inspection import model_card
from skomics.io import to_mudata
from skomics.metrics import score_intervals
from skomics.model_selection import (
    CappedStratifiedKFold,
    RepeatedStratifiedGroupKFold,
    nested_cross_validate,
    param_distributions,
)
from tests.conftest import SIZES, make_tiny

GRID = {"var_smoothing": [1e-9, 1e-1]}
PATIENTS = np.repeat(np.arange(16), 3)
SCALED = make_pipeline(
    OmicsConcatenator(StandardScaler()), LogisticRegression(max_iter=500)
)
SMALL = {"inner_cv": 2, "outer_cv": 3, "random_state": 0}


@pytest.fixture
def hard():
    """Three subtypes that overlap."""
    return make_tiny(n_samples=60, shift=0.4)


def test_scores_are_those_of_cross_validate_around_the_search(hard):
    X, y = hard
    outer = StratifiedKFold(4, shuffle=True, random_state=1)
    inner = StratifiedKFold(3, shuffle=True, random_state=2)
    result = nested_cross_validate(
        GaussianNB(),
        X,
        y,
        param_grid=GRID,
        inner_cv=inner,
        outer_cv=outer,
        scoring="f1_macro",
        return_estimator=True,
    )
    search = GridSearchCV(GaussianNB(), GRID, cv=inner, scoring="f1_macro")
    expected = cross_validate(search, X, y, cv=outer, scoring="f1_macro")
    np.testing.assert_allclose(result.scores["score"], expected["test_score"])
    best = [search.best_score_ for search in result.estimators]
    np.testing.assert_allclose(result.inner_scores["score"], best)
    assert len(result.estimators) == 4


def test_table_and_optimism_have_the_corrected_interval(hard):
    result = nested_cross_validate(GaussianNB(), *hard, param_grid=GRID, **SMALL)
    expected = score_intervals(result.scores["score"], test_fraction=1 / 3)
    pd.testing.assert_frame_equal(result.table, expected)
    difference = result.inner_scores["score"] - result.scores["score"]
    assert result.optimism.loc["score", "mean"] == pytest.approx(difference.mean())
    assert result.optimism.loc["score", "low"] < difference.mean()
    pd.testing.assert_frame_equal(score_intervals(result.cv_results), result.table)


def test_level_is_that_of_the_intervals(hard):
    wide, narrow = (
        nested_cross_validate(GaussianNB(), *hard, param_grid=GRID, level=p, **SMALL)
        for p in (0.99, 0.5)
    )
    for name in ("table", "optimism"):
        assert wide[name]["low"].item() < narrow[name]["low"].item()


def test_the_inner_score_is_too_good_on_noise_and_the_outer_is_not():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), np.arange(60) % 2
    trees = DecisionTreeClassifier(max_depth=3, splitter="random")
    grid = {"random_state": list(range(40))}
    result = nested_cross_validate(
        trees, X, y, param_grid=grid, inner_cv=3, outer_cv=5, random_state=0
    )
    assert result.inner_scores["score"].mean() > 0.55
    assert abs(result.scores["score"].mean() - 0.5) < 0.1
    assert result.optimism.loc["score", "mean"] > 0.03


class Spy(GaussianNB):
    """Keeps the samples that it was fitted to."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(frozenset(np.asarray(X)[:, -1].astype(int)))
        return super().fit(X, y, sample_weight)


def test_no_search_sees_a_test_sample_of_its_fold(hard):
    X, y = hard
    X = np.column_stack([X, np.arange(60)])
    Spy.seen.clear()
    result = nested_cross_validate(Spy(), X, y, param_grid=GRID, **SMALL)
    n_fits = 2 * 2 + 1
    for i, test in enumerate(result.cv_results["indices"]["test"]):
        own = Spy.seen[i * n_fits : (i + 1) * n_fits]
        assert len(own) == n_fits
        assert not any(seen & set(test.tolist()) for seen in own)


def test_predictions_are_those_of_the_outer_folds_by_sample_id(hard):
    X, y = hard
    result = nested_cross_validate(GaussianNB(), X, y, param_grid=GRID, **SMALL)
    found = result.predictions
    assert list(found.columns) == ["fold", "true", "predicted", *sorted(set(y))]
    assert sorted(found.index) == sorted(X.index)
    assert (found["true"] == y[found.index]).all()
    proba = found[sorted(set(y))]
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (proba.idxmax(axis=1) == found["predicted"]).all()
    for fold, rows in found.groupby("fold"):
        right = (rows["true"] == rows["predicted"]).mean()
        assert right == pytest.approx(result.scores.loc[fold, "score"])


def test_an_estimator_without_probabilities_has_no_columns_of_them(hard):
    result = nested_cross_validate(LinearSVC(), *hard, **SMALL)
    assert list(result.predictions.columns) == ["fold", "true", "predicted"]


def test_without_a_grid_the_small_one_is_searched(hard):
    result = nested_cross_validate(SCALED, *hard, **SMALL)
    assert set(result.best_params.columns) == set(param_distributions(SCALED))


def test_candidates_are_drawn_from_distributions_by_the_seed(hard):
    space = param_distributions(SCALED, "large")
    settings = {"param_distributions": space, "n_iter": 2, "return_estimator": True}
    first, again = (
        nested_cross_validate(SCALED, *hard, **settings, **SMALL) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.best_params, again.best_params)
    pd.testing.assert_frame_equal(first.scores, again.scores)
    assert len(first.estimators[0].cv_results_["params"]) == 2
    other = nested_cross_validate(
        SCALED, *hard, **settings, **(SMALL | {"random_state": 1})
    )
    drawn = [result.estimators[0].cv_results_["params"] for result in (first, other)]
    assert drawn[0] != drawn[1]


@pytest.mark.processes
def test_number_of_jobs_changes_nothing(hard):
    settings = {"param_grid": GRID, **SMALL}
    one, two = (
        nested_cross_validate(GaussianNB(), *hard, n_jobs=n, **settings) for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one.scores, two.scores)
    pd.testing.assert_frame_equal(one.predictions, two.predictions)


def test_several_scores_have_a_row_each_and_one_chooses(hard):
    X, y = hard
    scoring = ["neg_log_loss", "f1_macro"]
    result = nested_cross_validate(
        SCALED, X, y, scoring=scoring, return_estimator=True, **SMALL
    )
    for name in ("table", "optimism"):
        assert list(result[name].index) == scoring
    assert [search.refit for search in result.estimators] == ["neg_log_loss"] * 3
    first = result.predictions[result.predictions["fold"] == 0]
    expected = f1_score(first["true"], first["predicted"], average="macro")
    assert result.scores.loc[0, "f1_macro"] == pytest.approx(expected)
    named = nested_cross_validate(
        *(SCALED, X, y),
        scoring=scoring,
        refit="f1_macro",
        return_estimator=True,
        **SMALL,
    )
    assert named.estimators[0].refit == "f1_macro"


def in_form(form):
    """Return the tiny samples in another form."""
    X, _ = make_tiny()
    tables = {
        name: X.filter(regex=f"^{name}__").rename(columns=lambda c: c.split("__")[1])
        for name in SIZES
    }
    if form == "dict":
        return tables
    if form == "list":
        return list(tables.values())
    if form == "arrays":
        return {name: table.to_numpy() for name, table in tables.items()}
    if form == "sparse":
        return {name: sparse.csr_array(table) for name, table in tables.items()}
    if form == "AnnData":
        return pytest.importorskip("anndata").AnnData(X)
    if form == "MuData":
        pytest.importorskip("mudata")
        return to_mudata(tables)
    return pd.concat(tables, axis=1)


RIDGE = make_pipeline(OmicsConcatenator(), BlockRidgeClassifier())
TWO = {"param_grid": {"blockridgeclassifier__n_folds": [3, "loo"]}, **SMALL}


@pytest.fixture(scope="module")
def flat():
    """The result for a table with flat names."""
    return nested_cross_validate(RIDGE, *make_tiny(), **TWO)


@pytest.mark.parametrize(
    "form", ["two levels", "dict", "list", "arrays", "sparse", "AnnData", "MuData"]
)
def test_every_form_of_input_gives_the_same(tiny, flat, form):
    X, y = tiny
    has_ids = form not in ("arrays", "sparse")
    found = nested_cross_validate(
        RIDGE, in_form(form), y if has_ids else y.to_numpy(), **TWO
    )
    pd.testing.assert_frame_equal(found.scores, flat.scores)
    names = flat.predictions.index
    names = names if has_ids else X.index.get_indexer(names)
    assert list(found.predictions.index) == list(names)


def test_groups_are_kept_together_in_outer_and_inner_folds():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(16) % 2, 3)
    X = rng.normal(size=(48, 3)) + y[:, None]
    result = nested_cross_validate(
        GaussianNB(),
        X,
        y,
        groups=PATIENTS,
        param_grid=GRID,
        return_estimator=True,
        **SMALL,
    )
    indices = result.cv_results["indices"]
    for search, train, test in zip(
        result.estimators, indices["train"], indices["test"], strict=True
    ):
        assert not set(PATIENTS[train]) & set(PATIENTS[test])
        own = PATIENTS[train]
        for a, b in search.cv:
            assert not set(own[a]) & set(own[b])


def test_given_searches_get_the_groups_of_their_training_part():
    y = np.repeat(np.arange(16) % 2, 3)
    X = np.random.default_rng(0).normal(size=(48, 3)) + y[:, None]
    search = GridSearchCV(GaussianNB(), GRID, cv=StratifiedGroupKFold(2))
    result = nested_cross_validate(search, X, y, groups=PATIENTS, outer_cv=3)
    assert len(result.scores) == 3
    search.set_params(cv=StratifiedKFold(2))
    with (
        pytest.warns(UserWarning, match="groups parameter is ignored"),
        pytest.raises(ValueError, match="The cv of GridSearchCV has .* groups in the"),
    ):
        nested_cross_validate(search, X, y, groups=PATIENTS, outer_cv=3)


def test_a_splitter_that_parts_groups_is_refused():
    y = np.repeat(np.arange(16) % 2, 3)
    X = np.zeros((48, 2))
    message = "outer_cv has .* groups in the training and the test part .* Use a"
    with (
        pytest.warns(UserWarning, match="groups parameter is ignored"),
        pytest.raises(ValueError, match=message),
    ):
        nested_cross_validate(
            GaussianNB(),
            X,
            y,
            groups=PATIENTS,
            param_grid=GRID,
            outer_cv=KFold(2, shuffle=True, random_state=0),
        )


def test_repeated_folds_of_groups_are_outer_folds():
    y = np.repeat(np.arange(16) % 2, 3)
    X = np.random.default_rng(0).normal(size=(48, 3)) + y[:, None]
    outer = RepeatedStratifiedGroupKFold(3, n_repeats=2, random_state=0)
    result = nested_cross_validate(
        *(GaussianNB(), X, y), groups=PATIENTS, param_grid=GRID, outer_cv=outer
    )
    assert len(result.scores) == 6
    assert result.predictions.index.value_counts().eq(2).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: GridSearchCV(SCALED, param_distributions(SCALED), cv=2),
        lambda: RandomizedSearchCV(
            SCALED, param_distributions(SCALED, "large"), n_iter=2, cv=2, random_state=0
        ),
        lambda: HalvingGridSearchCV(
            *(SCALED, param_distributions(SCALED)),
            cv=CappedStratifiedKFold(2),
            resource="logisticregression__max_iter",
            min_resources=100,
            max_resources=300,
            random_state=0,
        ),
    ],
    ids=["grid", "random", "halving"],
)
def test_a_search_is_taken_as_it_is(hard, make):
    search = make()
    result = nested_cross_validate(search, *hard, outer_cv=3, return_estimator=True)
    assert [type(s) for s in result.estimators] == [type(search)] * 3
    assert not hasattr(search, "best_params_")
    best = [s.best_score_ for s in result.estimators]
    np.testing.assert_allclose(result.inner_scores["score"], best)
    assert result.best_params.shape[1] >= 1


def test_an_estimator_that_has_refit_is_no_search(tiny):
    X, y = tiny
    y = y == "LumA"
    model = TunedThresholdClassifierCV(LogisticRegression(), cv=2, thresholds=5)
    grid = {"estimator__C": [0.1, 1.0]}
    result = nested_cross_validate(model, X, y, param_grid=grid, **SMALL)
    assert list(result.best_params.columns) == list(grid)


def test_sample_weights_are_cut_as_the_samples_are(hard):
    X, y = hard
    weights = np.arange(60) + 1.0

    class Weighed(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            rows = [int(i) for i in np.asarray(X)[:, -1]]
            assert list(sample_weight) == list(weights[rows])
            return super().fit(X, y, sample_weight)

    X = np.column_stack([X, np.arange(60)])
    nested_cross_validate(
        *(Weighed(), X, y), param_grid=GRID, params={"sample_weight": weights}, **SMALL
    )


def test_metadata_routing_of_scikit_learn_may_be_enabled():
    y = np.repeat(np.arange(16) % 2, 3)
    X = np.random.default_rng(0).normal(size=(48, 3)) + y[:, None]
    settings = {"groups": PATIENTS, "param_grid": GRID, **SMALL}
    expected = nested_cross_validate(GaussianNB(), X, y, **settings)
    with sklearn.config_context(enable_metadata_routing=True):
        found = nested_cross_validate(GaussianNB(), X, y, **settings)
    pd.testing.assert_frame_equal(found.scores, expected.scores)


def test_a_model_card_takes_the_result(hard):
    X, y = hard
    result = nested_cross_validate(
        SCALED, X, y, scoring=["f1_macro"], return_estimator=True, **SMALL
    )
    card = model_card(SCALED.fit(X, y), result.cv_results, X=X, y=y)
    assert f"{result.table.loc['f1_macro', 'mean']:.3f}" in card.to_markdown()


def test_folds_are_fewer_where_a_class_is_rare_and_it_is_said(hard):
    X, y = hard
    y = y.mask(np.arange(60) > 56, "Her2")  # three
    with pytest.warns(UserWarning, match="makes . folds instead of .* 'Her2' has"):
        result = nested_cross_validate(GaussianNB(), X, y, param_grid=GRID)
    assert len(result.scores) == 3


def test_a_class_too_rare_for_nested_folds_is_refused(hard):
    X, y = hard
    y = y.mask(np.arange(60) > 57, "Her2")  # two
    with pytest.raises(ValueError, match="Class 'Her2' has 1 sample in the training"):
        nested_cross_validate(GaussianNB(), X, y, param_grid=GRID, outer_cv=2)


def test_a_class_in_few_groups_reduces_the_folds():
    y = np.where(PATIENTS < 3, "rare", "common")
    X = np.random.default_rng(0).normal(size=(48, 3))
    with pytest.warns(UserWarning, match="outer_cv makes 3 folds .* has 3 groups"):
        nested_cross_validate(
            GaussianNB(), X, y, groups=PATIENTS, param_grid=GRID, inner_cv=2
        )


def test_a_class_that_a_training_part_lacks_has_no_probability(hard):
    X, y = hard
    y = y.mask(np.arange(60) > 58, "Her2")
    outer = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    inner = KFold(2)
    result = nested_cross_validate(
        *(GaussianNB(), X, y), param_grid=GRID, outer_cv=outer, inner_cv=inner
    )
    first = result.predictions["fold"] == 0
    assert (result.predictions.loc[first, "Her2"] == 0).all()


@pytest.mark.parametrize("grid", [{}, [], [{}]])
def test_a_grid_without_parameters_is_refused(hard, grid):
    with pytest.raises(ValueError, match="to search, which has no parameters. Give a"):
        nested_cross_validate(GaussianNB(), *hard, param_grid=grid)


def test_an_estimator_without_a_known_grid_is_refused(hard):
    with pytest.raises(ValueError, match="Got DummyClassifier, of which nothing is"):
        nested_cross_validate(DummyClassifier(), *hard)


def test_a_grid_and_distributions_are_refused(hard):
    with pytest.raises(ValueError, match="Got both param_grid and param_dist"):
        nested_cross_validate(
            GaussianNB(), *hard, param_grid=GRID, param_distributions=GRID
        )


def test_a_grid_beside_a_search_is_refused(hard):
    search = GridSearchCV(GaussianNB(), GRID)
    with pytest.raises(ValueError, match="'param_grid', 'scoring' beside a Grid"):
        nested_cross_validate(search, *hard, param_grid=GRID, scoring="accuracy")


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [
        (GridSearchCV(GaussianNB(), GRID, refit=False), {}),
        (GaussianNB(), {"refit": False, "param_grid": GRID}),
    ],
)
def test_a_search_that_does_not_refit_is_refused(hard, estimator, settings):
    with pytest.raises(ValueError, match="Got refit=False, .* Set refit=True"):
        nested_cross_validate(estimator, *hard, **settings)


def test_a_level_that_is_none_is_refused(hard):
    with pytest.raises(ValueError, match="Got level=95"):
        nested_cross_validate(GaussianNB(), *hard, level=95)


def test_labels_of_other_samples_are_refused(hard):
    X, y = hard
    with pytest.raises(SampleAlignmentError):
        nested_cross_validate(GaussianNB(), X, y[::-1], param_grid=GRID)


def test_groups_of_other_samples_or_missing_are_refused(hard):
    X, y = hard
    patients = pd.Series(np.arange(60) // 2, index=X.index[::-1])
    with pytest.raises(SampleAlignmentError):
        nested_cross_validate(GaussianNB(), X, y, groups=patients, param_grid=GRID)
    with pytest.raises(ValueError, match=r"groups of shape \(60,\) with 1 missing"):
        nested_cross_validate(
            *(GaussianNB(), X, y), groups=[None, *range(59)], param_grid=GRID
        )


def test_a_candidate_that_cannot_be_fitted_is_an_error_at_once(hard):
    grid = {"min_samples_split": [0]}
    with pytest.raises(ValueError, match="min_samples_split"):
        nested_cross_validate(RandomForestClassifier(), *hard, param_grid=grid)


@pytest.mark.parametrize("scoring", [[], (), {}])
def test_no_score_at_all_is_refused(scoring):
    with pytest.raises(ValueError, match="which names no score. Name one at least"):
        nested_cross_validate(
            GaussianNB(), [[1]], [0], param_grid=GRID, scoring=scoring
        )


@pytest.mark.parametrize("name", ["fold", "true", "predicted"])
def test_classes_called_as_columns_of_the_predictions_are_refused(name):
    X, y = make_tiny()
    y = np.where(np.asarray(y) == np.asarray(y)[0], name, "other")
    with pytest.raises(ValueError, match=f"Got classes '{name}', but predictions"):
        nested_cross_validate(GaussianNB(), X, y, param_grid=GRID, **SMALL)


def test_weights_in_another_order_than_the_samples_are_refused():
    X, y = make_tiny()
    weights = pd.Series(np.ones(len(X)), index=X.index)[::-1]
    with pytest.raises(SampleAlignmentError, match="sample_weight has the .* another"):
        nested_cross_validate(
            GaussianNB(),
            X,
            y,
            param_grid=GRID,
            params={"sample_weight": weights},
            **SMALL,
        )


def test_tables_without_a_concatenator_are_called_what_they_were_given_as():
    X, y = make_tiny()
    tables = {"one": X.iloc[:, :4], "two": X.iloc[:, 4:]}
    with pytest.raises(TypeError, match="Got a dict of 2 tables. A classifier needs"):
        nested_cross_validate(
            BlockRidgeClassifier(), tables, y, param_grid={"n_folds": [3]}, **SMALL
        )
