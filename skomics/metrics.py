"""Scores with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from skomics._probabilities import read_probabilities
from skomics._warnings import warn

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "bootstrap_interval",
    "corrected_t_test",
    "reliability_curve",
    "risk_coverage_curve",
    "score_intervals",
    "selection_stability",
]


def corrected_t_test(
    values: ArrayLike, ratio: float, level: float = 0.95
) -> dict[str, float]:
    """Test whether the mean over folds is zero, which share training samples.

    Parameters
    ----------
    values : array-like of shape (n_fits,)
        A score, or the difference of two, for each fold of each repeat.

    ratio : float
        Number of test samples by number of training samples.

    level : float, default=0.95
        Level of confidence of the interval.

    Returns
    -------
    tested : dict of float
        `mean`, `low` and `high` of the interval, `t` and `p_value`; NaN, but for the
        mean, with fewer than two values.

    Raises
    ------
    ValueError
        If `ratio` is negative, or the level is not allowed.

    References
    ----------
    C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning
    52, 2003.

    Examples
    --------
    >>> from skomics.metrics import corrected_t_test
    >>> tested = corrected_t_test([0.70, 0.75, 0.80, 0.75], ratio=0.25)
    >>> print(f"{tested['low']:.3f} to {tested['high']:.3f}")
    0.658 to 0.842
    """
    _check_level(level)
    if ratio < 0:
        raise ValueError(
            f"Got ratio={ratio!r}. It is the number of test samples by that of "
            "training samples: 0.25 for five folds."
        )
    n = len(values)
    mean = np.mean(values)
    if n < 2:
        nothing = dict.fromkeys(["low", "high", "t", "p_value"], np.nan)
        return {"mean": mean, **nothing}
    scale = standard_error(values, ratio)
    half = stats.t.ppf((1 + level) / 2, n - 1) * scale
    t = standardize(mean, scale)
    p_value = 2 * stats.t.sf(abs(t), n - 1)
    interval = {"low": mean - half, "high": mean + half}
    return {"mean": mean, **interval, "t": t, "p_value": p_value}


def standard_error(values, ratio):
    """Return the standard error of the mean over folds, widened by `ratio`."""
    return np.sqrt((1 / len(values) + ratio) * np.var(values, ddof=1))


def standardize(difference, scale, nothing=0.0):
    """Return the difference in standard errors; `nothing` where both are zero."""
    if not np.isclose(scale, 0, atol=1e-12):
        return difference / scale
    is_zero = np.isclose(difference, 0, atol=1e-12)
    return nothing if is_zero else np.copysign(np.inf, difference)


def bootstrap_interval(scores: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return the bounds of the bias-corrected and accelerated bootstrap of the mean.

    Parameters
    ----------
    scores : array-like of shape (n_fits,)
        A score for each fold of each repeat.

    level : float, default=0.95
        Level of confidence.

    Returns
    -------
    low, high : float
        NaN with fewer than two scores.

    Examples
    --------
    >>> from skomics.metrics import bootstrap_interval
    >>> low, high = bootstrap_interval([0.80, 0.84, 0.79, 0.88, 0.83])
    >>> f"{low:.2f} to {high:.2f}"
    '0.80 to 0.86'
    """
    if len(scores) < 2:
        return np.nan, np.nan
    if np.ptp(scores) == 0:
        return scores[0], scores[0]
    found = stats.bootstrap(
        (scores,),
        np.mean,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(0),
    )
    return found.confidence_interval


def wilson_interval(n_right, n, level=0.95):
    """Return Wilson's interval of a share.

    Parameters
    ----------
    n_right, n : int
        The share is that of `n_right` in `n`.

    level : float, default=0.95
        Level of confidence.

    Returns
    -------
    low, high : float
        Bounds; NaN where `n` is 0.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22, 1927.
    """
    if n == 0:
        return np.nan, np.nan
    found = stats.binomtest(int(n_right), int(n)).proportion_ci(level, method="wilson")
    return found.low, found.high


