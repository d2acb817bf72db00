"""Match the columns of another cohort to those that a model was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from skomics._blocks import Block, is_anndata, is_matrix, read_blocks, to_pandas
from skomics._inputs import as_table
from skomics._layout import (
    SEPARATOR,
    UNNAMED,
    as_names,
    check_unique_features,
    mark_as_named,
    read_layout,
)
from skomics._rows import quote_values
from skomics._warnings import warn
from skomics.io._packing import pack_blocks
from skomics.preprocessing._concatenator import OmicsConcatenator
from skomics.preprocessing._feature_rules import match_names, read_rules
from skomics.preprocessing._nan_columns import take_or_nan

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike, StrPath

__all__ = ["FeatureReport", "align_features"]

_N_EXAMPLES = 3
_EXTRA = "not in the reference"
_UNSURE = "ambiguous"
_NO_MODALITY = "modality is not in the reference"
_COUNTS = ["reference", "given", "found", "renamed", "missing", "dropped", "ambiguous"]
# Where the model is inside a model.
_INNER = ("best_estimator_", "estimator_", "estimator")


@dataclass(frozen=True, repr=False, eq=False)
class FeatureReport:
    """Which features of another cohort `align_features` found, and by which names.

    Printing the report shows a summary.

    Attributes
    ----------
    counts : DataFrame of shape (n_modalities, 7)
        A row for each modality: numbers of features in the `reference`, `given` in the
        new cohort, `found` (of these `renamed`), `missing`, `dropped`, and pairs that
        are `ambiguous`.

    renamed : DataFrame of shape (n_renamed, 4)
        Features found under another name: `modality`, `given`, `reference` and
        `rule`, one of "version", "case", "R", "symbol|entrez" and "alias".

    missing : DataFrame of shape (n_missing, 2)
        Features of the reference that were not found: `modality` and `feature`.

    dropped : DataFrame of shape (n_dropped, 3)
        Columns left out: `modality`, `feature` (as given) and `reason`.

    ambiguous : DataFrame of shape (n_pairs, 4)
        As `renamed`, pairs among which no rule could choose. Their features are
        missing, and their columns dropped.

    absent : list of str
        Modalities that the new cohort does not have at all.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.preprocessing import align_features
    >>> train = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["TP53", "HLA-A", "EGFR"])
    >>> new = pd.DataFrame([[4.0, 5.0, 6.0]], columns=["HLA.A", "tp53", "MYC"])
    >>> X, report = align_features({"rna": new}, {"rna": train})
    >>> report
    FeatureReport: 2 of 3 features found
      rna  2 of 3 found, 2 renamed, 1 missing, 1 dropped
           renamed by case: 1 ('tp53' is 'TP53')
           renamed by R: 1 ('HLA.A' is 'HLA-A')
           missing, NaN: 1 ('EGFR')
           not in the reference: 1 ('MYC')
    """

    counts: pd.DataFrame
    renamed: pd.DataFrame
    missing: pd.DataFrame
    dropped: pd.DataFrame
    ambiguous: pd.DataFrame
    absent: list

    def __repr__(self):
        known = self.counts[self.counts["reference"] > 0]
        found, wanted = known["found"].sum(), known["reference"].sum()
        lines = [f"FeatureReport: {found} of {wanted} features found"]
        if self.absent:
            n_present = len(known) - len(self.absent)
            lines[0] += f", in {n_present} of {len(known)} modalities"
        for name in self.counts.index:
            lines += self._describe(name)
        return "\n".join(lines)

    def _describe(self, name):
        count = self.counts.loc[name]
        if name in self.absent:
            rows = [f"absent: all {count['reference']} features are NaN"]
        else:
            rows = [
                f"{count['found']} of {count['reference']} found, {count['renamed']} "
                f"renamed, {count['missing']} missing, {count['dropped']} dropped",
                *self._describe_pairs("renamed", name),
                *self._describe_missing(name),
                *self._describe_dropped(name),
                *self._describe_pairs("ambiguous", name),
            ]
        width = max(map(len, self.counts.index)) + 2
        heads = [name, *[""] * (len(rows) - 1)]
        return [
            f"  {head:<{width}}{row}" for head, row in zip(heads, rows, strict=True)
        ]

    def _describe_pairs(self, what, name):
        pairs = getattr(self, what)
        pairs = pairs[pairs["modality"] == name]
        verb = {"renamed": "is", "ambiguous": "may be"}[what]
        for rule, group in pairs.groupby("rule", sort=False):
            examples = [
                f"{given!r} {verb} {feature!r}"
                for given, feature in group[["given", "reference"]].to_numpy()
            ]
            yield f"{what} by {rule}: {len(group)} ({_join(examples)})"

    def _describe_missing(self, name):
        missing = self.missing.loc[self.missing["modality"] == name, "feature"]
        if len(missing):
            yield f"missing, NaN: {_count_with_examples(missing)}"

    def _describe_dropped(self, name):
        dropped = self.dropped[self.dropped["modality"] == name]
        for reason, group in dropped.groupby("reason", sort=False):
            yield f"{reason}: {_count_with_examples(group['feature'])}"


def align_features(
    X_new: OmicsLike,
    reference: BaseEstimator | OmicsLike,
    *,
    extra: Literal["drop", "error"] = "drop",
    missing: Literal["nan", "error"] = "nan",
    rename: StrPath | Mapping[str, str] | pd.DataFrame | None = None,
    min_overlap: float = 0.5,
) -> tuple[Any, FeatureReport]:
    """Give the samples of another cohort the features that a model knows, by name.

    Parameters
    ----------
    X_new : DataFrame, MuData, AnnData, or dict or list of tables
        Samples of another cohort, with names of features.

    reference : fitted estimator, or table as `X_new`
        What the features are to be: a Pipeline, an
        :class:`~skomics.OmicsConcatenator`, a classifier, a search or another
        classifier around one of these, or the table that it was fitted to.

    extra : {"drop", "error"}, default="drop"
        What becomes of features, and modalities, that the reference does not have.

    missing : {"nan", "error"}, default="nan"
        What becomes of features of the reference that are not found: columns of NaN,
        for an imputer to fill, or an error. A modality that is wholly absent is
        all NaN, which the classifiers of skomics do without.

    rename : {"unmangle", "exact"}, dict, DataFrame, path or None, default=None
        Under which other names features are looked for; see the notes.

        - None: other spellings.
        - "unmangle": names that R has changed only.
        - "exact": none.
        - A dict of new name to name in the reference, and other spellings.
        - HGNC's complete set, as downloaded or read, with the columns symbol,
          alias_symbol and prev_symbol: previous symbols and aliases of genes, too.

    min_overlap : float, default=0.5
        Share of the features of each modality that must be found, if it is there at
        all.

    Returns
    -------
    X : DataFrame, AnnData or dict of tables
        The new samples with all features of the reference, in its order. A dict for a
        dict, list or MuData; a DataFrame with as many levels for a DataFrame.

    report : FeatureReport
        What was found, renamed, missing and dropped in each modality.

    Raises
    ------
    ValueError
        If fewer features of a modality are found than `min_overlap` asks for, a
        feature is missing or too many where that is an error, one of both has no
        names of features, no modality is in both, or an option is unknown.

    TypeError
        If `rename` is something else.

    Warns
    -----
    UserWarning
        If names are ambiguous.

    See Also
    --------
    align_samples : Matches rows.
    OmicsConcatenator : Does without `rename` within a pipeline, by `extra_features`
        and `missing_features`.

    Notes
    -----
    Names are matched by the following rules, each of which looks only at what those
    before it have left over.

    1. The same name.
    2. The pairs of a dict.
    3. "version": without the version of an accession of Ensembl or RefSeq
       (``ENSG00000141510.15``).
    4. "case": in upper or lower case.
    5. "R": as R's ``make.names`` writes them (``hsa.let.7a.1``).
    6. "symbol|entrez": ``TP53|7157`` is TP53 and, whatever the symbols, another name
       with the number 7157; never one with another number.
    7. "alias": names of one gene in HGNC's table. A current symbol counts before a
       previous one, and that before an alias.

    If a rule has several columns for a feature, or several features for a column, none
    of them is taken, by this rule or a later one: the report has the pairs, a
    warning says so, and the features count as missing. A dict settles it.

    Modalities are matched by name, whatever the case. Values are not looked at:
    :func:`skomics.inspection.cohort_shift` does so.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics import OmicsConcatenator
    >>> from skomics.preprocessing import align_features
    >>> rna = pd.DataFrame({"TP53": [1.0, 3.0], "HLA-A": [2.0, 6.0]}, ["p1", "p2"])
    >>> cnv = pd.DataFrame({"TP53": [0.0, 4.0]}, ["p1", "p2"])
    >>> model = OmicsConcatenator().fit({"rna": rna, "cnv": cnv})
    >>> new = pd.DataFrame({"HLA.A": [5.0], "TP53|7157": [2.0]}, ["p3"])
    >>> X, report = align_features({"rna": new}, model)
    >>> model.transform(X)
        rna__TP53  rna__HLA-A  cnv__TP53
    p3        2.0         5.0        NaN
    >>> report.absent
    ['cnv']
    """
    _check_options(extra, missing, min_overlap)
    rules = read_rules(rename)
    wanted, is_named = _reference_features(reference)
    given, rows = _read_new(X_new, wanted, is_named)
    matches = {
        name: match_names(given[name].features, features, rules)
        for name, features in wanted.items()
        if name in given
    }
    report = _report(given, wanted, matches)
    _raise_for(report, given, wanted, extra, missing, min_overlap)
    _warn_of_ambiguous(report)
    blocks = {
        name: _take(given.get(name), matches.get(name), features, rows)
        for name, features in wanted.items()
    }
    return _pack(X_new, blocks, rows, is_named), report


def _check_options(extra, missing, min_overlap):
    choices = {
        "extra": (extra, ("drop", "error")),
        "missing": (missing, ("nan", "error")),
    }
    for name, (value, known) in choices.items():
        if value not in known:
            raise ValueError(f"{name} is {value!r}; it can be {known[0]!r} or 'error'.")
    is_share = isinstance(min_overlap, Real) and 0 <= min_overlap <= 1
    if not is_share:
        raise ValueError(
            f"min_overlap is {min_overlap!r}. It is a share between 0 and 1: 0.5."
        )


# What the features are to be


def _reference_features(reference):
    """Return the features of each modality, and whether modalities have names."""
    if hasattr(reference, "fit") or isinstance(reference, Pipeline):
        wanted, is_named = _fitted_features(reference)
    else:
        _check_has_names(reference, "reference")
        read = read_blocks(to_pandas(reference))
        wanted = {name: block.features for name, block in read.blocks.items()}
        is_named = read.layout.is_named
    nameless = [name for name, features in wanted.items() if features is None]
    if nameless:
        raise ValueError(
            f"The reference has no names of features in {quote_values(nameless)}, so "
            "nothing can be matched by name. Fit it to DataFrames."
        )
    return wanted, is_named


def _fitted_features(estimator):
    if isinstance(estimator, OmicsConcatenator) and hasattr(estimator, "omics_"):
        if not estimator._is_split_by_parameter:
            features = estimator._features_in
            wanted = {name: features[name] for name in estimator.omics_}
            return wanted, estimator._layout.is_named
    elif isinstance(estimator, Pipeline):
        steps = [s for _, s in estimator.steps if s not in (None, "passthrough")]
        return _fitted_features(steps[0])
    if hasattr(estimator, "feature_names_in_"):
        return _flat_features(estimator)
    for name in _INNER:
        inner = getattr(estimator, name, None)
        if hasattr(inner, "fit"):
            return _fitted_features(inner)
    raise ValueError(
        f"The reference, a {type(estimator).__name__}, knows no names of features: it "
        "is not fitted, or was fitted to arrays. Give a model that was fitted to "
        "DataFrames, or the table that it was fitted to."
    )


def _flat_features(estimator):
    """Return the features of an estimator that was given one table."""
    names = pd.Index(np.asarray(estimator.feature_names_in_, dtype=object))
    is_split = getattr(estimator, "_is_split_by_parameter", False)
    if is_split or getattr(estimator, "omics", None) is not None:
        return {UNNAMED: names}, False  # modalities are told by a parameter
    layout = read_layout(names)
    if not layout.is_named:
        return {UNNAMED: names}, False
    return {
        name: pd.Index([n.removeprefix(f"{name}{SEPARATOR}") for n in names[columns]])
        for name, columns in layout.items()
    }, True


# What is given


def _check_has_names(X, name):
    if is_matrix(X):
        raise ValueError(
            f"{name} is a {type(X).__name__}, which has no names of features. Features "
            "are matched by name, never by position; give DataFrames."
        )


def _read_new(X, wanted, is_named):
    """Return the blocks under the names that the reference has for them, and rows."""
    _check_has_names(X, "X_new")
    X = to_pandas(X)
    if not is_named:
        return _read_whole(X)
    read = read_blocks(X)
    if not read.layout.is_named and len(wanted) > 1:
        raise ValueError(
            f"X_new has {read.layout.n_features} columns that name no modalities, but "
            f"the reference has {quote_values(wanted, 9)}. Give one table for each, as "
            f"in {{{next(iter(wanted))!r}: table}}, or columns "
            f"'omics{SEPARATOR}feature'."
        )
    if not read.layout.is_named:
        return _checked({next(iter(wanted)): read.blocks[UNNAMED]})
    names = _match_modalities(list(read.blocks), list(wanted))
    return _checked({names[n]: b for n, b in read.blocks.items()})


def _read_whole(X):
    """Read one table without modalities, whatever its names look like."""
    if isinstance(X, pd.DataFrame) and X.columns.nlevels == 1:
        names = as_names(X.columns)
        data = X.set_axis(names, axis=1)
        return _checked({UNNAMED: Block(data, names, X.index)})
    read = read_blocks(X)
    if len(read.blocks) > 1:
        raise ValueError(
            f"X_new has the modalities {quote_values(read.blocks, 9)}, but the "
            "reference has one table that names none. Give one flat DataFrame."
        )
    return _checked({UNNAMED: next(iter(read.blocks.values()))})


def _checked(blocks):
    """Return blocks all of which have names of features, and the rows' names."""
    for name, block in blocks.items():
        if block.features is None:
            raise ValueError(
                f"Block '{name}' of X_new has no names of features. Features are "
                "matched by name, never by position; give a DataFrame."
            )
        check_unique_features(name, block.features)
    first = next(iter(blocks.values()))
    rows = first.rows
    return blocks, pd.RangeIndex(first.data.shape[0]) if rows is None else rows


