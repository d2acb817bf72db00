"""Write a folder of one table per modality and the labels."""

from __future__ import annotations

from csv import QUOTE_NONNUMERIC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._blocks import read_blocks
from skomics._modality import modality_mask
from skomics._rows import check_same_samples
from skomics._tcga import is_barcode
from skomics._validation import check_labels
from skomics._warnings import warn
from skomics.io._files import list_files
from skomics.io._folder import TABLES

if TYPE_CHECKING:
    from skomics._typing import OmicsLike, StrPath

__all__ = ["save_folder"]

_LAYOUTS = ("csv", "acgt")
LABELS = "labels.csv"


def save_folder(
    X: OmicsLike,
    y: pd.Series,
    path: StrPath,
    *,
    layout: Literal["csv", "acgt"] = "csv",
    overwrite: bool = False,
) -> list[Path]:
    r"""Write samples as a folder of one table per modality and the labels.

    Parameters
    ----------
    X : DataFrame, AnnData, MuData, or dict of tables of shape (n_samples, n_features)
        Samples of several modalities, with ids.

    y : Series of shape (n_samples,), default=None
        Their labels, with the same ids. None writes no ``labels.csv``.

    path : str or Path
        The folder; it is made if need be.

    layout : {"csv", "acgt"}, default="csv"
        "csv" writes ``<omics>.csv``, samples × features; a sparse table becomes
        ``<omics>.npz`` and ``<omics>_features.txt``. "acgt" writes ``<omics>`` as R's
        ``write.table`` does, features × samples, and barcodes of TCGA with dots, as
        in the files of the ACGT benchmark.

    overwrite : bool, default=False
        Whether files of these names may be replaced.

    Returns
    -------
    paths : list of Path
        The files, in the order of the modalities, the labels last.

    Raises
    ------
    FileExistsError
        If one is there, or a table of the same modality with another suffix. Nothing
        is written.

    ValueError
        If the layout is unknown, the samples have no ids, `y` has others, or a
        modality has no feature names, one that is no file name, or, with "acgt", is
        sparse.

    Warns
    -----
    UserWarning
        If the folder has other tables, which will be read with these.

    See Also
    --------
    load_folder : Reads a folder of layout "csv".
    read_omics : Reads tables of both layouts.

    Notes
    -----
    Samples that lack a modality (all NaN) are left out of its table, as of a table of
    those who were measured. In numpy's sparse files, whose rows have no names, they
    stay. Numbers are written with as many digits as they need to come back to the bit.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skomics.datasets import make_intersim
    >>> from skomics.io import load_folder, save_folder
    >>> X, y = make_intersim(n_samples=30, n_clusters=3, random_state=0)
    >>> with TemporaryDirectory() as folder:
    ...     print([path.name for path in save_folder(X, y, folder)])
    ...     back, _ = load_folder(folder)
    ['methylation.csv', 'expression.csv', 'protein.csv', 'labels.csv']
    >>> bool((back[X.columns] == X).all(axis=None))
    True
    """
    if layout not in _LAYOUTS:
        raise ValueError(
            f"Got layout={layout!r}, but it must be one of "
            f"{', '.join(map(repr, _LAYOUTS))}."
        )
    read, path = read_blocks(X), Path(path)
    samples = _name_samples(read.rows)
    if y is not None:
        _check_target(y, samples)
    with TemporaryDirectory(dir=_nearest(path), prefix=".skomics-") as scratch:
        for name, block in read.blocks.items():
            _check_block(name, block)
            _write_block(Path(scratch), name, block, samples, layout)
        if y is not None:
            table = pd.DataFrame({"sample": samples, "label": y.to_numpy()})
            table.to_csv(Path(scratch, LABELS), index=False)
        return _move(Path(scratch), path, list(read.blocks), overwrite)


def _name_samples(rows):
    if rows is None:
        raise ValueError(
            "X has samples without ids, but the tables of a folder are matched by ids. "
            "Give a DataFrame, or a dict of these, with the ids as index."
        )
    return pd.Index(rows).astype(str)


