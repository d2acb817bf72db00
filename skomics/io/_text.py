"""Read text tables row by row, with errors that say where the fault is."""

from array import array
from dataclasses import dataclass
from itertools import chain

import numpy as np

from skomics.io._cells import (
    MISSING,
    CellError,
    NumberReader,
    is_missing,
    looks_like_number,
)
from skomics.io._dialect import (
    check_separator,
    find_separator,
    is_empty,
    split_rows,
    take_head,
)
from skomics.io._head import count_nameless, name_columns, read_head, strip
from skomics.io._layouts import read_preamble
from skomics.io._source import open_lines

__all__ = [
    "MISSING",
    "CellError",
    "TextTable",
    "is_annotation",
    "read_cells",
    "read_numbers",
    "read_rows",
    "strip",
]

_N_ROWS = 2**22


@dataclass(frozen=True)
class TextTable:
    """The numbers of a text file and what its first row and columns say.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The numbers.

    leading : list of tuple of str, or None
        The cells of each row before its numbers; None without a header.

    columns : list of str, or None
        The header over the numbers; None without a header.

    corner : list of str
        The header over the leading cells.

    lines : array of int
        The line each row ends in, counted from 1.

    levels : list of str
        The modality of each column, in a table with column levels; else empty.

    has_features : bool
        Whether the layout says that rows are features.
    """

    values: np.ndarray
    leading: list | None
    columns: list | None
    corner: list
    lines: array
    levels: list
    has_features: bool


def read_numbers(file, *, header="auto", sep=None, decimal="auto", encoding="utf-8"):
    """Read a table of numbers.

    Parameters
    ----------
    file : Path
        A text file, plain or gzipped.

    header : {"auto", True, False}, default="auto"
        Whether there are a first row and first columns of names; "auto" refuses a
        first row that may be data.

    sep : str or None, default=None
        What separates cells; None or "auto" finds out.

    decimal : {"auto", ".", ","}, default="auto"
        What separates decimals; "auto" finds out.

    encoding : str, default="utf-8"
        The encoding of the text.

    Returns
    -------
    table : TextTable
        The numbers and names.

    Raises
    ------
    CellError
        If a cell is no finite number.

    ValueError
        If the file cannot be decoded or is no rectangular table.
    """
    with open_lines(file, encoding) as lines:
        head = read_head(file, lines, header=header, sep=sep)
        body = _Body(file, head, decimal)
        for number, line in head.lines:
            body.add(number, line)
        values = body.numbers.finish()
    if head.names is None:
        n_columns = head.n_cells - count_nameless(file, head, body.tail)
        values = values[:, :n_columns]
        return TextTable(values, None, None, [], body.lines, [], False)
    ids = [cells[0] for cells in body.leading]
    names = name_columns(file, head, ids, body.tail)
    _check_shape(file, head, values.shape)
    n, leading = head.n_leading, body.leading
    if head.n_named < n:
        leading = [cells[: head.n_named] for cells in leading]
    return TextTable(
        values[:, : len(names) - n],
        leading,
        names[n:],
        names[: head.n_named],
        body.lines,
        head.levels,
        head.has_features,
    )


def _check_shape(file, head, shape):
    if head.shape and head.shape != shape:
        raise ValueError(
            f"{file.name} says in its second line that it has {head.shape[0]} rows and "
            f"{head.shape[1]} columns, but it has {shape[0]} and {shape[1]}. It is cut "
            "short or was changed; get it again, or mend the second line."
        )


