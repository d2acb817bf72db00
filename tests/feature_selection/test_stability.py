"""Features that halves of the samples agree on, and how many of them are chance."""

import anndata
import mudata
import numpy as np
import pandas as pd
import polars
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, load_model, save_model
from skomics._compat import unpulled
from skomics.datasets import make_multiomics
from skomics.exceptions import SampleAlignmentError
from skomics.feature_selection import StabilitySelector
from skomics.feature_selection._resampling import _split
from skomics.io import load_folder
from skomics.metrics import selection_stability
from skomics.preprocessing import LibrarySizeNormalizer

SIZES = {"rna": 80, "protein": 40}
X, Y = make_multiomics(
    120, SIZES, n_informative=4, n_redundant=0, effect=1.0, random_state=0
)
FLAT = X.set_axis([f"{omics}__{feature}" for omics, feature in X.columns], axis=1)
QUICK = StabilitySelector(n_resamples=20, random_state=0)
FDR = StabilitySelector(
    n_resamples=10, error="fdr", level=0.1, n_permutations=10, random_state=0
)


def fit(X=FLAT, y=Y, selector=QUICK, **params):
    return clone(selector).set_params(**params).fit(X, y)


def test_error_is_controlled_for_each_modality():
    found = fit()
    assert list(found.thresholds_) == list(SIZES) == list(found.pfer_bounds_)
    assert all(0.5 < t <= 1 for t in found.thresholds_.values())
    assert all(0 < bound <= 1 for bound in found.pfer_bounds_.values())
    assert found.selection_frequencies_.shape == (120,)
    alone = fit(FLAT.filter(like="protein__"))
    assert alone.thresholds_["protein"] == found.thresholds_["protein"]


def test_without_modalities_the_error_is_that_of_all_features():
    found = fit(per_modality=False)
    assert len(found.thresholds_) == len(found.n_top_) == 1
    assert sum(found.n_top_.values()) < sum(fit().n_top_.values())


def test_threshold_is_the_share_of_halves_that_a_feature_needs():
    found = fit()
    needed = np.repeat(list(found.thresholds_.values()), list(SIZES.values()))
    expected = found.selection_frequencies_ >= needed - 1e-9
    np.testing.assert_array_equal(found.get_support(), expected)
    assert found.support_.any()


@pytest.mark.processes
@pytest.mark.parametrize("selector", [QUICK, FDR], ids=["pfer", "fdr"])
def test_number_of_jobs_changes_no_bit(selector):
    first, again = fit(selector=selector), fit(selector=selector, n_jobs=2)
    assert (
        first.selection_frequencies_.tobytes() == again.selection_frequencies_.tobytes()
    )
    assert first.thresholds_ == again.thresholds_
    other = fit(selector=selector, random_state=1)
    assert not np.array_equal(
        first.selection_frequencies_, other.selection_frequencies_
    )


def as_named_sparse(table):
    blocks = {
        name: sparse.csr_array(table.filter(like=f"{name}__").to_numpy())
        for name in SIZES
    }
    return OmicsConcatenator().fit_transform(blocks)


def as_anndata(values):
    obs, var = pd.DataFrame(index=FLAT.index), pd.DataFrame(index=FLAT.columns)
    return anndata.AnnData(values, obs, var)