def _check_target(y, samples):
    if not isinstance(y, pd.Series):
        raise ValueError(
            f"Got y of type {type(y).__name__}, but a Series with the sample ids as "
            "index is wanted. Use pandas.Series(y, index=X.index)."
        )
    check_labels(y)
    check_same_samples(samples, y.set_axis(y.index.astype(str)), "y")


def _check_block(name, block):
    if block.features is None:
        raise ValueError(
            f"The modality {name!r} has no feature names, without which it cannot be "
            "read again. Give a DataFrame or an AnnData."
        )
    if not name or name in (".", "..") or any(sign in name for sign in '/\\:*?"<>|'):
        raise ValueError(
            f"Got a modality called {name!r}, which is no name of a file. Rename it, "
            "without signs such as / and :."
        )


def _write_block(folder, name, block, samples, layout):
    if sparse.issparse(block.data):
        if layout != "csv":
            raise ValueError(
                f"The modality {name!r} is sparse, but layout={layout!r} writes every "
                'value. Use layout="csv", or make it dense.'
            )
        sparse.save_npz(folder / f"{name}.npz", sparse.csr_matrix(block.data))
        text = "".join(f"{feature}\n" for feature in block.features)
        (folder / f"{name}_features.txt").write_text(text, encoding="utf-8")
        return
    values = np.asarray(block.data, dtype=float)
    table = pd.DataFrame(values, index=samples, columns=block.features)
    table = table[modality_mask(block.data)]
    if layout == "csv":
        # "sample" alone would be no evidence that rows are samples, see `read_omics`.
        table.to_csv(folder / f"{name}.csv", index_label="sample_id")
        return
    table.index = [i.replace("-", ".") if is_barcode(i) else i for i in table.index]
    # One cell less in the header than in the rows, as R writes it.
    header = " ".join(f'"{sample}"' for sample in table.index)
    with (folder / name).open("w", encoding="utf-8") as file:
        file.write(f"{header}\n")
        table.T.to_csv(
            file, sep=" ", header=False, quoting=QUOTE_NONNUMERIC, na_rep="NA"
        )


def _move(scratch, folder, names, overwrite):
    written = sorted(scratch.iterdir(), key=lambda file: _place(file.name, names))
    there = [file.name for file in written if (folder / file.name).exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{str(folder)!r} already has {', '.join(there)}. Name another folder, or "
            "set overwrite=True."
        )
    _check_others(folder, written)
    folder.mkdir(parents=True, exist_ok=True)
    return [file.replace(folder / file.name) for file in written]


def _nearest(folder):
    """Return where files are made that are moved into a folder whole.

    Within one file system nothing is copied, and no half file left by an interrupt.
    """
    places = (place for place in (folder, *folder.absolute().parents))
    return next(place for place in places if place.is_dir())


def _check_others(folder, written):
    """Refuse or tell of tables in the folder that would be read with these."""
    names = {_modality_of(file.name) for file in written}
    there = list_files(folder) if folder.is_dir() else []
    others = {file.name for file in there if file.name.lower().endswith(TABLES)}
    others -= {file.name for file in written}
    twice = sorted(other for other in others if _modality_of(other) in names)
    if twice:
        raise FileExistsError(
            f"{str(folder)!r} has {', '.join(twice)}, so that a modality would have "
            "two tables. Delete it, or name another folder."
        )
    if others:
        warn(
            f"{str(folder)!r} also has {', '.join(sorted(others))}, which will be read "
            "together with what is written. Delete what is not of these samples."
        )


def _modality_of(file):
    suffixes = [s for s in TABLES if file.lower().endswith(s)]
    return file[: -len(suffixes[0])] if suffixes else None


def _place(file, names):
    """Return where a file stands: by its modality, the labels last."""
    fits = [i for i, name in enumerate(names) if file.startswith(name)]
    exact = [i for i in fits if file.split(".")[0] == names[i]]
    return (file == LABELS, (exact or fits or [0])[0], file)
