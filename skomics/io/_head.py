"""The header of a text table: which line it is, and what it says of the columns."""

from dataclasses import dataclass, replace
from itertools import chain, islice

from skomics._rows import quote_values
from skomics._warnings import warn
from skomics.io._cells import is_missing, looks_like_number
from skomics.io._corners import has_counter_first
from skomics.io._dialect import (
    check_separator,
    find_separator,
    split_leniently,
    split_rows,
    take_head,
)
from skomics.io._layouts import (
    check_measures,
    find_hash_header,
    read_levels,
    read_preamble,
    skip_measures,
)
from skomics.io._names import (
    count_leading,
    guess_kind,
    is_corner,
    may_be_corner,
    same_shape,
)

__all__ = ["Head", "count_nameless", "name_columns", "read_head", "strip"]


@dataclass(frozen=True)
class Head:
    """What the first lines of a table say.

    Parameters
    ----------
    lines : iterator of (int, str)
        The lines after the header.

    sep : str
        What separates cells.

    names : list of str or None
        The header; None without one.

    n_cells : int
        How many cells a row has.

    rows : list of list of str
        The first rows.

    levels : list of str, default=()
        The modality of each column, in a table with column levels.

    n_leading : int, default=1
        How many columns stand before the numbers.

    n_named : int, default=1
        How many of these name the row.

    n_tail : int, default=0
        How many columns at the end must be empty, because they have no name; with R's
        short header, how many may be.

    shape : tuple of int, default=()
        Rows and columns, if the file says how many there are.

    has_features : bool, default=False
        Whether the layout says that rows are features.

    what : str, default="features"
        What its columns are called in messages.
    """

    lines: object
    sep: str
    names: list | None
    n_cells: int
    rows: list
    levels: list | tuple = ()
    n_leading: int = 1
    n_named: int = 1
    n_tail: int = 0
    shape: tuple = ()
    has_features: bool = False
    what: str = "features"

    @property
    def is_short(self):
        """Whether the header has one cell less than the rows."""
        return self.names is not None and len(self.names) < self.n_cells


def read_head(file, lines, *, header="auto", sep=None, has_numbers=True):
    """Read the first lines, up to the header.

    Parameters
    ----------
    file : Path
        The file.

    lines : iterator of (int, str)
        Its lines.

    header : {"auto", True, False}, default="auto"
        Whether there is a header; True takes the first row for one without doubt.

    sep : str or None, default=None
        What separates cells; None finds out.

    has_numbers : bool, default=True
        Whether it is a table of numbers.

    Returns
    -------
    head : Head
        What they say.
    """
    preamble = read_preamble(file, lines)
    first = take_head(preamble.lines)
    sep = check_separator(sep) or preamble.sep
    sep = sep or ("\t" if preamble.kind else find_separator(file, first))
    rows, lines = _sample(file, first, preamble.lines, sep)
    if preamble.kind == "geo" and len(rows) < 2:
        raise ValueError(
            f"{file.name} is a series matrix of GEO that holds no values, as those of "
            "sequencing are. Get the series' supplementary files, which hold the table."
        )
    if preamble.kind == "gct":
        return _read_gct_head(file, preamble, lines, sep, rows)
    if header is False and not preamble.kind:
        n_cells = len(rows[0]) if rows else 0
        _check_width(file, n_cells, 1)
        n_tail = _count_empty(rows[0]) if sep != " " else 0
        if not has_numbers:  # ids and labels stay
            n_tail = max(0, min(n_tail, n_cells - 2))
        return Head(lines, sep, None, n_cells, rows, [], 0, 0, n_tail)
    found = find_hash_header(
        file, preamble.comments, rows, lambda i, line: _split(file, i, line, sep)
    )
    if not found and sep == "," and rows:
        _check_spaces(file, preamble.comments, rows)
    names, levels, n_skipped = (found[1], [], 0) if found else ([], [], 1)
    stray = next((name for name in names if name.startswith('"')), None)
    if sep == " " and stray is not None:
        raise ValueError(
            f"{file.name} has a quote in line {found[0]} that does not close in the "
            f"line: {stray[:50]!r}. Close it, or remove it."
        )
    if rows and not found:
        names, levels, n_skipped = _choose_header(file, rows, has_numbers)
    _skip(file, lines, sep, rows[:n_skipped], rows[n_skipped:])
    head = Head(lines, sep, names, 0, rows[n_skipped:], levels)
    head = _fit_names(
        file, replace(head, what="features" if has_numbers else "columns")
    )
    if preamble.kind == "geo":
        return replace(head, has_features=True)
    if header == "auto" and has_numbers and not levels:
        _check_names(file, head)
    return head


