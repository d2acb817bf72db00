"""Colors, markers and lines that tell many models apart."""

__all__ = ["style_models"]

# Okabe and Ito's palette without its yellow, which is too pale for dots, and three
# more of middle lightness, so that all are seen on white and on black. Beyond seven,
# no set of colors is safe for every kind of color vision; markers and lines are.
_COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#999933",
    "#AA4499",
    "#8C564B",
)
_MARKERS = "oDs^vPX<>p"
_LINES = ("-", "--", ":", "-.")


def style_models(labels):
    """Return how to draw each model.

    Parameters
    ----------
    labels : list of str
        Names of the models.

    Returns
    -------
    styles : dict of str to dict
        Keyword arguments color, marker and linestyle of matplotlib for each name.
        Color and marker differ between any two of up to 100 models; colors recur
        after ten, with another marker and line.
    """
    n = len(_COLORS)
    return {
        label: {
            "color": _COLORS[number % n],
            # Three on for each round, which meets all ten before the first recurs.
            "marker": _MARKERS[(number + 3 * (number // n)) % len(_MARKERS)],
            "linestyle": _LINES[number // n % len(_LINES)],
        }
        for number, label in enumerate(labels)
    }
