"""Which attributes of an object a file may hold, and which are left out of it."""

import inspect
from functools import cache

from sklearn.base import BaseEstimator

__all__ = ["MISSED", "RESET", "defaults_of", "is_allowed", "kept_state"]

# What acts on the machine or needs code: a file does not say it, and the loaded
# estimator has the defaults of its class.
RESET = frozenset(
    "callbacks checkpoint memory n_jobs n_threads net_params pre_dispatch "
    "verbose".split()
)
# Of these, what a model that is fitted again would not be the same without.
MISSED = ("callbacks", "net_params")
# Made anew from the rest of the state when a file is read, or needed in training only.
_REBUILT = frozenset(
    "_base_loss _cached_dict _curve_scorer _epoch_seconds _loss _loss_function_ "
    "_optimizer _optimizer_memory _sklearn_version _tree".split()
)
# Of scikit-learn's estimators: what they keep beside their parameters and what ends
# in an underscore. All are values, and none is the name of a method.
_PRIVATE = frozenset(
    """
    _best_coefs _best_intercepts _centerer _checked_cv_orig _columns
    _drop_idx_after_grouping _dual_coef_ _effective_probability _encoder
    _expanded_class_weight _fill_dtype _fit_X _fit_dtype _fit_method _fit_svd_solver
    _gamma _infrequent_enabled _intercept_ _label_binarizer _label_encoder _mask_fit_X
    _max_components _max_features _max_samples _metadata_request _missing_indices
    _n_feature_outs _n_features _n_features_out _n_features_outs _n_samples
    _n_samples_bootstrap _n_samples_orig _n_support _no_improvement_count
    _norm_y_weights _num_iter _precomputed _predict_1d _probA _probB _random_state
    _remainder _rng _sample_weight _scaler _seeds _sklearn_output_config
    _sparse _strategy _training_dim _transformer_to_input_indices
    _unmixing _valid_mask _x_mean _x_scores _x_std _y _y_mean _y_scores _y_std
    C algorithm alpha alpha_per_target average class_weight deflation_mode epsilon
    estimator estimator_params eta0 fit_path gcv_mode jitter l1_ratio learning_rate loss
    mode n_neighbors n_nonzero_coefs nu penalty positive power_t precompute probability
    radius random_state stack_method _average_coef _average_intercept _coef_indptr
    _intercept_indptr _standard_coef _standard_intercept n_features_to_select
    _transformers_feature_names_out
    """.split()
)
_SPLITTER = """
    cv cvargs max_train_size gap n_folds n_groups n_repeats n_splits p random_state
    shuffle test_fold test_size train_size unique_folds _default_test_size
"""
_SCORER = "_kwargs _metadata_request _response_method _score_func _sign"
_RECORDS = {
    "_CalibratedClassifier": "calibrators classes estimator method",
    "_MultimetricScorer": "_raise_exc _scorers",
    "_PassthroughScorer": "_estimator _metadata_request",
    "_Scorer": _SCORER,
}
# Of our own classes, beside the parameters of estimators.
_NET = """
    _dropout_rate _expects_missing _fit_receipt _fitted_device _history _input_columns
    _input_scale _layout _may_miss _metadata_request _net_state classes_
    feature_names_in_ n_features_in_ n_iter_ omics_ path_
"""
_RIDGE = """
    _coef _fit_receipt _layout _may_miss _mean _metadata_request _offset alpha_
    block_weights_ classes_ feature_names_in_ feature_scale_ feature_weights_
    n_features_in_ omics_ oof_decision_function_ temperature_
"""
_GRAPH_NET = f"{_NET} _training_data graph_"
_COUNTS = "_metadata_request _sklearn_output_config feature_names_in_ n_features_in_"
_HELD_OUT = "_metadata_request estimator_ feature_names_in_ n_features_in_"
_OURS = {
    "AtacTfidfTransformer": f"{_COUNTS} idf_",
    "BatchedSearchCV": """
        _metadata_request batches_ best_estimator_ best_index_ best_params_ best_score_
        cv_results_ feature_names_in_ multimetric_ n_candidates_ n_iterations_
        n_resources_ n_splits_ refit_time_ scorer_""",
    "BlockRidgeClassifier": _RIDGE,
    "CohortScaler": f"""
        {_COUNTS} cohort_location_ cohort_scale_ location_ n_cohort_samples_ scale_""",
    "ConformalClassifier": f"{_HELD_OUT} cutoffs_",
    "CLRTransformer": f"{_COUNTS} geometric_means_",
    "LibrarySizeNormalizer": f"{_COUNTS} target_sum_",
    "MValueTransformer": _COUNTS,
    "ReferenceQuantileNormalizer": f"""
        {_COUNTS} cohort_quantiles_ n_cohort_samples_ reference_""",
    "SampleRankTransformer": _COUNTS,
    "SelectiveClassifier": f"""
        {_HELD_OUT} held_out_confidence_ held_out_correct_ threshold_""",
    "OmicsConcatenator": f"""
        {_COUNTS} _columns_in _features_in _fit_receipt _is_split_by_parameter _layout
        _names_out block_sizes_ block_slices_ omics_ transformers_""",
    "StabilitySelector": f"""
        {_COUNTS} n_top_ p_values_ pfer_bounds_ selection_frequencies_ support_
        thresholds_""",
    **dict.fromkeys(
        "EFCNNClassifier EFNNClassifier LFCNNClassifier LFNNClassifier".split(), _NET
    ),
    "SMAClassifier": f"{_NET} _token_sizes token_names_",
    "MoGATClassifier": _GRAPH_NET,
    "MoGCNClassifier": _GRAPH_NET,
    "BlockLayout": "columns is_named names",
    "GraphData": """
        batch_size blocks codes graphs n_layers n_neighbors present sums_first weights
    """,
    "MultiOmicsGraph": "_adjacency _fusion _measured _members _n_features graphs_",
    "SampleGraph": """
        _center _references _scales adjacency_ feature_names_in_ graph_ n_features_in_
        threshold_""",
    "Nemo": "_k _measured _parts",
    "NemoOmics": "_center _k _mass _n _reach _references _samples _spread",
    **dict.fromkeys(
        ("CappedStratifiedKFold", "RepeatedStratifiedGroupKFold"), _SPLITTER
    ),
    "SimilarityNetworkFusion": "_centers _k _neighbors _others _references _scales",
}


