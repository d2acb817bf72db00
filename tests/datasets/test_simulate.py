"""Promises of make_intersim and IntersimReference."""

import os
import subprocess
import sys
from dataclasses import replace
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

from skomics.datasets import IntersimReference, make_intersim, make_multiomics
from skomics.datasets._simulate import _draw_counts
from tests.memory import print_of

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
    blocks, labels = _read_r_draw("default_delta2")
    blocks["methylation"] = logit(blocks["methylation"])
    return blocks, labels


def _read_r_draw(name):
    path = DATA / f"intersim_ref_{name}"
    if not path.exists():
        pytest.skip(f"{path} is not there; set SKOMICS_DATA to the development data")
    labels = pd.read_csv(path / "labels.csv", index_col=0)["label"]
    blocks = {o: pd.read_csv(path / f"{o}.csv.gz", index_col=0) for o in SIZES}
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
        base = pd.Series(bunch.reference.mix_means()[omics], truth.columns)
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


def test_an_effect_per_modality_shifts_that_omics_only():
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


def test_a_second_draw_saves_the_factorization(monkeypatch):
    factorized = []

    def cholesky(matrix):
        factorized.append(matrix.shape)
        return factorize(matrix)

    factorize = np.linalg.cholesky
    monkeypatch.setattr(np.linalg, "cholesky", cholesky)
    reference = replace(IntersimReference.synthetic())
    for _ in range(2):
        make_intersim(300, reference=reference)
    assert len(factorized) == 3  # one of each modality


def test_simulating_needs_no_torch():
    code = (
        "import sys; from skomics.datasets import make_intersim; make_intersim();"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=240)


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
        ({"covariance": "diagonal"}, ValueError, "'diagonal'; it can be 'reference'"),
        (
            {"covariance": {"protein": "inductive"}},
            ValueError,
            "or a dict of one of them for each of",
        ),
        ({"rho_methyl_expr": [0.1, 0.2]}, ValueError, r"an array of shape \(131,\)"),
        ({"rho_expr_protein": "high"}, ValueError, "rho_expr_protein is 'high'. Give"),
        ({"rho_expr_protein": -1.5}, ValueError, "holds 1.5 as its largest absolute"),
        ({"reference": "R"}, TypeError, "reference is a str, not an IntersimReference"),
    ],
)
def test_impossible_requests_say_what_to_do(options, error, message):
    with pytest.raises(error, match=message):
        make_intersim(**options)


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


def _ladder_scores(reference, effect, seeds):
    """Accuracies on cohorts of the kind of the R program's five subtypes."""
    return [
        _accuracy(
            *make_intersim(
                300,
                proportions=[0.3, 0.25, 0.2, 0.15, 0.1],
                effect=effect,
                p_dmp=0.2,
                reference=reference,
                random_state=seed,
            )
        )
        for seed in range(seeds)
    ]


@pytest.mark.parametrize(
    ("effect", "low", "high"),
    [
        (0.05, 0.33, 0.37),
        (0.1, 0.61, 0.64),
        (0.15, 0.86, 0.88),
        (0.25, 0.98, 0.99),
        (0.5, 1.00, 1.00),
    ],
)
def test_difficulty_ladder_is_that_of_the_r_program(r_reference, effect, low, high):
    # Between the lowest and highest figures at hand of the R program, means of five
    # seeds and single draws; tolerance 0.03, the SD of its seeds.
    mean = np.mean(_ladder_scores(r_reference, effect, 6))
    assert low - 0.03 < mean < high + 0.03


@pytest.mark.parametrize(
    ("effect", "name"), [(0.1, "delta01"), (0.25, "delta025"), (0.5, "delta05")]
)
def test_a_draw_of_the_r_program_is_as_hard_as_ours(r_reference, effect, name):
    # Within three SDs (at least 0.02) of our own six seeds.
    blocks, y = _read_r_draw(f"k5_{name}")
    ours = _ladder_scores(r_reference, effect, 6)
    assert abs(_accuracy(pd.concat(blocks, axis=1), y) - np.mean(ours)) < max(
        3 * np.std(ours), 0.02
    )


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
    base = pd.Series(r_reference.mix_means()[omics], block.columns)
    deviation = block.groupby(labels).mean() - base
    deviation -= 2.0 * _markers(block, labels, base)
    white = np.linalg.solve(r_reference.roots[omics].T, deviation.to_numpy().T)
    white *= np.sqrt(labels.value_counts().loc[deviation.index].to_numpy())
    assert 0.9 < white.std() < 1.1


