"""What stands before the rows of a table, in the layouts that people have."""

import re
from collections import deque
from itertools import chain
from typing import NamedTuple

from skomics._rows import quote_values
from skomics.io._cells import is_missing, looks_like_number
from skomics.io._dialect import is_empty
from skomics.io._names import count_leading, is_corner, same_shape

__all__ = ["Preamble", "check_measures", "find_hash_header", "read_levels"]
__all__ += ["read_preamble", "skip_measures"]

_N_COMMENTS = 100
_N_LINES = 2**18
_N_CELLS = 200
_SEP = re.compile(r'"?sep=([^"])"?[;,\t]*', re.IGNORECASE)
_BEGIN, _END = "!series_matrix_table_begin", "!series_matrix_table_end"
_TYPES = frozenset(["STRING", "NUMBER", "BOOLEAN", "DATETIME"])
# What programs measure of each gene, in a file for each sample.
_MEASURES = frozenset(
    "unstranded stranded_first stranded_second tpm_unstranded fpkm_unstranded "
    "fpkm_uq_unstranded expected_count tpm fpkm isopct est_counts numreads "
    "raw_count raw_counts scaled_estimate normalized_count read_count "
    "reads_per_million_mirna_mapped rpkm median_length_normalized "
    "length eff_length effective_length effectivelength".split()
)
_FIREHOSE = ("hybridization ref", "composite element ref")


class Preamble(NamedTuple):
    """What stands before the header.

    Parameters
    ----------
    kind : {"", "gct", "geo"}
        The layout, if it says which it is.

    comments : list of (int, str)
        The lines that begin with ``#``.

    lines : iterator of (int, str)
        The lines from the header on.

    shape : tuple of int
        Of gct: rows, columns, columns that describe rows, rows that describe columns.

    sep : str or None
        The separator, if a line says it, as Excel wants it.
    """

    kind: str
    comments: list
    lines: object
    shape: tuple = ()
    sep: str | None = None


def read_preamble(file, lines):
    """Read comments, or what GCT and GEO write before a table.

    Parameters
    ----------
    file : Path
        The file.

    lines : iterator of (int, str)
        Its lines.

    Returns
    -------
    preamble : Preamble
        What was read.
    """
    comments = deque(maxlen=_N_COMMENTS)
    for number, line in lines:
        if is_empty(line):
            continue
        if number > _N_LINES:
            raise ValueError(
                f"{file.name} has comments up to line {number:,} and no table. Remove "
                "the comments, or get the file again."
            )
        if line.startswith("#"):
            comments.append((number, line))
            if len(comments) == 1 and line.strip(" \t,\r\n") in ("#1.2", "#1.3"):
                return _read_gct(file, lines, comments)
            continue
        if number == 1 and (match := _SEP.fullmatch(line.strip("\r\n"))):
            return Preamble("", [], lines, sep=match[1])
        if line.lower().startswith(("!series_", "!sample_")):
            return _read_geo(file, chain([(number, line)], lines))
        return Preamble("", list(comments), chain([(number, line)], lines))
    return Preamble("", list(comments), iter(()))


def _read_gct(file, lines, comments):
    version = comments[0][1].strip(" \t,\r\n")[1:]
    n_wanted = {"1.2": 2, "1.3": 4}[version]
    number, line = next(lines, (comments[0][0], ""))
    counts = line.split()
    if len(counts) != n_wanted or not all(c.isdecimal() for c in counts):
        raise ValueError(
            f"{file.name} is GCT {version}, where line {number} must hold {n_wanted} "
            f"counts of rows and columns, but it holds {line.strip()[:50]!r}. Mend the "
            "line, or remove the first lines up to the header."
        )
    shape = tuple(map(int, counts))
    return Preamble("gct", [], lines, shape if n_wanted == 4 else (*shape, 1, 0))


def _read_geo(file, lines):
    for _, line in lines:
        if line.lower().startswith(_BEGIN):
            return Preamble("geo", [], _stop_at_end(file, lines))
    raise ValueError(
        f"{file.name} begins like a series matrix of GEO but has no line {_BEGIN}, so "
        "it holds no table. Get the series matrix again, or the table itself."
    )


def _stop_at_end(file, lines):
    number = 0
    for number, line in lines:
        if line.lower().startswith(_END):
            return
        yield number, line
    raise ValueError(
        f"{file.name} has no line {_END} after line {number}, so it is cut short. Get "
        "the series matrix again."
    )


def find_hash_header(file, comments, rows, split):
    """Return the header if it begins with ``#``; nothing if these lines are comments.

    It is the last such line that has as many cells as the rows, if what follows is
    data and not a header itself.

    Parameters
    ----------
    file : Path
        The file.

    comments : list of (int, str)
        The lines that begin with ``#``.

    rows : list of list of str
        The first rows that follow.

    split : callable
        Splits a line.

    Returns
    -------
    header : tuple of (int, list of str) or None
        The number of the line, and its cells without the ``#``.

    Raises
    ------
    ValueError
        If the line may be either.
    """
    if not rows:
        return None
    lines = [
        (number, line[1:], split(number, line[1:]))
        for number, line in comments
        if not line.startswith(("##", "#q2:"))
    ]
    fitting = [(number, cells) for number, _, cells in lines if _fits(cells, rows)]
    if not fitting:
        _check_widths(file, lines, rows)
        return None
    number, cells = fitting[-1]
    says_header, says_comment = _weigh(cells, rows, len(fitting))
    if says_comment and not says_header:
        return None
    named = [item for item in fitting if is_corner(item[1][0])] or fitting
    if says_comment == says_header or len(named) > 1:
        number, cells = named[-1]
        raise ValueError(
            f"{file.name} begins line {number} with #, and it may be the header, "
            f"{quote_values(cells)}, or a comment over {quote_values(rows[0])}. Remove "
            "the # if it is the header, or the line if it is a comment."
        )
    return named[0]


