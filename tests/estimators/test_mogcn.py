"""moGCN as a classifier; what it shares with moGAT is in test_graph_base.py."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from skomics import MoGCNClassifier
from skomics.exceptions import BatchDependenceWarning
from tests.conftest import SIZES, make_tiny

TINY = {
    "k": 24,
    "hidden_layer_sizes": (6, 8, 4),
    "pretrain_epochs": 4,
    "max_epochs": 5,
    "lr": 0.02,
    "pretrain_lr": 0.02,
    "random_state": 0,
    "device": "cpu",
}


# --- against plain dense statements --------------------------------------------


def leaky(x):
    return np.where(x > 0, x, 0.25 * x)


def numpy_of(parameter):
    return parameter.detach().double().numpy()


def convolve(layer, x, graph):
    return leaky(graph @ x @ numpy_of(layer.lin.weight).T + numpy_of(layer.bias))


def fuse(module, logits):
    scores = [1 / (1 + np.exp(-z)) for z in logits]
    cells = np.einsum("na,nb,nc->nabc", *scores).reshape(len(scores[0]), -1)
    first, _, last = module.fusion.layers
    hidden = leaky(cells @ numpy_of(first.weight).T + numpy_of(first.bias))
    return hidden @ numpy_of(last.weight).T + numpy_of(last.bias)


def row_normalized(adjacency):
    adjacency = adjacency + np.eye(len(adjacency))
    return adjacency / adjacency.sum(axis=1, keepdims=True)


def threshold(X, k):
    """Entry number k n of the sorted distances; ours lies halfway to the next."""
    distances = np.sort(1 - cosine_similarity(X), axis=None)
    published = distances[k * len(X)]
    return (published + distances[distances > published + 1e-10][0]) / 2


def blocks_in_alphabetical_order(X):
    names = [columns.split("__")[0] for columns in X.columns]
    return [X.loc[:, [n == omics for n in names]].to_numpy() for omics in sorted(SIZES)]


@pytest.fixture(scope="module")
def fitted():
    X, y = make_tiny(80)
    return MoGCNClassifier(**TINY).fit(X[:40], y[:40]), X[:40], X[40:]


def similarities(train, new, k=TINY["k"]):
    """Return the published links of new to training samples, training's too."""
    limit = threshold(train, k)
    links, own = cosine_similarity(new, train), cosine_similarity(train)
    own[1 - own > limit] = 0
    np.fill_diagonal(own, 0)
    links[1 - links > limit] = 0
    assert links.any(axis=1).all(), "a new sample without neighbors"
    assert own.any(axis=1).all(), "a training sample without neighbors"
    return links, own


def dense_logits(model, X, X_new, *, keeps_training_links):
    """Return logits of new samples that join the training graph together.

    Published: training samples are linked through new samples only.
    """
    logits = []
    module = model.net_.module_
    tables = map(blocks_in_alphabetical_order, (X, X_new))
    heads = zip(module.heads.weight, module.heads.bias, strict=True)
    for train, new, encoder, (weight, bias) in zip(
        *tables, module.encoders, heads, strict=True
    ):
        links, own = similarities(train, new)
        n, joined = len(train), np.zeros([len(train) + len(new)] * 2)
        joined[n:, :n], joined[:n, n:] = links, links.T
        if keeps_training_links:
            # New samples are seen by nobody.
            joined[:n, :n], joined[:n, n:] = own, 0
        graph, x = row_normalized(joined), np.concatenate([train, new])
        for layer in encoder:
            x = convolve(layer, x, graph)
        logits.append(x[n:] @ numpy_of(weight) + numpy_of(bias))
    return fuse(module, logits)


def test_independent_inference_equals_its_dense_statement(fitted):
    model, X, X_new = fitted
    expected = dense_logits(model, X, X_new, keeps_training_links=True)
    actual = model.decision_function(X_new)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_published_inference_equals_its_dense_statement(fitted):
    model, X, X_new = fitted
    expected = dense_logits(model, X, X_new, keeps_training_links=False)
    model.set_params(inference="transductive")
    with pytest.warns(BatchDependenceWarning, match="transductive"):
        actual = model.decision_function(X_new)
    model.set_params(inference="inductive")
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_every_modality_counts(fitted):
    model, _, X_new = fitted
    expected = model.predict_proba(X_new)
    for omics in SIZES:
        changed = X_new.copy()
        changed.loc[:, X_new.columns.str.startswith(f"{omics}__")] += 1.0
        assert not np.allclose(model.predict_proba(changed), expected), omics


@pytest.mark.parametrize("sizes", [(7, 3), [5], np.array([4, 6, 2])])
def test_there_may_be_any_number_of_layers(sizes, tiny):
    model = MoGCNClassifier(**{**TINY, "hidden_layer_sizes": sizes}).fit(*tiny)
    for encoder in model.net_.module_.encoders:
        assert [layer.bias.shape[-1] for layer in encoder] == [*sizes]
    assert model.predict_proba(tiny[0]).shape == (48, 3)


def test_a_modality_may_have_a_single_feature():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = MoGCNClassifier(**TINY, omics={"rna": 1, "mirna": 1})
    assert model.fit(X, X[:, 0] > 0).predict_proba(X).shape == (30, 2)
