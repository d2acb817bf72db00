"""Graphs that go to torch-geometric."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.explain import Explainer, GNNExplainer
from torch_geometric.utils import to_dense_adj

from skomics import MoGATClassifier, MoGCNClassifier, OmicsConcatenator
from skomics.graph import MultiOmicsGraph, to_pyg
from tests.conftest import make_tiny

QUICK = {"pretrain_epochs": 3, "max_epochs": 3, "random_state": 0, "device": "cpu"}
OMICS = ["rna", "methylation", "mirna"]


def dense_adjacency(data):
    """Return the adjacency matrix with the looking samples in the rows."""
    weights = data.edge_weight.double()
    n = len(data.x)
    return to_dense_adj(data.edge_index, edge_attr=weights, max_num_nodes=n)[0].T


def test_samples_edges_and_labels_are_those_of_the_table():
    X, y = make_tiny()
    graph = MultiOmicsGraph(k=4)
    made = to_pyg(X, y, graph)
    assert list(made) == OMICS
    blocks = [X.filter(regex=f"^{name}__").to_numpy() for name in OMICS]
    expected = MultiOmicsGraph(k=4).fit(blocks).graphs_
    for data, block, links in zip(made.values(), blocks, expected, strict=True):
        np.testing.assert_array_equal(data.x, block.astype(np.float32))
        np.testing.assert_allclose(dense_adjacency(data), links.toarray(), rtol=1e-6)
        assert np.array(data.classes)[data.y].tolist() == y.tolist()
        assert data.train_mask.all()
        assert data.observed_mask.all()
        data.validate()
    assert made["mirna"].feature_names == ["m0", "m1", "m2", "m3", "m4"]
    assert not hasattr(graph, "graphs_")  # the caller's own stays as it was


def test_every_form_of_several_omics_is_understood():
    X, _ = make_tiny()
    tables = {
        name: X.filter(regex=f"^{name}__").rename(columns=lambda c: c.split("__")[1])
        for name in OMICS
    }
    expected = to_pyg(X)
    concatenated = OmicsConcatenator().fit_transform(tables)
    for form in (tables, concatenated):
        for name, data in to_pyg(form).items():
            torch.testing.assert_close(data.x, expected[name].x)
            assert "y" not in data
    bare = to_pyg(X.to_numpy(), omics={"rna": 12, "methylation": 7, "mirna": 5})
    torch.testing.assert_close(bare["mirna"].x, expected["mirna"].x)
    assert "feature_names" not in bare["mirna"]


def test_missing_modalities_and_labels_are_masked():
    X, y = make_tiny()
    X.loc[X.index[:5], X.columns.str.startswith("mirna__")] = np.nan
    y = y.astype(object)
    y.iloc[[3, 7]] = [None, np.nan]
    data = to_pyg(X, y)["mirna"]
    assert torch.nonzero(~data.observed_mask).flatten().tolist() == [0, 1, 2, 3, 4]
    assert torch.nonzero(~data.train_mask).flatten().tolist() == [3, 7]
    assert data.y[[3, 7]].tolist() == [-1, -1]
    assert data.classes == ["Basal", "LumA", "LumB"]
    assert not data.x[:5].any()
    assert data.x.isfinite().all()


def test_fitted_graph_is_used_as_it_is():
    X, _ = make_tiny()
    blocks = [X.filter(regex=f"^{name}__").to_numpy() for name in OMICS]
    graph = MultiOmicsGraph(method="knn", k=3).fit(blocks)
    data = to_pyg(X, graph=graph)["rna"]
    np.testing.assert_allclose(
        dense_adjacency(data), graph.graphs_[0].toarray(), rtol=1e-6
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_error_for_single_values_that_are_none(value):
    X, _ = make_tiny()
    blocks = [X.filter(regex=f"^{name}__").to_numpy() for name in OMICS]
    graph = MultiOmicsGraph().fit(blocks)
    X.iloc[3, 2] = value
    with pytest.raises(ValueError, match="rna"):
        to_pyg(X, graph=graph)


def test_error_for_a_graph_of_modalities_in_another_order():
    X, _ = make_tiny()
    blocks = [X.filter(regex=f"^{name}__").to_numpy() for name in OMICS[::-1]]
    graph = MultiOmicsGraph().fit(blocks)
    with pytest.raises(
        ValueError, match=r"features \[5, 7, 12\]|\[5, 7, 12\] features"
    ):
        to_pyg(X, graph=graph)


def test_hetero_data_have_a_type_for_each_modality():
    X, y = make_tiny()
    single, joined = to_pyg(X, y), to_pyg(X, y, hetero=True)
    assert joined.node_types == OMICS
    assert joined.edge_types == [(name, "similar_to", name) for name in OMICS]
    for name in OMICS:
        torch.testing.assert_close(joined[name].x, single[name].x)
        edges = joined[name, "similar_to", name]
        torch.testing.assert_close(edges.edge_index, single[name].edge_index)
    joined.validate()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda X, y: (X[:40], None),
            "of 48 samples of modalities with .*, but X has 40",
        ),
        (lambda X, y: (X, y[:40]), "y has 40 labels, but X has 48 samples. Give a lab"),
    ],
)
def test_error_for_samples_that_do_not_fit(change, message):
    X, y = make_tiny()
    blocks = [X.filter(regex=f"^{name}__").to_numpy() for name in OMICS]
    graph = MultiOmicsGraph().fit(blocks)
    with pytest.raises(ValueError, match=message):
        to_pyg(*change(X, y), graph)


@pytest.mark.parametrize("kind", [MoGCNClassifier, MoGATClassifier])
@pytest.mark.parametrize("path", [None, "ridge"])
def test_view_of_a_fitted_model_is_what_the_model_uses(kind, path):
    X, y = make_tiny()
    X.loc[X.index[::6], X.columns.str.startswith("mirna__")] = np.nan
    model = kind(linear_path=path, **QUICK).fit(X, y)
    known = model._training_data.whole("cpu", torch.float32)
    whole = model.net_.module_.eval()(known)
    by_alphabet = sorted(OMICS)
    for name in OMICS:
        module, data = model.pyg_view(name)
        actual = module(data.x, data.edge_index, data.edge_weight)
        torch.testing.assert_close(
            actual, whole[by_alphabet.index(name)], rtol=1e-4, atol=1e-5
        )
        assert data.observed_mask.all() == (name != "mirna")
        assert all(f.startswith(f"{name}__") for f in data.feature_names)
        assert len(data.feature_names) == data.x.shape[1]


def test_view_is_a_copy():
    X, y = make_tiny()
    model = MoGCNClassifier(**QUICK).fit(X, y)
    before = model.predict_proba(X)
    module, data = model.pyg_view("rna")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        for value in (data.x, data.edge_weight, data.y):
            value.zero_()
    model.net_._inference = None
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_error_for_a_modality_that_the_model_does_not_have():
    X, y = make_tiny()
    model = MoGCNClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"Got omics='protein', but the model"):
        model.pyg_view("protein")


def test_explainer_of_torch_geometric_finds_the_planted_features():
    rng = np.random.default_rng(0)
    n, p, planted = 120, 30, 4
    y = np.arange(n) % 2
    X = rng.normal(size=(n, p))
    X[:, :planted] += y[:, None]
    X = pd.DataFrame(X, columns=[f"rna__g{i}" for i in range(p)])
    model = MoGCNClassifier(hidden_layer_sizes=(8,), random_state=0, device="cpu")
    module, data = model.fit(X, y).pyg_view("rna")
    torch.manual_seed(0)
    explainer = Explainer(
        module,
        algorithm=GNNExplainer(epochs=200),
        explanation_type="phenomenon",
        node_mask_type="common_attributes",
        model_config={
            "mode": "multiclass_classification",
            "task_level": "node",
            "return_type": "raw",
        },
    )
    explanation = explainer(
        data.x, data.edge_index, target=data.y, edge_weight=data.edge_weight
    )
    first = explanation.node_mask[0].argsort(descending=True)[:planted]
    assert set(first.tolist()) == set(range(planted))
