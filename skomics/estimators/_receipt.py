"""The receipt of a fit: what was seen, what was left out and why."""

from hashlib import blake2b

import numpy as np
import torch

from skomics._compat import CALLBACK_STATE
from skomics._receipt import digest_of, started_receipt

__all__ = [
    "begin_receipt",
    "describe_machine",
    "learned_digest",
    "note_samples",
    "receipt_of",
]

# Rows that are named by their positions; all are counted.
_N_ROWS = 10
# What an estimator keeps that no prediction depends on.
_NO_MATTER = {"_fit_receipt", "_history", "_epoch_seconds", "_metadata_request"}
_NO_MATTER |= {"_optimizer_memory", "_in_part", "_known_classes"}
_NO_MATTER |= {"_sklearn_version", "n_iter_", "oof_decision_function_"}
_NO_MATTER |= CALLBACK_STATE


def begin_receipt(classifier, table, present, y, sample_weight):
    """Return what is known when the samples have been read.

    Parameters
    ----------
    classifier : BaseBlockClassifier
        With its layout and classes.

    table : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The samples as they were given.

    present : ndarray of shape (n_samples, n_omics) or None
        Who has which modality.

    y : ndarray of shape (n_samples,)
        Labels.

    sample_weight : ndarray of shape (n_samples,) or None
        Weights.

    Returns
    -------
    receipt : dict
        Plain Python.
    """
    n_samples = table.shape[0]
    observed = np.ones((n_samples, len(classifier.omics_)), bool)
    observed = observed if present is None else present
    sizes = classifier._layout.sizes
    counted = y if sample_weight is None else y[sample_weight > 0]
    return started_receipt(
        classifier,
        n_samples=n_samples,
        omics=[
            {"name": name, "n_features": int(size), "n_lacking": int((~has).sum())}
            for name, size, has in zip(
                classifier.omics_, sizes, observed.T, strict=True
            )
        ],
        classes=[
            {"label": _plain(label), "n_samples": int((counted == label).sum())}
            for label in classifier.classes_
        ],
        is_weighted=sample_weight is not None,
    )


def _plain(label):
    return label.item() if isinstance(label, np.generic) else label


def note_samples(receipt, merged):
    """Add which samples count, and what they hold.

    Parameters
    ----------
    receipt : dict
        From :func:`begin_receipt`.

    merged : DistinctSamples
        The samples that are learned from.
    """
    kept = np.flatnonzero(merged.group >= 0)
    first = kept[np.unique(merged.group[kept], return_index=True)[1]]
    repeated = np.setdiff1d(kept, first)
    weightless = np.flatnonzero(merged.group < 0)
    dropped = [
        (weightless, "their sample_weight is 0"),
        (repeated, "equal to an earlier sample, which has their weight, too"),
    ]
    receipt["n_used"] = len(merged.codes)
    receipt["samples_left_out"] = [
        {"n_samples": len(rows), "why": why, "rows": rows[:_N_ROWS].tolist()}
        for rows, why in dropped
        if len(rows)
    ]
    content = blake2b(merged.digests.tobytes(), digest_size=8)
    content.update(merged.weights.astype("<f8").tobytes())
    receipt["data"] = content.hexdigest()


def receipt_of(classifier):
    """Return the receipt of a fitted classifier.

    Parameters
    ----------
    classifier : BaseBlockClassifier
        The classifier.

    Returns
    -------
    receipt : dict
        Plain Python, of its own.

    Raises
    ------
    AttributeError
        If it is not fitted, or was by an earlier version, or inside another one.
    """
    kind, state = type(classifier).__name__, vars(classifier)
    if "classes_" not in state:
        raise AttributeError(f"{kind} has no fit_receipt_ yet. Call fit first.")
    if "_fit_receipt" not in state:
        raise AttributeError(
            f"This {kind} has no fit_receipt_: it was fitted by an earlier version of "
            "skomics, or as a part of another classifier, whose receipt covers it. "
            "Fit it to have one."
        )
    names = state.get("feature_names_in_")
    return {
        **_copy(state["_fit_receipt"]),
        "feature_names": None if names is None else digest_of(names),
        "features_left_out": _unused_features(classifier),
        "learned": learned_digest(classifier),
    }


def learned_digest(classifier):
    """Return a digest of all that predictions are made from.

    Parameters
    ----------
    classifier : BaseBlockClassifier
        Fitted.

    Returns
    -------
    digest : str
        Equal for models that give equal answers on one kind of processor.
    """
    return digest_of(_learned(classifier))


def _copy(value):
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _learned(classifier):
    """Return what is kept but for parameters and records."""
    left_out = _NO_MATTER | classifier.get_params(deep=False).keys()
    state = classifier.__getstate__()
    learned = {name: state[name] for name in sorted(state) if name not in left_out}
    path = learned.pop("path_", None)
    return [learned, None if path is None else _learned(path)]


def _unused_features(classifier):
    """Return, modality by modality, the features that no prediction depends on."""
    used = classifier._used_features()
    if used.all():
        return []
    names = getattr(classifier, "feature_names_in_", np.arange(len(used)))
    why = "the inner folds of the ridge gave them no weight (feature_scale)"
    return [
        {"omics": omics, "n_features": len(lost), "why": why, "features": lost}
        for omics, columns in classifier._layout.items()
        if (lost := names[columns][~used[columns]].tolist())
    ]


def describe_machine(device):
    """Return the kind of processor that a model is trained on.

    Parameters
    ----------
    device : torch.device
        The device.

    Returns
    -------
    machine : str
        "cpu" and its instruction set, or the name of the CUDA device.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"cpu {torch.backends.cpu.get_cpu_capability()}"
    return device.type
