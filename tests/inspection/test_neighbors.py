"""What the neighbors of a sample add to what graph models say of it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import MoGATClassifier, MoGCNClassifier, OmicsConcatenator
from skomics.datasets import make_intersim
from skomics.inspection import neighbor_attributions

pytest.importorskip("captum")

X, Y = make_intersim(n_samples=60, n_clusters=3, effect=0.3, random_state=0)
TRAIN, NEW = slice(0, 50), slice(50, 60)
QUICK = {
    "pretrain_epochs": 15,
    "max_epochs": 15,
    "hidden_layer_sizes": (16, 8),
    "random_state": 0,
    "device": "cpu",
}
MODELS = {
    "moGCN": MoGCNClassifier(**QUICK),
    "moGCN with a path": MoGCNClassifier(**QUICK, linear_path="ridge", graph="knn"),
    "moGAT": MoGATClassifier(**QUICK, n_heads=2),
    "moGAT on one graph": MoGATClassifier(**QUICK, n_heads=2, graph="snf"),
}


def fit(model, table=X):
    scaled = OmicsConcatenator(StandardScaler(), missing_omics="keep")
    return make_pipeline(scaled, model).fit(table[TRAIN], Y[TRAIN])


@pytest.fixture(scope="module", params=MODELS.values(), ids=MODELS)
def model(request):
    return fit(request.param)


def contrasts(model, samples):
    """Return the logit of each class minus the mean of the others'."""
    logits = np.log(model.predict_proba(samples))
    logits -= logits.mean(axis=1, keepdims=True)
    return logits * logits.shape[1] / (logits.shape[1] - 1)


def test_values_sum_to_the_output_against_mean_patients(model):
    table = neighbor_attributions(model, X[NEW], X[TRAIN], target=None)
    assert table.attrs["completeness_error"] < 0.01
    sums = table.groupby(["sample", "class"])["value"].sum().unstack()
    classifier, function = model[-1], model[-1]._logit_function()
    given = torch.tensor(model[0].transform(X[NEW]).to_numpy(), dtype=torch.float32)
    function.prepare(given)
    means = torch.as_tensor(classifier._training_means()[None], dtype=torch.float32)
    output = contrasts(model, X[NEW])
    for i, name in enumerate(X[NEW].index):
        around = function.neighborhood(i)
        with torch.no_grad():
            here = around(given[[i]], *around.states).numpy()[0]
            mean = around(means, *around.means).numpy()[0]
        # The function is what the model says of the sample.
        np.testing.assert_allclose(here, output[i], atol=1e-3)
        moved = here - mean
        np.testing.assert_allclose(sums.loc[name], moved, atol=0.02 * abs(moved).max())


def test_neighbors_and_weights_are_those_of_the_graph(model):
    table = neighbor_attributions(model, X[NEW], X[TRAIN])
    classifier, scaled = model[-1], model[0].transform(X[TRAIN]).to_numpy()
    function = classifier._logit_function()
    function.prepare(
        torch.tensor(model[0].transform(X[NEW]).to_numpy(), dtype=torch.float32)
    )
    seen, nodes = function.nodes(torch.tensor(scaled, dtype=torch.float32))
    names = [X.index[np.abs(seen - node).sum(axis=1).argmin()] for node in nodes]
    for view, place in enumerate(classifier._block_order):
        links, loops = function.links[view]
        for i, sample in enumerate(X[NEW].index):
            part = table[table["sample"] == sample]
            part = part[part["modality"] == classifier.omics_[place]]
            own, linked = part.iloc[0], part.iloc[1:]
            assert own["neighbor"] is None
            assert own["weight"] == pytest.approx(loops[i])
            row = links[[i]]
            expected = {names[j]: w for j, w in zip(row.indices, row.data, strict=True)}
            found = dict(zip(linked["neighbor"], linked["weight"], strict=True))
            assert found == pytest.approx(expected)
            assert linked["value"].abs().is_monotonic_decreasing


