"""The public functions; the command line does nothing that these cannot."""

from torchsmith.api.planning import inspect, load, plan
from torchsmith.api.run import Run, compare, load_run, runs
from torchsmith.api.training import train
from torchsmith.api.using import evaluate, predict

__all__ = [
    "Run",
    "compare",
    "evaluate",
    "inspect",
    "load",
    "load_run",
    "plan",
    "predict",
    "runs",
    "train",
]
