"""Fits side by side, whatever surrounds them, and fits that end early."""

import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import Callback

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    MoGCNClassifier,
    SMAClassifier,
)
from skomics.exceptions import MissingOmicsWarning, StopTraining
from tests.conftest import SIZES, make_tiny
from tests.test_common import quick_estimators

# Batches, dropped features and dropped omics: all that is drawn at random.
CLASSIFIERS = [
    clone(estimator).set_params(
        **{"pretrain_epochs": 2} if hasattr(estimator, "pretrain_epochs") else {},
        max_epochs=2,
        batch_size=24,
        modality_dropout=0.2,
    )
    for estimator in quick_estimators()
    if hasattr(estimator, "max_epochs")
]
every_classifier = pytest.mark.parametrize(
    "model", CLASSIFIERS, ids=lambda model: type(model).__name__
)
EFNN = EFNNClassifier(hidden_layer_sizes=(16,), max_epochs=8, random_state=0)
SEEDS = range(16)  # two for each of eight threads


def proba_of_seed(model, seed, X, y):
    return clone(model).set_params(random_state=seed).fit(X, y).predict_proba(X)


# --- side by side --------------------------------------------------------------


@every_classifier
def test_fits_in_eight_threads_are_those_of_one_after_another(model, tiny):
    X, y = tiny
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    expected = [proba_of_seed(model, seed, X, y) for seed in SEEDS]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(proba_of_seed, model, seed, X, y) for seed in SEEDS]
        actual = [job.result(timeout=120) for job in jobs]
    np.testing.assert_array_equal(actual, expected)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("model", CLASSIFIERS[-1:], ids=["SMAClassifier"])
def test_predictions_in_another_thread_change_no_fit(model, tiny):
    X, y = tiny
    fitted = clone(model).set_params(random_state=0).fit(X, y)
    expected = proba_of_seed(model, 1, X, y)
    with ThreadPoolExecutor(2) as pool:
        job = pool.submit(lambda: [proba_of_seed(model, 1, X, y) for _ in range(6)])
        while not job.done():
            fitted.predict_proba(X)
    np.testing.assert_array_equal(job.result(timeout=120), [expected] * 6)


def test_cross_validation_gives_the_same_in_threads(tiny):
    def predict():
        return cross_val_predict(EFNN, *tiny, cv=4, method="predict_proba")

    expected = predict()
    with joblib.parallel_config("threading", n_jobs=4):
        np.testing.assert_array_equal(predict(), expected)


def test_threaded_scheduler_of_dask_gives_the_same(tiny):
    dask = pytest.importorskip("dask")
    X, y = tiny
    jobs = [dask.delayed(proba_of_seed)(EFNN, seed, X, y) for seed in range(4)]
    actual = dask.compute(*jobs, scheduler="threads", num_workers=4)
    expected = [proba_of_seed(EFNN, seed, X, y) for seed in range(4)]
    np.testing.assert_array_equal(actual, expected)


# --- the state of torch around a fit -------------------------------------------


@contextmanager
def switched(switch, value, before):
    switch(value)
    try:
        yield
    finally:
        switch(before)


SURROUNDINGS = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default_dtype": lambda: switched(
        torch.set_default_dtype, torch.float64, torch.float32
    ),
    "default_device": lambda: switched(torch.set_default_device, "meta", None),
    "deterministic": lambda: switched(torch.use_deterministic_algorithms, True, False),
}


@every_classifier
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_state_of_torch_around_it_changes_nothing(name, model, tiny):
    X, y = tiny
    X = X.copy()
    X.iloc[::4, : SIZES["rna"]] = np.nan
    model = clone(model).set_params(random_state=0, max_epochs=2)
    expected = clone(model).fit(X, y)
    with SURROUNDINGS[name]():
        fitted = clone(model).fit(X, y)
        inside = expected.predict_proba(X)
        loaded = pickle.loads(pickle.dumps(expected))
    outside = expected.predict_proba(X)
    np.testing.assert_array_equal(inside, outside)
    np.testing.assert_array_equal(fitted.predict_proba(X), outside)
    np.testing.assert_array_equal(loaded.predict_proba(X), outside)
    loaded.set_params(warm_start=True).fit(X, y)


