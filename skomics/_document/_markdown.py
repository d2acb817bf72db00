"""Tables of Markdown that can be read as text."""

import re

__all__ = ["format_table"]

# A number that may be bold or negative, or the dash that stands for none.
_NUMBER = re.compile(r"(\*\*)?[-−]?\d|–$")


def format_table(rows):
    """Return a Markdown table with columns of even width, numbers on the right."""
    columns = [_align(header, cells) for header, *cells in zip(*rows, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def _align(header, cells):
    """Return header, rule and cells of a column, padded."""
    width = max(map(len, [header, *cells]))
    if cells and all(map(_NUMBER.match, cells)):
        pad, rule = str.rjust, "-" * (width - 1) + ":"
    else:
        pad, rule = str.ljust, "-" * width
    return [pad(text, width) for text in (header, rule, *cells)]
