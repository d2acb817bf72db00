"""Promises of the command line."""

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from skomics.benchmark import ModelSpec, read_predictions, read_results
from skomics.benchmark import _cli as main_module
from skomics.benchmark import _files as files_module
from skomics.benchmark import _runner as runner_module
from skomics.benchmark._cli import main
from skomics.benchmark._models import MODEL_GROUPS, MODELS
from skomics.benchmark._store import read_commands
from skomics.benchmark._tasks import TASK_GROUPS

ROOT = Path(__file__).parents[2]


def make_dummy(random_state):
    return DummyClassifier()


def make_neighbor(random_state):
    return KNeighborsClassifier(1)


def make_failing(random_state):
    raise RuntimeError("broken")


def make_interrupted(random_state):
    if random_state:
        raise KeyboardInterrupt
    return DummyClassifier()


@pytest.fixture
def models(monkeypatch):
    """Add models of no cost to those that the command line knows."""
    for name, make in {
        "dummy": make_dummy,
        "failing": make_failing,
        "interrupted": make_interrupted,
    }.items():
        monkeypatch.setitem(MODELS, name, ModelSpec(name, make, name.title()))


@pytest.fixture
def folder(tiny, tmp_path):
    """Write the tiny data as a folder of tables."""
    X, y = tiny
    folder = tmp_path / "cohort"
    folder.mkdir()
    for omics in ("rna", "mirna"):
        X.filter(like=f"{omics}__").to_csv(folder / f"{omics}.csv")
    y.rename("label").to_csv(folder / "labels.csv", index_label="sample")
    return folder


def run(*args, output):
    return main([*map(str, args), "--n-jobs", "1", "--output", str(output)])


