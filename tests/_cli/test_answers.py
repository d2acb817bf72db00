"""Promises of predict, evaluate, explain and card."""

import json
import shutil

import pandas as pd
import pytest

from skomics import EFNNClassifier, load_model, save_model
from skomics._cli import main
from skomics.io import load_folder, read_labels
from skomics.preprocessing import OmicsConcatenator

pytestmark = pytest.mark.filterwarnings("ignore:Table .* lacks:UserWarning")


def test_calls_are_those_of_the_model(cohort, model, tmp_path):
    file = tmp_path / "calls.csv"
    assert main(["predict", str(model), str(cohort / "test"), "-o", str(file)]) == 0
    calls = pd.read_csv(file, index_col="sample")
    X = load_folder(cohort / "test", labels=None).loc[calls.index]
    fitted = load_model(model)
    assert (calls["call"] == fitted.predict(X)).all()
    columns = [f"probability_{label}" for label in fitted.classes_]
    assert abs(calls[columns].to_numpy() - fitted.predict_proba(X)).max() < 1e-12
    assert not calls["abstained"].any()
    lacking = X["protein"].isna().all(axis=1)
    assert (~calls["modalities"].str.contains("protein") == lacking).all()
    assert lacking.any()


def test_novelty_is_told_beside_samples_of_training(cohort, model, tmp_path, capsys):
    X, y = load_folder(cohort / "test")
    strange = X.head(5) * 3 + 7
    from skomics.io import save_folder

    save_folder(strange, y.head(5), tmp_path / "strange")
    command = ["predict", str(model), str(tmp_path / "strange"), "--json"]
    assert main([*command, "--train", str(cohort / "train")]) == 0
    found = pd.DataFrame(json.loads(capsys.readouterr().out))
    assert (found["novelty_p_value"] < 0.05).all()


