"""Inputs that are much wider than there are samples, turned to the span of these.

A gradient of a linear layer is a sum of training samples, so that it never leaves their
span: in coordinates of the span, of which there are no more than samples, training is
the same, and costs the same however many features there are.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse

from skomics.estimators._samples import column_means

__all__ = ["BlockRotation", "TokenRotation"]

# A token is turned if it has more features than this for each sample: turning it has a
# price, too.
_WIDE = 2
# A whole modality is turned if there are more features than this in all, and it has
# more than so many for each sample. Adam's steps in other coordinates lead elsewhere:
# what is not slow is left as the publications have it.
_MANY, _MANY_TIMES = 20_000, 20
# Bases are dense. Those of sparse samples may hold so many numbers, 512 MiB of them:
# above that they take more memory than they save time.
_MOST_NUMBERS = 2**27
# Features of a basis that are made at a time.
_CHUNK = 8192
# Directions in which the samples vary by less than this share of the largest one are
# those of rounding.
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class _Rotation:
    """An orthonormal basis for each part of the features that is wide.

    Parameters
    ----------
    bounds : list of (int, int)
        First and last-plus-one feature of each part.

    spans : list of _Span, or None
        What makes the basis of each part; None leaves it as it is.

    means : ndarray of shape (n_features,)
        Means of the features, which stand in for those that a sample lacks.
    """

    bounds: list
    spans: list
    means: np.ndarray

    @staticmethod
    def _limit(n_samples, n_features):
        """Return the number of features above which a part is turned."""
        raise NotImplementedError

    @classmethod
    def find(cls, bounds, X):
        """Return the rotation for training samples, or None if no part is wide.

        Parameters
        ----------
        bounds : list of (int, int)
            The parts.

        X : {ndarray, csr} of shape (n_samples, n_features), dtype float32
            Training samples.

        Returns
        -------
        rotation : same class, or None
            The rotation.
        """
        limit = cls._limit(*X.shape)
        widths = [stop - start for start, stop in bounds if stop - start > limit]
        is_large = X.shape[0] * sum(widths) > _MOST_NUMBERS
        if not widths or (sparse.issparse(X) and is_large):
            return None
        spans = [
            _Span.of(X, start, stop) if stop - start > limit else None
            for start, stop in bounds
        ]
        return cls(bounds, spans, column_means(X))

    @property
    def widths(self):
        """Number of coordinates of each part."""
        pairs = zip(self.bounds, self.spans, strict=True)
        return [
            stop - start if span is None else span.rank for (start, stop), span in pairs
        ]

    def basis(self, part):
        """Return the basis of a part, of shape (width, rank), or None."""
        span = self.spans[part]
        return None if span is None else span.basis()

    def basis_parts(self, part):
        """Yield slices of the features of a part, and the basis of each, or None."""
        span, (start, stop) = self.spans[part], self.bounds[part]
        return [(slice(stop - start), None)] if span is None else span.parts()

    def rotate(self, samples):
        """Return training samples in the coordinates of their parts."""
        parts = []
        for number, (start, stop) in enumerate(self.bounds):
            part = _coordinates(_dense(samples.X[:, start:stop]), self.basis(number))
            parts.append(part.astype(np.float32, copy=False))
        return replace(samples, X=np.concatenate(parts, axis=1))

    def rotate_blocks(self, blocks):
        """Return features of samples, part by part, in coordinates."""
        pairs = ((block, self.basis(part)) for part, block in enumerate(blocks))
        return [np.ascontiguousarray(_coordinates(*pair)) for pair in pairs]

    @staticmethod
    def _tensor(basis, like):
        return torch.as_tensor(basis).to(like.device, like.dtype)


class TokenRotation(_Rotation):
    """An orthonormal basis for each token that is wider than its samples."""

    @staticmethod
    def _limit(n_samples, n_features):
        return _WIDE * n_samples

    def narrow(self, module, build):
        """Return a module for rotated samples with the weights of one for features.

        Parameters
        ----------
        module : SMA
            A module for features.

        build : callable
            Makes a module from the widths of its tokens and those of the features.

        Returns
        -------
        narrow : SMA
            The same function of samples in the span.
        """
        wide_widths = [stop - start for start, stop in self.bounds]
        narrow = build(token_widths=self.widths, feature_widths=wide_widths)
        state = self._other_weights(module, narrow)
        weight = torch.zeros_like(narrow.tokenizer.weight)
        for t, width in enumerate(self.widths):
            wide, basis = module.tokenizer.weight.detach()[t], self.basis(t)
            wide = wide[: wide_widths[t]]
            weight[t, :width] = (
                wide if basis is None else self._tensor(basis, wide).T @ wide
            )
        narrow.load_state_dict({**state, "tokenizer.weight": weight})
        return narrow

    def widen(self, narrow, module):
        """Give a module for features the weights that were trained on rotated samples.

        Parameters
        ----------
        narrow : SMA
            A trained module for rotated samples.

        module : SMA
            The module for features, which is changed.

        Returns
        -------
        module : SMA
            The same function of samples in the span; what is outside it, no training
            sample told anything about, and counts nothing.
        """
        # Written in place, the largest part of the model.
        weight = module.tokenizer.weight.detach().zero_()
        for t, width in enumerate(self.widths):
            own = narrow.tokenizer.weight.detach()[t, :width].to(weight.device)
            for part, basis in self.basis_parts(t):
                wide = own if basis is None else self._tensor(basis, own) @ own
                weight[t, part] = wide
        means = torch.as_tensor(self.means).to(module.present.fill)
        state = self._other_weights(narrow, module) | {"present.fill": means}
        module.load_state_dict(state)
        return module

    @staticmethod
    def _other_weights(source, target):
        """Return the weights of one module that another one takes as they are."""
        own = target.state_dict()
        apart = {"tokenizer.weight", "present.fill"}
        taken = source.state_dict()
        return {
            name: own[name] if name in apart else taken[name].to(own[name].device)
            for name in own
        }


class BlockRotation(_Rotation):
    """An orthonormal basis for each modality that is wider than its samples.

    It serves modules that say by `input_weights` which of their weights read features:
    by name, the first and last-plus-one feature.
    """

    @staticmethod
    def _limit(n_samples, n_features):
        return _MANY_TIMES * n_samples if n_features > _MANY else np.inf

    def narrow(self, module, build):
        """Return a module for rotated samples with the weights of one for features.

        Parameters
        ----------
        module : Module
            A module for features.

        build : callable
            Makes a module from the sizes of its modalities.

        Returns
        -------
        narrow : Module
            The same function of samples in the span.
        """
        narrow = build(block_sizes=self.widths)
        state = self._other_weights(module, narrow)
        for name, span in module.input_weights.items():
            weight, parts, end = module.state_dict()[name], [], 0
            for number, start, stop in self._parts(span):
                part, basis, end = weight[:, start:stop], self.basis(number), stop
                whole = basis is None
                parts.append(part if whole else part @ self._tensor(basis, part))
            state[name] = torch.cat([*parts, weight[:, end:]], dim=1)
        narrow.load_state_dict(state)
        return narrow

    def widen(self, narrow, module):
        """Give a module for features the weights that were trained on rotated samples.

        Parameters
        ----------
        narrow : Module
            A trained module for rotated samples.

        module : Module
            The module for features, which is changed.

        Returns
        -------
        module : Module
            The same function of samples in the span; what is outside it, no training
            sample told anything about, and counts nothing.
        """
        state = self._other_weights(narrow, module)
        for name, span in module.input_weights.items():
            # Written in place: the weights of very many features are the largest part
            # of the model, and would be held three times.
            weight, wide, end, last = narrow.state_dict()[name], state[name], 0, 0
            for number, start, stop in self._parts(span):
                width = self.widths[number]
                own, end = weight[:, end : end + width], end + width
                read, last = wide[:, start:stop], stop
                for part, basis in self.basis_parts(number):
                    whole = basis is None
                    read[:, part] = own if whole else own @ self._tensor(basis, own).T
            wide[:, last:] = weight[:, end:]
        if "present.fill" in state:
            state["present.fill"] = torch.as_tensor(self.means)
        module.load_state_dict(state)
        return module

    def _parts(self, span):
        """Yield which modalities a weight reads, and in which of its own columns."""
        first, last = span
        for number, (start, stop) in enumerate(self.bounds):
            if first <= start < last:
                yield number, start - first, stop - first

    @staticmethod
    def _other_weights(source, target):
        """Return the weights of one module that another one takes as they are."""
        apart, own = {*source.input_weights, "present.fill"}, target.state_dict()
        return {
            name: own[name] if name in apart else weight.to(own[name].device)
            for name, weight in source.state_dict().items()
        }


def _coordinates(part, basis):
    """Return features in the coordinates of a basis, or as they are without."""
    return part if basis is None else np.asarray(part @ basis)


def _dense(part):
    return part.toarray() if sparse.issparse(part) else part


@dataclass(frozen=True)
class _Span:
    """What makes an orthonormal basis of the span of some features of the samples.

    A basis takes as much memory as the features, and is quickly made: none is kept.

    Parameters
    ----------
    X : {ndarray, csr, ArrangedTable} of shape (n_samples, n_features)
        Samples.

    start, stop : int
        First and last-plus-one of the features.

    present : ndarray of shape (n_samples,) or slice
        Samples whose features are no NaN.

    factors : ndarray of shape (n_present, rank), dtype float32
        What the samples are multiplied by; of no rank where all of them are 0.
    """

    X: object
    start: int
    stop: int
    present: np.ndarray | slice
    factors: np.ndarray

    @classmethod
    def of(cls, X, start, stop):
        """Find the directions in which the samples differ."""
        # Vectors of like lengths turn far with the rounding of a sum: sparse samples,
        # whose products are summed in another order, would make another model than
        # dense ones.
        part = _dense(X[:, start:stop])
        is_missing = np.isnan(part[:, 0])
        present = ~is_missing if is_missing.any() else slice(None)
        part = part[present]
        gram = part @ part.T
        squares, vectors = np.linalg.eigh(gram.astype(np.float64))
        kept = squares > _NEGLIGIBLE * max(squares.max(initial=0.0), 1e-30)
        factors = (vectors[:, kept] / np.sqrt(squares[kept])).astype(np.float32)
        return cls(X, start, stop, present, factors)

    @property
    def rank(self):
        """Number of coordinates."""
        return max(1, self.factors.shape[1])

    def basis(self):
        """Return the basis, of shape (width, rank)."""
        width = self.stop - self.start
        if self.factors.shape[1] == 0:
            return np.eye(width, 1, dtype=np.float32)
        basis = np.empty((width, self.rank), dtype=np.float32)
        for part, values in self.parts():
            basis[part] = values
        return basis

    def parts(self):
        """Yield slices of the features, and their rows of the basis."""
        width = self.stop - self.start
        if self.factors.shape[1] == 0:
            yield slice(width), self.basis()
            return
        for first in range(0, width, _CHUNK):
            end = min(first + _CHUNK, width)
            X = _dense(self.X[:, self.start + first : self.start + end])
            yield slice(first, end), X[self.present].T @ self.factors
