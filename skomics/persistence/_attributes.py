"""What the attributes of each class of skomics hold, by name.

Whoever changes what an estimator of skomics keeps changes this table, and the list in
`_states.py`.
"""

import re

import numpy as np
from scipy import sparse

from skomics._layout import BlockLayout
from skomics.estimators import BlockRidgeClassifier
from skomics.estimators._graph_data import GraphData
from skomics.graph import MultiOmicsGraph, SampleGraph
from skomics.graph._nemo import Nemo, NemoOmics
from skomics.graph._snf import SimilarityNetworkFusion
from skomics.persistence._checks import is_class_array, is_integer, is_real_array

__all__ = [
    "ATTRIBUTES",
    "DEVICE",
    "is_graph",
    "is_list_of",
    "is_mask",
    "is_positive",
    "is_row",
    "is_table",
]

DEVICE = re.compile(r"auto|cpu|mps(:\d)?|cuda(:\d{1,2})?")
_MAX_LAYERS = 1000
# What skorch and its callbacks record of an epoch.
_RECORDED = (bool, int, float, str, list, np.generic, type(None))


def _is_bool(value):
    return isinstance(value, bool | np.bool_)


def _is_rate(value):
    return _is_number(value) and 0 <= value < 1


def _is_number(value):
    is_number = isinstance(value, int | float | np.integer | np.floating)
    return is_number and not isinstance(value, bool) and bool(np.isfinite(value))


def is_positive(value):
    return is_integer(value, 1)


def _is_names(value):
    is_tuple = isinstance(value, tuple) and all(type(name) is str for name in value)
    return is_tuple and len(set(value)) == len(value) > 0


def _is_name_array(value):
    is_array = isinstance(value, np.ndarray) and value.dtype == object
    return is_array and value.ndim == 1 and len(value) > 0


def is_row(value):
    return is_real_array(value, ndim=1) and len(value) > 0


def is_table(value):
    return is_real_array(value, ndim=2) and value.size > 0


def is_graph(value):
    is_csr = isinstance(value, sparse.csr_array) and value.shape[0] == value.shape[1]
    return is_csr and value.dtype == np.float64 and is_real_array(value.data)


def is_list_of(check):
    def is_list(value):
        return isinstance(value, list) and len(value) > 0 and all(map(check, value))

    return is_list


def _is_dict_of(check):
    def is_dict(value):
        is_one = isinstance(value, dict) and len(value) > 0
        return is_one and all(type(n) is str and check(v) for n, v in value.items())

    return is_dict


def _is_a(kind):
    return lambda value: isinstance(value, kind)


def _or_none(check):
    return lambda value: value is None or check(value)


def is_mask(value):
    return isinstance(value, np.ndarray) and value.dtype == bool and value.size > 0


def _is_plain(value, depth=0):
    """Tell whether a value is a small number, a text, None, or a list of such."""
    if isinstance(value, list | tuple) and depth < 2:
        return len(value) <= 2**20 and all(_is_plain(v, depth + 1) for v in value)
    is_word = value is None or isinstance(value, bool | str)
    return is_word or (_is_number(value) and abs(value) < 2**40)


def _is_history(value):
    """Tell whether a value is one dict of plain values per epoch."""
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and all(type(k) is str and isinstance(v, _RECORDED) for k, v in row.items())
        for row in value
    )


def _is_net_state(value):
    is_state = isinstance(value, dict) and value.keys() == {"architecture", "weights"}
    if not is_state or not isinstance(value["weights"], dict):
        return False
    architecture = value["architecture"]
    is_plain = isinstance(architecture, dict) and all(
        map(_is_plain, architecture.values())
    )
    are_weights = value["weights"] and all(
        type(name) is str and is_real_array(w) and w.dtype == np.float32 and w.size
        for name, w in value["weights"].items()
    )
    return is_plain and bool(are_weights)


def _is_receipt(value, depth=0):
    """Tell whether a value is small and plain: what a fit tells of itself."""
    if isinstance(value, dict) and depth < 3:
        is_named = len(value) <= 1000 and all(type(key) is str for key in value)
        return is_named and all(_is_receipt(v, depth + 1) for v in value.values())
    if isinstance(value, list) and 0 < depth < 3:
        return len(value) <= 10**5 and all(_is_receipt(v, depth + 1) for v in value)
    return depth > 0 and _is_plain(value)


def _is_exponent(value):
    return value == "top" if isinstance(value, str) else _is_amount(value)


def _is_amount(value):
    return _is_number(value) and value >= 0


def _are_amounts(value):
    return is_row(value) and value.min() >= 0


