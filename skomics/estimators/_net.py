"""The training engine. This is the only file of skomics that imports skorch."""

import copy
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.history import History
from torch.nn import functional as F

from skomics.exceptions import DeviceMemoryError, DeviceNotFoundError

__all__ = [
    "EpochReporter",
    "GraphNet",
    "OmicsNet",
    "Stage",
    "available_device",
    "history_frame",
    "isolated_torch",
    "lr_factor",
    "make_net",
    "net_state",
    "restore_net",
]

# No batch of a prediction holds more numbers than this (128 MiB in float64).
_MAX_BATCH_ELEMENTS = 2**24
_OPTIMIZERS = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


def available_device(device):
    """Return the torch device that a `device` parameter stands for.

    Parameters
    ----------
    device : str
        "auto" for the best device there is (CUDA, then MPS, then the CPU), or a
        name that torch understands.

    Returns
    -------
    device : torch.device
        A device that is present.

    Raises
    ------
    DeviceNotFoundError
        If the device asked for by name is not there.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is not a name that torch knows ({error}). "
            "Use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'."
        ) from error
    n_cuda = torch.cuda.device_count() if has_cuda else 0
    present = {
        "cpu": True,
        "mps": has_mps,
        "cuda": (wanted.index or 0) < n_cuda,
    }.get(wanted.type, True)
    if not present:
        found = ", ".join(["cpu", *(["mps"] if has_mps else [])])
        raise DeviceNotFoundError(
            f"device={device!r} was asked for, but this machine offers: {found}, and "
            f"{n_cuda} CUDA device(s). Use device='auto' to take the best one there is."
        )
    return wanted


@contextmanager
def isolated_torch(*, device, seed=None, n_threads=1):
    """Give torch a seed and a number of threads of its own for a while.

    Afterwards the global generators and the number of threads are as they were,
    so that training never changes what the caller draws next. With one thread,
    sums are always taken in the same order, so that a result does not depend on
    how many processes share the machine. Numbers too small for full precision count
    as zero: gradients of a product of many probabilities are full of them, and a CPU
    takes many times as long for each.

    Parameters
    ----------
    device : torch.device
        The device in use; its generator is guarded, too.

    seed : int, default=None
        Seed of the generators; None leaves them as they are.

    n_threads : int or None, default=1
        Threads on the CPU; None leaves torch's own setting.

    Raises
    ------
    DeviceMemoryError
        If the device runs out of memory.
    """
    n_threads_before, flushed_before = torch.get_num_threads(), _flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            if seed is not None:
                torch.manual_seed(seed)
            if n_threads is not None:
                torch.set_num_threads(n_threads)
            yield
    except torch.OutOfMemoryError as error:
        raise DeviceMemoryError(
            f"Device {device} ran out of memory ({error}). Use a smaller batch_size, "
            "keep fewer features per omics, or set device='cpu'."
        ) from error
    finally:
        torch.set_num_threads(n_threads_before)
        torch.set_flush_denormal(flushed_before)


def _flushes_denormals():
    """Tell whether torch takes denormal numbers for zero, which it does not tell."""
    return (torch.full((1,), 1e-40) * 0.5).item() == 0.0


class _ResidentData:
    """Samples, class codes and weights, on the device once and for all.

    It is a skorch data set in that it has a length, and it yields batches as
    slices of whole tensors instead of collating single samples. A sparse matrix
    stays on the host; its rows become dense one batch at a time.
    """

    def __init__(self, samples, device):
        self.device = device
        self.X = samples.X
        if not sparse.issparse(self.X):
            self.X = torch.as_tensor(self.X).to(device)
        self.codes = torch.as_tensor(samples.codes).to(device)
        self.weights = samples.weights
        if self.weights is not None:
            self.weights = torch.as_tensor(self.weights).to(device)

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, index):
        weights = None if self.weights is None else self.weights[index]
        return (self._rows(index), weights), self.codes[index]

    def _rows(self, index):
        if torch.is_tensor(self.X):
            return self.X[index]
        index = index.cpu().numpy() if torch.is_tensor(index) else index
        return torch.as_tensor(self.X[index].toarray()).to(self.device)


class _BatchSlices:
    """Iterate over a data set in batches, in a new random order each time."""

    def __init__(self, dataset, batch_size, *, shuffle):
        self.dataset, self.shuffle = dataset, shuffle
        # Batches of nearly equal size: a last batch of one or two samples would
        # make a noisy step.
        n_batches = max(1, math.ceil(len(dataset) / batch_size))
        edges = np.linspace(0, len(dataset), n_batches + 1).round().astype(int)
        self.bounds = list(zip(edges[:-1], edges[1:], strict=True))

    def __len__(self):
        return len(self.bounds)

    def __iter__(self):
        order = None
        if self.shuffle and len(self) > 1:
            # Drawn on the CPU, so that every device sees the same batches.
            order = torch.randperm(len(self.dataset)).to(self.dataset.device)
        for start, stop in self.bounds:
            index = slice(start, stop) if order is None else order[start:stop]
            yield self.dataset[index]


class OmicsNet(NeuralNet):
    """A skorch net that keeps its data on the device and never prints.

    It trains on slices of whole tensors, reads a loss back to the host once an
    epoch instead of once a batch, and calls the per-batch hooks only where a
    callback has one. Epoch hooks, history and early stopping are skorch's own.
    """

    _inference = None

    def __init__(
        self, *args, label_smoothing=0.0, gradient_clip=None, lr_factor=None, **kwargs
    ):
        self.label_smoothing = label_smoothing
        self.gradient_clip = gradient_clip
        self.lr_factor = lr_factor
        super().__init__(*args, **kwargs)

    @property
    def _default_callbacks(self):
        return []

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
        """Apply the module to the first of `(X, weights)`."""
        return self.module_(x[0])

    def get_iterator(self, dataset, training=False):
        """Return slices of the resident tensors."""
        return _BatchSlices(dataset, self.batch_size, shuffle=training)

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return training and validation data, both resident."""
        train, valid = X
        return train, valid

    def train_step(self, batch, **fit_params):
        """Take one optimisation step and return its loss, on the device."""
        X, y = batch
        self.optimizer_.zero_grad()
        loss = self.get_loss(self.infer(X), y, X=X, training=True)
        loss.backward()
        if "on_grad_computed" in self._batch_hooks:
            named = list(self.get_all_learnable_params())
            self.notify(
                "on_grad_computed", named_parameters=named, batch=batch, training=True
            )
        if self.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(
                self.module_.parameters(), self.gradient_clip
            )
        self.optimizer_.step()
        return {"loss": loss.detach(), "y_pred": None}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one pass; the loss goes to the host once, at the end."""
        if iterator is None:
            return
        start, losses, sizes = time.perf_counter(), [], []
        self._inference = None  # a copy of weights that are about to change
        self._batch_hooks = self._find_batch_hooks()
        if self.module_.training != training:
            self._set_training(training)
        for batch in iterator:
            if training and self.lr_factor is not None:
                self._advance_lr()
            self._notify_batch("on_batch_begin", batch, training)
            step = step_fn(batch, **fit_params)
            self._notify_batch("on_batch_end", batch, training, **step)
            losses.append(step["loss"])
            sizes.append(len(batch[1]))
        loss = float(np.average(torch.stack(losses).cpu().numpy(), weights=sizes))
        if not math.isfinite(loss):
            raise ValueError(
                f"Training diverged: the {prefix} loss is {loss} in epoch "
                f"{len(self.history)}. Standardise the features of every omics "
                f"(StandardScaler in OmicsConcatenator), or use a learning rate below "
                f"lr={self.lr}."
            )
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

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Train for some epochs, or until a callback asks to stop."""
        dataset_train, dataset_valid = self.get_split_datasets(X)
        data = {"dataset_train": dataset_train, "dataset_valid": dataset_valid}
        batches_train = self.get_iterator(dataset_train, training=True)
        batches_valid = None
        if dataset_valid is not None:
            batches_valid = self.get_iterator(dataset_valid)
        for _ in range(self.max_epochs if epochs is None else epochs):
            self.notify("on_epoch_begin", **data)
            self.run_single_epoch(
                batches_train, training=True, prefix="train", step_fn=self.train_step
            )
            self.run_single_epoch(
                batches_valid,
                training=False,
                prefix="valid",
                step_fn=self.validation_step,
            )
            try:
                self.notify("on_epoch_end", **data)
            except KeyboardInterrupt:
                # skorch callbacks ask to stop in this way. An interrupt from the
                # keyboard arrives elsewhere and is not swallowed.
                break
        return self

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
        train = _ResidentData(samples, self.torch_device)
        if valid is not None:
            valid = _ResidentData(valid, self.torch_device)
        self.notify("on_train_begin", X=train, y=None)
        self.fit_loop((train, valid))
        self.notify("on_train_end", X=train, y=None)
        self.optimizer_.zero_grad()
        self._inference = None
        return self

    @property
    def torch_device(self):
        """The device that the module is on."""
        return next(self.module_.parameters()).device

    def _double_module(self):
        """Return a copy of the module to predict with, its device and its dtype."""
        device = self.torch_device
        dtype = torch.float32 if device.type == "mps" else torch.float64
        module = copy.deepcopy(self.module_).requires_grad_(False).to(dtype).eval()
        return module, device, dtype

    def predict_logits(self, X, *, may_miss=False):
        """Return logits in double precision, whatever the batch they come in.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Input in single precision.

        may_miss : bool, default=False
            Whether samples lack omics, whose values are then NaN.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes), dtype float64
            Double precision makes the rounding that depends on the batch about
            1e-15, so that a sample's prediction does not depend on its company.
        """
        if self._inference is None:
            self._inference = self._double_module()
        (module, device, dtype), logits = self._inference, []
        if may_miss:
            module.present.may_miss = True
        batch_size = max(1, min(1024, _MAX_BATCH_ELEMENTS // X.shape[1]))
        with torch.inference_mode():
            for start in range(0, X.shape[0], batch_size):
                rows = X[start : start + batch_size]
                rows = rows.toarray() if sparse.issparse(rows) else rows
                # Products round by the layout, which is that of X's container.
                rows = np.ascontiguousarray(rows)
                rows = torch.tensor(rows, dtype=dtype, device=device)
                logits.append(module(rows).cpu())
        return torch.cat(logits).double().numpy()


@dataclass(frozen=True)
class Stage:
    """A part of the training of a graph net.

    Parameters
    ----------
    views_only : bool
        Whether only the encoders and classifiers of the single views are trained.

    epochs : int
        Number of epochs.

    lr : float
        Learning rate of the views.

    lr_factor : callable or None
        Factor of the learning rate as a function of the step.
    """

    views_only: bool
    epochs: int
    lr: float
    lr_factor: object


class GraphNet(OmicsNet):
    """A net that is trained on graphs of samples, in stages.

    Its data are objects with `batches(device, shuffle)`, an iterator over
    ``((views, weights, present), codes)``, and `whole(device, dtype)`, the views of all
    training samples; see :mod:`skomics.estimators._graph_data`.
    """

    def infer(self, x, **fit_params):
        """Apply the module to the views of `(views, weights, present)`."""
        views, _, present = x
        return self.module_(views, present)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the mean cross-entropy; a view that a sample lacks does not count."""
        views, weights, present = X
        if present is not None:
            ones = torch.ones_like(y_true, dtype=y_pred.dtype)
            weights = ones if weights is None else weights
            # The fusion, which comes after the views, counts all samples.
            counts = F.pad(present, (0, 1), value=True).T[: len(y_pred)]
            counts = counts.to(y_pred.dtype)
            counts = counts / counts.mean(1, keepdim=True).clamp_min(1 / len(y_true))
            weights = weights * counts
        return super().get_loss(y_pred, y_true, X=(views, weights), training=training)

    def get_iterator(self, dataset, training=False):
        """Return the batches of a graph data set."""
        return dataset.batches(self.torch_device, shuffle=training)

    def train_on(self, data, valid=None, *, stages):
        """Train in stages, each with a fresh optimiser.

        Parameters
        ----------
        data : GraphData
            What to learn from.

        valid : LinkedData, default=None
            What to watch the loss of.

        stages : list of Stage
            In order.

        Returns
        -------
        self : GraphNet
            The trained net.
        """
        if valid is not None:
            self._training_graph = data.whole(self.torch_device, torch.float32)
        for stage in stages:
            self.module_.views_only = stage.views_only
            self.lr, self.lr_factor, self.n_steps_ = stage.lr, stage.lr_factor, 0
            self._initialize_optimizer()
            self.notify("on_train_begin", X=data, y=None)
            self.fit_loop((data, valid), epochs=stage.epochs)
            self.notify("on_train_end", X=data, y=None)
        self.module_.views_only = False
        self.optimizer_.zero_grad()
        self._training_graph = self._inference = None
        return self

    def validation_step(self, batch, **fit_params):
        """Return the loss of samples that are linked to training samples."""
        X, codes = batch
        views, _, present = X
        self._set_training(False)
        with torch.no_grad():
            states = self.module_.embed(self._training_graph)
            logits = self.module_.validate(states, views, present)
            loss = self.get_loss(logits, codes, X=X)
        return {"loss": loss, "y_pred": logits}

    def predict_linked(self, data, linked):
        """Return logits of samples that are linked to training samples.

        Parameters
        ----------
        data : GraphData
            The training samples.

        linked : LinkedData
            The new samples and their links.

        Returns
        -------
        logits : ndarray of shape (n_new, n_classes), dtype float64
            Logits, each row by itself.
        """
        with torch.inference_mode():
            if self._inference is None:
                module, device, dtype = self._double_module()
                states = module.embed(data.whole(device, dtype))
                self._inference = [module, states, device, dtype]
            module, states, device, dtype = self._inference
            logits = [
                module.predict(states, views, present).cpu()
                for views, present in linked.views(device, dtype)
            ]
        return torch.cat(logits).double().numpy()

    def predict_joined(self, views, n_training, present):
        """Return logits of new samples in one graph with the training samples.

        Parameters
        ----------
        views : callable
            Gives the views of all samples, the training samples first, for a
            device and a dtype.

        n_training : int
            Number of training samples.

        present : ndarray of shape (n_samples, n_views), dtype bool, or None
            Which omics each of all samples has; None if all have all.

        Returns
        -------
        logits : ndarray of shape (n_new, n_classes), dtype float64
            Logits, which depend on the company of the new samples.
        """
        module, device, dtype = self._double_module()
        with torch.inference_mode():
            if present is not None:
                present = torch.as_tensor(present).to(device)
            logits = module(views(device, dtype), present)[-1, n_training:]
        return logits.cpu().double().numpy()


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
            raise KeyboardInterrupt


def _cosine_with_warmup(n_steps, warmup):
    """Return the factor of the learning rate as a function of the step."""
    n_warmup = max(1, round(warmup * n_steps))

    def factor(step):
        if step < n_warmup:
            return (step + 1) / n_warmup
        progress = (step - n_warmup) / max(1, n_steps - n_warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    return factor


def lr_factor(params, n_samples, epochs):
    """Return the factor of the learning rate as a function of the step, or None.

    Parameters
    ----------
    params : dict
        The estimator's parameters.

    n_samples : int
        Number of training samples.

    epochs : int
        Number of epochs that the schedule covers.

    Returns
    -------
    factor : callable or None
        None for a constant rate.
    """
    if params["lr_schedule"] == "constant":
        return None
    batch_size = params["batch_size"] or n_samples
    steps = max(1, math.ceil(n_samples / batch_size))
    return _cosine_with_warmup(steps * epochs, params["warmup"])


def _optimizer_params(params, device):
    fused = device.type in ("cpu", "cuda")
    settings = {
        "optimizer__param_groups": params.get("param_groups") or [],
        "optimizer": _OPTIMIZERS[params["optimizer"]],
        "optimizer__weight_decay": params["weight_decay"],
        "optimizer__fused": fused,
    }
    if params["optimizer"] == "sgd":
        settings |= {"optimizer__momentum": 0.9, "optimizer__nesterov": True}
    return settings


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
        An initialised module.

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
        An initialised net.
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
        **_optimizer_params(params, device),
        **(params["net_params"] or {}),
    }
    net = net_class(module, **settings).initialize()
    net.n_steps_ = 0
    if history is not None:
        net.history_ = history
    return net


def net_state(net):
    """Return a net's weights and history as numpy arrays and plain Python.

    Parameters
    ----------
    net : OmicsNet
        A trained net, on any device.

    Returns
    -------
    state : dict
        What :func:`restore_net` needs.
    """
    weights = net.module_.state_dict()
    return {
        "weights": {name: value.cpu().numpy() for name, value in weights.items()},
        "history": net.history.to_list(),
    }


def restore_net(module, state, params, *, device, net_class=OmicsNet):
    """Build a net that predicts like the one whose state was kept.

    Parameters
    ----------
    module : torch.nn.Module
        A new module of the same architecture.

    state : dict
        From :func:`net_state`.

    params : dict
        The estimator's parameters.

    device : torch.device
        Where to put the weights.

    net_class : type, default=OmicsNet
        Kind of net.

    Returns
    -------
    net : OmicsNet
        The net, without its optimiser's memory and without callbacks.
    """
    weights = {name: torch.tensor(value) for name, value in state["weights"].items()}
    module.load_state_dict(weights)
    params = {**params, "callbacks": None, "early_stopping": False}
    history = History(state["history"])
    return make_net(module, params, device=device, history=history, net_class=net_class)


def history_frame(history):
    """Return what happened in each epoch.

    Parameters
    ----------
    history : skorch.history.History
        A net's history.

    Returns
    -------
    frame : DataFrame
        One row per epoch: epoch, train_loss, valid_loss (if a part was held
        out), seconds, and what callbacks recorded.
    """
    hidden = ("batches", "train_batch_count", "valid_batch_count")
    rows = []
    for entry in history.to_list():
        row = {key: value for key, value in entry.items() if key not in hidden}
        row["seconds"] = row.pop("train_seconds") + row.pop("valid_seconds", 0.0)
        rows.append(row)
    return pd.DataFrame(rows)
