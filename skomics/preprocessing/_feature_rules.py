"""Under which other spellings a feature of the reference is known."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
import pandas as pd

from skomics._feature_names import as_r_writes
from skomics._rows import quote_values

__all__ = ["Match", "match_names", "read_rules"]

# Of Ensembl and RefSeq only: RP11-34P13.7 and hsa-let-7a.1 are whole names.
_VERSIONED = re.compile(r"(ENS[A-Z]*\d{11}|[NX][MRP]_\d+)\.\d+", re.IGNORECASE)
_PAIR = re.compile(r"(?P<symbol>[^|]+)\|(?P<entrez>\d+)")
_UNKNOWN_SYMBOL = "?"
# Columns of HGNC's file that name a gene, the surest first.
_HGNC = (
    ("symbol", "hgnc_id", "ensembl_gene_id", "entrez_id"),
    ("prev_symbol",),
    ("alias_symbol",),
)


@dataclass
class Match:
    """Which given name is which feature of the reference.

    Parameters
    ----------
    positions : ndarray of int of shape (n_reference,)
        Position of the given name of each feature; -1 where there is none.

    renamed : list of (str, str, str)
        Given name, name in the reference and rule, where the two differ.

    ambiguous : list of (str, str, str)
        Pairs between which no rule can choose, as in `renamed`.
    """

    positions: np.ndarray
    renamed: list = field(default_factory=list)
    ambiguous: list = field(default_factory=list)


def match_names(given, reference, rules):
    """Find the features of a reference among given names.

    Parameters
    ----------
    given, reference : Index of str
        Names, each once.

    rules : list of (str, callable)
        From :func:`read_rules`. Each looks at what those before it have left over.

    Returns
    -------
    match : Match
        What has been found.
    """
    match = Match(given.get_indexer(reference))
    open_given = given[~given.isin(reference)]
    open_reference = reference[match.positions < 0]
    place = dict(zip(given, range(len(given)), strict=True))
    target = dict(zip(reference, range(len(reference)), strict=True))
    for rule, find_pairs in rules:
        pairs = list(dict.fromkeys(find_pairs(open_given, open_reference)))
        single, several = _split_pairs(pairs)
        for name, feature in single:
            match.positions[target[feature]] = place[name]
        match.renamed += [(name, feature, rule) for name, feature in single]
        match.ambiguous += [(name, feature, rule) for name, feature in several]
        # What is open to doubt here must not be decided by a looser rule.
        names, features = zip(*pairs, strict=True) if pairs else ((), ())
        open_given = open_given[~open_given.isin(names)]
        open_reference = open_reference[~open_reference.isin(features)]
    return match


def _split_pairs(pairs):
    """Return the pairs of one name and one feature, and the others.

    A pair with None stands for a feature that the reference does not have.
    """
    n_features, n_names = defaultdict(int), defaultdict(int)
    for name, feature in pairs:
        n_features[name] += 1
        n_names[feature] += 1
    single, several = [], []
    for name, feature in pairs:
        is_single = n_features[name] == n_names[feature] == 1
        if feature is not None:
            (single if is_single else several).append((name, feature))
    return single, several


def read_rules(rename):
    """Return the rules by which names are matched that are not the same.

    Parameters
    ----------
    rename : None, "unmangle", "exact", mapping, DataFrame or path
        As in :func:`skomics.preprocessing.align_features`.

    Returns
    -------
    rules : list of (str, callable)
        A name for the report, and a function of two Indexes that yields pairs of a
        given name and a feature.
    """
    spelling = [
        ("version", _by_key(_version_key)),
        ("case", _by_key(lambda name: _version_key(name).casefold())),
        ("R", _by_key(_r_key)),
        ("symbol|entrez", _pair_symbols),
    ]
    if rename is None:
        return spelling
    if isinstance(rename, str) and rename in ("exact", "unmangle"):
        return [("R", _by_key(as_r_writes))] if rename == "unmangle" else []
    if isinstance(rename, Mapping):
        # What somebody has written down counts more than what spelling suggests.
        return [("alias", _by_mapping(rename)), *spelling]
    if isinstance(rename, str | PathLike | pd.DataFrame):
        return [*spelling, ("alias", _by_genes(_read_hgnc(rename)))]
    raise TypeError(
        f"rename is a {type(rename).__name__}. Give None, 'unmangle', 'exact', a dict "
        "of new name to name in the reference, or HGNC's table as a DataFrame or path."
    )


def _version_key(name):
    versioned = _VERSIONED.fullmatch(name)
    return versioned[1] if versioned else name


def _r_key(name):
    return as_r_writes(_version_key(name)).casefold()


def _by_key(key):
    """Return a rule that pairs names of equal keys."""

    def find_pairs(given, reference):
        features = defaultdict(list)
        for feature in reference:
            features[key(feature)].append(feature)
        for name in given:
            for feature in features.get(key(name), ()):
                yield name, feature

    return find_pairs


def _pair_symbols(given, reference):
    """Pair ``TP53|7157`` with ``TP53``, and with another name of the same number."""
    parted = [[(name, _part(name)) for name in names] for names in (given, reference)]
    for key in ("entrez", "symbol"):
        features = defaultdict(list)
        for feature, part in parted[1]:
            features[part[key]].append((feature, part["entrez"]))
        features.pop(None, None)
        for name, part in parted[0]:
            for feature, entrez in features.get(part[key], ()):
                # Numbers count where both have one, symbols where one has none.
                if (None in (part["entrez"], entrez)) is (key == "symbol"):
                    yield name, feature


def _part(name):
    pair = _PAIR.fullmatch(name)
    if pair is None:
        return {"symbol": name.casefold(), "entrez": None}
    symbol = pair["symbol"].casefold()
    is_known = symbol != _UNKNOWN_SYMBOL
    return {"symbol": symbol if is_known else None, "entrez": pair["entrez"]}


def _by_mapping(mapping):
    known = {str(name): str(feature) for name, feature in mapping.items()}

    def find_pairs(given, reference):
        features = set(reference)
        for name in given:
            if known.get(name) in features:
                yield name, known[name]

    return find_pairs


# HGNC's table


def _read_hgnc(table):
    """Return the genes of each name, by how surely it is the gene's."""
    if not isinstance(table, pd.DataFrame):
        table = pd.read_csv(table, sep="\t", dtype=str)
    lacking = [c for c in ("symbol", "alias_symbol", "prev_symbol") if c not in table]
    if lacking:
        raise ValueError(
            f"The table of aliases has no column {quote_values(lacking)}; it has "
            f"{quote_values(table.columns, 6)}. Give HGNC's complete set as "
            "downloaded (tab-separated), or a dict of new name to name in the "
            "reference."
        )
    return [_names_of_genes(table, columns) for columns in _HGNC]


