"""Files that are no containers, make no model, or ask for too much: refused."""

import json

import numpy as np
import pytest

from skomics._container import digest
from tests.persistence.files import (
    assert_refused,
    container,
    forge,
    parts_of,
    refuse_all,
    state_of,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    "structure",
    [
        *([], [1], 3, 1.5, "model", None, True, {}, {"a": 1, "b": 2}, {"who": 1}),
        *({"object": []}, {"object": 3}, {"object": None}, {"object": ["a"]}),
        *({"object": ["skomics.EFNNClassifier", []]}, {"array": ["x", False]}),
        *({"array": []}, {"text": []}, {"text": [1, 2, 3, 4]}, {"tuple": 3}),
        *({"dict": 3}, {"dict": [[1]]}, {"dict": [[[], 1]]}, {"bunch": [["keys", 1]]}),
        *({"slice": [1]}, {"slice": ["a", "b", "c"]}, {"float": "1e5"}, {"float": 3}),
        *({"masked": [1, 2]}, {"tree": []}, {"routing": {"fit": 1}}, {"frame": 3}),
        *({"sparse": []}, {"objects": []}, {"random_state": []}, 10**50),
        *({"distribution": ["scipy.stats.norm", [[]], {}]}, {"routing": {}}),
        {"dict": [["a", 1], ["a", 2]]},
    ],
    ids=lambda structure: json.dumps(structure)[:40],
)
def test_structures_that_make_no_model_are_refused(structure, file):
    forge(file, structure, {})
    assert_refused(file, match="makes no model here|not an estimator")


def entry(dtype="F32", shape=(1,), offsets=(0, 4), **extra):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **extra}


@pytest.mark.parametrize(
    "entries",
    [
        *(
            {"a": entry(kind)}
            for kind in "BF16 F8_E4M3 F8_E5M2 C64 F4 I128 f4 O".split()
        ),
        *({"a": entry(kind)} for kind in (None, 3, [], {}, "")),
        *({"a": entry(shape=shape)} for shape in ([2], [-1], [1.0], ["1"], None, 1)),
        *({"a": entry(shape=shape)} for shape in ([2**62, 4], [1] * 100, [True])),
        {"a": entry(shape=[0, 2**40], offsets=(0, 0)), "b": entry()},
        *({"a": entry(offsets=span)} for span in ((0, 5), (1, 4), (4, 0), (0, 2**60))),
        *({"a": entry(offsets=span)} for span in ((-4, 0), (0,), None, "04", (0.0, 4))),
        {"a": entry(), "b": entry()},
        {"a": entry(), "b": entry(offsets=(4, 8))},
        {"a": entry(shape=[0], offsets=(0, 0))},
        *({}, [], 3, None, {"a": 3}, {"a": {}}, {"a": entry(more=1)}),
    ],
    ids=lambda entries: json.dumps(entries)[:60],
)
def test_containers_that_are_none_are_refused(entries, file):
    text = json.dumps(entries).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 4)
    assert_refused(file, match="is no complete safetensors file")


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "{", "\\", "[1", '{"a":1,"a":1}']
)
def test_headers_that_are_no_json_are_refused(text, file):
    file.write_bytes(container({}, {"skomics": text}))
    assert_refused(file, match="not one of a skomics model")
    raw = text.encode()
    file.write_bytes(len(raw).to_bytes(8, "little") + raw)
    assert_refused(file, match="is no complete safetensors file")


@pytest.mark.parametrize("length", [0, 7, 8, 9, 2**31, 2**63])
def test_headers_of_false_length_are_refused(length, file):
    file.write_bytes(length.to_bytes(8, "little") + b"{}      ")
    assert_refused(file)


def test_header_with_more_values_than_a_model_has_is_refused(file):
    text = b"[" + b"0," * 4_000_001 + b"0]"
    file.write_bytes(len(text).to_bytes(8, "little") + text)
    assert_refused(file, match="has 4000002 values, more than 4000000")


def test_arrays_that_no_part_of_the_model_names_are_refused(file):
    structure, tensors = parts_of("linear")
    tensors["smuggled"] = np.arange(5)
    header = {"format": 2, "model": structure}
    header["sha256"] = digest(header, tensors)
    file.write_bytes(container(tensors, {"skomics": json.dumps(header)}))
    assert_refused(file, match="leaves 1 of the arrays unused")


