"""The layers of the package point down only, and heavy imports have an address."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import skomics
from skomics.estimators import BaseOmicsClassifier
from skomics.testing import all_estimators

PACKAGE = Path(__file__).parent.parent / "skomics"
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
MODELS = {
    name for name, cls in all_estimators() if issubclass(cls, BaseOmicsClassifier)
}

# From the top down. A part may import from lower layers, and from itself.
LAYERS = [
    {"__main__"},
    {"_cli"},
    {"benchmark"},
    {"model_selection", "persistence", "plotting", "testing", "pipeline"},
    {"estimators", "preprocessing", "inspection", "datasets"}
    | {"feature_selection", "calibration"},
    {"io", "graph", "metrics", "_document"},
    {"_inputs", "_stream", "_probabilities"},
    {"_blocks"},
    {"_layout", "_validation"},
    {"_rows", "_tcga", "_modality", "_transaction", "_threads", "_receipt"}
    | {"_container"},
    {"_compat", "_warnings", "exceptions", "_optional", "modules"}
    | {"_typing"}
    | {"_feature_names", "_named_sparse", "_environment", "_files", "_parallel"},
]
INSIDE_FUNCTIONS = {
    "benchmark/_speed.py",
    "graph/_pyg.py",
    "inspection/_gradients.py",
    "inspection/_neighbors.py",
}
HEAVY = {
    "torch": {"modules", "estimators", "persistence", *INSIDE_FUNCTIONS},
    "skorch": {"estimators/_net.py"},
}
# What works with torch only.
TORCH = HEAVY["torch"] - INSIDE_FUNCTIONS
# Private names of others are used here only.
DOOR = "_compat.py"
MAX_LINES = 700
# A table's way through it would be twice as long if it were cut.
WHOLE = {"preprocessing/_concatenator.py"}


def source_files():
    return sorted(PACKAGE.rglob("*.py"))


every_file = pytest.mark.parametrize(
    "path", source_files(), ids=lambda path: str(path.relative_to(PACKAGE))
)


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


PARTS = {part_of(path) for path in source_files()} - {"__init__"}
# Imported inside functions only, so that skomics works without them.
OPTIONAL = {
    re.split(r"[\[><=; ]", requirement)[0].replace("-", "_")
    for extra, requirements in PROJECT["optional-dependencies"].items()
    for requirement in requirements
} - {"skomics"}


def layer_of(part):
    for level, names in enumerate(LAYERS):
        if part in names:
            return level
    raise AssertionError(f"{part} is in no layer; add it to LAYERS on purpose")


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(tree, own="skomics.own"):
    """Yield the module of every import, whatever its form."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = module_of_import(node, own)
            if module == "skomics":
                yield from (public_home(alias.name) for alias in node.names)
            else:
                yield module
        elif isinstance(node, ast.Attribute):  # skomics.name, imported on first use
            if isinstance(node.value, ast.Name) and node.value.id == "skomics":
                yield public_home(node.attr)
        elif isinstance(node, ast.Call) and called(node) in IMPORTERS and node.args:
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


IMPORTERS = {"import_module", "importlib.import_module", "__import__"}


def called(node):
    return ast.unparse(node.func)


