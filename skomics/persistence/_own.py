"""Whether what was put together from a file is whole: the part of skomics.

What the values of single attributes must be is in `_attributes.py`; here they are
compared with one another.
"""

import inspect
from contextlib import nullcontext
from functools import cache
from numbers import Integral

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from skomics.calibration import ConformalClassifier
from skomics.estimators import BaseOmicsClassifier
from skomics.graph import MultiOmicsGraph
from skomics.graph._nemo import Nemo
from skomics.graph._snf import SimilarityNetworkFusion
from skomics.persistence._attributes import (
    ATTRIBUTES,
    DEVICE,
    is_graph,
    is_list_of,
    is_mask,
    is_positive,
    is_row,
    is_table,
)
from skomics.persistence._checks import (
    check_feature_names,
    check_parameters,
    is_codes,
    is_integer,
    is_real_array,
)
from skomics.persistence._require import require
from skomics.persistence._states import defaults_of
from skomics.preprocessing import OmicsConcatenator

__all__ = ["check_own", "set_own_state"]


def check_own(cls, state, place, size):
    """Refuse a state that no object of a class of skomics would have.

    Parameters
    ----------
    cls : type
        The class.

    state : dict
        Parameters and attributes, all of them on the class's list.

    place : str
        Where in the model.

    size : int
        Bytes of the file.

    Raises
    ------
    ValueError
        If a value is not what the attribute holds, or does not fit another.
    """
    parameters = defaults_of(cls).keys()
    if parameters:
        probe = object.__new__(cls)
        vars(probe).update({name: state[name] for name in parameters})
        check_parameters(probe, place)
        _reset_device(state, cls)
    found = {name: v for name, v in state.items() if name not in parameters}
    if not found and parameters:
        return  # not fitted
    for name, value in found.items():
        check = ATTRIBUTES.get(name)
        if check is not None:
            require(check(value), f"{place}.{name}", "is not what it should be")
    for base in reversed(cls.__mro__):
        compare = _COMPARISONS.get(base.__name__)
        if compare is not None:
            compare(cls, state, place)


def _reset_device(state, cls):
    """Let a file choose among devices whose names torch itself makes nothing of."""
    if "device" in state and not DEVICE.fullmatch(state["device"]):
        state["device"] = defaults_of(cls)["device"]


def _require_keys(state, names, place):
    for name in names.split():
        require(name in state, place, f"has no {name}")


# What must fit together


def _compare_layout(cls, state, place):
    _require_keys(state, "names columns is_named", place)
    columns = state["columns"]
    is_tuple = isinstance(columns, tuple) and len(columns) == len(state["names"])
    are_rows = is_tuple and all(
        isinstance(c, np.ndarray) and c.ndim == 1 and c.dtype == np.int64 and len(c)
        for c in columns
    )
    require(are_rows, place, "has no columns for each modality")
    everyone = np.sort(np.concatenate(columns))
    fits = np.array_equal(everyone, np.arange(len(everyone)))
    require(fits, place, "does not have every column once")


def _compare_features(cls, state, place):
    _require_keys(state, "n_features_in_", place)
    n_features = state["n_features_in_"]
    if "feature_names_in_" in state:
        check_feature_names(state["feature_names_in_"], n_features, place)
    for name in ("idf_", "geometric_means_"):
        fits = name not in state or len(state[name]) == n_features
        require(fits, f"{place}.{name}", "does not have a value for each feature")


def _compare_selector(cls, state, place):
    _compare_features(cls, state, place)
    _require_keys(state, "selection_frequencies_ support_ thresholds_ n_top_", place)
    for name in ("selection_frequencies_", "support_", "p_values_"):
        fits = name not in state or state[name].shape == (state["n_features_in_"],)
        require(fits, f"{place}.{name}", "does not have a value for each feature")
    for name in ("n_top_", "pfer_bounds_"):
        fits = name not in state or list(state[name]) == list(state["thresholds_"])
        require(fits, f"{place}.{name}", "are not those of the omics")


