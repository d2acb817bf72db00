"""What all classifiers of several modalities share: reading samples, and answering."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import (
    InputTags,
    check_array,
    check_consistent_length,
    column_or_1d,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skomics._blocks import classifier_table
from skomics._compat import (
    StrOptions,
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
)
from skomics._layout import read_layout
from skomics._modality import (
    is_screened,
    modality_mask,
    warn_if_informative_missingness,
)
from skomics._rows import check_same_samples, quote_values
from skomics._validation import check_labels, raise_if_not_finite
from skomics._warnings import warn
from skomics.estimators._receipt import begin_receipt, receipt_of
from skomics.estimators._samples import check_total_weight
from skomics.exceptions import MissingOmicsWarning, NamelessOmicsWarning
from skomics.io._missing import find_missing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import TableLike

__all__ = ["BaseBlockClassifier", "OmicsInputTags", "rows_of"]


@dataclass
class OmicsInputTags(InputTags):
    """What a classifier of several modalities takes, beside scikit-learn's own tags.

    Parameters
    ----------
    missing_omics : bool, default=True
        Whether samples may lack whole modalities, all of whose values are then NaN. It
        is not `allow_nan`, which stands for single NaN too.
    """

    missing_omics: bool = True


class BaseBlockClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of classifiers that take the omics side by side in one table.

    A subclass has `omics` and `class_weight` among its parameters, learns from what
    `_read_samples` returns, and answers by `_logits`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "omics": ["array-like", dict, None],
    }

    # Whether the model treats each modality by itself, so that input without omics
    # names deserves a warning.
    _uses_omics = True

    # Whether names and number of the features are learned, not compared.
    _is_new = True

    def __sklearn_tags__(self):
        """Say that sparse input and samples that lack a modality are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags = OmicsInputTags(**asdict(tags.input_tags))
        tags.input_tags.sparse = True
        return tags

    def _read_samples(self, X, y, sample_weight):
        """Learn names, omics and classes; return a table block by block, and codes."""
        for name, values in (("y", y), ("sample_weight", sample_weight)):
            check_same_samples(rows_of(X), values, name)
        y = None if y is None else check_labels(y)
        table, y, labels = self._validate_table(X, y, reset=self._is_new)
        self._check_order(y)
        check_classification_targets(y)
        self._layout = self._read_layout(labels)
        self.omics_ = self._layout.names
        table, present = self._read_missing(table)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, table, dtype=np.float64, ensure_non_negative=True
            )
            check_total_weight(sample_weight, "sample_weight")
        self._check_missing(X, present, y, sample_weight)
        codes = self._encode_classes(y, sample_weight)
        self._fit_receipt = begin_receipt(self, table, present, y, sample_weight)
        return self._ordered(table), codes, sample_weight

    @property
    def fit_receipt_(self) -> dict[str, Any]:
        """What `fit` saw and left out, and what it was done with."""
        return receipt_of(self)

    def _used_features(self):
        """Return which columns of X predictions depend on."""
        return np.ones(self.n_features_in_, dtype=bool)

    @staticmethod
    def _check_order(y):
        """Refuse labels that cannot be put in an order."""
        try:
            np.unique(y)
        except TypeError:
            kinds = sorted({type(label).__name__ for label in y})
            raise ValueError(
                f"y mixes labels of the kinds {kinds}, which have no order. Give "
                "labels of one kind, for instance with y.astype(str)."
            ) from None

    def _validate_table(self, X, y=None, *, reset):
        """Return a float32 matrix, y, and the omics label of each column if known."""
        table, names, labels = classifier_table(X, self.omics)
        checks = {
            "accept_sparse": "csr",
            "dtype": np.float32,
            "ensure_all_finite": False,
        }
        with np.errstate(over="ignore"):  # what overflows is reported as infinity
            if names is not None:
                # A matrix that brings its names along, as AnnData does.
                header = pd.DataFrame(columns=list(names))
                _check_feature_names(self, header, reset=reset)
                _check_n_features(self, table, reset=reset)
                table = check_array(table, estimator=self, input_name="X", **checks)
                y = None if y is None else column_or_1d(y, warn=True)
                check_consistent_length(table, y)
            elif y is None and not reset:
                table = validate_data(self, table, reset=False, **checks)
            else:
                table, y = validate_data(self, table, y, reset=reset, **checks)
        return table, y, labels

    def _read_layout(self, labels):
        names = getattr(self, "feature_names_in_", None)
        columns = self.n_features_in_ if names is None else names
        layout = read_layout(columns, self.omics, omics_labels=labels)
        if self._uses_omics and not layout.is_named:
            warn(
                f"{type(self).__name__} models several modalities, but X does not say "
                f"which column belongs to which, so that its {self.n_features_in_} "
                "columns count as one modality. Use OmicsConcatenator, name the "
                "columns 'omics__feature', or pass omics=[size, ...].",
                NamelessOmicsWarning,
            )
        return layout

    @property
    def _blocks(self):
        """Columns of each modality in the model's own, alphabetical, order.

        The order of the modalities in the table therefore does not matter.
        """
        return [self._layout.columns[i] for i in self._block_order]

    @property
    def _bounds(self):
        """First and last-plus-one feature of each modality, block by block."""
        edges = accumulate((len(block) for block in self._blocks), initial=0)
        return list(pairwise(edges))

    @property
    def _block_order(self):
        """Positions of the omics in alphabetical order."""
        return np.argsort(np.asarray(self._layout.names, dtype=object), kind="stable")

    def _ordered(self, table):
        """Return the columns as the model wants them: block by block."""
        order = np.concatenate(self._blocks)
        if np.array_equal(order, np.arange(len(order))):
            return table
        return table[:, order]

    def _encode_classes(self, y, sample_weight):
        """Learn `classes_` from the samples that count and return codes."""
        counted = y if sample_weight is None else y[sample_weight > 0]
        self.classes_ = np.unique(counted)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only, {self.classes_.tolist()[0]!r}, but "
                f"{type(self).__name__} needs samples of at least 2 classes. "
                "Check the labels, and that no fold lost a whole class."
            )
        _warn_of_words(counted, self.classes_)
        return np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)

    def _read_missing(self, table):
        """Return the table, and who has which modalities; None if all have all.

        NaN has many forms in bits; the table comes back with one.
        """
        data = table.data if sparse.issparse(table) else table
        if np.isfinite(data.sum(dtype=np.float64)) or np.isfinite(data).all():
            return table, None
        present = np.ones((table.shape[0], len(self._layout.names)), dtype=bool)
        for v, (name, columns) in enumerate(self._layout.items()):
            block = table[:, columns]
            if len(self._layout.names) > 1:
                present[:, v] = modality_mask(block)
            rest = block[present[:, v]]
            if not np.isfinite(rest.data if sparse.issparse(rest) else rest).all():
                rest = rest.toarray() if sparse.issparse(rest) else rest
                raise_if_not_finite(rest, name)
        if not present.any(axis=1).all():
            n_without = (~present.any(axis=1)).sum()
            raise ValueError(
                f"{n_without} of {len(present)} samples have no modalities at all: "
                "each of their values is NaN, the first in row "
                f"{present.any(axis=1).argmin()}. Leave these samples out."
            )
        table = table.copy()
        data = table.data if sparse.issparse(table) else table
        data[np.isnan(data)] = np.nan
        return table, present

    def _check_missing(self, X, present, y, sample_weight):
        """Note whether samples that count lack modalities, and judge which they are."""
        if present is not None and sample_weight is not None:
            present, y = present[sample_weight > 0], y[sample_weight > 0]
        self._may_miss = present is not None and not present.all()
        if not self._may_miss:
            return
        names = np.asarray(self._layout.names, dtype=object)
        if not present.any(axis=0).all():
            raise ValueError(
                f"No training sample has the modality "
                f"{quote_values(names[~present.any(0)])}: all values are NaN. Leave it "
                "out."
            )
        if not is_screened(X):
            lacking = np.where(present, 0.0, np.nan)
            blocks = {name: lacking[:, [v]] for v, name in enumerate(names)}
            warn_if_informative_missingness(blocks, y)

    def _read_new(self, X):
        """Return new samples block by block, and which sample has which modalities."""
        check_is_fitted(self)
        table, _, _ = self._validate_table(X, reset=False)
        table, present = self._read_missing(table)
        if present is not None and not present.any(axis=0).all():
            names = np.asarray(self._layout.names, dtype=object)
            warn(
                f"No sample has the modality "
                f"{quote_values(names[~present.any(axis=0)])}, so that "
                f"{type(self).__name__} predicts from the others. It "
                f"{self._describe_training()}.",
                MissingOmicsWarning,
            )
        return self._ordered(table), present

    def _describe_training(self):
        """Say how the model was prepared for samples that lack a modality."""
        if self._may_miss:
            return "was trained with samples that lack modalities"
        return "was trained on complete samples only"

    @abstractmethod
    def _logits(self, X):
        """Return the logarithm of the class probabilities, up to a constant."""

    def _check_logits(self, logits):
        """Refuse to answer for samples whose values the network cannot take."""
        is_bad = ~np.isfinite(logits).all(axis=1)
        if is_bad.any():
            raise ValueError(
                f"{type(self).__name__} has no finite answer for {is_bad.sum()} of "
                f"{len(logits)} samples, the first in row {is_bad.argmax()}: their "
                "values are too large. Scale new samples as those of fit were, with "
                "StandardScaler in OmicsConcatenator."
            )

    def score(
        self, X: TableLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy on samples.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,)
            Their subtypes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        accuracy : float
            Share of the samples, or of their weight, that are given their subtype.

        Raises
        ------
        SampleAlignmentError
            If `y` or `sample_weight` has the ids of other samples, or of these in
            another order.

        ValueError
            If a label is missing.
        """
        for name, values in (("y", y), ("sample_weight", sample_weight)):
            check_same_samples(rows_of(X), values, name)
        return super().score(X, check_labels(y), sample_weight)

    def decision_function(self, X: TableLike) -> np.ndarray:
        """Return the confidence in each class.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Logarithms of the class probabilities up to a constant per sample;
            for two classes, the log-odds of ``classes_[1]``.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: TableLike) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples; those that lack a modality have NaN there. The answer for one does
            not depend on the others.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities; columns in the order of `classes_`.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: TableLike) -> np.ndarray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Logarithms; columns in the order of `classes_`.
        """
        return log_softmax(self._logits(X), axis=1)

    def predict(self, X: TableLike) -> np.ndarray:
        """Return the most probable class.

        Parameters
        ----------
        X : {DataFrame, AnnData, array-like, sparse matrix} of shape \
                (n_samples, n_features)
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Subtypes, in the type that `fit` was given; of pandas' own types in that of
            NumPy: ``Int64`` is int64, ``boolean`` bool, ``string`` object, and
            categories are what they are of.
        """
        codes = self._logits(X).argmax(axis=1)
        return self.classes_[codes]


def _warn_of_words(y, classes):
    """Warn of classes that are words for no label, as clinical tables have them."""
    words = pd.Series([c for c in classes if isinstance(c, str)], dtype=object)
    words = words[find_missing(words)] if len(words) else words
    if len(words):
        counts = ", ".join(f"{word!r} ({(y == word).sum()})" for word in words)
        warn(
            f"y has classes that say that there is no label: {counts}. Leave these "
            "samples out, as skomics.io.read_labels(..., missing='drop') does, unless "
            "the word is a class; then rename it."
        )


def rows_of(X):
    """Return the ids of a table's samples, or None.

    Parameters
    ----------
    X : object
        The input of a classifier.

    Returns
    -------
    rows : Index or None
        Of a DataFrame or an AnnData.
    """
    if isinstance(X, pd.DataFrame):
        return X.index
    return getattr(X, "obs_names", None)
