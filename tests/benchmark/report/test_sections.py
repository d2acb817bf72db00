"""Promises of the report. Every table here is synthetic: nothing was measured."""

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from skomics.benchmark import make_report
from skomics.benchmark._cli import main
from skomics.benchmark._results import COLUMNS
from skomics.benchmark._summary import write_report
from skomics.benchmark.report._sections import (
    Cell,
    Code,
    Figure,
    Report,
    Section,
    Table,
)
from skomics.plotting import ScoreBoxDisplay

pytest.importorskip("matplotlib")
pytest.importorskip("scikit_posthocs")

EVIL = "<script>alert(1)</script> $x$ | _a_"
MODELS = {"lr": "logistic regression", "sma": "SMA", "efnn": "ef<b>NN $x$"}


def make_row(rng, task, model, fold, **changes):
    true = np.repeat([0, 1], [12, 8])
    level = {"lr": 0.8, "sma": 0.9, "efnn": 0.6}[model]
    is_known = rng.uniform(size=20) < level
    guessed = rng.permutation(true)
    predicted = guessed if task == "null" else np.where(is_known, true, guessed)
    confusion = np.zeros((2, 2), int)
    np.add.at(confusion, (true, predicted), 1)
    score = confusion.trace() / 20
    row = dict.fromkeys(COLUMNS, "")
    row |= {"task": task, "model": model, "label": MODELS[model], "repeat": 0}
    row |= {"protocol": "honest", "omics": "all", "train_fraction": 1.0, "fold": fold}
    row |= {"seed": 0, "random_state": 1, "n_folds": 5, "n_train": 80, "n_test": 20}
    row |= dict.fromkeys(["accuracy", "f1_macro", "f1_weighted"], score)
    row |= {"log_loss": 0.5, "ece": 0.1, "fit_seconds": 2.0, "score_seconds": 0.1}
    row |= {"peak_memory_mb": 500.0, "n_features": 7, "status": "ok"}
    row |= {"confusion": json.dumps(confusion.tolist()), "data": "ab" * 32}
    row |= {
        "classes": json.dumps(["LumA", "<i>B"]),
        "versions": "python=3.13 skomics=1",
    }
    return row | changes


