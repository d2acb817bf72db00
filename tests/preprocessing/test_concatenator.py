import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    StandardScaler,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from skomics._compat import unpulled
from skomics.exceptions import InformativeMissingnessWarning, SampleAlignmentError
from skomics.io import load_folder
from skomics.preprocessing import OmicsConcatenator

IDS = [f"p{i}" for i in range(20)]


def _make_tables(dtype=np.float64):
    rng = np.random.default_rng(0)
    return {
        omics: pd.DataFrame(
            rng.normal(size=(20, n_features)).astype(dtype),
            index=IDS,
            columns=[f"{omics[0]}{i}" for i in range(n_features)],
        )
        for omics, n_features in [("rna", 5), ("methylation", 4), ("cnv", 3)]
    }


TABLES = _make_tables()
X = pd.concat(TABLES, axis=1)
FLAT_NAMES = [f"{omics}__{feature}" for omics, feature in X.columns]
FLAT = X.set_axis(FLAT_NAMES, axis=1)
Y = np.repeat(["luminal", "basal"], 10)


def _scale(table):
    return (table - table.mean()) / table.std(ddof=0)


class _Nameless(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.asarray(X)[:, :2]


@parametrize_with_checks([OmicsConcatenator(), OmicsConcatenator(StandardScaler())])
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


@pytest.mark.parametrize("form", [X, FLAT, TABLES], ids=["two-level", "flat", "dict"])
def test_every_form_with_names_gives_the_same_table(form):
    concatenator = OmicsConcatenator(StandardScaler())
    out = concatenator.fit_transform(form)
    pd.testing.assert_frame_equal(out, _scale(FLAT))
    assert concatenator.omics_ == ("rna", "methylation", "cnv")
    assert concatenator.block_sizes_ == (5, 4, 3)
    assert concatenator.block_slices_["methylation"] == slice(5, 9)
    assert concatenator.feature_names_in_.tolist() == FLAT_NAMES
    assert concatenator.get_feature_names_out().tolist() == FLAT_NAMES
    assert concatenator.n_features_in_ == 12
    assert set(concatenator.transformers_) == set(TABLES)
    for again in (X, FLAT, TABLES):
        pd.testing.assert_frame_equal(concatenator.transform(again), out)


def test_each_transformer_sees_its_block_only_under_plain_names():
    concatenator = OmicsConcatenator(StandardScaler()).fit(X)
    scaler = concatenator.transformers_["methylation"]
    assert scaler.feature_names_in_.tolist() == ["m0", "m1", "m2", "m3"]
    np.testing.assert_allclose(scaler.mean_, TABLES["methylation"].mean())


def test_fit_leaves_the_given_transformer_alone():
    scaler = StandardScaler()
    OmicsConcatenator(scaler).fit(X)
    assert not hasattr(scaler, "mean_")
    OmicsConcatenator({"rna": scaler, "methylation": None, "cnv": None}).fit(X)
    assert not hasattr(scaler, "mean_")


def test_targets_reach_the_transformers():
    table = X.copy()
    table[("rna", "r3")] = (Y == "basal") + TABLES["rna"]["r3"] / 10
    selector = OmicsConcatenator(SelectKBest(k=1))
    assert selector.fit(table, Y).get_feature_names_out()[0] == "rna__r3"


# The last promise is about an array, and scikit-learn warns that it has no names.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_concatenator_keeps_block_order():
    out = OmicsConcatenator(omics=["cnv", "rna"]).fit_transform(X)
    assert out.columns.tolist() == FLAT_NAMES[9:] + FLAT_NAMES[:5]
    selected = OmicsConcatenator(omics=["cnv"]).fit(X)
    pd.testing.assert_frame_equal(selected.transform(X), FLAT.iloc[:, 9:])
    pd.testing.assert_frame_equal(selected.transform(X[["cnv"]]), FLAT.iloc[:, 9:])
    pd.testing.assert_frame_equal(
        selected.transform(X.to_numpy()).set_axis(IDS), FLAT.iloc[:, 9:]
    )


@pytest.mark.parametrize(
    ("omics", "sizes"),
    [
        ([5, 4, 3], (5, 4, 3)),
        ({"rna": 5, "methylation": 4, "cnv": 3}, (5, 4, 3)),
        (["rna", "cnv"] * 6, (6, 6)),
    ],
)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_omics_splits_a_plain_matrix(omics, sizes, container):
    matrix = container(X.to_numpy())
    concatenator = OmicsConcatenator(MaxAbsScaler(), omics=omics).fit(matrix)
    assert concatenator.block_sizes_ == sizes
    assert not hasattr(concatenator, "feature_names_in_")
    out = concatenator.transform(matrix)
    assert sparse.issparse(out) == sparse.issparse(matrix)
    names = [f"{name}__x{i}" for name in concatenator.omics_ for i in range(6)]
    assert set(concatenator.get_feature_names_out()) <= set(names)


def test_input_features_name_the_columns_of_an_array():
    concatenator = OmicsConcatenator(omics={"rna": 2, "cnv": 1}).fit(np.ones((3, 3)))
    names = concatenator.get_feature_names_out(["a", "b", "c"])
    assert names.tolist() == ["rna__a", "rna__b", "cnv__c"]
    with pytest.raises(ValueError, match="input_features should have length equal"):
        concatenator.get_feature_names_out(["a"])


def test_omics_splits_a_table_whose_names_tell_no_omics():
    table = X.set_axis([feature for _, feature in X.columns], axis=1)
    concatenator = OmicsConcatenator(omics=[5, 4, 3]).fit(table)
    out = concatenator.transform(table)
    assert out.columns[5] == "omics_1__m0"
    pd.testing.assert_frame_equal(concatenator.transform(table.iloc[:, ::-1]), out)
    with pytest.raises(ValueError, match=r"Block 'omics_1' lacks 1 .* 'm0'"):
        concatenator.transform(table.drop(columns="m0"))
    with pytest.raises(ValueError, match=r"has 1 feature names unseen .* 'new'"):
        concatenator.transform(table.assign(new=1.0))


# The transformer is fitted under text names, so it must be given text names again.
@pytest.mark.filterwarnings("error:X does not have valid feature names")
def test_columns_with_integer_names_are_matched_by_name_too():
    table = pd.DataFrame(X.to_numpy(), columns=range(12), index=IDS)
    concatenator = OmicsConcatenator(StandardScaler(), omics=[5, 7]).fit(table)
    out = concatenator.transform(table)
    pd.testing.assert_frame_equal(concatenator.transform(table.iloc[:, ::-1]), out)


def test_an_unnamed_block_keeps_its_names():
    table = TABLES["rna"]
    concatenator = OmicsConcatenator().fit(table)
    assert concatenator.get_feature_names_out().tolist() == table.columns.tolist()
    assert OmicsConcatenator().fit_transform(table.to_numpy()).columns[0] == "x0"


def test_dict_gives_each_modality_its_transformer():
    concatenator = OmicsConcatenator(
        {"rna": StandardScaler(), "methylation": "drop", "cnv": None}
    )
    out = concatenator.fit_transform(X)
    expected = pd.concat([_scale(FLAT.iloc[:, :5]), FLAT.iloc[:, 9:]], axis=1)
    pd.testing.assert_frame_equal(out, expected)
    assert concatenator.omics_ == ("rna", "cnv")
    assert concatenator.transformers_["cnv"] == "passthrough"
    pd.testing.assert_frame_equal(concatenator.transform(X[["cnv", "rna"]]), expected)


@pytest.mark.parametrize(
    ("transformer", "error", "message"),
    [
        ({"rna": None}, ValueError, "leaves out 2 .*'methylation', 'cnv'"),
        (
            {"rna": None, "methylation": None, "cnv": None, "dna": None},
            ValueError,
            r"names 1 modalities that X lacks \('dna'\)",
        ),
        ({"n_jobs": None}, ValueError, "key 'n_jobs', which is a parameter"),
        (dict.fromkeys(TABLES, "drop"), ValueError, "No modality is left"),
        (dict.fromkeys(TABLES, "scale"), TypeError, r"transformer\['rna'\] is 'scale'"),
    ],
)
def test_a_wrong_dict_of_transformers_says_got_wanted_do(transformer, error, message):
    with pytest.raises(error, match=message):
        OmicsConcatenator(transformer).fit(X)


@pytest.mark.parametrize(
    ("omics", "message"),
    [
        (["rna", "dna"], r"selects \['rna', 'dna'\], but X has 'rna', 'methylation'"),
        (["rna", "rna"], "Select each modality at most once"),
        ([], "at least one"),
        ([5, 4, 3], r"X names its modalities .*but omics= is \[5, 4, 3\]"),
        ({"rna": 5}, "X names its modalities"),
    ],
)
def test_a_wrong_selection_lists_the_known_omics(omics, message):
    with pytest.raises(ValueError, match=message):
        OmicsConcatenator(omics=omics).fit(TABLES)


def test_parameters_of_a_dict_are_searchable_by_omics():
    concatenator = OmicsConcatenator(
        {"rna": make_pipeline(SelectKBest(k=2)), "methylation": None, "cnv": "drop"}
    )
    params = concatenator.get_params()
    assert params["rna__selectkbest__k"] == 2
    assert params["cnv"] == "drop"
    assert set(concatenator.get_params(deep=False)) == {
        "transformer",
        "omics",
        "missing_omics",
        "extra_features",
        "missing_features",
        "n_jobs",
    }
    given = concatenator.transformer
    concatenator.set_params(rna__selectkbest__k=3, cnv=PCA(), cnv__n_components=2)
    assert given["cnv"] == "drop"
    assert concatenator.fit(X, Y).block_sizes_ == (3, 4, 2)
    assert concatenator.get_feature_names_out()[-1] == "cnv__pca1"


def test_a_modality_called_like_a_parameter_does_not_hide_it():
    concatenator = OmicsConcatenator({"n_jobs": StandardScaler()}, n_jobs=1)
    assert concatenator.get_params()["n_jobs"] == 1


def test_clone_copies_transformers_and_output():
    concatenator = OmicsConcatenator({"rna": StandardScaler()}).set_output(
        transform="numpy"
    )
    copy = clone(concatenator)
    assert copy.transformer["rna"] is not concatenator.transformer["rna"]
    tables = {"rna": TABLES["rna"]}
    assert isinstance(copy.fit_transform(tables), np.ndarray)


def test_pickle_transforms_alike():
    concatenator = OmicsConcatenator(StandardScaler()).fit(X)
    again = pickle.loads(pickle.dumps(concatenator))
    pd.testing.assert_frame_equal(again.transform(X), concatenator.transform(X))


@pytest.mark.processes
def test_workers_give_the_same_table():
    alone = OmicsConcatenator(StandardScaler()).fit(X)
    workers = OmicsConcatenator(StandardScaler(), n_jobs=2).fit(X)
    pd.testing.assert_frame_equal(workers.transform(X), alone.transform(X))


@pytest.mark.processes
@pytest.mark.parametrize(
    ("transformer", "grid"),
    [
        (
            make_pipeline(StandardScaler(), SelectKBest()),
            {"omics__transformer__selectkbest__k": [1, 2]},
        ),
        (
            {"rna": make_pipeline(SelectKBest()), "methylation": None, "cnv": None},
            {"omics__rna__selectkbest__k": [1, 2], "omics__cnv": [None, "drop"]},
        ),
        (None, {"omics__omics": [["rna"], ["rna", "cnv"]]}),
    ],
    ids=["one", "dict", "selection"],
)
def test_grid_search_reaches_the_parameters_of_each_modality(transformer, grid):
    pipe = Pipeline(
        [("omics", OmicsConcatenator(transformer)), ("clf", LogisticRegression())]
    )
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise", n_jobs=2).fit(X, Y)
    assert search.predict(X).shape == (20,)
    assert len(search.cv_results_["params"]) == np.prod([len(v) for v in grid.values()])


def test_selection_inside_the_fold_leaks_nothing():
    rng = np.random.default_rng(1)
    noise = pd.concat(
        {omics: pd.DataFrame(rng.normal(size=(60, 800))) for omics in ["a", "b"]},
        axis=1,
    )
    labels = np.tile([0, 1], 30)
    pipe = make_pipeline(OmicsConcatenator(SelectKBest(k=5)), LogisticRegression())
    assert cross_val_score(pipe, noise, labels, cv=5).mean() < 0.7


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_order_of_omics_columns_and_samples_does_not_matter(data):
    concatenator = OmicsConcatenator(StandardScaler()).fit(X)
    columns = data.draw(st.permutations(range(X.shape[1])))
    rows = data.draw(st.permutations(range(len(X))))
    expected = concatenator.transform(X).iloc[rows]
    for form in (X, FLAT):
        shuffled = form.iloc[rows, columns]
        pd.testing.assert_frame_equal(concatenator.transform(shuffled), expected)
    order = data.draw(st.permutations(list(TABLES)))
    tables = {omics: TABLES[omics].iloc[:, ::-1] for omics in order}
    first, *others = tables
    tables[first] = tables[first].iloc[rows]
    pd.testing.assert_frame_equal(concatenator.transform(tables), expected)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.integers(0, 19), min_size=1),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_row_does_not_depend_on_the_other_rows(rows, dtype):
    table = X.astype(dtype)
    concatenator = OmicsConcatenator(StandardScaler()).fit(table)
    out = concatenator.transform(table)
    assert set(out.dtypes) == {np.dtype(dtype)}
    pd.testing.assert_frame_equal(
        concatenator.transform(table.iloc[rows]), out.iloc[rows]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.drop(columns=[("rna", "r1")]), r"'rna' lacks 1 of the 5 .* 'r1'"),
        (
            lambda X: X.drop(columns="cnv").rename(columns={"rna": "dna"}, level=0),
            r"has 1 modalities unseen at fit time \('dna'\) and lacks",
        ),
        (
            lambda X: pd.concat([X, X[["cnv"]].rename(columns={"cnv": "dna"})], axis=1),
            r"has 1 modalities unseen at fit time \('dna'\)",
        ),
        (
            lambda X: pd.concat([X, X[["rna"]].rename(columns={"r0": "new"})], axis=1),
            "4 feature names occur more than once",
        ),
        (
            lambda X: X.rename(columns={"r0": "new"}),
            r"'rna' lacks 1 .* e.g. 'r0'",
        ),
        (
            lambda X: pd.concat(
                [X, X[["rna"]].rename(columns=lambda name: "new_" + name, level=1)],
                axis=1,
            ),
            r"Block 'rna' has 5 feature names unseen at fit time, e.g. 'new_r0'",
        ),
        (
            lambda X: TABLES["rna"],
            "5 columns that name no modalities, but the modalities 'rna'",
        ),
        (lambda X: X.iloc[:0], r"Block 'rna' has 0 sample\(s\)"),
    ],
)
def test_other_columns_at_transform_say_got_wanted_do(change, message):
    with pytest.raises(ValueError, match=message):
        OmicsConcatenator().fit(X).transform(change(X))


