"""Public names are found wherever they are imported from.

``OmicsConcatenator`` in a "See Also" of ``skomics.preprocessing`` and
``skomics.OmicsConcatenator`` in a page are the one that is documented.
"""

from sphinx.util.nodes import make_refnode

import skomics

__all__ = ["setup"]

_FOLDERS = {"skomics", *skomics._SUBMODULES}


def _resolve(app, env, node, content):
    if node.get("refdomain") != "py":
        return None
    target = node.get("reftarget", "")
    # Without the folder: a name is that of one thing in all of skomics. A method has
    # its class before it.
    parts = [part for part in target.split(".") if part not in _FOLDERS]
    target = ".".join(parts)
    found = [
        (name, entry)
        for name, entry in env.get_domain("py").objects.items()
        if name.startswith("skomics.")
        and name.endswith(f".{target}")
        and not entry.aliased
    ]
    if len(found) != 1 or not target:
        return None
    name, entry = found[0]
    here = node.get("refdoc", env.docname)
    return make_refnode(app.builder, here, entry.docname, entry.node_id, content, name)


def setup(app):
    """Resolve names of skomics.

    Parameters
    ----------
    app : Sphinx
        The application.

    Returns
    -------
    metadata : dict
        Says that pages may be read and written in parallel.
    """
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