FORMS = {
    "two levels": X,
    "named sparse": as_named_sparse(FLAT),
    "concatenated": OmicsConcatenator().fit_transform(X),
    "dense anndata": as_anndata(FLAT.to_numpy()),
    "sparse anndata": as_anndata(sparse.csr_matrix(FLAT.to_numpy())),
    "other dtype": FLAT.astype(np.float32).astype(np.float64),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_modalities_are_known_in_every_form(form):
    found = fit(form, np.asarray(Y))
    assert list(found.thresholds_) == list(SIZES)
    np.testing.assert_allclose(
        found.selection_frequencies_, fit().selection_frequencies_, atol=0.03
    )
    Xt = found.transform(form)
    assert type(Xt) is type(form)
    assert Xt.shape == (120, found.support_.sum())


def test_modalities_are_known_in_polars():
    found = fit(polars.from_pandas(FLAT), np.asarray(Y))
    assert found.thresholds_ == fit().thresholds_


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.dok_matrix])
def test_arrays_are_one_modality(make):
    values = FLAT.to_numpy() if make is np.asarray else np.abs(FLAT.to_numpy())
    found = fit(make(values), np.asarray(Y))
    assert list(found.thresholds_) == ["omics"]


def test_selector_works_inside_the_concatenator_and_behind_it():
    inside = make_pipeline(OmicsConcatenator(QUICK), BlockRidgeClassifier()).fit(X, Y)
    behind = make_pipeline(OmicsConcatenator(), QUICK, BlockRidgeClassifier()).fit(X, Y)
    assert inside[-1].omics_ == behind[-1].omics_ == tuple(SIZES)
    assert set(behind[:-1].get_feature_names_out()) <= set(FLAT)
    assert set(fit(X).get_feature_names_out()) <= set(FLAT)
    assert inside.score(X, Y) > 0.7
    assert behind.score(X, Y) > 0.7


def test_samples_that_lack_a_modality_do_not_count_for_it():
    gaps = FLAT.copy()
    gaps.iloc[::3, 80:] = np.nan
    found = fit(gaps)
    has = gaps.notna().all(axis=1)
    protein = FLAT.filter(like="protein__")[has]
    inside = OmicsConcatenator(QUICK).fit(gaps, Y).transformers_["protein"]
    np.testing.assert_array_equal(
        inside.selection_frequencies_, fit(protein, Y[has]).selection_frequencies_
    )
    assert np.isnan(found.transform(gaps).to_numpy()).any()
    assert found.thresholds_ == fit().thresholds_


def test_halves_are_disjoint_and_have_their_share_of_each_class():
    labels = np.repeat([0, 1, 2], [11, 6, 2])
    first, second = _split(labels, 0.5, np.random.default_rng(0))
    assert not set(first) & set(second)
    for half in (first, second):
        assert np.bincount(labels[half]).tolist() == [5, 3, 1]
    smaller = _split(labels, 0.25, np.random.default_rng(0))
    assert [np.bincount(labels[part]).tolist() for part in smaller] == [[2, 1, 1]] * 2


LASSO = LogisticRegression(solver="liblinear", C=0.5, l1_ratio=1.0)
RANKERS = {
    "lasso": LASSO,
    "k best": SelectKBest(f_classif, k=3),
    "block ridge": BlockRidgeClassifier(),
    "forest": RandomForestClassifier(20),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
}


@pytest.mark.parametrize("ranker", RANKERS.values(), ids=RANKERS)
def test_any_estimator_that_ranks_features_may_be_asked(ranker):
    two = Y != "subtype_3"
    found = fit(FLAT[two], Y[two], estimator=ranker, n_resamples=6)
    assert found.selection_frequencies_.max() == 1
    assert not hasattr(ranker, "classes_")  # it was cloned


def test_ranking_by_scores_is_that_of_the_default():
    found = fit(estimator=SelectKBest(f_classif))
    np.testing.assert_array_equal(
        found.selection_frequencies_, fit().selection_frequencies_
    )


@pytest.mark.parametrize("assumption", ["r-concave", "unimodal", "none"])
@pytest.mark.parametrize("n_features", [60, 80])
def test_level_that_no_threshold_keeps_is_refused(n_features, assumption):
    start = f"Got n_features={n_features} of 80 in modality 'rna' and level=0.05"
    with pytest.raises(ValueError, match=rf"{start}.*Give n_features=\d, a higher lev"):
        fit(n_features=n_features, level=0.05, assumption=assumption)