def test_rows_are_matched_by_label():
    tables = {**TABLES, "cnv": TABLES["cnv"].iloc[::-1]}
    pd.testing.assert_frame_equal(OmicsConcatenator().fit_transform(tables), FLAT)


@pytest.mark.parametrize(
    ("cnv", "message"),
    [
        (TABLES["cnv"].T, r"Block 'cnv' \(3 rows, 20 columns\) looks transposed"),
        (
            TABLES["cnv"].iloc[[0, 0, *range(2, 20)]],
            "1 sample ids that occur more than once",
        ),
        (TABLES["cnv"].iloc[:15], "15 ids are in both, 5 only in 'rna'"),
        (TABLES["cnv"].to_numpy()[:15], "'cnv' has 15 samples but block 'rna' has 20"),
    ],
)
def test_rows_that_cannot_be_matched_say_got_wanted_do(cnv, message):
    with pytest.raises(SampleAlignmentError, match=message):
        OmicsConcatenator().fit({**TABLES, "cnv": cnv})


def test_unmatched_targets_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        OmicsConcatenator().fit(X, Y[:5])


def test_tables_without_names_are_matched_by_position_with_a_warning():
    arrays = {omics: table.to_numpy() for omics, table in TABLES.items()}
    by_array = OmicsConcatenator().fit(arrays)
    assert by_array.get_feature_names_out()[0] == "rna__x0"
    with pytest.warns(UserWarning, match="has feature names, but was fitted without"):
        by_array.transform(TABLES)
    with pytest.warns(UserWarning, match="has no feature names, but was fitted with "):
        OmicsConcatenator().fit(TABLES).transform(arrays)
    with pytest.raises(ValueError, match="'cnv' has 2 features, but .* expecting 3"):
        by_array.transform({**arrays, "cnv": arrays["cnv"][:, :2]})


