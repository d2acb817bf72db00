"""Sample-similarity graphs, against dense statements of the papers' formulas."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics.graph import MultiOmicsGraph, SampleGraph, normalize_graph
from skomics.graph import _multiomics_graph as graph_module

KINDS = [
    {"method": "threshold"},
    {"method": "knn"},
    {"method": "knn", "kernel": "rbf"},
    {"method": "knn", "normalization": "sym"},
    {"method": "threshold", "normalization": "sym"},
]
FUSED = [{"method": "snf"}, {"method": "nemo"}]
kinds = pytest.mark.parametrize("params", KINDS, ids=str)
fused = pytest.mark.parametrize("params", FUSED, ids=str)
every_method = pytest.mark.parametrize("params", [*KINDS, *FUSED], ids=str)


def normal(n_samples, n_features, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def omics(n_samples, seed=0):
    return [normal(n_samples, width, seed + i) for i, width in enumerate((6, 9, 4))]


def rows_of(blocks, rows):
    return [X[rows] for X in blocks]


def adjacency_of(graph):
    """Return the weights without self loops of a fused graph."""
    graph = graph.graphs_[0].toarray()
    loops = graph.diagonal().copy()
    np.fill_diagonal(graph, 0)
    return graph / loops[:, None]


def assert_same_graph(actual, expected, rtol=1e-9):
    actual, expected = actual.toarray(), expected.toarray()
    np.testing.assert_array_equal(actual != 0, expected != 0)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-14)


def mogonet(X, k):
    """Return the threshold and adjacency as the published rule has them."""
    distances = pairwise_distances(X, metric="cosine")
    np.fill_diagonal(distances, 0)
    n = len(X)
    threshold = np.sort(distances, axis=None)[min(k * n, n * n - 1)]
    adjacency = np.where(distances <= threshold + 1e-12, 1 - distances, 0)
    np.fill_diagonal(adjacency, 0)
    return threshold, adjacency


@settings(deadline=None)
@given(
    n_samples=st.integers(2, 40),
    n_features=st.integers(2, 30),
    k=st.integers(1, 45),
    seed=st.integers(0, 99),
)
def test_threshold_equals_mogonets_rule_on_the_whole_distance_matrix(
    n_samples, n_features, k, seed
):
    X = normal(n_samples, n_features, seed)
    graph = SampleGraph(k=k).fit(X)
    threshold, expected = mogonet(X, k)
    distances = np.sort(pairwise_distances(X, metric="cosine"), axis=None)
    farther = distances[distances > threshold + 1e-9]
    assert threshold < graph.threshold_
    assert len(farther) == 0 or graph.threshold_ < farther[0]
    has_edge = expected.any(axis=1)
    actual = graph.adjacency_.toarray()
    mutual = np.ix_(has_edge, has_edge)
    np.testing.assert_allclose(
        actual[mutual], np.maximum(expected[mutual], 1e-6 * (expected[mutual] != 0))
    )


def test_threshold_does_not_depend_on_how_the_work_is_cut_in_chunks(monkeypatch):
    X = normal(150, 8)
    whole = SampleGraph(k=5).fit(X)
    monkeypatch.setattr(graph_module, "_CHUNK", 400)
    parts = SampleGraph(k=5).fit(X)
    assert parts.threshold_ == pytest.approx(whole.threshold_, abs=1e-14)
    assert_same_graph(parts.graph_, whole.graph_)
    new = normal(20, 8, seed=1)
    assert_same_graph(parts.link(new)[0], whole.link(new)[0])


@pytest.mark.parametrize("k", [2, 5, 10])
def test_mean_degree_is_k_minus_one(k):
    adjacency = SampleGraph(k=k).fit(normal(400, 5)).adjacency_
    assert adjacency.nnz / 400 == pytest.approx(k - 1, abs=0.1 + 0.6 * (k == 2))


def test_pairs_at_the_threshold_are_linked_in_link_as_in_fit():
    # A new sample that equals a training sample is as far from the others, up to
    # the rounding of matrix products of other sizes.
    X = normal(60, 7)
    graph = SampleGraph(k=6).fit(X)
    linked = graph.link(X[:1])[0].toarray()[0] > 0
    expected = graph.adjacency_.toarray()[0] > 0
    expected[0] = True  # its twin
    np.testing.assert_array_equal(linked, expected)


def test_equal_distances_are_linked_together():
    X = np.repeat(np.eye(4), 3, axis=0)
    adjacency = SampleGraph(k=2).fit(X).adjacency_.toarray()
    expected = np.kron(np.eye(4), np.ones((3, 3))) - np.eye(12)
    np.testing.assert_allclose(adjacency, expected)


@every_method
@settings(deadline=None, max_examples=20)
@given(n_samples=st.integers(2, 25), k=st.integers(1, 30), seed=st.integers(0, 99))
def test_graph_is_symmetric_and_leaves_no_sample_alone(params, n_samples, k, seed):
    graph = MultiOmicsGraph(k=k, **params).fit(omics(n_samples, seed))
    for one in graph.graphs_:
        assert isinstance(one, sparse.csr_array)
        assert one.shape == (n_samples, n_samples)
        dense = one.toarray()
        has_edge = dense > 0
        np.testing.assert_array_equal(has_edge, has_edge.T)
        assert (has_edge.sum(axis=1) >= 2).all()  # the self loop and another
        assert has_edge.diagonal().all()
        weights = dense / dense.diagonal()[:, None]
        if params.get("normalization") == "sym":
            weights = dense
        np.testing.assert_allclose(weights, weights.T)


@pytest.mark.parametrize("params", [KINDS[0], KINDS[1], KINDS[2], *FUSED], ids=str)
def test_rows_sum_to_one_with_random_walk_normalization(params):
    blocks, new = omics(40), omics(7, seed=10)
    graph = MultiOmicsGraph(k=4, **params).fit(blocks)
    for one, (links, loops), joined in zip(
        graph.graphs_, graph.link(new), graph.join(new), strict=True
    ):
        np.testing.assert_allclose(one.sum(axis=1), 1)
        np.testing.assert_allclose(links.sum(axis=1) + loops, 1)
        np.testing.assert_allclose(joined.sum(axis=1), 1)


def test_symmetric_normalization_is_that_of_kipf_and_welling():
    adjacency = SampleGraph(k=4).fit(normal(20, 5)).adjacency_
    looped = adjacency.toarray() + np.eye(20)
    root = np.diag(looped.sum(axis=1) ** -0.5)
    actual = normalize_graph(adjacency, "sym").toarray()
    np.testing.assert_allclose(actual, root @ looped @ root)


@every_method
def test_permuting_training_samples_permutes_the_graph(params):
    blocks, new = omics(40), omics(5, seed=10)
    order = np.random.default_rng(1).permutation(40)
    graph = MultiOmicsGraph(k=4, **params).fit(blocks)
    permuted = MultiOmicsGraph(k=4, **params).fit(rows_of(blocks, order))
    for before, after in zip(graph.graphs_, permuted.graphs_, strict=True):
        assert_same_graph(after, before[order][:, order])
    for before, after in zip(graph.link(new), permuted.link(new), strict=True):
        assert_same_graph(after[0], before[0][:, order])


@every_method
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_links_of_a_sample_do_not_depend_on_the_others(params, data):
    training = omics(30)
    graph = MultiOmicsGraph(k=4, **params).fit(training)
    # Among the new samples are training samples, for whom ties are many.
    pool = [
        np.concatenate(pair) for pair in zip(training, omics(20, seed=5), strict=True)
    ]
    rows = data.draw(st.lists(st.integers(0, 49), min_size=1, max_size=30))
    among = graph.link(rows_of(pool, rows))
    for place in {0, len(rows) // 2, len(rows) - 1}:
        alone = graph.link(rows_of(pool, [rows[place]]))
        for (links, loops), (link, loop) in zip(among, alone, strict=True):
            assert_same_graph(links[[place]], link)
            assert loops[place] == pytest.approx(loop[0], rel=1e-9)


@pytest.mark.parametrize("params", [{"kernel": "cosine"}, {"kernel": "rbf"}], ids=str)
def test_ties_on_a_grid_are_broken_alike_in_every_batch(params):
    rng = np.random.default_rng(0)
    X = rng.integers(1, 5, size=(80, 3)) / 10  # many equal distances
    graph = SampleGraph(method="knn", k=5, **params).fit(X)
    new = rng.integers(1, 5, size=(40, 3)) / 10
    among, _ = graph.link(new)
    alone = sparse.vstack([graph.link(row[None])[0] for row in new], format="csr")
    assert_same_graph(among, alone)


@kinds
def test_links_are_a_row_of_the_graph_had_the_sample_joined_alone(params):
    X, new = normal(30, 6), normal(3, 6, seed=1)
    graph = SampleGraph(k=4, **params).fit(X)
    links, loops = graph.link(new)
    for i, (link, loop) in enumerate(zip(links.toarray(), loops, strict=True)):
        degree = graph.adjacency_.sum(axis=1) + 1
        neighbors = np.flatnonzero(link)
        weights = link[neighbors] / loop
        if params.get("normalization") == "sym":
            weights = link[neighbors] / np.sqrt(loop / degree[neighbors])
        assert (weights > 0).all()
        assert (weights <= 1 + 1e-12).all()
        assert 1 / loop == pytest.approx(weights.sum() + 1), i


@every_method
def test_joined_graph_links_training_with_new_samples_only(params):
    blocks, new = omics(30), omics(6, seed=10)
    graph = MultiOmicsGraph(k=4, **params).fit(blocks)
    for joined in graph.join(new):
        dense = joined.toarray()
        assert dense.shape == (36, 36)
        np.fill_diagonal(dense, 0)
        assert not dense[:30, :30].any()
        assert not dense[30:, 30:].any()
        np.testing.assert_array_equal(dense[30:, :30] > 0, dense[:30, 30:].T > 0)
        assert (dense[30:, :30] > 0).any()


@every_method
def test_graph_survives_pickle_and_does_not_change_its_input(params):
    blocks, new = omics(30), omics(6, seed=10)
    before = [X.copy() for X in (*blocks, *new)]
    graph = MultiOmicsGraph(k=4, **params).fit(blocks)
    again = pickle.loads(pickle.dumps(graph))
    for (links, _), (expected, _) in zip(again.link(new), graph.link(new), strict=True):
        assert_same_graph(links, expected)
    for X, expected in zip((*blocks, *new), before, strict=True):
        np.testing.assert_array_equal(X, expected)


@every_method
def test_samples_that_are_all_alike_make_a_graph_without_warnings(params):
    blocks = [np.ones((8, 3)), np.zeros((8, 2))]
    graph = MultiOmicsGraph(k=3, **params).fit(blocks)
    for one in (*graph.graphs_, *(links for links, _ in graph.link(blocks))):
        assert np.isfinite(one.toarray()).all()
        assert (np.diff(one.indptr) > 0).all()


@every_method
def test_k_is_cut_to_what_the_samples_allow(params):
    graph = MultiOmicsGraph(k=1000, **params).fit(omics(5))
    assert (graph.graphs_[0].toarray() > 0).all()
    assert graph.link(omics(3))[0][0].shape == (3, 5)


def test_fit_again_forgets_the_first_data():
    graph = SampleGraph(method="knn", kernel="rbf", k=3).fit(normal(9, 2) + 5)
    again = graph.fit(normal(12, 4)).graph_
    assert_same_graph(again, clone(graph).fit(normal(12, 4)).graph_)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_knn_links_the_nearest_samples_in_either_direction(metric):
    X, kernel = normal(60, 5), "cosine" if metric == "cosine" else "rbf"
    adjacency = SampleGraph(method="knn", k=4, kernel=kernel).fit(X).adjacency_
    index = NearestNeighbors(n_neighbors=4, metric=metric).fit(X)
    directed = index.kneighbors_graph().toarray() > 0
    np.testing.assert_array_equal(adjacency.toarray() > 0, directed | directed.T)


def test_radial_kernel_has_each_samples_own_scale():
    X = normal(30, 5)
    adjacency = SampleGraph(method="knn", k=4, kernel="rbf").fit(X).adjacency_.toarray()
    distances = pairwise_distances(X)
    scale = np.sort(distances, axis=1)[:, 1:5].mean(axis=1)
    expected = np.exp(-(distances**2) / (2 * np.outer(scale, scale)))
    linked = adjacency > 0
    np.testing.assert_allclose(adjacency[linked], expected[linked])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("numba")  # compiles for 100 s, once a process
@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_approximate_search_finds_nearly_all_neighbors(kernel):
    pytest.importorskip("pynndescent", reason="pynndescent is not installed")
    X = normal(600, 6)
    params = {"method": "knn", "k": 5, "kernel": kernel, "random_state": 0}
    exact = SampleGraph(neighbors="exact", **params).fit(X)
    found = SampleGraph(neighbors="approximate", **params).fit(X)
    both = exact.adjacency_.multiply(found.adjacency_)
    assert both.nnz > 0.95 * exact.adjacency_.nnz
    assert (np.diff(found.graph_.indptr) >= 6).all()
    again = SampleGraph(neighbors="approximate", **params).fit(X)
    assert_same_graph(again.graph_, found.graph_)


def test_approximate_search_is_chosen_for_many_samples_only(monkeypatch):
    calls = []

    def search(X, k, **_):
        calls.append(len(X))
        return graph_module._nearest(X, X, k, metric="cosine", own=np.arange(len(X)))

    monkeypatch.setattr(graph_module, "_approximate_nearest", search)
    monkeypatch.setattr(graph_module, "_EXACT_LIMIT", 50)
    SampleGraph(method="knn").fit(normal(50, 4))
    SampleGraph(method="knn", neighbors="exact").fit(normal(51, 4))
    assert calls == []
    SampleGraph(method="knn").fit(normal(51, 4))
    SampleGraph(method="knn", neighbors="approximate").fit(normal(20, 4))
    assert calls == [51, 20]


def test_approximate_search_completes_samples_that_it_missed(monkeypatch):
    class Search:
        def __init__(self, **_):
            pass

        def fit_transform(self, X):
            distances = pairwise_distances(X)
            distances[:3] = 0  # finds no neighbour of the first three
            return sparse.csr_array(distances)

    class Module:
        PyNNDescentTransformer = Search

    monkeypatch.setattr(graph_module, "import_optional", lambda *_, **__: Module)
    X = normal(30, 5)
    params = {"method": "knn", "kernel": "rbf", "k": 4}
    found = SampleGraph(neighbors="approximate", **params).fit(X)
    assert_same_graph(found.graph_, SampleGraph(**params).fit(X).graph_)


@pytest.mark.parametrize("params", [*KINDS[:3], {"method": "nemo"}], ids=str)
def test_memory_stays_far_below_a_matrix_of_all_pairs(params):
    n_samples = 5000
    blocks = [normal(n_samples, 20)]
    tracemalloc.start()
    try:
        MultiOmicsGraph(**params).fit(blocks).link(blocks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * n_samples**2 * 8


def nemo(blocks, k):
    """Return the mean relative similarity of all pairs, as the paper has it."""
    n = len(blocks[0])
    total, count = np.zeros((n, n)), np.zeros((n, n))
    for X in blocks:
        here = np.flatnonzero(~np.isnan(X).any(axis=1))
        near = {}
        for i in here:
            others = [j for j in here if j != i]
            others.sort(key=lambda j: np.linalg.norm(X[i] - X[j]))
            near[i] = others[:k]

        def spread(i):
            return np.mean([np.sum((X[i] - X[r]) ** 2) for r in near[i]])  # noqa: B023

        def similarity(i, j):
            square = np.sum((X[i] - X[j]) ** 2)  # noqa: B023
            variance = (spread(i) + spread(j) + square) / 3  # noqa: B023
            return np.exp(-square / (2 * variance)) / np.sqrt(2 * np.pi * variance)

        for i in here:
            for j in here:
                count[i, j] += 1
                if j in near[i]:
                    total[i, j] += similarity(i, j) / sum(
                        similarity(i, r) for r in near[i]
                    )
                if i in near[j]:
                    total[i, j] += similarity(i, j) / sum(
                        similarity(r, j) for r in near[j]
                    )
    return np.divide(total, count, out=total, where=count > 0)


def strongest(similarity, k):
    """Return the k strongest of each row, relative to the strongest."""
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    kept = np.zeros_like(similarity)
    np.put_along_axis(kept, order, np.take_along_axis(similarity, order, 1), axis=1)
    return kept / kept.max(axis=1, keepdims=True)


def mutual(weights):
    return np.maximum(weights, weights.T)


def partial_omics(n_samples, seed=0):
    blocks = omics(n_samples, seed)
    rng = np.random.default_rng(seed)
    for i, X in enumerate(blocks):
        lacks = rng.permutation(n_samples)[: n_samples // 4]
        X[lacks[lacks % 3 != i]] = np.nan  # everybody has one omics at least
    return blocks


@pytest.mark.parametrize("make", [omics, partial_omics])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_nemo_equals_a_plain_statement_of_the_paper(make, k):
    blocks = make(18)
    graph = MultiOmicsGraph(method="nemo", k=k).fit(blocks)
    expected = mutual(strongest(nemo(blocks, k), k))
    np.testing.assert_allclose(adjacency_of(graph), expected, rtol=1e-9)


def test_nemo_links_a_new_sample_by_the_same_formula():
    k, blocks = 4, partial_omics(20)
    graph = MultiOmicsGraph(method="nemo", k=k).fit(rows_of(blocks, slice(19)))
    links, loops = graph.link(rows_of(blocks, [19]))[0]
    total, count = np.zeros(19), np.zeros(19)
    for X in blocks:
        here = np.flatnonzero(~np.isnan(X[:19]).any(axis=1))
        if np.isnan(X[19]).any():
            continue
        count[here] += 1
        distances = pairwise_distances(X[here])
        np.fill_diagonal(distances, np.inf)
        near = np.sort(distances, axis=1)[:, :k]
        order = np.argsort(distances, axis=1)[:, :k]
        spread = (near**2).mean(axis=1)

        def kernel(d, a, b):
            variance = (a + b + d**2) / 3
            return np.exp(-(d**2) / (2 * variance)) / np.sqrt(variance)

        mass = kernel(near, spread[:, None], spread[order]).sum(axis=1)
        d = np.linalg.norm(X[here] - X[19], axis=1)
        mine = np.argsort(d)[:k]
        similarity = kernel(d[mine], (d[mine] ** 2).mean(), spread[mine])
        relative = similarity / similarity.sum()
        relative += (d[mine] < near[mine, -1]) * similarity / mass[mine]
        total[here[mine]] += relative
    mean = np.divide(total, count, out=total, where=count > 0)
    expected = strongest(mean[None], k)
    np.testing.assert_allclose(links.toarray() / loops, expected, rtol=1e-9)


def test_nemo_links_samples_through_the_omics_that_they_share():
    blocks = omics(24)
    for X, lacks in zip(
        blocks, (slice(0, 6), slice(6, 12), slice(12, 18)), strict=True
    ):
        X[lacks] = np.nan
    graph = MultiOmicsGraph(method="nemo", k=3).fit(blocks)
    assert (np.diff(graph.graphs_[0].indptr) >= 2).all()
    only_one = [np.full_like(X[:1], np.nan) for X in blocks]
    only_one[1] = blocks[1][:1]
    links, _ = graph.link(only_one)[0]
    assert not links.toarray()[0, 6:12].any()  # they lack the second omics
    assert links.nnz == 3


def snf(blocks, k, n_steps=20):
    """Return each omics' P after the last step, W, and N without the sample."""
    status, kernels = [], []
    for X in blocks:
        n = len(X)
        distances = pairwise_distances(X)
        near = np.argsort(distances + np.diag([-1.0] * n), axis=1)[:, 1 : k + 1]
        scale = np.take_along_axis(distances, near, axis=1).mean(axis=1)
        epsilon = (scale[:, None] + scale[None, :] + distances) / 3
        weights = np.exp(-(distances**2) / (0.5 * epsilon**2))
        kernel = np.zeros((n, n))
        for i in range(n):
            members = [i, *near[i]]
            kernel[i, members] = weights[i, members] / weights[i, members].sum()
        kernels.append(kernel)
        status.append(scaled_status(weights))
    for _ in range(n_steps):
        status = [
            scaled_status(
                kernel
                @ np.mean([p for u, p in enumerate(status) if u != v], axis=0)
                @ kernel.T
            )
            for v, kernel in enumerate(kernels)
        ]
    return status


