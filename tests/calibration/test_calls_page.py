"""The page on calls with "I don't know" tells the truth."""

import re
import runpy

import pytest

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "calls.md").read_text(encoding="utf-8")


def test_code_of_the_page_runs_from_top_to_bottom():
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(block, "calls.md", "exec"), names)
    assert 0.05 < names["n_open"] / 150 < 0.35
    assert names["sets"].shape == (150, 3)
    first = names["table"].iloc[0]
    assert first["p_value"] == 1 / 251
    assert first["modality"] == "expression"


def test_tables_of_the_page_are_those_of_the_stored_rows():
    pytest.importorskip("pyarrow")
    study = runpy.run_path(REPOSITORY / "docs" / "studies" / "calls_study.py")
    assert study["fill"](PAGE) == PAGE
    assert len(study["_MARKED"].findall(PAGE)) == 2
