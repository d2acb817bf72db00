"""Promises of the contenders."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skomics.benchmark import Contender, Task
from skomics.benchmark import _contenders as contenders_module
from skomics.benchmark._contenders import (
    CONTENDERS,
    _InnerFolds,
    as_contenders,
    with_params,
)
from skomics.benchmark._runner import run_benchmark

DENSE = {"rna": False, "methylation": False, "mirna": False}


def make_failing(random_state):
    raise RuntimeError("not installed")


@pytest.mark.parametrize("name", sorted(CONTENDERS))
def test_contender_fits_and_predicts(tiny, name):
    X, y = tiny
    contender = with_params(CONTENDERS[name], max_epochs=2, device="cpu")
    pipeline = contender.build(DENSE, 3).fit(X, y)
    assert pipeline.predict(X).shape == y.shape
    assert pipeline.get_params()["clf"].get_params().get("max_epochs", 2) == 2


@pytest.mark.parametrize("name", sorted(CONTENDERS))
def test_contender_takes_sparse_omics(tiny, name):
    anndata = pytest.importorskip("anndata")
    X, y = tiny
    names = X.columns.str.split("__").str[0]
    table = anndata.AnnData(sparse.csr_matrix(X.clip(lower=0)))
    table.var_names, table.var["omics"] = X.columns, names.to_numpy()
    task = Task("sparse", table, y.to_numpy())
    contender = with_params(CONTENDERS[name], max_epochs=1, device="cpu")
    results = run_benchmark(task, contender, n_folds=2, n_repeats=1)
    assert results["error"].to_list() == ["", ""]


def test_missing_values_are_imputed_from_the_training_part(tiny):
    X, y = tiny
    X = X.mask(np.add.outer(np.arange(48), np.arange(24)) % 5 == 0)
    pipeline = CONTENDERS["logreg"].build(DENSE, 0).fit(X[:24], y[:24])
    medians = pipeline["omics"].transformers_["rna"]["simpleimputer"].statistics_
    np.testing.assert_allclose(medians, X.iloc[:24, :12].median())


def test_strength_of_logistic_regression_is_chosen_by_its_training_part_only(
    tiny, monkeypatch
):
    """Every fit and every inner score uses rows of the training part."""
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y):
            seen.append(X)
            return super().fit(X, y)

        def predict(self, X):
            seen.append(X)
            return super().predict(X)

    monkeypatch.setattr(contenders_module, "LogisticRegression", Spy)
    X, y = tiny
    train = np.arange(48) % 4 > 0
    pipeline = CONTENDERS["logreg"].build(DENSE, 0).fit(X[train], y[train])
    allowed = pipeline["omics"].transform(X[train])
    assert len(seen) == 3 * 5 * 2 + 1
    for rows in seen:
        is_in = (rows[:, None, :] == allowed[None]).all(axis=2).any(axis=1)
        assert is_in.all()


def test_strength_of_logistic_regression_ignores_what_the_test_fold_holds(tiny):
    X, y = tiny
    train = np.arange(48) % 4 > 0
    poisoned, wrong = X.copy(), y.copy()
    poisoned[~train], wrong[~train] = 1e6, "LumA"
    pipelines = [
        CONTENDERS["logreg"].build(DENSE, 0).fit(a[train], b[train])
        for a, b in [(X, y), (poisoned, wrong)]
    ]
    first, second = (pipeline["clf"].best_estimator_ for pipeline in pipelines)
    assert first.C == second.C
    np.testing.assert_allclose(first.coef_, second.coef_)


@pytest.mark.parametrize(("smallest", "n_splits"), [(9, 5), (3, 3), (1, 2)])
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_inner_folds_shrink_to_the_smallest_class(smallest, n_splits):
    y = np.array(["a"] * 20 + ["b"] * smallest)
    folds = _InnerFolds(5, shuffle=True, random_state=0)
    assert folds.get_n_splits(y, y) == len(list(folds.split(y, y))) == n_splits


def test_settings_change_with_parameters_and_not_with_the_process(tiny):
    first = CONTENDERS["logreg"].settings(DENSE)
    assert first == CONTENDERS["logreg"].settings(DENSE)
    assert len(first) == 12
    changed = with_params(CONTENDERS["logreg"], estimator__max_iter=5)
    assert changed.settings(DENSE) != first
    assert CONTENDERS["logreg"].settings({"rna": True}) != first


def test_a_contender_that_cannot_be_made_has_no_settings():
    contender = Contender("broken", make_failing)
    assert contender.settings(DENSE) == ""
    assert contender.module is None
    assert contender.label == "broken"


def test_classifiers_by_name_get_the_random_state_of_the_fit():
    model = make_pipeline(DummyClassifier(strategy="stratified"))
    (contender,) = as_contenders({"dummy": model})
    made = contender.make(7)
    assert made["dummyclassifier"].random_state == 7
    assert model["dummyclassifier"].random_state is None


def test_equal_names_and_unknown_names_are_refused():
    assert as_contenders("sma") == [CONTENDERS["sma"]]
    with pytest.raises(ValueError, match="2 contenders with the names"):
        as_contenders(["sma", "sma"])
    with pytest.raises(ValueError, match=r"'svm', but known are \['efcnn', 'efnn',"):
        as_contenders(["svm"])
