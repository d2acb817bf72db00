"""Warnings that point at the line of the user that they are about."""

import os
import sys
import warnings
from pathlib import Path

__all__ = ["warn"]


def _folders():
    """Return the folders of the packages that stand between a user and a warning."""
    import joblib
    import sklearn

    packages = (Path(__file__), Path(sklearn.__file__), Path(joblib.__file__))
    return tuple(f"{path.parent}{os.sep}" for path in packages)


def _find_stacklevel():
    """Return the number of the first frame that is none of ours, as pandas does."""
    folders, level, frame = _folders(), 1, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(folders):
        frame, level = frame.f_back, level + 1
    # All frames can be ours where a worker of joblib runs the function.
    return level


def warn(message, category=UserWarning):
    """Warn, at the first line outside skomics, scikit-learn and joblib.

    Parameters
    ----------
    message : str
        What was found, what was wanted and what to do.

    category : type, default=UserWarning
        Kind of warning.
    """
    warnings.warn(message, category, stacklevel=_find_stacklevel())
