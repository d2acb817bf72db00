"""BatchedSearchCV keeps the contract of scikit-learn's searches."""

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    ParameterSampler,
    RandomizedSearchCV,
    StratifiedKFold,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics import EFNNClassifier, OmicsConcatenator, SMAClassifier
from skomics.datasets import make_intersim
from skomics.estimators._batched import StackTraining
from skomics.model_selection import BatchedSearchCV
from skomics.persistence import load_model, save_model
from tests.estimators.quick import QUICK

X, Y = make_intersim(n_samples=48, n_clusters=3, random_state=0)
X = X.iloc[:, ::8]
SMA = SMAClassifier(
    **{**QUICK["SMAClassifier"], "max_epochs": 4, "linear_path": None},
    device="cpu",
    random_state=0,
)
EFNN = EFNNClassifier(
    hidden_layer_sizes=(8,), max_epochs=4, device="cpu", random_state=0
)
GRID = {"lr": [1e-4, 3e-3], "weight_decay": [0.1, 1.0], "batch_size": [16, 32]}
LOSS = "neg_log_loss"
# Steps of scikit-learn give arrays without the names of modalities.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skomics.exceptions.NamelessOmicsWarning"
)


def assert_same_results(ours, theirs):
    """Compare all that a search learned but for times."""
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for key, values in theirs.cv_results_.items():
        found = ours.cv_results_[key]
        assert type(found) is type(values)
        if key.startswith(("mean_test", "std_test", "split", "mean_train", "std_tr")):
            np.testing.assert_allclose(found, values, rtol=1e-2, atol=1e-3)
        elif key.startswith("param_"):
            assert np.array_equal(found.filled(0), values.filled(0))
    assert ours.n_splits_ == theirs.n_splits_
    assert ours.multimetric_ == theirs.multimetric_


def both(estimator, grid, **kwargs):
    fit = kwargs.pop("fit", {})
    kwargs = {"cv": 2, **kwargs}
    ours = BatchedSearchCV(estimator, grid, **kwargs).fit(X, Y, **fit)
    theirs = GridSearchCV(estimator, grid, **kwargs).fit(X, Y, **fit)
    assert_same_results(ours, theirs)
    return ours, theirs


def test_stacks_score_as_the_fits_of_a_grid_search():
    ours, theirs = both(SMA, GRID, scoring=LOSS, return_train_score=True)
    assert ours.batches_ == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(ours.feature_names_in_, theirs.feature_names_in_)
    assert ours.score(X, Y) == theirs.score(X, Y)


@pytest.mark.parametrize(
    "grid",
    [{"lr": [1e-3, 3e-3]}, [{"lr": [1e-3, 3e-3]}, {"hidden_layer_sizes": [(4,)]}]],
)
def test_other_networks_score_as_the_fits_of_a_grid_search_to_the_bit(grid):
    ours, theirs = both(EFNN, grid, scoring=LOSS)
    assert ours.batches_[0] == [0, 1]
    for key, values in theirs.cv_results_.items():
        if "test" in key:
            np.testing.assert_array_equal(ours.cv_results_[key], values)


def test_other_estimators_are_searched_as_by_a_grid_search():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    ours, _ = both(model, {"logisticregression__C": [0.1, 1.0]})
    assert ours.batches_ == [[0], [1]]


@pytest.mark.processes
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_give_what_one_gives(backend):
    with parallel_config(backend=backend):
        ours, _ = both(SMA, GRID, scoring=LOSS, n_jobs=2)
    assert sorted(sum(ours.batches_, [])) == list(range(8))


@pytest.mark.parametrize("name", ["param_grid", "param_distributions"])
def test_candidates_are_drawn_as_by_a_randomized_search(name):
    space = {"lr": loguniform(1e-4, 1e-2), "weight_decay": [0.1, 1.0]}
    kwargs = {"n_iter": 3, "cv": 2, "random_state": 5, "scoring": LOSS}
    ours = BatchedSearchCV(SMA, **{name: space}, **kwargs).fit(X, Y)
    assert_same_results(ours, RandomizedSearchCV(SMA, space, **kwargs).fit(X, Y))
    assert ours.batches_ == [[0, 1, 2]]


def test_ten_candidates_are_drawn_by_default():
    space = {"lr": loguniform(1e-4, 1e-2)}
    for name in ("param_grid", "param_distributions"):
        search = BatchedSearchCV(SMA, **{name: space}, random_state=1)
        drawn = list(ParameterSampler(space, 10, random_state=1))
        assert search._candidates() == drawn


