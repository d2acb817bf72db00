"""Devices, and the state of torch around a computation."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from skomics.estimators import _device
from skomics.estimators._device import resolve_device, torch_context
from skomics.exceptions import DeviceMemoryError
from skomics.modules import Dropout

CPU = torch.device("cpu")


def test_auto_takes_the_best_device_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto").type == "cpu"


def test_lack_of_memory_is_an_error_that_says_what_to_do():
    message = "Device cpu ran out of memory .* Use a smaller batch_size"
    with pytest.raises(DeviceMemoryError, match=message), torch_context(device=CPU):
        raise torch.OutOfMemoryError("tried to allocate")


def test_context_ends_even_when_the_body_fails():
    threads = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), torch_context(device=CPU, n_threads=1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("before", [True, False])
def test_denormal_numbers_count_as_zero_only_inside_the_context(before):
    def product():
        return (torch.full((1,), 1e-40) * 0.5).item()

    torch.set_flush_denormal(before)
    try:
        with torch_context(device=CPU):
            assert product() == 0.0
        assert (product() == 0.0) is before
        with pytest.raises(ZeroDivisionError), torch_context(device=CPU):
            raise ZeroDivisionError
        assert (product() == 0.0) is before
    finally:
        torch.set_flush_denormal(False)


def test_denormal_numbers_of_another_thread_are_left_alone():
    entered, seen = threading.Event(), threading.Event()

    def compute():
        with torch_context(device=CPU):
            entered.set()
            assert seen.wait(60)

    thread = threading.Thread(target=compute)
    thread.start()
    assert entered.wait(60)
    product = (torch.full((1,), 1e-40) * 0.5).item()
    seen.set()
    thread.join(60)
    assert product != 0.0


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_fewest_threads_count_and_the_last_to_leave_restores_them():
    gate = threading.Barrier(3, timeout=60)

    def compute(n_threads):
        with torch_context(device=CPU, n_threads=n_threads):
            gate.wait(timeout=60)  # both are in
            inside = torch.get_num_threads()
            gate.wait(timeout=60)  # both have looked
        return inside, torch.get_num_threads()

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(compute, n_threads) for n_threads in (1, 1)]
        gate.wait(timeout=60)
        assert torch.get_num_threads() == 2  # that of a thread without a context
        gate.wait(timeout=60)
        assert [future.result(60) for future in both] == [(1, 2), (1, 2)]
        assert pool.submit(torch.get_num_threads).result(60) == 2
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("outer", [1, 2])
def test_contexts_nest(outer):
    with torch_context(device=CPU, n_threads=outer):
        with torch_context(device=CPU, n_threads=1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == outer
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_interrupt_while_the_number_is_set_leaves_nothing(monkeypatch):
    set_threads = torch.set_num_threads

    def interrupted(n_threads):
        set_threads(n_threads)
        monkeypatch.setattr(_device._threads._held, "_set", set_threads)
        raise KeyboardInterrupt

    monkeypatch.setattr(_device._threads._held, "_set", interrupted)
    with pytest.raises(KeyboardInterrupt), torch_context(device=CPU):
        raise AssertionError("not reached")
    assert torch.get_num_threads() == 2
    with torch_context(device=CPU, n_threads=2):
        assert torch.get_num_threads() == 2


def test_random_numbers_come_from_the_seed_and_not_from_the_process():
    def draw(seed):
        with torch_context(device=CPU, seed=seed):
            return Dropout(0.5)(torch.ones(64))

    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first = draw(1)
    torch.rand(3)
    assert torch.equal(draw(1), first)
    assert not torch.equal(draw(2), first)
    torch.random.set_rng_state(before)
    draw(3)
    assert torch.equal(torch.random.get_rng_state(), before)
