"""moGAT as a classifier; what it shares with moGCN is in test_graph_base.py."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import MoGATClassifier, OmicsConcatenator
from skomics.datasets import load_folder, make_intersim
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


def pipeline(**params):
    return make_pipeline(OmicsConcatenator(StandardScaler()), MoGATClassifier(**params))


def test_defaults_separate_the_simulated_subtypes_of_the_paper():
    X, y = make_intersim(n_samples=100, n_clusters=5, effect=2.5, random_state=0)
    cv = StratifiedKFold(4, shuffle=True, random_state=1)
    assert cross_val_score(pipeline(random_state=0), X, y, cv=cv).min() == 1.0


# heterogeneous_10 and heterogeneous_15 have classes of two samples.
@pytest.mark.filterwarnings("ignore:The least populated class in y has only 2 members")
@pytest.mark.slow
@pytest.mark.parametrize("n_clusters", [5, 10, 15])
@pytest.mark.parametrize("kind", ["equal", "heterogeneous"])
def test_defaults_reach_the_published_figures_on_the_published_data(
    kind, n_clusters, data_dir
):
    X, y = load_folder(data_dir / f"dlmo_sim_{kind}_{n_clusters}")
    cv = StratifiedKFold(4, shuffle=True, random_state=1)
    # Scored over the predictions of all folds together, because a class of two
    # samples is absent from half of the folds.
    predicted = cross_val_predict(pipeline(random_state=0), X, y, cv=cv)
    accuracy = accuracy_score(y, predicted)
    macro_f1 = f1_score(y, predicted, average="macro", zero_division=0)
    assert (accuracy, macro_f1) == (1.0, 1.0)


@pytest.fixture(scope="module")
def fitted():
    X, y = make_tiny(80)
    return MoGATClassifier(**TINY).fit(X[:40], y[:40]), X[40:]


def test_every_omics_counts(fitted):
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
    assert layer.sender.shape == (n_heads, 8 // n_heads)
    assert layer.linear.out_features == 8


@pytest.mark.parametrize("sizes", [(8, 4), [6], np.array([4, 6, 2])])
def test_there_may_be_any_number_of_layers(sizes, tiny):
    params = {**TINY, "hidden_layer_sizes": sizes}
    model = MoGATClassifier(**params, n_heads=2).fit(*tiny)
    for encoder in model.net_.module_.encoders:
        assert [layer.linear.out_features for layer in encoder] == [*sizes]
    assert model.predict_proba(tiny[0]).shape == (48, 3)


def test_error_for_a_width_that_heads_cannot_share(tiny):
    with pytest.raises(ValueError, match="multiples of n_heads"):
        MoGATClassifier(**TINY, n_heads=3).fit(*tiny)


@pytest.mark.parametrize(("parameter", "value"), [("n_heads", 0), ("slope", -0.1)])
def test_error_for_a_parameter_out_of_range(parameter, value, tiny):
    message = f"The '{parameter}' parameter of MoGATClassifier"
    with pytest.raises(ValueError, match=message):
        MoGATClassifier(**{parameter: value}).fit(*tiny)
