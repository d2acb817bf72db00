"""Names of features as other programs write them."""

import re

__all__ = ["as_r_writes", "describe_mangling"]

_RESERVED = frozenset(
    "if else repeat while function for next break TRUE FALSE NULL Inf NaN NA in "
    "NA_integer_ NA_real_ NA_complex_ NA_character_".split()
)


def as_r_writes(name):
    """Return a name as R's ``make.names`` writes it, for instance in ``read.csv``.

    Parameters
    ----------
    name : str
        For instance ``hsa-let-7a-1``, ``HLA-A`` or ``1-methylhistidine``.

    Returns
    -------
    name : str
        For instance ``hsa.let.7a.1``, ``HLA.A`` or ``X1.methylhistidine``.
    """
    if not re.match(r"[^\W\d_]|\.(?!\d)", name):
        name = f"X{name}"
    name = re.sub(r"[^\w.]", ".", name)
    return f"{name}." if name in _RESERVED else name


def describe_mangling(names, reference):
    """Say so where most names are known only after R's changes are undone.

    Parameters
    ----------
    names : Index of str
        Names of new features.

    reference : Index of str
        Names they should be among.

    Returns
    -------
    text : str
        A sentence with an example, empty if fewer than half of the names that are
        not in the reference are in it as R writes them.
    """
    unknown = names[~names.isin(reference)]
    written = {as_r_writes(name): name for name in reference[~reference.isin(names)]}
    known = [name for name in unknown if name in written]
    if not known or 2 * len(known) < len(unknown):
        return ""
    return (
        f" {len(known)} names of these are those of fit as R writes them, e.g. "
        f"{known[0]!r} for {written[known[0]]!r}: read the table with "
        "check.names=FALSE in R, or rename its columns."
    )
