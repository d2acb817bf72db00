"""Block ridge as a classifier."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics.datasets import make_multiomics
from skomics.exceptions import MissingOmicsWarning
from skomics.io import load_folder
from skomics.testing import assert_probabilities
from tests.conftest import SIZES, make_tiny
from tests.memory import print_of

LOO = BlockRidgeClassifier(n_folds="loo")
EACH = pytest.mark.parametrize(
    "model", [BlockRidgeClassifier(), LOO], ids=["folds", "loo"]
)


def two_omics(n=90, signal="rna", n_features=40, seed=0):
    """Return two modalities of noise, of which one tells three classes apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = {name: rng.normal(size=(n, n_features)) for name in ("mirna", "rna")}
    X[signal][:, :3] += 1.5 * np.eye(3)[y]
    table = {name: pd.DataFrame(values) for name, values in X.items()}
    return pd.concat(table, axis=1).rename(columns=str), y


# --- the same model ------------------------------------------------------------


@EACH
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_samples_and_omics_changes_no_bit(model, seed):
    X, y = make_tiny(seed=seed)
    rng = np.random.default_rng(seed)
    rows, omics = rng.permutation(len(X)), rng.permutation(list(SIZES))
    columns = [c for o in omics for c in X.columns if c.startswith(f"{o}__")]
    expected = clone(model).fit(X, y)
    moved = clone(model).fit(X.iloc[rows][columns], y.iloc[rows])
    np.testing.assert_array_equal(
        moved.predict_proba(X[columns]), expected.predict_proba(X)
    )
    np.testing.assert_array_equal(
        moved.oof_decision_function_, expected.oof_decision_function_[rows]
    )
    by_omics = dict(zip(moved.omics_, moved.block_weights_, strict=True))
    assert by_omics == dict(zip(expected.omics_, expected.block_weights_, strict=True))


