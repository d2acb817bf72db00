"""Files that are no containers, or whose structure makes no model: refused."""

import json

import numpy as np
import pytest

from skomics.persistence._file import digest
from tests.persistence_files import (
    assert_refused,
    container,
    forge,
    parts_of,
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
