"""From a fitted model to JSON values and arrays."""

import math
from functools import singledispatchmethod
from types import FunctionType

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

from skomics._compat import Tree, rv_frozen
from skomics.persistence._names import DTYPES, name_of
from skomics.persistence._states import MISSED, is_allowed, kept_state

__all__ = ["SPARSE", "TREE_FIELDS", "Writer"]

SPARSE = ("csr_array", "csc_array", "csr_matrix", "csc_matrix")
# Of a node, but for two that scikit-learn keeps for debugging.
TREE_FIELDS = (
    *("left_child", "right_child", "feature", "threshold", "impurity"),
    *("n_node_samples", "weighted_n_node_samples", "missing_go_to_left"),
)
_METHODS = (
    "fit partial_fit predict predict_proba predict_log_proba decision_function score "
    "split transform inverse_transform"
).split()
_CURES = {
    "callback": (
        "Take the callbacks out with set_params(callbacks=None) and set_callbacks()."
    ),
    "HistGradientBoosting": (
        "Its trees are compiled and cannot be checked; use GradientBoostingClassifier "
        "or RandomForestClassifier."
    ),
}
_ADVICE = "Take it out, or use pickle and load the model only where you trust it."


class Writer:
    """Turns a model into JSON values, and collects its arrays.

    None, a truth value, a text, a finite number and a list stand for themselves. All
    else is an object with one key that says what it is; `Reader` takes each back.
    """

    def __init__(self):
        self.tensors = {}
        self.left_out = []  # places of what was set, is in no file, and is missed
        # Things are told apart by their ids, so none may go while others come.
        self._arrays = {}
        self._texts = {}
        self._things = {}

    def encode(self, value, place):
        """Return the JSON value of a obj at a place of the model, as in errors."""
        if value is None or type(value) in (bool, str):
            return value
        return self._encode(value, place)

    def encode_all(self, values, place):
        """Return a list of JSON values."""
        return [self.encode(v, f"{place}[{i}]") for i, v in enumerate(values)]

    @singledispatchmethod
    def _encode(self, value, place):
        """Encode a obj of a class on the list."""
        path = name_of("class", type(value))
        if path is None:
            raise refusal(value, place)
        if id(value) in self._things:
            return {"again": self._things[id(value)][0]}
        encoded = {}
        lost = [name for name in MISSED if getattr(value, name, None)]
        self.left_out += [f"{place}.{name}" for name in lost]
        for name, item in kept_state(value).items():
            if not is_allowed(type(value), name):
                raise refusal(item, f"{place}.{name}")
            encoded[name] = self.encode(item, f"{place}.{name}")
        self._things[id(value)] = len(self._things), value
        return {"object": [path, encoded]}

    @_encode.register
    def _(self, value: int, place):
        _check_type(value, int, place)
        if value.bit_length() > 128:
            raise refusal(value, place, "more than 128 bits")
        return value

    @_encode.register
    def _(self, value: float, place):
        if isinstance(value, np.generic):
            return self._scalar(value, place)
        _check_type(value, float, place)
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
        kind = "bunch" if type(value) is Bunch else "dict"
        if kind == "dict":
            _check_type(value, dict, place)
        pairs = [
            [self.encode(key, f"{place}.keys"), self.encode(item, f"{place}[{key!r}]")]
            for key, item in value.items()
        ]
        return {kind: pairs}

    @_encode.register
    def _(self, value: slice, place):
        return {"slice": self.encode_all((value.start, value.stop, value.step), place)}

    @_encode.register
    def _(self, value: np.ndarray, place):
        if type(value) not in (np.ndarray, np.memmap):
            raise refusal(value, place)
        if value.dtype.kind in "OU":
            return self._object_array(value, place)
        if value.dtype.name not in DTYPES:
            raise refusal(value, place, f"dtype {value.dtype}")
        return {"array": self._store(value)}

    @_encode.register
    def _(self, value: np.ma.MaskedArray, place):
        _check_type(value, np.ma.MaskedArray, place)
        data = np.where(value.mask, np.zeros(1, value.dtype), value.data)
        mask = np.broadcast_to(value.mask, value.shape)
        parts = self.encode_all((data, np.array(mask)), place)
        return {"masked": parts}

    def _object_array(self, value, place):
        """Return texts as one tensor of letters and one of lengths, others as JSON."""
        items = value.ravel().tolist()
        shape = list(value.shape)
        if all(type(item) is str for item in items):
            width = 0 if value.dtype.kind == "O" else value.dtype.itemsize // 4
            if id(value) not in self._texts:
                self._texts[id(value)] = self._store_texts(items), value
            return {"text": [*self._texts[id(value)][0], shape, width]}
        return {"objects": [shape, self.encode_all(items, place)]}

    def _store_texts(self, items):
        letters = "".join(items).encode(errors="surrogatepass")
        lengths = list(map(len, items))
        if len(letters) != sum(lengths):
            lengths = [len(item.encode(errors="surrogatepass")) for item in items]
        arrays = np.frombuffer(letters, np.uint8), np.array(lengths, np.uint32)
        return [self._store(array)[0] for array in arrays]

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
        return [self._arrays[id(value)][0], bool(by_columns)]

    @_encode.register
    def _(self, value: np.generic, place):
        return self._scalar(value, place)

    def _scalar(self, value, place):
        name = "str" if isinstance(value, np.str_) else value.dtype.name
        if name not in (*DTYPES, "str"):
            raise refusal(value, place)
        return {"scalar": [name, self.encode(value.item(), place)]}

    @_encode.register
    def _(self, value: np.dtype, place):
        name = "object" if value.kind == "O" else value.name
        if name not in (*DTYPES, "object"):
            raise refusal(value, place)
        return {"dtype": name}

    @_encode.register
    def _(self, value: type, place):
        return self._named("type", value, place)

    @_encode.register
    def _(self, value: rv_frozen, place):
        path = name_of("distribution", value.dist)
        if path is None:
            raise refusal(value, place)
        args = self.encode_all(value.args, place)
        kwds = {name: self.encode(v, place) for name, v in value.kwds.items()}
        return {"distribution": [path, args, kwds]}

    def _named(self, kind, value, place):
        path = name_of(kind, value)
        if path is None:
            raise refusal(value, place)
        return {kind: path}

    @_encode.register
    def _(self, value: np.ufunc, place):
        return self._named("function", value, place)

    @_encode.register
    def _(self, value: FunctionType, place):
        return self._named("function", value, place)

    @_encode.register
    def _(self, value: np.random.RandomState, place):
        _check_type(value, np.random.RandomState, place)
        kind, keys, *rest = value.get_state()
        if kind != "MT19937":
            raise refusal(value, place, f"kind {kind}")
        return {"random_state": self.encode_all((keys, *rest), place)}

    @_encode.register
    def _(self, value: sparse.spmatrix | sparse.sparray, place):
        if type(value).__name__ not in SPARSE:
            raise refusal(value, place)
        parts = (value.data, value.indices, value.indptr)
        shape = list(value.shape)
        return {"sparse": [type(value).__name__, shape, *self.encode_all(parts, place)]}

    @_encode.register
    def _(self, value: Tree, place):
        _check_type(value, Tree, place)
        nodes = value.__getstate__()["nodes"]
        fields = [
            self.encode(np.ascontiguousarray(nodes[field]), place)
            for field in TREE_FIELDS
        ]
        sizes = [value.n_features, value.n_outputs, value.max_depth]
        classes = np.asarray(value.n_classes)
        return {
            "tree": [sizes, *self.encode_all((classes, value.value), place), fields]
        }

    @_encode.register
    def _(self, value: MetadataRequest, place):
        requests = {m: dict(getattr(value, m).requests) for m in _METHODS}
        return {
            "routing": {method: asked for method, asked in requests.items() if asked}
        }

    @_encode.register
    def _(self, value: pd.Index, place):
        # scikit-learn keeps the names of columns that were tables'.
        names = value.to_numpy(dtype=object)
        is_plain = type(value) is pd.Index and all(type(name) is str for name in names)
        if not is_plain:
            raise refusal(value, place, f"dtype {value.dtype}")
        return {"index": self.encode(names, place)}


def _check_type(value, kind, place):
    """Refuse what only inherits from a kind: it would come back as that kind."""
    if type(value) is not kind:
        raise refusal(value, place)


def type_name(obj):
    """Return the full name of a obj's class."""
    return f"{type(obj).__module__}.{type(obj).__qualname__}"


def refusal(value, place, detail=None):
    """Return the error that says what cannot be in a file, where it is, and a cure."""
    what = type_name(value)
    name = getattr(value, "__name__", None)
    if name is not None:
        what += f" ({getattr(value, '__module__', None) or 'builtins'}.{name})"
    if detail is not None:
        what += f" of {detail}"
    advice = next(
        (cure for key, cure in _CURES.items() if key in place + what), _ADVICE
    )
    kind = "an estimator" if isinstance(value, BaseEstimator) else "something"
    return TypeError(
        f"{place} is a {what}, {kind} which a file without code cannot hold. Wanted: "
        "numbers, text, arrays, and those estimators, splitters, scorers and functions "
        f"of skomics, scikit-learn and NumPy that docs/saving.md lists. {advice}"
    )
