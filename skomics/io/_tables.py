"""Read one file of numbers in any format, and find out what its rows are."""

import gzip
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._compat import unpulled
from skomics._layout import SEPARATOR
from skomics._optional import import_optional
from skomics._rows import (
    check_unique,
    describe_near_ids,
    place_rows,
    quote_values,
)
from skomics._tcga import normalize_barcode
from skomics.exceptions import SampleAlignmentError
from skomics.io._corners import is_nameless
from skomics.io._errors import UnfitError, wrap_errors
from skomics.io._excel import EXCEL, as_csv
from skomics.io._ids import (
    choose_leading,
    drop_counters_of_axis,
    is_number,
    name_rows,
    refuse_unclear_ids,
    refuse_values_as_ids,
)
from skomics.io._names import is_description
from skomics.io._no_genes import find_dates, is_no_gene, warn_of_odd_features
from skomics.io._tenx import find_matrix, read_tenx_folder, read_tenx_h5
from skomics.io._text import MISSING, read_numbers

__all__ = [
    "RawTable",
    "Reading",
    "SparseTable",
    "check_file",
    "check_ids",
    "clean_ids",
    "orient",
    "read_raw",
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
    layer: str | None = None
    sheet: str | None = None


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

    symbols : dict or None, default=None
        Symbols of the features by name, where names are ids.
    """

    file: Path
    values: object
    rows: pd.Index | None
    columns: pd.Index | None
    corner: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    is_oriented: bool = False
    is_turned: bool = False
    symbols: dict | None = None


@dataclass(frozen=True, eq=False)
class SparseTable:
    """A csr matrix, the names of its rows and columns, and symbols by column."""

    matrix: sparse.csr_matrix
    index: pd.Index
    columns: pd.Index
    symbols: dict | None = None

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
        The tables by name: several for h5mu, and where features are of several types,
        else one under the name "".
    """
    matrix = find_matrix(file)
    suffix = ".mtx" if matrix else file.suffix.lower()
    if suffix in _FORMATS:
        check_file(matrix or file)
    _check_parameters(file, suffix, reading)
    tables = _FORMATS.get(suffix, _read_text)(matrix or file, reading)
    tables = tables if isinstance(tables, dict) else {"": tables}
    return {
        name: _clean_names(_check_names(table, reading), reading)
        for name, table in tables.items()
    }


def _check_parameters(file, suffix, reading):
    for name, suffixes in (("layer", (".h5ad", ".h5mu")), ("sheet", EXCEL)):
        value = getattr(reading, name)
        if value is not None and suffix not in suffixes:
            raise ValueError(
                f"Got {name}={value!r} for {file.name}, but only files "
                f"{' and '.join(suffixes)} have one. Leave it out."
            )


def check_file(file):
    """Raise an error if there is no such file.

    Parameters
    ----------
    file : Path
        The file.
    """
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
    if text.leading:
        names = choose_leading(file, text.corner, text.leading, text.lines)
        text = replace(text, corner=names[0], leading=names[1])
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


def _read_parquet(file, reading):
    return _from_frame(file, read_parquet(file), reading)


def read_parquet(file):
    """Read a parquet file as a DataFrame without categories.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    table : DataFrame of shape (n_rows, n_columns)
        The table, with the index that pandas stored.
    """
    parquet = import_optional("pyarrow.parquet", extra="data")
    with wrap_errors(file, "parquet"):
        table = parquet.read_table(file).to_pandas()
        is_category = [isinstance(t, pd.CategoricalDtype) for t in table.dtypes]
        for i in np.flatnonzero(is_category):
            column = table.iloc[:, i]
            table.isetitem(i, column.astype(column.cat.categories.dtype))
        return table


def _from_frame(file, table, reading):
    corner, rows, table = name_rows(file, table, reading.ids)
    for name, dtype in table.dtypes.items():
        if not is_number(dtype):
            raise ValueError(
                f"{file.name} holds {dtype} in column {name!r}, where numbers are "
                "wanted. Encode the column as numbers, or drop it."
            )
    with wrap_errors(file, "parquet"):
        values = table.to_numpy(dtype=np.float64, na_value=np.nan)
    raw = RawTable(file, values, rows, _as_text(table.columns), [corner])
    if table.columns.nlevels != 2:
        return raw
    # The rows of a table with modalities are samples.
    modalities = table.columns.get_level_values(0).map(str)
    return _split(replace(raw, is_oriented=True), modalities)


def _as_text(names):
    return pd.Index(
        [
            SEPARATOR.join(map(str, n)) if isinstance(n, tuple) else str(n)
            for n in names
        ],
        dtype=object,
    )


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


def _read_h5ad(file, reading):
    anndata = import_optional("anndata", extra="mudata")
    with wrap_errors(file, "h5ad"):
        data = anndata.io.read_h5ad(file)
        return _split(_as_raw(file, data, reading.layer), _name_modalities(data.var))


def _read_h5mu(file, reading):
    mudata = import_optional("mudata", extra="mudata")
    with wrap_errors(file, "h5mu"), unpulled(mudata):
        data = mudata.read_h5mu(file)
        return {
            name: _as_raw(file, mod, reading.layer) for name, mod in data.mod.items()
        }


def _as_raw(file, data, layer):
    values = _take_layer(data, layer)
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


def _take_layer(data, layer):
    layers = quote_values(list(data.layers), 9) or "none"
    if layer is None and data.X is None:
        raise UnfitError(
            f"has no matrix X; its layers are: {layers}. Choose one with layer= of "
            "read_omics."
        )
    if layer is not None and layer not in data.layers:
        raise UnfitError(
            f"has no layer {layer!r}; its layers are: {layers}. Choose another, or "
            "leave out layer= for the matrix X."
        )
    return data.X if layer is None else data.layers[layer]


def _name_modalities(var):
    """Return the modality of each feature of an AnnData, or None if it has but one."""
    for column in ("omics", "feature_types"):
        if column in var and var[column].nunique() > 1:
            return var[column].astype(str).to_numpy()
    return None


def _split(table, modalities):
    """Cut a table whose features are of several modalities into one for each."""
    if modalities is None:
        return table
    values = sparse.csc_matrix(table.values) if sparse.issparse(table.values) else None
    tables = {}
    for name in dict.fromkeys(modalities):
        is_in = modalities == name
        part = table.values[:, is_in] if values is None else values[:, is_in].tocsr()
        columns = [c.removeprefix(f"{name}{SEPARATOR}") for c in table.columns[is_in]]
        columns = pd.Index(columns, dtype=object)
        tables[name] = replace(table, values=part, columns=columns)
    return tables


def _read_tenx(matrix, _):
    with wrap_errors(matrix, "counts of 10x"):
        return _from_tenx(matrix, *read_tenx_folder(matrix))


def _read_h5(file, _):
    with wrap_errors(file, "counts of 10x"):
        return _from_tenx(file, *read_tenx_h5(file))


def _from_tenx(file, values, barcodes, features):
    # Symbols may be repeated, ids are not.
    names = pd.Index(features["id"], dtype=object)
    symbols = dict(zip(names, features["name"], strict=True))
    table = RawTable(
        file, _as_csr(values), barcodes, names, is_oriented=True, symbols=symbols
    )
    types = features["type"].to_numpy()
    return _split(table, types if len(set(types)) > 1 else None)


def _read_excel(file, reading):
    reading = replace(reading, sep=",", decimal=".", encoding="utf-8")
    with as_csv(file, reading.sheet) as csv:
        tables = _read_text(csv, reading)
    return {name: replace(table, file=file) for name, table in tables.items()}


_FORMATS = {
    ".parquet": _read_parquet,
    ".npz": _read_npz,
    ".h5ad": _read_h5ad,
    ".h5mu": _read_h5mu,
    ".h5": _read_h5,
    ".hdf5": _read_h5,
    ".mtx": _read_tenx,
    **dict.fromkeys(EXCEL, _read_excel),
}


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


def _check_names(table, reading):
    """Leave out columns that count the rows, and refuse values in place of ids."""
    if table.rows is None or table.is_oriented:
        return table
    corner, ids = "".join(table.corner[:1]), reading.ids
    refuse_values_as_ids(table.file, corner, table.rows, table.columns)
    values, columns = drop_counters_of_axis(table.file, table.values, table.columns)
    turned, rows = drop_counters_of_axis(table.file, values.T, table.rows, "rows")
    table = replace(table, values=turned.T, rows=rows, columns=columns)
    if turned.size:
        first = pd.Series(table.values[:, 0], name=columns[0])
        refuse_unclear_ids(table.file, corner, rows, first, ids)
    return table


def _clean_names(table, reading):
    names = {
        axis: None if labels is None else clean_ids(labels, reading.barcodes)
        for axis, labels in (("rows", table.rows), ("columns", table.columns))
    }
    return replace(table, **names)


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
    is_gene = ~is_no_gene(features)
    for what, is_there in (("samples", len(samples)), ("features", is_gene.any())):
        if not is_there:
            raise ValueError(f"{table.file.name} has no {what}. Give at least one.")
    genes = features if is_gene.all() else features[is_gene]
    values = values if is_gene.all() else values[:, is_gene]
    oriented = _resolve_repeated(table.file, values, samples, genes, reading.repeated)
    warn_of_odd_features(table.file, features)
    return replace(oriented, symbols=table.symbols) if table.symbols else oriented


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
            + describe_near_ids(reading.ids, table.rows.append(table.columns))
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
    is_missing = ids.isin([*MISSING, "NaT"])
    if is_missing.any():
        raise ValueError(
            f"{file.name} has {is_missing.sum()} samples without an id. Name every "
            "sample, or remove these rows."
        )
    check_unique(file.name, ids, "Keep one row per sample.")


def _check_features(table, features, orientation):
    # The first letter is looked at first, because there may be many features.
    is_missing = np.array([n[:1] in "U_." and is_nameless(n) for n in features], bool)
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
    _refuse_repeated_dates(file, features, is_repeat)
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
    # Names have the type that pandas gives text, `str` since pandas 3.
    samples, features = samples.infer_objects(), features.infer_objects()
    if sparse.issparse(values):
        return SparseTable(sparse.csr_matrix(values), samples, features)
    return pd.DataFrame(values, index=samples, columns=features)


def _refuse_repeated_dates(file, features, is_repeat):
    """Refuse to choose among genes that Excel gave one name."""
    if not is_repeat.any():
        return
    dates = find_dates(features).intersection(features[is_repeat])
    if len(dates):
        raise ValueError(
            f"{file.name} has {len(dates)} feature names that occur more than once "
            f"and are called like dates, e.g. {quote_values(dates)}: Excel turns both "
            "MARCH1 and MARC1 into 1-Mar, so these are several genes. Take the names "
            "from the original table, or drop these features."
        )


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
