"""What both graph classifiers promise."""

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.impute import SimpleImputer
from sklearn.metrics import get_scorer, recall_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import MoGATClassifier, MoGCNClassifier, OmicsConcatenator
from skomics.estimators import _graph_base
from skomics.exceptions import BatchDependenceWarning
from skomics.io import load_folder
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import REPOSITORY, SIZES, make_tiny
from tests.pickles import packages_in

# Random effects of so few epochs do not matter to what is promised here.
TINY = {
    "pretrain_epochs": 4,
    "max_epochs": 5,
    "lr": 0.02,
    "pretrain_lr": 0.02,
    "fusion_lr": 0.02,
    "random_state": 0,
    "device": "cpu",
}
GCN = MoGCNClassifier(hidden_layer_sizes=(8, 8, 4), **TINY)
GAT = MoGATClassifier(hidden_layer_sizes=(8,), **TINY)
DEEP_GAT = clone(GAT).set_params(hidden_layer_sizes=(8, 4), n_heads=2)
both = pytest.mark.parametrize("estimator", [GCN, GAT], ids=["mogcn", "mogat"])
layered = pytest.mark.parametrize(
    "estimator", [GCN, GAT, DEEP_GAT], ids=["mogcn", "mogat", "mogat-2-layers"]
)
GRAPHS = [
    {"graph": "threshold"},
    {"graph": "threshold", "normalization": "sym"},
    {"graph": "knn"},
    {"graph": "knn", "kernel": "rbf"},
    {"graph": "snf"},
    {"graph": "nemo"},
]
graphs = pytest.mark.parametrize(
    "graph", GRAPHS, ids=lambda params: "-".join(params.values())
)


def learning(estimator, **params):
    """Return the estimator with epochs enough to learn the tiny data."""
    epochs = {"pretrain_epochs": 30, "max_epochs": 40}
    return clone(estimator).set_params(**epochs, **params)


def halves(n_samples=120, **kwargs):
    X, y = make_tiny(n_samples, **kwargs)
    half = n_samples // 2
    return X[:half], y[:half], X[half:], y[half:]


# --- independent inference -----------------------------------------------------


@pytest.fixture(
    scope="module", params=[GCN, GAT, DEEP_GAT], ids=["mogcn", "mogat", "mogat-deep"]
)
def fitted(request):
    X, y, X_new, _ = halves(96)
    return clone(request.param).fit(X, y), pd.concat([X, X_new])


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, 95), min_size=1, max_size=60))
def test_prediction_does_not_depend_on_the_other_rows(fitted, rows):
    estimator, X = fitted
    whole = estimator.predict_proba(X)[rows]
    part = estimator.predict_proba(X.iloc[rows])
    np.testing.assert_allclose(part, whole, rtol=1e-12, atol=1e-14)


@layered
@graphs
def test_one_by_one_is_all_at_once_for_every_graph(estimator, graph):
    X, y, X_new, _ = halves(72)
    model = clone(estimator).set_params(**graph).fit(X, y)
    single = [model.decision_function(X_new.iloc[[i]])[0] for i in range(len(X_new))]
    whole = model.decision_function(X_new)
    np.testing.assert_allclose(single, whole, rtol=1e-10, atol=1e-12)


@both
@pytest.mark.parametrize("name", ["tcga_luad", "scgem"])
def test_one_by_one_is_all_at_once_on_real_data(estimator, name, data_dir):
    X, y = load_folder(data_dir / name)
    steps = make_pipeline(SimpleImputer(), StandardScaler())
    model = make_pipeline(OmicsConcatenator(steps), clone(estimator))
    X, X_new, y, _ = train_test_split(X, y, stratify=y, test_size=0.3, random_state=0)
    model.fit(X, y)
    table = model[:-1].transform(X_new)
    whole = model[-1].predict_proba(table)
    single = [model[-1].predict_proba(table.iloc[[i]])[0] for i in range(len(table))]
    np.testing.assert_allclose(single, whole, rtol=1e-12, atol=1e-12)


