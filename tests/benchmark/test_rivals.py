"""Promises of the rivals."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.class_weight import compute_sample_weight

from skomics.benchmark import Task
from skomics.benchmark._models import MODEL_GROUPS, MODELS
from skomics.benchmark._rivals import (
    BlockForestClassifier,
    HeldOutXRFM,
    MultiKernelRidgeClassifier,
    NonNegativeStack,
    ShrinkageLDA,
    SparseMultinomialClassifier,
    f_scores,
)

RIVALS = MODEL_GROUPS["rivals"]
every_rival = pytest.mark.parametrize("name", RIVALS)
SIZES = {"rna": 8, "noise": 8}
SMALL = ["lightgbm-small", "histgb-small"]


def fit_rival(name, X, y, rows=slice(None), seed=0):
    pipeline = MODELS[name].build(Task("t", X, y), seed)
    return pipeline.fit(X[rows], y[rows])


def answer(pipeline, X):
    """Return probabilities, or scores of a rival that has none."""
    has_proba = hasattr(pipeline, "predict_proba")
    return (pipeline.predict_proba if has_proba else pipeline.decision_function)(X)


def make_uneven(counts=(40, 14, 6), seed=0, shift=2.0):
    """Return two modalities, of which one tells classes of different sizes apart."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(counts)), counts)
    X = rng.normal(size=(len(codes), 16))
    # The same for all seeds.
    centers = np.random.default_rng(99).normal(size=(len(counts), 8))
    X[:, :8] += shift * centers[codes]
    return X, np.array(["LumA", "LumB", "Basal"])[codes]


def sizes_of(name):
    return {"sizes": SIZES} if MODELS[name].takes_sizes else {}


@every_rival
def test_rival_names_the_classes_it_was_given_and_is_sure_by_no_more_than_one(
    tiny, name
):
    X, y = tiny
    pipeline = fit_rival(name, X, y)
    assert pipeline.classes_.tolist() == ["Basal", "LumA", "LumB"]
    assert pipeline.score(X, y) > 0.9
    if name != "mkl-ridge":
        proba = pipeline.predict_proba(X)
        assert proba.min() >= 0
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert (pipeline.classes_[proba.argmax(axis=1)] == pipeline.predict(X)).all()


@every_rival
def test_rival_answers_the_same_with_the_same_seed(name):
    X, y = make_uneven(shift=0.5)
    make = MODELS[name].make
    first, second = (
        answer(make(3, **sizes_of(name)).fit(X, y), X) for _ in ("once", "again")
    )
    np.testing.assert_array_equal(first, second)


@every_rival
def test_rival_learns_nothing_from_samples_that_it_is_tested_on(tiny, name):
    """Neither from their values nor from their classes, nor from those beside them."""
    X, y = tiny
    train = np.arange(48) % 4 > 0
    poisoned, wrong = X.copy(), y.copy()
    poisoned[~train], wrong[~train] = 1e6, "LumA"
    clean = fit_rival(name, X, y, train)
    dirty = fit_rival(name, poisoned, wrong, train)
    expected = answer(clean, X[~train])
    np.testing.assert_allclose(answer(dirty, X[~train]), expected, atol=1e-9)
    alone = answer(clean, X[~train][:1])
    np.testing.assert_allclose(alone, expected[:1], atol=1e-9)


@every_rival
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_ has:UserWarning")
def test_rival_learns_classes_of_one_and_two_samples(tiny, name):
    X, y = tiny
    y = y.copy()
    y.iloc[[0, 1, 2]] = ["single", "pair", "pair"]
    pipeline = MODELS[name].build(Task("t", *tiny), 0).fit(X, y)
    assert set(pipeline.classes_) == {"Basal", "LumA", "LumB", "single", "pair"}
    assert np.isfinite(answer(pipeline, X)).all()


@every_rival
def test_rival_finds_a_class_of_few_samples(name):
    """Weights of classes outweigh that another class has ten times as many samples."""
    X, y = make_uneven((60, 6), shift=0.8)
    new, truth = make_uneven((200, 200), seed=1, shift=0.8)
    clf = MODELS[name].make(0, **sizes_of(name)).fit(X, y)
    found = (clf.predict(new)[truth == "LumB"] == "LumB").mean()
    # Weights change less in leaves of few samples.
    assert found > (0.5 if name in ("kbest-trees", *SMALL) else 0.8)