def test_help_names_every_option_and_model(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    for word in ("--data", "--models", "--folds", "--repeats", "--seed", "--n-jobs"):
        assert word in text
    assert "sma (SMA)" in " ".join(text.split())


def test_a_folder_gives_table_rows_report_and_figure(
    folder, tmp_path, models, capsys, pyplot
):
    output = tmp_path / "out"
    code = run("--data", folder, "--models", "dummy", "logreg", output=output)
    assert code == 0
    shown = capsys.readouterr()
    assert "| cohort | Dummy " in shown.out
    assert "[20/20] cohort · " in shown.err
    names = {"results.csv", "summary.md", "benchmark.png", "commands.json"}
    names |= {"results-predictions.parquet"}
    assert {path.name for path in output.glob("[!.]*")} == names
    assert len(pd.read_csv(output / "results.csv")) == 2 * 2 * 5
    assert "--data" in (output / "summary.md").read_text()


def test_predictions_are_kept_unless_told_otherwise(folder, tmp_path, models, pyplot):
    options = ["--data", folder, "--models", "dummy", "--folds", 2, "--repeats", 1]
    for extra, is_kept in {"": True, "--no-predictions": False}.items():
        output = tmp_path / f"out{extra}"
        assert run(*options, *extra.split(), output=output) == 0
        assert (output / "results-predictions.parquet").exists() is is_kept
    assert len(read_predictions(tmp_path / "out" / "results.csv")) == 48


def test_the_simulated_cohort_is_the_task_without_data(tmp_path, models, pyplot):
    code = run("--models", "dummy", "--repeats", 1, "--folds", 2, output=tmp_path)
    assert code == 0
    results = pd.read_csv(tmp_path / "results.csv")
    assert set(results["task"]) == {"simulated"}
    assert results["n_test"].sum() == 300


def test_tasks_and_models_are_listed_with_what_is_not_here(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("SKOMICS_DATA", str(tmp_path))
    (tmp_path / "tcga_stad").mkdir()
    assert run("--list", output=tmp_path / "out") == 0
    shown = capsys.readouterr().out
    assert "  cancer: tcga_stad\n    not here (set SKOMICS_DATA): tcga_brca," in shown
    assert "  simulated-ladder: ladder-0.05, ladder-0.1" in shown
    assert "  sma-tuned: SMA (tuned)\n" in shown
    assert not (tmp_path / "out").exists()


def test_paper_table_stands_beside_ours_and_the_leaky_protocol_is_marked(
    tmp_path, monkeypatch, models, capsys, pyplot
):
    """For the group, both protocols and the models of the paper are the default."""
    monkeypatch.delenv("SKOMICS_DATA", raising=False)
    monkeypatch.setitem(TASK_GROUPS, "paper-simulated", ["paper-equal-10"])
    monkeypatch.setitem(MODEL_GROUPS, "seven", ["lfcnn"])
    monkeypatch.setitem(MODELS, "lfcnn", ModelSpec("lfcnn", make_dummy, "lfCNN"))
    assert run("paper-simulated", output=tmp_path) == 0
    shown = capsys.readouterr().out
    assert "Protocol as_published. LEAKY: features were scaled on all samples" in shown
    ours, published = shown.split("Table I of the SMA paper")[1].split("equal sizes")[
        1:
    ]
    assert ours.startswith(", generated, protocol leakage_free\n")
    assert published.startswith(
        ", generated, protocol as_published (leaky: scaled on all samp"
    )
    cells = [cell.strip() for cell in ours.strip().splitlines()[4].split("|")]
    assert cells[1:4] == ["lfCNN", "0.480 0.454 0.361", "0.150 0.026 0.039"]
    results = pd.read_csv(tmp_path / "results.csv")
    assert results["protocol"].to_list() == ["leakage_free"] * 5 + ["as_published"]
    assert "lfCNN" in (tmp_path / "as_published" / "summary.md").read_text()


def test_shares_and_omics_are_shown_apart(folder, tmp_path, models, capsys, pyplot):
    options = ["--models", "dummy", "--folds", 2, "--repeats", 1, "--leave-omics-out"]
    options += ["--train-fractions", 0.5, 1, "--parquet"]
    output = tmp_path / "out"
    assert run("--data", folder, *options, output=output) == 0
    shown = capsys.readouterr().out
    assert "Fitted to 0.5 of each training part." in shown
    assert "Omics used: mirna." in shown
    results = read_results(output / "results.parquet")
    assert len(results) == 2 * 2 * 3
    assert (output / "train-0.5_mirna" / "summary.md").exists()


def test_permuted_labels_are_a_task_more_that_is_shown_apart(
    folder, tmp_path, models, capsys, pyplot
):
    options = ["--models", "dummy", "--permute-labels", "--folds", 2, "--repeats", 1]
    assert run("--data", folder, *options, output=tmp_path) == 0
    results = pd.read_csv(tmp_path / "results.csv")
    assert list(dict.fromkeys(results["task"])) == ["cohort", "null-cohort"]
    tables = capsys.readouterr().out.split("Control: labels were permuted")
    assert "null-cohort" not in tables[0]
    assert "mean over tasks" not in tables[0]
    assert "| null-cohort | Dummy" in tables[1]
    verdict = "Control with permuted labels: all 1 results are at chance."
    assert verdict not in tables[0]
    assert verdict in tables[1]
    assert verdict in (tmp_path / "null" / "summary.md").read_text()
    assert verdict not in (tmp_path / "summary.md").read_text()


def test_a_run_in_which_test_samples_leak_is_marked_suspect(
    folder, tmp_path, monkeypatch, capsys, pyplot
):
    neighbor = ModelSpec("neighbor", make_neighbor, "Nearest")
    monkeypatch.setitem(MODELS, "neighbor", neighbor)
    split = runner_module._split
    # The test samples are among those that are learned from.
    monkeypatch.setattr(
        runner_module, "_split", lambda fit: (np.arange(48), split(fit)[1])
    )
    options = ["--models", "neighbor", "--permute-labels", "--backend", "threading"]
    assert run("--data", folder, *options, output=tmp_path) == 0
    verdict = "This run is suspect: with permuted labels, Nearest on null-cohort"
    assert verdict in capsys.readouterr().out
    assert verdict in (tmp_path / "null" / "summary.md").read_text()


def test_another_cohort_is_scored_on(folder, tmp_path, models, pyplot):
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    options = ["--models", "dummy", "--external", other]
    assert run("--data", folder, *options, output=tmp_path / "out") == 0
    results = pd.read_csv(tmp_path / "out" / "results.csv")
    assert set(results["task"]) == {"cohort-on-other"}
    assert set(results["n_test"]) == {48}


def test_report_has_every_command_that_the_results_were_made_by(
    folder, tmp_path, models, pyplot
):
    pytest.importorskip("scikit_posthocs")
    output = tmp_path / "out"
    options = ["--data", folder, "--repeats", 1, "--folds", 2]
    for models in ("dummy", "ridge", "dummy"):
        assert run(*options, "--models", models, output=output) == 0
    assert main(["report", str(output), "--markdown", str(output / "r.md")]) == 0
    told = [
        line.split("--models ")[1].split()[0]
        for line in (output / "r.md").read_text().splitlines()
        if line.startswith("python -m skomics.benchmark")
    ]
    assert told == ["dummy", "ridge"]
    (output / "results.csv").unlink()
    assert run(*options, "--models", "ridge", output=output) == 0
    (command,) = read_commands(output)
    assert "--models ridge" in command


def test_a_damaged_file_of_commands_is_told_before_the_first_fit(
    folder, tmp_path, models, pyplot, capsys
):
    options = ["--data", folder, "--repeats", 1, "--folds", 2, "--models", "dummy"]
    assert run(*options, output=tmp_path) == 0
    (tmp_path / "commands.json").write_text('["cut o')
    assert run(*options, output=tmp_path) == 2
    assert "commands.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["cancer", "single_cell"])
def test_published_settings_are_those_of_the_kind_asked_for(
    folder, tmp_path, monkeypatch, pyplot, kind
):
    kinds = []

    def remember(kind):
        kinds.append(kind)
        return {}

    spec = ModelSpec("dummy", make_dummy, kind_params=remember)
    monkeypatch.setitem(MODELS, "dummy", spec)
    options = ["--models", "dummy", "--repeats", 1, "--folds", 2, "--kind", kind]
    assert run("--data", folder, *options, output=tmp_path / "out") == 0
    assert set(kinds) == {kind}


def test_groups_are_a_column_of_the_labels(folder, tmp_path, models, pyplot):
    labels = pd.read_csv(folder / "labels.csv")
    labels.assign(site=labels.index // 8).to_csv(folder / "labels.csv", index=False)
    options = ["--models", "dummy", "--groups", "site", "--folds", 3]
    assert run("--data", folder, *options, output=tmp_path / "out") == 0
    sizes = pd.read_csv(tmp_path / "out" / "results.csv")["n_test"]
    assert set(sizes % 8) == {0}


def test_networks_run_with_few_epochs(folder, tmp_path, pyplot):
    options = ["--models", "sma,efnn", "--max-epochs", 1, "--folds", 2, "--repeats", 1]
    assert run("--data", folder, *options, output=tmp_path) == 0
    assert set(pd.read_csv(tmp_path / "results.csv")["model"]) == {"sma", "efnn"}


def test_several_folders_are_several_tasks(folder, tmp_path, models, pyplot):
    second = tmp_path / "third"
    second.mkdir()
    for file in folder.iterdir():
        (second / file.name).write_bytes(file.read_bytes())
    options = ["--models", "dummy", "--data", folder, "--data", second]
    assert run(*options, output=tmp_path / "out") == 0
    results = pd.read_csv(tmp_path / "out" / "results.csv")
    assert list(dict.fromkeys(results["task"])) == ["cohort", "third"]


def test_fewer_folds_are_announced(folder, tmp_path, models, capsys, pyplot):
    options = ["--models", "dummy", "--folds", 20, "--repeats", 1]
    assert run("--data", folder, *options, output=tmp_path) == 0
    assert "note: Task 'cohort' gets 16 folds instead of 20" in capsys.readouterr().err


def test_a_failing_model_is_reported_and_the_rest_goes_on(
    folder, tmp_path, models, capsys, pyplot
):
    options = ["--models", "dummy,failing", "--folds", 2, "--repeats", 1]
    assert run("--data", folder, *options, output=tmp_path) == 0
    shown = capsys.readouterr().out
    assert "2 fits of Failing on cohort failed: RuntimeError: broken" in shown


def test_a_run_in_which_everything_failed_ends_with_1(folder, tmp_path, models):
    options = ["--models", "failing", "--folds", 2, "--repeats", 1]
    assert run("--data", folder, *options, output=tmp_path) == 1
    assert "RuntimeError: broken" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere"], "error: There is no folder 'nowhere'"),
        (["--models", "knn"], "error: Got the model 'knn', but known are"),
        (["hard"], "error: Got the task 'hard', which is neither a Task nor one of"),
        (["--scheduler", "a:1"], "error: Got scheduler='a:1' with backend='loky'. On"),
        (["--folds", "1"], "error: Got n_folds=1. It must be an integer of at least 2"),
    ],
)
def test_wrong_arguments_end_with_2_and_a_message(tmp_path, capsys, options, message):
    assert run(*options, output=tmp_path) == 2
    assert capsys.readouterr().err.startswith(message)


def test_other_settings_under_the_same_output_end_with_2(
    folder, tmp_path, models, capsys, pyplot
):
    options = ["--data", folder, "--models", "dummy"]
    assert run(*options, output=tmp_path) == 0
    assert run(*options, "--seed", 1, output=tmp_path) == 2
    assert "seed was 0 and is 1. Choose another --output" in capsys.readouterr().err


def test_an_interruption_says_where_the_results_are(folder, tmp_path, models, capsys):
    options = ["--models", "dummy,interrupted", "--folds", 2]
    assert run("--data", folder, *options, output=tmp_path) == 130
    shown = capsys.readouterr().err
    assert f"Interrupted. 1 finished fits are in {tmp_path / 'results.csv'}" in shown
    assert "run the same command again to go on" in shown


def test_results_of_another_version_are_gone_on_with_by_the_command_that_is_told(
    folder, tmp_path, models, monkeypatch, capsys, pyplot
):
    options = ["--data", folder, "--models", "dummy", "--folds", 2]
    with monkeypatch.context() as patch:
        versions = runner_module._versions().replace("skomics=", "skomics=0.")
        patch.setattr(runner_module, "_versions", lambda: versions)
        assert run(*options, "--repeats", 1, output=tmp_path) == 0
    assert run(*options, "--repeats", 2, output=tmp_path) == 2
    assert "the same command with --any-version" in capsys.readouterr().err
    assert run(*options, "--repeats", 2, "--any-version", output=tmp_path) == 0


def test_a_full_disk_ends_the_run_with_what_to_do(
    folder, tmp_path, models, monkeypatch, capsys
):
    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files_module.os, "replace", fail)
    assert run("--data", folder, "--models", "dummy", output=tmp_path) == 2
    shown = capsys.readouterr().err
    assert "No space left on device: the results could not be written" in shown
    assert "Make room, or allow writing, then run the same command again" in shown