def _compare_cohort(cls, state, place):
    _compare_features(cls, state, place)
    names = {
        "CohortScaler": "location_ scale_ cohort_location_ cohort_scale_",
        "ReferenceQuantileNormalizer": "reference_",
    }[cls.__name__]
    _require_keys(state, f"{names} n_cohort_samples_", place)
    if state.get("per") == "sample":
        require(is_row(state["reference_"]), f"{place}.reference_", "is no row")
        return
    names += " cohort_quantiles_" if "per" in state else ""
    _require_keys(state, names, place)
    ndim = 2 if "per" in state else 1
    for name in names.split():
        shape = state[name].shape
        fits = len(shape) == ndim and shape[-1] == state["n_features_in_"]
        require(fits, f"{place}.{name}", "does not have a value for each feature")


def _compare_concatenator(cls, state, place):
    _compare_features(cls, state, place)
    names = "_layout omics_ transformers_ block_sizes_ block_slices_ _names_out"
    _require_keys(state, f"{names} _features_in _columns_in", place)
    layout, omics = state["_layout"], state["omics_"]
    fits = layout.n_features == state["n_features_in_"] and set(omics) <= {
        *layout.names
    }
    require(fits, f"{place}._layout", "has other modalities or features")
    sizes = state["block_sizes_"]
    is_tuple = isinstance(sizes, tuple) and len(sizes) == len(omics)
    fits = is_tuple and all(map(is_positive, sizes))
    require(fits, f"{place}.block_sizes_", "has no size for each modality")
    ends = np.cumsum(sizes).tolist()
    slices = {o: slice(e - s, e) for o, s, e in zip(omics, sizes, ends, strict=True)}
    require(state["block_slices_"] == slices, f"{place}.block_slices_", "do not fit")
    fits = list(state["transformers_"]) == list(omics)
    require(fits, f"{place}.transformers_", "are not those of the omics")
    check_feature_names(state["_names_out"], ends[-1], f"{place}._names_out")
    _compare_input_names(state, layout, place)


def _compare_input_names(state, layout, place):
    features = state["_features_in"]
    is_dict = isinstance(features, dict) and tuple(features) == layout.names
    require(is_dict, f"{place}._features_in", "are not those of the omics")
    for names, n in zip(features.values(), layout.sizes, strict=True):
        if names is not None:
            check_feature_names(names, n, f"{place}._features_in")
    levels = state["_columns_in"]
    is_list = levels is None or (isinstance(levels, list) and len(levels) in (1, 2))
    fits = is_list and all(
        isinstance(level, np.ndarray) and level.shape == (layout.n_features,)
        for level in levels or []
    )
    require(fits, f"{place}._columns_in", "do not have the features' number")


def _compare_samples(cls, state, place):
    _compare_features(cls, state, place)
    _require_keys(state, "classes_ omics_ _layout _may_miss", place)
    layout = state["_layout"]
    fits = layout.n_features == state["n_features_in_"]
    fits = fits and state["omics_"] == layout.names
    require(fits, f"{place}._layout", "has other modalities or features")


def _compare_ridge(cls, state, place):
    _require_keys(state, "alpha_ block_weights_ feature_scale_ feature_weights_", place)
    _require_keys(state, "temperature_ _mean _coef _offset", place)
    n_features, n_classes = state["n_features_in_"], len(state["classes_"])
    shapes = {
        "block_weights_": (len(state["omics_"]),),
        "feature_weights_": (n_features,),
        "_mean": (n_features,),
        "_coef": (n_features, n_classes),
        "_offset": (n_classes,),
    }
    # The path of samples that stayed on disk has none.
    if "oof_decision_function_" in state:
        n_samples = len(state["oof_decision_function_"])
        shapes["oof_decision_function_"] = n_samples, n_classes
    for name, shape in shapes.items():
        fits = state[name].shape == shape
        require(fits, f"{place}.{name}", f"does not have the shape {shape}")
    fits = tuple(state["feature_scale_"]) == state["omics_"]
    require(fits, f"{place}.feature_scale_", "are not those of the omics")


