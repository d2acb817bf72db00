"""How much missing values say about the class."""

import numpy as np
import pytest

from skomics.inspection import missingness_association
from skomics.io import load_folder
from tests.conftest import make_tiny


def lacking(X, rows, omics):
    X = X.copy()
    X.loc[X.index[rows], X.columns.str.startswith(omics)] = np.nan
    return X


def test_strongest_association_comes_first():
    X, y = make_tiny(90)
    X = lacking(X, np.flatnonzero(y == "LumA"), "mirna")
    X = lacking(X, np.arange(0, 90, 7), "rna")
    table = missingness_association(X, y)
    assert list(table.index) == ["mirna", "rna", "methylation"]
    assert table.loc["mirna", "cramers_v"] == pytest.approx(1)
    assert table.loc["mirna", "p_value"] < 1e-15
    assert table.loc["mirna", "missing_fraction"] == pytest.approx(1 / 3)
    assert table.loc["rna", "p_value"] > 0.1
    assert tuple(table.loc["methylation"]) == (0, 0, 1)


@pytest.mark.parametrize("seed", range(5))
def test_cells_that_one_class_lacks_in_part_are_seen(seed):
    X, y = make_tiny(90)
    rng = np.random.default_rng(seed)
    X = X.mask((y == "LumA").to_numpy()[:, None] & (rng.random(X.shape) < 0.3))
    assert missingness_association(X, y)["cramers_v"].min() > 0.5


def test_few_samples_are_no_evidence():
    X, y = make_tiny(90)
    table = missingness_association(lacking(X, [0, 3, 6, 9], "rna"), y)
    assert (table["p_value"] == 1).all()


def test_p_values_of_random_absence_are_uniform():
    X, y = make_tiny(90)
    p = []
    for seed in range(200):
        rows = np.random.default_rng(seed).permutation(90)[:30]
        p.append(missingness_association(lacking(X, rows, "rna"), y)["p_value"]["rna"])
    assert np.mean(np.less(p, 0.1)) == pytest.approx(0.1, abs=0.06)


def test_kidney_cohorts_are_told_by_what_was_measured(data_dir):
    table = missingness_association(*load_folder(data_dir / "tcga_kipan"))
    assert table.index[0] == "rppa"
    assert table["cramers_v"].iloc[0] == pytest.approx(1)


def test_lengths_that_differ_are_an_error():
    X, y = make_tiny()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        missingness_association(X, y[:-1])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        missingness_association(X, np.linspace(0, 1, len(X)))