def scaled_status(weights):
    off = weights - np.diag(np.diag(weights))
    return off / (2 * off.sum(axis=1, keepdims=True)) + np.eye(len(off)) / 2


@pytest.mark.parametrize("n_omics", [2, 3])
def test_snf_equals_a_plain_statement_of_the_paper(n_omics):
    blocks = omics(25)[:n_omics]
    graph = MultiOmicsGraph(method="snf", k=4).fit(blocks)
    similarity = np.mean(snf(blocks, 4), axis=0)
    np.fill_diagonal(similarity, 0)
    expected = mutual(strongest(similarity, 4))
    np.testing.assert_allclose(adjacency_of(graph), expected, rtol=1e-7)


def test_snf_links_a_new_sample_by_its_sparse_kernel_and_the_others_status():
    k, blocks = 4, omics(26)
    training = rows_of(blocks, slice(25))
    graph = MultiOmicsGraph(method="snf", k=k).fit(training)
    links, loops = graph.link(rows_of(blocks, [25]))[0]
    status, rows = snf(training, k), []
    for v, X in enumerate(training):
        others = np.mean([p for u, p in enumerate(status) if u != v], axis=0)
        weakest = np.sort(others, axis=1)[:, -k - 1]  # the diagonal is one more
        others = np.where(others >= weakest[:, None], others, 0)
        distances = np.sort(pairwise_distances(X), axis=1)
        scale = distances[:, 1 : k + 1].mean(axis=1)
        d = np.linalg.norm(X - blocks[v][25], axis=1)
        near = np.argsort(d)[:k]
        epsilon = (d[near].mean() + scale[near] + d[near]) / 3
        kernel = np.exp(-(d[near] ** 2) / (0.5 * epsilon**2))
        rows.append(kernel / kernel.sum() @ others[near])
    expected = strongest(np.mean(rows, axis=0)[None], k)
    np.testing.assert_allclose(links.toarray() / loops, expected, rtol=1e-7)


