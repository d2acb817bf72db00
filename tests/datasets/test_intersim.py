"""Promises of IntersimReference: made up, read and estimated parameters."""

import pickle
import tarfile
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from skomics.datasets import IntersimReference, make_intersim
from skomics.exceptions import SampleAlignmentError

SIZES = {"methylation": 367, "expression": 131, "protein": 160}


def _small(**changes):
    return replace(
        IntersimReference.synthetic(n_cpgs=4, n_genes=3, n_proteins=2), **changes
    )


def test_synthetic_reference_is_made_once_and_says_what_it_is():
    reference = IntersimReference.synthetic()
    assert reference is IntersimReference.synthetic(random_state=0)
    assert reference is make_intersim(return_X_y=False).reference
    assert "synthetic" in repr(reference)
    assert not reference.mean_M.equals(IntersimReference.synthetic(1).mean_M)


def test_synthetic_maps_give_every_gene_a_cpg_and_every_protein_a_gene():
    reference = IntersimReference.synthetic()
    assert set(reference.cpg_gene_map) == set(reference.genes)
    assert set(reference.protein_gene_map) == set(reference.genes)
    assert reference.cpgs[0] == "cg00000001"
    assert reference.genes[0] == "GENE001"
    assert reference.proteins[0] == "PROT001"


def test_synthetic_methylation_is_bimodal_and_features_are_correlated():
    reference = IntersimReference.synthetic()
    low = reference.mean_M < -1
    assert 0.6 < low.mean() < 0.9
    assert reference.mean_M[~low].median() > 0.5
    sd = np.sqrt(np.diag(reference.cov_M))
    correlation = np.abs(reference.cov_M / np.outer(sd, sd)).mean(axis=None)
    assert 0.1 < correlation < 0.5


def test_a_reference_cannot_be_changed():
    reference = IntersimReference.synthetic()
    with pytest.raises(FrozenInstanceError):
        reference.mean_M = None
    with pytest.raises(ValueError, match="read-only"):
        reference.mean_M.iloc[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        reference.cov_M.iloc[0, 0] = 1.0


def test_a_reference_is_a_copy_of_what_it_was_given():
    mean = _small().mean_M.copy()
    reference = _small(mean_M=mean)
    mean.iloc[0] = 99.0
    assert reference.mean_M.iloc[0] != 99.0


def test_a_pickled_reference_draws_the_same_cohort():
    reference = pickle.loads(pickle.dumps(_small()))
    X, _ = make_intersim(reference=reference, random_state=0)
    assert X.equals(make_intersim(reference=_small(), random_state=0)[0])


def test_gene_level_methylation_defaults_to_the_mean_of_the_genes_cpgs():
    reference = _small(methyl_gene_level_mean=None)
    expected = reference.mean_M.groupby(reference.cpg_gene_map).mean()
    assert reference.methyl_gene_level_mean.to_dict() == expected.to_dict()


def test_other_sizes_than_the_usual_are_possible():
    X, _ = make_intersim(reference=_small(), random_state=0)
    assert [X[omics].shape[1] for omics in SIZES] == [4, 3, 2]


def test_covariance_of_the_draws_is_that_of_the_reference():
    reference = _small()
    X, _ = make_intersim(20_000, 2, effect=0.0, reference=reference, random_state=0)
    for omics, wanted in {
        "expression": reference.cov_expr,
        "protein": reference.cov_protein,
    }.items():
        np.testing.assert_allclose(
            X[omics].cov(), wanted, atol=0.05 * wanted.max(axis=None)
        )
    found = logit(X["methylation"]).cov()
    np.testing.assert_allclose(
        found, reference.cov_M, atol=0.05 * reference.cov_M.max(axis=None)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"cov_M": _small().cov_M.iloc[1:]},
            r"cov_M has shape \(3, 4\) and its labels",
        ),
        (
            {"mean_protein": _small().mean_protein[::-1]},
            r"rho_expr_protein has shape \(2,\) and its labels are not the 2 names",
        ),
        (
            {"rho_expr_protein": _small().rho_expr_protein * 9},
            "rho_expr_protein reaches",
        ),
        ({"rho_methyl_expr": _small().rho_methyl_expr * np.nan}, "has missing values"),
        ({"cov_expr": _small().cov_expr + np.triu(np.ones((3, 3)))}, "not symmetric"),
        (
            {"protein_gene_map": _small().protein_gene_map + "x"},
            "protein_gene_map names 2 genes that mean_expr does not have",
        ),
        (
            {"mean_M": _small().mean_M.rename({"cg00000002": "cg00000001"})},
            "mean_M repeats feature names",
        ),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        _small(**changes)


