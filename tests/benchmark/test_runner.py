"""Promises of the runner."""

import json
import sys
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ThreadingBackend
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score, log_loss
from sklearn.naive_bayes import GaussianNB

from skomics.benchmark import (
    ModelSpec,
    Task,
    check_permutation_control,
    rank_models,
    run_benchmark,
    win_tie_loss,
)
from skomics.benchmark import _runner as runner_module
from skomics.benchmark._models import MODELS as KNOWN
from skomics.benchmark._models import with_params
from skomics.benchmark._protocols import PROTOCOLS
from skomics.benchmark._results import COLUMNS, KEY
from skomics.benchmark._tasks import null_task

TIMES = ["fit_seconds", "score_seconds", "peak_memory_mb"]
QUICK = {"n_folds": 3, "n_repeats": 2}


class RandomVoter(ClassifierMixin, BaseEstimator):
    """Draws its predictions from the training labels."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        rng = np.random.default_rng(self.random_state)
        return rng.choice(self.classes_, len(X))


class Stubborn(DummyClassifier):
    """Fails on one fold."""

    def fit(self, X, y):
        if "patient_00" in X.index:
            raise RuntimeError("no\nthank you")
        return super().fit(X, y)


class Worried(DummyClassifier):
    def fit(self, X, y):
        warnings.warn("twice", stacklevel=2)
        warnings.warn("twice", stacklevel=2)
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        return super().fit(X, y)


def make_worried(random_state):
    return Worried()


class Hungry(DummyClassifier):
    """Takes 400 MB while it fits."""

    def fit(self, X, y):
        np.ones(50_000_000).sum()
        return super().fit(X, y)


class Interrupted(DummyClassifier):
    """Is interrupted, as by Ctrl-C, on the third fit of all."""

    n_fits = 0
    is_active = True

    def fit(self, X, y):
        Interrupted.n_fits += 1
        if Interrupted.is_active and Interrupted.n_fits == 3:
            raise KeyboardInterrupt
        return super().fit(X, y)


def make_missing(random_state):
    raise ImportError("lightgbm is needed here")


MODELS = {"bayes": GaussianNB(), "random": RandomVoter()}


def without_times(results):
    return results.drop(columns=TIMES)


def assert_same_rows(first, second):
    pd.testing.assert_frame_equal(without_times(first), without_times(second))


def test_results_have_one_row_per_fit(tiny):
    results = run_benchmark({"tiny": tiny}, MODELS, **QUICK)
    assert tuple(results.columns) == COLUMNS
    assert len(results) == 2 * 3 * 2
    assert not results.duplicated(list(KEY)).any()
    assert (results["n_train"] + results["n_test"] == 48).all()
    assert (results[["accuracy", "f1_macro", "f1_weighted"]].notna()).all(axis=None)
    assert (results["fit_seconds"] > 0).all()
    assert set(results["status"]) == {"ok"}
    assert results["random_state"].is_unique
    for name in ("scikit-learn", "system", "kernels"):
        assert f" {name}=" in results["versions"][0]


@pytest.mark.processes
def test_results_do_not_depend_on_the_number_of_processes(tiny):
    quick = with_params(KNOWN["sma"], max_epochs=2, device="cpu")
    models = [quick, "logreg"]
    options = {"n_folds": 2, "n_repeats": 2}
    alone = run_benchmark({"tiny": tiny}, models, n_jobs=1, **options)
    together = run_benchmark({"tiny": tiny}, models, n_jobs=2, **options)
    assert set(alone["status"]) == {"ok"}
    assert_same_rows(alone, together)


def test_results_do_not_depend_on_the_backend(tiny):
    """Threads of one process share torch's random state and the warnings."""
    quick = with_params(KNOWN["sma"], max_epochs=2, device="cpu")
    models = [quick, ModelSpec("worried", make_worried)]
    options = {"n_folds": 3, "n_repeats": 1}
    alone = run_benchmark({"tiny": tiny}, models, n_jobs=1, **options)
    threads = run_benchmark(
        {"tiny": tiny}, models, n_jobs=3, backend="threading", **options
    )
    assert set(alone["status"]) == {"ok"}
    assert_same_rows(alone, threads)


class AllAtOnce(ThreadingBackend):
    """Gives results back all at once, as ray's backend does."""

    supports_return_generator = False


@contextmanager
def open_all_at_once(*args):
    with parallel_config("all-at-once", n_jobs=2):
        yield lambda task: task