@both
def test_prediction_in_chunks_is_prediction_at_once(estimator, tiny, monkeypatch):
    X, y = tiny
    model = clone(estimator).fit(X, y)
    whole = model.predict_proba(X)
    monkeypatch.setattr("skomics.estimators._graph_data._CHUNK", 7)
    np.testing.assert_allclose(model.predict_proba(X), whole, rtol=1e-12, atol=1e-14)


@both
def test_predicting_leaves_the_model_as_it_was(estimator, tiny):
    X, y = tiny
    model = clone(estimator).fit(X, y)
    before = model.predict_proba(X)
    model.predict_proba(X.iloc[:3] + 100.0)
    np.testing.assert_array_equal(model.predict_proba(X), before)


# --- the published inference ---------------------------------------------------


@layered
def test_published_inference_warns_that_it_depends_on_the_batch(estimator, tiny):
    model = clone(estimator).set_params(inference="transductive").fit(*tiny)
    with pytest.warns(BatchDependenceWarning, match="depends on which other samples"):
        model.predict(tiny[0])


@pytest.mark.parametrize("estimator", [GCN, DEEP_GAT], ids=["mogcn", "mogat-2-layers"])
def test_published_inference_of_several_layers_does_depend_on_the_batch(estimator):
    X, y, X_new, _ = halves()
    model = clone(estimator).set_params(inference="transductive", k=10).fit(X, y)
    with pytest.warns(BatchDependenceWarning, match="inference='inductive'"):
        whole, part = model.predict_proba(X_new), model.predict_proba(X_new.iloc[:5])
    assert np.abs(whole[:5] - part).max() > 1e-3


def test_published_inference_of_one_attention_layer_is_independent_already():
    # A new sample sees itself and training samples' features, and no more. Only
    # one without neighbors differs, which the published graph leaves alone.
    X, y, X_new, _ = halves()
    model = clone(GAT).set_params(k=40).fit(X, y)
    expected = model.predict_proba(X_new)
    model.set_params(inference="transductive")
    with pytest.warns(BatchDependenceWarning, match="transductive"):
        actual = model.predict_proba(X_new)
    np.testing.assert_allclose(actual, expected, rtol=1e-10)


# --- determinism ---------------------------------------------------------------


@both
def test_seed_fixes_the_model_to_the_bit(estimator, tiny):
    assert_seed_stable(estimator, *tiny)


@both
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_training_samples_does_not_matter(estimator, seed):
    X, y = make_tiny(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    expected = clone(estimator).fit(X, y).predict_proba(X)
    shuffled = clone(estimator).fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(shuffled.predict_proba(X), expected)


@both
@settings(max_examples=5, deadline=None)
@given(order=st.permutations(list(SIZES)))
def test_order_of_the_omics_does_not_matter(estimator, order):
    X, y = make_tiny()
    moved = X[[c for o in order for c in X.columns if c.startswith(f"{o}__")]]
    expected, actual = clone(estimator).fit(X, y), clone(estimator).fit(moved, y)
    modules = expected.net_.module_, actual.net_.module_
    for ours, theirs in zip(*(m.parameters() for m in modules), strict=True):
        assert torch.equal(ours, theirs)
    np.testing.assert_allclose(
        actual.predict_proba(moved), expected.predict_proba(X), rtol=1e-12
    )


@both
@pytest.mark.parametrize("batch_size", [None, 16])
def test_weight_of_two_is_exactly_two_copies(estimator, batch_size, tiny):
    X, y = tiny
    weights = np.arange(len(X)) % 3
    copies = X.index.repeat(weights)
    model = clone(estimator).set_params(batch_size=batch_size)
    weighted = clone(model).fit(X, y, sample_weight=weights)
    repeated = clone(model).fit(X.loc[copies], y.loc[copies])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


@both
@pytest.mark.parametrize("storage", [sparse.csr_array, sparse.coo_matrix])
def test_sparse_input_gives_the_same_model(estimator, storage, tiny):
    X, y = tiny
    model = clone(estimator).set_params(omics=dict(SIZES))
    values = X.where(X > 0, 0.0).to_numpy()
    expected = clone(model).fit(values, y).predict_proba(values)
    table = storage(values)
    actual = clone(model).fit(table, y).predict_proba(table)
    # Not to the bit: the order of the blocks in memory is another.
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


# --- state ---------------------------------------------------------------------


@both
@graphs
def test_pickled_model_predicts_the_same(estimator, graph, tiny):
    model = clone(estimator).set_params(**graph).fit(*tiny)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_proba(tiny[0]), model.predict_proba(tiny[0])
    )
    pd.testing.assert_frame_equal(again.history_, model.history_)


