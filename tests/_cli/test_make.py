"""Promises of ``skomics simulate`` and ``skomics fetch``."""

import pandas as pd
import pytest
from sklearn.utils import Bunch

from skomics._cli import _fetch, main
from skomics.io import load_folder


def test_simulated_parts_have_no_sample_in_common(cohort):
    train, test = (
        pd.read_csv(cohort / part / "labels.csv", index_col="sample")
        for part in ("train", "test")
    )
    assert len(train) == 90
    assert len(test) == 60
    assert not train.index.intersection(test.index).size


def test_simulation_is_seeded(tmp_path):
    for name in ("a", "b"):
        options = ["--samples", "20", "--seed", "3"]
        assert main(["simulate", str(tmp_path / name), *options]) == 0
    first, second = (load_folder(tmp_path / name)[0] for name in ("a", "b"))
    pd.testing.assert_frame_equal(first, second)


def test_a_cohort_that_is_there_is_kept_unless_forced(tmp_path, capsys):
    command = ["simulate", str(tmp_path), "--samples", "20"]
    assert main(command) == 0
    before = (tmp_path / "protein.csv").read_bytes()
    assert main([*command, "--seed", "1"]) == 1
    assert "already has" in capsys.readouterr().err
    assert (tmp_path / "protein.csv").read_bytes() == before
    assert main([*command, "--seed", "1", "--force"]) == 0
    assert (tmp_path / "protein.csv").read_bytes() != before


def test_more_test_samples_than_samples_are_refused(tmp_path, capsys):
    assert main(["simulate", str(tmp_path), "--samples", "9", "--test", "9"]) == 2
    assert "Got --test 9, but fewer than --samples 9 are wanted" in (
        capsys.readouterr().err
    )


def test_fetched_cohort_is_a_folder(tiny, tmp_path, monkeypatch, capsys):
    X, y = tiny
    X.columns = pd.MultiIndex.from_tuples([c.split("__") for c in X.columns])
    asked = []

    def load(name, **options):
        asked.append((name, options))
        return Bunch(data=X, target=y, DESCR="Terms of use.")

    monkeypatch.setitem(_fetch._SOURCES, "acgt", (load, ("breast",)))
    command = ["fetch", "acgt", "breast", "--target-column", "pam50"]
    assert main([*command, "-o", str(tmp_path / "brca")]) == 0
    assert "Terms of use." in capsys.readouterr().out
    assert asked == [("breast", {"target_column": "pam50"})]
    back, labels = load_folder(tmp_path / "brca")
    assert (labels == y).all()
    assert back.shape == X.shape


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["acgt"], "Got no name, but acgt has aml, breast"),
        (["acgt", "heart"], "Got heart, but acgt has aml, breast"),
        (["mogonet", "BRCA", "--target-column", "a"], "is not for mogonet"),
    ],
)
def test_unknown_cohorts_are_refused(argv, message, tmp_path, capsys):
    assert main(["fetch", *argv, "-o", str(tmp_path / "x")]) == 2
    assert message in capsys.readouterr().err
