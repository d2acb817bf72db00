"""Promises of align_samples and AlignmentReport."""

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skomics.exceptions import SampleAlignmentError, SampleDroppedWarning
from skomics.preprocessing._alignment import align_samples

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SKOMICS_DATA", ROOT / "../shared/data"))


def _table(ids, prefix="g", n_features=2):
    values = np.arange(len(ids) * n_features, dtype=float).reshape(len(ids), n_features)
    columns = [f"{prefix}{i}" for i in range(n_features)]
    return pd.DataFrame(values, index=ids, columns=columns)


def _require(path):
    if not path.exists():
        pytest.skip(f"{path} is not there; set SKOMICS_DATA to the development data")
    return path


# Joining


def test_inner_keeps_common_samples_in_the_order_of_the_first_table():
    rna, mirna = _table(["c", "a", "b"]), _table(["b", "d", "c"], "m")
    X, y, report = align_samples({"rna": rna, "mirna": mirna})
    assert X.index.to_list() == ["c", "b"]
    assert X.index.name == "sample"
    assert X.columns.names == ["omics", "feature"]
    assert list(X.columns.unique("omics")) == ["rna", "mirna"]
    assert y is None
    np.testing.assert_array_equal(X["rna"], rna.loc[["c", "b"]])
    np.testing.assert_array_equal(X["mirna"], mirna.loc[["c", "b"]])
    assert report.n_kept == 2


def test_outer_keeps_every_sample_as_first_seen_and_leaves_missing_omics_nan():
    tables = {"rna": _table(["c", "a"]), "mirna": _table(["b", "c"], "m")}
    X, _, report = align_samples(tables, join="outer")
    assert X.index.to_list() == ["c", "a", "b"]
    assert X.loc["b", "rna"].isna().all()
    assert X.loc["a", "mirna"].isna().all()
    assert X.isna().to_numpy().sum() == 4
    assert report.lacking == {"rna": ["b"], "mirna": ["a"]}
    assert report.dropped.empty


def test_outer_turns_boolean_and_integer_blocks_with_gaps_into_floats():
    mutation = pd.DataFrame({"TP53": [True], "KRAS": [2]}, index=["a"])
    X, _, _ = align_samples(
        {"rna": _table(["a", "b"]), "mutation": mutation}, join="outer"
    )
    assert set(X.dtypes) == {np.dtype(float)}


def test_a_table_keeps_its_dtype_when_nothing_is_missing():
    mutation = pd.DataFrame({"TP53": [True, False]}, index=["a", "b"])
    X, _, _ = align_samples({"rna": _table(["b", "a"]), "mutation": mutation})
    assert X[("mutation", "TP53")].dtype == bool
    assert X[("mutation", "TP53")].to_list() == [False, True]


def test_the_given_tables_are_left_as_they_were():
    rna, y = _table(["b", "a"]), pd.Series({"a": 0, "b": 1})
    before = rna.copy(), y.copy()
    X, y_out, _ = align_samples({"rna": rna}, y)
    X.iloc[:] = -1.0
    y_out[:] = 9
    pd.testing.assert_frame_equal(rna, before[0])
    pd.testing.assert_series_equal(y, before[1])


@given(
    first=st.permutations("abcdef"),
    second=st.permutations("cdefgh"),
    labels=st.permutations("abcdefgh"),
    join=st.sampled_from(["inner", "outer"]),
)
def test_order_of_samples_never_changes_which_values_belong_to_an_id(
    first, second, labels, join
):
    rna, mirna = _table(list("abcdef")), _table(list("cdefgh"), "m")
    y = pd.Series({i: i.upper() for i in "abcdefgh"})
    X, y_out, _ = align_samples(
        {"rna": rna.loc[list(first)], "mirna": mirna.loc[list(second)]},
        y[list(labels)],
        join=join,
    )
    assert y_out.index.equals(X.index)
    assert y_out.to_list() == [i.upper() for i in X.index]
    for name, table in {"rna": rna, "mirna": mirna}.items():
        np.testing.assert_array_equal(X[name], table.reindex(X.index))


BARCODES = [
    "TCGA-A1-A0SB-06A-11R-A144-07",
    "TCGA-A1-A0SB-01B-11R-A144-07",
    "TCGA.A1.A0SB.01A.21R.A144.07",
    "tcga.a1.a0sb.11a.11r.a144.07",
    "TCGA-A1-A0SC-02A",
    "TCGA-A1-A0SC",
    "TCGA-A1-A0SD-20A",
    "TCGA-A1-A0SE-03",
]


