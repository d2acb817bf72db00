"""The public API has type hints, and they are right as far as mypy can tell."""

import ast
import inspect
import re
import subprocess
import sys
from functools import cached_property
from importlib import import_module
from pkgutil import walk_packages

import pytest

import skomics
from skomics._compat import StrOptions
from skomics.estimators import BaseOmicsClassifier
from skomics.testing import all_estimators
from tests.conftest import REPOSITORY
from tests.stubs import STUB, make_stub, without_order

CLASSIFIERS = [
    cls for _, cls in all_estimators() if issubclass(cls, BaseOmicsClassifier)
]

# As a user's: everything on, and scikit-learn without types.
USERS_CONFIG = """
[mypy]
strict = true
ignore_missing_imports = true
follow_imports = silent
# Of the bases that scikit-learn gives.
disallow_subclassing_any = false
"""

USERS_FILE = """
from pathlib import Path

import numpy as np

from skomics import OmicsConcatenator, SMAClassifier, load_model, save_model
from skomics.datasets import make_multiomics
from skomics.inspection import feature_attributions
from skomics.io import read_omics
from skomics.metrics import reliability_curve

X, y = make_multiomics(n_samples=60, random_state=np.random.RandomState(0))
model = SMAClassifier(max_epochs="auto", lr=0.01, linear_path="trained", omics=None)
proba: np.ndarray = model.fit(X, y).predict_proba(X)
omics = OmicsConcatenator(missing_omics="keep").fit([[[1.0, 2.0]], np.eye(1)])
save_model(model, Path("model"))
loaded = load_model("model")
table = read_omics({"rna": "rna.csv", "methylation": Path("meth.csv")}, join="inner")
curve = reliability_curve(["a", "b"], proba, strategy="quantile")
found = feature_attributions(model, X, method="shap", per_sample=True)
"""

MISUSES = {
    'SMAClassifier(optimizer="adamax")': "\"Literal['adamax']\"",
    'SMAClassifier(linear_path="lasso")': "\"Literal['lasso']\"",
    "SMAClassifier(n_epochs=3)": 'Unexpected keyword argument "n_epochs"',
    "SMAClassifier(max_epochs=[3])": 'argument "max_epochs"|"list[int]"',
    "load_model(3)": '"int"; expected "str | PathLike[str]"',
    'read_omics("rna.csv", orientation="columns")': "\"Literal['columns']\"",
    "make_multiomics(n_sample=3)": 'Unexpected keyword argument "n_sample"',
    "model.fit(X)": 'Missing positional argument "y"',
    "model.predict(X).no_method()": 'has no attribute "no_method"',
}


def run_mypy(*arguments):
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *arguments]
    result = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=250
    )
    return result.stdout + result.stderr


@pytest.mark.slow
def test_mypy_finds_no_error_in_the_package(tmp_path):
    assert run_mypy("--cache-dir", str(tmp_path)) == ""


@pytest.mark.slow
def test_mypy_passes_a_good_use_and_finds_each_misuse(tmp_path):
    config, script = tmp_path / "mypy.ini", tmp_path / "script.py"
    config.write_text(USERS_CONFIG)
    script.write_text(USERS_FILE + "\n".join(MISUSES))
    first = len(USERS_FILE.splitlines()) + 1
    options = ["--config-file", str(config), "--cache-dir", str(tmp_path / "cache")]
    found = {}
    for line in run_mypy(*options, str(script)).splitlines():
        _, number, message = re.split(r"\.py:(\d+): (?:error|note): ", line, maxsplit=1)
        found.setdefault(int(number), []).append(message)
    assert sorted(found) == list(range(first, first + len(MISUSES))), found
    for number, (code, part) in enumerate(MISUSES.items(), first):
        said = " ".join(found[number])
        assert any(p in said for p in part.split("|")), (code, said)