def test_truth_values_are_zero_or_one(file):
    structure, tensors = parts_of("net")
    state = state_of(structure, "SelectKBest")
    state["mask_"] = {"array": ["mask", False]}
    tensors["mask"] = np.array([7], np.uint8).view(bool)
    forge(file, structure, tensors)
    assert_refused(file, match="a truth value is neither 0 nor 1")


# Sizes that a small file asks for


def test_small_files_that_ask_for_much_are_refused(file):
    variants = []

    def vary(name, holder, attribute, value, **extra):
        structure, tensors = parts_of(name)
        state_of(structure, holder)[attribute] = value
        variants.append((structure, {**tensors, **extra}))

    letters = np.zeros(4, np.uint8) + 97
    lengths = np.ones(4, np.uint32)
    for width in (4 * 10**8, 2**31, 2**60, 10**7, -1, 1.5, None, "4"):
        text = {"text": ["letters", "lengths", [4], width]}
        extra = {"letters": letters, "lengths": lengths}
        vary("linear", "LogisticRegression", "classes_", text, **extra)
    for wrong in ([5], [2**40, 0], [4, 1, 1, 1, 1, 1, 1, 1, 1], [-4], "4", [2.0, 2]):
        text = {"text": ["letters", "lengths", wrong, 0]}
        extra = {"letters": letters, "lengths": lengths}
        vary("linear", "LogisticRegression", "feature_names_in_", text, **extra)
    for many in (2**32 - 1, 5, 0):
        text = {"text": ["letters", "lengths", [4], 0]}
        extra = {"letters": letters, "lengths": np.full(4, many, np.uint32)}
        vary("linear", "LogisticRegression", "feature_names_in_", text, **extra)
    for shape in ([10**12], [0, 10**12], [10**6, 10**6], [-1], [2**62, 4]):
        vary("linear", "LogisticRegression", "extra_", {"objects": [shape, []]})
    for n in (10**12, 2**40, 10**9, 10**8, 0, -1, 1.5, "24", None):
        vary("linear", "LogisticRegression", "n_features_in_", n)
        vary("net", "EFNNClassifier", "n_features_in_", n)
    for n in (10**9, 10**12, -1, "3", 2):
        vary("forest", "RandomForestClassifier", "n_classes_", n)
        vary("boosting", "GradientBoostingClassifier", "n_trees_per_iteration_", n)
    refuse_all(file, variants, match="makes no model here")


@pytest.mark.parametrize("depth", [150, 201, 1000, 5000, 100_000])
@pytest.mark.parametrize(
    "kind", ["list", "tuple", "object", "dict", "objects", "slice"]
)
def test_deep_structures_are_refused(depth, kind, file):
    start, end = {
        "list": ("[", "]"),
        "tuple": ('{"tuple":[', "]}"),
        "object": ('{"object":["sklearn.frozen.FrozenEstimator",{"estimator":', "}]}"),
        "dict": ('{"dict":[["a",', "]]}"),
        "objects": ('{"objects":[[1],[', "]]}"),
        "slice": ('{"slice":[null,null,', "]}"),
    }[kind]
    text = start * depth + "1" + end * depth
    header = '{"format": 2, "sha256": "%s", "model": %s}'
    sha256 = ""
    if depth < 300:
        sha256 = digest({"format": 2, "model": json.loads(text)}, {})
    file.write_bytes(container({}, {"skomics": header % (sha256, text)}))
    assert_refused(file)


def test_references_that_multiply_are_refused(file):
    scaler = {"object": ["sklearn.preprocessing.StandardScaler", {}]}

    def union(inner):
        parts = [{"tuple": [str(i), inner]} for i in range(8)]
        return ["sklearn.pipeline.FeatureUnion", {"transformer_list": parts}]

    steps = [{"tuple": ["first", scaler]}]
    for i in range(30):
        steps.append({"tuple": [f"s{i}", {"object": union({"again": i})}]})
    pipeline = {"object": ["sklearn.pipeline.Pipeline", {"steps": steps}]}
    forge(file, pipeline, {})
    assert_refused(file, match="refers to the same parts so often")


@pytest.mark.parametrize("number", [-1, 0, 1, 10**6, 2**40, 1.0, "0", None, True, []])
def test_references_to_what_is_not_there_are_refused(number, file):
    for attribute in ("steps", "transform_input", "again_"):
        structure, tensors = parts_of("net")
        structure["object"][1][attribute] = {"again": number}
        if number in (0, 1) and attribute == "again_" and number is not True:
            continue  # it is there
        forge(file, structure, tensors)
        assert_refused(file, match="makes no model here")
