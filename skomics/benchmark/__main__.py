"""Command line: ``python -m skomics.benchmark``."""

import shlex
import sys
import warnings
from argparse import ArgumentParser
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from joblib import cpu_count

from skomics.benchmark._contenders import CONTENDERS, as_contenders, with_params
from skomics.benchmark._runner import run_benchmark
from skomics.benchmark._store import ResultsStore
from skomics.benchmark._summary import format_summary, summarize, write_report
from skomics.benchmark._tasks import TASKS, folder_task

__all__ = ["main"]

_EPILOG = """\
Every finished fit is kept in results.csv at once. After an interruption, run the same
command again to go on. summary.md and benchmark.png are written at the end.
"""


_DEFAULT_MODELS = ["sma", "efnn", "logreg"]


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
        "Without --data, on a simulated cohort.",
        epilog=_EPILOG,
    )
    known = ", ".join(f"{c.name} ({c.label})" for c in CONTENDERS.values())
    parser.add_argument(
        "--data",
        metavar="DIR",
        nargs="+",
        action="extend",
        default=[],
        help="folders, each a task: one table per omics (<omics>.csv[.gz], .tsv[.gz] "
        "or .npz) with the sample id in the first column, and labels.csv "
        "(sample,label)",
    )
    parser.add_argument(
        "--models",
        metavar="NAME",
        nargs="+",
        default=_DEFAULT_MODELS,
        help=f"models to compare, by spaces or commas apart: {known}; or all "
        f"(default: {' '.join(_DEFAULT_MODELS)})",
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
        default=2,
        help="how often the folds are drawn anew (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="seed of folds and fits (default: %(default)s)",
    )
    parser.add_argument(
        "--n-jobs",
        metavar="N",
        type=int,
        default=cpu_count(),
        help="number of processes, of one thread each (default: the number of cores, "
        "here %(default)s)",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("skomics-benchmark"),
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument(
        "--max-epochs",
        metavar="N",
        type=int,
        help="train the networks for so many epochs, for a quick look",
    )
    return parser


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
    args = make_parser().parse_args(argv)
    file = args.output / "results.csv"
    try:
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
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    command = shlex.join(["python", "-m", "skomics.benchmark", *argv])
    files = write_report(results, args.output, command)
    _print_results(results, [file, *files])
    return 1 if (results["status"] != "ok").all() else 0


def _run(args, file):
    names = [name for text in args.models for name in text.split(",") if name]
    contenders = as_contenders(list(CONTENDERS) if names == ["all"] else names)
    if args.max_epochs is not None:
        contenders = [with_params(c, max_epochs=args.max_epochs) for c in contenders]
    tasks = [folder_task(path) for path in args.data]
    return run_benchmark(
        tasks or [TASKS["simulated"]()],
        contenders,
        n_folds=args.folds,
        n_repeats=args.repeats,
        seed=args.seed,
        n_jobs=args.n_jobs,
        output=file,
        verbose=True,
    )


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
    print(format_summary(summarize(results)))
    failed = results[results["status"] != "ok"]
    for (task, label), rows in failed.groupby(["task", "label"], sort=False):
        print(f"{len(rows)} fits of {label} on {task} failed: {rows['error'].iloc[0]}")
    n_warned = (results["warnings"] != "").sum()
    if n_warned:
        print(f"{n_warned} fits warned; see the column warnings.")
    print(f"Written: {', '.join(map(str, files))}")


if __name__ == "__main__":
    sys.exit(main())
