"""Programs of the benchmark's code faults, run beside their healthy twins."""

import contextlib
import io
from types import SimpleNamespace
from typing import Literal

import torch
from benchmarks.doctor.code_faults.faults import faults, programs
from benchmarks.doctor.code_faults.running import defined
from torch import nn
from torch.utils.data import Dataset

from doctor_pictures.drawing import Picture
from doctor_pictures.learning import bars, curves

WHAT = {
    "losses": "training loss",
    "digits": "share right on the val part",
    "rows": "share right on the val part",
    "friedman": "R² on the val part",
    "cancer": "share right on the val part",
}


def course_of(name: str, what: Literal["losses", "scores"]) -> Picture:
    """Run a fault and its twin.

    Args:
        name: Of the fault.
        what: Training losses, or scores on the val part as the twin computes them.
    """
    fault = faults()[name]
    right = defined(programs()[fault.program])
    found = [
        _course(defined(s), right) for s in (fault.source, programs()[fault.program])
    ]
    sick, healthy = [each[what == "scores"] for each in found]
    if any(value < -1 for value in sick):
        sick = [max(value, -1.0) for value in sick]
    title = WHAT["losses" if what == "losses" else fault.program]
    return curves(title, (name, sick), ("without it", healthy))


def _course(
    program: SimpleNamespace, right: SimpleNamespace
) -> tuple[list[float], list[float]]:
    """Return losses and scores after each epoch, by watching the program validate."""
    scores: list[float] = []
    own = program.evaluate

    def evaluate(model: nn.Module, data: Dataset[object]) -> float:
        mode = model.training
        scores.append(right.evaluate(model, data))
        model.train(mode)
        return own(model, data)

    program.main.__globals__["evaluate"] = evaluate
    with contextlib.redirect_stdout(io.StringIO()):
        _, _, losses = program.main(0)
    return losses, scores[: len(losses)]


def reported(name: str) -> Picture:
    """Run a fault and its twin, and compare what each reports with the truth."""
    fault = faults()[name]
    right = defined(programs()[fault.program])
    found = []
    for source in (fault.source, programs()[fault.program]):
        program = defined(source)
        with contextlib.redirect_stdout(io.StringIO()):
            network, best, _ = program.main(0)
            unseen = right.evaluate(network, right.make_data(0)[2])
        found.append([best, unseen])
    title = WHAT[fault.program].replace("on the val part", "as reported, and unseen")
    return bars(
        title, ["reported", "unseen"], (name, found[0]), ("without it", found[1])
    )


def modes(name: str) -> Picture:
    """Compare answers in train and eval mode of a fault's network and its twin's."""
    fault = faults()[name]
    found = []
    for source in (fault.source, programs()[fault.program]):
        program = defined(source)
        with contextlib.redirect_stdout(io.StringIO()):
            network, _, _ = program.main(0)
        data = program.make_data(0)[2]
        inputs = torch.stack([data[row][0] for row in range(200)])
        targets = torch.stack([data[row][1] for row in range(200)])
        losses = []
        for training in (True, False):
            network.train(training)
            with torch.no_grad():
                losses.append(program.criterion(network(inputs), targets).item())
        found.append(losses)
    return bars(
        "loss of the same 200 examples",
        ["train mode", "eval mode"],
        (name, found[0]),
        ("without it", found[1]),
    )
