"""Read multi-omics tables and labels from files."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from skomics._optional import import_optional
from skomics._rows import quote_values
from skomics._warnings import warn
from skomics.io._cells import looks_like_number
from skomics.io._join import as_public, join_tables, match_samples
from skomics.io._mogonet import load_mogonet
from skomics.io._names import is_corner, same_shape
from skomics.io._tables import (
    Reading,
    check_ids,
    clean_ids,
    find_orientation,
    orient,
    read_raw,
    read_single,
    wrap_errors,
)
from skomics.io._text import MISSING, CellError, is_annotation, read_cells

__all__ = ["load_folder", "read_labels", "read_omics"]

LABELS = "labels.csv"
_TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".npz", ".h5ad")
_SUFFIX = re.compile(r"(\.(csv|tsv|txt|parquet|npz|h5ad|h5mu))?(\.gz)?$")
_LABEL_COLUMNS = ("label", "subtype")
_OPTIONS = {
    "orientation": ("auto", "samples", "features"),
    "barcodes": ("dashes", "keep"),
    "repeated": ("error", "first", "mean"),
    "join": ("outer", "inner", "exact"),
    "missing": ("error", "drop"),
    "header": ("auto", True, False),
    "decimal": ("auto", ".", ","),
}


def read_omics(
    path,
    *,
    orientation="auto",
    ids=None,
    header="auto",
    sep="auto",
    decimal="auto",
    encoding="utf-8",
    barcodes="dashes",
    repeated="error",
    join="outer",
):
    r"""Read one or several modalities tables as samples × features.

    Text (csv, tsv, txt or no suffix; separated by commas, tabs, semicolons or spaces,
    with or without quotes, plain or gzipped), GCT, series matrices of GEO, parquet,
    sparse npz, h5ad and h5mu are read.
    What rows are is found out from their names, or asked for, and never guessed.

    Parameters
    ----------
    path : str, Path, list or dict of these
        One file, or several: a dict of omics name to file, or a list, in which a
        modality is called like its file.

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

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        Of float64, finite or NaN. Several tables, or an h5mu, have column levels
        (omics, feature). Where a table is sparse, an AnnData of its own dtype, as
        `load_folder` returns it; a single sparse table has no ``var["omics"]``, and
        without anndata is a DataFrame of sparse columns.

    Raises
    ------
    FileNotFoundError
        If a file, or the file of a sparse table's feature names, is missing.

    SampleAlignmentError
        If tables have no sample in common, or others than they may, or no name is
        among `ids`.

    ValueError
        If a file is damaged or no table (the message names the file, line and
        column), an id or feature name is missing or repeated, a value is no finite
        number, or the orientation is not clear.

    Warns
    -----
    UserWarning
        If ``join="outer"`` fills rows with NaN, or a last column without a single
        value is left out because separators end the rows.

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
    _check_options(orientation=orientation, barcodes=barcodes, repeated=repeated)
    _check_options(join=join, header=header, decimal=decimal)
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
    raw, is_single = _read_all(path, reading)
    tables = _orient_all(raw, reading)
    if is_single:
        return as_public(next(iter(tables.values())))
    return join_tables(*match_samples(tables, join))


def _check_options(**options):
    for name, value in options.items():
        if value not in _OPTIONS[name]:
            raise ValueError(
                f"Got {name}={value!r}, but it must be one of "
                f"{', '.join(map(repr, _OPTIONS[name]))}."
            )


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
    files = path if isinstance(path, Mapping) else _name_files(path)
    if not files:
        raise ValueError("Got no files. Give a file, or a list or dict of files.")
    tables = {}
    for omics, file in files.items():
        for modality, table in read_raw(Path(file), reading).items():
            tables[f"{omics}_{modality}" if modality else omics] = table
    return tables, False


def _name_files(paths):
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


def _orient_all(raw, reading):
    """Bring samples into rows; tables that tell which they are help the others."""
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


