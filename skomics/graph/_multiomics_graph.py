"""A graph for each modality, or one of all modalities, whoever lacks some of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from skomics._compat import StrOptions, _fit_context
from skomics._modality import modality_mask
from skomics._transaction import whole
from skomics._validation import raise_if_not_finite
from skomics.graph._neighbors import search_neighbors
from skomics.graph._nemo import Nemo
from skomics.graph._normalize import (
    join_links,
    mutual_maximum,
    normalize_graph,
    normalize_links,
)
from skomics.graph._sample_graph import SampleGraph
from skomics.graph._snf import SimilarityNetworkFusion

if TYPE_CHECKING:
    from skomics._typing import MatrixLike, RandomState

__all__ = ["MultiOmicsGraph"]

_FUSIONS = {"nemo": Nemo, "snf": SimilarityNetworkFusion}


class MultiOmicsGraph(BaseEstimator):
    r"""A graph of similar samples for each modality, or one of all modalities.

    Not a scikit-learn estimator, whose `fit` takes one table: this one takes a list of
    tables, one per modality. It has parameters and can be cloned as one.

    Parameters
    ----------
    method : {"threshold", "knn", "snf", "nemo"}, default="threshold"
        "threshold" and "knn" make a graph per modality, see :class:`SampleGraph`.
        "snf", similarity network fusion, and "nemo", neighborhood-based
        multi-omics similarity, make one graph of all modalities; see the notes.

    k : int, default=10
        Number of nearest neighbors (knn, snf, nemo), or target mean degree + 1
        (threshold); cut to what the samples allow.

    kernel : {"cosine", "rbf"}, default="cosine"
        Weight of an edge of a graph per modality. "snf" and "nemo" have kernels of
        their own.

    normalization : {"rw", "sym"}, default="rw"
        As in :func:`normalize_graph`.

    neighbors : {"auto", "exact", "approximate"}, default="auto"
        Search for nearest neighbors, as in :class:`SampleGraph`.

    isolated : {"link", "keep"}, default="link"
        What becomes of a sample that has no neighbor within the threshold:
        "link" ties it to its nearest sample, "keep" leaves it with its self loop
        only, as the published code of MOGONET does.

    random_state : int, RandomState instance or None, default=None
        Randomness of the approximate search.

    Attributes
    ----------
    graphs_ : list of csr_array of shape (n_samples, n_samples)
        Normalized graph of each modality, with self loops; with "snf" and "nemo", the
        same one for each.

    Notes
    -----
    A sample whose whole row in a block is NaN lacks that modality. In a graph per
    modality it has its self loop and nothing else; NEMO compares it by the omics that
    it has; SNF does not take it.

    **NEMO** compares two samples by their distance relative to the neighborhoods
    of both, and averages that over the omics which both have. Within a modality, with
    :math:`\eta_i` the `k` nearest neighbors of sample `i` and `d` Euclidean
    distances,

    .. math::

        S_{ij} = \frac{1}{\sqrt{2 \pi} \sigma_{ij}}
                 e^{-d_{ij}^2 / 2 \sigma_{ij}^2}, \quad
        \sigma_{ij}^2 = \tfrac13 \Big(\tfrac1k \sum_{r \in \eta_i} d_{ir}^2
            + \tfrac1k \sum_{r \in \eta_j} d_{jr}^2 + d_{ij}^2\Big),

        R_{ij} = [j \in \eta_i] \frac{S_{ij}}{\sum_{r \in \eta_i} S_{ir}}
               + [i \in \eta_j] \frac{S_{ij}}{\sum_{r \in \eta_j} S_{jr}}.

    A new sample's neighbors are training samples, whose own neighborhoods stay
    as they are.

    **SNF** lets the similarities of each modality diffuse along the neighbors in the
    others. For each of `m` omics, with :math:`N_i` sample `i` and its `k` nearest
    neighbors,

    .. math::

        W_{ij} = e^{-d_{ij}^2 / \mu \varepsilon_{ij}^2}, \quad
        \varepsilon_{ij} = \tfrac13 (\bar d_{i, N_i} + \bar d_{j, N_j} + d_{ij}),
        \quad \mu = 0.5.

    The full kernel :math:`P_v` is `W` with a diagonal of 1/2 and rows scaled such
    that the rest sums to 1/2; the sparse kernel :math:`S_v` is `W` among
    :math:`N_i`, with rows that sum to 1. Twenty times,
    :math:`P_v \leftarrow S_v (\sum_{u \ne v} P_u / (m - 1)) S_v^T`, then scaled as
    before; the mean of all :math:`P_v` is the result. During `fit` it keeps about
    m + 6 matrices of all pairs, 7 GB for 10,000 samples and three modalities, and
    refuses more samples than that. A new sample's row
    is our inductive extension: its own sparse kernel on training samples, times the
    mean of the other omics' final P, of which the `k` largest entries of each row
    beside the diagonal are kept, averaged over the omics.

    NOTE[DIFF]: the paper on SNF prints :math:`d^2 / \mu \varepsilon`, which depends
    on the unit of measurement; squaring the scale removes it. The paper on NEMO
    takes the number of samples over the number of clusters for `k`.

    Of both, each sample keeps its `k` most similar ones, with weights relative to
    the largest; an edge of the graph weighs as much as the heavier of its two
    directions.

    References
    ----------
    Wang et al. (2014), "Similarity network fusion for aggregating data types on a
    genomic scale", Nature Methods 11:333.

    Rappoport and Shamir (2019), "NEMO: cancer subtyping by integration of partial
    multi-omic data", Bioinformatics 35:3348.

    Examples
    --------
    >>> import numpy as np
    >>> from skomics.graph import MultiOmicsGraph
    >>> rng = np.random.default_rng(0)
    >>> rna, mirna = rng.normal(size=(30, 5)), rng.normal(size=(30, 8))
    >>> mirna[3] = np.nan
    >>> graph = MultiOmicsGraph(method="nemo", k=4).fit([rna[:20], mirna[:20]])
    >>> len(graph.graphs_), graph.graphs_[0].shape
    (2, (20, 20))
    >>> links, self_weights = graph.link([rna[20:], mirna[20:]])[0]
    >>> links.shape
    (10, 20)
    """

    _parameter_constraints = {
        **SampleGraph._parameter_constraints,
        "method": [StrOptions({"threshold", "knn", *_FUSIONS})],
    }

    def __init__(
        self,
        *,
        method: Literal["threshold", "knn", "snf", "nemo"] = "threshold",
        k: int = 10,
        kernel: Literal["cosine", "rbf"] = "cosine",
        normalization: Literal["rw", "sym"] = "rw",
        neighbors: Literal["auto", "exact", "approximate"] = "auto",
        isolated: Literal["link", "keep"] = "link",
        random_state: RandomState = None,
    ) -> None:
        self.method = method
        self.k = k
        self.kernel = kernel
        self.normalization = normalization
        self.neighbors = neighbors
        self.isolated = isolated
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    @whole
    def fit(self, blocks: Sequence[MatrixLike], y: None = None) -> Self:
        """Learn the graphs of the training samples.

        Parameters
        ----------
        blocks : list of array-like of shape (n_samples, n_features)
            Training samples, one table per modality.

        y : None
            Ignored.

        Returns
        -------
        self : MultiOmicsGraph
            The fitted graphs.
        """
        blocks = self._check_blocks(blocks)
        _check_enough(blocks)
        self._n_features = [X.shape[1] for X in blocks]
        if self.method in _FUSIONS:
            self.graphs_ = [self._fit_fused(blocks)] * len(blocks)
            return self
        params = self.get_params()
        self._measured = [modality_mask(X) for X in blocks]
        pairs = zip(blocks, self._measured, strict=True)
        self._members = [SampleGraph(**params).fit(_rows(X, here)) for X, here in pairs]
        self.graphs_ = [
            _with_lonely(member.graph_, here)
            for member, here in zip(self._members, self._measured, strict=True)
        ]
        return self

    def link(
        self, blocks: Sequence[MatrixLike]
    ) -> list[tuple[sparse.csr_array, np.ndarray]]:
        """Link new samples to training samples, each by itself.

        Parameters
        ----------
        blocks : list of array-like of shape (n_new, n_features)
            New samples, one table per modality.

        Returns
        -------
        links : list of (csr_array of shape (n_new, n_samples), ndarray)
            What :meth:`SampleGraph.link` returns, per modality.
        """
        blocks = self._check_new(blocks)
        if self.method not in _FUSIONS:
            members = zip(self._members, self._measured, blocks, strict=True)
            return [_link_measured(*member) for member in members]
        links = self._fusion.link(_in_double(blocks))
        links = normalize_links(links, self._adjacency, self.normalization)
        return [links] * len(blocks)

    def join(self, blocks: Sequence[MatrixLike]) -> list[sparse.csr_array]:
        """Join training and new samples in one graph per modality.

        Parameters
        ----------
        blocks : list of array-like of shape (n_new, n_features)
            New samples, one table per modality.

        Returns
        -------
        graphs : list of csr_array
            What :meth:`SampleGraph.join` returns, per modality.
        """
        blocks = self._check_new(blocks)
        if self.method not in _FUSIONS:
            members = zip(self._members, self._measured, blocks, strict=True)
            return [_join_measured(*member) for member in members]
        joined = join_links(self._fusion.link(_in_double(blocks)), self.normalization)
        return [joined] * len(blocks)

    def _fit_fused(self, blocks):
        """Return one normalized graph of all, and keep what links new samples."""
        search = partial(
            search_neighbors,
            metric="euclidean",
            method=self.neighbors,
            random_state=self.random_state,
        )
        self._fusion = _FUSIONS[self.method](self.k)
        edges = self._fusion.fit(_in_double(blocks), search)
        self._adjacency = mutual_maximum(edges)
        return normalize_graph(self._adjacency, self.normalization)

    def _check_new(self, blocks):
        """Return checked blocks of new samples, of as many features as in `fit`."""
        check_is_fitted(self)
        blocks = self._check_blocks(blocks)
        wanted, got = self._n_features, [X.shape[1] for X in blocks]
        if got != wanted:
            raise ValueError(
                f"Blocks have {got} features, but the graph was learned from blocks "
                f"with {wanted}. Give the same modality in the same order."
            )
        return blocks

    def _check_blocks(self, blocks):
        """Return finite arrays, in which a whole row may be NaN.

        Those of single precision are not copied: each is, while its graph is made.
        """
        kinds = [np.float64, np.float32]
        blocks = [check_array(X, dtype=kinds, ensure_all_finite=False) for X in blocks]
        _check_lengths(blocks)
        measured = [modality_mask(X) for X in blocks]
        for i, (X, here) in enumerate(zip(blocks, measured, strict=True)):
            if self.method == "snf" and not here.all():
                raise ValueError(
                    f"Block {i} has no values for {(~here).sum()} sample(s), but "
                    "method='snf' needs all. Impute them, or use another method: "
                    "those take samples that lack a modality."
                )
            raise_if_not_finite(_rows(X, here), f"block {i}")
        _check_measured(measured)
        return blocks


def _rows(X, here):
    """Return rows by a mask, without a copy where it has all of them."""
    return X if here.all() else X[here]


def _in_double(blocks):
    return [X.astype(np.float64, copy=False) for X in blocks]


def _spread(graph, rows, columns):
    """Return a graph with more samples: those outside the masks have no edge."""
    if rows.all() and columns.all():
        return graph
    graph = graph.tocoo()
    row, column = np.flatnonzero(rows)[graph.row], np.flatnonzero(columns)[graph.col]
    shape = (len(rows), len(columns))
    return sparse.csr_array((graph.data, (row, column)), shape=shape)


def _with_lonely(graph, measured):
    """Return a graph in which who lacks the modality has a self loop only."""
    if measured.all():
        return graph
    loops = sparse.diags_array((~measured).astype(graph.dtype), format="csr")
    loops.eliminate_zeros()
    return sparse.csr_array(_spread(graph, measured, measured) + loops)


def _link_measured(member, measured, X):
    """Link the new samples that have this modality; the others have a self loop."""
    here = modality_mask(X)
    loops = np.ones(len(X))
    if not here.any():
        return sparse.csr_array((len(X), len(measured))), loops
    links, loops[here] = member.link(X[here])
    return _spread(links, here, measured), loops


def _join_measured(member, measured, X):
    """Join the new samples that have this modality; the others stand alone."""
    here = modality_mask(X)
    joined = member.join(X[here]) if here.any() else member.graph_
    return _with_lonely(joined, np.concatenate([measured, here]))


def _check_lengths(blocks):
    """Raise unless all blocks have as many samples as the first."""
    for i, X in enumerate(blocks):
        if len(X) != len(blocks[0]):
            raise ValueError(
                f"Block {i} has {len(X)} samples but block 0 has {len(blocks[0])}. All "
                "blocks need the same samples in the same order; use align_samples "
                "first."
            )


def _check_measured(measured):
    """Raise where a sample has no values in any block."""
    without = np.flatnonzero(~np.any(measured, axis=0))
    if len(without):
        raise ValueError(
            f"{len(without)} sample(s) have no values in any block, the first at "
            f"position {without[0]}, but every sample needs at least one modality. "
            "Leave these samples out."
        )


def _check_enough(blocks):
    """Raise unless every block has two samples to link."""
    for i, X in enumerate(blocks):
        n_samples = modality_mask(X).sum()
        if n_samples < 2:
            raise ValueError(
                f"Block {i} has values for n_samples={n_samples} training sample(s), "
                "but a graph needs at least 2 to link. Give more samples, or leave "
                "the block out."
            )
