"""Command line: ``python -m skomics``."""

import sys

from skomics._cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
