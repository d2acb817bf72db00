"""Cells of text read as numbers: quickly if they are plain, else one by one."""

import io
import re
from array import array
from importlib.util import find_spec

import numpy as np
import pandas as pd

__all__ = ["MISSING", "CellError", "NumberReader", "is_missing", "looks_like_number"]

# The words that pandas takes for a missing cell.
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "-NaN"]
    + ["-nan", "NULL", "null", "None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
)
_LOGICAL = {"TRUE": 1.0, "True": 1.0, "true": 1.0}
_LOGICAL |= {"FALSE": 0.0, "False": 0.0, "false": 0.0}
_WORDS = dict.fromkeys(MISSING, np.nan) | _LOGICAL
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)  # as any parser reads it
# Since pandas 3.1, which warns of the choice, all numbers are read so.
_IS_EXACT = np.lib.NumpyVersion(pd.__version__) >= "3.1.0"
_EXACT = {} if _IS_EXACT else {"float_precision": "round_trip"}
_BATCH = 2**21
_PER_ROW = 50
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
# A comma over three digits may separate thousands; these cannot.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_GROUPS = re.compile(r"[+-]?\d{1,3}([.,' ]\d{3})*[.,' ]\d+")


class CellError(ValueError):
    """A cell is no finite number."""


def is_missing(cell):
    """Tell whether a cell holds nothing, or a word that pandas takes for that."""
    cell = cell.strip()
    return cell in MISSING or _NAN.fullmatch(cell) is not None


def looks_like_number(cell, sep=","):
    """Tell whether a cell is a finite number, a logical or missing.

    Parameters
    ----------
    cell : str
        The cell.

    sep : str, default=","
        What separates cells; if it is no comma, there may be one in a number.

    Returns
    -------
    is_number : bool
        Whether it is.
    """
    cell = cell.strip()
    if sep != "," and _COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    return _is_number(cell)


def _is_number(cell):
    if cell in _WORDS or _NAN.fullmatch(cell):
        return True
    try:
        return cell.isascii() and "_" not in cell and np.isfinite(float(cell))
    except ValueError:
        return False


