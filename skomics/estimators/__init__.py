"""The classifiers: scikit-learn outside, skorch inside."""

from skomics.estimators._base import BaseOmicsClassifier
from skomics.estimators._efnn import EFNNClassifier
from skomics.estimators._paper import paper_params
from skomics.estimators._sma import SMAClassifier

__all__ = ["BaseOmicsClassifier", "EFNNClassifier", "SMAClassifier", "paper_params"]