def test_names_follow_what_the_transformer_does():
    fallback = FunctionTransformer(lambda X: X.iloc[:, :1].to_numpy())
    concatenator = OmicsConcatenator(
        {"rna": PCA(2), "methylation": _Nameless(), "cnv": make_pipeline(fallback)}
    )
    assert concatenator.fit_transform(X).columns.tolist() == [
        "rna__pca0",
        "rna__pca1",
        "methylation___nameless0",
        "methylation___nameless1",
        "cnv__pipeline0",
    ]
    columns = FunctionTransformer(lambda X: X[["c2"]])
    out = OmicsConcatenator(columns).fit_transform({"cnv": TABLES["cnv"]})
    assert out.columns.tolist() == ["cnv__c2"]


def test_no_feature_left_names_block_and_transformer():
    nothing = FunctionTransformer(lambda X: X.iloc[:, :0])
    message = r"Block 'rna' has 0 features left of 5 after FunctionTransformer.*Loosen"
    with pytest.raises(ValueError, match=message):
        OmicsConcatenator(nothing).fit(X)


def test_an_error_of_a_transformer_is_noted_with_its_omics():
    with pytest.raises(ValueError, match="meets the variance threshold") as info:
        OmicsConcatenator(VarianceThreshold(100.0)).fit(X)
    assert "omics 'rna'" in info.value.__notes__[0]


