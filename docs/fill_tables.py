"""Write the tables and figures of benchmark.md from the results stored beside it.

Run ``python docs/fill_tables.py`` after ``docs/results`` or the page has changed. A
table follows a comment that says what it is::

    <!-- results/real.parquet: Overview; all; seven baselines -->

which is a file of results, a section of the report on it, and the tasks and models
that the report is about. Instead of a section, "Table I, leakage_free", "Table I,
as_published" (the protocol), "Table II" and "Fig. 2" set the figures of the SMA paper
beside ours, and "Two processors" compares the file with real.parquet.
"""

import re
from functools import cache, partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skomics.benchmark import (
    friedman_nemenyi,
    make_report,
    posthoc_tests,
    rank_models,
    read_results,
)
from skomics.benchmark._results import KEY
from skomics.benchmark._summary import format_table
from skomics.benchmark.paper import format_cancers, format_cells, format_comparison
from skomics.benchmark.report import choose_results
from skomics.plotting import BenchmarkDisplay, CriticalDifferenceDisplay

DOCS = Path(__file__).parent
PAGE = DOCS / "benchmark.md"
_IN_FIGURE = "sma lfcnn mogcn logreg logreg-balanced stack-balanced xgboost"
_RANKED = (
    "sma block-ridge sma-alone mogcn-path lfnn-path efnn efcnn lfnn lfcnn mogcn mogat "
    "nnls-stack kbest-logreg group-lasso stack-balanced logreg-balanced ridge-balanced "
    "forest-balanced lightgbm-small xgboost"
)
_STORED = re.compile(
    r"(?P<mark><!-- (?P<file>results/\S+): (?P<section>[^;]+); (?P<tasks>[^;]+); "
    r"(?P<models>[^;]+) -->\n\n)(?:\|.*\n)*\n?"
)


def fill(text):
    """Return the text with every marked table made anew."""
    return _STORED.sub(lambda found: f"{found['mark']}{_make_table(found)}\n", text)


def _make_table(found):
    file, section, tasks, models = found.group("file", "section", "tasks", "models")
    if section in _BESIDE:
        text = _BESIDE[section](_choose(file, tasks, models))
    else:
        text = _report(file, tasks, models).split(f"\n## {section}\n", 1)[1]
    return re.search(r"(?:^\|.*(?:\n|$))+", text, re.MULTILINE)[0].strip() + "\n"


def _compare_simulated(results, protocol):
    return format_comparison(results[results["protocol"] == protocol])


def _compare_processors(results):
    """Return how far the same fits are apart on processors of two kinds."""
    here = read_results(DOCS / "results" / "real.parquet")
    fits = results.merge(here, on=list(KEY), suffixes=("", "_here"))
    fits["change"] = (fits["f1_macro"] - fits["f1_macro_here"]).abs()
    means = fits.groupby(["model", "task"])[["f1_macro", "f1_macro_here"]].mean()
    shifts = (means["f1_macro"] - means["f1_macro_here"]).abs()
    table = fits.groupby("model", sort=False).agg(
        label=("label", "first"),
        n_fits=("change", "size"),
        n_changed=("change", np.count_nonzero),
        largest=("change", "max"),
    )
    table["shift"] = shifts.groupby("model").max()
    is_same = table["n_changed"] == 0
    rows = [
        [m.label, f"{m.n_fits}", f"{m.n_changed}", f"{m.largest:.3f}", f"{m.shift:.3f}"]
        for m in table[~is_same].itertuples()
    ]
    same = table[is_same]
    rows.append([f"the {len(same)} others", f"{same['n_fits'].sum()}", "0", "–", "–"])
    header = ["model", "fits", "changed", "largest change", "of the mean of a set"]
    return format_table([header, *rows])


_BESIDE = {
    "Two processors": _compare_processors,
    "Table I, leakage_free": partial(_compare_simulated, protocol="leakage_free"),
    "Table I, as_published": partial(_compare_simulated, protocol="as_published"),
    "Table II": format_cells,
    "Fig. 2": format_cancers,
}


@cache
def _report(file, tasks, models):
    return make_report(_choose(file, tasks, models)).to_markdown()


def _choose(file, tasks, models):
    names = (None if words == "all" else words.split() for words in (tasks, models))
    return choose_results(read_results(DOCS / file), *names)


def draw():
    """Draw the figures of the page."""
    draw_scores(_choose("results/real.parquet", "all", _IN_FIGURE))
    results = _choose("results/real.parquet", "all", _RANKED)
    results = results[results["model"] != "dummy"]
    difference = friedman_nemenyi(results)["critical_difference"].iloc[0]
    ranks = rank_models(results), posthoc_tests(results), difference
    figure = CriticalDifferenceDisplay(*ranks).plot().figure_
    figure.savefig(DOCS / "images" / "benchmark_ranks.png", dpi=120)


def draw_scores(results):
    """Draw the scores of half of the sets beside those of the others."""
    tasks = results["task"].unique()
    figure, axes = plt.subplots(
        1, 2, figsize=(15, 14), sharex=True, layout="constrained"
    )
    for ax, half in zip(axes, np.array_split(tasks, 2), strict=True):
        BenchmarkDisplay(results[results["task"].isin(half)]).plot(ax=ax)
    figure.savefig(DOCS / "images" / "benchmark_real.png", dpi=100)


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    draw()
