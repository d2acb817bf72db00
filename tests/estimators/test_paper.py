"""The publications' settings."""

import pytest

from skomics import (
    EFCNNClassifier,
    EFNNClassifier,
    LFCNNClassifier,
    LFNNClassifier,
    MoGATClassifier,
    MoGCNClassifier,
    SMAClassifier,
    paper_params,
)

CLASSIFIERS = {
    "efcnn": EFCNNClassifier,
    "efnn": EFNNClassifier,
    "lfcnn": LFCNNClassifier,
    "lfnn": LFNNClassifier,
    "mogat": MoGATClassifier,
    "mogcn": MoGCNClassifier,
    "sma": SMAClassifier,
}


@pytest.mark.parametrize("task", ["simulated", "single_cell", "cancer"])
@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_settings_are_parameters_of_the_classifier(name, task):
    model = CLASSIFIERS[name](**paper_params(name, task))
    assert model.get_params().items() >= paper_params(name, task).items()


def test_sma_has_the_settings_that_the_paper_states():
    stated = {"batch_size": 128, "max_epochs": 500, "lr": 3e-3, "weight_decay": 0.01}
    assert paper_params("sma").items() >= stated.items()


@pytest.mark.parametrize("name", ["mogcn", "mogat"])
def test_graph_models_pretrain_longer_on_simulated_and_train_shorter_on_cells(name):
    stages = {
        task: (params["pretrain_epochs"], params["max_epochs"])
        for task in ("simulated", "single_cell", "cancer")
        for params in [paper_params(name, task)]
    }
    assert stages == {
        "simulated": (1000, 2500),
        "single_cell": (500, 500),
        "cancer": (500, 2500),
    }


def test_settings_can_be_changed_without_changing_the_next_ones():
    paper_params("sma")["lr"] = 1.0
    assert paper_params("sma")["lr"] == 3e-3


@pytest.mark.parametrize("asked", [("svm", "cancer"), ("sma", "plants")])
def test_error_for_an_unknown_model_or_task(asked):
    with pytest.raises(ValueError, match=r"published settings are kept for \['"):
        paper_params(*asked)
