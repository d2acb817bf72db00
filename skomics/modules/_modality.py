"""Omics that a sample lacks: what a network does in their place."""

import torch
from torch import nn

from skomics.modules._random import generator_on

__all__ = ["PresentOmics", "drop_omics", "indicators", "scale_branches"]


def drop_omics(present, rate):
    """Drop omics at random, but never all that a sample has.

    Parameters
    ----------
    present : Tensor of shape (n, n_omics), dtype bool
        Which modalities each sample has.

    rate : float
        Probability of a modality being dropped.

    Returns
    -------
    kept : Tensor of shape (n, n_omics), dtype bool
        Which modalities are left. Samples that would have none keep what they had.
    """
    if rate == 0:
        return present
    # Drawn on the CPU, so that every device drops the same.
    draws = torch.rand(
        present.shape, generator=generator_on("cpu"), dtype=torch.float32
    )
    kept = present & (draws >= rate).to(present.device)
    return torch.where(kept.any(1, keepdim=True), kept, present)


def indicators(x, present, n_omics):
    """Return which modalities each sample has as numbers, 1 where it lacks one.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Features, whose dtype and device count.

    present : Tensor of shape (n, n_omics), dtype bool, or None
        Which modalities each sample has; None if all have all.

    n_omics : int
        Number of omics.

    Returns
    -------
    indicators : Tensor of shape (n, n_omics)
        Zeros and ones.
    """
    if present is None:
        return x.new_zeros(len(x), n_omics)
    return (~present).to(x.dtype)


def scale_branches(branches, present):
    """Set the branches of omics that a sample lacks to zero, and raise the others.

    Parameters
    ----------
    branches : list of Tensor of shape (n, d)
        What each omics' branch gave.

    present : Tensor of shape (n, n_omics), dtype bool, or None
        Which modalities each sample has; None if all have all.

    Returns
    -------
    scaled : list of Tensor of shape (n, d)
        Branches, times the number of omics over the number that the sample has.
    """
    if present is None:
        return branches
    weights = present.to(branches[0].dtype)
    scale = weights * (weights.shape[1] / weights.sum(1, keepdim=True))
    return [branch * scale[:, v : v + 1] for v, branch in enumerate(branches)]


class PresentOmics(nn.Module):
    """Tell which modalities each sample has, and fill the others in.

    A sample lacks a modality if its features there are NaN: all are if the first is,
    which the caller has made sure of.

    Parameters
    ----------
    block_sizes : sequence of int
        Number of features of each modality.

    modality_dropout : float
        Probability of a modality being dropped in training.

    Attributes
    ----------
    fill : Tensor of shape (n_features,)
        What is put in the place of NaN: the means of the training samples, once
        they are known.

    may_miss : bool
        Whether there may be NaN at all. Without, and without `modality_dropout`,
        nothing is looked at and nothing changed.

    Notes
    -----
    **Shape**: input `(n, sum(block_sizes))`; output the same, and a mask of shape
    `(n, n_omics)` or None.
    """

    def __init__(self, block_sizes, modality_dropout):
        super().__init__()
        sizes = torch.tensor(list(block_sizes))
        omics = torch.arange(len(sizes)).repeat_interleave(sizes)
        self.register_buffer("omics", omics, persistent=False)
        self.register_buffer("first", sizes.cumsum(0) - sizes, persistent=False)
        self.register_buffer("fill", torch.zeros(len(omics)))
        self.modality_dropout = modality_dropout
        self.may_miss = False

    def forward(self, x):
        """Return the features without NaN, and which modalities each sample has."""
        rate = self.modality_dropout if self.training else 0.0
        if not self.may_miss and rate == 0:
            return x, None
        present = drop_omics(~x[:, self.first].isnan(), rate)
        return torch.where(present[:, self.omics], x, self.fill), present

    def extra_repr(self):
        """Return the rate, shown when the module is printed."""
        return f"n_omics={len(self.first)}, modality_dropout={self.modality_dropout}"