def test_neighbors_of_a_class_speak_for_it(model):
    first = neighbor_attributions(model, X[NEW], X[TRAIN], target=None)
    linked = first[first["neighbor"].notna()]
    is_same = Y[linked["neighbor"]].to_numpy() == linked["class"].to_numpy()
    values = linked["value"].to_numpy()
    assert values[is_same].mean() > 0 > values[~is_same].mean()


def test_order_of_the_training_samples_does_not_matter():
    model = fit(MODELS["moGCN"])
    table = neighbor_attributions(model, X[NEW], X[TRAIN])
    shuffled = X[TRAIN].sample(frac=1, random_state=0)
    other = neighbor_attributions(model, X[NEW], shuffled)
    pd.testing.assert_frame_equal(other, table)
    alone = neighbor_attributions(model, X[NEW][3:4], X[TRAIN])
    rest = table[table["sample"] == X[NEW].index[3]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, rest, rtol=1e-3, atol=1e-5)


def test_predicted_class_and_a_given_class_are_parts_of_all():
    model = fit(MODELS["moGCN"])
    every = neighbor_attributions(model, X[NEW], X[TRAIN], target=None)
    label = model.classes_[1]
    one = neighbor_attributions(model, X[NEW], X[TRAIN], target=label)
    same = every[every["class"] == label].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, same)
    called = neighbor_attributions(model, X[NEW], X[TRAIN])
    by_sample = called.groupby("sample", sort=False)["class"].unique()
    assert [c.tolist() for c in by_sample] == [[c] for c in model.predict(X[NEW])]


def test_a_modality_that_a_sample_lacks_has_no_rows():
    table = X.copy()
    table.iloc[[3, 55], table.columns.get_level_values(0) == "protein"] = np.nan
    model = fit(MODELS["moGCN"], table)
    found = neighbor_attributions(model, table[NEW], table[TRAIN])
    lacking = found[found["sample"] == X.index[55]]
    assert set(lacking["modality"]) == {"expression", "methylation"}
    assert found.attrs["completeness_error"] < 0.01
    proteins = found[found["modality"] == "protein"]
    assert X.index[3] not in set(proteins["neighbor"])


def test_neighbors_are_compared_with_the_mean_of_samples_that_have_the_modality():
    table = X.copy()
    table.iloc[:8, table.columns.get_level_values(0) == "protein"] = np.nan
    model = fit(MODELS["moGCN"], table)
    function, known = model[-1]._logit_function(), model[-1]._training_data
    given = model[0].transform(table[NEW]).to_numpy()
    function.prepare(torch.tensor(given, dtype=torch.float32))
    around = function.neighborhood(0)
    layers = [layer for view in function.states for layer in view]
    assert len(around.means) == len(layers) == 6
    for layer, view, mean in zip(layers, around.owners, around.means, strict=True):
        expected = layer.numpy()[known.present[:, view]].mean(axis=0)
        found = mean[0].numpy()
        np.testing.assert_allclose(found, np.tile(expected, (len(found), 1)), atol=1e-5)


def test_samples_without_names_are_called_by_position():
    values = X["protein"].to_numpy()
    model = MoGCNClassifier(**QUICK, omics=[values.shape[1]])
    fitted = model.fit(values[TRAIN], Y[TRAIN])
    table = neighbor_attributions(fitted, values[NEW], values[TRAIN])
    assert set(table["sample"]) == set(range(10))
    assert set(table["neighbor"].dropna()) <= set(range(50))


def test_what_has_no_graph_or_other_samples_is_refused():
    model = fit(MODELS["moGCN"])
    with pytest.raises(ValueError, match=r"lacks \d+ of the 50 samples that the model"):
        neighbor_attributions(model, X[NEW], X[NEW])
    with pytest.raises(ValueError, match="target='none', but the classes are"):
        neighbor_attributions(model, X[NEW], X[TRAIN], target="none")
    plain = make_pipeline(OmicsConcatenator(), LogisticRegression(max_iter=50))
    plain.set_params(logisticregression__C=1e-4).fit(X[TRAIN], Y[TRAIN])
    with pytest.raises(ValueError, match="LogisticRegression has no graph of samples"):
        neighbor_attributions(plain, X[NEW], X[TRAIN])
