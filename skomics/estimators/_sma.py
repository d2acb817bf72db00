"""SMA as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skomics._compat import Interval, StrOptions
from skomics.estimators._base import BaseOmicsClassifier, classifier
from skomics.estimators._block_base import rows_of
from skomics.estimators._canonical import canonical_order
from skomics.estimators._device import torch_context
from skomics.estimators._rotation import TokenRotation
from skomics.estimators._tokens import (
    check_average,
    frame_attention,
    plan_tokens,
    read_token_labels,
)
from skomics.modules import SMA

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import ClassWeight, TableLike

__all__ = ["SMAClassifier"]

# What max_epochs="auto" stands for: as many as see so many samples, within limits.
_SEEN = 25_600
_FEWEST_EPOCHS, _MOST_EPOCHS = 8, 50


@classifier
class SMAClassifier(BaseOmicsClassifier):
    """Siamese multi-head attention network for subtypes from multi-omics data.

    The features of each modality are cut into tokens; two transformer encoders with
    weights of their own read them; the product of their outputs is classified by
    a three-layer perceptron. Standardize the features of each modality first, inside
    the fold, with :class:`~skomics.OmicsConcatenator`.

    Parameters
    ----------
    n_tokens : int, default=8
        Number of feature tokens, shared out among the omics in proportion to
        their widths, at least one each. No token holds features of two modalities.

    d_model : int, default=32
        Width of a token; a multiple of `n_heads`.

    n_heads : int, default=4
        Number of attention heads.

    depth : int, default=1
        Number of layers of each encoder.

    d_feedforward : int, default=64
        Width of the feed-forward part of a layer.

    dropout : float, default=0.1
        Dropout rate inside the encoders and perceptrons.

    input_dropout : float, default=0.5
        Dropout rate of the input features.

    token_projection : {"per_token", "shared"}, default="per_token"
        Whether each token has a projection of its own, or all tokens share one,
        as a literal reading of the paper has it.

    pooling : {"mean", "cls"}, default="mean"
        What an encoder hands on: the mean of its tokens, or a cls token, as the
        paper has it.

    share_weights : bool, default=False
        Whether the two encoders are one and the same. Their product is then a
        square and loses the sign.

    n_ensemble : int, default=4
        Number of networks that differ in their initial weights; their
        probabilities are averaged. They are trained side by side as one batched
        model, at less than their number times the cost of one. With the ridge path
        every other one is trained on what the path leaves over: the path's logits
        out of fold are added to its own.

    token_order : {"weight", "given"}, default="weight"
        How the features of a modality are dealt to its tokens. "weight" deals them one
        after another, those of the largest coefficients in the ridge path first, and
        without one in an order that the values make: the order of the columns has no
        influence. "given" cuts tokens from runs of neighboring columns, as the paper
        has it.

    tokens : dict, Series or array-like, default=None
        Token that each feature belongs to, such as a pathway: by the name of the
        feature, with or without ``omics__``, or one label per column. Features of
        several modalities with the same label make a token in each. Features without a
        label (None, NaN or not there) make `n_tokens` further tokens. A model that is
        to be saved by :func:`~skomics.save_model` takes a dict or a list.

    %(training_parameters)s

    Attributes
    ----------
    token_names_ : tuple of str
        Names of the tokens, in their order: ``omics__label`` for those of `tokens`,
        and ``omics_0``, ``omics_1``, … for the others.

    tokens_ : ndarray of shape (n_features,)
        Name of the token that each feature belongs to; "" for one that the network
        does not see, because the path gives it no weight.

    %(training_attributes)s

    See Also
    --------
    EFNNClassifier : Early-fusion dense network.
    LFNNClassifier : Late-fusion dense network.
    paper_params : The settings of the publications.

    Notes
    -----
    The paper leaves open what a token is, how it is projected, how wide and deep
    an encoder is, and where it normalizes. The defaults here come from an
    ablation on real data that is shown in the documentation of the model;
    ``SMAClassifier(**paper_params("sma"))`` is the literal reading.

    The order of the samples and that of the omics have no influence, and that of the
    features within a modality has none unless ``token_order="given"`` is asked for.

    References
    ----------
    Pan, Liu, Feng, Liu, Peng (2023), "PACS: Prediction and analysis of cancer
    subtypes from multi-omics data based on a multi-head attention mechanism
    model", arXiv:2308.10917.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import OmicsConcatenator, SMAClassifier
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = make_pipeline(
    ...     OmicsConcatenator(StandardScaler()),
    ...     SMAClassifier(max_epochs=20, random_state=0),
    ... )
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:])
    1.0
    """

    n_tokens: int = 8
    d_model: int = 32
    n_heads: int = 4
    depth: int = 1
    d_feedforward: int = 64
    dropout: float = 0.1
    input_dropout: float = 0.5
    token_projection: Literal["per_token", "shared"] = "per_token"
    pooling: Literal["mean", "cls"] = "mean"
    share_weights: bool = False
    n_ensemble: int = 4
    token_order: Literal["weight", "given"] = "weight"
    tokens: Mapping[str, str] | pd.Series | ArrayLike | None = None
    # What this model takes beside what its base does.
    max_epochs: int | Literal["auto"] = "auto"  # type: ignore[assignment]
    batch_size: int = 64
    lr: float = 3e-3
    weight_decay: float = 1.0
    class_weight: ClassWeight = "balanced"
    linear_path: Literal["ridge", "trained"] | None = "ridge"  # type: ignore[assignment]

    _parameter_constraints = {
        **BaseOmicsClassifier._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left")],
        "d_model": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "d_feedforward": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "token_projection": [StrOptions({"per_token", "shared"})],
        "pooling": [StrOptions({"mean", "cls"})],
        "share_weights": ["boolean"],
        "linear_path": [StrOptions({"ridge", "trained"}), None],
        "n_ensemble": [Interval(Integral, 1, None, closed="left")],
        "token_order": [StrOptions({"weight", "given"})],
        "tokens": [Mapping, pd.Series, "array-like", None],
        "max_epochs": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
    }

    _module_class = SMA

    def _arrange(self, merged):
        self._token_labels()  # whatever is wrong with them is said at once
        if self.token_order == "given":
            return merged, None
        rows, columns = canonical_order(merged.X, merged.codes, self._bounds)
        return merged.reordered(rows, columns), columns

    def _stream_columns(self):
        return None if self.token_order == "given" else np.arange(self.n_features_in_)

    def _choose_columns(self, columns):
        order = np.concatenate(self._blocks)
        scale = self._input_scale
        kept = np.arange(len(order)) if columns is None else columns
        if scale is not None:
            kept = kept[scale[kept] > 0]
        if columns is not None and hasattr(self, "path_"):
            # What the path weighs most is dealt first.
            weights = self.path_._feature_sizes()[order]
            kept = kept[np.argsort(-weights[kept], kind="stable")]
        edges = np.cumsum([len(block) for block in self._blocks])
        of_block = np.searchsorted(edges, kept, side="right")
        labels = self._token_labels()
        plan = plan_tokens(
            [self.omics_[i] for i in self._block_order],
            [kept[of_block == b] for b in range(len(edges))],
            self.n_tokens,
            labels=None if labels is None else labels[order],
            deals=columns is not None,
        )
        self._token_sizes, self.token_names_ = plan.sizes, tuple(plan.names)
        return plan.features

    def _token_labels(self):
        if self.tokens is None:
            return None
        names = getattr(self, "feature_names_in_", None)
        return read_token_labels(self.tokens, names, self.n_features_in_)

    @property
    def tokens_(self) -> np.ndarray:
        """Name of the token that each feature belongs to; "" where to none."""
        check_is_fitted(self)
        tokens = np.full(self.n_features_in_, "", dtype=object)
        widths = [stop - start for start, stop in self.net_.module_.token_bounds]
        columns = np.concatenate(self._blocks)[self._input_columns]
        tokens[columns] = np.repeat(np.array(self.token_names_, dtype=object), widths)
        return tokens

    def attention(
        self,
        X: TableLike,
        *,
        average: tuple[
            Literal["members", "encoders", "heads", "layers", "samples"], ...
        ] = ("members", "encoders", "heads"),
    ) -> pd.DataFrame:
        """Return how much each token attends to each other one, for each sample.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples; those that lack a modality have NaN there, and attend to none of
            its tokens.

        average : tuple of {"members", "encoders", "heads", "layers", "samples"}, \
                default=("members", "encoders", "heads")
            What to take the mean over.

        Returns
        -------
        weights : DataFrame of shape (n_rows, n_tokens)
            One row for each token that attends, one column for each that is attended
            to; rows sum to 1. The index has the levels `sample` (ids of X, or
            positions), `member`, `encoder`, `layer` and `head`, without those that are
            averaged, and `token`. Tokens are called as in `token_names_`, which
            `tokens_` gives for each feature; with ``pooling="cls"`` the first is "cls".

        Raises
        ------
        ValueError
            If `average` has an unknown name.

        Notes
        -----
        The network is in evaluation mode, so that the answer is the same each time.
        Weights say where a token's values go within a layer. They are no measure of
        what a prediction rests on (docs/models/sma.md compares the two).

        Examples
        --------
        >>> from skomics import SMAClassifier
        >>> from skomics.datasets import make_intersim
        >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
        >>> model = SMAClassifier(n_tokens=3, max_epochs=5, random_state=0).fit(X, y)
        >>> weights = model.attention(X[:2], average=("members", "encoders", "heads"))
        >>> weights.index.names
        FrozenList(['sample', 'layer', 'token'])
        >>> weights.sum(axis=1).round(6).unique()
        array([1.])
        """
        check_average(average)
        table, present = self._read_new(X)
        with torch_context(device=self.net_.torch_device, n_threads=self.n_threads):
            weights = self.net_.attention_weights(
                self._scaled(table), may_miss=present is not None
            )
        tokens = list(self.token_names_)
        tokens = ["cls", *tokens] if self.net_.module_.pooling == "cls" else tokens
        return frame_attention(weights, rows_of(X), tokens, average)

    def _count_epochs(self, n_samples):
        if self.max_epochs == "auto":
            return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_SEEN / n_samples)))
        return self.max_epochs

    @property
    def _n_residual(self):
        return self.n_ensemble // 2 if self.linear_path == "ridge" else 0

    @property
    def _takes_offsets(self):
        # While a network is made, its parameters say so, and afterwards it itself.
        made = getattr(self, "_module_params", {"n_residual": self._n_residual})
        return made["n_residual"] > 0

    def _turn(self, module, samples):
        """Turn tokens that are wider than there are samples to the span of these."""
        made = self._module_params
        if made["token_projection"] == "shared" or made["linear_path"]:
            return None
        return TokenRotation.find(module.token_bounds, samples.X)

    def _architecture(self):
        return {
            "n_tokens": self.n_tokens,
            "d_model": self.d_model,
            "n_heads": self.n_heads,
            "depth": self.depth,
            "d_feedforward": self.d_feedforward,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            "token_projection": self.token_projection,
            "pooling": self.pooling,
            "share_weights": self.share_weights,
            "token_sizes": self._token_sizes,
            "linear_path": self.linear_path == "trained",
            "n_residual": self._n_residual,
            "n_ensemble": self.n_ensemble,
            "modality_dropout": self._dropout_rate,
        }