def module_of_import(node, own):
    """Return where ``from ... import`` looks, relative to a module or not."""
    above = own.split(".")[: -node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def public_home(name):
    """Return the module that `from skomics import name` imports."""
    home = skomics._NAMES.get(name)
    return home or (f"skomics.{name}" if name in PARTS else "skomics")


def upward_imports(source, own):
    """Return the imports of a part that do not point down."""
    part = own.split(".")[1]
    targets = (
        module.split(".")[1]
        for module in imported_modules(ast.parse(source), own)
        if module.startswith("skomics.")
    )
    return [t for t in targets if t != part and layer_of(t) <= layer_of(part)]


def test_every_part_has_a_layer_and_every_layer_has_its_parts():
    assert set().union(*LAYERS) == PARTS
    assert sum(map(len, LAYERS)) == len(PARTS)


@every_file
def test_imports_point_down_only(path):
    if path != PACKAGE / "__init__.py":
        # A file of a folder, as relative imports see it.
        own = f"{module_of(path)}._" if path.stem == "__init__" else module_of(path)
        assert upward_imports(path.read_text(), own) == []


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("import skomics.benchmark", "skomics.graph"),
        ("from skomics.estimators._net import OmicsNet", "skomics._blocks"),
        ("from ..benchmark import run", "skomics.io._read"),
        ("from .. import benchmark", "skomics.io._read"),
        ("from .benchmark._runner import run", "skomics.graph"),
        ("from skomics import benchmark", "skomics.graph"),
        ("from skomics import SMAClassifier", "skomics.graph"),
        ("def f():\n    from skomics import load_model", "skomics.estimators._base"),
        ("from skomics.datasets import make_intersim as make", "skomics.io._read"),
        ("from skomics import datasets as sets", "skomics.io._read"),
        ("import skomics.datasets as sets", "skomics.io._read"),
        ("import skomics\nskomics.datasets.make_intersim()", "skomics.io._read"),
        ("import skomics\nskomics.align_samples(tables)", "skomics._rows"),
        ("import_module('skomics.datasets')", "skomics.io._read"),
        ("importlib.import_module('skomics.datasets')", "skomics.io._read"),
        ("__import__('skomics.datasets')", "skomics.io._read"),
        ("from skomics.io import read_omics", "skomics._tcga"),
    ],
)
def test_guard_of_the_layers_sees_every_form_of_import(line, own):
    assert len(upward_imports(line, own)) == 1


MODULES = {
    f"{module_of(path)}.__init__" if path.stem == "__init__" else module_of(path): path
    for path in source_files()
}


def resolve(name):
    """Return the file of a module, and nothing for what is none of ours."""
    return next((m for m in (name, f"{name}.__init__") if m in MODULES), None)


def imported_files(source, own):
    """Return the files that a file imports, those in functions included."""
    tree = ast.parse(source)
    names = set(imported_modules(tree, own))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = module_of_import(node, own)
            inner = {f"{module}.{alias.name}" for alias in node.names}
            # A module of a package is taken from it without the package's names.
            if all(map(resolve, inner)):
                names.discard(module)
            names |= inner
    return set(filter(None, map(resolve, names))) - {own}


def find_circle(imports):
    """Return the files of a circle of imports, or None."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]


def test_imports_run_in_no_circle():
    files = {
        own: imported_files(path.read_text(), own) for own, path in MODULES.items()
    }
    assert sum(map(len, files.values())) > len(files)
    assert find_circle(files) is None


def test_guard_of_circles_sees_one_through_a_package_and_a_function():
    inner = "def f():\n    from skomics.graph import SampleGraph"
    files = {
        "skomics.graph.__init__": {"skomics.graph._nemo"},
        "skomics.graph._nemo": imported_files(inner, "skomics.graph._nemo"),
    }
    assert set(find_circle(files)) == set(files)
    sibling = "from skomics.graph import _neighbors"
    assert imported_files(sibling, "skomics.graph._nemo") == {
        "skomics.graph._neighbors"
    }


@every_file
def test_no_file_is_longer_than_one_subject(path):
    is_long = len(path.read_text().splitlines()) > MAX_LINES
    place = str(path.relative_to(PACKAGE))
    # What has become short enough leaves the list.
    assert is_long == (place in WHOLE)


@every_file
def test_heavy_imports_have_an_address(path):
    place = str(path.relative_to(PACKAGE))
    for module in imported_modules(ast.parse(path.read_text())):
        allowed = HEAVY.get(module.split(".")[0])
        if allowed is not None:
            is_home = place in allowed or part_of(path) in allowed
            assert is_home, f"{place} imports {module}"


@every_file
def test_optional_packages_are_imported_inside_functions(path):
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in imported_modules(ast.Module([node], [])):
                assert module.split(".")[0] not in OPTIONAL, module


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def own_private_names():
    """Return the private names that skomics itself defines."""
    names = set()
    for path in source_files():
        if path.name == DOOR:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute):
                if isinstance(node.ctx, ast.Store):
                    names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return {name for name in names if is_private(name)}


def foreign_private_names(source, own):
    """Return the private names of other packages that a file uses."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or node.names[0].name
            if node.__dict__.get("level") or module.split(".")[0] == "skomics":
                continue
            names = [*module.split("."), *(alias.name for alias in node.names)]
            found += [name for name in names if is_private(name)]
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            found += [node.attr] if node.attr not in own else []
    return found


