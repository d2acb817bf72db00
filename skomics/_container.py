"""The file: a safetensors container, its header, its checksum, and how it is replaced.

The container is written and read here, not by the library, which cannot write to an
open file, reports a full disk as an error of its own, and maps tensors of kinds that
NumPy does not know. Any safetensors library reads what is written.
"""

import hashlib
import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skomics._files import replace_whole

__all__ = [
    "CHECKPOINT",
    "DTYPES",
    "MODEL",
    "FileKind",
    "digest",
    "is_count",
    "read_file",
    "write_file",
]

# The dtypes of tensors and of single values.
DTYPES = {
    name: np.dtype(name)
    for name in (
        *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"),
        *("uint64", "int64", "float16", "float32", "float64"),
    )
}
_CODES = {
    **{"bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16"},
    **{"uint32": "U32", "int32": "I32", "uint64": "U64", "int64": "I64"},
    **{"float16": "F16", "float32": "F32", "float64": "F64"},
}
_DTYPES = {code: DTYPES[name].newbyteorder("<") for name, code in _CODES.items()}
# Bounds that are checked before JSON is decoded, which takes up to 30 bytes of memory
# per bracket or comma. A forest of 1,000 trees has 70,000 of them.
_MAX_MARKS = 4_000_000
_MAX_DEPTH = 200
_MAX_DIMENSIONS = 8
# What is refused by its suffix, and what it stands for.
_SUFFIXES = {
    **dict.fromkeys((".pkl", ".pickle", ".p"), "pickles"),
    ".joblib": "joblib's pickles",
    ".skops": "skops' archives",
}


@dataclass(frozen=True)
class FileKind:
    """What a file holds.

    Parameters
    ----------
    key : str
        Of the metadata.

    name : str
        What it is of, for messages.

    writer : str
        What writes such files, for messages.
    """

    key: str
    name: str
    writer: str


MODEL = FileKind("skomics", "a skomics model", "save_model")
CHECKPOINT = FileKind(
    "skomics_checkpoint", "a fit that was interrupted", "fit with checkpoint="
)


def digest(header, tensors):
    """Return the SHA-256 of all that makes up a model.

    Parameters
    ----------
    header : dict
        JSON values, of which those under "sha256" do not count.

    tensors : dict of str to ndarray
        The arrays.

    Returns
    -------
    sha256 : str
        In hexadecimal digits.
    """
    content = {key: value for key, value in header.items() if key != "sha256"}
    found = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.data if array.size else b"")
    return found.hexdigest()


def _container_header(tensors, metadata):
    """Return the JSON text of the container and the arrays in its order."""
    entries, start = {"__metadata__": metadata}, 0
    # Wide types first, as the format wants for their alignment.
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    for name in order:
        array = tensors[name]
        entries[name] = {
            "dtype": _CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, start := start + array.nbytes],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8), order


def write_file(path, header, tensors, check=None, *, kind=MODEL):
    """Write a file in place of another, once it is complete.

    Parameters
    ----------
    path : str or path-like
        The file; a link is followed, and the permissions of a file that is there are
        kept.

    header : dict
        JSON values.

    tensors : dict of str to ndarray
        C-contiguous arrays of the machine's byte order.

    check : callable, default=None
        Called with the header, the tensors and the size before anything is written.

    kind : FileKind, default=MODEL
        What the file holds.
    """
    path = Path(path)
    _check_suffix(path)
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}. Make it first.")
    text, order = _container_header(
        tensors, {kind.key: json.dumps(header, allow_nan=False)}
    )
    if check is not None:
        check(header, tensors, len(text) + sum(a.nbytes for a in tensors.values()))

    def write(part):
        with part.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for name in order:
                array = tensors[name]
                array = array.astype(array.dtype.newbyteorder("<"), copy=False)
                file.write(array.data if array.size else b"")
            file.flush()
            os.fsync(file.fileno())

    replace_whole(path, write)


def _check_suffix(path):
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is not None:
        raise ValueError(
            f"Got {path.name} to save to, but {path.suffix} is the suffix of {kind}, "
            "which other programs would take this file for. Use .safetensors."
        )


