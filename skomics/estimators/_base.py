"""What every classifier of skomics shares: validate, build, train, predict."""

from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import torch
from scipy import sparse
from scipy.special import log_softmax
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state

from skomics._compat import (
    Interval,
    StrOptions,
    _fit_context,
    has_callbacks,
    init_callback_context,
    wants_fitted_estimator,
    with_callbacks,
)
from skomics._transaction import adopt, draft_of, learned_attributes
from skomics.estimators._arranged import take_columns
from skomics.estimators._block_base import BaseBlockClassifier
from skomics.estimators._block_ridge import BlockRidgeClassifier
from skomics.estimators._checkpoint import TrainingCheckpoint, checkpoint_key
from skomics.estimators._device import resolve_device, torch_context
from skomics.estimators._docstrings import classifier
from skomics.estimators._embedding import EmbeddingMixin
from skomics.estimators._logit_function import LogitFunction
from skomics.estimators._memory import MemoryRetryMixin
from skomics.estimators._net import (
    EpochReporter,
    OmicsNet,
    check_callbacks,
    make_net,
    restore_net,
)
from skomics.estimators._partial import PartialFitMixin, part_seed
from skomics.estimators._receipt import (
    describe_machine,
    learned_digest,
    note_samples,
)
from skomics.estimators._rotation import BlockRotation
from skomics.estimators._samples import (
    apply_class_weight,
    column_means,
    deduplicate_samples,
    split_samples,
    training_samples,
)
from skomics.estimators._state import (
    copy_history,
    history_frame,
    join_history,
    net_state,
    remember,
    split_history,
)
from skomics.estimators._streamed import StreamedFitMixin, StreamedRows
from skomics.exceptions import DeviceNotFoundError
from skomics.modules import construction

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from skomics._typing import ClassWeight, OmicsNames, RandomState, StrPath, TableLike

__all__ = [
    "BaseOmicsClassifier",
    "classifier",
]

# What "auto" stands for where training samples lack modalities.
_MODALITY_DROPOUT = 0.2


