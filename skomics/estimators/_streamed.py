"""Networks that learn from samples of a file, and answer for them."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skomics._compat import _check_sample_weight
from skomics._rows import check_same_samples
from skomics._stream import open_stream
from skomics._threads import blas_threads
from skomics._validation import check_labels
from skomics.estimators._receipt import begin_receipt, learned_digest
from skomics.estimators._samples import (
    TrainingSamples,
    apply_class_weight,
    check_total_weight,
    training_weights,
)
from skomics.estimators._streamed_ridge import RidgeSums

__all__ = ["StreamedFitMixin", "StreamedRows"]


@dataclass(frozen=True)
class StreamedRows:
    """Features of training samples that stay in their file.

    Parameters
    ----------
    model : BaseOmicsClassifier
        That has learned what the network sees of a table.

    stream : OmicsStream
        All samples of the file.

    rows : ndarray of shape (n_samples,)
        Positions of these ones, which increase.

    means : ndarray of shape (n_features,)
        Mean of each feature as the network sees it.

    out_of_fold : callable or None
        Gives the logits of the path by models that had not seen a sample.
    """

    model: object
    stream: object
    rows: np.ndarray
    means: np.ndarray
    out_of_fold: object = None

    @property
    def shape(self):
        return len(self.rows), len(self.means)

    def __getitem__(self, index):
        parts = vars(self) | {"rows": self.rows[index]}
        return StreamedRows(**parts)

    def read(self, index):
        """Return features and logits of the path, or None, of some samples."""
        rows, offsets = self.rows[index], None
        with blas_threads(self.model.n_threads):
            table, _ = self.model._stream_table(self.stream, rows)
            if self.out_of_fold is not None:
                offsets = self.out_of_fold(table, rows).astype(np.float32)
            return self.model._scaled(table), offsets


class StreamedFitMixin:
    """What a network does with an AnnData or a MuData that stays on disk."""

    # Whether samples may be read from a file while the network learns.
    _learns_from_files = True

    def _prepare(self, X, y, sample_weight):
        """Return the samples to learn from, in memory or in their file."""
        stream = open_stream(X)
        if stream is None:
            return self._prepare_samples(X, y, sample_weight)
        return self._prepare_stream(stream, y, sample_weight)

    def _prepare_stream(self, stream, y, sample_weight):
        """Learn names, omics, classes and the path in one pass over the file."""
        is_refit = self._goes_on
        known = (self._layout, self.classes_) if is_refit else None
        before = learned_digest(self) if is_refit else None
        y, codes, weights = self._read_stream(stream, y, sample_weight)
        # What there is of each sample is all of a fit that grows with the file.
        rows = np.arange(len(stream), dtype=np.int32)
        if sample_weight is not None:
            rows = np.flatnonzero(weights).astype(np.int32)
            codes, weights = codes[rows], weights[rows]
        has_path = hasattr(self, "path_") if is_refit else self.linear_path == "ridge"
        keeps_path = has_path and self._in_part and is_refit
        ridge = None
        if has_path and not keeps_path:
            ridge = RidgeSums(self, stream, rows, codes, weights)
        scan = self._scan(stream, rows, ridge)
        self._check_missing(stream, scan.present, y, sample_weight)
        self._fit_receipt = begin_receipt(self, stream, scan.present, y, sample_weight)
        self._fit_receipt["continues"] = before
        self._settle(known)
        self._note_stream(stream, rows, scan.digest(codes, weights))
        out_of_fold = self._take_path(has_path, ridge)
        if not is_refit:
            self._input_scale = self.path_._input_scale if has_path else None
            self._input_columns = self._choose_columns(self._stream_columns())
        means = self._scaled(scan.means()[None])[0]
        X = StreamedRows(self, stream, rows, means, out_of_fold)
        samples = TrainingSamples(X, codes, training_weights(weights))
        return apply_class_weight(samples, self.class_weight, self.classes_)

    def _take_path(self, has_path, ridge):
        """Learn the path, keep it or forget it; return what it says of samples.

        That is of members on the path only, by models that had not seen the sample.
        """
        if not has_path:
            self._forget_path()
            return None
        if ridge is None:  # a later part, of which the path has seen nothing
            return _of_kept(self.path_) if self._takes_offsets else None
        self.path_, out_of_fold = ridge.solve(self)
        return out_of_fold if self._takes_offsets else None

    def _read_stream(self, stream, y, sample_weight):
        """Learn names, omics and classes; return labels, codes and weights."""
        if not self._learns_from_files:
            raise ValueError(
                f"{type(self).__name__} learns from a graph of all samples, which must "
                f"be in memory, but X is {len(stream)} samples on disk. Load them "
                "(X.to_memory()), or use a network that reads files: SMAClassifier, "
                "LFNNClassifier, EFNNClassifier, LFCNNClassifier or EFCNNClassifier."
            )
        for name, values in (("y", y), ("sample_weight", sample_weight)):
            check_same_samples(stream.rows, values, name)
        y = column_or_1d(check_labels(y), warn=True)
        check_consistent_length(stream, y)
        head = np.arange(min(len(stream), 2))
        _, _, labels = self._validate_table(
            stream.read(head), y[head], reset=self._is_new
        )
        self._check_order(y)
        check_classification_targets(y)
        self._layout = self._read_layout(labels)
        self.omics_ = self._layout.names
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, y, dtype=np.float64, ensure_non_negative=True
            )
            check_total_weight(sample_weight, "sample_weight")
        codes = self._encode_classes(y, sample_weight)
        weights = sample_weight
        if weights is None:  # one number, as long as it looks
            weights = np.broadcast_to(np.float32(1), len(y))
        return y, codes.astype(np.int32), weights

    def _scan(self, stream, rows, ridge):
        """Look at all samples once."""
        scan = _Scan(len(stream), self.n_features_in_)
        is_used = np.zeros(len(stream), dtype=bool)
        is_used[rows] = True
        with blas_threads(self.n_threads):
            for positions, chunk in stream.chunks():
                table, present = self._checked_table(chunk, positions[0])
                scan.see(positions, present)
                kept = is_used[positions]
                table = table if kept.all() else table[kept]
                scan.add(table)
                if ridge is not None:
                    ridge.add(table)
        return scan

    def _stream_table(self, stream, positions):
        """Return samples block by block, and who has which modalities."""
        return self._checked_table(stream.read(positions), positions[0])

    def _checked_table(self, chunk, first):
        table, _, _ = self._validate_table(chunk, reset=False)
        try:
            table, present = self._read_missing(table)
        except ValueError as error:
            error.add_note(f"Rows are counted from row {first} of the file.")
            raise
        return self._ordered(table), present

    def _stream_columns(self):
        """Return the order of columns that tokens are dealt in; None if there is none.

        It is that of the file: one of the values' own would take all of them.
        """
        return None

    def _note_stream(self, stream, rows, digest):
        receipt, left_out = self._fit_receipt, len(stream) - len(rows)
        receipt["n_used"], receipt["data"] = len(rows), digest
        receipt["samples_left_out"] = []
        if left_out:
            lost = np.setdiff1d(np.arange(len(stream)), rows)[:10].tolist()
            why = "their sample_weight is 0"
            receipt["samples_left_out"] = [
                {"n_samples": left_out, "why": why, "rows": lost}
            ]
        receipt["reading"] = "from a file, shuffled in blocks"

    def _stream_answers(self, X, answer):
        """Return what is answered for samples of a file, chunk by chunk; None if none.

        `answer` takes a table block by block and who has which modalities.
        """
        stream = open_stream(X)
        if stream is None:
            return None
        check_is_fitted(self)
        answers = None
        for positions, chunk in stream.chunks():
            part = answer(*self._checked_table(chunk, positions[0]))
            if answers is None:
                # Not a part a chunk: they would lie between what is given back.
                answers = np.empty((len(stream), *part.shape[1:]), part.dtype)
            answers[positions] = part
        return answers


def _of_kept(path):
    return lambda table, rows: path._path_logits(table)


class _Scan:
    """What one pass over the samples tells."""

    def __init__(self, n_samples, n_features):
        self.present, self._n_samples = None, n_samples
        self._sums = np.zeros(n_features)
        self._counts = np.zeros(n_features)
        self._digests = [blake2b(digest_size=8) for _ in range(3)]

    def see(self, positions, present):
        """Note which modalities samples have."""
        if present is None:
            return
        if self.present is None:
            self.present = np.ones((self._n_samples, present.shape[1]), dtype=bool)
        self.present[positions] = present

    def add(self, table):
        """Add samples that count."""
        if sparse.issparse(table):
            parts = [table.data, table.indices.astype(np.int32), np.diff(table.indptr)]
            is_nan = np.isnan(table.data)
            values, n = np.where(is_nan, 0.0, table.data), len(self._sums)
            self._sums += np.bincount(table.indices, values, n)
            self._counts += table.shape[0] - np.bincount(table.indices, is_nan, n)
        else:
            parts = [np.ascontiguousarray(table)]
            self._sums += np.nansum(table, axis=0, dtype=np.float64)
            self._counts += (~np.isnan(table)).sum(axis=0)
        for digest, part in zip(self._digests, parts, strict=False):
            digest.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8))

    def means(self):
        """Return the mean of each feature over the samples that have it."""
        return (self._sums / np.maximum(self._counts, 1)).astype(np.float32)

    def digest(self, codes, weights):
        """Return a digest of samples, classes and weights, whatever the chunks were."""
        content = blake2b(digest_size=8)
        for part in self._digests:
            content.update(part.digest())
        content.update(codes.astype("<i4", copy=False).tobytes())
        if weights.strides != (0,):
            content.update(weights.astype("<f8", copy=False).tobytes())
        return content.hexdigest()
