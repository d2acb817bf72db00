"""Figures, drawn from results that were computed before."""

from skomics.plotting._benchmark import BenchmarkDisplay
from skomics.plotting._boxes import ScoreBoxDisplay
from skomics.plotting._calls import ReliabilityDisplay, RiskCoverageDisplay
from skomics.plotting._cohorts import CohortShiftDisplay
from skomics.plotting._critical_difference import CriticalDifferenceDisplay
from skomics.plotting._importance import (
    FeatureImportanceDisplay,
    ModalityImportanceDisplay,
)
from skomics.plotting._learning_curves import LearningCurvesDisplay
from skomics.plotting._networks import (
    AttentionDisplay,
    EmbeddingDisplay,
    TrainingCurveDisplay,
)
from skomics.plotting._samples import ConfusionDisplay, SampleHeatmapDisplay
from skomics.plotting._stability import StabilityDisplay

__all__ = [
    "AttentionDisplay",
    "BenchmarkDisplay",
    "CohortShiftDisplay",
    "ConfusionDisplay",
    "CriticalDifferenceDisplay",
    "EmbeddingDisplay",
    "FeatureImportanceDisplay",
    "LearningCurvesDisplay",
    "ModalityImportanceDisplay",
    "ReliabilityDisplay",
    "RiskCoverageDisplay",
    "SampleHeatmapDisplay",
    "ScoreBoxDisplay",
    "StabilityDisplay",
    "TrainingCurveDisplay",
]
