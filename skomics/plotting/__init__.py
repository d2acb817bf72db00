"""Figures, drawn from results that were computed before."""

from skomics.plotting._benchmark import BenchmarkDisplay
from skomics.plotting._boxes import ScoreBoxDisplay
from skomics.plotting._critical_difference import CriticalDifferenceDisplay
from skomics.plotting._learning_curves import LearningCurvesDisplay
from skomics.plotting._stability import StabilityDisplay

__all__ = [
    "BenchmarkDisplay",
    "CriticalDifferenceDisplay",
    "LearningCurvesDisplay",
    "ScoreBoxDisplay",
    "StabilityDisplay",
]