def _match_modalities(given, wanted):
    """Return the reference's name of each modality, or its own if it has none."""
    folded = {}
    for name in wanted:
        folded.setdefault(name.casefold(), []).append(name)
    names = {}
    for name in given:
        like = folded.get(name.casefold(), [])
        is_same = len(like) == 1 and like[0] not in given
        names[name] = like[0] if is_same else name
    if len(set(names.values())) < len(names):  # 'rna' and 'RNA' for 'Rna'
        names = {name: name for name in given}
    if not set(names.values()) & set(wanted):
        raise ValueError(
            f"X_new has the modalities {quote_values(given, 9)}, none of which is in "
            f"the reference, which has {quote_values(wanted, 9)}. Give the tables the "
            "names that the reference has for them."
        )
    return names


# What was found


def _report(given, wanted, matches):
    logs = {}
    for name in dict.fromkeys([*wanted, *given]):
        columns = given[name].features if name in given else ()
        logs[name] = _log(columns, wanted.get(name, ()), matches.get(name))
    pair = ["given", "reference", "rule"]
    return FeatureReport(
        counts=pd.DataFrame(
            {name: log["counts"] for name, log in logs.items()}, _COUNTS
        ).T,
        renamed=_collect(logs, "renamed", pair),
        missing=_collect(logs, "missing", ["feature"]),
        dropped=_collect(logs, "dropped", ["feature", "reason"]),
        ambiguous=_collect(logs, "ambiguous", pair),
        absent=[name for name in wanted if name not in given],
    )


