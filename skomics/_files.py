"""Files that are replaced whole, or not at all."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

__all__ = ["replace_whole"]


def replace_whole(path, write):
    """Write a file of which nothing is there until it is complete.

    Parameters
    ----------
    path : Path
        The file. What a link points to is replaced, not the link, and the permissions
        of a file that is there are kept.

    write : callable
        Takes the path of a new file beside it, with its suffix, and writes that.

    Raises
    ------
    OSError
        If the folder is not there, or the disk takes no more; the file is as it was.
    """
    target = Path(os.path.realpath(path))
    # Two processes may write the same file.
    part = target.with_name(f".{uuid.uuid4().hex}.part{target.suffix}")
    mode = None
    with suppress(FileNotFoundError):
        mode = target.stat().st_mode & 0o7777
    try:
        if mode is not None:
            # Never wider than what was there, not even while it is written.
            part.touch(0o600, exist_ok=False)
        write(part)
        if mode is not None:
            part.chmod(mode)
        part.replace(target)
    finally:
        # Also after Ctrl-C.
        part.unlink(missing_ok=True)