def score_intervals(
    cv_results: Mapping[str, Any] | ArrayLike,
    *,
    test_fraction: float | None = None,
    method: Literal["corrected-t", "bootstrap"] = "corrected-t",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the mean of each score of a cross-validation, with an interval.

    Parameters
    ----------
    cv_results : dict of ndarray, or array-like of shape (n_fits,)
        What :func:`~sklearn.model_selection.cross_validate` returns, or
        :func:`~sklearn.model_selection.cross_val_score`.

    test_fraction : float, default=None
        Share of the samples in a test fold: 0.2 for five folds. With None it is read
        from `cv_results`, which has it with ``return_indices=True``; for the bootstrap
        it is not needed.

    method : {"corrected-t", "bootstrap"}, default="corrected-t"
        The interval of the corrected resampled t-test, or the bias-corrected and
        accelerated bootstrap over the folds, which takes folds for independent and is
        too narrow.

    level : float, default=0.95
        Level of confidence.

    Returns
    -------
    intervals : DataFrame
        One row for each score: n_fits, mean, std, low and high. Nothing is cut off: a
        bound may be above 1.

    Raises
    ------
    ValueError
        If the method is unknown, there are no scores, one is missing, or nothing
        says how large a test fold is.

    References
    ----------
    C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning
    52, 2003. B. Efron, Better bootstrap confidence intervals, JASA 82, 1987.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skomics.metrics import score_intervals
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500)
    >>> score_intervals(cross_validate(model, X, y, return_indices=True)).round(3)
           n_fits   mean    std    low   high
    score       5  0.973  0.028  0.921  1.025
    """
    if method not in ("corrected-t", "bootstrap"):
        raise ValueError(
            f"Got method={method!r}. Choose one of ['bootstrap', 'corrected-t']."
        )
    scores = _test_scores(cv_results)
    if method == "corrected-t":
        ratio = _test_ratio(cv_results, test_fraction)
    rows = {}
    for name, values in scores.items():
        if method == "corrected-t":
            tested = corrected_t_test(values, ratio, level)
            low, high = tested["low"], tested["high"]
        else:
            low, high = bootstrap_interval(values, level)
        std = np.std(values, ddof=1) if len(values) > 1 else np.nan
        mean = np.mean(values)
        rows[name] = {
            "n_fits": len(values),
            "mean": mean,
            "std": std,
            "low": low,
            "high": high,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _test_scores(cv_results):
    """Return the scores on test folds by name."""
    if isinstance(cv_results, Mapping):
        scores = {
            key.removeprefix("test_"): np.asarray(values, dtype=float)
            for key, values in cv_results.items()
            if key.startswith("test_")
        }
    else:
        scores = {"score": np.asarray(cv_results, dtype=float)}
    if not scores or any(v.ndim != 1 or not len(v) for v in scores.values()):
        raise ValueError(
            "Got no scores of test folds. Give what cross_validate or cross_val_score "
            "returns: a dict with 'test_score' or 'test_<name>', or one score a fit."
        )
    for name, values in scores.items():
        n_missing = int(np.isnan(values).sum())
        if n_missing:
            raise ValueError(
                f"{n_missing} of {len(values)} fits have no score {name!r}. Look at "
                "what failed with error_score='raise'."
            )
    return scores


def _test_ratio(cv_results, test_fraction):
    """Return the number of test samples by that of training samples."""
    if test_fraction is not None:
        if not 0 < test_fraction < 1:
            raise ValueError(
                f"Got test_fraction={test_fraction!r}. It is the share of the samples "
                "in a test fold, between 0 and 1: 0.2 for five folds."
            )
        return test_fraction / (1 - test_fraction)
    indices = cv_results.get("indices") if isinstance(cv_results, Mapping) else None
    if indices is None:
        raise ValueError(
            "Nothing says how large a test fold is, as the corrected interval needs to "
            "know. Pass return_indices=True to cross_validate, or test_fraction=0.2 "
            "for five folds."
        )
    pairs = zip(indices["test"], indices["train"], strict=True)
    return float(np.mean([len(test) / len(train) for test, train in pairs]))


def selection_stability(
    supports: ArrayLike,
    *,
    measure: Literal["nogueira"] = "nogueira",
    level: float = 0.95,
) -> dict[str, float]:
    r"""Measure how far repeated selections of features agree beyond chance.

    Parameters
    ----------
    supports : array-like of bool or 0 and 1 of shape (n_selections, n_features)
        Which features each selection has: what `get_support` of a selector returns on
        each resample or fold.

    measure : {"nogueira"}, default="nogueira"
        The measure of Nogueira, Sechidis and Brown; the index of Kuncheva where all
        selections are of one size.

    level : float, default=0.95
        Level of confidence of the interval.

    Returns
    -------
    tested : dict of float
        `stability`, which is 1 where all selections are equal and 0 on average where
        they are drawn; `variance`; `low` and `high` of the interval, of which nothing
        is cut off; `z` and `p_value` of the test against a stability of at most 0. All
        are NaN where stability is not defined.

    Raises
    ------
    ValueError
        If the measure is unknown, there are fewer than two selections, or a value is
        neither 0 nor 1.

    Warns
    -----
    UserWarning
        If all selections are empty, or all have every feature: then there is nothing to
        agree upon.

    See Also
    --------
    skomics.feature_selection.StabilitySelector : Selects what halves agree upon.

    Notes
    -----
    With the share :math:`\hat p_f` of the *M* selections that have feature *f* and the
    mean size :math:`\bar k` of a selection of *d* features,

    .. math::
        \hat\Phi = 1 - \frac{\frac{1}{d} \sum_f \frac{M}{M - 1}
        \hat p_f (1 - \hat p_f)}{\frac{\bar k}{d} (1 - \frac{\bar k}{d})}

    Interval and test are asymptotic in *M*, and take selections for independent. Those
    of folds and resamples share samples, so that the interval is too narrow. Where all
    selections are equal the variance is 0: the interval is a point, and says nothing of
    what further selections may do.

    References
    ----------
    S. Nogueira, K. Sechidis and G. Brown, On the stability of feature selection
    algorithms, JMLR 18(174), 2018.

    Examples
    --------
    >>> from skomics.metrics import selection_stability
    >>> found = selection_stability([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]])
    >>> print(f"{found['stability']:.3f}")
    0.333
    """
    if measure != "nogueira":
        raise ValueError(f"Got measure={measure!r}. Choose one of ['nogueira'].")
    _check_level(level)
    chosen = _read_supports(supports)
    n_selections, n_features = chosen.shape
    shares = chosen.mean(axis=0)
    size = shares.mean()
    expected = size * (1 - size)
    if expected == 0:
        what = "has no feature" if size == 0 else f"has all {n_features} features"
        warn(
            f"Each of the {n_selections} selections {what}, so that their stability is "
            "not defined. Select less strictly, or more so."
        )
        names = ("stability", "variance", "low", "high", "z", "p_value")
        return dict.fromkeys(names, np.nan)
    spread = n_selections / (n_selections - 1) * np.mean(shares * (1 - shares))
    stability = 1 - spread / expected
    variance = _variance_of_stability(chosen, stability)
    scale = np.sqrt(variance)
    half = stats.norm.ppf((1 + level) / 2) * scale
    z = standardize(stability, scale)
    return {
        "stability": float(stability),
        "variance": float(variance),
        "low": float(stability - half),
        "high": float(stability + half),
        "z": float(z),
        "p_value": float(stats.norm.sf(z)),
    }


def _read_supports(supports):
    """Return selections as an array of 0 and 1."""
    try:
        chosen = np.asarray(supports, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"supports are no table of 0 and 1 ({error}). Give a row for each "
            "selection with a value for each feature, as get_support returns."
        ) from error
    if chosen.ndim != 2 or len(chosen) < 2 or chosen.shape[1] == 0:
        raise ValueError(
            f"Got supports of shape {chosen.shape}, but at least two selections of "
            "features are needed. Give a row for each selection, a column for each "
            "feature."
        )
    is_bad = (chosen != 0) & (chosen != 1)
    if is_bad.any():
        row, column = np.argwhere(is_bad)[0]
        raise ValueError(
            f"supports have {is_bad.sum()} values that are neither 0 nor 1, the "
            f"first {chosen[row, column]:g} in row {row}, column {column}. Give a "
            "mask of the features for each selection, not their positions."
        )
    return chosen


def _variance_of_stability(chosen, stability):
    """Return the asymptotic variance, from what each selection adds."""
    n_selections = len(chosen)
    shares, sizes = chosen.mean(axis=0), chosen.mean(axis=1)
    size = shares.mean()
    parts = (chosen * shares).mean(axis=1) - sizes * size
    parts += stability / 2 * (2 * sizes * size - sizes - size + 1)
    parts /= size * (1 - size)
    return 4 / n_selections**2 * np.sum((parts - parts.mean()) ** 2)


def reliability_curve(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    kind: Literal["confidence", "class"] = "confidence",
    labels: ArrayLike | None = None,
    n_bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare probabilities with how often they come true.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes.

    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes, of samples that the model has not seen. The
        columns of a DataFrame that are named after the classes are in the order of
        `labels`.

    kind : {"confidence", "class"}, default="confidence"
        The largest probability of each sample against the accuracy; or the probability
        of each class against how often a sample is of it, one class after another.

    labels : array-like of shape (n_classes,), default=None
        The classes of the columns of `y_proba`; None takes the sorted distinct values
        of `y_true`.

    n_bins : int, default=10
        Number of bins.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with as many samples in each as ties allow.

    level : float, default=0.95
        Level of confidence of each interval by itself, of Wilson's score.

    Returns
    -------
    curve : DataFrame
        One row for each bin that has samples: left and right of the bin, n_samples,
        mean_predicted, fraction (of the samples whose probability came true), low and
        high; before these, for kind="class", class.

    Raises
    ------
    ValueError
        If there is no sample, the shapes do not fit each other, a label is missing or
        none of `labels`, a value is no probability, columns are in another order, or a
        parameter is not allowed.

    SampleAlignmentError
        If `y_proba` is a DataFrame and `y_true` has its ids in another order, or other
        ones.

    See Also
    --------
    sklearn.calibration.calibration_curve : The same points for two classes, without
        counts and intervals.
    skomics.plotting.ReliabilityDisplay : Draws the curve.

    Notes
    -----
    The bins are open on the left and closed on the right, as in scikit-learn. Weighted
    by n_samples, the mean distance of mean_predicted and fraction is, for
    kind="confidence", the expected calibration error.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural
    networks, ICML 2017. E. B. Wilson, Probable inference, the law of succession, and
    statistical inference, JASA 22, 1927.

    Examples
    --------
    Two calls of confidence 0.8, one of them right:

    >>> from skomics.metrics import reliability_curve
    >>> curve = reliability_curve(["a", "b"], [[0.8, 0.2], [0.8, 0.2]])
    >>> curve[["n_samples", "mean_predicted", "fraction"]].to_numpy().tolist()
    [[2.0, 0.8, 0.5]]
    """
    _check_choice("kind", kind, ("confidence", "class"))
    _check_choice("strategy", strategy, ("uniform", "quantile"))
    if not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"Got n_bins={n_bins!r}. Give a whole number from 1 on: 10.")
    _check_level(level)
    y_true, proba, labels = read_probabilities(y_true, y_proba, labels)
    if kind == "confidence":
        is_correct = labels[proba.argmax(axis=1)] == y_true
        return _fill_bins(proba.max(axis=1), is_correct, n_bins, strategy, level)
    parts = []
    for label, predicted in zip(labels, proba.T, strict=True):
        part = _fill_bins(predicted, y_true == label, n_bins, strategy, level)
        part.insert(0, "class", [label] * len(part))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _fill_bins(predicted, is_true, n_bins, strategy, level):
    """Return a row for each bin that has samples."""
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        edges = np.unique(np.percentile(predicted, edges * 100))
    bins = np.digitize(predicted, edges[1:-1], right=True)
    table = pd.DataFrame({"bin": bins, "predicted": predicted, "hit": is_true})
    found = table.groupby("bin").agg(
        n_samples=("hit", "size"),
        mean_predicted=("predicted", "mean"),
        fraction=("hit", "mean"),
    )
    hits = table.groupby("bin")["hit"].sum()
    bounds = [
        wilson_interval(k, n, level)
        for k, n in zip(hits, found["n_samples"], strict=True)
    ]
    found["low"], found["high"] = np.transpose(bounds)
    found.insert(0, "left", edges[found.index])
    found.insert(1, "right", edges[np.minimum(found.index + 1, len(edges) - 1)])
    return found.reset_index(drop=True)


