"""Transformers of each modality, fitted on a file that is read from end to end."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import check_consistent_length, get_tags

from skomics._blocks import is_anndata, matrix_of, read_blocks
from skomics._compat import validate_params
from skomics._modality import modality_mask
from skomics._rows import check_same_samples
from skomics._validation import check_labels
from skomics.preprocessing._counts import CountTransformer
from skomics.preprocessing._receipt import begin_receipt

__all__ = ["fit_on_stream"]


def fit_on_stream(concatenator, stream, y):
    """Fit the transformers of all modalities, each step in one pass over the file.

    Parameters
    ----------
    concatenator : OmicsConcatenator
        A draft, which learns.

    stream : OmicsStream
        The samples.

    y : array-like of shape (n_samples,) or None
        Labels, which are compared with the samples and not used.

    Raises
    ------
    TypeError
        If a transformer cannot learn from some samples after others.
    """
    if y is not None:
        check_consistent_length(stream, y)
        check_same_samples(stream.rows, y, "y")
        check_labels(y)
    # One sample says what the features are; its values are not learned from.
    read = concatenator._read_fit(_zeros_for_nan(stream.read(np.arange(1))))
    transformers = concatenator._assign_transformers(read.layout.names)
    skips = concatenator.missing_omics == "keep" and read.layout.is_named
    plans = {
        name: _Plan(name, clone(transformer), skips)
        for name, transformer in transformers.items()
        if hasattr(transformer, "fit")
    }
    while any(plan.is_open for plan in plans.values()):
        for _, table in stream.chunks():
            blocks = read_blocks(table, concatenator.omics).blocks
            for name, plan in plans.items():
                plan.update(blocks[name].data)
        for plan in plans.values():
            plan.end_pass(len(stream))
    present = dict.fromkeys(read.blocks)
    concatenator._fit_receipt = begin_receipt(concatenator, read.blocks, present)
    concatenator._fit_receipt["n_samples"] = len(stream)
    for part in concatenator._fit_receipt["omics"]:
        if part["name"] in plans:
            part["n_lacking"] = plans[part["name"]].n_lacking
    fitted = {
        name: (plan.apply(read.blocks[name].data), plan.transformer)
        for name, plan in plans.items()
    }
    concatenator._record(read, transformers, fitted)


def _zeros_for_nan(table):
    """Return a sample that lacks nothing."""
    if isinstance(table, pd.DataFrame):
        return table.fillna(0.0)
    values = matrix_of(table)
    data = values.data if sparse.issparse(values) else values
    if data.dtype.kind == "f":
        np.nan_to_num(data, copy=False)
    if is_anndata(table):
        table.X = values
    return table


class _Plan:
    """The steps of a modality's transformer, fitted one after another."""

    def __init__(self, name, transformer, skips):
        self.name, self.transformer, self._skips = name, transformer, skips
        self._steps, self._n_done, self._learner = list(_leaves(transformer)), 0, None
        self.n_lacking, self._n_passes = 0, 0
        for step in self._steps:
            _check_step(name, step)

    @property
    def is_open(self):
        return self._n_done < len(self._steps)

    def apply(self, data):
        for step in self._steps[: self._n_done]:
            data = step.transform(data)
        return data

    def update(self, data):
        """Let the step that is next learn from some samples."""
        if self._skips:
            present = modality_mask(data)
            if self._n_passes == 0:
                self.n_lacking += int((~present).sum())
            data = data if present.all() else data[present]
        if not self.is_open or data.shape[0] == 0:
            return
        data = self.apply(data)
        while self._learner is None and self.is_open:
            step = self._steps[self._n_done]
            if _learns(step):
                self._learner = _learner_of(step)
                break
            data = step.fit(data).transform(data)
            self._n_done += 1
        if self._learner is not None:
            self._learner.partial_fit(data)

    def end_pass(self, n_samples):
        if self.n_lacking == n_samples:
            raise ValueError(
                f"Block '{self.name}' has no values for any of {n_samples} samples: "
                "all are NaN. Leave it out, for instance with omics=."
            )
        if self._learner is not None:
            self._n_done += 1
            if isinstance(self._learner, _Counted):
                self._learner.settle()
        self._learner, self._n_passes = None, self._n_passes + 1


def _leaves(transformer):
    if isinstance(transformer, Pipeline):
        for _, step in transformer.steps:
            yield from _leaves(step)
    elif transformer is not None and not isinstance(transformer, str):
        yield transformer


def _learns(step):
    """Tell whether a transformer has to see the samples before it can transform."""
    learns = getattr(step, "_learns_from_samples", None)
    return get_tags(step).requires_fit if learns is None else learns


def _check_step(name, step):
    is_known = isinstance(step, VarianceThreshold | CountTransformer)
    if is_known or hasattr(step, "partial_fit") or not _learns(step):
        return
    raise TypeError(
        f"The transformer of block '{name}' has the step {step!r}, which cannot learn "
        "from a file: it has no partial_fit. Use transformers that have it "
        "(StandardScaler, MaxAbsScaler, MinMaxScaler, IncrementalPCA), "
        "VarianceThreshold, the transformers of counts of skomics, or those that learn "
        "nothing (FunctionTransformer); or fit on samples in memory (X.to_memory())."
    )


def _learner_of(step):
    if isinstance(step, CountTransformer):
        return _Counted(step)
    return _Variances(step) if isinstance(step, VarianceThreshold) else step


class _Counted:
    """Fits a transformer of counts on some samples after others."""

    def __init__(self, step):
        validate_params(step)
        self._step, self._gathered = step, None

    def partial_fit(self, data):
        counts = self._step._read_counts(data, reset=True)
        self._gathered = self._step._gather(counts, self._gathered)

    def settle(self):
        """Let what was gathered be learned, once there are all samples."""
        self._step._settle(self._gathered)


class _Variances:
    """Fits VarianceThreshold on some samples after others."""

    def __init__(self, selector):
        self._selector = selector
        self._moments = StandardScaler(with_mean=False)
        self._ranges = MinMaxScaler()

    def partial_fit(self, data):
        self._moments.partial_fit(data)
        if not hasattr(self._selector, "variances_"):
            self._selector.fit(_two_unequal(data))
        variances = self._moments.var_.copy()
        if self._selector.threshold == 0 and not sparse.issparse(data):
            # As in scikit-learn: rounding makes no feature vary.
            self._ranges.partial_fit(data)
            variances = np.minimum(variances, self._ranges.data_range_)
        self._selector.variances_ = variances


def _two_unequal(data):
    """Return two samples of which VarianceThreshold keeps all features."""
    names = getattr(data, "columns", None)
    values = np.outer([-1e18, 1e18], np.ones(data.shape[1]))
    return values if names is None else pd.DataFrame(values, columns=names)
