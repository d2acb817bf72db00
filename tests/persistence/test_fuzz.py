"""Damaged and altered model files by the thousand: refused, or whole."""

import copy
import json
from contextlib import suppress

import numpy as np
import pytest

from skomics import load_model
from skomics.persistence._writer import Writer
from tests.persistence.files import (
    array_of,
    assert_refused_or_whole,
    container,
    forge,
    parts_of,
    small_models,
    watched,
)
from tests.persistence.models import class_paths, fitted_model

MODELS = (
    *("net", "graph", "forest", "tree", "boosting", "svm", "sparse_svm", "knn"),
    *("search", "onehot", "linear", "sma", "ridge", "voting"),
)
EXTREMES = (
    *(0, 1, -1, 2, 255, 2**31 - 1, -(2**31), 2**63, 10**12, 10**30, 0.5, -0.0, 1e308),
    *(True, False, None, "", "x", "os.system", "00000", [], {}, [1], {"tuple": []}),
    *({"float": "nan"}, {"float": "inf"}, {"again": 0}, {"dict": []}, {"list": []}),
    *({"function": "numpy.exp"}, {"type": "builtins.int"}, {"array": ["00001", True]}),
)


def nodes(value, path=()):
    """Yield the path of keys of every JSON value."""
    yield path
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from nodes(item, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def alter(structure, others, rng):
    """Change one obj in JSON values: a key, a value, an order, a reference."""
    paths = [path for path in nodes(structure) if path]
    if not paths:
        return
    path = paths[rng.integers(len(paths))]
    parent, key = at(structure, path[:-1]), path[-1]
    kind = rng.integers(7)
    if kind == 0:
        parent[key] = copy.deepcopy(EXTREMES[rng.integers(len(EXTREMES))])
    elif kind == 1:
        del parent[key]
    elif kind == 2:
        source = others[rng.integers(len(others))]
        sources = list(nodes(source))
        parent[key] = copy.deepcopy(at(source, sources[rng.integers(len(sources))]))
    elif kind == 3 and isinstance(parent, dict):
        names = [p[-1] for p in paths if isinstance(p[-1], str)]
        parent[names[rng.integers(len(names))]] = parent.pop(key)
    elif kind == 4 and isinstance(parent, list):
        parent.insert(rng.integers(len(parent) + 1), copy.deepcopy(parent[key]))
    elif kind == 5 and isinstance(parent, list):
        rng.shuffle(parent)
    elif isinstance(parent[key], str):
        parent[key] = misspell(parent[key], rng)
    elif isinstance(parent[key], int | float):
        parent[key] = parent[key] + int(rng.integers(-3, 4))


def misspell(text, rng):
    place = rng.integers(len(text) + 1)
    return text[:place] + chr(rng.integers(32, 1000)) + text[place + 1 :]


def spoil(tensors, rng):
    """Change one array: a number, its shape, its kind, its length."""
    name = sorted(tensors)[rng.integers(len(tensors))]
    array = tensors[name]
    kind = rng.integers(6)
    if kind <= 2 and array.size:
        extremes = [0, 1, -1, 2**31 - 1, -(2**63), 2**63 - 1, np.nan, np.inf, 1e300]
        with np.errstate(all="ignore"):
            value = np.array(extremes)[rng.integers(9)].astype(array.dtype)
        array.reshape(-1)[rng.integers(array.size)] = value
    elif kind == 3:
        tensors[name] = array.reshape(-1)[: rng.integers(array.size + 1)]
    elif kind == 4:
        kinds = ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u4", "u8", "?")
        with np.errstate(all="ignore"):
            tensors[name] = array.astype(kinds[rng.integers(len(kinds))])
    else:
        tensors[name] = np.concatenate([array, array]) if array.ndim else array[None]


def crafted(path, rng):
    """Write a file with a valid checksum and one to three changes."""
    structure, tensors = parts_of(MODELS[rng.integers(len(MODELS))])
    others = [structure, parts_of(MODELS[rng.integers(len(MODELS))])[0]]
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.6:
            alter(structure, others, rng)
        else:
            spoil(tensors, rng)
    forge(path, structure, tensors)


def damaged(path, rng):
    """Write a file of which bytes were changed, lost or repeated."""
    structure, tensors = parts_of(MODELS[rng.integers(len(MODELS))])
    forge(path, structure, tensors)
    content = bytearray(path.read_bytes())
    kind = rng.integers(4)
    place = int(rng.integers(len(content)))
    if kind == 0:
        content[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del content[place:]
    elif kind == 2:
        del content[place : place + int(rng.integers(1, 50))]
    else:
        content[place:place] = content[:place][-int(rng.integers(1, 50)) :]
    path.write_bytes(content)


def try_many(path, n_files, seed):
    """Write and read files; return how many made a model after all."""
    rng, n_whole = np.random.default_rng(seed), 0
    for i in range(n_files):
        (damaged if i % 3 == 0 else crafted)(path, rng)
        try:
            n_whole += assert_refused_or_whole(path) is not None
        except BaseException as error:
            kept = path.with_name(f"seed_{seed}_file_{i}.safetensors")
            path.rename(kept)
            error.add_note(f"This happened with {kept}.")
            raise
    return n_whole


def test_altered_files_are_refused_or_whole(tmp_path):
    n_whole = try_many(tmp_path / "model.safetensors", 600, seed=0)
    assert n_whole < 200


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_thousands_of_altered_files_are_refused_or_whole(seed, tmp_path):
    n_whole = try_many(tmp_path / "model.safetensors", 600, seed)
    assert n_whole < 200


@pytest.mark.slow
@pytest.mark.parametrize("path", list(class_paths()))
@pytest.mark.filterwarnings("ignore")
def test_altered_files_of_every_estimator_run_nothing(path, tmp_path):
    """What a file makes may be wrong, but neither it nor its answers do harm."""
    model, X = fitted_model(path)
    writer, rng = Writer(), np.random.default_rng(0)
    text = json.dumps(writer.encode(model, "model"))
    file = tmp_path / "model.safetensors"
    for _ in range(50):
        structure = json.loads(text)
        tensors = {name: array.copy() for name, array in writer.tensors.items()}
        others = [structure, parts_of(MODELS[rng.integers(len(MODELS))])[0]]
        for _ in range(rng.integers(1, 3)):
            if tensors and rng.random() < 0.5:
                spoil(tensors, rng)
            else:
                alter(structure, others, rng)
        forge(file, structure, tensors)
        with watched(file), suppress(ValueError):
            loaded = load_model(file)
            for method in ("predict", "predict_proba", "transform"):
                with suppress(Exception):
                    getattr(loaded, method)(X)


@pytest.mark.parametrize("name", MODELS)
def test_files_that_are_not_altered_make_models(name, tmp_path):
    structure, tensors = parts_of(name)
    path = forge(tmp_path / "model.safetensors", structure, tensors)
    model = assert_refused_or_whole(path)
    assert type(model) is type(small_models()[name])


@pytest.mark.parametrize("name", MODELS)
def test_a_changed_byte_anywhere_is_noticed(name, tmp_path):
    """Without a new checksum, no number of a model can be changed."""
    path = tmp_path / "model.safetensors"
    structure, tensors = parts_of(name)
    content = forge(path, structure, tensors).read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(content), size=20):
        spoiled = bytearray(content)
        spoiled[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoiled)
        with pytest.raises(
            ValueError, match="damaged|complete safetensors|skomics mod"
        ):
            load_model(path)


def test_containers_are_read_by_the_library_of_safetensors(tmp_path):
    from safetensors.numpy import load_file

    structure, tensors = parts_of("linear")
    coef = array_of(tensors, structure["object"][1]["coef_"])
    path = tmp_path / "model.safetensors"
    path.write_bytes(container(tensors, {"skomics": "{}"}))
    assert np.array_equal(load_file(path)[coef], tensors[coef])
