"""Samples that lack whole modalities: what all classifiers promise."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skomics import OmicsConcatenator
from skomics._modality import (
    missing_fraction,
    modality_mask,
    warn_if_informative_missingness,
)
from skomics.datasets import make_intersim
from skomics.exceptions import InformativeMissingnessWarning, MissingOmicsWarning
from skomics.testing import assert_probabilities, assert_seed_stable
from tests.conftest import SIZES, make_tiny
from tests.test_common import quick_estimators

OMICS = list(SIZES)
CLASSIFIERS = [
    clone(model).set_params(max_epochs=6, random_state=0)
    for model in quick_estimators()
    if hasattr(model, "max_epochs")
]
every_classifier = pytest.mark.parametrize(
    "model", CLASSIFIERS, ids=lambda model: type(model).__name__
)


def columns_of(X, omics):
    return X.columns.str.startswith(f"{omics}__")


def without(X, rows, omics):
    """Return a table in which samples lack a modality."""
    X = X.copy()
    X.loc[X.index[rows], columns_of(X, omics)] = np.nan
    return X


@pytest.fixture(scope="module")
def partial():
    """Return 48 training samples and 24 others, a third of which lack a modality."""
    X, y = make_tiny(72)
    rng = np.random.default_rng(0)
    lost = rng.integers(0, 9, len(X))
    for i, omics in enumerate(OMICS):
        X = without(X, np.flatnonzero(lost == i), omics)
    return X[:48], y[:48], X[48:]


@every_classifier
def test_samples_may_lack_omics_in_training_and_in_prediction(model, partial):
    X, y, X_new = partial
    fitted = clone(model).fit(X, y)
    assert_probabilities(fitted, X_new)
    assert_seed_stable(clone(model), X, y)


@every_classifier
def test_prediction_of_a_partial_sample_does_not_depend_on_the_others(model, partial):
    X, y, X_new = partial
    fitted = clone(model).fit(X, y)
    together = fitted.predict_proba(X_new)
    order = np.random.default_rng(0).permutation(len(X_new))
    shuffled = fitted.predict_proba(X_new.iloc[order])
    np.testing.assert_allclose(shuffled, together[order], rtol=1e-9, atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingOmicsWarning)
        for row in range(6):
            alone = fitted.predict_proba(X_new.iloc[[row]])
            np.testing.assert_allclose(alone[0], together[row], rtol=1e-9, atol=1e-12)


@every_classifier
def test_order_of_partial_samples_and_omics_changes_no_bit_of_the_model(model, partial):
    X, y, X_new = partial
    expected = clone(model).fit(X, y).predict_proba(X_new)
    order = np.random.default_rng(1).permutation(len(X))
    columns = np.concatenate([np.flatnonzero(columns_of(X, o)) for o in OMICS[::-1]])
    fitted = clone(model).fit(X.iloc[order, columns], np.asarray(y)[order])
    actual = fitted.predict_proba(X_new.iloc[:, columns])
    np.testing.assert_array_equal(actual, expected)


@every_classifier
def test_a_nan_is_a_nan_whatever_its_bits(model, partial):
    X, y, X_new = partial
    values = X.to_numpy(copy=True)
    values[np.isnan(values)] = -np.nan
    negative = pd.DataFrame(values, X.index, X.columns)
    is_nan = X.isna().to_numpy()
    assert (np.signbit(values) != np.signbit(X.to_numpy()))[is_nan].all()
    expected = clone(model).fit(X, y).predict_proba(X_new)
    actual = clone(model).fit(negative, y).predict_proba(X_new)
    np.testing.assert_array_equal(actual, expected)


@every_classifier
def test_weight_of_a_partial_sample_is_as_many_copies(model, partial):
    X, y, X_new = partial
    weights = np.random.default_rng(1).integers(0, 3, len(X))
    weights[:3] = 1
    expected = clone(model).fit(X, y, sample_weight=weights).predict_proba(X_new)
    copies = np.repeat(np.arange(len(X)), weights)
    actual = clone(model).fit(X.iloc[copies], np.asarray(y)[copies])
    np.testing.assert_array_equal(actual.predict_proba(X_new), expected)


@every_classifier
def test_partial_samples_of_no_weight_change_nothing(model, partial):
    X, y, X_new = partial
    weights = X.notna().all(axis=1).to_numpy(float)
    expected = clone(model).fit(X[weights > 0], y[weights > 0]).predict_proba(X_new)
    actual = clone(model).fit(X, y, sample_weight=weights).predict_proba(X_new)
    np.testing.assert_array_equal(actual, expected)


@every_classifier
def test_model_of_partial_samples_survives_pickling(model, partial):
    X, y, X_new = partial
    fitted = clone(model).set_params(modality_dropout=0.2).fit(X, y)
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        restored.predict_proba(X_new), fitted.predict_proba(X_new)
    )


@every_classifier
def test_sparse_samples_may_lack_omics(model, partial):
    X, y, X_new = partial
    fitted = clone(model).fit(X, y)
    omics = [column.partition("__")[0] for column in X]
    plain = clone(model).set_params(omics=omics)
    plain.fit(sparse.csr_array(X.to_numpy()), y)
    actual = plain.predict_proba(sparse.csr_array(X_new.to_numpy()))
    np.testing.assert_allclose(actual, fitted.predict_proba(X_new), atol=1e-6)


@every_classifier
def test_partial_samples_may_be_watched_for_early_stopping(model, partial):
    X, y, X_new = partial
    stopping = clone(model).set_params(early_stopping=True, validation_fraction=0.3)
    assert_probabilities(stopping.fit(X, y), X_new)


@every_classifier
def test_training_goes_on_with_partial_samples(model, partial):
    X, y, X_new = partial
    again = clone(model).set_params(warm_start=True).fit(X.fillna(0.0), y)
    first = again.n_iter_
    assert_probabilities(again.fit(X, y), X_new)
    assert again.n_iter_ == 2 * first


@every_classifier
def test_model_learns_from_the_omics_that_a_sample_has(model):
    X, y = make_intersim(n_samples=120, n_clusters=2, effect=1.5, random_state=0)
    omics = sorted(set(X.columns.get_level_values(0)))
    for i, name in enumerate(omics):
        X.loc[X.index[i::4], name] = np.nan
    patient = clone(model).set_params(max_epochs=30)
    pipeline = make_pipeline(OmicsConcatenator(StandardScaler()), patient)
    assert pipeline.fit(X[:80], y[:80]).score(X[80:], y[80:]) >= 0.9


@every_classifier
def test_omics_may_be_absent_for_all_new_samples_with_a_warning(model, partial):
    X, y, X_new = partial
    X_new = without(X_new, slice(None), OMICS[0])
    X_new = X_new[X_new.notna().any(axis=1)]
    fitted = clone(model).fit(X, y)
    message = (
        f"No sample has the modality '{OMICS[0]}', .* samples that lack modalities"
    )
    with pytest.warns(MissingOmicsWarning, match=message) as caught:
        assert np.isfinite(fitted.predict_proba(X_new)).all()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    fitted = clone(model).fit(X.fillna(0.0), y)
    with pytest.warns(MissingOmicsWarning, match=r"complete .*modality_dropout="):
        assert np.isfinite(fitted.predict_proba(X_new)).all()


@every_classifier
def test_omics_left_out_of_a_pipeline_is_warned_about_once(model, partial):
    X, y, X_new = partial
    pipeline = make_pipeline(OmicsConcatenator(StandardScaler()), clone(model))
    pipeline.fit(X.fillna(0.0), y)
    lacking = X_new.fillna(0.0).loc[:, ~columns_of(X_new, OMICS[1])]
    with pytest.warns(MissingOmicsWarning, match=f"'{OMICS[1]}'") as caught:
        pipeline.predict(lacking)
    assert len(caught) == 1


@every_classifier
def test_modality_dropout_acts_in_training_only(model, partial):
    X, y, X_new = partial
    X, X_new = X.fillna(0.0), X_new.fillna(0.0)
    plain = clone(model).fit(X, y).predict_proba(X_new)
    dropping = clone(model).set_params(modality_dropout=0.5).fit(X, y)
    proba = dropping.predict_proba(X_new)
    assert not np.allclose(proba, plain)
    np.testing.assert_array_equal(dropping.predict_proba(X_new), proba)
    assert_seed_stable(clone(model).set_params(modality_dropout=0.5), X, y)


@every_classifier
def test_omics_are_dropped_by_itself_only_where_samples_lack_some(model, partial):
    X, y, X_new = partial
    for table, rate in ((X, 0.2), (X.fillna(0.0), 0.0)):
        expected = clone(model).set_params(modality_dropout=rate).fit(table, y)
        actual = clone(model).fit(table, y)
        np.testing.assert_array_equal(
            actual.predict_proba(X_new), expected.predict_proba(X_new)
        )


def test_modality_dropout_can_be_searched(partial):
    X, y, _ = partial
    search = GridSearchCV(
        clone(CLASSIFIERS[-1]), {"modality_dropout": [0.0, 0.3]}, cv=2
    )
    assert search.fit(X, y).best_params_["modality_dropout"] in (0.0, 0.3)


@every_classifier
def test_rate_of_modality_dropout_is_checked(model, partial):
    X, y, _ = partial
    message = f"'modality_dropout' parameter of {type(model).__name__}"
    with pytest.raises(ValueError, match=message):
        clone(model).set_params(modality_dropout=1.0).fit(X, y)


@every_classifier
def test_single_missing_values_name_omics_counts_and_imputer(model, partial):
    X, y, X_new = partial
    X, X_new = X.copy(), X_new.copy()
    column = X.columns[columns_of(X, OMICS[0])][0]
    complete = X.index[X[column].notna()]
    X.loc[complete[:3], column] = np.nan
    message = (
        rf"Omics '{OMICS[0]}' contains NaN: 3 value\(s\) in 3 of \d+ samples and 1 of "
        rf"{SIZES[OMICS[0]]} features.*SimpleImputer.*OmicsConcatenator"
    )
    with pytest.raises(ValueError, match=message):
        clone(model).fit(X, y)
    fitted = clone(model).fit(partial[0], y)
    X_new.loc[X_new.index[X_new[column].notna()][0], column] = np.nan
    with pytest.raises(ValueError, match="contains NaN: 1 value"):
        fitted.predict(X_new)


@every_classifier
def test_sample_without_any_omics_is_an_error(model, partial):
    X, y, _ = partial
    X = X.copy()
    X.iloc[[5, 9]] = np.nan
    message = (
        "2 of 48 samples have no modalities at all: .* row 5. Leave these samples out"
    )
    with pytest.raises(ValueError, match=message):
        clone(model).fit(X, y)


@every_classifier
def test_omics_that_no_training_sample_has_is_an_error(model, partial):
    X, y, _ = partial
    X = without(X.fillna(0.0), slice(None), OMICS[2])
    with pytest.raises(ValueError, match=f"No training sample has .*'{OMICS[2]}'"):
        clone(model).fit(X, y)


@every_classifier
def test_tags_tell_missing_omics_from_single_nan(model):
    tags = get_tags(model).input_tags
    assert tags.missing_omics
    assert not tags.allow_nan
    assert tags.sparse


def test_absence_that_tells_the_class_is_reported():
    X, y = make_tiny(72)
    X = without(X, np.flatnonzero(np.asarray(y) == np.unique(y)[0]), OMICS[0])
    model = clone(CLASSIFIERS[1])
    message = f"alone tell the classes apart: .* '{OMICS[0]}' .*Cramer's V 1.00"
    with pytest.warns(InformativeMissingnessWarning, match=message) as caught:
        model.fit(X, y)
    assert caught[0].filename == __file__


blocks = st.integers(0, 2**32 - 1).map(
    lambda seed: np.where(
        np.random.default_rng(seed).random((12, 1)) < 0.3,
        np.nan,
        np.where(np.random.default_rng(seed).random((12, 4)) < 0.2, np.nan, 1.0),
    )
)


@given(block=blocks)
@settings(deadline=None, max_examples=40)
def test_samples_that_have_a_modality_are_found_in_any_container(block):
    expected = ~np.isnan(block).all(axis=1)
    for table in (block, pd.DataFrame(block), sparse.csr_array(block)):
        np.testing.assert_array_equal(modality_mask(table), expected)
        share = missing_fraction(table)
        np.testing.assert_allclose(share, np.isnan(block).mean(axis=1))


# The same tables in every run.
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_missingness_at_random_is_hardly_ever_reported(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 90)
    tables = {"a": rng.normal(size=(90, 4)), "b": rng.normal(size=(90, 4))}
    for table in tables.values():
        table[rng.random((90, 4)) < 0.1] = np.nan
        table[rng.random(90) < 0.2] = np.nan
    warn_if_informative_missingness(tables, y)
