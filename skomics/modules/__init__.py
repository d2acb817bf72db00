"""The networks, as plain torch modules. They know tensors only."""

from skomics.modules._efnn import EFNN
from skomics.modules._layers import Dropout, GroupedLinear
from skomics.modules._sma import SMA, allot_tokens

__all__ = ["EFNN", "SMA", "Dropout", "GroupedLinear", "allot_tokens"]
