"""The training engine. This is the only file of skomics that imports skorch."""

import copy
import math
import time
from opcode import opmap

import numpy as np
import torch
from scipy import sparse
from skorch import NeuralNet, callbacks
from skorch.callbacks import Callback, EarlyStopping
from skorch.history import History
from torch.nn import functional as F

from skomics._compat import (
    NoDefaultCallbacks,
    set_training,
)
from skomics.estimators._cuda_graph import StepRecorder, can_record
from skomics.estimators._optimizer import OPTIMIZERS, lr_factor, optimizer_params
from skomics.estimators._resident import data_of
from skomics.estimators._state import optimizer_memory
from skomics.exceptions import StopTraining
from skomics.modules import generator_on

__all__ = [
    "EpochReporter",
    "OmicsNet",
    "check_callbacks",
    "diverged_message",
    "make_net",
    "restore_net",
]

# No batch of a prediction holds more numbers than this (128 MiB in float64).
_MAX_BATCH_ELEMENTS = 2**24
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
# What skorch's callbacks do with batches and data sets of skorch, which there are none
# of here, and what does it instead.
_REFUSED_CALLBACKS = (
    (
        (callbacks.EpochScoring, callbacks.BatchScoring),
        "Score epochs with scikit-learn's set_callbacks(ScoringMonitor(scoring=...)).",
    ),
    (
        (callbacks.Checkpoint, callbacks.TrainEndCheckpoint, callbacks.LoadInitState),
        "Keep the best epoch with early_stopping=True, store the fitted model with "
        "skomics.save_model, and go on from it with warm_start=True.",
    ),
    (
        (callbacks.ProgressBar,),
        "Show progress with scikit-learn's set_callbacks(ProgressBar()).",
    ),
    (
        (callbacks.InputShapeSetter,),
        "Leave it out: fit knows the number of features.",
    ),
)
_RAISE = opmap["RAISE_VARARGS"]


def check_callbacks(listed, checkpoint=None):
    """Refuse callbacks of skorch that would fail in the middle of training.

    Parameters
    ----------
    listed : iterable of callbacks or (str, callback), or None
        The estimator's `callbacks`.

    checkpoint : path or None, default=None
        The estimator's `checkpoint`, which holds no callbacks.

    Raises
    ------
    TypeError
        If one of them cannot work here; the message names it and what to use.
    """
    if listed and checkpoint is not None:
        raise TypeError(
            f"Got {len(listed)} callbacks of skorch beside checkpoint=, but a "
            "checkpoint cannot tell what they hold. Leave one of the two out, or use "
            "scikit-learn's callbacks (set_callbacks)."
        )
    for entry in listed or ():
        callback = entry[1] if isinstance(entry, tuple) else entry
        kind = callback if isinstance(callback, type) else type(callback)
        for refused, instead in _REFUSED_CALLBACKS:
            if issubclass(kind, refused):
                raise TypeError(
                    f"callbacks holds skorch's {kind.__name__}, which needs the data "
                    f"sets and batches of skorch; training here has its own. {instead}"
                )


