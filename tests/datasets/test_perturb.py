"""Promises of perturb_omics: each harm is done as asked for, and told."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import logit

from skomics.datasets import make_intersim, make_multiomics, perturb_omics
from skomics.exceptions import SampleAlignmentError

OMICS = ["methylation", "expression", "protein"]


@pytest.fixture(scope="module")
def cohort():
    return make_intersim(90, 3, effect=0.5, random_state=0)


@pytest.fixture(scope="module")
def counts():
    pytest.importorskip("anndata")
    return make_multiomics(
        200,
        {"atac": 300, "rna": 100},
        distribution="counts",
        mean_count=2.0,
        random_state=0,
    )


def test_without_a_harm_the_table_stays_as_it_is(cohort):
    X, y = perturb_omics(*cohort)
    pd.testing.assert_frame_equal(X, cohort[0])
    pd.testing.assert_series_equal(y, cohort[1])


def test_the_callers_table_is_never_changed(cohort):
    before, labels = cohort[0].copy(), cohort[1].copy()
    perturb_omics(
        *cohort, batch_shift=1.0, label_noise=0.5, missing_cells=0.5, missing_omics=0.3
    )
    pd.testing.assert_frame_equal(cohort[0], before)
    pd.testing.assert_series_equal(cohort[1], labels)


def test_callers_counts_are_never_changed(counts):
    before = counts[0].X.copy()
    perturb_omics(counts[0], batch_shift=1.0)
    assert (counts[0].X != before).nnz == 0


def test_a_seed_does_the_same_every_time(cohort):
    harm = {"batch_shift": 1.0, "label_noise": 0.2, "missing_cells": 0.1}
    X, y = perturb_omics(*cohort, **harm, random_state=3)
    again, y_again = perturb_omics(*cohort, **harm, random_state=3)
    pd.testing.assert_frame_equal(X, again)
    pd.testing.assert_series_equal(y, y_again)
    assert not X.equals(perturb_omics(*cohort, **harm, random_state=4)[0])


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
def test_label_noise_is_the_share_of_labels_of_another_class(cohort, noise):
    bunch = perturb_omics(*cohort, label_noise=noise, random_state=0, return_X_y=False)
    is_wrong = bunch.target != bunch.true_target
    assert is_wrong.sum() == round(noise * 90)
    assert is_wrong.equals(bunch.is_mislabeled.rename(None))
    pd.testing.assert_series_equal(bunch.true_target, cohort[1])
    assert set(bunch.target) == set(cohort[1])


def test_second_cohort_is_shifted_in_units_of_the_features_sd(cohort):
    X, y = cohort
    bunch = perturb_omics(
        X, y, batch_shift=2.0, batch_fraction=1 / 3, random_state=0, return_X_y=False
    )
    second = bunch.batch == "cohort_2"
    assert second.sum() == 30
    pd.testing.assert_frame_equal(bunch.data[~second], X[~second])
    shift = (bunch.data - X)[second] / X.std(ddof=0)
    np.testing.assert_allclose(shift, shift.iloc[[0] * 30], atol=1e-9)
    # 658 shifts: mean 0 and SD 2, with standard errors below 0.08.
    assert abs(shift.iloc[0].mean()) < 0.25
    assert abs(shift.iloc[0].std() - 2.0) < 0.25


def test_shifted_proportions_stay_proportions(cohort):
    X, _ = perturb_omics(
        *cohort, kinds={"methylation": "proportions"}, batch_shift=3.0, random_state=0
    )
    beta = X["methylation"]
    assert beta.ge(0).all(axis=None)
    assert beta.le(1).all(axis=None)
    shift = logit(beta) - logit(cohort[0]["methylation"])
    assert 2.4 < shift.abs().max().std() * 1.66 < 3.6


def test_shifted_counts_stay_sparse_counts_of_which_a_share_is_kept(counts):
    X, _ = counts
    bunch = perturb_omics(X, batch_shift=0.7, random_state=0, return_X_y=False)
    found = bunch.data.X
    assert sparse.issparse(found)
    assert found.data.min() >= 1
    np.testing.assert_array_equal(found.data, np.round(found.data))
    second = (bunch.batch == "cohort_2").to_numpy()
    assert (found[~second] != X.X[~second]).nnz == 0
    kept = found[second].sum() / X.X[second].sum()
    # The mean of exp(-|0.7 z|) for normal z is 0.62.
    assert 0.5 < kept < 0.72


def test_dense_and_sparse_counts_are_treated_alike(counts):
    X, _ = counts
    dense = {"atac": X.to_df().iloc[:, :300], "rna": X.to_df().iloc[:, 300:]}
    frame, _ = perturb_omics(dense, kinds="counts", batch_shift=0.7, random_state=0)
    kept = frame.to_numpy().sum() / X.X.sum()
    assert 0.75 < kept < 0.87
    np.testing.assert_array_equal(frame, np.round(frame))


def test_cells_are_missing_with_the_probability_asked_for(cohort):
    X, _ = perturb_omics(*cohort, missing_cells=0.2, random_state=0)
    # 59,220 cells: standard error 0.002.
    assert abs(X.isna().mean(axis=None) - 0.2) < 0.01
    pd.testing.assert_frame_equal(X.fillna(0), cohort[0].where(X.notna(), 0))


@given(share=st.floats(0, 2 / 3), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_every_sample_keeps_a_modality(cohort, share, seed):
    X, _ = cohort
    bunch = perturb_omics(X, missing_omics=share, random_state=seed, return_X_y=False)
    assert (~bunch.is_available).to_numpy().sum() == round(share * 270)
    assert bunch.is_available.any(axis=1).all()
    for omics in OMICS:
        is_whole = bunch.data[omics].notna()
        assert is_whole.eq(bunch.is_available[omics], axis=0).all(axis=None)


def test_irrelevant_features_are_shuffled_columns(cohort):
    X, _ = perturb_omics(cohort[0], n_irrelevant=3, random_state=0)
    assert X.shape == (90, 658 + 9)
    pd.testing.assert_frame_equal(X[cohort[0].columns], cohort[0])
    sources = np.sort(cohort[0]["protein"].to_numpy(), axis=0).T.tolist()
    for i in (1, 2, 3):
        column = X["protein"][f"irrelevant_{i}"].to_numpy()
        assert np.sort(column).tolist() in sources
        assert column.tolist() not in cohort[0]["protein"].to_numpy().T.tolist()


def test_redundant_features_lie_in_the_span_of_the_others(cohort):
    X, _ = perturb_omics(cohort[0], n_redundant=4, random_state=0)
    block = X["methylation"]
    assert block.filter(like="redundant").shape == (90, 4)
    ours = cohort[0]["expression"].to_numpy()
    means = (ours[:, :, None] + ours[:, None, :]) / 2
    column = X["expression"]["redundant_1"].to_numpy()
    assert np.abs(means - column[:, None, None]).max(axis=0).min() < 1e-12
    assert block.lt(1).all(axis=None)


def test_features_added_to_sparse_counts_are_sparse_counts(counts):
    X, _ = perturb_omics(counts[0], n_irrelevant=2, n_redundant=2, random_state=0)
    assert X.shape == (200, 408)
    assert sparse.issparse(X.X)
    assert X.var_names[300:304].tolist() == [
        "atac__irrelevant_1",
        "atac__irrelevant_2",
        "atac__redundant_1",
        "atac__redundant_2",
    ]
    source = counts[0].X[:, :300].toarray()
    redundant = X.X[:, [302]].toarray().ravel()
    sums = source[:, :, None] + source[:, None, :]
    assert (sums == redundant[:, None, None]).all(axis=0).any()


def test_tables_without_names_get_some():
    rng = np.random.default_rng(0)
    X, y = perturb_omics({"rna": rng.normal(size=(6, 2))}, missing_omics=0.0)
    assert X.columns.tolist() == [("rna", "rna_1"), ("rna", "rna_2")]
    assert y is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_shift": -1.0}, "batch_shift is -1.0. Give a number >= 0"),
        ({"batch_fraction": 1.1}, "batch_fraction is 1.1. Give a probability"),
        ({"label_noise": -0.1}, "label_noise is -0.1. Give a probability"),
        ({"missing_cells": 2}, "missing_cells is 2. Give a probability"),
        (
            {"missing_omics": 0.7},
            "missing_omics is 0.7, but with 3 modalities at most 0.667",
        ),
        ({"n_irrelevant": -1}, "n_irrelevant is -1. Give an integer >= 0"),
        ({"kinds": "reads"}, "kinds names 'reads', .*, but the omics are"),
        ({"kinds": {"rna": "values"}}, "kinds names 'rna', but the omics are"),
        ({"kinds": "proportions"}, "'expression' reaches from .* lie between 0 and 1"),
        ({"kinds": {"protein": "counts"}}, "'protein' has negative, fractional or"),
        ({"y": ["a"] * 90, "label_noise": 0.1}, "but y has 1 classes. Give labels"),
        ({"y": None, "label_noise": 0.1}, "but y has 0 classes. Give labels"),
        ({"y": ["a", "b"]}, "y has 2 labels but X has 90 samples. Give one"),
    ],
)
def test_impossible_harm_is_refused(cohort, options, message):
    with pytest.raises(ValueError, match=message):
        perturb_omics(cohort[0], **options)


def test_sparse_cells_cannot_be_missing(counts):
    for harm in ("missing_cells", "missing_omics"):
        with pytest.raises(ValueError, match="'atac', 'rna' is sparse, where a cell"):
            perturb_omics(counts[0], **{harm: 0.1})
    with pytest.raises(ValueError, match="'atac' is sparse but its kind is 'values'"):
        perturb_omics(counts[0], kinds="values", batch_shift=1.0)


def test_labels_of_samples_in_another_order_are_refused(cohort):
    X, y = cohort
    y = pd.Series(y, X.index)
    with pytest.raises(SampleAlignmentError, match="y has the .* ids of X in another"):
        perturb_omics(X, y[::-1])
