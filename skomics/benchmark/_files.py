"""Files that stay whole whatever ends the run."""

import os
import shutil

__all__ = ["append_whole", "replace_whole"]


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


def replace_whole(path, write):
    """Replace a file in one step, with its mode.

    Parameters
    ----------
    path : Path
        The file; it is made if need be.

    write : callable
        Takes the path of the new file, and writes it.

    Raises
    ------
    OSError
        If the disk takes no more; the file is as it was.
    """
    tmp = path.with_name(path.name + ".tmp")
    try:
        write(tmp)
        if path.exists():
            shutil.copymode(path, tmp)
        os.replace(tmp, path)
    except OSError:
        tmp.unlink(missing_ok=True)
        raise
