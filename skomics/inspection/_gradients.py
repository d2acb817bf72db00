"""Contributions of a classifier's input to its output, by captum or shap."""

import warnings

import numpy as np

from skomics._optional import import_optional
from skomics.inspection._unroll import dense_rows

__all__ = ["METHODS", "MOST_STEPS", "STEPS", "TOLERANCE", "explain_classifier"]

METHODS = ("integrated_gradients", "gradient_x_input", "deep_lift", "shap")
# Numbers in a batch of rows.
_BATCH_ELEMENTS = 2**22
# Rows in a batch where they are short.
_BATCH_ROWS = 1024
# Steps of the integral to begin with, and at most, and the error to be content with.
STEPS, MOST_STEPS, TOLERANCE = 16, 512, 0.01


def contrast(values):
    """Return each class against the mean of the others.

    Parameters
    ----------
    values : ndarray or Tensor of shape (..., n_classes)
        One for each class.

    Returns
    -------
    contrasts : ndarray or Tensor of shape (..., n_classes)
        For two classes, the difference and its opposite.
    """
    n_classes = values.shape[-1]
    mean = values.mean(-1)[..., None]
    return (values - mean) * (n_classes / (n_classes - 1))


class Explained:
    """Contributions to each class against the others, some rows at a time.

    A subclass has `contribute`, from values to contributions and differences.
    """

    # Whether samples are compared with the given baseline.
    has_baseline = True

    def __init__(self, table, baseline):
        self.table, self.baseline = table, baseline

    def batches(self, batch_size):
        """Yield rows, contributions, and the differences that they should sum to.

        Parameters
        ----------
        batch_size : int or None
            Number of rows.

        Yields
        ------
        rows : slice
            Which samples.

        contributions : ndarray of shape (n_classes, n_rows, n_columns)
            Of the classifier's input.

        differences : ndarray of shape (n_classes, n_rows)
            The output for the samples minus that for the baseline.
        """
        n_samples, n_columns = self.table.shape
        size = batch_size or max(1, min(512, _BATCH_ELEMENTS // n_columns))
        for start in range(0, n_samples, size):
            rows = slice(start, min(start + size, n_samples))
            yield rows, *self.contribute(dense_rows(self.table, rows))


class Linear(Explained):
    """A linear classifier: a coefficient times the distance from the baseline."""

    def __init__(self, classifier, table, baseline):
        super().__init__(table, baseline)
        coef = np.asarray(classifier.coef_, dtype=float)
        coef = np.vstack([-coef, coef]) / 2 if len(coef) == 1 else coef
        self.coef = contrast(coef.T).T

    def contribute(self, values):
        """Return contributions and differences."""
        moved = np.nan_to_num(values - self.baseline)
        contributions = moved * self.coef[:, None]
        return contributions, contributions.sum(axis=2)


class Trees(Explained):
    """Trees: Shapley values by the ways of the samples through them (TreeExplainer)."""

    has_baseline = False

    def __init__(self, classifier, table, baseline):
        super().__init__(table, baseline)
        with warnings.catch_warnings():  # of matplotlib's future, as shap is imported
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            shap = import_optional("shap", extra="explain")
        self.explainer = shap.TreeExplainer(classifier)

    def contribute(self, values):
        """Return contributions and differences."""
        found = self.explainer(values, check_additivity=False)
        contributions = found.values
        if contributions.ndim == 2:  # log-odds of the second of two classes
            contributions = np.stack([-contributions, contributions], axis=-1) / 2
        contributions = np.moveaxis(contrast(contributions), -1, 0)
        return contributions, contributions.sum(axis=2)


class Network(Explained):
    """A network and its linear path: gradients by captum."""

    def __init__(self, classifier, table, baseline, method):
        super().__init__(table, baseline)
        self.captum = import_optional("captum.attr", extra="explain")
        self.classifier, self.method = classifier, method
        self.function = classifier._logit_function()
        self.is_graph = hasattr(self.function, "states")
        self.n_steps = STEPS
        if self.is_graph and method == "deep_lift":
            raise ValueError(
                "deep_lift cannot go through the graph of "
                f"{type(classifier).__name__}. Use 'integrated_gradients'."
            )

    def contribute(self, values):
        """Return contributions and differences."""
        with self.classifier._torch_context():
            parts = [self._compare(values, row) for row in self.baseline]
        return tuple(np.mean(part, axis=0) for part in zip(*parts, strict=True))

    def _compare(self, values, baseline):
        import torch

        x = torch.as_tensor(values, dtype=torch.float32)
        baseline = torch.as_tensor(baseline, dtype=torch.float32).expand_as(x)
        # A modality that a sample lacks is lacking in what it is compared with.
        baseline = torch.where(x.isnan(), x, baseline)
        with torch.no_grad():
            self.function.prepare(x)
            moved = self.function(x) - self.function(baseline)
        differences = moved.T.double().numpy()
        while True:
            contributions = self._attribute(x, baseline)
            error = np.abs(contributions.sum(axis=2) - differences).sum()
            is_fine = error <= TOLERANCE * max(np.abs(differences).sum(), 1e-12)
            may_go_on = self.method in ("integrated_gradients", "shap")
            if is_fine or not may_go_on or self.n_steps >= MOST_STEPS:
                return contributions, differences
            self.n_steps *= 2

    def _attribute(self, x, baseline):
        ask = getattr(self, f"_by_{self.method}")
        classes = range(len(self.classifier.classes_))
        found = np.stack([ask(x, baseline, k).detach().numpy() for k in classes])
        return np.nan_to_num(found).astype(np.float64)

    def _by_integrated_gradients(self, x, baseline, target):
        if self.function.has_front:
            return self._by_integral_behind(x, baseline, target)
        return self.captum.IntegratedGradients(self.function).attribute(
            x,
            baseline,
            target=target,
            n_steps=self.n_steps,
            method="gausslegendre",
            internal_batch_size=len(x),
        )

    _by_shap = _by_integrated_gradients

    def _by_integral_behind(self, x, baseline, target):
        """Integrate behind the layers that are linear in the features.

        The straight line from baseline to sample is straight there, too, and there are
        fewer numbers; the mean gradient goes back through these layers once.
        """
        import torch

        x = x.detach().requires_grad_()
        ends, present = self.function.front(x)
        with torch.no_grad():
            starts, _ = self.function.front(baseline)
        integral = self.captum.IntegratedGradients(
            self.function.behind, multiply_by_inputs=False
        )
        slopes = integral.attribute(
            tuple(end.detach() for end in ends),
            starts,
            target=target,
            additional_forward_args=(present.detach(),),
            n_steps=self.n_steps,
            method="gausslegendre",
            internal_batch_size=max(len(x), _BATCH_ROWS),
        )
        (slope,) = torch.autograd.grad(ends, x, [s.detach() for s in slopes])
        return slope * (x - baseline)

    def _by_gradient_x_input(self, x, baseline, target):
        saliency, x = self.captum.Saliency(self.function), x.requires_grad_()
        return saliency.attribute(x, target=target, abs=False) * (x - baseline)

    def _by_deep_lift(self, x, baseline, target):
        lift, x = self.captum.DeepLift(self.function), x.requires_grad_()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Setting forward, backward hooks")
            return lift.attribute(x, baseline.requires_grad_(), target=target)


def explain_classifier(classifier, table, baseline, method):
    """Return what explains a classifier by a method.

    Parameters
    ----------
    classifier : classifier
        Fitted: one of skomics, a linear one, or trees.

    table : DataFrame, AnnData, array or sparse matrix of shape (n_samples, n_columns)
        Its input.

    baseline : ndarray of shape (n_rows, n_columns) or None
        What samples are compared with, several for "shap"; None is the mean of the
        training samples.

    method : str
        One of `METHODS`, or "auto".

    Returns
    -------
    explained : Explained
        With contributions batch by batch.
    """
    is_mean = baseline is None
    if is_mean:
        baseline = _training_mean(classifier, table)
    elif method != "shap":
        baseline = baseline.mean(axis=0, keepdims=True)
    if hasattr(classifier, "_logit_function"):
        method = "integrated_gradients" if method == "auto" else method
        return Network(classifier, table, baseline, method)
    if hasattr(classifier, "coef_") and hasattr(classifier, "classes_"):
        if (
            is_mean
            and table.shape[0] == 1
            and not hasattr(classifier, "_training_means")
        ):
            raise ValueError(
                f"Got one sample, but {type(classifier).__name__} does not keep the "
                "mean of its training samples, and a sample is its own mean: all "
                "contributions would be 0. Give baseline=, for instance the training "
                "samples."
            )
        return Linear(classifier, table, baseline.mean(axis=0, keepdims=True))
    if method not in ("auto", "shap"):
        raise ValueError(
            f"{method} needs gradients, which {type(classifier).__name__} has none of. "
            "Use method='auto' or 'shap' for trees, or "
            "inspection.modality_importance for any model."
        )
    try:
        return Trees(classifier, table, baseline)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        raise ValueError(
            f"{type(classifier).__name__} is no network of skomics, no linear model "
            "with coef_, and no trees that shap knows. Ask for "
            "inspection.modality_importance, which takes any model."
        ) from error


def _training_mean(classifier, table):
    """Return the mean of each column over the training samples, as far as known."""
    if hasattr(classifier, "_training_means"):
        return classifier._training_means()[None]
    # Others do not keep it: the mean of the samples given stands in.
    n_columns = table.shape[1]
    sums, counts = np.zeros(n_columns), np.zeros(n_columns)
    for start in range(0, table.shape[0], 512):
        values = dense_rows(table, slice(start, start + 512))
        sums += np.nansum(values, axis=0)
        counts += (~np.isnan(values)).sum(axis=0)
    return (sums / np.maximum(counts, 1))[None]
