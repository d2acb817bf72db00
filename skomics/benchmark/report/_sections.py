"""The report: what the results say, as one page of HTML or as Markdown."""

import html
import io
import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from skomics._optional import import_optional
from skomics.benchmark._contenders import CONTENDER_GROUPS
from skomics.benchmark._results import METRICS, fill_defaults, is_control
from skomics.benchmark._store import read_results
from skomics.benchmark._summary import format_table, read_commands
from skomics.benchmark._tasks import TASK_GROUPS
from skomics.benchmark.stats import (
    check_null,
    compare_models,
    compare_pairs,
    friedman_nemenyi,
    has_confusion,
    judge_null,
    learning_curves,
    omics_value,
    rank_models,
    score_intervals,
    sum_confusion,
    summarize_calibration,
    win_tie_loss,
)
from skomics.plotting import (
    CriticalDifferenceDisplay,
    LearningCurvesDisplay,
    ScoreBoxDisplay,
)

__all__ = ["Report", "choose_results", "make_report", "report_main"]

_ALPHA = 0.05
_ROPE = 0.01
_METHODS = """\
Imputation, scaling, tuning and training happen in the training part of each fold \
(the honest protocol); the paper protocol scales on all samples and is shown apart. \
F1 is over all classes of a task. Means and standard deviations are over the folds \
of all repeats. Intervals of 95 % and tests on one task are those of the corrected \
resampled t-test (Nadeau and Bengio 2003), two-sided, with Holm's correction for the \
comparisons of the task. The probabilities of a lead and of practical equivalence are \
those of the Bayesian correlated t-test (Benavoli et al. 2017). Over tasks: Friedman's \
test on the ranks of the mean scores, Nemenyi's critical difference (Demšar 2006), and \
Wilcoxon's signed-rank tests with Holm's correction. Only models with a score on every \
task are ranked. The expected calibration error has ten bins of equal width (Guo et \
al. 2017). In the control the labels are permuted; a model is suspect where its \
accuracy differs from that of independent predictions with the same margins, at a \
level of 5 % for all models together."""


@dataclass(frozen=True)
class Cell:
    """Text of a table, what to sort it by, and how strongly to shade it (0 to 1)."""

    text: str
    key: object = None
    shade: float | None = None
    is_strong: bool = False

    @property
    def is_number(self):
        """Whether it is sorted as a number."""
        return isinstance(self.key, int | float)


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header."""

    kind = "table"
    caption: str
    header: list
    rows: list
    is_folded: bool = False


@dataclass(frozen=True)
class Figure:
    """A display, drawn when its SVG is first asked for."""

    kind = "figure"
    caption: str
    plot: Callable

    @cached_property
    def svg(self):
        """The drawing as SVG."""
        return _draw(self.plot)


@dataclass(frozen=True)
class Text:
    """A paragraph; a warning stands out."""

    kind = "text"
    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Code:
    """Lines as they are."""

    kind = "code"
    text: str


@dataclass(frozen=True)
class Group:
    """Tables that are folded together."""

    kind = "group"
    caption: str
    tables: list


@dataclass(frozen=True)
class Section:
    """Parts under a title."""

    title: str
    parts: list = field(default_factory=list)

    @property
    def anchor(self):
        """Name of the section in links."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Report:
    """What the results say.

    Parameters
    ----------
    sections : list of Section
        Title, and paragraphs, tables and figures of each.
    """

    sections: list

    def to_html(self):
        """Return one page that needs nothing else.

        Returns
        -------
        page : str
            HTML with its styles, script and figures.

        Raises
        ------
        ImportError
            If jinja2 or matplotlib is not installed.
        """
        jinja2 = import_optional("jinja2", extra="bench")
        source = files("skomics.benchmark.report").joinpath("report.html")
        environment = jinja2.Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string(source.read_text(encoding="utf-8"))
        parts = [part for section in self.sections for part in section.parts]
        figures = [part for part in parts if isinstance(part, Figure)]
        drawings = {
            id(figure): jinja2.utils.markupsafe.Markup(_embed(figure.svg, number))
            for number, figure in enumerate(figures)
        }
        return template.render(sections=self.sections, drawings=drawings, id=id)

    def to_markdown(self, folder=None):
        """Return the report as Markdown.

        Parameters
        ----------
        folder : str or Path, default=None
            Where to write the figures as SVG files, which the text shows by their
            names; None leaves them out.

        Returns
        -------
        text : str
            Markdown.

        Raises
        ------
        ImportError
            If figures are to be written and matplotlib is not installed.
        """
        lines = ["# Benchmark report"]
        for section in self.sections:
            lines.append(f"## {section.title}")
            for number, part in enumerate(section.parts):
                name = f"{section.anchor}-{number}.svg"
                lines += _describe(part, name, folder)
        return "\n\n".join(lines) + "\n"


