"""Lines of a text file: unpacked, decoded, checked and bounded."""

import codecs
import gzip
import io
import zlib
from contextlib import contextmanager

from skomics.io._magic import check_text

__all__ = ["open_lines"]

_GZIP = b"\x1f\x8b"
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# A line is read in pieces, so that a packed file cannot fill the memory: a piece has
# separators, and a line has its end at last. 450,000 names of 250 characters fit.
_PIECE = 2**22
_LONGEST = 2**27
_N_EMPTY = 2**20


@contextmanager
def open_lines(file, encoding="utf-8"):
    """Open a file as an iterator over its lines.

    Parameters
    ----------
    file : Path
        A text file, plain or gzipped.

    encoding : str, default="utf-8"
        The encoding of the text; a byte order mark says it, too, and is left out.

    Yields
    ------
    lines : iterator of (int, str)
        The number of each line, counted from 1, and the line with its end.

    Raises
    ------
    FileNotFoundError
        If the file is missing.

    ValueError
        If it is no text, cannot be decoded or unpacked, or has a line without end.
    """
    with _open(file, encoding) as text:
        yield _read_lines(file, text, encoding)


def _open(file, encoding):
    if not file.is_file():
        what = "a folder" if file.is_dir() else "not there"
        cure = "Give a file; load_folder reads folders" if file.is_dir() else "Check it"
        raise FileNotFoundError(f"{str(file)!r} is {what}, a table is wanted. {cure}.")
    check_text(file)
    raw = file.open("rb")
    if raw.peek(2)[:2] == _GZIP:
        raw = _Unzipped(raw)
    try:
        name = codecs.lookup(encoding).name
        name = _find_mark(raw) or name if name == "utf-8" else name
        name = "utf-8-sig" if name == "utf-8" else name
        # Faulty bytes are let through, and found by line in _read_lines.
        return io.TextIOWrapper(raw, name, errors="surrogateescape", newline="")
    except LookupError as error:
        raw.close()
        raise ValueError(
            f"Got encoding={encoding!r} for {file.name}, which is no encoding of text "
            "that Python knows. Use a name such as 'utf-8', 'utf-16' or 'latin-1'."
        ) from error


def _find_mark(raw):
    """Return the encoding that a byte order mark says."""
    try:
        start = raw.peek(4)[:4]
    except (EOFError, OSError, zlib.error):
        return None  # named when the lines are read
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)


class _Unzipped(gzip.GzipFile):
    """A gzip file that closes the file it reads."""

    def __init__(self, raw):
        super().__init__(fileobj=raw, mode="rb")
        self._raw = raw

    def close(self):
        super().close()
        self._raw.close()


def _read_lines(file, text, encoding):
    number = n_empty = 0
    try:
        while line := text.readline(_PIECE):
            number += 1
            n_empty = n_empty + 1 if line in ("\n", "\r\n", "\r") else 0
            if n_empty > _N_EMPTY:
                raise ValueError(
                    f"{file.name} has {n_empty:,} empty lines up to line {number:,}. "
                    "It is no table; get or write it again."
                )
            _check_piece(file, line, number, encoding)
            if len(line) == _PIECE and not line.endswith(("\n", "\r")):
                line = _read_long_line(file, text, line, number, encoding)
            if not line.isascii():
                line.encode("utf-8")  # refuses bytes that could not be decoded
            yield number, line
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


def _read_long_line(file, text, start, number, encoding):
    pieces, length = [start], len(start)
    while not pieces[-1].endswith(("\n", "\r")):
        piece = text.readline(_PIECE)
        if not piece:
            break
        _check_piece(file, piece, number, encoding)
        pieces.append(piece)
        length += len(piece)
        if length > _LONGEST:
            raise ValueError(
                f"{file.name} has more than {_LONGEST:,} characters in line {number}. "
                "A table has line breaks; write it with one row a line, with samples "
                "in columns if it has millions of features, or as parquet."
            )
    return "".join(pieces)


def _check_piece(file, piece, number, encoding):
    if "\0" in piece:
        raise ValueError(
            f"{file.name} holds a NUL byte in line {number}, so it is no text "
            f"in {encoding}. Pass the right encoding=, for instance 'utf-16', "
            "or get the file again."
        )
    if len(piece) == _PIECE and not any(sep in piece for sep in "\t,; "):
        raise ValueError(
            f"{file.name} has more than {_PIECE:,} characters in line {number} without "
            "a tab, comma, semicolon or space. It is no table; get or write it again."
        )
