"""Optimizers of a network's weights, and the schedule of their rate."""

import math

import torch

__all__ = ["OPTIMIZERS", "lr_factor", "make_optimizer", "optimizer_params"]

OPTIMIZERS = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


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


def _optimizer_settings(params, device):
    settings = {
        "weight_decay": params["weight_decay"],
        "fused": device.type in ("cpu", "cuda"),
    }
    if params["optimizer"] == "sgd":
        settings |= {"momentum": 0.9, "nesterov": True}
    elif device.type == "cuda":
        settings["capturable"] = True  # its steps may be recorded
    return settings


def optimizer_params(params, device):
    """Return the optimizer as the parameters that a skorch net takes.

    Parameters
    ----------
    params : dict
        The estimator's training parameters.

    device : torch.device
        Where the weights are.

    Returns
    -------
    params : dict
        Keyword arguments of the net.
    """
    settings = _optimizer_settings(params, device)
    return {
        "optimizer__param_groups": params.get("param_groups") or [],
        "optimizer": OPTIMIZERS[params["optimizer"]],
        **{f"optimizer__{name}": value for name, value in settings.items()},
    }


def make_optimizer(groups, params, device):
    """Build the optimizer of several groups of weights.

    Parameters
    ----------
    groups : list of dict
        Weights, with what is the group's own, as torch's optimizers take them.

    params : dict
        The estimator's training parameters.

    device : torch.device
        Where the weights are.

    Returns
    -------
    optimizer : torch.optim.Optimizer
        The one that trains a single network of these parameters.
    """
    kind = OPTIMIZERS[params["optimizer"]]
    return kind(groups, lr=params["lr"], **_optimizer_settings(params, device))
