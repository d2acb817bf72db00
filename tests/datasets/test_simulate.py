"""Promises of make_intersim and IntersimReference."""

import os
import pickle
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics.datasets import IntersimReference, make_intersim

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SKOMICS_DATA", ROOT / "../shared/data"))
SIZES = {"methylation": 367, "expression": 131, "protein": 160}


@pytest.fixture(scope="module")
def r_reference():
    """Read the parameters of the R package (GPL, never committed)."""
    path = DATA / "intersim_params"
    if not path.exists():
        pytest.skip(f"{path} is not there; set SKOMICS_DATA to the development data")
    return IntersimReference.from_directory(path)


@pytest.fixture(scope="module")
def r_draw():
    """Read 500 samples that the R program drew with effect 2, M-values."""
    path = DATA / "intersim_ref_default_delta2"
    if not path.exists():
        pytest.skip(f"{path} is not there; set SKOMICS_DATA to the development data")
    labels = pd.read_csv(path / "labels.csv", index_col=0)["label"]
    blocks = {o: pd.read_csv(path / f"{o}.csv.gz", index_col=0) for o in SIZES}
    blocks["methylation"] = logit(blocks["methylation"])
    return {o: b.loc[labels.index] for o, b in blocks.items()}, labels


def _small(**changes):
    return replace(
        IntersimReference.synthetic(n_cpgs=4, n_genes=3, n_proteins=2), **changes
    )


def _accuracy(X, y, C=0.01):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_score(model, X.to_numpy(), y, cv=folds).mean()


# What comes back


def test_a_frame_with_three_named_blocks_and_labels_of_the_same_samples():
    X, y = make_intersim(random_state=0)
    assert X.shape == (100, 658)
    assert X.columns.names == ["omics", "feature"]
    assert {o: X[o].shape[1] for o in X.columns.unique("omics")} == SIZES
    assert X.index[0] == "sample_001"
    assert X.index.is_unique
    assert y.index.equals(X.index)
    assert y.value_counts().to_dict() == {f"subtype_{k}": 20 for k in range(1, 6)}
    assert not X.isna().any(axis=None)


def test_methylation_is_a_proportion():
    X, _ = make_intersim(random_state=0)
    assert X["methylation"].gt(0).all(axis=None)
    assert X["methylation"].lt(1).all(axis=None)


def test_names_sort_as_their_numbers_do():
    X, y = make_intersim(1200, 12, random_state=0, shuffle=False)
    assert y.unique().tolist() == sorted(y.unique())
    assert X.index.is_monotonic_increasing


def test_arrays_hold_the_same_values_as_the_frame():
    X, y = make_intersim(random_state=0)
    blocks, labels = make_intersim(random_state=0, as_frame=False)
    assert list(blocks) == list(SIZES)
    for omics, block in blocks.items():
        np.testing.assert_array_equal(block, X[omics])
    assert isinstance(labels, np.ndarray)
    np.testing.assert_array_equal(labels, y)


def test_bunch_tells_the_truth_behind_the_data():
    bunch = make_intersim(40, 3, effect=9.0, random_state=0, return_X_y=False)
    X, y = make_intersim(40, 3, effect=9.0, random_state=0)
    pd.testing.assert_frame_equal(bunch.data, X)
    pd.testing.assert_series_equal(bunch.target, y)
    assert bunch.omics == list(SIZES)
    assert bunch.target_names.tolist() == ["subtype_1", "subtype_2", "subtype_3"]
    for omics, truth in bunch.differential.items():
        assert truth.columns.equals(X[omics].columns)
        means = X[omics].groupby(y).mean()
        if omics == "methylation":
            means = logit(means)
        base = pd.Series(bunch.reference._base_means[omics], truth.columns)
        assert ((means - base > 4.5) == truth).mean(axis=None) > 0.999
    assert "IntersimReference" in repr(bunch.reference)
    for words in ("subtype_1 14", "synthetic", "10.1016/j.cmpb.2016.02.011"):
        assert words in bunch.DESCR


def test_genes_follow_their_cpgs_and_proteins_their_genes():
    bunch = make_intersim(random_state=0, p_dmp=0.1, return_X_y=False)
    truth = bunch.differential
    genes = truth["methylation"].T.groupby(bunch.cpg_gene_map).any().T
    assert truth["expression"].equals(genes[truth["expression"].columns])
    proteins = truth["expression"][bunch.protein_gene_map]
    np.testing.assert_array_equal(truth["protein"], proteins)
    assert 0 < truth["expression"].mean(axis=None) < 1


