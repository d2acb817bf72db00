import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skomics import EFNNClassifier, OmicsConcatenator
from skomics._blocks import classifier_table, read_blocks
from skomics._compat import unpulled
from skomics._layout import BlockLayout, read_layout
from skomics.exceptions import SampleAlignmentError

IDS = ["p1", "p2", "p3"]


def _table(n_features, prefix, ids=IDS, start=0):
    values = np.arange(start, start + len(ids) * n_features, dtype=float)
    columns = [f"{prefix}{i}" for i in range(n_features)]
    return pd.DataFrame(values.reshape(len(ids), -1), index=ids, columns=columns)


def _columns(layout):
    return [columns.tolist() for columns in layout.columns]


@pytest.fixture
def tables():
    return {"rna": _table(4, "g"), "cnv": _table(5, "c", start=50)}


def test_flat_names_are_split_at_the_first_separator():
    layout = read_layout(["rna__TP53", "cnv__a__b", "rna___x"])
    assert layout.names == ("rna", "cnv")
    assert _columns(layout) == [[0, 2], [1]]
    assert layout.is_named
    assert layout.sizes == (2, 1)
    assert layout.n_features == 3


@pytest.mark.parametrize("columns", [3, ["a", "b", "c"], [0, 1, 2], ["__a", "b", "c"]])
def test_columns_without_omics_are_one_unnamed_block(columns):
    layout = read_layout(columns)
    assert layout.names == ("omics",)
    assert not layout.is_named
    assert layout.sizes == (3,)


@pytest.mark.parametrize(
    ("omics", "names", "columns"),
    [
        ([2, 1], ("omics_0", "omics_1"), [[0, 1], [2]]),
        ((1, 1, 1), ("omics_0", "omics_1", "omics_2"), [[0], [1], [2]]),
        (np.array([2, 1]), ("omics_0", "omics_1"), [[0, 1], [2]]),
        (np.array([7, 9, 7]), ("7", "9"), [[0, 2], [1]]),
        (["rna", "cnv", "rna"], ("rna", "cnv"), [[0, 2], [1]]),
        (pd.Series(["rna", "cnv", "rna"]), ("rna", "cnv"), [[0, 2], [1]]),
        (pd.Categorical(["rna", "cnv", "rna"]), ("rna", "cnv"), [[0, 2], [1]]),
        ({"rna": 1, "cnv": 2}, ("rna", "cnv"), [[0], [1, 2]]),
        ({"rna": ["c", "a"], "cnv": ["b"]}, ("rna", "cnv"), [[2, 0], [1]]),
        ({"rna": [2, 0], "cnv": [1]}, ("rna", "cnv"), [[2, 0], [1]]),
    ],
)
def test_omics_says_which_columns_form_a_block(omics, names, columns):
    layout = read_layout(["a", "b", "c"], omics)
    assert layout.names == names
    assert _columns(layout) == columns
    assert layout.is_named


@pytest.mark.parametrize(
    ("columns", "omics", "message"),
    [
        (
            ["rna__a", "b", "rna__c"],
            None,
            r"1 of 3 column names do not .*'b'; .* 'rna'",
        ),
        (3, [2, 2], r"sizes \(2, 2\), which sum to 4, for a table of 3 features"),
        (3, [3, 0], r"Sizes must be at least 1"),
        (3, {"rna": 1}, "sum to 1, for a table of 3 features"),
        (3, ["rna", "cnv"], "Got 2 labels of modalities for 3 columns"),
        (3, ["rna", None, "cnv"], "1 of 3 columns have a missing modality label"),
        (3, "rna", "Got omics='rna'"),
        (3, [], "must be block sizes, one label per column, or"),
        (3, {"rna": ["a"]}, "holds column names but the table has none"),
        (["a", "b", "c"], {"rna": ["a", "q"]}, r"lists 1 columns .* e.g. 'q'"),
        (3, {"rna": [0, 1], "cnv": [5]}, r"lists 1 columns .* e.g. 5"),
        (["a", "b", "c"], {"rna": ["a", "b"]}, "leaves out 1 of 3 columns"),
        (3, {"rna": [0, 1], "cnv": [1, 2]}, "1 more than once, e.g. position 1"),
        (3, {"rna": "abc"}, r"omics\['rna'\] is 'abc'"),
        (3, {"a__b": 3}, "Got the omics name 'a__b'"),
        (3, {"rna_": 3}, "or end with '_'"),
        (3, {"": 3}, "must not be empty"),
        (2, np.array([1, "1"], dtype=object), "not all different as text"),
    ],
)
def test_a_mismatch_of_omics_and_columns_says_got_wanted_do(columns, omics, message):
    with pytest.raises(ValueError, match=message):
        read_layout(columns, omics)