class NumberReader:
    """Reads the rows of a table into one array.

    Parameters
    ----------
    file : Path
        Where they are from, for messages.

    sep : str
        What separates cells.

    decimal : {"auto", ".", ","}
        What separates decimals; "auto" finds out.

    n_leading : int
        How many cells stand before the numbers, for messages.

    n_columns : int
        How many numbers a row has.

    columns : list of str or None
        Their names, for messages.
    """

    def __init__(self, file, sep, decimal, n_leading, n_columns, columns):
        self.file = file
        self.sep = sep
        self.decimal = "." if decimal == "auto" and sep == "," else decimal
        self.n_leading = n_leading
        self.n_columns = n_columns
        self.columns = columns
        self._values = array("d")
        self._lines, self._texts, self._length = [], [], 0
        self._point = self._comma = None  # the first of each, and where it is
        self._is_sure = decimal != "auto"

    def add(self, line, text):
        """Add a row without quotes.

        Parameters
        ----------
        line : int
            Its line.

        text : str
            Its numbers, separated.
        """
        self._lines.append(line)
        self._texts.append(text)
        self._length += len(text) + _PER_ROW
        if self._length > _BATCH:
            self._flush()

    def add_cells(self, line, cells):
        """Add a row that is split already.

        Parameters
        ----------
        line : int
            Its line.

        cells : list of str
            Its numbers.
        """
        text = self.sep.join(cells)
        if text.count(self.sep) == len(cells) - 1 and "\n" not in text:
            self.add(line, text)
            return
        self._flush()
        self._read_row(line, cells)

    def finish(self):
        """Return all numbers.

        Returns
        -------
        values : ndarray of shape (n_rows, n_columns)
            The numbers.
        """
        self._flush()
        if self._comma and not self._is_sure:
            cell, place = self._comma
            raise CellError(
                f"{self.file.name} has {cell!r} in {place}, which may be a decimal "
                "comma or thousands. Pass decimal=',' if it is a decimal comma, or "
                "write the numbers without commas."
            )
        return np.frombuffer(self._values).reshape(-1, self.n_columns)

    def _flush(self):
        lines, texts = self._lines, self._texts
        self._lines, self._texts, self._length = [], [], 0
        if not lines:
            return
        values = self._read_quickly(lines, texts)
        if values is not None:
            self._values.frombytes(values.tobytes())
            return
        for line, text in zip(lines, texts, strict=True):
            self._read_row(line, text.split(self.sep))

    def _read_quickly(self, lines, texts):
        """Return the numbers of rows; None if any cell is not plain."""
        text = "\n".join(texts).replace(self.sep, "\n")
        has_point = "." in text
        if "," in text:
            if self.decimal == "." or has_point or not self._is_sure:
                return None
            text = text.replace(",", ".")
        elif has_point and self.decimal != "." and (self._must_look(text)):
            return None
        values = parse_plain(text, self.n_columns * len(lines))
        if values is not None and has_point and self._point is None:
            self._note_point(lines, texts)
        return values

    def _must_look(self, text):
        """Tell whether a point may not be that of a number, or contradicts a comma."""
        return self.decimal == "," or self._comma is not None or "#" in text

    def _note_point(self, lines, texts):
        rows = zip(lines, texts, strict=True)
        line, text = next((line, text) for line, text in rows if "." in text)
        cells = text.split(self.sep)
        position = next(i for i, cell in enumerate(cells) if "." in cell)
        self._point = cells[position].strip(), self._place(line, position)

    def _read_row(self, line, cells):
        """Read cells one by one, and name the first that is no number."""
        numbers = []
        for position, cell in enumerate(map(str.strip, cells)):
            plain = self._find_decimal(line, position, cell)
            if not _is_number(plain):
                self._raise(line, position, cell)
            numbers.append(_WORDS[plain] if plain in _WORDS else float(plain))
        self._values.frombytes(np.array(numbers, dtype=np.float64).tobytes())

    def _find_decimal(self, line, position, cell):
        """Return a cell with a decimal point, and learn which the table has."""
        if "," not in cell and "." not in cell or cell in MISSING:
            return cell
        if "," not in cell:
            if self.decimal == ",":
                self._raise(line, position, cell)
            if self._comma:
                self._raise_mixed(cell, self._place(line, position), *self._comma)
            if self._point is None and _is_number(cell):
                self._point = cell, self._place(line, position)
            return cell
        if self.decimal == "." or not _COMMA.fullmatch(cell):
            if self.decimal == "." or not _THOUSANDS.fullmatch(cell):
                self._raise(line, position, cell)
        if self._point:
            self._raise_mixed(cell, self._place(line, position), *self._point)
        self._comma = self._comma or (cell, self._place(line, position))
        if not _THOUSANDS.fullmatch(cell):
            self._is_sure = True
        return cell.replace(",", ".", 1)

    def _raise_mixed(self, cell, place, other, other_place):
        raise CellError(
            f"{self.file.name} has {cell!r} in {place} and {other!r} in {other_place}: "
            "decimal points and commas in one table. Write all numbers with one of "
            "them, and thousands without any."
        )

    def _place(self, line, position):
        name = f" ({self.columns[position]!r})" if self.columns else ""
        return f"line {line}, column {position + self.n_leading + 1}{name}"

    def _raise(self, line, position, cell):
        raise CellError(
            f"{self.file.name} has {cell[:50]!r} in {self._place(line, position)}, "
            f"where a finite number is wanted. {self._cure(cell)}"
        )

    def _cure(self, cell):
        other = "." if self.decimal == "," else ","
        if _COMMA.fullmatch(cell.replace(".", ",")) and other in cell:
            return f"Pass decimal={other!r} if that is its decimal separator."
        if _GROUPS.fullmatch(cell):
            return "Write thousands without separators."
        return (
            "Encode text as numbers, leave missing cells empty or drop the column or "
            "row; R's -Inf is often the log of 0, so take log(x + 1)."
        )


def parse_plain(text, n_cells):
    """Parse numbers at the speed of C.

    Parameters
    ----------
    text : str
        A cell a line.

    n_cells : int
        How many there must be.

    Returns
    -------
    values : ndarray of shape (n_cells,) or None
        The numbers, to the last bit as Python reads them; None if any cell needs to
        be looked at: text, an infinite value, or what Python and parsers in C do not
        read alike.
    """
    if not text.isascii() or any(c in text for c in '("\1'):
        return None
    parse = _parse_with_pandas if find_spec("pyarrow") is None else _parse_with_arrow
    try:
        values = parse(f"{text}\n".encode())
    except (ValueError, OverflowError):
        return None
    return None if len(values) != n_cells or np.isinf(values).any() else values


def _parse_with_arrow(text):
    import pyarrow as pa
    from pyarrow import csv

    table = csv.read_csv(
        pa.BufferReader(text),
        # The block holds the text, since a block is parsed as a whole.
        csv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=["cells"]
        ),
        csv.ParseOptions(
            delimiter="\1",
            quote_char=False,
            escape_char=False,
            ignore_empty_lines=False,
        ),
        csv.ConvertOptions(
            column_types={"cells": pa.float64()}, null_values=sorted(MISSING)
        ),
    )
    return table["cells"].to_numpy()


def _parse_with_pandas(text):
    return pd.read_csv(
        io.BytesIO(text),
        header=None,
        names=["cells"],
        sep="\1",
        engine="c",
        quoting=3,
        dtype=np.float64,
        **_EXACT,
        na_values=sorted(MISSING),
        keep_default_na=False,
        skip_blank_lines=False,
    )["cells"].to_numpy()