@pytest.mark.parametrize("omics", SIZES)
def test_r_program_draws_from_our_covariance(r_reference, r_draw, omics):
    # Whitened by our factor, its draws have unit variance on average (within 3 %).
    blocks, labels = r_draw
    base = pd.Series(r_reference.mix_means()[omics], blocks[omics].columns)
    means = base + 2.0 * _markers(blocks[omics], labels, base)
    residual = blocks[omics] - means.loc[labels].to_numpy()
    white = np.linalg.solve(r_reference.roots[omics].T, residual.to_numpy().T)
    assert abs((white**2).mean() - 1) < 0.03


def test_r_program_lets_genes_and_proteins_follow_as_we_do(r_reference, r_draw):
    blocks, labels = r_draw
    markers = {
        o: _markers(b, labels, pd.Series(r_reference.mix_means()[o], b.columns))
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
    # Between-subtype variance of each modality, averaged over features; within 15 %.
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


def test_correlations_between_omics_across_subtypes_are_those_of_the_r_program(
    r_reference, r_draw
):
    # Mean correlation of a CpG with its gene and of a protein with its gene, over
    # all samples: that of the R program (0.17 and 0.48) within 0.05 of the mean
    # of six cohorts of ours, whose SD is up to 0.025.
    def pairs(blocks):
        genes = blocks["expression"]
        for omics, gene_of in {
            "methylation": r_reference.cpg_gene_map,
            "protein": r_reference.protein_gene_map,
        }.items():
            of_gene = genes[gene_of].set_axis(blocks[omics].columns, axis=1)
            yield blocks[omics].corrwith(of_gene).mean()

    ours = []
    for seed in range(6):
        X, _ = make_intersim(
            500,
            3,
            proportions=[0.3, 0.3, 0.4],
            effect=2.0,
            p_dmp=0.2,
            reference=r_reference,
            random_state=seed,
        )
        blocks = {o: X[o] for o in SIZES}
        blocks["methylation"] = logit(blocks["methylation"])
        ours.append(list(pairs(blocks)))
    theirs = list(pairs(r_draw[0]))
    np.testing.assert_allclose(np.mean(ours, axis=0), theirs, atol=0.05)
    assert min(theirs) > 0.15


@pytest.mark.parametrize("omics", SIZES)
def test_independent_features_keep_their_variance_and_lose_their_correlation(omics):
    reference = _small()
    covariance = dict.fromkeys(SIZES, "reference") | {omics: "inductive"}
    X, _ = make_intersim(
        20_000,
        1,
        effect=0.0,
        covariance=covariance,
        reference=reference,
        random_state=0,
    )
    X["methylation"] = logit(X["methylation"])
    for name, wanted in {
        "methylation": reference.cov_M,
        "expression": reference.cov_expr,
        "protein": reference.cov_protein,
    }.items():
        wanted = wanted * np.eye(len(wanted)) if name == omics else wanted
        atol = 0.05 * wanted.max(axis=None)
        np.testing.assert_allclose(X[name].cov(), wanted, atol=atol)


def test_one_word_makes_all_omics_independent():
    words = dict.fromkeys(SIZES, "inductive")
    X, _ = make_intersim(covariance="inductive", random_state=0)
    assert X.equals(make_intersim(covariance=words, random_state=0)[0])
    assert not X.equals(make_intersim(random_state=0)[0])


def test_independent_features_need_no_covariance_that_can_be_factored():
    off = 9.0 * (1 - np.eye(3))
    reference = _small(cov_expr=_small().cov_expr + off)
    with pytest.raises(ValueError, match="cov_expr is not positive definite"):
        make_intersim(reference=reference)
    make_intersim(reference=reference, covariance="inductive")


def test_given_correlations_move_the_means_as_the_paper_says():
    reference = _small()
    X, _ = make_intersim(
        20_000,
        1,
        effect=0.0,
        rho_methyl_expr=1.0,
        rho_expr_protein=[0.0, 1.0],
        reference=reference,
        random_state=0,
    )
    gene = reference.protein_gene_map.iloc[1]
    expected = [reference.mean_protein.iloc[0], reference.mean_expr[gene]]
    np.testing.assert_allclose(X["protein"].mean(), expected, atol=0.05)
    np.testing.assert_allclose(
        X["expression"].mean(), reference.methyl_gene_level_mean, atol=0.05
    )


def test_the_references_own_correlations_are_the_default():
    reference = _small()
    given = {
        "rho_methyl_expr": reference.rho_methyl_expr,
        "rho_expr_protein": reference.rho_expr_protein.to_numpy(),
    }
    X, _ = make_intersim(reference=reference, random_state=0)
    assert X.equals(make_intersim(reference=reference, random_state=0, **given)[0])


def test_factors_are_taken_once_per_reference(monkeypatch):
    reference = _small()
    calls = []
    cholesky = np.linalg.cholesky
    monkeypatch.setattr(np.linalg, "cholesky", lambda a: calls.append(1) or cholesky(a))
    for rho in (None, 0.1, 0.2):
        make_intersim(reference=reference, rho_methyl_expr=rho)
    assert len(calls) == 3


def _roles_of(bunch, omics, role):
    return bunch.roles[omics].index[bunch.roles[omics] == role]


def test_multiomics_has_the_sizes_and_roles_asked_for():
    bunch = make_multiomics(
        60,
        {"rna": 50, "mirna": 12},
        4,
        n_informative={"rna": 10, "mirna": 3},
        n_redundant=5,
        random_state=0,
        return_X_y=False,
    )
    assert bunch.data.shape == (60, 62)
    assert bunch.data.columns.names == ["omics", "feature"]
    assert bunch.target.value_counts().to_dict() == {
        f"subtype_{k}": 15 for k in range(1, 5)
    }
    assert bunch.roles["rna"].value_counts().to_dict() == {
        "irrelevant": 35,
        "informative": 10,
        "redundant": 5,
    }
    assert bunch.roles["mirna"].value_counts()["informative"] == 3
    assert bunch.roles["rna"].index.equals(bunch.data["rna"].columns)


def test_informative_features_tell_the_class_and_irrelevant_ones_do_not():
    bunch = make_multiomics(400, {"rna": 60}, random_state=0, return_X_y=False)
    block = bunch.data["rna"]
    scores = {
        role: _accuracy(block[_roles_of(bunch, "rna", role)], bunch.target)
        for role in ("informative", "redundant", "irrelevant")
    }
    assert scores["informative"] > 0.95
    assert scores["redundant"] > 0.9
    assert scores["irrelevant"] < 0.42


def test_redundant_features_are_combinations_of_the_informative_ones():
    bunch = make_multiomics(200, {"rna": 60}, random_state=0, return_X_y=False)
    block = bunch.data["rna"].to_numpy()
    informative = block[:, (bunch.roles["rna"] == "informative").to_numpy()]
    redundant = block[:, (bunch.roles["rna"] == "redundant").to_numpy()]
    weights, residual, *_ = np.linalg.lstsq(informative, redundant)
    assert np.max(residual) < 1e-15
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1.0)