@both
@graphs
def test_state_holds_no_torch_object(estimator, graph, tiny):
    model = clone(estimator).set_params(**graph).fit(*tiny)
    model.predict(tiny[0])
    assert "torch" not in packages_in(model.__getstate__())


# --- learning ------------------------------------------------------------------


@both
@pytest.mark.parametrize("end_to_end", [False, True])
def test_it_learns_with_and_without_the_fusions_gradient(estimator, end_to_end):
    X, y, X_new, y_new = halves()
    model = learning(estimator, end_to_end=end_to_end).fit(X, y)
    assert model.score(X_new, y_new) >= 0.95
    assert_probabilities(model, X_new)


@both
@graphs
def test_it_learns_from_every_graph(estimator, graph):
    X, y, X_new, y_new = halves()
    assert learning(estimator, **graph).fit(X, y).score(X_new, y_new) >= 0.95


@both
def test_batches_of_sampled_neighbors_learn_and_follow_the_seed(estimator):
    X, y, X_new, y_new = halves()
    model = learning(estimator, batch_size=16, n_neighbors=2)
    assert clone(model).fit(X, y).score(X_new, y_new) >= 0.9
    model.set_params(pretrain_epochs=2, max_epochs=2)
    assert_seed_stable(model, X, y)
    whole = clone(model).set_params(batch_size=None).fit(X, y).predict_proba(X_new)
    assert not np.allclose(model.fit(X, y).predict_proba(X_new), whole, atol=1e-3)


@both
def test_one_modality_needs_no_fusion(estimator):
    X, y, X_new, y_new = halves()
    X, X_new = (part.filter(regex="^rna__") for part in (X, X_new))
    model = learning(estimator).fit(X, y)
    assert model.omics_ == ("rna",)
    assert model.net_.module_.fusion is None
    assert model.score(X_new, y_new) >= 0.9
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict_proba(X_new),
        model.predict_proba(X_new),
    )


@both
def test_many_classes_are_fused_side_by_side(estimator, tiny):
    rng = np.random.default_rng(0)
    codes = np.arange(84) % 7
    X = rng.normal(scale=2, size=(7, 24))[codes] + rng.normal(size=(84, 24))
    model = learning(estimator, max_cells=342, omics=dict(SIZES)).fit(X, codes)
    assert not model.net_.module_.fusion.is_product
    assert model.score(X, codes) >= 0.9
    model.set_params(max_cells=343, max_epochs=1, max_hidden=11).fit(X, codes)
    first = model.net_.module_.fusion.layers[0]
    assert (first.in_features, first.out_features) == (343, 11)


@both
def test_balanced_class_weights_find_more_of_a_rare_class(estimator):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 24)) + 0.4 * y[:, None]
    X_new = rng.normal(size=(100, 24)) + 0.4
    found = {}
    for class_weight in ("balanced", "frequency", None):
        model = learning(estimator, class_weight=class_weight, omics=dict(SIZES))
        found[class_weight] = recall_score(np.ones(100), model.fit(X, y).predict(X_new))
    assert found["balanced"] > found["frequency"] + 0.1, found
    assert found["balanced"] > found[None] >= found["frequency"], found


