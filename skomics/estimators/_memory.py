"""What training does when the device is out of memory: it halves the batch, once."""

import torch

from skomics._warnings import warn
from skomics.estimators._device import check_precision, resolve_device
from skomics.exceptions import DeviceMemoryError

__all__ = ["MemoryRetryMixin"]

# A weight, its gradient, and two numbers that the optimizer remembers of it.
_TIMES_WEIGHTS = 4


class MemoryRetryMixin:
    """Training that begins anew with half the batch where a whole one does not fit."""

    def _train(self, samples, reporter):
        """Build the module and its net, or take them up again, and train."""
        device = resolve_device(self.device)
        check_precision(self.precision, device)
        samples, valid, seed = self._hold_out(samples, device)
        checkpoint = vars(self).pop("_checkpoint", None)
        before = vars(self).get("net_")
        given = samples, valid, seed, reporter, device
        half = _half(self.batch_size) if self._learns_from_files else None
        try:
            self._train_once(*given, checkpoint)
        except DeviceMemoryError:
            if half is None:
                raise
        else:
            return
        # Not within the handler, whose traceback holds what is on the device.
        self._clear_device(before, device)
        warn(
            f"Device {device} ran out of memory with batch_size={self.batch_size}. "
            f"Training begins anew with {half}, and keeps no checkpoint. Set "
            f"batch_size={half} to do without this warning."
        )
        self._fit_receipt["batch_size"] = half
        try:
            self._train_once(*given, None, batch_size=half)
        except DeviceMemoryError as error:
            raise DeviceMemoryError(self._what_fits(samples, device, half)) from error

    def _clear_device(self, before, device):
        """Let go of a net that did not fit."""
        vars(self).pop("net_", None)
        if before is not None:
            self.net_ = before
        if device.type == "cuda":
            torch.cuda.empty_cache()

    def _what_fits(self, samples, device, half):
        """Return an error's text: what asks for memory, and how much there is."""
        parts = [f"the samples take {_mib(getattr(samples.X, 'nbytes', 0))}"]
        if "net_" in vars(self):
            sizes = [p.nbytes for p in self.net_.module_.parameters()]
            parts.append(
                f"the network, its gradients and what the optimizer remembers "
                f"{_mib(_TIMES_WEIGHTS * sum(sizes))}"
            )
        if device.type == "cuda":
            free, total = torch.cuda.mem_get_info(device)
            parts.append(f"{_mib(free)} of {_mib(total)} are free")
        return (
            f"Device {device} ran out of memory with batch_size={self.batch_size}, and "
            f"again with {half}: {', '.join(parts)}. Set batch_size below {half}, keep "
            "fewer features per modality, leave the samples on disk (backed='r'), or "
            "set device='cpu'."
        )


def _half(batch_size):
    return batch_size // 2 if batch_size and batch_size > 1 else None


def _mib(n_bytes):
    return f"{n_bytes / 2**20:.0f} MiB"
