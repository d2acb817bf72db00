"""Calls that can be left open, and sets of classes that hold the right one."""

from skomics.calibration._conformal import ConformalClassifier
from skomics.calibration._selective import SelectiveClassifier

__all__ = ["ConformalClassifier", "SelectiveClassifier"]
