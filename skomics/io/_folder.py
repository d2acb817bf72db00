"""Read a folder of one table per modality and the labels."""

from pathlib import Path

from skomics._rows import quote_values
from skomics._warnings import warn
from skomics.io._join import join_tables, match_samples
from skomics.io._labels import read_labels
from skomics.io._mogonet import load_mogonet
from skomics.io._options import check_options
from skomics.io._tables import Reading, find_orientation, orient, read_raw
from skomics.io._text import CellError, is_annotation

__all__ = ["load_folder"]

LABELS = "labels.csv"
_TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".npz", ".h5ad")


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
    check_options(join=join)
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
            raw = read_raw(file, reading)[""]
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
