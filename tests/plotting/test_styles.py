"""Promises of the styles of models."""

from skomics.plotting._styles import style_models


def test_forty_models_differ_in_color_and_marker():
    styles = style_models([f"m{i}" for i in range(40)])
    assert len({(s["color"], s["marker"]) for s in styles.values()}) == 40


def test_models_of_one_color_differ_in_line_and_marker():
    styles = list(style_models([f"m{i}" for i in range(40)]).values())
    for color in {style["color"] for style in styles}:
        alike = [style for style in styles if style["color"] == color]
        assert len({style["linestyle"] for style in alike}) == len(alike) == 4
        assert len({style["marker"] for style in alike}) == 4


def test_colors_are_seen_on_white_and_on_black():
    """At least 2 to 1 in contrast with each; black follows the text of the page."""
    for style in style_models([f"m{i}" for i in range(10)]).values():
        if style["color"] == "#000000":
            continue
        parts = [int(style["color"][i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [
            p / 12.92 if p <= 0.04 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (light + 0.05) > 2
        assert (light + 0.05) / 0.05 > 3