@EACH
def test_weight_of_two_is_exactly_two_copies(model, tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    weighted = clone(model).fit(X, y, sample_weight=weights)
    repeated = clone(model).fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    assert np.isnan(weighted.oof_decision_function_[weights == 0]).all()
    assert np.isfinite(weighted.oof_decision_function_[weights > 0]).all()


@EACH
def test_scaling_all_weights_changes_nothing(model, tiny):
    X, y = tiny
    w = np.linspace(1, 2, len(X))
    one, eight = (clone(model).fit(X, y, sample_weight=k * w) for k in (1, 8))
    np.testing.assert_array_equal(eight.predict_proba(X), one.predict_proba(X))


@EACH
@pytest.mark.parametrize("small", [2**24, 0])
def test_sparse_samples_give_the_same_model(small, model, tiny, monkeypatch):
    monkeypatch.setattr("skomics.estimators._ridge_blocks._SMALL", small)
    X, y = tiny
    X = X.where(X > 0, 0.0)
    model = clone(model).set_params(omics=dict(SIZES))
    dense = clone(model).fit(X.to_numpy(), y)
    csr = clone(model).fit(sparse.csr_array(X.to_numpy()), y)
    expected, actual = (
        dense.predict_proba(X.to_numpy()),
        csr.predict_proba(sparse.csr_array(X.to_numpy())),
    )
    assert csr.feature_scale_ == dense.feature_scale_
    np.testing.assert_allclose(actual, expected, atol=0 if small else 1e-4)


def test_sparse_samples_that_lack_a_modality_give_the_same_model(tiny, monkeypatch):
    monkeypatch.setattr("skomics.estimators._ridge_blocks._SMALL", 0)
    X, y = tiny
    X = X.where(X > 0, 0.0)
    X.iloc[::4, : SIZES["rna"]] = np.nan
    model = BlockRidgeClassifier(omics=dict(SIZES))
    dense = clone(model).fit(X.to_numpy(), y).predict_proba(X.to_numpy())
    csr = sparse.csr_array(X.to_numpy())
    np.testing.assert_allclose(
        clone(model).fit(csr, y).predict_proba(csr), dense, atol=1e-4
    )


@EACH
def test_pickled_model_predicts_the_same(model, tiny):
    X, y = tiny
    fitted = clone(model).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_refused_refit_leaves_the_former_model(tiny):
    X, y = tiny
    fitted = clone(LOO).fit(X, y)
    expected = fitted.predict_proba(X)
    with pytest.raises(ValueError, match="one class only"):
        fitted.fit(X, ["a"] * len(X))
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


# --- what it learns ------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_coefficients_are_those_of_the_original_features(n_classes):
    X, y = make_tiny(n_classes=n_classes)
    X = 3 + 2 * X
    fitted = BlockRidgeClassifier().fit(X, y)
    scores = X.to_numpy() @ fitted.coef_.T + fitted.intercept_
    expected = fitted.decision_function(X)
    np.testing.assert_allclose(scores.squeeze(), expected, rtol=1e-5, atol=1e-5)
    n_rows = 1 if n_classes == 2 else n_classes
    assert fitted.coef_.shape == (n_rows, X.shape[1])
    assert_probabilities(fitted, X)


@EACH
@pytest.mark.parametrize("signal", ["rna", "mirna"])
def test_omics_that_tells_the_classes_gets_the_weight(model, signal):
    X, y = two_omics(signal=signal)
    fitted = clone(model).fit(X, y)
    weights = dict(zip(fitted.omics_, fitted.block_weights_, strict=True))
    noise = ({"rna", "mirna"} - {signal}).pop()
    assert weights[signal] > 3 * weights[noise]
    assert np.mean(fitted.block_weights_) == pytest.approx(1)


def test_equal_weights_stay_equal():
    X, y = two_omics()
    fitted = BlockRidgeClassifier(block_weights="equal").fit(X, y)
    np.testing.assert_array_equal(fitted.block_weights_, 1.0)


def test_few_features_that_tell_the_classes_get_the_weight():
    X, y = two_omics(n=120, n_features=1500)
    cv = StratifiedKFold(4, shuffle=True, random_state=0)
    plain = cross_val_score(BlockRidgeClassifier(feature_scale=(0,)), X, y, cv=cv)
    scaled = cross_val_score(BlockRidgeClassifier(), X, y, cv=cv)
    assert scaled.mean() > plain.mean() + 0.1
    fitted = BlockRidgeClassifier().fit(X, y)
    assert fitted.feature_scale_["rna"] != 0
    is_rna = [c == "rna" for c, _ in X.columns]
    weights = fitted.feature_weights_[is_rna]
    assert weights.mean() == pytest.approx(1)
    assert set(np.argsort(weights)[-3:]) == {0, 1, 2}


def test_features_without_a_scale_are_left_alone():
    X, y = two_omics()
    fitted = BlockRidgeClassifier(feature_scale=(0,)).fit(X, y)
    assert set(fitted.feature_scale_.values()) == {0}
    np.testing.assert_array_equal(fitted.feature_weights_, 1.0)


@EACH
def test_logits_out_of_fold_are_no_better_than_those_of_new_samples(model):
    X, y = two_omics(n=240)
    fitted = clone(model).fit(X[:120], y[:120])
    oof = fitted.oof_decision_function_
    assert oof.shape == (120, 3)
    seen = (oof.argmax(1) == y[:120]).mean()
    new = fitted.score(X[120:], y[120:])
    assert abs(seen - new) < 0.12
    assert fitted.score(X[:120], y[:120]) > seen


def test_class_with_one_member_can_be_learned_from(tiny):
    X, y = tiny
    y = y.copy()
    y.iloc[0] = "rare"
    for model in (BlockRidgeClassifier(), LOO):
        fitted = clone(model).fit(X, y)
        assert "rare" in fitted.classes_
        assert np.isfinite(fitted.predict_proba(X)).all()


def test_class_weights_are_those_of_scikit_learn(tiny):
    X, y = tiny
    X, y = X.iloc[:-10], y.iloc[:-10]
    balanced = BlockRidgeClassifier().fit(X, y).predict_proba(X)
    by_hand = len(y) / (3 * y.value_counts())
    given = BlockRidgeClassifier(class_weight=dict(by_hand)).fit(X, y)
    assert np.abs(given.predict_proba(X) - balanced).max() < 0.05
    none = BlockRidgeClassifier(class_weight=None).fit(X, y).predict_proba(X)
    assert not np.allclose(none, balanced)


def test_observed_prior_gives_calibrated_probabilities():
    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.1).astype(int)
    X = rng.normal(size=(3000, 5)) + 1.2 * y[:, None] * [1, 0, 0, 0, 0]
    proba = {
        prior: BlockRidgeClassifier(prior=prior, omics=[5])
        .fit(X[:1000], y[:1000])
        .predict_proba(X[1000:])
        for prior in ("balanced", "observed")
    }
    losses = {prior: log_loss(y[1000:], p) for prior, p in proba.items()}
    assert losses["observed"] < 0.7 * losses["balanced"]
    assert proba["observed"][:, 1].mean() == pytest.approx(y[1000:].mean(), abs=0.02)
    assert proba["balanced"][:, 1].mean() > 0.25


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1e10, 1e20])
def test_unit_of_the_features_does_not_matter(scale, tiny):
    X, y = tiny
    expected = BlockRidgeClassifier().fit(X, y).predict_proba(X)
    actual = BlockRidgeClassifier().fit(X * scale, y).predict_proba(X * scale)
    # Inner folds are dealt by the bits of the samples.
    np.testing.assert_allclose(actual, expected, atol=0.1)


