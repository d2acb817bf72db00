"""Promises of the command line as a whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skomics import __version__
from skomics._cli import _main, _train, main
from skomics._cli._main import COMMANDS

ROOT = Path(__file__).parents[2]


def run(*args, code="", **env):
    """Run python with arguments in a process of its own."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "skomics"]), *args]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(
        command, env=env, capture_output=True, encoding="utf-8", timeout=120
    )


def test_help_shows_every_command_and_an_example(capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert "skomics train cohort/train -o model.safetensors" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_teaches_with_an_example(command, capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert f"skomics {command} " in shown.split("example:")[1]
    assert "None" not in shown


@pytest.mark.parametrize("name", ["benchmark", "report"])
def test_other_command_lines_are_commands(name, capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main([name, "--help"])
    assert "skomics.benchmark" in capsys.readouterr().out


def test_version_is_told(capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main(["--version"])
    assert capsys.readouterr().out == f"skomics {__version__}\n"


@pytest.mark.parametrize("argv", [[], ["no-such"], ["train"], ["info", "--no-such"]])
def test_wrong_arguments_end_with_2(argv, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: skomics" in captured.err


def test_a_fault_of_the_data_ends_with_1(tmp_path, capsys):
    assert main(["info", str(tmp_path / "nothing.csv")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "nothing.csv" in captured.err


def test_an_interrupt_ends_with_130_and_leaves_no_file(
    cohort, tmp_path, monkeypatch, capsys
):
    def interrupted(*_):
        raise KeyboardInterrupt

    file = tmp_path / "model.safetensors"
    monkeypatch.setattr("skomics.persistence.save_model", interrupted)
    command = ["train", str(cohort / "train"), "--model", "block_ridge", "--cv", "0"]
    assert main([*command, "-o", str(file)]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_overview_is_shown_without_a_heavy_import():
    code = (
        "import sys; from skomics._cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('torch', 'pandas', 'sklearn') if n in sys.modules])"
    )
    assert run(code=code).stdout.endswith("[]\n")


def test_output_that_nobody_reads_is_no_fault(cohort):
    code = (
        "import sys; from skomics._cli import main; from skomics._cli import _info\n"
        "def broken(found): raise BrokenPipeError\n"
        "_info._print_data = broken\n"
        f"code = main(['info', {str(cohort / 'train')!r}])\n"
        "sys.exit(code)"
    )
    done = run(code=code)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_locale_without_letters_changes_no_name(tmp_path):
    file = tmp_path / "rna.csv"
    file.write_text("patient_id,TP53\np é,1\np ≤,2\n", encoding="utf-8")
    # As after LC_ALL=C, which Python repairs by itself where it can.
    options = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run("info", str(file), **options)
    assert done.returncode == 0, done.stderr
    assert "(p é, p ≤, ...)" in done.stdout


def test_an_interrupt_of_an_import_ends_with_130(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_main, "import_module", interrupted)
    assert main(["info", "x"]) == 130
    assert main(["benchmark"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.slow
def test_module_and_script_are_one(tmp_path):
    done = run("simulate", str(tmp_path / "a"), "--samples", "20")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "labels.csv").is_file()
    script = Path(sys.executable).with_name("skomics")
    if not script.exists():
        pytest.skip("skomics is not installed, so that it has no script")
    shown = subprocess.run(
        [script, "--version"], capture_output=True, text=True, timeout=60
    )
    assert shown.stdout == f"skomics {__version__}\n"


def test_commands_are_those_that_are_documented():
    text = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    names = [*COMMANDS, *_main._FOREIGN]
    assert all(
        f"`skomics {name}" in text or f"\nskomics {name} " in text for name in names
    )
    assert all(f"`{name}`" in text for name in _train.CLASSIFIERS)