@pytest.mark.parametrize("n_features", [1, "auto", 11])
def test_level_that_no_number_of_features_keeps_is_refused(n_features):
    with pytest.raises(ValueError, match=r"features pass by chance. Give a higher lev"):
        fit(n_features=n_features, n_resamples=1, level=0.01)


def test_more_features_than_a_modality_has_are_refused():
    with pytest.raises(
        ValueError, match="n_features=50, but modality 'protein' has 40"
    ):
        fit(n_features=50, level=30.0)


@pytest.mark.parametrize("level", [1, 1.0, 5])
def test_rate_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match=f"Got level={level} with error='fdr'"):
        fit(error="fdr", level=level)


def test_permutations_too_few_for_the_level_are_refused():
    with pytest.raises(
        ValueError, match="n_permutations=20, but level=0.01 needs at lea"
    ):
        fit(error="fdr", level=0.01)


def test_class_with_a_single_sample_is_refused():
    y = Y.copy()
    y.iloc[0] = "rare"
    with pytest.raises(ValueError, match=r"1 class\(es\) have 1 sample .* \('rare'\)"):
        fit(y=y)
    with pytest.raises(ValueError, match="got 120 samples of one class"):
        fit(y=["a"] * 120)


def test_labels_of_other_samples_and_missing_ones_are_refused():
    ids = pd.Series(Y.to_numpy(), index=[f"other_{i}" for i in range(120)])
    with pytest.raises(SampleAlignmentError, match="y is of other samples"):
        fit(y=ids)
    with pytest.raises(SampleAlignmentError, match="in another order"):
        fit(y=Y[::-1])
    with pytest.raises(ValueError, match="y has no label for 1 of 120 samples"):
        fit(y=Y.where(np.arange(120) > 0))
    with pytest.raises(ValueError, match="Unknown label type"):
        fit(y=np.linspace(0, 1, 120))


def test_annotated_counts_go_through_the_selector():
    counts, y = make_multiomics(
        *(90, {"rna": 200, "atac": 300}),
        distribution="counts",
        mean_count=0.5,
        random_state=0,
    )
    head = OmicsConcatenator(LibrarySizeNormalizer())
    model = make_pipeline(head, QUICK, BlockRidgeClassifier()).fit(counts, y)
    assert model[-1].omics_ == ("rna", "atac")
    assert model.score(counts, y) > 0.8


def in_mudata():
    with unpulled(mudata):
        return mudata.MuData({n: anndata.AnnData(X[n]) for n in SIZES})


@pytest.mark.parametrize("form", [dict(X["rna"]), {"rna": X["rna"]}, in_mudata()])
def test_several_tables_belong_into_the_concatenator(form):
    name = type(form).__name__
    with pytest.raises(TypeError, match=f"got a {name}, but takes one table"):
        fit(form)


def test_modality_that_nobody_has_is_refused():
    empty = FLAT.copy()
    empty.iloc[:, 80:] = np.nan
    with pytest.raises(ValueError, match="No sample has modality 'protein'"):
        fit(empty)


@pytest.mark.parametrize("form", [FLAT, X], ids=["flat", "two levels"])
def test_columns_of_one_name_are_refused(form):
    twice = form.iloc[:, [0, 0, *range(1, 120)]]
    with pytest.raises(ValueError, match="1 feature names occur more than once"):
        fit(twice)


def test_nothing_selected_is_told():
    with pytest.warns(UserWarning, match="No feature of 120 is selected: the highest"):
        found = fit(y=np.random.default_rng(0).permutation(Y), level=0.001)
    assert not found.support_.any()


def test_level_that_all_features_keep_is_told():
    with pytest.warns(
        UserWarning, match="level=1.0 controls nothing in modality 'age'"
    ):
        fit(FLAT.assign(age__years=np.arange(120.0)))


