"""Versions of what a result was made with."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from skomics import __version__

__all__ = ["package_versions"]


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
