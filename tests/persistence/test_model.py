"""Promises of model files: the same predictions, no code, and errors that help."""

import json
import os
import pickle
import subprocess
import sys
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

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
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler
from skorch.callbacks import GradientNormClipping

from skomics import (
    EFNNClassifier,
    OmicsConcatenator,
    _container,
    load_model,
    save_model,
)
from skomics._container import digest
from skomics.persistence._names import find, own_class_names
from skomics.persistence._reader import Reader
from skomics.persistence._states import _OURS
from skomics.persistence._writer import Writer
from skomics.testing import all_estimators
from tests.conftest import REPOSITORY, SIZES, make_tiny
from tests.pickles import packages_in

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
    header["sha256"] = digest(header, tensors)
    save_file(tensors, file, metadata={"skomics": json.dumps(header)})


# What comes back


def test_loaded_model_has_the_history_and_the_names(fitted, file):
    loaded = save_and_load(fitted, file)
    # How long it took is not in the file: the same fit makes the same bytes.
    kept, expected = (one.history_.drop(columns="seconds") for one in (loaded, fitted))
    pd.testing.assert_frame_equal(kept, expected)
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
        timeout=300,
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


def test_file_of_the_first_format_is_refused_with_what_to_do():
    message = r"has format 1, .* no longer read: .* Fit the model again and save it"
    with pytest.raises(ValueError, match=message):
        load_model(REFERENCE / "efnn_format_1.safetensors")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_file_of_the_present_format_still_gives_its_predictions():
    X, _ = make_tiny()
    model = load_model(REFERENCE / "pipeline_format_2.safetensors")
    expected = pd.read_csv(REFERENCE / "pipeline_format_2.csv", index_col=0)
    got = pd.DataFrame(model.predict_proba(X), X.index, model.classes_)
    pd.testing.assert_frame_equal(got, expected, rtol=1e-6, atol=1e-9)


# Values


numbers = st.one_of(
    *(st.none(), st.booleans(), st.floats(), st.text(max_size=5)),
    st.integers(-(2**120), 2**120),
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
    writer = Writer()
    text = json.dumps(writer.encode(value, "value"), allow_nan=False)
    return Reader(writer.tensors, 2**20).read(json.loads(text))


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
        np.array(["a", "ü", "\ud800", ""], dtype=object),
        np.array([["a", "bc"], ["", "日本"]]),
        np.array(["a"], dtype="<U9"),
        np.array([], dtype=object),
        np.array(["a", 1, None, 2.5], dtype=object),
        np.array([["a"], ["b"]], dtype=object).T,
    ],
    ids=str,
)
def test_texts_come_back_the_same(value):
    again = back(value)
    assert again.dtype == value.dtype
    assert again.shape == value.shape
    assert again.tolist() == value.tolist()


def test_masked_arrays_come_back_the_same():
    value = np.ma.MaskedArray([1.0, np.nan, 3.0], mask=[False, True, False])
    again = back(value)
    assert again.mask.tolist() == value.mask.tolist()
    assert again.compressed().tolist() == [1, 3]


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
    writer = Writer()
    writer.encode([array, {"a": array}], "value")
    assert len(writer.tensors) == 1
    first, second = back([array, array])
    assert first is second


# Nothing in the file is code


def test_file_holds_no_pickle(fitted, file):
    save_model(fitted, file)
    assert all(a.dtype.kind in "biuf" for a in load_file(file).values())
    assert read_header(file)["model"]["object"][0] == "skomics.EFNNClassifier"


def test_what_metadata_a_pipeline_routes_comes_back(tiny, file):
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(EFNN).set_fit_request(sample_weight=True).fit(*tiny)
    loaded = save_and_load(model, file)
    assert loaded.get_metadata_routing().fit.requests == {"sample_weight": True}


# Refusals


def lambda_of(X, y):
    return make_pipeline(FunctionTransformer(lambda X: X), RidgeClassifier()).fit(X, y)


