"""Tables of Markdown are even, with numbers on the right."""

from skomics._document import format_table


def test_columns_of_numbers_are_aligned_on_the_right():
    rows = [["model", "F1", "9"], ["SMA", "**0.81**", "9"], ["2 by 2", "−1", "a"]]
    assert format_table([*rows, ["lr", "–", "10"]]).splitlines() == [
        "| model  |       F1 | 9  |",
        "| ------ | -------: | -- |",
        "| SMA    | **0.81** | 9  |",
        "| 2 by 2 |       −1 | a  |",
        "| lr     |        – | 10 |",
    ]
