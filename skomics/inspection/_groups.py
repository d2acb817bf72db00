"""Groups of features: modalities, pathways, whatever a user names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from skomics._layout import SEPARATOR
from skomics._rows import quote_values
from skomics._warnings import warn

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = ["find_groups", "read_gmt"]


def read_gmt(path: StrPath) -> dict[str, list[str]]:
    r"""Read sets of genes from a GMT file, as MSigDB has them.

    Parameters
    ----------
    path : str or Path
        A text file with a set a line: name, description and genes, separated by tabs.

    Returns
    -------
    sets : dict of str to list of str
        The genes of each set.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    ValueError
        If a line has no gene, or two have one name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics.inspection import read_gmt
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "sets.gmt")
    ...     _ = file.write_text("P53\tof MSigDB\tTP53\tMDM2\nERBB\t-\tEGFR\n")
    ...     read_gmt(file)
    {'P53': ['TP53', 'MDM2'], 'ERBB': ['EGFR']}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}. Check the path.")
    sets = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        name, *rest = (cell.strip() for cell in line.split("\t"))
        genes = [gene for gene in rest[1:] if gene]
        if not genes or name in sets:
            what = "is named twice" if name in sets else "has no gene"
            raise ValueError(
                f"{path.name} is no GMT file: the set {name[:50]!r} in line {number} "
                f"{what}. A line has a name, a description and genes, with tabs."
            )
        sets[name] = genes
    if not sets:
        raise ValueError(f"{path.name} has no sets. Give a GMT file with one a line.")
    return sets


def find_groups(groups, given):
    """Return where the features of each group are.

    Parameters
    ----------
    groups : "modality", dict of str to list of str, str or Path
        Names of features, with or without the name of the modality; or a GMT file.

    given : OmicsInput
        The input.

    Returns
    -------
    found : dict of str to dict of str to ndarray of int
        For each group, the positions of its features within each modality.
    """
    sizes = dict(zip(given.layout.names, given.layout.sizes, strict=True))
    if isinstance(groups, str) and groups == "modality":
        if not given.layout.is_named:
            raise ValueError(
                "X does not say which column is of which modality. Name its modalities "
                "(two column levels, or 'omics__feature'), or give groups= by a dict."
            )
        return {name: {name: np.arange(size)} for name, size in sizes.items()}
    sets = read_gmt(groups) if isinstance(groups, str | Path) else groups
    if not isinstance(sets, Mapping) or not sets:
        raise ValueError(
            f"Got groups={groups!r}. It must be 'modality', a dict of name to names of "
            "features, or the path of a GMT file."
        )
    known = _known_features(given)
    found = {str(name): _find(features, known) for name, features in sets.items()}
    n_asked = len({feature for features in sets.values() for feature in features})
    lost = {f for features in sets.values() for f in features if _key(f) not in known}
    empty = [name for name, places in found.items() if not places]
    if len(empty) == len(found):
        asked = quote_values(sorted(map(str, lost)))
        raise ValueError(
            f"No group has a feature of X: groups= has {asked}, X has "
            f"{quote_values([*known])}. Use the names of X's features, with or "
            f"without 'omics{SEPARATOR}'."
        )
    if empty:
        warn(
            f"{len(empty)} of {len(found)} groups have no feature in X "
            f"({quote_values(empty)}) and are left out; {len(lost)} of {n_asked} "
            "features of the groups are not in X."
        )
    return {name: places for name, places in found.items() if places}


def _known_features(given):
    """Return the places of each name, with and without that of its modality."""
    known = {}
    for name, features in given.features.items():
        if features is None:
            raise ValueError(
                f"Modality {name!r} has no names of features, which groups= needs. "
                "Give a DataFrame, or groups='modality'."
            )
        for position, feature in enumerate(features):
            known.setdefault(f"{name}{SEPARATOR}{feature}", []).append((name, position))
            known.setdefault(str(feature), []).append((name, position))
    return known


def _key(feature):
    return SEPARATOR.join(feature) if isinstance(feature, tuple) else str(feature)


def _find(features, known):
    if isinstance(features, str):
        raise ValueError(
            f"A group is {features!r}, but it must be a list of names of features."
        )
    places = {place for f in features for place in known.get(_key(f), ())}
    found = pd.DataFrame(sorted(places), columns=["omics", "position"])
    return {name: part["position"].to_numpy() for name, part in found.groupby("omics")}
