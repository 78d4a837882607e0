"""Two processes that want the same run."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.reliability.figures import Figure, Part, in_parallel
from benchmarks.reliability.jobs import (
    outcome_of,
    prepare,
    run_of,
    share_plan,
    work,
)
from benchmarks.reliability.kills import kill_in_training, whole_run
from tests.processes import PROCESSES

from torchsmith.core.run_folder import run_names

RACES = 100


def compete(folder: Path, barrier, answers) -> None:
    """Go on with a run, or begin one, at the same instant as another process."""
    barrier.wait()
    try:
        work("table", folder)
        answers.put("done")
    except Exception as error:  # noqa: BLE001 -- whatever it is, the other waits
        answers.put(str(error) or repr(error))


def race(folder: Path) -> list[str]:
    """Let two processes go at once; return what each says."""
    barrier, answers = PROCESSES.Barrier(2), PROCESSES.Queue()
    racing = [
        PROCESSES.Process(target=compete, args=(folder, barrier, answers))
        for _ in range(2)
    ]
    for process in racing:
        process.start()
    for process in racing:
        process.join()
    return sorted(answers.get(timeout=10) for _ in racing)


def race_to_resume(root: Path, number: int) -> str:
    """Say what is wrong when two processes resume one run, or return ''."""
    folder = root / f"resume-{number}"
    shutil.copytree(root / "killed", folder)
    said = race(folder)
    [first, second] = said
    equal = outcome_of(run_of(folder)) == outcome_of(run_of(root / "table"))
    shutil.rmtree(folder)
    if first != "done" or "the run is in use by process " not in second:
        return f"they say {said}"
    return "" if equal else "the run ends with other bits"


def race_to_begin(root: Path, number: int) -> str:
    """Say what is wrong when two processes begin runs of one name, or return ''."""
    folder = root / f"begin-{number}"
    prepare("table", folder)
    share_plan("table", root / "table", folder)
    said = race(folder)
    runs = folder / "runs"
    names = run_names(runs)
    expected = outcome_of(run_of(root / "table"))
    equal = all(outcome_of(runs / name) == expected for name in names)
    shutil.rmtree(folder)
    if said != ["done", "done"] or len(names) != 2:
        return f"they say {said}, and there are {names}"
    return "" if equal else "a run ends with other bits"


def measure(size: float, seed: int) -> Part:
    """Let `size` times 100 pairs race to resume, and as many to begin."""
    del seed
    part = Part(
        "Two processes, one run",
        "Two processes resume the same killed run at the same instant: exactly one "
        "goes on, the other says which process has it, and the run ends equal. Two "
        "that begin runs of the same name in the same minute get a folder each.",
    )
    count = max(2, round(RACES * size))
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        whole_run("table", root / "table")
        kill_in_training("table", root / "killed", root / "table")
        for title, compete_for in (
            ("races to resume that exactly one wins", race_to_resume),
            ("races to begin that give each a run", race_to_begin),
        ):
            numbers = list(range(count))
            answers = in_parallel(title, numbers, partial(compete_for, root), at_once=1)
            bad = [problem for _, problem in answers if problem]
            part.figures.append(Figure.count(title, count - len(bad), count))
            part.notes += bad[:5]
    return part
