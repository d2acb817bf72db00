"""The page on other cohorts tells the truth, on real patients too."""

import re
import runpy
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, load_model, save_model
from skomics._feature_names import as_r_writes
from skomics.calibration import SelectiveClassifier
from skomics.datasets import make_intersim
from skomics.inspection import cohort_shift
from skomics.io import load_folder
from skomics.preprocessing import (
    CohortScaler,
    SampleRankTransformer,
    adapt_to_cohort,
    align_features,
)
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "cohorts.md").read_text(encoding="utf-8")
ignore_absent = pytest.mark.filterwarnings("ignore:No sample has the modality")


@ignore_absent
def test_code_of_the_page_runs_from_top_to_bottom():
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(block, "cohorts.md", "exec"), names)
    assert names["report"].absent == ["protein"]
    assert names["report"].counts.loc["expression", "missing"] == 6
    assert names["shift"].table.loc["expression", "is_shifted"]
    before = names["accuracy_before"]
    assert before < names["accuracy"] - 0.2
    assert before < names["accuracy_by_ranks"] - 0.2
    assert names["proba"].shape == (60, 3)
    assert set(names["result"].table["test"]) == {"here", "there"}


def test_tables_of_the_page_are_those_of_the_stored_rows():
    pytest.importorskip("pyarrow")
    study = runpy.run_path(REPOSITORY / "docs" / "studies" / "cohort_study.py")
    assert study["fill"](PAGE) == PAGE
    assert len(study["_MARKED"].findall(PAGE)) == 5


def test_stored_rows_keep_what_the_page_promises():
    pytest.importorskip("pyarrow")
    studies = REPOSITORY / "docs" / "studies"
    shifts = pd.read_parquet(studies / "cohort_shifts.parquet")
    changed = shifts[shifts["cohort"].isin(["× 3 + 7", "ln for log2"])]
    assert (changed["auc"] > 0.95).all()
    random = shifts[shifts["cohort"] == "split at random"]
    alarms = random.groupby("seed")["is_shifted"].first()
    assert len(alarms) == 100
    assert alarms.sum() <= 5
    rows = pd.read_parquet(studies / "cohorts.parquet")
    rows = rows[(rows["set"] == "brca_mixomics") & (rows["model"] == "block ridge")]
    share = rows.set_index(["way", "cohort"]).eval("n_right / n_test")
    for cohort in ("× 3 + 7", "ln for log2"):
        kept = share["SampleRankTransformer", cohort]
        assert kept >= share["nothing", "as it is"] - 0.02


def test_joint_combat_of_the_study_makes_cohorts_alike():
    study = runpy.run_path(REPOSITORY / "docs" / "studies" / "cohort_study.py")
    X, _ = make_intersim(n_samples=80, n_clusters=3, random_state=0)
    is_new = np.arange(80) % 2 == 0
    X[is_new] = X[is_new] * 1.5 + 2
    adjusted = study["combat"](X, is_new)
    here, there = adjusted[~is_new], adjusted[is_new]
    away = (here.mean() - there.mean()).abs() / here.std()
    assert away.mean() < 0.1
    assert away.max() < 0.4
    assert np.log(here.std() / there.std()).abs().mean() < 0.15


# Real patients


@pytest.fixture
def brca(data_dir):
    return [
        load_folder(data_dir / f"brca_mixomics_{part}")[:2]
        for part in ("train", "test")
    ]


def fit(X, y, *first):
    steps = make_pipeline(*first, SimpleImputer(), StandardScaler())
    return make_pipeline(OmicsConcatenator(steps), BlockRidgeClassifier()).fit(X, y)


def as_other_files(X, n_more=20, lacking=0.05):
    """Return tables with names of R, some features fewer and others in addition."""
    rng, tables, gone = np.random.default_rng(0), {}, {}
    for name in X.columns.levels[0].intersection(X.columns.get_level_values(0)):
        table = X[name]
        columns = table.columns[rng.random(table.shape[1]) >= lacking]
        gone[name] = table.columns.difference(columns)
        noise = rng.normal(size=(len(table), n_more))
        more = pd.DataFrame(noise, table.index, [f"NEW-{i}" for i in range(n_more)])
        table = pd.concat([table[columns], more], axis=1).rename(columns=as_r_writes)
        tables[name] = table.iloc[:, rng.permutation(table.shape[1])]
    return tables, gone


