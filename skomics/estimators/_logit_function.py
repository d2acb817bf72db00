"""A fitted classifier as one function of its input that torch can differentiate."""

import copy

import numpy as np
import torch
from torch import nn

from skomics.estimators._graph_data import LinkedData
from skomics.modules._fusion import average_members

__all__ = ["GraphLogitFunction", "LogitFunction"]


def _tensor(values, dtype=torch.float32):
    return None if values is None else torch.as_tensor(np.asarray(values), dtype=dtype)


class LogitFunction(nn.Module):
    """Each class against the others, by a fitted network and its linear path.

    Parameters
    ----------
    classifier : BaseOmicsClassifier
        Fitted.

    Notes
    -----
    **Shape**: input `(n, n_features)`, the columns in the order of the table that the
    classifier takes, NaN for modalities that a sample lacks; output `(n, n_classes)`:
    the logit of a class, as `predict_proba` has it, minus the mean of the others'.
    """

    def __init__(self, classifier):
        super().__init__()
        order = np.concatenate(classifier._blocks)
        used, scale = classifier._input_columns, classifier._input_scale
        is_same = np.array_equal(order, np.arange(len(order)))
        self.order = None if is_same else torch.as_tensor(order)
        self.used = None if used is None else torch.as_tensor(used)
        self.scale = None if used is None or scale is None else _tensor(scale[used])
        path = getattr(classifier, "path_", None)
        self.has_path = path is not None
        if self.has_path:
            self.mean = _tensor(path._mean[order])
            self.coef = _tensor(path._coef[order])
            self.offset = _tensor(path._offset)
        self.n_classes = len(classifier.classes_)
        self.takes_offsets = classifier._takes_offsets
        self.share = classifier._path_share
        module = copy.deepcopy(classifier.net_.module_).cpu().eval()
        self.module = module.requires_grad_(False)

    def forward(self, x):
        """Return the logit of each class minus the mean of those of the others."""
        path = self._path(x) if self.has_path else None
        return self._contrasts(self._joined(self._network(self._scaled(x), path), path))

    def _contrasts(self, logits):
        centered = logits - logits.mean(1, keepdim=True)
        return centered * (self.n_classes / (self.n_classes - 1))

    @property
    def has_front(self):
        """Whether the network begins with a linear layer that can be taken apart."""
        return hasattr(self.module, "tokenizer") and self.module.linear is None

    def front(self, x):
        """Return all that is linear in the features.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Input as for :meth:`forward`.

        Returns
        -------
        linear : tuple of Tensor
            Tokens of SMA, of shape (n, n_groups, n_tokens, d_model), and, if there is
            a linear path, its logits.

        present : Tensor of shape (n, n_omics)
            1 for modalities that a sample has, 0 for others.
        """
        self.module.present.may_miss = True
        filled, present = self.module.present(self._scaled(x))
        tokens = self.module.tokenizer(filled).transpose(0, 1)
        linear = (tokens, self._path(x)) if self.has_path else (tokens,)
        return linear, present.to(x.dtype)

    def behind(self, tokens, *others):
        """Return what :meth:`forward` does, from what :meth:`front` returns."""
        *path, present = others
        path, module = path[0] if path else None, self.module
        logits = module.head(module.encode_tokens(tokens.transpose(0, 1), present > 0))
        if self.takes_offsets:
            logits = logits + module.is_residual * path
        return self._contrasts(self._joined(average_members(logits), path))

    def prepare(self, x):
        """Note which samples the next calls are for."""

    def _joined(self, logits, path):
        """Return the logits of network and path together, up to a constant."""
        if not self.has_path:
            return logits
        return torch.logaddexp(
            torch.log_softmax(path, 1) + np.log(self.share),
            torch.log_softmax(logits, 1) + np.log1p(-self.share),
        )

    def _ordered(self, x):
        return x if self.order is None else x[:, self.order]

    def _scaled(self, x):
        x = self._ordered(x)
        x = x if self.used is None else x[:, self.used]
        return x if self.scale is None else x * self.scale

    def _path(self, x):
        x = self._ordered(x)
        centered = x - self.mean
        return torch.where(x.isnan(), 0.0, centered) @ self.coef + self.offset

    def _network(self, x, path):
        self.module.present.may_miss = bool(x.isnan().any())
        return self.module(x, path) if self.takes_offsets else self.module(x)


class GraphLogitFunction(LogitFunction):
    """The logits of a graph model for some samples, whose links do not change.

    Parameters
    ----------
    classifier : BaseGraphClassifier
        Fitted.
    """

    def __init__(self, classifier):
        super().__init__(classifier)
        self.classifier, data = classifier, classifier._training_data
        with torch.no_grad():
            views = data.whole(torch.device("cpu"), torch.float32)
            self.states = self.module.embed(views)

    def prepare(self, x):
        """Link the samples of the next calls to training samples.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Their features.
        """
        blocks = [block.numpy() for block in self._split(self._scaled(x))]
        self.links = self.classifier.graph_.link(blocks)
        _, self.present = self.classifier._fill(blocks)

    def _split(self, x):
        return x.split(self.classifier._input_sizes, dim=1)

    def _network(self, x, path):
        blocks = [torch.where(block.isnan(), 0.0, block) for block in self._split(x)]
        linked = LinkedData(blocks, self.links, present=self.present)
        chunks = linked.views(torch.device("cpu"), torch.float32)
        return torch.cat([self.module.predict(self.states, *chunk) for chunk in chunks])
