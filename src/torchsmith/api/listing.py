"""Many runs side by side: what `runs` and `compare` say of each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar, assert_never

from torchsmith.api.lessons import LessonRun
from torchsmith.api.opened import Opened
from torchsmith.api.run import Run, load_run
from torchsmith.api.studying import StudyRun
from torchsmith.core.errors import DataError, PlanError, TrainError
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.run_folder import RunFolder, run_names
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences
from torchsmith.recipes.study import members

AnyRun = Opened | str | Path
_Any = TypeVar("_Any")

ROW = (
    *("name", "state", "task", "source", "metric"),
    *("score", "low", "high", "epochs", "seconds"),
)
"""What `runs` and `compare` say of a run."""


def runs(
    folder: str | Path = "runs", *, observer: Observer = QUIET
) -> list[dict[str, object]]:
    """Return a row for each run in a folder but those of `fit`, the oldest first.

    A run whose files cannot be read has the state `damaged`, and hides no other.

    Args:
        folder: The folder of all runs.
        observer: Is told how many are read.
    """
    names = run_names(Path(folder))
    found = [RunFolder(Path(folder) / name) for name in names]
    listed = [run for run in found if run.kind != "fit"]
    return [_row_or_damage(run) for run in _told(listed, observer)]


def _told(found: Sequence[_Any], observer: Observer) -> Iterator[_Any]:
    """Give what is read one by one, and tell how far that is."""
    observer.stage("Reading the runs", len(found))
    for place, each in enumerate(found, 1):
        yield each
        observer.advance(place)


def _row_or_damage(folder: RunFolder) -> dict[str, object]:
    try:
        match folder.kind:
            case "plan" | "fit":
                return _row(Run(folder.path))
            case "study":
                return _study_row(StudyRun(folder.path))
            case "lesson":
                return _lesson_row(LessonRun(folder.path))
            case _:
                assert_never(folder.kind)
    except PlanError:
        return dict.fromkeys(ROW) | {"name": folder.name, "state": "damaged"}


def compare(
    runs: AnyRun | Sequence[AnyRun],
    *,
    folder: str | Path = "runs",
    observer: Observer = QUIET,
) -> list[dict[str, object]]:
    """Return a row for each run: its name, state, score, and what its plan has alone.

    Among several, what is there and cannot be compared, such as a lesson or a damaged
    run, is left out.

    Args:
        runs: Opened, or their paths or names; a study stands for all its runs.
        folder: Where the names are looked for.
        observer: Is told what is left out, and why.

    Returns:
        Rows as of `runs`. Under `plan` stand the settings in which the plans differ, by
        dotted path, as YAML; a run whose plan lacks one (`optimizer.SGD.momentum` of an
        Adam) lacks it there.

    Raises:
        DataError: There is no such run, or none of them can be compared.
        PlanError: Of the only run, the plan is damaged.
    """
    asked = [runs] if isinstance(runs, AnyRun) else runs
    paths = [run.path if isinstance(run, Opened) else run for run in asked]
    found = _comparable(paths, folder, observer)
    told = _different([run.plan for run in found])
    rows = [_row(run) | {"plan": own} for run, own in zip(found, told, strict=True)]
    if len({row["name"] for row in rows}) < len({run.path.resolve() for run in found}):
        # Members of several studies are called the same.
        rows = [
            row | {"name": str(run.path)} for row, run in zip(rows, found, strict=True)
        ]
    return rows


def _comparable(
    runs: Sequence[str | Path], folder: str | Path, observer: Observer
) -> list[Run]:
    found: list[Run] = []
    refused: list[DataError | PlanError] = []
    for run in _told(runs, observer):
        try:
            found += _runs_at(run, folder)
        except (DataError, PlanError) as error:
            if not any(path.exists() for path in (Path(run), Path(folder) / run)):
                raise
            refused.append(error)
    if refused and not found:
        raise refused[0]
    for reason in refused:
        observer.note(f"left out: {reason}")
    return found


def _runs_at(run: str | Path, runs: str | Path) -> list[Run]:
    """Return a run, or those of a study."""
    folder = RunFolder.find(run, Path(runs))
    if folder.kind == "study" and (found := StudyRun(folder.path).members):
        return found
    return [load_run(run, runs=runs)]


def _different(plans: Sequence[Plan]) -> list[dict[str, str]]:
    """Return, for each plan, the settings in which not all of them agree."""
    apart = [differences(plan, plans[0]) for plan in plans]
    of_first = {path: pair[1] for each in apart for path, pair in each.items()}
    told = []
    for each in apart:
        # Below what a plan has otherwise as a whole, it has nothing.
        own = {
            path: value
            for path, value in of_first.items()
            if not any(f"{path}.".startswith(f"{other}.") for other in each)
        }
        own |= {path: pair[0] for path, pair in each.items()}
        told.append({path: own[path] for path in sorted(of_first) if path in own})
    return told


def _row(run: Run) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(ROW) | {
        "name": run.path.name,
        "state": "done",
        "task": run.plan.problem.task,
        "source": run.plan.data.source,
        "metric": run.plan.problem.metric,
        "epochs": len(run.history),
    }
    try:
        # A metric that is not defined, as of a single class, has no score.
        if score := run.evaluation.scores["test"].get(run.plan.problem.metric):
            row |= {"score": score.value, "low": score.low, "high": score.high}
        row["seconds"] = run.outcome.seconds.get("total")
    except TrainError:
        row["state"] = "unfinished"
    return row


def _study_row(run: StudyRun) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(ROW) | {
        "name": run.path.name,
        "state": "done",
        "task": f"study of {len(members(run.study))}",
        "source": run.study.base.data.source,
        "metric": run.study.base.problem.metric,
    }
    try:
        row["seconds"] = run.results.seconds
    except TrainError:
        row["state"] = "unfinished"
    return row


def _lesson_row(run: LessonRun) -> dict[str, object]:
    return dict.fromkeys(ROW) | {
        "name": run.path.name,
        "state": "done",
        "task": "lesson",
        "source": run.record.lesson,
        "seconds": run.record.seconds,
    }
