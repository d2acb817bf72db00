"""Promises of ``skomics train``."""

import json

import pandas as pd
import pytest

from skomics import load_model
from skomics._cli import main
from skomics.io import load_folder


def train(cohort, file, *options):
    command = ["train", str(cohort / "train"), "--model", "block_ridge", "--cv", "0"]
    return main([*command, "-o", str(file), *options])


def test_model_is_that_of_the_same_calls_in_python(cohort, model):
    from skomics.pipeline import make_omics_pipeline

    with pytest.warns(UserWarning, match="lacks"):
        X, y = load_folder(cohort / "train")
    expected = make_omics_pipeline("block_ridge", random_state=0).fit(X, y)
    found = load_model(model)
    assert (found.predict_proba(X) == expected.predict_proba(X)).all()


def test_estimate_is_that_of_shuffled_folds(cohort, tmp_path, capsys):
    file = tmp_path / "model.safetensors"
    assert train(cohort, file, "--cv", "3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == str(file)
    assert set(found["scores"]) == {"f1_macro", "balanced_accuracy", "accuracy"}
    scores = found["scores"]["f1_macro"]
    assert scores["n_fits"] == 3
    assert scores["low"] < scores["mean"] < scores["high"]
    assert scores["mean"] > 0.5


def test_estimate_is_printed_for_people(cohort, tmp_path, capsys):
    assert train(cohort, tmp_path / "m.safetensors", "--cv", "2") == 0
    shown = capsys.readouterr()
    assert "Cross-validated on 2 folds, 95 % intervals:\n  f1_macro: 0." in shown.out
    assert "Training block_ridge on 90 samples of 3 modalities" in shown.err


def test_coverage_leaves_samples_open(cohort, tmp_path, capsys):
    file = tmp_path / "model.safetensors"
    assert train(cohort, file, "--coverage", "0.5", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.4 <= found["coverage"] <= 0.6
    assert main(["predict", str(file), str(cohort / "test"), "--json"]) == 0
    calls = pd.DataFrame(json.loads(capsys.readouterr().out))
    assert calls["abstained"].any()
    assert (calls["call"].isna() == calls["abstained"]).all()


def test_searched_model_is_saved_with_its_choice(cohort, tmp_path):
    file = tmp_path / "model.safetensors"
    options = ["--model", "efnn", "--search", "small", "--max-epochs", "2"]
    assert train(cohort, file, *options) == 0
    assert "linear_path" in str(load_model(file).best_params_)


def test_card_has_the_estimate(cohort, tmp_path):
    card = tmp_path / "card.md"
    options = ["--cv", "2", "--card", str(card)]
    assert train(cohort, tmp_path / "m.safetensors", *options) == 0
    assert "Cross-validation, 2 fits" in card.read_text(encoding="utf-8")


def test_a_model_that_is_there_is_kept_unless_forced(cohort, tmp_path, capsys):
    file = tmp_path / "model.safetensors"
    file.write_text("mine")
    assert train(cohort, file) == 2
    assert "model.safetensors is there. Name another file, or add --force." in (
        capsys.readouterr().err
    )
    assert file.read_text() == "mine"
    assert train(cohort, file, "--force") == 0
    assert load_model(file) is not None


def test_a_fault_of_saving_leaves_what_was_there(cohort, tmp_path, monkeypatch, capsys):
    def fail(_, path):
        path.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr("skomics.persistence.save_model", fail)
    file = tmp_path / "model.safetensors"
    file.write_text("mine")
    assert train(cohort, file, "--force") == 1
    assert "No space left" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cv", "1"], "Got --cv 1, but 0 or at least 2 folds are wanted"),
        (["--max-epochs", "3"], "--max-epochs is for networks; block_ridge is none"),
        (["--target-column", "a"], "--target-column needs --target"),
        (["-o", "no/such/m.safetensors"], "There is no folder no/such"),
        (["-o", "."], "is a folder. Name a file"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    cohort, tmp_path, capsys, options, message
):
    assert train(cohort, tmp_path / "m.safetensors", *options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
