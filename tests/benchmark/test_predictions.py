"""Promises of what is kept of the folds, and of how it is read."""

import json
import shutil
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score
from sklearn.naive_bayes import GaussianNB

from skomics.benchmark import (
    Task,
    predictions_by_repeat,
    read_predictions,
    read_results,
    run_benchmark,
    sum_confusion,
)
from skomics.benchmark._prediction_store import PREDICTION_COLUMNS, name_files
from skomics.benchmark._results import COLUMNS, KEY
from skomics.benchmark._store import ResultsStore, lock_results
from tests.benchmark.test_runner import QUICK, RandomVoter, Stubborn

pytest.importorskip("pyarrow")
MODELS = {
    "bayes": GaussianNB(),
    "ridge": RidgeClassifier(),
    "voter": RandomVoter(),
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "results.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A whole run: the results, and the file that they are in."""
    from tests.conftest import make_tiny

    file = tmp_path_factory.mktemp("run") / "results.csv"
    return run_benchmark({"tiny": make_tiny()}, MODELS, output=file, **QUICK), file


def fits_of(predictions):
    return predictions.groupby(list(KEY), sort=False, observed=True)


def test_scores_can_be_computed_anew_from_what_is_kept(run):
    results, file = run
    results = results.set_index(list(KEY))
    for name, rows in fits_of(read_predictions(file)):
        row = results.loc[name]
        classes = json.loads(row["classes"])
        true, called = rows["true"].astype(str), rows["predicted"].astype(str)
        assert accuracy_score(true, called) == row["accuracy"]
        counts = confusion_matrix(true, called, labels=classes)
        assert counts.tolist() == json.loads(row["confusion"])
        (kind,) = rows["score_kind"].unique()
        kinds = {"bayes": "probability", "ridge": "decision", "voter": ""}
        assert kind == kinds[row.name[1]]
        if not kind:
            assert np.isnan(row["roc_auc"])
            continue
        scores = np.stack(rows["scores"].to_list()).astype(float)
        areas = [
            roc_auc_score(true == c, s) for c, s in zip(classes, scores.T, strict=True)
        ]
        assert np.mean(areas) == pytest.approx(row["roc_auc"], abs=1e-6)
        if kind == "probability":
            scores /= scores.sum(axis=1, keepdims=True)
            assert log_loss(true, scores) == pytest.approx(row["log_loss"], rel=1e-4)


def test_every_sample_is_in_every_repeat_once_under_its_name(run, tiny):
    X, y = tiny
    predictions = read_predictions(run[1])
    for _, rows in predictions.groupby(["model", "repeat"], observed=True):
        assert sorted(rows["sample"]) == sorted(X.index)
        assert (rows["true"].astype(str).to_numpy() == y[rows["sample"]]).all()


@pytest.mark.processes
def test_predictions_do_not_depend_on_processes_files_or_order(run, tiny):
    stored = read_predictions(run[1])
    for n_jobs in (1, 2):
        results, returned = run_benchmark(
            {"tiny": tiny}, MODELS, n_jobs=n_jobs, return_predictions=True, **QUICK
        )
        assert tuple(results.columns) == COLUMNS
        assert tuple(returned) == PREDICTION_COLUMNS
        pd.testing.assert_frame_equal(returned, stored)


def test_one_parquet_file_is_left_beside_the_results(run):
    names = {path.name for path in run[1].parent.glob("[!.]*")}
    assert names == {"results.csv", "results-predictions.parquet"}


def test_a_second_run_leaves_the_file_and_returns_what_it_holds(run, tiny, file):
    for path in (run[1], name_files(run[1])[0]):
        shutil.copy(path, file.parent)
    table = name_files(file)[0]
    before = table.read_bytes()
    only = {"ridge": MODELS["ridge"]}
    _, returned = run_benchmark(
        {"tiny": tiny}, only, output=file, return_predictions=True, **QUICK
    )
    assert table.read_bytes() == before
    assert set(returned["model"]) == {"ridge"}
    assert len(returned) == 2 * 48


def test_a_run_without_predictions_leaves_none(tiny, file):
    run_benchmark({"tiny": tiny}, MODELS, output=file, predictions=False, **QUICK)
    assert {path.name for path in file.parent.glob("[!.]*")} == {"results.csv"}
    with pytest.raises(ValueError, match="None of the 18 fits in .* has predictions"):
        read_predictions(file)


def test_what_is_not_kept_cannot_be_returned_from_a_file(tiny, file):
    with pytest.raises(ValueError, match="To return what was predicted, keep it"):
        run_benchmark(
            {"tiny": tiny},
            MODELS,
            output=file,
            predictions=False,
            return_predictions=True,
        )


def test_pyarrow_is_asked_for_before_the_first_fit(tiny, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = r"pip install 'skomics\[bench\]'. Or keep no predictions: predictions=F"
    with pytest.raises(ImportError, match=message):
        run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    assert not file.exists()
    run_benchmark({"tiny": tiny}, MODELS, output=file, predictions=False, **QUICK)


@pytest.mark.parametrize("n_rows", [0, 1, 4])
def test_a_kill_between_predictions_and_row_loses_neither(
    tiny, file, monkeypatch, n_rows, run
):
    append = ResultsStore.append

    def append_or_die(self, row):
        if len(self.rows) == n_rows:
            raise KeyboardInterrupt
        append(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(ResultsStore, "append", append_or_die)
        with pytest.raises(KeyboardInterrupt):
            run_benchmark({"tiny": tiny}, MODELS, output=file, n_jobs=1, **QUICK)
    assert name_files(file)[1].read_bytes().count(b"\n") == n_rows + 1
    assert len(read_results(file)) == n_rows
    if n_rows:
        assert len(fits_of(read_predictions(file))) == n_rows
    run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    pd.testing.assert_frame_equal(read_predictions(file), read_predictions(run[1]))


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_rows_that_were_cut_off_get_new_predictions_with_their_new_fit(
    tiny, file, share, run
):
    run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    pd.testing.assert_frame_equal(read_predictions(file), read_predictions(run[1]))


def test_predictions_of_results_that_were_deleted_are_not_taken_for_those_of_new_ones(
    tiny, file
):
    run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    file.unlink()
    run_benchmark(
        {"tiny": tiny}, MODELS, output=file, predictions=False, seed=1, **QUICK
    )
    with pytest.raises(ValueError, match="None of the 18 fits"):
        read_predictions(file)


def test_predictions_of_other_results_are_refused(tiny, file, tmp_path):
    other = tmp_path / "other.csv"
    for path, seed in ((file, 0), (other, 1)):
        run_benchmark({"tiny": tiny}, MODELS, output=path, seed=seed, **QUICK)
    name_files(other)[0].replace(name_files(file)[0])
    with pytest.raises(ValueError, match="are not those of its rows: .* of 18 fits"):
        read_predictions(file)


def test_a_file_of_an_earlier_version_goes_on_and_says_what_it_lacks(tiny, file):
    first = {"bayes": MODELS["bayes"]}
    run_benchmark({"tiny": tiny}, first, output=file, predictions=False, **QUICK)
    added = ["balanced_accuracy", "mcc", "roc_auc"]
    old = pd.read_csv(file, keep_default_na=False).drop(columns=added)
    old.to_csv(file, index=False)
    run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    results = read_results(file).set_index("model")
    assert results.loc["bayes", "roc_auc"].isna().all()
    assert results["mcc"].notna().all()
    message = r"6 of 18 fits in .* have no predictions: bayes on tiny \(6\). They were"
    with pytest.warns(UserWarning, match=message):
        predictions = read_predictions(file)
    assert set(predictions["model"]) == {"ridge", "voter"}
    with pytest.warns(UserWarning, match="6 of 6 fits in .* have no predictions"):
        _, returned = run_benchmark(
            {"tiny": tiny}, first, output=file, return_predictions=True, **QUICK
        )
    assert len(returned) == 0


def test_a_failed_fit_has_no_predictions_and_none_are_missed(tiny, file):
    results = run_benchmark({"tiny": tiny}, {"s": Stubborn()}, output=file, **QUICK)
    predictions = read_predictions(file)
    is_ok = results["status"] == "ok"
    assert 0 < is_ok.sum() < len(results)
    assert len(fits_of(predictions)) == is_ok.sum()
    assert len(predictions) == results.loc[is_ok, "n_test"].sum()


def test_a_run_that_is_refused_leaves_predictions_as_they_are(tiny, file):
    run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    before = name_files(file)[0].read_bytes()
    with lock_results(file), pytest.raises(BlockingIOError, match="Another run writes"):
        run_benchmark({"tiny": tiny}, MODELS, output=file, **QUICK)
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        run_benchmark({"tiny": tiny}, MODELS, output=file, seed=1, **QUICK)
    assert name_files(file)[0].read_bytes() == before


def test_the_predictions_file_itself_is_told_to_be_no_results(run):
    with pytest.raises(ValueError, match="Give the results that they are of"):
        read_predictions(name_files(run[1])[0])


def test_variants_of_a_task_are_told_apart(tiny):
    options = {"train_fractions": [0.5, 1.0], "leave_omics_out": True, "n_folds": 3}
    model = {"bayes": GaussianNB()}
    results, predictions = run_benchmark(
        {"tiny": tiny}, model, return_predictions=True, **options
    )
    assert len(fits_of(predictions)) == len(results)
    (first, _) = predictions_by_repeat(predictions)
    (part, _) = predictions_by_repeat(
        predictions, omics="rna+mirna", train_fraction=0.5
    )
    assert (first.sample == part.sample).all()
    rows = results[
        (results["omics"] == "rna+mirna") & (results["train_fraction"] == 0.5)
    ]
    hits = (part.y_true == part.y_pred).sum()
    expected = rows[rows["repeat"] == 0].eval("accuracy * n_test").sum()
    assert hits == pytest.approx(expected)


def test_samples_without_a_name_of_their_own_are_numbered(tiny):
    X, y = tiny
    assert Task("t", X, y).samples == list(X.index)
    twice = X.set_axis(["same"] * len(X))
    for table in (X.to_numpy(), twice):
        task = Task("t", table, y.to_numpy())
        assert task.samples == [str(i) for i in range(len(X))]


def test_a_fold_of_one_class_has_no_auc_and_its_row_says_so(tiny):
    X, y = tiny
    is_external = (y == "LumA") & (np.arange(len(y)) < 12)
    task = Task("abroad", X, y, is_external=is_external)
    (row,) = run_benchmark(task, {"bayes": GaussianNB()}, n_repeats=1).to_dict(
        "records"
    )
    assert np.isnan(row["roc_auc"])
    assert row["status"] == "ok"
    assert "UserWarning: The test part has one class only (LumA)" in row["warnings"]


def test_repeats_are_what_confusion_and_curves_take(run):
    results, file = run
    repeats = predictions_by_repeat(read_predictions(file), model="bayes")
    assert [r.repeat for r in repeats] == [0, 1]
    assert (repeats[0].y_true == repeats[1].y_true).all()
    assert (repeats[0].sample == sorted(repeats[0].sample)).all()
    counts = sum(
        confusion_matrix(r.y_true, r.y_pred, labels=r.classes) for r in repeats
    )
    expected = sum_confusion(results[results["model"] == "bayes"])["count"]
    assert counts.ravel().tolist() == expected.to_list()
    assert repeats[0].y_score.shape == (48, 3)
    assert repeats[0].score_kind == "probability"
    assert 0.5 < roc_auc_score(repeats[0].y_true == "LumA", repeats[0].y_score[:, 1])
    (voter, _) = predictions_by_repeat(read_predictions(file), "tiny", "voter")
    assert voter.y_score is None


def test_a_task_or_model_that_is_not_there_or_not_the_only_one_is_told(run):
    predictions = read_predictions(run[1])
    with pytest.raises(
        ValueError, match=r"model=None, but these predictions have \['b"
    ):
        predictions_by_repeat(predictions)
    with pytest.raises(ValueError, match=r"task='other', but .* \['tiny'\]. Give one"):
        predictions_by_repeat(predictions, "other", "bayes")
    with pytest.raises(ValueError, match="train_fraction=0.5, but these predictions"):
        predictions_by_repeat(predictions, model="bayes", train_fraction=0.5)


def test_repeats_of_other_samples_are_warned_of(run):
    predictions = read_predictions(run[1])
    is_gap = (predictions["repeat"] == 1) & (predictions["fold"] == 2)
    message = "Of 48 test samples, repeat 1 lacks 16: fits failed, or have no predi"
    with pytest.warns(UserWarning, match=message):
        predictions_by_repeat(predictions[~is_gap], model="ridge")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictions_by_repeat(predictions, model="ridge")


def test_classes_that_are_numbers_come_back_as_text(tiny):
    X, y = tiny
    codes = y.map({"LumA": 10, "LumB": 9, "Basal": 2}).to_numpy()
    options = {"n_folds": 3, "n_repeats": 1, "return_predictions": True}
    models = {"lr": LogisticRegression(), "dummy": DummyClassifier()}
    _, predictions = run_benchmark({"t": (X, codes)}, models, **options)
    (repeat,) = predictions_by_repeat(predictions, model="lr")
    assert list(repeat.classes) == ["2", "9", "10"]
    called = repeat.classes[repeat.y_score.argmax(axis=1)]
    assert (called == repeat.y_pred).all()


def test_what_is_no_table_of_predictions_is_refused(run):
    results, predictions = run[0], read_predictions(run[1])
    with pytest.raises(
        ValueError, match=r"without \['sample', .* are wanted. Give what"
    ):
        predictions_by_repeat(results)
    with pytest.raises(ValueError, match="Got predictions of no sample"):
        predictions_by_repeat(predictions[:0])
    with pytest.raises(ValueError, match=r"these predictions have \[1.0\]"):
        predictions_by_repeat(predictions, model="bayes", train_fraction=0.5)
