"""An estimator of each kind of which something is known that is worth searching."""

from importlib import import_module

import pytest
from sklearn.utils import all_estimators

import skomics

_OF_SKLEARN = dict(all_estimators())


def make(package, name):
    """Return the estimator with its defaults; skip where its package is absent."""
    if package == "sklearn":
        return _OF_SKLEARN[name]()
    if package == "skomics":
        return getattr(skomics, name)()
    pytest.importorskip(package)
    return getattr(import_module(package), name)()
