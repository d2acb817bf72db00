"""Contributions of features against captum's way through all layers, in one run."""

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import OmicsConcatenator, SMAClassifier
from skomics.datasets import make_multiomics
from skomics.estimators._logit_function import LogitFunction
from skomics.inspection import feature_attributions
from tests.speed.test_speed import best_ratio

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]


def test_contributions_go_back_through_linear_layers_once(monkeypatch):
    pytest.importorskip("captum")
    sizes = {"rna": 6000, "methylation": 4000, "mirna": 2000}
    X, y = make_multiomics(150, sizes, n_classes=4, random_state=0)
    network = SMAClassifier(max_epochs=5, random_state=0, device="cpu")
    model = make_pipeline(OmicsConcatenator(StandardScaler()), network).fit(X, y)

    def through_all_layers():
        with monkeypatch.context() as context:
            context.setattr(LogitFunction, "has_front", False)
            feature_attributions(model, X)

    ratio = best_ratio(
        lambda: feature_attributions(model, X), through_all_layers, bound=0.6, repeats=1
    )
    assert ratio <= 0.6
