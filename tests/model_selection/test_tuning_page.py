"""The page on tuning tells the truth."""

import re
import runpy

import pytest

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "tuning.md").read_text(encoding="utf-8")
STUDY = REPOSITORY / "docs" / "studies" / "tuning_study.py"


@pytest.fixture(scope="module")
def study():
    pytest.importorskip("pyarrow")
    return runpy.run_path(STUDY)


def test_code_of_the_page_runs_from_top_to_bottom():
    optuna = pytest.importorskip("optuna")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(block, "tuning.md", "exec"), names)
    assert names["halving"].best_params_["clf__max_epochs"] == 20
    state = optuna.trial.TrialState
    states = {trial.state for trial in names["study"].trials}
    assert states == {state.PRUNED, state.COMPLETE}
    assert set(names["tuned"].best_params_) == set(names["space"])


def test_tables_of_the_page_are_those_of_the_stored_rows(study):
    assert study["fill"](PAGE) == PAGE
    assert len(study["_MARKED"].findall(PAGE)) == 3


def test_no_small_grid_gains_for_certain_as_the_page_says(study):
    lines = list(study["gains"](study["pd"].read_parquet(study["STORED"])))
    assert len(lines) == 2 + 6
    for line in lines[2:]:
        low, high = (float(v) for v in line.split("|")[5].split(" to "))
        assert low < 0 < high


def test_the_search_believes_in_shuffled_labels_and_nested_folds_do_not(study):
    rows = study["pd"].read_parquet(study["STORED"])
    rows = rows[rows["set"] == study["SHUFFLED"]]
    assert rows["inner"].mean() > 0.4 > rows["tuned"].mean()
    assert (rows["inner"] > rows["tuned"]).sum() >= 9
