"""Select features, with an error that is controlled."""

from skomics.feature_selection._panel import minimal_panel
from skomics.feature_selection._stability import StabilitySelector

__all__ = ["StabilitySelector", "minimal_panel"]
