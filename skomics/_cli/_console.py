"""What is said, where: results on stdout or in files, everything else on stderr."""

import json
import os
import re
import shlex
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter

import numpy as np

from skomics._files import replace_whole

__all__ = [
    "CARDS",
    "FIGURES",
    "UsageError",
    "add_output",
    "add_table_options",
    "announced",
    "claim",
    "print_error",
    "print_json",
    "print_note",
    "print_table",
    "save_figure",
    "say_aside",
    "speak_utf8",
    "write_whole",
]


# How names of pages and pictures end.
CARDS, FIGURES = (".html", ".md"), (".png", ".svg", ".pdf")
# Parameters of the readers that options stand for.
_OPTIONS = {
    "orientation": "--orientation",
    "join": "--join",
    "omics": "--omics",
    "labels": "--target",
    "overwrite": "--force",
}
_ADVICE = re.compile(rf"\b({'|'.join(_OPTIONS)})=(?:'(\w+)'|\[(.*?)\]|True)?")


class UsageError(Exception):
    """The arguments do not fit together."""


def print_error(error):
    """Say why a command ends."""
    # The text of a KeyError is in quotes.
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    say_aside(f"error: {_with_options(text)}")


def print_note(message):
    """Say what the user should know, beside the result."""
    say_aside(f"note: {_with_options(message)}")


def say_aside(text):
    """Say something that is no result."""
    # Without a standard error, print would take the standard output.
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def speak_utf8():
    """Write UTF-8, as files are written, also where the locale has fewer letters.

    A name of a sample must not end a command, nor be changed.
    """
    if "PYTHONIOENCODING" in os.environ:
        return
    for stream, errors in (
        (sys.stdout, "surrogateescape"),
        (sys.stderr, "backslashreplace"),
    ):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        if encoding.lower().replace("-", "") != "utf8":
            with suppress(AttributeError):  # a stream of one's own
                stream.reconfigure(encoding="utf-8", errors=errors)


def _with_options(message):
    """Return advice for callers of functions as one for users of the commands."""
    return _ADVICE.sub(_as_option, str(message))


def _as_option(found):
    name, word, several = found.groups()
    values = shlex.join(re.findall("'([^']*)'", several)) if several else word or ""
    return f"{_OPTIONS[name]} {values}".rstrip()


@contextmanager
def announced(what):
    """Say what is being done, and how long it took.

    Parameters
    ----------
    what : str
        What is done: "Training on 120 samples".
    """
    start = perf_counter()
    say_aside(f"{what} ...")
    yield
    say_aside(f"{what}: {perf_counter() - start:.1f} s")


def add_output(parser, what, *, default=None, is_required=False):
    """Add --output and --force.

    Parameters
    ----------
    parser : ArgumentParser
        The parser.

    what : str
        What is written.

    default : str, default=None
        Where it is written if nothing is said; None: to stdout, or nowhere.

    is_required : bool, default=False
        Whether it must be said.
    """
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        default=default,
        required=is_required,
        help=what,
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that are there"
    )


def add_table_options(parser, what):
    """Add the options of a command whose result is a table."""
    add_output(parser, f"write {what} as csv to this file, in place of stdout")
    parser.add_argument(
        "--json", action="store_true", help="print JSON for other programs"
    )


def claim(path, force, suffixes=()):
    """Refuse a file that cannot be written, before anything is computed.

    Parameters
    ----------
    path : Path or None
        What will be written; None is nothing.

    force : bool
        Whether it may be overwritten.

    suffixes : tuple of str, default=()
        How its name may end; as it likes if there are none.

    Raises
    ------
    UsageError
        If it is there and may not be, it is a folder, its folder is missing or must
        not be written to, or its name ends otherwise.
    """
    if path is None:
        return
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name a file.")
    if suffixes and path.suffix not in suffixes:
        raise UsageError(
            f"Got {path}, but a name in {' or '.join(suffixes)} is wanted."
        )
    # A pipe or a device has nothing that could be lost.
    if path.is_file() and not force:
        raise UsageError(f"{path} is there. Name another file, or add --force.")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise UsageError(f"There is no folder {path.parent}. Make it first.")
    if not os.access(folder, os.W_OK) and not _is_special(path):
        raise UsageError(f"The folder {folder} is read-only. Name a file elsewhere.")


def _is_special(path):
    return path.exists() and not path.is_file()


def write_whole(path, write):
    """Write a file of which nothing is there until it is complete.

    Parameters
    ----------
    path : Path
        The file, as of :func:`skomics._files.replace_whole`. A pipe or a device is
        written to as it is.

    write : callable
        Takes the path of a new file beside it, with its suffix, and writes that.
    """
    if _is_special(Path(path)):
        write(path)
    else:
        replace_whole(path, write)
    say_aside(f"Written: {path}")


def save_figure(figure, path):
    """Write a figure as the suffix says, and close it."""
    from matplotlib import pyplot

    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)


def print_json(value):
    """Print a value as JSON; what is no number there is null."""
    print(json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def print_table(table, args, *, decimals=3):
    """Give a table to the user: as csv in a file or on stdout, or as JSON.

    Parameters
    ----------
    table : DataFrame
        The rows; its index does not count.

    args : Namespace
        With `output` and `json`.

    decimals : int, default=3
        Of numbers that are printed; a file has all.
    """
    if args.output is not None:
        write_whole(args.output, lambda path: table.to_csv(path, index=False))
    if args.json:
        print_json(table.to_dict(orient="records"))
    elif args.output is None:
        print(table.round(decimals).to_csv(index=False), end="")
