"""Look into data and fitted models."""

from skomics.inspection._missingness import missingness_association
from skomics.inspection._modality_scores import availability_report

__all__ = ["availability_report", "missingness_association"]
