"""What is kept of a trained net: its weights, and what happened in each epoch."""

import copy

import numpy as np
import pandas as pd
import torch

__all__ = [
    "copy_history",
    "history_frame",
    "join_history",
    "net_state",
    "optimizer_memory",
    "remember",
    "split_history",
]

_TIMES = ("dur", "train_seconds", "valid_seconds")


def net_state(module):
    """Return a module's weights as numpy arrays.

    Parameters
    ----------
    module : torch.nn.Module
        A trained module, on any device.

    Returns
    -------
    weights : dict of str to ndarray
        What :func:`~skomics.estimators._net.restore_net` needs.
    """
    weights = module.state_dict()
    return {name: value.cpu().numpy() for name, value in weights.items()}


def split_history(history):
    """Return what happened in each epoch, and apart from it how long that took.

    Parameters
    ----------
    history : skorch.history.History
        A net's history.

    Returns
    -------
    epochs : list of dict
        What each epoch recorded, as plain Python, but no times.

    seconds : list of dict
        The times of each epoch.
    """
    epochs, seconds = [], []
    for entry in history.to_list():
        plain = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in entry.items()
            if key != "batches"
        }
        seconds.append({key: plain.pop(key) for key in _TIMES if key in plain})
        epochs.append(plain)
    return epochs, seconds


def join_history(epochs, seconds):
    """Return the rows of a history that :func:`split_history` has split.

    Parameters
    ----------
    epochs, seconds : list of dict
        From :func:`split_history`; `seconds` may be None.

    Returns
    -------
    rows : list of dict
        Rows of a skorch history.
    """
    seconds = [{}] * len(epochs) if seconds is None else seconds
    return [
        {"batches": [], **epoch, **times}
        for epoch, times in zip(epochs, seconds, strict=True)
    ]


def copy_history(history):
    """Return a history of epochs that can be written on without changing another.

    Parameters
    ----------
    history : skorch.history.History
        A net's history.

    Returns
    -------
    copy : skorch.history.History
        The same epochs.
    """
    return type(history)(copy.deepcopy(history.to_list()))


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
        # A saved model keeps no times, so that equal models make equal files.
        row["seconds"] = row.pop("train_seconds", np.nan) + row.pop("valid_seconds", 0)
        rows.append(row)
    return pd.DataFrame(rows)


def remember(net, before):
    """Let a net go on with what the optimizer of another one remembers.

    Parameters
    ----------
    net : OmicsNet
        A net that is about to train, and will keep that of its own.

    before : OmicsNet or None
        The net that it goes on from; None for a new one.
    """
    kept = None if before is None else before.memory
    net.memory = kept or {}
    if kept:
        state = net.optimizer_.state_dict()
        state["state"] = {
            index: {name: torch.tensor(value) for name, value in parts.items()}
            for index, parts in kept.items()
        }
        net.optimizer_.load_state_dict(state)


def optimizer_memory(net):
    """Return what the optimizer remembers, where :func:`remember` was called before.

    Parameters
    ----------
    net : OmicsNet
        A net that was trained.

    Returns
    -------
    memory : dict of int to dict of ndarray, or None
        Of each weight by its number.
    """
    if net.memory is None:
        return None
    return {
        index: {k: v.cpu().numpy() for k, v in parts.items() if v is not None}
        for index, parts in net.optimizer_.state_dict()["state"].items()
    }