def _describe(part, name, folder):
    """Return the paragraphs of Markdown of a part."""
    if isinstance(part, Text):
        return [f"**{_escape(part.text)}**" if part.is_warning else _escape(part.text)]
    if isinstance(part, Code):
        return [f"```\n{part.text}\n```"]
    if isinstance(part, Group):
        return [line for table in part.tables for line in _describe(table, "", None)]
    if isinstance(part, Table):
        rows = [[_mark(cell) for cell in row] for row in part.rows]
        header = [_escape(name) for name in part.header]
        return [f"{_escape(part.caption)}:", format_table([header, *rows])]
    if folder is None:
        return []
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(part.svg, encoding="utf-8")
    return [f"![{_escape(part.caption)}]({folder.name}/{name})"]


def _mark(cell):
    text = _escape(cell.text)
    return f"**{text}**" if cell.is_strong else text


def _escape(text):
    text = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([|*`\[\]\\])", r"\\\1", text)


def _embed(svg, number):
    """Return the drawing for a page of several: names of its own, and its colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>f{number}-", svg)
    # Black follows the colour of the text, which is white in the dark scheme.
    return re.sub(r"(fill|stroke): #000000", r"\1: currentColor", svg)


def make_report(results, *, metric="f1_macro", reference=None, command=None):
    """Return a report of the results.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    metric : {"accuracy", "f1_macro", "f1_weighted"}, default="f1_macro"
        The score that models are compared by.

    reference : str, default=None
        The model that the others are compared with; None takes sma where it is among
        them, and else the first one.

    command : str, default=None
        What made the results.

    Returns
    -------
    report : Report
        With the methods `to_html` and `to_markdown`.

    Raises
    ------
    ValueError
        If the metric or the reference is unknown.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skomics.benchmark import make_report, run_benchmark
    >>> from skomics.datasets import make_intersim
    >>> data = make_intersim(n_samples=60, n_clusters=2, effect=0.3, random_state=0)
    >>> results = run_benchmark(
    ...     {"small": data}, {"bayes": GaussianNB()}, n_folds=3, n_repeats=1
    ... )
    >>> page = make_report(results).to_html()  # doctest: +SKIP
    """
    if metric not in METRICS:
        raise ValueError(f"Got metric={metric!r}. Choose one of {sorted(METRICS)}.")
    results = fill_defaults(results)
    models = list(dict.fromkeys(results["model"]))
    if reference is None:
        reference = "sma" if "sma" in models else models[0]
    if reference not in models:
        raise ValueError(f"Got reference={reference!r}. Choose one of {models}.")
    sections = [
        Section("Summary", _summarize(results, metric)),
        Section("Overview", _show_overview(results, metric)),
        Section("Scores", _tabulate_scores(results, metric)),
        Section("Ranks over tasks", _show_ranks(results, metric)),
        Section("Spread over the folds", _show_boxes(results, metric)),
        Section("Comparisons", _show_pairs(results, metric, reference)),
        Section("Wins, ties and losses", _show_wins(results, metric, reference)),
        Section("Confusion matrices", _show_confusion(results)),
        Section("Learning curves", _show_curves(results, metric)),
        Section("Value of each omics", _show_omics(results, metric)),
        Section("Calibration", _show_calibration(results)),
        Section("Paper protocol", _show_paper(results)),
        Section("Control", _show_null(results)),
        Section("Time and memory", _show_costs(results)),
        Section("Errors and warnings", _show_messages(results)),
        Section("Data", _show_data(results)),
        Section("Environment", _show_environment(results, command)),
        Section("Methods", [Text(_METHODS)]),
    ]
    return Report([section for section in sections if section.parts])


def _take_main(results):
    """Return the rows that are compared."""
    is_whole = (results["train_fraction"] == 1) & (results["omics"] == "all")
    return results[(results["protocol"] == "honest") & is_whole]


def _has_scores(results, metric):
    return _take_main(results)[metric].notna().any()


def _word(text, **options):
    return Cell(str(text), **options)


def _number(value, digits=3, **options):
    if pd.isna(value):
        return Cell("–")
    return Cell(_write(value, digits), float(value), **options)


def _write(value, digits):
    # Adding zero turns the minus of a rounded zero into a plus.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _count(value):
    return Cell(f"{int(value)}", int(value))


def _chance(p_value):
    if pd.isna(p_value):
        return Cell("–")
    text = "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
    return Cell(text, float(p_value), is_strong=p_value < _ALPHA)


def _probability(share):
    if pd.isna(share):
        return Cell("–")
    # Those that may be relied on stand out.
    return Cell(f"{share:.2f}", float(share), is_strong=share > 1 - _ALPHA)


def _interval(low, high):
    if pd.isna(low):
        return Cell("–")
    return Cell(f"{_write(low, 3)} to {_write(high, 3)}", float(low))


def _summarize(results, metric):
    n_failed = (results["status"] != "ok").sum()
    parts = [
        Text(
            f"{results['task'].nunique()} tasks, {results['model'].nunique()} models, "
            f"{len(results)} fits, of which {n_failed} failed. Compared by "
            f"{METRICS[metric]}."
        ),
        Text(*judge_null(results)),
    ]
    if not _has_scores(results, metric):
        text = "No fit of the honest protocol has a score, so nothing is compared."
        return [*parts, Text(text, is_warning=True)]
    results = results[~is_control(results)]
    if not _has_scores(results, metric):
        return parts
    pairs = compare_pairs(results, metric)
    means = score_intervals(results, metric)["mean"]
    labels = results.groupby("model")["label"].first()
    rows = []
    for task, scores in means.groupby(level="task", sort=False):
        scores = scores.droplevel("task")
        best = scores.idxmax()
        equals = _find_equals(pairs[pairs["task"] == task], best)
        others = [model for model in scores.index if model != best]
        told = _list_equals(
            [labels[model] for model in others if model in equals],
            [labels[model] for model in others if model not in equals],
        )
        words = [_word(task), _word(labels[best], is_strong=True)]
        rows.append([*words, _number(scores[best]), _word(told)])
    header = ["task", "highest mean", METRICS[metric], "not significantly behind"]
    return [*parts, Table("The best model of each task", header, rows)]


def _list_equals(equal, behind):
    """Return the names of the equal models, or of the few that are not."""
    if len(equal) < 6 or len(behind) > 3:
        return ", ".join(equal) or "none"
    rest = f" but {', '.join(behind)}" if behind else ""
    return f"all {len(equal) + len(behind)} others{rest}"


def _show_overview(results, metric):
    """Return a table of models by tasks; those with a score on every task lead."""
    main = _take_main(results[~is_control(results)])
    main = main[main[metric].notna()]
    if len(main) == 0:
        return []
    groups = main.groupby(["model", "task"], sort=False)
    # Means of the same scores in another order differ in the last digits.
    means = groups[metric].mean().unstack()[list(dict.fromkeys(main["task"]))].round(10)
    deviations = groups[metric].std().unstack()
    counts = groups[metric].count().unstack()
    is_best = means == means.max()
    average = means.mean(axis=1, skipna=False)
    columns = {}
    if means.shape[1] > 1:
        columns[f"mean {METRICS[metric]}"] = average, 3
        with suppress(ValueError):  # no model has a score on every task
            ranks = rank_models(results, metric)["rank"]
            columns["mean rank"] = ranks.reindex(means.index), 1
    if "fit_seconds" in main:
        seconds = groups["fit_seconds"].mean().groupby("model").mean()
        columns["fit seconds"] = seconds, 1
    labels = main.groupby("model")["label"].first()
    order = average.sort_values(ascending=False, kind="stable", na_position="last")
    rows = [
        [
            _word(labels[model]),
            *(_number(values[model], digits) for values, digits in columns.values()),
            *(
                _spread(
                    score,
                    deviations.at[model, task],
                    (counts.at[model, task], counts[task].max()),
                    is_best.at[model, task],
                )
                for task, score in means.loc[model].items()
            ),
        ]
        for model in order.index
    ]
    caption = f"Mean and standard deviation of {METRICS[metric]} over the folds"
    return [Table(caption, ["model", *columns, *means.columns], rows)]


def _spread(mean, deviation, n_fits, is_strong):
    if pd.isna(mean):
        return Cell("–")
    # One fit has no standard deviation.
    spread = "" if pd.isna(deviation) else f" ± {_write(deviation, 3)}"
    n, n_most = map(int, n_fits)
    told = "" if n == n_most else f" ({n} of {n_most} fits)"
    text = _write(mean, 3) + spread + told
    return Cell(text, float(mean), is_strong=bool(is_strong))


def _find_equals(pairs, best):
    """Return the models whose difference from the best one is not significant."""
    pairs = pairs[~(pairs["p_holm"] < _ALPHA)]
    others = pairs.loc[pairs["model"] == best, "other"]
    return {*others, *pairs.loc[pairs["other"] == best, "model"]}


def _tabulate_scores(results, metric):
    parts = []
    for name in sorted(METRICS, key=lambda name: name != metric):
        if not _has_scores(results, name):
            continue
        table = score_intervals(results, name)
        best = table.groupby(level="task")["mean"].transform("max")
        # To lead where labels were permuted means nothing.
        is_best = (table["mean"] == best) & ~_is_of_control(table, results)
        rows = [
            [
                _word(task),
                _word(row["label"]),
                _number(row["mean"], is_strong=bool(is_best[task, model])),
                _number(row["std"]),
                _interval(row["low"], row["high"]),
                _count(row["n_fits"]),
            ]
            for (task, model), row in table.iterrows()
        ]
        header = ["task", "model", METRICS[name], "SD", "95 % interval", "fits"]
        title = METRICS[name][0].upper() + METRICS[name][1:]
        parts.append(Table(title, header, rows, is_folded=name != metric))
    return parts


def _show_ranks(results, metric):
    results = results[~is_control(results)]
    if not _has_scores(results, metric):
        return []
    try:
        test = friedman_nemenyi(results, metric, alpha=_ALPHA).iloc[0]
    except ValueError as error:
        return [Text(str(error))]
    ranks, pairs = rank_models(results, metric), compare_models(results, metric)
    parts = [
        Text(
            f"{test['n_models']:.0f} models on {test['n_tasks']:.0f} tasks: Friedman's "
            f"chi-squared {test['chi2']:.2f}, p {_chance(test['p_value']).text}; "
            f"critical difference of mean ranks {test['critical_difference']:.2f}. "
            "Models joined by a bar do not differ significantly."
        )
    ]
    left_out = set(results["model"]) - set(ranks.index)
    if left_out:
        text = "Left out, for lack of a score on some task: "
        labels = results[results["model"].isin(left_out)]["label"]
        parts.append(Text(text + ", ".join(dict.fromkeys(labels)) + "."))
    nemenyi = CriticalDifferenceDisplay(ranks, pairs, test["critical_difference"])
    plot = partial(nemenyi.plot, alpha=_ALPHA)
    parts.append(Figure("Mean ranks over tasks, bars by Nemenyi's test", plot))
    wilcoxon = CriticalDifferenceDisplay(ranks, pairs)
    if test["n_tasks"] < 6:
        text = "With fewer than six tasks, no p of Wilcoxon's test is below 0.05."
        parts.append(Text(text))
    plot = partial(wilcoxon.plot, "p_holm", alpha=_ALPHA)
    parts.append(Figure("The same, bars by Wilcoxon's tests with Holm", plot))
    rows = [
        [_word(row["label"]), _number(row["rank"], 2), _number(row["mean"])]
        for _, row in ranks.iterrows()
    ]
    header = ["model", "mean rank", f"mean {METRICS[metric]}"]
    parts.append(Table("Mean ranks", header, rows))
    rows = [
        [
            _word(row["label"]),
            _word(row["other_label"]),
            _number(row["rank_difference"], 2),
            _chance(row["p_nemenyi"]),
            _number(row["difference"]),
            _chance(row["p_wilcoxon"]),
            _chance(row["p_holm"]),
        ]
        for _, row in pairs.iterrows()
    ]
    header = ["model", "other", "rank difference", "p Nemenyi", "difference of means"]
    header += ["p Wilcoxon", "p Holm"]
    return [*parts, Table("Pairs over all tasks", header, rows, is_folded=True)]


def _draw(plot):
    """Return what a display plots, as SVG with text that can be read and searched."""
    plt = import_optional("matplotlib.pyplot", extra="plot")
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "skomics",
        # Names of tasks and models are no formulas.
        "text.parse_math": False,
        "font.size": 13,
    }
    with plt.ioff(), plt.rc_context(settings):
        figure = plot().figure_
        buffer = io.StringIO()
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None},
        )
        plt.close(figure)
    return buffer.getvalue()


def _show_boxes(results, metric):
    if not _has_scores(results, metric):
        return []
    main = _take_main(results)
    parts = []
    for task, rows in main.groupby("task", sort=False):
        if rows[metric].notna().any():
            plot = partial(ScoreBoxDisplay(rows).plot, metric)
            parts.append(Figure(f"{METRICS[metric]} on {task}", plot))
    return parts


def _show_pairs(results, metric, reference):
    results = results[~is_control(results)]
    scored = _take_main(results)
    if reference not in set(scored.loc[scored[metric].notna(), "model"]):
        return []
    pairs = compare_pairs(results, metric, reference=reference, rope=_ROPE)
    if len(pairs) == 0:
        return []
    rows = [
        [
            _word(row["task"]),
            _word(row["other_label"]),
            _number(row["difference"]),
            _interval(row["low"], row["high"]),
            _number(row["t"], 2),
            _chance(row["p_value"]),
            _chance(row["p_holm"]),
            *(_probability(row[name]) for name in ("p_better", "p_equal", "p_worse")),
            _count(row["n_folds"]),
        ]
        for _, row in pairs.iterrows()
    ]
    label = pairs["label"].iloc[0]
    header = ["task", "other", f"{label} minus other", "95 % interval", "t"]
    header += ["p", "p Holm", "better", "equal", "worse", "folds"]
    text = (
        f"Better, equal, worse: the probabilities that {label} leads by more than "
        f"{_ROPE}, is within that, or is behind by more."
    )
    return [Table(f"{label} against each other model", header, rows), Text(text)]


def _show_wins(results, metric, reference):
    results = results[~is_control(results)]
    if not _has_scores(results, metric):
        return []
    counts = win_tie_loss(results, metric)
    if len(counts) == 0:
        return []
    first = counts[counts["model"] == reference]
    parts = [Text("A win is a significant lead on a task (p Holm below 0.05).")]
    if len(first):
        label = first["label"].iloc[0]
        parts.append(_tabulate_wins(f"{label} against", first, is_folded=False))
    return [*parts, _tabulate_wins("All pairs", counts, is_folded=True)]


def _tabulate_wins(caption, counts, *, is_folded):
    numbers = ["wins", "ties", "losses", "ahead", "behind"]
    names = ["label", "other_label"] if is_folded else ["other_label"]
    rows = [
        [*(_word(row[n]) for n in names), *(_count(row[n]) for n in numbers)]
        for _, row in counts.iterrows()
    ]
    header = ["model", "other"] if is_folded else ["other"]
    return Table(caption, header + numbers, rows, is_folded=is_folded)


def _show_confusion(results):
    if not has_confusion(results):
        return []
    cells = sum_confusion(results)
    parts = [
        Text(
            "Counts over all folds and repeats; a row per true class, a column per "
            "predicted one."
        )
    ]
    for task, group in cells.groupby("task", sort=False):
        tables = [
            _tabulate_confusion(f"{label} on {task}", rows)
            for label, rows in group.groupby("label", sort=False)
        ]
        parts.append(Group(task, tables))
    return parts


def _tabulate_confusion(caption, cells):
    classes = list(dict.fromkeys(cells["true"]))
    counts = cells["count"].to_numpy().reshape(len(classes), len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = [
        [
            _word(name, is_strong=True),
            *(Cell(str(n), int(n), float(s)) for n, s in zip(line, share, strict=True)),
        ]
        for name, line, share in zip(classes, counts, shares, strict=True)
    ]
    header = ["true / predicted", *map(str, classes)]
    return Table(caption, header, rows)


def _show_curves(results, metric):
    if not _has_scores(results, metric):
        return []
    curves = learning_curves(results, metric)
    name = METRICS[metric]
    parts = []
    for task, rows in curves.groupby(level="task", sort=False):
        plot = partial(LearningCurvesDisplay(rows).plot, ylabel=name)
        parts.append(Figure(f"Learning curves on {task}", plot))
    rows = [
        [
            _word(task),
            _word(row["label"]),
            _number(share, 2),
            _number(row["n_train"], 0),
            _number(row["mean"]),
            _number(row["std"]),
            _count(row["n_fits"]),
        ]
        for (task, _, share), row in curves.iterrows()
    ]
    header = ["task", "model", "share", "training samples", name, "SD", "fits"]
    return [*parts, Table("All points", header, rows, is_folded=True)] if rows else []


def _show_omics(results, metric):
    is_usable = (results["protocol"] == "honest") & (results["train_fraction"] == 1)
    if not (is_usable & results[metric].notna()).any():
        return []
    rows = [
        [
            _word(row["task"]),
            _word(row["label"]),
            _word(row["omics"]),
            _number(row["difference"]),
            _interval(row["low"], row["high"]),
            _count(row["n_folds"]),
        ]
        for _, row in omics_value(results, metric).iterrows()
    ]
    header = ["task", "model", "omics", "all minus without", "95 % interval", "folds"]
    title = f"What each omics adds to {METRICS[metric]}"
    return [Table(title, header, rows)] if rows else []


def _show_calibration(results):
    if "log_loss" not in results or "ece" not in results:
        return []
    calibration = summarize_calibration(results)
    names = ("log_loss_mean", "log_loss_std", "ece_mean", "ece_std")
    rows = [
        [
            _word(task),
            _word(row["label"]),
            *(_number(row[name]) for name in names),
            _count(row["n_fits"]),
        ]
        for (task, _), row in calibration.iterrows()
    ]
    header = ["task", "model", "log loss", "SD", "calibration error", "SD", "fits"]
    table = Table("Quality of the probabilities", header, rows)
    averages = _average_calibration(calibration[~_is_of_control(calibration, results)])
    return [*averages, table] if rows else []


def _is_of_control(table, results):
    """Return which rows of a table by tasks are of a control."""
    controls = results.loc[is_control(results), "task"]
    return table.index.get_level_values("task").isin(controls)


def _average_calibration(calibration):
    """Return a table of the models with probabilities on every task, if several."""
    tasks = calibration.index.unique("task")
    groups = calibration.groupby(level="model", sort=False)
    means = groups[["log_loss_mean", "ece_mean"]].mean()
    means = means.assign(label=groups["label"].first())[groups.size() == len(tasks)]
    rows = [
        [_word(row["label"]), _number(row["log_loss_mean"]), _number(row["ece_mean"])]
        for _, row in means.sort_values("log_loss_mean", kind="stable").iterrows()
    ]
    header = ["model", "log loss", "calibration error"]
    return [Table("Means over the tasks", header, rows)] if len(tasks) > 1 else []


def _show_paper(results):
    paper = results[results["protocol"] == "paper"]
    groups = paper.groupby(["task", "label"], sort=False)
    rows = [
        [
            _word(task),
            _word(label),
            *(_number(group[name].mean()) for name in METRICS),
            _count(group["accuracy"].notna().sum()),
        ]
        for (task, label), group in groups
    ]
    text = (
        "The published procedure scales on all samples, so that the test samples leak "
        "into the fit. For comparison with published figures only."
    )
    header = ["task", "model", *METRICS.values(), "fits"]
    table = Table("Scores under the published procedure", header, rows)
    return [Text(text, is_warning=True), table] if rows else []


def _show_null(results):
    controls = results[is_control(results)]
    if not has_confusion(controls):
        return []
    rows = [
        [
            _word(row["task"]),
            _word(row["label"]),
            _number(row["accuracy"]),
            _number(row["chance"]),
            _interval(row["low"], row["high"]),
            _word("suspect" if row["suspect"] else "at chance"),
        ]
        for _, row in check_null(controls).iterrows()
    ]
    header = ["task", "model", "accuracy", "chance", "joint 95 % by chance", "verdict"]
    return [Table("Scores with permuted labels", header, rows)] if rows else []


def _show_costs(results):
    names = {
        "fit_seconds": "fit seconds",
        "score_seconds": "prediction seconds",
        "peak_memory_mb": "peak memory (MB)",
    }
    names = {name: text for name, text in names.items() if name in results}
    main = _take_main(results)
    groups = main[main["status"] == "ok"].groupby(["task", "label"], sort=False)
    rows = [
        [
            _word(task),
            _word(label),
            *(_number(group[n].mean(), 2 if "seconds" in n else 0) for n in names),
        ]
        for (task, label), group in groups
    ]
    header = ["task", "model", *names.values()]
    return [Table("Means over the fits", header, rows)] if rows and names else []


def _show_messages(results):
    parts = []
    for column, title in {"error": "Failed fits", "warnings": "Warnings"}.items():
        if column not in results:
            continue
        told = results[results[column].fillna("") != ""]
        sizes = told.groupby(["task", "label", column], sort=False).size()
        rows = [
            [_word(task), _word(label), _count(n), _word(message)]
            for (task, label, message), n in sizes.items()
        ]
        if rows:
            header = ["task", "model", "fits", "message"]
            parts.append(Table(title, header, rows, is_folded=column == "warnings"))
    return parts or [Text("No fit failed, and none warned.")]


def _show_data(results):
    names = {
        "n_features": "features",
        "n_folds": "folds",
        "seed": "seed",
        "data": "SHA-256 of the data",
    }
    names = {name: text for name, text in names.items() if name in results}
    rows = []
    for task, group in results.groupby("task", sort=False):
        first = group.iloc[0]
        whole = group[group["train_fraction"] == 1]
        n_samples = (whole["n_train"] + whole["n_test"]).max()
        cells = [
            Cell("–") if pd.isna(first[n]) else Cell(_shorten(first[n])) for n in names
        ]
        n_repeats = group["repeat"].nunique()
        rows.append([_word(task), _number(n_samples, 0), _count(n_repeats), *cells])
    header = ["task", "samples", "repeats", *names.values()]
    return [Table("What was classified", header, rows)]


def _shorten(value):
    """Return a whole number without a point, and anything else as it is."""
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _show_environment(results, command):
    parts = []
    if "versions" in results:
        versions = results["versions"].dropna().unique()
        rows = [
            [_word(name), _word(number)]
            for name, number in dict.fromkeys(
                tuple(item.partition("=")[::2])
                for text in versions
                for item in text.split()
            )
        ]
        parts.append(Table("Versions and machine", ["what", "which"], rows))
    commands = [] if "command" not in results else list(results["command"].dropna())
    commands = dict.fromkeys([*commands, *([] if command is None else [command])])
    if commands:
        parts += [Text("Made by"), Code("\n".join(commands))]
    return parts


def report_main(argv):
    """Write the report of a run: ``python -m skomics.benchmark report RESULTS``.

    Parameters
    ----------
    argv : list of str
        Arguments.

    Returns
    -------
    code : int
        0; 2 if the arguments or the results are wrong.
    """
    args = _make_parser().parse_args(argv)
    is_folder = args.results.is_dir()
    file = args.results / "results.csv" if is_folder else args.results
    output = args.output or file.with_name("report.html")
    try:
        report = make_report(
            choose_results(_read(file), args.tasks, args.models),
            metric=args.metric,
            reference=args.reference,
            command="\n".join(read_commands(file.parent)) or None,
        )
        output.write_text(report.to_html(), encoding="utf-8")
        written = [output]
        if args.markdown is not None:
            figures = args.markdown.with_name(f"{args.markdown.stem}_figures")
            args.markdown.write_text(report.to_markdown(figures), encoding="utf-8")
            written += [args.markdown, figures]
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Written: {', '.join(map(str, written))}")
    return 0


def _read(file):
    if not file.exists():
        raise FileNotFoundError(
            f"There is no file {str(file)!r}. Give the --output folder of a run of "
            "python -m skomics.benchmark, or its results file."
        )
    results = read_results(file)
    if len(results) == 0:
        raise ValueError(f"{str(file)!r} holds no finished fit. Run at least one.")
    return results


def choose_results(results, tasks=None, models=None):
    """Return the rows of some tasks and models.

    Parameters
    ----------
    results : DataFrame
        From :func:`run_benchmark`.

    tasks, models : list of str, default=None
        Names, or names of groups; None takes all.

    Returns
    -------
    results : DataFrame
        The rows.

    Raises
    ------
    ValueError
        If a name is neither in the results nor that of a group, or nothing is left.
    """
    results = _choose(results, "task", tasks, TASK_GROUPS)
    return _choose(results, "model", models, CONTENDER_GROUPS)


def _choose(results, column, names, groups):
    if names is None:
        return results
    present = list(dict.fromkeys(results[column]))
    wanted = {
        member
        for name in names
        for member in ([name] if name in present else groups.get(name, [name]))
    }
    unknown = set(names) - set(groups) - set(present)
    if unknown or not wanted & set(present):
        raise ValueError(
            f"Got the {column}s {names}, but these results have {present}. Choose from "
            "these, or leave the option out."
        )
    return results[results[column].isin(wanted)]


def _make_parser():
    parser = ArgumentParser(
        prog="python -m skomics.benchmark report",
        description="Write a report of finished fits as one page of HTML.",
    )
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        help="the output folder of a run, or its results file",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="the page (default: report.html beside the results)",
    )
    parser.add_argument(
        "--markdown", metavar="FILE", type=Path, help="write it as Markdown, too"
    )
    parser.add_argument(
        "--tasks",
        metavar="NAME",
        nargs="+",
        help="report on these tasks, or groups of tasks, only",
    )
    parser.add_argument(
        "--models",
        metavar="NAME",
        nargs="+",
        help="report on these models, or groups of models, only",
    )
    parser.add_argument(
        "--metric",
        choices=sorted(METRICS),
        default="f1_macro",
        help="score that models are compared by (default: %(default)s)",
    )
    parser.add_argument(
        "--reference",
        metavar="NAME",
        help="model that the others are compared with (default: sma, or the first)",
    )
    return parser
