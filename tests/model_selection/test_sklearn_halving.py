"""Promises of scikit-learn's successive halving with epochs as the resource."""

import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, HalvingRandomSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skomics import LFNNClassifier, OmicsConcatenator, SMAClassifier
from skomics.model_selection import CappedStratifiedKFold, param_distributions
from tests.estimators.quick import QUICK

FOLDS = CappedStratifiedKFold(2, shuffle=True, random_state=0)


def make_model(cls):
    model = cls(**QUICK[cls.__name__]).set_params(max_epochs=5, random_state=0)
    omics = OmicsConcatenator(StandardScaler())
    return Pipeline([("omics", omics), ("clf", model)])


@pytest.mark.parametrize(
    ("cls", "kind", "settings"),
    [
        (LFNNClassifier, HalvingGridSearchCV, {}),
        (SMAClassifier, HalvingRandomSearchCV, {"n_candidates": 4}),
    ],
)
def test_halving_gives_more_epochs_to_fewer_candidates(tiny, cls, kind, settings):
    X, y = tiny
    model = make_model(cls)
    search = kind(
        *(model, param_distributions(model)),
        resource="clf__max_epochs",
        min_resources="exhaust",
        max_resources=9,
        factor=2,
        cv=FOLDS,
        random_state=0,
        **settings,
    ).fit(X, y)
    assert search.n_resources_ == [2, 4, 8]
    assert search.n_candidates_ == [4, 2, 1]
    # The limit that the page names: the winner keeps the epochs of its rung.
    assert search.best_params_["clf__max_epochs"] in search.n_resources_
    assert search.best_estimator_[-1].n_iter_ == search.best_params_["clf__max_epochs"]


def test_each_rung_trains_anew_as_documented(tiny):
    X, y = tiny
    model = make_model(LFNNClassifier)
    search = HalvingGridSearchCV(
        *(model, {"clf__lr": [1e-3, 1e-2]}),
        resource="clf__max_epochs",
        max_resources=8,
        factor=2,
        cv=FOLDS,
        random_state=0,
    ).fit(X, y)
    epochs = search.best_estimator_[-1].history_["epoch"]
    assert list(epochs) == list(range(1, search.best_params_["clf__max_epochs"] + 1))
    whole = model.set_params(**search.best_params_).fit(X, y)
    assert (whole.predict_proba(X) == search.predict_proba(X)).all()
