"""Every display can be read: names are cut, nothing leaves the page or overlaps."""

import io
import re

import pytest

from skomics import plotting
from tests.plotting.pictures import (
    LONG,
    PICTURES,
    names,
    shown_texts,
    texts_beyond,
    texts_that_overlap,
)

# Numbers of classes (or models) and of modalities (or tasks).
SIZES = [(2, 1), (15, 5)]
# Those of the benchmark go to reports and slides; of the others, two columns of a
# journal are for maps and for panels of classes.
WIDE = {
    "BenchmarkDisplay",
    "CriticalDifferenceDisplay",
    "FeatureImportanceDisplay",
    "LearningCurvesDisplay",
    "SampleHeatmapDisplay",
    "ScoreBoxDisplay",
}


@pytest.fixture(
    params=SIZES, ids=lambda size: "{} classes, {} modalities".format(*size)
)
def size(request):
    return request.param


def test_each_public_display_has_a_picture():
    assert {name.split()[0] for name in PICTURES} == set(plotting.__all__)


@pytest.mark.parametrize("name", PICTURES)
def test_texts_lie_within_the_figure_and_apart(name, size, pyplot):
    figure = PICTURES[name](*size).figure_
    assert texts_beyond(figure) == []
    assert texts_that_overlap(figure) == []


@pytest.mark.parametrize("name", PICTURES)
def test_long_names_are_cut_and_stay_apart(name, pyplot):
    figure = PICTURES[name](15, 1).figure_
    texts = [text for text, _ in shown_texts(figure)]
    assert max(map(len, texts)) < len(LONG)
    for axes in figure.axes:
        legend = axes.get_legend()
        shown = [text.get_text() for text in legend.get_texts()] if legend else []
        assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("name", sorted(set(PICTURES) - WIDE))
def test_picture_fits_a_column_of_a_journal(name, size, pyplot):
    width = PICTURES[name](*size).figure_.get_figwidth()
    assert width * 25.4 == pytest.approx(85)


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_saved_as_vectors(name, pyplot):
    figure = PICTURES[name](3, 2).figure_
    pdf, svg = io.BytesIO(), io.StringIO()
    figure.savefig(pdf, format="pdf")
    figure.savefig(svg, format="svg")
    assert pdf.getvalue().startswith(b"%PDF")
    # Of maps the cells, and of color bars the scale, are pixels; nothing else is.
    n_images = sum(len(axes.images) for axes in figure.axes)
    n_bars = sum(axes.get_label() == "<colorbar>" for axes in figure.axes)
    assert len(re.findall("<image ", svg.getvalue())) <= n_images + n_bars


def test_a_text_beyond_the_figure_is_found(pyplot):
    figure = pyplot.figure()
    figure.text(0.99, 0.5, "a name that is too long")
    assert texts_beyond(figure) == ["a name that is too long"]


def test_texts_on_one_another_are_found_and_hidden_ones_are_not(pyplot):
    figure = pyplot.figure()
    for text in ("one", "other", ""):
        figure.text(0.5, 0.5, text)
    figure.text(0.5, 0.5, "hidden", visible=False)
    assert texts_that_overlap(figure) == [("one", "other")]


def test_names_are_long():
    assert min(map(len, names(15, "gene"))) >= 60
