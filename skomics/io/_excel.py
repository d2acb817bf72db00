"""Sheets of Excel, written as csv for the reader of text."""

import csv
import re
from contextlib import closing, contextmanager
from datetime import datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

from skomics._optional import import_optional
from skomics._rows import quote_values
from skomics.io._errors import UnfitError, wrap_errors
from skomics.io._text import CellError

__all__ = ["EXCEL", "as_csv"]

EXCEL = (".xlsx", ".xlsm")


@contextmanager
def as_csv(file, sheet):
    """Write a sheet as csv into a folder that is gone afterwards.

    Parameters
    ----------
    file : Path
        The file of Excel.

    sheet : str or None
        The sheet; with None the only one that is not empty.

    Yields
    ------
    csv : Path
        The csv. It is called like the file, for messages, and its lines are the rows
        of the sheet.
    """
    with wrap_errors(file, "xlsx"):
        rows = _read_rows(file, sheet)
    filled = [i for row in rows for i, cell in enumerate(row) if cell]
    columns = slice(min(filled, default=0), max(filled, default=-1) + 1)
    with TemporaryDirectory() as folder:
        copy = Path(folder, file.name)
        with copy.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            width = columns.stop
            for row in rows:
                padded = row + [""] * (width - len(row))
                # An empty row stays an empty line.
                writer.writerow(padded[columns] if any(row) else [])
        yield copy


def _read_rows(file, sheet):
    openpyxl = import_optional("openpyxl", extra="excel")
    options = {"read_only": True, "keep_links": False}
    with (
        closing(openpyxl.load_workbook(file, data_only=True, **options)) as values,
        closing(openpyxl.load_workbook(file, data_only=False, **options)) as formulas,
    ):
        name = _choose_sheet(values, sheet)
        rows = zip(values[name].rows, formulas[name].rows, strict=True)
        return [
            [_as_text(file, *cells) for cells in zip(*row, strict=True)] for row in rows
        ]


def _choose_sheet(book, wanted):
    names = [s.title for s in book.worksheets]
    filled = [
        sheet.title
        for sheet in book.worksheets
        if any(value is not None for row in sheet.values for value in row)
    ]
    if wanted in names or (wanted is None and len(filled) == 1):
        return filled[0] if wanted is None else wanted
    n_filled = f"{len(filled)} filled sheets"
    what = n_filled if wanted is None else f"no sheet {wanted!r}"
    raise UnfitError(
        f"has {what}; its sheets are {quote_values(names, 20)}. Choose one with sheet= "
        "of read_omics or read_labels."
    )


def _as_text(file, cell, formula):
    value = cell.value
    if value is None and formula.value is not None:
        raise CellError(
            f"{file.name} has a formula without a value in cell {formula.coordinate}, "
            f"{str(formula.value)[:50]!r}. Open and save the file in Excel, which "
            "computes it, or write the table as csv."
        )
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and re.fullmatch("0+", cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))  # as Excel shows it
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    # The lines of the csv are the rows of the sheet.
    return re.sub(r"[\r\n]+", " ", str(value))