def test_labels_of_the_table_give_way_to_omics():
    labels = np.array(["rna", "cnv", "cnv"])
    assert read_layout(["a", "b", "c"], omics_labels=labels).sizes == (1, 2)
    assert read_layout(["a", "b", "c"], [2, 1], omics_labels=labels).sizes == (2, 1)


def test_layout_compares_prints_and_pickles():
    layout = read_layout(5, {"rna": 2, "cnv": 3})
    assert repr(layout) == "BlockLayout(rna: 2, cnv: 3)"
    assert repr(read_layout(5)) == "BlockLayout(unnamed: 5)"
    again = pickle.loads(pickle.dumps(layout))
    assert again == layout
    assert hash(again) == hash(layout)
    assert layout != read_layout(5, {"rna": 3, "cnv": 2})
    assert layout != read_layout(5, {"rna": [0, 2], "cnv": [1, 3, 4]})
    assert layout != "rna"
    assert isinstance(layout, BlockLayout)


@given(st.lists(st.sampled_from(["rna", "cnv", "mirna"]), min_size=1, max_size=30))
def test_every_column_belongs_to_exactly_one_block(labels):
    layout = read_layout([f"{label}__{i}" for i, label in enumerate(labels)])
    assert sorted(np.concatenate(layout.columns)) == list(range(len(labels)))
    for name, columns in zip(layout.names, layout.columns, strict=True):
        assert {labels[i] for i in columns} == {name}
    assert layout == read_layout(len(labels), labels)


def test_two_level_flat_and_dict_of_tables_are_the_same_blocks(tables):
    two_level = pd.concat(tables, axis=1)
    flat = two_level.copy()
    flat.columns = [f"{omics}__{feature}" for omics, feature in two_level.columns]
    for X in (two_level, flat, tables):
        read = read_blocks(X)
        assert read.layout.names == ("rna", "cnv")
        assert read.feature_names.tolist() == flat.columns.tolist()
        assert read.rows.tolist() == IDS
        for name, table in tables.items():
            pd.testing.assert_frame_equal(read.blocks[name].data, table)


def test_list_of_tables_is_named_by_position(tables):
    assert read_blocks(list(tables.values())).layout.names == ("omics_0", "omics_1")


def test_columns_of_a_block_need_not_be_adjacent(tables):
    X = pd.concat(tables, axis=1).iloc[:, [0, 5, 1, 4, 2]]
    read = read_blocks(X)
    assert _columns(read.layout) == [[0, 2, 4], [1, 3]]
    pd.testing.assert_frame_equal(
        read.blocks["cnv"].data, tables["cnv"].iloc[:, [1, 0]]
    )


def test_rows_are_matched_by_label_in_the_order_of_the_first_table(tables):
    shuffled = tables["cnv"].iloc[[2, 0, 1]]
    read = read_blocks({"rna": tables["rna"], "cnv": shuffled})
    pd.testing.assert_frame_equal(read.blocks["cnv"].data, tables["cnv"])


def test_integer_labels_are_labels_unless_every_table_counts_from_zero():
    rna, cnv = _table(4, "g", [0, 1, 2]), _table(5, "c", [2, 1, 0])
    read = read_blocks({"rna": rna, "cnv": cnv})
    assert read.blocks["cnv"].data.index.tolist() == [0, 1, 2]
    unlabeled = cnv.reset_index(drop=True)
    assert read_blocks({"a": unlabeled, "b": unlabeled}).rows is None
    with pytest.raises(SampleAlignmentError, match="'cnv' has no row labels yet; set"):
        read_blocks({"rna": _table(4, "g"), "cnv": unlabeled})


