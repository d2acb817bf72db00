"""Which columns are a modality's, by their names."""

import numpy as np
import pandas as pd
import pytest

from skomics import BlockRidgeClassifier, OmicsConcatenator
from skomics._layout import read_layout

PLAIN = ["rna__TP53", "rna__MYC", "cnv__TP53"]
RANKS = ["g__Prevotella", "g__Roseburia", "s__copri", "f__X"]
SITES = ["AKT1__S473", "TP53__S15", "EGFR__Y1068", "MTOR__S2448"]
MANY = [f"P{i}__{part}" for i in range(10) for part in "abcd"]
MIXED = [*SITES, "ACTB"]


def table_of(names):
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(20, len(names))), columns=names)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (RANKS, "single letters"),
        (["k__Bacteria;p__Firmicutes", "k__Archaea"], "single letters"),
        (SITES, "nearly as many as columns"),
        ([f"ENSG{i}__{i}" for i in range(9)], "nearly as many as columns"),
        (MANY, "more than anybody measures"),
    ],
)
def test_prefixes_that_look_like_no_modalities_are_warned_of_with_the_cure(names, why):
    with pytest.warns(UserWarning, match=f"{why}.*with two column levels") as warned:
        read_layout(names)
    assert "{'rna': table}" in str(warned[0].message)


@pytest.mark.parametrize(
    "names",
    [
        PLAIN,
        ["rna__a", "cnv__b", "adt__c"],
        [
            f"{omics}__f{i}"
            for omics in "rna cnv mirna adt atac".split()
            for i in (1, 2)
        ],
        ["a", "b__c", "d", "e"][:1],
    ],
)
def test_prefixes_of_modalities_give_no_warning(names):
    read_layout(names)


@pytest.mark.parametrize("names", [MIXED, ["ACTB", *RANKS], ["a", "b", "HLA__A"]])
def test_names_some_of_which_have_a_separator_are_one_modality_with_a_warning(names):
    with pytest.warns(UserWarning, match=r"column names have '__'.*taken for one"):
        layout = read_layout(names)
    assert not layout.is_named
    assert layout.n_features == len(names)


def test_a_name_without_modality_among_modalities_is_an_error_that_leads_out():
    with pytest.raises(
        ValueError, match=r"'age'; the others name 'rna', 'cnv'.*If '__'"
    ):
        read_layout([*PLAIN, "age"])


@pytest.mark.parametrize("as_pairs", [False, True])
def test_modalities_that_somebody_named_are_not_doubted(as_pairs):
    tables = {name: table_of([f"x{i}" for i in range(3)]) for name in "gs"}
    X = pd.concat(tables, axis=1)
    if not as_pairs:
        X = OmicsConcatenator().fit_transform(tables)
    model = BlockRidgeClassifier().fit(X, np.arange(20) % 2)
    assert model.omics_ == ("g", "s")


def test_columns_added_to_an_output_are_judged_anew():
    X = OmicsConcatenator().fit_transform({"rna": table_of(list("abc"))})
    with pytest.raises(ValueError, match=r"1 of 4 column names do not name"):
        BlockRidgeClassifier().fit(X.assign(age=1.0), np.arange(20) % 2)
