"""Multi-omics data from files and MuData, and back."""

from skomics.io._mudata import from_mudata, to_mudata
from skomics.io._read import load_folder, read_labels, read_omics

__all__ = ["from_mudata", "load_folder", "read_labels", "read_omics", "to_mudata"]
