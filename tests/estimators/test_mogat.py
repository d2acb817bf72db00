"""moGAT as a classifier; what it shares with moGCN is in test_graph_base.py."""

import numpy as np
import pytest

from skomics import MoGATClassifier
from tests.conftest import SIZES, make_tiny

TINY = {
    "k": 12,
    "hidden_layer_sizes": (8,),
    "pretrain_epochs": 4,
    "max_epochs": 5,
    "lr": 0.02,
    "pretrain_lr": 0.02,
    "random_state": 0,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def fitted():
    X, y = make_tiny(80)
    return MoGATClassifier(**TINY).fit(X[:40], y[:40]), X[40:]


def test_every_modality_counts(fitted):
    model, X_new = fitted
    expected = model.predict_proba(X_new)
    for omics in SIZES:
        changed = X_new.copy()
        changed.loc[:, X_new.columns.str.startswith(f"{omics}__")] += 1.0
        assert not np.allclose(model.predict_proba(changed), expected), omics


def test_weights_of_the_edges_do_not_matter():
    # The graph says who is linked; the attention how much it counts.
    X, y = make_tiny(80)
    proba = [
        MoGATClassifier(**TINY, dropout=0.0, graph="knn", normalization=normalization)
        .fit(X[:40], y[:40])
        .predict_proba(X[40:])
        for normalization in ("rw", "sym")
    ]
    np.testing.assert_allclose(*proba, rtol=1e-6)


@pytest.mark.parametrize("n_heads", [1, 2, 4])
def test_heads_share_the_width(n_heads, tiny):
    model = MoGATClassifier(**TINY, n_heads=n_heads).fit(*tiny)
    [layer] = model.net_.module_.encoders[0]
    assert layer.att_src.shape == (1, n_heads, 8 // n_heads)
    assert layer.lin.out_channels == 8


@pytest.mark.parametrize("sizes", [(8, 4), [6], np.array([4, 6, 2])])
def test_there_may_be_any_number_of_layers(sizes, tiny):
    params = {**TINY, "hidden_layer_sizes": sizes}
    model = MoGATClassifier(**params, n_heads=2).fit(*tiny)
    for encoder in model.net_.module_.encoders:
        assert [layer.lin.out_channels for layer in encoder] == [*sizes]
    assert model.predict_proba(tiny[0]).shape == (48, 3)


def test_error_for_a_width_that_heads_cannot_share(tiny):
    with pytest.raises(ValueError, match="multiples of n_heads"):
        MoGATClassifier(**TINY, n_heads=3).fit(*tiny)


@pytest.mark.parametrize(("parameter", "value"), [("n_heads", 0), ("slope", -0.1)])
def test_error_for_a_parameter_out_of_range(parameter, value, tiny):
    message = f"The '{parameter}' parameter of MoGATClassifier"
    with pytest.raises(ValueError, match=message):
        MoGATClassifier(**{parameter: value}).fit(*tiny)