@given(order=st.permutations(BARCODES))
def test_order_of_samples_never_changes_which_duplicate_is_kept(order):
    table = _table(BARCODES)
    X, _, report = align_samples({"rna": table.loc[list(order)]}, id_level="patient")
    kept = {
        "TCGA-A1-A0SB": "TCGA.A1.A0SB.01A.21R.A144.07",
        "TCGA-A1-A0SC": "TCGA-A1-A0SC-02A",
        "TCGA-A1-A0SE": "TCGA-A1-A0SE-03",
    }
    assert set(X.index) == set(kept)
    for patient, barcode in kept.items():
        np.testing.assert_array_equal(X.loc[patient, "rna"], table.loc[barcode])
    assert len(report.dropped) == len(BARCODES) - 3
    assert len(report.duplicates) == 3


# Labels


def test_labels_follow_their_samples_and_keep_their_name():
    y = pd.Series(["x", "z"], index=["a", "b"], name="subtype")
    X, y_out, _ = align_samples({"rna": _table(["b", "a"])}, y)
    expected = pd.Series(["z", "x"], index=X.index, name="subtype")
    pd.testing.assert_series_equal(y_out, expected)


def test_labels_named_as_their_index_and_categorical_labels_are_fine():
    index = pd.Index(["a", "b"], name="sample")
    y = pd.Series(["x", "z"], index=index, name="sample", dtype="category")
    _, y_out, _ = align_samples({"rna": _table(["b", "a"])}, y)
    pd.testing.assert_series_equal(y_out, y.iloc[::-1])


@pytest.mark.parametrize("ids", [["b", "a"], [102, 7]])
def test_ids_keep_their_type(ids):
    table = _table(ids)
    table.index.name = "sample"
    X, _, _ = align_samples({"rna": table})
    assert X.index.dtype == table.index.dtype


def test_labels_may_be_a_dict():
    _, y, _ = align_samples({"rna": _table(["b", "a"])}, {"a": 1, "b": 2})
    assert y.to_dict() == {"b": 2, "a": 1}
    assert y.name == "label"


def test_unlabeled_samples_and_unused_labels_are_dropped_and_reported():
    y = pd.Series({"a": "x", "b": np.nan, "z": "x"})
    X, y, report = align_samples({"rna": _table(["a", "b", "c"])[:2]}, y)
    assert X.index.to_list() == ["a"]
    assert report.dropped.to_numpy().tolist() == [
        ["b", "y", "label is missing"],
        ["b", "rna", "no label"],
        ["z", "y", "sample is not in the joined tables"],
    ]


@pytest.mark.parametrize("y", [[0, 1], np.array([0, 1])])
def test_labels_without_ids_are_refused(y):
    with pytest.raises(TypeError, match=r"has no sample ids.*pd\.Series\(y, index="):
        align_samples({"rna": _table(["a", "b"])}, y)


def test_labels_with_two_index_levels_are_refused():
    y = pd.Series([0], index=pd.MultiIndex.from_tuples([("a", "b")]))
    with pytest.raises(ValueError, match="y has 2 index levels"):
        align_samples({"rna": _table(["a"])}, y)


@pytest.mark.parametrize("y", [{"s1": 0}, {}, {"a": None}])
def test_labels_of_other_samples_are_an_error_that_shows_both_ids(y):
    with pytest.raises(SampleAlignmentError, match="None of the 2 samples has a label"):
        align_samples({"rna": _table(["a", "b"])}, y)


def test_an_id_repeated_with_the_same_label_counts_once():
    y = pd.Series([0, 1, 0], index=["a", "b", "a"])
    _, y, report = align_samples({"rna": _table(["a", "b"])}, y)
    assert y.to_dict() == {"a": 0, "b": 1}
    assert report.dropped.to_numpy().tolist() == [["a", "y", "same id and label again"]]


def test_contradicting_labels_are_an_error():
    y = pd.Series([0, 1], index=["a", "a"])
    with pytest.raises(SampleAlignmentError, match="2 rows of 'y' share 1 ids: 'a'"):
        align_samples({"rna": _table(["a", "b"])}, y)


# TCGA barcodes and other reductions


