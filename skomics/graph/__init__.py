"""Sample-similarity graphs, learned from training samples only.

A graph links patients who look alike in a modality, or in all of them. It is learned
from the training samples; a new sample is linked to training samples afterwards,
one by one and in that direction only, so that its links depend on no other new
sample.
"""

from skomics.graph._multiomics_graph import MultiOmicsGraph
from skomics.graph._normalize import normalize_graph
from skomics.graph._pyg import to_pyg
from skomics.graph._sample_graph import SampleGraph

__all__ = ["MultiOmicsGraph", "SampleGraph", "normalize_graph", "to_pyg"]
