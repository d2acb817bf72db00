"""Look into data and fitted models."""

from skomics.inspection._attributions import feature_attributions
from skomics.inspection._cohort_shift import CohortShift, cohort_shift
from skomics.inspection._groups import read_gmt
from skomics.inspection._importance import modality_ablation, modality_importance
from skomics.inspection._missingness import missingness_association
from skomics.inspection._modality_scores import score_by_modality_pattern
from skomics.inspection._model_card import ModelCard, model_card
from skomics.inspection._neighbors import neighbor_attributions
from skomics.inspection._novelty import novelty_score

__all__ = [
    "CohortShift",
    "ModelCard",
    "cohort_shift",
    "feature_attributions",
    "missingness_association",
    "modality_ablation",
    "modality_importance",
    "model_card",
    "neighbor_attributions",
    "novelty_score",
    "read_gmt",
    "score_by_modality_pattern",
]
