"""Networks that differ in how they are trained, trained side by side as one."""

import copy
import math
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from skomics._receipt import describe_parameters, digest_of
from skomics._transaction import draft_of, learned_attributes
from skomics.estimators._cuda_graph import StepRecorder, can_record
from skomics.estimators._device import resolve_device, torch_context
from skomics.estimators._net import diverged_message, make_net
from skomics.estimators._optimizer import lr_factor, make_optimizer
from skomics.estimators._resident import BatchSlices, ResidentData
from skomics.estimators._sma import SMAClassifier
from skomics.estimators._state import net_state
from skomics.modules import RandomSource, random_source, stack_sma

__all__ = [
    "SoloTraining",
    "StackTraining",
    "most_stacked",
    "preparation_key",
    "prepare_candidates",
    "stack_key",
]

# What the candidates of a stack may each have of their own.
_OWN = {"lr", "weight_decay", "label_smoothing", "dropout", "max_epochs"}
_OWN |= {"lr_schedule", "warmup", "n_iter_no_change", "tol"}
# What samples are read, ordered and given a linear path without.
_TRAINING = _OWN | {"optimizer", "batch_size", "early_stopping", "validation_fraction"}
_TRAINING |= {"random_state", "device", "input_dropout", "callbacks", "net_params"}
_TRAINING |= {"verbose"}
# Measured with 8 tokens of 150 features and batches of 48, a step costs a candidate
# 12.8 ms by itself, 10.6 of two, 9.6 of five and 9.8 of nine.
_MOST_ON_CPU = 5


def preparation_key(estimator):
    """Return what candidates have in common that can share the reading of samples.

    Parameters
    ----------
    estimator : BaseOmicsClassifier
        A candidate.

    Returns
    -------
    key : tuple of str
        Equal for candidates for which the samples are prepared in the same way.
    """
    return _key_without(estimator, _TRAINING)


def stack_key(estimator):
    """Return what candidates have in common that can be trained as one stack.

    Parameters
    ----------
    estimator : estimator
        A candidate.

    Returns
    -------
    key : tuple of str or None
        Equal for candidates of one stack; None for one that is trained by itself.
    """
    if type(estimator) is not SMAClassifier or estimator.warm_start:
        return None
    if estimator.callbacks or estimator.net_params or estimator.verbose:
        return None
    if estimator.checkpoint is not None or estimator.precision != "float32":
        return None
    drops = isinstance(estimator.dropout, float | int) and _drops(estimator.dropout)
    return (*_key_without(estimator, _OWN), str(drops))


def _drops(rate):
    """Tell whether a rate is one at which random numbers are drawn."""
    return round(rate * 256) > 0


def _key_without(estimator, names):
    params = estimator.get_params(deep=False)
    shared = {name: params[name] for name in sorted(params) if name not in names}
    return type(estimator).__name__, digest_of(shared)


def most_stacked(estimator):
    """Return how many candidates are best trained as one stack.

    Parameters
    ----------
    estimator : SMAClassifier
        One of them.

    Returns
    -------
    n_stacked : int
        On a CPU a few: more of them leave its cache. On other devices as many as
        there are.
    """
    on_cpu = resolve_device(estimator.device).type == "cpu"
    return _MOST_ON_CPU if on_cpu else sys.maxsize


def prepare_candidates(estimators, X, y, sample_weight=None):
    """Read samples once for several candidates.

    Parameters
    ----------
    estimators : list of BaseOmicsClassifier
        Candidates of one :func:`preparation_key`, which are left as they are.

    X, y, sample_weight : as for `fit`
        Training samples.

    Returns
    -------
    drafts : list of BaseOmicsClassifier
        Copies of the candidates that have read the samples.

    samples : TrainingSamples
        What they are to be trained on.
    """
    leader = draft_of(estimators[0])
    samples = leader._prepare_samples(X, y, sample_weight)
    learned = learned_attributes(estimators[0], leader)
    drafts = [draft_of(estimator) for estimator in estimators]
    for draft in drafts:
        vars(draft).update(learned)
        receipt = copy.deepcopy(leader._fit_receipt)
        receipt["parameters"] = describe_parameters(draft)
        draft._fit_receipt = receipt
    return drafts, samples


