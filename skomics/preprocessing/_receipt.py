"""The receipt of a concatenator: what it was given, and what its steps left out."""

import numpy as np
from sklearn.pipeline import Pipeline

from skomics._receipt import digest_of, started_receipt

__all__ = ["begin_receipt", "receipt_of"]


def begin_receipt(concatenator, blocks, present):
    """Return what is known when the blocks have been read.

    Parameters
    ----------
    concatenator : OmicsConcatenator
        With its parameters.

    blocks : dict of str to Block
        The modalities.

    present : dict of str to ndarray of shape (n_samples,) or None
        Who has each modality; None if all have it.

    Returns
    -------
    receipt : dict
        Plain Python.
    """
    return started_receipt(
        concatenator,
        n_samples=int(next(iter(blocks.values())).data.shape[0]),
        omics=[
            {
                "name": name,
                "n_features": int(block.data.shape[1]),
                "n_lacking": _n_false(present[name]),
            }
            for name, block in blocks.items()
        ],
    )


def _n_false(mask):
    return 0 if mask is None else int((~mask).sum())


def receipt_of(concatenator):
    """Return the receipt of a fitted concatenator.

    Parameters
    ----------
    concatenator : OmicsConcatenator
        The concatenator.

    Returns
    -------
    receipt : dict
        Plain Python, of its own.

    Raises
    ------
    AttributeError
        If it is not fitted, or was by an earlier version.
    """
    state = vars(concatenator)
    if "transformers_" not in state:
        raise AttributeError(
            "OmicsConcatenator has no fit_receipt_ yet. Call fit first."
        )
    if "_fit_receipt" not in state:
        raise AttributeError(
            "This OmicsConcatenator has no fit_receipt_: it was fitted by an earlier "
            "version of skomics. Fit it to have one."
        )
    known = state["_fit_receipt"]
    kept = dict(zip(concatenator.omics_, concatenator.block_sizes_, strict=True))
    omics = [
        {**part, "n_features_out": kept.get(part["name"], 0)} for part in known["omics"]
    ]
    return {
        **known,
        "omics": omics,
        "features_left_out": list(_left_out(concatenator)),
        "learned": digest_of([concatenator.transformers_, concatenator._names_out]),
    }


def _left_out(concatenator):
    """Yield what each step of each modality left out, as far as names tell."""
    sizes = dict(
        zip(concatenator._layout.names, concatenator._layout.sizes, strict=True)
    )
    for name, labels in concatenator._features_in.items():
        given = [f"x{i}" for i in range(sizes[name])] if labels is None else labels
        features = np.asarray(given, dtype=object)
        if name not in concatenator.transformers_:
            why = "the modality is not chosen, or dropped"
            yield _entry(name, features.tolist(), why)
            continue
        for step in _steps(concatenator.transformers_[name]):
            kept = _names_after(step, features)
            if kept is None:
                break  # made of several inputs: nothing is left out by name
            lost = features[~np.isin(features.astype(str), kept)]
            if len(lost):
                yield _entry(name, lost.tolist(), " ".join(repr(step).split()))
            features = kept


def _entry(name, features, why):
    return {
        "omics": name,
        "n_features": len(features),
        "why": why,
        "features": [str(feature) for feature in features],
    }


def _steps(transformer):
    if isinstance(transformer, Pipeline):
        for _, step in transformer.steps:
            yield from _steps(step)
    elif not (transformer is None or isinstance(transformer, str)):
        yield transformer


def _names_after(step, features):
    """Return which features a step hands on; None if its outputs are others."""
    try:
        kept = step.get_feature_names_out(features.astype(str).astype(object))
    except (AttributeError, TypeError, ValueError):
        return None
    is_part = np.isin(kept.astype(str), features.astype(str)).all()
    return np.asarray(kept, dtype=object) if is_part else None
