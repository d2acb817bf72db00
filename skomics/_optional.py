"""Import of optional dependencies, with an error that says what to install."""

from importlib import import_module

__all__ = ["import_optional"]


def import_optional(name, *, extra):
    """Import an optional dependency.

    Parameters
    ----------
    name : str
        Dotted name of the module.

    extra : str
        The extra of skomics that installs it.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the module is missing; the message names the extra to install.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name} is needed here but could not be imported ({error}). "
            f"Install it with: pip install 'skomics[{extra}]'"
        ) from error
