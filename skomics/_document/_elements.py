"""What a page is made of: cells, tables, figures, paragraphs and sections."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from skomics._optional import import_optional

__all__ = [
    "ALPHA",
    "Cell",
    "Code",
    "Diagram",
    "Figure",
    "Group",
    "Section",
    "Table",
    "Text",
    "count_cell",
    "format_number",
    "interval_cell",
    "number_cell",
    "p_value_cell",
    "probability_cell",
    "text_cell",
]

ALPHA = 0.05


@dataclass(frozen=True)
class Cell:
    """Text of a table, what to sort it by, and how strongly to shade it (0 to 1)."""

    text: str
    key: object = None
    shade: float | None = None
    is_strong: bool = False

    @property
    def is_number(self):
        """Whether it is sorted as a number."""
        return isinstance(self.key, int | float)


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header."""

    kind = "table"
    caption: str
    header: list
    rows: list
    is_folded: bool = False


@dataclass(frozen=True)
class Figure:
    """A display, drawn when its SVG is first asked for."""

    kind = "figure"
    caption: str
    plot: Callable

    @cached_property
    def svg(self):
        """The drawing as SVG."""
        return _draw(self.plot)


@dataclass(frozen=True)
class Text:
    """A paragraph; a warning stands out."""

    kind = "text"
    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Code:
    """Lines as they are."""

    kind = "code"
    text: str


@dataclass(frozen=True)
class Diagram:
    """A drawing as HTML of its own, and as text where there is none."""

    kind = "diagram"
    html: str
    text: str


@dataclass(frozen=True)
class Group:
    """Tables that are folded together."""

    kind = "group"
    caption: str
    tables: list


@dataclass(frozen=True)
class Section:
    """Parts under a title."""

    title: str
    parts: list = field(default_factory=list)

    @property
    def anchor(self):
        """Name of the section in links."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


def text_cell(text, **options):
    return Cell(str(text), **options)


def number_cell(value, digits=3, **options):
    if pd.isna(value):
        return Cell("–")
    return Cell(format_number(value, digits), float(value), **options)


def format_number(value, digits):
    # Adding zero turns the minus of a rounded zero into a plus.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def count_cell(value):
    return Cell(f"{int(value)}", int(value))


def p_value_cell(p_value):
    if pd.isna(p_value):
        return Cell("–")
    text = "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
    return Cell(text, float(p_value), is_strong=p_value < ALPHA)


def probability_cell(share):
    if pd.isna(share):
        return Cell("–")
    # Those that may be relied on stand out.
    return Cell(f"{share:.2f}", float(share), is_strong=share > 1 - ALPHA)


def interval_cell(low, high):
    if pd.isna(low):
        return Cell("–")
    return Cell(f"{format_number(low, 3)} to {format_number(high, 3)}", float(low))


def _draw(plot):
    """Return what a display plots, as SVG with text that can be read and searched."""
    plt = import_optional("matplotlib.pyplot", extra="plot")
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "skomics",
        # Names of tasks and models are no formulas.
        "text.parse_math": False,
        "font.size": 13,
    }
    with plt.ioff(), plt.rc_context(settings):
        figure = plot().figure_
        buffer = io.StringIO()
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None},
        )
        plt.close(figure)
    return buffer.getvalue()
