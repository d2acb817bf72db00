"""Promises of the results file."""

import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pandas as pd
import pytest

from skomics.benchmark._results import COLUMNS, is_control, results_frame
from skomics.benchmark._store import (
    ResultsStore,
    lock_results,
    read_commands,
    read_results,
    write_commands,
)
from tests.conftest import REPOSITORY

# What results files of version 0.1.0 had.
OLD_COLUMNS = [
    *("task", "model", "label", "repeat", "fold", "seed", "random_state", "n_folds"),
    *("n_train", "n_test", "accuracy", "f1_macro", "f1_weighted", "fit_seconds"),
    *("score_seconds", "status", "error", "warnings", "data", "settings", "versions"),
]


def key(fold, repeat=0, **changes):
    names = {
        "protocol": "leakage_free",
        "omics": "all",
        "train_fraction": 1.0,
        **changes,
    }
    return "t", "m", *names.values(), repeat, fold


def make_row(fold=0, **changes):
    numbers = ["repeat", "seed", "random_state", "n_train", "n_test", "accuracy"]
    numbers += ["f1_macro", "f1_weighted", "fit_seconds", "score_seconds"]
    row = {
        **dict.fromkeys(COLUMNS, ""),
        **dict.fromkeys(numbers, 0),
        "task": "t",
        "model": "m",
        "fold": fold,
        "n_folds": 5,
        "protocol": "leakage_free",
        "omics": "all",
        "is_control": False,
        "train_fraction": 1.0,
        "accuracy": 1 / 3,
        "status": "ok",
        "data": "abc",
        "settings": "123",
    }
    return {**row, **changes}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "folder" / "results.csv"


def test_rows_are_read_as_they_were_written(file):
    rows = [make_row(0), make_row(1, status="error", error='a, "b"', accuracy="")]
    store = ResultsStore(file)
    for row in rows:
        store.append(row)
    again = ResultsStore(file)
    pd.testing.assert_frame_equal(
        results_frame(list(again.rows.values())), results_frame(rows)
    )


def test_a_row_is_on_disk_as_soon_as_it_is_appended(file):
    store = ResultsStore(file)
    store.append(make_row())
    assert len(pd.read_csv(file)) == 1


@pytest.mark.parametrize("n_bytes", range(1, 40))
def test_a_line_that_was_cut_off_is_dropped(file, n_bytes):
    store = ResultsStore(file)
    store.append(make_row(0))
    store.append(make_row(1))
    file.write_bytes(file.read_bytes()[:-n_bytes])
    assert [row["fold"] for row in ResultsStore(file).rows.values()] == [0]
    assert file.read_bytes().endswith(b"\n")


def test_a_header_that_was_cut_off_is_written_again(file):
    ResultsStore(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:20])
    ResultsStore(file)
    assert file.read_bytes() == whole


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(file):
    file.parent.mkdir()
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="Choose another --output, or move the file"):
        ResultsStore(file)
    assert file.read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "xyz"}, r"data \(SHA-256 of X and y\) was abc and is xyz"),
        ({"n_folds": 4}, "number of folds was 5 and is 4"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"settings": "9"}, r"parameters of the model \(digest\) was 123 and is 9"),
        ({"model": "other", "seed": 1}, "seed was 0 and is 1"),
    ],
)
def test_other_settings_for_the_same_task_are_refused(file, change, message):
    store = ResultsStore(file)
    store.append(make_row())
    with pytest.raises(ValueError, match=message + ".*Choose another --output"):
        store.check([make_row(**change)])


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"task": "u", "data": "x"},
        {"model": "n", "settings": "9"},
        {"omics": "rna", "settings": "9"},
        {"protocol": "as_published", "n_folds": 4, "settings": "9"},
    ],
)
def test_other_tasks_and_models_may_share_a_file(file, change):
    store = ResultsStore(file)
    store.append(make_row())
    store.check([make_row(**change)])


def test_failed_fits_do_not_bind(file):
    store = ResultsStore(file)
    store.append(make_row(status="error"))
    store.check([make_row(settings="9")])


def test_failed_fits_are_forgotten_on_disk_too(file):
    store = ResultsStore(file)
    store.append(make_row(0))
    store.append(make_row(1, status="error"))
    store.forget_errors([key(0), key(1), key(2)])
    assert list(ResultsStore(file).rows) == [key(0)]


def test_a_file_that_another_run_writes_to_is_refused(file):
    with (
        lock_results(file),
        pytest.raises(BlockingIOError, match=r"Another run writes to .*results.csv. W"),
        lock_results(file),
    ):
        pass
    with lock_results(file):
        pass


