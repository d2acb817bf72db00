"""Multi-omics data from files and MuData, and back."""

from skomics.io._folder import load_folder
from skomics.io._labels import read_labels
from skomics.io._missing import MISSING_LABELS
from skomics.io._mudata import from_mudata, to_mudata
from skomics.io._read import read_omics
from skomics.io._write import save_folder

__all__ = [
    "MISSING_LABELS",
    "from_mudata",
    "load_folder",
    "read_labels",
    "read_omics",
    "save_folder",
    "to_mudata",
]
