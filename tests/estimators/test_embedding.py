"""What a fitted network hands on: embeddings, attention; and its mode at rest."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skomics import (
    BlockRidgeClassifier,
    MoGCNClassifier,
    OmicsConcatenator,
    SMAClassifier,
)
from skomics.datasets import make_intersim
from skomics.persistence import load_model, save_model
from tests.estimators.quick import CLASSIFIERS, QUICK

X, Y = make_intersim(n_samples=60, n_clusters=3, random_state=0)
every_network = pytest.mark.parametrize("cls", CLASSIFIERS, ids=lambda c: c.__name__)


def fitted(cls, X=X, **params):
    quick = {**QUICK[cls.__name__], "device": "cpu", "random_state": 0}
    return cls(**{**quick, **params}).fit(X, Y)


def lacking():
    part = X.copy()
    part.loc[part.index[::5], "protein"] = np.nan
    return part


@every_network
def test_network_is_in_evaluation_mode_unless_it_is_trained(cls):
    model = fitted(cls)
    for copied in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not any(part.training for part in copied.net_.module_.modules())
    model.set_params(warm_start=True).fit(X, Y)
    assert not any(part.training for part in model.net_.module_.modules())


def test_loaded_network_is_in_evaluation_mode(tmp_path):
    save_model(fitted(SMAClassifier), tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert not any(part.training for part in loaded.net_.module_.modules())


@every_network
@pytest.mark.parametrize("path", [None, "ridge"])
def test_last_layer_makes_the_logits_of_the_embedding(cls, path):
    model = fitted(cls, linear_path=path)
    embedding = model.embed(X)
    layer = model.net_.module_.last_layer
    assert embedding.shape == (60, layer.in_features)
    assert embedding.dtype == np.float64
    assert model.get_feature_names_out().shape == (embedding.shape[1],)
    weight = layer.weight.detach().double().numpy()
    groups = weight if weight.ndim == 3 else weight.T[None]
    parts = np.split(embedding, len(groups), axis=1)
    logits = np.stack([part @ group for part, group in zip(parts, groups, strict=True)])
    logits += layer.bias.detach().double().numpy()
    if path is None and not hasattr(model, "graph_"):
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        proba = np.exp(logits).mean(axis=0)
        np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-6)


@every_network
@pytest.mark.parametrize("table", [X, lacking()], ids=["complete", "lacking"])
def test_embedding_of_a_sample_does_not_depend_on_its_company(cls, table):
    model = fitted(cls, table)
    embedding, before = model.embed(table), model.predict_proba(table)
    np.testing.assert_allclose(model.embed(table[3:9]), embedding[3:9], atol=1e-10)
    np.testing.assert_array_equal(model.predict_proba(table), before)
    assert np.isfinite(embedding).all()


def test_embedding_of_a_transductive_graph_is_that_of_the_new_samples():
    model = fitted(MoGCNClassifier, inference="transductive")
    with pytest.warns(UserWarning, match="transductive"):
        embedding = model.embed(X[:7])
    assert embedding.shape == (7, model.get_feature_names_out().size)


def test_network_extracts_features_in_a_pipeline():
    network = SMAClassifier(max_epochs=5, random_state=0, device="cpu")
    network.set_output(transform="pandas")
    model = make_pipeline(OmicsConcatenator(), network, LogisticRegression())
    model.fit(X[:40], Y[:40])
    assert model.score(X[40:], Y[40:]) > 0.8
    names = model[:-1].get_feature_names_out()
    assert names[0] == "smaclassifier0"
    assert model[-1].feature_names_in_.tolist() == names.tolist()


def test_models_without_layers_have_no_embedding():
    assert not hasattr(BlockRidgeClassifier(), "embed")


# Attention


@pytest.fixture(scope="module")
def attentive():
    return fitted(SMAClassifier, lacking(), depth=2, n_tokens=5)


def test_attention_read_twice_is_the_same(attentive):
    first, second = attentive.attention(X[:9]), attentive.attention(X[:9])
    pd.testing.assert_frame_equal(first, second)
    x = np.ascontiguousarray(X[:9].to_numpy(np.float32))
    import torch

    module = attentive.net_.module_
    with torch.inference_mode():
        raw = [module.attention_weights(torch.tensor(x)) for _ in range(2)]
    torch.testing.assert_close(raw[0], raw[1], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("average", "levels"),
    [
        (("members", "encoders", "heads"), ["sample", "layer", "token"]),
        ((), ["sample", "member", "encoder", "layer", "head", "token"]),
        (("samples",), ["member", "encoder", "layer", "head", "token"]),
        (("members", "encoders", "heads", "layers", "samples"), ["token"]),
    ],
)
def test_attention_has_a_level_for_all_that_is_not_averaged(attentive, average, levels):
    weights = attentive.attention(X[:6], average=average)
    assert weights.index.names == levels
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert tuple(weights.columns) == attentive.token_names_
    whole = attentive.attention(X[:6], average=())
    kept = [level for level in levels if level != "token"]
    means = whole.groupby(level=[*kept, "token"], sort=False).mean()
    pd.testing.assert_frame_equal(means.loc[weights.index], weights)


def test_attention_names_samples_and_does_without_what_they_lack(attentive):
    table = lacking()[:6]
    weights = attentive.attention(table)
    assert weights.index.unique("sample").equals(table.index.rename("sample"))
    proteins = [name for name in weights if "protein" in name]
    of_first = weights.loc[table.index[0], proteins]
    assert (of_first == 0).all(axis=None)
    assert (weights.loc[table.index[1], proteins] > 0).all(axis=None)


def test_attention_of_arrays_counts_samples_and_names_the_cls_token():
    model = SMAClassifier(
        pooling="cls", max_epochs=2, omics=[40, 60], random_state=0, device="cpu"
    )
    values = X.to_numpy()[:, :100]
    weights = model.fit(values, Y).attention(values[:4])
    assert weights.columns[0] == "cls"
    assert weights.index.unique("sample").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("average", [("member",), "heads"])
def test_unknown_axes_of_attention_are_refused(attentive, average):
    with pytest.raises(ValueError, match=r"average=.* must be a tuple of names among"):
        attentive.attention(X[:2], average=average)