def test_a_transformer_must_keep_the_rows():
    with pytest.raises(ValueError, match="'rna' returned 3 rows for 20 samples"):
        OmicsConcatenator(FunctionTransformer(lambda X: X[:3])).fit(X)


@pytest.mark.parametrize("values", [["1.5"] * 20, ["f", "m"] * 10])
@pytest.mark.parametrize("dtype", [object, "category"])
def test_text_columns_are_named(values, dtype):
    clinical = pd.DataFrame({"age": 50.0, "sex": values}, index=IDS)
    clinical["sex"] = clinical["sex"].astype(dtype)
    with pytest.raises(ValueError, match="'clinical' has 1 of 2 columns .* 'sex'"):
        OmicsConcatenator().fit({"clinical": clinical})


def test_numbers_in_any_pandas_type_pass():
    table = pd.DataFrame(
        {
            "nullable": pd.array([1, None], dtype="Int64"),
            "flag": [True, False],
            "object": pd.Series([1.5, 2], dtype=object),
        }
    )
    out = OmicsConcatenator().fit_transform({"rna": table})
    np.testing.assert_array_equal(out, [[1, 1, 1.5], [np.nan, 0, 2]])
    with pytest.warns(UserWarning, match="1 of 2 samples have no value in block 'rna'"):
        nullable = OmicsConcatenator().fit_transform({"rna": table[["nullable"]]})
    np.testing.assert_array_equal(nullable, [[1], [np.nan]])


def test_missing_values_pass_to_the_transformer_that_takes_them():
    table = X.copy()
    table.iloc[3, 2] = np.nan
    assert OmicsConcatenator().fit_transform(table).isna().to_numpy().sum() == 1
    imputed = OmicsConcatenator(SimpleImputer()).fit_transform(table)
    assert imputed.notna().all(axis=None)


@pytest.mark.parametrize("table", [X, X[["rna"]], TABLES["rna"]])
def test_output_shares_no_memory_with_the_input(table):
    out = OmicsConcatenator().fit_transform(table)
    assert not np.shares_memory(out.to_numpy(), table.to_numpy())


