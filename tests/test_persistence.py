"""Promises of model files: the same predictions, no code, and errors that help."""

import json
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler
from skorch.callbacks import GradientNormClipping

import skomics
from skomics import EFNNClassifier, OmicsConcatenator, load_model, save_model
from skomics.persistence import _digest, _Reader, _Writer
from skomics.testing import all_estimators
from tests.conftest import REPOSITORY, SIZES, make_tiny
from tests.test_common import quick_estimators

REFERENCE = REPOSITORY / "tests" / "reference"
EFNN = EFNNClassifier(hidden_layer_sizes=(8,), max_epochs=3, random_state=0)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def fitted(tiny):
    return clone(EFNN).fit(*tiny)


def save_and_load(model, file):
    save_model(model, file)
    return load_model(file)


def read_header(file):
    with safe_open(file, framework="numpy") as opened:
        return json.loads(opened.metadata()["skomics"])


def rewrite(file, **changes):
    """Write a file again with another header."""
    tensors, header = load_file(file), read_header(file) | changes
    header["sha256"] = _digest(header["model"], tensors)
    save_file(tensors, file, metadata={"skomics": json.dumps(header)})


# What comes back


def with_two_epochs(estimator):
    epochs = {"max_epochs", "pretrain_epochs"} & estimator.get_params().keys()
    return clone(estimator).set_params(**dict.fromkeys(epochs, 2))


@pytest.mark.parametrize("estimator", list(quick_estimators()), ids=str)
def test_every_public_estimator_gives_the_same_answers(estimator, tiny, file):
    X, y = tiny
    X = X.abs() / (1 + X.abs())  # which counts, proportions and beta values may be
    model = with_two_epochs(estimator).fit(X, y)
    loaded = save_and_load(model, file)
    method = "predict_proba" if hasattr(model, "predict_proba") else "transform"
    expected, got = (np.asarray(getattr(m, method)(X)) for m in (model, loaded))
    assert expected.tobytes() == got.tobytes()
    assert str(loaded) == str(model)


def test_every_public_estimator_is_tried():
    tried = {type(estimator) for estimator in quick_estimators()}
    assert tried == {cls for _, cls in all_estimators()}


def test_loaded_model_has_the_history_and_the_names(fitted, file):
    loaded = save_and_load(fitted, file)
    pd.testing.assert_frame_equal(loaded.history_, fitted.history_)
    assert loaded.feature_names_in_.tolist() == fitted.feature_names_in_.tolist()
    assert loaded.feature_names_in_.dtype == fitted.feature_names_in_.dtype
    assert loaded.classes_.tolist() == fitted.classes_.tolist()


def test_loaded_model_can_be_cloned_fitted_and_saved_again(fitted, tiny, file):
    loaded = save_and_load(fitted, file)
    again = clone(loaded).fit(*tiny)
    np.testing.assert_array_equal(
        again.predict_proba(tiny[0]), fitted.predict_proba(tiny[0])
    )
    first = file.read_bytes()
    save_model(loaded, file)
    assert file.read_bytes() == first


@pytest.mark.parametrize("labels", [int, str, float, bool, object])
def test_classes_keep_their_type(labels, tiny, file):
    y = np.arange(len(tiny[0])) % 2
    y = np.array(["a", "b"], dtype=object)[y] if labels is object else y.astype(labels)
    model = clone(EFNN).fit(tiny[0], y)
    loaded = save_and_load(model, file)
    assert loaded.predict(tiny[0]).dtype == model.predict(tiny[0]).dtype


PIPELINES = {
    "table": make_pipeline(
        SimpleImputer(strategy="median").set_output(transform="pandas"),
        VarianceThreshold().set_output(transform="pandas"),
        StandardScaler().set_output(transform="pandas"),
        clone(EFNN),
    ),
    "columns": make_pipeline(
        ColumnTransformer([("log", FunctionTransformer(np.abs), [0, 1, 2])]),
        RobustScaler(),
        LogisticRegression(),
    ),
    "ridge": make_pipeline(StandardScaler(), RidgeClassifier()),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_comes_back_whole(name, tiny, file):
    X, y = tiny
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1) if name == "table" else X
    model = clone(PIPELINES[name]).fit(X, y)
    loaded = save_and_load(model, file)
    np.testing.assert_array_equal(
        loaded.decision_function(X), model.decision_function(X)
    )