def risk_coverage_curve(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the error among the surest samples, for each number of them.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes.

    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes, of samples that the model has not seen. The
        columns of a DataFrame that are named after the classes are in the order of
        `labels`.

    labels : array-like of shape (n_classes,), default=None
        The classes of the columns of `y_proba`; None takes the sorted distinct values
        of `y_true`.

    level : float, default=0.95
        Level of confidence of each interval by itself, of Clopper and Pearson.

    Returns
    -------
    curve : DataFrame
        One row for each threshold of the largest probability, from the top: threshold,
        coverage (share of the samples that are called), risk (error among them), low,
        high and n_called.

    Raises
    ------
    ValueError
        If there is no sample, the shapes do not fit each other, a label is missing or
        none of `labels`, a value is no probability, columns are in another order, or
        the level is not allowed.

    SampleAlignmentError
        If `y_proba` is a DataFrame and `y_true` has its ids in another order, or other
        ones.

    See Also
    --------
    skomics.calibration.SelectiveClassifier : Learns a threshold from held-out samples.
    skomics.plotting.RiskCoverageDisplay : Draws the curve.

    Notes
    -----
    The intervals are of one threshold each, chosen before: a threshold that is chosen
    because the curve is low there has a higher risk than is shown.

    References
    ----------
    Geifman, El-Yaniv (2017), "Selective classification for deep neural networks",
    NeurIPS.

    Examples
    --------
    The two surest calls are right, the third is wrong:

    >>> from skomics.metrics import risk_coverage_curve
    >>> proba = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    >>> curve = risk_coverage_curve(["a", "b", "b"], proba)
    >>> curve[["threshold", "coverage", "risk"]].round(2).to_numpy().tolist()
    [[0.9, 0.33, 0.0], [0.8, 0.67, 0.0], [0.6, 1.0, 0.33]]
    """
    y_true, proba, labels = read_probabilities(y_true, y_proba, labels)
    is_correct = labels[proba.argmax(axis=1)] == y_true
    return tabulate_risk(proba.max(axis=1), is_correct, level)


def tabulate_risk(confidence, is_correct, level=0.95):
    """Return the table of :func:`risk_coverage_curve` of calls."""
    _check_level(level)
    counts, errors = count_errors(confidence, is_correct)
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = stats.beta.ppf(tail, errors, counts - errors + 1)
        high = stats.beta.ppf(1 - tail, errors + 1, counts - errors)
    return pd.DataFrame(
        {
            "threshold": np.sort(confidence)[::-1][counts - 1],
            "coverage": counts / len(confidence),
            "risk": errors / counts,
            "low": np.where(errors == 0, 0.0, low),
            "high": np.where(errors == counts, 1.0, high),
            "n_called": counts,
        }
    )


def count_errors(confidence, is_correct):
    """Return, for each threshold from the top, how many are called and are wrong."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    is_last = np.append(ranked[:-1] > ranked[1:], True)
    errors = np.cumsum(~is_correct[order])
    return np.flatnonzero(is_last) + 1, errors[is_last]


def _check_choice(name, value, known):
    if value not in known:
        raise ValueError(f"Got {name}={value!r}. Choose one of {list(known)}.")


def _check_level(level):
    if not 0 < level < 1:
        raise ValueError(
            f"Got level={level!r}. It is a level of confidence between 0 and 1: 0.95."
        )
