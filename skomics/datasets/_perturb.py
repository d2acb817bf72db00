"""What goes wrong with real cohorts, done to a table on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit, logit
from sklearn.utils import Bunch, check_random_state

from skomics._blocks import Block
from skomics._rows import check_same_samples, quote_values
from skomics.datasets._checks import check_integer, check_probability, check_real
from skomics.io._packing import name_blocks, pack_blocks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from skomics._typing import BunchOrXy, OmicsLike, RandomState

__all__ = ["check_options", "perturb_blocks", "perturb_omics"]

_KINDS = ("values", "proportions", "counts")


def perturb_omics(
    X: OmicsLike,
    y: ArrayLike | None = None,
    *,
    kinds: str | Mapping[str, str] | None = None,
    n_irrelevant: int = 0,
    n_redundant: int = 0,
    batch_shift: float = 0.0,
    batch_fraction: float = 0.5,
    label_noise: float = 0.0,
    missing_cells: float = 0.0,
    missing_omics: float = 0.0,
    random_state: RandomState = None,
    return_X_y: bool = True,
) -> BunchOrXy:
    """Add useless features, a batch effect, wrong labels and missing values.

    Nothing is changed in place. What was done is told by ``return_X_y=False``.

    Parameters
    ----------
    X : DataFrame, dict of tables, AnnData or MuData
        Omics of the same samples, for instance of :func:`make_intersim`.

    y : array-like of shape (n_samples,), default=None
        Labels.

    kinds : str or dict of str, default=None
        What the numbers of a modality are, all or by name: "values", "proportions"
        (in [0, 1], such as beta values) or "counts". ``None`` takes sparse tables as
        "counts" and others as "values".

    n_irrelevant : int, default=0
        Number of features added to each modality that tell nothing: columns of the
        omics, each with its samples shuffled.

    n_redundant : int, default=0
        Number of features added to each modality that tell nothing new: the mean (of
        counts, the sum) of two columns of the omics.

    batch_shift : float, default=0.0
        Size of the batch effect by which a second cohort differs. Every feature has
        a shift of its own, normal with this SD: added to values in units of the
        feature's SD, and to proportions on the logit scale. Counts are thinned: the
        second cohort keeps each count of a feature with the probability
        *exp(-|shift|)*.

    batch_fraction : float, default=0.5
        Share of the samples, whatever their class, in the second cohort.

    label_noise : float, default=0.0
        Share of the samples that get the label of another class.

    missing_cells : float, default=0.0
        Probability that a cell is missing.

    missing_omics : float, default=0.0
        Share of all pairs of a sample and a modality in which a whole modality is
        missing. Every sample keeps one modality at least.

    random_state : int, RandomState instance or None, default=None
        Seed. An int does the same every time.

    return_X_y : bool, default=True
        Whether to return ``(X, y)`` alone. If False, a Bunch.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features) or AnnData
        Two column levels (omics, feature); an AnnData with csr `X` if one of the
        omics is sparse.

    y : Series of shape (n_samples,) or None
        The labels, some of them wrong.

    cohort : Bunch
        Only with ``return_X_y=False``: `data` and `target` as above, `true_target`,
        `batch` (Series, "cohort_1" or "cohort_2"), `is_mislabeled` (Series of bool)
        and `is_available` (DataFrame of bool of shape (n_samples, n_omics)).

    Raises
    ------
    ValueError
        If a number is out of range, a modality is not of its kind, every sample
        cannot keep a modality, there are no labels to make noise in, or cells of a
        sparse modality are to be missing.

    SampleAlignmentError
        If `y` has the ids of `X` in another order, or other ones.

    See Also
    --------
    make_multiomics : Simulates omics of any size, with the same options.

    Examples
    --------
    >>> from skomics.datasets import make_intersim, perturb_omics
    >>> X, y = make_intersim(60, 3, random_state=0)
    >>> X, y = perturb_omics(
    ...     X, y, kinds={"methylation": "proportions"}, batch_shift=0.5,
    ...     label_noise=0.1, missing_omics=0.25, random_state=0,
    ... )
    >>> int(X.T.groupby(level="omics").count().eq(0).sum().sum())
    45
    """
    options = {
        "n_irrelevant": n_irrelevant,
        "n_redundant": n_redundant,
        "batch_shift": batch_shift,
        "batch_fraction": batch_fraction,
        "label_noise": label_noise,
        "missing_cells": missing_cells,
        "missing_omics": missing_omics,
    }
    check_options(options)
    blocks, rows = name_blocks(X)
    kinds = _check_kinds(kinds, blocks)
    cohort = perturb_blocks(
        blocks,
        rows,
        _as_series(y, rows),
        check_random_state(random_state),
        kinds=kinds,
        **options,
    )
    return (cohort.data, cohort.target) if return_X_y else cohort


def perturb_blocks(
    blocks,
    rows,
    true,
    rng,
    *,
    kinds,
    batch_shift,
    batch_fraction,
    label_noise,
    missing_cells,
    missing_omics,
    n_irrelevant=0,
    n_redundant=0,
):
    """Do what `perturb_omics` does to blocks with names; return its Bunch."""
    _check_sparse(blocks, missing_cells, missing_omics)
    batch = rng.permutation(len(rows)) < round(batch_fraction * len(rows))
    target, is_wrong = _flip_labels(true, label_noise, rows, rng)
    available = _draw_available(len(rows), list(blocks), missing_omics, rng)
    perturbed = {}
    for (name, block), is_there in zip(blocks.items(), available.T, strict=True):
        block = _add_features(block, n_irrelevant, n_redundant, kinds[name], rng)
        if batch_shift:
            block = _shift_batch(block, batch, batch_shift, kinds[name], rng)
        perturbed[name] = _hide_values(block, missing_cells, is_there, rng)
    cohorts = np.where(batch, "cohort_2", "cohort_1")
    return Bunch(
        data=pack_blocks(perturbed, rows),
        target=target,
        true_target=true,
        batch=pd.Series(cohorts, rows, name="batch", dtype=object),
        is_mislabeled=is_wrong,
        is_available=pd.DataFrame(available, rows, list(blocks)),
    )


def _as_series(y, rows):
    if y is None:
        return None
    if len(y) != len(rows):
        raise ValueError(
            f"y has {len(y)} labels but X has {len(rows)} samples. Give one label per "
            "sample, in the same order."
        )
    check_same_samples(rows, y, "y")
    name = getattr(y, "name", None)
    return pd.Series(np.asarray(y), rows, name=name)


def _flip_labels(true, label_noise, rows, rng):
    """Return labels, some of them of another class, and which these are."""
    is_wrong = pd.Series(False, rows, name="is_mislabeled")
    n_wrong = round(label_noise * len(rows))
    if n_wrong == 0:
        return true, is_wrong
    if true is None or true.nunique() < 2:
        raise ValueError(
            f"label_noise is {label_noise}, but y has "
            f"{0 if true is None else true.nunique()} classes. Give labels of two "
            "classes at least, or label_noise=0."
        )
    wrong = rng.permutation(len(rows))[:n_wrong]
    codes, classes = pd.factorize(true, sort=True)
    codes[wrong] += rng.randint(1, len(classes), n_wrong)
    is_wrong.iloc[wrong] = True
    labels = np.asarray(classes)[codes % len(classes)]
    return pd.Series(labels, rows, name=true.name), is_wrong


def _add_features(block, n_irrelevant, n_redundant, kind, rng):
    """Append shuffled columns, and means or sums of two columns."""
    if n_irrelevant + n_redundant == 0:
        return block
    data = block.data.tocsc() if sparse.issparse(block.data) else block.data
    n_samples, n_features = data.shape
    irrelevant = [
        data[:, [column]][rng.permutation(n_samples)]
        for column in rng.randint(n_features, size=n_irrelevant)
    ]
    first, second = rng.randint(n_features, size=(2, n_redundant))
    redundant = data[:, first] + data[:, second]
    if kind != "counts":
        redundant = redundant / 2
    added = [f"irrelevant_{i + 1}" for i in range(n_irrelevant)]
    added += [f"redundant_{i + 1}" for i in range(n_redundant)]
    features = block.features.append(pd.Index(added, dtype=object))
    if sparse.issparse(data):
        data = sparse.hstack([data, *irrelevant, redundant], format="csr")
    else:
        data = np.hstack([data, *irrelevant, redundant])
    return Block(data, features)


def _shift_batch(block, batch, batch_shift, kind, rng):
    """Shift the features of the second cohort."""
    data = block.data
    shift = batch_shift * rng.standard_normal(data.shape[1])
    if kind == "counts":
        kept = np.exp(-np.abs(shift))
        return replace(block, data=_thin_counts(data, batch, kept, rng))
    data = data.astype(np.result_type(data, np.float32))
    if kind == "proportions":
        data[batch] = expit(logit(data[batch]) + shift)
    else:
        data[batch] += shift * np.nanstd(data, axis=0)
    return replace(block, data=data)


def _thin_counts(data, batch, probabilities, rng):
    """Keep each count of the second cohort with the probability of its feature."""
    if not sparse.issparse(data):
        data = data.copy()
        chance = np.broadcast_to(probabilities, data[batch].shape)
        data[batch] = rng.binomial(data[batch].astype(np.int64), chance)
        return data
    data = data.tocsr(copy=True)
    is_second = np.repeat(batch, np.diff(data.indptr))
    counts = data.data[is_second].astype(np.int64)
    chance = probabilities[data.indices[is_second]]
    data.data[is_second] = rng.binomial(counts, chance)
    data.eliminate_zeros()
    return data


def _hide_values(block, missing_cells, is_there, rng):
    if not missing_cells and is_there.all():
        return block
    data = block.data.astype(np.result_type(block.data, np.float32))
    if missing_cells:
        data[rng.uniform(size=data.shape) < missing_cells] = np.nan
    data[~is_there] = np.nan
    return replace(block, data=data)


def _draw_available(n_samples, omics, missing_omics, rng):
    """Boolean (n_samples, n_omics); every sample has one True at least."""
    n_pairs = n_samples * len(omics)
    n_missing = round(missing_omics * n_pairs)
    if n_missing > n_pairs - n_samples:
        raise ValueError(
            f"missing_omics is {missing_omics}, but with {len(omics)} modalities at "
            f"most {1 - 1 / len(omics):.3g} can be missing, because every sample keeps "
            "one. Lower it."
        )
    available = np.ones((n_samples, len(omics)), dtype=bool)
    keeps = rng.randint(len(omics), size=n_samples)
    may_miss = np.flatnonzero(keeps[:, None] != np.arange(len(omics)))
    available.flat[rng.permutation(may_miss)[:n_missing]] = False
    return available


def _check_kinds(kinds, blocks):
    """Return what the numbers of each modality are."""
    guess = {
        name: "counts" if sparse.issparse(block.data) else "values"
        for name, block in blocks.items()
    }
    if kinds is None:
        kinds = {}
    elif not isinstance(kinds, dict):
        kinds = dict.fromkeys(blocks, kinds)
    unknown = [name for name in kinds if name not in blocks]
    wrong = [kind for kind in kinds.values() if kind not in _KINDS]
    if unknown or wrong:
        raise ValueError(
            f"kinds names {quote_values(unknown + wrong)}, but the omics are "
            f"{quote_values(blocks, 9)} and the kinds {quote_values(_KINDS)}. Correct "
            "it."
        )
    kinds = guess | kinds
    for name, kind in kinds.items():
        _check_kind(name, kind, blocks[name])
    return kinds


def _check_kind(name, kind, block):
    data = block.data
    if sparse.issparse(data):
        if kind != "counts":
            raise ValueError(
                f"Omics {name!r} is sparse but its kind is {kind!r}, which would fill "
                "its zeros. Use the kind 'counts', or make it dense."
            )
        data = data.data
    low, high = (np.nanmin(data), np.nanmax(data)) if data.size else (0, 0)
    if kind == "proportions" and (low < 0 or high > 1):
        raise ValueError(
            f"Omics {name!r} reaches from {low:.3g} to {high:.3g}, but proportions lie "
            "between 0 and 1. Use the kind 'values'."
        )
    if kind == "counts" and (low < 0 or (data != np.floor(data)).any()):
        raise ValueError(
            f"Omics {name!r} has negative, fractional or missing numbers, but counts "
            "are whole. Perturb the raw counts, before they are normalized."
        )


def check_options(options):
    """Check the numbers that say how much is done to a cohort."""
    for name in ("n_irrelevant", "n_redundant"):
        check_integer(name, options.get(name, 0), 0)
    shift = check_real("batch_shift", options["batch_shift"])
    if shift < 0:
        raise ValueError(f"batch_shift is {shift}. Give a number >= 0.")
    for name in ("batch_fraction", "label_noise", "missing_cells", "missing_omics"):
        check_probability(name, options[name])


def _check_sparse(blocks, missing_cells, missing_omics):
    names = [n for n, block in blocks.items() if sparse.issparse(block.data)]
    if names and (missing_cells or missing_omics):
        raise ValueError(
            f"missing_cells is {missing_cells} and missing_omics {missing_omics}, but "
            f"{quote_values(names)} is sparse, where a cell that is not stored is 0 "
            "and cannot be missing. Set both to 0, or make the omics dense."
        )
