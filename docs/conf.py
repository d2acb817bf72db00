"""Sphinx configuration: ``sphinx-build -W -n docs docs/_build``.

Notebooks are executed as pages are written, unless SKOMICS_NOTEBOOKS=off.
"""

import os
import sys
from pathlib import Path

import skomics

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
# Sphinx reads files below this folder only; seen from the copies, its pages are nearer.
(HERE / "notebooks").mkdir(exist_ok=True)
for source in (HERE.parent / "notebooks").glob("*.ipynb"):
    text = source.read_text(encoding="utf-8").replace("../docs/", "../")
    copy = HERE / "notebooks" / source.name
    # One that is as it was keeps its date, so that it is not executed again.
    if not copy.exists() or copy.read_text(encoding="utf-8") != text:
        copy.write_text(text, encoding="utf-8")

project = "skomics"
author = "The skomics developers"
copyright = "The skomics developers"
release = skomics.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "mathml",
    "names",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_extensions", "studies", "results"]

html_theme = "pydata_sphinx_theme"
html_title = "skomics"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    # Nothing is loaded from elsewhere.
    "external_links": [],
}
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = os.environ.get("SKOMICS_NOTEBOOKS", "auto")
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True

autosummary_generate = True
# Methods that scikit-learn's base classes bring along are documented there.
autodoc_inherit_docstrings = True
autodoc_member_order = "bysource"
# The docstrings say what is what, with shapes.
autodoc_typehints = "none"
numpydoc_show_class_members = False
# What other packages document, and what scikit-learn writes into its own docstrings.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(sklearn|skorch|numpy|scipy|pandas|torch|torch_geometric|matplotlib"
        r"|collections|os|pathlib)(\..*)?",
    ),
    # Terms of scikit-learn's glossary.
    (r"std:term", r"meta-estimator|classes_"),
    (r"std:ref", r"metadata_routing"),
]
