"""Ridge from sums over one pass is ridge from Gram matrices of samples."""

import numpy as np
import pytest
from scipy import sparse

from skomics import BlockRidgeClassifier
from skomics.datasets import make_intersim
from skomics.estimators import _streamed_ridge
from skomics.estimators._ridge_path import RidgePath, RidgeProblem
from skomics.estimators._samples import read_class_weight
from skomics.estimators._streamed_ridge import RidgeSums

WEIGHTS = [None, "balanced", {0: 1, 1: 3, 2: 1}]
STRENGTHS, TEMPERATURE = np.array([0.5, 2.0, 0.1]), 3.0


@pytest.fixture(scope="module")
def table():
    X, y = make_intersim(n_samples=120, n_clusters=3, effect=0.5, random_state=0)
    X = X[["expression", "protein", "methylation"]]
    values = X.to_numpy(np.float32)
    values = (values - values.mean(0)) / values.std(0) + 0.3
    codes = np.unique(y, return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(120)[:110]  # classes of unequal size
    return values[order], codes[order]


@pytest.fixture
def fixed(monkeypatch):
    """Have nothing searched: strengths, exponents and the temperature are given."""

    def fix(chosen):
        def search(self, problem):
            self.strengths, self.chosen = STRENGTHS, list(chosen)

        def calibrate(self, problem, scores):
            self.temperature = TEMPERATURE

        monkeypatch.setattr(RidgePath, "search", search)
        monkeypatch.setattr(RidgePath, "calibrate", calibrate)

    return fix


def in_memory(problem, chosen):
    """Return the path of samples in memory, with nothing searched."""
    path = RidgePath(n_folds=None)
    path.strengths, path.chosen = STRENGTHS, list(chosen)
    path.temperature = TEMPERATURE
    path._open(problem)
    path._finish(problem)
    return path


class Source(BlockRidgeClassifier):
    """A classifier that has read what it reads from a stream."""

    def _stream_table(self, stream, positions):
        return stream[positions], None


def make_source(X, codes, class_weight):
    model = Source(omics=[131, 160, 367], class_weight=class_weight)
    model.feature_scale = (0,)
    return model.fit(np.asarray(X), codes)


def sums_of(model, X, codes, weights, n_chunks=3):
    sums = RidgeSums(model, X, np.arange(len(codes)), codes, weights)
    for rows in np.array_split(np.arange(len(codes)), n_chunks):
        sums.add(X[rows])
    return sums


def problem_of(X, codes, weights, class_weight):
    return RidgeProblem(
        X=X,
        bounds=[(0, 131), (131, 291), (291, 658)],
        codes=codes,
        n_classes=3,
        weights=weights / weights.mean(),
        class_weight=read_class_weight(class_weight, np.arange(3)),
    )


@pytest.mark.parametrize("chosen", [(0, 0, 0), (0.5, 0, 2), (1, "top", 0)], ids=str)
@pytest.mark.parametrize(
    "class_weight", [None, "balanced", {0: 1, 1: 3, 2: 1}], ids=str
)
@pytest.mark.parametrize("is_sparse", [False, True])
def test_sums_make_the_model_that_gram_matrices_make(
    table, fixed, chosen, class_weight, is_sparse
):
    X, codes = table
    weights = np.random.default_rng(1).uniform(0.5, 2, len(codes))
    expected = in_memory(problem_of(X, codes, weights, class_weight), chosen)
    model = make_source(X, codes, class_weight)
    fixed(chosen)
    given = sparse.csr_array(X) if is_sparse else X
    path, _ = sums_of(model, given, codes, weights).solve(model)
    scale = np.abs(expected.coef).max()
    np.testing.assert_allclose(path._coef, expected.coef, atol=1e-4 * scale)
    np.testing.assert_allclose(path._mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(path._offset, expected.intercept, atol=1e-4)
    weighed = np.concatenate(expected.weights)
    np.testing.assert_allclose(path.feature_weights_, weighed, atol=2e-3)


def test_logits_out_of_fold_are_those_of_the_other_folds(table, fixed):
    X, codes = table
    weights = np.ones(len(codes))
    model = make_source(X, codes, None)
    fixed((0, 0, 0))
    sums = sums_of(model, X, codes, weights)
    _, out_of_fold = sums.solve(model)
    out_of_fold.temperature = TEMPERATURE
    for fold in range(5):
        valid = np.flatnonzero(sums._folds == fold)
        train = np.flatnonzero(sums._folds != fold)
        assert np.bincount(codes[valid]).min() > 0  # of all classes
        known = problem_of(X[train], codes[train], weights[train], None)
        path = in_memory(known, (0, 0, 0))
        expected = (X[valid] - path.mean) @ path.coef + path.intercept
        found = out_of_fold(X[valid], valid)
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_samples_that_are_kept_are_of_all_classes(monkeypatch):
    monkeypatch.setattr(_streamed_ridge, "_KEPT", 50)
    codes = np.repeat([0, 1, 2], [900, 98, 2])
    kept = _streamed_ridge._choose(codes, 3)
    assert (np.diff(kept) > 0).all()
    assert np.bincount(codes[kept]).tolist() == [45, 5, 2]


def test_the_search_and_the_temperature_are_those_of_samples_in_memory(table):
    X, codes = table
    model = make_source(X, codes, "balanced")
    path, _ = sums_of(model, X, codes, np.ones(len(codes))).solve(model)
    whole = BlockRidgeClassifier(omics=[131, 160, 367]).fit(X, codes)
    agree = path.predict(X) == whole.predict(X)
    assert agree.mean() > 0.95
    assert 0.2 < path.temperature_ / whole.temperature_ < 5
