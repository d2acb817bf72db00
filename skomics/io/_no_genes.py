"""Names among features that are no genes: sums of counters, spike-ins, dates."""

import re
from datetime import date, timedelta

import numpy as np

from skomics._rows import quote_values
from skomics._warnings import warn

__all__ = ["find_dates", "is_no_gene", "warn_of_odd_features"]

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
_WORDS = re.compile(
    "no_feature|ambiguous|too_low_aqual|not_aligned|alignment_not_unique|unmapped",
    re.IGNORECASE,
)
_SPIKE_INS = re.compile(r"ERCC[-._]\d{5}|SIRV[-._]?\d{2,}", re.IGNORECASE)
_PAR_Y = re.compile(r"ENS[GTP](\d++(\.\d++)?_PAR_Y|R\d++(\.\d++)?)", re.IGNORECASE)
# As Excel writes months in English, then in German and Romance languages.
_ENGLISH = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
_MONTHS = (
    f"{_ENGLISH}|mrz|m\u00e4rz?|mai|okt|dez|mars|avr|d\u00e9c|dic|abr|ago|set|out|gen"
    "|mag|giu|lug|ott"
)
# 1-Mar in any case, Mar-01 not in small letters alone: these are genes of worms.
_WORDED_DATE = re.compile(
    rf"(?=[\dX])X?\d{{1,2}}[-./\s]{{1,2}}(?i:{_MONTHS})\.?([-./\s]\d{{1,4}})?"
    rf"|(?=[ADFJMNOS])(?i:{_ENGLISH})[-./]\d{{1,2}}"
)
_DATE = re.compile(
    r"(19|20)\d\d-\d\d-\d\d([ T]00:00(:00(\.0+)?)?)?|\d{1,2}/\d{1,2}/(\d\d){1,2}"
    r"|\d{1,2}\.\d{1,2}\.(19|20)\d\d"
)
# A date as a number, from 1995 to 2036, and the day that is number 0.
_SERIAL, _FIRST_DAY = re.compile("3[5-9][0-9]{3}|4[0-9]{4}"), date(1899, 12, 30)
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
    is_sum = _matches(_SUMS, names)
    is_word = _matches(_WORDS, names)
    return is_sum | is_word if is_sum.sum() + is_word.sum() > 1 else is_sum


def warn_of_odd_features(file, features):
    """Name features that are no genes, or may not be meant.

    Parameters
    ----------
    file : Path
        Where they are from.

    features : Index of shape (n_features,)
        The names.

    Warns
    -----
    UserWarning
        If there are sums, which are left out, or spike-ins, duplicates of chromosome
        Y or dates, which are kept.
    """
    sums = features[is_no_gene(features)]
    if len(sums):
        warn(
            f"{file.name} has {len(sums)} features that are no genes, "
            f"{quote_values(sums, 20)}: they count reads that belong to none, and are "
            "left out."
        )
    for pattern, what in (
        (_SPIKE_INS, "spike-ins, which are no genes"),
        (_PAR_Y, "duplicates on chromosome Y of genes of X, mostly zero"),
    ):
        found = features[_matches(pattern, features)]
        if len(found):
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
    is_worded, is_plain = _matches(_WORDED_DATE, features), _matches(_DATE, features)
    is_serial = _matches(_SERIAL, features)
    if is_plain.any() or is_serial.any():
        is_number = np.array([name.isdecimal() for name in features], dtype=bool)
        is_serial &= [_is_day_of_symbol(name) for name in features]
        if (is_plain | is_worded | is_number).all():
            is_plain[:] = False
        # Entrez ids are whole numbers, too.
        n_numbers = features[is_number].nunique()
        if 2 * n_numbers > features.nunique() or (is_number & ~is_serial).any():
            is_serial[:] = False
    return features[is_worded | is_plain | is_serial]


def _matches(pattern, names):
    # One search in all names is several times as fast as one for each.
    text = "\n" + "\n".join(names) + "\n"
    if not re.search(f"\n(?:{pattern.pattern})(?=\n)", text, pattern.flags):
        return np.zeros(len(names), dtype=bool)
    return np.array([bool(pattern.fullmatch(name)) for name in names], dtype=bool)


def _is_day_of_symbol(name):
    """Tell whether a number of Excel is a day that a symbol may have become."""
    if not _SERIAL.fullmatch(name):
        return False
    day = _FIRST_DAY + timedelta(days=int(name))
    return day.day <= _LAST_DAYS.get(day.month, 0)
