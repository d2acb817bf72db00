"""Features of another cohort are matched by name, and nothing is decided in silence."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics._feature_names import as_r_writes
from skomics.io import to_mudata
from skomics.preprocessing import align_features

RNA = ["TP53", "HLA-A", "hsa-let-7a-1", "ENSG00000141510.15", "EGFR|1956", "PVT1"]


def table(names, n=3, seed=0):
    rng = np.random.default_rng(seed)
    rows = [f"p{i}" for i in range(n)]
    return pd.DataFrame(rng.normal(size=(n, len(names))), rows, list(names))


def align_one(names, reference=RNA, **params):
    """Return what is made of one table of these names, and the report."""
    new = table(names)
    X, report = align_features({"rna": new}, {"rna": table(reference)}, **params)
    return new, X["rna"], report


@pytest.mark.parametrize(
    ("name", "feature", "rule"),
    [
        ("ENSG00000141510.17", "ENSG00000141510.15", "version"),
        ("ENSG00000141510", "ENSG00000141510.15", "version"),
        ("tp53", "TP53", "case"),
        ("HLA.A", "HLA-A", "R"),
        ("hsa.let.7a.1", "hsa-let-7a-1", "R"),
        ("TP53|7157", "TP53", "symbol|entrez"),
        ("EGFR", "EGFR|1956", "symbol|entrez"),
        ("ERBB|1956", "EGFR|1956", "symbol|entrez"),
    ],
)
def test_other_spelling_is_matched_and_the_rule_reported(name, feature, rule):
    new, X, report = align_one([name], min_overlap=0)
    np.testing.assert_array_equal(X[feature], new[name])
    assert list(X) == RNA
    assert report.renamed.to_numpy().tolist() == [["rna", name, feature, rule]]
    assert report.counts.loc["rna", "missing"] == len(RNA) - 1
    assert X.drop(columns=feature).isna().all(axis=None)


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("EGFR|7157", "EGFR|1956"),  # another gene of the same symbol
        ("?|1956", "EGFR"),  # a symbol that nobody knows
        ("RP11-34P13.7", "RP11-34P13.8"),  # a number that is no version
        ("hsa-mir-1.1", "hsa-mir-1"),
    ],
)
def test_names_of_other_features_are_not_matched(name, feature):
    _, X, report = align_one([name], [feature], min_overlap=0)
    assert X[feature].isna().all()
    assert report.renamed.empty
    assert report.dropped["reason"].to_list() == ["not in the reference"]


@pytest.mark.parametrize(
    ("given", "reference", "rule"),
    [
        (["tp53", "Tp53"], ["TP53"], "case"),  # two columns for a feature
        (["hsa.let.7a"], ["hsa-let-7a", "hsa-let.7a"], "R"),  # and the reverse
        (["A|1", "A|2"], ["A"], "symbol|entrez"),
    ],
)
def test_ambiguous_names_are_reported_and_never_resolved(given, reference, rule):
    with pytest.warns(UserWarning, match="cannot be told apart.*may be"):
        _, X, report = align_one(given, reference, min_overlap=0)
    assert X.isna().all(axis=None)
    assert set(report.ambiguous["rule"]) == {rule}
    assert len(report.ambiguous) == 2
    assert set(report.dropped["reason"]) == {"ambiguous"}
    assert set(report.missing["feature"]) == set(reference)
    assert f"ambiguous by {rule}: 2" in repr(report)


def test_looser_rule_does_not_decide_what_a_stricter_one_could_not():
    given = ["ENSG00000141510.1", "ENSG00000141510.2", "ensg00000141510.3"]
    with pytest.warns(UserWarning, match="cannot be told apart"):
        _, X, report = align_one(given, ["ENSG00000141510"], min_overlap=0)
    assert X.isna().all(axis=None)
    assert set(report.ambiguous["rule"]) == {"version"}


def test_same_name_counts_before_another_spelling():
    new, X, report = align_one(["tp53", "TP53"], ["TP53"])
    np.testing.assert_array_equal(X["TP53"], new["TP53"])
    assert report.dropped["feature"].to_list() == ["tp53"]


def test_dict_settles_what_is_ambiguous():
    new, X, report = align_one(["A|1", "A|2"], ["A"], rename={"A|2": "A"})
    np.testing.assert_array_equal(X["A"], new["A|2"])
    assert report.renamed["rule"].to_list() == ["alias"]


def hgnc():
    return pd.DataFrame(
        {
            "hgnc_id": ["HGNC:1", "HGNC:2", "HGNC:3"],
            "symbol": ["NSD2", "MRTFA", "SEPTIN9"],
            "alias_symbol": ["MMSET|TRX5", "BSAC", "TRX5"],
            "prev_symbol": ["WHSC1", "MKL1", "SEPT9"],
            "entrez_id": [7468.0, 57591.0, np.nan],
            "ensembl_gene_id": ["ENSG00000109685", "ENSG00000196588", None],
        }
    )


@pytest.mark.parametrize("as_file", [True, False])
def test_hgnc_table_knows_previous_symbols_and_aliases(tmp_path, as_file):
    aliases = hgnc()
    if as_file:
        aliases = tmp_path / "hgnc_complete_set.txt"
        hgnc().to_csv(aliases, sep="\t", index=False)
    given = ["whsc1", "BSAC", "SEPT9|10801"]
    reference = ["NSD2", "MKL1", "SEPTIN9"]
    new, X, report = align_one(given, reference, rename=aliases)
    np.testing.assert_array_equal(X, new)
    assert report.renamed["rule"].to_list() == ["alias"] * 3


@pytest.mark.parametrize("name", ["ENSG00000109685.9", "7468", "HGNC:1"])
def test_hgnc_table_knows_accessions(name):
    new, X, _ = align_one([name], ["NSD2"], rename=hgnc())
    np.testing.assert_array_equal(X, new)


def test_alias_of_two_genes_is_ambiguous_even_if_one_is_not_in_the_reference():
    with pytest.warns(UserWarning, match="'TRX5' may be 'NSD2'"):
        _, X, _ = align_one(["TRX5"], ["NSD2"], rename=hgnc(), min_overlap=0)
    assert X.isna().all(axis=None)


def test_table_that_is_not_hgncs_is_refused():
    with pytest.raises(ValueError, match="no column 'symbol'.*it has.*complete set"):
        align_one(["A"], rename=pd.DataFrame({"gene": ["A"]}))


@pytest.mark.parametrize(
    ("rename", "found"), [("exact", 0), ("unmangle", 1), (None, 2)]
)
def test_rename_says_which_spellings_count(rename, found):
    _, _, report = align_one(["tp53", "HLA.A"], min_overlap=0, rename=rename)
    assert report.counts.loc["rna", "found"] == found


@given(
    st.lists(st.text("abXYZ|.-_ 19", min_size=1), min_size=1, max_size=8, unique=True),
    st.randoms(use_true_random=False),
)
def test_every_feature_is_found_or_missing_and_every_column_used_or_dropped(names, rng):
    reference = rng.sample(names, len(names))
    given = [as_r_writes(name) if rng.random() < 0.5 else name for name in names]
    given = list(dict.fromkeys(given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        new, X, report = align_one(given, reference, min_overlap=0)
    count = report.counts.loc["rna"]
    assert count["found"] + count["missing"] == len(reference) == len(X.columns)
    assert count["found"] + count["dropped"] == len(given)
    # No column stands for two features.
    columns = X.dropna(axis=1).to_numpy().T
    assert len({tuple(column) for column in columns}) == count["found"]


# What stands for the reference, and what is given


def cohort():
    X = {"rna": table(RNA, 12), "cnv": table(["TP53", "MYC"], 12, seed=1)}
    return X, np.arange(12) % 2


def imputed():
    return OmicsConcatenator(SimpleImputer(), missing_omics="transform")


def models():
    X, y = cohort()
    model = make_pipeline(imputed(), LogisticRegression()).fit(X, y)
    yield "pipeline", model
    yield "concatenator", model[0]
    yield "table", X
    yield "two levels", pd.concat(X, axis=1)
    yield "frozen", FrozenEstimator(model)
    yield "classifier", BlockRidgeClassifier().fit(model[0].transform(X), y)
    flat = imputed().fit_transform(X)
    inner = make_pipeline(imputed(), LogisticRegression())
    yield "search", GridSearchCV(inner, {}, cv=2).fit(flat, y)
    yield "calibrated", CalibratedClassifierCV(inner, cv=2).fit(flat, y)


@pytest.mark.parametrize("name", [name for name, _ in models()])
def test_reference_may_be_any_fitted_model_or_table(name):
    X, report = align_features(
        {"rna": table(["tp53", "HLA.A", "x"])}, dict(models())[name], min_overlap=0.3
    )
    assert list(X["rna"]) == RNA
    assert list(X["cnv"]) == ["TP53", "MYC"]
    assert X["cnv"].isna().all(axis=None)
    assert report.absent == ["cnv"]
    assert "cnv  absent: all 2 features are NaN" in repr(report)


def test_aligned_cohort_is_called_as_the_clean_one():
    X, y = cohort()
    model = make_pipeline(imputed(), LogisticRegression()).fit(X, y)
    new = {"RNA": X["rna"].rename(columns=as_r_writes).iloc[:, ::-1], "cnv": X["cnv"]}
    new["RNA"]["more"] = 1.0
    aligned, report = align_features(new, model)
    got, expected = model.predict_proba(aligned), model.predict_proba(X)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert report.counts["dropped"].to_dict() == {"rna": 1, "cnv": 0}


@pytest.mark.parametrize("form", ["dict", "levels", "flat", "anndata", "mudata"])
def test_form_of_the_input_is_kept(form):
    X, _ = cohort()
    reference = OmicsConcatenator().fit(X)
    wide = pd.concat({"rna": X["rna"].iloc[:, :4], "cnv": X["cnv"]}, axis=1)
    flat = wide.set_axis(wide.columns.map("__".join), axis=1)
    if form in ("anndata", "mudata"):
        anndata = pytest.importorskip("anndata")
        given = anndata.AnnData(flat)
        if form == "mudata":
            pytest.importorskip("mudata")
            given = to_mudata(wide)
    else:
        given = {"dict": {n: wide[n] for n in X}, "levels": wide, "flat": flat}[form]
    aligned, report = align_features(given, reference)
    assert isinstance(aligned, dict if form == "mudata" else type(given)) or (
        form == "anndata" and isinstance(aligned, pd.DataFrame)
    )
    got = reference.transform(aligned)
    expected = reference.transform(X).copy()
    expected.iloc[:, 4:6] = np.nan
    pd.testing.assert_frame_equal(got, expected)
    assert report.counts["missing"].to_dict() == {"rna": 2, "cnv": 0}


def test_sparse_modality_stays_sparse_and_gets_columns_of_nan():
    anndata = pytest.importorskip("anndata")
    matrix = sparse.csr_matrix([[1.0, 0.0], [0.0, 2.0]])
    obs = pd.DataFrame(index=["a", "b"])
    given = anndata.AnnData(matrix, obs, pd.DataFrame(index=["tp53", "X"]))
    X, _ = align_features({"rna": given}, {"rna": table(["MYC", "TP53"])})
    assert sparse.issparse(X["rna"].X)
    expected = [[np.nan, 1.0], [np.nan, 0.0]]
    np.testing.assert_array_equal(X["rna"].X.toarray(), expected)


def test_single_table_without_modalities_is_matched_too():
    train, new = table(RNA), table(["tp53", *RNA[1:], "more__x"])
    X, report = align_features(new, train)
    assert list(X) == RNA
    assert report.counts.loc["omics", "renamed"] == 1


def test_nothing_is_changed_in_place():
    X, _ = cohort()
    new = {"rna": X["rna"].iloc[:, ::-1].copy()}
    before = new["rna"].copy()
    align_features(new, X)
    pd.testing.assert_frame_equal(new["rna"], before)


# What is refused


def test_little_overlap_is_an_error_that_shows_names_of_both():
    with pytest.raises(ValueError, match=r"1 of the 6 .*17%.*50%.*'y'.*'TP53'.*rename"):
        align_one(["TP53", "y", "z"])


def test_missing_and_additional_features_can_be_errors():
    with pytest.raises(ValueError, match="lacks 1 features.*'PVT1'.*missing='nan'"):
        align_one(RNA[:5], missing="error")
    with pytest.raises(ValueError, match="in excess 1 features.*'MYC'.*extra='drop'"):
        align_one([*RNA, "MYC"], extra="error")


def test_unknown_modality_is_told():
    X, _ = cohort()
    _, report = align_features({**X, "atac": X["cnv"]}, X)
    assert report.dropped["modality"].unique().tolist() == ["atac"]
    assert set(report.dropped["reason"]) == {"modality is not in the reference"}
    with pytest.raises(ValueError, match="'atac', none of which is in.*'rna', 'cnv'"):
        align_features({"atac": X["cnv"]}, X)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"extra": "keep"}, "extra is 'keep'; it can be 'drop'"),
        ({"missing": "zero"}, "missing is 'zero'; it can be 'nan'"),
        ({"min_overlap": 2}, "min_overlap is 2.*between 0 and 1"),
    ],
)
def test_unknown_option_is_refused(params, match):
    with pytest.raises(ValueError, match=match):
        align_one(RNA, **params)


def test_rename_of_another_type_is_refused():
    with pytest.raises(TypeError, match="rename is a int.*HGNC"):
        align_one(RNA, rename=3)


def test_names_are_asked_for_on_both_sides():
    X, y = cohort()
    with pytest.raises(ValueError, match="X_new is a ndarray.*never by position"):
        align_features(np.ones((2, 2)), X)
    with pytest.raises(ValueError, match="reference is a ndarray"):
        align_features(X, np.ones((2, 2)))
    with pytest.raises(ValueError, match="LogisticRegression, knows no names"):
        align_features(X, LogisticRegression().fit(X["rna"].to_numpy(), y))
    with pytest.raises(ValueError, match="name no modalities.*'rna', 'cnv'"):
        align_features(X["rna"], X)
    with pytest.raises(ValueError, match="modalities 'rna', 'cnv', but the reference"):
        align_features(X, X["rna"])
    with pytest.raises(ValueError, match="Block 'cnv' of X_new has no names"):
        align_features({**X, "cnv": X["cnv"].to_numpy()}, X)
    with pytest.raises(ValueError, match="no names of features in 'cnv'"):
        align_features(X, {**X, "cnv": X["cnv"].to_numpy()})