class OmicsNet(NoDefaultCallbacks, NeuralNet):
    """A skorch net that keeps its data on the device and never prints.

    It trains on slices of whole tensors, reads a loss back to the host once an
    epoch instead of once a batch, and calls the per-batch hooks only where a
    callback has one. Epoch hooks, history and early stopping are skorch's own.
    """

    _inference = _recorder = taps = checkpoint = memory = None
    precision = "float32"

    def __init__(
        self, *args, label_smoothing=0.0, gradient_clip=None, lr_factor=None, **kwargs
    ):
        self.label_smoothing = label_smoothing
        self.gradient_clip = gradient_clip
        self.lr_factor = lr_factor
        super().__init__(*args, **kwargs)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the weighted mean cross-entropy, over ensemble members too."""
        weights = None if X is None else X[1]
        if y_pred.ndim == 3:
            n_members = len(y_pred)
            y_pred, y_true = y_pred.flatten(0, 1), y_true.repeat(n_members)
            if weights is not None and weights.ndim == 1:
                weights = weights.repeat(n_members)
            elif weights is not None:
                weights = weights.flatten()
        smoothing = self.label_smoothing if training else 0.0
        if weights is None:
            return F.cross_entropy(y_pred, y_true, label_smoothing=smoothing)
        losses = F.cross_entropy(
            y_pred, y_true, reduction="none", label_smoothing=smoothing
        )
        return (losses * weights).mean()

    def infer(self, x, **fit_params):
        """Apply the module to the first, and if given the last, of what X holds."""
        features, _, offsets = x
        given = (features,) if offsets is None else (features, offsets)
        if self.precision != "bf16":
            return self.module_(*given)
        with torch.autocast(features.device.type, dtype=torch.bfloat16):
            outputs = self.module_(*given)
        return outputs.float()

    def get_iterator(self, dataset, training=False):
        """Return slices of tensors."""
        return dataset.batches(self.batch_size, shuffle=training)

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return training and validation data, both resident."""
        train, valid = X
        return train, valid

    def train_step(self, batch, **fit_params):
        """Take one optimization step and return its loss, on the device."""
        X, y = batch
        if self._recorder is None or self._batch_hooks:
            loss = self._optimize(X, y)
        else:
            loss = self._recorder(*X, y)
        return {"loss": loss, "y_pred": None}

    def _optimize(self, X, y):
        """Take one optimization step and return its loss, on the device."""
        self.optimizer_.zero_grad()
        loss = self.get_loss(self.infer(X), y, X=X, training=True)
        loss.backward()
        if "on_grad_computed" in self._batch_hooks:
            named = list(self.get_all_learnable_params())
            self.notify(
                "on_grad_computed", named_parameters=named, batch=(X, y), training=True
            )
        if self.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(
                self.module_.parameters(), self.gradient_clip
            )
        self.optimizer_.step()
        return loss.detach()

    def _new_recorder(self):
        """Return what records the steps of training, or None where none are."""
        optimizer, device = self.optimizer_, self.torch_device
        generator = generator_on(device)
        is_known = type(optimizer) in OPTIMIZERS.values() and generator is not None
        if not is_known or not can_record(self.module_, device):
            return None
        return StepRecorder(
            lambda *batch: self._optimize(batch[:-1], batch[-1]),
            optimizer.param_groups,
            device,
            generator,
        )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one pass; the loss goes to the host once, at the end."""
        if iterator is None:
            return
        start, losses, sizes = time.perf_counter(), None, []
        self._inference = None  # a copy of weights that are about to change
        self._batch_hooks = self._find_batch_hooks()
        if self.module_.training != training:
            set_training(self, training)
        for batch in iterator:
            if training and self.lr_factor is not None:
                self._advance_lr()
            self._notify_batch("on_batch_begin", batch, training)
            step = step_fn(batch, **fit_params)
            self._notify_batch("on_batch_end", batch, training, **step)
            if losses is None:
                # Not a tensor a batch: very many would lie all over the memory.
                losses = step["loss"].new_empty(len(iterator))
            losses[len(sizes)] = step["loss"]
            sizes.append(len(batch[1]))
        loss = float(np.average(losses.cpu().numpy(), weights=sizes))
        if not math.isfinite(loss):
            raise ValueError(diverged_message(prefix, loss, len(self.history), self.lr))
        self.history.record(f"{prefix}_loss", loss)
        self.history.record(f"{prefix}_batch_count", len(iterator))
        self.history.record(f"{prefix}_seconds", time.perf_counter() - start)

    def _find_batch_hooks(self):
        return {
            hook
            for _, callback in self.callbacks_
            for hook in _BATCH_HOOKS
            if getattr(type(callback), hook, None) is not getattr(Callback, hook)
        }

    def _notify_batch(self, hook, batch, training, **kwargs):
        if hook in self._batch_hooks:
            self.notify(hook, batch=batch, training=training, **kwargs)

    def _advance_lr(self):
        factor = self.lr_factor(self.n_steps_)
        for group in self.optimizer_.param_groups:
            group["lr"] = factor * group.setdefault("highest_lr", group["lr"])
        self.n_steps_ += 1

    def fit_loop(self, X, y=None, epochs=None, stage=0, **fit_params):
        """Train for some epochs, or until a callback asks to stop."""
        dataset_train, dataset_valid = self.get_split_datasets(X)
        data = {"dataset_train": dataset_train, "dataset_valid": dataset_valid}
        batches_train = self.get_iterator(dataset_train, training=True)
        batches_valid = None
        if dataset_valid is not None:
            batches_valid = self.get_iterator(dataset_valid)
        n_epochs = self.max_epochs if epochs is None else epochs
        n_done = self._epochs_done(stage)
        self._recorder = self._new_recorder()
        try:
            self._run_epochs(n_epochs - n_done, data, batches_train, batches_valid)
        finally:
            self._recorder = None
        return self

    def _run_epochs(self, n_epochs, data, batches_train, batches_valid):
        """Run epochs one after another, or until a callback asks to stop."""
        for _ in range(n_epochs):
            self.notify("on_epoch_begin", **data)
            self._train_epoch(batches_train)
            self.run_single_epoch(
                batches_valid,
                training=False,
                prefix="valid",
                step_fn=self.validation_step,
            )
            try:
                self.notify("on_epoch_end", **data)
            except StopTraining:
                break
            except KeyboardInterrupt as interrupt:
                if not self._asks_to_stop(interrupt):
                    raise
                break
            if self.checkpoint is not None:
                self.checkpoint.write(self)

    def _train_epoch(self, batches):
        try:
            self.run_single_epoch(
                batches, training=True, prefix="train", step_fn=self.train_step
            )
        finally:
            if self._recorder is not None:
                self._recorder.end()

    def _epochs_done(self, stage):
        """Return how many epochs of a stage a checkpoint has, and take it up."""
        return 0 if self.checkpoint is None else self.checkpoint.resume(self, stage)

    def _asks_to_stop(self, interrupt):
        """Tell a callback's own `raise KeyboardInterrupt` from that of the keyboard.

        The callbacks of skorch ask to stop in this way. An interrupt from the keyboard
        arrives between any two instructions, and not at one that raises.
        """
        trace = interrupt.__traceback__
        while trace.tb_next is not None:
            trace = trace.tb_next
        owner = trace.tb_frame.f_locals.get("self")
        is_raised = trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE
        return is_raised and any(owner is callback for _, callback in self.callbacks_)

    def exchange(self, module):
        """Predict with another module from now on."""
        self.module_, self._inference = module, None

    def forget(self, callback):
        """Let go of a callback, and of what it holds, once training has ended."""
        self.callbacks_ = [pair for pair in self.callbacks_ if pair[1] is not callback]
        self.callbacks = [
            entry
            for entry in self.callbacks
            if not (isinstance(entry, tuple) and entry[1] is callback)
        ]

    def check_weights(self):
        """Raise an error if training left weights that are not finite."""
        for name, weight in self.module_.state_dict().items():
            if not torch.isfinite(weight).all():
                raise ValueError(
                    f"Training diverged: after the last step {name} holds numbers that "
                    f"are not finite. {_calmer(self.lr)}"
                )

    def train_on(self, samples, valid=None):
        """Train on samples, with skorch's begin and end hooks around it.

        Parameters
        ----------
        samples : TrainingSamples
            What to learn from.

        valid : TrainingSamples, default=None
            What to watch the loss of.

        Returns
        -------
        self : OmicsNet
            The trained net.
        """
        train = data_of(samples, self.torch_device)
        if valid is not None:
            valid = data_of(valid, self.torch_device)
        self.notify("on_train_begin", X=train, y=None)
        self.fit_loop((train, valid))
        self.notify("on_train_end", X=train, y=None)
        self.optimizer_.zero_grad()
        self._inference = self.checkpoint = None
        self.memory = optimizer_memory(self)
        return self

    @property
    def torch_device(self):
        """The device that the module is on."""
        return next(self.module_.parameters()).device

    def rest(self):
        """Put the module into evaluation mode, where it is unless it is trained."""
        set_training(self, False)

    def tapped(self):
        """Return a net that also keeps what its last layer reads when it predicts.

        Returns
        -------
        net : OmicsNet
            With the same weights, and a list `taps` of tensors, of shape
            (n, n_units) or (n_groups, n, n_units), one for each batch.
        """
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), _inference=None, taps=[])
        return twin

    def _inference_module(self):
        """Return a copy of the module to predict with, its device and its dtype."""
        device = self.torch_device
        dtype = torch.float32 if device.type == "mps" else torch.float64
        module = copy.deepcopy(self.module_).requires_grad_(False).to(dtype).eval()
        if self.taps is not None:
            module.last_layer.register_forward_pre_hook(
                lambda _, inputs: self.taps.append(inputs[0].cpu())
            )
        return module, device, dtype

    def predict_logits(self, X, *, may_miss=False, offsets=None):
        """Return logits in double precision, whatever the batch they come in.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Input in single precision.

        may_miss : bool, default=False
            Whether samples lack modalities, whose values are then NaN.

        offsets : ndarray of shape (n_samples, n_classes), default=None
            Logits that the module may add to its own.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes), dtype float64
            Double precision makes the rounding that depends on the batch about
            1e-15, so that a sample's prediction does not depend on its company.
        """
        logits = self._apply(lambda module: module, X, may_miss, offsets)
        return torch.cat(logits).double().numpy()

    def attention_weights(self, X, *, may_miss=False):
        """Return how much each token attends to each other one.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Input in single precision.

        may_miss : bool, default=False
            Whether samples lack modalities, whose values are then NaN.

        Returns
        -------
        weights : ndarray of shape \
                (n_ensemble, n_encoders, depth, n_samples, n_heads, n_tokens, n_tokens)
            Attention weights in double precision.
        """
        weights = self._apply(lambda module: module.attention_weights, X, may_miss)
        return torch.cat(weights, dim=3).double().numpy()

    def _apply(self, choose, X, may_miss, offsets=None):
        """Apply the module, or a method of it, to some rows after another."""
        if self._inference is None:
            self._inference = self._inference_module()
        (module, device, dtype), outputs = self._inference, []
        function = choose(_expecting(module, may_miss))
        batch_size = max(1, min(1024, _MAX_BATCH_ELEMENTS // X.shape[1]))
        with torch.inference_mode():
            for start in range(0, X.shape[0], batch_size):
                rows = X[start : start + batch_size]
                rows = rows.toarray() if sparse.issparse(rows) else rows
                # Products round by the layout, which is that of X's container.
                rows = np.ascontiguousarray(rows)
                inputs = [rows]
                if offsets is not None:
                    inputs.append(offsets[start : start + batch_size])
                inputs = [torch.tensor(i, dtype=dtype, device=device) for i in inputs]
                outputs.append(function(*inputs).cpu())
        return outputs


def _expecting(module, may_miss):
    """Return a module that looks for missing modalities, or not, with the same weights.

    It is a new one, because other threads may predict from the same module.
    """
    if not hasattr(module, "present"):
        return module
    twin, present = copy.copy(module), copy.copy(module.present)
    present.may_miss = may_miss
    twin._modules = {**module._modules, "present": present}
    return twin


def diverged_message(prefix, loss, epoch, lr):
    """Return what is said of a loss that is not finite.

    Parameters
    ----------
    prefix : {"train", "valid"}
        Which loss.

    loss : float
        The loss.

    epoch : int
        In which epoch, the first being 1.

    lr : float
        The learning rate.

    Returns
    -------
    message : str
        With what to do.
    """
    return (
        f"Training diverged: the {prefix} loss is {loss} in epoch {epoch}. "
        f"{_calmer(lr)}"
    )


def _calmer(lr):
    return (
        "Standardize the features of every modality (StandardScaler in "
        f"OmicsConcatenator), or use a learning rate below lr={lr}."
    )


class _EarlyStopping(EarlyStopping):
    """skorch's early stopping without its message."""

    def __init__(self, **kwargs):
        super().__init__(sink=_no_message, **kwargs)


