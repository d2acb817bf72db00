"""Recording of steps, on a graph that calls them again: no CUDA device is needed."""

import pickle
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skomics import EFNNClassifier, LFNNClassifier, MoGCNClassifier, SMAClassifier
from skomics.estimators import _batched, _cuda_graph, _net
from skomics.estimators._cuda_graph import StepRecorder, can_record
from skomics.model_selection import BatchedSearchCV
from tests.conftest import make_tiny

X, Y = make_tiny()
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Graph:
    """What is recorded is called; so is what is played back, but for the first time."""

    made, fails = [], False

    def __init__(self):
        self.n_replays, self.generators, self.mode = 0, [], None
        self.made.append(self)

    def register_generator_state(self, generator):
        self.generators.append(generator)

    def capture_begin(self, capture_error_mode):
        self.mode = capture_error_mode
        if self.fails:  # a device would do nothing of what it is told from now on
            raise RuntimeError("operation not permitted when stream is capturing")

    def capture_end(self):
        assert self.mode is not None

    def replay(self):
        self.n_replays += 1
        if self.n_replays > 1:
            self.again()


class Recorder(StepRecorder):
    """One that tells its graphs what they hold."""

    made = []

    def __init__(self, *args):
        super().__init__(*args)
        self.made.append(self)

    def _record(self, batch):
        record = super()._record(batch)
        if record is not None:
            graph, inputs, loss = record
            graph.again = lambda: loss.copy_(self.step(*inputs))
        return record


@pytest.fixture
def recorded(monkeypatch):
    """Return the recorders of what is trained on the CPU from now on."""
    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(
        _cuda_graph, "_rewind", lambda g, before: g.set_state(before.get_state())
    )
    for name, kind in (("made", Graph), ("made", Recorder)):
        monkeypatch.setattr(kind, name, [])
    for module in (_net, _batched):
        monkeypatch.setattr(module, "StepRecorder", Recorder)
        monkeypatch.setattr(module, "can_record", lambda m, _: can_record(m, CUDA))
    return Recorder.made


def weights(model):
    return list(model.net_.module_.state_dict().values())


@pytest.mark.parametrize("kind", [SMAClassifier, EFNNClassifier, LFNNClassifier])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lr_schedule": "constant", "optimizer": "sgd"},
        {"early_stopping": True, "validation_fraction": 0.2},
    ],
    ids=["defaults", "sgd", "early_stopping"],
)
def test_a_fit_learns_the_same_in_recorded_steps(kind, params, request, monkeypatch):
    model = kind(max_epochs=6, batch_size=10, random_state=0, **params)
    plain = clone(model).fit(X, Y)
    recorders = request.getfixturevalue("recorded")
    fast = clone(model).fit(X, Y)
    monkeypatch.setattr(Graph, "fails", True)
    slow = clone(model).fit(X, Y)
    assert [recorder.refusal is None for recorder in recorders] == [True, False]
    for one, other in zip(weights(fast), weights(slow), strict=True):
        assert torch.equal(one, other)
    # A rate that is a tensor has single precision.
    np.testing.assert_allclose(fast.predict_proba(X), plain.predict_proba(X), atol=1e-3)


def test_each_shape_of_batch_has_a_graph(recorded):
    # 48 samples in batches of 10 are four of 10 and one of 8, or nearly so.
    EFNNClassifier(max_epochs=4, batch_size=10, random_state=0).fit(X, Y)
    sizes = [shapes[-1][0] for shapes in recorded[0]._records]
    assert sorted(sizes) == [9, 10]
    assert len(Graph.made) == 2
    assert (
        sum(graph.n_replays for graph in Graph.made) == 4 * 5 - _cuda_graph._N_WARM_UP
    )


def test_graphs_know_the_generator_and_leave_other_threads_alone(recorded):
    LFNNClassifier(max_epochs=3, batch_size=10, random_state=0).fit(X, Y)
    for graph in Graph.made:
        assert graph.generators == [recorded[0].generator]
        assert graph.mode == "thread_local"


