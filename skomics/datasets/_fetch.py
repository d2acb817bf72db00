"""Download public multi-omics data; nothing here runs inside `fit`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import Bunch

from skomics._optional import import_optional
from skomics._rows import quote_values
from skomics.datasets._cache import fetch_file
from skomics.datasets._registry import (
    ACGT_CANCERS,
    MOGONET_CLASSES,
    XENA_COHORTS,
    acgt_set,
    mogonet_set,
    momix_set,
    xena_set,
)
from skomics.io._errors import wrap_errors
from skomics.io._join import join_tables, match_samples
from skomics.io._missing import check_missing_values, find_missing, warn_of_missing
from skomics.io._mogonet import load_mogonet
from skomics.io._tables import (
    Reading,
    SparseTable,
    clean_ids,
    orient,
    read_raw,
)

if TYPE_CHECKING:
    from skomics._typing import BunchOrXy, StrPath

__all__ = ["fetch_acgt", "fetch_mogonet", "fetch_momix_single_cell", "fetch_xena"]

_ACGT_TABLES = {"expression": "exp", "methylation": "methy", "mirna": "mirna"}
_MOGONET_OMICS = {"omics_1": "mrna", "omics_2": "methylation", "omics_3": "mirna"}


def fetch_acgt(
    cancer: str,
    *,
    target_column: str | None = None,
    missing_values: Sequence[str] | Literal["default"] = "default",
    join: Literal["inner", "outer", "exact"] = "inner",
    data_home: StrPath | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> BunchOrXy:
    """Load a cancer of the ACGT benchmark of Rappoport and Shamir.

    Expression, methylation and miRNA of TCGA patients [1]_, as the benchmark has
    them: nothing is scaled or selected, and normal tissue (sample type 11) is in.

    Parameters
    ----------
    cancer : str
        One of aml, breast, colon, gbm, kidney, liver, lung, melanoma, ovarian and
        sarcoma.

    target_column : str, default=None
        The column of the clinical data that is the target. Samples without a value
        are left out of `data` and `target`.

    missing_values : list of str, default="default"
        The words that say that a sample has no value, as for
        :func:`~skomics.io.read_labels`.

    join : {"inner", "outer", "exact"}, default="inner"
        Which samples to keep, as in `read_omics`.

    data_home : str or Path, default=None
        The folder of downloaded data; with None the environment variable
        ``SKOMICS_HOME``, or else the cache folder of the operating system.

    download_if_missing : bool, default=True
        Whether to download what is not there; otherwise that is an error.

    n_retries : int, default=3
        How often to try again where the connection fails.

    delay : float, default=1.0
        Seconds before the first retry; they double each time.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` only.

    Returns
    -------
    dataset : Bunch
        With the attributes

        - data: DataFrame of shape (n_samples, n_features), with column levels
          (omics, feature);
        - target: Series of shape (n_samples,), or None without `target_column`;
        - tables: dict of the DataFrame of each modality with all its samples, for
          `align_samples`, which drops normal tissue with ``id_level="patient"``;
        - clinical, survival: DataFrame by sample or patient;
        - DESCR: str, with license and citation.

    Raises
    ------
    OSError
        If a file cannot be, or must not be, downloaded. The message says where to
        put it by hand.

    ValueError
        If the cancer or column is unknown, a checksum differs, or a file is damaged.

    Warns
    -----
    UserWarning
        If samples are left out because of `missing_values`, with the number of each
        word.

    See Also
    --------
    skomics.preprocessing.align_samples : Matches tables by patient.

    References
    ----------
    .. [1] Rappoport and Shamir, "Multi-omic and multi-view clustering algorithms:
       review and cancer benchmark", Nucleic Acids Research 46(20), 2018.

    Examples
    --------
    >>> from skomics.datasets import fetch_acgt
    >>> cohort = fetch_acgt("breast", target_column="PAM50Call_RNAseq")
    ... # doctest: +SKIP
    """
    _check_name("cancer", cancer, ACGT_CANCERS)
    check_missing_values(missing_values)
    remote = acgt_set(cancer)
    paths = _fetch_all(remote, data_home, download_if_missing, n_retries, delay)
    with TemporaryDirectory() as folder:
        files = {*_ACGT_TABLES.values(), "survival"}
        _unzip(paths["tables"], files, folder)
        _unzip(paths["clinical"], {cancer}, folder)
        tables = {
            omics: _read_features(Path(folder, name))
            for omics, name in _ACGT_TABLES.items()
        }
        survival = _read_clinical(Path(folder, "survival"))
        clinical = _read_clinical(Path(folder, cancer))
    data, target = _choose_target(tables, join, clinical, target_column, missing_values)
    return _as_bunch(
        remote, return_X_y, data, target, tables, clinical=clinical, survival=survival
    )


def fetch_xena(
    cohort: str,
    *,
    datasets: Mapping[str, str] | None = None,
    target_column: str | None = None,
    missing_values: Sequence[str] | Literal["default"] = "default",
    join: Literal["inner", "outer", "exact"] = "inner",
    data_home: StrPath | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> BunchOrXy:
    """Load a TCGA cohort from the hub of UCSC Xena.

    Parameters
    ----------
    cohort : str
        The TCGA code, for instance "BRCA".

    datasets : dict of str, default=None
        A name for each modality and the data set on the hub, for instance
        ``{"protein": "RPPA", "methylation": "HumanMethylation450"}``. With None
        expression (HiSeqV2), miRNA (miRNA_HiSeq_gene) and copy number
        (Gistic2_CopyNumber_Gistic2_all_thresholded.by_genes); a cohort need not have
        all.

    target_column : str, default=None
        The column of the clinical matrix that is the target, for instance
        "PAM50Call_RNAseq". Samples without a value are left out of `data` and
        `target`.

    missing_values : list of str, default="default"
        The words that say that a sample has no value, as for
        :func:`~skomics.io.read_labels`.

    join : {"inner", "outer", "exact"}, default="inner"
        Which samples to keep, as in `read_omics`.

    data_home : str or Path, default=None
        The folder of downloaded data; with None the environment variable
        ``SKOMICS_HOME``, or else the cache folder of the operating system.

    download_if_missing : bool, default=True
        Whether to download what is not there; otherwise that is an error.

    n_retries : int, default=3
        How often to try again where the connection fails.

    delay : float, default=1.0
        Seconds before the first retry; they double each time.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` only.

    Returns
    -------
    dataset : Bunch
        With the attributes

        - data: DataFrame of shape (n_samples, n_features), with column levels
          (omics, feature);
        - target: Series of shape (n_samples,), or None without `target_column`;
        - tables: dict of the DataFrame of each modality with all its samples, for
          `align_samples`, which drops normal tissue with ``id_level="patient"``;
        - clinical: DataFrame by sample;
        - DESCR: str, with license and citation.

    Raises
    ------
    OSError
        If a file cannot be, or must not be, downloaded. The message says where to
        put it by hand.

    ValueError
        If the cohort or column is unknown, a checksum differs, or a file is damaged.

    Warns
    -----
    UserWarning
        If samples are left out because of `missing_values`, with the number of each
        word.

    References
    ----------
    .. [1] Goldman et al., "Visualizing and interpreting cancer genomics data via the
       Xena platform", Nature Biotechnology 38, 2020.

    Examples
    --------
    >>> from skomics.datasets import fetch_xena
    >>> X, y = fetch_xena(
    ...     "BRCA", target_column="PAM50Call_RNAseq", return_X_y=True
    ... )  # doctest: +SKIP
    """
    _check_name("cohort", cohort, XENA_COHORTS)
    check_missing_values(missing_values)
    remote = xena_set(cohort, datasets)
    paths = _fetch_all(remote, data_home, download_if_missing, n_retries, delay)
    clinical = _read_clinical(paths.pop("clinical"))
    tables = {omics: _read_features(path) for omics, path in paths.items()}
    data, target = _choose_target(tables, join, clinical, target_column, missing_values)
    return _as_bunch(remote, return_X_y, data, target, tables, clinical=clinical)


def fetch_momix_single_cell(
    *,
    data_home: StrPath | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> BunchOrXy:
    """Load the single-cell set of the momix benchmark: RNA and ATAC of 206 cells.

    Counts of three cancer cell lines by scCAT-seq [1]_, as the notebooks of momix
    [2]_ hold them; they stay sparse. R's files are read with the package rdata.

    Parameters
    ----------
    data_home : str or Path, default=None
        The folder of downloaded data; with None the environment variable
        ``SKOMICS_HOME``, or else the cache folder of the operating system.

    download_if_missing : bool, default=True
        Whether to download what is not there; otherwise that is an error.

    n_retries : int, default=3
        How often to try again where the connection fails.

    delay : float, default=1.0
        Seconds before the first retry; they double each time.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` only.

    Returns
    -------
    dataset : Bunch
        With the attributes

        - data: AnnData of shape (n_samples, n_features), as `load_folder` returns
          sparse tables;
        - target: Series of shape (n_samples,), the cell lines;
        - metadata: DataFrame by cell;
        - DESCR: str, with license and citation.

    Raises
    ------
    OSError
        If a file cannot be, or must not be, downloaded. The message says where to
        put it by hand.

    ValueError
        If a checksum differs, or a file is damaged.

    References
    ----------
    .. [1] Liu et al., "Deconvolution of single-cell multi-omics layers reveals
       regulatory heterogeneity", Nature Communications 10, 470, 2019.
    .. [2] Cantini et al., "Benchmarking joint multi-omics dimensionality reduction
       approaches for the study of cancer", Nature Communications 12, 124, 2021.

    Examples
    --------
    >>> from skomics.datasets import fetch_momix_single_cell
    >>> cells = fetch_momix_single_cell()  # doctest: +SKIP
    """
    remote = momix_set()
    paths = _fetch_all(remote, data_home, download_if_missing, n_retries, delay)
    metadata = _read_rds(paths["metadata"])
    ids = pd.Index(metadata.iloc[:, 0].astype(str), dtype=object, name="sample")
    target = pd.Series(metadata["celltype"].astype(str).to_list(), ids, name="celltype")
    rna, atac = _read_rds(paths["rna"]), _read_rds(paths["atac"])
    # The notebook names the cells of ATAC by their order in the metadata.
    tables = {
        "rna": _as_sparse(rna, pd.Index(rna.columns.map(str), dtype=object)),
        "atac": _as_sparse(atac, ids),
    }
    data = join_tables(*match_samples(tables, "exact", labeled=ids))
    metadata = metadata.set_axis(ids)
    return _as_bunch(remote, return_X_y, data, target, metadata=metadata)


def fetch_mogonet(
    name: Literal["BRCA", "ROSMAP"],
    *,
    data_home: StrPath | None = None,
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    return_X_y: bool = False,
) -> BunchOrXy:
    """Load the BRCA or ROSMAP data of MOGONET, with the published split.

    mRNA, methylation and miRNA [1]_; features were selected and scaled to [0, 1] by
    the authors.

    Parameters
    ----------
    name : {"BRCA", "ROSMAP"}
        Subtypes of breast cancer, or Alzheimer's disease (AD) against controls (NC).

    data_home : str or Path, default=None
        The folder of downloaded data; with None the environment variable
        ``SKOMICS_HOME``, or else the cache folder of the operating system.

    download_if_missing : bool, default=True
        Whether to download what is not there; otherwise that is an error.

    n_retries : int, default=3
        How often to try again where the connection fails.

    delay : float, default=1.0
        Seconds before the first retry; they double each time.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` only.

    Returns
    -------
    dataset : Bunch
        With the attributes

        - data: DataFrame of shape (n_samples, n_features), with column levels
          (omics, feature); samples are called as `load_folder` calls them;
        - target: Series of shape (n_samples,), the names of the classes;
        - is_test: ndarray of bool of shape (n_samples,), the published test set;
        - DESCR: str, with license and citation.

    Raises
    ------
    OSError
        If a file cannot be, or must not be, downloaded. The message says where to
        put it by hand.

    ValueError
        If the name is unknown, a checksum differs, or a file is damaged.

    References
    ----------
    .. [1] Wang et al., "MOGONET integrates multi-omics data using graph convolutional
       networks allowing patient classification and biomarker identification", Nature
       Communications 12, 3445, 2021.

    Examples
    --------
    >>> from skomics.datasets import fetch_mogonet
    >>> rosmap = fetch_mogonet("ROSMAP")  # doctest: +SKIP
    """
    _check_name("name", name, MOGONET_CLASSES)
    remote = mogonet_set(name)
    paths = _fetch_all(remote, data_home, download_if_missing, n_retries, delay)
    tables, codes = load_mogonet(paths["labels_tr.csv"].parent, None)
    classes = np.array(MOGONET_CLASSES[name], dtype=object)
    target = pd.Series(classes[codes.to_numpy()], codes.index, name="label")
    tables = {_MOGONET_OMICS[omics]: table for omics, table in tables.items()}
    data = join_tables(tables, target.index)
    is_test = data.index.str.startswith("te")
    return _as_bunch(remote, return_X_y, data, target, is_test=is_test)


def _check_name(parameter, name, known):
    if name not in known:
        raise ValueError(
            f"Got {parameter}={name!r}, but it must be one of {', '.join(known)}."
        )


def _fetch_all(remote, data_home, download_if_missing, n_retries, delay):
    return {
        part: fetch_file(
            file,
            data_home=data_home,
            download_if_missing=download_if_missing,
            n_retries=n_retries,
            delay=delay,
        )
        for part, file in remote.files.items()
    }


def _unzip(archive, names, folder):
    """Write the members of these names into the folder, whatever their paths."""
    with wrap_errors(archive, "zip"), zipfile.ZipFile(archive) as members:
        for name in names:
            found = [
                member
                for member in members.namelist()
                if PurePosixPath(member).name == name and not member.endswith("/")
            ]
            if len(found) != 1:
                raise ValueError(f"it holds {len(found)} files called {name!r}, not 1")
            with (
                members.open(found[0]) as source,
                open(Path(folder, name), "wb") as copy,
            ):
                copyfileobj(source, copy)


def _read_features(file):
    reading = Reading(orientation="features")
    return orient(read_raw(file, reading)[""], "features", reading)


def _read_clinical(file):
    with wrap_errors(file, "a table of clinical data"):
        table = pd.read_csv(
            file, sep="\t", dtype={0: str}, index_col=0, low_memory=False
        )
    index = pd.Index(table.index.astype(str), dtype=object, name="sample")
    return table.set_axis(clean_ids(index, "dashes").infer_objects())


def _choose_target(tables, join, clinical, column, missing_values):
    """Join the tables, and keep samples with a value in the clinical column."""
    matched, samples = match_samples(tables, join)
    data = join_tables(matched, samples)
    if column is None:
        return data, None
    if column not in clinical:
        raise ValueError(
            f"Got target_column={column!r}, which the clinical data lack. Their "
            f"columns are {quote_values(clinical.columns, 200)}."
        )
    target = clinical[column].dropna()
    target = target[~target.index.duplicated()].reindex(data.index).dropna()
    target = _drop_words(target, missing_values)
    if target.empty:
        raise ValueError(
            f"No sample has a value in target_column={column!r}. Choose another."
        )
    return data.loc[target.index], target


def _drop_words(target, missing_values):
    """Leave out values that say in words that there is none."""
    if pd.api.types.is_numeric_dtype(target.dtype):
        return target
    is_missing = find_missing(target.map(str), missing_values)
    warn_of_missing(f"target_column={target.name!r}", target[is_missing].map(str))
    target = target[~is_missing]
    # Numbers among words were read as text.
    numbers = pd.to_numeric(target, errors="coerce")
    is_number = is_missing.any() and numbers.notna().all() and len(numbers)
    return numbers if is_number else target


def _read_rds(file):
    """Return a matrix or data frame of R as a DataFrame."""
    rdata = import_optional("rdata", extra="data")
    with wrap_errors(file, "RDS"):
        value = rdata.read_rds(file)
        return value if isinstance(value, pd.DataFrame) else value.to_pandas()


def _as_sparse(table, samples):
    """Return a table of features × samples as a sparse one of samples × features."""
    matrix = sparse.csr_matrix(table.to_numpy().T, dtype=np.float64)
    features = pd.Index(table.index.map(str), dtype=object, name="feature")
    return SparseTable(matrix, samples.rename("sample"), features)


def _as_bunch(remote, return_X_y, data, target, tables=None, **more):
    if return_X_y:
        return data, target
    more |= {} if tables is None else {"tables": tables}
    return Bunch(data=data, target=target, DESCR=remote.description, **more)