def _names_of_genes(table, columns):
    genes = defaultdict(set)
    for column in columns:
        if column not in table:
            continue
        values = table[column]
        for gene, names in enumerate(values.where(values.notna(), "")):
            for name in _split_names(names):
                genes[name.casefold()].add(gene)
    return dict(genes)


def _split_names(names):
    # A column of numbers with gaps is one of floats.
    is_number = isinstance(names, float) and names.is_integer()
    names = str(int(names) if is_number else names)
    return filter(None, (name.strip(' "') for name in names.split("|")))


def _by_genes(levels):
    """Return a rule that pairs names of the same gene."""

    def genes_of(name):
        key = _version_key(name)
        part = _part(key)
        for names in levels:
            for spelling in (key.casefold(), part["symbol"]):
                if spelling in names:
                    return names[spelling]
        return set()

    def find_pairs(given, reference):
        features = defaultdict(list)
        for feature in reference:
            genes = genes_of(feature)
            for gene in genes:
                features[gene].append((feature, len(genes)))
        for name in given:
            genes = genes_of(name)
            found = [pair for gene in genes for pair in features.get(gene, ())]
            yield from ((name, feature) for feature, _ in found)
            # An alias that is another gene's, too, is no proof, be it in the
            # reference or not.
            if found and max(len(genes), *(n for _, n in found)) > 1:
                yield name, None

    return find_pairs
