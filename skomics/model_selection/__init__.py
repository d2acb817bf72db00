"""What to search, how to judge it, and how to cut the samples."""

from skomics.model_selection._batched_search import BatchedSearchCV
from skomics.model_selection._cohorts import cross_cohort_validate
from skomics.model_selection._distributions import param_distributions
from skomics.model_selection._nested import nested_cross_validate
from skomics.model_selection._optuna import as_optuna
from skomics.model_selection._splitters import (
    CappedStratifiedKFold,
    RepeatedStratifiedGroupKFold,
)

__all__ = [
    "BatchedSearchCV",
    "CappedStratifiedKFold",
    "RepeatedStratifiedGroupKFold",
    "as_optuna",
    "cross_cohort_validate",
    "nested_cross_validate",
    "param_distributions",
]
