"""Figures, drawn from results that were computed before."""

from skomics.plotting._benchmark import BenchmarkDisplay

__all__ = ["BenchmarkDisplay"]