@fused
def test_fused_graph_is_the_same_for_every_omics(params):
    blocks = omics(20)
    graph = MultiOmicsGraph(k=3, **params).fit(blocks)
    assert len(graph.graphs_) == len(graph.link(blocks)) == len(graph.join(blocks)) == 3
    assert all(one is graph.graphs_[0] for one in graph.graphs_)


@fused
def test_fused_graph_of_one_omics_links_samples_of_a_group(params):
    centres = np.repeat(10 * np.eye(3), 8, axis=0)
    X = centres + normal(24, 3)
    one = MultiOmicsGraph(k=4, **params).fit([X]).graphs_[0].toarray()
    groups = np.repeat(np.arange(3), 8)
    assert not one[groups[:, None] != groups].any()


@fused
def test_fused_graph_hears_every_omics(params):
    blocks = omics(30)
    before = MultiOmicsGraph(k=4, **params).fit(blocks).graphs_[0].toarray()
    for i in range(3):
        changed = [X.copy() for X in blocks]
        changed[i] = changed[i][::-1].copy()
        after = MultiOmicsGraph(k=4, **params).fit(changed).graphs_[0].toarray()
        assert not np.allclose(before, after)


@fused
def test_fused_graph_does_not_depend_on_the_unit_of_measurement(params):
    blocks = omics(30)
    before = MultiOmicsGraph(k=4, **params).fit(blocks)
    after = MultiOmicsGraph(k=4, **params).fit([1000 * X for X in blocks])
    assert_same_graph(after.graphs_[0], before.graphs_[0], rtol=1e-6)


