"""Command line: ``python -m skomics.benchmark``."""

import shlex
import sys
import warnings
from argparse import ArgumentParser, ArgumentTypeError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pandas as pd
from joblib import cpu_count

from skomics.benchmark._backends import BACKENDS
from skomics.benchmark._models import (
    MODEL_GROUPS,
    MODELS,
    as_models,
    with_params,
)
from skomics.benchmark._prediction_store import name_files
from skomics.benchmark._results import PLAIN, BenchmarkResults
from skomics.benchmark._runner import run_benchmark
from skomics.benchmark._shards import mark_shard, read_shard, shard_folder
from skomics.benchmark._speed import speed_main
from skomics.benchmark._store import ResultsStore, read_commands, write_commands
from skomics.benchmark._summary import (
    format_summary,
    summarize,
    write_report,
)
from skomics.benchmark._tasks import (
    KINDS,
    TASK_GROUPS,
    TASKS,
    as_tasks,
    external_task,
    find_group,
    folder_task,
    null_task,
)
from skomics.benchmark.paper import format_comparison
from skomics.benchmark.report import report_main
from skomics.benchmark.stats import describe_control

__all__ = ["main"]

_EPILOG = """\
Every finished fit is kept in results.csv at once. After an interruption, run the same
command again to go on. What the fits predicted for their test samples is in
results-predictions.parquet at the end. summary.md and benchmark.png are written then,
too; the command "report DIR" writes all there is to say about the results as one page,
report.html; the command "speed" measures how fast fits are here.
"""


_PROTOCOLS = {
    "leakage_free": ["leakage_free"],
    "as_published": ["as_published"],
    "both": ["leakage_free", "as_published"],
}
# What is meant where an option is left out, and where it is left out for the group
# that the paper's Table I is of.
_DEFAULTS = {
    "models": ["sma", "efnn", "logreg"],
    "protocol": "leakage_free",
    "repeats": 2,
}
_PAPER_DEFAULTS = {"models": ["seven"], "protocol": "both", "repeats": 1}


def make_parser():
    """Return the parser of the command line.

    Returns
    -------
    parser : ArgumentParser
        The parser.
    """
    parser = ArgumentParser(
        prog="python -m skomics.benchmark",
        description="Compare classifiers of multi-omics data by repeated stratified "
        "cross-validation, everything fitted in the training part of each fold. "
        "Without a task, on a simulated cohort.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "tasks",
        metavar="TASK",
        nargs="*",
        help=f"names of tasks, or of groups of them: {', '.join(TASK_GROUPS)}; see "
        "--list. Real sets are looked for in the folder named by SKOMICS_DATA. "
        "paper-simulated takes the seven models, both protocols and one repeat unless "
        "told otherwise, and prints the paper's Table I beside the results",
    )
    parser.add_argument(
        "--list", action="store_true", help="show all tasks and models, and end"
    )
    _add_task_options(parser)
    _add_protocol_options(parser)
    _add_run_options(parser)
    return parser


def _add_task_options(parser):
    parser.add_argument(
        "--data",
        metavar="DIR",
        nargs="+",
        action="extend",
        default=[],
        help="folders, each a task: one table per modality (<omics>.csv[.gz], "
        ".tsv[.gz] or .npz) with the sample id in the first column, and labels.csv "
        "(sample,label)",
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default="cancer",
        help="kind of the data in the folders of --data, by which published settings "
        "differ (default: %(default)s)",
    )
    parser.add_argument(
        "--groups",
        metavar="COLUMN",
        help="column of labels.csv, such as patient or site, whose samples stay "
        "together in the folds; for the folders of --data",
    )
    parser.add_argument(
        "--external",
        metavar="DIR",
        help="folder of another cohort: each task is learned from as a whole and "
        "scored on this one",
    )
    parser.add_argument(
        "--permute-labels",
        action="store_true",
        help="also run each task with its labels permuted, where no model may beat "
        "chance",
    )
    models = ", ".join(f"{c.name} ({c.label})" for c in MODELS.values())
    parser.add_argument(
        "--models",
        metavar="NAME",
        nargs="+",
        help=f"models to compare, by spaces or commas apart: {models}; or groups of "
        f"them: {', '.join(MODEL_GROUPS)}; or module:factory, a function of your own "
        "that takes random_state and returns a classifier "
        f"(default: {' '.join(_DEFAULTS['models'])})",
    )
    parser.add_argument(
        "--max-epochs",
        metavar="N",
        type=int,
        help="train the networks for so many epochs, for a quick look",
    )