@pytest.mark.parametrize("weight", [0.0, 1e-40, 1e40])
def test_weights_of_any_size_can_be_learned_from(weight, tiny):
    X, y = tiny
    for model in (BlockRidgeClassifier(), LOO):
        fitted = clone(model).set_params(class_weight={"LumA": weight}).fit(X, y)
        assert np.isfinite(fitted.predict_proba(X)).all()
    weights = np.ones(len(X))
    weights[3] = max(weight, 1e-40)
    fitted = BlockRidgeClassifier().fit(X, y, sample_weight=weights)
    assert np.isfinite(fitted.predict_proba(X)).all()


@pytest.mark.parametrize("weight", [-1.0, np.inf, np.nan])
def test_class_weights_that_are_no_weights_are_refused(weight, tiny):
    X, y = tiny
    fitted = BlockRidgeClassifier().fit(X, y)
    expected = fitted.predict_proba(X)
    fitted.set_params(class_weight=dict.fromkeys(y.unique(), weight))
    with pytest.raises(ValueError, match="weights of class_weight range from"):
        fitted.fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


@pytest.mark.parametrize("error", [None, np.linalg.LinAlgError])
def test_values_without_finite_coefficients_are_refused(error, tiny, monkeypatch):
    X, y = tiny
    fitted = BlockRidgeClassifier().fit(X, y)
    expected = fitted.predict_proba(X)

    def fail(path, problem, **options):
        if error is not None:
            raise error
        path.coef = np.array([np.inf])

    monkeypatch.setattr("skomics.estimators._block_ridge.RidgePath.fit", fail)
    with pytest.raises(ValueError, match="no finite coefficients .* Standardize"):
        fitted.fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


# --- what samples lack ---------------------------------------------------------