@pytest.mark.parametrize(
    ("spaces", "got"),
    [({}, "neither"), ({"param_grid": {}, "param_distributions": {}}, "both")],
)
def test_one_space_is_wanted(spaces, got):
    with pytest.raises(ValueError, match=f"is wanted, but got {got}"):
        BatchedSearchCV(SMA, **spaces).fit(X, Y)


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (["accuracy", LOSS], LOSS),
        ({"a": "accuracy", "b": LOSS}, lambda results: 1),
        ({"a": "accuracy"}, False),
    ],
)
def test_several_scores(scoring, refit):
    grid = {"lr": [1e-4, 3e-3]}
    ours, theirs = both(SMA, grid, scoring=scoring, refit=refit)
    assert set(ours.scorer_) == set(theirs.scorer_)
    for name in ("best_index_", "best_params_", "best_score_"):
        assert hasattr(ours, name) == hasattr(theirs, name)
        if name != "best_score_":
            assert getattr(ours, name, None) == getattr(theirs, name, None)


def two_scores(model, X, y):
    proba = model.predict_proba(X)
    return {"right": accuracy_score(y, model.predict(X)), "loss": -log_loss(y, proba)}


def test_function_that_gives_several_scores():
    ours, theirs = both(SMA, {"lr": [1e-4, 3e-3]}, scoring=two_scores, refit="loss")
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-2)
    with pytest.raises(ValueError, match="For multi-metric scoring"):
        BatchedSearchCV(SMA, {"lr": [1e-4]}, scoring=two_scores, cv=2).fit(X, Y)


def test_failed_candidate_has_the_error_score_and_the_others_their_own():
    grid = {"lr": [1e-3, 1e30, -1.0]}
    kwargs = {"cv": 2, "scoring": two_scores, "refit": "loss"}
    with (
        pytest.warns(FitFailedWarning, match="4 fits failed out of a total of 6"),
        pytest.warns(UserWarning, match="scores are non-finite"),
    ):
        ours = BatchedSearchCV(SMA, grid, **kwargs).fit(X, Y)
    scores = ours.cv_results_["mean_test_loss"]
    assert np.isnan(scores[1:]).all()
    alone = GridSearchCV(SMA, {"lr": [1e-3]}, **kwargs).fit(X, Y)
    assert scores[0] == pytest.approx(alone.best_score_, rel=1e-2)
    with pytest.warns(FitFailedWarning, match="Training diverged"):
        ours = BatchedSearchCV(SMA, grid, error_score=-9, cv=2).fit(X, Y)
    assert list(ours.cv_results_["mean_test_score"][1:]) == [-9, -9]


def test_error_is_raised_where_it_is_asked_for():
    search = BatchedSearchCV(SMA, {"lr": [1e-3, 1e30]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="Training diverged"):
        search.fit(X, Y)
    with pytest.raises(ValueError, match="All the 2 fits failed"):
        BatchedSearchCV(SMA, {"lr": [-1.0]}, cv=2).fit(X, Y)


def test_candidates_are_fitted_one_by_one_where_they_cannot_be_together(monkeypatch):
    def fail(*args):
        raise RuntimeError("there is no room for a stack")

    monkeypatch.setattr(StackTraining, "run", fail)
    both(SMA, {"lr": [1e-4, 3e-3]}, scoring=LOSS)


class Counted(TransformerMixin, BaseEstimator):
    """Count fits, of all copies together."""

    n_fits = 0

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X, y=None):
        Counted.n_fits += 1
        return self

    def transform(self, X):
        return X * self.scale

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize(("scales", "n_fits"), [([1.0], 2), ([0.5, 1.0], 4)])
def test_steps_before_a_network_are_fitted_once_per_fold_and_setting(scales, n_fits):
    model = Pipeline([("count", Counted()), ("sma", SMA)])
    grid = {"count__scale": scales, "sma__lr": [1e-4, 1e-3, 3e-3]}
    Counted.n_fits = 0
    search = BatchedSearchCV(model, grid, cv=2, refit=False).fit(X, Y)
    assert Counted.n_fits == n_fits
    assert [len(batch) for batch in search.batches_] == [3] * len(scales)


def test_pipelines_score_as_the_fits_of_a_grid_search():
    model = make_pipeline(OmicsConcatenator(StandardScaler()), SMA)
    grid = {"smaclassifier__lr": [1e-4, 3e-3], "smaclassifier__dropout": [0.1, 0.3]}
    ours, theirs = both(model, grid, scoring=LOSS)
    assert ours.batches_ == [[0, 1, 2, 3]]
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("step", ["passthrough", FunctionTransformer(), PCA(3)])
def test_any_step_may_come_before_a_network(step):
    model = Pipeline([("first", step), ("sma", SMA)])
    both(model, {"sma__lr": [1e-4, 3e-3]}, scoring=LOSS)