def _sample(file, first, lines, sep):
    """Return the first rows, and all lines, since a row may span many."""
    rows = split_leniently(file, first, sep)
    if len(rows) < min(3, len(first)):
        taken = []

        def take():
            for item in chain(first, lines):
                taken.append(item)
                yield item

        rows = list(islice(split_rows(file, take(), sep), 3))
        first = taken
    return [strip(cells) for _, cells in rows], chain(first, lines)


def _check_spaces(file, comments, rows):
    """Refuse decimal commas between spaces, under a header with # and spaces."""
    for number, line in comments[-1:]:
        words = line[1:].split()
        n_words = {len(",".join(row).split()) for row in rows}
        if len(words) > 1 and is_corner(words[0]) and n_words == {len(words)}:
            raise ValueError(
                f"{file.name} has a line with # that fits the rows if these are "
                f"separated by spaces, in line {number}, and commas in the rows, which "
                "may separate cells or be decimal. Pass sep=' ' or sep=','."
            )


def _split(file, number, line, sep):
    rows = split_leniently(file, [(number, line)], sep)
    cells = strip(rows[0][1] if rows else line.split(sep))
    # A sentence is not the header of a table with spaces.
    is_text = sep == " " and line.startswith(" ") and not is_corner(cells[0])
    return [] if is_text else cells


def strip(cells):
    """Take white space away from around cells.

    Parameters
    ----------
    cells : list of str
        Cells of a row.

    Returns
    -------
    cells : list of str
        The cells.
    """
    return [cell.strip() for cell in cells]


def _skip(file, lines, sep, header, rows):
    """Take the lines of the header."""
    taken = split_rows(file, lines, sep, len(rows[0]) if rows else None)
    for _ in header:
        next(taken, None)


def _choose_header(file, rows, has_numbers):
    """Return the names of the columns, of their omics, and how many rows they take."""
    n_lines = read_levels(rows) if has_numbers else 0
    if n_lines:
        corner = rows[2][0] if n_lines == 3 else ""
        if not all(rows[0][1:]):
            raise ValueError(
                f"{file.name} has column levels, but its first line names no modality "
                f"in column {rows[0].index('', 1) + 1}. Name the modality of every "
                "feature there."
            )
        return [corner, *rows[1][1:]], rows[0][1:], n_lines
    if has_numbers and skip_measures(file, rows):
        return rows[0], [], 2
    return rows[0], [], 1


def _read_gct_head(file, preamble, lines, sep, rows):
    n_rows, n_columns, n_texts, n_skipped = preamble.shape
    names = rows[0] if rows else []
    n_cells = 1 + n_texts + n_columns
    if len(names) < n_cells or any(names[n_cells:]):
        raise ValueError(
            f"{file.name} says in its second line that it has {n_columns} columns, so "
            f"its header needs {n_cells} cells, but it has {len(names)}. Mend the "
            "second line, or get the file again."
        )
    _skip(file, lines, sep, rows[: 1 + n_skipped], rows[1 + n_skipped :])
    return Head(
        lines,
        sep,
        names[:n_cells],
        n_cells,
        rows[1 + n_skipped :],
        n_leading=1 + n_texts,
        shape=(n_rows, n_columns),
        has_features=True,
    )


def _fit_names(file, head):
    """Bring the header and the rows to one length, where that can be told."""
    names, n_cells = head.names, len(head.rows[0]) if head.rows else 0
    _check_width(file, n_cells, 2)
    while len(names) > n_cells and not names[-1]:
        names = names[:-1]
    is_short = len(names) == n_cells - 1 and names[-1] != ""
    if len(names) != n_cells and not is_short:
        raise ValueError(
            f"{file.name} has {len(head.names)} cells in its header and {n_cells} in "
            "its first row of data. The header needs as many, or one less, as R writes "
            "it; mend the header, or pass header=False."
        )
    n_leading = _count_leading(names, head.rows[0], is_short)
    return replace(
        head,
        names=names,
        n_cells=n_cells,
        n_leading=n_leading,
        n_named=n_leading,
        n_tail=1 if is_short else _count_empty(names),
    )


def _count_leading(names, cells, is_short):
    """Count the columns of names before the numbers, a counter included."""
    full = ["", *names] if is_short else names
    if has_counter_first(full, cells):
        return 1 + _count_leading(full[1:], cells[1:], False)
    return 1 if is_short else count_leading(names)


def _count_empty(cells):
    """Count the empty cells at the end, but leave the first."""
    return next((i for i, cell in enumerate(cells[::-1]) if cell), len(cells) - 1)


