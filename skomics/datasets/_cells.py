"""Simulated single cells, written to a file in parts: more than fit into memory."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._compat import unpulled
from skomics._layout import SEPARATOR
from skomics._optional import import_optional
from skomics.datasets._checks import check_integer

if TYPE_CHECKING:
    from skomics._typing import RandomState, StrPath

__all__ = ["simulate_cells"]

# Cells that are made at a time.
_CHUNK = 5000
# Of each modality: mean and spread of the logarithms of the features' mean counts, the
# dispersion of counts, the share of features that differ between classes, by how much.
_MODALITIES = {
    "rna": (-2.3, 1.3, 2.0, 0.10, 0.6),
    "adt": (-1.0, 1.0, 4.0, 0.20, 0.4),
}
# Spread of the logarithms of how many counts cells have.
_DEPTH = 0.4
_SUFFIXES = (".h5ad", ".h5mu", ".zarr")
_ORDERS = ("random", "by_class")


def simulate_cells(
    path: StrPath,
    n_cells: int = 10_000,
    *,
    n_genes: int = 2000,
    n_proteins: int = 500,
    n_classes: int = 10,
    order: Literal["random", "by_class"] = "random",
    random_state: RandomState = None,
) -> Path:
    r"""Write counts of simulated cells to a file, some cells after others.

    Parameters
    ----------
    path : str or path-like
        The file to write: ".h5ad" or ".zarr" for an AnnData whose ``var["omics"]`` says
        of which modality each feature is, ".h5mu" for a MuData. What is there is
        overwritten.

    n_cells : int, default=10_000
        Number of cells.

    n_genes, n_proteins : int, default=2000, 500
        Number of features of the modalities "rna" and "adt".

    n_classes : int, default=10
        Number of cell types, of unequal size: the k-th most common one has a share
        proportional to :math:`1 / (k + 2)`.

    order : {"random", "by_class"}, default="random"
        Whether cells come in any order, or type by type, as files often have them.

    random_state : int, RandomState instance or None, default=None
        Source of all randomness. An int makes the same cells, whatever the file.

    Returns
    -------
    path : Path
        The file. Its ``obs["cell_type"]`` has the classes.

    Raises
    ------
    ValueError
        If the suffix or the order is unknown, or a number is too small.

    ImportError
        If anndata or mudata is missing; they come with ``skomics[mudata]``.

    See Also
    --------
    make_multiomics : Cohorts in memory, with what is known of their features.

    Notes
    -----
    A count is negative binomial, :math:`x_{ij} \sim \mathrm{Poisson}(g_{ij}\, d_i\,
    \mu_{jk})`, with a gamma-distributed :math:`g_{ij}` of mean 1, the depth :math:`d_i`
    of the cell and the mean :math:`\mu_{jk}` of the feature in the cell's type *k*, as
    in Splatter [1]_; both are log-normal. Types differ in a part of the features, by
    log-normal factors. About one count in six of genes and one in three of proteins is
    not zero. Counts are float32 in csr; memory holds 5,000 cells, and the names and
    types of all.

    References
    ----------
    .. [1] L. Zappia, B. Phipson, A. Oshlack, "Splatter: simulation of single-cell RNA
       sequencing data", Genome Biology 18:174, 2017,
       https://doi.org/10.1186/s13059-017-1305-0

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import anndata
    >>> from skomics.datasets import simulate_cells
    >>> with TemporaryDirectory() as folder:
    ...     path = simulate_cells(Path(folder) / "cells.h5ad", 500, random_state=0)
    ...     cells = anndata.read_h5ad(path)
    >>> cells.shape
    (500, 2500)
    """
    path = Path(path)
    _check(path, order)
    sizes = {"rna": n_genes, "adt": n_proteins}
    numbers = {"n_cells": n_cells, "n_genes": n_genes, "n_proteins": n_proteins}
    for name, number in (numbers | {"n_classes": n_classes}).items():
        check_integer(name, number, 2 if name == "n_classes" else 1)
    random = _generator(random_state)
    types = _draw_types(random, n_cells, n_classes, order)
    modalities = [
        _Modality(random, size, n_classes, *_MODALITIES[name])
        for name, size in sizes.items()
    ]
    seeds = random.integers(2**63, size=-(-n_cells // _CHUNK))
    chunks = (
        _draw_chunk(seed, types[start : start + _CHUNK], modalities)
        for seed, start in zip(seeds, range(0, n_cells, _CHUNK), strict=True)
    )
    with warnings.catch_warnings():
        # Of anndata and zarr about the format of zarr that they themselves choose.
        warnings.filterwarnings("ignore", "Writing zarr v2 data", UserWarning)
        warnings.filterwarnings("ignore", "Consolidated metadata is", UserWarning)
        _write(path, sizes, _observations(types), chunks)
    return path


def _check(path, order):
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"Got {path.name} to write to, but files of {', '.join(_SUFFIXES)} are "
            "written. Choose one of these suffixes."
        )
    if order not in _ORDERS:
        raise ValueError(f"Got order={order!r}. Choose one of {_ORDERS}.")


def _generator(random_state):
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31 - 1)
    return np.random.default_rng(random_state)


def _draw_types(random, n_cells, n_classes, order):
    shares = 1.0 / (np.arange(n_classes) + 3)
    types = random.choice(n_classes, n_cells, p=shares / shares.sum())
    return np.sort(types) if order == "by_class" else types


class _Modality:
    """Mean counts of the features in each class."""

    def __init__(self, random, size, n_classes, level, spread, shape, share, effect):
        self.shape = shape
        logs = np.tile(random.normal(level, spread, size), (n_classes, 1))
        differs = random.random((n_classes, size)) < share
        self.means = np.exp(logs + differs * random.normal(0, effect, logs.shape))
        self.means = self.means.astype(np.float32)

    def draw(self, random, types, depths):
        """Return the counts of some cells, in csr."""
        rates = self.means[types] * depths[:, None]
        rates *= random.standard_gamma(self.shape, rates.shape, dtype=np.float32)
        counts = random.poisson(rates / np.float32(self.shape))
        return sparse.csr_matrix(counts, dtype=np.float32)


def _draw_chunk(seed, types, modalities):
    random = np.random.default_rng(seed)
    depths = np.exp(random.normal(0, _DEPTH, len(types))).astype(np.float32)
    return [modality.draw(random, types, depths) for modality in modalities]


def _observations(types):
    names = pd.Index([f"cell_{i}" for i in range(len(types))])
    width = len(str(types.max()))
    labels = [f"type_{k:0{width}}" for k in range(types.max() + 1)]
    return pd.DataFrame({"cell_type": pd.Categorical.from_codes(types, labels)}, names)


def _write(path, sizes, obs, chunks):
    """Write a file without cells' counts, and then these, some after others."""
    anndata = import_optional("anndata", extra="mudata")
    features = {name: [f"{name}_{i}" for i in range(n)] for name, n in sizes.items()}
    if path.suffix == ".h5mu":
        mudata = import_optional("mudata", extra="mudata")
        tables = {name: _empty(obs[[]], features[name]) for name in sizes}
        with unpulled(mudata):
            whole = mudata.MuData(tables)
            whole.obs["cell_type"] = obs["cell_type"]
            whole.write(path)
        places = [f"mod/{name}/X" for name in sizes]
    else:
        names = [f"{m}{SEPARATOR}{f}" for m, own in features.items() for f in own]
        whole = _empty(obs, names)
        whole.var["omics"] = np.repeat(list(sizes), list(sizes.values()))
        whole.write_zarr(path) if path.suffix == ".zarr" else whole.write_h5ad(path)
        places, chunks = ["X"], ([sparse.hstack(c, format="csr")] for c in chunks)
    with _opened(path) as file:
        for number, parts in enumerate(chunks):
            for place, part in zip(places, parts, strict=True):
                if number == 0:
                    parent, _, key = place.rpartition("/")
                    group = file[parent] if parent else file
                    del group[key]
                    part.indptr = part.indptr.astype(np.int64)
                    anndata.io.write_elem(group, key, part)
                else:
                    anndata.io.sparse_dataset(file[place]).append(part)
    if path.suffix == ".zarr":
        import_optional("zarr", extra="mudata").consolidate_metadata(path)


def _empty(obs, names):
    anndata = import_optional("anndata", extra="mudata")
    X = sparse.csr_matrix((len(obs), len(names)), dtype=np.float32)
    return anndata.AnnData(X, obs=obs.copy(), var=pd.DataFrame(index=names))


def _opened(path):
    if path.suffix == ".zarr":
        zarr = import_optional("zarr", extra="mudata")
        group = zarr.open_group(path, mode="r+", use_consolidated=False)
        return nullcontext(group)
    return import_optional("h5py", extra="mudata").File(path, "r+")
