"""Peak memory of a piece of code, measured in a process of its own."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

# Unlike the maximum of resource.getrusage, this one does not begin with the memory
# of the process that starts the new one.
_PEAK = """
def peak():
    with open("/proc/self/status") as lines:
        line = next(line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
"""


def print_of(code, *arguments):
    """Run code that may call `peak()`, in MiB, and return the numbers it prints."""
    if not sys.platform.startswith("linux"):
        pytest.skip("peak memory is read from /proc, which only Linux has")
    result = subprocess.run(
        [sys.executable, "-c", _PEAK + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    return [float(number) for number in result.stdout.split()]
