"""Lines split into cells, and what separates these."""

import csv
import re
from itertools import chain
from pathlib import Path

from skomics._rows import quote_values
from skomics.io._cells import is_missing, looks_like_number

__all__ = ["check_separator", "find_separator", "split_rows", "take_head"]

_SUFFIXES = {".csv": ",", ".tsv": "\t"}
_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", " ": "spaces"}
# What is looked at to find out how a file is written.
_N_LINES, _N_CHARACTERS, _N_CELLS = 12, 2**22, 200
_IN_QUOTES = r'"((?:[^"]|"")*)"'
_WORD = re.compile(_IN_QUOTES + r"(?=[ \t]|$)|[^ \t]+")


def check_separator(sep):
    """Return a separator, None for "auto"; raise an error if it is none.

    Parameters
    ----------
    sep : str or None
        What was asked for.

    Returns
    -------
    sep : str or None
        One character; None if it is to be found.
    """
    if sep is None or sep == "auto":
        return None
    if not isinstance(sep, str) or len(sep) != 1 or sep in '"\r\n':
        raise ValueError(
            f"Got sep={sep!r}, but it must be 'auto' or one character such as ',', "
            "';', ' ' or '\\t'. A space stands for any number of spaces and tabs."
        )
    return sep


def take_head(lines):
    """Take the first lines that are not empty, as many as tell how a file is written.

    Parameters
    ----------
    lines : iterator of (int, str)
        Numbered lines.

    Returns
    -------
    head : list of (int, str)
        The lines.
    """
    head, length = [], 0
    for number, line in lines:
        if not is_empty(line):
            head.append((number, line))
            length += len(line)
        if len(head) == _N_LINES or (length > _N_CHARACTERS and len(head) > 4):
            break
    return head


def is_empty(line):
    """Tell whether a line holds nothing but spaces."""
    return not line.strip(" \r\n")


def split_rows(file, lines, sep, n_cells=None):
    """Split lines into rows, which may span lines in quotes.

    In text with commas or semicolons, a cell in quotes may hold line breaks. In text
    with tabs or spaces it ends in its line; there, and inside a cell, other quotes
    are text.

    Parameters
    ----------
    file : Path
        Where they are from.

    lines : iterator of (int, str)
        Numbered lines.

    sep : str
        What separates cells.

    n_cells : int, default=None
        How many cells a row has, if that is known.

    Yields
    ------
    number : int
        The line that the row ends in.

    cells : list of str
        The row.
    """
    for number, line in lines:
        if is_empty(line):
            continue
        if sep == " ":
            yield number, _split_words(file, number, line)
        elif '"' not in line:
            yield number, line.rstrip("\r\n").split(sep)
        elif sep == "\t":
            yield number, _split_in_line(line.rstrip("\r\n"), sep)
        else:
            yield _split_quoted(file, number, line, lines, sep, n_cells)


def _split_words(file, number, line):
    """Split at spaces and tabs that are not in quotes."""
    cells = []
    for match in _WORD.finditer(line.strip(" \t\r\n")):
        is_quoted = match[1] is not None
        cells.append(match[1].replace('""', '"') if is_quoted else match[0])
        if not is_quoted and match[0].startswith('"'):
            raise ValueError(
                f"{file.name} has a quote in line {number} that does not close in the "
                f"line: {match[0][:50]!r}. Close it, or remove it; names with line "
                "breaks are read between commas and semicolons only."
            )
    return cells


def _split_in_line(line, sep):
    """Split at a separator that is not in quotes; quotes that do not close are text."""
    quoted = re.compile(f"{_IN_QUOTES}(?={sep}|$)")
    cells, start = [], 0
    while True:
        match = quoted.match(line, start)
        end = line.find(sep, start)
        end = match.end() if match else len(line) if end < 0 else end
        cells.append(match[1].replace('""', '"') if match else line[start:end])
        if end == len(line):
            return cells
        start = end + 1


