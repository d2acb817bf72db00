"""Read the label of each sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from skomics._rows import quote_values
from skomics.io._cells import looks_like_number
from skomics.io._corners import is_id_name, is_sample_id_name
from skomics.io._excel import EXCEL, as_csv
from skomics.io._ids import as_text, drop_counters, index_first, is_float
from skomics.io._missing import (
    check_missing_values,
    count_words,
    find_missing,
    warn_of_missing,
)
from skomics.io._names import is_corner, same_shape
from skomics.io._options import check_options
from skomics.io._tables import check_file, check_ids, clean_ids, read_parquet
from skomics.io._text import read_cells

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = ["read_labels"]

_LABEL_COLUMNS = ("label", "subtype")


def read_labels(
    path: StrPath,
    *,
    column: str | None = None,
    id_column: str | None = None,
    header: Literal["auto"] | bool = "auto",
    missing: Literal["error", "drop"] = "error",
    missing_values: Sequence[str] | Literal["default"] = "default",
    sep: str | None = "auto",
    encoding: str = "utf-8",
    barcodes: Literal["dashes", "keep"] = "dashes",
    sheet: str | None = None,
) -> pd.Series:
    r"""Read the label of each sample.

    Parameters
    ----------
    path : str or Path
        A text table (csv, tsv, txt or no suffix, plain or gzipped), parquet or xlsx,
        with samples in rows.

    column : str, default=None
        The column of the labels. With None it is the only one beside the ids, or
        the one called ``label`` or else ``subtype``.

    id_column : str, default=None
        The column of the sample ids; with None the first. A column that counts the
        rows, as pandas and R write it, is left out where the next names them.

    header : {"auto", True, False}, default="auto"
        Whether the first row names the columns. With "auto" it does, and is refused
        if it looks like a sample and its label; True takes it for names, whatever it
        holds. Without a header, the first column holds ids and the second labels.

    missing : {"error", "drop"}, default="error"
        Whether samples without a label are refused or left out. A label is missing
        where the cell is empty, ``NA`` or another word that pandas takes for it, or
        one of `missing_values`.

    missing_values : list of str, default="default"
        The words that say that there is no label, as clinical tables have them, such
        as ``[Not Available]``, ``Not Reported`` and ``'--``. They are compared in
        small letters, without quotes and brackets around them. "default" is
        ``skomics.io.MISSING_LABELS``; a list replaces it, so that
        ``[*MISSING_LABELS, "other"]`` adds a word, and a list without
        ``indeterminate`` keeps it as a class.

    sep : {"auto", None} or str, default="auto"
        As for `read_omics`.

    encoding : str, default="utf-8"
        The encoding of text.

    barcodes : {"dashes", "keep"}, default="dashes"
        As for `read_omics`, so that ids agree.

    sheet : str, default=None
        As for `read_omics`.

    Returns
    -------
    y : Series of shape (n_samples,)
        The labels, with the sample ids, always text, as index. Labels are int if all
        are plain whole numbers, else text; ``01`` stays text.

    Raises
    ------
    FileNotFoundError
        If the file is missing.

    ValueError
        If the column is not clear, a label or id is missing, an id is repeated, or
        the file is no table.

    Warns
    -----
    UserWarning
        If ``missing="drop"`` leaves out samples because of `missing_values`, with
        the number of each word, or a named counter is left out.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics.io import read_labels
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "clinical.tsv")
    ...     _ = file.write_text("id\tage\tsubtype\n007\t61\tLumA\n008\t58\tBasal\n")
    ...     read_labels(file).to_dict()
    {'007': 'LumA', '008': 'Basal'}
    """
    check_options(missing=missing, barcodes=barcodes, header=header)
    check_missing_values(missing_values)
    file = Path(path)
    table = _read_table(file, header, sep, encoding, sheet)
    table = drop_counters(file, table, id_column, column)
    id_column = _choose_ids(file, table, id_column)
    ids = _find_column(file, table, id_column, "id_column")
    column = column or _choose_column(file, table.columns.drop(ids.name))
    if column == ids.name:
        raise ValueError(
            f"{file.name} has the ids in column {column!r}, which was also asked for "
            "as labels. Give another column= or id_column=."
        )
    y = _find_column(file, table, column, "column")
    index = clean_ids(pd.Index(ids, dtype=object), barcodes).rename("sample")
    check_ids(file, index)
    y = y.set_axis(index.infer_objects())
    if header == "auto":
        _check_header(file, y, ids.name)
    return _convert_labels(_drop_missing(file, y, missing, missing_values))


def _read_table(file, header, sep, encoding, sheet):
    """Read a table of text from any format."""
    suffix = file.suffix.lower()
    if suffix == ".parquet" or suffix in EXCEL:
        check_file(file)
    if suffix == ".parquet":
        return _read_parquet_cells(file)
    if suffix not in EXCEL:
        return _read_cells(file, header, sep, encoding)
    with as_csv(file, sheet) as csv:
        return _read_cells(csv, header, ",", "utf-8")


def _read_parquet_cells(file):
    table = index_first(read_parquet(file))
    names = [str(name) for name in table.columns]
    if len(names) < 2:
        raise ValueError(
            f"{file.name} has {len(names)} columns. Give sample ids and labels."
        )
    cells = [as_text(table.iloc[:, i]) for i in range(len(names))]
    return pd.DataFrame(dict(enumerate(cells))).set_axis(names, axis=1)


def _choose_ids(file, table, id_column):
    """Return the name of the column of ids: the first, if it may be it."""
    if id_column is not None:
        return id_column
    first = table.columns[0]
    ids = [name for name in table.columns[1:] if is_sample_id_name(name)]
    if ids and not is_id_name(first) and table.iloc[:, 0].map(is_float).all():
        raise ValueError(
            f"{file.name} has numbers in its first column, {first!r}, and a column "
            f"{ids[0]!r}, so either may hold the ids. Say which with id_column=."
        )
    return first


def _find_column(file, table, name, parameter):
    if (table.columns == name).sum() != 1:
        raise ValueError(
            f"{file.name} has {(table.columns == name).sum()} columns called {name!r}, "
            f"but one is wanted for {parameter}=. Its columns are "
            f"{quote_values(table.columns, 20)}."
        )
    return table[name]


def _choose_column(file, candidates):
    if len(candidates) == 1:
        return candidates[0]
    chosen = next((name for name in _LABEL_COLUMNS if name in candidates), None)
    if chosen is None:
        raise ValueError(
            f"{file.name} has {len(candidates)} columns beside the sample ids, "
            f"{quote_values(candidates, 20)}, and none is called 'label' or 'subtype'. "
            "Say with column= which holds the labels; in a folder, rename it."
        )
    return chosen


def _check_header(file, y, id_name):
    """Raise an error if the header looks like a sample and its label."""
    has_values = looks_like_number(y.name) and all(map(looks_like_number, y))
    is_row = y.name in set(y) or (has_values and not is_corner(id_name))
    is_id = re.fullmatch(r"TCGA.*\d.*", id_name) or same_shape(
        id_name, y.index.to_numpy()[:, None]
    )
    is_alike = (
        not is_corner(id_name)
        and set(map(_outline, y.index)) == {_outline(id_name)}
        and _outline(y.name) in set(map(_outline, y))
    )
    if is_row or is_id or is_alike:
        raise ValueError(
            f"{file.name} seems to have no header: its first row is {id_name!r}, "
            f"{y.name!r}, which looks like a sample and its label. Pass header=False "
            "if it is one, or header=True if these are names."
        )


def _outline(name):
    """Return how a name is made of capitals, small letters and digits."""
    name = re.sub(r"[A-Z]", "A", name)
    return re.sub(r"\d", "0", re.sub(r"[a-z]", "a", name))


def _drop_missing(file, y, missing, missing_values):
    is_missing = find_missing(y, missing_values)
    words = count_words(y[is_missing])
    if missing == "error" and is_missing.any():
        raise ValueError(
            f"{file.name} has no label for {is_missing.sum()} of {len(y)} samples, "
            f"e.g. {quote_values(y.index[is_missing])}"
            + (f"; of these say so in words: {words}" if words else "")
            + ". Label them, or leave them out: in read_labels with missing='drop', in "
            "a folder by removing their rows."
            + (" If a word is a class, pass missing_values= without it." * bool(words))
        )
    if is_missing.all():
        raise ValueError(
            f"{file.name} has no label in its column {y.name!r}. Choose another "
            "column, or label the samples."
        )
    warn_of_missing(f"Column {y.name!r} of {file.name}", y[is_missing])
    return y[~is_missing]


def _convert_labels(y):
    is_whole = all(re.fullmatch(r"-?[1-9]\d{0,17}|0", label) for label in y)
    return y.astype(np.int64) if is_whole else y


def _read_cells(file, header, sep, encoding):
    """Read a table of text."""
    names, rows = read_cells(file, header=header, sep=sep, encoding=encoding)
    if len(rows[0]) < 2:
        raise ValueError(
            f"{file.name} has {len(rows[0])} columns in its first row of data. Give "
            "sample ids and labels, separated by commas (csv), tabs (tsv) or as sep= "
            "says."
        )
    if names is None:
        names = ["sample", "label", *map(str, range(2, len(rows[0])))]
    return pd.DataFrame(rows, columns=names, dtype=object)
