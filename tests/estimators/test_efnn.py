"""efNN as a classifier."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import EFNNClassifier, OmicsConcatenator
from skomics.datasets import make_intersim


@pytest.mark.parametrize("sizes", [(7, 3), [7, 3], np.array([7, 3]), 7])
def test_hidden_layer_sizes_may_be_any_sequence_or_one_number(sizes, tiny):
    model = EFNNClassifier(hidden_layer_sizes=sizes, max_epochs=1, random_state=0)
    widths = [
        layer.out_features
        for layer in model.fit(*tiny).net_.module_.layers
        if hasattr(layer, "out_features")
    ]
    assert widths == [*np.atleast_1d(sizes), 3]


def test_defaults_separate_the_simulated_subtypes_of_the_paper():
    X, y = make_intersim(n_samples=100, n_clusters=5, effect=2.5, random_state=0)
    model = make_pipeline(
        OmicsConcatenator(StandardScaler()), EFNNClassifier(random_state=0)
    )
    cv = StratifiedKFold(4, shuffle=True, random_state=1)
    assert cross_val_score(model, X, y, cv=cv).min() == 1.0
