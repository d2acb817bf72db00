"""Fitted models as files that hold numbers and names, and no code.

A file is a safetensors file: the arrays are its tensors, and its metadata has one JSON
text that says how a model is put together from them. Reading it calls nothing that the
file names but the classes of skomics and scikit-learn, which is what pickle cannot
promise.
"""

import hashlib
import json
import math
import os
import uuid
from functools import singledispatchmethod
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy import sparse
from sklearn import __version__ as sklearn_version
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skomics import __version__

__all__ = ["load_model", "save_model"]

_FORMAT = 1
# Of the metadata.
_KEY = "skomics"
_PACKAGES = ("skomics", "sklearn")
# Classes that estimators hold, and that hold values but do nothing.
_RECORDS = (
    "skomics._blocks.BlockLayout",
    "skomics.estimators._graph_data.GraphData",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
)
_SPARSE = ("csr_array", "csc_array", "csr_matrix", "csc_matrix")
_TYPES = {kind.__name__: kind for kind in (bool, int, float, str, object)}


def save_model(model, path):
    """Write a fitted model to a file without pickle.

    Any fitted classifier or transformer of skomics can be saved, and pipelines of them
    with those estimators of scikit-learn whose state is made of numbers, text, arrays,
    tables and such estimators: imputers, scalers, selectors, encoders, linear models,
    `Pipeline`, `ColumnTransformer`. Trees and kernel models are not among them.

    Parameters
    ----------
    model : estimator
        A fitted estimator, trained on any device.

    path : str or path-like
        The file to write, conventionally with the suffix ".safetensors". A file that is
        there is replaced only once the new one is complete.

    Raises
    ------
    TypeError
        If the model is no estimator, or holds something that cannot be rebuilt without
        running code: callbacks, functions (NumPy's ufuncs are fine), compiled objects,
        classes of other packages. The message says where. Nothing is written. Of a
        search, its ``best_estimator_`` can be saved.

    NotFittedError
        If the model is not fitted.

    FileNotFoundError
        If there is no such folder.

    See Also
    --------
    load_model : Reads the file.

    Notes
    -----
    The file is a safetensors file whose metadata hold JSON; the same model makes the
    same bytes. **It holds training data where the model does**: the graph models link a
    new sample to their training samples. The other networks keep weights, column means
    and the names of features and classes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skomics import EFNNClassifier, load_model, save_model
    >>> from skomics.datasets import make_intersim
    >>> X, y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
    >>> model = EFNNClassifier(max_epochs=5, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "subtypes.safetensors"
    ...     save_model(model, path)
    ...     loaded = load_model(path)
    >>> (loaded.predict_proba(X) == model.predict_proba(X)).all()
    np.True_
    """
    if not isinstance(model, BaseEstimator):
        raise TypeError(
            f"Got a {_type_name(model)} to save. Give a fitted estimator of skomics or "
            "scikit-learn, or a pipeline of them."
        )
    check_is_fitted(model)
    if hasattr(model, "best_estimator_"):
        raise TypeError(
            f"Got a {_type_name(model)} to save, whose splitters and scorers a file "
            "without code cannot hold. Save its best_estimator_."
        )
    writer = _Writer()
    structure = writer.encode(model, "model")
    header = {
        "format": _FORMAT,
        "skomics_version": __version__,
        "sklearn_version": sklearn_version,
        "sha256": _digest(structure, writer.tensors),
        "model": structure,
    }
    # One text: safetensors writes several in random order.
    metadata = {_KEY: json.dumps(header, allow_nan=False)}
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}. Make it first.")
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        draft.touch(exist_ok=False)
        mode = draft.stat().st_mode
        save_file(writer.tensors, draft, metadata=metadata)
        draft.chmod(mode)  # safetensors makes files that others cannot read
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def load_model(path):
    """Read a model that `save_model` wrote, without running code from the file.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    model : estimator
        The fitted model; it gives the predictions of the one that was saved, bit for
        bit on the same kind of machine. Where the device it asks for by name is missing
        it is on the CPU.

    Raises
    ------
    ValueError
        If the file is damaged, was not written by `save_model`, was written by a newer
        skomics, or names a class that is not an estimator of skomics or scikit-learn.

    FileNotFoundError
        If there is no such file.

    Warns
    -----
    InconsistentVersionWarning
        If a step of scikit-learn was saved with another version of it.

    See Also
    --------
    save_model : Writes the file, and has an example.
    """
    header, tensors = _read_file(path)
    wrote = (
        f"skomics {header.get('skomics_version')} with scikit-learn "
        f"{header.get('sklearn_version')}"
    )
    if header.get("format") != _FORMAT:
        raise ValueError(
            f"{path} has format {header.get('format')}, of {wrote}, but skomics "
            f"{__version__} reads format {_FORMAT}. Use the version that wrote it, or "
            "a newer one."
        )
    if header.get("sha256") != _digest(header.get("model"), tensors):
        raise ValueError(
            f"{path} is damaged: its content does not have the checksum that it was "
            "written with. Get it again from where it was saved."
        )
    try:
        model = _Reader(tensors).decode(header["model"])
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path}, of {wrote}, makes no model here "
            f"({type(error).__name__}: {error}). Install the versions that wrote it."
        ) from error
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"{path} holds a {_type_name(model)}, not an estimator.")
    return model


