"""Files that stay whole whatever ends the run."""

import os

__all__ = ["append_whole"]


def append_whole(path, data):
    """Write data at the end of a file, or nothing of them.

    Parameters
    ----------
    path : Path
        The file; it is made if need be.

    data : bytes
        What to write.

    Raises
    ------
    OSError
        If the disk takes no more; the file is as it was.
    """
    n_bytes = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError:
        if path.exists():
            os.truncate(path, n_bytes)
        raise
