"""What to search, how to judge it, and how to cut the samples."""

from skomics.model_selection._splitters import (
    CappedStratifiedKFold,
    RepeatedStratifiedGroupKFold,
)

__all__ = [
    "CappedStratifiedKFold",
    "RepeatedStratifiedGroupKFold",
]
