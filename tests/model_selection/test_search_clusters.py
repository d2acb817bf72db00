"""A search on the workers of a cluster: what one process finds, data sent once."""

import os
import signal

import numpy as np
import pytest
from joblib import parallel_config

from skomics import SMAClassifier
from skomics.datasets import make_intersim
from skomics.model_selection import BatchedSearchCV

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    # Closing a cluster leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
X, Y = make_intersim(n_samples=40, n_clusters=2, random_state=0)
GRID = {"lr": [1e-3, 1e-2], "batch_size": [16, 32]}


def search(**params):
    model = SMAClassifier(max_epochs=2, device="cpu", random_state=0)
    return BatchedSearchCV(model, GRID, cv=2, **params).fit(X, Y)


def assert_same(ours, theirs):
    for name in ("split0_test_score", "split1_test_score", "params"):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])
    assert ours.best_params_ == theirs.best_params_


class KillsOnce:
    """A score that kills the first worker that asks for one."""

    def __init__(self, file):
        self.file = file

    def __call__(self, estimator, X, y):
        if os.path.exists(self.file):
            os.remove(self.file)
            os.kill(os.getpid(), signal.SIGKILL)
        return estimator.score(X, y)


def test_dask_finds_what_one_process_finds_and_gets_the_table_once(client, monkeypatch):
    sent, submit = [], type(client).submit

    def spy(self, function, *args, **kwargs):
        sent.extend(args)
        return submit(self, function, *args, **kwargs)

    monkeypatch.setattr(type(client), "submit", spy)
    with parallel_config("dask", client=client):
        found = search(n_jobs=2)
    assert_same(found, search())
    assert len(found.batches_) > 1
    assert sum(data is X for data in sent) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals differ")
def test_search_goes_on_when_a_worker_of_dask_is_killed(client, tmp_path):
    file = tmp_path / "kill"
    file.touch()
    with parallel_config("dask", client=client):
        found = search(n_jobs=2, scoring=KillsOnce(str(file)))
    assert not file.exists()
    assert_same(found, search())


def test_ray_finds_what_one_process_finds():
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from ray.util.joblib import register_ray

    register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with parallel_config("ray"):
            found = search(n_jobs=2)
    finally:
        ray.shutdown()
    assert_same(found, search())