def test_set_output_chooses_the_container():
    polars = pytest.importorskip("polars", reason="polars is an optional output")
    concatenator = OmicsConcatenator().fit(X)
    assert isinstance(concatenator.transform(X), pd.DataFrame)
    out = concatenator.set_output(transform="polars").transform(X)
    assert isinstance(out, polars.DataFrame)
    assert out.columns == FLAT_NAMES
    pd.testing.assert_frame_equal(
        OmicsConcatenator().fit_transform(out).set_axis(IDS), FLAT
    )
    assert isinstance(concatenator.set_output().transform(X), polars.DataFrame)
    numpy = concatenator.set_output(transform="numpy").transform(X)
    np.testing.assert_array_equal(numpy, X.to_numpy())
    with pytest.raises(ValueError, match="Got transform='arrow'.*'default', 'numpy'"):
        concatenator.set_output(transform="arrow")


def test_global_output_counts_unless_set_output_was_called():
    polars = pytest.importorskip("polars", reason="polars is an optional output")
    concatenator = OmicsConcatenator(StandardScaler()).fit(X)
    with config_context(transform_output="polars"):
        assert isinstance(concatenator.transform(X), polars.DataFrame)
        concatenator.set_output(transform="default")
        assert isinstance(concatenator.transform(X), pd.DataFrame)


@pytest.mark.parametrize("family", [sparse.csc_array, sparse.csc_matrix])
def test_plain_sparse_stays_csr_of_its_family(family):
    blocks = {"rna": family(np.eye(6, 5, dtype=np.float32)), "cnv": family((6, 2))}
    blocks["cnv"] = blocks["cnv"].astype(np.float32)
    concatenator = OmicsConcatenator(MaxAbsScaler()).fit(blocks)
    out = concatenator.transform(blocks)
    assert out.format == "csr"
    assert out.dtype == np.float32
    assert isinstance(out, sparse.sparray) == (family is sparse.csc_array)
    assert concatenator.block_sizes_ == (5, 2)
    again = OmicsConcatenator(omics=concatenator.block_sizes_).fit(out)
    assert again.block_sizes_ == (5, 2)
    framed = concatenator.set_output(transform="pandas").transform(blocks)
    assert all(isinstance(dtype, pd.SparseDtype) for dtype in framed.dtypes)
    np.testing.assert_array_equal(framed, out.toarray())
    with pytest.raises(
        ValueError, match="output is sparse, but polars output is asked"
    ):
        concatenator.set_output(transform="polars").transform(blocks)


def test_pandas_sparse_columns_are_not_densified():
    table = pd.DataFrame.sparse.from_spmatrix(sparse.eye(20, format="csr"), index=IDS)
    out = OmicsConcatenator().fit_transform({"rna": table, "cnv": TABLES["cnv"]})
    assert out.format == "csr"


@pytest.fixture
def mudata():
    anndata = pytest.importorskip("anndata", reason="AnnData is an optional input")
    mudata = pytest.importorskip("mudata", reason="MuData is an optional input")

    def annotate(omics, to_matrix):
        table = TABLES[omics].astype(np.float32)
        var = pd.DataFrame(index=table.columns)
        matrix = to_matrix(table.to_numpy())
        return anndata.AnnData(matrix, obs=pd.DataFrame(index=IDS), var=var)

    tables = {
        "rna": annotate("rna", sparse.csr_matrix),
        "cnv": annotate("cnv", np.asarray),
    }
    with unpulled(mudata):
        return mudata.MuData(tables)


def test_sparse_mudata_comes_out_as_one_anndata(mudata):
    out = OmicsConcatenator().fit_transform(mudata)
    assert sparse.issparse(out.X)
    assert out.X.dtype == np.float32
    assert out.var_names.tolist() == FLAT_NAMES[:5] + FLAT_NAMES[9:]
    assert out.var["omics"].tolist() == ["rna"] * 5 + ["cnv"] * 3
    assert out.obs_names.tolist() == IDS
    bare = OmicsConcatenator().set_output(transform="numpy").fit_transform(mudata)
    assert bare.format == "csr"
    # What came out can go in again, in any order.
    again = OmicsConcatenator().fit(out)
    assert again.feature_names_in_.tolist() == out.var_names.tolist()
    assert (again.transform(out[::-1, ::-1])[::-1].X != out.X).nnz == 0


def test_dense_mudata_comes_out_as_a_table(mudata):
    out = OmicsConcatenator(omics=["cnv"]).fit_transform(mudata)
    expected = FLAT.iloc[:, 9:].astype(np.float32)
    pd.testing.assert_frame_equal(out, expected)
    unnamed = OmicsConcatenator().fit_transform(mudata["cnv"])
    assert unnamed.columns.tolist() == ["c0", "c1", "c2"]


def test_a_mudata_can_be_cross_validated(mudata):
    pipe = make_pipeline(
        OmicsConcatenator(MaxAbsScaler()).set_output(transform="numpy"),
        LogisticRegression(),
    )
    assert cross_val_score(pipe, mudata, Y, cv=2, error_score="raise").shape == (2,)


