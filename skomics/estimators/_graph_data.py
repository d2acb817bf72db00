"""Training samples as nodes of one graph per modality, whole or in batches."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from skomics.modules import Hop, generator_on

__all__ = ["GraphData", "LinkedData", "joined_views"]

# New samples that are predicted at a time.
_CHUNK = 4096


@dataclass(frozen=True)
class GraphData:
    """The training samples of a graph model.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_samples, n_features)
        Features of each modality, float32.

    graphs : list of csr_array of shape (n_samples, n_samples)
        Normalized graph of each modality, with self loops.

    codes : ndarray of shape (n_samples,), dtype int64
        Classes.

    weights : ndarray of shape (n_samples,) or None
        Weights with mean 1.

    present : ndarray of shape (n_samples, n_omics), dtype bool, or None
        Which modalities each sample has; None if all have all.

    n_layers : int
        Number of layers of an encoder.

    sums_first : bool
        Whether the first layer's sums over neighbors may be taken beforehand.

    batch_size : int or None
        Samples in a batch; None trains on the whole graph.

    n_neighbors : int
        Neighbors per sample and layer in a batch.
    """

    blocks: list
    graphs: list
    codes: np.ndarray
    weights: np.ndarray | None
    present: np.ndarray | None
    n_layers: int
    sums_first: bool
    batch_size: int | None
    n_neighbors: int

    def __len__(self):
        return len(self.codes)

    def whole(self, device, dtype):
        """Return all samples: features and, for every layer, the whole graph."""
        everyone = np.arange(len(self))
        views = []
        for block, graph in zip(self.blocks, self.graphs, strict=True):
            hop = Hop.from_scipy(graph, everyone, device=device, dtype=dtype)
            x = torch.as_tensor(block).to(device, dtype)
            views.append((x, [hop] * self.n_layers))
        return views

    def batches(self, device, *, shuffle):
        """Return an iterator that can be used again, once per epoch."""
        if self.batch_size is None or self.batch_size >= len(self):
            return _WholeGraph(self, device)
        return _SampledNeighbors(self, device)


class _WholeGraph:
    """One batch: every sample, with sums over neighbors taken once."""

    def __init__(self, data, device):
        views = data.whole(device, torch.float32)
        if data.sums_first:
            views = [(hops[0].adjacency @ x, [None, *hops[1:]]) for x, hops in views]
        weights, present = (
            _on_device(data.weights, device),
            _on_device(data.present, device),
        )
        self.batch = (views, weights, present), torch.as_tensor(data.codes).to(device)

    def __len__(self):
        return 1

    def __iter__(self):
        yield self.batch


class _SampledNeighbors:
    """Batches of samples with a sampled neighborhood for every layer.

    A sample keeps its self loop and at most `n_neighbors` others, whose weights
    are raised so that their sum keeps its expectation (Hamilton et al. 2017).
    """

    def __init__(self, data, device):
        self.data, self.device = data, device
        self.inputs = data.blocks
        if data.sums_first:
            pairs = zip(data.graphs, data.blocks, strict=True)
            self.inputs = [(g @ b).astype(np.float32) for g, b in pairs]
        self.n_batches = -(-len(data) // data.batch_size)

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        seed = torch.randint(2**31 - 1, (), generator=generator_on("cpu"))
        rng = np.random.default_rng(int(seed))
        for seeds in np.array_split(rng.permutation(len(self.data)), self.n_batches):
            weights = _on_device(self.data.weights, self.device, seeds)
            present = _on_device(self.data.present, self.device, seeds)
            codes = torch.as_tensor(self.data.codes[seeds]).to(self.device)
            views = [self._view(i, seeds, rng) for i in range(len(self.inputs))]
            yield (views, weights, present), codes

    def _view(self, i, seeds, rng):
        hops, nodes = [], seeds
        n_sampled = self.data.n_layers - self.data.sums_first
        for _ in range(n_sampled):
            matrix, nodes = _sample_hop(
                self.data.graphs[i], nodes, self.data.n_neighbors, rng
            )
            hop = Hop.from_scipy(
                matrix,
                np.arange(matrix.shape[0]),
                device=self.device,
                dtype=torch.float32,
            )
            hops.insert(0, hop)
        if self.data.sums_first:
            hops.insert(0, None)
        return torch.as_tensor(self.inputs[i][nodes]).to(self.device), hops


def _on_device(array, device, rows=slice(None)):
    return None if array is None else torch.as_tensor(array[rows]).to(device)


def _sample_hop(graph, nodes, n_neighbors, rng):
    """Return sampled rows of a graph, and its columns, the nodes first."""
    rows = graph[nodes]
    row = np.repeat(np.arange(len(nodes)), np.diff(rows.indptr))
    is_self = rows.indices == nodes[row]
    # Neighbors in random order within their row, the self loop in front.
    order = np.lexsort((np.where(is_self, -1.0, rng.random(rows.nnz)), row))
    rank = np.arange(rows.nnz) - rows.indptr[row]
    kept = order[rank <= n_neighbors]
    degree = np.diff(rows.indptr) - 1
    raised = np.maximum(degree, 1) / np.maximum(np.minimum(degree, n_neighbors), 1)
    data = rows.data[kept] * np.where(is_self[kept], 1.0, raised[row[kept]])
    columns = rows.indices[kept]
    sources = np.concatenate([nodes, np.setdiff1d(columns, nodes)])
    place = np.empty(graph.shape[1], dtype=np.int64)
    place[sources] = np.arange(len(sources))
    shape = (len(nodes), len(sources))
    matrix = sparse.csr_array((data, (row[kept], place[columns])), shape=shape)
    return matrix, sources


@dataclass(frozen=True)
class LinkedData:
    """New samples, each linked to training samples and to itself.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_new, n_features)
        Features of each modality.

    links : list of (csr_array of shape (n_new, n_training), ndarray)
        Normalized links and weights of the self loops, per modality.

    codes : ndarray of shape (n_new,) or None
        Classes, where the samples are a validation part.

    weights : ndarray of shape (n_new,) or None
        Weights.

    present : ndarray of shape (n_new, n_omics), dtype bool, or None
        Which modalities each sample has; None if all have all.
    """

    blocks: list
    links: list
    codes: np.ndarray | None = None
    weights: np.ndarray | None = None
    present: np.ndarray | None = None

    def views(self, device, dtype):
        """Yield the views and the present modalities of one chunk after another."""
        for start in range(0, len(self.blocks[0]), _CHUNK):
            part = slice(start, start + _CHUNK)
            views = []
            for block, (links, loops) in zip(self.blocks, self.links, strict=True):
                loops = sparse.diags_array(loops[part])
                matrix = sparse.hstack([links[part], loops], format="csr")
                new = links.shape[1] + np.arange(matrix.shape[0])
                hop = Hop.from_scipy(matrix, new, device=device, dtype=dtype)
                views.append((torch.as_tensor(block[part]).to(device, dtype), hop))
            yield views, _on_device(self.present, device, part)

    def batches(self, device, *, shuffle):
        """Return the samples with their classes, in chunks."""
        batches = []
        for i, (views, present) in enumerate(self.views(device, torch.float32)):
            part = slice(i * _CHUNK, (i + 1) * _CHUNK)
            weights = _on_device(self.weights, device, part)
            codes = torch.as_tensor(self.codes[part]).to(device)
            batches.append(((views, weights, present), codes))
        return batches


def joined_views(data, blocks, graphs):
    """Return a function that gives the views of training and new samples in one.

    Parameters
    ----------
    data : GraphData
        The training samples.

    blocks : list of ndarray of shape (n_new, n_features)
        Features of the new samples.

    graphs : list of csr_array
        Graphs of all samples, the training samples first.

    Returns
    -------
    views : callable
        Called with a device and a dtype.
    """
    pairs = zip(data.blocks, blocks, strict=True)
    joined = GraphData(
        blocks=[np.concatenate(pair) for pair in pairs],
        graphs=graphs,
        codes=np.zeros(len(data) + len(blocks[0]), dtype=np.int64),
        weights=None,
        present=None,
        n_layers=data.n_layers,
        sums_first=False,
        batch_size=None,
        n_neighbors=data.n_neighbors,
    )
    return joined.whole
