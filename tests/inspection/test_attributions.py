"""What each original feature adds to each class."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.decomposition import PCA, KernelPCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)

from skomics import (
    BlockRidgeClassifier,
    EFNNClassifier,
    MoGCNClassifier,
    OmicsConcatenator,
    SMAClassifier,
)
from skomics.datasets import make_intersim
from skomics.inspection import feature_attributions
from tests.estimators.quick import CLASSIFIERS, QUICK, make_short

pytest.importorskip("captum", reason="captum is an extra: skomics[explain]")

X, Y = make_intersim(n_samples=60, n_clusters=3, effect=1, random_state=0)
SMALL = X.loc[:, X.columns[::12]]
SCALED = OmicsConcatenator(StandardScaler())
FLAT = [f"{omics}__{feature}" for omics, feature in SMALL.columns]


def contrast(values):
    mean = values.mean(axis=1, keepdims=True)
    return (values - mean) * (values.shape[1] / (values.shape[1] - 1))


def outputs(model, table):
    return contrast(model.predict_log_proba(table))


def lacking():
    part = SMALL.copy()
    part.loc[part.index[::5], "protein"] = np.nan
    return part


def quick(cls, **params):
    return cls(**{**QUICK[cls.__name__], "device": "cpu", "random_state": 0, **params})


@pytest.mark.parametrize("cls", CLASSIFIERS, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("path", [None, "ridge"])
@pytest.mark.parametrize("table", [SMALL, lacking()], ids=["complete", "lacking"])
def test_contributions_sum_to_the_difference_of_logits(cls, path, table):
    model = make_pipeline(SCALED, make_short(cls, linear_path=path)).fit(table, Y)
    found = feature_attributions(model, table, per_sample=True)
    assert found.attrs["completeness_error"] < 0.01
    assert not found.isna().any(axis=None)
    assert found.index.names == ["sample", "class"]
    assert found.columns.names == ["modality", "feature"]
    if cls is MoGCNClassifier or hasattr(model[-1], "graph_"):
        return  # the links of the baseline are others
    baseline = table.mean().to_frame().T
    difference = outputs(model, table) - outputs(model, baseline)
    sums = found.sum(axis=1).to_numpy().reshape(60, 3)
    has_all = table.notna().all(axis=1).to_numpy()
    scale = np.abs(difference).mean()
    np.testing.assert_allclose(
        sums[has_all], difference[has_all], atol=0.1 * scale, rtol=0.05
    )
    lacks = found.loc[table.index[~has_all], "protein"]
    assert (lacks == 0).all(axis=None)


@pytest.mark.parametrize("form", ["array", "frame", "anndata", "sparse"])
def test_a_classifier_alone_is_asked_in_any_form(form):
    labels = [omics for omics, _ in SMALL]
    model = BlockRidgeClassifier(omics=labels).fit(SMALL.to_numpy(), Y)
    expected = feature_attributions(model, SMALL.to_numpy(), per_sample=True)
    if form == "frame":
        model = BlockRidgeClassifier().fit(SMALL, Y)
        found = feature_attributions(model, SMALL, per_sample=True)
        assert found.columns.equals(SMALL.columns.rename(["modality", "feature"]))
    elif form == "anndata":
        anndata = pytest.importorskip("anndata")
        var = pd.DataFrame({"omics": [omics for omics, _ in SMALL]}, index=FLAT)
        obs = pd.DataFrame(index=SMALL.index)
        given = anndata.AnnData(SMALL.to_numpy(), obs, var)
        model = BlockRidgeClassifier().fit(given, Y)
        found = feature_attributions(model, given, per_sample=True)
        assert found.index.unique("sample").equals(SMALL.index.rename("sample"))
    else:
        given = SMALL.to_numpy()
        given = sparse.csr_matrix(given) if form == "sparse" else given
        found = feature_attributions(model, given, per_sample=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


# Linear models


@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(C=0.1, max_iter=500),
        BlockRidgeClassifier(),
    ],
    ids=["logistic", "ridge"],
)
@pytest.mark.parametrize("y", [Y, Y == Y.iloc[0]], ids=["three", "two"])
@pytest.mark.parametrize("method", ["auto", "deep_lift", "shap"])
def test_linear_models_give_coefficient_times_distance(classifier, y, method):
    model = make_pipeline(SCALED, classifier).fit(SMALL, y)
    found = feature_attributions(model, SMALL, per_sample=True, method=method)
    Z = model[0].transform(SMALL)
    Z = Z - Z.mean()
    coef = classifier.coef_
    if len(coef) == 1:
        coef = np.vstack([-coef, coef])
    else:
        coef = contrast(coef.T).T
    expected = Z.to_numpy()[:, None] * coef
    np.testing.assert_allclose(
        found.to_numpy().reshape(expected.shape), expected, atol=1e-5
    )
    assert found.attrs["completeness_error"] == pytest.approx(0, abs=1e-6)


def test_direction_is_the_sign_of_the_coefficient():
    model = make_pipeline(SCALED, LogisticRegression(C=0.1, max_iter=500)).fit(SMALL, Y)
    table = feature_attributions(model, SMALL)
    assert list(table) == ["modality", "feature", "class", "value", "direction"]
    coef = pd.DataFrame(
        contrast(model[-1].coef_.T), SMALL.columns, model[-1].classes_
    ).stack()
    keys = pd.MultiIndex.from_frame(table[["modality", "feature", "class"]])
    np.testing.assert_array_equal(np.sign(coef[keys]), table["direction"])
    for _, part in table.groupby("class"):
        assert part["value"].is_monotonic_decreasing


# Steps


LINEAR = [
    PCA(5, random_state=0),
    PCA(5, whiten=True, random_state=0),
    TruncatedSVD(5, random_state=0),
    make_pipeline(StandardScaler(), PCA(6, random_state=0), StandardScaler()),
    make_pipeline(SelectKBest(k=8), MinMaxScaler(), PCA(4, random_state=0)),
    make_pipeline(SimpleImputer(), VarianceThreshold(), StandardScaler()),
    None,
]


@pytest.mark.parametrize("steps", LINEAR, ids=lambda s: str(s)[:40])
@pytest.mark.parametrize("given", [True, False], ids=["baseline", "mean"])
def test_linear_steps_are_gone_back_through_exactly(steps, given):
    if isinstance(steps, TruncatedSVD) and not given:
        pytest.skip("it forgets the mean of its inputs")
    model = make_pipeline(
        OmicsConcatenator(steps), LogisticRegression(C=0.1, max_iter=2000)
    ).fit(SMALL, Y)
    baseline = SMALL.mean().to_frame().T
    found = feature_attributions(
        model, SMALL, per_sample=True, baseline=baseline if given else "mean"
    )
    values, start = SMALL.to_numpy(), SMALL.mean().to_numpy()
    step = 0.5 * np.abs(values - start).max()
    slopes = np.empty((3, SMALL.shape[1]))
    for j in range(SMALL.shape[1]):
        moved = baseline.copy()
        moved.iloc[0, j] += step
        change = outputs(model, moved) - outputs(model, baseline)
        slopes[:, j] = change[0] / step
    expected = (values - start)[:, None] * slopes
    np.testing.assert_allclose(
        found.to_numpy().reshape(expected.shape),
        expected,
        atol=1e-4 * np.abs(expected).max(),
    )


@pytest.mark.parametrize(
    "steps",
    [
        QuantileTransformer(n_quantiles=20),
        FunctionTransformer(np.tanh, feature_names_out="one-to-one"),
        KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
        make_pipeline(StandardScaler(), KBinsDiscretizer(3, strategy="uniform")),
        SimpleImputer(add_indicator=True),
    ],
    ids=lambda s: str(s)[:30],
)
@pytest.mark.parametrize("as_frames", [False, True])
def test_steps_of_single_features_hand_back_to_these(steps, as_frames):
    if as_frames:
        steps = steps.set_output(transform="default")
    table = SMALL.copy()
    table.iloc[3, 2] = np.nan if "Imputer" in str(steps) else table.iloc[3, 2]
    model = make_pipeline(OmicsConcatenator(steps), BlockRidgeClassifier())
    model.fit(table, Y)
    found = feature_attributions(model, table, per_sample=True)
    assert found.columns.equals(SMALL.columns.rename(["modality", "feature"]))
    whole = feature_attributions(model[-1], model[0].transform(table), per_sample=True)
    np.testing.assert_allclose(found.sum(axis=1), whole.sum(axis=1), atol=1e-6)


def test_steps_after_the_concatenator_are_gone_back_through_too():
    inner = OmicsConcatenator(StandardScaler())
    steps = inner, SelectKBest(k=20), PCA(5, random_state=0), LogisticRegression()
    model = make_pipeline(*steps).fit(SMALL, Y)
    found = feature_attributions(model, SMALL, per_sample=True)
    difference = outputs(model, SMALL) - outputs(model, SMALL.mean().to_frame().T)
    sums = found.sum(axis=1).to_numpy().reshape(60, 3)
    np.testing.assert_allclose(sums, difference, atol=1e-6)
    kept = SMALL.columns[model[1].get_support()]
    assert set(found.columns[(found != 0).any()]) == set(kept)


def test_a_search_is_asked_for_its_best_model():
    pipeline = make_pipeline(SCALED, LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1]}, cv=3)
    search.fit(SMALL, Y)
    expected = feature_attributions(search.best_estimator_, SMALL)
    pd.testing.assert_frame_equal(feature_attributions(search, SMALL), expected)
    inner = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3)
    model = make_pipeline(SCALED, inner).fit(SMALL, Y)
    chosen = make_pipeline(model[0], inner.best_estimator_)
    expected = feature_attributions(chosen, SMALL)
    pd.testing.assert_frame_equal(feature_attributions(model, SMALL), expected)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (KernelPCA(3, kernel="rbf"), "KernelPCA mixes features in a way that is not"),
        (PolynomialFeatures(2), "PolynomialFeatures mixes features"),
        (FunctionTransformer(np.tanh), "feature_names_out='one-to-one'"),
    ],
)
def test_steps_that_cannot_be_gone_back_through_are_named(steps, message):
    model = make_pipeline(OmicsConcatenator(steps), LogisticRegression(max_iter=5000))
    table = SMALL.loc[:, SMALL.columns[::6]]
    model.fit(table, Y)
    with pytest.raises(ValueError, match=message):
        feature_attributions(model, table)


# Trees


@pytest.mark.parametrize(
    "trees",
    [
        RandomForestClassifier(20, max_features=None, random_state=0),
        HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=3),
    ],
    ids=["forest", "boosting"],
)
@pytest.mark.parametrize("y", [Y, Y == Y.iloc[0]], ids=["three", "two"])
def test_trees_are_asked_by_tree_explainer(trees, y):
    pytest.importorskip("shap", reason="shap is an extra: skomics[explain]")
    table = SMALL.sample(frac=1, random_state=0).set_axis(SMALL.index)
    told = np.searchsorted(np.unique(y), y)
    table["rna", "told"] = told + 0.01 * np.arange(60)
    model = make_pipeline(SCALED, trees).fit(table, y)
    found = feature_attributions(model, table)
    for _, part in found.groupby("class"):
        assert part["feature"].iloc[0] == "told"
    with pytest.raises(ValueError, match="integrated_gradients needs gradients"):
        feature_attributions(model, table, method="integrated_gradients")
    mixed = make_pipeline(OmicsConcatenator(PCA(1)), trees).fit(table, y)
    with pytest.raises(ValueError, match="has a baseline of its own"):
        feature_attributions(mixed, table)


def test_other_models_are_refused_with_an_alternative():
    model = make_pipeline(SCALED, GaussianNB()).fit(SMALL, Y)
    with pytest.raises(ValueError, match="GaussianNB is no network of skomics"):
        feature_attributions(model, SMALL)


# Options


@pytest.fixture(scope="module")
def network():
    return make_pipeline(SCALED, quick(SMAClassifier)).fit(SMALL, Y)


def test_order_of_the_columns_changes_nothing(network):
    expected = feature_attributions(network, SMALL, per_sample=True)
    turned = SMALL.loc[:, SMALL.columns[::-1]]
    found = feature_attributions(network, turned, per_sample=True)
    np.testing.assert_array_equal(found[expected.columns], expected)


def test_size_of_a_batch_changes_nothing_but_rounding(network):
    expected = feature_attributions(network, SMALL, per_sample=True)
    found = feature_attributions(network, SMALL, per_sample=True, batch_size=7)
    np.testing.assert_allclose(
        found, expected, atol=0.05 * np.abs(expected.to_numpy()).max()
    )


@pytest.mark.parametrize("method", ["gradient_x_input", "deep_lift"])
def test_quick_methods_agree_in_the_main(method):
    model = make_pipeline(SCALED, quick(EFNNClassifier)).fit(SMALL, Y)
    exact = feature_attributions(model, SMALL, per_sample=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The contributions sum to")
        found = feature_attributions(model, SMALL, per_sample=True, method=method)
    ranks = np.corrcoef(exact.to_numpy().ravel(), found.to_numpy().ravel())
    assert ranks[0, 1] > 0.8


def test_sums_that_do_not_hold_are_warned_of(network):
    with pytest.warns(UserWarning, match="are missed by method='gradient_x_input'"):
        found = feature_attributions(network, SMALL, method="gradient_x_input")
    assert found.attrs["completeness_error"] > 0.01


def test_expected_gradients_are_the_mean_over_the_baselines(network):
    rows = SMALL[:3]
    found = feature_attributions(
        network, SMALL[5:9], per_sample=True, method="shap", baseline=rows
    )
    parts = [
        feature_attributions(
            network, SMALL[5:9], per_sample=True, baseline=rows.iloc[[i]]
        )
        for i in range(3)
    ]
    np.testing.assert_allclose(found, sum(parts) / 3, atol=0.02)


@pytest.mark.parametrize("name", ["predicted", "a class"])
def test_target_chooses_the_classes(network, name):
    predicted = network.predict(SMALL)
    target = "predicted" if name == "predicted" else network.classes_[1]
    whole = feature_attributions(network, SMALL, per_sample=True)
    found = feature_attributions(network, SMALL, per_sample=True, target=target)
    if target == "predicted":
        assert found.index.get_level_values("class").tolist() == list(predicted)
    else:
        assert set(found.index.get_level_values("class")) == {target}
    pd.testing.assert_frame_equal(found, whole.loc[found.index], check_flags=False)
    table = feature_attributions(network, SMALL, target=target)
    for label, part in table.groupby("class"):
        values = found.xs(label, level="class").abs().mean()
        keys = pd.MultiIndex.from_frame(part[["modality", "feature"]])
        np.testing.assert_allclose(values[keys], part["value"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "lime"}, "method='lime'. Choose one of"),
        ({"baseline": "zero"}, "baseline='zero'. It must be 'mean'"),
        ({"target": "x"}, "target='x', but the classes are"),
    ],
)
def test_unknown_options_are_refused(network, options, message):
    with pytest.raises(ValueError, match=message):
        feature_attributions(network, SMALL, **options)


def test_a_single_sample_is_not_compared_with_itself():
    model = make_pipeline(SCALED, LogisticRegression()).fit(SMALL, Y)
    with pytest.raises(ValueError, match="Got one sample, but LogisticRegression does"):
        feature_attributions(model, SMALL[:1])
    for kind, baseline in ((model, SMALL), (BlockRidgeClassifier(), "mean")):
        model = kind if kind is model else make_pipeline(SCALED, kind).fit(SMALL, Y)
        table = feature_attributions(model, SMALL[:1], baseline=baseline)
        assert table["value"].max() > 0


def test_deep_lift_cannot_go_through_a_graph():
    model = make_pipeline(SCALED, quick(MoGCNClassifier)).fit(SMALL, Y)
    with pytest.raises(ValueError, match="cannot go through the graph of MoGCN"):
        feature_attributions(model, SMALL, method="deep_lift")


def test_planted_features_come_first():
    rng = np.random.default_rng(0)
    codes = np.arange(120) % 3
    tables = {
        name: pd.DataFrame(rng.normal(size=(120, 200))).add_prefix(name[0])
        for name in ("rna", "cnv")
    }
    tables["rna"].iloc[:, :5] += 1.5 * (codes[:, None] - 1)
    model = make_pipeline(SCALED, SMAClassifier(random_state=0, device="cpu"))
    model.fit(tables, codes)
    table = feature_attributions(model, tables, target=0)
    assert set(table["feature"][:5]) == {f"r{i}" for i in range(5)}
    assert (table["direction"][:5] == -1).all()


@pytest.mark.filterwarnings("error")
def test_rows_that_run_backward_or_are_read_only_are_explained():
    X, y = make_intersim(n_samples=60, n_clusters=3, effect=0.3, random_state=0)
    model = EFNNClassifier(max_epochs=2, device="cpu", random_state=0).fit(X, y)
    expected = feature_attributions(model, X.iloc[:9])
    values = X.iloc[:9].to_numpy().copy()
    values.setflags(write=False)
    for rows in (X.iloc[8::-1], pd.DataFrame(values, columns=X.columns)):
        found = feature_attributions(model, rows)
        np.testing.assert_allclose(found["value"], expected["value"], atol=1e-5)


@pytest.mark.parametrize("kind", ["selective", "frozen"])
def test_a_classifier_around_a_model_stands_for_it(kind):
    from sklearn.frozen import FrozenEstimator

    from skomics.calibration import SelectiveClassifier
    from skomics.datasets import make_intersim
    from skomics.pipeline import make_omics_pipeline

    X, y = make_intersim(n_samples=60, n_clusters=3, effect=0.5, random_state=0)
    model = make_omics_pipeline("block_ridge").fit(X, y)
    held = FrozenEstimator(model)
    if kind == "selective":
        held = SelectiveClassifier(held, coverage=0.8).fit(X, y)
    expected = feature_attributions(model, X)
    pd.testing.assert_frame_equal(feature_attributions(held, X), expected)


@pytest.mark.parametrize("step", [SimpleImputer(), PCA(3)], ids=repr)
@pytest.mark.filterwarnings("ignore:No sample has the modality:UserWarning")
def test_a_modality_that_no_sample_has_adds_nothing(step):
    steps = OmicsConcatenator(make_pipeline(StandardScaler(), step))
    model = make_pipeline(steps, BlockRidgeClassifier()).fit(SMALL, Y)
    new = SMALL[:8].copy()
    new["protein"] = np.nan
    table = feature_attributions(model, new).set_index("modality")
    assert not table.loc["protein", "value"].any()
    assert table.loc["expression", "value"].any()


@pytest.mark.filterwarnings("ignore:Some samples lack a modality:UserWarning")
def test_first_samples_may_lack_what_a_linear_step_is_of():
    steps = OmicsConcatenator(make_pipeline(StandardScaler(), PCA(3)))
    model = make_pipeline(steps, BlockRidgeClassifier()).fit(SMALL, Y)
    new = SMALL[:20].copy()
    new.iloc[:10, new.columns.get_level_values(0) == "protein"] = np.nan
    table = feature_attributions(model, new).set_index("modality")
    assert table.loc["protein", "value"].any()
