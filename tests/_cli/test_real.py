"""The jobs of the guide on real data, as somebody types them."""

import shlex

import pandas as pd
import pytest

from skomics._cli import main
from skomics.io import load_folder, save_folder

pytestmark = pytest.mark.slow


def run(line):
    program, *argv = shlex.split(line)
    assert program == "skomics"
    assert main(argv) == 0, line


def test_nine_jobs_on_a_cohort_of_tcga(data_dir, tmp_path, monkeypatch, capsys):
    X, y = load_folder(data_dir / "tcga_luad")
    save_folder(X[::2], y[::2], tmp_path / "ours")
    save_folder(X[1::2], y[1::2], tmp_path / "theirs")
    monkeypatch.chdir(tmp_path)
    for line in """
        skomics info ours
        skomics train ours --coverage 0.8 -o model.safetensors
        skomics info model.safetensors
        skomics evaluate model.safetensors theirs -o confusion.csv
        skomics predict model.safetensors theirs --train ours -o calls.csv
        skomics explain model.safetensors theirs --top 5 -o features.csv --figure f.png
        skomics shift model.safetensors theirs --train ours
        skomics card model.safetensors theirs -o card.html
        skomics benchmark --data ours --models block-ridge --folds 3 --repeats 1 --n-jobs 1
        skomics report skomics-benchmark
    """.strip().splitlines():  # noqa: E501
        run(line)
    calls = pd.read_csv("calls.csv", index_col="sample")
    is_called = ~calls["abstained"]
    right = (calls["call"] == y.astype(str).reindex(calls.index))[is_called].mean()
    assert 0.5 < is_called.mean() < 0.98
    assert right > 0.75  # of three classes, of which the largest has 0.36
    assert calls["novelty_p_value"].median() > 0.2
    assert "no shift of values found" in capsys.readouterr().out
    assert len(pd.read_csv("features.csv")) == 5 * 3


def test_raw_files_of_acgt_are_a_cohort(data_dir, tmp_path, monkeypatch, capsys):
    raw = data_dir / "acgt_raw_sample"
    monkeypatch.chdir(tmp_path)
    column = "acute_myeloid_leukemia_calgb_cytogenetics_risk_category"
    labels = f"--target '{raw / 'aml_clinical'}' --target-column {column}"
    options = f"{labels} --drop-unlabeled --id-level patient"
    data = f"mirna='{raw / 'aml_mirna'}'"
    run(f"skomics train {data} {options} --model block_ridge -o model.safetensors")
    assert "3 classes" in capsys.readouterr().err
    run(
        "skomics predict model.safetensors " + data + " --id-level patient -o calls.csv"
    )
    assert pd.read_csv("calls.csv")["sample"][0] == "TCGA-AB-2802"
