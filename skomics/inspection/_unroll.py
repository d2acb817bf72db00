"""From the input of a classifier back to the features that a pipeline is given.

A step hands contributions back where each of its outputs is made of one input (a
scaler, an imputer, a selector, a one-hot encoder), or is linear in its inputs (PCA).
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skomics._blocks import matrix_of, read_blocks
from skomics._layout import UNNAMED
from skomics._modality import modality_mask

__all__ = [
    "Route",
    "dense_rows",
    "find_route",
    "flatten_steps",
    "held_classifier",
    "unwrap",
]

# Names of outputs such as x3, x3_0.5 or missingindicator_x3; "x1 x2" is a product.
_MADE_OF_ONE = re.compile(r"(?:[a-z]+_)?x(\d+)(?:_[^ ]*)?")
# Samples with which a step is tried for being linear.
_TRIED = 8


@dataclass
class Origin:
    """A step whose outputs are each made of one input.

    Parameters
    ----------
    transformer : transformer
        The step.

    places : ndarray of int of shape (n_outputs,)
        Which input each output is made of.

    n_inputs : int
        Number of inputs.
    """

    transformer: object
    places: np.ndarray
    n_inputs: int

    def back(self, contributions, rows):
        """Return the contributions of the inputs."""
        if np.array_equal(self.places, np.arange(self.n_inputs)):
            return contributions
        given = np.zeros((len(contributions), self.n_inputs))
        np.add.at(given.T, self.places, contributions.T)
        return given

    def invert(self, baseline):
        """Return the inputs of which the outputs are these."""
        if hasattr(self.transformer, "inverse_transform"):
            try:
                return _dense(self.transformer.inverse_transform(baseline))
            except (AttributeError, ValueError):
                pass  # an imputer without an indicator cannot, and need not
        given = np.zeros((len(baseline), self.n_inputs))
        given[:, self.places] = baseline
        return given


@dataclass
class Mixing:
    """A linear step: inputs share an output's contribution by what they added to it.

    Parameters
    ----------
    transformer : transformer
        The step.

    weights : ndarray of shape (n_outputs, n_inputs)
        Coefficients.

    inputs, outputs : DataFrame, ndarray or sparse matrix
        Values of all samples, NaN for those without.
    """

    transformer: object
    weights: np.ndarray
    inputs: object
    outputs: np.ndarray
    # Inputs and outputs of the sample that others are compared with.
    baseline: tuple | None = None

    def back(self, contributions, rows):
        """Return the contributions of the inputs."""
        start, stop = self.baseline
        moved = np.nan_to_num(self.outputs[rows] - stop)
        slopes = np.divide(
            contributions, moved, out=np.zeros_like(contributions), where=moved != 0
        )
        inputs = np.nan_to_num(dense_rows(self.inputs, rows) - start)
        return (slopes @ self.weights) * inputs

    def invert(self, baseline):
        """Return the inputs of which the outputs are these."""
        return _dense(self.transformer.inverse_transform(baseline))


@dataclass
class Route:
    """The way from a classifier's input back to the original features.

    Parameters
    ----------
    classifier : estimator
        The last step.

    table : DataFrame, AnnData, array or sparse matrix of shape (n_samples, n_columns)
        What the classifier is given.

    baseline : ndarray of shape (n_rows, n_columns) or None
        The same of the samples that others are compared with.

    common : list of Origin or Mixing
        Steps on the modalities side by side.

    blocks : dict of str to (slice, list of Origin or Mixing)
        Columns, and steps, of each modality.

    columns : MultiIndex of shape (n_features,)
        Modality and name of each original feature, block by block.

    rows : Index or None
        Ids of the samples.

    sources : list of (table, ndarray of int or None)
        Where the original features are, block by block: a table and its columns, or
        the number of features of a modality that all samples lack.
    """

    classifier: object
    table: object
    baseline: np.ndarray | None
    common: list
    blocks: dict
    columns: pd.MultiIndex
    rows: pd.Index | None
    sources: list

    def inputs(self, rows):
        """Return the values of the original features of some samples."""
        n_rows = rows.stop - rows.start
        parts = [
            np.full((n_rows, columns), np.nan)
            if table is None
            else dense_rows(table, rows)[:, columns]
            for table, columns in self.sources
        ]
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    @property
    def has_mixing(self):
        """Whether a step is linear in several features."""
        chains = [self.common, *(steps for _, steps in self.blocks.values())]
        return any(isinstance(step, Mixing) for steps in chains for step in steps)

    def settle(self, baseline):
        """Say what the classifier is given for the baseline.

        Parameters
        ----------
        baseline : ndarray of shape (1, n_columns)
            Values of all columns.
        """
        if not self.has_mixing:
            return
        baseline = _invert(self.common, baseline)
        for columns, steps in self.blocks.values():
            _invert(steps, baseline[:, columns])

    def back(self, contributions, rows):
        """Return contributions of the original features.

        Parameters
        ----------
        contributions : ndarray of shape (n_rows, n_columns)
            Of the classifier's input, to its output.

        rows : slice
            Which samples they are of.

        Returns
        -------
        contributions : ndarray of shape (n_rows, n_features)
            Of the original features, in the order of `columns`.
        """
        for step in reversed(self.common):
            contributions = step.back(contributions, rows)
        parts = []
        for columns, steps in self.blocks.values():
            part = contributions[:, columns]
            for step in reversed(steps):
                part = step.back(part, rows)
            parts.append(part)
        return np.hstack(parts)


def _invert(steps, baseline):
    """Give linear steps their baselines, from the last one back; return the first's."""
    for step in reversed(steps):
        before = step.invert(baseline)
        if isinstance(step, Mixing):
            step.baseline = (before, baseline)
        baseline = before
    return baseline


