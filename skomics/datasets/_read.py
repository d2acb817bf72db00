"""Read multi-omics tables from files."""

import csv
import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from skomics.exceptions import SampleAlignmentError

__all__ = ["load_folder"]

LABELS = "labels.csv"
_SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
_SPARSE = ".npz"
_FEATURE_FILES = ("_features.txt", "_features.txt.gz")


@dataclass(frozen=True)
class _SparseTable:
    """A csr matrix and the names of its columns."""

    matrix: sparse.csr_matrix
    columns: pd.Index


def load_folder(path):
    r"""Read a folder that holds one table per omics and the labels.

    Parameters
    ----------
    path : str or Path
        A folder with

        - ``labels.csv``: the sample ids in the first column and a column ``label``;
        - ``<omics>.csv``, ``.csv.gz``, ``.tsv`` or ``.tsv.gz`` for each omics:
          samples in rows, the sample id in the first column, feature names in the
          first row, numbers elsewhere; empty cells and ``NA`` are missing values;
        - or ``<omics>.npz``, as :func:`scipy.sparse.save_npz` writes it, with rows
          in the order of ``labels.csv``, and ``<omics>_features.txt`` or
          ``.txt.gz``, one name a line.

        Other files are left alone. Rows of csv and tsv tables are matched by id.

    Returns
    -------
    X : DataFrame, AnnData or dict of shape (n_samples, n_features)
        The tables in alphabetical order of the omics, the samples in the order of
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
        If a table has other samples than ``labels.csv``.

    ValueError
        If an id or a feature name is repeated, an id or a label is missing, or a
        cell is no number.

    See Also
    --------
    skomics.preprocessing.align_samples : Matches tables that differ in samples.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics.datasets import load_folder
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
    path = Path(path)
    files = _find_tables(path)
    y = _read_labels(path / LABELS)
    tables = {
        omics: _read_sparse(file, omics, y.index)
        if file.name.endswith(_SPARSE)
        else _read_dense(file, y.index)
        for omics, file in files.items()
    }
    return _join_tables(tables, y.index), y


def _find_tables(path):
    """Return the file of each omics, by name of the omics."""
    if not path.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path)!r}. Give a folder with {LABELS} and one "
            "table per omics."
        )
    if not (path / LABELS).is_file():
        raise FileNotFoundError(
            f"The folder {str(path)!r} has no {LABELS}. Add one with the columns "
            "sample and label."
        )
    files = {}
    for file in sorted(path.iterdir()):
        suffix = next((s for s in [*_SEPARATORS, _SPARSE] if file.name.endswith(s)), "")
        if not suffix or file.name == LABELS:
            continue
        omics = file.name.removesuffix(suffix)
        if omics in files:
            raise ValueError(
                f"The folder {str(path)!r} has two tables of the omics {omics!r}: "
                f"{files[omics].name} and {file.name}. Remove or rename one."
            )
        files[omics] = file
    if not files:
        raise FileNotFoundError(
            f"The folder {str(path)!r} has {LABELS} but no table of an omics. Add one "
            "per omics, called <omics>.csv, .csv.gz, .tsv, .tsv.gz or .npz."
        )
    return files


def _read_labels(file):
    table = _read_text(file)
    if "label" not in table.columns:
        raise ValueError(
            f"{file.name} has the columns {list(table.columns)} beside the sample id, "
            "but none is called 'label'. Rename the one that holds the classes."
        )
    y = table["label"]
    if y.isna().any():
        raise ValueError(
            f"{file.name} has no label for {y.isna().sum()} of {len(y)} samples, e.g. "
            f"{_quote(y.index[y.isna()])}. Label them, or remove them from every file."
        )
    return y


def _read_text(file):
    """Read a csv or tsv file with the sample ids as index."""
    sep = next(s for suffix, s in _SEPARATORS.items() if file.name.endswith(suffix))
    names = pd.Index(_read_header(file, sep))
    # pandas would rename repeated columns without a word.
    if not names[1:].is_unique:
        repeated = names[1:][names[1:].duplicated()].unique()
        raise ValueError(
            f"{file.name} has {len(repeated)} column names that occur more than once, "
            f"e.g. {_quote(repeated)}. Drop, average or rename these columns."
        )
    try:
        table = pd.read_csv(
            file,
            sep=sep,
            header=0,
            names=range(len(names)),
            dtype={0: str},  # the id 007 must not become 7
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        raise ValueError(
            f"{file.name} is no table with {len(names)} columns throughout: "
            f"{str(error).strip()}. Mend the line, or write the file again."
        ) from error
    table = table.set_index(0)
    _check_ids(file, table.index)
    return table.set_axis(names[1:], axis=1).rename_axis(index="sample")


def _read_header(file, sep):
    """Return the column names, that of the sample ids first."""
    opener = gzip.open if file.name.endswith(".gz") else open
    with opener(file, "rt", newline="", encoding="utf-8-sig") as lines:
        rows = csv.reader(lines, delimiter=sep)
        header, first = next(rows, []), next(rows, [])
    if len(first) == len(header) + 1:
        # R's write.table gives the column of row names no name.
        return ["sample", *header]
    if len(first) < 2:
        raise ValueError(
            f"{file.name} has {len(first)} columns in its first row of data. Give "
            f"sample ids and at least one more column, separated by {sep!r}."
        )
    return header


def _check_ids(file, ids):
    if ids.hasnans:
        raise ValueError(
            f"{file.name} has {ids.isna().sum()} rows without a sample id. Name every "
            "sample in the first column, or remove these rows."
        )
    if not ids.is_unique:
        repeated = ids[ids.duplicated()].unique()
        raise ValueError(
            f"{file.name} has {len(repeated)} sample ids that occur more than once, "
            f"e.g. {_quote(repeated)}. Keep one row per sample."
        )


def _read_dense(file, ids):
    """Read a table of numbers with its rows in the order of the labels."""
    table = _read_text(file)
    _check_same_samples(file, table, ids)
    for column, dtype in table.dtypes.items():
        if not pd.api.types.is_numeric_dtype(dtype):
            _raise_for_text(file, table[column])
    return table.astype(np.float64).reindex(ids)


def _check_same_samples(file, table, ids):
    lacking, unlabelled = ids.difference(table.index), table.index.difference(ids)
    if lacking.empty and unlabelled.empty:
        return
    if table.columns.isin(ids).mean() > 0.5:
        raise SampleAlignmentError(
            f"{file.name} has {table.columns.isin(ids).sum()} of {len(ids)} samples "
            "as columns, so it looks transposed. Write it with samples in rows."
        )
    raise SampleAlignmentError(
        f"{file.name} has {len(table)} samples and {LABELS} has {len(ids)}: "
        f"{len(lacking)} labelled samples are not in the table"
        f"{_in_brackets(lacking)} and {len(unlabelled)} of its samples have no label"
        f"{_in_brackets(unlabelled)}. Keep the same samples in every file, or match "
        "the tables with skomics.align_samples."
    )


def _raise_for_text(file, column):
    is_text = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    first = column[is_text]
    raise ValueError(
        f"{file.name} holds {len(first)} cells in column {column.name!r} that are no "
        f"numbers, e.g. {first.iloc[0]!r} in row {first.index[0]!r}. Encode the column "
        "as numbers, leave missing cells empty or drop it; if the file is no omics "
        "table, move it out of the folder."
    )


def _read_sparse(file, omics, ids):
    """Return a csr matrix and the names of its features."""
    matrix = sparse.csr_matrix(sparse.load_npz(file))
    names_files = [file.with_name(omics + end) for end in _FEATURE_FILES]
    names_file = next((f for f in names_files if f.is_file()), None)
    if names_file is None:
        raise FileNotFoundError(
            f"{file.name} has no names of its features: neither {names_files[0].name} "
            f"nor {names_files[1].name} is there. Add one, with a name a line."
        )
    opener = gzip.open if names_file.suffix == ".gz" else open
    with opener(names_file, "rt", encoding="utf-8") as lines:
        names = pd.Index(lines.read().splitlines())
    if matrix.shape != (len(ids), len(names)):
        raise ValueError(
            f"{file.name} has {matrix.shape[0]} rows and {matrix.shape[1]} columns, "
            f"but {LABELS} has {len(ids)} samples and {names_file.name} "
            f"{len(names)} names. Rows must be those of {LABELS}, in its order."
        )
    return _SparseTable(matrix, names)


def _join_tables(tables, ids):
    """Put the tables side by side."""
    if not any(isinstance(table, _SparseTable) for table in tables.values()):
        return pd.concat(tables, axis=1, names=["omics", "feature"])
    if find_spec("anndata") is None:
        # Bare matrices: OmicsConcatenator reads them, but names are lost.
        return {
            omics: table.matrix if isinstance(table, _SparseTable) else table
            for omics, table in tables.items()
        }
    import anndata

    names = [f"{o}__{f}" for o, table in tables.items() for f in table.columns]
    labels = np.repeat(list(tables), [len(t.columns) for t in tables.values()])
    matrices = [
        table.matrix if isinstance(table, _SparseTable) else table.to_numpy()
        for table in tables.values()
    ]
    return anndata.AnnData(
        sparse.hstack(matrices, format="csr"),
        obs=pd.DataFrame(index=ids),
        var=pd.DataFrame({"omics": labels}, index=names),
    )


def _in_brackets(values):
    return f" ({_quote(values)})" if len(values) else ""


def _quote(values):
    return ", ".join(map(repr, values[:3])) + (", ..." if len(values) > 3 else "")
