"""Preparing omics tables: alignment, normalisation of counts, concatenation."""

from ._alignment import AlignmentReport, align_samples
from ._concatenator import OmicsConcatenator
from ._counts import (
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