def _log(columns, features, match):
    """Return what happens to the columns and to the features of one modality."""
    log = {"renamed": [], "ambiguous": [], "dropped": list(_dropped(columns, match))}
    missing = features
    if match is not None:
        log |= {"renamed": match.renamed, "ambiguous": match.ambiguous}
        missing = features[match.positions < 0]
    log["missing"] = [(feature,) for feature in missing]
    counts = {what: len(rows) for what, rows in log.items()}
    n_found = len(features) - len(missing)
    counts |= {"reference": len(features), "given": len(columns), "found": n_found}
    return log | {"counts": counts}


def _collect(logs, what, columns):
    rows = [(name, *row) for name, log in logs.items() for row in log[what]]
    return pd.DataFrame(rows, columns=["modality", *columns])


def _dropped(columns, match):
    """Yield columns that are left out, and why."""
    if match is None:
        yield from ((column, _NO_MODALITY) for column in columns)
        return
    is_taken = np.zeros(len(columns), dtype=bool)
    is_taken[match.positions[match.positions >= 0]] = True
    unsure = {given for given, _, _ in match.ambiguous}
    for column in columns[~is_taken]:
        yield column, _UNSURE if column in unsure else _EXTRA


def _raise_for(report, given, wanted, extra, missing, min_overlap):
    for name in filter(given.__contains__, wanted):
        names = given[name].features, wanted[name]
        _check_overlap(name, report, *names, min_overlap)
    if missing == "error":
        cure = "Give them, or pass missing='nan' if an imputer follows."
        _raise_for_any(report, report.missing, "lacks", cure)
    if extra == "error":
        cure = "Leave them out, or pass extra='drop'."
        _raise_for_any(report, report.dropped, "has in excess", cure)


