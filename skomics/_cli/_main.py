"""Which command is asked for, and what is said when it fails."""

import sys
import warnings
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module

from skomics import __version__
from skomics._cli._console import (
    UsageError,
    print_error,
    print_note,
    say_aside,
    speak_utf8,
)

__all__ = ["main"]

# A command, where it is, and its line in the overview. A module is imported when its
# command is asked for, so that `skomics --help` loads neither pandas nor torch.
COMMANDS = {
    "train": ("_train", "learn a model from labeled samples, and save it"),
    "predict": ("_predict", "call the classes of new samples"),
    "evaluate": ("_evaluate", "score a model on labeled samples that it has not seen"),
    "explain": ("_explain", "list what each feature, or modality, adds to each class"),
    "shift": ("_shift", "say how another cohort differs from that of training"),
    "card": ("_card", "write a page about a model, to hand on with it"),
    "info": ("_info", "say what is in a model, a folder or a table"),
    "simulate": ("_simulate", "write a simulated cohort"),
    "fetch": ("_fetch", "download a public cohort"),
}
# These parse their own arguments.
_FOREIGN = {
    "benchmark": ("skomics.benchmark._cli", "main", "compare models, leakage-free"),
    "report": (
        "skomics.benchmark.report",
        "report_main",
        "write what a benchmark found as one page",
    ),
}
_EXAMPLE = """\
example:
  skomics simulate cohort --samples 200 --effect 0.3 --test 80
  skomics train cohort/train -o model.safetensors
  skomics evaluate model.safetensors cohort/test
  skomics predict model.safetensors cohort/test -o calls.csv

DATA is a folder with a table per modality (rna.csv, mirna.tsv.gz, ...) and labels.csv,
or files of any layout that skomics.io.read_omics knows, also as NAME=FILE. "skomics
COMMAND --help" says more. Exit codes: 0, 1 if data or model are at fault, 2 if the
arguments are, 130 if interrupted.
"""


def main(argv=None):
    """Run a command.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    code : int
        0; 1 if data or model are at fault, 2 if the arguments are, 130 if interrupted.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    speak_utf8()
    try:
        return _dispatch(argv)
    except KeyboardInterrupt:
        say_aside("error: interrupted; no half-written file is left")
        return 130


def _dispatch(argv):
    if argv and argv[0] in _FOREIGN:
        module, function, _ = _FOREIGN[argv[0]]
        return getattr(import_module(module), function)(argv[1:])
    command = argv[0] if argv and argv[0] in COMMANDS else None
    args = _make_parser(command).parse_args(argv)
    said = set()

    def say_once(message, *_, **__):
        # Of folds, and of one model that is asked several times.
        if str(message) not in said:
            said.add(str(message))
            print_note(message)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = say_once
        return _run(args)


def _run(args):
    try:
        args.run(args)
    except UsageError as error:
        print_error(error)
        return 2
    except BrokenPipeError:
        # Whoever read the output wants no more of it; nothing is left to say.
        sys.stdout = None
        return 1
    except (ValueError, TypeError, KeyError, OSError, ImportError) as error:
        print_error(error)
        return 1
    return 0


def _make_parser(command):
    """Return the parser; of all commands but one only their line in the overview."""
    others = {name: line for name, (_, _, line) in _FOREIGN.items()}
    parser = ArgumentParser(
        prog="skomics",
        description="Classify cancer subtypes from multi-omics data.",
        epilog=_EXAMPLE,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"skomics {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, line) in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=line,
            description=f"{line[0].upper()}{line[1:]}.",
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == command:
            import_module(f"skomics._cli.{module}").add_arguments(sub)
    for name, line in others.items():
        commands.add_parser(name, help=line)
    return parser