def test_given_probabilities_replace_the_following():
    truth = make_intersim(
        p_dmp=0.5, p_deg=0.0, p_dep=1.0, random_state=0, return_X_y=False
    ).differential
    assert 0.4 < truth["methylation"].mean(axis=None) < 0.6
    assert not truth["expression"].any(axis=None)
    assert truth["protein"].all(axis=None)


def test_an_effect_per_omics_shifts_that_omics_only():
    effect = {"methylation": 0.0, "expression": 0.0, "protein": 3.0}
    X, y = make_intersim(300, effect=effect, random_state=0)
    assert _accuracy(X["protein"], y) > 0.95
    assert _accuracy(X[["methylation", "expression"]], y) < 0.35


def test_without_shuffle_samples_are_sorted_by_subtype():
    assert make_intersim(shuffle=False, random_state=0)[1].is_monotonic_increasing
    assert not make_intersim(random_state=0)[1].is_monotonic_increasing


# Sizes of the subtypes


@pytest.mark.parametrize(
    ("n", "proportions", "expected"),
    [
        (300, "equal", [60, 60, 60, 60, 60]),
        (103, "equal", [21, 21, 21, 20, 20]),
        (300, "heterogeneous", [90, 75, 60, 45, 30]),
        (100, [0.35, 0.13, 0.19, 0.08, 0.25], [35, 13, 19, 8, 25]),
        (10, [0.15, 0.15, 0.2, 0.24, 0.26], [2, 1, 2, 2, 3]),
        (100, [35, 13, 19, 8, 25], [35, 13, 19, 8, 25]),
    ],
)
def test_proportions_become_counts(n, proportions, expected):
    _, y = make_intersim(n, proportions=proportions, random_state=0)
    assert y.value_counts().sort_index().to_list() == expected


@given(
    weights=st.lists(st.floats(0.1, 1.0), min_size=1, max_size=8),
    n=st.integers(100, 300),
)
def test_rounded_counts_sum_to_n_and_are_off_by_less_than_one(weights, n):
    fractions = np.array(weights) / np.sum(weights)
    reference = _small()
    _, y = make_intersim(n, len(weights), proportions=fractions, reference=reference)
    counts = y.value_counts().sort_index().to_numpy()
    assert counts.sum() == n
    assert np.abs(counts - fractions * n).max() < 1 + 1e-5


# Randomness


def test_the_same_seed_gives_the_same_bits_whatever_the_global_state():
    np.random.seed(1)  # noqa: NPY002
    X, y = make_intersim(random_state=3)
    np.random.seed(2)  # noqa: NPY002
    again, y_again = make_intersim(random_state=3)
    pd.testing.assert_frame_equal(X, again, check_exact=True)
    pd.testing.assert_series_equal(y, y_again)
    generator = np.random.RandomState(3)
    assert make_intersim(random_state=generator)[0].equals(X)
    assert not make_intersim(random_state=generator)[0].equals(X)


def test_simulating_leaves_the_global_generator_alone():
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.uniform(size=3)  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    make_intersim(random_state=7)
    IntersimReference.synthetic(random_state=12345)
    np.testing.assert_array_equal(np.random.uniform(size=3), expected)  # noqa: NPY002


@pytest.mark.benchmark
def test_300_samples_take_less_than_50_ms_once_the_factors_are_known():
    make_intersim(300)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        make_intersim(300)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


