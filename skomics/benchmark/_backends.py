"""Where fits are run: joblib's backends, dask with its scheduler among them."""

from contextlib import contextmanager
from functools import partial

from joblib import parallel_config

from skomics._optional import import_optional
from skomics._parallel import store_shared, submit_shared

__all__ = ["BACKENDS", "open_backend"]

BACKENDS = ("loky", "threading", "dask", "ray")


@contextmanager
def open_backend(backend, scheduler, n_jobs):
    """Make joblib use a backend for a while.

    Parameters
    ----------
    backend : {"loky", "threading", "dask", "ray"}
        Which one.

    scheduler : str or None
        Address of a running dask scheduler; None starts a cluster of `n_jobs`
        processes on this machine.

    n_jobs : int or None
        Number of workers. A dask cluster at an address brings its own.

    Yields
    ------
    share : callable
        Takes an object that many calls have as an argument, and returns what to give
        them for it, so that it need not travel with each. Within, `joblib.Parallel`
        uses the backend.

    Raises
    ------
    ValueError
        If the backend is unknown, or an address comes with a backend without one.

    ImportError
        If the backend is not installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"Got backend={backend!r}. Choose from {BACKENDS}.")
    if scheduler is not None and backend != "dask":
        raise ValueError(
            f"Got scheduler={scheduler!r} with backend={backend!r}. Only dask has a "
            "scheduler; give backend='dask' too."
        )
    if backend == "dask":
        with _open_client(scheduler, n_jobs) as client:
            # Workers may be started after the run.
            options = {"client": client, "wait_for_workers_timeout": 300}
            with parallel_config("dask", n_jobs=-1, **options):
                yield partial(submit_shared, client)
        return
    if backend == "ray":
        with _open_ray(n_jobs), parallel_config("ray", n_jobs=n_jobs):
            yield store_shared
        return
    with parallel_config(backend, n_jobs=n_jobs):
        yield _identity


def _identity(obj):
    return obj


def _open_client(scheduler, n_jobs):
    distributed = import_optional("distributed", extra="distributed")
    if scheduler is not None:
        return distributed.Client(scheduler)
    # A worker has one thread, because fits of one process wait for each other. The
    # usual port, which None takes too, may be that of another cluster.
    return distributed.Client(
        n_workers=n_jobs or 1, threads_per_worker=1, dashboard_address=":0"
    )


@contextmanager
def _open_ray(n_jobs):
    """Use the cluster that `ray.init` was called for, or start one here."""
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise ImportError(
            f"ray is needed here but could not be imported ({error}). Install it "
            "with: pip install ray"
        ) from error
    register_ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        ray.init(num_cpus=n_jobs or 1, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        if is_ours:
            ray.shutdown()
