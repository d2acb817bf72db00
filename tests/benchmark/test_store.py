"""Promises of the results file."""

import pandas as pd
import pytest

from skomics.benchmark._store import COLUMNS, ResultsStore, results_frame


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
    "change", [{}, {"task": "u", "data": "x"}, {"model": "n", "settings": "9"}]
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
    store.forget_errors([("t", "m", 0, 0), ("t", "m", 0, 1), ("t", "m", 0, 2)])
    assert list(ResultsStore(file).rows) == [("t", "m", 0, 0)]


def test_a_finished_run_is_in_order_and_keeps_other_rows(file):
    store = ResultsStore(file)
    for row in [make_row(1), make_row(0, task="other"), make_row(0)]:
        store.append(row)
    results = store.finish([("t", "m", 0, 0), ("t", "m", 0, 1)])
    assert results["fold"].to_list() == [0, 1]
    assert pd.read_csv(file)["task"].to_list() == ["other", "t", "t"]


def test_results_stay_in_memory_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = ResultsStore()
    store.append(make_row())
    assert len(store.finish([("t", "m", 0, 0)])) == 1
    assert list(tmp_path.iterdir()) == []