@pytest.mark.parametrize(
    "barcode",
    [
        "TCGA-A1-A0SB-01A-11R-A144-07",
        "TCGA.A1.A0SB.01A.11R.A144.07",
        "TCGA_A1_A0SB_01A_11R_A144_07",
        "tcga.a1.a0sb.01a",
        "TCGA-A1-A0SB-01",
    ],
)
@pytest.mark.parametrize(
    ("id_level", "expected"),
    [("patient", "TCGA-A1-A0SB"), ("sample", "TCGA-A1-A0SB-01")],
)
def test_barcodes_of_every_style_come_out_in_upper_case_with_dashes(
    barcode, id_level, expected
):
    X, _, _ = align_samples({"rna": _table([barcode])}, id_level=id_level)
    assert X.index.to_list() == [expected]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("11", "normal"), ("20", "control"), ("61", "cell line or xenograft")],
)
def test_patient_level_drops_what_is_no_tumor_and_says_so(code, kind):
    ids = ["TCGA-A1-A0SB-01", f"TCGA-A1-A0SB-{code}", f"TCGA-A1-A0SC-{code}"]
    with warnings.catch_warnings(action="error"):
        X, _, report = align_samples({"rna": _table(ids)}, id_level="patient")
    assert X.index.to_list() == ["TCGA-A1-A0SB"]
    assert report.dropped["sample"].to_list() == ids[1:]
    assert set(report.dropped["reason"]) == {f"sample type {code} ({kind}) is no tumor"}
    assert report.duplicates.empty


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("01", "03"),
        ("03", "05"),
        ("05", "09"),
        ("09", "02"),
        ("02", "06"),
        ("06", "40"),
        ("01B", "06A"),
        ("01A", "01B"),
        ("01A-11R", "01A-12R"),
        ("01A-11R-A144", "01A-11R-A145"),
    ],
)
def test_patient_level_keeps_the_primary_then_the_lowest_barcode(better, worse):
    ids = [f"TCGA-A1-A0SB-{worse}", f"TCGA-A1-A0SB-{better}"]
    X, _, report = align_samples({"rna": _table(ids)}, id_level="patient")
    assert X.iloc[0].to_list() == [2.0, 3.0]
    assert report.duplicates.to_numpy().tolist() == [
        ["TCGA-A1-A0SB", "rna", ids[1], ids[0]]
    ]
    assert report.dropped.to_numpy().tolist() == [
        [ids[0], "rna", "another sample of the patient is kept"]
    ]


def test_sample_level_keeps_normals_apart_and_resolves_aliquots():
    ids = ["TCGA-A1-A0SB-11A", "TCGA-A1-A0SB-01B", "TCGA-A1-A0SB-01A"]
    X, _, report = align_samples({"rna": _table(ids)}, id_level="sample")
    assert X.index.to_list() == ["TCGA-A1-A0SB-11", "TCGA-A1-A0SB-01"]
    assert X.iloc[1, 0] == 4.0
    assert report.dropped["reason"].to_list() == [
        "another aliquot of the sample is kept"
    ]


def test_patients_whose_tables_differ_in_sample_type_are_reported():
    rna = _table(["TCGA-A1-A0SB-01", "TCGA-A1-A0SC-01"])
    mirna = _table(["TCGA-A1-A0SB-06", "TCGA-A1-A0SC"], "m")
    _, _, report = align_samples({"rna": rna, "mirna": mirna}, id_level="patient")
    assert report.mixed_types == ["TCGA-A1-A0SB"]
    assert "from different sample types: 1 ('TCGA-A1-A0SB')" in repr(report)


@pytest.mark.parametrize("id_level", ["patient", "sample"])
def test_ids_that_are_no_barcodes_are_named(id_level):
    table = _table(["TCGA-A1-A0SB-01", "P7", "TCGA02000701"])
    message = r"2 of 3 ids of 'rna' are not TCGA barcodes .*'P7', 'TCGA02000701'.*None"
    with pytest.raises(ValueError, match=message):
        align_samples({"rna": table}, id_level=id_level)


def test_sample_level_refuses_patient_ids():
    with pytest.raises(
        ValueError, match="no sample type: 'TCGA-A1-A0SB'. Use id_level"
    ):
        align_samples({"rna": _table(["TCGA-A1-A0SB"])}, id_level="sample")


def test_a_function_reduces_ids_of_any_style():
    tables = {"rna": _table(["P1_rna", "P2_rna"]), "mirna": _table(["P2_mi"], "m")}
    X, y, _ = align_samples(tables, {"P2": 1}, id_level=lambda i: i.split("_")[0])
    assert X.index.to_list() == ["P2"]
    assert y.to_list() == [1]