@ignore_absent
def test_real_cohort_with_other_names_is_called_as_the_clean_one(brca):
    (X, y), (X_new, _) = brca
    model = fit(X, y)
    files, _ = as_other_files(X_new, lacking=0)
    aligned, report = align_features(files, model)
    expected = model.predict_proba(X_new)
    np.testing.assert_allclose(model.predict_proba(aligned), expected, rtol=1e-9)
    assert report.absent == ["protein"]
    assert report.counts["dropped"].sum() == 40
    assert report.counts.loc[["mirna", "mrna"], "missing"].sum() == 0


@ignore_absent
def test_real_cohort_without_some_genes_is_called_as_with_gaps_there(brca):
    (X, y), (X_new, _) = brca
    model = fit(X, y)
    files, gone = as_other_files(X_new)
    aligned, report = align_features(files, model)
    gaps = X_new.copy()
    for name, features in gone.items():
        gaps[[(name, feature) for feature in features]] = np.nan
        assert report.counts.loc[name, "missing"] == len(features) > 5
    expected = model.predict_proba(gaps)
    np.testing.assert_allclose(model.predict_proba(aligned), expected, rtol=1e-9)
    # What is known of the lacking genes in the clean files is worth a call or two.
    agreement = model.predict(aligned) == model.predict(X_new)
    assert agreement.sum() >= 68


@ignore_absent
@pytest.mark.parametrize("change", [lambda X: X * 3 + 7, lambda X: X * np.log(2)])
def test_real_cohort_in_another_unit_is_found_and_ranks_do_not_see_it(brca, change):
    (X, y), (X_new, y_new) = brca
    model, new = fit(X, y), change(X_new)
    shift = cohort_shift(model, new, X_train=X, novelty=False, random_state=0)
    assert (shift.table["auc"].dropna() > 0.95).all()
    assert shift.table["is_shifted"].sum() == 2
    unshifted = model.score(X_new, y_new)
    assert fit(X, y, SampleRankTransformer()).score(new, y_new) >= unshifted - 0.02
    adapted = adapt_to_cohort(fit(X, y, CohortScaler()), new)
    assert adapted.score(new, y_new) >= unshifted - 0.02
    assert model.score(new, y_new) < unshifted - 0.1


# Recalibration


@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
def test_frozen_model_is_recalibrated_on_some_labels_and_saved(method, tmp_path):
    X, y = make_intersim(n_samples=400, n_clusters=3, effect=0.1, random_state=0)
    y = y.to_numpy()
    model = fit(X[:150], y[:150], CohortScaler())
    new = X * 2 + 1
    adapted = adapt_to_cohort(model, new[150:])
    learned, scored = slice(150, 250), slice(250, 400)
    # A cohort of which the model is too sure: half of the signal is gone.
    noise = np.random.default_rng(0).normal(size=new.shape) * new.std().to_numpy()
    new = new + 1.5 * noise
    frozen = FrozenEstimator(adapted)
    recalibrated = CalibratedClassifierCV(frozen, method=method, cv=3)
    recalibrated.fit(new[learned], y[learned])
    after = log_loss(y[scored], recalibrated.predict_proba(new[scored]))
    before = log_loss(y[scored], adapted.predict_proba(new[scored]))
    assert after < before - 0.02
    save_model(recalibrated, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        again.predict_proba(new[scored]), recalibrated.predict_proba(new[scored])
    )


def test_frozen_model_abstains_by_what_it_learns_of_the_new_cohort():
    X, y = make_intersim(n_samples=300, n_clusters=3, effect=0.1, random_state=0)
    frozen = FrozenEstimator(fit(X[:150], y[:150]))
    selective = SelectiveClassifier(frozen, coverage=0.7).fit(X[150:220], y[150:220])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        called = pd.notna(selective.predict(X[220:]))
    assert 0.4 < called.mean() < 0.95
