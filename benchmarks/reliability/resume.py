"""Every option of a training crossed, and each case stopped after every step."""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from benchmarks.reliability.figures import Figure, Part, in_parallel
from tests.processes import PROCESSES
from tests.reliability.matrix import (
    VALUES,
    Case,
    Outcome,
    generate,
    run_case,
    train,
)

from torchsmith.core.errors import Diverged

CASES = 500


def answer(case: Case, folder: str, end) -> None:
    """Do one case in a process of its own, with one thread."""
    torch.set_num_threads(1)
    try:
        end.send(run_case(case, Path(folder)))
    except Exception as error:  # noqa: BLE001 -- one case hides no other
        diverges = isinstance(error, Diverged) and _diverges(case)
        told = () if diverges else (repr(error),)
        end.send(Outcome(case.engine, 0, told))


def _diverges(case: Case) -> bool:
    """Whether a training diverges that nobody stops: then nothing can be resumed."""
    try:
        train(replace(case, engine="eager"))
    except Diverged:
        return True
    return False


def outcome(case: Case) -> Outcome:
    """Do one case; say what came of it."""
    here, there = PROCESSES.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder, here:
        process = PROCESSES.Process(target=answer, args=(case, folder, there))
        process.start()
        there.close()
        try:
            found = here.recv()
        except EOFError:
            found = Outcome(case.engine, 0, ("the process died",))
        process.join()
    return found


def measure(size: float, seed: int) -> Part:
    """Do `size` times 500 cases, of which the first hold every pair of two values."""
    cases = generate(CASES, seed)[: max(1, round(CASES * size))]
    part = Part(
        "Resume, bit for bit, for every option crossed",
        f"Cases are drawn from all combinations of {len(VALUES)} options "
        f"({', '.join(VALUES)}) so that each pair of two values stands in one. Each is "
        "trained for 3 epochs without a stop, then with a checkpoint after every step "
        "and every epoch, and from each checkpoint fresh objects go on. Equal: the "
        "SHA-256 of weights, buffers, optimizer, schedule, average, best weights and "
        "history. `make slow` does the same cases.",
    )
    answers = in_parallel("cases", cases, outcome)
    done = [found for _, found in answers if found.points or found.different]
    good = [found for found in done if not found.different]
    points = sum(found.points for found in done)
    lost = sum(len(found.different) for found in done)
    part.figures = [
        Figure.count("cases that ended equal from every point", len(good), len(done)),
        Figure.count("points of resuming that ended equal", points - lost, points),
    ]
    engines = Counter(found.engine for _, found in answers)
    asked = Counter(case.engine for case in cases)
    part.notes = [
        f"computed by {name}: {engines[name]} (asked of it: {asked[name]}; what an "
        "engine has no case for is done by eager)"
        for name in sorted(asked)
    ]
    if diverged := len(answers) - len(done):
        part.notes.append(f"not counted, as the training itself diverges: {diverged}")
    part.notes += [
        f"different: {case}: {', '.join(found.different[:3])}"
        for case, found in answers
        if found.different
    ]
    return part