def _compare_held_out(cls, state, place):
    """Refuse thresholds of other classes, and a classifier that gives no classes."""
    _require_keys(state, "estimator_", place)
    classes = getattr(state["estimator_"], "classes_", None)
    fits = isinstance(classes, np.ndarray) and hasattr(
        state["estimator_"], "predict_proba"
    )
    require(fits, f"{place}.estimator_", "gives no probabilities of classes")
    if cls is ConformalClassifier:
        _require_keys(state, "cutoffs_", place)
        fits = len(state["cutoffs_"]) == len(classes)
        require(fits, f"{place}.cutoffs_", "are not one for each class")
        return
    _require_keys(state, "held_out_confidence_ held_out_correct_ threshold_", place)
    fits = len(state["held_out_confidence_"]) == len(state["held_out_correct_"])
    require(fits, f"{place}.held_out_correct_", "does not have the held-out samples")


def _compare_classifier(cls, state, place):
    _require_keys(state, "_net_state _fitted_device _history n_iter_", place)
    _require_keys(state, "_dropout_rate _expects_missing", place)
    _require_keys(state, "_input_scale _input_columns", place)
    fits = len(state["_history"]) == state["n_iter_"]
    require(fits, f"{place}._history", "does not have the epochs of n_iter_")
    scale, net = state["_input_scale"], state["_net_state"]
    fits = scale is None or len(scale) == state["n_features_in_"]
    require(fits, f"{place}._input_scale", "is not as long as there are features")
    _compare_columns(state, place)
    architecture, place_of_net = net["architecture"], f"{place}._net_state"
    fits = architecture.keys() == _module_parameters(cls)
    require(fits, place_of_net, "does not have the arguments of its network")
    total = sum(weights.size for weights in net["weights"].values())
    for name, value in architecture.items():
        _check_size(name, value, total, place_of_net)
    fits = architecture["block_sizes"] == _sizes_of_blocks(state)
    require(fits, place_of_net, "is for omics of other sizes")
    fits = _equals(architecture["n_classes"], len(state["classes_"]))
    require(fits, place_of_net, "is for another number of classes")
    fits = _equals(architecture["modality_dropout"], state["_dropout_rate"])
    require(fits, place_of_net, "drops omics at another rate")
    has_indicators = architecture.get("has_indicators", state["_expects_missing"])
    fits = has_indicators == state["_expects_missing"]
    require(fits, place_of_net, "expects omics to be missing, or does not")
    _compare_path(state, architecture, place)


def _equals(value, number):
    return is_integer(value) == is_integer(number) and value == number


@cache
def _module_parameters(cls):
    """Return the names of the arguments that the network of a classifier has."""
    names = inspect.signature(cls._module_class).parameters.keys()
    return names - {"token_widths", "feature_widths"}  # which it has in training only


def _sizes_of_blocks(state):
    """Return how many features of each modality, by alphabet, the network sees."""
    layout, scale = state["_layout"], state["_input_scale"]
    order = np.argsort(np.asarray(layout.names, dtype=object), kind="stable")
    sizes = [int(layout.sizes[i]) for i in order]
    if scale is None:
        return sizes
    return [int(part.sum()) for part in np.split(scale > 0, np.cumsum(sizes)[:-1])]


def _compare_columns(state, place):
    """Refuse a network that sees other columns than those with a weight."""
    columns, scale = state["_input_columns"], state["_input_scale"]
    seen = (
        np.arange(state["n_features_in_"]) if scale is None else np.flatnonzero(scale)
    )
    fits = np.array_equal(seen if columns is None else np.sort(columns), seen)
    fits = fits and (columns is not None or scale is None)
    require(fits, f"{place}._input_columns", "are not the features with a weight")


