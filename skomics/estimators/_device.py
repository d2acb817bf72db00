"""Devices, and the state of torch around a computation."""

from contextlib import ExitStack, contextmanager
from threading import local

import torch
from threadpoolctl import ThreadpoolController

from skomics._threads import Held, check_n_threads
from skomics.exceptions import DeviceMemoryError, DeviceNotFoundError
from skomics.modules import RandomSource, random_source

__all__ = ["check_precision", "resolve_device", "torch_context"]


def resolve_device(device):
    """Return the torch device that a `device` parameter stands for.

    Parameters
    ----------
    device : str
        "auto" for the best device there is (CUDA, then MPS, then the CPU), or a
        name that torch understands.

    Returns
    -------
    device : torch.device
        A device that is present.

    Raises
    ------
    DeviceNotFoundError
        If the device asked for by name is not there.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is not a name that torch knows ({error}). "
            "Use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'."
        ) from error
    n_cuda = torch.cuda.device_count() if has_cuda else 0
    present = {
        "cpu": True,
        "mps": has_mps,
        "cuda": (wanted.index or 0) < n_cuda,
    }.get(wanted.type, True)
    if not present:
        found = ", ".join(["cpu", *(["mps"] if has_mps else [])])
        raise DeviceNotFoundError(
            f"device={device!r} was asked for, but this machine offers: {found}, and "
            f"{n_cuda} CUDA device(s). Use device='auto' to take the best one there is."
        )
    return wanted


def check_precision(precision, device):
    """Refuse a precision that a device does not have.

    Parameters
    ----------
    precision : {"float32", "tf32", "bf16"}
        The parameter of an estimator.

    device : torch.device
        Where it trains.

    Raises
    ------
    ValueError
        If it is "tf32" and the device is not CUDA.
    """
    if precision == "tf32" and device.type != "cuda":
        raise ValueError(
            f"Got precision='tf32' on device {device}, but only CUDA devices have it. "
            "Set precision='float32', or device='cuda'."
        )


@contextmanager
def torch_context(*, device, seed=None, n_threads=1, precision="float32"):
    """Shield a computation from the state of torch around it, and that from it.

    Whatever the caller has set (gradients off, inference mode, autocast, a default
    device, numbers of threads, the precision of products), what runs inside is the
    same, and afterwards all is as it was. Other threads may compute at the same time:
    random numbers come from a source of this thread, never from torch's global
    generators. With one CPU thread, sums are always taken in the same order, so that a
    result does not depend on how many processes share the machine. Numbers too small
    for full precision count as zero: gradients of a product of many probabilities are
    full of them, and a CPU takes many times as long for each.

    Parameters
    ----------
    device : torch.device
        The device in use.

    seed : int, default=None
        Seed of the random source; None for a computation that draws nothing.

    n_threads : int or None, default=1
        Threads on the CPU; None leaves torch's own setting. While computations run
        side by side, the fewest that one of them asks for.

    precision : {"float32", "tf32", "bf16"}, default="float32"
        With "tf32", products on CUDA round their factors to 10 bits, those of other
        computations that run meanwhile, too.

    Raises
    ------
    DeviceMemoryError
        If the device runs out of memory.

    ValueError
        If `n_threads` is no number of threads.
    """
    check_n_threads(n_threads)
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in {"cpu", device.type}:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_flushed_denormals())
        wanted = "high" if precision == "tf32" else "highest"
        if torch.get_float32_matmul_precision() != wanted or _precision.lowest:
            stack.enter_context(_precision.at(wanted))
        if n_threads is not None:
            stack.enter_context(_threads.limited(n_threads))
        if seed is not None:
            stack.enter_context(random_source(RandomSource(seed)))
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError(
                f"Device {device} ran out of memory ({error}). Use a smaller "
                "batch_size, keep fewer features per modality, or set device='cpu'."
            ) from error


@contextmanager
def _flushed_denormals():
    """Take denormal numbers for zero, in this thread only, for a while."""
    before = _flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushes_denormals():
    """Tell whether torch takes denormal numbers for zero, which it does not tell."""
    tiny = torch.full((1,), 1e-40, dtype=torch.float32, device="cpu")
    return (tiny * 0.5).item() == 0.0


class _ThreadCount:
    """The number of torch's CPU threads, which threads of Python share in part.

    OpenMP keeps a number for each thread of Python, MKL one for the process, and
    torch sets both at once.
    """

    def __init__(self):
        self._held = Held(torch.get_num_threads, torch.set_num_threads)
        self._here = local()

    @contextmanager
    def limited(self, n_threads):
        """Compute with at most this many threads for a while."""
        own, token = torch.get_num_threads(), object()
        depth = getattr(self._here, "depth", 0)
        try:
            with self._held.lock:
                if depth == 0 and own == self._held.lowest:
                    own = self._held.before  # a new thread begins with the limit
                self._held.enter(token, n_threads)
            self._here.depth = depth + 1
            yield
        finally:
            self._here.depth = depth
            with self._held.lock:
                self._held.leave(token)
                if torch.get_num_threads() != own:
                    # That of this thread alone; the process still has others.
                    openmp = ThreadpoolController().select(user_api="openmp")
                    openmp.limit(limits=own)


_threads = _ThreadCount()
# Notebooks lower it for large models; the sums here would have other digits. "high" is
# less than "highest" as a text, too.
_precision = Held(
    torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
)