def test_snf_refuses_more_samples_than_memory_allows():
    blocks = [np.zeros((10_001, 1))]
    with pytest.raises(ValueError, match="given 10001 samples.* 5 GiB.*method='nemo'"):
        MultiOmicsGraph(method="snf").fit(blocks)


@every_method
def test_error_for_blocks_with_different_samples(params):
    blocks = [normal(10, 3), normal(9, 3)]
    with pytest.raises(ValueError, match="Block 1 has 9 samples but block 0 has 10"):
        MultiOmicsGraph(**params).fit(blocks)


@every_method
def test_error_for_nan_names_the_block(params):
    blocks = omics(10)
    blocks[1][2, 0] = np.nan
    with pytest.raises(ValueError, match=r"'block 1' contains NaN: 1 value\(s\)"):
        MultiOmicsGraph(**params).fit(blocks)


def test_error_for_a_sample_without_an_omics_says_that_snf_does_not_take_it():
    blocks = omics(10)
    blocks[2][4] = np.nan
    with pytest.raises(ValueError, match="Block 2 has no values for 1 .*'snf' needs"):
        MultiOmicsGraph(method="snf").fit(blocks)


@kinds
def test_sample_without_an_omics_is_alone_there_and_changes_nothing_else(params):
    blocks, has = omics(12), np.arange(12) != 4
    blocks[2][4] = np.nan
    graph = MultiOmicsGraph(**params, k=3).fit(blocks)
    without = MultiOmicsGraph(**params, k=3).fit(rows_of(omics(12), has))
    complete = MultiOmicsGraph(**params, k=3).fit(omics(12))
    actual = graph.graphs_[2].toarray()
    np.testing.assert_array_equal(actual[4], np.eye(12)[4])
    np.testing.assert_array_equal(actual[:, 4], np.eye(12)[4])
    np.testing.assert_array_equal(
        actual[np.ix_(has, has)], without.graphs_[2].toarray()
    )
    for i in (0, 1):
        expected = complete.graphs_[i].toarray()
        np.testing.assert_array_equal(graph.graphs_[i].toarray(), expected)


