"""Promises of the models."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binom
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skomics import paper_params
from skomics.benchmark import ModelSpec, Task
from skomics.benchmark import _models as models_module
from skomics.benchmark._models import (
    MODEL_GROUPS,
    MODELS,
    as_models,
    with_params,
)
from skomics.benchmark._runner import run_benchmark
from skomics.benchmark._tasks import null_task, simulated_task
from skomics.datasets import perturb_omics

# Models that need no network, and those that need a package and weights of
# their own and are never run here.
QUICK = MODEL_GROUPS["baselines"]
OPTIONAL = MODEL_GROUPS["optional"]
# Other programs, whose tests are in test_outside.py.
OUTSIDE = MODEL_GROUPS["outside"]
INSTALLED = sorted(set(MODELS) - set(OPTIONAL) - set(OUTSIDE))
# The balanced ones differ in a parameter, not in what is done with samples.
UNLIKE = [name for name in INSTALLED if name not in MODEL_GROUPS["balanced"]]
FEW_EPOCHS = {"max_epochs": 2, "pretrain_epochs": 2, "device": "cpu"}
# What is drawn at random, and a choice among two is one.
LITTLE = {**FEW_EPOCHS, "n_iter": 2}


def make_failing(random_state):
    raise RuntimeError("not installed")


@pytest.mark.parametrize("name", INSTALLED)
def test_model_fits_and_predicts(tiny, name):
    X, y = tiny
    spec = with_params(MODELS[name], **LITTLE)
    pipeline = spec.build(Task("tiny", X, y, "simulated"), 3).fit(X, y)
    assert pipeline.predict(X).shape == y.shape
    params = pipeline["clf"].get_params()
    epochs = [params[name] for name in params if name.endswith("max_epochs")]
    assert set(epochs) <= {2}


@pytest.mark.parametrize("name", UNLIKE)
@pytest.mark.filterwarnings("ignore::skomics.exceptions.InformativeMissingnessWarning")
def test_model_does_without_a_modality_that_samples_lack(tiny, name):
    X, y = perturb_omics(*tiny, missing_omics=0.2, random_state=0)
    spec = with_params(MODELS[name], **LITTLE)
    results = run_benchmark({"gaps": (X, y)}, spec, n_folds=2, n_repeats=1)
    assert results["error"].to_list() == ["", ""]


@pytest.mark.parametrize("name", OPTIONAL)
def test_model_that_is_not_installed_says_how_to_install_it(name, monkeypatch):
    package = MODELS[name].make.args[0]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"Install it with: pip install {package}"):
        MODELS[name].make(0)


class TableNetwork(BaseEstimator):
    """Stands for a classifier of pytabkit, which takes all cores by default."""

    def __init__(self, random_state=None, n_threads=None):
        self.random_state = random_state
        self.n_threads = n_threads


@pytest.mark.parametrize("name", ["realmlp", "tabm"])
def test_networks_for_tables_get_the_seed_and_one_thread(tiny, name, monkeypatch):
    package, class_name = MODELS[name].make.args
    module = SimpleNamespace(**{class_name: TableNetwork})
    monkeypatch.setitem(sys.modules, package, module)
    clf = MODELS[name].build(Task("tiny", *tiny), 7)["clf"]
    assert clf.get_params() == {"random_state": 7, "n_threads": 1}


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_boosting_that_is_not_installed_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'skomics\[bench\]'"):
        MODELS[name].make(0)


@pytest.mark.parametrize("kind", ["simulated", "single_cell", "cancer"])
def test_published_settings_are_those_of_the_kind_of_data(tiny, kind):
    clf = MODELS["efnn-paper"].build(Task("t", *tiny, kind), 0)["clf"]
    expected = paper_params("efnn", kind)
    assert {name: clf.get_params()[name] for name in expected} == expected


def find_class_weights(name, task):
    params = MODELS[name].build(task, 0)["clf"].get_params()
    return [params[key] for key in params if key.endswith("class_weight")]


@pytest.mark.parametrize("name", MODEL_GROUPS["seven"] + MODEL_GROUPS["baselines"])
def test_every_model_that_can_weigh_classes_does_or_is_there_balanced_too(tiny, name):
    task = Task("t", *tiny)
    plain = find_class_weights(name, task)
    has_two = plain.count(None) > 0
    assert (f"{name}-balanced" in MODEL_GROUPS["balanced"]) == has_two
    assert set(plain) <= ({None} if has_two else {"balanced"})
    if has_two:
        weights = find_class_weights(f"{name}-balanced", task)
        assert weights == ["balanced"] * len(plain)


def test_tuned_network_is_chosen_on_inner_folds_of_its_training_part(tiny):
    X, y = tiny
    spec = with_params(MODELS["efnn-tuned"], **FEW_EPOCHS)
    search = spec.build(Task("t", X, y), 0).fit(X, y)["clf"]
    assert search.cv.n_splits == 3
    assert set(search.best_params_) == {"lr", "weight_decay", "batch_size"}
    assert len(search.cv_results_["params"]) == 6


def test_best_omics_is_the_one_that_tells_the_classes_apart(tiny):
    X, y = tiny
    noise = np.random.default_rng(0)
    X = X.copy()
    for omics in ("rna", "mirna"):
        here = X.columns.str.startswith(f"{omics}__")
        X.loc[:, here] = noise.normal(size=(len(X), here.sum()))
    pipeline = MODELS["best-omics"].build(Task("t", X, y), 0).fit(X, y)
    (chosen,) = pipeline["clf"].best_params_["columns"].transformers
    assert chosen == ("methylation", "passthrough", slice(12, 19))


def test_stack_has_one_expert_per_modality_that_sees_its_columns_only(tiny):
    X, y = tiny
    stack = MODELS["stack"].build(Task("t", X, y), 0).fit(X, y)["clf"]
    seen = {
        name: expert[-1].best_estimator_.n_features_in_
        for name, expert in stack.named_estimators_.items()
    }
    assert seen == {"rna": 12, "methylation": 7, "mirna": 5}


def test_xgboost_gives_back_the_classes_it_was_given(tiny):
    X, y = tiny
    pipeline = MODELS["xgboost"].build(Task("t", X, y), 0).fit(X, y)
    assert pipeline.classes_.tolist() == ["Basal", "LumA", "LumB"]
    assert pipeline.score(X, y) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_model_is_at_chance_where_labels_are_permuted(name):
    """Within the interval that the tested samples allow, and above it otherwise."""
    task = simulated_task()
    part = Task("part", task.X.iloc[:120], task.y[:120])
    results = run_benchmark(
        [part, null_task(part)], name, n_folds=4, n_repeats=1
    ).set_index("task")
    assert set(results["error"]) == {""}
    means = results.groupby("task")["accuracy"].mean()
    share = np.unique(part.y, return_counts=True)[1].max() / 120
    # Chance lies between an even guess of a class and the share of the largest.
    low, high = binom.ppf([0.0005, 0.9995], 120, [1 / 5, share]) / 120
    assert low <= means["null-part"] <= high
    assert means["part"] > high or name == "dummy"


@pytest.mark.parametrize("name", UNLIKE)
def test_model_takes_sparse_omics(tiny, name):
    anndata = pytest.importorskip("anndata")
    X, y = tiny
    names = X.columns.str.split("__").str[0]
    table = anndata.AnnData(sparse.csr_matrix(X.clip(lower=0)))
    table.var_names, table.var["omics"] = X.columns, names.to_numpy()
    task = Task("sparse", table, y.to_numpy())
    spec = with_params(MODELS[name], **LITTLE)
    results = run_benchmark(task, spec, n_folds=2, n_repeats=1)
    assert results["error"].to_list() == ["", ""]


def test_missing_values_are_imputed_from_the_training_part(tiny):
    X, y = tiny
    X = X.mask(np.add.outer(np.arange(48), np.arange(24)) % 5 == 0)
    pipeline = MODELS["logreg"].build(Task("tiny", X, y), 0).fit(X[:24], y[:24])
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

    monkeypatch.setattr(models_module, "LogisticRegression", Spy)
    X, y = tiny
    train = np.arange(48) % 4 > 0
    pipeline = MODELS["logreg"].build(Task("tiny", X, y), 0).fit(X[train], y[train])
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
        MODELS["logreg"].build(Task("tiny", X, y), 0).fit(a[train], b[train])
        for a, b in [(X, y), (poisoned, wrong)]
    ]
    first, second = (pipeline["clf"].best_estimator_ for pipeline in pipelines)
    assert first.C == second.C
    np.testing.assert_allclose(first.coef_, second.coef_)


def test_settings_change_with_parameters_and_not_with_the_process(tiny):
    task = Task("t", *tiny)
    first = MODELS["logreg"].settings(task)
    assert first == MODELS["logreg"].settings(task)
    assert len(first) == 12
    changed = with_params(MODELS["logreg"], estimator__max_iter=5)
    assert changed.settings(task) != first
    assert MODELS["logreg"].settings(task, is_scaled=True) != first
    stack = MODELS["stack"]
    assert stack.settings(task) != stack.settings(task.take_omics(["rna", "mirna"]))


def test_a_model_that_cannot_be_made_has_no_settings(tiny):
    spec = ModelSpec("broken", make_failing)
    assert spec.settings(Task("t", *tiny)) == ""
    assert spec.module is None
    assert spec.label == "broken"


def test_workers_load_the_module_of_a_searched_network_beforehand():
    assert MODELS["sma-tuned"].module == MODELS["sma"].module


def test_classifiers_by_name_get_the_random_state_of_the_fit():
    model = make_pipeline(DummyClassifier(strategy="stratified"))
    (spec,) = as_models({"dummy": model})
    made = spec.make(7)
    assert made["dummyclassifier"].random_state == 7
    assert model["dummyclassifier"].random_state is None


def test_names_of_groups_stand_for_their_models():
    names = [spec.name for spec in as_models(["seven", "logreg"])]
    assert names[0] == "sma"
    assert names[-1] == "logreg"
    assert len(names) == 8
    groups = ("seven", "baselines", "balanced")
    assert MODEL_GROUPS["all"] == [n for g in groups for n in MODEL_GROUPS[g]]


def test_equal_names_and_unknown_names_are_refused():
    assert as_models("sma") == [MODELS["sma"]]
    with pytest.raises(ValueError, match="2 models with the names"):
        as_models(["sma", "sma"])
    with pytest.raises(ValueError, match=r"'knn', but known are .* and the groups"):
        as_models(["knn"])


# Models of the user's own

_MODULE = """
from sklearn.neighbors import KNeighborsClassifier
from skomics.benchmark import ModelSpec

