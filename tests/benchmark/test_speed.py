"""The command that measures speed measures what it says."""

import json

import numpy as np
import pytest

from skomics.benchmark import _speed
from skomics.benchmark._cli import main
from skomics.benchmark._speed import _cells, _pair, _peak, measure_speed


def test_a_ratio_is_of_times_taken_in_turns(monkeypatch):
    clock, log = iter(np.cumsum([0, 2, 0, 1, 0, 9, 0, 3, 0, 4, 0, 1]).tolist()), []
    monkeypatch.setattr(_speed.time, "perf_counter", lambda: next(clock))
    row = _pair("a", "b", lambda: log.append("a"), lambda: log.append("b"), 3)
    assert log == ["a", "b"] * 3
    assert row == ("a", "b", 4, 1, 3, "s")


def test_the_peak_is_the_arithmetic_of_a_product():
    assert _peak("cpu", 64) > 0.01


def test_what_is_not_measured_is_a_dash():
    assert _cells(["a", "b", 1.23456, np.nan, 12345.0, "s"]) == [
        *("a", "b", "1.23", "–", "1.23e+04", "s")
    ]


@pytest.mark.slow
@pytest.mark.xdist_group("speed")
def test_a_quick_look_has_all_parts():
    table = measure_speed(device="cpu", n_rounds=1, is_quick=True)
    # Importing next to nothing takes less than the noise.
    is_light = table["what"] == "import skomics"
    assert (table.loc[~is_light, "ours"] > 0).all()
    assert (table.loc[is_light, "ours"] >= 0).tolist() == [True]
    has_pair = table["against"] != ""
    assert np.isfinite(table.loc[has_pair, "ratio"]).all()
    parts = table["what"].str.split(" ").str[0].unique().tolist()
    expected = {"EFNNClassifier,", "SMAClassifier,", "arithmetic", "import"}
    assert expected | {"BatchedSearchCV,"} <= {*parts}
    rounded = table[table["what"].str.contains("bf16")]
    assert rounded["unit"].tolist() == ["s", "accuracy"]
    assert rounded["ours"].iloc[1] <= 1
    # On so little data, beside other work, a share may be anything.
    assert (table.loc[has_pair, "theirs"] > 0).all()


def test_the_command_prints_a_table_or_json(monkeypatch, capsys):
    row = ("fit", "loop", 1.0, 2.0, 0.5, "s")
    parts = ("_beside_others", "_searches", "_precisions", "_exponents", "_processes")
    for name in parts:
        monkeypatch.setattr(_speed, name, lambda *_: [row])
    monkeypatch.setattr(_speed, "_share_of_peak", lambda *_: row)
    assert main(["speed", "--quick"]) == 0
    shown = capsys.readouterr().out
    assert "| fit  | loop    |    1 |      2 |   0.5 | s    |" in shown
    assert "torch=" in shown
    assert main(["speed", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"][0]["ratio"] == 0.5
    assert "numpy" in found["versions"]
