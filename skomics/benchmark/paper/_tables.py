"""The published figures, and ours beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skomics.benchmark._results import BenchmarkResults
from skomics.benchmark._summary import format_table, summarize

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PUBLISHED",
    "PUBLISHED_CANCERS",
    "PUBLISHED_CELLS",
    "format_cancers",
    "format_cells",
    "format_comparison",
]

# What the paper tells of each model.
_SCORES = ("accuracy", "f1_macro", "f1_weighted")
# Accuracy, macro F1 and weighted F1 of Pan et al. (2023), arXiv:2308.10917.
# Table I, for 5, 10 and 15 clusters. Its caption says that all clusters have the same
# size, but its row of lfNN is what the authors of these sets, Leng et al. (2022), keep
# for clusters of different sizes.
_PERFECT = (1.0, 1.0, 1.0)
PUBLISHED = {
    "lfnn": (_PERFECT, (0.900, 0.825, 0.871), (0.860, 0.716, 0.817)),
    "efnn": (_PERFECT, _PERFECT, _PERFECT),
    "lfcnn": (_PERFECT, (0.480, 0.454, 0.361), (0.880, 0.758, 0.840)),
    "efcnn": (_PERFECT, _PERFECT, (0.760, 0.572, 0.670)),
    "mogcn": (_PERFECT, _PERFECT, _PERFECT),
    "mogat": (_PERFECT, _PERFECT, _PERFECT),
    "sma": (_PERFECT, _PERFECT, _PERFECT),
}
# Table II.
PUBLISHED_CELLS = {
    **dict.fromkeys(["sma", "efnn", "lfnn", "mogcn", "mogat"], _PERFECT),
    "lfcnn": (0.962, 0.952, 0.962),
    "efcnn": (0.981, 0.981, 0.981),
}
# Fig. 2, of which the text has numbers for SMA only; by our sets of these cancers.
PUBLISHED_CANCERS = {
    "tcga_luad": (0.958, 0.93, 0.91),
    **dict.fromkeys(
        ["tcga_stad", "tcga_sarc", "tcga_brca", "tcga_gbm_mirna_cnv"], _PERFECT
    ),
}
_CLUSTERS = (5, 10, 15)
_SOURCES = {"paper-": "generated", "dlmo_sim_": "sets of Leng et al."}
_SIZES = ("equal", "heterogeneous")


def format_comparison(results: pd.DataFrame | BenchmarkResults) -> str:
    """Return Table I of the SMA paper beside our figures, as Markdown.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`, on tasks of the group "paper-simulated".

    Returns
    -------
    text : str
        A table for each protocol, source of the data and kind of sizes; empty if
        there is no fit of these tasks.
    """
    results = BenchmarkResults.of(results)
    protocols = {
        "leakage_free": results.scored,
        "as_published (leaky: scaled on all samples)": results.as_published,
    }
    parts = [
        f"{sizes} sizes, {source}, protocol {protocol}\n\n{table}"
        for protocol, rows in protocols.items()
        for prefix, source in _SOURCES.items()
        for sizes in _SIZES
        if (table := _format_one(_take_published(rows), f"{prefix}{sizes}"))
    ]
    if not parts:
        return ""
    title = (
        "Table I of the SMA paper (arXiv:2308.10917) beside ours: accuracy, macro F1, "
        "weighted F1"
    )
    return "\n\n".join([title, *parts])


def _take_published(rows):
    stems = rows["model"].str.removesuffix("-paper").str.removesuffix("-tuned")
    return rows[stems.isin(list(PUBLISHED))]


def _format_one(results, prefix):
    """Return the table of one set per number of clusters; empty without a fit."""
    names = results["task"].str.replace("_", "-")
    ours = {n: results[names == f"{prefix}-{n}".replace("_", "-")] for n in _CLUSTERS}
    ours = {
        n: summarize(rows).droplevel("task") for n, rows in ours.items() if len(rows)
    }
    if not ours:
        return ""
    header = ["model"]
    for n in ours:
        header += [f"paper, {n} clusters", f"ours, {n} clusters"]
    models = dict.fromkeys(model for table in ours.values() for model in table.index)
    rows = []
    for model in models:
        cells = []
        for n, table in ours.items():
            published = PUBLISHED[model.split("-")[0]][_CLUSTERS.index(n)]
            cells += [_join_scores(published), _join_ours(table, model)]
        label = next(t.loc[model, "label"] for t in ours.values() if model in t.index)
        rows.append([label, *cells])
    return format_table([header, *rows])


def _join_ours(table, model):
    return _join_means(table.loc[model]) if model in table.index else "–"


def format_cells(results: pd.DataFrame) -> str:
    """Return Table II beside our figures, as Markdown.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`, of the seven models on single cells.

    Returns
    -------
    text : str
        The table.
    """
    means = summarize(results).droplevel("task")
    rows = [
        [row["label"], _join_scores(PUBLISHED_CELLS[model]), _join_means(row)]
        for model, row in means.iterrows()
    ]
    return format_table([["model", "paper, 206 cells", "ours, scgem"], *rows])


def format_cancers(results: pd.DataFrame) -> str:
    """Return the figures of Fig. 2 beside ours, as Markdown.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`, of SMA and others on the sets of
        `PUBLISHED_CANCERS`.

    Returns
    -------
    text : str
        The table.
    """
    means = summarize(results)
    rows = [["set", "paper, SMA", "ours, SMA", "ours, best"]]
    for task, published in PUBLISHED_CANCERS.items():
        ours = means.loc[task]
        best = ours.loc[ours["f1_macro_mean"].idxmax()]
        told = f"{best['label']} {_join_means(best)}"
        sma = _join_means(ours.loc["sma"])
        rows.append([task, _join_scores(published), sma, told])
    return format_table(rows)


def _join_means(row):
    return _join_scores(row[f"{name}_mean"] for name in _SCORES)


def _join_scores(scores):
    """Return accuracy, macro F1 and weighted F1 as text."""
    return " ".join("–" if score != score else f"{score:.3f}" for score in scores)
