"""What holds on a CUDA device; skipped where there is none."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skomics import (
    EFCNNClassifier,
    EFNNClassifier,
    LFCNNClassifier,
    LFNNClassifier,
    MoGATClassifier,
    MoGCNClassifier,
    SMAClassifier,
    save_model,
)
from skomics.datasets import make_intersim
from skomics.estimators._checkpoint import TrainingCheckpoint
from skomics.estimators._cuda_graph import StepRecorder
from skomics.estimators._net import OmicsNet
from skomics.exceptions import DeviceMemoryError
from skomics.model_selection import BatchedSearchCV

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"
)
DENSE = [
    SMAClassifier,
    EFNNClassifier,
    LFNNClassifier,
    EFCNNClassifier,
    LFCNNClassifier,
]
SEVEN = [*DENSE, MoGCNClassifier, MoGATClassifier]
X, Y = make_intersim(n_samples=90, n_clusters=3, effect=0.5, random_state=0)


def make(kind, **params):
    model = kind(device="cuda", random_state=0, batch_size=16)
    return model.set_params(**params)


def weights(model):
    return {k: v.cpu() for k, v in model.net_.module_.state_dict().items()}


def assert_same_weights(one, other):
    one, other = weights(one), weights(other)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=0, atol=0, msg=name)


@pytest.fixture
def recorded(monkeypatch):
    """Return the recorders of the fits that follow."""
    made, init = [], StepRecorder.__init__

    def note(self, *args, **kwargs):
        init(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(StepRecorder, "__init__", note)
    return made


@pytest.fixture
def refusing(monkeypatch):
    """Return a function after which no step is recorded."""

    def refuse(self, batch):
        self.refusal = "asked for"

    return lambda: monkeypatch.setattr(StepRecorder, "_record", refuse)


@pytest.mark.parametrize("kind", SEVEN)
def test_auto_trains_there_and_learns(kind):
    model = kind(random_state=0).fit(X, Y)
    assert model.net_.torch_device.type == "cuda"
    assert model.score(X, Y) > 0.9


# moGAT's sums over edges are taken in any order there.
@pytest.mark.parametrize("kind", SEVEN[:-1])
def test_a_seed_gives_the_same_model_twice(kind):
    model = kind(device="cuda", random_state=0)
    assert_same_weights(clone(model).fit(X, Y), clone(model).fit(X, Y))


PREDICT = """
import sys
import numpy as np
import pandas as pd
import torch
from skomics import load_model
assert not torch.cuda.is_available()
X = pd.read_pickle(sys.argv[1])
for path in sys.argv[2:]:
    np.save(path + ".npy", load_model(path).predict_proba(X))
