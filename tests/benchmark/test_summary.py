"""Promises of the summary and the report."""

import sys

import pandas as pd
import pytest

from skomics.benchmark import summarize
from skomics.benchmark._summary import format_summary, write_report


@pytest.fixture
def results():
    """Two tasks, two models, two folds; one fit failed."""
    keys = [(t, m, f) for t in ("luad", "stad") for m in ("sma", "lr") for f in (0, 1)]
    frame = pd.DataFrame(keys, columns=["task", "model", "fold"])
    frame["label"] = frame["model"].map({"sma": "SMA", "lr": "logistic regression"})
    scores = [0.8, 0.6, 0.7, 0.7, 0.9, 0.9, None, 0.5]
    for name in ("accuracy", "f1_macro", "f1_weighted"):
        frame[name] = scores
    frame["fit_seconds"] = 2.0
    frame["status"] = ["ok"] * 6 + ["error", "ok"]
    frame["error"] = [""] * 6 + ["ValueError: no", ""]
    return frame.assign(
        repeat=0, seed=0, n_folds=2, n_train=10, n_test=5, data="f" * 64, versions="v=1"
    )


def test_summary_gives_mean_and_sd_over_fits_that_did_not_fail(results):
    summary = summarize(results)
    assert list(summary.index) == [
        (task, model) for task in ("luad", "stad") for model in ("sma", "lr")
    ]
    first, last = summary.loc[("luad", "sma")], summary.loc[("stad", "lr")]
    assert first["accuracy_mean"] == pytest.approx(0.7)
    assert first["accuracy_std"] == pytest.approx(0.02**0.5)
    assert (last["n_fits"], last["n_errors"], last["f1_macro_mean"]) == (2, 1, 0.5)


def test_no_results_are_refused(results):
    with pytest.raises(ValueError, match="results without a row. Run at least one"):
        summarize(results[:0])


def test_table_shows_spread_failures_and_the_mean_over_tasks(results):
    text = format_summary(summarize(results))
    lines = [
        [cell.strip() for cell in line.split("|")][1:-1] for line in text.splitlines()
    ]
    assert lines[2][:3] == ["luad", "SMA", "0.700 ± 0.141"]
    assert lines[5] == [
        "stad",
        "logistic regression",
        *["0.500"] * 3,
        "2.0 ± 0.0",
        "1 of 2",
    ]
    assert lines[6][:3] == ["mean over tasks", "SMA", "0.800"]
    assert len(set(map(len, text.splitlines()))) == 1


def test_a_model_without_a_score_on_every_task_has_no_mean_over_tasks(results):
    failed = (results["task"] == "stad") & (results["model"] == "lr")
    results.loc[failed, ["accuracy", "f1_macro", "f1_weighted", "fit_seconds"]] = None
    text = format_summary(summarize(results))
    assert text.count("mean over tasks") == 1
    assert "–" in text


def test_a_score_that_no_fit_has_is_no_column_of_the_table(results):
    text = format_summary(summarize(results))
    assert not any(name in text for name in ("MCC", "ROC AUC", "balanced accuracy"))
    text = format_summary(summarize(results.assign(mcc=-0.5)))
    assert " MCC |" in text
    assert "-0.500 ± 0.000" in text


def test_a_score_that_is_missing_on_a_task_has_no_mean_over_tasks(results):
    auc = results["task"].map({"luad": 0.9, "stad": None})
    lines = format_summary(summarize(results.assign(roc_auc=auc))).splitlines()
    mean = [cell.strip() for cell in lines[6].split("|")][1:-1]
    place = [cell.strip() for cell in lines[0].split("|")][1:-1].index("ROC AUC")
    assert (mean[0], mean[place]) == ("mean over tasks", "–")


def test_report_holds_table_errors_data_and_command(results, tmp_path, pyplot):
    files = write_report(results, tmp_path / "new", "python -m skomics.benchmark")
    assert [file.name for file in files] == ["summary.md", "benchmark.png"]
    text = files[0].read_text()
    for part in (
        format_summary(summarize(results)),
        "- stad, logistic regression, fits: 1, ValueError: no",
        "- luad: 15 samples, folds: 2, repeats: 1, seed: 0, data: ffffffffffff",
        "Versions: v=1.",
        "python -m skomics.benchmark",
    ):
        assert part in text
    assert files[1].read_bytes().startswith(b"\x89PNG")


def test_report_leaves_no_figure_open(results, tmp_path, pyplot):
    write_report(results, tmp_path)
    assert pyplot.get_fignums() == []


def test_report_goes_without_figure_where_matplotlib_is_absent(
    results, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert [file.name for file in write_report(results, tmp_path)] == ["summary.md"]


def test_report_goes_without_figure_where_every_fit_failed(results, tmp_path):
    results = results.assign(accuracy=None, f1_macro=None, f1_weighted=None)
    results = results.astype({"accuracy": float, "f1_macro": float})
    results = results.assign(f1_weighted=0.0, status="error")
    assert [file.name for file in write_report(results, tmp_path)] == ["summary.md"]
