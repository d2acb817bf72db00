"""Calls that run in parallel, on a cluster that loses workers too."""

import os
import signal

import numpy as np
import pytest
import sklearn
from joblib import parallel_config

from skomics._parallel import run_parallel

needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals differ")
on_clusters = [
    pytest.mark.slow,
    pytest.mark.processes,
    # Closing a cluster leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def add(table, nothing, row, number):
    assert nothing is None
    return float(table[row].sum()) + number


def die_once(table, files, row):
    """Kill the worker of the first call that finds its file, wherever the data are."""
    file = files / str(row)
    if file.exists():
        file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(table[row].sum())


def who(number):
    return os.getpid(), number


def who_and_whose_parts():
    return os.getpid(), run_parallel(who, [(0,), (1,)], n_jobs=2)


def config():
    return sklearn.get_config()["assume_finite"]


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_results_come_part_by_part_with_what_all_share_first(n_jobs):
    table = np.arange(6.0).reshape(3, 2)
    parts = [(row, 10 * row) for row in (2, 0, 1)]
    found = run_parallel(add, parts, shared=(table, None), n_jobs=n_jobs)
    assert found == [29.0, 1.0, 15.0]


@pytest.mark.parametrize("hint", [{"prefer": "threads"}, {"require": "sharedmem"}])
def test_hints_choose_threads(hint):
    found = run_parallel(who, [(0,), (1,)], n_jobs=2, **hint)
    assert {process for process, _ in found} == {os.getpid()}


def test_workers_have_the_configuration_of_scikit_learn():
    with sklearn.config_context(assume_finite=True):
        assert run_parallel(config, [(), ()], n_jobs=2) == [True, True]


class TestOnDask:
    pytestmark = on_clusters

    def test_futures_of_what_is_shared_become_the_objects(self, client):
        table = np.ones((2, 1000))
        with parallel_config("dask", client=client):
            found = run_parallel(add, [(0, 0), (1, 1)], shared=(table, None))
        assert found == [1000.0, 1001.0]

    def test_what_a_call_runs_in_parallel_stays_with_its_worker(self, client):
        with parallel_config("dask", client=client):
            found = run_parallel(who_and_whose_parts, [()] * 4)
        for process, parts in found:
            assert parts == [(process, 0), (process, 1)]

    @needs_signals
    @pytest.mark.parametrize("killed", [(0,), (1,), (0, 3)])
    def test_no_worker_takes_what_is_shared_with_it(self, client, tmp_path, killed):
        for row in killed:
            (tmp_path / str(row)).touch()
        table = np.random.default_rng(0).normal(size=(8, 5000))
        with parallel_config("dask", client=client):
            rows = [(row,) for row in range(8)]
            found = run_parallel(die_once, rows, shared=(table, tmp_path))
        assert not list(tmp_path.iterdir())
        assert found == [float(row.sum()) for row in table]

    def test_threads_of_a_process_under_dask_get_the_objects(self, client):
        table = np.ones((2, 1000))
        with parallel_config("dask", client=client):
            found = run_parallel(
                add,
                [(0, 0), (1, 1)],
                shared=(table, None),
                n_jobs=2,
                require="sharedmem",
            )
        assert found == [1000.0, 1001.0]

    def test_a_cluster_of_one_worker_has_its_calls_run_here(self):
        distributed = pytest.importorskip("distributed")
        options = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
        with (
            distributed.LocalCluster(**options, dashboard_address=":0") as cluster,
            distributed.Client(cluster) as client,
            parallel_config("dask", client=client),
        ):
            assert run_parallel(add, [(0, 1)], shared=(np.ones((1, 2)), None)) == [3.0]


class Counted:
    """An object that counts how often it is packed to be sent."""

    n_sent = 0

    def __getstate__(self):
        type(self).n_sent += 1
        return {"value": 7}


def value_of(counted, number):
    return counted.value + number


class TestOnRay:
    pytestmark = on_clusters

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_ray_gets_what_is_shared_once(self, n_jobs, monkeypatch):
        ray = pytest.importorskip("ray", reason="ray is not installed")
        from ray.util.joblib import register_ray

        monkeypatch.setattr(Counted, "n_sent", 0)
        shared = Counted()
        shared.value = 7
        register_ray()
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            with parallel_config("ray"):
                parts = [(number,) for number in range(6)]
                found = run_parallel(value_of, parts, shared=(shared,), n_jobs=n_jobs)
        finally:
            ray.shutdown()
        assert found == [7, 8, 9, 10, 11, 12]
        assert Counted.n_sent == (0 if n_jobs == 1 else 1)
