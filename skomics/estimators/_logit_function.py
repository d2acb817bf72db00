"""A fitted classifier as one function of its input that torch can differentiate."""

import copy

import numpy as np
import torch
from scipy import sparse
from torch import nn

from skomics.estimators._graph_data import LinkedData
from skomics.modules._fusion import average_members

__all__ = ["GraphLogitFunction", "LogitFunction", "Neighborhood"]


def _tensor(values, dtype=torch.float32):
    return None if values is None else torch.as_tensor(np.asarray(values), dtype=dtype)


class LogitFunction(nn.Module):
    """Each class against the others, by a fitted network and its linear path.

    Parameters
    ----------
    classifier : BaseOmicsClassifier
        Fitted.

    Notes
    -----
    **Shape**: input `(n, n_features)`, the columns in the order of the table that the
    classifier takes, NaN for modalities that a sample lacks; output `(n, n_classes)`:
    the logit of a class, as `predict_proba` has it, minus the mean of the others'.
    """

    def __init__(self, classifier):
        super().__init__()
        order = np.concatenate(classifier._blocks)
        used, scale = classifier._input_columns, classifier._input_scale
        is_same = np.array_equal(order, np.arange(len(order)))
        self.order = None if is_same else torch.as_tensor(order)
        self.used = None if used is None else torch.as_tensor(used)
        self.scale = None if used is None or scale is None else _tensor(scale[used])
        path = getattr(classifier, "path_", None)
        self.has_path = path is not None
        if self.has_path:
            self.mean = _tensor(path._mean[order])
            self.coef = _tensor(path._coef[order])
            self.offset = _tensor(path._offset)
        self.n_classes = len(classifier.classes_)
        self.takes_offsets = classifier._takes_offsets
        self.share = classifier._path_share
        module = copy.deepcopy(classifier.net_.module_).cpu().eval()
        self.module = module.requires_grad_(False)

    def forward(self, x):
        """Return the logit of each class minus the mean of those of the others."""
        path = self._path(x) if self.has_path else None
        return self._contrasts(self._joined(self._network(self._scaled(x), path), path))

    def _contrasts(self, logits):
        centered = logits - logits.mean(1, keepdim=True)
        return centered * (self.n_classes / (self.n_classes - 1))

    @property
    def has_front(self):
        """Whether the network begins with a linear layer that can be taken apart."""
        return hasattr(self.module, "tokenizer") and self.module.linear is None

    def front(self, x):
        """Return all that is linear in the features.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Input as for :meth:`forward`.

        Returns
        -------
        linear : tuple of Tensor
            Tokens of SMA, of shape (n, n_groups, n_tokens, d_model), and, if there is
            a linear path, its logits.

        present : Tensor of shape (n, n_omics)
            1 for modalities that a sample has, 0 for others.
        """
        self.module.present.may_miss = True
        filled, present = self.module.present(self._scaled(x))
        tokens = self.module.tokenizer(filled).transpose(0, 1)
        linear = (tokens, self._path(x)) if self.has_path else (tokens,)
        return linear, present.to(x.dtype)

    def behind(self, tokens, *others):
        """Return what :meth:`forward` does, from what :meth:`front` returns."""
        *path, present = others
        path, module = path[0] if path else None, self.module
        logits = module.head(module.encode_tokens(tokens.transpose(0, 1), present > 0))
        if self.takes_offsets:
            logits = logits + module.is_residual * path
        return self._contrasts(self._joined(average_members(logits), path))

    def prepare(self, x):
        """Note which samples the next calls are for."""

    def _joined(self, logits, path):
        """Return the logits of network and path together, up to a constant."""
        if not self.has_path:
            return logits
        return torch.logaddexp(
            torch.log_softmax(path, 1) + np.log(self.share),
            torch.log_softmax(logits, 1) + np.log1p(-self.share),
        )

    def _ordered(self, x):
        return x if self.order is None else x[:, self.order]

    def _scaled(self, x):
        x = self._ordered(x)
        x = x if self.used is None else x[:, self.used]
        return x if self.scale is None else x * self.scale

    def _path(self, x):
        x = self._ordered(x)
        centered = x - self.mean
        return torch.where(x.isnan(), 0.0, centered) @ self.coef + self.offset

    def _network(self, x, path):
        self.module.present.may_miss = bool(x.isnan().any())
        return self.module(x, path) if self.takes_offsets else self.module(x)