def test_simulating_needs_no_torch():
    code = (
        "import sys; from skomics.datasets import make_intersim; make_intersim();"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# Bad requests


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_samples": 3}, ValueError, "n_samples is 3 but n_clusters is 5. Every"),
        ({"n_samples": 10.5}, TypeError, "n_samples is 10.5, not an integer"),
        ({"n_clusters": 0}, ValueError, "n_clusters is 0. Give an integer >= 1"),
        ({"n_clusters": True}, TypeError, "n_clusters is True, not an integer"),
        ({"proportions": "unequal"}, ValueError, "'unequal'; it can be 'equal'"),
        ({"proportions": 0.2}, TypeError, "proportions is 0.2; it can be .* sequence"),
        ({"proportions": [[1]]}, TypeError, "flat sequence of numbers"),
        ({"proportions": [0.5, 0.5]}, ValueError, "has 2 entries but n_clusters is 5"),
        ({"proportions": [0.1] * 5}, ValueError, "sum to 0.5, not 1. Divide"),
        (
            {"proportions": [20] * 4 + [21]},
            ValueError,
            "sum to 101 but n_samples is 100",
        ),
        (
            {"proportions": [0.996] + [0.001] * 4},
            ValueError,
            r"give the subtypes \[100, 0, 0, 0, 0\] of 100 samples",
        ),
        ({"proportions": [101, -1, 0, 0, 0]}, ValueError, "needs at least 1"),
        ({"effect": "large"}, TypeError, "effect is 'large', not a number"),
        ({"effect": np.nan}, ValueError, "effect is nan. Give a finite number"),
        ({"effect": {"rna": 1}}, ValueError, r"keys \['rna'\], but wants exactly"),
        ({"p_dmp": 1.5}, ValueError, "p_dmp is 1.5. Give a probability between"),
        ({"p_dmp": None}, TypeError, "p_dmp is None, not a number"),
        ({"p_deg": -0.1}, ValueError, "p_deg is -0.1"),
        ({"p_dep": "all"}, TypeError, "p_dep is 'all'"),
        ({"reference": "R"}, TypeError, "reference is a str, not an IntersimReference"),
    ],
)
def test_impossible_requests_say_what_to_do(options, error, message):
    with pytest.raises(error, match=message):
        make_intersim(**options)


# References


def test_synthetic_reference_is_made_once_and_says_what_it_is():
    reference = IntersimReference.synthetic()
    assert reference is IntersimReference.synthetic(random_state=0)
    assert reference is make_intersim(return_X_y=False).reference
    assert "synthetic" in repr(reference)
    assert not reference.mean_M.equals(IntersimReference.synthetic(1).mean_M)


def test_synthetic_maps_give_every_gene_a_cpg_and_every_protein_a_gene():
    reference = IntersimReference.synthetic()
    assert set(reference.cpg_gene_map) == set(reference.genes)
    assert set(reference.protein_gene_map) == set(reference.genes)
    assert reference.cpgs[0] == "cg00000001"
    assert reference.genes[0] == "GENE001"
    assert reference.proteins[0] == "PROT001"


def test_synthetic_methylation_is_bimodal_and_features_are_correlated():
    reference = IntersimReference.synthetic()
    low = reference.mean_M < -1
    assert 0.6 < low.mean() < 0.9
    assert reference.mean_M[~low].median() > 0.5
    sd = np.sqrt(np.diag(reference.cov_M))
    correlation = np.abs(reference.cov_M / np.outer(sd, sd)).mean(axis=None)
    assert 0.1 < correlation < 0.5


def test_a_reference_cannot_be_changed():
    reference = IntersimReference.synthetic()
    with pytest.raises(FrozenInstanceError):
        reference.mean_M = None
    with pytest.raises(ValueError, match="read-only"):
        reference.mean_M.iloc[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        reference.cov_M.iloc[0, 0] = 1.0


def test_a_reference_is_a_copy_of_what_it_was_given():
    mean = _small().mean_M.copy()
    reference = _small(mean_M=mean)
    mean.iloc[0] = 99.0
    assert reference.mean_M.iloc[0] != 99.0


def test_a_pickled_reference_draws_the_same_cohort():
    reference = pickle.loads(pickle.dumps(_small()))
    X, _ = make_intersim(reference=reference, random_state=0)
    assert X.equals(make_intersim(reference=_small(), random_state=0)[0])


def test_gene_level_methylation_defaults_to_the_mean_of_the_genes_cpgs():
    reference = _small(methyl_gene_level_mean=None)
    expected = reference.mean_M.groupby(reference.cpg_gene_map).mean()
    assert reference.methyl_gene_level_mean.to_dict() == expected.to_dict()


def test_other_sizes_than_the_usual_are_possible():
    X, _ = make_intersim(reference=_small(), random_state=0)
    assert [X[omics].shape[1] for omics in SIZES] == [4, 3, 2]


def test_covariance_of_the_draws_is_that_of_the_reference():
    reference = _small()
    X, _ = make_intersim(20_000, 2, effect=0.0, reference=reference, random_state=0)
    for omics, wanted in {
        "expression": reference.cov_expr,
        "protein": reference.cov_protein,
    }.items():
        np.testing.assert_allclose(
            X[omics].cov(), wanted, atol=0.05 * wanted.max(axis=None)
        )
    found = logit(X["methylation"]).cov()
    np.testing.assert_allclose(
        found, reference.cov_M, atol=0.05 * reference.cov_M.max(axis=None)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"cov_M": _small().cov_M.iloc[1:]},
            r"cov_M has shape \(3, 4\) and its labels",
        ),
        (
            {"mean_protein": _small().mean_protein[::-1]},
            r"rho_expr_protein has shape \(2,\) and its labels are not the 2 names",
        ),
        (
            {"rho_expr_protein": _small().rho_expr_protein * 9},
            "rho_expr_protein reaches",
        ),
        ({"rho_methyl_expr": _small().rho_methyl_expr * np.nan}, "has missing values"),
        ({"cov_expr": _small().cov_expr + np.triu(np.ones((3, 3)))}, "not symmetric"),
        (
            {"protein_gene_map": _small().protein_gene_map + "x"},
            "protein_gene_map names 2 genes that mean_expr does not have",
        ),
        (
            {"mean_M": _small().mean_M.rename({"cg00000002": "cg00000001"})},
            "mean_M repeats feature names",
        ),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        _small(**changes)


