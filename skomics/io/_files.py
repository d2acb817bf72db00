"""The files of a folder that somebody put there, not those of the system or editors."""

import re

__all__ = ["list_files"]

# Of macOS, Jupyter and git (hidden), Office (~$), editors (~ and #...#), Windows.
_SIDE_FILE = re.compile(
    r"\..*|~\$.*|.*~|#.*#|thumbs\.db|desktop\.ini|__macosx", re.IGNORECASE
)


def list_files(path, pattern="*"):
    """Return the files and folders of a folder in the order of their names.

    Parameters
    ----------
    path : Path
        The folder.

    pattern : str, default="*"
        What they are called.

    Returns
    -------
    files : list of Path
        Without hidden ones, locks and copies such as ``._rna.csv`` and ``~$rna.csv``.
    """
    return [
        file
        for file in sorted(path.glob(pattern))
        if not _SIDE_FILE.fullmatch(file.name)
    ]
