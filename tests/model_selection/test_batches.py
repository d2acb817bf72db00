"""Which candidates are fitted together, and that they are."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skomics import EFNNClassifier, MoGCNClassifier, SMAClassifier
from skomics.model_selection._batches import plan_batches

SMA = SMAClassifier(random_state=0)


def members(estimator, grid, max_batch=16):
    return [
        batch.members
        for batch in plan_batches(estimator, list(ParameterGrid(grid)), max_batch)
    ]


def test_candidates_of_one_architecture_and_batch_size_are_a_stack():
    grid = {"batch_size": [16, 32], "lr": [1e-3, 1e-2]}
    batches = plan_batches(SMA, list(ParameterGrid(grid)), 16)
    assert [batch.members for batch in batches] == [[0, 1], [2, 3]]
    assert all(batch.is_stack for batch in batches)
    for searched in ("depth", "random_state", "n_ensemble", "optimizer"):
        values = ["adam", "sgd"] if searched == "optimizer" else [1, 2]
        assert len(members(SMA, {searched: values, "lr": [1, 2]})) == 2


def test_dropout_of_zero_draws_nothing_and_is_no_part_of_a_stack_that_does():
    assert members(SMA, {"dropout": [0, 0.1, 0.2]}) == [[0], [1, 2]]


def test_other_networks_share_what_comes_before_training():
    (batch,) = plan_batches(EFNNClassifier(), [{"lr": 1e-3}, {"batch_size": 8}], 16)
    assert batch.members == [0, 1]
    assert not batch.is_stack
    assert not batch.is_alone


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        (LogisticRegression(), {"C": 1}),
        (MoGCNClassifier(), {"lr": 1e-3}),
        (SMA, {"warm_start": True}),
        (SMA, {"net_params": {"max_epochs": 3}}),
        (SMA, {"checkpoint": "fit"}),
        (SMA, {"precision": "bf16"}),
        (SMA, {"no_parameter": 3}),
        (type("Own", (SMAClassifier,), {})(), {"lr": 1e-3}),
    ],
)
def test_all_else_is_fitted_alone(estimator, params):
    batches = plan_batches(estimator, [params, params], 16)
    assert [batch.members for batch in batches] == [[0], [1]]
    assert all(batch.is_alone for batch in batches)


def test_settings_of_steps_before_the_network_are_batches_of_their_own():
    model = make_pipeline(StandardScaler(), SMA)
    grid = {"standardscaler__with_mean": [True, False], "smaclassifier__lr": [1, 2]}
    assert members(model, grid) == [[0, 2], [1, 3]]


def test_batches_that_are_too_large_are_shared_out_evenly():
    assert members(SMA, {"lr": [1, 2, 3, 4, 5, 6, 7]}, max_batch=3) == [
        [0, 1, 2],
        [3, 4, 5],
        [6],
    ]
