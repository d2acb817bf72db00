"""What a process has only one of: numbers of threads, and precision of products."""

from contextlib import contextmanager
from functools import cache
from numbers import Integral
from threading import Lock

from threadpoolctl import ThreadpoolController

__all__ = ["Held", "blas_threads", "check_n_threads"]


class Held:
    """A setting of the process that computations side by side hold together.

    The first that comes notes what was set, the lowest value that one of them asks for
    counts, and the last that leaves restores what was noted.

    Parameters
    ----------
    get : callable
        Returns the setting.

    set : callable
        Changes it.
    """

    def __init__(self, get, set):
        self.lock = Lock()
        self._get, self._set, self._asked, self._before = get, set, {}, None

    @property
    def lowest(self):
        """The value in force, or None if nothing is asked for."""
        return min(self._asked.values(), default=None)

    @property
    def before(self):
        """What was set when the first computation came."""
        return self._before

    def enter(self, token, value):
        """Ask for a value, under the lock."""
        if not self._asked:
            self._before = self._get()
        self._asked[token] = value
        self._set(self.lowest)

    def leave(self, token):
        """Ask for it no more, under the lock; nothing happens if it was not asked."""
        if self._asked.pop(token, None) is not None:
            self._set(self._before if not self._asked else self.lowest)

    @contextmanager
    def at(self, value):
        """Hold a value for a while.

        Parameters
        ----------
        value : object
            What is asked for; values are compared with one another.
        """
        token = object()
        try:
            with self.lock:
                self.enter(token, value)
            yield
        finally:
            # Whatever ends this early, an interrupt too, finds it here.
            with self.lock:
                self.leave(token)


def check_n_threads(n_threads):
    """Refuse a number of threads that is none.

    Parameters
    ----------
    n_threads : int or None
        An estimator's parameter, which may have been set since `fit`.

    Raises
    ------
    ValueError
        If it is no whole number of at least 1.
    """
    is_number = isinstance(n_threads, Integral) and not isinstance(n_threads, bool)
    if n_threads is not None and not (is_number and 1 <= n_threads <= 4096):
        raise ValueError(
            f"Got n_threads={n_threads!r}, but a whole number from 1 to 4096, or None, "
            "is wanted. Set it with set_params(n_threads=1)."
        )


@cache
def _libraries():
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _set_blas(n_threads):
    numbers = n_threads
    if not isinstance(numbers, list):
        numbers = [numbers] * len(_libraries())
    for library, number in zip(_libraries(), numbers, strict=True):
        library.set_num_threads(number)


_blas = Held(lambda: [lib.get_num_threads() for lib in _libraries()], _set_blas)


@contextmanager
def blas_threads(n_threads):
    """Compute linear algebra with at most this many threads for a while.

    Parameters
    ----------
    n_threads : int or None
        Number of threads; None leaves the setting.

    Raises
    ------
    ValueError
        If it is no number of threads.
    """
    check_n_threads(n_threads)
    if n_threads is None:
        yield
        return
    with _blas.at(n_threads):
        yield