def test_steps_may_be_searched_themselves():
    model = Pipeline([("first", StandardScaler()), ("sma", SMA)])
    grid = {"first": ["passthrough", PCA(3)], "sma__lr": [1e-4, 3e-3]}
    ours, _ = both(model, grid, scoring=LOSS)
    assert ours.batches_ == [[0, 1], [2, 3]]
    both(model, {"sma": [SMA, EFNN], "sma__lr": [1e-4, 3e-3]}, scoring=LOSS)


def test_weights_reach_fits_and_scores():
    weights = np.arange(48) % 3 + 0.5
    kwargs = {"scoring": "accuracy", "fit": {"sample_weight": weights}}
    both(SMA, {"lr": [1e-4, 3e-3]}, **kwargs)
    model = make_pipeline(StandardScaler(), SMA)
    grid = {"smaclassifier__lr": [1e-4, 3e-3]}
    fit = {"smaclassifier__sample_weight": weights}
    weighted, _ = both(model, grid, scoring=LOSS, fit=fit)
    plain, _ = both(model, grid, scoring=LOSS)
    assert weighted.best_score_ != pytest.approx(plain.best_score_, rel=1e-2)


def test_metadata_are_routed():
    weights, groups = np.arange(48) % 3 + 0.5, np.arange(48) // 6
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(SMA).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, model)
        grid = {"smaclassifier__lr": [1e-4, 3e-3]}
        fit = {"sample_weight": weights, "groups": groups}
        ours, _ = both(model, grid, cv=GroupKFold(2), fit=fit)
    assert ours.batches_ == [[0, 1]]


def test_folds_by_groups_without_routing():
    groups = {"groups": np.arange(48) // 6}
    both(SMA, {"lr": [1e-4, 3e-3]}, cv=GroupKFold(2), fit=groups, scoring=LOSS)


def test_folds_that_are_not_as_many_as_said_are_refused():
    class Wrong(StratifiedKFold):
        def get_n_splits(self, *args, **kwargs):
            return 5

    with pytest.raises(ValueError, match="said to be 5, but there are 2"):
        BatchedSearchCV(SMA, {"lr": [1e-3]}, cv=Wrong(2)).fit(X, Y)


def test_nothing_to_fit_is_an_error():
    with pytest.raises(ValueError, match="There are 0 candidates and 2 folds"):
        BatchedSearchCV(SMA, [], cv=2).fit(X, Y)


def test_without_refit_there_is_no_model():
    search = BatchedSearchCV(SMA, {"lr": [1e-3]}, cv=2, refit=False).fit(X, Y)
    assert not hasattr(search, "best_estimator_")
    assert search.best_params_ == {"lr": 1e-3}
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        search.predict(X)
    with pytest.raises(NotFittedError):
        BatchedSearchCV(SMA, {"lr": [1e-3]}).predict(X)


def test_search_and_estimator_are_left_as_they_are():
    search = BatchedSearchCV(SMA, {"lr": [1e-4, 3e-3]}, cv=2)
    before = search.get_params()
    search.fit(X, Y)
    assert search.get_params() == before
    assert not hasattr(SMA, "net_")
    assert clone(search).get_params(deep=False).keys() == {
        name for name in before if "__" not in name
    }


def test_batches_are_no_larger_than_asked_for():
    grid = {"lr": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]}
    search = BatchedSearchCV(SMA, grid, cv=2, max_batch=2, refit=False).fit(X, Y)
    assert [len(batch) for batch in search.batches_] == [2, 2, 1]