def test_kernel_ridge_is_ridge_on_blocks_of_the_weights_it_chose():
    pytest.importorskip("himalaya", reason="a package of the extra rivals")
    X, y = make_uneven()
    model = MultiKernelRidgeClassifier(SIZES, random_state=0).fit(X, y)
    weights = compute_sample_weight("balanced", y) / len(y)
    centered = X - weights @ X
    blocks = [centered[:, :8], centered[:, 8:]]
    scaled = [
        block * np.sqrt(weight / (np.square(block).sum() / len(X)))
        for block, weight in zip(blocks, model.weights_, strict=True)
    ]
    penalty = model._ridge.best_alphas_[0]
    ridge = Ridge(alpha=penalty).fit(
        np.hstack(scaled), y[:, None] == model.classes_, weights
    )
    scores = ridge.predict(np.hstack(scaled)) - 1 / 3
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-8)


def test_kernel_ridge_weighs_the_omics_that_tells_classes_apart():
    pytest.importorskip("himalaya", reason="a package of the extra rivals")
    X, y = make_uneven()
    model = MultiKernelRidgeClassifier(SIZES, random_state=0).fit(X, y)
    assert model.weights_[0] > 0.8
    np.testing.assert_allclose(model.weights_.sum(), 1)
    pair = y != "Basal"
    model.fit(X[pair], y[pair])
    is_second = model.decision_function(X[pair]) > 0
    assert (model.classes_[is_second.astype(int)] == model.predict(X[pair])).all()


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("mkl-ridge", "himalaya", "rivals"), ("lightgbm-small", "lightgbm", "bench")],
)
def test_rival_that_is_not_installed_names_the_extra(name, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"pip install 'skomics\[{extra}\]'"):
        MODELS[name].make(0, **sizes_of(name))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_elastic_net_is_that_of_scikit_learn(form):
    X, y = make_uneven()
    ours = SparseMultinomialClassifier(
        l1_ratios=(0.5,), tol=1e-8, max_iter=20000, random_state=0
    ).fit(form(X), y)
    theirs = LogisticRegression(
        solver="saga",
        l1_ratio=0.5,
        C=1 / (len(y) * ours.strength_),
        class_weight="balanced",
        max_iter=50000,
        tol=1e-9,
        random_state=0,
    ).fit(X, y)
    assert np.abs(ours.coef_).max() > 0.1
    assert (ours.coef_ == 0).any()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5
    )


def test_group_lasso_uses_a_feature_for_all_classes_or_none_and_is_optimal():
    X, y = make_uneven()
    model = SparseMultinomialClassifier(
        is_grouped=True, l1_ratios=(0.7,), tol=1e-8, max_iter=20000, random_state=0
    ).fit(X, y)
    coef = model.coef_.T
    is_used = coef.any(axis=1)
    assert is_used.any()
    assert not is_used.all()
    assert (coef[is_used] != 0).all()
    weights = compute_sample_weight("balanced", y) / len(y)
    missed = model.predict_proba(X) - (y[:, None] == model.classes_)
    l1, l2 = 0.7 * model.strength_, 0.3 * model.strength_
    slope = X.T @ (weights[:, None] * missed) + l2 * coef
    norms = np.linalg.norm(coef[is_used], axis=1, keepdims=True)
    np.testing.assert_allclose(slope[is_used], -l1 * coef[is_used] / norms, atol=1e-6)
    assert np.linalg.norm(slope[~is_used], axis=1).max() <= l1 + 1e-6


def test_sparse_regression_of_noise_uses_no_feature():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 30)), np.repeat(["a", "b"], 30)
    model = SparseMultinomialClassifier(l1_ratios=(1.0,), random_state=0).fit(X, y)
    assert (model.coef_ != 0).sum() <= 6


def test_shrunken_analysis_takes_classes_of_any_size_for_equally_likely():
    X, y = make_uneven((50, 5), shift=1.0)
    model = ShrinkageLDA().fit(X, y)
    middle = sum(X[y == c].mean(axis=0) for c in ("LumA", "LumB")) / 2
    np.testing.assert_allclose(model.predict_proba(middle[None]), [[0.5, 0.5]])


