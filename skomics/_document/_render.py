"""A document as one page of HTML, or as Markdown."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from skomics._document._elements import Code, Diagram, Figure, Group, Table, Text
from skomics._document._markdown import format_table
from skomics._optional import import_optional

if TYPE_CHECKING:
    from skomics._typing import StrPath

__all__ = ["Document"]


@dataclass(frozen=True)
class Document:
    """Sections under a title.

    Parameters
    ----------
    sections : list of Section
        Title, and paragraphs, tables and figures of each.

    title : str
        Title of all.
    """

    sections: list
    title: str

    def to_html(self) -> str:
        """Return one page that needs nothing else.

        Returns
        -------
        page : str
            HTML with its styles, script and figures.

        Raises
        ------
        ImportError
            If jinja2 or matplotlib is not installed.
        """
        jinja2 = import_optional("jinja2", extra="bench")
        source = files("skomics._document").joinpath("page.html")
        environment = jinja2.Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string(source.read_text(encoding="utf-8"))
        parts = [part for section in self.sections for part in section.parts]
        figures = [part for part in parts if isinstance(part, Figure)]
        drawings = {
            id(figure): jinja2.utils.markupsafe.Markup(_embed(figure.svg, number))
            for number, figure in enumerate(figures)
        }
        return template.render(
            title=self.title, sections=self.sections, drawings=drawings, id=id
        )

    def to_markdown(self, folder: StrPath | None = None) -> str:
        """Return it as Markdown.

        Parameters
        ----------
        folder : str or Path, default=None
            Where to write the figures as SVG files, which the text shows by their
            names; None leaves them out.

        Returns
        -------
        text : str
            Markdown.

        Raises
        ------
        ImportError
            If figures are to be written and matplotlib is not installed.
        """
        lines = [f"# {_escape(self.title)}"]
        for section in self.sections:
            lines.append(f"## {section.title}")
            for number, part in enumerate(section.parts):
                name = f"{section.anchor}-{number}.svg"
                lines += _describe(part, name, folder)
        return "\n\n".join(lines) + "\n"


def _describe(part, name, folder):
    """Return the paragraphs of Markdown of a part."""
    if isinstance(part, Text):
        return [f"**{_escape(part.text)}**" if part.is_warning else _escape(part.text)]
    if isinstance(part, Code | Diagram):
        return [f"```\n{part.text}\n```"]
    if isinstance(part, Group):
        return [line for table in part.tables for line in _describe(table, "", None)]
    if isinstance(part, Table):
        rows = [[_mark(cell) for cell in row] for row in part.rows]
        header = [_escape(name) for name in part.header]
        return [f"{_escape(part.caption)}:", format_table([header, *rows])]
    if folder is None:
        return []
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(part.svg, encoding="utf-8")
    return [f"![{_escape(part.caption)}]({folder.name}/{name})"]


def _mark(cell):
    text = _escape(cell.text)
    return f"**{text}**" if cell.is_strong else text


def _escape(text):
    text = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([|*`\[\]\\])", r"\\\1", text)


def _embed(svg, number):
    """Return the drawing for a page of several: names of its own, and its colors."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>f{number}-", svg)
    # Black follows the color of the text, which is white in the dark scheme.
    return re.sub(r"(fill|stroke): #000000", r"\1: currentColor", svg)