def test_a_function_that_returns_no_string_is_refused():
    with pytest.raises(TypeError, match="turned 'a' into None, a NoneType"):
        align_samples({"rna": _table(["a"])}, id_level=lambda i: None)


# Repeated ids, wrong tables


def test_repeated_ids_are_an_error_with_table_count_example_and_cure():
    message = r"4 rows of 'rna' share 2 ids: 'a', 'b'. No rule .* Drop or average"
    with pytest.raises(SampleAlignmentError, match=message):
        align_samples({"rna": _table(["a", "b", "a", "c", "b"])})


def test_ids_a_function_makes_equal_are_an_error():
    with pytest.raises(SampleAlignmentError, match="after id_level was applied: 'P'"):
        align_samples({"rna": _table(["P1", "P2"])}, id_level=lambda i: i[0])


def test_the_same_barcode_twice_is_an_error_because_no_rule_can_choose():
    table = _table(["TCGA-A1-A0SB-01A", "tcga.a1.a0sb.01a", "TCGA-A1-A0SC-01A"])
    with pytest.raises(SampleAlignmentError, match="2 rows of 'rna' share 1 ids and"):
        align_samples({"rna": table}, id_level="patient")


def test_missing_row_labels_are_an_error():
    with pytest.raises(ValueError, match="'rna' has 1 missing row labels"):
        align_samples({"rna": _table(["a", None])})


def test_no_common_sample_shows_ids_of_both_tables_and_cures():
    tables = {"rna": _table(["a", "b"]), "mirna": _table(["A", "B"], "m")}
    message = r"'rna' has 'a', 'b', 'mirna' has 'A', 'B'.*id_level.*\.T"
    with pytest.raises(SampleAlignmentError, match=message):
        align_samples(tables)


def test_ids_of_different_type_are_shown_as_such():
    numbered = _table([1, 2]).rename_axis("patient")
    tables = {"rna": numbered, "mirna": _table(["1", "2"], "m")}
    with pytest.raises(
        SampleAlignmentError, match="'rna' has 1, 2, 'mirna' has '1', '2'"
    ):
        align_samples(tables)


@pytest.mark.parametrize("join", ["inner", "outer"])
def test_a_transposed_table_is_named(join):
    ids = list("abcdef")
    tables = {"rna": _table(ids), "mirna": _table(ids, "m").T, "cnv": _table(ids)}
    with pytest.raises(
        SampleAlignmentError, match=r"'mirna' of shape \(2, 6\) .*mirna\.T"
    ):
        align_samples(tables, join=join)


def test_labels_tell_which_of_two_tables_of_the_same_genes_is_transposed():
    rna, cnv = (
        _table(list("abcdef"), n_features=4),
        _table(list("abcdef"), n_features=4),
    )
    with pytest.raises(
        SampleAlignmentError, match="Table 'rna' or 'cnv' .* transposed"
    ):
        align_samples({"rna": rna, "cnv": cnv.T})
    with pytest.raises(SampleAlignmentError, match="Table 'cnv' .* transposed"):
        align_samples({"rna": rna, "cnv": cnv.T}, dict.fromkeys("abcdef", 0))


def test_a_single_transposed_table_of_barcodes_is_noticed():
    table = _table(["TCGA-A1-A0SB-01", "TCGA-A1-A0SC-01"]).T
    with pytest.raises(SampleAlignmentError, match="'rna' .* looks transposed"):
        align_samples({"rna": table}, id_level="patient")


def test_numbered_rows_and_columns_are_not_taken_for_a_transposed_table():
    tables = {"rna": pd.DataFrame(np.eye(4)), "mirna": pd.DataFrame(np.ones((4, 9)))}
    named = {name: table.rename_axis("patient") for name, table in tables.items()}
    X, _, _ = align_samples(named)
    assert X.shape == (4, 13)


@pytest.mark.parametrize(
    ("tables", "error", "message"),
    [
        ([_table(["a"])], TypeError, "tables is a list, not a dict"),
        ({}, ValueError, "tables is empty"),
        ({"rna": np.eye(2)}, TypeError, "'rna' is a ndarray, which has no sample ids"),
        ({0: _table(["a"])}, TypeError, "table name 0 is not a string"),
        ({"y": _table(["a"])}, ValueError, "A table is named 'y'"),
        (
            {"rna": pd.concat({"rna": _table(["a"])}, axis=1)},
            ValueError,
            "1 row and 2 column levels",
        ),
        ({"rna": _table([])}, SampleAlignmentError, "'rna' has none"),
    ],
)
def test_wrong_tables_are_refused(tables, error, message):
    with pytest.raises(error, match=message):
        align_samples(tables)