def test_an_array_beside_a_labeled_table_is_matched_by_position(tables):
    array = np.arange(6).reshape(3, 2)
    read = read_blocks({"array": array, "rna": tables["rna"]})
    assert read.rows.tolist() == IDS
    assert read.feature_names is None
    assert read.blocks["array"].data is array


def test_feature_names_that_are_not_text_become_text():
    X = pd.DataFrame(np.ones((3, 2)), columns=[7, "a"])
    assert read_blocks({"rna": X}).feature_names.tolist() == ["rna__7", "rna__a"]
    assert X.columns.tolist() == [7, "a"]


@pytest.mark.parametrize("container", [sparse.csc_array, sparse.dok_matrix])
def test_sparse_blocks_are_read_as_csr(container):
    X = container(np.eye(3, 4))
    assert read_blocks({"rna": X, "cnv": X}).blocks["rna"].data.format == "csr"


def test_arrays_of_unequal_length_name_block_and_counts():
    message = (
        "Block 'methylation' has 94 samples but block 'rna' has 100. All blocks need "
        "the same samples in the same order; use `align_samples` first"
    )
    with pytest.raises(SampleAlignmentError, match=message):
        read_blocks({"rna": np.ones((100, 5)), "methylation": np.ones((94, 5))})
    with pytest.raises(
        SampleAlignmentError, match="has 3 columns: if it is transposed"
    ):
        read_blocks({"rna": np.ones((3, 5)), "methylation": np.ones((7, 3))})


def test_differing_ids_name_both_tables_and_counts(tables):
    other = tables["cnv"].set_axis(["p2", "p3", "p4"])
    message = (
        r"Block 'cnv' and block 'rna' hold different samples: 2 ids are in both, 1 "
        r"only in 'rna' \('p1'\) and 1 only in 'cnv' \('p4'\).*align_samples"
    )
    with pytest.raises(SampleAlignmentError, match=message):
        read_blocks({"rna": tables["rna"], "cnv": other})


def test_duplicated_ids_name_the_table(tables):
    other = tables["cnv"].set_axis(["p1", "p2", "p2"])
    message = r"Block 'cnv' has 3 rows and 1 sample ids .* e.g. 'p2'.*align_samples"
    with pytest.raises(SampleAlignmentError, match=message):
        read_blocks({"rna": tables["rna"], "cnv": other})


def test_one_table_may_repeat_rows_as_a_bootstrap_does(tables):
    X = pd.concat(tables, axis=1).iloc[[0, 0, 1]]
    assert read_blocks(X).rows.tolist() == ["p1", "p1", "p2"]


@pytest.mark.parametrize("order", [["rna", "cnv"], ["cnv", "rna"]])
def test_a_transposed_table_is_found_wherever_it_stands(tables, order):
    tables["cnv"] = tables["cnv"].T
    message = (
        r"Block 'cnv' \(5 rows, 3 columns\) looks transposed: its column labels, e.g. "
        r"'p1', 'p2', 'p3', are row labels of block 'rna'.*`\.T`"
    )
    with pytest.raises(SampleAlignmentError, match=message):
        read_blocks({name: tables[name] for name in order})


def test_of_two_tables_of_the_same_labels_the_taller_one_is_transposed():
    rna = pd.DataFrame(np.ones((3, 4)), index=IDS, columns=list("abcd"))
    with pytest.raises(SampleAlignmentError, match=r"Block 'cnv' \(4 rows, 3 col"):
        read_blocks({"rna": rna, "cnv": rna.T})