def _add_protocol_options(parser):
    parser.add_argument(
        "--protocol",
        choices=_PROTOCOLS,
        help="leakage_free: repeated folds, everything fitted in the training part; "
        "as_published: scaled on all samples and scored on one fold, only to be "
        f"compared with published figures (default: {_DEFAULTS['protocol']})",
    )
    parser.add_argument(
        "--folds",
        metavar="N",
        type=int,
        default=5,
        help="number of folds (default: %(default)s); fewer where a class is smaller",
    )
    parser.add_argument(
        "--repeats",
        metavar="N",
        type=int,
        help=f"how often the folds are drawn anew (default: {_DEFAULTS['repeats']})",
    )
    parser.add_argument(
        "--train-fractions",
        metavar="F",
        nargs="+",
        type=float,
        default=[1.0],
        help="shares of each training part to fit to, for learning curves "
        "(default: 1.0)",
    )
    parser.add_argument(
        "--leave-omics-out",
        action="store_true",
        help="fit without each of the omics, too, for the value that each one adds",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="seed of folds and fits (default: %(default)s)",
    )


def _add_run_options(parser):
    parser.add_argument(
        "--n-jobs",
        metavar="N",
        type=int,
        default=cpu_count(),
        help="number of processes, of one thread each (default: the number of cores, "
        "here %(default)s)",
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="loky",
        help="what joblib runs the fits with (default: %(default)s); dask starts "
        "--n-jobs processes here unless --scheduler is given",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="address of a running dask scheduler, such as tcp://10.0.0.1:8786",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("skomics-benchmark"),
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        type=_shard,
        help="run part I of N only, for arrays of jobs or one process per GPU; its "
        'results are in a folder of their own under --output, and "report DIR" puts '
        "all parts together",
    )
    parser.add_argument(
        "--any-version",
        action="store_true",
        help="go on with results that were made with another version of skomics or "
        "torch, in place of refusing to",
    )
    parser.add_argument(
        "--no-predictions",
        action="store_true",
        help="keep no predictions of the test samples; otherwise they are in "
        "results-predictions.parquet, which skomics.benchmark.read_predictions reads: "
        "about 4 bytes for each test sample and class of each fit",
    )
    parser.add_argument(
        "--parquet",
        action="store_true",
        help="also write the results as results.parquet at the end",
    )