def test_unknown_options_are_refused():
    with pytest.raises(
        ValueError, match="join is 'left'; it can be 'inner' or 'outer'"
    ):
        align_samples({"rna": _table(["a"])}, join="left")
    with pytest.raises(ValueError, match="id_level is 'donor'; it can be None"):
        align_samples({"rna": _table(["a"])}, id_level="donor")


# Report and warning


def test_losing_more_than_half_of_a_table_warns_with_counts():
    tables = {"rna": _table(list("abcd")), "mirna": _table(["a"], "m")}
    with pytest.warns(
        SampleDroppedWarning, match="'rna' loses 3 of 4. Print"
    ) as caught:
        align_samples(tables)
    assert caught[0].filename == __file__


def test_losing_half_of_a_table_is_only_reported():
    tables = {"rna": _table(list("abcd")), "mirna": _table(["a", "b"], "m")}
    with warnings.catch_warnings(action="error"):
        _, _, report = align_samples(tables)
    assert report.dropped["sample"].to_list() == ["c", "d"]


def test_report_reads_well():
    rna = _table([f"TCGA-A1-A0S{c}-01" for c in "ABCDEF"] + ["TCGA-A1-A0SA-11"])
    mirna = _table([f"TCGA-A1-A0S{c}-01" for c in "ABC"], "m")
    y = pd.Series({f"TCGA-A1-A0S{c}": "x" for c in "ABCDE"})
    tables = {"rna": rna, "mirna": mirna}
    _, _, report = align_samples(tables, y, join="outer", id_level="patient")
    assert repr(report).splitlines() == [
        "AlignmentReport: 5 samples kept (join='outer')",
        "  rna    7 rows, 2 dropped",
        "         sample type 11 (normal) is no tumor: 1 ('TCGA-A1-A0SA-11')",
        "         no label: 1 ('TCGA-A1-A0SF-01')",
        "  mirna  3 rows, 0 dropped",
        "         all NaN for samples it lacks: 2 ('TCGA-A1-A0SD', 'TCGA-A1-A0SE')",
        "  y      5 rows, 0 dropped",
    ]


@given(
    first=st.sets(st.sampled_from("abcdefgh"), min_size=1),
    second=st.sets(st.sampled_from("abcdefgh"), min_size=1),
    labeled=st.sets(st.sampled_from("abcdefgh"), min_size=1),
    join=st.sampled_from(["inner", "outer"]),
)
@pytest.mark.filterwarnings("ignore::skomics.exceptions.SampleDroppedWarning")
def test_every_row_is_either_kept_or_reported_once(first, second, labeled, join):
    tables = {"rna": _table(sorted(first)), "mirna": _table(sorted(second), "m")}
    y = pd.Series(dict.fromkeys(sorted(labeled), 1))
    kept = ((first & second) if join == "inner" else (first | second)) & labeled
    if not kept:
        with pytest.raises(SampleAlignmentError, match="No sample|None of the"):
            align_samples(tables, y, join=join)
        return
    X, _, report = align_samples(tables, y, join=join)
    assert set(X.index) == kept
    for name, given_ids in {"rna": first, "mirna": second, "y": labeled}.items():
        dropped = report.dropped.loc[report.dropped["table"] == name, "sample"]
        assert sorted(dropped) == sorted(given_ids - kept)
    lacking = {"rna": kept - first, "mirna": kept - second}
    assert {k: set(v) for k, v in report.lacking.items()} == {
        k: v for k, v in lacking.items() if v
    }


# Real files


def test_raw_acgt_matrix_aligns_at_patient_level():
    path = _require(DATA / "acgt_raw_sample" / "aml_mirna")
    mirna = pd.read_csv(path, sep=" ")
    X, _, report = align_samples({"mirna": mirna.T}, id_level="patient")
    assert X.shape == (188, 705)
    assert X.index[0] == "TCGA-AB-2802"
    assert report.dropped.empty
    np.testing.assert_array_equal(X["mirna"].iloc[3], mirna.iloc[:, 3])


