"""TCGA barcodes: what is one, what its fields are, and of which tissue a sample is.

A barcode is ``TCGA-site-participant-sample+vial-portion+analyte-plate-center``, as in
``TCGA-A1-A0SB-01A-11R-A144-07``, and may end after the participant or any later field.
Site and participant have two and four characters, the sample type two digits and the
vial one letter. Files write it with dots (R's ``make.names``) or underscores, too, and
in small letters.
"""

import re
from typing import NamedTuple

__all__ = [
    "Barcode",
    "is_barcode",
    "is_tumor",
    "name_tissue",
    "normalize_barcode",
    "parse_barcode",
    "rank_sample_type",
]

_BARCODE = re.compile(
    r"TCGA[-._](?P<site>[A-Z0-9]{2})[-._](?P<participant>[A-Z0-9]{4})"
    r"(?:[-._](?P<type>\d{2})(?P<vial>[A-Z]?)(?P<rest>(?:[-._][A-Z0-9]+)*))?",
    re.IGNORECASE | re.ASCII,
)
_TUMOR_TYPES = {f"{code:02d}" for code in range(1, 10)} | {"40"}
_PRIMARY_TYPES = ("01", "03", "05", "09")


class Barcode(NamedTuple):
    """A barcode in capitals and with dashes, in three parts."""

    patient: str
    sample_type: str
    rest: str


def parse_barcode(name):
    """Return the parts of a barcode, or None if a name is no barcode."""
    match = _BARCODE.fullmatch(str(name))
    if match is None:
        return None
    site, participant, *later = (_with_dashes(part or "") for part in match.groups())
    return Barcode(f"TCGA-{site}-{participant}", later[0], later[1] + later[2])


def is_barcode(name):
    """Tell whether a name is a barcode, in any of its spellings."""
    return _BARCODE.fullmatch(str(name)) is not None


def normalize_barcode(name):
    """Return a barcode in capitals and with dashes, any other name as it is."""
    return _with_dashes(name) if is_barcode(name) else name


def _with_dashes(text):
    return re.sub("[._]", "-", text.upper())


def is_tumor(sample_type):
    """Tell whether a sample is of a tumor; one without a type counts as such."""
    return sample_type == "" or sample_type in _TUMOR_TYPES


def name_tissue(sample_type):
    """Say what a sample is of that is no tumor."""
    return {"1": "normal", "2": "control"}.get(sample_type[0], "cell line or xenograft")


def rank_sample_type(sample_type):
    """Return a key that sorts primary tumors first and samples without a type last."""
    if sample_type in _PRIMARY_TYPES:
        return f"0{_PRIMARY_TYPES.index(sample_type)}"
    return f"1{sample_type}" if sample_type else "2"