@dataclass
class _Candidate:
    """How far one network of a stack is trained."""

    draft: SMAClassifier
    n_epochs: int
    lr_factor: object
    rows: list = field(default_factory=list)
    times: list = field(default_factory=list)
    n_misses: int = 0
    threshold: float = math.inf
    best: dict | None = None
    best_epoch: int = 0
    weights: dict | None = None  # once it is trained
    error: Exception | None = None

    def stops(self, copy_weights):
        """Look at the last epoch as skorch's EarlyStopping does; say if it is enough.

        `copy_weights` gives the weights as they are now.
        """
        if not self.draft.early_stopping:
            return False
        row = self.rows[-1]
        score = row.get("valid_loss", row["train_loss"])
        if score < self.threshold:
            self.n_misses, self.threshold = 0, score - self.draft.tol
            self.best, self.best_epoch = copy_weights(), row["epoch"]
        else:
            self.n_misses += 1
        return self.n_misses == self.draft.n_iter_no_change

    def chosen(self, copy_weights):
        """Return the weights of the best epoch, or those of the last."""
        if self.best is not None and self.best_epoch != len(self.rows):
            return self.best
        return copy_weights()


class StackTraining:
    """Training of several networks of one architecture on the same batches.

    Each has a learning rate, weight decay, label smoothing, dropout rate, schedule and
    early stopping of its own. One that ends early, or diverges, leaves the stack, and
    the others go on as they would by themselves.

    Parameters
    ----------
    drafts : list of SMAClassifier
        Candidates of one :func:`stack_key`, from :func:`prepare_candidates`.

    samples : TrainingSamples
        What they are trained on.

    Attributes
    ----------
    n_done : int
        Number of epochs that the candidates that are still trained have seen.
    """

    def __init__(self, drafts, samples):
        leader = drafts[0]
        self.device = resolve_device(leader.device)
        self.n_threads, self.n_done, self._n_steps = leader.n_threads, 0, 0
        samples, valid, seed = leader._hold_out(samples, self.device)
        self._source = RandomSource(seed)
        for draft in drafts:
            told = {"device", "seed", "n_held_out"}
            receipt = {name: leader._fit_receipt[name] for name in told}
            draft._fit_receipt.update(receipt)
            draft._fitted_device = draft.device
            draft._module_params = draft._describe_module()
        self._candidates = [self._begin(draft, len(samples)) for draft in drafts]
        self._in_stack = list(range(len(drafts)))
        with self._context():
            self._make_stack(samples, valid)

    @staticmethod
    def _begin(draft, n_samples):
        settings = draft._net_settings(n_samples)
        n_epochs = settings["max_epochs"]
        return _Candidate(draft, n_epochs, lr_factor(settings, n_samples, n_epochs))

    @contextmanager
    def _context(self):
        with (
            torch_context(device=self.device, n_threads=self.n_threads),
            random_source(self._source),
        ):
            yield

    def _make_stack(self, samples, valid):
        leader = self._candidates[0].draft
        self._wide = module = leader._new_module()
        self._turned = leader._turn(module, samples)
        if self._turned is not None:
            module = self._turned.narrow(module, leader._new_module)
            samples = self._turned.rotate(samples)
            valid = valid and self._turned.rotate(valid)
        leader._fill_in(module, samples)
        self._narrow = module
        rates = [candidate.draft.dropout for candidate in self._candidates]
        self._stack = stack_sma(module.to(self.device), rates)
        batch_size = leader.batch_size
        data = ResidentData(samples, self.device)
        self._batches = BatchSlices(data, batch_size, shuffle=True)
        self._watched = None
        if valid is not None:
            data = ResidentData(valid, self.device)
            self._watched = BatchSlices(data, batch_size, shuffle=False)
        self._make_optimizer({})

    def _make_optimizer(self, memory):
        """Give each candidate its group; `memory` is what is remembered of weights."""
        self._own = [{} for _ in self._in_stack]
        for name, weight in self._stack.named_parameters():
            parts = self._stack.parts(name, weight)
            for own, part in zip(self._own, parts, strict=True):
                own[name] = torch.nn.Parameter(part)
        groups = [
            {
                "params": list(own.values()),
                "lr": self._candidates[c].draft.lr,
                "weight_decay": self._candidates[c].draft.weight_decay,
            }
            for c, own in zip(self._in_stack, self._own, strict=True)
        ]
        params = self._candidates[0].draft.get_params(deep=False)
        self._optimizer = make_optimizer(groups, params, self.device)
        for c, own in zip(self._in_stack, self._own, strict=True):
            for name, part in own.items():
                if (c, name) in memory:
                    self._optimizer.state[part] = memory[c, name]
        self._record = None
        if can_record(self._stack, self.device):
            generator = self._source.on(self.device)
            self._record = StepRecorder(
                self._optimize, self._optimizer.param_groups, self.device, generator
            )
        drafts = [self._candidates[c].draft for c in self._in_stack]
        smoothing = torch.tensor([draft.label_smoothing for draft in drafts])
        self._smoothing = smoothing.float().to(self.device) if smoothing.any() else None

    def run(self, until=None):
        """Train on.

        Parameters
        ----------
        until : int, default=None
            Number of epochs after which to pause; None trains to the end.

        Returns
        -------
        self : StackTraining
            Trained so far.
        """
        with self._context():
            while self._in_stack and (until is None or self.n_done < until):
                self._train_epoch()
                self._retire()
        return self

    def _train_epoch(self):
        start = time.perf_counter()
        train = self._pass(self._batches, self._step)
        middle = time.perf_counter()
        rows = {"train": (train, len(self._batches), middle - start)}
        if self._watched is not None:
            valid = self._pass(self._watched, self._watch)
            seconds = time.perf_counter() - middle
            rows["valid"] = (valid, len(self._watched), seconds)
        self.n_done += 1
        for place, c in enumerate(self._in_stack):
            row, times = {"epoch": self.n_done}, {}
            for prefix, (losses, n_batches, seconds) in rows.items():
                row[f"{prefix}_loss"] = float(losses[place])
                row[f"{prefix}_batch_count"] = n_batches
                times[f"{prefix}_seconds"] = seconds / len(self._in_stack)
            self._candidates[c].rows.append(row)
            self._candidates[c].times.append(times)

    def _pass(self, batches, step):
        """Go through the batches; return the mean loss of each candidate."""
        training = step == self._step
        if self._stack.training != training:
            self._stack.train(training)
        losses, sizes = [], []
        for (features, weights, offsets), codes in batches:
            losses.append(step(features, weights, offsets, codes))
            sizes.append(len(codes))
        losses = torch.stack(losses).cpu().numpy()
        return np.average(losses, axis=0, weights=sizes)

    def _step(self, features, weights, offsets, codes):
        """Take one step of all candidates; return their losses, on the device."""
        self._advance_lr()
        batch = features, weights, offsets, codes
        return self._optimize(*batch) if self._record is None else self._record(*batch)

    def _optimize(self, features, weights, offsets, codes):
        for weight in self._stack.parameters():
            weight.grad = None
        logits = self._stack(features, offsets)
        losses = _losses(logits, codes, weights, self._smoothing)
        losses.sum().backward()
        for name, weight in self._stack.named_parameters():
            parts = self._stack.parts(name, weight.grad)
            for own, part in zip(self._own, parts, strict=True):
                own[name].grad = part
        self._optimizer.step()
        return losses.detach()

    def _advance_lr(self):
        for c, group in zip(self._in_stack, self._optimizer.param_groups, strict=True):
            candidate = self._candidates[c]
            if candidate.lr_factor is not None:
                factor = candidate.lr_factor(self._n_steps)
                group["lr"] = factor * candidate.draft.lr
        self._n_steps += 1

    def _watch(self, features, weights, offsets, codes):
        with torch.no_grad():
            logits = self._stack(features, offsets).unsqueeze(1)
            return _losses(logits, codes, weights, None)

    def _retire(self):
        """Let those leave that diverged, have learned enough, or had their epochs."""
        ended = []
        for place, c in enumerate(self._in_stack):
            candidate = self._candidates[c]
            row = candidate.rows[-1]
            for prefix in ("train", "valid"):
                loss = row.get(f"{prefix}_loss", 0.0)
                if not math.isfinite(loss) and candidate.error is None:
                    lr = candidate.draft.lr
                    message = diverged_message(prefix, loss, row["epoch"], lr)
                    candidate.error = ValueError(message)
            if (
                candidate.error is not None
                or candidate.stops(lambda place=place: self._weights(place))
                or len(candidate.rows) >= candidate.n_epochs
            ):
                ended.append(place)
        self._leave(ended)

    def _leave(self, places):
        """Take candidates out of the stack, with their weights."""
        if not len(places):
            return
        for place in places:
            candidate = self._candidates[self._in_stack[place]]
            candidate.weights = candidate.chosen(lambda p=place: self._weights(p))
            candidate.best = None
        self._shrink([p for p in range(len(self._in_stack)) if p not in places])

    def _shrink(self, kept):
        memory = {
            (self._in_stack[place], name): self._optimizer.state[part]
            for place in kept
            for name, part in self._own[place].items()
            if part in self._optimizer.state
        }
        self._in_stack = [self._in_stack[place] for place in kept]
        if not kept:
            self._stack = self._own = self._optimizer = self._record = None
            return
        self._stack.keep(kept)
        self._make_optimizer(memory)

    def drop(self, candidates):
        """Let go of candidates that are not wanted any more.

        Parameters
        ----------
        candidates : collection of int
            Their positions among the drafts.
        """
        for c in candidates:
            self._candidates[c].weights = self._candidates[c].best = None
        kept = [p for p, c in enumerate(self._in_stack) if c not in candidates]
        if len(kept) < len(self._in_stack):
            self._shrink(kept)

    def _weights(self, place):
        own = self._own[place]
        return {name: part.detach().clone() for name, part in own.items()}

    def fitted(self, c):
        """Return a candidate as it would be if its training ended here.

        Parameters
        ----------
        c : int
            Its position among the drafts.

        Returns
        -------
        estimator : SMAClassifier
            Fitted.

        Raises
        ------
        ValueError
            If its training diverged.
        """
        candidate = self._candidates[c]
        if candidate.error is not None:
            raise candidate.error
        weights = candidate.weights
        if weights is None:
            place = self._in_stack.index(c)
            weights = candidate.chosen(lambda: self._weights(place))
        estimator = draft_of(candidate.draft)
        estimator._fit_receipt = copy.deepcopy(estimator._fit_receipt)
        history = [
            {"batches": [], **row, **times}
            for row, times in zip(candidate.rows, candidate.times, strict=True)
        ]
        estimator.net_ = estimator._restore_net(self._state(weights), history)
        estimator.net_.lr = estimator.lr
        estimator.net_.check_weights()
        estimator._note_epochs()
        return estimator

    def _state(self, weights):
        """Return the weights of a network for features, as numpy arrays."""
        module = copy.deepcopy(self._narrow)
        module.load_state_dict({**module.state_dict(), **weights})
        if self._turned is not None:
            module = self._turned.widen(module, copy.deepcopy(self._wide))
        return net_state(module)