def test_a_run_without_a_file_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with lock_results(None), lock_results(None):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals differ")
def test_a_run_that_was_killed_keeps_no_file(file):
    code = (
        "import sys\n"
        "from skomics.benchmark._store import lock_results\n"
        "with lock_results(sys.argv[1]):\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(BlockingIOError, match="Another run"), lock_results(file):
            pass
    finally:
        process.kill()
        process.communicate(timeout=60)
    with lock_results(file):
        pass


def test_a_finished_run_is_in_order_and_keeps_other_rows(file):
    store = ResultsStore(file)
    for row in [make_row(1), make_row(0, task="other"), make_row(0)]:
        store.append(row)
    results = store.finish([key(0), key(1)])
    assert results["fold"].to_list() == [0, 1]
    assert pd.read_csv(file)["task"].to_list() == ["other", "t", "t"]


def test_results_stay_in_memory_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = ResultsStore()
    store.append(make_row())
    assert len(store.finish([key(0)])) == 1
    assert list(tmp_path.iterdir()) == []


def test_rows_of_other_protocols_omics_and_fractions_are_other_rows(file):
    store = ResultsStore(file)
    changes = [
        {},
        {"protocol": "as_published"},
        {"omics": "rna"},
        {"train_fraction": 0.2},
    ]
    for change in changes:
        store.append(make_row(**change))
    assert list(ResultsStore(file).rows) == [key(0, **change) for change in changes]


def test_a_file_of_an_earlier_version_is_read_and_gone_on_with(file):
    file.parent.mkdir()
    old = pd.DataFrame([make_row(0), make_row(1)])[OLD_COLUMNS]
    old.to_csv(file, index=False)
    read = read_results(file)
    assert tuple(read.columns) == COLUMNS
    assert set(read["protocol"]) == {"leakage_free"}
    assert set(read["omics"]) == {"all"}
    assert set(read["train_fraction"]) == {1.0}
    absent = ["log_loss", "ece", "peak_memory_mb", "n_features"]
    assert read[absent].isna().all(axis=None)
    assert tuple(pd.read_csv(file).columns) == tuple(OLD_COLUMNS)
    store = ResultsStore(file)
    store.append(make_row(2))
    assert list(ResultsStore(file).rows) == [key(0), key(1), key(2)]
    assert pd.read_csv(file)["fold"].to_list() == [0, 1, 2]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda line: line[:25], r"Line 3 of .*results\.csv is damaged: it has \d+ v"),
        (lambda line: b"\xff" + line, "Line 3 of .* it is no text in UTF-8. Delete"),
        (lambda line: line.replace(b"abc,123", b'"abc,123'), "Line 3 of .* is damaged"),
        (
            lambda line: line.replace(b",1,0,0,", b",x,0,0,"),
            "Line 3 of .*: invalid lit",
        ),
        (lambda line: b'"' + b"x" * 200_000 + b'"', "Line 3 .*field limit .131072."),
    ],
    ids=["cut", "bytes", "quote", "number", "long"],
)
def test_a_damaged_line_is_named_and_the_file_left_as_it_is(file, damage, message):
    """Non-regression test for #12: "zip() argument 2 is shorter" was the message."""
    store = ResultsStore(file)
    for fold in range(3):
        store.append(make_row(fold))
    lines = file.read_bytes().splitlines(keepends=True)
    damaged = damage(lines[2].rstrip(b"\n")) + b"\n"
    assert damaged != lines[2]
    file.write_bytes(b"".join([*lines[:2], damaged, *lines[3:]]))
    before = file.read_bytes()
    with pytest.raises(ValueError, match=message) as caught:
        ResultsStore(file)
    assert "Delete the line, and its fit is made again" in str(caught.value)
    assert file.read_bytes() == before
    file.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert list(ResultsStore(file).rows) == [key(0), key(2)]


