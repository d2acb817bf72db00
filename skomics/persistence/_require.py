"""The error of a file whose content is not sound."""

__all__ = ["require"]


def require(condition, place, problem):
    """Raise the error of a file whose content is not sound.

    Parameters
    ----------
    condition : bool
        What should hold.

    place : str
        Where in the model.

    problem : str
        What is wrong, as the end of a sentence.

    Raises
    ------
    ValueError
        If the condition does not hold.
    """
    if not condition:
        raise ValueError(f"{place} {problem}")
