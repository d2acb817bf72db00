"""Checkpoints: a fit that was interrupted goes on from its last epoch, to the bit."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from skomics._container import CHECKPOINT, digest, is_count, read_file, write_file
from skomics.estimators._state import join_history, split_history
from skomics.modules import current_source

__all__ = ["TrainingCheckpoint", "checkpoint_key"]

_FORMAT = 1
# What of a fit's receipt says what it learns from, and how.
_FACTS = ("estimator", "versions", "data", "omics", "classes", "continues", "reading")
# Parameters that change nothing of what is learned.
_NO_MATTER = {"checkpoint", "verbose"}
# Of skorch's early stopping.
_STOPPING = ("misses_", "dynamic_threshold_", "best_epoch_")
# What torch and Python say of a state that does not fit.
_MISFITS = (
    *(KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError),
    OverflowError,
)
# Remember the same of all weights, in their shape; Adafactor, say, does not.
_ONE_SHAPE = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)
_ANEW = "Delete the file to begin anew, or name another one with checkpoint=."


def checkpoint_key(receipt, device):
    """Return what must be the same for a fit to go on from a checkpoint.

    Parameters
    ----------
    receipt : dict
        The receipt of the fit, as far as it is known before training.

    device : torch.device
        Where it trains.

    Returns
    -------
    key : dict
        JSON values.
    """
    parameters = receipt["parameters"].items()
    return {
        **{name: receipt.get(name) for name in _FACTS},
        "parameters": {k: v for k, v in parameters if k not in _NO_MATTER},
        "device": device.type,
    }


class TrainingCheckpoint:
    """The file in which a fit keeps how far it is.

    Parameters
    ----------
    path : str or path-like
        The file.

    key : dict
        From :func:`checkpoint_key`.

    Raises
    ------
    ValueError
        If the file is there and is no checkpoint, damaged, or of another fit.

    FileNotFoundError
        If there is no such folder.
    """

    def __init__(self, path, key):
        self.path, self.key, self.seed = Path(path), key, None
        self._found = self._stage = None
        if self.path.exists():
            self._found = self._read()
        elif not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"There is no folder {self.path.parent} for checkpoint={str(path)!r}. "
                "Make it first."
            )

    def agree_on(self, seed, *, is_drawn):
        """Return the seed of the fit: that of the file, where one was drawn for it.

        Parameters
        ----------
        seed : int
            The seed of this call.

        is_drawn : bool
            Whether it is a new one in each call, because `random_state` is None.

        Returns
        -------
        seed : int
            The seed to train with.
        """
        self.seed = seed
        if self._found is not None:
            kept = self._found[0]["seed"]
            if not is_drawn and kept != seed:
                raise ValueError(self._refusal("seed", kept, seed))
            self.seed = kept
        return self.seed

    def is_past(self, stage):
        """Tell whether a stage of the training is done."""
        return self._found is not None and self._found[0]["stage"] > stage

    def resume(self, net, stage=0):
        """Put a net that is about to train into the state of the file.

        Parameters
        ----------
        net : OmicsNet
            The net.

        stage : int, default=0
            Which part of the training begins.

        Returns
        -------
        n_epochs : int
            How many epochs of this stage are done.
        """
        self._stage, self._start = stage, len(net.history)
        if self._found is None:
            return 0
        (header, tensors), self._found = self._found, None
        try:
            _restore(net, header, tensors)
        except _MISFITS as error:
            raise ValueError(
                f"The checkpoint {self.path} does not fit the network of this fit "
                f"({error!s:.300}). {_ANEW}"
            ) from error
        self._start = len(net.history) - header["n_epochs"]
        return header["n_epochs"]

    def write(self, net):
        """Keep the state of a net between two epochs."""
        header, tensors = _state_of(net)
        header |= {"format": _FORMAT, "key": self.key, "seed": self.seed}
        header |= {"stage": self._stage, "n_epochs": len(net.history) - self._start}
        header["sha256"] = digest(header, tensors)
        write_file(self.path, header, tensors, kind=CHECKPOINT)

    def remove(self):
        """Delete the file: the fit is done."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _read(self):
        header, tensors, _ = read_file(self.path, kind=CHECKPOINT)
        if header.get("format") != _FORMAT:
            raise ValueError(
                f"The checkpoint {self.path} has format {header.get('format')!r:.30}, "
                f"but {_FORMAT} is wanted. {_ANEW}"
            )
        if header.get("sha256") != digest(header, tensors):
            raise ValueError(
                f"The checkpoint {self.path} is damaged: it does not have the checksum "
                f"that it was written with. {_ANEW}"
            )
        if not _is_complete(header):
            raise ValueError(
                f"The checkpoint {self.path} does not say what it is of, or how far. "
                f"{_ANEW}"
            )
        self._compare(header["key"])
        return header, tensors

    def _compare(self, kept):
        """Refuse the checkpoint of another fit, and say in what it differs."""
        for name, value in self.key.items():
            was = kept.get(name)
            if was == value:
                continue
            if isinstance(value, dict) and isinstance(was, dict):
                both = sorted(value.keys() | was.keys())
                part = next(k for k in both if value.get(k) != was.get(k))
                raise ValueError(self._refusal(part, was.get(part), value.get(part)))
            raise ValueError(self._refusal(name, was, value))

    def _refusal(self, name, was, now):
        return (
            f"The checkpoint {self.path} is of another fit: its {name} is {was!s:.80}, "
            f"but here it is {now!s:.80}. {_ANEW}"
        )


