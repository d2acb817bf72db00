"""Statistics on the results: intervals, tests, ranks, calibration and controls."""

from skomics.benchmark.stats._calibration import (
    expected_calibration_error,
    summarize_calibration,
)
from skomics.benchmark.stats._control import (
    check_permutation_control,
    describe_control,
    has_confusion,
    sum_confusion,
)
from skomics.benchmark.stats._intervals import (
    learning_curves,
    modality_ablation,
    score_intervals,
)
from skomics.benchmark.stats._pairwise import pairwise_tests, win_tie_loss
from skomics.benchmark.stats._ranks import (
    friedman_nemenyi,
    posthoc_tests,
    rank_models,
)

__all__ = [
    "check_permutation_control",
    "posthoc_tests",
    "pairwise_tests",
    "expected_calibration_error",
    "friedman_nemenyi",
    "has_confusion",
    "describe_control",
    "learning_curves",
    "modality_ablation",
    "rank_models",
    "score_intervals",
    "sum_confusion",
    "summarize_calibration",
    "win_tie_loss",
]
