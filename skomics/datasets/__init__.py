"""Multi-omics data to try things on."""

from skomics.datasets._simulate import IntersimReference, make_intersim

__all__ = ["IntersimReference", "make_intersim"]
