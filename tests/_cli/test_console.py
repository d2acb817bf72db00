"""Promises of what is said where, and of the files that commands write."""

import os
import stat
import threading

import pytest

from skomics._cli import main
from skomics._cli._console import UsageError, claim, print_note, write_whole


@pytest.mark.parametrize("place", ["{folder}/calls.csv", "{folder}/new.TSV"])
def test_a_table_is_not_put_where_it_would_be_read_as_a_modality(
    cohort, model, place, capsys
):
    folder = cohort / "test"
    before = sorted(folder.iterdir())
    file = place.format(folder=folder)
    for command in ("predict", "evaluate", "explain"):
        assert main([command, str(model), str(folder), "-o", file]) == 2
        assert "would be read as a modality" in capsys.readouterr().err
    command = ["shift", str(model), str(cohort / "train"), "--train", str(folder)]
    assert main([*command, "-o", file]) == 2
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-o", "{f}/m.pkl"], "a name in .safetensors is wanted"),
        (["-o", "{f}/m.safetensors", "--card", "{f}/c.txt"], "in .html or .md is"),
        (["-o", "{f}/m.safetensors", "--coverage", "2"], "a share of 0 to 1 is wanted"),
        (["-o", "{f}/m.safetensors", "--risk", "-1"], "a share of 0 to 1 is wanted"),
    ],
)
def test_what_would_fail_after_training_is_refused_before(
    cohort, tmp_path, argv, message, capsys
):
    argv = [text.format(f=tmp_path) for text in argv]
    assert main(["train", str(cohort / "train"), *argv]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Training" not in shown


def test_a_folder_that_must_not_be_written_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match=r"is read-only\. Name a file elsewhere"):
        claim(tmp_path / "calls.csv", force=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe, read = tmp_path / "pipe.csv", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    claim(pipe, force=False)
    write_whole(pipe, lambda path: path.write_text("calls"))
    reader.join(timeout=30)
    assert read == ["calls"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_without_a_standard_error_results_stay_alone(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    print_note("anything")
    assert capsys.readouterr().out == ""


def test_a_note_is_given_once(cohort, tmp_path, capsys):
    command = ["train", str(cohort / "train"), "--model", "block_ridge"]
    command += ["--n-features", "150", "-o", str(tmp_path / "m.safetensors")]
    assert main(command) == 0
    assert capsys.readouterr().err.count("k=150 is greater than n_features=131") == 1


def test_a_class_of_one_sample_cannot_be_estimated(cohort, tmp_path, capsys):
    folder = tmp_path / "few"
    folder.mkdir()
    lines = (cohort / "train" / "labels.csv").read_text().splitlines()
    ids = [line.split(",")[0] for line in lines[1:5]]
    rows = [f"{name},{label}" for name, label in zip(ids, "abbb", strict=True)]
    (folder / "labels.csv").write_text("\n".join(["sample,label", *rows]))
    command = ["train", str(cohort / "train"), "--join", "inner"]
    command += ["--target", str(folder / "labels.csv")]
    assert main([*command, "-o", str(tmp_path / "m.safetensors")]) == 1
    assert "The class 'a' has a single sample" in capsys.readouterr().err
