"""Model files made by hand, for the tests of what is refused."""

import copy
import json
import os
import resource
import sys
import time
import warnings
from contextlib import contextmanager
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    MoGCNClassifier,
    OmicsConcatenator,
    SMAClassifier,
    load_model,
)
from skomics._container import _container_header, digest
from skomics.feature_selection import StabilitySelector
from skomics.persistence._writer import Writer
from tests.conftest import make_tiny

# What a crafted file may cost beyond what an honest one does.
MAX_MEGABYTES = 200
MAX_SECONDS = 5
# Of each kind of trick.
MIN_VARIANTS = 30
EFNN = EFNNClassifier(hidden_layer_sizes=(8,), max_epochs=2, random_state=0)
SMA = SMAClassifier(
    **{"n_tokens": 3, "d_model": 4, "n_heads": 2, "d_feedforward": 4, "n_ensemble": 2},
    **{"max_epochs": 1, "random_state": 0},
)
GRAPH = MoGCNClassifier(
    graph="knn",
    hidden_layer_sizes=(8,),
    pretrain_epochs=1,
    max_epochs=1,
    random_state=np.random.RandomState(0),
)


@cache
def small_models():
    """Return fitted models, by name, that hold one of each kind of obj."""
    X, y = make_tiny()
    codes = np.arange(len(y)) % 3
    scaled = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=4))
    net = make_pipeline(OmicsConcatenator(scaled), clone(EFNN))
    words = np.array([["a"], ["b"], ["c"]] * 4, dtype=object)
    onehot = make_pipeline(OneHotEncoder(drop="first"), LogisticRegression())
    selector = make_pipeline(
        OmicsConcatenator(),
        StabilitySelector(n_resamples=3, random_state=0),
        LogisticRegression(),
    )
    grid = GridSearchCV(LogisticRegression(), {"C": [1, 2.0]}, cv=2)
    return {
        "net": net.fit(X, y),
        "graph": clone(GRAPH).fit(X, y),
        "sma": clone(SMA).fit(X, y),
        "ridge": make_pipeline(OmicsConcatenator(), BlockRidgeClassifier()).fit(X, y),
        "selector": selector.fit(X, y),
        "voting": VotingClassifier([("a", NearestCentroid())]).fit(X, codes),
        "forest": RandomForestClassifier(2, max_depth=3, random_state=0).fit(X, codes),
        "tree": DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, codes),
        "boosting": GradientBoostingClassifier(
            n_estimators=2, max_depth=2, random_state=0
        ).fit(X, codes),
        "svm": SVC().fit(X, codes),
        "sparse_svm": SVC().fit(sparse.csr_array(X.to_numpy()), codes),
        "knn": KNeighborsClassifier(n_neighbors=3, algorithm="brute").fit(X, codes),
        "search": grid.fit(X, codes),
        "onehot": onehot.fit(words, np.arange(12) % 2),
        "linear": LogisticRegression().fit(X, codes),
    }


@cache
def _encoded():
    encoded = {}
    for name, model in small_models().items():
        writer = Writer()
        encoded[name] = json.dumps(writer.encode(model, "model")), writer.tensors
    return encoded


def parts_of(name):
    """Return the structure and the tensors of a small model, to be changed at will."""
    text, tensors = _encoded()[name]
    return json.loads(text), {key: array.copy() for key, array in tensors.items()}


def state_of(structure, name, number=0):
    """Return the attributes of the first (or another) object of a class."""
    return list(states_of(structure, name))[number]


