"""TCGA barcodes, in every spelling that files have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skomics._tcga import (
    is_barcode,
    is_tumor,
    normalize_barcode,
    parse_barcode,
    rank_sample_type,
)

WHOLE = "TCGA-A1-A0SB-01A-11R-A144-07"
ENDS = ["TCGA-A1-A0SB", "TCGA-A1-A0SB-01", "TCGA-A1-A0SB-01A", f"{WHOLE[:20]}", WHOLE]
SLIDE = "TCGA-A1-A0SB-01Z-00-DX1"
spellings = pytest.mark.parametrize(
    "spell",
    [
        str,
        str.lower,
        lambda name: name.replace("-", "."),
        lambda name: name.replace("-", "_"),
        lambda name: name.replace("-", ".").lower(),
    ],
    ids=["as it is", "small", "dots", "underscores", "small with dots"],
)


@spellings
@pytest.mark.parametrize("name", [*ENDS, SLIDE])
def test_a_barcode_is_known_in_every_spelling_and_wherever_it_ends(name, spell):
    assert is_barcode(spell(name))
    assert normalize_barcode(spell(name)) == name


@spellings
def test_a_barcode_has_a_patient_a_sample_type_and_the_rest(spell):
    assert parse_barcode(spell(WHOLE)) == ("TCGA-A1-A0SB", "01", "A-11R-A144-07")
    assert parse_barcode(spell("TCGA-02-0001")) == ("TCGA-02-0001", "", "")


@pytest.mark.parametrize(
    "name",
    [
        "TCGA",
        "TCGA-BRCA",  # a project
        "TCGA-BRCA-TP53",  # a project and a gene
        "TCGA.A1.A0SB.1",  # counted by R's make.unique
        "TCGA-A1-A0S",
        "TCGA-A1-A0SB-1A",
        "TCGA-A1-A0SB-01AB",
        "TCGA-A1-A0SB-",
        "TCGA02000701",
        "TCGAACCGGTCA",  # of a cell
        "TCGA A1 A0SB",
        "xTCGA-A1-A0SB",
        "TCGA-A1-A0S\u017f",  # a long s, which small letters would match
        7,
    ],
)
def test_what_is_no_barcode_is_left_as_it_is(name):
    assert not is_barcode(name)
    assert parse_barcode(name) is None
    assert normalize_barcode(name) is name


@given(st.from_regex(r"(?i:TCGA[-._][a-z0-9]{2}[-._][a-z0-9]{4}([-._]\d{2}[a-z]?)?)"))
def test_a_normalized_barcode_stays_as_it_is(name):
    once = normalize_barcode(name)
    assert normalize_barcode(once) == once


def test_primary_tumors_come_first_and_what_has_no_type_last():
    types = ["", "40", "09", "02", "01", "06", "03", "05"]
    ordered = ["01", "03", "05", "09", "02", "06", "40", ""]
    assert sorted(types, key=rank_sample_type) == ordered
    assert all(map(is_tumor, types))
    assert not any(map(is_tumor, ["10", "11", "14", "20", "50", "60"]))
