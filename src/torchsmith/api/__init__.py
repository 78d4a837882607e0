"""The public functions; the command line does nothing that these cannot."""

from torchsmith.api.diagnosing import doctor
from torchsmith.api.explaining import explain
from torchsmith.api.explanation import Explanation
from torchsmith.api.lessons import LessonRun
from torchsmith.api.listing import compare, runs
from torchsmith.api.planning import inspect, load, plan
from torchsmith.api.recipes import open_run
from torchsmith.api.run import Run, load_run
from torchsmith.api.studying import StudyRun
from torchsmith.api.training import train
from torchsmith.api.using import evaluate, predict

__all__ = [
    "Explanation",
    "LessonRun",
    "Run",
    "StudyRun",
    "compare",
    "doctor",
    "evaluate",
    "explain",
    "inspect",
    "load",
    "load_run",
    "open_run",
    "plan",
    "predict",
    "runs",
    "train",
]