@cache
def defaults_of(cls):
    """Return the constructor's parameters with their defaults.

    Parameters
    ----------
    cls : type
        A class that a file may name.

    Returns
    -------
    defaults : dict
        Empty for a class that is no estimator.
    """
    if not issubclass(cls, BaseEstimator):
        return {}
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "self"}


@cache
def _attributes(cls):
    """Return the names on the list of a class that has one, else None."""
    if cls.__module__.startswith("skomics."):
        return frozenset(_OURS[cls.__name__].split())
    if issubclass(cls, BaseEstimator):
        return None
    return frozenset(_RECORDS.get(cls.__name__, _SPLITTER).split())


@cache
def is_allowed(cls, name):
    """Tell whether an object may have an attribute.

    Parameters
    ----------
    cls : type
        The object's class, one that a file may name.

    name : str
        The attribute.

    Returns
    -------
    is_allowed : bool
        True for the parameters of an estimator and the names on the class's list. Of
        scikit-learn's estimators, also for names that end in an underscore, unless
        they begin with one or the class itself has something of that name.
    """
    listed = _attributes(cls)
    if name in defaults_of(cls) or name in RESET:
        return True
    if listed is not None:
        return name in listed
    if not name.isidentifier() or hasattr(cls, name):
        return False
    return name in _PRIVATE or (name.endswith("_") and not name.startswith("_"))


def kept_state(obj):
    """Return the part of an object's state that goes into a file.

    Parameters
    ----------
    obj : object
        Of a class that a file may name.

    Returns
    -------
    state : dict
        Without what `load_model` sets to its default or makes anew. Parameters come
        first, all in alphabetical order: that in which they were set says nothing.
    """
    get = getattr(type(obj), "__getstate__", None)
    state = dict(vars(obj) if get is None else obj.__getstate__() or {})
    left_out = RESET | _REBUILT
    parameters = defaults_of(type(obj))
    order = sorted(state, key=lambda name: (name not in parameters, name))
    return {name: state[name] for name in order if name not in left_out}
