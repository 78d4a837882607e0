"""A run as one readable script of plain PyTorch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torchsmith.api.carrying import import_torch, torch_threads
from torchsmith.api.lessons import LessonRun
from torchsmith.api.planning import is_in_memory, load_planned
from torchsmith.api.run import Run
from torchsmith.core.commands import command
from torchsmith.core.environment import differences, environment
from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.files import write_atomic
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.rounding import VARIABLE
from torchsmith.core.run_folder import RunFolder, run_names
from torchsmith.evaluate.evaluation import Score

if TYPE_CHECKING:
    from torchsmith.eject.subject import Subject
    from torchsmith.eject.verify import Verification


@dataclass(frozen=True)
class Ejected:
    """A script or notebook that was written.

    Attributes:
        path: The file.
        verification: What comparing it with the run has found, if that was asked for.
        notes: Why it may not end with the same weights.
    """

    path: Path
    verification: "Verification | None" = None
    notes: tuple[str, ...] = ()


def open_ejectable(run: str | Path, runs: str | Path = "runs") -> Run | LessonRun:
    """Open a run that a script can be written of.

    Raises:
        DataError: There is no such run.
        PlanError: It is of a module or of data that only the person has, or a study;
            says how to eject each of its members.
    """
    folder = RunFolder.find(run, Path(runs))
    if folder.kind == "fit":
        raise PlanError(
            f"{folder.path}: was made by fit of your own module and data, of which "
            "Torchsmith does not have the code; your own code is the script already"
        )
    if folder.kind == "lesson":
        return LessonRun(folder.path)
    if folder.kind == "study":
        members = [folder.members / name for name in run_names(folder.members)]
        commands = [f"\n  {command('eject', path)}" for path in members]
        raise PlanError(
            f"{folder.path}: is a study, and each of its runs has a script of its own; "
            f"eject one of them:{''.join(commands)}"
        )
    return Run(folder.path)


def eject(
    run: Run | LessonRun,
    path: str | Path = "train.py",
    *,
    verify: bool = False,
    observer: Observer = QUIET,
) -> Ejected:
    """Write a run as one script of plain PyTorch.

    Args:
        run: The run; of a lesson, its program is the script.
        path: The file; one that ends in `.ipynb` becomes a notebook.
        verify: Run the script, and compare its weights and scores with the run's.
        observer: Is told what is going on, and each line that the script prints.

    Raises:
        DataError: The run's data is not there any more, or has changed.
        PlanError: The run cannot be written down in plain PyTorch.
        TrainError: The run has no weights yet, or the script failed.
    """
    if isinstance(run, LessonRun):
        return _eject_lesson(run, Path(path), observer, verify=verify)
    import_torch(observer)
    from torchsmith.eject.notebook import notebook_of
    from torchsmith.eject.script import script_of

    path = Path(path)
    subject = subject_of(run, observer)
    is_notebook = path.suffix == ".ipynb"
    write_atomic(path, notebook_of(subject) if is_notebook else script_of(subject))
    notes = tuple(_notes(run)) if verify else ()
    if not verify:
        return Ejected(path)
    for note in notes:
        observer.note(note)
    observer.stage(f"Running {path.name}")
    return Ejected(path, _verification(run, path, observer), notes)


def _eject_lesson(
    run: LessonRun, path: Path, observer: Observer, *, verify: bool
) -> Ejected:
    """Write the program of a lesson, with the settings of its run."""
    if path.suffix == ".ipynb":
        raise PlanError(f"{path}: a lesson is a script, not a notebook; end in .py")
    write_atomic(path, run.program)
    if not verify:
        return Ejected(path)
    import_torch(observer)
    from torchsmith.eject.lessons import verify_lesson

    observer.stage(f"Running {path.name}")
    return Ejected(path, verify_lesson(path, run.results, observer.line))


def obstacle(run: Run) -> DataError | None:
    """Return why no script can be written of a run, as far as its plan tells.

    What else may be in the way is found in the data when the script is written.
    """
    plan = run.plan
    if is_in_memory(plan):
        return DataError(
            f"{run.path}: learned from {plan.data.source} in memory, which a "
            "script cannot read (no file or folder is called so); save the data to a "
            "file, train on that, and eject that run"
        )
    return None


def subject_of(run: Run, observer: Observer = QUIET) -> "Subject":
    """Read the data of a run again, and return all that its script is written of."""
    from torchsmith.data.split import split_rows
    from torchsmith.eject.subject import Subject

    if what := obstacle(run):
        raise what
    model = run.model
    data = load_planned(run.plan, observer)
    return Subject(
        name=run.path.name,
        plan=run.plan,
        data=data,
        parts=split_rows(data, run.plan.split, run.plan.data.columns),
        preparation=model.preparation,
        network=model.network,
        device=_device(run),
        temperature=model.file.temperature,
        interval=model.file.interval,
        rounding=run.environment.get(VARIABLE, ""),
    )


def _device(run: Run) -> str:
    """Return where the run was trained, as far as its files tell."""
    asked = run.plan.training.device
    if asked != "auto":
        return asked
    return "cuda" if "gpu" in run.environment else "cpu"


def _verification(run: Run, path: Path, observer: Observer) -> "Verification":
    from torchsmith.eject.conformal import COVERAGE, HALF_WIDTH
    from torchsmith.eject.verify import verify

    evaluation = run.evaluation
    scores: dict[str, Score] = {str(k): s for k, s in evaluation.scores["test"].items()}
    for changed in evaluation.robustness:
        told = changed.change.removeprefix("{").removesuffix("}")
        scores |= {f"{name} under {told}": s for name, s in changed.scores.items()}
    if (found := evaluation.coverage) is not None:
        width = found.half_width
        # One that rounds differently is not held to the width.
        scores[HALF_WIDTH] = Score(value=width, low=-math.inf, high=math.inf)
        scores[COVERAGE] = found.found
    rounds_differently = run.plan.training.engine == "compiled"
    return verify(
        path,
        run.network.state_dict(),
        {name: score.value for name, score in scores.items()},
        observer.line,
        {name: (score.low, score.high) for name, score in scores.items()}
        if rounds_differently
        else None,
    )


def _notes(run: Run) -> list[str]:
    """Say why a script may end with other weights than the run."""
    with torch_threads(run.plan.training.threads):
        now = environment()
    notes = [
        f"the environment differs, so the weights may too: {line}"
        for line in differences(dict(run.environment), now)
        if not line.startswith("torchsmith:")
    ]
    if run.outcome.ending == "seconds":
        notes.append(
            f"the run was {run.outcome.stopped}; the script trains to the end, so its "
            "weights differ"
        )
    if _device(run) != "cpu":
        notes.append("the run was trained on a GPU, where the last bits may differ")
    return notes
