"""Checks of numbers that several functions of this folder take."""

from math import isfinite
from numbers import Integral, Real

__all__ = ["check_integer", "check_probability", "check_real"]


def check_integer(name, value, low):
    """Raise unless value is an integer of at least `low`."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, not an integer. Give an int >= {low}.")
    if value < low:
        raise ValueError(f"{name} is {value}. Give an integer >= {low}.")


def check_real(name, value):
    """Return a finite number as a float; raise for anything else."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, not a number. Give a float.")
    if not isfinite(value):
        raise ValueError(f"{name} is {value}. Give a finite number.")
    return float(value)


def check_probability(name, value):
    """Raise unless value is a number between 0 and 1."""
    if not 0 <= check_real(name, value) <= 1:
        raise ValueError(f"{name} is {value}. Give a probability between 0 and 1.")
    return float(value)
