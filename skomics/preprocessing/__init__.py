"""Preparing omics tables: alignment of samples and concatenation of omics."""

from ._alignment import AlignmentReport, align_samples
from ._concatenator import OmicsConcatenator

__all__ = ["AlignmentReport", "OmicsConcatenator", "align_samples"]