def _split_quoted(file, number, line, lines, sep, n_cells):
    """Split a row in which quotes are, with further lines if they do not close."""
    taken = [line]

    def take():
        for _, more in lines:
            taken.append(more)
            yield more

    reader = csv.reader(chain([line], take()), delimiter=sep, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        end = number + len(taken) - 1
        place = f"line {end}" if end == number else f"line {end}, after line {number}"
        raise ValueError(
            f"{file.name} cannot be split at {sep!r} in {place}: {error}. Mend the "
            "quotes of the line, or pass sep=."
        ) from error
    if len(taken) > 1:
        _check_lines(file, number, taken, sep, n_cells)
    return number + len(taken) - 1, cells


def _check_lines(file, number, taken, sep, n_cells):
    """Refuse quotes over several lines, each of which is a row if they are text."""
    if n_cells and all(line.count(sep) + 1 == n_cells for line in taken):
        raise ValueError(
            f"{file.name} opens a quote in line {number} that closes in line "
            f"{number + len(taken) - 1}, but each of these lines has {n_cells} cells, "
            "as a row has. Remove the quotes if they are rows, or the line breaks if "
            "they are one cell."
        )


def find_separator(file, head):
    """Find what separates the cells: what gives the first lines as many cells.

    Parameters
    ----------
    file : Path
        Its suffix counts where lines tell nothing.

    head : list of (int, str)
        The first lines that are not empty.

    Returns
    -------
    sep : str
        A tab, comma, semicolon or space.

    Raises
    ------
    ValueError
        If several fit equally well.
    """
    fits = {sep: _fit(file, head, sep) for sep in "\t,;"}
    if max(fits.values())[0] < 2 and not all("\t" in line for _, line in head):
        fits[" "] = _fit(file, head, " ")
    best = max(fits.values())
    if best[0] == 0:
        return _guess_separator(file, head)
    found = [sep for sep, fit in fits.items() if fit == best]
    if "\t" in found:  # nobody writes tabs into cells
        return "\t"
    suffix = _read_suffix(file)
    if " " in found and suffix in found and not best[1]:
        return suffix
    if found == [","]:
        found += [sep for sep in "\t;" if fits[sep][0] or _is_in_names(sep, file, head)]
    if len(found) > 1:
        _raise_doubt(file, head, found)
    return found[0]


def _raise_doubt(file, head, found):
    names = " or ".join(_NAMES[sep] for sep in found)
    raise ValueError(
        f"{file.name} may be separated by {names}, which both give rows, e.g. "
        f"{quote_values([head[-1][1].strip()[:50]])} in line {head[-1][0]}. Say "
        "which with sep=."
    )


def _is_in_names(sep, file, head):
    """Tell whether, at commas, the name of each row holds a separator equally often."""
    counts = {row[0].count(sep) for _, row in split_leniently(file, head[1:], ",")}
    return len(counts) == 1 and counts != {0}


def _fit(file, head, sep):
    """Rate a separator: rows and header of one length first, then what they hold."""
    rows = [cells for _, cells in split_leniently(file, head, sep)]
    if len(rows) < 2:
        return (0, False)
    n_names, n_cells = len(rows[0]), len(rows[1])
    n_rows = {len(cells) for cells in rows[1:]}
    if n_cells < 2 or len(n_rows) > 1 or abs(n_names - n_cells) > 1:
        return (0, False)
    if n_names > n_cells and rows[0][-1].strip():
        return (0, False)
    others = "\t,;" if sep == "\t" else "\t,; "
    if n_names == 1 and any(other in _leave_quoted(head[0][1]) for other in others):
        return (0, False)  # a header that something else separates
    are_numbers = all(
        looks_like_number(cell, sep) or is_missing(cell)
        for cells in rows[1:]
        for cell in cells[1:_N_CELLS]
    )
    if n_names == n_cells and sep != " ":
        return (2, True)
    if sep == " " and n_names < n_cells and _read_suffix(file) and not are_numbers:
        return (0, False)  # a column of text
    return (1, are_numbers or (sep != " " and n_cells > 2))


def split_leniently(file, head, sep):
    """Split lines up to the first that cannot be split.

    Parameters
    ----------
    file : Path
        Where they are from.

    head : list of (int, str)
        The lines.

    sep : str
        What separates cells.

    Returns
    -------
    rows : list of (int, list of str)
        The rows.
    """
    rows = []
    try:
        rows.extend(split_rows(file, iter(head), sep))
    except ValueError:
        pass  # raised again when the row is read
    return rows


def _leave_quoted(line):
    """Return what of a line is not in quotes."""
    return "".join(line.strip(" \r\n").split('"')[::2])


def _read_suffix(file):
    return _SUFFIXES.get(Path(file.name.removesuffix(".gz")).suffix)


def _guess_separator(file, head):
    """Return the separator of lines that are not alike: one that is in the first two.

    The suffix says which if several are, or none.
    """
    bare = [_leave_quoted(line) for _, line in head[:2]]
    suffix = _read_suffix(file)
    for found in (
        [sep for sep in "\t,;" if bare and all(sep in line for line in bare)],
        [sep for sep in "\t,; " if bare and sep in bare[0]],
        [sep for sep in "\t,;" if bare and sep in bare[-1]],
    ):
        if "\t" in found:
            return "\t"
        if len(head) == 1 and len(found) > 1:
            _raise_doubt(file, head, found[:2])
        if found:
            return suffix if suffix in found else found[0]
    return suffix or " "