def _compare_tokens(cls, state, place):
    """Refuse tokens of other features than those of the omics."""
    _require_keys(state, "_token_sizes token_names_", place)
    sizes, architecture = state["_token_sizes"], state["_net_state"]["architecture"]
    fits = [sum(part) for part in sizes] == architecture["block_sizes"]
    fits = fits and architecture["token_sizes"] == sizes
    fits = fits and len(state["token_names_"]) == sum(map(len, sizes))
    fits = fits and state["_input_columns"] is not None and _keeps_blocks(state)
    require(fits, f"{place}._token_sizes", "are of other features or names")


def _keeps_blocks(state):
    """Tell whether the features of each modality stand together."""
    layout = state["_layout"]
    order = np.argsort(np.asarray(layout.names, dtype=object), kind="stable")
    ends = np.cumsum([layout.sizes[i] for i in order])
    blocks = np.searchsorted(ends, state["_input_columns"], side="right")
    return bool((np.diff(blocks) >= 0).all())


def _compare_path(state, architecture, place):
    """Refuse a linear path of other data than the network, and one that is missing."""
    path, n_residual = state.get("path_"), architecture.get("n_residual", 0)
    n_members = architecture.get("n_ensemble", 1)
    fits = is_integer(n_residual, 0, n_members if is_integer(n_members, 1) else 0)
    require(fits, f"{place}._net_state", "has no such number of members on a path")
    if path is None:
        problem = "has members or features on a linear path, but no path_"
        require(n_residual == 0 and state["_input_scale"] is None, place, problem)
        return
    require("_coef" in vars(path), f"{place}.path_", "is not fitted")
    fits = path._layout == state["_layout"] and path.omics_ == state["omics_"]
    fits = fits and path.n_features_in_ == state["n_features_in_"]
    require(fits, f"{place}.path_", "has other modalities or features")
    fits = path.classes_.dtype == state["classes_"].dtype
    fits = fits and np.array_equal(path.classes_, state["classes_"])
    require(fits, f"{place}.path_", "has other classes")


def _check_size(name, value, total, place):
    """Refuse sizes that are larger than all weights of the network together."""
    values = value if isinstance(value, list | tuple) else [value]
    is_small = len(values) <= max(total, 16) and all(
        not isinstance(v, Integral) or abs(v) <= max(total, 2**24) for v in values
    )
    require(is_small, place, f"has {name}={value!r:.50}, more than its weights")


def _compare_graph_classifier(cls, state, place):
    _require_keys(state, "graph_ _training_data", place)
    data, graph = state["_training_data"], state["graph_"]
    require(isinstance(graph, MultiOmicsGraph), f"{place}.graph_", "is no graph")
    sizes = _sizes_of_blocks(state)
    n_samples = len(data.codes)
    fits = [block.shape for block in data.blocks] == [(n_samples, d) for d in sizes]
    fits = fits and is_codes(data.codes, (n_samples,), len(state["classes_"]))
    fits = fits and len(data.graphs) == len(graph.graphs_) == len(sizes)
    fits = fits and _n_nodes([*data.graphs, *graph.graphs_]) == {n_samples}
    require(fits, f"{place}._training_data", "does not fit the graph or the omics")
    fits = data.present is None or data.present.shape == (n_samples, len(sizes))
    fits = fits and (data.weights is None or len(data.weights) == n_samples)
    require(fits, f"{place}._training_data", "has no mask or weight for each sample")
    require(graph._n_features == sizes, f"{place}.graph_", "is for other modalities")
    hidden = state["_net_state"]["architecture"]["hidden_sizes"]
    fits = isinstance(hidden, list) and data.n_layers == len(hidden)
    require(fits, f"{place}._training_data", "is for another number of layers")


def _n_nodes(graphs):
    return {n for graph in graphs for n in graph.shape}


