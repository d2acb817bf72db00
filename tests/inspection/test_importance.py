"""What a modality, or a group of features, is worth to a model."""

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import BlockRidgeClassifier, OmicsConcatenator, SMAClassifier
from skomics._compat import unpulled
from skomics.exceptions import SampleAlignmentError
from skomics.inspection import (
    feature_attributions,
    modality_ablation,
    modality_importance,
    read_gmt,
)

RNG = np.random.default_rng(0)
N = 120
IDS = [f"p{i}" for i in range(N)]
Y = pd.Series(np.repeat(["a", "b", "c"], N // 3), index=IDS)
CODES = np.repeat([0, 1, 2], N // 3)


def planted():
    """Return tables of which only the first five features of rna tell the class."""
    tables = {
        name: pd.DataFrame(RNG.normal(size=(N, p)), IDS).add_prefix(f"{name[0]}")
        for name, p in {"rna": 20, "cnv": 15, "protein": 10}.items()
    }
    tables["rna"].iloc[:, :5] += 1.2 * (CODES[:, None] - 1)
    return tables


TABLES = planted()
X = pd.concat(TABLES, axis=1)
TRAIN = RNG.permutation(N) < 80
RIDGE = make_pipeline(OmicsConcatenator(StandardScaler()), BlockRidgeClassifier())
MODEL = RIDGE.fit(X[TRAIN], Y[TRAIN])
TEST, Y_TEST = X[~TRAIN], Y[~TRAIN]


def rows(tables, chosen):
    return {name: table[chosen] for name, table in tables.items()}


def in_mudata(tables):
    with unpulled(mudata):
        return mudata.MuData({n: anndata.AnnData(t) for n, t in tables.items()})


FORMS = {
    "two levels": TEST,
    "flat": TEST.set_axis([f"{a}__{b}" for a, b in TEST.columns], axis=1),
    "dict": rows(TABLES, ~TRAIN),
    "mixed dtypes": TEST.astype({("rna", "r0"): np.float32}),
    "mudata": in_mudata(rows(TABLES, ~TRAIN)),
    "other order": {
        name: table[::-1] if name == "cnv" else table
        for name, table in rows(TABLES, ~TRAIN).items()
    },
    "anndata": anndata.AnnData(
        TEST.to_numpy(),
        obs=pd.DataFrame(index=TEST.index),
        var=pd.DataFrame(
            {"omics": [omics for omics, _ in TEST.columns]},
            index=[f"{omics}__{feature}" for omics, feature in TEST.columns],
        ),
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_importance_is_that_of_the_planted_modality_in_every_form(form):
    given = pd.Series(Y_TEST, index=Y_TEST.index)
    result = modality_importance(MODEL, form, given, n_repeats=5, random_state=0)
    expected = modality_importance(MODEL, TEST, Y_TEST, n_repeats=5, random_state=0)
    np.testing.assert_allclose(result.importances, expected.importances)
    assert result.groups == ["rna", "cnv", "protein"]
    assert result.table.index[0] == "rna"
    assert result.table.loc["rna", "mean"] > 0.3
    assert abs(result.table.loc["protein", "mean"]) < 0.1
    assert result.baseline == MODEL.score(TEST, Y_TEST)


def test_input_is_left_as_it_is():
    before = {name: table.copy() for name, table in FORMS["dict"].items()}
    modality_importance(MODEL, FORMS["dict"], Y_TEST, n_repeats=2, random_state=0)
    for name, table in before.items():
        pd.testing.assert_frame_equal(FORMS["dict"][name], table)


def test_groups_of_one_feature_are_scikit_learns_importance():
    model = GaussianNB()
    flat = FORMS["flat"]
    table = X[TRAIN].set_axis(flat.columns, axis=1)
    model.fit(table, Y[TRAIN])
    groups = {name: [name] for name in flat}
    ours = modality_importance(
        model, flat, Y_TEST, groups=groups, n_repeats=20, random_state=0
    )
    theirs = permutation_importance(model, flat, Y_TEST, n_repeats=20, random_state=0)
    top = np.argsort(theirs.importances_mean)[-5:]
    np.testing.assert_allclose(
        ours.importances_mean[top], theirs.importances_mean[top], atol=0.05
    )
    assert ours.importances.shape == theirs.importances.shape


@pytest.mark.processes
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_importance_depends_on_the_seed_alone(n_jobs):
    first = modality_importance(MODEL, TEST, Y_TEST, random_state=3, n_jobs=n_jobs)
    second = modality_importance(MODEL, TEST, Y_TEST, random_state=3)
    other = modality_importance(MODEL, TEST, Y_TEST, random_state=4)
    np.testing.assert_array_equal(first.importances, second.importances)
    assert (first.importances != other.importances).any()


@pytest.mark.parametrize("n_repeats", [0, 2.5])
def test_what_is_no_number_of_shuffles_is_refused(n_repeats):
    with pytest.raises(
        ValueError, match=f"Got n_repeats={n_repeats}. Give a whole num"
    ):
        modality_importance(MODEL, TEST, Y_TEST, n_repeats=n_repeats)


def test_several_scores_give_a_result_each():
    results = modality_importance(
        MODEL, TEST, Y_TEST, scoring=["accuracy", "neg_log_loss"], random_state=0
    )
    assert list(results) == ["accuracy", "neg_log_loss"]
    assert results["neg_log_loss"].table.index[0] == "rna"


def test_a_group_has_the_same_shuffles_whatever_others_there_are():
    def importances(groups):
        result = modality_importance(
            MODEL, TEST, Y_TEST, groups=groups, n_repeats=3, random_state=0
        )
        return dict(zip(result.groups, result.importances.tolist(), strict=True))

    names = {"first": ["r0", "r1"], "second": ["r2", "r3", "p0"]}
    both = importances(names)
    assert importances(dict(reversed(names.items()))) == both
    assert importances({"second": names["second"]})["second"] == both["second"]


def test_modalities_of_an_array_are_those_of_fit():
    model = BlockRidgeClassifier(omics=[20, 25]).fit(X[TRAIN].to_numpy(), Y[TRAIN])
    result = modality_importance(model, TEST.to_numpy(), Y_TEST, random_state=0)
    assert result.table.index[0] == "omics_0"
    sparse_result = modality_importance(
        model, sparse.csr_matrix(TEST.to_numpy()), Y_TEST, random_state=0
    )
    np.testing.assert_allclose(result.importances, sparse_result.importances)


def test_sparse_tables_are_shuffled_without_becoming_dense():
    values = {name: RNG.poisson(0.4, size=(N, 30)) for name in ("a1", "a2")}
    values["a1"][:, :4] = RNG.poisson(1 + 2 * CODES[:, None], (N, 4))
    counts = {name: sparse.csr_matrix(table) for name, table in values.items()}
    model = make_pipeline(OmicsConcatenator(), BlockRidgeClassifier())
    model.fit(rows(counts, TRAIN), Y[TRAIN])
    result = modality_importance(model, rows(counts, ~TRAIN), Y_TEST, random_state=0)
    assert result.table.index[0] == "a1"
    assert result.table.loc["a1", "mean"] > 0.2


def test_samples_that_lack_a_modality_stay_without_it():
    table = TEST.copy()
    table.loc[table.index[::4], "cnv"] = np.nan
    # Left without any by the gap of another one, they would be refused.
    table.loc[table.index[1::4], "rna"] = np.nan
    network = SMAClassifier(max_epochs=5, random_state=0, device="cpu")
    model = make_pipeline(OmicsConcatenator(StandardScaler()), network)
    model.fit(X[TRAIN], Y[TRAIN])
    result = modality_importance(model, table, Y_TEST, n_repeats=3, random_state=0)
    assert np.isfinite(result.importances).all()


# Groups


PATHWAYS = {
    "told": [f"r{i}" for i in range(5)],
    "rest": ["r9", "cnv__c3", ("cnv", "c4")],
}


def test_pathways_are_shuffled_by_names_of_features(tmp_path):
    result = modality_importance(
        MODEL, TEST, Y_TEST, groups=PATHWAYS, n_repeats=5, random_state=0
    )
    assert result.table["n_features"].to_dict() == {"told": 5, "rest": 3}
    assert result.table.index[0] == "told"
    file = tmp_path / "sets.gmt"
    file.write_text(
        "told\thttp\t" + "\t".join(PATHWAYS["told"]) + "\nrest\t\tr9\tc3\tc4\t\n\n"
    )
    again = modality_importance(
        MODEL, TEST, Y_TEST, groups=file, n_repeats=5, random_state=0
    )
    np.testing.assert_array_equal(result.importances, again.importances)


def test_a_bare_name_stands_for_the_feature_of_each_modality():
    tables = {"rna": TABLES["rna"], "cnv": TABLES["rna"] * 0}
    model = make_pipeline(OmicsConcatenator(), BlockRidgeClassifier()).fit(tables, Y)
    result = modality_importance(
        model, tables, Y, groups={"g": ["r0"], "h": ["cnv__r0"]}, random_state=0
    )
    assert result.table["n_features"].to_dict() == {"g": 2, "h": 1}


def test_groups_without_a_feature_are_left_out_with_a_warning():
    groups = {**PATHWAYS, "absent": ["x", "y"], "half": ["r1", "z"]}
    message = "1 of 4 groups have no feature in X .'absent'.*; 3 of 11"
    with pytest.warns(UserWarning, match=message):
        result = modality_importance(
            MODEL, TEST, Y_TEST, groups=groups, n_repeats=1, random_state=0
        )
    assert "absent" not in result.groups


@pytest.mark.parametrize(
    ("table", "groups", "message"),
    [
        (
            TEST,
            {"a": ["x"]},
            "No group has a feature of X: groups= has 'x', X has 'rna__",
        ),
        (TEST, {"a": "r0"}, "A group is 'r0', but it must be a list"),
        (TEST, {}, "must be 'modality', a dict of name to names of features"),
        (TEST, 3, "must be 'modality', a dict of name to names of features"),
    ],
)
def test_groups_that_say_nothing_are_refused(table, groups, message):
    with pytest.raises(ValueError, match=message):
        modality_importance(MODEL, table, Y_TEST, groups=groups)


def test_a_table_without_modalities_is_refused():
    model = LogisticRegression().fit(X["rna"][TRAIN], Y[TRAIN])
    with pytest.raises(ValueError, match="does not say which column is of which"):
        modality_importance(model, TEST["rna"], Y_TEST)
    values = TEST["rna"].to_numpy()
    with pytest.raises(ValueError, match="has no names of features, which groups="):
        modality_importance(model, values, Y_TEST, groups={"a": ["r0"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n", "the set 'a' in line 1 has no gene"),
        ("a\tb\tc\na\tb\tc\n", "the set 'a' in line 2 is named twice"),
        ("\n", "has no sets"),
    ],
)
def test_what_is_no_gmt_file_is_refused_by_line(tmp_path, text, message):
    file = tmp_path / "sets.gmt"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_gmt(file)
    with pytest.raises(FileNotFoundError, match="There is no file .*other"):
        read_gmt(tmp_path / "other")


@pytest.mark.parametrize("name", ["X", "obs_names", "mod"])
def test_modalities_and_features_may_be_called_as_parts_of_an_anndata(name):
    tables = {
        "rna": TABLES["rna"],
        name: TABLES["cnv"].rename(columns={"c0": name, "c1": "var_names"}),
    }
    for table in (tables, pd.concat(tables, axis=1)):
        model = clone(RIDGE).fit(table, Y)
        result = modality_importance(model, table, Y, n_repeats=2, random_state=0)
        assert result.table.index.to_list() == ["rna", name]
        found = feature_attributions(model, table)
        assert set(found["feature"]) == {*tables["rna"], *tables[name]}


@pytest.mark.parametrize("measure", [modality_importance, modality_ablation])
def test_labels_are_those_of_the_samples(measure):
    with pytest.raises(SampleAlignmentError, match="in another order"):
        measure(MODEL, TEST, Y_TEST[::-1])
    with pytest.raises(ValueError, match="y has no label for 1 of 40"):
        measure(MODEL, TEST, Y_TEST.where(np.arange(40) > 0))
    with pytest.raises(ValueError, match="y has 3 labels, but X has 40 samples"):
        measure(MODEL, TEST, ["a", "b", "c"])


# Ablation


@pytest.mark.parametrize("form", [X, TABLES], ids=["frame", "dict"])
def test_ablation_finds_the_planted_modality_with_an_interval(form):
    table = modality_ablation(RIDGE, form, Y, cv=KFold(4, shuffle=True, random_state=0))
    assert table.index[0] == "rna"
    assert table.loc["rna", "difference"] > 0.3
    assert table.loc["rna", "low"] > 0 > table.loc["protein", "low"]
    assert (table["low"] <= table["difference"]).all()
    assert (table["difference"] <= table["high"]).all()
    np.testing.assert_allclose(table["score"] - table["without"], table["difference"])
    assert (table["n_fits"] == 4).all()


def test_ablation_keeps_a_dict_of_transformers():
    steps = OmicsConcatenator(
        {"rna": SelectKBest(k=5), "cnv": StandardScaler(), "protein": None}
    )
    table = modality_ablation(make_pipeline(steps, BlockRidgeClassifier()), X, Y, cv=3)
    assert sorted(table.index) == ["cnv", "protein", "rna"]


def test_ablation_of_pathways_and_of_models_without_a_concatenator():
    flat = X.set_axis([f"{a}__{b}" for a, b in X.columns], axis=1)
    table = modality_ablation(BlockRidgeClassifier(), flat, Y, groups=PATHWAYS, cv=3)
    assert table.index[0] == "told"
    assert table.loc["told", "difference"] > 0.2


def test_the_only_modality_cannot_be_left_out():
    with pytest.raises(ValueError, match="Without 'rna' X has no feature left"):
        modality_ablation(RIDGE, {"rna": TABLES["rna"]}, Y, cv=3)
