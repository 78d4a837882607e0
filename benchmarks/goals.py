"""Measure what the README promises, on real data.

    python benchmarks/goals.py               all jobs
    python benchmarks/goals.py digits mnist  only these

Downloadable sets are looked for in `TORCHSMITH_DATA`, as always. Prints a row for each
job and exits with 1 when one misses its goal.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TORCHSMITH = [sys.executable, "-c", "from torchsmith.cli.main import main; main()"]


@dataclass(frozen=True)
class Job:
    """A command with a goal.

    Attributes:
        arguments: Of `torchsmith`.
        goal: In words.
        value: From the JSON answer and the seconds to what is measured.
        reached: Whether that value meets the goal.
    """

    arguments: tuple[str, ...]
    goal: str
    value: Callable[[dict[str, Any], float], float]
    reached: Callable[[float, float], bool]


def score(metric: str) -> Callable[[dict[str, Any], float], float]:
    """Take a score of the test part."""
    return lambda answer, _: answer["metrics"]["test"][metric]["value"]


def took(_: dict[str, Any], seconds: float) -> float:
    """Take the seconds."""
    return seconds


JOBS = {
    "help": Job(("--help",), "< 0.5 s", took, lambda value, _: value < 0.5),
    "inspect": Job(
        ("inspect", str(DATA / "housing" / "housing.csv"), "--json"),
        "< 3 s",
        took,
        lambda value, _: value < 3,
    ),
    "digits": Job(
        ("train", "digits", "--json"),
        "accuracy >= 0.97 in < 60 s",
        score("accuracy"),
        lambda value, seconds: value >= 0.97 and seconds < 60,
    ),
    "mnist": Job(
        ("train", "mnist", "--budget", "180", "--json"),
        "accuracy >= 0.99 in < 180 s",
        score("accuracy"),
        lambda value, seconds: value >= 0.99 and seconds < 180,
    ),
    "california_housing": Job(
        ("train", "california_housing", "--json"),
        "RMSE <= 0.50",
        score("rmse"),
        lambda value, _: value <= 0.50,
    ),
    "car_evaluation": Job(
        ("train", "car_evaluation", "--json"),
        "accuracy >= 0.97",
        score("accuracy"),
        lambda value, _: value >= 0.97,
    ),
}


def main(names: list[str]) -> int:
    """Run the jobs and print a row for each; return the exit code."""
    missed = 0
    print(f"{'job':<20} {'value':>8} {'seconds':>8}  goal")
    for name in names or JOBS:
        job = JOBS[name]
        answer, seconds = run(job.arguments)
        value = job.value(answer, seconds)
        reached = job.reached(value, seconds)
        missed += not reached
        verdict = "reached" if reached else "MISSED"
        print(f"{name:<20} {value:8.4f} {seconds:8.1f}  {job.goal}: {verdict}")
    return 1 if missed else 0


def run(arguments: tuple[str, ...]) -> tuple[dict[str, Any], float]:
    """Run a command in an empty folder; return its JSON answer and the seconds."""
    data = os.environ.get("TORCHSMITH_DATA", str(DATA))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*TORCHSMITH, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TORCHSMITH_DATA": data},
            check=True,
        )
    seconds = time.monotonic() - begun
    is_json = done.stdout.startswith("{")
    return (json.loads(done.stdout) if is_json else {}), seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