def _check_widths(file, lines, rows):
    """Refuse a line with ``#`` and a heading that has another width than the rows."""
    for number, line, cells in lines:
        if len(cells) > 1 and is_corner(cells[0]) and not line.startswith(" "):
            if not is_corner(rows[0][0]):
                raise ValueError(
                    f"{file.name} begins line {number} with #, and it has "
                    f"{len(cells)} cells like a header, {quote_values(cells)}, but the "
                    f"next row has {len(rows[0])}. Mend the header, or remove the line "
                    "if it is a comment."
                )


def _fits(cells, rows):
    """Tell whether a line has as many cells as a row, or one less, as R writes it."""
    for n_cells in map(len, rows[:2]):
        n_names = n_cells if not any(cells[n_cells:]) else len(cells)
        if 1 < min(n_names, len(cells)) == n_cells:
            return True
    if not 1 < len(cells) == len(rows[0]) - 1:
        return False
    return is_corner(cells[0]) or _are_values(rows[0][1:])


def _weigh(cells, rows, n_fitting):
    """Tell whether anything says that a line is the header, and that it is not."""
    first, others = rows[0], rows[1:]
    n_leading = count_leading(cells)
    if all(looks_like_number(cell, "") for cell in first[n_leading:_N_CELLS]):
        return True, is_corner(first[0])
    if others and _are_values(others[0][n_leading:]):
        return is_corner(cells[0]) and not is_corner(first[0]), True
    columns = list(zip(*rows, strict=False))[1:_N_CELLS]
    is_data = any(
        looks_like_number(column[0], "") and not is_missing(column[0])
        if _are_values(column[1:])
        else column[0] in column[1:] and not is_missing(column[0])
        for column in columns
    )
    is_header = len(others) > 1 and any(
        _are_values(column[1:]) and not looks_like_number(column[0], "")
        for column in columns
    )
    has_types = not _TYPES.isdisjoint(cells)
    says_header = is_data or (is_corner(cells[0]) and not is_corner(first[0]))
    says_comment = is_corner(first[0]) or has_types or n_fitting > 1 or is_header
    return says_header, says_comment


def _are_values(cells):
    """Tell whether cells are numbers or missing, and at least one a number."""
    cells = cells[:_N_CELLS]
    return any(not is_missing(c) for c in cells) and all(
        looks_like_number(c, "") for c in cells
    )


def read_levels(rows):
    """Return how many lines of a header name omics, features and samples.

    Parameters
    ----------
    rows : list of list of str
        The first rows.

    Returns
    -------
    n_lines : int
        2 or 3 for a table with column levels as pandas writes it; else 0.
    """
    if len(rows) < 3 or len(rows[0]) != len(rows[1]) or len(rows[0]) < 2:
        return 0
    corners = rows[0][0].lower(), rows[1][0].lower()
    is_named = corners == ("omics", "feature")
    omics, features = rows[0][1:], rows[1][1:]
    are_text = not _are_values(omics) and not _are_values(features)
    is_bare = corners == ("", "") and all(omics) and all(features) and are_text
    if not is_named and not (is_bare and _are_values(rows[-1][1:])):
        return 0
    has_name = not any(rows[2][1:]) and not same_shape(rows[2][0], rows[3:])
    return 3 if has_name and len(rows[2]) == len(rows[0]) else 2


def skip_measures(file, rows):
    """Tell whether a second header says what was measured, as firehose writes it.

    Parameters
    ----------
    file : Path
        The file.

    rows : list of list of str
        The first rows.

    Returns
    -------
    is_there : bool
        Whether there is such a row; it is to be skipped.

    Raises
    ------
    ValueError
        If there are several measures of each sample.
    """
    if len(rows) < 2 or len(rows[0]) != len(rows[1]):
        return False
    measures = list(dict.fromkeys(rows[1][1:]))
    is_firehose = (
        rows[0][0].lower() == _FIREHOSE[0] or rows[1][0].lower() == _FIREHOSE[1]
    )
    if not measures or any(map(looks_like_number, measures)):
        return False
    if not is_firehose and not _MEASURES.issuperset(m.lower() for m in measures):
        return False
    if len(measures) > 1:
        raise ValueError(
            f"{file.name} has several columns for each sample, as firehose writes "
            f"them: its second header is {quote_values(measures, 5)}. Keep the columns "
            "of one measure, and remove the second header."
        )
    return True


def check_measures(file, names):
    """Raise an error if the columns are measures of one sample.

    Parameters
    ----------
    file : Path
        The file.

    names : list of str
        The header.
    """
    columns = names[count_leading(names) :]
    if columns and _MEASURES.issuperset(name.lower() for name in columns):
        raise ValueError(
            f"{file.name} is the file of one sample: its columns are the measures "
            f"{quote_values(columns, 6)}. Take one of them from the file of each "
            "sample, and put them into one table with a column per sample. If these "
            "are names of samples, pass header=True."
        )