def _raise_for_any(report, rows, what, cure):
    if rows.empty:
        return
    numbers = rows["modality"].value_counts(sort=False)
    each = ", ".join(f"{n} of {name!r}" for name, n in numbers.items())
    raise ValueError(
        f"X_new {what} {len(rows)} features ({each}) compared with the reference, "
        f"e.g. {quote_values(rows['feature'])}.{_unsure(report)} {cure}"
    )


def _unsure(report):
    if report.ambiguous.empty:
        return ""
    pairs = report.ambiguous[["given", "reference"]].to_numpy()
    examples = _join([f"{given!r} may be {feature!r}" for given, feature in pairs])
    return f" {len(pairs)} pairs of names are ambiguous: {examples}."


def _check_overlap(name, report, given, wanted, min_overlap):
    found = report.counts.loc[name, "found"]
    if found >= min_overlap * len(wanted):
        return
    raise ValueError(
        f"Modality {name!r} of X_new has {found} of the {len(wanted)} features of the "
        f"reference ({found / len(wanted):.0%}), but min_overlap={min_overlap!r} asks "
        f"for {min_overlap:.0%}. It has names such as {quote_values(given)}, the "
        f"reference such as {quote_values(wanted)}.{_unsure(report)} If these are "
        "other names of the same features, pass rename= a dict or HGNC's table; if the "
        "table is transposed, pass its .T; if it cannot be used, leave the modality "
        "out; or lower min_overlap."
    )