def test_a_user_task_called_like_a_control_is_ranked(folder, tmp_path, capsys, pyplot):
    named = folder.rename(tmp_path / "nullipara_brca")
    assert (
        run("--data", named, "--models", "ridge", "--repeats", 1, output=tmp_path) == 0
    )
    assert "Control" not in capsys.readouterr().out
    assert not (tmp_path / "null").exists()
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "nullipara_brca" in page
    assert "There was no control with permuted labels" in page


def test_a_process_that_died_is_told(folder, tmp_path, monkeypatch, capsys):
    def die(*args):
        raise BrokenProcessPool

    monkeypatch.setattr(main_module, "_run", die)
    assert run("--data", folder, output=tmp_path) == 1
    assert "A process died, perhaps for lack of memory" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals differ")
def test_ctrl_c_keeps_finished_fits_and_the_next_run_goes_on(folder, tmp_path):
    """With worker processes, which get the signal too."""
    options = ["--data", folder, "--models", "logreg", "--repeats", "40"]
    options += ["--n-jobs", "2", "--output", tmp_path / "out"]
    command = [sys.executable, "-m", "skomics.benchmark", *map(str, options)]
    file = tmp_path / "out" / "results.csv"
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if file.exists() and file.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    shown = process.communicate(timeout=60)[1]
    assert process.returncode == 130, shown
    finished = pd.read_csv(file)
    assert f"Interrupted. {len(finished)} finished fits" in shown
    code = main([*map(str, options), "--repeats", "1", "--n-jobs", "1"])
    assert code == 0
    resumed = pd.read_csv(file).merge(finished, how="inner")
    assert len(resumed) == len(finished)


@pytest.mark.slow
@pytest.mark.processes
def test_a_model_of_the_users_own_runs_in_processes(tmp_path):
    (tmp_path / "own_models.py").write_text(
        "from sklearn.neighbors import KNeighborsClassifier\n"
        "def nearest(random_state):\n    return KNeighborsClassifier(1)\n"
    )
    command = ["--models", "own_models:nearest", "--folds", "2", "--repeats", "1"]
    code = "import sys; from skomics._cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "benchmark", *command, "--n-jobs", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "nearest" in done.stdout
