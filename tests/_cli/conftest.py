"""A simulated cohort in a folder, and a model of it."""

import pytest

from skomics._cli import main


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Folder with train and test of three subtypes; some samples lack a modality."""
    folder = tmp_path_factory.mktemp("cli") / "cohort"
    command = ["simulate", str(folder), "--samples", "150", "--test", "60"]
    assert main([*command, "--effect", "0.15", "--missing-omics", "0.1"]) == 0
    return folder


@pytest.fixture(scope="session")
def model(cohort, tmp_path_factory):
    """File of a block ridge."""
    file = tmp_path_factory.mktemp("cli") / "model.safetensors"
    command = ["train", str(cohort / "train"), "--model", "block_ridge"]
    assert main([*command, "--cv", "0", "-o", str(file)]) == 0
    return file