@kinds
def test_new_sample_without_an_omics_has_no_link_there(params):
    blocks = omics(12)
    blocks[2][4] = np.nan
    graph = MultiOmicsGraph(**params, k=3).fit(blocks)
    new, partial = omics(5, seed=9), omics(5, seed=9)
    partial[2][1] = np.nan
    for i, ((links, loops), (expected, expected_loops)) in enumerate(
        zip(graph.link(partial), graph.link(new), strict=True)
    ):
        assert links.shape == (5, 12)
        same = np.arange(5) != 1 if i == 2 else slice(None)
        np.testing.assert_array_equal(links.toarray()[same], expected.toarray()[same])
        np.testing.assert_array_equal(loops[same], expected_loops[same])
    assert links.toarray()[1].sum() == 0
    assert loops[1] == 1
    assert links.toarray()[:, 4].sum() == 0
    joined = graph.join(partial)[2].toarray()
    for lonely in (4, 13):
        np.testing.assert_array_equal(joined[lonely], np.eye(17)[lonely])


@kinds
def test_omics_may_be_absent_for_all_new_samples(params):
    graph = MultiOmicsGraph(**params, k=3).fit(omics(12))
    new = omics(5, seed=9)
    new[0][:] = np.nan
    links, loops = graph.link(new)[0]
    assert links.nnz == 0
    np.testing.assert_array_equal(loops, np.ones(5))
    assert graph.join(new)[0].shape == (17, 17)


