"""Graphs of samples as torch-geometric holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import column_or_1d

from skomics._blocks import read_blocks
from skomics._modality import modality_mask
from skomics._rows import check_same_samples
from skomics._validation import plain_labels, raise_if_not_finite
from skomics.graph._multiomics_graph import MultiOmicsGraph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch_geometric.data import Data, HeteroData

    from skomics._typing import OmicsLike, OmicsNames

__all__ = ["to_data", "to_pyg"]


def to_pyg(
    X: OmicsLike,
    y: ArrayLike | None = None,
    graph: MultiOmicsGraph | None = None,
    *,
    omics: OmicsNames | None = None,
    hetero: bool = False,
) -> dict[str, Data] | HeteroData:
    """Hand samples and their graphs over to torch-geometric.

    Parameters
    ----------
    X : DataFrame, dict of DataFrame, MuData, AnnData or OmicsBlocks
        Samples of several modalities, as :class:`~skomics.OmicsConcatenator` takes
        them, without missing values but for whole modalities. What
        :class:`OmicsConcatenator` returns will do.

    y : array-like of shape (n_samples,), default=None
        Subtypes; None and NaN are no label.

    graph : MultiOmicsGraph, default=None
        How samples are linked. One that is fitted to these samples is used as it is;
        else a copy is fitted to them. None is ``MultiOmicsGraph()``.

    omics : array-like, dict or None, default=None
        Which columns belong to which modalities, for a table without names, as for the
        classifiers.

    hetero : bool, default=False
        Whether to return one `HeteroData`, with a node type for each modality and an
        edge type ``(omics, "similar_to", omics)``, in place of a `Data` for each
        modality.

    Returns
    -------
    data : dict of str to torch_geometric.data.Data, or HeteroData
        For each modality `x` of shape (n_samples, n_features), float32, 0 where a
        sample lacks the modality; `edge_index` of shape (2, n_edges), from the sample
        that is looked at to the one that looks; `edge_weight`, normalized, with self
        loops; `observed_mask`, whether a sample has the modality; `feature_names`,
        where X has names. With `y`, also the codes `y`, -1 for no label, `train_mask`,
        whether a sample has a label, and `classes`.

    Raises
    ------
    ValueError
        If a fitted `graph` is of another number of samples or omics.

    Examples
    --------
    >>> from skomics.datasets import make_intersim
    >>> from skomics.graph import to_pyg
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> to_pyg(X, y)["protein"]
    Data(x=[60, 160], edge_index=[2, 604], edge_weight=[604], observed_mask=[60], \
y=[60], train_mask=[60], classes=[3], feature_names=[160])
    """
    blocks = read_blocks(X, omics)
    matrices = [_dense(block.data) for block in blocks.blocks.values()]
    graph = _fitted(MultiOmicsGraph() if graph is None else graph, matrices)
    codes = classes = None
    if y is not None:
        check_same_samples(blocks.rows, y, "y")
        codes, classes = _encode(y, len(matrices[0]))
    made = {}
    parts = zip(blocks.blocks.items(), matrices, graph.graphs_, strict=True)
    for (name, block), matrix, links in parts:
        observed = modality_mask(matrix)
        raise_if_not_finite(matrix[observed], name)
        filled = np.where(observed[:, None], matrix, 0).astype(np.float32)
        made[name] = to_data(
            filled, links, codes=codes, observed=observed, classes=classes
        )
        if block.features is not None:
            made[name].feature_names = list(block.features)
    return _join(made) if hetero else made


def to_data(matrix, links, *, codes=None, observed=None, classes=None):
    """Return the samples of one modality and their graph as torch-geometric's `Data`.

    Parameters
    ----------
    matrix : ndarray of shape (n_samples, n_features), dtype float32
        Features.

    links : csr_array of shape (n_samples, n_samples)
        Weights of the edges; rows look at columns.

    codes : ndarray of shape (n_samples,), default=None
        Classes; -1 is none.

    observed : ndarray of shape (n_samples,), dtype bool, default=None
        Whether a sample has the modality; None if all have it.

    classes : ndarray of shape (n_classes,), default=None
        Names of the classes.

    Returns
    -------
    data : torch_geometric.data.Data
        The same.
    """
    # Here, because graphs are of use where torch is not.
    import torch
    from torch_geometric.data import Data

    links = links.tocoo()
    edges = np.stack([links.col, links.row]).astype(np.int64)
    data = Data(
        x=torch.tensor(matrix),  # copies, so that nothing is changed through them
        edge_index=torch.as_tensor(edges),
        edge_weight=torch.as_tensor(links.data.astype(np.float32)),
    )
    if observed is None:
        observed = np.ones(len(matrix), dtype=bool)
    data.observed_mask = torch.tensor(observed)
    if codes is not None:
        data.y = torch.tensor(codes)
        data.train_mask = data.y >= 0
    if classes is not None:
        data.classes = classes.tolist()
    return data


def _dense(matrix):
    matrix = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
    return matrix.astype(np.float64)


def _fitted(graph, matrices):
    """Return a graph of these samples: the one that is given, or a fitted copy."""
    if not hasattr(graph, "graphs_"):
        return clone(graph).fit(matrices)
    known = graph.graphs_[0].shape[0], graph._n_features
    given = len(matrices[0]), [matrix.shape[1] for matrix in matrices]
    if known != given:
        raise ValueError(
            f"The graph is of {known[0]} samples of modalities with {known[1]} "
            f"features, but X has {given[0]} samples of modalities with {given[1]} "
            "features. Give the samples that it was fitted to, modalities in the same "
            "order, or a graph that is not fitted."
        )
    return graph


def _encode(y, n_samples):
    """Return codes, -1 for no label, and the classes."""
    y = plain_labels(y)
    y = y if isinstance(y, pd.Series) else pd.Series(column_or_1d(y))
    if len(y) != n_samples:
        raise ValueError(
            f"y has {len(y)} labels, but X has {n_samples} samples. Give a label for "
            "each, None for one that has none."
        )
    is_labeled = y.notna().to_numpy()
    codes = np.full(len(y), -1)
    labels = np.asarray(plain_labels(y[is_labeled]))
    classes, codes[is_labeled] = np.unique(labels, return_inverse=True)
    return codes, classes


def _join(parts):
    """Return the data of all modalities as one."""
    from torch_geometric.data import HeteroData

    joined = HeteroData()
    for name, data in parts.items():
        for key, value in data.to_dict().items():
            is_edge = key.startswith("edge_")
            place = (name, "similar_to", name) if is_edge else name
            joined[place][key] = value
    return joined
