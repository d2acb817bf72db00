"""Preparing omics tables: alignment, normalization of counts, concatenation."""

from skomics.preprocessing._alignment import AlignmentReport, align_samples
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
    "FeatureReport",
    "LibrarySizeNormalizer",
    "MValueTransformer",
    "OmicsConcatenator",
    "align_features",
    "align_samples",
]