def test_raw_acgt_matrix_before_transposing_is_noticed():
    path = _require(DATA / "acgt_raw_sample" / "aml_mirna")
    with pytest.raises(SampleAlignmentError, match=r"'mirna' of shape \(705, 188\)"):
        align_samples({"mirna": pd.read_csv(path, sep=" ")}, id_level="patient")


def test_normals_in_the_survival_labels_give_way_to_the_tumor():
    mirna = pd.read_csv(_require(DATA / "acgt_raw_sample" / "aml_mirna"), sep=" ").T
    survival = pd.read_csv(DATA / "acgt_raw_sample" / "aml_survival", sep="\t")
    y = survival.set_index("PatientID")["Death"]
    X, y, report = align_samples({"mirna": mirna}, y, id_level="patient")
    assert len(X) > 150
    assert y.notna().all()
    reasons = report.dropped.loc[report.dropped["table"] == "y", "reason"]
    assert "sample type 11 (normal) is no tumor" in set(reasons)


def test_partial_protein_table_of_acc_joins_outer():
    folder = _require(DATA / "acc_miniacc")
    names = ["expression", "gistic", "mirna", "mutation", "rppa_partial"]
    tables = {n: pd.read_csv(folder / f"{n}.csv.gz", index_col=0) for n in names}
    labels = pd.read_csv(folder / "labels.csv", index_col=0)["label"]
    X, y, report = align_samples(tables, labels, join="outer")
    assert X.shape == (75, 198 + 198 + 471 + 97 + 33)
    assert len(report.lacking["rppa_partial"]) == 32
    assert X["rppa_partial"].isna().all(axis=1).sum() == 32
    assert not X.drop(columns="rppa_partial").isna().any(axis=None)
    assert y.equals(labels.reindex(X.index))


# Tables without ids


def _numbered(n, start=0, prefix="g"):
    return _table(range(start, start + n), prefix)


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize(
    ("tables", "y"),
    [
        ({"rna": _numbered(4), "mirna": _numbered(4, prefix="m")}, None),
        ({"rna": _numbered(4), "mirna": _numbered(3, prefix="m")}, None),
        ({"rna": _table(list("abcd")), "mirna": _numbered(4, prefix="m")}, None),
        ({"rna": _numbered(4, 7)}, None),
        ({"rna": _table(list(range(4)))}, None),
        ({"rna": _table(list("abcd"))}, pd.Series([0, 1, 0, 1])),
        ({"rna": _numbered(4)}, {0: "x", 1: "y"}),
    ],
)
def test_rows_that_are_only_numbered_are_refused(tables, y, join):
    with pytest.raises(
        SampleAlignmentError, match=r"has no sample ids: .*set_index.*rename_axis"
    ):
        align_samples(tables, y, join=join)


def test_whole_numbers_that_are_named_are_ids():
    rna = _numbered(4).rename_axis("patient")
    mirna = _numbered(4, 1, prefix="m").rename_axis("patient")
    X, y, _ = align_samples({"rna": rna, "mirna": mirna}, {1: "x", 3: "y"})
    assert X.index.tolist() == y.index.tolist() == [1, 3]


@pytest.mark.parametrize("ids", [[0, 2, 3, 5], [1, 2, 3, 4], [2, 3, 4, 5]])
def test_what_looks_like_the_rest_of_row_numbers_is_warned_of(ids):
    with pytest.warns(UserWarning, match=r"look like row numbers that a selection"):
        align_samples({"rna": _table(ids)})


@pytest.mark.parametrize("ids", [[101, 102, 107], [3, 1, 2], ["0", "1", "2"]])
def test_whole_numbers_of_patients_are_matched_without_a_word(ids):
    X, _, _ = align_samples({"rna": _table(ids)})
    assert X.index.tolist() == ids


# Labels in a frame


def test_a_frame_of_one_column_is_labels():
    rna = _table(list("abc"))
    y = pd.Series(["x", "y", "x"], index=list("cba"), name="subtype")
    expected = align_samples({"rna": rna}, y)[1]
    pd.testing.assert_series_equal(
        align_samples({"rna": rna}, y.to_frame())[1], expected
    )


def test_a_frame_of_several_columns_is_not_labels():
    y = pd.DataFrame({"subtype": ["x"], "stage": [1]}, index=["a"])
    with pytest.raises(
        ValueError, match=r"y has 2 columns, 'subtype', 'stage'.*Choose"
    ):
        align_samples({"rna": _table(["a"])}, y)