def find_route(estimator, X, baseline=None):
    """Follow samples through a pipeline.

    Parameters
    ----------
    estimator : classifier, Pipeline, or search over these
        Fitted.

    X : DataFrame, MuData, AnnData, dict or list of tables, array or sparse
        Samples.

    baseline : same as X, default=None
        Samples that others are compared with.

    Returns
    -------
    route : Route
        The way back.

    Raises
    ------
    ValueError
        If a step mixes features in a way that is not linear.
    """
    steps = flatten_steps(estimator)
    # One that calibrates by folds holds several models, none of which is all of it.
    if len(getattr(steps[-1], "calibrated_classifiers_", ())) < 2:
        steps = unwrap(estimator)
    tables = [X] if baseline is None else [X, baseline]
    blocks = None
    if len(steps) > 1 and hasattr(steps[0], "block_slices_"):
        blocks, names, sources, tables = _follow_blocks(steps[0], tables)
        steps = steps[1:]
    common = []
    for step in steps[:-1]:
        followed, tables = _follow(step, tables)
        common += followed
    if blocks is None:
        blocks, names, sources = _blocks_of(None if common else steps[-1], X)
    columns = pd.MultiIndex.from_tuples(
        [(name, feature) for name, features in names.items() for feature in features],
        names=["modality", "feature"],
    )
    last = None if baseline is None else dense_rows(tables[1], slice(None))
    rows = getattr(tables[0], "index", getattr(tables[0], "obs_names", None))
    return Route(steps[-1], tables[0], last, common, blocks, columns, rows, sources)


