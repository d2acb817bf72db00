"""Write the stub of the estimators: `python -m tests.stubs`, then ruff.

The constructors of the networks are made at runtime from the fields of their classes.
A type checker that knows nothing of scikit-learn's base classes does not follow that
any more, and lets every parameter pass; written out, it sees them.
"""

import ast
import inspect
import re
from collections import defaultdict

import skomics.estimators
from skomics.estimators import BaseOmicsClassifier
from tests.conftest import REPOSITORY

STUB = REPOSITORY / "skomics" / "estimators" / "__init__.pyi"
HEAD = "# Written by tests/stubs.py from the fields of the classifiers.\n"
HOMES = {
    **dict.fromkeys(["Mapping", "Sequence"], "collections.abc"),
    **dict.fromkeys(["Any", "Literal"], "typing"),
    "ArrayLike": "numpy.typing",
    "pd": "pandas",
}


def parameters_of(cls):
    return inspect.signature(cls).parameters.values()


def write_class(cls):
    """Return a class with the constructor of a classifier."""
    found = [f"{p.name}: {p.annotation} = {p.default!r}" for p in parameters_of(cls)]
    return (
        f"class {cls.__name__}(_{cls.__name__}):\n"
        f"    def __init__(self, *, {', '.join(found)}) -> None: ...\n"
    )


def write_imports(networks, others):
    """Return the imports of what hints name, of the classifiers and of the rest."""
    hints = " ".join(p.annotation for cls in networks for p in parameters_of(cls))
    # The names in them, without options and attributes.
    words = set(re.findall(r"(?<!\.)\b\w+", re.sub("'[^']*'", "", hints)))
    found = defaultdict(set)
    for word in words - {"int", "float", "str", "bool", "dict", "None"}:
        found[HOMES.get(word, "skomics._typing")].add(word)
    for cls in networks:
        found[cls.__module__].add(f"{cls.__name__} as _{cls.__name__}")
    for obj in others:
        found[obj.__module__].add(obj.__name__)
    aliases = "import pandas as pd\n" if found.pop("pandas", None) else ""
    return aliases + "".join(
        f"from {module} import {', '.join(sorted(names))}\n"
        for module, names in sorted(found.items())
    )


def make_stub():
    """Return the text of the stub, before it is formatted."""
    names = skomics.estimators.__all__
    objects = [getattr(skomics.estimators, name) for name in names]
    networks = [
        obj
        for obj in objects
        if inspect.isclass(obj) and issubclass(obj, BaseOmicsClassifier)
        if obj is not BaseOmicsClassifier
    ]
    others = [obj for obj in objects if obj not in networks]
    parts = [write_imports(networks, others), f"__all__ = {names!r}\n"]
    return HEAD + "\n".join(parts + list(map(write_class, networks)))


def without_order(text):
    """Return what a stub says, whatever the order and form of its imports."""
    imports, rest = set(), []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            imports |= {(module, alias.name, alias.asname) for alias in node.names}
        else:
            rest.append(ast.unparse(node))
    return imports, rest


if __name__ == "__main__":
    STUB.write_text(make_stub(), encoding="utf-8")
