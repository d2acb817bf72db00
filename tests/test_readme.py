"""The README tells the truth."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.slow
def test_example_runs_as_it_stands(tmp_path):
    script = tmp_path / "example.py"
    # Worker processes of GridSearchCV want the usual guard; nothing else is added.
    script.write_text(BLOCKS[0])
    result = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", str(script)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=240,
    )
    assert re.search(r"mean +0\.\d+\n.*\nlow", result.stdout)
    assert result.stdout.rstrip().endswith("]]")
    assert (tmp_path / "subtypes.safetensors").exists()
    assert len(BLOCKS[0].splitlines()) <= 24


def test_example_for_own_tables_runs_as_it_stands(capsys):
    ids = [f"TCGA-A1-A{i:03d}-01A-11R-A144-07" for i in range(6)]
    tables = {
        name: pd.DataFrame({f"{name}1": range(6)}, index=order)
        for name, order in {"rna": ids, "methylation": ids[::-1], "mirna": ids}.items()
    }
    labels = pd.Series(["LumA", "Basal"] * 3, index=[i[:12] for i in ids])
    names = {**tables, "labels": labels}
    exec(BLOCKS[1], names)
    assert names["X"].shape == (6, 3)
    X = names["X"]
    assert list(X["rna", "rna1"]) == list(X["methylation", "methylation1"])[::-1]
    assert capsys.readouterr().out


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)#]+)", README))
def test_linked_file_exists(target):
    assert (REPOSITORY / target).exists()


def test_ci_runs_the_test_command_word_for_word():
    command = re.search(r"<!-- test-command -->\n```bash\n(.*?)\n```", README).group(1)
    assert "&& python -m pytest" in command
    assert "test-command" in (REPOSITORY / ".ci" / "run").read_text()


def test_ci_runs_the_slow_tests_in_the_words_of_the_readme_and_with_limits():
    ci = (REPOSITORY / ".ci" / "run").read_text()
    workflow = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()
    guide = (REPOSITORY / "docs" / "contributing.md").read_text()
    command = "python -m pytest -m slow -n auto --dist loadgroup"
    assert all(command in text for text in (README, ci, workflow, guide))
    assert "timeout --kill-after" in ci
    assert workflow.count("timeout-minutes") >= workflow.count("run: python -m pytest")
