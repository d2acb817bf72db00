"""Read text tables row by row, with errors that say where the fault is."""

import codecs
import csv
import gzip
import io
import zlib
from array import array
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from skomics.io._corners import has_counter_first

__all__ = [
    "MISSING",
    "CellError",
    "TextTable",
    "is_annotation",
    "read_numbers",
    "read_rows",
    "strip",
]

# The words that pandas takes for a missing cell.
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "-NaN"]
    + ["-nan", "NULL", "null", "None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
)
_LOGICAL = {"TRUE": 1.0, "True": 1.0, "true": 1.0}
_LOGICAL |= {"FALSE": 0.0, "False": 0.0, "false": 0.0}
_WORDS = dict.fromkeys(MISSING, np.nan) | _LOGICAL
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_GZIP = b"\x1f\x8b"
# Columns over the names of features, as cBioPortal and Xena call them.
LEADING = frozenset(
    ["Hugo_Symbol", "Entrez_Gene_Id", "Cytoband", "ENTITY_STABLE_ID", "NAME"]
    + ["DESCRIPTION", "TRANSCRIPT_ID", "URL", "Composite.Element.REF", "GENE_SYMBOL"]
    + ["PHOSPHOSITE"]
)


class CellError(ValueError):
    """A cell is no finite number."""


@dataclass(frozen=True)
class TextTable:
    """The numbers of a text file and what its first row and columns say.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The numbers.

    leading : list of list of str, or None
        The cells of each row before its numbers; None without a header.

    columns : list of str, or None
        The header over the numbers; None without a header.

    corner : list of str
        The header over the leading cells.

    lines : list of int
        The line each row ends in, counted from 1.
    """

    values: np.ndarray
    leading: list | None
    columns: list | None
    corner: list
    lines: list


