"""Published figures stand beside ours; every figure of ours here is made up."""

import itertools

import pandas as pd
import pytest

from skomics.benchmark import BenchmarkResults
from skomics.benchmark.paper import format_cancers, format_cells, format_comparison
from skomics.benchmark.paper._tables import (
    PUBLISHED,
    PUBLISHED_CANCERS,
    PUBLISHED_CELLS,
)


def results_of(tasks, models, protocols=("leakage_free",)):
    keys = itertools.product(tasks, models, protocols)
    frame = pd.DataFrame(keys, columns=["task", "model", "protocol"])
    scores = {"accuracy": 0.75, "f1_macro": 0.5, "f1_weighted": 0.25}
    frame = frame.assign(label=frame["model"].str.upper(), status="ok", fit_seconds=1.0)
    return frame.assign(**scores)


def test_table_1_has_a_part_for_each_protocol_of_which_one_is_marked_as_leaky():
    results = results_of(
        ["paper-equal-10"], ["lfnn", "logreg"], ["leakage_free", "as_published"]
    )
    text = format_comparison(results)
    assert text == format_comparison(BenchmarkResults(results))
    headings = [line for line in text.splitlines() if line.startswith("equal sizes")]
    assert headings == [
        "equal sizes, generated, protocol leakage_free",
        "equal sizes, generated, protocol as_published (leaky: scaled on all samples)",
    ]
    rows = [line for line in text.splitlines() if line.startswith("| LFNN")]
    assert len(rows) == 2
    assert all("0.900 0.825 0.871" in row for row in rows)
    assert all("0.750 0.500 0.250" in row for row in rows)
    assert "LOGREG" not in text


def test_table_1_leaves_parts_of_the_samples_out():
    results = results_of(["paper-equal-5"], list(PUBLISHED)).assign(train_fraction=0.5)
    assert format_comparison(results) == ""


@pytest.mark.parametrize(
    ("make", "results"),
    [
        (format_cells, results_of(["scgem"], list(PUBLISHED_CELLS))),
        (format_cancers, results_of(list(PUBLISHED_CANCERS), ["sma", "logreg"])),
    ],
    ids=["Table II", "Fig. 2"],
)
def test_published_and_own_figures_share_a_row(make, results):
    rows = make(results).splitlines()[2:]
    assert len(rows) in (len(PUBLISHED_CELLS), len(PUBLISHED_CANCERS))
    for row in rows:
        assert "1.000" in row or "0.9" in row
        assert "0.750 0.500 0.250" in row
