"""Command line: ``python -m skomics.benchmark``."""

import sys

from skomics.benchmark._cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
