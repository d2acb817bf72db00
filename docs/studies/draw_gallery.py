"""Draw the pictures of docs/gallery.md by the code that stands above each of them.

``python docs/studies/draw_gallery.py`` runs the page from top to bottom and writes into
docs/images/gallery what `display` is where a picture stands.
"""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "gallery.md"
_PARTS = re.compile(r"^```python\n(.*?)^```|^!\[\]\((.+?)\)", re.DOTALL | re.MULTILINE)


def read_parts(page):
    """Return the blocks of code and the pictures of a page, in their order."""
    return [(m[1], m[2]) for m in _PARTS.finditer(page.read_text(encoding="utf-8"))]


def run(page=PAGE):
    """Run the code of the page; yield the path and the display of each picture."""
    names = {}
    for code, picture in read_parts(page):
        if picture is None:
            exec(compile(code, page.name, "exec"), names)
        else:
            yield page.parent / picture, names.pop("display")


def save(path, figure):
    """Write the same file each time: no date, names of elements by their content."""
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".svg":
        figure.savefig(path, metadata={"Date": None})
    else:
        figure.savefig(path, dpi=120, pil_kwargs={"optimize": True})


def main():
    """Draw all pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "skomics"
    for path, display in run():
        save(path, display.figure_)


if __name__ == "__main__":
    main()
