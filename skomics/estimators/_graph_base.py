"""What the graph classifiers share: graphs, stages, inductive prediction."""

from __future__ import annotations

import copy
from abc import ABCMeta
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skomics._compat import Interval, StrOptions
from skomics._environment import free_memory
from skomics._warnings import warn
from skomics.estimators._base import BaseOmicsClassifier
from skomics.estimators._graph_data import GraphData, LinkedData, joined_views
from skomics.estimators._graph_net import GraphNet, Stage
from skomics.estimators._logit_function import GraphLogitFunction
from skomics.estimators._optimizer import lr_factor
from skomics.exceptions import BatchDependenceWarning
from skomics.graph import MultiOmicsGraph
from skomics.graph._pyg import to_data

if TYPE_CHECKING:
    import torch
    from torch_geometric.data import Data

    from skomics._typing import GraphClassWeight


__all__ = ["BaseGraphClassifier"]

# Up to this many samples, training takes the whole graph in every step.
_WHOLE_GRAPH = 5000
_BATCH = 1024
# Memory of a fit by that of its samples, dense: measured on 2,000 x 50,000.
_TIMES_DENSE = 5.5


@dataclass(kw_only=True, eq=False, repr=False)
class BaseGraphClassifier(BaseOmicsClassifier, metaclass=ABCMeta):
    """Base of the classifiers that learn from graphs of similar samples."""

    graph: Literal["threshold", "knn", "snf", "nemo"] = "threshold"
    k: int = 3
    kernel: Literal["cosine", "rbf"] = "cosine"
    normalization: Literal["rw", "sym"] = "rw"
    isolated: Literal["link", "keep"] = "keep"
    pretrain_epochs: int = 100
    pretrain_lr: float = 5e-3
    fusion_lr: float = 5e-3
    end_to_end: bool = True
    max_hidden: int = 512
    max_cells: int = 10_000
    inference: Literal["inductive", "transductive"] = "inductive"
    n_neighbors: int = 10
    batch_size: int | None = None  # type: ignore[assignment]
    lr: float = 5e-3
    weight_decay: float = 0.0
    precision: Literal["float32", "tf32"] = "float32"
    class_weight: GraphClassWeight = "balanced"  # type: ignore[assignment]

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOmicsClassifier._parameter_constraints,
        "graph": [StrOptions({"threshold", "knn", "snf", "nemo"})],
        "k": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions({"cosine", "rbf"})],
        "normalization": [StrOptions({"rw", "sym"})],
        "isolated": [StrOptions({"link", "keep"})],
        "hidden_layer_sizes": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
        "pretrain_lr": [Interval(Real, 0, None, closed="neither")],
        "fusion_lr": [Interval(Real, 0, None, closed="neither")],
        "end_to_end": ["boolean"],
        "max_hidden": [Interval(Integral, 1, None, closed="left")],
        "max_cells": [Interval(Integral, 1, None, closed="left")],
        "inference": [StrOptions({"inductive", "transductive"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "precision": [StrOptions({"float32", "tf32"})],
        "class_weight": [StrOptions({"balanced", "frequency"}), dict, None],
    }
    _net_class = GraphNet
    _learns_from_files = False
    # Whether the first layer sums over neighbors before anything else.
    _sums_first = False

    def _split_blocks(self, X):
        """Return the features of each modality as dense float32 matrices."""
        edges = [0, *accumulate(self._input_sizes)]
        if sparse.issparse(X):
            self._check_memory(X)
            X = X.toarray()
        # One memory order, whatever the order of the modalities in the table.
        return [np.ascontiguousarray(X[:, a:b]) for a, b in pairwise(edges)]

    def _check_memory(self, X):
        """Refuse sparse samples that would not fit into memory once they are dense."""
        wanted, free = _TIMES_DENSE * X.shape[0] * X.shape[1] * 4, free_memory()
        if free is not None and wanted > free:
            n_samples, n_features = X.shape
            raise ValueError(
                f"{type(self).__name__} makes sparse samples dense: {n_samples} x "
                f"{n_features} would take about {wanted / 2**30:.1f} GiB, and "
                f"{free / 2**30:.1f} GiB are free. Keep fewer features, with "
                "VarianceThreshold or SelectKBest in OmicsConcatenator, or use "
                "SMAClassifier or EFNNClassifier, which make batches dense only."
            )

    @staticmethod
    def _fill(blocks):
        """Return blocks with zeros for NaN, and which sample has which modalities."""
        present = np.column_stack([~np.isnan(block[:, 0]) for block in blocks])
        if present.all():
            return blocks, None
        pairs = zip(blocks, present.T, strict=True)
        return [np.where(here[:, None], block, 0.0) for block, here in pairs], present

    def _learn_graph(self, samples):
        """Learn a graph per modality from the training samples, and keep both."""
        blocks = self._split_blocks(samples.X)
        self.graph_ = MultiOmicsGraph(
            method=self.graph,
            k=self.k,
            kernel=self.kernel,
            normalization=self.normalization,
            isolated=self.isolated,
            random_state=check_random_state(self.random_state).randint(2**31 - 1),
        ).fit(blocks)
        blocks, present = self._fill(blocks)
        batch_size = self.batch_size
        if batch_size is None and len(samples) > _WHOLE_GRAPH:
            batch_size = _BATCH
        self._training_data = GraphData(
            blocks=blocks,
            graphs=self.graph_.graphs_,
            codes=samples.codes,
            weights=samples.weights,
            present=present,
            n_layers=len(self.hidden_layer_sizes),
            sums_first=self._sums_first,
            batch_size=batch_size,
            n_neighbors=self.n_neighbors,
        )

    def _train_net(self, samples, valid):
        self._learn_graph(samples)
        if valid is not None:
            blocks = self._split_blocks(valid.X)
            links = self.graph_.link(blocks)
            blocks, present = self._fill(blocks)
            blocks = self._in_span(blocks)
            valid = LinkedData(blocks, links, valid.codes, valid.weights, present)
        known = self._training_data
        known = replace(known, blocks=self._in_span(known.blocks))
        self.net_.train_on(known, valid, stages=self._stages())

    def _in_span(self, blocks):
        """Return features as the network is trained on them."""
        return blocks if self._turned is None else self._turned.rotate_blocks(blocks)

    def _stages(self):
        params, n = self._parameters, len(self._training_data)
        params["batch_size"] = self._training_data.batch_size
        plan = [
            (True, self.pretrain_epochs, self.pretrain_lr),
            (False, self.max_epochs, self.lr),
        ]
        return [
            Stage(views_only, epochs, lr, lr_factor(params, n, epochs))
            for views_only, epochs, lr in plan
            if epochs > 0
        ]

    def _count_epochs(self, n_samples):
        return self.pretrain_epochs + self.max_epochs

    def _net_settings(self, n_samples):
        params = self._parameters
        fusion = ("fusion*", {"lr": self.fusion_lr})
        has_own_rate = len(self._blocks) > 1 and self.fusion_lr != self.lr
        # The stages set the rates, so that the schedule of the net has no use.
        return {
            **params,
            "param_groups": [fusion] if has_own_rate else None,
            "batch_size": params["batch_size"] or _BATCH,
        }

    def pyg_view(self, omics: str) -> tuple[torch.nn.Module, Data]:
        """Return the network and the graph of one modality for torch-geometric.

        Parameters
        ----------
        omics : str
            Name of the modality, one of `omics_`.

        Returns
        -------
        module : torch.nn.Module
            The trained encoder and classifier of the omics, in evaluation mode: called
            with features, `edge_index` and `edge_weight`, it returns logits. It is a
            copy, for use with :mod:`torch_geometric.explain` or further training.

        data : torch_geometric.data.Data
            The training samples, in the model's own order, and their graph: `x` of
            shape (n_samples, n_features_seen), weighed as by the path if there is one,
            `edge_index`, `edge_weight` with self loops and normalized, codes `y`,
            `train_mask`, `observed_mask`, and `feature_names` (those of X, or positions
            of its columns). All are copies.

        Raises
        ------
        ValueError
            If there is no such omics.

        Examples
        --------
        >>> from skomics import MoGCNClassifier
        >>> from skomics.datasets import make_intersim
        >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
        >>> model = MoGCNClassifier(pretrain_epochs=5, max_epochs=5, random_state=0)
        >>> module, data = model.fit(X, y).pyg_view("protein")
        >>> module(data.x, data.edge_index, data.edge_weight).shape
        torch.Size([60, 3])
        """
        check_is_fitted(self)
        names = [self.omics_[i] for i in self._block_order]
        if omics not in names:
            raise ValueError(
                f"Got omics={omics!r}, but the model has {list(self.omics_)}. Choose "
                "one of these."
            )
        index, known = names.index(omics), self._training_data
        columns = self._blocks[index]
        if self._input_scale is not None:
            columns = columns[self._input_scale[slice(*self._bounds[index])] > 0]
        data = to_data(
            known.blocks[index],
            known.graphs[index],
            codes=known.codes,
            observed=None if known.present is None else known.present[:, index],
        )
        labels = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        data.feature_names = labels[columns].tolist()
        module = copy.deepcopy(self.net_.module_.view(index)).cpu().eval()
        return module, data

    def _logit_function(self):
        return GraphLogitFunction(self)

    def _network_means(self):
        known = self._training_data
        means = []
        for i, block in enumerate(known.blocks):
            has = slice(None) if known.present is None else known.present[:, i]
            means.append(block[has].mean(axis=0, dtype=np.float64))
        return np.concatenate(means)

    def _net_logits(self, net, X, *, may_miss=False, offsets=None):
        options = self._parameter_constraints["inference"][0].options
        if self.inference not in options:
            raise ValueError(
                f"Got inference={self.inference!r}, but {sorted(options)} are known. "
                "Choose one of these with set_params."
            )
        blocks = self._split_blocks(X)
        if self.inference == "inductive":
            links = self.graph_.link(blocks)
            blocks, present = self._fill(blocks)
            linked = LinkedData(blocks, links, present=present)
            return net.predict_inductive(self._training_data, linked)
        warn(
            "inference='transductive' joins all new samples and the training samples "
            "in one graph, as the published code does: a prediction then depends on "
            "which other samples are predicted with it. Use inference='inductive' for "
            "predictions that stand for themselves.",
            BatchDependenceWarning,
        )
        graphs = self.graph_.join(blocks)
        blocks, present = self._fill(blocks)
        views = joined_views(self._training_data, blocks, graphs)
        present = self._joined_present(present, X.shape[0])
        return net.predict_transductive(views, len(self._training_data), present)

    def _joined_present(self, present, n_new):
        """Return which modalities the training and the new samples have."""
        parts = [(self._training_data.present, len(self._training_data))]
        parts.append((present, n_new))
        if all(part is None for part, _ in parts):
            return None
        n_omics = len(self._blocks)
        return np.concatenate(
            [np.ones((n, n_omics), bool) if part is None else part for part, n in parts]
        )
