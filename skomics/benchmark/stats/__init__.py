"""Statistics on the results: intervals, tests, ranks, calibration and controls."""

from skomics.benchmark.stats._calibration import (
    expected_calibration_error,
    summarize_calibration,
)
from skomics.benchmark.stats._control import (
    check_null,
    has_confusion,
    judge_null,
    sum_confusion,
)
from skomics.benchmark.stats._intervals import (
    learning_curves,
    omics_value,
    score_intervals,
)
from skomics.benchmark.stats._pairwise import compare_pairs, win_tie_loss
from skomics.benchmark.stats._ranks import (
    compare_models,
    friedman_nemenyi,
    rank_models,
)

__all__ = [
    "check_null",
    "compare_models",
    "compare_pairs",
    "expected_calibration_error",
    "friedman_nemenyi",
    "has_confusion",
    "judge_null",
    "learning_curves",
    "omics_value",
    "rank_models",
    "score_intervals",
    "sum_confusion",
    "summarize_calibration",
    "win_tie_loss",
]
