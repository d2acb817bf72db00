"""How unlike the training samples a new sample is."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skomics import BlockRidgeClassifier, EFNNClassifier, OmicsConcatenator
from skomics.calibration import SelectiveClassifier
from skomics.datasets import make_intersim, make_multiomics
from skomics.exceptions import SampleAlignmentError
from skomics.inspection import novelty_score
from skomics.io import load_folder

RIDGE = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())
X, Y = make_intersim(n_samples=190, n_clusters=3, effect=0.5, random_state=0)
TRAIN, NEW = X[:150], X[150:]
MODEL = clone(RIDGE).fit(TRAIN, Y[:150])
MODALITIES = list(X.columns.unique(0))
SMALLEST = 1 / 151


def columns_of(table, modality):
    return table.columns.get_level_values(0) == modality


def changed(table, modality, change):
    table, chosen = table.copy(), columns_of(table, modality)
    table.loc[:, chosen] = change(table.loc[:, chosen].to_numpy())
    return table


def other_cohort(values):
    """Return values of as many features, of other means, that go together elsewise."""
    rng = np.random.default_rng(1)
    mixed = rng.normal(size=(len(values), 5)) @ rng.normal(size=(5, values.shape[1]))
    means = values.mean(axis=0) + rng.normal(size=values.shape[1]) * values.std(axis=0)
    return means + values.std(axis=0) * mixed / np.sqrt(5)


FAULTS = {
    "times 3 plus 7": lambda values: values * 3 + 7,
    "permuted features": lambda values: np.random.default_rng(0).permutation(
        values, axis=1
    ),
    "another cohort": other_cohort,
    "constant": lambda values: np.full_like(values, 1000),
    "all zero": np.zeros_like,
    "another unit": lambda values: values * 100,
    "opposite sign": lambda values: -values,
}


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_one_modality_is_found_and_named(fault, modality):
    table = changed(NEW, modality, FAULTS[fault])
    found = novelty_score(MODEL, table, TRAIN, random_state=0)
    assert (found["p_value"] < 0.01).mean() > 0.9
    assert (found["modality"] == modality).mean() > 0.9


@pytest.mark.parametrize("modality", MODALITIES)
def test_modality_of_a_patient_of_another_class_is_found(modality):
    y = Y[150:].to_numpy()
    order = np.array(
        [np.flatnonzero(y != y[i])[i % (y != y[i]).sum()] for i in range(len(y))]
    )
    table = changed(NEW, modality, lambda values: values[order])
    found = novelty_score(MODEL, table, TRAIN, random_state=0)
    assert found["p_value"].median() < 0.01
    assert (found["p_value"] < 0.05).mean() > 0.8


@pytest.mark.parametrize("fault", ["times 3 plus 7", "permuted features"])
def test_fault_of_scaled_values_is_found(fault):
    """Means and variances of the features cannot give permuted features away."""
    scaled = (X - TRAIN.mean()) / TRAIN.std()
    model = BlockRidgeClassifier().fit(scaled[:150], Y[:150])
    table = changed(scaled[150:], "methylation", FAULTS[fault])
    found = novelty_score(model, table, scaled[:150], random_state=0)
    assert (found["p_value"] < 0.01).mean() > 0.95


# Copy numbers are left out: where hardly any differs from zero, their order is unseen.
REAL = {
    "tcga_stad": ["mirna", "rppa"],
    "blca_cfc": ["lncrna", "methylation", "mirna"],
}


@pytest.mark.parametrize("name", REAL)
def test_fault_is_found_on_real_data(name, data_dir):
    table, y = load_folder(data_dir / name)[:2]
    table = table.dropna()
    train, new = table[40:], table[:40]
    model = clone(RIDGE).fit(train, y.loc[train.index])
    tables = {"alike": new} | {
        (modality, fault): changed(new, modality, FAULTS[fault])
        for modality in REAL[name]
        for fault in ("times 3 plus 7", "permuted features")
    }
    # At once, which is what they get by themselves.
    found = novelty_score(model, pd.concat(tables.values()), train, random_state=0)
    p_values = dict(
        zip(tables, np.split(found["p_value"].to_numpy(), len(tables)), strict=True)
    )
    assert 0.25 < p_values["alike"].mean() < 0.75
    for modality in REAL[name]:
        assert (p_values[modality, "times 3 plus 7"] < 0.01).all(), modality
        share = (p_values[modality, "permuted features"] < 0.05).mean()
        assert share > 0.8, modality


@pytest.mark.filterwarnings("ignore:Table 'rppa_partial' lacks")
def test_modality_of_another_cancer_is_found_on_real_data(data_dir):
    table, y = load_folder(data_dir / "tcga_stad")[:2]
    other = load_folder(data_dir / "acc_miniacc")[0][["mirna"]]
    shared = table.columns.intersection(other.columns)
    table = table.drop(columns=["mirna"], level=0).join(table[shared]).dropna()
    train, new = table[40:], table[:40].copy()
    model = clone(RIDGE).fit(train, y.loc[train.index])
    new[shared] = other.iloc[:40][shared].to_numpy()
    found = novelty_score(model, new, train, random_state=0)
    assert (found["p_value"] < 0.01).mean() > 0.9
    assert (found["modality"] == "mirna").mean() > 0.9


def test_table_has_a_row_for_each_sample():
    found = novelty_score(MODEL, NEW, TRAIN, random_state=0)
    assert found.columns.to_list() == ["sample", "p_value", "distance", "modality"]
    assert found["sample"].to_list() == NEW.index.to_list()
    assert set(found["modality"]) <= set(MODALITIES)
    assert found["p_value"].between(SMALLEST, 1).all()
    assert stats.kstest(found["p_value"], "uniform").pvalue > 0.01
    order = found["distance"].to_numpy().argsort()
    assert found["p_value"].corr(found["distance"], method="spearman") < -0.9
    again = novelty_score(MODEL, NEW.iloc[order], TRAIN, random_state=0)
    np.testing.assert_allclose(again["p_value"], found["p_value"].iloc[order])


def test_samples_alone_get_what_they_get_together():
    together = novelty_score(MODEL, NEW[:4], TRAIN, random_state=0)
    alone = [
        novelty_score(MODEL, NEW[i : i + 1], TRAIN, random_state=0) for i in range(4)
    ]
    alone = pd.concat(alone, ignore_index=True)
    pd.testing.assert_frame_equal(alone, together, check_exact=False)


FORMS = {
    "dict": lambda table: {name: table[name] for name in MODALITIES},
    "flat": lambda table: table.set_axis(map("__".join, table.columns), axis=1),
    "list": lambda table: [table[name] for name in MODALITIES],
    "anndata": lambda table: anndata.AnnData(
        table.set_axis(list(map("__".join, table.columns)), axis=1)
    ),
    "sparse": lambda table: {
        name: sparse.csr_array(table[name].to_numpy()) for name in MODALITIES
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_input_gives_the_same(form):
    scaler = StandardScaler(with_mean=form != "sparse")
    model = make_pipeline(OmicsConcatenator(scaler), BlockRidgeClassifier())
    expected = novelty_score(MODEL, NEW, TRAIN, random_state=0)
    train, new = FORMS[form](TRAIN), FORMS[form](NEW)
    found = novelty_score(model.fit(train, Y[:150]), new, train, random_state=0)
    np.testing.assert_allclose(found["p_value"], expected["p_value"], atol=1e-6)
    np.testing.assert_allclose(found["distance"], expected["distance"], atol=1e-3)


WHOLE = {
    "an array": (LogisticRegression(max_iter=500), lambda t: t.to_numpy()),
    "components": (
        make_pipeline(OmicsConcatenator(), StandardScaler(), PCA(20), RIDGE[-1]),
        lambda t: t,
    ),
    "nameless outputs": (
        make_pipeline(OmicsConcatenator(), FunctionTransformer(), RIDGE[-1]),
        lambda t: t,
    ),
}


@pytest.mark.filterwarnings("ignore::skomics.exceptions.NamelessOmicsWarning")
@pytest.mark.parametrize("name", WHOLE)
def test_table_that_is_not_one_of_modalities_is_one_whole(name):
    model, form = WHOLE[name]
    model.fit(form(TRAIN), Y[:150])
    bad = changed(NEW, "expression", FAULTS["times 3 plus 7"])
    found = novelty_score(model, form(bad), form(TRAIN), random_state=0)
    assert set(found["modality"]) == {"all"}
    assert (found["p_value"] < 0.01).all()


def test_search_and_wrapper_stand_for_the_model_inside():
    expected = novelty_score(MODEL, NEW, TRAIN, random_state=0)
    for outer in (
        SelectiveClassifier(RIDGE, coverage=0.8),
        GridSearchCV(RIDGE, {"blockridgeclassifier__n_folds": [3]}),
    ):
        outer.fit(TRAIN, Y[:150])
        found = novelty_score(outer, NEW, TRAIN, random_state=0)
        pd.testing.assert_frame_equal(found, expected)


def lacking(table, modality, rows):
    table = table.copy()
    table.loc[table.index[rows], modality] = np.nan
    return table


def test_samples_are_scored_by_the_modalities_that_they_have():
    train = lacking(TRAIN, "protein", slice(0, 30))
    new = lacking(NEW, "protein", slice(0, 20))
    new = lacking(new, "expression", slice(10, 15))
    model = clone(RIDGE).fit(train, Y[:150])
    found = novelty_score(model, new, train, random_state=0)
    # Of 150 training samples 30 have no protein.
    assert np.isin((found["p_value"] * 151)[:20].round(6) % 1, [0]).all()
    assert np.isin((found["p_value"] * 121)[20:].round(6) % 1, [0]).all()
    assert not (found["modality"][:20] == "protein").any()
    bad = changed(new, "methylation", FAULTS["times 3 plus 7"])
    bad = lacking(bad, "methylation", slice(30, 40))
    found = novelty_score(model, bad, train, random_state=0)
    assert (found["p_value"][:30] < 0.01).all()
    assert (found["p_value"][30:] > 0.01).any()


def test_feature_that_is_constant_in_training_does_no_harm():
    train, new = TRAIN.copy(), NEW.copy()
    for table in (train, new):
        table.iloc[:, 3] = 5.0
        table.iloc[:, 4] = 0.0
    train.iloc[7, 4] = 1.0
    model = clone(RIDGE).fit(train, Y[:150])
    found = novelty_score(model, new, train, random_state=0)
    assert np.isfinite(found["distance"]).all()
    assert 0.25 < found["p_value"].mean() < 0.75


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_modalities_of_few_features_are_scored(n_features):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(220, 2 * n_features)))
    names = [f"{m}__{i}" for m in ("rna", "cnv") for i in range(n_features)]
    table.columns, y = names, np.arange(220) % 2
    model = clone(RIDGE).fit(table[:120], y[:120])
    found = novelty_score(model, table[120:], table[:120], random_state=0)
    assert stats.kstest(found["p_value"], "uniform").pvalue > 0.001
    found = novelty_score(model, table[120:] * 3 + 7, table[:120], random_state=0)
    assert (found["p_value"] < 0.01).mean() > 0.9


NETWORK = make_pipeline(
    OmicsConcatenator(StandardScaler()), EFNNClassifier(max_epochs=10, random_state=0)
)


@pytest.mark.parametrize("has_labels", [True, False])
def test_embedding_of_unusual_samples_is_unusual(has_labels):
    model = clone(NETWORK).fit(TRAIN, Y[:150])
    labels = {"y_train": Y[:150]} if has_labels else {}
    table = NEW.copy()
    table.iloc[:20] = table.iloc[:20] * 3 + 7
    found = novelty_score(
        model, table, TRAIN, space="embedding", random_state=0, **labels
    )
    assert set(found["modality"]) == {"all"}
    assert (found["p_value"][:20] < 0.01).all()
    assert found["p_value"][20:].mean() > 0.25


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"space": "output"}, "Choose one of \\['input', 'embedding'\\]"),
        ({"n_neighbors": 0}, "Ask for at least 1 neighbor"),
        ({"n_neighbors": 146}, "146 are there when one of 40 folds is held out"),
        ({"space": "embedding"}, "BlockRidgeClassifier has no embed"),
    ],
)
def test_options_that_make_no_sense_are_refused(params, problem):
    with pytest.raises(ValueError, match=problem):
        novelty_score(MODEL, NEW, TRAIN, **params)


def test_labels_of_other_training_samples_are_refused():
    model = clone(NETWORK).fit(TRAIN, Y[:150])
    with pytest.raises(SampleAlignmentError, match="y_train has the 150 ids"):
        novelty_score(model, NEW, TRAIN, space="embedding", y_train=Y[:150][::-1])
    with pytest.raises(ValueError, match="y_train has 190 labels, but X_train has 150"):
        novelty_score(model, NEW, TRAIN, space="embedding", y_train=Y.to_numpy())
    labels = Y[:150].astype(object).where(np.arange(150) > 0, None)
    with pytest.raises(ValueError, match="y_train has no label for 1 of 150"):
        novelty_score(model, NEW, TRAIN, space="embedding", y_train=labels)


def test_samples_that_nothing_can_be_said_of_are_refused():
    model = LogisticRegression(max_iter=500).fit(TRAIN.to_numpy(), Y[:150])
    new = NEW.to_numpy().copy()
    new[2] = np.nan
    with pytest.raises(ValueError, match="Sample 2 has no modality at all"):
        novelty_score(model, new, TRAIN.to_numpy())
    new[2, 1:] = 0
    with pytest.raises(ValueError, match="contains NaN: 1 value"):
        novelty_score(model, new, TRAIN.to_numpy())


def test_sample_with_modalities_that_no_training_sample_has_together_is_refused():
    train = lacking(TRAIN, "protein", slice(0, 75))
    train = lacking(train, "expression", slice(75, 150))
    model = clone(RIDGE).fit(train, Y[:150])
    with pytest.raises(ValueError, match="0 training samples have all modalities that"):
        novelty_score(model, NEW, train, random_state=0)


def test_modality_that_few_training_samples_have_is_refused():
    train = lacking(TRAIN, "protein", slice(0, 145))
    model = clone(RIDGE).fit(train, Y[:150])
    with pytest.raises(ValueError, match="training samples have omics 'protein'"):
        novelty_score(model, NEW, train, random_state=0)


SIMULATED = {
    "intersim": lambda seed: make_intersim(
        n_samples=190, n_clusters=3, effect=0.3, random_state=seed
    ),
    "multiomics": lambda seed: make_multiomics(n_samples=190, random_state=seed),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SIMULATED)
def test_p_values_of_samples_like_those_of_training_are_uniform(name):
    found = []
    for seed in range(60):
        table, y = SIMULATED[name](seed)
        model = clone(RIDGE).fit(table[:150], y[:150])
        found.append(
            novelty_score(model, table[150:], table[:150], random_state=seed)["p_value"]
        )
    # Samples of one draw share their training samples.
    means = np.array([part.mean() for part in found])
    assert abs(means.mean() - 0.5) < 4 * means.std() / np.sqrt(len(means))
    found = np.concatenate(found)
    assert stats.kstest(found, "uniform").statistic < 0.04
    assert np.mean(found < 0.01) < 0.015