OWN_PRIVATE_NAMES = own_private_names()
# Public in their documentation, in spite of the underscore.
DOCUMENTED = {
    "_parameter_constraints",  # of scikit-learn's developers' guide
    "_fields",  # of a named tuple
    "_asdict",
    "_replace",
    "_getframe",  # of sys
    "_get_support_mask",  # which SelectorMixin asks for
    "_modules",  # of a torch module
}

MADE_BY_METACLASSES = {
    "_abc_impl",
    "_backward_cls",
    "_jinja_propagate",  # torch-geometric's own, of each class at its first object
    "_orig_propagate",
    "_sklearn_auto_wrap_output_keys",
}


@every_file
def test_private_names_of_others_come_through_one_door(path):
    if path.name != DOOR:
        own = OWN_PRIVATE_NAMES | DOCUMENTED
        assert foreign_private_names(path.read_text(), own) == []


@pytest.mark.parametrize(
    "line",
    [
        "from sklearn.base import _fit_context",
        "from sklearn.utils._tags import get_tags",
        "import torch._dynamo",
        "net._set_training(False)",
        "estimator._skl_callbacks",
    ],
)
def test_guard_of_private_names_sees_them(line):
    assert len(foreign_private_names(line, OWN_PRIVATE_NAMES)) == 1


def test_private_methods_of_others_are_overridden_behind_the_door_only():
    for path in source_files():
        if path.name == DOOR or path.stem == "__main__":
            continue
        module = import_module(module_of(path))
        for cls in vars(module).values():
            if not (inspect.isclass(cls) and cls.__module__ == module.__name__):
                continue
            for base in cls.__mro__[1:]:
                if not base.__module__.startswith("skomics"):
                    both = {n for n in vars(cls).keys() & vars(base) if is_private(n)}
                    assert both - MADE_BY_METACLASSES <= DOCUMENTED, (cls, base)


@every_file
def test_no_warning_guesses_the_depth_of_the_stack(path):
    if path.name != "_warnings.py":
        assert "stacklevel" not in path.read_text()


def test_a_model_has_the_same_stem_everywhere():
    root = PACKAGE.parent
    models = [cls for name, cls in all_estimators() if name in MODELS]
    assert len(models) == 7
    for cls in models:
        stem = cls.__module__.rpartition("._")[2]
        assert stem == cls.__name__.removesuffix("Classifier").lower()
        assert (PACKAGE / "modules" / f"_{stem}.py").exists()
        assert (root / "tests" / "modules" / f"test_{stem}.py").exists()
        assert (root / "tests" / "estimators" / f"test_{stem}.py").exists()
        assert (root / "docs" / "models" / f"{stem}.md").exists()


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_import_skomics_loads_the_standard_library_only():
    code = (
        "import sys; before = set(sys.modules); import skomics; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = set(run_python(code).split())
    assert loaded - sys.stdlib_module_names == {"skomics"}


def test_every_part_imports_by_itself_where_torch_is_absent():
    parts = sorted(PARTS - TORCH - {"benchmark", "testing"})
    # Each loads all of skomics anew, and what others make of it only once.
    code = f"""
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoTorch())
for part in {parts}:
    for name in [n for n in sys.modules if n.split(".")[0] == "skomics"]:
        del sys.modules[name]
    try:
        __import__("skomics." + part)
    except ImportError as error:
        print(part, "needs", error)
"""
    assert run_python(code).splitlines() == []
    assert len(parts) > 30


def test_public_names_are_found_and_listed():
    assert all(getattr(skomics, name) is not None for name in skomics.__all__)
    assert set(skomics.__all__) <= set(dir(skomics))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        skomics.nothing  # noqa: B018
