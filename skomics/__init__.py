"""Classification of cancer subtypes from multi-omics data, the scikit-learn way.

Public names are imported on first use, so that ``import skomics`` stays light:
torch is loaded when a classifier is first asked for, not before.
"""

from importlib import import_module
from pathlib import Path

__version__ = "0.1.0.dev0"

_NAMES = {
    "AtacTfidfTransformer": "skomics.preprocessing",
    "CLRTransformer": "skomics.preprocessing",
    "LibrarySizeNormalizer": "skomics.preprocessing",
    "MValueTransformer": "skomics.preprocessing",
    "OmicsConcatenator": "skomics.preprocessing",
    "align_samples": "skomics.preprocessing",
    "BaseOmicsClassifier": "skomics.estimators",
    "BlockRidgeClassifier": "skomics.estimators",
    "EFCNNClassifier": "skomics.estimators",
    "EFNNClassifier": "skomics.estimators",
    "LFCNNClassifier": "skomics.estimators",
    "LFNNClassifier": "skomics.estimators",
    "MoGATClassifier": "skomics.estimators",
    "MoGCNClassifier": "skomics.estimators",
    "SMAClassifier": "skomics.estimators",
    "paper_params": "skomics.estimators",
    "load_model": "skomics.persistence",
    "save_model": "skomics.persistence",
}
_SUBMODULES = tuple(
    sorted(
        path.stem
        for path in Path(__file__).parent.iterdir()
        if not path.name.startswith(("_", "."))
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    )
)

__all__ = [*sorted(_NAMES), *_SUBMODULES]


def __getattr__(name):
    if name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
    elif name in _SUBMODULES:
        value = import_module(f"skomics.{name}")
    else:
        raise AttributeError(f"module 'skomics' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])