def _are_logits(value):
    """Tell whether each row is finite, or all NaN: a sample that did not count."""
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind != "f":
        return False
    counted = value[~np.isnan(value).all(axis=1)]
    return value.size > 0 and is_real_array(counted)


def _are_positions(value):
    is_list = isinstance(value, np.ndarray) and value.ndim == 1 and value.size > 0
    is_list = is_list and value.dtype == np.int64 and value.min() >= 0
    return is_list and len(np.unique(value)) == len(value)


def _are_token_sizes(value):
    return isinstance(value, list) and all(
        isinstance(sizes, list) and sizes and all(map(is_positive, sizes))
        for sizes in value
    )


def _is_passthrough_or_transformer(value):
    return value == "passthrough" if isinstance(value, str) else hasattr(value, "fit")


ATTRIBUTES = {
    # Classifiers
    "_dropout_rate": _is_rate,
    "_expects_missing": _is_bool,
    "_fit_receipt": _is_receipt,
    "_fitted_device": lambda v: type(v) is str and DEVICE.fullmatch(v) is not None,
    "_history": _is_history,
    "_input_columns": _or_none(_are_positions),
    "_input_scale": _or_none(lambda v: _are_amounts(v) and v.dtype == np.float32),
    "_layout": _is_a(BlockLayout),
    "_may_miss": _is_bool,
    "_net_state": _is_net_state,
    "_token_sizes": _are_token_sizes,
    "_training_data": _is_a(GraphData),
    "classes_": lambda v: is_class_array(v, 2),
    "graph_": lambda v: isinstance(v, MultiOmicsGraph | sparse.csr_array),
    "n_features_in_": is_positive,
    "n_iter_": is_positive,
    "omics_": _is_names,
    "path_": _is_a(BlockRidgeClassifier),
    "token_names_": _is_names,
    # Block ridge
    "_coef": is_table,
    "_mean": is_row,
    "_offset": is_row,
    "alpha_": _is_amount,
    "block_weights_": _are_amounts,
    "feature_scale_": lambda v: (
        isinstance(v, dict) and all(map(_is_exponent, v.values()))
    ),
    "feature_weights_": _are_amounts,
    "oof_decision_function_": _are_logits,
    "temperature_": _is_amount,
    # Calls that are left open, and sets
    "held_out_confidence_": lambda v: is_row(v) and v.min() >= 0,
    "held_out_correct_": lambda v: is_mask(v) and v.ndim == 1,
    "cutoffs_": _are_amounts,
    # Transformers
    "cohort_location_": is_row,
    "cohort_quantiles_": is_table,
    "cohort_scale_": _are_amounts,
    "location_": is_row,
    "n_cohort_samples_": lambda v: is_integer(v, 0),
    "reference_": lambda v: is_row(v) or is_table(v),
    "scale_": _are_amounts,
    "_is_split_by_parameter": _is_bool,
    "_names_out": _is_name_array,
    "feature_names_in_": _is_name_array,
    "geometric_means_": is_row,
    "idf_": is_row,
    "target_sum_": _is_number,
    "transformers_": lambda v: (
        isinstance(v, dict) and all(map(_is_passthrough_or_transformer, v.values()))
    ),
    # Selectors
    "n_top_": _is_dict_of(is_positive),
    "p_values_": _are_amounts,
    "pfer_bounds_": _is_dict_of(_is_amount),
    "selection_frequencies_": _are_amounts,
    "support_": is_mask,
    "thresholds_": _is_dict_of(_is_amount),
    # Layouts and graphs
    "names": _is_names,
    "is_named": _is_bool,
    "_adjacency": is_graph,
    "_center": is_row,
    "_fusion": _is_a(Nemo | SimilarityNetworkFusion),
    "_k": is_positive,
    "_mass": is_row,
    "_members": is_list_of(_is_a(SampleGraph)),
    "_n": is_positive,
    "_n_features": is_list_of(is_positive),
    "_neighbors": is_positive,
    "_parts": is_list_of(_is_a(NemoOmics)),
    "_reach": is_row,
    "_spread": is_row,
    "adjacency_": is_graph,
    "graphs_": is_list_of(is_graph),
    "threshold_": _is_number,
    # Training samples of graph models
    "batch_size": _or_none(is_positive),
    "blocks": is_list_of(lambda v: is_table(v) and v.dtype == np.float32),
    "codes": lambda v: isinstance(v, np.ndarray) and v.dtype == np.int64,
    "graphs": is_list_of(is_graph),
    "n_layers": lambda v: is_integer(v, 1, _MAX_LAYERS),
    "n_neighbors": is_positive,
    "present": _or_none(is_mask),
    "sums_first": _is_bool,
    "weights": _or_none(is_row),
}
