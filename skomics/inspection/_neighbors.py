"""What the training samples that a new sample is linked to add to its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.validation import check_is_fitted

from skomics._optional import import_optional
from skomics._warnings import warn
from skomics.inspection._attributions import TOLERATED, read_target
from skomics.inspection._gradients import MOST_STEPS, STEPS, TOLERANCE
from skomics.inspection._unroll import dense_rows, find_route

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike

__all__ = ["neighbor_attributions"]

# New samples whose links are found at a time.
_BATCH = 256


def neighbor_attributions(
    estimator: BaseEstimator,
    X: OmicsLike,
    X_train: OmicsLike,
    *,
    target: object = "predicted",
) -> pd.DataFrame:
    """Say what a graph model's output owes to the neighbors of each sample.

    moGCN and moGAT link a new sample to training samples like it, modality by
    modality. The output for a class is its logit minus the mean of those of the
    others, as for :func:`feature_attributions`. What a sample's neighbors and its own
    features add sums to the difference between this output and that for a mean patient
    whose neighbors are mean training samples.

    Parameters
    ----------
    estimator : MoGCNClassifier, MoGATClassifier or Pipeline
        Fitted; at the end of a pipeline one of these.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        Samples, in any form that the estimator takes. Each is linked to training
        samples by itself, whatever `inference` is.

    X_train : same as X
        The samples that the estimator was fitted to, in any order: they name the
        neighbors, which a model does not know by name.

    target : "predicted", None or a class, default="predicted"
        The class that is predicted for a sample, each class, or this one. A class
        called "predicted" is taken for the word.

    Returns
    -------
    table : DataFrame
        Columns sample, class, modality, neighbor, weight and value: for each sample,
        class and modality a row for the sample itself, whose neighbor is missing, then
        its neighbors, the largest absolute value first. Weight is that of the link in
        the graph; moGAT only asks whether there is one. Neighbors are called by the
        rows of `X_train` (their positions if it has no names). A modality that the
        sample lacks has no rows. ``table.attrs["completeness_error"]`` is the share of
        the output that the sums miss.

    Raises
    ------
    ValueError
        If the model has no graph, there is no such class, or `X_train` lacks samples
        that the model has learned from.

    ImportError
        If captum is missing.

    Warns
    -----
    UserWarning
        If the sums miss more than 1 % of the output.

    See Also
    --------
    feature_attributions : What the sample's own features add, links as given.

    Notes
    -----
    Integrated gradients with regard to the sample's features and to the states of its
    neighbors: what each layer reads of a training sample, which from the second layer
    on holds something of that sample's own neighbors. So the value of a neighbor is
    what passes through this link in all layers, and no sample counts that is not
    linked. That there is a link, and its weight, count as given. The row of the sample
    itself holds what its own features add, by a linear path, too, if there is one.

    References
    ----------
    Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks", ICML.

    Examples
    --------
    >>> from skomics import MoGCNClassifier
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import neighbor_attributions
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = MoGCNClassifier(pretrain_epochs=5, max_epochs=5, random_state=0)
    >>> model = model.fit(X[:50], y[:50])
    >>> table = neighbor_attributions(model, X[50:], X[:50])
    >>> table.columns.to_list()
    ['sample', 'class', 'modality', 'neighbor', 'weight', 'value']
    """
    check_is_fitted(estimator)
    route = find_route(estimator, X)
    classifier = route.classifier
    if not hasattr(classifier, "graph_"):
        raise ValueError(
            f"{type(classifier).__name__} has no graph of samples. Give a fitted "
            "MoGCNClassifier or MoGATClassifier, or ask for feature_attributions."
        )
    wanted = read_target(target, classifier.classes_)
    if wanted is None:
        calls = classifier.predict(route.table)
        wanted = np.searchsorted(classifier.classes_, calls)[:, None]
    else:
        wanted = np.tile(list(wanted), (route.table.shape[0], 1))
    explained = _Neighbors(classifier, _name_nodes(classifier, estimator, X_train))
    parts = list(explained.parts(route, wanted))
    error = explained.missed / explained.total if explained.total > 0 else 0.0
    if error > TOLERATED:
        warn(
            f"The contributions of neighbors miss {error:.1%} of the output. Take "
            "the small ones among them for nothing."
        )
    table = pd.concat(parts, ignore_index=True)
    table.attrs["completeness_error"] = float(error)
    return table


def _as_tensor(table, rows):
    import torch

    return torch.as_tensor(dense_rows(table, rows), dtype=torch.float32)


def _name_nodes(classifier, estimator, X_train):
    """Return the name of each node of the training graph."""
    route = find_route(estimator, X_train)
    function = classifier._logit_function()
    samples, nodes = function.nodes(_as_tensor(route.table, slice(None)))
    # The model has its samples in an order of its own, each once.
    places = pairwise_distances_argmin(nodes, samples)
    is_found = np.isclose(nodes, samples[places], rtol=1e-4, atol=1e-5).all(axis=1)
    if not is_found.all():
        raise ValueError(
            f"X_train lacks {(~is_found).sum()} of the {len(nodes)} samples that the "
            "model has learned from. Give the samples that it was fitted to, with the "
            "same values."
        )
    return _names(route)[places]


def _names(route):
    n_samples = route.table.shape[0]
    return pd.RangeIndex(n_samples) if route.rows is None else route.rows


class _Neighbors:
    """Contributions of neighbors, and how much of the output they miss."""

    def __init__(self, classifier, names):
        self.captum = import_optional("captum.attr", extra="explain")
        self.classifier, self.names = classifier, names
        self.function = classifier._logit_function()
        self.modalities = [classifier.omics_[i] for i in classifier._block_order]
        self.missed = self.total = 0.0

    def parts(self, route, wanted):
        """Yield the rows of each sample and class."""
        samples, classes = _names(route), self.classifier.classes_
        for start in range(0, len(samples), _BATCH):
            rows = slice(start, min(start + _BATCH, len(samples)))
            with self.classifier._torch_context():
                x = _as_tensor(route.table, rows)
                self.function.prepare(x)
                for i in range(len(x)):
                    around = self.function.neighborhood(i)
                    for k in wanted[start + i]:
                        part = self._table(around, x[[i]], int(k))
                        part.insert(0, "sample", samples[start + i])
                        part.insert(1, "class", classes[k])
                        yield part

    def _table(self, around, x, k):
        own, linked = self._contribute(around, x, k)
        parts = []
        for view, name in enumerate(self.modalities):
            columns = self.classifier._blocks[view]
            if x[0, columns].isnan().all():
                continue
            order = np.argsort(-np.abs(linked[view]), kind="stable")
            nodes, weights = around.nodes[view], around.weights[view]
            neighbors = [None, *self.names[nodes[order]]]
            part = {
                "modality": name,
                "neighbor": pd.Series(neighbors, dtype=object),
                "weight": [around.loops[view], *weights[order]],
                "value": [own[columns].sum(), *linked[view][order]],
            }
            parts.append(pd.DataFrame(part))
        return pd.concat(parts, ignore_index=True)

    def _contribute(self, around, x, k):
        """Return what each feature adds, and for each modality each neighbor."""
        import torch

        baseline = torch.as_tensor(self.classifier._training_means()[None])
        baseline = torch.where(x.isnan(), x, baseline.to(x.dtype))
        ends, starts = (x, *around.states), (baseline, *around.means)
        with torch.no_grad():
            moved = (around(*ends) - around(*starts))[0].double().numpy()
        # The same steps for a sample whatever others it is asked with.
        n_steps, difference = STEPS, moved[k]
        while True:
            own, *states = self._integrate(around, ends, starts, k, n_steps)
            missed = abs(own.sum() + sum(s.sum() for s in states) - difference)
            # Of a class to which little was added, this little need not be exact.
            is_fine = missed <= TOLERANCE * np.abs(moved).mean()
            if is_fine or n_steps >= MOST_STEPS:
                break
            n_steps *= 2
        self.missed, self.total = self.missed + missed, self.total + abs(difference)
        linked = [np.zeros(len(nodes)) for nodes in around.nodes]
        for view, state in zip(around.owners, states, strict=True):
            linked[view] += state[0].sum(axis=1)
        return own[0], linked

    def _integrate(self, around, ends, starts, k, n_steps):
        integral = self.captum.IntegratedGradients(around)
        found = integral.attribute(
            ends, starts, target=k, n_steps=n_steps, method="gausslegendre"
        )
        return [np.nan_to_num(part.detach().double().numpy()) for part in found]
