"""The networks, as plain torch modules. They know tensors only."""

from skomics.modules._efcnn import EFCNN
from skomics.modules._efnn import EFNN
from skomics.modules._graph import Hop
from skomics.modules._layers import ConvPool, Dropout, GroupedLinear
from skomics.modules._lfcnn import LFCNN
from skomics.modules._lfnn import LFNN
from skomics.modules._mogat import MoGAT
from skomics.modules._mogcn import MoGCN
from skomics.modules._random import (
    RandomSource,
    construction,
    current_source,
    generator_on,
    random_source,
)
from skomics.modules._sma import SMA, allocate_tokens
from skomics.modules._sma_stack import SMAStack, stack_sma

__all__ = [
    "EFCNN",
    "EFNN",
    "LFCNN",
    "LFNN",
    "SMA",
    "ConvPool",
    "Dropout",
    "GroupedLinear",
    "Hop",
    "MoGAT",
    "MoGCN",
    "RandomSource",
    "SMAStack",
    "allocate_tokens",
    "construction",
    "current_source",
    "generator_on",
    "random_source",
    "stack_sma",
]
