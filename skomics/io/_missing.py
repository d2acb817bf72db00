"""The words by which clinical tables say that a sample has no label."""

import re
from collections import Counter

import numpy as np

from skomics._warnings import warn
from skomics.io._text import MISSING

__all__ = [
    "MISSING_LABELS",
    "check_missing_values",
    "count_words",
    "find_missing",
    "warn_of_missing",
]

# Of TCGA, GDC, cBioPortal and registries. Compared in small letters, without quotes
# and brackets; those that have brackets here are common words without them.
MISSING_LABELS = (
    "-",
    "--",
    "---",
    ".",
    "..",
    "?",
    "??",
    "n.a.",
    "n/a",
    "na",
    "n.d.",
    "nan",
    "null",
    "#n/a",
    "#null!",
    "[completed]",
    "[pending]",
    "data not available",
    "data unavailable",
    "discrepancy",
    "equivocal",
    "indeterminate",
    "information not available",
    "missing",
    "no data",
    "not allowed to collect",
    "not applicable",
    "not assessed",
    "not available",
    "not collected",
    "not determined",
    "not documented",
    "not evaluated",
    "not known",
    "not performed",
    "not provided",
    "not recorded",
    "not reported",
    "not specified",
    "not stated",
    "not tested",
    "unavailable",
    "undetermined",
    "unk",
    "unknown",
    "unreported",
    "unspecified",
)
_MARKS = " \t\u00a0'\"`\u2018\u2019\u201c\u201d[](){}<>"


def check_missing_values(missing_values):
    """Refuse what is no list of words.

    Parameters
    ----------
    missing_values : object
        What was given: "default" or a list.
    """
    is_list = isinstance(missing_values, list | tuple | set | frozenset)
    is_words = is_list and all(isinstance(word, str) for word in missing_values)
    if not is_words and not _is_default(missing_values):
        raise ValueError(
            f"Got missing_values={missing_values!r}, but it must be 'default' or a "
            "list of words, for instance [*skomics.io.MISSING_LABELS, 'Other']."
        )


def _is_default(missing_values):
    return isinstance(missing_values, str) and missing_values == "default"


def find_missing(labels, missing_values="default"):
    """Tell which labels are words that say that there is none.

    Parameters
    ----------
    labels : Series of str of shape (n_samples,)
        The labels.

    missing_values : "default" or list of str, default="default"
        The words; with "default" those of `MISSING_LABELS`.

    Returns
    -------
    is_missing : ndarray of bool of shape (n_samples,)
        Whether a label is missing. The words that pandas takes for missing are in any
        case.
    """
    given = MISSING_LABELS if _is_default(missing_values) else missing_values
    words = {_forms(word)[0] for word in given}
    distinct = set(labels)
    found = {label for label in distinct if words.intersection(_forms(label))}
    if "+" in distinct:  # the other class
        found.discard("-")
    return np.asarray(labels.isin(found | MISSING), dtype=bool)


def _forms(label):
    """Return how a label may be written: in small letters, with and without brackets.

    A word that has brackets here is one only with them: [Completed], not Completed.
    """
    text = re.sub(r"[\s_]+", " ", label.strip().lower())
    bare = text.strip(_MARKS)
    return (f"[{bare}]", bare) if bare and text.startswith("[") else (bare or text,)


def count_words(labels):
    """Say which words were taken for missing, and how often.

    Parameters
    ----------
    labels : Series of str of shape (n_missing,)
        Labels that are missing.

    Returns
    -------
    counts : str
        For instance ``'[Not Available]' (3), 'Unknown' (1)``; "" if all are words
        that pandas takes for missing.
    """
    words = Counter(label for label in labels if label not in MISSING)
    return ", ".join(f"{word!r} ({n})" for word, n in words.most_common())


def warn_of_missing(what, labels):
    """Warn which words were taken for missing.

    Parameters
    ----------
    what : str
        What has the labels, as the message begins.

    labels : Series of str of shape (n_missing,)
        Labels that are missing.
    """
    counts = count_words(labels)
    if counts:
        warn(
            f"{what} has labels that say that there is none, {counts}; these samples "
            "are left out. If one of the words is a class, pass missing_values= "
            "without it."
        )