class GraphLogitFunction(LogitFunction):
    """The logits of a graph model for some samples, whose links do not change.

    Parameters
    ----------
    classifier : BaseGraphClassifier
        Fitted.
    """

    def __init__(self, classifier):
        super().__init__(classifier)
        self.classifier, data = classifier, classifier._training_data
        with torch.no_grad():
            views = data.whole(torch.device("cpu"), torch.float32)
            self.states = self.module.embed(views)

    def prepare(self, x):
        """Link the samples of the next calls to training samples.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Their features.
        """
        blocks = [block.numpy() for block in self._split(self._scaled(x))]
        self.links = self.classifier.graph_.link(blocks)
        _, self.present = self.classifier._fill(blocks)

    def nodes(self, x):
        """Return samples as the graph has them: filled, side by side.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Their features.

        Returns
        -------
        samples, nodes : ndarray of shape (n, n_seen) and (n_nodes, n_seen)
            Those given, and the nodes of the training graph.
        """
        known = self.classifier._training_data.blocks
        return self._scaled(x).nan_to_num(0.0).numpy(), np.hstack(known)

    def neighborhood(self, i):
        """Return a prepared sample's neighbors, for this sample alone.

        Parameters
        ----------
        i : int
            Which of the samples of :meth:`prepare`.

        Returns
        -------
        neighborhood : Neighborhood
            The output as a function of the sample and of its neighbors' states.
        """
        return Neighborhood(self, i)

    def _split(self, x):
        return x.split(self.classifier._input_sizes, dim=1)

    def _network(self, x, path):
        blocks = [torch.where(block.isnan(), 0.0, block) for block in self._split(x)]
        linked = LinkedData(blocks, self.links, present=self.present)
        chunks = linked.views(torch.device("cpu"), torch.float32)
        return torch.cat([self.module.predict(self.states, *chunk) for chunk in chunks])


class Neighborhood:
    """What a graph model says of one sample, given the states of its neighbors.

    The states of a training sample are what each layer of a view reads of it: its
    features, and what the layers before have made of it and of its own neighbors.

    Parameters
    ----------
    function : GraphLogitFunction
        Prepared.

    i : int
        Which of the prepared samples.

    Attributes
    ----------
    nodes : list of ndarray
        For each view, the training samples that the sample is linked to.

    weights : list of ndarray
        Weights of these links.

    loops : list of float
        For each view, the weight of the link of the sample to itself.

    owners : list of int
        The view of each part of the states.

    states, means : tuple of Tensor of shape (1, n_neighbors, d)
        States of the neighbors, and those of the mean training sample that has the
        modality, layer by layer of each view that has neighbors.
    """

    def __init__(self, function, i):
        self.function, self.i = function, i
        rows = [links[[i]] for links, _ in function.links]
        self.nodes = [row.indices for row in rows]
        self.weights = [row.data for row in rows]
        self.loops = [float(loops[i]) for _, loops in function.links]
        self.owners, self.states, self.means = [], (), ()
        present = function.classifier._training_data.present
        for view, layers in enumerate(function.states):
            has = slice(None) if present is None else torch.as_tensor(present[:, view])
            for layer in layers if len(self.nodes[view]) else ():
                state = layer[torch.as_tensor(self.nodes[view])][None]
                self.owners.append(view)
                self.states += (state,)
                self.means += (layer[has].mean(0).expand_as(state),)

    def __call__(self, x, *states):
        """Return the output for several versions of sample and neighbors.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Versions of the sample.

        *states : Tensor of shape (n, n_neighbors, d)
            Versions of the states.

        Returns
        -------
        contrasts : Tensor of shape (n, n_classes)
            As of :class:`LogitFunction`.
        """
        function = self.function
        path = function._path(x) if function.has_path else None
        blocks = function._split(function._scaled(x))
        blocks = [torch.where(block.isnan(), 0.0, block) for block in blocks]
        present = function.present
        if present is not None:
            present = np.repeat(present[[self.i]], len(x), axis=0)
        linked = LinkedData(blocks, self._links(len(x)), present=present)
        views = self._by_view(states)
        ((chunk, present),) = linked.views(torch.device("cpu"), torch.float32)
        logits = function.module.predict(views, chunk, present)
        return function._contrasts(function._joined(logits, path))

    def _links(self, n):
        """Return the links of each version to its own versions of the neighbors."""
        links = []
        for weights, loop in zip(self.weights, self.loops, strict=True):
            row = sparse.csr_array(weights[None])
            # A row without neighbors has no columns, of which kron makes nothing.
            shape = (n, n * len(weights))
            each = sparse.kron(sparse.eye_array(n), row) if len(weights) else shape
            links.append((sparse.csr_array(each), np.full(n, loop)))
        return links

    def _by_view(self, states):
        """Return the states of the versions' neighbors, layer by layer of each view."""
        views = []
        for view, layers in enumerate(self.function.states):
            mine = [s for s, v in zip(states, self.owners, strict=True) if v == view]
            views.append([s.flatten(0, 1) for s in mine] or [s[:0] for s in layers])
        return views
