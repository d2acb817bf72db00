"""The number of threads of the linear algebra, which a process has only one of."""

from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

__all__ = ["blas_threads"]

_lock = Lock()
_asked = []
_before = []


@cache
def _controller():
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def blas_threads(n_threads):
    """Compute with at most this many threads for a while.

    The number is that of the process: while several computations run side by side, it
    is the fewest that one of them asks for, and the last one that leaves restores it.

    Parameters
    ----------
    n_threads : int or None
        Number of threads; None leaves the setting.
    """
    if n_threads is None:
        yield
        return
    with _lock:
        if not _asked:
            _before.append(_controller().limit(limits=n_threads))
        _asked.append(n_threads)
        _controller().limit(limits=min(_asked))
    try:
        yield
    finally:
        with _lock:
            _asked.remove(n_threads)
            if _asked:
                _controller().limit(limits=min(_asked))
            else:
                _before.pop().restore_original_limits()
