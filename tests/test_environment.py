"""What is known of the packages that are installed."""

import platform

import numpy as np

import skomics
from skomics._environment import package_versions


def test_versions_are_those_of_what_runs():
    found = package_versions(("numpy", "no-such-package"))
    assert found["python"] == platform.python_version()
    assert found["skomics"] == skomics.__version__
    assert found["numpy"] == np.__version__
    assert found["no-such-package"] == "absent"
    assert platform.machine() in found["system"]