def flatten_steps(estimator):
    """Return the steps of pipelines in pipelines, and of what a search has chosen.

    Parameters
    ----------
    estimator : estimator
        Any.

    Returns
    -------
    steps : list of estimator
        The estimator itself if it is no pipeline.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps]
    steps = [step for step in steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in flatten_steps(step)]


def held_classifier(estimator):
    """Return the model inside one that calibrates, abstains or is frozen.

    Parameters
    ----------
    estimator : estimator
        Any.

    Returns
    -------
    inner : estimator or None
        The fitted model that it holds, the first if there are several, None if it
        holds none.
    """
    folds = getattr(estimator, "calibrated_classifiers_", None)
    if folds:
        return folds[0].estimator
    name = "estimator" if isinstance(estimator, FrozenEstimator) else "estimator_"
    inner = getattr(estimator, name, None)
    # Ensembles keep their pattern, which is not fitted, under this name.
    has_fit = inner is not None and hasattr(inner, "predict")
    return inner if has_fit and _is_fitted(flatten_steps(inner)[-1]) else None


def _is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def unwrap(estimator):
    """Return all steps, down to the classifier inside others.

    Parameters
    ----------
    estimator : estimator
        Any.

    Returns
    -------
    steps : list of estimator
        In the order in which samples pass through them.
    """
    steps = flatten_steps(estimator)
    inner = held_classifier(steps[-1])
    return steps if inner is None else [*steps[:-1], *unwrap(inner)]


def _blocks_of(classifier, X):
    """Return where the modalities are in a table that is not cut into blocks."""
    read = read_blocks(X)
    layout, features = read.layout, {n: b.features for n, b in read.blocks.items()}
    fitted = getattr(classifier, "_layout", None)
    if not layout.is_named and fitted is not None and fitted.is_named:
        whole, layout = features[UNNAMED], fitted
        features = {n: None if whole is None else whole[c] for n, c in layout.items()}
    blocks = {
        name: (columns, [])
        for name, columns in zip(layout.names, layout.columns, strict=True)
    }
    sizes = dict(zip(layout.names, layout.sizes, strict=True))
    names = {
        name: [f"x{i}" for i in range(sizes[name])] if found is None else list(found)
        for name, found in features.items()
    }
    sources = [(X, columns) for columns in layout.columns]
    return blocks, names, sources


def _follow_blocks(concatenator, tables):
    """Follow each modality through its own transformer."""
    read = [concatenator._read_new(table)[0] for table in tables]
    sizes = dict(
        zip(concatenator._layout.names, concatenator._layout.sizes, strict=True)
    )
    blocks, names, sources = {}, {}, []
    for name, columns in concatenator.block_slices_.items():
        data = [part[name].data for part in read if name in part]
        whole = (data[0], slice(None)) if name in read[0] else (None, sizes[name])
        sources.append(whole)
        steps = []
        if len(data) == len(tables):
            for step in flatten_steps(concatenator.transformers_[name]):
                if step not in (None, "passthrough"):
                    followed, data = _follow(step, data)
                    steps += followed
        blocks[name] = (np.arange(columns.start, columns.stop), steps)
        features = concatenator._features_in[name]
        plain = [f"x{i}" for i in range(sizes[name])]
        names[name] = plain if features is None else list(features)
    outputs = [concatenator.transform(table) for table in tables]
    return blocks, names, sources, outputs


def _follow(step, tables):
    """Return a step as a way back, and what it makes of the tables."""
    outputs = [_transform(step, table) for table in tables]
    n_inputs, n_outputs = tables[0].shape[1], outputs[0].shape[1]
    places = _find_places(step, n_inputs, n_outputs)
    if places is not None:
        return [Origin(step, places, n_inputs)], outputs
    weights = _find_weights(step, tables[0], outputs[0])
    if weights is None:
        if getattr(step, "feature_names_out", "") is None:
            raise ValueError(
                f"{type(step).__name__} does not say which of its outputs is made of "
                "which feature. Pass feature_names_out='one-to-one' if each is."
            )
        raise ValueError(
            f"{type(step).__name__} mixes features in a way that is not linear, so "
            "that contributions cannot be handed back through it. Give its output to "
            "estimator[-1] for those of its own features, or ask for "
            "inspection.modality_importance, which needs no way back."
        )
    mixing = Mixing(step, weights, tables[0], _dense(outputs[0]))
    if len(tables) == 2:
        pair = [dense_rows(table, slice(None)) for table in (tables[1], outputs[1])]
        mixing.baseline = tuple(values.mean(axis=0, keepdims=True) for values in pair)
    return [mixing], outputs


def _transform(step, table):
    """Transform the samples that have values; the others stay NaN."""
    has = modality_mask(table)
    if has.all():
        return step.transform(table)
    # Where no sample has any, an invented one tells how many outputs there are.
    given = table[has] if has.any() else _invent(table, 1)
    part = _dense(step.transform(given))[: has.sum()]
    filled = np.full((len(has), part.shape[1]), np.nan)
    filled[has] = part
    return filled


def _find_places(step, n_inputs, n_outputs):
    """Return which input each output is made of, or None."""
    if hasattr(step, "get_support"):
        return np.flatnonzero(step.get_support())
    names = [f"x{i}" for i in range(n_inputs)]
    fitted = getattr(step, "feature_names_in_", None)
    asked = names if fitted is None else list(fitted)
    try:
        out = [str(name) for name in step.get_feature_names_out(asked)]
    except (AttributeError, ValueError):
        return None
    if fitted is not None:
        return _places_by_name(out, list(map(str, fitted)))
    found = [_MADE_OF_ONE.fullmatch(name) for name in out]
    if len(out) != n_outputs or not all(found):
        return None
    return np.array([int(match[1]) for match in found])


def _places_by_name(out, fitted):
    """Return the place of each name, or of the longest name that it begins with."""
    known = {name: i for i, name in enumerate(fitted)}
    if len(out) == len(fitted) and out == fitted:
        return np.arange(len(out))
    places = []
    for name in out:
        name = name.removeprefix("missingindicator_")
        while name not in known and "_" in name:
            name = name.rpartition("_")[0]
        if name not in known:
            return None
        places.append(known[name])
    return np.array(places)


def _find_weights(step, table, output):
    """Return the coefficients of a linear step, or None if it is not linear."""
    weights = getattr(step, "components_", None)
    if weights is None or not hasattr(step, "inverse_transform"):
        return None
    weights = np.asarray(weights, dtype=float)
    if getattr(step, "whiten", False) is True:
        weights = weights / np.sqrt(step.explained_variance_)[:, None]
    rows = slice(0, _TRIED)
    inputs, outputs = dense_rows(table, rows), dense_rows(output, rows)
    has = np.isfinite(inputs).all(axis=1)
    inputs, outputs = inputs[has], outputs[has]
    if weights.shape != (output.shape[1], table.shape[1]):
        return None
    if not len(inputs):  # the first samples, or all, lack the modality
        given = _invent(table, _TRIED)
        inputs, outputs = np.asarray(given), _dense(step.transform(given))
    moved = (inputs - inputs.mean(axis=0)) @ weights.T
    expected = outputs - outputs.mean(axis=0)
    scale = max(np.abs(expected).max(), 1e-12)
    return weights if np.allclose(moved, expected, atol=1e-3 * scale) else None


def _invent(table, n_rows):
    """Return samples with the columns of a table, by which a step can be tried."""
    values = np.random.default_rng(0).random((n_rows, table.shape[1]))
    if not isinstance(table, pd.DataFrame):
        return values
    return pd.DataFrame(values, columns=table.columns)


def dense_rows(table, rows):
    """Return some rows of a table as an array of float64.

    Parameters
    ----------
    table : DataFrame, AnnData, array or sparse matrix of shape (n_samples, n_columns)
        The table.

    rows : slice
        Which.

    Returns
    -------
    values : ndarray of shape (n_rows, n_columns)
        Their values.
    """
    part = table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]
    return _dense(part)


def _dense(part):
    part = matrix_of(part)
    values = part.toarray() if sparse.issparse(part) else np.asarray(part)
    # torch takes no memory that runs backward, and warns of one that is read-only.
    return np.require(values, np.float64, ["C", "W"])
