"""Graphs of several modalities: every method, and samples that lack a modality."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from skomics.graph import MultiOmicsGraph
from tests.graph.graphs import (
    KINDS,
    assert_same_graph,
    every_method,
    fused,
    kinds,
    normal,
    omics,
    rows_of,
)


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


@fused
def test_fused_graph_is_the_same_for_every_modality(params):
    blocks = omics(20)
    graph = MultiOmicsGraph(k=3, **params).fit(blocks)
    assert len(graph.graphs_) == len(graph.link(blocks)) == len(graph.join(blocks)) == 3
    assert all(one is graph.graphs_[0] for one in graph.graphs_)


@fused
def test_fused_graph_of_one_modality_links_samples_of_a_group(params):
    centers = np.repeat(10 * np.eye(3), 8, axis=0)
    X = centers + normal(24, 3)
    one = MultiOmicsGraph(k=4, **params).fit([X]).graphs_[0].toarray()
    groups = np.repeat(np.arange(3), 8)
    assert not one[groups[:, None] != groups].any()


@fused
def test_fused_graph_hears_every_modality(params):
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


@kinds
def test_sample_without_a_modality_is_alone_there_and_changes_nothing_else(params):
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
def test_new_sample_without_a_modality_has_no_link_there(params):
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


def test_error_for_a_modality_that_fewer_than_two_samples_have():
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
