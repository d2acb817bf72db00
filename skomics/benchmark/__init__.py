"""Compare classifiers on multi-omics tasks: ``python -m skomics.benchmark``."""

from skomics.benchmark._contenders import Contender
from skomics.benchmark._runner import run_benchmark
from skomics.benchmark._summary import summarize
from skomics.benchmark._tasks import Task, simulated_task

__all__ = ["Contender", "Task", "run_benchmark", "simulated_task", "summarize"]
