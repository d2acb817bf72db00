"""Candidates of a search that are fitted together, and how they are."""

import copy
import time
from dataclasses import dataclass, field

from joblib import hash as hash_of
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skomics._compat import (
    _check_method_params,
    _safe_indexing,
    has_callbacks,
    validate_params,
)

__all__ = ["Batch", "BatchFit", "network_of", "plan_batches"]


@dataclass(frozen=True)
class Batch:
    """Candidates that can be fitted together.

    Parameters
    ----------
    members : list of int
        Their positions among the candidates.

    is_stack : bool
        Whether they are trained as one network.

    is_alone : bool
        Whether it is one candidate that is fitted as scikit-learn would.
    """

    members: list = field(default_factory=list)
    is_stack: bool = False
    is_alone: bool = False


def plan_batches(estimator, candidates, max_batch):
    """Tell which candidates can be fitted together.

    Parameters
    ----------
    estimator : estimator
        What is searched.

    candidates : list of dict
        Parameters.

    max_batch : int
        Most candidates of a batch.

    Returns
    -------
    batches : list of Batch
        Each candidate is in one of them.
    """
    groups = {}
    for c, params in enumerate(candidates):
        key = _batch_key(estimator, params)
        groups.setdefault(("alone", c) if key is None else key, []).append(c)
    batches = []
    for key, members in groups.items():
        n_parts = -(-len(members) // max_batch)
        size = -(-len(members) // n_parts)
        batches += [
            Batch(members[i : i + size], key[0] == "stack", key[0] == "alone")
            for i in range(0, len(members), size)
        ]
    return batches


def _batch_key(estimator, params):
    """Return what candidates have in common that are fitted together, or None."""
    try:
        candidate = clone(estimator).set_params(**clone(params, safe=False))
        return _key_of(candidate, params)
    except Exception:  # whatever it is, its own fit says it best
        return None


def _key_of(candidate, params):
    from skomics.estimators._batched import preparation_key, stack_key

    network = network_of(candidate)
    if not _is_ours(network) or has_callbacks(candidate) or has_callbacks(network):
        return None
    prefix = ""
    if type(candidate) is Pipeline:
        prefix = f"{candidate.steps[-1][0]}__"
    # Of the parameters before the network; its own are in the other key.
    before = {name: params[name] for name in params if not name.startswith(prefix)}
    stack = stack_key(network)
    if stack is not None:
        return "stack", hash_of(before), stack
    return "shared", hash_of(before), preparation_key(network)


def _is_ours(network):
    if not type(network).__module__.startswith("skomics.estimators."):
        return False
    from skomics.estimators import BaseOmicsClassifier
    from skomics.estimators._graph_base import BaseGraphClassifier

    return (
        isinstance(network, BaseOmicsClassifier)
        and not isinstance(network, BaseGraphClassifier)
        and not (network.warm_start or network.callbacks or network.net_params)
        and network.checkpoint is None
        and network.precision == "float32"
    )


def network_of(candidate):
    """Return the last step of a pipeline, or an estimator that is none."""
    return candidate.steps[-1][1] if type(candidate) is Pipeline else candidate


class _Recorder:
    """The last step of a pipeline that keeps what it is to be fitted to."""

    def __init__(self, network):
        self._network = network

    def fit(self, X, y, **params):
        """Keep the samples and their metadata."""
        self.given = X, y, params
        return self

    def get_metadata_routing(self):
        """Ask for what the network would ask for."""
        return self._network.get_metadata_routing()


class BatchFit:
    """Several candidates, fitted together to the training part of one split.

    Parameters
    ----------
    estimators : list of estimator
        Candidates of one :class:`Batch`, not fitted.

    is_stack : bool
        Whether they are trained as one network.

    Attributes
    ----------
    seconds : float
        How long the last part of the fit took, for each candidate.
    """

    def __init__(self, estimators, is_stack):
        self.estimators, self.is_stack = estimators, is_stack
        self.errors, self.seconds = {}, 0.0
        self._solos, self._dropped = {}, set()
        self._valid, self._parts, self._trainings = [], [], []
        self._before = 0.0

    def fail(self, error):
        """Let all candidates have failed."""
        self.errors = dict.fromkeys(range(len(self.estimators)), error)
        return self

    def read(self, X, y, train, fit_params):
        """Fit what comes before the networks, and read the samples, once for all."""
        start = time.perf_counter()
        params = _check_method_params(X, params=fit_params or {}, indices=train)
        X, y = _safe_indexing(X, train), _safe_indexing(y, train)
        for c, estimator in enumerate(self.estimators):
            try:
                validate_params(network_of(estimator))
            except ValueError as error:
                self.errors[c] = error
        if len(self.errors) < len(self.estimators):
            self._read(X, y, params)
        self._before = (time.perf_counter() - start) / len(self.estimators)
        return self

    def _read(self, X, y, params):
        from skomics.estimators._batched import most_stacked, prepare_candidates

        self._valid = [c for c in range(len(self.estimators)) if c not in self.errors]
        self._fitted_steps = []
        first = self.estimators[self._valid[0]]
        if type(first) is Pipeline:
            name, network = first.steps[-1]
            recorder = _Recorder(network)
            pipeline = copy.copy(first)
            pipeline.steps = [*first.steps[:-1], (name, recorder)]
            pipeline.fit(X, y, **params)
            self._fitted_steps = pipeline.steps[:-1]
            X, y, params = recorder.given
        networks = [network_of(self.estimators[c]) for c in self._valid]
        self._drafts, self._samples = prepare_candidates(networks, X, y, **params)
        if self.is_stack:
            size = most_stacked(networks[0])
            places = range(len(networks))
            self._parts = [places[i : i + size] for i in places[::size]]
            self._trainings = [None] * len(self._parts)

    def advance(self, until=None):
        """Train on, to an epoch or to the end."""
        start = time.perf_counter()
        if self.is_stack:
            self._advance_stacks(until)
        elif until is not None or self._solos:
            self._advance_solos(until)
        n_trained = max(1, len(self.estimators) - len(self.errors))
        self.seconds = self._before + (time.perf_counter() - start) / n_trained
        self._before = 0.0
        return self

    def _advance_stacks(self, until):
        from skomics.estimators._batched import StackTraining

        if len(self.errors) == len(self.estimators):
            return
        for i, places in enumerate(self._parts):
            if self._trainings[i] is None:
                drafts = [self._drafts[place] for place in places]
                self._trainings[i] = StackTraining(drafts, self._samples)
            self._trainings[i].run(until)

    def _stack_of(self, place):
        """Return the training that a candidate is in, and its position there."""
        size = len(self._parts[0])
        return self._trainings[place // size], place % size

    def _advance_solos(self, until):
        from skomics.estimators._batched import SoloTraining

        for c in self._valid:
            if c in self.errors or c in self._dropped:
                continue
            try:
                if c not in self._solos:
                    draft = self._drafts[self._valid.index(c)]
                    self._solos[c] = SoloTraining(draft, self._samples)
                self._solos[c].run(until)
            except ValueError as error:  # it diverged
                self.errors[c] = error

    def fitted(self, c):
        """Return a candidate as it is now, or raise what went wrong with it."""
        if c in self.errors:
            raise self.errors[c]
        place = self._valid.index(c)
        if self.is_stack:
            training, position = self._stack_of(place)
            network = training.fitted(position)
        elif c in self._solos:
            network = self._solos[c].fitted()
        else:
            network = self._drafts[place]
            network._train(self._samples, None)
            self._drafts[place] = None
        estimator = copy.copy(self.estimators[c])
        if type(estimator) is not Pipeline:
            return network
        name = estimator.steps[-1][0]
        estimator.steps = [*self._fitted_steps, (name, network)]
        return estimator

    def drop(self, candidates):
        """Let go of candidates that are not wanted any more."""
        self._dropped |= set(candidates)
        for c in candidates:
            self._solos.pop(c, None)
        if self.is_stack:
            for c in set(candidates) & set(self._valid):
                training, position = self._stack_of(self._valid.index(c))
                training.drop([position])
