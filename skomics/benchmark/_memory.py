"""Peak memory of a fit."""

from contextlib import suppress
from pathlib import Path

__all__ = ["MemoryPeak"]

_PROCESS = Path("/proc/self")


class MemoryPeak:
    """Context manager that finds the highest resident memory of the process.

    The kernel keeps count, so that nothing is sampled and no allocation is missed,
    but only Linux can be asked to begin anew.

    Attributes
    ----------
    megabytes : float or ""
        The peak within the context, in MB, libraries and data included; empty where
        it cannot be had.
    """

    def __enter__(self):
        self.megabytes = ""
        self._is_reset = False
        with suppress(OSError):
            # "5" sets the peak back to what is in use now.
            (_PROCESS / "clear_refs").write_text("5")
            self._is_reset = True
        return self

    def __exit__(self, *exception):
        if self._is_reset:
            lines = (_PROCESS / "status").read_text().splitlines()
            peak = next(line for line in lines if line.startswith("VmHWM"))
            self.megabytes = round(int(peak.split()[1]) * 1024 / 1e6, 1)
        return False