def test_metadata_reaches_the_transformers_that_request_it():
    weights = np.arange(20.0)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        for transformer in (
            scaler,
            {"rna": scaler, "methylation": None, "cnv": "drop"},
        ):
            concatenator = OmicsConcatenator(transformer)
            concatenator.fit(X, sample_weight=weights)
            expected = np.average(TABLES["rna"], axis=0, weights=weights)
            fitted = concatenator.transformers_["rna"]
            np.testing.assert_allclose(fitted.mean_, expected)
            concatenator.fit_transform(X, sample_weight=weights)
            concatenator.transform(X)
        pipe = make_pipeline(OmicsConcatenator(scaler), MaxAbsScaler())
        pipe.fit(X, sample_weight=weights)
        np.testing.assert_allclose(pipe[0].transformers_["rna"].mean_, expected)
        with pytest.raises(TypeError, match="unexpected argument"):
            OmicsConcatenator().fit(X, sample_weight=weights)
    with pytest.raises(ValueError, match="only supported if enable_metadata_routing"):
        OmicsConcatenator(StandardScaler()).fit(X, sample_weight=weights)


def test_html_shows_the_omics_side_by_side():
    given = {"rna": StandardScaler(), "methylation": None, "cnv": "drop"}
    html = OmicsConcatenator(given)._repr_html_()
    assert all(f"<label>{omics}</label>" in html for omics in TABLES)
    one = OmicsConcatenator(PCA(2))
    assert "<label>each modality</label>" in one._repr_html_()
    html = one.fit(X)._repr_html_()
    assert all(f"<label>{omics}</label>" in html for omics in TABLES)


def test_unfitted_transform_says_so():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        OmicsConcatenator().transform(X)


LACKING = X.astype(float)
LACKING.loc[LACKING.index[1], "rna"] = np.nan
LACKING.loc[LACKING.index[-1], "methylation"] = np.nan


def test_transformer_of_a_modality_sees_only_the_samples_that_have_it():
    fitted = OmicsConcatenator(StandardScaler()).fit(LACKING, Y)
    assert fitted.transformers_["rna"].n_samples_seen_ == len(X) - 1
    assert fitted.transformers_["cnv"].n_samples_seen_ == len(X)
    expected = StandardScaler().fit(X["rna"].drop(index=X.index[1]))
    np.testing.assert_allclose(fitted.transformers_["rna"].mean_, expected.mean_)


@pytest.mark.parametrize(
    "transformer",
    [
        make_pipeline(SimpleImputer(), StandardScaler()),
        make_pipeline(StandardScaler(), SelectKBest(k=2)),
        StandardScaler().set_output(transform="pandas"),
        None,
    ],
    ids=str,
)
def test_sample_that_lacks_a_modality_keeps_nan_there_and_nowhere_else(transformer):
    concatenator = OmicsConcatenator(transformer)
    Xt = concatenator.fit_transform(LACKING, Y)
    pd.testing.assert_frame_equal(Xt, concatenator.transform(LACKING))
    is_nan = Xt.isna()
    for position, omics in ((1, "rna"), (-1, "methylation")):
        part = concatenator.block_slices_[omics]
        assert is_nan.iloc[position, part].all()
        is_nan.iloc[position, part] = False
    assert not is_nan.any(axis=None)
    assert Xt.index.equals(LACKING.index)


def test_sparse_omics_that_a_sample_lacks_stays_sparse():
    tables = {
        name: sparse.csr_array(LACKING[name].to_numpy()) for name in ("rna", "cnv")
    }
    Xt = OmicsConcatenator(MaxAbsScaler()).fit_transform(tables)
    assert sparse.issparse(Xt)
    expected = MaxAbsScaler().fit_transform(X["rna"].drop(index=X.index[1]))
    np.testing.assert_allclose(np.delete(Xt.toarray(), 1, axis=0)[:, :5], expected)
    assert np.isnan(Xt.toarray()[1, :5]).all()


def test_missing_omics_can_be_left_to_an_imputer():
    concatenator = OmicsConcatenator(SimpleImputer(), missing_omics="transform")
    Xt = concatenator.fit_transform(LACKING)
    assert not Xt.isna().any(axis=None)
    np.testing.assert_allclose(
        Xt.iloc[1, concatenator.block_slices_["rna"]], LACKING["rna"].mean()
    )


def test_omics_may_be_left_out_of_new_samples():
    concatenator = OmicsConcatenator(StandardScaler()).fit(X)
    complete = concatenator.transform(X)
    for new in (X.drop(columns="cnv"), {n: X[n] for n in ("rna", "methylation")}):
        Xt = concatenator.transform(new)
        assert list(Xt) == list(complete)
        cnv = concatenator.block_slices_["cnv"]
        assert Xt.iloc[:, cnv].isna().all(axis=None)
        others = [name for name in complete if not name.startswith("cnv")]
        pd.testing.assert_frame_equal(Xt[others], complete[others])


def test_omics_may_not_be_left_out_where_a_transformer_wants_to_see_them():
    concatenator = OmicsConcatenator(StandardScaler(), missing_omics="transform").fit(X)
    with pytest.raises(ValueError, match=r"lacks 1 that are needed \('cnv'\)"):
        concatenator.transform(X.drop(columns="cnv"))


def test_omics_that_no_training_sample_has_is_an_error():
    nothing = X.astype(float)
    nothing["cnv"] = np.nan
    message = f"Block 'cnv' has no values for any of {len(X)} samples"
    with pytest.raises(ValueError, match=message):
        OmicsConcatenator().fit(nothing)