def public_modules():
    yield skomics
    for info in walk_packages(skomics.__path__, "skomics."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield import_module(info.name)


def public_objects():
    """Return the public functions and classes by the name that they are known under."""
    found = {}
    for module in public_modules():
        for name in getattr(module, "__all__", []):
            obj = getattr(module, name)
            if callable(obj) and not inspect.ismodule(obj):
                found[f"{module.__name__}.{name}"] = obj
    return found


def function_of(cls, name):
    """Return the function behind a public attribute of a class, or None."""
    obj = inspect.getattr_static(cls, name)
    if isinstance(obj, property):
        return obj.fget
    if isinstance(obj, cached_property):
        return obj.func
    obj = inspect.unwrap(getattr(obj, "fn", getattr(obj, "__func__", obj)))
    return obj if inspect.isfunction(obj) else None


def public_functions():
    """Return every public function and method, those of bases of ours included."""
    found = {}
    for name, obj in public_objects().items():
        if not inspect.isclass(obj):
            found[name] = inspect.unwrap(obj)
            continue
        for attribute in dir(obj):
            if not attribute.startswith("_") or attribute == "__init__":
                function = function_of(obj, attribute)
                if function is not None:
                    found[f"{name}.{attribute}"] = function
    return {
        name: function
        for name, function in found.items()
        # Of a dataclass, __init__ has the hints of its fields, or there are none.
        if (function.__module__ or "").startswith("skomics")
    }


FUNCTIONS = public_functions()


def without_hints(function):
    signature = inspect.signature(function)
    names = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
    names = [name for name in names if name not in {"self", "cls"}]
    return names + ["return"] * (signature.return_annotation is signature.empty)


def test_public_functions_are_found():
    assert len(FUNCTIONS) > 400
    for name in (
        "skomics.SMAClassifier.__init__",
        "skomics.SMAClassifier.fit",
        "skomics.SMAClassifier.partial_fit",
        "skomics.SMAClassifier.history_",
        "skomics.io.read_omics",
        "skomics.benchmark.Task.sizes",
        "skomics.datasets.IntersimReference.synthetic",
    ):
        assert name in FUNCTIONS


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_parameter_and_return_value_of_the_public_api_has_a_hint(name):
    assert without_hints(FUNCTIONS[name]) == []


def test_guard_of_hints_sees_one_that_lacks():
    def function(self, X: int, *, y=None, **params): ...

    assert without_hints(function) == ["y", "params", "return"]


def options_of(text):
    """Return the strings that the literals of a hint allow."""
    return {
        option.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
        for option in ast.walk(node.slice)
        if isinstance(option, ast.Constant)
    }


@pytest.mark.parametrize("cls", CLASSIFIERS, ids=lambda cls: cls.__name__)
def test_hints_of_a_classifier_allow_what_fit_allows_and_no_more(cls):
    aliases = vars(import_module("skomics._typing"))
    parameters = inspect.signature(cls).parameters
    n_checked = 0
    for name, constraints in cls._parameter_constraints.items():
        wanted = {
            option
            for constraint in constraints
            if isinstance(constraint, StrOptions)
            for option in constraint.options
        }
        hint = parameters[name].annotation
        words = re.findall(r"\w+", hint)
        texts = [hint, *(str(aliases[word]) for word in words if word in aliases)]
        if wanted:
            n_checked += 1
            assert set().union(*map(options_of, texts)) == wanted, name
            # Any string would do otherwise.
            assert not re.search(r"(^|\| )str\b", hint), name
    assert n_checked >= 5


def test_stub_of_the_classifiers_has_the_parameters_of_the_classifiers():
    """If it is old, write it anew with `python -m tests.stubs`."""
    assert without_order(STUB.read_text()) == without_order(make_stub())


def test_stub_of_the_package_names_what_the_package_imports_on_first_use():
    tree = ast.parse((REPOSITORY / "skomics" / "__init__.pyi").read_text())
    homes = {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(homes) == sorted(skomics.__all__)
    for name, home in homes.items():
        obj = getattr(skomics, name)
        place = f"{home}.{name}" if inspect.ismodule(obj) else home
        assert (obj.__name__ if inspect.ismodule(obj) else home) == place
        assert getattr(import_module(home), name) is obj
    names = next(node.value for node in tree.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(names) == skomics.__all__
