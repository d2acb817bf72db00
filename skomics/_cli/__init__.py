"""The command line: ``skomics``, or ``python -m skomics``."""

from skomics._cli._main import main

__all__ = ["main"]