def read_labels(
    path,
    *,
    column=None,
    id_column=None,
    header="auto",
    missing="error",
    sep="auto",
    encoding="utf-8",
    barcodes="dashes",
):
    r"""Read the label of each sample.

    Parameters
    ----------
    path : str or Path
        A text table (csv, tsv, txt or no suffix, plain or gzipped) or parquet, with
        samples in rows.

    column : str, default=None
        The column of the labels. With None it is the only one beside the ids, or
        the one called ``label`` or else ``subtype``.

    id_column : str, default=None
        The column of the sample ids; with None the first. Row names 1, 2, 3, … that
        R wrote are no ids.

    header : {"auto", True, False}, default="auto"
        Whether the first row names the columns. With "auto" it does, and is refused
        if it looks like a sample and its label; True takes it for names, whatever it
        holds. Without a header, the first column holds ids and the second labels.

    missing : {"error", "drop"}, default="error"
        Whether samples without a label are refused or left out. A label is missing
        where the cell is empty, ``NA`` or another word that pandas takes for it.

    sep : {"auto", None} or str, default="auto"
        As for `read_omics`.

    encoding : str, default="utf-8"
        The encoding of text.

    barcodes : {"dashes", "keep"}, default="dashes"
        As for `read_omics`, so that ids agree.

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
        If a last column without a single value is left out because separators end
        the rows.

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
    _check_options(missing=missing, barcodes=barcodes, header=header)
    file = Path(path)
    table = _read_cells(file, header, sep, encoding)
    ids = _find_column(file, table, id_column or table.columns[0], "id_column")
    column = column or _choose_column(file, table.columns.drop(ids.name))
    if column == ids.name:
        raise ValueError(
            f"{file.name} has the ids in column {column!r}, which was also asked for "
            "as labels. Give another column= or id_column=."
        )
    y = _find_column(file, table, column, "column")
    index = clean_ids(pd.Index(ids, dtype=object), barcodes).rename("sample")
    check_ids(file, index)
    y = y.set_axis(index)
    if header == "auto":
        _check_header(file, y, ids.name)
    return _convert_labels(_drop_missing(file, y, missing))


def _read_cells(file, header, sep, encoding):
    """Read a table of text."""
    if file.suffix == ".parquet":
        return _read_parquet_cells(file)
    names, rows = read_cells(file, header=header, sep=sep, encoding=encoding)
    if len(rows[0]) < 2:
        raise ValueError(
            f"{file.name} has {len(rows[0])} columns in its first row of data. Give "
            "sample ids and labels, separated by commas (csv), tabs (tsv) or as sep= "
            "says."
        )
    if names is None:
        names = ["sample", "label", *map(str, range(2, len(rows[0])))]
    table = pd.DataFrame(rows, columns=names, dtype=object)
    counted = [str(i + 1) for i in range(len(table))]
    if names[0] == "" and len(names) > 2 and table.iloc[:, 0].to_list() == counted:
        table = table.iloc[:, 1:]
    return table


def _read_parquet_cells(file):
    parquet = import_optional("pyarrow.parquet", extra="data")
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {str(file)!r}. Check the path.")
    with wrap_errors(file, "parquet"):
        table = parquet.read_table(file).to_pandas()
        if not isinstance(table.index, pd.RangeIndex):
            table = table.reset_index()
        table = table.astype(object).where(table.notna(), "").astype(str)
        table.columns = table.columns.map(str)
    if table.shape[1] < 2:
        raise ValueError(
            f"{file.name} has {table.shape[1]} columns. Give sample ids and labels."
        )
    return table


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


def _drop_missing(file, y, missing):
    is_missing = y.isin(MISSING)
    if missing == "error" and is_missing.any():
        raise ValueError(
            f"{file.name} has no label for {is_missing.sum()} of {len(y)} samples, "
            f"e.g. {quote_values(y.index[is_missing])}. Label them, or leave them out: "
            "in read_labels with missing='drop', in a folder by removing their rows."
        )
    if is_missing.all():
        raise ValueError(
            f"{file.name} has no label in its column {y.name!r}. Choose another "
            "column, or label the samples."
        )
    return y[~is_missing]


def _convert_labels(y):
    is_whole = all(re.fullmatch(r"-?[1-9]\d{0,17}|0", label) for label in y)
    return y.astype(np.int64) if is_whole else y


def load_folder(path, *, omics=None, join="outer"):
    r"""Read a folder that holds one table per modality and the labels.

    Parameters
    ----------
    path : str or Path
        A folder with

        - ``labels.csv``: the sample ids in the first column and a column ``label``,
          see `read_labels`;
        - ``<omics>`` with the suffix ``.csv``, ``.tsv``, either with ``.gz``,
          ``.parquet`` or ``.h5ad`` for each modality, see `read_omics`. Rows are
          matched by id; a table whose columns, not rows, are the labeled samples is
          transposed;
        - or ``<omics>.npz``, as :func:`scipy.sparse.save_npz` writes it, with rows
          in the order of ``labels.csv``, and ``<omics>_features.txt`` or
          ``.txt.gz``, one name a line.

        Other files are left alone. Two more layouts are known by their files, see
        Notes.

    omics : list of str, default=None
        The tables to read, without suffix. With None all are; a text table without a
        single number is taken for a description of the samples and left out, with a
        warning.

    join : {"outer", "inner", "exact"}, default="outer"
        What to do where a table and the labels differ in samples. "outer" keeps every
        labeled sample, with rows of NaN in a table that lacks it and a warning;
        samples without a label are an error. "inner" keeps labeled samples that
        every table has. "exact" refuses any difference.

    Returns
    -------
    X : DataFrame, AnnData or dict of shape (n_samples, n_features)
        The tables in alphabetical order of the modalities, the samples in the order of
        ``labels.csv``. A DataFrame with column levels (omics, feature); where a
        table is sparse, an AnnData with csr `X` and ``var["omics"]``, or, without
        anndata, a dict of omics to csr matrix or DataFrame.

    y : Series of shape (n_samples,)
        The labels, with the sample ids as index.

    Raises
    ------
    FileNotFoundError
        If the folder, its labels, its tables or the names of a sparse table's
        features are missing.

    SampleAlignmentError
        If a table has other samples than ``labels.csv`` and `join` does not allow it.

    ValueError
        If an id or a feature name is repeated, an id or a label is missing, or a
        cell is no number.

    Warns
    -----
    UserWarning
        If ``join="outer"`` fills rows with NaN, or a description is left out.

    See Also
    --------
    read_omics : Reads tables of other layouts.
    skomics.preprocessing.align_samples : Matches tables that differ in samples.

    Notes
    -----
    MOGONET's layout: ``labels_tr.csv``, ``labels_te.csv``, ``<i>_tr.csv`` and
    ``<i>_te.csv`` without names, and perhaps ``<i>_featname.csv``. Samples are called
    ``tr000``, …, and ``te000``, …, so that ``X.index.str.startswith("te")`` is the
    published test set; omics are called ``omics_<i>``.

    DL-mo's simulated layout: ``omics<i>.txt``, features × samples, and
    ``clusters.txt``.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics.io import load_folder
    >>> with TemporaryDirectory() as folder:
    ...     for name, text in {
    ...         "rna.csv": "sample,TP53,EGFR\np1,1.5,2\np2,0.5,3\n",
    ...         "mirna.csv": "sample,mir21\np2,7\np1,8\n",
    ...         "labels.csv": "sample,label\np1,LumA\np2,Basal\n",
    ...     }.items():
    ...         _ = Path(folder, name).write_text(text)
    ...     X, y = load_folder(folder)
    >>> X
    omics   mirna  rna
    feature mir21 TP53 EGFR
    sample
    p1        8.0  1.5  2.0
    p2        7.0  0.5  3.0
    >>> y.to_dict()
    {'p1': 'LumA', 'p2': 'Basal'}
    """
    _check_options(join=join)
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path)!r}. Give a folder with {LABELS} and one "
            "table per modality."
        )
    if (path / "labels_tr.csv").is_file():
        tables, y = load_mogonet(path, omics)
        _check_found(path, tables, omics)
    elif (path / "clusters.txt").is_file() and not (path / LABELS).is_file():
        y = read_labels(path / "clusters.txt")
        tables = _load_tables(path, y, omics, "omics*.txt")
    else:
        _check_labels_file(path)
        y = read_labels(path / LABELS)
        tables = _load_tables(path, y, omics)
    tables, samples = match_samples(tables, join, labeled=y.index)
    return join_tables(tables, samples), y.loc[samples]


def _check_labels_file(path):
    if not (path / LABELS).is_file():
        raise FileNotFoundError(
            f"The folder {str(path)!r} has no {LABELS}. Add one with the columns "
            "sample and label."
        )


def _find_files(path, omics, pattern):
    """Return the file of each modality, by name of the modality."""
    suffixes = _TABLES if pattern == "*" else (".txt",)
    files = {}
    for file in sorted(path.glob(pattern)):
        suffix = next((s for s in suffixes if file.name.endswith(s)), "")
        name = file.name.removesuffix(suffix)
        if not suffix or file.name == LABELS or (omics and name not in omics):
            continue
        if name in files:
            raise ValueError(
                f"The folder {str(path)!r} has two tables of the modality {name!r}: "
                f"{files[name].name} and {file.name}. Remove or rename one."
            )
        files[name] = file
    _check_found(path, files, omics)
    return files


def _check_found(path, found, omics):
    lacking = [name for name in omics or [] if name not in found]
    if lacking:
        raise FileNotFoundError(
            f"The folder {str(path)!r} has no table of {quote_values(lacking)}. Name "
            "tables of the folder, without suffix, in omics=."
        )
    if not found:
        raise FileNotFoundError(
            f"The folder {str(path)!r} has labels but no table of a modality. Add one "
            "per omics, called <omics>.csv, .csv.gz, .tsv, .tsv.gz, .parquet, .h5ad or "
            ".npz."
        )


def _load_tables(path, y, omics, pattern="*"):
    reading = Reading(ids=y.index)
    tables = {}
    for name, file in _find_files(path, omics, pattern).items():
        try:
            raw = read_single(file, reading)
        except CellError as error:
            if omics or not is_annotation(file):
                raise CellError(
                    f"{error} If the file is no modalities table, name the tables to "
                    "read in omics=."
                ) from error
            warn(
                f"{file.name} holds text only, so it is left out as a description of "
                "the samples. Name the tables to read in omics=.",
            )
            continue
        # Where neither axis is labeled, match_samples says which ids differ.
        tables[name] = orient(raw, find_orientation(raw, reading) or "samples", reading)
    _check_found(path, tables, omics)
    return tables
