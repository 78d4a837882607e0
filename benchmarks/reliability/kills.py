"""kill -9 at random instants of real runs, which then go on."""

import random
import shutil
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from benchmarks.reliability.figures import Figure, Part, in_parallel
from benchmarks.reliability.jobs import KINDS, outcome_of, prepare, run, run_of, work
from benchmarks.reliability.jobs import share_plan as share
from tests.processes import PROCESSES

KILLS = 1000
TOO_LATE = "after its end"
"""Such an instant is no kill."""
CHECKPOINTED = "in training, after a checkpoint"


def stage_of(folder: Path) -> str:
    """Say how far the run was that has just been killed."""
    runs = folder / "runs"
    found = [p for p in runs.glob("*") if not p.name.startswith(".")]
    if not found:
        return "before its folder was made"
    [path] = found
    done = "model" if (path / "fit.json").exists() else "outcome.json"
    if (path / done).exists():
        return TOO_LATE
    if (path / "model").exists():
        return "while it was evaluated"
    if any(p.name.isdigit() for p in (path / "checkpoints").glob("*")):
        return CHECKPOINTED
    return "in training, before the first checkpoint"


def whole_run(kind: str, folder: Path) -> float:
    """Do a run that nobody kills, twice; return the seconds of the second."""
    prepare(kind, folder)
    if run(kind, folder):
        raise RuntimeError(f"{kind}: {(folder / 'output.txt').read_text()}")
    again = folder.with_name(f"{folder.name}-again")
    prepare(kind, again)
    share(kind, folder, again)
    begun = time.monotonic()
    run(kind, again)
    seconds = time.monotonic() - begun
    if outcome_of(run_of(again)) != outcome_of(run_of(folder)):
        raise RuntimeError(f"{kind}: two runs that nobody killed differ")
    return seconds


def kill_in_training(kind: str, folder: Path, whole: Path, **options: int) -> None:
    """Begin the plan of a whole run in a new folder; kill it after a checkpoint.

    Raises:
        RuntimeError: The run came to its end before.
    """
    prepare(kind, folder)
    share(kind, whole, folder)
    process = PROCESSES.Process(target=work, args=(kind, folder), kwargs=options)
    process.start()
    while process.is_alive() and stage_of(folder) != CHECKPOINTED:
        process.join(0.01)
    process.kill()
    process.join()
    if (stage := stage_of(folder)) != CHECKPOINTED:
        raise RuntimeError(f"{kind} was killed {stage}")


def kill_and_go_on(root: Path, expected: dict, case: tuple) -> tuple[str, str]:
    """Kill a run, again and again, then let it end; say how far it was, and how it is.

    Args:
        root: Of the uninterrupted runs, by kind.
        expected: Their outcomes, by kind.
        case: The kind of run, a number, and the instants in seconds.
    """
    kind, number, instants = case
    folder = root / f"{kind}-{number}"
    prepare(kind, folder)
    share(kind, root / kind, folder)
    stages = []
    for instant in instants:
        run(kind, folder, instant)
        stages.append(stage_of(folder))
    code = run(kind, folder)
    word = "equal"
    if code:
        word = f"cannot go on: {(folder / 'output.txt').read_text()[-300:]}"
    elif outcome_of(run_of(folder)) != expected[kind]:
        word = "different"
    shutil.rmtree(folder)
    return stages[0], word


def measure(size: float, seed: int) -> Part:
    """Kill `size` times 1,000 runs, a fifth of them three times."""
    chance = random.Random(seed)
    part = Part(
        "kill -9 at random instants of real runs",
        "Each run is a process that is killed at an instant drawn evenly from the time "
        "that an uninterrupted one takes, and then goes on to its end; every fifth is "
        "killed three times. The kinds take turns: a plan for a table (EMA), one for "
        "pictures (convolutions, dropout, random crops), and `torchsmith.fit` of a "
        "module on a Dataset that draws random numbers. Checkpoints every 20 ms, a "
        "stress rate. One thread each.",
    )
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        seconds = {kind: whole_run(kind, root / kind) for kind in KINDS}
        expected = {kind: outcome_of(run_of(root / kind)) for kind in KINDS}
        cases = []
        for number in range(max(1, round(KILLS * size))):
            kind = KINDS[number % len(KINDS)]
            kills = 3 if number % 5 == 0 else 1
            instants = [chance.uniform(0, seconds[kind]) for _ in range(kills)]
            cases.append((kind, number, instants))
        answers = in_parallel(
            "runs killed", cases, partial(kill_and_go_on, root, expected)
        )
    killed = [(case, answer) for case, answer in answers if answer[0] != TOO_LATE]
    resumable = sum(not word.startswith("cannot") for _, (_, word) in killed)
    equal = sum(word == "equal" for _, (_, word) in killed)
    part.figures = [
        Figure.count("runs that could go on", resumable, len(killed)),
        Figure.count("runs that ended equal", equal, len(killed)),
    ]
    stages = Counter(stage for _, (stage, _) in killed)
    part.notes = [f"first killed {stage}: {n}" for stage, n in stages.most_common()]
    lengths = ", ".join(f"{kind} {seconds[kind]:.2f} s" for kind in KINDS)
    part.notes.append(f"an uninterrupted run takes: {lengths}")
    late = len(answers) - len(killed)
    part.notes.append(f"{late} instants came after the end, and are not counted")
    part.notes += [
        f"{word}: {case[0]}, instants {case[2]}"
        for case, (_, word) in killed
        if word != "equal"
    ]
    return part