@pytest.fixture
def full_disk():
    """Let files grow no more than the given size, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    action = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    @contextmanager
    def limit(n_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, kept[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)

    yield limit
    signal.signal(signal.SIGXFSZ, action)


@pytest.mark.parametrize("n_more", [0, 30])
def test_a_full_disk_is_told_and_the_file_stays_whole(file, full_disk, n_more):
    store = ResultsStore(file)
    store.append(make_row(0))
    before = file.read_bytes()
    message = "could not be written. The file is whole and holds 1 fits. Make room"
    with full_disk(len(before) + n_more), pytest.raises(OSError, match=message):
        store.append(make_row(1))
    assert file.read_bytes() == before
    assert list(store.rows) == [key(0)]
    store.append(make_row(1))
    assert list(ResultsStore(file).rows) == [key(0), key(1)]


def test_a_full_disk_does_not_take_the_file_that_was_to_be_replaced(file, full_disk):
    store = ResultsStore(file)
    store.append(make_row(0))
    store.append(make_row(1))
    before = file.read_bytes()
    with full_disk(50), pytest.raises(OSError, match="is whole and holds 2 fits"):
        store.finish([key(1), key(0)])
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["results.csv"]


@pytest.mark.skipif(os.name != "posix", reason="modes differ")
def test_a_file_that_is_replaced_keeps_its_mode_and_its_links(file, tmp_path):
    store = ResultsStore(file)
    store.append(make_row(0, status="error"))
    file.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    ResultsStore(link).forget_errors([key(0)])
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert ResultsStore(file).rows == {}


VERSIONS = "python=3.13 skomics=0.1.0 numpy=2.4 torch=2.13.0 system=Linux-x86_64"
TASK = {("t", "leakage_free")}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("skomics=0.0.9", r"made with skomics 0\.0\.9, and this is skomics 0\.1\.0"),
        ("torch=2.12.1", r"with torch 2\.12\.1, and this is torch 2\.13\.0. Scores of"),
    ],
)
def test_rows_of_another_version_are_not_gone_on_with(file, changed, message):
    store = ResultsStore(file)
    name = changed.partition("=")[0]
    versions = re.sub(rf"{name}=\S+", changed, VERSIONS)
    store.append(make_row(versions=versions))
    with pytest.raises(ValueError, match=message + ".*the same command with --any-v"):
        store.check_versions(TASK, VERSIONS)
    store.check_versions({("other", "leakage_free")}, VERSIONS)
    store.check_versions(set(), VERSIONS)


@pytest.mark.parametrize(
    "versions", ["", VERSIONS, VERSIONS.replace("numpy=2.4", "numpy=2.3")]
)
def test_rows_of_the_same_or_of_unknown_versions_are_gone_on_with(file, versions):
    store = ResultsStore(file)
    store.append(make_row(versions=versions))
    store.check_versions(TASK, VERSIONS)


def test_controls_of_earlier_files_are_known_by_their_name(file):
    file.parent.mkdir()
    tasks = ["null", "null-t", "nullipara_brca", "t"]
    old = pd.DataFrame([make_row(task=task) for task in tasks])
    old.drop(columns="is_control").to_csv(file, index=False)
    expected = [True, True, False, False]
    assert read_results(file)["is_control"].to_list() == expected
    assert is_control(old.assign(is_control="")).to_list() == expected
    assert is_control(old.assign(is_control=True)).to_list() == [True] * 4


def test_controls_of_the_stored_results_are_those_with_permuted_labels():
    pytest.importorskip("pyarrow")
    files = sorted((REPOSITORY / "docs" / "results").glob("*.parquet"))
    for path in files:
        results = read_results(path)
        controls = set(results.loc[results["is_control"], "task"])
        assert controls == ({"null-simulated"} if path.stem == "null" else set())


def test_a_lock_says_what_to_install_where_filelock_is_absent(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "filelock", None)
    with (
        pytest.raises(ImportError, match=r"pip install 'skomics\[bench\]'"),
        lock_results(file),
    ):
        pass


def test_reading_results_leaves_a_torn_file_as_it_is(file):
    store = ResultsStore(file)
    store.append(make_row(0))
    store.append(make_row(1))
    torn = file.read_bytes()[:-5]
    file.write_bytes(torn)
    assert read_results(file)["fold"].to_list() == [0]
    assert file.read_bytes() == torn


def test_results_are_read_from_parquet_too(tmp_path):
    pytest.importorskip("pyarrow")
    results = results_frame([make_row(0), make_row(1, log_loss=0.5)])
    results.to_parquet(tmp_path / "results.parquet")
    again = read_results(tmp_path / "results.parquet")
    pd.testing.assert_frame_equal(again, results)


def test_commands_are_kept_each_once_in_the_order_given(tmp_path):
    assert read_commands(tmp_path) == []
    commands = ['run --data "Zürich\n```"', "run --seed 7", 'run --data "Zürich\n```"']
    write_commands(tmp_path, commands)
    assert read_commands(tmp_path) == commands[:2]


@pytest.mark.parametrize("text", ["", '["cut o', '{"a": 1}', "[1]"])
def test_damaged_commands_are_told_with_the_cure(tmp_path, text):
    (tmp_path / "commands.json").write_text(text)
    with pytest.raises(ValueError, match="commands.json is damaged.* Delete the file"):
        read_commands(tmp_path)