def count_nameless(file, head, tail):
    """Count the columns of a table without a header that only separators make.

    Parameters
    ----------
    file : Path
        The file.

    head : Head
        What its first lines say.

    tail : tuple of (int, str) or None
        The first line that has something in these columns; None if they are empty.

    Returns
    -------
    n_columns : int
        How many columns to leave out.
    """
    if tail or not head.n_tail:
        return 0
    warn(
        f"{file.name} has nothing in its last {head.n_tail} of {head.n_cells} columns, "
        "since its rows end with separators; they are left out. Remove the separators, "
        "or write NA where a value is missing."
    )
    return head.n_tail


def _check_width(file, n_cells, n_wanted):
    if n_cells < n_wanted:
        raise ValueError(
            f"{file.name} has {n_cells} columns in its first row of data. Give sample "
            "ids and at least one more column, separated by commas (csv), tabs (tsv) "
            "or as sep= says."
        )


def _check_names(file, head):
    """Raise an error if the header holds numbers, as a row of data does."""
    names, rows = head.names, head.rows
    check_measures(file, names)
    cells = names if head.is_short else names[1:]
    if not _hold_numbers(cells):
        return
    if all(cell.isdecimal() for cell in cells if not is_missing(cell)):
        if head.is_short or _are_whole_names(names, rows):
            return
        raise ValueError(
            f"{file.name} has a first row of whole numbers, {quote_values(names)}, "
            "which may be the header or data. Pass header=True if it is the header, "
            "header=False if the table has none."
        )
    raise ValueError(
        f"{file.name} seems to have no header: its first row holds numbers, e.g. "
        f"{names[-1]!r}. Pass header=False if there is none, or header=True if these "
        "are names."
    )


def _hold_numbers(cells):
    """Tell whether all cells are numbers or missing, and some are numbers."""
    return any(not is_missing(cell) for cell in cells) and all(
        looks_like_number(cell) for cell in cells
    )


def _are_whole_names(names, rows):
    """Tell names that are whole numbers, such as Entrez ids, from values."""
    corner, cells = names[0], names[1:]
    if len(set(cells)) < len(cells) or not all(cells):
        return False
    if corner == "" or is_corner(corner):
        return True
    is_row = looks_like_number(corner) or same_shape(corner, rows)
    if is_row or guess_kind([corner]) is not None:
        return False
    return any(
        looks_like_number(cell, "") and not cell.isdecimal() and not is_missing(cell)
        for row in rows
        for cell in row[1:]
    )


def name_columns(file, head, ids, tail):
    """Tell which column each name of the header is over.

    Parameters
    ----------
    file : Path
        The file.

    head : Head
        What its first lines say.

    ids : list of str
        The first cell of each row.

    tail : tuple of (int, str) or None
        The first line that has something in the columns that should be empty, and
        what; None if they are empty.

    Returns
    -------
    names : list of str
        The name of each column that stays, "" over R's row names.
    """
    names, n_tail = head.names, head.n_tail
    if n_tail and not tail and head.n_cells - n_tail <= head.n_leading:
        raise ValueError(
            f"{file.name} has a header that names nothing beside {names[0]!r}, and "
            "no value in its other columns. Give at least one column with a name."
        )
    if not head.is_short:
        if n_tail and tail:
            first = head.n_cells - n_tail + 1
            raise ValueError(
                f"{file.name} has {n_tail} {head.what} without a name, the first in "
                f"column {first}: line {tail[0]} holds {tail[1]!r} there. Name all "
                f"{head.what}, or drop those without."
            )
        return names[: head.n_cells - n_tail]
    is_name = is_corner(names[0])
    place = (
        f"{file.name} has {len(names)} cells in its header and {head.n_cells} in its "
        "rows"
    )
    cure = (
        'Write "" before the header if it lacks the name over the row names, or remove '
        "the separators at the ends of the rows."
    )
    if tail:
        if may_be_corner(names[0]) and not _count(ids):
            raise ValueError(
                f"{place}, as R writes it, but {names[0]!r} seems to stand over the "
                f"first column, and the last holds {tail[1]!r} in line {tail[0]}. "
                'Write "" before the header if it lacks the name over the row names, '
                "or name the last column."
            )
        return ["", *names]
    if not is_name and guess_kind(names[:1]) is not None:
        raise ValueError(
            f"{place}, as R writes it, but the last column is empty, so it is not "
            f"clear whether {names[0]!r} stands over the first column. {cure}"
        )
    if not is_name:
        warn(
            f"{place}, and the last column is empty, so {names[0]!r} is taken for the "
            f"name of the first column. {cure}"
        )
    return names


def _count(ids):
    """Tell whether row names count the rows, as R's do where there are no others."""
    return ids == [str(i + 1) for i in range(len(ids))]