def test_samples_may_lack_omics_in_training_and_prediction(tiny):
    X, y = tiny
    X = X.copy()
    X.iloc[::4, : SIZES["rna"]] = np.nan
    X.iloc[1::4, -SIZES["mirna"] :] = np.nan
    fitted = BlockRidgeClassifier().fit(X, y)
    assert fitted.score(X, y) > 0.8
    absent = X.copy()
    absent.iloc[:, : SIZES["rna"]] = np.nan
    absent = absent.iloc[2::4]
    with pytest.warns(MissingOmicsWarning, match="'rna', so that BlockRidge"):
        assert np.isfinite(fitted.predict_proba(absent)).all()
    one = fitted.predict_proba(X.iloc[[2]])
    np.testing.assert_allclose(fitted.predict_proba(X)[[2]], one, rtol=1e-9)


@pytest.mark.parametrize("scale", [(0, -1), ("best",), [np.nan], [None]])
def test_feature_scale_that_is_not_understood_is_an_error(scale, tiny):
    with pytest.raises(ValueError, match=r"feature_scale holds .* 'top' are wanted"):
        BlockRidgeClassifier(feature_scale=scale).fit(*tiny)


# --- inside scikit-learn, and honest -------------------------------------------


def test_it_can_be_searched(tiny):
    X, y = tiny
    grid = {"feature_scale": [(0,), (0, 1)], "block_weights": ["auto", "equal"]}
    search = GridSearchCV(BlockRidgeClassifier(), grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


def permuted_accuracy(n_permutations, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2000))
    model = BlockRidgeClassifier(omics=[1000, 1000])
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    accuracies = []
    for _ in range(n_permutations):
        y = rng.permutation(np.arange(60) % 3)
        train, test = next(folds.split(X, y))
        accuracies.append(clone(model).fit(X[train], y[train]).score(X[test], y[test]))
    return accuracies


@pytest.mark.parametrize(
    "n_permutations", [30, pytest.param(200, marks=pytest.mark.slow)]
)
def test_permuted_labels_are_predicted_at_chance(n_permutations):
    accuracies = permuted_accuracy(n_permutations)
    error = np.sqrt(1 / 3 * 2 / 3 / (20 * n_permutations))
    assert abs(np.mean(accuracies) - 1 / 3) < 3 * error


def test_logits_out_of_fold_of_noise_are_at_chance():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 1500))
    y = np.arange(240) % 4
    fitted = BlockRidgeClassifier(omics=[700, 800]).fit(X, y)
    accuracy = (fitted.oof_decision_function_.argmax(1) == y).mean()
    assert abs(accuracy - 0.25) < 3 * np.sqrt(0.25 * 0.75 / 240)


def test_wide_data_are_learned_from():
    X, y = make_multiomics(
        120, {"rna": 6000, "mirna": 500}, n_informative=50, random_state=0
    )
    model = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())
    assert cross_val_score(model, X, y, cv=3).mean() > 0.9


@pytest.mark.parametrize("name", ["tcga_sarc", "scgem"])
def test_real_subtypes_are_told_apart_as_well_as_by_logistic_regression(name, data_dir):
    X, y = load_folder(data_dir / name)
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    ours, theirs = (
        cross_val_score(
            make_pipeline(OmicsConcatenator(StandardScaler()), model),
            X,
            y,
            cv=cv,
            scoring="f1_macro",
        ).mean()
        for model in (
            BlockRidgeClassifier(),
            LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced"),
        )
    )
    assert ours > theirs - 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "most"), [("BlockRidgeClassifier", 0.4), ("SMAClassifier", 1.2)]
)
def test_fits_of_wide_data_add_little_to_their_memory(model, most):
    code = f"""
import numpy as np
from skomics import {model}
rng = np.random.default_rng(0)
y = np.arange(200) % 3
X = np.empty((200, 250_000), dtype=np.float32)
for row in X:
    row[:] = rng.normal(size=250_000)
X[:, :50] += y[:, None]
before = peak()
{model}(omics=[200_000, 50_000]).fit(X, y)
print(X.nbytes / 2**20, peak() - before)
"""
    size, added = print_of(code)
    assert size == pytest.approx(190.7, abs=0.1)
    # The data are there already: what is added, the model too, comes to them.
    assert added < most * size
