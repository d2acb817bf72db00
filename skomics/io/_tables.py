"""Read one file of numbers in any format, and find out what its rows are."""

import gzip
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import SEPARATOR
from skomics._optional import import_optional
from skomics._rows import check_unique, place_rows, quote_values
from skomics._tcga import normalize_barcode
from skomics.exceptions import SampleAlignmentError
from skomics.io._names import (
    guess_kind,
    is_description,
    is_feature_corner,
    is_sample_corner,
)
from skomics.io._text import MISSING, read_numbers

__all__ = [
    "RawTable",
    "Reading",
    "SparseTable",
    "check_ids",
    "clean_ids",
    "find_orientation",
    "orient",
    "read_raw",
    "read_single",
    "wrap_errors",
]

_FEATURE_FILES = ("_features.txt", "_features.txt.gz")


@dataclass(frozen=True)
class Reading:
    """How files are to be read; the parameters are those of `read_omics`."""

    orientation: str = "auto"
    ids: pd.Index | None = None
    header: bool | str = "auto"
    sep: str | None = None
    encoding: str = "utf-8"
    barcodes: str = "dashes"
    repeated: str = "error"
    decimal: str = "auto"


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it is in its file, before rows are known to be samples.

    Parameters
    ----------
    file : Path
        Where it is from.

    values : ndarray or csr of shape (n_rows, n_columns)
        The numbers.

    rows, columns : Index or None
        Names of the axes; None where the file has none.

    corner : list of str
        Names over the names of the rows.

    lines : list of int
        Where the rows are in a text file.

    is_oriented : bool, default=False
        Whether the format says that rows are samples.

    is_turned : bool, default=False
        Whether the format says that rows are features.
    """

    file: Path
    values: object
    rows: pd.Index | None
    columns: pd.Index | None
    corner: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    is_oriented: bool = False
    is_turned: bool = False


@dataclass(frozen=True, eq=False)
class SparseTable:
    """A csr matrix and the names of its rows and columns."""

    matrix: sparse.csr_matrix
    index: pd.Index
    columns: pd.Index

    def reindex(self, ids):
        """Return the table with the rows in the order of ids, all of which it has."""
        return replace(self, matrix=self.matrix[place_rows(self.index, ids)], index=ids)


def read_raw(file, reading):
    """Read a file by its suffix.

    Parameters
    ----------
    file : Path
        The file.

    reading : Reading
        How to read it.

    Returns
    -------
    tables : dict of RawTable
        The tables by name: several for h5mu, else one under the name "".
    """
    readers = {".parquet": _read_parquet, ".npz": _read_npz, ".h5ad": _read_h5ad}
    if file.suffix in readers or file.suffix == ".h5mu":
        _check_file(file)
    if file.suffix == ".h5mu":
        tables = _read_h5mu(file)
    elif file.suffix in readers:
        tables = {"": readers[file.suffix](file, reading)}
    else:
        tables = _read_text(file, reading)
    return {name: _clean_names(table, reading) for name, table in tables.items()}


def read_single(file, reading):
    """Read a file that holds one table.

    Parameters
    ----------
    file : Path
        The file.

    reading : Reading
        How to read it.

    Returns
    -------
    table : RawTable
        The table.
    """
    tables = read_raw(file, reading)
    if set(tables) != {""}:
        raise ValueError(
            f"{file.name} holds the modalities {quote_values(tables)}, where a table "
            "of one is wanted. Read it with read_omics, or write a file for each."
        )
    return tables[""]


def _check_file(file):
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no file {str(file)!r}. Check the path; load_folder is for "
            "folders."
        )


def _read_text(file, reading):
    text = read_numbers(
        file,
        header=reading.header,
        sep=reading.sep,
        decimal=reading.decimal,
        encoding=reading.encoding,
    )
    table = RawTable(
        file,
        text.values,
        None if text.leading is None else _name_rows(text),
        None if text.columns is None else pd.Index(text.columns, dtype=object),
        text.corner,
        text.lines,
        is_turned=text.has_features,
    )
    return _split_levels(table, text.levels) if text.levels else {"": table}


def _split_levels(table, levels):
    """Split a table with column levels, whose rows are samples, by modality."""
    levels = pd.Index(levels, dtype=object)
    return {
        omics: replace(
            table,
            values=table.values[:, levels == omics],
            columns=table.columns[levels == omics],
            is_oriented=True,
        )
        for omics in levels.unique()
    }


def _name_rows(text):
    """Name each row by the first of its leading cells that names anything."""
    if len(text.corner) == 1:
        return pd.Index([cells[0] for cells in text.leading], dtype=object)
    use = [i for i, name in enumerate(text.corner) if not is_description(name)] or [0]
    names = [
        next((cells[i] for i in use if cells[i] not in MISSING), "")
        for cells in text.leading
    ]
    return pd.Index(names, dtype=object)


def _read_parquet(file, _):
    parquet = import_optional("pyarrow.parquet", extra="data")
    with wrap_errors(file, "parquet"):
        table = parquet.read_table(file).to_pandas()
    corner, rows = [str(table.index.name or "")], table.index
    is_counted = isinstance(rows, pd.RangeIndex) and table.shape[1] > 0
    if is_counted and not _is_number(table.dtypes.iloc[0]):
        corner, rows = [str(table.columns[0])], pd.Index(table.iloc[:, 0])
        table = table.iloc[:, 1:]
    for name, dtype in table.dtypes.items():
        if not _is_number(dtype):
            raise ValueError(
                f"{file.name} holds {dtype} in column {name!r}, where numbers are "
                "wanted. Encode the column as numbers, or drop it."
            )
    with wrap_errors(file, "parquet"):
        values = table.to_numpy(dtype=np.float64, na_value=np.nan)
    return RawTable(file, values, _as_text(rows), _as_text(table.columns), corner)


def _as_text(names):
    return pd.Index(
        [
            SEPARATOR.join(map(str, n)) if isinstance(n, tuple) else str(n)
            for n in names
        ],
        dtype=object,
    )


def _is_number(dtype):
    is_number = pd.api.types.is_numeric_dtype(dtype)
    return is_number and not pd.api.types.is_complex_dtype(dtype)


def _read_npz(file, reading):
    names_files = [
        file.with_name(file.name.removesuffix(".npz") + end) for end in _FEATURE_FILES
    ]
    names_file = next((f for f in names_files if f.is_file()), None)
    if names_file is None:
        raise FileNotFoundError(
            f"{file.name} has no names of its features: neither {names_files[0].name} "
            f"nor {names_files[1].name} is there. Add one, with a name a line."
        )
    with wrap_errors(names_file, "text"):
        opener = gzip.open if names_file.suffix == ".gz" else open
        with opener(names_file, "rt", encoding="utf-8") as lines:
            names = pd.Index(lines.read().splitlines(), dtype=object)
    with wrap_errors(file, "a sparse npz"), file.open("rb") as raw:
        matrix = _as_csr(sparse.load_npz(raw))
    n_ids = 0 if reading.ids is None else len(reading.ids)
    if matrix.shape != (n_ids, len(names)):
        raise ValueError(
            f"{file.name} has {matrix.shape[0]} rows and {matrix.shape[1]} columns, "
            f"but there are {n_ids} sample ids and {names_file.name} has {len(names)} "
            "names. Rows must be the samples, in the order of ids= (in a folder, of "
            "labels.csv)."
        )
    return RawTable(file, matrix, reading.ids, names, is_oriented=True)


def _as_csr(matrix):
    # Indices beyond the shape would crash the interpreter later.
    if hasattr(matrix, "check_format"):
        matrix.check_format(full_check=True)
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"its values are {matrix.dtype}, not numbers")
    return sparse.csr_matrix(matrix)


def _read_h5ad(file, _):
    anndata = import_optional("anndata", extra="mudata")
    with wrap_errors(file, "h5ad"):
        return _as_raw(file, anndata.io.read_h5ad(file))


def _read_h5mu(file):
    mudata = import_optional("mudata", extra="mudata")
    with wrap_errors(file, "h5mu"), mudata.set_options(pull_on_update=False):
        data = mudata.read_h5mu(file)
        return {name: _as_raw(file, mod) for name, mod in data.mod.items()}


def _as_raw(file, data):
    values = data.X
    if values is None:
        raise ValueError("it holds no matrix X")
    values = (
        _as_csr(values)
        if sparse.issparse(values)
        else np.asarray(values, dtype=np.float64)
    )
    return RawTable(
        file,
        values,
        pd.Index(data.obs_names, dtype=object),
        pd.Index(data.var_names, dtype=object),
        is_oriented=True,
    )


@contextmanager
def wrap_errors(file, format):
    """Turn whatever a library raises for a damaged file into one clear error.

    Parameters
    ----------
    file : Path
        The file that is read.

    format : str
        What it is read as.
    """
    try:
        yield
    # A damaged file makes h5py, zipfile and their kin raise nearly anything.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{file.name} cannot be read as {format}: {reason}. The file is damaged, "
            "cut short or of another format; get or write it again."
        ) from error


def clean_ids(names, barcodes):
    """Write TCGA barcodes with dashes and capitals; leave other names alone.

    Parameters
    ----------
    names : Index
        Names of samples or features.

    barcodes : {"dashes", "keep"}
        "keep" leaves all as they are.

    Returns
    -------
    names : Index
        The names.
    """
    if barcodes == "keep":
        return names
    clean = [normalize_barcode(name) for name in map(str, names)]
    return pd.Index(clean, dtype=object, name=names.name)


def _clean_names(table, reading):
    names = {
        axis: None if labels is None else clean_ids(labels, reading.barcodes)
        for axis, labels in (("rows", table.rows), ("columns", table.columns))
    }
    return replace(table, **names)


def find_orientation(table, reading):
    """Find out whether the rows of a table are samples or features.

    Parameters
    ----------
    table : RawTable
        The table.

    reading : Reading
        What was asked for; with ids, they alone count.

    Returns
    -------
    orientation : {"samples", "features"} or None
        What the rows are; None if nothing says so.

    Raises
    ------
    ValueError
        If there is evidence for both.
    """
    if table.is_oriented:
        return "samples"
    if reading.orientation != "auto":
        return reading.orientation
    if table.is_turned:
        return "features"
    if table.rows is None:
        evidence = _compare_lengths(table, reading.ids)
    elif reading.ids is not None:
        evidence = _compare_ids(table, reading.ids)
    else:
        evidence = _compare_names(table)
    if all(evidence.values()):
        raise ValueError(
            f"{table.file.name} has rows that look like samples, because "
            f"{evidence['samples']}, and like features, because "
            f"{evidence['features']}. Pass orientation='samples' or 'features'."
        )
    return next((rows for rows, reason in evidence.items() if reason), None)


def _compare_lengths(table, ids):
    n_rows, n_columns = table.values.shape
    n_ids = -1 if ids is None else len(ids)
    return {
        "samples": f"there are {n_ids} ids and rows" if n_ids == n_rows else "",
        "features": f"there are {n_ids} ids and columns" if n_ids == n_columns else "",
    }


def _compare_ids(table, ids):
    n_rows, n_columns = table.rows.isin(ids).sum(), table.columns.isin(ids).sum()
    # A chance hit, say of a sample called like a gene, does not outweigh the rest.
    return {
        "samples": f"{n_rows} rows are in ids" if 10 * n_rows > n_columns else "",
        "features": f"{n_columns} columns are in ids"
        if 10 * n_columns > n_rows
        else "",
    }


def _compare_names(table):
    rows, columns = guess_kind(table.rows), guess_kind(table.columns)
    corner = table.corner[0] if table.corner else ""
    samples = [
        f"{quote_values(table.rows, 1)} is a barcode" if rows == "samples" else "",
        f"column {quote_values(table.columns, 1)} is a feature"
        if columns == "features"
        else "",
        f"{corner!r} is over the rows" if is_sample_corner(corner) else "",
    ]
    features = [
        f"row {quote_values(table.rows, 1)} is a feature" if rows == "features" else "",
        f"column {quote_values(table.columns, 1)} is a barcode"
        if columns == "samples"
        else "",
        f"{corner!r} is over the rows" if is_feature_corner(corner) else "",
    ]
    return {
        "samples": " and ".join(filter(None, samples)),
        "features": " and ".join(filter(None, features)),
    }


def orient(table, orientation, reading):
    """Return the table with samples in rows and checked names.

    Parameters
    ----------
    table : RawTable
        The table.

    orientation : {"samples", "features"} or None
        What its rows are; None is refused.

    reading : Reading
        How to read it.

    Returns
    -------
    table : DataFrame or SparseTable of shape (n_samples, n_features)
        Finite or NaN; a DataFrame is of float64.

    Raises
    ------
    SampleAlignmentError
        If no name is among the ids.

    ValueError
        If the orientation is unknown, a name is missing or repeated, or a value is
        infinite.
    """
    if orientation is None:
        _raise_undecided(table, reading)
    samples, features, values = table.rows, table.columns, table.values
    if orientation == "features":
        samples, features, values = features, samples, values.T
    if table.rows is None:
        samples, features = _make_names(table, values.shape, reading.ids)
    samples, features = samples.rename("sample"), features.rename("feature")
    _check_finite(table.file, values)
    check_ids(table.file, samples)
    _check_features(table, features, orientation)
    return _resolve_repeated(table.file, values, samples, features, reading.repeated)


def _raise_undecided(table, reading):
    name = table.file.name
    if table.rows is None:
        n_ids = "no" if reading.ids is None else str(len(reading.ids))
        raise ValueError(
            f"{name} has {table.values.shape[0]} rows and {table.values.shape[1]} "
            f"columns without names, and {n_ids} ids were given, so nothing says "
            "whether rows are samples. Pass orientation='samples' or 'features', or "
            "ids= with an id for each sample."
        )
    axes = f"rows {quote_values(table.rows)} and columns {quote_values(table.columns)}"
    if reading.ids is not None:
        raise SampleAlignmentError(
            f"{name} has {axes}, none of which is among the {len(reading.ids)} ids "
            f"({quote_values(reading.ids)}). Give the ids of this table's samples, or "
            "pass orientation='samples' or 'features'."
        )
    raise ValueError(
        f"{name} has {axes}, which do not tell samples from features. Pass "
        "orientation='samples' if rows are samples, orientation='features' if they "
        "are features, or ids= with sample ids, for instance the labels."
    )


def _make_names(table, shape, ids):
    if ids is not None and len(ids) != shape[0]:
        raise SampleAlignmentError(
            f"{table.file.name} has {shape[0]} samples and {len(ids)} ids were given. "
            "A table without names needs one id per sample, in its order."
        )
    if ids is None:
        ids = pd.Index([f"sample_{i}" for i in range(shape[0])], dtype=object)
    features = table.columns
    if features is None:
        features = pd.Index([f"feature_{i}" for i in range(shape[1])], dtype=object)
    return ids, features


def _check_finite(file, values):
    cells = values.data if sparse.issparse(values) else values
    n_infinite = int(np.isinf(cells).sum())
    if n_infinite:
        raise ValueError(
            f"{file.name} holds {n_infinite} infinite values. Replace them, or write "
            "missing values as NaN."
        )


def check_ids(file, ids):
    """Raise an error if sample ids are missing or repeated.

    Parameters
    ----------
    file : Path
        Where they are from.

    ids : Index
        The ids.
    """
    is_missing = ids.isin(["", "NA", "NaN", "nan", "None"])
    if is_missing.any():
        raise ValueError(
            f"{file.name} has {is_missing.sum()} samples without an id. Name every "
            "sample, or remove these rows."
        )
    check_unique(file.name, ids, "Keep one row per sample.")


def _check_features(table, features, orientation):
    is_missing = features == ""
    if not len(features):
        raise ValueError(f"{table.file.name} has no features. Give at least one.")
    if is_missing.any():
        first = int(np.argmax(is_missing))
        place = (
            f"column {first + max(1, len(table.corner)) + 1}"
            if orientation == "samples"
            else f"line {table.lines[first]}"
            if table.lines
            else f"row {first + 1}"
        )
        raise ValueError(
            f"{table.file.name} has {is_missing.sum()} features without a name, the "
            f"first in {place}. Name every feature, or drop those without."
        )


def _resolve_repeated(file, values, samples, features, repeated):
    is_repeat = features.duplicated()
    if is_repeat.any() and repeated == "error":
        names = features[is_repeat].unique()
        raise ValueError(
            f"{file.name} has {len(names)} feature names that occur more than once, "
            f"e.g. {quote_values(names)}. Drop or rename these features, or pass "
            "repeated='first' or 'mean'."
        )
    if is_repeat.any():
        values = (
            values[:, ~is_repeat] if repeated == "first" else _average(values, features)
        )
        features = features[~is_repeat]
    if sparse.issparse(values):
        return SparseTable(sparse.csr_matrix(values), samples, features)
    return pd.DataFrame(values, index=samples, columns=features)


def _average(values, features):
    """Average columns of one name, without their missing values."""
    codes, names = pd.factorize(features)
    if sparse.issparse(values):
        weights = 1.0 / np.bincount(codes)[codes]
        shape = (len(codes), len(names))
        return values @ sparse.csr_matrix(
            (weights, (np.arange(len(codes)), codes)), shape
        )
    return pd.DataFrame(values).T.groupby(codes).mean().T.to_numpy()
