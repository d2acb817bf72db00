"""The sections of the report: what the results say, and in which order."""

from __future__ import annotations

from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from skomics._document import (
    ALPHA,
    Cell,
    Code,
    Document,
    Figure,
    Group,
    Section,
    Table,
    Text,
    count_cell,
    format_number,
    interval_cell,
    number_cell,
    p_value_cell,
    probability_cell,
    text_cell,
)
from skomics.benchmark._results import (
    METRICS,
    BenchmarkResults,
    check_metric,
    label_models,
)
from skomics.benchmark.stats import (
    check_permutation_control,
    describe_control,
    friedman_nemenyi,
    has_confusion,
    learning_curves,
    modality_ablation,
    pairwise_tests,
    posthoc_tests,
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

if TYPE_CHECKING:
    from skomics._typing import Metric

__all__ = ["make_report"]

_ROPE = 0.01
_METHODS = """\
Imputation, scaling, tuning and training happen in the training part of each fold \
(the leakage-free protocol); the published protocol scales on all samples and is \
shown apart. \
F1 is over all classes of a task. Balanced accuracy is the mean recall of the classes \
of a test part; the balanced error rate (BER), DIABLO's measure, is one minus it. MCC \
is the correlation of Matthews for several classes (Gorodkin 2004). ROC AUC is the \
mean over the classes of a test part, each against the rest, by probabilities or else \
the decision function; it is missing where a test part has one class. \
Means and standard deviations are over the folds \
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


def make_report(
    results: pd.DataFrame | BenchmarkResults,
    *,
    metric: Metric = "f1_macro",
    reference: str | None = None,
    command: str | None = None,
) -> Document:
    """Return a report of the results.

    Parameters
    ----------
    results : DataFrame or BenchmarkResults
        From :func:`run_benchmark`.

    metric : {"accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "mcc", \
            "roc_auc"}, default="f1_macro"
        The score that models are compared by.

    reference : str, default=None
        The model that the others are compared with; None takes sma where it is among
        them, and else the first one.

    command : str, default=None
        What made the results.

    Returns
    -------
    report : Document
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
    check_metric(metric)
    results = BenchmarkResults.of(results)
    compared, frame = results.compared, results.frame
    models = list(dict.fromkeys(frame["model"]))
    if reference is None:
        reference = "sma" if "sma" in models else models[0]
    if reference not in models:
        raise ValueError(f"Got reference={reference!r}. Choose one of {models}.")
    sections = [
        Section("Summary", _summarize(results, metric)),
        Section("Overview", _show_overview(compared, metric)),
        Section("Scores", _tabulate_scores(results, metric)),
        Section("Ranks over tasks", _show_ranks(compared, metric)),
        Section("Spread over the folds", _show_boxes(results.scored, metric)),
        Section("Comparisons", _show_pairs(compared, metric, reference)),
        Section("Wins, ties and losses", _show_wins(compared, metric, reference)),
        Section("Confusion matrices", _show_confusion(results)),
        Section("Learning curves", _show_curves(results, metric)),
        Section("Value of each modality", _show_omics(results, metric)),
        Section("Calibration", _show_calibration(results)),
        Section("Paper protocol", _show_paper(results.as_published)),
        Section("Control", _show_null(results.control)),
        Section("Time and memory", _show_costs(results.scored)),
        Section("Errors and warnings", _show_messages(frame)),
        Section("Data", _show_data(frame)),
        Section("Environment", _show_environment(frame, command)),
        Section("Methods", [Text(_METHODS)]),
    ]
    return Document(
        [section for section in sections if section.parts], title="Benchmark report"
    )


def _where_scored(show):
    """Leave a section empty where none of its fits has a score."""

    @wraps(show)
    def show_or_leave_out(results, metric, *args):
        return show(results, metric, *args) if results.has_scores(metric) else []

    return show_or_leave_out


def _summarize(results, metric):
    frame = results.frame
    n_failed = (frame["status"] != "ok").sum()
    parts = [
        Text(
            f"{frame['task'].nunique()} tasks, {frame['model'].nunique()} models, "
            f"{len(frame)} fits, of which {n_failed} failed. Compared by "
            f"{METRICS[metric]}."
        ),
        Text(*describe_control(results)),
    ]
    if not results.has_scores(metric):
        text = (
            "No fit of the leakage-free protocol has a score, so nothing is compared."
        )
        return [*parts, Text(text, is_warning=True)]
    compared = results.compared
    if not compared.has_scores(metric):
        return parts
    pairs = pairwise_tests(compared, metric)
    means = score_intervals(compared, metric)["mean"]
    labels = label_models(compared.frame)
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
        words = [text_cell(task), text_cell(labels[best], is_strong=True)]
        rows.append([*words, number_cell(scores[best]), text_cell(told)])
    header = ["task", "highest mean", METRICS[metric], "not significantly behind"]
    return [*parts, Table("The best model of each task", header, rows)]


def _list_equals(equal, behind):
    """Return the names of the equal models, or of the few that are not."""
    if len(equal) < 6 or len(behind) > 3:
        return ", ".join(equal) or "none"
    rest = f" but {', '.join(behind)}" if behind else ""
    return f"all {len(equal) + len(behind)} others{rest}"


@_where_scored
def _show_overview(compared, metric):
    """Return a table of models by tasks; those with a score on every task lead."""
    main = compared.rows_with(metric)
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
            ranks = rank_models(compared, metric)["rank"]
            columns["mean rank"] = ranks.reindex(means.index), 1
    if "fit_seconds" in main:
        seconds = groups["fit_seconds"].mean().groupby("model").mean()
        columns["fit seconds"] = seconds, 1
    labels = label_models(main)
    order = average.sort_values(ascending=False, kind="stable", na_position="last")
    rows = [
        [
            text_cell(labels[model]),
            *(
                number_cell(values[model], digits)
                for values, digits in columns.values()
            ),
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
    spread = "" if pd.isna(deviation) else f" ± {format_number(deviation, 3)}"
    n, n_most = map(int, n_fits)
    told = "" if n == n_most else f" ({n} of {n_most} fits)"
    text = format_number(mean, 3) + spread + told
    return Cell(text, float(mean), is_strong=bool(is_strong))


def _find_equals(pairs, best):
    """Return the models whose difference from the best one is not significant."""
    pairs = pairs[~(pairs["p_holm"] < ALPHA)]
    others = pairs.loc[pairs["model"] == best, "other"]
    return {*others, *pairs.loc[pairs["other"] == best, "model"]}


def _tabulate_scores(results, metric):
    parts = []
    for name in sorted(METRICS, key=lambda name: name != metric):
        if not results.has_scores(name):
            continue
        table = score_intervals(results, name)
        best = table.groupby(level="task")["mean"].transform("max")
        # To lead where labels were permuted means nothing.
        is_best = (table["mean"] == best) & ~_is_of_control(table, results)
        rows = [
            [
                text_cell(task),
                text_cell(row["label"]),
                number_cell(row["mean"], is_strong=bool(is_best[task, model])),
                number_cell(row["std"]),
                interval_cell(row["low"], row["high"]),
                count_cell(row["n_fits"]),
            ]
            for (task, model), row in table.iterrows()
        ]
        header = ["task", "model", METRICS[name], "SD", "95 % interval", "fits"]
        title = METRICS[name][0].upper() + METRICS[name][1:]
        parts.append(Table(title, header, rows, is_folded=name != metric))
    return [*parts, *_tabulate_means(results.scored)]


def _tabulate_means(scored):
    """Return the means of all scores, and the error rate that DIABLO's users know."""
    groups = scored.groupby(["task", "label"], sort=False)
    means = groups[list(METRICS)].mean().dropna(how="all")
    means["ber"] = 1 - means["balanced_accuracy"]
    rows = [
        [text_cell(task), text_cell(label), *map(number_cell, row)]
        for (task, label), row in zip(means.index, means.to_numpy(), strict=True)
    ]
    header = ["task", "model", *METRICS.values(), "BER"]
    caption = "Means of all scores; BER is the balanced error rate, DIABLO's measure"
    return [Table(caption, header, rows)] if rows else []


@_where_scored
def _show_ranks(compared, metric):
    try:
        test = friedman_nemenyi(compared, metric, alpha=ALPHA).iloc[0]
    except ValueError as error:
        return [Text(str(error))]
    ranks, pairs = rank_models(compared, metric), posthoc_tests(compared, metric)
    parts = [
        Text(
            f"{test['n_models']:.0f} models on {test['n_tasks']:.0f} tasks: Friedman's "
            f"chi-squared {test['chi2']:.2f}, p {p_value_cell(test['p_value']).text}; "
            f"critical difference of mean ranks {test['critical_difference']:.2f}. "
            "Models joined by a bar do not differ significantly."
        )
    ]
    frame = compared.frame
    left_out = set(frame["model"]) - set(ranks.index)
    if left_out:
        text = "Left out, for lack of a score on some task: "
        labels = frame[frame["model"].isin(left_out)]["label"]
        parts.append(Text(text + ", ".join(dict.fromkeys(labels)) + "."))
    nemenyi = CriticalDifferenceDisplay(ranks, pairs, test["critical_difference"])
    plot = partial(nemenyi.plot, alpha=ALPHA)
    parts.append(Figure("Mean ranks over tasks, bars by Nemenyi's test", plot))
    wilcoxon = CriticalDifferenceDisplay(ranks, pairs)
    if test["n_tasks"] < 6:
        text = "With fewer than six tasks, no p of Wilcoxon's test is below 0.05."
        parts.append(Text(text))
    plot = partial(wilcoxon.plot, "p_holm", alpha=ALPHA)
    parts.append(Figure("The same, bars by Wilcoxon's tests with Holm", plot))
    rows = [
        [text_cell(row["label"]), number_cell(row["rank"], 2), number_cell(row["mean"])]
        for _, row in ranks.iterrows()
    ]
    header = ["model", "mean rank", f"mean {METRICS[metric]}"]
    parts.append(Table("Mean ranks", header, rows))
    rows = [
        [
            text_cell(row["label"]),
            text_cell(row["other_label"]),
            number_cell(row["rank_difference"], 2),
            p_value_cell(row["p_nemenyi"]),
            number_cell(row["difference"]),
            p_value_cell(row["p_wilcoxon"]),
            p_value_cell(row["p_holm"]),
        ]
        for _, row in pairs.iterrows()
    ]
    header = ["model", "other", "rank difference", "p Nemenyi", "difference of means"]
    header += ["p Wilcoxon", "p Holm"]
    return [*parts, Table("Pairs over all tasks", header, rows, is_folded=True)]


def _show_boxes(scored, metric):
    parts = []
    for task, rows in scored.groupby("task", sort=False):
        if rows[metric].notna().any():
            plot = partial(ScoreBoxDisplay(rows).plot, metric)
            parts.append(Figure(f"{METRICS[metric]} on {task}", plot))
    return parts


def _show_pairs(compared, metric, reference):
    scored = compared.scored
    if reference not in set(scored.loc[scored[metric].notna(), "model"]):
        return []
    pairs = pairwise_tests(compared, metric, reference=reference, rope=_ROPE)
    if len(pairs) == 0:
        return []
    rows = [
        [
            text_cell(row["task"]),
            text_cell(row["other_label"]),
            number_cell(row["difference"]),
            interval_cell(row["low"], row["high"]),
            number_cell(row["t"], 2),
            p_value_cell(row["p_value"]),
            p_value_cell(row["p_holm"]),
            *(
                probability_cell(row[name])
                for name in ("p_better", "p_equal", "p_worse")
            ),
            count_cell(row["n_folds"]),
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


@_where_scored
def _show_wins(compared, metric, reference):
    counts = win_tie_loss(compared, metric)
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
        [*(text_cell(row[n]) for n in names), *(count_cell(row[n]) for n in numbers)]
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
            text_cell(name, is_strong=True),
            *(Cell(str(n), int(n), float(s)) for n, s in zip(line, share, strict=True)),
        ]
        for name, line, share in zip(classes, counts, shares, strict=True)
    ]
    header = ["true / predicted", *map(str, classes)]
    return Table(caption, header, rows)


@_where_scored
def _show_curves(results, metric):
    curves = learning_curves(results, metric)
    name = METRICS[metric]
    parts = []
    for task, rows in curves.groupby(level="task", sort=False):
        plot = partial(LearningCurvesDisplay(rows).plot, ylabel=name)
        parts.append(Figure(f"Learning curves on {task}", plot))
    rows = [
        [
            text_cell(task),
            text_cell(row["label"]),
            number_cell(share, 2),
            number_cell(row["n_train"], 0),
            number_cell(row["mean"]),
            number_cell(row["std"]),
            count_cell(row["n_fits"]),
        ]
        for (task, _, share), row in curves.iterrows()
    ]
    header = ["task", "model", "share", "training samples", name, "SD", "fits"]
    return [*parts, Table("All points", header, rows, is_folded=True)] if rows else []


def _show_omics(results, metric):
    if not results.has_scores(metric, "ablation"):
        return []
    rows = [
        [
            text_cell(row["task"]),
            text_cell(row["label"]),
            text_cell(row["omics"]),
            number_cell(row["difference"]),
            interval_cell(row["low"], row["high"]),
            count_cell(row["n_folds"]),
        ]
        for _, row in modality_ablation(results, metric).iterrows()
    ]
    header = ["task", "model", "omics", "all minus without", "95 % interval", "folds"]
    title = f"What each modality adds to {METRICS[metric]}"
    return [Table(title, header, rows)] if rows else []


def _show_calibration(results):
    if not {"log_loss", "ece"} <= set(results.frame):
        return []
    calibration = summarize_calibration(results)
    names = ("log_loss_mean", "log_loss_std", "ece_mean", "ece_std")
    rows = [
        [
            text_cell(task),
            text_cell(row["label"]),
            *(number_cell(row[name]) for name in names),
            count_cell(row["n_fits"]),
        ]
        for (task, _), row in calibration.iterrows()
    ]
    header = ["task", "model", "log loss", "SD", "calibration error", "SD", "fits"]
    table = Table("Quality of the probabilities", header, rows)
    compared = calibration[~_is_of_control(calibration, results)]
    averages = _average_calibration(compared)
    return [*averages, table] if rows else []


def _is_of_control(table, results):
    """Return which rows of a table by tasks are of a control."""
    controls = results.control.frame["task"]
    return table.index.get_level_values("task").isin(controls)


def _average_calibration(calibration):
    """Return a table of the models with probabilities on every task, if several."""
    tasks = calibration.index.unique("task")
    groups = calibration.groupby(level="model", sort=False)
    means = groups[["log_loss_mean", "ece_mean"]].mean()
    means = means.assign(label=groups["label"].first())[groups.size() == len(tasks)]
    rows = [
        [
            text_cell(row["label"]),
            number_cell(row["log_loss_mean"]),
            number_cell(row["ece_mean"]),
        ]
        for _, row in means.sort_values("log_loss_mean", kind="stable").iterrows()
    ]
    header = ["model", "log loss", "calibration error"]
    return [Table("Means over the tasks", header, rows)] if len(tasks) > 1 else []


def _show_paper(as_published):
    groups = as_published.groupby(["task", "label"], sort=False)
    rows = [
        [
            text_cell(task),
            text_cell(label),
            *(number_cell(group[name].mean()) for name in METRICS),
            count_cell(group["accuracy"].notna().sum()),
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


def _show_null(control):
    if not has_confusion(control):
        return []
    rows = [
        [
            text_cell(row["task"]),
            text_cell(row["label"]),
            number_cell(row["accuracy"]),
            number_cell(row["chance"]),
            interval_cell(row["low"], row["high"]),
            text_cell("suspect" if row["suspect"] else "at chance"),
        ]
        for _, row in check_permutation_control(control).iterrows()
    ]
    header = ["task", "model", "accuracy", "chance", "joint 95 % by chance", "verdict"]
    return [Table("Scores with permuted labels", header, rows)] if rows else []


def _show_costs(scored):
    names = {
        "fit_seconds": "fit seconds",
        "score_seconds": "prediction seconds",
        "peak_memory_mb": "peak memory (MB)",
    }
    names = {name: text for name, text in names.items() if name in scored}
    groups = scored[scored["status"] == "ok"].groupby(["task", "label"], sort=False)
    rows = [
        [
            text_cell(task),
            text_cell(label),
            *(number_cell(group[n].mean(), 2 if "seconds" in n else 0) for n in names),
        ]
        for (task, label), group in groups
    ]
    header = ["task", "model", *names.values()]
    return [Table("Means over the fits", header, rows)] if rows and names else []


def _show_messages(frame):
    parts = []
    for column, title in {"error": "Failed fits", "warnings": "Warnings"}.items():
        if column not in frame:
            continue
        told = frame[frame[column].fillna("") != ""]
        sizes = told.groupby(["task", "label", column], sort=False).size()
        rows = [
            [text_cell(task), text_cell(label), count_cell(n), text_cell(message)]
            for (task, label, message), n in sizes.items()
        ]
        if rows:
            header = ["task", "model", "fits", "message"]
            parts.append(Table(title, header, rows, is_folded=column == "warnings"))
    return parts or [Text("No fit failed, and none warned.")]


def _show_data(frame):
    names = {
        "n_features": "features",
        "n_folds": "folds",
        "seed": "seed",
        "data": "SHA-256 of the data",
    }
    names = {name: text for name, text in names.items() if name in frame}
    rows = []
    for task, group in frame.groupby("task", sort=False):
        first = group.iloc[0]
        whole = group[group["train_fraction"] == 1]
        n_samples = (whole["n_train"] + whole["n_test"]).max()
        cells = [
            Cell("–") if pd.isna(first[n]) else Cell(_shorten(first[n])) for n in names
        ]
        n_repeats = group["repeat"].nunique()
        rows.append(
            [text_cell(task), number_cell(n_samples, 0), count_cell(n_repeats), *cells]
        )
    header = ["task", "samples", "repeats", *names.values()]
    return [Table("What was classified", header, rows)]


def _shorten(value):
    """Return a whole number without a point, and anything else as it is."""
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _show_environment(frame, command):
    parts = []
    if "versions" in frame:
        versions = frame["versions"].dropna().unique()
        rows = [
            [text_cell(name), text_cell(number)]
            for name, number in dict.fromkeys(
                tuple(item.partition("=")[::2])
                for text in versions
                for item in text.split()
            )
        ]
        parts.append(Table("Versions and machine", ["what", "which"], rows))
    commands = [] if "command" not in frame else list(frame["command"].dropna())
    commands = dict.fromkeys([*commands, *([] if command is None else [command])])
    if commands:
        parts += [Text("Made by"), Code("\n".join(commands))]
    return parts
