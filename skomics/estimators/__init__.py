"""The classifiers: scikit-learn outside, skorch inside."""

from skomics.estimators._base import BaseOmicsClassifier
from skomics.estimators._block_ridge import BlockRidgeClassifier
from skomics.estimators._efcnn import EFCNNClassifier
from skomics.estimators._efnn import EFNNClassifier
from skomics.estimators._lfcnn import LFCNNClassifier
from skomics.estimators._lfnn import LFNNClassifier
from skomics.estimators._mogat import MoGATClassifier
from skomics.estimators._mogcn import MoGCNClassifier
from skomics.estimators._paper import paper_params
from skomics.estimators._sma import SMAClassifier

__all__ = [
    "BlockRidgeClassifier",
    "BaseOmicsClassifier",
    "EFCNNClassifier",
    "EFNNClassifier",
    "LFCNNClassifier",
    "LFNNClassifier",
    "MoGATClassifier",
    "MoGCNClassifier",
    "SMAClassifier",
    "paper_params",
]