def test_parameters_without_labels_are_refused():
    with pytest.raises(TypeError, match="cov_M is a ndarray. Give a pandas DataFrame"):
        _small(cov_M=np.eye(4))


def test_a_covariance_that_is_none_is_refused_at_the_first_draw():
    cov_expr = _small().cov_expr - 10 * np.eye(3)
    with pytest.raises(ValueError, match="cov_expr is not positive definite: its sm"):
        make_intersim(reference=_small(cov_expr=cov_expr))


@pytest.mark.parametrize(
    ("options", "error"),
    [({"n_cpgs": 0}, ValueError), ({"random_state": None}, TypeError)],
)
def test_synthetic_sizes_and_seed_are_checked(options, error):
    with pytest.raises(error, match=f"{next(iter(options))} is"):
        IntersimReference.synthetic(**options)


def _write(reference, folder, suffix=".csv.gz"):
    for name in ("mean_M", "mean_expr", "mean_protein", "rho_methyl_expr"):
        getattr(reference, name).to_csv(folder / (name + suffix))
    for name in ("cov_M", "cov_expr", "cov_protein", "rho_expr_protein"):
        getattr(reference, name).to_csv(folder / (name + suffix))
    name = "methyl_gene_level_mean"
    getattr(reference, name).to_csv(folder / (name + suffix))
    maps = {
        "CpG_gene_map_for_DEG": "cpg_gene_map",
        "protein_gene_map_for_DEP": "protein_gene_map",
    }
    for name, attribute in maps.items():
        column = getattr(reference, attribute).rename("gene")
        table = column.to_frame().assign(feature=column.index)
        table.to_csv(folder / (name + suffix))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_reference_written_as_csv_is_read_back(tmp_path, suffix):
    _write(_small(), tmp_path, suffix)
    found = IntersimReference.from_directory(tmp_path)
    X, y = make_intersim(reference=found, random_state=0)
    expected, y_expected = make_intersim(reference=_small(), random_state=0)
    pd.testing.assert_frame_equal(X, expected)
    pd.testing.assert_series_equal(y, y_expected)
    assert str(tmp_path) in repr(found)


def test_missing_tables_are_named(tmp_path):
    _write(_small(), tmp_path)
    (tmp_path / "cov_M.csv.gz").unlink()
    message = r"lacks 1 of the 11 parameter tables: cov_M\.csv\.gz\. Put them"
    with pytest.raises(FileNotFoundError, match=message):
        IntersimReference.from_directory(tmp_path)


# Difficulty, and agreement with the R program


def test_subtypes_without_effect_cannot_be_told_apart():
    X, y = make_intersim(300, effect=0.0, random_state=0)
    assert 0.1 < _accuracy(X, y) < 0.3


def test_benchmark_difficulty_of_the_synthetic_reference():
    # Measured over six seeds: 0.807, SD 0.024.
    scores = [
        _accuracy(*make_intersim(300, effect=0.12, random_state=seed))
        for seed in range(3)
    ]
    assert 0.75 < np.mean(scores) < 0.86


@pytest.mark.parametrize(
    ("effect", "accuracy"),
    [(0.05, 0.37), (0.1, 0.64), (0.15, 0.86), (0.25, 0.99), (0.5, 1.00)],
)
def test_difficulty_ladder_is_that_of_the_r_program(r_reference, effect, accuracy):
    # The R program's mean of five seeds (SD up to 0.03); tolerance 0.06.
    scores = [
        _accuracy(
            *make_intersim(
                300,
                proportions=[0.3, 0.25, 0.2, 0.15, 0.1],
                effect=effect,
                p_dmp=0.2,
                reference=r_reference,
                random_state=seed,
            )
        )
        for seed in range(4)
    ]
    assert abs(np.mean(scores) - accuracy) < 0.06