def test_rates_are_tensors_for_the_steps_and_numbers_for_all_others(recorded):
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([{"params": [weight], "lr": 0.5}], lr=0.1)
    seen = []

    def step(rate):
        seen.append(optimizer.param_groups[0]["lr"])
        return rate * 1

    group = optimizer.param_groups[0]
    take = Recorder(step, optimizer.param_groups, CPU, torch.Generator())
    for rate in (0.5, 0.25, 0.25, 0.125, 0.125):
        group["lr"] = rate
        assert float(take(torch.tensor(rate))) == rate
        assert float(seen[-1]) == rate
    assert len({id(rate) for rate in seen}) == 1
    take.end()
    assert group["lr"] == 0.125
    assert isinstance(group["lr"], float)


def test_a_loss_is_not_that_of_the_next_step(recorded):
    take = Recorder(lambda x: x.sum(), [], CPU, torch.Generator())
    losses = [take(torch.tensor([float(i)])) for i in range(8)]
    assert [float(loss) for loss in losses] == list(range(8))


def test_a_step_that_cannot_be_recorded_is_taken_as_it_is(recorded, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    expected = torch.rand(8, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(Graph, "fails", True)
    take = Recorder(
        lambda x: torch.rand(1, generator=generator) + x, [], CPU, generator
    )
    drawn = torch.cat([take(torch.zeros(1)) for _ in range(8)])
    assert torch.equal(drawn, expected)  # the failed one has drawn nothing
    assert "not permitted" in take.refusal
    assert len(Graph.made) == 1


def test_steps_that_fit_without_a_record_go_on_without_it(recorded):
    def step(x):
        if Graph.made and not recorded[0].refusal:
            raise torch.OutOfMemoryError("tried to allocate")
        return x.sum()

    take = Recorder(step, [], CPU, torch.Generator())
    assert [float(take(torch.tensor(float(i)))) for i in range(8)] == list(range(8))
    assert "tried to allocate" in take.refusal


def test_callbacks_that_look_at_batches_see_each_step(recorded):
    from skorch.callbacks import Callback

    class Count(Callback):
        n_batches = 0

        def on_batch_end(self, net, batch, training, **kwargs):
            Count.n_batches += training

    EFNNClassifier(max_epochs=4, batch_size=12, callbacks=[Count], random_state=0).fit(
        X, Y
    )
    assert Count.n_batches == 16
    assert not Graph.made


def test_dropped_modalities_and_graph_models_are_not_recorded(recorded):
    LFNNClassifier(max_epochs=2, modality_dropout=0.5, random_state=0).fit(X, Y)
    MoGCNClassifier(max_epochs=2, pretrain_epochs=1, random_state=0).fit(X, Y)
    assert not recorded


def test_nothing_is_recorded_on_a_cpu():
    module = EFNNClassifier(max_epochs=1, random_state=0).fit(X, Y).net_.module_
    assert not can_record(module, CPU)
    assert can_record(module, CUDA)


def test_a_fitted_model_holds_no_recorder(recorded):
    model = EFNNClassifier(max_epochs=6, batch_size=10, random_state=0).fit(X, Y)
    assert Graph.made
    proba = pickle.loads(pickle.dumps(model)).predict_proba(X)
    np.testing.assert_array_equal(proba, model.predict_proba(X))
    assert model.net_._recorder is None


@pytest.mark.parametrize("halving", [None, 3])
def test_a_search_of_stacks_is_the_same_in_recorded_steps(halving, request):
    model = SMAClassifier(max_epochs=9, batch_size=10, random_state=0)
    grid = {"lr": [1e-3, 3e-3, 1e-2], "weight_decay": [0.1, 1.0, 10.0]}
    search = BatchedSearchCV(model, grid, cv=2, halving=halving)
    plain = clone(search).fit(X, Y)
    recorders = request.getfixturevalue("recorded")
    fast = clone(search).fit(X, Y)
    assert sum(len(recorder._records) for recorder in recorders) >= 3
    np.testing.assert_array_equal(
        fast.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    np.testing.assert_allclose(fast.predict_proba(X), plain.predict_proba(X), atol=1e-4)
