"""What is known of the packages that are installed."""

import platform

import numpy as np

import skomics
from skomics import _environment
from skomics._environment import free_memory, package_versions


def test_versions_are_those_of_what_runs():
    found = package_versions(("numpy", "no-such-package"))
    assert found["python"] == platform.python_version()
    assert found["skomics"] == skomics.__version__
    assert found["numpy"] == np.__version__
    assert found["no-such-package"] == "absent"
    assert platform.machine() in found["system"]


def test_free_memory_is_what_the_kernel_says(tmp_path, monkeypatch):
    (tmp_path / "m").write_text("MemTotal: 9 kB\nMemAvailable: 8 kB\n")
    (tmp_path / "max").write_text("max")
    (tmp_path / "used").write_text("1000")
    monkeypatch.setattr(_environment, "_MEMORY", tmp_path / "m")
    paths = tmp_path / "max", tmp_path / "used"
    monkeypatch.setattr(_environment, "_CONTAINER", paths)
    assert free_memory() == 8 * 1024
    (tmp_path / "max").write_text("3000")
    assert free_memory() == 2000
    (tmp_path / "m").write_text("nothing: 0 kB")
    assert free_memory() is None
    (tmp_path / "m").unlink()
    assert free_memory() is None