def test_parameters_without_labels_are_refused():
    with pytest.raises(TypeError, match="cov_M is a ndarray. Give a pandas DataFrame"):
        _small(cov_M=np.eye(4))


def test_a_covariance_that_is_none_is_refused_at_the_first_draw():
    cov_expr = _small().cov_expr - 10 * np.eye(3)
    with pytest.raises(ValueError, match="cov_expr is not positive definite: its sm"):
        make_intersim(reference=_small(cov_expr=cov_expr))


@pytest.mark.parametrize(
    ("options", "error"),
    [({"n_cpgs": 0}, ValueError), ({"random_state": None}, TypeError)],
)
def test_synthetic_sizes_and_seed_are_checked(options, error):
    with pytest.raises(error, match=f"{next(iter(options))} is"):
        IntersimReference.synthetic(**options)


def _write(reference, folder, suffix=".csv.gz"):
    for name in ("mean_M", "mean_expr", "mean_protein", "rho_methyl_expr"):
        getattr(reference, name).to_csv(folder / (name + suffix))
    for name in ("cov_M", "cov_expr", "cov_protein", "rho_expr_protein"):
        getattr(reference, name).to_csv(folder / (name + suffix))
    name = "methyl_gene_level_mean"
    getattr(reference, name).to_csv(folder / (name + suffix))
    maps = {
        "CpG_gene_map_for_DEG": "cpg_gene_map",
        "protein_gene_map_for_DEP": "protein_gene_map",
    }
    for name, attribute in maps.items():
        column = getattr(reference, attribute).rename("gene")
        table = column.to_frame().assign(feature=column.index)
        table.to_csv(folder / (name + suffix))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_reference_written_as_csv_is_read_back(tmp_path, suffix):
    _write(_small(), tmp_path, suffix)
    found = IntersimReference.from_directory(tmp_path)
    X, y = make_intersim(reference=found, random_state=0)
    expected, y_expected = make_intersim(reference=_small(), random_state=0)
    pd.testing.assert_frame_equal(X, expected)
    pd.testing.assert_series_equal(y, y_expected)
    assert str(tmp_path) in repr(found)


def test_missing_tables_are_named(tmp_path):
    _write(_small(), tmp_path)
    (tmp_path / "cov_M.csv.gz").unlink()
    message = r"lacks 1 of the 11 parameter tables: cov_M\.csv\.gz\. Put them"
    with pytest.raises(FileNotFoundError, match=message):
        IntersimReference.from_directory(tmp_path)


class _Named:
    """An R vector or matrix with names, which rdata reads but does not write."""

    def __init__(self, table):
        self.table = table


def _write_named(named, converter):
    from rdata.conversion.to_r import build_r_object
    from rdata.parser import RObjectType

    table = named.table
    axes = [axis.to_numpy(dtype=object) for axis in table.axes]
    attributes = {"names": axes[0]}
    if table.ndim == 2:
        attributes = {"dim": np.array(table.shape), "dimnames": axes}
    return build_r_object(
        RObjectType.REAL,
        value=np.ravel(table.to_numpy(), order="F"),
        attributes=converter.convert_to_r_attributes(attributes),
    )


def _r_objects(reference):
    """Return the objects of the R package, as an R user would have them."""
    vectors = {
        "mean.M": reference.mean_M,
        "mean.expr": reference.mean_expr,
        "mean.protein": reference.mean_protein,
        "rho.methyl.expr": reference.rho_methyl_expr,
        "rho.expr.protein": reference.rho_expr_protein,
        "methyl.gene.level.mean": reference.methyl_gene_level_mean,
        "mean.expr.with.mapped.protein": reference.mean_protein,
        "cov.M": reference.cov_M,
        "cov.expr": reference.cov_expr,
        "cov.protein": reference.cov_protein,
    }
    maps = {
        "CpG.gene.map.for.DEG": reference.cpg_gene_map.rename("gene"),
        "protein.gene.map.for.DEP": reference.protein_gene_map.rename("gene"),
    }
    # rdata 1.1 does not write the `str` of pandas 3.
    maps = {
        name: genes.astype(object).set_axis(genes.index.astype(object))
        for name, genes in maps.items()
    }
    frames = {
        name: genes.to_frame().assign(gene=pd.Categorical(genes))
        for name, genes in maps.items()
    }
    return {name: _Named(table) for name, table in vectors.items()} | frames


def _write_rda(objects, folder):
    from rdata import write_rda
    from rdata.conversion.to_r import DEFAULT_CLASS_MAP

    constructors = {**DEFAULT_CLASS_MAP, _Named: _write_named}
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in objects.items():
        write_rda(folder / f"{name}.rda", {name: value}, constructor_dict=constructors)