def _compare_training_data(cls, state, place):
    _require_keys(state, "blocks graphs codes weights present n_layers", place)
    _require_keys(state, "sums_first batch_size n_neighbors", place)
    n_samples = len(state["codes"])
    fits = state["codes"].ndim == 1 and _n_nodes(state["graphs"]) == {n_samples}
    require(fits, place, "has graphs of other samples")


def _compare_sample_graph(cls, state, place):
    _compare_features(cls, state, place)
    _require_keys(state, "_center _references adjacency_ graph_", place)
    references, n_features = state["_references"], state["n_features_in_"]
    require(is_table(references), f"{place}._references", "are no samples")
    fits = references.shape[1] == len(state["_center"]) == n_features
    graph = state["graph_"]
    fits = fits and is_graph(graph)
    fits = fits and _n_nodes([graph, state["adjacency_"]]) == {len(references)}
    require(fits, place, "has a graph of other samples")
    if state["method"] == "threshold":
        _require_keys(state, "threshold_", place)
    else:
        fits = is_real_array(state.get("_scales"), shape=(len(references),))
        require(fits, f"{place}._scales", "do not fit")


def _compare_graph(cls, state, place):
    _require_keys(state, "graphs_ _n_features", place)
    counts = _n_nodes(state["graphs_"])
    fits = len(counts) == 1 and len(state["graphs_"]) == len(state["_n_features"])
    require(fits, place, "has graphs of other samples or omics")
    if state["method"] in ("threshold", "knn"):
        _compare_members(state, counts.pop(), place)
        return
    _require_keys(state, "_fusion _adjacency", place)
    kind = {"nemo": Nemo, "snf": SimilarityNetworkFusion}[state["method"]]
    fusion = state["_fusion"]
    require(type(fusion) is kind, place, "has another fusion than it names")
    references = fusion._references if kind is SimilarityNetworkFusion else None
    if kind is Nemo:
        references = [part._references for part in fusion._parts]
        fits = len(fusion._measured) in counts
    else:
        fits = _n_nodes(fusion._others) == counts
    fits = fits and _n_nodes([state["_adjacency"]]) == counts
    fits = fits and [r.shape[1] for r in references] == state["_n_features"]
    require(fits, place, "has a fusion of other samples or omics")


def _compare_members(state, n_samples, place):
    _require_keys(state, "_members _measured", place)
    members, measured = state["_members"], state["_measured"]
    fits = isinstance(measured, list) and len(measured) == len(members)
    fits = fits and all(is_mask(m) and m.shape == (n_samples,) for m in measured)
    fits = fits and all(
        vars(member).get("_references") is not None
        and len(member._references) == here.sum()
        for member, here in zip(members, measured, strict=True)
    )
    fits = fits and [m.n_features_in_ for m in members] == state["_n_features"]
    require(fits, place, "has members of other samples or omics")


def _compare_nemo(cls, state, place):
    _require_keys(state, "_k _measured _parts", place)
    measured, parts = state["_measured"], state["_parts"]
    fits = is_mask(measured) and measured.ndim == 2
    fits = fits and measured.shape[1] == len(parts)
    fits = fits and all(
        part._n == len(measured) and np.array_equal(part._samples, np.flatnonzero(m))
        for part, m in zip(parts, measured.T, strict=True)
    )
    require(fits, place, "has parts of other samples")


def _compare_nemo_omics(cls, state, place):
    _require_keys(state, "_center _k _mass _n _reach _references", place)
    _require_keys(state, "_samples _spread", place)
    references = state["_references"]
    require(is_table(references), f"{place}._references", "are no samples")
    n_samples = len(references)
    rows = (state["_mass"], state["_reach"], state["_spread"])
    fits = all(len(row) == n_samples for row in rows)
    fits = fits and is_codes(state["_samples"], (n_samples,), state["_n"])
    fits = fits and len(state["_center"]) == references.shape[1]
    require(fits, place, "has numbers of other samples")


