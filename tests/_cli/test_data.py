"""Promises of how the command line reads data."""

import json
import shutil

import pandas as pd
import pytest

from skomics._cli import main
from skomics.io import load_folder

pytestmark = pytest.mark.filterwarnings("ignore:Table .* lacks:UserWarning")


@pytest.fixture
def folder(cohort, tmp_path):
    """A copy of the training part that may be changed."""
    shutil.copytree(cohort / "train", tmp_path / "data")
    return tmp_path / "data"


def info(*argv, capsys):
    assert main(["info", *map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_of_a_folder_counts_what_is_in_it(folder, capsys):
    found = info(folder, capsys=capsys)
    X, y = load_folder(folder)
    assert found["n_samples"] == len(y)
    assert found["classes"] == y.value_counts().to_dict()
    blocks = {block["name"]: block for block in found["modalities"]}
    assert blocks["protein"]["n_features"] == X["protein"].shape[1]
    lacking = int(X["protein"].isna().all(axis=1).sum())
    assert blocks["protein"]["n_lacking"] == lacking > 0
    assert blocks["protein"]["missing_fraction"] == 0
    assert main(["info", str(folder)]) == 0
    assert f"lacked by {lacking} samples" in capsys.readouterr().out


def test_info_of_a_model_tells_what_it_learned_from(model, capsys):
    found = info(model, capsys=capsys)
    assert found["steps"] == ["OmicsConcatenator", "BlockRidgeClassifier"]
    assert found["receipt"]["n_samples"] == 90
    assert main(["info", str(model)]) == 0
    shown = capsys.readouterr().out
    assert "OmicsConcatenator -> BlockRidgeClassifier" in shown
    assert "subtype_1 (30)" in shown


def test_files_are_called_like_their_name_or_as_told(folder, capsys):
    files = [folder / "protein.csv", f"rna={folder / 'expression.csv'}"]
    found = info(*files, capsys=capsys)
    assert [block["name"] for block in found["modalities"]] == ["protein", "rna"]


def test_one_file_is_one_modality(folder, capsys):
    found = info(folder / "protein.csv", capsys=capsys)
    assert [block["n_features"] for block in found["modalities"]] == [160]


def test_labels_may_stand_anywhere_with_other_columns(folder, capsys):
    labels = pd.read_csv(folder / "labels.csv").rename(columns={"label": "pam50"})
    labels["age"] = range(len(labels))
    (folder / "labels.csv").unlink()
    labels.to_csv(folder / "clinical.csv", index=False)
    options = ["--target", folder / "clinical.csv", "--target-column", "pam50"]
    found = info(folder, *options, capsys=capsys)
    # The classes are no modality, though the table is in the folder.
    names = {block["name"] for block in found["modalities"]}
    assert names == {"methylation", "expression", "protein"}
    assert found["classes"] == labels["pam50"].value_counts().to_dict()


def test_samples_without_a_class_are_refused_or_left_out(folder, capsys):
    labels = pd.read_csv(folder / "labels.csv")
    labels.loc[:2, "label"] = None
    labels.to_csv(folder / "labels.csv", index=False)
    assert main(["info", str(folder), "--target", str(folder / "labels.csv")]) == 1
    capsys.readouterr()
    options = ["--target", folder / "labels.csv", "--drop-unlabeled", "--join", "inner"]
    found = info(folder, *options, capsys=capsys)
    assert sum(found["classes"].values()) < len(labels) - 2


def test_samples_without_a_class_are_left_out_of_a_folder_those_that_lack_stay(
    folder, capsys
):
    labels = pd.read_csv(folder / "labels.csv")
    labels.loc[:2, "label"] = None
    labels.to_csv(folder / "labels.csv", index=False)
    for target in ([], ["--target", folder / "labels.csv"]):
        found = info(folder, "--drop-unlabeled", *target, capsys=capsys)
        assert sum(found["classes"].values()) == len(labels) - 3
        assert any(block["n_lacking"] for block in found["modalities"])


def test_a_file_of_several_modalities_keeps_their_names(folder, capsys):
    anndata = pytest.importorskip("anndata")
    X, _ = load_folder(folder, join="inner")
    var = pd.DataFrame(
        {"omics": X.columns.get_level_values(0)},
        index=[f"{omics}__{feature}" for omics, feature in X.columns],
    )
    table = anndata.AnnData(X.to_numpy(), pd.DataFrame(index=X.index), var)
    table.write_h5ad(folder / "all.h5ad")
    found = info(folder / "all.h5ad", capsys=capsys)
    names = {block["name"] for block in found["modalities"]}
    assert names == {"methylation", "expression", "protein"}


def test_classes_that_are_numbers_are_counted_in_a_model(folder, tmp_path, capsys):
    labels = pd.read_csv(folder / "labels.csv")
    labels["label"] = labels["label"].str[-1].astype(int)
    labels.to_csv(folder / "labels.csv", index=False)
    command = ["train", str(folder), "--model", "block_ridge", "--cv", "0"]
    assert main([*command, "-o", str(tmp_path / "m.safetensors")]) == 0
    capsys.readouterr()
    assert main(["info", str(tmp_path / "m.safetensors")]) == 0
    assert "classes: 1 (30), 2 (30), 3 (30)" in capsys.readouterr().out


def test_files_of_acgt_are_matched_by_patient(tmp_path, capsys):
    folder = tmp_path / "raw"
    options = ["--samples", "40", "--layout", "acgt"]
    assert main(["simulate", str(folder), *options]) == 0
    capsys.readouterr()
    labels = pd.read_csv(folder / "labels.csv")
    labels["sample"] = labels["sample"].str[:12]
    labels.to_csv(folder / "labels.csv", index=False)
    files = [folder / name for name in ("expression", "methylation")]
    target = ["--target", folder / "labels.csv", "--id-level", "patient"]
    found = info(*files, *target, capsys=capsys)
    assert found["samples"][0] == "TCGA-ZZ-0001"
    assert found["n_samples"] == 40


def test_advice_names_options(folder, capsys):
    table = pd.read_csv(folder / "protein.csv", index_col=0)
    table.to_csv(folder / "p.csv", index_label="x")
    assert main(["info", str(folder / "p.csv")]) == 1
    shown = capsys.readouterr().err
    assert "Pass --orientation samples if rows are samples" in shown
    assert "orientation=" not in shown


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["{f}", "{f}/protein.csv"], "Give one folder, or files only"),
        (
            ["{f}/protein.csv", "protein={f}/expression.csv"],
            "two files of the modality",
        ),
        (["{f}", "--orientation", "samples"], "--orientation is for files"),
    ],
)
def test_data_that_do_not_fit_are_refused(folder, argv, message, capsys):
    argv = [text.format(f=folder) for text in argv]
    assert main(["info", *argv]) == 2
    assert message in capsys.readouterr().err


def test_classes_of_files_must_be_named(folder, capsys, tmp_path):
    command = [
        "train",
        str(folder / "protein.csv"),
        "-o",
        str(tmp_path / "m.safetensors"),
    ]
    assert main(command) == 2
    assert "Name their file with --target FILE" in capsys.readouterr().err


def test_table_of_outcomes_in_a_folder_is_pointed_out(folder, capsys):
    file = folder / "clinical data.csv"
    ids = pd.read_csv(folder / "labels.csv").iloc[:, 0]
    table = {"sample": ids, "age": range(50, 50 + len(ids)), "os_time": range(len(ids))}
    pd.DataFrame(table).to_csv(file, index=False)
    says = "has 'age', 'os_time', which describes samples"
    choice = "--omics expression methylation protein"
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr().err
    assert says in said
    assert choice in said
    target = shutil.copy(folder / "labels.csv", folder / "classes.csv")
    train = ["train", str(folder), "--target", str(target), "--model", "block_ridge"]
    train += ["--cv", "0", "-o", str(folder.parent / "model.safetensors")]
    assert main(train) == 0
    assert says in capsys.readouterr().err
    assert main(["info", str(folder), *choice.split()]) == 0
    assert says not in capsys.readouterr().err