"""


def test_a_saved_model_predicts_the_same_without_the_device(tmp_path):
    X.to_pickle(tmp_path / "X.pkl")
    probabilities = {}
    for kind in SEVEN:
        path = str(tmp_path / kind.__name__)
        model = kind(device="auto", max_epochs=3, random_state=0).fit(X, Y)
        probabilities[path] = model.predict_proba(X)
        save_model(model, path)
    subprocess.run(
        [sys.executable, "-c", PREDICT, str(tmp_path / "X.pkl"), *probabilities],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        check=True,
        timeout=120,
    )
    for path, proba in probabilities.items():
        np.testing.assert_allclose(np.load(path + ".npy"), proba, atol=1e-9)


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": "sgd", "lr": 1e-3},
        {"lr_schedule": "constant"},
        {"early_stopping": True, "validation_fraction": 0.2},
        {"precision": "bf16"},
    ],
    ids=lambda params: "-".join(map(str, params)) or "defaults",
)
def test_recorded_steps_learn_what_steps_one_by_one_do(
    kind, params, recorded, refusing
):
    model = make(kind, max_epochs=6, **params)
    fast = clone(model).fit(X, Y)
    assert [len(recorder._records) > 0 for recorder in recorded] == [True]
    refusing()
    slow = clone(model).fit(X, Y)
    assert recorded[-1].refusal
    assert_same_weights(fast, slow)
    assert fast.history_["train_loss"].equals(slow.history_["train_loss"])


def test_steps_that_draw_on_the_cpu_are_not_recorded(recorded):
    model = make(LFNNClassifier, modality_dropout=0.3, max_epochs=30).fit(X, Y)
    assert not recorded
    assert model.score(X, Y) > 0.5


def test_steps_that_wait_for_the_device_are_taken_as_they_are(recorded, monkeypatch):
    plain, read = OmicsNet._optimize, []

    def waiting(self, X, y):
        read.append(float(X[0].sum()))
        return plain(self, X, y)

    monkeypatch.setattr(OmicsNet, "_optimize", waiting)
    model = make(EFNNClassifier, max_epochs=6)
    waited = clone(model).fit(X, Y)
    assert recorded[0].refusal
    monkeypatch.setattr(OmicsNet, "_optimize", plain)
    np.testing.assert_allclose(
        clone(model).fit(X, Y).predict_proba(X), waited.predict_proba(X), atol=1e-5
    )


def test_threads_side_by_side_learn_what_they_do_one_after_another():
    models = [make(kind, max_epochs=6) for kind in DENSE]
    alone = [clone(model).fit(X, Y) for model in models]
    together = [clone(model) for model in models]
    threads = [
        threading.Thread(target=lambda m=m: m.fit(X, Y), daemon=True) for m in together
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for one, other in zip(alone, together, strict=True):
        assert_same_weights(one, other)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_search_of_stacks_finds_what_single_fits_do(recorded, early_stopping):
    model = make(SMAClassifier, max_epochs=5, early_stopping=early_stopping)
    grid = {"lr": [1e-3, 1e-2], "weight_decay": [0.1, 1.0], "dropout": [0.1, 0.3]}
    ours = BatchedSearchCV(model, grid, cv=2).fit(X, Y)
    assert len(ours.batches_) == 1
    assert [recorder.refusal for recorder in recorded] == [None] * len(recorded)
    assert all(recorder._records for recorder in recorded)
    theirs = GridSearchCV(model, grid, cv=2).fit(X, Y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"],
        theirs.cv_results_["mean_test_score"],
        atol=0.06,
    )


def test_a_halving_search_ends_with_a_model():
    model = make(SMAClassifier, max_epochs=9)
    grid = {"lr": [1e-4, 1e-3, 1e-2], "weight_decay": [0.1, 1.0, 10.0]}
    search = BatchedSearchCV(model, grid, cv=2, halving=3).fit(X, Y)
    assert search.best_estimator_.net_.torch_device.type == "cuda"
    assert search.best_score_ > 0.8


def test_training_goes_on_from_a_checkpoint_to_the_same_model(tmp_path, monkeypatch):
    model = make(SMAClassifier, max_epochs=8)
    whole = clone(model).fit(X, Y)
    seen, write = [], TrainingCheckpoint.write

    class Interrupt(Exception):
        pass

    def write_and_stop(self, net):
        write(self, net)
        seen.append(1)
        if len(seen) == 4:
            raise Interrupt

    part = clone(model).set_params(checkpoint=str(tmp_path / "checkpoint"))
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "write", write_and_stop)
        with pytest.raises(Interrupt):
            part.fit(X, Y)
    assert_same_weights(clone(part).fit(X, Y), whole)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_every_precision_learns(precision):
    model = make(SMAClassifier, precision=precision).fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert torch.get_float32_matmul_precision() == "highest"


def test_samples_without_a_modality_are_learned_from(recorded):
    missing = X.copy()
    missing.loc[missing.index[::3], missing.columns.get_level_values(0)[0]] = np.nan
    model = make(SMAClassifier, max_epochs=6, modality_dropout=0.0).fit(missing, Y)
    assert recorded
    assert recorded[0]._records
    assert model.score(missing, Y) > 0.5


def test_partial_fit_goes_on():
    model = make(SMAClassifier, max_epochs=3)
    for _ in range(3):
        model.partial_fit(X, Y, classes=np.unique(Y))
    assert model.score(X, Y) > 0.5


def test_warm_start_goes_on():
    model = make(EFNNClassifier, max_epochs=3, warm_start=True).fit(X, Y)
    assert len(model.fit(X, Y).history_) == 6


@pytest.fixture
def little_memory():
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2**29 / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.usefixtures("little_memory")
def test_lack_of_memory_says_what_to_do():
    wide = np.random.default_rng(0).normal(size=(60, 100_000)).astype(np.float32)
    model = EFNNClassifier(device="cuda", hidden_layer_sizes=(4000,), max_epochs=1)
    with (
        pytest.warns(UserWarning, match="Training begins anew with 16"),
        pytest.raises(DeviceMemoryError, match="ran out of memory"),
    ):
        model.fit(wide, np.arange(60) % 2)