def _assert_same_draws(found, expected):
    X, y = make_intersim(reference=found, random_state=0)
    X_expected, y_expected = make_intersim(reference=expected, random_state=0)
    pd.testing.assert_frame_equal(X, X_expected)
    pd.testing.assert_series_equal(y, y_expected)


@pytest.fixture
def r_package(tmp_path):
    """Write a package as CRAN ships it, with a made-up reference."""
    pytest.importorskip("rdata")
    _write_rda(_r_objects(_small()), tmp_path / "InterSIM" / "data")
    return tmp_path / "InterSIM"


@pytest.mark.parametrize("folder", [".", "data"])
def test_a_reference_of_the_r_package_is_read_from_its_folder(r_package, folder):
    found = IntersimReference.from_r_data(r_package / folder)
    _assert_same_draws(found, _small())
    assert str(r_package) in repr(found)


def test_a_reference_of_the_r_package_is_read_from_its_archive(r_package, tmp_path):
    archive = tmp_path / "InterSIM_2.3.0.tar.gz"
    with tarfile.open(archive, "w:gz") as package:
        package.add(r_package, "InterSIM")
    _assert_same_draws(IntersimReference.from_r_data(archive), _small())


def test_r_objects_without_names_take_those_of_their_covariance(r_package):
    bare = {
        "mean.expr": _small().mean_expr.to_numpy(),
        "rho.methyl.expr": _small().rho_methyl_expr.to_numpy()[:, None],
        "cov.M": _small().cov_M.to_numpy(),
    }
    _write_rda(bare, r_package / "data")
    _assert_same_draws(IntersimReference.from_r_data(r_package), _small())


def test_the_tables_of_the_r_package_are_the_same_as_rda_and_as_csv(data_dir, tmp_path):
    pytest.importorskip("rdata")
    expected = IntersimReference.from_directory(data_dir / "intersim_params")
    _write_rda(_r_objects(expected), tmp_path)
    _assert_same_draws(IntersimReference.from_r_data(tmp_path), expected)