def _compare_snf(cls, state, place):
    _require_keys(state, "_centers _k _neighbors _others _references _scales", place)
    references = state["_references"]
    require(is_list_of(is_table)(references), place, "has no samples")
    n_samples = len(references[0])
    shapes = [(n_samples, len(center)) for center in state["_centers"]]
    fits = all(map(is_row, state["_centers"]))
    fits = fits and [r.shape for r in references] == shapes
    others, scales = state["_others"], state["_scales"]
    fits = fits and is_list_of(is_graph)(others) and is_list_of(is_row)(scales)
    fits = fits and len(others) == len(scales) == len(references)
    fits = fits and _n_nodes(others) == {n_samples}
    fits = fits and all(len(row) == n_samples for row in scales)
    require(fits, place, "has numbers of other samples")


_COMPARISONS = {
    "HeldOutClassifier": _compare_held_out,
    "BlockLayout": _compare_layout,
    "GraphData": _compare_training_data,
    "OmicsConcatenator": _compare_concatenator,
    "BaseBlockClassifier": _compare_samples,
    "BlockRidgeClassifier": _compare_ridge,
    "BaseOmicsClassifier": _compare_classifier,
    "SMAClassifier": _compare_tokens,
    "BaseGraphClassifier": _compare_graph_classifier,
    "AtacTfidfTransformer": _compare_features,
    "CohortScaler": _compare_cohort,
    "ReferenceQuantileNormalizer": _compare_cohort,
    "SampleRankTransformer": _compare_features,
    "CLRTransformer": _compare_features,
    "LibrarySizeNormalizer": _compare_features,
    "MValueTransformer": _compare_features,
    "StabilitySelector": _compare_selector,
    "SampleGraph": _compare_sample_graph,
    "MultiOmicsGraph": _compare_graph,
    "Nemo": _compare_nemo,
    "NemoOmics": _compare_nemo_omics,
    "SimilarityNetworkFusion": _compare_snf,
}


# The network


class _Budget(TorchFunctionMode):
    """Refuse tensors that a network has no weights for, before they are made."""

    _FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.arange)

    def __init__(self, n_weights, n_calls):
        super().__init__()
        self._numbers, self._calls = n_weights, n_calls

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self._FACTORIES:
            self._spend(func, [*args, kwargs.get("size", ())])
        return func(*args, **kwargs)

    def _spend(self, func, args):
        if func is torch.full:
            args = args[:1]
        sizes = []
        for arg in args:
            sizes += list(arg) if isinstance(arg, list | tuple) else [arg]
        sizes = [abs(int(size)) for size in sizes if isinstance(size, int | float)]
        wanted = 1
        for size in sizes:
            wanted *= max(size, 1)
        self._numbers -= wanted
        self._calls -= 1
        if self._numbers < 0 or self._calls < 0:
            raise ValueError("its sizes ask for more numbers than it has weights")


def _budget_for(state):
    net = state.get("_net_state")
    if net is None:
        return nullcontext()
    n_weights = sum(weights.size for weights in net["weights"].values())
    return _Budget(
        16 * (n_weights + state["n_features_in_"]) + 2**22,
        1000 + 100 * len(net["weights"]),
    )


def set_own_state(obj, state, place):
    """Give an object of skomics its state, which has been checked.

    Parameters
    ----------
    obj : object
        Without attributes.

    state : dict
        From a file.

    place : str
        Where in the model.

    Raises
    ------
    ValueError
        If the weights do not make the network.
    """
    if isinstance(obj, BaseOmicsClassifier):
        try:
            with _budget_for(state):
                obj.__setstate__(state)
        except Exception as error:
            raise ValueError(
                f"{place} has no sound network ({type(error).__name__}: {error!s:.300})"
            ) from error
    elif isinstance(obj, OmicsConcatenator):
        obj.__setstate__(state)
    else:
        vars(obj).update(state)
