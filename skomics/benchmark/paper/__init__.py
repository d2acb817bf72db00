"""What the SMA paper (arXiv:2308.10917) has: its sets, procedure and tables."""

from skomics.benchmark.paper._tables import (
    format_cancers,
    format_cells,
    format_comparison,
)

__all__ = ["format_cancers", "format_cells", "format_comparison"]
