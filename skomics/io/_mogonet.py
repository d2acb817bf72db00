"""MOGONET's layout: numbered tables without names, split in training and test."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd

from skomics.io._files import list_files
from skomics.io._tables import Reading, orient, read_raw
from skomics.io._text import read_rows

__all__ = ["load_mogonet"]

_PARTS = ("tr", "te")


def load_mogonet(path, omics):
    """Read a folder in MOGONET's layout: training samples, then test samples.

    Parameters
    ----------
    path : Path
        The folder.

    omics : list of str or None
        The tables to read, called ``omics_<i>``; None reads all.

    Returns
    -------
    tables : dict of DataFrame of shape (n_samples, n_features)
        The tables.

    y : Series of shape (n_samples,)
        The labels.
    """
    parts = {part: _read_labels(path / f"labels_{part}.csv") for part in _PARTS}
    y = pd.concat(
        [
            labels.set_axis([f"{part}{i:03d}" for i in range(len(labels))])
            for part, labels in parts.items()
        ]
    ).rename_axis("sample")
    names = sorted(
        (f.name.removesuffix("_tr.csv") for f in list_files(path, "*_tr.csv")),
        key=lambda name: (len(name), name),
    )
    tables = {
        f"omics_{name}": pd.concat(
            [_read_part(path, name, part, y.index) for part in _PARTS]
        )
        for name in names
        if name != "labels" and (omics is None or f"omics_{name}" in omics)
    }
    return tables, y


def _read_labels(file):
    reading = Reading(header=False, orientation="samples")
    values = orient(read_raw(file, reading)[""], "samples", reading).iloc[:, 0]
    is_whole = (values == values.round()).all()
    return (values.astype(np.int64) if is_whole else values).rename("label")


def _read_part(path, name, part, ids):
    reading = Reading(
        header=False, ids=ids[ids.str.startswith(part)], orientation="samples"
    )
    raw = read_raw(path / f"{name}_{part}.csv", reading)[""]
    names_file = path / f"{name}_featname.csv"
    if names_file.is_file():
        with closing(read_rows(names_file, sep=",")) as rows:
            names = [cells[0].strip() for _, cells in rows]
        if len(names) != raw.values.shape[1]:
            raise ValueError(
                f"{names_file.name} has {len(names)} names and {raw.file.name} "
                f"{raw.values.shape[1]} columns. Give one name per column."
            )
        raw = replace(raw, columns=pd.Index(names, dtype=object))
    return orient(raw, "samples", reading)