def test_a_backend_may_give_its_results_back_all_at_once(tiny, monkeypatch):
    register_parallel_backend("all-at-once", AllAtOnce)
    models = {"bayes": GaussianNB(), "ridge": RidgeClassifier()}
    alone = run_benchmark({"tiny": tiny}, models, n_jobs=1, **QUICK)
    monkeypatch.setattr(runner_module, "open_backend", open_all_at_once)
    together = run_benchmark({"tiny": tiny}, models, **QUICK)
    assert_same_rows(alone, together)


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.filterwarnings("ignore")
def test_results_of_ray_are_those_of_one_process(tiny):
    pytest.importorskip("ray", reason="ray is not installed")
    models = {"bayes": GaussianNB(), "ridge": RidgeClassifier()}
    options = {"n_folds": 3, "n_repeats": 1}
    alone = run_benchmark({"tiny": tiny}, models, n_jobs=1, **options)
    spread = run_benchmark({"tiny": tiny}, models, backend="ray", n_jobs=2, **options)
    assert_same_rows(alone, spread)


def test_unknown_backends_and_addresses_without_dask_are_refused(tiny):
    with pytest.raises(ValueError, match="backend='spark'. Choose from"):
        run_benchmark({"tiny": tiny}, MODELS, backend="spark")
    with pytest.raises(ValueError, match="Only dask has a scheduler; give backend="):
        run_benchmark({"tiny": tiny}, MODELS, scheduler="tcp://a:1")


@pytest.mark.parametrize(
    ("backend", "package", "message"),
    [
        ("dask", "distributed", r"pip install 'skomics\[distributed\]'"),
        ("ray", "ray.util.joblib", "Install it with: pip install ray"),
    ],
)
def test_a_backend_that_is_not_installed_says_how(
    tiny, monkeypatch, backend, package, message
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=message):
        run_benchmark({"tiny": tiny}, MODELS, backend=backend)


def test_fits_are_scored_by_their_probabilities_too(tiny):
    X, y = tiny
    models = {"bayes": GaussianNB(), "ridge": RidgeClassifier()}
    results = run_benchmark({"tiny": tiny}, models, **QUICK).set_index("model")
    assert results.loc["ridge", ["log_loss", "ece"]].isna().all(axis=None)
    fold = results.loc["bayes"].iloc[0]
    train, test = PROTOCOLS["leakage_free"].split(
        Task("t", X, y), 3, 0, runner_module._derive_seed(0, 0)
    )
    pipeline = ModelSpec("b", lambda random_state: GaussianNB()).build(
        Task("t", X, y), 0
    )
    proba = pipeline.fit(X.iloc[train], y.iloc[train]).predict_proba(X.iloc[test])
    assert fold["log_loss"] == pytest.approx(log_loss(y.iloc[test], proba))
    assert 0 <= fold["ece"] <= 1


