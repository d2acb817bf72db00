"""The options of the readers, which are one of a few words."""

__all__ = ["check_options"]

_OPTIONS = {
    "orientation": ("auto", "samples", "features"),
    "barcodes": ("dashes", "keep"),
    "repeated": ("error", "first", "mean"),
    "join": ("outer", "inner", "exact"),
    "missing": ("error", "drop"),
    "header": ("auto", True, False),
    "decimal": ("auto", ".", ","),
}


def check_options(**options):
    """Refuse an option that is none of its words.

    Parameters
    ----------
    **options : str
        Options by name.
    """
    for name, value in options.items():
        if value not in _OPTIONS[name]:
            raise ValueError(
                f"Got {name}={value!r}, but it must be one of "
                f"{', '.join(map(repr, _OPTIONS[name]))}."
            )