@pytest.mark.parametrize("levels", [1, 2])
def test_pipeline_of_omics_scores_one_new_patient(levels, tiny, file):
    X, y = tiny
    if levels == 2:
        X = X.set_axis(X.columns.str.split("__", expand=True), axis=1)
        omics = {name: X[name] for name in SIZES}
    else:
        omics = {name: X.filter(like=f"{name}__") for name in SIZES}
    concatenator = OmicsConcatenator(transformer=StandardScaler())
    model = make_pipeline(concatenator, clone(EFNN)).fit(omics, y)
    loaded = save_and_load(model, file)
    # One patient, omics in another order.
    patient = {name: omics[name].iloc[[3]] for name in reversed(SIZES)}
    np.testing.assert_array_equal(
        loaded.predict_proba(patient), model.predict_proba(patient)
    )


def test_loaded_model_predicts_in_another_process(fitted, tiny, file, tmp_path):
    save_model(fitted, file)
    np.save(tmp_path / "X.npy", tiny[0].to_numpy())
    code = (
        "import sys, numpy as np, pandas as pd; from skomics import load_model; "
        "model = load_model(sys.argv[1]); "
        "X = pd.DataFrame(np.load(sys.argv[2]), columns=model.feature_names_in_); "
        "print(model.predict_proba(X).tobytes().hex())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(file), str(tmp_path / "X.npy")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == fitted.predict_proba(tiny[0]).tobytes().hex()


def test_model_that_asks_for_a_missing_device_is_loaded_on_the_cpu(fitted, tiny, file):
    expected = fitted.predict_proba(tiny[0])
    fitted.device = f"cuda:{torch.cuda.device_count()}"  # as if trained elsewhere
    loaded = save_and_load(fitted, file)
    np.testing.assert_array_equal(loaded.predict_proba(tiny[0]), expected)


def test_seed_that_is_a_generator_goes_on_where_it_was(tiny, file):
    model = clone(EFNN).set_params(random_state=np.random.RandomState(3)).fit(*tiny)
    loaded = save_and_load(model, file)
    assert loaded.random_state.randint(1000) == model.random_state.randint(1000)


def test_file_of_the_first_format_still_gives_its_predictions():
    X, _ = make_tiny()
    model = load_model(REFERENCE / "efnn_format_1.safetensors")
    expected = pd.read_csv(REFERENCE / "efnn_format_1.csv", index_col=0)
    got = pd.DataFrame(model.predict_proba(X), X.index, model.classes_)
    pd.testing.assert_frame_equal(got, expected, rtol=1e-4, atol=1e-6)


# Values


numbers = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)
)
plain_arrays = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "u1", "?"]).flatmap(
    lambda dtype: arrays(dtype, st.lists(st.integers(0, 3), max_size=3).map(tuple))
)
values = st.recursive(
    st.one_of(numbers, plain_arrays, plain_arrays.map(np.transpose)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner),
    ),
    max_leaves=8,
)


def back(value):
    writer = _Writer()
    text = json.dumps(writer.encode(value, "value"), allow_nan=False)
    return _Reader(writer.tensors).decode(json.loads(text))


def assert_same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, list | tuple):
        assert len(got) == len(expected)
        for pair in zip(got, expected, strict=True):
            assert_same(*pair)
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            assert_same(got[key], expected[key])
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(got, expected, strict=True)
        assert got.flags.c_contiguous == expected.flags.c_contiguous
    else:
        assert got == expected or (got != got and expected != expected)


