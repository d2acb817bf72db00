"""Warnings point at the user's line."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from skomics import EFNNClassifier, OmicsConcatenator, SMAClassifier
from skomics._warnings import warn
from skomics.exceptions import InformativeMissingnessWarning, NamelessOmicsWarning
from tests.conftest import SIZES, make_tiny

QUICK = {"max_epochs": 1, "n_ensemble": 1}


def test_category_and_text_are_those_given():
    with pytest.warns(NamelessOmicsWarning, match="^what to do$") as caught:
        warn("what to do", NamelessOmicsWarning)
    assert caught[0].filename == __file__


def search(model, X, y):
    GridSearchCV(model, {"lr": [0.1]}, cv=2, refit=False).fit(X, y)


USES = {
    "alone": lambda model, X, y: model.fit(X, y),
    "pipeline": lambda model, X, y: make_pipeline(model).fit(X, y),
    "cross_validate": lambda model, X, y: cross_validate(model, X, y, cv=2),
    "search": search,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_warning_points_at_the_line_that_called_scikit_learn(use):
    X, y = make_tiny()
    with pytest.warns(NamelessOmicsWarning) as caught:
        use(SMAClassifier(**QUICK), X.to_numpy(), y)
    assert {warning.filename for warning in caught} == {__file__}


def test_pipeline_warns_once_of_missing_values_that_tell_the_class():
    X, y = make_tiny(60)
    X = X.set_axis(pd.MultiIndex.from_tuples(c.split("__") for c in X), axis=1)
    X.loc[y == y.iloc[0], "rna"] = np.nan
    network = EFNNClassifier(hidden_layer_sizes=(4,), max_epochs=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_pipeline(OmicsConcatenator(), network).fit(X, y)
        make_pipeline(OmicsConcatenator(SimpleImputer()), network).fit(X, y)
    assert [w.category for w in caught] == [InformativeMissingnessWarning] * 2
    flat = X.set_axis([f"{omics}__{name}" for omics, name in X], axis=1)
    assert flat.shape[1] == sum(SIZES.values())
    with pytest.warns(InformativeMissingnessWarning, match="'rna'"):
        network.fit(flat, y)
