"""Promises of the tasks."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skomics._blocks import take_rows
from skomics.benchmark import Task, simulated_task
from skomics.benchmark._tasks import (
    DATA_SETS,
    TASK_GROUPS,
    TASKS,
    as_tasks,
    external_task,
    find_group,
    folder_task,
    null_task,
)


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
    with pytest.raises(ValueError, match=r"but its labels have shape \(47,\)"):
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


def test_groups_of_samples_are_matched_by_sample_id_and_change_the_fingerprint(tiny):
    X, y = tiny
    sites = pd.Series(np.arange(48) % 5, index=X.index)
    task = Task("t", X, y, groups=sites[::-1])
    np.testing.assert_array_equal(task.groups, sites)
    assert task.fingerprint != Task("t", X, y).fingerprint
    with pytest.raises(
        ValueError, match=r"its groups have shape \(47,\). Give one group"
    ):
        Task("t", X, y, groups=list(range(47)))


def test_an_unknown_kind_of_data_is_refused(tiny):
    with pytest.raises(ValueError, match="'t' has the kind 'bulk'. Choose from"):
        Task("t", *tiny, "bulk")


def test_some_omics_of_a_task_are_the_same_samples(tiny):
    task = Task("t", *tiny, "simulated", groups=np.arange(48))
    part = task.take_omics(["mirna", "rna"])
    assert part.sizes == {"mirna": 5, "rna": 12}
    np.testing.assert_array_equal(part.y, task.y)
    np.testing.assert_array_equal(part.groups, task.groups)
    assert part.kind == "simulated"


def test_null_task_has_the_labels_of_other_samples(tiny):
    task = Task("t", *tiny)
    null = null_task(task)
    assert null.name == "null-t"
    assert sorted(null.y) == sorted(task.y)
    assert 0.1 < (null.y == task.y).mean() < 0.6
    assert null.fingerprint == null_task(task).fingerprint
    assert null.fingerprint != null_task(task, random_state=1).fingerprint


def test_two_cohorts_are_matched_by_feature(tiny):
    X, y = tiny
    other = X[30:].drop(columns=X.filter(like="methylation__").columns)
    other = other.iloc[:, ::-1].drop(columns="rna__r3").assign(rna__new=1.0)
    task = external_task(Task("a", X[:30], y[:30]), Task("b", other, y[30:]))
    assert task.name == "a-on-b"
    assert task.sizes == {"rna": 12, "methylation": 7, "mirna": 5}
    assert task.is_external.tolist() == [False] * 30 + [True] * 18
    rna = task.X["rna"]
    np.testing.assert_array_equal(rna["r5"], X["rna__r5"])
    assert rna["r3"].isna().tolist() == task.is_external.tolist()
    assert task.X["methylation"][30:].isna().all(axis=None)


def test_cohorts_without_a_common_feature_or_with_new_classes_are_refused(tiny):
    X, y = tiny
    first = Task("a", X[:30], y[:30])
    other = Task("b", X[30:].rename(columns=lambda name: f"{name}_x"), y[30:])
    with pytest.raises(ValueError, match="'b' has no feature in common"):
        external_task(first, other)
    other = Task("b", X[30:], ["new", "LumA"] * 9)
    with pytest.raises(ValueError, match=r"has the classes \['new'\], which the first"):
        external_task(first, other)
    bare = Task("b", {"rna": sparse.csr_matrix(X[30:])}, y[30:].to_numpy())
    with pytest.raises(ValueError, match="'rna' of 'b' is sparse or has no"):
        external_task(first, bare)


@pytest.mark.parametrize("group", ["simulated-ladder", "missing", "null"])
def test_generated_groups_are_tasks_of_their_own_names(group):
    assert [task.name for task in as_tasks(group)] == TASK_GROUPS[group]


def test_missing_tasks_withhold_the_share_of_omics_that_they_say():
    X = TASKS["missing-0.3"]().X
    lacking = X.isna().T.groupby(level=0).all().T
    assert lacking.to_numpy().mean() == pytest.approx(0.3, abs=0.01)


def test_wide_tasks_have_the_number_of_features_that_they_say():
    assert sum(TASKS["wide-50000"]().sizes.values()) == 50_000


def test_groups_of_sets_name_those_that_are_present(tmp_path, monkeypatch):
    monkeypatch.setenv("SKOMICS_DATA", str(tmp_path))
    assert find_group("cancer") == []
    assert len(find_group("paper-simulated")) == 6
    with pytest.raises(ValueError, match="No set of the group 'cancer' is here. Set"):
        as_tasks("cancer")
    with pytest.raises(ValueError, match="The set 'scgem' is not here. Set SKOMICS"):
        as_tasks("scgem")
    (tmp_path / "tcga_luad").mkdir()
    assert find_group("cancer") == ["tcga_luad"]


def fail_to_download():
    raise OSError("momix/counts.RDS is not there, and no address answers")


def test_a_group_is_run_without_a_set_that_cannot_be_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("SKOMICS_DATA", str(tmp_path))
    monkeypatch.setitem(TASKS, "momix_single_cell", fail_to_download)
    monkeypatch.setitem(TASKS, "scgem", simulated_task)
    (tmp_path / "scgem").mkdir()
    assert find_group("single-cell") == ["momix_single_cell", "scgem"]
    with pytest.warns(UserWarning, match="run without 'momix_.*: momix/counts.RDS is"):
        tasks = as_tasks("single-cell")
    assert [task.name for task in tasks] == ["simulated"]


def test_a_group_has_the_set_that_was_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("SKOMICS_DATA", str(tmp_path))
    monkeypatch.setitem(TASKS, "momix_single_cell", simulated_task)
    assert [task.name for task in as_tasks("single-cell")] == ["simulated"]


@pytest.mark.filterwarnings("ignore:The group 'single-cell' is run without")
def test_a_group_of_which_nothing_can_be_had_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SKOMICS_DATA", str(tmp_path))
    monkeypatch.setitem(TASKS, "momix_single_cell", fail_to_download)
    with pytest.raises(ValueError, match="No set of the group 'single-cell' is here"):
        as_tasks("single-cell")


def test_a_set_asked_for_by_name_fails_if_it_cannot_be_downloaded(monkeypatch):
    monkeypatch.setitem(TASKS, "momix_single_cell", fail_to_download)
    with pytest.raises(OSError, match="no address answers"):
        as_tasks("momix_single_cell")


@pytest.mark.parametrize("name", ["tcga_luad", "scgem", "dlmo_sim_equal_5"])
def test_present_sets_are_read_with_their_kind(name, data_dir, monkeypatch):
    monkeypatch.setenv("SKOMICS_DATA", str(data_dir))
    task = TASKS[name]()
    assert task.name == name
    assert task.kind == DATA_SETS[name]


def test_groups_are_a_column_of_the_labels_of_a_folder(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "sample,label,site\na,x,1\nb,y,1\nc,x,2\nd,y,2\n"
    )
    (tmp_path / "rna.csv").write_text("sample,g\na,1\nb,2\nc,3\nd,4\n")
    task = folder_task(tmp_path, groups="site")
    assert task.groups.tolist() == [1, 1, 2, 2]


def test_equal_names_and_unknown_names_are_refused(tiny):
    task = Task("tiny", *tiny)
    with pytest.raises(ValueError, match=r"2 tasks with the names \['tiny', 'tiny'\]"):
        as_tasks([task, task])
    with pytest.raises(ValueError, match=r"'real', which is neither a Task nor one of"):
        as_tasks("real")