@given(values)
@settings(max_examples=200)
def test_values_come_back_the_same(value):
    assert_same(back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"epoch": [1, 2], "loss": [0.5, np.nan]}),
        pd.DataFrame([["a", 1.5]], index=["p"], columns=["x", "x"]),
        pd.DataFrame(columns=["x"], dtype=float),
        pd.Series(["a", None], dtype="str", name="subtype"),
        pd.Series([True, False], index=[3, 1]),
    ],
)
def test_tables_come_back_the_same(value):
    same = pd.testing.assert_frame_equal
    if isinstance(value, pd.Series):
        same = pd.testing.assert_series_equal
    same(back(value), value)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(2, 8, 3, name="row"),
        pd.Index(["a", "b"], name="feature"),
        pd.Index(["a", 1, None], dtype=object),
        pd.Index([1.5, np.nan]),
    ],
)
def test_labels_come_back_the_same(index):
    pd.testing.assert_index_equal(back(index), index, exact=True)


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
def test_sparse_matrices_come_back_the_same(kind):
    matrix = getattr(sparse, kind)(np.diag([1.0, 0, 2]))
    again = back(matrix)
    assert type(again) is type(matrix)
    np.testing.assert_array_equal(again.toarray(), matrix.toarray())


@pytest.mark.parametrize(
    "value",
    [np.float32(0.1), np.int64(3), np.bool_(True), np.str_("a"), np.dtype("f4")]
    + [np.log1p, np.float64, float, slice(1, None), float("inf")],
)
def test_small_things_come_back_the_same(value):
    again = back(value)
    assert again == value
    assert type(again) is type(value)


def test_an_array_that_is_held_twice_is_stored_once():
    array = np.arange(6.0)
    writer = _Writer()
    writer.encode([array, {"a": array}], "value")
    assert len(writer.tensors) == 1
    first, second = back([array, array])
    assert first is second


# Nothing in the file is code


def test_file_holds_no_pickle(fitted, file):
    save_model(fitted, file)
    assert all(a.dtype.kind in "biuf" for a in load_file(file).values())
    assert read_header(file)["model"]["object"][1] == "EFNNClassifier"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("sklearn.externals.array_api_compat.numpy", "eval"),
        ("sklearn.utils", "Bunch"),
        ("skomics.persistence", "save_model"),
        ("skomics.benchmark.__main__", "main"),
        ("sklearn.base", "nothing"),
    ],
)
def test_only_estimators_are_made_from_names_in_a_file(module, name, fitted, file):
    save_model(fitted, file)
    rewrite(file, model={"object": [module, name, {}]})
    with pytest.raises(ValueError, match=f"names {module}.{name}, which is no estim"):
        load_model(file)


def test_functions_of_a_file_are_ufuncs_only(fitted, file):
    save_model(fitted, file)
    rewrite(file, model={"ufunc": "load"})
    with pytest.raises(ValueError, match=r"TypeError: numpy\.load is no ufunc"):
        load_model(file)


def test_what_metadata_a_pipeline_routes_comes_back(tiny, file):
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(EFNN).set_fit_request(sample_weight=True).fit(*tiny)
    loaded = save_and_load(model, file)
    assert loaded.get_metadata_routing().fit.requests == {"sample_weight": True}


# Refusals


def lambda_of(X, y):
    return make_pipeline(FunctionTransformer(lambda X: X), RidgeClassifier()).fit(X, y)


def callbacks_of(X, y):
    return clone(EFNN).set_params(callbacks=[GradientNormClipping(1)]).fit(X, y)


def monitor_of(X, y):
    return clone(EFNN).set_callbacks(ScoringMonitor(scoring="accuracy")).fit(X, y)


def search_of(X, y):
    return GridSearchCV(RidgeClassifier(), {"alpha": [1, 2]}, cv=2).fit(X, y)


