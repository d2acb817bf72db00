"""Tests that disturb each other are kept apart, and all processes see the same ones."""

import subprocess
import sys

import pytest


@pytest.mark.benchmark
def test_tests_that_compare_times_run_in_one_process(request):
    if not request.config.getoption("loadgroup", False):
        pytest.skip("the tests are not distributed over processes by group")
    assert request.node.nodeid.endswith("@alone")


def nodeid_of(item):
    """Return the name of a test without the group that pytest-xdist appends."""
    groups = [m.args[0] for m in item.iter_markers("xdist_group") if m.args]
    return item.nodeid.removesuffix("@" + "_".join(sorted(groups)))


@pytest.mark.slow
def test_another_process_collects_the_same_tests_at_another_time(request):
    """A name that holds a date, or the order of a set, stops pytest-xdist."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    command += ["-p", "no:cacheprovider", "-m", request.config.option.markexpr]
    command += request.config.args
    output = subprocess.run(
        command,
        cwd=request.config.invocation_params.dir,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    ).stdout
    again = [line for line in output.splitlines() if "::" in line]
    here = [nodeid_of(item) for item in request.session.items]
    chosen = set(here)
    assert [name for name in again if name in chosen] == here
