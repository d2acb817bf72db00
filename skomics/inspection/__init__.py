"""Look into data and fitted models."""

from skomics.inspection._missingness import missingness_association
from skomics.inspection._modality_scores import score_by_modality_pattern

__all__ = ["score_by_modality_pattern", "missingness_association"]