def test_metadata_follows_the_samples_that_have_the_omics():
    weights = np.arange(1.0, len(X) + 1)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        fitted = OmicsConcatenator(scaler).fit(LACKING, sample_weight=weights)
    has = np.arange(len(X)) != 1
    expected = np.average(X["rna"][has], axis=0, weights=weights[has])
    np.testing.assert_allclose(fitted.transformers_["rna"].mean_, expected)


def telling(n=120, share=0.9):
    """Return two modalities of noise, and classes that missing values give away."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], n // 3)
    table = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
    lost = (y == 1)[:, None] & (rng.random((n, 6)) < share) & (np.arange(6) < 3)
    table = table.mask(lost)
    return pd.concat({"rna": table[list("abc")], "cnv": table[list("def")]}, axis=1), y


def test_missing_values_that_give_the_class_away_are_reported():
    X, y = telling()
    message = "Missing values alone tell the classes apart: .* in 'rna' .Cramer's V 0"
    with pytest.warns(InformativeMissingnessWarning, match=message) as caught:
        OmicsConcatenator(SimpleImputer()).fit(X, y)
    assert caught[0].filename == __file__
    OmicsConcatenator(SimpleImputer()).fit(X)  # without classes there is no clue
    OmicsConcatenator(SimpleImputer()).fit(X, y + np.linspace(0, 0.5, len(y)))


@pytest.mark.parametrize("seed", range(10))
def test_missing_values_at_random_are_not_reported(seed):
    rng = np.random.default_rng(seed)
    X, y = telling(share=0.0)
    X = X.mask(rng.random(X.shape) < 0.2)
    X.loc[rng.random(len(X)) < 0.3, "rna"] = np.nan
    OmicsConcatenator(SimpleImputer()).fit(X, y)


def test_trap_of_the_kidney_cohort_is_reported(data_dir):
    X, y = load_folder(data_dir / "tcga_kipan")
    with pytest.warns(InformativeMissingnessWarning, match="'rppa'"):
        OmicsConcatenator(SimpleImputer()).fit(X, y)


@pytest.mark.parametrize("name", ["tcga_stad", "tcga_gbm_mirna_cnv"])
def test_few_missing_values_of_a_real_cohort_are_not_reported(name, data_dir):
    X, y = load_folder(data_dir / name)
    assert X.isna().any(axis=None)
    OmicsConcatenator(SimpleImputer()).fit(X, y)


# Gaps in blocks of a column or two


def clinical(n_columns=1):
    tables = {
        "rna": TABLES["rna"],
        "clinical": TABLES["rna"]
        .iloc[:, :n_columns]
        .set_axis(["age", "stage"][:n_columns], axis=1)
        .copy(),
    }
    tables["clinical"].iloc[[1, 4]] = np.nan
    return tables


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(),
        KNNImputer(),
        make_pipeline(SimpleImputer(), StandardScaler()),
        make_pipeline(StandardScaler(), SimpleImputer()),
    ],
)
def test_gaps_of_narrow_blocks_are_filled_by_their_imputer(imputer, n_columns):
    tables = clinical(n_columns)
    concatenator = OmicsConcatenator({"rna": None, "clinical": imputer})
    out = concatenator.fit_transform(tables)
    assert out.notna().all(axis=None)
    pd.testing.assert_frame_equal(concatenator.transform(tables), out)
    one = concatenator.transform({k: v.iloc[[1]] for k, v in tables.items()})
    pd.testing.assert_frame_equal(one, out.iloc[[1]])
    expected = imputer.fit_transform(tables["clinical"])
    np.testing.assert_allclose(out.filter(like="clinical__"), expected)


@pytest.mark.parametrize("transformer", [None, StandardScaler(), PCA(1), Binarizer()])
def test_gaps_of_narrow_blocks_that_stay_are_told_with_the_cure(transformer):
    concatenator = OmicsConcatenator(transformer)
    message = r"2 of \d+ samples have no value in block 'clinical'.*'transform'"
    with pytest.warns(UserWarning, match=message):
        out = concatenator.fit_transform(clinical())
    assert out.filter(like="clinical__").isna().any(axis=1).sum() == 2
    again = concatenator.transform(clinical())
    pd.testing.assert_frame_equal(again, out)


def test_gaps_of_wide_blocks_are_modalities_that_samples_lack():
    tables = clinical()
    tables["rna"] = tables["rna"].copy()
    tables["rna"].iloc[3] = np.nan
    out = OmicsConcatenator(SimpleImputer()).fit_transform(tables)
    assert out.filter(like="rna__").isna().all(axis=1).sum() == 1


# Features that a new cohort lacks, or has in addition


def _lenient(transformer=None, **params):
    transformer = transformer or make_pipeline(SimpleImputer(), StandardScaler())
    params = {"extra_features": "drop", "missing_features": "nan", **params}
    return OmicsConcatenator(transformer, **params)


def _other_cohort():
    """Return the tables without two features, with two others, in another order."""
    new = {**TABLES, "rna": TABLES["rna"].drop(columns="r1").assign(more=1.0)}
    new["cnv"] = new["cnv"].drop(columns="c0").assign(r1=2.0).iloc[:, ::-1]
    return new


@pytest.mark.parametrize("form", ["dict", "two-level", "flat"])
def test_missing_features_are_imputed_and_further_ones_dropped(form):
    concatenator = _lenient().fit(X)
    new = _other_cohort()
    if form != "dict":
        new = pd.concat(new, axis=1)
    if form == "flat":
        new = new.set_axis(["__".join(column) for column in new], axis=1)
    expected = concatenator.transform(X)
    expected[["rna__r1", "cnv__c0"]] = 0.0  # the mean
    got = concatenator.transform(new)
    pd.testing.assert_frame_equal(got, expected, check_exact=False, atol=1e-12)


def test_clean_cohort_is_transformed_as_without_the_options():
    strict = OmicsConcatenator(make_pipeline(SimpleImputer(), StandardScaler()))
    expected = strict.fit(X).transform(TABLES)
    pd.testing.assert_frame_equal(_lenient().fit(X).transform(TABLES), expected)
    assert clone(_lenient()).get_params()["missing_features"] == "nan"


def test_each_of_the_two_options_is_needed():
    new = _other_cohort()
    with pytest.raises(ValueError, match="has 1 feature names unseen.*'more'"):
        _lenient(extra_features="error").fit(X).transform(new)
    with pytest.raises(ValueError, match="lacks 1 of the 5 features.*'r1'"):
        _lenient(missing_features="error").fit(X).transform(new)


@pytest.mark.parametrize("omics", [None, [3, 2]])
def test_single_table_is_matched_by_name_where_features_may_lack(omics):
    rna = TABLES["rna"]
    concatenator = _lenient(omics=omics).fit(rna)
    expected = concatenator.transform(rna)
    expected.iloc[:, 1] = 0.0
    got = concatenator.transform(rna[["r4", "r0", "r2", "r3"]].assign(more=1.0))
    pd.testing.assert_frame_equal(got, expected, check_exact=False, atol=1e-12)


def test_modality_that_was_not_there_is_dropped_unless_one_is_lacking():
    new = {**TABLES, "atac": TABLES["rna"]}
    concatenator = _lenient().fit(X)
    expected = concatenator.transform(X)
    pd.testing.assert_frame_equal(concatenator.transform(new), expected)
    del new["rna"]
    with pytest.raises(ValueError, match="1 modalities unseen at fit time .'atac'."):
        concatenator.transform(new)
    del new["atac"]
    assert concatenator.transform(new)["rna__r0"].isna().all()


def test_fewer_than_half_of_the_features_is_an_error_that_shows_names():
    other = TABLES["rna"].rename(columns=lambda name: name.upper())
    concatenator = _lenient().fit(X)
    with pytest.raises(ValueError, match="0 of the 5 .*'R0'.*'r0'.*align_features"):
        concatenator.transform({**TABLES, "rna": other})


def test_transformer_that_refuses_missing_features_is_an_error_at_fit():
    with pytest.raises(ValueError, match="'nan', but .* 'rna', PCA.*refuses NaN.*Put"):
        _lenient(PCA(2)).fit(X)


@pytest.mark.parametrize("transformer", ["passthrough", StandardScaler()])
def test_transformer_that_leaves_missing_features_is_warned_of_at_fit(transformer):
    given = {"rna": transformer, "methylation": "drop", "cnv": SimpleImputer()}
    with pytest.warns(UserWarning, match="transformers of 'rna' leave NaN.*imputer"):
        _lenient(given).fit(X)


def test_features_may_lack_in_sparse_blocks():
    tables = {name: table.abs() for name, table in TABLES.items()}
    tables["rna"] = tables["rna"].astype(pd.SparseDtype(float, 0.0))
    concatenator = _lenient(make_pipeline(SimpleImputer(), MaxAbsScaler())).fit(tables)
    expected = concatenator.transform(tables)
    new = {**tables, "rna": tables["rna"].drop(columns="r1")}
    got = concatenator.transform(new)
    kept = [i for i, name in enumerate(FLAT_NAMES) if name != "rna__r1"]
    for table in (got, expected):
        assert not np.isnan(sparse.csr_array(table).data).any()
    np.testing.assert_allclose(
        sparse.csr_array(got).toarray()[:, kept],
        sparse.csr_array(expected).toarray()[:, kept],
    )


@pytest.mark.parametrize("transform", ["numpy", "pandas"])
def test_missing_features_keep_the_chosen_output(transform):
    concatenator = _lenient().set_output(transform=transform).fit(X)
    got = concatenator.transform(_other_cohort())
    assert isinstance(got, np.ndarray if transform == "numpy" else pd.DataFrame)
    assert got.shape == (20, 12)


def test_options_are_pickled_and_searched():
    concatenator = pickle.loads(pickle.dumps(_lenient().fit(X)))
    assert not concatenator.transform(_other_cohort()).isna().any(axis=None)
    model = make_pipeline(_lenient(), LogisticRegression())
    grid = {"omicsconcatenator__extra_features": ["error", "drop"]}
    assert GridSearchCV(model, grid, cv=2).fit(FLAT, Y).best_score_ >= 0