def test_integer_labels_are_no_evidence_of_a_transposed_table():
    rna = pd.DataFrame(np.ones((4, 9)), index=[5, 6, 7, 8])
    cnv = pd.DataFrame(np.ones((4, 9)), index=[1, 2, 3, 5])
    with pytest.raises(SampleAlignmentError, match="1 ids are in both"):
        read_blocks({"rna": rna, "cnv": cnv})


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ({}, "Got a dict without tables"),
        ({"rna": np.ones(3)}, r"Block 'rna' has 1 dimensions, shape \(3,\)"),
        ({"a__b": np.ones((3, 2))}, "Got the omics name 'a__b'"),
        ({1: np.ones((3, 2)), "1": np.ones((3, 2))}, "not all different as text"),
        ({"rna": pd.concat({"a": _table(2, "g")}, axis=1)}, "has 2 column levels"),
        (pd.concat({"b": pd.concat({"a": _table(2, "g")}, axis=1)}, axis=1), "X has 3"),
        ({"rna": _table(2, "g").set_axis(["a", "a"], axis=1)}, "1 feature names occur"),
        (
            pd.concat({"rna": _table(2, "g").set_axis([1, "1"], axis=1)}, axis=1),
            r"Block 'rna' has 2 columns but 1 feature names .* e.g. '1'",
        ),
    ],
)
def test_an_unreadable_form_says_got_wanted_do(X, message):
    with pytest.raises(ValueError, match=message):
        read_blocks(X)


def test_classifier_gets_flat_names_and_keeps_the_index(tables):
    X = pd.concat(tables, axis=1)
    table, names, labels = classifier_table(X)
    assert names is None
    assert labels.tolist() == [omics for omics, _ in X.columns]
    assert table.columns[4] == "cnv__c0"
    assert table.index.tolist() == IDS
    assert X.columns.nlevels == 2
    assert np.shares_memory(table.iloc[:, 0].to_numpy(), X.iloc[:, 0].to_numpy())


def test_classifier_gets_anything_else_unchanged(tables):
    for X in (tables["rna"], np.ones((3, 2)), sparse.eye(3), [[1.0], [2.0]]):
        table, names, labels = classifier_table(X)
        assert table is X
        assert (names, labels) == (None, None)


@pytest.mark.parametrize("as_list", [False, True])
def test_classifier_sends_several_tables_to_the_concatenator(tables, as_list):
    X = list(tables.values()) if as_list else tables
    with pytest.raises(TypeError, match="of 2 tables.*OmicsConcatenator"):
        classifier_table(X)


@pytest.fixture
def annotated():
    anndata = pytest.importorskip("anndata", reason="AnnData is an optional input")
    mudata = pytest.importorskip("mudata", reason="MuData is an optional input")

    def make(name, n_features, ids=IDS, is_sparse=False):
        table = _table(n_features, name[0], ids).astype(np.float32)
        X = sparse.csr_matrix(table.to_numpy()) if is_sparse else table.to_numpy()
        obs, var = pd.DataFrame(index=ids), pd.DataFrame(index=table.columns)
        return anndata.AnnData(X, obs=obs, var=var)

    def join(**tables):
        with unpulled(mudata):
            return mudata.MuData(tables)

    make.join = join
    return make


def test_anndata_is_one_block_unless_its_variables_name_their_omics(annotated):
    X = annotated("rna", 4)
    read = read_blocks(X)
    assert not read.layout.is_named
    assert read.feature_names.tolist() == ["r0", "r1", "r2", "r3"]
    assert read.is_annotated
    X.var["omics"] = ["rna", "cnv", "cnv", "rna"]
    read = read_blocks(X)
    assert _columns(read.layout) == [[0, 3], [1, 2]]
    assert read.feature_names[1] == "cnv__r1"
    matrix, names, labels = classifier_table(X)
    assert isinstance(matrix, np.ndarray)
    assert names.tolist() == ["r0", "r1", "r2", "r3"]
    assert labels.tolist() == ["rna", "cnv", "cnv", "rna"]


def test_anndata_with_flat_names_is_split_by_them(annotated):
    X = annotated("rna", 2, is_sparse=True)
    assert classifier_table(X)[2] is None
    X.var_names = ["rna__a", "cnv__a"]
    assert read_blocks(X).layout.names == ("rna", "cnv")
    matrix, names, labels = classifier_table(X)
    assert sparse.issparse(matrix)
    assert names.tolist() == ["rna__a", "cnv__a"]
    assert labels.tolist() == ["rna", "cnv"]


