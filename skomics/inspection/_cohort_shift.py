"""How another cohort differs from the training samples, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skomics._blocks import Block, read_blocks, take_rows, to_pandas
from skomics._inputs import read_input
from skomics._modality import modality_mask
from skomics._rows import check_same_samples, quote_values
from skomics._validation import check_labels, rarest_class
from skomics.inspection._novelty import novelty_score
from skomics.inspection._two_samples import (
    auc_interval,
    held_out_auc,
    standardize_together,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike, RandomState

__all__ = ["CohortShift", "cohort_shift"]

_N_FOLDS = 5
# Values of a modality have another unit, or scale, if quantiles are so many times as
# far from one another, or its median feature lies so many standard deviations away.
_RATIO, _AWAY = 1.25, 0.5
# From this AUC on the cohorts hardly overlap.
_CLEAR = 0.9
# Share of samples below this p-value that is told of.
_UNUSUAL = 0.05
_TABLE = """
    n_train n_new auc low high p_value is_shifted slope intercept n_features n_missing
""".split()


@dataclass(frozen=True, repr=False, eq=False)
class CohortShift:
    """What :func:`cohort_shift` has found. Printing it says what to do.

    Attributes
    ----------
    is_shifted : bool
        Whether the values of any modality are told apart from those of training.

    table : DataFrame of shape (n_modalities, 11)
        One row for each modality of the training samples: `n_train` and `n_new` samples
        that have it; `auc`, how well held-out samples of the two cohorts are told
        apart, with its interval `low` to `high`; `p_value`, corrected for the number of
        modalities by Holm's method; `is_shifted`; `slope` and `intercept` of the line
        through the quantiles of new values against those of training, 1 and 0 for the
        same units; `n_features` of training, and how many of these are missing,
        `n_missing`.

    features : DataFrame of shape (n_features, 4)
        What drives the differences, largest first: `modality`, `feature`, `value` (the
        difference of the means, in standard deviations of training) and `spread` (the
        standard deviation, divided by that of training).

    missing : DataFrame of shape (n_missing, 2)
        Features of the training samples that the new ones do not have, or for nobody:
        `modality` and `feature`.

    novelty : DataFrame or None
        As of :func:`novelty_score`, for each new sample.

    confidence : dict of float or None
        Mean probability of the class that is called: `new`, `train` (out of fold) and
        their `difference` with its interval, `low` to `high`; NaN without `y_train`.

    level : float
        Level of confidence of the intervals.

    alpha : float
        Level of the test.

    notes : list of str
        What could not be computed, and why.
    """

    is_shifted: bool
    table: pd.DataFrame
    features: pd.DataFrame
    missing: pd.DataFrame
    novelty: pd.DataFrame | None
    confidence: dict | None
    level: float
    alpha: float
    notes: list = field(default_factory=list)

    def __repr__(self):
        return self.summary()

    def summary(self) -> str:
        """Say in words what was found, and what to do.

        Returns
        -------
        text : str
            A line for each finding; what to do begins with an arrow.
        """
        verdict = "shifted" if self.is_shifted else "no shift of values found"
        lines = [f"CohortShift: {verdict}"]
        for name, row in self.table.iterrows():
            lines += self._describe_modality(name, row)
        lines += self._describe_samples()
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  → {advice}" for advice in self._advice()]
        return "\n".join(lines)

    def _describe_modality(self, name, row):
        if row["n_new"] == 0:
            yield f"  {name}: absent"
            return
        if not np.isfinite(row["auc"]):
            yield f"  {name}: not compared, no feature is in both cohorts"
            return
        found = "shifted" if row["is_shifted"] else "no shift found"
        yield (
            f"  {name}: {found} (AUC {row['auc']:.2f}, {row['low']:.2f} to "
            f"{row['high']:.2f}, p = {row['p_value']:.2g}, {row['n_new']:.0f} samples)"
        )
        if row["is_shifted"]:
            top = self.features[self.features["modality"] == name]
            yield f"    most in {quote_values(top['feature'])}"
        if self._has_other_unit(name):
            yield (
                f"    values are about {row['slope']:.3g} × those of training "
                f"{'+' if row['intercept'] >= 0 else '-'} {abs(row['intercept']):.3g}"
            )
        if row["n_missing"]:
            yield f"    {row['n_missing']} of {row['n_features']} features are missing"

    def _describe_samples(self):
        if self.novelty is not None:
            n_unusual = (self.novelty["p_value"] <= _UNUSUAL).sum()
            yield (
                f"  {n_unusual} of {len(self.novelty)} samples are unlike those of "
                f"training (p ≤ {_UNUSUAL}; {_UNUSUAL:.0%} are expected)"
            )
        if self.confidence is not None:
            text = f"  mean probability of the call: {self.confidence['new']:.2f}"
            if np.isfinite(self.confidence["train"]):
                text += f", in training, out of fold, {self.confidence['train']:.2f}"
            if np.isfinite(self.confidence["low"]):  # not of a single sample
                text += (
                    f" (difference {self.confidence['low']:+.2f} to "
                    f"{self.confidence['high']:+.2f})"
                )
            yield text

    def _has_other_unit(self, name):
        row = self.table.loc[name]
        if not row["is_shifted"]:
            return False
        values = self.features.loc[self.features["modality"] == name, "value"]
        is_scaled = not 1 / _RATIO < row["slope"] < _RATIO
        return is_scaled or abs(values.median()) > _AWAY

    def _advice(self):
        is_there = self.table["n_new"] > 0
        if self.table.loc[is_there, "n_missing"].any():
            yield (
                "Features are missing: look for them under other names with "
                "align_features, and let an imputer fill the rest."
            )
        if not is_there.all():
            yield "Modalities are absent: calls rest on the others."
        if any(map(self._has_other_unit, self.table.index)):
            yield (
                "Values have another unit or scale: bring them to that of training, "
                "or train with a SampleRankTransformer, which does not see units."
            )
        if self.is_shifted:
            yield from self._advice_on_shift()
        elif self.table["high"].max() > 0.5:  # not of samples of training
            yield (
                "That is no proof of equality: these samples agree with an AUC of up "
                f"to {self.table['high'].max():.2f}."
            )

    def _advice_on_shift(self):
        is_clear = (self.table["auc"] >= _CLEAR) & self.table["is_shifted"]
        if is_clear.any():
            yield (
                "The cohorts hardly overlap: do not use calls before that is "
                "understood."
            )
        yield (
            "If both cohorts have a similar mix of classes, train with a CohortScaler "
            "and use adapt_to_cohort; if not, the mix may be all that differs."
        )
        yield "Label some samples: score the model on them, and recalibrate it."


def cohort_shift(
    estimator: BaseEstimator,
    X_new: OmicsLike,
    *,
    X_train: OmicsLike,
    y_train: ArrayLike | None = None,
    n_permutations: int = 999,
    alpha: float = 0.01,
    level: float = 0.95,
    max_samples: int = 500,
    novelty: bool = True,
    random_state: RandomState = None,
) -> CohortShift:
    """Say how the samples of another cohort differ from those of training.

    Needs no labels of the new cohort. For each modality a classifier learns to tell the
    two cohorts apart (a classifier two-sample test); if it does so on samples that it
    has not seen, the cohorts differ.

    Parameters
    ----------
    estimator : fitted classifier or Pipeline
        The model that is to be used.

    X_new : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        Samples of the new cohort, in any form that the estimator takes. Features are
        matched by their exact name; use
        :func:`~skomics.preprocessing.align_features` before.

    X_train : same as X_new
        The samples that the estimator was fitted to.

    y_train : array-like of shape (n_train_samples,), default=None
        Their labels, for the probabilities that the model gives to training samples it
        has not seen, by 5 folds. None leaves that out.

    n_permutations : int, default=999
        Number of permutations of the cohorts that each test is made of; at least as
        many as modalities by `alpha`, less one.

    alpha : float, default=0.01
        Level of the test: share of cohorts without a shift in which one is found in
        any modality.

    level : float, default=0.95
        Level of confidence of the intervals.

    max_samples : int, default=500
        Of each cohort, no more samples than this, drawn at random, enter the tests.

    novelty : bool, default=True
        Whether to compute :func:`novelty_score` for each sample.

    random_state : int, RandomState instance or None, default=None
        Deals folds and permutations.

    Returns
    -------
    shift : CohortShift
        What was found. Printing it says in words what to do.

    Raises
    ------
    ValueError
        If no modality is in both cohorts, a value is infinite, a number is out of
        range, or permutations are too few for any shift to be found.

    SampleAlignmentError
        If `y_train` has the ids of other samples.

    See Also
    --------
    novelty_score : Looks at each sample by itself.
    skomics.preprocessing.CohortScaler : Moves a cohort to where training is.
    skomics.plotting.CohortShiftDisplay : The figure.

    Notes
    -----
    The classifier is a ridge regression on values and their squares, standardized over
    both cohorts, with a fixed penalty. Its AUC on held-out samples is compared with
    that for permuted cohorts, by which false alarms are as rare as `alpha` says for
    cohorts that were split at random [1]_. The interval is that of an AUC of as many
    independent samples [2]_.

    A shift is not an error of the model: cohorts differ in their mix of classes, in age
    and in stage too, and a difference that the model does not look at does no harm.
    Nor does it see a change of what the classes look like.

    References
    ----------
    .. [1] D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR
       2017.

    .. [2] R. G. Newcombe, "Confidence intervals for an effect size measure based on the
       Mann-Whitney statistic", part 2, Statistics in Medicine 25, 2006.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import cohort_shift
    >>> X, y = make_intersim(n_samples=160, effect=0.3, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier()).fit(X[:100], y[:100])
    >>> new = X[100:].copy()
    >>> new["expression"] = new["expression"] * 3 + 7
    >>> shift = cohort_shift(model, new, X_train=X[:100], novelty=False, random_state=0)
    >>> shift.table["is_shifted"].to_dict()
    {'methylation': False, 'expression': True, 'protein': False}
    >>> print(f"{shift.table['slope']['expression']:.1f}")
    3.0
    """
    _check_numbers(n_permutations, max_samples, alpha=alpha, level=level)
    check_is_fitted(estimator)
    random = check_random_state(random_state)
    train, new = _read(X_train, "X_train"), _read(X_new, "X_new")
    n_tested = _count_common(train, new)
    _check_permutations(n_permutations, n_tested, alpha)
    rows, repeated, found, missing = {}, {}, [], []
    for name, block in train.items():
        one = _compare(block, new.get(name), n_permutations, level, max_samples, random)
        rows[name] = one["row"]
        found.append(one["features"].assign(modality=name))
        repeated[name] = one["n_repeated"]
        missing += [(name, feature) for feature in one["missing"]]
    table = _tabulate(rows, alpha)
    notes = list(_note_repeated(rows, repeated))
    return CohortShift(
        is_shifted=bool(table["is_shifted"].any()),
        table=table,
        features=_sort(pd.concat(found, ignore_index=True)),
        missing=pd.DataFrame(missing, columns=["modality", "feature"]),
        novelty=_novelty(estimator, X_new, X_train, random, notes) if novelty else None,
        confidence=_confidence(
            estimator, X_new, X_train, y_train, level, random, notes
        ),
        level=level,
        alpha=alpha,
        notes=notes,
    )


def _note_repeated(rows, repeated):
    name = max(repeated, key=repeated.get)
    if repeated[name]:
        yield (
            f"In {name!r}, {repeated[name]} of {rows[name]['n_new']} samples of X_new "
            "have the very values of samples of X_train: they are no other cohort, and "
            "hide a shift of the others. Leave them out."
        )


def _check_numbers(n_permutations, max_samples, **shares):
    for name, value, least in (
        ("n_permutations", n_permutations, 1),
        ("max_samples", max_samples, 2),
    ):
        if not isinstance(value, Integral) or value < least:
            raise ValueError(
                f"{name} is {value!r}. Give a whole number of at least {least}."
            )
    for name, value in shares.items():
        if not (isinstance(value, Real) and 0 < value < 1):
            raise ValueError(f"{name} is {value!r}. Give a number between 0 and 1.")


def _read(X, what):
    """Return the numbers of each modality as a Block with names."""
    blocks = {
        name: _as_numbers(block)
        for name, block in read_blocks(to_pandas(X)).blocks.items()
    }
    for name, block in blocks.items():
        values = block.data.data if sparse.issparse(block.data) else block.data
        if np.isinf(values).any():
            raise ValueError(
                f"Modality {name!r} of {what} has {np.isinf(values).sum()} values that "
                "are infinite, but finite numbers or NaN are wanted. Infinity is often "
                "the log of 0; take log(x + 1)."
            )
    return blocks


def _as_numbers(block):
    data, features = block.data, block.features
    if isinstance(data, pd.DataFrame):
        data = data.select_dtypes(["number", "bool"])
        features = data.columns
        data = data.to_numpy(dtype=np.float64, na_value=np.nan)
    if features is None:
        features = pd.RangeIndex(data.shape[1])  # by position
    return Block(data, features)


def _check_permutations(n_permutations, n_tested, alpha):
    """Refuse permutations so few that no shift could be found."""
    least = int(np.ceil(n_tested / alpha)) - 1
    if n_permutations < least:
        raise ValueError(
            f"n_permutations is {n_permutations}, but with {n_tested} modalities no "
            f"shift can be found at alpha={alpha} by fewer than {least}. Give more, or "
            "a larger alpha."
        )


def _count_common(train, new):
    common = train.keys() & new.keys()
    if not common:
        raise ValueError(
            f"X_new has the modalities {quote_values(new, 9)}, and X_train has "
            f"{quote_values(train, 9)}: none is in both. Give both in the same form."
        )
    return len(common)


def _compare(train, new, n_permutations, level, max_samples, random):
    """Return what one modality is like in the new cohort."""
    is_absent = new is None or not modality_mask(new.data).any()
    common = [] if is_absent else _measured(train, new)
    missing = train.features.difference(common, sort=False)
    row = dict.fromkeys(_TABLE, np.nan) | {
        "n_train": int(modality_mask(train.data).sum()),
        "n_new": 0 if is_absent else int(modality_mask(new.data).sum()),
        "n_features": len(train.features),
        "n_missing": len(missing),
    }
    tables = [_values(b, common, max_samples, random) for b in (train, new)]
    if len(common) and min(map(len, tables)):
        row |= _test(*tables, n_permutations, level, random) | _compare_units(*tables)
    return {
        "row": row,
        "n_repeated": _count_repeated(*tables) if len(common) else 0,
        "missing": list(missing),
        "features": _compare_features(common, *tables),
    }


def _measured(train, new):
    """Return the features that both cohorts have values of."""
    kept = [
        block.features
        if sparse.issparse(block.data)
        else block.features[~np.isnan(block.data).all(axis=0)]
        for block in (train, new)
    ]
    return kept[0][kept[0].isin(kept[1])]


def _values(block, features, max_samples, random):
    """Return the values of samples that have the modality, some if there are many."""
    if not len(features):
        return np.empty((0, 0))
    rows = np.flatnonzero(modality_mask(block.data))
    if len(rows) > max_samples:
        rows = np.sort(random.choice(rows, max_samples, replace=False))
    values = block.data[rows][:, block.features.get_indexer(features)]
    return values.toarray() if sparse.issparse(values) else values


def _test(train, new, n_permutations, level, random):
    values = standardize_together(train, new)
    is_new = np.arange(len(values)) >= len(train)
    n_folds = min(_N_FOLDS, len(values))
    auc, p_value = held_out_auc(values, is_new, n_folds, n_permutations, random)
    low, high = auc_interval(auc, len(train), len(new), level)
    return {"auc": auc, "low": low, "high": high, "p_value": p_value}


def _count_repeated(train, new):
    """Return how many new samples have the values of a training sample.

    Of tables in which training samples have those of each other, as of mutations in a
    few genes, that says nothing.
    """
    rows = [
        [row.tobytes() for row in np.asarray(table, dtype=np.float64) + 0.0]
        for table in (train, new)
    ]
    known = set(rows[0])
    return sum(row in known for row in rows[1]) if len(known) == len(train) else 0


def _compare_units(train, new):
    """Return the line through quantiles of all values of a modality."""
    shares = np.linspace(0.01, 0.99, 99)
    old, now = (np.nanquantile(values, shares) for values in (train, new))
    if np.ptp(old) == 0:
        return {"slope": np.nan, "intercept": np.nan}
    slope, intercept = np.polyfit(old, now, 1)
    return {"slope": slope, "intercept": intercept}


def _compare_features(names, train, new):
    """Return how the mean and the spread of each feature differ."""
    if not (len(train) and len(new)):
        return pd.DataFrame({"feature": [], "value": [], "spread": []})
    means = [np.nanmean(values, axis=0) for values in (train, new)]
    scales = [np.nanstd(values, axis=0) for values in (train, new)]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (means[1] - means[0]) / scales[0]
        spread = scales[1] / scales[0]
    # A feature that is constant in training, and is so here at the same value.
    value[means[1] == means[0]] = 0.0
    spread[scales[1] == scales[0]] = 1.0
    return pd.DataFrame({"feature": list(names), "value": value, "spread": spread})


def _sort(features):
    with np.errstate(divide="ignore"):
        ratio = np.abs(np.log2(features["spread"].astype(float)))
    size = np.maximum(features["value"].abs(), ratio)
    order = np.argsort(-size.fillna(0).to_numpy(dtype=float), kind="stable")
    columns = ["modality", "feature", "value", "spread"]
    return features.iloc[order][columns].reset_index(drop=True)


def _tabulate(rows, alpha):
    """Return the table of all modalities, with p-values corrected for their number."""
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("modality")
    counts = ["n_train", "n_new", "n_features", "n_missing"]
    table = table.astype(float).astype(dict.fromkeys(counts, int))
    table["p_value"] = _adjust_holm(table["p_value"].to_numpy(dtype=float))
    table["is_shifted"] = table["p_value"] <= alpha
    return table[_TABLE]


def _adjust_holm(p_values):
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.maximum.accumulate(np.minimum(p_values[order] * factors, 1))
    return adjusted


def _novelty(estimator, X_new, X_train, random, notes):
    try:
        return novelty_score(estimator, X_new, X_train, random_state=random)
    except ValueError as error:
        notes.append(f"no novelty scores: {_first_sentence(error)}")
    return None


def _confidence(estimator, X_new, X_train, y_train, level, random, notes):
    """Return how sure the model is of the new samples, and of training samples."""
    if not hasattr(estimator, "predict_proba"):
        notes.append("no confidence: the model gives no probabilities.")
        return None
    try:
        new = estimator.predict_proba(X_new).max(axis=1)
    except ValueError as error:
        notes.append(f"the model refuses the cohort: {_first_sentence(error)}")
        return None
    nothing = dict.fromkeys(["train", "difference", "low", "high"], np.nan)
    confidence = {"new": float(new.mean()), **nothing}
    if y_train is None:
        return confidence
    train = getattr(estimator, "held_out_confidence_", None)
    if train is None or len(train) != len(y_train):
        train = _held_out_confidence(estimator, X_train, y_train, random)
    difference, half = float(new.mean() - train.mean()), _half_width(new, train, level)
    return confidence | {
        "train": float(train.mean()),
        "difference": difference,
        "low": difference - half,
        "high": difference + half,
    }


def _half_width(new, train, level):
    """Return half of Welch's interval of a difference of means, NaN for one sample."""
    if min(len(new), len(train)) < 2:
        return np.nan
    # SciPy's warns where a model is equally sure of all samples.
    parts = [values.var(ddof=1) / len(values) for values in (new, train)]
    sizes = [
        part**2 / (len(v) - 1) for part, v in zip(parts, (new, train), strict=True)
    ]
    if sum(sizes) == 0:
        return 0.0
    degrees = sum(parts) ** 2 / sum(sizes)
    return float(stats.t.ppf((1 + level) / 2, degrees) * np.sqrt(sum(parts)))


def _held_out_confidence(estimator, X, y, random):
    given = read_input(X)
    check_same_samples(given.rows, y, "y_train", "X_train")
    y = np.asarray(check_labels(y, "y_train"))
    n_folds = max(2, min(_N_FOLDS, rarest_class(y)[1]))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=random)
    confidence = np.empty(len(y))
    for train, test in folds.split(np.zeros(len(y)), y):
        model = clone(estimator).fit(take_rows(given.table, train), y[train])
        proba = model.predict_proba(take_rows(given.table, test))
        confidence[test] = proba.max(axis=1)
    return confidence


def _first_sentence(error):
    return f"{str(error).partition('. ')[0].rstrip('.')}."
