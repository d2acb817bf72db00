"""Read multi-omics tables and labels from files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from skomics.io._join import (
    as_public,
    join_tables,
    match_samples,
    warn_of_outcomes,
)
from skomics.io._options import check_options
from skomics.io._orientation import find_orientation
from skomics.io._tables import (
    Reading,
    clean_ids,
    orient,
    read_raw,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import StrPath

__all__ = ["name_files", "read_omics"]

_SUFFIX = re.compile(
    r"(\.(csv|tsv|txt|xlsx|xlsm|parquet|npz|h5ad|h5mu|h5|hdf5|mtx))?(\.gz)?$"
)


def read_omics(
    path: StrPath | Sequence[StrPath] | Mapping[str, StrPath],
    *,
    orientation: Literal["auto", "samples", "features"] = "auto",
    ids: pd.Series | pd.DataFrame | ArrayLike | None = None,
    header: Literal["auto"] | bool = "auto",
    sep: str | None = "auto",
    decimal: Literal["auto", ".", ","] = "auto",
    encoding: str = "utf-8",
    barcodes: Literal["dashes", "keep"] = "dashes",
    repeated: Literal["error", "first", "mean"] = "error",
    join: Literal["outer", "inner", "exact"] = "outer",
    layer: str | None = None,
    sheet: str | None = None,
) -> pd.DataFrame:
    r"""Read one or several modalities tables as samples × features.

    Text (csv, tsv, txt or no suffix; separated by commas, tabs, semicolons or spaces,
    with or without quotes, plain or gzipped), GCT, series matrices of GEO, xlsx,
    parquet, sparse npz, h5ad, h5mu and the folders and h5 files of 10x are read.
    What rows are is found out from their names, or asked for, and never guessed.

    Parameters
    ----------
    path : str, Path, list or dict of these
        One file, or a folder of 10x, or several: a dict of omics name to file, or a
        list, in which a modality is called like its file.

    orientation : {"auto", "samples", "features"}, default="auto"
        What the rows are. With "auto", names decide, see Notes; where they say
        nothing, or contradict each other, an error asks for this parameter.

    ids : Series, DataFrame or array-like of str, default=None
        Sample ids; of a Series or DataFrame, say of labels, its index. They tell
        which axis holds samples, and choose none. For npz, and with
        ``header=False``, they name the samples in their order.

    header : {"auto", True, False}, default="auto"
        Whether a text table has a first row and a first column of names. With "auto"
        it has, and a first row that may be data is refused; True takes it for names,
        whatever it holds. The header may begin with ``#``, and may lack the name over
        the row names, as R writes it.

    sep : {"auto", None} or str, default="auto"
        What separates the cells of a text table: a character, where a space stands
        for any number of spaces and tabs. With "auto", or None, it is the tab, comma,
        semicolon or space that gives the first lines as many cells; where two do, an
        error asks for this parameter.

    decimal : {"auto", ".", ","}, default="auto"
        What separates the decimals of a text table. With "auto" it is a point, or,
        unless commas separate cells, a comma. Both in one table are refused, and so
        are separators of thousands.

    encoding : str, default="utf-8"
        The encoding of text tables.

    barcodes : {"dashes", "keep"}, default="dashes"
        "dashes" writes TCGA barcodes as ``TCGA-AB-2802-03``, also where the file
        has dots, underscores or small letters; "keep" leaves them.

    repeated : {"error", "first", "mean"}, default="error"
        What to do with features of the same name: refuse them, keep the first, or
        average those of a sample, missing values left out.

    join : {"outer", "inner", "exact"}, default="outer"
        Which samples to keep of several tables: those of any table, with rows of NaN
        where a table lacks them and a warning that says so; those of all tables; or,
        with "exact", refuse tables that differ.

    layer : str, default=None
        The layer of an h5ad or h5mu that holds the values; with None its matrix `X`.

    sheet : str, default=None
        The sheet of an xlsx; with None the only one that is not empty.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        Of float64, finite or NaN. Several tables, or a file of several modalities,
        have column levels (omics, feature). Where a table is sparse, an AnnData of its
        own dtype, as `load_folder` returns it; a single sparse table has no
        ``var["omics"]``, and without anndata is a DataFrame of sparse columns.
        Features of 10x are called by their ids; ``var["symbol"]`` has their symbols.

    Raises
    ------
    TypeError
        If `path` is none of these.

    FileNotFoundError
        If a file, or the file of a sparse table's feature names, is missing.

    SampleAlignmentError
        If tables have no sample in common, or others than they may, or no name is
        among `ids`.

    ValueError
        If a file is damaged or no table (the message names the file, line and
        column), an id or feature name is missing or repeated, a value is no finite
        number, or it is not clear which axis holds samples or which column ids.

    Warns
    -----
    UserWarning
        If ``join="outer"`` fills rows with NaN; if ids of two tables differ in
        spelling only; if a last column without a single value (because separators end
        the rows), named columns that count the rows, or features that are no genes
        are left out; if columns are of outcomes or classes, such as os_time and
        subtype; or if names of features are spike-ins, duplicates or dates
        of Excel.

    See Also
    --------
    load_folder : Reads tables and labels of a folder.
    read_labels : Reads the labels.
    skomics.preprocessing.align_samples : Matches tables by patient.

    Notes
    -----
    With ``orientation="auto"``, this tells samples: TCGA barcodes, or a column of
    names called like ``sampleID`` or ``patient_id``. This tells features: names like
    ``ENSG00000141510``, ``cg00000029``, ``hsa-mir-21``, ``MIMAT0000062``, ``rs7412``,
    ``chr1:100-200``, three (or half) of some seventy widely measured genes, or a
    column of names called like ``gene``, ``probe``, ``Hugo_Symbol`` or
    ``ENTITY_STABLE_ID``. Half of an axis must be named so. The word ``sample`` is no
    evidence, because UCSC Xena writes it over features. Of several tables, those
    that tell lend their sample ids to those that do not.

    The first column, or the index of a parquet, names the rows. A column that counts
    the rows does so only if no other may. Sums that STAR, HTSeq and featureCounts
    write among the genes, such as ``N_unmapped`` and ``__no_feature``, are left out.

    Lines with ``#`` over the header are skipped; the last is the header itself if it
    has as many cells as the rows and these are data. In tables of cBioPortal, a
    feature is called by the first that it has of ``ENTITY_STABLE_ID``,
    ``Hugo_Symbol`` and ``Entrez_Gene_Id``; beside ``gene_id``, columns such as
    ``gene_name`` and ``gene_type`` are left out. A table with column levels (omics,
    feature) that ``to_csv`` wrote comes back with these levels.

    Plain numbers are parsed with pyarrow where it is installed, else with pandas, to
    the last bit as Python reads them.

    Cells that are empty, ``NA`` or another of the words that pandas takes for missing
    are NaN; ``TRUE`` and ``FALSE`` are 1 and 0.

    Examples
    --------
    Rows are genes here, which the names of both axes say.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics.io import read_omics
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "exp")
    ...     _ = file.write_text(
    ...         '"TCGA.AB.2802.03" "TCGA.AB.2803.03"\n"TP53" 1.5 2\n"EGFR" NA 3\n'
    ...     )
    ...     read_omics(file)
    feature          TP53  EGFR
    sample
    TCGA-AB-2802-03   1.5   NaN
    TCGA-AB-2803-03   2.0   3.0
    """
    check_options(orientation=orientation, barcodes=barcodes, repeated=repeated)
    check_options(join=join, header=header, decimal=decimal)
    reading = Reading(
        orientation,
        _as_ids(ids, barcodes),
        header,
        sep,
        encoding,
        barcodes,
        repeated,
        decimal,
    )
    reading = replace(reading, layer=layer, sheet=sheet)
    raw, is_single = _read_all(path, reading)
    tables = orient_all(raw, reading)
    warn_of_outcomes({name: t.columns for name, t in tables.items()}, may_choose=False)
    if is_single:
        return as_public(next(iter(tables.values())))
    return join_tables(*match_samples(tables, join))


def _as_ids(ids, barcodes):
    if ids is None:
        return None
    if isinstance(ids, pd.Series | pd.DataFrame):
        ids = ids.index
    ids = pd.Index([str(i) for i in ids], dtype=object, name="sample")
    return clean_ids(ids, barcodes)


def _read_all(path, reading):
    """Return the raw tables by omics, and whether there is but one, without a name."""
    if isinstance(path, str | Path):
        tables = read_raw(Path(path), reading)
        return tables, set(tables) == {""}
    if not isinstance(path, Iterable):
        raise TypeError(
            f"Got {type(path).__name__} to read, but a file, or a list or dict of "
            "files, is wanted."
        )
    files = path if isinstance(path, Mapping) else name_files(path)
    if not files:
        raise ValueError("Got no files. Give a file, or a list or dict of files.")
    tables = {}
    for omics, file in files.items():
        tables |= name_tables(omics, read_raw(Path(file), reading))
    return tables, False


def name_files(paths):
    files = {}
    for path in map(Path, paths):
        omics = _SUFFIX.sub("", path.name)
        if omics in files:
            raise ValueError(
                f"Got two files of the modality {omics!r}: {str(files[omics])!r} and "
                f"{str(path)!r}. Pass a dict of omics name to file."
            )
        files[omics] = path
    return files


def name_tables(name, tables):
    """Call the tables of one file after it, and its modalities if there are several.

    Parameters
    ----------
    name : str
        What the file is called.

    tables : dict of RawTable
        Its tables by modality; "" is the only one.

    Returns
    -------
    tables : dict of RawTable
        The tables by their new names.
    """
    return {f"{name}_{mod}" if mod else name: table for mod, table in tables.items()}


def orient_all(raw, reading):
    """Bring samples into rows; tables that tell which they are help the others.

    Parameters
    ----------
    raw : dict of RawTable
        The tables by modality.

    reading : Reading
        How to read them.

    Returns
    -------
    tables : dict of DataFrame or SparseTable of shape (n_samples, n_features)
        The tables.
    """
    found = {omics: find_orientation(table, reading) for omics, table in raw.items()}
    tables = {
        omics: orient(raw[omics], orientation, reading)
        for omics, orientation in found.items()
        if orientation or len(raw) == 1
    }
    if len(tables) < len(raw):
        known = [table.index for table in tables.values()]
        ids = known[0].append(known[1:]) if known else reading.ids
        reading = replace(reading, ids=ids)
    return {
        omics: tables[omics]
        if omics in tables
        else orient(table, find_orientation(table, reading), reading)
        for omics, table in raw.items()
    }