def read_file(path, *, kind=MODEL):
    """Read a file, and check all of it but what its content means.

    Parameters
    ----------
    path : str or path-like
        The file.

    kind : FileKind, default=MODEL
        What the file is to hold.

    Returns
    -------
    header : dict
        What the file says of its content.

    tensors : dict of str to ndarray
        The arrays, each with memory of its own, no more than the file's size in all.

    size : int
        The file's size in bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    ValueError
        If it is no file of this kind, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            entries, start = _read_container(file, size)
            metadata = entries.pop("__metadata__", {})
            plan = _plan_tensors(entries, size - start)
            tensors = {name: _read_tensor(file, *item) for name, item in plan}
    except _BrokenFileError as error:
        raise ValueError(
            f"{path} is no complete safetensors file ({error}). Give a file that "
            f"{kind.writer} wrote; what pickle or joblib wrote is read by these."
        ) from error
    text = metadata.get(kind.key) if isinstance(metadata, dict) else None
    header = None
    with suppress(_BrokenFileError):
        header = _decode_json(text) if isinstance(text, str) else None
    if not isinstance(header, dict):
        raise ValueError(
            f"{path} is a safetensors file, but not one of {kind.name}. Give a "
            f"file that {kind.writer} wrote."
        )
    return header, tensors, size


class _BrokenFileError(Exception):
    """What is wrong with a container, in words."""


def _read_container(file, size):
    """Return the entries of the container's header, and where the data begin."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise _BrokenFileError(f"it has {size} bytes, too few for its header")
    entries = _decode_json(file.read(length).decode(errors="replace"))
    if not isinstance(entries, dict):
        raise _BrokenFileError("its header is no JSON object")
    return entries, 8 + length


def _decode_json(text):
    """Decode JSON of bounded depth and size, without NaN and without double keys."""
    marks = sum(map(text.count, "[{,"))
    if marks > _MAX_MARKS:
        raise _BrokenFileError(f"its header has {marks} values, more than {_MAX_MARKS}")
    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _BrokenFileError(f"its header is no JSON: {error!s:.200}") from error
    _check_depth(value)
    return value


def _refuse(name):
    raise ValueError(f"{name} is no JSON")


def _unique(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _check_depth(value):
    """Walk level by level, because what is deep cannot be walked by recursion."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        inner = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return
    raise _BrokenFileError(f"its header is more than {_MAX_DEPTH} levels deep")


def is_count(value):
    """Tell whether a value is an integer from 0 that an array can be sized by."""
    return type(value) is int and 0 <= value < 2**48


def _plan_tensors(entries, n_bytes):
    """Return name, dtype and shape of each tensor in the order of the data."""
    spans = []
    for name, entry in entries.items():
        keys = {"dtype", "shape", "data_offsets"}
        if not isinstance(entry, dict) or entry.keys() != keys:
            raise _BrokenFileError(f"tensor {name!r:.50} is not described")
        dtype, shape = entry["dtype"], entry["shape"]
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise _BrokenFileError(f"tensor {name!r:.50} is of kind {dtype!r:.20}")
        is_shape = isinstance(shape, list) and all(map(is_count, shape))
        if not is_shape or len(shape) > _MAX_DIMENSIONS:
            raise _BrokenFileError(f"tensor {name!r:.50} has no proper shape")
        # Empty ones, too: what is multiplied with them is as large as they are long.
        if math.prod(max(n, 1) for n in shape) > max(n_bytes, 2**16):
            raise _BrokenFileError(f"tensor {name!r:.50} is larger than the file")
        spans.append((entry["data_offsets"], name, _DTYPES[dtype], shape))
    return list(_in_order(spans, n_bytes))


def _in_order(spans, n_bytes):
    """Yield the tensors, whose bytes must follow each other up to the file's end."""
    for offsets, name, *_ in spans:
        is_span = isinstance(offsets, list) and len(offsets) == 2
        if not is_span or not all(map(is_count, offsets)):
            raise _BrokenFileError(f"tensor {name!r:.50} has no proper place")
    position = 0
    for (start, stop), name, dtype, shape in sorted(spans, key=lambda s: (s[0], s[1])):
        if start != position or stop - start != dtype.itemsize * math.prod(shape):
            raise _BrokenFileError(f"tensor {name!r:.50} has no proper place")
        position = stop
        yield name, (dtype, shape)
    if position != n_bytes:
        raise _BrokenFileError(f"its tensors take {position} of {n_bytes} bytes")


def _read_tensor(file, dtype, shape):
    array = np.empty(shape, dtype)
    if array.size and file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:
        raise _BrokenFileError("it ends early")
    if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise _BrokenFileError("a truth value is neither 0 nor 1")
    return array.astype(dtype.newbyteorder("="), copy=False)
