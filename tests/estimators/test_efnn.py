"""efNN as a classifier."""

import numpy as np
import pytest

from skomics import EFNNClassifier


@pytest.mark.parametrize("sizes", [(7, 3), [7, 3], np.array([7, 3]), 7])
def test_hidden_layer_sizes_may_be_any_sequence_or_one_number(sizes, tiny):
    model = EFNNClassifier(hidden_layer_sizes=sizes, max_epochs=1, random_state=0)
    widths = [
        layer.out_features
        for layer in model.fit(*tiny).net_.module_.layers
        if hasattr(layer, "out_features")
    ]
    assert widths == [*np.atleast_1d(sizes), 3]