@both
def test_class_may_have_one_member(estimator, tiny):
    X, y = tiny
    y = y.copy()
    y.iloc[0] = "rare"
    assert "rare" in clone(estimator).fit(X, y).classes_


# --- stages --------------------------------------------------------------------


@both
def test_history_and_n_iter_count_both_stages(estimator, tiny):
    model = clone(estimator).fit(*tiny)
    assert model.n_iter_ == len(model.history_) == 4 + 5
    assert list(model.history_["epoch"]) == list(range(1, 10))
    without = clone(estimator).set_params(pretrain_epochs=0).fit(*tiny)
    assert without.n_iter_ == 5


@both
def test_pretraining_leaves_the_fusion_alone(estimator, tiny):
    weights = {}
    for epochs in (1, 9):
        model = clone(estimator).set_params(
            pretrain_epochs=epochs, max_epochs=1, fusion_lr=1e-12
        )
        module = model.fit(*tiny).net_.module_
        weights[epochs] = module.fusion.layers[0].weight.detach().numpy()
    np.testing.assert_allclose(weights[1], weights[9], atol=1e-9)


@both
def test_fusion_has_a_learning_rate_of_its_own(estimator, tiny):
    # Else what the fusion learns reaches the heads, too.
    estimator = clone(estimator).set_params(end_to_end=False)
    slow = clone(estimator).set_params(fusion_lr=1e-12).fit(*tiny).net_.module_
    fast = clone(estimator).fit(*tiny).net_.module_
    for a, b in zip(slow.heads.parameters(), fast.heads.parameters(), strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), atol=1e-6)
    moved = slow.fusion.layers[0].weight - fast.fusion.layers[0].weight
    assert moved.abs().max() > 1e-3


@both
def test_warm_start_adds_epochs_of_both_stages(estimator, tiny):
    model = clone(estimator).set_params(warm_start=True).fit(*tiny)
    before = model.history_["train_loss"].iloc[-1]
    model.fit(*tiny)
    assert model.n_iter_ == 18
    assert model.history_["train_loss"].iloc[-1] < before


@both
@pytest.mark.parametrize("validation_fraction", [0.25, None])
def test_early_stopping_keeps_the_best_epoch(estimator, validation_fraction):
    X, y = make_tiny(60, shift=0.4)
    model = clone(estimator).set_params(
        early_stopping=True,
        validation_fraction=validation_fraction,
        n_iter_no_change=5,
        pretrain_epochs=10,
        max_epochs=400,
        lr=0.1,
        lr_schedule="constant",
    )
    model.fit(X, y)
    assert model.n_iter_ < 410
    watched = "train_loss" if validation_fraction is None else "valid_loss"
    assert np.isfinite(model.history_[watched]).all()
    stopping = dict(model.net_.callbacks_)["early_stopping"]
    assert stopping.best_epoch_ < model.n_iter_
    assert_probabilities(model, X)


@both
def test_validation_samples_are_no_nodes_of_the_graph(estimator, tiny):
    model = clone(estimator).set_params(early_stopping=True, validation_fraction=0.25)
    assert model.fit(*tiny).graph_.graphs_[0].shape == (36, 36)


@both
def test_scoring_monitor_sees_the_epochs_of_both_stages(estimator, tiny):
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = clone(estimator).set_callbacks(monitor).fit(*tiny)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"] == "epoch"]["neg_log_loss"]
    assert len(epochs) == 9
    assert epochs.iloc[-1] == pytest.approx(get_scorer("neg_log_loss")(model, *tiny))


@both
def test_progress_bar_counts_the_epochs_of_both_stages(estimator, tiny, capsys):
    pytest.importorskip("rich")
    clone(estimator).set_callbacks(ProgressBar()).fit(*tiny)
    shown = capsys.readouterr().out
    assert f"{type(estimator).__name__} - fit" in shown
    assert "100%" in shown


@both
def test_training_never_prints(estimator, tiny, capsys):
    clone(estimator).set_params(early_stopping=True, n_iter_no_change=1).fit(*tiny)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@both
