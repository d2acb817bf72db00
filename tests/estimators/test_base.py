"""What every classifier promises, shown on the two quickest ones."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skomics import EFNNClassifier, OmicsConcatenator, SMAClassifier
from skomics.exceptions import DeviceNotFoundError, NamelessOmicsWarning
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import SIZES, make_tiny
from tests.pickles import packages_in

EFNN = EFNNClassifier(
    hidden_layer_sizes=(16,), max_epochs=8, lr=3e-3, random_state=0, device="cpu"
)
SMA = SMAClassifier(
    n_tokens=4,
    d_model=8,
    n_heads=2,
    d_feedforward=8,
    n_ensemble=1,
    max_epochs=8,
    lr=3e-3,
    random_state=0,
    device="cpu",
)
both = pytest.mark.parametrize("estimator", [EFNN, SMA], ids=["efnn", "sma"])


# --- input ---------------------------------------------------------------------


@both
@pytest.mark.parametrize("kind", ["strings", "integers", "booleans", "categorical"])
def test_labels_come_back_as_they_were_given(estimator, kind, tiny):
    X, y = tiny
    labels = {
        "strings": y,
        "integers": y.map({"LumA": 7, "LumB": 3, "Basal": 11}),
        "booleans": y == "LumA",
        "categorical": y.astype("category"),
    }[kind]
    fitted = clone(estimator).fit(X, labels)
    assert set(fitted.predict(X)) <= set(labels)
    assert fitted.classes_.dtype == np.unique(labels).dtype
    assert_probabilities(fitted, X)


@both
def test_omics_are_read_from_the_column_names(estimator, tiny):
    X, y = tiny
    fitted = clone(estimator).fit(X, y)
    assert tuple(fitted.omics_) == tuple(SIZES)
    assert fitted.n_features_in_ == X.shape[1]
    assert list(fitted.feature_names_in_) == list(X.columns)


@both
def test_every_form_of_the_same_table_gives_the_same_model(estimator, tiny):
    X, y = tiny
    expected = clone(estimator).fit(X, y).predict_proba(X)
    two_level = X.copy()
    two_level.columns = pd.MultiIndex.from_tuples(c.split("__") for c in X.columns)
    as_array = clone(estimator).set_params(omics=dict(SIZES))
    forms = {
        "two levels": (estimator, two_level),
        "array": (as_array, X.to_numpy()),
        "float32": (as_array, X.to_numpy(np.float32)),
        "csr": (as_array, sparse.csr_array(X.to_numpy())),
        "coo": (as_array, sparse.coo_matrix(X.to_numpy())),
    }
    for name, (model, table) in forms.items():
        proba = clone(model).fit(table, y).predict_proba(table)
        np.testing.assert_array_equal(proba, expected, err_msg=name)


@both
@pytest.mark.parametrize("order", ["C", "F"])
def test_networks_see_rows_in_one_layout_whatever_that_of_x(estimator, order, tiny):
    """Some processors round a product by the layout of its factors."""
    X, y = tiny
    seen = []
    fitted = clone(estimator).set_params(omics=dict(SIZES)).fit(X.to_numpy(), y)
    fitted.net_.module_.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].is_contiguous())
    )
    fitted.predict_proba(np.asarray(X, order=order))
    assert seen == [True]


@both
def test_anndata_gives_the_same_model_as_a_table(estimator, tiny):
    anndata = pytest.importorskip("anndata")
    X, y = tiny
    expected = clone(estimator).fit(X, y).predict_proba(X)
    adata = anndata.AnnData(sparse.csr_matrix(X.to_numpy()))
    adata.obs_names, adata.var_names = X.index, X.columns
    fitted = clone(estimator).fit(adata, y)
    np.testing.assert_array_equal(fitted.predict_proba(adata), expected)
    assert list(fitted.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="names should match"):
        fitted.predict(adata[:, ::-1])


def test_nameless_table_is_one_modality_with_a_warning_that_says_the_cure(tiny):
    X, y = tiny
    with pytest.warns(NamelessOmicsWarning, match="Use OmicsConcatenator"):
        fitted = clone(SMA).fit(X.to_numpy(), y)
    assert len(fitted.omics_) == 1


def test_early_fusion_does_not_care_and_does_not_warn(tiny):
    X, y = tiny
    clone(EFNN).fit(X.to_numpy(), y)


@both
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_error_for_non_finite_values_names_the_omics(estimator, value, tiny):
    X, y = tiny
    bad = X.copy()
    bad.iloc[3:5, 14] = value
    kind = "NaN" if np.isnan(value) else "infinity"
    message = rf"'methylation' contains {kind}: 2 value\(s\) in 2 of 48 samples and 1 "
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(bad, y)
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(X, y).predict(bad)


@both
def test_error_for_one_class(estimator, tiny):
    X, y = tiny
    with pytest.raises(ValueError, match="one class only, 'LumA'"):
        clone(estimator).fit(X, ["LumA"] * len(X))


@both
def test_class_with_one_member_can_be_learned_from(estimator, tiny):
    X, y = tiny
    y = y.copy()
    y.iloc[0] = "rare"
    assert "rare" in clone(estimator).fit(X, y).classes_


def test_error_for_holding_out_a_part_of_a_class_with_one_member(tiny):
    X, y = tiny
    y = y.copy()
    y.iloc[0] = "rare"
    with pytest.raises(ValueError, match="Class 'rare' has 1 distinct sample"):
        clone(EFNN).set_params(early_stopping=True).fit(X, y)


@both
def test_error_for_other_columns_at_predict(estimator, tiny):
    X, y = tiny
    fitted = clone(estimator).fit(X, y)
    with pytest.raises(ValueError, match="yet now missing:\n- rna__r0"):
        fitted.predict(X.drop(columns="rna__r0"))
    with pytest.raises(ValueError, match="same order"):
        fitted.predict(X.iloc[:, ::-1])


@both
def test_error_for_predict_before_fit(estimator, tiny):
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(ValueError, match="is not fitted yet"):
            getattr(clone(estimator), method)(tiny[0])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_error_for_a_gpu_that_is_not_there(tiny):
    with pytest.raises(DeviceNotFoundError, match="device='cuda' was asked for, but"):
        clone(EFNN).set_params(device="cuda").fit(*tiny)


def test_error_for_a_device_that_does_not_exist(tiny):
    with pytest.raises(ValueError, match="not a name that torch knows"):
        clone(EFNN).set_params(device="gpu please").fit(*tiny)


def test_error_for_training_that_diverges_says_what_to_do(tiny):
    X, y = tiny
    wild = clone(EFNN).set_params(optimizer="sgd", lr=1e6, lr_schedule="constant")
    with pytest.raises(ValueError, match="Training diverged: the train loss is"):
        wild.fit(X * 1e4, y)


# --- determinism ---------------------------------------------------------------


@both
def test_seed_fixes_the_model_to_the_bit(estimator, tiny):
    assert_seed_stable(estimator, *tiny)


@both
def test_fitting_leaves_the_global_generators_as_they_were(estimator, tiny):
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002 - the global generator is the subject
    expected = torch.rand(2), np.random.rand(2)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    fitted = clone(estimator).fit(*tiny)
    pickle.loads(pickle.dumps(fitted)).predict_proba(tiny[0])
    assert torch.equal(torch.rand(2), expected[0])
    np.testing.assert_array_equal(np.random.rand(2), expected[1])  # noqa: NPY002


def test_fitting_leaves_the_number_of_threads_as_it_was(tiny):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        clone(EFNN).fit(*tiny)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.processes
@both
def test_scores_are_the_same_for_any_number_of_jobs(estimator, tiny):
    X, y = tiny
    one, two = (
        cross_val_score(estimator, X, y, cv=3, scoring="neg_log_loss", n_jobs=n_jobs)
        for n_jobs in (None, 2)
    )
    np.testing.assert_array_equal(one, two)


@both
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_training_samples_does_not_matter(estimator, seed):
    X, y = make_tiny(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    expected = clone(estimator).fit(X, y).predict_proba(X)
    shuffled = clone(estimator).fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(shuffled.predict_proba(X), expected)


@both
@settings(max_examples=5, deadline=None)
@given(order=st.permutations(list(SIZES)))
def test_order_of_the_omics_does_not_matter(estimator, order):
    X, y = make_tiny()
    moved = X[[c for o in order for c in X.columns if c.startswith(f"{o}__")]]
    expected = clone(estimator).fit(X, y).predict_proba(X)
    actual = clone(estimator).fit(moved, y).predict_proba(moved)
    np.testing.assert_array_equal(actual, expected)


@pytest.fixture(scope="module", params=[EFNN, SMA], ids=["efnn", "sma"])
def fitted(request):
    X, y = make_tiny()
    return clone(request.param).fit(X, y), X


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, 47), min_size=1, max_size=60))
def test_prediction_does_not_depend_on_the_other_rows(fitted, rows):
    estimator, X = fitted
    whole = estimator.predict_proba(X)[rows]
    part = estimator.predict_proba(X.iloc[rows])
    np.testing.assert_allclose(part, whole, rtol=1e-12, atol=1e-14)


@both
def test_float32_and_float64_give_the_same_model(estimator, tiny):
    X, y = tiny
    expected = clone(estimator).fit(X.astype(np.float32), y)
    actual = clone(estimator).fit(X.astype(np.float32).astype(np.float64), y)
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))


# --- weights -------------------------------------------------------------------


@both
def test_weight_of_two_is_exactly_two_copies(estimator, tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    weighted = clone(estimator).fit(X, y, sample_weight=weights)
    repeated = clone(estimator).fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_scaling_all_weights_changes_nothing(tiny):
    X, y = tiny
    w = np.linspace(1, 2, len(X))
    one, ten = (clone(EFNN).fit(X, y, sample_weight=k * w) for k in (1, 8))
    np.testing.assert_allclose(ten.predict_proba(X), one.predict_proba(X), rtol=1e-4)


@pytest.mark.parametrize("class_weight", ["balanced", {"LumA": 5.0}])
def test_class_weight_is_the_same_as_sample_weight(class_weight, tiny):
    X, y = tiny
    X, y = X.iloc[:-10], y.iloc[:-10]
    by_class = clone(EFNN).set_params(class_weight=class_weight).fit(X, y)
    counts = y.value_counts()
    per_class = len(y) / (3 * counts) if class_weight == "balanced" else class_weight
    weights = y.map(lambda label: dict(per_class).get(label, 1.0))
    by_sample = clone(EFNN).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(
        by_class.predict_proba(X), by_sample.predict_proba(X), rtol=1e-4
    )


# --- training ------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("lr_schedule", ["constant", "cosine"])
def test_every_optimizer_and_schedule_lowers_the_loss(optimizer, lr_schedule, tiny):
    model = clone(EFNN).set_params(optimizer=optimizer, lr_schedule=lr_schedule)
    loss = model.fit(*tiny).history_["train_loss"]
    assert loss.iloc[-1] < 0.9 * loss.iloc[0]


def test_history_has_a_row_per_epoch(tiny):
    fitted = clone(EFNN).fit(*tiny)
    assert list(fitted.history_.columns) == ["epoch", "train_loss", "seconds"]
    assert fitted.n_iter_ == len(fitted.history_) == 8
    watched = clone(EFNN).set_params(early_stopping=True, max_epochs=3).fit(*tiny)
    assert "valid_loss" in watched.history_


@pytest.mark.parametrize("validation_fraction", [0.25, None])
def test_early_stopping_keeps_the_best_epoch(validation_fraction, tiny):
    model = clone(EFNN).set_params(
        early_stopping=True,
        validation_fraction=validation_fraction,
        n_iter_no_change=2,
        max_epochs=200,
        lr=0.1,
        lr_schedule="constant",
    )
    fitted = model.fit(*tiny)
    assert fitted.n_iter_ < 200
    watched = "train_loss" if validation_fraction is None else "valid_loss"
    losses = fitted.history_[watched]
    assert losses.iloc[-1] >= losses.min()
    stopping = dict(fitted.net_.callbacks_)["early_stopping"]
    assert stopping.best_epoch_ < fitted.n_iter_


def test_warm_start_goes_on_where_it_stopped(tiny):
    X, y = tiny
    model = clone(EFNN).set_params(warm_start=True).fit(X, y)
    first = model.history_["train_loss"].iloc[-1]
    model.fit(X, y)
    assert model.n_iter_ == 16
    assert model.history_["train_loss"].iloc[8] < 1.5 * first
    cold = clone(EFNN).fit(X, y).fit(X, y)
    assert cold.n_iter_ == 8


def test_warm_start_refuses_other_classes(tiny):
    X, y = tiny
    model = clone(EFNN).set_params(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="warm_start=True goes on from a network"):
        model.fit(X, y.replace("LumA", "LumC"))


def test_training_never_prints(tiny, capsys):
    X, y = tiny
    model = clone(EFNN).set_params(early_stopping=True, n_iter_no_change=1, lr=0.1)
    model.set_params(max_epochs=30, lr_schedule="constant").fit(X, y)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


class Recorder(Callback):
    """A skorch callback that notes what it is told."""

    def initialize(self):
        self.seen_ = []
        return self

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.seen_.append("batch")

    def on_epoch_end(self, net, **kwargs):
        self.seen_.append("epoch")
        if len(net.history) == 3:
            raise KeyboardInterrupt  # how a skorch callback stops training


def test_skorch_callbacks_are_called_and_may_stop(tiny):
    recorder = Recorder()
    fitted = clone(EFNN).set_params(callbacks=[recorder]).fit(*tiny)
    assert fitted.n_iter_ == 3
    seen = dict(fitted.net_.callbacks_)["Recorder"].seen_
    assert seen == ["batch", "batch", "epoch"] * 3


class PressesControlC(Callback):
    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        raise KeyboardInterrupt


def test_interrupt_from_the_keyboard_is_not_swallowed(tiny):
    model = clone(EFNN).set_params(callbacks=[PressesControlC()])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*tiny)


# --- scikit-learn's callbacks --------------------------------------------------


def test_progress_bar_shows_epochs(tiny, capsys):
    pytest.importorskip("rich")
    clone(EFNN).set_callbacks(ProgressBar()).fit(*tiny)
    assert "EFNNClassifier - fit" in capsys.readouterr().out


def test_progress_bars_nest_inside_a_grid_search(tiny, capsys):
    pytest.importorskip("rich")
    search = GridSearchCV(clone(EFNN), {"lr": [1e-3, 3e-3]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*tiny)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert "EFNNClassifier - fit" in shown


def test_scoring_monitor_scores_every_epoch_as_it_stood(tiny):
    monitor = ScoringMonitor(scoring="neg_log_loss")
    fitted = clone(EFNN).set_callbacks(monitor).fit(*tiny)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"] == "epoch"]["neg_log_loss"]
    assert len(epochs) == 8
    assert epochs.iloc[-1] > epochs.iloc[0]
    final = get_scorer("neg_log_loss")(fitted, *tiny)
    assert epochs.iloc[-1] == pytest.approx(final)


# --- state ---------------------------------------------------------------------


@both
def test_state_is_numpy_and_plain_python(estimator, tiny):
    state = clone(estimator).fit(*tiny).__getstate__()
    net = state["_net_state"]
    assert all(type(w) is np.ndarray for w in net["weights"].values())
    json.dumps([net["architecture"], state["_history"], state["_epoch_seconds"]])
    assert packages_in(state).isdisjoint({"torch", "pandas"})


@both
def test_pickled_model_predicts_the_same(estimator, tiny):
    fitted = clone(estimator).fit(*tiny)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.predict_proba(tiny[0]), fitted.predict_proba(tiny[0])
    )
    pd.testing.assert_frame_equal(again.history_, fitted.history_)
    assert again.net_.history.to_list() == fitted.net_.history.to_list()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_model_trained_on_a_gpu_loads_where_there_is_none(tiny):
    fitted = clone(EFNN).fit(*tiny)
    expected = fitted.predict_proba(tiny[0])
    fitted.device = "cuda"  # as if it had been trained there
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(tiny[0]), expected)


def test_pickled_model_predicts_in_another_process(tiny, tmp_path):
    fitted = clone(SMA).fit(*tiny)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((fitted, tiny[0])))
    code = (
        "import pickle, sys; model, X = pickle.load(open(sys.argv[1], 'rb')); "
        "print(model.predict_proba(X).tobytes().hex())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.pkl")],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    ).stdout
    assert printed.strip() == fitted.predict_proba(tiny[0]).tobytes().hex()


# --- inside unmodified scikit-learn --------------------------------------------


def two_level(X):
    X = X.copy()
    X.columns = pd.MultiIndex.from_tuples(c.split("__") for c in X.columns)
    return X


def pipeline(estimator):
    steps = make_pipeline(StandardScaler(), SelectKBest(k=4))
    return Pipeline([("omics", OmicsConcatenator(steps)), ("clf", clone(estimator))])


@pytest.mark.processes
@both
def test_grid_search_over_omics_and_training_parameters(estimator, tiny):
    X, y = tiny
    grid = {
        "omics__transformer__selectkbest__k": [2, 4],
        "clf__batch_size": [16],
        "clf__lr": [3e-3],
        "clf__weight_decay": [0.0, 0.01],
    }
    search = GridSearchCV(pipeline(estimator), grid, cv=2, n_jobs=2)
    search.fit(two_level(X), y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_["clf"].n_features_in_ in (6, 12)
    assert search.predict(two_level(X)).shape == (48,)


@both
def test_calibration_stacking_and_permutation_importance(estimator, tiny):
    X, y = tiny
    calibrated = CalibratedClassifierCV(estimator, cv=2).fit(X, y)
    assert_probabilities(calibrated, X)
    members = [("net", estimator), ("ridge", LogisticRegression())]
    stack = StackingClassifier(members, cv=2).fit(X, y)
    assert stack.score(X, y) > 0.8
    importance = permutation_importance(
        clone(estimator).fit(X, y), X, y, n_repeats=2, random_state=0
    )
    assert importance.importances_mean.shape == (X.shape[1],)


def test_sample_weight_is_routed_through_a_pipeline(tiny):

    X, y = tiny
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = Pipeline([("omics", OmicsConcatenator(scaler)), ("clf", clone(EFNN))])
        model["clf"].set_fit_request(sample_weight=True)
        model.fit(two_level(X), y, sample_weight=(y == "LumA") * 9.0 + 1.0)
        plain = clone(model).fit(two_level(X), y)
    weighted = model.predict_proba(two_level(X))
    assert not np.array_equal(weighted, plain.predict_proba(two_level(X)))


@both
def test_noise_scores_at_chance_with_selection_in_the_pipeline(estimator):
    # A leak would show: the same selection on all samples scores above 0.9.
    rng = np.random.default_rng(0)
    columns = pd.MultiIndex.from_product([["rna", "mirna"], range(1000)])
    X = pd.DataFrame(rng.normal(size=(120, 2000)), columns=columns)
    y = rng.permutation(np.arange(120) % 4)
    cv = StratifiedKFold(4, shuffle=True, random_state=0)
    steps = make_pipeline(StandardScaler(), SelectKBest(k=20))
    model = make_pipeline(OmicsConcatenator(steps), clone(estimator))
    scores = cross_val_score(model, X, y, cv=cv)
    # 3 standard errors of an accuracy of 1/4 on 120 samples are 0.12.
    assert abs(scores.mean() - 0.25) < 0.12
