"""Ways to join several networks' or several omics' outputs inside a module."""

import math

import torch

__all__ = ["average_members"]


def average_members(logits):
    """Return the logarithm of the mean probability over ensemble members.

    Parameters
    ----------
    logits : Tensor of shape (n_members, n, n_classes)
        Logits of each member.

    Returns
    -------
    log_proba : Tensor of shape (n, n_classes)
        Its softmax is the mean of the members' softmax. It does not saturate
        where a probability rounds to 0 or 1.
    """
    log_proba = torch.log_softmax(logits, dim=-1)
    return torch.logsumexp(log_proba, dim=0) - math.log(len(logits))
