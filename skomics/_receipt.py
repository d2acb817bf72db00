"""What a fit saw, was told and made of it, as plain Python."""

from hashlib import sha256
from numbers import Number
from types import (
    BuiltinFunctionType,
    CodeType,
    EllipsisType,
    FunctionType,
    MethodType,
    NotImplementedType,
)

import numpy as np
import pandas as pd
from scipy import sparse

from skomics._environment import package_versions

__all__ = ["describe_parameters", "digest_of", "started_receipt"]

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "skorch")
_LONGEST = 200
_PLAIN = (Number, str, bytes, np.generic, type(None), EllipsisType, NotImplementedType)


def started_receipt(estimator, **facts):
    """Return what is known of a fit when it begins.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted.

    **facts : dict
        What else there is to say, as plain Python.

    Returns
    -------
    receipt : dict
        The estimator's class, its parameters, versions, and the facts.
    """
    return {
        "estimator": type(estimator).__name__,
        "parameters": describe_parameters(estimator),
        "versions": dict(package_versions(_PACKAGES)),
        **facts,
    }


def describe_parameters(estimator):
    """Return the parameters of an estimator as text.

    Parameters
    ----------
    estimator : estimator
        With `get_params`.

    Returns
    -------
    parameters : dict of str to str
        By name, in alphabetical order. Objects whose text holds an address in memory
        are told by their class.
    """
    parameters = estimator.get_params(deep=False)
    return {name: _describe(parameters[name]) for name in sorted(parameters)}


def _describe(value):
    # The text of an estimator leaves out what has its default, not so an array.
    text = " ".join(repr(value).split())
    if " at 0x" in text:
        text = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, np.ndarray | pd.DataFrame | pd.Series | pd.Index):
        return f"{type(value).__name__} {value.shape} {digest_of(np.asarray(value))}"
    if len(text) > _LONGEST:
        return f"{text[: _LONGEST - 20]}... {digest_of(text)}"
    return text


def digest_of(value):
    """Return a short text that tells values apart by their content.

    Parameters
    ----------
    value : object
        Arrays, matrices, numbers, text, None, containers of these, and objects by
        their state. The order in which an object's attributes were set, the memory
        order of an array and the index type of a sparse matrix make no difference.

    Returns
    -------
    digest : str of 16 characters
        The beginning of a SHA-256, in hexadecimal digits.
    """
    digest = sha256()
    _feed(digest, value)
    return digest.hexdigest()[:16]


def _feed(digest, value):
    """Add a value to a digest, its kind first, so that no two kinds are alike."""
    if isinstance(value, _PLAIN):
        _feed_text(digest, f"{_kind(value)} {value!s}")
    elif isinstance(value, np.ndarray):
        _feed_array(digest, value)
    elif sparse.issparse(value):
        _feed_sparse(digest, value)
    elif isinstance(value, dict):
        _feed_items(digest, "dict", [part for item in value.items() for part in item])
    elif isinstance(value, list | tuple):
        _feed_items(digest, type(value).__name__, value)
    elif isinstance(value, set | frozenset):
        _feed_items(digest, "set", sorted(map(digest_of, value)))
    else:
        _feed_object(digest, value)


def _kind(value):
    """Return the kind of a plain value; NumPy's numbers are as Python's."""
    kinds = {"bool": bool | np.bool_, "int": int | np.integer, "str": str}
    kinds["float"] = float | np.floating
    found = (name for name, kind in kinds.items() if isinstance(value, kind))
    return next(found, type(value).__name__)


def _feed_text(digest, text):
    data = text.encode("utf-8", "surrogatepass")
    digest.update(f"{len(data)}:".encode() + data)


def _feed_items(digest, kind, items):
    _feed_text(digest, f"{kind} {len(items)}")
    for item in items:
        _feed(digest, item)


def _feed_texts(digest, kind, texts):
    """Add many texts at once: their lengths, then all of them."""
    _feed_text(digest, f"texts {kind} {' '.join(str(len(text)) for text in texts)}")
    _feed_text(digest, "".join(map(str, texts)))


def _feed_array(digest, array):
    if np.ma.isMaskedArray(array):
        _feed_items(digest, "masked", [np.ma.getmaskarray(array), array.filled()])
        return
    if array.dtype.hasobject:
        items = array.ravel().tolist()
        is_text = all(type(item) is str for item in items)
        feed = _feed_texts if is_text else _feed_items
        feed(digest, f"array {array.shape}", items)
        return
    # Text in arrays is as wide as the longest; the width says nothing.
    kind = array.dtype.kind if array.dtype.kind in "US" else array.dtype.str
    _feed_text(digest, f"array {kind} {array.shape}")
    if array.dtype.kind in "US":
        _feed_items(digest, "text", array.ravel().tolist())
    else:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _feed_sparse(digest, matrix):
    matrix = sparse.csr_array(matrix, copy=True)
    matrix.sum_duplicates()
    _feed_text(digest, f"sparse {matrix.shape}")
    _feed_array(digest, matrix.data)
    for part in (matrix.indptr, matrix.indices):
        _feed_array(digest, part.astype(np.int64))


def _feed_object(digest, value):
    """Add what pickle would keep of an object, in an order of its own."""
    if isinstance(value, type | BuiltinFunctionType | np.ufunc):
        module = getattr(value, "__module__", None)
        _feed_text(digest, f"name {module}.{_name_of(value)}")
    elif isinstance(value, FunctionType):
        _feed_function(digest, value)
    elif isinstance(value, MethodType):
        _feed_items(digest, "method", [value.__self__, value.__func__])
    else:
        make, arguments, state, *rest = [*value.__reduce_ex__(4), None][:5]
        rest = [list(items) for items in rest if items is not None]
        _feed_items(digest, "object", [make, arguments, _in_order(state), rest])


def _name_of(value):
    return getattr(value, "__qualname__", value.__name__)


def _in_order(state):
    """Return a state that does not tell in which order it was set."""
    if isinstance(state, tuple) and len(state) == 2:  # of a class with slots
        return tuple(map(_in_order, state))
    if isinstance(state, dict) and all(isinstance(key, str) for key in state):
        return {key: state[key] for key in sorted(state)}
    return state


def _feed_function(digest, function):
    """Add a function: by its code, since a name may stand for several."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    _feed_text(digest, f"function {function.__module__}.{function.__qualname__}")
    code = function.__code__
    parts = [code.co_code, code.co_names, _plain_constants(code)]
    _feed_items(
        digest, "code", [*parts, cells, function.__defaults__, function.__kwdefaults__]
    )


def _plain_constants(code):
    """Return the constants of code, and of the functions within."""
    return [
        [const.co_code, const.co_names, _plain_constants(const)]
        if isinstance(const, CodeType)
        else const
        for const in code.co_consts
    ]