def test_false_discovery_rate_takes_no_bound_and_the_other_no_p_values():
    found = fit(selector=FDR)
    assert found.p_values_.shape == (120,)
    assert not hasattr(found, "pfer_bounds_")
    assert not hasattr(fit(), "p_values_")
    found.set_params(error="pfer", level=1.0).fit(FLAT, Y)
    assert not hasattr(found, "p_values_")


def test_p_value_is_the_share_of_permuted_frequencies_that_are_as_large():
    found = fit(selector=FDR)
    for columns in (slice(0, 80), slice(80, 120)):
        p_values = found.p_values_[columns]
        frequencies = found.selection_frequencies_[columns]
        n_null = 10 * len(p_values)
        counts = p_values * (1 + n_null) - 1
        np.testing.assert_allclose(counts, counts.round(), atol=1e-6)
        order = np.argsort(frequencies)
        assert (np.diff(p_values[order]) <= 1e-12).all()
        assert (p_values[frequencies == 0] == 1).all()


def test_what_the_level_lets_pass_of_the_p_values_is_selected():
    fitted = {level: fit(selector=FDR, level=level) for level in (0.1, 0.3, 0.9)}
    for level, found in fitted.items():
        np.testing.assert_array_equal(found.p_values_, fitted[0.1].p_values_)
        parts = found.p_values_[:80], found.p_values_[80:]
        passes = [pass_by_rate(part, level) for part in parts]
        np.testing.assert_array_equal(found.support_, np.concatenate(passes))
    sizes = [found.support_.sum() for found in fitted.values()]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_pandas_output_has_the_names():
    selector = clone(QUICK).set_output(transform="pandas")
    found = selector.fit_transform(FLAT, Y)
    assert list(found) == list(selector.get_feature_names_out())


@pytest.mark.parametrize("selector", [QUICK, FDR], ids=["pfer", "fdr"])
@pytest.mark.parametrize("place", ["inside", "behind"])
def test_saved_selector_selects_the_same(selector, place, tmp_path):
    head = (
        [OmicsConcatenator(selector)]
        if place == "inside"
        else [OmicsConcatenator(), selector]
    )
    model = make_pipeline(*head, BlockRidgeClassifier()).fit(X, Y)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    names = [m[:-1].get_feature_names_out().tolist() for m in (loaded, model)]
    assert names[0] == names[1]


# What it must show


def draw(seed, effect, n_classes=3):
    """Return 200 features of 100 samples, 20 of which tell the class."""
    made = make_multiomics(
        *(100, {"rna": 200}, n_classes),
        n_informative=20,
        n_redundant=0,
        effect=effect,
        random_state=seed,
        return_X_y=False,
    )
    X, y = made.data.to_numpy(), np.asarray(made.target)
    return X, y, (made.roles["rna"] == "informative").to_numpy()


def fits(selector, n_draws, planted, n_classes=3):
    """Yield a draw, and the selector that was fitted to it."""
    for seed in range(n_draws):
        X, y, is_true = draw(seed, 0.5, n_classes)
        if not planted:
            y, is_true = np.random.default_rng(seed).permutation(y), is_true & False
        yield (X, y, is_true), clone(selector).set_params(random_state=seed).fit(X, y)


def judge(support, X, y, is_true):
    """Return false positives, their share, hits, and hits of as many by F-value."""
    n_false, n_found = (support & ~is_true).sum(), support.sum()
    best = np.argsort(-f_classif(X, y)[0])[:n_found]
    hits = (support & is_true).sum(), is_true[best].sum()
    return [n_false, n_false / max(n_found, 1), *hits]


def study(selector, n_draws, planted, n_classes=3):
    rows = [
        judge(found.support_, *drawn)
        for drawn, found in fits(selector, n_draws, planted, n_classes)
    ]
    return np.array(rows, dtype=float)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No feature")
