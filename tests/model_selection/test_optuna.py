"""Promises of the way to Optuna."""

import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skomics import LFNNClassifier, OmicsConcatenator
from skomics.model_selection import (
    as_optuna,
    nested_cross_validate,
    param_distributions,
)
from skomics.model_selection._distributions import _SPACES
from tests.conftest import make_tiny
from tests.model_selection.spaces import make

optuna = pytest.importorskip("optuna")
integration = pytest.importorskip("optuna_integration")
optuna.logging.set_verbosity(optuna.logging.WARNING)
NET = LFNNClassifier(
    branch_layer_sizes=(8,), head_layer_sizes=(8,), max_epochs=3, random_state=0
)
MODEL = Pipeline([("omics", OmicsConcatenator(StandardScaler())), ("clf", NET)])
# Optuna says these of itself, at each search and each trial.
search_of_optuna = pytest.mark.filterwarnings(
    "ignore:OptunaSearchCV is experimental",
    "ignore:`optuna.terminator` module has been deprecated:FutureWarning",
)


def test_lists_and_distributions_keep_their_bounds():
    found = as_optuna(
        {
            "a": ["ridge", None],
            "b": np.array([8, 16]),
            "c": loguniform(1e-4, 1e-2),
            "d": uniform(0.1, 0.5),
            "e": randint(1, 11),
        }
    )
    kinds = optuna.distributions
    assert found["a"] == kinds.CategoricalDistribution(["ridge", None])
    assert found["b"] == kinds.CategoricalDistribution([8, 16])
    assert type(found["b"].choices[0]) is int
    assert found["c"] == kinds.FloatDistribution(1e-4, 1e-2, log=True)
    assert (found["d"].low, found["d"].high) == pytest.approx((0.1, 0.6))
    assert not found["d"].log
    assert found["e"] == kinds.IntDistribution(1, 10)


@pytest.mark.parametrize(("package", "name"), _SPACES, ids=lambda v: v)
@pytest.mark.parametrize("size", ["small", "large"])
def test_what_is_worth_searching_is_drawn_by_a_study(package, name, size):
    estimator = make(package, name)
    space = as_optuna(param_distributions(estimator, size))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask(space)
    assert set(trial.params) == set(space)
    estimator.set_params(**trial.params)


def test_a_distribution_that_optuna_has_not_is_refused():
    with pytest.raises(TypeError, match="for 'C', of which Optuna has no like. Give a"):
        as_optuna({"C": norm()})
    with pytest.raises(TypeError, match="Got 3 for 'k', of which"):
        as_optuna({"k": 3})


def test_a_list_of_grids_is_refused():
    with pytest.raises(TypeError, match="Got a list to search, but Optuna searches"):
        as_optuna([{"C": [1.0]}])


def test_without_optuna_the_extra_is_named(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr("skomics._optional.import_module", refuse)
    with pytest.raises(ImportError, match=r"pip install 'skomics\[search\]'"):
        as_optuna({"C": [1.0]})


@search_of_optuna
def test_search_of_optuna_works_on_a_pipeline(tiny):
    X, y = tiny
    space = as_optuna(param_distributions(MODEL, "large"))
    search = integration.OptunaSearchCV(
        MODEL, space, cv=2, n_trials=2, random_state=0, scoring="f1_macro"
    )
    search.fit(X, y)
    assert set(search.best_params_) == set(space)
    assert search.predict_proba(X).shape == (48, 3)
    assert search.n_trials_ == 2


@search_of_optuna
def test_search_of_optuna_is_judged_on_outer_folds(tiny):
    X, y = tiny
    model = Pipeline([*MODEL.steps[:1], ("clf", LogisticRegression(max_iter=500))])
    search = integration.OptunaSearchCV(
        model, as_optuna(param_distributions(model)), cv=2, n_trials=2, random_state=0
    )
    result = nested_cross_validate(search, X, y, outer_cv=2, random_state=0)
    assert list(result.best_params.columns) == ["clf__C"]
    assert result.optimism.loc["score", "n_fits"] == 2


@search_of_optuna
def test_pruning_of_optunas_own_search_needs_partial_fit_as_documented(tiny):
    search = integration.OptunaSearchCV(
        MODEL, as_optuna(param_distributions(MODEL)), enable_pruning=True
    )
    with pytest.raises(ValueError, match="must support partial_fit"):
        search.fit(*tiny)


def run_study(pruner, n_trials=6):
    """Search the learning rate, and report the validation loss of every epoch."""
    X, y = make_tiny(shift=0.8)
    X_train, X_valid, y_train, y_valid = train_test_split(
        X, y, stratify=y, random_state=0
    )

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-6, 1e-2, log=True)
        callback = integration.SkorchPruningCallback(trial, "valid_loss")
        model = clone(MODEL).set_params(
            clf__lr=lr,
            clf__max_epochs=12,
            clf__early_stopping=True,
            clf__n_iter_no_change=12,
            clf__callbacks=[callback],
        )
        model.fit(X_train, y_train)
        return log_loss(y_valid, model.predict_proba(X_valid), labels=model.classes_)

    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_a_study_sees_every_epoch_of_a_network_in_a_pipeline():
    study = run_study(optuna.pruners.NopPruner(), n_trials=2)
    for trial in study.trials:
        assert list(trial.intermediate_values) == list(range(12))
        assert trial.state == optuna.trial.TrialState.COMPLETE


def test_a_study_ends_the_training_of_trials_that_promise_little():
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=3)
    study = run_study(pruner, n_trials=8)
    state = optuna.trial.TrialState
    pruned = [t for t in study.trials if t.state == state.PRUNED]
    assert pruned
    assert all(4 <= len(t.intermediate_values) < 12 for t in pruned)
    assert study.best_trial.state == state.COMPLETE