def nearest(random_state):
    return KNeighborsClassifier(1)

spec = ModelSpec("mine", nearest, "Mine")
number = 3
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the folder that the command is given in."""
    (tmp_path / "own_models.py").write_text(_MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    yield "own_models"
    sys.modules.pop("own_models", None)


def test_a_factory_of_the_users_own_is_a_model(own_module):
    models = as_models([f"{own_module}:nearest", f"{own_module}:spec"])
    assert [spec.name for spec in models] == ["nearest", "mine"]
    assert models[0].build(simulated_task(), 0)[-1].n_neighbors == 1
    assert not models[0].is_named_input


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "no_such_module:nearest",
            "but No module named 'no_such_module'. Give module:",
        ),
        ("own_models:farthest", "has no attribute 'farthest'. Give module:name"),
        ("own_models:number", "which is a int. Give a ModelSpec, or a function"),
        (":nearest", "but Empty module name. Give module:name"),
    ],
)
def test_what_is_no_factory_is_refused(own_module, name, message):
    with pytest.raises(ValueError, match=message):
        as_models([name])


def test_mogonet_is_the_published_graph_model():
    spec, published = (as_models(n)[0] for n in ("mogonet", "mogcn-paper"))
    task = simulated_task()
    assert repr(spec.build(task, 0)) == repr(published.build(task, 0))
    assert "MOGONET" in spec.label
