"""Promises of the page and of the Markdown, in a browser, too."""

import re
import sys
from html.parser import HTMLParser
from urllib.parse import urlsplit

import numpy as np
import pytest

from skomics._document import Cell, Code, Document, Figure, Section, Table
from skomics.benchmark import make_report
from skomics.plotting import ScoreBoxDisplay
from tests.conftest import set_width

pytest.importorskip("matplotlib")
pytest.importorskip("scikit_posthocs")


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


def test_markdown_shows_the_best_in_bold(results, report):
    best = results[results["task"] == "luad"].groupby("label")["f1_macro"].mean()
    assert f"| **{best.max():.3f} ± " in report.to_markdown()


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
        "skomics._document._elements._draw",
        lambda plot: drawn.append(plot) or "<svg/>",
    )
    report = make_report(results)
    assert not drawn
    report.to_html()
    n_figures = len(drawn)
    report.to_markdown(tmp_path)
    assert len(drawn) == n_figures == len(list(tmp_path.glob("*.svg"))) > 0


def test_page_says_what_to_install_where_jinja2_is_absent(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install 'skomics\[bench\]'"):
        report.to_html()


def column(browser, place):
    """Return the texts of a column of the first table of scores."""
    return browser.execute_script(
        "return Array.from(document.querySelectorAll("
        "'section[aria-labeledby=scores] table')[0].tBodies[0].rows,"
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
    page.write_text(
        Document([Section("Scores", [table])], "Scores").to_html(), encoding="utf-8"
    )
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
    page = Document([Section("A b", parts)], "A & b").to_html()
    assert 'id="f0-figure_1"' in page
    assert "<code>x &lt; y</code>" in page
    assert 'data-key="1">1</td>' in page
    assert 'href="#a-b"' in page
