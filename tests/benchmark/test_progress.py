"""Promises of the progress display."""

import io
import sys

import pytest

from skomics.benchmark._progress import make_progress

ROW = {
    "task": "luad",
    "label": "SMA",
    "repeat": 0,
    "fold": 3,
    "status": "ok",
    "f1_macro": 0.8123,
    "fit_seconds": 4.21,
    "error": "",
}
ERROR = {**ROW, "status": "error", "error": "ValueError: no"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_say_what_finished_and_what_is_left():
    stream = io.StringIO()
    with make_progress({"luad": 10}, verbose=True, stream=stream) as progress:
        progress.finish_fit(ROW)
        progress.finish_fit(ERROR)
    first, second = stream.getvalue().splitlines()
    assert first.startswith(
        "[ 1/10] luad · SMA · repeat 0 fold 3: macro F1 0.812 in 4.2"
    )
    assert first.endswith("0:00 left")
    assert "error: ValueError: no" in second


def test_bars_are_nested_on_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with make_progress({"luad": 1, "stad": 1}, verbose=True, stream=stream) as progress:
        progress.finish_fit(ROW)
        progress.finish_fit({**ERROR, "task": "stad"})
    shown = stream.getvalue()
    for text in ("all fits", "luad", "stad", "2/2", "1/1", "SMA macro F1 0.812"):
        assert text in shown


def test_lines_stand_in_for_bars_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    stream = Terminal()
    with make_progress({"luad": 1}, verbose=True, stream=stream) as progress:
        progress.finish_fit(ROW)
    assert stream.getvalue().startswith("[1/1] luad")


@pytest.mark.parametrize(("counts", "verbose"), [({}, True), ({"luad": 1}, False)])
def test_nothing_is_shown_where_nothing_is_wanted_or_left(counts, verbose):
    stream = Terminal()
    with make_progress(counts, verbose, stream) as progress:
        progress.finish_fit(ROW)
    assert stream.getvalue() == ""
