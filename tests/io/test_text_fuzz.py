"""Text in many dialects: read in C and cell by cell alike, each value in its place.

Where a cell belongs is found by an oracle of its own, with Python's csv module, which
shares no code with skomics. The long run is ten thousand cases; the quick one keeps two
hundred of them.
"""

import csv
import gzip
import io
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skomics.io import _cells, read_labels, read_omics
from tests.conftest import REPOSITORY

QUICK, FACTOR = 200, 50
FEATURES = ["TP53", "EGFR", "MYC", "KRAS", "x y", '5"', "7157", "a,b", "c;d"]
CORNERS = {"samples": "patient_id", "features": "gene"}
WORDS = [
    "NA",
    "NaN",
    "nan",
    "NAN",
    "null",
    "TRUE",
    "False",
    "1e-400",
    "+5",
    ".5",
    "-1.",
]
ODD = ["abc", "1_0", "0x1", "inf", "1e400", '"', '"1', "1.234,5", "1,234.5", "1,234"]
ODD += ["\u0663", "1 000", "1\x01", "nan(1)", "1.#IND", "'5", "--"]
COMMENTS = ["# a note\n", "## x\n\n"]
MISSING = {"", "na", "nan", "null", "1.#ind"}


@st.composite
def texts(draw):
    """Draw a table as text, and what an oracle needs to read it."""
    sep = draw(st.sampled_from(",,;;\t\t "))
    decimal = draw(st.sampled_from(".," if sep in ";\t " else "."))
    kind = draw(st.sampled_from(["samples", "features", "labels"]))
    names = FEATURES[:4] if sep == " " else FEATURES
    columns = draw(
        st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)
    )
    rows = [f"p{i}" for i in range(draw(st.integers(1, 4)))]
    if kind == "features":
        rows, columns = columns, rows
    corner = CORNERS.get(kind, "sample")
    style = draw(
        st.sampled_from(["plain", "plain", "#", "r", "rows", "header", "both"])
    )
    if style == "#" and sep == " ":
        # One comma in each row reads as a separator, and the header as a comment.
        decimal = "."
    cells = [[draw_cell(draw, sep, decimal, kind) for _ in columns] for _ in rows]
    head = {"#": [f"#{corner}", *columns], "r": columns}.get(style, [corner, *columns])
    table = [head, *([row, *line] for row, line in zip(rows, cells, strict=True))]
    if draw(st.integers(0, 3)) == 0:
        damage(draw, table)
    if sep != " ":
        for i, row in enumerate(table):
            if style == "both" or (style == "header") == (i == 0):
                row += [""] * (style in ("rows", "header", "both"))
    return write(draw, table, sep, style), sep, decimal, kind


def draw_cell(draw, sep, decimal, kind):
    if kind == "labels":
        return draw(st.sampled_from(["LumA", "Basal", "Her2 x", "3 cm", "0", "1"]))
    choice = draw(st.integers(0, 20))
    if choice == 0:
        return draw(st.sampled_from(ODD))
    if choice < 4:
        return draw(st.sampled_from(WORDS + [""] * (sep != " ")))
    number = draw(st.one_of(st.floats(-1e9, 1e9), st.integers(-99, 99)))
    return repr(number).replace(".", decimal)


def damage(draw, table):
    """Break a row: make it short or long, repeat it, or put a quote into it."""
    row = table[draw(st.integers(0, len(table) - 1))]
    kind = draw(st.sampled_from(["short", "long", "twice", "quote"]))
    at = draw(st.integers(0, len(row) - 1))
    if kind == "short" and len(row) > 2:
        del row[at]
    elif kind == "long":
        row.insert(at, "7")
    elif kind == "twice":
        table.append(list(row))
    else:
        row[at] = f'"{row[at]}'


def write(draw, table, sep, style):
    quote = draw(st.sampled_from(["", "", "names", "all"]))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    above = draw(st.sampled_from(["", *COMMENTS]))
    lines = [
        sep.join(
            put_in_quotes(
                cell, sep, quote == "all" or (quote and (i == 0 or j == 0)), style
            )
            for j, cell in enumerate(row)
        )
        for i, row in enumerate(table)
    ]
    last = draw(st.sampled_from(["", "\n", "\n\n"]))
    return (above + "\n".join(lines) + last).replace("\n", end)


def put_in_quotes(cell, sep, is_asked, style):
    if cell.startswith('"') or (style == "#" and cell.startswith("#")):
        return cell  # stray on purpose
    if is_asked or sep in cell or (sep == " " and cell == ""):
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'
    return cell


