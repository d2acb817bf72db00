"""Multi-omics data to try things on."""

from skomics.datasets._read import load_folder
from skomics.datasets._simulate import IntersimReference, make_intersim

__all__ = ["IntersimReference", "load_folder", "make_intersim"]