def test_mudata_rows_follow_the_container(annotated):
    rna = annotated("rna", 4, ["p3", "p1", "p2"], is_sparse=True)
    X = annotated.join(rna=rna, cnv=annotated("cnv", 2, ["p1", "p2", "p3"]))
    read = read_blocks(X)
    assert read.rows.tolist() == X.obs_names.tolist()
    matrix, names, labels = classifier_table(X)
    assert matrix.format == "csr"
    assert matrix.dtype == np.float32
    assert names[-1] == "cnv__c1"
    assert labels.tolist() == ["rna"] * 4 + ["cnv"] * 2
    p1 = X.obs_names.get_loc("p1")
    np.testing.assert_array_equal(matrix.toarray()[p1], [4, 5, 6, 7, 0, 1])


def test_mudata_with_differing_samples_names_the_cure(annotated):
    X = annotated.join(rna=annotated("rna", 4), cnv=annotated("cnv", 2, ["p1", "p2"]))
    with pytest.raises(SampleAlignmentError, match=r"mudata\.pp\.intersect_obs"):
        read_blocks(X)


def test_anndata_without_matrix_is_named(annotated):
    X = annotated("rna", 2)
    X.X = None
    with pytest.raises(ValueError, match="'rna' is an AnnData without a matrix"):
        read_blocks({"rna": X})


# AnnData that says of what its variables are


def five_variables(dense=True, **var):
    anndata = pytest.importorskip("anndata")
    values = np.arange(50.0).reshape(10, 5)
    X = values if dense else sparse.csr_matrix(values)
    return anndata.AnnData(X, var=pd.DataFrame(var, index=list("abcde")))


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("kind", [list, pd.Categorical])
def test_feature_types_of_cellranger_are_modalities(dense, kind):
    types = kind(["Gene Expression", "Antibody Capture"] * 2 + ["Peaks"])
    X = five_variables(dense, feature_types=types)
    read = read_blocks(X)
    assert read.layout.names == ("Gene Expression", "Antibody Capture", "Peaks")
    assert read.blocks["Gene Expression"].features.tolist() == ["a", "c"]
    concatenator = OmicsConcatenator().fit(X)
    assert concatenator.get_feature_names_out()[2] == "Antibody Capture__b"
    assert classifier_table(X)[2].tolist() == list(types)


def test_a_column_called_omics_prevails_over_feature_types():
    X = five_variables(omics=list("xxyyy"), feature_types=["Gene Expression"] * 5)
    assert read_blocks(X).layout.names == ("x", "y")


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(
    "omics", [{"rna": 3, "adt": 2}, {"rna": list("abc"), "adt": ["d", "e"]}, [3, 2]]
)
def test_an_anndata_without_modalities_takes_them_from_the_parameter(dense, omics):
    X = five_variables(dense)
    concatenator = OmicsConcatenator(omics=omics).fit(X)
    assert concatenator.block_sizes_ == (3, 2)
    values = concatenator.set_output(transform="numpy").transform(X[:, ::-1])
    values = values if dense else values.toarray()
    np.testing.assert_array_equal(values, np.arange(50.0).reshape(10, 5))


def test_one_label_for_each_variable_of_an_anndata_is_taken():
    assert OmicsConcatenator(omics=list("xxyxy")).fit(five_variables()).omics_ == (
        "x",
        "y",
    )


def test_sizes_do_not_contradict_an_anndata_that_names_its_modalities():
    X = five_variables(omics=list("xxyyy"))
    with pytest.raises(ValueError, match=r"X names its modalities \('x', 'y'\)"):
        OmicsConcatenator(omics={"rna": 3, "adt": 2}).fit(X)


def test_lazy_frames_are_refused_with_what_to_do():
    polars = pytest.importorskip("polars")
    lazy = polars.DataFrame({"a": [0.0, 1.0] * 6, "b": [1.0, 2.0] * 6}).lazy()
    fits = [(OmicsConcatenator(), form) for form in (lazy, {"rna": lazy}, [lazy, lazy])]
    for estimator, form in [*fits, (EFNNClassifier(), lazy)]:
        with pytest.raises(TypeError, match="has no values yet. Give what its collect"):
            estimator.fit(form, [0, 1] * 6)