def split(text, sep):
    """Split text with the csv module; between tabs and spaces, quotes end in a line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if sep in ",;":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
    else:
        rows = []
        for line in text.splitlines():
            plain = next(csv.reader([line], delimiter=sep, quoting=csv.QUOTE_NONE), [])
            is_stray = line.count('"') % 2 == 1
            usual = next(csv.reader([line], delimiter=sep), [])
            rows.append([unwrap(cell) for cell in plain] if is_stray else usual)
    return [[cell.strip() for cell in row] for row in rows if any(row)]


def unwrap(cell):
    is_quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if is_quoted else cell


def is_open(line, sep):
    """Tell whether a quote that opens a cell does not close in its line."""
    try:
        next(csv.reader([line], delimiter=sep, strict=True))
    except csv.Error:
        return sep in ",;"
    return False


def find_cells(text, sep):
    """Return each cell by the names of its row and column."""
    for comment in COMMENTS:
        text = re.sub("\r\n|\r", "\n", text).removeprefix(comment)
    line, _, rest = text.lstrip("\n").partition("\n")
    if line.startswith("#") and is_open(line, sep):
        head, *rows = line.split(sep), *split(rest, sep)
    else:
        head, *rows = split(text, sep)
    head[0] = head[0].lstrip("#")
    while head[-1] == "":
        del head[-1]
    is_heading = head[0].strip('"') in (*CORNERS.values(), "sample")
    # A last column without a value is no reason to take the header for R's.
    is_empty = all(len(row) == len(head) + 1 and not row[-1] for row in rows)
    has_corner = is_heading or is_empty or len(head) == len(rows[0])
    columns = head[1:] if has_corner else head
    found = {}
    for row in rows:
        assert not any(row[len(columns) + 1 :]), "a value beyond the header was lost"
        for column, cell in zip(columns, row[1:], strict=False):
            assert (row[0], column) not in found, "a repeated name was read"
            found[row[0], column] = cell
    return found


def to_number(cell, decimal):
    if cell.lower().lstrip("+-") in MISSING or cell in ("NULL", "1.#IND"):
        return np.nan
    if cell.lower() in ("true", "false"):
        return float(cell.lower() == "true")
    return float(cell.replace(",", ".") if decimal == "," else cell)


def outcome(read):
    """Return what was read, or the error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*the last column is empty")
        try:
            return read(), None
        except ValueError as error:
            return None, f"{type(error).__name__}: {error}"


def check_omics(file, text, sep, decimal, orientation, monkeypatch):
    def read():
        return read_omics(file, orientation=orientation)

    X, error = outcome(read)
    for parser in (lambda *_: None, _cells._parse_with_pandas):
        with monkeypatch.context() as context:
            name = "_parse_with_arrow" if parser is _cells._parse_with_pandas else ""
            context.setattr(_cells, name or "parse_plain", parser)
            other, other_error = outcome(read)
        assert error == other_error
        if X is not None:
            pd.testing.assert_frame_equal(X, other, check_exact=True)
    if X is None:
        return 0
    X = X if orientation == "samples" else X.T
    cells = find_cells(text, sep)
    assert set(cells) == {(row, column) for row in X.index for column in X.columns}
    for (row, column), cell in cells.items():
        np.testing.assert_equal(X.loc[row, column], to_number(cell, decimal))
    return len(cells)


def check_labels(file, text, sep):
    y, error = outcome(lambda: read_labels(file, column="TP53"))
    if y is None or y.to_list() == y.index.to_list():  # its name is over the ids
        return 0
    cells = find_cells(text, sep)
    ids = [row for row, column in cells if column == "TP53"]
    assert y.index.to_list() == ids
    assert y.astype(str).to_list() == [cells[i, "TP53"] for i in ids]
    return len(ids)


def test_each_value_is_in_its_place_on_both_paths(tmp_path, monkeypatch):
    factor = int(os.environ.get("SKOMICS_FUZZ_FACTOR", "1"))
    pytest.importorskip("pyarrow")
    counts = {"read": 0, "refused": 0, "values": 0}

    @settings(
        max_examples=QUICK * factor,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        drawn=texts(),
        name=st.sampled_from(["zq.csv", "zq.tsv", "zq.txt", "zq", "zq.csv.gz"]),
    )
    def run(drawn, name):
        text, sep, decimal, kind = drawn
        file = tmp_path / name
        content = text.encode()
        file.write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)
        if kind == "labels":
            n_values = check_labels(file, text, sep)
        else:
            n_values = check_omics(file, text, sep, decimal, kind, monkeypatch)
        counts["read" if n_values else "refused"] += 1
        counts["values"] += n_values

    run()
    assert counts["read"] + counts["refused"] >= QUICK * factor
    assert counts["values"] >= (10_000 if factor >= FACTOR else 100), counts
    assert counts["read"] > QUICK * factor / 5, counts
    assert counts["refused"] > 0, counts
    print(counts)


@pytest.mark.slow
def test_each_of_ten_thousand_values_is_in_its_place_on_both_paths():
    # Hypothesis draws on the constants of all modules that are loaded. In a process of
    # its own, without those of other tests, the cases are the same each time.
    name = test_each_value_is_in_its_place_on_both_paths.__name__
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-k", name]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "SKOMICS_FUZZ_FACTOR": str(FACTOR)},
        timeout=250,
    )
    assert result.returncode == 0, result.stdout[-5000:]
    assert "1 passed" in result.stdout
