"""Multi-omics data to try things on."""

from skomics.datasets._fetch import (
    fetch_acgt,
    fetch_mogonet,
    fetch_momix_single_cell,
    fetch_xena,
)
from skomics.datasets._intersim import IntersimReference
from skomics.datasets._mudata import from_mudata, to_mudata
from skomics.datasets._perturb import perturb_omics
from skomics.datasets._read import load_folder, read_labels, read_omics
from skomics.datasets._simulate import make_intersim, make_multiomics

__all__ = [
    "IntersimReference",
    "fetch_acgt",
    "fetch_mogonet",
    "fetch_momix_single_cell",
    "fetch_xena",
    "from_mudata",
    "load_folder",
    "make_intersim",
    "make_multiomics",
    "perturb_omics",
    "read_labels",
    "read_omics",
    "to_mudata",
]
