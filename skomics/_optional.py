"""Import of optional dependencies, with an error that says what to install."""

import sys
from importlib import import_module

__all__ = ["import_optional", "is_instance_of"]


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


def is_instance_of(obj, module, *names):
    """Tell whether an object is of a class of an optional dependency.

    Nothing is imported: who has such an object has imported its module.

    Parameters
    ----------
    obj : object
        Anything.

    module : str
        Dotted name of the module.

    *names : str
        Classes there, one of which is enough.

    Returns
    -------
    is_instance : bool
        False where the module is not loaded, or has no such class.
    """
    loaded = sys.modules.get(module)
    classes = (getattr(loaded, name, None) for name in names)
    return isinstance(obj, tuple(cls for cls in classes if isinstance(cls, type)))
