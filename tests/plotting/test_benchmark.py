"""Promises of BenchmarkDisplay."""

import sys

import numpy as np
import pandas as pd
import pytest

from skomics.benchmark._results import METRICS as SCORES
from skomics.plotting import BenchmarkDisplay
from skomics.plotting._benchmark import METRICS


@pytest.fixture
def results():
    keys = [
        (t, m, f) for t in ("luad", "stad") for m in ("SMA", "efNN") for f in (0, 1)
    ]
    frame = pd.DataFrame(keys, columns=["task", "label", "fold"])
    frame["f1_macro"] = [0.8, 0.6, 0.7, 0.7, 0.9, 0.9, np.nan, 0.5]
    return frame.assign(accuracy=frame["f1_macro"] / 2)


def drawn(display):
    """Return the scores in the lines of dots and of means."""
    return [line.get_xdata() for line in display.ax_.lines]


def test_every_score_is_a_dot_and_every_mean_a_mark(results, pyplot):
    display = BenchmarkDisplay(results)
    assert display.plot() is display
    dots, means = drawn(display)[:2]
    np.testing.assert_allclose(dots, [0.8, 0.6, 0.9, 0.9])
    np.testing.assert_allclose(sorted(means), [0.7, 0.9])
    assert [text.get_text() for text in display.ax_.texts] == [
        "0.700",
        "0.900",
        "0.700",
        "0.500",
    ]


def test_tasks_stand_in_order_from_top_to_bottom(results, pyplot):
    ax = BenchmarkDisplay(results).plot().ax_
    assert [label.get_text() for label in ax.get_yticklabels()] == ["luad", "stad"]
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_models_are_in_the_legend_and_the_metric_on_the_axis(results, pyplot):
    ax = BenchmarkDisplay(results).plot("accuracy").ax_
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["SMA", "efNN"]
    assert ax.get_xlabel().startswith("Accuracy")


def test_display_draws_on_given_axes(results, pyplot):
    figure, ax = pyplot.subplots()
    display = BenchmarkDisplay(results).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]


def test_eight_models_are_told_apart(results, pyplot):
    many = pd.concat([results.assign(label=f"m{i}") for i in range(8)])
    display = BenchmarkDisplay(many).plot()
    marks = [line for line in display.ax_.lines if line.get_label().startswith("m")]
    assert len({(line.get_color(), line.get_marker()) for line in marks}) == 8


def test_an_unknown_metric_is_refused(results):
    with pytest.raises(ValueError, match=r"metric='auc'. Choose one of \['accuracy'"):
        BenchmarkDisplay(results).plot("auc")


def test_results_without_a_score_are_refused(results):
    with pytest.raises(ValueError, match="None of the 8 rows has a score 'f1_macro'"):
        BenchmarkDisplay(results.assign(f1_macro=np.nan)).plot()


def test_every_score_of_the_benchmark_has_a_name_on_the_axis():
    assert list(METRICS) == list(SCORES)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "mcc", "roc_auc"])
def test_scores_that_older_tables_lack_are_drawn_where_they_are(
    results, pyplot, metric
):
    with pytest.raises(ValueError, match=f"has a score '{metric}'"):
        BenchmarkDisplay(results).plot(metric)
    display = BenchmarkDisplay(results.assign(**{metric: -0.5})).plot(metric)
    assert display.ax_.get_xlabel().startswith(METRICS[metric])


def test_it_says_what_to_install_where_matplotlib_is_absent(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'skomics\[plot\]'"):
        BenchmarkDisplay(results).plot()


def test_long_names_and_many_models_leave_room_for_the_dots(pyplot):
    labels = [f"histogram boosting {i}" for i in range(18)]
    task = "brca_mixomics_train-on-brca_mixomics_test"
    results = pd.DataFrame({"task": task, "label": labels, "f1_macro": 0.5})
    display = BenchmarkDisplay(results).plot()
    # Where the axes collapse, this warns.
    display.figure_.draw_without_rendering()
    width = (
        display.ax_.get_window_extent().width
        / display.figure_.get_window_extent().width
    )
    assert width * display.figure_.get_figwidth() > 4
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.x1 <= display.figure_.bbox.x1
