"""Multi-omics data to try things on, simulated or public."""

from skomics.datasets._cells import simulate_cells
from skomics.datasets._fetch import (
    fetch_acgt,
    fetch_mogonet,
    fetch_momix_single_cell,
    fetch_xena,
)
from skomics.datasets._intersim import IntersimReference
from skomics.datasets._perturb import perturb_omics
from skomics.datasets._simulate import make_intersim, make_multiomics

__all__ = [
    "IntersimReference",
    "fetch_acgt",
    "fetch_mogonet",
    "fetch_momix_single_cell",
    "fetch_xena",
    "make_intersim",
    "make_multiomics",
    "perturb_omics",
    "simulate_cells",
]
