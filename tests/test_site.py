"""The documentation is a site that a newcomer finds the way in."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlparse

import pytest

from tests.conftest import REPOSITORY, set_width

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]
PAGES = ("index", "guide", "models/sma", "api", "generated/skomics.SMAClassifier")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The pages, and what Sphinx had to say; notebooks are tested by themselves."""
    pytest.importorskip("myst_nb")
    # What is generated beside the sources must not be shared with other builds.
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(
        REPOSITORY / "docs",
        source / "docs",
        ignore=shutil.ignore_patterns("_build", "generated", "notebooks"),
    )
    shutil.copytree(REPOSITORY / "notebooks", source / "notebooks")
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q"]
        + [str(source / "docs"), str(target)],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**os.environ, "SKOMICS_NOTEBOOKS": "off", "PYTHONPATH": str(REPOSITORY)},
    )
    return target, done


class Links(HTMLParser):
    """Collects what a page leads to and loads, and its anchors."""

    def __init__(self, page):
        super().__init__()
        self.anchors, self.targets, self.loaded = set(), [], []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        if tag == "a" and attrs.get("href"):
            self.targets.append(attrs["href"])
        elif tag in ("img", "script") and attrs.get("src"):
            self.loaded.append(attrs["src"])
        elif tag == "link" and attrs.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(attrs["href"])


@pytest.fixture(scope="module")
def pages(build):
    # What the theme brings along is a template, no page.
    found = [page for page in build[0].rglob("*.html") if "_static" not in page.parts]
    return {page: Links(page) for page in found}


def test_documentation_builds_without_warnings(build):
    assert build[1].returncode == 0, build[1].stderr


def test_no_link_leads_nowhere(pages):
    broken = []
    for page, found in pages.items():
        for target in [*found.targets, *found.loaded]:
            url = urlparse(target)
            if url.scheme or url.netloc:
                continue
            path = (page.parent / unquote(url.path)).resolve() if url.path else page
            is_there = path.exists()
            if is_there and url.fragment and path in pages:
                is_there = unquote(url.fragment) in pages[path].anchors
            if not is_there:
                broken.append(f"{page.name}: {target}")
    assert len(pages) > 100
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages):
    assert {u for p in pages.values() for u in p.loaded if urlparse(u).netloc} == set()


def test_each_public_name_has_a_page_of_its_own(build):
    listed = re.findall(
        r"^   (skomics\.\S+)$",
        (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(listed) > 90
    lacking = [n for n in listed if not (build[0] / "generated" / f"{n}.html").exists()]
    assert lacking == []


def test_formulas_are_drawn_without_a_script(build):
    page = (build[0] / "models" / "sma.html").read_text(encoding="utf-8")
    assert page.count("<math") > 5
    assert "\\(" not in page.split("<article")[1].split("</article>")[0]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_no_wider_than_the_window(browser, build, name, width):
    set_width(browser, width)
    browser.get((build[0] / f"{name}.html").as_uri())
    assert browser.execute_script(
        "return document.documentElement.scrollWidth <= window.innerWidth"
    )
    # The title is below the header, not under it.
    header, title = (
        browser.execute_script(
            "return document.querySelector(arguments[0]).getBoundingClientRect()", part
        )
        for part in (".bd-header", "h1")
    )
    assert title["top"] >= header["bottom"] - 1


def test_pages_of_a_section_are_beside_each_other(browser, build):
    set_width(browser, 1280)
    browser.get((build[0] / "which_model.html").as_uri())
    links = browser.execute_script(
        "return [...document.querySelectorAll('.bd-sidebar-primary nav.bd-links a')]"
        ".filter(e => e.offsetParent !== null).map(e => e.textContent.trim())"
    )
    assert "Which model" in links
    assert len(links) > 10


def test_search_finds_a_class(browser, build):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get((build[0] / "search.html").as_uri() + "?q=SMAClassifier")
    found = WebDriverWait(browser, timeout=60).until(
        lambda b: b.execute_script(
            "return [...document.querySelectorAll('#search-results li a')]"
            ".map(e => e.textContent)"
        )
    )
    assert any("SMAClassifier" in text for text in found)