def _read_file(path):
    """Return what a file says of its model, and the arrays."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_KEY, "null")
            # Its keys() make it look like a dict, which it is not.
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no complete safetensors file ({error}). Give a file that "
            "save_model wrote; what pickle or joblib wrote is read by these."
        ) from error
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise ValueError(
            f"{path} is a safetensors file, but not one of a skomics model. Give a "
            "file that save_model wrote."
        )
    return header, tensors


def _digest(structure, tensors):
    """Return the SHA-256 of all that makes up a model."""
    digest = hashlib.sha256(json.dumps(structure).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.ravel())
    return digest.hexdigest()


def _type_name(thing):
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _find_class(module, name):
    """Return a class that may be in a file; nothing else is looked up by name."""
    parts = module.split(".")
    if parts[0] in _PACKAGES and not {"tests", "__main__", "conftest"} & set(parts):
        cls = getattr(import_module(module), name, None)
        is_record = f"{module}.{name}" in _RECORDS
        if is_record or (isinstance(cls, type) and issubclass(cls, BaseEstimator)):
            return cls
    raise ValueError(
        f"The file names {module}.{name}, which is no estimator of skomics or "
        "scikit-learn, and was not called."
    )


def _is_plain(dtype):
    """Tell whether values are numbers of at most 64 bits or truth values."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