def test_shrunken_analysis_scales_by_the_spread_within_classes():
    """By that around the means of the classes, not around the mean of all."""
    rng = np.random.default_rng(0)
    codes = np.arange(4000) % 2
    X = rng.normal(size=(4000, 2)) * [2, 0.5] + codes[:, None]
    model = ShrinkageLDA().fit(X, codes)
    np.testing.assert_allclose(model.coef_[1] - model.coef_[0], [0.25, 4], rtol=0.1)


def test_scores_of_features_are_f_statistics_and_none_where_nothing_varies():
    X, y = make_uneven()
    expected = f_classif(X, y)[0]
    np.testing.assert_allclose(f_scores(X, y), expected)
    np.testing.assert_allclose(f_scores(sparse.csr_array(X), y), expected)
    X[:, 3], X[:, 4] = 0, 0.1
    assert f_scores(X, y)[3:5].tolist() == [0, 0]


@pytest.mark.parametrize("name", ["kbest-logreg", "kbest-trees"])
def test_number_of_features_kept_is_tuned_among_those_that_there_are(name):
    sizes = {"rna": 60, "mirna": 10}
    grid = MODELS[name].make(0, sizes).param_grid
    assert grid["selectkbest__k"] == [50, "all"]
    assert MODELS[name].make(0, SIZES).param_grid["selectkbest__k"] == ["all"]


def test_block_forest_weighs_the_omics_that_tells_classes_apart():
    X, y = make_uneven(shift=1.0)
    model = BlockForestClassifier(SIZES, n_estimators=50, random_state=0).fit(X, y)
    assert [f.n_features_in_ for f in model.forests_] == [8, 8, 16]
    assert model.weights_[1] < 0.1
    np.testing.assert_allclose(model.weights_.sum(), 1)


def test_stack_has_no_negative_weight_and_keeps_what_has_some():
    X, y = make_uneven()
    model = NonNegativeStack(SIZES, random_state=0).fit(X, y)
    assert model.weights_.shape == (2, 4)
    assert model.weights_.min() >= 0
    np.testing.assert_allclose(model.weights_.sum(), 1)
    assert model.weights_[0].sum() > 0.8
    assert len(model._experts) == np.count_nonzero(model.weights_)


@pytest.mark.parametrize("name", SMALL)
def test_boosting_for_few_samples_tells_classes_of_five_apart(name):
    X, y = make_uneven((5, 5, 5), shift=3.0)
    clf = MODELS[name].make(0, **sizes_of(name)).fit(X, y)
    assert clf.score(X, y) > 0.9
    plain = MODELS[name.removesuffix("-small")].make(0).fit(X, y)
    assert plain.score(X, y) < 0.5


class Remembering(BaseEstimator):
    """Stands for xRFM."""

    def __init__(self, **params):
        self.params = params

    def fit(self, X, y, X_val, y_val):
        Remembering.seen = X, y, X_val, y_val

    def predict_proba(self, X):
        return np.full((len(X), 3), 1 / 3)


def test_xrfm_is_tuned_on_samples_of_the_training_part_that_it_does_not_learn(
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "xrfm", SimpleNamespace(xRFM=Remembering))
    X, y = make_uneven()
    model = HeldOutXRFM(random_state=5).fit(X, y)
    learned, codes, held, held_codes = Remembering.seen
    assert len(held) == 12
    together = np.vstack([learned, held]), np.r_[codes, held_codes]
    order, back = (np.lexsort(rows.T) for rows in (X.astype(np.float32), together[0]))
    np.testing.assert_array_equal(together[0][back], X.astype(np.float32)[order])
    assert (model.classes_[together[1][back]] == y[order]).all()
    params = model._model.params
    assert (params["random_state"], params["n_threads"]) == (5, 1)


def test_xrfm_fits_strings_and_gives_probabilities():
    pytest.importorskip("xrfm", reason="a package of no extra")
    X, y = make_uneven()
    model = HeldOutXRFM(random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-5)
    assert model.score(X, y) > 0.8