def _is_complete(header):
    """Tell whether a header has what a fit is told from and goes on by."""
    counts = [header.get(name) for name in ("seed", "stage", "n_epochs", "n_steps")]
    history = header.get("history")
    is_complete = isinstance(header.get("key"), dict) and all(map(is_count, counts))
    return (
        is_complete
        and isinstance(history, list)
        and header["n_epochs"] <= len(history)
        and header["seed"] < 2**32
    )


def _check_memory(optimizer):
    """Refuse a memory of the optimizer that its parameters do not have."""
    if not isinstance(optimizer, _ONE_SHAPE):
        return
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    states = [optimizer.state.get(parameter, {}) for parameter in parameters]
    names = {frozenset(state) for state in states if state}
    if len(names) > 1 or len(optimizer.state) > len(parameters):
        raise ValueError("parts of the optimizer's memory are missing")
    for parameter, state in zip(parameters, states, strict=True):
        shapes = {v.shape for v in state.values() if _is(v) and v.numel() > 1}
        if not shapes <= {parameter.shape}:
            raise ValueError("the optimizer's memory is of other weights")


def _state_of(net):
    """Return all that the next epochs depend on, as JSON values and arrays."""
    tensors = {f"module/{k}": v for k, v in net.module_.state_dict().items()}
    state = net.optimizer_.state_dict()["state"]
    for index, parts in state.items():
        tensors |= {f"optimizer/{index}/{k}": v for k, v in parts.items() if _is(v)}
    for name, generator in current_source().states().items():
        tensors[f"random/{name}"] = generator
    header = {"n_steps": net.n_steps_, "stopping": None}
    stopping = _stopping_of(net)
    if stopping is not None:
        header["stopping"] = {name: getattr(stopping, name) for name in _STOPPING}
        best = stopping.best_model_weights_ or {}
        tensors |= {f"best/{name}": weight for name, weight in best.items()}
    header["rates"] = [
        {k: group[k] for k in ("lr", "highest_lr") if k in group}
        for group in net.optimizer_.param_groups
    ]
    header["history"], header["seconds"] = split_history(net.history)
    arrays = {k: v.detach().cpu().contiguous().numpy() for k, v in tensors.items()}
    return header, {k: np.ascontiguousarray(v) for k, v in arrays.items()}


def _is(value):
    return torch.is_tensor(value)


def _restore(net, header, tensors):
    parts = {"module": {}, "optimizer": {}, "random": {}, "best": {}}
    for name, array in tensors.items():
        kind, _, rest = name.partition("/")
        parts[kind][rest] = torch.from_numpy(array)
    net.module_.load_state_dict(parts["module"])
    state = net.optimizer_.state_dict()
    state["state"] = {}
    for name, value in parts["optimizer"].items():
        index, _, key = name.partition("/")
        state["state"].setdefault(int(index), {})[key] = value
    for group, rates in zip(state["param_groups"], header["rates"], strict=True):
        group.update({name: float(rate) for name, rate in rates.items()})
    net.optimizer_.load_state_dict(state)
    _check_memory(net.optimizer_)
    net.n_steps_ = int(header["n_steps"])
    rows = join_history(header["history"], header["seconds"])
    net.history_ = type(net.history)(rows)
    stopping = _stopping_of(net)
    if stopping is not None:
        for name in _STOPPING:
            setattr(stopping, name, header["stopping"][name])
        device = net.torch_device
        best = {name: weight.to(device) for name, weight in parts["best"].items()}
        stopping.best_model_weights_ = best or None
    current_source().restore(parts["random"])


def _stopping_of(net):
    return dict(net.callbacks_).get("early_stopping")
