"""What estimators make of features, whatever they call it."""

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics.feature_selection._ranking import rank_features, take_top

RNG = np.random.default_rng(0)
Y = np.repeat(["a", "b", "c"], 20)
X = RNG.normal(size=(60, 8)) + np.outer(np.repeat([0, 1, 2], 20), np.arange(8) == 3) * 2


def test_default_is_the_analysis_of_variance():
    shifted = X + 1e6  # no digits are lost
    np.testing.assert_allclose(rank_features(None, X, Y), f_classif(X, Y)[0])
    np.testing.assert_allclose(
        rank_features(None, shifted, Y), f_classif(X, Y)[0], rtol=1e-6
    )
    found = rank_features(None, sparse.csr_array(X), Y)
    np.testing.assert_allclose(found, f_classif(X, Y)[0])


def test_constant_feature_gets_nothing_and_a_perfect_one_comes_first():
    constant = np.full(60, 0.1)
    perfect = np.repeat([0.0, 1.0, 2.0], 20)
    found = rank_features(None, np.column_stack([X, constant, perfect]), Y)
    assert found[8] == 0
    assert found.argmax() == 9


def test_missing_values_are_left_out_feature_by_feature():
    gaps = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
    gaps[:20, 7] = np.nan  # a class without any
    found = rank_features(None, gaps, Y)
    for j in range(8):
        groups = [gaps[(Y == c) & ~np.isnan(gaps[:, j]), j] for c in "abc"]
        p_value = stats.f_oneway(*filter(len, groups)).pvalue
        assert found[j] == pytest.approx(-np.log(p_value))


RANKERS = {
    "coefficients": LogisticRegression(),
    "lasso": LogisticRegression(solver="saga", l1_ratio=1.0, C=0.5, max_iter=5000),
    "forest": RandomForestClassifier(20),
    "scores": SelectKBest(k=2),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "pipeline of scores": make_pipeline(StandardScaler(), SelectKBest(k="all")),
}


@pytest.mark.parametrize("ranker", RANKERS.values(), ids=RANKERS)
def test_estimators_that_rank_features_find_the_planted_one(ranker):
    found = rank_features(ranker, X, Y, seed=0)
    assert found.shape == (8,)
    assert found.min() >= 0
    assert found.argmax() == 3
    np.testing.assert_array_equal(found, rank_features(ranker, X, Y, seed=0))


@pytest.mark.parametrize(
    "getter",
    ["named_steps.logisticregression.coef_", lambda fitted: fitted[-1].coef_[1]],
)
def test_getter_says_where_importances_are(getter):
    found = rank_features(RANKERS["pipeline"], X, Y, getter)
    assert found.shape == (8,)


def test_estimator_that_ranks_nothing_is_refused():
    with pytest.raises(ValueError, match="KNeighborsClassifier does not rank features"):
        rank_features(KNeighborsClassifier(), X, Y)


def test_importances_of_other_features_are_refused():
    model = make_pipeline(PCA(2), LogisticRegression())
    with pytest.raises(ValueError, match=r"of shape \(2,\), but 8 features need one"):
        rank_features(model, X, Y)


def test_top_has_no_feature_of_which_nothing_is_made():
    importances = np.array([0, 3, 0, 1, 2])
    assert take_top(importances, 2).tolist() == [1, 4]
    assert take_top(importances, 5).tolist() == [1, 4, 3]


def test_equals_are_chosen_by_chance_and_not_by_their_place():
    chosen = [
        take_top(np.ones(10), 1, np.random.default_rng(seed))[0] for seed in range(50)
    ]
    assert len(set(chosen)) > 5