@pytest.fixture(scope="module")
def our_draw(r_reference):
    """Draw as the R program did for the stored reference, with M-values."""
    X, y = make_intersim(
        500,
        3,
        proportions=[0.3, 0.3, 0.4],
        effect=2.0,
        p_dmp=0.2,
        reference=r_reference,
        random_state=0,
    )
    blocks = {omics: X[omics] for omics in SIZES}
    blocks["methylation"] = logit(blocks["methylation"])
    return blocks, y


def _markers(block, labels, base):
    """Read off which features are shifted by 2 in which subtype."""
    return block.groupby(labels).mean() - base > 1.0


@pytest.mark.parametrize("omics", SIZES)
def test_r_program_draws_from_our_means(r_reference, r_draw, omics):
    # Whitened and times sqrt(n), the R program's subtype means deviate from ours as
    # independent standard normal noise does: SD within 10 % of 1 (its error is 4 %).
    # Without the correlations in the base, the SD would be above 5.
    blocks, labels = r_draw
    block = blocks[omics]
    base = pd.Series(r_reference._base_means[omics], block.columns)
    deviation = block.groupby(labels).mean() - base
    deviation -= 2.0 * _markers(block, labels, base)
    white = np.linalg.solve(r_reference._roots[omics].T, deviation.to_numpy().T)
    white *= np.sqrt(labels.value_counts().loc[deviation.index].to_numpy())
    assert 0.9 < white.std() < 1.1


@pytest.mark.parametrize("omics", SIZES)
def test_r_program_draws_from_our_covariance(r_reference, r_draw, omics):
    # Whitened by our factor, its draws have unit variance on average (within 3 %).
    blocks, labels = r_draw
    base = pd.Series(r_reference._base_means[omics], blocks[omics].columns)
    means = base + 2.0 * _markers(blocks[omics], labels, base)
    residual = blocks[omics] - means.loc[labels].to_numpy()
    white = np.linalg.solve(r_reference._roots[omics].T, residual.to_numpy().T)
    assert abs((white**2).mean() - 1) < 0.03


def test_r_program_lets_genes_and_proteins_follow_as_we_do(r_reference, r_draw):
    blocks, labels = r_draw
    markers = {
        o: _markers(b, labels, pd.Series(r_reference._base_means[o], b.columns))
        for o, b in blocks.items()
    }
    genes = markers["methylation"].T.groupby(r_reference.cpg_gene_map).any().T
    np.testing.assert_array_equal(genes[r_reference.genes], markers["expression"])
    proteins = markers["expression"][r_reference.protein_gene_map]
    np.testing.assert_array_equal(proteins, markers["protein"])


@pytest.mark.parametrize("omics", SIZES)
def test_our_spread_within_subtypes_is_that_of_the_r_program(r_draw, our_draw, omics):
    # SD of each feature: within 20 % for every feature, and 6 % on average (the
    # CpGs share a factor, so their errors do not average out).
    def spread(draw):
        blocks, labels = draw
        return np.sqrt(blocks[omics].groupby(labels).var().mean())

    ratio = spread(our_draw) / spread(r_draw)
    assert abs(ratio.mean() - 1) < 0.06
    assert ratio.between(0.8, 1.2).all()


def test_our_shifts_within_subtypes_are_those_of_the_r_program(r_draw, our_draw):
    # Between-subtype variance of each omics, averaged over features; within 15 %.
    for omics in SIZES:
        ours, theirs = (
            blocks[omics].groupby(labels).mean().var(ddof=0).mean()
            for blocks, labels in (our_draw, r_draw)
        )
        assert abs(ours / theirs - 1) < 0.15


def test_omics_are_independent_within_subtypes_in_both(r_reference, r_draw, our_draw):
    # Mean correlation of a protein with its gene, given the subtype: 0 within 0.03.
    for blocks, labels in (r_draw, our_draw):
        inner = {o: b - b.groupby(labels).transform("mean") for o, b in blocks.items()}
        genes = inner["expression"][r_reference.protein_gene_map]
        proteins = inner["protein"]
        correlation = (genes.to_numpy() * proteins.to_numpy()).mean(axis=0) / (
            genes.to_numpy().std(axis=0) * proteins.to_numpy().std(axis=0)
        )
        assert abs(correlation.mean()) < 0.03