def make_results(tasks=("luad", EVIL, "null"), **changes):
    rng = np.random.default_rng(0)
    rows = [
        make_row(rng, task, model, fold, **changes)
        for task in tasks
        for fold in range(5)
        for model in MODELS
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def results():
    return make_results()


@pytest.fixture(scope="module")
def report():
    """The report of the same results; each takes half a second."""
    return make_report(make_results())


@pytest.fixture(scope="module")
def rich_results():
    """The same with learning curves, omics left out, the paper's protocol, an error."""
    rng = np.random.default_rng(1)
    more = [
        make_row(rng, "luad", model, fold, **changes)
        for model in MODELS
        for fold in range(5)
        for changes in (
            {"train_fraction": 0.5, "n_train": 40},
            {"omics": "rna"},
            {"omics": "cnv"},
            {"protocol": "paper"},
        )
    ]
    results = pd.concat([make_results(), pd.DataFrame(more)], ignore_index=True)
    nothing = ["accuracy", "f1_macro", "f1_weighted", "log_loss", "ece", "fit_seconds"]
    results.loc[0, nothing] = np.nan
    results.loc[0, ["status", "error", "confusion"]] = ["error", "ValueError: <u>|", ""]
    results.loc[1, "warnings"] = "UserWarning: slow"
    numbers = [*nothing, "train_fraction"]
    return results.astype(dict.fromkeys(numbers, float))


@pytest.fixture(scope="module")
def rich_report(rich_results):
    return make_report(rich_results, command="run <s> --x")


def find(report, title):
    """Return the parts of a section."""
    return {section.title: section.parts for section in report.sections}.get(title)


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


class Links(HTMLParser):
    """Collects whatever a browser would fetch, and checks that tags are closed."""

    EMPTY = {"meta", "link", "img", "br", "hr", "input"}

    def __init__(self):
        super().__init__()
        self.found, self.open, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.found.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_asks_for_nothing_else(rich_report):
    page = rich_report.to_html()
    links = Links()
    links.feed(page)
    assert links.open == []
    assert len(set(links.ids)) == len(links.ids)
    for link in links.found:
        assert urlsplit(link).scheme == ""
        assert link.startswith("#")
        assert link[1:] in links.ids
    assert re.findall(r"url\((?!#)", page) == []
    assert "@import" not in page


def test_text_of_the_results_is_never_markup(rich_report):
    page = rich_report.to_html()
    for tag in ("<script>alert", "ef<b>", "<i>B", "<u>|", "run <s>"):
        assert tag not in page
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x$" in page
    # In a figure, where it is no formula.
    assert ">ef&lt;b&gt;NN $x$</text>" in page


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
        "Value of each omics",
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


def test_markdown_shows_the_best_in_bold(results, report):
    best = results[results["task"] == "luad"].groupby("label")["f1_macro"].mean()
    assert f"| **{best.max():.3f} ± " in report.to_markdown()


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
    paper = rich_results[rich_results["protocol"] == "paper"]
    report = make_report(paper)
    assert find(report, "Scores") is None
    assert find(report, "Summary")[-1].text.startswith("No fit of the honest protocol")
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


def test_results_in_which_everything_failed_still_make_a_page(results):
    nothing = dict.fromkeys(["accuracy", "f1_macro", "f1_weighted"], np.nan)
    failed = results.assign(**nothing, status="error", error="no", confusion="")
    failed = failed.assign(log_loss=np.nan, ece=np.nan)
    page = make_report(failed).to_html()
    assert "nothing is compared" in page
    assert "45 fits, of which 45 failed" in page


def test_a_page_is_the_same_each_time(results, report):
    assert make_report(results).to_html() == report.to_html()


def test_figures_leave_none_open_and_follow_the_scheme(results, pyplot):
    page = make_report(results).to_html()
    assert pyplot.get_fignums() == []
    assert "stroke: currentColor" in page
    assert "stroke: #000000" not in page


def test_numbers_have_real_minus_signs_and_no_negative_zero(results):
    report = make_report(results, reference="efnn")
    cells = [row[2] for row in texts(find(report, "Comparisons")[0])]
    assert any(text.startswith("−") for text in cells)
    assert not any(text.startswith("-") for text in cells)
    results.loc[results["model"] == "sma", "f1_macro"] = 0.5
    results.loc[results["model"] == "lr", "f1_macro"] = 0.5 + 1e-9
    table = find(make_report(results), "Comparisons")[0]
    assert texts(table)[0][2] == "0.000"


def test_markdown_has_the_tables_and_shows_the_figures(rich_report, tmp_path):
    folder = tmp_path / "figures"
    text = rich_report.to_markdown(folder)
    for section in rich_report.sections:
        assert f"## {section.title}" in text
    assert "```\nrun <s> --x\n```" in text
    names = re.findall(r"\]\(figures/(.*?)\)", text)
    assert len(names) == len(list(folder.iterdir())) == 6
    assert all((folder / name).read_text().startswith("<?xml") for name in names)
    assert "<script>" not in text
    assert r"$x$ \| _a_" in text
    assert "![" not in rich_report.to_markdown()


def write(results, folder):
    folder.mkdir(exist_ok=True)
    results.reindex(columns=COLUMNS).to_csv(folder / "results.csv", index=False)
    return folder


def test_command_writes_page_and_markdown_with_the_command(results, tmp_path, capsys):
    folder = write(results, tmp_path / "run")
    write_report(results, folder, "python -m skomics.benchmark --seed 7")
    assert main(["report", str(folder), "--markdown", str(folder / "r.md")]) == 0
    assert "Written: " in capsys.readouterr().out
    for name in ("report.html", "r.md"):
        assert "python -m skomics.benchmark --seed 7" in (folder / name).read_text()
    assert list((folder / "r_figures").glob("*.svg"))


def test_only_a_report_with_figures_needs_matplotlib(results, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    report = make_report(results)
    assert "## Ranks over tasks" in report.to_markdown()
    message = r"pip install 'skomics\[plot\]'"
    with pytest.raises(ImportError, match=message):
        report.to_html()
    with pytest.raises(ImportError, match=message):
        report.to_markdown(tmp_path)


def test_figures_are_drawn_once_for_page_and_markdown(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "skomics.benchmark.report._sections._draw",
        lambda plot: drawn.append(plot) or "<svg/>",
    )
    report = make_report(results)
    assert not drawn
    report.to_html()
    n_figures = len(drawn)
    report.to_markdown(tmp_path)
    assert len(drawn) == n_figures == len(list(tmp_path.glob("*.svg"))) > 0


def test_command_takes_a_file_and_another_output(results, tmp_path):
    folder = write(results, tmp_path / "run")
    page = tmp_path / "page.html"
    options = ["--output", str(page), "--metric", "accuracy", "--reference", "lr"]
    assert main(["report", str(folder / "results.csv"), *options]) == 0
    assert "logistic regression against each other model" in page.read_text()


def test_command_reports_on_the_tasks_and_models_asked_for(results, tmp_path):
    folder = write(results, tmp_path / "run")
    text = folder / "r.md"
    options = ["--markdown", str(text), "--tasks", "luad", "null"]
    assert main(["report", str(folder), *options, "--models", "seven"]) == 0
    assert "2 tasks, 2 models, 20 fits" in text.read_text()
    assert main(["report", str(folder), *options, "--models", "lr", "seven"]) == 0
    assert "2 tasks, 3 models, 30 fits" in text.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tasks", "luad", "brca"], r"Got the tasks \['luad', 'brca'\], but these"),
        (["--models", "tuned"], r"Got the models \['tuned'\], but these .* \['lr', "),
    ],
)
def test_tasks_and_models_without_a_row_are_refused(
    results, tmp_path, capsys, options, message
):
    folder = write(results, tmp_path / "run")
    assert main(["report", str(folder), *options]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_task_called_null_survives_the_file(results, tmp_path):
    folder = write(results, tmp_path / "run")
    assert main(["report", str(folder)]) == 0
    assert "all 3 results are at chance" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("rows", "message"),
    [(None, "error: There is no file"), (0, "holds no finished fit. Run at least one")],
)
def test_command_without_results_ends_with_2(results, tmp_path, capsys, rows, message):
    if rows is not None:
        write(results[:rows], tmp_path)
    assert main(["report", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_page_says_what_to_install_where_jinja2_is_absent(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install 'skomics\[bench\]'"):
        report.to_html()


@pytest.fixture
def browser():
    """Chromium without a window, driven by selenium; the test skips without them."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs the programs chromium and chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = program
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(option)
    service = selenium.ChromeService(driver)
    browser = selenium.Chrome(options=options, service=service)
    browser.set_page_load_timeout(60)
    browser.set_script_timeout(60)
    yield browser
    browser.quit()


def set_width(browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1}
    size["mobile"] = width < 500
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def column(browser, place):
    """Return the texts of a column of the first table of scores."""
    return browser.execute_script(
        "return Array.from(document.querySelectorAll("
        "'section[aria-labelledby=scores] table')[0].tBodies[0].rows,"
        f" row => row.cells[{place}].textContent)"
    )


def test_page_in_a_browser_sorts_fits_a_phone_and_fetches_nothing(
    rich_report, tmp_path, browser
):
    page = tmp_path / "report.html"
    page.write_text(rich_report.to_html(), encoding="utf-8")
    set_width(browser, 1280)
    browser.get(page.as_uri())
    before = column(browser, 2)
    heading = browser.find_elements("css selector", "#scores ~ .scroll th")[2]
    button = heading.find_element("tag name", "button")

    button.click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(browser, 2) == sorted(before) != before

    button.send_keys("\n")
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(browser, 2) == sorted(before, reverse=True)

    picture = tmp_path / "page.png"
    assert browser.save_screenshot(str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")

    set_width(browser, 375)
    widths = "document.documentElement"
    script = f"return [{widths}.scrollWidth, {widths}.clientWidth]"
    assert browser.execute_script(script) == [375, 375]
    fetched = "return performance.getEntriesByType('resource').length"
    assert browser.execute_script(fetched) == 0
    assert browser.get_log("browser") == []


def test_missing_values_stay_last_in_either_order(tmp_path, browser):
    rows = [[Cell("b", 2.0)], [Cell("–")], [Cell("a", 10.0)]]
    table = Table("numbers", ["n"], rows)
    page = tmp_path / "report.html"
    page.write_text(Report([Section("Scores", [table])]).to_html(), encoding="utf-8")
    browser.get(page.as_uri())
    button = browser.find_element("css selector", "th button")
    button.click()
    assert column(browser, 0) == ["b", "a", "–"]
    button.click()
    assert column(browser, 0) == ["a", "b", "–"]


def test_parts_know_their_kind(results):
    """The page and the template agree on the names of the parts."""
    figure = Figure("drawing", ScoreBoxDisplay(results).plot)
    parts = [figure, Code("x < y"), Table("t", ["h"], [[Cell("1", 1)]])]
    page = Report([Section("A b", parts)]).to_html()
    assert 'id="f0-figure_1"' in page
    assert "<code>x &lt; y</code>" in page
    assert 'data-key="1">1</td>' in page
    assert 'href="#a-b"' in page
