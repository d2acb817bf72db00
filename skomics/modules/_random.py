"""Where layers draw their random numbers from: a source of their own, or torch's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch.overrides import TorchFunctionMode

__all__ = [
    "RandomSource",
    "construction",
    "current_source",
    "generator_on",
    "random_source",
]

# Each thread has its own, so that trainings side by side do not share a stream.
_SOURCE: ContextVar[RandomSource | None] = ContextVar(
    "skomics_random_source", default=None
)

_SINGLE_PRECISION = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn}
_FACTORIES = _SINGLE_PRECISION | {
    torch.arange,
    torch.full,
    torch.randint,
    torch.randperm,
    torch.tensor,
}
_DRAWS = {
    torch.rand,
    torch.randint,
    torch.randn,
    torch.randperm,
    torch.Tensor.bernoulli_,
    torch.Tensor.normal_,
    torch.Tensor.random_,
    torch.Tensor.uniform_,
    torch.nn.init.kaiming_normal_,
    torch.nn.init.kaiming_uniform_,
    torch.nn.init.normal_,
    torch.nn.init.orthogonal_,
    torch.nn.init.trunc_normal_,
    torch.nn.init.uniform_,
    torch.nn.init.xavier_normal_,
    torch.nn.init.xavier_uniform_,
}


class RandomSource:
    """Generators of one seed, one for each device that is asked for.

    Parameters
    ----------
    seed : int
        Seed of all of them.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import RandomSource
    >>> sources = RandomSource(0), RandomSource(0)
    >>> first, again = (torch.rand(1, generator=s.on("cpu")) for s in sources)
    >>> torch.equal(first, again)
    True
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device | str) -> torch.Generator:
        """Return the generator of a device."""
        device = torch.device(device)
        if device.type == "cuda" and device.index is None:
            # The same device, which must not draw the same numbers twice.
            device = torch.device("cuda", torch.cuda.current_device())
        if device not in self._generators:
            generator = torch.Generator(device=device)
            self._generators[device] = generator.manual_seed(self.seed)
        return self._generators[device]

    def states(self) -> dict[str, torch.Tensor]:
        """Return the state of each generator, as a tensor of bytes, by its device."""
        return {str(d): g.get_state() for d, g in self._generators.items()}

    def restore(self, states: Mapping[str, torch.Tensor]) -> None:
        """Go on from states that were kept."""
        for device, state in states.items():
            self.on(device).set_state(state)


@contextmanager
def random_source(source: RandomSource) -> Iterator[None]:
    """Let the layers that run in this thread draw from a source.

    Parameters
    ----------
    source : RandomSource
        The source. Without one, layers draw from torch's global generators.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import Dropout, RandomSource, random_source
    >>> layer, x = Dropout(0.5), torch.ones(64)
    >>> drawn = []
    >>> for _ in range(2):
    ...     with random_source(RandomSource(0)):
    ...         drawn.append(layer(x))
    >>> torch.equal(*drawn)
    True
    """
    token = _SOURCE.set(source)
    try:
        yield
    finally:
        _SOURCE.reset(token)


def current_source() -> RandomSource | None:
    """Return the source that layers of this thread draw from, or None.

    Returns
    -------
    source : RandomSource or None
        None stands for torch's global generators.

    Examples
    --------
    >>> from skomics.modules import RandomSource, current_source, random_source
    >>> with random_source(RandomSource(7)):
    ...     seed = current_source().seed
    >>> seed, current_source()
    (7, None)
    """
    return _SOURCE.get()


def generator_on(device: torch.device | str) -> torch.Generator | None:
    """Return the generator to draw from on a device; None for torch's own.

    Parameters
    ----------
    device : torch.device or str
        Where the numbers are needed.

    Returns
    -------
    generator : torch.Generator or None
        What the `generator` argument of torch's functions takes.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import RandomSource, generator_on, random_source
    >>> with random_source(RandomSource(0)):
    ...     numbers = torch.rand(2, generator=generator_on("cpu"))
    >>> generator_on("cpu") is None
    True
    """
    source = _SOURCE.get()
    return None if source is None else source.on(device)


class construction(TorchFunctionMode):  # noqa: N801 - reads like the functions above
    """Build layers on the CPU, in single precision, with the weights of the source.

    torch's own layers draw initial weights from the global generator, in the default
    dtype and on the default device, all of which belong to the user. Within this
    context, which is that of one thread, they do not.

    Examples
    --------
    >>> import torch
    >>> from skomics.modules import RandomSource, construction, random_source
    >>> made = []
    >>> for _ in range(2):
    ...     with random_source(RandomSource(0)), construction():
    ...         made.append(torch.nn.Linear(2, 2).weight)
    >>> torch.equal(*made)
    True
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Call a function of torch with what the surroundings would decide."""
        kwargs = dict(kwargs or {})
        if function in _SINGLE_PRECISION and kwargs.get("dtype") is None:
            kwargs["dtype"] = torch.float32
        if function in _FACTORIES and kwargs.get("device") is None:
            kwargs["device"] = "cpu"
        if function in _DRAWS and kwargs.get("generator") is None:
            kwargs["generator"] = generator_on("cpu")
        return function(*args, **kwargs)