def _shard(text):
    try:
        return read_shard(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def main(argv=None):
    """Run the benchmark.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    code : int
        0; 1 if every fit failed or a process died, 2 if the arguments or data are
        wrong, 130 if the run was interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    commands = {"report": report_main, "speed": speed_main}
    if argv and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    args = make_parser().parse_args(argv)
    if args.list:
        _print_list()
        return 0
    if args.shard is not None:
        args.output = shard_folder(args.output, args.shard)
    file = args.output / "results.csv"
    try:
        if args.shard is not None:
            mark_shard(args.output, is_finished=False)
        commands = read_commands(args.output) if file.exists() else []
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _print_warning
            results = _run(args, file)
    except KeyboardInterrupt:
        _print_rest("Interrupted.", file)
        return 130
    except BrokenProcessPool:
        _print_rest("A process died, perhaps for lack of memory; try --n-jobs 1.", file)
        return 1
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.shard is not None:
        mark_shard(args.output, is_finished=True)
    commands.append(shlex.join(["python", "-m", "skomics.benchmark", *argv]))
    files = [file, *_list_predictions(file), write_commands(args.output, commands)]
    files += _write_files(results, args, "\n".join(dict.fromkeys(commands)))
    _print_results(results, files)
    failed = results.frame["status"] != "ok"
    return 1 if len(failed) and failed.all() else 0


def _list_predictions(file):
    table, _ = name_files(file)
    return [table] if table.exists() else []


def _run(args, file):
    is_paper = "paper-simulated" in args.tasks
    for name, value in (_PAPER_DEFAULTS if is_paper else _DEFAULTS).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    names = [name for text in args.models for name in text.split(",") if name]
    models = as_models(names)
    if args.max_epochs is not None:
        models = [with_params(c, max_epochs=args.max_epochs) for c in models]
    tasks = _make_tasks(args)
    parts = [
        run_benchmark(
            tasks,
            models,
            protocol=protocol,
            n_folds=args.folds,
            n_repeats=args.repeats,
            train_fractions=args.train_fractions,
            leave_omics_out=args.leave_omics_out,
            seed=args.seed,
            n_jobs=args.n_jobs,
            backend=args.backend,
            scheduler=args.scheduler,
            output=file,
            shard=args.shard,
            any_version=args.any_version,
            predictions=not args.no_predictions,
            verbose=True,
        )
        for protocol in _PROTOCOLS[args.protocol]
    ]
    return BenchmarkResults(pd.concat(parts, ignore_index=True))


def _make_tasks(args):
    folders = [
        folder_task(path, kind=args.kind, groups=args.groups) for path in args.data
    ]
    names = args.tasks if args.tasks or folders else ["simulated"]
    tasks = [*(as_tasks(names) if names else []), *folders]
    if args.external is not None:
        other = folder_task(args.external)
        tasks = [external_task(task, other) for task in tasks]
    if args.permute_labels:
        tasks += [null_task(task) for task in tasks]
    return tasks


def _write_files(results, args, command):
    """Write a report of the plain fits, and of each variant in a folder of its own."""
    files = []
    for (is_null, protocol, fraction, omics), rows in results.variants():
        names = [
            *(["null"] if is_null else []),
            *([protocol] if protocol != PLAIN["protocol"] else []),
            *([f"train-{fraction}"] if fraction != 1 else []),
            *([omics] if omics != "all" else []),
        ]
        folder = args.output / "_".join(names) if names else args.output
        verdict = _judge(is_null, protocol, fraction, omics, rows)
        files += write_report(rows, folder, command, verdict)
    if args.parquet:
        files.append(args.output / "results.parquet")
        results.frame.to_parquet(files[-1])
    return files


def _print_list():
    print("Tasks:")
    listed = {name for names in TASK_GROUPS.values() for name in names}
    for name in TASKS:
        if name not in listed:
            print(f"  {name}")
    for group, names in TASK_GROUPS.items():
        present = find_group(group)
        absent = [name for name in names if name not in present]
        print(f"  {group}: {', '.join(present) or 'none here'}")
        if absent:
            print(f"    not here (set SKOMICS_DATA): {', '.join(absent)}")
    print("Models:")
    for spec in MODELS.values():
        print(f"  {spec.name}: {spec.label}")
    for group, names in MODEL_GROUPS.items():
        print(f"  {group}: {', '.join(names)}")


def _print_warning(message, *_, **__):
    print(f"note: {message}", file=sys.stderr)


def _print_rest(reason, file):
    n_rows = len(ResultsStore(file).rows)
    print(
        f"{reason} {n_rows} finished fits are in {file}; run the same command "
        "again to go on.",
        file=sys.stderr,
    )


def _print_results(results, files):
    for variant, rows in results.variants():
        heading = _describe_variant(*variant)
        if heading:
            print(f"\n{heading}\n")
        print(format_summary(summarize(rows)))
        verdict = _judge(*variant, rows)
        if verdict is not None:
            print(f"\n{verdict}")
    comparison = format_comparison(results)
    if comparison:
        print(f"\n{comparison}\n")
    frame = results.frame
    failed = frame[frame["status"] != "ok"]
    for (task, label), rows in failed.groupby(["task", "label"], sort=False):
        print(f"{len(rows)} fits of {label} on {task} failed: {rows['error'].iloc[0]}")
    n_warned = (frame["warnings"] != "").sum()
    if n_warned:
        print(f"{n_warned} fits warned; see the column warnings.")
    print(f"Written: {', '.join(map(str, files))}")


def _judge(is_null, protocol, fraction, omics, rows):
    """Return what the control says; None for all that is none, or is not checked."""
    is_plain = (protocol, omics, fraction) == tuple(PLAIN.values())
    return describe_control(rows)[0] if is_null and is_plain else None


def _describe_variant(is_null, protocol, fraction, omics):
    parts = []
    if is_null:
        parts.append("Control: labels were permuted, so that all is chance.")
    if protocol == "as_published":
        parts.append(
            "Protocol as_published. LEAKY: features were scaled on all samples, those "
            "of the test part included, and one fold is scored. For comparison with "
            "published figures only."
        )
    if fraction != 1:
        parts.append(f"Fitted to {fraction:g} of each training part.")
    if omics != "all":
        parts.append(f"Omics used: {omics}.")
    return " ".join(parts)
