"""A fit that was ended early goes on from its file, to the bit."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from skorch.callbacks import LRScheduler

from skomics import EFNNClassifier, SMAClassifier, load_model, save_model
from skomics._container import CHECKPOINT, digest, read_file, write_file
from skomics.estimators._checkpoint import TrainingCheckpoint
from tests.conftest import REPOSITORY
from tests.estimators.quick import CLASSIFIERS, make_short

N_DONE = 3
every = pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: c.__name__)


@pytest.fixture
def end_early(monkeypatch):
    """Return a function that fits, and ends it after some epochs."""

    def fit(model, X, y, n_done=N_DONE):
        write, n_written = TrainingCheckpoint.write, []

        def write_and_end(self, net):
            write(self, net)
            n_written.append(1)
            if len(n_written) == n_done:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(TrainingCheckpoint, "write", write_and_end)
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, y)
        return model

    return fit


def assert_same(model, expected, X):
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert model.fit_receipt_["learned"] == expected.fit_receipt_["learned"]
    columns = ["epoch", "train_loss"]
    assert model.history_[columns].equals(expected.history_[columns])


@pytest.mark.parametrize("early_stopping", [False, True])
@every
def test_a_fit_that_was_ended_goes_on_to_the_same_model(
    classifier, early_stopping, tiny, tmp_path, end_early
):
    X, y = tiny
    params = {"early_stopping": early_stopping, "max_epochs": 8}
    params |= {"validation_fraction": 0.3, "n_iter_no_change": 3}
    file = tmp_path / "fit.safetensors"
    expected = make_short(classifier, **params).fit(X, y)
    model = make_short(classifier, checkpoint=file, **params)
    end_early(model, X, y)
    assert not hasattr(model, "net_")
    assert file.exists()
    n_epochs, resumed = [], TrainingCheckpoint.resume

    def resume(self, net, stage=0):
        n_epochs.append(resumed(self, net, stage))
        return n_epochs[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "resume", resume)
        make_short(classifier, checkpoint=file, **params).fit(X, y)
    assert n_epochs[0] == N_DONE
    assert not file.exists()  # the fit is done
    end_early(model, X, y)
    model.fit(X, y)
    assert_same(model, expected, X)


@pytest.mark.parametrize("n_done", [2, 4, 5])
def test_a_graph_model_goes_on_from_either_of_its_stages(
    n_done, tiny, tmp_path, end_early
):
    X, y = tiny
    classifier = CLASSIFIERS[-2]
    expected = make_short(classifier).fit(X, y)
    model = make_short(classifier, checkpoint=tmp_path / "fit.safetensors")
    assert model.pretrain_epochs == 4
    end_early(model, X, y, n_done)
    assert_same(model.fit(X, y), expected, X)


def test_early_stopping_remembers_the_best_epoch(tiny, tmp_path, end_early):
    X, y = tiny
    y = y.sample(frac=1.0, random_state=0).set_axis(y.index)  # nothing to learn
    params = {"early_stopping": True, "validation_fraction": 0.3, "max_epochs": 40}
    params |= {"n_iter_no_change": 6, "lr": 0.02, "lr_schedule": "constant"}
    expected = make_short(EFNNClassifier, **params).fit(X, y)
    best = expected.history_["valid_loss"].argmin() + 1
    assert expected.n_iter_ == best + 6 < 40
    model = make_short(EFNNClassifier, checkpoint=tmp_path / "fit", **params)
    end_early(model, X, y, n_done=best + 2)
    assert_same(model.fit(X, y), expected, X)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_what_the_optimizer_remembers_is_kept(optimizer, tiny, tmp_path, end_early):
    X, y = tiny
    params = {"optimizer": optimizer, "lr_schedule": "constant"}
    expected = make_short(EFNNClassifier, **params).fit(X, y)
    model = make_short(EFNNClassifier, checkpoint=tmp_path / "fit", **params)
    end_early(model, X, y)
    assert_same(model.fit(X, y), expected, X)


def test_a_warm_start_goes_on_too(tiny, tmp_path, end_early):
    X, y = tiny
    expected = make_short(EFNNClassifier, warm_start=True).fit(X, y).fit(X, y)
    model = make_short(EFNNClassifier, warm_start=True).fit(X, y)
    model.set_params(checkpoint=tmp_path / "fit")
    end_early(model, X, y)
    assert len(model.history_) == model.max_epochs
    assert_same(model.fit(X, y), expected, X)


def test_a_seed_that_was_drawn_is_that_of_the_file(tiny, tmp_path, end_early):
    X, y = tiny
    file = tmp_path / "fit"
    model = make_short(EFNNClassifier, checkpoint=file, random_state=None)
    seeds = []
    agree = TrainingCheckpoint.agree_on

    def agree_on(self, seed, *, is_drawn):
        seeds.append(agree(self, seed, is_drawn=is_drawn))
        return seeds[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "agree_on", agree_on)
        end_early(model, X, y)
        model.fit(X, y)
    assert seeds[0] == seeds[1] == model.fit_receipt_["seed"]
    again = make_short(EFNNClassifier, checkpoint=file, random_state=7)
    end_early(again, X, y)
    with pytest.raises(ValueError, match=r"its random_state is 7, but here it is 8"):
        again.set_params(random_state=8).fit(X, y)
    end_early(again.set_params(checkpoint=tmp_path / "b"), X, y)
    again.set_params(random_state=np.random.RandomState(1), checkpoint=tmp_path / "c")
    end_early(again, X, y)
    with pytest.raises(ValueError, match="is of another fit: its seed is"):
        again.fit(X, y)  # whose random state has moved on


def test_the_checkpoint_of_another_fit_is_refused(tiny, tmp_path, end_early):
    X, y = tiny
    model = make_short(EFNNClassifier, checkpoint=tmp_path / "fit")
    end_early(model, X, y)
    with pytest.raises(ValueError, match=r"another fit: its data is .* Delete the"):
        model.fit(X + 1, y)
    with pytest.raises(ValueError, match=r"its lr is 0.003, but here it is 0.1\. D"):
        make_short(EFNNClassifier, checkpoint=tmp_path / "fit", lr=0.1).fit(X, y)
    with pytest.raises(ValueError, match="its estimator is EFNNClassifier, but here"):
        make_short(SMAClassifier, checkpoint=tmp_path / "fit").fit(X, y)
    assert (tmp_path / "fit").exists()
    model.set_params(verbose=1).fit(X, y)  # which changes nothing of the model


def test_files_that_are_no_checkpoint_are_refused(tiny, tmp_path, end_early):
    X, y = tiny
    file = tmp_path / "fit"
    model = make_short(EFNNClassifier, checkpoint=file)
    end_early(model, X, y)
    with pytest.raises(ValueError, match="not one of a skomics model"):
        load_model(file)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged: it does not have the checksum"):
        model.fit(X, y)
    file.write_bytes(content[:-5])
    with pytest.raises(ValueError, match=r"Give a file that fit with checkpoint= wro"):
        model.fit(X, y)
    file.unlink()
    save_model(model.fit(X, y), file)
    with pytest.raises(ValueError, match="not one of a fit that was interrupted"):
        model.fit(X, y)


_WRONG = [None, "x", -1, 10**9, 1.5, True, [], [1], {}]


@pytest.mark.parametrize(
    "part", ["key", "seed", "stage", "n_epochs", "n_steps", "history", "rates"]
)
def test_a_crafted_header_is_refused_in_words(part, tiny, tmp_path, end_early):
    X, y = tiny
    file = tmp_path / "fit"
    model = make_short(EFNNClassifier, checkpoint=file)
    end_early(model, X, y)
    header, tensors, _ = read_file(file, kind=CHECKPOINT)
    wrong = [value for value in _WRONG if not _is_harmless(part, value)]
    for value in wrong:
        crafted = header | {part: value}
        crafted["sha256"] = digest(crafted, tensors)
        write_file(file, crafted, tensors, kind=CHECKPOINT)
        with pytest.raises(ValueError, match=r"The checkpoint .* Delete the file to"):
            model.fit(X, y)


def _is_harmless(part, value):
    # A count that no fit has made, but that does no harm.
    return part in ("stage", "n_steps") and value == 10**9


@pytest.mark.parametrize("change", ["less", "shape", "unknown"])
def test_a_crafted_memory_is_refused_in_words(change, tiny, tmp_path, end_early):
    X, y = tiny
    file = tmp_path / "fit"
    model = make_short(EFNNClassifier, checkpoint=file)
    end_early(model, X, y)
    header, tensors, _ = read_file(file, kind=CHECKPOINT)
    name = next(n for n in tensors if n.startswith("optimizer/0/exp"))
    if change == "less":
        del tensors[name]
    else:
        name = name if change == "shape" else "code/0"
        tensors[name] = np.zeros(3, np.float32)
    header["sha256"] = digest(header, tensors)
    write_file(file, header, tensors, kind=CHECKPOINT)
    with pytest.raises(ValueError, match="does not fit the network.*Delete the file"):
        model.fit(X, y)


def test_a_folder_that_is_not_there_is_said_at_once(tiny, tmp_path):
    X, y = tiny
    model = make_short(EFNNClassifier, checkpoint=tmp_path / "no" / "fit")
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*no for"):
        model.fit(X, y)


def test_callbacks_of_skorch_have_no_checkpoint(tiny, tmp_path):
    X, y = tiny
    model = make_short(EFNNClassifier, checkpoint=tmp_path / "fit")
    model.set_params(callbacks=[LRScheduler()])
    with pytest.raises(TypeError, match="Got 1 callbacks of skorch beside checkpoint="):
        model.fit(X, y)


_FIT = """
import sys
import time
from skomics import SMAClassifier
from skomics.datasets import make_intersim
X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
model = SMAClassifier(max_epochs=40, random_state=0, checkpoint=sys.argv[1])
if sys.argv[2] == "slow":
    from skomics.estimators._checkpoint import TrainingCheckpoint
    write = TrainingCheckpoint.write
    TrainingCheckpoint.write = lambda self, net: (write(self, net), time.sleep(0.2))
print(model.fit(X, y).fit_receipt_["learned"])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals differ")
def test_a_killed_process_goes_on_when_it_is_run_again(tmp_path):
    file = tmp_path / "fit"

    def start(name, pace):
        command = [sys.executable, "-c", _FIT, str(tmp_path / name), pace]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=pipe, text=True)

    process, deadline = start("fit", "slow"), time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert file.exists()
    again, whole = start("fit", "fast"), start("whole", "fast")
    learned = [p.communicate(timeout=60)[0] for p in (again, whole)]
    assert learned[0] == learned[1] != ""
    assert not file.exists()