class Mine(RidgeClassifier):
    """An estimator of a user."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda_of,
            r"model\.steps\[0\]\[1\]\.func is a builtins.function, which a file",
        ),
        (callbacks_of, r"callbacks\[0\] is a skorch\..* Take the callbacks out with"),
        (monitor_of, r"_skl_callbacks\[0\] is a sklearn\..* and set_callbacks\(\)"),
        (search_of, r"Got a .*GridSearchCV to save, .* Save its best_estimator_"),
        (
            lambda X, y: RandomForestClassifier(2).fit(X, y),
            r"estimators_.*tree_ is a sk",
        ),
        (lambda X, y: Mine().fit(X, y), r"model is a .*Mine, which .* pickle and load"),
        (lambda X, y: SelectKBest(f_classif, k=2).fit(X, y), r"model\.score_func is a"),
    ],
)
def test_what_needs_code_is_refused_with_its_place(make, message, tiny, file):
    model = make(*tiny)
    with pytest.raises(TypeError, match=message):
        save_model(model, file)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [
        np.array([1j]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.ma.array([1.0]),
        np.longdouble(1),
        OrderedDict(a=1),
        {1, 2},
        pd.Series([1, 2], dtype="category"),
        pd.date_range("2020-01-01", periods=2),
        pd.MultiIndex.from_tuples([("rna", "a")]),
        sparse.coo_array(np.eye(2)),
        np.random.default_rng(0),
        np.datetime64,
    ],
)
def test_values_of_other_kinds_are_refused(value):
    with pytest.raises(TypeError, match="which a file without code cannot hold"):
        back([value])


def test_only_fitted_estimators_are_saved(file):
    with pytest.raises(NotFittedError):
        save_model(clone(EFNN), file)
    with pytest.raises(
        TypeError, match=r"Got a builtins\.dict to save\. Give a fitted"
    ):
        save_model({"a": 1}, file)


def test_a_save_that_fails_leaves_the_old_file(fitted, tiny, file, monkeypatch):
    save_model(fitted, file)
    before = file.read_bytes()

    def fill_the_disk(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(skomics.persistence, "save_file", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        save_model(fitted, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_file_may_be_read_by_whom_other_new_files_may(fitted, file):
    save_model(fitted, file)
    other = file.with_name("other")
    other.touch()
    assert file.stat().st_mode == other.stat().st_mode


def test_file_that_is_not_there(file):
    with pytest.raises(FileNotFoundError, match="There is no file .*model.safetensors"):
        load_model(file)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_file_that_is_cut_off(share, fitted, file):
    save_model(fitted, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="is no complete safetensors file"):
        load_model(file)


@pytest.mark.parametrize("position", [-1, -400, -1000])
def test_a_changed_bit_is_noticed(position, fitted, file):
    save_model(fitted, file)
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged: its content .* Get it again"):
        load_model(file)


def test_folder_that_is_not_there(fitted, file):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*new\. Make it"):
        save_model(fitted, file.parent / "new" / "model.safetensors")


@pytest.mark.parametrize("metadata", [None, {"a": "b"}, {"skomics": "{"}])
def test_file_of_another_program(metadata, file):
    save_file({"a": np.eye(2)}, file, metadata=metadata)
    with pytest.raises(
        ValueError, match="not one of a skomics model. Give a file that"
    ):
        load_model(file)


def test_file_of_a_newer_format(fitted, file):
    save_model(fitted, file)
    rewrite(file, format=2, skomics_version="9.0")
    message = r"has format 2, of skomics 9\.0 with .* reads format 1\. Use the version"
    with pytest.raises(ValueError, match=message):
        load_model(file)


@pytest.mark.parametrize(
    "model",
    [
        {},
        [1],
        3,
        {"who": 1},
        {"array": ["x", False]},
        {"objects": []},
        {"object": ["skomics.estimators", "EFNNClassifier", {"_net_state": 1}]},
        {"object": ["skomics.estimators", "EFNNClassifier", {}], "tuple": []},
    ],
)
def test_structure_that_makes_no_model(model, fitted, file):
    save_model(fitted, file)
    rewrite(file, model=model)
    with pytest.raises(ValueError, match=r"makes no model here \(|holds a builtins"):
        load_model(file)


def test_step_of_another_scikit_learn_warns(tiny, file):
    model = make_pipeline(StandardScaler(), RidgeClassifier()).fit(*tiny)
    save_model(model, file)
    text = json.dumps(read_header(file)["model"])
    version = f'"_sklearn_version": "{sklearn.__version__}"'
    assert version in text
    older = text.replace(version, '"_sklearn_version": "1.0"')
    rewrite(file, model=json.loads(older))
    with pytest.warns(InconsistentVersionWarning):
        load_model(file)
