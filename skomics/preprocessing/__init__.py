"""Preparing omics tables: alignment, normalization of counts, concatenation."""

from skomics.preprocessing._alignment import AlignmentReport, align_samples
from skomics.preprocessing._concatenator import OmicsConcatenator
from skomics.preprocessing._counts import (
    AtacTfidfTransformer,
    CLRTransformer,
    LibrarySizeNormalizer,
    MValueTransformer,
)

__all__ = [
    "AlignmentReport",
    "AtacTfidfTransformer",
    "CLRTransformer",
    "LibrarySizeNormalizer",
    "MValueTransformer",
    "OmicsConcatenator",
    "align_samples",
]
