"""Ways to join several networks' or several omics' outputs inside a module."""

import math

import torch
from torch import nn

__all__ = ["VCDN", "average_members"]


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


class VCDN(nn.Module):
    r"""View correlation discovery network: a dense network on label agreement.

    The outer product of the views' label scores has a cell for every combination
    of labels; two layers learn which combinations speak for which subtype:

    .. math:: z = W_2\, \phi(W_1 \operatorname{vec}(s_1 \otimes \cdots \otimes s_V))

    with :math:`s_v` the sigmoid of view `v`'s logits and :math:`\phi` a leaky
    rectifier of slope 0.25.

    Parameters
    ----------
    n_views, n_classes : int
        Number of views `V` and of classes `K`.

    max_hidden : int
        Bound on the width of the hidden layer, which is else `K ** V`.

    max_cells : int
        Where the product would have more cells, the scores are concatenated.

    Notes
    -----
    **Shape**: input `(n_views, n, n_classes)` logits, output `(n, n_classes)`.

    NOTE[DIFF]: the published code has no bounds; 34 classes and three views would
    need 1.5 billion weights.

    References
    ----------
    Wang et al. (2021), "MOGONET integrates multi-omics data using graph
    convolutional networks", Nature Communications 12:3445.
    """

    def __init__(self, *, n_views, n_classes, max_hidden, max_cells):
        super().__init__()
        self.is_product = n_classes**n_views <= max_cells
        d_in = n_classes**n_views if self.is_product else n_classes * n_views
        hidden = min(d_in, max_hidden)
        self.layers = nn.Sequential(
            nn.Linear(d_in, hidden), nn.LeakyReLU(0.25), nn.Linear(hidden, n_classes)
        )
        self.reset_parameters()

    def reset_parameters(self):
        """Draw Xavier normal weights and set the biases to zero."""
        for layer in self.layers[::2]:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, logits):
        """Return the fused logits."""
        scores = logits.sigmoid()
        if not self.is_product:
            return self.layers(scores.transpose(0, 1).flatten(1))
        cells = scores[0]
        for view in scores[1:]:
            cells = (cells.unsqueeze(2) * view.unsqueeze(1)).flatten(1)
        return self.layers(cells)
