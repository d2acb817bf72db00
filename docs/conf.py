"""Sphinx configuration: ``sphinx-build -W docs docs/_build``."""

import skomics

project = "skomics"
author = "The skomics developers"
release = skomics.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
# Methods that scikit-learn's base classes bring along are documented there.
autodoc_inherit_docstrings = True
autodoc_member_order = "bysource"
