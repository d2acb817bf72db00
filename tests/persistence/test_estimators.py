"""Every estimator that can be saved gives the same answers, to the bit."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest, chi2, f_classif
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    RepeatedStratifiedKFold,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    MoGATClassifier,
    MoGCNClassifier,
    OmicsConcatenator,
    SMAClassifier,
    load_model,
    save_model,
)
from skomics.graph import MultiOmicsGraph, SampleGraph
from skomics.testing import all_estimators
from tests.conftest import SIZES
from tests.estimators.quick import quick_estimators
from tests.persistence.models import class_paths, fitted_model, table

EFNN = EFNNClassifier(hidden_layer_sizes=(8,), max_epochs=2, random_state=0)
CODES = np.arange(48) % 3


def through_file(model, folder):
    """Save, load, and save again, which gives the same bytes."""
    path = folder / "model.safetensors"
    save_model(model, path)
    loaded = load_model(path)
    first = path.read_bytes()
    save_model(model, path)
    assert path.read_bytes() == first
    return loaded


def through_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def through_skops(model, folder):
    io = pytest.importorskip("skops.io")
    dumped = io.dumps(model)
    return io.loads(dumped, trusted=io.get_untrusted_types(data=dumped))


WAYS = [through_file, through_pickle, through_skops]


def answers(model, X):
    """Return what a model makes of samples, as bytes."""
    found = {}
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(model, method):
            answer = getattr(model, method)(X)
            answer = answer.X if type(answer).__name__ == "AnnData" else answer
            answer = answer.toarray() if sparse.issparse(answer) else answer
            found[method] = np.asarray(answer).tolist()
    assert found
    return found


# Estimators of scikit-learn, each as it is made by default


@pytest.mark.parametrize("path", list(class_paths()))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_every_estimator_on_the_list_gives_the_same_answers(path, tmp_path):
    model, X = fitted_model(path)
    loaded = through_file(model, tmp_path)
    assert answers(loaded, X) == answers(model, X)
    shown = [re.sub("0x[0-9a-f]+", "", repr(one)) for one in (loaded, model)]
    assert shown[0] == shown[1]


COMPOSED = {
    "calibrated": CalibratedClassifierCV(clone(EFNN), cv=2),
    "isotonic": CalibratedClassifierCV(
        RandomForestClassifier(3, random_state=0), method="isotonic", cv=2
    ),
    "frozen": CalibratedClassifierCV(
        FrozenEstimator(LogisticRegression().fit(*table()))
    ),
    "stacked": StackingClassifier(
        [("net", clone(EFNN)), ("tree", DecisionTreeClassifier(random_state=0))], cv=2
    ),
    "voting": VotingClassifier(
        [("net", clone(EFNN)), ("svm", SVC())], voting="hard", n_jobs=1
    ),
    "bagged": BaggingClassifier(SGDClassifier(random_state=0), 3, random_state=0),
    "searched": GridSearchCV(
        make_pipeline(StandardScaler(), clone(EFNN)),
        {"efnnclassifier__hidden_layer_sizes": [(4,), (8,)]},
        cv=StratifiedKFold(2, shuffle=True, random_state=0),
        scoring=make_scorer(f1_score, average="macro"),
    ),
    "multimetric": GridSearchCV(
        LogisticRegression(),
        [{"C": [1.0, 2.0]}, {"solver": ["lbfgs"]}],
        cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0),
        scoring={"a": "accuracy", "b": make_scorer(f1_score, average="macro")},
        refit="a",
    ),
    "halving": HalvingGridSearchCV(
        LogisticRegression(), {"C": [1, 2, 3]}, cv=2, random_state=0
    ),
    "columns": make_pipeline(
        ColumnTransformer(
            [
                ("log", FunctionTransformer(np.log1p), slice(0, 5)),
                ("both", FeatureUnion([("a", MinMaxScaler())]), [7, 8]),
                ("none", "passthrough", ["mirna__m0"]),
            ]
        ).set_output(transform="pandas"),
        SelectKBest(chi2, k=2),
        LogisticRegression(),
    ),
    "precomputed": KNeighborsClassifier(metric="cosine", algorithm="brute"),
    "ball": KNeighborsClassifier(algorithm="ball_tree", weights="distance", p=1),
    "probable": make_pipeline(StandardScaler(), SVC(kernel="poly")),
}


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_composed_models_give_the_same_answers(name, tmp_path):
    X, y = table()
    X = X.clip(lower=0.01)
    model = COMPOSED[name].fit(X, y)
    loaded = through_file(model, tmp_path)
    assert answers(loaded, X) == answers(model, X)
    if hasattr(model, "cv_results_"):
        assert list(loaded.cv_results_) == list(model.cv_results_)
        for key, values in model.cv_results_.items():
            assert np.ma.isMaskedArray(loaded.cv_results_[key]) == np.ma.isMA(values)
            assert list(loaded.cv_results_[key]) == list(values)


def test_search_with_groups_and_sparse_support_vectors(tmp_path):
    X, _ = table()
    X = sparse.csr_array(X.to_numpy())
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=GroupKFold(2))
    model = search.fit(X, CODES, groups=np.arange(48) // 24)
    assert answers(through_file(model, tmp_path), X) == answers(model, X)


def test_regressions_of_compiled_code(tmp_path):
    X, _ = table()
    for model in (SVR(), SVR(kernel="precomputed"), GradientBoostingRegressor()):
        data = X @ X.T if getattr(model, "kernel", "") == "precomputed" else X
        data = data.to_numpy()
        model.fit(data, CODES + 0.5)
        assert answers(through_file(model, tmp_path), data) == answers(model, data)


def test_classifiers_can_be_trained_further(tmp_path):
    """What a file leaves out is made again: losses, optimizers, search trees."""
    X, _ = table()
    model = SGDClassifier(random_state=0).partial_fit(X, CODES, classes=[0, 1, 2])
    loaded = through_file(model, tmp_path)
    for one in (model, loaded):
        one.partial_fit(X, CODES)
    assert answers(loaded, X) == answers(model, X)


# Containers


def containers():
    """Return the same modality in every container that is read."""
    anndata, mudata = pytest.importorskip("anndata"), pytest.importorskip("mudata")
    X, _ = table()
    two = X.set_axis(X.columns.str.split("__", expand=True), axis=1)
    parts = {name: two[name] for name in SIZES}
    sizes = tuple(SIZES.values())
    return {
        "flat": (X, None),
        "two_levels": (two, None),
        "dict": (parts, None),
        "list": (list(parts.values()), None),
        "arrays": ({name: part.to_numpy() for name, part in parts.items()}, None),
        "anndata": (anndata.AnnData(X), None),
        "mudata": (
            mudata.MuData({k: anndata.AnnData(v) for k, v in parts.items()}),
            None,
        ),
        "sparse": (sparse.csr_array(X.to_numpy()), sizes),
        "array": (X.to_numpy(), sizes),
        "one_array": (X.to_numpy(), None),
        "numbered": (pd.DataFrame(X.to_numpy()), sizes),
    }


NAMES = (
    *("flat", "two_levels", "dict", "list", "arrays", "anndata", "mudata", "sparse"),
    *("array", "one_array", "numbered"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_concatenator_comes_back_from_every_container(way, name, tmp_path):
    X, omics = containers()[name]
    scaler = StandardScaler(with_mean=name != "sparse")
    model = OmicsConcatenator(scaler, omics=omics).fit(X)
    loaded = way(model, tmp_path)
    assert answers(loaded, X) == answers(model, X)
    names = model.get_feature_names_out().tolist()
    assert loaded.get_feature_names_out().tolist() == names


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::skomics.exceptions.NamelessOmicsWarning")
def test_readme_model_comes_back_from_every_container(name, tmp_path):
    X, omics = containers()[name]
    if name == "sparse":
        X = X.toarray()
    scaled = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=4))
    model = make_pipeline(OmicsConcatenator(scaled, omics=omics), clone(EFNN))
    model.fit(X, CODES)
    assert answers(through_file(model, tmp_path), X) == answers(model, X)


@pytest.mark.parametrize("graph", ["threshold", "knn", "snf", "nemo"])
@pytest.mark.parametrize("model", [MoGCNClassifier, MoGATClassifier])
def test_graph_models_come_back_with_every_graph(model, graph, tmp_path):
    X, y = table()
    X = X - X.mean()
    if graph != "snf":
        X.iloc[:5, :12] = np.nan  # samples that lack a modality
    sizes = {"hidden_layer_sizes": (8,), "pretrain_epochs": 1, "max_epochs": 1}
    # On a CUDA device moGAT sums over edges in any order.
    fitted = model(graph=graph, **sizes, device="cpu", random_state=0).fit(X, y)
    assert answers(through_file(fitted, tmp_path), X) == answers(fitted, X)


@pytest.mark.parametrize("method", ["threshold", "knn", "snf", "nemo"])
@pytest.mark.parametrize("way", WAYS)
def test_graphs_come_back(way, method, tmp_path):
    rng = np.random.default_rng(0)
    blocks = [rng.normal(size=(20, 5)), rng.normal(size=(20, 3))]
    model = MultiOmicsGraph(method=method, k=4).fit(blocks)
    loaded = way(model, tmp_path)
    for got, expected in zip(loaded.link(blocks), model.link(blocks), strict=True):
        assert (got[0] != expected[0]).nnz == 0
        assert got[1].tolist() == expected[1].tolist()
    if method in ("threshold", "knn"):
        single = SampleGraph(method=method, k=4).fit(blocks[0])
        links = way(single, tmp_path).link(blocks[0])[0]
        assert (links != single.link(blocks[0])[0]).nnz == 0


# Estimators of ours


def transformers():
    """Return every estimator and transformer of ours, quickly fitted and seeded."""
    return [seeded(estimator) for estimator in quick_estimators()]


def seeded(estimator):
    """Return an estimator with a seed, if it takes one, and with two epochs."""
    known = estimator.get_params()
    wanted = {"random_state": 0, "max_epochs": 2, "pretrain_epochs": 2}
    return estimator.set_params(**{k: v for k, v in wanted.items() if k in known})


every_estimator = pytest.mark.parametrize("estimator", transformers(), ids=str)


@every_estimator
@pytest.mark.parametrize("way", WAYS)
def test_every_transformer_comes_back_in_every_way(way, estimator, tmp_path):
    X, y = table()
    model = clone(estimator).fit(X, y)
    loaded = way(model, tmp_path)
    assert answers(loaded, X) == answers(model, X)
    assert str(loaded) == str(model)


@every_estimator
def test_the_same_fit_saved_twice_gives_the_same_bytes(estimator, tmp_path):
    X, y = table()
    path, saved = tmp_path / "model.safetensors", []
    for _ in range(2):
        save_model(clone(estimator).fit(X, y), path)
        saved.append(path.read_bytes())
    assert saved[0] == saved[1]


def test_every_transformer_is_tried():
    tried = {type(estimator) for estimator in transformers()}
    assert tried == {cls for _, cls in all_estimators()}


WITH_PATH = {
    "residual": SMAClassifier(n_ensemble=2),
    "beside": SMAClassifier(n_ensemble=1),
    "trained": SMAClassifier(n_ensemble=1, linear_path="trained"),
    "none": SMAClassifier(n_ensemble=1, linear_path=None),
    "dense": EFNNClassifier(hidden_layer_sizes=(8,), linear_path="ridge"),
    "graph": MoGATClassifier(
        hidden_layer_sizes=(8,), linear_path="ridge", device="cpu"
    ),
}


@pytest.mark.parametrize("name", WITH_PATH)
@pytest.mark.parametrize("way", WAYS)
def test_network_with_every_linear_path_comes_back(way, name, tmp_path):
    X, y = table()
    X = X - X.mean()
    X.iloc[:5, :12] = np.nan  # samples that lack a modality
    model = seeded(clone(WITH_PATH[name])).fit(X, y)
    loaded = way(model, tmp_path)
    assert answers(loaded, X) == answers(model, X)
    assert hasattr(loaded, "path_") == (model.linear_path == "ridge")


@pytest.mark.parametrize("linear_path", [None, "trained", "ridge"])
def test_linear_path_that_was_set_after_fit_changes_no_answer(linear_path, tmp_path):
    X, y = table()
    model = seeded(SMAClassifier(n_ensemble=2)).fit(X, y)
    expected = answers(model, X)
    model.set_params(linear_path=linear_path)
    assert answers(through_file(model, tmp_path), X) == expected


def separable():
    """Return a table in which few of many features tell the classes apart."""
    names = [f"{omics}__{i}" for omics in SIZES for i in range(100)]
    X = np.random.default_rng(0).normal(size=(48, len(names)))
    X[:, ::50] += 0.7 * CODES[:, None]
    return pd.DataFrame(X, columns=names), CODES


@pytest.mark.parametrize("model", [EFNNClassifier, MoGCNClassifier, SMAClassifier])
def test_network_that_reads_some_features_only_comes_back(model, tmp_path):
    X, y = separable()
    fitted = seeded(model(linear_path="ridge")).fit(X, y)
    assert (fitted._input_scale == 0).any()
    assert answers(through_file(fitted, tmp_path), X) == answers(fitted, X)


@pytest.mark.parametrize("order", ["weight", "given"])
@pytest.mark.parametrize("kind", [dict, list])
def test_tokens_that_are_pathways_come_back(kind, order, tmp_path):
    X, y = separable()
    labels = ["a" if i % 3 else "b" for i in range(X.shape[1])]
    tokens = dict(zip(X.columns[:50], labels, strict=False)) if kind is dict else labels
    model = seeded(SMAClassifier(tokens=tokens, token_order=order)).fit(X, y)
    again = through_file(model, tmp_path)
    assert answers(again, X) == answers(model, X)
    assert again.token_names_ == model.token_names_
    np.testing.assert_array_equal(again.tokens_, model.tokens_)


@pytest.mark.parametrize("weights", [None, np.arange(48) % 5])
@pytest.mark.parametrize("prior", ["balanced", "observed"])
def test_all_of_block_ridge_comes_back(prior, weights, tmp_path):
    X, _ = table()
    y = np.arange(48) % 2
    model = BlockRidgeClassifier(prior=prior).fit(X, y, sample_weight=weights)
    loaded = through_file(model, tmp_path)
    assert answers(loaded, X) == answers(model, X)
    for name in ("coef_", "intercept_", "block_weights_", "oof_decision_function_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    assert loaded.feature_scale_ == model.feature_scale_
    assert loaded.alpha_ == model.alpha_
    assert loaded.temperature_ == model.temperature_