def _warn_of_ambiguous(report):
    if not report.ambiguous.empty:
        warn(
            f"Names of features cannot be told apart, and count as missing."
            f"{_unsure(report)} Pass rename= a dict that says which is which, or drop "
            "one of the columns."
        )


# What is returned


def _take(block, match, features, rows):
    """Return one modality with the features of the reference."""
    if block is None:
        empty = pd.DataFrame(np.nan, rows, features, dtype=np.float32)
        return Block(empty, features, rows)
    return take_or_nan(block, match.positions, features)


def _pack(X, blocks, rows, is_named):
    """Return blocks in the form in which the samples were given."""
    X = to_pandas(X)
    is_frame = isinstance(X, pd.DataFrame)
    if not is_named:
        return next(iter(blocks.values())).data
    if is_frame and X.columns.nlevels == 1:
        frames = [b.data.add_prefix(f"{n}{SEPARATOR}") for n, b in blocks.items()]
        return mark_as_named(pd.concat(frames, axis=1))
    tables = {name: block.data for name, block in blocks.items()}
    if is_frame:
        return pd.concat(tables, axis=1, names=["omics", "feature"])
    if is_anndata(X):
        matrices = {name: _as_matrix(block) for name, block in blocks.items()}
        return pack_blocks(matrices, rows)
    return {name: as_table(block, rows) for name, block in blocks.items()}


def _as_matrix(block):
    is_frame = isinstance(block.data, pd.DataFrame)
    return Block(block.data.to_numpy() if is_frame else block.data, block.features)


def _count_with_examples(names):
    return f"{len(names)} ({quote_values(names, _N_EXAMPLES)})"


def _join(examples):
    shown = ", ".join(examples[:_N_EXAMPLES])
    return f"{shown}, …" if len(examples) > _N_EXAMPLES else shown
