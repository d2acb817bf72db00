"""Calls that run in parallel, also on a cluster that loses its workers."""

import warnings
from contextlib import nullcontext

from joblib import parallel_config
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

__all__ = ["run_parallel", "submit_shared"]


def run_parallel(
    function, parts, *, shared=(), n_jobs=None, prefer=None, require=None, **settings
):
    """Call a function with the arguments of each part, by joblib.

    Parameters
    ----------
    function : callable
        Takes the arguments that are shared, then those of a part.

    parts : iterable of tuple
        Arguments of one call each.

    shared : iterable of object, default=()
        Arguments of all calls. They are sent once to a cluster of dask, and are sent
        again where a worker is lost that had them. What a call itself would run in
        parallel is not given away there: it would be lost with another worker, or wait
        for the worker that waits for it.

    n_jobs : int or None, default=None
        Calls at the same time.

    prefer, require : str or None, default=None
        As of `joblib.Parallel`.

    **settings : object
        Further settings of scikit-learn's `Parallel`.

    Returns
    -------
    results : list of object
        What the calls returned, part by part.
    """
    hints = {"prefer": prefer, "require": require}
    backend, _ = get_active_backend(**hints)
    # The calls of a cluster of one worker are run here.
    is_sent = _is_dask(backend) and backend.effective_n_jobs(n_jobs) > 1
    if is_sent:
        shared = [submit_shared(backend.client, argument) for argument in shared]
    parallel = Parallel(n_jobs=n_jobs, **hints, **settings)
    return parallel(delayed(_call)(function, part, *shared) for part in parts)


def _call(function, part, *shared):
    backend, _ = get_active_backend()
    is_sent = _is_dask(backend)
    with parallel_config("sequential") if is_sent else nullcontext():
        return function(*shared, *part)


def _is_dask(backend):
    return hasattr(backend, "client")


def submit_shared(client, obj):
    """Return a future of an object that is made again where workers are lost.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.

    obj : object
        What many calls depend on; it is sent once.

    Returns
    -------
    future : distributed.Future
        Of the object. Data that are scattered would be lost with the worker that has
        them; what a call returned is made again.
    """
    with warnings.catch_warnings():
        # That it is large is why it is sent only once.
        warnings.filterwarnings("ignore", "Sending large graph")
        return client.submit(_identity, obj, pure=False)


def _identity(obj):
    return obj