def test_confusion_counts_the_test_samples_by_true_class(tiny):
    results = run_benchmark({"tiny": tiny}, {"dummy": DummyClassifier()}, **QUICK)
    counts = sum(np.array(json.loads(text)) for text in results["confusion"])
    assert json.loads(results["classes"][0]) == ["Basal", "LumA", "LumB"]
    assert counts.sum(axis=1).tolist() == [32, 32, 32]
    diagonal = np.array([np.trace(json.loads(c)) for c in results["confusion"]])
    np.testing.assert_allclose(diagonal / results["n_test"], results["accuracy"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_peak_memory_is_that_of_the_fit_and_not_of_an_earlier_one(tiny):
    models = {"hungry": Hungry(), "bayes": GaussianNB()}
    options = {"n_folds": 2, "n_repeats": 1, "n_jobs": 1}
    peaks = run_benchmark({"tiny": tiny}, models, **options)
    peaks = peaks.groupby("model")["peak_memory_mb"].max()
    assert peaks["bayes"] > 20
    assert 300 < peaks["hungry"] - peaks["bayes"] < 500
    assert set(run_benchmark({"tiny": tiny}, models, **options)["n_features"]) == {24}


def test_the_same_seed_gives_the_same_results_and_another_does_not(tiny):
    first, again, other = (
        run_benchmark({"tiny": tiny}, MODELS, seed=seed, **QUICK) for seed in (0, 0, 1)
    )
    assert_same_rows(first, again)
    assert not first["accuracy"].equals(other["accuracy"])


def test_results_of_a_model_do_not_depend_on_its_company(tiny):
    together = run_benchmark({"other": tiny, "tiny": tiny}, MODELS, **QUICK)
    alone = run_benchmark({"tiny": tiny}, {"random": RandomVoter()}, **QUICK)
    is_here = (together["task"] == "tiny") & (together["model"] == "random")
    assert_same_rows(together[is_here].reset_index(drop=True), alone)


def test_all_models_see_the_same_folds_and_each_sample_is_tested_once(tiny):
    X, y = tiny
    seen = {"a": [], "b": []}

    class Spy(DummyClassifier):
        def __init__(self, name="a"):
            self.name = name
            super().__init__()

        def predict(self, X):
            seen[self.name].append(list(X.index))
            return super().predict(X)

    run_benchmark({"tiny": tiny}, {name: Spy(name) for name in seen}, **QUICK)
    assert seen["a"] == seen["b"]
    first, second = seen["a"][:3], seen["a"][3:]
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == sorted(X.index)
    assert first != second


def test_f1_counts_classes_that_the_test_fold_lacks_or_nobody_predicts(tiny):
    results = run_benchmark({"tiny": tiny}, {"dummy": DummyClassifier()}, **QUICK)
    y = np.repeat(["LumA", "LumB", "Basal"], 16)
    expected = f1_score(y, np.repeat("Basal", 48), average="macro", zero_division=0)
    assert results["f1_macro"].mean() == pytest.approx(expected, abs=0.02)


def test_a_failing_model_becomes_a_row_with_its_error(tiny):
    models = {"stubborn": Stubborn(), "bayes": GaussianNB()}
    results = run_benchmark({"tiny": tiny}, models, n_folds=3, n_repeats=1)
    failed = results[results["status"] == "error"]
    assert set(failed["model"]) == {"stubborn"}
    assert len(failed) == 2
    assert set(failed["error"]) == {"RuntimeError: no thank you"}
    assert failed["accuracy"].isna().all()
    assert (results["model"] == "bayes").sum() == 3


def test_a_model_that_cannot_be_made_becomes_rows_with_its_error(tiny):
    spec = ModelSpec("lightgbm", make_missing)
    results = run_benchmark({"tiny": tiny}, [spec], **QUICK)
    assert set(results["error"]) == {"ImportError: lightgbm is needed here"}


def test_warnings_of_a_fit_are_kept_once_and_deprecations_are_not(tiny):
    results = run_benchmark({"tiny": tiny}, {"worried": Worried()}, **QUICK)
    assert set(results["warnings"]) == {"UserWarning: twice"}


def test_small_classes_reduce_the_folds_and_it_says_so(tiny):
    X, _ = tiny
    y = ["rare"] * 3 + ["common"] * 45
    message = "'tiny' gets 3 folds instead of 5, because its class 'rare' has 3 samples"
    with pytest.warns(UserWarning, match=message):
        results = run_benchmark({"tiny": (X, y)}, {"bayes": GaussianNB()}, n_repeats=1)
    assert len(results) == 3
    assert set(results["n_folds"]) == {3}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"n_folds": 1}, "n_folds=1. It must be an integer of at least 2"),
        ({"n_repeats": 0}, "n_repeats=0. It must be an integer of at least 1"),
        ({"seed": 0.5}, "seed=0.5. It must be an integer of at least 0"),
    ],
)
def test_numbers_out_of_range_are_refused(tiny, option, message):
    with pytest.raises(ValueError, match=message):
        run_benchmark({"tiny": tiny}, MODELS, **option)


def test_a_second_run_fits_nothing_again(tiny, tmp_path, monkeypatch):
    file = tmp_path / "results.csv"
    first = run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    written = file.read_bytes()
    monkeypatch.setattr(runner_module, "_run_fit", None)
    again = run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    pd.testing.assert_frame_equal(first, again)
    assert file.read_bytes() == written


@pytest.mark.parametrize("share", [0.02, 0.3, 0.55, 0.99])
def test_a_run_goes_on_after_its_file_was_cut_in_the_middle_of_a_row(
    tiny, tmp_path, share
):
    file = tmp_path / "results.csv"
    whole = run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    on_disk = pd.read_csv(file)
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    again = run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    assert_same_rows(whole, again)
    assert_same_rows(on_disk, pd.read_csv(file))


def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(
    tiny, tmp_path, monkeypatch
):
    file = tmp_path / "results.csv"
    models = {"dummy": Interrupted()}
    monkeypatch.setattr(Interrupted, "n_fits", 0)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark({"tiny": tiny}, models, output=file, n_jobs=1, **QUICK)
    assert len(pd.read_csv(file)) == 2
    monkeypatch.setattr(Interrupted, "is_active", False)
    resumed = run_benchmark({"tiny": tiny}, models, output=file, **QUICK)
    assert Interrupted.n_fits == 3 + 4
    assert_same_rows(resumed, run_benchmark({"tiny": tiny}, models, **QUICK))


