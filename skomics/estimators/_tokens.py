"""Which features make a token."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skomics._rows import quote_values
from skomics.modules import allocate_tokens

__all__ = [
    "TokenPlan",
    "check_average",
    "frame_attention",
    "plan_tokens",
    "read_token_labels",
]


@dataclass(frozen=True)
class TokenPlan:
    """Which features make which token.

    Parameters
    ----------
    features : ndarray of shape (n_features_in_tokens,)
        Positions of the features, token by token.

    sizes : list of list of int
        For each modality, how many features each of its tokens has.

    names : list of str
        Names of the tokens.
    """

    features: np.ndarray
    sizes: list
    names: list


def plan_tokens(omics, features, n_tokens, *, labels=None, deals=True):
    """Make tokens of the features of each modality.

    Parameters
    ----------
    omics : list of str
        Names of the modalities.

    features : list of ndarray
        For each modality, the positions of its features, in the order in which they are
        taken up.

    n_tokens : int
        Number of tokens of the features without a label.

    labels : ndarray of shape (n_features,) or None, default=None
        Names of the tokens that features belong to, by position; "" for none.

    deals : bool, default=True
        Whether features without a label are dealt to tokens one after another, as
        cards are, and not cut into runs.

    Returns
    -------
    plan : TokenPlan
        The tokens: those with labels by name, then the others.
    """
    if labels is None:
        rest, named = features, [[] for _ in features]
    else:
        rest = [positions[labels[positions] == ""] for positions in features]
        named = [
            [
                (f"{name}__{label}", positions[labels[positions] == label])
                for label in np.unique(labels[positions]).tolist()
                if label != ""
            ]
            for name, positions in zip(omics, features, strict=True)
        ]
    left = [b for b, positions in enumerate(rest) if len(positions)]
    shares = allocate_tokens([len(rest[b]) for b in left], n_tokens) if left else []
    for b, sizes in zip(left, shares, strict=True):
        dealt = _deal(rest[b], sizes) if deals else rest[b]
        parts = np.split(dealt, np.cumsum(sizes)[:-1])
        named[b] += [(f"{omics[b]}_{i}", part) for i, part in enumerate(parts)]
    return TokenPlan(
        np.concatenate([part for tokens in named for _, part in tokens]),
        [[len(part) for _, part in tokens] for tokens in named],
        [name for tokens in named for name, _ in tokens],
    )


def _deal(features, sizes):
    """Return features token by token; the first one of each token comes first."""
    rounds = np.concatenate([np.arange(size) for size in sizes])
    tokens = np.repeat(np.arange(len(sizes)), sizes)
    dealt = np.empty_like(features)
    dealt[np.lexsort((tokens, rounds))] = features
    return dealt


def read_token_labels(tokens, names, n_features):
    """Return which token each feature belongs to.

    Parameters
    ----------
    tokens : dict, Series or array-like
        Token of each feature by its name, with or without ``omics__``, or one for
        each column. None and NaN are no token.

    names : ndarray of shape (n_features,) or None
        Names of the features, if they have any.

    n_features : int
        Number of features.

    Returns
    -------
    labels : ndarray of shape (n_features,), dtype object
        Tokens as strings; "" for none.

    Raises
    ------
    ValueError
        If X has no names to look up, a name has several tokens, no feature has one, or
        there is not one token for each column.
    """
    if isinstance(tokens, Mapping | pd.Series):
        if names is None:
            raise ValueError(
                "tokens gives a token by the name of a feature, but X has no names. "
                "Give X as a DataFrame, or tokens as one label per column."
            )
        if isinstance(tokens, pd.Series) and not tokens.index.is_unique:
            repeated = tokens.index[tokens.index.duplicated()].unique()
            raise ValueError(
                f"tokens names {len(repeated)} features more than once, e.g. "
                f"{quote_values(repeated)}. A feature belongs to one token."
            )
        tokens = dict(tokens)
        _check_direction(tokens)
        found = [tokens.get(name, tokens.get(_bare(name))) for name in names]
    else:
        if np.ndim(tokens) != 1:
            raise ValueError(
                f"tokens has {np.ndim(tokens)} dimensions, but one label per column is "
                "wanted, or a dict or Series from feature to token."
            )
        found = list(tokens)
        if len(found) != n_features:
            raise ValueError(
                f"tokens has {len(found)} labels, but X has {n_features} columns. Give "
                "one label per column, None for a column that belongs to no token, or "
                "a dict from feature to token."
            )
    labels = np.array(
        ["" if _is_none(label) else str(label) for label in found], dtype=object
    )
    if not (labels != "").any():
        known = "" if names is None else f", such as {', '.join(map(str, names[:3]))}"
        raise ValueError(
            f"tokens gives none of the {n_features} features of X a token{known}. Use "
            "the names of X's columns, with or without 'omics__', or one label per "
            "column."
        )
    return labels


def _check_direction(tokens):
    """Refuse features by pathway, as files of pathways have them."""
    several = [
        name for name, label in tokens.items() if not pd.api.types.is_scalar(label)
    ]
    if several:
        raise ValueError(
            f"tokens has several values for {quote_values(several)}, but goes from a "
            "feature to its one token. Turn pathways round: {feature: pathway for "
            "pathway, features in tokens.items() for feature in features}."
        )


def _bare(name):
    return name.split("__", 1)[-1]


def _is_none(label):
    return pd.api.types.is_scalar(label) and bool(pd.isna(label))


# The axes of attention weights before those of the tokens, and what one of each is.
_AXES = {
    "members": "member",
    "encoders": "encoder",
    "layers": "layer",
    "samples": "sample",
    "heads": "head",
}


def check_average(average):
    """Raise an error unless all are names of axes of attention weights.

    Parameters
    ----------
    average : tuple of str
        What a user wants the mean over.
    """
    if isinstance(average, str) or not set(average) <= set(_AXES):
        raise ValueError(
            f"Got average={average!r}. It must be a tuple of names among {list(_AXES)}."
        )


def frame_attention(weights, rows, tokens, average):
    """Return attention weights as a table.

    Parameters
    ----------
    weights : ndarray of shape \
            (n_ensemble, n_encoders, depth, n_samples, n_heads, n_tokens, n_tokens)
        How much each token attends to each other one.

    rows : Index or None
        Ids of the samples.

    tokens : list of str
        Names of the tokens.

    average : tuple of str
        What to take the mean over.

    Returns
    -------
    table : DataFrame of shape (n_rows, n_tokens)
        The index has a level for each axis that is left, samples first, and the token
        that attends.
    """
    labels = dict(zip(_AXES, map(range, weights.shape[:5]), strict=True))
    labels["samples"] = labels["samples"] if rows is None else rows
    axes = tuple(i for i, name in enumerate(_AXES) if name in average)
    weights = weights.mean(axis=axes) if axes else weights
    kept = [name for name in _AXES if name not in average]
    if "samples" in kept:
        weights = np.moveaxis(weights, kept.index("samples"), 0)
        kept.sort(key=lambda name: name != "samples")
    index = pd.MultiIndex.from_product(
        [*(labels[name] for name in kept), tokens],
        names=[*(_AXES[name] for name in kept), "token"],
    )
    index = index if kept else index.get_level_values("token")
    columns = pd.Index(tokens, name="attended")
    return pd.DataFrame(weights.reshape(len(index), -1), index, columns)
