"""The documentation builds without a warning, and every public name is in it."""

import re
import runpy
import shlex
from importlib import import_module

import pytest
from numpydoc.validate import validate

import skomics
from tests.conftest import REPOSITORY

FOLDERS = (
    "preprocessing",
    "estimators",
    "io",
    "datasets",
    "plotting",
    "graph",
    "inspection",
    "feature_selection",
    "metrics",
    "calibration",
    "model_selection",
    "persistence",
    "pipeline",
    "benchmark",
)
# Marks of numpydoc that the house style does without: extended summaries and See
# Also sections everywhere, the ends of lines, and examples for classes of settings.
UNWANTED = {"ES01", "SA01", "EX01", "SA04", "RT02", "PR06"}
# The base class leaves its parameters to its subclasses, and records are not made by
# hand.
SPECIAL = ("AlignmentReport", "BaseOmicsClassifier", "CohortShift", "FeatureReport")


def names_of(*folders):
    for folder in folders:
        module = import_module(f"skomics.{folder}")
        yield from (f"skomics.{folder}.{name}" for name in module.__all__)


def public_names():
    return names_of(*FOLDERS)


def public_objects():
    for name in public_names():
        module, _, attribute = name.rpartition(".")
        is_special = attribute in SPECIAL
        if callable(getattr(import_module(module), attribute)) and not is_special:
            yield name


@pytest.mark.parametrize("name", sorted(public_objects()))
def test_docstring_is_numpydoc(name):
    faults = [f for f in validate(name)["errors"] if f[0] not in UNWANTED]
    assert faults == []


@pytest.mark.parametrize("name", sorted(public_names()))
def test_public_name_is_in_the_api_list(name):
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    folder, _, own = name.rpartition(".")
    listed = f"skomics.{own}" if skomics._NAMES.get(own) == folder else name
    is_thing = callable(getattr(import_module(folder), own))
    assert (f"\n   {listed}\n" in page) == is_thing


# Not made by hand: what functions return, the base class, a stack of candidates.
WITHOUT_EXAMPLE = {"BaseOmicsClassifier", "CohortShift", "ModelCard", "SMAStack"}


@pytest.mark.parametrize(
    "name", sorted({*public_names(), *names_of("modules", "testing")})
)
def test_public_name_has_an_example_that_the_doctests_run(name):
    folder, _, own = name.rpartition(".")
    thing = getattr(import_module(folder), own)
    assert (
        ">>>" in (thing.__doc__ or "") or own in WITHOUT_EXAMPLE or not callable(thing)
    )


def test_places_that_the_contributing_page_names_are_there():
    page = (REPOSITORY / "docs" / "contributing.md").read_text(encoding="utf-8")
    places = [p for p in re.findall(r"`(skomics/[\w/.]+)`", page) if "<" not in p]
    assert len(places) > 20
    assert [place for place in places if not (REPOSITORY / place).exists()] == []


@pytest.fixture(scope="module")
def tables():
    pytest.importorskip("pyarrow")
    return runpy.run_path(REPOSITORY / "docs" / "fill_tables.py")


@pytest.mark.slow
def test_tables_of_the_benchmark_page_are_those_of_the_stored_results(tables):
    page = tables["PAGE"].read_text(encoding="utf-8")
    assert tables["fill"](page) == page


def test_every_table_of_our_scores_has_stored_results(tables):
    page = tables["PAGE"].read_text(encoding="utf-8")
    n_tables = len(re.findall(r"^\| *-", page, re.MULTILINE))
    assert len(tables["_STORED"].findall(page)) == n_tables > 0


# How many blocks of code each has, so that none is lost.
EXECUTED = {
    "inspection.md": 6,
    "five_minutes.md": 2,
    "from_tables.md": 4,
    "honest_estimate.md": 5,
    "which_model.md": 1,
    "wide.md": 1,
    "cluster.md": 2,
    "long_data.md": 3,
}


def blocks_of(page, language):
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


