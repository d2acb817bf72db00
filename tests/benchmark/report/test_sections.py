"""Promises of the report. Every table here is synthetic: nothing was measured."""

import re

import numpy as np
import pandas as pd
import pytest

from skomics._document import format_number
from skomics.benchmark import BenchmarkResults, make_report
from skomics.benchmark._results import METRICS
from tests.benchmark.report.tables import EVIL, MODELS, find, texts

pytest.importorskip("matplotlib")
pytest.importorskip("scikit_posthocs")


def test_every_section_is_there_where_there_is_something_to_say(rich_report):
    assert [section.title for section in rich_report.sections] == [
        "Summary",
        "Overview",
        "Scores",
        "Ranks over tasks",
        "Spread over the folds",
        "Comparisons",
        "Wins, ties and losses",
        "Confusion matrices",
        "Learning curves",
        "Value of each modality",
        "Calibration",
        "Paper protocol",
        "Control",
        "Time and memory",
        "Errors and warnings",
        "Data",
        "Environment",
        "Methods",
    ]


def test_sections_without_results_are_left_out(results):
    old = results[["task", "model", "label", "repeat", "fold", "n_train", "n_test"]]
    old = old.assign(status="ok", **results[["accuracy", "f1_macro", "f1_weighted"]])
    report = make_report(old[old["task"] == "luad"])
    assert [section.title for section in report.sections] == [
        "Summary",
        "Overview",
        "Scores",
        "Ranks over tasks",
        "Spread over the folds",
        "Comparisons",
        "Wins, ties and losses",
        "Errors and warnings",
        "Data",
        "Methods",
    ]
    assert "at least two tasks" in find(report, "Ranks over tasks")[0].text


def test_summary_names_the_best_model_of_each_task_but_the_control(results, report):
    table = find(report, "Summary")[-1]
    means = results.groupby(["task", "label"])["f1_macro"].mean()
    assert [row[:2] for row in texts(table)] == [
        [task, means[task].idxmax()] for task in ("luad", EVIL)
    ]


def test_many_equal_models_are_counted_instead_of_named(results):
    luad = results[(results["task"] == "luad") & (results["model"] == "sma")]
    copies = [luad.assign(model=f"m{i}", label=f"M{i}") for i in range(7)]
    table = find(make_report(pd.concat(copies)), "Summary")[-1]
    assert texts(table)[0][1::2] == ["M0", "all 6 others"]


def test_the_few_models_that_are_behind_are_named(results):
    luad = results[(results["task"] == "luad") & (results["model"] == "sma")]
    copies = [luad.assign(model=f"m{i}", label=f"M{i}") for i in range(7)]
    poor = luad.assign(model="p", label="Poor", f1_macro=luad["f1_macro"] / 9)
    table = find(make_report(pd.concat([*copies, poor])), "Summary")[-1]
    assert texts(table)[0][3] == "all 7 others but Poor"


def test_overview_has_every_model_and_task_from_the_best_mean_on(results, report):
    (table,) = find(report, "Overview")
    means = results[results["task"] != "null"].groupby(["label", "task"])["f1_macro"]
    spread = means.std().unstack()
    means = means.mean().unstack()
    order = means.mean(axis=1).sort_values(ascending=False).index
    tasks = ["luad", EVIL]
    ranks = means.rank(ascending=False).mean(axis=1)
    columns = ["mean macro F1", "mean rank", "fit seconds"]
    assert table.header == ["model", *columns, *tasks]
    assert texts(table) == [
        [
            label,
            *(f"{means.loc[label].mean():.3f}", f"{ranks[label]:.1f}", "2.0"),
            *(f"{means[t][label]:.3f} ± {spread[t][label]:.3f}" for t in tasks),
        ]
        for label in order
    ]
    for number, task in enumerate(tasks, 4):
        marked = [row[0].text for row in table.rows if row[number].is_strong]
        assert marked == [means[task].idxmax()]


def test_overview_tells_models_that_did_not_finish_from_those_that_did(results):
    rest = results[~((results["task"] == EVIL) & (results["model"] == "sma"))]
    rest = rest[~((rest["model"] == "lr") & (rest["fold"] > 2))]
    (table,) = find(make_report(rest), "Overview")
    assert [row[0] for row in texts(table)][-1] == "SMA"
    last = texts(table)[-1]
    assert [last[1], last[2], last[5]] == ["–", "–", "–"]
    cut = next(row for row in texts(table) if row[0] == MODELS["lr"])
    assert [text.endswith(" (3 of 5 fits)") for text in cut[4:]] == [True, True]


def test_means_of_all_scores_stand_in_one_table_with_the_balanced_error_rate(results):
    parts = find(make_report(results, metric="mcc"), "Scores")
    assert [part.is_folded for part in parts] == [False, *[True] * 5, False]
    table = parts[-1]
    scores = ["accuracy", "macro F1", "weighted F1", "balanced accuracy", "MCC"]
    assert table.header == ["task", "model", *scores, "ROC AUC", "BER"]
    filled = BenchmarkResults(results).frame
    means = filled.groupby(["task", "label"])[[*METRICS]].mean()
    for task, label, *numbers in texts(table):
        expected = means.loc[(task, label)]
        wanted = [*expected, 1 - expected["balanced_accuracy"]]
        assert numbers == [format_number(score, 3) for score in wanted]
    assert len(table.rows) == len(means)


def test_overview_of_one_task_has_no_mean_over_tasks(results):
    (table,) = find(make_report(results[results["task"] == "luad"]), "Overview")
    assert table.header == ["model", "fit seconds", "luad"]


