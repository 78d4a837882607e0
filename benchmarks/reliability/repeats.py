"""The same plan, data and environment: the same bits; another environment: named."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.reliability.figures import Figure, Part, in_parallel
from benchmarks.reliability.jobs import (
    outcome_of,
    plan_of,
    prepare,
    run_of,
    share_plan,
)
from benchmarks.reliability.kills import kill_in_training, whole_run

from torchsmith.plan.file import read_plan

REPEATS = 20
KINDS = ("table", "pictures", "fit")
THREADS = "torch threads"
OTHERS = {
    THREADS: {"OMP_NUM_THREADS": "1"},
    "cpu capability": {"ATEN_CPU_CAPABILITY": "default"},
}
"""For the line that is to be named, what makes the environment differ in it."""
PROGRAM = "from benchmarks.reliability.repeats import again; again()"


def again() -> None:
    """Do the run of which kind, folder and threads are in the arguments."""
    from benchmarks.reliability.jobs import work

    kind, folder, threads = sys.argv[1:]
    work(kind, Path(folder), threads=int(threads))


def fresh(kind: str, folder: Path, threads: int, **variables: str) -> str:
    """Do a run in a process that starts from nothing; return its errors."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, str(folder), str(threads)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    output = (folder / "output.txt").read_text() if done.returncode else ""
    return done.stderr + output


def repeat(root: Path, case: tuple[str, int, int]) -> object:
    """Do a run once more; return its outcome, or its errors."""
    kind, threads, number = case
    folder = root / f"{kind}-{threads}-{number}"
    prepare(kind, folder)
    share_plan(kind, root / kind, folder)
    if problem := fresh(kind, folder, threads):
        return problem
    found = outcome_of(run_of(folder))
    shutil.rmtree(folder)
    return found


def asked(root: Path) -> list[tuple[str, str]]:
    """Return kinds and lines: those that another environment really changes.

    A plan that fixes the number of threads gets it everywhere.
    """
    found = []
    for kind, line in product(KINDS, OTHERS):
        plan = plan_of(kind, run_of(root / kind))
        fixed = plan is not None and read_plan(plan).training.threads
        if not (fixed and line == THREADS):
            found.append((kind, line))
    return found


def named(root: Path, kind: str, line: str) -> str:
    """Resume a killed run in another environment; return '' where that is named."""
    folder = root / f"other-{kind}-{line.replace(' ', '-')}"
    kill_in_training(kind, folder, root / kind, threads=2)
    if problem := fresh(kind, folder, 0, **OTHERS[line]):
        return problem
    notes = (folder / "notes.json").read_text()
    outcome = run_of(folder) / "outcome.json"
    if outcome.exists():
        notes += json.dumps(json.loads(outcome.read_text())["notes"])
    return "" if f"{line}: " in notes else f"{kind}: {line} is not named in {notes}"


def measure(size: float, seed: int) -> Part:
    """Repeat each kind `size` times 20 times, with one thread and with two."""
    del seed
    part = Part(
        "The same bits again",
        "The same plan and data, each time in a process that starts from nothing, with "
        "random numbers of Python's own hashing. Then a killed run goes on in another "
        "environment, whose differing line is to be named.",
    )
    count = max(2, round(REPEATS * size))
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for kind in KINDS:
            whole_run(kind, root / kind)
        cases = [(k, t, n) for k in KINDS for t in (1, 2) for n in range(count)]
        answers = in_parallel("repeats", cases, partial(repeat, root))
        for kind in KINDS:
            for threads in (1, 2):
                found = [a for c, a in answers if c[:2] == (kind, threads)]
                same = sum(each == found[0] for each in found)
                good = same if isinstance(found[0], dict) else 0
                what = f"{kind}, {threads} thread{'s' * (threads > 1)}: the same bits"
                part.figures.append(Figure.count(what, good, count))
                part.notes += [each[-300:] for each in found if isinstance(each, str)]
        wrong = [named(root, kind, line) for kind, line in asked(root)]
        bad = [problem for problem in wrong if problem]
        what = f"another environment ({', '.join(OTHERS)}) is named on resuming"
        part.figures.append(Figure.count(what, len(wrong) - len(bad), len(wrong)))
        part.notes += bad
    return part
