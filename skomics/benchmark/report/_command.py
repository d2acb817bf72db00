"""Command line: ``python -m skomics.benchmark report``."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skomics.benchmark._models import MODEL_GROUPS
from skomics.benchmark._results import METRICS
from skomics.benchmark._shards import has_shards, merge_shards
from skomics.benchmark._store import read_commands, read_results
from skomics.benchmark._tasks import TASK_GROUPS
from skomics.benchmark.report._sections import make_report

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["choose_results", "report_main"]


def report_main(argv: Sequence[str]) -> int:
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
        if is_folder and has_shards(args.results):
            with warnings.catch_warnings():
                warnings.simplefilter("always", UserWarning)
                warnings.showwarning = _print_note
                merge_shards(args.results)
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


def _print_note(message, *_, **__):
    print(f"note: {message}", file=sys.stderr)


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


def choose_results(
    results: pd.DataFrame,
    tasks: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
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
    return _choose(results, "model", models, MODEL_GROUPS)


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
