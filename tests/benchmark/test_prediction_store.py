"""Promises of the files of predictions."""

import errno
import os

import numpy as np
import pandas as pd
import pytest

from skomics.benchmark import _files as files_module
from skomics.benchmark._prediction_store import (
    PREDICTION_COLUMNS,
    PredictionStore,
    make_record,
    name_files,
    order_predictions,
)
from skomics.benchmark._scores import Scores
from tests.benchmark.test_store import key

pytest.importorskip("pyarrow")
CLASSES = np.array(["a", "b", "ü\n"])


def record_of(seed=0, n_samples=4, classes=CLASSES):
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.choice(classes, (2, n_samples))
    values = rng.dirichlet(np.ones(len(classes)), n_samples)
    samples = [f"patient {i}" for i in range(n_samples)]
    scores = Scores("probability", values)
    return make_record(samples, classes, y_true, y_pred, scores)


@pytest.fixture
def store(tmp_path):
    return PredictionStore(tmp_path / "results.csv")


def fill(store, folds):
    for fold in folds:
        store.append(key(fold), record_of(fold))


def folds_of(store):
    return list(dict.fromkeys(store.read()["fold"]))


def test_files_are_named_after_the_results(tmp_path):
    table, journal = name_files(tmp_path / "results.csv")
    assert table == tmp_path / "results-predictions.parquet"
    assert journal == tmp_path / "results-predictions.jsonl"


def test_predictions_come_back_as_they_were_kept_from_journal_table_and_memory(store):
    y_true, y_pred = CLASSES[[0, 1, 2]], CLASSES[[2, 1, 0]]
    values = np.array([[0.1, 0.2, 0.7], [0, 1, 0], [0.25, 0.25, 0.5]])
    samples = ["x,1", 'y"', "2"]
    record = make_record(samples, CLASSES, y_true, y_pred, Scores("decision", values))
    in_memory = PredictionStore()
    for each in (store, in_memory):
        each.append(key(np.int64(3)), record)
    journaled = store.read()
    store.gather([key(3)])
    for found in (journaled, store.read(), in_memory.read()):
        assert tuple(found) == PREDICTION_COLUMNS
        assert found["sample"].to_list() == samples
        assert found["true"].to_list() == list(y_true)
        assert found["predicted"].to_list() == list(y_pred)
        assert set(found["classes"]) == {'["a", "b", "\\u00fc\\n"]'}
        assert set(found["fold"]) == {3}
        assert (found["true"] == found["predicted"]).to_list() == [False, True, False]
        scores = np.stack(found["scores"].to_list())
        assert scores.dtype == np.float32
        np.testing.assert_array_equal(scores, values.astype(np.float32))
    pd.testing.assert_frame_equal(journaled, store.read())
    pd.testing.assert_frame_equal(journaled, in_memory.read())


def test_models_without_scores_and_tasks_with_other_classes_share_a_file(store):
    store.append(key(0), record_of())
    bare = make_record(["1"], np.array([0, 1]), np.array([0]), np.array([1]), None)
    store.append(key(1), bare)
    store.gather([key(0), key(1)])
    last = store.read().iloc[-1]
    assert (last["true"], last["predicted"], last["score_kind"]) == ("0", "1", "")
    assert last["scores"] is None
    store.append(key(2), bare)
    assert folds_of(store) == [0, 1, 2]


def test_a_label_that_is_no_class_of_the_task_is_kept_as_missing(store):
    record = make_record(["1"], CLASSES, CLASSES[:1], np.array(["z"]), None)
    store.append(key(0), record)
    assert store.read()["predicted"].isna().all()


@pytest.mark.parametrize("n_bytes", [1, 2, 50])
def test_a_fit_that_was_cut_off_is_dropped(store, n_bytes):
    fill(store, [0, 1])
    content = store.journal.read_bytes()
    store.journal.write_bytes(content[:-n_bytes])
    assert folds_of(store) == [0]
    store.forget_others({key(0)})
    assert store.journal.read_bytes() == content.splitlines(keepends=True)[0]
    fill(store, [1])
    assert folds_of(store) == [0, 1]


