"""Promises of ``python -m skomics.benchmark report``."""

import re

import pytest

from skomics.benchmark._cli import main
from skomics.benchmark._results import COLUMNS
from skomics.benchmark._store import write_commands

pytest.importorskip("matplotlib")
pytest.importorskip("scikit_posthocs")


def write(results, folder):
    folder.mkdir(exist_ok=True)
    results.reindex(columns=COLUMNS).to_csv(folder / "results.csv", index=False)
    return folder


def test_command_writes_page_and_markdown_with_the_command(results, tmp_path, capsys):
    folder = write(results, tmp_path / "run")
    write_commands(folder, ["python -m skomics.benchmark --seed 7"])
    assert main(["report", str(folder), "--markdown", str(folder / "r.md")]) == 0
    assert "Written: " in capsys.readouterr().out
    for name in ("report.html", "r.md"):
        assert "python -m skomics.benchmark --seed 7" in (folder / name).read_text()
    assert list((folder / "r_figures").glob("*.svg"))


def test_command_takes_a_file_and_another_output(results, tmp_path):
    folder = write(results, tmp_path / "run")
    page = tmp_path / "page.html"
    options = ["--output", str(page), "--metric", "accuracy", "--reference", "lr"]
    assert main(["report", str(folder / "results.csv"), *options]) == 0
    assert "logistic regression against each other model" in page.read_text()


def test_command_reports_on_the_tasks_and_models_asked_for(results, tmp_path):
    folder = write(results, tmp_path / "run")
    text = folder / "r.md"
    options = ["--markdown", str(text), "--tasks", "luad", "null"]
    assert main(["report", str(folder), *options, "--models", "seven"]) == 0
    assert "2 tasks, 2 models, 20 fits" in text.read_text()
    assert main(["report", str(folder), *options, "--models", "lr", "seven"]) == 0
    assert "2 tasks, 3 models, 30 fits" in text.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tasks", "luad", "brca"], r"Got the tasks \['luad', 'brca'\], but these"),
        (["--models", "tuned"], r"Got the models \['tuned'\], but these .* \['lr', "),
    ],
)
def test_tasks_and_models_without_a_row_are_refused(
    results, tmp_path, capsys, options, message
):
    folder = write(results, tmp_path / "run")
    assert main(["report", str(folder), *options]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_task_called_null_survives_the_file(results, tmp_path):
    folder = write(results, tmp_path / "run")
    assert main(["report", str(folder)]) == 0
    assert "all 3 results are at chance" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("rows", "message"),
    [(None, "error: There is no file"), (0, "holds no finished fit. Run at least one")],
)
def test_command_without_results_ends_with_2(results, tmp_path, capsys, rows, message):
    if rows is not None:
        write(results[:rows], tmp_path)
    assert main(["report", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
