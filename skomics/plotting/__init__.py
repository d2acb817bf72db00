"""Figures, drawn from results that were computed before."""

from skomics.plotting._benchmark import BenchmarkDisplay
from skomics.plotting._boxes import ScoreBoxDisplay
from skomics.plotting._critical_difference import CriticalDifferenceDisplay
from skomics.plotting._learning_curves import LearningCurvesDisplay

__all__ = [
    "BenchmarkDisplay",
    "CriticalDifferenceDisplay",
    "LearningCurvesDisplay",
    "ScoreBoxDisplay",
]