class _Writer:
    """Turns a model into JSON values, and collects its arrays.

    None, a truth value, a text, a finite number and a list stand for themselves. All
    else is an object with one key that says what it is; `_Reader` takes each back.
    """

    def __init__(self):
        self.tensors = {}
        # Things are told apart by their ids, so none may go while others come.
        self._arrays = {}
        self._things = {}

    def encode(self, value, place):
        """Return the JSON value of a thing at a place of the model, as in errors."""
        if value is None or type(value) in (bool, int, str):
            return value
        return self._encode(value, place)

    def encode_all(self, values, place):
        """Return a list of JSON values."""
        return [self.encode(v, f"{place}[{i}]") for i, v in enumerate(values)]

    @singledispatchmethod
    def _encode(self, value, place):
        """Encode an estimator, or another thing of ours that is made of data."""
        cls = type(value)
        try:
            is_known = _find_class(cls.__module__, cls.__qualname__) is cls
        except ValueError:
            is_known = False
        if not is_known:
            raise _refusal(value, place)
        if id(value) in self._things:
            return {"again": self._things[id(value)][0]}
        self._things[id(value)] = len(self._things), value
        state = {
            name: self.encode(item, f"{place}.{name}")
            for name, item in value.__getstate__().items()
        }
        return {"object": [cls.__module__, cls.__qualname__, state]}

    @_encode.register
    def _(self, value: float, place):
        return value if math.isfinite(value) else {"float": repr(value)}

    @_encode.register
    def _(self, value: list, place):
        _check_type(value, list, place)
        return self.encode_all(value, place)

    @_encode.register
    def _(self, value: tuple, place):
        _check_type(value, tuple, place)
        return {"tuple": self.encode_all(value, place)}

    @_encode.register
    def _(self, value: dict, place):
        _check_type(value, dict, place)
        pairs = [
            [self.encode(key, f"{place}.keys"), self.encode(item, f"{place}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"dict": pairs}

    @_encode.register
    def _(self, value: slice, place):
        return {"slice": self.encode_all((value.start, value.stop, value.step), place)}

    @_encode.register
    def _(self, value: np.ndarray, place):
        if type(value) not in (np.ndarray, np.memmap):
            raise _refusal(value, place)
        if value.dtype.kind in "OU":
            items = self.encode_all(value.ravel().tolist(), place)
            return {"objects": [value.dtype.str, list(value.shape), items]}
        if not _is_plain(value.dtype):
            raise _refusal(value, place, value.dtype)
        return {"array": self._store(value)}

    def _store(self, value):
        """Keep an array; return its name and whether it lies in memory by columns."""
        # The sums of a matrix product have other last bits in the other layout.
        by_columns = value.flags.f_contiguous and not value.flags.c_contiguous
        if id(value) not in self._arrays:
            self._arrays[id(value)] = (name := f"{len(self.tensors):05d}"), value
            values = value.T if by_columns else value
            values = values.astype(values.dtype.newbyteorder("="), copy=False)
            # A single number would become an array of one.
            values = np.ascontiguousarray(values).reshape(values.shape)
            self.tensors[name] = values
        return [self._arrays[id(value)][0], by_columns]

    @_encode.register
    def _(self, value: np.generic, place):
        if not (_is_plain(value.dtype) or value.dtype.kind == "U"):
            raise _refusal(value, place)
        return {"scalar": [value.dtype.str, self.encode(value.item(), place)]}

    @_encode.register
    def _(self, value: np.dtype, place):
        if not (_is_plain(value) or value.kind in "OU"):
            raise _refusal(value, place)
        return {"dtype": value.str}

    @_encode.register
    def _(self, value: type, place):
        if value in _TYPES.values():
            return {"type": value.__name__}
        if issubclass(value, np.generic) and _is_plain(np.dtype(value)):
            return {"scalar_type": np.dtype(value).str}
        raise _refusal(value, place)

    @_encode.register
    def _(self, value: np.ufunc, place):
        if getattr(np, value.__name__, None) is not value:
            raise _refusal(value, place)
        return {"ufunc": value.__name__}

    @_encode.register
    def _(self, value: np.random.RandomState, place):
        return {"random_state": self.encode(value.get_state(), place)}

    @_encode.register
    def _(self, value: sparse.spmatrix | sparse.sparray, place):
        if type(value).__name__ not in _SPARSE:
            raise _refusal(value, place)
        parts = (value.data, value.indices, value.indptr)
        shape = list(value.shape)
        return {"sparse": [type(value).__name__, shape, *self.encode_all(parts, place)]}

    @_encode.register
    def _(self, value: pd.RangeIndex, place):
        span = (value.start, value.stop, value.step, value.name)
        return {"range": self.encode_all(span, place)}

    @_encode.register
    def _(self, value: pd.Index, place):
        _check_type(value, pd.Index, place)
        return {"index": [*self._column(value, place), self.encode(value.name, place)]}

    @_encode.register
    def _(self, value: pd.Series, place):
        _check_type(value, pd.Series, place)
        index = self.encode(value.index, f"{place}.index")
        name = self.encode(value.name, f"{place}.name")
        return {"series": [*self._column(value, place), index, name]}

    @_encode.register
    def _(self, value: pd.DataFrame, place):
        _check_type(value, pd.DataFrame, place)
        labels = (value.columns, value.index)
        columns = [self._column(column, place) for _, column in value.items()]
        return {"frame": [columns, *self.encode_all(labels, place)]}

    def _column(self, column, place):
        """Return values and dtype of a column or an index."""
        dtype = column.dtype
        if isinstance(dtype, pd.StringDtype):
            return [self.encode(column.to_numpy(dtype=object), place), str(dtype)]
        if isinstance(dtype, np.dtype) and (_is_plain(dtype) or dtype.kind == "O"):
            return [self.encode(column.to_numpy(), place), str(dtype)]
        raise _refusal(column, place, dtype)


def _check_type(value, kind, place):
    """Refuse what only inherits from a kind: it would come back as that kind."""
    if type(value) is not kind:
        raise _refusal(value, place)


def _refusal(value, place, dtype=None):
    advice = "Take it out, or use pickle and load the model only where you trust it."
    if "callback" in place:
        advice = (
            "Take the callbacks out with set_params(callbacks=None) and "
            "set_callbacks()."
        )
    what = _type_name(value) + ("" if dtype is None else f" of dtype {dtype}")
    return TypeError(
        f"{place} is a {what}, which a file without code cannot hold. Wanted: numbers, "
        "text, arrays and tables of them, and estimators of skomics and scikit-learn "
        f"that are made of these. {advice}"
    )


class _Reader:
    """Puts a model together from JSON values and arrays."""

    def __init__(self, tensors):
        self._tensors = tensors
        self._things = []

    def decode(self, value):
        """Return the thing that a JSON value stands for."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        return self._KINDS[kind](self, content)

    def _object(self, content):
        module, name, state = content
        cls = _find_class(module, name)
        thing = cls.__new__(cls)
        # Before what it holds, which may hold it.
        self._things.append(thing)
        state = {key: self.decode(item) for key, item in state.items()}
        if isinstance(thing, BaseEstimator):
            thing.__setstate__(state)
        else:
            vars(thing).update(state)
        return thing

    def _objects(self, content):
        dtype, shape, items = content
        array = np.empty(len(items), dtype=dtype)
        array[:] = self.decode(items)
        return array.reshape(shape)

    def _array(self, content):
        name, by_columns = content
        return self._tensors[name].T if by_columns else self._tensors[name]

    def _sparse(self, content):
        kind, shape, *parts = content
        if kind not in _SPARSE:
            raise KeyError(kind)
        return getattr(sparse, kind)(tuple(self.decode(parts)), shape=tuple(shape))

    def _ufunc(self, name):
        function = getattr(np, name)
        if not isinstance(function, np.ufunc):
            raise TypeError(f"numpy.{name} is no ufunc")
        return function

    def _random_state(self, content):
        generator = np.random.RandomState()
        generator.set_state(self.decode(content))
        return generator

    def _range(self, content):
        *span, name = self.decode(content)
        return pd.RangeIndex(*span, name=name)

    def _index(self, content):
        values, dtype, name = self.decode(content)
        return pd.Index(values, dtype=dtype, name=name)

    def _series(self, content):
        values, dtype, index, name = self.decode(content)
        return pd.Series(values, dtype=dtype, index=index, name=name)

    def _frame(self, content):
        columns, labels, index = self.decode(content)
        columns = dict(enumerate(pd.Series(v, index, d) for v, d in columns))
        return pd.DataFrame(columns, index=index).set_axis(labels, axis=1)

    _KINDS = {
        "float": lambda self, content: float(content),
        "tuple": lambda self, content: tuple(self.decode(content)),
        "dict": lambda self, content: dict(self.decode(content)),
        "slice": lambda self, content: slice(*self.decode(content)),
        "scalar": lambda self, content: np.dtype(content[0]).type(
            self.decode(content[1])
        ),
        "dtype": lambda self, content: np.dtype(content),
        "type": lambda self, content: _TYPES[content],
        "scalar_type": lambda self, content: np.dtype(content).type,
        "object": _object,
        "again": lambda self, number: self._things[number],
        "objects": _objects,
        "array": _array,
        "sparse": _sparse,
        "ufunc": _ufunc,
        "random_state": _random_state,
        "range": _range,
        "index": _index,
        "series": _series,
        "frame": _frame,
    }
