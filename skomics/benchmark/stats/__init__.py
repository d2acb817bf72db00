"""Statistics on the results: intervals, tests, ranks, calibration and controls."""

from skomics.benchmark.stats._intervals import (
    check_null,
    compare_models,
    compare_pairs,
    expected_calibration_error,
    friedman_nemenyi,
    learning_curves,
    omics_value,
    rank_models,
    score_intervals,
    sum_confusion,
    summarize_calibration,
    win_tie_loss,
)

__all__ = [
    "check_null",
    "compare_models",
    "compare_pairs",
    "expected_calibration_error",
    "friedman_nemenyi",
    "learning_curves",
    "omics_value",
    "rank_models",
    "score_intervals",
    "sum_confusion",
    "summarize_calibration",
    "win_tie_loss",
]
