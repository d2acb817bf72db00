"""What is said of the package where it is packed is true."""

import re

import pytest

import skomics
from tests.conftest import REPOSITORY


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_citation_is_of_this_version():
    assert f"\nversion: {skomics.__version__}\n" in read("CITATION.cff")


def test_a_release_is_built_as_the_script_has_it():
    assert "bash .ci/release" in read(".github/workflows/release.yml")
    script = read(".ci/release")
    steps = ["python -m build", "twine check --strict", "skomics train"]
    assert [step for step in steps if step not in script] == []


@pytest.mark.parametrize(
    "extra", re.findall(r"^\| `(.*)` \|", read("docs/install.md"), re.M)
)
def test_extras_of_the_page_are_those_of_the_package(extra):
    lines = read("pyproject.toml")
    assert all(re.search(rf"^{name} = \[", lines, re.M) for name in extra.split("`, `"))