def test_saved_state_is_that_of_a_default_dtype(tiny):
    with switched(torch.set_default_dtype, torch.float64, torch.float32):
        state = clone(EFNN).fit(*tiny).__getstate__()
    assert {w.dtype for w in state["_net_state"]["weights"].values()} == {
        np.dtype(np.float32)
    }


@contextmanager
def precision(value):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(value)
    try:
        yield
    finally:
        assert torch.get_float32_matmul_precision() == value
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("value", ["medium", "high"])
def test_precision_of_products_around_it_changes_nothing(value, tiny):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 300)), np.arange(60) % 3
    model = clone(EFNN).set_params(hidden_layer_sizes=(128,), max_epochs=3)
    expected = clone(model).fit(X, y).predict_proba(X)
    with precision(value):
        fitted = clone(model).fit(X, y)
        inside = fitted.predict_proba(X)
    np.testing.assert_array_equal(inside, expected)


# --- parameters that are set after fit -----------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"n_heads": 2},
        {"n_tokens": 2, "d_model": 8},
        {"modality_dropout": 0.5},
        {"device": "no device"},
        {"net_params": {"module__nothing": 1}},
        {"optimizer": "nothing"},
    ],
    ids=str,
)
def test_fitted_model_is_rebuilt_from_what_it_was_fitted_with(params, tiny):
    X, y = tiny
    model = clone(CLASSIFIERS[-1]).set_params(random_state=0).fit(X, y)
    expected = model.predict_proba(X)
    model.set_params(**params)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert again.get_params() == model.get_params()


@pytest.mark.parametrize("model", [EFNN, BlockRidgeClassifier()], ids=["net", "ridge"])
@pytest.mark.parametrize("n_threads", [-1, 0, "2", 2.0, True, 10**9])
def test_number_of_threads_that_is_none_is_refused_and_leaves_nothing(
    n_threads, model, tiny
):
    X, y = tiny
    fitted = clone(model).fit(X, y)
    expected = fitted.predict_proba(X)
    fitted.set_params(n_threads=n_threads)
    with pytest.raises(ValueError, match="n_threads=.* 1 to 4096, or None, is wanted"):
        fitted.predict(X)
    fitted.set_params(n_threads=1)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)
    clone(model).fit(X, y)


def test_inference_that_is_none_is_refused_in_prediction(tiny):
    fitted = clone(CLASSIFIERS[-2]).fit(*tiny).set_params(inference="guess")
    with pytest.raises(ValueError, match="Got inference='guess', but .* are known"):
        fitted.predict(tiny[0])


def test_network_that_is_trained_on_keeps_its_projection():
    X, y = np.random.default_rng(0).normal(size=(40, 900)), np.arange(40) % 2
    model = SMAClassifier(
        linear_path=None, token_projection="shared", max_epochs=1, omics=[500, 400]
    ).fit(X, y)
    model.set_params(token_projection="per_token", warm_start=True).fit(X, y)
    assert model.n_iter_ == 2


def test_rebuilt_model_needs_no_parameters_of_the_net(tiny):
    model = clone(EFNN).set_params(net_params={"compile": True})
    model.net_params = None
    fitted = model.fit(*tiny)
    fitted.set_params(net_params={"compile": True})
    again = pickle.loads(pickle.dumps(fitted))
    assert again.net_.compile is False


# --- fits that end early -------------------------------------------------------