def _no_message(text, *args):
    """Drop a message: training never prints."""


class EpochReporter(Callback):
    """Tell an estimator's epoch callback when an epoch begins and ends.

    Parameters
    ----------
    begin, end : callable
        Called without arguments. If `end` returns True, training stops.
    """

    def __init__(self, begin, end):
        self.begin, self.end = begin, end

    def on_epoch_begin(self, net, **kwargs):
        """Report the beginning of an epoch."""
        self.begin()

    def on_epoch_end(self, net, **kwargs):
        """Report the end of an epoch; stop if asked to."""
        if self.end():
            raise StopTraining


def _stopping_callbacks(params):
    if not params["early_stopping"]:
        return []
    has_validation = params["validation_fraction"] is not None
    stopping = _EarlyStopping(
        monitor="valid_loss" if has_validation else "train_loss",
        patience=params["n_iter_no_change"],
        threshold=params["tol"],
        threshold_mode="abs",
        load_best=True,
    )
    return [("early_stopping", stopping)]


def make_net(
    module,
    params,
    *,
    device,
    n_samples=1,
    history=None,
    reporter=None,
    net_class=OmicsNet,
):
    """Build the net that trains a module.

    Parameters
    ----------
    module : torch.nn.Module
        An initialized module.

    params : dict
        The estimator's own training parameters, as `get_params` returns them.

    device : torch.device
        Where to train.

    n_samples : int, default=1
        Number of training samples; it fixes the length of the schedule.

    history : skorch.history.History, default=None
        Epochs that the module was trained for before.

    reporter : EpochReporter, default=None
        Callback that reports epochs to scikit-learn's callbacks.

    net_class : type, default=OmicsNet
        Kind of net.

    Returns
    -------
    net : OmicsNet
        An initialized net.
    """
    callbacks = _stopping_callbacks(params)
    callbacks += list(params["callbacks"] or [])
    if reporter is not None:
        callbacks.append(("epoch_reporter", reporter))
    settings = {
        "criterion": torch.nn.CrossEntropyLoss,
        "max_epochs": params["max_epochs"],
        "lr": params["lr"],
        "batch_size": params["batch_size"],
        "label_smoothing": params["label_smoothing"],
        "lr_factor": lr_factor(params, n_samples, params["max_epochs"]),
        "train_split": None,
        "callbacks": callbacks,
        "device": str(device),
        "verbose": params["verbose"],
        **optimizer_params(params, device),
        **(params["net_params"] or {}),
    }
    net = net_class(module, **settings).initialize()
    net.n_steps_ = 0
    if history is not None:
        net.history_ = history
    return net


def restore_net(module, weights, history, *, device, net_class=OmicsNet):
    """Build a net that predicts like the one whose weights were kept.

    Parameters
    ----------
    module : torch.nn.Module
        A new module of the same architecture.

    weights : dict of str to ndarray
        From :func:`~skomics.estimators._state.net_state`.

    history : list of dict
        The epochs that it was trained for.

    device : torch.device
        Where to put the weights.

    net_class : type, default=OmicsNet
        Kind of net.

    Returns
    -------
    net : OmicsNet
        The net, without an optimizer's memory, callbacks and parameters of training:
        all that it can do is predict, and be trained on with new ones.
    """
    module.load_state_dict(
        {name: torch.tensor(value, device="cpu") for name, value in weights.items()}
    )
    net = net_class(
        module,
        criterion=torch.nn.CrossEntropyLoss,
        train_split=None,
        device=str(device),
        verbose=0,
    ).initialize()
    net.history_ = History(history)
    net.rest()
    return net
