"""Read a folder of one table per modality and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from skomics._rows import check_unique, quote_values
from skomics._warnings import warn
from skomics.io._excel import EXCEL, as_csv
from skomics.io._files import list_files
from skomics.io._ids import as_text
from skomics.io._join import join_tables, match_samples, warn_of_outcomes
from skomics.io._labels import read_labels
from skomics.io._missing import check_missing_values
from skomics.io._mogonet import load_mogonet
from skomics.io._options import check_options
from skomics.io._orientation import find_orientation
from skomics.io._read import name_tables, orient_all
from skomics.io._tables import Reading, orient, read_raw
from skomics.io._tenx import is_tenx_folder
from skomics.io._text import CellError, is_annotation

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = ["TABLES", "find_tables", "load_folder"]

LABELS = "labels.csv"
TABLES = (
    *(".csv", ".csv.gz", ".tsv", ".tsv.gz", ".xlsx", ".parquet", ".npz"),
    *(".h5ad", ".h5"),
)


def load_folder(
    path: StrPath,
    *,
    omics: Sequence[str] | None = None,
    join: Literal["outer", "inner", "exact"] = "outer",
    labels: StrPath | pd.Series | None = LABELS,
    missing_values: Sequence[str] | Literal["default"] = "default",
) -> tuple[Any, pd.Series]:
    r"""Read a folder that holds one table per modality and the labels.

    Parameters
    ----------
    path : str or Path
        A folder with

        - ``labels.csv``: the sample ids in the first column and a column ``label``,
          see `read_labels`;
        - ``<omics>`` with the suffix ``.csv``, ``.tsv``, either with ``.gz``,
          ``.xlsx``, ``.parquet``, ``.h5ad`` or ``.h5``, or a folder of 10x, for each
          modality, see `read_omics`. Rows are matched by id; a table whose columns,
          not rows, are the labeled samples is transposed;
        - or ``<omics>.npz``, as :func:`scipy.sparse.save_npz` writes it, with rows
          in the order of ``labels.csv``, and ``<omics>_features.txt`` or
          ``.txt.gz``, one name a line.

        Other files are left alone, and so are hidden files, locks and copies, such
        as ``._rna.csv``, ``~$rna.csv`` and ``rna.csv~``. Two more layouts are known
        by their files, see Notes.

    omics : list of str, default=None
        The tables to read, without suffix. With None all are; a text table without a
        single number is taken for a description of the samples and left out, with a
        warning.

    join : {"outer", "inner", "exact"}, default="outer"
        What to do where a table and the labels differ in samples. "outer" keeps every
        labeled sample, with rows of NaN in a table that lacks it and a warning;
        samples without a label are an error. "inner" keeps labeled samples that
        every table has. "exact" refuses any difference.

    labels : str, Path, Series or None, default="labels.csv"
        The labels: the name of a file of the folder, a path, or a Series by sample
        id, for instance from `read_labels`. With None the tables are returned alone.

    missing_values : list of str, default="default"
        The words that say that a sample has no label, as for `read_labels`.

    Returns
    -------
    X : DataFrame, AnnData or dict of shape (n_samples, n_features)
        The tables in alphabetical order of the modalities, the samples in the order of
        ``labels.csv``. A DataFrame with column levels (omics, feature); where a
        table is sparse, an AnnData with csr `X` and ``var["omics"]``, or, without
        anndata, a dict of omics to csr matrix or DataFrame.

    y : Series of shape (n_samples,)
        The labels, with the sample ids as index. Not returned if `labels` is None.

    Raises
    ------
    FileNotFoundError
        If the folder, its labels, its tables or the names of a sparse table's
        features are missing.

    SampleAlignmentError
        If a table has other samples than ``labels.csv`` and `join` does not allow it.

    ValueError
        If an id or a feature name is repeated, an id or a label is missing, or a
        cell is no number. Without labels, if it is not clear which axis holds samples.

    TypeError
        If `labels` is none of these.

    Warns
    -----
    UserWarning
        If ``join="outer"`` fills rows with NaN, a description is left out, or, without
        `omics`, a table has columns of outcomes, classes or clinical data, such as
        os_time and stage; and where `read_omics` warns.

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
    check_options(join=join)
    check_missing_values(missing_values)
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path)!r}. Give a folder with {LABELS} and one "
            "table per modality."
        )
    is_mogonet = (path / "labels_tr.csv").is_file()
    load = _load_mogonet if is_mogonet else _load_tables
    tables, y = load(path, omics, labels, missing_values)
    if omics is None:
        warn_of_outcomes(
            {name: t.columns for name, t in tables.items()}, may_choose=True
        )
    if y is None:
        return join_tables(*match_samples(tables, join))
    tables, samples = match_samples(tables, join, labeled=y.index)
    return join_tables(tables, samples), y.loc[samples]


