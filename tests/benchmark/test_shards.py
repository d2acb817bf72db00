"""A run in shards is the run in one piece, whatever happens to a shard."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skomics.benchmark import (
    merge_shards,
    read_predictions,
    read_results,
    run_benchmark,
)
from skomics.benchmark._cli import main
from skomics.benchmark._shards import read_shard
from tests.conftest import REPOSITORY, make_tiny

pytest.importorskip("pyarrow")

MODELS = {"bayes": GaussianNB(), "tree": DecisionTreeClassifier()}
OPTIONS = {"n_folds": 3, "n_repeats": 2, "seed": 1}
VARY = ["fit_seconds", "score_seconds", "peak_memory_mb"]


def run(folder, shard=None, models=MODELS, **options):
    part = "" if shard is None else "shard-{}-of-{}/".format(*shard)
    output = f"{folder}/{part}results.csv"
    options = {**OPTIONS, **options}
    task = {"tiny": make_tiny()}
    return run_benchmark(task, models, shard=shard, output=output, **options)


def test_merged_shards_are_the_run_in_one_piece(tmp_path):
    whole = run(tmp_path / "whole").drop(columns=VARY)
    parts = [run(tmp_path / "run", (n, 5)) for n in (3, 1, 5, 2, 4)]
    assert sorted(map(len, parts)) == [2, 2, 2, 3, 3]
    merged = merge_shards(tmp_path / "run").drop(columns=VARY)
    pd.testing.assert_frame_equal(merged, whole)
    stored = read_results(tmp_path / "run" / "results.csv").drop(columns=VARY)
    pd.testing.assert_frame_equal(stored, whole, check_dtype=False)
    pd.testing.assert_frame_equal(
        read_predictions(tmp_path / "run" / "results.csv"),
        read_predictions(tmp_path / "whole" / "results.csv"),
    )


def test_merging_again_adds_what_has_come_since(tmp_path):
    run(tmp_path, (1, 2))
    with pytest.warns(UserWarning, match=r"Of 2 shards 1 are missing \(2\) and 0 are"):
        assert len(merge_shards(tmp_path)) == 6
    run(tmp_path, (2, 2))
    for _ in range(2):
        assert len(merge_shards(tmp_path)) == 12


def test_each_shard_has_fits_of_every_model(tmp_path):
    for number in (1, 2):
        counts = run(tmp_path, (number, 2))["model"].value_counts()
        assert counts.to_dict() == {"bayes": 3, "tree": 3}


def test_more_shards_than_fits_leave_some_without_any(tmp_path):
    sizes = [len(run(tmp_path, (n, 14), n_repeats=1)) for n in range(1, 15)]
    assert sizes == [1] * 6 + [0] * 8
    assert len(merge_shards(tmp_path)) == 6


def test_shards_of_different_runs_are_refused(tmp_path):
    run(tmp_path, (1, 2))
    run(tmp_path, (2, 2), seed=2)
    with pytest.raises(ValueError, match="of different runs: .* 2 values of seed"):
        merge_shards(tmp_path)


def test_shards_of_other_machines_are_merged_with_a_warning(tmp_path):
    for number in (1, 2):
        run(tmp_path, (number, 2))
    file = tmp_path / "shard-2-of-2" / "results.csv"
    text = file.read_text().replace("kernels=", "kernels=other-")
    file.write_text(text)
    with pytest.warns(UserWarning, match="2 kinds of machines or versions"):
        assert len(merge_shards(tmp_path)) == 12


def test_shards_of_runs_in_other_numbers_of_parts_are_refused(tmp_path):
    run(tmp_path, (1, 2))
    run(tmp_path, (1, 3))
    with pytest.raises(ValueError, match="runs in 2 and 3 parts"):
        merge_shards(tmp_path)


def test_a_folder_without_shards_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no shard with a finished fit"):
        merge_shards(tmp_path)


@pytest.mark.parametrize(
    "bad", ["0/4", "5/4", "2", "a/b", "1/2/3", (0, 1), "-1/2", 1, (1.7, 2), None]
)
def test_what_is_no_shard_is_refused(bad):
    with pytest.raises(ValueError, match="number/count is wanted, such as 2/8"):
        read_shard(bad)


def test_numbers_of_shards_may_be_text_or_a_pair():
    assert read_shard("2/8") == read_shard((2, 8)) == (2, 8)


def test_the_command_line_refuses_what_is_no_shard(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["scgem", "--shard", "9/8"])
    assert ended.value.code == 2
    assert "number/count is wanted" in capsys.readouterr().err


@pytest.fixture
def cohort(tmp_path):
    X, y = make_tiny()
    folder = tmp_path / "cohort"
    folder.mkdir()
    for omics in ("rna", "mirna"):
        X.filter(like=f"{omics}__").to_csv(folder / f"{omics}.csv")
    y.rename("label").to_csv(folder / "labels.csv", index_label="sample")
    return folder


def command(cohort, output, *more):
    options = ["--models", "ridge", "logreg", "--folds", "4", "--repeats", "10"]
    return [*("--data", str(cohort)), *options, *("--n-jobs", "1"), *more]


def test_report_puts_shards_together_and_says_what_is_missing(cohort, tmp_path, capsys):
    output = ["--output", str(tmp_path / "run")]
    few = ["--data", str(cohort), "--models", "ridge", "--repeats", "1", *output]
    assert main([*few, "--n-jobs", "1", "--shard", "1/2"]) == 0
    assert main(["report", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr()
    assert "note: Of 2 shards 1 are missing (2)" in shown.err
    assert main([*few, "--n-jobs", "1", "--shard", "2/2"]) == 0
    assert main(["report", str(tmp_path / "run")]) == 0
    assert "note" not in capsys.readouterr().err.split("\n")[-2]
    assert len(read_results(tmp_path / "run" / "results.csv")) == 5
    page = (tmp_path / "run" / "report.html").read_text()
    assert "--shard 1/2" in page
    assert "--shard 2/2" in page


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.name != "posix", reason="signals differ")
def test_a_worker_that_dies_is_run_again_and_nothing_is_lost(cohort, tmp_path):
    def start(number):
        options = command(cohort, tmp_path, "--shard", f"{number}/2")
        return subprocess.Popen(
            [sys.executable, "-m", "skomics.benchmark", *options]
            + ["--output", str(tmp_path / "run")],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    workers = [start(1), start(2)]
    file = tmp_path / "run" / "shard-2-of-2" / "results.csv"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if file.exists() and file.read_bytes().count(b"\n") > 4:
            break
        time.sleep(0.01)
    os.killpg(workers[1].pid, signal.SIGKILL)
    workers[1].wait(timeout=60)
    assert workers[0].wait(timeout=300) == 0
    with pytest.warns(UserWarning, match=r"1 are not finished \(2\)"):
        n_before = len(merge_shards(tmp_path / "run"))
    assert 40 < n_before < 80
    assert start(2).wait(timeout=300) == 0
    merged = merge_shards(tmp_path / "run").drop(columns=VARY)
    whole = tmp_path / "whole"
    assert main(command(cohort, tmp_path, "--output", str(whole))) == 0
    expected = read_results(whole / "results.csv").drop(columns=VARY)
    assert len(merged) == 80
    pd.testing.assert_frame_equal(merged, expected, check_dtype=False)
