"""One contender on one task, in a process of its own; the last line is the answer.

python -m benchmarks.quality.one CASE SEED CONTENDER SECONDS
"""

import json
import os
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.quality.cases import CASES, Case
from benchmarks.quality.changed_digits import CHANGES, change
from benchmarks.quality.rivals import RIVALS
from benchmarks.quality.rows import rows_of, targets_of
from benchmarks.quality.scores import scores_of
from benchmarks.quality.sources import Task

import torchsmith as ts
from torchsmith.data.data import Data, Images
from torchsmith.data.on_disk import in_memory
from torchsmith.data.split import split_rows

OURS = "torchsmith"
CLOSE = 1e-3
"""How far our own evaluation may be from this one's; both score the same rows."""


def measure(name: str, seed: int, contender: str, budget: float) -> dict[str, Any]:
    """Train once, read the test part once, and return the scores and the seconds."""
    case = CASES[name]
    task = case.task(seed)
    if contender == OURS:
        return _measure_ours(case, task, budget)
    plan = ts.plan(task.data, settings=task.settings, budget=budget)
    rows = rows_of(task.data, plan, budget)
    begun = time.monotonic()
    outputs = RIVALS[contender].fit(rows)
    seconds = time.monotonic() - begun
    targets = rows.targets[rows.parts.test]
    regression = not rows.num_classes
    return {
        "scores": scores_of(np.asarray(outputs), targets, regression=regression),
        "seconds": {"total": seconds},
        "sizes": [len(rows.parts.train), len(rows.parts.val), len(targets)],
        "notes": list(task.notes),
    }


def _measure_ours(case: Case, task: Task, budget: float) -> dict[str, Any]:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = ts.train(task.data, settings=task.settings, budget=budget, runs=folder)
        seconds = time.monotonic() - begun
        parts = split_rows(task.data, run.plan.split, run.plan.data.columns)
        tested = task.data.take(parts.test)
        targets = targets_of(tested, run.plan.problem.classes)
        found = _score(run, tested, targets)
        told = run.evaluation.scores["test"]
        _require_same(found, {metric: score.value for metric, score in told.items()})
        if case.changed:
            found |= _score_changed(run, tested, targets)
        return {
            "scores": found,
            "seconds": {**run.seconds, "total": seconds},
            "sizes": [len(parts.train), len(parts.val), len(parts.test)],
            "stopped": run.outcome.stopped,
            "network": run.plan.network.spec_name(),
            "notes": list(task.notes),
        }


def _score(run: ts.Run, data: Data, targets: np.ndarray) -> dict[str, float]:
    said = run.predict(data)
    regression = said.values is not None
    outputs = said.values if regression else said.probabilities
    return scores_of(outputs, targets, regression=regression)


def _require_same(found: dict[str, float], told: dict[str, float]) -> None:
    for metric in set(found) & set(told):
        if abs(found[metric] - told[metric]) > CLOSE:
            raise ValueError(
                f"{metric} is {found[metric]:.5f}, but the run says {told[metric]:.5f}"
            )


def _score_changed(run: ts.Run, data: Data, targets: np.ndarray) -> dict[str, float]:
    """Score on the test part under each change, and the mean of them."""
    pictures = data.inputs
    if not isinstance(pictures, Images):
        raise TypeError(f"{data.source}: no pictures")
    pixels = in_memory(pictures.pixels)
    found = {}
    for how in CHANGES:
        shown = replace(pictures, pixels=change(pixels[..., 0], how)[..., None])
        scores = _score(run, replace(data, inputs=shown), targets)
        found[how] = scores["accuracy"]
    return {**found, "changed": float(np.mean(list(found.values())))}


def main(arguments: list[str]) -> None:
    """Measure what the arguments name, and print it."""
    warnings.filterwarnings("ignore")
    name, seed, contender, budget = arguments
    answer = sys.stdout
    # Libraries print what they like; the answer stands alone.
    sys.stdout = sys.stderr
    os.chdir(Path(__file__).parents[2])
    found = measure(name, int(seed), contender, float(budget))
    print(json.dumps(found), file=answer, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
