"""Compare classifiers on multi-omics tasks: ``python -m skomics.benchmark``."""

from skomics.benchmark._models import ModelSpec
from skomics.benchmark._outside import ProgramClassifier
from skomics.benchmark._predictions import predictions_by_repeat, read_predictions
from skomics.benchmark._results import BenchmarkResults
from skomics.benchmark._runner import run_benchmark
from skomics.benchmark._shards import merge_shards
from skomics.benchmark._store import read_results
from skomics.benchmark._summary import summarize
from skomics.benchmark._tasks import Task, simulated_task
from skomics.benchmark.report import make_report
from skomics.benchmark.stats import (
    check_permutation_control,
    expected_calibration_error,
    friedman_nemenyi,
    learning_curves,
    modality_ablation,
    pairwise_tests,
    posthoc_tests,
    rank_models,
    score_intervals,
    sum_confusion,
    summarize_calibration,
    win_tie_loss,
)

__all__ = [
    "BenchmarkResults",
    "ModelSpec",
    "ProgramClassifier",
    "Task",
    "check_permutation_control",
    "posthoc_tests",
    "pairwise_tests",
    "expected_calibration_error",
    "friedman_nemenyi",
    "learning_curves",
    "make_report",
    "merge_shards",
    "modality_ablation",
    "predictions_by_repeat",
    "rank_models",
    "read_predictions",
    "read_results",
    "run_benchmark",
    "score_intervals",
    "simulated_task",
    "sum_confusion",
    "summarize",
    "summarize_calibration",
    "win_tie_loss",
]
