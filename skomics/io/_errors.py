"""Errors of libraries that read files, as one that names the file."""

from contextlib import contextmanager

from skomics.io._text import CellError

__all__ = ["UnfitError", "wrap_errors"]


class UnfitError(ValueError):
    """What a file holds cannot be taken; the message goes on after the file's name."""


@contextmanager
def wrap_errors(file, format):
    """Turn whatever a library raises for a damaged file into one clear error.

    Parameters
    ----------
    file : Path
        The file that is read.

    format : str
        What it is read as.
    """
    try:
        yield
    except UnfitError as error:
        raise ValueError(f"{file.name} {error}") from error
    except (CellError, FileNotFoundError, ImportError):
        raise
    # A damaged file makes h5py, zipfile and their kin raise nearly anything.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{file.name} cannot be read as {format}: {reason}. The file is damaged, "
            "cut short or of another format; get or write it again."
        ) from error