def test_failed_fits_are_tried_again(tiny, tmp_path, monkeypatch):
    file = tmp_path / "results.csv"
    models = {"stubborn": Stubborn()}
    first = run_benchmark({"tiny": tiny}, models, output=file, **QUICK)
    monkeypatch.setattr(Stubborn, "fit", DummyClassifier.fit)
    again = run_benchmark({"tiny": tiny}, models, output=file, **QUICK)
    assert set(first["status"]) == {"ok", "error"}
    assert set(again["status"]) == {"ok"}
    assert len(pd.read_csv(file)) == len(again) == 6


def test_other_data_under_the_same_output_are_refused(tiny, tmp_path):
    X, y = tiny
    file = tmp_path / "results.csv"
    run_benchmark({"tiny": (X, y)}, MODELS, output=file, **QUICK)
    written = file.read_bytes()
    with pytest.raises(ValueError, match="data .SHA-256 of X and y. was .* another"):
        run_benchmark({"tiny": (X + 1, y)}, MODELS, output=file, **QUICK)
    assert file.read_bytes() == written


def test_other_parameters_under_the_same_output_are_refused(tiny, tmp_path):
    file = tmp_path / "results.csv"
    models = [{"lr": LogisticRegression(C=C)} for C in (1.0, 2.0)]
    run_benchmark({"tiny": tiny}, models[0], output=file, **QUICK)
    with pytest.raises(ValueError, match="parameters of the model .digest. was"):
        run_benchmark({"tiny": tiny}, models[1], output=file, **QUICK)


def test_more_repeats_and_models_add_to_an_output(tiny, tmp_path):
    file = tmp_path / "results.csv"
    options = {"n_folds": 3, "output": file}
    run_benchmark({"tiny": tiny}, {"bayes": GaussianNB()}, n_repeats=1, **options)
    more = run_benchmark({"tiny": tiny}, MODELS, n_repeats=2, **options)
    assert_same_rows(more, run_benchmark({"tiny": tiny}, MODELS, **QUICK))


def test_progress_is_shown_only_if_asked_for(tiny, capsys):
    run_benchmark({"tiny": tiny}, MODELS, **QUICK)
    assert capsys.readouterr() == ("", "")
    run_benchmark({"tiny": tiny}, MODELS, verbose=True, **QUICK)
    assert capsys.readouterr().err.count("macro F1") == 12


def test_a_task_is_no_control_for_its_name(tiny):
    """Non-regression test for #12: "nullipara_brca" was taken for permuted labels."""
    tasks = [Task("nullipara_brca", *tiny), null_task(Task("brca", *tiny))]
    tasks += [Task("permuted", *tiny, is_control=True)]
    results = run_benchmark(tasks, MODELS, **QUICK)
    controls = results.groupby("task")["is_control"].unique().map(list).to_dict()
    assert controls == {"nullipara_brca": [False], "null-brca": [True]} | {
        "permuted": [True]
    }
    assert set(rank_models(results)["n_tasks"]) == {1}
    assert set(win_tie_loss(results)["wins"] + win_tie_loss(results)["ties"]) <= {0, 1}
    assert set(check_permutation_control(results)["task"]) == {"null-brca", "permuted"}


def of_another_version(monkeypatch):
    made_with = runner_module._versions().replace("torch=", "torch=0.")
    monkeypatch.setattr(runner_module, "_versions", lambda: made_with)


def test_rows_of_another_torch_are_gone_on_with_on_request_only(
    tiny, tmp_path, monkeypatch
):
    """Non-regression test for #12: old and new rows were in one table, in silence."""
    file = tmp_path / "results.csv"
    with monkeypatch.context() as patch:
        of_another_version(patch)
        old = run_benchmark({"tiny": tiny}, "ridge", output=file, **QUICK)
    before = file.read_bytes()
    # Nothing is to be done, so nothing is mixed.
    again = run_benchmark({"tiny": tiny}, "ridge", output=file, **QUICK)
    pd.testing.assert_frame_equal(again, old)
    with pytest.raises(ValueError, match=r"made with torch 0\..*any_version=True"):
        run_benchmark({"tiny": tiny}, ["ridge", "logreg"], output=file, **QUICK)
    assert file.read_bytes() == before
    models = ["ridge", "logreg"]
    both = run_benchmark({"tiny": tiny}, models, output=file, any_version=True, **QUICK)
    assert both["versions"].nunique() == 2
