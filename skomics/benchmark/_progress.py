"""Progress of a run: bars on a terminal, lines elsewhere."""

import sys
from time import monotonic

from skomics._optional import import_optional

__all__ = ["make_progress"]


def make_progress(counts, verbose, stream=None):
    """Return a context manager with a method `finish_fit(row)`.

    Parameters
    ----------
    counts : dict of str to int
        Number of fits of each task that are still to be done.

    verbose : bool
        Whether to show anything.

    stream : text file, default=None
        Where to; None takes the standard error.

    Returns
    -------
    progress : context manager
        Bars if rich is installed and the stream is a terminal; otherwise one line
        per fit.
    """
    stream = sys.stderr if stream is None else stream
    if not verbose or not counts:
        return _Silence()
    if stream.isatty():
        try:
            return _Bars(counts, stream)
        except ImportError:
            pass
    return _Lines(counts, stream)


class _Silence:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False

    def finish_fit(self, row):
        """Show nothing."""


class _Lines(_Silence):
    """One line per finished fit, with an estimate of the time left."""

    def __init__(self, counts, stream):
        self._n_done, self._n_fits = 0, sum(counts.values())
        self._stream, self._start = stream, monotonic()

    def finish_fit(self, row):
        """Print a line about the fit."""
        self._n_done += 1
        n_left = self._n_fits - self._n_done
        left = (monotonic() - self._start) / self._n_done * n_left
        width = len(str(self._n_fits))
        print(
            f"[{self._n_done:{width}d}/{self._n_fits}] {row['task']} · "
            f"{row['label']} · repeat {row['repeat']} fold {row['fold']}: "
            f"{_outcome(row)} · {_minutes(left)} left",
            file=self._stream,
            flush=True,
        )


class _Bars(_Silence):
    """A bar over all fits and one for each task that is being worked on."""

    def __init__(self, counts, stream):
        rich = import_optional("rich.progress", extra="bench")
        console = import_optional("rich.console", extra="bench").Console(file=stream)
        self._progress = rich.Progress(
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TimeElapsedColumn(),
            rich.TextColumn("left"),
            rich.TimeRemainingColumn(),
            rich.TextColumn("{task.fields[last]}", style="dim"),
            console=console,
        )
        total = sum(counts.values())
        self._all = self._progress.add_task("all fits", total=total, last="")
        self._bars = {
            name: self._progress.add_task(
                f"  {name}", total=count, last="", visible=False, start=False
            )
            for name, count in counts.items()
        }
        self._show(next(iter(counts)))

    def _show(self, name):
        bar = self._bars[name]
        if not self._progress.tasks[bar].visible:
            self._progress.start_task(bar)
            self._progress.update(bar, visible=True)

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *exception):
        self._progress.stop()
        return False

    def finish_fit(self, row):
        """Advance the bars."""
        self._show(row["task"])
        bar = self._bars[row["task"]]
        self._progress.update(bar, advance=1, last=f"{row['label']} {_outcome(row)}")
        self._progress.advance(self._all)


def _outcome(row):
    if row["status"] != "ok":
        return f"error: {row['error'][:80]}"
    return f"macro F1 {row['f1_macro']:.3f} in {row['fit_seconds']:.1f} s"


def _minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