def test_fits_without_a_row_are_forgotten_wherever_they_are(store):
    fill(store, [0, 1])
    store.gather([key(0), key(1)])
    fill(store, [2, 3])
    store.forget_others({key(1), key(3)})
    assert folds_of(store) == [1, 3]
    store.forget_others(set())
    assert not store.table.exists()
    assert len(store.read()) == 0


def test_files_that_need_no_change_are_left_as_they_are(store):
    fill(store, [0])
    store.gather([key(0)])
    fill(store, [1])
    before = [(p.read_bytes(), p.stat().st_ino) for p in (store.table, store.journal)]
    store.forget_others({key(0), key(1)})
    after = [(p.read_bytes(), p.stat().st_ino) for p in (store.table, store.journal)]
    assert after == before


def test_a_fit_that_was_made_again_counts_as_it_was_last(store):
    store.append(key(0), record_of(0))
    store.gather([key(0)])
    store.append(key(0), record_of(1))
    store.append(key(0), record_of(2))
    expected = PredictionStore()
    expected.append(key(0), record_of(2))
    pd.testing.assert_frame_equal(store.read(), expected.read())
    store.gather([key(0)])
    pd.testing.assert_frame_equal(store.read(), expected.read())


def test_gathered_files_do_not_depend_on_the_order_in_which_fits_ended(tmp_path):
    contents = []
    for name, folds in {"a": [0, 1, 2], "b": [2, 0, 1]}.items():
        store = PredictionStore(tmp_path / f"{name}.csv")
        fill(store, folds)
        store.gather([key(fold) for fold in range(3)])
        assert not store.journal.exists()
        contents.append(store.table.read_bytes())
    assert contents[0] == contents[1]


def test_a_kill_before_the_journal_is_removed_changes_nothing(store):
    fill(store, [0, 1])
    journal = store.journal.read_bytes()
    store.gather([key(0), key(1)])
    gathered = store.read()
    store.journal.write_bytes(journal)
    pd.testing.assert_frame_equal(
        order_predictions(store.read(), [key(0), key(1)]), gathered
    )


@pytest.mark.parametrize("damage", [b"{\n", b"[1]\n", b'{"a": 1}\n'])
def test_a_damaged_line_is_named(store, damage):
    fill(store, [0])
    store.journal.write_bytes(store.journal.read_bytes() + damage)
    message = r"Line 2 of .*predictions\.jsonl is damaged: .* Delete the line, and"
    with pytest.raises(ValueError, match=message):
        store.read()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_table_that_is_not_whole_is_told_and_stays(store, share):
    fill(store, [0])
    store.gather([key(0)])
    torn = store.table.read_bytes()
    torn = torn[: int(share * len(torn))]
    store.table.write_bytes(torn)
    for act in (store.read, lambda: store.forget_others({key(0)})):
        with pytest.raises(ValueError, match="parquet is damaged.*Move it away"):
            act()
    assert store.table.read_bytes() == torn


def test_another_parquet_file_is_told_to_be_no_predictions(store):
    pd.DataFrame({"a": [1]}).to_parquet(store.table)
    with pytest.raises(ValueError, match="or holds no predictions"):
        store.read()


def test_a_full_disk_takes_no_predictions_with_it(store, monkeypatch):
    fill(store, [0])

    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files_module.os, "replace", fail)
    with pytest.raises(OSError, match="the predictions could not be written. What was"):
        store.gather([key(0)])
    assert folds_of(store) == [0]
    assert [path.name for path in store.table.parent.iterdir()] == [store.journal.name]


def test_the_table_takes_little_more_than_4_bytes_a_sample_and_class(store):
    n_fits, n_samples, n_classes = 30, 100, 6
    classes = np.array([f"a subtype with a long name {i}" for i in range(n_classes)])
    for fold in range(n_fits):
        store.append(key(fold), record_of(fold, n_samples, classes))
    n_values = n_fits * n_samples * n_classes
    assert store.journal.stat().st_size < 4 * n_values * 3
    store.gather([key(fold) for fold in range(n_fits)])
    # Twenty thousand bytes describe the columns.
    assert store.table.stat().st_size < 4 * n_values + 20_000
