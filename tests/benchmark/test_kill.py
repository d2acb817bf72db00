"""Promises of a run that is killed, whenever that is."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from skomics.benchmark import read_predictions
from skomics.benchmark._results import KEY
from tests.benchmark.test_runner import TIMES
from tests.conftest import REPOSITORY, make_tiny

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="signals differ"),
]
N_KILLS = 4
OPTIONS = [
    *("--models", "logreg", "ridge", "--folds", "4", "--repeats", "10"),
    *("--train-fractions", "0.5", "1.0", "--n-jobs", "2"),
]


def start(folder, output):
    command = [sys.executable, "-m", "skomics.benchmark", "--data", str(folder)]
    return subprocess.Popen(
        [*command, *OPTIONS, "--output", str(output)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run_to_the_end(folder, output):
    process = start(folder, output)
    shown = process.communicate(timeout=300)[1]
    assert process.returncode == 0, shown
    return shown


def count_lines(file):
    return file.read_bytes().count(b"\n") if file.exists() else 0


def kill_after(process, file, n_lines, delay):
    """Kill the process and its workers a moment after it wrote so many lines."""
    goal, deadline = count_lines(file) + n_lines, time.monotonic() + 120
    while count_lines(file) < goal and time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    return True


def test_a_run_that_is_killed_again_and_again_has_the_rows_of_one_that_is_not(tmp_path):
    pytest.importorskip("pyarrow")
    X, y = make_tiny()
    folder = tmp_path / "cohort"
    folder.mkdir()
    for omics in ("rna", "mirna"):
        X.filter(like=f"{omics}__").to_csv(folder / f"{omics}.csv")
    y.rename("label").to_csv(folder / "labels.csv", index_label="sample")
    rng = random.Random(0)
    file = tmp_path / "killed" / "results.csv"
    n_rows, n_killed = [], 0
    for _ in range(N_KILLS):
        process = start(folder, file.parent)
        # At times before the first row of the run, and mostly amid its rows.
        n_lines, delay = rng.choice([0, 1, 3, 8]), rng.uniform(0, 0.5)
        n_killed += kill_after(process, file, n_lines, delay)
        n_rows.append(count_lines(file))
        if n_rows[-1] > 1:
            read_predictions(file)
    assert n_killed == N_KILLS
    assert n_rows == sorted(n_rows)
    assert n_rows[-1] > 5
    run_to_the_end(folder, file.parent)
    run_to_the_end(folder, tmp_path / "whole")
    killed, whole = (
        pd.read_csv(path) for path in (file, tmp_path / "whole" / "results.csv")
    )
    assert len(whole) == 2 * 4 * 10 * 2
    assert not killed.duplicated(list(KEY)).any()
    pd.testing.assert_frame_equal(killed.drop(columns=TIMES), whole.drop(columns=TIMES))
    # A warning of a row without predictions would be an error here.
    predictions = read_predictions(file)
    assert len(predictions) == whole["n_test"].sum()
    whole_predictions = read_predictions(tmp_path / "whole" / "results.csv")
    pd.testing.assert_frame_equal(predictions, whole_predictions)