@dataclass(kw_only=True, eq=False, repr=False)
class BaseOmicsClassifier(  # type: ignore[override]  # `_is_new` of the mixin
    ClassNamePrefixFeaturesOutMixin,
    EmbeddingMixin,
    CallbackSupportMixin,
    StreamedFitMixin,
    PartialFitMixin,
    MemoryRetryMixin,
    BaseBlockClassifier,
    metaclass=ABCMeta,
):
    """Base of all classifiers: owns a skorch net and behaves like scikit-learn.

    A subclass names its parameters and their defaults, as a dataclass does (see
    ``classifier``), its parameter constraints, the class of its torch module, and
    `_architecture`, the arguments to make one. Everything else is here. The parameters
    are those that every classifier documents under its own name.

    `fit` works on a draft, whose fitted attributes are taken over when all of it is
    done: whatever ends it early leaves what was there before.

    See Also
    --------
    SMAClassifier : Siamese multi-head attention.
    EFNNClassifier : Early-fusion dense network.
    EFCNNClassifier : Early-fusion convolutional network.
    LFNNClassifier : Late-fusion dense network.
    LFCNNClassifier : Late-fusion convolutional network.
    """

    max_epochs: int = 100
    batch_size: int = 32
    lr: float = 1e-3
    weight_decay: float = 0.01
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr_schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = 0.1
    label_smoothing: float = 0.0
    class_weight: ClassWeight = None
    early_stopping: bool = False
    validation_fraction: float | None = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    warm_start: bool = False
    modality_dropout: float | Literal["auto"] = "auto"
    linear_path: Literal["ridge"] | None = None
    omics: OmicsNames | None = None
    device: str = "auto"
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    n_threads: int | None = 1
    random_state: RandomState = None
    callbacks: Sequence[Any] | None = None
    net_params: dict[str, Any] | None = None
    checkpoint: StrPath | None = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseBlockClassifier._parameter_constraints,
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "optimizer": [StrOptions({"adamw", "adam", "sgd"})],
        "lr_schedule": [StrOptions({"cosine", "constant"})],
        "warmup": [Interval(Real, 0, 1, closed="both")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "modality_dropout": [
            Interval(Real, 0, 1, closed="left"),
            StrOptions({"auto"}),
        ],
        "linear_path": [StrOptions({"ridge"}), None],
        "device": [str],
        "precision": [StrOptions({"float32", "tf32", "bf16"})],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "checkpoint": [str, PathLike, None],
        "verbose": ["verbose"],
    }

    # The torch module, called with the sizes of the modalities, the number of classes
    # and the architecture.
    _module_class = None

    @abstractmethod
    def _architecture(self):
        """Return the arguments that this model's module has beside the sizes.

        They are plain Python, and kept: a fitted model is rebuilt from them, not from
        parameters that may have been set since.
        """

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Training data with the omics side by side: what
            :class:`~skomics.OmicsConcatenator` gives. A sample that lacks a modality
            has NaN for all its values there, and values elsewhere.

        y : array-like of shape (n_samples,)
            Subtypes: strings, integers or booleans.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight of k is exactly k copies of the sample.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X holds single NaN or infinity, if a sample has no modalities or no
            sample has a modality, if there is one class only, if the weights are all
            zero or their sum is infinite, or if training diverges.

        TypeError
            If `callbacks` holds a callback of skorch that cannot work here, or any
            beside `checkpoint`.

        DeviceNotFoundError
            If `device` names a device that is not there.

        DeviceMemoryError
            If the device runs out of memory, with half the batch, too.

        Notes
        -----
        Whatever ends `fit` early, an error or an interrupt from the keyboard, leaves
        the classifier as it was: not fitted, or with its former model.
        """
        check_callbacks(self.callbacks, self.checkpoint)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        task = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        context = init_callback_context(self, self._most_epochs)
        context.call_on_fit_task_begin(**task)
        draft = draft_of(self)
        samples = draft._prepare(X, y, sample_weight)
        draft._train(samples, self._epoch_reporter(context, task, draft))
        adopt(self, draft)
        context.call_on_fit_task_end(**task, reconstruction_attributes={})
        return self

    def _prepare_samples(self, X, y, sample_weight):
        """Learn names, omics and classes; return the samples in canonical order."""
        is_refit = self._goes_on
        known = (self._layout, self.classes_) if is_refit else None
        before = learned_digest(self) if is_refit else None
        table, codes, sample_weight = self._read_samples(X, y, sample_weight)
        self._fit_receipt["continues"] = before
        self._settle(known)
        merged = deduplicate_samples(table, codes, sample_weight)
        note_samples(self._fit_receipt, merged)
        merged, columns = self._arrange(merged)
        # A network that is trained on keeps the path that it was made for.
        has_path = hasattr(self, "path_") if is_refit else self.linear_path == "ridge"
        offsets = self._learn_path(merged, columns) if has_path else self._forget_path()
        if not is_refit:
            # Factor of each feature, block by block; those of 0 are left out.
            self._input_scale = self.path_._input_scale if has_path else None
            self._input_columns = self._choose_columns(columns)
        places = None if columns is None else np.argsort(columns)
        samples = training_samples(merged, self._scaled(merged.X, places), offsets)
        return apply_class_weight(samples, self.class_weight, self.classes_)

    def _settle(self, known):
        """Compare with the network that is trained on, or decide on a new one."""
        if known is not None:
            self._check_warm_start(*known)
            return
        vars(self).pop("_module_params", None)
        # Decides on the size of networks that read which modalities a sample has.
        self._dropout_rate = self.modality_dropout
        if self.modality_dropout == "auto":
            self._dropout_rate = _MODALITY_DROPOUT if self._may_miss else 0.0
        self._expects_missing = self._may_miss or self._dropout_rate > 0

    def _arrange(self, merged):
        """Return the samples as they are learned from, and the order of columns there.

        None is the table's order, block by block.
        """
        return merged, None

    def _choose_columns(self, columns):
        """Return which columns the network sees, and in which order; None is all."""
        scale = self._input_scale
        return None if scale is None else np.flatnonzero(scale)

    def _learn_path(self, merged, columns):
        """Fit the linear path; return its logits out of fold for members on it."""
        if self._in_part and hasattr(self, "path_"):
            return self._kept_path_logits(merged, columns)
        self.path_ = BlockRidgeClassifier(
            class_weight=self.class_weight, n_threads=self.n_threads
        )
        offsets = self.path_._fit_for(self, merged, columns)
        return offsets if self._takes_offsets else None

    def _forget_path(self):
        vars(self).pop("path_", None)

    # Whether members of the network learn what the path leaves over.
    _takes_offsets = False
    # What the path's probabilities count for in the mean, chosen by inner folds
    # (docs/models/sma.md).
    _path_share = 2 / 3

    def _scaled(self, table, places=None):
        """Return the features as the network sees them: chosen, and weighed.

        `places` says where each feature is to be found, if not block by block.
        """
        used, scale = self._input_columns, self._input_scale
        if used is None:
            return table
        found = used if places is None else places[used]
        if sparse.issparse(table):
            table = table[:, found]
            if scale is None:
                return table
            return (table @ sparse.diags_array(scale[used])).tocsr()
        table = take_columns(table, found)
        if scale is None:
            return table
        table *= scale[used]
        return table

    @property
    def _input_sizes(self):
        """Number of features of each modality that the network sees."""
        sizes = [len(columns) for columns in self._blocks]
        scale = self._input_scale
        if scale is None:
            return sizes
        parts = np.split(scale > 0, np.cumsum(sizes)[:-1])
        return [int(part.sum()) for part in parts]

    def _with_path(self, logits, path):
        """Average the network's probabilities with those of the path."""
        share = self._path_share
        return np.logaddexp(
            log_softmax(path, axis=1) + np.log(share),
            log_softmax(logits, axis=1) + np.log1p(-share),
        )

    def _check_warm_start(self, layout, classes):
        """Refuse to go on training on other features or other classes."""
        if not np.array_equal(classes, self.classes_) or layout != self._layout:
            raise ValueError(
                "warm_start=True goes on from a network for classes "
                f"{classes.tolist()} and {layout}, but got classes "
                f"{self.classes_.tolist()} and {self._layout}. Fit on the same classes "
                "and features, or set warm_start=False."
            )

    def _describe_training(self):
        """Say how the network was prepared for samples that lack a modality."""
        if not self._may_miss and self._dropout_rate > 0:
            rate = f"modality_dropout={self._dropout_rate:g}"
            return f"was trained on complete samples, and prepared by {rate}"
        text = super()._describe_training()
        if self._may_miss:
            return text
        return f"{text}; modality_dropout= would have prepared it"

    def _epoch_reporter(self, context, task, draft):
        """Return a skorch callback that reports epochs to scikit-learn's callbacks."""
        if not has_callbacks(self):
            return None
        asks_for_model, running = wants_fitted_estimator(self), []

        def begin():
            running.append(context.subcontext(task_name="epoch"))
            running[-1].call_on_fit_task_begin(**task)

        def end():
            learned = {}
            if asks_for_model:
                # Of a copy of the draft, because the draft learns on.
                learned = learned_attributes(self, copy.copy(draft))
            epoch = running.pop()
            return epoch.call_on_fit_task_end(**task, reconstruction_attributes=learned)

        return EpochReporter(begin, end)

    def _train_once(
        self, samples, valid, seed, reporter, device, checkpoint, batch_size=None
    ):
        """Train with the batches of `batch_size`, or others that fit."""
        settings = self._net_settings(len(samples))
        if batch_size is not None:
            settings["batch_size"] = batch_size
        threads, precision = self.n_threads, self.precision
        with torch_context(
            device=device, seed=seed, n_threads=threads, precision=precision
        ):
            before = self.net_ if self._goes_on else None
            self._fitted_device = self.device
            if before is None:
                self._module_params = self._describe_module()
                module, history = self._new_module(), None
            else:
                module = copy.deepcopy(before.module_)
                history = copy_history(before.history)
            # Parts that come later are in the features, and so is a file.
            stays = self._in_part or isinstance(samples.X, StreamedRows)
            self._turned = None if stays else self._turn(module, samples)
            trained = module
            if self._turned is not None:
                trained = self._turned.narrow(module, self._new_module)
            self.net_ = make_net(
                trained.to(device),
                settings,
                device=device,
                n_samples=len(samples),
                history=history,
                reporter=reporter,
                net_class=self._net_class,
            )
            self.net_.checkpoint, self.net_.precision = checkpoint, precision
            if self._in_part:
                remember(self.net_, before)
            self._train_net(samples, valid)
            self.net_.check_weights()
            if self._turned is not None:
                self.net_.exchange(self._turned.widen(trained, module.to(device)))
        del self._turned
        self.net_.rest()
        self.net_.forget(reporter)
        self._note_epochs()
        if checkpoint is not None:
            checkpoint.remove()

    def _hold_out(self, samples, device):
        """Draw the seed; return the samples to learn from, and those to watch."""
        seed = self._draw_seed(device)
        receipt, valid = self._fit_receipt, None
        receipt.update(device=describe_machine(device), seed=seed, n_held_out=0)
        watches = self.early_stopping and not self._in_part
        if watches and self.validation_fraction is not None:
            samples, valid = split_samples(
                samples, self.validation_fraction, self.classes_, seed
            )
            receipt["n_held_out"] = len(valid)
        return samples, valid, seed

    def _draw_seed(self, device):
        """Return the seed of the fit, and open its checkpoint where there is one."""
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        if self._in_part:
            n_epochs = len(self.net_.history) if self._goes_on else 0
            return part_seed(seed, n_epochs)
        if self.checkpoint is None:
            return seed
        key = checkpoint_key(self._fit_receipt, device)
        self._checkpoint = TrainingCheckpoint(self.checkpoint, key)
        return self._checkpoint.agree_on(seed, is_drawn=self.random_state is None)

    def _note_epochs(self):
        self.n_iter_ = self._fit_receipt["n_epochs"] = len(self.net_.history)

    def _used_features(self):
        used = np.ones(self.n_features_in_, dtype=bool)
        if self._input_scale is not None:
            used[np.concatenate(self._blocks)] = self._input_scale > 0
        if hasattr(self, "path_"):
            used |= self.path_._used_features()
        return used

    @property
    def history_(self) -> pd.DataFrame:
        """One row per epoch: epoch, losses and seconds."""
        if "net_" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__} has no history_ yet. Call fit first."
            )
        return history_frame(self.net_.history)

    _net_class = OmicsNet

    def _net_settings(self, n_samples):
        """Return the parameters that the net is made from."""
        if self._in_part:
            one = {"max_epochs": 1, "lr_schedule": "constant", "early_stopping": False}
            return {**self._parameters, **one}
        return {**self._parameters, "max_epochs": self._count_epochs(n_samples)}

    @property
    def _parameters(self):
        """Parameters by name, also those that a user's subclass does not take."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _train_net(self, samples, valid):
        """Hand the samples over to the net."""
        if self._turned is not None:
            samples = self._turned.rotate(samples)
            valid = valid and self._turned.rotate(valid)
        self._fill_in(self.net_.module_, samples)
        self.net_.train_on(samples, valid)

    def _fill_in(self, module, samples):
        """Tell a module what stands in for modalities that a sample lacks."""
        present = module.present
        if self._in_part and len(self.net_.history):
            present.may_miss |= self._may_miss  # what stands in stays as it is
            return
        present.may_miss = self._may_miss
        means = torch.as_tensor(column_means(samples.X))
        present.fill.copy_(means.to(present.fill))

    def _count_epochs(self, n_samples):
        """Return the number of epochs for so many samples."""
        return self.max_epochs

    @property
    def _most_epochs(self):
        """Number of epochs that a progress bar expects, or more than there will be."""
        asked = (self.net_params or {}).get("max_epochs", 0)
        return max(asked, self._count_epochs(1))

    def _describe_module(self):
        """Return the arguments that the module is made of, as plain Python."""
        described = {
            "block_sizes": self._input_sizes,
            "n_classes": len(self.classes_),
            **self._architecture(),
        }
        return {name: _plain(value) for name, value in described.items()}

    def _new_module(self, **params):
        with construction():
            return self._module_class(**{**self._module_params, **params})

    def _turn(self, module, samples):
        """Return coordinates in which training costs less, or None for features."""
        if not hasattr(module, "input_weights"):
            return None
        edges = accumulate(self._module_params["block_sizes"], initial=0)
        return BlockRotation.find(list(pairwise(edges)), samples.X)

    def _logits(self, X):
        """Return the logarithm of the class probabilities, up to a constant."""
        logits = self._stream_answers(X, self._table_logits)
        return self._table_logits(*self._read_new(X)) if logits is None else logits

    def _table_logits(self, table, present):
        path = self.path_._path_logits(table) if hasattr(self, "path_") else None
        logits = self._ask(self.net_, table, present, path)
        if path is not None:
            logits = self._with_path(logits, path)
        self._check_logits(logits)
        return logits

    def _ask(self, net, table, present, path):
        """Return a net's logits of samples that have been read."""
        with torch_context(device=net.torch_device, n_threads=self.n_threads):
            return self._net_logits(
                net,
                self._scaled(table),
                may_miss=present is not None,
                offsets=path if self._takes_offsets else None,
            )

    def _net_logits(self, net, X, *, may_miss, offsets=None):
        """Ask a net for the logits of validated samples."""
        return net.predict_logits(X, may_miss=may_miss, offsets=offsets)

    def _logit_function(self):
        """Return what the model computes as a function that torch can differentiate."""
        return LogitFunction(self)

    def _torch_context(self):
        """Set torch for computations on the CPU with this model's number of threads."""
        return torch_context(device=torch.device("cpu"), n_threads=self.n_threads)

    def _training_means(self):
        """Return the mean of each column of the table over the training samples."""
        order = np.concatenate(self._blocks)
        means = np.zeros(len(order))
        if hasattr(self, "path_"):
            means[order] = self.path_._mean[order]
            return means
        used = np.arange(len(order))
        used = used if self._input_columns is None else self._input_columns
        means[order[used]] = self._network_means()
        return means

    def _network_means(self):
        """Return the mean of each feature that the network sees."""
        return self.net_.module_.present.fill.cpu().numpy()

    @property
    def _n_features_out(self):
        """Number of units of the embedding, for scikit-learn's names of these."""
        return self.net_.module_.last_layer.in_features

    def __getstate__(self):
        """Return parameters, numpy arrays and plain Python only."""
        state = dict(super().__getstate__())
        net = state.pop("net_", None)
        if net is not None:
            turned = state.pop("_turned", None)
            module = net.module_
            if turned is not None:  # copied in the middle of training
                module = turned.widen(module, self._new_module())
            state["_net_state"] = {
                "architecture": state.pop("_module_params"),
                "weights": net_state(module),
            }
            state["_history"], state["_epoch_seconds"] = split_history(net.history)
            if net.memory is not None:
                state["_optimizer_memory"] = net.memory
        return state

    def __setstate__(self, state):
        """Rebuild the network, on the CPU where the device it had is missing."""
        state = dict(state)
        saved = state.pop("_net_state", None)
        history = state.pop("_history", [])
        history = join_history(history, state.pop("_epoch_seconds", None))
        memory = state.pop("_optimizer_memory", None)
        super().__setstate__(state)
        if saved is not None:
            self._module_params = saved["architecture"]
            self.net_ = self._restore_net(saved["weights"], history)
            self.net_.memory = memory

    def _restore_net(self, weights, history):
        try:
            device = resolve_device(self._fitted_device)
        except DeviceNotFoundError:
            device = torch.device("cpu")
        with torch_context(device=device, seed=0, n_threads=None):
            return restore_net(
                self._new_module(),
                weights,
                history,
                device=device,
                net_class=self._net_class,
            )


def _plain(value):
    """Return a parameter without NumPy's types."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