def test_error_for_a_sample_without_any_omics():
    blocks = omics(10)
    for X in blocks:
        X[4] = np.nan
    with pytest.raises(ValueError, match="the first at position 4"):
        MultiOmicsGraph(method="nemo").fit(blocks)


@every_method
def test_error_for_fewer_than_two_samples(params):
    with pytest.raises(ValueError, match="n_samples=1 training sample"):
        MultiOmicsGraph(**params).fit(omics(1))


def test_error_for_an_omics_that_fewer_than_two_samples_have():
    blocks = omics(10)
    blocks[1][1:] = np.nan
    with pytest.raises(ValueError, match="Block 1 has values for n_samples=1"):
        MultiOmicsGraph(method="nemo").fit(blocks)


@every_method
@pytest.mark.parametrize("new", [omics(3)[::-1], omics(3)[:2]])
def test_error_for_new_samples_with_other_features(params, new):
    graph = MultiOmicsGraph(**params).fit(omics(10))
    with pytest.raises(ValueError, match=r"learned from blocks with \[6, 9, 4\]"):
        graph.link(new)
    with pytest.raises(ValueError, match=r"learned from blocks with \[6, 9, 4\]"):
        graph.join(new)


@pytest.mark.parametrize(
    ("name", "value"), [("kernel", "rbf"), ("neighbors", "approximate")]
)
def test_error_for_what_the_threshold_cannot_do(name, value):
    with pytest.raises(ValueError, match="Use method='knn' with it"):
        SampleGraph(**{name: value}).fit(normal(10, 3))


def test_error_names_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynndescent", None)
    with pytest.raises(ImportError, match=r"skomics\[graph\]"):
        SampleGraph(method="knn", neighbors="approximate").fit(normal(10, 3))


@parametrize_with_checks([SampleGraph(k=3), SampleGraph(method="knn", k=3)])
def test_sklearn_checks(estimator, check):
    check(estimator)
