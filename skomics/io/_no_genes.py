"""Names among features that are no genes: sums of counters, spike-ins, dates."""

import re
from datetime import date, timedelta

import numpy as np
import pandas as pd

from skomics._rows import quote_values
from skomics._warnings import warn

__all__ = ["drop_no_genes", "find_dates", "is_no_gene", "warn_of_odd_features"]

# The sums that STAR, HTSeq, DEXSeq and featureCounts write among the genes.
_SUMS = re.compile(
    r"N_(unmapped|multimapping|noFeature|ambiguous)"
    r"|X?__(no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)"
    r"|_(ambiguous|empty|lowaqual|notaligned|no_feature|too_low_aQual|not_aligned"
    r"|alignment_not_unique|ambiguous_readpair_position)"
    r"|Unassigned_[A-Za-z]\w*",
    re.IGNORECASE,
)
# Words of older HTSeq and of CITE-seq-Count; one alone may be a feature.
_WORDS = frozenset(
    "no_feature ambiguous too_low_aqual not_aligned alignment_not_unique unmapped "
    "n_unmapped".split()
)
_SPIKE_INS = re.compile(r"ERCC[-._]\d{5}|SIRV[-._]?\d{2,}", re.IGNORECASE)
_PAR_Y = re.compile(r"ENS[GTP]\d+(\.\d+)?_PAR_Y|ENS[GTP]R\d+(\.\d+)?", re.IGNORECASE)
# As Excel writes months in English, German, French, Spanish, Italian and Portuguese.
_MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mrz|m\u00e4r|m\u00e4rz|mai"
    "|okt|dez|mars|avr|d\u00e9c|dic|abr|ago|set|out|gen|mag|giu|lug|ott"
)
_WORDED_DATE = re.compile(
    rf"X?\d{{1,2}}[-./\s]{{1,2}}(?i:{_MONTHS})\.?([-./\s]\d{{2,4}})?"
    rf"|(?!(?-i:[a-z]))(?i:{_MONTHS})[-./]\d{{1,2}}"
)
_PLAIN_DATE = re.compile(
    r"(19|20)\d\d-\d\d-\d\d([ T]00:00(:00(\.0+)?)?)?|\d{1,2}/\d{1,2}/(\d\d){1,2}"
    r"|\d{1,2}\.\d{1,2}\.(19|20)\d\d"
)
_FIRST_DAY, _SERIALS = date(1899, 12, 30), range(36526, 51136)  # from 2000 to 2039
# Last days by month that symbols become: FEB1, MARCH1 to 11, APR1, SEPT1 to 15, DEC1.
_LAST_DAYS = {2: 1, 3: 12, 4: 3, 9: 15, 10: 11, 11: 1, 12: 2}


def is_no_gene(names):
    """Tell which names are sums that tools write among the genes.

    Parameters
    ----------
    names : Index of shape (n_features,)
        The names.

    Returns
    -------
    is_sum : ndarray of bool of shape (n_features,)
        Whether each is one.
    """
    is_sum = np.array([bool(_SUMS.fullmatch(name)) for name in names], dtype=bool)
    is_word = np.array([name.lower() in _WORDS for name in names], dtype=bool)
    return is_sum | is_word if is_sum.sum() + is_word.sum() > 1 else is_sum


def drop_no_genes(file, values, features):
    """Leave out features that count reads of no gene, with a warning.

    Parameters
    ----------
    file : Path
        Where they are from.

    values : ndarray or sparse matrix of shape (n_samples, n_features)
        The values.

    features : Index of shape (n_features,)
        The names.

    Returns
    -------
    values : ndarray or sparse matrix of shape (n_samples, n_genes)
        The values of the others.

    features : Index of shape (n_genes,)
        Their names.
    """
    is_sum = is_no_gene(features)
    if not is_sum.any():
        return values, features
    warn(
        f"{file.name} has {is_sum.sum()} features that are no genes, "
        f"{quote_values(features[is_sum], 20)}: they count reads that belong to none, "
        "and are left out."
    )
    return values[:, ~is_sum], features[~is_sum]


def warn_of_odd_features(file, features):
    """Name features that are kept though they may not be meant.

    Parameters
    ----------
    file : Path
        Where they are from.

    features : Index of shape (n_features,)
        The names.

    Warns
    -----
    UserWarning
        If there are spike-ins, duplicates of chromosome Y, or dates.
    """
    for pattern, what in (
        (_SPIKE_INS, "spike-ins, which are no genes"),
        (_PAR_Y, "duplicates on chromosome Y of genes of X, mostly zero"),
    ):
        found = [name for name in features if pattern.fullmatch(name)]
        if found:
            warn(
                f"{file.name} has {len(found)} features that are {what}, "
                f"{quote_values(found)}; they are kept. Drop them unless they are "
                "wanted."
            )
    dates = find_dates(features)
    if len(dates):
        warn(
            f"{file.name} has {len(dates)} features that are called like dates, "
            f"{quote_values(dates)}: Excel turns symbols such as MARCH1 and SEPT2 into "
            "dates. Take the names from the original table, or write today's symbols, "
            "such as MARCHF1 and SEPTIN2."
        )


def find_dates(features):
    """Return the features that Excel seems to have turned into dates.

    Parameters
    ----------
    features : Index of shape (n_features,)
        The names.

    Returns
    -------
    dates : Index
        Names such as 1-Mar; such as 2021-03-01 and 43525 only beside other names.
    """
    features = pd.Index(features)
    is_worded = _matches(_WORDED_DATE, features)
    is_plain = _matches(_PLAIN_DATE, features)
    is_serial = np.array([_is_serial(name) for name in features], dtype=bool)
    is_number = np.array([name.isdecimal() for name in features], dtype=bool)
    if (is_plain | is_worded | is_number).all():
        is_plain &= False
    # Entrez ids are whole numbers, too.
    if 2 * is_number.sum() >= len(features) or (is_number & ~is_serial).any():
        is_serial &= False
    return features[is_worded | is_plain | is_serial]


def _matches(pattern, names):
    return np.array([bool(pattern.fullmatch(name)) for name in names], dtype=bool)


def _is_serial(name):
    if not (name.isdecimal() and len(name) == 5 and int(name) in _SERIALS):
        return False
    day = _FIRST_DAY + timedelta(days=int(name))
    return day.day <= _LAST_DAYS.get(day.month, 0)