def test_grid_search_over_graphs_and_stages(estimator, tiny):
    grid = {"k": [2, 5], "pretrain_epochs": [0, 2], "batch_size": [None, 16]}
    search = GridSearchCV(estimator, grid, cv=2, error_score="raise").fit(*tiny)
    assert len(search.cv_results_["params"]) == 8


# --- errors --------------------------------------------------------------------


@both
def test_error_for_a_radial_kernel_with_a_threshold(estimator, tiny):
    with pytest.raises(ValueError, match="kernel='rbf'"):
        clone(estimator).set_params(kernel="rbf").fit(*tiny)


@both
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("k", 0),
        ("graph", "complete"),
        ("inference", "mogonet"),
        ("dropout", 1.0),
        ("pretrain_epochs", -1),
        ("fusion_lr", 0.0),
        ("hidden_layer_sizes", 8),
        ("n_neighbors", 0),
        ("class_weight", "inverse"),
        ("batch_size", 0),
    ],
)
def test_error_for_a_parameter_out_of_range(estimator, parameter, value, tiny):
    message = f"The '{parameter}' parameter of {type(estimator).__name__}"
    with pytest.raises(ValueError, match=message):
        clone(estimator).set_params(**{parameter: value}).fit(*tiny)


# --- size ----------------------------------------------------------------------

LARGE = """
    import resource, sys
    import numpy as np
    from skomics import MoGATClassifier, MoGCNClassifier

    def fit(n_samples, sizes):
        rng = np.random.default_rng(0)
        y = np.arange(n_samples) % 4
        X = rng.standard_normal((n_samples, sum(sizes)), dtype=np.float32)
        X[:, :20] += y[:, None]
        model = {"mogcn": MoGCNClassifier, "mogat": MoGATClassifier}[sys.argv[1]]
        params = {"pretrain_epochs": 1, "max_epochs": 1, "random_state": 0}
        model(omics=sizes, device="cpu", **params).fit(X, y)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    fit(20, [10, 10, 10])  # imports what is imported on first use
    before = resident()
    fit(20_000, [200, 200, 200])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print((peak - before) / 2**30)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", ["mogcn", "mogat"])
def test_20_000_samples_fit_in_two_gigabytes(name):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LARGE), name],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        timeout=280,
    )
    assert float(run.stdout) < 2.0


@pytest.mark.parametrize("estimator", [GCN, GAT], ids=["mogcn", "mogat"])
def test_validation_loss_falls_during_pretraining(estimator, tiny):
    model = clone(estimator).set_params(
        early_stopping=True, validation_fraction=0.3, pretrain_epochs=15
    )
    losses = model.fit(*tiny).history_["valid_loss"][:15]
    assert losses.iloc[-1] < 0.9 * losses.iloc[0]


@pytest.mark.parametrize("isolated", ["link", "keep"])
def test_lonely_samples_are_linked_or_kept_to_themselves(isolated, tiny):
    model = clone(GCN).set_params(k=1, isolated=isolated).fit(*tiny)
    lonely = [np.diff(g.indptr).min() == 1 for g in model.graph_.graphs_]
    assert all(lonely) if isolated == "keep" else not any(lonely)
    assert_probabilities(model, tiny[0])


@both
def test_sparse_samples_that_would_not_fit_into_memory_are_refused(
    estimator, tiny, monkeypatch
):
    X, y = tiny
    table = sparse.csr_array(X.to_numpy())
    model = clone(estimator).set_params(omics=[table.shape[1]])
    needed = 5.5 * 4 * table.shape[0] * table.shape[1]
    monkeypatch.setattr(_graph_base, "free_memory", lambda: needed - 1)
    with pytest.raises(ValueError, match="makes sparse samples dense: .* Keep fewer"):
        model.fit(table, y)
    for free in (needed, None):
        monkeypatch.setattr(_graph_base, "free_memory", lambda free=free: free)
        model.fit(table, y)