def test_multiomics_effect_sets_the_difficulty():
    def accuracy(effect):
        return _accuracy(
            *make_multiomics(300, {"rna": 100}, effect=effect, random_state=0)
        )

    assert accuracy(0.0) < 0.42 < accuracy(0.3) < 0.95 < accuracy(2.0)


def test_multiomics_is_the_same_for_a_seed():
    X, y = make_multiomics(50, random_state=3, missing_cells=0.1)
    again, y_again = make_multiomics(50, random_state=3, missing_cells=0.1)
    pd.testing.assert_frame_equal(X, again)
    pd.testing.assert_series_equal(y, y_again)
    assert not X.equals(make_multiomics(50, random_state=4, missing_cells=0.1)[0])


def test_counts_have_the_mean_asked_for_and_are_sparse():
    pytest.importorskip("anndata")
    bunch = make_multiomics(
        400,
        {"atac": 5000},
        distribution="counts",
        mean_count=0.1,
        random_state=0,
        return_X_y=False,
    )
    X = bunch.data
    irrelevant = X.X[:, (bunch.roles["atac"] == "irrelevant").to_numpy()]
    # The rates of 5000 features: mean 0.1 with a standard error of 2 %; the depth
    # of a sample is 1.05 on average.
    assert abs(irrelevant.mean() / 0.105 - 1) < 0.08
    assert X.X.data.min() == 1
    np.testing.assert_array_equal(X.X.data, np.round(X.X.data))
    assert X.var_names[0] == "atac__atac_0001"