def monitor_of(X, y):
    return clone(EFNN).set_callbacks(ScoringMonitor(scoring="accuracy")).fit(X, y)


def own_score(estimator, X, y):
    return 1.0


def own_score_function(X, y):
    return np.arange(X.shape[1])


class Mine(RidgeClassifier):
    """An estimator of a user."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda_of,
            r"model\.steps\[0\]\[1\]\.func is a builtins.function .*lambda>.* a file",
        ),
        (monitor_of, r"_skl_callbacks is a .* and set_callbacks\(\)"),
        (
            lambda X, y: make_pipeline(HistGradientBoostingClassifier(max_iter=1)).fit(
                X, y
            ),
            r"model\.steps\[0\]\[1\] is a .* cannot be checked; use GradientBoosting",
        ),
        (
            lambda X, y: KNeighborsClassifier(metric=lambda a, b: 1.0).fit(X, y),
            r"model\.metric is a builtins\.function",
        ),
        (
            lambda X, y: GridSearchCV(
                RidgeClassifier(), {"alpha": [1, 2]}, cv=2, scoring=own_score
            ).fit(X, y),
            r"model\.scoring is a builtins\.function .*own_score\)",
        ),
        (
            lambda X, y: Mine().fit(X, y),
            r"model is a .*Mine, an estimator which .* pickle and load",
        ),
        (
            lambda X, y: SelectKBest(own_score_function, k=2).fit(X, y),
            r"model\.score_func is a",
        ),
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
        np.longdouble(1),
        OrderedDict(a=1),
        {1, 2},
        pd.Series([1, 2], dtype="category"),
        pd.Index([1.5]),
        2**200,
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full disk")
def test_full_disk_is_an_os_error_and_leaves_the_old_file(fitted, file, monkeypatch):
    save_model(fitted, file)
    before = file.read_bytes()

    def fill_the_disk(path, mode):
        return open("/dev/full", mode, buffering=0)

    with monkeypatch.context() as patch:
        patch.setattr(_container.Path, "open", fill_the_disk)
        with pytest.raises(OSError, match="No space left"):
            save_model(fitted, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o664])
def test_saving_over_a_file_keeps_its_permissions(mode, fitted, file):
    file.touch()
    file.chmod(mode)
    save_model(fitted, file)
    assert file.stat().st_mode & 0o777 == mode
    load_model(file)


def test_saving_to_a_link_replaces_what_it_points_to(fitted, file):
    target = file.with_name("target.safetensors")
    target.touch()
    file.symlink_to(target)
    save_model(fitted, file)
    assert file.is_symlink()
    load_model(target)


@pytest.mark.parametrize("name", ["m.pkl", "m.PICKLE", "m.joblib", "m.skops", "m.p"])
def test_suffixes_of_pickles_are_refused(name, fitted, file):
    with pytest.raises(ValueError, match=r"is the suffix of .* Use \.safetensors"):
        save_model(fitted, file.with_name(name))
    assert list(file.parent.iterdir()) == []


def test_model_with_nan_weights_is_refused_when_it_is_saved(tiny, file):
    model = RidgeClassifier().fit(*tiny)
    model.coef_[0, 0] = np.nan
    with pytest.raises(ValueError, match="model is not whole, and load_model would"):
        save_model(model, file)
    assert list(file.parent.iterdir()) == []


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
    rewrite(file, format=3, skomics_version="9.0")
    message = r"has format 3, of skomics 9\.0 with .* reads format 2\. Use the version"
    with pytest.raises(ValueError, match=message):
        load_model(file)


def test_what_acts_on_the_machine_has_its_default_in_the_loaded_model(tiny, file):
    model = make_pipeline(StandardScaler(), clone(EFNN).set_params(n_threads=2))
    model.fit(*tiny)
    model.verbose = True
    loaded = save_and_load(model, file)
    assert loaded.verbose is False
    assert loaded[-1].n_threads == 1


CALLBACKS, NET_PARAMS = [GradientNormClipping(1)], {"gradient_clip": 1.0}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"callbacks": CALLBACKS}, r"model\.steps\[1\]\[1\]\.callbacks cannot be in a"),
        (
            {"net_params": NET_PARAMS},
            r"model\.steps\[1\]\[1\]\.net_params cannot be in",
        ),
        (
            {"callbacks": CALLBACKS, "net_params": NET_PARAMS},
            r"callbacks, .*net_params cannot be in a model file, .* Set it again with "
            r"set_params before you fit the loaded model again; set it to None before",
        ),
    ],
)
def test_callbacks_and_net_params_are_not_lost_in_silence(params, message, tiny, file):
    model = make_pipeline(StandardScaler(), clone(EFNN).set_params(**params)).fit(*tiny)
    with pytest.warns(UserWarning, match=message) as caught:
        save_model(model, file)
    assert [warning.filename for warning in caught] == [__file__]
    loaded = load_model(file)
    assert loaded[-1].callbacks is loaded[-1].net_params is None
    expected = model.predict_proba(tiny[0])
    np.testing.assert_array_equal(loaded.predict_proba(tiny[0]), expected)


def test_many_places_of_what_is_lost_are_counted(tiny, file):
    net = clone(EFNN).set_params(max_epochs=1, callbacks=CALLBACKS)
    model = VotingClassifier([(name, net) for name in "abc"]).fit(*tiny)
    with pytest.warns(UserWarning, match=r"callbacks and 1 more cannot be in"):
        save_model(model, file)


@pytest.mark.filterwarnings("error")
def test_model_is_not_saved_where_the_warning_is_an_error(tiny, file):
    model = clone(EFNN).set_params(callbacks=CALLBACKS).fit(*tiny)
    with pytest.raises(UserWarning, match=r"model\.callbacks cannot be"):
        save_model(model, file)
    assert list(file.parent.iterdir()) == []


def test_step_of_another_scikit_learn_warns(tiny, file):
    model = make_pipeline(StandardScaler(), RidgeClassifier()).fit(*tiny)
    save_model(model, file)
    rewrite(file, sklearn_version="1.0")
    with pytest.warns(InconsistentVersionWarning):
        load_model(file)


@pytest.mark.slow
def test_940_000_named_features_are_saved_and_read_in_ten_seconds(file):
    """Timed by this process's own time, which a busy machine does not change."""
    X = pd.DataFrame(
        np.random.default_rng(0).random((4, 940_000), dtype=np.float32),
        columns=[f"methylation__cg{i:08d}" for i in range(940_000)],
    )
    small = clone(EFNN).set_params(hidden_layer_sizes=(2,), max_epochs=1)
    model = make_pipeline(OmicsConcatenator(), small).fit(X, [0, 1, 0, 1])
    start = time.process_time()
    loaded = save_and_load(model, file)
    assert time.process_time() - start < 10
    for kept, step in zip(loaded, model, strict=True):
        np.testing.assert_array_equal(kept.feature_names_in_, step.feature_names_in_)
    weights, expected = (
        one[-1].__getstate__()["_net_state"]["weights"] for one in (loaded, model)
    )
    assert all(np.array_equal(weights[name], w) for name, w in expected.items())


def test_pickles_of_transformers_hold_nothing_of_pandas(tiny):
    two = tiny[0].set_axis(tiny[0].columns.str.split("__", expand=True), axis=1)
    for X in (tiny[0], two):
        model = OmicsConcatenator(StandardScaler()).fit(X)
        assert "pandas" not in packages_in(model)
        loaded = pickle.loads(pickle.dumps(model))
        pd.testing.assert_frame_equal(loaded.transform(X), model.transform(X))


def test_every_class_of_ours_has_a_list_of_attributes():
    names = {path.rpartition(".")[2] for path in own_class_names()}
    assert names == set(_OURS)
    assert names >= {name for name, _ in all_estimators()}
    for path in own_class_names():
        assert find("class", path).__name__ in names


def test_two_saves_at_once_do_not_meet(fitted, file):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: save_model(fitted, file), range(8)))
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    load_model(file)
