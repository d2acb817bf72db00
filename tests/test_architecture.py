"""The layers of the package point down only, and heavy imports have an address."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "skomics"

# From the top down. A file may import from lower layers, and from its own
# folder; the two lowest layers keep more rules, below.
LAYERS = [
    {"benchmark"},
    {"model_selection", "persistence", "plotting", "testing"},
    {"estimators", "preprocessing", "inspection", "datasets"},
    {"graph", "_blocks", "_missing"},
    {"_validation", "_transaction"},
    {"_compat", "_warnings", "exceptions", "_optional", "modules"},
]
HEAVY = {
    "torch": {"modules", "estimators", "persistence"},
    "skorch": {"estimators/_net.py"},
}
# Imported inside functions only, so that skomics works without them.
OPTIONAL = {
    "anndata",
    "dask",
    "distributed",
    "jinja2",
    "lightgbm",
    "matplotlib",
    "mudata",
    "polars",
    "pooch",
    "pyarrow",
    "ray",
    "rdata",
    "requests",
    "rich",
    "scikit_posthocs",
    "selenium",
    "xgboost",
}
# Files of skomics/estimators that belong to no single model.
SHARED_STEMS = {
    "_init__",
    "base",
    "net",
    "samples",
    "device",
    "paper",
    "graph_base",
    "graph_data",
}
TORCH_FREE = ["datasets", "preprocessing", "plotting", "graph", "exceptions"]


def layer_of(part):
    for level, names in enumerate(LAYERS):
        if part in names:
            return level
    raise AssertionError(f"{part} is in no layer; add it to LAYERS on purpose")


def source_files():
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.name))
def test_imports_point_down_only(path):
    if path == PACKAGE / "__init__.py":
        return
    own = part_of(path)
    for module, _ in imported_modules(ast.parse(path.read_text())):
        if not module.startswith("skomics."):
            continue
        target = module.split(".")[1]
        assert target == own or layer_of(target) > layer_of(own), (
            f"{path.name} imports {module}, which is not below it"
        )


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.name))
def test_heavy_imports_have_an_address(path):
    place = str(path.relative_to(PACKAGE))
    for module, _ in imported_modules(ast.parse(path.read_text())):
        allowed = HEAVY.get(module.split(".")[0])
        if allowed is not None:
            is_home = place in allowed or part_of(path) in allowed
            assert is_home, f"{place} imports {module}"


@pytest.mark.parametrize("path", source_files(), ids=lambda p: str(p.name))
def test_optional_packages_are_imported_inside_functions(path):
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module, _ in imported_modules(ast.Module([node], [])):
                assert module.split(".")[0] not in OPTIONAL, module


def test_a_model_has_the_same_stem_everywhere():
    root = PACKAGE.parent
    for path in (PACKAGE / "estimators").glob("_*.py"):
        stem = path.stem.removeprefix("_")
        if stem in SHARED_STEMS:
            continue
        assert (PACKAGE / "modules" / f"_{stem}.py").exists()
        assert (root / "tests" / "modules" / f"test_{stem}.py").exists()
        assert (root / "tests" / "estimators" / f"test_{stem}.py").exists()
        assert (root / "docs" / "models" / f"{stem}.md").exists()


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_import_skomics_loads_the_standard_library_only():
    code = (
        "import sys; before = set(sys.modules); import skomics; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = set(run_python(code).split())
    assert loaded - sys.stdlib_module_names == {"skomics"}


@pytest.mark.parametrize("part", TORCH_FREE)
def test_part_imports_where_torch_is_absent(part):
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        f"import skomics.{part}"
    )
    run_python(code)


def test_public_names_are_found_and_listed():
    import skomics

    assert all(getattr(skomics, name) is not None for name in skomics.__all__)
    assert set(skomics.__all__) <= set(dir(skomics))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        skomics.nothing  # noqa: B018