class _Body:
    """The rows of a table of numbers."""

    def __init__(self, file, head, decimal):
        names = head.names
        if head.is_short:
            names = ["", *names]
        n = head.n_leading
        self.file, self.head = file, head
        self.leading, self.lines = [], array("q")
        self.tail = None
        self.numbers = NumberReader(
            file, head.sep, decimal, n, head.n_cells - n, names[n:] if names else None
        )

    def add(self, number, line):
        """Add a line, with further ones if a cell in quotes spans these."""
        sep, n = self.head.sep, self.head.n_leading
        if is_empty(line):
            return
        whole = line
        line = line.strip(" \t\r\n") if sep == " " else line.rstrip("\r\n")
        row = self._split_plain(line, sep, n)
        if row is None:  # a name in quotes may hold the end of the line
            self._add_cells(number, whole)
            return
        leading, text = row
        self._add_names(number, leading, line.count(sep) + 1)
        n_tail = self.head.n_tail
        if n_tail and self.tail is None:
            cells = f"{sep}{text}".rstrip(" ")
            if sep == " " or not cells.endswith(sep * n_tail):
                self._find_tail(number, line.split(sep))
        self.numbers.add(number, text)

    def _split_plain(self, line, sep, n):
        """Return leading cells and the rest of a line without quotes but in names."""
        if sep == " " and ("  " in line or "\t" in line):
            return None
        if '"' not in line:
            *leading, text = line.split(sep, n)
            return (leading, text) if len(leading) == n else None
        end = line.find('"', 1)
        if n == 1 and line[0] == '"' and line[end + 1 : end + 2] == sep:
            name, text = line[1:end], line[end + 2 :]
            if '"' not in text and sep not in name:
                return [name], text
        return None

    def _add_cells(self, number, line):
        n = self.head.n_leading
        lines = chain([(number, line)], self.head.lines)
        rows = split_rows(self.file, lines, self.head.sep, self.head.n_cells)
        number, cells = next(rows)
        self._add_names(number, cells[:n], len(cells))
        self._find_tail(number, cells)
        self.numbers.add_cells(number, cells[n:])

    def _find_tail(self, number, cells):
        """Note the first line with something in the columns that should be empty."""
        cells = [cell.strip() for cell in cells[len(cells) - self.head.n_tail :]]
        if self.tail is None and any(cells):
            self.tail = number, next(filter(None, cells))

    def _add_names(self, number, leading, n_cells):
        if n_cells != self.head.n_cells:
            first = self.lines[0] if self.lines else number
            raise ValueError(
                f"{self.file.name} has {n_cells} cells in line {number}, but "
                f"{self.head.n_cells} in line {first}. It is no table with "
                f"{self.head.n_cells} columns throughout; mend the line, or write the "
                "file again."
            )
        _check_count(self.file, len(self.lines))
        self.leading.append(tuple(map(str.strip, leading)))
        self.lines.append(number)


def _check_count(file, n_rows):
    """Raise an error before a packed file fills the memory with names of rows."""
    if n_rows >= _N_ROWS:
        raise ValueError(
            f"{file.name} has more than {_N_ROWS:,} rows. Get the file again if it "
            "should have less, or write it as parquet, with samples in rows."
        )


def read_cells(file, *, header="auto", sep=None, encoding="utf-8"):
    """Read a table of text.

    Parameters
    ----------
    file : Path
        A text file, plain or gzipped.

    header : {"auto", True, False}, default="auto"
        Whether there is a first row of names.

    sep : str or None, default=None
        What separates cells; None or "auto" finds out.

    encoding : str, default="utf-8"
        The encoding of the text.

    Returns
    -------
    names : list of str, or None
        The header, "" over R's row names; None without a header.

    rows : list of list of str
        The cells of each row.

    Raises
    ------
    ValueError
        If the file cannot be decoded or is no rectangular table.
    """
    with open_lines(file, encoding) as lines:
        head = read_head(file, lines, header=header, sep=sep, has_numbers=False)
        rows, tail = [], None
        for number, cells in split_rows(file, head.lines, head.sep, head.n_cells):
            if len(cells) != head.n_cells:
                raise ValueError(
                    f"{file.name} has {len(cells)} cells in line {number}, but "
                    f"{head.n_cells} columns. Mend the line, or write the file again."
                )
            _check_count(file, len(rows))
            cells = strip(cells)
            rows.append(cells)
            last = list(filter(None, cells[len(cells) - head.n_tail :]))
            tail = tail or ((number, last[0]) if last else None)
    if head.names is None:
        n_columns = head.n_cells - count_nameless(file, head, tail)
        return None, [cells[:n_columns] for cells in rows]
    names = name_columns(file, head, [cells[0] for cells in rows], tail)
    return names, [cells[: len(names)] for cells in rows]


def read_rows(file, sep=None, encoding="utf-8"):
    """Yield the line number and the cells of each row, whatever they are.

    Empty lines, and lines that start with ``#`` before the first row, are skipped.

    Parameters
    ----------
    file : Path
        A text file, plain or gzipped.

    sep : str or None, default=None
        What separates cells; None finds out.

    encoding : str, default="utf-8"
        The encoding of the text.

    Yields
    ------
    line : int
        The number of the line that the row ends in.

    cells : list of str
        The row.
    """
    with open_lines(file, encoding) as lines:
        lines = read_preamble(file, lines).lines
        first = take_head(lines)
        sep = check_separator(sep) or find_separator(file, first)
        yield from split_rows(file, chain(first, lines), sep)


def is_annotation(file, *, sep=None, encoding="utf-8"):
    """Tell whether a table describes its rows without a single number.

    Parameters
    ----------
    file : Path
        A text file with a header and ids in its first column.

    sep : str or None, default=None
        What separates cells; None finds out.

    encoding : str, default="utf-8"
        The encoding of the text.

    Returns
    -------
    is_annotation : bool
        Whether all cells that are not missing are text.
    """
    with open_lines(file, encoding) as lines:
        head = read_head(file, lines, sep=sep, has_numbers=False)
        return not any(
            not is_missing(cell) and looks_like_number(cell, head.sep)
            for _, cells in split_rows(file, head.lines, head.sep)
            for cell in cells[1:]
        )
