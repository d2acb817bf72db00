"""Promises of the runner with a cluster of dask workers."""

import contextlib
import os
import signal
import socket
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from skomics.benchmark import ModelSpec, run_benchmark
from tests.benchmark.test_runner import QUICK, assert_same_rows

distributed = pytest.importorskip("distributed")

# Closing a cluster after a lost worker leaves sockets to the garbage collector.
pytestmark = [
    pytest.mark.processes,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Fatal(DummyClassifier):
    """Kills the process that fits it, once: the first to find the file.

    Those that the file names are killed before.
    """

    def __init__(self, file=None, strategy="stratified", random_state=None):
        self.file = file
        super().__init__(strategy=strategy, random_state=random_state)

    def fit(self, X, y):
        if self.file is not None and os.path.exists(self.file):
            with open(self.file) as file:
                others = {int(pid) for pid in file.read().split()} - {os.getpid()}
            os.remove(self.file)
            for pid in (*others, os.getpid()):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        return super().fit(X, y)


class MakeFatal:
    def __init__(self, file):
        self.file = file

    def __repr__(self):
        return "MakeFatal()"

    def __call__(self, random_state):
        return Fatal(self.file, random_state=random_state)


def start_cluster(n_workers):
    """Start worker processes of one thread each, and a scheduler."""
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs="CRITICAL",
    )


@pytest.fixture
def cluster():
    """Two workers that a test may kill."""
    with start_cluster(2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def lone_worker():
    """A cluster of one worker, which no test kills."""
    with start_cluster(1) as cluster:
        yield cluster


def worker_pids(cluster):
    return {worker.pid for worker in cluster.workers.values()}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals differ")
@pytest.mark.parametrize("n_killed", [1, 2])
def test_a_run_goes_on_when_workers_are_killed(tiny, tmp_path, cluster, n_killed):
    file = tmp_path / "kill"
    undisturbed = run_benchmark(
        {"tiny": tiny}, [ModelSpec("fatal", MakeFatal(None)), "logreg"], **QUICK
    )
    before = worker_pids(cluster)
    file.write_text(" ".join(map(str, before)) if n_killed == 2 else "")
    results = run_benchmark(
        {"tiny": tiny},
        [ModelSpec("fatal", MakeFatal(str(file))), "logreg"],
        backend="dask",
        scheduler=cluster.scheduler_address,
        output=tmp_path / "results.csv",
        **QUICK,
    )
    assert not file.exists()
    assert set(results["status"]) == {"ok"}
    # The path is a parameter, and is part of the digest.
    columns = [name for name in results if name != "settings"]
    assert_same_rows(undisturbed[columns], results[columns])
    deadline = time.monotonic() + 30
    while len(before - worker_pids(cluster)) < n_killed and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(before - worker_pids(cluster)) == n_killed


def test_a_cluster_of_one_worker_gives_the_same_rows(tiny, lone_worker):
    """Joblib runs the calls of a single worker in the process that makes them."""
    dask = {"backend": "dask", "scheduler": lone_worker.scheduler_address}
    results = run_benchmark({"tiny": tiny}, "ridge", **dask, **QUICK)
    assert_same_rows(run_benchmark({"tiny": tiny}, "ridge", **QUICK), results)


def test_a_large_table_does_not_travel_with_each_fit(lone_worker):
    """Dask warns of graphs above 10 MiB, and a warning fails the test."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 34_000)))
    data = {"large": ({"rna": X.add_prefix("g")}, np.repeat(["a", "b"], 20))}
    dask = {"backend": "dask", "scheduler": lone_worker.scheduler_address}
    quick = {"n_folds": 2, "n_repeats": 1}
    results = run_benchmark(data, "dummy", **dask, **quick)
    assert_same_rows(run_benchmark(data, "dummy", **quick), results)


@pytest.fixture
def usual_port():
    """The port that the page of another cluster has."""
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # it is taken all the better
            other.bind(("", 8787))
            other.listen()
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("usual_port")
def test_without_an_address_a_cluster_is_started_here_beside_others(tiny):
    results = run_benchmark(
        {"tiny": tiny}, "ridge", backend="dask", n_jobs=2, n_folds=2, n_repeats=1
    )
    expected = run_benchmark({"tiny": tiny}, "ridge", n_folds=2, n_repeats=1)
    assert_same_rows(expected, results)