@pytest.mark.parametrize("planted", [False, True], ids=["null", "planted"])
@pytest.mark.parametrize("level", [0.5, 1.0, 5.0])
def test_expected_number_of_false_positives_is_at_most_the_level(level, planted):
    n_false, _, hits, best = study(StabilitySelector(level=level), 100, planted).T
    print(f"level {level}: PFER {n_false.mean():.2f}, {hits.mean():.2f} of 20 hits, "
          f"SelectKBest {best.mean():.2f}")  # fmt: skip
    assert n_false.mean() <= level
    assert hits.mean() >= best.mean() - 0.2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No feature")
@pytest.mark.parametrize("planted", [False, True], ids=["null", "planted"])
def test_error_is_at_most_the_level_where_coefficients_rank(planted):
    base = make_pipeline(StandardScaler(), LASSO)
    selector = StabilitySelector(base, n_resamples=25, level=1.0)
    n_false, _, hits, best = study(selector, 100, planted, n_classes=2).T
    print(f"L1 logistic regression: PFER {n_false.mean():.2f}, {hits.mean():.2f} of 20 "
          f"hits, SelectKBest {best.mean():.2f}")  # fmt: skip
    assert n_false.mean() <= 1


def pass_by_rate(p_values, level):
    return stats.false_discovery_control(p_values) <= level


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No feature")
@pytest.mark.parametrize("planted", [False, True], ids=["null", "planted"])
def test_false_discovery_rate_is_at_most_the_level(planted):
    # The level has no part in the p-values: one fit of a draw tells of both.
    selector = StabilitySelector(error="fdr", level=0.1, n_resamples=25)
    rows = {0.1: [], 0.2: []}
    for drawn, found in fits(selector, 100, planted):
        np.testing.assert_array_equal(
            found.support_, pass_by_rate(found.p_values_, 0.1)
        )
        for level in rows:
            rows[level].append(judge(pass_by_rate(found.p_values_, level), *drawn))
    for level, found in rows.items():
        _, share, hits, best = np.array(found, dtype=float).T
        print(f"level {level}: FDR {share.mean():.3f}, {hits.mean():.2f} of 20 hits, "
              f"SelectKBest {best.mean():.2f}")  # fmt: skip
        # Without anything to find the expected rate is the level, not below it.
        chance = 0 if planted else 2 * np.sqrt(level * (1 - level) / 100)
        assert share.mean() <= level + chance
        assert hits.mean() >= best.mean() - 0.2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No feature", "ignore:Table 'rppa_partial' lacks")
@pytest.mark.parametrize("name", ["acc_miniacc", "brca_mixomics_train", "tcga_luad"])
def test_correlations_of_real_features_do_not_raise_the_error(name, data_dir):
    X, y = load_folder(data_dir / name)
    table = OmicsConcatenator().fit_transform(X)
    omics = np.array([column.partition("__")[0] for column in table])
    n_false = []
    for seed in range(100):
        permuted = np.random.default_rng(seed).permutation(np.asarray(y))
        found = fit(table, permuted, StabilitySelector(random_state=seed))
        n_false.append([found.support_[omics == o].sum() for o in found.thresholds_])
    mean = np.mean(n_false, axis=0)
    scale = np.std(n_false, axis=0, ddof=1) / 10
    print(
        name, dict(zip(found.thresholds_, mean.tolist(), strict=True)), scale.round(2)
    )
    assert (mean <= 1 + 2 * scale).all()


def test_few_null_draws_have_few_false_positives():
    n_false = study(StabilitySelector(n_resamples=25, level=5.0), 15, False)[:, 0]
    assert 0 < n_false.mean() <= 5


def test_selections_of_overlapping_samples_agree_beyond_chance():
    halves = np.random.default_rng(0).permuted(np.tile(np.arange(120), (6, 1)), axis=1)
    supports = [fit(FLAT.iloc[h[:80]], Y.iloc[h[:80]]).support_ for h in halves]
    assert selection_stability(supports)["stability"] > 0.3
