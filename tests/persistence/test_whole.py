"""Files whose parts do not fit one another, or do not answer, make no model."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PowerTransformer,
    StandardScaler,
)

from skomics import load_model, save_model
from skomics.persistence._attributes import ATTRIBUTES
from skomics.persistence._writer import Writer
from tests.persistence.files import (
    array_of,
    assert_refused,
    forge,
    parts_of,
    predictions,
    refuse_all,
    state_of,
    states_of,
    watched,
)
from tests.persistence.models import CODES, table


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


def architecture_of(structure, name="SMAClassifier"):
    net = dict(map(tuple, state_of(structure, name)["_net_state"]["dict"]))
    return net["architecture"]["dict"]


def put(pairs, key, value):
    """Set, add or (for None) take away a key of a dict as files have it."""
    pairs[:] = [pair for pair in pairs if pair[0] != key]
    if value is not None:
        pairs.append([key, value])


# Networks and what they are made of


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("block_sizes", [12, 7, 5], "is for omics of other sizes"),  # of the table
        ("block_sizes", [24], "is for omics of other sizes"),
        ("block_sizes", [7.0, 5, 12, 0], "is for omics of other sizes"),
        ("n_classes", 4, "is for another number of classes"),
        ("n_classes", True, "is for another number of classes"),
        ("modality_dropout", 0.5, "drops omics at another rate"),
        ("n_residual", 3, "has no such number of members on a path"),
        ("n_residual", -1, "has no such number of members on a path"),
        ("n_residual", True, "has no such number of members on a path"),
        ("n_residual", None, "does not have the arguments of its network"),
        ("pooling", None, "does not have the arguments of its network"),
        ("token_widths", [1, 2, 3], "does not have the arguments of its network"),
        ("device", "meta", "does not have the arguments of its network"),
        ("self", 1, "does not have the arguments of its network"),
        ("n_heads", 3, "has no sound network .* must be a multiple"),
        ("n_ensemble", 10**6, "makes no model here"),
    ],
)
def test_architecture_that_is_not_the_models_is_refused(key, value, message, file):
    structure, tensors = parts_of("sma")
    put(architecture_of(structure), key, value)
    forge(file, structure, tensors)
    assert_refused(file, match=message)


def test_network_that_is_trained_for_other_epochs_than_it_says_is_refused(file):
    structure, tensors = parts_of("sma")
    state_of(structure, "SMAClassifier")["n_iter_"] = 3
    forge(file, structure, tensors)
    assert_refused(file, match=r"_history does not have the epochs of n_iter_")


def test_state_of_older_development_versions_is_refused(file):
    structure, tensors = parts_of("sma")
    state_of(structure, "SMAClassifier")["history_"] = []
    forge(file, structure, tensors)
    assert_refused(file, match="has the attribute 'history_', which a SMAClassifier")
    structure, tensors = parts_of("net")
    net = state_of(structure, "EFNNClassifier")["_net_state"]["dict"]
    put(net, "history", [])
    forge(file, structure, tensors)
    assert_refused(file, match="_net_state is not what it should be")


# The linear path


def test_members_on_a_path_that_is_not_there_are_refused(file):
    structure, tensors = parts_of("sma")
    state = state_of(structure, "SMAClassifier")
    layout = state_of(structure, "BlockLayout")
    del state["path_"]
    state["_layout"] = {"object": ["skomics._blocks.BlockLayout", layout]}
    forge(file, structure, tensors)
    assert_refused(file, match="has members or features on a linear path, but no")


@pytest.mark.parametrize("value", [None, "trained", "ridge"])
def test_a_path_that_the_parameter_does_not_name_does_no_harm(value, file):
    """The parameter may have been set after fit; what was fitted counts."""
    structure, tensors = parts_of("sma")
    expected = predictions(load_model(forge(file, structure, tensors)))
    state_of(structure, "SMAClassifier")["linear_path"] = value
    forge(file, structure, tensors)
    with watched(file):
        loaded = load_model(file)
    np.testing.assert_array_equal(predictions(loaded), expected)


SCALES = {
    "short": (np.ones(23, np.float32), "is not as long as there are features"),
    "double": (np.ones(24), "is not what it should be"),
    "negative": (-np.ones(24, np.float32), "is not what it should be"),
    "nan": (np.full(24, np.nan, np.float32), "is not what it should be"),
    "zeros": (np.zeros(24, np.float32), "_input_columns are not the features"),
    "fewer": (np.arange(24, dtype=np.float32), "_input_columns are not the features"),
}


@pytest.mark.parametrize("name", SCALES)
def test_weights_of_the_input_that_do_not_fit_are_refused(name, file):
    scale, message = SCALES[name]
    structure, tensors = parts_of("sma")
    tensors["scale"] = scale
    state_of(structure, "SMAClassifier")["_input_scale"] = {"array": ["scale", False]}
    forge(file, structure, tensors)
    assert_refused(file, match=message)


COLUMNS = {
    "none": None,
    "floats": np.arange(24.0),
    "twice": np.zeros(24, np.int64),
    "fewer": np.arange(23),
    "more": np.arange(25),
    "negative": np.arange(24) - 1,
    "mixed": np.arange(24)[::-1].copy(),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_the_input_that_do_not_fit_are_refused(name, file):
    structure, tensors = parts_of("sma")
    state, columns = state_of(structure, "SMAClassifier"), COLUMNS[name]
    if columns is None:
        state["_input_columns"] = None
    else:
        tensors["columns"] = columns
        state["_input_columns"] = {"array": ["columns", False]}
    forge(file, structure, tensors)
    assert_refused(file, match="_input_columns|_token_sizes are of other features")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_token_sizes", None),
        ("_token_sizes", [[7], [5], [12.0]]),
        ("_token_sizes", [[7], [5], []]),
        ("_token_sizes", [[24]]),
        ("_token_sizes", [[8], [5], [11]]),
        ("token_names_", {"tuple": ["a", "b", "a"]}),
        ("token_names_", {"tuple": ["a"]}),
        ("token_names_", ["a", "b", "c"]),
    ],
)
def test_tokens_that_do_not_fit_are_refused(name, value, file):
    structure, tensors = parts_of("sma")
    state_of(structure, "SMAClassifier")[name] = value
    forge(file, structure, tensors)
    assert_refused(file, match="_token_sizes|token_names_")


def test_tokens_of_the_network_are_those_of_the_model(file):
    structure, tensors = parts_of("sma")
    put(architecture_of(structure), "token_sizes", [[7], [2, 3], [12]])
    forge(file, structure, tensors)
    assert_refused(file, match="_token_sizes are of other features or names")


@pytest.mark.parametrize("value", ["x", 1, True, [], {"dict": []}])
def test_a_linear_path_that_there_is_not_is_refused(value, file):
    structure, tensors = parts_of("sma")
    state_of(structure, "SMAClassifier")["linear_path"] = value
    forge(file, structure, tensors)
    assert_refused(file, match="The 'linear_path' parameter of SMAClassifier must be")


def with_path(change):
    structure, tensors = parts_of("sma")
    change(state_of(structure, "BlockRidgeClassifier"), tensors)
    return structure, tensors


def text(values):
    return {"objects": [[len(values)], list(values)]}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("classes_", text("xyz"), r"path_ has other classes"),
        ("classes_", text("ab"), r"path_\._coef does not have the shape"),
        ("omics_", {"tuple": ["rna"]}, r"has other modalities or features"),
        ("n_features_in_", 23, r"has other modalities or features|no name for each"),
    ],
)
def test_path_of_another_model_is_refused(name, value, message, file):
    structure, tensors = with_path(lambda state, _: state.update({name: value}))
    forge(file, structure, tensors)
    assert_refused(file, match=message)


def test_path_that_is_not_fitted_or_is_none_is_refused(file):
    structure, tensors = parts_of("sma")
    state = state_of(structure, "SMAClassifier")
    layout = state_of(structure, "BlockLayout")
    state["_layout"] = {"object": ["skomics._blocks.BlockLayout", layout]}
    state["path_"] = {"object": ["skomics.BlockRidgeClassifier", {}]}
    forge(file, structure, tensors)
    assert_refused(file, match=r"path_ is not fitted")
    state["path_"] = {"object": ["sklearn.linear_model.LogisticRegression", {}]}
    forge(file, structure, tensors)
    assert_refused(file, match=r"path_ is not what it should be")


# Block ridge

ARRAYS = (
    *("_coef", "_mean", "_offset", "block_weights_", "feature_weights_"),
    "oof_decision_function_",
)
CHANGES = {
    "short": lambda a: a[:-1],
    "flat": lambda a: a.ravel()[:2],
    "deep": lambda a: a[None],
    "twice": lambda a: np.concatenate([a, a], axis=-1),
    "infinite": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, np.inf, a),
    "nan": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, np.nan, a),
    "bool": lambda a: a > 0,
    "none": lambda a: a[:0],
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("model", ["ridge", "sma"])
def test_numbers_of_block_ridge_that_do_not_fit_are_refused(model, name, file):
    for kind, change in CHANGES.items():
        structure, tensors = parts_of(model)
        node = state_of(structure, "BlockRidgeClassifier")[name]
        key = array_of(tensors, node)
        tensors[key] = change(tensors[key])
        if (kind, name) == ("short", "oof_decision_function_"):
            continue  # of fewer samples, which nothing else counts
        forge(file, structure, tensors)
        assert_refused(file, match=rf"{name} (is not what|does not have the shape)")


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "alpha_": (-1.0, {"float": "nan"}, {"float": "inf"}, "1", None, True, []),
        "temperature_": (-1.0, {"float": "nan"}, "1", None, True, []),
        "_may_miss": (None, 1, "x"),
        "feature_scale_": (
            *(None, [], "top", {"dict": []}, {"dict": [["rna", 0]]}),
            *({"dict": [["rna", v], ["methylation", 0], ["mirna", 0]]} for v in (-1,)),
            *({"dict": [["rna", v], ["methylation", 0], ["mirna", 0]]} for v in ("x",)),
            {"dict": [["mirna", 0], ["methylation", 0], ["rna", 0]]},
        ),
        "_layout": (None, "x", {"dict": []}),
        "classes_": (None, text("ba"), text("a")),
    }.items(),
)
def test_values_of_block_ridge_that_are_none_are_refused(name, values, file):
    for value in values:
        structure, tensors = parts_of("ridge")
        state_of(structure, "BlockRidgeClassifier")[name] = value
        forge(file, structure, tensors)
        assert_refused(file, match="makes no model here")


def test_block_ridge_without_any_of_its_attributes_is_refused(file):
    variants = []
    for model in ("ridge", "sma"):
        holder = state_of(parts_of(model)[0], "BlockRidgeClassifier")
        for name in holder:
            is_fitted = name.endswith("_") or name.startswith("_")
            # Names, and the receipt of models of earlier versions, may be absent, and
            # a path that was learned from a file has no logits of its samples.
            optional = ("feature_names_in_", "_fit_receipt", "oof_decision_function_")
            if is_fitted and name not in optional:
                structure, tensors = parts_of(model)
                del state_of(structure, "BlockRidgeClassifier")[name]
                variants.append((structure, tensors))
    more = [parts_of(m) for m in ("ridge", "sma") for _ in range(10)]
    for i, (structure, tensors) in enumerate(more):
        state_of(structure, "BlockRidgeClassifier")[f"coef_{i}"] = 1.0
        variants.append((structure, tensors))
    refuse_all(file, variants, match="makes no model here")


# Receipts


@pytest.mark.parametrize(
    "receipt", [[], "text", {"a": object}, {1: "a"}, {"a": {"b": {"c": {"d": {}}}}}]
)
def test_a_receipt_that_is_not_plain_is_no_receipt(receipt):
    assert not ATTRIBUTES["_fit_receipt"](receipt)


def test_a_model_without_a_receipt_is_read(file):
    structure, tensors = parts_of("ridge")
    del state_of(structure, "BlockRidgeClassifier")["_fit_receipt"]
    forge(file, structure, tensors)
    assert hasattr(load_model(file)[-1], "coef_")


# Selectors


@pytest.mark.parametrize("name", ["selection_frequencies_", "support_"])
def test_numbers_of_a_selector_that_do_not_fit_are_refused(name, file):
    for change in ("short", "deep", "twice", "none"):
        structure, tensors = parts_of("selector")
        key = array_of(tensors, state_of(structure, "StabilitySelector")[name])
        tensors[key] = CHANGES[change](tensors[key])
        forge(file, structure, tensors)
        assert_refused(file, match=rf"{name} (is not what|does not have a value)")


@pytest.mark.parametrize("name", ["thresholds_", "n_top_", "pfer_bounds_"])
def test_values_of_a_selector_that_are_none_are_refused(name, file):
    for value in (None, "x", [], {"dict": []}, {"dict": [["rna", "x"]]}):
        structure, tensors = parts_of("selector")
        state_of(structure, "StabilitySelector")[name] = value
        forge(file, structure, tensors)
        assert_refused(file, match="makes no model here")
    structure, tensors = parts_of("selector")
    state_of(structure, "StabilitySelector")["n_top_"]["dict"].reverse()
    forge(file, structure, tensors)
    assert_refused(file, match="n_top_ are not those of the omics")


@pytest.mark.parametrize(
    "name", ["selection_frequencies_", "support_", "thresholds_", "n_top_"]
)
def test_selector_without_any_of_its_attributes_is_refused(name, file):
    structure, tensors = parts_of("selector")
    del state_of(structure, "StabilitySelector")[name]
    forge(file, structure, tensors)
    assert_refused(file, match=f"has no {name}")


# What is composed answers too, or is refused


def composed(model, file, change):
    """Save a model, alter what is written, and return the file."""
    writer = Writer()
    structure = writer.encode(model, "model")
    tensors = {name: array.copy() for name, array in writer.tensors.items()}
    change(structure, tensors)
    return forge(file, structure, tensors)


def narrow_centroids(structure, tensors):
    state = next(
        s for s in states_of(structure, "NearestCentroid") if "centroids_" in s
    )
    key = array_of(tensors, state["centroids_"])
    tensors[key] = tensors[key][:, :-1]


COMPOSED = {
    "voting": VotingClassifier([("a", NearestCentroid())]),
    "stacking": StackingClassifier([("a", NearestCentroid())], cv=2),
    "bagging": BaggingClassifier(NearestCentroid(), 2, random_state=0),
    "rest": OneVsRestClassifier(LogisticRegression()),
    "search": GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_ensembles_without_their_members_are_refused(name, file):
    X, _ = table()
    model = clone(COMPOSED[name]).fit(X.to_numpy(), CODES)
    member = "best_estimator_" if name == "search" else "estimators_"

    def drop(structure, tensors):
        del structure["object"][1][member]

    assert_refused(composed(model, file, drop), match="makes no model here")


@pytest.mark.parametrize("name", ["voting", "stacking", "bagging"])
def test_ensembles_with_a_member_of_another_width_are_refused(name, file):
    X, _ = table()
    model = clone(COMPOSED[name]).fit(X.to_numpy(), CODES)
    path = composed(model, file, narrow_centroids)
    assert_refused(path, match=r"cannot predict \(ValueError")


def test_votes_that_are_no_codes_of_classes_are_refused(file):
    """They would be counted, from 0 to the largest of them."""
    structure, tensors = parts_of("voting")
    state = next(s for s in states_of(structure, "NearestCentroid") if "classes_" in s)
    tensors[array_of(tensors, state["classes_"])][-1] = 2**31 - 1
    forge(file, structure, tensors)
    assert_refused(file, match="has a member that is no classifier for its classes")


def test_constants_that_are_no_class_are_refused(file):
    X, _ = table()
    model = DummyClassifier(strategy="constant", constant=1).fit(X, CODES)

    def change(structure, tensors):
        structure["object"][1]["constant"] = 2**31

    assert_refused(composed(model, file, change), match="constant is none of its cl")


def test_members_that_learned_other_labels_are_refused(file):
    structure, tensors = parts_of("voting")
    tensors["other"] = np.arange(5)
    state_of(structure, "LabelEncoder")["classes_"] = {"array": ["other", False]}
    forge(file, structure, tensors)
    assert_refused(file, match=r"model\.le_ has other classes")


@pytest.mark.parametrize("step", ["x", 1, {"tuple": []}])
def test_pipelines_with_a_step_that_cannot_transform_are_refused(step, file):
    structure, tensors = parts_of("onehot")
    structure["object"][1]["steps"][0]["tuple"][1] = step
    forge(file, structure, tensors)
    assert_refused(file, match="has a step 'onehotencoder' that cannot transform")


def test_pipelines_whose_last_step_reads_other_features_are_refused(file):
    X, y = table()
    scaled = make_pipeline(StandardScaler(), FunctionTransformer(), NearestCentroid())
    model = scaled.fit(X.to_numpy(), y)
    other = NearestCentroid().fit(X.to_numpy()[:, :3], y)
    model.steps[-1] = ("nearestcentroid", other)
    with pytest.raises(ValueError, match="has a last step that reads 3 features"):
        save_model(model, file)


def test_transformers_whose_answer_is_nan_are_refused(file):
    X, _ = table()
    model = StandardScaler().fit(X.to_numpy())
    model.mean_[0] = np.nan
    with pytest.raises(ValueError, match="gives NaN or infinity for transform"):
        save_model(model, file)


# What is sound is not refused for what it makes of a sample

CHOOSY = {
    "logarithm": make_pipeline(FunctionTransformer(np.log), StandardScaler()),
    "box_cox": PowerTransformer(method="box-cox"),
    "texts": OneHotEncoder(),
    "categories": CategoricalNB(),
    "exponential": PoissonRegressor(alpha=0, max_iter=500),
    "uniform": DummyClassifier(strategy="uniform", random_state=0),
    "any_width": make_pipeline(FunctionTransformer(np.sqrt), LogisticRegression()),
}


@pytest.mark.parametrize("name", CHOOSY)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_models_that_do_not_take_any_number_can_be_saved(name, file):
    X, _ = table()
    X = X.to_numpy()[:, :4] + 0.01
    X = {"texts": X.round(1).astype(str), "categories": X.round() * 0}.get(name, X)
    X = 1e-3 * X if name == "exponential" else X
    model = clone(CHOOSY[name]).fit(X, CODES)
    save_model(model, file)
    loaded = load_model(file)
    method = "predict" if hasattr(model, "predict") else "transform"
    expected, got = (getattr(one, method)(X) for one in (model, loaded))
    if sparse.issparse(expected):
        expected, got = expected.toarray(), got.toarray()
    np.testing.assert_array_equal(got, expected)


def test_trial_does_not_move_the_seed_of_a_model_or_of_numpy(file):
    X, _ = table()
    np.random.seed(3)  # noqa: NPY002 - the global generator is what is looked at
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    seed = np.random.RandomState(1)
    model = DummyClassifier(strategy="stratified", random_state=seed).fit(X, CODES)
    save_model(VotingClassifier([("a", model)]).fit(X, CODES), file)
    load_model(file)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