def test_r_data_that_cannot_be_read_say_what_is_wanted(r_package, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder .*Give the source"):
        IntersimReference.from_r_data(tmp_path / "nothing")
    (r_package / "data" / "cov.M.rda").unlink()
    message = r"lacks 1 of the 11 objects of the R package InterSIM: cov\.M\. Give"
    with pytest.raises(FileNotFoundError, match=message):
        IntersimReference.from_r_data(r_package)
    text = tmp_path / "package.tar.gz"
    text.write_text("no archive")
    with pytest.raises(ValueError, match=r"cannot be read as an archive"):
        IntersimReference.from_r_data(text)


def test_r_objects_without_any_names_are_refused(r_package):
    bare = {
        "mean.M": _small().mean_M.to_numpy(),
        "cov.M": _small().cov_M.to_numpy(),
    }
    _write_rda(bare, r_package / "data")
    with pytest.raises(ValueError, match="bear no feature names. Give the objects"):
        IntersimReference.from_r_data(r_package)


@pytest.fixture(scope="module")
def truth():
    return IntersimReference.synthetic(3, n_cpgs=30, n_genes=12, n_proteins=15)


@pytest.fixture(scope="module")
def estimate(truth):
    """Estimate the truth from 4000 samples without subtypes, maps given."""
    X, _ = make_intersim(4000, 1, effect=0.0, reference=truth, random_state=0)
    maps = {"cpg_gene_map": truth.cpg_gene_map}
    maps |= {"protein_gene_map": truth.protein_gene_map}
    return X, IntersimReference.fit(X, **maps)


def test_an_estimated_reference_draws_what_it_was_estimated_from(truth, estimate):
    # Means within 0.1 SD and covariances within 0.1 of the largest variance, of
    # 4000 samples each.
    X, reference = estimate
    X_new, _ = make_intersim(4000, 1, effect=0.0, reference=reference, random_state=1)
    for omics in SIZES:
        old, new = X[omics], X_new[omics]
        if omics == "methylation":
            old, new = logit(old), logit(new)
        assert ((new.mean() - old.mean()).abs() < 0.1 * old.std()).all()
        difference = (new.cov() - old.cov()).abs().max(axis=None)
        assert difference < 0.1 * old.var().max()
    assert "30 CpGs, 12 genes, 15 proteins; estimated from 4000 samples" in repr(
        reference
    )
    assert reference.cpg_gene_map.equals(truth.cpg_gene_map)


def _cohort(n=400, seed=0):
    """Draw omics whose correlations are known: gene, its CpGs and its protein."""
    rng = np.random.default_rng(seed)
    genes = pd.DataFrame(rng.normal(size=(n, 3)), columns=["A", "B", "C"])
    noise = rng.normal(size=(n, 4))
    m = pd.DataFrame(
        -0.8 * genes[["A", "A", "B", "B"]].to_numpy() + 0.6 * noise,
        columns=["cg1", "cg2", "cg3", "cg4"],
    )
    protein = 0.6 * genes[["C", "A"]].to_numpy() + 0.8 * rng.normal(size=(n, 2))
    return {
        "methylation": expit(m),
        "expression": genes + 5.0,
        "protein": pd.DataFrame(protein, columns=["P1", "P2"]),
    }


def test_maps_are_those_of_the_highest_correlation():
    reference = IntersimReference.fit(_cohort())
    assert reference.cpg_gene_map.to_list() == ["A", "A", "B", "B"]
    assert reference.protein_gene_map.to_list() == ["C", "A"]


def test_correlations_between_omics_are_estimated():
    # The mean of two CpGs: -0.8 / sqrt(0.64 + 0.18). Standard errors below 0.04.
    reference = IntersimReference.fit(_cohort(2000))
    expected = [-0.8 / np.sqrt(0.82)] * 2 + [0.0]
    np.testing.assert_allclose(reference.rho_methyl_expr, expected, atol=0.05)
    np.testing.assert_allclose(reference.rho_expr_protein, [0.6, 0.6], atol=0.05)


def test_subtypes_do_not_enter_an_estimate_that_knows_them():
    blocks = _cohort(2000)
    y = np.arange(2000) % 2
    shifted = blocks | {"protein": blocks["protein"].add(9.0 * y, axis=0)}
    expected = IntersimReference.fit(blocks, y)
    found = IntersimReference.fit(shifted, y)
    pd.testing.assert_frame_equal(found.cov_protein, expected.cov_protein)
    assert found.protein_gene_map.equals(expected.protein_gene_map)
    ignorant = IntersimReference.fit(shifted)
    assert ignorant.cov_protein.iloc[0, 0] > 10 * found.cov_protein.iloc[0, 0]


def test_fewer_samples_than_features_still_give_a_reference_to_draw_from():
    X, _ = make_intersim(40, 2, random_state=0)
    reference = IntersimReference.fit(X)
    X_new, _ = make_intersim(50, 2, reference=reference, random_state=0)
    assert X_new.shape == (50, 658)
    assert X_new.notna().all(axis=None)


def test_beta_values_of_0_and_1_are_finite_m_values():
    blocks = _cohort()
    blocks["methylation"].iloc[0, 0] = 0.0
    blocks["methylation"].iloc[1, 1] = 1.0
    assert np.isfinite(IntersimReference.fit(blocks).mean_M).all()


def _changed(omics, table):
    return _cohort(20) | {omics: table}


@pytest.mark.parametrize(
    ("blocks", "options", "message"),
    [
        (
            {"rna": _cohort(20)["expression"]},
            {},
            "have the modalities 'rna' but lack 'methylation', 'expression', 'protein'",
        ),
        (
            _changed("methylation", logit(_cohort(20)["methylation"])),
            {},
            "Methylation reaches from -.* beta values between 0 and 1 are wanted",
        ),
        (
            _changed("protein", _cohort(20)["protein"].where(lambda t: t < 1)),
            {},
            "'protein' has .* missing or infinite values. Impute them",
        ),
        (
            _changed("protein", _cohort(20)["protein"].assign(P2=1.0)),
            {},
            "'protein' has 1 constant features, e.g. 'P2'. .* drop them",
        ),
        (_cohort(20), {"y": [0, 1]}, "y has 2 labels but the omics have 20 samples"),
        (
            _cohort(20),
            {"cpg_gene_map": {"cg1": "A"}},
            "cpg_gene_map has no gene for 3 of 4 features, e.g. 'cg2'",
        ),
        (
            _cohort(20),
            {"protein_gene_map": {"P1": "A", "P2": "Z"}},
            r"protein_gene_map names 1 genes that mean_expr does not have.*\['Z'\]",
        ),
    ],
)
def test_cohorts_that_cannot_be_estimated_from_say_why(blocks, options, message):
    with pytest.raises(ValueError, match=message):
        IntersimReference.fit(blocks, **options)


def test_labels_of_samples_in_another_order_are_refused():
    small = IntersimReference.synthetic(n_cpgs=9, n_genes=6, n_proteins=5)
    X, y = make_intersim(60, 2, reference=small, random_state=0)
    with pytest.raises(SampleAlignmentError, match="y has the 60 ids of X in another"):
        IntersimReference.fit(X, y[::-1])
