"""What each feature adds to each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skomics._warnings import warn
from skomics.inspection._gradients import METHODS, explain_classifier
from skomics.inspection._unroll import find_route

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skomics._typing import OmicsLike

__all__ = ["TOLERATED", "feature_attributions", "read_target"]

# More of the output than this share unexplained is warned of.
TOLERATED = 0.01


def feature_attributions(
    estimator: BaseEstimator,
    X: OmicsLike,
    *,
    method: Literal[
        "auto", "integrated_gradients", "gradient_x_input", "deep_lift", "shap"
    ] = "auto",
    target: object = None,
    baseline: OmicsLike = "mean",
    per_sample: bool = False,
    batch_size: int | None = None,
) -> pd.DataFrame:
    """Say what each original feature adds to the output for each class.

    The output for a class is its logit minus the mean of those of the others: for two
    classes, the log-odds. What the features of a sample add sums to the difference
    between the output for this sample and that for the baseline.

    Parameters
    ----------
    estimator : classifier or Pipeline
        Fitted; at its end a classifier of skomics, a linear one of scikit-learn
        (with ``coef_``), or trees that shap knows. Before it, `OmicsConcatenator` and
        steps each of whose outputs is made of one feature (scalers, imputers,
        selectors, encoders) or that are linear (PCA). A classifier that abstains, names
        sets or is frozen stands for the model in it, and so does a search.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        Samples, in any form that the estimator takes.

    method : {"auto", "integrated_gradients", "gradient_x_input", "deep_lift", \
            "shap"}, default="auto"
        Of networks: "integrated_gradients" (which "auto" is) integrates the gradient
        from the baseline to the sample; "gradient_x_input" is the gradient at the
        sample times its distance from the baseline, and "deep_lift" is DeepLIFT: both
        are quicker, and do not sum up; "shap" is the mean of integrated gradients over
        the rows of `baseline` (expected gradients). For linear models all are the
        same: coefficient times distance. For trees "auto" and "shap" are TreeExplainer.

    target : None, "predicted" or a class, default=None
        None is each class for each sample; "predicted" the class that is predicted for
        a sample. A class called "predicted" is taken for the word.

    baseline : "mean" or same as X, default="mean"
        What samples are compared with. "mean" is the mean of the training samples, or,
        of models that do not keep it (those of scikit-learn), of X, which must then
        have more than one sample if they are linear. Of several rows
        the mean at the classifier's input counts. Trees have their own.

    per_sample : bool, default=False
        Whether to return all values, or their sums over the samples.

    batch_size : int, default=None
        Samples at a time; None is what a few hundred megabytes hold.

    Returns
    -------
    table : DataFrame
        Columns modality, feature, class, value and direction, for each class the
        largest value first: value is the mean of the absolute contributions over
        the samples (with "predicted", those of which the class is predicted);
        direction is 1 if high values of the feature speak for the class, -1 if low
        ones do, 0 if neither. With `per_sample`, one row for each sample and class and
        two column levels (modality, feature). ``table.attrs["completeness_error"]`` is
        the share of the output that the sums miss.

    Raises
    ------
    ValueError
        If an option is unknown, there is no such class, a step is neither made of
        single features nor linear, the model is none that can be asked, or a single
        sample would be compared with itself.

    ImportError
        If captum (networks) or shap (trees) is missing.

    Warns
    -----
    UserWarning
        If the sums miss more than 1 % of the output.

    See Also
    --------
    modality_importance : Of any model, by the score.
    neighbor_attributions : What the neighbors add in a graph model.

    Notes
    -----
    Through a linear step, features share what an output of it adds by what they
    contributed to its distance from the baseline. Links of the graph models count as
    given, so that only the samples' own features are explained. A modality that a
    sample lacks adds nothing. Contributions of correlated features are shared in a way
    that the model, not biology, decides.

    References
    ----------
    Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks", ICML.
    Shrikumar, Greenside, Kundaje (2017), "Learning important features through
    propagating activation differences", ICML. Erion et al. (2021), "Improving
    performance of deep learning models with axiomatic attribution priors and expected
    gradients", Nature Machine Intelligence 3. Lundberg et al. (2020), "From local
    explanations to global understanding with explainable AI for trees", Nature Machine
    Intelligence 2.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skomics import BlockRidgeClassifier, OmicsConcatenator
    >>> from skomics.datasets import make_intersim
    >>> from skomics.inspection import feature_attributions
    >>> X, y = make_intersim(n_samples=90, n_clusters=3, effect=1, random_state=0)
    >>> scaled = OmicsConcatenator(StandardScaler())
    >>> model = make_pipeline(scaled, BlockRidgeClassifier()).fit(X, y)
    >>> table = feature_attributions(model, X)
    >>> table.columns.to_list()
    ['modality', 'feature', 'class', 'value', 'direction']
    """
    if method not in ("auto", *METHODS):
        raise ValueError(f"Got method={method!r}. Choose one of {['auto', *METHODS]}.")
    check_is_fitted(estimator)
    given = None if isinstance(baseline, str) else baseline
    if isinstance(baseline, str) and baseline != "mean":
        raise ValueError(
            f"Got baseline={baseline!r}. It must be 'mean', or samples as X has them."
        )
    route = find_route(estimator, X, given)
    classes = route.classifier.classes_
    wanted = read_target(target, classes)
    explained = explain_classifier(
        route.classifier, route.table, route.baseline, method
    )
    if route.has_mixing and not explained.has_baseline:
        raise ValueError(
            f"{type(route.classifier).__name__} has a baseline of its own, with which "
            "contributions cannot be handed back through PCA and its kin. Leave that "
            "step out, or ask for inspection.modality_importance."
        )
    if given is None:
        route.settle(explained.baseline.mean(axis=0, keepdims=True))
    predicted = None
    if wanted is None:
        predicted = np.searchsorted(classes, route.classifier.predict(route.table))
    collect = _Samples if per_sample else _Sums
    collected = collect(route, len(classes), predicted)
    missed = total = 0.0
    for rows, contributions, differences in explained.batches(batch_size):
        missed += np.abs(contributions.sum(axis=2) - differences).sum()
        total += np.abs(differences).sum()
        for k in range(len(classes)) if wanted is None else wanted:
            collected.add(k, rows, contributions[k])
    error = missed / total if total > 0 else 0.0
    if error > TOLERATED:
        warn(
            f"The contributions sum to {1 - error:.1%} of the output at best: "
            f"{error:.1%} are missed by method={method!r}. "
            "Use 'integrated_gradients' for sums that hold."
        )
    table = collected.table(classes, range(len(classes)) if wanted is None else wanted)
    table.attrs["completeness_error"] = float(error)
    return table


def read_target(target, classes):
    """Return positions of classes, or None for those that are predicted."""
    if target is None:
        return range(len(classes))
    if isinstance(target, str) and target == "predicted":
        return None
    found = np.flatnonzero(classes == target)
    if len(found) != 1:
        raise ValueError(
            f"Got target={target!r}, but the classes are {classes.tolist()}. Choose "
            "one of these, 'predicted' or None."
        )
    return found.tolist()


class _Samples:
    """Contributions of all samples."""

    def __init__(self, route, n_classes, predicted):
        self.route, self.predicted = route, predicted
        n_samples = route.table.shape[0]
        self.rows = pd.RangeIndex(n_samples) if route.rows is None else route.rows
        self.parts = {k: [] for k in range(n_classes)}

    def add(self, k, rows, contributions):
        """Keep contributions to one class of some samples."""
        back = self.route.back(contributions, rows)
        ids = np.arange(rows.start, rows.stop)
        if self.predicted is not None:
            chosen = self.predicted[rows] == k
            back, ids = back[chosen], ids[chosen]
        self.parts[k].append((ids, back))

    def table(self, classes, kept):
        """Return one row for each sample and class."""
        ids = np.concatenate([i for k in kept for i, _ in self.parts[k]])
        values = np.concatenate([v for k in kept for _, v in self.parts[k]])
        codes = np.repeat(
            list(kept), [sum(len(i) for i, _ in self.parts[k]) for k in kept]
        )
        index = pd.MultiIndex.from_arrays(
            [self.rows[ids], classes[codes]], names=["sample", "class"]
        )
        table = pd.DataFrame(values, index, self.route.columns)
        return table.iloc[np.lexsort((codes, ids))]


class _Sums:
    """Sums over the samples of contributions, and of their products with the values."""

    def __init__(self, route, n_classes, predicted):
        self.route, self.predicted = route, predicted
        shape = n_classes, len(route.columns)
        self.sizes, self.counts = np.zeros(shape), np.zeros(n_classes)
        # For the sign of the covariance of contribution and value.
        self.n, self.sums, self.values, self.products = np.zeros((4, *shape))

    def add(self, k, rows, contributions):
        """Add contributions to one class of some samples."""
        chosen = slice(None)
        if self.predicted is not None:
            chosen = self.predicted[rows] == k
        back = self.route.back(contributions, rows)
        self.sizes[k] += np.abs(back[chosen]).sum(axis=0)
        self.counts[k] += len(back[chosen])
        values = self.route.inputs(rows)
        is_known = np.isfinite(values)
        values, back = np.where(is_known, values, 0), np.where(is_known, back, 0)
        self.n[k] += is_known.sum(axis=0)
        self.sums[k] += back.sum(axis=0)
        self.values[k] += values.sum(axis=0)
        self.products[k] += (back * values).sum(axis=0)

    def _directions(self, k):
        """Return the sign of the covariance of contribution and value."""
        expected = self.sums[k] * self.values[k] / np.maximum(self.n[k], 1)
        covariance = self.products[k] - expected
        is_noise = np.abs(covariance) <= 1e-9 * np.abs(self.products[k])
        return np.sign(np.where(is_noise, 0, covariance)).astype(int)

    def table(self, classes, kept):
        """Return one row for each feature and class, the largest first."""
        columns = self.route.columns
        parts = [
            pd.DataFrame(
                {
                    "modality": columns.get_level_values("modality"),
                    "feature": columns.get_level_values("feature"),
                    "class": classes[k],
                    "value": self.sizes[k] / max(self.counts[k], 1),
                    "direction": self._directions(k),
                }
            ).sort_values("value", ascending=False, kind="stable")
            for k in kept
        ]
        return pd.concat(parts, ignore_index=True)
