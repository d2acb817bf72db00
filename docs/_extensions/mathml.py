"""Formulas as MathML, which browsers draw without scripts, fonts or a network."""

from docutils import nodes
from latex2mathml.converter import convert

__all__ = ["setup"]


def _visit_inline(self, node):
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _visit_display(self, node):
    formula = convert(node.astext(), display="block")
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(f"{formula}</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Draw formulas of HTML pages as MathML.

    Parameters
    ----------
    app : Sphinx
        The application.

    Returns
    -------
    metadata : dict
        Says that pages may be written in parallel.
    """
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(_visit_inline, None),
        block_renderers=(_visit_display, None),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
