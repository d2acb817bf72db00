"""Another cohort is brought to where training is, and training stays as it is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics import load_model, save_model
from skomics.preprocessing import (
    CohortScaler,
    OmicsConcatenator,
    ReferenceQuantileNormalizer,
    SampleRankTransformer,
)
from skomics.preprocessing._cohort import _grid, _quantiles

PER_SAMPLE = [
    SampleRankTransformer(),
    SampleRankTransformer("normal"),
    ReferenceQuantileNormalizer(),
]
ADAPTIVE = [CohortScaler(), ReferenceQuantileNormalizer("feature")]
every_one = pytest.mark.parametrize("transformer", PER_SAMPLE + ADAPTIVE, ids=repr)
each_adaptive = pytest.mark.parametrize("transformer", ADAPTIVE, ids=repr)


def draw(n=40, n_features=30, seed=0):
    """Return samples whose features have means and spreads of their own."""
    rng = np.random.default_rng(seed)
    means, scales = np.random.default_rng(9).normal(size=(2, n_features))
    return 5 * means + (0.5 + scales**2) * rng.normal(size=(n, n_features))


@parametrize_with_checks(PER_SAMPLE + ADAPTIVE)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


# A single sample


@pytest.mark.parametrize("transformer", PER_SAMPLE, ids=repr)
@pytest.mark.parametrize(
    "change", [lambda X: 3 * X + 7, lambda X: X / np.log(2), np.exp], ids=range(3)
)
def test_growing_function_of_all_values_makes_no_difference(transformer, change):
    train, new = draw(), draw(seed=1)
    transformer = clone(transformer).fit(train)
    expected = transformer.transform(new)
    np.testing.assert_allclose(transformer.transform(change(new)), expected, atol=1e-9)
    assert np.abs(expected[:, 0] - expected[:, 1]).max() > 0.01


@every_one
def test_each_sample_is_transformed_by_itself(transformer):
    transformer = clone(transformer).fit(draw())
    if hasattr(transformer, "adapt"):
        transformer = transformer.adapt(draw(seed=1) + 2)
    new = draw(seed=2)
    whole = transformer.transform(new)
    for i in (0, 7):
        np.testing.assert_array_equal(transformer.transform(new[[i]])[0], whole[i])


@every_one
def test_missing_values_stay_and_change_no_others(transformer):
    train, new = draw(), draw(seed=1)
    new[3, 5] = np.nan
    new[4] = np.nan
    transformer = clone(transformer).fit(train)
    if hasattr(transformer, "adapt"):
        transformer = transformer.adapt(new)
    got = transformer.transform(new)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(new))
    there = np.delete(new[[3]], 5, axis=1)
    if isinstance(transformer, SampleRankTransformer):
        alone = clone(transformer).fit(there).transform(there)
        np.testing.assert_allclose(np.delete(got[[3]], 5, axis=1), alone)


@every_one
def test_float32_stays_and_names_are_kept(transformer):
    columns = [f"g{i}" for i in range(30)]
    train = pd.DataFrame(draw(), columns=columns).astype(np.float32)
    transformer = clone(transformer).set_output(transform="pandas").fit(train)
    if hasattr(transformer, "adapt"):
        transformer = transformer.adapt(train * 3)
    got = transformer.transform(train)
    assert list(got) == columns
    assert set(got.dtypes) == {np.dtype(np.float32)}


@given(
    st.lists(
        st.floats(-1e3, 1e3, allow_subnormal=False, width=32), min_size=1, max_size=20
    )
)
def test_ranks_are_between_zero_and_one_and_in_the_order_of_values(values):
    X = np.array([values])
    ranks = SampleRankTransformer().fit(X).transform(X)[0]
    assert (ranks > 0).all()
    assert (ranks < 1).all()
    assert ranks.mean() == pytest.approx(0.5)
    a, b = np.triu_indices(len(values))
    np.testing.assert_array_equal(
        np.sign(X[0][a] - X[0][b]), np.sign(ranks[a] - ranks[b])
    )


def test_quantiles_per_sample_are_the_mean_of_sorted_training_samples():
    train = draw(n_features=9)
    normalizer = ReferenceQuantileNormalizer().fit(train)
    np.testing.assert_allclose(normalizer.reference_, np.sort(train).mean(axis=0))
    new = draw(n_features=9, seed=1)
    got = normalizer.transform(new)
    np.testing.assert_allclose(np.sort(got), np.tile(normalizer.reference_, (40, 1)))
    np.testing.assert_array_equal(got.argsort(), new.argsort())
    assert not hasattr(normalizer, "adapt")


def test_quantiles_are_those_of_numpy_with_gaps_too():
    X = draw()
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    shares = _grid(17)
    expected = np.nanquantile(X, shares, axis=0, method="hazen")
    np.testing.assert_allclose(_quantiles(X, shares), expected)
    X[:, 2] = np.nan
    np.testing.assert_array_equal(_quantiles(X, shares)[:, 2], 0)


# A cohort


@each_adaptive
def test_nothing_is_changed_before_a_cohort_is_learned(transformer):
    train, new = draw(), draw(seed=1) * 3 + 7
    fitted = clone(transformer).fit(train)
    for X in (train, new):
        np.testing.assert_array_equal(fitted.transform(X), X)
    before = {name: np.copy(value) for name, value in vars(fitted).items()}
    fitted.adapt(new)
    assert before.keys() == vars(fitted).keys()
    for name, value in before.items():
        np.testing.assert_array_equal(vars(fitted)[name], value)
    assert fitted.n_cohort_samples_ == 0


@each_adaptive
def test_affine_change_of_a_whole_cohort_is_undone(transformer):
    train = draw()
    new = 3 * train + 7
    adapted = clone(transformer).fit(train).adapt(new)
    assert adapted.n_cohort_samples_ == 40
    error = np.abs(adapted.transform(new) - train) / train.std(axis=0)
    assert error.max() < 0.2
    assert error.mean() < 0.03


def test_change_of_each_feature_is_undone_by_mean_and_spread():
    train, rng = draw(400), np.random.default_rng(3)
    shift, ratio = rng.normal(size=30), np.exp(rng.normal(size=30) / 3)
    same = draw(400, seed=1)
    new = same * ratio + shift
    moved = CohortScaler().fit(train).adapt(new).transform(new)
    away = np.abs(moved.mean(axis=0) - train.mean(axis=0)) / train.std(axis=0)
    assert away.max() < 0.01
    np.testing.assert_allclose(moved.std(axis=0) / train.std(axis=0), 1, atol=0.1)
    only_mean = CohortScaler(with_scale=False).fit(train).adapt(new).transform(new)
    np.testing.assert_allclose(only_mean.std(axis=0), new.std(axis=0))


def test_few_samples_are_shrunk_more_than_many():
    train = draw(200, 400)
    errors = []
    for n in (3, 30):
        new = draw(n, 400, seed=n)
        for shrink in (True, False):
            adapted = CohortScaler(shrink=shrink).fit(train).adapt(new)
            # There is no shift: all that is learned is error.
            away = (adapted.cohort_location_ - adapted.location_) / adapted.scale_
            errors.append(np.sqrt((away**2).mean()))
    few, few_plain, many, many_plain = errors
    assert few < 0.7 * few_plain
    assert many < 0.7 * many_plain < 0.4 * few_plain


def test_closed_form_is_that_of_the_paper():
    train, new = draw(50, 6), draw(20, 6, seed=1) * 1.5 + 1
    scaler = CohortScaler().fit(train).adapt(new)
    z = (new - train.mean(axis=0)) / train.std(axis=0, ddof=1)
    gamma, delta2, n = z.mean(axis=0), z.var(axis=0, ddof=1), len(z)
    tau2 = gamma.var()
    gamma_star = (n * tau2 * gamma + delta2 * gamma.mean()) / (n * tau2 + delta2)
    m, s2 = delta2.mean(), delta2.var()
    shape, rate = m**2 / s2 + 2, m * (m**2 / s2 + 1)
    squares = ((z - gamma_star) ** 2).sum(axis=0)
    delta2_star = (rate + squares / 2) / (n / 2 + shape - 1)
    expected = (z - gamma_star) / np.sqrt(delta2_star)
    got = (scaler.transform(new) - train.mean(axis=0)) / train.std(axis=0, ddof=1)
    np.testing.assert_allclose(got, expected)


def test_constant_features_stay_and_tell_nothing_of_the_others():
    train, new = draw(), draw(seed=1) + 2
    train[:, 3] = 1.0
    got = CohortScaler().fit(train).adapt(new).transform(new)
    np.testing.assert_array_equal(got[:, 3], new[:, 3])
    rest = np.arange(30) != 3
    alone = CohortScaler().fit(train[:, rest]).adapt(new[:, rest])
    np.testing.assert_allclose(got[:, rest], alone.transform(new[:, rest]))


def test_quantiles_of_a_feature_become_those_of_training():
    train, new = draw(60), np.exp(draw(80, seed=1) / 4)
    normalizer = ReferenceQuantileNormalizer("feature").fit(train).adapt(new)
    got = normalizer.transform(new)
    shares = np.linspace(0.1, 0.9, 9)
    expected = np.quantile(train, shares, axis=0)
    away = np.abs(np.quantile(got, shares, axis=0) - expected) / train.std(axis=0)
    assert away.max() < 0.15
    assert (np.diff(np.take_along_axis(got, new.argsort(axis=0), 0), axis=0) >= 0).all()


def test_ties_get_the_middle_of_their_quantiles():
    train = np.arange(10.0)[:, None]
    new = np.repeat([0.0, 1.0], 5)[:, None]
    normalizer = ReferenceQuantileNormalizer("feature").fit(train).adapt(new)
    assert normalizer.transform([[0.0], [1.0]]).ravel().tolist() == [2.0, 7.0]


@each_adaptive
@pytest.mark.parametrize("missing", [False, True])
def test_single_patient_is_left_as_is_with_a_warning(transformer, missing):
    train, new = draw(), draw(2 if missing else 1, seed=1) * 3
    new[1:] = np.nan
    fitted = clone(transformer).fit(train)
    with pytest.warns(UserWarning, match=r"adapt to 1 sample.*SampleRankTransformer"):
        adapted = fitted.adapt(new)
    np.testing.assert_array_equal(adapted.transform(new), new)


@every_one
def test_sparse_input_is_refused(transformer):
    with pytest.raises(TypeError, match="Sparse data was passed.*dense data"):
        clone(transformer).fit(sparse.csr_array(draw()))


@every_one
def test_other_features_are_refused(transformer):
    fitted = clone(transformer).fit(draw())
    for method in {"transform", "adapt"} & set(dir(fitted)):
        if hasattr(fitted, method):
            with pytest.raises(ValueError, match="is expecting 30 features"):
                getattr(fitted, method)(draw()[:, :29])


def test_training_samples_without_values_are_refused():
    with pytest.raises(ValueError, match="All values of all samples are NaN"):
        ReferenceQuantileNormalizer().fit(np.full((3, 2), np.nan))


@every_one
def test_transformer_is_saved_with_the_cohort_that_it_has_learned(
    transformer, tmp_path
):
    fitted = OmicsConcatenator(transformer).fit({"rna": pd.DataFrame(draw())})
    inner = fitted.transformers_["rna"]
    if hasattr(inner, "adapt"):
        inner = inner.adapt(pd.DataFrame(draw(seed=1) * 3 + 7).rename(columns=str))
        fitted.transformers_["rna"] = inner
    path = tmp_path / "model.safetensors"
    save_model(fitted, path)
    again = load_model(path)
    new = {"rna": pd.DataFrame(draw(seed=2))}
    pd.testing.assert_frame_equal(again.transform(new), fitted.transform(new))


@pytest.mark.parametrize(
    ("transformer", "name", "value"),
    [
        (CohortScaler(), "scale_", np.ones(3)),
        (CohortScaler(), "cohort_location_", np.ones((1, 30))),
        (CohortScaler(), "n_cohort_samples_", -1),
        (ReferenceQuantileNormalizer(), "reference_", np.ones((2, 30))),
        (ReferenceQuantileNormalizer("feature"), "cohort_quantiles_", np.ones((2, 3))),
    ],
)
def test_file_with_numbers_that_do_not_fit_is_refused(
    transformer, name, value, tmp_path
):
    fitted = clone(transformer).fit(draw())
    setattr(fitted, name, value)
    with pytest.raises(ValueError, match=f"load_model would refuse.*{name}"):
        save_model(fitted, tmp_path / "model.safetensors")


@each_adaptive
def test_one_sample_of_a_third_cohort_is_not_moved_as_the_second_was(transformer):
    adapted = clone(transformer).fit(draw()).adapt(3 * draw(seed=1) + 7)
    single = draw(1, seed=2)
    with pytest.warns(UserWarning, match="leaves its samples as they are"):
        again = adapted.adapt(single)
    assert again.n_cohort_samples_ == 0
    np.testing.assert_array_equal(again.transform(single), single)
    assert np.abs(adapted.transform(single) - single).max() > 1