def test_thrown_reads_are_poisson_counts():
    # Of 2000 samples of equal depth: variance / mean of each feature is 1, with a
    # standard error of 0.03, and two features are uncorrelated.
    rng = np.random.RandomState(0)
    empty = np.empty((2000, 0))
    no_positions = np.array([], dtype=int)
    counts = _draw_counts(empty, no_positions, 40, 3.0, np.ones(2000), rng).toarray()
    ratio = counts.var(axis=0) / counts.mean(axis=0)
    assert 0.85 < ratio.min() < ratio.max() < 1.15
    correlation = np.corrcoef(counts.T) - np.eye(40)
    assert np.abs(correlation).max() < 0.1


def test_dense_counts_may_be_missing():
    X, _ = make_multiomics(
        80,
        {"rna": 100, "mirna": 60},
        distribution="counts",
        sparse_output=False,
        missing_omics=0.25,
        random_state=0,
    )
    n_missing = sum(X[o].isna().all(axis=1).sum() for o in ("rna", "mirna"))
    assert n_missing == 40


def test_all_harms_reach_the_simulated_cohort():
    bunch = make_multiomics(
        100,
        {"rna": 60, "mirna": 50},
        batch_shift=2.0,
        batch_fraction=0.3,
        label_noise=0.1,
        missing_cells=0.05,
        missing_omics=0.2,
        random_state=0,
        return_X_y=False,
    )
    assert (bunch.batch == "cohort_2").sum() == 30
    assert bunch.is_mislabeled.sum() == 10
    assert (~bunch.is_available).to_numpy().sum() == 40
    first = bunch.data[bunch.batch == "cohort_1"].mean()
    second = bunch.data[bunch.batch == "cohort_2"].mean()
    assert (first - second).std() > 1.5


CODE_OF_250_000 = """
from skomics.datasets import make_multiomics
import anndata
before = peak()
X, y = make_multiomics(
    500, {"atac": 250_000}, distribution="counts", batch_shift=0.5, random_state=0
)
assert X.shape == (500, 250_000), X.shape
print(peak() - before, X.X.nnz)
"""


def test_250_000_sparse_features_are_never_dense():
    # Dense, they are 1000 MB in float64, and 500 in float32.
    pytest.importorskip("anndata")
    megabytes, n_reads = print_of(CODE_OF_250_000)
    assert n_reads > 1e6
    assert megabytes < 350


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_features": 100}, TypeError, "n_features is 100. Give a dict of omics"),
        ({"n_features": {"rna": 0}}, ValueError, r"n_features\['rna'\] is 0. Give an"),
        ({"n_informative": 90}, ValueError, "'protein' has 100 features, but 90"),
        ({"n_informative": 0}, ValueError, "Redundant ones need an informative one"),
        ({"n_redundant": {"rna": 1}}, ValueError, r"keys \['rna'\], but wants exactly"),
        ({"n_samples": 2}, ValueError, "n_samples is 2 but n_classes is 3. Every"),
        ({"effect": {"rna": 1}}, ValueError, r"keys \['rna'\], but wants exactly"),
        ({"distribution": "poisson"}, ValueError, "it can be 'normal' or 'counts'"),
        ({"mean_count": 0}, ValueError, "mean_count is 0. Give a number > 0"),
        ({"sparse_output": True}, ValueError, "normal values are never 0. Use"),
        ({"label_noise": 2}, ValueError, "label_noise is 2. Give a probability"),
        (
            {"distribution": "counts", "missing_cells": 0.1},
            ValueError,
            "sparse, where a cell that is not stored is 0",
        ),
    ],
)
def test_impossible_multiomics_say_what_to_do(options, error, message):
    with pytest.raises(error, match=message):
        make_multiomics(**options)
