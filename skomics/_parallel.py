"""Calls that run in parallel, also on a cluster that loses its workers."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass

from joblib import parallel_config
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

__all__ = ["run_parallel", "store_shared", "submit_shared"]


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
        Arguments of all calls. They are sent once to a cluster of dask or ray, to dask
        again where a worker is lost that had them. What a call itself would run in
        parallel is not given away by dask's workers: it would be lost with another one,
        or wait for the worker that waits for it.

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
    if backend.effective_n_jobs(n_jobs) > 1:
        if _is_dask(backend):
            shared = [submit_shared(backend.client, argument) for argument in shared]
        elif _is_ray(backend):
            shared = [store_shared(argument) for argument in shared]
    parallel = Parallel(n_jobs=n_jobs, **hints, **settings)
    return parallel(delayed(_call)(function, part, *shared) for part in parts)


def _call(function, part, *shared):
    backend, _ = get_active_backend()
    shared = [arg.result() if isinstance(arg, _Stored) else arg for arg in shared]
    with parallel_config("sequential") if _is_dask(backend) else nullcontext():
        return function(*shared, *part)


def _is_dask(backend):
    return hasattr(backend, "client")


def _is_ray(backend):
    return type(backend).__module__.startswith("ray.")


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


@dataclass(frozen=True)
class _Stored:
    """What ray's store holds, and where."""

    place: object

    def result(self):
        """Return the object, as dask's futures do."""
        import ray

        return ray.get(self.place)


def store_shared(obj):
    """Put an object into the store of ray, from which its workers take it.

    Parameters
    ----------
    obj : object
        What many calls depend on; it is sent to each machine once.

    Returns
    -------
    stored : object
        Its `result()` is the object, whose arrays cannot be written to.
    """
    import ray

    return _Stored(ray.put(obj))


def _identity(obj):
    return obj