def read_numbers(file, *, header=True, sep=None, encoding="utf-8"):
    """Read a table of numbers.

    Parameters
    ----------
    file : Path
        A text file, plain or gzipped.

    header : bool, default=True
        Whether there are a first row and first columns of names.

    sep : str or None, default=None
        What separates cells; None finds out.

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
    with closing(read_rows(file, sep, encoding)) as rows:
        names = strip(next(rows, (0, []))[1]) if header else None
        first = next(rows, (0, []))
        n_cells = len(first[1])
        _check_header(file, names, n_cells)
        n_leading = _count_leading(names, first[1])
        offset = 0 if names is None or len(names) == n_cells else 1
        columns = None if names is None else names[n_leading - offset :]
        leading, lines, values = [], [], array("d")
        for line, cells in chain([first], rows):
            if len(cells) != n_cells:
                raise ValueError(
                    f"{file.name} has {len(cells)} cells in line {line}, but "
                    f"{n_cells} in line {first[0]}. It is no table with {n_cells} "
                    "columns throughout; mend the line, or write the file again."
                )
            leading.append(strip(cells[:n_leading]))
            lines.append(line)
            values.frombytes(_to_floats(file, line, cells, n_leading, columns))
    return TextTable(
        values=np.frombuffer(values).reshape(len(lines), -1),
        leading=leading if header else None,
        columns=columns,
        corner=["", *names][1 - offset :][:n_leading] if header else [],
        lines=lines,
    )


def read_rows(file, sep=None, encoding="utf-8"):
    """Yield the line number and the cells of each row.

    Empty lines, and lines that start with ``#`` before the first row, are skipped.

    Parameters
    ----------
    file : Path
        A text file, plain or gzipped.

    sep : str or None, default=None
        What separates cells: None is a comma for csv, a tab for tsv; elsewhere it is
        found in the second line.

    encoding : str, default="utf-8"
        The encoding of the text; a byte order mark is left out.

    Yields
    ------
    line : int
        The number of the line that the row ends in.

    cells : list of str
        The row.

    Raises
    ------
    ValueError
        If the file cannot be decoded, unpacked or split.
    """
    with _open(file, encoding) as text:
        lines = _drop_comments(_read_lines(file, text, encoding))
        head = _take_head(lines)
        sep = sep or _find_separator(file, head)
        lines = chain(head, lines)
        if sep == " ":
            lines = (line.replace("\t", " ").strip() for line in lines)
        rows = csv.reader(
            lines, delimiter=sep, strict=True, skipinitialspace=sep == " "
        )
        try:
            for cells in rows:
                if cells:
                    yield rows.line_num, cells
        except csv.Error as error:
            raise ValueError(
                f"{file.name} cannot be split at {sep!r} in line {rows.line_num}: "
                f"{error}. Mend the quotes of the line, or pass sep=."
            ) from error


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
    with closing(read_rows(file, sep, encoding)) as rows:
        next(rows)
        return not any(
            cell not in MISSING and _is_number(cell)
            for _, cells in rows
            for cell in strip(cells[1:])
        )


def _open(file, encoding):
    if not file.is_file():
        what = "a folder" if file.is_dir() else "not there"
        cure = "Give a file; load_folder reads folders" if file.is_dir() else "Check it"
        raise FileNotFoundError(f"{str(file)!r} is {what}, a table is wanted. {cure}.")
    raw = file.open("rb")
    if raw.peek(2)[:2] == _GZIP:
        raw = _Unzipped(raw)
    try:
        name = codecs.lookup(encoding).name
        name = "utf-8-sig" if name == "utf-8" else name
        # Faulty bytes are let through, and found by line in _read_lines.
        return io.TextIOWrapper(raw, name, errors="surrogateescape", newline="")
    except LookupError as error:
        raw.close()
        raise ValueError(
            f"Got encoding={encoding!r} for {file.name}, which is no encoding of text "
            "that Python knows. Use a name such as 'utf-8', 'utf-16' or 'latin-1'."
        ) from error


class _Unzipped(gzip.GzipFile):
    """A gzip file that closes the file it reads."""

    def __init__(self, raw):
        super().__init__(fileobj=raw, mode="rb")
        self._raw = raw

    def close(self):
        super().close()
        self._raw.close()


def _read_lines(file, text, encoding):
    """Yield the lines, each checked to be text."""
    number = 0
    try:
        for number, line in enumerate(text, start=1):  # noqa: B007
            if "\0" in line:
                raise ValueError(
                    f"{file.name} holds a NUL byte in line {number}, so it is no text "
                    f"in {encoding}. Pass the right encoding=, for instance 'utf-16', "
                    "or get the file again."
                )
            if not line.isascii():
                line.encode("utf-8")  # refuses bytes that could not be decoded
            yield line
    except UnicodeError as error:
        raise ValueError(
            f"{file.name} is no text in {encoding}: line {max(number, 1)} holds bytes "
            "that cannot be decoded. Save it as UTF-8, or pass encoding=, for instance "
            "'latin-1' or 'utf-16'."
        ) from error
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{file.name} cannot be unpacked after line {number}: {error}. The file is "
            "damaged or cut short; get it again."
        ) from error


def _drop_comments(lines):
    """Empty the lines before the header that are comments; their count stays."""
    in_head = True
    for line in lines:
        if not line.strip(" \r\n"):
            yield "\n"
            continue
        in_head = in_head and line.startswith("#")
        yield "\n" if in_head else line


def _take_head(lines):
    """Return the lines up to the second that says something."""
    head, n_filled = [], 0
    for line in lines:
        head.append(line)
        n_filled += line != "\n"
        if n_filled == 2:
            break
    return head


def _find_separator(file, head):
    """Return the separator: the suffix says it, or the last of the first lines."""
    suffix = Path(file.name.removesuffix(".gz")).suffix
    if suffix in _SEPARATORS:
        return _SEPARATORS[suffix]
    bare = "".join(head[-1:]).split('"')[::2]  # what is not in quotes
    return next((s for s in "\t," if any(s in part for part in bare)), " ")


def _check_header(file, names, n_cells):
    if n_cells < (1 if names is None else 2):
        raise ValueError(
            f"{file.name} has {n_cells} columns in its first row of data. Give sample "
            "ids and at least one more column, separated by commas (csv), tabs (tsv) "
            "or as sep= says."
        )
    if names is not None and len(names) not in (n_cells, n_cells - 1):
        raise ValueError(
            f"{file.name} has {len(names)} cells in its header and {n_cells} in its "
            "first row of data. The header needs as many, or one less, as R writes "
            "it; mend the header, or pass header=False."
        )
    if names is not None and _are_numbers(names[len(names) - n_cells + 1 :]):
        raise ValueError(
            f"{file.name} seems to have no header: its first row holds numbers, e.g. "
            f"{names[-1]!r}. Pass header=False, or write a header."
        )


def _are_numbers(names):
    """Tell values from names, which may be whole numbers."""
    values = [name for name in names if not name.isdecimal()]
    return bool(values) and all(n not in _WORDS and _is_number(n) for n in names)


def _count_leading(names, cells):
    """Count the columns of names before the numbers."""
    if names is None:
        return 0
    n_cells = len(cells)
    names = ["", *names] if len(names) < n_cells else names
    if has_counter_first(names, strip(cells)):
        return 1 + _count_leading(names[1:], cells[1:])
    n_known = next((i for i, n in enumerate(names) if n not in LEADING), n_cells)
    return min(max(1, n_known), n_cells - 1)


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


def _to_floats(file, line, cells, n_leading, columns):
    """Return the bytes of the numbers in a row."""
    cells = cells[n_leading:]
    try:
        floats = np.array(list(map(float, cells)))
    except ValueError:
        floats = None
    joined = "".join(cells)
    # Python reads 1_0 and digits of other scripts as numbers; a table does not.
    is_plain = joined.isascii() and "_" not in joined
    if floats is not None and is_plain and not np.isinf(floats).any():
        return floats.tobytes()
    cells = strip(cells)
    if all(map(_is_number, cells)):
        return np.array(
            [_WORDS[c] if c in _WORDS else float(c) for c in cells]
        ).tobytes()
    position = next(i for i, cell in enumerate(cells) if not _is_number(cell))
    name = "" if columns is None else f" ({columns[position]!r})"
    raise CellError(
        f"{file.name} has {cells[position][:50]!r} in line {line}, column "
        f"{position + n_leading + 1}{name}, where a finite number is wanted. Encode "
        "text as numbers, leave missing cells empty or drop the column or row; R's "
        "-Inf is often the log of 0, so take log(x + 1)."
    )


def _is_number(cell):
    if cell in _WORDS:
        return True
    try:
        return cell.isascii() and "_" not in cell and np.isfinite(float(cell))
    except ValueError:
        return False