class SoloTraining:
    """Training of one network that can be paused, looked at and gone on with.

    Parameters
    ----------
    draft : BaseOmicsClassifier
        From :func:`prepare_candidates`; no graph model.

    samples : TrainingSamples
        What it is trained on.
    """

    def __init__(self, draft, samples):
        self._draft, self._device = draft, resolve_device(draft.device)
        samples, valid, seed = draft._hold_out(samples, self._device)
        self._source = RandomSource(seed)
        self._is_done, draft._fitted_device = False, draft.device
        with self._context():
            draft._module_params = draft._describe_module()
            module = self._wide = draft._new_module()
            self._turned = draft._turn(module, samples)
            if self._turned is not None:
                module = self._turned.narrow(module, draft._new_module)
                samples = self._turned.rotate(samples)
                valid = valid and self._turned.rotate(valid)
            draft._fill_in(module, samples)
            settings = draft._net_settings(len(samples))
            self._n_epochs = settings["max_epochs"]
            self._net = make_net(
                module.to(self._device),
                settings,
                device=self._device,
                n_samples=len(samples),
                net_class=draft._net_class,
            )
            train = ResidentData(samples, self._device)
            self._data = train, valid and ResidentData(valid, self._device)
            self._net.notify("on_train_begin", X=train, y=None)

    @contextmanager
    def _context(self):
        threads = self._draft.n_threads
        with (
            torch_context(device=self._device, n_threads=threads),
            random_source(self._source),
        ):
            yield

    def run(self, until=None):
        """Train on, to an epoch or to the end."""
        stop = self._n_epochs if until is None else min(until, self._n_epochs)
        n_epochs = stop - len(self._net.history)
        if self._is_done or n_epochs <= 0:
            return self
        with self._context():
            self._net.fit_loop(self._data, epochs=n_epochs)
            n_done = len(self._net.history)
            if n_done < stop or n_done == self._n_epochs:
                self._is_done = True
                self._net.notify("on_train_end", X=self._data[0], y=None)
        return self

    def fitted(self):
        """Return the network as it would be if its training ended here."""
        self._net.check_weights()
        module = self._net.module_
        if not self._is_done:
            module = copy.deepcopy(module)
            module.load_state_dict(self._best() or module.state_dict())
        if self._turned is not None:
            module = self._turned.widen(module, copy.deepcopy(self._wide))
        estimator = draft_of(self._draft)
        estimator._fit_receipt = copy.deepcopy(estimator._fit_receipt)
        history = copy.deepcopy(self._net.history.to_list())
        estimator.net_ = estimator._restore_net(net_state(module), history)
        estimator._note_epochs()
        return estimator

    def _best(self):
        """Return the weights that early stopping would choose now, if it is on."""
        stopping = dict(self._net.callbacks_).get("early_stopping")
        return None if stopping is None else stopping.best_model_weights_


def _losses(logits, codes, weights, smoothing):
    """Return the weighted mean cross-entropy of each candidate over its members.

    `logits` have the shape (n_stacked, n_members, n, n_classes).
    """
    log_proba = logits.log_softmax(-1)
    index = codes.expand(logits.shape[:-1]).unsqueeze(-1)
    losses = -log_proba.gather(-1, index).squeeze(-1)
    if smoothing is not None:
        share = smoothing.view(-1, 1, 1)
        losses = (1 - share) * losses - share * log_proba.mean(-1)
    if weights is not None:
        losses = losses * weights
    return losses.flatten(1).mean(1)