def _load_mogonet(path, omics, labels, missing_values):
    tables, y = load_mogonet(path, omics)
    _check_found(path, tables, omics)
    is_other = not _is_default(labels)
    return tables, _get_labels(path, labels, missing_values) if is_other else y


def _load_tables(path, omics, labels, missing_values):
    is_dlmo = (path / "clusters.txt").is_file() and not (path / LABELS).is_file()
    if is_dlmo and _is_default(labels):
        labels = "clusters.txt"
    y = _get_labels(path, labels, missing_values)
    names = [LABELS, labels if isinstance(labels, str | Path) else LABELS]
    others = {(path / name).resolve() for name in names}
    files = find_tables(path, omics, others, "omics*.txt" if is_dlmo else "*")
    reading = Reading(ids=None if y is None else y.index)
    raw = _read_files(files, reading, is_named=bool(omics))
    _check_found(path, raw, None)
    if y is None:
        return orient_all(raw, reading), None
    # Where neither axis is labeled, match_samples says which ids differ.
    return {
        name: orient(table, find_orientation(table, reading) or "samples", reading)
        for name, table in raw.items()
    }, y


def _is_default(labels):
    return isinstance(labels, str) and labels == LABELS


def _get_labels(path, labels, missing_values):
    """Return the labels, read from a file or as they were given; None for none."""
    if labels is None:
        return None
    if isinstance(labels, pd.Series):
        return _check_labels(labels)
    if not isinstance(labels, str | Path):
        raise TypeError(
            f"Got labels of type {type(labels).__name__}, but the name of a file, a "
            "Series of labels by sample id, or None is wanted. read_labels reads a "
            "Series from any file."
        )
    file = path / labels
    if not file.is_file():
        _raise_no_labels(path, file)
    return read_labels(file, missing_values=missing_values)


def _check_labels(y):
    if y.isna().any():
        raise ValueError(
            f"labels has no label for {y.isna().sum()} of {len(y)} samples, e.g. "
            f"{quote_values(y.index[y.isna()])}. Drop these, with labels.dropna()."
        )
    y = y.set_axis(as_text(y.index).rename("sample").infer_objects())
    check_unique("labels", y.index, "Keep one label per sample.")
    return y


def _raise_no_labels(path, file):
    alike = [f.name for f in list_files(path) if "label" in f.name.lower()]
    raise FileNotFoundError(
        f"The folder {str(path)!r} has no {file.name}. Add one with the columns "
        "sample and label, name another file or give a Series with labels=, or pass "
        "labels=None for the table alone."
        + (f" It has {quote_values(alike)}." if alike else "")
    )


def find_tables(path, omics, others, pattern="*"):
    """Return the file of each modality, by name of the modality."""
    suffixes = TABLES if pattern == "*" else (".txt",)
    files = {}
    for file in list_files(path, pattern):
        suffix = next((s for s in suffixes if file.name.lower().endswith(s)), "")
        name = file.name[: len(file.name) - len(suffix)]
        is_table = suffix != "" or is_tenx_folder(file)
        if not is_table or file.resolve() in others or (omics and name not in omics):
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
            f"The folder {str(path)!r} has no table of a modality. Add one "
            "per omics, called <omics>.csv, .csv.gz, .tsv, .tsv.gz, .xlsx, .parquet, "
            ".h5ad, .h5 or .npz."
        )


def _read_files(files, reading, is_named):
    """Read the tables; those that hold text only are left out if they may be."""
    raw = {}
    for name, file in files.items():
        try:
            raw |= name_tables(name, read_raw(file, reading))
        except CellError as error:
            if is_named or not _is_description(file):
                raise CellError(
                    f"{error} If the file is no modalities table, name the tables to "
                    "read in omics=."
                ) from error
            warn(
                f"{file.name} holds text only, so it is left out as a description of "
                "the samples. Name the tables to read in omics=.",
            )
    return raw


def _is_description(file):
    if file.suffix.lower() not in EXCEL:
        return is_annotation(file)
    with as_csv(file, None) as csv:
        return is_annotation(csv, sep=",")
