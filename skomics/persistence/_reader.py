"""From JSON values and arrays to a model, with every step checked before it is done."""

import inspect
import math

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRequest

from skomics._compat import NODE_DTYPE, Tree
from skomics._container import is_count
from skomics.persistence._checks import check_thing, rebuild
from skomics.persistence._names import DTYPES, find
from skomics.persistence._own import check_own, set_own_state
from skomics.persistence._require import require
from skomics.persistence._states import RESET, defaults_of, is_allowed
from skomics.persistence._trial import try_model, try_part
from skomics.persistence._writer import SPARSE, TREE_FIELDS

__all__ = ["Reader"]

# A text array may take this many times the file's size, because its items are as
# wide as the longest.
_WIDENING = 64
# How often, on average, a part may be referred to: chains of references would
# otherwise make a model that takes for ever to use.
_MAX_SHARING = 100
_MAX_TRIED = 4
_LEAF = -1


class Reader:
    """Puts a model together from JSON values and arrays.

    Parameters
    ----------
    tensors : dict of str to ndarray
        The arrays.

    size : int
        Bytes of the file, which bound what is made from it.
    """

    def __init__(self, tensors, size):
        self._tensors = tensors
        self._size = size
        self._unused = set(tensors)
        self._things, self._sizes = [], []
        self.of_sklearn = []  # names of its classes
        self._n_decoded = self._n_expanded = 0
        self._texts = {}

    def read(self, value, place="model"):
        """Return the object that a JSON value stands for; all arrays must be used."""
        obj = self.decode(value, place)
        require(
            not self._unused, place, f"leaves {len(self._unused)} of the arrays unused"
        )
        # What refers to its parts again and again might take for ever to predict.
        if self._n_expanded <= _MAX_TRIED * self._n_decoded + 1000:
            try_model(obj, place, self._size, self._things)
        return obj

    def decode(self, value, place):
        """Return the object at a place of the model."""
        self._n_decoded += 1
        self._n_expanded += 1
        if isinstance(value, list):
            return self._decode_all(value, place)
        if not isinstance(value, dict):
            is_long = type(value) is int and value.bit_length() > 128
            require(not is_long, place, "is a number of more than 128 bits")
            return value
        require(len(value) == 1, place, "is not of one kind")
        ((kind, content),) = value.items()
        require(kind in self._KINDS, place, f"is of the unknown kind {kind!r:.50}")
        return self._KINDS[kind](self, content, place)

    def _decode_all(self, values, place):
        return [self.decode(item, f"{place}[{i}]") for i, item in enumerate(values)]

    def _parts(self, content, place, n):
        is_complete = isinstance(content, list) and len(content) == n
        require(is_complete, place, f"does not have the {n} parts of its kind")
        return content

    def _list(self, content, place):
        require(isinstance(content, list), place, "is no list")
        return self._decode_all(content, place)

    # Containers and small things

    def _float(self, content, place):
        require(content in ("nan", "inf", "-inf"), place, "is no such number")
        return float(content)

    def _tuple(self, content, place):
        return tuple(self._list(content, place))

    def _dict(self, content, place):
        require(isinstance(content, list), place, "is no list of pairs")
        found = {}
        for pair in content:
            key, item = self._parts(pair, place, 2)
            key = self.decode(key, f"{place}.keys")
            hashable = (str, int, float, bool, tuple, np.generic, type(None))
            require(isinstance(key, hashable), place, "has a key that is no key")
            found[key] = self.decode(item, f"{place}[{key!r:.50}]")
        require(len(found) == len(content), place, "has a key twice")
        return found

    def _bunch(self, content, place):
        found = self._dict(content, place)
        is_named = all(isinstance(k, str) and not hasattr(Bunch, k) for k in found)
        require(is_named, place, "has names that a Bunch cannot have")
        return Bunch(**found)

    def _slice(self, content, place):
        bounds = self._list(self._parts(content, place, 3), place)
        is_plain = all(b is None or type(b) is int for b in bounds)
        require(is_plain, place, "has bounds that are no integers")
        return slice(*bounds)

    def _scalar(self, content, place):
        name, value = self._parts(content, place, 2)
        if name == "str":
            require(isinstance(value, str), place, "is no text")
            return np.str_(value)
        require(isinstance(name, str) and name in DTYPES, place, "has no known dtype")
        value = self.decode(value, place)
        kinds = {"b": (bool,), "f": (int, float)}.get(DTYPES[name].kind, (int,))
        require(type(value) in kinds, place, f"is no {name}")
        with np.errstate(over="ignore"):
            return DTYPES[name].type(value)

    def _dtype(self, name, place):
        if name == "object":
            return np.dtype(object)
        require(isinstance(name, str) and name in DTYPES, place, "has no known dtype")
        return DTYPES[name]

    def _named(kind):  # noqa: N805
        def look_up(self, content, place):
            return _find(kind, content, place)

        return look_up

    def _distribution(self, content, place):
        path, args, kwds = self._parts(content, place, 3)
        make = _find("distribution", path, place)
        args = self._list(args, place)
        require(isinstance(kwds, dict), place, "has no parameters")
        kwds = {name: self.decode(item, place) for name, item in kwds.items()}
        numbers = (int, float, np.integer, np.floating)
        is_plain = all(isinstance(v, numbers) for v in [*args, *kwds.values()])
        require(is_plain, place, "has parameters that are no numbers")
        return make(*args, **kwds)

    def _random_state(self, content, place):
        keys, position, has_gauss, gauss = self._list(
            self._parts(content, place, 4), place
        )
        is_state = (
            isinstance(keys, np.ndarray)
            and keys.dtype == np.uint32
            and keys.shape == (624,)
            and type(position) is int
            and 0 <= position <= 624
            and type(has_gauss) is int
            and has_gauss in (0, 1)
            and type(gauss) is float
            and math.isfinite(gauss)
        )
        require(is_state, place, "is no state of a Mersenne Twister")
        generator = np.random.RandomState(0)
        generator.set_state(("MT19937", keys, position, has_gauss, gauss))
        return generator

    def _routing(self, content, place):
        require(isinstance(content, dict), place, "is no routing")
        for method, asked in content.items():
            is_known = method in _SIMPLE_METHODS and isinstance(asked, dict)
            require(is_known, place, f"routes to an unknown method {method!r:.50}")
            for name, alias in asked.items():
                is_word = isinstance(alias, str) and alias.isidentifier()
                is_answer = alias is None or isinstance(alias, bool) or is_word
                require(name.isidentifier() and is_answer, place, "is no routing")
        return _Routing(content)

    def _index(self, content, place):
        names = self.decode(content, place)
        is_row = isinstance(names, np.ndarray) and names.dtype == object
        is_names = is_row and names.ndim == 1 and all(type(n) is str for n in names)
        require(is_names, place, "is no index of names")
        return pd.Index(names)

    # Arrays

    def _tensor(self, name, place):
        is_known = isinstance(name, str) and name in self._tensors
        require(is_known, place, f"names the array {name!r:.50}, which is not there")
        self._unused.discard(name)
        return self._tensors[name]

    def _array(self, content, place):
        name, by_columns = self._parts(content, place, 2)
        require(isinstance(by_columns, bool), place, "has no memory order")
        array = self._tensor(name, place)
        return array.T if by_columns else array

    def _shape(self, shape, n_items, place):
        is_shape = (
            isinstance(shape, list)
            and len(shape) <= 8
            and all(map(is_count, shape))
            and math.prod(shape) == n_items
            and max(shape, default=0) <= max(n_items, 2**16)
        )
        require(is_shape, place, f"has no shape for its {n_items} items")
        return tuple(shape)

    def _text(self, content, place):
        letters, lengths, shape, width = self._parts(content, place, 4)
        key = (letters, lengths, str(shape), width)
        if str(key) not in self._texts:
            self._texts[str(key)] = self._new_text(*key[:2], shape, width, place)
        return self._texts[str(key)]

    def _new_text(self, letters, lengths, shape, width, place):
        letters, lengths = self._tensor(letters, place), self._tensor(lengths, place)
        kinds = letters.dtype == np.uint8 and lengths.dtype == np.uint32
        is_flat = kinds and letters.ndim == lengths.ndim == 1
        fits = is_flat and lengths.sum(dtype=np.uint64) == len(letters)
        require(fits, place, "has letters and lengths that do not fit")
        require(is_count(width), place, "has no width")
        n_bytes = 4 * width * len(lengths)
        is_small = n_bytes <= _WIDENING * self._size + 2**20
        require(is_small and width < 2**28, place, f"would take {n_bytes} bytes")
        shape = self._shape(shape, len(lengths), place)
        items = _cut(letters.tobytes(), lengths)
        if width == 0:
            array = np.empty(len(items), dtype=object)
            array[:] = items
        else:
            longest = max(map(len, items), default=0)
            require(
                longest <= width, place, "has texts that are longer than it is wide"
            )
            array = np.array(items, dtype=f"<U{width}")
        return array.reshape(shape)

    def _objects(self, content, place):
        shape, items = self._parts(content, place, 2)
        items = self._list(items, place)
        shape = self._shape(shape, len(items), place)
        array = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            array[i] = item
        return array.reshape(shape)

    def _masked(self, content, place):
        data, mask = self._list(self._parts(content, place, 2), place)
        is_pair = isinstance(data, np.ndarray) and isinstance(mask, np.ndarray)
        fits = is_pair and mask.dtype == bool and mask.shape == data.shape
        require(fits, place, "has a mask that does not fit")
        return np.ma.MaskedArray(data, mask=mask)

    def _sparse(self, content, place):
        kind, shape, *parts = self._parts(content, place, 5)
        require(kind in SPARSE, place, "is of an unknown kind")
        data, indices, indptr = self._decode_all(parts, place)
        are_arrays = all(isinstance(a, np.ndarray) for a in (data, indices, indptr))
        is_plain = are_arrays and all(a.ndim == 1 for a in (data, indices, indptr))
        has_kinds = is_plain and {indices.dtype.name, indptr.dtype.name} <= {
            "int32",
            "int64",
        }
        require(has_kinds and data.dtype.kind in "biuf", place, "is no sparse matrix")
        is_shape = isinstance(shape, list) and len(shape) == 2
        require(is_shape and all(map(is_count, shape)), place, "has no shape")
        along, across = shape if kind.startswith("csr") else shape[::-1]
        _check_compressed(data, indices, indptr, along, across, place)
        matrix = getattr(sparse, kind)((data, indices, indptr), shape=tuple(shape))
        matrix.check_format(full_check=True)
        return matrix

    def _tree(self, content, place):
        sizes, classes, values, fields = self._parts(content, place, 4)
        n_features, n_outputs, depth = self._parts(sizes, place, 3)
        require(all(map(is_count, sizes)), place, "has no sizes")
        classes, values = self.decode(classes, place), self.decode(values, place)
        fields = self._list(self._parts(fields, place, len(TREE_FIELDS)), place)
        n_nodes = _check_tree_arrays(classes, values, fields, n_outputs, place)
        nodes = np.zeros(n_nodes, NODE_DTYPE)
        for name, field in zip(TREE_FIELDS, fields, strict=True):
            require(field.dtype == NODE_DTYPE[name], place, f"has a wrong {name}")
            nodes[name] = field
        _check_nodes(nodes, n_features, place)
        require(depth <= n_nodes, place, "is deeper than its nodes allow")
        tree = Tree(n_features, classes.astype(np.intp), n_outputs)
        state = {"max_depth": depth, "node_count": n_nodes, "nodes": nodes}
        tree.__setstate__({**state, "values": np.ascontiguousarray(values)})
        return tree

    # Objects

    def _again(self, number, place):
        is_known = is_count(number) and number < len(self._things)
        require(is_known, place, f"refers to part {number!r:.50}, which is not there")
        self._n_expanded += self._sizes[number]
        require(
            self._n_expanded <= _MAX_SHARING * self._n_decoded + 10_000,
            place,
            "refers to the same parts so often that the model would never end",
        )
        return self._things[number]

    def _object(self, content, place):
        path, state = self._parts(content, place, 2)
        cls = _find("class", path, place)
        require(isinstance(state, dict), place, "has no state")
        before = self._n_expanded
        found = {}
        for name, item in state.items():
            require(
                is_allowed(cls, name),
                place,
                f"has the attribute {name!r:.50}, which a {cls.__name__} in a file may "
                "not have",
            )
            if name not in RESET:
                found[name] = self.decode(item, f"{place}.{name}")
        obj = _make(cls, found, place, self._size)
        if cls.__module__.startswith("sklearn."):
            self.of_sklearn.append(cls.__name__)
        self._things.append(obj)
        self._sizes.append(self._n_expanded - before)
        return obj

    _KINDS = {
        "float": _float,
        "tuple": _tuple,
        "dict": _dict,
        "bunch": _bunch,
        "slice": _slice,
        "scalar": _scalar,
        "dtype": _dtype,
        "type": _named("type"),  # type: ignore[arg-type]
        "function": _named("function"),  # type: ignore[arg-type]
        "distribution": _distribution,
        "random_state": _random_state,
        "routing": _routing,
        "index": _index,
        "array": _array,
        "text": _text,
        "objects": _objects,
        "masked": _masked,
        "sparse": _sparse,
        "tree": _tree,
        "again": _again,
        "object": _object,
    }


