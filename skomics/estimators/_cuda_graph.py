"""Steps of training that a CUDA device repeats without being told each part anew."""

from collections.abc import Callable

import torch

__all__ = ["StepRecorder", "can_record"]

# Steps that are taken as they are, in which libraries and the optimizer get ready.
_N_WARM_UP = 3


def can_record(module, device):
    """Tell whether the steps of a module can be recorded.

    Parameters
    ----------
    module : torch.nn.Module
        What is trained.

    device : torch.device
        Where it is.

    Returns
    -------
    can : bool
        Not on other devices than CUDA ones, and not where a step draws numbers on the
        CPU, as that of modalities to drop.
    """
    drops = any(getattr(m, "modality_dropout", 0) for m in module.modules())
    return device.type == "cuda" and not drops


class StepRecorder:
    """Take steps of training: some as they are, then recorded and played back.

    A step of a small network is hundreds of launches, each of which takes the host
    longer than the device. A CUDA graph is one launch for all of them. It computes the
    same, on the same random numbers.

    Parameters
    ----------
    step : callable
        Takes the tensors of a batch, some of which may be None; takes one step and
        returns the loss, on the device.

    groups : list of dict
        Parameter groups of the optimizer. Until :meth:`end`, their learning rates are
        tensors, so that a step that was recorded reads the one of now.

    device : torch.device
        A CUDA device.

    generator : torch.Generator
        What the step draws from.

    Attributes
    ----------
    refusal : str or None
        Why no step is recorded, where that failed.
    """

    def __init__(
        self,
        step: Callable,
        groups: list[dict],
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        self.step, self.groups, self.device = step, groups, device
        self.generator = generator
        self.stream = torch.cuda.Stream(device)
        self.n_taken, self.refusal = 0, None
        self._records: dict = {}
        self._rates = [
            torch.zeros((), dtype=torch.float32, device=device) for _ in groups
        ]
        self._numbers = [0.0] * len(groups)

    def __call__(self, *batch):
        """Take a step; return its loss."""
        self._pass_rates()
        if self.refusal is not None or self.n_taken < _N_WARM_UP:
            self.n_taken += 1
            return self._aside(lambda: self.step(*batch))
        shapes = tuple(None if part is None else part.shape for part in batch)
        if shapes not in self._records:
            record = self._record(batch)
            if record is None:
                return self._aside(lambda: self.step(*batch))
            self._records[shapes] = record
        graph, inputs, loss = self._records[shapes]
        for kept, part in zip(inputs, batch, strict=True):
            if kept is not None:
                kept.copy_(part)
        graph.replay()
        return loss.clone()

    def _pass_rates(self):
        """Put tensors in the place of rates that were set since the last step."""
        for number, (group, rate) in enumerate(
            zip(self.groups, self._rates, strict=True)
        ):
            if group["lr"] is not rate:
                if self._numbers[number] != group["lr"]:
                    rate.fill_(group["lr"])
                self._numbers[number], group["lr"] = group["lr"], rate

    def end(self):
        """Put numbers back in the place of the rates, for whoever reads them next."""
        for group, number, rate in zip(
            self.groups, self._numbers, self._rates, strict=True
        ):
            if group["lr"] is rate:
                group["lr"] = number

    def _aside(self, call):
        """Call on the stream that steps are recorded on."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = call()
        current.wait_stream(self.stream)
        return result

    def _record(self, batch):
        """Return the graph of a step, its inputs and its loss; None if it has none."""
        inputs = [None if part is None else part.clone() for part in batch]
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        drawn = self.generator.clone_state()

        def record():
            # Other threads may go on computing meanwhile.
            graph.capture_begin(capture_error_mode="thread_local")
            try:
                return self.step(*inputs)
            finally:
                graph.capture_end()

        try:
            return graph, inputs, self._aside(record)
        except RuntimeError as error:
            # A driver that cannot record it, say, or no memory for a second set of all
            # that a step computes. Steps as they are have been taken before.
            _rewind(self.generator, drawn)
            self.refusal = str(error)
            return None


def _rewind(generator, before):
    """Let a generator go on from before a recording that failed.

    Its state would still count what is drawn for a graph that there is not.
    """
    generator.graphsafe_set_state(before)