def test_calibration_is_averaged_over_tasks_but_the_control(results):
    losses = results["model"].map({"lr": 0.2, "sma": 0.3, "efnn": 0.1})
    losses += results["task"].map({"luad": 0.0, EVIL: 0.2, "null": 9.0})
    rest = results.assign(log_loss=losses)
    rest = rest[(rest["model"] != "efnn") | (rest["task"] != "luad")]
    table = find(make_report(rest), "Calibration")[0]
    assert texts(table) == [
        ["logistic regression", "0.300", "0.100"],
        ["SMA", "0.400", "0.100"],
    ]


def test_calibration_on_one_task_is_not_averaged(results):
    report = make_report(results[results["task"] == "luad"])
    assert len(find(report, "Calibration")) == 1


def test_too_few_tasks_for_wilcoxon_are_told(report):
    parts = find(report, "Ranks over tasks")
    told = [part.text for part in parts if part.kind == "text"]
    assert told[1].startswith("With fewer than six tasks")


def test_scores_are_means_with_intervals(results, report):
    table = find(report, "Scores")[0]
    first = dict(zip(table.header, texts(table)[0], strict=True))
    scores = results[(results["task"] == "luad") & (results["model"] == "lr")]
    assert first["macro F1"] == f"{scores['f1_macro'].mean():.3f}"
    assert first["SD"] == f"{scores['f1_macro'].std():.3f}"
    assert re.fullmatch(r"\d\.\d{3} to \d\.\d{3}", first["95 % interval"])


def test_a_control_at_chance_is_told(report):
    text = find(report, "Summary")[1]
    assert text.text == "Control with permuted labels: all 3 results are at chance."
    assert not text.is_warning


def test_a_control_above_chance_makes_the_run_suspect(results):
    leaking = (results["task"] == "null") & (results["model"] == "sma")
    results.loc[leaking, "confusion"] = [
        "[[12, 0], [1, 7]]",
        "[[11, 1], [0, 8]]",
    ] * 2 + ["[[12, 0], [0, 8]]"]
    report = make_report(results)
    text = find(report, "Summary")[1]
    assert text.text.startswith(
        "This run is suspect: with permuted labels, SMA on null"
    )
    assert text.is_warning
    assert 'class="warning" role="note">This run is suspect' in report.to_html()
    verdicts = [row[-1] for row in texts(find(report, "Control")[0])]
    assert verdicts == ["at chance", "suspect", "at chance"]


def test_a_control_that_cannot_be_checked_is_told(results):
    text = find(make_report(results.assign(confusion="")), "Summary")[1]
    assert "has no confusion matrices" in text.text
    without = make_report(results[results["task"] == "luad"])
    assert "There was no control" in find(without, "Summary")[1].text


def test_the_reference_is_sma_or_the_one_asked_for(results, report):
    caption = find(report, "Comparisons")[0].caption
    assert caption == "SMA against each other model"
    caption = find(make_report(results, reference="efnn"), "Comparisons")[0].caption
    assert caption == "ef<b>NN $x$ against each other model"


def test_practically_equal_models_are_told_from_one_that_is_behind(results):
    sma = results.loc[results["model"] == "sma", "f1_macro"].to_numpy()
    for model, lead in {"lr": 0.001, "efnn": 0.2}.items():
        results.loc[results["model"] == model, "f1_macro"] = sma - lead
    table, note = find(make_report(results), "Comparisons")
    start = table.header.index("better")
    found = {
        row[1].text: [(cell.text, cell.is_strong) for cell in row[start : start + 3]]
        for row in table.rows
    }
    sure, never = ("1.00", True), ("0.00", False)
    assert found == {
        MODELS["lr"]: [never, sure, never],
        MODELS["efnn"]: [sure, never, never],
    }
    assert "SMA leads by more than 0.01, is within that" in note.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "auc"}, "Got metric='auc'. Choose one of"),
        ({"reference": "svm"}, "Got reference='svm'. Choose one of"),
    ],
)
def test_unknown_names_are_refused(results, options, message):
    with pytest.raises(ValueError, match=message):
        make_report(results, **options)


def test_results_of_the_leaky_protocol_stand_apart(rich_results):
    paper = rich_results[rich_results["protocol"] == "as_published"]
    report = make_report(paper)
    assert find(report, "Scores") is None
    assert find(report, "Summary")[-1].text.startswith(
        "No fit of the leakage-free protocol"
    )
    warning, table = find(report, "Paper protocol")
    assert warning.is_warning
    assert len(table.rows) == 3


def test_errors_and_warnings_are_counted(rich_report):
    failed, warned = find(rich_report, "Errors and warnings")
    assert texts(failed) == [["luad", "logistic regression", "1", "ValueError: <u>|"]]
    assert texts(warned)[0][3] == "UserWarning: slow"


def test_confusion_is_shaded_by_shares_of_the_true_class(report):
    group = find(report, "Confusion matrices")[1]
    row = group.tables[0].rows[0][1:]
    counts = [int(cell.text) for cell in row]
    assert [cell.shade for cell in row] == pytest.approx(np.array(counts) / sum(counts))


def test_numbers_have_real_minus_signs_and_no_negative_zero(results):
    report = make_report(results, reference="efnn")
    cells = [row[2] for row in texts(find(report, "Comparisons")[0])]
    assert any(text.startswith("−") for text in cells)
    assert not any(text.startswith("-") for text in cells)
    results.loc[results["model"] == "sma", "f1_macro"] = 0.5
    results.loc[results["model"] == "lr", "f1_macro"] = 0.5 + 1e-9
    table = find(make_report(results), "Comparisons")[0]
    assert texts(table)[0][2] == "0.000"
