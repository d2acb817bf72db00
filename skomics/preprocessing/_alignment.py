"""Match the rows of several tables by sample label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from skomics._rows import (
    compare_rows,
    describe_near_ids,
    describe_unmatched,
    is_counter,
    is_rest_of_counter,
    join_rows,
    looks_like_rows,
    place_rows,
    quote_values,
)
from skomics._tcga import (
    is_barcode,
    is_tumor,
    name_tissue,
    parse_barcode,
    rank_sample_type,
)
from skomics._warnings import warn
from skomics.exceptions import SampleAlignmentError, SampleDroppedWarning

__all__ = ["AlignmentReport", "align_samples"]

_N_EXAMPLES = 3


@dataclass(frozen=True, repr=False, eq=False)
class AlignmentReport:
    """What `align_samples` kept, what it left out, and why.

    Printing the report shows a summary.

    Attributes
    ----------
    join : {"inner", "outer"}
        How the tables were joined.

    n_kept : int
        Number of samples in the result.

    n_given : dict of int
        Rows of each table, and of `y` under the name "y".

    dropped : DataFrame of shape (n_dropped, 3)
        One row per row left out: `sample` (its label as given), `table` ("y" for a
        label) and `reason`.

    duplicates : DataFrame of shape (n_duplicates, 4)
        How several rows of one id were resolved: `id`, `table`, `kept` and `dropped`
        (labels as given).

    lacking : dict of list
        For each table, the ids whose block is all NaN (only with ``join="outer"``).

    mixed_types : list of str
        Kept patients whose tables come from different TCGA sample types, say
        expression of the primary tumor and protein of a metastasis.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.preprocessing import align_samples
    >>> rna = pd.DataFrame({"TP53": [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    >>> mirna = pd.DataFrame({"mir21": [4.0, 5.0]}, index=["c", "b"])
    >>> X, y, report = align_samples({"rna": rna, "mirna": mirna})
    >>> report
    AlignmentReport: 2 samples kept (join='inner')
      rna    3 rows, 1 dropped
             not in 'mirna': 1 ('a')
      mirna  2 rows, 0 dropped
    """

    join: str
    n_kept: int
    n_given: dict
    dropped: pd.DataFrame
    duplicates: pd.DataFrame
    lacking: dict = field(default_factory=dict)
    mixed_types: list = field(default_factory=list)

    def __repr__(self):
        lines = [
            f"AlignmentReport: {self.n_kept} samples kept (join={self.join!r})",
            *(line for table in self.n_given for line in self._describe(table)),
        ]
        if self.mixed_types:
            lines.append(
                "  tables of one patient from different sample types: "
                + _count_with_examples(self.mixed_types)
            )
        return "\n".join(lines)

    def _describe(self, table):
        width = max(map(len, self.n_given)) + 2
        dropped = self.dropped[self.dropped["table"] == table]
        rows = [f"{self.n_given[table]} rows, {len(dropped)} dropped"]
        for reason, group in dropped.groupby("reason", sort=False):
            rows.append(f"{reason}: {_count_with_examples(group['sample'])}")
        if self.lacking.get(table):
            lacking = _count_with_examples(self.lacking[table])
            rows.append(f"all NaN for samples it lacks: {lacking}")
        heads = [table, *[""] * (len(rows) - 1)]
        return [
            f"  {head:<{width}}{row}" for head, row in zip(heads, rows, strict=True)
        ]


def align_samples(
    tables: Mapping[str, pd.DataFrame],
    y: pd.Series | pd.DataFrame | Mapping[Any, Any] | None = None,
    *,
    join: Literal["inner", "outer"] = "inner",
    id_level: Literal["patient", "sample"] | Callable[[Any], Any] | None = None,
) -> tuple[pd.DataFrame, pd.Series | None, AlignmentReport]:
    """Put several tables of the same samples side by side, matched by label.

    Parameters
    ----------
    tables : dict of DataFrame of shape (n_samples_i, n_features_i)
        Omics name → table with one sample per row, row labels being sample ids. The
        tables may differ in samples and in their order.

    y : Series, DataFrame of one column, or dict of length n_labels, default=None
        Label of each sample, by sample id. Samples without a label, or with a
        missing one, are dropped. An id may be repeated with the same label only.

    join : {"inner", "outer"}, default="inner"
        "inner" keeps samples that every table has, in the order of the first table.
        "outer" keeps samples that any table has, in the order first seen; the block
        of a modality a sample lacks is NaN throughout.

    id_level : {"patient", "sample"}, callable or None, default=None
        How ids are reduced before they are matched. ``None`` matches them as they
        are. "patient" and "sample" read TCGA barcodes, with dashes, dots or
        underscores, in either case, and reduce them to ``TCGA-A1-A0SB`` or
        ``TCGA-A1-A0SB-01``; see Notes for the rows this drops. A callable takes an
        id as str and returns the reduced id as str.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        Column levels (omics, feature), one row per id.

    y : Series of shape (n_samples,) or None
        The labels with the index of `X`; None if none were given.

    report : AlignmentReport
        What was dropped and why, duplicates resolved, omics lacking.

    Raises
    ------
    SampleAlignmentError
        If a table, or `y`, has no ids but counts its rows, ids are repeated and no rule
        resolves it, no sample is common, or a table looks transposed.

    ValueError
        If `tables` is empty, a table has two column levels, an id is missing, is no
        TCGA barcode where one is asked for, or an option is unknown.

    TypeError
        If `tables` is not a dict, a table is not a DataFrame, a table's name is not
        a string, or `y` has no sample ids.

    Warns
    -----
    SampleDroppedWarning
        If a table loses more than half of its ids; smaller losses are in the report
        only. If ids do not match that differ in Unicode normalization, white space,
        case or the like only.

    UserWarning
        If ids look like row numbers that a selection has left.

    Notes
    -----
    With ``id_level="patient"``, only tumor samples are kept: sample types 01–09 and
    40. Normal tissue (10–19), controls (20–29) and cell lines or xenografts are
    dropped. Of several samples of a patient one is kept: a primary tumor (01, 03,
    05, 09, in this order) before others (lowest code), then the first in
    lexicographic order of vial, portion, plate and center. A barcode without sample
    type counts as a tumor and comes last. With ``id_level="sample"`` all types are
    kept, and aliquots of one sample are resolved by the lexicographic rule. Each
    table, and `y`, is resolved on its own; the report lists patients whose tables
    then differ in sample type.

    Examples
    --------
    >>> import pandas as pd
    >>> from skomics.preprocessing import align_samples
    >>> rna = pd.DataFrame(
    ...     {"TP53": [1.0, 2.0, 3.0]},
    ...     index=["TCGA-A1-A0SB-01A", "TCGA-A1-A0SB-11A", "TCGA-A1-A0SC-01A"],
    ... )
    >>> mirna = pd.DataFrame({"mir21": [4, 5]}, index=["tcga.a1.a0sc", "tcga.a1.a0sb"])
    >>> labels = {"TCGA-A1-A0SB": "LumA", "TCGA-A1-A0SC": "Basal"}
    >>> X, y, report = align_samples(
    ...     {"rna": rna, "mirna": mirna}, labels, id_level="patient"
    ... )
    >>> X
    omics         rna mirna
    feature      TP53 mir21
    sample
    TCGA-A1-A0SB  1.0     5
    TCGA-A1-A0SC  3.0     4
    >>> report.dropped["reason"].to_list()
    ['sample type 11 (normal) is no tumor']
    """
    _check_options(join, id_level)
    _check_tables(tables)
    labels = None if y is None else _check_labels(y)
    _check_have_ids(tables, labels)
    _check_orientation(tables, labels, id_level)

    log = _Log()
    rows = {name: _reduce(name, t.index, id_level, log) for name, t in tables.items()}
    kept = _join(rows, join, log)
    _warn_of_near_ids({name: table.index for name, table in rows.items()})
    n_given = {name: len(table) for name, table in tables.items()}
    if labels is not None:
        n_given["y"] = len(labels)
        labels, kept = _keep_labeled(labels, kept, rows, id_level, log)
    blocks = {name: _take(table, rows[name], kept) for name, table in tables.items()}
    X = pd.concat(blocks, axis=1, names=["omics", "feature"])
    _warn_if_half_is_lost(log.n_ids, rows, kept)
    return X, labels, log.report(join, kept, rows, n_given)


class _Log:
    """Collects what is left out while the tables are matched."""

    def __init__(self):
        self.dropped, self.duplicates, self.n_ids = [], [], {}

    def drop(self, samples, table, reason):
        self.dropped += [(sample, table, reason) for sample in samples]

    def report(self, join, kept, rows, n_given):
        lacking = {
            t: list(compare_rows(r.index, kept).lacking) for t, r in rows.items()
        }
        return AlignmentReport(
            join=join,
            n_kept=len(kept),
            n_given=n_given,
            dropped=pd.DataFrame(self.dropped, columns=["sample", "table", "reason"]),
            duplicates=pd.DataFrame(
                self.duplicates, columns=["id", "table", "kept", "dropped"]
            ),
            lacking={table: ids for table, ids in lacking.items() if ids},
            mixed_types=_find_mixed_types(kept, rows),
        )


# Ids: from the row labels of one table to one row per id


def _reduce(name, index, id_level, log):
    """Choose one row per reduced id.

    Returns a DataFrame with one row per id, in the order of `index`, and the columns
    position, label (as given), type and rest (of a TCGA barcode).
    """
    if index.hasnans:
        raise ValueError(
            f"Table {name!r} has {index.isna().sum()} missing row labels. Name every "
            "sample, or drop these rows."
        )
    rows = _read_ids(name, index, id_level)
    log.n_ids[name] = rows["id"].nunique()
    if id_level == "patient":
        rows = _drop_other_tissue(name, rows, log)
    if id_level in ("patient", "sample"):
        rows = _resolve_duplicates(name, rows, id_level, log)
    _check_unique(name, rows, id_level)
    return rows.set_index("id")


def _read_ids(name, index, id_level):
    labels = list(index)
    rows = pd.DataFrame({"position": np.arange(len(labels))})
    rows["label"] = pd.Series(labels, dtype=object)
    if id_level is None:
        return rows.assign(id=rows["label"], type="", rest="")
    if callable(id_level):
        ids = [_call(id_level, label) for label in labels]
        return rows.assign(id=pd.Series(ids, dtype=object), type="", rest="")
    barcodes = [parse_barcode(label) for label in labels]
    _check_barcodes(name, labels, barcodes, id_level)
    parts = [(_reduced(b, id_level), b.sample_type, b.rest) for b in barcodes]
    return rows.join(pd.DataFrame(parts, columns=["id", "type", "rest"], dtype=object))


def _call(id_level, label):
    reduced = id_level(str(label))
    if not isinstance(reduced, str):
        raise TypeError(
            f"id_level turned {label!r} into {reduced!r}, a {type(reduced).__name__}. "
            "Return a str for every id."
        )
    return reduced


def _reduced(barcode, id_level):
    is_patient = id_level == "patient"
    return barcode.patient if is_patient else "-".join(barcode[:2])


def _drop_other_tissue(name, rows, log):
    tumor = rows["type"].map(is_tumor).astype(bool)
    for code, group in rows[~tumor].groupby("type"):
        reason = f"sample type {code} ({name_tissue(code)}) is no tumor"
        log.drop(group["label"], name, reason)
    return rows[tumor]


def _resolve_duplicates(name, rows, id_level, log):
    """Keep the first row of each id by the rule in the Notes of align_samples."""
    # Equal barcodes are left in, for _check_unique to refuse.
    rank = rows["type"].map(rank_sample_type)
    order = rows.assign(rank=rank).sort_values(["id", "rank", "rest", "position"])
    best = order.groupby("id")[["type", "rest", "label"]].transform("first")
    worse = (order["type"] != best["type"]) | (order["rest"] != best["rest"])
    what = {"patient": "sample of the patient", "sample": "aliquot of the sample"}
    log.drop(order.loc[worse, "label"], name, f"another {what[id_level]} is kept")
    log.duplicates += [
        (row.id, name, kept, row.label)
        for row, kept in zip(
            order[worse].itertuples(), best.loc[worse, "label"], strict=True
        )
    ]
    return rows[~worse.reindex(rows.index)]


# Rows: which ids stay


def _join(rows, join, log):
    """Return the ids that stay, as an Index named sample."""
    kept = join_rows([table.index for table in rows.values()], join)
    if join == "inner":
        _log_absent(rows, kept, log)
    if kept.empty:
        _raise_nothing_in_common(rows)
    return kept.rename("sample").infer_objects()


def _log_absent(rows, kept, log):
    for name, table in rows.items():
        lost = table[~table.index.isin(kept)]
        absent_from = pd.Series("", index=lost.index)
        for other, other_table in rows.items():
            absent = ~lost.index.isin(other_table.index)
            absent_from[absent] += f", {other!r}"
        for others, group in lost.groupby(absent_from, sort=False):
            log.drop(group["label"], name, f"not in {others[2:]}")


def _keep_labeled(labels, kept, rows, id_level, log):
    """Return the labels of the kept ids that have one, and these ids."""
    log.drop(labels.index[labels.isna()], "y", "label is missing")
    labels = labels.dropna()
    pairs = pd.DataFrame({"id": labels.index, "label": labels.to_numpy()})
    again = pairs.duplicated().to_numpy()
    log.drop(labels.index[again], "y", "same id and label again")
    labels = labels[~again]
    label_rows = _reduce("y", labels.index, id_level, log)
    labeled = kept[kept.isin(label_rows.index)]
    if labeled.empty:
        raise SampleAlignmentError(
            f"None of the {len(kept)} samples has a label: the tables have "
            f"{_quote(kept)}, y has {_quote(label_rows.index)}. Index y by sample id, "
            "or reduce both with id_level." + describe_near_ids(label_rows.index, kept)
        )
    for name, table in rows.items():
        stays = table.index.isin(kept) & ~table.index.isin(labeled)
        log.drop(table.loc[stays, "label"], name, "no label")
    unused = ~label_rows.index.isin(labeled)
    _warn_of_near_ids({"y": label_rows.index[unused], "X": kept})
    log.drop(label_rows.loc[unused, "label"], "y", "sample is not in the joined tables")
    return _take(labels, label_rows, labeled), labeled


def _take(values, rows, kept):
    """Rows of a table (or labels) in the order of `kept`; NaN where it lacks one."""
    places = place_rows(rows.index, kept)
    if (places >= 0).all():
        taken = values.iloc[rows["position"].to_numpy(dtype=np.intp)[places]]
        return taken.set_axis(kept, axis=0)
    # A bool column with gaps would become one of Python objects.
    logical = values.select_dtypes(bool).columns
    values = values.astype(dict.fromkeys(logical, float)) if len(logical) else values
    taken = values.iloc[rows["position"].to_numpy(dtype=np.intp)]
    return taken.set_axis(rows.index, axis=0).reindex(kept)


def _find_mixed_types(kept, rows):
    types = pd.concat([table["type"] for table in rows.values()])
    types = types[(types != "") & types.index.isin(kept)]
    mixed = types.groupby(level=0).nunique() > 1
    return list(kept[kept.isin(mixed.index[mixed])])


def _warn_of_near_ids(ids):
    unmatched = describe_unmatched(ids)
    if unmatched:
        warn(f"Samples of {unmatched}", SampleDroppedWarning)


def _warn_if_half_is_lost(n_ids, rows, kept):
    lost = {name: n_ids[name] - kept.isin(rows[name].index).sum() for name in rows}
    tables = [
        f"{name!r} loses {lost[name]} of {n_ids[name]}"
        for name in rows
        if 2 * lost[name] > n_ids[name]
    ]
    if tables:
        warn(
            f"More than half of the samples are dropped: {', '.join(tables)}. Print "
            "the report for the reasons; join='outer' keeps samples that lack "
            "a modality.",
            SampleDroppedWarning,
        )


# Checks


def _check_options(join, id_level):
    if join not in ("inner", "outer"):
        raise ValueError(f"join is {join!r}; it can be 'inner' or 'outer'.")
    levels = (None, "patient", "sample")
    if not callable(id_level) and id_level not in levels:
        raise ValueError(
            f"id_level is {id_level!r}; it can be None, 'patient', 'sample' or a "
            "function from id to id."
        )


def _check_tables(tables):
    if not isinstance(tables, dict):
        raise TypeError(
            f"tables is a {type(tables).__name__}, not a dict. Give each table a name: "
            "{'rna': rna, 'methylation': methylation}."
        )
    if not tables:
        raise ValueError("tables is empty. Give at least one named table.")
    for name, table in tables.items():
        _check_table(name, table)


def _check_table(name, table):
    if not isinstance(name, str):
        raise TypeError(f"The table name {name!r} is not a string. Name omics by str.")
    if name == "y":
        raise ValueError("A table is named 'y', as the labels are. Rename the table.")
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"Table {name!r} is a {type(table).__name__}, which has no sample ids. "
            "Give a DataFrame of samples × features with the ids as its index."
        )
    if table.columns.nlevels > 1 or table.index.nlevels > 1:
        raise ValueError(
            f"Table {name!r} has {table.index.nlevels} row and {table.columns.nlevels} "
            "column levels, but should have one of each. Pass one table per modality."
        )


def _check_labels(y):
    if isinstance(y, dict):
        y = pd.Series(y, dtype=None if y else object).rename_axis("sample")
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    if isinstance(y, pd.DataFrame):
        raise ValueError(
            f"y has {y.shape[1]} columns, {quote_values(y.columns)}, where labels are "
            "one. Choose it, for instance y['subtype']."
        )
    if not isinstance(y, pd.Series):
        raise TypeError(
            f"y is a {type(y).__name__}, which has no sample ids, so its labels cannot "
            "be matched. Give pd.Series(y, index=sample_ids) or a dict."
        )
    if y.index.nlevels > 1:
        raise ValueError(
            f"y has {y.index.nlevels} index levels. Keep the one with the sample ids."
        )
    return y.rename("label" if y.name is None else y.name)


def _check_have_ids(tables, labels):
    """Refuse what counts its rows in place of ids: row i need not be patient i."""
    given = {f"Table {name!r}": table.index for name, table in tables.items()}
    if labels is not None:
        given["y"] = labels.index
    nameless = [name for name, index in given.items() if _has_no_ids(index)]
    if nameless:
        raise SampleAlignmentError(
            f"{' and '.join(nameless)} has no sample ids: its rows are numbered "
            f"{quote_values(given[nameless[0]])}, and rows are matched by id, never by "
            "position. Make the ids its index, for instance with "
            "table.set_index('patient_id') or pd.read_csv(file, index_col=0); if the "
            "numbers are the ids, name the index, as in table.rename_axis('patient')."
        )
    for name, index in given.items():
        if is_rest_of_counter(index):
            warn(
                f"{name} has the ids {quote_values(index)}, which look like row "
                "numbers that a selection has left, and are matched as ids. If they "
                "are none, set the index to the ids; if they are, name the index, as "
                "in table.rename_axis('patient').",
            )


def _has_no_ids(index):
    return index.name is None and (
        isinstance(index, pd.RangeIndex) or is_counter(index)
    )


def _check_barcodes(name, labels, barcodes, id_level):
    bad = [i for i, b in zip(labels, barcodes, strict=True) if b is None]
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(labels)} ids of {name!r} are not TCGA barcodes such "
            f"as TCGA-A1-A0SB-01A: {_quote(bad)}. With other ids pass id_level=None, "
            "or a function that reduces an id; transpose the table if these are "
            "features."
        )
    untyped = [i for i, b in zip(labels, barcodes, strict=True) if not b.sample_type]
    if untyped and id_level == "sample":
        raise ValueError(
            f"{len(untyped)} of {len(labels)} ids of {name!r} name a patient but no "
            f"sample type: {_quote(untyped)}. Use id_level='patient'."
        )


def _check_unique(name, rows, id_level):
    repeated = rows["id"].duplicated(keep=False)
    if not repeated.any():
        return
    ids = rows.loc[repeated, "id"].unique()
    cure = "Drop or average the repeated rows"
    if id_level is None:
        cure += ", or pass id_level='patient' for TCGA barcodes of several samples"
    raise SampleAlignmentError(
        f"{repeated.sum()} rows of {name!r} share {len(ids)} ids{_by(id_level)}: "
        f"{_quote(ids)}. No rule says which to keep. {cure}."
    )


def _by(id_level):
    if callable(id_level):
        return " after id_level was applied"
    return "" if id_level is None else f" and barcodes (id_level={id_level!r})"


def _check_orientation(tables, labels, id_level):
    """Raise if the columns of one table are the row labels of the others."""
    ids = {name: _plain_ids(table.index, id_level) for name, table in tables.items()}
    if labels is not None:
        ids["y"] = _plain_ids(labels.index, id_level)
    score = {}
    for name, table in tables.items():
        others = {other: i for other, i in ids.items() if other != name}
        if all(ids[name].isdisjoint(i) for i in others.values()):
            columns = _plain_ids(table.columns, id_level)
            score[name] = sum(looks_like_rows(columns, i) for i in others.values())
            score[name] += id_level in ("patient", "sample") and (
                _share_of_barcodes(columns) > 0.5 > _share_of_barcodes(ids[name])
            )
    worst = max(score.values(), default=0)
    suspects = [name for name in score if score[name] == worst]
    if worst:
        raise SampleAlignmentError(
            f"Table {' or '.join(map(repr, suspects))} of shape "
            f"{tables[suspects[0]].shape} looks transposed: its columns are named like "
            f"samples ({_quote(tables[suspects[0]].columns)}), its rows are not "
            f"({_quote(tables[suspects[0]].index)}). Tables are samples × features; "
            f"pass its transpose, {suspects[0]}.T."
        )


def _plain_ids(index, id_level):
    """Reduce what can be reduced, without complaint."""
    if id_level not in ("patient", "sample"):
        return set(index)
    barcodes = ((label, parse_barcode(label)) for label in index)
    return {barcode.patient if barcode else label for label, barcode in barcodes}


def _share_of_barcodes(ids):
    return np.mean([is_barcode(i) for i in ids]) if ids else 0.0


def _raise_nothing_in_common(rows):
    """Name the first two tables without a common sample, or the first and last."""
    names = list(rows)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    disjoint = [p for p in pairs if not rows[p[0]].index.isin(rows[p[1]].index).any()]
    first, second = (disjoint or [(names[0], names[-1])])[0]
    raise SampleAlignmentError(
        f"No sample is in every table: {first!r} has {_quote(rows[first].index)}, "
        f"{second!r} has {_quote(rows[second].index)}. If the ids differ in style, "
        "pass id_level; if a table is features × samples, transpose it with .T; "
        "join='outer' keeps samples that lack a modality."
        + describe_near_ids(rows[first].index, rows[second].index)
    )


def _quote(ids):
    return quote_values(ids, _N_EXAMPLES) or "none"


def _count_with_examples(ids):
    return f"{len(ids)} ({_quote(ids)})"