def test_names_of_another_hospital_are_matched_and_said(
    cohort, model, tmp_path, capsys
):
    folder = tmp_path / "other"
    shutil.copytree(cohort / "test", folder)
    table = pd.read_csv(folder / "expression.csv", index_col=0)
    table = table.rename(columns=str.lower).rename(columns={"gene003": "MYC"})
    table.to_csv(folder / "expression.csv")
    assert main(["predict", str(model), str(folder)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("sample,call,abstained,probability_subtype_1")
    assert "130 of 131 found, 130 renamed, 1 missing, 1 dropped" in captured.err
    assert main(["predict", str(model), str(folder), "--strict"]) == 1


def test_scores_are_those_of_the_calls(cohort, model, capsys):
    command = ["evaluate", str(model), str(cohort / "test")]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    X, y = load_folder(cohort / "test")
    accuracy = (load_model(model).predict(X) == y).mean()
    assert found["scores"]["accuracy"]["mean"] == pytest.approx(accuracy)
    assert found["scores"]["accuracy"]["low"] < accuracy
    counts = pd.DataFrame(found["confusion"]).to_numpy()
    assert counts.sum() == len(y)
    assert main(command) == 0
    assert f"accuracy: {accuracy:.3f} (" in capsys.readouterr().out


def test_confusion_is_written_as_csv(cohort, model, tmp_path):
    file = tmp_path / "confusion.csv"
    assert main(["evaluate", str(model), str(cohort / "test"), "-o", str(file)]) == 0
    table = pd.read_csv(file, index_col="class")
    y = read_labels(cohort / "test" / "labels.csv")
    assert table.sum(axis=1).to_dict() == y.value_counts().to_dict()


def test_features_are_those_of_the_attributions(cohort, model, tmp_path, capsys):
    from skomics.inspection import feature_attributions

    file, figure = tmp_path / "features.csv", tmp_path / "features.png"
    command = ["explain", str(model), str(cohort / "test"), "--figure", str(figure)]
    assert main([*command, "-o", str(file)]) == 0
    X = load_folder(cohort / "test", labels=None)
    expected = feature_attributions(load_model(model), X)
    assert expected["value"].to_numpy() == pytest.approx(pd.read_csv(file)["value"])
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert main([*command[:3], "--top", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2 * 3


def test_modalities_are_explained_by_the_score(cohort, model, capsys):
    command = ["explain", str(model), str(cohort / "test"), "--by", "modalities"]
    assert main([*command, "--json"]) == 0
    found = pd.DataFrame(json.loads(capsys.readouterr().out))
    assert set(found["group"]) == {"methylation", "expression", "protein"}


@pytest.mark.parametrize(
    "options", [["--top", "0"], ["--by", "modalities", "--top", "1"]]
)
def test_top_wants_features(cohort, model, options, capsys):
    assert main(["explain", str(model), str(cohort / "test"), *options]) == 2
    assert "but a number of features is wanted" in capsys.readouterr().err


def test_card_is_of_the_samples_given(cohort, model, tmp_path):
    file = tmp_path / "card.html"
    command = ["card", str(model), str(cohort / "test"), "-o", str(file)]
    assert main([*command, "--title", "Ours", "--limits", "not for use"]) == 0
    page = file.read_text(encoding="utf-8")
    assert "Ours" in page
    assert "not for use" in page
    assert "test samples, which the model has not seen" in page


def test_card_has_the_suffix_of_a_page(model, tmp_path, capsys):
    assert main(["card", str(model), "-o", str(tmp_path / "card.pdf")]) == 2
    assert "but a name in .html or .md is wanted" in capsys.readouterr().err


def test_a_model_that_classifies_nothing_is_refused(cohort, tmp_path, capsys, tiny):
    file = tmp_path / "omics.safetensors"
    save_model(OmicsConcatenator().fit(tiny[0]), file)
    assert main(["predict", str(file), str(cohort / "test")]) == 1
    assert "holds a OmicsConcatenator, but a classifier is wanted" in (
        capsys.readouterr().err
    )


def test_a_network_answers_as_well(cohort, tmp_path, capsys):
    file = tmp_path / "efnn.safetensors"
    X, y = load_folder(cohort / "train")
    save_model(EFNNClassifier(max_epochs=2, random_state=0).fit(X.fillna(0), y), file)
    assert main(["evaluate", str(file), str(cohort / "test")]) == 0
    assert "accuracy" in capsys.readouterr().out


# Another cohort


@pytest.fixture
def shifted(cohort, tmp_path):
    """The test part, with expression in another unit."""
    shutil.copytree(cohort / "test", tmp_path / "shifted")
    file = tmp_path / "shifted" / "expression.csv"
    (pd.read_csv(file, index_col=0) * 3 + 7).to_csv(file)
    return tmp_path / "shifted"


def test_shift_is_found_and_said(cohort, model, shifted, tmp_path, capsys):
    train = ["--train", str(cohort / "train")]
    features, figure = tmp_path / "features.csv", tmp_path / "shift.svg"
    command = ["shift", str(model), str(shifted), *train]
    assert main([*command, "-o", str(features), "--figure", str(figure)]) == 0
    shown = capsys.readouterr().out
    assert "expression: shifted" in shown
    assert "protein: no shift found" in shown
    assert "values are about 3" in shown
    assert pd.read_csv(features)["modality"].iloc[0] == "expression"
    assert "<svg" in figure.read_text(encoding="utf-8")
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["is_shifted"]
    assert found["modalities"][0].keys() >= {"modality", "auc", "p_value"}


def test_calls_of_a_shifted_cohort_come_with_a_warning(cohort, model, shifted, capsys):
    train = ["--train", str(cohort / "train")]
    assert main(["predict", str(model), str(shifted), *train]) == 0
    assert '"skomics shift" says more' in capsys.readouterr().err
    assert main(["predict", str(model), str(cohort / "test"), *train]) == 0
    assert "skomics shift" not in capsys.readouterr().err
