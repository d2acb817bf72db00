"""Preparing omics tables: alignment, normalization, concatenation, other cohorts."""

from skomics.preprocessing._adapt import adapt_to_cohort
from skomics.preprocessing._alignment import AlignmentReport, align_samples
from skomics.preprocessing._cohort import (
    CohortScaler,
    ReferenceQuantileNormalizer,
    SampleRankTransformer,
)
from skomics.preprocessing._concatenator import OmicsConcatenator
from skomics.preprocessing._counts import (
    AtacTfidfTransformer,
    CLRTransformer,
    LibrarySizeNormalizer,
    MValueTransformer,
)
from skomics.preprocessing._features import FeatureReport, align_features

__all__ = [
    "AlignmentReport",
    "AtacTfidfTransformer",
    "CLRTransformer",
    "CohortScaler",
    "FeatureReport",
    "LibrarySizeNormalizer",
    "MValueTransformer",
    "OmicsConcatenator",
    "ReferenceQuantileNormalizer",
    "SampleRankTransformer",
    "adapt_to_cohort",
    "align_features",
    "align_samples",
]