# Those that train networks, or ask them for contributions.
LONG = {
    "inspection.md",
    "long_data.md",
    "five_minutes.md",
    "which_model.md",
    "cluster.md",
}


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.slow if p in LONG else ()) for p in EXECUTED],
)
def test_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch, recwarn):
    pytest.importorskip("captum")
    monkeypatch.chdir(tmp_path)  # pages write files
    blocks = blocks_of(page, "python")
    assert len(blocks) == EXECUTED[page]
    names = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert [str(w.message) for w in recwarn if w.category is UserWarning] == []


def test_a_second_cohort_is_called_in_fifteen_lines():
    lines = blocks_of("five_minutes.md", "python")[1].split("\n\n")[1].splitlines()
    assert len(lines) <= 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "number"), [("command_line.md", 0), ("install.md", 1)]
)
def test_commands_of_a_page_run_from_top_to_bottom(page, number, tmp_path, monkeypatch):
    from skomics._cli import main

    monkeypatch.chdir(tmp_path)
    lines = blocks_of(page, "bash")[number].splitlines()
    for line in lines:
        program, *argv = shlex.split(line)
        assert program == "skomics"
        assert main(argv) == 0, line
    assert len(lines) == {"command_line.md": 9, "install.md": 2}[page]


def test_no_page_is_an_orphan():
    docs = REPOSITORY / "docs"
    named = set()
    for page in docs.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for tree in re.findall(
            r"^```{toctree}\n(.*?)^```", text, re.DOTALL | re.MULTILINE
        ):
            named |= {line for line in tree.split() if not line.startswith(":")}
    pages = {p.relative_to(docs).with_suffix("").as_posix() for p in docs.rglob("*.md")}
    pages = {
        p for p in pages if p.split("/")[0] not in ("_build", "notebooks", "generated")
    }
    assert pages - named == {"index"}


def test_accuracy_of_turned_modalities_is_that_of_the_stored_rows():
    pytest.importorskip("pyarrow")
    turned = runpy.run_path(REPOSITORY / "docs" / "studies" / "turned.py")
    page = turned["PAGE"].read_text(encoding="utf-8")
    assert turned["fill"](page) == page


def test_planted_features_of_the_page_are_those_of_the_stored_rows():
    pytest.importorskip("pyarrow")
    planted = runpy.run_path(REPOSITORY / "docs" / "studies" / "planted.py")
    page = planted["PAGE"].read_text(encoding="utf-8")
    assert planted["fill"](page) == page


def test_overlap_with_diablo_on_the_page_is_that_of_the_stored_rows():
    pytest.importorskip("pyarrow")
    study = runpy.run_path(REPOSITORY / "docs" / "studies" / "diablo_panel.py")
    page = study["PAGE"].read_text(encoding="utf-8")
    assert study["fill"](page) == page
    assert len(set(study["PANEL"])) == 25


@pytest.fixture(scope="module")
def gallery():
    return runpy.run_path(REPOSITORY / "docs" / "studies" / "draw_gallery.py")


def test_each_display_has_a_heading_and_a_picture_in_the_gallery(gallery):
    page = gallery["PAGE"].read_text(encoding="utf-8")
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert sorted(headings) == sorted(skomics.plotting.__all__)
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        assert "![](images/gallery/" in section, section.split("\n")[0]


def test_pictures_of_the_gallery_are_stored_and_small(gallery):
    parts = gallery["read_parts"](gallery["PAGE"])
    paths = [gallery["PAGE"].parent / picture for _, picture in parts if picture]
    folder = gallery["PAGE"].parent / "images" / "gallery"
    assert sorted(paths) == sorted(folder.iterdir())
    assert sum(path.stat().st_size for path in paths) < 40_000 * len(paths)


@pytest.mark.slow
def test_code_of_the_gallery_draws_its_pictures(gallery, pyplot):
    for module in ("captum", "scikit_posthocs"):
        pytest.importorskip(module)
    drawn = {path: type(display).__name__ for path, display in gallery["run"]()}
    page = gallery["PAGE"].read_text(encoding="utf-8")
    for path, name in drawn.items():
        section = page[: page.index(f"gallery/{path.name}")].rpartition("### ")[2]
        assert section.startswith(f"{name}\n")
    assert len(drawn) == len(list(path.parent.iterdir()))