_SIMPLE_METHODS = frozenset(
    "fit partial_fit predict predict_proba predict_log_proba decision_function score "
    "split transform inverse_transform".split()
)


class _Routing(dict):
    """What metadata an object asks for, until there is the object."""


def _find(kind, path, place):
    try:
        return find(kind, path)
    except ValueError as error:
        raise ValueError(f"{place} {error}") from error


def _cut(letters, lengths):
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    starts = [0, *ends[:-1]] if ends else []
    if letters.isascii():
        text = letters.decode("ascii")
        return [text[a:b] for a, b in zip(starts, ends, strict=True)]
    return [
        letters[a:b].decode(errors="surrogatepass")
        for a, b in zip(starts, ends, strict=True)
    ]


def _check_compressed(data, indices, indptr, along, across, place):
    """Refuse a compressed matrix whose parts would lead beyond its memory."""
    is_sound = (
        len(indptr) == along + 1
        and across <= 2**40
        and len(indices) == len(data)
        and indptr[0] == 0
        and indptr[-1] == len(data)
        and bool(np.all(indptr[:-1] <= indptr[1:]))
        and (not len(indices) or 0 <= indices.min() and indices.max() < across)
    )
    require(is_sound, place, "is a sparse matrix whose indices do not fit its shape")


def _check_tree_arrays(classes, values, fields, n_outputs, place):
    """Return the number of nodes of a tree whose arrays have matching sizes."""
    arrays = [classes, values, *fields]
    require(all(isinstance(a, np.ndarray) for a in arrays), place, "is no tree")
    n_nodes = len(fields[0]) if fields[0].ndim == 1 else 0
    are_nodes = n_nodes and all(field.shape == (n_nodes,) for field in fields)
    require(are_nodes, place, "is a tree whose nodes do not fit")
    is_list = classes.dtype == np.int64 and classes.shape == (n_outputs,) != (0,)
    require(is_list and classes.min() >= 1, place, "is a tree without outputs")
    fits = values.shape == (n_nodes, n_outputs, int(classes.max()))
    is_finite = values.dtype == np.float64 and np.isfinite(values).all()
    require(fits and is_finite, place, "is a tree with values that do not fit")
    return n_nodes


