"""Promises of the tasks."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics.benchmark import Task, simulated_task
from skomics.benchmark._tasks import as_tasks, folder_task, take_rows


def test_task_shows_samples_classes_and_omics(tiny):
    assert repr(Task("tiny", *tiny)) == (
        "Task('tiny': 48 samples, 3 classes; rna 12, methylation 7, mirna 5)"
    )


def test_labels_are_matched_by_sample_id(tiny):
    X, y = tiny
    np.testing.assert_array_equal(Task("t", X, y[::-1]).y, y)


def test_labels_of_other_samples_are_refused(tiny):
    X, y = tiny
    with pytest.raises(ValueError, match="'t' has 48 samples and y has 47, and 1 of X"):
        Task("t", X, y.iloc[1:])


def test_too_few_labels_without_ids_are_refused(tiny):
    X, y = tiny
    with pytest.raises(ValueError, match=r"has 48 samples but y has shape \(47,\)"):
        Task("t", X, y.to_list()[1:])


def test_missing_labels_are_refused(tiny):
    X, y = tiny
    with pytest.raises(ValueError, match="has no label for 1 of 48 samples. Drop"):
        Task("t", X, y.where(np.arange(48) > 0))


@pytest.mark.parametrize("labels", [["a"] * 48, ["a"] * 47 + ["b"]])
def test_a_class_that_cannot_be_split_is_refused(tiny, labels):
    with pytest.raises(ValueError, match="two classes with two samples each; merge"):
        Task("t", tiny[0], labels)


def test_a_list_of_tables_is_refused(tiny):
    X, y = tiny
    with pytest.raises(TypeError, match="is a list. Name the omics: give a dict"):
        Task("t", [X], y)


def test_fingerprint_notices_a_value_a_label_and_a_name(tiny):
    X, y = tiny
    first = Task("t", X, y).fingerprint
    assert Task("other name", X.copy(), y.copy()).fingerprint == first
    changed = X.copy()
    changed.iloc[3, 2] += 1e-9
    other_label = y.copy()
    other_label.iloc[0] = "Basal"
    renamed = X.rename(columns={X.columns[0]: "rna__other"})
    others = [Task("t", changed, y), Task("t", X, other_label), Task("t", renamed, y)]
    assert len({first, *(task.fingerprint for task in others)}) == 4


def test_fingerprint_is_the_same_for_equal_sparse_tables(tiny):
    X, y = tiny
    tables = [sparse.csr_matrix(X), sparse.csc_matrix(X)]
    first, second = (Task("t", {"rna": table}, y.to_numpy()) for table in tables)
    assert first.fingerprint == second.fingerprint
    assert first.sparse_omics == {"rna": True}


def test_rows_of_a_dict_are_matched_by_id_before_they_are_taken():
    rna = pd.DataFrame({"a": [1.0, 2, 3, 4]}, index=list("pqrs"))
    cnv = pd.DataFrame({"b": [4.0, 3, 2, 1]}, index=list("srqp"))
    task = Task("t", {"rna": rna, "cnv": cnv}, list("xyxy"))
    taken = take_rows(task.X, np.array([1, 2]))
    assert taken["rna"].index.to_list() == taken["cnv"].index.to_list() == ["q", "r"]


def test_folder_task_is_named_after_the_folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "labels.csv").write_text("sample,label\na,x\nb,y\nc,x\nd,y\n")
    (folder / "rna.csv").write_text("sample,g\na,1\nb,2\nc,3\nd,4\n")
    assert repr(folder_task(folder)) == "Task('mine': 4 samples, 2 classes; rna 1)"


def test_simulated_task_is_the_same_every_time():
    assert simulated_task().fingerprint == simulated_task().fingerprint


def test_tasks_are_taken_in_every_form(tiny):
    task = Task("tiny", *tiny)
    assert as_tasks(task) == [task]
    assert [t.name for t in as_tasks([task, "simulated"])] == ["tiny", "simulated"]
    assert as_tasks({"a": tiny})[0].name == "a"


def test_equal_names_and_unknown_names_are_refused(tiny):
    task = Task("tiny", *tiny)
    with pytest.raises(ValueError, match=r"2 tasks with the names \['tiny', 'tiny'\]"):
        as_tasks([task, task])
    with pytest.raises(ValueError, match=r"'real', which is neither a Task nor one of"):
        as_tasks("real")
