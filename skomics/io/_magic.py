"""Tell files that are no text, and say what they are."""

import gzip
import re
import zipfile
import zlib

__all__ = ["check_text"]

_N_BYTES = 1024
_UNPACK = "Unpack it, and give the table in it"
_R = "Write it as text in R, with write.csv(x, 'table.csv')"
_PANDAS = "Write it with DataFrame.to_csv or to_parquet, and give that"
_WEB = (
    "It is likely what a server answered instead of the table; download the file again"
)
# What the first bytes are, from where on, and what to do.
_KINDS = [
    (0, rb"BZh[1-9]1AY&SY", "a bz2 archive", _UNPACK),
    (0, rb"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (0, rb"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (0, rb"\x04\x22\x4d\x18", "an lz4 archive", _UNPACK),
    (0, rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, rb"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (257, rb"ustar", "a tar archive", _UNPACK),
    (0, rb"PAR1", "a parquet file", "Give it the suffix .parquet"),
    (0, rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "If it is an AnnData or MuData, give it "
     "the suffix .h5ad or .h5mu; else write its table as csv"),
    (0, rb"ARROW1|FEA1", "a feather (arrow) file",
     "Write it as parquet, with pandas.read_feather(...).to_parquet(...)"),
    (0, rb"[XB]\n\0\0|[XAB]\n[\0\s]*[23]\n\d{5,6}\n", "an rds file of R", _R),
    (0, rb"RD[XAB][1-3]\n", "an RData file of R", _R),
    (0, rb"\x80[\x02-\x05]", "a pickle of Python", _PANDAS),
    (0, rb"\x93NUMPY", "an npy array", "Write it as csv, with numpy.savetxt(..., "
     "delimiter=',')"),
    (0, rb"%PDF-", "a PDF document", "Get the table as csv or xlsx"),
    (0, rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel file (xls)",
     "Save it in Excel as csv"),
    (0, rb"SQLite format 3\0", "an SQLite database", _PANDAS),
    (0, rb"BAM\x01|CRAM[\x02\x03]", "a file of sequence reads",
     "Count the reads, and give the table of counts"),
    (0, rb"MATLAB 5\.0 MAT-file", "a mat file of Matlab",
     "Write its table as csv in Matlab, with writetable"),
    (0, rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|body)\b", "a web page (html)",
     _WEB),
    (0, rb"(\xef\xbb\xbf)?\s*<\?xml", "an XML document", _WEB),
    (0, rb"(\xef\xbb\xbf)?\s*(\{|\[\s*\{)\s*\"", "a JSON document", _PANDAS),
    (0, rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "a picture", "Give the table itself"),
    (0, rb"version https://git-lfs", "a pointer of Git LFS, not the file itself",
     "Get the file with git lfs pull"),
]  # fmt: skip


def check_text(file):
    """Raise an error if the first bytes of a file say that it is no text.

    Parameters
    ----------
    file : Path
        A file, plain or gzipped.

    Raises
    ------
    ValueError
        If the file is of a known format; the message names it and what to do.
    """
    with file.open("rb") as raw:
        start = raw.read(_N_BYTES)
    kind = _name_kind(file, start) or _name_kind(file, _unpack(start))
    if kind:
        what, cure = kind
        raise ValueError(
            f"{file.name} is {what}, where a text table is wanted. {cure}."
        )


def _unpack(start):
    """Return the first bytes of what is gzipped; none if they are damaged or plain."""
    if not start.startswith(b"\x1f\x8b"):
        return b""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _N_BYTES)
    except (zlib.error, gzip.BadGzipFile):
        return b""  # found and named when the lines are read


def _name_kind(file, start):
    if start.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\10")):
        return _name_zip(file, start)
    for offset, pattern, what, cure in _KINDS:
        if re.match(pattern, start[offset:], re.IGNORECASE if b"<" in pattern else 0):
            return what, cure
    return None


def _name_zip(file, start):
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        # Packed again, or cut short: the first name is in the first bytes.
        length = int.from_bytes(start[26:28], "little")
        names = [start[30 : 30 + length].decode("latin-1")]
    if any(name.startswith(("xl/", "[Content_Types]")) for name in names):
        return "an Excel file (xlsx)", "Give it the suffix .xlsx, or save it as csv"
    if any(name.endswith(".npy") for name in names):
        return "an npz file of numpy", "Give it the suffix .npz if it is sparse"
    inside = f" ({', '.join(names[:3])})" if any(names) else ""
    return f"a zip archive{inside}", _UNPACK
