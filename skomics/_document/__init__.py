"""Pages of tables, figures and text, as HTML or as Markdown."""

from skomics._document._elements import (
    ALPHA,
    Cell,
    Code,
    Diagram,
    Figure,
    Group,
    Section,
    Table,
    Text,
    count_cell,
    format_number,
    interval_cell,
    number_cell,
    p_value_cell,
    probability_cell,
    text_cell,
)
from skomics._document._markdown import format_table
from skomics._document._render import Document

__all__ = [
    "ALPHA",
    "Cell",
    "Code",
    "Diagram",
    "Document",
    "Figure",
    "Group",
    "Section",
    "Table",
    "Text",
    "count_cell",
    "format_number",
    "format_table",
    "interval_cell",
    "number_cell",
    "p_value_cell",
    "probability_cell",
    "text_cell",
]