def states_of(value, name):
    if isinstance(value, dict):
        content = value.get("object")
        if isinstance(content, list) and content[0].rpartition(".")[2] == name:
            yield content[1]
        for item in value.values():
            yield from states_of(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from states_of(item, name)


def array_of(tensors, node):
    """Return the name of the tensor that an array or a text is made of."""
    ((_, content),) = node.items()
    assert content[0] in tensors
    return content[0]


def _used(value):
    if isinstance(value, dict):
        for kind, content in value.items():
            if kind == "array" and isinstance(content, list) and content:
                yield content[0]
            elif kind == "text" and isinstance(content, list):
                yield from content[:2]
            else:
                yield from _used(content)
    elif isinstance(value, list):
        for item in value:
            yield from _used(item)


def container(tensors, metadata):
    """Return the bytes of a file."""
    text, order = _container_header(tensors, metadata)
    data = b"".join(tensors[name].tobytes() for name in order)
    return len(text).to_bytes(8, "little") + text + data


def forge(path, structure, tensors, **header):
    """Write a file with a valid checksum, and without arrays that nothing names."""
    used = {name for name in _used(structure) if isinstance(name, str)}
    kept = {
        name: np.ascontiguousarray(array)
        for name, array in tensors.items()
        if name in used
    }
    header = {
        "format": 2,
        "skomics_version": "0.1.0",
        "sklearn_version": "1.9.1",
        "model": structure,
        **header,
    }
    header["sha256"] = digest(header, kept)
    path.write_bytes(container(kept, {"skomics": json.dumps(header)}))
    return path


# What a process does while a file is read

_SEEN = []
_WATCHED = [None]
_HARMLESS = ("sklearn", "skomics", "numpy", "scipy", "torch", "pandas", "encodings")
_EVENTS = (
    *("os.", "subprocess.", "socket.", "shutil.", "urllib.", "ctypes.", "pickle."),
    *("tempfile.", "glob.", "webbrowser.", "signal.", "builtins.input"),
)


def _note(event, args):
    path = _WATCHED[0]
    if path is None:
        return
    if event == "open":
        if os.fspath(args[0]) != path and not str(args[0]).endswith((".py", ".pyc")):
            _SEEN.append((event, args[0]))
    elif event == "import":
        if args[0].partition(".")[0] not in (*_HARMLESS, *sys.stdlib_module_names):
            _SEEN.append((event, args[0]))
    elif event.startswith(_EVENTS) and event not in ("os.listdir", "os.scandir"):
        _SEEN.append((event, args))


@cache
def _install():
    # scikit-learn looks at the machine's threads once, in the first such search.
    model = small_models()["knn"]
    model.predict_proba(input_for(model))
    sys.addaudithook(_note)


@contextmanager
def watched(path):
    """Fail if anything is run, written, deleted, fetched or opened but a file."""
    _install()
    _SEEN.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    _WATCHED[0] = os.fspath(path)
    try:
        yield
    finally:
        _WATCHED[0] = None
    assert not _SEEN, _SEEN[:5]
    assert time.process_time() - start < MAX_SECONDS
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MAX_MEGABYTES * 1024


def assert_refused(path, match=None):
    """Check that a file is refused with the one promised error, and nothing is run."""
    with watched(path), pytest.raises(ValueError, match=match or path.name) as caught:
        load_model(path)
    assert caught.type is ValueError


def assert_refused_or_whole(path):
    """Check that a file is refused, or makes a model whose answers are numbers."""
    with watched(path):
        try:
            model = load_model(path)
        except ValueError:
            return None
        if not hasattr(model, "predict"):
            return model
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                answer = predictions(model)
            except ValueError:
                return model  # for other features
    assert np.isfinite(answer).all()
    return model


def predictions(model):
    """Return probabilities, or whatever a model of these predicts."""
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    return getattr(model, method)(input_for(model))


def input_for(model):
    """Return samples of the kind that a small model was fitted on."""
    X, _ = make_tiny()
    if hasattr(model, "steps") and type(model[0]).__name__ == "OneHotEncoder":
        return np.array([["a"], ["b"]], dtype=object)
    if type(model) is SVC and model._sparse:
        return sparse.csr_array(X.to_numpy())
    return X if hasattr(model, "feature_names_in_") else pd.DataFrame(X).to_numpy()


def changed(structure, path, value):
    """Return a copy of JSON values with another value at a path of keys."""
    structure = copy.deepcopy(structure)
    inner = structure
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return structure


def refuse_all(file, variants, match):
    """Forge a file for each variant, a structure and tensors, and have it refused."""
    variants = list(variants)
    assert len(variants) >= MIN_VARIANTS
    for structure, tensors in variants:
        forge(file, structure, tensors)
        assert_refused(file, match=match)