def test_what_is_printed_is_what_a_grid_search_prints(capsys):
    grid, printed = {"lr": [1e-4, 3e-3]}, []
    for kind in (BatchedSearchCV, GridSearchCV):
        kind(SMA, grid, cv=2, verbose=1, refit=False).fit(X, Y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


class Recorder:
    """Record which tasks begin and end."""

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        self.tasks = []

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(("end", context.task_name))

    def teardown(self, estimator, context):
        pass


def recorded(search):
    recorder = Recorder()
    search.set_callbacks(recorder)
    search.fit(X, Y)
    return recorder.tasks


def test_callbacks_hear_of_each_fit_as_of_those_of_a_grid_search():
    grid = {"lr": [1e-4, 3e-3]}
    ours = recorded(BatchedSearchCV(SMA, grid, cv=2))
    theirs = recorded(GridSearchCV(SMA, grid, cv=2))
    assert sorted(ours) == sorted(theirs)
    assert ours[0] == theirs[0]
    assert ours[-1] == theirs[-1]


@pytest.mark.parametrize("halving", [None, 2])
def test_callback_that_asks_for_models_of_each_epoch_is_served(halving):
    grid = {"lr": [1e-4, 3e-3]}
    search = BatchedSearchCV(SMA, grid, cv=2, scoring="accuracy", halving=halving)
    monitor = ScoringMonitor(scoring="accuracy")
    search.set_callbacks(monitor).fit(X, Y)
    assert search.best_params_["lr"] in grid["lr"]


def test_bars_of_progress_are_shown(capsys):
    pytest.importorskip("rich")
    for halving in (None, 2):
        search = BatchedSearchCV(SMA, {"lr": [1e-4, 3e-3]}, cv=2, halving=halving)
        search.set_callbacks(ProgressBar()).fit(X, Y)
        assert "BatchedSearchCV" in capsys.readouterr().out


def test_search_can_be_saved(tmp_path):
    for halving in (None, 2):
        search = BatchedSearchCV(SMA, GRID, cv=2, halving=halving).fit(X, Y)
        save_model(search, tmp_path / f"search{halving}")
        loaded = load_model(tmp_path / f"search{halving}")
        np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
        assert loaded.best_params_ == search.best_params_
        assert list(loaded.cv_results_) == list(search.cv_results_)


RATES = {"lr": [1e-5, 1e-4, 1e-3, 3e-3]}


@pytest.mark.processes
@pytest.mark.parametrize("model", [SMA, EFNN], ids=["stack", "one by one"])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_halving_ends_with_what_whole_fits_give(model, n_jobs):
    kwargs = {"cv": 2, "scoring": LOSS, "n_jobs": n_jobs}
    halved = BatchedSearchCV(model, RATES, halving=2, **kwargs).fit(X, Y)
    assert halved.n_candidates_ == [4, 2, 1]
    assert halved.n_resources_ == [1, 2, 4]
    results = halved.cv_results_
    assert list(results["iter"]) == [0] * 4 + [1] * 2 + [2]
    assert list(results["n_resources"]) == [1] * 4 + [2] * 2 + [4]
    assert halved.n_iterations_ == 3
    assert halved.best_index_ == 6
    whole = GridSearchCV(model, RATES, **{**kwargs, "n_jobs": None}).fit(X, Y)
    place = whole.cv_results_["params"].index(halved.best_params_)
    score = whole.cv_results_["mean_test_score"][place]
    assert halved.best_score_ == pytest.approx(score, rel=1e-2)
    assert halved.best_estimator_.n_iter_ == 4


def test_halving_trains_no_epoch_twice(monkeypatch):
    trained = []
    epoch = StackTraining._train_epoch

    def count(self):
        trained.append(len(self._in_stack))
        epoch(self)

    monkeypatch.setattr(StackTraining, "_train_epoch", count)
    BatchedSearchCV(SMA, RATES, halving=2, cv=2, refit=False).fit(X, Y)
    assert sum(trained) == 2 * (4 * 1 + 2 * 1 + 1 * 2)


def test_halving_goes_by_the_score_of_refit():
    kwargs = {"cv": 2, "halving": 2, "scoring": ["accuracy", LOSS]}
    search = BatchedSearchCV(SMA, RATES, refit=LOSS, **kwargs).fit(X, Y)
    scores = search.cv_results_[f"mean_test_{LOSS}"]
    first = [RATES["lr"].index(p["lr"]) for p in search.cv_results_["params"][4:6]]
    assert sorted(first) == sorted(np.argsort(-scores[:4])[:2])
    search = BatchedSearchCV(SMA, RATES, refit=False, **kwargs)
    with pytest.raises(ValueError, match="goes by that of refit, but got refit=False"):
        search.fit(X, Y)


def test_halving_lets_candidates_go_that_fail():
    grid = {"lr": [1e-4, 3e-3, -1.0, 1e-3]}
    search = BatchedSearchCV(SMA, grid, halving=2, cv=2)
    with (
        pytest.warns(FitFailedWarning, match="2 fits failed"),
        pytest.warns(UserWarning, match="scores are non-finite"),
    ):
        search.fit(X, Y)
    assert search.best_params_["lr"] > 0


def test_halving_where_nothing_can_be_read_fails_as_any_search():
    lacking = X.copy()
    lacking.iloc[:, 0] = np.nan
    search = BatchedSearchCV(SMA, RATES, halving=2, cv=2)
    with pytest.raises(ValueError, match="All the 8 fits failed"):
        search.fit(lacking, Y)


@pytest.mark.parametrize(
    ("model", "grid", "message"),
    [
        (
            LogisticRegression(),
            {"C": [1.0, 2.0]},
            r"\{'C': 1.0\} of Logist.* none",
        ),
        (SMA, {"max_epochs": [2, 4]}, "max_epochs is among the parameters"),
    ],
)
def test_halving_that_cannot_be_is_refused(model, grid, message):
    with pytest.raises(ValueError, match=message):
        BatchedSearchCV(model, grid, halving=2, cv=2).fit(X, Y)


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning",
    "ignore:One or more of the test scores",
    "ignore:Scoring failed",
    "ignore:invalid value encountered in cast",
)
@parametrize_with_checks(
    [BatchedSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
