"""What a result was made with, and what the machine has left."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from skomics import __version__

__all__ = ["free_memory", "package_versions"]

_MEMORY = Path("/proc/meminfo")
# Limit and use of a container, in bytes; "max" is none.
_CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")


@cache
def package_versions(packages):
    """Return the versions of Python, skomics and packages, and the kind of machine.

    Parameters
    ----------
    packages : tuple of str
        Names of distributions.

    Returns
    -------
    versions : dict of str to str
        Versions, "absent" where a package is not installed, and under "system" the
        operating system and the architecture.
    """
    found = {"python": platform.python_version(), "skomics": __version__}
    found.update({name: _version_of(name) for name in packages})
    return {**found, "system": f"{platform.system()}-{platform.machine()}"}


def _version_of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def free_memory():
    """Return how much memory a process may still take.

    Returns
    -------
    n_bytes : int or None
        That of the machine, or of the container if that is less; None where it cannot
        be told, as outside Linux.
    """
    try:
        lines = dict(line.split(":") for line in _MEMORY.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit, used = (int(Path(path).read_text()) for path in _CONTAINER)
    except (OSError, ValueError):
        return free
    return min(free, max(limit - used, 0))