class Presses(Callback):
    """Press Ctrl-C at the end of the second epoch."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) >= 2:
            signal.raise_signal(signal.SIGINT)


class FailsInBatch(Callback):
    def on_batch_end(self, net, training=None, **kwargs):
        if training and len(net.history) >= 2:
            raise KeyboardInterrupt


class FailsInEpoch(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) >= 2:
            raise RuntimeError("no more")


class FailsAtEnd(Callback):
    def on_train_end(self, net, **kwargs):
        raise MemoryError


ENDINGS = [Presses, FailsInBatch, FailsInEpoch, FailsAtEnd]
every_ending = pytest.mark.parametrize("ending", ENDINGS, ids=lambda e: e.__name__)


def end_early(model, ending, X, y):
    model.set_params(callbacks=[ending()])
    torch_state = torch.random.get_rng_state(), torch.get_num_threads()
    with pytest.raises((KeyboardInterrupt, RuntimeError, MemoryError)):
        model.fit(X, y)
    assert torch.equal(torch.random.get_rng_state(), torch_state[0])
    assert torch.get_num_threads() == torch_state[1]
    return model.set_params(callbacks=None)


@every_ending
def test_first_fit_that_ends_early_leaves_nothing(ending, tiny):
    X, y = tiny
    model = clone(EFNN)
    before = dict(vars(model))
    end_early(model, ending, X, y)
    assert vars(model) == before
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not hasattr(model, "history_")
    assert model.set_params(warm_start=True).fit(X, y).n_iter_ == 8


@every_ending
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("kind", [EFNN, CLASSIFIERS[-2]], ids=["efnn", "mogcn"])
def test_refit_that_ends_early_leaves_the_former_model(ending, warm_start, kind, tiny):
    X, y = tiny
    model = clone(kind).set_params(warm_start=warm_start, random_state=0).fit(X, y)
    before, expected = dict(vars(model)), model.predict_proba(X)
    history, n_iter = model.history_, model.n_iter_
    other = make_tiny(seed=1)[0]
    end_early(model, ending, other, y)
    assert {k: v for k, v in vars(model).items() if v is not before.get(k)} == {}
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert model.history_.equals(history)
    assert model.n_iter_ == n_iter == len(history)
    model.fit(X, y)


def test_refused_warm_start_leaves_the_former_model(tiny):
    X, y = tiny
    model = clone(EFNN).set_params(warm_start=True, lr=0.03).fit(X, y)
    accuracy = model.score(X, y)
    with pytest.raises(ValueError, match="warm_start=True goes on from a network"):
        model.fit(X, "other " + y)
    assert model.score(X, y) == accuracy > 0.9


def test_refit_on_bad_input_leaves_the_former_model(tiny):
    X, y = tiny
    model = clone(EFNN).fit(X, y)
    expected = model.predict_proba(X)
    bad = X.iloc[:, :10].copy()
    bad.iloc[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        model.fit(bad, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize(("values", "max_epochs"), [(1e4, 5), (1e30, 1)])
def test_first_fit_that_diverges_leaves_nothing_to_predict_with(
    values, max_epochs, tiny
):
    X, y = tiny
    model = clone(EFNN).set_params(optimizer="sgd", lr=1e6, max_epochs=max_epochs)
    with pytest.raises(ValueError, match="Training diverged: .* below lr=1000000"):
        model.fit(X * values, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_nothing_fitted_shows_before_all_of_it_does(tiny):
    seen = []

    class Looks(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(sorted(name for name in vars(model) if name.endswith("_")))

    model = clone(EFNN).set_params(callbacks=[Looks()])
    model.fit(*tiny)
    assert seen == [[]] * 8


class Stops(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 3:
            raise StopTraining


def test_callback_may_stop_with_the_exception_of_skomics(tiny):
    assert clone(EFNN).set_params(callbacks=[Stops()]).fit(*tiny).n_iter_ == 3


def test_early_stopping_of_skorch_may_stop(tiny):
    stopping = skorch_callbacks.EarlyStopping("train_loss", patience=2, threshold=10)
    assert clone(EFNN).set_params(callbacks=[stopping]).fit(*tiny).n_iter_ == 3


def test_fitted_model_does_not_keep_the_training_data_of_a_report(tiny):
    fitted = clone(EFNN).set_callbacks(ScoringMonitor(scoring="accuracy")).fit(*tiny)
    assert fitted.net_.callbacks_ == []


# --- what fit and predict refuse -----------------------------------------------


@pytest.mark.parametrize(
    ("callback", "instead"),
    [
        (skorch_callbacks.EpochScoring("accuracy"), "ScoringMonitor"),
        (("score", skorch_callbacks.BatchScoring("accuracy")), "ScoringMonitor"),
        (skorch_callbacks.Checkpoint, "early_stopping=True.*save_model"),
        (skorch_callbacks.TrainEndCheckpoint(), "warm_start=True"),
        (skorch_callbacks.ProgressBar(), r"set_callbacks\(ProgressBar\(\)\)"),
        (skorch_callbacks.InputShapeSetter(), "Leave it out"),
    ],
    ids=["epochs", "batches", "checkpoint", "train_end", "progress", "shape"],
)
def test_callbacks_that_cannot_work_are_refused_by_name(callback, instead, tiny):
    kind = callback[1] if isinstance(callback, tuple) else callback
    name = getattr(kind, "__name__", type(kind).__name__)
    model = clone(EFNN).set_params(callbacks=[callback])
    with pytest.raises(TypeError, match=f"holds skorch's {name}, .*{instead}"):
        model.fit(*tiny)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (1e308, "weights of sample_weight range from .* sum to inf"),
        (0.0, "at least one non-zero number"),
    ],
)
def test_weights_without_a_finite_positive_sum_are_refused(weight, message, tiny):
    with pytest.raises(ValueError, match=message):
        clone(EFNN).fit(*tiny, sample_weight=np.full(48, weight))


@pytest.mark.parametrize("weight", [0.0, 1e308, -1.0, np.nan])
def test_class_weights_without_a_finite_positive_sum_are_refused(weight, tiny):
    X, y = tiny
    class_weight = dict.fromkeys(y.unique(), weight)
    with pytest.raises(ValueError, match="weights of class_weight range from .* sum"):
        clone(EFNN).set_params(class_weight=class_weight).fit(X, y)


def test_answers_that_are_not_finite_are_refused(tiny):
    X, y = tiny
    fitted = clone(EFNN).fit(X, y)
    for layer in (0, 2):  # 3e38 times 1e300, and once more, is no number
        fitted.net_.module_.double().layers[layer].weight.data.mul_(1e300)
    X = X.copy()
    X.iloc[1:3] = 3e38
    X.iloc[[0, *range(3, len(X))]] = 0.0
    message = (
        "has no finite answer for 2 of 48 samples, the first in row 1: .* too large"
    )
    with pytest.raises(ValueError, match=message):
        fitted.predict(X)


@pytest.mark.parametrize("model", [EFNN, BlockRidgeClassifier()], ids=["net", "ridge"])
def test_labels_that_are_missing_or_mixed_are_refused(model, tiny):
    X, y = tiny
    some = y.astype(object).copy()
    some.iloc[5:7] = None
    message = "y has no label for 2 of 48 samples, e.g. .*, the first in row 5"
    with pytest.raises(ValueError, match=message):
        clone(model).fit(X, some)
    some.iloc[5:7] = 3
    with pytest.raises(ValueError, match=r"mixes labels of the kinds \['int', 'str'\]"):
        clone(model).fit(X, some)


# --- what is said of missing modalities ---------------------------------------------


@pytest.mark.parametrize(
    ("lacks", "rate", "message"),
    [
        (True, "auto", "trained with samples that lack modalities"),
        (False, 0.2, "on complete samples, and prepared by modality_dropout=0.2"),
        (False, "auto", "on complete samples only"),
    ],
)
def test_warning_of_absent_omics_says_how_the_model_was_trained(
    lacks, rate, message, tiny
):
    X, y = tiny
    absent = X.copy()
    absent.iloc[:, : SIZES["rna"]] = np.nan
    if lacks:
        X = X.copy()
        X.iloc[::4, : SIZES["rna"]] = np.nan
    fitted = clone(EFNN).set_params(modality_dropout=rate).fit(X, y)
    with pytest.warns(MissingOmicsWarning, match=message):
        fitted.predict(absent)


@pytest.mark.parametrize("kind", [SMAClassifier, MoGCNClassifier])
def test_complete_samples_are_answered_alike_before_and_after_loading(kind, tiny):
    model = next(clone(m) for m in CLASSIFIERS if isinstance(m, kind))
    X, y = tiny
    partial = X.copy()
    partial.iloc[::4, : SIZES["rna"]] = np.nan
    fitted = model.set_params(random_state=0).fit(partial, y)
    expected = fitted.predict_proba(X)
    fitted.predict_proba(partial)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
