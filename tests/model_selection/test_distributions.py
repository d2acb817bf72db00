"""Promises of what is worth searching."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skomics
from skomics import EFNNClassifier, LFNNClassifier, OmicsConcatenator
from skomics.benchmark import read_results, simulated_task
from skomics.benchmark._models import MODELS
from skomics.calibration import SelectiveClassifier
from skomics.estimators import BaseOmicsClassifier
from skomics.model_selection import param_distributions
from skomics.model_selection._distributions import _SPACES
from skomics.testing import all_estimators
from tests.conftest import REPOSITORY
from tests.estimators.quick import QUICK
from tests.model_selection.spaces import make


@pytest.mark.parametrize(("package", "name"), _SPACES, ids=lambda v: v)
@pytest.mark.parametrize("size", ["small", "large"])
def test_every_candidate_is_a_parameter_that_the_estimator_takes(package, name, size):
    estimator = make(package, name)
    space = param_distributions(estimator, size)
    assert set(space) <= set(estimator.get_params())
    drawn = list(ParameterSampler(space, 3, random_state=0))
    for candidate in drawn:
        estimator.set_params(**candidate)
        if package == "sklearn":
            estimator._validate_params()
    if size == "small":
        assert 3 <= len(ParameterGrid(space)) <= 4
        assert all(isinstance(values, list) for values in space.values())


def test_each_of_the_seven_and_block_ridge_is_known():
    for name, cls in all_estimators():
        if issubclass(cls, BaseOmicsClassifier) or name == "BlockRidgeClassifier":
            assert param_distributions(cls())


@pytest.mark.parametrize("package", ["skomics", "sklearn"])
def test_a_small_grid_has_the_default_or_what_is_next_to_it(package):
    """What is searched must be able to leave things as they are."""
    for key in [key for key in _SPACES if key[0] == package]:
        estimator = make(*key)
        defaults = estimator.get_params()
        for name, values in param_distributions(estimator).items():
            assert defaults[name] in values or name in ("C", "alpha"), (key, name)


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_network_is_fitted_with_every_kind_of_candidate(tiny, name, size):
    X, y = tiny
    estimator = getattr(skomics, name)(**QUICK[name]).set_params(max_epochs=1)
    space = param_distributions(estimator, size)
    for candidate in ParameterSampler(space, 2, random_state=1):
        assert estimator.set_params(**candidate).fit(X, y).predict(X).shape == (48,)


def test_names_of_a_pipeline_have_its_steps():
    inner = make_pipeline(PCA(2), LFNNClassifier())
    model = make_pipeline(StandardScaler(), inner)
    assert set(param_distributions(model)) == {
        "pipeline__lfnnclassifier__linear_path",
        "pipeline__lfnnclassifier__class_weight",
    }


def test_names_of_a_wrapped_estimator_have_its_parameter():
    model = SelectiveClassifier(make_pipeline(StandardScaler(), SVC()))
    assert set(param_distributions(model)) == {"estimator__svc__C"}


def test_large_has_the_numbers_of_features_of_selectors_within():
    omics = {
        "rna": make_pipeline(StandardScaler(), SelectKBest(k=40)),
        "mirna": SelectKBest(k="all"),
        "protein": StandardScaler(),
    }
    model = make_pipeline(OmicsConcatenator(omics), EFNNClassifier())
    large = param_distributions(model, "large")
    numbers = {name: values for name, values in large.items() if name.endswith("__k")}
    assert numbers == {
        "omicsconcatenator__rna__selectkbest__k": [10, 20, 40, 80],
        "omicsconcatenator__mirna__k": [10, 100, "all"],
    }
    assert not any(name.endswith("__k") for name in param_distributions(model))
    one = make_pipeline(OmicsConcatenator(SelectKBest(k=2)), EFNNClassifier())
    (values,) = [v for n, v in param_distributions(one, "large").items() if "__k" in n]
    assert values == [1, 2, 4]


def test_a_subclass_is_searched_as_its_parent():
    class Own(EFNNClassifier):
        pass

    assert param_distributions(Own()) == param_distributions(EFNNClassifier())


def test_what_is_returned_may_be_changed():
    param_distributions(SVC())["C"].append(7.0)
    assert 7.0 not in param_distributions(SVC())["C"]


def test_searches_of_scikit_learn_take_both_sizes(tiny):
    X, y = tiny
    model = make_pipeline(OmicsConcatenator(StandardScaler()), SVC())
    grid = GridSearchCV(model, param_distributions(model), cv=2).fit(X, y)
    assert len(grid.cv_results_["params"]) == 3
    space = param_distributions(model, "large")
    drawn = RandomizedSearchCV(model, space, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert set(drawn.best_params_) == set(space)


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="Got size='medium'. Choose one of"):
        param_distributions(SVC(), "medium")


class Own(ClassifierMixin, BaseEstimator):
    pass


@pytest.mark.parametrize("estimator", [DummyClassifier(), Own(), StandardScaler()])
def test_an_estimator_of_which_nothing_is_known_is_refused(estimator):
    name = type(estimator).__name__
    with pytest.raises(ValueError, match=f"Got {name}, .* Known are 'SMA.* Write a"):
        param_distributions(make_pipeline(estimator))


def test_a_search_is_refused():
    with pytest.raises(ValueError, match="Got a GridSearchCV, which has its own"):
        param_distributions(GridSearchCV(SVC(), {"C": [1.0]}))


@pytest.mark.parametrize("name", ["logreg", "svm"])
def test_the_benchmark_searches_the_small_grid_of_linear_models(name):
    search = MODELS[name].make(0)
    assert search.param_grid == param_distributions(search.estimator)


@pytest.mark.parametrize(
    ("stored", "name"),
    [("real", "logreg"), ("real", "svm"), ("simulated", "logreg")],
)
def test_settings_of_stored_results_are_those_of_the_models_now(stored, name):
    """Moving folds and grids must leave stored results comparable."""
    pytest.importorskip("pyarrow")
    rows = read_results(REPOSITORY / "docs" / "results" / f"{stored}.parquet")
    settings = set(rows.loc[rows["model"] == name, "settings"])
    assert MODELS[name].settings(simulated_task()) in settings


def test_a_ridge_path_gains_in_the_stored_rows_as_the_docstring_says():
    pytest.importorskip("pyarrow")
    rows = read_results(REPOSITORY / "docs" / "results" / "real.parquet")
    scores = rows.pivot_table(index="task", columns="model", values="f1_macro")
    for stem in ("efnn", "lfnn", "efcnn", "lfcnn", "mogcn", "mogat"):
        gain = scores[f"{stem}-path"] - scores[stem]
        assert 0.02 <= np.round(gain.mean(), 2) <= 0.10
        assert len(gain) == 16
        assert (gain > 0).sum() >= 11
    forest = scores["forest-balanced"] - scores["forest"]
    assert round(forest.mean(), 2) == 0.05
    boosting = scores["histgb-small"] - scores["histgb"]
    assert round(boosting.mean(), 1) == 0.1