def _check_nodes(nodes, n_features, place):
    """Refuse nodes from which prediction would not come to an end in the tree."""
    left, right = nodes["left_child"], nodes["right_child"]
    numbers = np.arange(len(nodes))
    inner = left != _LEAF
    require(bool(np.array_equal(inner, right != _LEAF)), place, "has half a branch")
    children = np.concatenate([left[inner], right[inner]])
    parents = np.concatenate([numbers[inner], numbers[inner]])
    is_ordered = bool(np.all(children > parents)) and bool(
        np.all(children < len(nodes))
    )
    once = is_ordered and np.array_equal(np.sort(children), numbers[1:])
    require(once, place, "is no tree: its nodes do not follow each other")
    feature = nodes["feature"][inner]
    is_known = bool(np.all((feature >= 0) & (feature < n_features)))
    require(is_known, place, "asks for features that are not there")
    has_nan = np.isnan(nodes["threshold"]).any()
    require(not has_nan and nodes["missing_go_to_left"].max() <= 1, place, "has NaN")


def _make(cls, state, place, size):
    """Return an object of a class on the list, with a state that was checked."""
    if cls.__module__.startswith("skomics."):
        return _make_own(cls, state, place, size)
    routing = _take_routing(state, place)
    state = {**_defaults(cls), **state}
    obj = object.__new__(cls)
    vars(obj).update(state)
    _set_routing(obj, routing)
    check_thing(obj, place, size)
    rebuild(obj)
    try_part(obj, place, size)
    return obj


def _make_own(cls, state, place, size):
    routing = _take_routing(state, place)
    state = {**_defaults(cls), **state}
    check_own(cls, state, place, size)
    obj = object.__new__(cls)
    set_own_state(obj, state, place)
    _set_routing(obj, routing)
    try_part(obj, place, size)
    return obj


def _defaults(cls):
    """Return the parameters' defaults, for what a file does not say."""
    defaults = {
        name: default
        for name, default in defaults_of(cls).items()
        if default is not inspect.Parameter.empty
    }
    if cls.__name__.startswith("Halving"):
        defaults["pre_dispatch"] = "2*n_jobs"
    return defaults


def _take_routing(state, place):
    routing = state.pop("_metadata_request", None)
    is_routing = routing is None or isinstance(routing, _Routing)
    require(is_routing, f"{place}._metadata_request", "is no routing")
    others = [name for name, v in state.items() if isinstance(v, _Routing)]
    require(not others, place, "has routing where there should be none")
    return routing


def _set_routing(obj, routing):
    if routing is None:
        return
    request = MetadataRequest(owner=obj)
    for method, asked in routing.items():
        for name, alias in asked.items():
            getattr(request, method).add_request(param=name, alias=alias)
    obj._metadata_request = request
