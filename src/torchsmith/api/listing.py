"""Many runs side by side: what `runs` and `compare` say of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from torchsmith.api.lessons import LessonRun
from torchsmith.api.run import Run, load_run
from torchsmith.api.studying import StudyRun
from torchsmith.core.errors import PlanError, TrainError
from torchsmith.core.run_folder import RunFolder, run_names

ROW = (
    *("name", "state", "task", "source", "metric"),
    *("score", "low", "high", "epochs", "seconds"),
)
"""What `runs` and `compare` say of a run."""


def runs(folder: str | Path = "runs") -> list[dict[str, object]]:
    """Return a row for each run in a folder but those of `fit`, the oldest first.

    A run whose files cannot be read has the state `damaged`, and hides no other.

    Args:
        folder: The folder of all runs.
    """
    names = run_names(Path(folder))
    found = [RunFolder(Path(folder) / name) for name in names]
    return [_row_or_damage(run) for run in found if run.kind != "fit"]


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
    runs: Sequence[str | Path], *, folder: str | Path = "runs"
) -> list[dict[str, object]]:
    """Return a row for each run: its name, state, score and more.

    Args:
        runs: Paths or names.
        folder: Where the names are looked for.

    Raises:
        DataError: There is no such run.
    """
    return [_row(load_run(run, runs=folder)) for run in runs]


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
        score = run.evaluation.scores["test"][run.plan.problem.metric]
        row |= {"score": score.value, "low": score.low, "high": score.high}
        row["seconds"] = run.outcome.seconds.get("total")
    except TrainError:
        row["state"] = "unfinished"
    return row


def _study_row(run: StudyRun) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(ROW) | {
        "name": run.path.name,
        "state": "done",
        "task": f"study of {len(run.study.variants)}",
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
